//! A bot's log: a file of the profile, private, of a size. What a bot writes was cleaned before it comes here.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Bytes of a log before it is set aside; one that was set aside is kept.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes that are read of its end.
const TAIL_BYTES: u64 = 512 * 1024;

/// One strategy's log.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Option<(File, u64)>,
}

/// Where the log of a strategy's bot lies.
#[must_use]
pub fn log_path(profile: &Path, strategy: &str) -> PathBuf {
    profile.join("bot-logs").join(format!("{strategy}.log"))
}

impl Log {
    pub(super) fn of(profile: &Path, strategy: &str) -> Self {
        Self { path: log_path(profile, strategy), file: None }
    }

    /// Writes a line. A disk that takes none keeps nobody from trading.
    pub(super) fn write(&mut self, at: Timestamp, level: &str, text: &str) {
        if let Err(error) = self.try_write(at, level, text) {
            self.file = None;
            tracing::warn!(path = %self.path.display(), %error, "a bot's log was not written");
        }
    }

    fn try_write(&mut self, at: Timestamp, level: &str, text: &str) -> std::io::Result<()> {
        let (mut file, size) = match self.file.take() {
            Some((file, size)) if size < BYTES_MAX => (file, size),
            full => {
                if let Some(folder) = self.path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                if full.is_some() {
                    std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
                }
                let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
                let size = file.metadata()?.len();
                (file, size)
            }
        };
        let line = format!("{at:.3} {level:<8} {text}\n");
        file.write_all(line.as_bytes())?;
        self.file = Some((file, size + line.len() as u64));
        Ok(())
    }
}

/// The newest lines of a log, oldest first; empty where there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn tail(profile: &Path, strategy: &str, lines: usize) -> std::io::Result<Vec<String>> {
    let mut file = match File::open(log_path(profile, strategy)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let size = file.metadata()?.len();
    let from = size.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut all: Vec<String> = text.lines().map(str::to_owned).collect();
    if from > 0 && !all.is_empty() {
        // The first may be half a line.
        all.remove(0);
    }
    Ok(all.split_off(all.len().saturating_sub(lines)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_and_a_full_file_is_set_aside() {
        let profile = tempfile::tempdir().unwrap();
        assert!(tail(profile.path(), "tiny", 5).unwrap().is_empty());
        let mut log = Log::of(profile.path(), "tiny");
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        for n in 0..3 {
            log.write(at, "info", &format!("line {n}"));
        }
        assert_eq!(
            tail(profile.path(), "tiny", 2).unwrap(),
            ["2023-11-14T22:13:20.000Z info     line 1", "2023-11-14T22:13:20.000Z info     line 2"]
        );
        let long = "x".repeat(1024 * 1024);
        for _ in 0..5 {
            log.write(at, "info", &long);
        }
        assert!(log_path(profile.path(), "tiny").with_extension("log.1").exists());
        assert!(std::fs::metadata(log_path(profile.path(), "tiny")).unwrap().len() < BYTES_MAX);
    }
}
