//! Moving averages and what is made of them alone.

use super::Window;

/// Simple moving average. First value at index n - 1.
#[derive(Clone, Debug)]
pub struct Sma {
    window: Window,
    /// The sum of the window, added to and taken from; made anew each time the window has turned over, so that no error grows.
    sum: f64,
    since_sum: usize,
}

impl Sma {
    /// Over `n` values, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { window: Window::new(n), sum: 0.0, since_sum: 0 }
    }

    /// Index of the first value.
    #[must_use]
    pub fn lookback(&self) -> usize {
        self.window.values.len() - 1
    }

    /// Takes the next value.
    #[inline]
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        self.sum += x - self.window.push(x).unwrap_or(0.0);
        if !self.window.is_full() {
            return None;
        }
        self.since_sum += 1;
        if self.since_sum >= self.window.values.len() {
            self.sum = self.window.values.iter().sum();
            self.since_sum = 0;
        }
        Some(self.sum / self.window.values.len() as f64)
    }
}

/// Exponential moving average, seeded with the mean of the first n values. First value at index n - 1.
#[derive(Clone, Debug)]
pub struct Ema {
    n: usize,
    k: f64,
    seed: f64,
    seen: usize,
    value: Option<f64>,
}

impl Ema {
    /// Over `n` values, at least 1.
    #[must_use]
    pub fn new(n: usize) -> Self {
        let n = n.max(1);
        Self { n, k: 2.0 / (n as f64 + 1.0), seed: 0.0, seen: 0, value: None }
    }

    /// Index of the first value.
    #[must_use]
    pub const fn lookback(&self) -> usize {
        self.n - 1
    }

    /// Takes the next value.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        if let Some(value) = &mut self.value {
            *value += (x - *value) * self.k;
        } else {
            self.seed += x;
            self.seen += 1;
            if self.seen == self.n {
                self.value = Some(self.seed / self.n as f64);
            }
        }
        self.value
    }
}

/// Weighted moving average, newest heaviest. First value at index n - 1.
#[derive(Clone, Debug)]
pub struct Wma(Window);

impl Wma {
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
        let n = self.0.values.len() as f64;
        let weighted = || self.0.iter().enumerate().map(|(i, v)| (i as f64 + 1.0) * v).sum::<f64>();
        self.0.is_full().then(|| weighted() / (n * (n + 1.0) / 2.0))
    }
}

/// Line, signal and histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MacdValue {
    /// Fast minus slow average.
    pub line: f64,
    /// Average of the line.
    pub signal: f64,
    /// Line minus signal.
    pub histogram: f64,
}

/// MACD as TA-Lib has it: the fast average is seeded late, with the values that end where the slow one's seed ends.
#[derive(Clone, Debug)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
    /// Inputs before the fast average's seed begins.
    skip: usize,
}

impl Macd {
    /// With these periods; the longer of the first two is the slow one.
    #[must_use]
    pub fn new(fast: usize, slow: usize, signal: usize) -> Self {
        let (fast, slow) = (fast.min(slow).max(1), fast.max(slow).max(1));
        Self { fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal), skip: slow - fast }
    }

    /// Index of the first value.
    #[must_use]
    pub const fn lookback(&self) -> usize {
        self.slow.n - 1 + self.signal.n - 1
    }

    /// Takes the next value.
    pub fn update(&mut self, x: f64) -> Option<MacdValue> {
        if !x.is_finite() {
            return None;
        }
        let slow = self.slow.update(x);
        let fast = if self.skip > 0 {
            self.skip -= 1;
            None
        } else {
            self.fast.update(x)
        };
        let line = fast? - slow?;
        let signal = self.signal.update(line)?;
        Some(MacdValue { line, signal, histogram: line - signal })
    }
}
