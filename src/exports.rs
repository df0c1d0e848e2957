//! Bars that are written to a file: those that are complete, in the form that `import bars` and `backtest --data` read.

use arbion::cli::CliError;
use arbion::cli::imported::BarsToWrite;
use arbion::domain::quote::Bar;
use arbion::market::bar_builder::bar_end;
use arbion::market::bars_file::{Written, written};

/// The file, and how many bars are in it.
pub fn bars(of: &BarsToWrite<'_>) -> Result<(Vec<u8>, usize), CliError> {
    let complete: Vec<Bar> = of
        .bars
        .iter()
        .filter(|bar| bar_end(of.calendar, of.instrument, of.interval, bar) <= of.now)
        .copied()
        .collect();
    let form = if of.table { Written::Parquet } else { Written::Csv };
    let bytes =
        written(form, of.instrument, of.interval, &complete, of.calendar).map_err(CliError::internal)?;
    Ok((bytes, complete.len()))
}
