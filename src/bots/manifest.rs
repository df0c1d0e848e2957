//! A bot's manifest, `bot.toml`: what it is, what it may do and how much of the machine it may use. Read strictly: a key that is not known is
//! an error that names the nearest one, so that no limit is misspelt away.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use toml::{Table, Value};

use crate::domain::bot::{BOT_NAME_MAX, BotTerms, OrderRight, is_bot_name};
use crate::domain::instrument::Instrument;
use crate::domain::money::parse_decimal;
use crate::domain::quote::Interval;

/// The manifest's name in a bot's directory.
pub const MANIFEST: &str = "bot.toml";
/// The protocol that this program speaks.
pub const PROTOCOL: u32 = 1;
/// Words of a command at most.
const WORDS_MAX: usize = 32;
/// Instruments a manifest may name.
const INSTRUMENTS_MAX: usize = 50;
/// Variables a manifest may declare.
const VARIABLES_MAX: usize = 32;
/// Names that a variable of a manifest never has: what the program sets itself, and what loads code into a process.
const RESERVED_VARIABLES: &[&str] = &["PATH", "HOME", "LANG", "TZ", "PWD"];

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("bot.toml cannot be read: {0}")]
    Read(String),
    /// It is no TOML.
    #[error("bot.toml is no TOML: {0}")]
    Syntax(String),
    /// A key that means nothing.
    #[error("bot.toml: {key} is not known; nearest is {nearest}")]
    Unknown {
        /// The key with its section.
        key: String,
        /// The known key that it is most like.
        nearest: String,
    },
    /// A key that must be there.
    #[error("bot.toml: {key} is missing; allowed is {allowed}")]
    Missing {
        /// The key with its section.
        key: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A value that is not allowed.
    #[error("bot.toml: {key}: found {found}, allowed {allowed}")]
    Value {
        /// The key with its section.
        key: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
}

/// Data that a bot may be told or ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataRight {
    /// Complete bars of a width.
    Bars(Interval),
    /// Prices.
    Quotes,
    /// Option chains.
    Chains,
}

/// When a process that has ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Never.
    Never,
    /// When it ended badly.
    #[default]
    OnCrash,
    /// Whenever it ended.
    Always,
}

/// What a bot may use of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BotLimits {
    /// Memory in MiB.
    pub memory_mb: u32,
    /// Processor time, in per cent of one core.
    pub cpu_pct: u32,
    /// Open files.
    pub open_files: u32,
    /// The largest file it writes, in MiB.
    pub file_mb: u32,
    /// Seconds until it must have answered `initialize`.
    pub start_s: u32,
    /// Milliseconds until it must have answered another request.
    pub reply_ms: u32,
    /// Lines of log a second; what is more is counted and dropped.
    pub log_lines_per_s: u32,
}

/// A manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its name, that of its directory.
    pub name: String,
    /// The command, without a shell.
    pub command: Vec<String>,
    /// The file that describes its parameters, within its directory.
    pub params_schema: Option<String>,
    /// Variables of its environment beside those that every bot has.
    pub variables: BTreeMap<String, String>,
    /// What it may trade and ask about; absent means everything.
    pub instruments: Option<Vec<Instrument>>,
    /// What it may be told.
    pub data: Vec<DataRight>,
    /// What becomes of its orders.
    pub orders: OrderRight,
    /// Money of one opening order at most.
    pub max_order_notional: Option<Decimal>,
    /// Money of one position at most.
    pub max_position_notional: Option<Decimal>,
    /// Orders of one minute.
    pub max_orders_per_minute: u32,
    /// Loss of a day at which it pauses.
    pub max_daily_loss: Option<Decimal>,
    /// It may use the network.
    pub network: bool,
    /// What it may use of the machine.
    pub limits: BotLimits,
    /// When it is started again.
    pub restart: RestartPolicy,
    /// Its working opening orders are canceled whenever it stops.
    pub cancels_on_stop: bool,
}

/// A table that is emptied while it is read: what is left at its end is not known.
struct Section {
    name: &'static str,
    table: Table,
    known: Vec<&'static str>,
}

impl Section {
    fn new(name: &'static str, table: Table) -> Self {
        Self { name, table, known: Vec::new() }
    }

    fn key(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn wrong(&self, key: &str, found: &Value, allowed: &'static str) -> ManifestError {
        let found: String = found.to_string().chars().take(60).flat_map(char::escape_default).collect();
        ManifestError::Value { key: self.key(key), found, allowed }
    }

    fn section(&mut self, key: &'static str) -> Result<Self, ManifestError> {
        match self.take(key) {
            None => Ok(Self::new(key, Table::new())),
            Some(Value::Table(table)) => Ok(Self::new(key, table)),
            Some(other) => Err(self.wrong(key, &other, "a section")),
        }
    }

    fn text(&mut self, key: &'static str, allowed: &'static str) -> Result<Option<String>, ManifestError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(key, &other, allowed)),
        }
    }

    fn texts(
        &mut self,
        key: &'static str,
        allowed: &'static str,
    ) -> Result<Option<Vec<String>>, ManifestError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let read = value.as_array().and_then(|list| {
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        read.map(Some).ok_or_else(|| self.wrong(key, &value, allowed))
    }

    fn whole(
        &mut self,
        key: &'static str,
        (min, max): (u32, u32),
        default: u32,
        allowed: &'static str,
    ) -> Result<u32, ManifestError> {
        let Some(value) = self.take(key) else { return Ok(default) };
        let read = value.as_integer().and_then(|number| u32::try_from(number).ok());
        read.filter(|number| (min..=max).contains(number)).ok_or_else(|| self.wrong(key, &value, allowed))
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, ManifestError> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(flag),
            Some(other) => Err(self.wrong(key, &other, "true, false")),
        }
    }

    /// Money is text: a float is no amount.
    fn money(&mut self, key: &'static str) -> Result<Option<Decimal>, ManifestError> {
        const ALLOWED: &str = "an amount above 0 as text, such as \"2000\"";
        let Some(value) = self.take(key) else { return Ok(None) };
        let read = value.as_str().and_then(|text| parse_decimal(text).ok());
        read.filter(|money| *money > Decimal::ZERO).map(Some).ok_or_else(|| self.wrong(key, &value, ALLOWED))
    }

    fn end(self) -> Result<(), ManifestError> {
        let Some(stray) = self.table.keys().next() else { return Ok(()) };
        let nearest = self
            .known
            .iter()
            .max_by(|a, b| strsim::jaro_winkler(a, stray).total_cmp(&strsim::jaro_winkler(b, stray)));
        let nearest = nearest.map_or_else(|| "none".to_owned(), |known| self.key(known));
        let stray: String = stray.chars().take(40).flat_map(char::escape_default).collect();
        Err(ManifestError::Unknown { key: self.key(&stray), nearest })
    }
}

const COMMAND: &str = "1 to 32 words, such as [\"python3\", \"-u\", \"main.py\"]";
const INSTRUMENTS: &str = "1 to 50 instruments, or [\"*\"]";
const DATA: &str = "a list of bars:1m, bars:5m, bars:15m, bars:1h, bars:1d, bars:1w, quotes, chains";

impl Manifest {
    /// Reads one.
    ///
    /// # Errors
    /// Names the first key that is wrong, and what may stand there.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| ManifestError::Syntax(error.message().to_owned()))?;
        let mut top = Section::new("", table);
        let name = read_name(&mut top)?;
        let command = read_command(&mut top)?;
        read_protocol(&mut top)?;
        let params_schema = read_schema_name(&mut top)?;
        let variables = read_variables(&mut top)?;
        let mut permissions = top.section("permissions")?;
        let mut limits = top.section("limits")?;
        let mut restart = top.section("restart")?;
        top.end()?;
        let instruments = read_instruments(&mut permissions)?;
        let data = read_data(&mut permissions)?;
        let orders = read_orders(&mut permissions)?;
        let manifest = Self {
            name,
            command,
            params_schema,
            variables,
            instruments,
            data,
            orders,
            max_order_notional: permissions.money("max_order_notional")?,
            max_position_notional: permissions.money("max_position_notional")?,
            max_orders_per_minute: permissions.whole("max_orders_per_minute", (1, 600), 10, "1 to 600")?,
            max_daily_loss: permissions.money("max_daily_loss")?,
            network: permissions.flag("network")?,
            limits: read_limits(&mut limits)?,
            restart: read_restart(&mut restart)?,
            cancels_on_stop: read_on_stop(&mut restart)?,
        };
        if let Some(files) = permissions.text("files", "\"own\"")?.filter(|files| files != "own") {
            return Err(permissions.wrong("files", &Value::String(files), "\"own\""));
        }
        for section in [permissions, limits, restart] {
            section.end()?;
        }
        Ok(manifest)
    }

    /// What the core holds it to.
    #[must_use]
    pub fn terms(&self, version: u32) -> BotTerms {
        BotTerms {
            bot: self.name.as_str().into(),
            version,
            instruments: self.instruments.clone(),
            orders: self.orders,
            max_order_notional: self.max_order_notional,
            max_position_notional: self.max_position_notional,
            max_orders_per_minute: self.max_orders_per_minute,
            max_daily_loss: self.max_daily_loss,
        }
    }

    /// The width of the bars it is fed where nobody says: the first it may be told.
    #[must_use]
    pub fn interval(&self) -> Interval {
        let bars = |right: &DataRight| match right {
            DataRight::Bars(interval) => Some(*interval),
            DataRight::Quotes | DataRight::Chains => None,
        };
        self.data.iter().find_map(bars).unwrap_or(Interval::Day1)
    }

    /// May it know of an instrument.
    #[must_use]
    pub fn knows(&self, instrument: &Instrument) -> bool {
        let driver = instrument.price_driver();
        self.instruments.as_ref().is_none_or(|list| list.contains(instrument) || list.contains(&driver))
    }
}

fn read_name(top: &mut Section) -> Result<String, ManifestError> {
    const ALLOWED: &str = "1 to 32 of a-z, 0-9 and '-'";
    let name = top
        .text("name", ALLOWED)?
        .ok_or_else(|| ManifestError::Missing { key: "name".to_owned(), allowed: ALLOWED })?;
    if !is_bot_name(&name) {
        let shown: String = name.chars().take(BOT_NAME_MAX + 1).collect();
        return Err(top.wrong("name", &Value::String(shown), ALLOWED));
    }
    Ok(name)
}

fn read_command(top: &mut Section) -> Result<Vec<String>, ManifestError> {
    let words = top
        .texts("command", COMMAND)?
        .ok_or_else(|| ManifestError::Missing { key: "command".to_owned(), allowed: COMMAND })?;
    let sound = |word: &String| !word.is_empty() && word.len() <= 1_024 && !word.contains('\0');
    if words.is_empty() || words.len() > WORDS_MAX || !words.iter().all(sound) {
        let found = Value::Array(words.into_iter().map(Value::String).collect());
        return Err(top.wrong("command", &found, COMMAND));
    }
    Ok(words)
}

fn read_protocol(top: &mut Section) -> Result<(), ManifestError> {
    match top.take("protocol") {
        None => Err(ManifestError::Missing { key: "protocol".to_owned(), allowed: "1" }),
        Some(Value::Integer(1)) => Ok(()),
        Some(other) => Err(top.wrong("protocol", &other, "1")),
    }
}

fn read_schema_name(top: &mut Section) -> Result<Option<String>, ManifestError> {
    const ALLOWED: &str = "a file of its directory";
    let Some(name) = top.text("params_schema", ALLOWED)? else { return Ok(None) };
    let plain = !name.is_empty() && !name.starts_with('/') && !name.split('/').any(|part| part == "..");
    if !plain {
        return Err(top.wrong("params_schema", &Value::String(name), ALLOWED));
    }
    Ok(Some(name))
}

/// Variables go to the process as they are. One that would change what is loaded into it is none of a bot's business.
fn read_variables(top: &mut Section) -> Result<BTreeMap<String, String>, ManifestError> {
    const ALLOWED: &str =
        "up to 32 names of A-Z, 0-9 and '_' with texts; not PATH, HOME, LANG, TZ, PWD, nor LD_*";
    let section = top.section("env")?;
    let mut variables = BTreeMap::new();
    for (name, value) in &section.table {
        let plain = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && !name.is_empty()
            && !RESERVED_VARIABLES.contains(&name.as_str())
            && !name.starts_with("LD_");
        let text = value.as_str().filter(|text| text.len() <= 4_096 && !text.contains('\0'));
        let (true, Some(text)) = (plain && variables.len() < VARIABLES_MAX, text) else {
            return Err(section.wrong(&name.escape_default().to_string(), value, ALLOWED));
        };
        variables.insert(name.clone(), text.to_owned());
    }
    Ok(variables)
}

fn read_instruments(permissions: &mut Section) -> Result<Option<Vec<Instrument>>, ManifestError> {
    let Some(words) = permissions.texts("instruments", INSTRUMENTS)? else {
        let key = permissions.key("instruments");
        return Err(ManifestError::Missing { key, allowed: INSTRUMENTS });
    };
    if words == ["*"] {
        return Ok(None);
    }
    let read: Result<Vec<Instrument>, String> =
        words.iter().map(|word| Instrument::from_key(word).map_err(|_| word.clone())).collect();
    match read {
        Ok(list) if (1..=INSTRUMENTS_MAX).contains(&list.len()) => Ok(Some(list)),
        Ok(_) => {
            let found = Value::Array(words.into_iter().map(Value::String).collect());
            Err(permissions.wrong("instruments", &found, INSTRUMENTS))
        }
        Err(word) => Err(permissions.wrong("instruments", &Value::String(word), INSTRUMENTS)),
    }
}

fn read_data(permissions: &mut Section) -> Result<Vec<DataRight>, ManifestError> {
    let words = permissions.texts("data", DATA)?.unwrap_or_default();
    let read = |word: &String| match word.as_str() {
        "quotes" => Some(DataRight::Quotes),
        "chains" => Some(DataRight::Chains),
        other => other.strip_prefix("bars:")?.parse().ok().map(DataRight::Bars),
    };
    words
        .iter()
        .map(|word| read(word).ok_or_else(|| permissions.wrong("data", &Value::String(word.clone()), DATA)))
        .collect()
}

fn read_orders(permissions: &mut Section) -> Result<OrderRight, ManifestError> {
    const ALLOWED: &str = "none, paper, propose, live";
    let Some(word) = permissions.text("orders", ALLOWED)? else { return Ok(OrderRight::None) };
    OrderRight::ALL
        .into_iter()
        .find(|right| right.as_str() == word)
        .ok_or_else(|| permissions.wrong("orders", &Value::String(word), ALLOWED))
}

fn read_limits(limits: &mut Section) -> Result<BotLimits, ManifestError> {
    Ok(BotLimits {
        memory_mb: limits.whole("memory_mb", (32, 16_384), 512, "32 to 16384")?,
        cpu_pct: limits.whole("cpu_pct", (1, 800), 50, "1 to 800")?,
        open_files: limits.whole("open_files", (16, 4_096), 64, "16 to 4096")?,
        file_mb: limits.whole("file_mb", (1, 4_096), 64, "1 to 4096")?,
        start_s: limits.whole("start_s", (1, 120), 20, "1 to 120")?,
        reply_ms: limits.whole("reply_ms", (100, 60_000), 2_000, "100 to 60000")?,
        log_lines_per_s: limits.whole("log_lines_per_s", (1, 1_000), 50, "1 to 1000")?,
    })
}

fn read_restart(restart: &mut Section) -> Result<RestartPolicy, ManifestError> {
    const ALLOWED: &str = "never, on-crash, always";
    match restart.text("policy", ALLOWED)?.as_deref() {
        None | Some("on-crash") => Ok(RestartPolicy::OnCrash),
        Some("never") => Ok(RestartPolicy::Never),
        Some("always") => Ok(RestartPolicy::Always),
        Some(other) => Err(restart.wrong("policy", &Value::String(other.to_owned()), ALLOWED)),
    }
}

fn read_on_stop(restart: &mut Section) -> Result<bool, ManifestError> {
    const ALLOWED: &str = "cancel, keep";
    match restart.text("on_stop", ALLOWED)?.as_deref() {
        None | Some("cancel") => Ok(true),
        Some("keep") => Ok(false),
        Some(other) => Err(restart.wrong("on_stop", &Value::String(other.to_owned()), ALLOWED)),
    }
}

#[cfg(test)]
pub(super) mod tests;
