//! Find anything: symbols, orders, panes, layouts, what keys do, commands. Matches letters in order, as they are typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::command::types::Command;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::order::Order;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::bar::without_sigils;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::keymap::Scope;
use crate::tui::layout::Desk;
use crate::tui::panes::PaneKind;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::widgets::{put, put_right};
use crate::tui::wish::{Rearrange, Wish};

const WIDTH: u16 = 66;
const ROWS: u16 = 14;
/// Symbols asked of the universe.
const SYMBOLS_MAX: usize = 20;

#[derive(Clone, Debug)]
enum Target {
    Instrument(Instrument),
    Order(ClientOrderId),
    Action(Action),
    Pane(PaneKind),
    Layout(Rearrange),
    Command(&'static str),
    /// What was typed, as the command language understands it.
    Typed(String),
    Line(String),
    Theme(String),
    Setting(String),
}

impl Target {
    /// What kind of thing it is, for the right edge and for searching by it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Instrument(_) => "symbol",
            Self::Order(_) => "order",
            Self::Action(_) => "key",
            Self::Pane(_) => "pane",
            Self::Layout(_) => "layout",
            Self::Command(_) | Self::Typed(_) => "command",
            Self::Line(_) => "macro",
            Self::Theme(_) => "theme",
            Self::Setting(_) => "setting",
        }
    }

    fn wishes(&self) -> Vec<Wish> {
        match self {
            Self::Instrument(instrument) => {
                vec![Wish::Select(instrument.clone()), Wish::Focus(PaneKind::Chart)]
            }
            Self::Order(id) => vec![Wish::Order(*id)],
            Self::Action(action) => vec![Wish::Act(*action)],
            Self::Pane(kind) => vec![Wish::Focus(*kind)],
            Self::Layout(wish) => vec![Wish::Layout(wish.clone())],
            Self::Setting(path) => vec![Wish::Settings(path.clone())],
            Self::Theme(name) => vec![Wish::Theme(name.clone())],
            Self::Line(line) | Self::Typed(line) => vec![Wish::Line(line.clone())],
            Self::Command(command) => vec![Wish::Type((*command).to_owned())],
        }
    }
}

#[derive(Clone, Debug)]
struct Item {
    name: String,
    detail: String,
    target: Target,
}

/// Commands that the palette starts.
const COMMANDS: [(&str, &str); 14] = [
    ("buy ", "an order, as buy 10 aapl at 231.50"),
    ("sell ", "an order, as sell half my tsla"),
    ("watch ", "add to the watchlist"),
    ("alert ", "be told, as alert aapl above 260"),
    ("chart ", "a chart, as chart aapl 1d"),
    ("chain ", "an option chain, as chain aapl"),
    ("news ", "headlines, as news aapl"),
    ("show fills", "what filled"),
    ("show pnl", "gains and losses"),
    ("cancel all", "every working order"),
    ("flatten", "close every position"),
    ("backtest ", "a strategy over recorded bars, as backtest sma_cross"),
    ("export trades", "every fill as a file"),
    ("connect ", "sign in at a broker, as connect alpaca"),
];
/// Those of them that the program does beside the screen, where it does.
const WORK: [&str; 3] = ["backtest ", "export trades", "connect "];

/// The palette.
#[derive(Debug)]
pub struct Palette {
    title: &'static str,
    /// Symbols of the whole universe too, not only what is listed.
    universe: bool,
    input: TextInput,
    fixed: Vec<Item>,
    found: Vec<Item>,
    list: ListState,
}

impl Palette {
    /// Everything that can be found from a pane.
    #[must_use]
    pub fn new(app: &App, at: &At<'_>) -> Self {
        let mut fixed: Vec<Item> =
            at.snapshot.quotes.keys().map(|i| instrument_item(i.clone(), at)).collect();
        fixed.extend(actions(app.focus, at));
        fixed.extend(PaneKind::ALL.iter().map(|kind| pane_item(*kind, Target::Pane(*kind))));
        fixed.extend(app.desk.names().into_iter().map(layout_item));
        fixed.extend(app.themes.iter().map(|name| Item {
            name: format!("{name} theme"),
            detail: String::new(),
            target: Target::Theme(name.clone()),
        }));
        fixed.extend(at.snapshot.orders.iter().map(order_item));
        fixed.extend(at.env.keymap.macros().map(|(key, line)| Item {
            name: line.to_owned(),
            detail: key,
            target: Target::Line(line.to_owned()),
        }));
        let offered = COMMANDS.iter().filter(|(name, _)| at.env.works.is_some() || !WORK.contains(name));
        fixed.extend(offered.map(|(command, detail)| Item {
            name: format!(": {command}"),
            detail: (*detail).to_owned(),
            target: Target::Command(command),
        }));
        fixed.extend(app.settings.iter().map(|view| Item {
            name: view.path.clone(),
            detail: view.value.clone(),
            target: Target::Setting(view.path.clone()),
        }));
        Self::of("Find", true, fixed, at)
    }

    /// The panes, to put one into the layout; first those that are not in it.
    #[must_use]
    pub fn of_panes(desk: &Desk, then: impl Fn(PaneKind) -> Rearrange, at: &At<'_>) -> Self {
        let mut kinds = PaneKind::ALL.to_vec();
        kinds.sort_by_key(|kind| desk.tree().has(*kind));
        let item = |kind: &PaneKind| pane_item(*kind, Target::Layout(then(*kind)));
        Self::of("Which pane", false, kinds.iter().map(item).collect(), at)
    }

    fn of(title: &'static str, universe: bool, fixed: Vec<Item>, at: &At<'_>) -> Self {
        let (input, list) = (TextInput::default(), ListState::default());
        let mut palette = Self { title, universe, input, fixed, found: Vec::new(), list };
        palette.search(at);
        palette
    }

    fn search(&mut self, at: &At<'_>) {
        let query = self.input.text().trim();
        let mut candidates = self.fixed.clone();
        if let (true, false, Some(symbols)) = (self.universe, query.is_empty(), &at.env.symbols) {
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
        if let Some(item) = typed(query, at).filter(|_| self.universe) {
            self.found.insert(0, item);
        }
        self.list = ListState::default();
    }
}

/// A line that the command language understands: whoever types all of one means it.
fn typed(query: &str, at: &At<'_>) -> Option<Item> {
    // A single word is the name of something.
    if !query.contains(' ') {
        return None;
    }
    let understood = (at.env.understand)(query, &at.snapshot.market.calendar);
    let known = !matches!(understood.command, Command::Clarify { .. } | Command::Explain { .. });
    let name = format!(": {}", without_sigils(&clean(&understood.words)));
    known.then(|| Item { name, detail: String::new(), target: Target::Typed(query.to_owned()) })
}

/// What the keys of a pane, and those that hold everywhere, can do.
fn actions(pane: PaneKind, at: &At<'_>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for scope in [pane.scopes()[0], Scope::Global, Scope::Layout] {
        for line in at.env.keymap.help(scope, &[scope]) {
            let hidden = matches!(line.action, Action::Palette | Action::Back | Action::Interrupt)
                // Panes have items of their own.
                || line.action.pane_number().is_some();
            let known = items.iter().any(|item| matches!(item.target, Target::Action(a) if a == line.action));
            if !hidden && !known {
                let detail = if scope == Scope::Layout { "layout".to_owned() } else { line.keys };
                items.push(Item { name: line.text.to_owned(), detail, target: Target::Action(line.action) });
            }
        }
    }
    items
}

fn pane_item(kind: PaneKind, target: Target) -> Item {
    // Layouts and files call some of them by another word than their tab does: they are found by both.
    let name = Some(kind.name()).filter(|name| !name.eq_ignore_ascii_case(kind.tab()));
    let number = kind.number().map(|number| number.to_string());
    let detail: Vec<String> = number.into_iter().chain(name.map(str::to_owned)).collect();
    Item { name: kind.tab().to_owned(), detail: detail.join("  "), target }
}

fn layout_item(name: String) -> Item {
    Item {
        name: format!("{name} layout"),
        detail: String::new(),
        target: Target::Layout(Rearrange::Show(name)),
    }
}

fn order_item(order: &Order) -> Item {
    let request = &order.request;
    let name = format!(
        "#{} {} {} {}",
        order.number,
        request.side.as_str().replace('_', " "),
        request.quantity,
        request.subject.short()
    );
    let detail = crate::tui::panes::orders::status_word(order.status).to_owned();
    Item { name, detail, target: Target::Order(request.client_order_id) }
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
            let text = format!("{} {} {}", item.name, item.detail, item.target.kind());
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
        self.title.to_owned()
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        (WIDTH.min(room.width), (ROWS + 2).min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let end = self.input.draw(Rect { height: 1, ..area }, theme.strong, true, buf);
        if self.input.text().is_empty() {
            put(buf, end + 1, area.y, "type to find", theme.dim, area.right().saturating_sub(end + 1));
        }
        let rows = area.height.saturating_sub(2);
        let mut list = self.list;
        list.settle(self.found.len(), rows);
        list.draw_rest(self.found.len(), Rect { y: area.y + 2, height: rows, ..area }, theme, buf);
        for (line, i) in list.visible(self.found.len(), rows).enumerate() {
            let item = &self.found[i];
            let y = area.y + 2 + line as u16;
            let row = Rect { y, height: 1, ..area };
            if i == list.index {
                put(buf, area.x, y, theme.glyphs.cursor, theme.accent, 1);
            }
            let kind = item.target.kind();
            let room = area.width.saturating_sub(format::width(kind) + 4);
            let name = format::fit(&item.name, room, theme.glyphs.ellipsis);
            let x = put(buf, area.x + 2, y, &name, theme.text, room) + 2;
            let room = area.right().saturating_sub(x).saturating_sub(format::width(kind) + 1);
            put_right(buf, area.right(), y, kind, theme.dim, area.width / 3);
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
                let picked = self.found.get(self.list.index);
                wishes.extend(picked.map(|item| item.target.wishes()).unwrap_or_default());
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
            Some(step) => drop(self.list.act_within(step, count, ROWS)),
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
