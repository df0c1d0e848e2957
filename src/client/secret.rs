//! A secret on its way: typed by a person, carried by one message, never shown. The only place outside the vault that exposes one.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Secret text. Wiped when dropped; written out by the message that carries it and by nothing else.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self::from(SecretString::from(text))
    }

    /// The text, for whom it is meant.
    #[must_use]
    pub const fn get(&self) -> &SecretString {
        &self.0
    }

    /// Is there nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// Reads the text as JSON, such as the entry of a login in the vault; `None` when it is none. What is wrong is not said: it may be secret.
    #[must_use]
    pub fn read_as<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.0.expose_secret()).ok()
    }

    /// Writes something down as JSON, to be kept as a secret.
    #[must_use]
    pub fn write_as<T: Serialize>(value: &T) -> Option<Self> {
        serde_json::to_string(value).ok().map(Self::new)
    }

    /// Shows a key that is shown once and kept nowhere: a recovery key.
    #[must_use]
    pub fn reveal_once(self) -> String {
        self.0.expose_secret().to_owned()
    }
}

impl From<SecretString> for Secret {
    fn from(text: SecretString) -> Self {
        // From here on no line of a log carries it.
        super::known::remember(text.expose_secret());
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        // In constant time for equal lengths: this may stand between a guess and an answer.
        let (ours, theirs) = (self.0.expose_secret().as_bytes(), other.0.expose_secret().as_bytes());
        ours.len() == theirs.len()
            && ours.iter().zip(theirs).fold(0, |different, (a, b)| different | (a ^ b)) == 0
    }
}

impl Eq for Secret {}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// A secret that only a person has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The passphrase of the profile's vault, or of the SSH key that opens it.
    Passphrase,
    /// A new one, asked for twice.
    NewPassphrase,
}

/// How a person is asked.
pub trait AskSecret {
    /// Asks; absent where nobody can be asked and nothing was given beforehand.
    ///
    /// # Errors
    /// In words, when a file that was named cannot be read or the two answers differ.
    fn ask(&mut self, wanted: Wanted) -> Result<Option<Secret>, String>;

    /// Was the passphrase given with the command itself. It is then looked at though nobody needs it: a wrong one is no slip to pass over.
    fn is_given(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m1_a_secret_shows_nothing_and_travels_whole() {
        let secret = Secret::new("PKTEST0123456789".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[secret] Some([secret])");
        let wire = serde_json::to_string(&secret).unwrap();
        assert_eq!(serde_json::from_str::<Secret>(&wire).unwrap(), secret);
        assert!(secret != Secret::new("PKTEST0123456788".to_owned()) && secret != Secret::new(String::new()));
    }
}
