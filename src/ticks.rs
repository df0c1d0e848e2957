//! Backtests over recorded quotes and trades: the file is looked through once, every row of it checked, and read again while it is run.

use std::collections::BTreeMap;
use std::path::Path;

use arbion::cli::CliError;
use arbion::cli::host::{BacktestReport, BacktestRequest, Settings};
use arbion::client::progress::Progress;
use arbion::domain::calendar::Calendar;
use arbion::domain::instrument::Instrument;
use arbion::domain::quote::{Bar, Interval, Quote};
use arbion::engine::backtest;
use arbion::engine::clock;
use arbion::market::bar_builder::BarBuilder;
use arbion::market::bars_file::{BarsError, Doubts, RecordedBar, RecordedBars, told};
use arbion::market::ticks_file::{Ticks, is_ticks};
use rust_decimal::Decimal;

use crate::backtests::{Runner, is_wanted, of_bars, report};

/// Rows between two looks of whoever watches.
const WATCH_EVERY: u64 = 1_024;

/// What a file has of one instrument.
struct Seen {
    first: RecordedBar,
    last: RecordedBar,
    builder: BarBuilder,
    bar: Option<RecordedBar>,
    doubts: Doubts,
}

/// What a file has of what is wanted.
struct Survey {
    ticks: u64,
    series: BTreeMap<Instrument, Vec<RecordedBar>>,
    warnings: Vec<String>,
}

/// A run over ticks; `None` where the file holds bars.
pub fn run(
    settings: &Settings,
    request: &BacktestRequest,
    progress: &Progress,
) -> Result<Option<BacktestReport>, CliError> {
    let Some(path) = &request.data else { return Ok(None) };
    let wrong = |error: BarsError| CliError::usage(error.to_string());
    if !is_ticks(path).map_err(wrong)? {
        return Ok(None);
    }
    if request.check_lookahead {
        return Err(CliError::usage("--check-lookahead cuts bars; these are ticks"));
    }
    let ended = || CliError::usage("it was ended before it was done");
    let interval = request.interval.unwrap_or(Interval::Minute1);
    let survey = survey(path, request, interval, &*settings.calendar()?, progress)
        .map_err(wrong)?
        .ok_or_else(ended)?;
    let bars = RecordedBars { series: survey.series, interval: Some(interval) };
    let prepared = of_bars(settings, request, bars, progress)?;
    let by_bars_alone = || {
        let text =
            format!("{} acts at times of the day and on chains; it is run over bars", request.strategy);
        CliError::usage(text)
    };
    if prepared.is_hosted(&request.strategy, &request.params)? {
        return Err(by_bars_alone());
    }
    let Runner::Bars(mut strategy) = prepared.runner(&request.strategy, &request.params)? else {
        return Err(by_bars_alone());
    };
    progress.set_total(survey.ticks);
    let started = clock::monotonic();
    let wanted = |tick: &Result<Quote, BarsError>| match tick {
        Ok(quote) => is_wanted(request, &quote.instrument, quote.as_of),
        Err(_) => true,
    };
    let ticks = Ticks::open(path).map_err(wrong)?.filter(wanted);
    let mut watch = |ticks| {
        progress.add_done(ticks);
        !progress.ends() && prepared.check().is_ok()
    };
    let run = backtest::run_ticks(ticks, interval, strategy.as_mut(), prepared.venue.clone(), &mut watch);
    let elapsed = started.elapsed();
    prepared.check()?;
    let run = run.map_err(wrong)?.ok_or_else(ended)?;
    let report = report(settings, request, &prepared, (&run, elapsed))?;
    Ok(Some(BacktestReport { warnings: survey.warnings, ..report }))
}

/// Looks through a file: every row is checked, and of what is wanted the ends are kept, and what looks wrong in the bars of it. `None` where
/// whoever watches ended it.
fn survey(
    path: &Path,
    request: &BacktestRequest,
    interval: Interval,
    calendar: &Calendar,
    progress: &Progress,
) -> Result<Option<Survey>, BarsError> {
    let (mut ticks, mut count, mut rows) = (Ticks::open(path)?, 0, 0_u64);
    let mut seen: BTreeMap<Instrument, Seen> = BTreeMap::new();
    for quote in ticks.by_ref() {
        let quote = quote?;
        rows += 1;
        if rows.is_multiple_of(WATCH_EVERY) && progress.ends() {
            return Ok(None);
        }
        if !is_wanted(request, &quote.instrument, quote.as_of) {
            continue;
        }
        count += 1;
        let Some(price) = quote.last.or_else(|| quote.mid()).or(quote.bid).or(quote.ask) else { continue };
        let at = Bar {
            start: quote.as_of,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ZERO,
        };
        let at = RecordedBar { bar: at, end: quote.as_of, adjusted_close: None };
        let of = seen.entry(quote.instrument.clone()).or_insert_with(|| Seen {
            first: at,
            last: at,
            builder: BarBuilder::of(&quote.instrument, interval, quote.as_of),
            bar: None,
            doubts: Doubts::default(),
        });
        of.last = at;
        while let Some(due) = of.builder.due().filter(|due| *due <= quote.as_of) {
            let Some(bar) = of.builder.complete(due) else { continue };
            let bar = RecordedBar { bar, end: due, adjusted_close: None };
            if let Some(before) = of.bar.replace(bar) {
                of.doubts.pair(&quote.instrument, &before, &bar, calendar);
            }
        }
        of.builder.see(&quote);
    }
    let mut warnings = Vec::new();
    let mut series = BTreeMap::new();
    for (instrument, of) in seen {
        warnings.extend(of.doubts.lines(&instrument, Some(interval)));
        series.insert(instrument, vec![of.first, of.last]);
    }
    let mut warnings = told(warnings);
    if ticks.same() > 0 {
        warnings.push(format!("{} rows are the very same as the one before them", ticks.same()));
    }
    Ok(Some(Survey { ticks: count, series, warnings }))
}
