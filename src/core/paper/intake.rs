//! Orders, cancels and replaces as they reach the venue.

use jiff::Timestamp;
use jiff::civil::time;

use crate::domain::calendar::{exchange_date, instant, plus_days};
use crate::domain::execution::{OrderEvent, Reject};
use crate::domain::ids::ClientOrderId;
use crate::domain::money::Quantity;
use crate::domain::order::{OrderRequest, OrderStatus, TimeInForce, TradingSession};

use super::{Charged, ENDED_MAX, Ended, Resting, Stage, Venue};

impl Venue {
    /// An order arrives. A repeat of a known id is the same order and changes nothing.
    pub fn submit(&mut self, now: Timestamp, request: &OrderRequest) {
        self.now = self.now.max(now);
        let id = request.client_order_id;
        if self.ids.contains_key(&id) || self.ended.contains_key(&id) {
            return;
        }
        for instrument in request.subject.instruments() {
            self.spec_or_standard(instrument);
        }
        if let Some(reject) = self.refusal(request) {
            self.ended.insert(id, Ended { status: OrderStatus::Rejected, filled: Quantity::ZERO });
            for exit in request.exit_orders() {
                let reject =
                    Reject { code: "PARENT_REJECTED".into(), message: "its parent was refused".to_owned() };
                self.report(exit.client_order_id, self.now, OrderEvent::Rejected(reject));
            }
            self.report(id, self.now, OrderEvent::Rejected(reject));
            return;
        }
        let stage = match request.contingency.parent {
            Some(parent) if self.ids.contains_key(&parent) => Stage::Held,
            _ => Stage::InFlight(self.now + Self::millis(self.config.ack_ms)),
        };
        self.accept(request.clone(), stage);
        for exit in request.exit_orders() {
            self.accept(exit, Stage::Held);
        }
        self.schedule();
        self.advance(now);
    }

    fn accept(&mut self, request: OrderRequest, stage: Stage) {
        let seq = self.next_seq;
        self.next_seq += 1;
        let id = request.client_order_id;
        self.ids.insert(id, seq);
        self.index(seq, &request);
        // No order outlives its contract.
        let contract_end = request
            .subject
            .instruments()
            .filter_map(|instrument| Some(self.calendar.expiry_instant(instrument.as_option()?.expiry)))
            .min();
        let order = Resting {
            expires_at: self.expires_at(&request).into_iter().chain(contract_end).min(),
            request,
            stage,
            filled: Quantity::ZERO,
            triggered: false,
            rested: false,
            ahead: None,
            charged: Charged::default(),
            trail_stop: None,
            told_stop: None,
            since: self.now,
            cancel_at: None,
        };
        self.orders.insert(seq, Box::new(order));
        self.arm(seq);
        if stage == Stage::Held {
            self.acknowledge(id, seq, self.now);
        }
    }

    /// When its time in force ends. Day orders are most orders, and zones are dear: all those of one session end together.
    fn expires_at(&mut self, request: &OrderRequest) -> Option<Timestamp> {
        let plain = request.time_in_force == TimeInForce::Day
            && request.session == TradingSession::Regular
            && !request.subject.asset_class().trades_around_the_clock();
        if !plain {
            return self.expiry(request);
        }
        if let Some((since, end)) = self.session_end
            && since <= self.now
            && self.now < end
        {
            return Some(end);
        }
        let end = self.expiry(request);
        self.session_end = end.map(|end| (self.now, end));
        end
    }

    fn expiry(&self, request: &OrderRequest) -> Option<Timestamp> {
        let around_the_clock = request.subject.asset_class().trades_around_the_clock();
        let today = exchange_date(self.now);
        let end_of = |day| {
            let extended =
                request.session == TradingSession::Extended && request.time_in_force == TimeInForce::Day;
            let close =
                self.calendar.session(day).map_or_else(|| instant(day, time(16, 0, 0, 0)), |s| s.close);
            if extended { instant(day, time(20, 0, 0, 0)) } else { close }
        };
        match request.time_in_force {
            TimeInForce::Day | TimeInForce::Opg | TimeInForce::Cls if around_the_clock => {
                Some(instant(plus_days(today, 1), time(0, 0, 0, 0)))
            }
            TimeInForce::Day | TimeInForce::Cls => {
                let mut day = self.calendar.session_on_or_before(today);
                while end_of(day) <= self.now {
                    day = self.calendar.next_session(day);
                }
                Some(end_of(day))
            }
            // An opening order has the first minutes of the next session.
            TimeInForce::Opg => {
                let mut day = self.calendar.session_on_or_before(today);
                while self.calendar.session(day).is_none_or(|s| s.open <= self.now) {
                    day = self.calendar.next_session(day);
                }
                Some(end_of(day))
            }
            TimeInForce::Gtd => request.expire_date.map(|day| {
                if around_the_clock { instant(plus_days(day, 1), time(0, 0, 0, 0)) } else { end_of(day) }
            }),
            TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => None,
        }
    }

    /// A cancel arrives. It takes effect after its delay and can lose the race against a fill.
    pub fn cancel(&mut self, now: Timestamp, id: ClientOrderId) {
        self.now = self.now.max(now);
        let at = self.now + Self::millis(self.config.cancel_ms);
        let seq = self.ids.get(&id).copied();
        match seq.and_then(|seq| Some((seq, self.orders.get_mut(&seq)?))) {
            Some((seq, order)) => {
                order.cancel_at.get_or_insert(at);
                self.arm(seq);
                self.schedule();
                self.advance(now);
            }
            None => {
                let message = match self.ended.get(&id) {
                    Some(ended) => format!("the order is {} already", ended.status),
                    None => "no such order".to_owned(),
                };
                self.report(
                    id,
                    self.now,
                    OrderEvent::CancelRejected(Reject { code: "TOO_LATE".into(), message }),
                );
            }
        }
    }

    /// A replace arrives: the old order ends, the new one works in its place with the time priority of now. `known` is what had filled of the
    /// old one when the new one was made for the rest: what has filled since comes off it, so that both together are never more than was meant.
    pub fn replace(&mut self, now: Timestamp, id: ClientOrderId, known: Quantity, new: &OrderRequest) {
        self.now = self.now.max(now);
        let too_late = |message: &str| Reject { code: "TOO_LATE".into(), message: message.to_owned() };
        let Some(seq) = self.ids.get(&id).copied() else {
            return self.refuse_replace(id, new, too_late("the order has ended"));
        };
        let Some(old) = self.orders.get(&seq) else { return };
        let left = new.quantity - (old.filled - known).max(Quantity::ZERO);
        if !left.is_positive() {
            return self.refuse_replace(id, new, too_late("as much has filled already"));
        }
        let Some(old) = self.orders.remove(&seq) else { return };
        self.forget(seq, &old);
        let changed = left != new.quantity;
        let mut new = OrderRequest { quantity: left, ..new.clone() };
        if let Some(reject) = self.refusal(&new) {
            self.ids.insert(id, seq);
            self.index(seq, &old.request);
            self.orders.insert(seq, old);
            return self.refuse_replace(id, &new, reject);
        }
        self.remember(id, OrderStatus::Replaced, old.filled);
        self.report(id, self.now, OrderEvent::Replaced { by: new.client_order_id });
        // The exits wait for whichever order stands in the parent's place.
        let (profit, loss) = (new.take_profit.take(), new.stop_loss.take());
        let known = |exit: &Option<crate::domain::order::BracketExit>| {
            exit.as_ref().is_some_and(|e| self.ids.contains_key(&e.client_order_id))
        };
        if !known(&profit) && !known(&loss) {
            (new.take_profit, new.stop_loss) = (profit, loss);
        }
        for order in self.orders.values_mut().filter(|order| order.request.contingency.parent == Some(id)) {
            order.request.contingency.parent = Some(new.client_order_id);
        }
        let new_id = new.client_order_id;
        let held = old.stage == Stage::Held;
        self.accept(new, if held { Stage::Held } else { Stage::Working });
        if !held && let Some(seq) = self.ids.get(&new_id).copied() {
            self.acknowledge(new_id, seq, self.now);
        }
        if changed {
            self.report(new_id, self.now, OrderEvent::QuantityChanged { quantity: left });
        }
        self.schedule();
    }

    /// The old order works on, if it still does, and the new one never will.
    fn refuse_replace(&mut self, id: ClientOrderId, new: &OrderRequest, reject: Reject) {
        self.report(id, self.now, OrderEvent::ReplaceRejected(reject.clone()));
        self.report(new.client_order_id, self.now, OrderEvent::Rejected(reject));
    }

    /// Takes an order out of the market and says why. Children of an order that never filled go with it.
    pub(super) fn end(&mut self, seq: u64, status: OrderStatus, reason: Option<String>) {
        let Some(order) = self.orders.remove(&seq) else { return };
        self.forget(seq, &order);
        let id = order.request.client_order_id;
        self.remember(id, status, order.filled);
        match status {
            OrderStatus::Expired => self.report(id, self.now, OrderEvent::Expired),
            OrderStatus::Canceled => self.report(id, self.now, OrderEvent::Canceled { reason }),
            _ => {}
        }
        if order.filled.is_zero() {
            let children: Vec<u64> = self
                .orders
                .iter()
                .filter(|(_, child)| child.request.contingency.parent == Some(id))
                .map(|(seq, _)| *seq)
                .collect();
            for child in children {
                self.end(child, OrderStatus::Canceled, Some("its parent ended without a fill".to_owned()));
            }
        }
    }

    fn forget(&mut self, seq: u64, order: &Resting) {
        self.ids.remove(&order.request.client_order_id);
        for instrument in order.request.subject.instruments() {
            // What was traded once is mostly traded again: an empty list stays.
            if let Some(list) = self.by_instrument.get_mut(instrument) {
                list.retain(|other| *other != seq);
            }
        }
    }

    fn remember(&mut self, id: ClientOrderId, status: OrderStatus, filled: Quantity) {
        self.ended.insert(id, Ended { status, filled });
        self.ended.keep_last(ENDED_MAX);
    }
}
