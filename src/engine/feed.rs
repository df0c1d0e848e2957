//! Where prices come from: the simulated market on now, or a replay on its own clock. Both end in the hub.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::calendar::Calendar;
use crate::domain::instrument::{Instrument, SymbolLookup};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::domain::snapshot::ReplayState;
use crate::market::bars_csv::{self, RecordedBars};
use crate::market::hub::{Cursor, Hub};
use crate::market::replay::{MarketEvent, Replay};
use crate::market::simulated::SimulatedMarket;
use crate::market::symbols::Universe;

/// Symbols that may be live at once.
const ACTIVE_MAX: usize = 600;

/// A source of prices.
pub(super) enum Source {
    Simulated(SimulatedMarket),
    Replay(Box<Replay>),
}

/// The feed of an engine.
pub(super) struct MarketFeed {
    pub(super) source: Source,
    universe: Arc<Universe>,
    active: BTreeSet<Instrument>,
    updates_per_second: f64,
    last: Timestamp,
    hub: Hub,
    cursor: Cursor,
    recorded: Option<RecordedBars>,
}

impl MarketFeed {
    /// The simulated market.
    pub(super) fn simulated(
        market: SimulatedMarket,
        universe: Arc<Universe>,
        updates_per_second: f64,
        now: Timestamp,
    ) -> Self {
        Self::new(Source::Simulated(market), universe, updates_per_second, now)
    }

    /// A replay of a file, or of the bars that come with the program.
    pub(super) fn replay(
        file: Option<&PathBuf>,
        speed: u32,
        universe: Arc<Universe>,
        calendar: &Calendar,
    ) -> Result<Self, bars_csv::BarsError> {
        let bars = match file {
            Some(path) => bars_csv::load(path, calendar)?,
            None => bars_csv::shipped()?,
        };
        let replay = Replay::new(&bars, speed);
        let now = replay.now();
        Ok(Self::new(Source::Replay(Box::new(replay)), universe, 1.0, now))
    }

    fn new(source: Source, universe: Arc<Universe>, updates_per_second: f64, now: Timestamp) -> Self {
        Self {
            source,
            universe,
            active: BTreeSet::new(),
            updates_per_second,
            last: now,
            hub: Hub::new(),
            cursor: Cursor::default(),
            recorded: None,
        }
    }

    pub(super) const fn feed(&self) -> Feed {
        match self.source {
            Source::Simulated(_) => Feed::Simulated,
            Source::Replay(_) => Feed::Replayed,
        }
    }

    pub(super) fn replay_state(&self) -> Option<ReplayState> {
        match &self.source {
            Source::Replay(replay) => Some(replay.state()),
            Source::Simulated(_) => None,
        }
    }

    /// Does the universe, or the replay, know the instrument.
    pub(super) fn knows(&self, instrument: &Instrument) -> bool {
        let driver = instrument.price_driver();
        match &self.source {
            Source::Simulated(_) => self.universe.listing(&driver.to_string()).is_some(),
            Source::Replay(replay) => replay.instruments().contains(&driver),
        }
    }

    /// Keeps an instrument's prices coming.
    pub(super) fn activate(&mut self, instrument: &Instrument) {
        if self.active.len() < ACTIVE_MAX {
            self.active.insert(instrument.clone());
        }
    }

    /// A quote of this instant, whatever the rhythm of the stream.
    pub(super) fn quote_now(&self, instrument: &Instrument, now: Timestamp) -> Option<Quote> {
        match &self.source {
            Source::Simulated(market) => market.quote(instrument, now),
            Source::Replay(_) => self.hub.quote(instrument).cloned(),
        }
    }

    /// What changed since the last call: each quote once, the newest.
    pub(super) fn poll(&mut self, now: Timestamp) -> Vec<Quote> {
        if let Source::Simulated(market) = &self.source {
            for instrument in &self.active {
                if market.ticks_between(instrument, self.last, now, self.updates_per_second)
                    && let Some(quote) = market.quote(instrument, now)
                {
                    self.hub.publish(quote);
                }
            }
        }
        self.last = now;
        let mut changed = Vec::new();
        self.hub.drain(&mut self.cursor, |quote| changed.push(quote.clone()));
        changed
    }

    /// What a replay hands out when life's clock stands at `wall`.
    pub(super) fn follow(&mut self, wall: Timestamp) -> Vec<(Timestamp, MarketEvent)> {
        match &mut self.source {
            Source::Replay(replay) => replay.follow(wall),
            Source::Simulated(_) => Vec::new(),
        }
    }

    /// Bars up to now, oldest first. Before the simulation's year, daily charts go on with real recorded bars where there are some.
    pub(super) fn bars(
        &mut self,
        instrument: &Instrument,
        interval: Interval,
        now: Timestamp,
        limit: usize,
    ) -> Vec<Bar> {
        match &self.source {
            Source::Replay(replay) => replay.bars(instrument, interval, limit),
            Source::Simulated(market) => {
                let simulated = market.bars(
                    instrument,
                    interval,
                    now,
                    if interval == Interval::Day1 { limit.min(365) } else { limit },
                );
                if interval != Interval::Day1 || limit <= simulated.len() {
                    return simulated;
                }
                let mut bars = self.recorded_bars(instrument, limit - simulated.len());
                bars.extend(simulated);
                bars
            }
        }
    }

    fn recorded_bars(&mut self, instrument: &Instrument, limit: usize) -> Vec<Bar> {
        let recorded = self.recorded.get_or_insert_with(|| bars_csv::shipped().unwrap_or_default());
        let Some(series) = recorded.series.get(instrument) else { return Vec::new() };
        series[series.len().saturating_sub(limit)..].iter().map(|row| row.bar).collect()
    }
}
