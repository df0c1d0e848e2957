//! How far an option moves with its underlying, for measuring exposure: from the volatility that its price implies.

use jiff::Timestamp;
use jiff::civil::time;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use crate::domain::calendar::instant;
use crate::domain::instrument::Instrument;
use crate::domain::option::{OptionContract, Right};
use crate::domain::quote::Quote;
use crate::quant::greeks::{Terms, USUAL_RATE, black_scholes, implied_volatility};

use super::view::MarketView;

/// The yearly rate that deltas are reckoned with. A point more or less moves one by less than a hundredth within a year.
const RATE: f64 = USUAL_RATE;
const YEAR_SECONDS: i64 = 365 * 86_400;

/// Change of a contract's price per 1.00 of its underlying, to four places: 0 to 1 for a call, -1 to 0 for a put. Without quotes that imply a
/// volatility it is taken to move like its underlying, which is the most it can.
#[must_use]
pub(super) fn delta(market: &dyn MarketView, now: Timestamp, contract: &OptionContract) -> Decimal {
    let known = market.known_delta(&Instrument::Option(contract.clone()));
    let sign = if contract.right == Right::Call { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
    known.or_else(|| implied_delta(market, now, contract)).unwrap_or(sign)
}

/// The delta at the volatility that a contract's price implies; `None` where quotes are missing or imply none.
#[must_use]
pub fn implied_delta(market: &dyn MarketView, now: Timestamp, contract: &OptionContract) -> Option<Decimal> {
    let bound = Decimal::ONE;
    implied(market, now, contract).map(|delta| delta.clamp(-bound, bound).round_dp(4))
}

fn implied(market: &dyn MarketView, now: Timestamp, contract: &OptionContract) -> Option<Decimal> {
    let mark = |instrument: &Instrument| market.quote(instrument).and_then(Quote::mark)?.get().to_f64();
    let spot = mark(&Instrument::Equity { symbol: contract.underlying.clone() })?;
    let price = mark(&Instrument::Option(contract.clone()))?;
    let left = instant(contract.expiry, time(16, 0, 0, 0)).duration_since(now).as_secs();
    let years = (Decimal::from(left) / Decimal::from(YEAR_SECONDS)).to_f64()?;
    let strike = contract.strike.get().to_f64()?;
    let sound = [spot, strike].into_iter().all(|price| price.is_finite() && price > 0.0);
    if !sound {
        return None;
    }
    let terms = Terms { right: contract.right, spot, strike, years, rate: RATE, dividend_yield: 0.0 };
    let volatility = implied_volatility(&terms, price).ok()?;
    Decimal::from_f64(black_scholes(&terms, volatility).delta)
}
