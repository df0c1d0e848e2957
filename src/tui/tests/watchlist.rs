//! The watchlist: sorting, filtering, adding, dropping, moving.

use super::harness::Runner;
use crate::client::Request;

/// The symbols of the list from the top.
fn symbols(runner: &Runner) -> Vec<String> {
    let frame = runner.frame();
    let rows = frame.lines().skip_while(|line| !line.contains("sym  ")).skip(1);
    let first = |line: &str| line.trim_start_matches(['│', '▸', ' ']).split(' ').next().unwrap().to_owned();
    rows.map(first).take_while(|symbol| !symbol.starts_with(['…', '└', '├'])).collect()
}

#[test]
fn rows_are_sorted_and_turned_round() {
    let mut runner = Runner::new((80, 24));
    assert_eq!(symbols(&runner)[..3], ["AAPL", "MSFT", "NVDA"]);
    runner.keys("t").sees("by symbol");
    assert_eq!(symbols(&runner)[..3], ["AAPL", "AMD", "AMZN"]);
    runner.keys("t").sees("by change");
    assert_eq!(symbols(&runner)[..3], ["DOGE-USD", "NVDA", "BTC-USD"]);
    runner.keys("T").sees("by change reversed");
    assert_eq!(symbols(&runner)[..2], ["TSLA", "AMD"]);
    runner.keys("T t").sees("by volume");
    assert_eq!(symbols(&runner)[0], "NVDA");
}

#[test]
fn moves_follow_the_row_and_not_its_place() {
    let mut runner = Runner::new((80, 24));
    runner
        .keys("j j")
        .sees("▸NVDA")
        .keys("t")
        .sees("▸NVDA")
        .keys("G")
        .misses("▸NVDA")
        .keys("g")
        .sees("▸AAPL");
    runner.keys("/ m s").sees("/ms");
    assert_eq!(symbols(&runner)[0], "MSFT");
    runner.keys("enter esc").misses("/ms");
}

#[test]
fn symbols_are_added_and_dropped() {
    let mut runner = Runner::new((80, 24));
    let lists = |runner: &Runner| -> Vec<Vec<String>> {
        let sent = runner.asked.iter().filter_map(|request| match request {
            Request::SetWatchlist { instruments, .. } => {
                Some(instruments.iter().map(ToString::to_string).collect())
            }
            _ => None,
        });
        sent.collect()
    };
    let before = runner.snapshot.watchlists[0].instruments.len();
    runner.keys("a").sees(": watch ").text("intc").keys("enter");
    let added = lists(&runner);
    assert_eq!((added[0].len(), added[0].last().unwrap().as_str()), (before + 1, "INTC"));
    runner.keys("g j d");
    let dropped = lists(&runner).pop().unwrap();
    assert!(dropped.len() == before - 1 && !dropped.contains(&"MSFT".to_owned()), "{dropped:?}");
}
