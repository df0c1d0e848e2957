//! The filter typed over a list: rows leave as one types.

use crossterm::event::{KeyCode, KeyEvent};

use super::text_input::TextInput;

/// The filter typed over a list: absent, being typed, or in force.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    input: TextInput,
    typing: bool,
}

impl ListFilter {
    /// Starts typing.
    pub fn open(&mut self) {
        self.typing = true;
    }

    /// Takes a key while typing: Enter keeps the filter, Esc drops it.
    pub fn key(&mut self, event: KeyEvent) -> bool {
        if !self.typing {
            if event.code == KeyCode::Esc && !self.input.text().is_empty() {
                self.input.set("");
                return true;
            }
            return false;
        }
        match event.code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.input.set("");
                self.typing = false;
            }
            _ => return self.input.key(event, |c| !c.is_control()),
        }
        true
    }

    /// Takes pasted text while typing.
    pub fn paste(&mut self, text: &str) -> bool {
        if self.typing {
            self.input.insert(text);
        }
        self.typing
    }

    /// Does everything pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.text().is_empty()
    }

    /// Does a text pass.
    #[must_use]
    pub fn passes(&self, text: &str) -> bool {
        let wanted = self.input.text();
        wanted.is_empty() || text.to_lowercase().contains(&wanted.to_lowercase())
    }

    /// What the title shows of it; empty when there is none.
    #[must_use]
    pub fn label(&self, caret: &str) -> String {
        match (self.typing, self.input.text()) {
            (true, text) => format!(" /{text}{caret}"),
            (false, "") => String::new(),
            (false, text) => format!(" /{text}"),
        }
    }
}
