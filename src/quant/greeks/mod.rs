//! Option maths: European prices and greeks with a dividend yield, implied volatility, American values, strike choice.
//!
//! Units: delta per 1.00 of the underlying, vega per volatility point, theta per calendar day, rho per percentage point of the rate.
//! Time is in years of 365 days. Conventions agree with QuantLib and vollib to 1e-9.

mod american;
mod implied;
mod strikes;

use crate::domain::option::Right;

pub use american::{american_price, american_price_with_dividends, should_exercise_before_ex_dividend};
pub use implied::{IvError, implied_volatility};
pub use strikes::{StrikePrices, strike_volatilities};

/// What an option's value depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Call or put.
    pub right: Right,
    /// Price of the underlying.
    pub spot: f64,
    /// Strike.
    pub strike: f64,
    /// Years to expiry.
    pub years: f64,
    /// Continuously compounded rate, 0.04 for 4 %.
    pub rate: f64,
    /// Continuously compounded dividend yield.
    pub dividend_yield: f64,
}

/// The rate that implied volatilities and payoffs are worked out with where no other is known.
pub const USUAL_RATE: f64 = 0.04;

/// Years of so many days, as [`Terms`] wants them.
#[must_use]
pub fn years(days: i32) -> f64 {
    f64::from(days) / 365.0
}

/// Years of so many seconds until an expiry, a minute at least, as [`Terms`] wants them.
#[must_use]
pub fn years_of_seconds(seconds: f64) -> f64 {
    seconds.max(60.0) / (365.0 * 86_400.0)
}

/// A value and its sensitivities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Greeks {
    /// Value per unit of the underlying.
    pub price: f64,
    /// Change per 1.00 of the underlying.
    pub delta: f64,
    /// Change of delta per 1.00 of the underlying.
    pub gamma: f64,
    /// Change per volatility point.
    pub vega: f64,
    /// Change per calendar day.
    pub theta: f64,
    /// Change per percentage point of the rate.
    pub rho: f64,
}

/// Standard normal distribution function, to full double precision.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Standard normal density.
#[must_use]
pub fn normal_pdf(x: f64) -> f64 {
    const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
    INV_SQRT_2PI * (-0.5 * x * x).exp()
}

/// Inverse of the normal distribution function: Acklam's rational approximation and one Halley step. NaN outside (0, 1).
#[must_use]
pub fn normal_inverse(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416];
    if !(p > 0.0 && p < 1.0) {
        return f64::NAN;
    }
    let horner = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, k| sum * x + k);
    let tail = |q: f64| horner(&C, q) / (horner(&D, q) * q + 1.0);
    let x = if p < 0.024_25 {
        tail((-2.0 * p.ln()).sqrt())
    } else if p > 1.0 - 0.024_25 {
        -tail((-2.0 * (1.0 - p).ln()).sqrt())
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    };
    let error = normal_cdf(x) - p;
    let step = error / normal_pdf(x);
    x - step / (1.0 + x * step / 2.0)
}

/// Price and greeks. At expiry or without volatility: the discounted intrinsic value, delta 0 or its limit, no gamma, no vega.
#[must_use]
pub fn black_scholes(terms: &Terms, sigma: f64) -> Greeks {
    let Terms { right, spot, strike, years, rate, dividend_yield } = *terms;
    let w = if right == Right::Call { 1.0 } else { -1.0 };
    if years <= 0.0 || sigma <= 0.0 {
        return at_the_limit(terms, w);
    }
    let growth = (-dividend_yield * years).exp();
    let discount = (-rate * years).exp();
    let root = years.sqrt();
    let deviation = sigma * root;
    let d1 = ((spot / strike).ln() + (rate - dividend_yield + 0.5 * sigma * sigma) * years) / deviation;
    let d2 = d1 - deviation;
    let (n1, n2, density) = (normal_cdf(w * d1), normal_cdf(w * d2), normal_pdf(d1));
    let (s, k) = (spot * growth, strike * discount);
    Greeks {
        price: w * (s * n1 - k * n2),
        delta: w * growth * n1,
        gamma: growth * density / (spot * deviation),
        vega: s * density * root / 100.0,
        theta: (-s * density * sigma / (2.0 * root) - w * rate * k * n2 + w * dividend_yield * s * n1)
            / 365.0,
        rho: w * k * years * n2 / 100.0,
    }
}

fn at_the_limit(terms: &Terms, w: f64) -> Greeks {
    let years = terms.years.max(0.0);
    let growth = (-terms.dividend_yield * years).exp();
    let (s, k) = (terms.spot * growth, terms.strike * (-terms.rate * years).exp());
    let inside = w * (s - k) > 0.0;
    let one = if inside { 1.0 } else { 0.0 };
    Greeks {
        price: (w * (s - k)).max(0.0),
        delta: w * growth * one,
        gamma: 0.0,
        vega: 0.0,
        theta: if years == 0.0 { 0.0 } else { one * w * (terms.dividend_yield * s - terms.rate * k) / 365.0 },
        rho: one * w * k * years / 100.0,
    }
}

/// The strike at which an option has this delta (absolute value), before it is snapped to a chain.
#[must_use]
pub fn strike_from_delta(terms: &Terms, sigma: f64, delta: f64) -> f64 {
    let w = if terms.right == Right::Call { 1.0 } else { -1.0 };
    let root = terms.years.sqrt();
    let quantile = normal_inverse(delta.abs() * (terms.dividend_yield * terms.years).exp());
    let drift = (terms.rate - terms.dividend_yield + 0.5 * sigma * sigma) * terms.years;
    terms.spot * (-w * quantile * sigma * root + drift).exp()
}

/// The call strike whose price pays for a put: bisection over strikes above the spot. `None` when even the spot's call is too cheap.
#[must_use]
pub fn zero_cost_call_strike(put: &Terms, sigma: f64) -> Option<f64> {
    let target = black_scholes(&Terms { right: Right::Put, ..*put }, sigma).price;
    let call =
        |strike: f64| black_scholes(&Terms { right: Right::Call, strike, ..*put }, sigma).price - target;
    let (mut low, mut high) = (put.strike.min(put.spot), put.spot * 10.0);
    if call(low) < 0.0 || call(high) > 0.0 {
        return None;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if call(middle) > 0.0 { low = middle } else { high = middle }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests;
