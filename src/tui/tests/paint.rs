//! Bytes: what the terminal shows is what was drawn, nothing is written without a reason, and little is written with one.

use super::harness::{Runner, options, text_of};
use super::trading_day;

fn parser(width: u16, height: u16) -> vt100::Parser {
    vt100::Parser::new(height.try_into().unwrap(), width.try_into().unwrap(), 0)
}

/// What a terminal shows after these bytes.
fn terminal(written: &[u8], width: u16, height: u16) -> String {
    let mut parser = parser(width, height);
    parser.process(written);
    let rows: Vec<String> =
        parser.screen().rows(0, width).map(|row| row.trim_end().to_owned() + "\n").collect();
    rows.concat()
}

#[test]
fn a_terminal_shows_what_was_drawn() {
    let (width, height) = (120, 40);
    let mut runner = Runner::new((width, height));
    for (i, keys) in
        ["j j", "tab +", "b 1 0", "down down a", "enter", "esc esc", "?", "esc :", "b u y", "esc 4 f"]
            .iter()
            .enumerate()
    {
        runner.keys(keys);
        runner.show(trading_day::moved(&runner.snapshot.clone(), i as u64, 20));
        runner.wait(400);
        let drawn = text_of(runner.screen.shown());
        assert_eq!(terminal(&runner.written, width, height), drawn, "after {keys}");
    }
}

#[test]
fn colours_arrive_too() {
    let runner = Runner::new((120, 40));
    let mut parser = parser(120, 40);
    parser.process(&runner.written);
    for y in 0..40 {
        for x in 0..120 {
            let cell = parser.screen().cell(y, x).unwrap();
            let drawn = &runner.screen.shown()[(x, y)];
            let bold = drawn.modifier.contains(ratatui::style::Modifier::BOLD);
            let shown = drawn.symbol() != " ";
            assert!(!shown || cell.bold() == bold, "{x},{y} {:?}", drawn.symbol());
            if let (ratatui::style::Color::Rgb(r, g, b), true) = (drawn.fg, shown) {
                assert_eq!(cell.fgcolor(), vt100::Color::Rgb(r, g, b), "{x},{y}");
            }
        }
    }
}

#[test]
fn an_idle_screen_writes_nothing() {
    let mut runner = Runner::new((120, 40));
    runner.wait(40_000);
    runner.written.clear();
    // 50 seconds after a quarter to, the minute turns.
    for _ in 0..9 {
        runner.wait(1_000);
    }
    assert!(runner.written.is_empty(), "{:?}", String::from_utf8_lossy(&runner.written));
    runner.wait(2_000);
    runner.sees("13:46").sees("2:14");
    assert!((1..120).contains(&runner.written.len()), "{} bytes for a minute", runner.written.len());
}

#[test]
fn the_same_picture_again_writes_nothing() {
    let mut runner = Runner::new((120, 40));
    runner.wait(1_000).written.clear();
    let mut same = (*runner.snapshot).clone();
    same.seq += 1;
    runner.show(same);
    assert!(runner.written.is_empty());
}

#[test]
fn a_changed_number_is_marked_for_300_ms() {
    let mut runner = Runner::new((120, 40));
    let frame = runner.frame();
    let (y, line) = frame.lines().enumerate().find(|(_, line)| line.contains("▸AAPL")).unwrap();
    let x = line.chars().collect::<String>().find("231.80").map(|at| line[..at].chars().count()).unwrap();
    let back = |runner: &Runner| runner.screen.shown()[(x as u16, y as u16)].bg;
    let calm = back(&runner);
    let mut next = trading_day::moved(&runner.snapshot.clone(), 3, 1);
    next.now = runner.snapshot.now;
    runner.show(next);
    assert_ne!(back(&runner), calm);
    runner.wait(299);
    assert_ne!(back(&runner), calm);
    assert_eq!(runner.screen.next_wake(), Some(runner.now + std::time::Duration::from_millis(1)));
    runner.wait(1);
    assert_eq!(back(&runner), calm);
    assert!(
        runner.screen.next_wake() > Some(runner.now + std::time::Duration::from_secs(1)),
        "then it sleeps"
    );
}

#[test]
fn an_older_picture_is_ignored() {
    let mut runner = Runner::new((120, 40));
    let old = (*runner.snapshot).clone();
    runner.show(trading_day::moved(&old, 3, 20));
    let frame = runner.frame();
    runner.show(trading_day::moved(&trading_day::snapshot(), 9, 20));
    let mut stale = trading_day::snapshot();
    stale.seq = 0;
    runner.show(stale);
    assert_ne!(frame, String::new());
    assert!(runner.screen.next_wake().is_some());
}

#[test]
fn twenty_moving_symbols_cost_little() {
    let mut options = options();
    options.colors = crate::tui::ColorDepth::Indexed;
    let mut runner = Runner::with(options, trading_day::snapshot(), (200, 60));
    runner.wait(1_000).written.clear();
    for step in 0..30 {
        runner.now += std::time::Duration::from_millis(33);
        runner.show(trading_day::moved(&runner.snapshot.clone(), step, 20));
    }
    let each = runner.written.len() / 30;
    assert!(each < 4_000, "{each} bytes a frame");
}
