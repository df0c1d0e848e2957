//! The log file: one per profile, for its owner alone, of a bounded size. Screens and tables never see it.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

use super::host::Settings;
use crate::config::LogLevel;
use crate::config::files;

/// A log larger than this is set aside at the next start, in place of the one set aside before.
const LOG_BYTES_MAX: u64 = 10 << 20;

/// Starts logging into the profile's file. Without a file there is no log: no command fails for that.
pub(super) fn start(settings: &Settings) {
    let path = settings.paths.log_file(&settings.profile);
    set_aside(&path);
    let Ok(file) = files::append_private(&path) else { return };
    let subscriber = tracing_subscriber::fmt()
        .with_writer(Mutex::new(file))
        .with_ansi(false)
        .with_max_level(level(settings.loaded.config.log.level))
        // A log that cannot be written would be complained about on the error stream, in the middle of the screen.
        .log_internal_errors(false)
        .finish();
    // A second start in one process keeps the first log.
    tracing::subscriber::set_global_default(subscriber).unwrap_or_default();
}

fn level(level: LogLevel) -> LevelFilter {
    LevelFilter::from_level(match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    })
}

fn set_aside(path: &Path) {
    let large = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > LOG_BYTES_MAX);
    if large {
        // A log that cannot be moved goes on growing, which the doctor shows.
        fs::rename(path, path.with_extension("log.1")).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_log_is_set_aside() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("default.log");
        fs::write(&path, "small").unwrap();
        set_aside(&path);
        assert!(path.exists());
        fs::File::create(&path).unwrap().set_len(LOG_BYTES_MAX + 1).unwrap();
        set_aside(&path);
        assert!(!path.exists() && temp.path().join("default.log.1").exists());
    }
}
