//! Positions in groups, their sums, and who opened them.

use std::sync::Arc;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::{Reply, Request};
use crate::command::types::Command;
use crate::domain::ids::AccountId;
use crate::domain::money::Currency;
use crate::domain::order::{Order, OrderStatus, OriginKind};
use crate::domain::position::Position;
use crate::domain::snapshot::Snapshot;
use crate::tui::{Chore, Options};

/// A second account, and a position without a price.
fn day() -> Snapshot {
    let mut snapshot = trading_day::snapshot();
    let mut positions = snapshot.positions.as_ref().clone();
    let other = |key: &str| Position {
        account: AccountId::new("roth"),
        ..positions.iter().find(|p| p.instrument.key() == key).unwrap().clone()
    };
    let (aapl, tsla) = (other("AAPL"), Position { mark: None, day_pnl: None, ..other("TSLA") });
    positions.extend([aapl, Position { market_value: None, unrealized_pnl: None, ..tsla }]);
    snapshot.positions = Arc::new(positions);
    snapshot
}

#[test]
fn groups_have_their_sums_at_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut runner = Runner::with(options(), day(), (width, height));
        runner.keys("3");
        if width > 80 {
            runner.keys("z");
        }
        for name in ["underlying", "class", "strategy", "account"] {
            runner.keys("v").sees(&format!("by {name}"));
            insta::assert_snapshot!(format!("positions_by_{name}_{width}x{height}"), runner.frame());
        }
        runner.keys("v").misses("by account");
    }
}

#[test]
fn a_position_is_closed_in_the_account_that_holds_it() {
    let asked = |runner: &Runner| {
        let preview = runner.asked.iter().rev().find_map(|request| match request {
            Request::Preview { command: Command::Close(close), account, .. } => Some((close, account)),
            _ => None,
        });
        let (close, account) = preview.unwrap();
        (close.instrument.key(), close.percent_of_position, account.as_ref().map(ToString::to_string))
    };
    let mut runner = Runner::with(options(), day(), (120, 40));
    // The first account has AAPL too: whoever stands on the row of the other one means that.
    runner.keys("3 z j j j j j").sees("▸AAPL").keys("x").sees("Review order");
    assert_eq!(asked(&runner), ("AAPL".to_owned(), None, Some("roth".to_owned())));
    runner.keys("esc alt-2");
    assert_eq!(asked(&runner), ("AAPL".to_owned(), Some(25.into()), Some("roth".to_owned())));
    runner.keys("esc g x");
    assert_eq!(asked(&runner), ("AAPL".to_owned(), None, Some("paper".to_owned())));
}

#[test]
fn money_of_a_position_is_never_cut() {
    let mut snapshot = day();
    let mut positions = snapshot.positions.as_ref().clone();
    positions[0].market_value = Some("123456789.01".parse().unwrap());
    positions[0].unrealized_pnl = Some("-9876543.21".parse().unwrap());
    snapshot.positions = Arc::new(positions);
    let mut runner = Runner::with(options(), snapshot, (120, 40));
    runner.keys("3 z").sees("123,456,789.01").sees("-9,876,543.21");
}

/// The row of a group's head, its blanks made one.
fn head(runner: &Runner, name: &str) -> String {
    let frame = runner.frame();
    let line = frame.lines().find(|line| line.trim_start_matches(['│', ' ']).starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{frame}"));
    line.trim_matches(['│', ' ']).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn sums_are_of_all_members_or_none() {
    let mut runner = Runner::with(options(), day(), (200, 60));
    runner.keys("3 z v");
    // 2 * 100 shares at 231.80 and two short puts at 2.10: the calls and puts of a share are with it.
    assert_eq!(head(&runner, "AAPL 3"), "AAPL 3 45,940.00 +402.00 +790.00");
    // One of them has no price: a sum without it would be a wrong one.
    assert_eq!(head(&runner, "TSLA 2"), "TSLA 2 - - -");
    runner.keys("v");
    assert_eq!(head(&runner, "options 1"), "options 1 -420.00 +18.00 +50.00");
    // Yen and dollars are not added up.
    let mut snapshot = day();
    let mut positions = snapshot.positions.as_ref().clone();
    positions.iter_mut().find(|p| p.account.as_str() == "roth").unwrap().currency =
        Currency::new("JPY").unwrap();
    snapshot.positions = Arc::new(positions);
    let mut runner = Runner::with(options(), snapshot, (200, 60));
    runner.keys("3 z v");
    assert_eq!(head(&runner, "AAPL 3"), "AAPL 3 - - -");
}

#[test]
fn keys_pass_the_heads_and_act_on_positions() {
    let chores: crate::tui::Chores = Arc::new(|_| Ok(String::new()));
    let mut runner = Runner::with(Options { chores: Some(chores), ..options() }, day(), (120, 40));
    runner.keys("3 z v g").sees("▸AAPL ").keys("x").sees("Review order").sees("AAPL").keys("esc");
    // Down from the last of a group is the first of the next.
    runner.keys("j j j").sees("▸MSFT").keys("k").misses("▸MSFT").keys("G k G");
    let frame = runner.frame();
    assert_eq!(frame.matches('▸').count(), 1, "{frame}");
    runner.keys("e");
    let Some(Chore::Export { text, .. }) = runner.chores.last() else { panic!("{:?}", runner.chores) };
    assert!(text.starts_with("group,account,symbol,"), "{text}");
    assert!(text.contains("\nAAPL,paper,AAPL,100,") && !text.contains("AAPL 3"), "{text}");
}

#[test]
fn a_head_is_seen_with_its_first_row() {
    let mut runner = Runner::with(options(), day(), (80, 14));
    runner.keys("3 v v G g");
    runner.sees("shares 5").sees("▸AAPL");
}

/// A filled order of the day, as somebody else's.
fn filled(of: &Order, kind: OriginKind, name: Option<&str>, units: &str) -> Order {
    let mut order = of.clone();
    (order.request.origin.kind, order.request.origin.name) = (kind, name.map(Into::into));
    (order.request.quantity, order.filled_quantity) =
        (trading_day::quantity(units), trading_day::quantity(units));
    order.status = OrderStatus::Filled;
    order
}

#[test]
fn who_opened_what_is_held_is_told_from_the_orders() {
    let snapshot = trading_day::snapshot();
    let buy = snapshot.orders.iter().find(|order| {
        order.request.side.is_buy() && order.request.subject.instrument().is_some_and(|i| i.key() == "AAPL")
    });
    let buy = buy.unwrap().clone();
    for (orders, expected) in [
        (vec![filled(&buy, OriginKind::Strategy, Some("wheel AAPL"), "100")], "wheel AAPL"),
        (vec![filled(&buy, OriginKind::Ticket, None, "100")], "by hand"),
        (
            vec![
                filled(&buy, OriginKind::Ticket, None, "40"),
                filled(&buy, OriginKind::Strategy, Some("dca"), "60"),
                // What was held before it was closed opened nothing of this.
                filled(&buy, OriginKind::External, None, "500"),
            ],
            "several",
        ),
        // They do not reach back to where it was opened.
        (vec![filled(&buy, OriginKind::Strategy, Some("dca"), "60")], "not known"),
        (Vec::new(), "not known"),
    ] {
        let mut runner = Runner::with(options(), snapshot.clone(), (200, 60));
        runner.answer = Box::new(move |request, snapshot| match request {
            Request::OrderHistory(query) if query.limit > 1_000 => Ok(Reply::Orders(orders.clone())),
            request => super::scripted::answer(request, snapshot),
        });
        runner.keys("3 z v v v").sees("by strategy");
        let frame = runner.frame();
        let before = frame.split("▸AAPL").next().unwrap();
        let heads = ["wheel AAPL", "by hand", "several", "not known"];
        let found = heads.iter().max_by_key(|name| before.rfind(**name).map_or(0, |at| at + 1)).unwrap();
        assert_eq!(*found, expected, "{frame}");
    }
}

#[test]
fn the_head_of_a_column_sorts_by_it() {
    let mut runner = Runner::new((120, 40));
    runner.keys("3 z").sees("Positions 5 ");
    let frame = runner.frame();
    let (row, head) = frame.lines().enumerate().find(|(_, line)| line.contains("P&L day")).unwrap();
    let column = head[..head.find("P&L day").unwrap()].chars().count() as u16 + 1;
    runner.click(column, row as u16).sees("by P&L day").misses("reversed");
    runner.click(column, row as u16).sees("by P&L day reversed");
    let first = runner.frame().lines().nth(row + 1).unwrap().to_owned();
    assert!(first.contains("TSLA"), "{first}");
    runner.keys("T").misses("reversed").keys("t").sees("by P&L").keys("t").misses(" by ");
}
