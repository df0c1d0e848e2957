//! The numbers of the core, market, language and store: `cargo bench --bench core`. One table; figures of one run on one machine.
#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark prints its table")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbion::command::{ParseContext, parse};
use arbion::core::paper::VenueConfig;
use arbion::domain::calendar::Calendar;
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::{Instrument, SymbolLookup};
use arbion::domain::money::{Price, Quantity};
use arbion::domain::quote::{Bar, Feed, Quote};
use arbion::engine::backtest;
use arbion::market::bars_csv::{RecordedBar, RecordedBars};
use arbion::market::hub::{Cursor, Hub};
use arbion::market::symbols::Universe;
use arbion::quant::greeks::{Terms, black_scholes, implied_volatility};
use arbion::strategies::{Params, build};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// Times `work` until it has run for half a second; returns the best time of one run.
fn best(mut work: impl FnMut()) -> Duration {
    let (end, mut best) = (Instant::now() + Duration::from_millis(500), Duration::MAX);
    while Instant::now() < end {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    best
}

fn row(name: &str, measured: String, goal: &str) {
    println!("{name:<44} {measured:>18}   {goal}");
}

fn per_second(count: u32, time: Duration) -> String {
    format!("{:.0} /s", f64::from(count) / time.as_secs_f64())
}

fn main() {
    println!("{:<44} {:>18}   goal", "what", "measured");
    hub();
    backtests();
    language();
    search();
    chain();
}

fn hub() {
    let instruments: Vec<Instrument> =
        (0..500).map(|i| Instrument::equity(&format!("S{i}")).unwrap_or_else(|_| unreachable!())).collect();
    let quotes: Vec<Quote> = (0..100_000_i64)
        .map(|i| {
            let at = Timestamp::from_millisecond(i).unwrap_or(Timestamp::UNIX_EPOCH);
            let mut quote = Quote::empty(instruments[(i % 500) as usize].clone(), at, Feed::Simulated);
            quote.bid = Some(Price::from(100 + i % 7));
            quote.ask = Some(Price::from(101 + i % 7));
            quote.bid_size = Quantity::from(100);
            quote
        })
        .collect();
    let time = best(|| {
        let mut hub = Hub::new();
        for quote in &quotes {
            hub.publish(quote.clone());
        }
        let mut count = 0;
        hub.drain(&mut Cursor::default(), |_| count += 1);
        assert_eq!(count, 500);
    });
    row("hub: quotes in, 500 symbols", per_second(100_000, time), "500,000 /s");
}

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

fn backtests() {
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

fn language() {
    let universe = Arc::new(Universe::load());
    let calendar = Calendar::nyse();
    let context = ParseContext {
        today: jiff::civil::date(2026, 11, 24),
        lookup: universe.as_ref(),
        calendar: &calendar,
    };
    let corpus = include_str!("../tests/corpus/commands.tsv");
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
    times.sort_unstable();
    row(
        "parse: median line of the corpus",
        format!("{:.1} us", times[times.len() / 2].as_secs_f64() * 1e6),
        "10 us",
    );
    row(
        "parse: worst line of the corpus",
        format!("{:.1} us", times[times.len() - 1].as_secs_f64() * 1e6),
        "200 us",
    );
}

fn search() {
    let universe = Universe::load();
    let worst = ["aapl", "micro", "bank of", "e"]
        .map(|query| best(|| drop(black_box(universe.search(query, 20)))))
        .into_iter()
        .max();
    row(
        "search: worst of four queries",
        format!("{:.2} ms", worst.unwrap_or_default().as_secs_f64() * 1e3),
        "2 ms",
    );
    row(
        "universe: read the lists",
        format!("{:.2} ms", best(|| drop(black_box(Universe::load()))).as_secs_f64() * 1e3),
        "",
    );
}

fn chain() {
    let contracts: Vec<(Terms, f64)> = (0..2_000)
        .map(|i| {
            let right = if i % 2 == 0 {
                arbion::domain::option::Right::Call
            } else {
                arbion::domain::option::Right::Put
            };
            let strike = 150.0 + f64::from(i % 100) * 1.5;
            let terms = Terms {
                right,
                spot: 225.0,
                strike,
                years: 0.05 + f64::from(i / 100) * 0.05,
                rate: 0.04,
                dividend_yield: 0.005,
            };
            (terms, black_scholes(&terms, 0.32).price)
        })
        .collect();
    let time = best(|| {
        for (terms, price) in &contracts {
            if let Ok(iv) = implied_volatility(terms, *price) {
                black_box(black_scholes(terms, iv));
            }
        }
    });
    row(
        "chain: 2,000 contracts, volatility and greeks",
        format!("{:.2} ms", time.as_secs_f64() * 1e3),
        "2 ms",
    );
}
