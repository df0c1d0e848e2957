//! What a broker shows when it is asked for everything: its parts one after another, with time between them, late, stale, lost or failing.

use arbion::domain::execution::AccountEvent;
use arbion::domain::ids::ClientOrderId;
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Currency, Price, Quantity};
use arbion::domain::order::OrderStatus;
use arbion::domain::position::Position;
use arbion::domain::statement::{OrderReport, ReconcileReason, Statement};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::broker::{Broker, Faults, Personality, Wish, is_listed};
use crate::held::{End, Held};
use crate::random::Random;

impl Held {
    fn status(&self) -> OrderStatus {
        match self.end {
            Some(End::Canceled) => OrderStatus::Canceled,
            Some(End::Expired) => OrderStatus::Expired,
            Some(End::Replaced(_)) => OrderStatus::Replaced,
            None if !self.works() => OrderStatus::Filled,
            None if self.filled().is_positive() => OrderStatus::PartiallyFilled,
            None => OrderStatus::Submitted,
        }
    }

    /// Mean price of what has filled; of one instrument.
    fn average(&self) -> Option<Price> {
        let filled = self.filled().get();
        let paid: Decimal = self.fills.iter().map(|fill| fill.price.get() * fill.quantity.get()).sum();
        let single = self.request.subject.instrument().is_some() && !filled.is_zero();
        single.then(|| Price::new(paid / filled))
    }

    fn report(&self, id: ClientOrderId, keeps_ids: bool) -> OrderReport {
        OrderReport {
            client_order_id: Some(id).filter(|_| keeps_ids && !self.external),
            broker_order_id: self.broker_id.clone(),
            status: self.status(),
            subject: self.request.subject.clone(),
            side: self.request.side,
            quantity: self.quantity,
            pricing: self.request.pricing,
            time_in_force: self.request.time_in_force,
            filled_quantity: self.filled(),
            average_price: self.average(),
            entered_at: self.entered_at,
            native_type: None,
            oco_group: None,
        }
    }
}

impl Broker {
    /// Takes a question for everything. It or its answer may be lost.
    pub(crate) fn gather(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        reason: ReconcileReason,
        since: Timestamp,
    ) {
        if r.once_in(faults.lost) {
            return;
        }
        let statement = Box::new(Statement::asked(self.account.clone(), reason, now));
        let at = self.later(r, faults, now);
        self.inbound.insert(at, Wish::Show(statement, since, 0));
    }

    /// Adds the next part, as things are now, and asks for the one after it.
    pub(crate) fn show(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        mut statement: Box<Statement>,
        since: Timestamp,
        part: u8,
    ) {
        if r.once_in(faults.failing) {
            statement.failures.push(format!("part {part}: timeout"));
            self.rare.push("part of a statement failed");
        } else {
            match part {
                0 => statement.orders = Some(self.shown_orders(now)),
                1 => {
                    let fills = self.orders.values().filter(|held| held.visible_at <= now);
                    let fills = fills.flat_map(|held| &held.fills).chain(&self.others);
                    let listed = fills.filter(|fill| fill.at >= since && is_listed(fill, faults, now));
                    statement.executions = Some(listed.cloned().collect());
                    // This broker tells its dividends by themselves.
                    statement.movements = Some(Vec::new());
                }
                _ => statement.positions = Some(self.shown_positions()),
            }
        }
        let at = self.later(r, faults, now);
        if part < 2 {
            self.inbound.insert(at, Wish::Show(statement, since, part + 1));
        } else if !r.once_in(faults.lost) {
            self.send(r, faults, now, &AccountEvent::Statement(statement));
            // Dividends have a list of their own.
            for entry in self.dividends.clone() {
                self.send(r, faults, now, &AccountEvent::Cash(entry));
            }
        }
    }

    fn shown_orders(&self, now: Timestamp) -> Vec<OrderReport> {
        let keeps_ids = self.personality != Personality::NoIds;
        let visible = self.orders.iter().filter(|(_, held)| held.visible_at <= now);
        visible.map(|(id, held)| held.report(*id, keeps_ids)).collect()
    }

    fn shown_positions(&self) -> Vec<Position> {
        let mut held: Vec<(Instrument, Quantity)> = Vec::new();
        let fills = self.orders.values().flat_map(|held| &held.fills).chain(&self.others);
        for fill in fills {
            match held.iter_mut().find(|(instrument, _)| *instrument == fill.instrument) {
                Some((_, units)) => *units += fill.signed_quantity(),
                None => held.push((fill.instrument.clone(), fill.signed_quantity())),
            }
        }
        held.retain(|(_, units)| !units.is_zero());
        let position = |(instrument, quantity): (Instrument, Quantity)| {
            let option = instrument.as_option().is_some();
            Position {
                account: self.account.clone(),
                instrument,
                quantity,
                average_price: Price::from(if option { 2 } else { 100 }),
                multiplier: if option { Decimal::ONE_HUNDRED } else { Decimal::ONE },
                currency: Currency::USD,
                mark: Some(Price::from(if option { 2 } else { 100 })),
                market_value: None,
                unrealized_pnl: None,
                realized_pnl: Decimal::ZERO,
                day_pnl: None,
            }
        };
        held.into_iter().map(position).collect()
    }
}
