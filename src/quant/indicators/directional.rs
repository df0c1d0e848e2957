//! Wilder's directional movement.

use super::{Candle, TrueRange, Window};

/// The directional lines of one bar; later ones are absent until their own warm-up ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdxValue {
    /// +DI.
    pub plus_di: f64,
    /// -DI.
    pub minus_di: f64,
    /// DX.
    pub dx: f64,
    /// ADX, from index 2n - 1.
    pub adx: Option<f64>,
    /// ADXR, from index 3n - 2.
    pub adxr: Option<f64>,
}

/// +DI, -DI, DX, ADX and ADXR of one period. First value at index n.
#[derive(Clone, Debug)]
pub struct Adx {
    n: usize,
    previous: Option<Candle>,
    range: TrueRange,
    seen: usize,
    sums: [f64; 3],
    dx_seed: f64,
    dx_seen: usize,
    adx: Option<f64>,
    past_adx: Window,
}

impl Adx {
    /// Over `n` bars, at least 2.
    #[must_use]
    pub fn new(n: usize) -> Self {
        let n = n.max(2);
        Self {
            n,
            previous: None,
            range: TrueRange::default(),
            seen: 0,
            sums: [0.0; 3],
            dx_seed: 0.0,
            dx_seen: 0,
            adx: None,
            past_adx: Window::new(n - 1),
        }
    }

    /// Takes the next bar.
    pub fn update(&mut self, bar: &Candle) -> Option<AdxValue> {
        if !bar.is_finite() {
            return None;
        }
        let range = self.range.update(bar);
        let previous = self.previous.replace(*bar)?;
        let (up, down) = (bar.high - previous.high, previous.low - bar.low);
        let plus = if up > down && up > 0.0 { up } else { 0.0 };
        let minus = if down > up && down > 0.0 { down } else { 0.0 };
        self.seen += 1;
        let n = self.n as f64;
        // The seed is the plain sum over n - 1 bars; only then does the smoothing begin.
        let seeding = self.seen < self.n;
        for (sum, value) in self.sums.iter_mut().zip([plus, minus, range?]) {
            *sum = if seeding { *sum + value } else { *sum - *sum / n + value };
        }
        if seeding {
            return None;
        }
        let [plus, minus, range] = self.sums;
        let di = |movement: f64| if range == 0.0 { 0.0 } else { 100.0 * movement / range };
        let (plus_di, minus_di) = (di(plus), di(minus));
        let total = plus_di + minus_di;
        let dx = if total == 0.0 { 0.0 } else { 100.0 * (plus_di - minus_di).abs() / total };
        let (adx, adxr) = self.smooth(dx);
        Some(AdxValue { plus_di, minus_di, dx, adx, adxr })
    }

    fn smooth(&mut self, dx: f64) -> (Option<f64>, Option<f64>) {
        let n = self.n as f64;
        if let Some(adx) = &mut self.adx {
            *adx = (*adx * (n - 1.0) + dx) / n;
        } else {
            self.dx_seed += dx;
            self.dx_seen += 1;
            if self.dx_seen == self.n {
                self.adx = Some(self.dx_seed / n);
            }
        }
        let adxr = self.adx.and_then(|adx| self.past_adx.push(adx).map(|past| (adx + past) / 2.0));
        (self.adx, adxr)
    }
}
