//! A broker at the end of a bad line: it works orders, and what it is told and tells is late, lost, repeated and out of order.

use std::collections::{BTreeMap, BTreeSet};

use arbion::domain::execution::{
    AccountEvent, CashEntry, CashKind, Execution, ExecutionKind, OrderEvent, OrderUpdate, Reject,
};
use arbion::domain::ids::{AccountId, BrokerOrderId, ClientOrderId, ExecutionId};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Currency, Price, Quantity};
use arbion::domain::order::{OrderRequest, OrderSubject, Side};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::random::Random;

/// How an order ended, but by its fills.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Canceled,
    Expired,
    Replaced(ClientOrderId),
}

/// An order as the broker knows it.
pub(crate) struct Held {
    pub(crate) request: OrderRequest,
    pub(crate) fills: Vec<Execution>,
    pub(crate) end: Option<End>,
    /// What works in all: less than was asked for once the other exit of a bracket has filled in part.
    quantity: Quantity,
    /// The order whose end it waits for, and what was filled before that one took its place.
    waits: Option<(ClientOrderId, Quantity)>,
    visible_at: Timestamp,
}

impl Held {
    /// Units, or packages: those are counted by their first leg.
    pub(crate) fn filled(&self) -> Quantity {
        let first = self.request.subject.instruments().next();
        let counted = self.fills.iter().filter(|fill| Some(&fill.instrument) == first);
        counted.map(|fill| fill.quantity).fold(Quantity::ZERO, |a, b| a + b)
    }

    pub(crate) fn works(&self) -> bool {
        self.end.is_none() && self.filled() < self.quantity
    }
}

/// Which faults a seed has.
#[derive(Clone, Copy)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    pub(crate) latency_ms: u64,
    pub(crate) hidden_ms: u64,
    /// Fills taken back or corrected: one in so many turns.
    pub(crate) busts: u64,
}

impl Faults {
    pub(crate) const NONE: Self = Self { lost: 0, repeated: 0, latency_ms: 20, hidden_ms: 1, busts: 0 };
}

enum Wish {
    Submit(Box<OrderRequest>),
    Cancel(ClientOrderId),
    Replace(ClientOrderId, Box<OrderRequest>),
}

#[derive(Default)]
pub(crate) struct Broker {
    pub(crate) orders: BTreeMap<ClientOrderId, Held>,
    /// Executions of no order: fills taken back and corrected, options that expired.
    pub(crate) others: Vec<Execution>,
    /// Dividends, oldest first.
    dividends: Vec<CashEntry>,
    busted: BTreeSet<ExecutionId>,
    /// The option that has expired.
    expired: Option<Instrument>,
    /// What is on the line towards the broker and back, by arrival.
    inbound: BTreeMap<(Timestamp, u64), Wish>,
    outbound: BTreeMap<(Timestamp, u64), AccountEvent>,
    count: u64,
}

impl Broker {
    fn later(&mut self, random: &mut Random, faults: Faults, now: Timestamp) -> (Timestamp, u64) {
        self.count += 1;
        let wait = i64::try_from(random.below(faults.latency_ms) + 1).unwrap();
        (now + SignedDuration::from_millis(wait), self.count)
    }

    fn tell(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, event: OrderEvent) {
        let account = AccountId::new("sim");
        let update = OrderUpdate { account, client_order_id: id, at: now, event };
        self.send(r, faults, now, &AccountEvent::Order(update));
    }

    fn send(&mut self, r: &mut Random, faults: Faults, now: Timestamp, event: &AccountEvent) {
        let copies = 1 + u64::from(r.once_in(faults.repeated));
        for _ in 0..copies {
            let at = self.later(r, faults, now);
            self.outbound.insert(at, event.clone());
        }
    }

    /// Over the stream, where a message may be lost.
    fn say(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, event: OrderEvent) {
        if !r.once_in(faults.lost) {
            self.tell(r, faults, now, id, event);
        }
    }

    /// Takes a submit from the link. A lost one may or may not have come through.
    pub(crate) fn submit(&mut self, r: &mut Random, faults: Faults, now: Timestamp, order: &OrderRequest) {
        let wish = Wish::Submit(Box::new(order.clone()));
        self.take(r, faults, now, order.client_order_id, wish);
    }

    /// The same for a replace.
    pub(crate) fn replace(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        old: ClientOrderId,
        new: &OrderRequest,
    ) {
        let wish = Wish::Replace(old, Box::new(new.clone()));
        self.take(r, faults, now, new.client_order_id, wish);
    }

    fn take(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, wish: Wish) {
        assert!(!self.orders.contains_key(&id), "order {id} was sent twice");
        let lost = r.once_in(faults.lost);
        if lost {
            self.tell(r, faults, now, id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        }
        if !lost || r.once_in(2) {
            let at = self.later(r, faults, now);
            self.inbound.insert(at, wish);
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
        let (end, works, quantity) = (held.end, held.works(), held.quantity);
        let shrunk = quantity < held.request.quantity;
        // The list of executions: whatever the stream lost comes again.
        for fill in held.fills.clone() {
            self.tell(r, faults, now, id, OrderEvent::Filled(fill));
        }
        if shrunk {
            self.tell(r, faults, now, id, OrderEvent::QuantityChanged { quantity });
        }
        match end {
            Some(end) => self.tell(r, faults, now, id, ended(end)),
            None if works => self.tell(r, faults, now, id, acknowledged(id)),
            None => {}
        }
    }

    /// Executions that belong to no order of ours, all of them.
    pub(crate) fn recount(&mut self, r: &mut Random, faults: Faults, now: Timestamp) {
        for execution in self.others.clone() {
            self.send(r, faults, now, &AccountEvent::Execution(execution));
        }
        for entry in self.dividends.clone() {
            self.send(r, faults, now, &AccountEvent::Cash(entry));
        }
    }

    /// A quarter a share for whoever holds it now.
    pub(crate) fn pay_dividend(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        share: &Instrument,
    ) {
        let amount = self.units(share).get() * Decimal::new(25, 2);
        if amount.is_zero() {
            return;
        }
        let entry = CashEntry {
            id: ExecutionId::new(format!("dividend-{}", self.dividends.len())),
            account: AccountId::new("sim"),
            kind: CashKind::Dividend,
            amount,
            currency: Currency::USD,
            instrument: Some(share.clone()),
            at: now,
        };
        self.dividends.push(entry.clone());
        if !r.once_in(faults.lost) {
            self.send(r, faults, now, &AccountEvent::Cash(entry));
        }
    }

    /// Money that all fills and dividends have moved.
    pub(crate) fn money(&self) -> Decimal {
        let fills = self.orders.values().flat_map(|held| &held.fills).chain(&self.others);
        let paid: Decimal = fills.map(Execution::cash_flow).sum();
        paid + self.dividends.iter().map(|entry| entry.amount).sum::<Decimal>()
    }

    /// Works what has arrived by now, as of when it arrived.
    fn arrive(&mut self, r: &mut Random, faults: Faults, until: Timestamp) {
        while let Some(entry) = self.inbound.first_entry().filter(|entry| entry.key().0 <= until) {
            let now = entry.key().0;
            match entry.remove() {
                Wish::Submit(request) => self.accept(r, faults, now, *request),
                Wish::Cancel(id) if self.orders.get(&id).is_some_and(Held::works) => {
                    self.end(r, faults, now, id, End::Canceled);
                }
                Wish::Cancel(id) => {
                    self.say(r, faults, now, id, OrderEvent::CancelRejected(reject("no such order works")));
                }
                Wish::Replace(old, new) => self.exchange(r, faults, now, old, *new),
            }
        }
    }

    /// Puts one order in the place of another, if that one still works.
    fn exchange(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        old: ClientOrderId,
        new: OrderRequest,
    ) {
        let id = new.client_order_id;
        if !self.orders.get(&old).is_some_and(Held::works) || r.once_in(10) {
            self.say(r, faults, now, old, OrderEvent::ReplaceRejected(reject("it cannot be replaced")));
            self.tell(r, faults, now, id, OrderEvent::Rejected(reject("it could not replace the other")));
            return;
        }
        // Exits wait for whichever order stands in the parent's place.
        let (filled, waits) = (self.orders[&old].filled(), self.orders[&old].waits);
        let left = self.orders[&old].quantity - filled;
        for held in self.orders.values_mut() {
            if let Some((parent, before)) = held.waits.as_mut().filter(|(parent, _)| *parent == old) {
                (*parent, *before) = (id, *before + filled);
            }
        }
        let reduces = new.reduce_only;
        self.hold(r, faults, now, new, waits);
        self.end(r, faults, now, old, End::Replaced(id));
        self.say(r, faults, now, id, acknowledged(id));
        if reduces {
            // It closes no more than the exit whose place it takes.
            self.shrink(r, faults, now, id, left);
        }
    }

    /// Ends an order. What waited for it begins to work for what it filled, or ends with it.
    fn end(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, end: End) {
        if let Some(held) = self.orders.get_mut(&id) {
            held.end = Some(end);
        }
        self.say(r, faults, now, id, ended(end));
        self.release(r, faults, now, id);
    }

    fn release(&mut self, r: &mut Random, faults: Faults, now: Timestamp, parent: ClientOrderId) {
        let filled = self.orders.get(&parent).map(Held::filled).unwrap_or_default();
        let waiting: Vec<ClientOrderId> = self
            .orders
            .iter()
            .filter(|(_, held)| held.end.is_none() && held.waits.is_some_and(|(id, _)| id == parent))
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            let before = self.orders.get_mut(&id).and_then(|held| held.waits.take()).map(|(_, b)| b);
            let total = before.unwrap_or_default() + filled;
            if total.is_zero() {
                self.end(r, faults, now, id, End::Canceled);
            } else {
                self.shrink(r, faults, now, id, total);
            }
        }
    }

    fn shrink(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, most: Quantity) {
        let Some(held) = self.orders.get_mut(&id).filter(|held| held.quantity > most) else { return };
        held.quantity = most;
        self.say(r, faults, now, id, OrderEvent::QuantityChanged { quantity: most });
    }

    /// Works what has arrived, fills some of what works, takes some of that back.
    pub(crate) fn work(&mut self, r: &mut Random, faults: Faults, now: Timestamp) {
        self.arrive(r, faults, now);
        let working: Vec<_> =
            self.orders.iter().filter(|(_, held)| held.works()).map(|(id, _)| *id).collect();
        for id in working {
            // An exit may have been shrunk away by the other one meanwhile.
            let ready = self.orders.get(&id).is_some_and(|held| held.works() && held.waits.is_none());
            if ready && r.once_in(6) {
                self.fill(r, faults, now, id);
            }
        }
        if r.once_in(faults.busts) {
            self.bust(r, faults, now);
        }
    }

    fn accept(&mut self, r: &mut Random, faults: Faults, now: Timestamp, request: OrderRequest) {
        let (id, exits) = (request.client_order_id, request.exit_orders());
        let over = request.subject.instruments().any(|it| Some(it) == self.expired.as_ref());
        if r.once_in(25) || over {
            for id in exits.iter().map(|exit| exit.client_order_id).chain([id]) {
                self.tell(r, faults, now, id, OrderEvent::Rejected(reject("not today")));
            }
            return;
        }
        self.hold(r, faults, now, request, None);
        self.say(r, faults, now, id, acknowledged(id));
        for exit in exits {
            let exit_id = exit.client_order_id;
            self.hold(r, faults, now, exit, Some((id, Quantity::ZERO)));
            self.say(r, faults, now, exit_id, acknowledged(exit_id));
        }
    }

    fn hold(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        request: OrderRequest,
        waits: Option<(ClientOrderId, Quantity)>,
    ) {
        let hidden = i64::try_from(r.below(faults.hidden_ms)).unwrap();
        let visible_at = now + SignedDuration::from_millis(hidden);
        let (id, quantity) = (request.client_order_id, request.quantity);
        self.orders.insert(id, Held { request, fills: Vec::new(), end: None, quantity, waits, visible_at });
    }

    fn fill(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId) {
        let Some(held) = self.orders.get_mut(&id) else { return };
        let open = held.quantity - held.filled();
        let part = Quantity::new(Decimal::from(r.below(10) + 1)).min(open);
        let pricing = held.request.pricing;
        let legs: Vec<(Instrument, Side)> = match &held.request.subject {
            OrderSubject::Instrument(instrument) => vec![(instrument.clone(), held.request.side)],
            OrderSubject::Legs(legs) => legs.iter().map(|leg| (leg.instrument.clone(), leg.side)).collect(),
        };
        // The net price of a package is shared among its legs.
        let price = pricing.limit_price().or(pricing.stop_price()).unwrap().get();
        let price = Price::new(price / Decimal::from(legs.len()));
        let mut fills = Vec::new();
        for (instrument, side) in legs {
            let option = instrument.as_option().is_some();
            fills.push(Execution {
                execution_id: ExecutionId::new(format!("{id}-{}", held.fills.len() + fills.len())),
                account: AccountId::new("sim"),
                client_order_id: Some(id),
                broker_order_id: Some(BrokerOrderId::new(id.to_string())),
                instrument,
                side,
                quantity: part,
                price,
                multiplier: if option { Decimal::ONE_HUNDRED } else { Decimal::ONE },
                fee: part.get() * Decimal::new(1, 2),
                currency: Currency::USD,
                at: now,
                kind: ExecutionKind::Trade,
            });
        }
        held.fills.extend(fills.iter().cloned());
        let complete = !held.works();
        let group = held.request.contingency.oco_group;
        for fill in fills {
            self.say(r, faults, now, id, OrderEvent::Filled(fill));
        }
        if complete {
            self.release(r, faults, now, id);
        }
        // The other exit of a bracket closes what this one left.
        let others = self.orders.iter().filter(|(other, held)| {
            **other != id && group.is_some() && held.request.contingency.oco_group == group && held.works()
        });
        let others: Vec<_> = others.map(|(id, held)| (*id, held.quantity - part, held.filled())).collect();
        for (other, left, filled) in others {
            if left > filled {
                self.shrink(r, faults, now, other, left);
            } else if filled.is_positive() {
                self.shrink(r, faults, now, other, filled);
            } else {
                self.end(r, faults, now, other, End::Canceled);
            }
        }
    }

    /// Takes a fill back; half of the times another one, at another price, stands in its place.
    fn bust(&mut self, r: &mut Random, faults: Faults, now: Timestamp) {
        let fills = self.orders.values().flat_map(|held| &held.fills);
        let open: Vec<Execution> =
            fills.filter(|fill| !self.busted.contains(&fill.execution_id)).cloned().collect();
        if open.is_empty() {
            return;
        }
        let fill = &open[usize::try_from(r.below(open.len() as u64)).unwrap()];
        self.busted.insert(fill.execution_id.clone());
        let bust = Execution {
            execution_id: ExecutionId::new(format!("bust-{}", fill.execution_id)),
            side: if fill.side.is_buy() { Side::Sell } else { Side::Buy },
            fee: -fill.fee,
            at: now,
            kind: ExecutionKind::Bust,
            ..fill.clone()
        };
        self.happened(r, faults, now, bust);
        if r.once_in(2) {
            let corrected = Execution {
                execution_id: ExecutionId::new(format!("correct-{}", fill.execution_id)),
                price: Price::new(fill.price.get() + Decimal::new(25, 2)),
                at: now,
                ..fill.clone()
            };
            self.happened(r, faults, now, corrected);
        }
    }

    /// The option expires worthless: orders in it end, what is held of it goes.
    pub(crate) fn expire(&mut self, r: &mut Random, faults: Faults, now: Timestamp, option: &Instrument) {
        self.arrive(r, faults, now);
        if self.expired.replace(option.clone()).is_some() {
            return;
        }
        let working = self.orders.iter().filter(|(_, held)| {
            held.end.is_none() && held.works() && held.request.subject.instruments().any(|it| it == option)
        });
        for id in working.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end(r, faults, now, id, End::Expired);
        }
        let held = self.units(option);
        if held.is_zero() {
            return;
        }
        let expiration = Execution {
            execution_id: ExecutionId::new("expiration"),
            account: AccountId::new("sim"),
            client_order_id: None,
            broker_order_id: None,
            instrument: option.clone(),
            side: if held.is_positive() { Side::Sell } else { Side::Buy },
            quantity: held.abs(),
            price: Price::ZERO,
            multiplier: Decimal::ONE_HUNDRED,
            fee: Decimal::ZERO,
            currency: Currency::USD,
            at: now,
            kind: ExecutionKind::Expiration,
        };
        self.happened(r, faults, now, expiration);
    }

    fn happened(&mut self, r: &mut Random, faults: Faults, now: Timestamp, execution: Execution) {
        self.others.push(execution.clone());
        if !r.once_in(faults.lost) {
            self.send(r, faults, now, &AccountEvent::Execution(execution));
        }
    }

    /// Units of an instrument that the account holds here, signed.
    pub(crate) fn units(&self, instrument: &Instrument) -> Quantity {
        let fills = self.orders.values().flat_map(|held| &held.fills).chain(&self.others);
        let own = fills.filter(|fill| fill.instrument == *instrument);
        own.map(Execution::signed_quantity).fold(Quantity::ZERO, |a, b| a + b)
    }

    /// What has arrived by now.
    pub(crate) fn receive(&mut self, now: Timestamp) -> Option<AccountEvent> {
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

fn ended(end: End) -> OrderEvent {
    match end {
        End::Canceled => OrderEvent::Canceled { reason: None },
        End::Expired => OrderEvent::Expired,
        End::Replaced(by) => OrderEvent::Replaced { by },
    }
}

fn reject(message: &str) -> Reject {
    Reject { code: "NO".into(), message: message.to_owned() }
}
