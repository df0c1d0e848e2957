//! One task per login: it opens it, keeps the streams of its accounts, asks for balances, verifies again, and tells the engine. A login that
//! the broker no longer accepts ends it; everything else is tried again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::brokers::clock::wall;
use crate::brokers::http::Health;
use crate::brokers::pauses::pauses;
use crate::brokers::{AccountStream, Broker, BrokerError, BrokerSettings, Connection, MarketFeed, registry};
use crate::domain::account::Account;
use crate::domain::ids::AccountId;
use crate::domain::instrument::InstrumentSpec;
use crate::keeping::Recorder;

use super::login::{LoginKey, SealedLogin};
use super::prices::{FeedKey, FeedWord};
use super::tokens::VaultTokens;
use super::totals::RatesWord;

/// How often balances are asked for (issue: at least every 10 s).
const FIGURES_EVERY: Duration = Duration::from_secs(10);
/// How often the login itself is verified.
const VERIFY_EVERY: Duration = Duration::from_secs(900);
/// How often a locked vault is looked at.
const LOCKED_EVERY: Duration = Duration::from_secs(2);
/// Half of the shortest and longest pause before a login is opened again.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Pause before a stream that ended by itself is begun again.
const STREAM_PAUSE: Duration = Duration::from_secs(5);
/// Events of a stream that may wait.
const STREAM_MAX: usize = 1_024;

/// What the engine is told.
pub(in crate::engine) enum LiveEvent {
    /// A login is open.
    Open {
        /// Which.
        key: LoginKey,
        /// Its accounts.
        brokers: Vec<(AccountId, Arc<dyn Broker>)>,
        /// Its prices.
        feed: Option<Arc<dyn MarketFeed>>,
    },
    /// A stream's word.
    Stream(AccountId, AccountStream),
    /// An account's figures, as its broker says.
    Figures(AccountId, Box<Account>),
    /// How a login is.
    State {
        /// Which.
        key: LoginKey,
        /// Does it answer.
        up: bool,
        /// A few words.
        text: String,
        /// How its calls go.
        health: Box<Health>,
        /// When it is tried again, where it is not open.
        retry_at: Option<Timestamp>,
    },
    /// The broker does not accept the login any more.
    Dead {
        /// Which.
        key: LoginKey,
        /// Its words.
        reason: String,
    },
    /// Prices.
    Price(FeedKey, FeedWord),
    /// Rates of coins.
    Rates(RatesWord),
    /// The terms of an instrument, as a broker says.
    Spec(Box<InstrumentSpec>),
}

/// A login to be hosted.
pub(super) struct Hosted {
    pub(super) key: LoginKey,
    pub(super) settings: BrokerSettings,
    pub(super) accounts: Vec<AccountId>,
    pub(super) recorder: Arc<Recorder>,
}

/// An open one.
struct Opened {
    connection: Arc<dyn Connection>,
    brokers: Vec<(AccountId, Arc<dyn Broker>)>,
}

/// Why a login is not open.
enum NotOpen {
    /// The vault is.
    Locked(String),
    Broker(BrokerError),
}

/// Hosts a login until the engine goes or the login is dead.
pub(super) async fn run(hosted: Hosted, events: mpsc::Sender<LiveEvent>) {
    let mut waits = pauses(PAUSE_MIN, PAUSE_MAX);
    loop {
        let (wait, text) = match open(&hosted).await {
            Ok(opened) => {
                let (brokers, feed) = (opened.brokers.clone(), opened.connection.feed());
                if events.send(LiveEvent::Open { key: hosted.key, brokers, feed }).await.is_err() {
                    return;
                }
                let Some(reason) = keep(&hosted, &opened, &events).await else { return };
                tell(&events, LiveEvent::Dead { key: hosted.key, reason }).await;
                return;
            }
            Err(NotOpen::Locked(text)) => (LOCKED_EVERY, text),
            Err(NotOpen::Broker(BrokerError::Unauthorized { reason, .. })) => {
                tell(&events, LiveEvent::Dead { key: hosted.key, reason }).await;
                return;
            }
            Err(NotOpen::Broker(error)) => (waits.next().unwrap_or(PAUSE_MAX), error.to_string()),
        };
        let retry_at = SignedDuration::try_from(wait).ok().and_then(|wait| wall().checked_add(wait).ok());
        let state = LiveEvent::State { key: hosted.key, up: false, text, health: Box::default(), retry_at };
        if events.send(state).await.is_err() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

async fn tell(events: &mpsc::Sender<LiveEvent>, event: LiveEvent) {
    if events.send(event).await.is_err() {
        tracing::debug!("the engine has ended: nobody is left to tell");
    }
}

async fn open(hosted: &Hosted) -> Result<Opened, NotOpen> {
    let (recorder, name) = (Arc::clone(&hosted.recorder), hosted.key.secret_name());
    let read = tokio::task::spawn_blocking(move || recorder.secret(&name)).await;
    let secret = match read {
        Ok(Ok(secret)) => secret,
        Ok(Err(error)) if error.needs_passphrase() => {
            return Err(NotOpen::Locked("its vault is locked; run: arbion profile unlock".to_owned()));
        }
        Ok(Err(error)) => return Err(NotOpen::Locked(error.to_string())),
        Err(error) => return Err(NotOpen::Locked(error.to_string())),
    };
    let sealed = SealedLogin::read(&secret).map_err(NotOpen::Locked)?;
    let tokens = VaultTokens { recorder: Arc::clone(&hosted.recorder), name: hosted.key.tokens_name() };
    let parts = registry::LoginParts {
        settings: &hosted.settings,
        credentials: &sealed.credentials,
        profile: hosted.recorder.profile(),
        tokens: Arc::new(tokens),
    };
    let connection = registry::connect(hosted.key.broker, parts).await.map_err(NotOpen::Broker)?;
    // Asked before anything else: a dead login is found here.
    connection.accounts().await.map_err(NotOpen::Broker)?;
    let mut brokers = Vec::new();
    for account in &hosted.accounts {
        let Some(key) = sealed.accounts.get(account) else {
            return Err(NotOpen::Locked(format!("the vault knows no account {account}; connect it again")));
        };
        let broker = connection.account(key, account.clone()).await.map_err(NotOpen::Broker)?;
        brokers.push((account.clone(), broker));
    }
    Ok(Opened { connection, brokers })
}

/// Keeps an open login. Returns why the broker does not accept it any more, or nothing when the engine has gone.
async fn keep(hosted: &Hosted, opened: &Opened, events: &mpsc::Sender<LiveEvent>) -> Option<String> {
    let mut streams = JoinSet::new();
    for (account, broker) in &opened.brokers {
        streams.spawn(follow(account.clone(), Arc::clone(broker), events.clone()));
    }
    let mut figures = tokio::time::interval(FIGURES_EVERY);
    figures.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut verify = tokio::time::interval_at(tokio::time::Instant::now() + VERIFY_EVERY, VERIFY_EVERY);
    let mut power = BTreeMap::new();
    loop {
        let error = tokio::select! {
            () = events.closed() => return None,
            Some(ended) = streams.join_next() => match ended {
                Ok(reason) => return reason,
                Err(error) => {
                    tracing::error!(%error, "a stream's task has ended");
                    return Some("its stream has failed".to_owned());
                }
            },
            _ = figures.tick() => ask_figures(opened, events, &mut power).await,
            _ = verify.tick() => opened.connection.accounts().await.err(),
        };
        let (up, text) = match error {
            Some(BrokerError::Unauthorized { reason, .. }) => return Some(reason),
            Some(error) => (false, error.to_string()),
            None => (true, shown(&power)),
        };
        let health = Box::new(opened.connection.health());
        let state = LiveEvent::State { key: hosted.key, up, text, health, retry_at: None };
        if events.send(state).await.is_err() {
            return None;
        }
    }
}

/// Buying power, in a few words.
fn shown(power: &BTreeMap<AccountId, String>) -> String {
    let words: Vec<String> = power.iter().map(|(account, text)| format!("{account} {text}")).collect();
    words.join(", ")
}

async fn ask_figures(
    opened: &Opened,
    events: &mpsc::Sender<LiveEvent>,
    power: &mut BTreeMap<AccountId, String>,
) -> Option<BrokerError> {
    for (account, broker) in &opened.brokers {
        match broker.account().await {
            Ok(figures) => {
                let text = format!("buying power {} {}", figures.buying_power.round_dp(2), figures.currency);
                power.insert(account.clone(), text);
                tell(events, LiveEvent::Figures(account.clone(), Box::new(figures))).await;
            }
            Err(error) => return Some(error),
        }
    }
    None
}

/// Follows an account's stream. Returns why the login is dead, or nothing when nobody listens.
async fn follow(
    account: AccountId,
    broker: Arc<dyn Broker>,
    events: mpsc::Sender<LiveEvent>,
) -> Option<String> {
    loop {
        let (words, mut heard) = mpsc::channel(STREAM_MAX);
        let watching = broker.watch(words);
        tokio::pin!(watching);
        let error = loop {
            tokio::select! {
                biased;
                Some(word) = heard.recv() => {
                    events.send(LiveEvent::Stream(account.clone(), word)).await.ok()?;
                }
                error = &mut watching => break error,
            }
        };
        // What was said before the end is not lost with it.
        while let Ok(word) = heard.try_recv() {
            events.send(LiveEvent::Stream(account.clone(), word)).await.ok()?;
        }
        if let BrokerError::Unauthorized { reason, .. } = error {
            return Some(reason);
        }
        let retry_at = wall() + SignedDuration::try_from(STREAM_PAUSE).unwrap_or_default();
        let down = AccountStream::Down { reason: error.to_string(), retry_at };
        events.send(LiveEvent::Stream(account.clone(), down)).await.ok()?;
        tokio::time::sleep(STREAM_PAUSE).await;
    }
}
