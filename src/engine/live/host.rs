//! One task per login: it opens it, keeps the streams of its accounts, asks for balances, verifies again, and tells the engine. A login that
//! the broker no longer accepts ends it; everything else is tried again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::brokers::clock::wall;
use crate::brokers::http::Health;
use crate::brokers::pauses::pauses;
use crate::brokers::{AccountStream, Broker, BrokerError, BrokerSettings, Connection, MarketFeed, registry};
use crate::domain::account::Account;
use crate::domain::calendar::{SaidDay, exchange_date, plus_days};
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
/// How often a broker's calendar is asked for.
const CALENDAR_EVERY: Duration = Duration::from_hours(6);
/// Days ahead that it is asked for: past every expiry that is opened by rule.
const CALENDAR_DAYS: i64 = 400;
/// How often a locked vault is looked at.
const LOCKED_EVERY: Duration = Duration::from_secs(2);
/// Half of the shortest and longest pause before a login is opened again.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Pause before a stream that ended by itself is begun again.
const STREAM_PAUSE: Duration = Duration::from_secs(5);
/// Panics of a connector within `PANICS_WITHIN` after which it rests for so long.
const PANICS_MAX: usize = 5;
/// See `PANICS_MAX`.
const PANICS_WITHIN: Duration = Duration::from_secs(600);
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
    /// A login waits for the passphrase of the vault that holds its keys.
    Shut {
        /// Which.
        key: LoginKey,
        /// When the vault is looked at again.
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
    /// The exchange's days, as a broker says.
    Calendar(LoginKey, Vec<SaidDay>),
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
    /// Nothing opens the vault but a person's passphrase.
    Shut,
    /// The vault is, or its entry of this login says nothing.
    Locked(String),
    Broker(BrokerError),
}

/// Hosts a login until the engine goes or the login is dead.
pub(super) async fn run(hosted: Hosted, events: mpsc::Sender<LiveEvent>) {
    let hosted = Arc::new(hosted);
    guarded(hosted.key, &hosted.accounts, &events, || host(Arc::clone(&hosted), events.clone())).await;
}

/// Does it again when a connector panics in it: its accounts are down until they were compared anew, as whatever their streams said is lost
/// (reliability L6).
async fn guarded<F>(
    key: LoginKey,
    accounts: &[AccountId],
    events: &mpsc::Sender<LiveEvent>,
    mut attempt: impl FnMut() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut panics = VecDeque::new();
    loop {
        let mut task = JoinSet::new();
        task.spawn(attempt());
        match task.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(broker = key.broker.as_str(), %error, "a connector has failed")
            }
            _ => return,
        }
        let now = Instant::now();
        panics.retain(|at| now.duration_since(*at) <= PANICS_WITHIN);
        panics.push_back(now);
        let pause = if panics.len() >= PANICS_MAX { PANICS_WITHIN } else { STREAM_PAUSE };
        let reason = "its connector failed".to_owned();
        let retry_at = wall() + SignedDuration::try_from(pause).unwrap_or_default();
        for account in accounts {
            let down = AccountStream::Down { reason: reason.clone(), retry_at };
            tell(events, LiveEvent::Stream(account.clone(), down)).await;
        }
        let text = format!("{reason}; opened again in {} s", pause.as_secs());
        let state =
            LiveEvent::State { key, up: false, text, health: Box::default(), retry_at: Some(retry_at) };
        tell(events, state).await;
        tokio::select! {
            () = events.closed() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn host(hosted: Arc<Hosted>, events: mpsc::Sender<LiveEvent>) {
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
            Err(NotOpen::Shut) => {
                if events
                    .send(LiveEvent::Shut { key: hosted.key, retry_at: after(LOCKED_EVERY) })
                    .await
                    .is_err()
                {
                    return;
                }
                tokio::time::sleep(LOCKED_EVERY).await;
                continue;
            }
            Err(NotOpen::Locked(text)) => (LOCKED_EVERY, text),
            Err(NotOpen::Broker(BrokerError::Unauthorized { reason, .. })) => {
                tell(&events, LiveEvent::Dead { key: hosted.key, reason }).await;
                return;
            }
            Err(NotOpen::Broker(error)) => (waits.next().unwrap_or(PAUSE_MAX), error.to_string()),
        };
        let retry_at = after(wait);
        let state = LiveEvent::State { key: hosted.key, up: false, text, health: Box::default(), retry_at };
        if events.send(state).await.is_err() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

/// The time so long from now.
fn after(wait: Duration) -> Option<Timestamp> {
    SignedDuration::try_from(wait).ok().and_then(|wait| wall().checked_add(wait).ok())
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
            return Err(NotOpen::Shut);
        }
        Ok(Err(error)) => return Err(NotOpen::Locked(error.to_string())),
        Err(error) => return Err(NotOpen::Locked(error.to_string())),
    };
    let sealed = SealedLogin::read(&secret).map_err(NotOpen::Locked)?;
    let tokens = VaultTokens::new(Arc::clone(&hosted.recorder), hosted.key.tokens_name());
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
    // By itself, and no word on the login: a calendar that hangs holds nothing up. It ends with this.
    let mut aside = JoinSet::new();
    aside.spawn(follow_calendar(hosted.key, Arc::clone(&opened.connection), events.clone()));
    let mut figures = tokio::time::interval(FIGURES_EVERY);
    figures.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut verify = tokio::time::interval_at(tokio::time::Instant::now() + VERIFY_EVERY, VERIFY_EVERY);
    let mut power = BTreeMap::new();
    loop {
        let error = tokio::select! {
            () = events.closed() => return None,
            Some(ended) = streams.join_next() => match ended {
                Ok(reason) => return reason,
                Err(error) => match error.try_into_panic() {
                    // The whole login is begun anew.
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => return None,
                },
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

/// Asks for the exchange's days ahead, now and every few hours. Without an answer those that are known hold.
async fn follow_calendar(key: LoginKey, connection: Arc<dyn Connection>, events: mpsc::Sender<LiveEvent>) {
    loop {
        let from = exchange_date(wall());
        // A connector that panics ends one call, here too; it is said, and the days are asked for again.
        let mut call = JoinSet::new();
        let asked = Arc::clone(&connection);
        call.spawn(async move { asked.calendar(from, plus_days(from, CALENDAR_DAYS)).await });
        let wait = match call.join_next().await {
            Some(Ok(Ok(Some(days)))) => {
                tell(&events, LiveEvent::Calendar(key, days)).await;
                CALENDAR_EVERY
            }
            Some(Ok(Ok(None))) | None => return,
            Some(Ok(Err(error))) => {
                tracing::warn!(broker = key.broker.as_str(), %error, "its calendar was not read");
                VERIFY_EVERY
            }
            Some(Err(error)) => {
                tracing::error!(broker = key.broker.as_str(), %error, "reading its calendar has panicked");
                VERIFY_EVERY
            }
        };
        tokio::time::sleep(wait).await;
    }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::brokers::{BrokerKind, Environment};

    /// A connector that panics takes its accounts down and is begun again, five times within ten minutes; one that ends by itself is not.
    #[tokio::test(start_paused = true)]
    async fn l6_a_connector_that_panics_is_opened_again() {
        let key = LoginKey { broker: BrokerKind::Alpaca, environment: Environment::Paper };
        let accounts = ["alpaca", "alpaca-2"].map(AccountId::new);
        let (events, mut heard) = mpsc::channel(64);
        let times = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&times);
        let fails = move || {
            let counted = Arc::clone(&counted);
            async move {
                let time = counted.fetch_add(1, Ordering::SeqCst);
                assert!(time >= 6, "as the test says");
            }
        };
        let began = Instant::now();
        guarded(key, &accounts, &events, fails).await;
        assert_eq!(times.load(Ordering::SeqCst), 7, "six panics, then it ended by itself");
        let took = began.elapsed();
        assert!(took >= PANICS_WITHIN && took < PANICS_WITHIN * 3, "it rests after five: {took:?}");
        let mut down = Vec::new();
        while let Ok(event) = heard.try_recv() {
            match event {
                LiveEvent::Stream(account, AccountStream::Down { .. }) => down.push(account),
                LiveEvent::State { up, .. } => assert!(!up),
                _ => panic!("nothing else is said"),
            }
        }
        assert_eq!(down, accounts.into_iter().cycle().take(12).collect::<Vec<_>>());
    }

    /// Nobody waits for an engine that has gone.
    #[tokio::test(start_paused = true)]
    async fn l6_a_connector_is_not_opened_again_for_nobody() {
        let key = LoginKey { broker: BrokerKind::Alpaca, environment: Environment::Paper };
        let (events, heard) = mpsc::channel(64);
        drop(heard);
        let began = Instant::now();
        guarded(key, &[], &events, || async { panic!("as the test says") }).await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}
