//! What stays where room is short: the figures that a decision hangs on.

use std::sync::Arc;

use super::harness::{Runner, options};
use super::trading_day;
use crate::domain::instrument::Instrument;
use crate::domain::order::OrderSubject;
use crate::domain::snapshot::{Connection, Snapshot};
use crate::tui::Options;

/// The fixture's orders and positions in shares alone.
fn shares() -> Snapshot {
    let mut snapshot = trading_day::snapshot();
    let is_share = |instrument: &Instrument| matches!(instrument, Instrument::Equity { .. });
    Arc::make_mut(&mut snapshot.orders).retain(|order| match &order.request.subject {
        OrderSubject::Instrument(instrument) => is_share(instrument),
        OrderSubject::Legs(_) => false,
    });
    Arc::make_mut(&mut snapshot.positions).retain(|position| is_share(&position.instrument));
    snapshot
}

#[test]
fn an_order_keeps_its_price_and_a_stop_says_that_it_is_one() {
    let mut runner = Runner::with(options(), shares(), (120, 40));
    runner.keys("w w w w").sees("Layout: portfolio");
    let row = |runner: &Runner, number: &str| {
        let frame = runner.frame();
        let found =
            frame.lines().find(|line| line.contains(number) && line.contains("NVDA")).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{frame}"))
    };
    assert!(row(&runner, "43 SELL").contains("stp 175.00"), "{}", runner.frame());
    runner.sees("231.50");
    // Beside the type its price is enough.
    runner
        .keys("w w")
        .sees("Layout: trade")
        .sees(" type ")
        .misses("stp 175.00")
        .sees("STP            175.00");
}

#[test]
fn a_position_keeps_its_average_at_120_columns() {
    let mut runner = Runner::with(options(), shares(), (120, 40));
    runner.sees("avg").sees("228.10");
}

#[test]
fn a_connection_that_is_down_says_why_before_how_quick_it_was() {
    let mut snapshot = trading_day::snapshot();
    let down = Connection::new("alpaca paper", false, "its vault is shut");
    Arc::make_mut(&mut snapshot.connections).push(down);
    let mut runner = Runner::with(options(), snapshot, (120, 40));
    runner
        .keys("ctrl-p")
        .text("connections pane")
        .keys("enter")
        .sees("─ Connections")
        .sees("its vault is shut");
}

#[test]
fn a_notice_stands_above_the_first_steps() {
    let options = || Options { tour: true, chores: Some(Arc::new(|_| Ok(String::new()))), ..options() };
    for size in [(80, 24), (120, 40)] {
        let mut runner = Runner::with(options(), trading_day::snapshot(), size);
        runner.sees("Welcome  1 of 6");
        let box_of = |runner: &Runner| {
            let frame = runner.frame();
            let rows = frame.lines().skip_while(|line| !line.contains("Welcome"));
            let right = |row: &str| row.chars().rev().take(50).collect::<String>();
            rows.take(5).map(right).collect::<Vec<_>>()
        };
        let before = box_of(&runner);
        let mut snapshot = (*runner.snapshot).clone();
        snapshot.seq += 1;
        let down = Connection::new("alpaca paper", false, "its vault is shut");
        Arc::make_mut(&mut snapshot.connections).push(down);
        runner.show(snapshot).sees("alpaca paper");
        let after = box_of(&runner);
        assert_eq!(before, after, "{size:?}\n{}", runner.frame());
    }
}
