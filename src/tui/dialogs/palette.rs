//! Find anything: symbols, actions, panes. Matches letters in order, as they are typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::domain::instrument::Instrument;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::keymap::Scope;
use crate::tui::panes::PaneKind;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::put;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::wish::Wish;

const WIDTH: u16 = 66;
const ROWS: u16 = 14;
/// Symbols asked of the universe.
const SYMBOLS_MAX: usize = 20;

#[derive(Clone, Debug)]
enum Target {
    Instrument(Instrument),
    Action(Action),
    Command(&'static str),
}

#[derive(Clone, Debug)]
struct Item {
    name: String,
    detail: String,
    target: Target,
}

/// Commands that the palette starts.
const COMMANDS: [(&str, &str); 8] = [
    ("buy ", "an order, as buy 10 aapl at 231.50"),
    ("sell ", "an order, as sell half my tsla"),
    ("watch ", "add to the watchlist"),
    ("chart ", "a chart, as chart aapl 1d"),
    ("show fills", "what filled"),
    ("show pnl", "gains and losses"),
    ("cancel all", "every working order"),
    ("flatten", "close every position"),
];

/// The palette.
#[derive(Debug)]
pub struct Palette {
    input: TextInput,
    fixed: Vec<Item>,
    found: Vec<Item>,
    list: ListState,
}

impl Palette {
    /// Everything that can be found from a pane.
    #[must_use]
    pub fn new(pane: PaneKind, at: &At<'_>) -> Self {
        let mut fixed: Vec<Item> =
            at.snapshot.quotes.keys().map(|i| instrument_item(i.clone(), at)).collect();
        for scope in [pane.scopes()[0], Scope::Global] {
            for line in at.env.keymap.help(scope, &[scope]) {
                let hidden = matches!(line.action, Action::Palette | Action::Back | Action::Interrupt);
                if !hidden {
                    fixed.push(Item {
                        name: line.text.to_owned(),
                        detail: line.keys,
                        target: Target::Action(line.action),
                    });
                }
            }
        }
        fixed.extend(COMMANDS.map(|(command, detail)| Item {
            name: format!(": {command}"),
            detail: detail.to_owned(),
            target: Target::Command(command),
        }));
        let mut palette =
            Self { input: TextInput::default(), fixed, found: Vec::new(), list: ListState::default() };
        palette.search(at);
        palette
    }

    fn search(&mut self, at: &At<'_>) {
        let query = self.input.text().trim();
        let mut candidates = self.fixed.clone();
        if let (false, Some(symbols)) = (query.is_empty(), &at.env.symbols) {
            for listing in symbols.search(query, SYMBOLS_MAX) {
                let known = candidates
                    .iter()
                    .any(|item| matches!(&item.target, Target::Instrument(i) if *i == listing.instrument));
                if !known {
                    candidates.push(instrument_item(listing.instrument, at));
                }
            }
        }
        self.found = ranked(query, candidates);
        self.list = ListState::default();
    }

    fn pick(&self, wishes: &mut Vec<Wish>) {
        match self.found.get(self.list.index).map(|item| &item.target) {
            Some(Target::Instrument(instrument)) => {
                wishes.push(Wish::Select(instrument.clone()));
                wishes.push(Wish::Focus(PaneKind::Chart));
            }
            Some(Target::Action(action)) => wishes.push(Wish::Act(*action)),
            Some(Target::Command(command)) => wishes.push(Wish::Type((*command).to_owned())),
            None => {}
        }
    }
}

fn instrument_item(instrument: Instrument, at: &At<'_>) -> Item {
    let name = instrument.to_string();
    let listing = at.env.symbols.as_ref().and_then(|symbols| symbols.listing(&name));
    let detail = listing.map(|l| clean(&l.name).into_owned()).unwrap_or_default();
    Item { name, detail, target: Target::Instrument(instrument) }
}

/// The items that match, best first; all of them, in their order, for an empty query.
fn ranked(query: &str, items: Vec<Item>) -> Vec<Item> {
    if query.is_empty() {
        return items;
    }
    let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Item)> = items
        .into_iter()
        .filter_map(|item| {
            let text = format!("{} {}", item.name, item.detail);
            let score = pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher)?;
            // An exact symbol stands above everything that merely contains it.
            let bonus = if item.name.eq_ignore_ascii_case(query) { 10_000 } else { 0 };
            Some((score + bonus, item))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, item)| item).collect()
}

impl Modal for Palette {
    fn title(&self) -> String {
        "Find".to_owned()
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        (WIDTH.min(room.width), (ROWS + 2).min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        self.input.draw(Rect { height: 1, ..area }, theme.strong, true, buf);
        let rows = area.height.saturating_sub(2);
        let mut list = self.list;
        list.settle(self.found.len(), rows);
        for (line, i) in list.visible(self.found.len(), rows).enumerate() {
            let item = &self.found[i];
            let y = area.y + 2 + line as u16;
            let row = Rect { y, height: 1, ..area };
            if i == list.index {
                put(buf, area.x, y, theme.glyphs.cursor, theme.accent, 1);
            }
            let x = put(buf, area.x + 2, y, &item.name, theme.text, area.width.saturating_sub(2)) + 2;
            let room = area.right().saturating_sub(x);
            put(buf, x, y, &format::fit(&item.detail, room, theme.glyphs.ellipsis), theme.dim, room);
            if i == list.index {
                buf.set_style(row, theme.selected);
            }
        }
        if self.found.is_empty() {
            put(buf, area.x + 2, area.y + 2, "nothing is called so", theme.dim, area.width);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        "Enter open   Up Down choose   Esc close".to_owned()
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let count = self.found.len();
        let step = match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Enter => {
                self.pick(wishes);
                return After::Close;
            }
            KeyCode::Down | KeyCode::Tab => Some(Action::Down),
            KeyCode::Up | KeyCode::BackTab => Some(Action::Up),
            KeyCode::Char('n') if control => Some(Action::Down),
            KeyCode::Char('p') if control => Some(Action::Up),
            KeyCode::PageDown => Some(Action::PageDown),
            KeyCode::PageUp => Some(Action::PageUp),
            _ => None,
        };
        match step {
            Some(step) => drop(self.list.act(step, count)),
            None => {
                let before = self.input.text().to_owned();
                self.input.key(event, |c| !c.is_control());
                if self.input.text() != before {
                    self.search(at);
                }
            }
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, at: &At<'_>) -> bool {
        self.input.insert(text);
        self.search(at);
        true
    }
}
