//! The command bar: meaning while typing, review, history, completion.

use std::sync::Arc;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::Request;
use crate::command::types::Command;
use crate::domain::ids::AccountId;
use crate::domain::order::{Origin, OriginKind};
use crate::tui::Effect;

#[test]
fn orders_go_through_the_review() {
    let mut runner = Runner::new((120, 40));
    runner
        .keys(":")
        .text("buy 10 aapl")
        .sees("→ buy 10 AAPL at market day")
        .wait(200)
        .sees("est. cost 2,318.00");
    runner.keys("enter").sees("Review order").sees("BUY 10 AAPL MARKET");
    assert!(runner.executed().is_empty());
    runner.keys("enter").sees("#90 buy 10 AAPL: submitted");
    assert_eq!(runner.executed().len(), 1);
}

#[test]
fn esc_in_the_review_leads_back_to_the_text() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("buy 10 aapl").keys("enter esc").misses("Review order").sees(": buy 10 aapl");
}

#[test]
fn what_is_not_understood_stays_to_be_completed() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("buy some aapl").sees("? How many shares of AAPL?").keys("enter enter");
    runner.sees(": buy some aapl");
    assert!(runner.executed().is_empty());
    runner.keys("ctrl-u").text("buy 10 aapl and sell 5 msft").sees("? ").keys("esc").sees(": type a command");
}

#[test]
fn what_is_no_order_runs_at_once() {
    let mut runner = Runner::new((80, 24));
    runner.keys(":").text("show positions").keys("enter").sees("─ Positions");
    runner.keys(":").text("chart btc-usd 1h").keys("enter").sees("─ BTC-USD  1h");
    runner.keys(":").text("watch ibm").keys("enter");
    let added = runner.asked.iter().any(|request| {
        matches!(request, Request::SetWatchlist { name, instruments }
            if name == "tech" && instruments.last() == Some(&trading_day::instrument("IBM")))
    });
    assert!(added);
}

#[test]
fn what_changes_something_is_asked_first() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("cancel all").keys("enter").sees("Cancel all 7 working orders?").keys("esc");
    runner.keys(":").text("halt").keys("enter").sees("Halt all trading?");
    runner.sees("Cancels 7 working orders").sees("Protective exits stay.").keys("esc");
    // Only what will be canceled is counted.
    let mut snapshot = (*runner.snapshot).clone();
    snapshot.seq += 1;
    let working = Arc::make_mut(&mut snapshot.orders).iter_mut().filter(|order| order.is_working());
    for order in working.take(6) {
        order.request.origin = Origin::person(OriginKind::Exit);
        order.request.reduce_only = true;
    }
    runner
        .show(snapshot)
        .keys("ctrl-k")
        .sees("Cancels 1 working order,")
        .sees("The 6 protective exits stay.");
    runner.keys("esc");
    let changed =
        |r: &Request| matches!(r, Request::Cancel { .. } | Request::Halt { .. } | Request::Execute { .. });
    assert!(!runner.asked.iter().any(changed));
}

#[test]
fn one_order_named_is_canceled_at_once() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("cancel 42").keys("enter");
    let [Request::Execute { command: Command::Cancel { order_id, .. }, .. }] = runner.executed()[..] else {
        panic!("{:?}", runner.executed())
    };
    assert_eq!(order_id.as_deref(), Some("42"));
}

#[test]
fn a_question_has_no_sigils() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("move my aapl limit to 231").keys("enter").sees("Change AAPL limit to 231?");
}

#[test]
fn a_number_that_works_nowhere_is_asked_about() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("cancel 9999").keys("enter").sees("9999").keys("esc");
    assert!(runner.executed().is_empty());
}

#[test]
fn history_is_searched_by_what_is_typed() {
    let mut options = options();
    options.history = vec!["buy 1 f".into(), "show fills".into(), "buy 2 f".into()];
    let mut runner = Runner::with(options, trading_day::snapshot(), (120, 40));
    runner.keys(": up").sees(": buy 2 f").keys("up").sees(": show fills").keys("down down").misses("buy 2 f");
    runner
        .text("buy")
        .keys("up up")
        .sees(": buy 1 f")
        .keys("up")
        .sees(": buy 1 f")
        .keys("down")
        .sees(": buy 2 f");
    runner.keys("esc :").text("cancel 41").keys("enter esc : up").sees(": cancel 41");
}

#[test]
fn tab_completes() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("fl").keys("tab").sees(": flatten");
    runner.keys("ctrl-u").text("buy 10 a").keys("tab").sees(": buy 10 AAPL").keys("tab").sees(": buy 10 AMD");
    runner.keys("shift-tab").sees(": buy 10 AAPL");
    runner.keys("ctrl-u").text("zzz").keys("tab").sees(": zzz");
}

#[test]
fn the_meaning_moves_below_when_the_line_is_full() {
    let mut runner = Runner::new((60, 20));
    runner.keys(":").text("buy 10 aapl at 231.50 please and thank you");
    let frame = runner.frame();
    let lines: Vec<&str> = frame.lines().collect();
    assert!(lines[18].contains(": buy 10 aapl") && lines[19].contains("→ buy 10 AAPL"), "{frame}");
}

#[test]
fn commands_entered_are_kept_for_the_next_run() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("buy 10 aapl at 231.50").keys("esc :").text("positions").keys("enter");
    let kept: Vec<&Effect> = runner.effects.iter().filter(|e| matches!(e, Effect::Remember(_))).collect();
    assert!(matches!(kept[..], [Effect::Remember(text)] if text == "positions"), "{kept:?}");
}

#[test]
fn the_palette_takes_a_command_too() {
    let mut runner = Runner::new((120, 40));
    runner.keys("ctrl-p").text("buy 10 aapl").sees(": buy 10 AAPL").keys("enter").sees("Review order");
    assert!(runner.executed().is_empty(), "it is shown before it goes");
    runner.keys("esc esc ctrl-p").text("buy aapl").misses(": buy AAPL").keys("esc");
    runner.keys("ctrl-p").text("trade layout").keys("enter").sees("Layout: trade");
}

/// What a line names is not left out: rows of one account, one symbol, one time.
#[test]
fn what_is_shown_is_of_the_account_the_symbol_and_the_time_that_were_named() {
    let mut snapshot = trading_day::snapshot();
    let mut accounts = snapshot.accounts.to_vec();
    let mut other = accounts[0].clone();
    other.account.account = AccountId::new("alpaca-live");
    other.standing.broker = Some("alpaca".into());
    other.account.net_liquidation = "7777.25".parse().unwrap();
    accounts.push(other);
    snapshot.accounts = Arc::new(accounts);
    let mut positions = snapshot.positions.to_vec();
    let mut theirs = positions.iter().find(|held| held.instrument.to_string() == "AAPL").unwrap().clone();
    theirs.account = AccountId::new("alpaca-live");
    theirs.quantity = 4_321.into();
    positions.push(theirs);
    snapshot.positions = Arc::new(positions);
    let mut runner = Runner::with(options(), snapshot, (120, 40));
    let mut says = |line: &str| {
        runner.keys("esc esc :").text(line).keys("enter");
        (runner.frame(), runner.asked.last().cloned())
    };
    let (frame, _) = says("show positions on alpaca");
    assert!(frame.contains("Positions of alpaca-live") && frame.contains("4,321"), "{frame}");
    assert_eq!(frame.matches("4,321").count(), 2, "in the pane behind and in the report\n{frame}");
    let (frame, _) = says("show balances on alpaca");
    assert!(frame.contains("7,777.25") && !frame.contains("─ account  paper"), "{frame}");
    let (_, asked) = says("show fills of aapl on alpaca since monday");
    let Some(Request::Executions(query)) = asked else { panic!("{asked:?}") };
    assert_eq!(query.account, Some(AccountId::new("alpaca-live")));
    assert_eq!(query.instrument.map(|one| one.to_string()).as_deref(), Some("AAPL"));
    assert_eq!(query.since.map(|at| at.to_string()).as_deref(), Some("2026-11-23T05:00:00Z"));
    let (frame, _) = says("show orders on schwab");
    assert!(frame.contains("No one account is meant by schwab; there are "), "{frame}");
}
