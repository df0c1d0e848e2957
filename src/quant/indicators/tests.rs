//! Every row of the indicator vectors, and the edge cases.

use serde_json::Value;

use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/vectors/indicator-vectors.json")).unwrap()
}

fn column(vectors: &Value, name: &str) -> Vec<f64> {
    vectors["inputs"][name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn candles(vectors: &Value) -> Vec<Candle> {
    let (high, low) = (column(vectors, "high"), column(vectors, "low"));
    let (close, volume) = (column(vectors, "close"), column(vectors, "volume"));
    (0..close.len())
        .map(|i| Candle { high: high[i], low: low[i], close: close[i], volume: volume[i] })
        .collect()
}

fn closes(mut update: impl FnMut(f64) -> Option<f64>, bars: &[Candle]) -> Vec<Option<f64>> {
    batch(bars, |bar| update(bar.close))
}

/// The output of one named row of the vectors.
fn output(name: &str, bars: &[Candle]) -> Vec<Option<f64>> {
    let period = |prefix: &str| name[prefix.len()..].parse::<usize>().unwrap();
    match name {
        n if n.starts_with("sma_") => {
            let mut i = Sma::new(period("sma_"));
            closes(|x| i.update(x), bars)
        }
        n if n.starts_with("ema_") => {
            let mut i = Ema::new(period("ema_"));
            closes(|x| i.update(x), bars)
        }
        n if n.starts_with("wma_") => {
            let mut i = Wma::new(period("wma_"));
            closes(|x| i.update(x), bars)
        }
        n if n.starts_with("rsi_") => {
            let mut i = Rsi::new(period("rsi_"));
            closes(|x| i.update(x), bars)
        }
        n if n.starts_with("roc_") => {
            let mut i = Roc::new(period("roc_"));
            closes(|x| i.update(x), bars)
        }
        n if n.starts_with("macd") => {
            let mut i = Macd::new(12, 26, 9);
            let pick = |v: MacdValue| match n {
                "macd_12_26_9_line" => v.line,
                "macd_12_26_9_signal" => v.signal,
                _ => v.histogram,
            };
            closes(|x| i.update(x).map(pick), bars)
        }
        n if n.starts_with("bb_") => {
            let mut i = Bollinger::new(20, 2.0);
            let pick = |v: Bands| match n {
                "bb_20_2_upper" => v.upper,
                "bb_20_2_middle" => v.middle,
                _ => v.lower,
            };
            closes(|x| i.update(x).map(pick), bars)
        }
        "stddev_20_pop" => {
            let mut i = StdDev::new(20);
            closes(|x| i.update(x), bars)
        }
        "realized_vol_20" => {
            let mut i = RealizedVolatility::new(20, 252.0);
            closes(|x| i.update(x), bars)
        }
        "trange" => {
            let mut i = TrueRange::default();
            batch(bars, |b| i.update(b))
        }
        "atr_14" => {
            let mut i = Atr::new(14);
            batch(bars, |b| i.update(b))
        }
        "natr_14" => {
            let mut i = Atr::new(14);
            batch(bars, |b| i.update_normalized(b))
        }
        "stoch_14_3_3_slowk" => {
            let mut i = Stochastic::new(14, 3, 3);
            batch(bars, |b| i.update(b).map(|v| v.k))
        }
        "stoch_14_3_3_slowd" => {
            let mut i = Stochastic::new(14, 3, 3);
            batch(bars, |b| i.update(b).map(|v| v.d))
        }
        "stochf_14_3_fastk" => {
            let mut i = Stochastic::new(14, 1, 3);
            batch(bars, |b| i.update(b).map(|v| v.k))
        }
        "stochf_14_3_fastd" => {
            let mut i = Stochastic::new(14, 1, 3);
            batch(bars, |b| i.update(b).map(|v| v.d))
        }
        "plus_di_14" => {
            let mut i = Adx::new(14);
            batch(bars, |b| i.update(b).map(|v| v.plus_di))
        }
        "minus_di_14" => {
            let mut i = Adx::new(14);
            batch(bars, |b| i.update(b).map(|v| v.minus_di))
        }
        "dx_14" => {
            let mut i = Adx::new(14);
            batch(bars, |b| i.update(b).map(|v| v.dx))
        }
        "adx_14" => {
            let mut i = Adx::new(14);
            batch(bars, |b| i.update(b).and_then(|v| v.adx))
        }
        "adxr_14" => {
            let mut i = Adx::new(14);
            batch(bars, |b| i.update(b).and_then(|v| v.adxr))
        }
        "obv" => {
            let mut i = Obv::default();
            batch(bars, |b| i.update(b))
        }
        "cci_20" => {
            let mut i = Cci::new(20);
            batch(bars, |b| i.update(b))
        }
        "willr_14" => {
            let mut i = WilliamsR::new(14);
            batch(bars, |b| i.update(b))
        }
        "mfi_14" => {
            let mut i = Mfi::new(14);
            batch(bars, |b| i.update(b))
        }
        "vwap_anchored_row0" => {
            let mut i = Vwap::default();
            batch(bars, |b| i.update(b))
        }
        "vwap_rolling_14" => {
            let mut i = RollingVwap::new(14);
            batch(bars, |b| i.update(b))
        }
        other => panic!("no indicator for {other}"),
    }
}

#[test]
fn every_indicator_equals_its_vectors() {
    let vectors = vectors();
    let bars = candles(&vectors);
    let rows = vectors["outputs"].as_object().unwrap();
    assert_eq!(rows.len(), 36);
    for (name, row) in rows {
        let actual = output(name, &bars);
        let lookback = usize::try_from(row["lookback"].as_u64().unwrap()).unwrap();
        assert_eq!(actual.iter().position(Option::is_some), Some(lookback), "{name} lookback");
        for (i, (got, want)) in actual.iter().zip(row["values"].as_array().unwrap()).enumerate() {
            match (got, want.as_f64()) {
                (None, None) => {}
                (Some(got), Some(want)) => {
                    let tolerance = 1e-9 * want.abs().max(1.0);
                    assert!((got - want).abs() <= tolerance, "{name}[{i}]: {got} is not {want}");
                }
                other => panic!("{name}[{i}]: {other:?}"),
            }
        }
    }
}

#[test]
fn edge_cases_equal_the_vectors() {
    let vectors = vectors();
    let series = |close: fn(usize) -> f64, half: f64, volume: f64| -> Vec<Candle> {
        (0..40)
            .map(|i| Candle { high: close(i) + half, low: close(i) - half, close: close(i), volume })
            .collect()
    };
    let cases = [
        ("constant_price_100_x40", series(|_| 100.0, 0.0, 0.0)),
        ("rising_by_1_x40", series(|i| 100.0 + i as f64, 0.5, 1.0)),
        ("falling_by_1_x40", series(|i| 139.0 - i as f64, 0.5, 1.0)),
    ];
    for (case, bars) in cases {
        for (name, want) in vectors["edge_cases"][case]["last"].as_object().unwrap() {
            let row = match name.as_str() {
                "macd_line" => "macd_12_26_9_line",
                "macd_signal" => "macd_12_26_9_signal",
                "macd_hist" => "macd_12_26_9_hist",
                "bb_upper" => "bb_20_2_upper",
                "bb_lower" => "bb_20_2_lower",
                "slowk" => "stoch_14_3_3_slowk",
                "slowd" => "stoch_14_3_3_slowd",
                "vwap" => "vwap_anchored_row0",
                other => other,
            };
            let got = output(row, &bars).last().copied().flatten();
            match want.as_f64() {
                Some(want) => {
                    assert!((got.unwrap() - want).abs() < 1e-9, "{case} {name}: {got:?} is not {want}")
                }
                None => assert_eq!(got, None, "{case} {name}"),
            }
        }
    }
}

#[test]
fn a_non_finite_input_is_refused_and_leaves_no_trace() {
    let bars = candles(&vectors());
    let bad = Candle { high: f64::NAN, low: 1.0, close: f64::INFINITY, volume: 1.0 };
    for name in vectors()["outputs"].as_object().unwrap().keys() {
        let mut poisoned = bars[..60].to_vec();
        poisoned.insert(30, bad);
        let mut with = output(name, &poisoned);
        assert!(with.remove(30).is_none(), "{name}");
        assert_eq!(with, output(name, &bars[..60]), "{name}");
    }
}

#[test]
fn stable_bars_are_those_of_the_sheet() {
    assert_eq!(stable_bars(2.0 / 13.0), 42);
    assert_eq!(stable_bars(2.0 / 27.0), 90);
    assert_eq!(stable_bars(1.0 / 14.0), 94);
}

#[test]
fn crossings_need_all_four_values() {
    assert!(cross_up((Some(1.0), Some(3.0)), (Some(1.0), Some(2.0))));
    assert!(!cross_up((None, Some(3.0)), (Some(1.0), Some(2.0))));
    assert!(cross_down((Some(2.0), Some(1.0)), (Some(2.0), Some(1.5))));
}
