//! The NYSE calendar by rule, with the exceptions as data; sessions as instants; option expiries; the account day.
//! Source: NYSE Rule 7.2 and the exchange's published holidays.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Time, Weekday, date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::instrument::AssetClass;

/// Closures that no rule gives (mourning, hurricanes, attacks).
const CLOSED: &[(i16, i8, i8)] = &[
    (2001, 9, 11),
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    (2004, 6, 11),
    (2007, 1, 2),
    (2012, 10, 29),
    (2012, 10, 30),
    (2018, 12, 5),
    (2025, 1, 9),
];
/// Early closes that no rule gives.
const EARLY_ADDED: &[(i16, i8, i8)] = &[(1999, 12, 31), (2002, 7, 5), (2003, 12, 26)];
/// Early closes that the rule gives and the exchange did not.
const EARLY_REMOVED: &[(i16, i8, i8)] = &[(2002, 7, 3)];

const PRE_OPEN: Time = time(4, 0, 0, 0);
const OPEN: Time = time(9, 30, 0, 0);
const EARLY_CLOSE: Time = time(13, 0, 0, 0);
const CLOSE: Time = time(16, 0, 0, 0);
const POST_CLOSE: Time = time(20, 0, 0, 0);
/// The account day and the FX day turn here.
const DAY_TURN: Time = time(17, 0, 0, 0);

/// New York's zone, compiled in.
#[must_use]
pub fn new_york() -> TimeZone {
    jiff::tz::get!("America/New_York")
}

/// The instant of a wall time in New York. A time that a clock change skips is the first instant after the gap.
#[must_use]
pub fn instant(day: Date, at: Time) -> Timestamp {
    day.to_datetime(at).to_zoned_datetime(new_york()).map_or(Timestamp::MIN, |zoned| zoned.timestamp())
}

/// The date in New York.
#[must_use]
pub fn exchange_date(at: Timestamp) -> Date {
    at.to_zoned_datetime(new_york()).date()
}

/// Has this exchange day begun at an instant. Midnight in New York is four to five hours after midnight in UTC: only between them must the
/// zone be asked, which is dear.
#[must_use]
pub fn has_begun(day: Date, at: Timestamp) -> bool {
    let hours = at.as_second().div_euclid(3_600) - day.duration_since(date(1970, 1, 1)).as_hours();
    hours >= 5 || (hours >= 4 && exchange_date(at) >= day)
}

/// One regular session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The exchange's date.
    pub date: Date,
    /// 09:30 in New York.
    pub open: Timestamp,
    /// 16:00 in New York, or 13:00 on an early-close day.
    pub close: Timestamp,
    /// Closes at 13:00.
    pub early: bool,
}

/// What a market does at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketPhase {
    /// No trading.
    Closed,
    /// Before the regular session.
    PreMarket,
    /// The regular session.
    Regular,
    /// After it.
    PostMarket,
}

/// The hours that a broker has for one of the exchange's days, as it says them itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaidDay {
    /// The exchange's date.
    pub date: Date,
    /// When the regular session closes, in New York; absent where there is none.
    pub close: Option<Time>,
}

/// The exchange calendar: rules, listed exceptions, the user's own, and what a broker says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    closed: BTreeSet<Date>,
    early: BTreeMap<Date, bool>,
    /// Sessions on days that the rules close.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    opened: BTreeSet<Date>,
}

impl Calendar {
    /// NYSE as published.
    #[must_use]
    pub fn nyse() -> Self {
        let day = |(year, month, day): &(i16, i8, i8)| date(*year, *month, *day);
        let mut early: BTreeMap<Date, bool> = EARLY_ADDED.iter().map(|d| (day(d), true)).collect();
        early.extend(EARLY_REMOVED.iter().map(|d| (day(d), false)));
        Self { closed: CLOSED.iter().map(day).collect(), early, opened: BTreeSet::new() }
    }

    /// Adds a closure the rules do not know.
    pub fn close_on(&mut self, day: Date) {
        self.closed.insert(day);
    }

    /// Says that a session closes at 13:00, or that it does not, whatever the rules say.
    pub fn set_early_close(&mut self, day: Date, early: bool) {
        self.early.insert(day, early);
    }

    /// Takes in what a broker says of a day, which goes before everything else. Gives what this calendar said until then, in a few words, where
    /// that was something else: nothing changes where both agree.
    pub fn take(&mut self, said: SaidDay) -> Option<String> {
        let before = self.hours(said.date);
        match said.close {
            None => {
                self.opened.remove(&said.date);
                if self.is_session(said.date) {
                    self.closed.insert(said.date);
                }
            }
            Some(close) => {
                self.closed.remove(&said.date);
                if !self.is_session(said.date) {
                    self.opened.insert(said.date);
                }
                let early = close < CLOSE;
                if self.is_early_close(said.date) != early {
                    self.early.insert(said.date, early);
                }
            }
        }
        (before != hours(said.close)).then_some(before)
    }

    /// What the exchange does on a day, in a few words: `closed`, or when it closes in New York.
    #[must_use]
    pub fn hours(&self, day: Date) -> String {
        let close = if self.is_early_close(day) { EARLY_CLOSE } else { CLOSE };
        hours(self.is_session(day).then_some(close))
    }

    /// Does the exchange open on this date.
    #[must_use]
    pub fn is_session(&self, day: Date) -> bool {
        let by_rule = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_holiday(day);
        (by_rule && !self.closed.contains(&day)) || self.opened.contains(&day)
    }

    /// Does it close at 13:00 on this date; false on days without a session.
    #[must_use]
    pub fn is_early_close(&self, day: Date) -> bool {
        if !self.is_session(day) {
            return false;
        }
        self.early.get(&day).copied().unwrap_or_else(|| early_by_rule(day))
    }

    /// The session of a date, if there is one.
    #[must_use]
    pub fn session(&self, day: Date) -> Option<Session> {
        if !self.is_session(day) {
            return None;
        }
        let early = self.is_early_close(day);
        let close = if early { EARLY_CLOSE } else { CLOSE };
        Some(Session { date: day, open: instant(day, OPEN), close: instant(day, close), early })
    }

    /// The first session date after `day`.
    #[must_use]
    pub fn next_session(&self, day: Date) -> Date {
        let mut next = tomorrow(day);
        while !self.is_session(next) {
            next = tomorrow(next);
        }
        next
    }

    /// The last session date before `day`.
    #[must_use]
    pub fn previous_session(&self, day: Date) -> Date {
        let mut previous = yesterday(day);
        while !self.is_session(previous) {
            previous = yesterday(previous);
        }
        previous
    }

    /// `day` itself if it is a session, else the one before.
    #[must_use]
    pub fn session_on_or_before(&self, day: Date) -> Date {
        if self.is_session(day) { day } else { self.previous_session(day) }
    }

    /// What the market of an asset class does now. Crypto is always in its regular session.
    #[must_use]
    pub fn phase(&self, class: AssetClass, at: Timestamp) -> MarketPhase {
        match class {
            _ if class.trades_around_the_clock() => MarketPhase::Regular,
            AssetClass::Fx => fx_phase(at),
            AssetClass::Option => match self.equity_phase(at) {
                MarketPhase::Regular => MarketPhase::Regular,
                _ => MarketPhase::Closed,
            },
            _ => self.equity_phase(at),
        }
    }

    fn equity_phase(&self, at: Timestamp) -> MarketPhase {
        let local = at.to_zoned_datetime(new_york());
        let (day, now) = (local.date(), local.time());
        if !self.is_session(day) || now < PRE_OPEN || now >= POST_CLOSE {
            return MarketPhase::Closed;
        }
        let close = if self.is_early_close(day) { EARLY_CLOSE } else { CLOSE };
        if now < OPEN {
            MarketPhase::PreMarket
        } else if now < close {
            MarketPhase::Regular
        } else {
            MarketPhase::PostMarket
        }
    }

    /// When the regular session next opens or closes.
    #[must_use]
    pub fn next_bell(&self, at: Timestamp) -> Timestamp {
        let today = exchange_date(at);
        if let Some(session) = self.session(today) {
            if at < session.open {
                return session.open;
            }
            if at < session.close {
                return session.close;
            }
        }
        instant(self.next_session(today), OPEN)
    }

    /// The standard monthly option expiry: the third Friday, or the session before when that is none.
    #[must_use]
    pub fn monthly_expiry(&self, year: i16, month: i8) -> Date {
        self.session_on_or_before(nth_weekday(year, month, Weekday::Friday, 3))
    }

    /// The Friday of the week of `day` (the Thursday before when it is a holiday).
    #[must_use]
    pub fn weekly_expiry(&self, day: Date) -> Date {
        let ahead = i64::from(Weekday::Friday.since(day.weekday()));
        self.session_on_or_before(plus_days(day, ahead))
    }

    /// When an option that expires on `day` stops trading: the close of that session (or of the one before).
    #[must_use]
    pub fn expiry_instant(&self, day: Date) -> Timestamp {
        let day = self.session_on_or_before(day);
        instant(day, if self.is_early_close(day) { EARLY_CLOSE } else { CLOSE })
    }

    /// Settlement date of an equity trade (T+1, counted in sessions).
    #[must_use]
    pub fn settlement_date(&self, trade_date: Date) -> Date {
        self.next_session(trade_date)
    }
}

/// The account day of an instant: it turns at 17:00 New York, so an evening belongs to the next date.
#[must_use]
pub fn account_day(at: Timestamp) -> Date {
    let local = at.to_zoned_datetime(new_york());
    if local.time() >= DAY_TURN { tomorrow(local.date()) } else { local.date() }
}

/// The instant an account day ends at: the next one begins with it.
#[must_use]
pub fn account_day_end(day: Date) -> Timestamp {
    instant(day, DAY_TURN)
}

/// `day` moved by whole days; clamped at the calendar's ends.
#[must_use]
pub fn plus_days(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).unwrap_or(day)
}

fn tomorrow(day: Date) -> Date {
    day.tomorrow().unwrap_or(Date::MAX)
}

fn yesterday(day: Date) -> Date {
    day.yesterday().unwrap_or(Date::MIN)
}

/// The n-th such weekday of a month (1 to 4).
#[must_use]
pub fn nth_weekday(year: i16, month: i8, weekday: Weekday, nth: i64) -> Date {
    let first = date(year, month, 1);
    plus_days(first, i64::from(weekday.since(first.weekday())) + (nth - 1) * 7)
}

/// A session's close in a few words, as [`Calendar::hours`] says it.
#[must_use]
pub fn hours(close: Option<Time>) -> String {
    close.map_or_else(|| "closed".to_owned(), |close| format!("open until {}", close.strftime("%H:%M")))
}

fn fx_phase(at: Timestamp) -> MarketPhase {
    let local = at.to_zoned_datetime(new_york());
    let open = match local.weekday() {
        Weekday::Saturday => false,
        Weekday::Sunday => local.time() >= DAY_TURN,
        Weekday::Friday => local.time() < DAY_TURN,
        _ => true,
    };
    if open { MarketPhase::Regular } else { MarketPhase::Closed }
}

/// Holidays by rule.
fn is_holiday(day: Date) -> bool {
    let (year, month, dom, weekday) = (day.year(), day.month(), day.day(), day.weekday());
    let monday = weekday == Weekday::Monday;
    match month {
        // New Year moves to Monday from a Sunday; from a Saturday it is not observed at all.
        1 => dom == 1 || (dom == 2 && monday) || (year >= 1998 && monday && (15..=21).contains(&dom)),
        2 => monday && (15..=21).contains(&dom),
        3 | 4 => day == plus_days(easter(year), -2),
        5 => monday && dom >= 25,
        6 => year >= 2022 && observed(day, 19),
        7 => observed(day, 4),
        9 => monday && dom <= 7,
        11 => weekday == Weekday::Thursday && (22..=28).contains(&dom),
        12 => observed(day, 25),
        _ => false,
    }
}

/// Is `day` where a holiday on the `dom`-th of its month is kept: a Saturday's on Friday, a Sunday's on Monday.
fn observed(day: Date, dom: i8) -> bool {
    match day.weekday() {
        Weekday::Friday => day.day() == dom || day.day() == dom - 1,
        Weekday::Monday => day.day() == dom || day.day() == dom + 1,
        _ => day.day() == dom,
    }
}

fn early_by_rule(day: Date) -> bool {
    let midweek = !matches!(day.weekday(), Weekday::Friday);
    match (day.month(), day.day()) {
        (7, 3) | (12, 24) => midweek,
        (11, 23..=29) => day.weekday() == Weekday::Friday,
        _ => false,
    }
}

/// Easter Sunday by the Gregorian computus (Meeus, Jones, Butcher).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e, f) = (b / 4, b % 4, (b + 8) / 25);
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    let month = i8::try_from(n / 31).unwrap_or(4);
    let dom = i8::try_from(n % 31 + 1).unwrap_or(1);
    date(year, month, dom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/fixtures/vectors/nyse-calendar-vectors.json")).unwrap()
    }

    fn dates(value: &Value) -> Vec<Date> {
        value.as_array().unwrap().iter().map(|d| d.as_str().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn a_day_has_begun_from_its_midnight_in_new_york() {
        // Winter, summer, both changes of the clock, and the year before standard time.
        for day in [(1883, 6, 1), (2024, 1, 2), (2024, 3, 10), (2024, 7, 4), (2024, 11, 3), (2024, 11, 4)] {
            let day = date(day.0, day.1, day.2);
            let midnight = instant(day, time(0, 0, 0, 0));
            for minutes in -180..180 {
                let at = midnight + jiff::SignedDuration::from_mins(minutes);
                assert_eq!(has_begun(day, at), exchange_date(at) >= day, "{day} {at}");
            }
        }
    }

    /// A broker's word goes before the rules and the user's file; where both agree nothing is said, and nothing kept.
    #[test]
    fn what_a_broker_says_of_a_day_holds() {
        let mut calendar = Calendar::nyse();
        calendar.close_on(date(2027, 3, 15));
        let said = |month, dom, close| SaidDay { date: date(2027, month, dom), close };
        let (full, early) = (Some(time(16, 0, 0, 0)), Some(time(13, 0, 0, 0)));
        for (day, before) in [
            (said(3, 15, full), Some("closed")),
            (said(3, 16, None), Some("open until 16:00")),
            (said(3, 17, early), Some("open until 16:00")),
            // Good Friday, opened against its rule; the day after Thanksgiving, whole.
            (said(3, 26, full), Some("closed")),
            (said(11, 26, full), Some("open until 13:00")),
            (said(3, 18, full), None),
            (said(11, 25, None), None),
            (said(3, 20, None), None),
        ] {
            assert_eq!(calendar.take(day).as_deref(), before, "{day:?}");
            assert_eq!(calendar.take(day), None, "{day:?} is known now");
            assert_eq!(calendar.session(day.date).map(|it| it.early), day.close.map(|close| close < CLOSE));
        }
        // What the exchange does at an hour that this program has no word for stands in the line that tells of it.
        let odd = said(4, 1, Some(time(14, 0, 0, 0)));
        assert_eq!(calendar.take(odd).as_deref(), Some("open until 16:00"));
        assert!(calendar.is_early_close(odd.date));
        let text = serde_json::to_string(&calendar).unwrap();
        assert_eq!(serde_json::from_str::<Calendar>(&text).unwrap(), calendar);
    }

    #[test]
    fn closures_and_early_closes_equal_the_vectors_1998_to_2035() {
        let calendar = Calendar::nyse();
        for (year, expect) in vectors()["years"].as_object().unwrap() {
            let year: i16 = year.parse().unwrap();
            let days = || date(year, 1, 1).series(1.day()).take_while(|d| d.year() == year);
            let weekdays = |d: &Date| !matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday);
            let closed: Vec<Date> = days().filter(weekdays).filter(|d| !calendar.is_session(*d)).collect();
            assert_eq!(closed, dates(&expect["closed_weekdays"]), "{year}");
            let early: Vec<Date> = days().filter(|d| calendar.is_early_close(*d)).collect();
            assert_eq!(early, dates(&expect["early_close_1300_et"]), "{year}");
            let sessions = days().filter(|d| calendar.is_session(*d)).count();
            assert_eq!(sessions as u64, expect["sessions"].as_u64().unwrap(), "{year}");
        }
    }

    #[test]
    fn sessions_and_expiries_equal_the_vectors() {
        let calendar = Calendar::nyse();
        let vectors = vectors();
        for row in vectors["session_utc"].as_array().unwrap() {
            let session = calendar.session(row["date"].as_str().unwrap().parse().unwrap()).unwrap();
            assert_eq!(session.open.to_string(), row["open_utc"].as_str().unwrap());
            assert_eq!(session.close.to_string(), row["close_utc"].as_str().unwrap());
        }
        for row in vectors["monthly_option_expiry_moved_off_third_friday"].as_array().unwrap() {
            let third: Date = row["third_friday"].as_str().unwrap().parse().unwrap();
            let expiry: Date = row["expiry"].as_str().unwrap().parse().unwrap();
            assert_eq!(calendar.monthly_expiry(third.year(), third.month()), expiry);
        }
    }

    #[test]
    fn phases_follow_wall_time_in_new_york() {
        let calendar = Calendar::nyse();
        let phase = |class, text: &str| calendar.phase(class, text.parse().unwrap());
        assert_eq!(phase(AssetClass::Equity, "2025-03-10T13:30:00Z"), MarketPhase::Regular);
        assert_eq!(phase(AssetClass::Equity, "2025-03-10T13:29:59Z"), MarketPhase::PreMarket);
        assert_eq!(phase(AssetClass::Equity, "2025-03-10T20:00:00Z"), MarketPhase::PostMarket);
        assert_eq!(phase(AssetClass::Option, "2025-03-10T20:00:00Z"), MarketPhase::Closed);
        assert_eq!(phase(AssetClass::Equity, "2026-11-27T18:00:00Z"), MarketPhase::PostMarket);
        assert_eq!(phase(AssetClass::Fx, "2025-03-08T12:00:00Z"), MarketPhase::Closed);
        assert_eq!(phase(AssetClass::Crypto, "2025-12-25T12:00:00Z"), MarketPhase::Regular);
        assert_eq!(account_day("2025-03-10T21:00:00Z".parse().unwrap()), date(2025, 3, 11));
    }
}
