//! The keys of the pane that has them, and those that hold everywhere.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::keymap::{HelpLine, Keymap, Scope};
use crate::tui::panes::PaneKind;
use crate::tui::widgets::put;
use crate::tui::wish::Wish;

const COLUMN_WIDTH: u16 = 52;
const KEYS_WIDTH: u16 = 18;

/// The help of one pane.
#[derive(Debug)]
pub struct Help {
    pane: PaneKind,
    lines: Vec<(String, String)>,
    scroll: usize,
}

impl Help {
    /// The help of a pane, or of the keys that change the layout.
    #[must_use]
    pub fn new(pane: PaneKind, arranging: bool, keymap: &Keymap) -> Self {
        let mut lines = Vec::new();
        let scopes = if arranging { &[Scope::Layout] } else { pane.scopes() };
        for scope in scopes {
            let heading = match scope {
                Scope::Global => "everywhere",
                Scope::List => "in lists",
                Scope::Layout => "while the layout is changed",
                _ => pane.tab(),
            };
            let help: Vec<HelpLine> = keymap.help(*scope, scopes);
            if help.is_empty() {
                continue;
            }
            if !lines.is_empty() {
                lines.push((String::new(), String::new()));
            }
            lines.push((String::new(), heading.to_owned()));
            lines.extend(help.into_iter().map(|line| (line.keys, line.text.to_owned())));
        }
        Self { pane, lines, scroll: 0 }
    }
}

impl Modal for Help {
    fn title(&self) -> String {
        format!("Keys: {}", self.pane.tab())
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        let columns = (room.width / COLUMN_WIDTH).clamp(1, 2);
        let rows = self.lines.len().div_ceil(usize::from(columns)) as u16;
        ((COLUMN_WIDTH * columns).min(room.width), rows.min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let columns = (area.width / COLUMN_WIDTH).clamp(1, 2);
        let per_column = usize::from(area.height);
        let shown = per_column * usize::from(columns);
        let top = self.scroll.min(self.lines.len().saturating_sub(shown));
        for (i, (keys, text)) in self.lines.iter().skip(top).take(shown).enumerate() {
            let x = area.x + (i / per_column) as u16 * COLUMN_WIDTH;
            let y = area.y + (i % per_column) as u16;
            if keys.is_empty() {
                put(buf, x, y, text, look.theme.strong, COLUMN_WIDTH);
                continue;
            }
            put(
                buf,
                x,
                y,
                &format::fit(keys, KEYS_WIDTH - 1, look.theme.glyphs.ellipsis),
                look.theme.accent,
                KEYS_WIDTH,
            );
            let room = COLUMN_WIDTH.min(area.right().saturating_sub(x)).saturating_sub(KEYS_WIDTH + 1);
            put(buf, x + KEYS_WIDTH, y, text, look.theme.text, room);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        "Esc close   j k scroll".to_owned()
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> After {
        match event.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('?' | 'q') => return After::Close,
            KeyCode::Char('j' | ' ') | KeyCode::Down | KeyCode::PageDown => {
                self.scroll = (self.scroll + 4).min(self.lines.len());
            }
            KeyCode::Char('k') | KeyCode::Up | KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(4),
            _ => {}
        }
        After::Stay
    }

    fn paste(&mut self, _text: &str, _at: &At<'_>) -> bool {
        true
    }
}
