//! The picture of a series: price with lines and marks, study, volume, times; and the headline over it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use super::axis::{AXIS_WIDTH, Axis, draw_times, price_text, time_text};
use super::overlay::overlays;
use super::series::{Series, View};
use super::shape::{Shape, WARM_UP, heikin_ashi, trim};
use super::study::{self, Study};
use super::{Key, Picture, marks, seam};
use crate::domain::execution::Execution;
use crate::domain::quote::{Feed, Interval, Quote};
use crate::tui::env::Look;
use crate::tui::flash::Field;
use crate::tui::format;
use crate::tui::sources;
use crate::tui::widgets::candles::{Candle, Candles, Overlay, column_of, draw_volume};
use crate::tui::widgets::put;

/// The strips of a chart, from the top.
#[derive(Clone, Copy, Debug)]
pub struct Strips {
    /// The price, without its axis.
    pub price: Rect,
    /// One for each single study.
    studies: [Rect; 2],
    volume: Rect,
    times: Rect,
}

impl Strips {
    /// Shares an area out. Where it is low, the studies leave first, then the volume.
    #[must_use]
    pub fn new(area: Rect, study: Study) -> Self {
        let volume = match area.height {
            0..=7 => 0,
            8..=15 => 2,
            16..=27 => 3,
            _ => 5,
        };
        let count = study.parts().len() as u16;
        let one = match (area.height, count) {
            (0..=13, _) => 0,
            (14..=27, 2) => 3,
            (14..=27, _) => 4,
            (_, 2) => 6,
            (..) => 7,
        };
        let study = one * count;
        let width = area.width.saturating_sub(AXIS_WIDTH);
        let price = area.height.saturating_sub(volume + study + 1);
        let strip = |y: u16, height: u16| Rect { x: area.x, y: area.y + y, width, height };
        Self {
            price: strip(0, price),
            studies: [strip(price, one.min(study)), strip(price + one.min(study), one.min(study))],
            volume: strip(price + study, volume),
            times: strip(price + study + volume, area.height.min(1)),
        }
    }
}

/// The candles that fit a strip, in the shape wanted.
#[must_use]
pub fn view(picture: &Picture, series: &Series, room: usize) -> View {
    let warm = if picture.shape == Shape::HeikinAshi { WARM_UP } else { 0 };
    let mut view = series.view(picture.bars_per, room + warm, picture.scroll);
    if picture.shape == Shape::HeikinAshi {
        view.candles = heikin_ashi(&view.candles);
        trim(&mut view, room);
    }
    view
}

/// Draws a series.
pub fn draw(
    key: &Key,
    picture: &Picture,
    series: &Series,
    fills: &[Execution],
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let strips = Strips::new(area, picture.study);
    let step = picture.step;
    let room = usize::from(strips.price.width / step).max(1);
    let view = view(picture, series, room);
    if view.candles.is_empty() || strips.price.height < 2 {
        return;
    }
    let decimals = format::decimals_of(look.snapshot, &key.0);
    // A price that is moved stays in sight.
    let held = picture.grab.and_then(|grab| grab.price.get().to_f64());
    let (low, high) = range(&view.candles, held);
    let axis = Axis { low, high, decimals, plot: strips.price };
    let lines = lines(picture, series, &view, look);
    let bodies = picture.shape != Shape::Line;
    axis.draw(look, buf);
    Candles { theme: look.theme, candles: &view.candles, step, low, high, overlays: &lines, bodies }
        .render(strips.price, buf);
    marks::draw_levels(&key.0, picture.grab, &axis, look, buf);
    let seconds = picture.interval.seconds() * picture.bars_per as i64;
    marks::draw_fills(fills, &view.starts, seconds, step, &axis, look, buf);
    if let Some(last) = series.last_close() {
        let rose = view.candles.last().is_some_and(Candle::rose);
        axis.mark(last, if rose { look.theme.up } else { look.theme.down }, look, buf);
    }
    for (single, strip) in picture.study.parts().iter().zip(strips.studies) {
        study::draw(*single, series.closes(), &view.sources, step, look, strip, buf);
    }
    draw_volume(&view.candles, step, look.theme, strips.volume, buf);
    draw_newest_volume(&view, look, strips.volume, buf);
    let lowest = if strips.volume.height > 0 { strips.volume } else { strips.price };
    seam::draw(series, &view, step, (strips.price, lowest), look, buf);
    draw_times(&view.starts, step, picture.interval, look, strips.times, buf);
    if let Some(i) = picture.crosshair_in(&view)
        && let Some(x) = column_of(i, view.candles.len(), step, strips.price)
    {
        let center = x + if step >= 3 { (step - 1) / 2 } else { 0 };
        draw_crosshair(center, look, strips, buf);
    }
}

fn lines(picture: &Picture, series: &Series, view: &View, look: &Look<'_>) -> Vec<Overlay> {
    let mut lines = overlays(picture.overlays, series, &view.sources, look.theme);
    if picture.shape == Shape::Line {
        let values = view.candles.iter().map(|candle| candle.close).collect();
        lines.insert(0, Overlay { values, style: look.theme.strong });
    }
    lines
}

fn draw_newest_volume(view: &View, look: &Look<'_>, strip: Rect, buf: &mut Buffer) {
    if let Some(newest) = view.candles.last().filter(|_| strip.height > 0) {
        let amount = Decimal::from_f64(newest.volume).unwrap_or_default();
        let text = format!("vol {}", format::compact(amount.round_dp(0)));
        put(buf, strip.right() + 1, strip.bottom() - 1, &text, look.theme.dim, AXIS_WIDTH - 1);
    }
}

/// A line down the empty cells of a column: what is drawn there stays in sight.
fn draw_crosshair(x: u16, look: &Look<'_>, strips: Strips, buf: &mut Buffer) {
    let glyph = if look.theme.glyphs.ascii { ":" } else { "┊" };
    for y in strips.price.top()..strips.volume.bottom() {
        if let Some(cell) = buf.cell_mut((x, y))
            && cell.symbol() == " "
        {
            cell.set_symbol(glyph).set_style(look.theme.accent);
        }
    }
}

fn range(candles: &[Candle], held: Option<f64>) -> (f64, f64) {
    let low = candles.iter().map(|c| c.low).chain(held).fold(f64::INFINITY, f64::min);
    let high = candles.iter().map(|c| c.high).chain(held).fold(f64::NEG_INFINITY, f64::max);
    let pad = ((high - low) * 0.03).max(high.abs() * 1e-6).max(1e-9);
    (low - pad, high + pad)
}

/// A line of words, each whole or not at all.
struct Words<'a> {
    x: u16,
    area: Rect,
    buf: &'a mut Buffer,
}

impl Words<'_> {
    fn put(&mut self, text: &str, style: Style) {
        if self.x + format::width(text) <= self.area.right() {
            self.x = put(self.buf, self.x, self.area.y, text, style, self.area.right() - self.x);
        } else {
            self.x = self.area.right();
        }
    }
}

/// The order whose price is moved, from where to where, and the keys.
pub fn grab_line(picture: &Picture, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(grab) = picture.grab else { return };
    let (theme, snapshot) = (look.theme, look.snapshot);
    let (Some(order), Some(old)) = (grab.order(snapshot), grab.old_price(snapshot)) else { return };
    let decimals = order.request.subject.instrument().map_or(2, |i| format::decimals_of(snapshot, i));
    let mut words = Words { x: area.x + 1, area, buf };
    let side = order.request.side.as_str().replace('_', " ");
    words.put(&format!("move {side} {} #{}  ", order.leaves_quantity(), order.number), theme.strong);
    words.put(if grab.stop { "stop " } else { "limit " }, theme.dim);
    words.put(&format::price(old, decimals), theme.text);
    words.put(&format!(" {} ", theme.glyphs.arrow), theme.dim);
    words.put(&format::price(grab.price, decimals), theme.accent.patch(theme.strong));
    words.put("  Enter replace", theme.dim);
    words.put("  Esc leave it", theme.dim);
    words.put("  Up Down a tick", theme.dim);
}

/// What the candle under the crosshair was.
pub fn crosshair_line(
    key: &Key,
    picture: &Picture,
    series: &Series,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let strips =
        Strips::new(Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, picture.study);
    let view = view(picture, series, usize::from(strips.price.width / picture.step).max(1));
    let Some(i) = picture.crosshair_in(&view) else { return };
    let (theme, candle) = (look.theme, &view.candles[i]);
    let decimals = format::decimals_of(look.snapshot, &key.0);
    let mut words = Words { x: area.x + 1, area, buf };
    words.put(&time_text(view.starts[i], picture.interval, true, look), theme.accent);
    if !matches!(picture.interval, Interval::Day1 | Interval::Week1) {
        words.put(&format!(" {}", format::zone_name(view.starts[i], &look.env.zone)), theme.dim);
    }
    let style = if candle.rose() { theme.up } else { theme.down };
    for (name, price) in [("o", candle.open), ("h", candle.high), ("l", candle.low), ("c", candle.close)] {
        words.put(&format!("  {name} "), theme.dim);
        words.put(&price_text(price, decimals), style);
    }
    let volume = Decimal::from_f64(candle.volume).unwrap_or_default().round_dp(0);
    words.put(&format!("  vol {}", format::compact(volume)), theme.dim);
    for (line, name) in
        overlays(picture.overlays, series, &view.sources, theme).iter().zip(picture.overlays.names())
    {
        let value = line.values[i];
        if value.is_finite() {
            words.put(&format!("  {name} {}", price_text(value, decimals)), line.style);
        }
    }
}

/// Price, change, bid, ask and the day's figures.
pub fn headline(quote: &Quote, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let theme = look.theme;
    let decimals = format::decimals_of(look.snapshot, &quote.instrument);
    let stale = sources::stale(quote, &look.at());
    let mut words = Words { x: area.x + 1, area, buf };
    if let Some(last) = quote.last.or_else(|| quote.mid()) {
        let style = look.flashed(&quote.instrument, Field::Last, theme.strong);
        words.put(&format::price(last, decimals), if stale.is_some() { theme.dim } else { style });
    }
    if let Some(seconds) = stale {
        // Before its change, which is no news any more.
        words.put(&format!("  {}", sources::stale_words(seconds)), theme.warning);
    }
    if let (Some(change), Some(percent)) = (quote.change(), quote.change_percent()) {
        let (arrow, amount) = (theme.arrow_of(change.get()), format::signed(change.get(), decimals.min(6)));
        let style = if stale.is_some() { theme.dim } else { theme.money(change.get()) };
        words.put(&format!(" {arrow} {amount} ({})", format::percent(percent)), style);
    }
    if let Some(text) = kind_of(quote.feed) {
        words.put(&format!("  {text}"), theme.warning);
    }
    if let Some(text) = sources::beside(quote.feed, look.snapshot) {
        words.put(&format!("  {text}"), theme.dim);
    }
    let times = theme.glyphs.times;
    for (name, price, size, field) in
        [("b", quote.bid, quote.bid_size, Field::Bid), ("a", quote.ask, quote.ask_size, Field::Ask)]
    {
        if let Some(price) = price {
            let price = format::price(price, decimals);
            words.put("   ", theme.text);
            words.put(
                &format!("{name} {price}{times}{}", format::compact(size.get())),
                if stale.is_some() { theme.dim } else { look.flashed(&quote.instrument, field, theme.text) },
            );
        }
    }
    for (name, price) in [("hi", quote.high), ("lo", quote.low), ("op", quote.open)] {
        if let Some(price) = price {
            words.put(&format!("   {name} {}", format::price(price, decimals)), theme.dim);
        }
    }
    words.put(&format!("   vol {}", format::compact(quote.volume.get())), theme.dim);
}

/// A word where prices are not simply live.
const fn kind_of(feed: Feed) -> Option<&'static str> {
    match feed {
        Feed::Delayed => Some("delayed"),
        Feed::Frozen => Some("closed"),
        Feed::RealTime | Feed::Simulated | Feed::Replayed => None,
    }
}
