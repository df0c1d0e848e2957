//! The columns of a list: which are shown, and in which order. Each change is seen at once behind the dialog.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::tui::env::{At, Look};
use crate::tui::panes::PaneKind;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::put;
use crate::tui::widgets::table::Column;
use crate::tui::wish::Wish;

const WIDTH: u16 = 48;

/// The columns of a pane.
#[derive(Debug)]
pub struct Columns {
    kind: PaneKind,
    columns: Vec<Column>,
    choice: Choice,
    list: ListState,
}

impl Columns {
    /// Those of a pane, as they are chosen now.
    #[must_use]
    pub fn new(kind: PaneKind, columns: Vec<Column>, choice: Choice) -> Self {
        Self { kind, columns, choice, list: ListState::full() }
    }

    fn step(&mut self, down: bool) {
        let last = self.columns.len().saturating_sub(1);
        let index = self.list.index;
        self.list.index = if down { (index + 1).min(last) } else { index.saturating_sub(1) };
    }
}

impl Modal for Columns {
    fn title(&self) -> String {
        format!("Columns: {}", self.kind.tab())
    }

    fn size(&self, _look: &Look<'_>, _room: Rect) -> (u16, u16) {
        (WIDTH, self.columns.len() as u16)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let order = self.choice.order(&self.columns);
        let mut list = self.list;
        list.settle(order.len(), area.height);
        for (line, i) in list.visible(order.len(), area.height).enumerate() {
            let (at, shown) = order[i];
            let y = area.y + line as u16;
            let selected = i == list.index;
            if selected {
                buf.set_style(Rect { y, height: 1, ..area }, theme.selected);
                put(buf, area.x, y, theme.glyphs.cursor, theme.accent, 1);
            }
            let style = if shown { theme.text } else { theme.dim };
            put(buf, area.x + 2, y, if shown { "[x]" } else { "[ ]" }, style, 3);
            put(buf, area.x + 6, y, self.columns[at].title, style, area.width.saturating_sub(6));
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        "Space on, off  J K move  0 as it was  Esc done".to_owned()
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        let place = self.list.index;
        match event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'H') => return After::Close,
            KeyCode::Down | KeyCode::Char('j') => self.step(true),
            KeyCode::Up | KeyCode::Char('k') => self.step(false),
            KeyCode::Char(' ') | KeyCode::Enter => self.choice.toggle(&self.columns, place),
            KeyCode::Char('J') => self.list.index = self.choice.shift(&self.columns, place, true),
            KeyCode::Char('K') => self.list.index = self.choice.shift(&self.columns, place, false),
            KeyCode::Char('0') => self.choice.reset(),
            _ => return After::Stay,
        }
        wishes.push(Wish::Columns(self.kind, self.choice.clone()));
        After::Stay
    }
}
