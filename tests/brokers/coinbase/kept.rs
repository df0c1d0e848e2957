//! Orders that Coinbase keeps by itself: slices over a time, a profit and a stop in one; and what was changed before this process.

use arbion::brokers::{AccountStream, SubmitOutcome};
use arbion::domain::execution::{AccountEvent, OrderEvent};
use arbion::domain::money::Quantity;
use arbion::domain::order::{OrderRequest, OrderStatus, Pricing, Side, Slices, TimeInForce};
use rust_decimal::Decimal;

use super::{connection, subject, subject_of};
use crate::approved::{account, approve};
use crate::contract::{fills_of, price};
use crate::emulators::coinbase::{PORTFOLIO, start};

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

/// A size that thirty slices do not make up goes by twenty-five, each of 72 seconds: together they are all of it and last all of the time.
#[tokio::test]
async fn slices_make_up_their_size_and_their_time() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let slices = Slices { minutes: 30, randomize: false, limit_price: Some(price("90")) };
    let order = OrderRequest {
        time_in_force: TimeInForce::Gtc,
        quantity: Quantity::from(1),
        ..subject.order(Side::Buy, Pricing::Twap(slices))
    };
    emulator.server.take_requests();
    let placed = subject.accepted(&order).await;
    let sent = emulator.server.take_requests();
    let sent = sent.iter().find(|request| request.method == "POST").unwrap().json();
    let terms = &sent["order_configuration"]["twap_limit_gtd"];
    let at = |name: &str| terms[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(at("end_time").as_second() - at("start_time").as_second(), 1_800);
    let words = |name: &str| terms[name].as_str().unwrap().to_owned();
    assert_eq!(
        [words("number_buckets"), words("bucket_size"), words("bucket_duration"), words("limit_price")],
        ["25", "0.04", "72s", "90"]
    );
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!((reports[0].pricing, reports[0].quantity), (order.pricing, order.quantity));
    assert_eq!(reports[0].client_order_id, Some(order.client_order_id), "it keeps our id");
    // What its slices fill is the whole order's.
    let mut heard = subject.watch().await;
    let part = Decimal::new(4, 2);
    emulator.exchange.fill(1, part, Decimal::from(90)).unwrap();
    assert_eq!(fills_of(&mut heard, &placed, Quantity::new(part)).await.len(), 1);
    assert!(matches!(subject.broker.cancel(&placed).await, SubmitOutcome::Acknowledged(_)));
    subject.until(&placed, OrderStatus::Canceled).await;
    // Without a worst price, nothing is sent.
    let slices = Slices { limit_price: None, ..slices };
    let outcome = subject.submit(&subject.order(Side::Buy, Pricing::Twap(slices))).await;
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
    assert!(reject.code == "UNSUPPORTED" && reject.message.contains("without a worst price"), "{reject:?}");
}

/// One order with two prices: whichever the market comes to first fills it, and the other goes with it.
#[tokio::test]
async fn a_profit_and_a_stop_are_one_order() {
    for (bid, ask, fills_at) in [("109", "110", "109"), ("89", "90", "89")] {
        let (subject, emulator) = subject_of(start(0).await).await;
        let bought = subject.accepted(&subject.order(Side::Buy, Pricing::Market)).await;
        subject.until(&bought, OrderStatus::Filled).await;
        let mut heard = subject.watch().await;
        let exits = Pricing::Oco { limit_price: price("108"), stop_price: price("92") };
        let order = OrderRequest { time_in_force: TimeInForce::Gtc, ..subject.order(Side::Sell, exits) };
        let placed = subject.accepted(&order).await;
        let reports = subject.broker.orders().await.unwrap();
        let report =
            reports.iter().find(|report| Some(&report.broker_order_id) == placed.broker_order_id.as_ref());
        assert_eq!(report.unwrap().pricing, exits);
        emulator.exchange.quote("BTC-USD", bid.parse().unwrap(), ask.parse().unwrap());
        let fills = fills_of(&mut heard, &placed, subject.quantity).await;
        assert_eq!(fills[0].price, price(fills_at));
        subject.until(&placed, OrderStatus::Filled).await;
        assert!(subject.broker.positions().await.unwrap().is_empty());
    }
}

/// A stop that the market is below already sells at once: the venue refuses it.
#[tokio::test]
async fn a_stop_on_the_wrong_side_is_refused_there() {
    let subject = subject().await;
    let bought = subject.accepted(&subject.order(Side::Buy, Pricing::Market)).await;
    subject.until(&bought, OrderStatus::Filled).await;
    let exits = Pricing::Oco { limit_price: price("120"), stop_price: price("105") };
    let outcome = subject.submit(&subject.order(Side::Sell, exits)).await;
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reject.code, "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE");
}

/// A process that comes later does not know that an order was changed in its place. What fills then is never told as a fill of the order that
/// was replaced: the broker's own id is that of the one that works.
#[tokio::test]
async fn what_fills_after_a_change_of_before_is_not_the_old_orders() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let old = OrderRequest { time_in_force: TimeInForce::Gtc, ..subject.resting() };
    let placed = subject.accepted(&old).await;
    let new = OrderRequest {
        client_order_id: subject.resting().client_order_id,
        pricing: limit("91"),
        ..old.clone()
    };
    let outcome = subject.broker.replace(&placed, approve(new)).await;
    let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{outcome:?}") };
    let later = connection(&emulator).await.account(PORTFOLIO, account()).await.unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(64);
    let watching = tokio::spawn(async move { later.watch(events).await });
    let patience = std::time::Duration::from_secs(20);
    let mut next = async || tokio::time::timeout(patience, heard.recv()).await.unwrap().unwrap();
    while !matches!(next().await, AccountStream::Up) {}
    let number = emulator.exchange.orders().last().unwrap().number;
    emulator.exchange.fill(number, Decimal::ONE, Decimal::from(91)).unwrap();
    let told = loop {
        let AccountStream::Event(event) = next().await else { continue };
        match *event {
            AccountEvent::ByBroker(update) if matches!(update.event, OrderEvent::Filled(_)) => break update,
            AccountEvent::Order(update) => panic!("{update:?}"),
            _ => {}
        }
    };
    assert_eq!(told.broker_order_id, id);
    let OrderEvent::Filled(execution) = told.event else { unreachable!() };
    assert_eq!(execution.client_order_id, None);
    watching.abort();
}
