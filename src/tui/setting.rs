//! Options changed on the screen: checked, given to the program to write, and in force at once where that can be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::app::{App, TOP_LINE_MAX};
use super::chores::Chore;
use super::dialogs::Dialog;
use super::dialogs::prompt::Prompt;
use super::keymap::{Chord, Keymap, KeymapError};
use super::wish::{Effect, Purpose, Wish};
use crate::client::{Reply, Request, SessionError};
use crate::config::{Loaded, OptionView, Zone};
use crate::domain::instrument::Instrument;
use crate::domain::snapshot::{Severity, Snapshot};

/// The table of options that the engine itself sets: they hold at once, and what they let through is its to judge.
const LIMITS: &str = "risk.";
/// The table of keys: they hold at once.
const KEYS: &str = "keys.";
/// The table of keys that run a line: they hold at once.
const MACROS: &str = "macros.";
/// The tables whose names are the user's own, with what a new entry is typed as, and what one has.
const NAMED: [(&str, &str, &str); 2] = [
    ("macros", "a key, '=' and its command, as f5 = buy 100 {symbol} at ask", "a command of 200 characters"),
    ("watchlists", "a name, '=' and symbols, as tech = AAPL MSFT NVDA", "symbols with spaces between"),
];

/// Is it no option but the place where entries of such a table are added.
#[must_use]
pub fn adds(view: &OptionView) -> bool {
    NAMED.iter().any(|(table, ..)| *table == view.path)
}

/// Is it an entry of such a table, which no default stands behind.
#[must_use]
pub fn is_named(path: &str) -> bool {
    path.split_once('.').is_some_and(|(table, _)| NAMED.iter().any(|(known, ..)| *known == table))
}

/// The path and the value as TOML of `NAME = VALUE`, as a person types it.
///
/// # Errors
/// A line that says how it is typed.
pub fn entry_of(view: &OptionView, typed: &str) -> Result<(String, String), String> {
    let typed = typed.trim();
    // From the second character on: '=' is a key too.
    let at = typed.char_indices().skip(1).find(|(_, c)| *c == '=').map(|(at, _)| at);
    let (name, value) = at.map_or((typed, ""), |at| (typed[..at].trim_end(), typed[at + 1..].trim_start()));
    if name.is_empty() || value.is_empty() {
        return Err(format!("Not set: write {}.", view.allowed));
    }
    let macros = view.path == MACROS.trim_end_matches('.');
    let low = name.to_lowercase();
    let name = match macros && Chord::parse(name).is_none() && Chord::parse(&low).is_some() {
        true => &low,
        false => name,
    };
    let value = if macros { quoted(value) } else { listed(value) };
    Ok((format!("{}.{name}", view.path), value))
}

/// What a person types for a value, as TOML: words need no quotes where text stands, and lists no brackets.
#[must_use]
pub fn typed_value(view: &OptionView, typed: &str) -> String {
    let typed = typed.trim();
    match view.value.chars().next() {
        Some('"') if !typed.starts_with('"') => quoted(typed),
        Some('[') if !typed.starts_with('[') && !view.path.starts_with(KEYS) => listed(typed),
        _ => typed.to_owned(),
    }
}

/// What stands there to be changed: a text without its quotes.
#[must_use]
pub fn text_of(value: &str) -> String {
    let text = toml::from_str::<BTreeMap<String, String>>(&format!("text = {value}"));
    text.ok().and_then(|mut table| table.remove("text")).unwrap_or_else(|| value.to_owned())
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Words as a list of TOML; commas between them are no part of them. Symbols are written in capitals, parts such as `stop=8%` as they are.
fn listed(text: &str) -> String {
    let texts: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains('=') { quoted(word) } else { quoted(&word.to_uppercase()) })
        .collect();
    format!("[{}]", texts.join(", "))
}

impl App {
    /// Has the engine set a limit.
    pub fn set_limit(
        &mut self,
        name: String,
        value: Option<String>,
        confirmation: Option<String>,
        effects: &mut Vec<Effect>,
    ) {
        let purpose = Purpose::Limit(name.clone(), value.clone());
        self.ask(Request::SetLimit { name, value, confirmation }, purpose, effects);
    }

    /// What lets more through is asked for once more, by its name.
    pub fn limit_answered(
        &mut self,
        name: String,
        value: Option<String>,
        reply: Result<Reply, SessionError>,
        wishes: &mut Vec<Wish>,
    ) {
        match reply {
            Ok(reply) => {
                self.option_set(&format!("{LIMITS}{name}"), value, wishes);
                if let Reply::Done(text) = reply {
                    wishes.push(Wish::Say(Severity::Info, text));
                }
            }
            Err(SessionError::Clarify(_)) => {
                let title = format!("Loosen: type {name}");
                let ask = Prompt::new(title, "", move |typed| Wish::SetLimit {
                    name: name.clone(),
                    value: value.clone(),
                    confirmation: Some(typed),
                });
                wishes.push(Wish::Open(Box::new(Dialog::Prompt(ask))));
            }
            Err(error) => wishes.push(Wish::Say(Severity::Warning, format!("Not set: {error}"))),
        }
    }

    /// Has an option written, unless its value is keys that cannot be.
    pub fn set_option(
        &mut self,
        path: String,
        value: Option<String>,
        snapshot: &Snapshot,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(name) = path.strip_prefix(LIMITS) {
            return self.set_limit(name.to_owned(), value, None, effects);
        }
        let value = match path.starts_with(KEYS) {
            true => value.map(|text| as_list(&text)),
            false => value,
        };
        if let Some(action) = path.strip_prefix(KEYS)
            && let Err(error) = self.keymap_with(action, value.as_deref())
        {
            return self.say(Severity::Warning, format!("Not set: {error}."), snapshot);
        }
        if let (Some(key), Some(line)) = (path.strip_prefix(MACROS), &value)
            && let Err(error) = self.keymap_with_macro(key, line)
        {
            return self.say(Severity::Warning, format!("Not set: {error}."), snapshot);
        }
        if !self.has_chores {
            return self.say(Severity::Warning, "Files cannot be written here.".to_owned(), snapshot);
        }
        let purpose = Purpose::Setting(path.clone(), value.clone());
        self.chore(Chore::SetOption { path, value }, purpose, effects);
    }

    /// The keys as they would be.
    fn keymap_with(
        &self,
        action: &str,
        value: Option<&str>,
    ) -> Result<(Keymap, BTreeMap<String, Vec<String>>), KeymapError> {
        let mut overrides = self.overrides.clone();
        match value {
            Some(text) => drop(overrides.insert(action.to_owned(), words(text))),
            None => drop(overrides.remove(action)),
        }
        let macros: BTreeMap<String, String> = self.env.keymap.written_macros();
        Ok((Keymap::new(&overrides)?.with_macros(&macros)?, overrides))
    }

    /// The keys that run a line, as the settings list them.
    fn macros(&self) -> BTreeMap<String, String> {
        let named = self.settings.iter();
        named
            .filter_map(|view| Some((view.path.strip_prefix(MACROS)?.to_owned(), text_of(&view.value))))
            .collect()
    }

    /// The keys as they would be, were this one to run a line.
    fn keymap_with_macro(&self, key: &str, line: &str) -> Result<Keymap, KeymapError> {
        let mut macros = self.macros();
        macros.insert(key.to_owned(), text_of(line));
        Keymap::new(&self.overrides)?.with_macros(&macros)
    }

    /// An entry of a table of the user's own was set or taken out: the list has it or not, and a key runs its line or not.
    fn named_set(&mut self, path: &str, value: Option<String>, wishes: &mut Vec<Wish>) {
        let Some((table, name)) = path.split_once('.') else { return };
        let at = self.settings.iter().position(|view| view.path == path);
        let said = match (at, value) {
            (Some(at), Some(value)) => {
                self.settings[at].value = value;
                format!("{path} is set")
            }
            (None, Some(value)) => {
                let beside = |view: &OptionView| view.path.split('.').next() == Some(table);
                let last = self.settings.iter().rposition(beside);
                let at = last.map_or(self.settings.len(), |last| last + 1);
                let allowed = NAMED.iter().find(|(known, ..)| *known == table);
                let view = OptionView {
                    path: path.to_owned(),
                    value,
                    default: String::new(),
                    allowed: allowed.map_or("", |(.., allowed)| *allowed).to_owned(),
                    choices: Vec::new(),
                    origin: None,
                    about: Loaded::about(table),
                };
                self.settings.insert(at, view);
                format!("{path} is set")
            }
            (Some(at), None) => {
                self.settings.remove(at);
                format!("{path} is taken out")
            }
            (None, None) => return,
        };
        self.show_settings();
        let text = if path.starts_with(MACROS) {
            match Keymap::new(&self.overrides).and_then(|keymap| keymap.with_macros(&self.macros())) {
                Ok(keymap) => self.env.keymap = keymap,
                Err(error) => {
                    return wishes.push(Wish::Say(Severity::Warning, format!("{said}, but {error}.")));
                }
            }
            let label = Chord::parse(name).map_or_else(|| name.to_owned(), |chord| chord.label());
            let line = self.settings.iter().find(|view| view.path == path).map(|view| text_of(&view.value));
            line.map_or_else(
                || format!("{label} runs nothing any more."),
                |line| format!("{label} runs: {line}"),
            )
        } else {
            format!("{said}; new profiles get it.")
        };
        wishes.push(Wish::Say(Severity::Info, text));
    }

    /// What is open of the settings shows them as they are.
    fn show_settings(&mut self) {
        for dialog in &mut self.dialogs {
            if let Dialog::Settings(settings) = dialog {
                settings.changed(&self.settings);
            }
        }
    }

    /// Other keys for an action, from now on: what is said of them names the keys that do it, as the old ones do no more.
    fn rebind(&mut self, action: &str, value: Option<&str>, wishes: &mut Vec<Wish>) {
        let Ok((keymap, overrides)) = self.keymap_with(action, value) else { return };
        let written = keymap.written();
        let labels: Vec<String> = written
            .get(action)
            .into_iter()
            .flatten()
            .map(|key| Chord::parse(key).map_or_else(|| key.clone(), |chord| chord.label()))
            .collect();
        self.env.keymap = keymap;
        self.overrides = overrides;
        let text = match labels.as_slice() {
            [] => format!("{action} has no key any more."),
            labels => format!("{action}: {} from now on.", labels.join(", ")),
        };
        wishes.push(Wish::Say(Severity::Info, text));
    }

    /// The keys stand among the options, and so does the place where entries of the user's own are added.
    pub fn list_keys(&mut self) {
        if self.settings.is_empty() {
            return;
        }
        for (table, allowed, _) in NAMED {
            let first = self.settings.iter().position(|view| view.path.split('.').next() == Some(table));
            let view = OptionView {
                path: table.to_owned(),
                value: String::new(),
                default: String::new(),
                allowed: allowed.to_owned(),
                choices: Vec::new(),
                origin: None,
                about: Loaded::about(table),
            };
            self.settings.insert(first.unwrap_or(self.settings.len()), view);
        }
        let list = |keys: &[String]| {
            let texts: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
            format!("[{}]", texts.join(", "))
        };
        let standard = Keymap::new(&BTreeMap::new()).map(|keymap| keymap.written()).unwrap_or_default();
        for (action, keys) in self.env.keymap.written() {
            self.settings.push(OptionView {
                path: format!("{KEYS}{action}"),
                value: list(&keys),
                default: standard.get(action).map(|keys| list(keys)).unwrap_or_default(),
                allowed: "keys with spaces between, such as x ctrl-k f9".to_owned(),
                choices: Vec::new(),
                origin: None,
                about: self.env.keymap.about(action).unwrap_or_default().to_owned(),
            });
        }
    }

    /// An option was set: what can hold at once does.
    pub fn option_set(&mut self, path: &str, value: Option<String>, wishes: &mut Vec<Wish>) {
        if let Some(action) = path.strip_prefix(KEYS) {
            self.rebind(action, value.as_deref(), wishes);
        }
        if is_named(path) {
            return self.named_set(path, value, wishes);
        }
        let Some(view) = self.settings.iter_mut().find(|view| view.path == path) else { return };
        if value.is_none() {
            view.origin = None;
        }
        view.value = value.clone().unwrap_or_else(|| view.default.clone());
        let holds = view.value.clone();
        let word = holds.trim_matches('"').to_owned();
        self.show_settings();
        let zone = match word.as_str() {
            "exchange" => Zone::Exchange,
            "UTC" => Zone::Utc,
            _ => Zone::Local,
        };
        match path {
            "screen.theme" => self.theme = word,
            "screen.zone" => self.env.zone = zone.time_zone(),
            "screen.mouse" => {
                self.mouse = word == "true";
                wishes.push(Wish::Mouse(self.mouse));
            }
            "screen.lock_minutes" => {
                let minutes = word.parse().unwrap_or(0_u64);
                self.lock_after = (minutes > 0).then(|| Duration::from_secs(60 * minutes));
            }
            "screen.top_line" => {
                let named = words(&holds);
                let known = named.iter().filter_map(|key| Instrument::from_key(key).ok());
                self.env.top_line = known.take(TOP_LINE_MAX).collect();
                self.top_line_asked = false;
            }
            // The engine has said it, or the keys have.
            path if path.starts_with(LIMITS) || path.starts_with(KEYS) => {}
            _ => wishes
                .push(Wish::Say(Severity::Info, format!("{path} is set; it holds from the next start."))),
        }
    }
}

/// The words of `["a", "b"]`, or of `a b`.
fn words(text: &str) -> Vec<String> {
    match toml::from_str::<BTreeMap<String, Vec<String>>>(&format!("keys = {text}")) {
        Ok(mut table) => table.remove("keys").unwrap_or_default(),
        Err(_) => text.split_whitespace().map(str::to_owned).collect(),
    }
}

/// Keys as a list of TOML.
fn as_list(text: &str) -> String {
    let texts: Vec<String> = words(text).iter().map(|key| quoted(key)).collect();
    format!("[{}]", texts.join(", "))
}
