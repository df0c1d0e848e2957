//! Momentum: how far and how fast.

use super::{Candle, Sma, Wilder, Window};

/// Relative strength index, Wilder's. First value at index n. Zero when nothing moved, as in TA-Lib.
#[derive(Clone, Debug)]
pub struct Rsi {
    previous: Option<f64>,
    gain: Wilder,
    loss: Wilder,
}

impl Rsi {
    /// Over `n` changes, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { previous: None, gain: Wilder::new(n), loss: Wilder::new(n) }
    }

    /// Takes the next value; 0 to 100.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        let change = x - self.previous.replace(x)?;
        let gain = self.gain.update(change.max(0.0));
        let loss = self.loss.update((-change).max(0.0));
        let (gain, loss) = (gain?, loss?);
        Some(if gain + loss == 0.0 { 0.0 } else { 100.0 * gain / (gain + loss) })
    }
}

/// The two lines of a stochastic oscillator, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StochasticValue {
    /// %K, smoothed.
    pub k: f64,
    /// %D, the average of %K.
    pub d: f64,
}

/// Stochastic oscillator. A smoothing of 1 gives the fast form.
#[derive(Clone, Debug)]
pub struct Stochastic {
    highs: Window,
    lows: Window,
    k: Sma,
    d: Sma,
}

impl Stochastic {
    /// `fast_k` bars of range, %K smoothed over `slow_k`, %D over `slow_d`.
    #[must_use]
    pub fn new(fast_k: usize, slow_k: usize, slow_d: usize) -> Self {
        Self {
            highs: Window::new(fast_k),
            lows: Window::new(fast_k),
            k: Sma::new(slow_k),
            d: Sma::new(slow_d),
        }
    }

    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<StochasticValue> {
        if !bar.is_finite() {
            return None;
        }
        self.highs.push(bar.high);
        self.lows.push(bar.low);
        if !self.highs.is_full() {
            return None;
        }
        let (high, low) = (self.highs.max(), self.lows.min());
        let raw = if high > low { 100.0 * (bar.close - low) / (high - low) } else { 0.0 };
        let k = self.k.update(raw)?;
        let d = self.d.update(k)?;
        Some(StochasticValue { k, d })
    }
}

/// Commodity channel index. First value at index n - 1.
#[derive(Clone, Debug)]
pub struct Cci(Window);

impl Cci {
    /// Over `n` bars, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self(Window::new(n))
    }

    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        let typical = bar.typical();
        self.0.push(typical);
        if !self.0.is_full() {
            return None;
        }
        let mean = self.0.mean();
        let deviation = self.0.iter().map(|v| (v - mean).abs()).sum::<f64>() / self.0.values.len() as f64;
        Some(if deviation == 0.0 { 0.0 } else { (typical - mean) / (0.015 * deviation) })
    }
}

/// Williams %R, -100 to 0. First value at index n - 1.
#[derive(Clone, Debug)]
pub struct WilliamsR {
    highs: Window,
    lows: Window,
}

impl WilliamsR {
    /// Over `n` bars, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { highs: Window::new(n), lows: Window::new(n) }
    }

    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        self.highs.push(bar.high);
        self.lows.push(bar.low);
        if !self.highs.is_full() {
            return None;
        }
        let (high, low) = (self.highs.max(), self.lows.min());
        Some(if high > low { -100.0 * (high - bar.close) / (high - low) } else { 0.0 })
    }
}

/// Rate of change in per cent. First value at index n.
#[derive(Clone, Debug)]
pub struct Roc(Window);

impl Roc {
    /// Against the value `n` before, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self(Window::new(n))
    }

    /// Takes the next value.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        let before = self.0.push(x)?;
        Some(if before == 0.0 { 0.0 } else { 100.0 * (x / before - 1.0) })
    }
}
