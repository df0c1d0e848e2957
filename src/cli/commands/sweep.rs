//! A strategy over recorded bars, once for each of many sets of parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use rust_decimal::Decimal;
use tokio::time::Instant;

use super::Context;
use super::backtest::metric_text;
use crate::cli::args::BacktestArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::host::{BacktestRequest, Host, Settings, SweepReport, SweepRow};
use crate::cli::output::{Align, Output, Table, format};
use crate::client::progress::Progress;

/// Sets of one sweep at most.
const SETS_MAX: usize = 100_000;
/// How often a person is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// Metrics shown beside the one that rows are ranked by.
const SHOWN: [&str; 4] = ["total_return", "sharpe", "max_drawdown", "trades"];

/// The sets that ranges among the parameters ask for, all combinations of them, in order; one set without any range.
///
/// # Errors
/// When a range cannot be read, or there are too many sets.
pub(super) fn sets(params: &[(String, String)]) -> Result<Vec<BTreeMap<String, String>>, CliError> {
    let mut sets = vec![BTreeMap::new()];
    for (name, text) in params {
        let values = match range(text) {
            None => vec![text.clone()],
            Some(values) => values.map_err(|allowed| {
                CliError::usage(format!("--set {name}: found '{text}', allowed {allowed}"))
            })?,
        };
        if sets.len().saturating_mul(values.len()) > SETS_MAX {
            return Err(CliError::usage(format!(
                "more than {SETS_MAX} sets of parameters; take larger steps"
            )));
        }
        let with = |set: &BTreeMap<String, String>, value: &String| {
            let mut set = set.clone();
            set.insert(name.clone(), value.clone());
            set
        };
        sets = sets.iter().flat_map(|set| values.iter().map(move |value| with(set, value))).collect();
    }
    Ok(sets)
}

/// The values of `FROM..TO:STEP`, both ends among them; `None` when the text is no range.
fn range(text: &str) -> Option<Result<Vec<String>, String>> {
    let (from, rest) = text.split_once("..")?;
    let (to, step) = rest.split_once(':').unwrap_or((rest, "1"));
    let number = |text: &str| Decimal::from_str_exact(text).ok();
    let (Some(from), Some(to), Some(step)) = (number(from), number(to), number(step)) else {
        return Some(Err("FROM..TO:STEP with three numbers, such as 5..50:5".to_owned()));
    };
    if step <= Decimal::ZERO || to < from {
        return Some(Err("a step above 0, and an end that is not below the start".to_owned()));
    }
    if (to - from) / step >= Decimal::from(SETS_MAX) {
        return Some(Err(format!("{SETS_MAX} values at most")));
    }
    let mut values = Vec::new();
    let mut value = from;
    while value <= to {
        values.push(value.normalize().to_string());
        value += step;
    }
    Some(Ok(values))
}

/// Runs them all, says how far it is where a person looks, and keeps what is done when it is interrupted.
pub(super) async fn run(
    context: &mut Context<'_>,
    settings: &Settings,
    request: &BacktestRequest,
    sets: Vec<BTreeMap<String, String>>,
    args: &BacktestArgs,
) -> Result<Output, CliError> {
    let control = Progress::default();
    let asked = sets.len();
    let began = Instant::now();
    let running = context.host.sweep(settings, request, sets, &control);
    let report = watched(context.console, Some(asked), &control, running).await?;
    if context.console.can_ask && began.elapsed() > TELL_EVERY {
        writeln!(context.console.err, "\r{}", progress(report.rows.len(), asked, began.elapsed()))?;
    }
    answer(report, args)
}

/// Waits for something long: says how far it is where a person looks, and lets it end early when it is interrupted.
pub(super) async fn watched<T>(
    console: &mut Console,
    asked: Option<usize>,
    control: &Progress,
    running: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    tokio::pin!(running);
    let began = Instant::now();
    let mut ticks = tokio::time::interval(TELL_EVERY);
    ticks.tick().await;
    let tells = console.can_ask;
    loop {
        tokio::select! {
            biased;
            report = &mut running => return report,
            interrupted = tokio::signal::ctrl_c(), if !control.ends() => {
                interrupted.map_err(|error| CliError::internal(error.to_string()))?;
                control.end();
            }
            _ = ticks.tick(), if tells => {
                let asked = asked.unwrap_or_else(|| control.total() as usize);
                let line = progress(control.done() as usize, asked, began.elapsed());
                write!(console.err, "\r{line}")?;
                console.err.flush()?;
            }
        }
    }
}

/// The same for whoever looks at the progress himself.
pub(super) async fn quietly(
    host: &dyn Host,
    settings: &Settings,
    request: &BacktestRequest,
    sets: Vec<BTreeMap<String, String>>,
    args: &BacktestArgs,
    progress: &Progress,
) -> Result<Output, CliError> {
    answer(host.sweep(settings, request, sets, progress).await?, args)
}

fn progress(done: usize, asked: usize, took: Duration) -> String {
    let rate = done as f64 / took.as_secs_f64().max(1e-9);
    let left = asked.saturating_sub(done) as f64 / rate.max(1e-9);
    let left = if done == 0 { format::NONE.to_owned() } else { format!("{left:.0} s") };
    // Blanks behind it cover what was longer before.
    format!("{done} of {asked}, {rate:.0} a second, {left} left; Ctrl-C keeps what is done    ")
}

fn answer(mut report: SweepReport, args: &BacktestArgs) -> Result<Output, CliError> {
    if report.rows.is_empty() {
        return Err(CliError::usage("it was ended before the first run was done"));
    }
    let rank = args.rank.as_str();
    let known: Vec<&str> = report.rows[0].metrics.iter().map(|metric| metric.name).collect();
    if !known.contains(&rank) {
        return Err(CliError::usage(format!("--rank: found '{rank}', allowed {}", known.join(", "))));
    }
    let value = |row: &SweepRow| {
        let metric = row.metrics.iter().find(|metric| metric.name == rank);
        metric.and_then(|metric| metric.value).unwrap_or(f64::NEG_INFINITY)
    };
    // Equal ones stay in the order in which they were asked for.
    report.rows.sort_by(|a, b| value(b).total_cmp(&value(a)));
    Ok(Output::new(&report)?.table(totals(&report)).table(rows(&report, rank, args.top)))
}

fn totals(report: &SweepReport) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)], "");
    let mut row = |name: &str, text: String| table.push(vec![name.into(), text.into()]);
    let instruments: Vec<String> = report.instruments.iter().map(ToString::to_string).collect();
    let done = report.rows.len();
    row("strategy", report.strategy.clone());
    row(
        "bars",
        format!(
            "{} of {} from {}",
            format::grouped(&report.bars.to_string()),
            instruments.join(" "),
            report.data
        ),
    );
    row(
        "runs",
        if done == report.asked {
            done.to_string()
        } else {
            format!("{done} of {}, ended early", report.asked)
        },
    );
    if report.elapsed_seconds > 0.0 {
        let rate = report.bars as f64 * done as f64 / report.elapsed_seconds;
        row("ran in", format!("{:.2} s, {:.0} bars a second", report.elapsed_seconds, rate));
    }
    table
}

fn rows(report: &SweepReport, rank: &str, top: usize) -> Table {
    let first = &report.rows[0];
    // Only what differs tells the rows apart.
    let names: Vec<&String> = first
        .params
        .iter()
        .filter(|(name, value)| report.rows.iter().any(|row| row.params.get(*name) != Some(value)))
        .map(|(name, _)| name)
        .collect();
    let mut metrics = vec![rank];
    metrics.extend(SHOWN.iter().copied().filter(|name| *name != rank));
    let titles =
        names.iter().map(|name| (*name).clone()).chain(metrics.iter().map(|name| name.replace('_', " ")));
    let columns = titles.chain(["equity".to_owned()]).map(|title| (Cow::Owned(title), Align::Point));
    let mut table = Table::titled(columns, "");
    for row in report.rows.iter().take(top) {
        let params = names.iter().map(|name| row.params.get(*name).cloned().unwrap_or_default().into());
        let figures = metrics.iter().map(|name| {
            let metric = row.metrics.iter().find(|metric| metric.name == *name);
            metric.map_or_else(|| format::NONE.to_owned(), |m| metric_text(m.unit, m.value)).into()
        });
        table.push(params.chain(figures).chain([format::money(row.final_equity).into()]).collect());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let text = |set: &BTreeMap<String, String>| {
            set.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        sets(&pairs).map(|sets| sets.iter().map(text).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn ranges_make_every_combination() {
        assert_eq!(of(&[]).unwrap(), [""]);
        assert_eq!(of(&[("fast", "10")]).unwrap(), ["fast=10"]);
        assert_eq!(
            of(&[("fast", "5..10:5"), ("slow", "20"), ("weight", "0.5..1:0.25")]).unwrap(),
            [
                "fast=5 slow=20 weight=0.5",
                "fast=5 slow=20 weight=0.75",
                "fast=5 slow=20 weight=1",
                "fast=10 slow=20 weight=0.5",
                "fast=10 slow=20 weight=0.75",
                "fast=10 slow=20 weight=1",
            ]
        );
        assert_eq!(of(&[("n", "1..3")]).unwrap().len(), 3);
    }

    #[test]
    fn ranges_that_cannot_be_are_named() {
        assert_eq!(
            of(&[("fast", "5..x")]).unwrap_err(),
            "--set fast: found '5..x', allowed FROM..TO:STEP with three numbers, such as 5..50:5"
        );
        assert_eq!(
            of(&[("fast", "5..1")]).unwrap_err(),
            "--set fast: found '5..1', allowed a step above 0, and an end that is not below the start"
        );
        assert_eq!(
            of(&[("fast", "1..1000000")]).unwrap_err(),
            "--set fast: found '1..1000000', allowed 100000 values at most"
        );
        assert!(of(&[("a", "1..1000"), ("b", "1..1000")]).unwrap_err().starts_with("more than 100000 sets"));
    }

    #[test]
    fn progress_says_rate_and_time_left() {
        let said = progress(50, 200, Duration::from_secs(2));
        assert!(said.starts_with("50 of 200, 25 a second, 6 s left"), "{said}");
        assert!(progress(0, 200, Duration::ZERO).contains("– left"));
    }
}
