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

/// Columns of a key with its text, at least.
const COLUMN_WIDTH: u16 = 52;
/// The same on a wide screen.
const COLUMN_WIDTH_WIDE: u16 = 76;
const KEYS_WIDTH: u16 = 18;

/// A line as it is drawn.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Blank,
    Heading(&'a str),
    Key(&'a str, String),
    /// The rest of a text that did not fit beside its key.
    More(String),
}

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
                Scope::Search => "",
                Scope::Layout => "while the layout is changed",
                _ => pane.tab(),
            };
            let help: Vec<HelpLine> = keymap.help(*scope, scopes);
            if help.is_empty() {
                continue;
            }
            // What can be searched is a list: its keys go with those.
            if !heading.is_empty() {
                if !lines.is_empty() {
                    lines.push((String::new(), String::new()));
                }
                lines.push((String::new(), heading.to_owned()));
            }
            lines.extend(help.into_iter().map(|line| (line.keys, line.text.to_owned())));
        }
        let mut macros = keymap.macros().peekable();
        if macros.peek().is_some() {
            lines.push((String::new(), String::new()));
            lines.push((String::new(), "your macros".to_owned()));
            lines.extend(macros.map(|(key, line)| (key, line.to_owned())));
        }
        Self { pane, lines, scroll: 0 }
    }

    /// Columns of text beside each other, and how wide each is.
    fn columns(room: u16) -> (u16, u16) {
        let columns = (room / COLUMN_WIDTH).clamp(1, 2);
        let width = if room / columns >= COLUMN_WIDTH_WIDE { COLUMN_WIDTH_WIDE } else { COLUMN_WIDTH };
        (columns, width.min(room))
    }

    /// The lines for columns so wide: no text is cut.
    fn laid(&self, width: u16) -> Vec<Line<'_>> {
        let room = width.saturating_sub(KEYS_WIDTH + 1);
        let mut laid = Vec::new();
        for (keys, text) in &self.lines {
            match (keys.as_str(), text.as_str()) {
                ("", "") => laid.push(Line::Blank),
                ("", heading) => laid.push(Line::Heading(heading)),
                (keys, text) => {
                    let mut parts = format::wrap(text, room).into_iter();
                    laid.push(Line::Key(keys, parts.next().unwrap_or_default()));
                    laid.extend(parts.map(Line::More));
                }
            }
        }
        laid
    }
}

impl Modal for Help {
    fn title(&self) -> String {
        format!("Keys: {}", self.pane.tab())
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        let (columns, width) = Self::columns(room.width);
        let rows = self.laid(width).len().div_ceil(usize::from(columns)) as u16;
        ((width * columns).min(room.width), rows.min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (columns, width) = Self::columns(area.width);
        let lines = self.laid(width);
        let per_column = usize::from(area.height);
        let shown = per_column * usize::from(columns);
        let top = self.scroll.min(lines.len().saturating_sub(shown));
        for (i, line) in lines.iter().skip(top).take(shown).enumerate() {
            let x = area.x + (i / per_column) as u16 * width;
            let y = area.y + (i % per_column) as u16;
            let room = width.min(area.right().saturating_sub(x)).saturating_sub(KEYS_WIDTH + 1);
            match line {
                Line::Blank => {}
                Line::Heading(text) => {
                    put(buf, x, y, text, look.theme.strong, width);
                }
                Line::Key(keys, text) => {
                    let keys = format::fit(keys, KEYS_WIDTH - 1, look.theme.glyphs.ellipsis);
                    put(buf, x, y, &keys, look.theme.accent, KEYS_WIDTH);
                    put(buf, x + KEYS_WIDTH, y, text, look.theme.text, room);
                }
                Line::More(text) => {
                    put(buf, x + KEYS_WIDTH, y, text, look.theme.text, room);
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_cut_at_any_width() {
        let keymap = Keymap::new(&std::collections::BTreeMap::new()).unwrap();
        for pane in PaneKind::ALL {
            let help = Help::new(*pane, false, &keymap);
            for width in [COLUMN_WIDTH, COLUMN_WIDTH_WIDE] {
                for line in help.laid(width) {
                    if let Line::Key(_, text) | Line::More(text) = line {
                        assert!(format::width(&text) < width - KEYS_WIDTH, "{text}");
                    }
                }
            }
        }
    }
}
