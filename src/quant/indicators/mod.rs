//! Technical indicators, streaming. `update` takes one input and gives the value as soon as there is one; the batch form is a fold of
//! it, so that both agree bit for bit. Conventions are TA-Lib's default compatibility with unstable period 0.
//!
//! Every `update` refuses a non-finite input by `None` and leaves the state as it was: one bad bar must not poison an average.

mod averages;
mod directional;
mod momentum;
pub mod named;
mod volatility;
mod volume;

pub use averages::{Ema, Macd, MacdValue, Sma, Wma};
pub use directional::{Adx, AdxValue};
pub use momentum::{Cci, Roc, Rsi, Stochastic, StochasticValue, WilliamsR};
pub use volatility::{Atr, Bands, Bollinger, RealizedVolatility, StdDev, TrueRange};
pub use volume::{Mfi, Obv, RollingVwap, Vwap};

/// One bar as indicators see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Units traded.
    pub volume: f64,
}

impl Candle {
    /// `(high + low + close) / 3`.
    #[must_use]
    pub fn typical(&self) -> f64 {
        (self.high + self.low + self.close) / 3.0
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.high.is_finite() && self.low.is_finite() && self.close.is_finite() && self.volume.is_finite()
    }
}

/// A fixed window over the newest `n` values.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    values: Box<[f64]>,
    next: usize,
    len: usize,
}

impl Window {
    pub(crate) fn new(n: usize) -> Self {
        Self { values: vec![0.0; n.max(1)].into_boxed_slice(), next: 0, len: 0 }
    }

    /// Adds a value; returns the one that fell out.
    #[inline]
    pub(crate) fn push(&mut self, value: f64) -> Option<f64> {
        let old = self.is_full().then(|| self.values[self.next]);
        self.values[self.next] = value;
        self.next = if self.next + 1 == self.values.len() { 0 } else { self.next + 1 };
        self.len = (self.len + 1).min(self.values.len());
        old
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == self.values.len()
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        let start = if self.is_full() { self.next } else { 0 };
        (0..self.len).map(move |i| self.values[(start + i) % self.values.len()])
    }

    pub(crate) fn mean(&self) -> f64 {
        self.iter().sum::<f64>() / self.len as f64
    }

    pub(crate) fn max(&self) -> f64 {
        self.iter().fold(f64::NEG_INFINITY, f64::max)
    }

    pub(crate) fn min(&self) -> f64 {
        self.iter().fold(f64::INFINITY, f64::min)
    }
}

/// Wilder's smoothing: the mean of the first `n` values, then `(avg * (n - 1) + v) / n`.
#[derive(Clone, Debug)]
pub(crate) struct Wilder {
    n: f64,
    seed: f64,
    seen: f64,
    value: Option<f64>,
}

impl Wilder {
    pub(crate) fn new(n: usize) -> Self {
        Self { n: n.max(1) as f64, seed: 0.0, seen: 0.0, value: None }
    }

    pub(crate) fn update(&mut self, x: f64) -> Option<f64> {
        if let Some(value) = &mut self.value {
            *value = (*value * (self.n - 1.0) + x) / self.n;
        } else {
            self.seed += x;
            self.seen += 1.0;
            if self.seen >= self.n {
                self.value = Some(self.seed / self.n);
            }
        }
        self.value
    }
}

/// A value for each input, `None` before the first.
pub fn batch<I, O>(inputs: &[I], mut update: impl FnMut(&I) -> Option<O>) -> Vec<Option<O>> {
    inputs.iter().map(&mut update).collect()
}

/// `a` rose through `b`: pairs are (before, now). False while any of the four is missing.
#[must_use]
pub fn cross_up(a: (Option<f64>, Option<f64>), b: (Option<f64>, Option<f64>)) -> bool {
    matches!((a, b), ((Some(a0), Some(a1)), (Some(b0), Some(b1))) if a0 <= b0 && a1 > b1)
}

/// `a` fell through `b`: pairs are (before, now). False while any of the four is missing.
#[must_use]
pub fn cross_down(a: (Option<f64>, Option<f64>), b: (Option<f64>, Option<f64>)) -> bool {
    matches!((a, b), ((Some(a0), Some(a1)), (Some(b0), Some(b1))) if a0 >= b0 && a1 < b1)
}

/// Bars after the first output until the seed weighs less than 0.1 %, for a smoothing factor `alpha` (EMA `2/(n+1)`, Wilder `1/n`).
#[must_use]
pub fn stable_bars(alpha: f64) -> usize {
    if alpha >= 1.0 { 0 } else { (0.001_f64.ln() / (1.0 - alpha).ln()).ceil().max(0.0) as usize }
}

#[cfg(test)]
mod tests;
