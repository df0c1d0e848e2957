//! Ticker symbols.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest symbol any venue of ours has.
pub const SYMBOL_LENGTH_MAX: usize = 24;

/// A ticker symbol: upper-case ASCII letters, digits and `.` `-` `/` `^` `=`, 1 to 24 characters.
///
/// In place, padded with zeros: every quote, order and position is looked up by one, so comparing must not follow a pointer.
#[derive(Clone)]
pub struct Symbol([u8; SYMBOL_LENGTH_MAX]);

impl Symbol {
    /// Reads a symbol; lower case is raised.
    ///
    /// # Errors
    /// The text when it is empty, too long, or has characters no symbol has (so no control or look-alike character passes).
    pub fn new(text: &str) -> Result<Self, SymbolError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'/' | b'^' | b'=');
        if text.is_empty() || text.len() > SYMBOL_LENGTH_MAX || !text.bytes().all(allowed) {
            return Err(SymbolError {
                text: text.chars().take(SYMBOL_LENGTH_MAX).flat_map(char::escape_default).collect(),
            });
        }
        let mut bytes = [0; SYMBOL_LENGTH_MAX];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from.to_ascii_uppercase();
        }
        Ok(Self(bytes))
    }

    /// The symbol as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(SYMBOL_LENGTH_MAX);
        std::str::from_utf8(&self.0[..length]).expect("a symbol is ASCII")
    }

    /// The text as three numbers that sort as it does: no character of a symbol is zero, so the shorter of two comes first.
    #[inline]
    const fn words(&self) -> (u64, u64, u64) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x] = self.0;
        (
            u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            u64::from_be_bytes([i, j, k, l, m, n, o, p]),
            u64::from_be_bytes([q, r, s, t, u, v, w, x]),
        )
    }
}

impl PartialEq for Symbol {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Symbol {}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().hash(state);
    }
}

impl Ord for Symbol {
    /// Most of what is looked up is found, and whether two are equal is told faster than which comes first.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0 == other.0 {
            return Ordering::Equal;
        }
        self.words().cmp(&other.words())
    }
}

impl PartialOrd for Symbol {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A text that is no symbol. The text is shown escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a symbol (1 to 24 ASCII letters, digits, '.', '-' or '/')")]
pub struct SymbolError {
    /// The text as given, escaped and shortened.
    pub text: String,
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({})", self.as_str())
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;
    fn from_str(text: &str) -> Result<Self, SymbolError> {
        Self::new(text)
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_refuse_control_and_look_alike_characters() {
        assert_eq!(Symbol::new("brk.b").unwrap().as_str(), "BRK.B");
        for bad in ["", "AA PL", "\u{0391}APL", "A\u{1b}[31m", "A\u{202e}B", "AAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let error = Symbol::new(bad).unwrap_err();
            assert!(error.to_string().is_ascii(), "{error}");
        }
    }
}
