//! Options changed from within the program: one value in the user's own file, its comments and order left as they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, Value};

use super::about::texts;
use super::brokers::{self, SECTIONS};
use super::error::ConfigError;
use super::fields::{BROKERS, FIELDS, KEYS, MACROS, WATCHLISTS};
use super::files::{check_private_file, replace_private};
use super::kinds::{CommandLine, Instruments, KeyNames, Kind, quoted};
use super::load::{Loaded, Origin, read_file};
use super::paths::{Paths, ProfileName};
use super::settings::Config;
use super::{Problem, files};

/// An option as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionView {
    /// Its path, such as `screen.theme`.
    pub path: String,
    /// What holds, as TOML.
    pub value: String,
    /// What holds where nothing is set.
    pub default: String,
    /// What may stand there, in words.
    pub allowed: String,
    /// What may stand there as TOML, where these are a few; else empty.
    pub choices: Vec<String>,
    /// Where it was set; none where the default holds.
    pub origin: Option<Origin>,
    /// What it is about, in one line; empty where the file does not say.
    pub about: String,
}

impl Loaded {
    /// Every option, in the order of the file.
    #[must_use]
    pub fn options(&self) -> Vec<OptionView> {
        let defaults = Config::default();
        let about = texts();
        let view = |field: &super::fields::Field| OptionView {
            path: field.path(),
            value: (field.write)(&self.config),
            default: (field.write)(&defaults),
            allowed: (field.allowed)(),
            choices: (field.choices)(),
            origin: self.origins.get(&field.path()).cloned(),
            about: about.get(&field.path()).cloned().unwrap_or_default(),
        };
        let named = self.named_options(&about);
        FIELDS.iter().map(view).chain(self.broker_options()).chain(named).collect()
    }

    /// The entries of the tables whose names are the user's own: macros by key, watchlists by name. None of them has a default.
    fn named_options(&self, about: &BTreeMap<String, String>) -> impl Iterator<Item = OptionView> {
        let macros = self.config.macros.iter().map(|(key, line)| (MACROS, key.as_str(), quoted(line)));
        let lists = self.config.watchlists.iter();
        let lists = lists.map(|list| (WATCHLISTS, list.name.as_str(), Instruments.write(&list.instruments)));
        macros.chain(lists).map(move |(table, name, value)| {
            let path = format!("{table}.{name}");
            OptionView {
                value,
                default: String::new(),
                allowed: allowed_named(table),
                choices: Vec::new(),
                origin: self.origins.get(&path).cloned(),
                about: about.get(table).cloned().unwrap_or_default(),
                path,
            }
        })
    }

    /// The options of every broker's section; an empty text where the broker's own holds.
    fn broker_options(&self) -> impl Iterator<Item = OptionView> {
        let all = SECTIONS.iter().flat_map(|(broker, names)| names.iter().map(move |name| (broker, name)));
        all.map(|(broker, name)| {
            let path = format!("{BROKERS}.{broker}.{name}");
            let set = self.config.brokers.get(*broker).and_then(|section| section.get(*name));
            OptionView {
                value: quoted(set.map_or("", String::as_str)),
                default: quoted(""),
                allowed: brokers::allowed(name),
                choices: Vec::new(),
                origin: self.origins.get(&path).cloned(),
                about: format!("See docs/brokers/{broker}.md."),
                path,
            }
        })
    }

    /// What a table is about, in one line.
    #[must_use]
    pub fn about(table: &str) -> String {
        texts().remove(table).unwrap_or_default()
    }
}

/// Where a profile's configuration lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFiles {
    /// The installation's files.
    pub paths: Paths,
    /// The profile.
    pub profile: ProfileName,
    /// The one file that is read in place of all of them, where the user named one.
    pub only: Option<PathBuf>,
}

/// An option that is changed, and not written yet.
#[derive(Debug)]
pub struct OptionEdit {
    file: PathBuf,
    text: String,
    /// The configuration as it will be read.
    pub loaded: Loaded,
}

impl OptionEdit {
    /// Writes the file. Says which one it was.
    ///
    /// # Errors
    /// When it cannot be written safely.
    pub fn write(self) -> Result<PathBuf, ConfigError> {
        if let Some(directory) = self.file.parent() {
            files::private_directory(directory)?;
        }
        replace_private(&self.file, self.text.as_bytes())?;
        Ok(self.file)
    }
}

impl ConfigFiles {
    /// What holds.
    ///
    /// # Errors
    /// Every wrong line, or the file that cannot be read safely.
    pub fn read(&self) -> Result<Loaded, ConfigError> {
        Loaded::read(&self.paths, &self.profile, self.only.as_deref())
    }

    /// Sets an option in the user's file, or in the profile's where that one sets it, or in the one file that is read; without a value it is
    /// taken out. Nothing is written before all of it reads back.
    ///
    /// # Errors
    /// When there is no such option, the value is not allowed, or the file cannot be read safely.
    pub fn with(&self, path: &str, value: Option<&str>) -> Result<OptionEdit, ConfigError> {
        let file = self.file_of(path)?;
        let before = if file.exists() {
            match self.only {
                Some(_) => files::check_unshared_writes(&file)?,
                None => check_private_file(&file)?,
            }
            read_file(&file)?
        } else {
            String::new()
        };
        let text = edited(&file, &before, path, value)?;
        let loaded =
            Loaded::read_with(&self.paths, &self.profile, self.only.as_deref(), Some((&file, &text)))?;
        Ok(OptionEdit { file, text, loaded })
    }

    fn file_of(&self, path: &str) -> Result<PathBuf, ConfigError> {
        if let Some(only) = &self.only {
            return Ok(only.clone());
        }
        let own = self.paths.profile_config(&self.profile);
        Ok(if sets(&own, path)? { own } else { self.paths.user_config() })
    }
}

fn sets(file: &Path, path: &str) -> Result<bool, ConfigError> {
    if !file.exists() {
        return Ok(false);
    }
    let document = parsed(file, &read_file(file)?)?;
    let mut item = document.as_item();
    // A name of the user's own may hold a point, or be one: the key '.'.
    let parts: Vec<&str> = match of_named(path) {
        Some((table, name)) => vec![table, name],
        None => path.split('.').collect(),
    };
    for part in parts {
        match item.get(part) {
            Some(inner) => item = inner,
            None => return Ok(false),
        }
    }
    Ok(true)
}

fn problem(file: &Path, text: String) -> ConfigError {
    ConfigError::Problems(vec![Problem { file: file.to_path_buf(), line: 1, text }])
}

fn parsed(file: &Path, text: &str) -> Result<DocumentMut, ConfigError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| problem(file, format!("not TOML: {}", error.message())))
}

/// The section of a broker and an option that it has.
fn of_broker(path: &str) -> Option<(&str, &str)> {
    let (section, name) = path.rsplit_once('.')?;
    let known = brokers::options(section.strip_prefix(BROKERS)?.strip_prefix('.')?)?;
    known.contains(&name).then_some((section, name))
}

/// The table whose names are the user's own, and the name in it.
fn of_named(path: &str) -> Option<(&'static str, &str)> {
    let (table, name) = path.split_once('.')?;
    let table = [MACROS, WATCHLISTS].into_iter().find(|known| *known == table)?;
    // What else a name may be is checked when the text is read back: of a key by the screen, which knows the keys.
    let fits = (1..=32).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    fits.then_some((table, name))
}

/// What an entry of such a table may be.
fn allowed_named(table: &str) -> String {
    if table == MACROS { CommandLine.allowed() } else { Instruments.allowed() }
}

/// The text with one option changed.
fn edited(file: &Path, text: &str, path: &str, value: Option<&str>) -> Result<String, ConfigError> {
    let known = FIELDS.iter().find(|field| field.path() == path);
    // Which actions have keys the screen knows; what a key may be is checked when the text is read back.
    let keys = path.strip_prefix("keys.").filter(|name| {
        (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    });
    let (table_path, name, allowed) = match (known, keys, of_broker(path), of_named(path)) {
        (Some(field), ..) => (field.table, field.name, (field.allowed)()),
        (None, Some(name), ..) => (KEYS, name, KeyNames.allowed()),
        (None, None, Some((section, name)), _) => (section, name, brokers::allowed(name)),
        (None, None, None, Some((table, name))) => (table, name, allowed_named(table)),
        (None, None, None, None) => return Err(problem(file, format!("{path}: there is no such option"))),
    };
    let value: Option<Value> = match value {
        Some(text) => {
            let wrong = |_| problem(file, format!("{path}: found {text}, allowed {allowed}"));
            Some(text.parse().map_err(wrong)?)
        }
        None => None,
    };
    let mut document = parsed(file, text)?;
    let mut table: &mut Table = document.as_table_mut();
    for part in table_path.split('.') {
        let inner = table.entry(part).or_insert_with(|| {
            let mut inner = Table::new();
            // A table that holds tables alone needs no line of its own.
            inner.set_implicit(true);
            Item::Table(inner)
        });
        table = inner
            .as_table_mut()
            .ok_or_else(|| problem(file, format!("{part}: found a value, allowed a table")))?;
    }
    match value {
        Some(value) => {
            table.set_implicit(false);
            match table.get_mut(name).and_then(Item::as_value_mut) {
                Some(old) => {
                    // The comment behind the old value stays.
                    let decor = old.decor().clone();
                    *old = value;
                    *old.decor_mut() = decor;
                }
                None => drop(table.insert(name, Item::Value(value))),
            }
        }
        None => drop(table.remove(name)),
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn edit(text: &str, path: &str, value: Option<&str>) -> Result<String, String> {
        edited(Path::new("/c.toml"), text, path, value).map_err(|error| error.to_string())
    }

    #[test]
    fn v4_one_value_changes_and_nothing_else() {
        let text = "# mine\n[screen]\n# colours\ntheme = \"dark\" # for the night\nmouse = false\n\n[log]\nlevel = \"info\"\n";
        assert_eq!(
            edit(text, "screen.theme", Some("\"light\"")).unwrap(),
            text.replace("\"dark\"", "\"light\"")
        );
        assert_eq!(
            edit(text, "screen.ascii", Some("true")).unwrap(),
            text.replace("false\n", "false\nascii = true\n")
        );
        assert_eq!(edit(text, "screen.mouse", None).unwrap(), text.replace("mouse = false\n", ""));
        assert_eq!(edit("", "paper.fees.exercise", Some("5")).unwrap(), "[paper.fees]\nexercise = 5\n");
        assert_eq!(edit("[keys]\n", "keys.halt", Some("[\"f9\"]")).unwrap(), "[keys]\nhalt = [\"f9\"]\n");
        assert_eq!(
            edit(text, "brokers.alpaca.feed", Some("\"iex\"")).unwrap(),
            format!("{text}\n[brokers.alpaca]\nfeed = \"iex\"\n")
        );
        for unknown in ["brokers.alpaca.fed", "brokers.robinhood.feed", "brokers.feed", "brokersalpaca.feed"]
        {
            assert!(
                edit("", unknown, Some("1")).unwrap_err().ends_with("there is no such option"),
                "{unknown}"
            );
        }
        assert_eq!(
            edit("", "screen.sky", Some("1")).unwrap_err(),
            "/c.toml:1: screen.sky: there is no such option"
        );
        assert_eq!(
            edit("", "screen.ascii", Some("x x")).unwrap_err(),
            "/c.toml:1: screen.ascii: found x x, allowed true or false"
        );
    }

    #[test]
    fn v4_names_of_the_users_own_are_added_changed_and_taken_out() {
        let text = "# keys\n[macros]\n# the opening\nf5 = \"buy 100 {symbol}\" # mine\n";
        assert_eq!(
            edit(text, "macros.f5", Some("\"sell half my {symbol}\"")).unwrap(),
            text.replace("buy 100 {symbol}", "sell half my {symbol}")
        );
        assert_eq!(
            edit(text, "macros.alt-s", Some("\"close {symbol}\"")).unwrap(),
            format!("{text}alt-s = \"close {{symbol}}\"\n")
        );
        // A key that is a point, a list with a space in its name: quoted in the file, one name all the same.
        assert_eq!(
            edit(text, "macros..", Some("\"close {symbol}\"")).unwrap(),
            format!("{text}\".\" = \"close {{symbol}}\"\n")
        );
        assert_eq!(
            edit("", "watchlists.my coins", Some("[\"BTC-USD\"]")).unwrap(),
            "[watchlists]\n\"my coins\" = [\"BTC-USD\"]\n"
        );
        let without = edit(text, "macros.f5", None).unwrap();
        assert!(without.starts_with("# keys\n[macros]\n") && !without.contains("f5"), "{without}");
        for unknown in ["macros", "macros.", "macros.\u{7}", "watchlists."] {
            let said = edit("", unknown, Some("\"x\"")).unwrap_err();
            assert!(said.ends_with("there is no such option"), "{unknown}: {said}");
        }
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("c.toml");
        std::fs::write(&file, "[macros]\n\".\" = \"halt\"\n").unwrap();
        assert!(sets(&file, "macros..").unwrap() && !sets(&file, "macros.f5").unwrap());
    }

    #[test]
    fn v4_what_could_not_be_read_back_is_not_written() {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let paths = Paths::under(home.path());
        let profile: ProfileName = "alice".parse().unwrap();
        let config = ConfigFiles { paths: paths.clone(), profile: profile.clone(), only: None };
        let set = |path: &str, value| config.with(path, value)?.write();
        let file = set("screen.theme", Some("\"light\"")).unwrap();
        assert_eq!(file, paths.user_config());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "[screen]\ntheme = \"light\"\n");
        assert!(
            set("screen.fps", Some("1000"))
                .unwrap_err()
                .to_string()
                .contains("allowed a whole number from 1 to 120")
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "[screen]\ntheme = \"light\"\n");
        // What the profile's own file sets is changed there, where it wins.
        let own = paths.profile_config(&profile);
        files::private_directory(own.parent().unwrap()).unwrap();
        replace_private(&own, b"[screen]\nfps = 10\n").unwrap();
        assert_eq!(set("screen.fps", Some("20")).unwrap(), own);
        let loaded = Loaded::read(&paths, &profile, None).unwrap();
        assert_eq!((loaded.config.screen.fps, loaded.config.screen.theme.as_str()), (20, "light"));
        let view = loaded.options().into_iter().find(|view| view.path == "screen.fps").unwrap();
        assert_eq!((view.value.as_str(), view.default.as_str()), ("20", "30"));
        assert!(view.origin.is_some() && view.choices.is_empty());
        let mouse = loaded.options().into_iter().find(|view| view.path == "screen.mouse").unwrap();
        assert_eq!(mouse.choices, ["true", "false"]);
        // A broker's address is one of its options, and no word that is none.
        let feed = || {
            let options = Loaded::read(&paths, &profile, None).unwrap().options().into_iter();
            options.map(|view| (view.path, view.value)).find(|(path, _)| path == "brokers.alpaca.data_url")
        };
        assert_eq!(feed().unwrap().1, "\"\"");
        set("brokers.alpaca.data_url", Some("\"https://data.example\"")).unwrap();
        assert_eq!(feed().unwrap().1, "\"https://data.example\"");
        let wrong = set("brokers.alpaca.data_url", Some("\"data.example\"")).unwrap_err().to_string();
        assert!(
            wrong.contains("brokers.alpaca.data_url: found \"data.example\", allowed an address"),
            "{wrong}"
        );
        set("brokers.alpaca.data_url", None).unwrap();
        assert_eq!(feed().unwrap().1, "\"\"");
        // A macro has the checks of the file, and is listed as it stands there.
        let listed = || {
            let options = Loaded::read(&paths, &profile, None).unwrap().options().into_iter();
            let named = options.filter(|view| view.path.starts_with("macros."));
            named.map(|view| (view.path, view.value)).collect::<Vec<_>>()
        };
        set("macros.f5", Some("\"buy 1 {symbol}\"")).unwrap();
        assert_eq!(listed(), [("macros.f5".to_owned(), "\"buy 1 {symbol}\"".to_owned())]);
        for (name, value) in [("macros.f6", "\"\""), ("macros.f6", "3"), ("watchlists.a/b", "[\"AAPL\"]")] {
            let wrong = set(name, Some(value)).unwrap_err().to_string();
            assert!(wrong.contains("allowed"), "{name}: {wrong}");
        }
        set("macros.f5", None).unwrap();
        assert!(listed().is_empty());
    }
}
