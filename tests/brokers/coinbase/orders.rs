//! Orders: the bodies of the official client, refusals, replaces.

use arbion::brokers::AccountStream;
use arbion::brokers::{BrokerError, SubmitOutcome};
use arbion::domain::execution::{AccountEvent, OrderEvent};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::Quantity;
use arbion::domain::order::{
    OrderHandle, OrderRequest, OrderStatus, OrderSubject, Pricing, Side, TimeInForce,
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::{subject, subject_of};
use crate::approved::approve;
use crate::contract::{Subject, event_of, handle, price};
use crate::emulators::coinbase::start;
use crate::emulators::exchange::Status;
use crate::emulators::faults::Fault;

const WIRE: &str = include_str!("../../fixtures/brokers/coinbase/sdk-wire.json");

/// The same, where a decimal is the same number however it is written.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::String(a), Value::String(b)) => match (a.parse::<Decimal>(), b.parse::<Decimal>()) {
            (Ok(a), Ok(b)) => a == b,
            _ => a == b,
        },
        _ => ours == theirs,
    }
}

/// The recorded request of a call of the official client.
fn recorded(call: &str) -> Value {
    let wire: Value = serde_json::from_str(WIRE).unwrap();
    let rows = wire["rest"].as_array().unwrap();
    let row = rows.iter().find(|row| row["call"].as_str().unwrap().starts_with(call));
    row.unwrap_or_else(|| panic!("{call} is not recorded"))["request"].clone()
}

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

#[tokio::test]
async fn our_bodies_are_those_of_the_official_client() {
    let (subject, emulator) = subject_of(start(0).await).await;
    emulator.exchange.quote("BTC-USD", Decimal::from(49_990), Decimal::from(50_010));
    emulator.exchange.hold("BTC-USD", Decimal::from(5), Decimal::from(40_000));
    let stop =
        |stop: &str, limit: &str| Pricing::StopLimit { stop_price: price(stop), limit_price: price(limit) };
    let oco = Pricing::Oco { limit_price: price("60000"), stop_price: price("45000") };
    let (buy, sell) = (Side::Buy, Side::Sell);
    let until = Some("2029-12-31".parse().unwrap());
    for (call, side, pricing, force, post_only) in [
        ("market_order_sell", sell, Pricing::Market, TimeInForce::Day, false),
        ("limit_order_gtc(\"cid-1\"", buy, limit("50000"), TimeInForce::Gtc, true),
        ("limit_order_gtd", buy, limit("50000"), TimeInForce::Gtd, false),
        ("limit_order_ioc", buy, limit("50000"), TimeInForce::Ioc, false),
        ("limit_order_fok", sell, limit("50000"), TimeInForce::Fok, false),
        ("stop_limit_order_gtc", sell, stop("49500", "49000"), TimeInForce::Gtc, false),
        ("stop_limit_order_gtd", buy, stop("50500", "51000"), TimeInForce::Gtd, false),
        ("trigger_bracket_order_gtc", sell, oco, TimeInForce::Gtc, false),
        ("trigger_bracket_order_gtd", sell, oco, TimeInForce::Gtd, false),
    ] {
        let order = OrderRequest {
            quantity: Quantity::new(Decimal::new(1, 3)),
            time_in_force: force,
            expire_date: until.filter(|_| force == TimeInForce::Gtd),
            post_only,
            ..subject.order(side, pricing)
        };
        emulator.server.take_requests();
        subject.accepted(&order).await;
        let sent = emulator.server.take_requests();
        let sent = sent.iter().find(|request| request.method == "POST").unwrap();
        let (mut ours, theirs) = (sent.json(), recorded(call));
        assert_eq!(ours["client_order_id"].as_str().unwrap().len(), 36);
        ours["client_order_id"] = theirs["body"]["client_order_id"].clone();
        assert!(same(&ours, &theirs["body"]), "{call}: {ours}");
        assert_eq!(sent.path, theirs["target"].as_str().unwrap());
        assert_eq!(sent.header("content-type"), theirs["headers"]["Content-Type"].as_str());
    }
}

#[tokio::test]
async fn previews_changes_and_cancels_are_those_of_the_official_client() {
    let (subject, emulator) = subject_of(start(0).await).await;
    emulator.exchange.quote("BTC-USD", Decimal::from(52_000), Decimal::from(52_010));
    let small = |pricing| OrderRequest {
        quantity: Quantity::new(Decimal::new(1, 3)),
        time_in_force: TimeInForce::Gtc,
        ..subject.order(Side::Buy, pricing)
    };
    let order = small(limit("50000"));
    let preview = subject.broker.preview(&order).await.unwrap().unwrap();
    assert_eq!(preview.cash.unwrap().to_string(), "-50 USD");
    assert_eq!(preview.fee.unwrap().to_string(), "0.3 USD");
    assert!(preview.warnings.is_empty(), "{preview:?}");
    let placed = subject.accepted(&order).await;
    let new = OrderRequest { quantity: Quantity::new(Decimal::new(2, 3)), ..small(limit("51000")) };
    assert!(matches!(
        subject.broker.replace(&placed, approve(new.clone())).await,
        SubmitOutcome::Acknowledged(_)
    ));
    let changed = handle(&new, placed.broker_order_id.clone());
    assert!(matches!(subject.broker.cancel(&changed).await, SubmitOutcome::Acknowledged(_)));
    let id = placed.broker_order_id.unwrap();
    let sent = emulator.server.take_requests();
    for (path, call) in [("/orders/preview", "preview_limit_order_gtc"), ("/orders/edit", "edit_order")] {
        let request = sent.iter().find(|request| request.path.ends_with(path)).unwrap();
        let mut theirs = recorded(call)["body"].clone();
        if theirs.get("order_id").is_some() {
            theirs["order_id"] = id.as_str().into();
        }
        assert!(same(&request.json(), &theirs), "{call}: {}", request.json());
    }
    let cancel = sent.iter().find(|request| request.path.ends_with("/orders/batch_cancel")).unwrap();
    assert_eq!(cancel.json(), serde_json::json!({"order_ids": [id.as_str()]}));
}

#[tokio::test]
async fn a_preview_says_what_would_be_refused() {
    let subject = subject().await;
    let poor = OrderRequest { quantity: Quantity::from(3_000), ..subject.order(Side::Sell, limit("101")) };
    let preview = subject.broker.preview(&poor).await.unwrap().unwrap();
    assert_eq!(preview.warnings[0], "would be refused: PREVIEW_INSUFFICIENT_FUND");
}

#[tokio::test]
async fn refusals_inside_an_answer_that_came_well_are_refusals() {
    let subject = subject().await;
    let crossing = OrderRequest { post_only: true, ..subject.order(Side::Buy, limit("101")) };
    let unheld = subject.order(Side::Sell, limit("110"));
    let wrong_way = Pricing::StopLimit { stop_price: price("95"), limit_price: price("96") };
    for (order, code) in [
        (crossing, "INVALID_LIMIT_PRICE_POST_ONLY"),
        (unheld, "INSUFFICIENT_FUND"),
        (subject.order(Side::Buy, wrong_way), "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE"),
    ] {
        let outcome = subject.submit(&order).await;
        let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
        assert_eq!(reject.code, code);
    }
    assert!(subject.exchange.orders().is_empty());
}

#[tokio::test]
async fn what_is_refused_here_is_not_sent() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let pair = |base: &str, quote: &str| OrderSubject::Instrument(Instrument::crypto(base, quote).unwrap());
    let odd = OrderRequest {
        quantity: "0.00015".parse().unwrap(),
        subject: pair("ETH", "USD"),
        ..subject.resting()
    };
    let other_money = OrderRequest { subject: pair("BTC", "USDC"), ..subject.resting() };
    let stop = subject.order(Side::Buy, Pricing::Stop { stop_price: price("110") });
    for (order, said) in [
        (odd, "multiples of 0.0001 from 0.0001 to 3400; the nearest is 0.0001"),
        (other_money, "currency = \"USDC\""),
        (stop, "market, limit, stop-limit, twap and oco orders"),
    ] {
        let outcome = subject.submit(&order).await;
        let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
        assert_eq!(reject.code, "UNSUPPORTED");
        assert!(reject.message.contains(said), "{}", reject.message);
    }
    let unknown = OrderRequest { subject: pair("NOPE", "USD"), ..subject.resting() };
    let outcome = subject.submit(&unknown).await;
    assert!(!matches!(outcome, SubmitOutcome::Unknown(_) | SubmitOutcome::Acknowledged(_)), "{outcome:?}");
    assert!(emulator.server.requests().iter().all(|request| request.method == "GET"));
}

/// Good till canceled, as it can be changed in its place.
fn lasting(subject: &Subject) -> OrderRequest {
    OrderRequest { time_in_force: TimeInForce::Gtc, ..subject.resting() }
}

fn dearer(subject: &Subject, old: &OrderRequest) -> OrderRequest {
    OrderRequest { client_order_id: subject.resting().client_order_id, pricing: limit("91"), ..old.clone() }
}

#[tokio::test]
async fn an_order_that_is_changed_in_its_place_is_a_new_order_here() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let mut heard = subject.watch().await;
    let old = lasting(&subject);
    let old_handle = subject.accepted(&old).await;
    assert!(matches!(event_of(&mut heard, &old_handle).await, OrderEvent::Acknowledged { .. }));
    let new = dearer(&subject, &old);
    let outcome = subject.broker.replace(&old_handle, approve(new.clone())).await;
    let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{outcome:?}") };
    assert_eq!(Some(&id), old_handle.broker_order_id.as_ref(), "it keeps its id there");
    let mut told = Vec::new();
    while told.len() < 2 {
        let event =
            tokio::time::timeout(std::time::Duration::from_secs(5), heard.recv()).await.unwrap().unwrap();
        if let AccountStream::Event(event) = event
            && let AccountEvent::Order(update) = *event
        {
            told.push((update.client_order_id, update.event));
        }
    }
    assert_eq!(told[0], (old.client_order_id, OrderEvent::Replaced { by: new.client_order_id }));
    assert_eq!(told[1], (new.client_order_id, OrderEvent::Acknowledged { broker_order_id: id.clone() }));
    // What fills now fills the new one, in the stream and in the lists.
    let number = emulator.exchange.orders().last().unwrap().number;
    emulator.exchange.fill(number, Decimal::ONE, Decimal::from(91)).unwrap();
    let changed = OrderHandle { filled_quantity: Quantity::from(1), ..handle(&new, Some(id)) };
    loop {
        let event =
            tokio::time::timeout(std::time::Duration::from_secs(5), heard.recv()).await.unwrap().unwrap();
        let AccountStream::Event(event) = event else { continue };
        let AccountEvent::Order(update) = *event else { continue };
        assert_eq!(update.client_order_id, new.client_order_id);
        if let OrderEvent::Filled(execution) = update.event {
            assert_eq!(execution.client_order_id, Some(new.client_order_id));
            break;
        }
    }
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].client_order_id, reports[0].pricing), (Some(new.client_order_id), new.pricing));
    // With a part of it filled, a change is a new order there too.
    let third = dearer(&subject, &OrderRequest { quantity: Quantity::from(1), ..new.clone() });
    let outcome = subject.broker.replace(&changed, approve(third)).await;
    let SubmitOutcome::Acknowledged(other) = outcome else { panic!("{outcome:?}") };
    assert_ne!(Some(other), changed.broker_order_id);
}

#[tokio::test]
async fn whoever_does_not_remember_a_change_does_not_take_the_order_for_the_old_one() {
    let emulator = start(0).await;
    let (subject, emulator) = subject_of(emulator).await;
    let old = lasting(&subject);
    let old_handle = subject.accepted(&old).await;
    let new = dearer(&subject, &old);
    assert!(matches!(
        subject.broker.replace(&old_handle, approve(new)).await,
        SubmitOutcome::Acknowledged(_)
    ));
    let again = super::connection(&emulator).await;
    let again =
        again.account(crate::emulators::coinbase::PORTFOLIO, crate::approved::account()).await.unwrap();
    let reports = again.orders().await.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].client_order_id, None);
    assert_eq!(Some(&reports[0].broker_order_id), old_handle.broker_order_id.as_ref());
}

#[tokio::test]
async fn a_change_without_an_answer_is_not_known_and_then_found() {
    for (fault, done) in [(Fault::DropAfter, true), (Fault::DropBefore, false)] {
        let (subject, _emulator) = subject_of(start(0).await).await;
        let mut heard = subject.watch().await;
        let old = lasting(&subject);
        let old_handle = subject.accepted(&old).await;
        let new = dearer(&subject, &old);
        subject.faults.once("POST", "/orders/edit", fault.clone());
        let outcome = subject.broker.replace(&old_handle, approve(new.clone())).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{fault:?}: {outcome:?}");
        let found = subject.broker.order(&handle(&new, None)).await.unwrap();
        assert_eq!(found.is_some(), done, "{fault:?}");
        if done {
            loop {
                if let OrderEvent::Replaced { by } = event_of(&mut heard, &old_handle).await {
                    assert_eq!(by, new.client_order_id);
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_refused_change_leaves_the_order_as_it_was() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let old = lasting(&subject);
    let old_handle = subject.accepted(&old).await;
    emulator.knobs().edit_refusal = Some("EXCEEDED_MAX_ALLOWED_EDIT_REQUEST_COUNT");
    let outcome = subject.broker.replace(&old_handle, approve(dearer(&subject, &old))).await;
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reject.code, "EXCEEDED_MAX_ALLOWED_EDIT_REQUEST_COUNT");
    subject.until(&old_handle, OrderStatus::Submitted).await;
    assert_eq!(emulator.exchange.orders().iter().filter(|order| order.status == Status::Working).count(), 1);
}

#[tokio::test]
async fn an_order_that_is_swapped_is_told_as_replaced() {
    let subject = subject().await;
    let mut heard = subject.watch().await;
    // For the day: such an order cannot be changed in its place.
    let old = subject.resting();
    let old_handle = subject.accepted(&old).await;
    let new = dearer(&subject, &old);
    let outcome = subject.broker.replace(&old_handle, approve(new.clone())).await;
    let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{outcome:?}") };
    assert_ne!(Some(&id), old_handle.broker_order_id.as_ref());
    loop {
        match event_of(&mut heard, &old_handle).await {
            OrderEvent::Replaced { by } => {
                assert_eq!(by, new.client_order_id);
                break;
            }
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// What only reduces a position in futures is the call that closes, as the official client sends it: it never opens one.
#[tokio::test]
async fn a_position_in_futures_is_closed_by_the_call_that_closes() {
    let (subject, emulator) = subject_of(start(0).await).await;
    let future = "BIP-20DEC30-CDE";
    emulator.exchange.quote(future, Decimal::from(50_000), Decimal::from(50_005));
    emulator.exchange.hold(future, Decimal::from(-3), Decimal::from(49_000));
    let contracts = OrderSubject::Instrument(Instrument::Perpetual { symbol: future.parse().unwrap() });
    let close = |quantity: i64| OrderRequest {
        subject: contracts.clone(),
        quantity: Quantity::from(quantity),
        reduce_only: true,
        time_in_force: TimeInForce::Gtc,
        ..subject.order(Side::Buy, Pricing::Market)
    };
    let order = close(1);
    let known = subject.accepted(&order).await;
    subject.until(&known, OrderStatus::Filled).await;
    let sent = emulator.server.take_requests();
    let request = sent.iter().find(|request| request.path.ends_with("/orders/close_position")).unwrap();
    let mut theirs = recorded("close_position")["body"].clone();
    theirs["client_order_id"] = request.json()["client_order_id"].clone();
    assert!(same(&request.json(), &theirs), "{}", request.json());
    let held = emulator.exchange.positions().into_iter().find(|(symbol, ..)| symbol == future).unwrap();
    assert_eq!(held.1, Decimal::from(-2));
    // More than there is closes nothing.
    let outcome = subject.submit(&close(5)).await;
    assert!(matches!(outcome, SubmitOutcome::Rejected(_)), "{outcome:?}");
    let waits = OrderRequest { pricing: limit("50000"), ..close(1) };
    let outcome = subject.submit(&waits).await;
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
    assert!(reject.message.contains("market orders that only reduce"), "{}", reject.message);
}

/// The replace was decided on before the fill was heard of: in all no more is bought than was wanted.
#[tokio::test]
async fn what_had_filled_unheard_is_taken_off_the_new_order() {
    let (subject, emulator) = subject_of(start(0).await).await;
    for old in [subject.resting(), lasting(&subject)] {
        let old_handle = subject.accepted(&old).await;
        let number = emulator.exchange.orders().last().unwrap().number;
        emulator.exchange.fill(number, Decimal::new(5, 1), Decimal::from(90)).unwrap();
        let new = dearer(&subject, &old);
        let outcome = subject.broker.replace(&old_handle, approve(new.clone())).await;
        let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{outcome:?}") };
        let reports = subject.broker.orders().await.unwrap();
        let report = reports.iter().find(|report| report.broker_order_id == id).unwrap();
        assert_eq!(report.quantity.get(), old.quantity.get() - Decimal::new(5, 1), "{:?}", old.time_in_force);
        subject.broker.cancel_all().await.unwrap();
    }
}

#[tokio::test]
async fn long_lists_are_read_to_their_end() {
    let (subject, emulator) = subject_of(start(0).await).await;
    for n in 0..260 {
        let new = crate::emulators::exchange::NewOrder {
            client_id: Some(format!("other-{n}")),
            symbol: "BTC-USD".into(),
            buy: true,
            quantity: Decimal::ONE,
            terms: crate::emulators::exchange::Terms::Limit(Decimal::from(50)),
            immediate: false,
            wire: serde_json::json!({"product_id": "BTC-USD",
                "order_configuration": {"limit_limit_gtc": {"base_size": "1", "limit_price": "50"}}}),
        };
        emulator.exchange.submit(new).unwrap();
    }
    assert_eq!(subject.broker.orders().await.unwrap().len(), 260);
    subject.broker.cancel_all().await.unwrap();
    assert!(emulator.exchange.orders().iter().all(|order| order.status == Status::Canceled));
    let cancels =
        emulator.server.requests().iter().filter(|request| request.path.ends_with("batch_cancel")).count();
    assert_eq!(cancels, 3, "a hundred at a time");
}

#[tokio::test]
async fn answers_of_an_odd_kind_are_not_believed() {
    let (subject, _emulator) = subject_of(start(0).await).await;
    let long = "x".repeat(9 << 20);
    for (path, body, said) in [
        (
            "/accounts",
            "{\"accounts\":[{\"currency\":\"BTC\"}]}",
            "accounts[0]: missing field `available_balance`",
        ),
        (
            "/accounts",
            "{\"accounts\":[{\"currency\":\"BTC\",\"available_balance\":{\"value\":\"NaN\"}}]}",
            "available_balance",
        ),
        ("/accounts", "{\"error\":\"INTERNAL\"}", "missing field `accounts`"),
        ("/accounts", long.as_str(), "longer than 8 MiB"),
        ("/portfolios", "{\"breakdown\":[]}", "breakdown"),
    ] {
        subject.faults.once("GET", path, Fault::answer(200, body));
        let error = subject.broker.account().await.unwrap_err();
        assert!(matches!(&error, BrokerError::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    // 5 MB of what is not wanted are read over.
    let padded = format!("{{\"accounts\":[],\"has_next\":false,\"junk\":\"{}\"}}", "x".repeat(5 << 20));
    subject.faults.once("GET", "/accounts", Fault::answer(200, &padded));
    assert_eq!(subject.broker.account().await.unwrap().cash, Decimal::ZERO);
    subject.faults.once(
        "GET",
        "/accounts",
        Fault::answer(400, r#"{"error":"INVALID_ARGUMENT","message":"bad limit"}"#),
    );
    let error = subject.broker.account().await.unwrap_err();
    assert_eq!(error.to_string(), "coinbase refuses (INVALID_ARGUMENT): bad limit");
}
