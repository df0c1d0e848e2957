//! A broker at the end of a bad line: it works orders, and what it is told and tells is late, lost, repeated and out of order.

use std::collections::BTreeMap;

use arbion::domain::execution::{Execution, ExecutionKind, OrderEvent, OrderUpdate, Reject};
use arbion::domain::ids::{AccountId, BrokerOrderId, ClientOrderId, ExecutionId};
use arbion::domain::money::{Currency, Quantity};
use arbion::domain::order::OrderRequest;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::random::Random;

/// An order as the broker knows it.
pub(crate) struct Held {
    pub(crate) request: OrderRequest,
    pub(crate) fills: Vec<Execution>,
    pub(crate) canceled: bool,
    visible_at: Timestamp,
}

impl Held {
    pub(crate) fn filled(&self) -> Quantity {
        self.fills.iter().map(|fill| fill.quantity).fold(Quantity::ZERO, |a, b| a + b)
    }

    pub(crate) fn works(&self) -> bool {
        !self.canceled && self.filled() < self.request.quantity
    }
}

/// Which faults a seed has.
#[derive(Clone, Copy)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    pub(crate) latency_ms: u64,
    pub(crate) hidden_ms: u64,
}

impl Faults {
    pub(crate) const NONE: Self = Self { lost: 0, repeated: 0, latency_ms: 20, hidden_ms: 1 };
}

enum Wish {
    Submit(Box<OrderRequest>),
    Cancel(ClientOrderId),
}

#[derive(Default)]
pub(crate) struct Broker {
    pub(crate) orders: BTreeMap<ClientOrderId, Held>,
    /// What is on the line towards the broker and back, by arrival.
    inbound: BTreeMap<(Timestamp, u64), Wish>,
    outbound: BTreeMap<(Timestamp, u64), OrderUpdate>,
    count: u64,
}

impl Broker {
    fn later(&mut self, random: &mut Random, faults: Faults, now: Timestamp) -> (Timestamp, u64) {
        self.count += 1;
        let wait = i64::try_from(random.below(faults.latency_ms) + 1).unwrap();
        (now + SignedDuration::from_millis(wait), self.count)
    }

    fn tell(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, event: OrderEvent) {
        let copies = 1 + u64::from(r.once_in(faults.repeated));
        for _ in 0..copies {
            let at = self.later(r, faults, now);
            let account = AccountId::new("sim");
            let update = OrderUpdate { account, client_order_id: id, at: now, event: event.clone() };
            self.outbound.insert(at, update);
        }
    }

    /// Takes a submit from the link. A lost one may or may not have come through.
    pub(crate) fn submit(&mut self, r: &mut Random, faults: Faults, now: Timestamp, order: &OrderRequest) {
        let id = order.client_order_id;
        assert!(!self.orders.contains_key(&id), "order {id} was sent twice");
        let lost = r.once_in(faults.lost);
        if lost {
            self.tell(r, faults, now, id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        }
        if !lost || r.once_in(2) {
            let at = self.later(r, faults, now);
            self.inbound.insert(at, Wish::Submit(Box::new(order.clone())));
        }
    }

    pub(crate) fn cancel(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId) {
        if !r.once_in(faults.lost) {
            let at = self.later(r, faults, now);
            self.inbound.insert(at, Wish::Cancel(id));
        }
    }

    /// Answers a question about one order, its fills with it.
    pub(crate) fn ask(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId) {
        self.arrive(r, faults, now);
        let Some(held) = self.orders.get(&id).filter(|held| held.visible_at <= now) else {
            return self.tell(r, faults, now, id, OrderEvent::NotFound);
        };
        let (canceled, works) = (held.canceled, held.works());
        self.recount(r, faults, now, id);
        if canceled {
            self.tell(r, faults, now, id, OrderEvent::Canceled { reason: None });
        } else if works {
            self.tell(r, faults, now, id, acknowledged(id));
        }
    }

    /// The list of executions: whatever the stream lost comes again.
    fn recount(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId) {
        let fills = self.orders.get(&id).map(|held| held.fills.clone()).unwrap_or_default();
        for fill in fills {
            self.tell(r, faults, now, id, OrderEvent::Filled(fill));
        }
    }

    /// Works what has arrived by now, as of when it arrived.
    fn arrive(&mut self, r: &mut Random, faults: Faults, until: Timestamp) {
        while let Some(entry) = self.inbound.first_entry().filter(|entry| entry.key().0 <= until) {
            let now = entry.key().0;
            match entry.remove() {
                Wish::Submit(request) => self.accept(r, faults, now, *request),
                Wish::Cancel(id) => match self.orders.get_mut(&id) {
                    Some(held) if held.works() => {
                        held.canceled = true;
                        self.say(r, faults, now, id, OrderEvent::Canceled { reason: None });
                    }
                    _ => {
                        let reject = Reject { code: "UNKNOWN".into(), message: "no such order works".into() };
                        self.say(r, faults, now, id, OrderEvent::CancelRejected(reject));
                    }
                },
            }
        }
    }

    /// Works what has arrived, and fills some of what works.
    pub(crate) fn work(&mut self, r: &mut Random, faults: Faults, now: Timestamp) {
        self.arrive(r, faults, now);
        let working: Vec<_> =
            self.orders.iter().filter(|(_, held)| held.works()).map(|(id, _)| *id).collect();
        for id in working {
            if r.once_in(6) {
                self.fill(r, faults, now, id);
            }
        }
    }

    fn accept(&mut self, r: &mut Random, faults: Faults, now: Timestamp, request: OrderRequest) {
        let id = request.client_order_id;
        if r.once_in(25) {
            let reject = Reject { code: "NO".into(), message: "not today".into() };
            return self.tell(r, faults, now, id, OrderEvent::Rejected(reject));
        }
        let hidden = i64::try_from(r.below(faults.hidden_ms)).unwrap();
        let visible_at = now + SignedDuration::from_millis(hidden);
        self.orders.insert(id, Held { request, fills: Vec::new(), canceled: false, visible_at });
        self.say(r, faults, now, id, acknowledged(id));
    }

    fn fill(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId) {
        let Some(held) = self.orders.get_mut(&id) else { return };
        let open = held.request.quantity - held.filled();
        let part = Quantity::new(Decimal::from(r.below(10) + 1));
        let fill = Execution {
            execution_id: ExecutionId::new(format!("{id}-{}", held.fills.len())),
            account: AccountId::new("sim"),
            client_order_id: Some(id),
            broker_order_id: Some(BrokerOrderId::new(id.to_string())),
            instrument: held.request.subject.instrument().unwrap().clone(),
            side: held.request.side,
            quantity: part.min(open),
            price: held.request.pricing.limit_price().unwrap(),
            multiplier: Decimal::ONE,
            fee: Decimal::ZERO,
            currency: Currency::USD,
            at: now,
            kind: ExecutionKind::Trade,
        };
        held.fills.push(fill.clone());
        self.say(r, faults, now, id, OrderEvent::Filled(fill));
    }

    /// Over the stream, where a message may be lost.
    fn say(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, event: OrderEvent) {
        if !r.once_in(faults.lost) {
            self.tell(r, faults, now, id, event);
        }
    }

    /// What has arrived by now.
    pub(crate) fn receive(&mut self, now: Timestamp) -> Option<OrderUpdate> {
        let entry = self.outbound.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// The line is cut: nothing that is on it arrives, but what the broker has begins to be heard anew.
    pub(crate) fn cut(&mut self) {
        self.outbound.clear();
    }
}

fn acknowledged(id: ClientOrderId) -> OrderEvent {
    OrderEvent::Acknowledged { broker_order_id: BrokerOrderId::new(id.to_string()) }
}
