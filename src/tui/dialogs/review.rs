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
use crate::domain::denial::DenialCode;
use crate::domain::ids::{AccountId, OrderNumber};
use crate::domain::order::{OrderPreview, OriginKind, Side};
use crate::domain::snapshot::Snapshot;
use crate::domain::text::{ascii_escaped, clean};
use crate::tui::about::{note_line, notes_about};
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::panes::ticket::lots::words as lot_words;
use crate::tui::preview::{check_lines, money_lines, terms, words};
use crate::tui::widgets::put;
use crate::tui::wish::{Purpose, Wish};

const WIDTH: u16 = 72;
/// Notes on its instruments that the review of an order shows, the newest.
const NOTES_SHOWN_MAX: usize = 3;
/// A symbol of so many letters is enough to type.
const SYMBOL_ALONE_MIN: usize = 3;

/// An order being looked at.
#[derive(Debug)]
pub struct Review {
    command: Command,
    origin: OriginKind,
    /// The account that was chosen; none where the command finds it.
    account: Option<AccountId>,
    /// The tax lots that it closes first, where some are named.
    lots: Vec<OrderNumber>,
    number: u64,
    preview: Option<Result<Box<OrderPreview>, String>>,
    /// When what Enter would confirm was first there to see.
    shown: Duration,
    word: Option<TypedWord>,
    scroll: usize,
    /// The user said that the same order a second time is meant.
    twice: bool,
    asked_at: Duration,
}

/// An open review is asked for anew this often: prices move, and the engine remembers what it showed for two minutes.
const REFRESH: Duration = Duration::from_secs(30);

impl Review {
    /// A review of an order command. `number` tells its preview from others.
    #[must_use]
    pub fn new(command: Command, origin: OriginKind, number: u64, now: Duration) -> Self {
        Self {
            command,
            origin,
            account: None,
            lots: Vec::new(),
            number,
            preview: None,
            shown: now,
            word: None,
            scroll: 0,
            twice: false,
            asked_at: now,
        }
    }

    /// The same for this account; without one, for the account that such a command means.
    #[must_use]
    pub fn of(mut self, account: Option<AccountId>) -> Self {
        self.account = account;
        self
    }

    /// The same of a sale that closes these tax lots first.
    #[must_use]
    pub fn closing(mut self, lots: Vec<OrderNumber>) -> Self {
        self.lots = lots;
        self
    }

    /// Which door the order came through.
    #[must_use]
    pub const fn origin(&self) -> OriginKind {
        self.origin
    }

    /// What to ask the engine.
    #[must_use]
    pub fn request(&self) -> Wish {
        let request = Request::Preview {
            command: self.command.clone(),
            origin: self.origin,
            account: self.account.clone(),
            ask_broker: true,
        };
        Wish::Ask(request, Purpose::ReviewPreview(self.number))
    }

    /// When it wants to be asked for anew.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.preview.as_ref().is_some_and(Result::is_ok).then(|| self.asked_at + REFRESH)
    }

    /// Asks anew, once that is due.
    pub fn poll(&mut self, now: Duration) -> Option<Wish> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        self.asked_at = now;
        Some(self.request())
    }

    /// The preview arrived.
    pub fn answer(&mut self, number: u64, reply: Result<Reply, SessionError>, at: &At<'_>) {
        if number != self.number {
            return;
        }
        self.shown = at.env.now;
        self.preview = Some(match reply {
            Ok(Reply::Preview(preview)) => {
                if !needs_word(&preview, at.snapshot) {
                    self.word = None;
                } else if self.word.is_none() {
                    self.word = Some(TypedWord::new(&word_of(&preview)));
                }
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
            allow_duplicate: self.twice,
            wait: true,
        };
        let said = words(preview);
        let purpose = match self.lots.is_empty() {
            true => Purpose::Sent(said),
            false => Purpose::SentOfLots(said, self.lots.clone()),
        };
        Wish::Ask(request, purpose)
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
        if !self.lots.is_empty() {
            let text =
                format!("closes {} first, where the account's method is specific", lot_words(&self.lots));
            lines.extend(format::wrap(&text, width).into_iter().map(|l| Line::styled(l, theme.dim)));
        }
        // What the trader wrote about it is read before the order goes.
        let at = look.at();
        for note in notes_about(preview.request.subject.instruments(), &at).into_iter().take(NOTES_SHOWN_MAX)
        {
            let text = format!("note on {}, {}", note.instrument, note_line(note, &note.instrument, &at));
            lines.extend(format::wrap(&text, width).into_iter().map(|l| Line::styled(l, theme.accent)));
        }
        lines.push(Line::raw(""));
        lines.extend(money_lines(preview, theme, width));
        lines.push(Line::raw(""));
        lines.extend(check_lines(preview, theme, width));
        let verdict = if preview.denials.is_empty() {
            None
        } else if !self.is_refused_as_duplicate() {
            Some(("Risk says no; nothing can be sent. Esc to change the order.", theme.error))
        } else if self.twice {
            Some(("It is sent a second time on purpose.", theme.warning))
        } else {
            Some(("The same order went a moment ago. Press d if a second one is meant.", theme.warning))
        };
        if let Some((text, style)) = verdict {
            lines.extend(format::wrap(text, width).into_iter().map(|l| Line::styled(l, style)));
        }
        lines
    }

    /// Risk has nothing against it but that the same order went a moment ago.
    fn is_refused_as_duplicate(&self) -> bool {
        let Some(Ok(preview)) = &self.preview else { return false };
        !preview.denials.is_empty()
            && preview.denials.iter().all(|denial| denial.code == DenialCode::Duplicate)
    }

    /// Enter sends it.
    fn may_go(&self, preview: &OrderPreview) -> bool {
        preview.denials.is_empty() || (self.twice && self.is_refused_as_duplicate())
    }
}

/// Paper needs no word; anything not known to be paper does.
#[must_use]
pub fn needs_word(preview: &OrderPreview, snapshot: &Snapshot) -> bool {
    let mode = snapshot.account(&preview.request.account).map(|view| view.account.mode);
    mode != Some(AccountMode::Paper) || snapshot.mode != AccountMode::Paper
}

/// The symbol: typing it is a check against the wrong one. A letter or two could be typed by accident, so the side goes before them.
#[must_use]
pub fn word_of(preview: &OrderPreview) -> String {
    let request = &preview.request;
    request
        .subject
        .instruments()
        .next()
        .map_or_else(|| "send".to_owned(), |i| typed_word(request.side, i.root().as_str()))
}

/// The word for an order in a symbol.
#[must_use]
pub fn typed_word(side: Side, symbol: &str) -> String {
    if symbol.len() >= SYMBOL_ALONE_MIN {
        return symbol.to_owned();
    }
    let side = if side.is_buy() { "BUY" } else { "SELL" };
    format!("{side} {symbol}")
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
        let mut lines = self.lines(look, area.width);
        if lines.len() > usize::from(height) {
            // Room for words before room for air.
            lines.retain(|line| line.width() > 0);
        }
        // What does not fit is said in the last line.
        let cut = lines.len() > usize::from(height);
        let shown = usize::from(height.saturating_sub(u16::from(cut)));
        let top = self.scroll.min(lines.len().saturating_sub(shown));
        for (i, line) in lines.iter().skip(top).take(shown).enumerate() {
            buf.set_line(area.x, area.y + i as u16, line, area.width);
        }
        let below_view = lines.len().saturating_sub(top + shown);
        if cut && below_view > 0 && height > 0 {
            let text = format!("{} {below_view} more: Down", look.theme.glyphs.ellipsis);
            put(buf, area.x, area.y + height - 1, &text, look.theme.dim, area.width);
        }
        if let Some(word) = &self.word {
            word.draw(look.theme, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, buf);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        match &self.preview {
            Some(Ok(preview)) if self.may_go(preview) => "Enter send the order   Esc change".to_owned(),
            Some(Ok(_)) if self.is_refused_as_duplicate() => "d send it again   Esc change it".to_owned(),
            _ => "Esc change it".to_owned(),
        }
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Down | KeyCode::PageDown => self.scroll = (self.scroll + 1).min(200),
            KeyCode::Up | KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Char('d') if !self.twice && self.is_refused_as_duplicate() => {
                self.twice = true;
                self.shown = at.env.now;
            }
            KeyCode::Enter => {
                let seen = at.env.now >= self.shown + CONFIRM_AFTER;
                let typed = self.word.as_ref().is_none_or(TypedWord::is_typed);
                if let Some(Ok(preview)) = &self.preview
                    && self.may_go(preview)
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
