//! Lines over the price: which ones, and their values at the candles in view.

use super::series::Series;
use crate::domain::calendar::exchange_date;
use crate::quant::indicators::{self, Bands, Bollinger, Ema, Sma, Vwap, batch};
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
    /// The average price weighted by volume since the session began.
    Vwap,
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
            Self::Ema => Self::Vwap,
            Self::Vwap => Self::Bands,
            Self::Bands => Self::None,
            Self::None => Self::SmaAndBands,
        }
    }

    /// The names of its lines, in their order.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::SmaAndBands => &["sma20", "bb-", "bb+"],
            Self::Sma => &["sma20", "sma50"],
            Self::Ema => &["ema9", "ema21"],
            Self::Vwap => &["vwap"],
            Self::Bands => &["bb-", "bb+"],
            Self::None => &[],
        }
    }

    /// What the title says.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SmaAndBands => "sma20 bb20,2",
            Self::Sma => "sma20 sma50",
            Self::Ema => "ema9 ema21",
            Self::Vwap => "vwap",
            Self::Bands => "bb20,2",
            Self::None => "",
        }
    }
}

/// The lines of a set at the bars in view. `sources` are indices into the series, rising.
#[must_use]
pub fn overlays(set: OverlaySet, series: &Series, sources: &[usize], theme: &Theme) -> Vec<Overlay> {
    let closes = series.closes();
    let bands = || {
        let (lower, upper) = bollinger(closes, 20, 2.0);
        [(lower, 2), (upper, 3)]
    };
    let lines: Vec<(Vec<f64>, usize)> = match set {
        OverlaySet::None => Vec::new(),
        OverlaySet::Sma => vec![(sma(closes, 20), 0), (sma(closes, 50), 1)],
        OverlaySet::Ema => vec![(ema(closes, 9), 0), (ema(closes, 21), 1)],
        OverlaySet::Vwap => vec![(vwap(series), 0)],
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

/// Anchored at the first bar of each New York date, or of each bar where a bar is a day or more.
fn vwap(series: &Series) -> Vec<f64> {
    let mut average = Vwap::default();
    let mut session = None;
    series
        .bars()
        .map(|(start, candle)| {
            let day = exchange_date(start);
            if session.replace(day) != Some(day) {
                average.anchor();
            }
            let bar = indicators::Candle {
                high: candle.high,
                low: candle.low,
                close: candle.close,
                volume: candle.volume,
            };
            average.update(&bar).unwrap_or(f64::NAN)
        })
        .collect()
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
    use std::time::Duration;

    use crate::domain::money::Price;
    use crate::domain::quote::{Bar, Interval};
    use crate::tui::theme::{ColorDepth, Schemes};

    /// Bars a minute apart that close at 1, 2, 3 and so on, ten units in each.
    fn rising(count: i64) -> Series {
        let noon: jiff::Timestamp = "2026-11-24T17:00:00Z".parse().unwrap();
        let bars: Vec<Bar> = (0..count)
            .map(|i| {
                let price = Price::from(i + 1);
                let start = noon + jiff::SignedDuration::from_mins(i);
                Bar { start, open: price, high: price, low: price, close: price, volume: 10.into() }
            })
            .collect();
        Series::new(&bars, Interval::Minute1, Duration::ZERO)
    }

    #[test]
    fn lines_follow_the_candles_in_view() {
        let theme = Theme::new(ColorDepth::None, &Schemes::new(&[]).get("dark").unwrap(), false);
        let series = rising(60);
        let lines = overlays(OverlaySet::SmaAndBands, &series, &[18, 19, 59], &theme);
        assert!(lines[0].values[0].is_nan());
        assert_eq!(lines[0].values[1..], [10.5, 50.5]);
        assert!(lines[1].values[2] < 50.5 && lines[2].values[2] > 50.5);
        for set in [OverlaySet::Sma, OverlaySet::Ema, OverlaySet::Vwap, OverlaySet::Bands, OverlaySet::None] {
            assert_eq!(overlays(set, &series, &[0, 59], &theme).len(), set.names().len(), "{}", set.label());
        }
        assert!(overlays(OverlaySet::Sma, &rising(0), &[], &theme).iter().all(|line| line.values.is_empty()));
    }

    #[test]
    fn the_average_price_starts_anew_with_the_day() {
        // Noon to midnight in New York are 720 minutes.
        let values = vwap(&rising(722));
        assert_eq!((values[0], values[1], values[719]), (1.0, 1.5, 360.5));
        assert_eq!((values[720], values[721]), (721.0, 721.5));
    }
}
