//! CoinGecko: prices of coins, averaged over exchanges and some minutes old. For showing and for converting balances, never the basis of an
//! order. Reads only.

mod coins;
mod feed;
mod line;
mod names;
mod prices;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::{Health, Http};
use crate::brokers::limiter::Limit;
use crate::brokers::settings::CredentialField;
use crate::brokers::{
    AccountSummary, Broker, BrokerError, BrokerKind, BrokerSettings, Connection, Credentials, Environment,
    MarketFeed,
};
use crate::domain::ids::AccountId;

pub use names::Shelf;
pub use prices::{CoinPrice, CoinPrices, Conversion};

/// Its name in errors and logs.
const BROKER: &str = "coingecko";
/// The one bucket of its limits.
const BUCKET: &str = "calls";
/// What is shown where its data stands, as its terms ask.
pub const ATTRIBUTION: &str = "Data by CoinGecko";

static FIELDS: [CredentialField; 1] = [CredentialField {
    name: "api_key",
    label: "API key (CG-...; none is needed)",
    secret: true,
    optional: true,
}];

/// What a person gives to connect.
#[must_use]
pub const fn fields() -> &'static [CredentialField] {
    &FIELDS
}

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// No key: shared with the neighbours of one's address.
    None,
    /// A free key.
    Demo,
    /// A paid one.
    Pro,
}

impl Plan {
    const fn base_url(self) -> &'static str {
        match self {
            Self::None | Self::Demo => "https://api.coingecko.com/api/v3",
            Self::Pro => "https://pro-api.coingecko.com/api/v3",
        }
    }

    const fn header(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Demo => Some("x-cg-demo-api-key"),
            Self::Pro => Some("x-cg-pro-api-key"),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "no key",
            Self::Demo => "demo",
            Self::Pro => "pro",
        }
    }

    const fn limit(self) -> Limit {
        let calls = match self {
            Self::None => 10,
            Self::Demo => 30,
            Self::Pro => 250,
        };
        let minute = Duration::from_secs(60);
        Limit { calls, per: minute, burst: None, orders: false, silence: (minute, minute) }
    }

    /// How long a price is kept: it changes no sooner there.
    const fn fresh(self) -> Duration {
        match self {
            Self::None | Self::Demo => Duration::from_secs(60),
            Self::Pro => Duration::from_secs(20),
        }
    }
}

fn refused_locally(what: String, allowed: &str) -> BrokerError {
    BrokerError::Unsupported { broker: BROKER.to_owned(), what, allowed: allowed.to_owned() }
}

/// Prices with these settings and credentials, which may be none: `plan = "none" | "demo" | "pro"`, `coins = "FOO=foo-coin, ..."`. Nothing that is
/// found out is kept.
///
/// # Errors
/// As [`prices_kept`].
pub fn prices(settings: &BrokerSettings, credentials: &Credentials) -> Result<Arc<CoinPrices>, BrokerError> {
    prices_kept(settings, credentials, None)
}

/// The same; what symbols are found to mean lies on the shelf.
///
/// # Errors
/// `Unsupported` for another plan or a word of `coins` that is none, `Unauthorized` for a plan that needs a key and has none.
pub fn prices_kept(
    settings: &BrokerSettings,
    credentials: &Credentials,
    shelf: Option<Arc<dyn Shelf>>,
) -> Result<Arc<CoinPrices>, BrokerError> {
    let key = credentials.get("api_key").cloned();
    let plan = match (settings.option("plan"), &key) {
        (Some("none"), _) | (None, None) => Plan::None,
        (Some("demo"), _) | (None, Some(_)) => Plan::Demo,
        (Some("pro"), _) => Plan::Pro,
        (Some(other), _) => return Err(refused_locally(format!("plan = {other:?}"), "none, demo and pro")),
    };
    if plan != Plan::None && key.is_none() {
        return Err(BrokerError::Unauthorized {
            broker: BROKER.to_owned(),
            reason: format!("plan {} needs api_key", plan.as_str()),
        });
    }
    let own = coins::own_words(settings.option("coins").unwrap_or_default())
        .map_err(|part| refused_locally(format!("coins = {part:?}"), "FOO=foo-coin, BAR=base:0x..."))?;
    let base: Endpoint = settings.url("base_url", plan.base_url()).map_err(|error| {
        BrokerError::Unreachable { broker: BROKER.to_owned(), reason: format!("base_url: {error}") }
    })?;
    let http = Http::new(BROKER, &[(BUCKET, plan.limit())])?;
    let line = line::Line { http, base, plan, key: key.filter(|_| plan != Plan::None) };
    Ok(Arc::new(CoinPrices::new(line, own, shelf)))
}

/// Opens a line. Nothing is asked yet: [`Connection::accounts`] does.
///
/// # Errors
/// As [`prices()`].
#[allow(clippy::unused_async, reason = "every broker is connected in the same way")]
pub async fn connect(
    settings: &BrokerSettings,
    credentials: &Credentials,
) -> Result<Arc<dyn Connection>, BrokerError> {
    Ok(Arc::new(Coingecko { prices: prices(settings, credentials)?, environment: settings.environment }))
}

struct Coingecko {
    prices: Arc<CoinPrices>,
    environment: Environment,
}

#[derive(Deserialize)]
struct Ping {
    #[serde(rename = "gecko_says")]
    _says: String,
}

#[derive(Deserialize)]
struct KeyState {
    #[serde(default)]
    plan: Option<String>,
    #[serde(default)]
    current_remaining_monthly_calls: Option<u64>,
}

#[async_trait]
impl Connection for Coingecko {
    fn broker(&self) -> BrokerKind {
        BrokerKind::Coingecko
    }

    fn environment(&self) -> Environment {
        self.environment
    }

    async fn accounts(&self) -> Result<Vec<AccountSummary>, BrokerError> {
        let line = self.prices.line();
        line.get::<Ping>(line::Line::read("ping"), "/ping", &[]).await?;
        let mut kind = format!("prices, {}", line.plan.as_str());
        if line.plan == Plan::Pro {
            let state: KeyState = line.get(line::Line::read("key"), "/key", &[]).await?;
            if let Some(left) = state.current_remaining_monthly_calls {
                let plan = state.plan.map_or_else(|| "pro".to_owned(), |plan| plan.to_lowercase());
                kind = format!("prices, {plan}, {left} calls left this month");
            }
        }
        Ok(vec![AccountSummary {
            key: "prices".to_owned(),
            last_four: String::new(),
            kind: crate::domain::text::clean(&kind).into_owned(),
            trading: Err("it has prices alone".to_owned()),
        }])
    }

    async fn account(&self, _key: &str, _id: AccountId) -> Result<Arc<dyn Broker>, BrokerError> {
        Err(refused_locally("orders".to_owned(), "questions about prices"))
    }

    fn feed(&self) -> Option<Arc<dyn MarketFeed>> {
        Some(Arc::<CoinPrices>::clone(&self.prices))
    }

    fn health(&self) -> Health {
        self.prices.line().http.health()
    }
}
