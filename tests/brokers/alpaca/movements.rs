//! What moves without an order: asked for by its category, page by page, each under its id.

use arbion::domain::corporate::CorporateActionKind;
use arbion::domain::execution::CashKind;
use arbion::domain::movement::Moved;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::json;

use super::{of, start};
use crate::contract::price;
use crate::emulators::faults::Fault;

fn an_hour_ago() -> Timestamp {
    arbion::brokers::clock::wall() - SignedDuration::from_hours(1)
}

#[tokio::test]
async fn splits_dividends_and_fees_are_listed_and_fills_are_not() {
    let emulator = start(0).await;
    let desk = emulator.desk.clone();
    emulator.exchange.hold("AAPL", Decimal::TEN, Decimal::from(100));
    let subject = of(emulator).await;
    let order = subject.order(
        arbion::domain::order::Side::Buy,
        arbion::domain::order::Pricing::Limit { limit_price: price("101") },
    );
    subject.accepted(&order).await;
    desk.split("AAPL", 4);
    desk.dividend("AAPL", Decimal::new(25, 2));
    desk.book("FEE", json!({"activity_sub_type": "TAF", "net_amount": "-0.02"}));
    desk.book("CFEE", json!({"symbol": "BTC/USD", "qty": "-0.001", "price": "60000"}));
    let found = subject.broker.movements(an_hour_ago()).await.unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    let split = found.iter().find(|it| it.cash.kind == CashKind::Corporate).unwrap();
    let action = split.action.as_ref().unwrap();
    assert_eq!(action.kind, CorporateActionKind::Split { numerator: 4, denominator: 1 });
    // Twelve were bought before it.
    let Moved::Units(added) = &split.units[0] else { panic!("{split:?}") };
    assert_eq!((added.quantity, added.price, added.execution_id.as_str().len()), (66.into(), price("0"), 36));
    let paid = found.iter().find(|it| it.cash.kind == CashKind::Dividend).unwrap();
    assert_eq!(
        (paid.cash.amount, paid.cash.instrument.as_ref()),
        (Decimal::from(22), Some(&subject.instrument))
    );
    let fee = found.iter().find(|it| it.cash.kind == CashKind::Fee).unwrap();
    assert_eq!(fee.cash.amount, Decimal::new(-2, 2));
    // Fees in coins and fills are executions.
    assert_eq!(subject.broker.executions(an_hour_ago()).await.unwrap().len(), 2);
    let again = subject.broker.movements(an_hour_ago()).await.unwrap();
    assert_eq!(again, found, "the same ids each time");
    let later = arbion::brokers::clock::wall() + SignedDuration::from_secs(2);
    assert!(subject.broker.movements(later).await.unwrap().is_empty());
}

#[tokio::test]
async fn r6_a_long_list_is_read_whole_and_a_wrong_one_is_an_error() {
    let emulator = start(0).await;
    let desk = emulator.desk.clone();
    for n in 0..230 {
        desk.book("FEE", json!({"net_amount": format!("-0.{n:03}1")}));
    }
    let subject = of(emulator).await;
    let found = subject.broker.movements(an_hour_ago()).await.unwrap();
    let mut ids: Vec<&str> = found.iter().map(|it| it.cash.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((found.len(), ids.len()), (230, 230));
    for body in ["<html>", "{}", "7", r#"[{"id":"1","activity_type":"DIV","net_amount":"NaN"}]"#, "[{}]"] {
        subject.faults.once("GET", "/account/activities", Fault::answer(200, body));
        assert!(subject.broker.movements(an_hour_ago()).await.is_err(), "{body}");
    }
}
