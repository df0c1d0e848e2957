//! A bot's own parameters: a flat JSON Schema that forms are drawn from, and what a person typed read by it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::domain::money::parse_decimal;
use crate::domain::strategy::ParamView;

/// Parameters of one bot at most.
const PARAMS_MAX: usize = 64;
/// Characters of a text parameter.
const TEXT_MAX: usize = 1_000;

/// A schema that cannot be used, or a value that it does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// No schema that forms can be drawn from.
    #[error("the schema of its parameters: {0}")]
    Schema(String),
    /// No such parameter.
    #[error("parameter {name} is not known to the bot; it has {known}")]
    Unknown {
        /// As typed.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Not allowed.
    #[error("parameter {name}: found '{found}', allowed {allowed}")]
    Value {
        /// Which.
        name: String,
        /// As typed.
        found: String,
        /// What may stand there.
        allowed: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Whole,
    Number,
    Flag,
    Text,
    Choice(Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
struct Param {
    name: String,
    kind: Kind,
    min: Option<Decimal>,
    max: Option<Decimal>,
    default: Value,
    about: String,
}

/// The parameters of a bot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParamSchema(Vec<Param>);

fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

impl ParamSchema {
    /// Reads a JSON Schema of one flat object: integers, numbers, booleans, strings and enums of strings, each with a default.
    ///
    /// # Errors
    /// Says what of it a form cannot be drawn from.
    pub fn parse(text: &str) -> Result<Self, ParamsError> {
        let schema: Value =
            serde_json::from_str(text).map_err(|error| ParamsError::Schema(error.to_string()))?;
        if schema["type"] != "object" {
            return Err(ParamsError::Schema("its type must be object".to_owned()));
        }
        let empty = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        if properties.len() > PARAMS_MAX {
            return Err(ParamsError::Schema(format!("it has more than {PARAMS_MAX} properties")));
        }
        properties.iter().map(|(name, property)| read(name, property)).collect::<Result<_, _>>().map(Self)
    }

    /// For forms and help.
    #[must_use]
    pub fn views(&self) -> Vec<ParamView> {
        self.0
            .iter()
            .map(|param| ParamView {
                name: param.name.clone(),
                default: text_of(&param.default),
                allowed: param.allowed(),
                choices: match &param.kind {
                    Kind::Choice(words) => words.clone(),
                    _ => Vec::new(),
                },
                about: param.about.clone(),
            })
            .collect()
    }

    /// What a person typed, as the bot is told it: every parameter, those not typed with their defaults.
    ///
    /// # Errors
    /// Names the first that is not known or not allowed.
    pub fn read(&self, typed: &BTreeMap<String, String>) -> Result<Map<String, Value>, ParamsError> {
        if let Some(name) = typed.keys().find(|name| self.0.iter().all(|param| param.name != **name)) {
            let known: Vec<&str> = self.0.iter().map(|param| param.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(ParamsError::Unknown { name: shown(name), known });
        }
        self.0
            .iter()
            .map(|param| {
                let value = match typed.get(&param.name) {
                    None => param.default.clone(),
                    Some(text) => param.value(text).ok_or_else(|| ParamsError::Value {
                        name: param.name.clone(),
                        found: shown(text),
                        allowed: param.allowed(),
                    })?,
                };
                Ok((param.name.clone(), value))
            })
            .collect()
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn read(name: &str, property: &Value) -> Result<Param, ParamsError> {
    let wrong = |what: &str| ParamsError::Schema(format!("property {}: {what}", shown(name)));
    let words = property["enum"].as_array().map(|list| {
        list.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
    });
    let kind = match (property["type"].as_str(), words) {
        (_, Some(None)) => return Err(wrong("an enum must be of strings")),
        (_, Some(Some(words))) => Kind::Choice(words),
        (Some("integer"), None) => Kind::Whole,
        (Some("number"), None) => Kind::Number,
        (Some("boolean"), None) => Kind::Flag,
        (Some("string"), None) => Kind::Text,
        _ => return Err(wrong("allowed types are integer, number, boolean, string and an enum of strings")),
    };
    let bound = |key: &str| match &property[key] {
        Value::Null => Ok(None),
        value => {
            parse_decimal(&value.to_string()).map(Some).map_err(|_| wrong(&format!("{key} is no number")))
        }
    };
    let mut param = Param {
        name: name.to_owned(),
        kind,
        min: bound("minimum")?,
        max: bound("maximum")?,
        default: Value::Null,
        about: property["description"].as_str().unwrap_or_default().chars().take(200).collect(),
    };
    param.default = param
        .value(&text_of(&property["default"]))
        .ok_or_else(|| wrong("its default is missing or not allowed"))?;
    Ok(param)
}

impl Param {
    fn allowed(&self) -> String {
        let range = match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{} to {}", min.normalize(), max.normalize()),
            (Some(min), None) => format!("{} or more", min.normalize()),
            (None, Some(max)) => format!("{} or less", max.normalize()),
            (None, None) => String::new(),
        };
        match &self.kind {
            Kind::Whole if range.is_empty() => "a whole number".to_owned(),
            Kind::Number if range.is_empty() => "a number".to_owned(),
            Kind::Whole | Kind::Number => range,
            Kind::Flag => "true, false".to_owned(),
            Kind::Text => format!("up to {TEXT_MAX} characters"),
            Kind::Choice(words) => words.join(", "),
        }
    }

    fn value(&self, text: &str) -> Option<Value> {
        let within = |number: Decimal| {
            self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max)
        };
        match &self.kind {
            Kind::Whole => {
                let number: i64 = text.parse().ok()?;
                within(Decimal::from(number)).then(|| number.into())
            }
            Kind::Number => {
                let number = parse_decimal(text).ok()?;
                within(number).then(|| serde_json::from_str(&number.normalize().to_string()).ok()).flatten()
            }
            Kind::Flag => text.parse::<bool>().ok().map(Value::Bool),
            Kind::Text => (text.chars().count() <= TEXT_MAX && text != "null").then(|| text.into()),
            Kind::Choice(words) => words.iter().find(|word| *word == text).map(|word| word.as_str().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "window": {"type": "integer", "minimum": 2, "maximum": 200, "default": 20, "description": "bars"},
        "width": {"type": "number", "minimum": 0.5, "default": 2.0},
        "short": {"type": "boolean", "default": false},
        "style": {"enum": ["slow", "fast"], "default": "slow"}
    }}"#;

    #[test]
    fn what_is_typed_is_read_by_the_schema() {
        let schema = ParamSchema::parse(SCHEMA).unwrap();
        let typed = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            schema.read(&pairs).map(|read| Value::Object(read).to_string()).map_err(|e| e.to_string())
        };
        assert_eq!(typed(&[]).unwrap(), r#"{"short":false,"style":"slow","width":2,"window":20}"#);
        assert_eq!(
            typed(&[("window", "5"), ("style", "fast")]).unwrap(),
            r#"{"short":false,"style":"fast","width":2,"window":5}"#
        );
        for (name, value, said) in [
            ("window", "1", "parameter window: found '1', allowed 2 to 200"),
            ("window", "2.5", "parameter window: found '2.5', allowed 2 to 200"),
            ("width", "x", "parameter width: found 'x', allowed 0.5 or more"),
            ("style", "x", "parameter style: found 'x', allowed slow, fast"),
            ("size", "1", "parameter size is not known to the bot; it has short, style, width, window"),
        ] {
            assert_eq!(typed(&[(name, value)]).unwrap_err(), said);
        }
        assert_eq!(schema.views()[3].default, "20");
    }

    #[test]
    fn a_schema_that_no_form_can_be_drawn_from_is_refused() {
        for (text, said) in [
            ("[]", "its type must be object"),
            (r#"{"type":"object","properties":{"a":{"type":"array"}}}"#, "property a: allowed types"),
            (r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#, "property a: its default"),
            (
                r#"{"type":"object","properties":{"a":{"enum":[1],"default":1}}}"#,
                "an enum must be of strings",
            ),
        ] {
            let error = ParamSchema::parse(text).unwrap_err();
            assert!(matches!(error, ParamsError::Schema(_)) && error.to_string().contains(said), "{error}");
        }
    }
}
