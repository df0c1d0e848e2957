//! What opens over the panes: one thing at a time has the keys. A dialog that confirms takes no key in its first 50 ms and no paste at all.

pub mod columns;
pub mod confirm;
pub mod help;
pub mod notes;
pub mod palette;
pub mod prompt;
pub mod replace;
pub mod report;
pub mod review;
pub mod settings;
pub mod unlock;
pub mod work;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::env::{At, Look};
use super::theme::Theme;
use super::widgets::text_input::TextInput;
use super::widgets::{borders, centered, clear, put};
use super::wish::Wish;

/// A key that was on its way before the dialog was seen must not confirm it.
pub const CONFIRM_AFTER: Duration = Duration::from_millis(50);

/// Does the dialog stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It stays.
    Stay,
    /// It goes.
    Close,
}

/// What every dialog can do.
pub trait Modal {
    /// What stands in its upper border.
    fn title(&self) -> String;

    /// Columns and rows wanted inside, of those there are.
    fn size(&self, look: &Look<'_>, room: Rect) -> (u16, u16);

    /// Draws the inside.
    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer);

    /// The keys, for its lower border.
    fn hint(&self, at: &At<'_>) -> String;

    /// Takes a key.
    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After;

    /// Takes a paste; false where pasting is refused.
    fn paste(&mut self, _text: &str, _at: &At<'_>) -> bool {
        false
    }
}

/// A dialog.
#[derive(Debug)]
pub enum Dialog {
    /// An order before it goes.
    Review(review::Review),
    /// A question before something is done.
    Confirm(confirm::Confirm),
    /// The fields of a replace.
    Replace(replace::Replace),
    /// The keys.
    Help(help::Help),
    /// Find anything.
    Palette(palette::Palette),
    /// Rows to read.
    Report(report::Report),
    /// Every option.
    Settings(settings::Settings),
    /// One line to type.
    Prompt(prompt::Prompt),
    /// The columns of a list.
    Columns(columns::Columns),
    /// Work under way.
    Work(work::WorkList),
    /// Notes on an instrument.
    Notes(notes::Notes),
    /// The passphrase of the vault.
    Unlock(unlock::Unlock),
}

impl Dialog {
    /// Its shared face.
    #[must_use]
    pub fn modal(&self) -> &dyn Modal {
        match self {
            Self::Review(dialog) => dialog,
            Self::Confirm(dialog) => dialog,
            Self::Replace(dialog) => dialog,
            Self::Help(dialog) => dialog,
            Self::Palette(dialog) => dialog,
            Self::Report(dialog) => dialog,
            Self::Prompt(dialog) => dialog,
            Self::Settings(dialog) => dialog,
            Self::Columns(dialog) => dialog,
            Self::Work(dialog) => dialog,
            Self::Notes(dialog) => dialog,
            Self::Unlock(dialog) => dialog,
        }
    }

    /// Its shared face, to change.
    pub fn modal_mut(&mut self) -> &mut dyn Modal {
        match self {
            Self::Review(dialog) => dialog,
            Self::Confirm(dialog) => dialog,
            Self::Replace(dialog) => dialog,
            Self::Help(dialog) => dialog,
            Self::Palette(dialog) => dialog,
            Self::Report(dialog) => dialog,
            Self::Prompt(dialog) => dialog,
            Self::Settings(dialog) => dialog,
            Self::Columns(dialog) => dialog,
            Self::Work(dialog) => dialog,
            Self::Notes(dialog) => dialog,
            Self::Unlock(dialog) => dialog,
        }
    }

    /// Takes the wheel, where there are rows to go through.
    pub fn wheel(&mut self, kind: MouseEventKind, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let code = match kind {
            MouseEventKind::ScrollDown => KeyCode::Down,
            MouseEventKind::ScrollUp => KeyCode::Up,
            _ => return,
        };
        let rows = matches!(
            self,
            Self::Review(_)
                | Self::Help(_)
                | Self::Palette(_)
                | Self::Report(_)
                | Self::Settings(_)
                | Self::Notes(_)
        );
        if rows {
            // An arrow closes none of these.
            let _stays = self.modal_mut().key(KeyEvent::new(code, KeyModifiers::NONE), at, wishes);
        }
    }

    /// When it has something to ask.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        match self {
            Self::Review(review) => review.due(),
            Self::Unlock(unlock) => unlock.due(),
            _ => None,
        }
    }

    /// Draws it over what is there.
    pub fn draw(&self, look: &Look<'_>, screen: Rect, buf: &mut Buffer) {
        let modal = self.modal();
        let room =
            Rect { width: screen.width.saturating_sub(4), height: screen.height.saturating_sub(2), ..screen };
        let (width, height) = modal.size(look, room);
        let area = centered(screen, width.min(room.width) + 4, height.min(room.height) + 2);
        if area.width < 8 || area.height < 3 {
            return;
        }
        clear(buf, area);
        borders::outline(area, look.theme.border_focus, look.theme, buf);
        let title = Line::from(Span::styled(
            format!(" {} ", modal.title()),
            look.theme.accent.patch(look.theme.strong),
        ));
        borders::title(area, &title, look.theme, buf);
        let hint = modal.hint(&look.at());
        put(
            buf,
            area.x + 2,
            area.bottom() - 1,
            &format!(" {hint} "),
            look.theme.dim,
            area.width.saturating_sub(4),
        );
        let inside = Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 };
        modal.draw(look, inside, buf);
    }
}

/// A word that must be typed before Enter confirms: for what moves real money.
#[derive(Clone, Debug)]
pub struct TypedWord {
    word: String,
    input: TextInput,
}

impl TypedWord {
    /// Asks for this word.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self { word: word.to_owned(), input: TextInput::default() }
    }

    /// Was it typed, in either case.
    #[must_use]
    pub fn is_typed(&self) -> bool {
        self.input.text().trim().eq_ignore_ascii_case(&self.word)
    }

    /// Takes a key.
    pub fn key(&mut self, event: KeyEvent) -> bool {
        self.input.key(event, |c| !c.is_control())
    }

    /// Draws the question and what is typed.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let x =
            put(buf, area.x, area.y, &format!("LIVE: type {} to send: ", self.word), theme.error, area.width);
        let room = Rect { x, width: area.right().saturating_sub(x), height: 1, ..area };
        self.input.draw(room, theme.strong, true, buf);
    }
}
