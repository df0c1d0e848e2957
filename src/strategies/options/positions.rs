//! A strategy's shares, options and working orders on one underlying, counted. Everything is read from the books at every evaluation.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Price;
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{OrderSubject, PositionEffect};
use crate::quant::contracts::is_adjusted;
use crate::strategies::{Books, Working};

use super::SHARES;
use super::hours::Hours;

/// After this time of the next session an expiry that has not shown itself is late.
pub(super) const SETTLE_LATE: SignedDuration = SignedDuration::from_hours(2);

/// Contracts of one kind that are held.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::strategies) struct Contracts {
    /// Which.
    pub(in crate::strategies) contract: OptionContract,
    /// How many, positive; what the strategy wrote or bought.
    pub(in crate::strategies) count: i64,
    /// What one brought or cost, per share.
    pub(in crate::strategies) price: Price,
}

/// Positions and orders on one underlying.
#[derive(Clone, Debug)]
pub(in crate::strategies) struct Positions {
    /// The shares as an instrument.
    pub(in crate::strategies) share: Instrument,
    /// Shares claimed.
    pub(in crate::strategies) shares: Decimal,
    /// Short options, by contract.
    pub(in crate::strategies) short: Vec<Contracts>,
    /// Long options, by contract.
    pub(in crate::strategies) long: Vec<Contracts>,
    /// Working orders, oldest first.
    pub(in crate::strategies) working: Vec<Working>,
}

/// One side of a working order: of what, bought or sold, how many are left.
struct Line<'a> {
    instrument: &'a Instrument,
    buys: bool,
    closes: bool,
    left: Decimal,
}

fn lines(order: &Working) -> Vec<Line<'_>> {
    match &order.subject {
        OrderSubject::Instrument(instrument) => vec![Line {
            instrument,
            buys: order.side.is_buy(),
            closes: order.position_effect == Some(PositionEffect::Close),
            left: order.leaves.get(),
        }],
        OrderSubject::Legs(legs) => legs
            .iter()
            .map(|leg| Line {
                instrument: &leg.instrument,
                buys: leg.side.is_buy(),
                closes: leg.position_effect == PositionEffect::Close,
                left: leg.ratio * order.leaves.get(),
            })
            .collect(),
    }
}

fn whole(units: Decimal) -> i64 {
    units.trunc().to_i64().unwrap_or_default()
}

impl Positions {
    /// As the books have them.
    pub(in crate::strategies) fn of(books: &dyn Books, symbol: &Symbol) -> Self {
        let share = Instrument::Equity { symbol: symbol.clone() };
        let (mut short, mut long) = (Vec::new(), Vec::new());
        let mut options = books.options_of(symbol);
        options.sort_by(|a, b| a.instrument.cmp(&b.instrument));
        for held in options {
            let Some(contract) = held.instrument.as_option().cloned() else { continue };
            let count = whole(held.quantity.get().abs());
            let side = if held.quantity.is_negative() { &mut short } else { &mut long };
            side.push(Contracts { contract, count, price: held.average_price });
        }
        let shares = books.position(&share).get();
        Self { shares, share, short, long, working: books.working_on(symbol) }
    }

    /// Whole lots of shares.
    pub(in crate::strategies) fn lots(&self) -> i64 {
        whole((self.shares.max(Decimal::ZERO) / SHARES).floor())
    }

    /// Short contracts of a side.
    pub(in crate::strategies) fn short_count(&self, right: Right) -> i64 {
        self.short.iter().filter(|held| held.contract.right == right).map(|held| held.count).sum()
    }

    /// Contracts of a side that working orders write.
    pub(in crate::strategies) fn opening(&self, right: Right) -> i64 {
        whole(self.left(|line| !line.buys && !line.closes && is_of(line.instrument, right)))
    }

    /// Contracts that working orders buy back.
    pub(in crate::strategies) fn closing(&self, contract: &OptionContract) -> i64 {
        whole(self.left(|line| line.buys && line.instrument.as_option() == Some(contract)))
    }

    /// Contracts or shares that working orders sell out of what is held.
    pub(in crate::strategies) fn selling(&self, instrument: &Instrument) -> Decimal {
        self.left(|line| !line.buys && line.instrument == instrument)
    }

    fn left(&self, wanted: impl Fn(&Line<'_>) -> bool) -> Decimal {
        self.working.iter().flat_map(lines).filter(|line| wanted(line)).map(|line| line.left).sum()
    }

    /// Cash that short puts of its own tie up, and those that working orders write.
    pub(in crate::strategies) fn reserved_by_puts(&self) -> Decimal {
        let put = |contract: &OptionContract| contract.right == Right::Put;
        let held = self.short.iter().filter(|held| put(&held.contract));
        let held: Decimal =
            held.map(|held| held.contract.strike.get() * SHARES * Decimal::from(held.count)).sum();
        let written = self.working.iter().flat_map(lines).filter(|line| !line.buys && !line.closes);
        let written: Decimal = written
            .filter_map(|line| {
                let contract = line.instrument.as_option().filter(|contract| put(contract))?;
                Some(contract.strike.get() * SHARES * line.left)
            })
            .sum();
        held + written
    }

    /// Is a contract with other terms than the usual among what is held.
    pub(in crate::strategies) fn has_adjusted(&self) -> bool {
        self.short.iter().chain(&self.long).any(|held| is_adjusted(&held.contract))
    }
}

/// An option that has expired and still stands in the account two hours after the next session opened.
pub(in crate::strategies) fn late_settlement(
    positions: &Positions,
    hours: Hours,
    now: Timestamp,
) -> Option<String> {
    if hours.since_open(now) < SETTLE_LATE {
        return None;
    }
    let mut options = positions.short.iter().chain(&positions.long);
    options.find(|held| held.contract.expiry < hours.today).map(|held| held.contract.to_string())
}

fn is_of(instrument: &Instrument, right: Right) -> bool {
    instrument.as_option().is_some_and(|contract| contract.right == right)
}
