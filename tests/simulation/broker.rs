//! A broker at the end of a bad line: it works orders, and what it is told and tells is late, lost, repeated and out of order. What it shows
//! when it is asked is in `shows`, what it has booked in `accounts`.

use std::collections::{BTreeMap, BTreeSet};

use arbion::domain::execution::{
    AccountEvent, CashEntry, Execution, ExecutionKind, OrderEvent, OrderUpdate, Reject,
};
use arbion::domain::ids::{AccountId, BrokerOrderId, ClientOrderId, ExecutionId};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Currency, Price, Quantity};
use arbion::domain::order::{OrderRequest, OrderSubject, Side};
use arbion::domain::statement::{BrokerUpdate, Statement};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::accounts::cost;
use crate::held::{End, Held};
use crate::random::Random;

/// What a broker keeps of our ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Personality {
    /// Everything: an order with an id that it knows is the order that it has.
    Dedupes,
    /// It shows them beside its own, and takes whatever comes.
    Tags,
    /// Nothing: what an order is called is known from the answer to its submit, or not at all.
    NoIds,
}

/// Which faults a seed has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    pub(crate) latency_ms: u64,
    pub(crate) hidden_ms: u64,
    /// Fills taken back or corrected: one in so many turns.
    pub(crate) busts: u64,
    /// How late a fill is in the list of executions.
    pub(crate) list_lag_ms: u64,
    /// Parts of a statement that fail: one in so many.
    pub(crate) failing: u64,
    /// Questions about one order to which the broker says that it has no such order, though it has: one in so many, never twice about one.
    pub(crate) flicker: u64,
}

impl Faults {
    pub(crate) const NONE: Self = Self {
        lost: 0,
        repeated: 0,
        latency_ms: 20,
        hidden_ms: 1,
        busts: 0,
        list_lag_ms: 0,
        failing: 0,
        flicker: 0,
    };
}

pub(crate) enum Wish {
    /// An order, and does its answer come through.
    Submit(Box<OrderRequest>, bool),
    Cancel(ClientOrderId),
    /// The order to be replaced, what was known to have filled of it, the new one, and does the answer come through.
    Replace(ClientOrderId, Quantity, Box<OrderRequest>, bool),
    /// A part of a statement, by number.
    Show(Box<Statement>, Timestamp, u8),
}

pub(crate) struct Broker {
    pub(crate) account: AccountId,
    pub(crate) personality: Personality,
    pub(crate) orders: BTreeMap<ClientOrderId, Held>,
    /// Executions of no order: fills taken back and corrected, options that expired.
    pub(crate) others: Vec<Execution>,
    /// Dividends, oldest first.
    pub(crate) dividends: Vec<CashEntry>,
    pub(crate) busted: BTreeSet<ExecutionId>,
    /// The option that has expired.
    pub(crate) expired: Option<Instrument>,
    /// What is on the line towards the broker and back, by arrival.
    pub(crate) inbound: BTreeMap<(Timestamp, u64), Wish>,
    outbound: BTreeMap<(Timestamp, u64), AccountEvent>,
    count: u64,
    /// Money that no check of ours can see coming: fills taken back, what others buy, fills of an order while it is being replaced.
    pub(crate) unforeseen: Decimal,
    /// Orders about which the broker has been wrong once.
    flickered: BTreeSet<ClientOrderId>,
    /// Ids that have come in a submit.
    met: BTreeSet<ClientOrderId>,
    /// The day is almost over: what has a price of its own does not fill any more, what is to trade at the market does at once.
    pub(crate) calm: bool,
    /// Rare things that happened here.
    pub(crate) rare: Vec<&'static str>,
}

impl Broker {
    pub(crate) fn new(account: AccountId, personality: Personality) -> Self {
        Self {
            account,
            personality,
            orders: BTreeMap::new(),
            others: Vec::new(),
            dividends: Vec::new(),
            busted: BTreeSet::new(),
            expired: None,
            inbound: BTreeMap::new(),
            outbound: BTreeMap::new(),
            count: 0,
            unforeseen: Decimal::ZERO,
            flickered: BTreeSet::new(),
            met: BTreeSet::new(),
            calm: false,
            rare: Vec::new(),
        }
    }

    pub(crate) fn later(&mut self, random: &mut Random, faults: Faults, now: Timestamp) -> (Timestamp, u64) {
        self.count += 1;
        let wait = i64::try_from(random.below(faults.latency_ms) + 1).unwrap();
        (now + SignedDuration::from_millis(wait), self.count)
    }

    /// The link's own word, or the answer to a question of the link: it knows what it asked about.
    fn tell(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, event: OrderEvent) {
        let update = OrderUpdate { account: self.account.clone(), client_order_id: id, at: now, event };
        self.send(r, faults, now, &AccountEvent::Order(update));
    }

    /// The broker's word about an order by itself: by our id where it keeps one.
    fn stream(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        id: ClientOrderId,
        event: OrderEvent,
    ) {
        let Some(held) = self.orders.get(&id) else { return self.tell(r, faults, now, id, event) };
        let answer = held.answered && matches!(event, OrderEvent::Acknowledged { .. });
        if held.external || (self.personality == Personality::NoIds && !answer) {
            let (account, broker_order_id) = (self.account.clone(), held.broker_id.clone());
            let update = BrokerUpdate { account, broker_order_id, at: now, event };
            return self.send(r, faults, now, &AccountEvent::ByBroker(update));
        }
        self.tell(r, faults, now, id, event);
    }

    pub(crate) fn send(&mut self, r: &mut Random, faults: Faults, now: Timestamp, event: &AccountEvent) {
        let copies = 1 + u64::from(r.once_in(faults.repeated));
        for _ in 0..copies {
            let at = self.later(r, faults, now);
            self.outbound.insert(at, event.clone());
        }
    }

    /// Over the stream, where a message may be lost.
    fn say(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId, event: OrderEvent) {
        if !r.once_in(faults.lost) {
            self.stream(r, faults, now, id, event);
        }
    }

    /// Takes a submit from the link. A lost one may or may not have come through; the same one may come twice where that is safe.
    pub(crate) fn submit(&mut self, r: &mut Random, faults: Faults, now: Timestamp, order: &OrderRequest) {
        let id = order.client_order_id;
        let wish = |answered| Wish::Submit(Box::new(order.clone()), answered);
        self.take(r, faults, now, id, wish);
        if self.personality == Personality::Dedupes && r.once_in(faults.repeated) {
            self.rare.push("submit repeated on the line");
            let at = self.later(r, faults, now);
            self.inbound.insert(at, wish(true));
        }
    }

    /// The same for a replace.
    pub(crate) fn replace(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        (old, known): (ClientOrderId, Quantity),
        new: &OrderRequest,
    ) {
        let wish = |answered| Wish::Replace(old, known, Box::new(new.clone()), answered);
        self.take(r, faults, now, new.client_order_id, wish);
    }

    fn take(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        id: ClientOrderId,
        wish: impl Fn(bool) -> Wish,
    ) {
        assert!(!self.orders.contains_key(&id), "order {id} was sent twice");
        let lost = r.once_in(faults.lost);
        if lost {
            self.tell(r, faults, now, id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        }
        if !lost || r.once_in(2) {
            let at = self.later(r, faults, now);
            self.inbound.insert(at, wish(!lost));
        }
    }

    pub(crate) fn cancel(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId) {
        if !r.once_in(faults.lost) {
            let at = self.later(r, faults, now);
            self.inbound.insert(at, Wish::Cancel(id));
        }
    }

    /// Answers a question about one order, known to the link as `name`: its fills with it, as far as they are in the list.
    pub(crate) fn ask(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        id: ClientOrderId,
        name: ClientOrderId,
    ) {
        self.arrive(r, faults, now);
        let flickers = r.once_in(faults.flicker) && self.flickered.insert(id);
        let Some(held) = self.orders.get(&id).filter(|held| held.visible_at <= now && !flickers) else {
            return self.tell(r, faults, now, name, OrderEvent::NotFound);
        };

        let (end, works, quantity) = (held.end, held.works(), held.quantity);
        let broker_order_id = held.broker_id.clone();
        let shrunk = quantity < held.request.quantity;
        let listed: Vec<Execution> =
            held.fills.iter().filter(|fill| is_listed(fill, faults, now)).cloned().collect();
        for fill in listed {
            let fill = Execution { client_order_id: Some(name), ..fill };
            self.tell(r, faults, now, name, OrderEvent::Filled(fill));
        }
        if shrunk {
            self.tell(r, faults, now, name, OrderEvent::QuantityChanged { quantity });
        }
        match end {
            Some(end) => self.tell(r, faults, now, name, ended(end)),
            None if works => self.tell(r, faults, now, name, OrderEvent::Acknowledged { broker_order_id }),
            None => {}
        }
    }

    /// Works what has arrived by now, as of when it arrived.
    pub(crate) fn arrive(&mut self, r: &mut Random, faults: Faults, until: Timestamp) {
        while let Some(entry) = self.inbound.first_entry().filter(|entry| entry.key().0 <= until) {
            let now = entry.key().0;
            match entry.remove() {
                Wish::Submit(request, answered) => self.accept(r, faults, now, *request, answered),
                Wish::Cancel(id) if self.orders.get(&id).is_some_and(Held::works) => {
                    self.end(r, faults, now, id, End::Canceled);
                }
                Wish::Cancel(id) => {
                    self.say(r, faults, now, id, OrderEvent::CancelRejected(reject("no such order works")));
                }
                Wish::Replace(old, known, new, answered) => {
                    self.exchange(r, faults, now, (old, known), *new, answered);
                }
                Wish::Show(statement, since, part) => self.show(r, faults, now, statement, since, part),
            }
        }
    }

    /// Puts one order in the place of another, if that one still works.
    fn exchange(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        (old, known): (ClientOrderId, Quantity),
        new: OrderRequest,
        answered: bool,
    ) {
        let id = new.client_order_id;
        let most = self.orders.get(&old).and_then(|held| held.most_of(&new, known));
        let stays = most.is_some_and(|most| !most.is_positive());
        if stays || !self.orders.get(&old).is_some_and(Held::works) || r.once_in(10) {
            self.say(r, faults, now, old, OrderEvent::ReplaceRejected(reject("it cannot be replaced")));
            if answered || self.personality != Personality::NoIds {
                let event = OrderEvent::Rejected(reject("it could not replace the other"));
                self.tell(r, faults, now, id, event);
            }
            return;
        }
        // Exits wait for whichever order stands in the parent's place.
        let (filled, waits) = (self.orders[&old].filled(), self.orders[&old].waits);
        self.unforeseen += cost(&new, filled - known);
        let left = self.orders[&old].quantity - filled;
        // Some keep to what was left where more is asked for.
        let grudges = most.is_some() && !self.calm && r.once_in(4);
        let most = most.filter(|_| !grudges).unwrap_or(left);
        for held in self.orders.values_mut() {
            if let Some((parent, before)) = held.waits.as_mut().filter(|(parent, _)| *parent == old) {
                (*parent, *before) = (id, *before + filled);
            }
        }
        let reduces = new.reduce_only;
        let acknowledged = self.hold(r, faults, now, new, waits, answered);
        self.end(r, faults, now, old, End::Replaced(id));
        self.say(r, faults, now, id, acknowledged);
        if reduces {
            self.shrink(r, faults, now, id, most);
        }
    }

    /// Ends an order. What waited for it begins to work for what it filled, or ends with it.
    pub(crate) fn end(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        id: ClientOrderId,
        end: End,
    ) {
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
            let ready = self.orders.get(&id).filter(|held| held.works() && held.waits.is_none());
            let Some(held) = ready else { continue };
            let trades = if self.calm { held.is_at_market() } else { r.once_in(6) };
            if trades && !held.rests() {
                self.fill(r, faults, now, id);
            }
        }
        if r.once_in(faults.busts) {
            self.bust(r, faults, now);
        }
    }

    fn accept(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        request: OrderRequest,
        answered: bool,
    ) {
        let (id, exits) = (request.client_order_id, request.exit_orders());
        if self.personality == Personality::Dedupes && self.orders.contains_key(&id) {
            // The same id again: the first one is the answer.
            let broker_order_id = self.orders[&id].broker_id.clone();
            return self.say(r, faults, now, id, OrderEvent::Acknowledged { broker_order_id });
        }
        assert!(!self.orders.contains_key(&id), "the broker has two orders of intent {id}");
        if !self.met.insert(id) {
            // It was refused before, and is again.
            return;
        }
        let over = request.subject.instruments().any(|it| Some(it) == self.expired.as_ref());
        if r.once_in(25) || over {
            if !answered && self.personality == Personality::NoIds {
                return;
            }
            for id in exits.iter().map(|exit| exit.client_order_id).chain([id]) {
                self.tell(r, faults, now, id, OrderEvent::Rejected(reject("not today")));
            }
            return;
        }
        let acknowledged = self.hold(r, faults, now, request, None, answered);
        self.say(r, faults, now, id, acknowledged);
        for exit in exits {
            let exit_id = exit.client_order_id;
            let acknowledged = self.hold(r, faults, now, exit, Some((id, Quantity::ZERO)), answered);
            self.say(r, faults, now, exit_id, acknowledged);
        }
    }

    /// Somebody places an order beside us.
    pub(crate) fn place_outside(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        request: OrderRequest,
    ) {
        let id = request.client_order_id;
        self.unforeseen += cost(&request, request.quantity);
        let acknowledged = self.hold(r, faults, now, request, None, false);
        if let Some(held) = self.orders.get_mut(&id) {
            held.external = true;
        }
        self.say(r, faults, now, id, acknowledged);
    }

    /// Takes an order in. Returns the acknowledgement.
    fn hold(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        request: OrderRequest,
        waits: Option<(ClientOrderId, Quantity)>,
        answered: bool,
    ) -> OrderEvent {
        let hidden = i64::try_from(r.below(faults.hidden_ms)).unwrap();
        let visible_at = now + SignedDuration::from_millis(hidden);
        let (id, quantity) = (request.client_order_id, request.quantity);
        let broker_id = BrokerOrderId::numbered('b', self.orders.len() as u64 + 1);
        let held = Held {
            request,
            fills: Vec::new(),
            end: None,
            broker_id: broker_id.clone(),
            entered_at: now,
            external: false,
            answered,
            quantity,
            waits,
            visible_at,
        };
        self.orders.insert(id, held);
        OrderEvent::Acknowledged { broker_order_id: broker_id }
    }

    fn fill(&mut self, r: &mut Random, faults: Faults, now: Timestamp, id: ClientOrderId) {
        let Some(held) = self.orders.get_mut(&id) else { return };
        let open = held.quantity - held.filled();
        let part = Quantity::new(Decimal::from(r.below(10) + 1)).min(open);
        // At the market there is always another side.
        let part = if held.is_at_market() { open } else { part };
        let pricing = held.request.pricing;
        let legs: Vec<(Instrument, Side)> = match &held.request.subject {
            OrderSubject::Instrument(instrument) => vec![(instrument.clone(), held.request.side)],
            OrderSubject::Legs(legs) => legs.iter().map(|leg| (leg.instrument.clone(), leg.side)).collect(),
        };
        // The net price of a package is shared among its legs.
        // A market order fills at the quote.
        let quoted = Price::from(if held.request.side.is_buy() { 101 } else { 100 });
        let price = pricing.limit_price().or(pricing.stop_price()).unwrap_or(quoted).get();
        let price = Price::new(price / Decimal::from(legs.len()));
        let named = !held.external && self.personality != Personality::NoIds;
        let mut fills = Vec::new();
        for (instrument, side) in legs {
            let option = instrument.as_option().is_some();
            fills.push(Execution {
                execution_id: ExecutionId::new(format!("{id}-{}", held.fills.len() + fills.len())),
                account: self.account.clone(),
                client_order_id: named.then_some(id),
                broker_order_id: Some(held.broker_id.clone()),
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

    /// What has arrived by now.
    pub(crate) fn receive(&mut self, now: Timestamp) -> Option<AccountEvent> {
        let entry = self.outbound.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// The line is cut: nothing that is on its way back arrives.
    pub(crate) fn cut(&mut self) {
        self.outbound.clear();
        self.inbound.retain(|_, wish| !matches!(wish, Wish::Show(..)));
    }
}

/// Is a fill in the list of executions by now.
pub(crate) fn is_listed(fill: &Execution, faults: Faults, now: Timestamp) -> bool {
    fill.at + SignedDuration::from_millis(i64::try_from(faults.list_lag_ms).unwrap()) <= now
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
