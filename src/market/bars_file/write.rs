//! Bars as a file that reads back as the same bars: CSV, or Parquet as data tools have it.

use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::row::{FOREIGN, session};
use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::canonical;
use crate::domain::quote::{Bar, Interval};

/// Rows of one group of a table.
const GROUP: usize = 65_536;
/// From 17:00 in New York to midnight.
const TURN_TO_MIDNIGHT: SignedDuration = SignedDuration::from_hours(7);
const EPOCH: Date = date(1970, 1, 1);

/// The day that a bar of a day is called by, as the reader of such files has it.
fn day_of(instrument: &Instrument, start: Timestamp) -> Date {
    let in_utc = || start.to_zoned_datetime(TimeZone::UTC).date();
    match instrument.asset_class() {
        class if class.trades_around_the_clock() => in_utc(),
        AssetClass::Fx => exchange_date(start.checked_add(TURN_TO_MIDNIGHT).unwrap_or(start)),
        _ if FOREIGN.iter().any(|end| instrument.root().as_str().ends_with(end)) => in_utc(),
        _ => exchange_date(start),
    }
}

/// Are all of them bars of a day that a date alone tells, beginning where its market opens. A market that never closes has others.
fn are_days(instrument: &Instrument, interval: Interval, bars: &[Bar], calendar: &Calendar) -> bool {
    let is_day = |bar: &Bar| {
        let session = session(day_of(instrument, bar.start), instrument, calendar);
        session.is_ok_and(|(open, _)| open == bar.start)
    };
    interval == Interval::Day1 && bars.iter().all(is_day)
}

/// Bars of one instrument as CSV, in the columns that files of bars have: dates where those tell them, else RFC 3339 times of their start.
#[must_use]
pub fn text(instrument: &Instrument, interval: Interval, bars: &[Bar], calendar: &Calendar) -> String {
    let dated = are_days(instrument, interval, bars, calendar);
    let mut text = "symbol,date,open,high,low,close,volume\n".to_owned();
    let key = instrument.key();
    for bar in bars {
        let at = if dated { day_of(instrument, bar.start).to_string() } else { bar.start.to_string() };
        let [open, high, low, close] =
            [bar.open, bar.high, bar.low, bar.close].map(|price| canonical(price.get()));
        text.push_str(&format!("{key},{at},{open},{high},{low},{close},{}\n", canonical(bar.volume)));
    }
    text
}

/// The same as a Parquet file: text, DATE or TIMESTAMP in UTC, and doubles, packed by snappy.
///
/// # Errors
/// Never in practice: it is written to memory, in columns of its own making.
pub fn table(
    instrument: &Instrument,
    interval: Interval,
    bars: &[Bar],
    calendar: &Calendar,
) -> Result<Vec<u8>, ParquetError> {
    let stamp = if are_days(instrument, interval, bars, calendar) {
        "required int32 date (DATE);"
    } else {
        "required int64 date (TIMESTAMP(MICROS,true));"
    };
    let numbers: String =
        ["open", "high", "low", "close", "volume"].map(|name| format!(" required double {name};")).concat();
    let schema = format!("message bars {{ required binary symbol (UTF8); {stamp}{numbers} }}");
    let schema = Arc::new(parse_message_type(&schema)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let key = ByteArray::from(instrument.key().as_str());
    for bars in bars.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        let mut at = 0;
        while let Some(mut column) = group.next_column()? {
            match column.untyped() {
                ColumnWriter::ByteArrayColumnWriter(to) => {
                    to.write_batch(&vec![key.clone(); bars.len()], None, None)?;
                }
                ColumnWriter::Int32ColumnWriter(to) => {
                    let days = |bar: &Bar| {
                        day_of(instrument, bar.start).since(EPOCH).map_or(0, |since| since.get_days())
                    };
                    to.write_batch(&bars.iter().map(days).collect::<Vec<i32>>(), None, None)?;
                }
                ColumnWriter::Int64ColumnWriter(to) => {
                    let micros: Vec<i64> = bars.iter().map(|bar| bar.start.as_microsecond()).collect();
                    to.write_batch(&micros, None, None)?;
                }
                ColumnWriter::DoubleColumnWriter(to) => {
                    let value = |bar: &Bar| number(bar, at).to_f64().unwrap_or(f64::NAN);
                    to.write_batch(&bars.iter().map(value).collect::<Vec<f64>>(), None, None)?;
                }
                _ => return Err(ParquetError::General("a column of another type".to_owned())),
            }
            column.close()?;
            at += 1;
        }
        group.close()?;
    }
    writer.into_inner()
}

/// The number in a column of the table.
fn number(bar: &Bar, column: usize) -> Decimal {
    match column {
        2 => bar.open.get(),
        3 => bar.high.get(),
        4 => bar.low.get(),
        5 => bar.close.get(),
        _ => bar.volume,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::market::bars_file::load_bytes;

    /// What is written reads back as the same bars, with their starts, whatever trades when.
    #[test]
    fn what_is_written_reads_back() {
        let price = |text: &str| text.parse().unwrap();
        let bar = |start: &str, volume: &str| Bar {
            start: start.parse().unwrap(),
            open: price("10.25"),
            high: price("11"),
            low: price("0.0001"),
            close: price("10.5"),
            volume: volume.parse().unwrap(),
        };
        for (key, interval, starts) in [
            // Across the day after Thanksgiving, and over a change of clocks.
            (
                "AAPL",
                Interval::Day1,
                ["2026-10-30T13:30:00Z", "2026-11-02T14:30:00Z", "2026-11-27T14:30:00Z"],
            ),
            (
                "BTC-USD",
                Interval::Day1,
                ["2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"],
            ),
            (
                "EUR/USD",
                Interval::Day1,
                ["2026-10-29T21:00:00Z", "2026-11-01T22:00:00Z", "2026-11-02T22:00:00Z"],
            ),
            // Of a market that never closes: Saturday, at midnight.
            ("KO", Interval::Day1, ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"]),
            (
                "AAPL",
                Interval::Minute5,
                ["2026-11-24T14:30:00Z", "2026-11-24T14:35:00Z", "2026-11-24T15:00:00Z"],
            ),
            (
                "ETH-USD",
                Interval::Hour1,
                ["2026-11-24T14:00:00Z", "2026-11-24T15:00:00Z", "2026-11-24T20:00:00Z"],
            ),
        ] {
            let instrument = Instrument::from_key(key).unwrap();
            let bars: Vec<Bar> =
                starts.iter().zip(["0", "1200", "0.5"]).map(|(start, volume)| bar(start, volume)).collect();
            let written = [
                text(&instrument, interval, &bars, &Calendar::nyse()).into_bytes(),
                table(&instrument, interval, &bars, &Calendar::nyse()).unwrap(),
            ];
            for bytes in written {
                let read =
                    load_bytes(Path::new("x"), &bytes, &Calendar::nyse(), &mut |_| true).unwrap().unwrap();
                assert_eq!(read.interval, Some(interval), "{key}");
                let found: Vec<Bar> = read.series[&instrument].iter().map(|row| row.bar).collect();
                assert_eq!(found, bars, "{key}");
            }
        }
    }
}
