//! Coinbase: the contract, and what is its own.

mod data;
mod login;
mod orders;
mod streams;

use std::sync::Arc;

use arbion::brokers::coinbase;
use arbion::brokers::{BrokerSettings, Connection, Credentials, Environment};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::Quantity;

use crate::approved::account;
use crate::contract::Subject;
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
    coinbase::connect(&settings(emulator), &credentials(emulator)).await.unwrap()
}

pub async fn subject_of(emulator: CoinbaseEmulator) -> (Subject, Arc<CoinbaseEmulator>) {
    let broker = connection(&emulator).await.account(PORTFOLIO, account()).await.unwrap();
    let emulator = Arc::new(emulator);
    let subject = Subject {
        broker,
        exchange: emulator.exchange.clone(),
        faults: emulator.server.faults.clone(),
        instrument: Instrument::crypto("BTC", "USD").unwrap(),
        symbol: "BTC-USD",
        quantity: Quantity::from(2),
        submit: ("POST", "/brokerage/orders"),
        read: ("GET", "/orders/historical/batch"),
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
