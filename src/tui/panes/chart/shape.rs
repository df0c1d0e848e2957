//! How the price is drawn: candles, averaged candles, or a line.

use super::series::View;
use crate::tui::widgets::candles::Candle;

/// The shape of the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Candles of open, high, low, close.
    #[default]
    Candles,
    /// Heikin-Ashi: candles of averages, which show the trend and no price that was paid.
    HeikinAshi,
    /// A line through the closes.
    Line,
}

/// Candles before the view from which the averages start. The weight of where they start halves with each, so nothing is left of it.
pub const WARM_UP: usize = 64;

impl Shape {
    /// The next shape, around the end.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Candles => Self::HeikinAshi,
            Self::HeikinAshi => Self::Line,
            Self::Line => Self::Candles,
        }
    }

    /// What the title says; empty for what needs no word.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Candles => "",
            Self::HeikinAshi => "heikin-ashi",
            Self::Line => "line",
        }
    }
}

/// Heikin-Ashi candles of a view that begins with a warm-up; the volumes stay.
#[must_use]
pub fn heikin_ashi(candles: &[Candle]) -> Vec<Candle> {
    let mut averaged: Vec<Candle> = Vec::with_capacity(candles.len());
    for candle in candles {
        let close = (candle.open + candle.high + candle.low + candle.close) / 4.0;
        let open = match averaged.last() {
            Some(before) => f64::midpoint(before.open, before.close),
            None => f64::midpoint(candle.open, candle.close),
        };
        averaged.push(Candle {
            open,
            high: candle.high.max(open).max(close),
            low: candle.low.min(open).min(close),
            close,
            volume: candle.volume,
        });
    }
    averaged
}

/// Takes the warm-up off a view, leaving the newest `room` candles.
pub fn trim(view: &mut View, room: usize) {
    let extra = view.candles.len().saturating_sub(room);
    view.candles.drain(..extra);
    view.starts.drain(..extra);
    view.sources.drain(..extra);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaged_candles_follow_the_rule() {
        let candle = |open, high, low, close| Candle { open, high, low, close, volume: 7.0 };
        let averaged = heikin_ashi(&[candle(10.0, 14.0, 9.0, 12.0), candle(12.0, 13.0, 8.0, 9.0)]);
        assert_eq!(averaged[0], candle(11.0, 14.0, 9.0, 11.25));
        // Opens in the middle of the body before: (11 + 11.25) / 2; closes at the mean of the four prices.
        assert_eq!(averaged[1], candle(11.125, 13.0, 8.0, 10.5));
    }
}
