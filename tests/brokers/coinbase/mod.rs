//! Coinbase: the contract, and what is its own.

mod data;
mod kept;
mod login;
mod orders;
mod streams;

use std::sync::{Arc, Mutex};

use arbion::brokers::coinbase;
use arbion::brokers::oauth::keeper::TokenStore;
use arbion::brokers::{BrokerError, BrokerSettings, Connection, Credentials, Environment};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::Quantity;
use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use crate::approved::account;
use crate::contract::{Desk, Subject, sheet};
use crate::emulators::coinbase::{CoinbaseEmulator, PORTFOLIO, start};

pub fn settings(emulator: &CoinbaseEmulator) -> BrokerSettings {
    let mut settings = BrokerSettings::new(Environment::Live);
    settings.urls.insert("base_url".into(), emulator.server.url());
    settings.urls.insert("stream_url".into(), emulator.server.stream_url("/"));
    settings.urls.insert("user_stream_url".into(), emulator.server.stream_url("/"));
    settings
}

pub fn credentials(emulator: &CoinbaseEmulator) -> Credentials {
    Credentials::new()
        .with("key_name", emulator.key_name.as_str().into())
        .with("private_key", emulator.private_key.as_str().into())
}

pub async fn connection(emulator: &CoinbaseEmulator) -> Arc<dyn Connection> {
    connect(&settings(emulator), &credentials(emulator)).await.unwrap()
}

/// Tokens of a sign-in, in memory.
#[derive(Default)]
pub struct Store(pub Mutex<Option<String>>);

#[async_trait]
impl TokenStore for Store {
    async fn load(&self) -> Result<Option<SecretString>, String> {
        Ok(self.0.lock().unwrap().clone().map(Into::into))
    }

    async fn save(&self, text: &SecretString) -> Result<(), String> {
        *self.0.lock().unwrap() = Some(text.expose_secret().to_owned());
        Ok(())
    }
}

/// A login without a sign-in.
pub async fn connect(
    settings: &BrokerSettings,
    credentials: &Credentials,
) -> Result<Arc<dyn Connection>, BrokerError> {
    coinbase::connect(settings, credentials, "alice", Arc::<Store>::default()).await
}

pub async fn subject_of(emulator: CoinbaseEmulator) -> (Subject, Arc<CoinbaseEmulator>) {
    let broker = connection(&emulator).await.account(PORTFOLIO, account()).await.unwrap();
    let emulator = Arc::new(emulator);
    let subject = Subject {
        desk: Desk::new(
            broker,
            Instrument::crypto("BTC", "USD").unwrap(),
            Quantity::from(2),
            Arc::new(emulator.exchange.clone()),
        ),
        exchange: emulator.exchange.clone(),
        faults: emulator.server.faults.clone(),
        submit: ("POST", "/brokerage/orders"),
        replace: ("POST", "/brokerage/orders/edit"),
        cancel: ("POST", "/brokerage/orders/batch_cancel"),
        read: ("GET", "/orders/historical/batch"),
        sheet: sheet::coinbase(&emulator),
        keep: Box::new(Arc::clone(&emulator)),
    };
    (subject, emulator)
}

pub async fn subject() -> Subject {
    subject_of(start(0).await).await.0
}

mod contract {
    crate::contract_tests!(super::subject);
}
