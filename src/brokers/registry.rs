//! Every connector by its broker: what a login needs, how a person signs in, and how one is opened.

use std::sync::Arc;

use super::http::Http;
use super::oauth::keeper::TokenStore;
use super::oauth::tokens::Tokens;
use super::oauth::{App, Binding, Provider, flow};
use super::settings::CredentialField;
use super::{
    BrokerError, BrokerKind, BrokerSettings, Connection, Credentials, MarketFeed, alpaca, coinbase,
    coingecko, hyperliquid, schwab,
};

/// What a login is opened with.
pub struct LoginParts<'a> {
    /// How the broker is reached.
    pub settings: &'a BrokerSettings,
    /// What a person gave.
    pub credentials: &'a Credentials,
    /// Whose login: tokens of one profile are never used for another.
    pub profile: &'a str,
    /// Where the tokens of a sign-in are kept; unused by brokers with keys.
    pub tokens: Arc<dyn TokenStore>,
}

/// A sign-in in the browser: the server, the trader's app there, and the line to it.
pub struct BrowserSignIn {
    /// The authorization server.
    pub provider: Provider,
    /// The app.
    pub app: App,
    /// The line.
    pub http: Arc<Http>,
}

/// What a person gives to connect.
#[must_use]
pub const fn fields(kind: BrokerKind) -> &'static [CredentialField] {
    match kind {
        BrokerKind::Coinbase => coinbase::fields(),
        BrokerKind::Hyperliquid => hyperliquid::fields(),
        BrokerKind::Schwab => schwab::fields(),
        BrokerKind::Alpaca => alpaca::fields(),
        BrokerKind::Coingecko => coingecko::fields(),
    }
}

/// The sign-in that these credentials need; `None` where they sign by themselves.
///
/// # Errors
/// When an address or a credential is none.
pub fn sign_in(
    kind: BrokerKind,
    settings: &BrokerSettings,
    credentials: &Credentials,
) -> Result<Option<BrowserSignIn>, BrokerError> {
    match kind {
        BrokerKind::Schwab => Ok(Some(BrowserSignIn {
            provider: schwab::provider(settings)?,
            app: schwab::app(credentials)?,
            http: schwab::line()?,
        })),
        BrokerKind::Coinbase => {
            let Some((provider, app)) = coinbase::sign_in(settings, credentials)? else { return Ok(None) };
            Ok(Some(BrowserSignIn { provider, app, http: coinbase::line_to()? }))
        }
        _ => Ok(None),
    }
}

/// What a person gives where they sign in by the browser; `None` where keys are the only way.
#[must_use]
pub const fn oauth_fields(kind: BrokerKind) -> Option<&'static [&'static str]> {
    match kind {
        BrokerKind::Coinbase => Some(&["client_id", "client_secret", "redirect_uri"]),
        BrokerKind::Schwab => Some(&["app_key", "app_secret", "redirect_uri"]),
        _ => None,
    }
}

/// Opens a login. Nothing is verified yet: [`Connection::accounts`] does.
///
/// # Errors
/// When an address or a credential is none, before anything is sent.
pub async fn connect(kind: BrokerKind, parts: LoginParts<'_>) -> Result<Arc<dyn Connection>, BrokerError> {
    let LoginParts { settings, credentials, profile, tokens } = parts;
    match kind {
        BrokerKind::Coinbase => coinbase::connect(settings, credentials, profile, tokens).await,
        BrokerKind::Hyperliquid => hyperliquid::connect(settings, credentials).await,
        BrokerKind::Schwab => schwab::connect(settings, credentials, profile, tokens).await,
        BrokerKind::Alpaca => alpaca::connect(settings, credentials).await,
        BrokerKind::Coingecko => coingecko::connect(settings, credentials).await,
    }
}

/// Has the broker take a sign-in back (reliability O8). `false` where there is none, or no call for it.
///
/// # Errors
/// When a credential is none, the tokens cannot be read, or the call fails.
pub async fn revoke(kind: BrokerKind, parts: LoginParts<'_>) -> Result<bool, BrokerError> {
    let LoginParts { settings, credentials, profile, tokens } = parts;
    let Some(found) = sign_in(kind, settings, credentials)? else { return Ok(false) };
    let broker = kind.as_str();
    let unread =
        |reason: String| BrokerError::Unreadable { broker: broker.to_owned(), call: "tokens", reason };
    let Some(text) = tokens.load().await.map_err(unread)? else { return Ok(false) };
    let binding = Binding { profile: profile.to_owned(), broker, environment: settings.environment };
    let tokens = Tokens::from_text(&text, &binding).map_err(|error| unread(error.to_string()))?;
    flow::revoke(&found.http, &found.provider, &found.app, &tokens).await
}

/// Prices that need no login; `None` where the broker has none.
///
/// # Errors
/// When an address is none.
pub fn public_feed(
    kind: BrokerKind,
    settings: &BrokerSettings,
) -> Result<Option<Arc<dyn MarketFeed>>, BrokerError> {
    match kind {
        BrokerKind::Coinbase => coinbase::public_feed(settings).map(Some),
        BrokerKind::Hyperliquid => hyperliquid::public_feed(settings).map(Some),
        _ => Ok(None),
    }
}
