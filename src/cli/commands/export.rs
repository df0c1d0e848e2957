//! Writing bars to a file.

use std::path::Path;

use serde_json::json;

use crate::cli::args::ExportBarsArgs;
use crate::cli::error::CliError;
use crate::cli::host::Host;
use crate::cli::imported::BarsToWrite;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::{Output, format};
use crate::client::{Reply, Request};
use crate::config::files;

/// Does a file's name say that it is a table.
fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "parquet")
}

/// The complete bars as a file, and how many they are.
pub(super) async fn bars_of(
    line: &Line<'_>,
    host: &dyn Host,
    args: &ExportBarsArgs,
) -> Result<(Vec<u8>, usize), CliError> {
    let instrument = language::instrument(&args.symbol, line.lookup)?;
    let snapshot = line.snapshot().await?;
    let request =
        Request::Bars { instrument: instrument.clone(), interval: args.interval, limit: args.limit };
    let Reply::Bars(bars) = line.ask(request).await? else {
        return Err(CliError::unexpected("bars"));
    };
    let (bytes, count) = host.bars_file(&BarsToWrite {
        instrument: &instrument,
        interval: args.interval,
        bars: &bars,
        now: snapshot.now,
        calendar: &snapshot.market.calendar,
        table: is_table(&args.to),
    })?;
    if count == 0 {
        return Err(CliError::usage(format!("there is no complete bar of {instrument}; nothing is written")));
    }
    Ok((bytes, count))
}

pub(super) async fn bars(
    line: &Line<'_>,
    host: &dyn Host,
    args: &ExportBarsArgs,
) -> Result<Output, CliError> {
    let (bytes, count) = bars_of(line, host, args).await?;
    if args.to.as_os_str() == "-" {
        let text = String::from_utf8(bytes).map_err(|error| CliError::internal(error.to_string()))?;
        return Ok(Output::new(&json!({ "bars": count, "csv": text }))?.lines(&text));
    }
    files::write_private(&args.to, &bytes, args.force)?;
    let path = args.to.display().to_string();
    let output = Output::new(&json!({ "file": path, "bars": count }))?;
    Ok(output.line(format!("{} bars in {path}", format::grouped(&count.to_string()))))
}
