//! Reading in files: bars, checked row by row, and kept in the profile.

use super::Context;
use crate::cli::args::{ImportBarsArgs, ImportCommand};
use crate::cli::error::CliError;
use crate::cli::host::{Host, Settings};
use crate::cli::imported::ImportRequest;
use crate::cli::output::{Output, format};
use crate::client::progress::Progress;
use crate::domain::calendar::exchange_date;

/// The name of the bars that come with the program: nothing else is called so.
const SHIPPED: &str = "shipped";

pub(super) async fn run(context: &mut Context<'_>, command: &ImportCommand) -> Result<Output, CliError> {
    let ImportCommand::Bars(args) = command;
    let settings = context.settings(true)?;
    bars(context.host, &settings, args, &Progress::default()).await
}

/// The name that bars are kept under.
///
/// # Errors
/// When it is none, or that of the bars that come with the program.
pub(super) fn name(args: &ImportBarsArgs) -> Result<String, CliError> {
    let own = || args.file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    let name =
        args.name.clone().or_else(own).ok_or_else(|| CliError::usage("--name is needed for this file"))?;
    if name == SHIPPED {
        return Err(CliError::usage(
            "the bars that come with the program are called shipped; give another --name",
        ));
    }
    Ok(name)
}

pub(super) async fn bars(
    host: &dyn Host,
    settings: &Settings,
    args: &ImportBarsArgs,
    progress: &Progress,
) -> Result<Output, CliError> {
    let request = ImportRequest { file: args.file.clone(), name: name(args)?, overwrite: args.force };
    let report = host.import_bars(settings, &request, progress).await?;
    let count = format::grouped(&report.bars.to_string());
    let width = report.interval.map(|interval| format!(" of {interval}")).unwrap_or_default();
    let symbols: Vec<String> = report.instruments.iter().map(ToString::to_string).collect();
    let mut output = Output::new(&report)?
        .line(format!("{count} bars{width} are kept as {}", report.name))
        .line(format!("symbols: {}", symbols.join(" ")));
    if let (Some(from), Some(until)) = (report.from, report.until) {
        output = output.line(format!("from {} to {}", exchange_date(from), exchange_date(until)));
    }
    for warning in &report.warnings {
        output = output.line(format!("warning: {warning}"));
    }
    Ok(output.line(format!("run a strategy over them: backtest sma_cross --data {}", report.name)))
}
