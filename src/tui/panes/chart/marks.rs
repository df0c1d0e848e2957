//! What is one's own on the chart: working orders and the position at their prices, fills on the candles in which they happened.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::prelude::ToPrimitive;

use super::axis::{Axis, price_text};
use super::grab::Grab;
use crate::domain::alert::AlertWhen;
use crate::domain::execution::Execution;
use crate::domain::instrument::Instrument;
use crate::domain::order::Order;
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::widgets::candles::column_of;
use crate::tui::widgets::put;

/// Columns of a label at the left edge.
const LABEL_MAX: u16 = 16;

/// Draws the position's price and the working orders' prices: a label at the left, the price at the axis.
pub fn draw_levels(
    instrument: &Instrument,
    grab: Option<Grab>,
    axis: &Axis,
    look: &Look<'_>,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let mut taken = Vec::new();
    let mut level = |price: f64, text: String, style, buf: &mut Buffer| {
        let Some(y) = axis.row(price) else {
            return beyond(price, &text, style, axis, &mut taken, look, buf);
        };
        if taken.contains(&y) {
            return;
        }
        taken.push(y);
        axis.rule(price, look, buf);
        axis.mark(price, style, look, buf);
        put(buf, axis.plot.x, y, &format::fit(&text, LABEL_MAX, theme.glyphs.ellipsis), style, LABEL_MAX);
    };
    if let Some(grab) = grab
        && let Some(price) = grab.price.get().to_f64()
    {
        let style = theme.accent.patch(theme.strong);
        level(price, format!("{} moved here ", theme.glyphs.cursor), style, buf);
    }
    for order in look.snapshot.orders.iter().filter(|order| is_of(order, instrument) && order.is_working()) {
        let pricing = order.request.pricing;
        let style = if order.request.side.is_buy() { theme.up } else { theme.down };
        for price in [pricing.limit_price(), pricing.stop_price()].into_iter().flatten() {
            let side = order.request.side.as_str().replace('_', " ");
            let text =
                format!("{side} {} #{} ", format::quantity(order.leaves_quantity().get()), order.number);
            if let Some(price) = price.get().to_f64() {
                level(price, text, style, buf);
            }
        }
    }
    let alerts = look.snapshot.alerts.iter();
    for alert in alerts.filter(|alert| alert.waits() && alert.instrument == *instrument) {
        if let (AlertWhen::Above | AlertWhen::Below, Some(price)) = (alert.when, alert.value.to_f64()) {
            level(price, "alert ".to_owned(), theme.warning, buf);
        }
    }
    for position in look.snapshot.positions.iter().filter(|p| p.instrument == *instrument) {
        let text = format!("held {} ", format::quantity(position.quantity.get()));
        if let Some(price) = position.average_price.get().to_f64() {
            level(price, text, theme.accent, buf);
        }
    }
}

/// A price above or below what is in view: its label with the price in the row at that edge, and an arrow towards it.
fn beyond(
    price: f64,
    text: &str,
    style: Style,
    axis: &Axis,
    taken: &mut Vec<u16>,
    look: &Look<'_>,
    buf: &mut Buffer,
) {
    let (y, arrow) = match price >= axis.high {
        true => (axis.plot.top(), look.theme.glyphs.up),
        false => (axis.plot.bottom().saturating_sub(1), look.theme.glyphs.down),
    };
    if taken.contains(&y) || axis.plot.height < 2 {
        return;
    }
    taken.push(y);
    let text = format!("{arrow} {text}{} ", price_text(price, axis.decimals));
    put(
        buf,
        axis.plot.x,
        y,
        &format::fit(&text, axis.plot.width, look.theme.glyphs.ellipsis),
        style,
        axis.plot.width,
    );
}

/// Draws an arrow at the price and time of each fill. `starts` are the first instants of candles of so many `seconds`.
pub fn draw_fills(
    fills: &[Execution],
    starts: &[Timestamp],
    seconds: i64,
    step: u16,
    axis: &Axis,
    look: &Look<'_>,
    buf: &mut Buffer,
) {
    let area: Rect = axis.plot;
    for fill in fills {
        let Some(price) = fill.price.get().to_f64() else { continue };
        let after = starts.partition_point(|start| *start <= fill.at);
        let Some(candle) = after.checked_sub(1) else { continue };
        // Sessions have gaps; only behind the last candle in view is a fill out of it.
        if after == starts.len() && fill.at.duration_since(starts[candle]).as_secs() >= seconds {
            continue;
        }
        if let (Some(x), Some(y)) = (column_of(candle, starts.len(), step, area), axis.row(price)) {
            let theme = look.theme;
            let (glyph, style) = if fill.side.is_buy() {
                (theme.glyphs.up, theme.up)
            } else {
                (theme.glyphs.down, theme.down)
            };
            let center = x + if step >= 3 { (step - 1) / 2 } else { 0 };
            put(buf, center, y, glyph, style.patch(theme.strong), 1);
        }
    }
}

fn is_of(order: &Order, instrument: &Instrument) -> bool {
    order.request.subject.instrument() == Some(instrument)
}
