//! Every row of the option vectors.

use serde_json::Value;

use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/vectors/option-vectors.json")).unwrap()
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("{key} in {row}"))
}

fn terms(row: &Value) -> Terms {
    Terms {
        right: if row["right"] == "put" { Right::Put } else { Right::Call },
        spot: number(row, "S"),
        strike: row["K"].as_f64().unwrap_or_default(),
        years: row["T"].as_f64().unwrap_or_else(|| number(row, "days") / 365.0),
        rate: number(row, "r"),
        dividend_yield: number(row, "q"),
    }
}

fn close(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance * want.abs().max(1.0), "{what}: {got} is not {want}");
}

#[test]
fn european_prices_and_greeks_equal_the_vectors() {
    let vectors = vectors();
    for row in vectors["european"].as_array().unwrap().iter().chain(vectors["limits"].as_array().unwrap()) {
        let mut terms = terms(row);
        if let Some(days) = row["days"].as_f64() {
            terms.years = days / 365.0;
        }
        let greeks = black_scholes(&terms, number(row, "sigma"));
        let fields = [
            ("price", greeks.price),
            ("delta", greeks.delta),
            ("gamma", greeks.gamma),
            ("vega", greeks.vega),
            ("theta", greeks.theta),
            ("rho", greeks.rho),
        ];
        for (field, got) in fields {
            if let Some(want) = row[field].as_f64() {
                close(got, want, 1e-9, &format!("{field} of {row}"));
            }
        }
    }
}

#[test]
fn implied_volatility_equals_the_vectors() {
    let vectors = vectors();
    let rounded = vectors["implied_vol_from_rounded_prices"].as_array().unwrap();
    for row in vectors["implied_vol"].as_array().unwrap().iter().chain(rounded) {
        let (terms, price, want) = (terms(row), number(row, "price"), number(row, "sigma"));
        let got = implied_volatility(&terms, price).unwrap();
        close(black_scholes(&terms, got).price, price, 1e-10, &row.to_string());
        // The vectors print prices with 12 digits: where vega is tiny that alone moves the volatility by more than 1e-8.
        if black_scholes(&terms, want).vega > 1e-4 {
            close(got, want, 1e-8, &row.to_string());
        }
    }
    for row in vectors["implied_vol_errors"].as_array().unwrap() {
        let error = implied_volatility(&terms(row), number(row, "price")).unwrap_err();
        let name = match error {
            IvError::BelowIntrinsic { .. } => "below_intrinsic",
            IvError::AboveMaximum { .. } => "above_maximum",
            IvError::Expired => "expired",
        };
        assert_eq!(name, row["error"].as_str().unwrap(), "{row}");
        if let (IvError::BelowIntrinsic { lower_bound }, Some(want)) = (error, row["lower_bound"].as_f64()) {
            close(lower_bound, want, 1e-9, "lower bound");
        }
    }
}

#[test]
fn american_values_equal_the_vectors() {
    for row in vectors()["american"].as_array().unwrap() {
        let price = american_price(&terms(row), number(row, "sigma"));
        if let Some(want) = row["crr_200"].as_f64() {
            close(price, want, 1e-9, &row.to_string());
        }
        let want = number(row, "price");
        assert!((price - want).abs() <= (0.005 * want).max(0.005), "{row}: {price}");
    }
}

#[test]
fn strikes_collars_and_early_exercise_equal_the_vectors() {
    let vectors = vectors();
    for row in vectors["strike_from_delta"].as_array().unwrap() {
        close(
            strike_from_delta(&terms(row), number(row, "sigma"), number(row, "delta")),
            number(row, "K"),
            1e-9,
            "strike",
        );
    }
    for row in vectors["zero_cost_collar"].as_array().unwrap() {
        let put = Terms { right: Right::Put, strike: number(row, "put_K"), ..terms(row) };
        close(black_scholes(&put, number(row, "sigma")).price, number(row, "put_price"), 1e-9, "put");
        close(
            zero_cost_call_strike(&put, number(row, "sigma")).unwrap(),
            number(row, "call_K"),
            1e-8,
            "call strike",
        );
    }
    for row in vectors["early_exercise_of_call_before_ex_dividend"].as_array().unwrap() {
        let years = number(row, "days_to_expiry") / 365.0;
        let (strike, rate, dividend) = (number(row, "K"), number(row, "r"), number(row, "dividend"));
        let put = number(row, "put_value_after_ex");
        let exercise = should_exercise_before_ex_dividend(dividend, put, strike, rate, years);
        assert_eq!(exercise, row["holder_should_exercise"].as_bool().unwrap(), "{row}");
    }
}

#[test]
fn volatility_survives_a_round_trip_over_a_whole_chain() {
    for strike in (50..=200).step_by(5) {
        for sigma in [0.08, 0.2, 0.45, 1.2] {
            for right in [Right::Call, Right::Put] {
                let terms = Terms {
                    right,
                    spot: 110.0,
                    strike: f64::from(strike),
                    years: 0.1,
                    rate: 0.04,
                    dividend_yield: 0.01,
                };
                let greeks = black_scholes(&terms, sigma);
                if greeks.vega > 1e-4 {
                    close(
                        implied_volatility(&terms, greeks.price).unwrap(),
                        sigma,
                        1e-7,
                        &format!("{terms:?}"),
                    );
                }
            }
        }
    }
}
