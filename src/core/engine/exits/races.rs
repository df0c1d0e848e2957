//! Fills that came too late: an order that was to close, and was said to be gone, has filled all the same, and the position stands on the
//! other side. What that opened is closed again, once the broker's own positions show it: the words that explain it may only be late.

use crate::core::effect::Effect;
use crate::core::engine::Engine;
use crate::core::stops;
use crate::domain::execution::Execution;
use crate::domain::exit::{ExitGroup, ExitReason, ExitState};
use crate::domain::money::Quantity;
use crate::domain::order::Order;
use crate::domain::position::Position;
use crate::domain::snapshot::Severity;
use crate::domain::statement::Statement;

use super::Key;
use super::orders::MADE_ROOM;
use super::parts::REPLACES_MAX;

impl Engine {
    /// An order that only closes has filled though its position was closed without it: its plan has ended, or it had made room for an exit, and
    /// the broker's word that it was gone was wrong. True where the order was one.
    pub(super) fn opened_by_exit(&mut self, execution: &Execution, opened: Quantity) -> bool {
        let order = execution.client_order_id.and_then(|id| self.book.get(id));
        let Some(order) = order.filter(|order| self.opens_by_mistake(order)) else { return false };
        let id = order.request.client_order_id;
        let (account, instrument) = (&execution.account, &execution.instrument);
        // Its own plan sees it by itself.
        if self.exits.parts(account, instrument).any(|(_, watch)| self.is_order_of(&watch.group, id)) {
            return true;
        }
        let race = |group: &ExitGroup| group.unconfirmed && group.opened_by == Some(id);
        let begun = self.exits.parts(account, instrument).find(|(_, watch)| race(&watch.group));
        if let Some(key) = begun.map(|(key, _)| key.clone()) {
            self.extend_plan(&key, opened);
            return true;
        }
        let Some(position) = self.position(account, instrument) else { return true };
        let quantity = Quantity::new(opened.get() * execution.side.sign());
        let position = Position { quantity, average_price: execution.price, ..position };
        let key = (account.clone(), instrument.clone(), self.next_part(execution, ""));
        let what = format!("{} {}: an exit filled after its position was closed", key.0, key.1);
        let group = ExitGroup { opened_by: Some(id), ..stops::race(&position, self.now) };
        let text = match self.put_plan(key, group) {
            Ok(()) => {
                format!("{what}, {quantity} is left and is closed again once the broker's positions show it")
            }
            Err(why) => format!("{what}, {quantity} is left: {why}"),
        };
        self.want_statement(&execution.account);
        self.note(Severity::Error, "OCO_RACE", text.clone());
        self.after_journal.push(Effect::Ring { text });
        true
    }

    /// Is an order one whose fill opens nothing but by mistake. The exit of a bracket may be told of before the fill of its entry.
    fn opens_by_mistake(&self, order: &Order) -> bool {
        let made_room = order.reason.as_deref() == Some(MADE_ROOM);
        (order.request.reduce_only || made_room) && !self.entry_may_fill(order)
    }

    /// May the order that the exit of a bracket belongs to, or what took its place, still fill.
    fn entry_may_fill(&self, exit: &Order) -> bool {
        let mut first = exit;
        for _ in 0..REPLACES_MAX {
            let Some(before) = first.replaces.and_then(|id| self.book.get(id)) else { break };
            first = before;
        }
        let mut entry = first.request.contingency.parent.and_then(|parent| self.book.get(parent));
        for _ in 0..REPLACES_MAX {
            let Some(order) = entry else { return false };
            if order.is_working() {
                return true;
            }
            entry = self.replacement_of(order.request.client_order_id).and_then(|id| self.book.get(id));
        }
        false
    }

    /// Is what a late fill opened not shown by the broker's positions yet: nothing goes before, and they are asked for.
    pub(super) fn waits_for_proof(&mut self, key: &Key) -> bool {
        // A run on bars has no broker that could be asked.
        let doubted = self.exits.watches.get(key).is_some_and(|watch| watch.group.unconfirmed);
        let waits = doubted && !self.config.bar_mode;
        if waits {
            self.want_statement(&key.0);
        }
        waits
    }

    /// A broker shows its positions: those that stand there as they stand here have been opened.
    pub(in crate::core::engine) fn prove_races(&mut self, statement: &Statement, positions: &[Position]) {
        let account = &statement.account;
        let doubted = |key: &Key, group: &ExitGroup| {
            key.0 == *account && group.unconfirmed && group.set_at < statement.asked_at
        };
        let watches = self.exits.watches.iter().filter(|(key, watch)| doubted(key, &watch.group));
        let keys: Vec<Key> = watches.map(|(key, _)| key.clone()).collect();
        for key in keys {
            let there = positions.iter().filter(|position| position.instrument == key.1);
            let there = there.fold(Quantity::ZERO, |sum, position| sum + position.quantity);
            let here = self.held(account, &key.1);
            let Some(watch) = self.exits.watches.get_mut(&key).filter(|_| there == here) else { continue };
            watch.group.unconfirmed = false;
            self.exits.stirred.insert(key);
            self.exits.changed();
        }
    }

    /// Its order and another one have both closed, and the position stands on the other side: what that opened is closed again.
    pub(super) fn turn_exit(&mut self, key: &Key, held: Quantity) {
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        let group = &mut watch.group;
        group.long = !group.long;
        (group.state, group.reason, group.to_close) = (ExitState::Triggered, Some(ExitReason::Race), None);
        (group.attempts, group.tried_at) = (0, None);
        (group.owner, group.units) = (None, None);
        self.exits.changed();
        self.withdraw_resting(key);
        let text = format!("{} {}: two orders closed it, {held} is left and is closed again", key.0, key.1);
        self.note(Severity::Error, "OCO_RACE", text.clone());
        self.after_journal.push(Effect::Ring { text });
        self.send_exit(key, held);
    }
}
