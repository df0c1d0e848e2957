//! Simulated option chains: Black-Scholes with a smile and a term structure over the simulated price of the underlying.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use crate::domain::calendar::{Calendar, plus_days};
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::quote::{Feed, Quote};
use crate::quant::greeks::{Terms, USUAL_RATE, black_scholes, years_of_seconds};

use super::simulated::{SimulatedMarket, decimal};

/// Rate and yield of the model.
pub const RATE: f64 = USUAL_RATE;
/// Strikes on each side of the money.
const STRIKES_EACH_SIDE: i64 = 20;

/// Listed expiries after a date: six weeklies, then monthlies for a year and a half.
#[must_use]
pub fn expiries(calendar: &Calendar, today: Date) -> Vec<Date> {
    let mut list: Vec<Date> = (0..6).map(|week| calendar.weekly_expiry(plus_days(today, week * 7))).collect();
    let (mut year, mut month) = (today.year(), today.month());
    for _ in 0..18 {
        list.push(calendar.monthly_expiry(year, month));
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    list.push(calendar.monthly_expiry(today.year() + 2, 1));
    list.retain(|day| *day >= today);
    list.sort_unstable();
    list.dedup();
    list
}

/// Distance between strikes at a price level.
fn strike_step(spot: f64) -> Decimal {
    match spot {
        s if s < 5.0 => Decimal::new(5, 1),
        s if s < 25.0 => Decimal::ONE,
        s if s < 100.0 => Decimal::new(25, 1),
        s if s < 400.0 => Decimal::from(5),
        s if s < 1_500.0 => Decimal::TEN,
        _ => Decimal::from(50),
    }
}

/// Listed strikes around a spot, rising.
#[must_use]
pub fn strikes(spot: f64) -> Vec<Price> {
    let step = strike_step(spot);
    let Some(spot) = Decimal::from_f64(spot) else { return Vec::new() };
    let middle = (spot / step).round();
    (-STRIKES_EACH_SIDE..=STRIKES_EACH_SIDE)
        .map(|i| (middle + Decimal::from(i)) * step)
        .filter(|strike| *strike > Decimal::ZERO)
        .map(|strike| Price::new(strike.normalize()))
        .collect()
}

/// Implied volatility of the model: a level of its own, steeper to the downside, higher for short terms.
pub(super) fn smile(base: f64, moneyness: f64, years: f64) -> f64 {
    let width = years.max(0.01).sqrt();
    let x = moneyness / width.max(0.15);
    (base * (1.0 + 0.04 * (0.08 / years.max(0.02)).min(2.0)) * (1.0 - 0.12 * x + 0.10 * x * x))
        .clamp(0.05, 3.0)
}

/// Years until an expiry, a minute at least.
#[must_use]
pub fn years_until(calendar: &Calendar, expiry: Date, at: Timestamp) -> f64 {
    let seconds = calendar.expiry_instant(expiry).duration_since(at).as_secs_f64();
    years_of_seconds(seconds)
}

/// The quote of any contract on a symbol of the universe. `None` once it has expired.
#[must_use]
pub fn option_quote(market: &SimulatedMarket, contract: &OptionContract, at: Timestamp) -> Option<Quote> {
    let underlying = Instrument::Equity { symbol: contract.underlying.clone() };
    if market.calendar().expiry_instant(contract.expiry) <= at {
        return None;
    }
    let spot = market.level(&underlying, at)?;
    let day_start = at.as_millisecond().div_euclid(86_400_000) * 86_400_000;
    let spot_before = market.level(&underlying, Timestamp::from_millisecond(day_start - 250).ok()?)?;
    let base = 0.18 + 0.22 * market.noise(contract.underlying.as_str(), 77);
    let strike = contract.strike.get().to_f64()?;
    let years = years_until(market.calendar(), contract.expiry, at);
    let value = |spot: f64| {
        let terms = Terms { right: contract.right, spot, strike, years, rate: RATE, dividend_yield: 0.0 };
        black_scholes(&terms, smile(base, (strike / spot).ln(), years)).price
    };
    let price = value(spot);
    let tick = Decimal::new(1, 2);
    let half = (price * 0.012).max(0.01) + 0.000_02 * spot;
    let bid = decimal((price - half).max(0.0)).floor_to_tick(tick);
    let ask = decimal(price + half).ceil_to_tick(tick);
    let key = contract.occ_symbol();
    let beat = at.as_millisecond() / 1_000;
    let size = |salt: i64| {
        Quantity::new(
            Decimal::from_f64(10.0 + 190.0 * market.noise(&key, beat * 2 + salt)).unwrap_or_default().round(),
        )
    };
    let mut quote = Quote::empty(Instrument::Option(contract.clone()), at, Feed::Simulated);
    quote.bid = bid.is_positive().then_some(bid);
    quote.bid_size = if bid.is_positive() { size(0) } else { Quantity::ZERO };
    quote.ask = Some(ask);
    quote.ask_size = size(1);
    quote.last = Some(decimal(price).round_to_tick(tick).max(Price::new(tick)));
    quote.previous_close = Some(decimal(value(spot_before)).round_to_tick(tick).max(Price::new(tick)));
    quote.volume =
        Quantity::new(Decimal::from_f64(2_000.0 * market.noise(&key, day_start)).unwrap_or_default().round());
    Some(quote)
}

/// Open interest of a contract: largest near the money and on round strikes.
#[must_use]
pub fn open_interest(market: &SimulatedMarket, contract: &OptionContract, spot: f64) -> u64 {
    let strike = contract.strike.get().to_f64().unwrap_or(spot);
    let distance = (strike / spot).ln() / 0.1;
    let near = (-0.5 * distance * distance).exp();
    (12_000.0 * near * (0.3 + market.noise(&contract.occ_symbol(), 5))) as u64
}

/// The contracts of one expiry around a spot: calls and puts by rising strike.
#[must_use]
pub fn contracts(underlying: &Symbol, expiry: Date, spot: f64, right: Option<Right>) -> Vec<OptionContract> {
    let mut list = Vec::new();
    for strike in strikes(spot) {
        for side in [Right::Call, Right::Put] {
            if right.is_none_or(|wanted| wanted == side) {
                list.push(OptionContract {
                    underlying: underlying.clone(),
                    expiry,
                    strike,
                    right: side,
                    root: None,
                });
            }
        }
    }
    list
}
