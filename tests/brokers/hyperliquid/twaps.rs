//! Orders in slices over a time: one order with one number, whose fills are in a list of their own.

use arbion::brokers::{AccountStream, BrokerError, SubmitOutcome};
use arbion::domain::execution::{AccountEvent, OrderEvent};
use arbion::domain::ids::BrokerOrderId;
use arbion::domain::order::{OrderRequest, OrderStatus, Pricing, Side, Slices, TimeInForce};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::json;

use super::{Ground, ground};
use crate::contract::{Subject, event_of, handle};
use crate::emulators::faults::Fault;

fn slices(subject: &Subject, quantity: i64, minutes: u32) -> OrderRequest {
    let pricing = Pricing::Twap(Slices { minutes, randomize: true, limit_price: None });
    OrderRequest {
        quantity: quantity.into(),
        time_in_force: TimeInForce::Gtc,
        ..subject.order(Side::Buy, pricing)
    }
}

fn number(id: &BrokerOrderId) -> u64 {
    id.as_str().strip_prefix("twap-").unwrap().parse().unwrap()
}

fn an_hour_ago() -> Timestamp {
    arbion::brokers::clock::wall() - SignedDuration::from_hours(1)
}

async fn began(ground: &Ground) -> (Subject, OrderRequest, BrokerOrderId) {
    let subject = ground.subject().await;
    let order = slices(&subject, 10, 30);
    let id = subject.accepted(&order).await.broker_order_id.unwrap();
    (subject, order, id)
}

#[tokio::test]
async fn slices_are_one_order_whose_fills_count_to_it() {
    let ground = ground().await;
    let (subject, order, id) = began(&ground).await;
    let sent = ground.posted("/exchange");
    assert_eq!(
        sent[0]["action"],
        json!({"type": "twapOrder", "twap": {"a": 1, "b": true, "s": "10", "r": false, "m": 30, "t": true}})
    );
    let mut heard = subject.watch().await;
    let handle = handle(&order, Some(id.clone()));
    ground.emulator.desk.slice(number(&id), Decimal::from(4));
    let OrderEvent::Filled(fill) = event_of(&mut heard, &handle).await else { panic!("no fill") };
    assert_eq!((fill.broker_order_id.as_ref(), fill.client_order_id), (Some(&id), None));
    assert_eq!((fill.quantity, fill.fee), (4.into(), "0.180180".parse().unwrap()));
    subject.until(&handle, OrderStatus::PartiallyFilled).await;
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!((reports[0].pricing, reports[0].filled_quantity), (order.pricing, 4.into()));
    assert_eq!(reports[0].average_price, Some("100.1".parse().unwrap()));
    let listed = subject.broker.executions(an_hour_ago()).await.unwrap();
    assert_eq!(listed, [fill], "the list and the stream say the same of it");
    let late = arbion::brokers::clock::wall() + SignedDuration::from_secs(5);
    assert!(subject.broker.executions(late).await.unwrap().is_empty());
    // The rest: only its fills complete it.
    ground.emulator.desk.slice(number(&id), Decimal::from(6));
    let OrderEvent::Filled(fill) = event_of(&mut heard, &handle).await else { panic!("no fill") };
    assert_eq!(fill.quantity, 6.into());
    subject.until(&handle, OrderStatus::Filled).await;
    assert_eq!(subject.broker.positions().await.unwrap()[0].quantity, 10.into());
    let again = subject.broker.cancel(&handle).await;
    assert!(matches!(again, SubmitOutcome::Rejected(_)), "{again:?}");
}

#[tokio::test]
async fn slices_end_at_our_wish_and_at_the_venues() {
    let ground = ground().await;
    let (subject, order, id) = began(&ground).await;
    let mut heard = subject.watch().await;
    let first = handle(&order, Some(id.clone()));
    ground.emulator.desk.slice(number(&id), Decimal::ONE);
    assert!(matches!(event_of(&mut heard, &first).await, OrderEvent::Filled(_)));
    assert_eq!(subject.broker.cancel(&first).await, SubmitOutcome::Acknowledged(id));
    assert_eq!(event_of(&mut heard, &first).await, OrderEvent::Canceled { reason: None });
    subject.until(&first, OrderStatus::Canceled).await;

    let order = slices(&subject, 10, 30);
    let second = subject.accepted(&order).await;
    let id = number(second.broker_order_id.as_ref().unwrap());
    ground.emulator.desk.end_twap(id, "error", Some("Insufficient margin"));
    loop {
        match event_of(&mut heard, &second).await {
            OrderEvent::Acknowledged { .. } => {}
            OrderEvent::Rejected(reject) => break assert_eq!(reject.message, "Insufficient margin"),
            other => panic!("{other:?}"),
        }
    }
    // Its time is over before all of it is done.
    let third = subject.accepted(&slices(&subject, 10, 30)).await;
    let id = number(third.broker_order_id.as_ref().unwrap());
    ground.emulator.desk.slice(id, Decimal::from(3));
    ground.emulator.desk.end_twap(id, "finished", None);
    subject.until(&third, OrderStatus::Canceled).await;
    loop {
        match event_of(&mut heard, &third).await {
            OrderEvent::Acknowledged { .. } | OrderEvent::Filled(_) => {}
            OrderEvent::Canceled { reason } => {
                break assert_eq!(reason.as_deref(), Some("its time is over, with 3 of 10 done"));
            }
            other => panic!("{other:?}"),
        }
    }
    // Everything is everything.
    let fourth = subject.accepted(&slices(&subject, 10, 30)).await;
    subject.broker.cancel_all().await.unwrap();
    subject.until(&fourth, OrderStatus::Canceled).await;
}

/// The venue keeps no id of ours: an answer that was lost leaves it in doubt, and the list shows it by its terms. It is never sent again.
#[tokio::test]
async fn j4_slices_without_an_answer_are_in_doubt_and_found_by_their_terms() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let order = slices(&subject, 10, 30);
    subject.faults.once("POST", "/exchange", Fault::DropAfter);
    let outcome = subject.submit(&order).await;
    assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{outcome:?}");
    let error = subject.broker.order(&handle(&order, None)).await.unwrap_err();
    assert!(matches!(error, BrokerError::NoAnswer { .. }), "nobody can say that it is not there: {error}");
    let canceled = subject.broker.cancel(&handle(&order, None)).await;
    assert!(matches!(canceled, SubmitOutcome::NotSent(_)), "{canceled:?}");
    assert!(matches!(subject.submit(&order).await, SubmitOutcome::Unknown(_)), "and not twice");
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports.len(), 1, "{reports:?}");
    let shown = &reports[0];
    assert_eq!((&shown.subject, shown.side, shown.quantity), (&order.subject, order.side, order.quantity));
    assert_eq!((shown.pricing, shown.client_order_id), (order.pricing, None));
}

#[tokio::test]
async fn slices_are_refused_here_and_there_with_what_is_taken() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let refused = async |order: OrderRequest| match subject.submit(&order).await {
        SubmitOutcome::Rejected(reject) => (reject.code.to_string(), reject.message),
        other => panic!("{other:?}"),
    };
    let small = refused(slices(&subject, 1, 30)).await;
    assert_eq!(small.0, "twapRejected");
    assert!(small.1.contains("Min is $300, which is $10 per minute"), "{}", small.1);
    ground.posted("/exchange");
    for (order, said) in [
        (slices(&subject, 10, 4), "5 to 1440 minutes"),
        (slices(&subject, 10, 1_441), "5 to 1440 minutes"),
        (OrderRequest { time_in_force: TimeInForce::Ioc, ..slices(&subject, 10, 30) }, "it takes gtc"),
        (OrderRequest { quantity: "10.00001".parse().unwrap(), ..slices(&subject, 10, 30) }, "multiples of"),
    ] {
        let (code, message) = refused(order).await;
        assert_eq!(code, "UNSUPPORTED");
        assert!(message.contains(said), "{message}");
    }
    assert!(ground.posted("/exchange").is_empty());
}

/// What happened while the line was down is in the lists; a snapshot of the past is not news.
#[tokio::test]
async fn r7_slices_of_a_pause_are_found_by_asking() {
    let ground = ground().await;
    let (subject, order, id) = began(&ground).await;
    ground.emulator.desk.slice(number(&id), Decimal::from(2));
    let mut heard = subject.watch().await;
    ground.emulator.desk.cut();
    loop {
        match heard.recv().await.unwrap() {
            AccountStream::Down { .. } => break,
            AccountStream::Event(event) => assert!(!matches!(*event, AccountEvent::ByBroker(_)), "{event:?}"),
            AccountStream::Up => {}
        }
    }
    let fills = subject.broker.executions(an_hour_ago()).await.unwrap();
    assert_eq!((fills.len(), fills[0].broker_order_id.as_ref()), (1, Some(&id)));
    let state = subject.broker.order(&handle(&order, Some(id))).await.unwrap().unwrap();
    assert_eq!(state.filled_quantity, 2.into());
}
