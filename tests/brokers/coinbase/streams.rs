//! The account's stream: lost, with gaps, out of order.

use std::time::Duration;

use arbion::brokers::AccountStream;
use arbion::domain::execution::OrderEvent;
use arbion::domain::money::Quantity;
use arbion::domain::order::{OrderStatus, Pricing, Side};
use rust_decimal::Decimal;
use tokio::sync::mpsc;

use super::{subject, subject_of};
use crate::contract::{event_of, fills_of, price};
use crate::emulators::coinbase::start;

async fn until(
    heard: &mut mpsc::Receiver<AccountStream>,
    wanted: impl Fn(&AccountStream) -> bool,
) -> AccountStream {
    loop {
        let said = tokio::time::timeout(Duration::from_secs(15), heard.recv()).await.unwrap().unwrap();
        if wanted(&said) {
            return said;
        }
    }
}

#[tokio::test]
async fn r7_what_fills_while_the_stream_is_down_is_found_when_it_is_up() {
    let (subject, emulator) = subject_of(start(0).await).await;
    subject.exchange.freeze(true);
    let mut heard = subject.watch().await;
    let placed =
        subject.accepted(&subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") })).await;
    let number = subject.exchange.orders()[0].number;
    subject.exchange.fill(number, Decimal::ONE, Decimal::ONE_HUNDRED).unwrap();
    fills_of(&mut heard, &placed, Quantity::from(1)).await;
    emulator.knobs().streams_down = true;
    emulator.kick();
    until(&mut heard, |said| matches!(said, AccountStream::Down { .. })).await;
    subject.exchange.fill(number, Decimal::ONE, Decimal::ONE_HUNDRED).unwrap();
    emulator.knobs().streams_down = false;
    until(&mut heard, |said| matches!(said, AccountStream::Up)).await;
    // What the engine does then.
    let since = arbion::brokers::clock::wall() - jiff::SignedDuration::from_hours(1);
    assert_eq!(subject.broker.executions(since).await.unwrap().len(), 2);
    subject.until(&placed, OrderStatus::Filled).await;
}

#[tokio::test]
async fn r7_a_missing_message_opens_the_stream_again() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let mut heard = subject.watch().await;
    emulator.knobs().skip_number = true;
    let down = until(&mut heard, |said| matches!(said, AccountStream::Down { .. })).await;
    let AccountStream::Down { reason, .. } = down else { unreachable!() };
    assert!(reason.starts_with("messages are missing:"), "{reason}");
    until(&mut heard, |said| matches!(said, AccountStream::Up)).await;
    let placed = subject.accepted(&subject.resting()).await;
    assert!(matches!(event_of(&mut heard, &placed).await, OrderEvent::Acknowledged { .. }));
}

#[tokio::test]
async fn a_snapshot_may_come_first_and_in_pieces_and_is_not_news() {
    let (subject, emulator) = subject_of(start(0).await).await;
    emulator.knobs().snapshot_first = true;
    let mut orders = Vec::new();
    for _ in 0..50 {
        let order = subject.resting();
        orders.push(subject.accepted(&order).await);
    }
    let mut heard = subject.watch().await;
    let last = orders.last().unwrap();
    subject.broker.cancel(last).await;
    // The first news is that of the cancel.
    let said = until(&mut heard, |said| matches!(said, AccountStream::Event(_))).await;
    assert!(format!("{said:?}").contains("Canceled"), "{said:?}");
}

#[tokio::test]
async fn fills_that_the_list_shows_late_are_waited_for() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let mut heard = subject.watch().await;
    emulator.knobs().fills_late = 3;
    let placed =
        subject.accepted(&subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") })).await;
    let fills = fills_of(&mut heard, &placed, subject.quantity).await;
    assert_eq!(fills.len(), 1);
    assert!(fills[0].fee > Decimal::ZERO);
}

#[tokio::test]
async fn an_order_of_which_the_rest_is_canceled_keeps_its_fills() {
    let subject = subject().await;
    subject.exchange.fill_in_parts(Some(Decimal::ONE));
    let mut heard = subject.watch().await;
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let order = arbion::domain::order::OrderRequest {
        time_in_force: arbion::domain::order::TimeInForce::Ioc,
        ..order
    };
    let placed = subject.accepted(&order).await;
    let mut told = Vec::new();
    loop {
        match event_of(&mut heard, &placed).await {
            OrderEvent::Filled(fill) => told.push(fill.quantity),
            OrderEvent::Canceled { .. } => break,
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, [Quantity::from(1)], "the fill comes before the end");
    subject.until(&placed, OrderStatus::Canceled).await;
}

#[tokio::test]
async fn orders_of_others_are_told_by_the_brokers_name() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let mut heard = subject.watch().await;
    let new = crate::emulators::exchange::NewOrder {
        client_id: Some("6b1fd2a4-33aa-4c0e-9a55-0123456789ab".into()),
        symbol: "BTC-USD".into(),
        buy: true,
        quantity: Decimal::ONE,
        terms: crate::emulators::exchange::Terms::Market,
        immediate: true,
        wire: serde_json::json!({"product_id": "BTC-USD", "order_configuration": {"market_market_ioc": {"base_size": "1"}}}),
    };
    emulator.exchange.submit(new).unwrap();
    let filled = |said: &AccountStream| format!("{said:?}").contains("Filled(");
    let said = until(&mut heard, filled).await;
    assert!(format!("{said:?}").contains("ByBroker"), "{said:?}");
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!((reports.len(), reports[0].client_order_id), (1, None));
}
