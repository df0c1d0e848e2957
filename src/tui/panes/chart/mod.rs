//! Candles of the instrument in view, with averages, bands and volume.

mod overlay;
mod series;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use self::overlay::{OverlaySet, overlays};
use self::series::Series;
use super::{Pane, draw_empty, titled};
use crate::client::Request;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::flash::Field;
use crate::tui::format;
use crate::tui::widgets::candles::{Candle, Candles, draw_volume, round_prices};
use crate::tui::widgets::{put, put_right};
use crate::tui::wish::{Purpose, Wish};

/// Bars asked for: enough for the widest screen and the longest average.
const BARS: u32 = 500;
/// Charts kept, so that going back to a symbol is instant.
const SERIES_MAX: usize = 32;
/// Chart requests at one time: fast scrolling through a list asks for a few, not for all.
const REQUESTS_MAX: usize = 2;
/// A live series is asked for anew this long after a bar ended.
const REFRESH_AFTER: Duration = Duration::from_secs(5);
/// Columns of the price axis.
const AXIS_WIDTH: u16 = 11;
/// Zoom steps: bars per candle and columns per candle, widest view first.
const ZOOMS: [(usize, u16); 6] = [(4, 1), (2, 1), (1, 1), (1, 2), (1, 3), (1, 5)];
const ZOOM_START: usize = 2;

type Key = (Instrument, Interval);

/// The chart pane.
#[derive(Debug)]
pub struct Chart {
    interval: Interval,
    zoom: usize,
    /// Candles back from the newest.
    scroll: usize,
    overlays: OverlaySet,
    series: BTreeMap<Key, Series>,
    asked: Vec<Key>,
    last_shown: Option<Key>,
}

impl Default for Chart {
    fn default() -> Self {
        Self {
            interval: Interval::Minute5,
            zoom: ZOOM_START,
            scroll: 0,
            overlays: OverlaySet::default(),
            series: BTreeMap::new(),
            asked: Vec::new(),
            last_shown: None,
        }
    }
}

impl Chart {
    /// Shows another bar width.
    pub fn set_interval(&mut self, interval: Interval) {
        self.interval = interval;
        self.scroll = 0;
    }

    /// Bars arrived.
    pub fn bars(&mut self, instrument: Instrument, interval: Interval, bars: &[Bar], now: Duration) {
        let key = (instrument, interval);
        self.asked.retain(|asked| *asked != key);
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&key) {
            let oldest = self.series.iter().min_by_key(|(_, s)| s.touched()).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.series.remove(&oldest);
            }
        }
        self.series.insert(key, Series::new(bars, interval, now));
    }

    /// They did not; an empty chart says so.
    pub fn failed(&mut self, instrument: Instrument, interval: Interval, now: Duration) {
        let key = (instrument, interval);
        self.asked.retain(|asked| *asked != key);
        self.series.entry(key).or_insert_with(|| Series::new(&[], interval, now));
    }

    /// Brings the newest price into the series in view.
    pub fn follow(&mut self, at: &At<'_>) {
        let Some(key) = self.in_view(at) else { return };
        if let Some(series) = self.series.get_mut(&key)
            && let Some(quote) = at.snapshot.quotes.get(&key.0)
        {
            series.follow(quote, at.env.now);
        }
    }

    /// When the series in view wants to be asked for again.
    #[must_use]
    pub fn refresh_at(&self, at: &At<'_>) -> Option<Duration> {
        let key = self.in_view(at)?;
        self.series.get(&key)?.stale_since().map(|since| since + REFRESH_AFTER)
    }

    fn in_view(&self, at: &At<'_>) -> Option<Key> {
        Some((at.env.current.clone()?, self.interval))
    }

    fn step_interval(&mut self, forward: bool) {
        let count = Interval::ALL.len();
        let at = Interval::ALL.iter().position(|i| *i == self.interval).unwrap_or(0);
        self.set_interval(Interval::ALL[(at + if forward { 1 } else { count - 1 }) % count]);
    }

    fn headline(&self, quote: &Quote, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let decimals = format::decimals_of(look.snapshot, &quote.instrument);
        let mut x = area.x + 1;
        let mut word = |text: &str, style: Style| {
            if x + format::width(text) <= area.right() {
                x = put(buf, x, area.y, text, style, area.right() - x);
            } else {
                x = area.right();
            }
        };
        if let Some(last) = quote.last.or_else(|| quote.mid()) {
            let style = look.flashed(&quote.instrument, Field::Last, theme.strong);
            word(&format::price(last, decimals), style);
        }
        if let (Some(change), Some(percent)) = (quote.change(), quote.change_percent()) {
            let style = theme.money(change.get());
            let arrow = theme.arrow_of(change.get());
            word(
                &format!(
                    " {arrow} {} ({})",
                    format::signed(change.get(), decimals.min(6)),
                    format::percent(percent)
                ),
                style,
            );
        }
        if let Some(text) = freshness(quote, look) {
            word(&format!("  {text}"), theme.warning);
        }
        let times = theme.glyphs.times;
        for (name, price, size, field) in
            [("b", quote.bid, quote.bid_size, Field::Bid), ("a", quote.ask, quote.ask_size, Field::Ask)]
        {
            if let Some(price) = price {
                let text = format!(
                    "{name} {}{times}{}",
                    format::price(price, decimals),
                    format::compact(size.get())
                );
                word("   ", theme.text);
                word(&text, look.flashed(&quote.instrument, field, theme.text));
            }
        }
        for (name, price) in [("hi", quote.high), ("lo", quote.low), ("op", quote.open)] {
            if let Some(price) = price {
                word(&format!("   {name} {}", format::price(price, decimals)), theme.dim);
            }
        }
        word(&format!("   vol {}", format::compact(quote.volume.get())), theme.dim);
    }

    fn plot(&self, key: &Key, series: &Series, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let volume_height = match area.height {
            0..=7 => 0,
            8..=15 => 2,
            16..=27 => 3,
            _ => 5,
        };
        let plot = Rect {
            width: area.width.saturating_sub(AXIS_WIDTH),
            height: area.height.saturating_sub(volume_height + 1),
            ..area
        };
        let (bars_per, step) = ZOOMS[self.zoom];
        let room = usize::from(plot.width / step).max(1);
        let view = series.view(bars_per, room, self.scroll);
        if view.candles.is_empty() || plot.height < 2 {
            return;
        }
        let decimals = format::decimals_of(look.snapshot, &key.0);
        let (low, high) = range(&view.candles);
        let lines = overlays(self.overlays, series.closes(), &view.sources, look.theme);
        Candles { theme: look.theme, candles: &view.candles, step, low, high, overlays: &lines }
            .render(plot, buf);
        let axis = Axis { low, high, decimals, plot };
        axis.draw(look, buf);
        if let Some(last) = series.last_close() {
            axis.mark(last, view.candles.last().is_some_and(Candle::rose), look, buf);
        }
        let volume = Rect { y: plot.bottom(), height: volume_height, ..plot };
        draw_volume(&view.candles, step, look.theme, volume, buf);
        if volume_height > 0
            && let Some(newest) = view.candles.last()
        {
            let amount = rust_decimal::Decimal::from_f64(newest.volume).unwrap_or_default();
            put(
                buf,
                plot.right() + 1,
                volume.bottom() - 1,
                &format!("vol {}", format::compact(amount.round_dp(0))),
                look.theme.dim,
                AXIS_WIDTH - 1,
            );
        }
        time_axis(
            &view.starts,
            step,
            self.interval,
            look,
            Rect { y: volume.bottom(), height: 1, ..plot },
            buf,
        );
    }
}

/// A label when the prices are not simply live: their age, or how they were made.
fn freshness(quote: &Quote, look: &Look<'_>) -> Option<String> {
    let age = look.env.clock(look.snapshot).duration_since(quote.as_of).as_secs();
    match quote.feed {
        Feed::Delayed => Some("delayed".into()),
        Feed::Frozen => Some("closed".into()),
        Feed::RealTime | Feed::Simulated | Feed::Replayed => {
            (age > 60).then(|| format!("{} old", format::age(age)))
        }
    }
}

fn range(candles: &[Candle]) -> (f64, f64) {
    let low = candles.iter().map(|c| c.low).fold(f64::INFINITY, f64::min);
    let high = candles.iter().map(|c| c.high).fold(f64::NEG_INFINITY, f64::max);
    let pad = ((high - low) * 0.03).max(high.abs() * 1e-6).max(1e-9);
    (low - pad, high + pad)
}

struct Axis {
    low: f64,
    high: f64,
    decimals: u32,
    plot: Rect,
}

impl Axis {
    fn row(&self, price: f64) -> Option<u16> {
        let share = (self.high - price) / (self.high - self.low);
        (0.0..1.0).contains(&share).then(|| self.plot.y + (share * f64::from(self.plot.height)) as u16)
    }

    fn label(&self, price: f64) -> String {
        let price = rust_decimal::Decimal::from_f64(price).unwrap_or_default();
        format::price(Price::new(price), self.decimals)
    }

    fn draw(&self, look: &Look<'_>, buf: &mut Buffer) {
        for price in round_prices(self.low, self.high, self.plot.height / 2) {
            if let Some(y) = self.row(price) {
                put_right(
                    buf,
                    self.plot.right() + AXIS_WIDTH - 1,
                    y,
                    &self.label(price),
                    look.theme.dim,
                    AXIS_WIDTH - 1,
                );
            }
        }
    }

    /// The last price, over whatever label stands there.
    fn mark(&self, price: f64, rose: bool, look: &Look<'_>, buf: &mut Buffer) {
        if let Some(y) = self.row(price) {
            let style = if rose { look.theme.up } else { look.theme.down };
            let right = self.plot.right() + AXIS_WIDTH;
            let blank = " ".repeat(usize::from(AXIS_WIDTH));
            put(buf, self.plot.right(), y, &blank, Style::new(), AXIS_WIDTH);
            put_right(buf, right - 1, y, &self.label(price), style.patch(look.theme.strong), AXIS_WIDTH - 1);
            put(buf, right - 1, y, look.theme.glyphs.price_mark, style, 1);
        }
    }
}

fn time_axis(
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
    let mut day = None;
    for (i, start) in starts.iter().enumerate().step_by(every) {
        let from_right = (starts.len() - i) as u16 * step;
        let Some(x) = area.right().checked_sub(from_right).filter(|x| *x >= area.x) else { continue };
        let zoned = start.to_zoned_datetime(look.env.zone.clone());
        let new_day = day.replace(zoned.date()) != Some(zoned.date());
        let text = match interval {
            Interval::Day1 | Interval::Week1 => zoned.strftime("%d %b %y").to_string(),
            _ if new_day => zoned.strftime("%d %b %H:%M").to_string(),
            _ => zoned.strftime("%H:%M").to_string(),
        };
        if x + format::width(&text) <= area.right() {
            put(buf, x, area.y, &text, look.theme.dim, SPACING);
        }
    }
}

impl Pane for Chart {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let Some(instrument) = &look.env.current else { return titled("Chart", "", look) };
        let listing = look.env.symbols.as_ref().and_then(|s| s.listing(&instrument.to_string()));
        let name = listing.map(|listing| clean(&listing.name).into_owned()).unwrap_or_default();
        let words = format::spaced(&[
            &format::fit(&name, 24, look.theme.glyphs.ellipsis),
            self.interval.as_str(),
            self.overlays.label(),
        ]);
        titled(&instrument.to_string(), &format!(" {words} "), look)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(key) = self.in_view(&look.at()) else {
            return draw_empty(&["No instrument.", "Type : chart aapl 5m"], look, area, buf);
        };
        if let Some(quote) = look.snapshot.quotes.get(&key.0) {
            self.headline(quote, look, area, buf);
        }
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        match self.series.get(&key) {
            Some(series) if series.is_empty() => {
                draw_empty(
                    &["No bars of this instrument at this width.", "Press i for another width"],
                    look,
                    below,
                    buf,
                );
            }
            Some(series) => self.plot(&key, series, look, below, buf),
            None => draw_empty(&["Loading bars"], look, below, buf),
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        let candles = self.in_view(at).and_then(|key| self.series.get(&key)).map_or(0, Series::len);
        match action {
            Action::ZoomIn => self.zoom = (self.zoom + 1).min(ZOOMS.len() - 1),
            Action::ZoomOut => self.zoom = self.zoom.saturating_sub(1),
            Action::Earlier => self.scroll = (self.scroll + 8).min(candles.saturating_sub(8)),
            Action::Later => self.scroll = self.scroll.saturating_sub(8),
            // The wheel moves in time as it moves in lists.
            Action::Up => self.scroll = (self.scroll + 2).min(candles.saturating_sub(8)),
            Action::Down => self.scroll = self.scroll.saturating_sub(2),
            Action::Newest => self.scroll = 0,
            Action::Interval => self.step_interval(true),
            Action::IntervalBack => self.step_interval(false),
            Action::Overlays => self.overlays = self.overlays.next(),
            _ => return false,
        }
        true
    }

    fn settle(&mut self, _area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some(key) = self.in_view(at) else { return };
        if self.last_shown.as_ref() != Some(&key) {
            self.scroll = 0;
            self.last_shown = Some(key.clone());
        }
        let wanted = match self.series.get_mut(&key) {
            None => true,
            Some(series) => {
                series.touch(at.env.now);
                series.stale_since().is_some_and(|since| at.env.now >= since + REFRESH_AFTER)
            }
        };
        if wanted && self.asked.len() < REQUESTS_MAX && !self.asked.contains(&key) {
            let (instrument, interval) = key.clone();
            let request = Request::Bars { instrument: instrument.clone(), interval, limit: BARS };
            wishes.push(Wish::Ask(request, Purpose::Chart(instrument, interval)));
            self.asked.push(key);
        }
    }
}

/// The newest price of a quote as a chart places it.
fn chart_price(quote: &Quote) -> Option<f64> {
    quote.last.or_else(|| quote.mid())?.get().to_f64()
}
