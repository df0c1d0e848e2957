//! Bars that are not held: a file is looked through once, every row of it checked, and then read again from its beginning while it is run.
//! What is held does not grow with its rows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::domain::calendar::Calendar;
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;
use crate::market::cells::{Cells, Mark};

use super::doubts::{Doubts, told};
use super::{BarsError, Form, Reader, RecordedBar, WATCH_EVERY};

/// Series that are read side by side at most: each is a file of its own that is open.
const SERIES_MAX: usize = 64;

/// What a file has of one instrument, of the rows that are wanted.
#[derive(Clone, Debug)]
pub struct Series {
    /// Bars.
    pub count: u64,
    /// The first of them.
    pub first: RecordedBar,
    /// The last of them.
    pub last: RecordedBar,
    /// Where its first row is, wanted or not.
    mark: Mark,
}

/// How the rows of a file lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// By time, whatever the symbol.
    ByTime,
    /// One symbol after the other.
    BySymbol,
}

/// A file whose every row was checked and none is held.
#[derive(Clone, Debug)]
pub struct Survey {
    path: PathBuf,
    /// The width of its bars.
    pub interval: Interval,
    /// What is wanted of it, by instrument; empty where nothing is.
    pub series: BTreeMap<Instrument, Series>,
    /// What looks wrong in it, for the user.
    pub doubts: Vec<String>,
    layout: Layout,
}

/// What a look through a file has come to.
#[derive(Clone, Debug)]
pub enum Looked {
    /// It can be read as it is run.
    Streams(Box<Survey>),
    /// All of it must be at hand: it has days, or adjusted closes, or lies neither by time nor by symbol.
    Held,
    /// Whoever watched ended it.
    Ended,
}

/// What is known of one instrument's rows so far.
struct Found {
    mark: Mark,
    count: u64,
    ends: Option<(RecordedBar, RecordedBar)>,
    doubts: Doubts,
}

impl Found {
    fn add(&mut self, instrument: &Instrument, row: RecordedBar, calendar: &Calendar) {
        self.count += 1;
        let first = match self.ends {
            None => row,
            Some((first, last)) => {
                self.doubts.pair(instrument, &last, &row, calendar);
                first
            }
        };
        self.ends = Some((first, row));
    }
}

/// Looks through a file. `wanted` says of which bars; every row is checked all the same. `watch` is told of so many rows more, and whether it
/// goes on is its answer.
///
/// # Errors
/// When it cannot be read, or a row is wrong.
pub fn survey(
    path: &Path,
    calendar: &Calendar,
    wanted: &dyn Fn(&Instrument, Timestamp) -> bool,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Looked, BarsError> {
    let mut reader = Reader::new(Cells::open(path)?, calendar)?;
    let mut found: BTreeMap<Instrument, Found> = BTreeMap::new();
    let (mut by_time, mut by_symbol, mut rows) = (true, true, 0_u64);
    let mut before: Option<(Instrument, Timestamp)> = None;
    loop {
        let mark = reader.cells.mark();
        let Some((instrument, row)) = reader.next()? else { break };
        if let Some((last, at)) = &before {
            by_time &= row.bar.start >= *at;
            by_symbol &= *last == instrument || !found.contains_key(&instrument);
        }
        let is_session = reader.seen.form == Some(Form::Date);
        if is_session || row.adjusted_close.is_some() || !(by_time || by_symbol) {
            return Ok(Looked::Held);
        }
        let fresh = || Found { mark, count: 0, ends: None, doubts: Doubts::default() };
        let of = found.entry(instrument.clone()).or_insert_with(fresh);
        if wanted(&instrument, row.bar.start) {
            of.add(&instrument, row, calendar);
        }
        before = Some((instrument, row.bar.start));
        rows += 1;
        if rows.is_multiple_of(WATCH_EVERY) && !watch(WATCH_EVERY) {
            return Ok(Looked::Ended);
        }
    }
    let interval = reader.interval(None)?;
    let width = reader.width_of(interval).unwrap_or_default();
    if !by_time && found.len() > SERIES_MAX {
        return Ok(Looked::Held);
    }
    let (mut series, mut doubts) = (BTreeMap::new(), Vec::new());
    for (instrument, Found { mark, count, ends, doubts: of }) in found {
        let Some((first, last)) = ends else { continue };
        doubts.extend(of.lines(&instrument, Some(interval)));
        let ended = |row: RecordedBar| RecordedBar { end: end_of(&row, width), ..row };
        series.insert(instrument, Series { count, first: ended(first), last: ended(last), mark });
    }
    let layout = if by_time { Layout::ByTime } else { Layout::BySymbol };
    let survey = Survey { path: path.to_owned(), interval, series, doubts: told(doubts), layout };
    Ok(Looked::Streams(Box::new(survey)))
}

fn end_of(row: &RecordedBar, width: SignedDuration) -> Timestamp {
    row.bar.start.checked_add(width).unwrap_or(Timestamp::MAX)
}

impl Survey {
    /// Its bars by rising end, then by instrument: those that were wanted.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub fn stream<'a>(
        &'a self,
        calendar: &'a Calendar,
        wanted: &'a dyn Fn(&Instrument, Timestamp) -> bool,
    ) -> Result<Stream<'a>, BarsError> {
        let width = SignedDuration::from_secs(self.interval.seconds());
        let cursor = |of: Option<&Instrument>, mark: Option<Mark>| -> Result<Cursor<'a>, BarsError> {
            let cells = match mark {
                None => Cells::open(&self.path)?,
                Some(mark) => Cells::reopen(&self.path, mark)?,
            };
            let reader = Reader::new(cells, calendar)?;
            let mut cursor = Cursor { reader, of: of.cloned(), width, wanted, head: None };
            cursor.advance()?;
            Ok(cursor)
        };
        let cursors = match self.layout {
            Layout::ByTime => vec![cursor(None, None)?],
            Layout::BySymbol => self
                .series
                .iter()
                .map(|(instrument, series)| cursor(Some(instrument), Some(series.mark)))
                .collect::<Result<_, _>>()?,
        };
        let mut stream = Stream { cursors, heads: BinaryHeap::new(), ready: Vec::new() };
        for index in 0..stream.cursors.len() {
            stream.put(index);
        }
        Ok(stream)
    }
}

/// One reading of the file.
struct Cursor<'a> {
    reader: Reader<'a>,
    /// Of this instrument alone, whose rows lie together.
    of: Option<Instrument>,
    width: SignedDuration,
    wanted: &'a dyn Fn(&Instrument, Timestamp) -> bool,
    head: Option<(Instrument, RecordedBar)>,
}

impl Cursor<'_> {
    fn advance(&mut self) -> Result<(), BarsError> {
        self.head = None;
        while let Some((instrument, row)) = self.reader.next()? {
            if self.of.as_ref().is_some_and(|of| *of != instrument) {
                return Ok(());
            }
            if (self.wanted)(&instrument, row.bar.start) {
                self.head = Some((instrument, RecordedBar { end: end_of(&row, self.width), ..row }));
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Bars as they are read.
pub struct Stream<'a> {
    cursors: Vec<Cursor<'a>>,
    /// The end of each reading's next bar, soonest first.
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Those of one instant, the last first.
    ready: Vec<(Instrument, RecordedBar)>,
}

impl Stream<'_> {
    fn put(&mut self, index: usize) {
        if let Some((_, row)) = &self.cursors[index].head {
            self.heads.push(Reverse((row.end, index)));
        }
    }

    /// Gathers all bars of the next instant: what a file has in another order comes by instrument.
    fn gather(&mut self) -> Result<(), BarsError> {
        let Some(Reverse((at, _))) = self.heads.peek().copied() else { return Ok(()) };
        while let Some(Reverse((end, index))) = self.heads.peek().copied()
            && end == at
        {
            self.heads.pop();
            let cursor = &mut self.cursors[index];
            self.ready.extend(cursor.head.take());
            cursor.advance()?;
            self.put(index);
        }
        self.ready.sort_by(|a, b| b.0.cmp(&a.0));
        Ok(())
    }
}

impl Iterator for Stream<'_> {
    type Item = Result<(Instrument, RecordedBar), BarsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && let Err(error) = self.gather()
        {
            self.heads.clear();
            return Some(Err(error));
        }
        self.ready.pop().map(Ok)
    }
}
