//! Layouts, and one pane alone.

use std::sync::Arc;

use super::harness::Runner;
use super::trading_day;

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

#[test]
fn what_nobody_saw_is_counted_until_it_is_looked_at() {
    for size in [(80, 24), (120, 40)] {
        let mut runner = Runner::new(size);
        runner.misses("to read");
        let mut next = trading_day::moved(&runner.snapshot.clone(), 1, 0);
        let mut alerts = next.alerts.to_vec();
        alerts[0].fired_at = Some(next.now);
        next.alerts = Arc::new(alerts);
        runner.show(next).wait(60_000).sees("1 to read: U");
        runner.keys("U").sees("─ Notifications").sees("Alert: TSLA below 330").misses("to read");
        runner.keys("1").misses("to read");
    }
}

#[test]
fn a_halt_by_whoever_is_said_and_rung() {
    use crate::domain::limits::TradingState;
    let mut runner = Runner::new((120, 40));
    let mut turned = |state, seq: u64| {
        let mut snapshot = (*runner.snapshot).clone();
        (snapshot.trading_state, snapshot.seq) = (state, snapshot.seq + seq);
        runner.effects.clear();
        runner.show(snapshot);
        let rung = runner.effects.iter().any(|effect| matches!(effect, crate::tui::Effect::Notify(_)));
        (runner.frame(), rung)
    };
    let (frame, rung) = turned(TradingState::Halted, 1);
    assert!(frame.contains("Trading is halted") && frame.contains("Ctrl-K resumes") && rung, "{frame}");
    let (frame, rung) = turned(TradingState::ReducingOnly, 1);
    assert!(frame.contains("Only orders that reduce") && rung, "{frame}");
    assert!(!frame.contains("✗  Trading is halted"), "what is over is not said beside it\n{frame}");
    let (frame, rung) = turned(TradingState::Active, 1);
    assert!(frame.contains("Orders go out again.") && !rung, "{frame}");
}
