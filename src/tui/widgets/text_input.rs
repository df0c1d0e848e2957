//! One line of typed text.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthChar;

use super::put;
use crate::domain::text::clean;

/// Longest text a field takes, in characters.
const LENGTH_MAX: usize = 512;

/// A text and the place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextInput {
    text: String,
    /// Byte offset, always at a character boundary.
    cursor: usize,
}

impl TextInput {
    /// A field with a text, the cursor at its end.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor.
    #[must_use]
    pub fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Puts another text in, the cursor at its end.
    pub fn set(&mut self, text: impl Into<String>) {
        *self = Self::new(text);
    }

    /// Inserts text at the cursor, cleaned, one line.
    pub fn insert(&mut self, text: &str) {
        let room = LENGTH_MAX.saturating_sub(self.text.chars().count());
        let text: String = clean(text).chars().take(room).collect();
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
    }

    /// Takes a key of editing or a character that `accepts`; false when the key is not for a text.
    pub fn key(&mut self, event: KeyEvent, accepts: impl Fn(char) -> bool) -> bool {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        if event.modifiers.contains(KeyModifiers::ALT) {
            return false;
        }
        match event.code {
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.text.len(),
            KeyCode::Char('u') if control => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            KeyCode::Char('w') if control => {
                let kept = self.before_cursor().trim_end();
                let start = kept.rfind(' ').map_or(0, |at| at + 1);
                self.text.drain(start..self.cursor);
                self.cursor = start;
            }
            KeyCode::Char(_) if control => return false,
            KeyCode::Char(c) if accepts(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => {
                if let Some(c) = self.before_cursor().chars().next_back() {
                    self.cursor -= c.len_utf8();
                    self.text.remove(self.cursor);
                }
            }
            KeyCode::Delete if self.cursor < self.text.len() => drop(self.text.remove(self.cursor)),
            KeyCode::Delete => {}
            KeyCode::Left => {
                self.cursor -= self.before_cursor().chars().next_back().map_or(0, char::len_utf8)
            }
            KeyCode::Right => {
                self.cursor += self.text[self.cursor..].chars().next().map_or(0, char::len_utf8)
            }
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Draws the text, scrolled so that the cursor is in view, and the cursor when the field has the keys. Returns the column after it.
    pub fn draw(&self, area: Rect, style: Style, focused: bool, buf: &mut Buffer) -> u16 {
        if area.width == 0 || area.height == 0 {
            return area.x;
        }
        let columns = |text: &str| text.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        let mut start = 0;
        while columns(&self.text[start..self.cursor]) >= usize::from(area.width) {
            start += self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        let end = put(buf, area.x, area.y, &self.text[start..], style, area.width);
        if focused {
            let x = area.x + columns(&self.text[start..self.cursor]) as u16;
            if let Some(cell) = buf.cell_mut((x.min(area.right() - 1), area.y)) {
                cell.set_style(Style::new().add_modifier(Modifier::REVERSED));
            }
            return end.max(x + 1).min(area.right());
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str) -> TextInput {
        let mut input = TextInput::default();
        for c in keys.chars() {
            let event = match c {
                '<' => KeyEvent::new(KeyCode::Left, KeyModifiers::NONE),
                '>' => KeyEvent::new(KeyCode::Right, KeyModifiers::NONE),
                '~' => KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE),
                '^' => KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL),
                '|' => KeyEvent::new(KeyCode::Home, KeyModifiers::NONE),
                '#' => KeyEvent::new(KeyCode::Delete, KeyModifiers::NONE),
                c => KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE),
            };
            input.key(event, |_| true);
        }
        input
    }

    #[test]
    fn texts_are_edited() {
        for (keys, expected) in [
            ("buy 10", "buy 10"),
            ("bu<<x", "xbu"),
            ("東京<~", "京"),
            ("buy ten ^10", "buy 10"),
            ("buy|#x", "xuy"),
            ("<>~#^", ""),
        ] {
            assert_eq!(typed(keys).text(), expected, "{keys}");
        }
    }

    #[test]
    fn pasted_text_is_one_clean_line_and_capped() {
        let mut input = typed("a");
        input.insert("\u{1b}[31mb\nc\u{202e}");
        assert_eq!(input.text(), "ab c");
        input.insert(&"x".repeat(2_000));
        assert_eq!(input.text().chars().count(), LENGTH_MAX);
    }

    #[test]
    fn the_cursor_is_in_view() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 5, 1));
        typed("abcdefgh").draw(buf.area, Style::new(), true, &mut buf);
        assert_eq!(buf.content().iter().map(|c| c.symbol()).collect::<String>(), "efgh ");
        assert!(buf[(4, 0)].modifier.contains(Modifier::REVERSED));
    }
}
