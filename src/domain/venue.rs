//! What a few venues do with an account beside single orders.

use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::instrument::Instrument;
use super::money::{canonical, decimal_text};

/// Something that the venue itself carries out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum VenueAction {
    /// Every order of the account is canceled then, unless the venue is told another time before; absent takes that back.
    ScheduleCancel {
        /// Seconds from now.
        after_seconds: Option<u32>,
    },
    /// Leverage of an instrument.
    Leverage {
        /// Of what.
        instrument: Instrument,
        /// Times.
        leverage: u32,
        /// Margin shared with other positions, or the position's own.
        cross: bool,
    },
    /// Margin of a position that has its own: more (positive) or less.
    IsolatedMargin {
        /// Of what.
        instrument: Instrument,
        /// In the venue's currency.
        #[serde(with = "decimal_text")]
        amount: Decimal,
    },
    /// Buys requests beyond what the account's address may send: each costs a part of a cent.
    ReserveRequests {
        /// How many.
        requests: u32,
    },
    /// Tells where coins can be sent to. Nothing is made.
    DepositAddresses {
        /// Of one currency, such as `BTC`; absent means of all.
        currency: Option<String>,
    },
    /// Makes one more address that coins of a currency can be sent to.
    NewDepositAddress {
        /// The currency, such as `BTC`.
        currency: String,
    },
}

/// An address that coins of one currency can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositAddress {
    /// The currency, such as `BTC`.
    pub currency: String,
    /// The network that it is of. Coins sent by another network are lost.
    pub network: String,
    /// The address itself.
    pub address: String,
    /// What has to be named with a transfer, where there is one (XRP, XLM, ...): without it the coins are lost.
    pub destination_tag: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// What a venue says of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VenueAnswer {
    /// It is done; what came of it, in a few words.
    Done(String),
    /// Where coins can be sent to, by currency.
    Addresses(Vec<DepositAddress>),
}

impl VenueAction {
    /// Is anything other after it than before.
    #[must_use]
    pub const fn changes(&self) -> bool {
        !matches!(self, Self::DepositAddresses { .. })
    }

    /// Could more be at stake after it than before.
    #[must_use]
    pub const fn adds_risk(&self) -> bool {
        match self {
            Self::Leverage { .. } | Self::IsolatedMargin { .. } => true,
            Self::ScheduleCancel { .. }
            | Self::ReserveRequests { .. }
            | Self::DepositAddresses { .. }
            | Self::NewDepositAddress { .. } => false,
        }
    }

    /// Does it take money out of the account.
    #[must_use]
    pub const fn costs(&self) -> bool {
        matches!(self, Self::ReserveRequests { .. })
    }

    /// What it is about, if it is about one thing.
    #[must_use]
    pub const fn instrument(&self) -> Option<&Instrument> {
        match self {
            Self::Leverage { instrument, .. } | Self::IsolatedMargin { instrument, .. } => Some(instrument),
            Self::ScheduleCancel { .. }
            | Self::ReserveRequests { .. }
            | Self::DepositAddresses { .. }
            | Self::NewDepositAddress { .. } => None,
        }
    }
}

impl fmt::Display for VenueAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ScheduleCancel { after_seconds: Some(seconds) } => {
                write!(f, "cancel every order in {seconds} s")
            }
            Self::ScheduleCancel { after_seconds: None } => write!(f, "take the scheduled cancel back"),
            Self::Leverage { instrument, leverage, cross } => {
                let margin = if *cross { "shared" } else { "isolated" };
                write!(f, "leverage {leverage} of {instrument}, {margin} margin")
            }
            Self::IsolatedMargin { instrument, amount } => {
                write!(f, "margin of {instrument} by {}", canonical(*amount))
            }
            Self::ReserveRequests { requests } => write!(f, "buy {requests} requests"),
            Self::DepositAddresses { currency: Some(currency) } => {
                write!(f, "deposit addresses of {currency}")
            }
            Self::DepositAddresses { currency: None } => write!(f, "deposit addresses"),
            Self::NewDepositAddress { currency } => write!(f, "a new deposit address of {currency}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_said_and_written() {
        let instrument = || Instrument::from_key("ETH-PERP").unwrap();
        for (action, words, adds) in [
            (VenueAction::ScheduleCancel { after_seconds: Some(60) }, "cancel every order in 60 s", false),
            (VenueAction::ScheduleCancel { after_seconds: None }, "take the scheduled cancel back", false),
            (
                VenueAction::Leverage { instrument: instrument(), leverage: 5, cross: false },
                "leverage 5 of ETH-PERP, isolated margin",
                true,
            ),
            (
                VenueAction::IsolatedMargin { instrument: instrument(), amount: Decimal::new(-25, 1) },
                "margin of ETH-PERP by -2.5",
                true,
            ),
            (VenueAction::ReserveRequests { requests: 500 }, "buy 500 requests", false),
            (VenueAction::DepositAddresses { currency: None }, "deposit addresses", false),
            (
                VenueAction::DepositAddresses { currency: Some("XRP".to_owned()) },
                "deposit addresses of XRP",
                false,
            ),
            (
                VenueAction::NewDepositAddress { currency: "BTC".to_owned() },
                "a new deposit address of BTC",
                false,
            ),
        ] {
            assert_eq!((action.to_string().as_str(), action.adds_risk()), (words, adds));
            let json = serde_json::to_string(&action).unwrap();
            assert_eq!(serde_json::from_str::<VenueAction>(&json).unwrap(), action);
            assert_eq!(action.changes(), !matches!(action, VenueAction::DepositAddresses { .. }));
            assert_eq!(action.costs(), matches!(action, VenueAction::ReserveRequests { .. }));
        }
    }
}
