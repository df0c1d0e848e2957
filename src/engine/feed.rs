//! Where prices come from: the simulated market on now, or a replay on its own clock. Both end in the hub.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::brokers::Market;
use crate::domain::calendar::{Calendar, MarketPhase, exchange_date};
use crate::domain::instrument::{AssetClass, Instrument, SymbolLookup};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::domain::snapshot::ReplayState;
use crate::market::bars_file::{self, RecordedBars};
use crate::market::books::Books;
use crate::market::hub::{Cursor, Hub};
use crate::market::replay::{MarketEvent, Replay};
use crate::market::simulated::SimulatedMarket;
use crate::market::simulated_book::{depth, prints};
use crate::market::symbols::Universe;
use crate::market::ticks_file::{Ticks, is_ticks};

/// Symbols that may be live at once.
const ACTIVE_MAX: usize = 600;

/// How far back a tape goes that somebody begins to look at.
const TAPE_BEFORE: SignedDuration = SignedDuration::from_secs(90);

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
    /// Depth and tape of what somebody looks at.
    pub(super) books: Books,
    bell: Option<Bell>,
    /// What has its prices from brokers: nothing of it is simulated.
    live: BTreeSet<Market>,
}

/// The regular session that last ended, as far as quotes tell of it.
#[derive(Clone, Copy)]
struct Bell {
    /// It is so until then.
    until: Timestamp,
    /// Its last instant; absent while a session runs.
    closed_at: Option<Timestamp>,
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

    /// A replay of a file of bars or ticks, or of the bars that come with the program.
    pub(super) fn replay(
        file: Option<&PathBuf>,
        speed: u32,
        universe: Arc<Universe>,
        calendar: &Calendar,
    ) -> Result<Self, bars_file::BarsError> {
        let replay = match file {
            Some(path) if is_ticks(path)? => {
                Replay::of_ticks(Ticks::open(path)?.collect::<Result<Vec<Quote>, _>>()?, speed)
            }
            Some(path) => Replay::new(&bars_file::load(path, calendar)?, speed),
            None => Replay::new(&bars_file::shipped()?, speed),
        };
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
            books: Books::default(),
            bell: None,
            live: BTreeSet::new(),
        }
    }

    pub(super) const fn feed(&self) -> Feed {
        match self.source {
            Source::Simulated(_) => Feed::Simulated,
            Source::Replay(_) => Feed::Replayed,
        }
    }

    /// Does it replay quotes, which grow old, and not bars.
    pub(super) const fn has_ticks(&self) -> bool {
        match &self.source {
            Source::Replay(replay) => replay.has_ticks(),
            Source::Simulated(_) => false,
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
            Source::Simulated(_) => {
                self.is_live(instrument) || self.universe.listing(&driver.to_string()).is_some()
            }
            Source::Replay(replay) => replay.instruments().contains(&driver),
        }
    }

    /// What brokers have prices of.
    pub(super) fn set_live(&mut self, markets: BTreeSet<Market>) {
        self.live = markets;
    }

    /// Do an instrument's prices come from a broker.
    pub(super) fn is_live(&self, instrument: &Instrument) -> bool {
        self.live.contains(&Market::of(instrument))
    }

    /// A broker's quote.
    pub(super) fn publish_live(&mut self, quote: Quote) {
        self.hub.publish(quote);
    }

    /// The last simulated price of an instrument is no price any more: nothing stands there until the first real one.
    pub(super) fn leave_to_broker(&mut self, instrument: &Instrument, now: Timestamp) {
        self.hub.replace(Quote::empty(instrument.clone(), now, Feed::RealTime));
    }

    /// Whose prices are kept coming.
    pub(super) fn active(&self) -> impl Iterator<Item = &Instrument> {
        self.active.iter()
    }

    /// Keeps an instrument's prices coming.
    pub(super) fn activate(&mut self, instrument: &Instrument) {
        if self.active.len() < ACTIVE_MAX {
            self.active.insert(instrument.clone());
        }
    }

    /// A quote of this instant, whatever the rhythm of the stream.
    pub(super) fn quote_now(&mut self, instrument: &Instrument, now: Timestamp) -> Option<Quote> {
        if self.is_live(instrument) {
            return self.hub.quote(instrument).filter(|quote| quote.feed != Feed::Simulated).cloned();
        }
        let closed_at = self.closed_at(now);
        match &self.source {
            Source::Simulated(market) => quote(market, instrument, now, closed_at),
            Source::Replay(_) => self.hub.quote(instrument).cloned(),
        }
    }

    /// What changed since the last call: each quote once, the newest.
    pub(super) fn poll(&mut self, now: Timestamp) -> Vec<Quote> {
        let closed_at = self.closed_at(now);
        if let Source::Simulated(market) = &self.source {
            for instrument in self.active.iter().filter(|active| !self.live.contains(&Market::of(active))) {
                if market.ticks_between(instrument, self.last, now, self.updates_per_second)
                    && let Some(quote) = quote(market, instrument, now, closed_at)
                {
                    if let Some(since) = self.books.seen(instrument) {
                        publish_book(&mut self.books, market, &quote, since);
                    }
                    self.hub.publish(quote);
                }
            }
        }
        self.last = now;
        let mut changed = Vec::new();
        self.hub.drain(&mut self.cursor, |quote| changed.push(quote.clone()));
        changed
    }

    /// Follows an instrument's depth and tape, beginning with a quote of it and the trades of the minutes before.
    pub(super) fn follow_book(&mut self, quote: &Quote) {
        let fresh = self.books.follow(&quote.instrument, quote.as_of);
        if let Source::Simulated(market) = &self.source
            && fresh
        {
            let since = quote.as_of.checked_sub(TAPE_BEFORE).unwrap_or(quote.as_of);
            publish_book(&mut self.books, market, quote, since);
        }
    }

    /// The exchange has other days than were known.
    pub(super) fn set_calendar(&mut self, calendar: &Arc<Calendar>) {
        self.bell = None;
        if let Source::Simulated(market) = &mut self.source {
            market.set_calendar(Arc::clone(calendar));
        }
    }

    /// The end of the last regular session, outside of one.
    fn closed_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let Source::Simulated(market) = &self.source else { return None };
        let bell = match self.bell {
            Some(bell) if now < bell.until => bell,
            _ => {
                let calendar = market.calendar();
                let open = calendar.phase(AssetClass::Equity, now) == MarketPhase::Regular;
                let closed_at = if open { None } else { last_close(calendar, now) };
                Bell { until: calendar.next_bell(now), closed_at }
            }
        };
        self.bell = Some(bell);
        bell.closed_at
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

    /// How many of such bars, from the oldest on, are recorded ones.
    pub(super) fn recorded_among(&self, instrument: &Instrument, bars: &[Bar]) -> usize {
        let recorded = self.recorded.as_ref().and_then(|recorded| recorded.series.get(instrument));
        let is_recorded = |bar: &&Bar| {
            recorded.is_some_and(|rows| rows.binary_search_by_key(&bar.start, |row| row.bar.start).is_ok())
        };
        bars.iter().take_while(is_recorded).count()
    }

    fn recorded_bars(&mut self, instrument: &Instrument, limit: usize) -> Vec<Bar> {
        let recorded = self.recorded.get_or_insert_with(|| bars_file::shipped().unwrap_or_default());
        let Some(series) = recorded.series.get(instrument) else { return Vec::new() };
        series[series.len().saturating_sub(limit)..].iter().map(|row| row.bar).collect()
    }
}

/// A quote, with the regular session's last price where a share trades outside of it.
fn quote(
    market: &SimulatedMarket,
    instrument: &Instrument,
    now: Timestamp,
    closed_at: Option<Timestamp>,
) -> Option<Quote> {
    let mut quote = market.quote(instrument, now)?;
    if let Some(closed_at) = closed_at.filter(|_| instrument.asset_class() == AssetClass::Equity) {
        quote.regular_close = market.last_price(instrument, closed_at);
    }
    Some(quote)
}

fn publish_book(books: &mut Books, market: &SimulatedMarket, quote: &Quote, since: Timestamp) {
    let (bids, asks) = depth(market, quote);
    books.publish_depth(&quote.instrument, quote.as_of, bids, asks);
    books.publish_prints(&quote.instrument, prints(market, &quote.instrument, since, quote.as_of));
}

fn last_close(calendar: &Calendar, now: Timestamp) -> Option<Timestamp> {
    let today = exchange_date(now);
    let closed = |day| calendar.session(day).map(|session| session.close).filter(|close| *close <= now);
    closed(today).or_else(|| closed(calendar.previous_session(today)))
}
