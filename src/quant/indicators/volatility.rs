//! Ranges and deviations.

use super::{Candle, Wilder, Window};

/// Upper, middle and lower band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    /// Middle plus k deviations.
    pub upper: f64,
    /// The mean.
    pub middle: f64,
    /// Middle minus k deviations.
    pub lower: f64,
}

fn population_deviation(window: &Window) -> f64 {
    let mean = window.mean();
    (window.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / window.values.len() as f64).sqrt()
}

/// Bollinger bands: mean and population deviation. First value at index n - 1.
#[derive(Clone, Debug)]
pub struct Bollinger {
    window: Window,
    k: f64,
}

impl Bollinger {
    /// Over `n` values, `k` deviations wide.
    #[must_use]
    pub fn new(n: usize, k: f64) -> Self {
        Self { window: Window::new(n), k }
    }

    /// Takes the next value.
    pub fn update(&mut self, x: f64) -> Option<Bands> {
        if !x.is_finite() {
            return None;
        }
        self.window.push(x);
        if !self.window.is_full() {
            return None;
        }
        let (middle, width) = (self.window.mean(), self.k * population_deviation(&self.window));
        Some(Bands { upper: middle + width, middle, lower: middle - width })
    }
}

/// Population standard deviation. First value at index n - 1.
#[derive(Clone, Debug)]
pub struct StdDev(Window);

impl StdDev {
    /// Over `n` values, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self(Window::new(n))
    }

    /// Takes the next value.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        self.0.push(x);
        self.0.is_full().then(|| population_deviation(&self.0))
    }
}

/// True range: the bar's range, widened to the close before. First value at index 1.
#[derive(Clone, Debug, Default)]
pub struct TrueRange {
    previous_close: Option<f64>,
}

impl TrueRange {
    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        let previous = self.previous_close.replace(bar.close)?;
        Some((bar.high - bar.low).max((bar.high - previous).abs()).max((bar.low - previous).abs()))
    }
}

/// Average true range, Wilder's. First value at index n.
#[derive(Clone, Debug)]
pub struct Atr {
    range: TrueRange,
    smooth: Wilder,
}

impl Atr {
    /// Over `n` ranges, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { range: TrueRange::default(), smooth: Wilder::new(n) }
    }

    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<f64> {
        let range = self.range.update(bar)?;
        self.smooth.update(range)
    }

    /// The same in per cent of the close.
    pub fn update_normalized(&mut self, bar: &Candle) -> Option<f64> {
        self.update(bar).map(|atr| if bar.close == 0.0 { 0.0 } else { 100.0 * atr / bar.close })
    }
}

/// Sample deviation of `n` log returns, a year's worth. First value at index n.
#[derive(Clone, Debug)]
pub struct RealizedVolatility {
    previous: Option<f64>,
    window: Window,
    periods_per_year: f64,
}

impl RealizedVolatility {
    /// Over `n` returns, at least 2; 252 periods a year for equities, 365 for crypto.
    #[must_use]
    pub fn new(n: usize, periods_per_year: f64) -> Self {
        Self { previous: None, window: Window::new(n.max(2)), periods_per_year }
    }

    /// Takes the next price; per year as 0.25 for 25 %. Refuses prices that are not positive.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if !x.is_finite() || x <= 0.0 {
            return None;
        }
        let previous = self.previous.replace(x)?;
        self.window.push((x / previous).ln());
        if !self.window.is_full() {
            return None;
        }
        let mean = self.window.mean();
        let sum = self.window.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
        Some((sum / (self.window.values.len() - 1) as f64).sqrt() * self.periods_per_year.sqrt())
    }
}
