//! Depth and tape of the instrument in view: both sides of the book with their sizes as bars, one's own orders in them, and the trades as
//! they happen. A level's price goes into the ticket with a key or a click.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::sheet::cell;
use super::{ListFilter, Pane, PaneKind, Sheet, draw_empty, titled_with_age};
use crate::client::{Reply, Request, SessionError};
use crate::domain::depth::{Aggressor, DepthLevel, MarketBook, Print};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::Side;
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::sources;
use crate::tui::widgets::filter::{in_range, number_range};
use crate::tui::widgets::{put, put_right};
use crate::tui::wish::{Purpose, Wish};

/// A book that is not there is asked for again after this long.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Columns of the head of the tape's times, with their zone.
const TAPE_TIME_WIDTH: u16 = 13;
/// Columns of a size.
const SIZE_WIDTH: u16 = 7;
/// Columns of the tape beside the ladder.
const TAPE_WIDTH: u16 = 30;
/// From here on the tape stands beside the ladder, else below it.
const BESIDE_MIN: u16 = 68;
/// Rows from which there is room for a tape below.
const BELOW_MIN: u16 = 13;

/// The depth pane.
#[derive(Debug, Default)]
pub struct Depth {
    /// The instrument asked for last, and when.
    asked: Option<(Instrument, Duration)>,
    /// Why there is none of it.
    failed: Option<(Instrument, String)>,
    /// The cursor stands on the asks.
    on_asks: bool,
    /// Levels from the best.
    level: usize,
    /// How wide a level is, by its place in `STEPS`.
    step: usize,
    /// Which trades are shown. The book is always whole: a level that is left out would be a hole in it.
    filter: ListFilter,
}

/// Ticks of a level, from the book's own on.
const STEPS: [i64; 7] = [1, 2, 5, 10, 25, 50, 100];

/// Levels of a wider step of the price: bids down and asks up to the next multiple, so that nobody seems to offer better than he does. Sizes of
/// one level are summed up; best first, as they come.
fn merged(levels: &[DepthLevel], step: Decimal, asks: bool) -> Vec<DepthLevel> {
    let mut merged: Vec<DepthLevel> = Vec::new();
    for level in levels {
        let steps = level.price.get().checked_div(step).unwrap_or_default();
        let price = Price::new(if asks { steps.ceil() } else { steps.floor() } * step);
        match merged.last_mut() {
            Some(last) if last.price == price => last.size += level.size,
            _ => merged.push(DepthLevel { price, ..*level }),
        }
    }
    merged
}

/// The parts of the pane.
#[derive(Clone, Copy, Debug)]
struct Places {
    ladder: Rect,
    tape: Rect,
}

impl Places {
    fn new(area: Rect) -> Self {
        if area.width >= BESIDE_MIN {
            let ladder = Rect { width: area.width - TAPE_WIDTH - 1, ..area };
            return Self { ladder, tape: Rect { x: ladder.right() + 1, width: TAPE_WIDTH, ..area } };
        }
        let tape = if area.height >= BELOW_MIN { area.height * 2 / 5 } else { 0 };
        let ladder = Rect { height: area.height - tape, ..area };
        Self { ladder, tape: Rect { y: ladder.bottom(), height: tape, ..area } }
    }

    /// Lines of levels between the header and the line of the spread.
    const fn levels(self) -> u16 {
        self.ladder.height.saturating_sub(2)
    }
}

impl Depth {
    fn book<'a>(&self, at: &At<'a>) -> Option<&'a MarketBook> {
        at.snapshot.book(at.env.current.as_ref()?)
    }

    /// How wide a level is in money; none while levels are the book's own.
    fn width(&self, book: &MarketBook, snapshot: &Snapshot) -> Option<Decimal> {
        let ticks = STEPS.get(self.step).filter(|ticks| **ticks > 1)?;
        let price = book.bids.first().or(book.asks.first())?.price;
        let tick =
            snapshot.specs.get(&book.instrument).map_or(Decimal::new(1, 2), |spec| spec.tick_at(price));
        Some(tick * Decimal::from(*ticks)).filter(|width| !width.is_zero())
    }

    /// The levels of one side as they are shown, best first.
    fn levels<'a>(&self, book: &'a MarketBook, asks: bool, snapshot: &Snapshot) -> Cow<'a, [DepthLevel]> {
        let levels = if asks { &book.asks } else { &book.bids };
        match self.width(book, snapshot) {
            Some(width) => Cow::Owned(merged(levels, width, asks)),
            None => Cow::Borrowed(levels),
        }
    }

    /// The price under the cursor.
    fn price(&self, at: &At<'_>) -> Option<Price> {
        let side = self.levels(self.book(at)?, self.on_asks, at.snapshot);
        side.get(self.level.min(side.len().saturating_sub(1))).map(|level| level.price)
    }

    fn trade(&self, side: Side, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if let (Some(price), Some(instrument)) = (self.price(at), at.env.current.clone()) {
            wishes.push(Wish::TicketAt(side, instrument, price));
        }
    }

    /// Does a trade pass the filter: `buy` or `sell` by who took whom, a size such as `>500`, a part of its price.
    fn passes(&self, print: &Print) -> bool {
        let holds = |word: String| match (number_range(&word), word.as_str()) {
            (Some(range), _) => in_range(print.size.get(), range),
            (None, "buy") => print.aggressor == Aggressor::Buyer,
            (None, "sell") => print.aggressor == Aggressor::Seller,
            (None, word) => format::grouped_whole(print.price.get(), 2).contains(word),
        };
        self.filter.words().all(holds)
    }

    fn draw_ladder(&self, book: &MarketBook, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let middle = area.x + area.width / 2;
        let half = area.width / 2;
        put_right(buf, area.x + SIZE_WIDTH, area.y, "size", theme.dim, SIZE_WIDTH);
        put_right(buf, middle - 1, area.y, "bid", theme.dim, half);
        put(buf, middle + 2, area.y, "ask", theme.dim, half);
        put_right(buf, area.right() - 1, area.y, "size", theme.dim, SIZE_WIDTH);
        let rows = Places::new(area).levels().min(area.height.saturating_sub(2));
        let decimals = format::decimals_of(look.snapshot, &book.instrument);
        let (bids, asks) = (self.levels(book, false, look.snapshot), self.levels(book, true, look.snapshot));
        let most = |levels: &[DepthLevel]| levels.iter().take(usize::from(rows)).map(|l| l.size).max();
        let most = most(&bids).max(most(&asks)).unwrap_or_default();
        for line in 0..rows {
            let y = area.y + 1 + line;
            put(buf, middle, y, if theme.glyphs.ascii { "|" } else { "│" }, theme.border, 1);
            for (asks, levels) in [(false, &bids), (true, &asks)] {
                let Some(level) = levels.get(usize::from(line)) else { continue };
                let place = if asks {
                    Rect { x: middle + 1, y, width: area.right().saturating_sub(middle + 1), height: 1 }
                } else {
                    Rect { x: area.x, y, width: half, height: 1 }
                };
                let cursor = look.focused && asks == self.on_asks && usize::from(line) == self.level;
                self.draw_level(level, (asks, cursor), (most, decimals), book, look, place, buf);
            }
        }
        self.draw_spread(book, decimals, look, Rect { y: area.bottom() - 1, height: 1, ..area }, buf);
    }

    #[expect(clippy::too_many_arguments, reason = "a level is drawn from all of these, and in one place")]
    fn draw_level(
        &self,
        level: &DepthLevel,
        (asks, cursor): (bool, bool),
        (most, decimals): (Quantity, u32),
        book: &MarketBook,
        look: &Look<'_>,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let theme = look.theme;
        let style = match (sources::stale_of(&book.instrument, &look.at()), asks) {
            (Some(_), _) => theme.dim,
            (None, true) => theme.down,
            (None, false) => theme.up,
        };
        if cursor {
            buf.set_style(area, theme.selected);
        }
        let price = format::price(level.price, decimals);
        let size = format::compact(level.size.get());
        let own = own_size((level.price, self.width(book, look.snapshot)), asks, &book.instrument, look);
        let mark = own.map(|own| format!("{}{}", theme.glyphs.cursor, format::compact(own.get())));
        let mark = mark.unwrap_or_default();
        // The bar grows from the price outwards, in what the numbers leave.
        let room = area.width.saturating_sub(SIZE_WIDTH + format::width(&price) + format::width(&mark) + 4);
        let share = (level.size.get() / most.get().max(Decimal::ONE)).to_f64().unwrap_or_default();
        let bar = (share * f64::from(room)).round().clamp(0.0, f64::from(room)) as u16;
        let block = theme.glyphs.bars[3].repeat(usize::from(bar));
        if asks {
            let x = put(buf, area.x + 1, area.y, &price, style, area.width);
            let x = put(buf, x + 1, area.y, &mark, theme.accent, area.right().saturating_sub(x + 1));
            put(buf, x + u16::from(!mark.is_empty()), area.y, &block, theme.dim, room);
            put_right(buf, area.right() - 1, area.y, &size, theme.text, SIZE_WIDTH);
        } else {
            put_right(buf, area.right() - 1, area.y, &price, style, area.width);
            let right = area.right().saturating_sub(2 + format::width(&price));
            put_right(buf, right, area.y, &mark, theme.accent, area.width);
            let right = right.saturating_sub(format::width(&mark) + u16::from(!mark.is_empty()));
            put_right(buf, right, area.y, &block, theme.dim, room);
            put_right(buf, area.x + SIZE_WIDTH, area.y, &size, theme.text, SIZE_WIDTH);
        }
    }

    fn draw_spread(&self, book: &MarketBook, decimals: u32, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (Some(bid), Some(ask)) = (book.bids.first(), book.asks.first()) else { return };
        let spread = ask.price.get() - bid.price.get();
        let middle = (ask.price.get() + bid.price.get()) / Decimal::TWO;
        let points = spread.checked_div(middle).unwrap_or_default() * Decimal::from(10_000);
        let sum = |levels: &[DepthLevel]| levels.iter().map(|l| l.size.get()).sum::<Decimal>();
        let (bids, asks) = (sum(&book.bids), sum(&book.asks));
        let part = (bids * Decimal::ONE_HUNDRED).checked_div(bids + asks).unwrap_or_default();
        let text = format!(
            "spread {}  {} bp   bids {}%",
            format::price(Price::new(spread), decimals),
            format::grouped(points, 1),
            format::grouped(part, 0)
        );
        put(buf, area.x + 1, area.y, &text, look.theme.dim, area.width.saturating_sub(1));
    }

    fn draw_tape(&self, book: &MarketBook, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if area.height < 2 {
            return;
        }
        let theme = look.theme;
        let decimals = format::decimals_of(look.snapshot, &book.instrument);
        let time = match book.prints.first() {
            Some(print) => format!("time {}", format::zone_name(print.at, &look.env.zone)),
            None => "time".to_owned(),
        };
        put(buf, area.x + 1, area.y, &time, theme.dim, TAPE_TIME_WIDTH);
        put_right(buf, area.x + 21, area.y, "price", theme.dim, 11);
        put_right(buf, area.x + 21 + SIZE_WIDTH, area.y, "size", theme.dim, SIZE_WIDTH);
        let shown = book.prints.iter().filter(|print| self.passes(print));
        for (line, print) in shown.take(usize::from(area.height - 1)).enumerate() {
            draw_print(print, decimals, look, Rect { y: area.y + 1 + line as u16, height: 1, ..area }, buf);
        }
    }
}

fn draw_print(print: &Print, decimals: u32, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let theme = look.theme;
    // Who took whom is told by a mark too, for screens without colour.
    let (mark, style) = match print.aggressor {
        Aggressor::Buyer => (theme.glyphs.up, theme.up),
        Aggressor::Seller => (theme.glyphs.down, theme.down),
        Aggressor::Unknown => (" ", theme.text),
    };
    put(buf, area.x + 1, area.y, &format::clock_seconds(print.at, &look.env.zone), theme.dim, 8);
    put_right(buf, area.x + 21, area.y, &format::price(print.price, decimals), style, 11);
    put_right(
        buf,
        area.x + 21 + SIZE_WIDTH,
        area.y,
        &format::compact(print.size.get()),
        theme.text,
        SIZE_WIDTH,
    );
    put(buf, area.x + 22 + SIZE_WIDTH, area.y, mark, style, 1);
}

/// Units of one's own that work at a level so wide.
fn own_size(
    (price, width): (Price, Option<Decimal>),
    asks: bool,
    instrument: &Instrument,
    look: &Look<'_>,
) -> Option<Quantity> {
    let width = width.unwrap_or_default();
    // A merged level begins at its price for bids, and ends there for asks.
    let is_there = |own: Price| match asks {
        _ if width.is_zero() => own == price,
        true => own <= price && own.get() > price.get() - width,
        false => own >= price && own.get() < price.get() + width,
    };
    let own = look.snapshot.orders.iter().filter(|order| {
        order.is_working()
            && order.request.subject.instrument() == Some(instrument)
            && order.request.side.is_buy() != asks
            && order.request.pricing.limit_price().is_some_and(is_there)
    });
    let sum: Quantity = own.map(|order| order.leaves_quantity()).sum();
    sum.is_positive().then_some(sum)
}

impl Pane for Depth {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let name = look.env.current.as_ref().map(ToString::to_string).unwrap_or_default();
        let filter = self.filter.label(look.theme.glyphs.caret);
        let filter = if filter.is_empty() { filter } else { format!(" trades{filter}") };
        let at = look.at();
        let stale = at.env.current.as_ref().and_then(|current| sources::stale_of(current, &at));
        let width = self.book(&at).and_then(|book| self.width(book, look.snapshot));
        let width = width.map_or_else(String::new, |width| format!(" by {}", width.normalize()));
        titled_with_age("Depth", &format!("{name}{width}{filter} "), stale, look)
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.filter)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(current) = &look.env.current else {
            return draw_empty(
                &["No instrument.", "Choose one in the quotes with {pane_1}"],
                look,
                area,
                buf,
            );
        };
        let failed = self.failed.as_ref().filter(|(instrument, _)| instrument == current);
        match (self.book(&look.at()), failed) {
            (Some(book), _) if book.bids.is_empty() && book.asks.is_empty() => {
                draw_empty(&["Nobody bids and nobody offers."], look, area, buf);
            }
            (Some(book), _) if area.height >= 4 => {
                let places = Places::new(area);
                self.draw_ladder(book, look, places.ladder, buf);
                self.draw_tape(book, look, places.tape, buf);
            }
            (None, Some((_, reason))) => draw_empty(&[reason], look, area, buf),
            _ => draw_empty(&["Loading depth and tape"], look, area, buf),
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let there = self.book(at).map_or(0, |book| self.levels(book, self.on_asks, at.snapshot).len());
        let most = there.saturating_sub(1);
        match action {
            Action::Filter => self.filter.open(),
            Action::StepUp => self.step = (self.step + 1).min(STEPS.len() - 1),
            Action::StepDown => self.step = self.step.saturating_sub(1),
            Action::Down => self.level = (self.level + 1).min(most),
            Action::Up => self.level = self.level.saturating_sub(1),
            Action::First => self.level = 0,
            Action::Last => self.level = most,
            Action::NextChoice => self.on_asks = true,
            Action::PreviousChoice => self.on_asks = false,
            Action::Buy => self.trade(Side::Buy, at, wishes),
            Action::Sell => self.trade(Side::Sell, at, wishes),
            // To join a side is what its price is taken for mostly.
            Action::Open => self.trade(if self.on_asks { Side::Sell } else { Side::Buy }, at, wishes),
            Action::Copy => {
                if let (Some(price), Some(instrument)) = (self.price(at), &at.env.current) {
                    wishes.push(Wish::Copy(format!("{instrument}\t{price}")));
                }
            }
            _ => return false,
        }
        true
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let places = Places::new(area);
        let Some(level) = line.checked_sub(1).filter(|l| *l < places.levels()) else { return };
        let asks = column > places.ladder.width / 2;
        let Some(book) = self.book(at).filter(|_| column < places.ladder.width) else { return };
        let there = self.levels(book, asks, at.snapshot).len();
        if usize::from(level) >= there {
            return;
        }
        // A second click on the same level takes its price.
        if self.on_asks == asks && self.level == usize::from(level) {
            self.trade(if asks { Side::Sell } else { Side::Buy }, at, wishes);
        }
        (self.on_asks, self.level) = (asks, usize::from(level));
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let book = self.book(at)?;
        let mut sheet = Sheet::new(&["what", "at", "price", "size"]);
        for (what, levels) in [("bid", &book.bids), ("ask", &book.asks)] {
            for level in levels {
                sheet.push(vec![
                    what.to_owned(),
                    book.as_of.to_string(),
                    level.price.to_string(),
                    level.size.to_string(),
                ]);
            }
        }
        for print in book.prints.iter().filter(|print| self.passes(print)) {
            let what = match print.aggressor {
                Aggressor::Buyer => "trade_by_buyer",
                Aggressor::Seller => "trade_by_seller",
                Aggressor::Unknown => "trade",
            };
            sheet.push(vec![
                what.to_owned(),
                cell(Some(print.at)),
                print.price.to_string(),
                print.size.to_string(),
            ]);
        }
        Some(sheet)
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some(current) = &at.env.current else { return };
        if self.failed.as_ref().is_some_and(|(instrument, _)| instrument != current) {
            self.failed = None;
        }
        let shown = usize::from(Places::new(area).levels()).max(1);
        let there = self.book(at).map_or(0, |book| self.levels(book, self.on_asks, at.snapshot).len());
        self.level = self.level.min(there.saturating_sub(1)).min(shown - 1);
        let waits = self
            .asked
            .as_ref()
            .is_some_and(|(instrument, when)| instrument == current && at.env.now < *when + ASK_AGAIN);
        if self.book(at).is_none() && !waits && self.failed.is_none() {
            self.asked = Some((current.clone(), at.env.now));
            let request = Request::Book { instrument: current.clone() };
            wishes.push(Wish::Ask(request, Purpose::Pane(PaneKind::Depth, 0)));
        }
    }

    fn answer(&mut self, _: u64, reply: Result<Reply, SessionError>, _: &At<'_>, _: &mut Vec<Wish>) {
        let Some((instrument, _)) = &self.asked else { return };
        match reply {
            Ok(_) => self.failed = None,
            Err(error) => {
                self.failed = Some((instrument.clone(), clean(&error.to_string()).into_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_levels_never_look_better_than_they_are() {
        let levels = |prices: [(&str, i64); 3]| {
            prices.map(|(price, size)| DepthLevel { price: price.parse().unwrap(), size: size.into() })
        };
        let shown = |levels: &[DepthLevel], asks| -> Vec<String> {
            let merged = merged(levels, Decimal::new(5, 2), asks);
            merged.iter().map(|level| format!("{} {}", level.price, level.size)).collect()
        };
        let bids = levels([("231.79", 300), ("231.75", 200), ("231.74", 100)]);
        assert_eq!(shown(&bids, false), ["231.75 500", "231.7 100"]);
        let asks = levels([("231.81", 300), ("231.85", 200), ("231.86", 100)]);
        assert_eq!(shown(&asks, true), ["231.85 500", "231.9 100"]);
    }
}
