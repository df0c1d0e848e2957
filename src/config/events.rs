//! The profile's file of dates, `events.toml`: reports and dividends as a person wrote them down, or read them in from a file.
//!
//! ```toml
//! [AAPL]
//! earnings = ["2026-10-29", "2027-01-28 before_open announced 2027-01-07"]
//! dividends = ["2026-11-09 0.26"]
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use toml::Spanned;

use super::error::ConfigError;
use super::files::{FileError, replace_private};
use super::own_file;
use crate::domain::events::{EventBook, Planned, PlannedError, PlannedKind};
use crate::domain::instrument::Symbol;
use crate::domain::text::clean;

/// Most bytes of the file.
const BYTES_MAX: u64 = 4 * 1_024 * 1_024;
const HEAD: &str = "# Dates that strategies plan around. Written by arbion events; you may write here too.\n\
                    # earnings = [\"2026-10-29 before_open announced 2026-10-08\"], dividends = [\"2026-11-09 0.26\"], fund = true\n";

/// The dates of one underlying as the file has them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dates {
    #[serde(default)]
    earnings: Vec<Spanned<String>>,
    #[serde(default)]
    dividends: Vec<Spanned<String>>,
    #[serde(default)]
    fund: bool,
}

/// How the words of a list are read.
type Reader = fn(&str) -> Result<Planned, PlannedError>;

/// A profile's file of dates.
#[derive(Clone, Debug)]
pub struct EventsFile {
    path: PathBuf,
}

impl EventsFile {
    /// The one in a profile's directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join("events.toml") }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When it was written, and its bytes: another pair is another file. Absent where there is none.
    #[must_use]
    pub fn stamp(&self) -> Option<(SystemTime, u64)> {
        let about = std::fs::metadata(&self.path).ok()?;
        Some((about.modified().ok()?, about.len()))
    }

    /// Reads it; empty where there is no such file.
    ///
    /// # Errors
    /// When others could have written it, it is too large, or a line is wrong: named with what is allowed.
    pub fn load(&self) -> Result<EventBook, ConfigError> {
        let Some(text) = own_file::read(&self.path, BYTES_MAX)? else { return Ok(EventBook::default()) };
        self.parse(&text)
    }

    /// Writes it anew, whole or not at all.
    ///
    /// # Errors
    /// What the system says; the file before it is then untouched.
    pub fn save(&self, book: &EventBook) -> Result<(), FileError> {
        replace_private(&self.path, render(book).as_bytes())
    }

    fn problem(&self, text: &str, at: usize, what: String) -> ConfigError {
        own_file::problem(&self.path, text, at, what)
    }

    fn parse(&self, text: &str) -> Result<EventBook, ConfigError> {
        let tables: BTreeMap<Spanned<String>, Dates> = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.problem(text, at, clean(error.message()).replace('\n', " "))
        })?;
        let mut book = EventBook::default();
        for (name, dates) in tables {
            let at = name.span().start;
            let symbol = Symbol::new(name.get_ref())
                .map_err(|error| self.problem(text, at, clean(&error.to_string()).into_owned()))?;
            let full =
                |at| move |error: crate::domain::events::BookFull| self.problem(text, at, error.to_string());
            if dates.fund {
                book.set_fund(&symbol, true).map_err(full(at))?;
            }
            let lists: [(&str, _, Reader); 2] = [
                ("earnings", dates.earnings, Planned::earnings),
                ("dividends", dates.dividends, Planned::dividend),
            ];
            for (key, list, read) in lists {
                for entry in list {
                    let at = entry.span().start;
                    let wrong = |what: String| self.problem(text, at, format!("{symbol}.{key}: {what}"));
                    let planned =
                        read(entry.get_ref()).map_err(|e| wrong(clean(&e.to_string()).into_owned()))?;
                    if book.add(&symbol, planned).map_err(full(at))?.is_some() {
                        return Err(wrong(format!("{} is there twice", planned.date)));
                    }
                }
            }
        }
        Ok(book)
    }
}

/// The text of the file.
fn render(book: &EventBook) -> String {
    let mut text = HEAD.to_owned();
    for (symbol, dates) in book.iter() {
        // A symbol such as BRK.B is no bare key.
        let bare = symbol.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let quote = if bare { "" } else { "\"" };
        text.push_str(&format!("\n[{quote}{symbol}{quote}]\n"));
        if dates.is_fund {
            text.push_str("fund = true\n");
        }
        for (key, wanted) in [("earnings", true), ("dividends", false)] {
            let of = |planned: &&Planned| matches!(planned.kind, PlannedKind::Earnings { .. }) == wanted;
            let entries: Vec<String> =
                dates.planned().iter().filter(of).map(|planned| format!("    \"{planned}\",\n")).collect();
            if !entries.is_empty() {
                text.push_str(&format!("{key} = [\n{}]\n", entries.concat()));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, EventsFile) {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let file = EventsFile::of(home.path());
        replace_private(file.path(), text.as_bytes()).unwrap();
        (home, file)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (home, file) = file("");
        std::fs::remove_file(file.path()).unwrap();
        assert!(file.load().unwrap().is_empty() && file.stamp().is_none());
        let mut book = EventBook::default();
        for (symbol, text) in
            [("AAPL", "2026-10-29"), ("BRK.B", "2026-11-01 before_open announced 2026-10-20")]
        {
            book.add(&Symbol::new(symbol).unwrap(), Planned::earnings(text).unwrap()).unwrap();
        }
        book.add(&Symbol::new("AAPL").unwrap(), Planned::dividend("2026-11-09 0.26").unwrap()).unwrap();
        book.set_fund(&Symbol::new("SPY").unwrap(), true).unwrap();
        file.save(&book).unwrap();
        assert_eq!(file.load().unwrap(), book);
        let text = std::fs::read_to_string(home.path().join("events.toml")).unwrap();
        assert!(text.contains("[\"BRK.B\"]") && text.contains("    \"2026-11-09 0.26\",\n"), "{text}");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o646)).unwrap();
        assert!(file.load().is_err(), "others could have written it");
    }

    #[test]
    fn the_specifications_short_form_reads() {
        let (_home, file) = file("AAPL = {earnings = [\"2026-10-29\"]}\n");
        let book = file.load().unwrap();
        let dates = book.of(&Symbol::new("AAPL").unwrap()).unwrap();
        assert_eq!(dates.planned()[0].to_string(), "2026-10-29");
    }

    #[test]
    fn a_slip_is_named_with_its_line_and_what_is_allowed() {
        for (text, words) in [
            (
                "[AAPL]\nearnings = [\n  \"2026-10-29\",\n  \"soon\",\n]\n",
                ":4: AAPL.earnings: found 'soon', allowed a day",
            ),
            (
                "[AAPL]\nearnings = [\"2026-10-29\", \"2026-10-29 before_open\"]\n",
                ":2: AAPL.earnings: 2026-10-29 is there twice",
            ),
            ("[AAPL]\ndividends = [\"2026-10-29 0\"]\n", "above zero"),
            ("[AAPL]\nearning = []\n", ":2: unknown field `earning`"),
            ("[AAPL]\nearnings = \"2026-10-29\"\n", ":2: "),
            ("\n[\"A B\"]\nfund = true\n", ":2: "),
            ("[AAPL\n", ":1: "),
        ] {
            let (_home, file) = file(text);
            let error = file.load().unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("events.toml:"), "{text}: {error}");
        }
    }
}
