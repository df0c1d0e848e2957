//! Books for the strategies' tests: what is said is held, and nothing works unless it is put there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::account::AccountKind;
use crate::domain::calendar::Calendar;
use crate::domain::fees::FeeTable;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, InstrumentSpec, Symbol};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderStatus, OrderSubject, Side};
use crate::domain::quote::{Bar, Interval, Quote};

use super::{Books, Held, Output, Room, Standing, Strategy, StrategyInput, Working};

/// Cash and positions; marks are the last closes fed.
#[derive(Default)]
pub(super) struct Paper {
    pub(super) cash: Decimal,
    pub(super) held: BTreeMap<Instrument, Quantity>,
    pub(super) working: Vec<(Instrument, Working)>,
    pub(super) marks: BTreeMap<Instrument, Price>,
    pub(super) calendar: Calendar,
    pub(super) fees: FeeTable,
    pub(super) room: Room,
    pub(super) specs: BTreeMap<Instrument, InstrumentSpec>,
}

impl Default for Room {
    /// No limits but money.
    fn default() -> Self {
        let most = Decimal::from(1_000_000_000);
        let (order_units, order_money, position_money) = (most, most, most);
        Self {
            capital: None,
            order_units,
            order_money,
            position_money,
            average_volume: None,
            closed: Default::default(),
        }
    }
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

    fn room(&self, _instrument: &Instrument) -> Room {
        self.room
    }

    fn is_working(&self, instrument: &Instrument) -> bool {
        self.working.iter().any(|(of, _)| of == instrument)
    }

    fn working(&self, instrument: &Instrument) -> Vec<Working> {
        self.working.iter().filter(|(of, _)| of == instrument).map(|(_, order)| order.clone()).collect()
    }

    fn working_on(&self, underlying: &Symbol) -> Vec<Working> {
        self.working
            .iter()
            .filter(|(of, _)| of.root() == underlying)
            .map(|(_, order)| order.clone())
            .collect()
    }

    fn held(&self, _instrument: &Instrument) -> Option<Held> {
        None
    }

    fn options_of(&self, _underlying: &Symbol) -> Vec<Held> {
        Vec::new()
    }

    fn free_cash(&self) -> Decimal {
        self.cash
    }

    fn buying_power(&self) -> Decimal {
        self.cash
    }

    fn standing(&self) -> Standing {
        Standing {
            kind: AccountKind::Cash,
            options_level: 0,
            multi_leg: false,
            replace: true,
            closing_only: false,
            halted: false,
        }
    }

    fn quote(&self, _instrument: &Instrument) -> Option<&Quote> {
        None
    }

    fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec> {
        self.specs.get(instrument)
    }

    fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    fn fees(&self) -> &FeeTable {
        &self.fees
    }

    fn risk_free(&self) -> f64 {
        0.04
    }
}

/// An order that works.
pub(super) fn working(instrument: &Instrument, side: Side, leaves: i64, limit: Option<Price>) -> Working {
    Working {
        id: ClientOrderId::from_parts(1, 1),
        subject: OrderSubject::Instrument(instrument.clone()),
        side,
        position_effect: None,
        quantity: Quantity::from(leaves),
        leaves: Quantity::from(leaves),
        limit_price: limit,
        status: OrderStatus::Submitted,
        since: Timestamp::UNIX_EPOCH,
        priced_at: Timestamp::UNIX_EPOCH,
    }
}

/// The proposals among what is wanted: side, units, limit.
pub(super) fn proposed(out: &[Output]) -> Vec<(Instrument, String)> {
    use crate::domain::order::Pricing;
    out.iter()
        .filter_map(|output| match output {
            Output::Propose(p, _) => {
                let side = if p.side == Side::Buy { "buy" } else { "sell" };
                let price = match &p.pricing {
                    Pricing::Limit { limit_price } => format!(" at {limit_price}"),
                    _ => String::new(),
                };
                Some((p.subject.instrument().unwrap().clone(), format!("{side} {}{price}", p.quantity)))
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
