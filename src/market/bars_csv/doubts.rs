//! What looks wrong in bars that can be read: days that are missing, and prices that jump as at a split nobody told of.

use rust_decimal::Decimal;

use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;

use super::{RecordedBar, RecordedBars};

/// Doubts that are told at most.
const DOUBTS_MAX: usize = 8;
/// Sessions that are looked through between two rows at most.
const SESSIONS_MAX: usize = 4_000;
/// New shares for old ones of the splits that are usual, either way round.
const RATIOS: [(u32, u32); 8] = [(2, 1), (3, 2), (3, 1), (4, 1), (5, 1), (7, 1), (10, 1), (20, 1)];
/// So near to a ratio, in parts of it, a jump looks like a split.
const NEAR: Decimal = Decimal::from_parts(3, 0, 0, false, 2);

/// Lines for the user, the worst first per instrument; empty where nothing looks wrong. Crypto and bars of a week are not looked at for
/// missing days.
#[must_use]
pub fn doubts(bars: &RecordedBars, calendar: &Calendar) -> Vec<String> {
    let mut found = Vec::new();
    for (instrument, series) in &bars.series {
        found.extend(gaps(instrument, series, bars.interval, calendar));
        found.extend(splits(instrument, series));
    }
    let more = found.len().saturating_sub(DOUBTS_MAX);
    found.truncate(DOUBTS_MAX);
    if more > 0 {
        found.push(format!("and {more} more of the kind"));
    }
    found
}

fn gaps(
    instrument: &Instrument,
    series: &[RecordedBar],
    interval: Option<Interval>,
    calendar: &Calendar,
) -> Option<String> {
    let whole_days = interval.is_some_and(|interval| interval <= Interval::Day1);
    if !whole_days || instrument.asset_class().trades_around_the_clock() {
        return None;
    }
    let (mut missing, mut longest) = (0, (0, String::new()));
    for pair in series.windows(2) {
        let (before, after) = (exchange_date(pair[0].bar.start), exchange_date(pair[1].bar.start));
        let (mut day, mut count) = (calendar.next_session(before), 0);
        while day < after && count < SESSIONS_MAX {
            (day, count) = (calendar.next_session(day), count + 1);
        }
        missing += count;
        if count > longest.0 {
            longest = (count, format!("{before} to {after}"));
        }
    }
    (missing > 0).then(|| {
        format!(
            "{instrument}: {missing} sessions have no bar, the most in a row {} from {}",
            longest.0, longest.1
        )
    })
}

/// Jumps from a close to the next open by the ratio of a split that the adjusted closes do not know of.
fn splits<'a>(instrument: &'a Instrument, series: &'a [RecordedBar]) -> impl Iterator<Item = String> + 'a {
    series.windows(2).filter_map(move |pair| {
        let (before, after) = (&pair[0], &pair[1]);
        let jump = before.bar.close.get().checked_div(after.bar.open.get())?;
        let (numerator, denominator) = RATIOS.into_iter().flat_map(|(n, d)| [(n, d), (d, n)]).find(|(n, d)| {
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
