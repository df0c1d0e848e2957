//! Calls to a broker over HTTP: one pool of connections, a deadline for each, limits kept, reads repeated and commands never, bodies bounded,
//! nothing secret in errors and logs, and a record of how it goes.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use super::clock::wall;
use super::limiter::{Limit, Limiter, Priority, SILENT_HOLD_MIN, SharedLimits, hold_of, left_of};
use super::pauses::some_pauses;
use super::tally::{CallFigures, Tally};
use super::{BrokerError, json, tls};

/// To establish a connection, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// For an order, and for whatever else a person waits for.
const ORDER_MAX: Duration = Duration::from_secs(10);
/// For history and lists.
const HISTORY_MAX: Duration = Duration::from_secs(30);
/// Tries of a call that may be repeated (reliability N2).
const TRIES_MAX: usize = 4;
/// Half of the shortest pause between two of them: with the jitter of as much again it is 0.5 s times 0.5 to 1 (N3).
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Half of the longest.
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// Largest body that is read.
pub const BODY_MAX: usize = 8 << 20;
/// Measurements of the clock's offset that count.
const OFFSETS_MAX: usize = 5;
/// Names that brokers give to a call, which their support asks for.
const REQUEST_IDS: [&str; 2] = ["x-request-id", "schwab-client-correlid"];
/// Connections to one host that stay open.
const IDLE_MAX: usize = 4;

/// What may be done when no answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing, or what it changes is the same twice: it is tried again within its deadline.
    Safe,
    /// It is never tried again: nobody knows what became of it.
    Never,
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name in errors, logs and figures.
    pub name: &'static str,
    /// The bucket of the broker's limits that it counts in.
    pub bucket: &'static str,
    /// What it counts.
    pub weight: NonZeroU32,
    /// Who waits longest.
    pub priority: Priority,
    /// Tried again or not.
    pub repeat: Repeat,
    /// In all, waiting for a turn and repeating included.
    pub deadline: Duration,
}

impl Call {
    /// Reads something a person looks at.
    #[must_use]
    pub const fn read(name: &'static str, bucket: &'static str) -> Self {
        Self {
            name,
            bucket,
            weight: NonZeroU32::MIN,
            priority: Priority::Normal,
            repeat: Repeat::Safe,
            deadline: ORDER_MAX,
        }
    }

    /// Reads history or a long list.
    #[must_use]
    pub const fn history(name: &'static str, bucket: &'static str) -> Self {
        Self { deadline: HISTORY_MAX, ..Self::read(name, bucket) }
    }

    /// Sends an order or a replace: once.
    #[must_use]
    pub const fn order(name: &'static str, bucket: &'static str) -> Self {
        Self { repeat: Repeat::Never, priority: Priority::Order, ..Self::read(name, bucket) }
    }

    /// Takes an order off: before everything else, and again if need be.
    #[must_use]
    pub const fn cancel(name: &'static str, bucket: &'static str) -> Self {
        Self { priority: Priority::Cancel, ..Self::read(name, bucket) }
    }

    /// Counts this much.
    #[must_use]
    pub const fn weighing(mut self, weight: NonZeroU32) -> Self {
        self.weight = weight;
        self
    }
}

/// What came back: 2xx or 4xx but 408 and 429, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Which broker's.
    broker: &'static str,
    /// To which call.
    call: &'static str,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// Reads the body.
    ///
    /// # Errors
    /// `Unreadable`, naming the field.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, BrokerError> {
        json::decode(self.broker, self.call, &self.body)
    }

    /// Did the broker do it.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// How calls go: what the connections pane shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Calls that were sent.
    pub calls: u64,
    /// Of these, without an answer.
    pub failures: u64,
    /// How long the last one took.
    pub latency: Option<Duration>,
    /// What the last failure was, and when.
    pub last_error: Option<(Timestamp, String)>,
    /// What the server said is left of its limit.
    pub limit_left: Option<u32>,
    /// Nothing is sent for this long, as the server wants.
    pub held_for: Duration,
    /// The broker's clock minus ours, to about a second; absent before the first answer.
    pub clock_offset: Option<SignedDuration>,
    /// Calls by name, each try counted; one that did not get its turn is none.
    pub by_call: Vec<CallFigures>,
    /// What the connector itself has to say of its limits, a few words each.
    pub words: Vec<String>,
}

/// A broker's line.
pub struct Http {
    broker: &'static str,
    client: reqwest::Client,
    limits: BTreeMap<&'static str, Arc<Limiter>>,
    health: Mutex<Health>,
    tally: Mutex<Tally>,
    offsets: Mutex<VecDeque<i64>>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("broker", &self.broker).finish_non_exhaustive()
    }
}

impl Http {
    /// A line with these limits, by bucket. A call in a bucket without one goes at once.
    ///
    /// # Errors
    /// When the system gives no TLS.
    pub fn new(broker: &'static str, limits: &[(&'static str, Limit)]) -> Result<Self, BrokerError> {
        let own = limits.iter().map(|(bucket, limit)| (*bucket, Arc::new(Limiter::new(*limit)))).collect();
        Self::over(broker, own)
    }

    /// The same with buckets that all lines to one place count in together: what the broker limits is an address, not a login.
    ///
    /// # Errors
    /// When the system gives no TLS.
    pub fn sharing(
        broker: &'static str,
        limits: &[(&'static str, Limit)],
        (shared, place): (&SharedLimits, &str),
    ) -> Result<Self, BrokerError> {
        let all = limits.iter().map(|(bucket, limit)| {
            let name = format!("{broker} {place} {bucket}");
            (*bucket, shared.of(&name, *limit))
        });
        Self::over(broker, all.collect())
    }

    fn over(broker: &'static str, limits: BTreeMap<&'static str, Arc<Limiter>>) -> Result<Self, BrokerError> {
        let unreachable =
            |reason: &str| BrokerError::Unreachable { broker: broker.to_owned(), reason: reason.to_owned() };
        let tls = tls::client().ok_or_else(|| unreachable("there is no TLS"))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .user_agent(concat!("arbion/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_MAX)
            .pool_max_idle_per_host(IDLE_MAX)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| unreachable(&error.without_url().to_string()))?;
        let (health, tally, offsets) = Default::default();
        Ok(Self { broker, client, limits, health, tally, offsets })
    }

    /// Starts a request; [`Self::send`] sends it.
    #[must_use]
    pub const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends what `build` makes, which is asked anew for each try so that it can sign anew.
    ///
    /// # Errors
    /// `Busy` and `Unreachable` when nothing was sent, `NoAnswer` and `RateLimited` when nobody knows, and what `build` says.
    pub async fn send(
        &self,
        call: Call,
        build: impl Fn(&reqwest::Client) -> Result<reqwest::RequestBuilder, BrokerError>,
    ) -> Result<Answer, BrokerError> {
        let deadline = Instant::now() + call.deadline;
        let mut pauses = some_pauses(PAUSE_MIN, PAUSE_MAX, TRIES_MAX - 1);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match self.once(call, left, &build).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = match &error {
                _ if call.repeat == Repeat::Never || !error.is_retryable() => return Err(error),
                BrokerError::Busy { .. } => return Err(error),
                BrokerError::RateLimited { retry_after, .. } if pauses.next().is_some() => *retry_after,
                _ => match pauses.next() {
                    Some(pause) => pause,
                    None => return Err(error),
                },
            };
            if Instant::now() + wait >= deadline {
                return Err(error);
            }
            tracing::debug!(broker = self.broker, call = call.name, %error, ?wait, "tried again");
            tokio::time::sleep(wait).await;
        }
    }

    /// One try.
    async fn once(
        &self,
        call: Call,
        left: Duration,
        build: &impl Fn(&reqwest::Client) -> Result<reqwest::RequestBuilder, BrokerError>,
    ) -> Result<Answer, BrokerError> {
        let broker = || self.broker.to_owned();
        let limiter = self.limits.get(call.bucket);
        if let Some(limiter) = limiter {
            limiter
                .turn(call.priority, call.weight, left / 2)
                .await
                .map_err(|wait| BrokerError::Busy { broker: broker(), wait })?;
        }
        let started = Instant::now();
        let answer = match self.exchange(call, left, build).await {
            Ok(answer) => answer,
            Err(error) => {
                self.count(call, started.elapsed(), false);
                self.failed(&error);
                return Err(error);
            }
        };
        self.count(call, started.elapsed(), answer.is_success());
        self.answered(&answer, started.elapsed());
        // What the server says of times, it says by its own clock.
        let theirs = self.broker_now().as_second();
        let held = hold_of(&answer.headers, theirs);
        if let (Some(held), Some(limiter)) = (held, limiter) {
            limiter.hold(held);
        }
        if let (Some(left), Some(limiter)) = (left_of(&answer.headers, theirs), limiter) {
            limiter.heard(&left);
        }
        if let Some(limiter) = limiter.filter(|_| answer.status != StatusCode::TOO_MANY_REQUESTS) {
            limiter.went();
        }
        let error = match answer.status {
            StatusCode::TOO_MANY_REQUESTS => {
                let guessed = || limiter.map_or(SILENT_HOLD_MIN, |limiter| limiter.refused_silently());
                let retry_after = held.unwrap_or_else(guessed);
                if let Some(limiter) = limiter {
                    limiter.hold(held.unwrap_or(SILENT_HOLD_MIN));
                }
                BrokerError::RateLimited { broker: broker(), retry_after }
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                BrokerError::NoAnswer {
                    broker: broker(),
                    reason: format!("HTTP {}, {}", status.as_u16(), json::beginning(&answer.body)),
                }
            }
            // Nothing is followed, and no broker answers so: whoever stands between said it, and of the call that says nothing.
            status if status.is_redirection() => BrokerError::NoAnswer {
                broker: broker(),
                reason: format!("HTTP {}, which points elsewhere and is not followed", status.as_u16()),
            },
            _ => return Ok(answer),
        };
        self.failed(&error);
        Err(error)
    }

    /// A request and the whole of its answer.
    async fn exchange(
        &self,
        call: Call,
        left: Duration,
        build: &impl Fn(&reqwest::Client) -> Result<reqwest::RequestBuilder, BrokerError>,
    ) -> Result<Answer, BrokerError> {
        let broker = || self.broker.to_owned();
        let request =
            build(&self.client)?.timeout(left).build().map_err(|error| BrokerError::Unreachable {
                broker: broker(),
                reason: format!("the request cannot be made: {}", told(error)),
            })?;
        let response = self.client.execute(request).await.map_err(|error| {
            // Without a connection nothing has left.
            if error.is_connect() {
                return BrokerError::Unreachable { broker: broker(), reason: told(error) };
            }
            BrokerError::NoAnswer { broker: broker(), reason: told(error) }
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece =
                piece.map_err(|error| BrokerError::NoAnswer { broker: broker(), reason: told(error) })?;
            if body.len() + piece.len() > BODY_MAX {
                let reason = format!("it is longer than {} MiB", BODY_MAX >> 20);
                return Err(BrokerError::Unreadable { broker: broker(), call: call.name, reason });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { broker: self.broker, call: call.name, status, headers, body: body.freeze() })
    }

    fn count(&self, call: Call, took: Duration, well: bool) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(call.name, took, well);
    }

    fn failed(&self, error: &BrokerError) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.failures += 1;
        health.last_error = Some((wall(), error.to_string()));
    }

    fn answered(&self, answer: &Answer, took: Duration) {
        let request = REQUEST_IDS.iter().find_map(|name| answer.header(name)).unwrap_or_default();
        tracing::debug!(
            broker = self.broker,
            call = answer.call,
            status = answer.status.as_u16(),
            ms = took.as_millis(),
            request,
            "answered"
        );
        let left = answer.header("x-ratelimit-remaining").and_then(|text| text.parse().ok());
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.calls += 1;
        health.latency = Some(took);
        health.limit_left = left.or(health.limit_left);
        drop(health);
        if let Some(date) = answer.header("date").and_then(|text| httpdate::parse_http_date(text).ok()) {
            let theirs = date.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
            // The header has whole seconds, and was written about half of the call's time ago.
            let ours = (wall() - SignedDuration::try_from(took / 2).unwrap_or_default()).as_second();
            let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
            if offsets.len() == OFFSETS_MAX {
                offsets.pop_front();
            }
            offsets.push_back(theirs.cast_signed() - ours);
        }
    }

    /// The broker's clock minus ours: the median of the last answers' dates; zero before the first.
    #[must_use]
    pub fn clock_offset(&self) -> SignedDuration {
        self.offset().unwrap_or(SignedDuration::ZERO)
    }

    fn offset(&self) -> Option<SignedDuration> {
        let offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<i64> = offsets.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map(|seconds| SignedDuration::from_secs(*seconds))
    }

    /// The broker's time, as far as we know: what requests are signed with.
    #[must_use]
    pub fn broker_now(&self) -> Timestamp {
        wall().checked_add(self.clock_offset()).unwrap_or(Timestamp::MAX)
    }

    /// How it goes.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        health.held_for = self.limits.values().map(|limit| limit.held_for()).max().unwrap_or_default();
        health.by_call = self.tally.lock().unwrap_or_else(PoisonError::into_inner).figures();
        health.clock_offset = self.offset();
        health
    }
}

/// An error's words, down to its cause, without the address: a query may hold what nobody should read.
fn told(error: reqwest::Error) -> String {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    if timed_out {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
