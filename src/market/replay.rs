//! Replay: recorded bars, or ticks, on a clock of their own, with speed, pause and seek. Nothing of the future is ever handed out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::corporate::CorporateAction;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::domain::snapshot::ReplayState;

use super::bar_builder::{BarBuilder, complete_by};
use super::bars_file::RecordedBars;
use super::timeline::{Recorded, Timeline, dated_actions};

/// Fastest replay, in seconds of data per second of life.
pub const SPEED_MAX: u32 = 10_000_000;

/// What a replay hands out. By rising time, then by instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarketEvent {
    /// Before the first trade of its ex-date.
    Corporate(CorporateAction),
    /// A complete bar, at its end.
    Bar {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// The prices.
        bar: Bar,
        /// When it is complete.
        end: Timestamp,
    },
    /// New prices, where the recording has ticks.
    Tick(Box<Quote>),
    /// A bar that was made of ticks, which have been told already.
    Made {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// The prices.
        bar: Bar,
    },
}

/// Bars that are made of ticks are so wide.
const MADE: Interval = Interval::Minute1;

/// A replay over recorded bars.
#[derive(Clone, Debug)]
pub struct Replay {
    events: Vec<(Timestamp, MarketEvent)>,
    next: usize,
    now: Timestamp,
    speed: u32,
    paused: bool,
    /// Life's clock at the last advance.
    wall: Option<Timestamp>,
    history: BTreeMap<Instrument, Vec<Bar>>,
    interval: Interval,
    has_ticks: bool,
}

impl Replay {
    /// Has everything been handed out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.next >= self.events.len()
    }

    /// From recorded bars, standing before the first one.
    #[must_use]
    pub fn new(bars: &RecordedBars, speed: u32) -> Self {
        let interval = bars.interval.unwrap_or(Interval::Day1);
        let actions = dated_actions(bars);
        let own = |event: Recorded<'_>| match event {
            Recorded::Corporate(action) => MarketEvent::Corporate(action.clone()),
            Recorded::Bar(instrument, row) => {
                MarketEvent::Bar { instrument: instrument.clone(), interval, bar: row.bar, end: row.end }
            }
        };
        let events: Vec<(Timestamp, MarketEvent)> =
            Timeline::new(bars, &actions, |_| true).map(|(at, event)| (at, own(event))).collect();
        Self::of(events, interval, speed)
    }

    /// From recorded ticks by rising time, standing before the first one. Bars of a minute are made of them.
    #[must_use]
    pub fn of_ticks(ticks: impl IntoIterator<Item = Quote>, speed: u32) -> Self {
        let (mut events, mut builders) = (Vec::new(), BTreeMap::<Instrument, BarBuilder>::new());
        for quote in ticks {
            let at = quote.as_of;
            for (due, instrument, bar) in complete_by(&mut builders, at) {
                events.push((due, MarketEvent::Made { instrument, interval: MADE, bar }));
            }
            builders.entry(quote.instrument.clone()).or_insert_with(|| BarBuilder::new(MADE, at)).see(&quote);
            events.push((at, MarketEvent::Tick(Box::new(quote))));
        }
        Self { has_ticks: true, ..Self::of(events, MADE, speed) }
    }

    /// Is it one of ticks.
    #[must_use]
    pub const fn has_ticks(&self) -> bool {
        self.has_ticks
    }

    fn of(events: Vec<(Timestamp, MarketEvent)>, interval: Interval, speed: u32) -> Self {
        let now = events.first().map_or(Timestamp::UNIX_EPOCH, |(at, _)| *at - SignedDuration::from_secs(1));
        Self {
            events,
            next: 0,
            now,
            speed: speed.clamp(1, SPEED_MAX),
            paused: false,
            wall: None,
            history: BTreeMap::new(),
            interval,
            has_ticks: false,
        }
    }

    /// The replay's clock.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// True once everything was handed out.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.next >= self.events.len()
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> ReplayState {
        let at = |event: Option<&(Timestamp, MarketEvent)>| event.map_or(self.now, |(at, _)| *at);
        ReplayState {
            at: self.now,
            from: at(self.events.first()),
            until: at(self.events.last()),
            speed: self.speed,
            paused: self.paused,
        }
    }

    /// Stands still or goes on.
    pub const fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Sets the speed, 1 to `SPEED_MAX`.
    pub fn set_speed(&mut self, speed: u32) {
        self.speed = speed.clamp(1, SPEED_MAX);
    }

    /// Life's clock stands at `wall`: how far the replay's moves with it.
    pub fn follow(&mut self, wall: Timestamp) -> Vec<(Timestamp, MarketEvent)> {
        let elapsed = self.wall.map_or(SignedDuration::ZERO, |last| wall.duration_since(last));
        self.wall = Some(wall);
        if self.paused || elapsed <= SignedDuration::ZERO {
            return Vec::new();
        }
        let speed = i32::try_from(self.speed).unwrap_or(i32::MAX);
        let target = self.now.checked_add(elapsed.saturating_mul(speed)).unwrap_or(self.now);
        self.advance_to(target)
    }

    /// Every corporate action of the data, by rising time: companies declare them weeks before they take effect.
    #[must_use]
    pub fn announced(&self) -> Vec<CorporateAction> {
        let action = |(_, event): &(Timestamp, MarketEvent)| match event {
            MarketEvent::Corporate(action) => Some(action.clone()),
            MarketEvent::Bar { .. } | MarketEvent::Tick(_) | MarketEvent::Made { .. } => None,
        };
        self.events.iter().filter_map(action).collect()
    }

    /// Moves the clock to `target` and hands out everything up to it.
    pub fn advance_to(&mut self, target: Timestamp) -> Vec<(Timestamp, MarketEvent)> {
        let mut out = Vec::new();
        while let Some((at, event)) = self.events.get(self.next)
            && *at <= target
        {
            if let MarketEvent::Bar { instrument, bar, .. } | MarketEvent::Made { instrument, bar, .. } =
                event
            {
                self.history.entry(instrument.clone()).or_default().push(*bar);
            }
            out.push((*at, event.clone()));
            self.next += 1;
        }
        // At the end of the data the clock stands at the last event.
        let last = self.events.last().map_or(target, |(at, _)| *at);
        self.now = self.now.max(target.min(last));
        out
    }

    /// Bars handed out so far, oldest first, the newest `limit`.
    #[must_use]
    pub fn bars(&self, instrument: &Instrument, interval: Interval, limit: usize) -> Vec<Bar> {
        let Some(series) = self.history.get(instrument).filter(|_| interval == self.interval) else {
            return Vec::new();
        };
        series[series.len().saturating_sub(limit)..].to_vec()
    }

    /// The instruments of the data.
    #[must_use]
    pub fn instruments(&self) -> Vec<Instrument> {
        let of = |(_, event): &(Timestamp, MarketEvent)| match event {
            MarketEvent::Bar { instrument, .. } => Some(instrument.clone()),
            MarketEvent::Tick(quote) => Some(quote.instrument.clone()),
            MarketEvent::Corporate(_) | MarketEvent::Made { .. } => None,
        };
        self.events.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::bars_file::shipped;

    #[test]
    fn time_moves_with_speed_and_nothing_comes_early() {
        let mut replay = Replay::new(&shipped().unwrap(), 86_400);
        let mut wall: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        assert!(replay.follow(wall).is_empty());
        let mut seen = 0;
        for _ in 0..10 {
            wall += SignedDuration::from_secs(1);
            for (at, event) in replay.follow(wall) {
                assert!(at <= replay.now());
                seen += usize::from(matches!(event, MarketEvent::Bar { .. }));
            }
        }
        // Ten days from 2000-03-01's close: the sessions of 1 to 10 March, three symbols each.
        assert_eq!(seen, 8 * 3);
        replay.set_paused(true);
        wall += SignedDuration::from_secs(100);
        assert!(replay.follow(wall).is_empty());
        let aapl = Instrument::equity("AAPL").unwrap();
        assert_eq!(replay.bars(&aapl, Interval::Day1, 100).len(), 8);
    }

    #[test]
    fn ticks_are_told_one_by_one_and_make_bars() {
        let rows = "symbol,time,price,size\nAAPL,2026-11-24T14:30:00Z,100,1\nAAPL,2026-11-24T14:30:30Z,102,2\n\
                    AAPL,2026-11-24T14:31:01Z,101,3\nAAPL,2026-11-24T14:31:05Z,101,3\n";
        let ticks = crate::market::ticks_file::Ticks::text("t.csv", rows.as_bytes()).unwrap();
        let ticks: Vec<Quote> = ticks.collect::<Result<_, _>>().unwrap();
        let mut replay = Replay::of_ticks(ticks, 1);
        let aapl = Instrument::equity("AAPL").unwrap();
        assert_eq!(replay.instruments(), std::slice::from_ref(&aapl));
        let told = replay.advance_to("2026-11-24T14:31:01Z".parse().unwrap());
        assert_eq!(told.len(), 3);
        assert!(replay.bars(&aapl, Interval::Minute1, 10).is_empty(), "late prices may still come");
        let told = replay.advance_to(Timestamp::MAX);
        let Some((at, MarketEvent::Made { bar, .. })) = told.first() else { panic!("{told:?}") };
        assert_eq!(at.to_string(), "2026-11-24T14:31:02Z", "as a live one, not when the next tick comes");
        assert_eq!(
            (bar.high.to_string(), bar.close.to_string(), bar.volume),
            ("102".into(), "102".into(), 2.into())
        );
        assert_eq!(replay.bars(&aapl, Interval::Minute1, 10), [*bar]);
        assert!(replay.is_over());
    }
}
