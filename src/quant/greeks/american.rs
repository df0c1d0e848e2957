//! American options on a Cox-Ross-Rubinstein tree.

use crate::domain::option::Right;

use super::Terms;

/// Steps of the tree.
const STEPS: usize = 200;

/// Value with early exercise, on a tree of 200 steps.
#[must_use]
pub fn american_price(terms: &Terms, sigma: f64) -> f64 {
    let Terms { right, spot, strike, years, rate, dividend_yield } = *terms;
    let w = if right == Right::Call { 1.0 } else { -1.0 };
    if years <= 0.0 || sigma <= 0.0 {
        return (w * (spot - strike)).max(super::black_scholes(terms, sigma).price);
    }
    let dt = years / STEPS as f64;
    let up = (sigma * dt.sqrt()).exp();
    let down = 1.0 / up;
    let probability = (((rate - dividend_yield) * dt).exp() - down) / (up - down);
    let discount = (-rate * dt).exp();
    let (rise, fall) = (discount * probability, discount * (1.0 - probability));
    let price_at = |step: usize, ups: usize| spot * up.powi(2 * ups as i32 - step as i32);
    let mut values: [f64; STEPS + 1] = [0.0; STEPS + 1];
    for (ups, value) in values.iter_mut().enumerate() {
        *value = (w * (price_at(STEPS, ups) - strike)).max(0.0);
    }
    for step in (0..STEPS).rev() {
        let mut price = price_at(step, 0);
        for ups in 0..=step {
            let hold = rise * values[ups + 1] + fall * values[ups];
            values[ups] = hold.max(w * (price - strike));
            price *= up * up;
        }
    }
    values[0]
}

/// The same with cash dividends `(years until the ex-date, amount)`: the escrowed model takes their present value off the spot.
#[must_use]
pub fn american_price_with_dividends(terms: &Terms, sigma: f64, dividends: &[(f64, f64)]) -> f64 {
    let present: f64 = dividends
        .iter()
        .filter(|(at, _)| *at > 0.0 && *at <= terms.years)
        .map(|(at, amount)| amount * (-terms.rate * at).exp())
        .sum();
    american_price(&Terms { spot: terms.spot - present, ..*terms }, sigma)
}

/// Does the holder of a call exercise before the ex-date: the dividend is worth more than the put that is given up and the interest on
/// the strike. Years are to expiry; `put_value_after_ex` is that of the put at the same strike once the dividend is off.
#[must_use]
pub fn should_exercise_before_ex_dividend(
    dividend: f64,
    put_value_after_ex: f64,
    strike: f64,
    rate: f64,
    years: f64,
) -> bool {
    dividend > put_value_after_ex + strike * (1.0 - (-rate * years).exp())
}
