//! One table of keys. It drives dispatch, the hint line and the help, so that none of them can say what another does not do.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;

/// Where a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everywhere but in text.
    Global,
    /// In every pane that is a list.
    List,
    /// In the watchlist.
    Watchlist,
    /// In the chart.
    Chart,
    /// In the positions.
    Positions,
    /// In the orders.
    Orders,
    /// In the order ticket.
    Ticket,
    /// In the log.
    Log,
    /// In the option chain.
    Chain,
}

struct Row {
    scope: Scope,
    action: Action,
    keys: &'static [&'static str],
    /// A word for the hint line; empty keeps it out.
    hint: &'static str,
    help: &'static str,
}

const fn row(
    scope: Scope,
    action: Action,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
) -> Row {
    Row { scope, action, keys, hint, help }
}

/// Every key, in the order in which hints and help show them.
const TABLE: &[Row] = &[
    row(Scope::Watchlist, Action::Open, &["enter"], "chart", "show the chart of the row"),
    row(Scope::Watchlist, Action::Add, &["a"], "add", "add a symbol"),
    row(Scope::Watchlist, Action::Remove, &["d", "delete"], "drop", "take the row off the list"),
    row(Scope::Watchlist, Action::NextList, &["n"], "list", "next watchlist"),
    row(Scope::Watchlist, Action::Sort, &["t"], "sort", "sort by the next column"),
    row(Scope::Watchlist, Action::SortBack, &["T"], "", "the other way round"),
    row(Scope::Chart, Action::ZoomIn, &["+", "="], "zoom in", "wider candles"),
    row(Scope::Chart, Action::ZoomOut, &["-"], "out", "more candles"),
    row(Scope::Chart, Action::Earlier, &["h", "left"], "earlier", "back in time"),
    row(Scope::Chart, Action::Later, &["l", "right"], "later", "forward in time"),
    row(Scope::Chart, Action::Newest, &["0", "end", "G"], "", "back to now"),
    row(Scope::Chart, Action::Interval, &["i"], "interval", "next bar width"),
    row(Scope::Chart, Action::IntervalBack, &["I"], "", "bar width before"),
    row(Scope::Chart, Action::Overlays, &["o"], "overlays", "averages and bands over the price"),
    row(Scope::Chart, Action::Study, &["u"], "study", "strength or MACD under the price"),
    row(Scope::Chart, Action::Shape, &["v"], "shape", "candles, heikin-ashi or a line"),
    row(Scope::Chart, Action::Crosshair, &["c"], "crosshair", "read single candles; esc leaves"),
    row(Scope::Positions, Action::Close, &["x"], "close", "close the position, after a review"),
    row(Scope::Positions, Action::Open, &["enter"], "chart", "show the chart of the row"),
    row(Scope::Positions, Action::Sort, &["t"], "sort", "sort by the next column"),
    row(Scope::Orders, Action::Cancel, &["c"], "cancel", "cancel the order, after a question"),
    row(Scope::Orders, Action::Replace, &["r"], "replace", "change price, size or duration"),
    row(Scope::Orders, Action::OrderFilter, &["f"], "filter", "working, done or all"),
    row(Scope::Orders, Action::Open, &["enter"], "details", "everything known about the order"),
    row(Scope::Orders, Action::Sort, &["t"], "sort", "sort by symbol or by time"),
    row(Scope::Orders, Action::CancelAll, &["C"], "", "cancel every working order"),
    row(Scope::Ticket, Action::Review, &["enter"], "review", "show the order before it goes"),
    row(Scope::Ticket, Action::NextField, &["down", "tab", "ctrl-n"], "field", "next field"),
    row(Scope::Ticket, Action::PreviousField, &["up", "shift-tab"], "", "field before"),
    row(Scope::Ticket, Action::NextChoice, &["right", "space"], "choice", "next choice, or + one step"),
    row(Scope::Ticket, Action::PreviousChoice, &["left"], "", "choice before"),
    row(Scope::Ticket, Action::PegBid, &["b"], "bid", "price from the bid"),
    row(Scope::Ticket, Action::PegMid, &["m"], "mid", "price from the middle"),
    row(Scope::Ticket, Action::PegAsk, &["a"], "ask", "price from the ask"),
    row(Scope::Ticket, Action::StepUp, &["+", "="], "tick", "one tick or unit up"),
    row(Scope::Ticket, Action::StepDown, &["-"], "", "one tick or unit down"),
    row(Scope::Ticket, Action::Clear, &["ctrl-u"], "clear", "empty the ticket"),
    row(Scope::Ticket, Action::Back, &["esc"], "leave", "back to the pane before"),
    row(Scope::Log, Action::Open, &["enter"], "read", "the whole line"),
    row(Scope::Chain, Action::LegBuy, &["b"], "buy leg", "buy a contract more of the row, or sell one fewer"),
    row(Scope::Chain, Action::LegSell, &["s"], "sell leg", "sell a contract more, or buy one fewer"),
    row(Scope::Chain, Action::Open, &["enter"], "review", "review the legs; without legs, the ticket"),
    row(Scope::Chain, Action::PreviousChoice, &["h", "left"], "calls", "to the calls"),
    row(Scope::Chain, Action::NextChoice, &["l", "right"], "puts", "to the puts"),
    row(Scope::Chain, Action::NextExpiry, &["e", "]"], "expiry", "next expiry"),
    row(Scope::Chain, Action::PreviousExpiry, &["E", "["], "", "expiry before"),
    row(Scope::Chain, Action::Greeks, &["v"], "greeks", "prices or greeks"),
    row(Scope::Chain, Action::StepUp, &["+", "="], "cent", "net price a cent up"),
    row(Scope::Chain, Action::StepDown, &["-"], "", "net price a cent down"),
    row(Scope::Chain, Action::More, &[">"], "", "a package more"),
    row(Scope::Chain, Action::Fewer, &["<"], "", "a package fewer"),
    row(Scope::Chain, Action::Remove, &["x", "delete"], "", "take the leg of the row off"),
    row(Scope::Chain, Action::Down, &["j", "down"], "", "strike down"),
    row(Scope::Chain, Action::Up, &["k", "up"], "", "strike up"),
    row(Scope::Chain, Action::PageDown, &["pagedown", "ctrl-d"], "", "a screen down"),
    row(Scope::Chain, Action::PageUp, &["pageup", "ctrl-u"], "", "a screen up"),
    row(Scope::Chain, Action::First, &["g", "home"], "", "lowest strike"),
    row(Scope::Chain, Action::Last, &["G", "end"], "", "highest strike"),
    row(Scope::Chain, Action::Clear, &["ctrl-x"], "", "take all legs off"),
    row(Scope::List, Action::Down, &["j", "down"], "", "row down"),
    row(Scope::List, Action::Up, &["k", "up"], "", "row up"),
    row(Scope::List, Action::PageDown, &["pagedown", "ctrl-d"], "", "a screen down"),
    row(Scope::List, Action::PageUp, &["pageup", "ctrl-u"], "", "a screen up"),
    row(Scope::List, Action::First, &["g", "home"], "", "first row"),
    row(Scope::List, Action::Last, &["G", "end"], "", "last row"),
    row(Scope::List, Action::Filter, &["/"], "search", "filter the list as you type"),
    row(Scope::List, Action::Copy, &["y"], "", "copy the row"),
    row(Scope::Global, Action::Help, &["?", "f1"], "keys", "these keys"),
    row(Scope::Global, Action::FocusNext, &["tab"], "pane", "next pane"),
    row(Scope::Global, Action::FocusPrevious, &["shift-tab"], "", "pane before"),
    row(Scope::Global, Action::Buy, &["b"], "buy", "order ticket to buy"),
    row(Scope::Global, Action::Sell, &["s"], "sell", "order ticket to sell"),
    row(Scope::Global, Action::CommandBar, &[":"], "command", "type a command"),
    row(Scope::Global, Action::Palette, &["ctrl-p"], "palette", "find symbols and actions"),
    row(Scope::Global, Action::Halt, &["ctrl-k"], "halt", "kill switch, and its release"),
    row(Scope::Global, Action::Quit, &["q"], "quit", "leave; working orders stay"),
    row(Scope::Global, Action::ZoomPane, &["z"], "", "this pane alone, or all again"),
    row(Scope::Global, Action::Preset, &["w"], "", "layouts: trade, chart, options"),
    row(Scope::Global, Action::Alerts, &["A"], "", "price alerts that wait"),
    row(Scope::Global, Action::Pane1, &["1"], "", "watchlist"),
    row(Scope::Global, Action::Pane2, &["2"], "", "chart"),
    row(Scope::Global, Action::Pane3, &["3"], "", "positions"),
    row(Scope::Global, Action::Pane4, &["4"], "", "orders"),
    row(Scope::Global, Action::Pane5, &["5"], "", "order ticket"),
    row(Scope::Global, Action::Pane6, &["6"], "", "activity"),
    row(Scope::Global, Action::Pane7, &["7"], "", "option chain"),
    row(Scope::Global, Action::Back, &["esc"], "", "out of what is open"),
    row(Scope::Global, Action::Mouse, &["M"], "", "mouse on or off, to select text"),
    row(Scope::Global, Action::Redraw, &["ctrl-l"], "", "draw everything anew"),
    row(Scope::Global, Action::Suspend, &["ctrl-z"], "", "to the shell; fg comes back"),
    row(Scope::Global, Action::Interrupt, &["ctrl-c"], "", "close what is open; twice, leave"),
];

/// A key as the table writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Chord {
    /// The chord of an event. Shift is part of a character, not a modifier of it.
    #[must_use]
    pub fn of(event: KeyEvent) -> Self {
        let mut modifiers = event.modifiers;
        let code = match event.code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(c) => {
                modifiers -= KeyModifiers::SHIFT;
                let plain = !modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
                KeyCode::Char(if plain { c } else { c.to_ascii_lowercase() })
            }
            other => other,
        };
        Self { code, modifiers }
    }

    /// A character without Ctrl and Alt.
    const fn is_plain(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }

    /// Reads `ctrl-k`, `shift-tab`, `pagedown`, `f1`, `G`, `+`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        while rest.chars().count() > 1 {
            let found = [
                ("ctrl-", KeyModifiers::CONTROL),
                ("alt-", KeyModifiers::ALT),
                ("shift-", KeyModifiers::SHIFT),
            ]
            .into_iter()
            .find_map(|(prefix, modifier)| rest.strip_prefix(prefix).map(|r| (r, modifier)));
            let Some((after, modifier)) = found else { break };
            modifiers |= modifier;
            rest = after;
        }
        let mut chars = rest.chars();
        let code = match (chars.next()?, chars.next()) {
            (c, None) => KeyCode::Char(c),
            _ => NAMED
                .iter()
                .find(|(name, _)| *name == rest)
                .map(|(_, code)| *code)
                .or_else(|| rest.strip_prefix('f')?.parse().ok().map(KeyCode::F))?,
        };
        Some(Self { code, modifiers })
    }

    /// As a person reads it: `Ctrl-K`, `Tab`, `j`.
    #[must_use]
    pub fn label(self) -> String {
        let mut out = String::new();
        for (modifier, name) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.modifiers.contains(modifier) {
                out.push_str(name);
            }
        }
        let write = match self.code {
            KeyCode::Char(' ') => write!(out, "Space"),
            KeyCode::Char(c) if self.modifiers.is_empty() => write!(out, "{c}"),
            KeyCode::Char(c) => write!(out, "{}", c.to_ascii_uppercase()),
            KeyCode::F(n) => write!(out, "F{n}"),
            KeyCode::PageUp => write!(out, "PgUp"),
            KeyCode::PageDown => write!(out, "PgDn"),
            other => {
                let name = NAMED.iter().find(|(_, code)| *code == other).map_or("", |(name, _)| *name);
                let mut letters = name.chars();
                let first = letters.next().map(|c| c.to_ascii_uppercase());
                write!(out, "{}{}", first.map(String::from).unwrap_or_default(), letters.as_str())
            }
        };
        debug_assert!(write.is_ok(), "writing to a string cannot fail");
        out
    }
}

const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
];

/// What is wrong with a remapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// No action is called so.
    #[error("'{0}' is no action of the screen (such as buy, sell, halt, next_pane)")]
    UnknownAction(String),
    /// No key is written so.
    #[error("'{0}' is no key (such as x, ctrl-k, shift-tab, pagedown, f1)")]
    UnknownKey(String),
    /// Two actions want one key in the same place.
    #[error("'{key}' is given to both {first} and {second}; give one of them another key")]
    Conflict {
        /// The key, as a person reads it.
        key: String,
        /// The action that has it.
        first: &'static str,
        /// The action that wants it too.
        second: &'static str,
    },
}

/// A line of help: keys, what they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpLine {
    /// The keys, joined by spaces.
    pub keys: String,
    /// What they do.
    pub text: &'static str,
    /// The action.
    pub action: Action,
}

/// The keys in force.
#[derive(Clone, Debug)]
pub struct Keymap {
    by_key: HashMap<(Scope, Chord), Action>,
    keys: BTreeMap<(Scope, Action), Vec<Chord>>,
}

impl Keymap {
    /// The table, with the keys of some actions replaced: action name to keys.
    ///
    /// # Errors
    /// When an action or a key is not known.
    pub fn new(overrides: &BTreeMap<String, Vec<String>>) -> Result<Self, KeymapError> {
        for name in overrides.keys() {
            if !TABLE.iter().any(|row| row.action.name() == name) {
                return Err(KeymapError::UnknownAction(name.clone()));
            }
        }
        let mut map = Self { by_key: HashMap::new(), keys: BTreeMap::new() };
        for row in TABLE {
            let texts: Vec<&str> = match overrides.get(row.action.name()) {
                Some(keys) => keys.iter().map(String::as_str).collect(),
                None => row.keys.to_vec(),
            };
            let mut chords = Vec::new();
            for text in texts {
                let chord = Chord::parse(text).ok_or_else(|| KeymapError::UnknownKey(text.to_owned()))?;
                let first = *map.by_key.entry((row.scope, chord)).or_insert(row.action);
                if first != row.action {
                    let (first, second) = (first.name(), row.action.name());
                    return Err(KeymapError::Conflict { key: chord.label(), first, second });
                }
                chords.push(chord);
            }
            map.keys.insert((row.scope, row.action), chords);
        }
        Ok(map)
    }

    /// What a key means in the first of these scopes that knows it.
    #[must_use]
    pub fn action(&self, scopes: &[Scope], event: KeyEvent) -> Option<Action> {
        self.meaning(scopes, Chord::of(event))
    }

    fn meaning(&self, scopes: &[Scope], chord: Chord) -> Option<Action> {
        let (scope, action) =
            scopes.iter().find_map(|scope| Some((*scope, *self.by_key.get(&(*scope, chord))?)))?;
        // In the ticket a stray letter must not sell, leave or jump.
        let stray = scopes.first() == Some(&Scope::Ticket)
            && scope == Scope::Global
            && chord.is_plain()
            && !matches!(action, Action::CommandBar | Action::Help);
        (!stray).then_some(action)
    }

    /// The first key of an action, as a person reads it; empty when it has none.
    #[must_use]
    pub fn label(&self, action: Action) -> String {
        TABLE
            .iter()
            .filter(|row| row.action == action)
            .find_map(|row| self.keys.get(&(row.scope, action))?.first())
            .map(|chord| chord.label())
            .unwrap_or_default()
    }

    /// Key and word of every hint of these scopes, in the order of the table.
    pub fn hints(&self, scopes: &[Scope]) -> impl Iterator<Item = (String, &'static str)> {
        TABLE.iter().filter(|row| !row.hint.is_empty() && scopes.contains(&row.scope)).filter_map(|row| {
            let chord = self.keys.get(&(row.scope, row.action))?.first()?;
            // A nearer scope may have taken the key.
            (self.meaning(scopes, *chord) == Some(row.action)).then(|| (chord.label(), row.hint))
        })
    }

    /// The help of one scope where these scopes hold, nearest first: only keys that do there what is said of them.
    #[must_use]
    pub fn help(&self, scope: Scope, scopes: &[Scope]) -> Vec<HelpLine> {
        TABLE
            .iter()
            .filter(|row| row.scope == scope)
            .filter_map(|row| {
                let chords = self.keys.get(&(scope, row.action))?;
                let keys: Vec<String> = chords
                    .iter()
                    .filter(|chord| self.meaning(scopes, **chord) == Some(row.action))
                    .map(|chord| chord.label())
                    .collect();
                let line = HelpLine { keys: keys.join(" "), text: row.help, action: row.action };
                (!keys.is_empty()).then_some(line)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard() -> Keymap {
        Keymap::new(&BTreeMap::new()).unwrap()
    }

    #[test]
    fn every_key_of_the_table_reads_and_none_is_given_twice_in_a_scope() {
        let mut seen = std::collections::HashSet::new();
        for row in TABLE {
            for key in row.keys {
                let chord = Chord::parse(key).unwrap_or_else(|| panic!("{key}"));
                assert!(seen.insert((row.scope, chord)), "{key} twice in {:?}", row.scope);
            }
        }
    }

    #[test]
    fn nearer_scopes_win() {
        let map = standard();
        let plus = KeyEvent::new(KeyCode::Char('b'), KeyModifiers::NONE);
        assert_eq!(map.action(&[Scope::Ticket, Scope::Global], plus), Some(Action::PegBid));
        assert_eq!(map.action(&[Scope::Orders, Scope::List, Scope::Global], plus), Some(Action::Buy));
        let back_tab = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(map.action(&[Scope::Global], back_tab), Some(Action::FocusPrevious));
        let stray = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(map.action(&[Scope::Ticket, Scope::Global], stray), None, "the ticket keeps letters");
        let upper = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(map.action(&[Scope::List], upper), Some(Action::Last));
    }

    #[test]
    fn keys_can_be_remapped() {
        let change = BTreeMap::from([("halt".to_owned(), vec!["f12".to_owned()])]);
        let map = Keymap::new(&change).unwrap();
        assert_eq!(map.label(Action::Halt), "F12");
        let old = KeyEvent::new(KeyCode::Char('k'), KeyModifiers::CONTROL);
        assert_eq!(map.action(&[Scope::Global], old), None);
        let bad = |action: &str, key: &str| {
            Keymap::new(&BTreeMap::from([(action.to_owned(), vec![key.to_owned()])]))
        };
        assert_eq!(bad("fly", "x").unwrap_err(), KeymapError::UnknownAction("fly".into()));
        assert_eq!(bad("halt", "hyper-x").unwrap_err(), KeymapError::UnknownKey("hyper-x".into()));
        assert_eq!(
            bad("halt", "q").unwrap_err().to_string(),
            "'q' is given to both halt and quit; give one of them another key"
        );
    }

    #[test]
    fn help_and_hints_say_only_what_the_keys_do_there() {
        let map = standard();
        for pane in crate::tui::panes::PaneKind::ALL {
            let scopes = pane.scopes();
            let said = scopes.iter().flat_map(|scope| map.help(*scope, scopes));
            for (key, action) in said.flat_map(|line| {
                line.keys.split(' ').map(|key| (key.to_lowercase(), line.action)).collect::<Vec<_>>()
            }) {
                let same = |row: &&Row| row.action == action && scopes.contains(&row.scope);
                let row = TABLE.iter().find(same).unwrap();
                let text = row.keys.iter().find(|k| Chord::parse(k).unwrap().label().to_lowercase() == key);
                let chord = Chord::parse(text.unwrap()).unwrap();
                assert_eq!(map.meaning(scopes, chord), Some(action), "{pane:?} says {key}");
            }
        }
        let ticket = crate::tui::panes::PaneKind::Ticket.scopes();
        let everywhere = map.help(Scope::Global, ticket);
        assert!(everywhere.iter().all(|line| !matches!(line.action, Action::Buy | Action::FocusNext)));
    }

    #[test]
    fn labels_read_as_on_the_keyboard() {
        for (key, label) in
            [("ctrl-k", "Ctrl-K"), ("shift-tab", "Shift-Tab"), ("G", "G"), ("?", "?"), ("space", "Space")]
        {
            assert_eq!(Chord::parse(key).unwrap().label(), label);
        }
    }
}
