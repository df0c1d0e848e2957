//! What stands behind the best prices, and what was traded: market depth and the tape of one instrument.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::instrument::Instrument;
use super::money::{Price, Quantity};

/// Levels of one side that are kept.
pub const LEVELS_MAX: usize = 20;
/// Trades of one instrument that are kept.
pub const PRINTS_MAX: usize = 200;

/// Units at one price of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthLevel {
    /// The price per unit.
    pub price: Price,
    /// Units displayed there, positive.
    pub size: Quantity,
}

/// Who came to whom in a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggressor {
    /// A buyer took the ask.
    Buyer,
    /// A seller took the bid.
    Seller,
    /// In between, or the source does not say.
    Unknown,
}

/// One trade of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    /// When.
    pub at: Timestamp,
    /// The price per unit.
    pub price: Price,
    /// Units, positive.
    pub size: Quantity,
    /// Who came to whom.
    pub aggressor: Aggressor,
}

/// Depth and tape of one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketBook {
    /// Of what.
    pub instrument: Instrument,
    /// When the depth held.
    pub as_of: Timestamp,
    /// Best first, falling; at most [`LEVELS_MAX`].
    pub bids: Vec<DepthLevel>,
    /// Best first, rising; at most [`LEVELS_MAX`].
    pub asks: Vec<DepthLevel>,
    /// Newest first; at most [`PRINTS_MAX`].
    pub prints: Vec<Print>,
}

impl MarketBook {
    /// A book that nothing is known of yet.
    #[must_use]
    pub const fn empty(instrument: Instrument, as_of: Timestamp) -> Self {
        Self { instrument, as_of, bids: Vec::new(), asks: Vec::new(), prints: Vec::new() }
    }
}
