//! What strategies remember: JSON with a version, so that a newer one's memory is refused instead of misread.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A memory that cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// Written by a newer program.
    #[error(
        "its memory is of version {found}, and this program knows versions up to {known}; use a newer one"
    )]
    Newer {
        /// The version it says.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// No memory of this kind.
    #[error("its memory cannot be read: {reason}")]
    Unreadable {
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    memory: T,
}

/// Writes a memory of a version. Maps in it have their keys in order, so that the same memory is the same text.
pub(super) fn write<T: Serialize>(version: u32, memory: &T) -> String {
    // What is written here is plain data with text keys, which JSON has a form for; a text that restores nothing is the honest rest.
    serde_json::to_string(&Versioned { version, memory }).unwrap_or_default()
}

/// Reads a memory of at most a version; `None` where there is nothing to take back.
pub(super) fn read<T: DeserializeOwned>(known: u32, text: &str) -> Result<Option<T>, MemoryError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let unreadable = |error: serde_json::Error| MemoryError::Unreadable { reason: error.to_string() };
    let Version { version: found } = serde_json::from_str(text).map_err(unreadable)?;
    if found > known {
        return Err(MemoryError::Newer { found, known });
    }
    let read: Versioned<T> = serde_json::from_str(text).map_err(unreadable)?;
    Ok(Some(read.memory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Spent {
        spent: u32,
    }

    #[test]
    fn memories_come_back_and_newer_ones_do_not() {
        let text = write(2, &Spent { spent: 7 });
        assert_eq!(text, r#"{"version":2,"spent":7}"#);
        assert_eq!(read(2, &text), Ok(Some(Spent { spent: 7 })));
        assert_eq!(read(3, &text), Ok(Some(Spent { spent: 7 })));
        assert_eq!(read::<Spent>(1, &text), Err(MemoryError::Newer { found: 2, known: 1 }));
        assert_eq!(read::<Spent>(1, ""), Ok(None));
        for bad in ["{}", "[]", "x", r#"{"version":1}"#] {
            assert!(matches!(read::<Spent>(1, bad), Err(MemoryError::Unreadable { .. })), "{bad}");
        }
    }
}
