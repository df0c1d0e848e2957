//! The token keeper (reliability N6): one per login. It refreshes ahead of time and once for however many callers, keeps what it gets before it
//! is used, and tells a fault that passes from a login that has ended. A refresh runs to its end even when nobody waits for it any more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Guarded, PoisonError};
use std::time::Duration;

use ::http::StatusCode;
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

use super::tokens::{Countdown, Tokens};
use super::{App, Binding, OauthError, Provider, flow};
use crate::brokers::BrokerError;
use crate::brokers::http::{Answer, Call, Http};

/// Tries of a refresh before its callers are told.
const TRIES_MAX: usize = 2;
/// Between them, and the shortest pause after that; each further failure doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Looks for the tokens of somebody else's refresh after one of ours was refused, and the pause between them: another process may have got
/// them just now, and be about to keep them.
const LOOKS: u32 = 4;
const LOOK_PAUSE: Duration = Duration::from_millis(400);
/// How long a call waits for a fresh token while the one before is good.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest sleep between two looks at the clock: a machine that was suspended wakes with a token that has ended.
const LOOK_MAX: Duration = Duration::from_secs(15);

/// Where a login is kept: the engine implements it over the vault.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// What is kept, as it stands now; `None` when there is nothing.
    ///
    /// # Errors
    /// Why it cannot be read, in a line.
    async fn load(&self) -> Result<Option<SecretString>, String>;

    /// Keeps this in place of what was there. It is on the disk when this returns.
    ///
    /// # Errors
    /// Why it cannot be kept, in a line; what was there is there still.
    async fn save(&self, text: &SecretString) -> Result<(), String>;

    /// The right to refresh, which of all processes that have the login one has at a time: a refresh token may be good for one use, and a
    /// server may take its second use for a theft. A store of one process alone has nobody to wait for.
    ///
    /// # Errors
    /// Why it is not to be had in good time, in a line.
    async fn turn(&self) -> Result<Turn, String> {
        Ok(Turn::default())
    }
}

/// The right to refresh a login; given back when dropped.
#[derive(Default)]
pub struct Turn {
    _held: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl Turn {
    /// One that lasts as long as this, such as the lock of a file.
    #[must_use]
    pub fn holding(what: impl Send + Sync + 'static) -> Self {
        Self { _held: Some(Box::new(what)) }
    }
}

/// What time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An access token with the number of its refresh.
#[derive(Clone)]
pub struct Access {
    /// The token.
    pub token: SecretString,
    number: u64,
}

/// How a login stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginStatus {
    /// It works.
    Good,
    /// A refresh does not work just now and is tried again.
    Waiting(String),
    /// A person has to sign in.
    Needed(String),
}

#[derive(Default)]
struct Held {
    tokens: Option<Tokens>,
    number: u64,
    /// Given, and not on the disk yet: not used. With those that they were given for.
    unsaved: Option<(Tokens, Tokens)>,
    /// Why only a person helps.
    ended: Option<OauthError>,
    /// The last failure that passes, until when it stands for the next try, and the pause after that.
    failed: Option<(OauthError, Instant, Duration)>,
}

struct Inner {
    http: Arc<Http>,
    provider: Provider,
    app: App,
    binding: Binding,
    store: Arc<dyn TokenStore>,
    clock: Clock,
    held: Mutex<Held>,
    /// A copy of the newest tokens, with the number of their refresh, for whoever does not wait.
    shown: Guarded<Option<(Tokens, u64)>>,
    /// The number of the newest tokens that a call was refused with.
    refused: AtomicU64,
    status: watch::Sender<LoginStatus>,
}

/// The keeper of one login. Clones are the same one.
#[derive(Clone)]
pub struct Keeper(Arc<Inner>);

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("binding", &self.0.binding).finish_non_exhaustive()
    }
}

/// What a keeper is made of.
pub struct Parts {
    /// The line to the token endpoint.
    pub http: Arc<Http>,
    /// The authorization server.
    pub provider: Provider,
    /// The trader's app there.
    pub app: App,
    /// Whose login.
    pub binding: Binding,
    /// Where it is kept.
    pub store: Arc<dyn TokenStore>,
    /// The time.
    pub clock: Clock,
}

impl Keeper {
    /// A keeper of what the store holds.
    ///
    /// # Errors
    /// `LoginNeeded` when it holds nothing, `Foreign` and `Unusable` when it holds something else, `NotKept` when it does not open.
    pub async fn open(parts: Parts) -> Result<Self, OauthError> {
        let Parts { http, provider, app, binding, store, clock } = parts;
        let inner = Inner {
            http,
            provider,
            app,
            binding,
            store,
            clock,
            held: Mutex::default(),
            shown: Guarded::default(),
            refused: AtomicU64::new(0),
            status: watch::channel(LoginStatus::Good).0,
        };
        let kept = inner.kept().await?.ok_or_else(|| inner.needed("nobody has signed in yet"))?;
        inner.use_tokens(&mut *inner.held.lock().await, kept);
        Ok(Self(Arc::new(inner)))
    }

    /// A token that lives, refreshed when it is time.
    ///
    /// # Errors
    /// `LoginNeeded` or `Denied` when a person has to do something; `Transient`, `Unusable` or `NotKept` when it works again by itself.
    pub async fn access(&self) -> Result<Access, OauthError> {
        let (number, living) = {
            // While a refresh hangs, an order is not held up by it as long as the token before is good.
            let held = match timeout(PATIENCE, self.0.held.lock()).await {
                Ok(held) => held,
                Err(_) => match self.0.living() {
                    Some(access) => return Ok(access),
                    None => self.0.held.lock().await,
                },
            };
            let now = (self.0.clock)();
            let tokens = held.tokens.as_ref().ok_or_else(|| self.0.needed("nobody has signed in yet"))?;
            let access = Access { token: tokens.access.clone(), number: held.number };
            if held.unsaved.is_none() && tokens.lives(now) && now < tokens.due() {
                return Ok(access);
            }
            (held.number, tokens.lives(now).then_some(access))
        };
        let Some(living) = living else { return self.refreshed(number).await };
        // What lives still is used until it ends.
        match timeout(PATIENCE, self.refreshed(number)).await {
            Ok(Ok(access)) => Ok(access),
            Ok(Err(error)) => {
                tracing::info!(broker = self.0.binding.broker, %error, "the old access token is used while it lasts");
                Ok(living)
            }
            Err(_) => Ok(living),
        }
    }

    /// A new token after this one was answered with 401. However many callers come with the same one, it is refreshed once.
    ///
    /// # Errors
    /// As [`Self::access`].
    pub async fn refused(&self, used: &Access) -> Result<Access, OauthError> {
        self.0.refused.fetch_max(used.number, Ordering::SeqCst);
        self.refreshed(used.number).await
    }

    /// Keeps the tokens of a new login and uses them.
    ///
    /// # Errors
    /// `NotKept`: then the login before is used still.
    pub async fn adopt(&self, tokens: Tokens) -> Result<(), OauthError> {
        let mut held = self.0.held.lock().await;
        self.0.save(&tokens).await?;
        held.unsaved = None;
        self.0.use_tokens(&mut held, tokens);
        Ok(())
    }

    /// How the login stands, and every change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<LoginStatus> {
        self.0.status.subscribe()
    }

    /// What is left of the login; absent where it has no end.
    #[must_use]
    pub fn countdown(&self) -> Option<Countdown> {
        let shown = self.0.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref()?.0.countdown((self.0.clock)())
    }

    /// Keeps it fresh with nobody asking, until the last clone of the keeper is gone.
    pub fn keep_fresh(&self) {
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                let Some(inner) = weak.upgrade() else { return };
                let keeper = Self(inner);
                if let Err(error) = keeper.access().await {
                    tracing::debug!(broker = keeper.0.binding.broker, %error, "the login is not fresh");
                }
                let due = {
                    let shown = keeper.0.shown.lock().unwrap_or_else(PoisonError::into_inner);
                    shown.as_ref().map(|(tokens, _)| tokens.due().duration_since((keeper.0.clock)()))
                };
                drop(keeper);
                let wait = due.and_then(|due| Duration::try_from(due).ok()).unwrap_or(PAUSE_MIN);
                tokio::time::sleep(wait.clamp(PAUSE_MIN, LOOK_MAX)).await;
            }
        });
    }

    /// Sends a call with the token that `build` is given. An answer of 401 refreshes once and sends once more: the caller vouches that a 401
    /// means that nothing was done.
    ///
    /// # Errors
    /// As [`Http::send`]; `Unauthorized` when the second answer is 401 too, or a person has to sign in.
    pub async fn send(
        &self,
        http: &Http,
        call: Call,
        build: impl Fn(&reqwest::Client, &SecretString) -> Result<reqwest::RequestBuilder, BrokerError>,
    ) -> Result<Answer, BrokerError> {
        let access = self.access().await.map_err(|error| self.as_broker_error(&error))?;
        let answer = http.send(call, |client| build(client, &access.token)).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let access = self.refused(&access).await.map_err(|error| self.as_broker_error(&error))?;
        let answer = http.send(call, |client| build(client, &access.token)).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            let reason = format!(
                "a fresh token is refused too; sign in again: arbion connect {}",
                self.0.binding.broker
            );
            return Err(BrokerError::Unauthorized { broker: self.0.binding.broker.to_owned(), reason });
        }
        Ok(answer)
    }

    /// An error of a sign-in as one of a call: in either case nothing was sent.
    #[must_use]
    pub fn as_broker_error(&self, error: &OauthError) -> BrokerError {
        let broker = self.0.binding.broker.to_owned();
        if error.needs_a_person() {
            BrokerError::Unauthorized { broker, reason: error.to_string() }
        } else {
            BrokerError::Unreachable { broker, reason: error.to_string() }
        }
    }

    /// A token newer than the one of this number, refreshed unless somebody has done so. In a task of its own: a caller that gives up must not
    /// take a rotated token with it.
    async fn refreshed(&self, number: u64) -> Result<Access, OauthError> {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move { inner.refresh(number).await });
        task.await.unwrap_or_else(|error| {
            Err(OauthError::Transient { broker: self.0.binding.broker.to_owned(), reason: error.to_string() })
        })
    }
}

impl Inner {
    fn needed(&self, words: &str) -> OauthError {
        OauthError::LoginNeeded { broker: self.binding.broker.to_owned(), words: words.to_owned() }
    }

    fn not_kept(&self, reason: String) -> OauthError {
        OauthError::NotKept { broker: self.binding.broker.to_owned(), reason }
    }

    /// The newest token where it lives and nobody was refused with it.
    fn living(&self) -> Option<Access> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, number) = shown.as_ref()?;
        let good = tokens.lives((self.clock)()) && *number > self.refused.load(Ordering::SeqCst);
        good.then(|| Access { token: tokens.access.clone(), number: *number })
    }

    async fn kept(&self) -> Result<Option<Tokens>, OauthError> {
        let text = self.store.load().await.map_err(|reason| self.not_kept(reason))?;
        text.map(|text| Tokens::from_text(&text, &self.binding)).transpose()
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), OauthError> {
        self.store.save(&tokens.to_text()?).await.map_err(|reason| self.not_kept(reason))
    }

    fn use_tokens(&self, held: &mut Held, tokens: Tokens) {
        held.number += 1;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((tokens.clone(), held.number));
        held.tokens = Some(tokens);
        (held.ended, held.failed) = (None, None);
        self.status
            .send_if_modified(|status| std::mem::replace(status, LoginStatus::Good) != LoginStatus::Good);
    }

    async fn refresh(&self, number: u64) -> Result<Access, OauthError> {
        let mut held = self.held.lock().await;
        if held.number == number
            && let Err(error) = self.renew(&mut held).await
        {
            self.note(&mut held, &error);
            return Err(error);
        }
        let tokens = held.tokens.as_ref().ok_or_else(|| self.needed("nobody has signed in yet"))?;
        Ok(Access { token: tokens.access.clone(), number: held.number })
    }

    /// Puts newer tokens in place, or says why not.
    async fn renew(&self, held: &mut Held) -> Result<(), OauthError> {
        // Given before, and not on the disk yet.
        if let Some((new, old)) = held.unsaved.clone() {
            let kept = self.put(new, &old).await?;
            held.unsaved = None;
            self.use_tokens(held, kept);
            return Ok(());
        }
        if let Some(error) = &held.ended {
            return Err(error.clone());
        }
        if let Some((error, until, _)) = &held.failed
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        let mut old = held.tokens.clone().ok_or_else(|| self.needed("nobody has signed in yet"))?;
        let waited = self.store.turn().await;
        let _turn = waited.map_err(|reason| {
            let broker = self.binding.broker.to_owned();
            OauthError::Transient { broker, reason }
        })?;
        // Somebody may have signed in, or refreshed, since.
        let kept = self.kept().await?.ok_or_else(|| self.needed("the login was removed"))?;
        if !kept.same_refresh(&old) {
            if kept.lives((self.clock)()) && (self.clock)() < kept.due() {
                self.use_tokens(held, kept);
                return Ok(());
            }
            old = kept;
        }
        let new = match self.ask(&old).await {
            Err(error) if error.needs_a_person() => {
                let others = self.of_somebody_else(&old).await.ok_or(error)?;
                self.use_tokens(held, others);
                return Ok(());
            }
            asked => asked?,
        };
        let rotated = !new.same_refresh(&old);
        let kept = match self.put(new.clone(), &old).await {
            Ok(kept) => kept,
            // The same refresh token is on the disk already: nothing is lost if this process ends.
            Err(error @ OauthError::NotKept { .. }) if !rotated => {
                tracing::warn!(broker = self.binding.broker, %error, "the new access token is used from memory");
                new
            }
            Err(error) => {
                if matches!(error, OauthError::NotKept { .. }) {
                    held.unsaved = Some((new, old));
                }
                return Err(error);
            }
        };
        self.use_tokens(held, kept);
        Ok(())
    }

    /// Keeps what was given for `old`, unless a person has signed in anew while it was asked for: that login stays, and is the one to use. One
    /// that was removed meanwhile is not brought back.
    async fn put(&self, new: Tokens, old: &Tokens) -> Result<Tokens, OauthError> {
        match self.kept().await {
            Ok(Some(kept)) if kept.login_at > old.login_at => return Ok(kept),
            Ok(None) => return Err(self.needed("the login was removed")),
            // One that cannot be read is replaced, as nothing else would help.
            Ok(Some(_)) | Err(_) => {}
        }
        self.save(&new).await?;
        Ok(new)
    }

    /// What another process has kept in place of these, where it lives. A refresh token that is good for one use was used by it then.
    async fn of_somebody_else(&self, old: &Tokens) -> Option<Tokens> {
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(LOOK_PAUSE).await;
            }
            let kept = self.kept().await.ok().flatten();
            if let Some(kept) = kept.filter(|kept| !kept.same_refresh(old) && kept.lives((self.clock)())) {
                return Some(kept);
            }
        }
        None
    }

    async fn ask(&self, old: &Tokens) -> Result<Tokens, OauthError> {
        let mut tries = 1;
        loop {
            match flow::refresh(&self.http, &self.provider, &self.app, old, (self.clock)()).await {
                Err(OauthError::Transient { .. }) if tries < TRIES_MAX => {
                    tries += 1;
                    tokio::time::sleep(PAUSE_MIN).await;
                }
                done => return done,
            }
        }
    }

    fn note(&self, held: &mut Held, error: &OauthError) {
        let status = if error.needs_a_person() {
            held.ended = Some(error.clone());
            LoginStatus::Needed(error.to_string())
        } else {
            let standing = held.failed.as_ref().filter(|(_, until, _)| Instant::now() < *until);
            if standing.is_none() {
                let pause =
                    held.failed.as_ref().map_or(PAUSE_MIN, |(_, _, pause)| (*pause * 2).min(PAUSE_MAX));
                held.failed = Some((error.clone(), Instant::now() + pause, pause));
            }
            LoginStatus::Waiting(error.to_string())
        };
        self.status.send_if_modified(|before| {
            let changed = *before != status;
            *before = status;
            changed
        });
    }
}
