//! How an order trades: side, type with its prices, time in force, session.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::instrument::AssetClass;
use crate::domain::money::{Price, decimal_text};

/// What is done (FIX Side, tag 54).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Buy.
    Buy,
    /// Sell what is held.
    Sell,
    /// Sell what is borrowed.
    SellShort,
    /// Buy back what was borrowed.
    BuyToCover,
}

impl Side {
    /// True for the sides that add units.
    #[must_use]
    pub const fn is_buy(self) -> bool {
        matches!(self, Self::Buy | Self::BuyToCover)
    }

    /// The side that closes a position, long or short. Only shares are borrowed, so that only they are bought to cover.
    #[must_use]
    pub const fn closing(long: bool, class: AssetClass) -> Self {
        match (long, class) {
            (true, _) => Self::Sell,
            (false, AssetClass::Equity) => Self::BuyToCover,
            (false, _) => Self::Buy,
        }
    }

    /// +1 for buys, -1 for sells.
    #[must_use]
    pub fn sign(self) -> Decimal {
        if self.is_buy() { Decimal::ONE } else { Decimal::NEGATIVE_ONE }
    }

    /// Snake-case word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::SellShort => "sell_short",
            Self::BuyToCover => "buy_to_cover",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Does the order open or close (FIX PositionEffect, tag 77).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionEffect {
    /// Adds to or starts a position.
    Open,
    /// Reduces or ends one.
    Close,
}

/// The order types (FIX OrdType, tag 40, and TargetStrategy, tag 847), without their prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// At the market.
    Market,
    /// At a price or better.
    Limit,
    /// Market once the stop price trades.
    Stop,
    /// Limit once the stop price trades.
    StopLimit,
    /// A stop that follows the market.
    TrailingStop,
    /// In slices over a time, kept by the venue: the time-weighted average price.
    Twap,
    /// At a limit or by a stop, whichever price comes first, kept by the venue as one order.
    Oco,
}

impl OrderType {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Market, Self::Limit, Self::Stop, Self::StopLimit, Self::TrailingStop, Self::Twap, Self::Oco];

    /// Snake-case word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Limit => "limit",
            Self::Stop => "stop",
            Self::StopLimit => "stop_limit",
            Self::TrailingStop => "trailing_stop",
            Self::Twap => "twap",
            Self::Oco => "oco",
        }
    }

    /// What order tables show: `MKT`, `LMT`, `STP`, `STP LMT`, `TRAIL`, `TWAP`, `OCO`.
    #[must_use]
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::Market => "MKT",
            Self::Limit => "LMT",
            Self::Stop => "STP",
            Self::StopLimit => "STP LMT",
            Self::TrailingStop => "TRAIL",
            Self::Twap => "TWAP",
            Self::Oco => "OCO",
        }
    }
}

impl fmt::Display for OrderType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How far a trailing stop follows the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trail {
    /// By an amount per unit, positive.
    #[serde(rename = "trail_amount")]
    Amount(Price),
    /// By per cent of the best price, above 0 and below 100.
    #[serde(rename = "trail_percent")]
    Percent(#[serde(with = "decimal_text")] Decimal),
}

/// Over which time an order trades in slices, and how they lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slices {
    /// Minutes from the first slice to the last, positive.
    pub minutes: u32,
    /// At random times within it, so that nobody can tell the next one.
    pub randomize: bool,
    /// The worst price of any slice; absent where they trade at the market.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Price>,
}

/// The order type with the prices it needs, so that a limit order without a limit cannot be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "order_type", rename_all = "snake_case")]
pub enum Pricing {
    /// At the market.
    Market,
    /// At `limit_price` or better. For a package: net per unit, positive is a debit for a bought package.
    Limit {
        /// The worst price accepted.
        limit_price: Price,
    },
    /// Market once `stop_price` trades.
    Stop {
        /// The trigger.
        stop_price: Price,
    },
    /// Limit once `stop_price` trades.
    StopLimit {
        /// The trigger.
        stop_price: Price,
        /// The worst price accepted after it.
        limit_price: Price,
    },
    /// A stop that follows the market.
    TrailingStop {
        /// Its distance.
        #[serde(flatten)]
        trail: Trail,
    },
    /// In slices over a time, at the market or up to a price.
    Twap(Slices),
    /// What takes a profit and stops a loss in one order of the venue's: what one price fills, the other does not.
    Oco {
        /// The limit that rests.
        limit_price: Price,
        /// The trigger on the other side of the market.
        stop_price: Price,
    },
}

impl Pricing {
    /// The type alone.
    #[must_use]
    pub const fn order_type(self) -> OrderType {
        match self {
            Self::Market => OrderType::Market,
            Self::Limit { .. } => OrderType::Limit,
            Self::Stop { .. } => OrderType::Stop,
            Self::StopLimit { .. } => OrderType::StopLimit,
            Self::TrailingStop { .. } => OrderType::TrailingStop,
            Self::Twap(_) => OrderType::Twap,
            Self::Oco { .. } => OrderType::Oco,
        }
    }

    /// Does it trade at whatever the market gives from the start: at once, or slice by slice.
    #[must_use]
    pub const fn is_at_market(self) -> bool {
        matches!(self, Self::Market | Self::Twap(Slices { limit_price: None, .. }))
    }

    /// What no fill of it is worse than; absent where a stop may fill it at whatever the market gives.
    #[must_use]
    pub const fn worst_price(self) -> Option<Price> {
        match self {
            Self::Oco { .. } => None,
            other => other.limit_price(),
        }
    }

    /// The limit, where there is one.
    #[must_use]
    pub const fn limit_price(self) -> Option<Price> {
        match self {
            Self::Limit { limit_price }
            | Self::StopLimit { limit_price, .. }
            | Self::Oco { limit_price, .. } => Some(limit_price),
            Self::Twap(slices) => slices.limit_price,
            Self::Market | Self::Stop { .. } | Self::TrailingStop { .. } => None,
        }
    }

    /// The trigger, where there is a fixed one.
    #[must_use]
    pub const fn stop_price(self) -> Option<Price> {
        match self {
            Self::Stop { stop_price } | Self::StopLimit { stop_price, .. } | Self::Oco { stop_price, .. } => {
                Some(stop_price)
            }
            _ => None,
        }
    }
}

/// How long an order works (FIX TimeInForce, tag 59).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until the session ends.
    Day,
    /// Until canceled.
    Gtc,
    /// Now, the rest is canceled.
    Ioc,
    /// Now and whole, or not at all.
    Fok,
    /// In the opening auction.
    Opg,
    /// In the closing auction.
    Cls,
    /// Until the end of `expire_date`.
    Gtd,
}

impl TimeInForce {
    /// Lower-case word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Gtc => "gtc",
            Self::Ioc => "ioc",
            Self::Fok => "fok",
            Self::Opg => "opg",
            Self::Cls => "cls",
            Self::Gtd => "gtd",
        }
    }
}

impl fmt::Display for TimeInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which hours an order may trade in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingSession {
    /// Regular hours only.
    #[default]
    Regular,
    /// Regular, pre-market and post-market hours.
    Extended,
}

/// Does a package cost or bring money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceEffect {
    /// Costs money.
    Debit,
    /// Brings money.
    Credit,
    /// Costs nothing either way.
    Even,
}

impl PriceEffect {
    /// What a net price on the package's own side does: what is bought below zero, or sold above it, brings money.
    #[must_use]
    pub fn of(side: Side, net: Price) -> Self {
        match (net.is_zero(), net.is_positive() == side.is_buy()) {
            (true, _) => Self::Even,
            (false, true) => Self::Debit,
            (false, false) => Self::Credit,
        }
    }

    /// The net price on the package's own side, of a price that was said beside this word: `of` gives the word back. Below zero for what is
    /// bought for a credit or sold for a debit.
    #[must_use]
    pub fn net(self, side: Side, said: Price) -> Price {
        match self {
            _ if said.is_zero() => said,
            Self::Even => said,
            effect if effect == Self::of(side, said.abs()) => said.abs(),
            _ => Price::new(-said.abs().get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_beside_a_price_says_its_sign() {
        for (side, effect, said, net) in [
            (Side::Buy, PriceEffect::Debit, "2.1", "2.1"),
            (Side::Buy, PriceEffect::Credit, "2.1", "-2.1"),
            (Side::Buy, PriceEffect::Credit, "-2.1", "-2.1"),
            (Side::Sell, PriceEffect::Credit, "2.1", "2.1"),
            (Side::Sell, PriceEffect::Debit, "2.1", "-2.1"),
            (Side::Buy, PriceEffect::Even, "0", "0"),
            (Side::Sell, PriceEffect::Credit, "0", "0"),
        ] {
            let (said, net): (Price, Price) = (said.parse().unwrap(), net.parse().unwrap());
            assert_eq!(effect.net(side, said), net, "{side} {effect:?} {said}");
            let back = if net.is_zero() { PriceEffect::Even } else { effect };
            assert_eq!(PriceEffect::of(side, net), back, "{side} {net}");
        }
    }
}
