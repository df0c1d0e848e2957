//! The axes: prices at the right, times below.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::domain::money::Price;
use crate::domain::quote::Interval;
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::widgets::candles::round_prices;
use crate::tui::widgets::{put, put_right};

/// Columns of the price axis.
pub const AXIS_WIDTH: u16 = 11;

/// The price axis of a strip of the chart.
pub struct Axis {
    /// Value at the lower edge.
    pub low: f64,
    /// Value at the upper edge; above `low`.
    pub high: f64,
    /// Decimals of the labels.
    pub decimals: u32,
    /// The strip, without the axis.
    pub plot: Rect,
}

impl Axis {
    /// The row of a value in the strip.
    #[must_use]
    pub fn row(&self, value: f64) -> Option<u16> {
        let share = (self.high - value) / (self.high - self.low);
        (0.0..1.0).contains(&share).then(|| self.plot.y + (share * f64::from(self.plot.height)) as u16)
    }

    fn label(&self, value: f64) -> String {
        price_text(value, self.decimals)
    }

    /// Draws round labels.
    pub fn draw(&self, look: &Look<'_>, buf: &mut Buffer) {
        for price in round_prices(self.low, self.high, self.plot.height / 2) {
            self.put(price, look.theme.dim, "", buf);
        }
    }

    /// A value of its own, over whatever label stands there, with a mark that points at it.
    pub fn mark(&self, value: f64, style: Style, look: &Look<'_>, buf: &mut Buffer) {
        self.put(value, style.patch(look.theme.strong), look.theme.glyphs.price_mark, buf);
    }

    fn put(&self, value: f64, style: Style, mark: &str, buf: &mut Buffer) {
        let Some(y) = self.row(value) else { return };
        let right = self.plot.right() + AXIS_WIDTH;
        if !mark.is_empty() {
            let blank = " ".repeat(usize::from(AXIS_WIDTH));
            put(buf, self.plot.right(), y, &blank, Style::new(), AXIS_WIDTH);
        }
        put_right(buf, right - 1, y, &self.label(value), style, AXIS_WIDTH - 1);
        put(buf, right - 1, y, mark, style, 1);
    }

    /// A dotted line at a value, through the cells that are empty, with its label.
    pub fn rule(&self, value: f64, look: &Look<'_>, buf: &mut Buffer) {
        let Some(y) = self.row(value) else { return };
        for x in (self.plot.x..self.plot.right()).step_by(4) {
            if buf.cell((x, y)).is_some_and(|cell| cell.symbol() == " ") {
                put(buf, x, y, look.theme.glyphs.skip, look.theme.dim, 1);
            }
        }
        self.put(value, look.theme.dim, "", buf);
    }
}

/// A float that places pixels, as the price it stands for.
#[must_use]
pub fn price_text(value: f64, decimals: u32) -> String {
    format::price(Price::new(Decimal::from_f64(value).unwrap_or_default()), decimals)
}

/// The time of a candle, as its axis or a headline says it.
#[must_use]
pub fn time_text(start: Timestamp, interval: Interval, with_day: bool, look: &Look<'_>) -> String {
    let zoned = start.to_zoned_datetime(look.env.zone.clone());
    match interval {
        Interval::Day1 | Interval::Week1 => zoned.strftime("%d %b %y").to_string(),
        _ if with_day => zoned.strftime("%d %b %H:%M").to_string(),
        _ => zoned.strftime("%H:%M").to_string(),
    }
}

/// Draws the times under candles of so many columns, the newest at the right edge.
pub fn draw_times(
    starts: &[Timestamp],
    step: u16,
    interval: Interval,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    /// Columns between two labels, the label's own width included.
    const SPACING: u16 = 14;
    let every = usize::from(SPACING.div_ceil(step)).max(1);
    if let Some(newest) = starts.last().filter(|_| interval < Interval::Day1) {
        // Under the prices, where no time stands.
        let zone = format::zone_name(*newest, &look.env.zone);
        put(buf, area.right() + 1, area.y, &zone, look.theme.dim, AXIS_WIDTH - 1);
    }
    let mut day = None;
    for (i, start) in starts.iter().enumerate().step_by(every) {
        let from_right = (starts.len() - i) as u16 * step;
        let Some(x) = area.right().checked_sub(from_right).filter(|x| *x >= area.x) else { continue };
        let date = start.to_zoned_datetime(look.env.zone.clone()).date();
        let text = time_text(*start, interval, day.replace(date) != Some(date), look);
        if x + format::width(&text) <= area.right() {
            put(buf, x, area.y, &text, look.theme.dim, SPACING);
        }
    }
}
