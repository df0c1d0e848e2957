//! What an order does to its own price.

/// Square-root impact as a part of the price: the day's volatility (0.02 for 2 %) times the root of the part of the day's volume.
#[must_use]
pub fn square_root_impact(volatility: f64, volume_share: f64) -> f64 {
    volatility * volume_share.max(0.0).sqrt()
}

/// Sample standard deviation of the log returns between closes, per period; `None` for fewer than three closes, or one that is no price.
#[must_use]
pub fn volatility_of(closes: &[f64]) -> Option<f64> {
    if closes.len() < 3 || closes.iter().any(|close| *close <= 0.0) {
        return None;
    }
    let returns: Vec<f64> = closes.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
    let n = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / n;
    let squares: f64 = returns.iter().map(|r| (r - mean) * (r - mean)).sum();
    Some((squares / (n - 1.0)).sqrt()).filter(|volatility| volatility.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volatility_and_impact() {
        // Returns of +1.980, -2.985, +2.000 and -0.995 %.
        let volatility = volatility_of(&[100.0, 102.0, 99.0, 101.0, 100.0]).unwrap();
        assert!((volatility - 0.024_374_7).abs() < 1e-7, "{volatility}");
        assert_eq!(volatility_of(&[100.0, 101.0]), None);
        assert_eq!(volatility_of(&[100.0, 0.0, 101.0]), None);
        assert!((square_root_impact(0.02, 0.01) - 0.002).abs() < 1e-12);
        assert_eq!(square_root_impact(0.02, -1.0), 0.0);
    }
}
