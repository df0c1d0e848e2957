//! Quotes and bars.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::instrument::Instrument;
use super::money::{Price, Quantity, decimal_text};

/// Where prices come from (IBKR's market data types, and our own).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// A live stream.
    RealTime,
    /// A live stream, some minutes behind.
    Delayed,
    /// The last values of a closed market.
    Frozen,
    /// Our seeded simulation.
    Simulated,
    /// Recorded bars on their own clock.
    Replayed,
}

/// What movers are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoverOrder {
    /// Largest rise first.
    Gainers,
    /// Largest fall first.
    Losers,
    /// Most traded first, by units or by money as the source counts.
    Active,
}

/// The newest prices of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Of what.
    pub instrument: Instrument,
    /// Best bid; absent when nobody bids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<Price>,
    /// Units bid for.
    pub bid_size: Quantity,
    /// Best ask; absent when nobody offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Price>,
    /// Units offered.
    pub ask_size: Quantity,
    /// Last trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Price>,
    /// Units of the last trade.
    pub last_size: Quantity,
    /// Close of the session before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_close: Option<Price>,
    /// First price of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Price>,
    /// Highest of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Price>,
    /// Lowest of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Price>,
    /// Last price of the regular session, outside of it: what pre- and post-market prices are measured by. Absent within.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regular_close: Option<Price>,
    /// Units traded in the session.
    pub volume: Quantity,
    /// When these prices held.
    pub as_of: Timestamp,
    /// Where they come from.
    pub feed: Feed,
    /// Trading is halted: by a limit band, for news, or by a regulator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub halted: bool,
}

impl Quote {
    /// A quote without any price.
    #[must_use]
    pub const fn empty(instrument: Instrument, as_of: Timestamp, feed: Feed) -> Self {
        Self {
            instrument,
            bid: None,
            bid_size: Quantity::ZERO,
            ask: None,
            ask_size: Quantity::ZERO,
            last: None,
            last_size: Quantity::ZERO,
            previous_close: None,
            open: None,
            high: None,
            low: None,
            regular_close: None,
            volume: Quantity::ZERO,
            as_of,
            feed,
            halted: false,
        }
    }

    /// A bar's close stands for both sides and the last price until the next bar.
    pub const fn close_at(&mut self, close: Price, as_of: Timestamp) {
        self.bid = Some(close);
        self.ask = Some(close);
        self.last = Some(close);
        self.as_of = as_of;
    }

    /// Middle of bid and ask; absent when one side is.
    #[must_use]
    pub fn mid(&self) -> Option<Price> {
        let (bid, ask) = (self.bid?, self.ask?);
        // As on bars, whose close stands for both.
        if bid == ask {
            return Some(bid);
        }
        Some(Price::new((bid.get() + ask.get()) / Decimal::TWO))
    }

    /// Ask minus bid; negative when crossed, absent when one side is.
    #[must_use]
    pub fn spread(&self) -> Option<Price> {
        Some(self.ask? - self.bid?)
    }

    /// What positions are valued at: the middle while the spread is at most 1 % (options 15 %), else the last trade, else the middle.
    #[must_use]
    pub fn mark(&self) -> Option<Price> {
        if self.bid.is_some() && self.bid == self.ask {
            return self.bid;
        }
        let per_cent_max = if self.instrument.as_option().is_some() { 15 } else { 1 };
        match (self.mid(), self.spread()) {
            (Some(mid), Some(spread))
                if !spread.is_negative()
                    && spread.get() * Decimal::ONE_HUNDRED
                        <= mid.get().abs() * Decimal::from(per_cent_max) =>
            {
                Some(mid)
            }
            (mid, _) => self.last.or(mid),
        }
    }

    /// Change of the last price since the regular session's end, in per cent; absent within the session.
    #[must_use]
    pub fn extended_percent(&self) -> Option<Decimal> {
        let close = self.regular_close?.get();
        let last = self.last.or_else(|| self.mid())?.get();
        (!close.is_zero()).then(|| (last - close) / close * Decimal::ONE_HUNDRED)
    }

    /// Change of the last price since the close before, per unit.
    #[must_use]
    pub fn change(&self) -> Option<Price> {
        Some(self.last.or_else(|| self.mid())? - self.previous_close?)
    }

    /// The same in per cent; absent when the close before is zero.
    #[must_use]
    pub fn change_percent(&self) -> Option<Decimal> {
        let close = self.previous_close?.get();
        (!close.is_zero()).then(|| self.change().map(|c| c.get() / close * Decimal::ONE_HUNDRED)).flatten()
    }
}

/// Width of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Interval {
    /// One minute.
    #[serde(rename = "1m")]
    Minute1,
    /// Five minutes.
    #[serde(rename = "5m")]
    Minute5,
    /// A quarter of an hour.
    #[serde(rename = "15m")]
    Minute15,
    /// One hour.
    #[serde(rename = "1h")]
    Hour1,
    /// One session.
    #[serde(rename = "1d")]
    Day1,
    /// One week, Monday to Friday.
    #[serde(rename = "1w")]
    Week1,
}

impl Interval {
    /// Every interval, rising.
    pub const ALL: [Self; 6] =
        [Self::Minute1, Self::Minute5, Self::Minute15, Self::Hour1, Self::Day1, Self::Week1];

    /// `1m` to `1w`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute1 => "1m",
            Self::Minute5 => "5m",
            Self::Minute15 => "15m",
            Self::Hour1 => "1h",
            Self::Day1 => "1d",
            Self::Week1 => "1w",
        }
    }

    /// Its length in seconds; calendar length for days and weeks.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute1 => 60,
            Self::Minute5 => 300,
            Self::Minute15 => 900,
            Self::Hour1 => 3_600,
            Self::Day1 => 86_400,
            Self::Week1 => 604_800,
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an interval (1m, 5m, 15m, 1h, 1d or 1w)")]
pub struct IntervalError {
    /// The text as given.
    pub text: String,
}

impl FromStr for Interval {
    type Err = IntervalError;
    fn from_str(text: &str) -> Result<Self, IntervalError> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text).ok_or_else(|| IntervalError {
            text: text.chars().take(16).flat_map(char::escape_default).collect(),
        })
    }
}

/// Prices of one interval. Stamped with its start; complete bars never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// First instant of the interval. A daily bar: the session's open.
    pub start: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Units traded.
    #[serde(with = "decimal_text")]
    pub volume: Decimal,
}

impl Bar {
    /// Is it a bar at all: positive prices, high and low around open and close, volume not negative.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.low.is_positive()
            && self.high >= self.open.max(self.close)
            && self.low <= self.open.min(self.close)
            && self.volume >= Decimal::ZERO
    }
}
