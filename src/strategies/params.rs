//! Parameters as text pairs (`--set fast=10`), read with a range and named in every error.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

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
    /// No such strategy.
    #[error("no strategy is called '{name}'; there are {known}")]
    Kind {
        /// The name as given.
        name: String,
        /// The strategies.
        known: String,
    },
}

/// Parameters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// From pairs; the last of two with one name counts.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// Reads one, or its default.
    ///
    /// # Errors
    /// When the text is no such number or outside of the range (both ends allowed).
    pub fn get<T>(&self, name: &str, default: T, min: T, max: T) -> Result<T, ParamError>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = self.0.get(name) else { return Ok(default) };
        match text.parse::<T>() {
            Ok(value) if value >= min && value <= max => Ok(value),
            _ => Err(ParamError::Value {
                name: name.to_owned(),
                found: text.chars().take(40).flat_map(char::escape_default).collect(),
                allowed: format!("{min} to {max}"),
            }),
        }
    }

    /// Makes sure that no other names were given.
    ///
    /// # Errors
    /// Names the first one that is not known.
    pub fn only(&self, kind: &str, known: &[&str]) -> Result<(), ParamError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(ParamError::Unknown {
                name: name.chars().take(40).flat_map(char::escape_default).collect(),
                kind: kind.to_owned(),
                known: known.join(", "),
            }),
            None => Ok(()),
        }
    }
}
