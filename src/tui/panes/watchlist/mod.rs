//! The watchlist: quotes of a list, of what moved, of a sector or an index; sorted, grouped, filtered, edited in place.

mod head;
mod order;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use rust_decimal::prelude::ToPrimitive;
use smol_str::SmolStr;

use self::head::{COLUMNS, DAY_COLUMN, DAY_WIDTH, NAME_COLUMN};
use self::order::{Entry, Grouping, gather, sort_key};
use self::source::{Chooser, Chosen, Source};
use super::sheet::cell;
use super::{Hints, Memory, Pane, PaneKind, Sheet, draw_empty, fixed, titled};
use crate::client::message::MarketGroup;
use crate::client::{Reply, Request, SessionError};
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::text::clean;
use crate::tui::about::marked;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::flash::Field;
use crate::tui::format;
use crate::tui::keymap::Keymap;
use crate::tui::sources;
use crate::tui::widgets::candles::sparkline;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::put;
use crate::tui::widgets::sorted::{Did, Lines, SortedList, Sorting};
use crate::tui::widgets::table::{Cell, Column, Row, fitting, stretch};
use crate::tui::wish::{Purpose, Wish};

/// Bars behind the line of the day: a session in quarters of an hour.
const DAY_BARS: u32 = 26;
/// Requests for such lines at one time.
const DAY_REQUESTS_MAX: usize = 4;

/// What moved is asked for anew this often while it is in view.
const MOVERS_REFRESH: Duration = Duration::from_secs(15);
/// Movers asked for.
const MOVERS: u32 = 50;
/// Quotes asked for at a time: those of the rows in view that have none.
const SUBSCRIBE_MAX: usize = 40;
/// Columns of a note at most.
const NOTE_WIDTH_MAX: u16 = 60;
const FOUND_TAG: u64 = 0;
const GROUPS_TAG: u64 = 1;

/// The line of a day, asked for or there.
#[derive(Debug)]
struct DayLine {
    /// Was the market simulated when it was asked for: a real price does not go on where a simulated one ends.
    simulated: bool,
    values: Option<Vec<f64>>,
}

/// The watchlist pane.
#[derive(Debug, Default)]
pub struct Watchlist {
    source: Source,
    /// The instruments of a source that is no list of the user's, once they are there.
    found: Vec<Instrument>,
    /// When they were asked for.
    asked_at: Option<Duration>,
    failed: Option<String>,
    list: SortedList,
    selected: Option<Instrument>,
    grouping: Grouping,
    days: BTreeMap<Instrument, DayLine>,
    subscribed: BTreeSet<Instrument>,
    /// Sectors and indices, once they are there.
    groups: Vec<(MarketGroup, u32)>,
    chooser: Option<Chooser>,
}

impl Watchlist {
    /// The user's list that commands without a list mean: the one shown, else the first.
    #[must_use]
    pub fn name<'a>(&self, snapshot: &'a Snapshot) -> &'a str {
        self.source.own(snapshot).or_else(|| Source::Own(None).own(snapshot)).unwrap_or_default()
    }

    /// The instruments shown, in the source's order.
    #[must_use]
    pub fn instruments<'a>(&'a self, snapshot: &'a Snapshot) -> &'a [Instrument] {
        let Some(name) = self.source.own(snapshot) else { return &self.found };
        let list = snapshot.watchlists.iter().find(|list| list.name == name);
        list.map_or(&[], |list| list.instruments.as_slice())
    }

    /// Selects an instrument, if the list has it.
    pub fn select(&mut self, instrument: &Instrument) {
        self.selected = Some(instrument.clone());
    }

    /// Bars for the line of the day arrived.
    pub fn day_bars(&mut self, instrument: &Instrument, bars: &[Bar]) {
        if let Some(day) = self.days.get_mut(instrument) {
            day.values = Some(bars.iter().filter_map(|bar| bar.close.get().to_f64()).collect());
        }
    }

    /// They did not.
    pub fn day_failed(&mut self, instrument: &Instrument) {
        if let Some(day) = self.days.get_mut(instrument) {
            day.values = Some(Vec::new());
        }
    }

    fn rows<'a>(&'a self, at: &At<'a>) -> Vec<Entry<'a>> {
        let symbols = at.env.symbols.as_deref().map(|symbols| symbols as _);
        let filter = &self.list.filter;
        // By its symbol, or by what it is called.
        let name = |instrument: &Instrument| {
            let listing = at.env.symbols.as_ref()?.listing(&instrument.to_string())?;
            Some(clean(&listing.name).into_owned())
        };
        let passes = |instrument: &&Instrument| {
            filter.passes(&instrument.to_string())
                || name(instrument).is_some_and(|name| filter.passes(&format!("{instrument} {name}")))
        };
        let rows: Vec<&Instrument> = self.instruments(at.snapshot).iter().filter(passes).collect();
        let key = |i: &&Instrument, title: &str| sort_key(i, title, symbols, at.snapshot);
        gather(self.list.sorting.sorted(rows, key), self.grouping, symbols, at.snapshot)
    }

    fn head(&self, snapshot: &Snapshot) -> [Column; COLUMNS] {
        head::columns(self.instruments(snapshot), self.fraction(snapshot), snapshot)
    }

    /// The same in so many columns: the notes take what is left.
    fn head_in(&self, snapshot: &Snapshot, width: u16) -> [Column; COLUMNS] {
        let mut head = self.head(snapshot);
        stretch(&mut head, &self.list.choice, width, "note", NOTE_WIDTH_MAX);
        head
    }

    /// Decimals of the list's prices at most. Of the whole list, filtered or not, so that its columns stand still.
    fn fraction(&self, snapshot: &Snapshot) -> u32 {
        head::fraction(self.instruments(snapshot), snapshot)
    }

    /// Asks for what the rows in view lack: quotes, and lines of the day where they are shown.
    fn ask(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let with_days = fitting(&self.head(at.snapshot), &self.list.choice, area.width).contains(&DAY_COLUMN);
        let mut open = self.days.values().filter(|day| day.values.is_none()).count();
        let in_view: Vec<Instrument> = {
            let rows = self.rows(at);
            let visible = self.list.state.visible(rows.len(), area.height.saturating_sub(1));
            rows[visible].iter().filter_map(Entry::item).map(|i| (*i).clone()).collect()
        };
        let mut quoteless = Vec::new();
        for instrument in in_view {
            if !at.snapshot.quotes.contains_key(&instrument)
                && quoteless.len() < SUBSCRIBE_MAX
                && self.subscribed.insert(instrument.clone())
            {
                quoteless.push(instrument.clone());
            }
            let quote = at.snapshot.quotes.get(&instrument);
            let simulated = quote.map_or(at.snapshot.feed, |quote| quote.feed) == Feed::Simulated;
            let known = self.days.get(&instrument).is_some_and(|day| day.simulated == simulated);
            if with_days && open < DAY_REQUESTS_MAX && !known {
                let request = Request::Bars {
                    instrument: instrument.clone(),
                    interval: Interval::Minute15,
                    limit: DAY_BARS,
                };
                wishes.push(Wish::Ask(request, Purpose::Day(instrument.clone())));
                self.days.insert(instrument, DayLine { simulated, values: None });
                open += 1;
            }
        }
        if !quoteless.is_empty() {
            wishes.push(Wish::Ask(Request::Subscribe { instruments: quoteless }, Purpose::Quiet));
        }
    }

    /// Asks for the instruments of a source that the engine has to find.
    fn ask_found(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let request = match &self.source {
            Source::Own(_) => return,
            Source::Movers(by) => {
                if self.asked_at.is_some_and(|asked| at.env.now < asked + MOVERS_REFRESH) {
                    return;
                }
                Request::Movers { by: *by, limit: MOVERS }
            }
            Source::Group(_) if self.asked_at.is_some() => return,
            Source::Group(group) => Request::Members { group: group.clone() },
        };
        self.asked_at = Some(at.env.now);
        wishes.push(Wish::Ask(request, Purpose::Pane(PaneKind::Watchlist, FOUND_TAG)));
    }

    fn show(&mut self, source: Source) {
        (self.source, self.found, self.asked_at, self.failed) = (source, Vec::new(), None, None);
        self.selected = None;
        self.list.state = ListState::default();
        self.list.sorting = Sorting::default();
    }

    fn open_chooser(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if self.groups.is_empty() {
            wishes.push(Wish::Ask(Request::Groups, Purpose::Pane(PaneKind::Watchlist, GROUPS_TAG)));
        }
        self.chooser = Some(Chooser::at(&self.source, &self.groups, at.snapshot));
    }

    /// The row goes one place down or up in the user's own order.
    fn move_row(&self, down: bool, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if self.source.own(at.snapshot).is_none() || !self.list.sorting.is_own_order() {
            let text = "Rows are moved in a list of your own, unsorted.".to_owned();
            return wishes.push(Wish::Say(Severity::Info, text));
        }
        let Some(selected) = self.selected.clone() else { return };
        self.edit(at, wishes, |list| {
            if let Some(from) = list.iter().position(|i| *i == selected) {
                let to = if down { (from + 1).min(list.len() - 1) } else { from.saturating_sub(1) };
                list.swap(from, to);
            }
        });
    }

    /// A row; its company's name is looked up only where there is room for it.
    fn row(&self, instrument: &Instrument, decimals: u32, with_name: bool, look: &Look<'_>) -> Row {
        let theme = look.theme;
        let selected = self.selected.as_ref() == Some(instrument);
        let name: Cell = (marked(instrument, look.snapshot), theme.strong);
        let note = (newest_note(instrument, look.snapshot), theme.accent);
        let symbols = look.env.symbols.as_ref().filter(|_| with_name);
        let listed = symbols.and_then(|s| s.listing(&instrument.to_string()));
        let listed = listed.map(|listing| clean(&listing.name).into_owned()).unwrap_or_default();
        let Some(quote) = look.snapshot.quotes.get(instrument) else {
            let none = |text: &str| (text.to_owned(), theme.dim);
            let mut cells = vec![name];
            cells.extend(std::iter::repeat_n(none("-"), 8));
            cells.extend([none(""), (listed, theme.dim), note]);
            return Row { cells, selected };
        };
        let own = format::decimals_of(look.snapshot, instrument);
        let stale = sources::stale(quote, &look.at());
        let base = if stale.is_some() { theme.dim } else { theme.text };
        let text = |price: Price| format::point_aligned(format::price(price, own), decimals);
        let price = |price: Option<Price>, field, style: Style| match price {
            Some(price) if stale.is_some() => (text(price), style),
            Some(price) => (text(price), look.flashed(instrument, field, style)),
            None => ("-".to_owned(), theme.dim),
        };
        let far = |price: Option<Price>| (price.map_or_else(|| "-".to_owned(), text), theme.dim);
        let change = match (stale, quote.change_percent()) {
            // The change of an old price is no news; its age is.
            (Some(seconds), _) => (sources::stale_words(seconds), theme.warning),
            (None, Some(change)) => (format::signed(change, 2), theme.money(change.round_dp(2))),
            (None, None) => ("-".to_owned(), theme.dim),
        };
        let day = match self.days.get(instrument) {
            Some(DayLine { values: Some(values), .. }) => {
                let mut values = values.clone();
                values.extend(quote.last.and_then(|p| p.get().to_f64()));
                sparkline(&values, usize::from(DAY_WIDTH), theme)
            }
            _ => String::new(),
        };
        let extended = match quote.extended_percent() {
            Some(change) => (format::signed(change, 2), theme.money(change.round_dp(2))),
            None => (String::new(), theme.dim),
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
            extended,
            (day, theme.dim),
            (listed, theme.dim),
            note,
        ];
        Row { cells, selected }
    }

    fn edit(&self, at: &At<'_>, wishes: &mut Vec<Wish>, change: impl FnOnce(&mut Vec<Instrument>)) {
        let name = SmolStr::new(self.name(at.snapshot));
        let mut instruments = self.instruments(at.snapshot).to_vec();
        change(&mut instruments);
        wishes.push(Wish::Ask(Request::SetWatchlist { name, instruments }, Purpose::Quiet));
    }

    fn step_list(&mut self, forward: bool, snapshot: &Snapshot) {
        let count = snapshot.watchlists.len().max(1);
        let name = self.name(snapshot);
        let at = snapshot.watchlists.iter().position(|list| list.name == name).unwrap_or(0);
        let to = (at + if forward { 1 } else { count - 1 }) % count;
        self.show(Source::Own(snapshot.watchlists.get(to).map(|list| list.name.clone())));
    }

    /// Selects the instrument of a line; of a group's head, nothing.
    fn select_line(&mut self, index: usize, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let chosen = self.rows(at).get(index).and_then(Entry::item).map(|i| (*i).clone());
        if let Some(instrument) = chosen
            && self.selected.as_ref() != Some(&instrument)
        {
            wishes.push(Wish::Select(instrument.clone()));
            self.selected = Some(instrument);
        }
    }

    fn draw_rows(&self, rows: &[Entry<'_>], look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let decimals = self.fraction(look.snapshot);
        let columns = self.head_in(look.snapshot, area.width);
        let with_name = fitting(&columns, &self.list.choice, area.width).contains(&NAME_COLUMN);
        let row = |i: usize| match rows[i] {
            Entry::Item(instrument) => self.row(instrument, decimals, with_name, look),
            Entry::Head(..) => Row::default(),
        };
        self.list.draw(&columns, rows.len(), row, look, (area, &mut *buf));
        let visible = self.list.state.visible(rows.len(), area.height.saturating_sub(1));
        for (line, i) in visible.enumerate() {
            if let Entry::Head(name, count, mean) = &rows[i] {
                let y = area.y + 1 + line as u16;
                let x = put(buf, area.x + 1, y, &clean(name), look.theme.accent, area.width);
                let x = put(buf, x + 2, y, &count.to_string(), look.theme.dim, 5);
                if let Some(mean) = mean {
                    let style = look.theme.money(mean.round_dp(2));
                    put(buf, x + 2, y, &format::percent(*mean), style, area.right().saturating_sub(x + 2));
                }
            }
        }
    }

    fn act_in_chooser(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> Option<bool> {
        let chosen = self.chooser.as_mut()?.act(action, &self.groups, at, wishes);
        match chosen {
            Chosen::Stay => {}
            Chosen::Leave => self.chooser = None,
            Chosen::Take(source) => {
                self.chooser = None;
                self.show(source);
            }
            Chosen::NotMine => return Some(false),
        }
        Some(true)
    }
}

/// What was written last about an instrument, clean; empty where nothing was.
fn newest_note(instrument: &Instrument, snapshot: &Snapshot) -> String {
    snapshot.notes_on(instrument).first().map(|note| clean(&note.text).into_owned()).unwrap_or_default()
}

impl Pane for Watchlist {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let caret = look.theme.glyphs.caret;
        if let Some(chooser) = &self.chooser {
            return titled("Quotes", &format!("choose a list{} ", chooser.label(caret)), look);
        }
        let order = self.list.sorting.label();
        let rest = format!(
            "{}{}{order}{}{} ",
            self.source.label(look.snapshot),
            if order.is_empty() { "" } else { " " },
            self.grouping.label(),
            self.list.filter.label(caret)
        );
        titled("Quotes", &rest, look)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if let Some(chooser) = &self.chooser {
            return chooser.draw(&self.groups, look, area, buf);
        }
        let at = look.at();
        let rows = self.rows(&at);
        if !rows.is_empty() {
            return self.draw_rows(&rows, look, area, buf);
        }
        let lines: [&str; 2] = match (&self.source, &self.failed) {
            (_, Some(reason)) => [reason, "Press {lists} for another list"],
            (Source::Own(_), _) => {
                ["Nothing here.", "Press {add} to add a symbol, or type {command} watch aapl msft btc"]
            }
            _ => ["Looking for it", ""],
        };
        draw_empty(&lines, look, area, buf);
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        if let Some(taken) = self.act_in_chooser(action, at, wishes) {
            return taken;
        }
        let (columns, lines) = (self.head(at.snapshot), Lines::of(&self.rows(at)));
        match self.list.act(action, &columns, &lines) {
            None => {}
            Some(Did::Changed) => return true,
            Some(Did::Moved) => {
                self.select_line(self.list.state.index, at, wishes);
                return true;
            }
        }
        match action {
            Action::Open => wishes.push(Wish::Focus(PaneKind::Chart)),
            Action::Group => self.grouping = self.grouping.next(),
            Action::NextList => self.step_list(true, at.snapshot),
            Action::PreviousList => self.step_list(false, at.snapshot),
            Action::Lists => self.open_chooser(at, wishes),
            Action::Add => wishes.push(Wish::Type("watch ".into())),
            Action::MoveDown | Action::MoveUp => self.move_row(action == Action::MoveDown, at, wishes),
            Action::Remove if self.source.own(at.snapshot).is_some() => {
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

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        match &mut self.chooser {
            Some(chooser) => chooser.key(event, wishes),
            None => self.list.filter.key(event),
        }
    }

    fn hints(&self, keymap: &Keymap) -> Option<Hints> {
        match &self.chooser {
            Some(chooser) => Some(chooser.hints(keymap)),
            None => self.list.filter.hints().map(fixed),
        }
    }

    fn paste(&mut self, text: &str, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        match &mut self.chooser {
            Some(chooser) => chooser.paste(text),
            None => self.list.filter.paste(text),
        }
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if let Some(chooser) = &mut self.chooser {
            if let Some(source) = chooser.click(line, area.height, &self.groups, at.snapshot) {
                self.chooser = None;
                self.show(source);
            }
            return;
        }
        let (columns, lines) = (self.head_in(at.snapshot, area.width), Lines::of(&self.rows(at)));
        if let Some(row) = self.list.click((column, line), area, &columns, &lines) {
            self.select_line(row, at, wishes);
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if let Some(chooser) = &mut self.chooser {
            chooser.settle(area.height, &self.groups, at.snapshot);
        }
        self.ask_found(at, wishes);
        let (found, lines) = {
            let rows = self.rows(at);
            let place = |wanted: &Instrument| rows.iter().position(|row| row.item() == Some(&wanted));
            (self.selected.as_ref().and_then(place), Lines::of(&rows))
        };
        self.list.settle(area, found, &lines);
        if self.selected.is_none() {
            let rows = self.rows(at);
            self.selected = rows.get(self.list.state.index).and_then(Entry::item).map(|i| (*i).clone());
        }
        self.ask(area, at, wishes);
    }

    fn answer(&mut self, tag: u64, reply: Result<Reply, SessionError>, _: &At<'_>, _: &mut Vec<Wish>) {
        match (tag, reply) {
            (GROUPS_TAG, Ok(Reply::Groups(groups))) => self.groups = groups,
            (FOUND_TAG, Ok(Reply::Quotes(quotes))) => {
                self.found = quotes.into_iter().map(|quote| quote.instrument).collect();
            }
            (FOUND_TAG, Ok(Reply::Listings(listings))) => {
                self.found = listings.into_iter().map(|listing| listing.instrument).collect();
            }
            (_, Err(error)) => self.failed = Some(clean(&error.to_string()).into_owned()),
            (_, Ok(_)) => {}
        }
    }

    fn due(&self, _at: &At<'_>) -> Option<Duration> {
        let movers = matches!(self.source, Source::Movers(_));
        self.asked_at.filter(|_| movers).map(|asked| asked + MOVERS_REFRESH)
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let head = ["symbol", "last", "change_percent", "bid", "ask", "volume", "as_of", "note"];
        let mut sheet = Sheet::new(&head);
        for instrument in self.rows(at).iter().filter_map(Entry::item) {
            let quote = at.snapshot.quotes.get(instrument);
            sheet.push(vec![
                instrument.key(),
                cell(quote.and_then(|q| q.last)),
                cell(quote.and_then(Quote::change_percent).map(|change| change.round_dp(4))),
                cell(quote.and_then(|q| q.bid)),
                cell(quote.and_then(|q| q.ask)),
                cell(quote.map(|q| q.volume)),
                cell(quote.map(|q| q.as_of)),
                newest_note(instrument, at.snapshot),
            ]);
        }
        Some(sheet)
    }

    fn columns(&self, at: &At<'_>) -> Option<(Vec<Column>, &Choice)> {
        Some((self.head(at.snapshot).to_vec(), &self.list.choice))
    }

    fn choose(&mut self, choice: Choice) {
        self.list.choice = choice;
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let mut memory = Memory::from([
            ("list".to_owned(), self.source.key()),
            ("groups".to_owned(), self.grouping.label().trim().to_owned()),
        ]);
        self.list.remember(&mut memory);
        memory
    }

    fn recall(&mut self, memory: &Memory, at: &At<'_>) {
        let word = |name: &str| memory.get(name).map_or("", String::as_str);
        if let Some(source) = Source::of_key(word("list")) {
            // What chart and ticket show is the row that is selected.
            let selected = self.selected.take();
            self.show(source);
            self.selected = selected;
        }
        self.list.recall(memory, &self.head(at.snapshot));
        let groupings = [Grouping::None, Grouping::Class, Grouping::Sector];
        let grouping = groupings.into_iter().find(|grouping| grouping.label().trim() == word("groups"));
        self.grouping = grouping.unwrap_or_default();
    }
}
