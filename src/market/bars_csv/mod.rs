//! Recorded bars from CSV: `symbol,date,open,high,low,close,volume[,adj_close]`, daily dates or RFC 3339 times.
//! Every error names file, line and field, what was found and what is allowed, on one line. Nothing is repaired or skipped.

mod doubts;
mod row;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::calendar::Calendar;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval};
use crate::domain::text::clean;

pub use doubts::doubts;
use row::{COLUMNS, Columns, Stamp};

/// The recorded bars that come with the program.
const SHIPPED: &str = include_str!("../../../assets/market/us-equities-daily.csv");
/// Largest file read, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Rows between two looks of whoever watches.
const WATCH_EVERY: u64 = 1_024;
/// Characters of what was found that an error shows.
const FOUND_LENGTH_MAX: usize = 40;
/// A day's or week's distance may differ by this much, in seconds, where clocks change between two rows.
const CLOCK_CHANGE: i64 = 3_600;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {field}: found '{found}', allowed: {allowed}", place(file, *line))]
pub struct BarsError {
    /// The file, as named by the user, without control characters.
    pub file: String,
    /// 1-based; the header is line 1. Zero when the file could not be read at all.
    pub line: u64,
    /// The column, or `file`, `header` or `row`.
    pub field: &'static str,
    /// What stands there, escaped and shortened.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
}

fn place(file: &str, line: u64) -> String {
    if line == 0 { file.to_owned() } else { format!("{file}:{line}") }
}

/// A bar with the adjusted close beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedBar {
    /// The prices, unadjusted.
    pub bar: Bar,
    /// When the bar is complete: nobody may see it before.
    pub end: Timestamp,
    /// The close adjusted for later splits and dividends, where the file has it.
    pub adjusted_close: Option<Decimal>,
}

/// Bars by instrument, each series by rising time, without gaps in columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedBars {
    /// The series.
    pub series: BTreeMap<Instrument, Vec<RecordedBar>>,
    /// Their width; `None` only while there are none.
    pub interval: Option<Interval>,
}

/// The recorded bars that come with the program.
///
/// # Errors
/// Never for the file as shipped; a test reads it.
pub fn shipped() -> Result<RecordedBars, BarsError> {
    parse("us-equities-daily.csv", SHIPPED, &Calendar::nyse())
}

/// Reads a file; the width of intraday bars is taken from the smallest distance between two rows.
///
/// # Errors
/// When it cannot be read, or a row is wrong.
pub fn load(path: &Path, calendar: &Calendar) -> Result<RecordedBars, BarsError> {
    load_as(path, calendar, None)
}

/// Reads a file of bars whose width is said.
///
/// # Errors
/// When it cannot be read, or a row is wrong, or rows are closer than the width.
pub fn load_as(
    path: &Path,
    calendar: &Calendar,
    interval: Option<Interval>,
) -> Result<RecordedBars, BarsError> {
    let text = read_text(path)?;
    parse_as(&path.display().to_string(), &text, calendar, interval)
}

/// Reads the text of a file of bars, without looking at its rows.
///
/// # Errors
/// When it cannot be read, is too large or no text.
pub fn read_text(path: &Path) -> Result<String, BarsError> {
    let name = path.display().to_string();
    let error = |line, field, found: &str, allowed: &str| error(&name, line, field, found, allowed);
    let unreadable = |problem: std::io::Error| error(0, "file", &problem.to_string(), "a readable CSV file");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // A device or a pipe has no length to ask for, so reading itself is what ends.
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(error(0, "file", "more than 256 MiB", "at most 256 MiB"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(problem) => {
            let (bytes, problem) = (problem.as_bytes(), problem.utf8_error());
            let good = &bytes[..problem.valid_up_to()];
            let line = good.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            let byte = bytes.get(good.len()).copied().unwrap_or_default();
            Err(error(line, "row", &format!("byte {byte:#04x}"), "text in UTF-8"))
        }
    }
}

/// Reads the text of a file.
///
/// # Errors
/// On the first row that is wrong.
pub fn parse(file: &str, text: &str, calendar: &Calendar) -> Result<RecordedBars, BarsError> {
    parse_as(file, text, calendar, None)
}

/// Reads the text of a file of bars whose width is said, or taken from the rows.
///
/// # Errors
/// On the first row that is wrong, and when the width cannot be told or does not fit.
pub fn parse_as(
    file: &str,
    text: &str,
    calendar: &Calendar,
    interval: Option<Interval>,
) -> Result<RecordedBars, BarsError> {
    // Nobody ends it.
    parse_watched(file, text, calendar, interval, &mut |_| true).map(Option::unwrap_or_default)
}

/// The same for whoever wants to see how far it is: `watch` is told of so many rows more, and whether it goes on is its answer. `None` where
/// it does not.
///
/// # Errors
/// As `parse_as`.
pub fn parse_watched(
    file: &str,
    text: &str,
    calendar: &Calendar,
    interval: Option<Interval>,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<RecordedBars>, BarsError> {
    let mut parser = Parser {
        file,
        line: 1,
        calendar,
        columns: COLUMNS.len(),
        series: BTreeMap::new(),
        form: None,
        closest: None,
    };
    let mut lines = text.lines();
    parser.header(lines.next().unwrap_or_default())?;
    for line in lines {
        parser.line += 1;
        if !line.is_empty() {
            parser.row(line)?;
        }
        if parser.line.is_multiple_of(WATCH_EVERY) && !watch(WATCH_EVERY) {
            return Ok(None);
        }
    }
    parser.finish(interval).map(Some)
}

/// How the rows of a file are stamped: all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Date,
    Time,
}

struct Parser<'a> {
    file: &'a str,
    line: u64,
    calendar: &'a Calendar,
    /// Columns of the header: 7 or 8.
    columns: usize,
    series: BTreeMap<Instrument, Vec<RecordedBar>>,
    form: Option<Form>,
    /// Smallest distance between two rows of a series, in seconds, and the line of the later one.
    closest: Option<(i64, u64)>,
}

fn error(file: &str, line: u64, field: &'static str, found: &str, allowed: &str) -> BarsError {
    let shown: String = found.chars().take(FOUND_LENGTH_MAX).flat_map(char::escape_default).collect();
    BarsError { file: clean(file).into_owned(), line, field, found: shown, allowed: allowed.to_owned() }
}

impl Parser<'_> {
    fn error(&self, field: &'static str, found: &str, allowed: &str) -> BarsError {
        error(self.file, self.line, field, found, allowed)
    }

    fn header(&mut self, line: &str) -> Result<(), BarsError> {
        let names: Vec<&str> = line.trim_start_matches('\u{feff}').split(',').map(row::trim).collect();
        self.columns = names.len();
        let whole = [COLUMNS.len() - 1, COLUMNS.len()].contains(&names.len());
        match names.iter().zip(COLUMNS).find(|(found, expect)| **found != *expect) {
            None if whole => Ok(()),
            Some((found, _)) if !COLUMNS.contains(found) => {
                Err(self.error("header", found, "symbol,date,open,high,low,close,volume[,adj_close]"))
            }
            _ => Err(self.error("header", line, "symbol,date,open,high,low,close,volume[,adj_close]")),
        }
    }

    fn row(&mut self, line: &str) -> Result<(), BarsError> {
        let cells: Vec<&str> = line.split(',').map(row::trim).collect();
        if cells.len() != self.columns {
            let allowed = format!("{} columns, as the header has", self.columns);
            return Err(self.error("row", line, &allowed));
        }
        let Columns { instrument, stamp, mut bar, adjusted_close } = row::read(&cells, self.calendar)
            .map_err(|(field, allowed)| {
                let place = COLUMNS.iter().position(|column| *column == field).unwrap_or_default();
                self.error(field, cells[place], allowed)
            })?;
        let (form, start, end) = match stamp {
            Stamp::Session(open, close) => (Form::Date, open, close),
            // The end follows from the width, which is known when all rows are.
            Stamp::Time(start) => (Form::Time, start, start),
        };
        if *self.form.get_or_insert(form) != form {
            let allowed = match form {
                Form::Time => "a date YYYY-MM-DD, as in the rows before",
                Form::Date => "an RFC 3339 time, as in the rows before",
            };
            return Err(self.error("date", cells[1], allowed));
        }
        bar.start = start;
        let last = self.series.get(&instrument).and_then(|series| series.last()).map(|last| last.bar.start);
        if let Some(last) = last {
            let distance = start.duration_since(last).as_secs();
            if distance <= 0 {
                return Err(self.error("date", cells[1], "later than the row before of the same symbol"));
            }
            if self.closest.is_none_or(|(closest, _)| distance < closest) {
                self.closest = Some((distance, self.line));
            }
        }
        self.series.entry(instrument).or_default().push(RecordedBar { bar, end, adjusted_close });
        Ok(())
    }

    fn finish(mut self, said: Option<Interval>) -> Result<RecordedBars, BarsError> {
        let interval = match self.form {
            None => return Err(self.error("file", "no rows", "at least one bar")),
            Some(Form::Date) if said.is_none_or(|said| said == Interval::Day1) => Interval::Day1,
            Some(Form::Date) => {
                return Err(self.error(
                    "date",
                    "dates without a time",
                    "RFC 3339 times for bars of this width",
                ));
            }
            Some(Form::Time) => self.width(said)?,
        };
        if self.form == Some(Form::Time) {
            let width = SignedDuration::from_secs(interval.seconds());
            for row in self.series.values_mut().flatten() {
                row.end = row.bar.start.checked_add(width).unwrap_or(Timestamp::MAX);
            }
        }
        Ok(RecordedBars { series: self.series, interval: Some(interval) })
    }

    /// The width of intraday rows. It is never guessed: a bar handed out too early would show a strategy the future.
    fn width(&mut self, said: Option<Interval>) -> Result<Interval, BarsError> {
        let near = |interval: Interval, seconds: i64| {
            let slack = if interval >= Interval::Day1 { CLOCK_CHANGE } else { 0 };
            (interval.seconds() - seconds).abs() <= slack
        };
        let Some((seconds, line)) = self.closest else {
            return said.ok_or_else(|| {
                self.error("date", "one row of a symbol", "two rows of a symbol, or bars of a named width")
            });
        };
        self.line = line;
        let found = format!("rows {seconds} s apart");
        match said {
            Some(said) if seconds >= said.seconds() || near(said, seconds) => Ok(said),
            Some(said) => {
                Err(self.error("date", &found, &format!("rows at least {} s apart", said.seconds())))
            }
            None => Interval::ALL.into_iter().find(|interval| near(*interval, seconds)).ok_or_else(|| {
                let allowed = "rows 60, 300, 900, 3600, 86400 or 604800 s apart, or bars of a named width";
                self.error("date", &found, allowed)
            }),
        }
    }
}

#[cfg(test)]
mod tests;
