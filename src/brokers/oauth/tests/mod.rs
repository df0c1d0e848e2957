//! The sign-in against an authorization server on loopback, after the sheet of requirements O1 to O10 and N6.

mod flow;
mod keeper;
mod listener;
mod pieces;
mod server;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{App, Binding, Provider, RedirectUri, SecretIn};
use crate::brokers::Environment;
use crate::brokers::endpoint::Endpoint;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn provider(base: &str, pkce: bool) -> Provider {
    Provider {
        broker: "schwab",
        issuer: "https://issuer.example".to_owned(),
        authorize_url: Endpoint::parse(&format!("{base}/authorize")).unwrap(),
        token_url: Endpoint::parse(&format!("{base}/token")).unwrap(),
        revoke_url: Some(Endpoint::parse(&format!("{base}/revoke")).unwrap()),
        scopes: Vec::new(),
        pkce,
        secret_in: SecretIn::Header,
        login_life: Some(jiff::SignedDuration::from_hours(7 * 24)),
        ended_words: &["refresh_token_authentication_error"],
    }
}

fn app() -> App {
    App {
        client_id: "app".to_owned(),
        client_secret: Some(SecretString::from("hunter2")),
        redirect: RedirectUri::parse("https://127.0.0.1:8182").unwrap(),
    }
}

fn binding() -> Binding {
    Binding { profile: "alice".to_owned(), broker: "schwab", environment: Environment::Live }
}
