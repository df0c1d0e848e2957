//! The screen's own cost, without a terminal: time per frame, key to frame, bytes per frame and per second. Prints; asserts nothing.
//! `cargo bench --bench screen`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints and may fail loudly"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::arbion;
use arbion::domain::snapshot::Snapshot;
use arbion::tui::{ColorDepth, Effect, Input, Options, Pace, Screen};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

#[allow(dead_code, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/support/scripted.rs"]
mod scripted;
#[allow(dead_code, missing_docs, reason = "shared with the tests, which use all of it")]
#[path = "../tests/support/trading_day.rs"]
mod trading_day;

const ROUNDS: u64 = 3_000;

fn main() {
    println!("{:<44} {:>10} {:>10} {:>10}", "", "median", "p95", "p99");
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        frames(width, height);
    }
    keys();
    under_load(1_000);
    under_load(5_000);
}

fn screen(width: u16, height: u16) -> (Screen, Arc<Snapshot>) {
    let mut options = Options::new(Arc::new(|text: &str| scripted::understand(text)));
    options.colors = ColorDepth::Indexed;
    let snapshot = Arc::new(trading_day::snapshot());
    let mut screen = Screen::new(&options, Arc::clone(&snapshot), Size::new(width, height)).unwrap();
    let mut effects = screen.tick(Duration::ZERO);
    while let Some(effect) = effects.pop() {
        if let Effect::Ask(number, request) = effect {
            effects.extend(screen.reply(number, scripted::answer(&request, &snapshot), Duration::ZERO));
        }
    }
    screen.frame();
    (screen, snapshot)
}

fn report(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: usize| format!("{:.1?}", times[(times.len() - 1) * share / 100]);
    println!("{name:<44} {:>10} {:>10} {:>10}", at(50), at(95), at(99));
}

/// A snapshot with 20 moved quotes, to its bytes.
fn frames(width: u16, height: u16) {
    let (mut screen, mut snapshot) = screen(width, height);
    let mut times = Vec::new();
    let mut bytes = 0;
    for step in 0..ROUNDS {
        snapshot = Arc::new(trading_day::moved(&snapshot, step, 20));
        let now = Duration::from_millis(33 * step);
        let start = Instant::now();
        screen.snapshot(Arc::clone(&snapshot), now);
        let frame = screen.frame();
        times.push(start.elapsed());
        bytes += frame.len();
    }
    report(&format!("{width}x{height}: 20 symbols moved, to bytes"), &mut times);
    println!("{:<44} {:>10}", "  bytes a frame", bytes as u64 / ROUNDS);
}

/// A key, to the bytes that answer it.
fn keys() {
    let (mut screen, _) = screen(200, 60);
    for (name, codes) in [
        ("key to frame: j, k in the watchlist", [KeyCode::Char('j'), KeyCode::Char('k')]),
        ("key to frame: help, and away", [KeyCode::Char('?'), KeyCode::Esc]),
        ("key to frame: next pane", [KeyCode::Tab, KeyCode::BackTab]),
    ] {
        let mut times = Vec::new();
        for i in 0..ROUNDS {
            let key = KeyEvent::new(codes[(i % 2) as usize], KeyModifiers::NONE);
            let start = Instant::now();
            screen.input(Input::Key(key), Duration::from_secs(1_000_000));
            let frame = screen.frame();
            times.push(start.elapsed());
            assert!(!frame.is_empty(), "{name} draws something");
        }
        report(name, &mut times);
    }
}

/// Ten seconds of so many updates a second, paced as the run loop paces them.
fn under_load(updates_per_second: u64) {
    const SECONDS: u64 = 10;
    let (mut screen, mut snapshot) = screen(200, 60);
    let mut pace = Pace::new(arbion::tui::FRAMES_PER_SECOND, arbion::tui::BYTES_PER_SECOND);
    let (mut bytes, mut frames, mut spent) = (0_usize, 0_u64, Duration::ZERO);
    for step in 0..updates_per_second * SECONDS {
        // One symbol moves per update; `moved` moves the first n, so the turn goes round by size.
        snapshot = Arc::new(trading_day::moved(&snapshot, step, (step % 20 + 1) as usize));
        let now = Duration::from_micros(1_000_000 / updates_per_second * step);
        if now < pace.next() {
            continue;
        }
        let start = Instant::now();
        screen.snapshot(Arc::clone(&snapshot), now);
        let frame = screen.frame();
        spent += start.elapsed();
        pace.data_sent(frame.len(), now);
        bytes += frame.len();
        frames += 1;
    }
    let seconds = SECONDS as f64;
    println!(
        "{updates_per_second} updates/s for {SECONDS} s: {:.1} frames/s, {:.1} KiB/s, {:.2} % of one core",
        frames as f64 / seconds,
        bytes as f64 / seconds / 1_024.0,
        spent.as_secs_f64() / seconds * 100.0
    );
}
