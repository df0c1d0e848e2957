//! Dates as traders write them.

use jiff::civil::{Date, Weekday};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::calendar::{Calendar, plus_days};

use super::lex::{Kind, Token};

/// A day that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// One exact day.
    Day(Date),
    /// The standard monthly of a month.
    Month(i16, i8),
    /// So many days from today.
    Dte(u16),
}

/// What is wrong with a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DayError {
    /// Before today.
    Past(Date),
    /// No session; the nearest one beside it.
    NotASession(Date, Date),
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const LONG_MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn month(text: &str) -> Option<i8> {
    let at = MONTHS.iter().position(|m| *m == text).or_else(|| LONG_MONTHS.iter().position(|m| *m == text));
    let at = at.or_else(|| (text == "sept").then_some(8))?;
    i8::try_from(at + 1).ok()
}

/// Is a word the name of a month.
pub(super) fn is_month(text: &str) -> bool {
    month(text).is_some()
}

pub(super) fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tues" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thur" | "thurs" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        _ => return None,
    })
}

fn year(number: i64) -> Option<i16> {
    match number {
        0..=99 => i16::try_from(2000 + number).ok(),
        1990..=2099 => i16::try_from(number).ok(),
        _ => None,
    }
}

/// `1/15`, `1/15/27`, `2027-01-15`, `15jan27`, `jan27`, `jan15`: one piece that is a date.
pub(super) fn looks_like_date(lower: &str) -> bool {
    one_piece(lower, Date::constant(2020, 1, 1)).is_some()
}

/// Reads a date of one piece. A day without a year is its next occurrence.
fn one_piece(lower: &str, today: Date) -> Option<Said> {
    if lower.len() == 10
        && lower.as_bytes()[4] == b'-'
        && let Ok(day) = lower.parse::<Date>()
    {
        return Some(Said::Day(day));
    }
    let of_digits = lower.bytes().all(|b| !b.is_ascii_alphabetic());
    if of_digits && lower.contains(['/', '-']) && lower.starts_with(|c: char| c.is_ascii_digit()) {
        let parts: Option<Vec<i64>> =
            lower.split(['/', '-']).map(|p| (p.len() <= 4).then(|| p.parse().ok()).flatten()).collect();
        let parts = parts?;
        return match parts.as_slice() {
            [m, d] if (1..=12).contains(m) && (1..=31).contains(d) && lower.contains('/') => {
                next(today, *m, *d)
            }
            [m, d, y] if (1..=12).contains(m) && (1..=31).contains(d) => full(year(*y)?, *m, *d),
            _ => None,
        };
    }
    let letters = lower.find(|c: char| c.is_ascii_alphabetic())?;
    let (front, rest) = lower.split_at(letters);
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (name, back) = rest.split_at(end);
    let m = i64::from(month(name)?);
    // `15-jan-27`, `jan-27`, `jan'27`.
    let front = front.strip_suffix('-').unwrap_or(front);
    let back = back.strip_prefix(['\'', '-']).unwrap_or(back);
    match (front, back) {
        ("", "") => None,
        ("", back) => {
            // `jan27` is a month of a year, `jan2027` too; `jan5` can only be a day.
            let value: i64 = back.parse().ok()?;
            if back.len() == 4 || (back.len() == 2 && value >= i64::from(today.year() - 2000)) {
                return Some(Said::Month(year(value)?, i8::try_from(m).ok()?));
            }
            next(today, m, value)
        }
        (front, "") => next(today, m, front.parse().ok()?),
        (front, back) => full(year(back.parse().ok()?)?, m, front.parse().ok()?),
    }
}

fn full(year: i16, month: i64, day: i64) -> Option<Said> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().map(Said::Day)
}

fn next(today: Date, month: i64, day: i64) -> Option<Said> {
    (0..5).find_map(|ahead| match full(today.year() + ahead, month, day)? {
        Said::Day(date) if date >= today => Some(Said::Day(date)),
        _ => None,
    })
}

/// A number of digits alone: "5.00" behind a day is a price, and no year.
fn small(token: Option<&Token>) -> Option<i64> {
    let token = token?;
    let digits = token.raw.trim_start_matches(['\'', '’']);
    match token.kind {
        Kind::Number(value) if value > Decimal::ZERO && digits.bytes().all(|b| b.is_ascii_digit()) => {
            value.to_i64()
        }
        _ => None,
    }
}

/// `15th`, `1st`.
fn ordinal(token: Option<&Token>) -> Option<i64> {
    let text = &token?.text;
    let digits = text
        .strip_suffix("st")
        .or(text.strip_suffix("nd"))
        .or(text.strip_suffix("rd"))
        .or(text.strip_suffix("th"))?;
    digits.parse().ok()
}

/// Reads a day at the front of the tokens: what was said, and how many tokens it took.
pub(super) fn read(tokens: &[Token], today: Date) -> Option<(Said, usize)> {
    let token = tokens.first()?;
    match token.kind {
        Kind::Date => return one_piece(&token.text, today).map(|said| (said, 1)),
        Kind::Dte(days) => return Some((Said::Dte(days), 1)),
        Kind::Number(days) if tokens.get(1).is_some_and(|t| t.text == "dte") => {
            return Some((Said::Dte(days.to_u16()?), 2));
        }
        _ => {}
    }
    if let Some(found) = month_first(tokens, today) {
        return Some(found);
    }
    // 15 jan 27, 20 nov 2026, 15th of jan.
    if let Some(day) =
        small(Some(token)).or_else(|| ordinal(Some(token))).filter(|day| (1..=31).contains(day))
    {
        let of = usize::from(tokens.get(1).is_some_and(|t| t.text == "of"));
        if let Some(m) = tokens.get(1 + of).and_then(|t| month(&t.text)) {
            let after = small(tokens.get(2 + of)).filter(|y| is_near_year(*y, tokens.get(2 + of), today));
            return match after.and_then(year) {
                Some(y) => full(y, i64::from(m), day).map(|said| (said, 3 + of)),
                None => next(today, i64::from(m), day).map(|said| (said, 2 + of)),
            };
        }
    }
    relative(tokens, today)
}

fn month_first(tokens: &[Token], today: Date) -> Option<(Said, usize)> {
    let m = month(&tokens[0].text)?;
    let comma = |at: usize| usize::from(tokens.get(at).is_some_and(|t| t.kind == Kind::Mark(',')));
    let day = small(tokens.get(1)).or_else(|| ordinal(tokens.get(1)));
    if let Some(y) = day.filter(|y| *y > 31 && is_near_year(*y, tokens.get(1), today)) {
        return Some((Said::Month(i16::try_from(y).ok()?, m), 2));
    }
    if let Some(y) = tokens.get(1).and_then(|t| t.text.strip_prefix('\'')).and_then(|y| y.parse().ok()) {
        return Some((Said::Month(year(y)?, m), 2));
    }
    if let Some(day) = day.filter(|day| (1..=31).contains(day)) {
        let skip = comma(2);
        let with_year = small(tokens.get(2 + skip)).filter(|y| is_near_year(*y, tokens.get(2 + skip), today));
        return match with_year.and_then(year) {
            Some(y) => full(y, i64::from(m), day).map(|said| (said, 3 + skip)),
            None => next(today, i64::from(m), day).map(|said| (said, 2)),
        };
    }
    // A bare month is its next standard expiry; "may" and "mar" stand for months only beside an option, which the caller decides.
    let y = if m >= today.month() { today.year() } else { today.year() + 1 };
    Some((Said::Month(y, m), 1))
}

/// Years around today's that two digits behind a day may be. Further ones are strikes: nothing is listed so far ahead.
const YEARS_BACK: i64 = 2;
const YEARS_AHEAD: i64 = 4;
/// First year that four digits behind a day are.
const FIRST_YEAR: i64 = 1990;

/// Is a number behind a month or a day its year, in two digits or four: "jan 15 27", not "jan 15 60 call".
fn is_near_year(number: i64, token: Option<&Token>, today: Date) -> bool {
    let digits = token.map_or(0, |token| token.text.trim_start_matches('\'').len());
    let this = i64::from(today.year());
    let first = match digits {
        2 => this - YEARS_BACK,
        4 => FIRST_YEAR,
        _ => return false,
    };
    year(number).is_some_and(|y| (first..=this + YEARS_AHEAD).contains(&i64::from(y)))
}

/// Is a token the two digits that a year may be written in.
pub(super) fn is_short_year(token: &Token) -> bool {
    matches!(token.kind, Kind::Number(_)) && token.raw.len() == 2
}

fn relative(tokens: &[Token], today: Date) -> Option<(Said, usize)> {
    let text = |i: usize| tokens.get(i).map(|t| t.text.as_str());
    let coming = |day: Weekday| plus_days(today, i64::from(day.since(today.weekday())));
    match (text(0)?, text(1)) {
        ("today", _) => Some((Said::Day(today), 1)),
        ("tomorrow", _) => Some((Said::Day(plus_days(today, 1)), 1)),
        ("this", Some("week")) => Some((Said::Day(coming(Weekday::Friday)), 2)),
        ("next", Some("week")) => Some((Said::Day(plus_days(coming(Weekday::Friday), 7)), 2)),
        ("this", Some("month")) => Some((Said::Month(today.year(), today.month()), 2)),
        ("next", Some("month")) => {
            let after =
                if today.month() == 12 { (today.year() + 1, 1) } else { (today.year(), today.month() + 1) };
            Some((Said::Month(after.0, after.1), 2))
        }
        ("this", Some(day)) => weekday(day).map(|day| (Said::Day(coming(day)), 2)),
        ("next", Some(day)) => weekday(day).map(|day| (Said::Day(plus_days(coming(day), 7)), 2)),
        (day, _) => {
            let day = weekday(day)?;
            // "fri dec 18" is one day where the two agree.
            match read(tokens.get(1..)?, today) {
                Some((said @ Said::Day(date), used)) if !is_relative(text(1)) && date.weekday() == day => {
                    Some((said, 1 + used))
                }
                _ => Some((Said::Day(coming(day)), 1)),
            }
        }
    }
}

/// Is a word the beginning of a day that is told by today.
fn is_relative(word: Option<&str>) -> bool {
    word.is_some_and(|word| matches!(word, "today" | "tomorrow" | "this" | "next") || weekday(word).is_some())
}

/// The expiry that was meant.
///
/// # Errors
/// When it is past or no session.
pub(super) fn expiry(
    said: Said,
    today: Date,
    calendar: &Calendar,
    listed: Option<&[Date]>,
) -> Result<Date, DayError> {
    let day = match said {
        Said::Month(year, month) => calendar.monthly_expiry(year, month),
        Said::Dte(0) => today,
        Said::Dte(days) => nearest_expiry(plus_days(today, i64::from(days)), calendar, listed),
        Said::Day(day) => day,
    };
    if day < today {
        return Err(DayError::Past(day));
    }
    if calendar.is_session(day) {
        return Ok(day);
    }
    // A Friday that is a holiday was meant as that week's expiry only when the week was said, not the day.
    let (before, after) = (calendar.previous_session(day), calendar.next_session(day));
    let distance = |other: Date| (other.since(day).map_or(99, |span| span.get_days())).abs();
    let near = if distance(before) <= distance(after) && before >= today { before } else { after };
    Err(DayError::NotASession(day, near))
}

/// The listed expiry nearest to a day, or the nearest Friday (the Thursday before when that is a holiday); the later on a tie.
fn nearest_expiry(target: Date, calendar: &Calendar, listed: Option<&[Date]>) -> Date {
    let distance = |day: Date| (day.since(target).map_or(i32::MAX, |span| span.get_days())).abs();
    let fridays: Vec<Date> =
        (-1..=1).map(|week| calendar.weekly_expiry(plus_days(target, week * 7))).collect();
    let candidates = listed.filter(|list| !list.is_empty()).unwrap_or(&fridays);
    candidates.iter().copied().min_by(|a, b| distance(*a).cmp(&distance(*b)).then(b.cmp(a))).unwrap_or(target)
}
