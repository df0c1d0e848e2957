//! Quotes and trades straight to the venue and the strategy: orders meet the very ticks after those they were decided on. Bars are made of
//! them as a live engine makes them; the first of a recording is whole only where it begins with it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::core::engine::Records;
use crate::core::input::Input;
use crate::core::paper::VenueConfig;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::market::bar_builder::BarBuilder;
use crate::market::bars_file::BarsError;
use crate::strategies::{Strategy, StrategyInput};

use super::view::View;
use super::{Backtest, Driver, WATCHED_EVERY};

/// A strategy is told of new prices of an instrument so often at most.
const TOLD_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// Runs a strategy over ticks by rising time, each the newest prices of its instrument. None is held.
///
/// # Errors
/// What the ticks say; `Ok(None)` where whoever watched ended it.
pub fn run_ticks(
    ticks: impl Iterator<Item = Result<Quote, BarsError>>,
    interval: Interval,
    strategy: &mut dyn Strategy,
    venue: VenueConfig,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<Backtest>, BarsError> {
    let mut ticks = ticks.peekable();
    let start = match ticks.peek() {
        Some(Ok(quote)) => quote.as_of,
        _ => Timestamp::UNIX_EPOCH,
    };
    let mut run = Ticking {
        driver: Driver::new(venue, start, Records::Executions),
        interval,
        builders: BTreeMap::new(),
        told: BTreeMap::new(),
    };
    let wanted = strategy.instruments().to_vec();
    for instrument in &wanted {
        run.driver.know(instrument);
        run.builders.insert(instrument.clone(), BarBuilder::new(interval, start));
    }
    for tick in ticks {
        let quote = tick?;
        if !run.builders.contains_key(&quote.instrument) {
            continue;
        }
        run.tick(quote, strategy);
        if run.driver.result.ticks.is_multiple_of(WATCHED_EVERY) && !watch(WATCHED_EVERY) {
            return Ok(None);
        }
    }
    Ok(Some(run.driver.finish()))
}

struct Ticking {
    driver: Driver,
    interval: Interval,
    builders: BTreeMap<Instrument, BarBuilder>,
    /// When the strategy was last told of prices.
    told: BTreeMap<Instrument, Timestamp>,
}

impl Ticking {
    fn tick(&mut self, quote: Quote, strategy: &mut dyn Strategy) {
        let at = quote.as_of;
        self.bars(at, strategy);
        self.driver.turn_day(at);
        let result = &mut self.driver.result;
        result.ticks += 1;
        result.from.get_or_insert(at);
        result.until = Some(at);
        self.driver.venue.on_quote(at, &quote);
        self.driver.collect(at);
        if let Some(builder) = self.builders.get_mut(&quote.instrument) {
            builder.see(&quote);
        }
        let effects = self.driver.core.step(at, Input::Quote(Box::new(quote.clone())));
        self.driver.perform(at, effects);
        if !self.driver.venue.books().quantity(&quote.instrument).is_zero() {
            self.driver.look_at_equity();
        }
        let told = self.told.get(&quote.instrument).copied();
        if told.is_none_or(|told| at.duration_since(told) >= TOLD_EVERY) {
            self.told.insert(quote.instrument.clone(), at);
            self.tell(at, StrategyInput::Quote(&quote), strategy);
        }
    }

    /// Bars that are complete before the next tick, by instrument.
    fn bars(&mut self, now: Timestamp, strategy: &mut dyn Strategy) {
        let complete: Vec<(Instrument, Bar)> = self
            .builders
            .iter_mut()
            .filter_map(|(instrument, builder)| Some((instrument.clone(), builder.complete(now)?)))
            .collect();
        for (instrument, bar) in complete {
            self.driver.result.bars += 1;
            if !self.driver.venue.books().quantity(&instrument).is_zero() {
                self.driver.result.bars_held += 1;
            }
            let input = StrategyInput::Bar { instrument: &instrument, interval: self.interval, bar: &bar };
            // It is told when the bar is complete, and the tick that shows it has not happened for it yet.
            self.tell(now, input, strategy);
        }
    }

    fn tell(&mut self, now: Timestamp, input: StrategyInput<'_>, strategy: &mut dyn Strategy) {
        let driver = &mut self.driver;
        let view = View {
            core: &driver.core,
            account: &driver.account,
            calendar: &driver.calendar,
            risk_free: driver.risk_free,
        };
        strategy.on_input(now, input, &view, &mut driver.wanted);
        if !driver.wanted.is_empty() {
            driver.carry_out(now, strategy);
        }
    }
}
