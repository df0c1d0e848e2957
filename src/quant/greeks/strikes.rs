//! One volatility for each strike of an expiry, from the prices of both sides.

use crate::domain::option::Right;

use super::{Terms, implied_volatility};

/// A strike with the middle of each side's prices; absent where a side has none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrikePrices {
    /// The strike.
    pub strike: f64,
    /// Middle of the call's bid and ask, per unit of the underlying.
    pub call: Option<f64>,
    /// Middle of the put's bid and ask, per unit of the underlying.
    pub put: Option<f64>,
}

/// The volatility of each strike, in the order of `strikes`, which rise. `terms` say everything but right and strike.
///
/// Both sides of a strike have one volatility. The side that is out of the money tells it: what is deep in the money is worth its intrinsic
/// value within the width of its market, and its middle implies any volatility or none from one moment to the next. Where neither side
/// implies one, that of the nearest strike stands for it; `None` everywhere where no strike implies any.
#[must_use]
pub fn strike_volatilities(terms: &Terms, strikes: &[StrikePrices]) -> Vec<Option<f64>> {
    let own: Vec<Option<f64>> = strikes.iter().map(|prices| own_volatility(terms, prices)).collect();
    (0..own.len())
        .map(|i| {
            let known = own.iter().enumerate().filter_map(|(j, volatility)| Some((j, (*volatility)?)));
            known.min_by_key(|(j, _)| j.abs_diff(i)).map(|(_, volatility)| volatility)
        })
        .collect()
}

fn own_volatility(terms: &Terms, prices: &StrikePrices) -> Option<f64> {
    let forward = terms.spot * ((terms.rate - terms.dividend_yield) * terms.years).exp();
    let (call, put) = ((Right::Call, prices.call), (Right::Put, prices.put));
    let outside = if prices.strike < forward { put } else { call };
    let terms = Terms { right: outside.0, strike: prices.strike, ..*terms };
    implied_volatility(&terms, outside.1?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::black_scholes;
    use super::*;

    const TERMS: Terms = Terms {
        right: Right::Call,
        spot: 253.0,
        strike: 0.0,
        years: 1.0 / 365.0,
        rate: 0.04,
        dividend_yield: 0.0,
    };

    fn price(right: Right, strike: f64, volatility: f64) -> f64 {
        black_scholes(&Terms { right, strike, ..TERMS }, volatility).price
    }

    /// A market of a strike: what is worth less than a cent has no bid, and so no middle.
    fn prices(strike: f64, volatility: f64, noise: f64) -> StrikePrices {
        let quoted = |right| {
            let price = price(right, strike, volatility);
            (price >= 0.01).then_some(price + noise)
        };
        StrikePrices { strike, call: quoted(Right::Call), put: quoted(Right::Put) }
    }

    #[test]
    fn both_sides_of_a_strike_have_the_volatility_of_the_one_out_of_the_money() {
        // The calls are a cent above and below what they are worth, as a wide market's middle is.
        for noise in [-0.01, 0.0, 0.01] {
            let strikes: Vec<StrikePrices> = [215.0, 230.0, 245.0, 250.0, 255.0, 260.0, 290.0]
                .into_iter()
                .map(|strike| StrikePrices {
                    call: prices(strike, 0.3, noise).call.filter(|_| strike < 253.0),
                    ..prices(strike, 0.3, 0.0)
                })
                .map(|strike| StrikePrices {
                    call: strike.call.or(prices(strike.strike, 0.3, 0.0).call),
                    ..strike
                })
                .collect();
            let found = strike_volatilities(&TERMS, &strikes);
            assert!(found.iter().all(|v| (v.unwrap() - 0.3).abs() < 1e-6), "{noise}: {found:?}");
            let delta = |strike: f64| black_scholes(&Terms { strike, ..TERMS }, found[0].unwrap()).delta;
            assert!(delta(215.0) > 0.999 && delta(290.0) < 0.001, "{} {}", delta(215.0), delta(290.0));
        }
    }

    #[test]
    fn a_strike_without_prices_takes_the_nearest_and_nothing_comes_of_nothing() {
        let mut strikes = vec![prices(250.0, 0.25, 0.0), prices(252.0, 0.3, 0.0), prices(255.0, 0.35, 0.0)];
        strikes.push(StrikePrices { strike: 300.0, call: None, put: None });
        strikes.insert(0, StrikePrices { strike: 200.0, call: Some(0.5), put: None });
        let found: Vec<f64> = strike_volatilities(&TERMS, &strikes).into_iter().map(Option::unwrap).collect();
        for (found, expected) in found.iter().zip([0.25, 0.25, 0.3, 0.35, 0.35]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        let none = [StrikePrices { strike: 200.0, call: None, put: None }; 2];
        assert_eq!(strike_volatilities(&TERMS, &none), [None, None]);
        assert_eq!(strike_volatilities(&TERMS, &[]), []);
    }
}
