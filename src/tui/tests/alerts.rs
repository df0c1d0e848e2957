//! Price alerts, layouts, and one pane alone.

use super::harness::Runner;
use super::trading_day;
use crate::domain::snapshot::Snapshot;
use crate::tui::Effect;

/// The day with another last price of AAPL.
fn at_price(snapshot: &Snapshot, last: &str) -> Snapshot {
    let mut next = trading_day::moved(snapshot, 1, 0);
    let mut quotes = (*next.quotes).clone();
    let quote = quotes.get_mut(&trading_day::instrument("AAPL")).unwrap();
    quote.last = Some(trading_day::price(last));
    next.quotes = quotes.into();
    next
}

fn notices(runner: &Runner) -> Vec<&str> {
    let texts = runner.effects.iter().filter_map(|effect| match effect {
        Effect::Notify(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn a_price_that_is_reached_is_told_once() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("alert aapl above 232.50").keys("enter").sees("Alert set").sees("alert ");
    let day = runner.snapshot.clone();
    runner.show(at_price(&day, "232.40"));
    assert!(notices(&runner).is_empty());
    let day = runner.snapshot.clone();
    runner.show(at_price(&day, "232.50")).sees("Alert: AAPL above 232.50");
    let day = runner.snapshot.clone();
    runner.show(at_price(&day, "232.60"));
    assert_eq!(notices(&runner), ["Alert: AAPL above 232.50"]);
    runner.keys("6").sees("Alert: AAPL above 232.50").keys("A").sees("none");
}

#[test]
fn alerts_are_listed_and_taken_off() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("alert aapl above 100").keys("enter").sees("No alert set, it is so now");
    for expected in ["Alert set", "Alert taken off"] {
        runner.keys(":").text("alert aapl below 200").keys("enter").sees(expected);
    }
    runner.keys(":").text("alert aapl below 201").keys("enter A").sees("AAPL below 201.00");
}

#[test]
fn one_pane_alone_and_all_again() {
    let mut runner = Runner::new((120, 40));
    runner.keys("2 z").sees("2 Chart").misses("Order ticket").misses("─ Quotes");
    runner.keys("4").sees("─ Orders").misses("─ AAPL");
    runner.keys("z").sees("Order ticket").sees("─ Quotes");
}

#[test]
fn layouts_give_room_to_what_is_done() {
    let mut runner = Runner::new((120, 40));
    runner.keys("w").sees("Layout: chart").sees("─ AAPL").misses("Order ticket").sees("─ Positions");
    // What has no place takes the large one while it has the keys.
    runner.keys("b").sees("─ Order ticket").misses("─ AAPL").keys("esc esc").sees("─ AAPL");
    runner
        .keys("w")
        .sees("Layout: options")
        .sees("─ Chain AAPL")
        .sees("Order ticket")
        .keys("w")
        .sees("─ AAPL");
    let mut runner = Runner::new((200, 60));
    runner.keys("w w").sees("─ Chain AAPL").sees("─ AAPL").sees("Order ticket");
}
