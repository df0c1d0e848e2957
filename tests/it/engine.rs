//! The engine through its session: orders in, fills and history out, across restarts.

use std::path::Path;
use std::sync::Arc;

use arbion::client::message::HistoryQuery;
use arbion::client::{Reply, Request, Session, SessionError};
use arbion::command::types::Command;
use arbion::core::paper::VenueConfig;
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::Instrument;
use arbion::domain::limits::TradingState;
use arbion::domain::order::{Order, OrderStatus, OriginKind};
use arbion::domain::snapshot::{Snapshot, Watchlist};
use arbion::engine::{Access, FeedChoice, HALT_FILE, LocalSession, Running, Settings, launch, request_halt};
use arbion::market::symbols::Universe;
use rust_decimal::Decimal;

pub(crate) fn start(directory: &Path, feed: FeedChoice) -> Running {
    start_with(directory, feed, Access::Trade)
}

fn start_with(directory: &Path, feed: FeedChoice, access: Access) -> Running {
    start_of(directory, feed, access, 0)
}

/// One whose venue takes so many milliseconds for everything.
pub(crate) fn start_of(directory: &Path, feed: FeedChoice, access: Access, venue_ms: u32) -> Running {
    let mut venue = VenueConfig::new(AccountId::new("paper"), 100_000.into());
    venue.ack_ms = venue_ms;
    venue.cancel_ms = venue_ms;
    let settings = Settings {
        access,
        audit: None,
        command: "arbion test".to_owned(),
        watchlists: vec![Watchlist {
            name: "mine".into(),
            instruments: vec![Instrument::equity("KO").unwrap()],
        }],
        directory: directory.to_owned(),
        calendar: arbion::config::CalendarFile::of(directory),
        profile: "test".to_owned(),
        venue,
        limits: None,
        public_crypto: None,
        config: None,
        live_limits: arbion::domain::limits::RiskLimits::default(),
        brokers: std::collections::BTreeMap::new(),
        clock: arbion::config::PaperClock::System,
        market_seed: 7,
        exits: Default::default(),
        updates_per_second: 20.0,
        feed,
        desktop_alerts: false,
        alert_command: None,
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

pub(crate) async fn order(session: &LocalSession, json: &str) -> Order {
    match execute(session, json).await {
        Ok(Reply::Orders(orders)) => orders.into_iter().next_back().unwrap(),
        other => panic!("{json}: {other:?}"),
    }
}

pub(crate) fn place(side: &str, symbol: &str, quantity: &str, rest: &str) -> String {
    format!(
        r#"{{"intent":"place","side":"{side}","instrument":{{"kind":"equity","symbol":"{symbol}"}},"quantity":"{quantity}",{rest}}}"#
    )
}

pub(crate) const MARKET: &str = r#""order_type":"market","time_in_force":"day""#;

/// Five thousand dollars are about as many dollars for yen, not thirty, and what the order costs is said in dollars too.
#[tokio::test]
async fn money_for_a_pair_priced_in_yen_is_the_accounts_money() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    engine.started().await.unwrap();
    let session = engine.session();
    let text = r#"{"intent":"place","side":"buy","instrument":{"kind":"fx","base":"USD","quote":"JPY"},"notional":"5000","order_type":"market","time_in_force":"day"}"#;
    let command: Command = serde_json::from_str(text).unwrap();
    let request = Request::Preview { command, origin: OriginKind::Cli, account: None, ask_broker: false };
    let Ok(Reply::Preview(preview)) = session.request(request).await else { panic!("no preview") };
    let near = |value: Decimal| (value - Decimal::from(5_000)).abs() < Decimal::TEN;
    assert!(near(preview.request.quantity.get()), "{}", preview.request.quantity);
    assert!(near(preview.estimated_cost.unwrap()), "{:?}", preview.estimated_cost);
}

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
async fn k7_what_was_shown_is_what_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    let session = engine.session();
    let command: Command = serde_json::from_str(
        r#"{"intent":"place","side":"buy","instrument":{"kind":"crypto","base":"BTC","quote":"USD"},"notional":"250","order_type":"market","time_in_force":"gtc"}"#,
    )
    .unwrap();
    let preview = Request::Preview {
        command: command.clone(),
        origin: OriginKind::Ticket,
        account: None,
        ask_broker: false,
    };
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
    for symbol in ["AAPL", "MSFT"] {
        let waiting = order(&session, &place("buy", symbol, "100", MARKET)).await;
        assert_eq!(waiting.status, OrderStatus::Submitted);
    }
    session.request(day(3)).await.unwrap();
    let snapshot = seen(&session, |snapshot| snapshot.positions.len() == 2).await;
    // The next open after 2000-03-03 was Monday the 6th: 126.00 and 96.00, and one basis point of slippage on it, rounded up.
    // Both bars end at the same instant, as both orders do.
    let paid: Vec<String> = snapshot.positions.iter().map(|p| p.average_price.to_string()).collect();
    assert_eq!(paid, ["126.01", "96.01"]);
    assert!(snapshot.now.to_string().starts_with("2000-03-0"), "{}", snapshot.now);
    // They are told of at their own time, though the clock was moved on at once.
    let told: Vec<String> = snapshot
        .log
        .iter()
        .filter(|line| line.code == "ORDER_FILLED")
        .map(|line| line.at.to_string())
        .collect();
    assert_eq!(told, ["2000-03-06T21:00:00Z", "2000-03-06T21:00:00Z"]);
}

/// Bars of ten sessions around 1 December 2026, the ex-date of a dividend of so much, and of a call on it that is deep in the money.
fn bars_around_a_dividend(dividend: i64) -> String {
    let mut text = String::from("symbol,date,open,high,low,close,volume,adj_close\n");
    let days =
        ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27", "2026-11-30", "2026-12-01", "2026-12-02"];
    for day in days {
        let price = if day < "2026-12-01" { 110 } else { 110 - dividend };
        let adjusted = 110 - dividend;
        text.push_str(&format!("AAPL,{day},{price},{price},{price},{price},1000000,{adjusted}\n"));
    }
    for day in days {
        let price = if day < "2026-12-01" { 10 } else { 10 - dividend };
        text.push_str(&format!("AAPL261218C00100000,{day},{price},{price},{price},{price},10000,{price}\n"));
    }
    text
}

/// What companies have declared is known to who writes calls in a replay: they are assigned on the morning of the ex-date.
#[tokio::test]
async fn a_replay_announces_its_dividends() {
    const CALL: &str =
        r#"{"kind":"option","underlying":"AAPL","expiry":"2026-12-18","strike":"100","right":"call"}"#;
    for (dividend, left) in [(2, 0), (0, 2)] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bars.csv");
        std::fs::write(&file, bars_around_a_dividend(dividend)).unwrap();
        let mut engine =
            start(&directory.path().join("p"), FeedChoice::Replay { file: Some(file), speed: 1 });
        engine.started().await.unwrap();
        let session = engine.session();
        let day = |days: i64| Request::Advance { seconds: days * 86_400 };
        // An hour after a close.
        session.request(Request::Advance { seconds: 3_600 }).await.unwrap();
        order(&session, &place("buy", "AAPL", "400", MARKET)).await;
        session.request(day(1)).await.unwrap();
        seen(&session, |snapshot| snapshot.positions.len() == 1).await;
        let call = format!(
            r#"{{"intent":"place","side":"sell","position_effect":"open","instrument":{CALL},"quantity":"4","order_type":"limit","limit_price":"9","time_in_force":"gtc"}}"#
        );
        order(&session, &call).await;
        session.request(day(1)).await.unwrap();
        seen(&session, |snapshot| snapshot.positions.len() == 2).await;
        session.request(day(6)).await.unwrap();
        let end = "2026-12-01T13:00:00Z".parse().unwrap();
        let snapshot = seen(&session, |snapshot| snapshot.now >= end).await;
        assert_eq!(snapshot.positions.len(), left, "a dividend of {dividend}: {:?}", snapshot.positions);
    }
}

const RESTING: &str = r#""order_type":"limit","limit_price":"400","time_in_force":"gtc""#;

/// The first picture of which this is true.
pub(crate) async fn seen(session: &LocalSession, is_it: impl FnMut(&Arc<Snapshot>) -> bool) -> Arc<Snapshot> {
    let mut snapshots = session.snapshots();
    let found = tokio::time::timeout(std::time::Duration::from_secs(60), snapshots.wait_for(is_it)).await;
    found.expect("in time").expect("the engine runs").clone()
}

#[tokio::test]
async fn a_second_engine_may_look_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    let engine = start(&profile, FeedChoice::Simulated);
    let session = engine.session();
    order(&session, &place("buy", "AAPL", "10", MARKET)).await;
    order(&session, &place("buy", "MSFT", "5", RESTING)).await;
    // What history shows is on disk.
    session.request(Request::OrderHistory(HistoryQuery::default())).await.unwrap();

    let mut second = start(&profile, FeedChoice::Simulated);
    let error = second.started().await.unwrap_err().to_string();
    let expect = format!("is in use by process {} (arbion test); end that first", std::process::id());
    assert!(error.contains(&expect), "{error}");

    let mut reader = start_with(&profile, FeedChoice::Simulated, Access::Read);
    reader.started().await.unwrap();
    let look = reader.session();
    let snapshot = seen(&look, |snapshot| !snapshot.accounts.is_empty()).await;
    assert_eq!(snapshot.positions[0].quantity.to_string(), "10");
    assert_eq!(snapshot.orders.iter().filter(|order| order.is_working()).count(), 1);
    let Reply::Executions(fills) = look.request(Request::Executions(HistoryQuery::default())).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(fills.len(), 1);
    let copy = directory.path().join("copy.db").display().to_string();
    let backup = |to: &str| Request::Backup { to: Some(to.to_owned()) };
    assert_eq!(look.request(backup(&copy)).await, Ok(Reply::Done(copy.clone())));
    let again = look.request(backup(&copy)).await.unwrap_err();
    assert!(matches!(&again, SessionError::Usage(text) if text.contains("exists already")), "{again:?}");
    for request in [
        Request::Halt { all: false },
        Request::Resume,
        Request::PaperExpire,
        Request::PaperDoNotExercise {
            contract: arbion::domain::option::OptionContract::from_occ("AAPL270115C00190000").unwrap(),
        },
        Request::SetWatchlist { name: "x".into(), instruments: Vec::new() },
    ] {
        let error = look.request(request).await.unwrap_err().to_string();
        assert!(error.contains("this one only reads"), "{error}");
    }
    let error = execute(&look, &place("buy", "AAPL", "1", MARKET)).await.unwrap_err().to_string();
    assert!(error.contains("this one only reads"), "{error}");
    drop(reader);
    // The first engine goes on as if nobody had looked.
    let canceled = order(&session, r#"{"intent":"cancel","order_id":"2"}"#).await;
    assert_eq!(canceled.status, OrderStatus::Canceled);
}

#[tokio::test]
async fn an_engine_that_only_glances_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    let mut glance = start_with(&profile, FeedChoice::Simulated, Access::Glance);
    glance.started().await.unwrap();
    let mut trader = start(&profile, FeedChoice::Simulated);
    drop(glance);
    trader.started().await.unwrap();
    // What it could do meanwhile it can do now.
    assert_eq!(
        order(&trader.session(), &place("buy", "AAPL", "1", MARKET)).await.status,
        OrderStatus::Filled
    );
}

#[tokio::test]
async fn an_order_that_has_ended_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    let session = engine.session();
    order(&session, &place("buy", "MSFT", "1", RESTING)).await;
    order(&session, r#"{"intent":"cancel","order_id":"1"}"#).await;
    let error =
        execute(&session, r#"{"intent":"replace","order_id":"1","limit_price":"401"}"#).await.unwrap_err();
    assert_eq!(error.to_string(), "order 1 is canceled already");
}

#[tokio::test]
async fn h1_the_halt_file_halts_and_a_person_lifts_it() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    let engine = start(&profile, FeedChoice::Simulated);
    let session = engine.session();
    order(&session, &place("buy", "MSFT", "5", RESTING)).await;
    request_halt(&profile, false).unwrap();
    let snapshot = seen(&session, |snapshot| {
        snapshot.trading_state == TradingState::Halted && !snapshot.orders.iter().any(|o| o.is_working())
    })
    .await;
    assert_eq!(snapshot.orders[0].status, OrderStatus::Canceled);
    drop(engine);
    // It holds over a restart, and even a database that has forgotten it would be told by the file.
    let engine = start(&profile, FeedChoice::Simulated);
    let session = engine.session();
    let denied = execute(&session, &place("buy", "AAPL", "1", MARKET)).await.unwrap_err().to_string();
    assert!(denied.contains("HALTED"), "{denied}");
    session.request(Request::Resume).await.unwrap();
    assert!(!profile.join(HALT_FILE).exists());
    assert_eq!(order(&session, &place("buy", "AAPL", "1", MARKET)).await.status, OrderStatus::Filled);
}

#[tokio::test]
async fn a_new_profile_starts_with_the_watchlists_of_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    engine.started().await.unwrap();
    let session = engine.session();
    let snapshot = seen(&session, |snapshot| !snapshot.watchlists.is_empty()).await;
    assert_eq!(snapshot.watchlists.iter().map(|list| list.name.as_str()).collect::<Vec<_>>(), ["mine"]);
}

#[tokio::test]
async fn an_order_that_fills_now_or_never_is_answered_with_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    let session = engine.session();
    for (terms, status) in [
        (r#""order_type":"limit","limit_price":"400","time_in_force":"ioc""#, OrderStatus::Canceled),
        (r#""order_type":"limit","limit_price":"401","time_in_force":"fok""#, OrderStatus::Canceled),
        (r#""order_type":"market","time_in_force":"ioc""#, OrderStatus::Filled),
    ] {
        assert_eq!(order(&session, &place("buy", "MSFT", "1", terms)).await.status, status, "{terms}");
    }
}

/// An alert rings without any screen, is written down, and is there after a restart as it was left.
#[tokio::test]
async fn an_alert_rings_by_itself_and_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    let mut engine = start(&profile, FeedChoice::Simulated);
    engine.started().await.unwrap();
    let session = engine.session();
    let Ok(Reply::Quotes(quotes)) =
        session.request(Request::Subscribe { instruments: vec![Instrument::equity("AAPL").unwrap()] }).await
    else {
        panic!("no quote")
    };
    let last = quotes[0].last.unwrap().get();
    let near = (last + Decimal::new(1, 2)).to_string();
    let far = (last * Decimal::TWO).round_dp(2).to_string();
    let alert = |value: &str| {
        format!(
            r#"{{"intent":"alert","instrument":{{"kind":"equity","symbol":"AAPL"}},"when":"above","value":"{value}"}}"#
        )
    };
    // The market walks: within a few seconds it is a cent higher than it was, or the test waits a little longer.
    let mut set = 0;
    for text in [&near, &far] {
        match execute(&session, &alert(text)).await {
            Ok(Reply::Done(said)) => {
                assert!(said.starts_with("alert set: AAPL above "), "{said}");
                set += 1;
            }
            Err(SessionError::Usage(said)) => {
                assert!(said.starts_with("no alert set, it is so now"), "{said}")
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(set >= 1);
    let refused = execute(&session, &alert(&far)).await;
    assert!(
        matches!(&refused, Err(SessionError::Usage(said)) if said.contains("waits for that already")),
        "{refused:?}"
    );
    drop(engine);

    let mut engine = start(&profile, FeedChoice::Simulated);
    engine.started().await.unwrap();
    let snapshot = snapshot_of(&engine.session(), |snapshot| !snapshot.alerts.is_empty()).await;
    let kept = snapshot.alerts.iter().find(|alert| alert.value == far.parse().unwrap()).unwrap();
    assert!(kept.waits());
    // Its prices come, though no list has it.
    assert!(snapshot.quotes.contains_key(&Instrument::equity("AAPL").unwrap()));
}

/// Waits for a picture that is as wanted, at most ten seconds.
pub(crate) async fn snapshot_of(session: &LocalSession, wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut pictures = session.snapshots();
    let found = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            let picture = Arc::clone(&pictures.borrow_and_update());
            if wanted(&picture) {
                return picture;
            }
            pictures.changed().await.unwrap();
        }
    });
    found.await.expect("no such picture within ten seconds")
}

/// What stands in the book is what the quote says, and it moves with it.
#[tokio::test]
async fn depth_and_tape_go_with_the_quote() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    engine.started().await.unwrap();
    let session = engine.session();
    let aapl = Instrument::equity("AAPL").unwrap();
    let Ok(Reply::Book(book)) = session.request(Request::Book { instrument: aapl.clone() }).await else {
        panic!("no book")
    };
    assert!(book.bids.len() > 5 && book.asks.len() > 5 && book.prints.len() > 10);
    let newest = book.prints[0].at;
    let snapshot = snapshot_of(&session, |snapshot| {
        snapshot.book(&aapl).is_some_and(|book| book.prints[0].at > newest && book.as_of > newest)
    })
    .await;
    let (book, quote) = (snapshot.book(&aapl).unwrap(), &snapshot.quotes[&aapl]);
    assert_eq!(book.as_of, quote.as_of);
    assert_eq!((Some(book.bids[0].price), book.bids[0].size), (quote.bid, quote.bid_size));
    assert_eq!((Some(book.asks[0].price), book.asks[0].size), (quote.ask, quote.ask_size));
    assert!(book.prints.windows(2).all(|pair| pair[0].at >= pair[1].at));
}

#[tokio::test]
async fn lists_groups_movers_notes_and_equity() {
    use arbion::client::message::{MoversBy, WatchlistEdit};
    let directory = tempfile::tempdir().unwrap();
    let mut engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    engine.started().await.unwrap();
    let session = engine.session();
    let edits = [
        WatchlistEdit::Create { name: "new".into() },
        WatchlistEdit::Rename { from: "new".into(), to: "ideas".into() },
        WatchlistEdit::Move { name: "ideas".into(), forward: true },
    ];
    for edit in edits {
        session.request(Request::EditWatchlists(edit)).await.unwrap();
    }
    let names =
        |snapshot: &Snapshot| snapshot.watchlists.iter().map(|l| l.name.to_string()).collect::<Vec<_>>();
    snapshot_of(&session, |snapshot| names(snapshot) == ["ideas", "mine"]).await;
    let Ok(Reply::Groups(groups)) = session.request(Request::Groups).await else { panic!("no groups") };
    let (group, count) = groups[0].clone();
    let Ok(Reply::Listings(members)) = session.request(Request::Members { group }).await else {
        panic!("no members")
    };
    assert_eq!(members.len() as u32, count);
    let movers = session.request(Request::Movers { by: MoversBy::Gainers, limit: 5 }).await;
    assert!(matches!(&movers, Ok(Reply::Quotes(quotes)) if quotes.len() == 5), "{movers:?}");
    let bought = order(&session, &place("buy", "KO", "1", MARKET)).await;
    let id = bought.request.client_order_id;
    session.request(Request::SetNote { order: id, text: "a try\n".into() }).await.unwrap();
    let Ok(Reply::Notes(notes)) = session.request(Request::Notes).await else { panic!("no notes") };
    assert_eq!((notes[0].order, notes[0].text.as_str()), (id, "a try"));
    let equity = session.request(Request::Equity { account: None, since: None, points: 100 }).await;
    assert!(matches!(&equity, Ok(Reply::Equity(points)) if !points.is_empty()), "{equity:?}");
    let snapshot = snapshot_of(&session, |snapshot| !snapshot.positions.is_empty()).await;
    let used = &snapshot.accounts[0].used;
    assert!(used.exposure_percent > Decimal::ZERO && used.orders_last_minute >= 1, "{used:?}");
}

/// A reader that comes while the first start still makes the database waits for it.
#[tokio::test]
async fn a_database_that_is_being_made_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    drop(start(&profile, FeedChoice::Simulated).started().await);
    let made = profile.join("arbion.db");
    let whole = std::fs::read(&made).unwrap();
    std::fs::write(&made, b"").unwrap();
    let reader = tokio::spawn({
        let profile = profile.clone();
        async move { start_with(&profile, FeedChoice::Simulated, Access::Read).started().await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    std::fs::write(&made, whole).unwrap();
    reader.await.unwrap().unwrap();
}
