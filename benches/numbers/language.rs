//! The command language over its corpus.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbion::command::{ParseContext, parse};
use arbion::domain::calendar::Calendar;
use arbion::market::symbols::Universe;

use super::measure::{micros, percentile, row};

pub fn run() {
    let universe = Arc::new(Universe::load());
    let calendar = Calendar::nyse();
    let context = ParseContext {
        today: jiff::civil::date(2026, 11, 24),
        lookup: universe.as_ref(),
        calendar: &calendar,
    };
    let corpus = include_str!("../../tests/corpus/commands.tsv");
    let lines: Vec<&str> =
        corpus.lines().skip(1).filter_map(|line| line.split_once('\t').map(|(text, _)| text)).collect();
    let mut times: Vec<Duration> = lines
        .iter()
        .map(|line| {
            (0..20)
                .map(|_| {
                    let start = Instant::now();
                    black_box(parse(line, &context));
                    start.elapsed()
                })
                .min()
                .unwrap_or_default()
        })
        .collect();
    row("parse: median line of the corpus", micros(percentile(&mut times, 50)), "10 us");
    row("parse: worst line of the corpus", micros(percentile(&mut times, 100)), "200 us");
}
