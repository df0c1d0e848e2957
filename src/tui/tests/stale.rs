//! Prices that do not come any more: the top line says so, and every pane that shows them.

use std::sync::Arc;

use super::harness::{Runner, options};
use super::trading_day;
use crate::domain::instrument::AssetClass;
use crate::domain::quote::Feed;
use crate::domain::snapshot::{Connection, Snapshot};

/// Shares and options are a broker's, whose prices stopped so many seconds ago.
fn stopped(seconds: i64) -> Snapshot {
    let mut snapshot = trading_day::snapshot();
    let since = snapshot.now - jiff::SignedDuration::from_secs(seconds);
    let mut quotes = snapshot.quotes.as_ref().clone();
    for (instrument, quote) in &mut quotes {
        if matches!(instrument.asset_class(), AssetClass::Equity | AssetClass::Option) {
            (quote.feed, quote.as_of) = (Feed::RealTime, since);
        }
    }
    snapshot.quotes = quotes.into();
    let mut alpaca = Connection::new("alpaca paper", false, "no answer");
    alpaca.prices = vec![AssetClass::Equity, AssetClass::Option];
    alpaca.prices_stopped_at = Some(since);
    let mut connections = snapshot.connections.to_vec();
    connections.push(alpaca);
    snapshot.connections = Arc::new(connections);
    snapshot
}

#[test]
fn a_source_that_is_down_says_so_with_its_age_at_every_size() {
    for (size, whole) in [((40, 12), false), ((80, 24), false), ((120, 40), true), ((200, 60), true)] {
        let mut runner = Runner::with(options(), stopped(200), size);
        runner.sees(" REAL-TIME DOWN 3m");
        if whole {
            runner.sees("REAL-TIME DOWN 3m shares options");
        }
        // In the first minute it is down without a number: an idle screen writes nothing.
        let mut fresh = Runner::with(options(), stopped(20), size);
        fresh.sees(" REAL-TIME DOWN").misses("DOWN 0").wait(1_000).written.clear();
        fresh.wait(5_000);
        assert!(fresh.written.is_empty());
        fresh.wait(40_000).sees(" REAL-TIME DOWN 1m");
    }
    Runner::new((120, 40)).misses("DOWN");
}

#[test]
fn the_prices_of_a_source_that_is_down_are_dim_and_say_their_age() {
    let style = |runner: &Runner, line: &str, text: &str| {
        let frame = runner.frame();
        let (y, row) = frame.lines().enumerate().find(|(_, row)| row.contains(line)).unwrap();
        let x = row[..row.find(text).unwrap_or_else(|| panic!("no {text} in {row}"))].chars().count();
        runner.screen.shown()[(x as u16, y as u16)].fg
    };
    let dim = style(&Runner::new((80, 24)), "sym ", "last");
    for seconds in [200, 20] {
        let words = if seconds < 60 { "stale" } else { "3m old" };
        let mut runner = Runner::with(options(), stopped(seconds), (80, 24));
        runner.sees(words);
        assert_eq!(style(&runner, "▸AAPL", "231.80"), dim, "quotes");
        assert_ne!(style(&runner, "BTC-USD", "98,410.50"), dim, "another source's");
        runner.keys("2").sees(words);
        assert_eq!(style(&runner, "+1.92", "231.80"), dim, "chart");
        runner.keys("3").sees(&format!("prices {words}"));
        assert_eq!(style(&runner, "▸AAPL", "231.80"), dim, "positions");
        assert_eq!(style(&runner, "▸AAPL", "+370.00"), dim, "gains of old prices");
        runner.keys("5").sees(words).keys("esc");
        runner.keys("7").sees(&format!("Chain AAPL {words}"));
        runner.keys("8").sees(&format!("Depth AAPL {words}"));
        assert_eq!(style(&runner, "231.79 │", "231.79"), dim, "depth");
    }
}

#[test]
fn a_source_that_is_silent_is_stale_and_a_line_that_is_down_dims_all() {
    let mut snapshot = stopped(200);
    snapshot.connections = trading_day::snapshot().connections;
    Runner::with(options(), snapshot, (120, 40)).sees(" REAL-TIME STALE 3m ").sees("3m old");
    let mut snapshot = trading_day::snapshot();
    let mut connections = snapshot.connections.to_vec();
    connections.insert(0, Connection::new(crate::client::remote::LINE, false, "attaching again"));
    snapshot.connections = Arc::new(connections);
    Runner::with(options(), snapshot, (120, 40)).sees(" NO ENGINE ").sees("stale");
}
