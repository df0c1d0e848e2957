//! Pictures as what changed between two of them: whole sections where something did, quotes and orders by key.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

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
