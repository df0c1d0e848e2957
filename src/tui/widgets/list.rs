//! Selection and scroll of a list. The rows stay elsewhere; this knows only how many there are.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::tui::action::Action;
use crate::tui::theme::Theme;

/// Which row is selected and which is on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListState {
    /// The selected row.
    pub index: usize,
    /// The topmost row shown.
    pub offset: usize,
    /// Rows shown when last settled.
    page: usize,
    /// Rows reach to the last line, where other lists say how many more there are.
    full: bool,
}

impl ListState {
    /// A list without the line that says how many more there are.
    #[must_use]
    pub const fn full() -> Self {
        Self { index: 0, offset: 0, page: 0, full: true }
    }

    /// Moves the selection; false when the action is no movement.
    pub fn act(&mut self, action: Action, rows: usize) -> bool {
        let page = self.page.max(2) - 1;
        let last = rows.saturating_sub(1);
        self.index = match action {
            Action::Down => self.index.saturating_add(1).min(last),
            Action::Up => self.index.saturating_sub(1),
            Action::PageDown => self.index.saturating_add(page).min(last),
            Action::PageUp => self.index.saturating_sub(page),
            Action::First => 0,
            Action::Last => last,
            _ => return false,
        };
        true
    }

    /// The same where nothing settles the list between two keys: a page is of `height` rows, and the selection moves within what is in view
    /// before that moves.
    pub fn act_within(&mut self, action: Action, rows: usize, height: u16) -> bool {
        self.settle(rows, height);
        let moves = self.act(action, rows);
        self.settle(rows, height);
        moves
    }

    /// After rows or height changed: the selection exists and is in view.
    pub fn settle(&mut self, rows: usize, height: u16) {
        self.index = self.index.min(rows.saturating_sub(1));
        let shown = self.shown(rows, height);
        self.page = shown;
        let lowest = (self.index + 1).saturating_sub(shown);
        self.offset = self.offset.clamp(lowest.min(self.index), self.index).min(rows.saturating_sub(shown));
    }

    /// The row above the topmost is shown too, as it is the head of the one that is: unless the selected one would leave.
    pub const fn show_above(&mut self, height: u16) {
        if self.offset > 0 && self.index + 1 < self.offset + height as usize {
            self.offset -= 1;
        }
    }

    /// The rows in view.
    #[must_use]
    pub fn visible(&self, rows: usize, height: u16) -> Range<usize> {
        let start = self.offset.min(rows);
        start..(start + self.shown(rows, height)).min(rows)
    }

    /// Says in the last line of the rows how many there are above and below those in view, where the list keeps that line for it.
    pub fn draw_rest(&self, rows: usize, area: Rect, theme: &Theme, buf: &mut Buffer) {
        if !self.full {
            draw_rest(&self.visible(rows, area.height), rows, area, theme, buf);
        }
    }

    /// The row under a line of the pane, counted from its first row.
    #[must_use]
    pub fn at_line(&self, line: u16, rows: usize, height: u16) -> Option<usize> {
        let row = self.offset + usize::from(line);
        self.visible(rows, height).contains(&row).then_some(row)
    }

    /// A click at a line of a pane of this height, whose first `head` lines are no rows: selects the row there. False where there is none.
    pub fn click(&mut self, line: u16, head: u16, rows: usize, height: u16) -> bool {
        let row =
            line.checked_sub(head).and_then(|line| self.at_line(line, rows, height.saturating_sub(head)));
        self.index = row.unwrap_or(self.index);
        row.is_some()
    }

    /// When not all rows fit, the last line says how many more there are.
    fn shown(&self, rows: usize, height: u16) -> usize {
        let height = usize::from(height);
        if rows <= height { rows } else { height.saturating_sub(usize::from(!self.full)).max(1) }
    }
}

/// Says in the last line of an area how many rows there are above and below those in view; nothing where all are.
pub fn draw_rest(shown: &Range<usize>, rows: usize, area: Rect, theme: &Theme, buf: &mut Buffer) {
    let parts = [(shown.start, "above"), (rows.saturating_sub(shown.end), "below")];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() || area.height == 0 {
        return;
    }
    let text = format!("{} {}", theme.glyphs.ellipsis, parts.join(", "));
    put(buf, area.x + 2, area.bottom() - 1, &text, theme.dim, area.width.saturating_sub(2));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_stays_in_view() {
        let mut list = ListState::default();
        for (action, rows, height, index, offset) in [
            (Action::Down, 3, 10, 1, 0),
            (Action::Last, 30, 10, 29, 21),
            (Action::Up, 30, 10, 28, 21),
            (Action::First, 30, 10, 0, 0),
            (Action::PageDown, 30, 10, 8, 0),
            (Action::PageDown, 30, 10, 16, 8),
            (Action::Down, 5, 10, 4, 0),
            (Action::Down, 0, 10, 0, 0),
        ] {
            list.settle(rows, height);
            assert!(list.act(action, rows));
            list.settle(rows, height);
            assert_eq!((list.index, list.offset), (index, offset), "{action:?} of {rows}");
            if rows > 0 {
                assert!(list.visible(rows, height).contains(&list.index));
            }
        }
    }

    #[test]
    fn lines_map_to_rows() {
        let mut list = ListState { index: 15, ..ListState::default() };
        list.settle(30, 10);
        assert_eq!(list.at_line(0, 30, 10), Some(list.offset));
        assert_eq!(list.at_line(9, 30, 10), None, "the last line says how many more");
        for (line, head, hit) in [(3, 0, true), (3, 1, true), (0, 1, false), (9, 0, false), (9, 1, false)] {
            let mut clicked = list;
            assert_eq!(clicked.click(line, head, 30, 10), hit, "{line} under {head}");
            let row = if hit { list.offset + usize::from(line - head) } else { list.index };
            assert_eq!(clicked.index, row, "{line} under {head}");
        }
    }
}
