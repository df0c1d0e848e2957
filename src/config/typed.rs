//! The commands typed at the screen, one a line, oldest first: a private file of the profile. Losing it costs nothing but convenience, so
//! nothing that goes wrong with it is more than a line in the log.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};

use super::files::{append_private, check_private_file, replace_private};

/// Lines read back; the file is cut to so many when it has twice as many.
const LINES_MAX: usize = 500;
/// A file larger than this is not ours to read.
const BYTES_MAX: u64 = 1_048_576;

/// Where typed commands are kept.
#[derive(Clone, Debug)]
pub struct TypedCommands {
    path: PathBuf,
}

impl TypedCommands {
    /// The file of a profile's directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join("commands") }
    }

    /// The newest lines, oldest first; none where there is no file, or one that others can reach.
    #[must_use]
    pub fn load(&self) -> Vec<String> {
        if !self.path.exists() {
            return Vec::new();
        }
        let text = check_private_file(&self.path).map_err(|error| error.to_string()).and_then(|()| {
            let mut text = String::new();
            let file = std::fs::File::open(&self.path).map_err(|error| error.to_string())?;
            file.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| error.to_string())?;
            Ok(text)
        });
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(%error, "typed commands are not read");
                return Vec::new();
            }
        };
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let newest = &lines[lines.len().saturating_sub(LINES_MAX)..];
        if lines.len() > 2 * LINES_MAX
            && let Err(error) = replace_private(&self.path, (newest.join("\n") + "\n").as_bytes())
        {
            tracing::warn!(%error, "typed commands are not cut");
        }
        newest.iter().map(|line| (*line).to_owned()).collect()
    }

    /// A sender of lines to a thread that appends them; the thread ends with its last sender.
    #[must_use]
    pub fn writer(&self) -> Sender<String> {
        let (sender, lines) = channel::<String>();
        let path = self.path.clone();
        let spawned = std::thread::Builder::new().name("arbion-typed".into()).spawn(move || {
            for line in lines {
                let written = append_private(&path)
                    .map_err(|error| error.to_string())
                    .and_then(|mut file| writeln!(file, "{line}").map_err(|error| error.to_string()));
                if let Err(error) = written {
                    tracing::warn!(%error, "a typed command is not kept");
                }
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "typed commands are not kept");
        }
        sender
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn commands_come_back_oldest_first_and_the_file_stays_short() {
        let home = tempfile::tempdir().unwrap();
        let typed = TypedCommands::of(home.path());
        assert!(typed.load().is_empty());
        let lines: Vec<String> = (0..2 * LINES_MAX + 1).map(|i| format!("buy {i} aapl")).collect();
        replace_private(&typed.path, (lines.join("\n") + "\n").as_bytes()).unwrap();
        assert_eq!(typed.load(), lines[LINES_MAX + 1..]);
        assert_eq!(typed.load().len(), std::fs::read_to_string(&typed.path).unwrap().lines().count());
    }

    #[test]
    fn a_file_that_others_can_read_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let typed = TypedCommands::of(home.path());
        replace_private(&typed.path, b"buy 1 f\n").unwrap();
        std::fs::set_permissions(&typed.path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(typed.load().is_empty());
    }
}
