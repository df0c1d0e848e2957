//! Orders whose answers are lost, and what the address has left to send.

use std::time::Duration;

use arbion::brokers::{AccountStream, Broker as _, Connection as _, SubmitOutcome};
use arbion::domain::execution::{ADDRESS_LIMIT, AccountEvent};
use arbion::domain::order::OrderStatus;
use serde_json::Value;

use super::{Ground, ground};
use crate::approved::account as account_id;
use crate::contract::{handle, price};
use crate::emulators::exchange::Status;
use crate::emulators::faults::Fault;
use crate::emulators::hyperliquid::{AGENT_KEY, SUB_ACCOUNT, master};

fn kinds(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["action"]["type"].as_str().unwrap()).collect()
}

/// What was posted arrives, late.
fn late(ground: &Ground, body: &Value) -> String {
    format!("{:?}", ground.emulator.desk.act(body))
}

/// The order was lost on its way: asked for, it is not there, and its nonce is used up, so that it is nowhere and stays nowhere.
#[tokio::test]
async fn an_order_that_was_lost_on_its_way_cannot_arrive_any_more() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let order = subject.resting();
    ground.posted("");
    subject.faults.once("POST", "/exchange", Fault::DropBefore);
    let outcome = subject.submit(&order).await;
    assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{outcome:?}");
    assert_eq!(subject.broker.order(&handle(&order, None)).await.unwrap(), None, "at once, and for certain");
    let posted = ground.posted("/exchange");
    assert_eq!(kinds(&posted), ["order", "noop"]);
    assert_eq!(posted[0]["nonce"], posted[1]["nonce"]);
    let answer = late(&ground, &posted[0]);
    assert!(answer.contains("Invalid nonce: duplicate"), "{answer}");
    assert!(subject.exchange.orders().is_empty());
    // Asked again, nothing more is sent.
    assert_eq!(subject.broker.order(&handle(&order, None)).await.unwrap(), None);
    assert!(ground.posted("/exchange").is_empty());
}

/// Canceled while nobody knows whether it has arrived: what is on its way never comes, and what has come is canceled.
#[tokio::test]
async fn a_cancel_of_an_order_in_doubt_holds_whether_it_has_arrived_or_not() {
    for fault in [Fault::DropBefore, Fault::DropAfter] {
        let ground = ground().await;
        let subject = ground.subject().await;
        let order = subject.resting();
        ground.posted("");
        subject.faults.once("POST", "/exchange", fault.clone());
        assert!(matches!(subject.submit(&order).await, SubmitOutcome::Unknown(_)));
        let arrived = fault == Fault::DropAfter;
        let outcome = subject.broker.cancel(&handle(&order, None)).await;
        assert_eq!(matches!(outcome, SubmitOutcome::Acknowledged(_)), arrived, "{outcome:?}");
        let posted = ground.posted("/exchange");
        assert_eq!(kinds(&posted), ["order", "noop", "cancelByCloid"]);
        late(&ground, &posted[0]);
        let working = subject.exchange.orders().into_iter().filter(|order| order.status == Status::Working);
        assert_eq!(working.count(), 0);
        let found = subject.broker.order(&handle(&order, None)).await.unwrap();
        assert_eq!(found.map(|state| state.status), arrived.then_some(OrderStatus::Canceled));
    }
}

/// An order that has arrived is found, and nothing is sent on its account.
#[tokio::test]
async fn an_order_whose_answer_was_lost_is_found_without_a_word() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let order = subject.resting();
    ground.posted("");
    subject.faults.once("POST", "/exchange", Fault::DropAfter);
    assert!(matches!(subject.submit(&order).await, SubmitOutcome::Unknown(_)));
    let found = subject.broker.order(&handle(&order, None)).await.unwrap();
    assert_eq!(found.unwrap().status, OrderStatus::Submitted);
    assert_eq!(kinds(&ground.posted("/exchange")), ["order"]);
    assert_eq!(price("90"), subject.broker.orders().await.unwrap()[0].pricing.limit_price().unwrap());
}

/// What a start asks for, an account at a time: figures, then everything that a comparison is made of, then figures again.
#[tokio::test]
async fn a_start_reads_each_thing_once() {
    let ground = ground().await;
    let login = ground.login(AGENT_KEY);
    login.accounts().await.unwrap();
    let now = arbion::brokers::clock::wall();
    for address in [master(), SUB_ACCOUNT.to_owned()] {
        let account = login.open(&address, account_id()).await.unwrap();
        account.account().await.unwrap();
        let watched = account.clone();
        let (events, mut heard) = tokio::sync::mpsc::channel(64);
        let watching = tokio::spawn(async move { watched.watch(events).await });
        assert!(matches!(heard.recv().await.unwrap(), AccountStream::Up));
        account.account().await.unwrap();
        account.orders().await.unwrap();
        account.executions(now - jiff::SignedDuration::from_hours(25)).await.unwrap();
        account.movements(now - jiff::SignedDuration::from_hours(25)).await.unwrap();
        account.positions().await.unwrap();
        account.account().await.unwrap();
        watching.abort();
    }
    let asked = ground.posted("/info");
    let of = |kind: &str| asked.iter().filter(|body| body["type"] == kind).count();
    for (kind, times) in [
        ("userRole", 1),
        ("extraAgents", 1),
        ("meta", 1),
        ("spotMeta", 1),
        ("userFillsByTime", 2),
        ("userTwapSliceFills", 2),
        ("twapHistory", 2),
        ("historicalOrders", 2),
        ("frontendOpenOrders", 2),
        ("userFunding", 2),
        ("userNonFundingLedgerUpdates", 2),
        ("portfolio", 2),
        ("userAbstraction", 2),
        ("userRateLimit", 0),
    ] {
        assert_eq!(of(kind), times, "{kind}");
    }
}

/// At 95 % of what its address may send, the account says so once, and the connection shows how much it is.
#[tokio::test]
async fn what_the_address_has_left_is_said_and_shown() {
    let ground = ground().await;
    let login = ground.login(AGENT_KEY);
    login.accounts().await.unwrap();
    assert!(login.health().words.is_empty());
    let account = login.open(&master(), account_id()).await.unwrap();
    let watched = account.clone();
    let (events, mut heard) = tokio::sync::mpsc::channel(64);
    let watching = tokio::spawn(async move { watched.watch(events).await });
    assert!(matches!(heard.recv().await.unwrap(), AccountStream::Up));
    ground.emulator.desk.state().requests = Some((9_499, 10_000));
    account.request_budget().await.unwrap();
    assert_eq!(login.health().words, ["9499 of 10000 requests used"]);
    ground.emulator.desk.state().requests = Some((9_500, 10_000));
    for _ in 0..2 {
        account.request_budget().await.unwrap();
    }
    let AccountStream::Event(event) = heard.recv().await.unwrap() else { panic!("no notice") };
    let AccountEvent::Notice(notice) = *event else { panic!("{event:?}") };
    assert_eq!((notice.account, notice.code.as_str()), (account_id(), ADDRESS_LIMIT));
    assert!(notice.text.contains("9500 of the 10000"), "{}", notice.text);
    let more = tokio::time::timeout(Duration::from_millis(200), heard.recv()).await;
    assert!(more.is_err(), "once: {more:?}");
    watching.abort();
}
