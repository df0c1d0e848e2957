//! An order that closes a position whose stop works at its broker: the stop goes first, and only when it is known to be gone does the order go.
//! It is on the journal before, as any order; where the stop has filled instead, it is never sent.

use jiff::{SignedDuration, Timestamp};

use crate::core::effect::Effect;
use crate::core::engine::Engine;
use crate::domain::ids::ClientOrderId;
use crate::domain::money::Quantity;
use crate::domain::order::{OrderRequest, OriginKind};
use crate::domain::snapshot::Severity;

use super::Key;

/// A broker has so long to let a stop go; an order that waited longer is not sent.
const GOES_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// An order that waits, and what for.
#[derive(Debug)]
pub(super) struct HeldBack {
    order: ClientOrderId,
    stops: Vec<ClientOrderId>,
    since: Timestamp,
    /// What is sent once the way is free; absent until it is on the disk.
    effect: Option<Effect>,
}

impl Engine {
    /// Plans whose stop at the broker holds units that an order is to close.
    fn in_the_way(&self, request: &OrderRequest) -> Vec<Key> {
        let Some(instrument) = request.subject.instrument() else { return Vec::new() };
        if self.exits.resting.is_empty() || request.origin.kind == OriginKind::Exit {
            return Vec::new();
        }
        let held = self.held(&request.account, instrument);
        if held.is_zero() || held.is_negative() != request.side.is_buy() {
            return Vec::new();
        }
        let rests = self.exits.parts(&request.account, instrument);
        rests.filter(|(_, watch)| watch.group.resting.is_some()).map(|(key, _)| key.clone()).collect()
    }

    /// Clears the way of an order that was approved and is about to be written. Called before its submit is asked for.
    pub(in crate::core::engine) fn clear_the_way(&mut self, request: &OrderRequest) {
        let keys = self.in_the_way(request);
        let mut stops = Vec::new();
        for key in keys {
            let stop = self.exits.watches.get(&key).and_then(|watch| watch.group.resting);
            // Whoever wants to sell now does not wait for the plan's own pauses.
            if let Some(order) = stop.and_then(|id| self.standing(id)) {
                self.exits.canceled.remove(&order.request.client_order_id);
            }
            stops.extend(stop);
            self.withdraw_resting(&key);
        }
        if !stops.is_empty() {
            let order = request.client_order_id;
            self.exits.held_back.push(HeldBack { order, stops, since: self.now, effect: None });
        }
    }

    /// Does a submit that is on the disk wait; it is kept then.
    pub(in crate::core::engine) fn holds_back(&mut self, effect: &Effect) -> bool {
        let Effect::Submit { order, .. } = effect else { return false };
        let id = order.get().client_order_id;
        let Some(held) = self.exits.held_back.iter_mut().find(|held| held.order == id) else { return false };
        held.effect = Some(effect.clone());
        true
    }

    /// Sends what has waited long enough for its way to be free, and ends what must not go any more.
    pub(super) fn let_go(&mut self) {
        let mut waiting = Vec::new();
        for mut held in std::mem::take(&mut self.exits.held_back) {
            let gone = held.stops.iter().all(|id| self.standing(*id).is_none_or(|order| !order.is_working()));
            let late = self.now.duration_since(held.since) >= GOES_WITHIN;
            let wanted = self.book.get(held.order).is_some_and(|order| order.is_working());
            if !wanted && held.effect.is_none() {
                continue;
            }
            let Some(effect) = held.effect.take_if(|_| gone || late) else {
                waiting.push(held);
                continue;
            };
            if self.was_withdrawn(held.order) {
                self.never_send(&[held.order]);
            } else if late && !gone {
                self.not_sent(held.order, "its stop at the broker was not let go in time");
            } else if self.exceeds(held.order) {
                self.not_sent(held.order, "its stop at the broker has filled");
            } else {
                self.goes_now(&effect);
                self.effects.push(effect);
            }
        }
        self.exits.held_back.append(&mut waiting);
    }

    /// Does an order close more than there is by now.
    fn exceeds(&self, id: ClientOrderId) -> bool {
        let Some(order) = self.book.get(id) else { return true };
        let request = &order.request;
        let Some(instrument) = request.subject.instrument() else { return false };
        let held = self.held(&request.account, instrument);
        let closable = if held.is_negative() == request.side.is_buy() { held.abs() } else { Quantity::ZERO };
        request.quantity > closable
    }

    fn not_sent(&mut self, id: ClientOrderId, why: &str) {
        let number = self.book.get(id).map(|order| order.number);
        self.never_send(&[id]);
        if let Some(number) = number {
            self.note(Severity::Warning, "ORDER_NOT_SENT", format!("order {number} was not sent: {why}"));
        }
    }
}
