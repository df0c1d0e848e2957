//! Indicators that weigh by volume.

use super::{Candle, Window};

/// On-balance volume, from the first bar on.
#[derive(Clone, Debug, Default)]
pub struct Obv {
    previous_close: Option<f64>,
    value: f64,
}

impl Obv {
    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        match self.previous_close.replace(bar.close) {
            Some(previous) if bar.close < previous => self.value -= bar.volume,
            Some(previous) if bar.close == previous => {}
            _ => self.value += bar.volume,
        }
        Some(self.value)
    }
}

/// Money flow index, 0 to 100. First value at index n.
#[derive(Clone, Debug)]
pub struct Mfi {
    previous: Option<f64>,
    positive: Window,
    negative: Window,
}

impl Mfi {
    /// Over `n` changes, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { previous: None, positive: Window::new(n), negative: Window::new(n) }
    }

    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        let typical = bar.typical();
        let previous = self.previous.replace(typical)?;
        let flow = typical * bar.volume;
        self.positive.push(if typical > previous { flow } else { 0.0 });
        self.negative.push(if typical < previous { flow } else { 0.0 });
        if !self.positive.is_full() {
            return None;
        }
        let (positive, negative) = (self.positive.iter().sum::<f64>(), self.negative.iter().sum::<f64>());
        let total = positive + negative;
        Some(if total == 0.0 { 0.0 } else { 100.0 * positive / total })
    }
}

/// Volume-weighted average price since the anchor. None while nothing traded.
#[derive(Clone, Debug, Default)]
pub struct Vwap {
    money: f64,
    volume: f64,
}

impl Vwap {
    /// Starts anew: a session opened.
    pub fn anchor(&mut self) {
        *self = Self::default();
    }

    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        self.money += bar.typical() * bar.volume;
        self.volume += bar.volume;
        (self.volume != 0.0).then(|| self.money / self.volume)
    }
}

/// The same over the last n bars. First value at index n - 1.
#[derive(Clone, Debug)]
pub struct RollingVwap {
    money: Window,
    volume: Window,
}

impl RollingVwap {
    /// Over `n` bars, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { money: Window::new(n), volume: Window::new(n) }
    }

    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        self.money.push(bar.typical() * bar.volume);
        self.volume.push(bar.volume);
        let volume: f64 = self.volume.iter().sum();
        (self.money.is_full() && volume != 0.0).then(|| self.money.iter().sum::<f64>() / volume)
    }
}
