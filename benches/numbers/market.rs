//! Market data: the hub, the universe, option chains.

use std::hint::black_box;

use arbion::domain::instrument::{Instrument, SymbolLookup};
use arbion::domain::money::{Price, Quantity};
use arbion::domain::quote::{Feed, Quote};
use arbion::market::hub::{Cursor, Hub};
use arbion::market::symbols::Universe;
use arbion::quant::greeks::{Terms, black_scholes, implied_volatility};
use jiff::Timestamp;

use super::measure::{best, millis, per_second, row};

pub fn run() {
    hub();
    search();
    chain();
}

fn hub() {
    let instruments: Vec<Instrument> =
        (0..500).map(|i| Instrument::equity(&format!("S{i}")).unwrap_or_else(|_| unreachable!())).collect();
    let quotes: Vec<Quote> = (0..100_000_i64)
        .map(|i| {
            let at = Timestamp::from_millisecond(i).unwrap_or(Timestamp::UNIX_EPOCH);
            let mut quote = Quote::empty(instruments[(i % 500) as usize].clone(), at, Feed::Simulated);
            quote.bid = Some(Price::from(100 + i % 7));
            quote.ask = Some(Price::from(101 + i % 7));
            quote.bid_size = Quantity::from(100);
            quote
        })
        .collect();
    let time = best(|| {
        let mut hub = Hub::new();
        for quote in &quotes {
            hub.publish(quote.clone());
        }
        let mut count = 0;
        hub.drain(&mut Cursor::default(), |_| count += 1);
        assert_eq!(count, 500);
    });
    row("hub: quotes in, 500 symbols", per_second(100_000, time), "500,000 /s");
}

fn search() {
    let universe = Universe::load();
    let worst = ["aapl", "micro", "bank of", "e"]
        .map(|query| best(|| drop(black_box(universe.search(query, 20)))))
        .into_iter()
        .max();
    row("search: worst of four queries", millis(worst.unwrap_or_default()), "2 ms");
    row("universe: read the lists", millis(best(|| drop(black_box(Universe::load())))), "");
}

fn chain() {
    let contracts: Vec<(Terms, f64)> = (0..2_000)
        .map(|i| {
            let right = if i % 2 == 0 {
                arbion::domain::option::Right::Call
            } else {
                arbion::domain::option::Right::Put
            };
            let strike = 150.0 + f64::from(i % 100) * 1.5;
            let terms = Terms {
                right,
                spot: 225.0,
                strike,
                years: 0.05 + f64::from(i / 100) * 0.05,
                rate: 0.04,
                dividend_yield: 0.005,
            };
            (terms, black_scholes(&terms, 0.32).price)
        })
        .collect();
    let time = best(|| {
        for (terms, price) in &contracts {
            if let Ok(iv) = implied_volatility(terms, *price) {
                black_box(black_scholes(terms, iv));
            }
        }
    });
    row("chain: 2,000 contracts, volatility and greeks", millis(time), "2 ms");
}
