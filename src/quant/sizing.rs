//! Position sizing. Whole lots, rounded down; zero means no trade.

/// Rounds down to whole lots; anything not finite or negative is no trade.
fn lots(units: f64, lot: f64) -> f64 {
    if units.is_finite() && units > 0.0 && lot > 0.0 { (units / lot).floor() * lot } else { 0.0 }
}

/// Money over price.
#[must_use]
pub fn fixed_notional(notional: f64, price: f64, lot: f64) -> f64 {
    lots(notional / price, lot)
}

/// Risks a part of the equity between entry and stop.
#[must_use]
pub fn fixed_fractional(equity: f64, fraction: f64, entry: f64, stop: f64, multiplier: f64, lot: f64) -> f64 {
    lots(equity * fraction / ((entry - stop).abs() * multiplier), lot)
}

/// The same with a stop `k` average true ranges away.
#[must_use]
pub fn atr_risk(equity: f64, fraction: f64, atr: f64, k: f64, lot: f64) -> f64 {
    fixed_fractional(equity, fraction, k * atr, 0.0, 1.0, lot)
}

/// Weight that brings a holding's volatility to the target, at most `weight_max`. Volatility below 5 % counts as 5 %.
#[must_use]
pub fn volatility_weight(target: f64, realized: f64, weight_max: f64) -> f64 {
    (target / realized.max(0.05)).min(weight_max).max(0.0)
}

/// Units for a weight of the equity.
#[must_use]
pub fn weighted(equity: f64, weight: f64, price: f64, lot: f64) -> f64 {
    lots(equity * weight / price, lot)
}

/// Kelly's fraction `p - (1 - p) / b`.
#[must_use]
pub fn kelly(win_rate: f64, payoff: f64) -> f64 {
    win_rate - (1.0 - win_rate) / payoff
}

/// A part of Kelly's fraction, between nothing and `cap`.
#[must_use]
pub fn kelly_capped(win_rate: f64, payoff: f64, fraction: f64, cap: f64) -> f64 {
    let weight = kelly(win_rate, payoff) * fraction;
    if weight.is_finite() { weight.clamp(0.0, cap) } else { 0.0 }
}

/// Puts that free cash secures.
#[must_use]
pub fn cash_secured_puts(
    cash: f64,
    reserved: f64,
    strike: f64,
    multiplier: f64,
    fee: f64,
    contracts_max: f64,
) -> f64 {
    lots((cash - reserved) / (strike * multiplier + fee), 1.0).min(contracts_max)
}

/// Calls that free shares cover.
#[must_use]
pub fn covered_calls(shares: f64, short_calls: f64, working_calls: f64, multiplier: f64) -> f64 {
    (lots(shares / multiplier, 1.0) - short_calls - working_calls).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_equal_the_vectors() {
        let text = include_str!("../../tests/fixtures/vectors/metrics-vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        for row in vectors["sizing"].as_array().unwrap() {
            let i = |key: &str| row["input"][key].as_f64().unwrap();
            let (got, key) = match row["model"].as_str().unwrap() {
                "fixed_fractional" | "fixed_fractional_option" => (
                    fixed_fractional(
                        i("equity"),
                        i("risk_pct"),
                        i("entry"),
                        i("stop"),
                        i("multiplier"),
                        i("lot"),
                    ),
                    "qty",
                ),
                "atr_risk" => (atr_risk(i("equity"), i("risk_pct"), i("atr"), i("k"), i("lot")), "qty"),
                "vol_target" => {
                    let weight = volatility_weight(i("target_vol"), i("realized_vol"), i("max_weight"));
                    assert!((weight - row["expect"]["weight"].as_f64().unwrap()).abs() < 1e-12);
                    (weighted(i("equity"), weight, i("price"), i("lot")), "qty")
                }
                "kelly_capped" | "kelly_negative" => {
                    let full = kelly(i("win_rate"), i("payoff"));
                    assert!((full - row["expect"]["kelly_full"].as_f64().unwrap()).abs() < 1e-9);
                    (kelly_capped(i("win_rate"), i("payoff"), i("fraction"), i("cap")), "weight")
                }
                "cash_secured_put" => (
                    cash_secured_puts(
                        i("cash"),
                        i("reserved"),
                        i("strike"),
                        i("multiplier"),
                        i("fee_per_contract"),
                        i("max_contracts"),
                    ),
                    "contracts",
                ),
                "covered_call" => (
                    covered_calls(
                        i("shares"),
                        i("short_calls_open"),
                        i("pending_call_orders"),
                        i("multiplier"),
                    ),
                    "contracts",
                ),
                other => panic!("no model {other}"),
            };
            assert!((got - row["expect"][key].as_f64().unwrap()).abs() < 1e-12, "{row}: {got}");
        }
    }

    #[test]
    fn nonsense_is_no_trade() {
        assert_eq!(fixed_fractional(1.0, 0.01, 5.0, 5.0, 1.0, 1.0), 0.0);
        assert_eq!(fixed_notional(f64::NAN, 5.0, 1.0), 0.0);
        assert_eq!(kelly_capped(0.5, 0.0, 0.5, 0.1), 0.0);
    }
}
