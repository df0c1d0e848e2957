//! What a position in options of one expiry, with or without shares, is worth when they expire: greatest gain and loss, breakevens.

use super::greeks::{Terms, black_scholes};
use crate::domain::option::Right;

/// Options, or shares, of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PayoffLeg {
    /// Call or put; absent for shares.
    pub right: Option<Right>,
    /// Strike per share; of shares, no matter what.
    pub strike: f64,
    /// Shares that it moves as, positive when bought: contracts times the multiplier.
    pub units: f64,
}

impl PayoffLeg {
    fn value(&self, spot: f64) -> f64 {
        self.units
            * match self.right {
                Some(Right::Call) => (spot - self.strike).max(0.0),
                Some(Right::Put) => (self.strike - spot).max(0.0),
                None => spot,
            }
    }

    /// Change per unit of the underlying far above every strike.
    const fn slope_above(&self) -> f64 {
        match self.right {
            Some(Right::Put) => 0.0,
            Some(Right::Call) | None => self.units,
        }
    }
}

/// The ends and zeros of a payoff.
#[derive(Clone, Debug, PartialEq)]
pub struct Payoff {
    /// Greatest gain; absent when it has no limit.
    pub max_profit: Option<f64>,
    /// Greatest loss as a number of at most 0; absent when it has no limit.
    pub max_loss: Option<f64>,
    /// Prices of the underlying at which nothing is gained or lost, rising.
    pub breakevens: Vec<f64>,
}

/// Gain or loss at expiry with the underlying at `spot`, after `paid` (negative when received).
#[must_use]
pub fn profit_at(legs: &[PayoffLeg], paid: f64, spot: f64) -> f64 {
    legs.iter().map(|leg| leg.value(spot)).sum::<f64>() - paid
}

/// Ends and zeros of a payoff, over every price of the underlying from 0 up. The payoff is straight between strikes, so they and the
/// slope above the last of them say everything.
#[must_use]
pub fn payoff(legs: &[PayoffLeg], paid: f64) -> Payoff {
    let mut knots: Vec<f64> =
        legs.iter().filter(|leg| leg.right.is_some()).map(|leg| leg.strike).chain([0.0]).collect();
    knots.sort_by(f64::total_cmp);
    knots.dedup();
    let values: Vec<f64> = knots.iter().map(|knot| profit_at(legs, paid, *knot)).collect();
    let slope: f64 = legs.iter().map(PayoffLeg::slope_above).sum();
    let mut breakevens: Vec<f64> = Vec::new();
    for (i, pair) in values.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        if a == 0.0 && i > 0 {
            breakevens.push(knots[i]);
        } else if a * b < 0.0 {
            breakevens.push(knots[i] + (knots[i + 1] - knots[i]) * a / (a - b));
        }
    }
    if let (Some(knot), Some(value)) = (knots.last(), values.last()) {
        if *value == 0.0 && knots.len() > 1 {
            breakevens.push(*knot);
        } else if value * slope < 0.0 {
            breakevens.push(knot - value / slope);
        }
    }
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    Payoff {
        max_profit: (slope <= 0.0).then_some(most),
        max_loss: (slope >= 0.0).then_some(least.min(0.0)),
        breakevens,
    }
}

/// A leg that still has time: what it takes to value it before it expires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiveLeg {
    /// What it pays at its expiry.
    pub leg: PayoffLeg,
    /// Volatility per year, 0.25 for 25 %.
    pub volatility: f64,
    /// Years left now; of shares, no matter what.
    pub years: f64,
}

/// Gain or loss with the underlying at `spot` once `elapsed` years have gone by, after `paid` (negative when received), by Black and
/// Scholes at a rate, volatilities as they are now. A leg that has expired by then is worth what it pays.
#[must_use]
pub fn profit_before(legs: &[LiveLeg], paid: f64, spot: f64, elapsed: f64, rate: f64) -> f64 {
    let value = |live: &LiveLeg| {
        let years = live.years - elapsed;
        let Some(right) = live.leg.right.filter(|_| years > 1e-9) else { return live.leg.value(spot) };
        let terms = Terms { right, spot, strike: live.leg.strike, years, rate, dividend_yield: 0.0 };
        live.leg.units * black_scholes(&terms, live.volatility).price
    };
    legs.iter().map(value).sum::<f64>() - paid
}

/// Ends and zeros when the nearest leg expires, for legs of several expiries: looked for on a grid from 0 to three times `spot`, each zero
/// then narrowed down. Ends are those of the grid, so that none is unlimited where the legs are balanced.
#[must_use]
pub fn payoff_at_first_expiry(legs: &[LiveLeg], paid: f64, spot: f64, rate: f64) -> Payoff {
    const STEPS: u32 = 600;
    let first = legs.iter().filter(|l| l.leg.right.is_some()).map(|l| l.years).fold(f64::INFINITY, f64::min);
    let at = |price: f64| profit_before(legs, paid, price, first, rate);
    let price = |step: u32| (spot * 3.0 * f64::from(step) / f64::from(STEPS)).max(1e-6);
    let values: Vec<f64> = (0..=STEPS).map(|step| at(price(step))).collect();
    let mut breakevens = Vec::new();
    for (step, pair) in (0_u32..).zip(values.windows(2)) {
        if (pair[0] < 0.0) != (pair[1] < 0.0) {
            let (mut low, mut high) = (price(step), price(step + 1));
            for _ in 0..40 {
                let middle = f64::midpoint(low, high);
                if (at(low) < 0.0) == (at(middle) < 0.0) { low = middle } else { high = middle }
            }
            breakevens.push(f64::midpoint(low, high));
        }
    }
    let slope: f64 = legs.iter().map(|live| live.leg.slope_above()).sum();
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    Payoff {
        max_profit: (slope <= 0.0).then_some(most),
        max_loss: (slope >= 0.0).then_some(least.min(0.0)),
        breakevens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(right: Right, strike: f64, contracts: f64) -> PayoffLeg {
        PayoffLeg { right: Some(right), strike, units: contracts * 100.0 }
    }

    #[test]
    fn ends_and_zeros_of_the_usual_packages() {
        let (call, put) = (Right::Call, Right::Put);
        type Case = (&'static str, Vec<PayoffLeg>, f64, Option<f64>, Option<f64>, &'static [f64]);
        let cases: [Case; 7] = [
            ("long call", vec![leg(call, 100.0, 1.0)], 300.0, None, Some(-300.0), &[103.0]),
            ("short put", vec![leg(put, 100.0, -1.0)], -200.0, Some(200.0), Some(-9_800.0), &[98.0]),
            ("short call", vec![leg(call, 100.0, -1.0)], -200.0, Some(200.0), None, &[102.0]),
            (
                "debit spread",
                vec![leg(call, 100.0, 1.0), leg(call, 110.0, -1.0)],
                400.0,
                Some(600.0),
                Some(-400.0),
                &[104.0],
            ),
            (
                "iron condor",
                vec![
                    leg(put, 90.0, 1.0),
                    leg(put, 95.0, -1.0),
                    leg(call, 105.0, -1.0),
                    leg(call, 110.0, 1.0),
                ],
                -150.0,
                Some(150.0),
                Some(-350.0),
                &[93.5, 106.5],
            ),
            (
                "straddle",
                vec![leg(put, 100.0, 1.0), leg(call, 100.0, 1.0)],
                700.0,
                None,
                Some(-700.0),
                &[93.0, 107.0],
            ),
            (
                "covered call",
                vec![PayoffLeg { right: None, strike: 0.0, units: 100.0 }, leg(call, 110.0, -1.0)],
                9_800.0,
                Some(1_200.0),
                Some(-9_800.0),
                &[98.0],
            ),
        ];
        for (name, legs, paid, most, least, zeros) in cases {
            let found = payoff(&legs, paid);
            assert_eq!((found.max_profit, found.max_loss), (most, least), "{name}");
            assert_eq!(found.breakevens, zeros, "{name}");
            for zero in zeros {
                assert!(profit_at(&legs, paid, *zero).abs() < 1e-9, "{name}");
            }
        }
    }

    fn live(right: Right, strike: f64, contracts: f64, years: f64) -> LiveLeg {
        LiveLeg { leg: leg(right, strike, contracts), volatility: 0.25, years }
    }

    #[test]
    fn before_expiry_a_leg_is_worth_its_time_too() {
        let legs = [live(Right::Call, 100.0, 1.0, 0.25)];
        let now = profit_before(&legs, 0.0, 100.0, 0.0, 0.04);
        let later = profit_before(&legs, 0.0, 100.0, 0.2, 0.04);
        assert!(now > later && later > 0.0, "{now} {later}");
        // Hull's example: 42, strike 40, half a year, 10 %, 20 %: 4.76 a share.
        let hull = [LiveLeg { leg: leg(Right::Call, 40.0, 1.0), volatility: 0.2, years: 0.5 }];
        assert!((profit_before(&hull, 0.0, 42.0, 0.0, 0.1) - 475.94).abs() < 0.01);
        for spot in [80.0, 100.0, 120.0] {
            let end = profit_before(&legs, 300.0, spot, 0.25, 0.04);
            assert!((end - profit_at(&[legs[0].leg], 300.0, spot)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_calendar_gains_where_the_price_stays() {
        let legs = [live(Right::Call, 100.0, -1.0, 0.1), live(Right::Call, 100.0, 1.0, 0.35)];
        let paid = profit_before(&legs, 0.0, 100.0, 0.0, 0.04);
        let found = payoff_at_first_expiry(&legs, paid, 100.0, 0.04);
        assert!(found.max_profit.unwrap() > 0.0 && found.max_loss.unwrap() >= -paid - 1e-6);
        let [low, high] = found.breakevens[..] else { panic!("{:?}", found.breakevens) };
        assert!(low < 100.0 && high > 100.0, "{low} {high}");
        for zero in [low, high] {
            assert!(profit_before(&legs, paid, zero, 0.1, 0.04).abs() < 0.01);
        }
        // Of one expiry, the grid agrees with what is exact.
        let spread = [live(Right::Call, 100.0, 1.0, 0.1), live(Right::Call, 110.0, -1.0, 0.1)];
        let exact = payoff(&spread.map(|live| live.leg), 400.0);
        let about = payoff_at_first_expiry(&spread, 400.0, 100.0, 0.04);
        assert!((about.breakevens[0] - exact.breakevens[0]).abs() < 1e-6);
        assert!((about.max_profit.unwrap() - 600.0).abs() < 1e-6 && about.max_loss == exact.max_loss);
    }
}
