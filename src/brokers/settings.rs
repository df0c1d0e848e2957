//! What a login is made of: which broker and environment, where it is reached, and the credentials, which are never shown.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;

use super::endpoint::{Endpoint, EndpointError};
use super::limiter::SharedLimits;
use crate::domain::account::AccountMode;

/// The brokers and services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrokerKind {
    /// Alpaca: equities, options, crypto.
    Alpaca,
    /// Charles Schwab: equities, options.
    Schwab,
    /// Coinbase Advanced Trade: crypto.
    Coinbase,
    /// Hyperliquid: perpetuals and spot.
    Hyperliquid,
    /// CoinGecko: prices of coins.
    Coingecko,
}

impl BrokerKind {
    /// All of them, by name.
    pub const ALL: [Self; 5] =
        [Self::Alpaca, Self::Coinbase, Self::Coingecko, Self::Hyperliquid, Self::Schwab];

    /// Are there accounts behind a login, or prices alone.
    #[must_use]
    pub const fn has_accounts(self) -> bool {
        !matches!(self, Self::Coingecko)
    }

    /// Has a login there news: what its feed answers to `news`.
    #[must_use]
    pub const fn has_news(self) -> bool {
        matches!(self, Self::Alpaca)
    }

    /// The word in commands, configuration and vault.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alpaca => "alpaca",
            Self::Schwab => "schwab",
            Self::Coinbase => "coinbase",
            Self::Hyperliquid => "hyperliquid",
            Self::Coingecko => "coingecko",
        }
    }
}

impl fmt::Display for BrokerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no broker (alpaca, coinbase, coingecko, hyperliquid, schwab)")]
pub struct BrokerKindError {
    /// The word.
    pub text: String,
}

impl FromStr for BrokerKind {
    type Err = BrokerKindError;
    fn from_str(text: &str) -> Result<Self, BrokerKindError> {
        let wanted = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == wanted)
            .ok_or_else(|| BrokerKindError { text: text.chars().take(40).collect() })
    }
}

/// Real money or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// The broker's own paper, sandbox or test network.
    Paper,
    /// Real money.
    Live,
}

impl Environment {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Live => "live",
        }
    }

    /// What an account of it trades with.
    #[must_use]
    pub const fn mode(self) -> AccountMode {
        match self {
            Self::Paper => AccountMode::Paper,
            Self::Live => AccountMode::Live,
        }
    }
}

/// Secrets of a login by name, such as `key_id` and `secret_key`. `Debug` shows the names alone; the bytes are wiped when it goes.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, SecretString>);

impl Credentials {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: SecretString) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One thing that a login needs and a person gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialField {
    /// Its name in the vault, such as `secret_key`.
    pub name: &'static str,
    /// What the person is asked for.
    pub label: &'static str,
    /// May it be shown while it is typed.
    pub secret: bool,
    /// May it be left out.
    pub optional: bool,
}

/// How a broker is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Real money or not.
    pub environment: Environment,
    /// Addresses that stand in for the broker's own, by name: `base_url`, `data_url`, `stream_url`, `data_stream_url`, `token_url`, ....
    pub urls: BTreeMap<String, String>,
    /// Further options of the broker's section, as text, such as `feed = "iex"`.
    pub options: BTreeMap<String, String>,
    /// Where limits are counted that lines have in common.
    pub limits: SharedLimits,
}

impl BrokerSettings {
    /// The broker's own addresses.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment, urls: BTreeMap::new(), options: BTreeMap::new(), limits: SharedLimits::default() }
    }

    /// An address: the one that is set, else the broker's own.
    ///
    /// # Errors
    /// When the one that is set must not be used.
    pub fn url(&self, name: &str, own: &str) -> Result<Endpoint, EndpointError> {
        Endpoint::parse(self.urls.get(name).map_or(own, String::as_str))
    }

    /// An option's text.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn y1_credentials_show_their_names_alone() {
        let credentials =
            Credentials::new().with("key_id", "PKTEST".into()).with("secret_key", "hunter2".into());
        assert_eq!(format!("{credentials:?}"), r#"{"key_id", "secret_key"}"#);
        assert_eq!(credentials.names().count(), 2);
    }

    #[test]
    fn brokers_are_read_from_the_words_they_are_written_as() {
        for kind in BrokerKind::ALL {
            assert_eq!(kind.as_str().parse::<BrokerKind>(), Ok(kind));
        }
        assert_eq!(
            "etrad".parse::<BrokerKind>().unwrap_err().to_string(),
            "'etrad' is no broker (alpaca, coinbase, coingecko, hyperliquid, schwab)"
        );
    }
}
