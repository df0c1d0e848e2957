//! What happened: the engine's log and the screen's own notices, newest last.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{ListFilter, Pane, Sheet, draw_empty, titled};
use crate::domain::snapshot::{LogLine, Severity};
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::dialogs::Dialog;
use crate::tui::dialogs::report::Report;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::put;
use crate::tui::wish::Wish;

/// Notices of the screen that are kept.
const NOTICES_MAX: usize = 200;

/// The activity pane.
#[derive(Debug)]
pub struct Activity {
    list: ListState,
    /// The user scrolled up; else the newest line stays in view.
    pinned: bool,
    filter: ListFilter,
    notices: Vec<LogLine>,
}

impl Default for Activity {
    fn default() -> Self {
        Self { list: ListState::full(), pinned: false, filter: ListFilter::default(), notices: Vec::new() }
    }
}

impl Activity {
    /// Keeps a notice of the screen.
    pub fn note(&mut self, line: LogLine) {
        if self.notices.len() == NOTICES_MAX {
            self.notices.remove(0);
        }
        self.notices.push(line);
    }

    /// Both logs by time; of the same instant, the engine's first.
    fn rows<'a>(&'a self, engine: &'a [LogLine]) -> Vec<&'a LogLine> {
        let mut rows: Vec<&LogLine> = engine
            .iter()
            .chain(&self.notices)
            .filter(|line| self.filter.passes(&line.text) || self.filter.passes(&line.code))
            .collect();
        rows.sort_by_key(|line| line.at);
        rows
    }
}

impl Pane for Activity {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let filter = self.filter.label(look.theme.glyphs.caret);
        titled(
            "Activity",
            &if filter.is_empty() { filter } else { format!("{} ", filter.trim_start()) },
            look,
        )
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows(&look.snapshot.log);
        if rows.is_empty() {
            return draw_empty(
                &[
                    "Nothing has happened yet.",
                    "Orders, fills and errors stay here; Enter reads a line in full",
                ],
                look,
                area,
                buf,
            );
        }
        let theme = look.theme;
        for (line, i) in self.list.visible(rows.len(), area.height).enumerate() {
            let (row, y) = (rows[i], area.y + line as u16);
            let style = match row.severity {
                Severity::Info => theme.text,
                Severity::Warning => theme.warning,
                Severity::Error => theme.error,
            };
            let mark = match row.severity {
                Severity::Info => " ",
                Severity::Warning => "!",
                Severity::Error => theme.glyphs.fail,
            };
            put(buf, area.x, y, mark, style, 1);
            let time = format::clock_seconds(row.at, &look.env.zone);
            let x = put(buf, area.x + format::width(mark).max(1) + 1, y, &time, theme.dim, 8) + 1;
            let room = area.right().saturating_sub(x);
            put(buf, x, y, &format::fit(&clean(&row.text), room, theme.glyphs.ellipsis), style, room);
            if look.focused && i == self.list.index {
                buf.set_style(Rect { y, height: 1, ..area }, theme.selected);
            }
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let rows = self.rows(&at.snapshot.log);
        let count = rows.len();
        let current = rows.get(self.list.index).map(|line| (*line).clone());
        if self.list.act(action, count) {
            self.pinned = self.list.index + 1 < count;
            return true;
        }
        match (action, current) {
            (Action::Filter, _) => self.filter.open(),
            (Action::Copy, Some(line)) => wishes.push(Wish::Copy(clean(&line.text).into_owned())),
            (Action::Open, Some(line)) => {
                let zone = format::zone_name(line.at, &at.env.zone);
                let pairs = vec![
                    ("time".to_owned(), format!("{} {zone}", format::clock_seconds(line.at, &at.env.zone))),
                    ("code".to_owned(), line.code.to_string()),
                    ("text".to_owned(), line.text),
                ];
                wishes.push(Wish::Open(Box::new(Dialog::Report(Report::pairs("Activity", pairs)))));
            }
            _ => return false,
        }
        true
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&["time", "severity", "code", "text"]);
        for line in self.rows(&at.snapshot.log) {
            let severity = match line.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let text = |text: &str| clean(text).into_owned();
            sheet.push(vec![line.at.to_string(), severity.to_owned(), text(&line.code), text(&line.text)]);
        }
        Some(sheet)
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        self.filter.key(event)
    }

    fn paste(&mut self, text: &str, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        self.filter.paste(text)
    }

    fn click(&mut self, _column: u16, line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let count = self.rows(&at.snapshot.log).len();
        if let Some(row) = self.list.at_line(line, count, area.height) {
            self.list.index = row;
            self.pinned = row + 1 < count;
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let count = self.rows(&at.snapshot.log).len();
        if !self.pinned {
            self.list.index = count.saturating_sub(1);
        }
        self.list.settle(count, area.height);
    }
}
