//! The paper venue: the contract of all brokers. Its reports go into the journal's transaction, in place of a stream and of a list of
//! executions; here whoever watches hears them, and the list is what was heard.

use std::sync::{Arc, Mutex};

use arbion::brokers::{AccountStream, Broker, BrokerError, BrokerPreview, OrderState, SubmitOutcome};
use arbion::core::paper::{Slippage, Venue, VenueConfig};
use arbion::domain::account::Account;
use arbion::domain::capabilities::Capabilities;
use arbion::domain::execution::{AccountEvent, Execution, OrderEvent};
use arbion::domain::fees::FeeTable;
use arbion::domain::instrument::{Instrument, InstrumentSpec};
use arbion::domain::money::{Price, Quantity};
use arbion::domain::movement::Movement;
use arbion::domain::order::{Approved, OrderHandle, OrderRequest};
use arbion::domain::position::Position;
use arbion::domain::quote::{Feed, Quote};
use arbion::domain::statement::OrderReport;
use arbion::domain::venue::{VenueAction, VenueAnswer};
use arbion::engine::PaperDesk;
use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio::sync::{broadcast, mpsc};

use crate::approved::account;
use crate::contract::{Books, Desk, price};
use crate::contract_tests;

/// Reports that whoever watches may be behind.
const REPORTS_MAX: usize = 256;

/// How often prices are said again.
const EVERY: std::time::Duration = std::time::Duration::from_millis(10);

/// What the venue has reported.
#[derive(Clone)]
struct Heard {
    events: Arc<Mutex<Vec<AccountEvent>>>,
    told: broadcast::Sender<AccountEvent>,
}

impl Heard {
    fn of<T>(&self, found: impl Fn(&AccountEvent) -> Option<T>) -> Vec<T> {
        self.events.lock().unwrap().iter().filter_map(found).collect()
    }
}

struct Paper {
    venue: Arc<dyn Broker>,
    heard: Heard,
}

#[async_trait]
impl Broker for Paper {
    fn capabilities(&self) -> &Capabilities {
        self.venue.capabilities()
    }

    async fn account(&self) -> Result<Account, BrokerError> {
        self.venue.account().await
    }

    async fn positions(&self) -> Result<Vec<Position>, BrokerError> {
        self.venue.positions().await
    }

    async fn preview(&self, order: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError> {
        self.venue.preview(order).await
    }

    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome {
        self.venue.submit(order).await
    }

    async fn cancel(&self, order: &OrderHandle) -> SubmitOutcome {
        self.venue.cancel(order).await
    }

    async fn cancel_all(&self) -> Result<(), BrokerError> {
        self.venue.cancel_all().await
    }

    async fn replace(&self, order: &OrderHandle, new: Approved<OrderRequest>) -> SubmitOutcome {
        self.venue.replace(order, new).await
    }

    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError> {
        self.venue.orders().await
    }

    fn shows_at_once(&self) -> bool {
        self.venue.shows_at_once()
    }

    async fn order(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        self.venue.order(order).await
    }

    async fn executions(&self, since: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        assert!(self.venue.executions(since).await?.is_empty(), "it reports, and lists nothing");
        Ok(self.heard.of(|event| match event {
            AccountEvent::Execution(execution) => Some(execution.clone()),
            AccountEvent::Order(update) => match &update.event {
                OrderEvent::Filled(execution) => Some(execution.clone()),
                _ => None,
            },
            _ => None,
        }))
    }

    async fn movements(&self, since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        self.venue.movements(since).await
    }

    async fn spec(&self, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        self.venue.spec(instrument).await
    }

    async fn act(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        self.venue.act(action).await
    }

    async fn watch(&self, events: mpsc::Sender<AccountStream>) -> BrokerError {
        let mut told = self.heard.told.subscribe();
        let unheard = || BrokerError::Unreachable { broker: "paper".into(), reason: "nobody listens".into() };
        if events.send(AccountStream::Up).await.is_err() {
            return unheard();
        }
        while let Ok(event) = told.recv().await {
            if events.send(AccountStream::Event(Box::new(event))).await.is_err() {
                break;
            }
        }
        unheard()
    }
}

/// The other side: whoever says the prices, and says them again as a feed does. An order fills by prices that come after it.
struct Market {
    desk: Arc<PaperDesk>,
    instrument: Instrument,
    heard: Heard,
    /// What is said now, and how often units were offered.
    says: tokio::sync::Mutex<(Price, Price, i64)>,
}

impl Market {
    async fn quote(&self, bid: Price, ask: Price, size: Quantity) {
        let mut quote =
            Quote::empty(self.instrument.clone(), arbion::brokers::clock::wall(), Feed::Simulated);
        (quote.bid, quote.ask, quote.last) = (Some(bid), Some(ask), Some(bid));
        (quote.bid_size, quote.ask_size) = (size, size);
        self.desk.quote(vec![quote]).await;
    }

    async fn say(&self) {
        let says = self.says.lock().await;
        self.quote(says.0, says.1, 1_000.into()).await;
    }
}

#[async_trait]
impl Books for Market {
    /// So far away that nothing trades.
    async fn freeze(&self) {
        let mut says = self.says.lock().await;
        (says.0, says.1) = (price("150"), price("150.2"));
        self.quote(says.0, says.1, 1_000.into()).await;
    }

    /// So much is offered, and then nothing. Each time at another cent: what comes back as it was is the same offer to the venue.
    async fn fill(&self, quantity: Decimal, at: Decimal) {
        let mut says = self.says.lock().await;
        let ask = Price::new(at + Decimal::new(says.2, 2));
        says.2 += 1;
        self.quote(Price::new(at - Decimal::ONE), ask, Quantity::new(quantity)).await;
        self.quote(says.0, says.1, 1_000.into()).await;
    }

    async fn entered(&self) -> usize {
        let acknowledged = |event: &AccountEvent| match event {
            AccountEvent::Order(update) => {
                matches!(update.event, OrderEvent::Acknowledged { .. }).then_some(update.client_order_id)
            }
            _ => None,
        };
        let mut ids = self.heard.of(acknowledged);
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }

    async fn working(&self) -> usize {
        self.desk.broker().orders().await.unwrap().len()
    }
}

async fn desk() -> Desk {
    let venue = Venue::new(VenueConfig {
        fees: FeeTable::default(),
        slippage: Slippage::None,
        ack_ms: 0,
        cancel_ms: 0,
        ..VenueConfig::new(account(), Decimal::from(1_000_000))
    });
    let desk = Arc::new(PaperDesk::open(venue));
    let heard = Heard { events: Arc::default(), told: broadcast::channel(REPORTS_MAX).0 };
    let (from, into) = (Arc::clone(&desk), heard.clone());
    tokio::spawn(async move {
        while let Some(events) = from.reported().await {
            for event in events {
                into.events.lock().unwrap().push(event.clone());
                // Nobody has to watch.
                into.told.send(event).ok();
            }
        }
    });
    let instrument = Instrument::equity("AAPL").unwrap();
    let market = Arc::new(Market {
        desk: Arc::clone(&desk),
        instrument: instrument.clone(),
        heard: heard.clone(),
        says: tokio::sync::Mutex::new((price("99.9"), price("100.1"), 0)),
    });
    market.say().await;
    let again = Arc::clone(&market);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(EVERY).await;
            again.say().await;
        }
    });
    let broker: Arc<dyn Broker> = Arc::new(Paper { venue: desk.broker(), heard });
    Desk::new(broker, instrument, 12.into(), market)
}

contract_tests!(paper desk);
