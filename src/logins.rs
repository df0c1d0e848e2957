//! Trying a login at a broker on behalf of the command line, before anything of it is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use arbion::brokers::http::Health;
use arbion::brokers::oauth::keeper::TokenStore;
use arbion::brokers::{BrokerError, BrokerKind, Credentials, Environment, registry};
use arbion::cli::CliError;
use arbion::cli::host::{
    CredentialAsk, LoginRequest, LoginSecrets, Settings, SigningIn, Verified, VerifiedAccount,
};
use arbion::engine::live::{self, LoginKey, SealedLogin, TriedTokens, VaultTokens};
use arbion::keeping::Recorder;

use crate::signing_in::BrowserLogin;

/// A broker by its word.
fn broker(word: &str) -> Result<BrokerKind, CliError> {
    word.parse()
        .map_err(|error: arbion::brokers::settings::BrokerKindError| CliError::usage(error.to_string()))
}

/// A login by the broker's word.
pub fn key(word: &str, live: bool) -> Result<LoginKey, CliError> {
    let broker = broker(word)?;
    // What has prices alone has one world of them.
    let environment = if live || !broker.has_accounts() { Environment::Live } else { Environment::Paper };
    Ok(LoginKey { broker, environment })
}

/// What connecting a broker asks for: its keys, or what a sign-in in the browser needs, where that is another way.
pub fn fields(word: &str, oauth: bool) -> Result<Vec<CredentialAsk>, CliError> {
    let broker = broker(word)?;
    let by_browser = registry::oauth_fields(broker);
    if oauth && by_browser.is_none() {
        return Err(CliError::usage(format!(
            "{broker} has no sign-in in the browser; give its keys, without --oauth"
        )));
    }
    let all = registry::fields(broker).iter();
    let only_one_way = all.clone().all(|field| by_browser.is_some_and(|names| names.contains(&field.name)));
    let meant = |name: &str| only_one_way || by_browser.is_some_and(|names| names.contains(&name)) == oauth;
    let fields: Vec<CredentialAsk> = all
        .filter(|field| meant(field.name))
        .map(|field| CredentialAsk {
            name: field.name,
            label: field.label,
            secret: field.secret,
            // The app's id is what the browser's way stands on.
            optional: field.optional && field.name != "client_id",
        })
        .collect();
    Ok(fields)
}

fn credentials(secrets: &LoginSecrets) -> Result<Credentials, CliError> {
    match secrets {
        LoginSecrets::Given(given) => Ok(given
            .iter()
            .fold(Credentials::new(), |all, (name, value)| all.with(name, value.get().clone()))),
        LoginSecrets::Sealed(text) => Ok(SealedLogin::read(text).map_err(CliError::storage)?.credentials),
    }
}

/// Begins the sign-in that a login needs.
pub fn begin_sign_in(
    settings: &Settings,
    request: &LoginRequest,
) -> Result<Option<Box<dyn SigningIn>>, CliError> {
    let key = key(&request.broker, request.live)?;
    let broker_settings = key.settings(&settings.loaded.config.brokers);
    let found = registry::sign_in(key.broker, &broker_settings, &credentials(&request.secrets)?)
        .map_err(|error| told(&error))?;
    let Some(found) = found else { return Ok(None) };
    Ok(Some(Box::new(BrowserLogin::begin(settings, key, found)?)))
}

/// Asks the broker. A login of this vault is the engine's too: a token that has to be refreshed for it is kept there, and by turns, or the
/// only one that is good would be lost with this process.
pub async fn verify(
    settings: &Settings,
    request: LoginRequest,
    vault: Option<Arc<Recorder>>,
) -> Result<Verified, CliError> {
    let key = key(&request.broker, request.live)?;
    let credentials = credentials(&request.secrets)?;
    let broker_settings = key.settings(&settings.loaded.config.brokers);
    let tried = Arc::new(TriedTokens::new(request.tokens));
    let tokens: Arc<dyn TokenStore> = match vault {
        Some(vault) => Arc::new(VaultTokens::new(vault, key.tokens_name())),
        None => Arc::clone(&tried) as Arc<dyn TokenStore>,
    };
    let parts = registry::LoginParts {
        settings: &broker_settings,
        credentials: &credentials,
        profile: settings.profile.as_str(),
        tokens,
    };
    let (connection, found) =
        live::verify(key, parts, request.name.as_deref()).await.map_err(|error| told(&error))?;
    let accounts: BTreeMap<_, _> =
        found.iter().map(|found| (found.login.account.clone(), found.key.clone())).collect();
    let sealed = SealedLogin { credentials, accounts }.seal().map_err(CliError::storage)?;
    let Health { latency, .. } = connection.health();
    Ok(Verified {
        accounts: found
            .into_iter()
            .map(|found| VerifiedAccount {
                login: found.login,
                buying_power: found.figures.buying_power,
                net_liquidation: found.figures.net_liquidation,
                blocked: found.blocked,
            })
            .collect(),
        entries: std::iter::once((key.secret_name(), sealed))
            .chain(tried.taken().map(|tokens| (key.tokens_name(), tokens)))
            .collect(),
        prices_alone: !key.broker.has_accounts(),
        latency_ms: latency.map(|latency| u32::try_from(latency.as_millis()).unwrap_or(u32::MAX)),
    })
}

/// A broker's error with its exit code (design, Command-line contract).
fn told(error: &BrokerError) -> CliError {
    let (code, exit) = match error {
        BrokerError::Unauthorized { .. } => ("UNAUTHORIZED", 5),
        BrokerError::Refused { .. } => ("REFUSED", 4),
        BrokerError::Unsupported { .. } | BrokerError::NotFound { .. } => ("USAGE", 2),
        BrokerError::Unreachable { .. }
        | BrokerError::NoAnswer { .. }
        | BrokerError::Busy { .. }
        | BrokerError::RateLimited { .. }
        | BrokerError::Unreadable { .. } => ("NETWORK", 6),
    };
    CliError::new(code, exit, error.to_string())
}
