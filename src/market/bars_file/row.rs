//! One row of a bars file: cells to values, each with its own rule.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday, time};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::domain::calendar::{Calendar, instant, plus_days};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Price, parse_decimal};
use crate::domain::quote::Bar;
use crate::market::cells::Wrong;

/// Columns, in order; the last may be absent from the whole file.
pub(super) const COLUMNS: [&str; 8] =
    ["symbol", "date", "open", "high", "low", "close", "volume", "adj_close"];

/// Prices are below this: a product of two still fits a decimal.
const PRICE_LIMIT: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);
/// Units of a bar are at most this many.
const VOLUME_MAX: Decimal = Decimal::from_parts(2_808_348_672, 232_830_643, 0, false, 0);
/// Ends of symbols that are listed on exchanges whose calendar we do not have, as Yahoo writes them.
pub(super) const FOREIGN: [&str; 13] =
    [".AS", ".BR", ".DE", ".F", ".HE", ".L", ".MC", ".MI", ".PA", ".ST", ".SW", ".T", ".TO"];

/// When a row's bar was.
pub(super) enum Stamp {
    /// A date: first and last instant of its session.
    Session(Timestamp, Timestamp),
    /// An instant: the bar's start.
    Time(Timestamp),
}

/// A row that keeps every rule. The bar's start is set by who knows all rows.
pub(super) struct Columns {
    pub(super) instrument: Instrument,
    pub(super) stamp: Stamp,
    pub(super) bar: Bar,
    pub(super) adjusted_close: Option<Decimal>,
}

/// Reads the cells of a row, 7 or 8.
pub(super) fn read(cells: &[&str], calendar: &Calendar) -> Result<Columns, Wrong> {
    let instrument =
        Instrument::from_key(cells[0]).map_err(|_| ("symbol", "a symbol such as AAPL or BTC-USD"))?;
    let stamp = stamp(cells[1], &instrument, calendar)?;
    let [open, high, low, close] = [2, 3, 4, 5].map(|place| price(COLUMNS[place], cells[place]));
    let (open, high, low, close) = (open?, high?, low?, close?);
    let volume = parse_decimal(cells[6])
        .ok()
        .filter(|volume| (Decimal::ZERO..=VOLUME_MAX).contains(volume))
        .ok_or(("volume", "a number from 0 to 1000000000000000000"))?;
    if high < open.max(close).max(low) {
        return Err(("high", "not below open, close and low"));
    }
    if low > open.min(close) {
        return Err(("low", "not above open and close"));
    }
    let adjusted_close = cells.get(7).map(|cell| price("adj_close", cell)).transpose()?.map(Price::get);
    let bar = Bar { start: Timestamp::UNIX_EPOCH, open, high, low, close, volume };
    Ok(Columns { instrument, stamp, bar, adjusted_close })
}

fn price(field: &'static str, cell: &str) -> Result<Price, Wrong> {
    parse_decimal(cell)
        .ok()
        .filter(|price| *price > Decimal::ZERO && *price < PRICE_LIMIT)
        .map(Price::new)
        .ok_or((field, "a number above 0 and below 1000000000000"))
}

fn stamp(cell: &str, instrument: &Instrument, calendar: &Calendar) -> Result<Stamp, Wrong> {
    let date = cell.parse::<Date>().ok().filter(|_| cell.len() == "YYYY-MM-DD".len());
    match date {
        Some(day) => session(day, instrument, calendar).map(|(open, close)| Stamp::Session(open, close)),
        None => cell
            .parse()
            .map(Stamp::Time)
            .map_err(|_| ("date", "YYYY-MM-DD, or an RFC 3339 time with its zone")),
    }
}

/// First and last instant of a day's trading: New York's session for shares listed there, 17:00 to 17:00 for currencies, the whole
/// day in UTC for what never closes and for exchanges whose calendar we do not have.
pub(super) fn session(
    day: Date,
    instrument: &Instrument,
    calendar: &Calendar,
) -> Result<(Timestamp, Timestamp), Wrong> {
    let workday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let midnight =
        |day: Date| TimeZone::UTC.to_timestamp(day.to_datetime(time(0, 0, 0, 0))).unwrap_or(Timestamp::MAX);
    let whole = (midnight(day), midnight(plus_days(day, 1)));
    match instrument.asset_class() {
        class if class.trades_around_the_clock() => Ok(whole),
        AssetClass::Fx if workday => {
            let turn = time(17, 0, 0, 0);
            Ok((instant(plus_days(day, -1), turn), instant(day, turn)))
        }
        AssetClass::Fx => Err(("date", "a day from Monday to Friday")),
        _ if FOREIGN.iter().any(|end| instrument.root().as_str().ends_with(end)) => {
            if workday {
                Ok(whole)
            } else {
                Err(("date", "a day from Monday to Friday"))
            }
        }
        _ => calendar
            .session(day)
            .map(|session| (session.open, session.close))
            .ok_or(("date", "a session of the exchange (no weekend, no holiday)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_what_the_messages_say() {
        assert_eq!(PRICE_LIMIT.to_string(), "1000000000000");
        assert_eq!(VOLUME_MAX.to_string(), "1000000000000000000");
    }

    #[test]
    fn a_day_is_as_long_as_its_market_trades() {
        let cases = [
            ("AAPL", "2026-11-27", "2026-11-27T14:30:00Z 2026-11-27T18:00:00Z"),
            ("SAP.DE", "2026-11-26", "2026-11-26T00:00:00Z 2026-11-27T00:00:00Z"),
            ("BRK.B", "2026-11-24", "2026-11-24T14:30:00Z 2026-11-24T21:00:00Z"),
            ("BTC-USD", "2026-11-28", "2026-11-28T00:00:00Z 2026-11-29T00:00:00Z"),
            ("EUR/USD", "2026-11-23", "2026-11-22T22:00:00Z 2026-11-23T22:00:00Z"),
        ];
        let calendar = Calendar::nyse();
        for (key, day, expect) in cases {
            let instrument = Instrument::from_key(key).unwrap();
            let (open, close) = session(day.parse().unwrap(), &instrument, &calendar).unwrap();
            assert_eq!(format!("{open} {close}"), expect, "{key}");
        }
        for (key, day) in [("AAPL", "2026-11-26"), ("SAP.DE", "2026-11-28"), ("EUR/USD", "2026-11-28")] {
            let instrument = Instrument::from_key(key).unwrap();
            assert!(session(day.parse().unwrap(), &instrument, &calendar).is_err(), "{key} {day}");
        }
    }
}
