//! The kinds of values an option can have: how each is read from TOML, written back, and described where something else was found.

use std::ops::Range;

use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::DeValue;

use super::look::{Colour, TerminalNotice, Zone};
use super::settings::{CryptoPrices, LogLevel, OnExit, PaperClock, Sessions, Slippage, Touch};
use crate::domain::account::AccountKind;
use crate::domain::exit::{ExitError, ExitPlan};
use crate::domain::instrument::Instrument;
use crate::domain::limits::DayTradeRule;
use crate::domain::money::{canonical, parse_decimal};
use crate::domain::tax::{LotMethod, WashScope};
use crate::domain::text::ascii_escaped;

/// Most characters of a wrong value that an error repeats.
const FOUND_LENGTH_MAX: usize = 40;
/// Most keys of one action.
const KEYS_MAX: usize = 8;
/// Longest name of a key.
const KEY_LENGTH_MAX: usize = 24;
/// Most instruments in one list.
const INSTRUMENTS_MAX: usize = 1_000;

/// A value that is not allowed: what was found, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub found: String,
    pub span: Range<usize>,
}

impl Refused {
    pub(super) fn new(value: &Spanned<DeValue<'_>>) -> Self {
        Self { found: found(value.get_ref()), span: value.span() }
    }
}

/// One kind of value.
pub(super) trait Kind {
    type Value;
    /// What may stand there, to follow the word "allowed".
    fn allowed(&self) -> String;
    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Self::Value, Refused>;
    /// As a TOML literal.
    fn write(&self, value: &Self::Value) -> String;
    /// What may stand there as TOML literals, where these are a few.
    fn choices(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What stands there, for an error: short, and safe to print.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => {
            let short: String = text.chars().take(FOUND_LENGTH_MAX).collect();
            format!("\"{}\"", ascii_escaped(&short))
        }
        DeValue::Integer(number) => number.to_string().chars().take(FOUND_LENGTH_MAX).collect(),
        DeValue::Float(number) => number.as_str().chars().take(FOUND_LENGTH_MAX).collect(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(items) if items.is_empty() => "an empty list".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A TOML string literal.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A decimal in a range, both ends allowed. Written as a TOML number or, to the last digit, as a string.
pub(super) struct Number(pub &'static str, pub &'static str);

impl Number {
    fn bound(text: &str) -> Decimal {
        parse_decimal(text).expect("the bounds in the table of fields are decimals")
    }
}

impl Kind for Number {
    type Value = Decimal;

    fn allowed(&self) -> String {
        format!("a number from {} to {}", self.0, self.1)
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Decimal, Refused> {
        // The text of the number is read, so that no price or limit passes through a float.
        let text = match value.get_ref() {
            DeValue::String(text) => text,
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return Err(Refused::new(value)),
        };
        match parse_decimal(text) {
            Ok(number) if number >= Self::bound(self.0) && number <= Self::bound(self.1) => {
                Ok(number.normalize())
            }
            _ => Err(Refused::new(value)),
        }
    }

    fn write(&self, value: &Decimal) -> String {
        // Other readers of TOML hold whole numbers in 64 bits and others in a double; what fits neither is a string.
        let text = canonical(*value);
        if text.len() <= 15 { text } else { quoted(&text) }
    }
}

/// A whole number in a range, both ends allowed.
pub(super) struct Whole<T>(pub T, pub T);

impl<T: TryFrom<u64> + Into<u64> + Copy> Kind for Whole<T> {
    type Value = T;

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.0.into(), self.1.into())
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<T, Refused> {
        let refused = || Refused::new(value);
        let DeValue::Integer(number) = value.get_ref() else { return Err(refused()) };
        let number = u64::from_str_radix(number.as_str(), number.radix()).map_err(|_| refused())?;
        let within = number >= self.0.into() && number <= self.1.into();
        T::try_from(number).ok().filter(|_| within).ok_or_else(refused)
    }

    fn write(&self, value: &T) -> String {
        let number: u64 = (*value).into();
        number.to_string()
    }
}

/// `true` or `false`.
pub(super) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn allowed(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<bool, Refused> {
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(Refused::new(value)),
        }
    }

    fn write(&self, value: &bool) -> String {
        value.to_string()
    }

    fn choices(&self) -> Vec<String> {
        vec!["true".to_owned(), "false".to_owned()]
    }
}

/// One of a few words. A word of digits may stand without quotes.
pub(super) struct Word<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind for Word<T> {
    type Value = T;

    fn allowed(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(word, _)| quoted(word)).collect();
        match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => words.concat(),
        }
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<T, Refused> {
        let text = match value.get_ref() {
            DeValue::String(text) => text,
            DeValue::Integer(number) => number.as_str(),
            _ => return Err(Refused::new(value)),
        };
        self.0
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, item)| *item)
            .ok_or_else(|| Refused::new(value))
    }

    fn write(&self, value: &T) -> String {
        quoted(self.0.iter().find(|(_, item)| item == value).map_or("", |(word, _)| word))
    }

    fn choices(&self) -> Vec<String> {
        self.0.iter().map(|(word, _)| quoted(word)).collect()
    }
}

pub(super) const ACCOUNT_KINDS: Word<AccountKind> =
    Word(&[("cash", AccountKind::Cash), ("margin", AccountKind::Margin)]);
pub(super) const SESSIONS: Word<Sessions> = Word(&[("always", Sessions::Always), ("nyse", Sessions::Nyse)]);
pub(super) const CRYPTO_PRICES: Word<CryptoPrices> = Word(&[
    ("auto", CryptoPrices::Auto),
    ("simulated", CryptoPrices::Simulated),
    ("coinbase", CryptoPrices::Coinbase),
    ("hyperliquid", CryptoPrices::Hyperliquid),
]);
pub(super) const ON_EXITS: Word<OnExit> =
    Word(&[("keep", OnExit::Keep), ("cancel_day", OnExit::CancelDay), ("cancel_all", OnExit::CancelAll)]);
pub(super) const TOUCHES: Word<Touch> = Word(&[("never", Touch::Never), ("queue", Touch::Queue)]);
pub(super) const COLOURS: Word<Colour> = Word(&[
    ("auto", Colour::Auto),
    ("never", Colour::Never),
    ("16", Colour::Ansi16),
    ("256", Colour::Indexed),
    ("true", Colour::True),
]);
pub(super) const NOTICES: Word<TerminalNotice> = Word(&[
    ("off", TerminalNotice::Off),
    ("bell", TerminalNotice::Bell),
    ("osc9", TerminalNotice::Osc9),
    ("osc777", TerminalNotice::Osc777),
]);
pub(super) const ZONES: Word<Zone> =
    Word(&[("exchange", Zone::Exchange), ("local", Zone::Local), ("UTC", Zone::Utc)]);
pub(super) const LEVELS: Word<LogLevel> = Word(&[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
]);
pub(super) const DAY_TRADE_RULES: Word<DayTradeRule> = Word(&[
    ("broker", DayTradeRule::Broker),
    ("pdt", DayTradeRule::Pdt),
    ("intraday_margin", DayTradeRule::IntradayMargin),
    ("off", DayTradeRule::Off),
]);

pub(super) const LOT_METHODS: Word<LotMethod> = Word(&[
    ("fifo", LotMethod::Fifo),
    ("lifo", LotMethod::Lifo),
    ("hifo", LotMethod::Hifo),
    ("specific", LotMethod::Specific),
]);

pub(super) const WASH_SCOPES: Word<WashScope> =
    Word(&[("none", WashScope::None), ("securities", WashScope::Securities), ("all", WashScope::All)]);

/// Methods of accounts, each as `account=method`.
pub(super) struct AccountMethods;

impl AccountMethods {
    const MAX: usize = 100;

    fn pair(text: &str) -> Option<(String, LotMethod)> {
        let (account, method) = text.split_once('=')?;
        let method = LotMethod::ALL.into_iter().find(|it| it.as_str() == method)?;
        let plain = (1..=64).contains(&account.len()) && account.bytes().all(|b| b.is_ascii_graphic());
        plain.then(|| (account.to_owned(), method))
    }
}

impl Kind for AccountMethods {
    type Value = Vec<(String, LotMethod)>;

    fn allowed(&self) -> String {
        "a list such as [\"paper=fifo\", \"alpaca-1234=specific\"] with fifo, lifo, hifo or specific"
            .to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Self::Value, Refused> {
        let DeValue::Array(items) = value.get_ref() else { return Err(Refused::new(value)) };
        if items.len() > Self::MAX {
            return Err(Refused { found: format!("a list of {}", items.len()), span: value.span() });
        }
        let pair = |item: &Spanned<DeValue<'_>>| {
            item.get_ref().as_str().and_then(Self::pair).ok_or_else(|| Refused::new(item))
        };
        items.iter().map(pair).collect()
    }

    fn write(&self, value: &Self::Value) -> String {
        let pairs: Vec<String> =
            value.iter().map(|(account, method)| quoted(&format!("{account}={method}"))).collect();
        format!("[{}]", pairs.join(", "))
    }
}

/// An exit plan by its parts; none of them is no plan.
pub(super) struct PlanWords;

impl Kind for PlanWords {
    type Value = Option<ExitPlan>;

    fn allowed(&self) -> String {
        "a list such as [\"stop=5%\", \"take=2r\", \"trail=3%\"], or [] for none".to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Self::Value, Refused> {
        let DeValue::Array(items) = value.get_ref() else { return Err(Refused::new(value)) };
        if items.is_empty() {
            return Ok(None);
        }
        let mut pairs = Vec::new();
        for item in items {
            let pair = item.get_ref().as_str().and_then(|text| text.split_once('='));
            pairs.push(pair.ok_or_else(|| Refused::new(item))?);
        }
        let refused = |error: ExitError| Refused {
            found: format!("a plan that is none ({error})"),
            span: value.span(),
        };
        ExitPlan::from_pairs(pairs).map(Some).map_err(refused)
    }

    fn write(&self, value: &Self::Value) -> String {
        let pairs = value.iter().flat_map(ExitPlan::pairs);
        let words: Vec<String> = pairs.map(|(name, value)| quoted(&format!("{name}={value}"))).collect();
        format!("[{}]", words.join(", "))
    }
}

/// The name of a fee schedule. Which there are, `fees.toml` says.
pub(super) struct ScheduleName;

impl Kind for ScheduleName {
    type Value = String;

    fn allowed(&self) -> String {
        "\"own\" or the name of a schedule in fees.toml".to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<String, Refused> {
        let named = |text: &&str| {
            (1..=KEY_LENGTH_MAX).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        value.get_ref().as_str().filter(named).map(str::to_owned).ok_or_else(|| Refused::new(value))
    }

    fn write(&self, value: &String) -> String {
        quoted(value)
    }
}

/// The name of a theme. Which there are, the screen says.
pub(super) struct ThemeName;

impl Kind for ThemeName {
    type Value = String;

    fn allowed(&self) -> String {
        "the name of a theme, as \"dark\", \"light\" or one of your own".to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<String, Refused> {
        ScheduleName.read(value)
    }

    fn write(&self, value: &String) -> String {
        quoted(value)
    }
}

/// A program by its whole path, or none.
pub(super) struct ProgramPath;

impl ProgramPath {
    /// Longest path, in bytes.
    const LENGTH_MAX: usize = 1_024;
}

impl Kind for ProgramPath {
    type Value = String;

    fn allowed(&self) -> String {
        "the whole path of a program, as \"/home/me/bin/ring\", or \"\" for none".to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<String, Refused> {
        // A bare name would be whatever the path finds first.
        let fits = |text: &&str| {
            let plain = text.len() <= Self::LENGTH_MAX && !text.chars().any(char::is_control);
            plain && (text.is_empty() || text.starts_with('/'))
        };
        value.get_ref().as_str().filter(fits).map(str::to_owned).ok_or_else(|| Refused::new(value))
    }

    fn write(&self, value: &String) -> String {
        quoted(value)
    }
}

/// A line of the command language.
pub(super) struct CommandLine;

impl CommandLine {
    /// Longest line, in bytes.
    const LENGTH_MAX: usize = 200;
}

impl Kind for CommandLine {
    type Value = String;

    fn allowed(&self) -> String {
        format!("a command of up to {} characters", Self::LENGTH_MAX)
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<String, Refused> {
        let fits = |text: &&str| {
            (1..=Self::LENGTH_MAX).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
        };
        value.get_ref().as_str().filter(fits).map(str::to_owned).ok_or_else(|| Refused::new(value))
    }

    fn write(&self, value: &String) -> String {
        quoted(value)
    }
}

/// Whose time a profile lives by.
pub(super) struct ClockOf;

impl Kind for ClockOf {
    type Value = PaperClock;

    fn allowed(&self) -> String {
        "\"system\", or the instant at which a clock of its own begins, such as \"2026-11-12T14:40:00Z\""
            .to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<PaperClock, Refused> {
        value.get_ref().as_str().and_then(PaperClock::parse).ok_or_else(|| Refused::new(value))
    }

    fn write(&self, value: &PaperClock) -> String {
        quoted(&value.to_string())
    }
}

/// A slippage model.
pub(super) struct SlippageModel;

impl Kind for SlippageModel {
    type Value = Slippage;

    fn allowed(&self) -> String {
        "\"none\", \"N ticks\", \"N bps\" (up to 10000), \"N spread\" or \"N sqrt\" (up to 10), or \"volume share\"".to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Slippage, Refused> {
        value.get_ref().as_str().and_then(Slippage::parse).ok_or_else(|| Refused::new(value))
    }

    fn write(&self, value: &Slippage) -> String {
        quoted(&value.to_string())
    }
}

/// One key of the screen or several, as the screen writes them.
pub(super) struct KeyNames;

impl Kind for KeyNames {
    type Value = Vec<String>;

    fn allowed(&self) -> String {
        "a list of up to 8 keys such as [\"x\", \"ctrl-k\"]".to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Refused> {
        let key = |item: &Spanned<DeValue<'_>>| {
            let fits = |text: &str| {
                (1..=KEY_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
            };
            item.get_ref()
                .as_str()
                .filter(|text| fits(text))
                .map(str::to_owned)
                .ok_or_else(|| Refused::new(item))
        };
        match value.get_ref() {
            DeValue::Array(items) if items.len() <= KEYS_MAX => items.iter().map(key).collect(),
            DeValue::String(_) => key(value).map(|key| vec![key]),
            _ => Err(Refused::new(value)),
        }
    }

    fn write(&self, value: &Vec<String>) -> String {
        let keys: Vec<String> = value.iter().map(|key| quoted(key)).collect();
        format!("[{}]", keys.join(", "))
    }
}

/// A list of instruments by their keys.
pub(super) struct Instruments;

impl Kind for Instruments {
    type Value = Vec<Instrument>;

    fn allowed(&self) -> String {
        "a list of up to 1000 symbols such as [\"AAPL\", \"BTC-USD\", \"EUR/USD\"]".to_owned()
    }

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Instrument>, Refused> {
        let DeValue::Array(items) = value.get_ref() else { return Err(Refused::new(value)) };
        if items.len() > INSTRUMENTS_MAX {
            return Err(Refused { found: format!("a list of {}", items.len()), span: value.span() });
        }
        let mut instruments: Vec<Instrument> = Vec::with_capacity(items.len());
        for item in items.iter() {
            let key = item.get_ref().as_str().ok_or_else(|| Refused::new(item))?;
            let instrument = Instrument::from_key(key).map_err(|_| Refused::new(item))?;
            if !instruments.contains(&instrument) {
                instruments.push(instrument);
            }
        }
        Ok(instruments)
    }

    fn write(&self, value: &Vec<Instrument>) -> String {
        let keys: Vec<String> = value.iter().map(|instrument| quoted(&instrument.key())).collect();
        format!("[{}]", keys.join(", "))
    }
}
