//! Identifiers. One type per idea, so that one can never stand where another belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use ulid::Ulid;

/// Our id of one order intent (FIX ClOrdID, tag 11): made once, before the journal row, and reused by every retry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId(Ulid);

impl ClientOrderId {
    /// Builds an id from the 48-bit millisecond time and 80 random bits.
    #[must_use]
    pub const fn from_parts(unix_ms: u64, random: u128) -> Self {
        Self(Ulid::from_parts(unix_ms, random))
    }

    /// The id as 128 bits: brokers that want UUIDs or hex strings encode these.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0.0
    }

    /// The id of these 128 bits.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(Ulid(bits))
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; ulid::ULID_LEN];
        f.pad(self.0.array_to_str(&mut buffer))
    }
}

impl fmt::Debug for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientOrderId({self})")
    }
}

/// A text that is no id of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a client order id (26 characters of Crockford's base 32)")]
pub struct IdError {
    /// The text as given, shortened.
    pub text: String,
}

impl FromStr for ClientOrderId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Ulid::from_string(text).map(Self).map_err(|_| IdError { text: text.chars().take(40).collect() })
    }
}

impl Serialize for ClientOrderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClientOrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The longest text that is kept in place, in bytes.
const IN_PLACE: usize = 23;

/// Digit by digit: every fill of a backtest has two of these, and formatting a number is ten times as dear.
fn numbered(letter: char, mut number: u64) -> SmolStr {
    // Four bytes of a letter, twenty digits.
    let mut text = [0; 24];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    at -= letter.len_utf8();
    letter.encode_utf8(&mut text[at..]);
    let text = std::str::from_utf8(&text[at..]).unwrap_or_default();
    if text.len() <= IN_PLACE { SmolStr::new_inline(text) } else { SmolStr::new(text) }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(SmolStr);

        impl $name {
            /// Wraps the text.
            #[must_use]
            pub fn new(text: impl Into<SmolStr>) -> Self {
                Self(text.into())
            }

            /// A letter and a number, as venues count: `x17`. Made in place, without an allocation.
            #[must_use]
            pub fn numbered(letter: char, number: u64) -> Self {
                Self(numbered(letter, number))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_id! {
    /// The broker's id of an order (FIX OrderID, tag 37).
    BrokerOrderId
}
text_id! {
    /// The broker's id of one fill (FIX ExecID, tag 17). Unique within an account.
    ExecutionId
}
text_id! {
    /// An account of the profile, such as `paper`.
    AccountId
}

impl AccountId {
    /// The account that a name as typed means: the one of that very name, else the only one whose name goes on from it after a dash, or whose
    /// broker is called so, as `alpaca` means `alpaca-paper`. A part of a word is no name, and of two that fit neither is taken. `known` are
    /// the accounts, each with its broker's word, or none.
    #[must_use]
    pub fn meant<'a>(
        name: &str,
        known: impl Iterator<Item = (&'a Self, Option<&'a str>)> + Clone,
    ) -> Option<&'a Self> {
        if let Some((same, _)) = known.clone().find(|(id, _)| id.as_str() == name) {
            return Some(same);
        }
        let fits = |(id, broker): &(&'a Self, Option<&'a str>)| {
            let goes_on = id.as_str().strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
            goes_on || *broker == Some(name)
        };
        let mut fitting = known.filter(fits);
        let (only, _) = fitting.next().filter(|_| !name.is_empty())?;
        fitting.next().is_none().then_some(only)
    }
}

/// The short number a user sees and types for an order: one sequence per profile, starting at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderNumber(pub u64);

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_order_ids_round_trip_and_sort_by_time() {
        let early = ClientOrderId::from_parts(1_000, 7);
        let late = ClientOrderId::from_parts(1_001, 0);
        assert!(early < late);
        assert_eq!(early.to_string().len(), 26);
        assert_eq!(early.to_string().parse::<ClientOrderId>().unwrap(), early);
        assert!("not-an-id".parse::<ClientOrderId>().is_err());
    }

    #[test]
    fn an_account_is_meant_by_its_name_or_the_beginning_of_one_alone() {
        let ids = |names: &[&str]| names.iter().copied().map(AccountId::new).collect::<Vec<_>>();
        let one = ids(&["paper", "alpaca-paper", "schwab-4821", "schwab-77", "coins"]);
        let broker = |id: &AccountId| match id.as_str() {
            "coins" => Some("coinbase"),
            "paper" => None,
            name => name.split('-').next().map(|word| if word == "alpaca" { "alpaca" } else { "schwab" }),
        };
        let meant = |name: &str, known: &[AccountId]| {
            let known = known.iter().map(|id| (id, broker(id)));
            AccountId::meant(name, known).map(|id| id.as_str().to_owned())
        };
        for (name, is) in [
            ("alpaca-paper", Some("alpaca-paper")),
            ("alpaca", Some("alpaca-paper")),
            ("paper", Some("paper")),
            ("coinbase", Some("coins")),
            // Two fit.
            ("schwab", None),
            // A part of a word, or nothing.
            ("alp", None),
            ("schwab-7", None),
            ("alpaca-paper-2", None),
            ("", None),
            ("live", None),
        ] {
            assert_eq!(meant(name, &one).as_deref(), is, "{name}");
        }
        assert_eq!(meant("alpaca", &ids(&["alpaca", "alpaca-paper"])).as_deref(), Some("alpaca"));
        assert_eq!(meant("alpaca", &ids(&["alpaca-live", "alpaca-paper"])), None);
    }
}
