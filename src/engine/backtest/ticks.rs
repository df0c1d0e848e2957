//! Quotes and trades straight to the venue and the strategy: orders meet the very ticks after those they were decided on. Bars are made of
//! them as a live engine makes them, and are told when they are complete, however long the next tick takes; the first of a recording is whole
//! only where it begins with it. Prices grow old as live ones do.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::core::engine::Records;
use crate::core::input::Input;
use crate::core::paper::VenueConfig;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Interval, Quote};
use crate::market::bar_builder::{BarBuilder, complete_by};
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
    run.driver.core.let_prices_age();
    let wanted = strategy.instruments().to_vec();
    for instrument in &wanted {
        run.driver.know(instrument);
        run.builders.insert(instrument.clone(), BarBuilder::of(instrument, interval, start));
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

    /// Bars that are complete before the next tick.
    fn bars(&mut self, now: Timestamp, strategy: &mut dyn Strategy) {
        for (due, instrument, bar) in complete_by(&mut self.builders, now) {
            self.driver.result.bars += 1;
            if !self.driver.venue.books().quantity(&instrument).is_zero() {
                self.driver.result.bars_held += 1;
            }
            let input = StrategyInput::Bar { instrument: &instrument, interval: self.interval, bar: &bar };
            self.tell(due, input, strategy);
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

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::denial::DenialCode;
    use crate::domain::ids::AccountId;
    use crate::domain::money::{Price, Quantity};
    use crate::domain::order::{Pricing, Side, TimeInForce};
    use crate::domain::quote::Feed;
    use crate::strategies::{Books, Decision, Head, Output, Proposal};

    /// Buys one of whatever has a bar, at the market.
    struct Buyer(Head, Vec<(Timestamp, String)>);

    impl Strategy for Buyer {
        fn head(&self) -> &Head {
            &self.0
        }

        fn on_input(
            &mut self,
            now: Timestamp,
            input: StrategyInput<'_>,
            _: &dyn Books,
            out: &mut Vec<Output>,
        ) {
            let StrategyInput::Bar { instrument, .. } = input else { return };
            self.1.push((now, instrument.to_string()));
            let proposal = Proposal {
                time_in_force: TimeInForce::Gtc,
                ..Proposal::single(instrument.clone(), Side::Buy, Quantity::from(1), Pricing::Market)
            };
            out.push(Output::Propose(proposal, Decision::new("BUYER", None, Vec::new())));
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_040 + second).unwrap()
    }

    fn run(ticks: &[(i64, &str)]) -> (Backtest, Vec<(Timestamp, String)>) {
        let coins = ["BTC-USD", "ETH-USD"].map(|coin| Instrument::from_key(coin).unwrap());
        let mut buyer = Buyer(Head::new("buyer", "buyer".into(), coins.to_vec()), Vec::new());
        let quotes = ticks.iter().map(|(second, coin)| {
            let instrument = Instrument::from_key(coin).unwrap();
            let mut quote = Quote::empty(instrument, at(*second), Feed::Replayed);
            (quote.bid, quote.ask) = (Some(Price::from(100)), Some("100.1".parse().unwrap()));
            (quote.bid_size, quote.ask_size) = (Quantity::from(50), Quantity::from(50));
            Ok(quote)
        });
        let venue = VenueConfig::new(AccountId::new("backtest"), Decimal::from(100_000));
        let run = run_ticks(quotes, Interval::Minute1, &mut buyer, venue, &mut |_| true);
        (run.unwrap().unwrap(), buyer.1)
    }

    /// What fell silent is not bought at its last price, as it would not be live; what still has prices is, at its next one.
    #[test]
    fn a_price_that_fell_silent_is_no_price() {
        let ticks: Vec<(i64, &str)> =
            std::iter::once((0, "ETH-USD")).chain((0..=70).map(|second| (second, "BTC-USD"))).collect();
        let (run, told) = run(&ticks);
        let both = ["BTC-USD", "ETH-USD"].map(|coin| (at(62), coin.to_owned()));
        assert_eq!((told, run.bars, run.orders, run.denied), (both.to_vec(), 2, 2, 1));
        assert_eq!(run.denials, BTreeMap::from([(DenialCode::StaleQuote, 1)]));
        let fills: Vec<(Timestamp, String)> = run
            .fills
            .iter()
            .map(|fill| &fill.execution)
            .filter(|fill| fill.price.is_positive())
            .map(|fill| (fill.at, fill.instrument.to_string()))
            .collect();
        assert_eq!(fills, [(at(62), "BTC-USD".to_owned())]);
    }

    /// A bar is told when a live one would be, not once the next tick comes hours later.
    #[test]
    fn a_bar_is_told_when_it_is_complete() {
        let (run, told) = run(&[(0, "BTC-USD"), (59, "BTC-USD"), (7_200, "BTC-USD"), (7_300, "BTC-USD")]);
        assert_eq!(told, [(at(62), "BTC-USD".to_owned()), (at(7_262), "BTC-USD".to_owned())]);
        // Three seconds old at the first: the order rests until there is a market again.
        assert_eq!((run.orders, run.denied), (2, 1), "{:?}", run.denials);
        let filled = run.fills.iter().find(|fill| fill.execution.price.is_positive()).unwrap();
        assert_eq!(filled.execution.at, at(7_200));
    }
}
