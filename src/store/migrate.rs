//! Migrations: numbered, forward only, each in one transaction with its checksum. A backup is made before an old database changes.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::{StoreError, backup};

/// Every migration, in order; the position is the version. Append only.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_init.sql"),
    include_str!("../../migrations/0002_pages.sql"),
    include_str!("../../migrations/0003_alerts_notes.sql"),
    include_str!("../../migrations/0004_strategies.sql"),
    include_str!("../../migrations/0005_exits.sql"),
    include_str!("../../migrations/0006_bots.sql"),
    include_str!("../../migrations/0007_exit_parts.sql"),
    include_str!("../../migrations/0008_symbol_notes.sql"),
];

/// The same of the installation's database.
pub(super) const INSTALL_MIGRATIONS: &[&str] = &[include_str!("../../migrations/install/0001_init.sql")];

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The version of a database that this program can work with: at most that of its last migration, and made by the same ones.
///
/// # Errors
/// When it is newer, or a migration that was applied is not this program's.
pub(super) fn check(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<usize, StoreError> {
    let fail = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let known = migrations.len() as i64;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
    let applied = match usize::try_from(found) {
        Ok(applied) if applied <= migrations.len() => applied,
        _ => return Err(StoreError::Newer { path: path.to_owned(), found, known }),
    };
    for (sql, version) in migrations.iter().zip(1..=found) {
        let stored: Option<String> = connection
            .query_row("SELECT checksum FROM migration WHERE version = ?1", [version], |row| row.get(0))
            .optional()
            .map_err(fail)?;
        if stored.as_deref() != Some(checksum(sql).as_str()) {
            return Err(StoreError::Altered { path: path.to_owned(), version });
        }
    }
    Ok(applied)
}

/// Brings a database to the last of `migrations`. What it was before is in the backups folder beside it.
///
/// # Errors
/// As [`check`], and when a migration or the backup fails; then the database is what the last whole migration made of it.
pub(super) fn run(
    connection: &mut Connection,
    path: &Path,
    now: Timestamp,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let fail = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let applied = check(connection, path, migrations)?;
    if applied > 0 && applied < migrations.len() {
        let folder = backup::folder(path)?;
        let name = format!("before-version-{}-{}.db", migrations.len(), now.strftime("%Y%m%dT%H%M%SZ"));
        backup::copy(connection, &folder.join(name))?;
    }
    for (sql, version) in migrations.iter().zip(1_i64..).skip(applied) {
        // Nobody else writes from here on; another process may have done it while this one waited for that.
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let reached: i64 =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
        if reached >= version {
            continue;
        }
        transaction.execute_batch(sql).map_err(fail)?;
        transaction
            .execute(
                "INSERT INTO migration (version, checksum, applied_at) VALUES (?1, ?2, ?3)",
                (version, checksum(sql), now.as_microsecond()),
            )
            .map_err(fail)?;
        transaction.pragma_update(None, "user_version", version).map_err(fail)?;
        transaction.commit().map_err(fail)?;
    }
    Ok(())
}
