//! A bot's own parameters: a JSON Schema that forms are drawn from, and what a person typed read by it. What lies in an object within an
//! object has a name with a dot, as in `exit.stop`; a list is typed with commas.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::domain::money::parse_decimal;
use crate::domain::strategy::ParamView;

/// Parameters of one bot at most.
const PARAMS_MAX: usize = 64;
/// Characters of a text parameter.
const TEXT_MAX: usize = 1_000;
/// Objects within objects.
const DEPTH_MAX: usize = 4;
/// Entries of a list, where its schema says nothing.
const ITEMS_MAX: u64 = 100;

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
    /// One of these, as they are typed and as the bot is told them.
    Choice(Vec<(String, Value)>),
    /// Several of one kind: of what, and how many.
    List(Box<Param>, u64, u64),
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
    /// Reads a JSON Schema of one object: integers, numbers, booleans, strings, enums, lists of those, and objects of all of them, each with
    /// a default, its own or that of an object around it.
    ///
    /// # Errors
    /// Says what of it a form cannot be drawn from.
    pub fn parse(text: &str) -> Result<Self, ParamsError> {
        let schema: Value =
            serde_json::from_str(text).map_err(|error| ParamsError::Schema(error.to_string()))?;
        if schema["type"] != "object" {
            return Err(ParamsError::Schema("its type must be object".to_owned()));
        }
        let mut params = Vec::new();
        gather("", &schema, &schema["default"], 0, &mut params)?;
        if params.len() > PARAMS_MAX {
            return Err(ParamsError::Schema(format!("it has more than {PARAMS_MAX} properties")));
        }
        Ok(Self(params))
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
                    Kind::Choice(words) => words.iter().map(|(word, _)| word.clone()).collect(),
                    Kind::Flag => vec!["true".to_owned(), "false".to_owned()],
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
        let mut read = Map::new();
        for param in &self.0 {
            let value = match typed.get(&param.name) {
                None => param.default.clone(),
                Some(text) => param.value(text).ok_or_else(|| ParamsError::Value {
                    name: param.name.clone(),
                    found: shown(text),
                    allowed: param.allowed(),
                })?,
            };
            put(&mut read, &param.name, value);
        }
        Ok(read)
    }
}

/// As it is typed.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text_of).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Puts a value where its name says: `a.b` is `b` of the object `a`.
fn put(into: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((first, rest)) = name.split_once('.') else { return drop(into.insert(name.to_owned(), value)) };
    let within = into.entry(first).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(within) = within {
        put(within, rest, value);
    }
}

/// The properties of an object, and of the objects in it. `default` is the object's own, and holds for what has none.
fn gather(
    within: &str,
    schema: &Value,
    default: &Value,
    depth: usize,
    params: &mut Vec<Param>,
) -> Result<(), ParamsError> {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let full = if within.is_empty() { name.clone() } else { format!("{within}.{name}") };
        let wrong = |what: &str| ParamsError::Schema(format!("property {}: {what}", shown(&full)));
        if name.is_empty() || name.contains(['.', '=']) {
            return Err(wrong("a name has no '.' and no '='"));
        }
        let default = if property["default"].is_null() { &default[name] } else { &property["default"] };
        if property["type"] == "object" {
            if depth == DEPTH_MAX {
                return Err(wrong("too many objects within objects"));
            }
            gather(&full, property, default, depth + 1, params)?;
        } else {
            params.push(read(&full, property, default)?);
        }
    }
    Ok(())
}

fn read(name: &str, property: &Value, default: &Value) -> Result<Param, ParamsError> {
    let mut param = kind_of(name, property)?;
    let typed = (!default.is_null()).then(|| text_of(default));
    param.default = typed.and_then(|text| param.value(&text)).ok_or_else(|| {
        ParamsError::Schema(format!("property {}: its default is missing or not allowed", shown(name)))
    })?;
    Ok(param)
}

/// What may stand there, without its default.
fn kind_of(name: &str, property: &Value) -> Result<Param, ParamsError> {
    let wrong = |what: &str| ParamsError::Schema(format!("property {}: {what}", shown(name)));
    let words = property["enum"].as_array().map(|list| {
        let plain = |value: &&Value| value.is_string() || value.is_number() || value.is_boolean();
        let words: Vec<_> = list.iter().filter(plain).map(|word| (text_of(word), word.clone())).collect();
        (words.len() == list.len() && !words.is_empty()).then_some(words)
    });
    let kind = match (property["type"].as_str(), words) {
        (_, Some(None)) => return Err(wrong("an enum must be of strings, numbers and booleans")),
        (_, Some(Some(words))) => Kind::Choice(words),
        (Some("array"), None) => {
            let item = kind_of(name, &property["items"])?;
            if matches!(item.kind, Kind::List(..)) {
                return Err(wrong("a list of lists"));
            }
            let count = |key: &str, usual| match &property[key] {
                Value::Null => Ok(usual),
                value => value.as_u64().ok_or_else(|| wrong(&format!("{key} is no count"))),
            };
            Kind::List(Box::new(item), count("minItems", 0)?, count("maxItems", ITEMS_MAX)?)
        }
        (Some("integer"), None) => Kind::Whole,
        (Some("number"), None) => Kind::Number,
        (Some("boolean"), None) => Kind::Flag,
        (Some("string"), None) => Kind::Text,
        _ => {
            return Err(wrong(
                "allowed types are integer, number, boolean, string, object, an enum, and an array of such",
            ));
        }
    };
    let bound = |key: &str| match &property[key] {
        Value::Null => Ok(None),
        value => {
            parse_decimal(&value.to_string()).map(Some).map_err(|_| wrong(&format!("{key} is no number")))
        }
    };
    Ok(Param {
        name: name.to_owned(),
        kind,
        min: bound("minimum")?,
        max: bound("maximum")?,
        default: Value::Null,
        about: property["description"].as_str().unwrap_or_default().chars().take(200).collect(),
    })
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
            Kind::Choice(words) => words.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(", "),
            Kind::List(item, min, max) => {
                format!("{min} to {max}, with commas between, of: {}", item.allowed())
            }
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
            Kind::Choice(words) => {
                words.iter().find(|(word, _)| word == text).map(|(_, value)| value.clone())
            }
            Kind::List(item, min, max) => {
                let parts = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
                let list: Option<Vec<Value>> = parts.map(|part| item.value(part)).collect();
                let list = list.filter(|list| (*min..=*max).contains(&(list.len() as u64)))?;
                Some(Value::Array(list))
            }
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

    const NESTED: &str = r#"{"type": "object", "properties": {
        "exit": {"type": "object", "default": {"stop": 5}, "properties": {
            "stop": {"type": "number", "minimum": 1, "maximum": 50},
            "hours": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 23}, "minItems": 1,
                "maxItems": 3, "default": [10, 15]},
            "deep": {"type": "object", "properties": {"on": {"type": "boolean", "default": true}}}
        }},
        "level": {"enum": [1, 2.5, "max"], "default": 2.5},
        "names": {"type": "array", "items": {"enum": ["a", "b"]}, "default": []}
    }}"#;

    #[test]
    fn objects_lists_and_enums_are_typed_as_text_and_told_as_json() {
        let schema = ParamSchema::parse(NESTED).unwrap();
        let names: Vec<String> = schema.views().into_iter().map(|view| view.name).collect();
        assert_eq!(names, ["exit.deep.on", "exit.hours", "exit.stop", "level", "names"]);
        assert_eq!(schema.views()[1].default, "10,15");
        assert_eq!(schema.views()[1].allowed, "1 to 3, with commas between, of: 0 to 23");
        assert_eq!(schema.views()[3].choices, ["1", "2.5", "max"]);
        let typed = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            schema.read(&pairs).map(|read| Value::Object(read).to_string()).map_err(|e| e.to_string())
        };
        assert_eq!(
            typed(&[]).unwrap(),
            r#"{"exit":{"deep":{"on":true},"hours":[10,15],"stop":5},"level":2.5,"names":[]}"#
        );
        assert_eq!(
            typed(&[("exit.hours", "9, 12"), ("level", "max"), ("names", "b,a"), ("exit.deep.on", "false")])
                .unwrap(),
            r#"{"exit":{"deep":{"on":false},"hours":[9,12],"stop":5},"level":"max","names":["b","a"]}"#
        );
        for (name, value) in [
            ("exit.hours", ""),
            ("exit.hours", "1,2,3,4"),
            ("exit.hours", "24"),
            ("exit.stop", "0"),
            ("level", "3"),
            ("names", "c"),
        ] {
            assert!(
                typed(&[(name, value)]).unwrap_err().contains(&format!("parameter {name}: found")),
                "{name}"
            );
        }
        assert!(typed(&[("exit", "1")]).unwrap_err().contains("parameter exit is not known"));
    }

    #[test]
    fn a_schema_that_no_form_can_be_drawn_from_is_refused() {
        for (text, said) in [
            ("[]", "its type must be object"),
            (r#"{"type":"object","properties":{"a":{"type":"array"}}}"#, "property a: allowed types"),
            (r#"{"type":"object","properties":{"a.b":{"type":"string","default":""}}}"#, "a name has no '.'"),
            (
                r#"{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"null"}}}}}"#,
                "property a.b: allowed types",
            ),
            (
                r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"array","items":{"type":"string"}}}}}"#,
                "property a: a list of lists",
            ),
            (r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#, "property a: its default"),
            (
                r#"{"type":"object","properties":{"a":{"enum":[[1]],"default":1}}}"#,
                "an enum must be of strings",
            ),
        ] {
            let error = ParamSchema::parse(text).unwrap_err();
            assert!(matches!(error, ParamsError::Schema(_)) && error.to_string().contains(said), "{error}");
        }
    }
}
