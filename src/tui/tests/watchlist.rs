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
    runner.keys("t").sees("by last").keys("t").sees("by change");
    assert_eq!(symbols(&runner)[..3], ["DOGE-USD", "NVDA", "BTC-USD"]);
    runner.keys("T").sees("by change reversed");
    assert_eq!(symbols(&runner)[..2], ["TSLA", "AMD"]);
    runner.keys("t").sees("by bid").misses("reversed");
    assert_eq!(symbols(&runner)[..2], ["BTC-USD", "ETH-USD"]);
    runner.keys("t").sees("by ask").keys("t").sees("by volume");
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

#[test]
fn rows_move_in_a_list_of_ones_own() {
    let mut runner = Runner::new((80, 24));
    runner.keys("J");
    let sent = runner.asked.iter().find_map(|request| match request {
        Request::SetWatchlist { instruments, .. } => {
            Some(instruments.iter().take(2).map(ToString::to_string))
        }
        _ => None,
    });
    assert_eq!(sent.unwrap().collect::<Vec<_>>(), ["MSFT", "AAPL"]);
    runner.keys("t J").sees("Rows are moved in a list of your own, unsorted.");
}

#[test]
fn lists_movers_and_sectors_are_chosen_from_one_list() {
    let mut runner = Runner::new((80, 24));
    runner.keys("o").sees("choose a list").sees("hedges").sees("gainers").sees("Energy").sees("DOW JONES");
    insta::assert_snapshot!("watchlist_lists_80x24", runner.frame());
    runner.keys("/").text("gain").keys("enter enter").sees("Quotes gainers");
    assert_eq!(symbols(&runner)[0], "DOGE-USD", "what rose most is on top");
    runner.keys("o /").text("energy").keys("enter enter").sees("Quotes Energy");
    // What has no quote yet is asked for, the rows in view alone.
    let subscribed = runner.asked.iter().rev().find_map(|request| match request {
        Request::Subscribe { instruments } => Some(instruments.len()),
        _ => None,
    });
    assert!(subscribed.unwrap() > 3);
    // A sector is not edited.
    let before = runner.asked.len();
    runner.keys("d J").sees("Rows are moved in a list of your own");
    assert!(!runner.asked[before..].iter().any(|request| matches!(request, Request::SetWatchlist { .. })));
    runner.keys("o esc").misses("choose a list").sees("Quotes Energy").keys("n").sees("Quotes hedges");
}

#[test]
fn lists_are_made_renamed_moved_and_removed() {
    let mut runner = Runner::new((80, 24));
    runner.keys("o a").sees("name of the new list:").text("ideas").keys("enter");
    runner
        .keys("r")
        .sees("new name: tech")
        .text("2")
        .keys("enter")
        .keys("J d")
        .sees("Press the key again")
        .keys("d");
    let edits: Vec<String> = runner
        .asked
        .iter()
        .filter_map(|request| match request {
            Request::EditWatchlists(edit) => Some(format!("{edit:?}")),
            _ => None,
        })
        .collect();
    assert_eq!(
        edits,
        [
            r#"Create { name: "ideas" }"#,
            r#"Rename { from: "tech", to: "tech2" }"#,
            r#"Move { name: "tech", forward: false }"#,
            r#"Remove { name: "hedges" }"#,
        ]
    );
}

#[test]
fn rows_are_gathered_with_what_the_group_did() {
    let mut runner = Runner::new((80, 24));
    runner.keys("v").sees("in classes").sees("shares and funds").keys("G").sees("crypto").keys("g j k");
    runner.sees("▸AAPL").keys("k").sees("▸AAPL");
    insta::assert_snapshot!("watchlist_groups_80x24", runner.frame());
    runner.keys("v").sees("in sectors").keys("v").misses("in sectors");
}

#[test]
fn the_head_of_a_column_sorts_by_it() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut runner = Runner::new((80, 24));
    let frame = runner.frame();
    let (row, line) = frame.lines().enumerate().find(|(_, line)| line.contains("sym  ")).unwrap();
    let column = line.chars().position(|c| c == 'c').unwrap() as u16;
    let kind = MouseEventKind::Down(MouseButton::Left);
    let click = MouseEvent { kind, column, row: row as u16, modifiers: KeyModifiers::NONE };
    runner.input(crate::tui::Input::Mouse(click)).sees("by change");
    runner.input(crate::tui::Input::Mouse(click)).sees("by change reversed");
}

#[test]
fn outside_of_the_session_the_move_since_its_end_has_a_column() {
    let mut runner = Runner::new((200, 60));
    let mut next = super::trading_day::moved(&runner.snapshot.clone(), 1, 0);
    let mut quotes = (*next.quotes).clone();
    let quote = quotes.get_mut(&super::trading_day::instrument("AAPL")).unwrap();
    quote.regular_close = Some(super::trading_day::price("230.65"));
    next.quotes = quotes.into();
    runner.show(next).keys("z").sees("ext%").sees("+0.50");
}
