//! Backtests, as `cli` asks for them.

use std::time::Duration;

use arbion::cli::CliError;
use arbion::cli::host::{
    BacktestReport, BacktestRequest, EquityPoint, Metric, MetricUnit, RoundTrip, Settings,
};
use arbion::core::paper::VenueConfig;
use arbion::domain::account::AccountKind;
use arbion::domain::calendar::{Calendar, exchange_date};
use arbion::domain::ids::AccountId;
use arbion::engine::{backtest, clock};
use arbion::market::bars_csv;
use arbion::quant::metrics::{equity_metrics, exposure, trade_metrics};
use arbion::strategies::{self, Params};
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::venue::{fee_table, venue_slippage};

/// Runs a strategy over recorded bars.
pub fn run(settings: &Settings, request: &BacktestRequest) -> Result<BacktestReport, CliError> {
    let usage = |error: &dyn std::fmt::Display| CliError::usage(error.to_string());
    let calendar = Calendar::nyse();
    let mut bars = match &request.data {
        Some(path) => bars_csv::load(path, &calendar),
        None => bars_csv::shipped(),
    }
    .map_err(|error| usage(&error))?;
    for instrument in &request.instruments {
        if !bars.series.contains_key(instrument) {
            return Err(CliError::usage(format!("the data has no bars of {instrument}")));
        }
    }
    bars.series
        .retain(|instrument, _| request.instruments.is_empty() || request.instruments.contains(instrument));
    for series in bars.series.values_mut() {
        let kept = |start: Timestamp| {
            let day = exchange_date(start);
            request.from.is_none_or(|from| day >= from) && request.until.is_none_or(|until| day <= until)
        };
        series.retain(|row| kept(row.bar.start));
    }
    bars.series.retain(|_, series| !series.is_empty());
    if bars.series.is_empty() {
        return Err(CliError::usage("no bars are left in that range of dates"));
    }
    let costs = &settings.loaded.config.backtest;
    let cash = request.starting_cash.unwrap_or(costs.starting_cash);
    let venue = VenueConfig {
        kind: costs.account_kind,
        fees: fee_table(settings, &costs.fees),
        slippage: venue_slippage(costs.slippage),
        slippage_crypto: venue_slippage(costs.slippage),
        slippage_option: venue_slippage(costs.slippage),
        bar_participation: costs.bar_participation,
        partial_fills: costs.partial_fills,
        ..VenueConfig::new(AccountId::new("backtest"), cash)
    };
    debug_assert!(matches!(venue.kind, AccountKind::Cash | AccountKind::Margin));
    let instruments: Vec<_> = bars.series.keys().cloned().collect();
    let params = Params::new(request.params.clone());
    let mut strategy =
        strategies::build(&request.strategy, request.strategy.as_str().into(), instruments.clone(), &params)
            .map_err(|error| usage(&error))?;
    let started = clock::monotonic();
    let run = backtest::run(&bars, strategy.as_mut(), venue);
    let elapsed = started.elapsed();
    Ok(report(settings, request, instruments, cash, (run, elapsed)))
}

fn report(
    settings: &Settings,
    request: &BacktestRequest,
    instruments: Vec<arbion::domain::instrument::Instrument>,
    starting_cash: Decimal,
    (run, elapsed): (backtest::Backtest, Duration),
) -> BacktestReport {
    BacktestReport {
        strategy: request.strategy.clone(),
        params: request.params.clone(),
        data: request
            .data
            .as_ref()
            .map_or_else(|| "shipped daily bars".to_owned(), |path| path.display().to_string()),
        instruments,
        from: run.from,
        until: run.until,
        bars: run.bars,
        starting_cash,
        final_equity: run.final_equity,
        fees: run.fees,
        orders: run.orders,
        denied: run.denied,
        metrics: metrics(settings, &run),
        trades: run
            .trips
            .iter()
            .map(|trip| {
                let money = (trip.entry_price.get() * trip.quantity.get()).abs();
                RoundTrip {
                    instrument: trip.instrument.clone(),
                    quantity: trip.quantity,
                    opened_at: trip.opened_at,
                    entry_price: trip.entry_price,
                    closed_at: trip.closed_at,
                    exit_price: trip.exit_price,
                    fees: trip.fees,
                    pnl: trip.pnl,
                    pnl_percent: (!money.is_zero())
                        .then(|| (trip.pnl / money * Decimal::ONE_HUNDRED).round_dp(4)),
                }
            })
            .collect(),
        equity: run
            .equity
            .iter()
            .map(|(date, equity)| EquityPoint { date: *date, equity: *equity })
            .collect(),
        fingerprint: run.fingerprint,
        elapsed_seconds: elapsed.as_secs_f64(),
    }
}

fn metrics(settings: &Settings, run: &backtest::Backtest) -> Vec<Metric> {
    let curve: Vec<_> =
        run.equity.iter().filter_map(|(date, equity)| Some((*date, equity.to_f64()?))).collect();
    let results: Vec<f64> = run.trips.iter().filter_map(|trip| trip.pnl.to_f64()).collect();
    let risk_free = settings.loaded.config.rates.risk_free.to_f64().unwrap_or(0.04);
    let mut list = Vec::new();
    let mut add = |name, value, unit, convention| list.push(Metric { name, value, unit, convention });
    if let Some(m) = equity_metrics(&curve, risk_free, 252.0) {
        add("total_return", Some(m.total_return), MetricUnit::Percent, "");
        add("cagr", m.cagr, MetricUnit::Percent, "365 calendar days");
        add("annual_volatility", m.annual_volatility, MetricUnit::Percent, "252 days, sample deviation");
        add("sharpe", m.sharpe, MetricUnit::Ratio, "252 days, over the risk-free rate");
        add("sortino", m.sortino, MetricUnit::Ratio, "252 days, all returns");
        add("max_drawdown", Some(m.max_drawdown), MetricUnit::Percent, "daily closes");
        add("longest_underwater", Some(m.longest_underwater_days as f64), MetricUnit::Days, "");
        add("calmar", m.calmar, MetricUnit::Ratio, "");
        add("best_day", m.best_day, MetricUnit::Percent, "");
        add("worst_day", m.worst_day, MetricUnit::Percent, "");
    }
    let t = trade_metrics(&results);
    add("trades", Some(t.trades as f64), MetricUnit::Count, "round trips, first in first out");
    add("win_rate", t.win_rate, MetricUnit::Percent, "a flat trade is no win");
    add("profit_factor", t.profit_factor, MetricUnit::Ratio, "");
    add("expectancy", t.expectancy, MetricUnit::Money, "");
    add("payoff_ratio", t.payoff_ratio, MetricUnit::Ratio, "");
    add("sqn", t.sqn, MetricUnit::Ratio, "");
    add("exposure", exposure(run.bars_held, run.bars), MetricUnit::Percent, "bars with a position");
    list
}
