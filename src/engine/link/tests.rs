//! What a link passes on, and what becomes of commands that it has no room for.

mod hung;

use async_trait::async_trait;
use rust_decimal::Decimal;

use super::*;
use crate::brokers::{AccountStream, BrokerError, BrokerPreview, OrderState};
use crate::domain::account::Account;
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{BrokerOrderId, ExecutionId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::movement::Movement;
use crate::domain::order::{BracketExit, OrderSubject, OrderType, Origin, OriginKind, Pricing};
use crate::domain::position::Position;
use crate::domain::statement::OrderReport;

fn id(n: u64) -> ClientOrderId {
    ClientOrderId::from_parts(n, 0)
}

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn order(n: u64) -> OrderRequest {
    let exit = |n, price| Some(BracketExit { client_order_id: id(n), price: Price::from(price) });
    OrderRequest {
        take_profit: exit(n + 1, 110),
        stop_loss: exit(n + 2, 90),
        ..OrderRequest::plain(
            id(n),
            AccountId::new("paper"),
            Origin::person(OriginKind::Cli),
            OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
            Side::Buy,
            Quantity::from(10),
            Pricing::Market,
        )
    }
}

fn handle(n: u64) -> OrderHandle {
    OrderHandle {
        order_type: OrderType::Limit,
        client_order_id: id(n),
        broker_order_id: None,
        subject: order(n).subject,
        filled_quantity: Quantity::ZERO,
    }
}

fn fill(of: u64) -> Execution {
    Execution {
        execution_id: ExecutionId::new(format!("x{of}")),
        account: AccountId::new("paper"),
        client_order_id: Some(id(of)),
        broker_order_id: None,
        instrument: Instrument::equity("AAPL").unwrap(),
        side: Side::Buy,
        quantity: Quantity::from(10),
        price: Price::from(100),
        multiplier: Decimal::ONE,
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at: now(),
        kind: ExecutionKind::Trade,
    }
}

/// A broker that knows one thing about every order.
struct Knows {
    capabilities: Capabilities,
    status: OrderStatus,
    filled: i64,
    /// Does the list of executions answer.
    lists: bool,
}

fn gone() -> BrokerError {
    BrokerError::NoAnswer { broker: "test".to_owned(), reason: "timeout".to_owned() }
}

#[async_trait]
impl Broker for Knows {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    async fn account(&self) -> Result<Account, BrokerError> {
        Err(gone())
    }
    async fn positions(&self) -> Result<Vec<Position>, BrokerError> {
        Err(gone())
    }
    async fn submit(&self, _: Approved<OrderRequest>) -> SubmitOutcome {
        SubmitOutcome::Unknown(gone())
    }
    async fn cancel(&self, _: &OrderHandle) -> SubmitOutcome {
        SubmitOutcome::Unknown(gone())
    }
    async fn replace(&self, _: &OrderHandle, _: Approved<OrderRequest>) -> SubmitOutcome {
        SubmitOutcome::Unknown(gone())
    }
    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError> {
        Err(gone())
    }
    async fn cancel_all(&self) -> Result<(), BrokerError> {
        Err(gone())
    }
    async fn preview(&self, _: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError> {
        Err(gone())
    }
    async fn movements(&self, _since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        Ok(Vec::new())
    }

    async fn spec(&self, _: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        Err(gone())
    }
    async fn act(
        &self,
        action: &crate::domain::venue::VenueAction,
    ) -> Result<crate::domain::venue::VenueAnswer, BrokerError> {
        Err(crate::brokers::orders_alone("test", action))
    }

    async fn watch(&self, _: mpsc::Sender<AccountStream>) -> BrokerError {
        gone()
    }
    fn shows_at_once(&self) -> bool {
        false
    }
    async fn order(&self, _: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        Ok(Some(OrderState {
            broker_order_id: BrokerOrderId::new("b"),
            status: self.status,
            filled_quantity: Quantity::from(self.filled),
        }))
    }
    async fn executions(&self, _: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        if self.lists { Ok(vec![fill(7), fill(1)]) } else { Err(gone()) }
    }
}

/// What asking about order 1 brings, in words.
async fn answers(status: OrderStatus, filled: i64, lists: bool) -> Vec<&'static str> {
    let broker = Arc::new(Knows { capabilities: Capabilities::paper(), status, filled, lists });
    let (reports, mut heard) = mpsc::channel(16);
    let link = Link { account: AccountId::new("paper"), broker, reports, clock: Clock::replay(now()) };
    link.ask(&handle(1)).await;
    drop(link);
    let mut words = Vec::new();
    while let Some(reported) = heard.recv().await {
        for event in reported.events {
            let AccountEvent::Order(update) = event else { panic!("{event:?}") };
            assert_eq!(update.client_order_id, id(1));
            words.push(match update.event {
                OrderEvent::Filled(execution) if execution.client_order_id == Some(id(1)) => "fill",
                OrderEvent::Acknowledged { .. } => "acknowledged",
                OrderEvent::Canceled { .. } => "canceled",
                OrderEvent::Expired => "expired",
                OrderEvent::Rejected(_) => "rejected",
                other => panic!("{other:?}"),
            });
        }
    }
    words
}

#[tokio::test]
async fn j5_what_an_order_turns_out_to_be_is_passed_on_its_fills_first() {
    let table: [(OrderStatus, i64, &[&str]); 7] = [
        (OrderStatus::Submitted, 0, &["acknowledged"]),
        (OrderStatus::PartiallyFilled, 10, &["fill", "acknowledged"]),
        (OrderStatus::Filled, 10, &["fill"]),
        (OrderStatus::Rejected, 0, &["rejected"]),
        (OrderStatus::Canceled, 0, &["canceled"]),
        (OrderStatus::Canceled, 10, &["fill", "canceled"]),
        (OrderStatus::Expired, 10, &["fill", "expired"]),
    ];
    for (status, filled, expect) in table {
        assert_eq!(answers(status, filled, true).await, expect, "{status} {filled}");
    }
    // A list that does not answer is not an empty one (R6): nothing is concluded.
    assert!(answers(OrderStatus::Canceled, 10, false).await.is_empty());
}

#[tokio::test]
async fn h2_a_full_link_keeps_cancels_and_says_what_was_not_sent() {
    let (commands, mut inbox) = mpsc::channel(2);
    let mut queue = LinkQueue::new(commands, Arc::default());
    let submit = |n| LinkCommand::Submit(Box::new(Approved::seal(order(n))));
    assert!(queue.send(submit(1)).is_empty());
    assert!(queue.send(submit(11)).is_empty());
    assert_eq!(queue.send(submit(21)), [id(22), id(23), id(21)], "with its exits");
    let replace = LinkCommand::Replace(handle(1), Box::new(Approved::seal(order(31))));
    assert_eq!(queue.send(replace), [id(31)], "the old order works on");
    assert!(queue.send(LinkCommand::Ask(handle(1))).is_empty());
    for _ in 0..2 {
        assert!(queue.send(LinkCommand::Cancel(handle(1))).is_empty());
    }
    let mut seen = Vec::new();
    let mut take = |inbox: &mut mpsc::Receiver<LinkCommand>| {
        while let Ok(command) = inbox.try_recv() {
            seen.push(match command {
                LinkCommand::Submit(order) => format!("submit {}", order.get().client_order_id == id(1)),
                LinkCommand::Cancel(of) => format!("cancel {}", of.client_order_id == id(1)),
                LinkCommand::Replace(..) | LinkCommand::Ask(_) => "other".to_owned(),
                LinkCommand::Reconcile(..) => panic!("nobody asks for everything here"),
            });
        }
    };
    take(&mut inbox);
    // What was kept goes before what is new.
    assert!(queue.send(submit(41)).is_empty());
    take(&mut inbox);
    assert_eq!(seen, ["submit true", "submit false", "cancel true", "submit false"]);
}

/// A broker that does not even say how the account stands shows nothing: no part of it is empty (R6).
#[tokio::test]
async fn r6_what_a_broker_does_not_answer_is_absent() {
    let broker =
        Knows { capabilities: Capabilities::paper(), status: OrderStatus::Submitted, filled: 0, lists: true };
    let account = AccountId::new("paper");
    let statement = gather(&broker, &account, ReconcileReason::Start, now(), now()).await;
    assert!(!statement.is_complete());
    assert_eq!((statement.orders, statement.executions, statement.positions), (None, None, None));
    assert_eq!(statement.failures, ["account: test gave no answer: timeout"]);
}
