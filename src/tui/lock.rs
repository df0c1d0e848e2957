//! The locked screen: it covers everything, takes no key but those of its question, and leaves the engine alone. Alerts still ring, by name
//! and without figures. A screen locks by a key, after idle minutes, or with its profile.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::App;
use super::dialogs::Dialog;
use super::env::Look;
use super::format;
use super::input::Input;
use super::widgets::hidden::Hidden;
use super::widgets::{borders, centered, put};
use super::wish::{Effect, Purpose, Wish};
use crate::client::{Reply, Request, SessionError};
use crate::domain::account::AccountMode;
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::text::clean;

/// What is half typed is forgotten so long after the last key (reliability V10).
const TYPED_KEPT: Duration = Duration::from_secs(240);
/// Alerts named at one time.
const RUNG_MAX: usize = 3;
/// Columns of the box, inside.
const WIDTH: u16 = 52;

/// The lock in front of a screen.
pub struct Lock {
    typed: Hidden,
    /// When the last of it was typed.
    typed_at: Duration,
    /// It came with the lock of the profile, and goes with it.
    with_profile: bool,
    /// An answer is on its way.
    asked: bool,
    /// What came of the last try.
    said: String,
    /// Of what alerts have rung meanwhile, the newest last, and how many.
    rung: (Vec<String>, u32),
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lock").field("with_profile", &self.with_profile).finish_non_exhaustive()
    }
}

impl Lock {
    fn new(with_profile: bool) -> Self {
        Self {
            typed: Hidden::default(),
            typed_at: Duration::ZERO,
            with_profile,
            asked: false,
            said: String::new(),
            rung: (Vec::new(), 0),
        }
    }

    fn key(&mut self, event: KeyEvent) -> Option<Request> {
        match event.code {
            KeyCode::Enter if !self.asked => {
                self.asked = true;
                "Asking the engine".clone_into(&mut self.said);
                return Some(Request::Unlock { passphrase: self.typed.take() });
            }
            KeyCode::Enter => {}
            KeyCode::Esc => self.typed.forget(),
            _ => self.typed.key(event),
        }
        None
    }

    /// A whole line that was typed in one piece.
    pub(super) fn typed_whole(&mut self, text: &str) -> Option<Request> {
        self.typed.forget();
        self.typed.insert(text);
        self.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE))
    }

    /// What came of the last try.
    pub(super) fn said(&self) -> &str {
        &self.said
    }

    fn ring(&mut self, of: String) {
        self.rung.1 += 1;
        self.rung.0.retain(|known| *known != of);
        if self.rung.0.len() == RUNG_MAX {
            self.rung.0.remove(0);
        }
        self.rung.0.push(of);
    }

    /// Draws it, alone, over a screen of any size.
    pub fn draw(&self, look: &Look<'_>, screen: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let mode = match look.snapshot.mode {
            AccountMode::Paper => "PAPER",
            AccountMode::Live => "LIVE",
        };
        let dots = self.typed.stars(WIDTH - 14);
        let mut lines = vec![
            (format!("{mode}  Locked: profile {}", clean(&look.snapshot.profile)), theme.strong),
            (format!("Passphrase: {dots}_"), theme.accent),
            (
                if self.said.is_empty() {
                    "Enter unlocks. The engine works on.".to_owned()
                } else {
                    self.said.clone()
                },
                theme.dim,
            ),
        ];
        if self.rung.1 > 0 {
            let many = if self.rung.1 == 1 {
                "1 alert has".to_owned()
            } else {
                format!("{} alerts have", self.rung.1)
            };
            lines.push((format!("{many} rung: {}", self.rung.0.join(", ")), theme.warning));
        }
        let width = WIDTH.min(screen.width.saturating_sub(4)).max(1);
        let lines: Vec<_> = lines
            .into_iter()
            .flat_map(|(text, style)| format::wrap(&text, width).into_iter().map(move |line| (line, style)))
            .collect();
        let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let boxed = screen.width >= width + 4 && screen.height >= rows + 2;
        let area = if boxed { centered(screen, width + 4, rows + 2) } else { screen };
        let inside = if boxed {
            borders::outline(area, theme.border_focus, theme, buf);
            Rect { x: area.x + 2, y: area.y + 1, width, height: rows }
        } else {
            area
        };
        for (line, y) in lines.iter().zip(inside.y..inside.bottom()) {
            put(buf, inside.x, y, &line.0, line.1, inside.width);
        }
    }
}

/// Why a passphrase did not open anything. Where the vault lies is nothing for a passer-by.
fn refused(error: &SessionError) -> String {
    match error {
        SessionError::PassphraseNeeded => "Type the passphrase of this profile's vault.".to_owned(),
        SessionError::Locked(text) => match text.rsplit_once("; ") {
            Some((_, wait)) if wait.starts_with("wait ") => format!("That does not open it; {wait}."),
            Some((_, wait)) if wait.starts_with("try again") => format!("Too many tries; {wait}."),
            _ => "It does not open.".to_owned(),
        },
        SessionError::Gone => "The engine does not answer; it is attached to again.".to_owned(),
        _ => "It does not open; the log says why.".to_owned(),
    }
}

impl App {
    /// Locks the screen. What was about to be confirmed is not, and what was half typed in the command bar is gone.
    pub fn lock_screen(&mut self, with_profile: bool) {
        if self.lock.is_some() {
            return;
        }
        self.dialogs.clear();
        self.bar.close(self.env.now);
        (self.arranging, self.dragging, self.interrupted) = (false, None, None);
        self.lock = Some(Lock::new(with_profile));
    }

    /// Takes an input of a locked screen. The mouse does nothing.
    pub(super) fn locked_input(&mut self, input: Input, wishes: &mut Vec<Wish>, effects: &mut Vec<Effect>) {
        let gone = self.env.session_gone;
        let Some(lock) = &mut self.lock else { return };
        lock.typed_at = self.env.now;
        match input {
            // Without an engine nobody can open it; then it can be left.
            Input::Key(key)
                if gone
                    && key.code == KeyCode::Char('c')
                    && key.modifiers.contains(KeyModifiers::CONTROL) =>
            {
                effects.push(Effect::Quit);
            }
            Input::Key(key) => {
                wishes.extend(lock.key(key).map(|request| Wish::Ask(request, Purpose::Unlock)));
            }
            Input::Paste(text) => lock.typed.insert(&text),
            Input::Mouse(_) | Input::PasteTooLong => {}
        }
    }

    /// The engine's word on a try.
    pub(super) fn unlock_answered(&mut self, reply: Result<Reply, SessionError>) {
        let Some(lock) = &mut self.lock else { return };
        lock.asked = false;
        lock.said = match reply {
            Ok(_) => {
                self.lock = None;
                self.touched = self.env.now;
                return;
            }
            Err(error) => refused(&error),
        };
    }

    /// The engine's word on a try to open the vault alone.
    pub(super) fn vault_answered(&mut self, reply: Result<Reply, SessionError>, wishes: &mut Vec<Wish>) {
        let is_asked = |dialog: &Dialog| matches!(dialog, Dialog::Unlock(_));
        match reply {
            Ok(_) => {
                self.dialogs.retain(|dialog| !is_asked(dialog));
                wishes.push(Wish::Say(Severity::Info, "The vault is open.".to_owned()));
            }
            Err(error) => match self.dialogs.iter_mut().find(|dialog| is_asked(dialog)) {
                Some(Dialog::Unlock(dialog)) => dialog.failed(refused(&error)),
                _ => wishes.push(Wish::Say(Severity::Warning, refused(&error))),
            },
        }
    }

    /// A new picture came: the lock follows that of the profile.
    pub(super) fn follow_lock(&mut self, snapshot: &Snapshot) {
        if snapshot.locked {
            self.lock_screen(true);
            // A screen that was locked before is not opened by the profile alone.
        } else if self.lock.as_ref().is_some_and(|lock| lock.with_profile) {
            self.lock = None;
            self.touched = self.env.now;
        }
    }

    /// An alert rings on a locked screen: the words to ring with, or none where it is not locked.
    pub(super) fn ring_locked(&mut self, of: &str) -> Option<String> {
        let lock = self.lock.as_mut()?;
        lock.ring(of.to_owned());
        Some(format!("An alert on {of} has rung"))
    }

    /// When what is half typed is forgotten.
    #[must_use]
    pub fn forgets_at(&self) -> Option<Duration> {
        self.lock.as_ref().filter(|lock| !lock.typed.is_empty()).map(|lock| lock.typed_at + TYPED_KEPT)
    }

    /// Forgets it, where it is time.
    pub(super) fn forget_half_typed(&mut self) {
        if self.forgets_at().is_some_and(|at| at <= self.env.now)
            && let Some(lock) = &mut self.lock
        {
            lock.typed.forget();
        }
        for dialog in &mut self.dialogs {
            if let Dialog::Unlock(dialog) = dialog {
                dialog.poll(self.env.now);
            }
        }
    }

    /// When the screen locks by itself.
    #[must_use]
    pub fn locks_at(&self) -> Option<Duration> {
        self.lock_after.filter(|_| self.lock.is_none()).map(|after| self.touched + after)
    }
}
