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
    /// Every contract of a held option that no working order holds back is exercised, now.
    Exercise {
        /// The option.
        instrument: Instrument,
    },
    /// Contracts of a held option end without exercise on their last day, whatever they are worth.
    DoNotExercise {
        /// The option.
        instrument: Instrument,
    },
    /// Tells the account's settings at the venue. Nothing is changed.
    Settings,
    /// Changes one of them.
    Set {
        /// The setting, by the venue's own name of it, such as `no_shorting`.
        setting: String,
        /// What it is to be, as the venue writes it, such as `true`.
        value: String,
    },
}

/// Settings that, being so, only take away from what an account may do.
const TIGHTENING: [(&str, &str); 6] = [
    ("suspend_trade", "true"),
    ("no_shorting", "true"),
    ("disable_overnight_trading", "true"),
    ("ptp_no_exception_entry", "false"),
    ("fractional_trading", "false"),
    ("max_margin_multiplier", "1"),
];
/// Settings that nothing at stake depends on.
const HARMLESS: [&str; 1] = ["trade_confirm_email"];

/// A setting of an account at its venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueSetting {
    /// The venue's own name of it, such as `no_shorting`.
    pub setting: String,
    /// What it is, as the venue writes it; absent where it is nothing.
    pub value: Option<String>,
    /// What it can be set to, such as `true or false`; empty where it cannot be set from here.
    pub allowed: String,
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
    /// The account's settings, in the venue's order.
    Settings(Vec<VenueSetting>),
}

impl VenueAction {
    /// Is anything other after it than before.
    #[must_use]
    pub const fn changes(&self) -> bool {
        !matches!(self, Self::DepositAddresses { .. } | Self::Settings)
    }

    /// Could more be at stake after it than before.
    #[must_use]
    pub fn adds_risk(&self) -> bool {
        match self {
            // What is exercised becomes a position in what it is on.
            Self::Leverage { .. } | Self::IsolatedMargin { .. } | Self::Exercise { .. } => true,
            Self::Set { setting, value } => {
                let (setting, value) = (setting.as_str(), value.as_str());
                !TIGHTENING.contains(&(setting, value)) && !HARMLESS.contains(&setting)
            }
            Self::ScheduleCancel { .. }
            | Self::ReserveRequests { .. }
            | Self::DepositAddresses { .. }
            | Self::NewDepositAddress { .. }
            | Self::DoNotExercise { .. }
            | Self::Settings => false,
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
            Self::Leverage { instrument, .. }
            | Self::IsolatedMargin { instrument, .. }
            | Self::Exercise { instrument }
            | Self::DoNotExercise { instrument } => Some(instrument),
            Self::ScheduleCancel { .. }
            | Self::ReserveRequests { .. }
            | Self::DepositAddresses { .. }
            | Self::NewDepositAddress { .. }
            | Self::Settings
            | Self::Set { .. } => None,
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
            Self::Exercise { instrument } => write!(f, "exercise every free contract of {instrument}"),
            Self::DoNotExercise { instrument } => write!(f, "let {instrument} end without exercise"),
            Self::Settings => write!(f, "settings"),
            Self::Set { setting, value } => write!(f, "set {setting} to {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_said_and_written() {
        let instrument = || Instrument::from_key("ETH-PERP").unwrap();
        let option = || Instrument::from_key("AAPL  270115C00190000").unwrap();
        let set =
            |setting: &str, value: &str| VenueAction::Set { setting: setting.into(), value: value.into() };
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
            (
                VenueAction::Exercise { instrument: option() },
                "exercise every free contract of AAPL 15Jan27 190C",
                true,
            ),
            (
                VenueAction::DoNotExercise { instrument: option() },
                "let AAPL 15Jan27 190C end without exercise",
                false,
            ),
            (VenueAction::Settings, "settings", false),
            (set("no_shorting", "true"), "set no_shorting to true", false),
            (set("no_shorting", "false"), "set no_shorting to false", true),
            (set("max_margin_multiplier", "4"), "set max_margin_multiplier to 4", true),
            (set("trade_confirm_email", "none"), "set trade_confirm_email to none", false),
            (set("suspend_trade", "false"), "set suspend_trade to false", true),
            (set("a_new_one", "true"), "set a_new_one to true", true),
        ] {
            assert_eq!((action.to_string().as_str(), action.adds_risk()), (words, adds));
            let json = serde_json::to_string(&action).unwrap();
            assert_eq!(serde_json::from_str::<VenueAction>(&json).unwrap(), action);
            let asks = matches!(action, VenueAction::DepositAddresses { .. } | VenueAction::Settings);
            assert_eq!(action.changes(), !asks);
            assert_eq!(action.costs(), matches!(action, VenueAction::ReserveRequests { .. }));
        }
    }
}
