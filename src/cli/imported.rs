//! Bars that were read in: what is asked, what came of it, and where they are kept.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::error::CliError;
use super::host::Settings;
use crate::config::ProfileFiles;
use crate::domain::calendar::Calendar;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval};

/// A file of bars to be read in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRequest {
    /// The file.
    pub file: PathBuf,
    /// The name they are kept under.
    pub name: String,
    /// Bars of that name may be overwritten.
    pub overwrite: bool,
}

/// Bars that are to be written to a file.
#[derive(Clone, Copy, Debug)]
pub struct BarsToWrite<'a> {
    /// Whose.
    pub instrument: &'a Instrument,
    /// Their width.
    pub interval: Interval,
    /// Oldest first. One that is not complete yet is not written.
    pub bars: &'a [Bar],
    /// The clock that says what is complete.
    pub now: Timestamp,
    /// The exchange's days, which say when a day's bar ends.
    pub calendar: &'a Calendar,
    /// As a Parquet file, else as CSV.
    pub table: bool,
}

/// Bars that were read in, every row of them checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The name they are kept under.
    pub name: String,
    /// The file they are kept in.
    pub file: String,
    /// Of these.
    pub instruments: Vec<Instrument>,
    /// Their width.
    pub interval: Option<Interval>,
    /// Start of the first bar.
    pub from: Option<Timestamp>,
    /// Start of the last bar.
    pub until: Option<Timestamp>,
    /// How many.
    pub bars: u64,
    /// What looks wrong in them: missing days, prices that jump as at a split that they are not adjusted for.
    pub warnings: Vec<String>,
}

/// The file that is meant where a file of bars is named: one that there is or that is called so, else the imported bars of that name.
///
/// # Errors
/// Where it looks like a name and nothing is kept under it, with the names there are.
pub fn bars_file(settings: &Settings, named: &Path) -> Result<PathBuf, CliError> {
    let is_name =
        |name: &&str| !name.contains(['/', '\\']) && !name.ends_with(".csv") && !name.ends_with(".parquet");
    let name = named.to_str().filter(is_name);
    let Some(name) = name.filter(|_| !named.exists()) else { return Ok(named.to_path_buf()) };
    let files = ProfileFiles::of(&settings.paths.profile_dir(&settings.profile));
    if let Some(path) = files.bars(name) {
        return Ok(path);
    }
    let kept = match files.bars_names().as_slice() {
        [] => "none are imported yet, see: arbion import bars --help".to_owned(),
        names => format!("imported are {}", names.join(", ")),
    };
    let shown = crate::domain::text::clean(name);
    Err(CliError::usage(format!("no file and no imported bars are called '{shown}'; {kept}")))
}
