//! Bots that come with the program: the library, and worked examples that a new bot begins as.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::domain::bot::is_bot_name;

use super::approval::bots_directory;

/// The library's name in a bot's directory.
pub const LIBRARY: &str = "arbion_bot.py";
pub(super) const LIBRARY_TEXT: &str = include_str!("../../assets/python/arbion_bot.py");

/// A worked example.
#[derive(Debug)]
pub struct Sample {
    /// Its name.
    pub name: &'static str,
    /// Its files.
    files: [(&'static str, &'static str); 3],
}

macro_rules! sample {
    ($name:literal) => {
        Sample {
            name: $name,
            files: [
                ("bot.toml", include_str!(concat!("../../assets/python/examples/", $name, "/bot.toml"))),
                ("main.py", include_str!(concat!("../../assets/python/examples/", $name, "/main.py"))),
                (
                    "params.schema.json",
                    include_str!(concat!("../../assets/python/examples/", $name, "/params.schema.json")),
                ),
            ],
        }
    };
}

/// The examples, the one that a bot begins as where nobody says first.
pub const SAMPLES: &[Sample] =
    &[sample!("sma-cross"), sample!("mean-revert"), sample!("ladder"), sample!("rsi-close")];

/// A new bot that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NewBotError {
    /// No name.
    #[error("name: found '{0}', allowed 1 to 32 of a-z, 0-9 and '-'")]
    Name(String),
    /// No such example.
    #[error("example: found '{found}', allowed {allowed}")]
    Sample {
        /// As typed.
        found: String,
        /// Those there are.
        allowed: String,
    },
    /// It is there already.
    #[error("{0} is there already")]
    Exists(String),
    /// The disk.
    #[error("{path}: {reason}")]
    Disk {
        /// Which file.
        path: String,
        /// The system's words.
        reason: String,
    },
}

/// Makes a bot as a copy of an example, with the library beside it. Nothing that is there is written over.
///
/// # Errors
/// When the name is none, is taken, or the disk takes no file.
pub fn make(profile: &Path, name: &str, sample: Option<&str>) -> Result<std::path::PathBuf, NewBotError> {
    let shown = |text: &str| text.chars().take(40).flat_map(char::escape_default).collect::<String>();
    if !is_bot_name(name) {
        return Err(NewBotError::Name(shown(name)));
    }
    let wanted = sample.unwrap_or(SAMPLES[0].name);
    let sample = SAMPLES.iter().find(|sample| sample.name == wanted).ok_or_else(|| NewBotError::Sample {
        found: shown(wanted),
        allowed: SAMPLES.iter().map(|sample| sample.name).collect::<Vec<_>>().join(", "),
    })?;
    let directory = bots_directory(profile).join(name);
    if directory.exists() {
        return Err(NewBotError::Exists(directory.display().to_string()));
    }
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| NewBotError::Disk { path, reason: error.to_string() }
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed(&directory))?;
    for (file, text) in sample.files.iter().copied().chain([(LIBRARY, LIBRARY_TEXT)]) {
        let path = directory.join(file);
        let text = match file {
            "bot.toml" => text.replacen(&format!("\"{}\"", sample.name), &format!("\"{name}\""), 1),
            _ => text.to_owned(),
        };
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed(&path))?;
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bots::approval::scan;

    #[test]
    fn every_example_makes_a_bot_that_can_be_approved() {
        let profile = tempfile::tempdir().unwrap();
        for sample in SAMPLES {
            make(profile.path(), "mine", Some(sample.name)).unwrap();
            let scan = scan(profile.path(), "mine").unwrap();
            assert_eq!(scan.manifest.name, "mine");
            assert!(scan.files.contains_key(LIBRARY) && !scan.params.views().is_empty(), "{}", sample.name);
            assert!(matches!(make(profile.path(), "mine", None), Err(NewBotError::Exists(_))));
            fs::remove_dir_all(scan.directory).unwrap();
        }
        let said = |name, sample| make(profile.path(), name, sample).unwrap_err().to_string();
        assert_eq!(said("A b", None), "name: found 'A b', allowed 1 to 32 of a-z, 0-9 and '-'");
        assert_eq!(
            said("b", Some("x")),
            "example: found 'x', allowed sma-cross, mean-revert, ladder, rsi-close"
        );
        assert!(matches!(make(profile.path(), "b", Some("x")), Err(NewBotError::Sample { .. })));
        assert!(matches!(make(profile.path(), "", None), Err(NewBotError::Name(_))));
        fs::remove_dir_all(profile.path().join("bots")).unwrap();
        fs::write(profile.path().join("bots"), "").unwrap();
        assert!(matches!(make(profile.path(), "d", None), Err(NewBotError::Disk { .. })));
    }
}
