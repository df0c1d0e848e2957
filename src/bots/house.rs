//! Where bots live: one thread with a runtime of its own, apart from the engine's, that lives as long as the engine. Each bot's process is
//! spawned from it, so that all die with it, and none of them can take time from the engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use smol_str::SmolStr;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Duration;

use crate::domain::account::AccountMode;
use crate::domain::bot::BotState;
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;
use crate::strategies::BotNews;

use super::process::Supervisor;
use super::protocol::{Asked, RpcError};

/// Words that may wait for a bot's supervisor.
pub const TO_MAX: usize = 1_024;
/// Words of all bots that may wait for the engine.
pub const FROM_MAX: usize = 4_096;
/// How long the house waits for its bots to end when the engine does.
const ENDS_WITHIN: Duration = Duration::from_secs(3);

/// What a bot's process is started with.
#[derive(Clone)]
pub struct Start {
    /// The strategy that it is the head of.
    pub strategy: SmolStr,
    /// The bot.
    pub bot: SmolStr,
    /// The profile's directory.
    pub profile: PathBuf,
    /// What was approved.
    pub fingerprint: String,
    /// Parameters as typed.
    pub params: BTreeMap<String, String>,
    /// Paper or live.
    pub mode: AccountMode,
    /// What it trades.
    pub instruments: Vec<Instrument>,
    /// Width of its bars.
    pub interval: Interval,
    /// What it remembered, as JSON.
    pub memory: Option<String>,
    /// The program that cages and becomes it: this one.
    pub runner: PathBuf,
    /// The clock that it lives by.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Spreads the restarts of bots that ended together.
    pub seed: u64,
    /// How often it is asked whether it lives; [`super::PING_EVERY`] but in tests.
    pub ping_every: Duration,
    /// How long the engine may take to answer it; [`super::ANSWERS_WITHIN`] but in tests.
    pub answers_within: Duration,
}

/// Something for a bot.
#[derive(Clone, Debug)]
pub enum ToBot {
    /// It has happened.
    News(Box<BotNews>),
    /// It has other parameters, as typed.
    Params(BTreeMap<String, String>),
    /// What it asked for.
    Answer {
        /// The number it was asked by.
        ask: u64,
        /// The answer.
        result: Result<serde_json::Value, RpcError>,
    },
}

/// Something from a bot's supervisor.
#[derive(Clone, Debug)]
pub struct FromBot {
    /// The strategy.
    pub strategy: SmolStr,
    /// What.
    pub said: Said,
}

/// See [`FromBot`].
#[derive(Clone, Debug)]
pub enum Said {
    /// The bot asks for something.
    Ask {
        /// The number that the answer goes by.
        ask: u64,
        /// What.
        asked: Asked,
    },
    /// Where its process is in its life.
    State(BotState),
    /// It ended badly, and is started again. With `cancels` what it has opened and not filled is canceled.
    Down {
        /// Why.
        reason: String,
        /// As its manifest says.
        cancels: bool,
    },
    /// A person must look.
    Failed(String),
    /// It has ended by its own will.
    Finished,
}

/// A line to a bot that runs.
#[derive(Clone, Debug)]
pub struct BotLine {
    to: mpsc::Sender<ToBot>,
    slow: Arc<Slow>,
}

/// A bot that runs. Dropping it stops the bot.
#[derive(Debug)]
pub struct Task {
    line: BotLine,
    stop: watch::Sender<bool>,
}

/// The bot does not keep up.
#[derive(Debug, Default)]
pub(super) struct Slow {
    is: AtomicBool,
    wake: Notify,
}

impl Slow {
    /// Was there no room for something that may not be dropped; once.
    pub(super) fn take(&self) -> bool {
        self.is.swap(false, Ordering::AcqRel)
    }

    pub(super) async fn said(&self) {
        self.wake.notified().await;
    }
}

impl BotLine {
    /// Tells it. Prices that find no room are dropped, as newer ones come; anything else that finds none ends the process.
    pub fn tell(&self, word: ToBot) {
        let dropped = matches!(&word, ToBot::News(news) if news.conflates().is_some());
        if self.to.try_send(word).is_err() && !dropped {
            self.slow.is.store(true, Ordering::Release);
            self.slow.wake.notify_one();
        }
    }
}

impl Task {
    /// The line to it.
    #[must_use]
    pub const fn line(&self) -> &BotLine {
        &self.line
    }

    /// Asks it to end; it is ended when it does not.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// The thread that bots live on. Dropping it ends them all.
pub struct House {
    runtime: Handle,
    from: mpsc::Sender<FromBot>,
    /// Each bot holds one: the house is empty when all are gone.
    alive: mpsc::Sender<()>,
    ending: watch::Sender<bool>,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl House {
    /// Opens it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(from: mpsc::Sender<FromBot>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (shutdown, ended) = oneshot::channel();
        let (alive, mut all_gone) = mpsc::channel::<()>(1);
        let (ending, _) = watch::channel(false);
        let thread = std::thread::Builder::new().name("bots".to_owned()).spawn(move || {
            runtime.block_on(async move {
                drop(ended.await);
                if tokio::time::timeout(ENDS_WITHIN, all_gone.recv()).await.is_err() {
                    tracing::warn!("bots did not end in time; their processes are killed");
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, from, alive, ending, shutdown: Some(shutdown), thread: Some(thread) })
    }

    /// Starts a bot and keeps it running.
    #[must_use]
    pub fn start(&self, start: Start) -> Task {
        let (to, inbox) = mpsc::channel(TO_MAX);
        let (stop, stopped) = watch::channel(false);
        let slow = Arc::new(Slow::default());
        let mut ending = self.ending.subscribe();
        let (alive, from) = (self.alive.clone(), self.from.clone());
        let supervisor = Supervisor::new(start, inbox, from, stopped, Arc::clone(&slow));
        self.runtime.spawn(async move {
            let mut supervisor = supervisor;
            tokio::select! {
                biased;
                () = supervisor.run() => {}
                // The engine ends: whoever is left is killed with the supervisor, which drops its process.
                () = is_set(&mut ending) => {}
            }
            // Nobody is left behind, however it came to its end.
            supervisor.end_now().await;
            drop(alive);
        });
        Task { line: BotLine { to, slow }, stop }
    }
}

async fn is_set(flag: &mut watch::Receiver<bool>) {
    drop(flag.wait_for(|set| *set).await);
}

impl Drop for House {
    fn drop(&mut self) {
        self.ending.send_replace(true);
        let (closed, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.alive, closed));
        if let Some(shutdown) = self.shutdown.take() {
            // Its thread may have ended by itself.
            shutdown.send(()).unwrap_or_default();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the bots' thread has panicked");
        }
    }
}
