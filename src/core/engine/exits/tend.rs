//! One plan after something has moved: is there still a position, how did its order end, is more to be done.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::core::effect::Effect;
use crate::core::engine::Engine;
use crate::domain::exit::{ExitReason, ExitState};
use crate::domain::ids::ClientOrderId;
use crate::domain::money::Quantity;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::Severity;

use super::Key;
use super::parts::REPLACES_MAX;

/// Orders and prices after which it is said that an exit does not get out.
pub(super) const ATTEMPTS_MAX: u32 = 5;
/// A limit price is tried for so long.
pub(super) const REPRICED_AFTER: SignedDuration = SignedDuration::from_secs(2);
/// An order that was refused or ended is followed by another after this: the same one within three seconds counts as a repetition.
pub(super) const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(4);
/// Once it is stuck.
pub(super) const STUCK_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);

impl Engine {
    pub(super) fn tend_exit(&mut self, key: &Key) {
        let held = self.covered(key);
        let Some(watch) = self.exits.watches.get(key) else { return };
        let group = watch.group.clone();
        let gone = held.is_zero() || held.is_negative() == group.long;
        if group.state == ExitState::Armed {
            return self.tend_resting(key, held);
        }
        // Its stop at the broker is on its way out, or has filled meanwhile.
        if let Some(resting) = group.resting.and_then(|id| self.standing(id)) {
            if !resting.is_working() {
                return self.resting_ended_at_work(key, &resting, held);
            }
            if gone && group.order.is_none() {
                return self.withdraw(key, &resting);
            }
        }
        let order = group.order.and_then(|id| self.standing(id));
        match order {
            Some(order) if order.is_working() => {
                if gone {
                    self.withdraw(key, &order);
                } else {
                    self.push_exit(key, &order, held);
                }
            }
            Some(order) => self.order_ended(key, &order, held),
            None if gone => self.end_exit(key, "the position is closed"),
            None => self.send_exit(key, held),
        }
    }

    /// While its exit is on the way its stop at the broker has ended. What that closed the exit need not.
    fn resting_ended_at_work(&mut self, key: &Key, order: &Order, held: Quantity) {
        let state = |engine: &Self| engine.exits.watches.get(key).map(|watch| watch.group.state);
        let before = state(self);
        self.resting_ended(key, order, held);
        if let Some(watch) = self.exits.watches.get_mut(key) {
            // It is set off and goes its way; the stop comes back for what is left afterwards.
            watch.group.engine_only = false;
        }
        if state(self).is_some() && state(self) == before {
            self.exits.stirred.insert(key.clone());
            self.tend_exit(key);
        }
    }

    /// The order that stands for one now: what replaced it, or the one that works on where its replacement came to nothing.
    pub(super) fn standing(&self, id: ClientOrderId) -> Option<Order> {
        let order = self.book.get(id)?;
        let came_to_nothing =
            matches!(order.status, OrderStatus::Rejected | OrderStatus::Denied | OrderStatus::Canceled)
                && order.filled_quantity.is_zero();
        let before = order.replaces.filter(|_| came_to_nothing).and_then(|id| self.book.get(id));
        Some(before.filter(|before| before.is_working()).unwrap_or(order).clone())
    }

    /// The position is closed without it: its order must not open another one.
    pub(super) fn withdraw(&mut self, key: &Key, order: &Order) {
        if matches!(
            order.status,
            OrderStatus::Submitted | OrderStatus::PartiallyFilled | OrderStatus::PendingSubmit
        ) && self.cancel_for_exit(order.request.client_order_id)
        {
            self.note(
                Severity::Info,
                "EXIT_WITHDRAWN",
                format!("{} {}: the position is closed, order {} is canceled", key.0, key.1, order.number),
            );
        }
    }

    /// What an order and those that it replaced have filled.
    pub(super) fn filled_in_all(&self, order: &Order) -> Quantity {
        let mut sum = order.filled_quantity + order.overfill_quantity;
        let mut before = order.replaces;
        for _ in 0..REPLACES_MAX {
            let Some(old) = before.and_then(|id| self.book.get(id)) else { break };
            sum += old.filled_quantity + old.overfill_quantity;
            before = old.replaces;
        }
        sum
    }

    /// Its order has ended: filled, or by something else. What is left is closed by another one.
    fn order_ended(&mut self, key: &Key, order: &Order, held: Quantity) {
        let filled = self.filled_in_all(order);
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        let group = &mut watch.group;
        (group.order, group.by_hand) = (None, false);
        group.to_close = group.to_close.map(|left| (left - filled.get()).max(Decimal::ZERO));
        if matches!(group.state, ExitState::Working) {
            group.state = ExitState::Triggered;
        }
        let reason = group.reason;
        let part_done = group.to_close.is_some_and(|left| left.is_zero());
        let (long, set_off) = (group.long, group.reason == Some(ExitReason::TakeProfit));
        self.exits.changed();
        let total = self.held(&key.0, &key.1);
        let turned = !total.is_zero() && total.is_negative() == long;
        if turned && filled.is_positive() && total.abs() <= filled && reason != Some(ExitReason::Race) {
            return self.turn_exit(key, total);
        }
        if held.is_zero() || turned {
            return self.end_exit(key, "it is out");
        }
        if part_done {
            return self.step_done(key, set_off);
        }
        self.send_exit(key, held);
    }

    /// A part of the position was closed as planned: it watches on.
    fn step_done(&mut self, key: &Key, is_step: bool) {
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        let group = &mut watch.group;
        (group.state, group.reason, group.to_close) = (ExitState::Armed, None, None);
        (group.attempts, group.tried_at) = (0, None);
        group.steps_done += usize::from(is_step);
        let steps = group.steps_done;
        self.exits.changed();
        self.note(Severity::Info, "EXIT_STEP", format!("{} {}: target {steps} is taken", key.0, key.1));
    }

    pub(super) fn end_exit(&mut self, key: &Key, why: &str) {
        // A stop that still works at its broker would open a position: it goes first, and what is told of it is still the plan's.
        let resting = self.exits.watches.get(key).and_then(|watch| watch.group.resting);
        if let Some(order) = resting.and_then(|id| self.standing(id)).filter(Order::is_working) {
            if let Some(watch) = self.exits.watches.get_mut(key) {
                let group = &mut watch.group;
                (group.state, group.reason, group.to_close, group.order) =
                    (ExitState::Armed, None, None, None);
            }
            self.exits.changed();
            return self.send_away(key, order.request.client_order_id);
        }
        self.exits.beyond.remove(key);
        self.exits.watches.remove(key);
        self.exits.changed();
        self.note(Severity::Info, "EXIT_DONE", format!("{} {}: {why}", key.0, key.1));
    }

    /// One more try; said once when it has been tried too often.
    pub(super) fn tried(&mut self, key: &Key, why: &str) {
        let now = self.now;
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        let group = &mut watch.group;
        group.attempts = group.attempts.saturating_add(1);
        group.tried_at = Some(now);
        let stuck = group.attempts > ATTEMPTS_MAX && group.state != ExitState::Stuck;
        if stuck {
            group.state = ExitState::Stuck;
        }
        let attempts = group.attempts;
        self.exits.changed();
        if stuck {
            let text = format!(
                "{} {}: the exit does not get out after {} tries ({why}); it is tried on every {} s",
                key.0,
                key.1,
                attempts - 1,
                STUCK_AGAIN_AFTER.as_secs()
            );
            self.note(Severity::Error, "EXIT_STUCK", text.clone());
            self.after_journal.push(Effect::Ring { text });
        }
    }
}
