//! The messages between an engine in a process of its own and its front ends: length-delimited JSON over a Unix socket.
//!
//! Pictures travel as updates: the sections that changed since the last one, quotes and orders by key. Nothing here opens a socket.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::message::{Reply, Request, SessionError};
use crate::domain::account::AccountMode;
use crate::domain::alert::Alert;
use crate::domain::depth::MarketBook;
use crate::domain::exit::ExitGroup;
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::limits::TradingState;
use crate::domain::note::SymbolNote;
use crate::domain::order::Order;
use crate::domain::position::Position;
use crate::domain::quote::{Feed, Quote};
use crate::domain::snapshot::{
    AccountView, Connection, LogLine, MarketClock, ReplayState, Snapshot, Watchlist,
};
use crate::domain::strategy::StrategyView;
use crate::domain::total::Total;

/// The version of these messages that this program speaks. It rises with every change that an older program would misread.
pub const PROTOCOL: u32 = 3;
/// The oldest version it still speaks. An engine of 2 hangs up at a question that it does not know, so that it is asked none of those that came
/// after ([`Request::since`]); from 3 on it says that it does not know it.
pub const PROTOCOL_MIN: u32 = 2;
/// What a front end is told of a question that an engine of an older program has never heard of.
pub const UNKNOWN_QUESTION: &str =
    "this engine is of an older program and does not know that; restart it: arbion engine restart";
/// Bytes of one message at most.
pub const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of the first message at most: nothing is known of who sends it.
pub const HELLO_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a path that a Unix socket can have.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// What a front end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// A screen, which stays.
    Screen,
    /// A command, which is gone in a moment.
    Command,
}

/// The first message of a front end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest and newest protocol it speaks.
    pub protocol: (u32, u32),
    /// Its build, such as `0.1.0`.
    pub build: String,
    /// Said back by the engine.
    pub nonce: u64,
    /// What it is.
    pub client: ClientKind,
    /// Its process.
    pub pid: u32,
    /// The profile on whose behalf it asks; absent means the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// The engine's answer to a hello that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol of all that follows.
    pub protocol: u32,
    /// The engine's build.
    pub build: String,
    /// The front end's own.
    pub nonce: u64,
    /// The engine's process.
    pub pid: u32,
}

/// The newest protocol that both speak; `None` when there is none.
#[must_use]
pub fn common_protocol(theirs: (u32, u32)) -> Option<u32> {
    let newest = PROTOCOL.min(theirs.1);
    (newest >= PROTOCOL_MIN.max(theirs.0)).then_some(newest)
}

/// From a front end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum ToEngine {
    /// Comes first.
    Hello(Hello),
    /// A question; the answer carries the same number.
    Ask {
        /// The front end's own number.
        id: u64,
        /// What is asked.
        ask: Request,
    },
}

/// From the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum ToClient {
    /// Comes first.
    Welcome(Welcome),
    /// Comes first and last: the engine does not take this front end.
    Refused {
        /// Why, in a line.
        reason: String,
    },
    /// A newer picture.
    Update(Box<Update>),
    /// An answer.
    Answer {
        /// The number of the question.
        id: u64,
        /// The answer.
        answer: Box<Result<Reply, SessionError>>,
    },
    /// Comes last: the engine ends, or has done with this front end.
    Bye {
        /// Why, in a line.
        reason: String,
    },
}

/// How an update begins.
const UPDATE: &[u8] = br#"{"message":"update","#;

impl ToClient {
    /// Reads a message. An update is told by its first bytes: looked for among all fields, the tag would make a tree of the whole picture
    /// first, ten thousand orders of it, which takes as long as reading them.
    ///
    /// # Errors
    /// When it is no message of ours.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.starts_with(UPDATE) {
            return Ok(Self::Update(Box::new(serde_json::from_slice(bytes)?)));
        }
        serde_json::from_slice(bytes)
    }
}

/// The small facts of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    profile: SmolStr,
    mode: AccountMode,
    trading_state: TradingState,
    feed: Feed,
    market: MarketClock,
    default_account: AccountId,
    replay: Option<ReplayState>,
    #[serde(default)]
    locked: bool,
}

impl Head {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            profile: snapshot.profile.clone(),
            mode: snapshot.mode,
            trading_state: snapshot.trading_state,
            feed: snapshot.feed,
            market: snapshot.market.clone(),
            default_account: snapshot.default_account.clone(),
            replay: snapshot.replay,
            locked: snapshot.locked,
        }
    }
}

/// What changed between two pictures. A section that is absent is as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// The picture it is told from; absent for a whole one.
    pub base: Option<u64>,
    /// The picture it leads to.
    pub seq: u64,
    now: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<Head>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accounts: Option<Arc<Vec<AccountView>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    totals: Option<Arc<Vec<Total>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    positions: Option<Arc<Vec<Position>>>,
    /// New ones and those that changed.
    #[serde(default, skip_serializing_if = "is_none_of")]
    orders: Arc<Vec<Order>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    orders_gone: Vec<ClientOrderId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quotes: Vec<Quote>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quotes_gone: Vec<Instrument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    specs: Vec<InstrumentSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watchlists: Option<Arc<Vec<Watchlist>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alerts: Option<Arc<Vec<Alert>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exits: Option<Arc<Vec<ExitGroup>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strategies: Option<Arc<Vec<StrategyView>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    books: Option<Arc<Vec<MarketBook>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notes: Option<Arc<Vec<SymbolNote>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<LogUpdate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connections: Option<Arc<Vec<Connection>>>,
}

/// Lines that left the top of the log, and those that came at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LogUpdate {
    gone: usize,
    new: Vec<LogLine>,
}

fn is_none_of<T>(rows: &Arc<Vec<T>>) -> bool {
    rows.is_empty()
}

/// A section that is the very one of before has not changed; else it is compared.
fn changed<T: PartialEq>(before: &Arc<T>, after: &Arc<T>) -> bool {
    !Arc::ptr_eq(before, after) && before != after
}

impl Update {
    /// The whole of a picture.
    #[must_use]
    pub fn whole(snapshot: &Snapshot) -> Self {
        Self {
            base: None,
            seq: snapshot.seq,
            now: snapshot.now,
            head: Some(Head::of(snapshot)),
            accounts: Some(Arc::clone(&snapshot.accounts)),
            totals: Some(Arc::clone(&snapshot.totals)),
            positions: Some(Arc::clone(&snapshot.positions)),
            orders: Arc::clone(&snapshot.orders),
            orders_gone: Vec::new(),
            quotes: snapshot.quotes.values().cloned().collect(),
            quotes_gone: Vec::new(),
            specs: snapshot.specs.values().cloned().collect(),
            watchlists: Some(Arc::clone(&snapshot.watchlists)),
            alerts: Some(Arc::clone(&snapshot.alerts)),
            exits: Some(Arc::clone(&snapshot.exits)),
            strategies: Some(Arc::clone(&snapshot.strategies)),
            books: Some(Arc::clone(&snapshot.books)),
            notes: Some(Arc::clone(&snapshot.notes)),
            log: Some(LogUpdate { gone: 0, new: snapshot.log.as_ref().clone() }),
            connections: Some(Arc::clone(&snapshot.connections)),
        }
    }

    /// What leads from one picture to another.
    #[must_use]
    pub fn between(before: &Snapshot, after: &Snapshot) -> Self {
        let section = |differs: bool| -> Option<()> { differs.then_some(()) };
        let head = Head::of(after);
        let (orders, orders_gone) = if Arc::ptr_eq(&before.orders, &after.orders) {
            (Vec::new(), Vec::new())
        } else {
            orders_between(&before.orders, &after.orders)
        };
        let orders = Arc::new(orders);
        let (quotes, quotes_gone) = if Arc::ptr_eq(&before.quotes, &after.quotes) {
            (Vec::new(), Vec::new())
        } else {
            entries_between(&before.quotes, &after.quotes)
        };
        let specs = if Arc::ptr_eq(&before.specs, &after.specs) {
            Vec::new()
        } else {
            // Terms change and come; none is ever taken back.
            entries_between(&before.specs, &after.specs).0
        };
        Self {
            base: Some(before.seq),
            seq: after.seq,
            now: after.now,
            head: (Head::of(before) != head).then_some(head),
            accounts: section(changed(&before.accounts, &after.accounts))
                .map(|()| Arc::clone(&after.accounts)),
            totals: section(changed(&before.totals, &after.totals)).map(|()| Arc::clone(&after.totals)),
            positions: section(changed(&before.positions, &after.positions))
                .map(|()| Arc::clone(&after.positions)),
            orders,
            orders_gone,
            quotes,
            quotes_gone,
            specs,
            watchlists: section(changed(&before.watchlists, &after.watchlists))
                .map(|()| Arc::clone(&after.watchlists)),
            alerts: section(changed(&before.alerts, &after.alerts)).map(|()| Arc::clone(&after.alerts)),
            exits: section(changed(&before.exits, &after.exits)).map(|()| Arc::clone(&after.exits)),
            strategies: section(changed(&before.strategies, &after.strategies))
                .map(|()| Arc::clone(&after.strategies)),
            books: section(changed(&before.books, &after.books)).map(|()| Arc::clone(&after.books)),
            notes: section(changed(&before.notes, &after.notes)).map(|()| Arc::clone(&after.notes)),
            log: section(!Arc::ptr_eq(&before.log, &after.log))
                .map(|()| log_between(&before.log, &after.log)),
            connections: section(changed(&before.connections, &after.connections))
                .map(|()| Arc::clone(&after.connections)),
        }
    }

    /// The picture it leads to. `None` when it is told from another picture than `before`: a whole one is needed.
    #[must_use]
    pub fn applied_to(self, before: Option<&Snapshot>) -> Option<Snapshot> {
        match (self.base, before) {
            (None, _) => self.into_whole(),
            (Some(base), Some(before)) if before.seq == base => Some(self.onto(before)),
            _ => None,
        }
    }

    fn into_whole(self) -> Option<Snapshot> {
        let head = self.head?;
        Some(Snapshot {
            seq: self.seq,
            now: self.now,
            profile: head.profile,
            mode: head.mode,
            trading_state: head.trading_state,
            feed: head.feed,
            market: head.market,
            default_account: head.default_account,
            accounts: self.accounts?,
            totals: self.totals.unwrap_or_default(),
            positions: self.positions?,
            orders: self.orders,
            quotes: Arc::new(
                self.quotes.into_iter().map(|quote| (quote.instrument.clone(), quote)).collect(),
            ),
            specs: Arc::new(self.specs.into_iter().map(|spec| (spec.instrument.clone(), spec)).collect()),
            watchlists: self.watchlists?,
            alerts: self.alerts?,
            exits: self.exits?,
            strategies: self.strategies.unwrap_or_default(),
            books: self.books?,
            notes: self.notes.unwrap_or_default(),
            log: Arc::new(self.log?.new),
            connections: self.connections?,
            replay: head.replay,
            locked: head.locked,
        })
    }

    fn onto(self, before: &Snapshot) -> Snapshot {
        let mut next = before.clone();
        (next.seq, next.now) = (self.seq, self.now);
        if let Some(head) = self.head {
            (next.profile, next.mode, next.trading_state) = (head.profile, head.mode, head.trading_state);
            (next.feed, next.market, next.replay) = (head.feed, head.market, head.replay);
            (next.default_account, next.locked) = (head.default_account, head.locked);
        }
        next.accounts = self.accounts.unwrap_or(next.accounts);
        next.totals = self.totals.unwrap_or(next.totals);
        next.positions = self.positions.unwrap_or(next.positions);
        next.watchlists = self.watchlists.unwrap_or(next.watchlists);
        next.alerts = self.alerts.unwrap_or(next.alerts);
        next.exits = self.exits.unwrap_or(next.exits);
        next.strategies = self.strategies.unwrap_or(next.strategies);
        next.books = self.books.unwrap_or(next.books);
        next.notes = self.notes.unwrap_or(next.notes);
        next.connections = self.connections.unwrap_or(next.connections);
        if !self.orders.is_empty() || !self.orders_gone.is_empty() {
            let gone: BTreeSet<ClientOrderId> =
                self.orders.iter().map(|o| o.request.client_order_id).chain(self.orders_gone).collect();
            let kept = next.orders.iter().filter(|order| !gone.contains(&order.request.client_order_id));
            let mut orders: Vec<Order> = kept.chain(self.orders.iter()).cloned().collect();
            orders.sort_by_key(|order| Reverse(order.number));
            next.orders = Arc::new(orders);
        }
        if !self.quotes.is_empty() || !self.quotes_gone.is_empty() {
            let quotes = Arc::make_mut(&mut next.quotes);
            for instrument in &self.quotes_gone {
                quotes.remove(instrument);
            }
            quotes.extend(self.quotes.into_iter().map(|quote| (quote.instrument.clone(), quote)));
        }
        if !self.specs.is_empty() {
            let specs = self.specs.into_iter().map(|spec| (spec.instrument.clone(), spec));
            Arc::make_mut(&mut next.specs).extend(specs);
        }
        if let Some(log) = self.log {
            next.log = Arc::new(next.log.iter().skip(log.gone).cloned().chain(log.new).collect());
        }
        next
    }
}

fn orders_between(before: &[Order], after: &[Order]) -> (Vec<Order>, Vec<ClientOrderId>) {
    let id = |order: &Order| order.request.client_order_id;
    let known: BTreeMap<ClientOrderId, &Order> = before.iter().map(|order| (id(order), order)).collect();
    let shown: BTreeSet<ClientOrderId> = after.iter().map(id).collect();
    let new = after.iter().filter(|order| known.get(&id(order)) != Some(order)).cloned().collect();
    (new, known.into_keys().filter(|id| !shown.contains(id)).collect())
}

/// Values that are new or other than they were, and keys that are gone.
fn entries_between<V: PartialEq + Clone>(
    before: &BTreeMap<Instrument, V>,
    after: &BTreeMap<Instrument, V>,
) -> (Vec<V>, Vec<Instrument>) {
    let new = after.iter().filter(|(key, value)| before.get(key) != Some(value));
    let gone = before.keys().filter(|key| !after.contains_key(key));
    (new.map(|(_, value)| value.clone()).collect(), gone.cloned().collect())
}

/// A log only loses lines at its top and gains them at its end.
fn log_between(before: &[LogLine], after: &[LogLine]) -> LogUpdate {
    for gone in 0..=before.len() {
        let kept = &before[gone..];
        if after.starts_with(kept) {
            return LogUpdate { gone, new: after[kept.len()..].to_vec() };
        }
    }
    LogUpdate { gone: before.len(), new: after.to_vec() }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::ids::OrderNumber;
    use crate::domain::money::{Price, Quantity};
    use crate::domain::order::{OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side};
    use crate::domain::snapshot::Severity;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(seconds).unwrap())
    }

    fn share(n: u64) -> Instrument {
        Instrument::equity(&format!("S{n}")).unwrap()
    }

    fn order(n: u64, status: OrderStatus) -> Order {
        let request = OrderRequest::plain(
            ClientOrderId::from_parts(n, 7),
            AccountId::new("paper"),
            Origin { kind: OriginKind::Cli, name: None },
            OrderSubject::Instrument(share(n % 5)),
            Side::Buy,
            Quantity::from(10),
            Pricing::Market,
        );
        Order::new(OrderNumber(n), request, status, at(n))
    }

    fn quote(n: u64, price: u64) -> Quote {
        let mut quote = Quote::empty(share(n), at(price), Feed::Simulated);
        quote.close_at(Price::from(i64::try_from(price).unwrap()), at(price));
        quote
    }

    fn line(n: u64) -> LogLine {
        LogLine { at: at(n), severity: Severity::Info, code: "TEST".into(), text: format!("line {n}") }
    }

    fn empty() -> Snapshot {
        Snapshot::blank(at(0), "default", AccountId::new("paper"), Feed::Simulated)
    }

    /// A picture after another: a few things of each kind come, change and go, as a number decides.
    fn next(before: &Snapshot, mut bits: u64) -> Snapshot {
        let mut roll = |sides: u64| {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (bits >> 33) % sides
        };
        let mut after = before.clone();
        after.seq += 1 + roll(3);
        after.now = at(after.seq);
        if roll(3) == 0 {
            after.trading_state = TradingState::Halted;
        }
        if roll(2) == 0 {
            let mut orders = after.orders.as_ref().clone();
            orders.retain(|_| roll(5) != 0);
            for known in &mut orders {
                if roll(3) == 0 {
                    known.status = OrderStatus::Filled;
                }
            }
            orders.push(order(after.seq, OrderStatus::Submitted));
            orders.sort_by_key(|order| Reverse(order.number));
            after.orders = Arc::new(orders);
        }
        if roll(4) != 0 {
            let quotes = Arc::make_mut(&mut after.quotes);
            for n in 0..roll(6) {
                if roll(6) == 0 {
                    quotes.remove(&share(n));
                } else {
                    quotes.insert(share(n), quote(n, after.seq * 10 + n));
                }
            }
        }
        if roll(2) == 0 {
            let mut log = after.log.as_ref().clone();
            log.extend((0..=roll(3)).map(|n| line(after.seq * 10 + n)));
            let gone = log.len().saturating_sub(6);
            after.log = Arc::new(log.split_off(gone));
        }
        if roll(3) == 0 {
            let name = format!("list {}", after.seq);
            after.watchlists = Arc::new(vec![Watchlist { name: name.into(), instruments: vec![share(1)] }]);
        }
        if roll(3) == 0 {
            after.connections = Arc::new(vec![Connection::new("sim", roll(2) == 0, "market data")]);
        }
        if roll(3) == 0 {
            let (id, text) = (crate::domain::note::NoteId(after.seq), "gap".to_owned());
            after.notes = Arc::new(vec![SymbolNote { id, instrument: share(1), at: after.now, text }]);
        }
        after
    }

    /// As it crosses the socket.
    fn sent<T: Serialize + serde::de::DeserializeOwned>(message: &T) -> T {
        serde_json::from_slice(&serde_json::to_vec(message).unwrap()).unwrap()
    }

    #[test]
    fn every_message_is_read_as_it_was_written() {
        let picture = next(&next(&empty(), 1), 2);
        let update = ToClient::Update(Box::new(Update::whole(&picture)));
        let bytes = serde_json::to_vec(&update).unwrap();
        assert!(bytes.starts_with(UPDATE), "its tag comes first: {}", String::from_utf8_lossy(&bytes[..40]));
        for message in [
            update,
            ToClient::Update(Box::new(Update::between(&picture, &picture))),
            ToClient::Answer { id: 7, answer: Box::new(Err(SessionError::Usage("update".to_owned()))) },
            ToClient::Bye { reason: "{\"message\":\"update\",".to_owned() },
        ] {
            assert_eq!(ToClient::read(&serde_json::to_vec(&message).unwrap()).unwrap(), message);
        }
        assert!(ToClient::read(br#"{"message":"update","seq":1}"#).is_err());
        assert!(ToClient::read(b"").is_err());
    }

    #[test]
    fn a_front_end_that_is_told_what_changed_has_the_same_picture() {
        for seed in 0..200 {
            let mut truth = empty();
            let mut shown = sent(&Update::whole(&truth)).applied_to(None).unwrap();
            assert_eq!(shown, truth);
            for turn in 0..30 {
                let after = next(&truth, seed * 1_000 + turn);
                shown = sent(&Update::between(&truth, &after)).applied_to(Some(&shown)).unwrap();
                assert_eq!(shown, after, "seed {seed}, turn {turn}");
                truth = after;
            }
            assert_eq!(sent(&Update::whole(&truth)).applied_to(None).unwrap(), truth);
        }
    }

    #[test]
    fn an_update_from_another_picture_is_not_taken() {
        let first = empty();
        let second = next(&first, 3);
        let third = next(&second, 4);
        assert!(Update::between(&second, &third).applied_to(Some(&first)).is_none());
        assert!(Update::between(&second, &third).applied_to(None).is_none());
    }

    #[test]
    fn nothing_changed_is_little_to_say() {
        let picture = next(&next(&empty(), 1), 2);
        let bytes = serde_json::to_vec(&Update::between(&picture, &picture)).unwrap();
        assert!(bytes.len() < 100, "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn versions_that_have_one_in_common_get_along() {
        assert_eq!(common_protocol((PROTOCOL, PROTOCOL + 3)), Some(PROTOCOL));
        assert_eq!(common_protocol((0, PROTOCOL_MIN)), Some(PROTOCOL_MIN));
        assert_eq!(common_protocol((PROTOCOL + 1, PROTOCOL + 3)), None);
        assert_eq!(common_protocol((0, PROTOCOL_MIN - 1)), None);
    }
}
