//! The equity curve: a line over time with its ends at the axis.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::client::message::EquityPoint;
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::widgets::candles::{Candle, Candles, Overlay};
use crate::tui::widgets::{put, put_right};

const AXIS_WIDTH: u16 = 13;

/// Draws the curve, with the equity of now at its end.
pub fn draw(points: &[EquityPoint], now: Option<Decimal>, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let theme = look.theme;
    let plot = Rect {
        width: area.width.saturating_sub(AXIS_WIDTH + 1),
        height: area.height.saturating_sub(1),
        x: area.x + 1,
        ..area
    };
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        put(
            buf,
            area.x + 1,
            area.y,
            "A point is kept every minute; the curve grows from here",
            theme.dim,
            area.width,
        );
        return;
    };
    if plot.width < 10 || plot.height < 2 {
        return;
    }
    let values = columns(points, now, plot.width);
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let pad = ((high - low) * 0.05).max(high.abs() * 1e-5).max(1e-6);
    let end = now.unwrap_or(last.net_liquidation);
    let style = if end >= first.net_liquidation { theme.up } else { theme.down };
    let places = vec![Candle { open: 0.0, high: 0.0, low: 0.0, close: 0.0, volume: 0.0 }; values.len()];
    let overlays = [Overlay { values: values.clone(), style }];
    let (bottom, top) = (low - pad, high + pad);
    Candles { theme, candles: &places, step: 1, low: bottom, high: top, overlays: &overlays, bodies: false }
        .render(plot, buf);
    // Cents where they tell the ends apart.
    let decimals = if high - low >= 100.0 { 0 } else { 2 };
    let money = |value: Decimal| format::grouped(value, decimals);
    let float = |value: f64| Decimal::from_f64_retain(value).map_or_else(String::new, money);
    let right = area.right().saturating_sub(1);
    put_right(buf, right, plot.y, &float(high), theme.dim, AXIS_WIDTH);
    put_right(buf, right, plot.bottom() - 1, &float(low), theme.dim, AXIS_WIDTH);
    let share = (top - end.to_f64().unwrap_or(top)) / (top - bottom);
    let row = plot.y + (share * f64::from(plot.height)).clamp(0.0, f64::from(plot.height - 1)) as u16;
    put(buf, plot.right(), row, &" ".repeat(usize::from(AXIS_WIDTH)), theme.text, AXIS_WIDTH);
    put_right(buf, right, row, &money(end), style.patch(theme.strong), AXIS_WIDTH);
    let change = end - first.net_liquidation;
    let percent = (change * Decimal::ONE_HUNDRED).checked_div(first.net_liquidation).unwrap_or_default();
    let zone = &look.env.zone;
    let from = format!(
        "{} {} {}",
        format::day(first.at, zone),
        format::clock(first.at, zone),
        format::zone_name(first.at, zone)
    );
    let x = put(buf, plot.x, plot.bottom(), &from, theme.dim, plot.width);
    let words = format!("{} ({})", format::signed(change, 2), format::percent(percent));
    if x + 2 + format::width(&words) <= plot.right() {
        put_right(buf, plot.right(), plot.bottom(), &words, style, plot.width);
    }
}

/// The equity at each column: of each stretch of time the last value, carried on where there is none.
fn columns(points: &[EquityPoint], now: Option<Decimal>, width: u16) -> Vec<f64> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let begin = first.at.as_second();
    let length = (last.at.as_second() - begin).max(1);
    let mut values = Vec::with_capacity(usize::from(width));
    let mut next = 0;
    let mut value = first.net_liquidation;
    for column in 1..=i64::from(width) {
        let until = begin + length * column / i64::from(width);
        while next < points.len() && points[next].at.as_second() <= until {
            value = points[next].net_liquidation;
            next += 1;
        }
        values.push(value.to_f64().unwrap_or_default());
    }
    if let (Some(end), Some(now)) = (values.last_mut(), now.and_then(|now| now.to_f64())) {
        *end = now;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn gaps_carry_the_last_value_on() {
        let point = |second, value: i64| EquityPoint {
            at: Timestamp::from_second(second).unwrap(),
            net_liquidation: value.into(),
            cash: Decimal::ZERO,
        };
        let points = [point(0, 100), point(10, 110), point(90, 90), point(100, 95)];
        assert_eq!(columns(&points, None, 4), [110.0, 110.0, 110.0, 95.0]);
        assert_eq!(columns(&points, Some(Decimal::from(7)), 4)[3], 7.0);
        assert!(columns(&[], None, 4).is_empty());
    }
}
