//! Numbers and times for people. Rounding is for the eye only: JSON carries every digit.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};

use super::table::{Cell, Tone};
use crate::domain::money::{Price, Quantity, canonical};

/// What stands where there is no value.
pub const NONE: &str = "–";

/// Thousands separated by commas; the digits after the point are kept.
#[must_use]
pub fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(part) = part {
        out.push('.');
        out.push_str(part);
    }
    out
}

fn fixed(value: Decimal, places: u32) -> String {
    let rounded = value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    // A small loss that rounds to nothing is nothing, not minus nothing.
    let rounded = if rounded.is_zero() { Decimal::ZERO } else { rounded };
    format!("{rounded:.0$}", places as usize)
}

/// Money to the cent, halves away from zero: `1,234.50`.
#[must_use]
pub fn money(value: Decimal) -> String {
    grouped(&fixed(value, 2))
}

/// Money with its sign always shown, toned by it.
#[must_use]
pub fn gain(value: Decimal) -> Cell {
    let text = money(value);
    match value {
        value if value > Decimal::ZERO => Cell::new(format!("+{text}")).tone(Tone::Good),
        value if value < Decimal::ZERO => Cell::new(text).tone(Tone::Bad),
        _ => Cell::new(text),
    }
}

/// A gain that may be unknown.
#[must_use]
pub fn gain_or_none(value: Option<Decimal>) -> Cell {
    value.map_or_else(|| Cell::new(NONE), gain)
}

/// Per cent with two places and its sign, toned by it.
#[must_use]
pub fn percent_gain(value: Option<Decimal>) -> Cell {
    let Some(value) = value else { return Cell::new(NONE) };
    let text = fixed(value, 2);
    match value {
        value if value > Decimal::ZERO => Cell::new(format!("+{text}%")).tone(Tone::Good),
        value if value < Decimal::ZERO => Cell::new(format!("{text}%")).tone(Tone::Bad),
        _ => Cell::new(format!("{text}%")),
    }
}

/// A price with every digit it has, at least two after the point, at most eight.
#[must_use]
pub fn price(value: Price) -> String {
    let value = value.get().round_dp_with_strategy(8, RoundingStrategy::MidpointAwayFromZero).normalize();
    grouped(&fixed(value, value.scale().max(2)))
}

/// A price that may be unknown.
#[must_use]
pub fn price_or_none(value: Option<Price>) -> String {
    value.map_or_else(|| NONE.to_owned(), price)
}

/// A quantity with every digit it has.
#[must_use]
pub fn quantity(value: Quantity) -> String {
    grouped(&canonical(value.get()))
}

/// A moment in a zone, with the zone's name.
#[must_use]
pub fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// A figure of a report with so many places; a dash where it is not defined.
#[must_use]
pub fn figure(value: Option<f64>, places: usize) -> String {
    match value.filter(|value| value.is_finite()) {
        Some(value) => format!("{value:.places$}"),
        None => NONE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_like_a_statement() {
        let d = |text: &str| text.parse::<Decimal>().unwrap();
        for (value, expected) in [
            ("0", "0.00"),
            ("-0.001", "0.00"),
            ("999.995", "1,000.00"),
            ("1234567.1", "1,234,567.10"),
            ("-1234.5", "-1,234.50"),
        ] {
            assert_eq!(money(d(value)), expected);
        }
        for (value, expected) in
            [("185", "185.00"), ("0.0512", "0.0512"), ("98410.5", "98,410.50"), ("-1.1", "-1.10")]
        {
            assert_eq!(price(Price::new(d(value))), expected);
        }
        assert_eq!(quantity(Quantity::new(d("1500.2500"))), "1,500.25");
        assert_eq!(gain(d("5")), Cell::new("+5.00").tone(Tone::Good));
        assert_eq!(percent_gain(Some(d("-0.314"))), Cell::new("-0.31%").tone(Tone::Bad));
        assert_eq!(figure(Some(f64::NAN), 2), NONE);
    }

    #[test]
    fn times_name_their_zone() {
        let at: Timestamp = "2026-11-24T18:45:00Z".parse().unwrap();
        assert_eq!(time(at, &crate::domain::calendar::new_york()), "2026-11-24 13:45:00 EST");
        assert_eq!(time(at, &TimeZone::UTC), "2026-11-24 18:45:00 UTC");
    }
}
