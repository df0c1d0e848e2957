//! Alerts: what a trader wants to be told of, and when a quote says that it is so. They are kept and looked at by the engine, so that they
//! ring with no screen open.

use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::instrument::Instrument;
use super::money::{Price, decimal_text};
use super::quote::Quote;

/// Alerts kept at one time, those that have rung among them.
pub const ALERTS_MAX: usize = 200;

/// The number of an alert, unique in the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub u64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When an alert rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertWhen {
    /// Price rises to the value.
    Above,
    /// Price falls to the value.
    Below,
    /// The day's change reaches the value in per cent, either way when positive, downward when negative.
    ChangePercent,
}

/// One alert. It rings once; then it stays, with the time, until it is taken off or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its number.
    pub id: AlertId,
    /// Of this.
    pub instrument: Instrument,
    /// Which way.
    pub when: AlertWhen,
    /// A price per unit, or per cent of the day.
    #[serde(with = "decimal_text")]
    pub value: Decimal,
    /// When it was set, or changed last.
    pub created_at: Timestamp,
    /// When it rang; absent while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<Timestamp>,
    /// The price at which it rang.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_price: Option<Price>,
}

impl Alert {
    /// Does it wait.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.fired_at.is_none()
    }

    /// Is it so by this quote. Without a trade the middle counts.
    #[must_use]
    pub fn is_reached(&self, quote: &Quote) -> bool {
        is_reached(self.when, self.value, quote)
    }

    /// Of what it is and when it rang, without a figure: for whoever may not see the account.
    #[must_use]
    pub fn veiled(&self) -> Self {
        Self { value: Decimal::ZERO, fired_price: None, ..self.clone() }
    }

    /// As its owner reads it: `AAPL above 260`.
    #[must_use]
    pub fn words(&self) -> String {
        words(&self.instrument, self.when, self.value)
    }
}

/// Is a condition so by this quote.
#[must_use]
pub fn is_reached(when: AlertWhen, value: Decimal, quote: &Quote) -> bool {
    let price = quote.last.or_else(|| quote.mid()).map(Price::get);
    match when {
        AlertWhen::Above => price.is_some_and(|price| price >= value),
        AlertWhen::Below => price.is_some_and(|price| price <= value),
        AlertWhen::ChangePercent => quote.change_percent().is_some_and(|change| {
            if value.is_sign_negative() { change <= value } else { change.abs() >= value }
        }),
    }
}

/// A condition in words: `AAPL above 260`, `TSLA down 3% on the day`.
#[must_use]
pub fn words(instrument: &Instrument, when: AlertWhen, value: Decimal) -> String {
    let number = value.normalize();
    match when {
        AlertWhen::Above => format!("{instrument} above {number}"),
        AlertWhen::Below => format!("{instrument} below {number}"),
        AlertWhen::ChangePercent if value.is_sign_negative() => {
            format!("{instrument} down {}% on the day", -number)
        }
        AlertWhen::ChangePercent => format!("{instrument} moved {number}% on the day"),
    }
}

/// What is done with alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum AlertChange {
    /// A new one.
    Set {
        /// Of this.
        instrument: Instrument,
        /// Which way.
        when: AlertWhen,
        /// Price or per cent.
        #[serde(with = "decimal_text")]
        value: Decimal,
    },
    /// Another condition; it waits again.
    Edit {
        /// Which alert.
        id: AlertId,
        /// Which way.
        when: AlertWhen,
        /// Price or per cent.
        #[serde(with = "decimal_text")]
        value: Decimal,
    },
    /// Take one off.
    Remove {
        /// Which alert.
        id: AlertId,
    },
    /// Take off all that have rung.
    Clear,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::quote::Feed;

    fn quote(last: &str, close: &str) -> Quote {
        let instrument = Instrument::equity("AAPL").unwrap();
        let mut quote = Quote::empty(instrument, Timestamp::UNIX_EPOCH, Feed::Simulated);
        quote.last = Some(last.parse().unwrap());
        quote.previous_close = Some(close.parse().unwrap());
        quote
    }

    #[test]
    fn a_condition_is_so_from_its_value_on() {
        let d = |text: &str| text.parse::<Decimal>().unwrap();
        for (when, value, last, expected) in [
            (AlertWhen::Above, "100", "99.99", false),
            (AlertWhen::Above, "100", "100", true),
            (AlertWhen::Below, "100", "100", true),
            (AlertWhen::Below, "100", "100.01", false),
            (AlertWhen::ChangePercent, "3", "102.99", false),
            (AlertWhen::ChangePercent, "3", "103", true),
            (AlertWhen::ChangePercent, "3", "97", true),
            (AlertWhen::ChangePercent, "-3", "103", false),
            (AlertWhen::ChangePercent, "-3", "97", true),
        ] {
            assert_eq!(
                is_reached(when, d(value), &quote(last, "100")),
                expected,
                "{when:?} {value} at {last}"
            );
        }
        let mut only_sides = quote("100", "100");
        only_sides.last = None;
        assert!(!is_reached(AlertWhen::Above, d("1"), &only_sides), "nothing is known of its price");
        (only_sides.bid, only_sides.ask) = (Some(Price::from(99)), Some(Price::from(101)));
        assert!(is_reached(AlertWhen::Above, d("100"), &only_sides));
    }

    #[test]
    fn conditions_read_as_they_were_meant() {
        let aapl = Instrument::equity("AAPL").unwrap();
        let of = |when, value: &str| words(&aapl, when, value.parse().unwrap());
        assert_eq!(of(AlertWhen::Above, "260.0"), "AAPL above 260");
        assert_eq!(of(AlertWhen::Below, "1.5"), "AAPL below 1.5");
        assert_eq!(of(AlertWhen::ChangePercent, "-3"), "AAPL down 3% on the day");
        assert_eq!(of(AlertWhen::ChangePercent, "3"), "AAPL moved 3% on the day");
    }
}
