//! The keys of the pane that has them, and those that hold everywhere.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::keymap::{HelpLine, Keymap, Scope};
use crate::tui::panes::PaneKind;
use crate::tui::widgets::filter::ListFilter;
use crate::tui::widgets::put;
use crate::tui::wish::Wish;

/// Columns of a key with its text, at least.
const COLUMN_WIDTH: u16 = 52;
/// The same on a wide screen.
const COLUMN_WIDTH_WIDE: u16 = 76;
const KEYS_WIDTH: u16 = 18;

/// A line as it is drawn.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Blank,
    Heading(&'a str),
    Key(&'a str, String),
    /// The rest of a text that did not fit beside its key.
    More(String),
}

/// Keys under a heading.
#[derive(Debug)]
struct Part {
    heading: String,
    lines: Vec<(String, String)>,
}

/// A heading and the lines under it.
type Found<'a> = (&'a str, Vec<&'a (String, String)>);

/// The help of one pane; searched, that of every other too.
#[derive(Debug)]
pub struct Help {
    pane: PaneKind,
    parts: Vec<Part>,
    /// Keys of other panes: shown to whoever searches.
    elsewhere: Vec<Part>,
    filter: ListFilter,
    scroll: usize,
}

/// The keys of one scope where these scopes hold.
fn keys_of(scope: Scope, scopes: &[Scope], keymap: &Keymap) -> Vec<(String, String)> {
    let (numbers, others): (Vec<HelpLine>, Vec<HelpLine>) =
        keymap.help(scope, scopes).into_iter().partition(|line| line.action.pane_number().is_some());
    let mut lines: Vec<(String, String)> =
        others.into_iter().map(|line| (line.keys, line.text.to_owned())).collect();
    // The panes by their numbers are one line.
    if !numbers.is_empty() {
        let join = |pick: fn(&HelpLine) -> &str, by: &str| -> String {
            numbers.iter().map(pick).collect::<Vec<_>>().join(by)
        };
        lines.push((join(|line| line.keys.as_str(), " "), join(|line| line.text, ", ")));
    }
    lines
}

impl Help {
    /// The help of a pane, or of the keys that change the layout.
    #[must_use]
    pub fn new(pane: PaneKind, arranging: bool, keymap: &Keymap) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        let scopes = if arranging { &[Scope::Layout] } else { pane.scopes() };
        for scope in scopes {
            let lines = keys_of(*scope, scopes, keymap);
            let heading = match scope {
                Scope::Global => "everywhere",
                Scope::List => "in lists",
                // What can be searched is a list: its keys go with those, or with the pane's own.
                Scope::Search | Scope::Columns => match parts.last_mut() {
                    Some(part) => {
                        part.lines.extend(lines);
                        continue;
                    }
                    None => pane.tab(),
                },
                Scope::Layout => "while the layout is changed",
                _ => pane.tab(),
            };
            if !lines.is_empty() {
                parts.push(Part { heading: heading.to_owned(), lines });
            }
        }
        let macros: Vec<(String, String)> =
            keymap.macros().map(|(key, line)| (key, line.to_owned())).collect();
        if !macros.is_empty() {
            parts.push(Part { heading: "your macros".to_owned(), lines: macros });
        }
        let others = PaneKind::ALL.iter().filter(|kind| **kind != pane);
        let elsewhere = others
            .filter_map(|kind| {
                let own = kind.scopes().first().filter(|own| !scopes.contains(own))?;
                let lines = keys_of(*own, kind.scopes(), keymap);
                (!lines.is_empty()).then(|| Part { heading: format!("in {}", kind.tab()), lines })
            })
            .collect();
        Self { pane, parts, elsewhere, filter: ListFilter::default(), scroll: 0 }
    }

    /// The parts with what passes the search; without one, those of this pane.
    fn found(&self) -> impl Iterator<Item = Found<'_>> {
        let elsewhere = if self.filter.is_empty() { &[][..] } else { &self.elsewhere };
        self.parts.iter().chain(elsewhere).filter_map(|part| {
            let passes = |line: &&(String, String)| {
                self.filter.passes(&format!("{} {} {}", line.0, line.1, part.heading))
            };
            let lines: Vec<_> = part.lines.iter().filter(passes).collect();
            (!lines.is_empty()).then_some((part.heading.as_str(), lines))
        })
    }

    /// Columns of text beside each other, and how wide each is.
    fn columns(room: u16) -> (u16, u16) {
        let columns = (room / COLUMN_WIDTH).clamp(1, 2);
        let width = if room / columns >= COLUMN_WIDTH_WIDE { COLUMN_WIDTH_WIDE } else { COLUMN_WIDTH };
        (columns, width.min(room))
    }

    /// The lines for columns so wide: no text is cut.
    fn laid(&self, width: u16) -> Vec<Line<'_>> {
        laid(self.found(), width)
    }
}

/// See [`Help::laid`].
fn laid<'a>(parts: impl Iterator<Item = Found<'a>>, width: u16) -> Vec<Line<'a>> {
    let room = width.saturating_sub(KEYS_WIDTH + 1);
    let mut laid = Vec::new();
    for (heading, lines) in parts {
        if !laid.is_empty() {
            laid.push(Line::Blank);
        }
        laid.push(Line::Heading(heading));
        for (keys, text) in lines {
            let mut parts = format::wrap(text, room).into_iter();
            laid.push(Line::Key(keys, parts.next().unwrap_or_default()));
            laid.extend(parts.map(Line::More));
        }
    }
    laid
}

impl Modal for Help {
    fn title(&self) -> String {
        // A caret of ASCII stands in every terminal.
        format!("Keys: {}{}", self.pane.tab(), self.filter.label("_"))
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        let (columns, width) = Self::columns(room.width);
        // As large as without a search, so that nothing jumps while one types.
        let all = self.parts.iter().map(|part| (part.heading.as_str(), part.lines.iter().collect()));
        let rows = laid(all, width).len().div_ceil(usize::from(columns)) as u16;
        ((width * columns).min(room.width), rows.min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (columns, width) = Self::columns(area.width);
        let lines = self.laid(width);
        if lines.is_empty() {
            put(buf, area.x, area.y, "No key does that.", look.theme.dim, area.width);
        }
        let per_column = usize::from(area.height);
        let shown = per_column * usize::from(columns);
        let top = self.scroll.min(lines.len().saturating_sub(shown));
        // What does not fit is said in the last line.
        let below = lines.len().saturating_sub(top + shown);
        let fit = if below > 0 { shown.saturating_sub(1) } else { shown };
        if below > 0 && fit > 0 {
            let x = area.x + (columns - 1) * width;
            let key = if self.filter.is_typing() { "Down" } else { "j" };
            let text = format!("{} {} more: {key}", look.theme.glyphs.ellipsis, below + 1);
            put(buf, x, area.bottom().saturating_sub(1), &text, look.theme.dim, width);
        }
        for (i, line) in lines.iter().skip(top).take(fit).enumerate() {
            let x = area.x + (i / per_column) as u16 * width;
            let y = area.y + (i % per_column) as u16;
            let room = width.min(area.right().saturating_sub(x)).saturating_sub(KEYS_WIDTH + 1);
            match line {
                Line::Blank => {}
                Line::Heading(text) => {
                    put(buf, x, y, text, look.theme.strong, width);
                }
                Line::Key(keys, text) => {
                    let keys = format::fit(keys, KEYS_WIDTH - 1, look.theme.glyphs.ellipsis);
                    put(buf, x, y, &keys, look.theme.accent, KEYS_WIDTH);
                    put(buf, x + KEYS_WIDTH, y, text, look.theme.text, room);
                }
                Line::More(text) => {
                    put(buf, x + KEYS_WIDTH, y, text, look.theme.text, room);
                }
            }
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        match self.filter.is_typing() {
            true => "Enter keep   Esc all keys".to_owned(),
            false => "Esc close   j k scroll   / search in all keys".to_owned(),
        }
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> After {
        let scrolls = matches!(event.code, KeyCode::Down | KeyCode::Up | KeyCode::PageDown | KeyCode::PageUp);
        if !(scrolls && self.filter.is_typing()) && self.filter.key(event) {
            self.scroll = 0;
            return After::Stay;
        }
        match event.code {
            KeyCode::Char('/') => self.filter.open(),
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('?' | 'q') => return After::Close,
            KeyCode::Char('j' | ' ') | KeyCode::Down | KeyCode::PageDown => {
                let lines: usize = self.found().map(|(_, lines)| lines.len() + 2).sum();
                self.scroll = (self.scroll + 4).min(lines);
            }
            KeyCode::Char('k') | KeyCode::Up | KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(4),
            _ => {}
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, _at: &At<'_>) -> bool {
        self.filter.paste(text);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_cut_at_any_width() {
        let keymap = Keymap::new(&std::collections::BTreeMap::new()).unwrap();
        for pane in PaneKind::ALL {
            let help = Help::new(*pane, false, &keymap);
            for width in [COLUMN_WIDTH, COLUMN_WIDTH_WIDE] {
                for line in help.laid(width) {
                    if let Line::Key(_, text) | Line::More(text) = line {
                        assert!(format::width(&text) < width - KEYS_WIDTH, "{text}");
                    }
                }
            }
        }
    }
}
