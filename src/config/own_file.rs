//! A file of a profile's own beside its database: read whole, once nobody else could have written it, and what is wrong with it named by line.

use std::io::Read;
use std::path::Path;

use super::error::{ConfigError, Problem};
use super::files::{FileError, check_private_file};

/// The text of a file of at most so many bytes; `None` where there is none.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Option<String>, ConfigError> {
    if !path.exists() {
        return Ok(None);
    }
    check_private_file(path)?;
    let io = |error| FileError::Io { path: path.to_path_buf(), error };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > bytes_max {
        let (path, bytes) = (path.to_path_buf(), bytes.len() as u64);
        return Err(ConfigError::TooLarge { path, bytes, allowed: bytes_max });
    }
    let text = String::from_utf8(bytes);
    text.map(Some).map_err(|_| problem(path, "", 0, "found bytes that are no UTF-8".to_owned()))
}

/// What is wrong at a byte of the text.
pub(super) fn problem(path: &Path, text: &str, at: usize, what: String) -> ConfigError {
    let line = text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
    ConfigError::Problems(vec![Problem { file: path.to_path_buf(), line, text: what }])
}
