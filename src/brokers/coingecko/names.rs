//! What symbols were found to mean, kept over restarts with its age: a search is asked for once, and not at every start. Pure, but for the shelf
//! that whoever opens the prices brings.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::coins::Meaning;

/// Symbols whose meaning is kept.
const KEPT_MAX: usize = 5_000;
/// How long a coin that was found is believed to be meant.
const FOUND_FRESH: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long it is believed that a symbol means none, or several: the next coin may be called so tomorrow.
const MISSING_FRESH: SignedDuration = SignedDuration::from_hours(24);

/// Where what is kept lies, as one text.
pub trait Shelf: Send + Sync {
    /// What was put there last; `None` where that is nothing, or cannot be read.
    fn load(&self) -> Option<String>;
    /// Puts it there. That it cannot be is no reason to stop: it is asked for again at the next start.
    fn save(&self, text: &str);
}

/// An answer with its age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    /// What was asked about, where it was not the symbol: the contract that a person said it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    meaning: Meaning,
    asked_at: Timestamp,
}

/// Answers by symbol.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    coins: BTreeMap<String, Named>,
}

impl Names {
    /// Reads what was kept. What cannot be read is asked for again.
    #[must_use]
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(broker = super::BROKER, %error, "the names of coins that were kept cannot be read");
            Self::default()
        })
    }

    /// What is to be kept.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a symbol, or the contract it was said to be of, was found to mean, where that is young enough.
    #[must_use]
    pub fn get(&self, symbol: &str, of: Option<&str>, now: Timestamp) -> Option<Meaning> {
        let named = self.coins.get(symbol).filter(|named| named.of.as_deref() == of)?;
        let fresh = if matches!(named.meaning, Meaning::Coin(_)) { FOUND_FRESH } else { MISSING_FRESH };
        let age = now.duration_since(named.asked_at);
        // One from the future is of a clock that was wrong.
        (age < fresh && age > -MISSING_FRESH).then(|| named.meaning.clone())
    }

    /// Keeps what it was found to mean; the oldest makes room.
    pub fn put(&mut self, symbol: &str, of: Option<&str>, meaning: Meaning, now: Timestamp) {
        if self.coins.len() >= KEPT_MAX && !self.coins.contains_key(symbol) {
            let oldest = self.coins.iter().min_by_key(|(_, named)| named.asked_at);
            if let Some(oldest) = oldest.map(|(symbol, _)| symbol.clone()) {
                self.coins.remove(&oldest);
            }
        }
        let named = Named { of: of.map(str::to_owned), meaning, asked_at: now };
        self.coins.insert(symbol.to_owned(), named);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn answers_are_kept_as_long_as_they_are_believed() {
        let now = at("2026-03-05T12:00:00Z");
        let coin = || Meaning::Coin("foo-coin".to_owned());
        let several = || Meaning::Doubtful(vec!["a".to_owned(), "b".to_owned()]);
        let mut names = Names::default();
        names.put("FOO", None, coin(), now);
        names.put("BAR", None, several(), now);
        names.put("NOPE", None, Meaning::Nothing, now);
        names.put("TOK", Some("base:0xa"), coin(), now);
        let names = Names::read(&names.text());
        let later = |hours: i64| now + SignedDuration::from_hours(hours);
        for (symbol, of, hours, found) in [
            ("FOO", None, 0, Some(coin())),
            ("FOO", None, 719, Some(coin())),
            ("FOO", None, 720, None),
            ("FOO", None, -25, None),
            ("BAR", None, 23, Some(several())),
            ("BAR", None, 24, None),
            ("NOPE", None, 23, Some(Meaning::Nothing)),
            ("NOPE", None, 24, None),
            ("TOK", Some("base:0xa"), 1, Some(coin())),
            ("TOK", Some("base:0xb"), 1, None),
            ("TOK", None, 1, None),
            ("ELSE", None, 0, None),
        ] {
            assert_eq!(names.get(symbol, of, later(hours)), found, "{symbol} {of:?} {hours}");
        }
        for torn in ["", "{", "[]", r#"{"coins":{"A":1}}"#] {
            assert_eq!(Names::read(torn), Names::default(), "{torn}");
        }
    }

    #[test]
    fn the_oldest_makes_room() {
        let now = at("2026-03-05T12:00:00Z");
        let mut names = Names::default();
        for n in 0..=KEPT_MAX {
            let later = now + SignedDuration::from_secs(i64::try_from(n).unwrap());
            names.put(&format!("C{n}"), None, Meaning::Nothing, later);
        }
        assert_eq!(names.coins.len(), KEPT_MAX);
        assert_eq!(names.get("C0", None, now), None);
    }
}
