//! What moves in an account without an order: dividends, splits, symbol changes, mergers, fees, interest, transfers. A broker books them by
//! itself and lists them under ids of its own.

use serde::{Deserialize, Serialize};

use super::corporate::CorporateAction;
use super::execution::{CashEntry, Execution};
use super::ids::ExecutionId;
use super::instrument::Instrument;
use super::money::Quantity;

/// How ids of entries begin that bring our cash to what a broker shows, whatever made the difference.
pub const BALANCE_ID: &str = "balance-";

/// One of them, as a broker lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Its cash, under the id by which all of it counts once. The amount is zero where units alone moved.
    pub cash: CashEntry,
    /// What a company did, where it comes of that: told before what it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<CorporateAction>,
    /// Units that it moved, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<Moved>,
}

/// Units that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// They came or went.
    Units(Execution),
    /// They became units of something else, at what they had cost: neither a gain nor a loss.
    Exchanged {
        /// The id of the two executions that it comes to, but for their ends.
        id: ExecutionId,
        /// What it was.
        from: Instrument,
        /// How many of them, positive, long or short.
        quantity: Quantity,
        /// What it is now.
        into: Instrument,
        /// How many of those, positive.
        into_quantity: Quantity,
    },
}
