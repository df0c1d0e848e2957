//! From TOML text to `Config`: layer over layer, every wrong line named.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use smol_str::SmolStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::brokers;
use crate::config::error::{ConfigError, Problem};
use crate::config::fees::FeeFile;
use crate::config::fields::{BROKERS, FIELDS, KEYS, MACROS, WATCHLISTS, is_table};
use crate::config::files::{self, FileError};
use crate::config::kinds::{CommandLine, Instruments, KeyNames, Kind, Refused};
use crate::config::paths::{Paths, ProfileName};
use crate::config::settings::Config;
use crate::domain::limits::RiskLimits;
use crate::domain::snapshot::Watchlist;
use crate::domain::text::ascii_escaped;
use crate::domain::text::clean;

/// Largest configuration file in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Longest name of a watchlist or of an action, in characters.
const LIST_NAME_MAX: usize = 32;
/// How alike a known key must be to be offered for an unknown one.
const LIKENESS_MIN: f64 = 0.75;
/// Keys that hold secrets, in whole or in part.
const SECRET_WORDS: [&str; 9] = [
    "api_key",
    "apikey",
    "secret",
    "token",
    "password",
    "passphrase",
    "private_key",
    "mnemonic",
    "seed_phrase",
];

/// Where an option was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", clean(&self.file.to_string_lossy()), self.line)
    }
}

/// A configuration with where each of its options came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The options.
    pub config: Config,
    /// Where each option that is set was set last, by its path such as `paper.seed`.
    pub origins: BTreeMap<String, Origin>,
    /// The files read, in order; later ones win.
    pub files: Vec<PathBuf>,
    /// Fee schedules and regulatory rates.
    pub fees: FeeFile,
}

impl Loaded {
    /// Reads the machine's file, the user's and the profile's, as far as they exist; or `only`, which must.
    ///
    /// # Errors
    /// Every wrong line, or the file that cannot be read safely.
    pub fn read(paths: &Paths, profile: &ProfileName, only: Option<&Path>) -> Result<Self, ConfigError> {
        Self::read_with(paths, profile, only, None)
    }

    /// The same, as if one of the files said `instead`.
    pub(in crate::config) fn read_with(
        paths: &Paths,
        profile: &ProfileName,
        only: Option<&Path>,
        instead: Option<(&Path, &str)>,
    ) -> Result<Self, ConfigError> {
        let mut layers: Vec<(PathBuf, String)> = Vec::new();
        let text_of = |path: &Path| match instead {
            Some((file, text)) if file == path => Ok(text.to_owned()),
            _ => read_file(path),
        };
        if let Some(path) = only {
            files::check_unshared_writes(path)?;
            layers.push((path.to_path_buf(), text_of(path)?));
        } else {
            let system = paths.system_config().map(|path| (path, false));
            let own = [paths.user_config(), paths.profile_config(profile)].map(|path| (path, true));
            for (path, private) in system.into_iter().chain(own) {
                if path.exists() {
                    // The machine's file is for all to read; the user's own are nobody else's business.
                    if private {
                        files::check_private_file(&path)?
                    } else {
                        files::check_unshared_writes(&path)?
                    }
                } else if instead.is_none_or(|(file, _)| file != path) {
                    continue;
                }
                layers.push((path.clone(), text_of(&path)?));
            }
        }
        let fees = paths.user_fees();
        let fees = match only {
            None if fees.exists() => {
                files::check_private_file(&fees)?;
                Some((fees.clone(), read_file(&fees)?))
            }
            _ => None,
        };
        Self::from_files(&layers, fees.as_ref().map(|(file, text)| (file.as_path(), text.as_str())))
    }

    /// Lays texts over the defaults, in order.
    ///
    /// # Errors
    /// Every wrong line.
    pub fn from_layers(layers: &[(PathBuf, String)]) -> Result<Self, ConfigError> {
        Self::from_files(layers, None)
    }

    fn from_files(layers: &[(PathBuf, String)], fees: Option<(&Path, &str)>) -> Result<Self, ConfigError> {
        let mut loaded = Self::default();
        let mut problems = Vec::new();
        if let Some((file, text)) = fees {
            problems.extend(loaded.fees.lay_over(file, text).err());
            loaded.files.push(file.to_path_buf());
        }
        for (file, text) in layers {
            let mut layer = Layer { file, text, loaded: &mut loaded, problems: &mut problems };
            layer.apply();
            loaded.files.push(file.clone());
        }
        check_together(&loaded, &mut problems);
        if problems.is_empty() { Ok(loaded) } else { Err(ConfigError::Problems(problems)) }
    }

    /// The limits of an account whose own defaults are `base`: only what a file sets is laid over them. So a paper account keeps
    /// limits sized to its money until the user says otherwise.
    #[must_use]
    pub fn risk_over(&self, base: RiskLimits) -> RiskLimits {
        let mut config = Config { risk: base, ..Config::default() };
        for field in FIELDS.iter().filter(|field| field.table == "risk") {
            if self.origins.contains_key(&field.path()) {
                (field.copy)(&mut config, &self.config);
            }
        }
        config.risk
    }
}

pub(in crate::config) fn read_file(path: &Path) -> Result<String, ConfigError> {
    let error = |error| ConfigError::File(FileError::Io { path: path.to_path_buf(), error });
    let file = fs::File::open(path).map_err(error)?;
    let bytes = file.metadata().map_err(error)?.len();
    let mut text = String::new();
    if bytes <= FILE_BYTES_MAX {
        let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
        if read.as_ref().is_err_and(|e| e.kind() == ErrorKind::InvalidData) {
            let problem = Problem {
                file: path.to_path_buf(),
                line: 1,
                text: "found bytes that are no UTF-8".to_owned(),
            };
            return Err(ConfigError::Problems(vec![problem]));
        }
        read.map_err(error)?;
    }
    let bytes = bytes.max(text.len() as u64);
    if bytes > FILE_BYTES_MAX {
        return Err(ConfigError::TooLarge { path: path.to_path_buf(), bytes, allowed: FILE_BYTES_MAX });
    }
    Ok(text)
}

/// One file on its way into the configuration.
struct Layer<'a> {
    file: &'a Path,
    text: &'a str,
    loaded: &'a mut Loaded,
    problems: &'a mut Vec<Problem>,
}

impl Layer<'_> {
    fn apply(&mut self) {
        match DeTable::parse(self.text) {
            Ok(root) => {
                let before = self.problems.len();
                self.table("", root.get_ref());
                self.problems[before..].sort_by_key(|problem| problem.line);
            }
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                self.problem(at, format!("not TOML: {}", ascii_escaped(&message)));
            }
        }
    }

    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    fn problem(&mut self, at: usize, text: String) {
        self.problems.push(Problem { file: self.file.to_path_buf(), line: self.line(at), text });
    }

    fn refuse(&mut self, path: &str, refused: &Refused, allowed: &str) {
        self.problem(refused.span.start, format!("{path}: found {}, allowed {allowed}", refused.found));
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            let shown = ascii_escaped(&path).into_owned();
            // A quoted key may hold a point, so table and key are compared apart.
            let plain = !name.contains('.');
            if let Some(field) = FIELDS.iter().find(|field| field.table == prefix && field.name == name) {
                match (field.read)(&mut self.loaded.config, value) {
                    Ok(()) => self.note_origin(path, key.span().start),
                    Err(refused) => self.refuse(&shown, &refused, &(field.allowed)()),
                }
            } else if is_secret(name) {
                self.problem(key.span().start, secret_text(&shown));
            } else if prefix.is_empty() && name == WATCHLISTS {
                match value.get_ref() {
                    DeValue::Table(lists) => self.watchlists(lists),
                    _ => self.refuse(&shown, &Refused::new(value), "a table of lists of symbols"),
                }
            } else if prefix.is_empty() && name == KEYS {
                match value.get_ref() {
                    DeValue::Table(actions) => self.keys(actions),
                    _ => self.refuse(&shown, &Refused::new(value), "a table of lists of keys"),
                }
            } else if prefix.is_empty() && name == MACROS {
                match value.get_ref() {
                    DeValue::Table(lines) => self.macros(lines),
                    _ => self.refuse(&shown, &Refused::new(value), "a table of commands by key"),
                }
            } else if prefix.is_empty() && name == BROKERS {
                match value.get_ref() {
                    DeValue::Table(brokers) => self.brokers(brokers),
                    _ => self.refuse(&shown, &Refused::new(value), "a table of brokers"),
                }
            } else if let (true, DeValue::Table(inner)) = (plain && is_table(&path), value.get_ref()) {
                self.table(&path, inner);
            } else if plain && is_table(&path) {
                self.refuse(&shown, &Refused::new(value), "a table");
            } else if let Some(secret) = find_secret(value) {
                // In a table that this version does not know: the secret is the worse mistake, and is the one named.
                let text = secret_text(&format!("{shown}.{secret}"));
                self.problem(key.span().start, text);
            } else {
                self.problem(key.span().start, unknown_key(prefix, &ascii_escaped(name)));
            }
        }
    }

    /// Keys replace those of the layer below by action.
    fn keys(&mut self, actions: &DeTable<'_>) {
        for (action, value) in actions {
            let name: &str = action.get_ref();
            let path = format!("{KEYS}.{name}");
            let shown = ascii_escaped(&path).into_owned();
            if !(1..=LIST_NAME_MAX).contains(&name.len())
                || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            {
                let text = format!("{shown}: found a name that is none, allowed 1 to 32 of a-z, 0-9 and '_'");
                self.problem(action.span().start, text);
                continue;
            }
            match KeyNames.read(value) {
                Ok(keys) => {
                    self.loaded.config.keys.insert(name.to_owned(), keys);
                    self.note_origin(path, action.span().start);
                }
                Err(refused) => self.refuse(&shown, &refused, &KeyNames.allowed()),
            }
        }
    }

    /// Lines replace those of the layer below by key; which keys there are, the screen knows.
    fn macros(&mut self, lines: &DeTable<'_>) {
        for (key, value) in lines {
            let name: &str = key.get_ref();
            let path = format!("{MACROS}.{name}");
            let shown = ascii_escaped(&path).into_owned();
            match CommandLine.read(value) {
                Ok(line) => {
                    self.loaded.config.macros.insert(name.to_owned(), line);
                    self.note_origin(path, key.span().start);
                }
                Err(refused) => self.refuse(&shown, &refused, &CommandLine.allowed()),
            }
        }
    }

    /// Options replace those of the layer below by broker and name. What an option may be, its connector knows, addresses apart.
    fn brokers(&mut self, brokers: &DeTable<'_>) {
        for (broker, value) in brokers {
            let name: &str = broker.get_ref();
            let shown = ascii_escaped(&format!("{BROKERS}.{name}")).into_owned();
            let Some(known) = brokers::options(name) else {
                let names: Vec<&str> = brokers::SECTIONS.iter().map(|(name, _)| *name).collect();
                let text = format!("{shown}: unknown broker, known are {}", names.join(", "));
                self.problem(broker.span().start, text);
                continue;
            };
            let DeValue::Table(options) = value.get_ref() else {
                self.refuse(&shown, &Refused::new(value), "a table of options");
                continue;
            };
            for (option, value) in options {
                let key: &str = option.get_ref();
                let shown = ascii_escaped(&format!("{shown}.{key}")).into_owned();
                let path = format!("{BROKERS}.{name}.{key}");
                if is_secret(key) && !key.ends_with("_url") {
                    self.problem(option.span().start, secret_text(&shown));
                    continue;
                }
                if !known.contains(&key) {
                    self.problem(option.span().start, unknown_option(&shown, key, known));
                    continue;
                }
                match value.get_ref() {
                    DeValue::String(text)
                        if (1..=brokers::TEXT_MAX).contains(&text.len())
                            && (!key.ends_with("_url") || brokers::is_address(text)) =>
                    {
                        let section = self.loaded.config.brokers.entry(name.to_owned()).or_default();
                        section.insert(key.to_owned(), text.to_string());
                        self.note_origin(path, option.span().start);
                    }
                    _ => self.refuse(&shown, &Refused::new(value), &brokers::allowed(key)),
                }
            }
        }
    }

    fn note_origin(&mut self, path: String, at: usize) {
        let origin = Origin { file: self.file.to_path_buf(), line: self.line(at) };
        self.loaded.origins.insert(path, origin);
    }

    /// Lists replace those of the layer below by name; new ones follow in the order of the file.
    fn watchlists(&mut self, lists: &DeTable<'_>) {
        let mut entries: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = lists.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name: &str = key.get_ref();
            let path = format!("{WATCHLISTS}.{name}");
            let shown = ascii_escaped(&path).into_owned();
            let well_named = !name.is_empty()
                && name.chars().count() <= LIST_NAME_MAX
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' '));
            if !well_named {
                let text = format!(
                    "{shown}: found a name that is none, allowed 1 to 32 letters, digits, '_', '-' and spaces"
                );
                self.problem(key.span().start, text);
                continue;
            }
            match Instruments.read(value) {
                Ok(instruments) => {
                    let list = Watchlist { name: SmolStr::new(name), instruments };
                    let all = &mut self.loaded.config.watchlists;
                    match all.iter_mut().find(|known| known.name == list.name) {
                        Some(known) => *known = list,
                        None => all.push(list),
                    }
                    self.note_origin(path, key.span().start);
                }
                Err(refused) => self.refuse(&shown, &refused, &Instruments.allowed()),
            }
        }
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    !key.ends_with("_file") && SECRET_WORDS.iter().any(|word| key.contains(word))
}

fn secret_text(path: &str) -> String {
    format!("{path}: secrets are not kept in this file; run: arbion secret set {path}")
}

/// The path of the first secret inside a table.
fn find_secret(value: &Spanned<DeValue<'_>>) -> Option<String> {
    let DeValue::Table(table) = value.get_ref() else { return None };
    table.iter().find_map(|(key, value)| {
        let name = ascii_escaped(key.get_ref()).into_owned();
        if is_secret(key.get_ref()) {
            Some(name)
        } else {
            find_secret(value).map(|inner| format!("{name}.{inner}"))
        }
    })
}

/// Names the option of a broker that was probably meant, or all there are.
fn unknown_option(shown: &str, key: &str, known: &[&str]) -> String {
    let alike = known.iter().map(|known| (*known, strsim::normalized_damerau_levenshtein(known, key)));
    match alike.filter(|(_, alike)| *alike >= LIKENESS_MIN).max_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((nearest, _)) => format!("{shown}: unknown option, nearest is {nearest}"),
        None => format!("{shown}: unknown option, known are {}", known.join(", ")),
    }
}

/// Names the key that was probably meant: one of the same table first, else one of any table.
fn unknown_key(prefix: &str, name: &str) -> String {
    let likeness = |known: &str| {
        let (edits, opening) =
            (strsim::normalized_damerau_levenshtein(known, name), strsim::jaro_winkler(known, name));
        let turned = if words_in_order(known) == words_in_order(name) { 1.0 } else { 0.0 };
        edits.max(opening - 0.1).max(turned)
    };
    let here =
        FIELDS.iter().filter(|field| field.table == prefix).map(|field| (field.path(), likeness(field.name)));
    let tables = FIELDS.iter().map(|field| field.table).chain([WATCHLISTS, KEYS, MACROS]);
    let below = tables.filter_map(|table| {
        let (parent, last) = table.rsplit_once('.').unwrap_or(("", table));
        (parent == prefix).then(|| (table.to_owned(), likeness(last)))
    });
    let elsewhere = FIELDS.iter().filter(|field| field.name == name).map(|field| (field.path(), 1.0));
    let nearest = here.chain(below).chain(elsewhere).filter(|(_, alike)| *alike >= LIKENESS_MIN);
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match nearest.max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0))) {
        Some((known, _)) => format!("{path}: unknown key, nearest is {known}"),
        None => format!("{path}: unknown key, known here are {}", known_keys(prefix)),
    }
}

/// The words of a key, sorted: `max_order_notional` has those of `order_notional_max`.
fn words_in_order(key: &str) -> Vec<&str> {
    let mut words: Vec<&str> = key.split(['_', '-']).collect();
    words.sort_unstable();
    words
}

fn known_keys(prefix: &str) -> String {
    let mut keys: Vec<&str> =
        FIELDS.iter().filter(|field| field.table == prefix).map(|field| field.name).collect();
    if keys.is_empty() {
        keys = FIELDS.iter().map(|field| field.table.split('.').next().unwrap_or_default()).collect();
        keys.extend([WATCHLISTS, KEYS, MACROS, BROKERS]);
        keys.dedup();
    }
    keys.join(", ")
}

/// What holds between options.
fn check_together(loaded: &Loaded, problems: &mut Vec<Problem>) {
    let risk = &loaded.config.risk;
    let pairs = [(
        "risk.daily_loss_halt_percent",
        risk.daily_loss_halt_percent,
        "risk.daily_loss_percent",
        risk.daily_loss_percent,
    )];
    for (path, value, other, least) in pairs {
        let origin = loaded.origins.get(path).or_else(|| loaded.origins.get(other));
        if let (true, Some(origin)) = (value < least, origin) {
            let text = format!(
                "{path}: found {}, allowed at least {other} ({})",
                value.normalize(),
                least.normalize()
            );
            problems.push(Problem { file: origin.file.clone(), line: origin.line, text });
        }
    }
    let chosen = [
        ("paper.fees.schedule", &loaded.config.paper.fees.schedule),
        ("backtest.fees.schedule", &loaded.config.backtest.fees.schedule),
    ];
    for (path, name) in chosen {
        let known = name == "own" || loaded.fees.schedules.contains_key(name);
        if let Some(origin) = loaded.origins.get(path).filter(|_| !known) {
            let names: Vec<&str> = loaded.fees.schedules.keys().map(String::as_str).collect();
            let text = format!("{path}: found \"{name}\", allowed own, {}", names.join(", "));
            problems.push(Problem { file: origin.file.clone(), line: origin.line, text });
        }
    }
}

#[cfg(test)]
mod tests;
