//! Charles Schwab's Trader API for individuals: shares, funds and options of one login's accounts, prices, chains and the streamer. There is no
//! paper environment: every order is real. Never: where tokens are kept, the browser.

mod account;
pub mod data_wire;
mod days;
mod errors;
mod fees;
mod follow;
#[cfg(test)]
mod fuzzed;
mod known;
pub mod market;
mod messages;
mod movements;
mod report;
mod rest;
mod streamer;
mod symbols;
mod terms;
pub mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use self::account::SchwabAccount;
use self::market::SchwabFeed;
use self::rest::{READS, Rest, unreadable};
use self::streamer::Streamer;
use super::endpoint::EndpointError;
use super::http::{Call, Health, Http};
use super::limiter::Limit;
use super::oauth::keeper::{Keeper, Parts, TokenStore};
use super::oauth::{App, Binding, OauthError, Provider, RedirectUri, SecretIn};
use super::settings::CredentialField;
use super::{
    AccountSummary, Broker, BrokerError, BrokerKind, BrokerSettings, Connection, Credentials, Environment,
    MarketFeed, last_four,
};
use crate::domain::calendar::SaidDay;
use crate::domain::ids::AccountId;

/// Its name.
const NAME: &str = "schwab";
/// Where its APIs are.
const OWN: &str = "https://api.schwabapi.com";
/// The redirect URI that the sheet recommends.
const REDIRECT: &str = "https://127.0.0.1:8182";
/// A login ends this long after a person signed in, whatever is refreshed.
const LOGIN_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
const MINUTE: Duration = Duration::from_secs(60);
/// It never says for how long it wants peace: 1, 2, 4 … 60 s.
const SILENCE: (Duration, Duration) = (Duration::from_secs(1), MINUTE);
/// Orders: 120 a minute at most. Reads have no published limit; ten at once and two a second are safe (§12 of the sheet).
const LIMITS: [(&str, Limit); 2] = [
    (READS, Limit { calls: 120, per: MINUTE, burst: Some(10), orders: false, silence: SILENCE }),
    (rest::ORDERS, Limit { calls: 100, per: MINUTE, burst: None, orders: true, silence: SILENCE }),
];
const ACCOUNT_NUMBERS: Call = Call::read("accountNumbers", READS);
const ACCOUNTS: Call = Call::read("accounts", READS);

/// What a person gives to connect; the rest is a sign-in in the browser.
#[must_use]
pub const fn fields() -> &'static [CredentialField] {
    &[
        CredentialField { name: "app_key", label: "App Key", secret: false, optional: false },
        CredentialField { name: "app_secret", label: "Secret", secret: true, optional: false },
        CredentialField { name: "redirect_uri", label: "Callback URL", secret: false, optional: true },
    ]
}

fn wrong_address(error: EndpointError) -> BrokerError {
    BrokerError::Unreachable { broker: NAME.to_owned(), reason: error.to_string() }
}

/// Schwab's authorization server.
///
/// # Errors
/// When an address that stands in for its own must not be used.
pub fn provider(settings: &BrokerSettings) -> Result<Provider, BrokerError> {
    let base = settings.url("base_url", OWN).map_err(wrong_address)?;
    let at = |name: &str, path: &str| settings.url(name, &base.at(path)).map_err(wrong_address);
    Ok(Provider {
        broker: NAME,
        issuer: OWN.to_owned(),
        authorize_url: at("authorize_url", "/v1/oauth/authorize")?,
        token_url: at("token_url", "/v1/oauth/token")?,
        // None is documented: unlinking is done on schwab.com.
        revoke_url: None,
        scopes: Vec::new(),
        // It is not documented either: the client's secret protects the code.
        pkce: false,
        secret_in: SecretIn::Header,
        login_life: Some(LOGIN_LIFE),
        ended_words: &["unsupported_token_type", "refresh_token_authentication_error"],
    })
}

/// The app that a trader registered.
///
/// # Errors
/// `Unauthorized` when a credential is missing, `Unsupported` when the redirect URI is none.
pub fn app(credentials: &Credentials) -> Result<App, BrokerError> {
    use secrecy::ExposeSecret;
    let get = |name: &str| {
        credentials.get(name).filter(|value| !value.expose_secret().is_empty()).ok_or_else(|| {
            BrokerError::Unauthorized {
                broker: NAME.to_owned(),
                reason: format!("{name} is missing; arbion connect schwab"),
            }
        })
    };
    let redirect = credentials.get("redirect_uri").map_or(REDIRECT, |value| value.expose_secret());
    let redirect = if redirect.is_empty() { REDIRECT } else { redirect };
    let redirect = RedirectUri::parse(redirect).map_err(|error| BrokerError::Unsupported {
        broker: NAME.to_owned(),
        what: format!("the redirect URI {redirect}"),
        allowed: error.to_string(),
    })?;
    Ok(App {
        client_id: get("app_key")?.expose_secret().to_owned(),
        client_secret: Some(get("app_secret")?.clone()),
        redirect,
    })
}

/// The line for sign-ins and calls.
///
/// # Errors
/// When the system gives no TLS.
pub fn line() -> Result<Arc<Http>, BrokerError> {
    Http::new(NAME, &LIMITS).map(Arc::new)
}

/// Opens the login that `store` keeps for `profile`. Nothing is sent yet: [`Connection::accounts`] verifies.
///
/// # Errors
/// `Unauthorized` when nobody has signed in, or a credential is missing; `Unsupported` for paper.
pub async fn connect(
    settings: &BrokerSettings,
    credentials: &Credentials,
    profile: &str,
    store: Arc<dyn TokenStore>,
) -> Result<Arc<dyn Connection>, BrokerError> {
    Ok(Arc::new(open(settings, credentials, profile, store).await?))
}

/// The same, for what only this broker has.
///
/// # Errors
/// As [`connect`].
pub async fn open(
    settings: &BrokerSettings,
    credentials: &Credentials,
    profile: &str,
    store: Arc<dyn TokenStore>,
) -> Result<SchwabConnection, BrokerError> {
    if settings.environment == Environment::Paper {
        return Err(BrokerError::Unsupported {
            broker: NAME.to_owned(),
            what: "a paper environment".to_owned(),
            allowed: "live accounts; arbion's own paper account needs no login".to_owned(),
        });
    }
    let base = settings.url("base_url", OWN).map_err(wrong_address)?;
    let trader = settings.url("trader_url", &base.at("/trader/v1")).map_err(wrong_address)?;
    let data = settings.url("data_url", &base.at("/marketdata/v1")).map_err(wrong_address)?;
    let http = line()?;
    let keeper = Keeper::open(Parts {
        http: Arc::clone(&http),
        provider: provider(settings)?,
        app: app(credentials)?,
        binding: Binding { profile: profile.to_owned(), broker: NAME, environment: settings.environment },
        store,
        clock: Arc::new(super::clock::wall),
    })
    .await
    .map_err(|error: OauthError| match error.needs_a_person() {
        true => BrokerError::Unauthorized { broker: NAME.to_owned(), reason: error.to_string() },
        false => BrokerError::Unreachable { broker: NAME.to_owned(), reason: error.to_string() },
    })?;
    keeper.keep_fresh();
    let options_level = settings.option("options_level").and_then(|text| text.parse().ok());
    let rest = Arc::new(Rest { http, keeper, trader, data, no_prices: Mutex::default() });
    let streamer = Arc::new(Streamer::new(Arc::clone(&rest)));
    Ok(SchwabConnection { rest, streamer, environment: settings.environment, options_level })
}

/// One login.
pub struct SchwabConnection {
    rest: Arc<Rest>,
    streamer: Arc<Streamer>,
    environment: Environment,
    options_level: Option<u8>,
}

impl SchwabConnection {
    /// Its prices, with what no other broker has: movers and market hours.
    #[must_use]
    pub fn prices(&self) -> SchwabFeed {
        SchwabFeed { rest: Arc::clone(&self.rest), streamer: Arc::clone(&self.streamer) }
    }

    /// How the login stands and how long it lasts.
    #[must_use]
    pub fn keeper(&self) -> &Keeper {
        &self.rest.keeper
    }

    /// What moved in an account between two instants at most a year apart: trades, dividends, interest, transfers; of these kinds.
    ///
    /// # Errors
    /// As a read.
    pub async fn transactions(
        &self,
        key: &str,
        from: Timestamp,
        to: Timestamp,
        kinds: &[&str],
    ) -> Result<Vec<wire::Transaction>, BrokerError> {
        fees::transactions(&self.rest, key, from, to, kinds).await
    }
}

/// The accounts of a login with their hashes.
async fn numbers(rest: &Rest) -> Result<Vec<wire::AccountNumber>, BrokerError> {
    let answer = rest.get(ACCOUNT_NUMBERS, &rest.trader.at(rest::NUMBERS_PATH)).await?;
    if answer.body.trim_ascii_start().starts_with(b"{") {
        return Ok(answer.json::<wire::WrappedNumbers>()?.accounts);
    }
    answer.json()
}

#[async_trait]
impl Connection for SchwabConnection {
    fn broker(&self) -> BrokerKind {
        BrokerKind::Schwab
    }

    fn environment(&self) -> Environment {
        self.environment
    }

    async fn accounts(&self) -> Result<Vec<AccountSummary>, BrokerError> {
        let numbers = numbers(&self.rest).await?;
        let answer = self.rest.get(ACCOUNTS, &self.rest.trader.at("/accounts")).await?;
        let entries: Vec<wire::AccountEntry> = answer.json()?;
        let summary = |entry: wire::AccountEntry| {
            let account = entry.securities_account;
            let hash = numbers.iter().find(|number| number.account_number == account.account_number);
            let key = hash?.hash_value.clone();
            let last_four = last_four(&account.account_number);
            let trading = if account.is_closing_only_restricted {
                Err("Schwab allows closing orders only".to_owned())
            } else {
                Ok(())
            };
            Some(AccountSummary { key, last_four, kind: account.kind.to_lowercase(), trading })
        };
        let found: Vec<AccountSummary> = entries.into_iter().filter_map(summary).collect();
        if found.is_empty() {
            return Err(unreadable("accounts", "no account was shared; sign in again and tick one"));
        }
        Ok(found)
    }

    async fn account(&self, key: &str, id: AccountId) -> Result<Arc<dyn Broker>, BrokerError> {
        let numbers = numbers(&self.rest).await?;
        let number = numbers.into_iter().find(|number| number.hash_value == key);
        let number = number.ok_or_else(|| BrokerError::NotFound {
            broker: NAME.to_owned(),
            what: "such an account for this login".to_owned(),
        })?;
        let account = SchwabAccount::open(
            Arc::clone(&self.rest),
            Arc::clone(&self.streamer),
            number,
            id,
            self.options_level,
        )
        .await?;
        Ok(Arc::new(account))
    }

    async fn calendar(&self, from: Date, until: Date) -> Result<Option<Vec<SaidDay>>, BrokerError> {
        self.prices().days(from, until).await.map(Some)
    }

    fn feed(&self) -> Option<Arc<dyn MarketFeed>> {
        Some(Arc::new(self.prices()))
    }

    fn health(&self) -> Health {
        self.rest.http.health()
    }
}
