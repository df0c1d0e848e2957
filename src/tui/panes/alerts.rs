//! Alerts: those that wait with how far their prices are, and those that rang. Set, changed and taken off here; the engine rings them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use rust_decimal::Decimal;

use super::sheet::cell;
use super::{Hints, Memory, Pane, PaneKind, Sheet, draw_empty, fixed, titled};
use crate::client::Request;
use crate::domain::alert::{Alert, AlertChange, AlertId, AlertWhen};
use crate::domain::money::parse_decimal;
use crate::domain::snapshot::{Severity, Snapshot};
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::keymap::Keymap;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::sorted::{Did, Lines, SortKey, SortedList};
use crate::tui::widgets::table::{Column, Row};
use crate::tui::widgets::text_input::TextInput;
use crate::tui::wish::{Purpose, Wish};

/// The columns, with room for options only where an alert is on one.
fn head(snapshot: &Snapshot, zone: &TimeZone) -> [Column; 7] {
    let widest = snapshot.alerts.iter().map(|alert| format::width(&alert.instrument.to_string())).max();
    let symbol = widest.unwrap_or(0).clamp(SYMBOL_WIDTH, OPTION_WIDTH);
    // A mark, and `24 Nov 13:45` with its zone; its head alone while none has rung.
    let rang = match snapshot.alerts.iter().any(|alert| alert.fired_at.is_some()) {
        true => 15 + format::width(&format::zone_name(snapshot.now, zone)),
        false => 4,
    };
    [
        Column::number("id", 4, 3),
        Column::text("sym", symbol, 0),
        Column::text("when", 7, 0),
        Column::number("value", 12, 0),
        Column::number("now", 12, 1),
        Column::number("away%", 8, 2),
        Column::text("rang", rang, 0),
    ]
}
const SYMBOL_WIDTH: u16 = 9;
const OPTION_WIDTH: u16 = 17;
/// Column of the value, from the left edge with the row's mark: where it is edited.
const VALUE_COLUMN: usize = 3;

/// The alerts pane.
#[derive(Debug, Default)]
pub struct AlertsPane {
    list: SortedList,
    selected: Option<AlertId>,
    /// The value being changed.
    edit: Option<(AlertId, TextInput)>,
}

impl AlertsPane {
    /// Those that wait first, the nearest at the top; then those that rang, the newest at the top.
    fn rows<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Alert> {
        let mut rows: Vec<&Alert> =
            snapshot.alerts.iter().filter(|alert| self.list.filter.passes(&alert.words())).collect();
        rows.sort_by_key(|alert| {
            let away = distance(alert, snapshot).map_or(Decimal::MAX, |away| away.abs());
            let rang = alert.fired_at.map(|at| -at.as_second());
            (rang.is_some(), rang, if alert.waits() { away } else { Decimal::ZERO }, alert.id)
        });
        self.list.sorting.sorted(rows, |alert, title| sort_key(alert, title, snapshot))
    }

    fn current<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Alert> {
        snapshot.alerts.iter().find(|alert| Some(alert.id) == self.selected)
    }

    fn row(&self, alert: &Alert, look: &Look<'_>) -> Row {
        let theme = look.theme;
        let base = if alert.waits() { theme.text } else { theme.dim };
        let decimals = format::decimals_of(look.snapshot, &alert.instrument);
        let (when, value, now) = match alert.when {
            AlertWhen::Above => ("above", price(alert.value, decimals), last(alert, look.snapshot, decimals)),
            AlertWhen::Below => ("below", price(alert.value, decimals), last(alert, look.snapshot, decimals)),
            AlertWhen::ChangePercent => {
                let quote = look.snapshot.quotes.get(&alert.instrument);
                let now = quote.and_then(|quote| quote.change_percent());
                let word = if alert.value.is_sign_negative() { "falls" } else { "moves" };
                let value = format!("{}%", alert.value.normalize());
                (word, value, now.map_or_else(|| "-".to_owned(), format::percent))
            }
        };
        let away = match (alert.waits(), distance(alert, look.snapshot)) {
            (true, Some(away)) => format::signed(away, 2),
            _ => String::new(),
        };
        let rang = alert.fired_at.map_or_else(String::new, |at| {
            format!("{} {}", theme.glyphs.pass, format::near(at, look.snapshot.now, &look.env.zone))
        });
        let cells = vec![
            (alert.id.to_string(), theme.dim),
            (alert.instrument.to_string(), if alert.waits() { theme.strong } else { theme.dim }),
            (when.to_owned(), base),
            (value, base),
            (now, base),
            (away, theme.dim),
            (rang, theme.warning),
        ];
        Row { cells, selected: Some(alert.id) == self.selected }
    }

    /// The text typed over the value of the row being changed.
    fn draw_edit(&self, rows: &[&Alert], look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some((id, input)) = &self.edit else { return };
        let Some(row) = rows.iter().position(|alert| alert.id == *id) else { return };
        let visible = self.list.state.visible(rows.len(), area.height.saturating_sub(1));
        if !visible.contains(&row) {
            return;
        }
        let columns = head(look.snapshot, &look.env.zone);
        let kept = crate::tui::widgets::table::fitting(&columns, &self.list.choice, area.width);
        let before =
            kept.iter().take_while(|i| **i != VALUE_COLUMN).map(|i| columns[*i].width + 1).sum::<u16>();
        let place = Rect {
            x: area.x + 1 + before,
            y: area.y + 1 + (row - visible.start) as u16,
            width: columns[VALUE_COLUMN].width,
            height: 1,
        };
        let place = place.intersection(area);
        crate::tui::widgets::clear(buf, place);
        input.draw(place, look.theme.accent, true, buf);
    }

    fn finish_edit(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some((id, input)) = self.edit.take() else { return };
        let Some(alert) = at.snapshot.alerts.iter().find(|alert| alert.id == id) else { return };
        match parse_decimal(input.text().trim_end_matches('%')) {
            Ok(value) => {
                let change = AlertChange::Edit { id, when: alert.when, value };
                let words = format!("change alert {id}");
                wishes.push(Wish::Ask(Request::Alert(change), Purpose::Sent(words)));
            }
            Err(error) => {
                wishes.push(Wish::Say(Severity::Warning, error.to_string()));
                self.edit = Some((id, input));
            }
        }
    }

    fn change(&self, change: AlertChange, words: &str, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::Ask(Request::Alert(change), Purpose::Sent(words.to_owned())));
    }
}

/// What an alert has in a column.
fn sort_key(alert: &Alert, title: &str, snapshot: &Snapshot) -> SortKey {
    let quote = snapshot.quotes.get(&alert.instrument);
    match title {
        "id" => SortKey::Number(Some(alert.id.0.into())),
        "sym" => SortKey::Text(alert.instrument.to_string()),
        "when" => SortKey::Text(alert.words().replacen(&alert.instrument.to_string(), "", 1)),
        "value" => SortKey::Number(Some(alert.value)),
        "now" => SortKey::Number(match alert.when {
            AlertWhen::Above | AlertWhen::Below => {
                quote.and_then(|quote| quote.last.or_else(|| quote.mid())).map(|price| price.get())
            }
            AlertWhen::ChangePercent => quote.and_then(|quote| quote.change_percent()),
        }),
        "away%" => SortKey::Number(distance(alert, snapshot).filter(|_| alert.waits())),
        _ => SortKey::Number(alert.fired_at.map(|at| at.as_millisecond().into())),
    }
}

fn price(value: Decimal, decimals: u32) -> String {
    format::grouped(value, decimals.max(value.normalize().scale()).min(8))
}

fn last(alert: &Alert, snapshot: &Snapshot, decimals: u32) -> String {
    let quote = snapshot.quotes.get(&alert.instrument);
    let last = quote.and_then(|quote| quote.last.or_else(|| quote.mid()));
    last.map_or_else(|| "-".to_owned(), |last| format::price(last, decimals))
}

/// How far a price has to go, in per cent of it; of a change, in points.
fn distance(alert: &Alert, snapshot: &Snapshot) -> Option<Decimal> {
    let quote = snapshot.quotes.get(&alert.instrument)?;
    match alert.when {
        AlertWhen::Above | AlertWhen::Below => {
            let last = quote.last.or_else(|| quote.mid())?.get();
            ((alert.value - last) * Decimal::ONE_HUNDRED).checked_div(last)
        }
        AlertWhen::ChangePercent if alert.value.is_sign_negative() => {
            Some(alert.value - quote.change_percent()?)
        }
        AlertWhen::ChangePercent => Some(alert.value - quote.change_percent()?.abs()),
    }
}

impl Pane for AlertsPane {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let waiting = look.snapshot.alerts.iter().filter(|alert| alert.waits()).count();
        let rang = look.snapshot.alerts.len() - waiting;
        let mut line = titled("Alerts", &format!("waiting {waiting}  "), look);
        let style = if rang > 0 { look.theme.warning } else { look.theme.dim };
        line.push_span(Span::styled(format!("rang {rang}  "), style));
        let filter =
            format!("{}{}", self.list.sorting.label(), self.list.filter.label(look.theme.glyphs.caret));
        line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.dim));
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows(look.snapshot);
        if rows.is_empty() {
            let lines = [
                "No alerts.",
                "Press {add} to set one, or type {command} alert aapl above 260, or {command} alert aapl 3%",
            ];
            return draw_empty(&lines, look, area, buf);
        }
        let columns = head(look.snapshot, &look.env.zone);
        self.list.draw(&columns, rows.len(), |i| self.row(rows[i], look), look, (area, &mut *buf));
        self.draw_edit(&rows, look, area, buf);
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let rows = self.rows(at.snapshot);
        let lines = Lines::plain(rows.len());
        match self.list.act(action, &head(at.snapshot, &at.env.zone), &lines) {
            None => {}
            Some(Did::Changed) => return true,
            Some(Did::Moved) => {
                self.selected = rows.get(self.list.state.index).map(|alert| alert.id);
                return true;
            }
        }
        match (action, self.current(at.snapshot)) {
            (Action::Add, _) => {
                let symbol = at.env.current.as_ref().map(|i| format!("{i} ")).unwrap_or_default();
                wishes.push(Wish::Type(format!("alert {symbol}above ")));
            }
            (Action::Clear, _) => self.change(AlertChange::Clear, "take off alerts that rang", wishes),
            (Action::Open | Action::Edit, Some(alert)) => {
                self.edit = Some((alert.id, TextInput::new(alert.value.normalize().to_string())));
            }
            (Action::Remove, Some(alert)) => {
                self.change(AlertChange::Remove { id: alert.id }, "take off an alert", wishes);
            }
            (Action::Copy, Some(alert)) => wishes.push(Wish::Copy(alert.words())),
            (Action::Chart, Some(alert)) => {
                wishes.push(Wish::Select(alert.instrument.clone()));
                wishes.push(Wish::Focus(PaneKind::Chart));
            }
            (Action::Open | Action::Edit | Action::Remove | Action::Copy | Action::Chart, None) => {}
            _ => return false,
        }
        true
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let Some((_, input)) = &mut self.edit else { return self.list.filter.key(event) };
        match event.code {
            KeyCode::Enter => self.finish_edit(at, wishes),
            KeyCode::Esc => self.edit = None,
            _ if event.modifiers.contains(KeyModifiers::ALT) => return false,
            _ => {
                input.key(event, |c| c.is_ascii_digit() || matches!(c, '.' | '-' | '%'));
            }
        }
        true
    }

    fn hints(&self, _: &Keymap) -> Option<Hints> {
        match self.edit {
            Some(_) => Some(fixed(&[("Enter", "keep"), ("Esc", "as it was")])),
            None => self.list.filter.hints().map(fixed),
        }
    }

    fn paste(&mut self, text: &str, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        match &mut self.edit {
            Some((_, input)) => {
                let digits: String =
                    text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
                input.insert(&digits);
                true
            }
            None => self.list.filter.paste(text),
        }
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let rows = self.rows(at.snapshot);
        let lines = Lines::plain(rows.len());
        if let Some(row) = self.list.click((column, line), area, &head(at.snapshot, &at.env.zone), &lines) {
            self.selected = rows.get(row).map(|alert| alert.id);
        }
    }

    fn columns(&self, at: &At<'_>) -> Option<(Vec<Column>, &Choice)> {
        Some((head(at.snapshot, &at.env.zone).to_vec(), &self.list.choice))
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
        self.list.recall(memory, &head(at.snapshot, &at.env.zone));
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet =
            Sheet::new(&["id", "symbol", "alert", "value", "created_at", "rang_at", "rang_price"]);
        for alert in self.rows(at.snapshot) {
            sheet.push(vec![
                alert.id.to_string(),
                alert.instrument.key(),
                alert.words(),
                alert.value.normalize().to_string(),
                alert.created_at.to_string(),
                cell(alert.fired_at),
                cell(alert.fired_price),
            ]);
        }
        Some(sheet)
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let rows = self.rows(at.snapshot);
        let found = rows.iter().position(|alert| Some(alert.id) == self.selected);
        self.list.settle(area, found, &Lines::plain(rows.len()));
        self.selected = rows.get(self.list.state.index).map(|alert| alert.id);
        if self.edit.as_ref().is_some_and(|(id, _)| !rows.iter().any(|alert| alert.id == *id)) {
            self.edit = None;
        }
    }
}
