//! The profile's own word on the exchange's calendar, `calendar.toml` (strategies §2.1): days on which it is closed though no rule says so,
//! days on which it closes at 13:00, or does not though a rule says so.
//!
//! ```toml
//! closed = ["2027-03-15"]
//! early = { "2027-07-02" = true, "2026-12-24" = false }
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use super::error::ConfigError;
use super::own_file;
use crate::domain::calendar::Calendar;
use crate::domain::text::clean;

/// Most bytes of the file.
const BYTES_MAX: u64 = 256 * 1_024;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    closed: Vec<Spanned<toml::Value>>,
    early: BTreeMap<Spanned<String>, bool>,
}

/// A profile's file of days on which the exchange keeps other hours than its rules say.
#[derive(Clone, Debug)]
pub struct CalendarFile {
    path: PathBuf,
}

impl CalendarFile {
    /// The one in a profile's directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join("calendar.toml") }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The exchange's calendar with what the file says of it; by the rules alone where there is no such file.
    ///
    /// # Errors
    /// When others could have written it, it is too large, or a line is wrong: named with what is allowed.
    pub fn load(&self) -> Result<Calendar, ConfigError> {
        match own_file::read(&self.path, BYTES_MAX)? {
            Some(text) => self.parse(&text),
            None => Ok(Calendar::nyse()),
        }
    }

    fn parse(&self, text: &str) -> Result<Calendar, ConfigError> {
        let wrong = |at, what| own_file::problem(&self.path, text, at, what);
        let written: Written = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(at, clean(error.message()).replace('\n', " "))
        })?;
        let mut calendar = Calendar::nyse();
        for entry in &written.closed {
            let at = entry.span().start;
            // A date of TOML's own is one too.
            let text = match entry.get_ref() {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let day = day_of(&text).map_err(|what| wrong(at, format!("closed: {what}")))?;
            if !calendar.is_session(day) {
                let what = format!("closed: {day} is no day of trading, or is there twice");
                return Err(wrong(at, what));
            }
            calendar.close_on(day);
        }
        for (entry, early) in &written.early {
            let at = entry.span().start;
            let day = day_of(entry.get_ref()).map_err(|what| wrong(at, format!("early: {what}")))?;
            if !calendar.is_session(day) {
                return Err(wrong(at, format!("early: {day} is no day of trading")));
            }
            calendar.set_early_close(day, *early);
        }
        Ok(calendar)
    }
}

fn day_of(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| {
        let found: String = clean(text).chars().take(40).collect();
        format!("found '{found}', allowed a date such as 2027-03-15")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jiff::civil::date;

    use super::super::files::replace_private;
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, CalendarFile) {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let file = CalendarFile::of(home.path());
        replace_private(file.path(), text.as_bytes()).unwrap();
        (home, file)
    }

    #[test]
    fn the_file_changes_days_and_the_rules_hold_for_the_others() {
        let (_home, file) = file(
            "# Mourning.\nclosed = [\"2027-03-15\", 2027-03-17]\nearly = { \"2027-07-02\" = true, \"2026-12-24\" = false }\n",
        );
        let calendar = file.load().unwrap();
        assert!(!calendar.is_session(date(2027, 3, 15)) && calendar.is_session(date(2027, 3, 16)));
        assert!(!calendar.is_session(date(2027, 3, 17)));
        assert_eq!(calendar.next_session(date(2027, 3, 12)), date(2027, 3, 16));
        let close = |day| calendar.session(day).unwrap().close.to_string();
        assert_eq!(close(date(2027, 7, 2)), "2027-07-02T17:00:00Z");
        assert_eq!(close(date(2026, 12, 24)), "2026-12-24T21:00:00Z");
        assert_eq!(close(date(2026, 11, 27)), "2026-11-27T18:00:00Z");
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(file.load().unwrap(), Calendar::nyse());
    }

    /// One line: the file, its line, what was found, what is allowed.
    #[test]
    fn what_is_wrong_with_it_is_one_clear_line() {
        for (text, said) in [
            (
                "\nclosed = [\"2027-13-15\"]",
                ":2: closed: found '2027-13-15', allowed a date such as 2027-03-15",
            ),
            ("closed = [\"2027-03-14\"]", ":1: closed: 2027-03-14 is no day of trading, or is there twice"),
            (
                "closed = [\"2027-03-15\",\n\"2027-03-15\"]",
                ":2: closed: 2027-03-15 is no day of trading, or is there twice",
            ),
            (
                "closed = [\"2027-03-15\"]\n[early]\n\"2027-03-15\" = true",
                ":3: early: 2027-03-15 is no day of trading",
            ),
            ("closed = [7]", ":1: closed: found '7', allowed a date such as 2027-03-15"),
            ("[early]\ntomorrow = true", ":2: early: found 'tomorrow', allowed a date such as 2027-03-15"),
            ("[early]\n\"2027-03-15\" = \"13:00\"", ":2: invalid type: string \"13:00\", expected a boolean"),
            ("clsed = []", ":1: unknown field `clsed`, expected `closed` or `early`"),
            ("closed = 7", ":1: invalid type: integer `7`, expected a sequence"),
        ] {
            let (_home, file) = file(text);
            let error = file.load().unwrap_err().to_string();
            assert_eq!(error, format!("{}{said}", file.path().display()), "{text}");
        }
        let (_home, file) = file("closed = []");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o646)).unwrap();
        assert!(file.load().is_err(), "others could have written it");
    }
}
