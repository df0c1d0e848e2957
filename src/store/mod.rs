//! SQLite: one file per profile, one writer. The journal is committed and synced before anything is sent; history pages from indexes.
//!
//! Synchronous: the engine runs it on a thread of its own. Rows are the store's; the domain's types turn into them here.

mod error;
mod export;
mod history;
mod journal;
pub mod lock;
mod migrate;
mod rows;

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

pub use error::StoreError;
pub use export::{ExportFormat, export_trades, render};
pub use history::{HistoryFilter, PnlTotals};
pub use journal::{ExecutionRow, IntentEventRow, IntentKind, IntentRow, JournalBatch, JournalReport};

/// File name of the profile's database.
pub const DATABASE: &str = "arbion.db";
/// `PRAGMA application_id`: "arbn".
const APPLICATION_ID: i32 = 0x6172_626E;

/// A profile's database, open for writing.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the database of a profile directory, makes it where there is none, and brings it to this program's version.
    ///
    /// # Errors
    /// When the directory cannot be made or written, and when the file is no database of ours, damaged, or newer than the program.
    pub fn open(directory: &Path, now: Timestamp) -> Result<Self, StoreError> {
        create_private_directory(directory)?;
        let path = directory.join(DATABASE);
        let fresh = !path.exists();
        if fresh {
            // Made by us first, so that the modes are right from the first byte.
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(|error| StoreError::io(&path, &error))?;
        }
        let connection = Connection::open_with_flags(
            &path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|error| StoreError::sqlite(&path, &error))?;
        let mut store = Self { connection, path };
        store.pragmas(fresh).map_err(|error| StoreError::sqlite(&store.path, &error))?;
        store.check_identity()?;
        migrate::run(&mut store.connection, &store.path, now)?;
        store.check_after_crash()?;
        Ok(store)
    }

    /// Opens the database for reading alone: pages of history never wait for the writer.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open_reader(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(DATABASE);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(|error| StoreError::sqlite(&path, &error))?;
        connection
            .busy_timeout(std::time::Duration::from_millis(5_000))
            .map_err(|error| StoreError::sqlite(&path, &error))?;
        Ok(Self { connection, path })
    }

    /// The settings of reliability S1. FULL: with NORMAL a commit can be lost when the power fails.
    fn pragmas(&self, fresh: bool) -> rusqlite::Result<()> {
        let c = &self.connection;
        c.busy_timeout(std::time::Duration::from_millis(5_000))?;
        if fresh {
            c.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        c.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        for (name, value) in [
            ("synchronous", "FULL"),
            ("foreign_keys", "ON"),
            ("trusted_schema", "OFF"),
            ("cell_size_check", "ON"),
            ("temp_store", "MEMORY"),
            ("secure_delete", "FAST"),
        ] {
            c.pragma_update(None, name, value)?;
        }
        for (name, value) in
            [("mmap_size", 0), ("journal_size_limit", 67_108_864), ("wal_autocheckpoint", 1_000)]
        {
            c.pragma_update_and_check(None, name, value, |_| Ok(()))?;
        }
        Ok(())
    }

    fn check_identity(&self) -> Result<(), StoreError> {
        let id: i32 = self
            .connection
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .map_err(|error| StoreError::sqlite(&self.path, &error))?;
        if id == APPLICATION_ID { Ok(()) } else { Err(StoreError::NotOurs { path: self.path.clone() }) }
    }

    /// After a crash the file is looked through before anything trusts it.
    fn check_after_crash(&self) -> Result<(), StoreError> {
        let clean: Option<String> = self.get_state("clean_exit")?;
        if clean.as_deref() == Some("false") {
            self.quick_check()?;
        }
        self.put_state("clean_exit", "false")
    }

    /// Looks the whole file through.
    ///
    /// # Errors
    /// When a page is damaged.
    pub fn quick_check(&self) -> Result<(), StoreError> {
        let verdict: String = self
            .connection
            .pragma_query_value(None, "quick_check", |row| row.get(0))
            .map_err(|error| StoreError::sqlite(&self.path, &error))?;
        if verdict == "ok" {
            Ok(())
        } else {
            Err(StoreError::Damaged { path: self.path.clone(), detail: verdict })
        }
    }

    /// Marks a clean end, so that the next start need not look the file through.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn close(self) -> Result<(), StoreError> {
        self.put_state("clean_exit", "true")
    }

    /// One value of the state table.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn get_state(&self, key: &str) -> Result<Option<String>, StoreError> {
        use rusqlite::OptionalExtension;
        self.connection
            .query_row("SELECT value FROM state WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    /// Sets one value of the state table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_state(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT INTO state (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [key, value],
            )
            .map(|_| ())
            .map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the live database into a new file by SQLite's online backup, checks the copy, and only then gives it its name.
    ///
    /// # Errors
    /// When the target exists, or the copy cannot be made or is not sound.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        if to.exists() {
            return Err(StoreError::Exists { path: to.to_owned() });
        }
        if let Some(parent) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            create_private_directory(parent)?;
        }
        let temporary = to.with_extension("partial");
        // What a broken run left behind is no backup.
        if temporary.exists() {
            std::fs::remove_file(&temporary).map_err(|error| StoreError::io(&temporary, &error))?;
        }
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(|error| StoreError::io(&temporary, &error))?;
        {
            let mut copy =
                Connection::open(&temporary).map_err(|error| StoreError::sqlite(&temporary, &error))?;
            let backup = rusqlite::backup::Backup::new(&self.connection, &mut copy)
                .map_err(|error| StoreError::sqlite(&temporary, &error))?;
            backup
                .run_to_completion(1_000, std::time::Duration::ZERO, None)
                .map_err(|error| StoreError::sqlite(&temporary, &error))?;
            drop(backup);
            let verdict: String = copy
                .pragma_query_value(None, "quick_check", |row| row.get(0))
                .map_err(|error| StoreError::sqlite(&temporary, &error))?;
            if verdict != "ok" {
                return Err(StoreError::Damaged { path: temporary, detail: verdict });
            }
        }
        let file = std::fs::File::open(&temporary).map_err(|error| StoreError::io(&temporary, &error))?;
        file.sync_all().map_err(|error| StoreError::io(&temporary, &error))?;
        std::fs::rename(&temporary, to).map_err(|error| StoreError::io(to, &error))
    }
}

/// Makes a directory (and its parents) readable by its owner alone.
///
/// # Errors
/// When it cannot be made.
pub fn create_private_directory(directory: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    if directory.is_dir() {
        let mode = std::fs::metadata(directory)
            .map_err(|error| StoreError::io(directory, &error))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(StoreError::LooseMode { path: directory.to_owned(), mode: mode & 0o777 });
        }
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| StoreError::io(directory, &error))
}

#[cfg(test)]
mod tests;
