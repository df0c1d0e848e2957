//! A strategy over recorded bars.

use std::collections::BTreeMap;

use super::{Context, drawing, sweep, walk};
use crate::cli::args::BacktestArgs;
use crate::cli::error::CliError;
use crate::cli::host::{
    BacktestReport, BacktestRequest, EquityPoint, Host, Metric, MetricUnit, RoundTrip, Settings,
};
use crate::cli::imported::bars_file;
use crate::cli::language;
use crate::cli::output::csv::{TRADE, csv, safe, trade_cells};
use crate::cli::output::{Align, Output, Table, format};
use crate::client::progress::Progress;
use crate::config::files;
use crate::domain::instrument::Instrument;
use crate::domain::money::canonical;
use crate::domain::strategy::DecisionRecord;

pub(super) async fn run(context: &mut Context<'_>, args: &BacktestArgs) -> Result<Output, CliError> {
    let settings = context.settings(false)?;
    let request = request(context.host, &settings, args)?;
    let sets = sets(args)?;
    if let Some(windows) = args.walk_forward {
        return walk::run(context, &settings, &request, (sets, windows), args).await;
    }
    if sets.len() > 1 {
        return sweep::run(context, &settings, &request, sets, args).await;
    }
    single(context.host, &settings, &request, args, &Progress::default()).await
}

/// The same without a console: whoever waits looks at the progress.
pub(super) async fn quietly(
    host: &dyn Host,
    settings: &Settings,
    args: &BacktestArgs,
    progress: &Progress,
) -> Result<Output, CliError> {
    let request = request(host, settings, args)?;
    let sets = sets(args)?;
    if let Some(windows) = args.walk_forward {
        return walk::quietly(host, settings, &request, (sets, windows), args, progress).await;
    }
    if sets.len() > 1 {
        return sweep::quietly(host, settings, &request, sets, args, progress).await;
    }
    single(host, settings, &request, args, progress).await
}

fn request(host: &dyn Host, settings: &Settings, args: &BacktestArgs) -> Result<BacktestRequest, CliError> {
    let lookup = host.lookup();
    let instruments: Result<Vec<Instrument>, CliError> =
        args.symbols.iter().map(|symbol| language::instrument(symbol, lookup)).collect();
    Ok(BacktestRequest {
        strategy: args.strategy.clone(),
        data: args.data.as_deref().map(|data| bars_file(settings, data)).transpose()?,
        instruments: instruments?,
        from: args.from,
        until: args.until,
        params: args.params.iter().cloned().collect::<BTreeMap<_, _>>(),
        starting_cash: args.cash,
        check_lookahead: args.check_lookahead,
        interval: args.interval,
    })
}

/// The sets of parameters that are to be run: one where no parameter is a range.
pub(super) fn sets(args: &BacktestArgs) -> Result<Vec<BTreeMap<String, String>>, CliError> {
    let sets = sweep::sets(&args.params)?;
    let many = sets.len() > 1 || args.walk_forward.is_some();
    let files = [&args.trades, &args.equity, &args.decisions, &args.report, &args.svg];
    if many && (files.iter().any(|file| file.is_some()) || args.check_lookahead) {
        let text = "--trades, --equity, --decisions, --report, --svg and --check-lookahead are of one run, not of many";
        return Err(CliError::usage(text));
    }
    Ok(sets)
}

async fn single(
    host: &dyn Host,
    settings: &Settings,
    request: &BacktestRequest,
    args: &BacktestArgs,
    progress: &Progress,
) -> Result<Output, CliError> {
    let report = host.backtest(settings, request, progress).await?;
    if let Some(path) = &args.trades {
        let json = path.extension().is_some_and(|ending| ending == "json");
        let text = if json {
            crate::cli::output::to_json(&report.trades)? + "\n"
        } else {
            trades_csv(&report.trades)?
        };
        files::write_private(path, text.as_bytes(), args.force)?;
    }
    if let Some(path) = &args.equity {
        files::write_private(path, equity_csv(&report.equity)?.as_bytes(), args.force)?;
    }
    if let Some(path) = &args.decisions {
        let json = path.extension().is_some_and(|ending| ending == "json");
        let text = if json {
            crate::cli::output::to_json(&report.decisions)? + "\n"
        } else {
            decisions_csv(&report.decisions)?
        };
        files::write_private(path, text.as_bytes(), args.force)?;
    }
    if let Some(path) = &args.report {
        files::write_private(path, drawing::page(&report).as_bytes(), args.force)?;
    }
    if let Some(path) = &args.svg {
        files::write_private(path, drawing::svg(&report).as_bytes(), args.force)?;
    }
    Ok(Output::new(&report)?.table(totals(&report)).table(metrics(&report.metrics)))
}

fn totals(report: &BacktestReport) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)], "");
    let mut row = |name: &str, text: String| table.push(vec![name.into(), text.into()]);
    let params: Vec<String> = report.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let instruments: Vec<String> = report.instruments.iter().map(ToString::to_string).collect();
    let day = |at: Option<jiff::Timestamp>| {
        at.map_or_else(
            || format::NONE.to_owned(),
            |at| crate::domain::calendar::exchange_date(at).to_string(),
        )
    };
    row("strategy", format!("{} {}", report.strategy, params.join(" ")).trim_end().to_owned());
    row(
        "bars",
        format!(
            "{} of {} from {}",
            format::grouped(&report.bars.to_string()),
            instruments.join(" "),
            report.data
        ),
    );
    if let Some(ticks) = report.ticks {
        row("ticks", format::grouped(&ticks.to_string()));
    }
    row("time", format!("{} to {}", day(report.from), day(report.until)));
    row(
        "equity",
        format!("{} to {}", format::money(report.starting_cash), format::money(report.final_equity)),
    );
    if let Some((equity, drawdown)) = drawing::lines(&report.equity) {
        row("curve", equity);
        row("drawdown", drawdown);
    }
    if let Some(fall) = &report.deepest_fall {
        let back = fall.recovery.map_or_else(|| "not yet".to_owned(), |day| day.to_string());
        row("deepest fall", format!("{} to {}, recovered {back}", fall.peak, fall.trough));
    }
    if let Some(model) = report.option_prices {
        row("options", model.to_owned());
    }
    for warning in &report.warnings {
        row("warning", warning.clone());
    }
    if let Some(cuts) = report.lookahead_cuts {
        row("look ahead", format!("none: {cuts} cuts of the data changed nothing before them"));
    }
    row("orders", orders(report));
    row("trades", report.trades.len().to_string());
    row("fees", format::money(report.fees));
    row("slippage", format!("{}, in the prices of the fills", format::money(report.slippage)));
    row("fingerprint", report.fingerprint.clone());
    if report.elapsed_seconds > 0.0 {
        let (count, what) = report.ticks.map_or((report.bars, "bars"), |ticks| (ticks, "ticks"));
        let rate = count as f64 / report.elapsed_seconds;
        row("ran in", format!("{:.1} ms, {rate:.0} {what} a second", report.elapsed_seconds * 1e3));
    }
    table
}

/// How many there were, and of those that risk denied why.
pub(super) fn orders(report: &BacktestReport) -> String {
    let why: Vec<String> = report.denials.iter().map(|(code, count)| format!("{code} {count}")).collect();
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(", ")) };
    format!("{} ({} denied{why})", report.orders, report.denied)
}

pub(super) fn metrics(metrics: &[Metric]) -> Table {
    let columns = [("metric", Align::Left), ("value", Align::Point), ("convention", Align::Left)];
    let mut table = Table::new(&columns, "no metrics: there was nothing to measure");
    for metric in metrics {
        let name = metric.name.replace('_', " ");
        table.push(vec![
            name.into(),
            metric_text(metric.unit, metric.value).into(),
            metric.convention.into(),
        ]);
    }
    table
}

/// A metric as it is shown; a dash where it is not defined.
pub(super) fn metric_text(unit: MetricUnit, value: Option<f64>) -> String {
    let Some(value) = value else { return format::NONE.to_owned() };
    match unit {
        MetricUnit::Percent => format::figure(Some(value * 100.0), 2) + "%",
        MetricUnit::Ratio | MetricUnit::Money => format::figure(Some(value), 2),
        MetricUnit::Count | MetricUnit::Days => format::figure(Some(value), 0),
    }
}

fn trades_csv(trades: &[RoundTrip]) -> Result<String, CliError> {
    let header = [&TRADE[..], &["pnl_percent"]].concat();
    let row = |trade: &RoundTrip| {
        let (opened, closed) = ((trade.opened_at, trade.entry_price), (trade.closed_at, trade.exit_price));
        let cells = trade_cells(&trade.instrument, trade.quantity, opened, closed, (trade.fees, trade.pnl));
        let mut row = Vec::from(cells);
        row.push(trade.pnl_percent.map(canonical).unwrap_or_default());
        row
    };
    csv(&header, trades.iter().map(row))
}

fn decisions_csv(decisions: &[DecisionRecord]) -> Result<String, CliError> {
    let row = |decision: &DecisionRecord| {
        let symbol = decision.instrument.as_ref().map(Instrument::key).unwrap_or_default();
        vec![decision.at.to_string(), safe(&symbol), safe(&decision.code), safe(&decision.text)]
    };
    csv(&["at", "symbol", "code", "text"], decisions.iter().map(row))
}

fn equity_csv(points: &[EquityPoint]) -> Result<String, CliError> {
    let row = |point: &EquityPoint| {
        let figures = [point.equity, point.low, point.high].map(canonical);
        std::iter::once(point.date.to_string()).chain(figures).collect()
    };
    csv(&["date", "equity", "low", "high"], points.iter().map(row))
}
