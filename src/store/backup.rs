//! Backups by SQLite's online backup, of a database that may be in use meanwhile.

use std::ffi::OsString;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::{StoreError, create_private_directory};

/// The backups folder beside a database, made where there is none.
///
/// # Errors
/// When it cannot be made.
pub(super) fn folder(database: &Path) -> Result<PathBuf, StoreError> {
    let folder = database.with_file_name("backups");
    create_private_directory(&folder)?;
    Ok(folder)
}

/// Copies a live database into a new file, checks the copy, and only then gives it its name.
///
/// # Errors
/// When the target exists or its directory does not, and when the copy cannot be made or is not sound; then nothing is left behind.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::Exists { path: to.to_owned() });
    }
    let mut name = OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(".arbion-partial");
    let partial = to.with_file_name(name);
    // What a broken run left behind is no backup.
    if partial.exists() {
        std::fs::remove_file(&partial).map_err(|error| StoreError::io(&partial, &error))?;
    }
    let made = fill(from, &partial).and_then(|()| {
        std::fs::rename(&partial, to).map_err(|error| StoreError::io(to, &error))?;
        sync_directory(to)
    });
    if made.is_err() && partial.exists() {
        std::fs::remove_file(&partial).map_err(|error| StoreError::io(&partial, &error))?;
    }
    made
}

fn fill(from: &Connection, partial: &Path) -> Result<(), StoreError> {
    let fail = |error: rusqlite::Error| StoreError::sqlite(partial, &error);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(partial)
        .map_err(|error| StoreError::io(partial, &error))?;
    let mut copy = Connection::open(partial).map_err(fail)?;
    {
        // In one step: the writer goes on meanwhile, and what it writes cannot make the copy start again.
        let backup = Backup::new(from, &mut copy).map_err(fail)?;
        if backup.step(-1).map_err(fail)? != StepResult::Done {
            return Err(StoreError::Busy { path: partial.to_owned() });
        }
    }
    let verdict: String = copy.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(fail)?;
    if verdict != "ok" {
        return Err(StoreError::Damaged { path: partial.to_owned(), detail: verdict });
    }
    copy.close().map_err(|(_, error)| fail(error))?;
    file.sync_all().map_err(|error| StoreError::io(partial, &error))
}

fn sync_directory(of: &Path) -> Result<(), StoreError> {
    let parent = of.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| StoreError::io(parent, &error))
}
