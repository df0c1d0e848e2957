//! Our requests beside those of the official client (tests/fixtures/brokers/alpaca), field by field.

use std::sync::Arc;

use arbion::brokers::alpaca::connect;
use arbion::domain::instrument::Instrument;
use arbion::domain::money::Quantity;
use arbion::domain::option::{Leg, OptionContract};
use arbion::domain::order::{
    BracketExit, OrderRequest, OrderSubject, PositionEffect, Pricing, Side, TimeInForce, TradingSession,
    Trail,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{credentials, settings};
use crate::approved::{account, approve};
use crate::contract::{Desk, Subject, handle, price, sheet};
use crate::emulators::alpaca::start;
use crate::emulators::faults::Fault;

fn recorded() -> Value {
    serde_json::from_str(include_str!("../../fixtures/brokers/alpaca/sdk-wire.json")).unwrap()
}

/// The recorded exchange whose call begins so.
fn exchange(call: &str) -> Value {
    let all = recorded();
    let rows = all["rest"].as_array().unwrap();
    rows.iter().find(|row| row["call"].as_str().unwrap().starts_with(call)).expect(call).clone()
}

/// Numbers as text without trailing zeros: they send numbers, we send text, the broker takes both.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Number(number) => {
            number.to_string().parse::<Decimal>().unwrap().normalize().to_string().into()
        }
        Value::String(text) => text
            .parse::<Decimal>()
            .map_or_else(|_| value.clone(), |number| number.normalize().to_string().into()),
        other => other.clone(),
    }
}

/// What is sent for an order, without the id, which is ours.
async fn sent(order: impl Fn(&Subject) -> OrderRequest) -> Value {
    let emulator = start(0).await;
    let line = connect(&settings(&emulator), &credentials(&emulator)).await.unwrap();
    let broker = line.account("PA3TEST00001", account()).await.unwrap();
    let subject = Subject {
        desk: Desk::new(
            broker,
            Instrument::equity("AAPL").unwrap(),
            Quantity::from(1),
            Arc::new(emulator.exchange.clone()),
        ),
        exchange: emulator.exchange.clone(),
        faults: emulator.server.faults.clone(),
        submit: ("POST", "/v2/orders"),
        replace: ("PATCH", "/v2/orders/"),
        cancel: ("DELETE", "/v2/orders/"),
        read: ("GET", "/v2/orders"),
        sheet: sheet::alpaca(&emulator),
        keep: Box::new(()),
    };
    emulator.server.take_requests();
    let order = order(&subject);
    // Whether it is taken is not asked here: the recording's instruments are not listed.
    let answer = exchange("TradingClient.get_account()")["response"]["body"].to_string();
    emulator.server.faults.once("POST", "/v2/orders", Fault::answer(200, &answer));
    subject.submit(&order).await;
    let requests = emulator.server.take_requests();
    let request = requests.iter().find(|request| request.method == "POST").expect("an order");
    assert_eq!(request.path, "/v2/orders");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("apca-api-key-id"), Some("PKTEST"));
    assert_eq!(request.header("apca-api-secret-key"), Some("SECRET"));
    let mut body = request.json();
    let id = body.as_object_mut().unwrap().remove("client_order_id").unwrap();
    assert!(id.as_str().unwrap().starts_with(&format!("arb-{}", order.client_order_id)), "{id}");
    body
}

fn of(instrument: Instrument, order: OrderRequest) -> OrderRequest {
    OrderRequest { subject: OrderSubject::Instrument(instrument), ..order }
}

/// A recorded order's body without its id, with what we say besides.
fn theirs(call: &str, besides: Value) -> Value {
    let mut body = exchange(call)["request"]["body"].clone();
    body.as_object_mut().unwrap().remove("client_order_id");
    for (name, value) in besides.as_object().unwrap() {
        body[name] = value.clone();
    }
    plain(&body)
}

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

fn exit(subject: &Subject, text: &str) -> Option<BracketExit> {
    Some(BracketExit { client_order_id: subject.resting().client_order_id, price: price(text) })
}

#[tokio::test]
async fn single_orders_are_those_of_the_official_client() {
    // That a sale closes is said beside: where the shares are gone, it must not go short.
    let closes = || json!({ "position_intent": "sell_to_close" });
    let gtc = |order: OrderRequest| OrderRequest { time_in_force: TimeInForce::Gtc, ..order };
    let market = sent(|s| s.order(Side::Buy, Pricing::Market)).await;
    assert_eq!(plain(&market), theirs("submit_order(MarketOrderRequest(symbol='AAPL'", json!({})));
    let extended = |s: &Subject| OrderRequest {
        session: TradingSession::Extended,
        ..s.order(Side::Buy, limit("190.5"))
    };
    assert_eq!(
        plain(&sent(extended).await),
        theirs("LimitOrderRequest(limit_price=190.5, extended", json!({}))
    );
    let stop = |s: &Subject| gtc(s.order(Side::Sell, Pricing::Stop { stop_price: price("180") }));
    assert_eq!(plain(&sent(stop).await), theirs("StopOrderRequest(", closes()));
    let both = Pricing::StopLimit { stop_price: price("180"), limit_price: price("179.5") };
    let stop_limit = |s: &Subject| gtc(s.order(Side::Sell, both));
    assert_eq!(plain(&sent(stop_limit).await), theirs("StopLimitOrderRequest(", closes()));
    let trail = Pricing::TrailingStop { trail: Trail::Percent(Decimal::new(15, 1)) };
    let trailing = |s: &Subject| gtc(s.order(Side::Sell, trail));
    assert_eq!(plain(&sent(trailing).await), theirs("TrailingStopOrderRequest(", closes()));
    let part = |s: &Subject| OrderRequest {
        quantity: "0.123456789".parse().unwrap(),
        ..s.order(Side::Buy, Pricing::Market)
    };
    assert_eq!(plain(&sent(part).await), theirs("MarketOrderRequest(qty=0.123456789", json!({})));
    let coin = |s: &Subject| {
        let order = gtc(s.order(Side::Buy, Pricing::Market));
        of(
            Instrument::crypto("BTC", "USD").unwrap(),
            OrderRequest { quantity: "0.001".parse().unwrap(), ..order },
        )
    };
    assert_eq!(plain(&sent(coin).await), theirs("MarketOrderRequest(symbol='BTC/USD'", json!({})));
}

fn contract(symbol: &str) -> Instrument {
    OptionContract::from_occ(symbol).unwrap().into_instrument()
}

#[tokio::test]
async fn complex_orders_are_those_of_the_official_client() {
    let gtc = |order: OrderRequest| OrderRequest { time_in_force: TimeInForce::Gtc, ..order };
    let bracket = |s: &Subject| OrderRequest {
        take_profit: exit(s, "200"),
        stop_loss: exit(s, "180"),
        ..gtc(s.order(Side::Buy, Pricing::Market))
    };
    // Our stops are stops, theirs in the recording is a stop limit.
    let stop = json!({ "stop_loss": { "stop_price": "180" } });
    assert_eq!(plain(&sent(bracket).await), theirs("MarketOrderRequest(order_class=bracket", stop));
    let oto =
        |s: &Subject| OrderRequest { stop_loss: exit(s, "180"), ..gtc(s.order(Side::Buy, limit("190"))) };
    assert_eq!(plain(&sent(oto).await), theirs("LimitOrderRequest(order_class=oto", json!({})));
    let option = |s: &Subject| OrderRequest {
        position_effect: Some(PositionEffect::Open),
        ..of(contract("AAPL260717C00200000"), s.order(Side::Buy, limit("1.2")))
    };
    // A day that has passed is not let out here: the same with a later one.
    let later = |text: &str| text.replace("260717", "270716");
    let option = |s: &Subject| {
        let order = option(s);
        of(contract(&later("AAPL260717C00200000")), order)
    };
    let theirs_later =
        |call: &str| -> Value { serde_json::from_str(&later(&theirs(call, json!({})).to_string())).unwrap() };
    assert_eq!(plain(&sent(option).await), theirs_later("LimitOrderRequest(option symbol"));
    let package = |s: &Subject| {
        let leg = |side, symbol: &str| Leg {
            side,
            position_effect: PositionEffect::Open,
            ratio: Decimal::ONE,
            instrument: contract(&later(symbol)),
        };
        OrderRequest {
            subject: OrderSubject::Legs(vec![
                leg(Side::Buy, "AAPL260717C00200000"),
                leg(Side::Sell, "AAPL260717C00210000"),
            ]),
            ..s.order(Side::Buy, limit("1.25"))
        }
    };
    assert_eq!(plain(&sent(package).await), theirs_later("LimitOrderRequest(order_class=mleg"));
}

/// Paths and queries of what is asked are among those that the official client asks, and a replace has its fields.
#[tokio::test]
async fn changes_and_reads_are_those_of_the_official_client() {
    let emulator = start(0).await;
    let line = connect(&settings(&emulator), &credentials(&emulator)).await.unwrap();
    let broker = line.account("PA3TEST00001", account()).await.unwrap();
    let subject = super::of(emulator).await;
    let old = subject.resting();
    let old_handle = subject.accepted(&old).await;
    let change = OrderRequest {
        quantity: Quantity::from(2),
        client_order_id: subject.resting().client_order_id,
        pricing: limit("89"),
        ..old.clone()
    };
    broker.replace(&old_handle, approve(change.clone())).await;
    let replaced = subject.exchange.orders()[1].clone();
    assert_eq!(replaced.new.client_id, Some(format!("arb-{}", change.client_order_id)));
    assert_eq!(replaced.new.quantity, Decimal::TWO);
    let fields = exchange("replace_order_by_id(")["request"]["body"].clone();
    let fields: Vec<&String> = fields.as_object().unwrap().keys().collect();
    for field in ["qty", "limit_price", "client_order_id"] {
        assert!(fields.iter().any(|name| *name == field), "{field}");
    }
    assert!(broker.order(&handle(&change, None)).await.unwrap().is_some());
}

/// Every success of the recording is read: as an order, a position, an account.
#[tokio::test]
async fn what_the_official_client_reads_we_read() {
    let emulator = start(0).await;
    let line = connect(&settings(&emulator), &credentials(&emulator)).await.unwrap();
    let broker = line.account("PA3TEST00001", account()).await.unwrap();
    let feed = line.feed().unwrap();
    let answer = |call: &str| exchange(call)["response"]["body"].to_string();
    let faults = &emulator.server.faults;
    faults.once("GET", "/v2/account", Fault::answer(200, &answer("TradingClient.get_account()")));
    assert_eq!(broker.account().await.unwrap().options_level, 3);
    faults.once("GET", "/v2/positions", Fault::answer(200, &answer("get_all_positions()")));
    let positions = broker.positions().await.unwrap();
    assert_eq!((positions[0].quantity, positions[0].average_price), (Quantity::from(5), price("100")));
    faults.times(2, "GET", "/v2/orders", Fault::answer(200, &answer("get_orders(")));
    let orders = broker.orders().await.unwrap();
    assert_eq!((orders.len(), orders[0].pricing), (1, limit("190.5")));
    faults.once("GET", "/v2/stocks/snapshots", Fault::answer(200, &answer("get_stock_snapshot(")));
    let quotes = feed.quotes(&[Instrument::equity("AAPL").unwrap()]).await.unwrap();
    assert_eq!((quotes[0].bid, quotes[0].ask), (Some(price("190.5")), Some(price("190.6"))));
    let symbol = contract("AAPL260717C00200000");
    faults.once("GET", "/v1beta1/options/snapshots", Fault::answer(200, &answer("get_option_snapshot")));
    let quotes = feed.quotes(&[symbol]).await.unwrap();
    assert_eq!((quotes[0].bid, quotes[0].ask), (Some(price("1.1")), Some(price("1.3"))));
    faults.once("GET", "/v1beta3/crypto/us/bars", Fault::answer(200, &answer("get_crypto_bars(")));
    let end = "2026-07-02T00:00:00Z".parse().unwrap();
    let coin = Instrument::crypto("BTC", "USD").unwrap();
    let bars = feed.bars(&coin, arbion::domain::quote::Interval::Hour1, end, 5).await.unwrap();
    assert_eq!((bars[0].close, bars[0].volume), (price("190.5"), Decimal::from(1_000)));
}
