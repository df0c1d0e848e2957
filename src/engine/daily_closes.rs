//! Daily closes behind betas and values at risk: of the market here, of a broker's feed, and where neither has enough of them, of bars that
//! the user imported. What was read is kept for an hour, so that a screen which asks every half minute costs a broker nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::brokers::MarketFeed;
use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::desk::HistorySource;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval};
use crate::domain::text::clean;
use crate::market::bar_builder::bar_end;
use crate::quant::desk::RETURNS_MIN;
use crate::quant::number::to_f64;

use super::feed::Source;
use super::imported::Imported;
use super::task::EngineTask;

/// Closes that figures are worked out from, at least.
pub(super) const CLOSES_MIN: usize = RETURNS_MIN + 1;
/// Bars that are asked for: a year, and the day that is not over.
const BARS: usize = 261;
/// What was read is taken again for so long.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// What could not be read is tried again after this.
const TRIED_AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// Series kept at most.
const SERIES_MAX: usize = 512;
/// Calls to brokers at one time.
const CALLS_MAX: usize = 4;
/// How long one call may take.
const CALL_TIME: Duration = Duration::from_secs(5);
/// How long all of them are waited for; what comes later is there the next time.
const WAIT: Duration = Duration::from_secs(8);

/// Closes of one instrument.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Closes {
    /// Who told them.
    pub(super) source: HistorySource,
    /// The file that they were imported under.
    pub(super) file: Option<String>,
    /// Sorted by day, each day once, positive.
    pub(super) days: Vec<(Date, f64)>,
}

/// Closes, or why there are none.
pub(super) type Known = Result<Arc<Closes>, String>;

/// What was read, with whether a broker was asked.
type Kept = BTreeMap<(Instrument, bool), (Timestamp, Known)>;

/// What was read lately, shared with the tasks that read.
#[derive(Clone, Debug, Default)]
pub(super) struct Histories {
    kept: Arc<Mutex<Kept>>,
}

impl Histories {
    fn fresh(&self, key: &(Instrument, bool), now: Timestamp) -> Option<Known> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, known) = kept.get(key)?;
        let lasts = if known.is_ok() { KEPT } else { TRIED_AGAIN };
        // A clock that went back has read nothing yet.
        (*at <= now && now.duration_since(*at) < lasts).then(|| known.clone())
    }

    fn keep(&self, key: (Instrument, bool), now: Timestamp, known: &Known) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SERIES_MAX && !kept.contains_key(&key) {
            kept.clear();
        }
        kept.insert(key, (now, known.clone()));
    }
}

/// Closes of the days that are over by `now`, of bars with their ends: the newest. A coin's day is the one on which its bar ends, as it begins
/// on the evening before, as New York counts; every other one's that on which it begins.
fn by_day(
    instrument: &Instrument,
    bars: impl Iterator<Item = (Timestamp, Bar)>,
    now: Timestamp,
) -> Vec<(Date, f64)> {
    let over = bars.filter(|(end, bar)| *end <= now && bar.is_sound() && bar.close.is_positive());
    let around_the_clock = instrument.asset_class().trades_around_the_clock();
    let day = |end: Timestamp, bar: &Bar| match around_the_clock {
        true => exchange_date(end - SignedDuration::from_secs(1)),
        false => exchange_date(bar.start),
    };
    let days: BTreeMap<Date, f64> =
        over.map(|(end, bar)| (day(end, &bar), to_f64(bar.close.get()))).collect();
    let skipped = days.len().saturating_sub(BARS);
    days.into_iter().skip(skipped).collect()
}

fn closes_of(bars: &[Bar], instrument: &Instrument, calendar: &Calendar, now: Timestamp) -> Vec<(Date, f64)> {
    let ends = bars.iter().map(|bar| (bar_end(calendar, instrument, Interval::Day1, bar), *bar));
    by_day(instrument, ends, now)
}

/// Closes to be read where it takes time.
struct Elsewhere {
    instrument: Instrument,
    /// A broker's prices are its own.
    live: bool,
    feed: Option<Arc<dyn MarketFeed>>,
    /// What the market here has of it: too few.
    own: Vec<(Date, f64)>,
    own_source: HistorySource,
}

/// What every read needs.
#[derive(Clone)]
struct Reading {
    calendar: Arc<Calendar>,
    now: Timestamp,
    /// Files of the user's, where they count.
    imported: Option<(Imported, PathBuf)>,
    histories: Histories,
}

impl Reading {
    async fn read(self, wanted: Elsewhere) -> (Instrument, Known) {
        let Elsewhere { instrument, live, feed, own, own_source } = wanted;
        let mut few = Closes { source: own_source, file: None, days: own };
        let mut why = "no bars of it are known here".to_owned();
        if let Some(feed) = feed {
            let bars = timeout(CALL_TIME, feed.bars(&instrument, Interval::Day1, self.now, BARS)).await;
            match bars {
                Ok(Ok(bars)) => {
                    let days = closes_of(&bars, &instrument, &self.calendar, self.now);
                    few = Closes { source: HistorySource::Broker, file: None, days };
                    why = "its broker has no daily bars of it".to_owned();
                }
                Ok(Err(error)) => why = clean(&error.to_string()).into_owned(),
                Err(_) => why = "its broker did not answer".to_owned(),
            }
        }
        if few.days.len() < CLOSES_MIN
            && let Some(imported) = self.imported_closes(instrument.clone()).await
            && imported.days.len() > few.days.len()
        {
            few = imported;
        }
        let known = if few.days.is_empty() { Err(why) } else { Ok(Arc::new(few)) };
        self.histories.keep((instrument.clone(), live), self.now, &known);
        (instrument, known)
    }

    async fn imported_closes(&self, instrument: Instrument) -> Option<Closes> {
        let (imported, directory) = self.imported.clone()?;
        let now = self.now;
        let read = move || {
            let found = imported.find(&directory, &instrument, Interval::Day1)?;
            let days = by_day(&instrument, found.bars.iter().map(|row| (row.end, row.bar)), now);
            Some(Closes { source: HistorySource::Imported, file: Some(found.name), days })
        };
        tokio::task::spawn_blocking(read).await.unwrap_or(None)
    }
}

/// Closes that are known, and those that are still to be read.
pub(super) struct Gathering {
    found: BTreeMap<Instrument, Known>,
    elsewhere: Vec<Elsewhere>,
    reading: Reading,
}

impl Gathering {
    /// Waits for what takes time, a few seconds at most. Every instrument that was asked for is in the answer.
    pub(super) async fn finish(self) -> BTreeMap<Instrument, Known> {
        let Self { mut found, elsewhere, reading } = self;
        let mut open: BTreeSet<Instrument> = elsewhere.iter().map(|one| one.instrument.clone()).collect();
        let (mut waiting, mut running) = (elsewhere.into_iter(), JoinSet::new());
        let deadline = Instant::now() + WAIT;
        loop {
            while running.len() < CALLS_MAX
                && let Some(next) = waiting.next()
            {
                running.spawn(reading.clone().read(next));
            }
            match timeout_at(deadline, running.join_next()).await {
                Ok(Some(Ok((instrument, known)))) => {
                    open.remove(&instrument);
                    found.insert(instrument, known);
                }
                // Whose task ended without an answer stays open.
                Ok(Some(Err(_))) => {}
                Ok(None) | Err(_) => break,
            }
        }
        // Those under way end by themselves, and are kept for the next question.
        running.detach_all();
        found.extend(open.into_iter().map(|it| (it, Err("its broker has not answered yet".to_owned()))));
        found
    }
}

impl EngineTask {
    /// Daily closes of instruments: what is known here at once, the rest to be waited for elsewhere.
    pub(super) fn daily_closes(&mut self, wanted: BTreeSet<Instrument>) -> Gathering {
        let now = self.clock.now();
        let simulated = matches!(self.feed.source, Source::Simulated(_));
        let mut gathering = Gathering {
            found: BTreeMap::new(),
            elsewhere: Vec::new(),
            reading: Reading {
                calendar: Arc::clone(&self.calendar),
                now,
                // A replay has its own past.
                imported: simulated.then(|| (self.imported.clone(), self.directory.clone())),
                histories: self.histories.clone(),
            },
        };
        for instrument in wanted {
            let live = self.feed.is_live(&instrument);
            let key = (instrument, live);
            if let Some(known) = self.histories.fresh(&key, now) {
                gathering.found.insert(key.0, known);
                continue;
            }
            let own_source = if simulated { HistorySource::Simulated } else { HistorySource::Replayed };
            let mut own = Vec::new();
            if !live && self.feed.knows(&key.0) {
                let bars = self.feed.bars(&key.0, Interval::Day1, now, BARS);
                own = closes_of(&bars, &key.0, &self.calendar, now);
            }
            if own.len() >= CLOSES_MIN {
                let known = Ok(Arc::new(Closes { source: own_source, file: None, days: own }));
                self.histories.keep(key.clone(), now, &known);
                gathering.found.insert(key.0, known);
                continue;
            }
            let feed = self.live.prices.feed_for(&key.0).filter(|_| live);
            let instrument = key.0;
            gathering.elsewhere.push(Elsewhere { instrument, live, feed, own, own_source });
        }
        gathering
    }
}

#[cfg(test)]
mod tests;
