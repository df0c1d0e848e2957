//! Recorded bars from CSV: `symbol,date,open,high,low,close,volume[,adj_close]`, daily dates or RFC 3339 times.
//! Every error names file, line and field, what was found and what is allowed.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, parse_decimal};
use crate::domain::quote::{Bar, Interval};

/// Columns, in order.
const COLUMNS: [&str; 8] = ["symbol", "date", "open", "high", "low", "close", "volume", "adj_close"];
/// The recorded bars that come with the program.
const SHIPPED: &str = include_str!("../../assets/market/us-equities-daily.csv");

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {field}: found '{found}', allowed: {allowed}")]
pub struct BarsError {
    /// The file, as named by the user.
    pub file: String,
    /// 1-based; the header is line 1.
    pub line: u64,
    /// The column.
    pub field: &'static str,
    /// What stands there, escaped and shortened.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
}

/// A bar with the adjusted close beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedBar {
    /// The prices, unadjusted.
    pub bar: Bar,
    /// When the bar is complete.
    pub end: Timestamp,
    /// The close adjusted for later splits and dividends, where the file has it.
    pub adjusted_close: Option<Decimal>,
}

/// Bars by instrument, each series by rising time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedBars {
    /// The series.
    pub series: BTreeMap<Instrument, Vec<RecordedBar>>,
    /// Their width.
    pub interval: Option<Interval>,
}

/// The recorded bars that come with the program.
///
/// # Errors
/// Never for the file as shipped; a test reads it.
pub fn shipped() -> Result<RecordedBars, BarsError> {
    parse("us-equities-daily.csv", SHIPPED, &Calendar::nyse())
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read, or a row is wrong.
pub fn load(path: &Path, calendar: &Calendar) -> Result<RecordedBars, BarsError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| BarsError {
        file: file.clone(),
        line: 0,
        field: "file",
        found: error.to_string(),
        allowed: "a readable CSV file".to_owned(),
    })?;
    parse(&file, &text, calendar)
}

/// Reads the text of a file.
///
/// # Errors
/// On the first row that is wrong.
pub fn parse(file: &str, text: &str, calendar: &Calendar) -> Result<RecordedBars, BarsError> {
    let mut parser = Parser { file, line: 1, calendar, bars: RecordedBars::default(), width: None };
    let mut lines = text.lines();
    parser.header(lines.next().unwrap_or_default())?;
    for line in lines {
        parser.line += 1;
        if !line.trim().is_empty() {
            parser.row(line)?;
        }
    }
    if parser.bars.series.is_empty() {
        return Err(parser.error("file", "no rows", "at least one bar"));
    }
    parser.bars.interval = parser.interval();
    let seconds = parser.bars.interval.filter(|i| *i != Interval::Day1).map(Interval::seconds);
    if let Some(seconds) = seconds {
        for row in parser.bars.series.values_mut().flatten() {
            row.end = row.bar.start + SignedDuration::from_secs(seconds);
        }
    }
    Ok(parser.bars)
}

struct Parser<'a> {
    file: &'a str,
    line: u64,
    calendar: &'a Calendar,
    bars: RecordedBars,
    /// Smallest distance between two rows of a series, in seconds; `None` for daily dates.
    width: Option<i64>,
}

impl Parser<'_> {
    fn error(&self, field: &'static str, found: &str, allowed: &str) -> BarsError {
        BarsError {
            file: self.file.to_owned(),
            line: self.line,
            field,
            found: found.chars().take(40).flat_map(char::escape_default).collect(),
            allowed: allowed.to_owned(),
        }
    }

    fn header(&self, line: &str) -> Result<(), BarsError> {
        let names: Vec<&str> = line.trim_start_matches('\u{feff}').split(',').map(str::trim).collect();
        let fits = (names.len() == 7 || names.len() == 8) && names.iter().zip(COLUMNS).all(|(a, b)| *a == b);
        if fits {
            Ok(())
        } else {
            Err(self.error("header", line, "symbol,date,open,high,low,close,volume[,adj_close]"))
        }
    }

    fn row(&mut self, line: &str) -> Result<(), BarsError> {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if cells.len() < 7 || cells.len() > 8 {
            return Err(self.error("row", line, "7 or 8 columns, none empty"));
        }
        let instrument = Instrument::from_key(cells[0])
            .map_err(|_| self.error("symbol", cells[0], "a symbol such as AAPL or BTC-USD"))?;
        let (start, end) = self.time(cells[1])?;
        let [open, high, low, close] = [2, 3, 4, 5].map(|i| self.price(COLUMNS[i], cells[i]));
        let (open, high, low, close) = (open?, high?, low?, close?);
        let volume = parse_decimal(cells[6])
            .ok()
            .filter(|volume| *volume >= Decimal::ZERO)
            .ok_or_else(|| self.error("volume", cells[6], "a number not below 0"))?;
        if high < open.max(close) || high < low {
            return Err(self.error("high", cells[3], "not below open, close and low"));
        }
        if low > open.min(close) {
            return Err(self.error("low", cells[4], "not above open and close"));
        }
        let adjusted_close = match cells.get(7).filter(|cell| !cell.is_empty()) {
            Some(cell) => Some(self.price("adj_close", cell)?.get()),
            None => None,
        };
        let bar = Bar { start, open, high, low, close, volume };
        let last =
            self.bars.series.get(&instrument).and_then(|series| series.last()).map(|last| last.bar.start);
        if let Some(last) = last {
            if start <= last {
                return Err(self.error("date", cells[1], "later than the row before of the same symbol"));
            }
            let distance = start.duration_since(last).as_secs();
            self.width = self.width.map(|width| width.min(distance));
        }
        self.bars.series.entry(instrument).or_default().push(RecordedBar { bar, end, adjusted_close });
        Ok(())
    }

    fn price(&self, field: &'static str, cell: &str) -> Result<Price, BarsError> {
        parse_decimal(cell)
            .ok()
            .filter(|price| *price > Decimal::ZERO)
            .map(Price::new)
            .ok_or_else(|| self.error(field, cell, "a number above 0"))
    }

    fn time(&mut self, cell: &str) -> Result<(Timestamp, Timestamp), BarsError> {
        if let Ok(day) = cell.parse::<Date>()
            && cell.len() == 10
        {
            return match self.calendar.session(day) {
                Some(session) => Ok((session.open, session.close)),
                None => Err(self.error("date", cell, "a session of the exchange (no weekend, no holiday)")),
            };
        }
        let start: Timestamp = cell
            .parse()
            .map_err(|_| self.error("date", cell, "YYYY-MM-DD, or an RFC 3339 time with its zone"))?;
        self.width.get_or_insert(i64::MAX);
        Ok((start, start))
    }

    fn interval(&self) -> Option<Interval> {
        match self.width {
            None => Some(Interval::Day1),
            Some(width) => Interval::ALL
                .into_iter()
                .rev()
                .find(|interval| interval.seconds() <= width)
                .or(Some(Interval::Minute1)),
        }
    }
}

/// Splits and cash dividends, read off the jumps of the adjusted against the plain close. By rising ex-date.
#[must_use]
pub fn corporate_actions(bars: &RecordedBars) -> Vec<CorporateAction> {
    let mut actions = Vec::new();
    for (instrument, series) in &bars.series {
        for pair in series.windows(2) {
            let (Some(before), Some(after)) = (pair[0].adjusted_close, pair[1].adjusted_close) else {
                continue;
            };
            let (close_before, close_after) = (pair[0].bar.close.get(), pair[1].bar.close.get());
            if before.is_zero() || close_after.is_zero() {
                continue;
            }
            // The factor by which the past was scaled at this date: 2 for a 2:1 split, slightly above 1 for a dividend.
            let factor = (after / close_after) / (before / close_before);
            let kind = if let Some((numerator, denominator)) = split_ratio(factor) {
                CorporateActionKind::Split { numerator, denominator }
            } else {
                // The past is scaled by (close - dividend) / close.
                let amount = (close_before * (Decimal::ONE - Decimal::ONE / factor)).round_dp(4).normalize();
                // Rounded adjusted prices make noise: less than a twentieth of a per cent is none of the company's doing.
                if amount * Decimal::from(2_000) < close_before {
                    continue;
                }
                CorporateActionKind::Dividend { amount: Price::new(amount) }
            };
            let ex_date = exchange_date(pair[1].bar.start);
            actions.push(CorporateAction { instrument: instrument.clone(), ex_date, pay_date: None, kind });
        }
    }
    actions.sort_by(|a, b| a.ex_date.cmp(&b.ex_date).then_with(|| a.instrument.cmp(&b.instrument)));
    actions
}

/// The split a factor means: within half a per cent of a small ratio.
fn split_ratio(factor: Decimal) -> Option<(u32, u32)> {
    const RATIOS: [(u32, u32); 12] =
        [(2, 1), (3, 1), (4, 1), (5, 1), (7, 1), (10, 1), (20, 1), (3, 2), (4, 3), (5, 4), (1, 2), (1, 10)];
    RATIOS.into_iter().find(|(a, b)| {
        let ratio = Decimal::from(*a) / Decimal::from(*b);
        (factor / ratio - Decimal::ONE).abs() < Decimal::new(5, 3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "symbol,date,open,high,low,close,volume,adj_close\n";

    #[test]
    fn the_shipped_bars_are_sound_and_their_corporate_actions_are_known() {
        let bars = shipped().unwrap();
        let total: usize = bars.series.values().map(Vec::len).sum();
        assert_eq!((total, bars.interval, bars.series.len()), (12_154, Some(Interval::Day1), 5));
        let actions = corporate_actions(&bars);
        let text: Vec<String> =
            actions.iter().map(|a| format!("{} {} {:?}", a.ex_date, a.instrument, a.kind)).collect();
        let has = |what: &str| text.iter().any(|line| line.starts_with(what));
        assert!(has("2005-02-28 AAPL Split { numerator: 2, denominator: 1 }"), "{text:#?}");
        assert!(has("2003-02-18 MSFT Split { numerator: 2, denominator: 1 }"), "{text:#?}");
        // Microsoft's special dividend of 3.08 in all went ex on 2004-11-15.
        assert!(has("2004-11-15 MSFT Dividend { amount: Price(3.0"), "{text:#?}");
    }

    #[test]
    fn a_wrong_row_is_named_with_its_line_and_what_is_allowed() {
        let cases = [
            (
                "AAPL,2020-01-02,1,2,0.5,1.5,10\nAAPL,2020-01-02,1,2,0.5,1.5,10",
                "bars.csv:3: date: found '2020-01-02', allowed: later than the row before of the same symbol",
            ),
            (
                "AAPL,2020-01-03,1,2,0.5,1.5,10\nAAPL,2020-01-02,1,2,0.5,1.5,10",
                "bars.csv:3: date: found '2020-01-02', allowed: later than the row before of the same symbol",
            ),
            (
                "AAPL,2020-01-04,1,2,0.5,1.5,10",
                "bars.csv:2: date: found '2020-01-04', allowed: a session of the exchange (no weekend, no holiday)",
            ),
            ("AAPL,2020-01-02,-1,2,0.5,1.5,10", "bars.csv:2: open: found '-1', allowed: a number above 0"),
            ("AAPL,2020-01-02,1,NaN,0.5,1.5,10", "bars.csv:2: high: found 'NaN', allowed: a number above 0"),
            (
                "AAPL,2020-01-02,1,1.2,0.5,1.5,10",
                "bars.csv:2: high: found '1.2', allowed: not below open, close and low",
            ),
            (
                "AAPL,2020-01-02,1,2,1.2,1.5,10",
                "bars.csv:2: low: found '1.2', allowed: not above open and close",
            ),
            (
                "AAPL,2020-01-02,1,2,0.5,1.5,-1",
                "bars.csv:2: volume: found '-1', allowed: a number not below 0",
            ),
            (
                "AAPL,2020-01-02,1,2,0.5",
                "bars.csv:2: row: found 'AAPL,2020-01-02,1,2,0.5', allowed: 7 or 8 columns, none empty",
            ),
            (
                "A\u{1b}[31m,2020-01-02,1,2,0.5,1.5,10",
                "bars.csv:2: symbol: found 'A\\u{1b}[31m', allowed: a symbol such as AAPL or BTC-USD",
            ),
            (
                "AAPL,02/01/2020,1,2,0.5,1.5,10",
                "bars.csv:2: date: found '02/01/2020', allowed: YYYY-MM-DD, or an RFC 3339 time with its zone",
            ),
            ("", "bars.csv:1: file: found 'no rows', allowed: at least one bar"),
        ];
        for (rows, expect) in cases {
            let error = parse("bars.csv", &format!("{HEADER}{rows}"), &Calendar::nyse()).unwrap_err();
            assert_eq!(error.to_string(), expect);
        }
        let error = parse("bars.csv", "date,close\n", &Calendar::nyse()).unwrap_err();
        assert!(error.to_string().starts_with("bars.csv:1: header: found 'date,close'"));
    }

    #[test]
    fn intraday_bars_tell_their_width() {
        let rows =
            "BTC-USD,2026-11-24T15:00:00Z,1,2,0.5,1.5,10\nBTC-USD,2026-11-24T15:05:00Z,1,2,0.5,1.5,10\n";
        let bars = parse("x", &format!("{HEADER}{rows}"), &Calendar::nyse()).unwrap();
        assert_eq!(bars.interval, Some(Interval::Minute5));
        let row = bars.series.values().next().unwrap()[0];
        assert_eq!(row.end.duration_since(row.bar.start).as_secs(), 300);
    }
}
