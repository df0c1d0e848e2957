//! The risk desk's figures: beta, historical value at risk, and what positions gain or lose when prices, volatility or time move.
//! Options are valued anew at each move, not by their delta alone.

use jiff::civil::Date;

use super::greeks::{Terms, black_scholes};

/// Returns that a beta or a value at risk is worked out from, at least: with fewer it would be no figure.
pub const RETURNS_MIN: usize = 20;
/// The least time that an option is valued with, in years: a minute.
const YEARS_MIN: f64 = 60.0 / (365.0 * 86_400.0);
/// The least volatility.
const SIGMA_MIN: f64 = 1e-4;

/// What is held of one thing, and what it moves with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holding {
    /// Units of the underlying per unit of price, signed: quantity times multiplier, times the rate into the account's currency.
    pub units: f64,
    /// The price of what moves it.
    pub spot: f64,
    /// An option on it: its terms and the volatility that its price implies.
    pub option: Option<(Terms, f64)>,
}

impl Holding {
    /// What it is worth after a move: spot by a part (-0.1 for 10 % down), volatility by a part of itself, and so many days later.
    #[must_use]
    pub fn value(&self, spot_by: f64, volatility_by: f64, days: f64) -> f64 {
        let spot = self.spot * (1.0 + spot_by);
        match self.option {
            None => self.units * spot,
            Some((terms, sigma)) => {
                let years = (terms.years - days / 365.0).max(YEARS_MIN);
                let sigma = (sigma * (1.0 + volatility_by)).max(SIGMA_MIN);
                self.units * black_scholes(&Terms { spot, years, ..terms }, sigma).price
            }
        }
    }

    /// Gain or loss by a move.
    #[must_use]
    pub fn gain(&self, spot_by: f64, volatility_by: f64, days: f64) -> f64 {
        self.value(spot_by, volatility_by, days) - self.value(0.0, 0.0, 0.0)
    }

    /// Money that moves as its underlying does: units times delta times spot.
    #[must_use]
    pub fn delta_value(&self) -> f64 {
        let delta = self.option.map_or(1.0, |(terms, sigma)| {
            black_scholes(&Terms { spot: self.spot, ..terms }, sigma.max(SIGMA_MIN)).delta
        });
        self.units * delta * self.spot
    }
}

/// Returns of closes, oldest first: one less than there are closes. Empty where a close is not positive.
#[must_use]
pub fn returns(closes: &[f64]) -> Vec<f64> {
    if closes.iter().any(|close| !close.is_finite() || *close <= 0.0) {
        return Vec::new();
    }
    closes.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
}

/// Returns of several series between the days that all of them have, each oldest first and as long as the others: a coin's weekend and a
/// holiday of one exchange are part of the next day in common. Series are sorted by day, each day once; empty where one has none.
#[must_use]
pub fn aligned(series: &[&[(Date, f64)]]) -> Vec<Vec<f64>> {
    let Some((first, others)) = series.split_first() else { return Vec::new() };
    let close_on = |series: &[(Date, f64)], day: Date| {
        series.binary_search_by_key(&day, |(day, _)| *day).ok().map(|at| series[at].1)
    };
    let mut closes: Vec<Vec<f64>> = vec![Vec::new(); series.len()];
    for (day, close) in *first {
        let others: Option<Vec<f64>> = others.iter().map(|series| close_on(series, *day)).collect();
        if let Some(others) = others {
            let row = std::iter::once(*close).chain(others);
            closes.iter_mut().zip(row).for_each(|(closes, close)| closes.push(close));
        }
    }
    closes.iter().map(|closes| returns(closes)).collect()
}

/// How much of a benchmark's move a thing makes: covariance over variance of returns of the same days. `None` with too few, or where the
/// benchmark does not move.
#[must_use]
pub fn beta(of: &[f64], benchmark: &[f64]) -> Option<f64> {
    let days = of.len().min(benchmark.len());
    if days < RETURNS_MIN {
        return None;
    }
    let (of, benchmark) = (&of[of.len() - days..], &benchmark[benchmark.len() - days..]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_of, mean_benchmark) = (mean(of), mean(benchmark));
    let covariance: f64 = of.iter().zip(benchmark).map(|(a, b)| (a - mean_of) * (b - mean_benchmark)).sum();
    let variance: f64 = benchmark.iter().map(|b| (b - mean_benchmark).powi(2)).sum();
    let beta = covariance / variance;
    // What is left of rounding is no move.
    (variance > 1e-18 && beta.is_finite()).then_some(beta)
}

/// How much a thing and a benchmark move together, −1 to 1: over returns of the same days. `None` where beta has none, either way round.
#[must_use]
pub fn correlation(of: &[f64], benchmark: &[f64]) -> Option<f64> {
    let (there, back) = (beta(of, benchmark)?, beta(benchmark, of)?);
    // Both have the sign of the covariance; rounding may take their product a hair beyond one.
    Some(there.signum() * (there * back).max(0.0).sqrt().min(1.0))
}

/// Loss of one day that was not exceeded on so many of a hundred days, and the mean of those that exceeded it; both positive for a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueAtRisk {
    /// The loss.
    pub loss: f64,
    /// The mean loss of the days that were as bad or worse.
    pub shortfall: f64,
}

/// Historical value at risk of the gains of days: the worst `(1 - confidence)` of them. `None` with too few days, or a confidence that is none.
#[must_use]
pub fn value_at_risk(gains: &[f64], confidence: f64) -> Option<ValueAtRisk> {
    if gains.len() < RETURNS_MIN || !(0.5..1.0).contains(&confidence) {
        return None;
    }
    let mut sorted: Vec<f64> = gains.iter().copied().filter(|gain| gain.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    // Rounding in the last place must not take a day off.
    let tail = ((sorted.len() as f64 * (1.0 - confidence) + 1e-9).floor() as usize).max(1).min(sorted.len());
    let worst = sorted.get(..tail)?;
    let loss = -worst.last()?;
    Some(ValueAtRisk { loss, shortfall: -worst.iter().sum::<f64>() / worst.len() as f64 })
}

/// What all holdings would have gained on each of the days whose returns are given, each holding with its own; as many days as the shortest
/// history has, the newest.
#[must_use]
pub fn replayed(holdings: &[(Holding, &[f64])]) -> Vec<f64> {
    let days = holdings.iter().map(|(_, returns)| returns.len()).min().unwrap_or(0);
    (0..days)
        .map(|day| {
            let gain = |(holding, returns): &(Holding, &[f64])| {
                holding.gain(returns[returns.len() - days + day], 0.0, 0.0)
            };
            holdings.iter().map(gain).sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::option::Right;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }

    fn share(units: f64, spot: f64) -> Holding {
        Holding { units, spot, option: None }
    }

    fn put() -> Holding {
        let terms = Terms {
            right: Right::Put,
            spot: 100.0,
            strike: 100.0,
            years: 0.25,
            rate: 0.04,
            dividend_yield: 0.0,
        };
        Holding { units: 100.0, spot: 100.0, option: Some((terms, 0.3)) }
    }

    #[test]
    fn shares_gain_by_their_price_alone() {
        close(share(10.0, 50.0).gain(-0.1, 0.2, 30.0), -50.0);
        close(share(-10.0, 50.0).gain(-0.1, 0.0, 0.0), 50.0);
        close(share(10.0, 50.0).delta_value(), 500.0);
    }

    /// Black-Scholes by hand: at the money, a quarter of a year, 30 % and 4 %, a put is worth 5.4645 a share.
    #[test]
    fn options_are_valued_anew() {
        let put = put();
        assert!((put.value(0.0, 0.0, 0.0) / 100.0 - 5.4645).abs() < 1e-3, "{}", put.value(0.0, 0.0, 0.0));
        // Delta alone says 4.44 for ten down: what it becomes is worth more.
        assert!(put.gain(-0.1, 0.0, 0.0) > -put.delta_value() * 0.1);
        assert!(put.gain(0.0, 0.2, 0.0) > 0.0, "more volatility is worth more to who holds it");
        assert!(put.gain(0.0, 0.0, 1.0) < 0.0, "a day costs");
        close(Holding { units: -100.0, ..put }.gain(-0.1, 0.2, 1.0), -put.gain(-0.1, 0.2, 1.0));
        // Beyond its end it is what it is worth at its end.
        assert!((put.value(-0.1, 0.0, 400.0) / 100.0 - 10.0).abs() < 1e-3);
        assert!(put.delta_value() < 0.0);
    }

    #[test]
    fn betas_are_covariance_over_variance() {
        let benchmark: Vec<f64> = (0..40).map(|n| f64::from(n % 7) / 100.0 - 0.03).collect();
        let twice: Vec<f64> = benchmark.iter().map(|r| 2.0 * r + 0.001).collect();
        close(beta(&twice, &benchmark).unwrap(), 2.0);
        let against: Vec<f64> = benchmark.iter().map(|r| -r).collect();
        close(beta(&against, &benchmark).unwrap(), -1.0);
        // A longer history is cut to the newest days of the shorter one.
        let longer: Vec<f64> = std::iter::repeat_n(9.0, 5).chain(twice.iter().copied()).collect();
        close(beta(&longer, &benchmark).unwrap(), 2.0);
        assert_eq!(beta(&twice[..RETURNS_MIN - 1], &benchmark), None);
        assert_eq!(beta(&twice, &[0.01; 40]), None);
        assert_eq!(
            returns(&[100.0, 110.0, 99.0]).iter().map(|r| (r * 1e6).round()).collect::<Vec<_>>(),
            [100_000.0, -100_000.0]
        );
        assert!(returns(&[100.0, 0.0]).is_empty());
    }

    #[test]
    fn returns_are_those_between_days_in_common() {
        let day = |day| jiff::civil::date(2026, 11, day);
        // A share over a weekend and a holiday, a coin on each day.
        let share = [(day(25), 100.0), (day(27), 110.0), (day(30), 99.0)];
        let coin = [
            (day(25), 10.0),
            (day(26), 20.0),
            (day(27), 30.0),
            (day(28), 5.0),
            (day(29), 7.0),
            (day(30), 15.0),
        ];
        let rounded = |series: &[&[(Date, f64)]]| -> Vec<Vec<f64>> {
            let round = |r: &f64| (r * 1e6).round() / 1e6;
            aligned(series).iter().map(|returns| returns.iter().map(round).collect()).collect()
        };
        assert_eq!(rounded(&[&share, &coin]), [[0.1, -0.1], [2.0, -0.5]]);
        assert_eq!(rounded(&[&coin, &share]), [[2.0, -0.5], [0.1, -0.1]]);
        assert_eq!(rounded(&[&share]), [[0.1, -0.1]]);
        assert_eq!(rounded(&[&share, &[]]), [const { Vec::new() }; 2] as [Vec<f64>; 2]);
        assert!(aligned(&[]).is_empty());
    }

    #[test]
    fn value_at_risk_is_the_worst_days_of_the_past() {
        // A loss of 1 to 100: five of them are 96 or worse.
        let gains: Vec<f64> = (1..=100).map(|n| -f64::from(n)).collect();
        let at = |confidence| value_at_risk(&gains, confidence).unwrap();
        assert_eq!(at(0.95), ValueAtRisk { loss: 96.0, shortfall: 98.0 });
        assert_eq!(at(0.99), ValueAtRisk { loss: 100.0, shortfall: 100.0 });
        assert_eq!(value_at_risk(&gains[..19], 0.95), None);
        assert_eq!(value_at_risk(&gains, 1.0), None);
        // Days of gains alone: no loss.
        assert!(value_at_risk(&[1.0; 30], 0.95).unwrap().loss < 0.0);
    }

    #[test]
    fn the_past_is_replayed_over_what_is_held_now() {
        let (up, down) = ([0.5, 0.10, -0.10], [0.0, -0.05]);
        let gains = replayed(&[(share(10.0, 100.0), &up), (share(-10.0, 50.0), &down)]);
        assert_eq!(gains.iter().map(|gain| gain.round()).collect::<Vec<_>>(), [100.0, -75.0]);
        assert!(replayed(&[]).is_empty());
    }
}
