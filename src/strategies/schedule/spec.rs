//! A schedule in words and the next instant it means.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::domain::calendar::{Calendar, Session, exchange_date, new_york, plus_days};
use crate::domain::quote::Interval;

/// A bar is complete so long after its end: late trades of it have come by then.
const BAR_DELAY: SignedDuration = SignedDuration::from_secs(2);
/// Days that are looked at for the next due time: no exchange is closed for longer.
const DAYS_MAX: i64 = 40;
/// The shortest and the longest step of `every`.
const EVERY_MIN: SignedDuration = SignedDuration::from_secs(1);
const EVERY_MAX: SignedDuration = SignedDuration::from_hours(24);
/// Wall times of one schedule at most.
const TIMES_MAX: usize = 48;
/// How far from a bell a time may be.
const OFFSET_MAX: SignedDuration = SignedDuration::from_hours(12);

/// Which hours a step counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Regular sessions of the exchange, aligned to their opens; early closes end them.
    Regular,
    /// Around the clock, aligned to 00:00 UTC: coins and perpetuals.
    Always,
}

/// Which days a wall time counts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Days {
    /// Days with a session.
    Sessions,
    /// Every day.
    All,
}

/// A bell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The session's open.
    Open,
    /// Its close, early on an early-close day.
    Close,
}

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleSpec {
    /// At every step from the open (or from 00:00 UTC), the last one before the close.
    Every {
        /// The step, from a second to a day.
        step: SignedDuration,
        /// Which hours.
        within: Within,
    },
    /// At wall times. One that a clock change skips is due at the first instant after the gap, one that it repeats the first time only.
    At {
        /// Rising, each once.
        times: Vec<Time>,
        /// The zone of the times.
        zone: TimeZone,
        /// Which days.
        days: Days,
    },
    /// So far from a bell of each session.
    Bell {
        /// Which bell.
        edge: Edge,
        /// After it, or before it where negative.
        offset: SignedDuration,
    },
    /// When a bar completes.
    OnBar {
        /// How wide.
        interval: Interval,
        /// Which hours its market trades in.
        within: Within,
    },
}

/// A schedule nobody can keep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is not a schedule; write 'every 5m', 'at 09:45,15:30', 'open+30m', 'close-15m' or 'bar 1d', with 'all' for every day"
)]
pub struct ScheduleError {
    /// The text as given, short and escaped.
    pub text: String,
}

impl ScheduleSpec {
    /// Wall times of the exchange on days with a session.
    #[must_use]
    pub fn at(mut times: Vec<Time>) -> Self {
        times.sort();
        times.dedup();
        Self::At { times, zone: new_york(), days: Days::Sessions }
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (first, rest) = words.split_first()?;
        let all = rest.last() == Some(&"all");
        let rest = if all { &rest[..rest.len() - 1] } else { rest };
        let within = if all { Within::Always } else { Within::Regular };
        match (*first, rest) {
            ("every", [step]) => {
                let step = duration(step).filter(|step| (EVERY_MIN..=EVERY_MAX).contains(step))?;
                Some(Self::Every { step, within })
            }
            ("bar", [interval]) => Some(Self::OnBar { interval: interval.parse().ok()?, within }),
            ("at", [times, zone @ ..]) => {
                let times: Option<Vec<Time>> = times.split(',').map(wall_time).collect();
                let mut times = times.filter(|times| times.len() <= TIMES_MAX)?;
                times.sort();
                times.dedup();
                let zone = match zone {
                    [] | ["exchange"] => new_york(),
                    [name] => TimeZone::get(name).ok()?,
                    _ => return None,
                };
                Some(Self::At { times, zone, days: if all { Days::All } else { Days::Sessions } })
            }
            (bell, []) if !all => {
                let (edge, offset) = match (bell.strip_prefix("open"), bell.strip_prefix("close")) {
                    (Some(offset), _) => (Edge::Open, offset),
                    (_, Some(offset)) => (Edge::Close, offset),
                    _ => return None,
                };
                let offset = match offset.split_at_checked(1) {
                    None => SignedDuration::ZERO,
                    Some(("+", offset)) => duration(offset)?,
                    Some(("-", offset)) => -duration(offset)?,
                    Some(_) => return None,
                };
                (offset.abs() <= OFFSET_MAX).then_some(Self::Bell { edge, offset })
            }
            _ => None,
        }
    }
}

impl FromStr for ScheduleSpec {
    type Err = ScheduleError;
    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        Self::parse(text).ok_or_else(|| ScheduleError {
            text: text.chars().take(40).flat_map(char::escape_default).collect(),
        })
    }
}

/// `HH:MM`, as nobody can misread it.
fn wall_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// `30s`, `5m`, `2h`, `1d`.
fn duration(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(SignedDuration::from_secs(i64::from(number).checked_mul(seconds)?))
}

struct Shown(SignedDuration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs().unsigned_abs() {
            seconds if seconds.is_multiple_of(3_600) => write!(f, "{}h", seconds / 3_600),
            seconds if seconds.is_multiple_of(60) => write!(f, "{}m", seconds / 60),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

impl fmt::Display for ScheduleSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |within: Within| if within == Within::Always { " all" } else { "" };
        match self {
            Self::Every { step, within } => write!(f, "every {}{}", Shown(*step), all(*within)),
            Self::OnBar { interval, within } => write!(f, "bar {interval}{}", all(*within)),
            Self::At { times, zone, days } => {
                let times: Vec<String> = times.iter().map(|at| at.strftime("%H:%M").to_string()).collect();
                write!(f, "at {}", times.join(","))?;
                match zone.iana_name() {
                    Some(name) if *zone != new_york() => write!(f, " {name}")?,
                    _ => {}
                }
                f.write_str(if *days == Days::All { " all" } else { "" })
            }
            Self::Bell { edge, offset } => {
                f.write_str(if *edge == Edge::Open { "open" } else { "close" })?;
                match offset.signum() {
                    0 => Ok(()),
                    1 => write!(f, "+{}", Shown(*offset)),
                    _ => write!(f, "-{}", Shown(*offset)),
                }
            }
        }
    }
}

/// The first instant after `after` at which this is due; `None` where it never is again.
#[must_use]
pub fn next_due(spec: &ScheduleSpec, calendar: &Calendar, after: Timestamp) -> Option<Timestamp> {
    match spec {
        ScheduleSpec::Every { step, within: Within::Always } => next_step_utc(*step, after),
        ScheduleSpec::OnBar { interval, within: Within::Always } => bar_end_utc(*interval, after),
        ScheduleSpec::Every { step, within: Within::Regular } => {
            over_sessions(calendar, after, |session| next_step(session.open, session.close, *step, after))
        }
        ScheduleSpec::OnBar { interval, within: Within::Regular } => {
            over_sessions(calendar, after, |session| bar_end(calendar, session, *interval, after))
        }
        ScheduleSpec::Bell { edge, offset } => over_sessions(calendar, after, |session| {
            let bell = if *edge == Edge::Open { session.open } else { session.close };
            bell.checked_add(*offset).ok().filter(|due| *due > after)
        }),
        ScheduleSpec::At { times, zone, days } => {
            let first = plus_days(after.to_zoned_datetime(zone.clone()).date(), -1);
            days_from(first)
                .filter(|day| *days == Days::All || calendar.is_session(*day))
                .find_map(|day| times.iter().filter_map(|at| wall(day, *at, zone)).find(|due| *due > after))
        }
    }
}

fn days_from(first: Date) -> impl Iterator<Item = Date> {
    first.series(1.day()).take(usize::try_from(DAYS_MAX).unwrap_or_default())
}

/// The first due time of the first session that has one. The search begins a day early: an offset may reach over midnight.
fn over_sessions(
    calendar: &Calendar,
    after: Timestamp,
    due: impl Fn(&Session) -> Option<Timestamp>,
) -> Option<Timestamp> {
    let first = plus_days(exchange_date(after), -1);
    days_from(first).filter_map(|day| calendar.session(day)).find_map(|session| due(&session))
}

/// The instant of a wall time: the first one after a gap, the first of two.
fn wall(day: Date, at: Time, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(day.to_datetime(at));
    if matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. }) {
        let beyond = ambiguous.later().ok()?;
        // The change itself is the last one before the instant that the clock would have reached.
        return zone.preceding(beyond).next().map(|change| change.timestamp());
    }
    ambiguous.earlier().ok()
}

fn next_step(open: Timestamp, close: Timestamp, step: SignedDuration, after: Timestamp) -> Option<Timestamp> {
    let step = step.as_secs().max(1);
    let past = after.duration_since(open);
    let count = if past.is_negative() { 0 } else { past.as_secs() / step + 1 };
    let due = open.checked_add(SignedDuration::from_secs(count.checked_mul(step)?)).ok()?;
    (due < close && due > after).then_some(due)
}

/// Steps begin anew at each 00:00 UTC, so that a step which does not divide the day stays where people expect it.
fn next_step_utc(step: SignedDuration, after: Timestamp) -> Option<Timestamp> {
    let midnight = Timestamp::from_second(after.as_second().div_euclid(86_400) * 86_400).ok()?;
    let next = midnight.checked_add(SignedDuration::from_hours(24)).ok()?;
    next_step(midnight, next, step, after).or(Some(next))
}

fn bar_end(
    calendar: &Calendar,
    session: &Session,
    interval: Interval,
    after: Timestamp,
) -> Option<Timestamp> {
    let complete = |end: Timestamp| end.checked_add(BAR_DELAY).ok().filter(|due| *due > after);
    match interval {
        Interval::Day1 => complete(session.close),
        Interval::Week1 => {
            let next = calendar.next_session(session.date);
            let ends = next.iso_week_date().week() != session.date.iso_week_date().week();
            if ends { complete(session.close) } else { None }
        }
        _ => {
            let length = SignedDuration::from_secs(interval.seconds());
            // The first end is a step after the open, the last one is the close.
            let before = after.checked_sub(BAR_DELAY).ok()?.max(session.open);
            match next_step(session.open, session.close, length, before) {
                Some(end) => complete(end),
                None => complete(session.close),
            }
        }
    }
}

fn bar_end_utc(interval: Interval, after: Timestamp) -> Option<Timestamp> {
    let before = after.checked_sub(BAR_DELAY).ok()?;
    let end = match interval {
        Interval::Week1 => {
            let day = before.to_zoned_datetime(TimeZone::UTC).date();
            let days = 7 - i64::from(day.weekday().to_monday_zero_offset());
            plus_days(day, days)
                .to_datetime(time(0, 0, 0, 0))
                .to_zoned_datetime(TimeZone::UTC)
                .ok()?
                .timestamp()
        }
        _ => next_step_utc(SignedDuration::from_secs(interval.seconds()), before)?,
    };
    end.checked_add(BAR_DELAY).ok()
}
