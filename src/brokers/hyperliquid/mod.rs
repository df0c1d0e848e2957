//! Hyperliquid: perpetuals and spot on HyperCore, with an agent's key. Reads go to `/info`, signed actions to `/exchange`, streams to `/ws`.
//! Never: moving money off the account.

mod account;
pub mod actions;
mod agents;
mod budget;
mod cancels;
mod connection;
mod errors;
mod extras;
mod feed;
mod fees;
mod figures;
#[cfg(test)]
mod fuzzed;
mod mapping;
mod market_stream;
mod movements;
pub mod numbers;
mod reads;
mod replaces;
mod sent;
pub mod signing;
pub mod twaps;
mod universe;
mod user_stream;
mod venue;
mod wire;

use std::sync::Arc;

use rust_decimal::Decimal;

pub use account::HyperliquidAccount;
pub use agents::approve_agent;
pub use connection::Hyperliquid;

use super::endpoint::{Endpoint, EndpointError};
use super::limiter::SharedLimits;
use super::settings::CredentialField;
use super::{BrokerError, BrokerSettings, Connection, Credentials, Environment, MarketFeed};
use signing::{Address, Network};

/// Its name in errors and logs.
const NAME: &str = "hyperliquid";

/// How far beyond the best opposite price a market order may fill, in per cent, where the setting says nothing.
const SLIPPAGE: Decimal = Decimal::from_parts(5, 0, 0, false, 1);
/// The most that the setting may say.
const SLIPPAGE_MAX: Decimal = Decimal::TEN;
/// So long after an account was opened nothing is asked for that can wait: what a start needs weighs much of what may be read in a minute.
const STARTING: std::time::Duration = std::time::Duration::from_secs(30);
/// Builder-deployed dexes that one profile looks at: each costs calls of its own.
const DEXS_MAX: usize = 8;

/// What a login needs.
#[must_use]
pub const fn fields() -> &'static [CredentialField] {
    const FIELDS: &[CredentialField] = &[CredentialField {
        name: "private_key",
        label: "private key of an API wallet (agent), 0x and 64 digits",
        secret: true,
        optional: false,
    }];
    FIELDS
}

/// How the venue is reached and looked at: `base_url`, `stream_url`; options `network` (`mainnet`, `testnet`), `account_address`,
/// `vault_address`, `dexs` (names with commas), `slippage_percent`, `schedule_cancel` (`true`).
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) base: Endpoint,
    pub(crate) stream: Endpoint,
    pub(crate) environment: Environment,
    pub(crate) network: Network,
    pub(crate) account: Option<Address>,
    pub(crate) vault: Option<Address>,
    /// The main one, `""`, first.
    pub(crate) dexs: Vec<String>,
    /// A part of one, such as 0.005.
    pub(crate) slippage: Decimal,
    /// Everything is canceled when we are not heard of for a minute.
    pub(crate) schedule_cancel: bool,
    /// Where the weight of all lines to the venue is counted.
    pub(crate) limits: SharedLimits,
}

/// A setting that cannot be used.
fn wrong(what: String, allowed: &str) -> BrokerError {
    BrokerError::Unsupported { broker: NAME.to_owned(), what, allowed: allowed.to_owned() }
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// `Unsupported` that names the setting and what it may be.
    pub(crate) fn read(settings: &BrokerSettings) -> Result<Self, BrokerError> {
        let environment = settings.environment;
        let (base, stream, own) = match environment {
            Environment::Live => {
                ("https://api.hyperliquid.xyz", "wss://api.hyperliquid.xyz/ws", Network::Mainnet)
            }
            Environment::Paper => (
                "https://api.hyperliquid-testnet.xyz",
                "wss://api.hyperliquid-testnet.xyz/ws",
                Network::Testnet,
            ),
        };
        let url = |name: &str, own: &str| {
            let named = |error: EndpointError| wrong(format!("{name} {error}"), "an address as said");
            settings.url(name, own).map_err(named)
        };
        let network = match settings.option("network") {
            None => own,
            Some("mainnet") => Network::Mainnet,
            Some("testnet") => Network::Testnet,
            Some(other) => return Err(wrong(format!("network '{other}'"), "mainnet or testnet")),
        };
        let address = |name: &str| {
            let text = settings.option(name).filter(|text| !text.is_empty());
            text.map(|text| {
                text.parse::<Address>().map_err(|error| wrong(format!("{name} {error}"), "an address"))
            })
            .transpose()
        };
        Ok(Self {
            limits: settings.limits.clone(),
            base: url("base_url", base)?,
            stream: url("stream_url", stream)?,
            environment,
            network,
            account: address("account_address")?,
            vault: address("vault_address")?,
            dexs: dexs(settings.option("dexs").unwrap_or_default())?,
            slippage: slippage(settings.option("slippage_percent"))?,
            schedule_cancel: match settings.option("schedule_cancel") {
                None | Some("false" | "off") => false,
                Some("true" | "on") => true,
                Some(other) => return Err(wrong(format!("schedule_cancel '{other}'"), "true or false")),
            },
        })
    }
}

/// The main dex, and those that are named.
fn dexs(text: &str) -> Result<Vec<String>, BrokerError> {
    let mut dexs = vec![String::new()];
    for name in text.split([',', ' ']).filter(|name| !name.is_empty()) {
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) || name.len() > 10 {
            return Err(wrong(format!("dexs '{name}'"), "names such as xyz, with commas"));
        }
        if !dexs.iter().any(|known| known == name) {
            dexs.push(name.to_owned());
        }
    }
    if dexs.len() > DEXS_MAX + 1 {
        return Err(wrong(format!("{} dexs", dexs.len() - 1), &format!("at most {DEXS_MAX}")));
    }
    Ok(dexs)
}

fn slippage(text: Option<&str>) -> Result<Decimal, BrokerError> {
    let percent = match text {
        None => SLIPPAGE,
        Some(text) => crate::domain::money::parse_decimal(text)
            .ok()
            .filter(|percent| *percent > Decimal::ZERO && *percent <= SLIPPAGE_MAX)
            .ok_or_else(|| wrong(format!("slippage_percent '{text}'"), "more than 0 and at most 10"))?,
    };
    Ok(percent / Decimal::ONE_HUNDRED)
}

/// Builds a login: reads settings and key, and sends nothing. [`Connection::accounts`] verifies it.
///
/// # Errors
/// `Unsupported` for settings, `Unauthorized` for a key that is none.
#[allow(clippy::unused_async, reason = "every broker's connect is async; some have to ask")]
pub async fn connect(
    settings: &BrokerSettings,
    credentials: &Credentials,
) -> Result<Arc<dyn Connection>, BrokerError> {
    Ok(Arc::new(Hyperliquid::new(settings, credentials)?))
}

/// Prices without a key.
///
/// # Errors
/// `Unsupported` for settings.
pub fn public_feed(settings: &BrokerSettings) -> Result<Arc<dyn MarketFeed>, BrokerError> {
    let venue = Arc::new(venue::Venue::new(Settings::read(settings)?)?);
    Ok(Arc::new(feed::Feed::new(venue)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_say_what_they_may_be() {
        let plain = BrokerSettings::new(Environment::Live);
        let read = Settings::read(&plain).unwrap();
        assert_eq!(read.base.at("/info"), "https://api.hyperliquid.xyz/info");
        assert_eq!((read.network, read.slippage.to_string().as_str()), (Network::Mainnet, "0.005"));
        assert_eq!(read.dexs, [""]);
        let test = Settings::read(&BrokerSettings::new(Environment::Paper)).unwrap();
        assert_eq!(test.stream.to_string(), "wss://api.hyperliquid-testnet.xyz/ws");
        assert_eq!(test.network, Network::Testnet);
        for (name, value, said) in [
            ("network", "devnet", "network 'devnet'; it takes mainnet or testnet"),
            ("account_address", "0x12", "'0x12' is no address"),
            ("dexs", "a,b!", "dexs 'b!'"),
            ("dexs", "a,b,c,d,e,f,g,h,i", "9 dexs; it takes at most 8"),
            ("slippage_percent", "11", "more than 0 and at most 10"),
            ("slippage_percent", "0", "more than 0 and at most 10"),
            ("schedule_cancel", "perhaps", "true or false"),
        ] {
            let mut settings = plain.clone();
            settings.options.insert(name.to_owned(), value.to_owned());
            let error = Settings::read(&settings).unwrap_err().to_string();
            assert!(error.contains(said), "{name} {value}: {error}");
        }
        let mut settings = plain;
        settings.urls.insert("base_url".to_owned(), "http://example.com".to_owned());
        assert!(Settings::read(&settings).unwrap_err().to_string().contains("base_url"));
    }
}
