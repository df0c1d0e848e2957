//! Studies under the price: the relative strength index, and MACD.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::axis::Axis;
use crate::quant::indicators::{Macd, Rsi, batch};
use crate::tui::env::Look;
use crate::tui::widgets::candles::{Candle, Candles, Overlay};

/// What is drawn under the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Study {
    /// Nothing.
    #[default]
    None,
    /// Relative strength over 14 bars, 0 to 100.
    Rsi,
    /// Averages of 12 and 26 bars apart, and the average of that over 9.
    Macd,
    /// The index over MACD.
    Both,
}

impl Study {
    /// The next study, around the end.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::None => Self::Rsi,
            Self::Rsi => Self::Macd,
            Self::Macd => Self::Both,
            Self::Both => Self::None,
        }
    }

    /// What the title says.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Rsi => "rsi14",
            Self::Macd => "macd12,26,9",
            Self::Both => "rsi14 macd12,26,9",
        }
    }

    /// The single studies, each with a strip of its own.
    #[must_use]
    pub const fn parts(self) -> &'static [Self] {
        match self {
            Self::None => &[],
            Self::Rsi => &[Self::Rsi],
            Self::Macd => &[Self::Macd],
            Self::Both => &[Self::Rsi, Self::Macd],
        }
    }
}

/// The lines of a study at the bars in view, NaN where there is no value yet. `sources` are indices into `closes`, rising.
fn lines(study: Study, closes: &[f64], sources: &[usize]) -> Vec<Vec<f64>> {
    let at = |values: &[f64]| sources.iter().map(|i| values.get(*i).copied().unwrap_or(f64::NAN)).collect();
    match study {
        Study::None | Study::Both => Vec::new(),
        Study::Rsi => {
            let mut rsi = Rsi::new(14);
            let values: Vec<f64> = batch(closes, |close| rsi.update(*close))
                .into_iter()
                .map(|v| v.unwrap_or(f64::NAN))
                .collect();
            vec![at(&values)]
        }
        Study::Macd => {
            let mut macd = Macd::new(12, 26, 9);
            let both = batch(closes, |close| macd.update(*close));
            let line: Vec<f64> = both.iter().map(|v| v.map_or(f64::NAN, |v| v.line)).collect();
            let signal: Vec<f64> = both.iter().map(|v| v.map_or(f64::NAN, |v| v.signal)).collect();
            vec![at(&line), at(&signal)]
        }
    }
}

/// Draws a single study in its strip, with its newest value at the axis.
pub fn draw(
    study: Study,
    closes: &[f64],
    sources: &[usize],
    step: u16,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let lines = lines(study, closes, sources);
    let Some(first) = lines.first() else { return };
    let finite = lines.iter().flatten().copied().filter(|v| v.is_finite());
    let (low, high, decimals) = match study {
        Study::Rsi => (0.0, 100.0, 1),
        _ => {
            let most = finite.map(f64::abs).fold(0.0, f64::max);
            (-most * 1.05, most * 1.05, 2)
        }
    };
    if area.height == 0 || high <= low {
        return;
    }
    // The lines need places in time, not prices.
    let places = vec![Candle { open: 0.0, high: 0.0, low: 0.0, close: 0.0, volume: 0.0 }; sources.len()];
    let newest = first.last().copied().filter(|v| v.is_finite());
    let overlays: Vec<Overlay> = lines
        .iter()
        .zip(look.theme.overlays)
        .map(|(values, style)| Overlay { values: values.clone(), style })
        .collect();
    let strip =
        Candles { theme: look.theme, candles: &places, step, low, high, overlays: &overlays, bodies: false };
    let axis = Axis { low, high, decimals, plot: area };
    let marks: &[f64] = if study == Study::Rsi { &[70.0, 30.0] } else { &[0.0] };
    for mark in marks {
        axis.rule(*mark, look, buf);
    }
    strip.render(area, buf);
    if let Some(newest) = newest {
        axis.mark(newest, look.theme.overlays[0], look, buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_at_the_bars_in_view() {
        let closes: Vec<f64> = (0..60).map(f64::from).collect();
        let rsi = lines(Study::Rsi, &closes, &[3, 20, 59]);
        assert!(rsi[0][0].is_nan());
        assert_eq!(rsi[0][1..], [100.0, 100.0], "it only rose");
        let macd = lines(Study::Macd, &closes, &[10, 59]);
        assert!(macd[0][0].is_nan() && (macd[0][1] - 7.0).abs() < 1e-9, "{macd:?}");
        assert!((macd[1][1] - 7.0).abs() < 1e-9, "the averages of a straight line stay as far apart");
        assert!(lines(Study::None, &closes, &[1]).is_empty());
    }
}
