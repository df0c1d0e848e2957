//! Bad days: every error body of the sheet, an app without prices, a stream without room, cancels that are refused.

use arbion::domain::quote::Feed;

use super::*;

/// Status and body of an answer to an order, and what of it is shown; as the sheet has them (§4.2).
const REFUSALS: &[(u16, &str, &str)] = &[
    (400, r#"{"message":"Bad","errors":["price is off","quantity too"]}"#, "Bad; price is off; quantity too"),
    (400, r#"{"message":"Invalid account number"}"#, "Invalid account number"),
    (
        400,
        r#"{"errors":[{"id":"u","status":"400","title":"Bad Request","detail":"not whole","source":{"pointer":["/quantity"]}}]}"#,
        "Bad Request: not whole (/quantity)",
    ),
    (
        400,
        r#"{"errors":[{"status":400,"title":"Bad Request","source":{"header":"Accept"}}]}"#,
        "Bad Request (Accept)",
    ),
    (400, "", "it is empty"),
    (403, r#"{"message":"Forbidden"}"#, "thinkorswim is not enabled"),
    (403, "<HTML><TITLE>Access Denied</TITLE></HTML>", "a page of its edge"),
    (404, r#"{"message":"Order not found"}"#, "Order not found"),
    (
        413,
        r#"{"fault":{"faultstring":"Body buffer overflow","detail":{"errorcode":"protocol.http.TooBigBody"}}}"#,
        "Body buffer overflow",
    ),
];

#[tokio::test]
async fn every_error_body_refuses_an_order_in_its_words() {
    let (subject, emulator) = both().await;
    for (status, body, said) in REFUSALS {
        emulator.server.faults.once("POST", "/orders", Fault::answer(*status, body));
        let SubmitOutcome::Rejected(reject) = subject.submit(&subject.resting()).await else {
            panic!("{status} {body}")
        };
        assert!(reject.message.contains(said), "{status}: {}", reject.message);
    }
    assert!(subject.exchange.orders().is_empty());
}

/// Of these nobody knows: the order is looked for by its terms, and no other one is sent.
#[tokio::test]
async fn what_says_nothing_of_an_order_leaves_it_open() {
    let (subject, emulator) = both().await;
    for (status, body) in [
        (500, r#"{"message":"An unexpected error occurred"}"#),
        (502, "<html>502 Bad Gateway</html>"),
        (503, ""),
        (504, r#"{"fault":{"faultstring":"Gateway Timeout"}}"#),
        (408, ""),
        (302, ""),
        (200, r#"{"message":"ok"}"#),
        (429, r#"{"message":"too many requests"}"#),
    ] {
        let posts = || {
            let requests = emulator.server.take_requests();
            requests.iter().filter(|request| request.method == "POST").count()
        };
        posts();
        emulator.server.faults.once("POST", "/orders", Fault::answer(status, body));
        let outcome = subject.submit(&subject.resting()).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{status}: {outcome:?}");
        assert_eq!(posts(), 1, "{status}");
    }
    assert!(subject.exchange.orders().is_empty());
}

/// A 401 that a fresh token does not mend is terminal, and says what to do.
#[tokio::test]
async fn a_second_401_wants_a_person() {
    let (subject, emulator) = both().await;
    let body =
        r#"{"errors":[{"id":"u","status":401,"title":"Unauthorized","detail":"Client not authorized"}]}"#;
    emulator.server.faults.times(2, "POST", "/orders", Fault::answer(401, body));
    let SubmitOutcome::Rejected(reject) = subject.submit(&subject.resting()).await else { panic!() };
    assert!(reject.code == "UNAUTHORIZED" && reject.message.contains("arbion connect schwab"), "{reject:?}");
    assert_eq!(emulator.desk.refreshes.load(Ordering::SeqCst), 1);
    assert!(subject.exchange.orders().is_empty());
    // In the middle of a read, a cancel and a replace it is refreshed once and asked again.
    let handle = subject.accepted(&subject.resting()).await;
    for _ in 0..2 {
        emulator.expire();
        subject.broker.orders().await.unwrap();
    }
    emulator.expire();
    let new = OrderRequest { pricing: limit("91"), ..subject.resting() };
    let SubmitOutcome::Acknowledged(id) = subject.broker.replace(&handle, approve(new.clone())).await else {
        panic!()
    };
    emulator.expire();
    assert!(matches!(subject.broker.cancel(&handle_of(&new, id)).await, SubmitOutcome::Acknowledged(_)));
    assert_eq!(subject.exchange.orders().len(), 2);
}

fn handle_of(
    order: &OrderRequest,
    id: arbion::domain::ids::BrokerOrderId,
) -> arbion::domain::order::OrderHandle {
    handle(order, Some(id))
}

/// The product of prices is missing: said once and for a while, and no sound login is given up or refreshed for it.
#[tokio::test]
async fn an_app_without_prices_trades_and_says_what_is_missing() {
    let emulator = emulator().await;
    let connection = connection(&emulator, store("AT1", "RT1")).await;
    emulator.desk.no_prices.store(true, Ordering::SeqCst);
    let feed = connection.feed().unwrap();
    let share = Instrument::equity("AAPL").unwrap();
    for _ in 0..3 {
        let error = feed.quotes(std::slice::from_ref(&share)).await.unwrap_err();
        assert!(!matches!(error, BrokerError::Unauthorized { .. }), "{error}");
        assert!(error.to_string().contains("Market Data Production"), "{error}");
    }
    let error = connection.calendar(date(2026, 11, 23), date(2026, 11, 24)).await.unwrap_err();
    assert!(error.to_string().contains("Market Data Production"), "{error}");
    let asked = emulator.server.take_requests();
    assert_eq!(
        asked.iter().filter(|request| request.path.starts_with("/marketdata")).count(),
        2,
        "{asked:?}"
    );
    assert_eq!(emulator.desk.refreshes.load(Ordering::SeqCst), 1);
    assert!(connection.accounts().await.is_ok());
    // A login that has ended is told as such, by prices too.
    let emulator = super::emulator().await;
    let connection = super::connection(&emulator, store("AT-dead", "RT-dead")).await;
    let error = connection.feed().unwrap().quotes(&[share]).await.unwrap_err();
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
}

/// "Everything is canceled" is not said while something is left that could not be.
#[tokio::test]
async fn cancel_all_says_when_one_could_not_be_canceled() {
    let (subject, emulator) = both().await;
    subject.accepted(&subject.resting()).await;
    let denied = "<HTML>Access Denied</HTML>";
    emulator.server.faults.once("DELETE", "/orders/", Fault::answer(403, denied));
    let error = subject.broker.cancel_all().await.unwrap_err();
    assert!(error.to_string().contains("page of its edge"), "{error}");
    let ended = r#"{"message":"Order in state FILLED cannot be canceled"}"#;
    emulator.server.faults.once("DELETE", "/orders/", Fault::answer(400, ended));
    subject.broker.cancel_all().await.unwrap();
    subject.broker.cancel_all().await.unwrap();
    assert!(
        subject
            .exchange
            .orders()
            .iter()
            .all(|order| order.status == crate::emulators::exchange::Status::Canceled)
    );
}

async fn quote_of(
    heard: &mut mpsc::Receiver<FeedEvent>,
    wanted: &Instrument,
) -> arbion::domain::quote::Quote {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(60), heard.recv()).await.unwrap().unwrap();
        if let FeedEvent::Quote(quote) = event
            && quote.instrument == *wanted
        {
            return *quote;
        }
    }
}

/// What the stream takes no subscription for is asked for; the rest is streamed.
#[tokio::test]
async fn prices_that_the_stream_does_not_bring_are_asked_for() {
    let emulator = emulator().await;
    emulator.exchange.quote("AAPL  270115C00110000", "1.1".parse().unwrap(), "1.2".parse().unwrap());
    *emulator.desk.full.lock().unwrap() = Some(("LEVELONE_OPTIONS".to_owned(), 19));
    emulator.desk.delayed.store(true, Ordering::SeqCst);
    let connection = connection(&emulator, store("AT1", "RT1")).await;
    let feed = connection.feed().unwrap();
    let (share, call) = (Instrument::equity("AAPL").unwrap(), option("AAPL  270115C00110000"));
    let (_want, wants) =
        watch::channel(Wanted { quotes: vec![share.clone(), call.clone()], books: Vec::new() });
    let (events, mut heard) = mpsc::channel(256);
    tokio::spawn(async move { feed.watch(wants, events).await });
    assert_eq!(quote_of(&mut heard, &call).await.ask, Some(price("1.2")));
    assert!(emulator.server.take_requests().iter().any(|request| request.path.ends_with("/quotes")));
    // That prices are late is said with the first of them, and holds for those that follow.
    emulator.exchange.quote("AAPL", "99.8".parse().unwrap(), "100.2".parse().unwrap());
    loop {
        let quote = quote_of(&mut heard, &share).await;
        assert_eq!(quote.feed, Feed::Delayed);
        if quote.ask == Some(price("100.2")) {
            break;
        }
    }
}
