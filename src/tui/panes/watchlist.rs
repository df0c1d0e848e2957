//! Quotes of a watchlist.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use smol_str::SmolStr;

use super::sheet::cell;
use super::{ListFilter, Memory, Pane, Sheet, draw_empty, titled};
use crate::client::Request;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::flash::Field;
use crate::tui::format;
use crate::tui::widgets::candles::sparkline;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::table::{Cell, Column, Row, Table, fitting};
use crate::tui::wish::{Purpose, Wish};

/// The columns, with room for the longest symbol of the list (options have long ones) and for prices of the most decimals, aligned on
/// the point.
const fn columns(symbol: u16, price: u16) -> [Column; 10] {
    [
        Column::text("sym", symbol, 0),
        Column::number("last", price, 0),
        Column::number("chg%", 7, 1),
        Column::number("bid", price, 2),
        Column::number("ask", price, 2),
        Column::number("low", price, 6),
        Column::number("high", price, 6),
        Column::number("vol", 6, 3),
        Column::text("day", DAY_WIDTH, 4),
        Column::text("name", NAME_WIDTH, 5),
    ]
}
const SYMBOL_WIDTH: std::ops::RangeInclusive<u16> = 8..=18;
/// Columns of `999,999.`; the fraction comes on top.
const WHOLE_WIDTH: u16 = 8;
/// A fraction longer than this gives up its alignment.
const FRACTION_MAX: u32 = 5;
const NAME_WIDTH: u16 = 24;
const DAY_WIDTH: u16 = 10;
const DAY_COLUMN: usize = 8;
const NAME_COLUMN: usize = 9;
/// Bars behind the line of the day: a session in quarters of an hour.
const DAY_BARS: u32 = 26;
/// Requests for such lines at one time.
const DAY_REQUESTS_MAX: usize = 4;
/// Prices this old, in seconds, are dimmed while their market trades.
const STALE_SECONDS: i64 = 60;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SortBy {
    #[default]
    List,
    Symbol,
    Change,
    Volume,
}

impl SortBy {
    const fn next(self) -> Self {
        match self {
            Self::List => Self::Symbol,
            Self::Symbol => Self::Change,
            Self::Change => Self::Volume,
            Self::Volume => Self::List,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::List => "",
            Self::Symbol => " by symbol",
            Self::Change => " by change",
            Self::Volume => " by volume",
        }
    }
}

#[derive(Debug)]
enum DayLine {
    Asked,
    Values(Vec<f64>),
}

/// The watchlist pane.
#[derive(Debug, Default)]
pub struct Watchlist {
    list_name: Option<SmolStr>,
    list: ListState,
    selected: Option<Instrument>,
    sort: SortBy,
    /// The other way round: smallest first, Z to A, last first.
    reversed: bool,
    filter: ListFilter,
    days: BTreeMap<Instrument, DayLine>,
}

impl Watchlist {
    /// The list shown: the one chosen, else the first.
    #[must_use]
    pub fn name<'a>(&self, snapshot: &'a Snapshot) -> &'a str {
        let chosen = snapshot.watchlists.iter().find(|list| Some(&list.name) == self.list_name.as_ref());
        chosen.or(snapshot.watchlists.first()).map_or("", |list| list.name.as_str())
    }

    /// The instruments of the list shown.
    #[must_use]
    pub fn instruments<'a>(&self, snapshot: &'a Snapshot) -> &'a [Instrument] {
        let name = self.name(snapshot);
        snapshot
            .watchlists
            .iter()
            .find(|list| list.name == name)
            .map_or(&[], |list| list.instruments.as_slice())
    }

    /// Selects an instrument, if the list has it.
    pub fn select(&mut self, instrument: &Instrument) {
        self.selected = Some(instrument.clone());
    }

    /// Bars for the line of the day arrived.
    pub fn day_bars(&mut self, instrument: Instrument, bars: &[Bar]) {
        let values = bars.iter().filter_map(|bar| bar.close.get().to_f64()).collect();
        self.days.insert(instrument, DayLine::Values(values));
    }

    /// They did not.
    pub fn day_failed(&mut self, instrument: &Instrument) {
        self.days.insert(instrument.clone(), DayLine::Values(Vec::new()));
    }

    fn rows<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Instrument> {
        let mut rows: Vec<&Instrument> = self
            .instruments(snapshot)
            .iter()
            .filter(|instrument| self.filter.passes(&instrument.to_string()))
            .collect();
        let change = |i: &Instrument| snapshot.quotes.get(i).and_then(Quote::change_percent);
        let volume = |i: &Instrument| snapshot.quotes.get(i).map_or(Decimal::ZERO, |q| q.volume.get());
        match self.sort {
            SortBy::List => {}
            SortBy::Symbol => rows.sort(),
            // Falling.
            SortBy::Change => {
                rows.sort_by(|a, b| change(b).partial_cmp(&change(a)).unwrap_or(Ordering::Equal))
            }
            SortBy::Volume => rows.sort_by_key(|i| std::cmp::Reverse(volume(i))),
        }
        if self.reversed {
            rows.reverse();
        }
        if matches!(self.sort, SortBy::Change | SortBy::Volume) {
            // What has no value is last either way.
            rows.sort_by_key(|instrument| change(instrument).is_none());
        }
        rows
    }

    fn columns(&self, snapshot: &Snapshot) -> [Column; 10] {
        let symbols = self.instruments(snapshot).iter().map(|i| format::width(&i.to_string()));
        let symbol = symbols.max().unwrap_or(0).clamp(*SYMBOL_WIDTH.start(), *SYMBOL_WIDTH.end());
        columns(symbol, WHOLE_WIDTH + self.fraction(snapshot) as u16)
    }

    /// Decimals of the list's prices at most. Of the whole list, filtered or not, so that its columns stand still.
    fn fraction(&self, snapshot: &Snapshot) -> u32 {
        let decimals = self.instruments(snapshot).iter().map(|i| format::decimals_of(snapshot, i));
        decimals.max().unwrap_or(2).min(FRACTION_MAX)
    }

    fn ask_days(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if !fitting(&self.columns(at.snapshot), area.width).contains(&DAY_COLUMN) {
            return;
        }
        let mut open = self.days.values().filter(|day| matches!(day, DayLine::Asked)).count();
        let rows = self.rows(at.snapshot);
        for i in self.list.visible(rows.len(), area.height.saturating_sub(1)) {
            if open >= DAY_REQUESTS_MAX {
                return;
            }
            if !self.days.contains_key(rows[i]) {
                let instrument = rows[i].clone();
                let request = Request::Bars {
                    instrument: instrument.clone(),
                    interval: Interval::Minute15,
                    limit: DAY_BARS,
                };
                wishes.push(Wish::Ask(request, Purpose::Day(instrument.clone())));
                self.days.insert(instrument, DayLine::Asked);
                open += 1;
            }
        }
    }

    /// A row; its company's name is looked up only where there is room for it.
    fn row(&self, instrument: &Instrument, decimals: u32, with_name: bool, look: &Look<'_>) -> Row {
        let theme = look.theme;
        let selected = self.selected.as_ref() == Some(instrument);
        let name: Cell = (instrument.to_string(), theme.strong);
        let symbols = look.env.symbols.as_ref().filter(|_| with_name);
        let listed = symbols.and_then(|s| s.listing(&instrument.to_string()));
        let listed = listed.map(|listing| clean(&listing.name).into_owned()).unwrap_or_default();
        let Some(quote) = look.snapshot.quotes.get(instrument) else {
            let none = |text: &str| (text.to_owned(), theme.dim);
            let mut cells = vec![name];
            cells.extend(std::iter::repeat_n(none("-"), 7));
            cells.extend([none(""), (listed, theme.dim)]);
            return Row { cells, selected };
        };
        let own = format::decimals_of(look.snapshot, instrument);
        let stale = stale_for(quote, look);
        let base = if stale.is_some() { theme.dim } else { theme.text };
        let text = |price: Price| format::point_aligned(format::price(price, own), decimals);
        let price = |price: Option<Price>, field, style: Style| match price {
            Some(price) => (text(price), look.flashed(instrument, field, style)),
            None => ("-".to_owned(), theme.dim),
        };
        let far = |price: Option<Price>| (price.map_or_else(|| "-".to_owned(), text), theme.dim);
        let change = match (stale, quote.change_percent()) {
            // The change of an old price is no news; its age is.
            (Some(seconds), _) => (format!("{} old", format::age(seconds)), theme.warning),
            (None, Some(change)) => (format::signed(change, 2), theme.money(change.round_dp(2))),
            (None, None) => ("-".to_owned(), theme.dim),
        };
        let day = match self.days.get(instrument) {
            Some(DayLine::Values(values)) => {
                let mut values = values.clone();
                values.extend(quote.last.and_then(|p| p.get().to_f64()));
                sparkline(&values, usize::from(DAY_WIDTH), theme)
            }
            _ => String::new(),
        };
        let cells = vec![
            name,
            price(quote.last.or_else(|| quote.mid()), Field::Last, base),
            change,
            price(quote.bid, Field::Bid, base),
            price(quote.ask, Field::Ask, base),
            far(quote.low),
            far(quote.high),
            (format::compact(quote.volume.get()), theme.dim),
            (day, theme.dim),
            (listed, theme.dim),
        ];
        Row { cells, selected }
    }

    fn edit(&self, at: &At<'_>, wishes: &mut Vec<Wish>, change: impl FnOnce(&mut Vec<Instrument>)) {
        let name = SmolStr::new(self.name(at.snapshot));
        let mut instruments = self.instruments(at.snapshot).to_vec();
        change(&mut instruments);
        wishes.push(Wish::Ask(Request::SetWatchlist { name, instruments }, Purpose::Quiet));
    }

    fn next_list(&mut self, snapshot: &Snapshot) {
        let name = self.name(snapshot);
        let at = snapshot.watchlists.iter().position(|list| list.name == name).map_or(0, |i| i + 1);
        self.list_name =
            snapshot.watchlists.get(at).or(snapshot.watchlists.first()).map(|list| list.name.clone());
        self.selected = None;
        self.list = ListState::default();
    }

    fn choose(&mut self, index: usize, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let chosen = self.rows(at.snapshot).get(index).map(|instrument| (*instrument).clone());
        if let Some(instrument) = chosen
            && self.selected.as_ref() != Some(&instrument)
        {
            wishes.push(Wish::Select(instrument.clone()));
            self.selected = Some(instrument);
        }
    }
}

/// The age in seconds of a price that should have moved: its market trades.
fn stale_for(quote: &Quote, look: &Look<'_>) -> Option<i64> {
    let trades = look.snapshot.market.open || quote.instrument.asset_class().trades_around_the_clock();
    let age = look.env.clock(look.snapshot).duration_since(quote.as_of).as_secs();
    (trades && age > STALE_SECONDS).then_some(age)
}

impl Pane for Watchlist {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let rest = format!(
            "{}{}{}{} ",
            clean(self.name(look.snapshot)),
            self.sort.label(),
            if self.reversed { " reversed" } else { "" },
            self.filter.label(look.theme.glyphs.caret)
        );
        titled("Quotes", &rest, look)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows(look.snapshot);
        if rows.is_empty() {
            let lines = ["Nothing here.", "Press a to add a symbol, or type : watch aapl msft btc"];
            return draw_empty(&lines, look, area, buf);
        }
        let decimals = self.fraction(look.snapshot);
        let visible = self.list.visible(rows.len(), area.height.saturating_sub(1));
        let columns = self.columns(look.snapshot);
        let with_name = fitting(&columns, area.width).contains(&NAME_COLUMN);
        let drawn: Vec<Row> = visible.clone().map(|i| self.row(rows[i], decimals, with_name, look)).collect();
        let more = rows.len() - visible.end;
        Table { theme: look.theme, columns: &columns, rows: &drawn, more, focused: look.focused }
            .render(area, buf);
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let count = self.rows(at.snapshot).len();
        if self.list.act(action, count) {
            self.choose(self.list.index, at, wishes);
            return true;
        }
        match action {
            Action::Open => wishes.push(Wish::Focus(super::PaneKind::Chart)),
            Action::Sort => self.sort = self.sort.next(),
            Action::SortBack => self.reversed = !self.reversed,
            Action::Filter => self.filter.open(),
            Action::NextList => self.next_list(at.snapshot),
            Action::Add => wishes.push(Wish::Type("watch ".into())),
            Action::Remove => {
                if let Some(selected) = &self.selected {
                    self.edit(at, wishes, |list| list.retain(|i| i != selected));
                }
            }
            Action::Copy => {
                if let Some(quote) = self.selected.as_ref().and_then(|i| at.snapshot.quotes.get(i)) {
                    let text = |price: Option<Price>| price.map_or_else(|| "-".to_owned(), |p| p.to_string());
                    wishes.push(Wish::Copy(format!(
                        "{}\t{}\t{}\t{}",
                        quote.instrument,
                        text(quote.last),
                        text(quote.bid),
                        text(quote.ask)
                    )));
                }
            }
            _ => return false,
        }
        true
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        self.filter.key(event)
    }

    fn paste(&mut self, text: &str, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        self.filter.paste(text)
    }

    fn click(&mut self, _column: u16, line: u16, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let count = self.rows(at.snapshot).len();
        if let Some(row) =
            line.checked_sub(1).and_then(|l| self.list.at_line(l, count, area.height.saturating_sub(1)))
        {
            self.list.index = row;
            self.choose(row, at, wishes);
        }
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&["symbol", "last", "change_percent", "bid", "ask", "volume", "as_of"]);
        for instrument in self.rows(at.snapshot) {
            let quote = at.snapshot.quotes.get(instrument);
            sheet.push(vec![
                instrument.key(),
                cell(quote.and_then(|q| q.last)),
                cell(quote.and_then(Quote::change_percent).map(|change| change.round_dp(4))),
                cell(quote.and_then(|q| q.bid)),
                cell(quote.and_then(|q| q.ask)),
                cell(quote.map(|q| q.volume)),
                cell(quote.map(|q| q.as_of)),
            ]);
        }
        Some(sheet)
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let mut memory = Memory::new();
        if let Some(name) = &self.list_name {
            memory.insert("list".to_owned(), name.to_string());
        }
        memory.insert("sort".to_owned(), self.sort.label().trim().to_owned());
        memory.insert("reversed".to_owned(), self.reversed.to_string());
        memory
    }

    fn recall(&mut self, memory: &Memory, _at: &At<'_>) {
        self.list_name = memory.get("list").map(SmolStr::new);
        self.reversed = memory.get("reversed").is_some_and(|word| word == "true");
        let all = [SortBy::List, SortBy::Symbol, SortBy::Change, SortBy::Volume];
        let word = memory.get("sort").map_or("", String::as_str);
        self.sort = all.into_iter().find(|sort| sort.label().trim() == word).unwrap_or_default();
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let rows = self.rows(at.snapshot);
        let found = self.selected.as_ref().and_then(|s| rows.iter().position(|i| *i == s));
        self.list.index = found.unwrap_or(self.list.index);
        self.list.settle(rows.len(), area.height.saturating_sub(1));
        if self.selected.is_none() {
            self.selected = rows.get(self.list.index).map(|i| (*i).clone());
        }
        self.ask_days(area, at, wishes);
    }
}
