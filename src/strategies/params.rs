//! Parameters of strategies: a schema from which checks, help and forms come, and values read by it. Text pairs (`--set put.delta=0.3`)
//! or a JSON object (`{"put": {"delta": 0.3}}`) go in; every error names the parameter and what may stand there.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::instrument::{Instrument, Symbol};

/// What stands for nothing where a number may be left out.
pub(super) const NONE: &str = "none";
/// Levels of a nested object at most.
const DEPTH_MAX: usize = 4;

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// A whole number of a range, both ends allowed.
    Whole {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A decimal number of a range, both ends allowed.
    Number {
        /// The least.
        min: Decimal,
        /// The most.
        max: Decimal,
    },
    /// The same, or `none`.
    OptionalWhole {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A decimal number of a range, both ends allowed, or `none`.
    OptionalNumber {
        /// The least.
        min: Decimal,
        /// The most.
        max: Decimal,
    },
    /// `true` or `false`.
    Flag,
    /// One word of several.
    Choice(&'static [&'static str]),
    /// Tickers with commas between them, each once; may be empty.
    Symbols {
        /// How many at most.
        most: usize,
    },
    /// Decimal numbers with commas between them, each of a range; may be empty.
    List {
        /// The least of each.
        min: Decimal,
        /// The most of each.
        max: Decimal,
    },
}

impl ParamKind {
    /// What may stand there, in words.
    #[must_use]
    pub fn allowed(self) -> String {
        match self {
            Self::Whole { min, max } => format!("{min} to {max}"),
            Self::Number { min, max } => format!("{min} to {max}"),
            Self::OptionalWhole { min, max } => format!("{min} to {max}, or {NONE}"),
            Self::OptionalNumber { min, max } => format!("{min} to {max}, or {NONE}"),
            Self::Flag => "true, false".to_owned(),
            Self::Symbols { most } => format!("up to {most} tickers with commas between them, each once"),
            Self::Choice(words) => words.join(", "),
            Self::List { min, max } => format!("numbers of {min} to {max} with commas between them"),
        }
    }

    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Whole { min, max } => {
                let value: u32 = text.parse().ok()?;
                (min..=max).contains(&value).then(|| Value::Numbers(vec![Decimal::from(value)]))
            }
            Self::Number { min, max } => {
                let value = Decimal::from_str_exact(text).ok()?;
                (min..=max).contains(&value).then(|| Value::Numbers(vec![value]))
            }
            Self::OptionalWhole { .. } | Self::OptionalNumber { .. } if text == NONE => {
                Some(Value::Numbers(Vec::new()))
            }
            Self::OptionalWhole { min, max } => Self::Whole { min, max }.read(text),
            Self::OptionalNumber { min, max } => Self::Number { min, max }.read(text),
            Self::Flag => ["true", "false"].into_iter().find(|word| *word == text).map(Value::Word),
            Self::Choice(words) => words.iter().copied().find(|word| *word == text).map(Value::Word),
            Self::Symbols { .. } if text.is_empty() => Some(Value::Symbols(Vec::new())),
            Self::Symbols { most } => {
                let symbols: Option<Vec<Symbol>> = text.split(',').map(|part| ticker(part.trim())).collect();
                let each_once = |list: &Vec<Symbol>| {
                    list.iter().enumerate().all(|(at, symbol)| !list[..at].contains(symbol))
                };
                symbols.filter(|list| list.len() <= most && each_once(list)).map(Value::Symbols)
            }
            Self::List { .. } if text.is_empty() => Some(Value::Numbers(Vec::new())),
            Self::List { min, max } => {
                let values: Option<Vec<Decimal>> =
                    text.split(',').map(|part| Decimal::from_str_exact(part.trim()).ok()).collect();
                values.filter(|values| values.iter().all(|v| (min..=max).contains(v))).map(Value::Numbers)
            }
        }
    }
}

/// A ticker: what names an equity, and no pair or contract.
fn ticker(text: &str) -> Option<Symbol> {
    match Instrument::from_key(text) {
        Ok(Instrument::Equity { symbol }) => Some(symbol),
        _ => None,
    }
}

/// One parameter of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// Its name. One within a group has the group before a point: `put.delta`.
    pub name: &'static str,
    /// What it may be.
    pub kind: ParamKind,
    /// What it is when nobody says.
    pub default: &'static str,
    /// What it does, with its unit.
    pub about: &'static str,
}

/// A parameter that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// Not a number of its kind, or out of its range.
    #[error("parameter {name}: found '{found}', allowed {allowed}")]
    Value {
        /// Which.
        name: String,
        /// The text as given.
        found: String,
        /// What may stand there.
        allowed: String,
    },
    /// No such parameter.
    #[error("parameter {name} is not known to {kind}; it has {known}")]
    Unknown {
        /// Which.
        name: String,
        /// The strategy.
        kind: String,
        /// Its parameters.
        known: String,
    },
    /// A JSON value that is no parameter: too deep, or a list of lists.
    #[error("parameter {name}: allowed are numbers, words, true, false, null and lists of them")]
    Form {
        /// Which.
        name: String,
    },
    /// No such strategy.
    #[error("no strategy is called '{name}'; there are {known}")]
    Kind {
        /// The name as given.
        name: String,
        /// The strategies.
        known: String,
    },
}

impl ParamError {
    /// A value that another one rules out.
    pub(super) fn value(name: &str, found: &str, allowed: impl Into<String>) -> Self {
        Self::Value { name: name.to_owned(), found: shown(found), allowed: allowed.into() }
    }

    pub(super) fn kind(name: &str, known: String) -> Self {
        Self::Kind { name: shown(name), known }
    }
}

/// Somebody's text, short and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

/// Parameters by name, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// From pairs; the last of two with one name counts.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// From an object, as configuration files and bots write them: groups are objects, lists are arrays, `null` is `none`.
    ///
    /// # Errors
    /// Names the first value that is no parameter.
    pub fn from_json(object: &serde_json::Map<String, serde_json::Value>) -> Result<Self, ParamError> {
        let mut pairs = BTreeMap::new();
        flatten("", object, DEPTH_MAX, &mut pairs)?;
        Ok(Self(pairs))
    }

    /// Names and texts, by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Reads all of them by a strategy's schema; what is not given has its default.
    ///
    /// # Errors
    /// Names the first that is not known, or not allowed.
    pub fn read(&self, kind: &str, specs: &[ParamSpec]) -> Result<Values, ParamError> {
        if let Some(name) = self.0.keys().find(|name| specs.iter().all(|spec| spec.name != name.as_str())) {
            let known: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
            return Err(ParamError::Unknown {
                name: shown(name),
                kind: kind.to_owned(),
                known: known.join(", "),
            });
        }
        let mut values = BTreeMap::new();
        for spec in specs {
            let text = self.0.get(spec.name).map_or(spec.default, String::as_str);
            let value = spec
                .kind
                .read(text)
                .ok_or_else(|| ParamError::value(spec.name, text, spec.kind.allowed()))?;
            values.insert(spec.name, value);
        }
        Ok(Values(values))
    }
}

fn flatten(
    group: &str,
    object: &serde_json::Map<String, serde_json::Value>,
    depth: usize,
    pairs: &mut BTreeMap<String, String>,
) -> Result<(), ParamError> {
    use serde_json::Value as Json;
    let one = |value: &Json| match value {
        Json::Null => Some(NONE.to_owned()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) => Some(text.clone()),
        Json::Array(_) | Json::Object(_) => None,
    };
    for (key, value) in object {
        let name = if group.is_empty() { key.clone() } else { format!("{group}.{key}") };
        let wrong = || ParamError::Form { name: shown(&name) };
        let text = match value {
            Json::Object(inner) => {
                let depth = depth.checked_sub(1).ok_or_else(wrong)?;
                flatten(&name, inner, depth, pairs)?;
                continue;
            }
            Json::Array(list) => {
                let words: Option<Vec<String>> = list.iter().map(one).collect();
                words.ok_or_else(wrong)?.join(",")
            }
            other => one(other).ok_or_else(wrong)?,
        };
        pairs.insert(name, text);
    }
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Numbers(Vec<Decimal>),
    Word(&'static str),
    Symbols(Vec<Symbol>),
}

/// Parameters that have been read. A name that the schema lacks is zero, or no word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values(BTreeMap<&'static str, Value>);

impl Values {
    /// A decimal number.
    #[must_use]
    pub fn number(&self, name: &str) -> Decimal {
        self.list(name).first().copied().unwrap_or_default()
    }

    /// A whole number.
    #[must_use]
    pub fn whole(&self, name: &str) -> usize {
        self.number(name).to_usize().unwrap_or_default()
    }

    /// A decimal number, where one is said.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<Decimal> {
        self.list(name).first().copied()
    }

    /// Is a flag set.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.word(name) == "true"
    }

    /// Tickers.
    #[must_use]
    pub fn symbols(&self, name: &str) -> &[Symbol] {
        match self.0.get(name) {
            Some(Value::Symbols(symbols)) => symbols,
            _ => &[],
        }
    }

    /// A word.
    #[must_use]
    pub fn word(&self, name: &str) -> &'static str {
        match self.0.get(name) {
            Some(Value::Word(word)) => word,
            _ => "",
        }
    }

    /// A list of numbers.
    #[must_use]
    pub fn list(&self, name: &str) -> &[Decimal] {
        match self.0.get(name) {
            Some(Value::Numbers(values)) => values,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[ParamSpec] = &[
        ParamSpec { name: "n", kind: ParamKind::Whole { min: 2, max: 9 }, default: "3", about: "" },
        ParamSpec {
            name: "part",
            kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::ONE },
            default: "0.5",
            about: "",
        },
        ParamSpec { name: "every", kind: ParamKind::Choice(&["day", "week"]), default: "week", about: "" },
        ParamSpec {
            name: "weights",
            kind: ParamKind::List { min: Decimal::ZERO, max: Decimal::ONE_HUNDRED },
            default: "",
            about: "",
        },
        ParamSpec { name: "symbols", kind: ParamKind::Symbols { most: 2 }, default: "", about: "" },
        ParamSpec {
            name: "put.max_strike",
            kind: ParamKind::OptionalNumber { min: Decimal::ONE, max: Decimal::ONE_HUNDRED },
            default: "none",
            about: "",
        },
        ParamSpec {
            name: "contracts",
            kind: ParamKind::OptionalWhole { min: 1, max: 5 },
            default: "none",
            about: "",
        },
        ParamSpec { name: "itm", kind: ParamKind::Flag, default: "false", about: "" },
    ];

    fn read(pairs: &[(&str, &str)]) -> Result<Values, ParamError> {
        Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))).read("test", SPECS)
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let values = read(&[("weights", "60, 40")]).unwrap();
        assert_eq!((values.whole("n"), values.word("every")), (3, "week"));
        assert_eq!(values.number("part"), Decimal::new(5, 1));
        assert_eq!(values.list("weights"), [Decimal::from(60), Decimal::from(40)]);
        assert!(read(&[]).unwrap().list("weights").is_empty());
    }

    #[test]
    fn errors_name_what_and_the_range() {
        for (name, text, said) in [
            ("n", "10", "parameter n: found '10', allowed 2 to 9"),
            ("n", "2.5", "parameter n: found '2.5', allowed 2 to 9"),
            ("part", "NaN", "parameter part: found 'NaN', allowed 0 to 1"),
            ("every", "year", "parameter every: found 'year', allowed day, week"),
            (
                "weights",
                "60,x",
                "parameter weights: found '60,x', allowed numbers of 0 to 100 with commas between them",
            ),
            (
                "\u{1b}[31m",
                "1",
                "parameter \\u{1b}[31m is not known to test; \
                 it has n, part, every, weights, symbols, put.max_strike, contracts, itm",
            ),
            (
                "symbols",
                "AAPL,BTC-USD",
                "parameter symbols: found 'AAPL,BTC-USD', allowed up to 2 tickers with commas between them, each once",
            ),
            (
                "symbols",
                "AAPL,aapl",
                "parameter symbols: found 'AAPL,aapl', allowed up to 2 tickers with commas between them, each once",
            ),
            ("put.max_strike", "0", "parameter put.max_strike: found '0', allowed 1 to 100, or none"),
            ("contracts", "9", "parameter contracts: found '9', allowed 1 to 5, or none"),
            ("itm", "yes", "parameter itm: found 'yes', allowed true, false"),
        ] {
            assert_eq!(read(&[(name, text)]).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn groups_lists_and_nothing_come_from_json() {
        let object = serde_json::json!({
            "n": 4, "part": "0.25", "weights": [60, "40"], "symbols": ["AAPL", "MSFT"],
            "put": {"max_strike": 90.5}, "contracts": null, "itm": true,
        });
        let params = Params::from_json(object.as_object().unwrap()).unwrap();
        let values = params.read("test", SPECS).unwrap();
        assert_eq!((values.whole("n"), values.number("part")), (4, Decimal::new(25, 2)));
        assert_eq!(values.optional("put.max_strike"), Some(Decimal::new(905, 1)));
        assert_eq!((values.optional("contracts"), values.flag("itm")), (None, true));
        let symbols: Vec<&str> = values.symbols("symbols").iter().map(Symbol::as_str).collect();
        assert_eq!(symbols, ["AAPL", "MSFT"]);
        let error = |object: serde_json::Value| {
            Params::from_json(object.as_object().unwrap()).unwrap_err().to_string()
        };
        let said = "parameter a.b: allowed are numbers, words, true, false, null and lists of them";
        assert_eq!(error(serde_json::json!({"a": {"b": [[1]]}})), said);
        let deep = serde_json::json!({"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}});
        assert!(error(deep).starts_with("parameter a.a.a.a.a:"));
    }
}
