//! Recorded bars of several instruments as one line of events, without copies: what a backtest reads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use crate::domain::calendar::exchange_date;
use crate::domain::corporate::CorporateAction;
use crate::domain::instrument::Instrument;

use super::bars_file::{RecordedBar, RecordedBars};
use super::corporate::corporate_actions;

/// One event of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded<'a> {
    /// Before the first trade of its ex-date.
    Corporate(&'a CorporateAction),
    /// A complete bar, at its end.
    Bar(&'a Instrument, &'a RecordedBar),
}

/// Corporate actions with the instant they take effect, rising: the start of the first bar of the ex-date or later.
#[must_use]
pub fn dated_actions(bars: &RecordedBars) -> Vec<(Timestamp, CorporateAction)> {
    let dated = |action: CorporateAction| {
        let series = bars.series.get(&action.instrument)?;
        // Series rise, so the first bar of the day or after can be searched for by halves.
        let first = series.partition_point(|row| exchange_date(row.bar.start) < action.ex_date);
        series.get(first).map(|row| (row.bar.start, action))
    };
    let mut actions: Vec<_> = corporate_actions(bars).into_iter().filter_map(dated).collect();
    actions.sort_by_key(|(at, _)| *at);
    actions
}

/// The events in order: by time; corporate actions before bars; bars of one instant by instrument.
#[derive(Clone, Debug)]
pub struct Timeline<'a> {
    actions: &'a [(Timestamp, CorporateAction)],
    series: Vec<(&'a Instrument, &'a [RecordedBar])>,
    /// The end of each series' next bar, soonest first.
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl<'a> Timeline<'a> {
    /// The events of the instruments that are wanted. `actions` come from [`dated_actions`] of the same bars.
    #[must_use]
    pub fn new(
        bars: &'a RecordedBars,
        actions: &'a [(Timestamp, CorporateAction)],
        wanted: impl Fn(&Instrument) -> bool,
    ) -> Self {
        let series: Vec<(&Instrument, &[RecordedBar])> = bars
            .series
            .iter()
            .filter(|(instrument, _)| wanted(instrument))
            .map(|(instrument, rows)| (instrument, rows.as_slice()))
            .collect();
        let heads = series
            .iter()
            .enumerate()
            .filter_map(|(index, (_, rows))| Some(Reverse((rows.first()?.end, index))))
            .collect();
        Self { actions, series, heads }
    }
}

impl<'a> Iterator for Timeline<'a> {
    type Item = (Timestamp, Recorded<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if let ([(instrument, rows)], []) = (self.series.as_mut_slice(), self.actions) {
            let (row, rest) = rows.split_first()?;
            *rows = rest;
            return Some((row.end, Recorded::Bar(instrument, row)));
        }
        let head = self.heads.peek().map(|Reverse((end, _))| *end);
        while let Some(((at, action), rest)) = self.actions.split_first()
            && head.is_none_or(|end| *at <= end)
        {
            self.actions = rest;
            if self.series.iter().any(|(instrument, _)| **instrument == action.instrument) {
                return Some((*at, Recorded::Corporate(action)));
            }
        }
        let mut head = self.heads.peek_mut()?;
        let Reverse((end, index)) = *head;
        let (instrument, rows) = &mut self.series[index];
        let (row, rest) = rows.split_first()?;
        *rows = rest;
        match rest.first() {
            Some(next) => *head = Reverse((next.end, index)),
            None => drop(std::collections::binary_heap::PeekMut::pop(head)),
        }
        Some((end, Recorded::Bar(instrument, row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::bars_file::shipped;
    use crate::market::replay::{MarketEvent, Replay};

    #[test]
    fn it_says_what_a_replay_says() {
        let bars = shipped().unwrap();
        let actions = dated_actions(&bars);
        let borrowed: Vec<_> = Timeline::new(&bars, &actions, |_| true).collect();
        let handed_out = Replay::new(&bars, 1).advance_to(Timestamp::MAX);
        assert_eq!(borrowed.len(), handed_out.len());
        for ((at, recorded), (expected_at, expected)) in borrowed.iter().zip(&handed_out) {
            assert_eq!(at, expected_at);
            match (recorded, expected) {
                (Recorded::Corporate(action), MarketEvent::Corporate(expected)) => {
                    assert_eq!(*action, expected);
                }
                (Recorded::Bar(instrument, row), MarketEvent::Bar { instrument: other, bar, end, .. }) => {
                    assert_eq!((*instrument, row.bar, row.end), (other, *bar, *end));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn only_what_is_wanted_comes() {
        let bars = shipped().unwrap();
        let actions = dated_actions(&bars);
        let ibm = Instrument::equity("IBM").unwrap();
        let events: Vec<_> = Timeline::new(&bars, &actions, |instrument| *instrument == ibm).collect();
        assert!(events.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert!(events.iter().all(|(_, event)| match event {
            Recorded::Corporate(action) => action.instrument == ibm,
            Recorded::Bar(instrument, _) => **instrument == ibm,
        }));
        assert_eq!(events.iter().filter(|(_, event)| matches!(event, Recorded::Bar(..))).count(), 3_270);
    }
}
