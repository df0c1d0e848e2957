//! What can go wrong with the database, and what to do about it.

use std::path::{Path, PathBuf};

use super::lock::Holder;

/// A failure of the store. Nothing was half written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error("{path}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Others may read or write the directory.
    #[error("{path} has mode {mode:o}, so others can look in; run: chmod 700 {path}")]
    LooseMode {
        /// Which directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file that others can change, or that stands for another one.
    #[error("{path} {found}; run: {mend}")]
    NotPrivate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
        /// The command that mends it.
        mend: String,
    },
    /// The disk is full.
    #[error("{path}: the disk is full; free some room, nothing is lost")]
    Full {
        /// Which file.
        path: PathBuf,
    },
    /// It may not be written.
    #[error("{path} cannot be written; check its owner and mode, and that its disk is not mounted read-only")]
    ReadOnly {
        /// Which file.
        path: PathBuf,
    },
    /// Some page is not what it should be.
    #[error(
        "{path} is damaged ({detail}); nothing was changed; restore a backup from the profile's backups folder"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What the check said.
        detail: String,
    },
    /// The file is not ours.
    #[error("{path} is not a database of Arbion; move it away or choose another profile")]
    NotOurs {
        /// Which file.
        path: PathBuf,
    },
    /// Written by a later program.
    #[error(
        "{path} has version {found} and this program knows {known}; use the newer program, nothing was changed"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Another process has it.
    #[error("{path} is in use by another program; try again once that has ended")]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// The target of a copy or export is there already.
    #[error("{path} exists already; choose another name or remove it")]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// Another engine runs on this profile.
    #[error("{path} is in use by {holder}; end that first, or choose another profile")]
    Locked {
        /// The profile's directory.
        path: PathBuf,
        /// The process that holds it.
        holder: Holder,
    },
    /// A migration that was applied is not the one of this program.
    #[error(
        "{path}: migration {version} was applied by a program that had another one; use that program, or restore a backup"
    )]
    Altered {
        /// Which file.
        path: PathBuf,
        /// Which migration.
        version: i64,
    },
    /// The file system is one that SQLite's write-ahead log does not work on.
    #[error(
        "{path} lies on a network file system ({kind}), where a database is not safe; move it to a local disk (ARBION_HOME)"
    )]
    Network {
        /// The profile's directory.
        path: PathBuf,
        /// Which file system.
        kind: &'static str,
    },
    /// A row cannot be understood.
    #[error("{path}: table {table}: {reason}")]
    Row {
        /// Which file.
        path: PathBuf,
        /// Which table.
        table: &'static str,
        /// Why not.
        reason: String,
    },
    /// Anything else SQLite says.
    #[error("{path}: {reason}")]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// SQLite's words.
        reason: String,
    },
}

impl StoreError {
    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull => Self::Full { path: path.to_owned() },
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path: path.to_owned() }
            }
            _ => Self::Io { path: path.to_owned(), reason: words(error) },
        }
    }

    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => {
                // The path stands before it already.
                let text = error.to_string();
                let reason = text.strip_suffix(&format!(": {}", path.display())).unwrap_or(&text).to_owned();
                Self::Io { path, reason }
            }
            Some(ErrorCode::NotADatabase) => Self::NotOurs { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, detail: error.to_string() },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            _ => Self::Sqlite { path, reason: error.to_string() },
        }
    }
}

/// The system's words without its number.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
