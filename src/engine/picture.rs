//! The picture that front ends see: what is in it, when it goes, and who is told with it. What a broker reported is shown once it is on the
//! disk, so that a kill takes nothing back that somebody has seen.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use crate::core::effect::Ticket;
use crate::core::input::Input;
use crate::domain::account::{Account, BrokerFigures};
use crate::domain::calendar::MarketPhase;
use crate::domain::instrument::AssetClass;
use crate::domain::quote::Feed;
use crate::domain::snapshot::{AccountView, Connection, MarketClock, Snapshot};
use crate::domain::total::Total;

use super::journal::JournalSender;
use super::task::EngineTask;

/// How long a picture waits for the disk: one that hangs takes the screen along no longer than this.
const HELD_MAX: Duration = Duration::from_secs(1);

/// What the next picture waits for.
#[derive(Debug)]
pub(super) struct Awaits {
    /// The newest entry that tells what brokers reported of orders.
    reported: Ticket,
    /// Since when a picture waits for the disk to have it.
    since: Option<Instant>,
}

impl Default for Awaits {
    fn default() -> Self {
        Self { reported: Ticket(0), since: None }
    }
}

impl Awaits {
    /// A broker has reported on orders; the entry is on its way to the disk.
    pub(super) fn report(&mut self, ticket: Ticket) {
        self.reported = self.reported.max(ticket);
    }

    /// Must a picture wait, the journal having come to `written`.
    fn holds(&mut self, written: Ticket) -> bool {
        if self.reported <= written {
            self.since = None;
            return false;
        }
        self.since.get_or_insert_with(Instant::now).elapsed() < HELD_MAX
    }
}

impl EngineTask {
    /// Tells everybody whose wait is over. Whoever is told of an order finds it in the next picture, at whatever line.
    pub(super) fn settle(&mut self) {
        let late = self.waiters.deadline().is_some_and(|deadline| deadline <= Instant::now());
        if self.is_held() && !late {
            return;
        }
        let over = self.waiters.take_over(&self.core, self.newest, self.written);
        if over.is_empty() {
            return;
        }
        self.publish();
        for waiter in over {
            waiter.tell(&self.core);
        }
    }

    fn is_held(&mut self) -> bool {
        // An engine that only reads has no disk to wait for.
        matches!(self.journal, JournalSender::Thread(_)) && self.awaits.holds(self.written)
    }

    /// Shows how things are, if anything has changed and the disk has what brokers reported.
    pub(super) fn publish(&mut self) {
        if self.core.changed() && !self.is_held() {
            let mut snapshot = self.core.snapshot();
            snapshot.locked = self.custody.locked;
            snapshot.books = self.feed.books.section();
            snapshot.notes = Arc::clone(&self.notes);
            self.leave_closed_out(&mut snapshot);
            snapshot.accounts = self.with_figures(&snapshot);
            snapshot.totals = self.totals_section(&snapshot);
            self.snapshots.send_replace(Arc::new(snapshot));
        }
    }

    /// Accounts that were disconnected are not shown, nor what is held there; their orders stay, as those of the past do.
    fn leave_closed_out(&self, snapshot: &mut Snapshot) {
        let closed = &self.live.closed;
        if closed.is_empty() {
            return;
        }
        Arc::make_mut(&mut snapshot.accounts).retain(|view| !closed.contains(&view.account.account));
        Arc::make_mut(&mut snapshot.positions).retain(|position| !closed.contains(&position.account));
        Arc::make_mut(&mut snapshot.exits).retain(|group| !closed.contains(&group.account));
    }

    /// The accounts with what their brokers say of them; the section of before where nothing has changed.
    fn with_figures(&self, snapshot: &Snapshot) -> Arc<Vec<AccountView>> {
        if self.live.logins().is_empty() && self.live.figures.is_empty() {
            return Arc::clone(&snapshot.accounts);
        }
        let told = |view: &AccountView| {
            let mut view = view.clone();
            view.standing.figures = self.live.figures.get(&view.account.account).map(BrokerFigures::of);
            let login = self.live.logins().iter().find(|login| login.account == view.account.account);
            view.standing.broker = login.map(|login| login.broker.clone());
            view
        };
        let accounts: Vec<AccountView> = snapshot.accounts.iter().map(told).collect();
        let last = self.snapshots.borrow();
        if *last.accounts == accounts { Arc::clone(&last.accounts) } else { Arc::new(accounts) }
    }

    /// All accounts together, where there is more than the paper venue's; the section of before where nothing has changed.
    fn totals_section(&self, snapshot: &Snapshot) -> Arc<Vec<Total>> {
        if self.live.logins().is_empty() {
            return Arc::default();
        }
        let accounts: Vec<Account> = snapshot.accounts.iter().map(|view| view.account.clone()).collect();
        let totals = self.totals(&accounts);
        let last = self.snapshots.borrow();
        if *last.totals == totals { Arc::clone(&last.totals) } else { Arc::new(totals) }
    }

    /// Connections and the market clock, for the status line.
    pub(super) fn surroundings(&mut self) {
        let now = self.clock.now();
        let market = MarketClock {
            name: "NYSE".into(),
            open: self.calendar.phase(AssetClass::Equity, now) == MarketPhase::Regular,
            changes_at: Some(self.calendar.next_bell(now)),
            calendar: Arc::clone(&self.calendar),
        };
        let feed = match self.feed.feed() {
            Feed::Replayed => "replay",
            _ => "sim",
        };
        let up = |name: &str, text: &str| Connection::new(name, true, text);
        let mut paper = up("paper", "paper venue");
        if let Some(run) = self.core.last_reconcile(&self.paper_account) {
            paper.text = format!("paper venue, reconciled {}", run.finished.strftime("%H:%M:%S UTC"));
        }
        if let Some(call) = &self.last_call {
            paper.latency_ms = Some(call.latency_ms);
            paper.last_error.clone_from(&call.error);
        }
        let mut prices = up(feed, "market data");
        // In tens: a time that differs each second by a little is no news for every screen.
        prices.latency_ms = self.prices_gap.and_then(|gap| u32::try_from(gap.as_millis() / 10 * 10).ok());
        let connections: Vec<Connection> =
            [paper, prices].into_iter().chain(self.live.connections()).collect();
        let replay = self.feed.replay_state();
        if self.last_surroundings_differ(&connections, &market, replay.as_ref()) {
            let effects = self.core.step(now, Input::Surroundings { connections, market, replay });
            debug_assert!(effects.is_empty(), "the status line writes nothing");
        }
    }

    fn last_surroundings_differ(
        &self,
        connections: &[Connection],
        market: &MarketClock,
        replay: Option<&crate::domain::snapshot::ReplayState>,
    ) -> bool {
        let last = self.snapshots.borrow();
        last.connections.as_slice() != connections || last.market != *market || last.replay.as_ref() != replay
    }
}
