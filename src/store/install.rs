//! What an installation knows: its profiles with their roles, and the audit log. One small database for all of them, `install.db`; every
//! change of a role is a row of the log in the same transaction.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::domain::audit::{AuditAction, AuditEvent, AuditReport, AuditRow};
use crate::domain::role::Role;

use super::audit::{self, Anchor, AuditFilter, Hash};
use super::{StoreError, migrate};

/// File name of the installation's database.
pub const INSTALL_DATABASE: &str = "install.db";
/// `PRAGMA application_id`: "arbi".
const APPLICATION_ID: i32 = 0x6172_6269;

/// A profile, as the installation knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRow {
    /// Random and lasting: the profile's directory holds it too.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// It must not be used.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ProfileRow {
    /// How the log names it: by what lasts and by what people say.
    #[must_use]
    pub fn object(&self) -> String {
        format!("{} {}", self.id, self.name)
    }
}

/// A change of the profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileChange {
    /// A new one.
    Create(ProfileRow),
    /// Another name.
    Rename(String),
    /// Another role.
    Role(Role),
    /// May it be used.
    Disable(bool),
    /// Gone.
    Delete,
}

/// The installation's database, open for writing.
#[derive(Debug)]
pub struct Install {
    connection: Connection,
    path: PathBuf,
}

impl Install {
    /// Opens the database of a data directory, and makes it where there is none.
    ///
    /// # Errors
    /// As [`super::Store::open`].
    pub fn open(directory: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let path = directory.join(INSTALL_DATABASE);
        super::create_private_file(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(|error| StoreError::sqlite(&path, &error))?;
        let mut install = Self { connection, path };
        let fail = |error: rusqlite::Error| StoreError::sqlite(&install.path, &error);
        install.connection.busy_timeout(super::BUSY_TIMEOUT).map_err(fail)?;
        super::set_up(
            &mut install.connection,
            &install.path,
            APPLICATION_ID,
            migrate::INSTALL_MIGRATIONS,
            now,
        )?;
        Ok(install)
    }

    /// Opens it for reading alone; absent where there is none.
    ///
    /// # Errors
    /// When it is not ours, newer than the program, or cannot be read.
    pub fn open_reader(directory: &Path) -> Result<Option<Self>, StoreError> {
        let path = directory.join(INSTALL_DATABASE);
        super::own::check(&path)?;
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(|error| StoreError::sqlite(&path, &error))?;
        let fail = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        connection.busy_timeout(super::BUSY_TIMEOUT).map_err(fail)?;
        let id: i32 =
            connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(fail)?;
        let version: i64 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
        // A start that was cut short leaves one that says nothing yet.
        if id == 0 || version == 0 {
            return Ok(None);
        }
        if id != APPLICATION_ID {
            return Err(StoreError::NotOurs { path });
        }
        migrate::check(&connection, &path, migrate::INSTALL_MIGRATIONS)?;
        Ok(Some(Self { connection, path }))
    }

    fn fail(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, error)
    }

    /// Every profile, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn profiles(&self) -> Result<Vec<ProfileRow>, StoreError> {
        let read = || {
            let mut statement = self
                .connection
                .prepare("SELECT id, name, role, disabled, created_at FROM profile ORDER BY name")?;
            let rows = statement.query_map([], profile)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.fail(&error))
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn profile(&self, name: &str) -> Result<Option<ProfileRow>, StoreError> {
        self.connection
            .query_row(
                "SELECT id, name, role, disabled, created_at FROM profile WHERE name = ?1",
                [name],
                profile,
            )
            .optional()
            .map_err(|error| self.fail(&error))
    }

    /// Changes one profile and writes the event down, both or neither. `check` sees the profiles as they are at that moment; what it
    /// refuses does not happen.
    ///
    /// # Errors
    /// What `check` refuses, or that the database cannot be written.
    pub fn change<E: From<StoreError>>(
        &mut self,
        id: &str,
        change: &ProfileChange,
        event: &AuditEvent,
        check: impl FnOnce(&[ProfileRow]) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.path.clone();
        let fail = |error: &rusqlite::Error| E::from(StoreError::sqlite(&path, error));
        // Immediate: what was checked is still so when it is written.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| fail(&error))?;
        let rows = {
            let read = || {
                let mut statement = transaction
                    .prepare("SELECT id, name, role, disabled, created_at FROM profile ORDER BY name")?;
                let rows = statement.query_map([], profile)?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            };
            read().map_err(|error| fail(&error))?
        };
        check(&rows)?;
        let done = match change {
            ProfileChange::Create(row) => transaction.execute(
                "INSERT INTO profile (id, name, role, disabled, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                (&row.id, &row.name, row.role.as_str(), row.disabled, row.created_at.as_microsecond()),
            ),
            ProfileChange::Rename(name) => {
                transaction.execute("UPDATE profile SET name = ?2 WHERE id = ?1", (id, name))
            }
            ProfileChange::Role(role) => {
                transaction.execute("UPDATE profile SET role = ?2 WHERE id = ?1", (id, role.as_str()))
            }
            ProfileChange::Disable(disabled) => {
                transaction.execute("UPDATE profile SET disabled = ?2 WHERE id = ?1", (id, disabled))
            }
            ProfileChange::Delete => transaction.execute("DELETE FROM profile WHERE id = ?1", [id]),
        };
        done.and_then(|_| audit::append(&transaction, event))
            .and_then(|_| transaction.commit())
            .map_err(|error| fail(&error))
    }

    /// Writes events down, in one transaction and in order.
    ///
    /// # Errors
    /// When they cannot be written; then none is.
    pub fn record(&mut self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let path = self.path.clone();
        let mut write = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for event in events {
                audit::append(&transaction, event)?;
            }
            transaction.commit()
        };
        write().map_err(|error| StoreError::sqlite(&path, &error))
    }

    /// The head to be signed, where it is time for that.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn anchor_due(&self, now: Timestamp) -> Result<Option<(u64, Hash)>, StoreError> {
        audit::due(&self.connection, now).map_err(|error| self.fail(&error))
    }

    /// Keeps a signed head.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_anchor(&self, anchor: &Anchor) -> Result<(), StoreError> {
        audit::add_anchor(&self.connection, anchor).map_err(|error| self.fail(&error))
    }

    /// Every anchor, by row.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn anchors(&self) -> Result<Vec<Anchor>, StoreError> {
        audit::anchors(&self.connection).map_err(|error| self.fail(&error))
    }

    /// Rows of the log, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn audit_rows(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        audit::list(&self.connection, filter).map_err(|error| self.fail(&error))
    }

    /// Checks the whole log against its hashes and `anchors` (sorted by row, their signatures checked), and holds the profiles against what
    /// the log says of them.
    ///
    /// # Errors
    /// When the database cannot be read. What is wrong in it is in the report.
    pub fn verify(&self, anchors: &[Anchor]) -> Result<(AuditReport, BTreeMap<String, Role>), StoreError> {
        let mut said: BTreeMap<String, Said> = BTreeMap::new();
        let report = audit::verify(&self.connection, anchors, |action, object, result| {
            follow(&mut said, action, object, result);
        });
        let mut report = report.map_err(|error| self.fail(&error))?;
        let roles = said.iter().map(|(id, said)| (id.clone(), said.role)).collect();
        if report.fault.is_none() {
            let same = |row: &ProfileRow| {
                said.get(&row.id).is_some_and(|said| {
                    said.role == row.role && said.name == row.name && said.disabled == row.disabled
                })
            };
            let rows = self.profiles()?;
            let wrong = rows.iter().find(|row| !same(row)).map(|row| row.name.clone());
            let lost = said.iter().find(|(id, _)| rows.iter().all(|row| row.id != **id));
            if let Some(name) = wrong.or_else(|| lost.map(|(_, said)| said.name.clone())) {
                let text = format!("profile {name} is not as the log says; another hand has changed it");
                report.fault = Some(crate::domain::audit::AuditFault { seq: report.rows, text });
            }
        }
        Ok((report, roles))
    }

    /// A number that is another one once another connection has changed the database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        self.connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|error| self.fail(&error))
    }

    /// Public keys that the log names as signing anchors, in hex.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn anchor_keys(&self) -> Result<Vec<String>, StoreError> {
        let read = || {
            let mut statement = self
                .connection
                .prepare("SELECT object FROM audit WHERE action = 'anchor_key' ORDER BY seq")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        };
        read().map_err(|error| self.fail(&error))
    }

    /// The connection, for tests that tamper.
    #[cfg(test)]
    pub(super) fn raw(&self) -> &Connection {
        &self.connection
    }
}

fn profile(row: &rusqlite::Row<'_>) -> rusqlite::Result<ProfileRow> {
    let role: String = row.get(2)?;
    Ok(ProfileRow {
        id: row.get(0)?,
        name: row.get(1)?,
        // The table takes no other word; another hand's is the least.
        role: role.parse().unwrap_or(Role::Standard),
        disabled: row.get(3)?,
        created_at: super::rows::time(row, 4)?,
    })
}

/// A profile as the log tells it.
struct Said {
    name: String,
    role: Role,
    disabled: bool,
}

/// What a row of the log says of a profile. What was refused has no role in it and changes nothing.
fn follow(said: &mut BTreeMap<String, Said>, action: &str, object: &str, result: &str) {
    let is = |known: AuditAction| action == known.as_str();
    let Some((id, name)) = object.split_once(' ') else { return };
    if is(AuditAction::ProfileCreated) {
        if let Ok(role) = result.parse() {
            said.insert(id.to_owned(), Said { name: name.to_owned(), role, disabled: false });
        }
        return;
    }
    let Some(known) = said.get_mut(id) else { return };
    if is(AuditAction::RoleChanged) {
        known.role = result.parse().unwrap_or(known.role);
    } else if is(AuditAction::ProfileRenamed) {
        result.clone_into(&mut known.name);
    } else if is(AuditAction::ProfileDisabled) || is(AuditAction::ProfileEnabled) {
        known.disabled = is(AuditAction::ProfileDisabled);
    } else if is(AuditAction::ProfileDeleted) {
        said.remove(id);
    }
}
