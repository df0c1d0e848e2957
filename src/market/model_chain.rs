//! Prices of options over recorded bars, which have none: Black-Scholes with the simulated market's smile over the last price that is known
//! and how much the closes known so far have moved. Nothing here looks ahead, and nothing here is a market's price.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::chain::{Chain, ChainRow};
use crate::domain::instrument::{Instrument, InstrumentSpec, Symbol};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::OptionContract;
use crate::domain::quote::{Bar, Feed, Quote};
use crate::quant::greeks::{Terms, black_scholes};
use crate::quant::number::to_f64;

use super::chain::{RATE, contracts, expiries, smile, years_until};
use super::simulated::decimal;

/// Closes whose returns make the volatility.
const CLOSES: usize = 31;
/// Closes without which there is none, and so no option.
const CLOSES_MIN: usize = 21;
/// Sessions of a year.
const SESSIONS: f64 = 252.0;
/// No share is as still as this, per year.
const SIGMA_MIN: f64 = 0.05;
/// Half of an option's spread: this part of its price and this part of the share's.
const HALF_SPREAD: f64 = 0.012;
const HALF_SPREAD_OF_SHARE: f64 = 0.000_02;
/// Half of a share's spread, as a part of its price.
const HALF_SPREAD_SHARE: f64 = 0.000_1;
/// Contracts and shares shown at each price.
const CONTRACTS_SHOWN: i64 = 100;
const SHARES_SHOWN: i64 = 10_000;
/// Contracts outstanding at the money.
const OPEN_INTEREST: f64 = 5_000.0;
/// Days of bars that are kept for who asks.
const DAYS_MAX: usize = 300;

/// What is known of one share.
#[derive(Clone, Debug, Default)]
struct Known {
    price: Option<Price>,
    /// When the price was seen, and until when it is one of now.
    day: Option<Date>,
    /// Newest last, in units of today.
    closes: VecDeque<f64>,
    days: Vec<Bar>,
}

impl Known {
    fn sigma(&self) -> Option<f64> {
        let returns: Vec<f64> =
            self.closes.iter().zip(self.closes.iter().skip(1)).map(|(a, b)| (b / a).ln()).collect();
        if returns.len() + 1 < CLOSES_MIN {
            return None;
        }
        let count = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let squares: f64 = returns.iter().map(|value| (value - mean).powi(2)).sum();
        let sigma = (squares / (count - 1.0) * SESSIONS).sqrt();
        sigma.is_finite().then_some(sigma.max(SIGMA_MIN))
    }
}

/// The options of shares whose bars are played.
#[derive(Clone, Debug)]
pub struct ModelMarket {
    shares: BTreeMap<Symbol, Known>,
    calendar: Arc<Calendar>,
}

impl ModelMarket {
    /// A market that knows nothing yet.
    #[must_use]
    pub const fn new(calendar: Arc<Calendar>) -> Self {
        Self { shares: BTreeMap::new(), calendar }
    }

    /// A share trades at a price.
    pub fn see(&mut self, share: &Symbol, price: Price, at: Timestamp) {
        let known = self.shares.entry(share.clone()).or_default();
        (known.price, known.day) = (Some(price), Some(exchange_date(at)));
    }

    /// A bar is complete: of a day, or a part of one.
    pub fn complete(&mut self, share: &Symbol, bar: &Bar) {
        let known = self.shares.entry(share.clone()).or_default();
        let day = exchange_date(bar.start);
        let close = to_f64(bar.close.get());
        match known.days.last_mut().filter(|last| exchange_date(last.start) == day) {
            Some(last) => {
                last.high = last.high.max(bar.high);
                last.low = last.low.min(bar.low);
                last.close = bar.close;
                last.volume += bar.volume;
                if let Some(newest) = known.closes.back_mut() {
                    *newest = close;
                }
            }
            None => {
                known.days.push(*bar);
                known.closes.push_back(close);
            }
        }
        if known.closes.len() > CLOSES {
            known.closes.pop_front();
        }
        if known.days.len() > 2 * DAYS_MAX {
            known.days.drain(..DAYS_MAX);
        }
    }

    /// A split: what was seen before is in units of after.
    pub fn split(&mut self, share: &Symbol, numerator: u32, denominator: u32) {
        let Some(known) = self.shares.get_mut(share) else { return };
        let Some(part) = Decimal::from(denominator).checked_div(Decimal::from(numerator)) else { return };
        for close in &mut known.closes {
            *close *= to_f64(part);
        }
        for day in &mut known.days {
            let scaled = |price: Price| Price::new(price.get() * part);
            (day.open, day.high) = (scaled(day.open), scaled(day.high));
            (day.low, day.close) = (scaled(day.low), scaled(day.close));
        }
        known.price = known.price.map(|price| Price::new(price.get() * part));
    }

    /// Has a share a price of this day.
    #[must_use]
    pub fn trades(&self, share: &Symbol, day: Date) -> bool {
        self.shares.get(share).is_some_and(|known| known.day == Some(day))
    }

    /// Complete days, oldest first, of before today, in units of today.
    #[must_use]
    pub fn days(&self, share: &Symbol, today: Date, count: usize) -> Vec<Bar> {
        let Some(known) = self.shares.get(share) else { return Vec::new() };
        let before = known.days.partition_point(|bar| exchange_date(bar.start) < today);
        known.days[before.saturating_sub(count)..before].to_vec()
    }

    /// The share's quote around its last price; the day's close before is that of the last complete day.
    #[must_use]
    pub fn share_quote(&self, share: &Symbol, at: Timestamp) -> Option<Quote> {
        let known = self.shares.get(share)?;
        let price = known.price?;
        let instrument = Instrument::Equity { symbol: share.clone() };
        let tick = InstrumentSpec::standard(instrument.clone()).tick_at(price);
        let half = decimal(to_f64(price.get()) * HALF_SPREAD_SHARE).ceil_to_tick(tick);
        let mut quote = Quote::empty(instrument, at, Feed::Replayed);
        (quote.bid, quote.ask, quote.last) = (Some(price - half), Some(price + half), Some(price));
        let shown = Quantity::from(SHARES_SHOWN);
        (quote.bid_size, quote.ask_size) = (shown, shown);
        quote.previous_close = self.days(share, exchange_date(at), 1).last().map(|bar| bar.close);
        Some(quote)
    }

    /// A contract's quote; `None` once it has expired, and while nobody knows how much its share moves.
    #[must_use]
    pub fn option_quote(&self, contract: &OptionContract, at: Timestamp) -> Option<Quote> {
        self.row(contract, at).map(|row| row.quote)
    }

    fn row(&self, contract: &OptionContract, at: Timestamp) -> Option<ChainRow> {
        let known = self.shares.get(&contract.underlying)?;
        if self.calendar.expiry_instant(contract.expiry) <= at {
            return None;
        }
        let (spot, sigma) = (to_f64(known.price?.get()), known.sigma()?);
        Some(priced(contract, (spot, sigma), years_until(&self.calendar, contract.expiry, at), at))
    }

    /// The chain of the expiries between two days.
    #[must_use]
    pub fn chain(&self, share: &Symbol, from: Date, until: Date, at: Timestamp) -> Option<Chain> {
        let known = self.shares.get(share)?;
        let (price, sigma) = (known.price?, known.sigma()?);
        let spot = to_f64(price.get());
        let mut listed = expiries(&self.calendar, exchange_date(at));
        listed.retain(|day| (from..=until).contains(day) && self.calendar.expiry_instant(*day) > at);
        let mut rows = Vec::new();
        for expiry in &listed {
            let years = years_until(&self.calendar, *expiry, at);
            let of_expiry = contracts(share, *expiry, spot, None);
            rows.extend(of_expiry.iter().map(|contract| priced(contract, (spot, sigma), years, at)));
        }
        Some(Chain { underlying: share.clone(), spot: Some(price), expiries: listed, rows })
    }
}

/// A contract's row by the model.
fn priced(contract: &OptionContract, (spot, sigma): (f64, f64), years: f64, at: Timestamp) -> ChainRow {
    let strike = to_f64(contract.strike.get());
    let iv = smile(sigma, (strike / spot).ln(), years);
    let terms = Terms { right: contract.right, spot, strike, years, rate: RATE, dividend_yield: 0.0 };
    let greeks = black_scholes(&terms, iv);
    let tick = Decimal::new(1, 2);
    let half = (greeks.price * HALF_SPREAD).max(0.01) + HALF_SPREAD_OF_SHARE * spot;
    let bid = decimal((greeks.price - half).max(0.0)).floor_to_tick(tick);
    let ask = decimal(greeks.price + half).ceil_to_tick(tick);
    let mut quote = Quote::empty(Instrument::Option(contract.clone()), at, Feed::Replayed);
    quote.bid = bid.is_positive().then_some(bid);
    quote.ask = Some(ask);
    quote.last = Some(decimal(greeks.price).round_to_tick(tick).max(Price::new(tick)));
    quote.bid_size = if bid.is_positive() { Quantity::from(CONTRACTS_SHOWN) } else { Quantity::ZERO };
    quote.ask_size = Quantity::from(CONTRACTS_SHOWN);
    let distance = (strike / spot).ln() / 0.1;
    let near = OPEN_INTEREST * (-0.5 * distance * distance).exp();
    ChainRow {
        contract: contract.clone(),
        quote,
        open_interest: u64::from_f64(near),
        iv: Some(iv),
        delta: Some(greeks.delta),
        gamma: Some(greeks.gamma),
        theta: Some(greeks.theta),
        vega: Some(greeks.vega),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;
    use crate::domain::calendar::instant;

    fn bar(day: Date, close: &str) -> Bar {
        let close: Price = close.parse().unwrap();
        let start = instant(day, time(9, 30, 0, 0));
        Bar { start, open: close, high: close, low: close, close, volume: Decimal::ONE }
    }

    /// So many sessions whose closes go up and down by a part.
    fn market(sessions: usize, part: f64) -> (ModelMarket, Date) {
        let calendar = Arc::new(Calendar::nyse());
        let mut market = ModelMarket::new(Arc::clone(&calendar));
        let share = Symbol::new("AAPL").unwrap();
        let mut day = date(2026, 8, 3);
        for n in 0..sessions {
            let close = 200.0 * if n % 2 == 0 { 1.0 } else { 1.0 + part };
            market.complete(&share, &bar(day, &format!("{close:.2}")));
            day = calendar.next_session(day);
        }
        market.see(&share, Price::from(200), instant(day, time(9, 30, 0, 0)));
        (market, day)
    }

    #[test]
    fn there_are_no_options_before_anybody_knows_how_much_the_share_moves() {
        let share = Symbol::new("AAPL").unwrap();
        for (sessions, known) in [(20, false), (21, true), (60, true)] {
            let (market, day) = market(sessions, 0.01);
            let at = instant(day, time(9, 45, 0, 0));
            let chain = market.chain(&share, day, day.checked_add(jiff::Span::new().days(60)).unwrap(), at);
            assert_eq!(chain.is_some_and(|chain| !chain.rows.is_empty()), known, "{sessions}");
        }
    }

    #[test]
    fn what_moves_more_costs_more_and_bids_are_below_asks() {
        let price = |part: f64| {
            let (market, day) = market(40, part);
            let at = instant(day, time(9, 45, 0, 0));
            let share = Symbol::new("AAPL").unwrap();
            let until = day.checked_add(jiff::Span::new().days(60)).unwrap();
            let chain = market.chain(&share, day, until, at).unwrap();
            assert!(chain.rows.iter().all(|row| row.quote.bid.unwrap_or_default() < row.quote.ask.unwrap()));
            let row = chain.rows.iter().find(|row| row.contract.strike == Price::from(200)).unwrap();
            to_f64(row.quote.mid().unwrap().get())
        };
        assert!(price(0.03) > 2.0 * price(0.01), "{} and {}", price(0.03), price(0.01));
    }

    #[test]
    fn a_split_is_no_move() {
        let (mut market, day) = market(40, 0.01);
        let share = Symbol::new("AAPL").unwrap();
        let before = market.shares[&share].sigma().unwrap();
        market.split(&share, 4, 1);
        market.complete(&share, &bar(day, "50"));
        let after = market.shares[&share].sigma().unwrap();
        assert!((after - before).abs() < 0.02, "{before} and {after}");
        assert_eq!(market.days(&share, day, 1)[0].close, "50.5".parse().unwrap());
    }
}
