//! A strategy over windows that its parameters were not chosen on.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Context;
use super::backtest::metrics;
use super::sweep::watched;
use crate::cli::args::BacktestArgs;
use crate::cli::error::CliError;
use crate::cli::host::{BacktestRequest, Host, Settings, WalkReport, Windows};
use crate::cli::output::{Align, Output, Table, format};
use crate::client::progress::Progress;

/// Runs it, says how far it is where a person looks, and keeps what is done when it is interrupted.
pub(super) async fn run(
    context: &mut Context<'_>,
    settings: &Settings,
    request: &BacktestRequest,
    (sets, windows): (Vec<BTreeMap<String, String>>, Windows),
    args: &BacktestArgs,
) -> Result<Output, CliError> {
    let control = Progress::default();
    let wanted = (windows, args.rank.clone());
    let running = context.host.walk_forward(settings, request, sets, wanted, &control);
    answer(&watched(context.console, None, &control, running).await?)
}

/// The same for whoever looks at the progress himself.
pub(super) async fn quietly(
    host: &dyn Host,
    settings: &Settings,
    request: &BacktestRequest,
    (sets, windows): (Vec<BTreeMap<String, String>>, Windows),
    args: &BacktestArgs,
    progress: &Progress,
) -> Result<Output, CliError> {
    answer(&host.walk_forward(settings, request, sets, (windows, args.rank.clone()), progress).await?)
}

fn answer(report: &WalkReport) -> Result<Output, CliError> {
    if report.rows.is_empty() {
        return Err(CliError::usage("it was ended before the first window was done"));
    }
    Ok(Output::new(report)?.table(totals(report)).table(rows(report)).table(metrics(&report.metrics)))
}

fn totals(report: &WalkReport) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)], "");
    let mut row = |name: &str, text: String| table.push(vec![name.into(), text.into()]);
    let instruments: Vec<String> = report.instruments.iter().map(ToString::to_string).collect();
    let done = report.rows.len();
    row("strategy", report.strategy.clone());
    row("bars", format!("of {} from {}", instruments.join(" "), report.data));
    row(
        "windows",
        if done == report.asked {
            done.to_string()
        } else {
            format!("{done} of {}, ended early", report.asked)
        },
    );
    row("sets", format!("{} in each window, the best by {}", report.sets, report.rank.replace('_', " ")));
    row("ran in", format!("{:.2} s", report.elapsed_seconds));
    table
}

fn rows(report: &WalkReport) -> Table {
    // Only what differs tells the sets apart.
    let first = report.rows.first().map(|row| row.params.clone()).unwrap_or_default();
    let differs = |name: &&String| report.rows.iter().any(|row| row.params.get(*name) != first.get(*name));
    let names: Vec<&String> = first.keys().filter(differs).collect();
    let rank = report.rank.replace('_', " ");
    let titles = ["train from", "test from", "until"].map(|title| (Cow::Borrowed(title), Align::Left));
    let params = names.iter().map(|name| (Cow::Owned((*name).clone()), Align::Point));
    let figures = [format!("trained {rank}"), format!("tested {rank}"), "test".to_owned(), "held".to_owned()];
    let figures = figures.map(|title| (Cow::Owned(title), Align::Point));
    let mut table = Table::titled(titles.into_iter().chain(params).chain(figures), "");
    let percent = |value: Option<f64>| match value {
        Some(value) => format::figure(Some(value * 100.0), 2) + "%",
        None => format::NONE.to_owned(),
    };
    for row in &report.rows {
        let days = [row.train_from, row.test_from, row.test_until].map(|day| day.to_string().into());
        let set = names.iter().map(|name| row.params.get(*name).cloned().unwrap_or_default().into());
        let figures = [
            format::figure(row.trained, 2),
            format::figure(row.tested, 2),
            percent(Some(row.test_return)),
            percent(row.held_return),
        ];
        table.push(days.into_iter().chain(set).chain(figures.map(Into::into)).collect());
    }
    table
}
