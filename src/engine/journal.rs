//! The journal thread: commits what steps want written, synced, and answers each ticket. Entries that wait together share a commit.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::mpsc;

use super::clock::{monotonic, system_now};
use super::session::give;
use crate::core::effect::{self, JournalEntry, Ticket};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::store::{
    ApprovedBot, ExecutionRow, IntentEventRow, IntentKind, IntentRow, JournalBatch, Store, StoreError,
    SymbolNoteRow,
};

/// Jobs that may wait.
pub(super) const JOBS_MAX: usize = 4_096;
/// Batches kept for the next write after a failed one.
const UNSAVED_MAX: usize = 10_000;
/// How long nothing is to be written until the file is tidied.
const IDLE: Duration = Duration::from_secs(10);
/// How long a write that nobody waits for may wait for company.
const LINGER: Duration = Duration::from_millis(100);
/// Company beyond which it waits for no more.
const COMPANY_MAX: usize = 500;

/// Something to write.
pub(super) enum Job {
    /// A step's entry.
    Entry {
        /// To answer with.
        ticket: Ticket,
        /// Somebody waits for it.
        urgent: bool,
        /// What to write.
        entry: Box<JournalEntry>,
    },
    /// The paper venue's state.
    Venue(AccountId, String),
    /// One value of the state table, by its key.
    State(&'static str, String),
    /// A note on an order.
    Note(ClientOrderId, Timestamp, String),
    /// A change of the notes on instruments.
    SymbolNote(SymbolNoteRow),
    /// A bot that a person approved.
    Bot(Box<ApprovedBot>),
    /// A bot that nobody's word stands for any more.
    BotGone(smol_str::SmolStr),
    /// All of these in one transaction: what a broker reported, and the venue that reported it.
    Together(Vec<Job>),
    /// Write everything now, then answer: is it on the disk, and if not, why.
    Flush(tokio::sync::oneshot::Sender<Result<(), String>>),
}

impl Job {
    /// The tickets that wait for it.
    pub(super) fn tickets(&self) -> Vec<Ticket> {
        match self {
            Self::Entry { ticket, .. } => vec![*ticket],
            Self::Together(jobs) => jobs.iter().flat_map(Self::tickets).collect(),
            Self::Venue(..)
            | Self::State(..)
            | Self::Note(..)
            | Self::SymbolNote(_)
            | Self::Bot(_)
            | Self::BotGone(_)
            | Self::Flush(_) => Vec::new(),
        }
    }
}

/// A ticket's answer.
pub(super) type Written = (Ticket, Result<(), String>);

/// The thread's handle. Dropping it ends the thread once everything is written.
pub(super) struct JournalThread {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// Where jobs go in.
pub(super) enum JournalSender {
    /// To the thread.
    Thread(SyncSender<Job>),
    /// Nowhere: an engine that only reads writes nothing.
    Nowhere,
}

impl JournalSender {
    /// Hands a job over, or back when the queue is full or the thread has ended: it is reported, never awaited.
    pub(super) fn send(&self, job: Job) -> Result<(), Job> {
        match (self, job) {
            (Self::Thread(jobs), job) => jobs.try_send(job).map_err(|error| match error {
                TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
            }),
            (Self::Nowhere, Job::Flush(done)) => {
                give(done, Ok(()));
                Ok(())
            }
            (Self::Nowhere, _) => Ok(()),
        }
    }
}

impl JournalThread {
    /// Starts the thread over an open store.
    pub(super) fn start(store: Store, answers: mpsc::Sender<Written>) -> std::io::Result<Self> {
        let (jobs, inbox) = sync_channel(JOBS_MAX);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || run(store, &inbox, &answers))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) fn sender(&self) -> Option<JournalSender> {
        self.jobs.clone().map(JournalSender::Thread)
    }

    /// Waits until everything is written and the database is closed. All senders must be gone.
    pub(super) fn finish(mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal thread has panicked");
        }
    }
}

/// What waits to be written together.
#[derive(Default)]
pub(super) struct Group {
    batches: Vec<JournalBatch>,
    tickets: Vec<Ticket>,
    urgent: bool,
    flushes: Vec<tokio::sync::oneshot::Sender<Result<(), String>>>,
}

impl Group {
    /// How much longer it waits for company, `since` its first job came: not at all where somebody waits for it. Jobs that keep coming do not
    /// keep those that came before from the disk (reliability S2).
    pub(super) fn waits(&self, since: Duration) -> Option<Duration> {
        let left = LINGER.checked_sub(since).filter(|left| !left.is_zero())?;
        (!self.urgent && self.flushes.is_empty() && self.batches.len() < COMPANY_MAX).then_some(left)
    }

    pub(super) fn add(&mut self, job: Job) {
        match job {
            Job::Entry { ticket, urgent, entry } => {
                self.batches.push(batch(*entry));
                self.tickets.push(ticket);
                self.urgent |= urgent;
            }
            Job::Venue(account, state) => {
                self.batches.push(JournalBatch { venues: vec![(account, state)], ..JournalBatch::default() });
            }
            Job::State(key, value) => {
                let state = vec![(key.to_owned(), value)];
                self.batches.push(JournalBatch { state, ..JournalBatch::default() });
                // What a person changed is kept before it is answered.
                self.urgent = true;
            }
            Job::Note(order, at, text) => {
                let notes = vec![(order, at, text)];
                self.batches.push(JournalBatch { notes, ..JournalBatch::default() });
            }
            Job::SymbolNote(change) => {
                let symbol_notes = vec![change];
                self.batches.push(JournalBatch { symbol_notes, ..JournalBatch::default() });
            }
            Job::Bot(bot) => {
                self.batches.push(JournalBatch { bots: vec![*bot], ..JournalBatch::default() });
                self.urgent = true;
            }
            Job::BotGone(bot) => {
                self.batches.push(JournalBatch { bots_gone: vec![bot], ..JournalBatch::default() });
                self.urgent = true;
            }
            Job::Flush(done) => {
                self.urgent = true;
                self.flushes.push(done);
            }
            Job::Together(jobs) => jobs.into_iter().for_each(|job| self.add(job)),
        }
    }
}

/// The thread's own state.
pub(super) struct Writer {
    store: Store,
    /// The disk failed under the database: what the system still holds of it is not to be trusted.
    broken: bool,
    /// What could not be written yet.
    unsaved: Vec<JournalBatch>,
    /// Something was written since the file was tidied.
    untidy: bool,
}

fn run(store: Store, inbox: &Receiver<Job>, answers: &mpsc::Sender<Written>) {
    let mut writer = Writer::new(store);
    let mut open = true;
    while open {
        let mut group = Group::default();
        let first = if writer.untidy {
            inbox.recv_timeout(IDLE)
        } else {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match first {
            Ok(job) => group.add(job),
            Err(RecvTimeoutError::Timeout) => {
                writer.tidy();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let began = monotonic();
        while let Some(wait) = group.waits(began.elapsed()) {
            match inbox.recv_timeout(wait) {
                Ok(job) => group.add(job),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    open = false;
                    break;
                }
            }
        }
        loop {
            match inbox.try_recv() {
                Ok(job) => group.add(job),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    open = false;
                    break;
                }
            }
        }
        writer.commit(group, answers);
    }
    if !writer.unsaved.is_empty() {
        tracing::error!(
            batches = writer.unsaved.len(),
            "the journal ends with entries that could not be written"
        );
    }
    if let Err(error) = writer.store.close() {
        tracing::error!(%error, "the database was not marked as closed");
    }
}

impl Writer {
    pub(super) const fn new(store: Store) -> Self {
        Self { store, broken: false, unsaved: Vec::new(), untidy: false }
    }

    #[cfg(test)]
    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    #[cfg(test)]
    pub(super) const fn mark_broken(&mut self) {
        self.broken = true;
    }

    pub(super) fn commit(&mut self, group: Group, answers: &mpsc::Sender<Written>) {
        self.unsaved.extend(group.batches);
        keep_newest_venues(&mut self.unsaved);
        let result = self.write().map_err(|error| error.to_string());
        match &result {
            Ok(()) => self.unsaved.clear(),
            Err(reason) => {
                tracing::error!(reason, "journal write failed");
                let excess = self.unsaved.len().saturating_sub(UNSAVED_MAX);
                if excess > 0 {
                    tracing::error!(excess, "too much waits for the disk; the oldest entries are given up");
                }
                self.unsaved.drain(..excess);
            }
        }
        for ticket in group.tickets {
            // The engine has gone: nobody waits any more.
            if answers.blocking_send((ticket, result.clone())).is_err() {
                break;
            }
        }
        for done in group.flushes {
            give(done, result.clone());
        }
    }

    /// Nobody wants anything written just now.
    fn tidy(&mut self) {
        self.untidy = false;
        if self.broken {
            return;
        }
        if let Err(error) = self.store.tidy() {
            tracing::warn!(%error, "the database could not be tidied");
            self.broken = matches!(error, StoreError::Io { .. } | StoreError::Damaged { .. });
        }
    }

    /// Writes what waits. After the disk has failed the database is opened anew first: a second sync of the same file may report success
    /// for pages that were dropped (reliability S6).
    fn write(&mut self) -> Result<(), StoreError> {
        if self.broken {
            self.store.reopen(system_now())?;
            self.broken = false;
        }
        if self.unsaved.is_empty() {
            return Ok(());
        }
        self.untidy = true;
        let written = self.store.journal(&self.unsaved).map(|_| ());
        self.broken = matches!(written, Err(StoreError::Io { .. } | StoreError::Damaged { .. }));
        written
    }
}

/// Of each account's venue only the newest state counts; it is large, and many may wait while the disk is full.
fn keep_newest_venues(batches: &mut [JournalBatch]) {
    let mut seen = BTreeSet::new();
    for batch in batches.iter_mut().rev() {
        batch.venues.retain(|(account, _)| seen.insert(account.clone()));
    }
}

/// Where the shares under the short-sale restriction stand in the state table.
const FALLEN: &str = "short_sale_restricted";

/// Where the accounts on which automation waits stand there.
const PAUSED: &str = "automation_paused";
/// What each holding was last valued at.
const LAST_PRICES: &str = "last_prices";
/// What the guards of accounts have seen and hold.
const GUARDS: &str = "guards";

/// The guards, as they were last written.
pub(super) fn read_guards(store: &Store) -> Result<Option<String>, StoreError> {
    store.get_state(GUARDS)
}

/// Accounts on which automation waits for a person, as they were last written.
pub(super) fn read_paused(store: &Store) -> Result<Vec<(AccountId, String)>, StoreError> {
    let Some(text) = store.get_state(PAUSED)? else { return Ok(Vec::new()) };
    let unread = |_| vec![(AccountId::new("paper"), "what was paused cannot be read".to_owned())];
    Ok(serde_json::from_str(&text).unwrap_or_else(unread))
}

/// Pairs of an instrument's key and a session.
fn fallen_text(fallen: Vec<(Instrument, Date)>) -> String {
    let keys: Vec<(String, Date)> = fallen.into_iter().map(|(share, day)| (share.key(), day)).collect();
    serde_json::to_string(&keys).unwrap_or_default()
}

/// The shares under the short-sale restriction, as they were last written. What cannot be read is nothing: the next fall is written anew.
pub(super) fn read_fallen(store: &Store) -> Result<Vec<(Instrument, Date)>, StoreError> {
    let text = store.get_state(FALLEN)?.unwrap_or_default();
    let keys: Vec<(String, Date)> = serde_json::from_str(&text).unwrap_or_default();
    Ok(keys.into_iter().filter_map(|(key, day)| Some((Instrument::from_key(&key).ok()?, day))).collect())
}

/// Account, key of an instrument, price.
fn last_prices_text(prices: Vec<(AccountId, Instrument, Price)>) -> String {
    let keys: Vec<(AccountId, String, Price)> =
        prices.into_iter().map(|(account, it, price)| (account, it.key(), price)).collect();
    serde_json::to_string(&keys).unwrap_or_default()
}

/// What each holding was last valued at. What cannot be read is nothing: then what is held is valued by nothing until prices come.
pub(super) fn read_last_prices(store: &Store) -> Result<Vec<(AccountId, Instrument, Price)>, StoreError> {
    let text = store.get_state(LAST_PRICES)?.unwrap_or_default();
    let keys: Vec<(AccountId, String, Price)> = serde_json::from_str(&text).unwrap_or_default();
    let read = |(account, key, price): (AccountId, String, Price)| {
        Some((account, Instrument::from_key(&key).ok()?, price))
    };
    Ok(keys.into_iter().filter_map(read).collect())
}

/// A step's entry as rows.
fn batch(entry: JournalEntry) -> JournalBatch {
    JournalBatch {
        intents: entry
            .intents
            .into_iter()
            .map(|intent| IntentRow {
                id: intent.id,
                kind: match intent.kind {
                    effect::IntentKind::New => IntentKind::New,
                    effect::IntentKind::Cancel => IntentKind::Cancel,
                    effect::IntentKind::Replace => IntentKind::Replace,
                },
                order: intent.order,
                checks: intent.checks,
            })
            .collect(),
        events: entry
            .changes
            .into_iter()
            .map(|change| IntentEventRow {
                order: change.order,
                at: change.at,
                from: change.from,
                to: change.to,
                detail: change.detail,
            })
            .collect(),
        orders: entry.orders,
        executions: entry
            .executions
            .into_iter()
            .map(|booked| ExecutionRow { execution: booked.execution, realized_pnl: booked.realized_pnl })
            .collect(),
        cash: entry.cash,
        equity: entry.equity.into_iter().map(|p| (p.account, p.at, p.net_liquidation, p.cash)).collect(),
        state: entry
            .trading_state
            .map(|state| ("trading_state".to_owned(), serde_json::to_string(&state).unwrap_or_default()))
            .into_iter()
            .chain(
                entry
                    .paused
                    .map(|paused| (PAUSED.to_owned(), serde_json::to_string(&paused).unwrap_or_default())),
            )
            .chain(entry.last_prices.map(|prices| (LAST_PRICES.to_owned(), last_prices_text(prices))))
            .chain(entry.guards.map(|guards| (GUARDS.to_owned(), guards)))
            .chain(entry.fallen.map(|fallen| (FALLEN.to_owned(), fallen_text(fallen))))
            .collect(),
        venues: Vec::new(),
        watchlists: entry.watchlists,
        alerts: entry.alerts,
        exits: entry.exits,
        notes: Vec::new(),
        symbol_notes: Vec::new(),
        reconciles: entry.reconciles,
        strategies: entry.strategies,
        strategies_gone: entry.strategies_gone,
        bots: Vec::new(),
        bots_gone: Vec::new(),
        decisions: entry.decisions,
        log: entry.log,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ticket: u64, urgent: bool) -> Job {
        Job::Entry { ticket: Ticket(ticket), urgent, entry: Box::default() }
    }

    /// History waits for company up to a tenth of a second or five hundred rows, counted from its first row; orders wait for nothing.
    #[test]
    fn s2_history_waits_a_little_and_orders_never() {
        let of = |jobs: usize| {
            let mut group = Group::default();
            (0..jobs).for_each(|n| group.add(entry(n as u64, false)));
            group
        };
        let ms = Duration::from_millis;
        for (jobs, since, left) in [
            (1, ms(0), Some(ms(100))),
            (1, ms(40), Some(ms(60))),
            // However lately another one came.
            (400, ms(99), Some(ms(1))),
            (400, ms(100), None),
            (1, ms(5_000), None),
            (499, ms(0), Some(ms(100))),
            (500, ms(0), None),
        ] {
            assert_eq!(of(jobs).waits(since), left, "{jobs} after {since:?}");
        }
        let mut group = of(3);
        group.add(entry(4, true));
        assert_eq!(group.waits(ms(0)), None, "an order");
        let mut group = of(3);
        let (done, _asked) = tokio::sync::oneshot::channel();
        group.add(Job::Flush(done));
        assert_eq!(group.waits(ms(0)), None, "somebody waits for the disk");
    }
}
