//! Connections: brokers and feeds, whether they answer, how fast, and what went wrong last.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{ListFilter, Pane, Sheet, draw_empty, titled};
use crate::domain::snapshot::{Connection, Snapshot};
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::dialogs::Dialog;
use crate::tui::dialogs::report::Report;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::table::{Column, Row, Table};
use crate::tui::wish::Wish;

const COLUMNS: [Column; 5] = [
    Column::text("name", 12, 0),
    Column::text("state", 7, 0),
    Column::number("latency", 9, 0),
    Column::text("about", 24, 2),
    Column::text("last error", 40, 1),
];

/// The connections pane.
#[derive(Debug, Default)]
pub struct Connections {
    list: ListState,
    filter: ListFilter,
}

impl Connections {
    fn rows<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Connection> {
        let passes = |c: &&Connection| self.filter.passes(&c.name) || self.filter.passes(&c.text);
        snapshot.connections.iter().filter(passes).collect()
    }
}

fn latency(connection: &Connection) -> String {
    connection.latency_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"))
}

fn last_error(connection: &Connection, at: &At<'_>) -> String {
    connection.last_error.as_ref().map_or_else(
        || "none".to_owned(),
        |(when, text)| format!("{} {}", format::clock_zoned(*when, &at.env.zone), clean(text)),
    )
}

impl Pane for Connections {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let down = look.snapshot.connections.iter().filter(|c| !c.up).count();
        let mut line = titled("Connections", &format!("{} ", look.snapshot.connections.len()), look);
        if down > 0 {
            line.push_span(Span::styled(format!("{down} down "), look.theme.error));
        }
        let filter = self.filter.label(look.theme.glyphs.caret);
        if !filter.is_empty() {
            line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.dim));
        }
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let all = self.rows(look.snapshot);
        if all.is_empty() {
            let lines = match look.snapshot.connections.is_empty() {
                true => ["Nothing is connected yet.", "The paper venue and the market data show here"],
                false => ["No connection matches.", "Esc takes the filter off"],
            };
            return draw_empty(&lines, look, area, buf);
        }
        let theme = look.theme;
        let row = |i: usize| {
            let connection = all[i];
            let (mark, word, style) = match connection.up {
                true => (theme.glyphs.connected, "up", theme.up),
                false => (theme.glyphs.disconnected, "DOWN", theme.error),
            };
            let error = last_error(connection, &look.at());
            let style_of_error = if connection.last_error.is_some() { theme.warning } else { theme.dim };
            let cells = vec![
                (clean(&connection.name).into_owned(), theme.strong),
                (format!("{mark} {word}"), style),
                (latency(connection), theme.text),
                (clean(&connection.text).into_owned(), theme.dim),
                (error, style_of_error),
            ];
            Row { cells, selected: i == self.list.index }
        };
        let visible = self.list.visible(all.len(), area.height.saturating_sub(1));
        let drawn: Vec<Row> = visible.clone().map(row).collect();
        let more = all.len() - visible.end;
        Table {
            theme,
            columns: &COLUMNS,
            choice: &Choice::default(),
            rows: &drawn,
            more,
            focused: look.focused,
        }
        .render(area, buf);
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let rows = self.rows(at.snapshot);
        if self.list.act(action, rows.len()) {
            return true;
        }
        let current = rows.get(self.list.index).copied();
        if action == Action::Filter {
            self.filter.open();
            return true;
        }
        let Some(connection) = current else { return false };
        match action {
            Action::Open => {
                let pairs = vec![
                    ("name".to_owned(), clean(&connection.name).into_owned()),
                    ("state".to_owned(), if connection.up { "up" } else { "down" }.to_owned()),
                    ("latency".to_owned(), latency(connection)),
                    ("about".to_owned(), clean(&connection.text).into_owned()),
                    ("last error".to_owned(), last_error(connection, at)),
                    (
                        "calls left".to_owned(),
                        connection.limit_left.map_or_else(|| "not said".to_owned(), |left| left.to_string()),
                    ),
                    (
                        "next try".to_owned(),
                        connection.retry_at.map_or_else(
                            || "none needed".to_owned(),
                            |when| format::clock_seconds(when, &at.env.zone),
                        ),
                    ),
                ];
                wishes.push(Wish::Open(Box::new(Dialog::Report(Report::pairs("Connection", pairs)))));
            }
            Action::Copy => {
                let state = if connection.up { "up" } else { "down" };
                wishes.push(Wish::Copy(format!(
                    "{}\t{state}\t{}",
                    clean(&connection.name),
                    latency(connection)
                )));
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

    fn click(&mut self, _column: u16, line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let count = self.rows(at.snapshot).len();
        if let Some(row) =
            line.checked_sub(1).and_then(|l| self.list.at_line(l, count, area.height.saturating_sub(1)))
        {
            self.list.index = row;
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        self.list.settle(self.rows(at.snapshot).len(), area.height.saturating_sub(1));
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&["name", "up", "latency_ms", "text", "last_error"]);
        sheet.rows.extend(at.snapshot.connections.iter().map(|connection| {
            vec![
                connection.name.to_string(),
                connection.up.to_string(),
                connection.latency_ms.map(|ms| ms.to_string()).unwrap_or_default(),
                connection.text.clone(),
                connection.last_error.as_ref().map(|(_, text)| text.clone()).unwrap_or_default(),
            ]
        }));
        Some(sheet)
    }
}
