//! `/` in what is no list of columns: strikes, trades, keys, rows of a report.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::harness::{Runner, options};
use super::{scripted, trading_day};
use crate::tui::{Input, Options};

#[test]
fn what_the_palette_offers_stands_apart_from_its_kind() {
    let mut runner = Runner::new((80, 24));
    runner.keys("ctrl-p").text("backtests").wait(100);
    let frame = runner.frame();
    let row = frame.lines().find(|line| line.contains("▸ backtests,")).unwrap();
    assert!(row.contains("…  key │"), "{frame}");
}

#[test]
fn rows_are_found_by_what_one_knows_of_them() {
    let mut runner = Runner::new((120, 40));
    runner.keys("4 z f f /").text("sell filled").misses("BUY").misses("Submitted").keys("esc /").text("#42");
    runner
        .sees("Orders")
        .sees("AAPL")
        .misses("BTC-USD")
        .keys("esc /")
        .text("stp lmt")
        .sees("MSFT")
        .misses("AAPL");
    let options = Options { symbols: Some(scripted::universe()), ..options() };
    let mut runner = Runner::with(options, trading_day::snapshot(), (120, 40));
    runner.keys("z /").text("microsoft").sees(" MSFT         512.44").misses("NVDA");
}

#[test]
fn the_wheel_moves_what_there_is_to_read_and_confirms_nothing() {
    let turn = |runner: &mut Runner, kind| {
        let mouse = MouseEvent { kind, column: 40, row: 12, modifiers: KeyModifiers::NONE };
        runner.input(Input::Mouse(mouse));
    };
    let mut runner = Runner::new((80, 24));
    runner.keys("?").sees("Enter             show the chart of the row");
    (0..30).for_each(|_| turn(&mut runner, MouseEventKind::ScrollDown));
    runner.misses("Enter             show the chart of the row");
    (0..30).for_each(|_| turn(&mut runner, MouseEventKind::ScrollUp));
    runner.sees("Enter             show the chart of the row").keys("esc ctrl-p").sees("▸ AAPL");
    turn(&mut runner, MouseEventKind::ScrollDown);
    runner.misses("▸ AAPL").keys("esc b 1 0 down down a enter").sees("Review order");
    turn(&mut runner, MouseEventKind::ScrollDown);
    turn(&mut runner, MouseEventKind::Down(MouseButton::Left));
    runner.sees("Review order");
    assert!(runner.executed().is_empty());
}

#[test]
fn strikes_are_found_by_price_contract_and_range() {
    let mut runner = Runner::new((120, 40));
    runner
        .keys("7 z / 2 3")
        .sees("Chain AAPL /23")
        .sees("230.0")
        .sees("235.0")
        .misses("240.0")
        .misses("225.0");
    runner.keys("enter ctrl-e").keys("esc").sees("240.0").misses("/23");
    runner.keys("/").text(">250").keys("enter").sees("255.0").sees("260.0").misses("245.0").sees("/>250");
    // Legs are picked from what is shown, and stay when the filter goes.
    runner
        .keys("g b")
        .sees("buy  1 AAPL 27Nov26 250C")
        .keys("/ ctrl-u")
        .text("240p")
        .sees("240.0")
        .misses("250.0 ");
    runner.keys("esc").sees("buy  1 AAPL 27Nov26 250C").sees("230.0");
    runner.keys("/").text("999").sees("No strike passes the filter").keys("esc").misses("No strike passes");
}

#[test]
fn trades_are_found_by_side_size_and_price() {
    let mut runner = Runner::new((200, 60));
    let trades = |runner: &Runner| {
        let frame = runner.frame();
        let rows = frame.lines().filter(|line| line.contains(" 13:45:") || line.contains(" 13:44:"));
        let up = rows.clone().filter(|line| line.contains('▲')).count();
        (rows.count(), up)
    };
    runner.keys("8 z");
    let (all, bought) = trades(&runner);
    assert!(all > bought && bought > 3, "{all} {bought}");
    runner.keys("/").text("buy").sees("trades /buy");
    let (shown, up) = trades(&runner);
    assert!(shown == up && shown >= bought, "{shown} {up}");
    runner.text(" >150").keys("enter");
    assert!(trades(&runner).0 < shown, "{}", runner.frame());
    // The book is whole all the while.
    runner.sees("231.79 │ 231.81").keys("esc").misses("trades /");
    assert_eq!(trades(&runner).0, all);
}

#[test]
fn levels_are_summed_up_in_wider_steps() {
    let mut runner = Runner::new((120, 40));
    runner.keys("8 z").sees("231.79 │ 231.81").misses(" by 0.0");
    runner.keys("+ +").sees("Depth AAPL by 0.05").sees("231.75 │ 231.85").sees("spread 0.02");
    // What goes into the ticket is the price that is shown.
    runner.keys("j enter").sees("231.70");
    runner.keys("esc 8 - - -").misses(" by 0.0").sees("231.79 │ 231.81");
}

#[test]
fn the_help_finds_keys_of_every_pane() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut runner = Runner::new(size);
        runner.keys("?").sees("/ search").keys("/").text("greek").sees("Keys: Quotes /greek");
        runner.sees("in Chain").sees("prices or greeks").misses("watchlist before");
        runner.text("zz").sees("No key does that.").keys("esc").sees("add a symbol").misses("in Chain");
        runner.keys("/").text("kill").keys("enter").sees("kill switch").keys("esc").sees("add a symbol");
        runner.keys("esc").misses("Keys:").keys("j").sees("▸MSFT");
    }
}

#[test]
fn rows_of_a_report_are_found() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("show fills").keys("enter").sees("Fills").sees("AAPL").keys("/").text("buy 228");
    runner.sees("Fills /buy 228").sees("228.10").keys("enter y");
    runner.sees("Copied:").keys("/ ctrl-u").text("nothing such").sees("no row has that");
    runner.keys("esc").sees("228.10").keys("esc").misses("Fills");
}

#[test]
fn what_is_known_of_an_instrument_is_one_key_away() {
    let mut runner = Runner::new((80, 24));
    runner
        .keys("i")
        .sees("AAPL")
        .sees("spread")
        .sees("0.02, 0.9 bp")
        .sees("day's range")
        .sees("229.10 to 232.40");
    runner.sees("held").sees("100 at 228.10, +370.00 (paper)").sees("working orders").sees("#42");
    runner.keys("/").text("held").misses("spread").keys("esc esc").misses("day's range");
    runner.keys("4 ctrl-p").text("known about the instrument").keys("enter").sees("order size");
}
