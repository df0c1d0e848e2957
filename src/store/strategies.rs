//! Strategies of the profile and their decisions. Rows are written with the journal's, in its transaction: what a strategy remembers and the
//! orders it proposed are on the disk together, or neither is.

use rusqlite::Transaction;
use rusqlite::types::Value;
use smol_str::SmolStr;

use crate::domain::account::AccountMode;
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::strategy::{DecisionRecord, StoredStrategy};

use super::{Store, StoreError, rows};

/// Decisions kept, of all strategies together: the newest.
const DECISIONS_MAX: i64 = 100_000;

const fn mode_word(mode: AccountMode) -> &'static str {
    match mode {
        AccountMode::Paper => "paper",
        AccountMode::Live => "live",
    }
}

/// Writes the newest state of strategies.
pub(super) fn write_strategies(t: &Transaction<'_>, rows: &[StoredStrategy]) -> rusqlite::Result<()> {
    for row in rows {
        t.prepare_cached(
            "INSERT INTO strategy (name, kind, account, mode, enabled, spec, state, version, created_at, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, account = excluded.account, mode = excluded.mode,
             enabled = excluded.enabled, spec = excluded.spec, state = excluded.state, version = excluded.version,
             created_at = excluded.created_at, changed_at = excluded.changed_at",
        )?
        .execute((
            row.name.as_str(),
            row.kind.as_str(),
            row.account.as_str(),
            mode_word(row.mode),
            row.enabled,
            &row.spec,
            &row.state,
            row.version,
            row.created_at.as_microsecond(),
            row.changed_at.as_microsecond(),
        ))?;
    }
    Ok(())
}

/// Takes strategies away. Their decisions stay.
pub(super) fn remove_strategies(t: &Transaction<'_>, names: &[SmolStr]) -> rusqlite::Result<()> {
    for name in names {
        t.prepare_cached("DELETE FROM strategy WHERE name = ?1")?.execute([name.as_str()])?;
    }
    Ok(())
}

/// Writes decisions, and lets go of the oldest.
pub(super) fn write_decisions(t: &Transaction<'_>, records: &[DecisionRecord]) -> rusqlite::Result<()> {
    let json = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    for record in records {
        t.prepare_cached(
            "INSERT INTO decision (at, strategy, instrument, phase, code, text, inputs, proposal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            record.at.as_microsecond(),
            record.strategy.as_str(),
            record.instrument.as_ref().map(Instrument::key),
            record.phase.as_str(),
            record.code.as_str(),
            &record.text,
            serde_json::to_string(&record.inputs).map_err(json)?,
            record.proposal.map(|id| id.to_string()),
        ))?;
    }
    if !records.is_empty() {
        t.prepare_cached("DELETE FROM decision WHERE id <= (SELECT MAX(id) FROM decision) - ?1")?
            .execute([DECISIONS_MAX])?;
    }
    Ok(())
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredStrategy> {
    Ok(StoredStrategy {
        name: row.get::<_, String>(0)?.into(),
        kind: row.get::<_, String>(1)?.into(),
        account: AccountId::new(row.get::<_, String>(2)?),
        mode: if row.get::<_, String>(3)? == "live" { AccountMode::Live } else { AccountMode::Paper },
        enabled: row.get(4)?,
        spec: row.get(5)?,
        state: row.get(6)?,
        version: row.get(7)?,
        created_at: rows::time(row, 8)?,
        changed_at: rows::time(row, 9)?,
    })
}

fn decision(row: &rusqlite::Row<'_>) -> rusqlite::Result<DecisionRecord> {
    let bad =
        |column, error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error);
    let inputs: String = row.get(6)?;
    let proposal: Option<String> = row.get(7)?;
    Ok(DecisionRecord {
        at: rows::time(row, 0)?,
        strategy: row.get::<_, String>(1)?.into(),
        instrument: row.get::<_, Option<String>>(2)?.map(|_| rows::instrument(row, 2)).transpose()?,
        phase: rows::word(row, 3)?,
        code: row.get::<_, String>(4)?.into(),
        text: row.get(5)?,
        inputs: serde_json::from_str(&inputs).map_err(|error| bad(6, Box::new(error)))?,
        proposal: proposal.map(|id| id.parse().map_err(|error| bad(7, Box::new(error)))).transpose()?,
    })
}

impl Store {
    /// The strategies, by name, as they were written: texts of a newer version too.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn strategies(&self) -> Result<Vec<StoredStrategy>, StoreError> {
        let sql = "SELECT name, kind, account, mode, enabled, spec, state, version, created_at, changed_at FROM strategy ORDER BY name";
        self.query(sql, Vec::new(), stored)
    }

    /// The newest decisions, of one strategy or of all, newest first.
    ///
    /// # Errors
    /// When the database cannot be read, or holds what is no decision.
    pub fn decisions(&self, strategy: Option<&str>, limit: u32) -> Result<Vec<DecisionRecord>, StoreError> {
        let sql = "SELECT at, strategy, instrument, phase, code, text, inputs, proposal FROM decision
             WHERE ?1 IS NULL OR strategy = ?1 ORDER BY id DESC LIMIT ?2";
        let name = strategy.map_or(Value::Null, |name| Value::Text(name.to_owned()));
        self.query(sql, vec![name, Value::Integer(i64::from(limit))], decision)
    }
}
