//! The engine through its session: orders in, fills and history out, across restarts.

use std::path::Path;
use std::sync::Arc;

use arbion::client::message::HistoryQuery;
use arbion::client::{Reply, Request, Session, SessionError};
use arbion::command::types::Command;
use arbion::core::paper::VenueConfig;
use arbion::domain::ids::AccountId;
use arbion::domain::order::{Order, OrderStatus, OriginKind};
use arbion::engine::{FeedChoice, LocalSession, Running, Settings, launch};
use arbion::market::symbols::Universe;

fn start(directory: &Path, feed: FeedChoice) -> Running {
    let mut venue = VenueConfig::new(AccountId::new("paper"), 100_000.into());
    venue.ack_ms = 0;
    venue.cancel_ms = 0;
    let settings = Settings {
        directory: directory.to_owned(),
        profile: "test".to_owned(),
        venue,
        limits: None,
        market_seed: 7,
        updates_per_second: 20.0,
        feed,
    };
    launch(settings, Arc::new(Universe::load())).unwrap()
}

/// A command by its JSON form, as any front end would send it.
async fn execute(session: &LocalSession, json: &str) -> Result<Reply, SessionError> {
    let command: Command = serde_json::from_str(json).unwrap();
    let request = Request::Execute {
        command,
        origin: OriginKind::Cli,
        account: None,
        confirmation_hash: None,
        allow_duplicate: false,
        wait: true,
    };
    session.request(request).await
}

async fn order(session: &LocalSession, json: &str) -> Order {
    match execute(session, json).await {
        Ok(Reply::Orders(orders)) => orders.into_iter().next_back().unwrap(),
        other => panic!("{json}: {other:?}"),
    }
}

fn place(side: &str, symbol: &str, quantity: &str, rest: &str) -> String {
    format!(
        r#"{{"intent":"place","side":"{side}","instrument":{{"kind":"equity","symbol":"{symbol}"}},"quantity":"{quantity}",{rest}}}"#
    )
}

const MARKET: &str = r#""order_type":"market","time_in_force":"day""#;

#[tokio::test]
async fn an_order_fills_and_is_in_history_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    let mut engine = start(&profile, FeedChoice::Simulated);
    engine.started().await.unwrap();
    let session = engine.session();
    let bought = order(&session, &place("buy", "AAPL", "10", MARKET)).await;
    assert_eq!(bought.status, OrderStatus::Filled, "{bought:?}");
    let resting = order(
        &session,
        &place("buy", "MSFT", "5", r#""order_type":"limit","limit_price":"400","time_in_force":"gtc""#),
    )
    .await;
    assert_eq!(resting.status, OrderStatus::Submitted);
    drop(engine);

    let mut engine = start(&profile, FeedChoice::Simulated);
    engine.started().await.unwrap();
    let session = engine.session();
    let history = session.request(Request::OrderHistory(HistoryQuery::default())).await.unwrap();
    let Reply::Orders(orders) = history else { panic!("{history:?}") };
    let seen: Vec<_> = orders.iter().map(|o| (o.number.0, o.status)).collect();
    assert_eq!(seen, [(2, OrderStatus::Submitted), (1, OrderStatus::Filled)]);
    let fills = session.request(Request::Executions(HistoryQuery::default())).await.unwrap();
    let Reply::Executions(fills) = fills else { panic!("{fills:?}") };
    assert_eq!(fills.len(), 1);
    // The venue kept the resting order: it can still be canceled, and the position closed.
    let canceled = order(&session, r#"{"intent":"cancel","order_id":"2"}"#).await;
    assert_eq!(canceled.status, OrderStatus::Canceled);
    let closed = order(
        &session,
        &format!(r#"{{"intent":"close","instrument":{{"kind":"equity","symbol":"AAPL"}},{MARKET}}}"#),
    )
    .await;
    assert_eq!(closed.status, OrderStatus::Filled);
    assert!(
        session.snapshots().borrow().positions.is_empty() || {
            let mut snapshots = session.snapshots();
            snapshots.wait_for(|snapshot| snapshot.positions.is_empty()).await.is_ok()
        }
    );
}

#[tokio::test]
async fn what_was_shown_is_what_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    let session = engine.session();
    let command: Command = serde_json::from_str(
        r#"{"intent":"place","side":"buy","instrument":{"kind":"crypto","base":"BTC","quote":"USD"},"notional":"250","order_type":"market","time_in_force":"gtc"}"#,
    )
    .unwrap();
    let preview = Request::Preview { command: command.clone(), origin: OriginKind::Ticket, account: None };
    let Reply::Preview(preview) = session.request(preview).await.unwrap() else { panic!() };
    assert!(preview.denials.is_empty(), "{:?}", preview.denials);
    let confirm = |hash: &str| Request::Execute {
        command: command.clone(),
        origin: OriginKind::Ticket,
        account: None,
        confirmation_hash: Some(hash.to_owned()),
        allow_duplicate: false,
        wait: true,
    };
    let Reply::Orders(orders) = session.request(confirm(&preview.confirmation_hash)).await.unwrap() else {
        panic!()
    };
    assert_eq!(orders[0].request.quantity, preview.request.quantity);
    // A confirmation counts once.
    let again = session.request(confirm(&preview.confirmation_hash)).await;
    assert_eq!(again, Err(SessionError::ConfirmationChanged));
}

#[tokio::test]
async fn h3_the_kill_switch_cancels_denies_and_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    let engine = start(&profile, FeedChoice::Simulated);
    let session = engine.session();
    order(&session, &place("buy", "AAPL", "10", MARKET)).await;
    order(
        &session,
        &place("buy", "MSFT", "5", r#""order_type":"limit","limit_price":"400","time_in_force":"gtc""#),
    )
    .await;
    let Reply::Orders(canceled) = session.request(Request::Halt { all: false }).await.unwrap() else {
        panic!()
    };
    assert_eq!(canceled.iter().map(|o| o.status).collect::<Vec<_>>(), [OrderStatus::Canceled]);
    drop(engine);
    let engine = start(&profile, FeedChoice::Simulated);
    let session = engine.session();
    let denied = execute(&session, &place("buy", "AAPL", "1", MARKET)).await.unwrap_err();
    assert!(denied.to_string().contains("HALTED"), "{denied}");
    // A person's close still goes.
    let closed = order(
        &session,
        &format!(r#"{{"intent":"close","instrument":{{"kind":"equity","symbol":"AAPL"}},{MARKET}}}"#),
    )
    .await;
    assert_eq!(closed.status, OrderStatus::Filled);
    session.request(Request::Resume).await.unwrap();
    assert_eq!(order(&session, &place("buy", "AAPL", "1", MARKET)).await.status, OrderStatus::Filled);
}

#[tokio::test]
async fn refusals_say_why() {
    let directory = tempfile::tempdir().unwrap();
    let engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    let session = engine.session();
    let cases = [
        (place("buy", "ZZZZ", "10", MARKET), "no instrument ZZZZ is known here"),
        (place("sell", "AAPL", "10", MARKET), "SELL_EXCEEDS_POSITION measured=10 limit=0"),
        (place("buy", "AAPL", "100000", MARKET), "MAX_ORDER_NOTIONAL"),
        (place("buy", "AAPL", "0.0000001", MARKET), "BAD_QUANTITY"),
        (place("buy", "AAPL", "1", r#""order_type":"limit","limit_price":"100.001","time_in_force":"day""#), "BAD_TICK"),
        (r#"{"intent":"cancel","order_id":"77"}"#.to_owned(), "no order 77"),
        (r#"{"intent":"close","instrument":{"kind":"equity","symbol":"KO"},"order_type":"market","time_in_force":"day"}"#.to_owned(), "no position in KO"),
        (r#"{"intent":"mode","mode":"live"}"#.to_owned(), "no live account is connected"),
    ];
    for (json, expect) in cases {
        let error = execute(&session, &json).await.unwrap_err().to_string();
        assert!(error.contains(expect), "{json}: {error}");
    }
}

#[tokio::test]
async fn a_replay_runs_on_its_own_clock_beside_the_profile() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    let mut engine = start(&profile, FeedChoice::Replay { file: None, speed: 1 });
    engine.started().await.unwrap();
    let session = engine.session();
    let day = |days: i64| Request::Advance { seconds: days * 86_400 };
    session.request(day(3)).await.unwrap();
    let waiting = order(&session, &place("buy", "AAPL", "100", MARKET)).await;
    assert_eq!(waiting.status, OrderStatus::Submitted);
    session.request(day(3)).await.unwrap();
    let mut snapshots = session.snapshots();
    let filled = snapshots.wait_for(|snapshot| !snapshot.positions.is_empty());
    let snapshot =
        tokio::time::timeout(std::time::Duration::from_secs(10), filled).await.unwrap().unwrap().clone();
    // The next open after 2000-03-03 was Monday the 6th: 126.00, and one basis point of slippage on it.
    assert_eq!(snapshot.positions[0].average_price.to_string(), "126.01");
    assert!(snapshot.now.to_string().starts_with("2000-03-0"), "{}", snapshot.now);
}
