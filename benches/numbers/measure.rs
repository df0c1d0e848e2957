//! Timing and the table.

use std::time::{Duration, Instant};

/// Times `work` until it has run for half a second; returns the best time of one run.
pub fn best(mut work: impl FnMut()) -> Duration {
    let (end, mut best) = (Instant::now() + Duration::from_millis(500), Duration::MAX);
    while Instant::now() < end {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    best
}

/// One line of the table.
pub fn row(name: &str, measured: String, goal: &str) {
    println!("{name:<58} {measured:>18}   {goal}");
}

pub fn per_second(count: u32, time: Duration) -> String {
    format!("{:.0} /s", f64::from(count) / time.as_secs_f64())
}

pub fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

pub fn micros(time: Duration) -> String {
    format!("{:.2} us", time.as_secs_f64() * 1e6)
}

/// The value below which this share, in per cent, of the times lie.
pub fn percentile(times: &mut [Duration], share: usize) -> Duration {
    times.sort_unstable();
    times.get((times.len().saturating_sub(1)) * share / 100).copied().unwrap_or_default()
}
