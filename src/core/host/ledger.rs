//! What a strategy owns: executions of its own orders, what its own options delivered, what it was told to adopt. Never what another owns.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity, decimal_text};
use crate::domain::option::Right;
use crate::domain::strategy::Claim;
use crate::strategies::ClosedTrades;

/// Deliveries that are waited for, the newest: an option's shares come within a day or never.
const DELIVERIES_MAX: usize = 64;

/// Units bought or sold together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Lot {
    instrument: Instrument,
    /// Signed, never zero.
    quantity: Quantity,
    /// Of a unit, before the multiplier.
    price: Price,
    #[serde(with = "decimal_text")]
    multiplier: Decimal,
    at: Timestamp,
}

/// Shares that an option of its own has turned into, and that are to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Delivery {
    share: Instrument,
    strike: Price,
    /// Signed units that are still to come.
    units: Quantity,
}

/// What a strategy owns, and what it has made of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::core) struct Ledger {
    /// Oldest first.
    lots: Vec<Lot>,
    #[serde(default)]
    deliveries: Vec<Delivery>,
    /// Gain of closed trades, fees taken off, in the account's currency.
    #[serde(with = "decimal_text")]
    realized: Decimal,
    /// Positive.
    #[serde(with = "decimal_text")]
    fees: Decimal,
    trades: u32,
    #[serde(default)]
    closed: ClosedTrades,
    /// The account day, and what had been made when it began.
    day: Option<Date>,
    #[serde(default, with = "decimal_text")]
    day_start: Decimal,
}

/// What an execution closed of a strategy's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::core) struct Closed {
    /// Gain or loss, fees taken off.
    pub(in crate::core) pnl: Decimal,
    /// Nothing is left of the instrument.
    pub(in crate::core) flat: bool,
}

impl Ledger {
    /// Units of an instrument that are its own, signed.
    pub(in crate::core) fn quantity(&self, instrument: &Instrument) -> Quantity {
        self.of(instrument).fold(Quantity::ZERO, |sum, lot| sum + lot.quantity)
    }

    fn of<'a>(&'a self, instrument: &'a Instrument) -> impl Iterator<Item = &'a Lot> {
        self.lots.iter().filter(move |lot| lot.instrument == *instrument)
    }

    /// Does it own anything.
    pub(in crate::core) fn is_empty(&self) -> bool {
        self.lots.is_empty()
    }

    /// What it owns, each once.
    pub(in crate::core) fn instruments(&self) -> Vec<Instrument> {
        let mut all: Vec<Instrument> = self.lots.iter().map(|lot| lot.instrument.clone()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// What it owns, by instrument.
    pub(in crate::core) fn claims(&self) -> Vec<Claim> {
        self.instruments().iter().filter_map(|instrument| self.claim(instrument)).collect()
    }

    /// What it owns of one instrument.
    pub(in crate::core) fn claim(&self, instrument: &Instrument) -> Option<Claim> {
        let quantity = self.quantity(instrument);
        let paid: Decimal = self.of(instrument).map(|lot| lot.price.get() * lot.quantity.get()).sum();
        let average = paid.checked_div(quantity.get())?;
        Some(Claim { instrument: instrument.clone(), quantity, average_price: Price::new(average) })
    }

    /// What all of it cost, each side positive: the money at work.
    pub(in crate::core) fn cost(&self) -> Decimal {
        self.lots.iter().map(|lot| (lot.price.get() * lot.quantity.get() * lot.multiplier).abs()).sum()
    }

    pub(in crate::core) const fn realized(&self) -> Decimal {
        self.realized
    }

    pub(in crate::core) const fn fees(&self) -> Decimal {
        self.fees
    }

    pub(in crate::core) const fn closed(&self) -> ClosedTrades {
        self.closed
    }

    pub(in crate::core) const fn trades(&self) -> u32 {
        self.trades
    }

    /// Gain of what it holds at these marks; what has none counts for nothing.
    pub(in crate::core) fn unrealized(&self, mark: &dyn Fn(&Instrument) -> Option<Price>) -> Decimal {
        let gain = |lot: &Lot| {
            let mark = mark(&lot.instrument)?;
            Some((mark.get() - lot.price.get()) * lot.quantity.get() * lot.multiplier)
        };
        self.lots.iter().filter_map(gain).sum()
    }

    /// Gain since the account day began. A new day begins with what there is.
    pub(in crate::core) fn day_pnl(&self, total: Decimal) -> Decimal {
        if self.day.is_some() { total - self.day_start } else { Decimal::ZERO }
    }

    /// True where the day is another one now.
    pub(in crate::core) fn turn_day(&mut self, day: Date, total: Decimal) -> bool {
        if self.day == Some(day) {
            return false;
        }
        (self.day, self.day_start) = (Some(day), total);
        true
    }

    /// Takes in an execution of its own. Returns what it closed, if it closed something.
    pub(in crate::core) fn apply(&mut self, execution: &Execution, rate: Decimal) -> Option<Closed> {
        let fee = execution.fee * rate;
        self.fees += fee;
        self.realized -= fee;
        let mut left = execution.signed_quantity();
        let mut pnl = -fee;
        let mut closes = false;
        for lot in self.lots.iter_mut().filter(|lot| lot.instrument == execution.instrument) {
            if left.is_zero() || lot.quantity.is_negative() == left.is_negative() {
                break;
            }
            let closed = if lot.quantity.abs() <= left.abs() { lot.quantity } else { -left };
            pnl += (execution.price.get() - lot.price.get()) * closed.get() * lot.multiplier * rate;
            lot.quantity -= closed;
            left += closed;
            closes = true;
        }
        self.lots.retain(|lot| !lot.quantity.is_zero());
        if !left.is_zero() {
            self.add(&execution.instrument, left, execution.price, execution.multiplier, execution.at);
        }
        self.expect_delivery(execution);
        if !closes {
            return None;
        }
        self.realized += pnl + fee;
        self.trades = self.trades.saturating_add(1);
        self.closed.add(pnl);
        Some(Closed { pnl, flat: self.quantity(&execution.instrument).is_zero() })
    }

    fn add(
        &mut self,
        instrument: &Instrument,
        quantity: Quantity,
        price: Price,
        multiplier: Decimal,
        at: Timestamp,
    ) {
        let instrument = instrument.clone();
        self.lots.push(Lot { instrument, quantity, price, multiplier, at });
    }

    /// An option of its own has been assigned or exercised: its shares, which nobody's order brings, will be its own.
    fn expect_delivery(&mut self, execution: &Execution) {
        let Some(contract) = execution.instrument.as_option() else { return };
        if !matches!(execution.kind, ExecutionKind::Assignment | ExecutionKind::Exercise)
            || contract.is_cash_settled_index()
        {
            return;
        }
        // A long call and a short put bring shares, the others take them. Closing a long is a sale.
        let closed = -execution.signed_quantity().get();
        let sign = if contract.right == Right::Call { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        if self.deliveries.len() >= DELIVERIES_MAX {
            self.deliveries.remove(0);
        }
        self.deliveries.push(Delivery {
            share: execution.instrument.price_driver(),
            strike: contract.strike,
            units: Quantity::new(closed * sign * execution.multiplier),
        });
    }

    /// How many units of an execution without an order are what one of its options turned into; zero for none of them.
    pub(in crate::core) fn delivered(&self, execution: &Execution) -> Quantity {
        let units = execution.signed_quantity();
        let fits = |delivery: &&Delivery| {
            delivery.share == execution.instrument
                && delivery.strike == execution.price
                && delivery.units.is_negative() == units.is_negative()
        };
        let expected = self.deliveries.iter().filter(fits).fold(Quantity::ZERO, |sum, d| sum + d.units);
        if expected.abs() <= units.abs() { expected } else { units }
    }

    /// Those units have come.
    pub(in crate::core) fn take_delivery(&mut self, execution: &Execution) {
        let mut left = execution.signed_quantity();
        for delivery in &mut self.deliveries {
            if delivery.share == execution.instrument
                && delivery.strike == execution.price
                && delivery.units.is_negative() == left.is_negative()
                && !left.is_zero()
            {
                let part = if delivery.units.abs() <= left.abs() { delivery.units } else { left };
                delivery.units -= part;
                left -= part;
            }
        }
        self.deliveries.retain(|delivery| !delivery.units.is_zero());
    }

    /// Units were free and become its own, at this price.
    pub(in crate::core) fn adopt(
        &mut self,
        instrument: &Instrument,
        quantity: Quantity,
        price: Price,
        multiplier: Decimal,
        at: Timestamp,
    ) {
        if !quantity.is_zero() {
            self.add(instrument, quantity, price, multiplier, at);
        }
    }

    /// Instruments have other names now.
    pub(in crate::core) fn rename(&mut self, new: &dyn Fn(&Instrument) -> Option<Instrument>) {
        let named = self.lots.iter_mut().map(|lot| &mut lot.instrument);
        for instrument in named.chain(self.deliveries.iter_mut().map(|delivery| &mut delivery.share)) {
            if let Some(new) = new(instrument) {
                *instrument = new;
            }
        }
    }

    /// A split: as many times the units at a part of the price.
    pub(in crate::core) fn spread(&mut self, instrument: &Instrument, ratio: Decimal) {
        for lot in self.lots.iter_mut().filter(|lot| lot.instrument == *instrument) {
            lot.quantity = Quantity::new(lot.quantity.get() * ratio);
            if let Some(price) = lot.price.get().checked_div(ratio) {
                lot.price = Price::new(price);
            }
        }
        self.lots.retain(|lot| !lot.quantity.is_zero());
    }

    /// When the newest of its lots of one sign was made.
    pub(in crate::core) fn newest(&self, instrument: &Instrument, negative: bool) -> Option<Timestamp> {
        self.of(instrument).filter(|lot| lot.quantity.is_negative() == negative).map(|lot| lot.at).max()
    }

    /// Lets go of up to so many units (positive) of one sign, the newest first. Returns how many, positive.
    pub(in crate::core) fn shrink(
        &mut self,
        instrument: &Instrument,
        negative: bool,
        most: Quantity,
    ) -> Quantity {
        let mut left = most;
        for lot in self.lots.iter_mut().rev().filter(|lot| lot.instrument == *instrument) {
            if lot.quantity.is_negative() != negative || !left.is_positive() {
                continue;
            }
            let part = lot.quantity.abs().min(left);
            lot.quantity = if negative { lot.quantity + part } else { lot.quantity - part };
            left -= part;
        }
        self.lots.retain(|lot| !lot.quantity.is_zero());
        most - left
    }
}
