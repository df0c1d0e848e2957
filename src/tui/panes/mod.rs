//! The panes of the screen. Each file holds one: its state, its keys, its drawing. They share this small interface and know nothing
//! of each other; what they want of the rest they say as a [`Wish`]. `registry` lists them.

pub mod activity;
pub mod alerts;
pub mod chain;
pub mod chart;
pub mod connections;
pub mod depth;
pub mod history;
pub mod news;
pub mod notifications;
pub mod orders;
pub mod portfolio;
pub mod positions;
pub mod profiles;
mod registry;
pub mod risk;
pub mod sheet;
pub mod strategies;
pub mod ticket;
pub mod watchlist;

use std::collections::BTreeMap;
use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::action::Action;
use super::env::{At, Look};
use super::keymap::Keymap;
use super::widgets::choice::Choice;
use super::widgets::table::Column;
use super::wish::Wish;
use crate::client::{Reply, SessionError};

pub use registry::{PaneKind, Panes};
pub use sheet::Sheet;

pub use super::widgets::filter::ListFilter;

/// What every pane can do.
pub trait Pane {
    /// What stands in its upper border.
    fn title(&self, look: &Look<'_>) -> Line<'static>;

    /// Draws the inside.
    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer);

    /// Takes an action meant for it; false when it means nothing here.
    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool;

    /// What its list is filtered by; none where it has no such list. Its keys, hints and pastes are then taken for the pane.
    fn filter(&self) -> Option<&ListFilter> {
        None
    }

    /// The same, to change.
    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        None
    }

    /// Takes a key before the keymap does, where the pane has typed text; false when it is not for it.
    fn key(&mut self, event: KeyEvent, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        self.filter_mut().is_some_and(|filter| filter.key(event))
    }

    /// Keys, each with a word, that hold in it now in place of its own: while something is typed or chosen in it.
    fn hints(&self, _keymap: &Keymap) -> Option<Hints> {
        self.filter().and_then(ListFilter::hints).map(fixed)
    }

    /// Takes pasted text; false when the pane has no text field in use.
    fn paste(&mut self, text: &str, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        self.filter_mut().is_some_and(|filter| filter.paste(text))
    }

    /// A click at a line and column inside.
    fn click(&mut self, _column: u16, _line: u16, _area: Rect, _at: &At<'_>, _wishes: &mut Vec<Wish>) {}

    /// After every event, while it is in view: brings selection and scroll in line with the data and the size inside.
    fn settle(&mut self, _area: Rect, _at: &At<'_>, _wishes: &mut Vec<Wish>) {}

    /// The answer to what it asked as `Purpose::Pane(kind, tag)`.
    fn answer(
        &mut self,
        _tag: u64,
        _reply: Result<Reply, SessionError>,
        _at: &At<'_>,
        _wishes: &mut Vec<Wish>,
    ) {
    }

    /// When something happens in it by itself next; it is then settled and drawn.
    fn due(&self, _at: &At<'_>) -> Option<Duration> {
        None
    }

    /// What it shows as a table, all of it and not only what is in view: for a file. None where it is no table.
    fn sheet(&self, _at: &At<'_>) -> Option<Sheet> {
        None
    }

    /// Its columns and what the user made of them; none where it is no list of columns.
    fn columns(&self, _at: &At<'_>) -> Option<(Vec<Column>, &Choice)> {
        None
    }

    /// Other columns, or another order of them.
    fn choose(&mut self, _choice: Choice) {}

    /// What is kept of it until the next start, such as its list and the selected row: a few short words each under a short name.
    fn memory(&self, _at: &At<'_>) -> Memory {
        Memory::new()
    }

    /// Takes up what was kept. What it does not know or cannot read is left alone.
    fn recall(&mut self, _memory: &Memory, _at: &At<'_>) {}
}

/// Keys, each with a word.
pub type Hints = Vec<(String, &'static str)>;

/// Such keys where none can be changed, as in text that is typed.
#[must_use]
pub fn fixed(hints: &[(&'static str, &'static str)]) -> Hints {
    hints.iter().map(|(key, word)| ((*key).to_owned(), *word)).collect()
}

/// What a pane keeps from one start to the next.
pub type Memory = BTreeMap<String, String>;

/// A title: the name strong while its pane has the keys, the rest dim.
#[must_use]
pub fn titled(name: &str, rest: &str, look: &Look<'_>) -> Line<'static> {
    use ratatui::text::Span;
    let style = if look.focused { look.theme.accent.patch(look.theme.strong) } else { look.theme.text };
    Line::from(vec![Span::styled(format!(" {name} "), style), Span::styled(rest.to_owned(), look.theme.dim)])
}

/// The same with the age of its prices, where they are old ones.
#[must_use]
pub fn titled_with_age(name: &str, rest: &str, stale: Option<i64>, look: &Look<'_>) -> Line<'static> {
    let mut line = titled(name, rest, look);
    if let Some(seconds) = stale {
        let text = format!("{} ", super::sources::stale_words(seconds));
        line.push_span(ratatui::text::Span::styled(text, look.theme.warning));
    }
    line
}

/// Says in the middle of an empty pane what could be here and which key brings it: `{buy}` stands for the key of that action.
pub fn draw_empty(lines: &[&str], look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let wrapped: Vec<String> = lines
        .iter()
        .map(|line| look.env.keymap.fill_in(line))
        .flat_map(|line| crate::tui::format::wrap(&line, area.width.saturating_sub(4)))
        .collect();
    let top = area.y + area.height.saturating_sub(wrapped.len() as u16) / 2;
    for (i, line) in wrapped.iter().enumerate() {
        let y = top + i as u16;
        if y >= area.bottom() {
            return;
        }
        let x = area.x + area.width.saturating_sub(crate::tui::format::width(line)) / 2;
        crate::tui::widgets::put(buf, x, y, line, look.theme.dim, area.width);
    }
}
