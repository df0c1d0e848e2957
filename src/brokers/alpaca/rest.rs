//! The calls: where they go, who asks, and what an answer that is no success means.

use std::sync::Arc;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{NAME, errors};
use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::{Answer, Call, Http};
use crate::brokers::{BrokerError, BrokerSettings, Credentials, Environment};

/// Bucket of the trading calls.
pub(super) const TRADING: &str = "trading";
/// Bucket of the market data calls.
pub(super) const DATA: &str = "data";

/// Who asks.
#[derive(Clone)]
pub(super) enum Login {
    /// A pair of keys of one account.
    Keys {
        /// The public half.
        key_id: SecretString,
        /// The other one.
        secret_key: SecretString,
    },
    /// A token that a sign-in gave.
    Token(SecretString),
}

impl Login {
    /// Reads the credentials: a token where there is one, else both keys.
    pub(super) fn of(credentials: &Credentials) -> Result<Self, BrokerError> {
        if let Some(token) = credentials.get("access_token") {
            return Ok(Self::Token(token.clone()));
        }
        match (credentials.get("key_id"), credentials.get("secret_key")) {
            (Some(key_id), Some(secret_key)) => {
                Ok(Self::Keys { key_id: key_id.clone(), secret_key: secret_key.clone() })
            }
            _ => Err(BrokerError::Unauthorized {
                broker: NAME.to_owned(),
                reason: "it needs a key id and a secret key".to_owned(),
            }),
        }
    }
}

/// Addresses of an environment.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Trading calls.
    pub(super) trading: Endpoint,
    /// Market data calls.
    pub(super) data: Endpoint,
    /// The order stream.
    pub(super) stream: Endpoint,
    /// Below it, the market data streams.
    pub(super) data_stream: Endpoint,
}

impl Places {
    /// Those of the settings. Whoever says where trading is asked, and nothing else, means the same place for all of it: keys must not go to
    /// one place by call and to another by stream.
    pub(super) fn of(settings: &BrokerSettings) -> Result<Self, BrokerError> {
        let host = match settings.environment {
            Environment::Paper => "paper-api.alpaca.markets",
            Environment::Live => "api.alpaca.markets",
        };
        let own_base = format!("https://{host}");
        let stands_in = settings.urls.get("base_url").map(|url| url.trim_end_matches('/').to_owned());
        let as_stream = |base: &str| base.replacen("http", "ws", 1);
        let beside = |own: String, path: &str, socket: bool| match &stands_in {
            Some(base) if socket => format!("{}{path}", as_stream(base)),
            Some(base) => base.clone(),
            None => own,
        };
        let endpoint = |name: &str, own: &str| {
            settings.url(name, own).map_err(|error| BrokerError::Unsupported {
                broker: NAME.to_owned(),
                what: format!("{name}: {error}"),
                allowed: "addresses of its own or of this machine".to_owned(),
            })
        };
        let stream = beside(format!("wss://{host}/stream"), "/stream", true);
        let data_stream = beside("wss://stream.data.alpaca.markets".to_owned(), "", true);
        Ok(Self {
            trading: endpoint("base_url", &own_base)?,
            data: endpoint("data_url", &beside("https://data.alpaca.markets".to_owned(), "", false))?,
            stream: endpoint("stream_url", &stream)?,
            data_stream: endpoint("data_stream_url", &data_stream)?,
        })
    }
}

/// The line of one login.
#[derive(Clone)]
pub(super) struct Rest {
    pub(super) http: Arc<Http>,
    pub(super) places: Places,
    pub(super) login: Login,
}

impl Rest {
    /// Sends a call and returns an answer that is a success.
    async fn send(
        &self,
        call: Call,
        method: Method,
        url: &str,
        query: &[(&str, String)],
        body: Option<&[u8]>,
    ) -> Result<Answer, BrokerError> {
        let answer = self
            .http
            .send(call, |client| {
                let mut request = client.request(method.clone(), url);
                if !query.is_empty() {
                    request = request.query(query);
                }
                request = match &self.login {
                    Login::Keys { key_id, secret_key } => request
                        .header("APCA-API-KEY-ID", sensitive(key_id)?)
                        .header("APCA-API-SECRET-KEY", sensitive(secret_key)?),
                    Login::Token(token) => request.bearer_auth(token.expose_secret()),
                };
                if let Some(body) = body {
                    request = request.header("content-type", "application/json").body(body.to_vec());
                }
                Ok(request)
            })
            .await?;
        if answer.is_success() { Ok(answer) } else { Err(errors::of(&answer, call.name)) }
    }

    /// Asks the trading host.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, BrokerError> {
        self.send(call, Method::GET, &self.places.trading.at(path), query, None).await?.json()
    }

    /// Asks the market data host.
    pub(super) async fn data<T: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, BrokerError> {
        self.send(call, Method::GET, &self.places.data.at(path), query, None).await?.json()
    }

    /// Tells the trading host to do something.
    pub(super) async fn tell(
        &self,
        call: Call,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, BrokerError> {
        let body = serde_json::to_vec(body).map_err(|error| BrokerError::Unreachable {
            broker: NAME.to_owned(),
            reason: format!("the request cannot be written: {error}"),
        })?;
        self.send(call, method, &self.places.trading.at(path), &[], Some(&body)).await
    }

    /// Tells the trading host to do what its path says.
    pub(super) async fn post(&self, call: Call, path: &str) -> Result<Answer, BrokerError> {
        self.send(call, Method::POST, &self.places.trading.at(path), &[], None).await
    }

    /// Takes something off at the trading host.
    pub(super) async fn delete(&self, call: Call, path: &str) -> Result<Answer, BrokerError> {
        self.send(call, Method::DELETE, &self.places.trading.at(path), &[], None).await
    }
}

/// A header's value that is shown nowhere.
fn sensitive(secret: &SecretString) -> Result<http::HeaderValue, BrokerError> {
    let mut value = http::HeaderValue::from_str(secret.expose_secret()).map_err(|_| {
        let reason = "a key has characters that no key has".to_owned();
        BrokerError::Unauthorized { broker: NAME.to_owned(), reason }
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A symbol as a part of a path.
pub(super) fn escaped(symbol: &str) -> String {
    symbol.replace('/', "%2F")
}
