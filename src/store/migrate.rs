//! Migrations: numbered, forward only, each in one transaction with its checksum. A backup is made before an old database changes.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::StoreError;

/// Every migration, in order; the position is the version. Append only.
const MIGRATIONS: &[&str] = &[include_str!("../../migrations/0001_init.sql")];

/// This program's version.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn run(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), StoreError> {
    let fail = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    let pending = usize::try_from(found).unwrap_or(0);
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(pending) {
        let version = index + 1;
        let transaction = connection.transaction().map_err(fail)?;
        transaction.execute_batch(sql).map_err(fail)?;
        transaction
            .execute(
                "INSERT INTO migration (version, checksum, applied_at) VALUES (?1, ?2, ?3)",
                (version as i64, checksum(sql), now.as_microsecond()),
            )
            .map_err(fail)?;
        transaction.pragma_update(None, "user_version", version as i64).map_err(fail)?;
        transaction.commit().map_err(fail)?;
    }
    Ok(())
}
