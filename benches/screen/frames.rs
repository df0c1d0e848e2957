//! The screen's own cost without a terminal: time and bytes of a frame, and of a key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arbion::domain::snapshot::Snapshot;
use arbion::tui::{ColorDepth, Effect, Input, Options, Screen};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use super::measure::{millis, row};
use super::{scripted, trading_day, two};

const ROUNDS: u64 = 3_000;

pub fn run() {
    for (width, height, goal) in [(80, 24, ""), (120, 40, ""), (200, 60, "1.5 ms")] {
        frames(width, height, goal);
    }
    keys();
}

fn screen(width: u16, height: u16) -> (Screen, Arc<Snapshot>) {
    let mut options = Options::new(Arc::new(|text: &str, _: &_| scripted::understand(text)));
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

/// A snapshot with 20 moved quotes, to its bytes.
fn frames(width: u16, height: u16, goal: &str) {
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
    row(&format!("frame {width}x{height}, 20 symbols moved: median, p95"), two(millis, &mut times), goal);
    row("  bytes of it", format!("{}", bytes as u64 / ROUNDS), "");
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
        row(&format!("{name}: median, p95"), two(millis, &mut times), "");
    }
}
