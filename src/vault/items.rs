//! What is inside: secrets by name, and their JSON. A value is exposed here to be written, and where it is asked for by its connector.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Listed, VaultError};

/// Longest name of a secret.
const NAME_LENGTH_MAX: usize = 64;
/// Longest value in bytes: a private key of 4,096 bits in PEM form has some 3,300.
const VALUE_BYTES_MAX: usize = 32_768;
/// Secrets of one vault.
const ITEMS_MAX: usize = 200;
/// Version of the JSON.
const VERSION: u32 = 1;
/// Names that begin so are the program's own: not listed, not set by hand.
const OWN: &str = "arbion.";
/// Characters that a listing shows of a value, and how long the value must be at least for that.
const SHOWN: (usize, usize) = (4, 12);

/// The name of a secret, such as `brokers.alpaca.secret`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it the program's own, which nobody sets by hand.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.0.starts_with(OWN)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for SecretName {
    type Err = VaultError;
    fn from_str(text: &str) -> Result<Self, VaultError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        let good = text.len() <= NAME_LENGTH_MAX
            && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
            && text.bytes().all(allowed);
        if good {
            return Ok(Self(text.to_owned()));
        }
        let found = text.chars().take(NAME_LENGTH_MAX).flat_map(char::escape_default).collect();
        Err(VaultError::BadName { found, allowed: NAME_LENGTH_MAX })
    }
}

struct Item {
    value: SecretString,
    changed_at: Timestamp,
}

/// Secrets by name.
#[derive(Default)]
pub(super) struct Items {
    items: BTreeMap<String, Item>,
    /// Keys beside the vault's own that it is sealed to: how a trader gets in who has lost the first.
    pub(super) recovery: Vec<String>,
}

/// The JSON, whose values live as long as the sealing takes.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    version: u32,
    #[serde(default)]
    recovery: Vec<String>,
    #[serde(borrow)]
    items: BTreeMap<String, DocumentItem<'a>>,
}

#[derive(Serialize, Deserialize)]
struct DocumentItem<'a> {
    #[serde(borrow)]
    value: std::borrow::Cow<'a, str>,
    changed_at: Timestamp,
}

impl Items {
    pub(super) fn get(&self, name: &SecretName) -> Result<SecretString, VaultError> {
        let item = self.items.get(name.as_str());
        item.map(|item| item.value.clone()).ok_or_else(|| VaultError::NoSecret(name.to_string()))
    }

    /// Sets a value; returns what a listing shows of the one before.
    pub(super) fn set(
        &mut self,
        name: &SecretName,
        value: &SecretString,
        now: Timestamp,
    ) -> Result<Option<String>, VaultError> {
        check(value)?;
        let known = self.items.get(name.as_str());
        if known.is_none() && self.items.len() >= ITEMS_MAX {
            return Err(VaultError::Full(ITEMS_MAX));
        }
        let before = known.map(|item| last_four(&item.value));
        self.items.insert(name.as_str().to_owned(), Item { value: value.clone(), changed_at: now });
        Ok(before)
    }

    pub(super) fn remove(&mut self, name: &SecretName) -> Result<(), VaultError> {
        let gone = self.items.remove(name.as_str());
        gone.map(drop).ok_or_else(|| VaultError::NoSecret(name.to_string()))
    }

    /// Everything a person has set, by name.
    pub(super) fn list(&self) -> Vec<Listed> {
        let row = |(name, item): (&String, &Item)| Listed {
            name: SecretName(name.clone()),
            last_four: last_four(&item.value),
            changed_at: item.changed_at,
        };
        self.items.iter().map(row).filter(|listed| !listed.name.is_own()).collect()
    }

    /// The document to be sealed.
    pub(super) fn to_json(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let row = |item: &Item| item.value.expose_secret().len() + 256;
        // With room for all of it, escapes and all, so that no half-grown copy stays in memory.
        let room = 1_024 + 2 * self.items.values().map(row).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        let items = self.items.iter().map(|(name, item)| {
            let value = std::borrow::Cow::Borrowed(item.value.expose_secret());
            (name.clone(), DocumentItem { value, changed_at: item.changed_at })
        });
        let document = Document { version: VERSION, recovery: self.recovery.clone(), items: items.collect() };
        serde_json::to_writer(&mut *bytes, &document)
            .map_err(|error| VaultError::Io { path: path.to_owned(), reason: error.to_string() })?;
        Ok(bytes)
    }

    /// Reads an opened document.
    pub(super) fn from_json(path: &Path, bytes: &[u8]) -> Result<Self, VaultError> {
        // The parser's own words could quote what it read.
        let document: Document<'_> = serde_json::from_slice(bytes).map_err(|error| {
            VaultError::damaged(path, format!("its contents are no vault's, column {}", error.column()))
        })?;
        if document.version != VERSION {
            let detail = format!("version {}, this program knows {VERSION}", document.version);
            return Err(VaultError::damaged(path, detail));
        }
        let mut items = BTreeMap::new();
        for (name, item) in document.items {
            let value = match item.value {
                std::borrow::Cow::Borrowed(text) => SecretString::from(text.to_owned()),
                std::borrow::Cow::Owned(text) => SecretString::from(text),
            };
            // Whoever has the key may have written it: what this program would not keep it does not show either.
            let sound = name.parse::<SecretName>().is_ok() && check(&value).is_ok();
            if !sound || items.len() >= ITEMS_MAX {
                return Err(VaultError::damaged(path, "it holds what no secret can be"));
            }
            items.insert(name, Item { value, changed_at: item.changed_at });
        }
        Ok(Self { items, recovery: document.recovery })
    }
}

fn check(value: &SecretString) -> Result<(), VaultError> {
    let text = value.expose_secret();
    if text.is_empty() || text.len() > VALUE_BYTES_MAX {
        return Err(VaultError::BadLength { found: text.len(), allowed: VALUE_BYTES_MAX });
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(VaultError::BadValue);
    }
    Ok(())
}

/// The end of a value, where the value is long enough that its end gives nothing away.
fn last_four(value: &SecretString) -> String {
    let text = value.expose_secret().trim_end();
    let length = text.chars().count();
    // A value of several lines may end in one of less than four characters.
    let end = text.chars().skip(length.saturating_sub(SHOWN.0)).filter(|c| !c.is_control());
    if length < SHOWN.1 { String::new() } else { end.collect() }
}
