//! Alpaca: the contract, and what is its own.

use std::sync::Arc;

use arbion::brokers::alpaca::connect;
use arbion::brokers::{BrokerSettings, Connection, Credentials, Environment};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::Quantity;

use crate::approved::account;
use crate::contract::{Desk, Subject, sheet};
use crate::contract_tests;
use crate::emulators::alpaca::{AlpacaEmulator, start};

fn settings(emulator: &AlpacaEmulator) -> BrokerSettings {
    let mut settings = BrokerSettings::new(Environment::Paper);
    settings.urls.insert("base_url".to_owned(), emulator.server.url());
    settings
}

fn credentials(emulator: &AlpacaEmulator) -> Credentials {
    Credentials::new()
        .with("key_id", emulator.key_id.clone().into())
        .with("secret_key", emulator.secret_key.clone().into())
}

async fn line(emulator: &AlpacaEmulator) -> Arc<dyn Connection> {
    connect(&settings(emulator), &credentials(emulator)).await.unwrap()
}

/// An account with an emulator that somebody else holds, or `keep` does.
async fn subject_of(emulator: &AlpacaEmulator, keep: Box<dyn std::any::Any + Send + Sync>) -> Subject {
    let broker = line(emulator).await.account("PA3TEST00001", account()).await.unwrap();
    Subject {
        desk: Desk::new(
            broker,
            Instrument::equity("AAPL").unwrap(),
            Quantity::from(12),
            Arc::new(emulator.exchange.clone()),
        ),
        exchange: emulator.exchange.clone(),
        faults: emulator.server.faults.clone(),
        submit: ("POST", "/v2/orders"),
        replace: ("PATCH", "/v2/orders/"),
        cancel: ("DELETE", "/v2/orders/"),
        read: ("GET", "/v2/orders"),
        sheet: sheet::alpaca(emulator),
        keep,
    }
}

async fn of(emulator: AlpacaEmulator) -> Subject {
    let emulator = Arc::new(emulator);
    subject_of(&emulator, Box::new(Arc::clone(&emulator))).await
}

async fn subject() -> Subject {
    of(start(0).await).await
}

contract_tests!(subject);

mod extras;
mod feed;
mod movements;
mod orders;
mod program;
mod refusals;
mod replaces;
mod streams;
mod wire;
