//! Whose an execution is, and that nobody owns what the account does not hold.

use jiff::Timestamp;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::core::engine::Engine;
use crate::core::host::{Closed, Event, Ledger};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::Severity;

use super::corporate::is_exchange;
use super::owner;

/// A part of an execution and whose it is.
pub(super) type Part = (SmolStr, Quantity);

impl Engine {
    /// Gain of a ledger, closed and open.
    pub(super) fn strategy_gain(&self, ledger: &Ledger) -> Decimal {
        let mark = |instrument: &Instrument| self.mark_of(instrument);
        ledger.realized() + ledger.unrealized(&mark)
    }

    pub(super) fn mark_of(&self, instrument: &Instrument) -> Option<Price> {
        self.market.quote(instrument).and_then(crate::domain::quote::Quote::mark)
    }

    /// An execution has been booked; before it so many units were held. Says to whom it belongs, and tells them.
    pub(in crate::core::engine) fn claim_execution(&mut self, execution: &Execution, held: Quantity) {
        if self.host.instances.is_empty() {
            return;
        }
        if execution.moves_units_alone() {
            self.spread_claims(execution, held);
        } else {
            let owners = match is_exchange(execution) {
                true => self.exchanged_parts(execution, held),
                false => self.owners_of(execution),
            };
            for (name, units) in owners {
                self.book_claim(&name, &Execution { quantity: units.abs(), ..execution.clone() });
            }
        }
        self.check_claims(&execution.account, &execution.instrument);
    }

    /// Units alone have changed: a split of all of it, or a fee that was taken of one order's.
    fn spread_claims(&mut self, execution: &Execution, held: Quantity) {
        let of_order = execution.client_order_id.and_then(|id| self.book.get(id)).and_then(owner).cloned();
        let added = execution.signed_quantity().get();
        let mut told = Vec::new();
        for (name, instance) in &mut self.host.instances {
            if instance.spec.account != execution.account || of_order.as_ref().is_some_and(|of| of != name) {
                continue;
            }
            let own = instance.ledger.quantity(&execution.instrument).get();
            let whole = if of_order.is_some() { own } else { held.get() };
            let Some(ratio) = (whole + added).checked_div(whole).filter(|_| !own.is_zero()) else { continue };
            instance.ledger.spread(&execution.instrument, ratio);
            instance.dirty = true;
            let quantity = Quantity::new(own * (ratio - Decimal::ONE)).abs();
            told.push((name.clone(), Execution { quantity, ..execution.clone() }));
        }
        for (name, execution) in told {
            self.host.tell(&name, Event::Execution(Box::new(execution)));
        }
    }

    /// Who an execution belongs to: whoever's order it filled; else whoever's option it ends, or whoever's option it delivers.
    fn owners_of(&self, execution: &Execution) -> Vec<Part> {
        if let Some(order) = execution.client_order_id.and_then(|id| self.book.get(id)) {
            let own = owner(order).filter(|name| self.host.instances.contains_key(*name));
            return own.map(|name| (name.clone(), execution.quantity)).into_iter().collect();
        }
        let ends_options = matches!(
            execution.kind,
            ExecutionKind::Assignment | ExecutionKind::Exercise | ExecutionKind::Expiration
        );
        if !ends_options {
            return Vec::new();
        }
        let is_option = execution.instrument.as_option().is_some();
        let units = execution.signed_quantity();
        let mut left = execution.quantity;
        let mut parts = Vec::new();
        for (name, instance) in &self.host.instances {
            if instance.spec.account != execution.account || !left.is_positive() {
                continue;
            }
            let own = if is_option {
                let own = instance.ledger.quantity(&execution.instrument);
                if own.is_negative() == units.is_negative() { Quantity::ZERO } else { own.abs() }
            } else {
                instance.ledger.delivered(execution).abs()
            };
            let part = own.min(left);
            if part.is_positive() {
                parts.push((name.clone(), part));
                left -= part;
            }
        }
        parts
    }

    fn book_claim(&mut self, name: &SmolStr, execution: &Execution) {
        let rate = self.rate(&execution.account, &execution.instrument).unwrap_or(Decimal::ONE);
        let order = execution.client_order_id.and_then(|id| self.book.get(id));
        let stopped = order.is_some_and(|order| self.is_stop_out(order));
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        if execution.client_order_id.is_none() {
            instance.ledger.take_delivery(execution);
        }
        let closed = instance.ledger.apply(execution, rate);
        instance.dirty = true;
        let is_exit = closed.filter(|closed| closed.flat);
        let locks = match is_exit {
            Some(Closed { pnl, .. }) => {
                let rules = instance.spec.rules.clone();
                instance.guards.closed(&rules, self.now, &execution.instrument, pnl, stopped)
            }
            None => Vec::new(),
        };
        for lock in locks.iter().filter(|lock| !lock.reason.starts_with("cooldown")) {
            let text = format!("{name}: opens nothing until {}: {}", lock.until, lock.reason);
            self.note(Severity::Warning, "PROTECT", text);
        }
        self.host.tell(name, Event::Execution(Box::new(execution.clone())));
    }

    /// Nobody owns what the account does not hold: where a person sold it by hand, the newest claim shrinks first.
    fn check_claims(&mut self, account: &AccountId, instrument: &Instrument) {
        let held = self.held(account, instrument).get();
        let of = |engine: &Self| -> Decimal {
            let own = engine.host.instances.values().filter(|i| i.spec.account == *account);
            own.map(|i| i.ledger.quantity(instrument).get()).sum()
        };
        let claimed = of(self);
        let negative = claimed.is_sign_negative();
        let allowed = if held.is_sign_negative() == negative { held.abs() } else { Decimal::ZERO };
        let mut excess = Quantity::new(claimed.abs() - allowed);
        while excess.is_positive() {
            let newest = self
                .host
                .instances
                .iter()
                .filter(|(_, instance)| instance.spec.account == *account)
                .filter_map(|(name, i)| Some((i.ledger.newest(instrument, negative)?, name.clone())))
                .max();
            let Some((_, name)) = newest else { return };
            let Some(instance) = self.host.instances.get_mut(&name) else { return };
            let before = instance.ledger.quantity(instrument);
            let gone = instance.ledger.shrink(instrument, negative, excess);
            instance.dirty = true;
            if !gone.is_positive() {
                return;
            }
            excess -= gone;
            let left = instance.ledger.quantity(instrument);
            let text = format!(
                "{name} {instrument} gone={gone} left={left} held={held}: the account holds less than its strategies own"
            );
            self.note(Severity::Warning, "CLAIM_REDUCED", text);
            let instrument = instrument.clone();
            self.host.tell(&name, Event::Position { instrument, before, now: left });
        }
    }

    /// An order has another status: told to whoever it belongs to.
    pub(in crate::core::engine) fn tell_order(&mut self, order: &Order, before: OrderStatus) {
        let Some(name) = owner(order).filter(|_| before != order.status) else { return };
        if self.host.instances.contains_key(name) {
            self.host.tell(name, Event::Order(order.request.client_order_id));
        }
    }

    /// Units of an account that no strategy owns, of the sign of what is held.
    pub(super) fn free_units(&self, account: &AccountId, instrument: &Instrument) -> Quantity {
        let own = self.host.instances.values().filter(|i| i.spec.account == *account);
        let claimed = own.fold(Quantity::ZERO, |sum, i| sum + i.ledger.quantity(instrument));
        let held = self.held(account, instrument);
        let free = held - claimed;
        if free.is_negative() == held.is_negative() { free } else { Quantity::ZERO }
    }

    /// What a strategy was told to adopt becomes its own, once: what of it nobody owns.
    pub(super) fn adopt_for(&mut self, name: &SmolStr, now: Timestamp) {
        let Some(instance) = self.host.instances.get(name).filter(|instance| !instance.adopted) else {
            return;
        };
        let (account, wanted) = (instance.spec.account.clone(), instance.spec.adopt.clone());
        for instrument in wanted {
            let free = self.free_units(&account, &instrument);
            let position = self.position(&account, &instrument);
            let Some(instance) = self.host.instances.get_mut(name) else { return };
            let Some(position) = position.filter(|_| !free.is_zero()) else {
                let text = format!("{name}: nothing of {instrument} is free to be adopted");
                self.note(Severity::Warning, "NOTHING_TO_ADOPT", text);
                continue;
            };
            instance.ledger.adopt(&instrument, free, position.average_price, position.multiplier, now);
            let text = format!("{name} owns {free} {instrument} from now on");
            self.note(Severity::Info, "ADOPTED", text);
        }
        if let Some(instance) = self.host.instances.get_mut(name) {
            (instance.adopted, instance.dirty) = (true, true);
        }
    }
}
