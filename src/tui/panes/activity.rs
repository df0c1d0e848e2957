//! What happened: the engine's log and the screen's own notices, newest last.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{ListFilter, Pane, Sheet, draw_empty, titled};
use crate::domain::refusal::readable;
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
/// Lines that one of them takes at most; Enter reads it in full.
const LINES_MAX: usize = 3;
/// From so many columns on, a row names the zone beside its time; with fewer only the title does.
pub const ZONED_WIDTH: u16 = 56;

/// Columns before the text: mark, blank, time, blank.
fn lead(columns: u16, at: &At<'_>) -> u16 {
    let time =
        if columns < ZONED_WIDTH { 8 } else { format::clock_zoned_width(at.snapshot.now, &at.env.zone) };
    3 + time
}

/// The activity pane.
#[derive(Debug)]
pub struct Activity {
    list: ListState,
    /// The topmost row shown. The list's own offset counts rows of one line each.
    top: usize,
    /// The user scrolled up; else the newest line stays in view.
    pinned: bool,
    filter: ListFilter,
    notices: Vec<LogLine>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            list: ListState::full(),
            top: 0,
            pinned: false,
            filter: ListFilter::default(),
            notices: Vec::new(),
        }
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
            .filter(|line| {
                self.filter.is_empty()
                    || self.filter.passes(&format!("{} {} {}", line.code, line.text, readable(&line.text)))
            })
            .collect();
        rows.sort_by_key(|line| line.at);
        rows
    }

    /// The rows in view, each with the lines it may take. What is left over goes to the row above the top, as far as it reaches.
    fn shown(&self, rows: &[&LogLine], area: Rect, lead: u16) -> Vec<(usize, usize)> {
        let mut room = usize::from(area.height);
        let mut shown = Vec::new();
        for (i, row) in rows.iter().enumerate().skip(self.top) {
            if room == 0 {
                break;
            }
            shown.push((i, LINES_MAX.min(room)));
            room -= height(row, area.width - lead.min(area.width), LINES_MAX.min(room));
        }
        if let Some(above) = self.top.checked_sub(1).filter(|_| room > 0) {
            shown.insert(0, (above, LINES_MAX.min(room)));
        }
        shown
    }
}

impl Pane for Activity {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let filter = self.filter.label(look.theme.glyphs.caret);
        let zone = format::zone_name(look.snapshot.now, &look.env.zone);
        titled("Activity", &format!("{} ", format::spaced(&[&zone, filter.trim_start()])), look)
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
        let lead = lead(area.width, &look.at());
        let room = area.width.saturating_sub(lead);
        let mut y = area.y;
        for (i, most) in self.shown(&rows, area, lead) {
            let row = rows[i];
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
            let time = format::time_in(row.at, look.snapshot.now, &look.env.zone, lead - 3);
            put(buf, area.x + 2, y, &time, theme.dim, lead - 3);
            let lines = broken(row, room, most, theme.glyphs.ellipsis);
            let height = lines.len() as u16;
            for (line, y) in lines.iter().zip(y..) {
                put(buf, area.x + lead, y, line, style, room);
            }
            if look.focused && i == self.list.index {
                buf.set_style(Rect { y, height, ..area }, theme.selected);
            }
            y += height;
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
                let pairs = vec![
                    ("time".to_owned(), format::near(line.at, at.snapshot.now, &at.env.zone)),
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

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.filter)
    }

    fn click(&mut self, _column: u16, line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let rows = self.rows(&at.snapshot.log);
        let (count, mut end) = (rows.len(), 0);
        let lead = lead(area.width, at);
        let under = self.shown(&rows, area, lead).into_iter().find(|(row, most)| {
            end += height(rows[*row], area.width.saturating_sub(lead), *most);
            usize::from(line) < end
        });
        if let Some(row) = under.map(|(i, _)| i) {
            self.list.index = row;
            self.pinned = row + 1 < count;
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let rows = self.rows(&at.snapshot.log);
        let count = rows.len();
        let mut list = self.list;
        if !self.pinned {
            list.index = count.saturating_sub(1);
        }
        list.settle(count, area.height);
        // From the selected row, and from the last, as far up as their lines have room: never beyond the one, nor less than the other.
        let columns = area.width.saturating_sub(lead(area.width, at));
        let first_above = |row: usize| {
            let mut room = usize::from(area.height);
            let fits = |row: &&&LogLine| {
                let height = height(row, columns, LINES_MAX);
                let fits = height <= room;
                room = room.saturating_sub(height);
                fits
            };
            row + 1 - rows[..=row].iter().rev().take_while(fits).count().max(1)
        };
        let top = match count.checked_sub(1) {
            Some(last) => self.top.min(first_above(last)).clamp(first_above(list.index), list.index),
            None => 0,
        };
        (self.list, self.top) = (list, top);
    }
}

/// The text of a row in so many columns and at most so many lines.
fn broken(row: &LogLine, columns: u16, most: usize, ellipsis: &str) -> Vec<String> {
    let room = columns.max(1);
    let text = readable(&row.text);
    let text = clean(&text);
    if format::width(&text) <= room {
        return vec![text.into_owned()];
    }
    let mut lines = format::wrap(&text, room);
    if lines.is_empty() {
        lines.push(String::new());
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            // As much of it as leaves room to say that it goes on.
            let words = format!("{last} {ellipsis}");
            *last = format::fit(&words, room, ellipsis).to_string();
        }
    }
    lines
}

fn height(row: &LogLine, columns: u16, most: usize) -> usize {
    broken(row, columns, most, "").len()
}
