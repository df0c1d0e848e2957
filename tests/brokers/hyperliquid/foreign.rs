//! Orders that were made elsewhere, such as on the venue's own page.

use arbion::domain::money::Quantity;
use arbion::domain::order::{OrderStatus, Pricing, Side};
use rust_decimal::Decimal;
use serde_json::json;

use super::ground;
use crate::contract::price;
use crate::emulators::exchange::{NewOrder, Terms};

/// The page's own stop closes whatever is held then, and says no size: it is as large as the position, so that its fills are not too many.
#[tokio::test]
async fn an_exit_of_the_whole_position_is_as_large_as_that() {
    let subject = ground().await.subject().await;
    let stop = || NewOrder {
        client_id: None,
        symbol: "ETH".to_owned(),
        buy: false,
        quantity: Decimal::from(7),
        terms: Terms::Stop(Decimal::from(80)),
        immediate: false,
        wire: json!({"r": true, "whole": true, "p": "72",
            "t": {"trigger": {"isMarket": true, "triggerPx": "80", "tpsl": "sl"}}}),
    };
    subject.exchange.submit(stop()).unwrap();
    let orders = subject.broker.orders().await.unwrap();
    assert!(orders.is_empty(), "nothing is held, so that it is an order for nothing: {orders:?}");
    let bought = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let bought = subject.accepted(&bought).await;
    subject.until(&bought, OrderStatus::Filled).await;
    let orders = subject.broker.orders().await.unwrap();
    let shown = orders.iter().find(|order| order.client_order_id.is_none()).expect("it is listed");
    assert_eq!((shown.status, shown.side), (OrderStatus::Submitted, Side::Sell));
    assert_eq!((shown.quantity, shown.filled_quantity), (subject.quantity, Quantity::ZERO));
    assert_eq!(shown.pricing, Pricing::Stop { stop_price: price("80") });
    assert_eq!(shown.native_type.as_deref(), Some("stop at 80 of the whole position"));
}
