//! Lines over the price: which ones, and their values at the candles in view.

use crate::quant::indicators::{Bands, Bollinger, Ema, Sma, batch};
use crate::tui::theme::Theme;
use crate::tui::widgets::candles::Overlay;

/// What is drawn over the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlaySet {
    /// A simple average and Bollinger bands.
    #[default]
    SmaAndBands,
    /// Two simple averages.
    Sma,
    /// Two exponential averages.
    Ema,
    /// Bollinger bands alone.
    Bands,
    /// Nothing.
    None,
}

impl OverlaySet {
    /// The next set, around the end.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::SmaAndBands => Self::Sma,
            Self::Sma => Self::Ema,
            Self::Ema => Self::Bands,
            Self::Bands => Self::None,
            Self::None => Self::SmaAndBands,
        }
    }

    /// What the title says.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SmaAndBands => "sma20 bb20,2",
            Self::Sma => "sma20 sma50",
            Self::Ema => "ema9 ema21",
            Self::Bands => "bb20,2",
            Self::None => "",
        }
    }
}

/// The lines of a set at the bars in view. `sources` are indices into `closes`, rising.
#[must_use]
pub fn overlays(set: OverlaySet, closes: &[f64], sources: &[usize], theme: &Theme) -> Vec<Overlay> {
    let bands = || {
        let (lower, upper) = bollinger(closes, 20, 2.0);
        [(lower, 2), (upper, 3)]
    };
    let lines: Vec<(Vec<f64>, usize)> = match set {
        OverlaySet::None => Vec::new(),
        OverlaySet::Sma => vec![(sma(closes, 20), 0), (sma(closes, 50), 1)],
        OverlaySet::Ema => vec![(ema(closes, 9), 0), (ema(closes, 21), 1)],
        OverlaySet::Bands => bands().into(),
        OverlaySet::SmaAndBands => {
            let [lower, upper] = bands();
            vec![(sma(closes, 20), 0), lower, upper]
        }
    };
    lines
        .into_iter()
        .map(|(values, style)| Overlay {
            values: sources.iter().map(|i| values.get(*i).copied().unwrap_or(f64::NAN)).collect(),
            style: theme.overlays[style],
        })
        .collect()
}

fn line(closes: &[f64], update: impl FnMut(&f64) -> Option<f64>) -> Vec<f64> {
    batch(closes, update).into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

fn sma(closes: &[f64], period: usize) -> Vec<f64> {
    let mut average = Sma::new(period);
    line(closes, |close| average.update(*close))
}

fn ema(closes: &[f64], period: usize) -> Vec<f64> {
    let mut average = Ema::new(period);
    line(closes, |close| average.update(*close))
}

/// Lower and upper band.
fn bollinger(closes: &[f64], period: usize, deviations: f64) -> (Vec<f64>, Vec<f64>) {
    let mut bands = Bollinger::new(period, deviations);
    let both = batch(closes, |close| bands.update(*close));
    let pick = |side: fn(&Bands) -> f64| both.iter().map(|b| b.as_ref().map_or(f64::NAN, side)).collect();
    (pick(|b| b.lower), pick(|b| b.upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{ColorDepth, Palette};

    #[test]
    fn lines_follow_the_candles_in_view() {
        let theme = Theme::new(ColorDepth::None, Palette::GreenRed, false);
        let closes: Vec<f64> = (0..60).map(f64::from).collect();
        let lines = overlays(OverlaySet::SmaAndBands, &closes, &[18, 19, 59], &theme);
        assert!(lines[0].values[0].is_nan());
        assert_eq!(lines[0].values[1..], [9.5, 49.5]);
        assert!(lines[1].values[2] < 49.5 && lines[2].values[2] > 49.5);
        for set in [OverlaySet::Sma, OverlaySet::Ema, OverlaySet::Bands] {
            assert_eq!(overlays(set, &closes, &[0, 59], &theme).len(), 2, "{}", set.label());
        }
        assert!(overlays(OverlaySet::Sma, &[], &[], &theme).iter().all(|line| line.values.is_empty()));
    }
}
