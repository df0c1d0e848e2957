//! Books for the strategies' tests: what is said is held, and nothing works unless it is put there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::{Bar, Interval};

use super::{Books, Output, Strategy, StrategyInput, Working};

/// Cash and positions; marks are the last closes fed.
#[derive(Default)]
pub(super) struct Paper {
    pub(super) cash: Decimal,
    pub(super) held: BTreeMap<Instrument, Quantity>,
    pub(super) working: Vec<(Instrument, Working)>,
    pub(super) marks: BTreeMap<Instrument, Price>,
}

impl Paper {
    pub(super) fn with(cash: i64) -> Self {
        Self { cash: Decimal::from(cash), ..Self::default() }
    }

    /// Feeds a daily bar that stood at one price, so many days after the epoch (a Thursday), and returns what is wanted.
    pub(super) fn day(
        &mut self,
        strategy: &mut dyn Strategy,
        instrument: &Instrument,
        day: i64,
        close: &str,
    ) -> Vec<Output> {
        let price: Price = close.parse().unwrap();
        self.marks.insert(instrument.clone(), price);
        let start = Timestamp::from_second(86_400 * day).unwrap();
        let bar = Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ONE };
        let mut out = Vec::new();
        let end = Timestamp::from_second(86_400 * day + 75_600).unwrap();
        let input = StrategyInput::Bar { instrument, interval: Interval::Day1, bar: &bar };
        strategy.on_input(end, input, self, &mut out);
        out
    }
}

impl Books for Paper {
    fn position(&self, instrument: &Instrument) -> Quantity {
        self.held.get(instrument).copied().unwrap_or_default()
    }

    fn equity(&self) -> Decimal {
        let value = |(instrument, units): (&Instrument, &Quantity)| {
            self.marks.get(instrument).map_or(Decimal::ZERO, |mark| mark.get() * units.get())
        };
        self.cash + self.held.iter().map(value).sum::<Decimal>()
    }

    fn is_working(&self, instrument: &Instrument) -> bool {
        self.working.iter().any(|(of, _)| of == instrument)
    }

    fn working(&self, instrument: &Instrument) -> Vec<Working> {
        self.working.iter().filter(|(of, _)| of == instrument).map(|(_, order)| order.clone()).collect()
    }
}

/// The proposals among what is wanted: side, units, limit.
pub(super) fn proposed(out: &[Output]) -> Vec<(Instrument, String)> {
    use crate::domain::order::{Pricing, Side};
    out.iter()
        .filter_map(|output| match output {
            Output::Propose(p, _) => {
                let side = if p.side == Side::Buy { "buy" } else { "sell" };
                let price = match &p.pricing {
                    Pricing::Limit { limit_price } => format!(" at {limit_price}"),
                    _ => String::new(),
                };
                Some((p.instrument.clone(), format!("{side} {}{price}", p.quantity)))
            }
            _ => None,
        })
        .collect()
}

/// The codes of what was decided, in order.
pub(super) fn codes(out: &[Output]) -> Vec<&'static str> {
    out.iter()
        .filter_map(|output| match output {
            Output::Propose(_, decision) | Output::Decision(decision) => Some(decision.code),
            _ => None,
        })
        .collect()
}
