//! What a position in options of one expiry, with or without shares, is worth when they expire: greatest gain and loss, breakevens.

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
}
