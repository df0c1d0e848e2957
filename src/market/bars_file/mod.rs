//! Recorded bars of a file, CSV or Parquet: `symbol,date,open,high,low,close,volume[,adj_close]`, daily dates or RFC 3339 times.
//! Every error names file, row and column, what was found and what is allowed, on one line. Nothing is repaired or skipped.

mod doubts;
mod row;
mod stream;
mod write;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::calendar::Calendar;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval};

use super::cells::{Cells, Wrong, error};

pub use super::cells::BarsError;
pub use doubts::{Doubts, doubts, told};
use row::{COLUMNS, Columns, Stamp};
pub use stream::{Looked, Series, Stream, Survey, survey};

/// The recorded bars that come with the program.
const SHIPPED: &str = include_str!("../../../assets/market/us-equities-daily.csv");
/// Largest file that is kept, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bars that are held at a time at most.
const BARS_MAX: u64 = 5_000_000;
/// Rows between two looks of whoever watches.
const WATCH_EVERY: u64 = 1_024;
/// A day's or week's distance may differ by this much, in seconds, where clocks change between two rows.
const CLOCK_CHANGE: i64 = 3_600;
/// What the header must be.
const HEADER: &str = "symbol,date,open,high,low,close,volume[,adj_close]";

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
    load_watched(path, calendar, &mut |_| true).map(Option::unwrap_or_default)
}

/// The same for whoever wants to see how far it is: `watch` is told of so many rows more, and whether it goes on is its answer. `None` where
/// it does not.
///
/// # Errors
/// As `load`.
pub fn load_watched(
    path: &Path,
    calendar: &Calendar,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<RecordedBars>, BarsError> {
    gather(Reader::new(Cells::open(path)?, calendar)?, None, watch)
}

/// The same of a file's bytes, which were read already.
///
/// # Errors
/// As `load`.
pub fn load_bytes(
    path: &Path,
    bytes: &[u8],
    calendar: &Calendar,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<RecordedBars>, BarsError> {
    gather(Reader::new(Cells::bytes(&path.display().to_string(), bytes)?, calendar)?, None, watch)
}

/// How a file of bars is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As text.
    Csv,
    /// As a table.
    Parquet,
}

/// A file of the bars of one instrument, as it is read here.
///
/// # Errors
/// Never in practice; in words.
pub fn written(
    form: Written,
    instrument: &Instrument,
    interval: Interval,
    bars: &[Bar],
    calendar: &Calendar,
) -> Result<Vec<u8>, String> {
    match form {
        Written::Csv => Ok(write::text(instrument, interval, bars, calendar).into_bytes()),
        Written::Parquet => {
            write::table(instrument, interval, bars, calendar).map_err(|error| error.to_string())
        }
    }
}

/// The bytes of a file that is to be kept as it is.
///
/// # Errors
/// When it cannot be read, or is too large to be kept.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, BarsError> {
    let name = path.display().to_string();
    let wrong = |found: &str, allowed: &str| error(&name, (0, false), "file", found, allowed);
    let unreadable =
        |problem: std::io::Error| wrong(&problem.to_string(), "a readable file of CSV or Parquet");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // A device or a pipe has no length to ask for, so reading itself is what ends.
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(wrong("more than 256 MiB", "at most 256 MiB"));
    }
    Ok(bytes)
}

/// Rows that a file of such bytes may have: of a text its lines, of a table none, as only its end says so.
#[must_use]
pub fn rows_in(bytes: &[u8]) -> u64 {
    let is_text = std::str::from_utf8(bytes).is_ok();
    if is_text { bytes.iter().filter(|byte| **byte == b'\n').count() as u64 } else { 0 }
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
    let reader = Reader::new(Cells::text(file, text.as_bytes())?, calendar)?;
    // Nobody ends it.
    gather(reader, interval, &mut |_| true).map(Option::unwrap_or_default)
}

fn gather(
    mut reader: Reader<'_>,
    interval: Option<Interval>,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<RecordedBars>, BarsError> {
    let (mut series, mut rows) = (BTreeMap::<Instrument, Vec<RecordedBar>>::new(), 0);
    while let Some((instrument, bar)) = reader.next()? {
        match series.get_mut(&instrument) {
            Some(bars) => bars.push(bar),
            None => drop(series.insert(instrument, vec![bar])),
        }
        rows += 1;
        if rows > BARS_MAX {
            return Err(reader.cells.error(
                "file",
                "more than 5000000 rows",
                "at most 5000000 rows, where all are held",
            ));
        }
        if rows.is_multiple_of(WATCH_EVERY) && !watch(WATCH_EVERY) {
            return Ok(None);
        }
    }
    let interval = reader.interval(interval)?;
    if let Some(width) = reader.width_of(interval) {
        for row in series.values_mut().flatten() {
            row.end = row.bar.start.checked_add(width).unwrap_or(Timestamp::MAX);
        }
    }
    Ok(Some(RecordedBars { series, interval: Some(interval) }))
}

/// How the rows of a file are stamped: all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Date,
    Time,
}

/// What is known of the rows so far.
#[derive(Default)]
struct Seen {
    form: Option<Form>,
    /// Start of the newest row of each symbol.
    last: BTreeMap<Instrument, Timestamp>,
    /// Smallest distance between two rows of a series, in seconds, and the row of the later one.
    closest: Option<(i64, u64)>,
}

/// Reads bars row by row, each checked against those before it.
struct Reader<'a> {
    cells: Cells<'a>,
    calendar: &'a Calendar,
    /// The place of each of our columns among the file's.
    order: Vec<usize>,
    seen: Seen,
}

impl<'a> Reader<'a> {
    fn new(cells: Cells<'a>, calendar: &'a Calendar) -> Result<Self, BarsError> {
        let order = order_of(&cells)?;
        Ok(Self { cells, calendar, order, seen: Seen::default() })
    }

    /// The next bar. Where rows have times its end is its start until the width is known, which it is when all rows are.
    fn next(&mut self) -> Result<Option<(Instrument, RecordedBar)>, BarsError> {
        let Self { cells, calendar, order, seen } = self;
        let read = cells.read(|row| {
            let mut ordered = [""; COLUMNS.len()];
            for (slot, at) in ordered.iter_mut().zip(order.iter()) {
                *slot = row.get(*at).copied().unwrap_or_default();
            }
            seen.check(row::read(&ordered[..order.len()], calendar)?)
        })?;
        Ok(read.map(|(instrument, bar, distance)| {
            if let Some(distance) = distance
                && seen.closest.is_none_or(|(closest, _)| distance < closest)
            {
                seen.closest = Some((distance, cells.at()));
            }
            (instrument, bar)
        }))
    }

    /// The width of the bars, once every row was read.
    fn interval(&self, said: Option<Interval>) -> Result<Interval, BarsError> {
        match self.seen.form {
            None => Err(self.cells.error("file", "no rows", "at least one bar")),
            Some(Form::Date) if said.is_none_or(|said| said == Interval::Day1) => Ok(Interval::Day1),
            Some(Form::Date) => {
                let allowed = "RFC 3339 times for bars of this width";
                Err(self.cells.error("date", "dates without a time", allowed))
            }
            Some(Form::Time) => self.width(said),
        }
    }

    /// From start to end of a bar that has a time; dates are sessions, which know their own end.
    fn width_of(&self, interval: Interval) -> Option<SignedDuration> {
        (self.seen.form == Some(Form::Time)).then(|| SignedDuration::from_secs(interval.seconds()))
    }

    /// The width of intraday rows. It is never guessed: a bar handed out too early would show a strategy the future.
    fn width(&self, said: Option<Interval>) -> Result<Interval, BarsError> {
        let near = |interval: Interval, seconds: i64| {
            let slack = if interval >= Interval::Day1 { CLOCK_CHANGE } else { 0 };
            (interval.seconds() - seconds).abs() <= slack
        };
        let Some((seconds, line)) = self.seen.closest else {
            return said.ok_or_else(|| {
                let allowed = "two rows of a symbol, or bars of a named width";
                self.cells.error("date", "one row of a symbol", allowed)
            });
        };
        let found = format!("rows {seconds} s apart");
        match said {
            Some(said) if seconds >= said.seconds() || near(said, seconds) => Ok(said),
            Some(said) => {
                let allowed = format!("rows at least {} s apart", said.seconds());
                Err(self.cells.error_at(line, "date", &found, &allowed))
            }
            None => Interval::ALL.into_iter().find(|interval| near(*interval, seconds)).ok_or_else(|| {
                let allowed = "rows 60, 300, 900, 3600, 86400 or 604800 s apart, or bars of a named width";
                self.cells.error_at(line, "date", &found, allowed)
            }),
        }
    }
}

impl Seen {
    /// Is the row stamped as those before, and later than the one before of its symbol. The distance of the two comes with it, in seconds.
    fn check(&mut self, columns: Columns) -> Result<(Instrument, RecordedBar, Option<i64>), Wrong> {
        let Columns { instrument, stamp, mut bar, adjusted_close } = columns;
        let (form, start, end) = match stamp {
            Stamp::Session(open, close) => (Form::Date, open, close),
            Stamp::Time(start) => (Form::Time, start, start),
        };
        if *self.form.get_or_insert(form) != form {
            let allowed = match form {
                Form::Time => "a date YYYY-MM-DD, as in the rows before",
                Form::Date => "an RFC 3339 time, as in the rows before",
            };
            return Err(("date", allowed));
        }
        bar.start = start;
        let distance = match self.last.get_mut(&instrument) {
            None => {
                self.last.insert(instrument.clone(), start);
                None
            }
            Some(last) => Some(start.duration_since(std::mem::replace(last, start)).as_secs()),
        };
        if distance.is_some_and(|distance| distance <= 0) {
            return Err(("date", "later than the row before of the same symbol"));
        }
        Ok((instrument, RecordedBar { bar, end, adjusted_close }, distance))
    }
}

/// Where our columns are in a file. A text has them in their order; a table has names for them.
fn order_of(cells: &Cells<'_>) -> Result<Vec<usize>, BarsError> {
    let names = cells.header();
    let at = |column: &str| names.iter().position(|name| name == column);
    let needed = &COLUMNS[..COLUMNS.len() - 1];
    let stray = names.iter().find(|name| !COLUMNS.contains(&name.as_str()));
    if let Some(stray) = stray {
        return Err(cells.error("header", stray, HEADER));
    }
    let order: Vec<usize> = COLUMNS.iter().filter_map(|column| at(column)).collect();
    let whole = needed.iter().all(|column| at(column).is_some()) && order.len() == names.len();
    if !whole || (!cells.is_table() && !order.is_sorted()) {
        return Err(cells.error("header", &names.join(","), HEADER));
    }
    Ok(order)
}

#[cfg(test)]
mod tests;
