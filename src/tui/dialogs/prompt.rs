//! One line to type, such as a name; what becomes of it the one who asked has said.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::tui::env::{At, Look};
use crate::tui::widgets::put;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::wish::Wish;

const WIDTH: u16 = 50;

/// What becomes of what was typed.
type Then = Box<dyn Fn(String) -> Wish + Send + Sync>;

/// A question with a line for the answer.
pub struct Prompt {
    title: String,
    input: TextInput,
    /// What stands there was not touched yet: the first letter takes its place, a key that edits keeps it.
    fresh: bool,
    /// What may be typed, shown until something is.
    example: &'static str,
    then: Then,
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("title", &self.title)
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl Prompt {
    /// Asks; `start` stands there already.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        start: &str,
        then: impl Fn(String) -> Wish + Send + Sync + 'static,
    ) -> Self {
        let (input, fresh) = (TextInput::new(start), !start.is_empty());
        Self { title: title.into(), input, fresh, example: "", then: Box::new(then) }
    }

    /// With words that say what may be typed, as long as nothing is.
    #[must_use]
    pub const fn with_example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }
}

impl Modal for Prompt {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        (WIDTH.min(room.width), 1)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let style = if self.fresh { look.theme.strong.patch(look.theme.selected) } else { look.theme.strong };
        let end = self.input.draw(area, style, true, buf);
        if self.input.text().is_empty() {
            let room = area.right().saturating_sub(end + 1);
            put(buf, end + 1, area.y, self.example, look.theme.dim, room);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        "Enter take it   Esc leave it".to_owned()
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Enter if self.input.text().trim().is_empty() => {}
            KeyCode::Enter => {
                wishes.push((self.then)(self.input.text().trim().to_owned()));
                return After::Close;
            }
            code => {
                let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
                if std::mem::take(&mut self.fresh) && plain && matches!(code, KeyCode::Char(_)) {
                    self.input.set("");
                }
                self.input.key(event, |c| !c.is_control());
            }
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, _at: &At<'_>) -> bool {
        if std::mem::take(&mut self.fresh) {
            self.input.set("");
        }
        self.input.insert(text);
        true
    }
}
