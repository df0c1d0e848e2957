//! The chart of the instrument in view: price with averages, bands and one's own orders, studies, volume.

mod axis;
mod grab;
mod marks;
mod overlay;
mod plot;
mod seam;
mod series;
mod shape;
mod study;

use std::collections::BTreeMap;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rust_decimal::prelude::ToPrimitive;

use self::grab::Grab;
use self::overlay::OverlaySet;
use self::plot::Strips;
use self::series::{Series, View};
use self::shape::Shape;
use self::study::Study;
use super::{Memory, Pane, PaneKind, Sheet, draw_empty, titled};
use crate::client::bars::{ImportedSpan, Seam};
use crate::client::message::HistoryQuery;
use crate::client::{Reply, Request, SessionError};
use crate::domain::execution::Execution;
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::domain::snapshot::Severity;
use crate::domain::text::clean;
use crate::tui::about::marked;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::wish::{Purpose, Wish};

/// Bars asked for: enough for the widest screen and the longest average.
const BARS: u32 = 500;
/// Charts kept, so that going back to a symbol is instant.
const SERIES_MAX: usize = 32;
/// Chart requests at one time: fast scrolling through a list asks for a few, not for all.
const REQUESTS_MAX: usize = 2;
/// A live series is asked for anew this long after a bar ended.
const REFRESH_AFTER: Duration = Duration::from_secs(5);
/// Zoom steps: bars per candle and columns per candle, widest view first.
const ZOOMS: [(usize, u16); 6] = [(4, 1), (2, 1), (1, 1), (1, 2), (1, 3), (1, 5)];
const ZOOM_START: usize = 2;
/// Candles that one key goes back in time.
const SCROLL: usize = 8;
/// Fills drawn, the newest.
const FILLS_MAX: u32 = 200;
/// Ticks that a screen key moves a held price.
const TICKS_AT_ONCE: i64 = 10;

type Key = (Instrument, Interval);

/// What is drawn of a series, and how.
#[derive(Clone, Copy, Debug)]
struct Picture {
    interval: Interval,
    /// Bars that make one candle.
    bars_per: usize,
    /// Columns of one candle.
    step: u16,
    /// Candles back from the newest to the right edge.
    scroll: usize,
    /// Candles back from the newest to the crosshair.
    crosshair: Option<usize>,
    overlays: OverlaySet,
    shape: Shape,
    study: Study,
    /// The price of an own order that is being moved.
    grab: Option<Grab>,
}

impl Picture {
    /// The crosshair's candle in a view.
    fn crosshair_in(&self, view: &View) -> Option<usize> {
        let from_right = self.crosshair?.checked_sub(self.scroll)?;
        view.candles.len().checked_sub(from_right + 1)
    }
}

/// The chart pane.
#[derive(Debug)]
pub struct Chart {
    picture: Picture,
    zoom: usize,
    series: BTreeMap<Key, Series>,
    asked: Vec<Key>,
    last_shown: Option<Key>,
    fills: Fills,
}

/// One's own fills in the instrument shown.
#[derive(Debug, Default)]
struct Fills {
    of: Option<Instrument>,
    /// Units filled of the orders in the snapshot when they were asked for: more of it asks anew.
    filled: Quantity,
    executions: Vec<Execution>,
}

impl Fills {
    /// Asks for the fills of an instrument, when it is another or more was filled.
    fn ask(&mut self, instrument: &Instrument, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let own = at.snapshot.orders.iter().filter(|o| o.request.subject.instrument() == Some(instrument));
        let filled: Quantity = own.map(|order| order.filled_quantity).sum();
        if self.of.as_ref() == Some(instrument) && self.filled == filled {
            return;
        }
        if self.of.as_ref() != Some(instrument) {
            self.executions = Vec::new();
        }
        (self.of, self.filled) = (Some(instrument.clone()), filled);
        let instrument = Some(instrument.clone());
        let query = HistoryQuery { instrument, limit: FILLS_MAX, ..HistoryQuery::default() };
        wishes.push(Wish::Ask(Request::Executions(query), Purpose::Pane(PaneKind::Chart, 0)));
    }
}

impl Default for Chart {
    fn default() -> Self {
        let (bars_per, step) = ZOOMS[ZOOM_START];
        Self {
            picture: Picture {
                interval: Interval::Minute5,
                bars_per,
                step,
                scroll: 0,
                crosshair: None,
                overlays: OverlaySet::default(),
                shape: Shape::default(),
                study: Study::default(),
                grab: None,
            },
            zoom: ZOOM_START,
            series: BTreeMap::new(),
            asked: Vec::new(),
            last_shown: None,
            fills: Fills::default(),
        }
    }
}

impl Chart {
    /// Shows another bar width.
    pub fn set_interval(&mut self, interval: Interval) {
        self.picture.interval = interval;
        self.picture.scroll = 0;
        self.picture.crosshair = self.picture.crosshair.map(|_| 0);
    }

    /// Bars arrived.
    pub fn bars(
        &mut self,
        key: Key,
        bars: &[Bar],
        (imported, seams): (Option<ImportedSpan>, Vec<Seam>),
        now: Duration,
    ) {
        self.asked.retain(|asked| *asked != key);
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&key) {
            let oldest = self.series.iter().min_by_key(|(_, s)| s.touched()).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.series.remove(&oldest);
            }
        }
        let mut series = Series::new(bars, key.1, now);
        (series.imported, series.seams) = (imported, seams);
        self.series.insert(key, series);
    }

    /// The past may have become another: what is in view is asked for anew, and shown as it was until then.
    pub fn ask_anew(&mut self, now: Duration) {
        self.series.values_mut().for_each(|series| series.mark_stale(now));
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
        let Some(quote) = at.snapshot.quotes.get(&key.0) else { return };
        let Some(series) = self.series.get_mut(&key) else { return };
        if series.is_of_another_market(quote.feed) {
            self.series.remove(&key);
            return;
        }
        series.follow(quote, at.env.now);
    }

    fn in_view(&self, at: &At<'_>) -> Option<Key> {
        Some((at.env.current.clone()?, self.picture.interval))
    }

    /// Which bars are imported, from what: a price that somebody brought is told from one that was quoted.
    fn imported(&self, look: &Look<'_>) -> Option<String> {
        let span = self.series.get(&self.in_view(&look.at())?)?.imported.as_ref()?;
        let day = |at: jiff::Timestamp, form| {
            at.to_zoned_datetime(look.env.zone.clone()).strftime(form).to_string()
        };
        let (from, until) = (day(span.from, "%d %b"), day(span.until, "%d %b %Y"));
        Some(format!("imported {} {from} to {until}", clean(&span.name)))
    }

    fn step_interval(&mut self, forward: bool) {
        let count = Interval::ALL.len();
        let at = Interval::ALL.iter().position(|i| *i == self.picture.interval).unwrap_or(0);
        self.set_interval(Interval::ALL[(at + if forward { 1 } else { count - 1 }) % count]);
    }

    fn zoom(&mut self, steps: isize) {
        self.zoom = self.zoom.saturating_add_signed(steps).min(ZOOMS.len() - 1);
        (self.picture.bars_per, self.picture.step) = ZOOMS[self.zoom];
    }

    /// Goes back in time by so many candles, or forward: the crosshair where there is one, else the view.
    fn move_by(&mut self, candles: isize, at: &At<'_>) {
        let most = self.in_view(at).and_then(|key| self.series.get(&key)).map_or(0, Series::len);
        match &mut self.picture.crosshair {
            Some(back) => *back = back.saturating_add_signed(candles.signum()),
            None => {
                let scroll = self.picture.scroll.saturating_add_signed(candles);
                self.picture.scroll = scroll.min(most.saturating_sub(SCROLL));
            }
        }
    }

    /// What a key means to the price that is held; false when it means nothing to it.
    fn move_order(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        if action == Action::Grab {
            let Some((instrument, _)) = self.in_view(at) else { return false };
            self.picture.grab = Grab::next(self.picture.grab, &instrument, at.snapshot);
            if self.picture.grab.is_none() {
                let text = format!("No working order in {instrument} has a price to move.");
                wishes.push(Wish::Say(Severity::Info, text));
            }
            return true;
        }
        let Some(grab) = &mut self.picture.grab else { return false };
        match action {
            Action::Up | Action::StepUp | Action::ZoomIn => grab.step(1, at.snapshot),
            Action::Down | Action::StepDown | Action::ZoomOut => grab.step(-1, at.snapshot),
            Action::PageUp => grab.step(TICKS_AT_ONCE, at.snapshot),
            Action::PageDown => grab.step(-TICKS_AT_ONCE, at.snapshot),
            Action::Open => {
                wishes.extend(grab.review(at));
                self.picture.grab = None;
            }
            Action::Back => self.picture.grab = None,
            _ => return false,
        }
        true
    }

    /// Keeps the crosshair on a candle, and that candle in view.
    fn settle_crosshair(&mut self, area: Rect, candles: usize) {
        let Some(back) = self.picture.crosshair else { return };
        let room =
            usize::from(Strips::new(below(area), self.picture.study).price.width / self.picture.step).max(1);
        let back = back.min(candles.saturating_sub(1));
        let scroll = self.picture.scroll;
        self.picture.crosshair = Some(back);
        self.picture.scroll = scroll.clamp((back + 1).saturating_sub(room), back);
    }
}

/// The chart under its headline.
fn below(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

impl Pane for Chart {
    fn due(&self, at: &At<'_>) -> Option<Duration> {
        let key = self.in_view(at)?;
        self.series.get(&key)?.stale_since().map(|since| since + REFRESH_AFTER)
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let key = self.in_view(at)?;
        let series = self.series.get(&key)?;
        let head = ["symbol", "interval", "start", "open", "high", "low", "close", "volume"];
        let mut sheet = Sheet::new(&head);
        for (start, candle) in series.bars() {
            let mut cells = vec![key.0.key(), key.1.as_str().to_owned(), start.to_string()];
            let numbers = [candle.open, candle.high, candle.low, candle.close, candle.volume];
            cells.extend(numbers.map(|number| number.to_string()));
            sheet.push(cells);
        }
        Some(sheet)
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let picture = &self.picture;
        Memory::from([
            ("interval".to_owned(), picture.interval.as_str().to_owned()),
            ("zoom".to_owned(), self.zoom.to_string()),
            ("scroll".to_owned(), picture.scroll.to_string()),
            ("shape".to_owned(), picture.shape.label().to_owned()),
            ("study".to_owned(), picture.study.label().to_owned()),
            ("overlays".to_owned(), picture.overlays.label().to_owned()),
        ])
    }

    fn recall(&mut self, memory: &Memory, _at: &At<'_>) {
        /// No set of choices is larger than this.
        const CHOICES_MAX: usize = 16;
        let word = |name: &str| memory.get(name).map_or("", String::as_str);
        if let Ok(interval) = word("interval").parse() {
            self.set_interval(interval);
        }
        if let Ok(zoom) = word("zoom").parse::<usize>() {
            self.zoom = zoom;
            self.zoom(0);
        }
        self.picture.scroll = word("scroll").parse().unwrap_or(0);
        for _ in 0..CHOICES_MAX {
            let picture = &mut self.picture;
            if picture.shape.label() != word("shape") {
                picture.shape = picture.shape.next();
            }
            if picture.study.label() != word("study") {
                picture.study = picture.study.next();
            }
            if picture.overlays.label() != word("overlays") {
                picture.overlays = picture.overlays.next();
            }
        }
    }

    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let Some(instrument) = &look.env.current else { return titled("Chart", "", look) };
        let listing = look.env.symbols.as_ref().and_then(|s| s.listing(&instrument.to_string()));
        let name = listing.as_ref().map(|listing| clean(&listing.name).into_owned()).unwrap_or_default();
        // What a coin or a currency pair is, its symbol says.
        let listed = listing.filter(|_| matches!(instrument, Instrument::Equity { .. }));
        let exchange = listed.map(|listing| clean(&listing.exchange).into_owned()).unwrap_or_default();
        let words = format::spaced(&[
            &format::fit(&name, 24, look.theme.glyphs.ellipsis),
            &format::fit(&exchange, 12, look.theme.glyphs.ellipsis),
            self.picture.interval.as_str(),
            &self.imported(look).unwrap_or_default(),
            self.picture.shape.label(),
            self.picture.overlays.label(),
            self.picture.study.label(),
        ]);
        titled(&marked(instrument, look.snapshot), &format!(" {words} "), look)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(key) = self.in_view(&look.at()) else {
            return draw_empty(&["No instrument.", "Type {command} chart aapl 5m"], look, area, buf);
        };
        let below = below(area);
        let series = self.series.get(&key);
        match (series, look.snapshot.quotes.get(&key.0)) {
            _ if self.picture.grab.is_some() => plot::grab_line(&self.picture, look, area, buf),
            (Some(series), _) if self.picture.crosshair.is_some() => {
                plot::crosshair_line(&key, &self.picture, series, look, area, buf);
            }
            (_, Some(quote)) => plot::headline(quote, look, area, buf),
            _ => {}
        }
        match series {
            Some(series) if series.is_empty() => {
                draw_empty(
                    &["No bars of this instrument at this width.", "Press {interval} for another width"],
                    look,
                    below,
                    buf,
                );
            }
            Some(series) => {
                plot::draw(&key, &self.picture, series, &self.fills.executions, look, below, buf);
            }
            None => draw_empty(&["Loading bars"], look, below, buf),
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        if self.move_order(action, at, wishes) {
            return true;
        }
        let picture = &mut self.picture;
        match action {
            Action::ZoomIn => self.zoom(1),
            Action::ZoomOut => self.zoom(-1),
            Action::Earlier => self.move_by(SCROLL as isize, at),
            Action::Later => self.move_by(-(SCROLL as isize), at),
            // The wheel moves in time as it moves in lists.
            Action::Up => self.move_by(2, at),
            Action::Down => self.move_by(-2, at),
            Action::Newest => {
                picture.scroll = 0;
                picture.crosshair = picture.crosshair.map(|_| 0);
            }
            Action::Interval => self.step_interval(true),
            Action::IntervalBack => self.step_interval(false),
            Action::Overlays => picture.overlays = picture.overlays.next(),
            Action::Shape => picture.shape = picture.shape.next(),
            Action::Study => picture.study = picture.study.next(),
            Action::Crosshair => {
                picture.crosshair = if picture.crosshair.is_some() { None } else { Some(picture.scroll) };
            }
            Action::Back if picture.crosshair.is_some() => picture.crosshair = None,
            _ => return false,
        }
        true
    }

    fn click(&mut self, column: u16, _line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let strips = Strips::new(below(area), self.picture.study);
        let from_right = strips.price.width.saturating_sub(column + 1) / self.picture.step;
        if column < strips.price.width && self.in_view(at).is_some_and(|key| self.series.contains_key(&key)) {
            self.picture.crosshair = Some(self.picture.scroll + usize::from(from_right));
        }
    }

    fn answer(&mut self, _: u64, reply: Result<Reply, SessionError>, _: &At<'_>, _: &mut Vec<Wish>) {
        // Fills that cannot be read are left out; the history says why when it is asked.
        if let Ok(Reply::Executions(executions)) = reply {
            let of = self.fills.of.clone();
            self.fills.executions = executions;
            self.fills.executions.retain(|fill| Some(&fill.instrument) == of.as_ref());
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some(key) = self.in_view(at) else { return };
        if self.last_shown.as_ref() != Some(&key) {
            self.picture.scroll = 0;
            self.picture.crosshair = None;
            self.picture.grab = None;
            self.last_shown = Some(key.clone());
        }
        // What ended or went to a replace is no longer there to be moved.
        self.picture.grab = self.picture.grab.filter(|grab| grab.order(at.snapshot).is_some());
        self.fills.ask(&key.0, at, wishes);
        let candles = self.series.get(&key).map_or(0, |series| series.len().div_ceil(self.picture.bars_per));
        self.settle_crosshair(area, candles);
        let wanted = match self.series.get_mut(&key) {
            None => true,
            Some(series) => {
                series.touch(at.env.now);
                series.stale_since().is_some_and(|since| at.env.now >= since + REFRESH_AFTER)
            }
        };
        if wanted && self.asked.len() < REQUESTS_MAX && !self.asked.contains(&key) {
            let (instrument, interval) = key.clone();
            let request = Request::History { instrument: instrument.clone(), interval, limit: BARS };
            wishes.push(Wish::Ask(request, Purpose::Chart(instrument, interval)));
            self.asked.push(key);
        }
    }
}

/// The newest price of a quote as a chart places it.
fn chart_price(quote: &Quote) -> Option<f64> {
    quote.last.or_else(|| quote.mid())?.get().to_f64()
}
