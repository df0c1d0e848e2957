//! Implied volatility: bounds first, then Newton steps inside a bracket.

use crate::domain::option::Right;

use super::{Terms, normal_cdf, normal_pdf};

/// Lowest and highest volatility looked for.
const SIGMA_MIN: f64 = 1e-4;
const SIGMA_MAX: f64 = 10.0;
/// Steps before giving up on more precision.
const STEPS_MAX: usize = 100;

/// Why a price has no volatility.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum IvError {
    /// Below what the option is worth without any volatility.
    #[error("price is below the discounted intrinsic value {lower_bound}")]
    BelowIntrinsic {
        /// The least such an option is worth.
        lower_bound: f64,
    },
    /// Above what the option can ever be worth.
    #[error("price is above the highest possible value {upper_bound}")]
    AboveMaximum {
        /// The most such an option is worth.
        upper_bound: f64,
    },
    /// No time is left.
    #[error("the option has expired")]
    Expired,
}

/// The volatility at which a European option is worth `price`.
///
/// # Errors
/// When the price is outside of what any volatility gives, or no time is left.
pub fn implied_volatility(terms: &Terms, price: f64) -> Result<f64, IvError> {
    let Terms { right, spot, strike, years, rate, dividend_yield } = *terms;
    if years <= 0.0 {
        return Err(IvError::Expired);
    }
    let w = if right == Right::Call { 1.0 } else { -1.0 };
    let (s, k) = (spot * (-dividend_yield * years).exp(), strike * (-rate * years).exp());
    let lower_bound = (w * (s - k)).max(0.0);
    let upper_bound = if right == Right::Call { s } else { k };
    // A price that is not a number is below everything too.
    if price.is_nan() || price <= lower_bound {
        return Err(IvError::BelowIntrinsic { lower_bound });
    }
    if price >= upper_bound {
        return Err(IvError::AboveMaximum { upper_bound });
    }
    // What does not change from step to step is worked out once; the price of the out-of-the-money side keeps its digits.
    let root = years.sqrt();
    let moneyness = (s / k).ln();
    let flip = w * (s - k) > 0.0;
    let (side, target) = if flip { (-w, price - lower_bound) } else { (w, price) };
    let value = |sigma: f64| {
        let deviation = sigma * root;
        let d1 = moneyness / deviation + 0.5 * deviation;
        let price = side * (s * normal_cdf(side * d1) - k * normal_cdf(side * (d1 - deviation)));
        (price, s * normal_pdf(d1) * root, d1)
    };
    let (mut low, mut high) = (SIGMA_MIN, SIGMA_MAX);
    let tolerance = 1e-10 * price.max(1.0) * 1e-3;
    let mut sigma = start(moneyness, root, target, s, k);
    for _ in 0..STEPS_MAX {
        let (guess, vega, d1) = value(sigma);
        let error = guess - target;
        if error > 0.0 {
            high = sigma
        } else {
            low = sigma
        }
        if error.abs() <= tolerance || high - low < 1e-15 {
            break;
        }
        let newton = error / vega;
        // Halley's step uses the second derivative, vega * d1 * d2 / sigma.
        let curvature = d1 * (d1 - sigma * root) / sigma;
        let step = newton / (1.0 - 0.5 * newton * curvature).clamp(0.5, 2.0);
        let next = sigma - step;
        if (next - sigma).abs() <= 1e-15 * sigma {
            break;
        }
        sigma = if next > low && next < high { next } else { 0.5 * (low + high) };
    }
    Ok(sigma)
}

/// A first guess: Brenner and Subrahmanyam's near the money, else the volatility of the steepest vega (Manaster and Koehler).
fn start(moneyness: f64, root: f64, target: f64, s: f64, k: f64) -> f64 {
    let near = (2.0 * std::f64::consts::PI).sqrt() * (target + 0.5 * (s - k).abs()) / (0.5 * (s + k)) / root;
    let steep = (2.0 * moneyness.abs()).sqrt() / root;
    let guess = if moneyness.abs() < 0.02 { near } else { steep };
    guess.clamp(0.01, 5.0)
}
