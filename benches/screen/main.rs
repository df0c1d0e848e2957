//! The numbers of the screen: `cargo bench --bench screen`, or with names of parts behind `--`. One table with its goals, of one run on one
//! machine, in pseudo-terminals of 140x40 with 20 symbols, as the peers were measured. The machine is noisy: compare within a run.
//!
//! The rates are those of pictures sent to the screen one by one, each with one symbol moved; an engine sends no more than 30 a second,
//! whatever its market does. Processor time is that of every thread but the one that makes the pictures.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark prints its table and may fail loudly"
)]

mod child;
mod frames;
#[path = "../numbers/measure.rs"]
#[allow(dead_code, reason = "shared with the other numbers, which use all of it")]
mod measure;
mod pty;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/scripted.rs"]
mod scripted;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/trading_day.rs"]
mod trading_day;

use std::time::Duration;

use ::arbion;

use self::measure::{millis, percentile, row};
use self::pty::Terminal;

/// Pictures a second.
const RATES: [u64; 4] = [0, 100, 1_000, 5_000];
const KEYS: usize = 100;
const WATCHED: Duration = Duration::from_secs(10);

/// Median and 95th of 100.
fn two(unit: fn(Duration) -> String, times: &mut [Duration]) -> String {
    format!("{}, {}", unit(percentile(times, 50)), unit(percentile(times, 95)))
}

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if words.first().is_some_and(|word| word == "child") {
        return child::run(words[1].parse().unwrap());
    }
    let parts: [(&str, fn()); 5] =
        [("frames", frames::run), ("keys", keys), ("load", load), ("idle", idle), ("slow", slow)];
    words.retain(|word| parts.iter().any(|(name, _)| name == word));
    println!("{:<58} {:>18}   goal", "what", "measured");
    for (name, run) in parts {
        if words.is_empty() || words.iter().any(|word| word == name) {
            run();
        }
    }
}

/// A key, and its answer: the help opens.
fn keys() {
    let mut terminal = Terminal::start(0, None);
    let mut times: Vec<Duration> = (0..KEYS).map(|_| terminal.first_byte()).collect();
    row("key to the first byte of its answer, 0/s: median, p95", two(millis, &mut times), "1 ms, 2 ms");
    terminal.end();
    for rate in RATES {
        let mut terminal = Terminal::start(rate, None);
        let mut times: Vec<Duration> = (0..KEYS).map(|_| terminal.help()).collect();
        row(&format!("key to the help shown, {rate}/s: median, p95"), two(millis, &mut times), "1 ms, 2 ms");
        terminal.end();
    }
}

fn load() {
    for (rate, processor, bytes) in
        [(100, "", ""), (1_000, "10 %", "13 KiB/s"), (5_000, "", ""), (10_000, "20 %", "")]
    {
        let mut terminal = Terminal::start(rate, None);
        terminal.watch(Duration::from_secs(2));
        let before = terminal.spent();
        let count = terminal.watch(WATCHED);
        let spent = terminal.spent().saturating_sub(before);
        let share = spent.as_secs_f64() / WATCHED.as_secs_f64() * 100.0;
        row(&format!("{rate}/s: processor, of one core"), format!("{share:.1} %"), processor);
        let written = count as f64 / WATCHED.as_secs_f64() / 1_024.0;
        row("  written to the terminal", format!("{written:.1} KiB/s"), bytes);
        row("  key to the help shown meanwhile", millis(terminal.help()), "");
        terminal.end();
    }
}

fn idle() {
    let mut terminal = Terminal::start(0, None);
    terminal.watch(Duration::from_secs(2));
    let before = terminal.spent();
    let count = terminal.watch(WATCHED);
    let spent = terminal.spent().saturating_sub(before);
    let share = spent.as_secs_f64() / WATCHED.as_secs_f64() * 100.0;
    row("idle: processor, of one core", format!("{share:.2} %"), "0.2 %");
    row("idle: written in 10 s (the minute may turn)", format!("{count} bytes"), "0 bytes");
    terminal.end();
}

/// A line that is read at 8 KB/s.
fn slow() {
    let mut terminal = Terminal::start(1_000, Some(8_000));
    terminal.watch(Duration::from_secs(8));
    let count = terminal.watch(WATCHED);
    let mut letters: Vec<Duration> = (0..20).map(|_| terminal.letter()).collect();
    let age = terminal.age();
    let mut times: Vec<Duration> = (0..10).map(|_| terminal.help()).collect();
    let written = count as f64 / WATCHED.as_secs_f64() / 1_024.0;
    row("read at 8 KB/s, 1000/s: written", format!("{written:.1} KiB/s"), "");
    row("  key to its letter in the command bar: median, p95", two(millis, &mut letters), "");
    row("  key to the help shown, 7 KB of it: median, p95", two(millis, &mut times), "");
    row("  how old what shows is", format!("{age:.2} s"), "");
    terminal.end();
}
