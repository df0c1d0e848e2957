//! A kind's parameters as JSON Schema 2020-12, from which forms are drawn and files are checked.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::domain::money::canonical;

use super::params::NONE;
use super::registry::StrategyKind;
use super::{ParamKind, ParamSpec};

impl StrategyKind {
    /// Its parameters as an object schema: groups are objects, in the order of the parameters.
    #[must_use]
    pub fn json_schema(&self) -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.about,
            "type": "object",
            "additionalProperties": false,
            "properties": properties(self.params),
        })
    }
}

fn properties(params: &[ParamSpec]) -> Map<String, Value> {
    let mut all = Map::new();
    for spec in params {
        put(&mut all, spec.name, property(spec));
    }
    all
}

/// Puts a schema where its name says, making the groups on the way.
fn put(within: &mut Map<String, Value>, name: &str, schema: Value) {
    let Some((group, inner)) = name.split_once('.') else {
        within.insert(name.to_owned(), schema);
        return;
    };
    let group = within
        .entry(group)
        .or_insert_with(|| json!({"type": "object", "additionalProperties": false, "properties": {}}));
    if let Some(inside) = group.get_mut("properties").and_then(Value::as_object_mut) {
        put(inside, inner, schema);
    }
}

fn property(spec: &ParamSpec) -> Value {
    let range = |kind: Value, min: Decimal, max: Decimal| json!({"type": kind, "minimum": number(min), "maximum": number(max)});
    let mut schema = match spec.kind {
        ParamKind::Whole { min, max } => range(json!("integer"), min.into(), max.into()),
        ParamKind::Number { min, max } => range(json!("number"), min, max),
        ParamKind::OptionalWhole { min, max } => range(json!(["integer", "null"]), min.into(), max.into()),
        ParamKind::OptionalNumber { min, max } => range(json!(["number", "null"]), min, max),
        ParamKind::Flag => json!({"type": "boolean"}),
        ParamKind::Choice(words) => json!({"type": "string", "enum": words}),
        ParamKind::Symbols { most } => {
            json!({"type": "array", "items": {"type": "string"}, "maxItems": most, "uniqueItems": true})
        }
        ParamKind::List { min, max } => {
            json!({"type": "array", "items": range(json!("number"), min, max)})
        }
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert("default".to_owned(), default(spec));
        object.insert("description".to_owned(), spec.about.into());
    }
    schema
}

fn default(spec: &ParamSpec) -> Value {
    let numbers =
        || spec.default.split(',').filter(|text| !text.is_empty()).map(|text| number_text(text.trim()));
    match spec.kind {
        ParamKind::Whole { .. } | ParamKind::Number { .. } => number_text(spec.default),
        ParamKind::OptionalWhole { .. } | ParamKind::OptionalNumber { .. } if spec.default == NONE => {
            Value::Null
        }
        ParamKind::OptionalWhole { .. } | ParamKind::OptionalNumber { .. } => number_text(spec.default),
        ParamKind::Flag => (spec.default == "true").into(),
        ParamKind::Choice(_) => spec.default.into(),
        ParamKind::List { .. } => numbers().collect(),
        ParamKind::Symbols { .. } => spec.default.split(',').filter(|text| !text.is_empty()).collect(),
    }
}

fn number(value: Decimal) -> Value {
    number_text(&canonical(value))
}

fn number_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[cfg(test)]
mod tests {
    use super::super::{KINDS, Params};
    use super::*;

    #[test]
    fn groups_are_objects_and_every_default_is_allowed() {
        const SPECS: &[ParamSpec] = &[
            ParamSpec {
                name: "put.delta",
                kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::ONE },
                default: "0.30",
                about: "largest delta",
            },
            ParamSpec {
                name: "put.max_strike",
                kind: ParamKind::OptionalNumber { min: Decimal::ZERO, max: Decimal::TEN },
                default: "none",
                about: "highest strike",
            },
            ParamSpec {
                name: "symbols",
                kind: ParamKind::Symbols { most: 3 },
                default: "",
                about: "tickers",
            },
            ParamSpec { name: "itm", kind: ParamKind::Flag, default: "false", about: "in the money" },
        ];
        let expect = json!({
            "put": {"type": "object", "additionalProperties": false, "properties": {
                "delta": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.3, "description": "largest delta"},
                "max_strike": {"type": ["number", "null"], "minimum": 0, "maximum": 10, "default": null, "description": "highest strike"},
            }},
            "symbols": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "uniqueItems": true, "default": [], "description": "tickers"},
            "itm": {"type": "boolean", "default": false, "description": "in the money"},
        });
        assert_eq!(Value::Object(properties(SPECS)), expect);
    }

    /// What a form shows first must be what the strategy takes: the defaults go through JSON and back.
    #[test]
    fn the_defaults_of_every_kind_read_back() {
        fn values(schema: &Value) -> Map<String, Value> {
            let properties = schema["properties"].as_object().unwrap();
            let value = |inner: &Value| match inner.get("default") {
                Some(default) => default.clone(),
                None => Value::Object(values(inner)),
            };
            properties.iter().map(|(name, inner)| (name.clone(), value(inner))).collect()
        }
        for kind in KINDS {
            let params = Params::from_json(&values(&kind.json_schema())).unwrap();
            let read = params.read(kind.name, kind.params).unwrap();
            assert_eq!(read, Params::default().read(kind.name, kind.params).unwrap(), "{}", kind.name);
            assert_eq!(params.pairs().count(), kind.params.len());
        }
    }
}
