//! What looks wrong in bars that can be read: days that are missing, and prices that jump as at a split nobody told of.

use jiff::SignedDuration;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;

use super::{RecordedBar, RecordedBars};

/// Doubts that are told at most.
const DOUBTS_MAX: usize = 8;
/// Sessions that are looked through between two rows at most.
const SESSIONS_MAX: u32 = 4_000;
/// Bars closer than this have no session between them.
const FEW_HOURS: SignedDuration = SignedDuration::from_hours(12);
/// A silence that is said to be one, within a session.
const SILENCE: SignedDuration = SignedDuration::from_hours(1);
/// New shares for old ones of the splits that are usual, either way round.
const RATIOS: [(u32, u32); 8] = [(2, 1), (3, 2), (3, 1), (4, 1), (5, 1), (7, 1), (10, 1), (20, 1)];
/// The nearest of them is far from seven fifths.
const FIVE: Decimal = Decimal::from_parts(5, 0, 0, false, 0);
const SEVEN: Decimal = Decimal::from_parts(7, 0, 0, false, 0);
/// So near to a ratio, in parts of it, a jump looks like a split.
const NEAR: Decimal = Decimal::from_parts(3, 0, 0, false, 2);

/// Lines for the user, the worst first per instrument; empty where nothing looks wrong. Crypto and bars of a week are not looked at for
/// missing days.
#[must_use]
pub fn doubts(bars: &RecordedBars, calendar: &Calendar) -> Vec<String> {
    let mut found = Vec::new();
    for (instrument, series) in &bars.series {
        let mut doubts = Doubts::default();
        for pair in series.windows(2) {
            doubts.pair(instrument, &pair[0], &pair[1], calendar);
        }
        found.extend(doubts.lines(instrument, bars.interval));
    }
    told(found)
}

/// Of many lines the first, and how many more there are.
#[must_use]
pub fn told(mut found: Vec<String>) -> Vec<String> {
    let more = found.len().saturating_sub(DOUBTS_MAX);
    found.truncate(DOUBTS_MAX);
    if more > 0 {
        found.push(format!("and {more} more of the kind"));
    }
    found
}

/// What looks wrong in one series, gathered from each bar and the one after it.
#[derive(Clone, Debug, Default)]
pub struct Doubts {
    missing: u32,
    longest: (u32, String),
    /// Silences within sessions, and the longest of them with its bounds.
    silences: u32,
    silence: Option<(SignedDuration, String)>,
    splits: Vec<String>,
}

impl Doubts {
    /// Looks at a bar and the one after it.
    pub fn pair(
        &mut self,
        instrument: &Instrument,
        before: &RecordedBar,
        after: &RecordedBar,
        calendar: &Calendar,
    ) {
        let between = after.bar.start.duration_since(before.bar.start);
        let always = instrument.asset_class().trades_around_the_clock();
        if !always && between > FEW_HOURS {
            self.gap(exchange_date(before.bar.start), exchange_date(after.bar.start), calendar);
        } else if between > SILENCE && (always || is_of_one_session(before, after, calendar)) {
            self.silences += 1;
            if self.silence.as_ref().is_none_or(|(longest, _)| between > *longest) {
                self.silence = Some((between, format!("{} to {}", before.bar.start, after.bar.start)));
            }
        }
        if self.splits.len() <= DOUBTS_MAX {
            self.splits.extend(split(instrument, before, after));
        }
    }

    fn gap(&mut self, before: Date, after: Date, calendar: &Calendar) {
        let (mut day, mut count) = (calendar.next_session(before), 0);
        while day < after && count < SESSIONS_MAX {
            (day, count) = (calendar.next_session(day), count + 1);
        }
        self.missing += count;
        if count > self.longest.0 {
            self.longest = (count, format!("{before} to {after}"));
        }
    }

    /// What was found, in words.
    #[must_use]
    pub fn lines(self, instrument: &Instrument, interval: Option<Interval>) -> Vec<String> {
        let Self { missing, longest, silences, silence, splits } = self;
        let whole_days = interval.is_some_and(|interval| interval <= Interval::Day1);
        let gaps = (whole_days && missing > 0).then(|| match missing {
            1 => format!("{instrument}: 1 session has no bar, from {}", longest.1),
            many => format!(
                "{instrument}: {many} sessions have no bar, the most in a row {} from {}",
                longest.0, longest.1
            ),
        });
        // Bars of hours and more are as far apart as that.
        let minutes = interval.is_some_and(|interval| interval < Interval::Hour1);
        let silence = silence.filter(|_| minutes).map(|(_, bounds)| {
            let times = if silences == 1 { "once".to_owned() } else { format!("{silences} times") };
            format!(
                "{instrument}: {times} no bar for more than an hour of a session, the longest from {bounds}"
            )
        });
        gaps.into_iter().chain(silence).chain(splits).collect()
    }
}

/// Do both begin within the same regular session.
fn is_of_one_session(before: &RecordedBar, after: &RecordedBar, calendar: &Calendar) -> bool {
    let session = calendar.session(exchange_date(before.bar.start));
    session.is_some_and(|session| session.open <= before.bar.start && after.bar.start < session.close)
}

/// A jump from a close to the next open by the ratio of a split that the adjusted closes do not know of.
fn split(instrument: &Instrument, before: &RecordedBar, after: &RecordedBar) -> Option<String> {
    let (close, open) = (before.bar.close.get(), after.bar.open.get());
    // By far the most are nowhere near, and need no division to be told.
    if close * FIVE < open * SEVEN && open * FIVE < close * SEVEN {
        return None;
    }
    let jump = close.checked_div(open)?;
    let (numerator, denominator) =
        RATIOS.into_iter().flat_map(|(n, d)| [(n, d), (d, n)]).find(|(n, d)| {
            let ratio = Decimal::from(*n) / Decimal::from(*d);
            (jump / ratio - Decimal::ONE).abs() <= NEAR
        })?;
    // A file that knows of it has adjusted what came before by as much.
    let known = before.adjusted_close.zip(after.adjusted_close).is_some_and(|(a, b)| {
        let adjusted = a.checked_div(b).unwrap_or_default();
        let plain = before.bar.close.get().checked_div(after.bar.close.get()).unwrap_or_default();
        (adjusted - plain).abs() > plain * NEAR
    });
    let day = exchange_date(after.bar.start);
    (!known).then(|| {
        format!("{instrument}: {day} opens at a price as after a split of {numerator} for {denominator}; the bars are not adjusted for one")
    })
}

#[cfg(test)]
mod tests {
    use super::super::{parse, shipped};
    use super::*;

    fn of(rows: &str) -> Vec<String> {
        let calendar = Calendar::nyse();
        let text = format!("symbol,date,open,high,low,close,volume,adj_close\n{rows}");
        doubts(&parse("x.csv", &text, &calendar).unwrap(), &calendar)
    }

    #[test]
    fn silences_within_a_session_are_said_and_those_between_two_are_not() {
        let row = |symbol: &str, at: &str| format!("{symbol},{at}:00Z,10,11,9,10,5,10\n");
        let minutes = |symbol: &str, times: &[&str]| {
            let rows: String = times.iter().map(|at| row(symbol, at)).collect();
            of(&format!(
                "{rows}Z,2024-03-01T15:00:00Z,10,11,9,10,5,10\nZ,2024-03-01T15:01:00Z,10,11,9,10,5,10\n"
            ))
        };
        let quiet = ["2024-03-01T14:30", "2024-03-01T15:30", "2024-03-01T20:59", "2024-03-04T15:00"];
        assert_eq!(
            minutes("A", &quiet),
            [
                "A: once no bar for more than an hour of a session, the longest from 2024-03-01T15:30:00Z to 2024-03-01T20:59:00Z"
            ]
        );
        // An hour is none, the night and the hours before the open are none; coins have neither.
        assert!(minutes("A", &["2024-03-01T12:00", "2024-03-01T14:31", "2024-03-01T15:31"]).is_empty());
        let coin = minutes("BTC-USD", &["2024-03-02T00:00", "2024-03-02T02:00", "2024-03-02T05:00"]);
        assert!(
            coin[0].starts_with("BTC-USD: 2 times no bar") && coin[0].ends_with("T05:00:00Z"),
            "{coin:?}"
        );
    }

    #[test]
    fn missing_days_and_unadjusted_splits_are_said_and_known_ones_are_not() {
        let rows = "A,2024-03-01,100,101,99,100,10,100\nA,2024-03-04,100,101,99,100,10,100\n";
        assert!(of(rows).is_empty());
        let said = of(&format!("{rows}A,2024-03-11,101,102,99,100,10,100\n"));
        assert_eq!(said, ["A: 4 sessions have no bar, the most in a row 4 from 2024-03-04 to 2024-03-11"]);
        let said = of(&format!("{rows}A,2024-03-05,50,51,49,50,10,50\n"));
        assert_eq!(
            said,
            ["A: 2024-03-05 opens at a price as after a split of 2 for 1; the bars are not adjusted for one"]
        );
        let known = "A,2024-03-01,100,101,99,100,10,50\nA,2024-03-04,50,51,49,50,10,50\n";
        assert!(of(known).is_empty(), "{:?}", of(known));
        let reverse = "A,2024-03-01,1,1.1,0.9,1,10,1\nA,2024-03-04,10,11,9,10,10,10\n";
        assert!(of(reverse)[0].contains("1 for 10"), "{:?}", of(reverse));
        let shipped = doubts(&shipped().unwrap(), &Calendar::nyse());
        assert!(shipped.iter().all(|line| !line.contains("split")), "{shipped:?}");
    }
}
