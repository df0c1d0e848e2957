//! The command bar: a line of text, what it means while it is typed, history and completion.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::action::Action;
use super::env::{At, Look};
use super::estimate::Estimate;
use super::format;
use super::noting::Noting;
use super::options::Understanding;
use super::preview::said;
use super::widgets::text_input::TextInput;
use super::widgets::{put, put_right};
use super::wish::{Purpose, Wish};
use crate::client::{Reply, SessionError};
use crate::command::types::Command;
use crate::domain::order::OriginKind;
use crate::domain::text::clean;

/// Commands remembered.
const HISTORY_MAX: usize = 500;
/// Completions offered.
const COMPLETIONS_MAX: usize = 12;
/// Words a command begins with.
const VERBS: [&str; 25] = [
    "alert", "backtest", "buy", "cancel", "chain", "chart", "close", "connect", "cover", "export", "flatten",
    "halt", "help", "import", "news", "note", "profile", "quote", "replace", "resume", "sell", "short",
    "show", "unwatch", "watch",
];

/// The command bar.
#[derive(Debug, Default)]
pub struct CommandBar {
    active: bool,
    input: TextInput,
    understanding: Option<Understanding>,
    /// The line is work that takes long: what it does, or what is wrong with it.
    work: Option<Result<String, String>>,
    /// The line is a note on an instrument, or one that cannot be kept.
    note: Option<Result<Noting, String>>,
    history: Vec<String>,
    /// The place in the history, and what was typed before going there.
    browsing: Option<(usize, String)>,
    completions: Vec<String>,
    completion: usize,
    estimate: Estimate,
}

impl CommandBar {
    /// A bar that remembers these commands, oldest first.
    #[must_use]
    pub fn new(history: Vec<String>) -> Self {
        Self { history, ..Self::default() }
    }

    /// Has it the keys.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.active
    }

    /// Starts typing, with a text to go on from.
    pub fn open(&mut self, text: &str, at: &At<'_>) {
        self.active = true;
        self.input.set(text);
        self.changed(at);
    }

    /// Stops typing and forgets the text.
    pub fn close(&mut self, now: Duration) {
        self.active = false;
        self.input.set("");
        self.understanding = None;
        (self.work, self.note) = (None, None);
        self.browsing = None;
        self.completions.clear();
        self.estimate.want(None, now);
    }

    /// Takes a key while active.
    pub fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        if event.code != KeyCode::Tab && event.code != KeyCode::BackTab {
            self.completions.clear();
        }
        match event.code {
            KeyCode::Esc => self.close(at.env.now),
            KeyCode::Enter => self.enter(at, wishes),
            KeyCode::Up => self.browse(true, at),
            KeyCode::Down => self.browse(false, at),
            KeyCode::Char('p') if control => self.browse(true, at),
            KeyCode::Char('n') if control => self.browse(false, at),
            KeyCode::Tab => self.complete(true, at),
            KeyCode::BackTab => self.complete(false, at),
            KeyCode::Backspace if self.input.text().is_empty() => self.close(at.env.now),
            _ => {
                if self.input.key(event, |c| !c.is_control()) {
                    self.browsing = None;
                    self.changed(at);
                }
            }
        }
    }

    /// Pasted text lands in the line and waits there for Enter.
    pub fn paste(&mut self, text: &str, at: &At<'_>) {
        self.input.insert(text);
        self.changed(at);
    }

    /// An estimate arrived.
    pub fn answer(&mut self, generation: u64, reply: Result<Reply, SessionError>) {
        self.estimate.answer(generation, reply);
    }

    /// When it next has something to ask.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.estimate.due()
    }

    /// Asks for an estimate, once it is due.
    pub fn poll(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if let Some((request, generation)) = self.estimate.poll(OriginKind::Command, at.env.now) {
            wishes.push(Wish::Ask(request, Purpose::BarPreview(generation)));
        }
    }

    fn changed(&mut self, at: &At<'_>) {
        let text = self.input.text().trim();
        self.note = Noting::read(text, at);
        self.work = at.env.works.as_ref().and_then(|works| works.understand(text));
        let language = !text.is_empty() && self.work.is_none() && self.note.is_none();
        self.understanding = language.then(|| (at.env.understand)(text, &at.snapshot.market.calendar));
        let order = self.understanding.as_ref().map(|u| &u.command).filter(|command| is_order(command));
        self.estimate.want(order.cloned(), at.env.now);
    }

    fn enter(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let text = self.input.text().trim().to_owned();
        match &self.note {
            Some(Ok(note)) => {
                let wish = note.clone().wish();
                self.remember(&text);
                wishes.push(Wish::Remember(text));
                self.close(at.env.now);
                return wishes.push(wish);
            }
            Some(Err(_)) => return,
            None => {}
        }
        match &self.work {
            Some(Ok(words)) => {
                let words = words.clone();
                self.remember(&text);
                wishes.push(Wish::Remember(text.clone()));
                self.close(at.env.now);
                return wishes.push(Wish::Work(text, words));
            }
            Some(Err(_)) => return,
            None => {}
        }
        let Some(understood) = self.understanding.take() else { return self.close(at.env.now) };
        if matches!(understood.command, Command::Clarify { .. }) {
            // The text stays, to be completed.
            self.understanding = Some(understood);
            return;
        }
        self.remember(&text);
        wishes.push(Wish::Remember(text));
        self.close(at.env.now);
        wishes.push(if is_order(&understood.command) {
            Wish::Review(understood.command, OriginKind::Command)
        } else {
            Wish::Run(understood.command, understood.words)
        });
    }

    /// Would Enter do something with what is typed.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        matches!(self.work, Some(Ok(_)))
            || matches!(self.note, Some(Ok(_)))
            || self.understanding.as_ref().is_some_and(|u| !matches!(u.command, Command::Clarify { .. }))
    }

    fn remember(&mut self, text: &str) {
        self.history.retain(|old| old != text);
        if self.history.len() >= HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(text.to_owned());
    }

    /// The newest command entered.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        self.history.last().map(String::as_str)
    }

    /// Earlier or later commands that begin as the typed text does.
    fn browse(&mut self, back: bool, at: &At<'_>) {
        let (place, typed) = match &self.browsing {
            Some((place, typed)) => (*place, typed.clone()),
            None => (self.history.len(), self.input.text().to_owned()),
        };
        let fits = |i: &usize| self.history[*i].starts_with(&typed);
        let next =
            if back { (0..place).rev().find(fits) } else { (place + 1..self.history.len()).find(fits) };
        match next {
            Some(i) => {
                self.input.set(self.history[i].clone());
                self.browsing = Some((i, typed));
            }
            None if !back => {
                self.input.set(typed);
                self.browsing = None;
            }
            None => return,
        }
        self.changed(at);
    }

    fn complete(&mut self, forward: bool, at: &At<'_>) {
        if self.completions.is_empty() {
            self.completions = completions(self.input.before_cursor(), at);
            // The first press takes the first, whichever way.
            self.completion = if forward { self.completions.len().saturating_sub(1) } else { 0 };
        }
        let count = self.completions.len();
        if count == 0 {
            return;
        }
        self.completion = (self.completion + if forward { 1 } else { count - 1 }) % count;
        let text = self.completions[self.completion].clone();
        self.input.set(text);
        self.browsing = None;
        self.changed(at);
    }

    /// What was understood, for the line itself or the one below: text and style.
    #[must_use]
    pub fn meaning(&self, look: &Look<'_>) -> Option<(String, Style)> {
        let theme = look.theme;
        let own = match (&self.note, &self.work) {
            (Some(note), _) => Some(note.as_ref().map(Noting::words).map_err(Clone::clone)),
            (None, work) => work.clone(),
        };
        match own {
            Some(Ok(words)) => {
                return Some((format!("{} {}", theme.glyphs.arrow, clean(&words)), theme.accent));
            }
            Some(Err(text)) => return Some((format!("? {}", clean(&text)), theme.warning)),
            None => {}
        }
        let understood = self.understanding.as_ref()?;
        if let Command::Clarify { message, .. } = &understood.command {
            return Some((format!("? {}", clean(message)), theme.warning));
        }
        let mut text = format!("{} {}", theme.glyphs.arrow, without_sigils(&clean(&understood.words)));
        let mut style = theme.accent;
        if let Some(preview) = self.estimate.preview() {
            if let Some(cost) = preview.estimated_cost {
                let word = if cost.is_sign_negative() { "est. proceeds" } else { "est. cost" };
                text.push_str(&format!("   {word} {}", format::grouped(cost.abs(), 2)));
            }
            if let Some(denial) = preview.denials.first() {
                text.push_str(&format!("   {} {}", theme.glyphs.fail, said(denial)));
                style = theme.error;
            }
        }
        Some((text, style))
    }

    /// Draws the line; true when the meaning found room on it.
    pub fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> bool {
        let theme = look.theme;
        if !self.active {
            put(buf, area.x + 1, area.y, ":", theme.dim, 1);
            let work = look.env.jobs.line(look.env.now, &look.env.keymap.label(Action::Work));
            let right = work.as_ref().map_or(0, |text| format::width(text) + 4);
            let whole = "type a command, as buy 10 aapl at 231.50";
            let fits = format::width(whole) + 4 + right <= area.width;
            let text = if fits { whole } else { "type a command" };
            let end = put(buf, area.x + 3, area.y, text, theme.dim, area.width.saturating_sub(4));
            if let Some(text) = work {
                let room = area.right().saturating_sub(end + 4);
                let text = format::fit(&text, room, theme.glyphs.ellipsis);
                put_right(buf, area.right() - 1, area.y, &text, theme.accent, room);
            }
            return true;
        }
        put(buf, area.x + 1, area.y, ":", theme.accent, 1);
        let room = Rect { x: area.x + 3, width: area.width.saturating_sub(4), height: 1, ..area };
        let end = self.input.draw(room, theme.text, true, buf);
        match self.meaning(look) {
            Some((text, style)) if end + 4 + format::width(&text) < area.right() => {
                put(buf, end + 4, area.y, &text, style, area.right() - end - 4);
                true
            }
            Some(_) => false,
            None => true,
        }
    }
}

/// The words without the `$` that tells a ticker from a word where they are read back; amounts of money keep theirs.
#[must_use]
pub fn without_sigils(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut letters = words.chars().peekable();
    while let Some(c) = letters.next() {
        if c != '$' || !letters.peek().is_some_and(char::is_ascii_alphabetic) {
            out.push(c);
        }
    }
    out
}

/// Does a command go through the review.
#[must_use]
pub const fn is_order(command: &Command) -> bool {
    matches!(command, Command::Place(_) | Command::Close(_))
}

/// Whole lines that the text could become: verbs for the first word, symbols after it.
fn completions(before: &str, at: &At<'_>) -> Vec<String> {
    let (head, word) = before.rsplit_once(' ').map_or(("", before), |(head, word)| (head, word));
    let lower = word.to_lowercase();
    let mut words: Vec<String> = Vec::new();
    if head.is_empty() {
        words.extend(VERBS.iter().filter(|verb| verb.starts_with(&lower)).map(|verb| format!("{verb} ")));
    } else if !word.is_empty() {
        let shown = at.snapshot.quotes.keys().filter(|i| i.as_option().is_none()).map(ToString::to_string);
        words.extend(shown.filter(|name| name.to_lowercase().starts_with(&lower)));
        if let Some(symbols) = &at.env.symbols {
            for listing in symbols.search(word, COMPLETIONS_MAX) {
                let name = listing.instrument.to_string();
                if name.to_lowercase().starts_with(&lower) && !words.contains(&name) {
                    words.push(name);
                }
            }
        }
    }
    words.truncate(COMPLETIONS_MAX);
    let lead = if head.is_empty() { String::new() } else { format!("{head} ") };
    words.into_iter().map(|word| format!("{lead}{word}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickers_lose_their_sigil_and_money_keeps_its_own() {
        for (words, expected) in [
            ("buy 10 $AAPL at market day", "buy 10 AAPL at market day"),
            ("buy $500 of $BRK.B", "buy $500 of BRK.B"),
            ("spend $", "spend $"),
        ] {
            assert_eq!(without_sigils(words), expected);
        }
    }
}
