//! What is wrong with a configuration, each on one line with file and line number.

use std::fmt;
use std::path::PathBuf;

use super::files::FileError;
use super::paths::PathError;
use crate::domain::text::clean;

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// The option with what was found and what is allowed.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.to_string_lossy();
        write!(f, "{}:{}: {}", clean(&file), self.line, self.text)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Options are wrong; never empty, in the order of files and lines.
    #[error("{}", first_of(.0))]
    Problems(Vec<Problem>),
    /// A file is too large to be a configuration.
    #[error("{}: found {bytes} bytes, allowed at most {allowed}", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most there may be.
        allowed: u64,
    },
    /// A file cannot be read, or others can change it.
    #[error(transparent)]
    File(#[from] FileError),
    /// There are no directories.
    #[error(transparent)]
    Path(#[from] PathError),
}

fn first_of(problems: &[Problem]) -> String {
    match problems {
        [] => "the configuration is wrong".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more; run: arbion config check)", rest.len()),
    }
}
