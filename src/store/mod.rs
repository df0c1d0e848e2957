//! SQLite: one file per profile, one writer. The journal is committed and synced before anything is sent; history pages from indexes.
//!
//! Synchronous: the engine runs it on a thread of its own. Rows are the store's; the domain's types turn into them here.

pub mod audit;
mod backup;
mod bots;
mod error;
mod export;
mod history;
mod install;
mod journal;
mod keepsakes;
pub mod lock;
mod migrate;
mod notes;
mod own;
mod rows;
mod strategies;

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

pub use bots::ApprovedBot;
pub use error::StoreError;
pub use export::{ExportFormat, render};
pub use history::{HistoryFilter, OrderKey, PnlTotals};
pub use install::{INSTALL_DATABASE, Install, ProfileChange, ProfileRow};
pub use journal::{ExecutionRow, IntentEventRow, IntentKind, IntentRow, JournalBatch, JournalReport};
pub use keepsakes::EquityRow;
pub use notes::SymbolNoteRow;

/// File name of the profile's database.
pub const DATABASE: &str = "arbion.db";
/// `PRAGMA application_id`: "arbn".
const APPLICATION_ID: i32 = 0x6172_626E;
/// How long a statement waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_millis(5_000);
/// How long a first start lets another one go on before it tries again.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

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
        refuse_network(directory)?;
        let path = directory.join(DATABASE);
        create_private_file(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(|error| StoreError::sqlite(&path, &error))?;
        let mut store = Self { connection, path };
        store
            .connection
            .busy_timeout(BUSY_TIMEOUT)
            .map_err(|error| StoreError::sqlite(&store.path, &error))?;
        set_up(&mut store.connection, &store.path, APPLICATION_ID, migrate::MIGRATIONS, now)?;
        store.check_after_crash()?;
        Ok(store)
    }

    /// Opens the same database anew. Until that succeeds, this one stays as it is.
    ///
    /// # Errors
    /// As [`Store::open`]; also when the file is gone, as a new one in its place would be another journal.
    pub fn reopen(&mut self, now: Timestamp) -> Result<(), StoreError> {
        std::fs::metadata(&self.path).map_err(|error| StoreError::io(&self.path, &error))?;
        let directory = self.path.parent().unwrap_or(Path::new("."));
        *self = Self::open(directory, now)?;
        Ok(())
    }

    /// Opens the database for reading alone: pages of history never wait for the writer.
    ///
    /// # Errors
    /// When there is none, it is not ours or newer than the program, or it cannot be read.
    pub fn open_reader(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(DATABASE);
        own::check(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(|error| StoreError::sqlite(&path, &error))?;
        let store = Self { connection, path };
        let fail = |error: rusqlite::Error| StoreError::sqlite(&store.path, &error);
        store.connection.busy_timeout(BUSY_TIMEOUT).map_err(fail)?;
        store.connection.pragma_update(None, "query_only", "ON").map_err(fail)?;
        if store.application_id()? != APPLICATION_ID {
            return Err(StoreError::NotOurs { path: store.path });
        }
        migrate::check(&store.connection, &store.path, migrate::MIGRATIONS)?;
        Ok(store)
    }

    /// Has it every table that this program knows: not while another process makes it, or brings it up to date.
    ///
    /// # Errors
    /// When its migrations are not those of this program.
    pub fn is_current(&self) -> Result<bool, StoreError> {
        Ok(migrate::check(&self.connection, &self.path, migrate::MIGRATIONS)? == migrate::MIGRATIONS.len())
    }

    fn application_id(&self) -> Result<i32, StoreError> {
        self.connection
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    /// After a crash the file is looked through before anything trusts it.
    fn check_after_crash(&self) -> Result<(), StoreError> {
        let clean: Option<String> = self.get_state("clean_exit")?;
        if clean.as_deref() == Some("false") {
            self.quick_check()?;
        }
        self.put_state("clean_exit", "false")
    }

    /// Looks every page through, as fast as that can be done: no index is held against its table.
    ///
    /// # Errors
    /// When a page is damaged.
    pub fn quick_check(&self) -> Result<(), StoreError> {
        self.pragma_check("quick_check")
    }

    /// Looks everything through, indexes and references too. Slower.
    ///
    /// # Errors
    /// When something does not agree.
    pub fn full_check(&self) -> Result<(), StoreError> {
        self.pragma_check("integrity_check")?;
        let broken: i64 = self
            .connection
            .query_row("SELECT COUNT(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
            .map_err(|error| StoreError::sqlite(&self.path, &error))?;
        if broken == 0 {
            return Ok(());
        }
        Err(StoreError::Damaged { path: self.path.clone(), detail: format!("{broken} rows refer to none") })
    }

    /// Puts the log into the file, where nobody reads it just now, and has the planner look at what has grown (reliability S9). Nothing waits
    /// for it: where somebody reads, it is left for the next time.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn tidy(&self) -> Result<(), StoreError> {
        let c = &self.connection;
        let tidied = c
            .busy_timeout(std::time::Duration::ZERO)
            .and_then(|()| c.pragma_query(None, "optimize", |_| Ok(())))
            .and_then(|()| c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        let restored = c.busy_timeout(BUSY_TIMEOUT);
        match tidied.and(restored) {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Ok(()),
            result => result.map_err(|error| StoreError::sqlite(&self.path, &error)),
        }
    }

    fn pragma_check(&self, name: &str) -> Result<(), StoreError> {
        let verdict: String = self
            .connection
            .pragma_query_value(None, name, |row| row.get(0))
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

    /// Lets the database grow to so many pages; fewer than it has is what it has. How tests fill a disk.
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, pages: i64) {
        self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    }

    /// Puts a backup in the place of a directory's database, which must not be in use: the caller holds the profile's lock. What was there is
    /// kept, and its new name returned. The backup is read and checked first; a crash in between leaves the old database, or none, which the
    /// next start says and does not replace by an empty one.
    ///
    /// # Errors
    /// When the backup is none of ours, newer than the program, or damaged, and when a file cannot be written.
    pub fn restore(directory: &Path, from: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
        create_private_directory(directory)?;
        backup::restore(&directory.join(DATABASE), from, now)
    }

    /// The version of a directory's database and the one that this program brings it to; absent where there is none.
    #[must_use]
    pub fn versions(directory: &Path) -> Option<(i64, i64)> {
        let path = directory.join(DATABASE);
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).ok()?;
        let known = i64::try_from(migrate::MIGRATIONS.len()).ok()?;
        (found > 0).then_some((found, known))
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the database, which may be in use, into a new file; absent means one named after `now` in the profile's backups folder.
    /// Returns the file.
    ///
    /// # Errors
    /// When the target exists or its directory does not, and when the copy cannot be made or is not sound.
    pub fn backup(&self, to: Option<&Path>, now: Timestamp) -> Result<PathBuf, StoreError> {
        let to = match to {
            Some(to) => to.to_owned(),
            None => {
                let name = format!("arbion-{}.db", now.strftime("%Y%m%dT%H%M%S%6fZ"));
                backup::folder(&self.path)?.join(name)
            }
        };
        backup::copy(&self.connection, &to)?;
        Ok(to)
    }
}

/// Makes a database file that is not there, so that its mode is right from the first byte.
fn create_private_file(path: &Path) -> Result<(), StoreError> {
    own::check(path)?;
    if path.exists() {
        return Ok(());
    }
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        // Another process was faster.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::io(path, &error)),
        Ok(_) => Ok(()),
    }
}

/// Marks an empty database as ours, and refuses anybody else's. A first start that was cut short leaves an empty one.
fn claim(connection: &Connection, path: &Path, ours: i32) -> Result<(), StoreError> {
    let fail = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let mark =
        || connection.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0)).map_err(fail);
    let found = mark()?;
    if found == ours {
        return Ok(());
    }
    let tables: i64 =
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fail)?;
    // Between the two looks another first start may have made them.
    if found != 0 || (tables > 0 && mark()? != ours) {
        return Err(StoreError::NotOurs { path: path.to_owned() });
    }
    if tables > 0 {
        return Ok(());
    }
    // A database with backups has had its first start: it was lost, and must not be begun anew without a word.
    let backups = std::fs::read_dir(path.with_file_name("backups"));
    if backups.is_ok_and(|mut backups| backups.next().is_some()) {
        let detail = "it is empty, and the profile has backups".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), detail });
    }
    connection.pragma_update(None, "application_id", ours).map_err(fail)
}

/// Claims a database, gives it its settings and brings it to the last of `migrations`. Of many first starts at once all but one would be
/// told at once that it is in use: SQLite waits neither to write what it has begun to read in a file without a log, nor to give it one.
/// So the whole is tried again for as long as a statement waits.
fn set_up(
    connection: &mut Connection,
    path: &Path,
    ours: i32,
    migrations: &[&str],
    now: Timestamp,
) -> Result<(), StoreError> {
    let end = Instant::now() + BUSY_TIMEOUT;
    loop {
        let done = claim(connection, path, ours)
            .and_then(|()| pragmas(connection).map_err(|error| StoreError::sqlite(path, &error)))
            .and_then(|()| migrate::run(connection, path, now, migrations));
        match done {
            Err(StoreError::Busy { .. }) if Instant::now() < end => std::thread::park_timeout(BUSY_PAUSE),
            done => return done,
        }
    }
}

/// The settings of reliability S1. FULL: with NORMAL a commit can be lost when the power fails.
fn pragmas(c: &Connection) -> rusqlite::Result<()> {
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
    for (name, value) in [("mmap_size", 0), ("journal_size_limit", 67_108_864), ("wal_autocheckpoint", 1_000)]
    {
        c.pragma_update_and_check(None, name, value, |_| Ok(()))?;
    }
    Ok(())
}

/// What a network file system is called, by its magic number of statfs(2).
#[cfg(target_os = "linux")]
const fn network_kind(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0x517B | 0xFE53_4D42 | 0xFF53_4D42 => Some("SMB"),
        0x5346_414F => Some("AFS"),
        0x00C3_6400 => Some("Ceph"),
        0x0102_1997 => Some("9P"),
        _ => None,
    }
}

/// Refuses file systems that SQLite's shared memory does not work on (reliability S8). What cannot be asked is taken for local.
fn refuse_network(directory: &Path) -> Result<(), StoreError> {
    #[cfg(target_os = "linux")]
    {
        let magic = rustix::fs::statfs(directory).map(|about| about.f_type as u32);
        match magic.ok().and_then(network_kind) {
            Some(kind) => Err(StoreError::Network { path: directory.to_owned(), kind }),
            None => Ok(()),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        Ok(())
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
