//! Numbers, times and names as the screen writes them. Rounds for display only, half away from zero; nothing here becomes an order.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use smol_str::SmolStr;
use unicode_width::UnicodeWidthStr;

use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::Price;
use crate::domain::snapshot::Snapshot;

/// Most decimals a column shows; smaller prices are written with counted zeros.
pub const DECIMALS_MAX: u32 = 6;

pub use crate::domain::money::{grouped, grouped_whole};

/// The same with `+` before gains; zero has no sign.
#[must_use]
pub fn signed(value: Decimal, decimals: u32) -> String {
    let text = grouped(value, decimals);
    let nonzero = text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if value > Decimal::ZERO && nonzero { format!("+{text}") } else { text }
}

/// `+0.84%`.
#[must_use]
pub fn percent(value: Decimal) -> String {
    let mut text = signed(value, 2);
    text.push('%');
    text
}

/// A large count in at most six characters: `900`, `14.2K`, `38.1M`, `1.20B`.
#[must_use]
pub fn compact(value: Decimal) -> String {
    let steps = [(1_000_000_000_000_i64, 'T'), (1_000_000_000, 'B'), (1_000_000, 'M'), (1_000, 'K')];
    for (unit, letter) in steps {
        let scaled = value / Decimal::from(unit);
        if scaled.abs() >= Decimal::new(9995, 4) {
            let decimals =
                if scaled.abs() < Decimal::TEN { 2 } else { u32::from(scaled.abs() < Decimal::from(1_000)) };
            return format!("{}{letter}", grouped(scaled, decimals));
        }
    }
    if value.fract().is_zero() {
        grouped(value, 0)
    } else {
        grouped(value, if value.abs() < Decimal::TEN { 3 } else { 1 })
    }
}

/// A quantity as held: whole without a point, fractions with as many decimals as they have (at most 8).
#[must_use]
pub fn quantity(value: Decimal) -> String {
    grouped(value, value.normalize().scale().min(8))
}

/// Decimals of an instrument's prices near `price`, from its tick; 2 without a spec.
#[must_use]
pub fn decimals(spec: Option<&InstrumentSpec>, price: Price) -> u32 {
    spec.map_or(2, |spec| spec.decimals_at(price))
}

/// Decimals of an instrument's prices now.
#[must_use]
pub fn decimals_of(snapshot: &Snapshot, instrument: &Instrument) -> u32 {
    let price = snapshot
        .quotes
        .get(instrument)
        .and_then(|q| q.last.or(q.bid).or(q.ask))
        .unwrap_or(Price::new(Decimal::TEN));
    match snapshot.specs.get(instrument) {
        Some(spec) => decimals(Some(spec), price),
        None => decimals(Some(&InstrumentSpec::standard(instrument.clone())), price),
    }
}

/// A price to be typed over: with its decimals, all that it has beyond, and no commas.
#[must_use]
pub fn typed(value: Price, decimals: u32) -> String {
    grouped_whole(value.get(), decimals).replace(',', "")
}

/// A price with its decimals; tiny ones count their zeros, as `0.0₅123`.
#[must_use]
pub fn price(value: Price, decimals: u32) -> String {
    let amount = value.get();
    if decimals > DECIMALS_MAX && !amount.is_zero() && amount.abs() < Decimal::new(1, 3) {
        return thin_zeros(amount);
    }
    grouped(amount, decimals.min(DECIMALS_MAX))
}

fn thin_zeros(amount: Decimal) -> String {
    let text = amount.abs().normalize().to_string();
    let digits = text.strip_prefix("0.").unwrap_or(&text);
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let mut out = String::from(if amount.is_sign_negative() { "-0.0" } else { "0.0" });
    for digit in zeros.to_string().bytes() {
        out.push(char::from_u32(0x2080 + u32::from(digit - b'0')).unwrap_or('0'));
    }
    out.extend(digits[zeros..].chars().take(4));
    out
}

/// Pads the fraction with spaces to `fraction` characters (point not counted), so that a right-aligned column lines up on the point.
#[must_use]
pub fn point_aligned(text: String, fraction: u32) -> String {
    let fraction = fraction as usize;
    let have = text.rsplit_once('.').map_or(0, |(_, f)| f.chars().count());
    let missing = match (have, fraction) {
        (0, 0) => 0,
        (0, wanted) if !text.contains('.') => wanted + 1,
        (have, wanted) => wanted.saturating_sub(have),
    };
    let mut text = text;
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// How far a run of so many seconds a second has come, and how long it still takes: `43% 12m left`. None where there is nothing to run.
#[must_use]
pub fn progress(from: Timestamp, at: Timestamp, until: Timestamp, speed: u32) -> Option<String> {
    let (all, done) = (until.duration_since(from).as_secs(), at.duration_since(from).as_secs());
    if all <= 0 || speed == 0 {
        return None;
    }
    let percent = done.clamp(0, all) * 100 / all;
    let left = (all - done.clamp(0, all)) / i64::from(speed);
    Some(match left {
        0 => format!("{percent}%"),
        1..60 => format!("{percent}% {left}s left"),
        60..3_600 => format!("{percent}% {}m left", left / 60),
        _ => format!("{percent}% {}h left", left / 3_600),
    })
}

/// `13:45` in a zone.
#[must_use]
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%H:%M").to_string()
}

/// `13:45:02` in a zone.
#[must_use]
pub fn clock_seconds(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// `13:45:02 EST` in a zone, which is named beside it.
#[must_use]
pub fn clock_zoned(at: Timestamp, zone: &TimeZone) -> String {
    format!("{} {}", clock_seconds(at, zone), zone_name(at, zone))
}

/// Columns of such a time, summer or winter.
#[must_use]
pub fn clock_zoned_width(at: Timestamp, zone: &TimeZone) -> u16 {
    /// Half a year in hours.
    const HALF_YEAR: i64 = 183 * 24;
    let then = at.checked_sub(jiff::SignedDuration::from_hours(HALF_YEAR)).unwrap_or(at);
    width(&clock_zoned(at, zone)).max(width(&clock_zoned(then, zone)))
}

/// `18 Dec` in a zone.
#[must_use]
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%d %b").to_string()
}

/// Are two instants of one day in a zone.
#[must_use]
pub fn same_day(one: Timestamp, other: Timestamp, zone: &TimeZone) -> bool {
    let date = |at: Timestamp| at.to_zoned_datetime(zone.clone()).date();
    date(one) == date(other)
}

/// `13:45:02 EST` on the same day as `now` in a zone, else with its day, `24 Nov 13:45 EST`.
#[must_use]
pub fn near(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    if same_day(at, now, zone) {
        return clock_zoned(at, zone);
    }
    format!("{} {} {}", day(at, zone), clock(at, zone), zone_name(at, zone))
}

/// A time in a list, so many columns wide: `13:45:02 EST` today, without its zone where that has no room; of any other day that day and, in
/// 12 columns, hour and minute: `24 Nov 13:45`. A time of yesterday must not read like one of today.
#[must_use]
pub fn time_in(at: Timestamp, now: Timestamp, zone: &TimeZone, columns: u16) -> String {
    let zoned = clock_zoned(at, zone);
    let text = match (same_day(at, now, zone), columns) {
        (true, columns) if width(&zoned) <= columns => zoned,
        (true, _) => clock_seconds(at, zone),
        (false, 12..) => format!("{} {}", day(at, zone), clock(at, zone)),
        (false, _) => day(at, zone),
    };
    format!("{text:<0$}", usize::from(columns))
}

/// The zone's short name at an instant, such as `EST`.
#[must_use]
pub fn zone_name(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Z").to_string()
}

/// Hours and minutes until something: `2:14`, `1d 7h` from a day on, so that it is not taken for a time of day. Rounds up, so that it never shows 0:00 before the time.
#[must_use]
pub fn countdown(seconds: i64) -> String {
    let minutes = (seconds.max(0) + 59) / 60;
    if minutes >= 24 * 60 {
        return format!("{}d {}h", minutes / 1_440, minutes % 1_440 / 60);
    }
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

/// Age of a value in one unit: `8s`, `3m`, `2h`, `4d`.
#[must_use]
pub fn age(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3_600 => format!("{}m", s / 60),
        s @ 3_600..172_800 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// Is every character of a text a letter, digit or sign of ASCII: one byte, one column.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Columns a text takes.
#[must_use]
pub fn width(text: &str) -> u16 {
    if is_plain(text) {
        return u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// The text cut to `columns`, with an ellipsis where something is missing. Never cuts inside a wide character.
#[must_use]
pub fn fit(text: &str, columns: u16, ellipsis: &str) -> SmolStr {
    if width(text) <= columns {
        return SmolStr::new(text);
    }
    let room = columns.saturating_sub(width(ellipsis));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) as u16;
        if used + w > room {
            break;
        }
        used += w;
        out.push(c);
    }
    if columns >= width(ellipsis) {
        out.push_str(ellipsis);
    }
    SmolStr::new(out)
}

/// Breaks a text into lines of at most `columns`, at spaces where there are any.
#[must_use]
pub fn wrap(text: &str, columns: u16) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let mut word = word;
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        while width(word) > columns {
            let cut = word
                .char_indices()
                .scan(0u16, |used, (i, c)| {
                    *used += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) as u16;
                    Some((i, *used))
                })
                .find(|(_, used)| *used > columns)
                .map_or(word.len(), |(i, _)| i.max(1));
            let cut = (cut..=word.len()).find(|i| word.is_char_boundary(*i)).unwrap_or(word.len());
            lines.push(word[..cut].to_owned());
            word = &word[cut..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Standard base 64 with padding, for the clipboard sequence.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = ALPHABET[(group >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// Joins words with two spaces, skipping empty ones.
#[must_use]
pub fn spaced(parts: &[&str]) -> String {
    let mut out = String::new();
    for part in parts.iter().filter(|p| !p.is_empty()) {
        let gap = if out.is_empty() { "" } else { "  " };
        let _infallible = write!(out, "{gap}{part}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_grouped_and_signed() {
        let cases = [
            ("0", 2, "0.00", "0.00"),
            ("-0.004", 2, "0.00", "0.00"),
            ("0.005", 2, "0.01", "+0.01"),
            ("999.999", 2, "1,000.00", "+1,000.00"),
            ("-1234567.8", 0, "-1,234,568", "-1,234,568"),
            ("98410.5", 1, "98,410.5", "+98,410.5"),
        ];
        for (value, decimals, plain, with_sign) in cases {
            assert_eq!(grouped(decimal(value), decimals), plain, "{value}");
            assert_eq!(signed(decimal(value), decimals), with_sign, "{value}");
        }
    }

    #[test]
    fn counts_stay_short() {
        for (value, expected) in [
            ("0", "0"),
            ("900", "900"),
            ("999.5", "1.00K"),
            ("14200", "14.2K"),
            ("38123456", "38.1M"),
            ("1200000000", "1.20B"),
            ("0.25", "0.250"),
            ("-4200", "-4.20K"),
        ] {
            assert_eq!(compact(decimal(value)), expected);
        }
    }

    #[test]
    fn columns_line_up_on_the_point() {
        for (text, fraction, expected) in
            [("231.80", 2, "231.80"), ("98,410.5", 2, "98,410.5 "), ("190", 2, "190   "), ("190", 0, "190")]
        {
            assert_eq!(point_aligned(text.to_owned(), fraction), expected);
        }
    }

    #[test]
    fn tiny_prices_count_their_zeros() {
        assert_eq!(price("0.0000012345".parse().unwrap(), 10), "0.0₅1234");
        assert_eq!(price("0.00012".parse().unwrap(), 8), "0.0₃12");
        assert_eq!(price("0.5".parse().unwrap(), 4), "0.5000");
    }

    #[test]
    fn texts_fit_and_wrap() {
        assert_eq!(fit("activity", 5, "…"), "acti…");
        assert_eq!(fit("東京株", 5, "…"), "東京…");
        assert_eq!(fit("ok", 5, "…"), "ok");
        assert_eq!(
            wrap("the order in words, in one sentence", 12),
            ["the order in", "words, in", "one sentence"]
        );
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("東京株式", 5), ["東京", "株式"]);
    }

    #[test]
    fn a_time_of_another_day_does_not_read_like_one_of_today() {
        let zone = jiff::tz::get!("America/New_York");
        let now: Timestamp = "2026-11-24T18:45:10Z".parse().unwrap();
        for (at, columns, expected) in [
            ("2026-11-24T18:01:26Z", 12, "13:01:26 EST"),
            ("2026-11-24T18:01:26Z", 8, "13:01:26"),
            ("2026-11-23T18:01:26Z", 12, "23 Nov 13:01"),
            ("2026-11-23T18:01:26Z", 14, "23 Nov 13:01  "),
            ("2026-11-23T18:01:26Z", 8, "23 Nov  "),
            // Of the same day in London, and of the evening before in New York.
            ("2026-11-24T04:30:00Z", 12, "23 Nov 23:30"),
        ] {
            assert_eq!(time_in(at.parse().unwrap(), now, &zone, columns), expected);
        }
    }

    #[test]
    fn clocks_and_base64() {
        assert_eq!(countdown(8_040), "2:14");
        assert_eq!(countdown(1), "0:01");
        assert_eq!(countdown(3 * 86_400), "3d 0h");
        assert_eq!(countdown(31 * 3_600 + 36 * 60), "1d 7h");
        assert_eq!(countdown(86_340), "23:59");
        assert_eq!(age(200), "3m");
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
