//! Corporate actions.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::instrument::{Instrument, Symbol};
use super::money::Price;

/// What a company did to its shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum CorporateActionKind {
    /// `numerator` new shares for `denominator` old ones.
    Split {
        /// New shares.
        numerator: u32,
        /// Old shares.
        denominator: u32,
    },
    /// Cash per share.
    Dividend {
        /// Positive, in the share's currency.
        amount: Price,
    },
    /// Cash per share out of the ordinary: strikes of options are lowered by it.
    SpecialDividend {
        /// Positive, in the share's currency.
        amount: Price,
    },
    /// The shares trade under another symbol.
    SymbolChange {
        /// The new one.
        to: Symbol,
    },
    /// The shares are bought for cash.
    CashMerger {
        /// Per share, in its currency.
        amount: Price,
    },
    /// Anything else: it wants a decision of the holder.
    Other {
        /// What it is, in the company's words.
        text: String,
    },
}

/// A corporate action, effective before the first trade of its ex-date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorporateAction {
    /// Whose shares.
    pub instrument: Instrument,
    /// First day on which a share trades without it.
    pub ex_date: Date,
    /// When the money comes; the ex-date where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_date: Option<Date>,
    /// What it is.
    #[serde(flatten)]
    pub kind: CorporateActionKind,
}
