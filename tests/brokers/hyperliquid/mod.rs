//! Hyperliquid: the contract, and what it alone has.

mod account;
mod doubt;
mod feed;
mod foreign;
mod streams;
mod twaps;
mod wire;

use std::sync::Arc;

use arbion::brokers::hyperliquid::{Hyperliquid, HyperliquidAccount};
use arbion::brokers::{Broker, BrokerSettings, Connection, Credentials, Environment};
use arbion::domain::instrument::Instrument;
use arbion::domain::order::{OrderRequest, OrderSubject};

use crate::approved::account as account_id;
use crate::contract::{Desk, Subject, sheet};
use crate::emulators::hyperliquid::{AGENT_KEY, HyperliquidEmulator, master, start};

/// An emulator with the settings that reach it.
pub struct Ground {
    pub emulator: Arc<HyperliquidEmulator>,
    pub settings: BrokerSettings,
}

pub async fn ground() -> Ground {
    let emulator = start(0).await;
    let mut settings = BrokerSettings::new(Environment::Paper);
    settings.urls.insert("base_url".to_owned(), emulator.server.url());
    settings.urls.insert("stream_url".to_owned(), emulator.server.stream_url("/ws"));
    Ground { emulator: Arc::new(emulator), settings }
}

impl Ground {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.options.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn login(&self, key: &str) -> Hyperliquid {
        let credentials = Credentials::new().with("private_key", key.into());
        Hyperliquid::new(&self.settings, &credentials).unwrap()
    }

    /// The account, by its agent.
    pub async fn account(&self) -> Arc<HyperliquidAccount> {
        let login = self.login(AGENT_KEY);
        login.accounts().await.unwrap();
        login.open(&master(), account_id()).await.unwrap()
    }

    pub async fn subject(&self) -> Subject {
        let broker: Arc<dyn Broker> = self.account().await;
        Subject {
            desk: Desk::new(
                broker,
                instrument("ETH-PERP"),
                1.into(),
                Arc::new(self.emulator.exchange.clone()),
            ),
            exchange: self.emulator.exchange.clone(),
            faults: self.emulator.server.faults.clone(),
            submit: ("POST", "/exchange"),
            replace: ("POST", "/exchange"),
            cancel: ("POST", "/exchange"),
            read: ("POST", "/info"),
            sheet: sheet::hyperliquid(&self.emulator),
            keep: Box::new(Arc::clone(&self.emulator)),
        }
    }

    /// Bodies that were posted to a path since the last time.
    pub fn posted(&self, path: &str) -> Vec<serde_json::Value> {
        let requests = self.emulator.server.take_requests();
        requests.iter().filter(|request| request.path == path).map(|request| request.json()).collect()
    }
}

pub fn instrument(key: &str) -> Instrument {
    Instrument::from_key(key).unwrap()
}

/// The same order of something else.
pub fn of(key: &str, order: OrderRequest) -> OrderRequest {
    OrderRequest { subject: OrderSubject::Instrument(instrument(key)), ..order }
}

async fn subject() -> Subject {
    ground().await.subject().await
}

crate::contract_tests!(subject);
