//! A strategy's orders over recorded bars, as a backtest and as a paper replay through the whole engine: the same fills.

use arbion::client::message::HistoryQuery;
use arbion::client::{Reply, Request, Session};
use arbion::core::paper::VenueConfig;
use arbion::domain::calendar::exchange_date;
use arbion::domain::execution::{Execution, ExecutionKind};
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::Instrument;
use arbion::domain::order::OrderStatus;
use arbion::engine::{FeedChoice, backtest};
use arbion::market::bars_file;
use arbion::strategies::{Params, build};
use jiff::Timestamp;

use crate::engine::{MARKET, order, place, seen, start};

/// What of a fill two runs must agree on.
fn facts(e: &Execution) -> String {
    let what = e.kind.as_str();
    format!("{} {what} {} {} at {} for {}", e.at, e.side, e.quantity, e.price, e.fee.normalize())
}

#[tokio::test]
async fn a_backtest_and_a_paper_replay_make_the_same_fills() {
    let aapl = Instrument::equity("AAPL").unwrap();
    let mut bars = bars_file::shipped().unwrap();
    let last = "2000-12-29".parse().unwrap();
    bars.series.retain(|instrument, _| *instrument == aapl);
    bars.series.values_mut().for_each(|series| series.retain(|row| exchange_date(row.bar.start) <= last));
    let ends: Vec<Timestamp> = bars.series[&aapl].iter().map(|row| row.end).collect();
    let params =
        [("fast", "5"), ("slow", "15"), ("quantity", "10")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let mut strategy = build("sma_cross", "cross".into(), vec![aapl.clone()], &Params::new(params)).unwrap();
    let venue = VenueConfig::new(AccountId::new("paper"), 100_000.into());
    let run = backtest::run(&bars, strategy.as_mut(), venue);
    let expected: Vec<&Execution> = run.fills.iter().map(|fill| &fill.execution).collect();
    assert!(expected.len() >= 10, "{} fills", expected.len());

    let directory = tempfile::tempdir().unwrap();
    let mut engine = start(&directory.path().join("p"), FeedChoice::Replay { file: None, speed: 1 });
    engine.started().await.unwrap();
    let session = engine.session();
    let first = seen(&session, |snapshot| snapshot.replay.is_some()).await;
    let mut now = first.replay.as_ref().unwrap().at;
    for fill in expected.iter().filter(|fill| fill.kind == ExecutionKind::Trade) {
        // It was decided at the end of the bar before the one that filled it.
        let filled_in = ends.iter().position(|end| *end == fill.at).unwrap();
        let decided = ends[filled_in - 1];
        let seconds = decided.duration_since(now).as_secs();
        session.request(Request::Advance { seconds }).await.unwrap();
        now = decided;
        let side = if fill.side.is_buy() { "buy" } else { "sell" };
        let placed = order(&session, &place(side, "AAPL", &fill.quantity.to_string(), MARKET)).await;
        assert_eq!(placed.status, OrderStatus::Submitted, "{placed:?}");
    }
    session.request(Request::Advance { seconds: 7 * 86_400 }).await.unwrap();
    let Reply::Executions(fills) =
        session.request(Request::Executions(HistoryQuery::default())).await.unwrap()
    else {
        panic!("no fills");
    };
    let mut replayed: Vec<String> = fills.iter().map(facts).collect();
    // History is newest first.
    replayed.reverse();
    assert_eq!(replayed, expected.into_iter().map(facts).collect::<Vec<_>>());
}

/// A sweep's runs are those of one backtest each, whichever core they ran on, the best first.
#[test]
fn a_sweep_says_what_each_backtest_says() {
    let home = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_arbion"))
            .args(["backtest", "sma_cross", "--symbol", "AAPL", "--until", "2003-12-31", "--json"])
            .args(args)
            .env("ARBION_HOME", home.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let swept = run(&["--set", "fast=5..15:5", "--set", "slow=30..40:10", "--rank", "total_return"]);
    let rows = swept["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &swept["asked"]), (6, &serde_json::json!(6)));
    let gain = |row: &serde_json::Value| row["metrics"][0]["value"].as_f64().unwrap();
    assert!(rows.is_sorted_by(|a, b| gain(a) >= gain(b)));
    for row in rows {
        let set: Vec<String> = row["params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        let alone = run(&["--set", &set[0], "--set", &set[1]]);
        assert_eq!(row["final_equity"], alone["final_equity"], "{set:?}");
        // How it stood to whoever held the same is said of a single run only.
        let mut metrics = alone["metrics"].as_array().unwrap().clone();
        metrics.retain(|metric| !["beta", "correlation"].contains(&metric["name"].as_str().unwrap()));
        assert_eq!(row["metrics"].as_array(), Some(&metrics), "{set:?}");
    }
}
