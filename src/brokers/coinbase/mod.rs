//! Coinbase: Advanced Trade (orders, balances, prices, streams) by a CDP key or a bearer token, prices without a key, and deposit addresses of
//! the v2 interface. Never: sending coins, making addresses unasked.

mod account;
mod auth;
mod changes;
mod channel;
mod convert;
mod errors;
mod feed;
mod line;
mod market_stream;
mod products;
mod trade;
mod user_stream;
mod wallets;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::{Call, Health, Http};
use crate::brokers::limiter::Limit;
use crate::brokers::settings::CredentialField;
use crate::brokers::{
    AccountSummary, Broker, BrokerError, BrokerKind, BrokerSettings, Connection, Credentials, Environment,
    MarketFeed,
};
use crate::domain::account::AccountMode;
use crate::domain::ids::AccountId;
use crate::domain::money::Currency;

use account::CoinbaseAccount;
use auth::Login;
use feed::CoinbaseFeed;
use line::{Line, V3};
use products::Products;

pub use wallets::{DepositAddress, deposit_addresses, new_deposit_address};

/// Its name in errors and logs.
const BROKER: &str = "coinbase";
/// Buckets of its limits.
const PRIVATE: &str = "private";
const PUBLIC: &str = "public";
const V2: &str = "v2";

const REST_URL: &str = "https://api.coinbase.com";
const MARKET_STREAM_URL: &str = "wss://advanced-trade-ws.coinbase.com";
const USER_STREAM_URL: &str = "wss://advanced-trade-ws-user.coinbase.com";

/// What a login needs: the key, or a token of "Sign in with Coinbase" in its place.
static FIELDS: [CredentialField; 3] = [
    CredentialField {
        name: "key_name",
        label: "Key name (organizations/.../apiKeys/...)",
        secret: false,
        optional: true,
    },
    CredentialField {
        name: "private_key",
        label: "Private key (PEM, base64, or the whole key file)",
        secret: true,
        optional: true,
    },
    CredentialField {
        name: "access_token",
        label: "Access token, in place of a key",
        secret: true,
        optional: true,
    },
];

/// What a person gives to connect.
#[must_use]
pub const fn fields() -> &'static [CredentialField] {
    &FIELDS
}

/// Its limits: half of what is known to be allowed, as the figures are not published any more.
#[must_use]
pub const fn limits() -> [(&'static str, Limit); 3] {
    [
        (PRIVATE, Limit { calls: 15, per: Duration::from_secs(1) }),
        (PUBLIC, Limit { calls: 5, per: Duration::from_secs(1) }),
        (V2, Limit { calls: 10_000, per: Duration::from_secs(3_600) }),
    ]
}

fn unauthorized(reason: &str) -> BrokerError {
    BrokerError::Unauthorized { broker: BROKER.to_owned(), reason: reason.to_owned() }
}

fn refused_locally(what: String, allowed: &str) -> BrokerError {
    BrokerError::Unsupported { broker: BROKER.to_owned(), what, allowed: allowed.to_owned() }
}

fn endpoint(settings: &BrokerSettings, name: &str, own: &str) -> Result<Endpoint, BrokerError> {
    settings.url(name, own).map_err(|error| BrokerError::Unreachable {
        broker: BROKER.to_owned(),
        reason: format!("{name}: {error}"),
    })
}

fn open_line(settings: &BrokerSettings, login: Login) -> Result<Arc<Line>, BrokerError> {
    let http = Http::new(BROKER, &limits())?;
    let base = endpoint(settings, "base_url", REST_URL)?;
    Ok(Arc::new(Line::new(http, base, settings.option("jwt_host"), login)))
}

/// Opens a line with these credentials. Nothing is asked yet: [`Connection::accounts`] does.
///
/// # Errors
/// `Unauthorized` when the credentials are none, `Unsupported` for a paper environment, which Coinbase does not have.
#[allow(clippy::unused_async, reason = "every broker is connected in the same way")]
pub async fn connect(
    settings: &BrokerSettings,
    credentials: &Credentials,
) -> Result<Arc<dyn Connection>, BrokerError> {
    if settings.environment == Environment::Paper && !settings.urls.contains_key("base_url") {
        return Err(refused_locally(
            "a paper environment".to_owned(),
            "live keys alone; orders without money are for the account 'paper'",
        ));
    }
    let currency = settings.option("currency").unwrap_or("USD");
    let currency = Currency::new(currency)
        .map_err(|error| refused_locally(format!("currency = {currency:?}"), &error.to_string()))?;
    let line = open_line(settings, Login::of(credentials)?)?;
    Ok(Arc::new(Coinbase {
        environment: settings.environment,
        currency,
        products: Arc::new(Products::new(Arc::clone(&line))),
        line,
        user_stream: endpoint(settings, "user_stream_url", USER_STREAM_URL)?,
        market_stream: endpoint(settings, "stream_url", MARKET_STREAM_URL)?,
    }))
}

/// Prices without a key: what a fresh install shows.
///
/// # Errors
/// When the system gives no TLS, or an address that is set must not be used.
pub fn public_feed(settings: &BrokerSettings) -> Result<Arc<dyn MarketFeed>, BrokerError> {
    let line = open_line(settings, Login::Public)?;
    let stream = endpoint(settings, "stream_url", MARKET_STREAM_URL)?;
    Ok(Arc::new(CoinbaseFeed { products: Arc::new(Products::new(Arc::clone(&line))), line, stream }))
}

/// A login.
struct Coinbase {
    environment: Environment,
    currency: Currency,
    line: Arc<Line>,
    products: Arc<Products>,
    user_stream: Endpoint,
    market_stream: Endpoint,
}

fn last_four(text: &str) -> String {
    let from = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    text[from..].to_owned()
}

#[async_trait]
impl Connection for Coinbase {
    fn broker(&self) -> BrokerKind {
        BrokerKind::Coinbase
    }

    fn environment(&self) -> Environment {
        self.environment
    }

    async fn accounts(&self) -> Result<Vec<AccountSummary>, BrokerError> {
        if let Login::Bearer(_) = self.line.login() {
            let call = Call::read("portfolios", PRIVATE);
            let answer: wire::Portfolios = self.line.get(call, &format!("{V3}/portfolios"), &[]).await?;
            let rows = answer.portfolios.into_iter().filter(|portfolio| !portfolio.deleted);
            return Ok(rows.map(|row| summary(row.uuid, &row.kind, Ok(()))).collect());
        }
        let call = Call::read("key permissions", PRIVATE);
        let allowed: wire::Permissions = self.line.get(call, &format!("{V3}/key_permissions"), &[]).await?;
        if !allowed.can_view {
            return Err(unauthorized("the key may not even read the account: give it the permission 'view'"));
        }
        if allowed.can_transfer {
            tracing::warn!(
                broker = BROKER,
                "the key may move money out of the account, which is not needed here"
            );
        }
        let trading = if allowed.can_trade {
            Ok(())
        } else {
            Err("the key may only read: give it the permission 'trade'".to_owned())
        };
        let kind = if allowed.can_transfer {
            format!("{}, key may transfer", allowed.portfolio_type)
        } else {
            allowed.portfolio_type
        };
        Ok(vec![summary(allowed.portfolio_uuid, &kind, trading)])
    }

    async fn account(&self, key: &str, id: AccountId) -> Result<Arc<dyn Broker>, BrokerError> {
        let mode = match self.environment {
            Environment::Paper => AccountMode::Paper,
            Environment::Live => AccountMode::Live,
        };
        Ok(Arc::new(CoinbaseAccount {
            id,
            line: Arc::clone(&self.line),
            products: Arc::clone(&self.products),
            portfolio: key.to_owned(),
            currency: self.currency,
            mode,
            stream: self.user_stream.clone(),
            changes: changes::Changes::default(),
            capabilities: account::capabilities(),
        }))
    }

    fn feed(&self) -> Option<Arc<dyn MarketFeed>> {
        Some(Arc::new(CoinbaseFeed {
            line: Arc::clone(&self.line),
            products: Arc::clone(&self.products),
            stream: self.market_stream.clone(),
        }))
    }

    fn health(&self) -> Health {
        self.line.health()
    }
}

fn summary(uuid: String, kind: &str, trading: Result<(), String>) -> AccountSummary {
    AccountSummary {
        last_four: last_four(&uuid),
        kind: errors::words(kind).to_lowercase(),
        key: uuid,
        trading,
    }
}
