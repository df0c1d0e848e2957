//! The journal thread: commits what steps want written, synced, and answers each ticket. Entries that wait together share a commit.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use super::session::give;
use crate::core::effect::{self, JournalEntry, Ticket};
use crate::domain::ids::AccountId;
use crate::store::{ExecutionRow, IntentEventRow, IntentKind, IntentRow, JournalBatch, Store};

/// Jobs that may wait.
const JOBS_MAX: usize = 4_096;
/// Batches kept for the next write after a failed one.
const UNSAVED_MAX: usize = 10_000;
/// How long a write that nobody waits for may wait for company.
const LINGER: Duration = Duration::from_millis(100);

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
    /// Write everything now, then answer.
    Flush(tokio::sync::oneshot::Sender<()>),
    /// An online backup.
    Backup(PathBuf, tokio::sync::oneshot::Sender<Result<(), String>>),
}

/// A ticket's answer.
pub(super) type Written = (Ticket, Result<(), String>);

/// The thread's handle. Dropping it ends the thread once everything is written.
pub(super) struct JournalThread {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// Where jobs go in.
#[derive(Clone)]
pub(super) struct JournalSender(SyncSender<Job>);

impl JournalSender {
    /// Hands a job over. False when the queue is full or the thread has ended: it is reported, never awaited.
    pub(super) fn send(&self, job: Job) -> bool {
        self.0.try_send(job).is_ok()
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
        self.jobs.clone().map(JournalSender)
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
struct Group {
    batches: Vec<JournalBatch>,
    tickets: Vec<Ticket>,
    urgent: bool,
    flushes: Vec<tokio::sync::oneshot::Sender<()>>,
    backups: Vec<(PathBuf, tokio::sync::oneshot::Sender<Result<(), String>>)>,
}

impl Group {
    fn add(&mut self, job: Job) {
        match job {
            Job::Entry { ticket, urgent, entry } => {
                self.batches.push(batch(*entry));
                self.tickets.push(ticket);
                self.urgent |= urgent;
            }
            Job::Venue(account, state) => {
                // Only the newest state counts.
                for earlier in &mut self.batches {
                    earlier.venues.retain(|(other, _)| *other != account);
                }
                self.batches.push(JournalBatch { venues: vec![(account, state)], ..JournalBatch::default() });
            }
            Job::Flush(done) => {
                self.urgent = true;
                self.flushes.push(done);
            }
            Job::Backup(path, done) => {
                self.urgent = true;
                self.backups.push((path, done));
            }
        }
    }
}

fn run(mut store: Store, inbox: &Receiver<Job>, answers: &mpsc::Sender<Written>) {
    let mut unsaved: Vec<JournalBatch> = Vec::new();
    let mut open = true;
    while open {
        let mut group = Group::default();
        match inbox.recv() {
            Ok(job) => group.add(job),
            Err(_) => break,
        }
        while !group.urgent {
            match inbox.recv_timeout(LINGER) {
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
        commit(&mut store, group, &mut unsaved, answers);
    }
    if let Err(error) = store.close() {
        tracing::error!(%error, "the database was not marked as closed");
    }
}

fn commit(store: &mut Store, group: Group, unsaved: &mut Vec<JournalBatch>, answers: &mpsc::Sender<Written>) {
    unsaved.extend(group.batches);
    let result = if unsaved.is_empty() {
        Ok(())
    } else {
        store.journal(unsaved).map(|_| ()).map_err(|error| error.to_string())
    };
    match &result {
        Ok(()) => unsaved.clear(),
        Err(reason) => {
            tracing::error!(reason, "journal write failed");
            let excess = unsaved.len().saturating_sub(UNSAVED_MAX);
            unsaved.drain(..excess);
        }
    }
    for ticket in group.tickets {
        // The engine has gone: nobody waits any more.
        if answers.blocking_send((ticket, result.clone())).is_err() {
            break;
        }
    }
    for (path, done) in group.backups {
        give(done, store.backup(&path).map_err(|error| error.to_string()));
    }
    for done in group.flushes {
        give(done, ());
    }
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
            .collect(),
        venues: Vec::new(),
        watchlists: entry.watchlists,
        log: entry.log,
    }
}
