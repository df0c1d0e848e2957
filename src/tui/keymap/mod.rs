//! One table of keys. It drives dispatch, the hint line and the help, so that none of them can say what another does not do.

mod chord;
#[cfg(test)]
mod document;
mod table;

use std::collections::{BTreeMap, HashMap};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::panes::PaneKind;

pub use chord::Chord;
pub use table::Scope;
use table::TABLE;

/// What is wrong with a remapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// No action is called so.
    #[error("'{0}' is no action of the screen (such as buy, sell, halt, next_pane)")]
    UnknownAction(String),
    /// No key is written so.
    #[error("'{0}' is no key (such as x, ctrl-k, shift-tab, pagedown, f1)")]
    UnknownKey(String),
    /// A key runs a line and does something else too.
    #[error("'{key}' is given to both {action} and the macro '{line}'; give one of them another key")]
    MacroConflict {
        /// The key, as a person reads it.
        key: String,
        /// The action that has it.
        action: &'static str,
        /// The line it should run.
        line: String,
    },
    /// The kill switch would have no key in some pane.
    #[error(
        "halt needs a key that is free in every pane, and in {pane} it would have none; take such as ctrl-k or f12"
    )]
    HaltHidden {
        /// The pane, as layouts name it.
        pane: &'static str,
    },
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

/// A key that no text field takes for a letter and that moves nothing in it.
#[must_use]
pub const fn is_no_text(event: KeyEvent) -> bool {
    event.modifiers.intersects(KeyModifiers::CONTROL.union(KeyModifiers::ALT))
        || matches!(event.code, KeyCode::F(_))
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
    /// Keys that run a line of the command language.
    macros: Vec<(Chord, String)>,
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
        let mut map = Self { by_key: HashMap::new(), keys: BTreeMap::new(), macros: Vec::new() };
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
        map.halts_everywhere()?;
        Ok(map)
    }

    /// The kill switch is a key away in every pane: a nearer scope may take one of its keys, and the ticket takes letters, never all of them.
    fn halts_everywhere(&self) -> Result<(), KeymapError> {
        let chords = self.keys.get(&(Scope::Global, Action::Halt)).map_or(&[][..], Vec::as_slice);
        let works = |scopes| chords.iter().any(|chord| self.meaning(scopes, *chord) == Some(Action::Halt));
        match PaneKind::ALL.iter().find(|pane| !works(pane.scopes())) {
            Some(pane) => Err(KeymapError::HaltHidden { pane: pane.name() }),
            None => Ok(()),
        }
    }

    /// The same with keys that run a line of the command language: key to line.
    ///
    /// # Errors
    /// When a key is not known, or does something else somewhere.
    pub fn with_macros(mut self, macros: &BTreeMap<String, String>) -> Result<Self, KeymapError> {
        for (key, line) in macros {
            let chord = Chord::parse(key).ok_or_else(|| KeymapError::UnknownKey(key.clone()))?;
            let taken =
                self.by_key.iter().filter(|((_, other), _)| *other == chord).map(|(_, action)| *action);
            if let Some(action) = taken.min() {
                let (key, action, line) = (chord.label(), action.name(), line.clone());
                return Err(KeymapError::MacroConflict { key, action, line });
            }
            self.macros.push((chord, line.clone()));
        }
        Ok(self)
    }

    /// The line that a key runs. In the ticket a stray letter runs none.
    #[must_use]
    pub fn macro_of(&self, scopes: &[Scope], event: KeyEvent) -> Option<&str> {
        let pressed = Chord::of(event);
        if pressed.is_plain() && scopes.first() == Some(&Scope::Ticket) {
            return None;
        }
        self.macros.iter().find(|(chord, _)| *chord == pressed).map(|(_, line)| line.as_str())
    }

    /// What an action does, in words.
    #[must_use]
    pub fn about(&self, action: &str) -> Option<&'static str> {
        TABLE.iter().find(|row| row.action.name() == action).map(|row| row.help)
    }

    /// The keys that run a line, as the configuration writes them.
    #[must_use]
    pub fn written_macros(&self) -> BTreeMap<String, String> {
        self.macros.iter().map(|(chord, line)| (chord.written(), line.clone())).collect()
    }

    /// The keys that run a line, as a person reads them, each with its line.
    pub fn macros(&self) -> impl Iterator<Item = (String, &str)> {
        self.macros.iter().map(|(chord, line)| (chord.label(), line.as_str()))
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

    /// Every action of the table with its keys, as the configuration writes them.
    #[must_use]
    pub fn written(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut all: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for row in TABLE {
            let chords = self.keys.get(&(row.scope, row.action)).into_iter().flatten();
            let keys = all.entry(row.action.name()).or_default();
            for key in chords.map(|chord| chord.written()) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        all
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

    /// A text with the keys of actions in the place of their names in braces: `Press {buy} to buy`. What is no action stays as it is.
    #[must_use]
    pub fn fill_in(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let named = after.split_once('}').and_then(|(name, after)| {
                let action = Action::ALL.iter().find(|action| action.name() == name)?;
                Some((self.label(*action), after))
            });
            match named {
                Some((key, after)) => {
                    out.push_str(&key);
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
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
    use super::table::Row;
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
                assert_eq!(Chord::parse(&chord.written()), Some(chord), "{key}");
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
    fn the_kill_switch_keeps_a_key_in_every_pane() {
        let with = |keys: &[&str]| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            Keymap::new(&BTreeMap::from([("halt".to_owned(), keys)]))
        };
        for (keys, pane) in
            [(&["x"][..], "positions"), (&["f"], "orders"), (&["}"], "ticket"), (&[], "quotes")]
        {
            assert_eq!(with(keys).unwrap_err(), KeymapError::HaltHidden { pane }, "{keys:?}");
        }
        let said = with(&[]).unwrap_err().to_string();
        assert!(
            said.contains("free in every pane") && said.contains("in quotes it would have none"),
            "{said}"
        );
        // A letter beside a key that works everywhere is one more.
        for keys in [&["x", "ctrl-k"][..], &["f9"], &["alt-x"]] {
            assert!(with(keys).is_ok(), "{keys:?}");
        }
    }

    #[test]
    fn texts_name_the_keys_that_hold() {
        let change = BTreeMap::from([("buy".to_owned(), vec!["f2".to_owned()])]);
        let map = Keymap::new(&change).unwrap();
        for (text, expected) in [
            ("Press {buy} to buy, {command} buy 10", "Press F2 to buy, : buy 10"),
            ("no {thing}, {, {buy", "no {thing}, {, {buy"),
            ("", ""),
        ] {
            assert_eq!(map.fill_in(text), expected);
        }
    }

    #[test]
    fn keys_are_read_as_they_arrive_however_they_are_written() {
        let arrives = |code, modifiers| Chord::of(KeyEvent::new(code, modifiers));
        let (none, shift) = (KeyModifiers::NONE, KeyModifiers::SHIFT);
        for (text, chord) in [
            ("ctrl-K", arrives(KeyCode::Char('k'), KeyModifiers::CONTROL)),
            ("alt-shift-s", arrives(KeyCode::Char('S'), KeyModifiers::ALT | shift)),
            ("shift-x", arrives(KeyCode::Char('X'), shift)),
            ("X", arrives(KeyCode::Char('X'), shift)),
            ("x", arrives(KeyCode::Char('x'), none)),
            ("shift-tab", arrives(KeyCode::BackTab, shift)),
        ] {
            assert_eq!(Chord::parse(text), Some(chord), "{text}");
        }
    }

    #[test]
    fn keys_run_lines_and_are_given_once() {
        let with = |key: &str| {
            standard().with_macros(&BTreeMap::from([(key.to_owned(), "buy 1 {symbol}".to_owned())]))
        };
        let map = with("f5").unwrap();
        let f5 = KeyEvent::new(KeyCode::F(5), KeyModifiers::NONE);
        assert_eq!(map.macro_of(&[Scope::Ticket, Scope::Global], f5), Some("buy 1 {symbol}"));
        assert_eq!(with("hyper-x").unwrap_err(), KeymapError::UnknownKey("hyper-x".into()));
        assert_eq!(
            with("b").unwrap_err().to_string(),
            "'b' is given to both buy and the macro 'buy 1 {symbol}'; give one of them another key"
        );
        let letter = KeyEvent::new(KeyCode::Char('Q'), KeyModifiers::NONE);
        let map = with("Q").unwrap();
        assert_eq!(map.macro_of(&[Scope::Ticket, Scope::Global], letter), None, "the ticket keeps letters");
        assert!(map.macro_of(&[Scope::Chart, Scope::Global], letter).is_some());
    }

    #[test]
    fn help_and_hints_say_only_what_the_keys_do_there() {
        let map = standard();
        for pane in crate::tui::panes::PaneKind::ALL.iter().copied() {
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
