//! Calls to Coinbase's REST interfaces: signed anew for each try, a 401 answered by asking the server's time and signing once more.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::auth::Login;
use super::{BROKER, errors, wire};
use crate::brokers::BrokerError;
use crate::brokers::clock::wall;
use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::{Answer, Call, Http};

/// Where Advanced Trade lives below the host.
pub const V3: &str = "/api/v3/brokerage";
/// The version of the v2 interface that this was written for.
const V2_VERSION: &str = "2024-08-01";
/// A clock that is off by more than this is corrected by the server's word.
const SKEW_MAX: SignedDuration = SignedDuration::from_secs(5);

/// Query parameters, in order; a name may come again.
pub type Query = Vec<(&'static str, String)>;

/// What one call asks.
struct Asked<'a> {
    method: Method,
    path: &'a str,
    query: &'a [(&'static str, String)],
    body: Option<Vec<u8>>,
    /// Public: no token.
    open: bool,
}

/// One login's line.
#[derive(Debug)]
pub struct Line {
    http: Arc<Http>,
    base: Endpoint,
    /// The host that tokens are made out to.
    host: String,
    login: Login,
    /// The server's clock minus ours, once it had to be asked.
    skew: Mutex<Option<SignedDuration>>,
}

impl Line {
    /// A line to this address. `host` is the host that tokens are made out to, where it is another one.
    #[must_use]
    pub fn new(http: Arc<Http>, base: Endpoint, host: Option<&str>, login: Login) -> Self {
        let host = host.map_or_else(|| base.authority(), str::to_owned);
        Self { http, base, host, login, skew: Mutex::new(None) }
    }

    /// How it proves who asks.
    #[must_use]
    pub const fn login(&self) -> &Login {
        &self.login
    }

    /// How its calls go.
    #[must_use]
    pub fn health(&self) -> crate::brokers::http::Health {
        self.http.health()
    }

    /// The server's time, as far as we know.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let skew = *self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        let skew = skew.unwrap_or_else(|| self.http.clock_offset());
        wall().checked_add(skew).unwrap_or(Timestamp::MAX)
    }

    /// A token for a message of a stream; none without a login.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn stream_token(&self) -> Result<Option<SecretString>, BrokerError> {
        match &self.login {
            Login::SignedIn(keeper) => {
                let access = keeper.access().await.map_err(|error| keeper.as_broker_error(&error))?;
                Ok(Some(access.token))
            }
            login => login.token(None, self.now()),
        }
    }

    /// Reads with the login.
    ///
    /// # Errors
    /// Whatever [`Http::send`] says, and the broker's refusal.
    pub async fn get<T: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<T, BrokerError> {
        self.ask(call, &Asked { method: Method::GET, path, query, body: None, open: false }).await?.json()
    }

    /// Reads what is public, without the login.
    ///
    /// # Errors
    /// As above.
    pub async fn open<T: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<T, BrokerError> {
        self.ask(call, &Asked { method: Method::GET, path, query, body: None, open: true }).await?.json()
    }

    /// Sends a command.
    ///
    /// # Errors
    /// As above.
    pub async fn post<T: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, BrokerError> {
        let body = serde_json::to_vec(body).map_err(|error| BrokerError::Unreachable {
            broker: BROKER.to_owned(),
            reason: format!("the request cannot be written: {error}"),
        })?;
        let asked = Asked { method: Method::POST, path, query: &[], body: Some(body), open: false };
        self.ask(call, &asked).await?.json()
    }

    async fn ask(&self, call: Call, asked: &Asked<'_>) -> Result<Answer, BrokerError> {
        let mut answer = self.once(call, asked).await?;
        // A 401 was not processed, not even for an order: one more try, with the server's own time. A bearer token gets no better by it.
        if answer.status.as_u16() == 401 && !asked.open && matches!(self.login, Login::Key(_)) {
            self.learn_time().await;
            answer = self.once(call, asked).await?;
        }
        if answer.is_success() {
            return Ok(answer);
        }
        Err(errors::refusal(answer.status.as_u16(), &answer.body, &self.login))
    }

    async fn once(&self, call: Call, asked: &Asked<'_>) -> Result<Answer, BrokerError> {
        let url = match asked.query {
            [] => self.base.at(asked.path),
            query => {
                let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
                format!("{}?{query}", self.base.at(asked.path))
            }
        };
        // Method, host and path; a query in it is answered by 401.
        let uri = format!("{} {}{}", asked.method, self.host, asked.path);
        let build = |client: &reqwest::Client, token: Option<&SecretString>| {
            let mut request =
                client.request(asked.method.clone(), &url).header("content-type", "application/json");
            if let Some(token) = token {
                request = request.bearer_auth(token.expose_secret());
            }
            if asked.path.starts_with("/v2/") {
                request = request.header("cb-version", V2_VERSION);
            }
            Ok(match &asked.body {
                Some(body) => request.body(body.clone()),
                None => request,
            })
        };
        if let Login::SignedIn(keeper) = &self.login
            && !asked.open
        {
            // A 401 was not processed: it refreshes once, and is sent once more.
            return keeper.send(&self.http, call, |client, token| build(client, Some(token))).await;
        }
        let signed = |client: &reqwest::Client| {
            let token = if asked.open { None } else { self.login.token(Some(&uri), self.now())? };
            build(client, token.as_ref())
        };
        self.http.send(call, signed).await
    }

    /// Asks the server for its time, which needs no login, and signs with it from now on where ours is off. Without an answer all stays.
    pub async fn learn_time(&self) {
        let call = Call::read("time", super::PUBLIC);
        let path = format!("{V3}/time");
        let asked = Asked { method: Method::GET, path: &path, query: &[], body: None, open: true };
        let sent = wall();
        let told = match self.once(call, &asked).await {
            Ok(answer) => answer.json::<wire::Time>(),
            Err(error) => Err(error),
        };
        let theirs = match told {
            Ok(time) => {
                time.epoch_millis.trim().parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
            }
            Err(error) => {
                tracing::debug!(broker = BROKER, %error, "the server's time is not known");
                None
            }
        };
        let Some(theirs) = theirs else { return };
        let now = wall();
        let middle = sent.checked_add(now.duration_since(sent) / 2).unwrap_or(now);
        let skew = theirs.duration_since(middle);
        let off = skew.abs() > SKEW_MAX;
        if off {
            tracing::warn!(
                broker = BROKER,
                seconds = skew.as_secs(),
                "our clock is off; tokens carry the server's time"
            );
        }
        let kept = if off { skew } else { SignedDuration::ZERO };
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}
