//! Connections: the engine, brokers and feeds, whether they answer, how fast, and what went wrong last.

mod beat;

use std::time::Duration;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use self::beat::Beat;
use super::sheet::cell;
use super::{ListFilter, Memory, Pane, PaneKind, Sheet, draw_empty, titled};
use crate::client::remote::LINE;
use crate::client::{Reply, Request, SessionError};
use crate::domain::snapshot::{AccountView, Connection};
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::dialogs::Dialog;
use crate::tui::dialogs::report::Report;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::news::sign_in_line;
use crate::tui::sources::class_word;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::sorted::{Lines, SortKey, SortedList};
use crate::tui::widgets::table::{Column, Row, stretch};
use crate::tui::wish::{Purpose, WayOut, Wish};

/// So many calls left are few: what is asked by hand may have to wait.
const FEW_LEFT: u32 = 10;

/// What the engine is called among them.
const ENGINE: &str = LINE;

const COLUMNS: [Column; 7] = [
    Column::text("name", NAME_WIDTH.0, 0),
    Column::text("state", 9, 0),
    Column::number("latency", 7, 2),
    // Calls that the other side says are left for now, and when it is tried again.
    Column::number("left", 6, 3),
    Column::text("next try", 12, 4),
    // Why it is down comes before how quick it is.
    Column::text("about", ABOUT_WIDTH.0, 1),
    Column::text("last error", ERROR_WIDTH.0, 5),
];
/// Columns of the names, at least and at most.
const NAME_WIDTH: (u16, u16) = (13, 24);
/// See `NAME_WIDTH`.
const ABOUT_WIDTH: (u16, u16) = (24, 60);
/// See `NAME_WIDTH`.
const ERROR_WIDTH: (u16, u16) = (24, 100);

/// The connections pane.
#[derive(Debug, Default)]
pub struct Connections {
    list: SortedList,
    selected: Option<String>,
    beat: Beat,
}

impl Connections {
    /// The columns of a pane so wide: names as wide as the longest; what a connection says of itself takes what is left, then the last error.
    fn head(&self, width: u16, at: &At<'_>) -> Vec<Column> {
        let mut head = COLUMNS.to_vec();
        let longest = self.rows(at).iter().map(|shown| format::width(&clean(&shown.name))).max().unwrap_or(0);
        head[0].width = longest.clamp(NAME_WIDTH.0, NAME_WIDTH.1);
        stretch(&mut head, &self.list.choice, width, "about", ABOUT_WIDTH.1);
        stretch(&mut head, &self.list.choice, width, "last error", ERROR_WIDTH.1);
        head
    }

    /// The engine first, where it is a process of its own.
    fn rows(&self, at: &At<'_>) -> Vec<Shown> {
        let filter = &self.list.filter;
        let passes = |c: &Connection| filter.passes(&c.name) || filter.passes(&c.text);
        // While the line to it is down, that is what stands there.
        let line_is_down = at.snapshot.connections.iter().any(|connection| connection.name == ENGINE);
        let engine = self.beat.connection(at.env.now).filter(|_| !line_is_down);
        let all = engine.into_iter().chain(at.snapshot.connections.iter().cloned()).map(Shown::of);
        let accounts = at.snapshot.accounts.iter().map(|view| account(view, at));
        self.list.sorting.sorted(all.chain(accounts).filter(|shown| passes(shown)).collect(), sort_key)
    }
}

/// A row: a connection, or how an account stands with its broker in the same columns.
struct Shown {
    connection: Connection,
    state: &'static str,
}

impl std::ops::Deref for Shown {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Shown {
    fn of(connection: Connection) -> Self {
        Self { state: if connection.up { "up" } else { "DOWN" }, connection }
    }
}

/// The newest comparison of an account's books with its broker (reliability R8).
fn account(view: &AccountView, at: &At<'_>) -> Shown {
    let standing = &view.standing;
    let state = match (standing.up, standing.reconciled) {
        (false, _) => "DOWN",
        (true, true) => "agrees",
        (true, false) => "DIFFERS",
    };
    let count = |part: Option<usize>, what: &str| match part {
        Some(1) => format!("1 {}", what.trim_end_matches('s')),
        Some(count) => format!("{count} {what}"),
        None => format!("no word on {what}"),
    };
    let mut text = match &standing.last {
        None => "not compared yet".to_owned(),
        Some(run) => format!(
            "compared {}: {}, {}, {}",
            format::near(run.finished, at.snapshot.now, &at.env.zone),
            count(run.orders, "orders"),
            count(run.executions, "fills"),
            count(run.positions, "positions"),
        ),
    };
    if standing.overridden {
        text.push_str("; your own orders go out");
    } else if !standing.reconciled {
        text.push_str("; nothing opens");
    }
    let mut connection =
        Connection::new(&format!("account {}", view.account.account), standing.reconciled, &text);
    connection.last_error = standing.last.as_ref().filter(|run| !run.differences.is_empty()).map(|run| {
        let more = match run.differences.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        (run.finished, format!("{}{more}", run.differences[0]))
    });
    Shown { connection, state }
}

/// What a connection has in a column.
fn sort_key(connection: &Shown, title: &str) -> SortKey {
    let time = |at: Timestamp| rust_decimal::Decimal::from(at.as_millisecond());
    match title {
        "name" => SortKey::Text(connection.name.to_string()),
        // What is down is on top.
        "state" => SortKey::Text(connection.state.to_owned()),
        "latency" => SortKey::Number(connection.latency_ms.map(Into::into)),
        "left" => SortKey::Number(connection.limit_left.map(Into::into)),
        "next try" => SortKey::Number(connection.retry_at.map(time)),
        "about" => SortKey::Text(connection.text.clone()),
        _ => SortKey::Number(connection.last_error.as_ref().map(|(at, _)| time(*at))),
    }
}

/// Calls left, where the other side says so.
fn left(connection: &Connection) -> Option<String> {
    connection.limit_left.map(|left| format::grouped(left.into(), 0))
}

/// When it is tried again, where it does not answer.
fn next_try(connection: &Connection, at: &At<'_>) -> Option<String> {
    connection.retry_at.map(|when| format::near(when, at.snapshot.now, &at.env.zone))
}

fn latency(connection: &Connection) -> String {
    connection.latency_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"))
}

/// What went wrong last; of one that is down and has no error, what it says of itself.
fn last_error(connection: &Connection, at: &At<'_>) -> String {
    match &connection.last_error {
        Some((when, text)) => {
            format!("{} {}", format::near(*when, at.snapshot.now, &at.env.zone), clean(text))
        }
        None if connection.up => "none".to_owned(),
        None => clean(&connection.text).into_owned(),
    }
}

impl Pane for Connections {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let down = look.snapshot.connections.iter().filter(|c| !c.up).count();
        let up = look.snapshot.connections.len() - down;
        let mut line = titled("Connections", &format!("up {up} "), look);
        if down > 0 {
            line.push_span(Span::styled(format!(" down {down} "), look.theme.error));
        }
        let filter =
            format!("{}{}", self.list.sorting.label(), self.list.filter.label(look.theme.glyphs.caret));
        if !filter.is_empty() {
            line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.dim));
        }
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let all = self.rows(&look.at());
        if all.is_empty() {
            let lines = match look.snapshot.connections.is_empty() {
                true => ["Nothing is connected yet.", "The paper venue and the market data show here"],
                false => ["No connection matches.", "Esc takes the filter off"],
            };
            return draw_empty(&lines, look, area, buf);
        }
        let theme = look.theme;
        let row = |i: usize| {
            let connection = &all[i];
            let (mark, style) = match connection.up {
                true => (theme.glyphs.connected, theme.ok),
                false => (theme.glyphs.disconnected, theme.error),
            };
            let word = connection.state;
            let error = last_error(connection, &look.at());
            let style_of_error =
                if connection.last_error.is_some() || !connection.up { theme.warning } else { theme.dim };
            let cells = vec![
                (clean(&connection.name).into_owned(), theme.strong),
                (format!("{mark} {word}"), style),
                (latency(connection), theme.text),
                (left(connection).unwrap_or_else(|| "-".to_owned()), style_of_left(connection, look)),
                (next_try(connection, &look.at()).unwrap_or_default(), theme.warning),
                (clean(&connection.text).into_owned(), theme.dim),
                (error, style_of_error),
            ];
            Row { cells, selected: i == self.list.state.index }
        };
        let columns = self.head(area.width, &look.at());
        self.list.draw(&columns, all.len(), row, look, (area, buf));
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let rows = self.rows(at);
        let columns = self.head(0, at);
        if self.list.act(action, &columns, &Lines::plain(rows.len())).is_some() {
            let moved = rows.get(self.list.state.index).map(|connection| connection.name.to_string());
            self.selected =
                if matches!(action, Action::Sort | Action::SortBack) { self.selected.take() } else { moved };
            return true;
        }
        let current = rows.get(self.list.state.index);
        let Some(connection) = current else { return false };
        match action {
            Action::Open if connection.vault_locked => {
                wishes.extend(WayOut::Unlock(clean(&connection.name).into_owned()).wishes());
            }
            Action::Open => {
                let mut pairs = vec![
                    ("name".to_owned(), clean(&connection.name).into_owned()),
                    ("state".to_owned(), connection.state.to_lowercase()),
                    ("latency".to_owned(), latency(connection)),
                    ("about".to_owned(), clean(&connection.text).into_owned()),
                    ("last error".to_owned(), last_error(connection, at)),
                    ("calls left".to_owned(), left(connection).unwrap_or_else(|| "not said".to_owned())),
                    (
                        "next try".to_owned(),
                        next_try(connection, at).unwrap_or_else(|| "none needed".to_owned()),
                    ),
                ];
                let kinds: Vec<&str> = connection.prices.iter().map(|class| class_word(*class)).collect();
                if !kinds.is_empty() {
                    let since = connection.prices_stopped_at;
                    let since = since.map(|when| {
                        format!(", none since {}", format::near(when, at.snapshot.now, &at.env.zone))
                    });
                    pairs.push(("prices of".to_owned(), kinds.join(", ") + &since.unwrap_or_default()));
                }
                if let Some(line) = sign_in_line(connection) {
                    pairs.push((
                        "sign in again".to_owned(),
                        format!("{} {line}", at.env.keymap.label(Action::CommandBar)),
                    ));
                }
                if connection.name == ENGINE {
                    pairs.extend(self.beat.details());
                }
                wishes.push(Wish::Open(Box::new(Dialog::Report(Report::pairs("Connection", pairs)))));
            }
            Action::Copy => {
                let state = connection.state.to_lowercase();
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

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.list.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.list.filter)
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let rows = self.rows(at);
        let columns = self.head(area.width, at);
        if let Some(row) = self.list.click((column, line), area, &columns, &Lines::plain(rows.len())) {
            self.selected = rows.get(row).map(|connection| connection.name.to_string());
        }
    }

    fn columns(&self, _at: &At<'_>) -> Option<(Vec<Column>, &Choice)> {
        Some((COLUMNS.to_vec(), &self.list.choice))
    }

    fn choose(&mut self, choice: Choice) {
        self.list.choice = choice;
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let mut memory = Memory::new();
        self.list.remember(&mut memory);
        memory
    }

    fn recall(&mut self, memory: &Memory, _at: &At<'_>) {
        self.list.recall(memory, &COLUMNS);
    }

    fn answer(&mut self, _: u64, reply: Result<Reply, SessionError>, at: &At<'_>, _: &mut Vec<Wish>) {
        self.beat.take(reply, at.env.now);
    }

    fn due(&self, _at: &At<'_>) -> Option<Duration> {
        self.beat.due()
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if self.beat.ask(at.env.now) {
            wishes.push(Wish::Ask(Request::EngineStatus, Purpose::Pane(PaneKind::Connections, 0)));
        }
        let rows = self.rows(at);
        let name = |connection: &Shown| Some(connection.name.as_str()) == self.selected.as_deref();
        let found = rows.iter().position(name);
        self.list.settle(area, found, &Lines::plain(rows.len()));
        self.selected = rows.get(self.list.state.index).map(|connection| connection.name.to_string());
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet =
            Sheet::new(&["name", "up", "latency_ms", "limit_left", "retry_at", "text", "last_error"]);
        sheet.rows.extend(at.snapshot.connections.iter().map(|connection| {
            vec![
                connection.name.to_string(),
                connection.up.to_string(),
                cell(connection.latency_ms),
                cell(connection.limit_left),
                cell(connection.retry_at),
                connection.text.clone(),
                connection.last_error.as_ref().map(|(_, text)| text.clone()).unwrap_or_default(),
            ]
        }));
        Some(sheet)
    }
}

/// Few calls left stand out.
fn style_of_left(connection: &Connection, look: &Look<'_>) -> Style {
    match connection.limit_left {
        Some(left) if left <= FEW_LEFT => look.theme.warning,
        Some(_) => look.theme.text,
        None => look.theme.dim,
    }
}
