//! Walk forward: the best set of each training window is measured on the days after it, which it was not chosen on.

use std::collections::BTreeMap;

use arbion::cli::CliError;
use arbion::cli::host::{BacktestRequest, MetricUnit, Settings, WalkPoint, WalkReport, WalkRow, Windows};
use arbion::client::progress::Progress;
use arbion::domain::calendar::{exchange_date, plus_days};
use arbion::engine::backtest::Backtest;
use arbion::engine::clock;
use arbion::market::bars_file::RecordedBars;
use arbion::quant::metrics::equity_metrics;
use jiff::civil::Date;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rust_decimal::prelude::ToPrimitive;

use crate::backtests::{Prepared, data_name, params_of, prepare};
use crate::figures::{buy_and_hold, metrics, with_opening};

/// Windows of one walk at most.
const WINDOWS_MAX: usize = 1_000;

/// A window by its days: training from the first to before the second, test from there to before the third.
#[derive(Clone, Copy)]
struct Window {
    train: Date,
    test: Date,
    end: Date,
}

/// Runs it.
pub fn run(
    settings: &Settings,
    request: &BacktestRequest,
    sets: &[BTreeMap<String, String>],
    (windows, rank): (Windows, &str),
    progress: &Progress,
) -> Result<WalkReport, CliError> {
    let prepared = prepare(settings, request, progress)?;
    // A set that is wrong is said before the first run.
    for set in sets {
        prepared.is_hosted(&request.strategy, &params_of(request, set))?;
    }
    let all = windows_of(&prepared.bars, windows)?;
    progress.set_total(all.len() as u64);
    let started = clock::monotonic();
    let (mut rows, mut curve) = (Vec::new(), Vec::new());
    for window in &all {
        if progress.ends() {
            break;
        }
        let (row, points) = match walk(settings, &prepared, request, sets, *window, rank) {
            // A bot is not waited for any longer.
            Err(_) if progress.ends() => break,
            walked => walked?,
        };
        let base = curve.last().map_or(1.0, |point: &WalkPoint| point.value);
        curve.extend(points.iter().map(|(date, value)| WalkPoint { date: *date, value: base * value }));
        rows.push(row);
        progress.add_done(1);
    }
    let points: Vec<(Date, f64)> = curve.iter().map(|point| (point.date, point.value)).collect();
    let risk_free = settings.loaded.config.rates.risk_free.to_f64().unwrap_or(0.04);
    Ok(WalkReport {
        strategy: request.strategy.clone(),
        data: data_name(request),
        instruments: prepared.instruments.clone(),
        rank: rank.to_owned(),
        sets: sets.len(),
        asked: all.len(),
        rows,
        metrics: of_curve(&with_opening(1.0, points), risk_free),
        curve,
        elapsed_seconds: started.elapsed().as_secs_f64(),
    })
}

fn of_curve(points: &[(Date, f64)], risk_free: f64) -> Vec<arbion::cli::host::Metric> {
    let Some(m) = equity_metrics(points, risk_free, 252.0) else { return Vec::new() };
    let metric = |name, value, unit, convention| arbion::cli::host::Metric { name, value, unit, convention };
    vec![
        metric("total_return", Some(m.total_return), MetricUnit::Percent, "all tests, one after the other"),
        metric("cagr", m.cagr, MetricUnit::Percent, "365 calendar days"),
        metric("sharpe", m.sharpe, MetricUnit::Ratio, "252 days, over the risk-free rate"),
        metric("max_drawdown", Some(m.max_drawdown), MetricUnit::Percent, "daily closes"),
    ]
}

/// Windows one after the other, each a test further; the last test may be cut short by the end of the data.
fn windows_of(bars: &RecordedBars, windows: Windows) -> Result<Vec<Window>, CliError> {
    let days = || bars.series.values().flatten().map(|row| exchange_date(row.bar.start));
    let (Some(first), Some(last)) = (days().min(), days().max()) else {
        return Err(CliError::usage("there are no bars to walk over"));
    };
    let mut found = Vec::new();
    let mut train = first;
    loop {
        let test = plus_days(train, windows.train);
        if test > last || found.len() == WINDOWS_MAX {
            break;
        }
        let end = plus_days(test, windows.test);
        found.push(Window { train, test, end });
        train = plus_days(train, windows.test);
    }
    if found.is_empty() {
        return Err(CliError::usage(format!(
            "--walk-forward: the data is from {first} to {last}, less than a training of {} days",
            windows.train
        )));
    }
    Ok(found)
}

/// The bars of days from the first to before the last.
fn between(bars: &RecordedBars, from: Date, until: Date) -> RecordedBars {
    let mut kept = bars.clone();
    for series in kept.series.values_mut() {
        series.retain(|row| (from..until).contains(&exchange_date(row.bar.start)));
    }
    kept.series.retain(|_, series| !series.is_empty());
    kept
}

fn value_of(
    settings: &Settings,
    bars: &RecordedBars,
    run: &Backtest,
    rank: &str,
) -> Result<Option<f64>, CliError> {
    let all = metrics(settings, bars, run);
    match all.iter().find(|metric| metric.name == rank) {
        Some(metric) => Ok(metric.value),
        None => {
            let known: Vec<&str> = all.iter().map(|metric| metric.name).collect();
            Err(CliError::usage(format!("--rank: found '{rank}', allowed {}", known.join(", "))))
        }
    }
}

/// One window: its row, and the test's curve from 1.
fn walk(
    settings: &Settings,
    prepared: &Prepared,
    request: &BacktestRequest,
    sets: &[BTreeMap<String, String>],
    window: Window,
    rank: &str,
) -> Result<(WalkRow, Vec<(Date, f64)>), CliError> {
    let training = between(&prepared.bars, window.train, window.test);
    let values: Vec<Option<f64>> = sets
        .par_iter()
        .map(|set| {
            let run =
                prepared.run_over(&training, &request.strategy, &params_of(request, set), &mut |_| true)?;
            value_of(settings, &training, &run, rank)
        })
        .collect::<Result<_, CliError>>()?;
    // Of equal ones the first that was asked for.
    let value = |at: usize| values[at].unwrap_or(f64::NEG_INFINITY);
    let best =
        (0..sets.len()).reduce(|best, at| if value(at) > value(best) { at } else { best }).unwrap_or(0);
    let params = params_of(request, &sets[best]);
    // It runs through the training too, so that its averages are warm and its positions stand when the test begins.
    let whole = between(&prepared.bars, window.train, window.end);
    let run = prepared.run_over(&whole, &request.strategy, &params, &mut |_| true)?;
    let tested = between(&prepared.bars, window.test, window.end);
    let before = run.equity.iter().rfind(|day| day.date < window.test);
    let opening = before.map_or(run.opening_cash, |day| day.close);
    let base = opening.to_f64().filter(|base| *base > 0.0).unwrap_or(1.0);
    let points: Vec<(Date, f64)> = run
        .equity
        .iter()
        .filter(|day| day.date >= window.test)
        .filter_map(|day| Some((day.date, day.close.to_f64()? / base)))
        .collect();
    let trained = values[best];
    let mut only = run;
    only.opening_cash = opening;
    only.equity.retain(|day| day.date >= window.test);
    only.trips.retain(|trip| exchange_date(trip.closed_at) >= window.test);
    let row = WalkRow {
        train_from: window.train,
        test_from: window.test,
        test_until: points.last().map_or(window.test, |(day, _)| *day),
        params: sets[best].clone(),
        trained,
        tested: value_of(settings, &tested, &only, rank)?,
        test_return: points.last().map_or(0.0, |(_, value)| value - 1.0),
        held_return: buy_and_hold(&tested),
    };
    Ok((row, points))
}
