//! Bots as a person approved them: every version, to the byte. A bot that was removed has no approved version; what it was stays.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use smol_str::SmolStr;

use crate::domain::bot::BotVersion;

use super::{Store, StoreError};

/// A version with what was in its files, by their hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedBot {
    /// What was approved.
    pub version: BotVersion,
    /// Contents by SHA-256 in hex.
    pub contents: BTreeMap<String, Vec<u8>>,
}

/// Writes versions that were approved.
pub(super) fn write_bots(t: &Transaction<'_>, bots: &[ApprovedBot]) -> rusqlite::Result<()> {
    let json = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    for ApprovedBot { version, contents } in bots {
        for (hash, content) in contents {
            t.prepare_cached("INSERT OR IGNORE INTO bot_file (hash, content) VALUES (?1, ?2)")?
                .execute((hash, content))?;
        }
        t.prepare_cached(
            "INSERT INTO bot_version (bot, version, approved_at, fingerprint, manifest, files)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            version.bot.as_str(),
            version.version,
            version.approved_at.as_microsecond(),
            &version.fingerprint,
            &version.manifest,
            serde_json::to_string(&version.files).map_err(json)?,
        ))?;
    }
    Ok(())
}

/// Takes the approval from bots. Their versions stay.
pub(super) fn remove_bots(t: &Transaction<'_>, bots: &[SmolStr]) -> rusqlite::Result<()> {
    for bot in bots {
        t.prepare_cached("UPDATE bot_version SET removed = 1 WHERE bot = ?1")?.execute([bot.as_str()])?;
    }
    Ok(())
}

fn version(row: &rusqlite::Row<'_>) -> rusqlite::Result<BotVersion> {
    let bad = |at, error| rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, error);
    let at: i64 = row.get(2)?;
    Ok(BotVersion {
        bot: row.get::<_, String>(0)?.into(),
        version: row.get(1)?,
        approved_at: Timestamp::from_microsecond(at).map_err(|error| bad(2, Box::new(error)))?,
        fingerprint: row.get(3)?,
        manifest: row.get(4)?,
        files: serde_json::from_str(&row.get::<_, String>(5)?).map_err(|error| bad(5, Box::new(error)))?,
    })
}

const NEWEST: &str = "SELECT bot, version, approved_at, fingerprint, manifest, files FROM bot_version
    WHERE removed = 0 AND version = (SELECT MAX(version) FROM bot_version newest WHERE newest.bot = bot_version.bot)
    ORDER BY bot";
const EVERY: &str = "SELECT bot, version, approved_at, fingerprint, manifest, files FROM bot_version
    WHERE bot = ?1 ORDER BY version DESC";

impl Store {
    /// The newest approved version of each bot, by name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn approved_bots(&self) -> Result<Vec<BotVersion>, StoreError> {
        self.read_versions(NEWEST, None)
    }

    /// Every version of a bot, newest first; those of a bot that was removed too.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn bot_versions(&self, bot: &str) -> Result<Vec<BotVersion>, StoreError> {
        self.read_versions(EVERY, Some(bot))
    }

    fn read_versions(&self, sql: &str, bot: Option<&str>) -> Result<Vec<BotVersion>, StoreError> {
        let fail = |error: rusqlite::Error| StoreError::sqlite(&self.path, &error);
        let mut statement = self.connection.prepare(sql).map_err(fail)?;
        let rows = match bot {
            Some(bot) => statement.query_map([bot], version),
            None => statement.query_map([], version),
        };
        rows.map_err(fail)?.collect::<Result<_, _>>().map_err(fail)
    }

    /// What was in the files of a version, by path.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn bot_contents(&self, version: &BotVersion) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let fail = |error: rusqlite::Error| StoreError::sqlite(&self.path, &error);
        let mut contents = BTreeMap::new();
        for (path, hash) in &version.files {
            let content: Option<Vec<u8>> = self
                .connection
                .query_row("SELECT content FROM bot_file WHERE hash = ?1", [hash], |row| row.get(0))
                .optional()
                .map_err(fail)?;
            contents.insert(path.clone(), content.unwrap_or_default());
        }
        Ok(contents)
    }
}
