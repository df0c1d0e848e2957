//! What is kept, what is written out, keys of one's own, themes, settings, the tour, and ways out of notices.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::Request;
use crate::command::types::Command;
use crate::domain::order::Side;
use crate::tui::{Chore, Options};

/// A program that does chores; the runner notes which.
fn with_chores() -> Options {
    Options { chores: Some(Arc::new(|_| Ok(String::new()))), tour: false, ..options() }
}

fn runner(options: Options) -> Runner {
    Runner::with(options, trading_day::snapshot(), (120, 40))
}

#[test]
fn the_screen_comes_back_as_it_was_left() {
    let mut first = runner(with_chores());
    first.keys("j j j t T").sees("by symbol reversed");
    first.keys("2 i").sees("15m").keys("v u").sees("heikin-ashi").sees("rsi14");
    first.keys("4 f").keys("L x n ctrl-u").text("mine").keys("enter esc").sees("Layout saved as mine.");
    first.keys("2");
    let kept = first.screen.keep();
    let mut second = runner(Options { kept: Some(kept.clone()), ..with_chores() });
    assert!(first.frame().contains("▸BTC-USD"), "{}", first.frame());
    second
        .sees("▸BTC-USD")
        .sees("by symbol reversed")
        .sees("15m")
        .sees("heikin-ashi")
        .sees("rsi14")
        .misses("─ Orders");
    assert_eq!(first.frame().lines().nth(1), second.frame().lines().nth(1));
    assert_eq!(second.screen.keep(), kept);
    second.sees("crosshair").keys("w").sees("Layout: trade").keys("4").sees("done 7");
}

#[test]
fn what_was_kept_and_does_not_read_is_said_and_left() {
    for text in ["focus = 3", "\u{1b}[", &"x".repeat(100_000)] {
        let mut runner = runner(Options { kept: Some(text.to_owned()), ..with_chores() });
        runner.sees("does not read").sees("screen-20261124-134510.toml").sees("─ Quotes");
        // Before the next one takes its place, and once.
        runner.keys("t").wait(10_000);
        let [Chore::Export { name, text: kept }, Chore::Keep(_)] = &runner.chores[..] else {
            panic!("{:?}", runner.chores)
        };
        assert_eq!((name.as_str(), kept.as_str()), ("screen-20261124-134510.toml", text));
    }
    let odd = "focus = \"weather\"\ninstrument = \"=1\"\nlayout = \"gone\"\n[panes.chart]\ninterval = \"9m\"\nscroll = \"-1\"\n";
    runner(Options { kept: Some(odd.to_owned()), ..with_chores() })
        .sees("─ Quotes")
        .sees("5m")
        .misses("does not read");
}

#[test]
fn a_layout_that_was_broken_by_hand_is_said_in_a_line_and_its_file_kept() {
    let text = "focus = \"chart\"\nlayout = \"mine\"\n[layouts]\nmine = \"columns(quotes~40 rows(\"\nhis = \"rows(chart quotes)\"\n";
    for size in [(80, 24), (120, 40), (200, 60)] {
        let options = Options { kept: Some(text.to_owned()), ..with_chores() };
        let mut runner = Runner::with(options, trading_day::snapshot(), size);
        runner.sees("layout 'mine' does not read").sees("screen-20261124-134510.toml");
        runner.keys("2 i").wait(10_000);
        let [Chore::Export { text: aside, .. }, Chore::Keep(kept)] = &runner.chores[..] else {
            panic!("{:?}", runner.chores)
        };
        assert_eq!(aside, text, "with the broken layout and all");
        assert!(kept.contains("layout = \"trade\"") && kept.contains("his = \"rows("), "{kept}");
    }
    let trouble = Some("screen.toml: it is kept as screen.toml.broken-1; the screen starts fresh".to_owned());
    runner(Options { kept_trouble: trouble, ..with_chores() }).sees("broken-1").sees("─ Quotes");
}

#[test]
fn keys_that_make_no_sense_leave_the_standard_ones() {
    use std::collections::BTreeMap;
    let keys = BTreeMap::from([("buy".to_owned(), vec!["ctrl-k".to_owned()])]);
    let mut runner = runner(Options { keys, ..with_chores() });
    runner.sees("'Ctrl-K' is given to both buy and halt").sees("standard keys hold");
    runner.keys("ctrl-k").sees("Halt all trading?").keys("esc b").sees("Order ticket");
    let macros = BTreeMap::from([("b".to_owned(), "buy 1 {symbol}".to_owned())]);
    let keys = BTreeMap::from([("halt".to_owned(), vec!["f9".to_owned()])]);
    let mut runner = self::runner(Options { keys, macros, ..with_chores() });
    runner.sees("given to both buy and the macro").keys("f9").sees("Halt all trading?");
}

#[test]
fn the_screen_is_kept_soon_after_a_key_and_once() {
    let mut runner = runner(with_chores());
    runner.keys("t").wait(4_000);
    assert!(runner.chores.is_empty());
    runner.wait(2_000);
    assert!(
        matches!(&runner.chores[..], [Chore::Keep(text)] if text.contains("sort = \"sym\"")),
        "{:?}",
        runner.chores
    );
    runner.keys("j k").wait(60_000);
    assert_eq!(runner.chores.len(), 1, "nothing has changed");
    let mut silent = Runner::new((120, 40));
    silent.keys("t").wait(60_000);
    assert!(silent.chores.is_empty(), "nobody keeps anything");
}

#[test]
fn what_a_pane_shows_is_written_as_a_file() {
    let mut runner = runner(with_chores());
    runner.keys("/ m s f t enter e").sees("Written: /exports/quotes-20261124-");
    let [Chore::Export { name, text }] = &runner.chores[..] else { panic!("{:?}", runner.chores) };
    assert!(name.starts_with("quotes-20261124-") && name.ends_with(".csv"), "{name}");
    assert!(text.starts_with("symbol,last,change_percent,bid,ask,volume,as_of,note\nMSFT,512.44,"), "{text}");
    assert_eq!(text.lines().count(), 2, "the filter holds for the file too");
    runner.keys("3 e 4 e 6 e");
    let names: Vec<&str> = runner
        .chores
        .iter()
        .filter_map(|chore| match chore {
            Chore::Export { name, .. } => name.split('-').next(),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["quotes", "positions", "orders", "log"]);
    runner.chores.clear();
    let panes = ["chart", "chain", "depth", "risk", "alerts", "notices", "history", "connections"];
    for pane in panes {
        runner.keys("ctrl-p").text(pane).keys("enter ctrl-e");
    }
    let heads: Vec<&str> = runner
        .chores
        .iter()
        .filter_map(|chore| match chore {
            Chore::Export { text, .. } => text.lines().next(),
            _ => None,
        })
        .collect();
    assert_eq!(
        heads,
        [
            "symbol,interval,start,open,high,low,close,volume",
            "symbol,expiry,right,strike,bid,ask,last,volume,open_interest,iv,delta,gamma,theta,vega",
            "what,at,price,size",
            "account,limit,unit,used,allowed",
            "id,symbol,alert,value,created_at,rang_at,rang_price",
            "at,severity,symbol,text",
            "number,created_at,side,subject,quantity,filled_quantity,order_type,average_price,status,note",
            "name,up,latency_ms,limit_left,retry_at,text,last_error",
        ]
    );
    runner.keys("5 ctrl-e").sees("Ticket is no table");
    Runner::new((120, 40)).keys("e").sees("Files cannot be written here.");
}

#[test]
fn columns_are_chosen_ordered_and_kept() {
    let mut runner = runner(with_chores());
    runner.sees("sym               last    chg%");
    runner.keys("H").sees("Columns: Quotes").sees("[x] chg%");
    // The change before the last price, and no bid.
    runner.keys("j j K j j space").sees("[ ] bid").sees("sym         chg%").keys("esc");
    runner.misses("           bid").keys("3 H").sees("Columns: Positions").sees("P&L day").keys("esc");
    let kept = runner.screen.keep();
    let mut again = self::runner(Options { kept: Some(kept), ..with_chores() });
    again.sees("sym         chg%").misses("           bid");
    again.keys("1 H 0 esc").sees("sym               last    chg%");
    again.keys("6 H").misses("Columns: ");
}

#[test]
fn a_notice_covers_nothing_of_a_dialog() {
    let mut runner = Runner::with(with_chores(), trading_day::snapshot(), (80, 24));
    runner.keys(":").text("buy 10 aapl").keys("enter").paste("yes");
    runner.sees("A paste cannot confirm").sees("Enter send the order").sees("BUY 10 AAPL");
    let dialog = runner.frame();
    runner.wait(9_000).misses("A paste cannot confirm");
    let body = |frame: &str| frame.lines().take(22).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&dialog)[1..], body(&runner.frame())[1..]);
}

#[test]
fn keys_run_lines_and_orders_among_them_are_reviewed() {
    let macros = BTreeMap::from([
        ("f4".to_owned(), "buy 10 {symbol}".to_owned()),
        ("alt-w".to_owned(), "chart btc-usd 1h".to_owned()),
        ("alt-q".to_owned(), "buy some aapl".to_owned()),
    ]);
    let mut runner = runner(Options { macros, ..with_chores() });
    runner.keys("f4").sees("Review order").sees("BUY 10 AAPL");
    assert!(runner.executed().is_empty());
    runner.keys("esc esc alt-w").sees("─ BTC-USD  1h");
    runner.keys("alt-q").sees(": buy some aapl").sees("? How many").keys("esc ? G");
    runner.keys("esc ctrl-p").text("macro").sees("chart btc-usd 1h");
}

#[test]
fn parts_of_a_position_are_closed_after_a_review() {
    for (key, percent) in [("alt-2", Some(25.into())), ("alt-5", Some(50.into())), ("alt-0", None)] {
        let mut runner = runner(with_chores());
        runner.keys(key).sees("Review order");
        let command = runner.asked.iter().rev().find_map(|request| match request {
            Request::Preview { command: Command::Close(close), .. } => Some(close),
            _ => None,
        });
        assert_eq!(command.unwrap().percent_of_position, percent, "{key}");
        assert!(runner.executed().is_empty());
    }
    let mut runner = runner(with_chores());
    runner.keys("s alt-5").sees("quantity  50  shares").keys("alt-2").sees("25  shares").sees("Sell");
    assert_eq!(Side::Sell.as_str(), "sell");
}

#[test]
fn themes_are_chosen_and_kept() {
    let mut runner = runner(with_chores());
    let accent = |runner: &Runner| runner.screen.shown()[(0, 1)].fg;
    let dark = accent(&runner);
    runner.keys("ctrl-t").sees("Theme: light");
    assert_ne!(accent(&runner), dark);
    let set = |runner: &Runner| runner.chores.last().cloned();
    let option = |value: &str| {
        Some(Chore::SetOption { path: "screen.theme".to_owned(), value: Some(format!("\"{value}\"")) })
    };
    assert_eq!(set(&runner), option("light"));
    runner.keys("ctrl-p").text("high contrast theme").keys("enter").sees("Theme: high_contrast");
    assert_eq!(set(&runner), option("high_contrast"));
    assert_eq!(
        runner.screen.shown()[(60, 30)].bg,
        ratatui::style::Color::Rgb(0, 0, 0),
        "it has a ground of its own"
    );
    let own = vec![("mine".to_owned(), "[colours]\naccent = \"#123456\"\n".to_owned())];
    let runner = self::runner(Options { themes: own, theme: "mine".into(), ..options() });
    assert_eq!(accent(&runner), ratatui::style::Color::Rgb(0x12, 0x34, 0x56));
    let own = vec![("mine".to_owned(), "colours = 3".to_owned())];
    self::runner(Options { themes: own, theme: "mine".into(), ..options() }).keys("j").sees("theme mine: ");
}

fn with_settings() -> Options {
    let settings = crate::config::Loaded::default().options();
    Options { settings, ..with_chores() }
}

#[test]
fn every_option_can_be_set_from_the_screen() {
    let mut runner = runner(with_settings());
    runner.keys(",").sees("Settings").sees("paper.starting_cash").text("zone").sees("screen.zone");
    runner.sees("allowed: \"exchange\", \"local\" or \"UTC\"").keys("enter");
    let set = |path: &str, value: Option<&str>| Chore::SetOption {
        path: path.to_owned(),
        value: value.map(str::to_owned),
    };
    assert_eq!(runner.chores.pop(), Some(set("screen.zone", Some("\"UTC\""))));
    runner.sees("18:45").keys("left").sees("screen.zone");
    assert_eq!(runner.chores.pop(), Some(set("screen.zone", Some("\"local\""))));
    runner
        .keys("ctrl-u")
        .text("fps")
        .keys("enter ctrl-u")
        .text("60")
        .keys("enter")
        .sees("it holds from the next start");
    assert_eq!(runner.chores.pop(), Some(set("screen.fps", Some("60"))));
    runner.keys("delete ctrl-u").text("theme").keys("enter ctrl-u").text("light").keys("enter");
    assert_eq!(runner.chores.pop(), Some(set("screen.theme", Some("\"light\""))));
    assert_eq!(runner.chores.pop(), Some(set("screen.fps", None)));
    runner.keys("esc").misses("Settings").keys("ctrl-p").text("screen.mouse").keys("enter").sees("Settings");
    runner.keys("enter");
    assert!(runner.effects.iter().any(|effect| matches!(effect, crate::tui::Effect::Mouse(false))));
}

#[test]
fn the_kill_switch_cannot_be_hidden_and_what_was_set_says_so() {
    let mut runner = runner(with_settings());
    runner.keys(",").text("keys.halt").sees("this is the default").keys("enter ctrl-u x enter");
    runner.sees("Not set: halt needs a key that is free in every pane").wait(60_000);
    assert!(!runner.chores.iter().any(|chore| matches!(chore, Chore::SetOption { .. })));
    runner.keys("enter ctrl-u").text("f9 x").keys("enter").sees("halt: F9, x from now on.");
    runner
        .sees("set in your own file; default [\"ctrl-k\"]")
        .keys("delete")
        .sees("halt: Ctrl-K from now on.");
    runner.sees("this is the default").keys("esc esc ctrl-k").sees("Halt all trading?");
}

#[test]
fn what_can_hold_at_once_does() {
    let mut runner = Runner::with(with_settings(), trading_day::snapshot(), (200, 60));
    let top = |runner: &Runner| runner.frame().lines().next().unwrap().to_owned();
    assert!(!top(&runner).contains("SPY"));
    runner.keys(",").text("top_line").keys("enter ctrl-u").text("[\"SPY\"]").keys("enter");
    let moved = trading_day::moved(&runner.snapshot, 1, 0);
    runner.misses("next start").show(moved);
    assert!(top(&runner).contains("SPY 601.11"), "{}", top(&runner));
    runner.keys("ctrl-u").text("lock_minutes").keys("enter ctrl-u 5 enter").misses("next start").keys("esc");
    runner.wait(299_000).misses("Locked").wait(2_000).sees("Locked");
}

#[test]
fn a_list_of_a_dialog_says_how_much_more_there_is() {
    let mut runner = runner(with_settings());
    runner.keys(",").sees(" below").misses(" above");
    runner.keys("pagedown pagedown").sees(" above, ").sees(" below");
    runner.text("theme").misses(" above").misses(" below");
    runner.keys("esc ctrl-p").sees(" below");
}

#[test]
fn a_long_notice_over_a_dialog_is_not_cut() {
    let mut runner = Runner::with(with_settings(), trading_day::snapshot(), (80, 24));
    runner.keys(",").text("keys.halt").keys("enter ctrl-u x enter");
    runner.sees("Not set: halt needs a key").sees("take such as ctrl-k or f12.");
}

#[test]
fn k5_limits_are_set_by_the_engine_and_loosened_by_their_typed_name() {
    let mut runner = runner(with_settings());
    runner.answer = Box::new(|request, snapshot| match request {
        Request::SetLimit { name, value: Some(value), confirmation } => {
            let looser = value.parse::<u32>().is_ok_and(|value| value > 10_000);
            match confirmation {
                Some(typed) if looser && typed != name => {
                    Err(crate::client::SessionError::Clarify("its name has to be typed".to_owned()))
                }
                None if looser => {
                    Err(crate::client::SessionError::Clarify("its name has to be typed".to_owned()))
                }
                _ => Ok(crate::client::Reply::Done(format!("{name} is {value}"))),
            }
        }
        request => super::scripted::answer(request, snapshot),
    });
    runner.keys(",").text("order_notional").keys("enter ctrl-u").text("5000").keys("enter");
    runner.sees("order_notional_max is 5000").misses("it holds from the next start");
    assert!(runner.chores.is_empty(), "the engine writes it");
    runner.keys("enter ctrl-u").text("90000").keys("enter").sees("type order_notional_max");
    runner.text("yes").keys("enter").sees("type order_notional_max");
    runner.text("order_notional_max").keys("enter").sees("order_notional_max is 90000");
}

#[test]
fn the_tour_has_six_steps_and_holds_nobody_up() {
    let first = || runner(Options { tour: true, ..with_chores() });
    let mut runner = first();
    for step in 1..=6 {
        runner.sees(&format!("{step} of 6")).keys("enter");
    }
    runner.misses("of 6").misses("Review order");
    let kept = runner.screen.keep();
    let mut again = self::runner(Options { tour: true, kept: Some(kept), ..with_chores() });
    again.misses("of 6").keys("f10").sees("1 of 6").keys("esc").misses("of 6");
    let mut runner = first();
    runner.keys("b").misses("of 6").text("10").sees("quantity  10");
    let mut small = Runner::with(Options { tour: true, ..options() }, trading_day::snapshot(), (80, 24));
    small.sees("1 of 6").sees("PAPER");
}

#[test]
fn notices_offer_a_way_out() {
    let mut runner = runner(with_chores());
    runner.keys("4 e").sees("Written: /exports/orders-").sees("!: copy the path").keys("!");
    assert!(
        matches!(&runner.effects[..], [crate::tui::Effect::Copy(text)] if text.starts_with("/exports/orders-"))
    );
    runner.misses("copy the path");
    runner.answer = Box::new(|request, snapshot| match request {
        Request::Execute { .. } => Err(crate::client::SessionError::Denied(Vec::new())),
        request => super::scripted::answer(request, snapshot),
    });
    runner.keys("b 1 down down a enter enter").sees("!: show risk").keys("ctrl-o").sees("largest: MSFT");
}

/// Where a text begins on the screen: its column and row.
fn place_of(runner: &Runner, text: &str) -> (u16, u16) {
    let frame = runner.frame();
    let found = frame.lines().enumerate().find_map(|(row, line)| Some((line.split_once(text)?.0, row)));
    let (before, row) = found.unwrap();
    (before.chars().count() as u16, row as u16)
}

#[test]
fn a_click_on_a_notice_takes_what_it_offers() {
    for size in [(80, 24), (120, 40)] {
        let mut runner = Runner::with(with_chores(), trading_day::snapshot(), size);
        runner.keys("4 e").sees("!: copy the path");
        let (column, row) = place_of(&runner, "Written:");
        // Beside it, and not on it: the pane has the click.
        runner.click(column.saturating_sub(6), row).sees("!: copy the path");
        runner.click(column, row).sees("Copied: /exports/orders-").misses("copy the path");
        // One that offers nothing is taken away, and nothing under it is touched.
        let (column, row) = place_of(&runner, "Copied:");
        let rows = runner.frame();
        runner.click(column, row).misses("Copied:");
        assert_eq!(rows.contains("▸"), runner.frame().contains("▸"));
    }
}

#[test]
fn what_a_report_shows_is_copied_line_by_line() {
    let mut runner = Runner::new((120, 40));
    runner.keys("4 j j enter").sees("y copy").keys("y").sees("Copied:").sees("lines");
    let copied = runner.effects.iter().find_map(|effect| match effect {
        crate::tui::Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.unwrap();
    assert!(copied.contains("order  buy 10 AAPL\n") && copied.contains("duration  DAY\n"), "{copied}");
}
