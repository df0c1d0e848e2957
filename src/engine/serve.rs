//! The life of an engine in a process of its own: it lets front ends in, stays as long as somebody or something needs it, and ends in
//! order.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::clock::system_now;
use super::heart::Heart;
use super::manager::Manager;
use super::rights::Gate;
use super::session::{LocalSession, REQUESTS_MAX, give};
use super::socket::{Clients, Door, News};
use super::vitals::{Vitals, queue, shown};
use crate::brokers::tally::Tally;
use crate::client::message::OrderRef;
use crate::client::status::EngineStatus;
use crate::client::wire::PROTOCOL;
use crate::client::{Reply, Request, Session, SessionError};
use crate::domain::account::AccountMode;
use crate::domain::order::{Order, TimeInForce};
use crate::domain::snapshot::{AccountView, Snapshot};

/// How long an engine stays without front ends and without anything to do: a script's next command finds it still there.
const IDLE_MAX: Duration = Duration::from_secs(2);
/// How long a new one waits for its first front end.
const FIRST_CLIENT_MAX: Duration = Duration::from_secs(10);
/// How often it is asked whether it is still needed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What becomes of working orders when the engine ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExit {
    /// They stay as they are.
    #[default]
    Keep,
    /// Those for the day are canceled.
    CancelDay,
    /// All are canceled.
    CancelAll,
}

/// How long an engine lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// It stays though nobody and nothing needs it.
    pub keep_running: bool,
    /// Without anybody attached for so long only what reduces goes out (reliability H7); absent for never.
    pub alone_max: Option<Duration>,
    /// What becomes of working orders when it is told to end.
    pub on_exit: OnExit,
}

/// Why an engine ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A front end or a signal told it to.
    Told,
    /// A second signal: at once, whatever was on its way.
    AtOnce,
    /// Nobody and nothing needed it.
    Idle,
    /// The engine's own thread ended, which only a bug does.
    Broken,
}

/// What stands around an engine in a process of its own.
#[derive(Debug)]
pub struct Around {
    /// Who may ask what.
    pub gate: Gate,
    /// How long it lives.
    pub life: Life,
    /// What its own thread knows of itself.
    pub vitals: watch::Receiver<Arc<Vitals>>,
    /// Whether that thread lives.
    pub heart: Arc<Heart>,
    /// Who started it, and wants to hear of it.
    pub manager: Manager,
}

/// Lets front ends in until the engine ends, and hands the door back. The caller still holds the engine, stops it, and closes the door last:
/// whoever finds it closed can start another engine at once.
///
/// # Errors
/// When the system gives no signals.
pub async fn serve(door: Door, session: LocalSession, around: Around) -> std::io::Result<(Ended, Door)> {
    let signals = Signals::listen()?;
    let Around { gate, life, vitals, heart, manager } = around;
    let (clients, news) = Clients::new(door, session.clone(), gate);
    let now = Instant::now();
    let keeper = Keeper {
        clients,
        session,
        life,
        signals,
        started_at: system_now(),
        took: Tally::default(),
        open: 0,
        vitals,
        life_due: now,
        heart: (heart, 0),
        manager,
        needed_until: now + FIRST_CLIENT_MAX,
        alone_since: now,
    };
    Ok(keeper.run(news).await)
}

/// The signals that end an engine, and the one that does not.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            // A terminal that goes away takes nothing with it (reliability L1).
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next one that ends.
    async fn told(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => tracing::info!("the terminal has gone; the engine stays"),
            }
        }
    }
}

struct Keeper {
    clients: Clients,
    session: LocalSession,
    life: Life,
    signals: Signals,
    started_at: Timestamp,
    took: Tally,
    open: u32,
    vitals: watch::Receiver<Arc<Vitals>>,
    /// When the service manager is told that the engine lives, and its beats when it was told last.
    life_due: Instant,
    heart: (Arc<Heart>, u64),
    manager: Manager,
    /// Without front ends and without need it ends then.
    needed_until: Instant,
    /// Since when nobody is attached, or when it was last said that nobody has been for too long.
    alone_since: Instant,
}

impl Keeper {
    async fn run(mut self, mut news: mpsc::Receiver<News>) -> (Ended, Door) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut pictures = self.session.snapshots();
        self.manager.tell("READY=1");
        loop {
            tokio::select! {
                biased;
                () = self.signals.told() => return self.end(Ended::Told, &mut news).await,
                Some(news_item) = news.recv() => if let Some(stop) = self.hear(news_item) {
                    give(stop, Ok(Reply::Done("the engine ends".to_owned())));
                    return self.end(Ended::Told, &mut news).await;
                },
                () = self.clients.turn() => {}
                _ = look.tick() => {
                    // The engine's thread is the only one that publishes.
                    if pictures.has_changed().is_err() {
                        return self.end(Ended::Broken, &mut news).await;
                    }
                    pictures.mark_unchanged();
                    self.sign_of_life();
                    self.look_for_people();
                    if self.is_over() {
                        return self.end(Ended::Idle, &mut news).await;
                    }
                }
            }
        }
    }

    /// Takes in what front ends' tasks say. Somebody who may end the engine, and wants to, is handed back.
    fn hear(&mut self, news: News) -> Option<oneshot::Sender<Result<Reply, SessionError>>> {
        match news {
            News::Came(task, status) => self.clients.came(task, status),
            News::Asked => self.open += 1,
            News::Answered(name, took, well) => {
                self.open = self.open.saturating_sub(1);
                self.took.add(name, took, well);
            }
            News::Status(answer) => give(answer, Ok(Reply::Engine(Box::new(self.status())))),
            News::Stop(force, answer) => match self.would_lose().filter(|_| !force) {
                Some(reason) => give(answer, Err(SessionError::Usage(reason))),
                None => return Some(answer),
            },
        }
        None
    }

    fn picture(&self) -> Arc<Snapshot> {
        Arc::clone(&self.session.snapshots().borrow())
    }

    /// What needs the engine though nobody is attached. The paper venue lives in it: its orders fill, and alerts ring, only while it runs.
    fn need(&self) -> Option<String> {
        if self.life.keep_running {
            return Some("it is to keep running".to_owned());
        }
        let picture = self.picture();
        let counted = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            many => Some(format!("{many} {what}s")),
        };
        let orders = counted(working(&picture).count(), "working order");
        let alerts = counted(picture.alerts.iter().filter(|alert| alert.waits()).count(), "alert");
        let at_work = picture.strategies.iter().filter(|strategy| strategy.phase.is_at_work()).count();
        let strategies = match at_work {
            0 => None,
            1 => Some("1 strategy".to_owned()),
            many => Some(format!("{many} strategies")),
        };
        let exits = counted(picture.exits.len(), "exit plan");
        let needs: Vec<String> = [orders, alerts, exits, strategies].into_iter().flatten().collect();
        (!needs.is_empty()).then(|| needs.join(" and "))
    }

    /// What would be lost if the engine ended now.
    fn would_lose(&self) -> Option<String> {
        let unwritten = self.vitals.borrow().unwritten.as_ref().map(|reason| {
            format!(
                "what happened lately is in this engine alone ({reason}); it is written once there is room, \
                 or lost with: arbion engine stop --force"
            )
        });
        unwritten.or_else(|| self.unprotected())
    }

    /// Exits that protect a position and would not, once the engine has gone (reliability L5).
    fn unprotected(&self) -> Option<String> {
        if self.life.on_exit == OnExit::CancelAll {
            return None;
        }
        let picture = self.picture();
        let exits = working(&picture).filter(|order| is_protective(order, &picture)).count();
        let plans = picture.exits.iter().filter(|group| group.needs_engine()).count();
        if plans > 0 {
            let watch = if plans == 1 { "exit plan watches" } else { "exit plans watch" };
            return Some(format!(
                "{plans} {watch} in this engine and would close nothing while it is gone; \
                 clear (arbion exits clear), or: arbion engine stop --force"
            ));
        }
        let work = if exits == 1 { "order works" } else { "orders work" };
        (exits > 0).then(|| {
            format!(
                "{exits} protective {work} in this engine and would protect nothing while it is gone; \
                 cancel them, or: arbion engine stop --force"
            )
        })
    }

    /// The dead man's switch: nobody has been there for too long.
    fn look_for_people(&mut self) {
        let now = Instant::now();
        if !self.clients.is_empty() {
            self.alone_since = now;
        }
        let Some(limit) = self.life.alone_max.filter(|limit| now - self.alone_since >= *limit) else {
            return;
        };
        self.alone_since = now;
        let session = self.session.clone();
        let why = format!("nobody has been attached for {} s (engine.alone_minutes)", limit.as_secs());
        // The engine's own loop may be slow, and this one must not wait for it.
        tokio::spawn(async move {
            if let Err(error) = session.request(Request::ReduceOnly { why }).await {
                tracing::error!(%error, "orders that open still go out, though nobody is there");
            }
        });
    }

    fn is_over(&mut self) -> bool {
        let now = Instant::now();
        if !self.clients.is_empty() || self.need().is_some() {
            self.needed_until = now + IDLE_MAX;
        }
        now >= self.needed_until
    }

    fn status(&self) -> EngineStatus {
        let picture = self.picture();
        let vitals = Arc::clone(&self.vitals.borrow());
        let mut queues = vec![queue("requests", self.session.waiting(), REQUESTS_MAX)];
        queues.extend(vitals.queues.iter().cloned());
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        EngineStatus {
            pid: std::process::id(),
            build: env!("CARGO_PKG_VERSION").into(),
            protocol: PROTOCOL,
            profile: picture.profile.clone(),
            socket: self.clients.path().display().to_string(),
            started_at: self.started_at,
            uptime_seconds: system_now().duration_since(self.started_at).as_secs(),
            memory_bytes: resident_bytes(),
            trading_state: picture.trading_state,
            working_orders: count(working(&picture).count()),
            positions: count(picture.positions.len()),
            clients: self.clients.list(),
            stays_for: self.need(),
            calls: shown(None, &self.took.figures()),
            calls_open: self.open,
            broker_calls: vitals.broker_calls.clone(),
            queues,
        }
    }

    /// Tells the service manager that the engine lives, while it does.
    fn sign_of_life(&mut self) {
        let (now, beats) = (Instant::now(), self.heart.0.beats());
        if now >= self.life_due && beats != self.heart.1 {
            self.manager.tell("WATCHDOG=1");
            (self.life_due, self.heart.1) = (now + self.manager.life_every(), beats);
        }
    }

    /// Ends in order: nobody new, orders by the rule, answers that are on their way, a word to everybody.
    async fn end(self, ended: Ended, news: &mut mpsc::Receiver<News>) -> (Ended, Door) {
        tracing::info!(?ended, "the engine ends");
        self.manager.tell("STOPPING=1");
        let reason = match ended {
            Ended::Told | Ended::AtOnce => "the engine was told to end",
            Ended::Idle => "nobody needs the engine any more",
            Ended::Broken => "the engine has stopped",
        };
        let told = ended == Ended::Told;
        let Self { mut clients, mut signals, session, life, .. } = self;
        let ended = {
            let in_order = async {
                if told {
                    cancel_by_rule(&session, life.on_exit).await;
                }
                clients.dismiss(reason).await;
            };
            tokio::pin!(in_order);
            loop {
                tokio::select! {
                    biased;
                    // Tasks of front ends must not wait for somebody who listens no more.
                    Some(_) = news.recv() => {}
                    () = signals.told() => break Ended::AtOnce,
                    () = &mut in_order => break ended,
                }
            }
        };
        (ended, clients.into_door())
    }
}

fn working(picture: &Snapshot) -> impl Iterator<Item = &Order> {
    picture.orders.iter().filter(|order| order.is_working())
}

/// A stop that closes what is held.
fn is_protective(order: &Order, picture: &Snapshot) -> bool {
    let request = &order.request;
    // What rests at a broker needs nobody here.
    let here = |view: &AccountView| {
        view.account.account == request.account && view.account.mode == AccountMode::Paper
    };
    if !picture.accounts.iter().any(here) {
        return false;
    }
    let closes = request.subject.instrument().is_some_and(|instrument| {
        picture
            .position(&request.account, instrument)
            .is_some_and(|held| held.quantity.is_positive() != request.side.is_buy())
    });
    request.pricing.stop_price().is_some() && closes
}

async fn cancel_by_rule(session: &LocalSession, rule: OnExit) {
    let picture = Arc::clone(&session.snapshots().borrow());
    for order in working(&picture) {
        let goes = match rule {
            OnExit::Keep => false,
            OnExit::CancelDay => order.request.time_in_force == TimeInForce::Day,
            OnExit::CancelAll => true,
        };
        if goes {
            let which = OrderRef::ClientOrderId(order.request.client_order_id);
            if let Err(error) = session.request(Request::Cancel { order: which, wait: true }).await {
                tracing::warn!(order = %order.number, %error, "not canceled at the end");
            }
        }
    }
}

/// Memory of this process that is in use, where the system says.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    u64::try_from(rustix::param::page_size()).ok().map(|size| pages * size)
}
