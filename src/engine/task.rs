//! The task loop: the one owner of the core. Its order of precedence is written down in `run`: money before market data.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

use crate::brokers::tally::Tally;
use crate::client::{Reply, SessionError};
use crate::core::effect::{Effect, Outcome, RequestId, Ticket};
use crate::core::engine::Engine;
use crate::core::input::Input;
use crate::domain::calendar::Calendar;
use crate::domain::execution::{AccountEvent, OrderEvent, OrderUpdate};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::Instrument;
use crate::domain::limits::TradingState;
use crate::domain::note::SymbolNote;
use crate::domain::order::{Order, OrderHandle};
use crate::domain::quote::{Bar, Feed, Interval};
use crate::domain::snapshot::{Severity, Snapshot};
use crate::market::replay::MarketEvent;

use super::clock::{Clock, ClockWatch, system_now};
use super::desktop::Rings;
use super::feed::{MarketFeed, Source};
use super::halt::HaltSignal;
use super::heart::{Doing, Heart};
use super::journal::{Job, JournalSender, Written};
use super::launch::Access;
use super::link::{self, Call, LinkCommand, LinkQueue, Reported};
use super::live::Live;
use super::paper::{Backlog, PaperBroker, VenueCommand};
use super::picture::Awaits;
use super::previews::Previews;
use super::session::{Asked, give};
use super::vitals::Vitals;
use super::waiters::{Until, Waiters};

/// How often simulated prices are looked at: each look that finds one makes a picture, with nobody there to see it too.
const FEED_EVERY: Duration = Duration::from_millis(100);
/// How often a replay is asked how far it is.
const REPLAY_EVERY: Duration = Duration::from_millis(50);
/// How often a changed picture is published at most.
const PUBLISH_EVERY: Duration = Duration::from_millis(33);
/// How often time is said to have passed.
const TICK_EVERY: Duration = Duration::from_secs(1);
/// How often the other doors of the kill switch are looked at.
const HALT_EVERY: Duration = Duration::from_millis(200);
/// Jobs kept while the journal takes none.
const UNSENT_MAX: usize = 10_000;

/// A request whose answer the core will give.
pub(super) struct Pending {
    pub(super) reply: oneshot::Sender<Result<Reply, SessionError>>,
    pub(super) wait: Option<Until>,
}

/// Everything the loop owns.
pub(super) struct EngineTask {
    pub(super) core: Engine,
    pub(super) clock: Clock,
    pub(super) calendar: Arc<Calendar>,
    pub(super) feed: MarketFeed,
    pub(super) paper: PaperBroker,
    pub(super) backlog: Backlog,
    pub(super) links: BTreeMap<AccountId, LinkQueue>,
    /// What brokers report.
    pub(super) reports: mpsc::Receiver<Reported>,
    pub(super) journal: JournalSender,
    /// What the journal's queue did not take: handed over before anything newer.
    pub(super) unsent: VecDeque<Job>,
    /// Journal entries of the broker report at hand, which reach the disk together.
    pub(super) together: Option<Vec<Job>>,
    /// The kill switch as the links see it, whatever else waits in their queues.
    pub(super) halted: Arc<AtomicBool>,
    pub(super) access: Access,
    /// Writes into the audit log; absent for runs that nothing is kept of.
    pub(super) audit: Option<Arc<crate::keeping::Recorder>>,
    pub(super) directory: std::path::PathBuf,
    /// Where limits that are changed while it runs are kept.
    pub(super) config: Option<crate::config::ConfigFiles>,
    pub(super) universe: Arc<crate::market::symbols::Universe>,
    pub(super) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(super) pending: BTreeMap<RequestId, Pending>,
    pub(super) next_request: u64,
    pub(super) waiters: Waiters,
    /// The newest entry handed to the journal, and the newest that it has come to.
    pub(super) newest: Ticket,
    pub(super) written: Ticket,
    /// The newest entry that something waits for.
    pub(super) urgent: Ticket,
    /// What the journal answers.
    pub(super) journaled: mpsc::Receiver<Written>,
    /// What the next picture waits for.
    pub(super) awaits: Awaits,
    pub(super) previews: Previews,
    pub(super) known: BTreeSet<Instrument>,
    /// What was ordered and is not known yet.
    pub(super) traded: Vec<Instrument>,
    pub(super) last_bar_at: Option<Timestamp>,
    pub(super) clock_watch: ClockWatch,
    /// Whose average volume the core has been told, and on which day.
    pub(super) volumes_told: BTreeMap<Instrument, Date>,
    /// The venue's slippage asks what is usual of an instrument.
    pub(super) needs_daily_stats: bool,
    /// How the last call to the broker went, and the last error of any.
    pub(super) last_call: Option<Call>,
    /// When prices came last, and how long after those before.
    pub(super) prices_at: Option<Instant>,
    /// See `prices_at`.
    pub(super) prices_gap: Option<Duration>,
    /// Who is told of alerts that ring, beside the screens.
    pub(super) rings: Rings,
    /// Calls to brokers: how long, how many failed.
    pub(super) broker_calls: Tally,
    /// Tickets that the journal has not answered.
    pub(super) unanswered: usize,
    /// Why the journal's newest answer was no: what it holds is not on the disk yet.
    pub(super) unwritten: Option<String>,
    pub(super) vitals: watch::Sender<Arc<Vitals>>,
    /// Says that this thread lives.
    pub(super) heart: Arc<Heart>,
    /// The paper account: what plain commands mean where nothing else was chosen.
    pub(super) paper_account: AccountId,
    /// What it began with, which its own limits are sized to.
    pub(super) paper_cash: rust_decimal::Decimal,
    /// Accounts at brokers.
    pub(super) live: Live,
    pub(super) custody: super::custody::Custody,
    /// Bars that the user imported, as the past of charts.
    pub(super) imported: super::imported::Imported,
    /// Daily closes that the risk desk has read.
    pub(super) histories: super::daily_closes::Histories,
    pub(super) dates: super::dates::Dates,
    /// Notes on instruments, as the picture has them.
    pub(super) notes: Arc<Vec<SymbolNote>>,
    pub(super) hosting: super::hosting::Hosting,
    pub(super) bots: super::bots::Bots,
}

/// What comes in from outside.
pub(super) struct Inbox {
    pub(super) requests: mpsc::Receiver<Asked>,
    pub(super) shutdown: oneshot::Receiver<()>,
    pub(super) halt: HaltSignal,
}

impl EngineTask {
    /// Runs until told to stop, or until nobody can ask any more.
    pub(super) async fn run(mut self, mut inbox: Inbox) {
        let ticker = |every| {
            let mut ticker = interval(every);
            ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
            ticker
        };
        let feed_every = match self.feed.source {
            Source::Replay(_) => REPLAY_EVERY,
            Source::Simulated(_) => FEED_EVERY,
        };
        let (mut feed, mut publish, mut tick) =
            (ticker(feed_every), ticker(PUBLISH_EVERY), ticker(TICK_EVERY));
        let mut halt = ticker(HALT_EVERY);
        self.surroundings();
        self.look_for_lock().await;
        self.publish();
        loop {
            let deadline = self.waiters.deadline();
            self.heart.beat(Doing::Waiting);
            tokio::select! {
                // Shutdown, what the disk and brokers say, what people ask, waiting ends, pictures, prices.
                biased;
                _ = &mut inbox.shutdown => break,
                () = inbox.halt.recv() => self.halt_by_signal().await,
                Some(written) = self.journaled.recv() => {
                    self.heart.beat(Doing::Journaled);
                    self.on_written(written).await;
                    self.settle();
                }
                Some(reported) = self.reports.recv() => {
                    self.heart.beat(Doing::Reported);
                    self.links.values_mut().for_each(LinkQueue::flush);
                    self.reported(reported).await;
                    self.settle();
                }
                Some(event) = self.live.events.recv() => {
                    self.heart.beat(Doing::Reported);
                    self.on_live(event).await;
                }
                Some(finished) = self.custody.finished.recv() => self.kept_safe(finished).await,
                Some(answer) = self.hosting.answers.recv() => self.on_answer(answer).await,
                Some(looked) = self.bots.looked.recv() => self.on_looked(looked).await,
                _ = halt.tick() => {
                    self.heart.beat(Doing::Halt);
                    self.look_for_halt().await;
                    self.look_for_lock().await;
                }
                asked = inbox.requests.recv() => match asked {
                    Some(asked) => {
                        self.heart.beat(Doing::Request);
                        self.answer(asked).await;
                        self.publish();
                    }
                    None => break,
                },
                Some(word) = self.bots.said.recv() => {
                    self.heart.beat(Doing::Request);
                    self.on_bot_said(word).await;
                }
                () = at_or_never(deadline) => self.settle(),
                _ = publish.tick(), if self.core.changed() => {
                    self.heart.beat(Doing::Publish);
                    self.publish();
                }
                _ = tick.tick() => {
                    self.heart.beat(Doing::Tick);
                    self.tell_vitals();
                    self.send_unsent();
                    self.links.values_mut().for_each(LinkQueue::flush);
                    self.surroundings();
                    self.watch_clock().await;
                    self.step(Input::Tick).await;
                    self.look_for_bars().await;
                    self.keep_bots();
                }
                _ = feed.tick() => {
                    self.heart.beat(Doing::Prices);
                    self.prices().await;
                }
            }
        }
        // Whatever waits for a broker will be found by the next start; nobody is left hanging here.
        self.pending.clear();
    }

    /// The journal has come to an entry.
    pub(super) async fn on_written(&mut self, (ticket, result): Written) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.written = self.written.max(ticket);
        let unwritten = result.as_ref().err().cloned();
        if unwritten != self.unwritten {
            self.unwritten = unwritten;
            self.tell_vitals();
        }
        let input = match result {
            Ok(()) => Input::Journaled(ticket),
            Err(reason) => Input::JournalFailed { ticket, reason },
        };
        self.step(input).await;
    }

    /// One step of the core, and everything it wants done.
    pub(super) async fn step(&mut self, input: Input) {
        let effects = self.core.step(self.clock.now(), input);
        self.halted.store(self.core.trading_state() == TradingState::Halted, Ordering::Release);
        for effect in effects {
            self.dispatch(effect).await;
        }
    }

    /// Folds in what a broker reports. The books and the paper venue change on the disk in one transaction.
    pub(super) async fn reported(&mut self, reported: Reported) {
        if let Some(call) = reported.call {
            self.broker_calls.add(call.name, call.took, call.well);
            let error = call.error.clone().or_else(|| self.last_call.take().and_then(|last| last.error));
            self.last_call = Some(Call { error, ..call });
        }
        if let Some((account, reason)) = reported.distrust {
            self.step(Input::Distrust { account, reason }).await;
        }
        if let Some((account, pause)) = reported.circuit {
            let pause = pause.and_then(|pause| SignedDuration::try_from(pause).ok());
            self.step(Input::Circuit { account, pause }).await;
        }
        self.together = Some(Vec::new());
        let about_orders = reported.events.iter().any(|event| {
            matches!(event, AccountEvent::Order(_) | AccountEvent::Execution(_) | AccountEvent::ByBroker(_))
        });
        for event in reported.events {
            self.make_known(&event).await;
            self.step(Input::Broker(Box::new(event))).await;
        }
        let mut jobs = self.together.take().unwrap_or_default();
        // What became of orders waits for no batch (reliability S2): somebody may wait to be told.
        for job in jobs.iter_mut().filter(|_| about_orders) {
            if let Job::Entry { urgent, ticket, .. } = job {
                *urgent = true;
                self.awaits.report(*ticket);
            }
        }
        jobs.extend(reported.venue.map(|(account, state)| Job::Venue(account, state)));
        if !jobs.is_empty() {
            self.write(Job::Together(jobs)).await;
        }
    }

    /// Hands a job to the journal. One that finds no room is kept and goes later, as it may hold fills; but what waits for it is told that
    /// it is not on disk.
    pub(super) async fn write(&mut self, job: Job) {
        let tickets = job.tickets();
        self.unanswered += tickets.len();
        self.unsent.push_back(job);
        self.send_unsent();
        if self.unsent.is_empty() {
            return;
        }
        while self.unsent.len() > UNSENT_MAX {
            self.unsent.pop_front();
            tracing::error!("too much waits for the journal; its oldest entry is given up");
        }
        for ticket in tickets {
            let reason = "its queue is full".to_owned();
            self.written = self.written.max(ticket);
            Box::pin(self.step(Input::JournalFailed { ticket, reason })).await;
        }
    }

    fn send_unsent(&mut self) {
        while let Some(job) = self.unsent.pop_front() {
            if let Err(job) = self.journal.send(job) {
                self.unsent.push_front(job);
                break;
            }
        }
    }

    pub(super) async fn dispatch(&mut self, effect: Effect) {
        match effect {
            Effect::Journal { ticket, urgent, entry } => {
                self.newest = self.newest.max(ticket);
                if urgent {
                    self.urgent = ticket;
                }
                let job = Job::Entry { ticket, urgent, entry };
                match &mut self.together {
                    Some(together) => together.push(job),
                    None => self.write(job).await,
                }
            }
            Effect::Submit { account, order } => {
                let unknown =
                    order.get().subject.instruments().filter(|traded| !self.known.contains(*traded));
                self.traded.extend(unknown.cloned());
                self.send(&account, LinkCommand::Submit(order)).await;
            }
            Effect::Cancel { account, order } => {
                if let Some(order) = self.handle(order) {
                    self.send(&account, LinkCommand::Cancel(order)).await;
                }
            }
            Effect::Replace { account, order, new, .. } => {
                if let Some(order) = self.handle(order) {
                    self.send(&account, LinkCommand::Replace(order, new)).await;
                }
            }
            Effect::Ask { account, order } => {
                if let Some(order) = self.handle(order) {
                    self.send(&account, LinkCommand::Ask(order)).await;
                }
            }
            // An engine that only reads has an empty venue; a replay's venue is its own clock's.
            Effect::Reconcile { .. } if self.access == Access::Read || !self.clock.goes_on() => {}
            Effect::Reconcile { account, reason, since } => {
                self.send(&account, LinkCommand::Reconcile(reason, since)).await;
            }
            Effect::Ring { text } => self.rings.tell(&text),
            Effect::Bot { strategy, told } => self.bots.tell(&strategy, told),
            Effect::Measure { instrument } => Box::pin(self.measure_range(instrument)).await,
            Effect::Need { strategy, need } => Box::pin(self.find_out(strategy, need)).await,
            Effect::History { strategy, instrument, interval, bars } => {
                Box::pin(self.tell_history(strategy, instrument, interval, bars)).await;
            }
            Effect::Answer { request, outcome } => self.outcome(request, outcome),
        }
    }

    /// What a broker knows one of our orders by.
    fn handle(&self, order: ClientOrderId) -> Option<OrderHandle> {
        let found = self.core.order(order).map(Order::handle);
        if found.is_none() {
            tracing::error!(%order, "the core names an order that it does not have");
        }
        found
    }

    /// Hands a command to the account's link.
    pub(super) async fn send(&mut self, account: &AccountId, command: LinkCommand) {
        // A slow link keeps nothing else waiting: what it has no room for has not been sent, and that is said of it.
        let unsent = match self.links.get_mut(account) {
            Some(link) => link.send(command),
            None => {
                tracing::warn!(%account, "no broker is connected for the account");
                link::unsent(&command)
            }
        };
        for id in unsent {
            let account = account.clone();
            let (at, event) = (self.clock.now(), OrderEvent::NeverReached);
            let update = OrderUpdate { account, client_order_id: id, at, event };
            let event = AccountEvent::Order(update);
            Box::pin(self.step(Input::Broker(Box::new(event)))).await;
            let text = format!("order {id} was not sent: the broker link has no room");
            let note = Input::Note { severity: Severity::Error, code: "LINK_FULL", text };
            Box::pin(self.step(note)).await;
        }
    }

    /// The core's answer to a request: given at once, or once the broker has answered.
    fn outcome(&mut self, request: RequestId, outcome: Outcome) {
        let Some(Pending { reply, wait }) = self.pending.remove(&request) else { return };
        let answer = match outcome {
            Outcome::Orders(ids) => match wait {
                Some(until) => return self.waiters.add(ids, until, reply),
                None => super::waiters::answer(&self.core, &ids),
            },
            Outcome::Denied { denials, .. } => Err(SessionError::Denied(denials)),
            Outcome::Refused(reason) => Err(SessionError::Usage(reason)),
            Outcome::Done => Ok(Reply::Done("done".to_owned())),
            Outcome::Said(text) => Ok(Reply::Done(text)),
        };
        self.publish();
        // The front end may have gone.
        give(reply, answer);
    }

    /// New prices go to the core and to the venue.
    pub(super) async fn prices(&mut self) {
        if matches!(self.feed.source, Source::Replay(_)) {
            let events = self.feed.follow(system_now());
            self.replay(events).await;
            return;
        }
        self.follow_traded().await;
        let now = self.clock.now();
        let quotes = self.feed.poll(now);
        for quote in &quotes {
            self.see_for_bars(quote);
            self.step(Input::Quote(Box::new(quote.clone()))).await;
        }
        if !quotes.is_empty() {
            let now = Instant::now();
            let before = self.prices_at.replace(now);
            self.prices_gap = before.map(|before| now.saturating_duration_since(before));
            self.paper.offer(quotes, &mut self.backlog);
        }
    }

    /// What a replay hands out, at the replay's own times.
    pub(super) async fn replay(&mut self, events: Vec<(Timestamp, MarketEvent)>) {
        for (at, event) in events {
            self.clock.set(at);
            match event {
                MarketEvent::Corporate(action) => self.paper.tell(VenueCommand::Corporate(at, action)).await,
                MarketEvent::Bar { instrument, interval, bar, end } => {
                    self.bar(end, instrument, interval, bar).await
                }
                MarketEvent::Tick(quote) => {
                    self.ensure(&quote.instrument).await;
                    self.paper.tell(VenueCommand::Quotes(vec![(*quote).clone()])).await;
                    self.step(Input::Quote(quote)).await;
                }
                MarketEvent::Made { instrument, interval, bar } => {
                    let feed = Feed::Replayed;
                    self.step(Input::StrategyBar { instrument, interval, bar, feed }).await;
                }
            }
            self.follow_venue().await;
            self.follow_strategies().await;
        }
        if let Source::Replay(replay) = &self.feed.source {
            let (now, over) = (replay.now(), replay.is_over());
            self.clock.set(now);
            if self.last_bar_at != Some(now) {
                self.last_bar_at = Some(now);
                self.paper.tell(VenueCommand::Advance(now)).await;
                if over {
                    self.paper.tell(VenueCommand::EndOfData(now)).await;
                }
            }
        }
    }

    /// Takes in all that the venue has reported so far. Data runs faster than life in a replay: without this the books would lag behind
    /// it, and the two tasks could come to wait for each other.
    pub(super) async fn follow_venue(&mut self) {
        let (done, mut synced) = oneshot::channel();
        self.paper.tell(VenueCommand::Sync(done)).await;
        loop {
            tokio::select! {
                biased;
                Some(reported) = self.reports.recv() => self.reported(reported).await,
                _ = &mut synced => return,
            }
        }
    }

    async fn bar(&mut self, end: Timestamp, instrument: Instrument, interval: Interval, bar: Bar) {
        self.ensure(&instrument).await;
        self.paper.tell(VenueCommand::Bar(end, instrument.clone(), bar)).await;
        self.step(Input::Bar { instrument, interval, bar }).await;
    }
}

async fn at_or_never(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
