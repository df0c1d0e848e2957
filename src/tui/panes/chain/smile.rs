//! The smile: what volatility each strike is priced at, as a line under the strikes where there is room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use rust_decimal::prelude::ToPrimitive;

use super::Strike;
use super::facts::{number, volatility};
use super::view::strike_text;
use crate::client::message::Chain;
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::widgets::candles::{Candle, Candles, Overlay};
use crate::tui::widgets::{put, put_right};

/// Rows with which it is readable, its words and its strikes included.
const HEIGHT_MIN: u16 = 7;
/// See `HEIGHT_MIN`.
const HEIGHT_MAX: u16 = 12;
/// Columns at the right for the per cents.
const AXIS_WIDTH: u16 = 8;
/// Strikes without which there is no line.
const POINTS_MIN: usize = 3;

/// Draws the line in the lower part of what the strikes leave.
pub fn draw(strikes: &[Strike<'_>], chain: &Chain, look: &Look<'_>, free: Rect, buf: &mut Buffer) {
    let known = |strike: &Strike<'_>| Some((strike.price.get().to_f64()?, volatility(strike)? * 100.0));
    let points: Vec<(f64, f64)> = strikes.iter().filter_map(known).collect();
    let ends = (strikes.first(), strikes.last(), points.first(), points.last());
    let (Some(lowest), Some(highest), Some((from, _)), Some((until, _))) = ends else { return };
    if free.height < HEIGHT_MIN || free.width < 4 * AXIS_WIDTH || points.len() < POINTS_MIN || until <= from {
        return;
    }
    let height = free.height.min(HEIGHT_MAX);
    let area = Rect { y: free.bottom() - height, height, ..free };
    let theme = look.theme;
    put(buf, area.x + 1, area.y, "volatility by strike", theme.dim, area.width);
    let plot = Rect { x: area.x + 1, y: area.y + 1, width: area.width - AXIS_WIDTH - 1, height: height - 2 };
    let steps = f64::from(plot.width - 1);
    let values: Vec<f64> =
        (0..plot.width).map(|x| between(&points, from + (until - from) * f64::from(x) / steps)).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let pad = ((most - least) * 0.1).max(0.5);
    let (low, high) = (least - pad, most + pad);
    let places = vec![Candle { open: 0.0, high: 0.0, low: 0.0, close: 0.0, volume: 0.0 }; values.len()];
    let overlays = [Overlay { values, style: theme.accent }];
    Candles { theme, candles: &places, step: 1, low, high, overlays: &overlays, bodies: false }
        .render(plot, buf);
    // Beside the line itself; a flat one needs its number once.
    let row = |value: f64| {
        let share = (high - value) / (high - low);
        plot.y + ((share * f64::from(plot.height)) as u16).min(plot.height - 1)
    };
    for (value, y) in [(most, row(most)), (least, row(least))] {
        put_right(buf, area.right() - 1, y, &format!("{}%", number(value, 1)), theme.dim, AXIS_WIDTH);
    }
    let foot = area.bottom() - 1;
    put(buf, plot.x, foot, &strike_text(lowest.price), theme.dim, plot.width);
    put_right(buf, plot.right(), foot, &strike_text(highest.price), theme.dim, plot.width);
    let spot = chain.spot.and_then(|spot| Some((spot.get().to_f64()?, strike_text(spot))));
    if let Some((spot, text)) = spot.filter(|(spot, _)| spot > from && spot < until) {
        let x = plot.x + ((spot - from) / (until - from) * steps).round() as u16;
        let text = format!("{}{text}", theme.glyphs.up);
        put(
            buf,
            x.min(plot.right().saturating_sub(format::width(&text))),
            foot,
            &text,
            theme.strong,
            plot.width,
        );
    }
}

/// The value at a place between points that rise, along straight lines.
fn between(points: &[(f64, f64)], at: f64) -> f64 {
    let after = points.partition_point(|(x, _)| *x < at);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (Some((x0, y0)), Some((x1, y1))) if x1 > x0 => y0 + (y1 - y0) * (at - x0) / (x1 - x0),
        (Some((_, y)), _) | (None, Some((_, y))) => *y,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_strikes_lies_a_straight_line() {
        let points = [(100.0, 30.0), (110.0, 20.0), (130.0, 40.0)];
        for (at, expected) in
            [(90.0, 30.0), (100.0, 30.0), (105.0, 25.0), (110.0, 20.0), (120.0, 30.0), (140.0, 40.0)]
        {
            assert!((between(&points, at) - expected).abs() < 1e-9, "{at}");
        }
    }
}
