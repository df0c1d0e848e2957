//! Coinbase: Advanced Trade (orders, balances, prices, streams) by a CDP key or a bearer token, prices without a key, and deposit addresses of
//! the v2 interface. Never: sending coins, making addresses unasked.

mod account;
mod auth;
mod changes;
mod channel;
mod convert;
mod derivatives;
mod errors;
mod feed;
#[cfg(test)]
mod fuzzed;
mod line;
mod market_stream;
mod products;
mod trade;
mod user_stream;
mod wallets;
mod ways;
mod ways_out;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret as _;

use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::{Call, Health, Http};
use crate::brokers::limiter::Limit;
use crate::brokers::oauth::keeper::{Keeper, Parts, TokenStore};
use crate::brokers::oauth::{App, Binding, Provider, RedirectUri, SecretIn};
use crate::brokers::settings::CredentialField;
use crate::brokers::{
    AccountSummary, Broker, BrokerError, BrokerKind, BrokerSettings, Connection, Credentials, Environment,
    MarketFeed, last_four,
};
use crate::domain::ids::AccountId;
use crate::domain::money::Currency;

use account::CoinbaseAccount;
use auth::Login;
use feed::CoinbaseFeed;
use line::{Line, V3};
use products::Products;

/// Its name in errors and logs.
const BROKER: &str = "coinbase";
/// Buckets of its limits.
const PRIVATE: &str = "private";
const PUBLIC: &str = "public";
const V2: &str = "v2";

const OAUTH_URL: &str = "https://login.coinbase.com";
/// The word "coinbase" in a redirect URI is refused there, as is said.
const REDIRECT: &str = "http://127.0.0.1:8181/oauth/cb";
/// The least that is needed: balances, deposit addresses, orders; and to stay signed in. Nothing here sends coins.
const SCOPES: [&str; 6] = [
    "wallet:user:read",
    "wallet:accounts:read",
    "wallet:addresses:read",
    "wallet:trades:read",
    "wallet:trades:create",
    "offline_access",
];
const REST_URL: &str = "https://api.coinbase.com";
const MARKET_STREAM_URL: &str = "wss://advanced-trade-ws.coinbase.com";
const USER_STREAM_URL: &str = "wss://advanced-trade-ws-user.coinbase.com";

/// What a login needs: the key, or a token of "Sign in with Coinbase" in its place.
static FIELDS: [CredentialField; 6] = [
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
    CredentialField { name: "client_id", label: "Client id of the app", secret: false, optional: true },
    CredentialField { name: "client_secret", label: "Client secret", secret: true, optional: true },
    CredentialField { name: "redirect_uri", label: "Redirect URI", secret: false, optional: true },
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
        (PRIVATE, Limit { calls: 15, per: Duration::from_secs(1), ..Limit::USUAL }),
        (PUBLIC, Limit { calls: 5, per: Duration::from_secs(1), orders: false, ..Limit::USUAL }),
        (V2, Limit { calls: 10_000, per: Duration::from_secs(3_600), orders: false, ..Limit::USUAL }),
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
    open_over(line_to()?, settings, login)
}

/// The line for sign-ins and calls.
///
/// # Errors
/// When the system gives no TLS.
pub fn line_to() -> Result<Arc<Http>, BrokerError> {
    Http::new(BROKER, &limits()).map(Arc::new)
}

fn open_over(http: Arc<Http>, settings: &BrokerSettings, login: Login) -> Result<Arc<Line>, BrokerError> {
    let base = endpoint(settings, "base_url", REST_URL)?;
    Ok(Arc::new(Line::new(http, base, settings.option("jwt_host"), login)))
}

/// The app of "Sign in with Coinbase" in these credentials; `None` where they are a key or a token.
fn has_app(credentials: &Credentials) -> bool {
    credentials.get("client_id").is_some_and(|value| !value.expose_secret().trim().is_empty())
}

/// A sign-in with "Sign in with Coinbase": the authorization server and the trader's app; `None` where the credentials are a key or a token.
///
/// # Errors
/// `Unreachable` when an address must not be used, `Unsupported` when the redirect URI is none.
pub fn sign_in(
    settings: &BrokerSettings,
    credentials: &Credentials,
) -> Result<Option<(Provider, App)>, BrokerError> {
    if !has_app(credentials) {
        return Ok(None);
    }
    let base = endpoint(settings, "oauth_url", OAUTH_URL)?;
    let parsed = |text: String| {
        Endpoint::parse(&text).map_err(|error| BrokerError::Unreachable {
            broker: BROKER.to_owned(),
            reason: format!("oauth_url: {error}"),
        })
    };
    let provider = Provider {
        broker: BROKER,
        issuer: OAUTH_URL.to_owned(),
        authorize_url: parsed(base.at("/oauth2/auth"))?,
        token_url: parsed(base.at("/oauth2/token"))?,
        revoke_url: Some(parsed(base.at("/oauth2/revoke"))?),
        scopes: SCOPES.to_vec(),
        pkce: true,
        secret_in: SecretIn::Form,
        // A refresh token is used once, and each use begins its year and a half anew.
        login_life: None,
        ended_words: &["revoked_token", "expired_token", "invalid_token"],
    };
    let text = |name: &str| credentials.get(name).map(|value| value.expose_secret().trim().to_owned());
    let redirect = text("redirect_uri").filter(|text| !text.is_empty());
    let redirect = redirect.unwrap_or_else(|| REDIRECT.to_owned());
    let redirect = RedirectUri::parse(&redirect)
        .map_err(|error| refused_locally(format!("the redirect URI {redirect}"), &error.to_string()))?;
    let client_secret = credentials.get("client_secret").filter(|value| !value.expose_secret().is_empty());
    let app = App {
        client_id: text("client_id").unwrap_or_default(),
        client_secret: client_secret.cloned(),
        redirect,
    };
    Ok(Some((provider, app)))
}

/// How these credentials prove who asks: by a key, a token, or the sign-in that `store` keeps for `profile`.
async fn login_of(
    settings: &BrokerSettings,
    credentials: &Credentials,
    http: &Arc<Http>,
    (profile, store): (&str, Arc<dyn TokenStore>),
) -> Result<Login, BrokerError> {
    let Some((provider, app)) = sign_in(settings, credentials)? else { return Login::of(credentials) };
    let keeper = Keeper::open(Parts {
        http: Arc::clone(http),
        provider,
        app,
        binding: Binding { profile: profile.to_owned(), broker: BROKER, environment: settings.environment },
        store,
        clock: Arc::new(crate::brokers::clock::wall),
    })
    .await
    .map_err(|error| match error.needs_a_person() {
        true => unauthorized(&error.to_string()),
        false => BrokerError::Unreachable { broker: BROKER.to_owned(), reason: error.to_string() },
    })?;
    keeper.keep_fresh();
    Ok(Login::SignedIn(keeper))
}

/// Opens a line with these credentials. Nothing is asked yet: [`Connection::accounts`] does.
///
/// # Errors
/// `Unauthorized` when the credentials are none or nobody has signed in, `Unsupported` for a paper environment, which Coinbase does not have.
pub async fn connect(
    settings: &BrokerSettings,
    credentials: &Credentials,
    profile: &str,
    store: Arc<dyn TokenStore>,
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
    let http = line_to()?;
    let login = login_of(settings, credentials, &http, (profile, store)).await?;
    let line = open_over(http, settings, login)?;
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

#[async_trait]
impl Connection for Coinbase {
    fn broker(&self) -> BrokerKind {
        BrokerKind::Coinbase
    }

    fn environment(&self) -> Environment {
        self.environment
    }

    async fn accounts(&self) -> Result<Vec<AccountSummary>, BrokerError> {
        if self.line.login().is_of_person() {
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
        Ok(Arc::new(CoinbaseAccount {
            id,
            line: Arc::clone(&self.line),
            products: Arc::clone(&self.products),
            portfolio: key.to_owned(),
            currency: self.currency,
            mode: self.environment.mode(),
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
