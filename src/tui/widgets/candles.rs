//! Candles at half-cell height, with lines over them in braille dots.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

use crate::tui::theme::Theme;

/// One candle as drawn. Prices are floats here: they place pixels and nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Units traded.
    pub volume: f64,
}

impl Candle {
    /// Joins a later candle to this one.
    pub fn merge(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
    }

    /// Closed at or above its open.
    #[must_use]
    pub fn rose(&self) -> bool {
        self.close >= self.open
    }
}

/// A line over the candles: one value per candle, NaN where there is none.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// Its values.
    pub values: Vec<f64>,
    /// Its style.
    pub style: Style,
}

/// The price part of a chart, ready to draw.
pub struct Candles<'a> {
    /// Styles and glyphs.
    pub theme: &'a Theme,
    /// Oldest first; the newest stands at the right edge.
    pub candles: &'a [Candle],
    /// Columns per candle, at least 1.
    pub step: u16,
    /// Price at the lower edge.
    pub low: f64,
    /// Price at the upper edge; above `low`.
    pub high: f64,
    /// Lines, the first on top.
    pub overlays: &'a [Overlay],
    /// Draw the candles, not their lines alone.
    pub bodies: bool,
}

/// Column of the first cell of candle `i` of `count`: the series ends at the right edge.
#[must_use]
pub fn column_of(i: usize, count: usize, step: u16, area: Rect) -> Option<u16> {
    let from_right = (count - i) * usize::from(step);
    u16::try_from(from_right).ok().filter(|n| *n <= area.width).map(|n| area.right() - n)
}

/// What a half cell holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ink {
    None,
    Wick,
    Body,
}

impl Candles<'_> {
    /// Distance from the upper edge in `steps` equal steps, fractional.
    fn height(&self, price: f64, steps: u16) -> f64 {
        (self.high - price) / (self.high - self.low) * f64::from(steps)
    }

    fn half(&self, price: f64, area: Rect) -> u16 {
        let halves = area.height * 2;
        self.height(price, halves).floor().clamp(0.0, f64::from(halves) - 1.0) as u16
    }

    fn draw_candle(&self, candle: &Candle, x: u16, area: Rect, buf: &mut Buffer) {
        let (top, bottom) = (self.half(candle.high, area), self.half(candle.low, area));
        let body_top = self.half(candle.open.max(candle.close), area);
        let body_bottom = self.half(candle.open.min(candle.close), area);
        let style = if candle.rose() { self.theme.up } else { self.theme.down };
        let ink = |half: u16| match half {
            h if (body_top..=body_bottom).contains(&h) => Ink::Body,
            h if (top..=bottom).contains(&h) => Ink::Wick,
            _ => Ink::None,
        };
        let wide = self.step >= 3;
        let center = x + if wide { (self.step - 1) / 2 } else { 0 };
        for row in top / 2..=bottom / 2 {
            let halves = (ink(row * 2), ink(row * 2 + 1));
            let y = area.y + row;
            if wide && (halves.0 == Ink::Body || halves.1 == Ink::Body) {
                for column in x..x + self.step - 1 {
                    buf[(column, y)].set_symbol(self.block(halves, candle.rose())).set_style(style);
                }
            } else {
                buf[(center, y)].set_symbol(self.bar(halves, candle.rose())).set_style(style);
            }
        }
    }

    /// A candle one column wide.
    fn bar(&self, halves: (Ink, Ink), rose: bool) -> &'static str {
        use Ink::{Body, None, Wick};
        if self.theme.glyphs.ascii {
            return match halves {
                (Body, _) | (_, Body) if rose => "#",
                (Body, _) | (_, Body) => "=",
                (None, None) => " ",
                _ => "|",
            };
        }
        match halves {
            (None, None) => " ",
            (Wick, Wick) => "│",
            // Without colour, falling bodies are broken lines.
            (Body, Body) if !rose && !self.theme.has_color => "┇",
            (Body, Body) => "┃",
            (Wick, None) => "╵",
            (None, Wick) => "╷",
            (Body, None) => "╹",
            (None, Body) => "╻",
            (Wick, Body) => "╽",
            (Body, Wick) => "╿",
        }
    }

    /// A candle several columns wide.
    fn block(&self, halves: (Ink, Ink), rose: bool) -> &'static str {
        if self.theme.glyphs.ascii {
            return if rose { "#" } else { "=" };
        }
        match (halves.0 == Ink::Body, halves.1 == Ink::Body) {
            (true, true) if !rose && !self.theme.has_color => "▒",
            (true, true) => "█",
            (true, false) => "▀",
            _ => "▄",
        }
    }

    fn draw_overlays(&self, area: Rect, buf: &mut Buffer) {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let mut dots = vec![0_u8; width * height];
        let mut styles: Vec<Option<Style>> = vec![None; width * height];
        for overlay in self.overlays {
            let mut last: Option<i32> = None;
            for x in 0..width * 2 {
                let y = self.value_at(overlay, x, area).map(|v| self.height(v, area.height * 4).floor());
                let Some(y) = y.filter(|y| (0.0..f64::from(area.height * 4)).contains(y)).map(|y| y as i32)
                else {
                    last = None;
                    continue;
                };
                // Joins the dots of a steep line, half way from both sides.
                let from = last.map_or(y, |l| if l < y { l + 1 } else { l - i32::from(l > y) });
                for dot in from.min(y)..=from.max(y) {
                    let cell = dot as usize / 4 * width + x / 2;
                    dots[cell] |= braille_bit(x % 2, dot as usize % 4);
                    styles[cell].get_or_insert(overlay.style);
                }
                last = Some(y);
            }
        }
        for (i, (bits, style)) in dots.iter().zip(&styles).enumerate() {
            let Some(style) = style else { continue };
            let (x, y) = (area.x + (i % width) as u16, area.y + (i / width) as u16);
            let glyph = if self.theme.glyphs.ascii { '.' } else { braille(*bits) };
            buf[(x, y)].set_char(glyph).set_style(*style);
        }
    }

    /// The line's value at a dot column, between the candles' middles.
    fn value_at(&self, overlay: &Overlay, dot: usize, area: Rect) -> Option<f64> {
        let step = f64::from(self.step) * 2.0;
        let from_right = f64::from(area.width) * 2.0 - dot as f64 - 0.5;
        let place = self.candles.len() as f64 - from_right / step - 0.5;
        if place < -0.5 {
            return None;
        }
        let left = place.floor().max(0.0) as usize;
        let a = *overlay.values.get(left)?;
        let b = overlay.values.get(left + 1).copied().unwrap_or(a);
        let value = a + (b - a) * (place - left as f64).clamp(0.0, 1.0);
        value.is_finite().then_some(value)
    }
}

impl Widget for &Candles<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let drawable = area.width > 0 && area.height > 0 && self.step > 0 && self.high > self.low;
        if !drawable {
            return;
        }
        self.draw_overlays(area, buf);
        for (i, candle) in self.candles.iter().enumerate().filter(|_| self.bodies) {
            if let Some(x) = column_of(i, self.candles.len(), self.step, area) {
                self.draw_candle(candle, x, area, buf);
            }
        }
    }
}

/// The dot bits of a braille cell are numbered down the columns, but for the lowest row, which came later.
const fn braille_bit(x: usize, y: usize) -> u8 {
    match (x, y) {
        (0, 3) => 0x40,
        (_, 3) => 0x80,
        (0, y) => 1 << y,
        (_, y) => 8 << y,
    }
}

fn braille(bits: u8) -> char {
    char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ')
}

/// Round prices between two, at most so many, rising.
#[must_use]
pub fn round_prices(low: f64, high: f64, count_max: u16) -> Vec<f64> {
    if !(high > low && low.is_finite() && high.is_finite()) || count_max == 0 {
        return Vec::new();
    }
    let rough = (high - low) / f64::from(count_max);
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).take(usize::from(count_max) + 1).map(|n| n as f64 * step).collect()
}

/// Draws volumes under candles, the newest at the right edge.
pub fn draw_volume(candles: &[Candle], step: u16, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let shown = usize::from(area.width / step.max(1)).min(candles.len());
    let candles = &candles[candles.len() - shown..];
    let most = candles.iter().map(|c| c.volume).fold(0.0, f64::max);
    if !(most > 0.0 && most.is_finite()) || area.height == 0 {
        return;
    }
    let body = if step >= 3 { step - 1 } else { 1 };
    for (i, candle) in candles.iter().enumerate() {
        let x = area.right() - (shown - i) as u16 * step;
        let eighths = (candle.volume / most * f64::from(area.height * 8)).ceil() as u16;
        let style = if candle.rose() { theme.up } else { theme.down };
        for row in 0..area.height {
            let part = eighths.saturating_sub(row * 8).min(8);
            if part == 0 {
                break;
            }
            for column in x..x + body {
                let glyph = theme.glyphs.bars[usize::from(part) - 1];
                buf[(column, area.bottom() - 1 - row)]
                    .set_symbol(glyph)
                    .set_style(style)
                    .set_style(theme.dim);
            }
        }
    }
}

/// A line of bars from a few values: `▁▂▃▅`. As many as `width`, the newest last.
#[must_use]
pub fn sparkline(values: &[f64], width: usize, theme: &Theme) -> String {
    let values = &values[values.len().saturating_sub(values.len().min(256))..];
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() < 2 || width == 0 || !(low.is_finite() && high.is_finite()) {
        return String::new();
    }
    (0..width)
        .map(|i| {
            let at = (i * (values.len() - 1) + (width - 1).max(1) / 2) / (width - 1).max(1);
            let share =
                if high > low { (values[at.min(values.len() - 1)] - low) / (high - low) } else { 0.5 };
            theme.glyphs.bars[((share * 7.0).round() as usize).min(7)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{ColorDepth, Schemes};

    fn theme(ascii: bool) -> Theme {
        Theme::new(ColorDepth::None, &Schemes::new(&[]).get("dark").unwrap(), ascii)
    }

    fn candle(open: f64, high: f64, low: f64, close: f64) -> Candle {
        Candle { open, high, low, close, volume: close }
    }

    fn draw(
        candles: &[Candle],
        step: u16,
        size: (u16, u16),
        overlays: &[Overlay],
        ascii: bool,
    ) -> Vec<String> {
        let theme = theme(ascii);
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        let high = f64::from(size.1);
        let widget = Candles { theme: &theme, candles, step, low: 0.0, high, overlays, bodies: true };
        widget.render(buf.area, &mut buf);
        (0..size.1).map(|y| (0..size.0).map(|x| buf[(x, y)].symbol()).collect()).collect()
    }

    #[test]
    fn candles_have_half_cell_bodies_and_wicks() {
        let candles = [candle(1.0, 3.9, 0.1, 2.9), candle(2.9, 2.9, 0.6, 1.1), candle(1.2, 1.3, 1.1, 1.2)];
        assert_eq!(draw(&candles, 1, (4, 4), &[], false), [" │  ", " ┃┇ ", " ┃┇╻", " ╿╵ "]);
        assert_eq!(draw(&candles[..2], 3, (7, 4), &[], true), ["  |    ", " ## == ", " ## == ", " ##  | "]);
    }

    #[test]
    fn lines_connect() {
        let candles = [candle(0.0, 0.0, 0.0, 0.0); 4];
        let line = Overlay { values: vec![0.5, 1.5, 1.5, 3.5], style: Style::new() };
        let rows = draw(&candles, 2, (8, 4), &[line], false);
        assert!(rows[0].chars().last().is_some_and(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{rows:?}");
        let dotted =
            rows.iter().flat_map(|r| r.chars()).filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
        assert!(dotted >= 8, "{rows:?}");
    }

    #[test]
    fn price_marks_are_round() {
        assert_eq!(round_prices(230.1, 232.6, 5), [230.5, 231.0, 231.5, 232.0, 232.5]);
        assert_eq!(round_prices(96_000.0, 99_100.0, 4), [96_000.0, 97_000.0, 98_000.0, 99_000.0]);
        assert!(round_prices(1.0, 1.0, 4).is_empty());
    }

    #[test]
    fn sparklines_span_their_range() {
        let theme = Theme::new(ColorDepth::None, &Schemes::new(&[]).get("dark").unwrap(), false);
        assert_eq!(sparkline(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 8, &theme), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5.0, 5.0], 3, &theme), "▅▅▅");
        assert_eq!(sparkline(&[5.0], 3, &theme), "");
    }
}
