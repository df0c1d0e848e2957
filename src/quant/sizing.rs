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

/// Margin that a short put needs under Regulation T: the premium and the greater of 20 % of the spot less what it is out of the money, and
/// 10 % of the strike. Per contract.
#[must_use]
pub fn short_put_margin(spot: f64, strike: f64, premium: f64, multiplier: f64) -> f64 {
    let out_of_the_money = (spot - strike).max(0.0);
    (premium + (0.20 * spot - out_of_the_money).max(0.10 * strike)) * multiplier
}

/// Margin of a protective collar (long shares, long put, short call), per contract. Source: strategies §7, Lean's ProtectiveCollar.
#[must_use]
pub fn collar_margin(spot: f64, put_strike: f64, call_strike: f64, multiplier: f64) -> f64 {
    let out_of_the_money = (spot - put_strike).max(0.0);
    (0.10 * put_strike + out_of_the_money).min(0.25 * call_strike) * multiplier
}

/// Units cut down to caps, in any order: whole lots of what the least of them allows. Any cap that is not a
/// number allows nothing.
#[must_use]
pub fn capped(units: f64, caps: &[f64], lot: f64) -> f64 {
    caps.iter().fold(lots(units, lot), |least, cap| least.min(lots(*cap, lot)))
}

/// Units of a participation in the average volume: 0.01 for 1 %.
#[must_use]
pub fn participation(average_volume: f64, part: f64, lot: f64) -> f64 {
    lots(average_volume * part, lot)
}

/// Does a holding drift far enough from its weight to be corrected: by more than this part of the weight.
#[must_use]
pub fn has_drifted(weight: f64, target: f64, part: f64) -> bool {
    (weight - target).abs() > target.abs() * part
}

/// Risk of options in money: what long ones cost, or cost beyond the stop; what short puts that cash secures may lose.
#[must_use]
pub fn option_risk(long: bool, strike: f64, premium: f64, stop: f64, multiplier: f64) -> f64 {
    (if long { premium - stop } else { strike - premium }).max(0.0) * multiplier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_margins_and_drift_are_worked_out_by_hand() {
        // The strategy's capital allows 120, cash 90.5, risk 100, and 1 % of 8,000 is 80.
        assert_eq!(capped(150.0, &[120.0, 90.5, 100.0, participation(8_000.0, 0.01, 1.0)], 1.0), 80.0);
        assert_eq!(capped(150.0, &[f64::NAN], 1.0), 0.0);
        // 20 % of 100 is 20, less 5 out of the money: 15 beats 10 % of 95; with 2.35 of premium 1,735.
        assert!((short_put_margin(100.0, 95.0, 2.35, 100.0) - 1_735.0).abs() < 1e-9);
        assert!((short_put_margin(100.0, 80.0, 0.5, 100.0) - 850.0).abs() < 1e-9);
        // 10 % of 90 and 10 out of the money are 19, 25 % of 110 are 27.5.
        assert!((collar_margin(100.0, 90.0, 110.0, 100.0) - 1_900.0).abs() < 1e-9);
        assert!(has_drifted(0.13, 0.10, 0.2) && !has_drifted(0.12, 0.10, 0.21));
        assert!((option_risk(true, 0.0, 4.1, 2.05, 100.0) - 205.0).abs() < 1e-9);
        assert!((option_risk(false, 190.0, 2.35, 0.0, 100.0) - 18_765.0).abs() < 1e-9);
    }

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
