//! Depth, trades and movers of the simulated market: pure functions of seed, symbol and time, as its prices are, and in step with them.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::depth::{Aggressor, DepthLevel, Print};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::Price;
use crate::domain::quote::{MoverOrder, Quote};

use super::simulated::{GRID_MS, SimulatedMarket};

/// Levels of each side.
const LEVELS: usize = 15;
/// Trades of one moment at most: on average there are two in a second.
const PRINTS_PER_BEAT: i64 = 3;
/// Moments that are looked back at most.
const BEATS_MAX: i64 = 480;
/// Sizes of a level stay as they are for about so many moments.
const LEVEL_BEATS: i64 = 12;

/// Both sides of the book behind a quote, best first; the best levels are the quote's own prices and sizes. Empty where the quote is.
#[must_use]
pub fn depth(market: &SimulatedMarket, quote: &Quote) -> (Vec<DepthLevel>, Vec<DepthLevel>) {
    let key = format!("{} depth", quote.instrument.key());
    let beat = quote.as_of.as_millisecond() / GRID_MS;
    let tick = InstrumentSpec::standard(quote.instrument.clone()).tick_at(quote.last.unwrap_or_default());
    let spread = quote.spread().map_or(tick, Price::get);
    let step = lattice(tick, spread);
    let side = |best: Option<Price>, size: crate::domain::money::Quantity, down: bool| {
        let Some(best) = best else { return Vec::new() };
        let mut levels = vec![DepthLevel { price: best, size }];
        // The lattice stands still while the best price moves, so that levels keep their sizes.
        let first = (best.get() / step).floor();
        for n in 1..=LEVELS as i64 * 2 {
            let away = Decimal::from(if down { 1 - n } else { n });
            let price = Price::new(((first + away) * step).normalize());
            let beyond = if down { price < best } else { price > best };
            if levels.len() == LEVELS || !price.is_positive() {
                break;
            }
            if beyond {
                let place = (price.get() / tick).to_i64().unwrap_or_default();
                let slow = (beat + place.rem_euclid(LEVEL_BEATS)) / LEVEL_BEATS;
                let noise = market.noise(&key, place.wrapping_mul(7_919) ^ slow);
                let deeper = 0.5 + 0.25 * levels.len() as f64;
                let units = size.get().to_f64().unwrap_or(1.0).max(1e-4) * deeper * (0.4 + 1.6 * noise);
                levels.push(DepthLevel { price, size: market.shown_size(&quote.instrument, units) });
            }
        }
        levels
    };
    (side(quote.bid, quote.bid_size, true), side(quote.ask, quote.ask_size, false))
}

/// The distance of levels: a tick, or where spreads are many ticks wide a round number of about half the spread.
fn lattice(tick: Decimal, spread: Decimal) -> Decimal {
    let mut step = tick;
    for factor in [2, 5, 2].iter().cycle().take(36) {
        let next = step * Decimal::new(*factor, 0) / if *factor == 5 { Decimal::TWO } else { Decimal::ONE };
        if next * Decimal::TWO > spread {
            break;
        }
        step = next;
    }
    step.normalize()
}

/// Trades after `from` up to `until`, oldest first. The last of each moment is the last price that quotes of it show; the others take the
/// bid or the ask.
#[must_use]
pub fn prints(
    market: &SimulatedMarket,
    instrument: &Instrument,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Print> {
    let key = format!("{} tape", instrument.key());
    let (first, last) =
        (from.as_millisecond().div_euclid(GRID_MS) + 1, until.as_millisecond().div_euclid(GRID_MS));
    let mut prints = Vec::new();
    for beat in first.max(last - BEATS_MAX)..=last {
        let busy = market.noise(&key, beat);
        let count = ((busy * 2.0 - 0.9) * PRINTS_PER_BEAT as f64).ceil() as i64;
        let Ok(at) = Timestamp::from_millisecond(beat * GRID_MS) else { continue };
        let Some(top) = (count > 0).then(|| market.top(instrument, at)).flatten() else { continue };
        for n in 0..count {
            let noise = market.noise(&key, beat.wrapping_mul(31).wrapping_add(n) ^ 0x7A9E);
            let is_last = n + 1 == count;
            let price = match noise {
                _ if is_last => top.last,
                noise if noise < 0.5 => top.bid,
                _ => top.ask,
            };
            let aggressor = match price {
                price if price >= top.ask => Aggressor::Buyer,
                price if price <= top.bid => Aggressor::Seller,
                _ => Aggressor::Unknown,
            };
            let part = top.bid_size.get().to_f64().unwrap_or(1.0) * (0.05 + 0.5 * noise);
            let size = if is_last { top.last_size } else { market.shown_size(instrument, part) };
            let Ok(at) = Timestamp::from_millisecond(beat * GRID_MS + n * (GRID_MS / PRINTS_PER_BEAT)) else {
                continue;
            };
            if at <= until {
                prints.push(Print { at, price, size, aggressor });
            }
        }
    }
    prints
}

/// The instruments of the universe that moved most since the day began, or in which most money went over; at most `limit`.
#[must_use]
pub fn movers(market: &SimulatedMarket, order: MoverOrder, at: Timestamp, limit: usize) -> Vec<Instrument> {
    let listings = market.universe().listings().iter();
    let mut scored: Vec<(f64, &Instrument)> = listings
        .filter(|listing| listing.exchange.is_empty() || listing.exchange == "CRYPTO")
        .filter_map(|listing| {
            let score = match order {
                MoverOrder::Active => market.day_money(&listing.instrument, at)?,
                MoverOrder::Gainers => market.day_change(&listing.instrument, at)?,
                MoverOrder::Losers => -market.day_change(&listing.instrument, at)?,
            };
            Some((score, &listing.instrument))
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(limit).map(|(_, instrument)| instrument.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::calendar::Calendar;
    use crate::market::symbols::Universe;

    fn market(seed: u64) -> SimulatedMarket {
        SimulatedMarket::new(seed, Arc::new(Universe::load()), Arc::new(Calendar::nyse()), false)
    }

    fn now() -> Timestamp {
        "2026-11-24T15:00:00Z".parse().unwrap()
    }

    #[test]
    fn depth_begins_with_the_quote_and_goes_outwards() {
        let market = market(7);
        for symbol in ["AAPL", "F", "BTC-USD", "DOGE-USD", "EUR/USD", "USD/JPY"] {
            let instrument = Instrument::from_key(symbol).unwrap();
            let quote = market.quote(&instrument, now()).unwrap();
            let (bids, asks) = depth(&market, &quote);
            assert_eq!((Some(bids[0].price), bids[0].size), (quote.bid, quote.bid_size), "{symbol}");
            assert_eq!((Some(asks[0].price), asks[0].size), (quote.ask, quote.ask_size), "{symbol}");
            assert!(bids.len() > 5 && asks.len() > 5, "{symbol} {} {}", bids.len(), asks.len());
            assert!(bids.windows(2).all(|pair| pair[0].price > pair[1].price), "{symbol} {bids:?}");
            assert!(asks.windows(2).all(|pair| pair[0].price < pair[1].price), "{symbol} {asks:?}");
            assert!(
                bids.iter().chain(&asks).all(|l| l.size.is_positive() && l.price.is_positive()),
                "{symbol}"
            );
            let far = (asks.last().unwrap().price - asks[0].price).get() / asks[0].price.get();
            assert!(far < Decimal::new(5, 1), "{symbol} reaches {far}");
        }
    }

    #[test]
    fn two_processes_see_one_book_and_one_tape() {
        let aapl = Instrument::equity("AAPL").unwrap();
        let quote = market(7).quote(&aapl, now()).unwrap();
        assert_eq!(depth(&market(7), &quote), depth(&market(7), &quote));
        let from = now() - jiff::SignedDuration::from_secs(60);
        let tape = prints(&market(7), &aapl, from, now());
        assert_eq!(tape, prints(&market(7), &aapl, from, now()));
        assert_ne!(tape, prints(&market(8), &aapl, from, now()));
        assert!((30..700).contains(&tape.len()), "{}", tape.len());
        assert!(tape.is_sorted_by_key(|print| print.at));
        // Asked for in pieces, it is the same tape.
        let middle = now() - jiff::SignedDuration::from_secs(20);
        let mut pieces = prints(&market(7), &aapl, from, middle);
        pieces.extend(prints(&market(7), &aapl, middle, now()));
        assert_eq!(tape, pieces);
    }

    #[test]
    fn trades_happen_within_the_quotes_of_their_moment() {
        let market = market(7);
        let aapl = Instrument::equity("AAPL").unwrap();
        let from = now() - jiff::SignedDuration::from_secs(30);
        for print in prints(&market, &aapl, from, now()) {
            let quote = market.quote(&aapl, print.at).unwrap();
            let (bid, ask) = (quote.bid.unwrap(), quote.ask.unwrap());
            assert!((bid..=ask).contains(&print.price) && print.size.is_positive(), "{print:?} {bid} {ask}");
            match print.aggressor {
                Aggressor::Buyer => assert_eq!(print.price, ask),
                Aggressor::Seller => assert_eq!(print.price, bid),
                Aggressor::Unknown => assert!(print.price > bid && print.price < ask),
            }
        }
    }

    #[test]
    fn movers_are_sorted_by_their_change() {
        let market = market(7);
        let change = |i: &Instrument| market.quote(i, now()).unwrap().change_percent().unwrap();
        let up = movers(&market, MoverOrder::Gainers, now(), 20);
        let down = movers(&market, MoverOrder::Losers, now(), 20);
        assert_eq!((up.len(), down.len()), (20, 20));
        let exact = |i: &Instrument| market.day_change(i, now()).unwrap();
        assert!(up.windows(2).all(|pair| exact(&pair[0]) >= exact(&pair[1])));
        assert!(down.windows(2).all(|pair| exact(&pair[0]) <= exact(&pair[1])));
        // What quotes say is the same, but for what ticks round off.
        assert!(
            change(&up[0]) > change(&down[0])
                && change(&up[0]) > Decimal::ZERO
                && change(&down[0]) < Decimal::ZERO
        );
        assert_eq!(movers(&market, MoverOrder::Active, now(), 5).len(), 5);
    }
}
