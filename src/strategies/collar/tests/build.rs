//! The choice of a pair against the closed form.

use jiff::civil::date;

use super::*;
use crate::domain::money::Price;
use crate::domain::option::{OptionContract, Right};
use crate::quant::contracts::Candidate;
use crate::quant::greeks::{Terms, black_scholes, zero_cost_call_strike};
use crate::quant::number::to_f64;
use crate::strategies::collar::build::{choose, puts_down};

/// A market without a spread, of the model's value.
fn candidate(right: Right, strike: i64, sigma: f64) -> Candidate {
    let terms = terms(right, strike as f64);
    let greeks = black_scholes(&terms, sigma);
    let price: Price = format!("{:.6}", greeks.price).parse().unwrap();
    let contract = OptionContract {
        underlying: share().root().clone(),
        expiry: date(2027, 2, 12),
        strike: Price::from(strike),
        right,
        root: None,
    };
    Candidate {
        contract,
        bid: price,
        ask: price,
        dte: 92,
        delta: greeks.delta,
        annual_yield: 0.0,
        open_interest: 500,
        score: 0.0,
    }
}

fn terms(right: Right, strike: f64) -> Terms {
    Terms { right, spot: 200.0, strike, years: 92.0 / 365.0, rate: 0.04, dividend_yield: 0.0 }
}

fn chain(right: Right, sigma: f64) -> Vec<Candidate> {
    (100..300).rev().map(|strike| candidate(right, strike, sigma)).collect()
}

#[test]
fn the_call_is_the_last_strike_below_that_of_no_cost() {
    for (put, sigma) in [(180, 0.20), (185, 0.30), (190, 0.45), (195, 0.15)] {
        let exact = zero_cost_call_strike(&terms(Right::Put, put as f64), sigma).unwrap();
        let pair =
            choose(&[candidate(Right::Put, put, sigma)], &chain(Right::Call, sigma), 0.into()).unwrap();
        assert_eq!(to_f64(pair.call.contract.strike.get()), exact.floor(), "{put} at {sigma}");
    }
}

#[test]
fn puts_go_down_from_the_wanted_one_to_the_widest() {
    let strikes = |floor: Option<i64>, delta, widest: i64| -> Vec<String> {
        let floor = floor.map(Price::from);
        let puts = puts_down(chain(Right::Put, 0.30), floor, delta, Price::from(widest));
        puts.iter().map(|put| put.contract.strike.to_string()).collect()
    };
    assert_eq!(strikes(Some(183), 0.0, 180), ["183", "182", "181", "180"]);
    assert_eq!(strikes(None, 0.25, 183).first().map(String::as_str), Some("185"));
    assert_eq!(strikes(Some(170), 0.0, 180), ["180"], "never below the widest");
    assert!(strikes(Some(400), 0.0, 180).is_empty());
}
