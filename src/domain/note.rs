//! What a trader writes: beside an order, or about an instrument. One line each; its text is checked here, wherever it is typed.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::instrument::Instrument;
use super::text::clean;

/// Characters of a note at most.
pub const NOTE_CHARS_MAX: usize = 500;
/// Notes on one instrument at most.
pub const NOTES_PER_SYMBOL_MAX: usize = 50;
/// Notes on instruments of a profile at most: they travel whole with the first picture.
pub const SYMBOL_NOTES_MAX: usize = 1_000;

/// The number of a note on an instrument, from 1; it is not given twice while the newest note stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoteId(pub u64);

impl fmt::Display for NoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A note on an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolNote {
    /// Its number.
    pub id: NoteId,
    /// About what.
    pub instrument: Instrument,
    /// When it was written.
    pub at: Timestamp,
    /// One line, never empty, at most [`NOTE_CHARS_MAX`] characters.
    pub text: String,
}

/// A change of the notes on instruments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum NoteChange {
    /// Another note.
    Add {
        /// About what.
        instrument: Instrument,
        /// The text, as it was typed.
        text: String,
    },
    /// A note is taken off.
    Remove {
        /// Which.
        id: NoteId,
    },
}

/// Why a text is no note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Nothing, or nothing that shows.
    #[error("note: found no text, allowed 1 to {NOTE_CHARS_MAX} characters")]
    Empty,
    /// Longer than a note may be.
    #[error("note: found {0} characters, allowed 1 to {NOTE_CHARS_MAX}")]
    TooLong(usize),
    /// A line break, a tab, an escape character.
    #[error(
        "note: found a control character (U+{code:04X}) as character {at}, allowed one line of plain text"
    )]
    Control {
        /// Its code point.
        code: u32,
        /// Its place in the text, from 1.
        at: usize,
    },
}

/// A text as a note keeps it: without space around it and without what does not show.
///
/// # Errors
/// When it is none: nothing of a text is cut off unsaid.
pub fn note_text(typed: &str) -> Result<String, NoteError> {
    let typed = typed.trim();
    if let Some((place, c)) = typed.chars().enumerate().find(|(_, c)| c.is_control()) {
        return Err(NoteError::Control { code: u32::from(c), at: place + 1 });
    }
    let chars = typed.chars().count();
    if chars > NOTE_CHARS_MAX {
        return Err(NoteError::TooLong(chars));
    }
    let text = clean(typed).trim().to_owned();
    if text.is_empty() { Err(NoteError::Empty) } else { Ok(text) }
}

/// The notes on an instrument among those of a picture, the newest first; those of a picture lie by instrument.
#[must_use]
pub fn notes_on<'a>(notes: &'a [SymbolNote], instrument: &Instrument) -> &'a [SymbolNote] {
    let from = notes.partition_point(|note| note.instrument < *instrument);
    let rest = &notes[from..];
    &rest[..rest.partition_point(|note| note.instrument == *instrument)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_note_is_said_with_what_is_allowed() {
        let long = "x".repeat(501);
        for (typed, said) in [
            ("", "note: found no text, allowed 1 to 500 characters"),
            ("  \u{200b} ", "note: found no text, allowed 1 to 500 characters"),
            (long.as_str(), "note: found 501 characters, allowed 1 to 500"),
            (
                "a\u{1b}[31mb",
                "note: found a control character (U+001B) as character 2, allowed one line of plain text",
            ),
            (
                "one\ntwo",
                "note: found a control character (U+000A) as character 4, allowed one line of plain text",
            ),
            (
                "\u{9b}1m",
                "note: found a control character (U+009B) as character 1, allowed one line of plain text",
            ),
        ] {
            assert_eq!(note_text(typed).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn each_reason_is_told_from_the_others() {
        assert_eq!(note_text(" "), Err(NoteError::Empty));
        assert_eq!(note_text(&"x".repeat(501)), Err(NoteError::TooLong(501)));
        assert_eq!(note_text("a\tb"), Err(NoteError::Control { code: 9, at: 2 }));
    }

    #[test]
    fn a_note_keeps_its_words() {
        for (typed, kept) in [
            ("  earnings on Thursday ", "earnings on Thursday"),
            ("größer als 5 %; =1+1", "größer als 5 %; =1+1"),
            ("buy 10 at 200", "buy 10 at 200"),
            ("no \u{202e}tricks", "no tricks"),
        ] {
            assert_eq!(note_text(typed).unwrap(), kept);
        }
        assert_eq!(note_text(&"ü".repeat(500)).unwrap().chars().count(), 500);
    }

    #[test]
    fn notes_of_an_instrument_are_found_among_all() {
        let note = |id: u64, symbol: &str| SymbolNote {
            id: NoteId(id),
            instrument: Instrument::from_key(symbol).unwrap(),
            at: Timestamp::UNIX_EPOCH,
            text: format!("note {id}"),
        };
        let mut notes = vec![note(1, "MSFT"), note(4, "AAPL"), note(2, "AAPL"), note(3, "BTC-USD")];
        notes.sort_by_key(|note| (note.instrument.clone(), std::cmp::Reverse(note.id)));
        let ids = |symbol: &str| -> Vec<u64> {
            notes_on(&notes, &Instrument::from_key(symbol).unwrap()).iter().map(|note| note.id.0).collect()
        };
        assert_eq!((ids("AAPL"), ids("BTC-USD"), ids("MSFT")), (vec![4, 2], vec![3], vec![1]));
        assert_eq!((ids("AAP"), ids("ZZZ"), ids("AAPL  270115P00190000")), (vec![], vec![], vec![]));
    }
}
