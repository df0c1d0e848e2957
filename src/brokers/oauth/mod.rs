//! Signing in by OAuth 2: the address that a person opens, the redirect that comes back by loopback or is pasted, the exchange for tokens, and
//! the keeper that holds them fresh. The protocol is crate `oauth2`'s, the line [`super::http::Http`]'s. Never: where tokens are kept (the
//! engine brings a [`keeper::TokenStore`]), a browser, the screen.

pub mod callback;
mod error;
pub mod flow;
pub mod keeper;
pub mod listener;
pub mod lockout;
pub mod paste;
pub mod qr;
pub mod redirect;
pub mod state;
pub mod tokens;

use jiff::SignedDuration;
use secrecy::SecretString;

pub use error::{OauthError, plain_words};
pub use redirect::RedirectUri;

use super::Environment;
use super::endpoint::Endpoint;

/// Where the client's own secret goes in a call to the token endpoint (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretIn {
    /// In the `Authorization: Basic` header.
    Header,
    /// In the form, beside the client id.
    Form,
}

/// A broker's authorization server.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The broker, as in commands.
    pub broker: &'static str,
    /// Who answers, for the `iss` parameter (RFC 9207).
    pub issuer: String,
    /// Where a person signs in.
    pub authorize_url: Endpoint,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: Endpoint,
    /// Where tokens are taken back, if anywhere.
    pub revoke_url: Option<Endpoint>,
    /// What is asked for; empty where the broker knows no scopes.
    pub scopes: Vec<&'static str>,
    /// Does it check PKCE.
    pub pkce: bool,
    /// Where the client's secret goes.
    pub secret_in: SecretIn,
    /// How long a refresh token lives from the login on, where that is not extended by use.
    pub login_life: Option<SignedDuration>,
    /// Words in its errors that mean the same as `invalid_grant`: only a new login helps.
    pub ended_words: &'static [&'static str],
}

/// The application that a trader registered with the broker.
#[derive(Clone, Debug)]
pub struct App {
    /// Its id.
    pub client_id: String,
    /// Its secret, where it has one.
    pub client_secret: Option<SecretString>,
    /// The redirect URI, byte for byte as registered.
    pub redirect: RedirectUri,
}

/// Whose login it is: tokens of one binding are never used for another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// The profile.
    pub profile: String,
    /// The broker.
    pub broker: &'static str,
    /// Real money or not.
    pub environment: Environment,
}

#[cfg(test)]
mod tests;
