//! What leaves a strategy: proposals, changes and cancels of its own orders, what it needs to know, and records of its decisions.

use std::collections::BTreeMap;

use jiff::civil::Date;
use smol_str::SmolStr;

use super::bot::BotNews;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::Leg;
use crate::domain::order::{
    OrderChange, OrderSubject, PositionEffect, PriceEffect, Pricing, Side, TimeInForce,
};
use crate::domain::quote::Interval;

/// An order a strategy proposes. The host adds account, ids and the name of the asker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// One instrument, or the legs of a package.
    pub subject: OrderSubject,
    /// Buy or sell. A package is always bought, its legs are what is done, and its limit says by its sign whether it costs or brings.
    pub side: Side,
    /// Open or close, where said. Legs say their own.
    pub position_effect: Option<PositionEffect>,
    /// Units or packages, positive.
    pub quantity: Quantity,
    /// Type and prices. A package's limit is net per share.
    pub pricing: Pricing,
    /// Debit or credit of a package.
    pub price_effect: Option<PriceEffect>,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Never open or flip.
    pub reduce_only: bool,
}

impl Proposal {
    /// An order of one instrument that may open and close, for the day.
    #[must_use]
    pub const fn single(instrument: Instrument, side: Side, quantity: Quantity, pricing: Pricing) -> Self {
        Self {
            subject: OrderSubject::Instrument(instrument),
            side,
            position_effect: None,
            quantity,
            pricing,
            price_effect: None,
            time_in_force: TimeInForce::Day,
            reduce_only: false,
        }
    }

    /// A limit order of an option for the day.
    #[must_use]
    pub fn option(
        instrument: Instrument,
        side: Side,
        position_effect: PositionEffect,
        quantity: Quantity,
        limit_price: Price,
    ) -> Self {
        Self {
            position_effect: Some(position_effect),
            reduce_only: matches!(position_effect, PositionEffect::Close),
            ..Self::single(instrument, side, quantity, Pricing::Limit { limit_price })
        }
    }

    /// A package for the day, bought as its legs are written. `net` is per share: positive costs money, negative brings it.
    #[must_use]
    pub fn package(legs: Vec<Leg>, packages: Quantity, net: Price) -> Self {
        let price_effect = match net {
            net if net.is_positive() => PriceEffect::Debit,
            net if net.is_negative() => PriceEffect::Credit,
            _ => PriceEffect::Even,
        };
        Self {
            subject: OrderSubject::Legs(legs),
            side: Side::Buy,
            position_effect: None,
            quantity: packages,
            pricing: Pricing::Limit { limit_price: net },
            price_effect: Some(price_effect),
            time_in_force: TimeInForce::Day,
            reduce_only: false,
        }
    }
}

/// Why a strategy did, or did not do, something. One record per decision that changes something.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Stable code.
    pub code: &'static str,
    /// Where the strategy stands with the instrument; empty where it has no phases.
    pub phase: &'static str,
    /// Nothing was done, and this is why.
    pub skip: bool,
    /// About what.
    pub instrument: Option<Instrument>,
    /// Units or contracts it is about, where it is about some.
    pub quantity: Option<Quantity>,
    /// The numbers compared, by name.
    pub values: Vec<(&'static str, f64)>,
    /// Counts of what was turned down on the way, by code.
    pub rejected: Vec<(&'static str, u32)>,
}

impl Decision {
    /// Something that was done, or has happened.
    #[must_use]
    pub const fn new(
        code: &'static str,
        instrument: Option<Instrument>,
        values: Vec<(&'static str, f64)>,
    ) -> Self {
        Self { code, phase: "", skip: false, instrument, quantity: None, values, rejected: Vec::new() }
    }

    /// Something that was not done.
    #[must_use]
    pub fn skip(
        code: &'static str,
        instrument: Option<Instrument>,
        values: Vec<(&'static str, f64)>,
    ) -> Self {
        Self { skip: true, ..Self::new(code, instrument, values) }
    }

    /// The numbers as `key=value`, to four decimals at most. A backtest makes many decisions and reads none: they are written when asked for.
    #[must_use]
    pub fn text(&self) -> String {
        let number = |value: f64| {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let mut words: Vec<String> =
            self.values.iter().map(|(name, value)| format!("{name}={}", number(*value))).collect();
        if !self.rejected.is_empty() {
            let counts: Vec<String> = self.rejected.iter().map(|(code, n)| format!("{code}:{n}")).collect();
            words.push(format!("rejected={}", counts.join(",")));
        }
        words.join(" ")
    }

    /// The code and words of its record: `SKIP` before the reason of what was not done, units and numbers after it, and where it stands.
    #[must_use]
    pub fn words(&self) -> (&str, String) {
        let text = match self.quantity {
            Some(quantity) => format!("x{quantity} {}", self.text()),
            None => self.text(),
        };
        self.under(self.code, text.trim_end())
    }

    /// The same where what came of it has a code and words of its own.
    #[must_use]
    pub fn under<'a>(&self, code: &'a str, text: &str) -> (&'a str, String) {
        match (self.skip && self.code == code, self.phase) {
            (true, "") => ("SKIP", format!("{code} {text}")),
            (true, phase) => ("SKIP", format!("{code} {text} phase={phase}")),
            (false, "") => (code, text.to_owned()),
            (false, phase) => (code, format!("{text} phase={phase}")),
        }
    }

    /// The numbers compared, by name, as text.
    #[must_use]
    pub fn inputs(&self) -> BTreeMap<SmolStr, String> {
        self.values.iter().map(|(name, value)| ((*name).into(), value.to_string())).collect()
    }

    /// The whole record in one line: `SKIP SPREAD AAPL bid=1.1 ask=1.55`, `WHEEL_SELL_PUT AAPL 18Dec26 190P x1 credit=2.35`.
    #[must_use]
    pub fn line(&self) -> String {
        let mut words = Vec::new();
        if self.skip {
            words.push("SKIP".to_owned());
        }
        words.push(self.code.to_owned());
        words.extend(self.instrument.as_ref().map(Instrument::to_string));
        words.extend(self.quantity.map(|quantity| format!("x{quantity}")));
        words.push(self.text());
        words.retain(|word| !word.is_empty());
        words.join(" ")
    }
}

/// Something a strategy must know before it can decide. The answer comes as an input, and stays in the books; no answer is no input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Both sides of every strike of the expiries from `from` to `until`, and prices of what it holds there: `ChainReady`.
    Chain {
        /// The ticker.
        underlying: Symbol,
        /// First expiry.
        from: Date,
        /// Last expiry.
        until: Date,
    },
    /// Complete bars: `BarsReady`.
    Bars {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// How many, the newest ones.
        count: usize,
    },
    /// Dividends and earnings: `EventsReady`, also when nobody knows any.
    Events {
        /// The ticker.
        underlying: Symbol,
    },
}

/// What a strategy wants. Nothing else leaves it.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// An order, and why.
    Propose(Proposal, Decision),
    /// Other terms for a working order of its own, and why.
    Replace(ClientOrderId, OrderChange, Decision),
    /// A cancel of one of its own.
    Cancel(ClientOrderId),
    /// Something it must know.
    Need(Need),
    /// Its memory has changed: [`super::Strategy::memory`] is stored in the same transaction as the proposals of this input.
    Remember,
    /// A record without an order.
    Decision(Decision),
    /// A line for the user.
    Alert(String),
    /// Something for the process behind it.
    Tell(BotNews),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_as_one_line() {
        let spread = Decision {
            rejected: vec![("SPREAD", 3), ("LOW_OI", 1)],
            ..Decision::skip(
                "SPREAD",
                Instrument::equity("AAPL").ok(),
                vec![("bid", 1.1), ("ask", 1.55), ("spread_pct", 33.962_264), ("max", 10.0)],
            )
        };
        assert_eq!(
            spread.line(),
            "SKIP SPREAD AAPL bid=1.1 ask=1.55 spread_pct=33.9623 max=10 rejected=SPREAD:3,LOW_OI:1"
        );
        let sold = Decision {
            quantity: Some(Quantity::from(1)),
            ..Decision::new(
                "WHEEL_SELL_PUT",
                Instrument::from_key("AAPL  261218P00190000").ok(),
                vec![("credit", 2.35)],
            )
        };
        assert_eq!(sold.line(), "WHEEL_SELL_PUT AAPL 18Dec26 190P x1 credit=2.35");
        assert_eq!(Decision::new("X", None, Vec::new()).line(), "X");
    }

    #[test]
    fn a_package_says_whether_it_costs_or_brings() {
        for (net, effect) in
            [("0.05", PriceEffect::Debit), ("-1.2", PriceEffect::Credit), ("0", PriceEffect::Even)]
        {
            let package = Proposal::package(Vec::new(), Quantity::from(1), net.parse().unwrap());
            assert_eq!((package.price_effect, package.side), (Some(effect), Side::Buy), "{net}");
        }
    }
}
