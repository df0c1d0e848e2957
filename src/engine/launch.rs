//! Starting an engine: lock, database, books, venue, feed, task. On a thread of its own, so that a screen can paint meanwhile.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use crate::brokers::BrokerKind;
use crate::config::{BrokerSection, CalendarFile, ConfigFiles, PaperClock};
use crate::core::effect::Ticket;
use crate::core::engine::{Engine, EngineConfig, Records};
use crate::core::input::{AccountSetup, Input};
use crate::core::paper::{Sessions, Venue, VenueConfig};
use crate::domain::account::{AccountKind, AccountMode};
use crate::domain::calendar::Calendar;
use crate::domain::capabilities::Capabilities;
use crate::domain::ids::AccountId;
use crate::domain::limits::{RiskLimits, TradingState};
use crate::domain::money::Money;
use crate::domain::quote::Feed;
use crate::domain::snapshot::{Severity, Snapshot, Watchlist};
use crate::market::bars_file::BarsError;
use crate::market::simulated::SimulatedMarket;
use crate::market::symbols::Universe;
use crate::store::lock::ProfileLock;
use crate::store::{Store, StoreError};

use super::clock::{Clock, entropy, system_now};
use super::feed::MarketFeed;
use super::halt::HaltSignal;
use super::heart::Heart;
use super::journal::{JournalSender, JournalThread};
use super::link::{self, LinkQueue};
use super::live;
use super::noted;
use super::opening::{open_reader, remove_run, take_lock};
use super::own_clock;
use super::paper::{Backlog, PaperBroker};
use super::previews::Previews;
use super::session::{LocalSession, REQUESTS_MAX, give};
use super::start::{default_watchlists, restore};
use super::task::{EngineTask, Inbox};
use super::vitals::Vitals;
use super::waiters::Waiters;

/// Events that may wait for the engine.
const EVENTS_MAX: usize = 1_024;

/// Where prices come from.
#[derive(Clone, Debug)]
pub enum FeedChoice {
    /// The simulated market, on now.
    Simulated,
    /// Recorded bars, on their own clock. A run of its own: nothing of it reaches the profile's history.
    Replay {
        /// The file; absent means the bars that come with the program.
        file: Option<PathBuf>,
        /// Seconds of data per second of life.
        speed: u32,
    },
}

/// What an engine may do with a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything. It holds the profile's lock.
    Trade,
    /// Everything, and it is there for one answer only: whoever finds the lock taken by it may wait a moment.
    Glance,
    /// Look at what is on the disk, while another process holds the lock. Nothing is written, nothing matched, nothing sent.
    Read,
}

/// What an engine is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it may do.
    pub access: Access,
    /// Writes what people do into the audit log; absent for runs that nothing is kept of.
    pub audit: Option<Arc<crate::keeping::Recorder>>,
    /// The command that starts it, such as `arbion demo`, for whoever finds the profile in use.
    pub command: String,
    /// Watchlists of a profile that has none yet; empty for those that come with the program.
    pub watchlists: Vec<Watchlist>,
    /// The profile's directory.
    pub directory: PathBuf,
    /// What the user wrote down of the exchange's days.
    pub calendar: CalendarFile,
    /// The profile's name.
    pub profile: String,
    /// The paper venue.
    pub venue: VenueConfig,
    /// Whose public stream has prices of coins, where nobody is connected that has some.
    pub public_crypto: Option<BrokerKind>,
    /// Limits of accounts at brokers.
    pub live_limits: RiskLimits,
    /// How brokers are reached, by broker: the configuration's sections.
    pub brokers: BTreeMap<String, BrokerSection>,
    /// Limits; absent means those of a simulated account of this size.
    pub limits: Option<RiskLimits>,
    /// Where limits that are changed while it runs are kept; absent for runs that nothing is kept of.
    pub config: Option<ConfigFiles>,
    /// Whose time the profile lives by.
    pub clock: PaperClock,
    /// Seed of the simulated market.
    pub market_seed: u64,
    /// New prices per symbol and second.
    pub updates_per_second: f64,
    /// Exit plans that positions get which a person opens, by class of instrument.
    pub exits:
        std::collections::BTreeMap<crate::domain::instrument::AssetClass, crate::domain::exit::ExitPlan>,
    /// Where prices come from.
    pub feed: FeedChoice,
    /// Alerts that ring go to the desktop too.
    pub desktop_alerts: bool,
    /// A program that is run when an alert rings, with its words as the one argument.
    pub alert_command: Option<PathBuf>,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The recorded bars.
    #[error(transparent)]
    Bars(#[from] BarsError),
    /// The stored paper venue cannot be read.
    #[error("the stored paper venue of {account} cannot be read ({reason}); restore a backup of the profile")]
    Venue {
        /// Which account.
        account: AccountId,
        /// Why not.
        reason: String,
    },
    /// The profile cannot live by the clock that it was given.
    #[error("{0}")]
    Clock(String),
    /// The system gives no thread.
    #[error("no thread can be started: {0}")]
    Thread(#[from] std::io::Error),
    /// What an earlier replay left cannot be removed.
    #[error("{path} cannot be removed ({reason}); remove it by hand")]
    Leftover {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It ended before it was up.
    #[error("the engine ended while it was starting")]
    Ended,
}

/// A running engine. Dropping it asks the engine to stop and waits until everything is written.
#[derive(Debug)]
pub struct Running {
    session: LocalSession,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    started: Option<oneshot::Receiver<Result<(), EngineError>>>,
    audit: Option<Arc<crate::keeping::Recorder>>,
    vitals: watch::Receiver<Arc<Vitals>>,
    heart: Arc<Heart>,
}

impl Running {
    /// What its own thread knows of itself.
    #[must_use]
    pub fn vitals(&self) -> watch::Receiver<Arc<Vitals>> {
        self.vitals.clone()
    }

    /// Whether that thread lives.
    #[must_use]
    pub fn heart(&self) -> Arc<Heart> {
        Arc::clone(&self.heart)
    }

    /// The line to the audit log, for whoever runs the process around it.
    #[must_use]
    pub fn audit(&self) -> Option<Arc<crate::keeping::Recorder>> {
        self.audit.clone()
    }

    /// A line to the engine.
    #[must_use]
    pub fn session(&self) -> LocalSession {
        self.session.clone()
    }

    /// Waits until the engine is up.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn started(&mut self) -> Result<(), EngineError> {
        match self.started.take() {
            Some(started) => started.await.map_err(|_| EngineError::Ended)?,
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            // It may have ended by itself.
            give(shutdown, ());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the engine thread has panicked");
        }
    }
}

/// Starts an engine on a thread of its own and returns at once; requests wait until it is up.
///
/// # Errors
/// When the system gives no thread. Everything else is said by [`Running::started`].
pub fn launch(settings: Settings, universe: Arc<Universe>) -> Result<Running, EngineError> {
    let (requests_in, requests) = mpsc::channel(REQUESTS_MAX);
    let (snapshots, snapshots_out) = watch::channel(Arc::new(first_picture(&settings)));
    let (shutdown_in, shutdown) = oneshot::channel();
    let (started_in, started) = oneshot::channel();
    let audit = settings.audit.clone();
    let (vitals_in, vitals) = watch::channel(Arc::default());
    let heart = Arc::new(Heart::default());
    let of_itself = (vitals_in, Arc::clone(&heart));
    let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return give(started_in, Err(EngineError::Thread(error))),
        };
        runtime.block_on(async move {
            match Assembly::new(settings, universe, snapshots, of_itself).await {
                Ok(assembly) => {
                    give(started_in, Ok(()));
                    assembly.run(requests, shutdown).await;
                }
                Err(error) => give(started_in, Err(error)),
            }
        });
    })?;
    Ok(Running {
        session: LocalSession::new(requests_in, snapshots_out),
        shutdown: Some(shutdown_in),
        thread: Some(thread),
        started: Some(started),
        audit,
        vitals,
        heart,
    })
}

/// What a screen can paint before the engine is up.
#[must_use]
pub fn first_picture(settings: &Settings) -> Snapshot {
    let feed = match settings.feed {
        FeedChoice::Simulated => Feed::Simulated,
        FeedChoice::Replay { .. } => Feed::Replayed,
    };
    Snapshot::blank(system_now(), &settings.profile, settings.venue.account.clone(), feed)
}

/// The parts of an engine before it runs.
struct Assembly {
    task: EngineTask,
    journal: Option<JournalThread>,
    _lock: Option<ProfileLock>,
}

impl Assembly {
    async fn new(
        mut settings: Settings,
        universe: Arc<Universe>,
        snapshots: watch::Sender<Arc<Snapshot>>,
        (vitals, heart): (watch::Sender<Arc<Vitals>>, Arc<Heart>),
    ) -> Result<Self, EngineError> {
        // A slip of a hand keeps no exit from being watched: the rules hold, and it is said.
        let (calendar, doubt) = match settings.calendar.load() {
            Ok(calendar) => (Arc::new(calendar), None),
            Err(error) => (Arc::new(Calendar::nyse()), Some(format!("{error}; the exchange's rules hold"))),
        };
        let replay = matches!(settings.feed, FeedChoice::Replay { .. });
        if replay {
            // A replay is a run of its own: it starts from nothing, beside the profile.
            settings.directory = settings.directory.join("replay");
            remove_run(&settings.directory)?;
        }
        let lock = take_lock(&settings).await?;
        let clock = if replay { Clock::System } else { own_clock::open(&settings)? };
        let feed = make_feed(&settings, &universe, &calendar, clock.now())?;
        let clock = feed.replay_state().map_or(clock, |state| Clock::replay(state.at));
        let now = clock.now();
        let store = match settings.access {
            Access::Read => open_reader(&settings.directory).await?,
            Access::Trade | Access::Glance => {
                let before = Store::versions(&settings.directory);
                let store = Store::open(&settings.directory, now)?;
                noted::migration(settings.audit.as_deref(), before, store.path());
                store
            }
        };
        if settings.access == Access::Trade && !replay {
            noted::limits(settings.audit.as_deref(), &store, &limits_of(&settings, replay))?;
        }
        let account = settings.venue.account.clone();
        let mut core = make_core(&settings, &calendar, feed.feed(), now);
        if feed.has_ticks() {
            core.let_prices_age();
        }
        let live_limits = settings.live_limits.clone();
        let logins = if replay { Vec::new() } else { live::read_logins(&store)? };
        if let (Clock::Own(_), Some(login)) = (&clock, logins.first()) {
            return Err(EngineError::Clock(own_clock::with_broker(&login.broker)));
        }
        for login in &logins {
            drop(core.step(now, Input::Account(Box::new(live::setup_of(login, &live_limits)))));
            // Nobody has heard of its broker yet.
            let unheard =
                Input::BrokerStatus { account: login.account.clone(), up: false, reconciled: false };
            drop(core.step(now, unheard));
        }
        if let Some(chosen) = live::read_default(&store)?.filter(|_| !replay) {
            drop(core.step(now, Input::DefaultAccount(chosen)));
        }
        let mut venue = open_venue(&settings, &store, replay)?;
        venue.set_calendar(Arc::clone(&calendar));
        let bots = super::bots::Bots::load(&store)?;
        restore(&mut core, &store, now)?;
        let lists = match store.watchlists()? {
            lists if lists.is_empty() => default_watchlists(&settings, &feed),
            lists => lists,
        };
        let notes = Arc::new(store.symbol_notes()?);
        let (written_in, journaled) = mpsc::channel(EVENTS_MAX);
        let (reports_in, reports) = mpsc::channel(EVENTS_MAX);
        let journal = match settings.access {
            Access::Read => None,
            Access::Trade | Access::Glance => Some(JournalThread::start(store, written_in)?),
        };
        let sender = match &journal {
            Some(journal) => journal.sender().ok_or(EngineError::Ended)?,
            None => JournalSender::Nowhere,
        };
        let halted = Arc::new(AtomicBool::new(core.trading_state() == TradingState::Halted));
        let paper = PaperBroker::start(venue, reports_in.clone(), clock.clone());
        let mut live = live::Live::new(logins, settings.brokers.clone(), live_limits, reports_in.clone());
        live.public_crypto = settings.public_crypto;
        let link = start_link(&account, &paper, reports_in, &clock, &halted);
        let mut task = EngineTask {
            core,
            clock,
            calendar: Arc::clone(&calendar),
            feed,
            paper,
            backlog: Backlog::default(),
            links: std::iter::once((account.clone(), link)).collect(),
            reports,
            journal: sender,
            unsent: std::collections::VecDeque::new(),
            together: None,
            halted,
            access: settings.access,
            audit: settings.audit.clone(),
            directory: settings.directory.clone(),
            config: settings.config.clone(),
            universe,
            snapshots,
            pending: std::collections::BTreeMap::new(),
            next_request: 1,
            waiters: Waiters::default(),
            newest: Ticket(0),
            written: Ticket(0),
            urgent: Ticket(0),
            journaled,
            awaits: super::picture::Awaits::default(),
            previews: Previews::default(),
            known: std::collections::BTreeSet::new(),
            traded: Vec::new(),
            last_bar_at: None,
            clock_watch: super::clock::ClockWatch::default(),
            volumes_told: std::collections::BTreeMap::new(),
            needs_daily_stats: settings.venue.needs_daily_stats(),
            last_call: None,
            prices_at: None,
            prices_gap: None,
            rings: super::desktop::Rings::new(settings.desktop_alerts, settings.alert_command),
            broker_calls: crate::brokers::tally::Tally::default(),
            unanswered: 0,
            unwritten: None,
            vitals,
            heart,
            paper_account: account.clone(),
            paper_cash: settings.venue.opening_cash,
            live,
            custody: super::custody::Custody::default(),
            imported: super::imported::Imported::new(calendar),
            histories: super::daily_closes::Histories::default(),
            dates: super::dates::Dates::default(),
            notes,
            hosting: super::hosting::Hosting::default(),
            bots,
        };
        task.open(lists, account).await;
        if let Some(text) = doubt {
            task.step(Input::Note { severity: Severity::Error, code: "CALENDAR_FILE", text }).await;
        }
        Ok(Self { task, journal, _lock: lock })
    }

    async fn run(self, requests: mpsc::Receiver<super::session::Asked>, shutdown: oneshot::Receiver<()>) {
        let inbox = Inbox { requests, shutdown, halt: HaltSignal::listen(self.task.access) };
        self.task.run(inbox).await;
        // The task is gone and with it the journal's only sender. Nothing else runs on this thread any more, so that it may wait.
        if let Some(journal) = self.journal {
            journal.finish();
        }
    }
}

fn start_link(
    account: &AccountId,
    paper: &PaperBroker,
    reports: mpsc::Sender<link::Reported>,
    clock: &Clock,
    halted: &Arc<AtomicBool>,
) -> LinkQueue {
    let broker: Arc<dyn crate::brokers::Broker> = Arc::new(paper.clone());
    link::start(account.clone(), broker, reports, clock.clone(), Arc::clone(halted))
}

fn make_feed(
    settings: &Settings,
    universe: &Arc<Universe>,
    calendar: &Arc<Calendar>,
    now: Timestamp,
) -> Result<MarketFeed, EngineError> {
    Ok(match &settings.feed {
        FeedChoice::Simulated => {
            let keeps_hours = settings.venue.sessions == Sessions::Nyse;
            let market = SimulatedMarket::new(
                settings.market_seed,
                Arc::clone(universe),
                Arc::clone(calendar),
                keeps_hours,
            );
            MarketFeed::simulated(market, Arc::clone(universe), settings.updates_per_second, now)
        }
        FeedChoice::Replay { file, speed } => {
            MarketFeed::replay(file.as_ref(), *speed, Arc::clone(universe), calendar)?
        }
    })
}

pub(super) fn make_core(settings: &Settings, calendar: &Arc<Calendar>, feed: Feed, now: Timestamp) -> Engine {
    let replay = feed == Feed::Replayed;
    let config = EngineConfig {
        profile: settings.profile.as_str().into(),
        default_account: settings.venue.account.clone(),
        feed,
        seed: entropy(),
        bar_mode: replay,
        never_closed: settings.venue.sessions == Sessions::Always,
        fees: settings.venue.fees.clone(),
        records: Records::All,
    };
    let mut core = Engine::new(config, Arc::clone(calendar), now);
    let cash = settings.venue.opening_cash;
    let limits = limits_of(settings, replay);
    let capabilities =
        Capabilities { short_sales: settings.venue.kind == AccountKind::Margin, ..Capabilities::paper() };
    let setup = AccountSetup {
        account: settings.venue.account.clone(),
        kind: settings.venue.kind,
        mode: AccountMode::Paper,
        currency: settings.venue.currency,
        opening_cash: vec![Money::new(cash, settings.venue.currency)],
        options_level: settings.venue.options_level,
        capabilities,
        limits,
    };
    drop(core.step(now, Input::Account(Box::new(setup))));
    drop(core.step(now, Input::DefaultExits(settings.exits.clone())));
    core
}

/// The limits in force: those of the settings, or those of a simulated account of this size.
fn limits_of(settings: &Settings, replay: bool) -> RiskLimits {
    let cash = settings.venue.opening_cash;
    let base = || if replay { RiskLimits::bar_mode(cash) } else { RiskLimits::simulated(cash) };
    settings.limits.clone().unwrap_or_else(base)
}

fn open_venue(settings: &Settings, store: &Store, replay: bool) -> Result<Venue, EngineError> {
    let account = &settings.venue.account;
    let stored = match settings.access {
        // The orders are another process's to match.
        Access::Read => None,
        Access::Trade | Access::Glance => store.venue(account)?,
    };
    let mut config = settings.venue.clone();
    if replay {
        (config.ack_ms, config.cancel_ms) = (0, 0);
    }
    let venue = match stored {
        Some(state) => {
            let mut venue: Venue = serde_json::from_str(&state).map_err(|error| EngineError::Venue {
                account: account.clone(),
                reason: error.to_string(),
            })?;
            venue.configure(config);
            venue
        }
        None => Venue::new(config),
    };
    Ok(venue)
}
