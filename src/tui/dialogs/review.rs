//! An order before it goes: in words, with cost, fees, buying power and every risk check. Enter here is the only way an order leaves.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{After, CONFIRM_AFTER, Modal, TypedWord};
use crate::client::{Reply, Request, SessionError};
use crate::command::types::Command;
use crate::domain::account::AccountMode;
use crate::domain::order::{OrderPreview, OriginKind};
use crate::domain::snapshot::Snapshot;
use crate::domain::text::{ascii_escaped, clean};
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::preview::{check_lines, money_lines, terms, words};
use crate::tui::wish::{Purpose, Wish};

const WIDTH: u16 = 72;

/// An order being looked at.
#[derive(Debug)]
pub struct Review {
    command: Command,
    origin: OriginKind,
    number: u64,
    preview: Option<Result<Box<OrderPreview>, String>>,
    /// When what Enter would confirm was first there to see.
    shown: Duration,
    word: Option<TypedWord>,
    scroll: usize,
}

impl Review {
    /// A review of an order command. `number` tells its preview from others.
    #[must_use]
    pub fn new(command: Command, origin: OriginKind, number: u64, now: Duration) -> Self {
        Self { command, origin, number, preview: None, shown: now, word: None, scroll: 0 }
    }

    /// Which door the order came through.
    #[must_use]
    pub const fn origin(&self) -> OriginKind {
        self.origin
    }

    /// What to ask the engine.
    #[must_use]
    pub fn request(&self) -> Wish {
        let request = Request::Preview { command: self.command.clone(), origin: self.origin, account: None };
        Wish::Ask(request, Purpose::ReviewPreview(self.number))
    }

    /// The preview arrived.
    pub fn answer(&mut self, number: u64, reply: Result<Reply, SessionError>, at: &At<'_>) {
        if number != self.number {
            return;
        }
        self.shown = at.env.now;
        self.preview = Some(match reply {
            Ok(Reply::Preview(preview)) => {
                self.word = needs_word(&preview, at.snapshot).then(|| TypedWord::new(&word_of(&preview)));
                Ok(preview)
            }
            Ok(_) => Err("the engine gave no preview".into()),
            Err(error) => Err(clean(&error.to_string()).into_owned()),
        });
    }

    fn send(&self, preview: &OrderPreview) -> Wish {
        let request = Request::Execute {
            command: self.command.clone(),
            origin: self.origin,
            account: Some(preview.request.account.clone()),
            confirmation_hash: Some(preview.confirmation_hash.clone()),
            allow_duplicate: false,
            wait: true,
        };
        Wish::Ask(request, Purpose::Sent(words(preview)))
    }

    fn lines(&self, look: &Look<'_>, width: u16) -> Vec<Line<'static>> {
        let theme = look.theme;
        let preview = match &self.preview {
            None => return vec![Line::raw(""), Line::styled("Asking what the order would do", theme.dim)],
            Some(Err(error)) => {
                return format::wrap(error, width)
                    .into_iter()
                    .map(|l| Line::styled(l, theme.error))
                    .collect();
            }
            Some(Ok(preview)) => preview,
        };
        let mut lines = vec![Line::raw("")];
        lines.extend(format::wrap(&words(preview), width).into_iter().map(|l| Line::styled(l, theme.strong)));
        let terms = format!("{}, {}", terms(preview), account_line(preview, look.snapshot));
        lines.extend(format::wrap(&terms, width).into_iter().map(|l| Line::styled(l, theme.dim)));
        lines.push(Line::raw(""));
        lines.extend(money_lines(preview, theme));
        lines.push(Line::raw(""));
        lines.extend(check_lines(preview, theme));
        if !preview.denials.is_empty() {
            lines.push(Line::styled(
                "Risk says no; nothing can be sent. Esc to change the order.",
                theme.error,
            ));
        }
        lines
    }
}

/// Paper needs no word; anything not known to be paper does.
fn needs_word(preview: &OrderPreview, snapshot: &Snapshot) -> bool {
    let mode = snapshot.account(&preview.request.account).map(|view| view.account.mode);
    mode != Some(AccountMode::Paper) || snapshot.mode != AccountMode::Paper
}

/// The symbol: typing it is a check against the wrong one.
fn word_of(preview: &OrderPreview) -> String {
    preview.request.subject.instruments().next().map_or_else(|| "send".to_owned(), |i| i.root().to_string())
}

fn account_line(preview: &OrderPreview, snapshot: &Snapshot) -> String {
    let account = ascii_escaped(preview.request.account.as_str()).into_owned();
    let mode = match snapshot.account(&preview.request.account).map(|view| view.account.mode) {
        Some(AccountMode::Paper) => "paper",
        Some(AccountMode::Live) => "LIVE, real money",
        None => "unknown account",
    };
    if account == mode { format!("account {account}") } else { format!("account {account} ({mode})") }
}

impl Modal for Review {
    fn title(&self) -> String {
        "Review order".to_owned()
    }

    fn size(&self, look: &Look<'_>, room: Rect) -> (u16, u16) {
        let width = WIDTH.min(room.width);
        let rows = self.lines(look, width).len() as u16 + 1 + 2 * u16::from(self.word.is_some());
        (width, rows.max(4))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let below = 2 * u16::from(self.word.is_some());
        let height = area.height.saturating_sub(below);
        let lines = self.lines(look, area.width);
        let top = self.scroll.min(lines.len().saturating_sub(usize::from(height)));
        for (i, line) in lines.iter().skip(top).take(usize::from(height)).enumerate() {
            buf.set_line(area.x, area.y + i as u16, line, area.width);
        }
        if let Some(word) = &self.word {
            word.draw(look.theme, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, buf);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        match &self.preview {
            Some(Ok(preview)) if preview.denials.is_empty() => {
                "Enter send the order   Esc change it".to_owned()
            }
            _ => "Esc change it".to_owned(),
        }
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Down | KeyCode::PageDown => self.scroll = (self.scroll + 1).min(200),
            KeyCode::Up | KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Enter => {
                let seen = at.env.now >= self.shown + CONFIRM_AFTER;
                let typed = self.word.as_ref().is_none_or(TypedWord::is_typed);
                if let Some(Ok(preview)) = &self.preview
                    && preview.denials.is_empty()
                    && seen
                    && typed
                {
                    wishes.push(self.send(preview));
                    return After::Close;
                }
            }
            _ => {
                if let Some(word) = &mut self.word {
                    word.key(event);
                }
            }
        }
        After::Stay
    }
}
