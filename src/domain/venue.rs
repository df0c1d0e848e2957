//! What a few venues do with an account beside single orders.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::instrument::Instrument;
use super::money::{Quantity, canonical, decimal_text};
use super::order::Side;

/// Something that the venue itself carries out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum VenueAction {
    /// One order in slices over a time, kept by the venue (time-weighted average price).
    Twap {
        /// Of what.
        instrument: Instrument,
        /// Buys or sells.
        side: Side,
        /// Units in all, positive.
        quantity: Quantity,
        /// Over so many minutes.
        minutes: u32,
        /// At random times within it.
        randomize: bool,
        /// Never opens or flips a position.
        reduce_only: bool,
    },
    /// Ends one.
    CancelTwap {
        /// Of what.
        instrument: Instrument,
        /// The venue's number of it.
        twap: u64,
    },
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
}

impl VenueAction {
    /// Could more be at stake after it than before.
    #[must_use]
    pub const fn adds_risk(&self) -> bool {
        match self {
            Self::Twap { reduce_only, .. } => !*reduce_only,
            Self::Leverage { .. } | Self::IsolatedMargin { .. } => true,
            Self::CancelTwap { .. } | Self::ScheduleCancel { .. } => false,
        }
    }

    /// What it is about, if it is about one thing.
    #[must_use]
    pub const fn instrument(&self) -> Option<&Instrument> {
        match self {
            Self::Twap { instrument, .. }
            | Self::CancelTwap { instrument, .. }
            | Self::Leverage { instrument, .. }
            | Self::IsolatedMargin { instrument, .. } => Some(instrument),
            Self::ScheduleCancel { .. } => None,
        }
    }
}

impl fmt::Display for VenueAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twap { instrument, side, quantity, minutes, reduce_only, .. } => {
                let only = if *reduce_only { ", reduce only" } else { "" };
                write!(f, "{} {quantity} {instrument} over {minutes} minutes{only}", side.as_str())
            }
            Self::CancelTwap { instrument, twap } => write!(f, "cancel the slices {twap} of {instrument}"),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_said_and_written() {
        let instrument = || Instrument::from_key("ETH-PERP").unwrap();
        let twap = VenueAction::Twap {
            instrument: instrument(),
            side: Side::Buy,
            quantity: "1.5".parse().unwrap(),
            minutes: 30,
            randomize: true,
            reduce_only: false,
        };
        for (action, words, adds) in [
            (twap, "buy 1.5 ETH-PERP over 30 minutes", true),
            (
                VenueAction::CancelTwap { instrument: instrument(), twap: 7 },
                "cancel the slices 7 of ETH-PERP",
                false,
            ),
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
        ] {
            assert_eq!((action.to_string().as_str(), action.adds_risk()), (words, adds));
            let json = serde_json::to_string(&action).unwrap();
            assert_eq!(serde_json::from_str::<VenueAction>(&json).unwrap(), action);
        }
    }
}
