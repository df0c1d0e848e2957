//! Backtests: event-driven, decimal ledger, fees and risk on, one thread.

use std::hint::black_box;

use arbion::core::paper::VenueConfig;
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::Instrument;
use arbion::domain::money::Price;
use arbion::domain::quote::Bar;
use arbion::engine::backtest;
use arbion::market::bars_file::{RecordedBar, RecordedBars};
use arbion::strategies::{Params, build};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::measure::{best, per_second, row};

/// A walk of one-minute bars, the same each time.
fn bars(count: i64) -> RecordedBars {
    let mut price = 10_000_i64;
    let mut state = 7_u64;
    let series = (0..count)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let step = i64::try_from((state >> 33) % 41).unwrap_or(0) - 20;
            let open = price;
            price = (price + step).max(1_000);
            let cents = |value: i64| Price::new(Decimal::new(value, 2));
            let start = Timestamp::from_second(1_700_000_000 + i * 60).unwrap_or(Timestamp::UNIX_EPOCH);
            let bar = Bar {
                start,
                open: cents(open),
                high: cents(open.max(price) + 5),
                low: cents(open.min(price) - 5),
                close: cents(price),
                volume: Decimal::from(10_000),
            };
            RecordedBar { bar, end: start + jiff::SignedDuration::from_secs(60), adjusted_close: None }
        })
        .collect();
    let instrument = Instrument::equity("TEST").unwrap_or_else(|_| unreachable!());
    RecordedBars {
        series: [(instrument, series)].into_iter().collect(),
        interval: Some(arbion::domain::quote::Interval::Minute1),
    }
}

pub fn run() {
    let data = bars(100_000);
    let params = Params::new(
        [("fast", "10"), ("slow", "30"), ("quantity", "10")].map(|(k, v)| (k.to_owned(), v.to_owned())),
    );
    let mut trips = 0;
    let time = best(|| {
        let instruments = data.series.keys().cloned().collect();
        let Ok(mut strategy) = build("sma_cross", "bench".into(), instruments, &params) else { return };
        let venue = VenueConfig::new(AccountId::new("bench"), Decimal::from(100_000));
        let run = backtest::run(&data, strategy.as_mut(), venue);
        trips = run.trips.len();
        black_box(run.final_equity);
    });
    row(&format!("backtest: 100,000 bars, {trips} round trips"), per_second(100_000, time), "1,500,000 /s");
}
