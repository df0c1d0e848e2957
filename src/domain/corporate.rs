//! Corporate actions.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ids::AccountId;
use super::instrument::{Instrument, Symbol};
use super::money::Price;
use super::option::OptionContract;
use super::text::clean;

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

impl fmt::Display for CorporateAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = &self.instrument;
        match &self.kind {
            CorporateActionKind::Split { numerator, denominator } => {
                write!(f, "{of} is split {numerator} for {denominator}")
            }
            CorporateActionKind::Dividend { amount } => write!(f, "{of} pays {amount} a share"),
            CorporateActionKind::SpecialDividend { amount } => {
                write!(f, "{of} pays {amount} a share out of the ordinary")
            }
            CorporateActionKind::SymbolChange { to } => write!(f, "{of} trades as {to} from now on"),
            CorporateActionKind::CashMerger { amount } => write!(f, "{of} is bought for {amount} a share"),
            CorporateActionKind::Other { text } => write!(f, "{of}: {}", clean(text)),
        }
    }
}

/// An account's broker says that a corporate action has taken effect there. What it moves comes after it, as executions and cash of its own.
/// Each is reported once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorporateReport {
    /// Whose account.
    pub account: AccountId,
    /// When it took effect.
    pub at: Timestamp,
    /// What it is.
    pub action: CorporateAction,
}

/// An instrument by its new symbol, where it is these shares or an option on them. The digit of an adjusted root stays: it says what the
/// contract delivers.
#[must_use]
pub fn renamed(instrument: &Instrument, old: &Instrument, to: &Symbol) -> Option<Instrument> {
    if instrument == old {
        return Some(Instrument::Equity { symbol: to.clone() });
    }
    let contract = instrument.as_option().filter(|_| instrument.price_driver() == *old)?;
    Some(Instrument::Option(renamed_contract(contract, to)))
}

/// A contract on shares that trade under another symbol now.
#[must_use]
pub fn renamed_contract(contract: &OptionContract, to: &Symbol) -> OptionContract {
    let digits = contract.root.as_ref().map(|root| {
        let name = root.as_str().trim_end_matches(|c: char| c.is_ascii_digit());
        &root.as_str()[name.len()..]
    });
    let root = digits
        .filter(|digits| !digits.is_empty())
        .and_then(|digits| Symbol::new(&format!("{to}{digits}")).ok());
    OptionContract { underlying: to.clone(), root, ..contract.clone() }
}
