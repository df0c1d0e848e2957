//! The order stream: frames, losses, words that nobody knows.

use std::time::Duration;

use arbion::brokers::{AccountStream, BrokerError};
use arbion::domain::execution::{AccountEvent, OrderEvent};
use arbion::domain::money::Quantity;
use arbion::domain::order::{OrderRequest, OrderStatus, Pricing, Side};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{connect, credentials, of, settings};
use crate::approved::{account, approve};
use crate::contract::{Subject, event_of, fills_of, price};
use crate::emulators::alpaca::{Desk, start};

async fn next(heard: &mut mpsc::Receiver<AccountStream>) -> AccountStream {
    tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.expect("nothing comes").unwrap()
}

async fn with_desk() -> (Subject, Desk) {
    let emulator = start(0).await;
    let desk = emulator.desk.clone();
    (of(emulator).await, desk)
}

/// Live sends text, paper bytes: both are read.
#[tokio::test]
async fn text_and_binary_frames_say_the_same() {
    for text_frames in [true, false] {
        let (subject, desk) = with_desk().await;
        desk.state().text_frames = text_frames;
        let mut heard = subject.watch().await;
        let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
        let handle = subject.accepted(&order).await;
        let fills = fills_of(&mut heard, &handle, subject.quantity).await;
        assert_eq!(fills[0].client_order_id, Some(order.client_order_id));
    }
}

/// The stream is down while an order fills: it comes up again, says so, and the list has the fill.
#[tokio::test]
async fn r7_a_fill_while_the_stream_was_down_is_found() {
    let (subject, desk) = with_desk().await;
    subject.exchange.freeze(true);
    let mut heard = subject.watch().await;
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = subject.accepted(&order).await;
    let half = subject.quantity.get() / Decimal::TWO;
    subject.exchange.fill(1, half, Decimal::from(100)).unwrap();
    let first = fills_of(&mut heard, &handle, Quantity::new(half)).await;
    desk.state().streams_down = true;
    desk.cut_streams();
    loop {
        if let AccountStream::Down { reason, .. } = next(&mut heard).await {
            assert!(!reason.is_empty());
            break;
        }
    }
    subject.exchange.fill(1, half, Decimal::from(100)).unwrap();
    desk.state().streams_down = false;
    while next(&mut heard).await != AccountStream::Up {}
    subject.until(&handle, OrderStatus::Filled).await;
    let listed = subject.broker.executions(first[0].at - SignedDuration::from_hours(1)).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0], first[0]);
}

#[tokio::test]
async fn a_key_that_is_wrong_ends_the_stream() {
    let emulator = start(0).await;
    let line = connect(&settings(&emulator), &credentials(&emulator)).await.unwrap();
    let broker = line.account("PA3TEST00001", account()).await.unwrap();
    emulator.desk.state().secret_key = "another".to_owned();
    let (events, _heard) = mpsc::channel(8);
    let error = broker.watch(events).await;
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
}

#[tokio::test]
async fn the_stream_ends_when_nobody_listens() {
    let emulator = start(0).await;
    let line = connect(&settings(&emulator), &credentials(&emulator)).await.unwrap();
    let broker = line.account("PA3TEST00001", account()).await.unwrap();
    let (events, heard) = mpsc::channel(8);
    drop(heard);
    let error = tokio::time::timeout(Duration::from_secs(10), broker.watch(events)).await.unwrap();
    assert!(matches!(error, BrokerError::Unreachable { .. }), "{error}");
}

/// A message of an order of ours with another event.
fn said(desk: &Desk, subject: &Subject, event: &str, changes: &[(&str, Value)]) {
    let mut order = desk.show(&subject.exchange.orders()[0], true);
    for (name, value) in changes {
        order[*name] = value.clone();
    }
    desk.say(json!({ "event": event, "order": order, "timestamp": "2026-11-26T15:00:00Z" }));
}

#[tokio::test]
async fn every_event_means_what_it_says() {
    for (event, changes, expected) in [
        ("expired", vec![], Some(OrderEvent::Expired)),
        ("canceled", vec![], Some(OrderEvent::Canceled { reason: None })),
        (
            "restated",
            vec![("qty", json!("24")), ("limit_price", json!("45"))],
            Some(OrderEvent::Restated {
                quantity: Quantity::from(24),
                pricing: Pricing::Limit { limit_price: price("45") },
            }),
        ),
        ("pending_cancel", vec![], None),
        ("done_for_day", vec![], None),
        ("word of next year", vec![], None),
    ] {
        let (subject, desk) = with_desk().await;
        let mut heard = subject.watch().await;
        let handle = subject.accepted(&subject.resting()).await;
        let OrderEvent::Acknowledged { .. } = event_of(&mut heard, &handle).await else { panic!("{event}") };
        said(&desk, &subject, event, &changes);
        // What means nothing is followed by what means something.
        said(&desk, &subject, "order_cancel_rejected", &[]);
        let mut found = event_of(&mut heard, &handle).await;
        while matches!(found, OrderEvent::Acknowledged { .. }) {
            found = event_of(&mut heard, &handle).await;
        }
        match expected {
            Some(expected) => assert_eq!(found, expected, "{event}"),
            None => assert!(matches!(found, OrderEvent::CancelRejected(_)), "{event}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn refusals_and_stops_of_the_stream() {
    let (subject, desk) = with_desk().await;
    let mut heard = subject.watch().await;
    let handle = subject.accepted(&subject.resting()).await;
    said(&desk, &subject, "rejected", &[("status", json!("rejected"))]);
    said(&desk, &subject, "order_replace_rejected", &[]);
    said(&desk, &subject, "pending_new", &[]);
    let trailing = [("type", json!("trailing_stop")), ("stop_price", json!("88.5"))];
    said(&desk, &subject, "calculated", &trailing);
    let mut found = Vec::new();
    while found.len() < 3 {
        match event_of(&mut heard, &handle).await {
            OrderEvent::Acknowledged { .. } => {}
            event => found.push(event),
        }
    }
    assert!(matches!(&found[0], OrderEvent::Rejected(reject) if reject.code == "REJECTED"));
    assert!(matches!(&found[1], OrderEvent::ReplaceRejected(_)));
    assert_eq!(found[2], OrderEvent::StopMoved { stop_price: price("88.5") });
}

/// A replace is told of the old order, by our id of the new one.
#[tokio::test]
async fn a_replace_is_told_under_both_ids() {
    let (subject, _desk) = with_desk().await;
    let mut heard = subject.watch().await;
    let old = subject.resting();
    let old_handle = subject.accepted(&old).await;
    let new = OrderRequest {
        client_order_id: subject.resting().client_order_id,
        pricing: Pricing::Limit { limit_price: price("91") },
        ..old.clone()
    };
    subject.broker.replace(&old_handle, approve(new.clone())).await;
    loop {
        match event_of(&mut heard, &old_handle).await {
            OrderEvent::Replaced { by } => break assert_eq!(by, new.client_order_id),
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    loop {
        let AccountStream::Event(event) = next(&mut heard).await else { continue };
        if let AccountEvent::Order(update) = *event
            && update.client_order_id == new.client_order_id
        {
            break assert!(matches!(update.event, OrderEvent::Acknowledged { .. }));
        }
    }
}

/// A message that cannot be read may have been a fill: the stream begins anew, so that everything is asked for.
#[tokio::test]
async fn r7_what_cannot_be_read_is_a_gap() {
    let (subject, desk) = with_desk().await;
    let mut heard = subject.watch().await;
    desk.say(json!({ "event": "fill", "order": { "status": 7 } }));
    let mut words = Vec::new();
    while words.len() < 2 {
        match next(&mut heard).await {
            AccountStream::Event(_) => {}
            word => words.push(word),
        }
    }
    assert!(matches!(&words[0], AccountStream::Down { reason, .. } if reason.contains("order")), "{words:?}");
    assert_eq!(words[1], AccountStream::Up);
}

/// A fill without its numbers is looked up; one that a trade desk took back has everything asked for.
#[tokio::test]
async fn fills_without_numbers_are_looked_up() {
    let (subject, desk) = with_desk().await;
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = subject.accepted(&order).await;
    subject.until(&handle, OrderStatus::Filled).await;
    let mut heard = subject.watch().await;
    let order = desk.show(&subject.exchange.orders()[0], true);
    desk.say(
        json!({ "event": "fill", "order": order, "timestamp": arbion::brokers::clock::wall().to_string() }),
    );
    let fills = fills_of(&mut heard, &handle, subject.quantity).await;
    assert_eq!(fills[0].price, price("100.1"));
    said(&desk, &subject, "trade_bust", &[]);
    while next(&mut heard).await != AccountStream::Up {}
}
