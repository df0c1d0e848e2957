//! A passphrase while it is typed: shown as stars, wiped when it goes, with no copy of it left behind.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use zeroize::{Zeroize, Zeroizing};

use crate::client::secret::Secret;

/// Longest passphrase that is taken, in bytes. Room for it is there from the start, so that nothing of it is left in a smaller one.
const BYTES_MAX: usize = 1_024;

/// What is typed.
pub struct Hidden(Zeroizing<String>);

impl Default for Hidden {
    fn default() -> Self {
        Self(Zeroizing::new(String::with_capacity(BYTES_MAX)))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Hidden {
    /// Is there nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes are overwritten, not only let go.
    pub fn forget(&mut self) {
        self.0.zeroize();
        self.0.reserve(BYTES_MAX);
    }

    /// Puts a text at its end, as far as there is room; no control characters.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()) {
            if self.0.len() + c.len_utf8() <= BYTES_MAX {
                self.0.push(c);
            }
        }
    }

    /// Takes a key of the field: a character, or one that takes back. Enter and Esc are for who has the field.
    pub fn key(&mut self, event: KeyEvent) {
        let held = event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match event.code {
            KeyCode::Backspace => drop(self.0.pop()),
            KeyCode::Char('u') if event.modifiers.contains(KeyModifiers::CONTROL) => self.forget(),
            KeyCode::Char(c) if !held => self.insert(c.encode_utf8(&mut [0; 4])),
            _ => {}
        }
    }

    /// Hands it on; nothing of it stays here. None where nothing was typed.
    pub fn take(&mut self) -> Option<Secret> {
        let mut typed = std::mem::take(&mut *self);
        (!typed.is_empty()).then(|| Secret::new(std::mem::take(&mut *typed.0)))
    }

    /// A star for each character, and no more than so many.
    #[must_use]
    pub fn stars(&self, most: u16) -> String {
        "*".repeat(self.0.chars().count().min(usize::from(most)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_shows_and_nothing_of_it_stays() {
        let mut hidden = Hidden::default();
        let press = |hidden: &mut Hidden, code, with| hidden.key(KeyEvent::new(code, with));
        hidden.insert("a\u{1b}b\ncd");
        press(&mut hidden, KeyCode::Char('e'), KeyModifiers::NONE);
        press(&mut hidden, KeyCode::Char('x'), KeyModifiers::ALT);
        press(&mut hidden, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!((hidden.stars(10), hidden.stars(2)), ("****".to_owned(), "**".to_owned()));
        assert_eq!(format!("{hidden:?}"), "[hidden]");
        assert!(hidden.take() == Some(Secret::new("abcd".to_owned())) && hidden.is_empty());
        assert!(hidden.take().is_none());
        hidden.insert(&"é".repeat(BYTES_MAX));
        assert_eq!(hidden.0.len(), BYTES_MAX);
        press(&mut hidden, KeyCode::Char('u'), KeyModifiers::CONTROL);
        assert!(hidden.is_empty() && hidden.0.capacity() >= BYTES_MAX);
    }
}
