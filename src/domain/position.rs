//! Positions and lots.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::AccountId;
use super::instrument::Instrument;
use super::money::{Currency, Price, Quantity, decimal_text, decimal_text_option};

/// Units acquired at one time: the tax view of a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Units left, signed: negative for a short lot.
    pub quantity: Quantity,
    /// Cost (or proceeds, for a short lot) per unit, before the multiplier, without fees.
    pub price: Price,
    /// Opening fees of the units left, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
}

/// The net holding of one instrument in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The account.
    pub account: AccountId,
    /// What.
    pub instrument: Instrument,
    /// Units, signed: negative when short. Never zero in a list of positions.
    pub quantity: Quantity,
    /// Average cost per unit, before the multiplier, without fees.
    pub average_price: Price,
    /// Units of the underlying per unit held.
    #[serde(with = "decimal_text")]
    pub multiplier: Decimal,
    /// Currency of the prices.
    pub currency: Currency,
    /// Price it is valued at now, and so its market value; absent without a quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Price>,
    /// `quantity x mark x multiplier`, signed.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub market_value: Option<Decimal>,
    /// Gain (positive) or loss if closed at the mark, without fees.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub unrealized_pnl: Option<Decimal>,
    /// Gain or loss of what was closed, opening and closing fees taken off.
    #[serde(with = "decimal_text")]
    pub realized_pnl: Decimal,
    /// Gain or loss since the account day began, fees taken off; absent without a quote.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub day_pnl: Option<Decimal>,
}
