//! Refusals and bad days: every error body, every way in which a key can be wrong, answers that nobody can read.

use arbion::brokers::alpaca::{connect, fields};
use arbion::brokers::{BrokerError, BrokerSettings, Credentials, Environment, SubmitOutcome};
use arbion::domain::order::{OrderStatus, Pricing, Side};

use super::{credentials, settings, subject};
use crate::contract::{Subject, price};
use crate::emulators::alpaca::start;
use crate::emulators::faults::Fault;

/// Status, body, and the code that it is given.
const BODIES: &[(u16, &str, &str)] = &[
    (
        403,
        r#"{"code":40310000,"message":"insufficient buying power","buying_power":"1","cost_basis":"2"}"#,
        "INSUFFICIENT_FUNDS",
    ),
    (
        403,
        r#"{"code":40310000,"message":"insufficient balance for USD (requested: 10, available: 5)","balance":"5"}"#,
        "INSUFFICIENT_FUNDS",
    ),
    (
        403,
        r#"{"code":40310000,"message":"insufficient qty available for order (requested: 5, available: 0)","available":"0"}"#,
        "INSUFFICIENT_POSITION",
    ),
    (
        403,
        r#"{"code":40310000,"message":"insufficient options buying power for cash-secured put (required: 1, available: 0)"}"#,
        "INSUFFICIENT_FUNDS",
    ),
    (
        403,
        r#"{"code":40310000,"message":"insufficient underlying qty available for covered call (required: 100, available: 0)"}"#,
        "INSUFFICIENT_POSITION",
    ),
    (403, r#"{"code":40310000,"message":"account not authorized to trade options"}"#, "PERMISSION"),
    (
        403,
        r#"{"code":40310000,"message":"account not eligible to trade uncovered option contracts"}"#,
        "PERMISSION",
    ),
    (
        403,
        r#"{"code":40310000,"message":"exceeded account limit for contracts expiring today (5)"}"#,
        "PERMISSION",
    ),
    (
        403,
        r#"{"code":40310000,"message":"active assignment lock on AAPL, cannot close all long options"}"#,
        "PERMISSION",
    ),
    (403, r#"{"code":40310000,"message":"submit mleg order is disabled"}"#, "PERMISSION"),
    (
        403,
        r#"{"code":40310000,"message":"potential wash trade detected. use complex orders","reject_reason":"opposite side limit order exists"}"#,
        "WASH_TRADE",
    ),
    (
        403,
        r#"{"code":40310000,"message":"cannot open a short sell while a long buy order is open"}"#,
        "WASH_TRADE",
    ),
    (403, r#"{"code":40310000,"message":"cost basis must be >= minimal amount of order 10"}"#, "MIN_SIZE"),
    (403, r#"{"code":40310000,"message":"asset \"X\" is not fractionable"}"#, "NOT_FRACTIONABLE"),
    (
        403,
        r#"{"code":40310000,"message":"unable to open new notional orders while having open closing position orders"}"#,
        "NOT_FRACTIONABLE",
    ),
    (403, r#"{"code":40310000,"message":"account is not authorized to trade"}"#, "BLOCKED"),
    (403, r#"{"code":40310000,"message":"new orders are rejected by user request"}"#, "BLOCKED"),
    (403, r#"{"code":40310100,"message":"trade denied due to pattern day trading protection"}"#, "DAY_TRADE"),
    (403, r#"{"code":40310000,"message":"something new"}"#, "FORBIDDEN"),
    (404, r#"{"code":40410000,"message":"symbol not found: X"}"#, "NOT_FOUND"),
    (404, r#"{"code":40410000,"message":"endpoint not found."}"#, "NOT_FOUND"),
    (422, r#"{"code":40010001,"message":"qty or notional is required"}"#, "INVALID"),
    (422, r#"{"code":40010001,"message":"limit price must be > 0"}"#, "INVALID"),
    (
        422,
        r#"{"code":42210000,"message":"invalid limit_price 1.001. sub-penny increment does not fulfill minimum pricing criteria"}"#,
        "INVALID",
    ),
    (422, r#"{"code":42210000,"message":"asset \"X\" not found"}"#, "INVALID"),
    (422, r#"{"code":42210000,"message":"asset \"X\" cannot be sold short"}"#, "NOT_SHORTABLE"),
    (
        422,
        r#"{"code":42210000,"message":"only day orders are allowed for hard-to-borrow asset X"}"#,
        "NOT_SHORTABLE",
    ),
    (422, r#"{"code":42210000,"message":"fractional orders must be DAY orders"}"#, "INVALID"),
    (422, r#"{"code":42210000,"message":"contract \"X\" is expired"}"#, "INVALID"),
    (
        422,
        r#"{"code":42210000,"message":"position intent mismatch, inferred: buy_to_open, specified: buy_to_close"}"#,
        "INVALID",
    ),
    (
        422,
        r#"{"code":42210000,"message":"options market orders are only allowed during market hours"}"#,
        "MARKET_CLOSED",
    ),
    (
        422,
        r#"{"code":42210000,"message":"mleg orders must have at least 2 legs and at most 4 legs"}"#,
        "INVALID",
    ),
    (422, r#"{"code":42210000,"message":"order is already in \"filled\" state"}"#, "ALREADY_FINAL"),
    (422, r#"{"code":42210000,"message":"order is not cancelable"}"#, "ALREADY_FINAL"),
    (422, r#"{"code":42210000,"message":"cannot replace order in accepted status"}"#, "REPLACE_REFUSED"),
    (422, r#"{"code":42210000,"message":"order parameters are not changed"}"#, "REPLACE_REFUSED"),
    (422, r#"{"code":42210000,"message":"qty must be > filled_qty"}"#, "REPLACE_REFUSED"),
    (400, r#"{"message":"Invalid format for parameter symbols"}"#, "INVALID"),
    (
        403,
        r#"{"code":40310000,"message":"no available position for the specified contract"}"#,
        "INSUFFICIENT_POSITION",
    ),
    (403, r#"{"code":40310001,"message":"cannot exercise short position"}"#, "INSUFFICIENT_POSITION"),
    (403, r#"{"message":"insufficient subscription"}"#, "PERMISSION"),
    // Some services have words for codes.
    (
        422,
        r#"{"code":"easy_to_borrow","message":"security is easy-to-borrow and does not require a locate"}"#,
        "INVALID",
    ),
];

async fn refusal(subject: &Subject, status: u16, body: &str) -> SubmitOutcome {
    subject.faults.once("POST", "/v2/orders", Fault::answer(status, body));
    subject.submit(&subject.resting()).await
}

#[tokio::test]
async fn every_error_body_is_a_refusal_of_its_kind() {
    let subject = subject().await;
    for (status, body, code) in BODIES {
        let outcome = refusal(&subject, *status, body).await;
        let SubmitOutcome::Rejected(reject) = outcome else { panic!("{body}: {outcome:?}") };
        assert_eq!(reject.code, *code, "{body}");
        let said: serde_json::Value = serde_json::from_str(body).unwrap();
        assert!(reject.message.starts_with(said["message"].as_str().unwrap()), "{}", reject.message);
    }
    assert!(subject.exchange.orders().is_empty());
}

/// Neither a refusal nor an order: nobody knows.
#[tokio::test]
async fn j3_answers_that_say_nothing_leave_it_open() {
    let subject = subject().await;
    let long = format!("{{\"id\":\"{}\"", "x".repeat(9 << 20));
    for (status, body) in [
        (500, r#"{"code":50010000,"message":"internal server error occurred"}"#),
        (403, "<html><h1>403 Forbidden</h1>"),
        (422, ""),
        (302, ""),
        (200, r#"{"code":40310000,"message":"insufficient buying power"}"#),
        (200, r#"{"id":7,"status":"new"}"#),
        (200, r#"[]"#),
        (200, "null"),
        (200, &long),
        (429, r#"{"message":"too many requests."}"#),
    ] {
        let outcome = refusal(&subject, status, body).await;
        assert!(
            matches!(outcome, SubmitOutcome::Unknown(_)),
            "{status} {}: {outcome:?}",
            &body[..body.len().min(60)]
        );
        if status == 429 {
            break;
        }
    }
    assert!(subject.exchange.orders().is_empty());
}

/// The same id again: the first attempt landed, and it is that order.
#[tokio::test]
async fn a_duplicate_is_the_order_that_landed() {
    let subject = subject().await;
    let order = subject.resting();
    subject.faults.once("POST", "/v2/orders", Fault::DropAfter);
    assert!(matches!(subject.submit(&order).await, SubmitOutcome::Unknown(_)));
    let handle = subject.accepted(&order).await;
    subject.until(&handle, OrderStatus::Submitted).await;
    assert_eq!(subject.exchange.orders().len(), 1);
    // Where it cannot be asked for, nobody knows.
    subject.faults.times(
        9,
        "GET",
        "by_client_order_id",
        Fault::answer(404, r#"{"code":40410000,"message":"order not found"}"#),
    );
    assert!(matches!(subject.submit(&order).await, SubmitOutcome::Unknown(_)));
}

#[tokio::test]
async fn a_key_that_is_wrong_says_so_everywhere() {
    let emulator = start(0).await;
    let wrong = Credentials::new().with("key_id", "PKTEST".into()).with("secret_key", "hunter2".into());
    let line = connect(&settings(&emulator), &wrong).await.unwrap();
    let error = line.accounts().await.unwrap_err();
    assert!(matches!(error, BrokerError::Unauthorized { .. }) && !format!("{error:?}").contains("hunter2"));
    for (status, body) in [
        (401, r#"{"message":"unauthorized."}"#),
        (401, "<html>401 Authorization Required</html>"),
        (401, r#"{"code":40110000,"message":"request is not authorized"}"#),
        (403, r#"{"message":"forbidden."}"#),
    ] {
        let subject = subject().await;
        subject.faults.once("GET", "/v2/account", Fault::answer(status, body));
        let error = subject.broker.account().await.unwrap_err();
        assert!(matches!(error, BrokerError::Unauthorized { .. }), "{body}: {error}");
        // In the middle of an order it is a word, and the word is that nothing was done.
        let outcome = refusal(&subject, status, body).await;
        assert!(
            matches!(&outcome, SubmitOutcome::Rejected(r) if r.code == "UNAUTHORIZED"),
            "{body}: {outcome:?}"
        );
        assert!(subject.exchange.orders().is_empty());
    }
    // Keys that were taken back in the meantime.
    let line = super::line(&emulator).await;
    assert!(line.accounts().await.is_ok());
    emulator.desk.state().secret_key = "another".to_owned();
    assert!(matches!(line.accounts().await, Err(BrokerError::Unauthorized { .. })));
    assert_eq!(line.health().calls, 2);
}

#[tokio::test]
async fn a_key_that_may_only_read_is_refused_its_order() {
    let subject = subject().await;
    let body = r#"{"code":40310000,"message":"account is not authorized to trade"}"#;
    let outcome = refusal(&subject, 403, body).await;
    assert!(matches!(&outcome, SubmitOutcome::Rejected(r) if r.code == "BLOCKED"), "{outcome:?}");
    assert!(subject.broker.orders().await.unwrap().is_empty());
}

#[tokio::test]
async fn keys_are_missing_or_unfit() {
    let emulator = start(0).await;
    let half = Credentials::new().with("key_id", "PKTEST".into());
    let error = connect(&settings(&emulator), &half).await.err().unwrap();
    assert!(error.to_string().contains("a key id and a secret key"), "{error}");
    let odd = Credentials::new().with("key_id", "PK\nX".into()).with("secret_key", "s".into());
    let error = connect(&settings(&emulator), &odd).await.unwrap().accounts().await.unwrap_err();
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
    assert_eq!(fields().iter().filter(|field| field.secret).count(), 1);
    // Somebody else's account number is not behind these keys.
    let line = super::line(&emulator).await;
    let error = line.account("PA999", crate::approved::account()).await.err().unwrap();
    assert!(matches!(error, BrokerError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn n7_keys_go_to_no_place_in_the_clear() {
    for (name, url) in [("base_url", "http://example.com"), ("stream_url", "ws://10.0.0.1/stream")] {
        let mut settings = BrokerSettings::new(Environment::Live);
        settings.urls.insert(name.to_owned(), url.to_owned());
        let keys = Credentials::new().with("key_id", "K".into()).with("secret_key", "S".into());
        let error = connect(&settings, &keys).await.err().unwrap();
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// A token of a sign-in in place of the keys, by call and by stream.
#[tokio::test]
async fn a_token_does_what_keys_do() {
    let emulator = start(0).await;
    let token = Credentials::new().with("access_token", "TOKEN".into());
    let line = connect(&settings(&emulator), &token).await.unwrap();
    assert!(line.accounts().await.is_ok());
    let request = emulator.server.take_requests().remove(0);
    assert_eq!(
        (request.header("authorization"), request.header("apca-api-key-id")),
        (Some("Bearer TOKEN"), None)
    );
    let broker = line.account("PA3TEST00001", crate::approved::account()).await.unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move { broker.watch(events).await });
    assert_eq!(heard.recv().await, Some(arbion::brokers::AccountStream::Up));
}

/// A clock that is ten minutes off changes nothing: no call is signed by time, and what is looked for is looked for from far enough back.
#[tokio::test]
async fn n9_a_clock_that_is_off_finds_its_orders() {
    use arbion::domain::ids::ClientOrderId;
    let subject = subject().await;
    for minutes in [-10_i64, 10] {
        let now = arbion::brokers::clock::wall() + jiff::SignedDuration::from_mins(minutes);
        let mut order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("90") });
        let random = order.client_order_id.as_u128() & ((1 << 80) - 1);
        order.client_order_id = ClientOrderId::from_parts(now.as_millisecond().unsigned_abs(), random);
        // A bracket is found among everything since its id was made.
        order.stop_loss = Some(arbion::domain::order::BracketExit {
            client_order_id: subject.resting().client_order_id,
            price: price("80"),
        });
        subject.accepted(&order).await;
        let found = subject.broker.order(&crate::contract::handle(&order, None)).await.unwrap();
        assert_eq!(found.unwrap().status, OrderStatus::Submitted, "{minutes} minutes");
    }
}

/// More orders than a page: none is left out, and none is shown twice.
#[tokio::test]
async fn lists_with_pages_are_whole() {
    let subject = subject().await;
    for number in 0..620_u32 {
        subject
            .exchange
            .submit(crate::emulators::exchange::NewOrder {
                client_id: Some(format!("other-{number}")),
                symbol: "AAPL".to_owned(),
                buy: true,
                quantity: rust_decimal::Decimal::ONE,
                terms: if number % 2 == 0 {
                    crate::emulators::exchange::Terms::Limit(rust_decimal::Decimal::from(90))
                } else {
                    crate::emulators::exchange::Terms::Market
                },
                immediate: false,
                wire: serde_json::json!({ "class": "", "type": "limit", "tif": "gtc", "extended": false }),
            })
            .unwrap();
    }
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports.len(), 620);
    let executions = subject.broker.executions(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(executions.len(), 310);
    let ids: std::collections::BTreeSet<_> = executions.iter().map(|row| row.execution_id.clone()).collect();
    assert_eq!(ids.len(), 310);
    assert_eq!(credentials_names(), ["key_id", "secret_key"]);
}

fn credentials_names() -> Vec<&'static str> {
    fields().iter().map(|field| field.name).collect()
}

#[tokio::test]
async fn cancel_all_says_when_one_could_not_be_canceled() {
    let subject = subject().await;
    let body = r#"[{"id":"a","status":200},{"id":"b","status":500}]"#;
    subject.faults.once("DELETE", "/v2/orders", Fault::answer(207, body));
    assert!(subject.broker.cancel_all().await.unwrap_err().to_string().contains("order b"));
    let body = r#"[{"id":"a","status":200},{"id":"b","status":422}]"#;
    subject.faults.once("DELETE", "/v2/orders", Fault::answer(207, body));
    subject.broker.cancel_all().await.unwrap();
    subject.faults.once("DELETE", "/v2/orders", Fault::answer(200, "[]"));
    subject.broker.cancel_all().await.unwrap();
    // What is canceled already is what was wanted; what nobody has is asked about.
    let handle = subject.accepted(&subject.resting()).await;
    for _ in 0..2 {
        assert!(matches!(subject.broker.cancel(&handle).await, SubmitOutcome::Acknowledged(_)));
    }
    let never = crate::contract::handle(&subject.resting(), None);
    assert!(matches!(
        subject.broker.cancel(&never).await,
        SubmitOutcome::NotSent(BrokerError::NotFound { .. })
    ));
    let emulator = start(0).await;
    assert_eq!(credentials(&emulator).names().count(), 2);
}
