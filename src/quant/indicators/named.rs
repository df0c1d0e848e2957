//! Indicators by their names, for whoever asks for one with words: which there are, what each takes, and its newest values over bars.

use std::collections::BTreeMap;

use super::{
    Adx, Atr, Bollinger, Candle, Cci, Ema, Macd, Mfi, Obv, RealizedVolatility, Roc, RollingVwap, Rsi, Sma,
    StdDev, Stochastic, TrueRange, WilliamsR, Wma,
};

/// The longest window.
const LENGTH_MAX: f64 = 2_000.0;

/// One parameter: its name, what it is where nothing is said, and whether it counts bars.
struct Param {
    name: &'static str,
    default: f64,
    whole: bool,
}

const fn bars(name: &'static str, default: f64) -> Param {
    Param { name, default, whole: true }
}

/// An indicator: its name, its parameters in order.
struct Named {
    name: &'static str,
    params: &'static [Param],
    make: fn(&[f64]) -> Update,
}

/// Takes in one bar, and says what there is to say.
type Update = Box<dyn FnMut(&Candle) -> Option<Values>>;

/// What an indicator says of one bar, by the names of its lines.
type Values = Vec<(&'static str, f64)>;

fn of(name: &'static str, value: Option<f64>) -> Option<Values> {
    value.map(|value| vec![(name, value)])
}

fn count(params: &[f64], at: usize) -> usize {
    params.get(at).copied().unwrap_or(1.0) as usize
}

macro_rules! closes {
    ($kind:ident) => {
        |params| {
            let mut one = $kind::new(count(params, 0));
            Box::new(move |bar| of("value", one.update(bar.close)))
        }
    };
}

macro_rules! candles {
    ($make:expr) => {
        |params| {
            let mut one = $make(count(params, 0));
            Box::new(move |bar| of("value", one.update(bar)))
        }
    };
}

const LENGTH_14: &[Param] = &[bars("length", 14.0)];
const LENGTH_20: &[Param] = &[bars("length", 20.0)];

const ALL: &[Named] = &[
    Named {
        name: "adx",
        params: LENGTH_14,
        make: |params| {
            let mut one = Adx::new(count(params, 0));
            Box::new(move |bar| {
                let value = one.update(bar)?;
                let adx = value.adx.map(|adx| ("adx", adx));
                Some(
                    [("plus_di", value.plus_di), ("minus_di", value.minus_di)]
                        .into_iter()
                        .chain(adx)
                        .collect(),
                )
            })
        },
    },
    Named { name: "atr", params: LENGTH_14, make: candles!(Atr::new) },
    Named {
        name: "bollinger",
        params: &[bars("length", 20.0), Param { name: "deviations", default: 2.0, whole: false }],
        make: |params| {
            let mut one = Bollinger::new(count(params, 0), params.get(1).copied().unwrap_or(2.0));
            Box::new(move |bar| {
                let bands = one.update(bar.close)?;
                Some(vec![("upper", bands.upper), ("middle", bands.middle), ("lower", bands.lower)])
            })
        },
    },
    Named { name: "cci", params: LENGTH_20, make: candles!(Cci::new) },
    Named { name: "ema", params: LENGTH_20, make: closes!(Ema) },
    Named {
        name: "macd",
        params: &[bars("fast", 12.0), bars("slow", 26.0), bars("signal", 9.0)],
        make: |params| {
            let mut one = Macd::new(count(params, 0), count(params, 1), count(params, 2));
            Box::new(move |bar| {
                let value = one.update(bar.close)?;
                Some(vec![("line", value.line), ("signal", value.signal), ("histogram", value.histogram)])
            })
        },
    },
    Named { name: "mfi", params: LENGTH_14, make: candles!(Mfi::new) },
    Named { name: "obv", params: &[], make: candles!(|_| Obv::default()) },
    Named {
        name: "realized_volatility",
        params: &[bars("length", 30.0), bars("periods_per_year", 252.0)],
        make: |params| {
            let mut one = RealizedVolatility::new(count(params, 0), params.get(1).copied().unwrap_or(252.0));
            Box::new(move |bar| of("value", one.update(bar.close)))
        },
    },
    Named { name: "roc", params: &[bars("length", 10.0)], make: closes!(Roc) },
    Named { name: "rsi", params: LENGTH_14, make: closes!(Rsi) },
    Named { name: "sma", params: LENGTH_20, make: closes!(Sma) },
    Named { name: "stddev", params: LENGTH_20, make: closes!(StdDev) },
    Named {
        name: "stochastic",
        params: &[bars("fast_k", 14.0), bars("slow_k", 3.0), bars("slow_d", 3.0)],
        make: |params| {
            let mut one = Stochastic::new(count(params, 0), count(params, 1), count(params, 2));
            Box::new(move |bar| {
                let value = one.update(bar)?;
                Some(vec![("k", value.k), ("d", value.d)])
            })
        },
    },
    Named { name: "true_range", params: &[], make: candles!(|_| TrueRange::default()) },
    Named { name: "vwap_rolling", params: LENGTH_20, make: candles!(RollingVwap::new) },
    Named { name: "williams_r", params: LENGTH_14, make: candles!(WilliamsR::new) },
    Named { name: "wma", params: LENGTH_20, make: closes!(Wma) },
];

/// An indicator that nobody can work out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamedError {
    /// There is none of the name.
    #[error("there is no indicator '{found}'; there are {known}")]
    Unknown {
        /// As asked for, short and escaped.
        found: String,
        /// All of them.
        known: String,
    },
    /// It has no such parameter.
    #[error("{name} has no parameter '{found}'; it has {known}")]
    Param {
        /// The indicator.
        name: &'static str,
        /// As asked for, short and escaped.
        found: String,
        /// Those it has.
        known: String,
    },
    /// A parameter that is out of range.
    #[error("{name}: {param}: found '{found}', allowed {allowed}")]
    Value {
        /// The indicator.
        name: &'static str,
        /// The parameter.
        param: &'static str,
        /// As asked for.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
}

/// An indicator that is asked for: which, with parameters that are right.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    name: &'static str,
    params: Vec<f64>,
}

/// What it says of the newest bar: each line's value there and at the bar before, absent while it has none yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Newest {
    /// At the newest bar, by line.
    pub values: BTreeMap<&'static str, f64>,
    /// At the bar before it, by line: what a crossing is told by.
    pub before: BTreeMap<&'static str, f64>,
}

fn short(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

impl Asked {
    /// Checks what is asked for. Parameters that are not named have their usual values.
    ///
    /// # Errors
    /// Names what is not known or out of range.
    pub fn new(name: &str, params: &BTreeMap<String, f64>) -> Result<Self, NamedError> {
        let Some(named) = ALL.iter().find(|named| named.name == name) else {
            let known: Vec<&str> = ALL.iter().map(|named| named.name).collect();
            return Err(NamedError::Unknown { found: short(name), known: known.join(", ") });
        };
        if let Some(stray) = params.keys().find(|key| named.params.iter().all(|param| param.name != **key)) {
            let known: Vec<&str> = named.params.iter().map(|param| param.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(NamedError::Param { name: named.name, found: short(stray), known });
        }
        let value = |param: &Param| {
            let value = params.get(param.name).copied().unwrap_or(param.default);
            let right = value.is_finite()
                && value > 0.0
                && value <= LENGTH_MAX
                && (!param.whole || value.fract() == 0.0);
            right.then_some(value).ok_or_else(|| NamedError::Value {
                name: named.name,
                param: param.name,
                found: value.to_string(),
                allowed: if param.whole {
                    "a whole number from 1 to 2000"
                } else {
                    "a number above 0, up to 2000"
                },
            })
        };
        let params = named.params.iter().map(value).collect::<Result<_, _>>()?;
        Ok(Self { name: named.name, params })
    }

    /// Bars that it should be worked out over: until its beginning weighs nothing any more.
    #[must_use]
    pub fn bars(&self) -> usize {
        let longest = self.params.iter().copied().fold(1.0, f64::max);
        // Wilder's smoothing forgets within seven lengths, and is the slowest.
        (longest as usize).saturating_mul(10).clamp(100, 5_000)
    }

    /// Its newest values over bars, oldest first.
    #[must_use]
    pub fn newest(&self, candles: impl Iterator<Item = Candle>) -> Newest {
        let Some(named) = ALL.iter().find(|named| named.name == self.name) else { return Newest::default() };
        let mut update = (named.make)(&self.params);
        let mut newest = Newest::default();
        for candle in candles {
            let values = update(&candle).unwrap_or_default().into_iter().collect();
            newest.before = std::mem::replace(&mut newest.values, values);
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candles(count: u32) -> impl Iterator<Item = Candle> {
        (0..count).map(|n| {
            let close = 100.0 + f64::from(n % 7) + f64::from(n) * 0.1;
            Candle { high: close + 1.0, low: close - 1.0, close, volume: 10.0 }
        })
    }

    #[test]
    fn every_one_has_values_over_the_bars_it_asks_for() {
        for named in ALL {
            let asked = Asked::new(named.name, &BTreeMap::new()).unwrap();
            let count = u32::try_from(asked.bars()).unwrap();
            let newest = asked.newest(candles(count));
            assert!(!newest.values.is_empty(), "{}", named.name);
            assert_eq!(newest.values.len(), newest.before.len(), "{}", named.name);
            assert!(newest.values.values().all(|value| value.is_finite()), "{}", named.name);
            assert!(asked.newest(candles(0)).values.is_empty());
        }
    }

    #[test]
    fn its_values_are_those_of_the_streaming_one() {
        let params = [("length".to_owned(), 5.0)].into();
        let newest = Asked::new("sma", &params).unwrap().newest(candles(50));
        let mut sma = Sma::new(5);
        let all: Vec<f64> = candles(50).filter_map(|candle| sma.update(candle.close)).collect();
        assert_eq!(newest.values["value"].to_bits(), all[all.len() - 1].to_bits());
        assert_eq!(newest.before["value"].to_bits(), all[all.len() - 2].to_bits());
    }

    #[test]
    fn what_is_not_known_or_out_of_range_is_named() {
        let said = |name: &str, params: &[(&str, f64)]| {
            let params = params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            Asked::new(name, &params).unwrap_err()
        };
        let unknown = said("smaa", &[]);
        assert!(matches!(unknown, NamedError::Unknown { .. }));
        assert!(unknown.to_string().starts_with("there is no indicator 'smaa'; there are adx, atr, "));
        let param = said("sma", &[("window", 5.0)]);
        assert!(matches!(param, NamedError::Param { .. }));
        assert_eq!(param.to_string(), "sma has no parameter 'window'; it has length");
        for value in [0.0, -1.0, 2.5, 2_001.0, f64::NAN] {
            let error = said("sma", &[("length", value)]);
            assert!(matches!(error, NamedError::Value { .. }));
            assert!(error.to_string().ends_with("allowed a whole number from 1 to 2000"), "{error}");
        }
    }
}
