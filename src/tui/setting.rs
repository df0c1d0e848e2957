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
use crate::config::{OptionView, Zone};
use crate::domain::instrument::Instrument;
use crate::domain::snapshot::{Severity, Snapshot};

/// The table of options that the engine itself sets: they hold at once, and what they let through is its to judge.
const LIMITS: &str = "risk.";
/// The table of keys: they hold at once.
const KEYS: &str = "keys.";

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

    /// The keys stand among the options.
    pub fn list_keys(&mut self) {
        if self.settings.is_empty() {
            return;
        }
        let list = |keys: &[String]| {
            let quoted: Vec<String> = keys
                .iter()
                .map(|key| format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            format!("[{}]", quoted.join(", "))
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
            });
        }
    }

    /// An option was set: what can hold at once does.
    pub fn option_set(&mut self, path: &str, value: Option<String>, wishes: &mut Vec<Wish>) {
        if let Some(action) = path.strip_prefix(KEYS) {
            self.rebind(action, value.as_deref(), wishes);
        }
        let Some(view) = self.settings.iter_mut().find(|view| view.path == path) else { return };
        if value.is_none() {
            view.origin = None;
        }
        view.value = value.clone().unwrap_or_else(|| view.default.clone());
        let holds = view.value.clone();
        let word = holds.trim_matches('"').to_owned();
        for dialog in &mut self.dialogs {
            if let Dialog::Settings(settings) = dialog {
                settings.changed(&self.settings);
            }
        }
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
    let quoted: Vec<String> = words(text)
        .iter()
        .map(|key| format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    format!("[{}]", quoted.join(", "))
}
