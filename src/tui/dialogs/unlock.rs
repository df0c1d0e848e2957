//! Opens the vault to the engine: a login whose keys lie in it waits for the passphrase, where nothing else opens it.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::client::Request;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::hidden::Hidden;
use crate::tui::widgets::put;
use crate::tui::wish::{Purpose, Wish};

const WIDTH: u16 = 60;
/// What is half typed is forgotten so long after the last key (reliability V10).
const TYPED_KEPT: Duration = Duration::from_secs(240);
const ASK: &str = "Passphrase: ";

/// The question for the passphrase.
#[derive(Debug)]
pub struct Unlock {
    /// What waits for it.
    waits: String,
    typed: Hidden,
    /// When the last of it was typed.
    typed_at: Duration,
    /// An answer is on its way.
    asked: bool,
    /// What came of the last try.
    said: String,
}

impl Unlock {
    /// Asks; `waits` is the name of what waits for it.
    #[must_use]
    pub fn new(waits: &str) -> Self {
        Self {
            waits: waits.to_owned(),
            typed: Hidden::default(),
            typed_at: Duration::ZERO,
            asked: false,
            said: String::new(),
        }
    }

    /// What came of a try that failed, in words.
    pub fn failed(&mut self, said: String) {
        (self.asked, self.said) = (false, said);
    }

    /// When what is half typed is forgotten.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        (!self.typed.is_empty()).then(|| self.typed_at + TYPED_KEPT)
    }

    /// Forgets it, where it is time.
    pub fn poll(&mut self, now: Duration) {
        if self.due().is_some_and(|due| due <= now) {
            self.typed.forget();
        }
    }

    fn lines(&self, columns: u16) -> Vec<String> {
        let what = format!("{} waits for the profile's vault, which holds its keys.", self.waits);
        let mut lines = format::wrap(&what, columns);
        let stars = self.typed.stars(columns.saturating_sub(format::width(ASK) + 1));
        lines.push(format!("{ASK}{stars}_"));
        lines.extend(format::wrap(&self.said, columns));
        lines
    }
}

impl Modal for Unlock {
    fn title(&self) -> String {
        "Open the vault".to_owned()
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        let columns = WIDTH.min(room.width);
        (columns, u16::try_from(self.lines(columns).len()).unwrap_or(u16::MAX))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        for (line, y) in self.lines(area.width).iter().zip(area.y..area.bottom()) {
            let style = if line.starts_with(ASK) { look.theme.strong } else { look.theme.dim };
            put(buf, area.x, y, line, style, area.width);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        "Enter open it   Esc leave it shut".to_owned()
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        self.typed_at = at.env.now;
        match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Enter if self.asked => {}
            KeyCode::Enter => match self.typed.take() {
                Some(passphrase) => {
                    self.asked = true;
                    "Asking the engine".clone_into(&mut self.said);
                    let request = Request::Unlock { passphrase: Some(passphrase) };
                    wishes.push(Wish::Ask(request, Purpose::OpenVault));
                }
                None => "Type the passphrase of this profile's vault.".clone_into(&mut self.said),
            },
            _ => self.typed.key(event),
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, at: &At<'_>) -> bool {
        self.typed_at = at.env.now;
        self.typed.insert(text);
        true
    }
}
