//! What the contract is asked of: a broker with the books behind it, and, for a connector, what goes wrong on the way.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arbion::brokers::{AccountStream, Broker, SubmitOutcome};
use arbion::domain::execution::{AccountEvent, Execution, OrderEvent};
use arbion::domain::ids::{BrokerOrderId, ClientOrderId};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{
    OrderHandle, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side, TimeInForce,
};
use async_trait::async_trait;
use rust_decimal::Decimal;
use tokio::sync::mpsc;

use crate::approved::{account, approve};
use crate::emulators::exchange::{Exchange, Status};
use crate::emulators::faults::Faults;

/// How long anything may take to come true.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What stands behind a broker: its books, seen from the other side.
#[async_trait]
pub trait Books: Send + Sync {
    /// From now on nothing fills by itself.
    async fn freeze(&self);
    /// Fills so much of the only order that works, at this price.
    async fn fill(&self, quantity: Decimal, price: Decimal);
    /// Orders that ever came into them.
    async fn entered(&self) -> usize;
    /// Those that work.
    async fn working(&self) -> usize;
}

#[async_trait]
impl Books for Exchange {
    async fn freeze(&self) {
        Self::freeze(self, true);
    }

    async fn fill(&self, quantity: Decimal, price: Decimal) {
        Self::fill(self, self.orders()[0].number, quantity, price).unwrap();
    }

    async fn entered(&self) -> usize {
        self.orders().len()
    }

    async fn working(&self) -> usize {
        self.orders().iter().filter(|order| order.status == Status::Working).count()
    }
}

/// A broker and what stands behind it, freshly started: quotes of the instrument are 99.9 to 100.1 units of its currency.
pub struct Desk {
    /// It, connected to account [`account`].
    pub broker: Arc<dyn Broker>,
    /// What is traded.
    pub instrument: Instrument,
    /// Units of an order.
    pub quantity: Quantity,
    /// The other side.
    pub books: Arc<dyn Books>,
}

/// A connector beside its emulator.
pub struct Subject {
    /// The connector, and the emulator's books.
    pub desk: Desk,
    /// The same books.
    pub exchange: Exchange,
    /// What goes wrong.
    pub faults: Faults,
    /// Method and a part of the path of the call that enters an order.
    pub submit: (&'static str, &'static str),
    /// The same of the call that replaces one.
    pub replace: (&'static str, &'static str),
    /// The same of the call that cancels one.
    pub cancel: (&'static str, &'static str),
    /// The same of the call that reads orders.
    pub read: (&'static str, &'static str),
    /// What its page says can go wrong.
    pub sheet: super::sheet::Sheet,
    /// The emulator, kept alive.
    pub keep: Box<dyn std::any::Any + Send + Sync>,
}

impl Deref for Subject {
    type Target = Desk;
    fn deref(&self) -> &Desk {
        &self.desk
    }
}

static NEXT_ID: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

impl Desk {
    pub fn new(
        broker: Arc<dyn Broker>,
        instrument: Instrument,
        quantity: Quantity,
        books: Arc<dyn Books>,
    ) -> Self {
        Self { broker, instrument, quantity, books }
    }

    /// An order of ours.
    pub fn order(&self, side: Side, pricing: Pricing) -> OrderRequest {
        let number = NEXT_ID.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let id = ClientOrderId::from_parts(
            arbion::brokers::clock::wall().as_millisecond().unsigned_abs(),
            number.into(),
        );
        let plain = OrderRequest::plain(
            id,
            account(),
            Origin::person(OriginKind::Cli),
            OrderSubject::Instrument(self.instrument.clone()),
            side,
            self.quantity,
            pricing,
        );
        // A market that never closes knows no day.
        let times = &self.broker.capabilities().times_in_force;
        let day = times.contains(&TimeInForce::Day);
        let time_in_force = if day { TimeInForce::Day } else { TimeInForce::Gtc };
        OrderRequest { time_in_force, ..plain }
    }

    /// A buy that waits below the market.
    pub fn resting(&self) -> OrderRequest {
        self.order(Side::Buy, Pricing::Limit { limit_price: price("90") })
    }

    pub async fn submit(&self, order: &OrderRequest) -> SubmitOutcome {
        self.broker.submit(approve(order.clone())).await
    }

    /// Submits what must be taken.
    pub async fn accepted(&self, order: &OrderRequest) -> OrderHandle {
        match self.submit(order).await {
            SubmitOutcome::Acknowledged(id) => handle(order, Some(id)),
            other => panic!("{order:?} was not taken: {other:?}"),
        }
    }

    /// The account's stream, up.
    pub async fn watch(&self) -> mpsc::Receiver<AccountStream> {
        let (events, mut heard) = mpsc::channel(256);
        let broker = Arc::clone(&self.broker);
        tokio::spawn(async move { broker.watch(events).await });
        loop {
            match next(&mut heard).await {
                AccountStream::Up => return heard,
                other => assert!(matches!(other, AccountStream::Down { .. }), "{other:?} before it is up"),
            }
        }
    }

    /// Polls until the broker says that the order stands so.
    pub async fn until(&self, order: &OrderHandle, status: OrderStatus) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = self.broker.order(order).await.unwrap();
            if found.as_ref().is_some_and(|state| state.status == status) {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{order:?} is {found:?}, not {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub fn handle(order: &OrderRequest, broker_order_id: Option<BrokerOrderId>) -> OrderHandle {
    OrderHandle {
        client_order_id: order.client_order_id,
        broker_order_id,
        subject: order.subject.clone(),
        order_type: order.pricing.order_type(),
        filled_quantity: Quantity::ZERO,
    }
}

pub(super) async fn next(heard: &mut mpsc::Receiver<AccountStream>) -> AccountStream {
    tokio::time::timeout(PATIENCE, heard.recv()).await.expect("nothing comes").expect("the stream has ended")
}

/// The next event about an order, by either of its ids.
pub async fn event_of(heard: &mut mpsc::Receiver<AccountStream>, order: &OrderHandle) -> OrderEvent {
    loop {
        let AccountStream::Event(event) = next(heard).await else { continue };
        match *event {
            AccountEvent::Order(update) if update.client_order_id == order.client_order_id => {
                return update.event;
            }
            AccountEvent::ByBroker(update)
                if Some(&update.broker_order_id) == order.broker_order_id.as_ref() =>
            {
                return update.event;
            }
            _ => {}
        }
    }
}

/// Fills of an order as the stream tells them, until they come to this many units.
pub async fn fills_of(
    heard: &mut mpsc::Receiver<AccountStream>,
    order: &OrderHandle,
    until: Quantity,
) -> Vec<Execution> {
    let mut fills: Vec<Execution> = Vec::new();
    while fills.iter().map(|fill| fill.quantity.get()).sum::<Decimal>() < until.get() {
        match event_of(heard, order).await {
            OrderEvent::Filled(execution) => {
                assert!(
                    fills.iter().all(|fill| fill.execution_id != execution.execution_id),
                    "twice: {execution:?}"
                );
                fills.push(execution);
            }
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?} in place of a fill"),
        }
    }
    fills
}
