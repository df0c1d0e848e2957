//! Backups by SQLite's online backup, of a database that may be in use meanwhile.

use std::ffi::OsString;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

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
    // The file that was asked for is named, not the one that is written first.
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::metadata(folder).map_err(|error| StoreError::io(to, &error))?;
    }
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

/// As [`super::Store::restore`], by the database's path.
///
/// # Errors
/// As there.
pub(super) fn restore(database: &Path, from: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    std::fs::metadata(from).map_err(|error| StoreError::io(from, &error))?;
    let fail = |error: rusqlite::Error| StoreError::sqlite(from, &error);
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fail)?;
    let id: i32 = source.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(fail)?;
    if id != super::APPLICATION_ID {
        return Err(StoreError::NotOurs { path: from.to_owned() });
    }
    super::migrate::check(&source, from, super::migrate::MIGRATIONS)?;
    let fresh = database.with_extension("restored");
    if fresh.exists() {
        std::fs::remove_file(&fresh).map_err(|error| StoreError::io(&fresh, &error))?;
    }
    copy(&source, &fresh)?;
    let aside = match database.exists() {
        true => {
            Some(folder(database)?.join(format!("before-restore-{}.db", now.strftime("%Y%m%dT%H%M%S%6fZ"))))
        }
        false => None,
    };
    if let Some(aside) = &aside {
        // As it is, its write-ahead log beside it: it may be damaged, and is not opened any more.
        for ending in ["-shm", "-wal", ""] {
            let (old, new) = (with(database, ending), with(aside, ending));
            match std::fs::rename(&old, &new) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io(&old, &error));
                }
                _ => {}
            }
        }
        sync_directory(aside)?;
    }
    std::fs::rename(&fresh, database).map_err(|error| StoreError::io(database, &error))?;
    sync_directory(database)?;
    Ok(aside)
}

/// A file beside another, such as its write-ahead log.
fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
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
