//! Alpaca: shares, options and crypto over its Trading API v2 and Market Data API v2, paper and live. A pair of keys is one account. What
//! crosses the wire is in `wire`, `prices` and `order`, what it means in `report` and `errors`, what is refused before it is sent in `takes`.
//! Never: another broker, the journal, risk.

mod account;
mod days;
mod errors;
mod extras;
mod feed;
#[cfg(test)]
mod fuzzed;
mod ids;
mod known;
mod movements;
mod movers;
mod news;
mod order;
mod prices;
mod report;
mod rest;
mod stream;
mod takes;
mod terms;
pub mod ticks;
mod trades;
mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;

use super::http::{Call, Health, Http};
use super::limiter::Limit;
use super::settings::CredentialField;
use super::{
    AccountSummary, Broker, BrokerError, BrokerKind, BrokerSettings, Connection, Credentials, Environment,
    MarketFeed, last_four,
};
use crate::domain::calendar::SaidDay;
use crate::domain::capabilities::{Capabilities, NativeStop};
use crate::domain::ids::AccountId;
use crate::domain::instrument::AssetClass;
use crate::domain::order::{OrderType, TimeInForce};
use account::AlpacaAccount;
use feed::{AlpacaFeed, Sources};
use rest::{DATA, Login, Places, Rest, TRADING};

/// Its name in errors and logs.
const NAME: &str = "alpaca";
/// Published limit of the trading calls, and of the data calls of a free plan. A larger plan says so in its headers, and is not used up.
const CALLS_A_MINUTE: u32 = 200;

const VERIFY: Call = Call::read("account", TRADING);
const CALENDAR: Call = Call::read("calendar", TRADING);

/// What a person gives for a login: the pair of keys of a paper or live account.
#[must_use]
pub const fn fields() -> &'static [CredentialField] {
    &[
        CredentialField { name: "key_id", label: "API key id", secret: false, optional: false },
        CredentialField { name: "secret_key", label: "API secret key", secret: true, optional: false },
    ]
}

/// The broker's limits, by bucket.
#[must_use]
pub const fn limits() -> [(&'static str, Limit); 2] {
    let limit = Limit { calls: CALLS_A_MINUTE, per: Duration::from_secs(60), ..Limit::USUAL };
    [(TRADING, limit), (DATA, Limit { orders: false, ..limit })]
}

/// Makes the line of a login. Nothing is asked yet: [`Connection::accounts`] tells whether the keys are good. In place of the keys there may be
/// an `access_token` of a sign-in.
///
/// # Errors
/// When keys are missing, an address must not be used, or there is no TLS.
#[allow(clippy::unused_async, reason = "every broker's line is made so; others ask for a token first")]
pub async fn connect(
    settings: &BrokerSettings,
    credentials: &Credentials,
) -> Result<Arc<dyn Connection>, BrokerError> {
    let rest = Rest {
        http: Arc::new(Http::new(NAME, &limits())?),
        places: Places::of(settings)?,
        login: Login::of(credentials)?,
    };
    let sources = Arc::new(Sources::new(settings.option("feed"), settings.option("options_feed")));
    let feed = Arc::new(AlpacaFeed::new(rest.clone(), sources));
    Ok(Arc::new(Alpaca { environment: settings.environment, rest, feed }))
}

/// A login.
struct Alpaca {
    environment: Environment,
    rest: Rest,
    feed: Arc<AlpacaFeed>,
}

impl Alpaca {
    async fn ask(&self) -> Result<wire::Account, BrokerError> {
        self.rest.get(VERIFY, "/v2/account", &[]).await
    }
}

/// What is in the way of trading, if anything is.
fn trading(account: &wire::Account) -> Result<(), String> {
    if account.account_blocked {
        return Err("the account is blocked".to_owned());
    }
    if account.trading_blocked {
        return Err("trading is blocked".to_owned());
    }
    if account.trade_suspended_by_user {
        return Err("trading is suspended in the account's settings".to_owned());
    }
    match account.status.as_str() {
        "ACTIVE" => Ok(()),
        other => Err(format!("the account is {}", crate::domain::text::clean(other))),
    }
}

/// What an account can do, by its own word.
fn capabilities(account: &wire::Account) -> Capabilities {
    let level = account.options_trading_level.unwrap_or_default();
    let crypto = account.crypto_status.as_deref() == Some("ACTIVE");
    let mut asset_classes = vec![AssetClass::Equity];
    asset_classes.extend((level > 0).then_some(AssetClass::Option));
    asset_classes.extend(crypto.then_some(AssetClass::Crypto));
    let mut times_in_force = Capabilities::us_broker(Vec::new()).times_in_force;
    times_in_force.push(TimeInForce::Opg);
    let option_stop = NativeStop {
        asset_class: AssetClass::Option,
        order_type: OrderType::Stop,
        time_in_force: TimeInForce::Day,
    };
    Capabilities {
        times_in_force,
        fractional: true,
        multi_leg: level >= 3,
        short_sales: account.shorting_enabled,
        notional: true,
        corporate_actions: true,
        // Stops on options work for the day; those on shares until canceled.
        native_stops: [Capabilities::stops_of(&[AssetClass::Equity], true), vec![option_stop]].concat(),
        ..Capabilities::us_broker(asset_classes)
    }
}

#[async_trait]
impl Connection for Alpaca {
    fn broker(&self) -> BrokerKind {
        BrokerKind::Alpaca
    }

    fn environment(&self) -> Environment {
        self.environment
    }

    async fn accounts(&self) -> Result<Vec<AccountSummary>, BrokerError> {
        let account = self.ask().await?;
        let number = account.account_number.as_str();
        let cash = account.multiplier.is_some_and(|multiplier| multiplier <= rust_decimal::Decimal::ONE);
        Ok(vec![AccountSummary {
            key: number.to_owned(),
            last_four: last_four(number),
            kind: if cash { "cash" } else { "margin" }.to_owned(),
            trading: trading(&account),
        }])
    }

    async fn account(&self, key: &str, id: AccountId) -> Result<Arc<dyn Broker>, BrokerError> {
        let account = self.ask().await?;
        if account.account_number != key {
            let what = "such an account behind these keys".to_owned();
            return Err(BrokerError::NotFound { broker: NAME.to_owned(), what });
        }
        Ok(Arc::new(AlpacaAccount {
            rest: self.rest.clone(),
            id,
            mode: self.environment.mode(),
            capabilities: capabilities(&account),
            known: known::Known::default(),
            specs: Mutex::default(),
        }))
    }

    async fn calendar(&self, from: Date, until: Date) -> Result<Option<Vec<SaidDay>>, BrokerError> {
        let range = [("start", from.to_string()), ("end", until.to_string())];
        let rows: Vec<wire::CalendarDay> = self.rest.get(CALENDAR, "/v2/calendar", &range).await?;
        Ok(Some(days::said(&rows, from, until)?))
    }

    fn feed(&self) -> Option<Arc<dyn MarketFeed>> {
        Some(Arc::clone(&self.feed) as Arc<dyn MarketFeed>)
    }

    fn health(&self) -> Health {
        self.rest.http.health()
    }
}
