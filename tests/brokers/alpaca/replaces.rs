//! Replaces of what has filled in part: Alpaca counts the whole of a chain, we the rest.

use arbion::brokers::SubmitOutcome;
use arbion::domain::money::Quantity;
use arbion::domain::order::{OrderHandle, OrderRequest, OrderStatus, Pricing};
use rust_decimal::Decimal;

use super::subject;
use crate::approved::approve;
use crate::contract::{fills_of, handle, price};

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

/// Of 12, 4 have filled; 10 are wanted in all at another price. Alpaca counts the whole, we the rest.
#[tokio::test]
async fn what_has_filled_in_part_is_replaced_for_the_rest() {
    let subject = subject().await;
    let mut heard = subject.watch().await;
    let old = subject.resting();
    let known = subject.accepted(&old).await;
    let number = subject.exchange.orders()[0].number;
    subject.exchange.fill(number, Decimal::from(4), Decimal::from(90)).unwrap();
    fills_of(&mut heard, &known, Quantity::from(4)).await;
    let known = OrderHandle { filled_quantity: Quantity::from(4), ..known };
    let rest = |at: &str, quantity: i64| OrderRequest {
        quantity: Quantity::from(quantity),
        client_order_id: subject.resting().client_order_id,
        ..OrderRequest { pricing: limit(at), ..old.clone() }
    };
    let new = rest("91", 6);
    let outcome = subject.broker.replace(&known, approve(new.clone())).await;
    let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{outcome:?}") };
    let theirs = subject.exchange.orders().pop().unwrap();
    assert_eq!((theirs.new.quantity, theirs.filled), (Decimal::from(10), Decimal::from(4)));
    let of = |reports: Vec<arbion::domain::statement::OrderReport>| {
        let ours = |report: &arbion::domain::statement::OrderReport| {
            report.client_order_id == Some(new.client_order_id)
        };
        let report = reports.into_iter().find(ours).unwrap();
        (report.quantity, report.filled_quantity)
    };
    let carried = of(subject.broker.orders().await.unwrap());
    assert_eq!(carried, (Quantity::from(6), Quantity::ZERO), "what the old one had filled is the old one's");
    // Two more fill of the new one; then 7 are wanted of it, and a chain of three is counted right.
    subject.exchange.fill(theirs.number, Decimal::TWO, Decimal::from(91)).unwrap();
    let second = OrderHandle { filled_quantity: Quantity::from(2), ..handle(&new, Some(id)) };
    let third = rest("92", 5);
    let outcome = subject.broker.replace(&second, approve(third.clone())).await;
    assert!(matches!(outcome, SubmitOutcome::Acknowledged(_)), "{outcome:?}");
    let theirs = subject.exchange.orders().pop().unwrap();
    assert_eq!((theirs.new.quantity, theirs.filled), (Decimal::from(11), Decimal::from(6)));
    subject.exchange.quote("AAPL", Decimal::from(91), Decimal::from(92));
    let third = handle(&third, None);
    subject.until(&third, OrderStatus::Filled).await;
    assert_eq!(subject.broker.positions().await.unwrap()[0].quantity, Quantity::from(11));
}

/// Three fill that we have not heard of when the change is asked for: not one more is bought than was wanted.
#[tokio::test]
async fn what_fills_while_it_is_replaced_is_not_bought_twice() {
    let subject = subject().await;
    let old = subject.resting();
    let known = subject.accepted(&old).await;
    let number = subject.exchange.orders()[0].number;
    subject.exchange.fill(number, Decimal::from(3), Decimal::from(90)).unwrap();
    let new = OrderRequest {
        pricing: limit("91"),
        quantity: Quantity::from(10),
        client_order_id: subject.resting().client_order_id,
        ..old.clone()
    };
    let outcome = subject.broker.replace(&known, approve(new.clone())).await;
    assert!(matches!(outcome, SubmitOutcome::Acknowledged(_)), "{outcome:?}");
    subject.exchange.quote("AAPL", Decimal::from(90), Decimal::from(91));
    subject.until(&handle(&new, None), OrderStatus::Filled).await;
    assert_eq!(subject.broker.positions().await.unwrap()[0].quantity, Quantity::from(10));
    let reports = subject.broker.orders().await.unwrap();
    let report = reports.iter().find(|report| report.client_order_id == Some(new.client_order_id)).unwrap();
    assert_eq!((report.quantity, report.status), (Quantity::from(7), OrderStatus::Filled));
}

/// Alpaca changes nothing of it: said here, and nothing sent.
#[tokio::test]
async fn an_amount_of_money_is_not_replaced() {
    let subject = subject().await;
    subject.exchange.freeze(true);
    let money = OrderRequest {
        cash_order_quantity: Some(Decimal::from(500)),
        ..subject.order(arbion::domain::order::Side::Buy, Pricing::Market)
    };
    let known = subject.accepted(&money).await;
    let SubmitOutcome::Rejected(reject) = subject.broker.replace(&known, approve(subject.resting())).await
    else {
        panic!()
    };
    assert!(reject.code == "UNSUPPORTED" && reject.message.contains("amount of money"), "{reject:?}");
    assert_eq!(subject.exchange.orders().len(), 1);
}
