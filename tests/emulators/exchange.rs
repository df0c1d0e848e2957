//! The books behind an emulator: quotes that a test sets, orders that match against them, fills, positions, cash. Wire words are the
//! emulator's; this knows numbers only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use rust_decimal::Decimal;
use tokio::sync::broadcast;

/// Events that a slow listener may be behind.
const EVENTS_MAX: usize = 4_096;

/// Best prices and sizes of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    pub bid: Decimal,
    pub bid_size: Decimal,
    pub ask: Decimal,
    pub ask_size: Decimal,
}

/// How an order is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    Market,
    Limit(Decimal),
    Stop(Decimal),
    StopLimit {
        stop: Decimal,
        limit: Decimal,
    },
    /// Distance below (sell) or above (buy) the best price so far.
    Trailing(Decimal),
    /// At the limit, or at whatever there is once the stop is touched.
    Oco {
        limit: Decimal,
        stop: Decimal,
    },
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Working,
    Filled,
    Canceled,
    Replaced,
    Expired,
}

/// An order to be entered.
#[derive(Clone, Debug, PartialEq)]
pub struct NewOrder {
    pub client_id: Option<String>,
    pub symbol: String,
    pub buy: bool,
    pub quantity: Decimal,
    pub terms: Terms,
    /// Fills at once or ends.
    pub immediate: bool,
    /// What the emulator wants to remember of it, such as the request.
    pub wire: serde_json::Value,
}

/// An order of the books.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Counts from 1; the emulator makes its own id of it.
    pub number: u64,
    pub new: NewOrder,
    pub status: Status,
    pub filled: Decimal,
    /// Sum of price times quantity.
    pub notional: Decimal,
    /// A stop has been touched.
    pub triggered: bool,
    /// Milliseconds since the epoch.
    pub entered_ms: i64,
    pub changed_ms: i64,
    /// The order that it replaced, and the one that replaced it.
    pub replaces: Option<u64>,
    pub replaced_by: Option<u64>,
}

impl Order {
    pub fn average(&self) -> Option<Decimal> {
        (!self.filled.is_zero()).then(|| self.notional / self.filled)
    }

    pub fn leaves(&self) -> Decimal {
        self.new.quantity - self.filled
    }
}

/// A fill.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    /// Counts from 1.
    pub number: u64,
    pub order: u64,
    pub symbol: String,
    pub buy: bool,
    pub quantity: Decimal,
    pub price: Decimal,
    pub at_ms: i64,
}

/// What happened, for streams.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    New(Order),
    /// The order after it, and the fill.
    Fill(Order, Fill),
    Canceled(Order),
    /// The old one and the new one.
    Replaced(Order, Order),
    Quote(String, Top),
}

/// Why an order or a change is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownSymbol,
    DuplicateClientId,
    NotEnoughCash,
    NoSuchOrder,
    /// It is filled, canceled or replaced already.
    Ended(Status),
    BadQuantity,
}

#[derive(Debug)]
struct State {
    tops: BTreeMap<String, Top>,
    orders: Vec<Order>,
    fills: Vec<Fill>,
    positions: BTreeMap<String, (Decimal, Decimal)>,
    cash: Decimal,
    /// Of each fill at most this much; the rest stays.
    partial: Option<Decimal>,
    /// Nothing matches until a test says so.
    frozen: bool,
    /// Their clock minus ours.
    skew_ms: i64,
}

/// The books. Clones are the same books.
#[derive(Clone, Debug)]
pub struct Exchange {
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<Event>,
}

impl Exchange {
    /// Empty books with this much cash.
    pub fn new(cash: Decimal) -> Self {
        let state = State {
            tops: BTreeMap::new(),
            orders: Vec::new(),
            fills: Vec::new(),
            positions: BTreeMap::new(),
            cash,
            partial: None,
            frozen: false,
            skew_ms: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), events: broadcast::channel(EVENTS_MAX).0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Hears what happens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    fn tell(&self, events: Vec<Event>) {
        for event in events {
            // Nobody has to listen.
            self.events.send(event).ok();
        }
    }

    /// Sets the best prices of a symbol, and matches.
    pub fn quote(&self, symbol: &str, bid: Decimal, ask: Decimal) {
        let size = Decimal::from(1_000);
        self.top(symbol, Top { bid, bid_size: size, ask, ask_size: size });
    }

    /// The same with sizes.
    pub fn top(&self, symbol: &str, top: Top) {
        let mut state = self.state();
        state.tops.insert(symbol.to_owned(), top);
        let mut events = vec![Event::Quote(symbol.to_owned(), top)];
        state.match_all(&mut events);
        drop(state);
        self.tell(events);
    }

    /// Whether orders match by themselves. Frozen, they work until [`Self::fill`].
    pub fn freeze(&self, frozen: bool) {
        self.state().frozen = frozen;
    }

    /// Sets their clock this far beside ours.
    pub fn skew(&self, ms: i64) {
        self.state().skew_ms = ms;
    }

    /// Each match fills at most this much.
    pub fn fill_in_parts(&self, part: Option<Decimal>) {
        self.state().partial = part;
    }

    pub fn tops(&self) -> BTreeMap<String, Top> {
        self.state().tops.clone()
    }

    pub fn top_of(&self, symbol: &str) -> Option<Top> {
        self.state().tops.get(symbol).copied()
    }

    /// Every order, oldest first.
    pub fn orders(&self) -> Vec<Order> {
        self.state().orders.clone()
    }

    pub fn order(&self, number: u64) -> Option<Order> {
        self.state().orders.iter().find(|order| order.number == number).cloned()
    }

    pub fn by_client_id(&self, id: &str) -> Option<Order> {
        self.state().orders.iter().find(|order| order.new.client_id.as_deref() == Some(id)).cloned()
    }

    pub fn fills(&self) -> Vec<Fill> {
        self.state().fills.clone()
    }

    /// Puts so many fills of an order into the list, a millisecond apart, the newest a while ago. Nothing else knows of them.
    pub fn list_fills(&self, order: u64, count: u64) {
        let mut state = self.state();
        let (new, first) =
            (state.orders.iter().find(|it| it.number == order).unwrap().new.clone(), state.now_ms() - 60_000);
        for n in 0..count {
            let number = state.fills.len() as u64 + 1;
            let (symbol, at_ms) = (new.symbol.clone(), first + n.cast_signed());
            let (quantity, price) = (Decimal::new(1, 2), Decimal::from(90));
            state.fills.push(Fill { number, order, symbol, buy: new.buy, quantity, price, at_ms });
        }
    }

    /// Symbol, units (negative when short), average price.
    pub fn positions(&self) -> Vec<(String, Decimal, Decimal)> {
        let state = self.state();
        let held = state.positions.iter().filter(|(_, (units, _))| !units.is_zero());
        held.map(|(symbol, (units, price))| (symbol.clone(), *units, *price)).collect()
    }

    /// Puts a position there without an order.
    pub fn hold(&self, symbol: &str, units: Decimal, price: Decimal) {
        self.state().positions.insert(symbol.to_owned(), (units, price));
    }

    /// Cash comes or goes without an order.
    pub fn pay(&self, amount: Decimal) {
        self.state().cash += amount;
    }

    pub fn cash(&self) -> Decimal {
        self.state().cash
    }

    /// Cash and positions at the middle of their quotes.
    pub fn equity(&self) -> Decimal {
        let state = self.state();
        let value = |(symbol, (units, price)): (&String, &(Decimal, Decimal))| {
            let mark = state.tops.get(symbol).map_or(*price, |top| (top.bid + top.ask) / Decimal::TWO);
            units * mark
        };
        state.cash + state.positions.iter().map(value).sum::<Decimal>()
    }

    /// Enters an order.
    pub fn submit(&self, new: NewOrder) -> Result<Order, Refusal> {
        let mut state = self.state();
        let number = state.enter(new, None)?;
        let mut events = vec![Event::New(state.orders[number - 1].clone())];
        state.match_all(&mut events);
        let order = state.orders[number - 1].clone();
        drop(state);
        self.tell(events);
        Ok(order)
    }

    /// Cancels an order.
    pub fn cancel(&self, number: u64) -> Result<Order, Refusal> {
        let mut state = self.state();
        let now = state.now_ms();
        let order = state.working(number)?;
        order.status = Status::Canceled;
        order.changed_ms = now;
        let order = order.clone();
        drop(state);
        self.tell(vec![Event::Canceled(order.clone())]);
        Ok(order)
    }

    /// Ends an order and enters another in its place, which has filled what the old one had.
    pub fn replace(&self, number: u64, new: NewOrder) -> Result<Order, Refusal> {
        let mut state = self.state();
        let old = state.working(number)?;
        if new.quantity <= old.filled {
            return Err(Refusal::BadQuantity);
        }
        let (filled, notional) = (old.filled, old.notional);
        let now = state.now_ms();
        let entered = state.enter(new, Some(number))?;
        let order = &mut state.orders[entered - 1];
        (order.filled, order.notional) = (filled, notional);
        let old = state.working(number)?;
        (old.status, old.replaced_by, old.changed_ms) = (Status::Replaced, Some(entered as u64), now);
        let old = old.clone();
        let mut events = vec![Event::Replaced(old, state.orders[entered - 1].clone())];
        state.match_all(&mut events);
        let order = state.orders[entered - 1].clone();
        drop(state);
        self.tell(events);
        Ok(order)
    }

    /// Moves units and cash without an order in these books.
    pub fn settle(&self, symbol: &str, buy: bool, quantity: Decimal, price: Decimal) {
        self.state().settle(symbol.to_owned(), buy, quantity, price);
    }

    /// Fills an order in whole or in part, at a price, whatever the quotes say.
    pub fn fill(&self, number: u64, quantity: Decimal, price: Decimal) -> Result<Fill, Refusal> {
        let mut state = self.state();
        state.working(number)?;
        let mut events = Vec::new();
        state.fill(number, quantity, price, &mut events);
        let fill = state.fills[state.fills.len() - 1].clone();
        drop(state);
        self.tell(events);
        Ok(fill)
    }
}

impl State {
    fn now_ms(&self) -> i64 {
        now_ms() + self.skew_ms
    }

    fn working(&mut self, number: u64) -> Result<&mut Order, Refusal> {
        let order =
            self.orders.iter_mut().find(|order| order.number == number).ok_or(Refusal::NoSuchOrder)?;
        if order.status == Status::Working { Ok(order) } else { Err(Refusal::Ended(order.status)) }
    }

    fn enter(&mut self, new: NewOrder, replaces: Option<u64>) -> Result<usize, Refusal> {
        let top = *self.tops.get(&new.symbol).ok_or(Refusal::UnknownSymbol)?;
        if new.quantity <= Decimal::ZERO {
            return Err(Refusal::BadQuantity);
        }
        let taken = |order: &Order| new.client_id.is_some() && order.new.client_id == new.client_id;
        if self.orders.iter().any(taken) {
            return Err(Refusal::DuplicateClientId);
        }
        let price = match new.terms {
            Terms::Limit(limit) | Terms::StopLimit { limit, .. } | Terms::Oco { limit, .. } => limit,
            Terms::Stop(stop) => stop,
            Terms::Market | Terms::Trailing(_) => top.ask,
        };
        if new.buy && price * new.quantity > self.cash * Decimal::TWO {
            return Err(Refusal::NotEnoughCash);
        }
        let now = self.now_ms();
        let number = self.orders.len() + 1;
        self.orders.push(Order {
            number: number as u64,
            new,
            status: Status::Working,
            filled: Decimal::ZERO,
            notional: Decimal::ZERO,
            triggered: false,
            entered_ms: now,
            changed_ms: now,
            replaces,
            replaced_by: None,
        });
        Ok(number)
    }

    fn match_all(&mut self, events: &mut Vec<Event>) {
        if self.frozen {
            return;
        }
        let now = self.now_ms();
        for at in 0..self.orders.len() {
            let order = &mut self.orders[at];
            if order.status != Status::Working {
                continue;
            }
            let Some(top) = self.tops.get(&order.new.symbol) else { continue };
            let (touch, size) = if order.new.buy { (top.ask, top.ask_size) } else { (top.bid, top.bid_size) };
            let reached = |stop: Decimal| if order.new.buy { touch >= stop } else { touch <= stop };
            let within = |limit: Decimal| if order.new.buy { touch <= limit } else { touch >= limit };
            let fills = match order.new.terms {
                Terms::Market => true,
                Terms::Limit(limit) => within(limit),
                Terms::Stop(stop) => reached(stop),
                Terms::StopLimit { stop, limit } => {
                    order.triggered |= reached(stop);
                    order.triggered && within(limit)
                }
                Terms::Trailing(_) => false,
                Terms::Oco { limit, stop } => within(limit) || reached(stop),
            };
            let (number, leaves, immediate) = (order.number, order.leaves(), order.new.immediate);
            if fills {
                let most = self.partial.unwrap_or(leaves).min(leaves).min(size);
                self.fill(number, most, touch, events);
            }
            let order = &mut self.orders[at];
            if immediate && order.status == Status::Working {
                order.status = Status::Canceled;
                order.changed_ms = now;
                events.push(Event::Canceled(order.clone()));
            }
        }
    }

    fn fill(&mut self, number: u64, quantity: Decimal, price: Decimal, events: &mut Vec<Event>) {
        let now = self.now_ms();
        let Some(order) = self.orders.iter_mut().find(|order| order.number == number) else { return };
        let quantity = quantity.min(order.leaves());
        order.filled += quantity;
        order.notional += quantity * price;
        order.changed_ms = now;
        if order.leaves().is_zero() {
            order.status = Status::Filled;
        }
        let (buy, symbol) = (order.new.buy, order.new.symbol.clone());
        let fill = Fill {
            number: self.fills.len() as u64 + 1,
            order: number,
            symbol: symbol.clone(),
            buy,
            quantity,
            price,
            at_ms: now,
        };
        events.push(Event::Fill(order.clone(), fill.clone()));
        self.fills.push(fill);
        self.settle(symbol, buy, quantity, price);
    }

    /// Moves units and cash.
    fn settle(&mut self, symbol: String, buy: bool, quantity: Decimal, price: Decimal) {
        let signed = if buy { quantity } else { -quantity };
        self.cash -= signed * price;
        let (units, average) = self.positions.entry(symbol).or_default();
        let grows = units.is_zero() || units.is_sign_negative() == signed.is_sign_negative();
        if grows {
            *average = (*units * *average + signed * price) / (*units + signed);
        } else if signed.abs() > units.abs() {
            *average = price;
        }
        *units += signed;
    }
}

/// Milliseconds since the epoch.
pub fn now_ms() -> i64 {
    arbion::brokers::clock::wall().as_millisecond()
}
