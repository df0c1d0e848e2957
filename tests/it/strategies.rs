//! Strategies through the engine and through the real program: on a replay they do what the backtest says, and a killed engine goes on with
//! them without an order twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arbion::client::message::StrategyRequest;
use arbion::client::{Reply, Request, Session};
use arbion::core::paper::VenueConfig;
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::Instrument;
use arbion::domain::order::OriginKind;
use arbion::domain::quote::Interval;
use arbion::domain::strategy::{StrategyChange, StrategyPhase, StrategyRules, StrategySpec, StrategyView};
use arbion::engine::{FeedChoice, LocalSession, backtest};
use arbion::market::bars_file;
use arbion::strategies::{Params, build};
use serde_json::Value;

use super::detached::Home;
use super::engine::start;

fn spec(name: &str, instrument: &str) -> StrategySpec {
    let params = [("fast", "5"), ("slow", "20"), ("quantity", "10")];
    StrategySpec {
        name: name.into(),
        kind: "sma_cross".into(),
        account: AccountId::new("paper"),
        instruments: vec![Instrument::equity(instrument).unwrap()],
        interval: Interval::Day1,
        params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        adopt: Vec::new(),
        // A loss pauses no backtest, so that the two may be compared.
        rules: StrategyRules::without_pauses(),
        exits: None,
    }
}

async fn change(session: &LocalSession, change: StrategyChange) -> String {
    match session.request(Request::Strategy(StrategyRequest::Change(change))).await {
        Ok(Reply::Done(text)) => text,
        other => panic!("{other:?}"),
    }
}

async fn view(session: &LocalSession, name: &str) -> StrategyView {
    match session.request(Request::Strategy(StrategyRequest::List)).await {
        Ok(Reply::Strategies(views)) => views.into_iter().find(|view| view.spec.name == name).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The same bars through a backtest and through the engine make the same trades.
#[tokio::test]
async fn a_replay_through_the_engine_trades_as_the_backtest_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = start(&directory.path().join("p"), FeedChoice::Replay { file: None, speed: 1 });
    engine.started().await.unwrap();
    let session = engine.session();
    change(&session, StrategyChange::Add { spec: Box::new(spec("trend", "MSFT")) }).await;
    change(&session, StrategyChange::Start { name: "trend".into(), confirmation: None }).await;
    assert_eq!(view(&session, "trend").await.phase, StrategyPhase::Running);
    let days = 500;
    session.request(Request::Advance { seconds: days * 86_400 }).await.unwrap();
    let reply = session.request(Request::Executions(arbion::client::message::HistoryQuery::default())).await;
    let Ok(Reply::Executions(mut fills)) = reply else { panic!("{reply:?}") };
    fills.reverse();
    let bars = bars_file::shipped().unwrap();
    let params = Params::new(spec("trend", "MSFT").params);
    let mut strategy =
        build("sma_cross", "trend".into(), vec![Instrument::equity("MSFT").unwrap()], &params).unwrap();
    let venue = VenueConfig::new(AccountId::new("backtest"), 100_000.into());
    let run = backtest::run(&bars, strategy.as_mut(), venue);
    let until = session.snapshots().borrow().now;
    let expected: Vec<(String, String)> = run
        .fills
        .iter()
        .filter(|fill| fill.execution.at <= until)
        .map(|fill| {
            (fill.execution.at.to_string(), format!("{} {}", fill.execution.side, fill.execution.quantity))
        })
        .collect();
    let found: Vec<(String, String)> =
        fills.iter().map(|fill| (fill.at.to_string(), format!("{} {}", fill.side, fill.quantity))).collect();
    assert!(found.len() > 6, "{found:?}");
    assert_eq!(found, expected);
    // Each order has its name, each decision its order, and what it owns is what the account holds.
    let snapshot = session.snapshots().borrow().clone();
    for order in snapshot.orders.iter() {
        assert_eq!(
            (order.request.origin.kind, order.request.origin.name.as_deref()),
            (OriginKind::Strategy, Some("trend"))
        );
    }
    let view = view(&session, "trend").await;
    let held: BTreeMap<String, String> =
        snapshot.positions.iter().map(|p| (p.instrument.to_string(), p.quantity.to_string())).collect();
    let owned: BTreeMap<String, String> =
        view.claims.iter().map(|c| (c.instrument.to_string(), c.quantity.to_string())).collect();
    assert_eq!(owned, held);
    let request = StrategyRequest::Decisions { name: Some("trend".into()), limit: 1_000 };
    let Ok(Reply::Decisions(decisions)) = session.request(Request::Strategy(request)).await else { panic!() };
    let with_orders = decisions.iter().filter(|decision| decision.proposal.is_some()).count();
    assert!(with_orders >= found.len(), "{with_orders} decisions, {} fills", found.len());
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The program as its user has it: what is wrong is said, what runs survives the terminal and a kill.
#[test]
fn a_strategy_is_made_started_killed_and_goes_on() {
    let home = Home::new();
    for (args, said) in [
        (
            &["strategy", "add", "trend", "sma_cross", "AAPL", "--set", "fast=0"][..],
            "parameter fast: found '0', allowed 1 to 10000",
        ),
        (
            &["strategy", "add", "trend", "martingale", "AAPL"],
            "no strategy is called 'martingale'; there are",
        ),
        (
            &["strategy", "add", "trend", "sma_cross", "AAPL", "--limit", "luck=1"],
            "limit luck is not known; there are",
        ),
        (&["strategy", "start", "trend"], "no strategy is called 'trend'"),
        (&["strategy", "kinds", "martingale"], "kind: found 'martingale', allowed"),
    ] {
        let output = home.output(args);
        let found = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), found.contains(said)), (Some(2), true), "{args:?}: {found}");
    }
    let kinds = home.json(&["strategy", "kinds", "sma_cross"]);
    assert_eq!(kinds["kinds"][0]["params"][0]["name"], "fast");
    home.json(&[
        "strategy",
        "add",
        "trend",
        "sma_cross",
        "AAPL",
        "--interval",
        "1m",
        "--limit",
        "capital=5000",
    ]);
    home.json(&["strategy", "start", "trend"]);
    let state = |home: &Home| {
        let list = home.json(&["strategy", "list"]);
        text(&list["strategies"][0]["phase"]).to_owned()
    };
    home.until("the strategy's run", || state(&home) == "running");
    // Nobody is attached: it stays for the strategy's sake.
    let status = home.json(&["engine", "status"]);
    assert_eq!(text(&status["stays_for"]), "1 strategy");
    let pid = home.engine().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    home.until("another engine", || {
        home.engine().is_some_and(|now| now != pid) || {
            home.output(&["strategy", "pause", "nobody"]);
            false
        }
    });
    home.until("the strategy's run after the kill", || state(&home) == "running");
    home.json(&["strategy", "pause", "trend"]);
    assert_eq!(state(&home), "paused");
    home.json(&["do", "stop sma_cross on aapl"]);
    home.until("the strategy's end", || state(&home) == "disabled");
    home.json(&["strategy", "remove", "trend", "--yes"]);
    assert_eq!(home.json(&["strategy", "list"])["strategies"], serde_json::json!([]));
}

/// Takes two minutes: bars of a minute must end, before the kill and after it.
#[test]
#[ignore = "waits for bars of a minute: cargo test --test it -- --ignored killed_while_it_trades"]
fn a_strategy_killed_while_it_trades_orders_nothing_twice() {
    let home = Home::new();
    let symbols = ["AAPL", "MSFT", "NVDA", "AMZN", "TSLA", "KO", "JPM", "XOM", "BTC-USD", "ETH-USD"];
    let args = [
        &["strategy", "add", "trend", "sma_cross"][..],
        &symbols,
        &["--interval", "1m", "--set", "fast=1", "--set", "slow=2", "--set", "quantity=1"],
        &["--limit", "cooldown_minutes=0", "--limit", "orders_per_minute=60"],
    ]
    .concat();
    home.json(&args);
    home.json(&["strategy", "start", "trend"]);
    let orders = |home: &Home| -> Vec<Value> {
        let list = home.json(&["order", "list", "--all"]);
        list["orders"].as_array().unwrap().clone()
    };
    let patient = |what: &str, test: &mut dyn FnMut() -> bool| {
        let end = Instant::now() + Duration::from_secs(150);
        while !test() {
            assert!(Instant::now() < end, "{what} never came");
            std::thread::park_timeout(Duration::from_millis(100));
        }
    };
    patient("an order", &mut || !orders(&home).is_empty());
    let pid = home.engine().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let before = orders(&home).len();
    patient("another order", &mut || orders(&home).len() > before);
    // Of one bar there is one order in an instrument: none was asked for again after the kill.
    let decisions = home.json(&["strategy", "explain", "trend", "--limit", "500"]);
    let unknown = home.output(&["strategy", "explain", "trent"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert_eq!(
        (unknown.status.code(), said.as_str()),
        (Some(2), "arbion: no strategy is called 'trent'; nearest is trend\n")
    );
    let mut seen = BTreeMap::new();
    for decision in decisions["decisions"].as_array().unwrap() {
        if decision["proposal"].is_null() {
            continue;
        }
        let key = (decision["instrument"].to_string(), text(&decision["at"])[..16].to_owned());
        assert!(seen.insert(key.clone(), ()).is_none(), "{key:?} twice: {decisions}");
    }
    let list = home.json(&["strategy", "list"]);
    let owned = list["strategies"][0]["claims"].as_array().unwrap().len();
    let held = home.json(&["positions"])["positions"].as_array().unwrap().len();
    assert_eq!(owned, held);
}

/// Closed out, and killed before the venue has taken the order: the next engine goes on with it, and sells once.
#[test]
fn a_strategy_that_is_closed_out_is_so_after_a_kill() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "10", "AAPL"]);
    let positions = || home.json(&["positions"])["positions"].as_array().unwrap().len();
    home.until("its shares", || positions() == 1);
    home.json(&["strategy", "add", "trend", "sma_cross", "AAPL", "--adopt", "AAPL"]);
    home.json(&["strategy", "start", "trend"]);
    let view = || home.json(&["strategy", "list"])["strategies"][0].clone();
    home.until("its run with what it was to adopt", || {
        view()["phase"] == "running" && view()["claims"][0]["quantity"] == "10"
    });
    // From here the venue takes its time for each order.
    home.output(&["engine", "stop", "--force"]);
    home.until("the engine's end", || home.engine().is_none());
    home.configure("[paper]\nack_ms = 8000\n");
    home.json(&["engine", "start"]);
    home.until("its run again", || view()["phase"] == "running");
    let said = home.json(&["strategy", "stop", "trend", "--flatten"]).to_string();
    assert!(said.contains("closed at the market"), "{said}");
    if let Some(pid) = home.engine() {
        super::detached::signal(pid, "KILL");
        home.configure("[paper]\nack_ms = 0\n");
        home.until("another engine", || {
            home.engine().is_some_and(|now| now != pid) || {
                home.output(&["engine", "start"]);
                false
            }
        });
    }
    home.until("the strategy's end", || view()["phase"] == "disabled" && positions() == 0);
    let orders = home.json(&["order", "list", "--all"]);
    let sold = orders["orders"].as_array().unwrap().iter().filter(|order| order["request"]["side"] == "sell");
    let sold: f64 = sold.map(|order| text(&order["filled_quantity"]).parse::<f64>().unwrap()).sum();
    assert_eq!(sold, 10.0, "{orders}");
}
