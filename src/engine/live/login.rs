//! A login as the profile remembers it: what the database holds (no secret, no whole account number) and what the vault seals.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::brokers::{
    BrokerError, BrokerKind, BrokerSettings, Connection, Credentials, Environment, registry,
};
use crate::client::secret::Secret;
use crate::config::BrokerSection;
use crate::core::input::AccountSetup;
use crate::domain::account::Account;
use crate::domain::ids::AccountId;
use crate::domain::limits::RiskLimits;
use crate::domain::login::Login;
use crate::store::{Store, StoreError};

/// Key of the state table.
pub(super) const LOGINS: &str = "logins";
/// The account that plain commands mean, where it is not the paper account.
pub(super) const DEFAULT: &str = "default_account";

/// Which login: a broker and one of its environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginKey {
    /// The broker.
    pub broker: BrokerKind,
    /// Its environment.
    pub environment: Environment,
}

impl LoginKey {
    /// Name of its item in the vault, such as `broker.alpaca.paper`.
    #[must_use]
    pub fn secret_name(self) -> String {
        format!("broker.{}.{}", self.broker, self.environment.as_str())
    }

    /// Name of its tokens in the vault, where a person signs in by the browser.
    #[must_use]
    pub fn tokens_name(self) -> String {
        format!("{}.tokens", self.secret_name())
    }

    /// How its connector is set up by the configuration.
    #[must_use]
    pub fn settings(self, sections: &BTreeMap<String, BrokerSection>) -> BrokerSettings {
        let mut settings = BrokerSettings::new(self.environment);
        for (name, value) in sections.get(self.broker.as_str()).into_iter().flatten() {
            if name.ends_with("_url") {
                settings.urls.insert(name.clone(), value.clone());
            } else {
                settings.options.insert(name.clone(), value.clone());
            }
        }
        settings
    }
}

/// Which login an account belongs to; `None` for a broker that this version does not know.
pub(super) fn key_of(login: &Login) -> Option<LoginKey> {
    let environment = match login.environment.as_str() {
        "paper" => Environment::Paper,
        "live" => Environment::Live,
        _ => return None,
    };
    Some(LoginKey { broker: BrokerKind::from_str(&login.broker).ok()?, environment })
}

/// The core's side of an account. Its cash comes from what the broker says, as entries of the journal.
pub(in crate::engine) fn setup_of(login: &Login, limits: &RiskLimits) -> AccountSetup {
    AccountSetup {
        account: login.account.clone(),
        kind: login.kind,
        mode: login.mode(),
        currency: login.currency,
        opening_cash: Vec::new(),
        options_level: 4,
        capabilities: login.capabilities.clone(),
        limits: limits.clone(),
    }
}

/// What the vault holds of a login, as one JSON text: the credentials, and the broker's own names of the accounts.
pub struct SealedLogin {
    /// What signs.
    pub credentials: Credentials,
    /// Our name of an account, and the broker's.
    pub accounts: BTreeMap<AccountId, String>,
}

#[derive(Serialize, Deserialize)]
struct SealedText {
    credentials: BTreeMap<String, Secret>,
    accounts: BTreeMap<AccountId, String>,
}

impl SealedLogin {
    /// Reads the vault's text.
    ///
    /// # Errors
    /// When it is not one; the text is not shown.
    pub fn read(text: &Secret) -> Result<Self, String> {
        let read = text.read_as::<SealedText>().ok_or("the vault's entry for this login cannot be read")?;
        let credentials = read
            .credentials
            .into_iter()
            .fold(Credentials::new(), |all, (name, value)| all.with(&name, value.get().clone()));
        Ok(Self { credentials, accounts: read.accounts })
    }

    /// The text that the vault seals.
    ///
    /// # Errors
    /// Never for what [`Self::read`] gives back.
    pub fn seal(&self) -> Result<Secret, String> {
        let all = self.credentials.names().filter_map(|name| {
            let value: &SecretString = self.credentials.get(name)?;
            Some((name.to_owned(), Secret::from(value.clone())))
        });
        let text = SealedText { credentials: all.collect(), accounts: self.accounts.clone() };
        Secret::write_as(&text).ok_or_else(|| "the login cannot be written down".to_owned())
    }
}

/// An account that verifying a login found.
#[derive(Clone, Debug)]
pub struct Found {
    /// As the database would hold it.
    pub login: Login,
    /// The broker's own name of it.
    pub key: String,
    /// Its figures.
    pub figures: Account,
    /// Why it may not trade, if so.
    pub blocked: Option<String>,
}

/// Opens a login and asks the broker for everything that connecting it needs, before anything is stored.
///
/// # Errors
/// Why it cannot be used.
pub async fn verify(
    key: LoginKey,
    parts: registry::LoginParts<'_>,
    name: Option<&str>,
) -> Result<(Arc<dyn Connection>, Vec<Found>), BrokerError> {
    let connection = registry::connect(key.broker, parts).await?;
    let summaries = connection.accounts().await?;
    if !key.broker.has_accounts() {
        return Ok((connection, Vec::new()));
    }
    let several = summaries.len() > 1;
    let mut found = Vec::with_capacity(summaries.len());
    for summary in summaries {
        let id = AccountId::new(account_name(key, name, several, &summary.last_four));
        let broker = connection.account(&summary.key, id.clone()).await?;
        let figures = broker.account().await?;
        found.push(Found {
            login: Login {
                account: id,
                broker: key.broker.as_str().into(),
                environment: key.environment.as_str().into(),
                last_four: summary.last_four.as_str().into(),
                kind_text: summary.kind.as_str().into(),
                kind: figures.kind,
                currency: figures.currency,
                capabilities: broker.capabilities().clone(),
            },
            key: summary.key,
            figures,
            blocked: summary.trading.err(),
        });
    }
    Ok((connection, found))
}

/// `alpaca` for a live account, `alpaca-paper` for the broker's own paper; with the last four characters where there are several.
fn account_name(key: LoginKey, name: Option<&str>, several: bool, last_four: &str) -> String {
    let base = name.map_or_else(
        || match key.environment {
            Environment::Live => key.broker.to_string(),
            Environment::Paper => format!("{}-paper", key.broker),
        },
        str::to_owned,
    );
    if several { format!("{base}-{}", last_four.to_ascii_lowercase()) } else { base }
}

/// The logins of a profile.
pub(in crate::engine) fn read_logins(store: &Store) -> Result<Vec<Login>, StoreError> {
    let text = store.get_state(LOGINS)?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// The account that plain commands mean, where somebody chose one.
pub(in crate::engine) fn read_default(store: &Store) -> Result<Option<AccountId>, StoreError> {
    Ok(store.get_state(DEFAULT)?.filter(|text| !text.is_empty()).map(AccountId::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_called_by_their_broker() {
        let key = |environment| LoginKey { broker: BrokerKind::Alpaca, environment };
        assert_eq!(account_name(key(Environment::Live), None, false, "1234"), "alpaca");
        assert_eq!(account_name(key(Environment::Paper), None, false, "1234"), "alpaca-paper");
        assert_eq!(account_name(key(Environment::Live), None, true, "12AB"), "alpaca-12ab");
        assert_eq!(account_name(key(Environment::Live), Some("ira"), false, "1234"), "ira");
        assert_eq!(key(Environment::Live).secret_name(), "broker.alpaca.live");
    }

    #[test]
    fn y1_a_sealed_login_comes_back_and_shows_nothing() {
        let credentials = Credentials::new().with("secret_key", "hunter2hunter2".into());
        let accounts = BTreeMap::from([(AccountId::new("alpaca"), "904837e3".to_owned())]);
        let sealed = SealedLogin { credentials, accounts: accounts.clone() }.seal().unwrap();
        assert_eq!(format!("{sealed:?}"), "[secret]");
        let read = SealedLogin::read(&sealed).unwrap();
        assert_eq!(
            (read.accounts, read.credentials.names().collect::<Vec<_>>()),
            (accounts, vec!["secret_key"])
        );
        let error = SealedLogin::read(&Secret::new("{\"credentials\": hunter2".to_owned())).err().unwrap();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn settings_come_from_the_section_of_the_broker() {
        let section = BrokerSection::from([
            ("base_url".to_owned(), "http://127.0.0.1:9001".to_owned()),
            ("feed".to_owned(), "iex".to_owned()),
        ]);
        let sections = BTreeMap::from([("alpaca".to_owned(), section)]);
        let key = LoginKey { broker: BrokerKind::Alpaca, environment: Environment::Paper };
        let settings = key.settings(&sections);
        assert_eq!(settings.url("base_url", "https://a.b").unwrap().authority(), "127.0.0.1:9001");
        assert_eq!((settings.option("feed"), settings.option("plan")), (Some("iex"), None));
    }
}
