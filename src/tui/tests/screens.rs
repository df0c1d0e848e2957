//! Frames of fixed data at fixed sizes.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::style::Color;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::Request;
use crate::domain::limits::TradingState;
use crate::tui::{ColorDepth, Effect, Input};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

#[test]
fn trade_screen() {
    for (width, height) in SIZES {
        let runner = Runner::new((width, height));
        insta::assert_snapshot!(format!("trade_{width}x{height}"), runner.frame());
    }
}

#[test]
fn every_tab_of_a_narrow_screen() {
    for (key, name) in [("2", "chart"), ("3", "positions"), ("4", "orders"), ("5", "ticket"), ("6", "log")] {
        let mut runner = Runner::new((80, 24));
        runner.keys(key);
        insta::assert_snapshot!(format!("tab_{name}_80x24"), runner.frame());
    }
}

#[test]
fn two_columns() {
    let mut runner = Runner::new((110, 26));
    runner.keys("4 f f");
    insta::assert_snapshot!("orders_110x26", runner.frame());
}

#[test]
fn plain_ascii_without_colour() {
    let mut options = options();
    options.colors = ColorDepth::None;
    options.ascii = true;
    let runner = Runner::with(options, trading_day::snapshot(), (120, 40));
    assert!(runner.frame().is_ascii(), "{}", runner.frame());
    insta::assert_snapshot!("ascii_120x40", runner.frame());
}

#[test]
fn a_number_that_was_cut_says_so_in_every_terminal() {
    let mut snapshot = trading_day::snapshot();
    std::sync::Arc::make_mut(&mut snapshot.accounts)[0].account.cash = trading_day::decimal("123456789012");
    for (ascii, mark) in [(true, "123,456,789,~"), (false, "123,456,789,…")] {
        let options = crate::tui::Options { ascii, ..options() };
        let mut runner = Runner::with(options, snapshot.clone(), (120, 40));
        runner.keys("9 z").sees(mark);
        assert!(!ascii || runner.frame().is_ascii());
    }
}

#[test]
fn no_color_writes_no_colour() {
    let mut options = options();
    options.colors = ColorDepth::None;
    for size in SIZES {
        let runner = Runner::with(options.clone(), trading_day::snapshot(), size);
        let frame = runner.screen.shown();
        let colored = frame.content().iter().filter(|c| c.fg != Color::Reset || c.bg != Color::Reset).count();
        assert_eq!(colored, 0);
        // Falls and rises are told apart by sign, candles by their stroke.
        runner.frame().lines().find(|line| line.contains("-0.31")).unwrap();
        let written = String::from_utf8(runner.written).unwrap();
        for style in written.split("\x1b[").filter_map(|part| part.split_once('m')).map(|(codes, _)| codes) {
            let codes: Vec<u16> = style.split(';').filter_map(|code| code.parse().ok()).collect();
            assert!(codes.iter().all(|code| *code < 30), "{style:?}");
        }
    }
}

#[test]
fn t8_paper_and_live_are_on_every_frame() {
    for (width, height) in [(20, 5), (39, 11), (40, 12), (80, 24), (120, 40), (200, 60)] {
        let mut runner = Runner::new((width, height));
        runner.sees("PAPER");
        let runner = Runner::with(options(), trading_day::live(), (width, height));
        assert!(runner.frame().contains("LIVE"), "{width}x{height}\n{}", runner.frame());
        let top = runner.screen.shown();
        for x in 0..width {
            assert_eq!(top[(x, 0)].bg, Color::Rgb(176, 32, 32), "the whole top line is red, column {x}");
        }
    }
}

#[test]
fn real_prices_among_simulated_ones_are_named() {
    let mut snapshot = trading_day::snapshot();
    let mut quotes = snapshot.quotes.as_ref().clone();
    for (instrument, quote) in &mut quotes {
        if instrument.asset_class().trades_around_the_clock() {
            quote.feed = crate::domain::quote::Feed::RealTime;
        }
    }
    snapshot.quotes = quotes.into();
    for size in SIZES {
        let mut runner = Runner::with(options(), snapshot.clone(), size);
        let top = runner.frame().lines().next().unwrap().to_owned();
        assert!(top.starts_with(" PAPER  SIM shares options fx  REAL-TIME coins "), "{top}");
        // And beside each price that is read alone.
        if size.0 > 80 {
            runner.sees("(+0.84%)  SIM");
        }
        runner.keys("2").sees("(+0.84%)  SIM");
    }
    let runner = Runner::with(options(), snapshot.clone(), (40, 12));
    assert!(runner.frame().starts_with(" PAPER  SIM  REAL-TIME "), "{}", runner.frame());
    let mut runner = Runner::new((120, 40));
    runner.sees(" PAPER  SIM  alice").misses("REAL-TIME");
}

#[test]
fn the_hours_around_the_session_have_their_names() {
    for (now, words) in [
        ("2026-11-25T12:00:00Z", "NYSE pre-market"),
        ("2026-11-25T22:00:00Z", "NYSE after-hours"),
        ("2026-11-26T18:00:00Z", "NYSE closed"),
    ] {
        let mut snapshot = trading_day::snapshot();
        (snapshot.now, snapshot.market.open) = (now.parse().unwrap(), false);
        Runner::with(options(), snapshot, (120, 40)).sees(words);
    }
}

#[test]
fn every_time_says_its_zone() {
    for zone in ["America/New_York", "Asia/Kolkata", "UTC"] {
        let mut options = options();
        options.time_zone = jiff::tz::TimeZone::get(zone).unwrap();
        let name = crate::tui::format::zone_name(trading_day::now(), &options.time_zone);
        let time = crate::tui::format::clock_seconds(trading_day::now(), &options.time_zone);
        let wide = (200, 60);
        let mut runner = Runner::with(options, trading_day::snapshot(), wide);
        for keys in ["4 z f f", "z 6 z", "z ctrl-p H i s t enter z", "z A z", "z 8 z", "z 2 z"] {
            runner.keys(keys);
            let frame = runner.frame();
            let body: Vec<&str> = frame.lines().skip(1).collect();
            assert!(body.iter().any(|line| line.contains(&name)), "{zone} {keys} {time}\n{frame}");
        }
    }
}

#[test]
fn the_market_as_a_whole_stands_in_the_top_line_where_there_is_room() {
    let keys = ["SPY", "BTC-USD", "IWM"];
    let mut options = options();
    options.top_line = keys.iter().map(|key| trading_day::instrument(key)).collect();
    let top = |width| {
        let runner = Runner::with(options.clone(), trading_day::snapshot(), (width, 40));
        runner.frame().lines().next().unwrap().to_owned()
    };
    assert!(top(200).contains("   SPY 601.11 +0.35%   BTC-USD 98,410.50 +1.22%   "), "{}", top(200));
    let (wide, narrow) = (top(132), top(80));
    assert!(wide.contains("SPY 601.11 +0.35%") && !wide.contains("98,410.50"), "{wide}");
    assert!(!narrow.contains("SPY") && narrow.contains("101,254.36"), "{narrow}");
    // What nobody else has asked for is asked for once.
    let mut runner = Runner::with(options, trading_day::snapshot(), (200, 60));
    for n in 1..3 {
        runner.show(trading_day::moved(&runner.snapshot.clone(), n, 0));
    }
    let asked = |request: &&Request| matches!(request, Request::Subscribe { instruments } if *instruments == [trading_day::instrument("IWM")]);
    assert_eq!(runner.asked.iter().filter(asked).count(), 1);
}

#[test]
fn a_halt_and_a_lost_engine_stand_in_the_top_line() {
    let mut snapshot = trading_day::snapshot();
    snapshot.trading_state = TradingState::Halted;
    let mut runner = Runner::with(options(), snapshot, (80, 24));
    runner.sees(" HALTED ");
    let now = runner.now;
    runner.screen.session_gone(now);
    runner.wait(10).sees(" NO ENGINE ").sees("The engine has stopped");
}

#[test]
fn a_line_to_the_engine_that_is_down_stands_in_the_top_line() {
    for size in SIZES {
        let mut snapshot = trading_day::moved(&trading_day::snapshot(), 1, 0);
        let mut connections = snapshot.connections.to_vec();
        let text = "the connection was closed; attaching again";
        connections.insert(0, crate::domain::snapshot::Connection::new("engine", false, text));
        snapshot.connections = std::sync::Arc::new(connections);
        let mut runner = Runner::new(size);
        runner.misses("NO ENGINE").show(snapshot).sees(" NO ENGINE ").sees("attaching again");
        let mut back = trading_day::moved(&runner.snapshot.clone(), 2, 0);
        back.connections = trading_day::snapshot().connections;
        runner.show(back).misses("NO ENGINE");
    }
}

#[test]
fn too_small_a_screen_says_so() {
    let mut runner = Runner::new((38, 10));
    runner.sees("40 columns and 12 rows are needed");
    runner.keys("b : x enter ?").resize(40, 12).sees("AAPL").sees("─ Quotes").misses("Keys:");
    runner.resize(1, 1).resize(200, 60).sees("Positions");
}

#[test]
fn empty_panes_teach() {
    let mut snapshot = trading_day::snapshot();
    snapshot.orders = std::sync::Arc::default();
    snapshot.positions = std::sync::Arc::default();
    snapshot.log = std::sync::Arc::default();
    snapshot.watchlists = std::sync::Arc::default();
    let mut runner = Runner::with(options(), snapshot, (120, 40));
    runner
        .sees("No working orders.")
        .sees("Press b to buy")
        .sees("No open positions.")
        .sees("Press a to add a symbol");
}

#[test]
fn dialogs() {
    let mut runner = Runner::new((120, 40));
    runner.keys("?");
    insta::assert_snapshot!("help_120x40", runner.frame());
    runner.keys("esc ctrl-p").text("nvd");
    insta::assert_snapshot!("palette_120x40", runner.frame());
    runner.keys("esc :").text("buy 10 aapl at 231.50").wait(200);
    insta::assert_snapshot!("command_120x40", runner.frame());
    runner.keys("enter");
    insta::assert_snapshot!("review_120x40", runner.frame());
    runner.keys("esc esc ctrl-k");
    insta::assert_snapshot!("halt_120x40", runner.frame());
}

#[test]
fn dialogs_fit_a_small_screen() {
    let mut runner = Runner::new((80, 24));
    runner.keys("?");
    insta::assert_snapshot!("help_80x24", runner.frame());
    runner.keys("esc :").text("buy 10 aapl at 231.50").keys("enter");
    insta::assert_snapshot!("review_80x24", runner.frame());
}

#[test]
fn palettes_change_what_up_and_down_look_like() {
    let color_of = |theme: &str| {
        let mut options = options();
        options.theme = theme.to_owned();
        let runner = Runner::with(options, trading_day::snapshot(), (80, 24));
        let frame = runner.frame();
        let (y, line) = frame.lines().enumerate().find(|(_, line)| line.contains("▸AAPL")).unwrap();
        let x = line.chars().take_while(|c| *c != '+').count();
        runner.screen.shown()[(x as u16, y as u16)].fg
    };
    let up = ["dark", "red_up", "colour_blind"].map(color_of);
    assert!(up[0] != up[1] && up[1] != up[2] && up[0] != up[2], "{up:?}");
}

#[test]
fn fills_and_details_are_reports() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("show fills").keys("enter").sees("Fills").sees("228.1");
    runner.keys("esc 4 enter").sees("Order #44").sees("our id");
}

fn mouse(runner: &mut Runner, kind: MouseEventKind, column: u16, row: u16) {
    runner.input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

#[test]
fn the_mouse_selects_scrolls_and_switches() {
    let click = MouseEventKind::Down(MouseButton::Left);
    let mut runner = Runner::new((120, 40));
    mouse(&mut runner, click, 5, 6);
    runner.sees("▸BTC-USD").sees("─ BTC-USD  5m");
    mouse(&mut runner, MouseEventKind::ScrollDown, 5, 6);
    runner.sees("▸ETH-USD");
    mouse(&mut runner, click, 20, 20);
    runner.keys("x").sees("Review order");
    mouse(&mut runner, click, 5, 6);
    runner.sees("Review order").keys("esc");
    mouse(&mut runner, click, 5, 38);
    runner.text("b").sees(": b");
    let mut runner = Runner::new((80, 24));
    mouse(&mut runner, click, 14, 1);
    runner.sees("─ AAPL  5m");
}

#[test]
fn t9_a_copy_is_asked_for_and_clean() {
    let mut runner = Runner::new((120, 40));
    runner.keys("j k tab 3 4 6 : esc");
    assert!(runner.effects.is_empty(), "nothing is copied by itself: {:?}", runner.effects);
    runner.keys("1 y");
    assert!(
        matches!(&runner.effects[..], [Effect::Copy(text)] if text == "AAPL 231.8 231.79 231.81"),
        "{:?}",
        runner.effects
    );
}

#[test]
fn the_smallest_screen_works() {
    let mut runner = Runner::new((40, 12));
    insta::assert_snapshot!("trade_40x12", runner.frame());
    runner.keys("b 1 0 down down a").wait(200);
    insta::assert_snapshot!("ticket_40x12", runner.frame());
    runner.keys("enter").sees("Enter send the order").keys("enter").sees("#90 buy 10 AAPL");
}

#[test]
fn old_prices_say_their_age() {
    let mut runner = Runner::new((80, 24));
    let mut snapshot = trading_day::moved(&runner.snapshot.clone(), 1, 0);
    let mut quotes = (*snapshot.quotes).clone();
    for (symbol, seconds) in [("AAPL", 180), ("MSFT", 30)] {
        let quote = quotes.get_mut(&trading_day::instrument(symbol)).unwrap();
        quote.as_of = snapshot.now - jiff::SignedDuration::from_secs(seconds);
    }
    snapshot.quotes = quotes.into();
    runner.show(snapshot).sees("3m old").sees("-0.31");
    let row = runner.frame().lines().find(|line| line.contains("AAPL")).unwrap().to_owned();
    assert!(!row.contains("+0.84"), "{row}");
    runner.keys("2").sees("3m old");
}

/// The styles of a frame, a letter each: what a theme changes can be seen in a review.
fn styles(runner: &Runner) -> String {
    let buffer = runner.screen.shown();
    let mut seen: Vec<(Color, Color, ratatui::style::Modifier)> = Vec::new();
    let mut out = String::new();
    for cell in buffer.content() {
        let style = (cell.fg, cell.bg, cell.modifier);
        if !seen.contains(&style) {
            out.push_str(&format!(
                "{:?} on {:?} {:?} first at {:?}\n",
                style.0,
                style.1,
                style.2,
                cell.symbol()
            ));
            seen.push(style);
        }
    }
    out
}

#[test]
fn every_theme_at_every_depth() {
    for theme in ["dark", "light", "high_contrast", "colour_blind", "tritan", "red_up"] {
        let mut text = String::new();
        for colors in [ColorDepth::True, ColorDepth::Indexed, ColorDepth::Ansi16, ColorDepth::None] {
            let mut options = options();
            (options.theme, options.colors) = (theme.to_owned(), colors);
            let runner = Runner::with(options, trading_day::snapshot(), (120, 40));
            text.push_str(&format!("{colors:?}\n{}\n", styles(&runner)));
        }
        insta::assert_snapshot!(format!("theme_{theme}"), text);
    }
}
