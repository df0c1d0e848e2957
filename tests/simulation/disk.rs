//! The journal: in memory for most seeds, the real database for some.

use std::collections::{BTreeMap, BTreeSet};

use arbion::core::effect::{IntentKind, JournalEntry};
use arbion::core::input::Restored;
use arbion::domain::execution::{CashEntry, Execution};
use arbion::domain::exit::ExitGroup;
use arbion::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use arbion::domain::instrument::Instrument;
use arbion::domain::limits::TradingState;
use arbion::domain::money::Quantity;
use arbion::domain::order::Order;
use arbion::domain::strategy::StoredStrategy;
use arbion::store::{ExecutionRow, IntentEventRow, IntentRow, JournalBatch, Store};
use jiff::Timestamp;
use smol_str::SmolStr;

/// What survives a kill.
#[derive(Default)]
pub(crate) struct Disk {
    intents: BTreeSet<ClientOrderId>,
    orders: BTreeMap<ClientOrderId, Order>,
    executions: Vec<Execution>,
    cash: Vec<CashEntry>,
    state: TradingState,
    strategies: BTreeMap<SmolStr, StoredStrategy>,
    exits: Vec<ExitGroup>,
    /// Facts of failed writes, kept in memory until the next one that succeeds.
    kept: Vec<JournalEntry>,
    /// Units by account and instrument, of everything written and kept.
    units: BTreeMap<(AccountId, Instrument), Quantity>,
    file: Option<(Store, tempfile::TempDir)>,
}

impl Disk {
    pub(crate) fn new(real: bool, now: Timestamp) -> Self {
        let file = real.then(|| {
            let directory = tempfile::tempdir().unwrap();
            (Store::open(&directory.path().join("profile"), now).unwrap(), directory)
        });
        Self { file, ..Self::default() }
    }

    /// Is there a database under it.
    pub(crate) const fn is_real(&self) -> bool {
        self.file.is_some()
    }

    /// What all executions on the disk, or on their way there, add up to.
    pub(crate) fn units(&self, account: &AccountId, instrument: &Instrument) -> Quantity {
        self.units.get(&(account.clone(), instrument.clone())).copied().unwrap_or_default()
    }

    /// An entry is on its way: what is in it is in the books already.
    pub(crate) fn expect(&mut self, entry: &JournalEntry) {
        for booked in &entry.executions {
            let key = (booked.execution.account.clone(), booked.execution.instrument.clone());
            *self.units.entry(key).or_default() += booked.execution.signed_quantity();
        }
    }

    pub(crate) fn has_intent(&self, id: ClientOrderId) -> bool {
        self.intents.contains(&id)
    }

    /// Executions that are written, or kept to be.
    pub(crate) fn booked(&self) -> impl Iterator<Item = &Execution> {
        let kept = self.kept.iter().flat_map(|entry| &entry.executions).map(|booked| &booked.execution);
        self.executions.iter().chain(kept)
    }

    /// A write failed: the shell keeps what happened, in order.
    pub(crate) fn keep(&mut self, entry: JournalEntry) {
        self.kept.push(entry);
    }

    /// A kill takes what was not written.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
        self.units.clear();
        for execution in &self.executions {
            let key = (execution.account.clone(), execution.instrument.clone());
            *self.units.entry(key).or_default() += execution.signed_quantity();
        }
    }

    /// Writes what was kept.
    pub(crate) fn flush(&mut self) {
        for entry in std::mem::take(&mut self.kept) {
            self.write_one(entry);
        }
    }

    pub(crate) fn write(&mut self, entry: JournalEntry) {
        self.flush();
        self.write_one(entry);
    }

    fn write_one(&mut self, entry: JournalEntry) {
        for intent in &entry.intents {
            assert!(self.intents.insert(intent.id), "intent {} was made twice", intent.id);
        }
        for order in &entry.orders {
            self.orders.insert(order.request.client_order_id, order.clone());
        }
        self.executions.extend(entry.executions.iter().map(|booked| booked.execution.clone()));
        self.cash.extend(entry.cash.iter().cloned());
        self.state = entry.trading_state.unwrap_or(self.state);
        for name in &entry.strategies_gone {
            self.strategies.remove(name);
        }
        if let Some(exits) = &entry.exits {
            self.exits.clone_from(exits);
        }
        for stored in &entry.strategies {
            self.strategies.insert(stored.name.clone(), stored.clone());
        }
        if let Some((store, _)) = &mut self.file {
            let report = store.journal(&[batch(entry)]).unwrap();
            assert!(report.conflicts.is_empty(), "the disk has other executions: {report:?}");
        }
    }

    /// What a start reads, as the program's own start does.
    pub(crate) fn read(&self) -> Restored {
        let last = self.orders.values().map(|order| order.number.0).max().unwrap_or(0);
        let in_memory = Restored {
            orders: self.orders.values().cloned().collect(),
            executions: self.executions.clone(),
            cash: self.cash.clone(),
            next_number: Some(OrderNumber(last + 1)),
            trading_state: self.state,
            strategies: self.strategies.values().cloned().collect(),
            exits: self.exits.clone(),
            ..Restored::default()
        };
        let Some((store, _)) = &self.file else { return in_memory };
        let state = store.get_state("trading_state").unwrap();
        let read = Restored {
            orders: store.orders_for_start(1_000).unwrap(),
            executions: store.all_executions().unwrap(),
            cash: store.all_cash().unwrap(),
            next_number: Some(OrderNumber(store.next_order_number().unwrap())),
            trading_state: state.map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default(),
            strategies: store.strategies().unwrap(),
            exits: store.exits().unwrap(),
            ..Restored::default()
        };
        assert_eq!(read.exits.len(), in_memory.exits.len(), "the database lost an exit plan");
        let kept = in_memory.exits.iter().all(|plan| read.exits.contains(plan));
        assert!(kept, "the database changed an exit plan");
        assert_eq!(read.strategies, in_memory.strategies, "the database lost or changed a strategy");
        let by_id = |orders: &[Order]| -> BTreeMap<ClientOrderId, Order> {
            orders.iter().map(|order| (order.request.client_order_id, order.clone())).collect()
        };
        assert_eq!(by_id(&read.orders), by_id(&in_memory.orders), "the database lost or changed an order");
        assert_eq!(read.executions.len(), in_memory.executions.len(), "the database lost an execution");
        assert_eq!(read.cash.len(), in_memory.cash.len(), "the database lost a dividend");
        assert_eq!(read.trading_state, in_memory.trading_state);
        read
    }
}

fn batch(entry: JournalEntry) -> JournalBatch {
    let kind = |kind| match kind {
        IntentKind::New => arbion::store::IntentKind::New,
        IntentKind::Cancel => arbion::store::IntentKind::Cancel,
        IntentKind::Replace => arbion::store::IntentKind::Replace,
    };
    JournalBatch {
        intents: entry
            .intents
            .into_iter()
            .map(|i| IntentRow { id: i.id, kind: kind(i.kind), order: i.order, checks: i.checks })
            .collect(),
        events: entry
            .changes
            .into_iter()
            .map(|c| IntentEventRow { order: c.order, at: c.at, from: c.from, to: c.to, detail: c.detail })
            .collect(),
        orders: entry.orders,
        executions: entry
            .executions
            .into_iter()
            .map(|b| ExecutionRow { execution: b.execution, realized_pnl: b.realized_pnl })
            .collect(),
        cash: entry.cash,
        state: entry
            .trading_state
            .map(|state| ("trading_state".to_owned(), serde_json::to_string(&state).unwrap()))
            .into_iter()
            .collect(),
        reconciles: entry.reconciles,
        exits: entry.exits,
        strategies: entry.strategies,
        strategies_gone: entry.strategies_gone,
        decisions: entry.decisions,
        log: entry.log,
        ..JournalBatch::default()
    }
}
