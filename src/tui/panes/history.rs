//! History: every order of the profile, page by page, filtered as one types, with notes that are kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::orders::{details, price_decimals, price_text, side_word, sort_key, status_word};
use super::{Hints, Memory, Pane, PaneKind, Sheet, draw_empty, fixed, titled};
use crate::client::message::HistoryQuery;
use crate::client::{Reply, Request, SessionError};
use crate::domain::ids::ClientOrderId;
use crate::domain::note::note_text;
use crate::domain::order::Order;
use crate::domain::snapshot::Severity;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::dialogs::Dialog;
use crate::tui::dialogs::report::Report;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::keymap::Keymap;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::sorted::{Did, Lines, SortKey, SortedList};
use crate::tui::widgets::table::{Column, Row};
use crate::tui::widgets::text_input::TextInput;
use crate::tui::widgets::{clear, put};
use crate::tui::wish::{Purpose, Wish};

/// Orders of one page.
const PAGE: u32 = 200;
/// Orders held at most.
const ORDERS_MAX: usize = 5_000;
/// After orders changed, the newest page is asked for anew this late.
const REFRESH_AFTER: Duration = Duration::from_secs(2);
/// The tag of the question for notes; questions for orders carry their offset.
const NOTES_TAG: u64 = u64::MAX;

const fn columns(time: u16, symbol: u16) -> [Column; 11] {
    [
        Column::number("id", 5, 0),
        Column::text("day", 6, 0),
        Column::text("time", time, 4),
        Column::text("side", 5, 0),
        Column::text("sym", symbol, 0),
        Column::number("qty", 8, 1),
        Column::number("filled", 8, 5),
        Column::text("type", 7, 6),
        Column::number("price", 13, 6),
        Column::number("avg", 11, 2),
        Column::text("status", 10, 0),
    ]
}
const NOTE_WIDTH_MAX: u16 = 60;
const NOTE_WIDTH_MIN: u16 = 10;
const SYMBOL_WIDTH: u16 = 9;
const OPTION_WIDTH: u16 = 17;

/// The history pane.
#[derive(Debug, Default)]
pub struct History {
    /// Newest first.
    orders: Vec<Order>,
    notes: BTreeMap<ClientOrderId, String>,
    /// Columns of the longest symbol among them: options have long ones.
    symbol_width: u16,
    /// There are more behind the last one.
    more: bool,
    loaded: bool,
    asking: bool,
    failed: Option<String>,
    /// The orders of the snapshot that the newest page agrees with.
    agrees_with: Option<Arc<Vec<Order>>>,
    refresh_at: Option<Duration>,
    list: SortedList,
    selected: Option<ClientOrderId>,
    /// The note being written.
    note: Option<(ClientOrderId, TextInput)>,
    /// The zone of the days that are shown, and its today; absent before it was in view.
    today: Option<(TimeZone, Date)>,
}

impl History {
    fn rows(&self) -> Vec<&Order> {
        let rows: Vec<&Order> = self.orders.iter().filter(|order| self.passes(order)).collect();
        self.list.sorting.sorted(rows, |order, title| match title {
            "note" => {
                SortKey::Text(self.notes.get(&order.request.client_order_id).cloned().unwrap_or_default())
            }
            "day" => sort_key(order, "time"),
            title => sort_key(order, title),
        })
    }

    fn head(&self, width: u16, at: &At<'_>) -> Vec<Column> {
        head(width, self.symbol_width, at)
    }

    fn passes(&self, order: &Order) -> bool {
        if self.list.filter.is_empty() {
            return true;
        }
        let request = &order.request;
        let note = self.notes.get(&request.client_order_id).map_or("", String::as_str);
        let text = format!(
            "#{} {} {} {} {} {note}",
            order.number,
            request.side.as_str(),
            request.subject,
            status_word(order.status),
            self.day_words(order.created_at),
        );
        self.list.filter.passes(&text)
    }

    /// The day of an instant as its row shows it, with its year; `today` or `yesterday` where it is that.
    fn day_words(&self, at: Timestamp) -> String {
        let Some((zone, today)) = &self.today else { return at.strftime("%d %b %Y").to_string() };
        let day = at.to_zoned_datetime(zone.clone()).date();
        let near = match today.since(day).map(|span| span.get_days()) {
            Ok(0) => " today",
            Ok(1) => " yesterday",
            _ => "",
        };
        format!("{}{near}", day.strftime("%d %b %Y"))
    }

    fn current(&self) -> Option<&Order> {
        self.orders.iter().find(|order| Some(order.request.client_order_id) == self.selected)
    }

    fn ask(&mut self, offset: usize, wishes: &mut Vec<Wish>) {
        self.asking = true;
        let query = HistoryQuery { limit: PAGE, offset: offset as u32, ..HistoryQuery::default() };
        let purpose = Purpose::Pane(PaneKind::History, offset as u64);
        wishes.push(Wish::Ask(Request::OrderHistory(query), purpose));
    }

    /// A page arrived: the newest one is laid over what is held, later ones behind it.
    fn take(&mut self, offset: usize, page: Vec<Order>) {
        let full = page.len() >= PAGE as usize;
        if offset == 0 {
            let oldest = page.last().map(|order| order.number);
            let kept = if full { std::mem::take(&mut self.orders) } else { Vec::new() };
            self.orders = page;
            let older = kept.into_iter().filter(|order| oldest.is_some_and(|oldest| order.number < oldest));
            let before = self.orders.len();
            self.orders.extend(older);
            self.more = if self.orders.len() > before { self.more } else { full };
        } else {
            let oldest = self.orders.last().map(|order| order.number);
            let older = page.into_iter().filter(|order| oldest.is_none_or(|oldest| order.number < oldest));
            self.orders.extend(older);
            self.more = full;
        }
        self.orders.truncate(ORDERS_MAX);
        let widths = self.orders.iter().map(|order| format::width(&order.request.subject.short()));
        self.symbol_width = widths.max().unwrap_or(0).clamp(SYMBOL_WIDTH, OPTION_WIDTH);
        self.more &= self.orders.len() < ORDERS_MAX;
        self.loaded = true;
    }

    fn row(&self, order: &Order, look: &Look<'_>) -> Row {
        let theme = look.theme;
        let request = &order.request;
        let decimals = request.subject.instrument().map_or(2, |i| price_decimals(i, order, look.snapshot));
        let average = order.average_price.map_or_else(String::new, |p| format::price(p, decimals));
        let base = if order.filled_quantity.is_zero() { theme.dim } else { theme.text };
        let note = self.notes.get(&request.client_order_id).map(|note| clean(note).into_owned());
        let cells = vec![
            (order.number.to_string(), base),
            (format::day(order.created_at, &look.env.zone), theme.dim),
            (format::clock_zoned(order.created_at, &look.env.zone), theme.dim),
            (side_word(request.side).to_owned(), base),
            (request.subject.short(), theme.strong),
            (format::quantity(request.quantity.get()), base),
            (format::quantity(order.filled_quantity.get()), base),
            (request.pricing.order_type().abbreviation().to_owned(), theme.dim),
            (price_text(request.pricing, decimals), theme.dim),
            (average, base),
            (status_word(order.status).to_owned(), base),
            (note.unwrap_or_default(), theme.accent),
        ];
        Row { cells, selected: Some(request.client_order_id) == self.selected }
    }

    fn write_note(&mut self, wishes: &mut Vec<Wish>) {
        let Some((order, input)) = self.note.take() else { return };
        let text = match input.text().trim() {
            "" => String::new(),
            typed => match note_text(typed) {
                Ok(text) => text,
                Err(error) => {
                    // What was typed stays, to be put right.
                    self.note = Some((order, input));
                    return wishes.push(Wish::Say(Severity::Warning, error.to_string()));
                }
            },
        };
        match text.as_str() {
            "" => drop(self.notes.remove(&order)),
            text => drop(self.notes.insert(order, text.to_owned())),
        }
        wishes.push(Wish::Ask(Request::SetNote { order, text }, Purpose::Quiet));
    }
}

fn ask_notes(wishes: &mut Vec<Wish>) {
    wishes.push(Wish::Ask(Request::Notes, Purpose::Pane(PaneKind::History, NOTES_TAG)));
}

/// The columns of a pane so wide: the note takes what is left, where that is enough to read.
fn head(width: u16, symbol: u16, at: &At<'_>) -> Vec<Column> {
    let columns = columns(format::clock_zoned_width(at.snapshot.now, &at.env.zone), symbol);
    let needed: u16 = columns.iter().map(|column| column.width + 1).sum::<u16>() + 1;
    let left = width.saturating_sub(needed + 1).clamp(NOTE_WIDTH_MIN, NOTE_WIDTH_MAX);
    // What it went at is worth more than what was thought of it, which Enter shows too.
    columns.into_iter().chain([Column::text("note", left, 3)]).collect()
}

impl Pane for History {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let shown = self.rows().len();
        let plus = if self.more { "+" } else { "" };
        let count = if shown == self.orders.len() {
            format!("{shown}{plus} ")
        } else {
            format!("{shown} of {}{plus} ", self.orders.len())
        };
        let mut line = titled("History", &count, look);
        let order = self.list.sorting.label();
        if !order.is_empty() {
            line.push_span(Span::styled(format!("{order} "), look.theme.dim));
        }
        let filter = self.list.filter.label(look.theme.glyphs.caret);
        line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.accent));
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows();
        if rows.is_empty() {
            let lines: [&str; 2] = match (&self.failed, self.loaded) {
                (Some(reason), _) => [reason, "Press {refresh} to ask again"],
                (None, false) => ["Loading orders", ""],
                (None, true) if self.orders.is_empty() => {
                    ["No orders yet.", "What you trade is kept here, with your notes; press {buy} to buy"]
                }
                (None, true) => ["No order matches.", "Esc takes the filter off"],
            };
            return draw_empty(&lines, look, area, buf);
        }
        let columns = self.head(area.width, &look.at());
        self.list.draw(&columns, rows.len(), |i| self.row(rows[i], look), look, (area, &mut *buf));
        if let Some((_, input)) = &self.note {
            let line = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
            clear(buf, line);
            let x = put(buf, line.x + 1, line.y, "note: ", look.theme.accent, line.width);
            let place = Rect { x, width: line.right().saturating_sub(x + 1), ..line };
            input.draw(place, look.theme.text, true, buf);
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let lines = Lines::plain(self.rows().len());
        let did = self.list.act(action, &self.head(0, at), &lines);
        if did == Some(Did::Changed) {
            return true;
        }
        if did == Some(Did::Moved) {
            let rows = self.rows();
            let order = rows.get(self.list.state.index).map(|order| order.request.clone());
            self.selected = order.as_ref().map(|request| request.client_order_id);
            wishes.extend(order.and_then(|request| request.subject.instrument().cloned()).map(Wish::Select));
            return true;
        }
        match (action, self.current().cloned()) {
            (Action::Refresh, _) => {
                self.failed = None;
                self.ask(0, wishes);
                ask_notes(wishes);
            }
            (Action::Note, Some(order)) => {
                let id = order.request.client_order_id;
                let text = self.notes.get(&id).cloned().unwrap_or_default();
                self.note = Some((id, TextInput::new(text)));
            }
            (Action::Open, Some(order)) => {
                let mut pairs = details(&order, at);
                if let Some(note) = self.notes.get(&order.request.client_order_id) {
                    pairs.push(("note".to_owned(), clean(note).into_owned()));
                }
                let report = Report::pairs(&format!("Order #{}", order.number), pairs);
                wishes.push(Wish::Open(Box::new(Dialog::Report(report))));
            }
            (Action::Copy, Some(order)) => {
                let request = &order.request;
                let words = [request.side.as_str(), &request.subject.to_string()].join(" ");
                wishes.push(Wish::Copy(format!("#{}\t{words}\t{}", order.number, status_word(order.status))));
            }
            (Action::Note | Action::Open | Action::Copy, None) => {}
            _ => return false,
        }
        true
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let Some((_, input)) = &mut self.note else { return self.list.filter.key(event) };
        match event.code {
            KeyCode::Enter => self.write_note(wishes),
            KeyCode::Esc => self.note = None,
            _ if event.modifiers.contains(KeyModifiers::ALT) => return false,
            _ => {
                input.key(event, |c| !c.is_control());
            }
        }
        true
    }

    fn hints(&self, _: &Keymap) -> Option<Hints> {
        match self.note {
            Some(_) => Some(fixed(&[("Enter", "keep"), ("Esc", "as it was")])),
            None => self.list.filter.hints().map(fixed),
        }
    }

    fn paste(&mut self, text: &str, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        match &mut self.note {
            Some((_, input)) => {
                input.insert(text);
                true
            }
            None => self.list.filter.paste(text),
        }
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let lines = Lines::plain(self.rows().len());
        let row = self.list.click((column, line), area, &self.head(area.width, at), &lines);
        if let Some(request) = row.and_then(|row| Some(self.rows().get(row)?.request.clone())) {
            self.selected = Some(request.client_order_id);
            wishes.extend(request.subject.instrument().cloned().map(Wish::Select));
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if !self.loaded && !self.asking && self.failed.is_none() {
            self.agrees_with = Some(Arc::clone(&at.snapshot.orders));
            self.ask(0, wishes);
            ask_notes(wishes);
        }
        let agrees = self.agrees_with.as_ref().is_some_and(|known| Arc::ptr_eq(known, &at.snapshot.orders));
        if self.loaded && !agrees {
            self.refresh_at.get_or_insert(at.env.now + REFRESH_AFTER);
        }
        if self.refresh_at.is_some_and(|due| due <= at.env.now) && !self.asking {
            self.refresh_at = None;
            self.agrees_with = Some(Arc::clone(&at.snapshot.orders));
            self.ask(0, wishes);
            // Lots are named beside a sale, and others write too: whoever wrote over an old note would take that off.
            ask_notes(wishes);
        }
        let zone = &at.env.zone;
        self.today = Some((zone.clone(), at.env.clock(at.snapshot).to_zoned_datetime(zone.clone()).date()));
        let (index, count) = {
            let rows = self.rows();
            let found = rows.iter().position(|order| Some(order.request.client_order_id) == self.selected);
            (found, rows.len())
        };
        self.list.settle(area, index, &Lines::plain(count));
        self.selected = self.rows().get(self.list.state.index).map(|order| order.request.client_order_id);
        let near_the_end = self.list.state.index + usize::from(area.height) >= count;
        if self.loaded && self.more && near_the_end && !self.asking {
            self.ask(self.orders.len(), wishes);
        }
    }

    fn answer(&mut self, tag: u64, reply: Result<Reply, SessionError>, _: &At<'_>, wishes: &mut Vec<Wish>) {
        match (tag, reply) {
            (NOTES_TAG, Ok(Reply::Notes(notes))) => {
                self.notes = notes.into_iter().map(|note| (note.order, note.text)).collect();
            }
            (NOTES_TAG, Err(error)) => wishes.push(Wish::Say(Severity::Warning, error.to_string())),
            (offset, Ok(Reply::Orders(page))) => {
                self.asking = false;
                self.failed = None;
                self.take(usize::try_from(offset).unwrap_or(0), page);
            }
            (_, Err(error)) => {
                self.asking = false;
                self.failed = Some(clean(&error.to_string()).into_owned());
                self.more = false;
            }
            (_, Ok(_)) => self.asking = false,
        }
    }

    fn due(&self, _at: &At<'_>) -> Option<Duration> {
        self.refresh_at
    }

    fn columns(&self, at: &At<'_>) -> Option<(Vec<Column>, &Choice)> {
        Some((self.head(0, at), &self.list.choice))
    }

    fn choose(&mut self, choice: Choice) {
        self.list.choice = choice;
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let mut memory = Memory::new();
        self.list.remember(&mut memory);
        memory
    }

    fn recall(&mut self, memory: &Memory, at: &At<'_>) {
        self.list.recall(memory, &self.head(0, at));
    }

    fn sheet(&self, _at: &At<'_>) -> Option<Sheet> {
        let head = [
            "number",
            "created_at",
            "side",
            "subject",
            "quantity",
            "filled_quantity",
            "order_type",
            "average_price",
            "status",
            "note",
        ];
        let mut sheet = Sheet::new(&head);
        for order in self.rows() {
            let request = &order.request;
            sheet.rows.push(vec![
                order.number.to_string(),
                order.created_at.to_string(),
                request.side.as_str().to_owned(),
                request.subject.to_string(),
                request.quantity.to_string(),
                order.filled_quantity.to_string(),
                request.pricing.order_type().as_str().to_owned(),
                order.average_price.map(|price| price.to_string()).unwrap_or_default(),
                order.status.as_str().to_owned(),
                self.notes.get(&request.client_order_id).cloned().unwrap_or_default(),
            ]);
        }
        Some(sheet)
    }
}
