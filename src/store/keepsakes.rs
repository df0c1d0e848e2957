//! What is kept beside the trades: alerts, exit plans, comparisons with brokers; and the equity curve as a picture needs it.

use jiff::Timestamp;
use rusqlite::Transaction;
use rusqlite::types::Value;
use rust_decimal::Decimal;

use crate::domain::alert::{Alert, AlertId, AlertWhen};
use crate::domain::exit::ExitGroup;
use crate::domain::ids::AccountId;
use crate::domain::money::canonical;
use crate::domain::statement::{ReconcileReason, ReconcileRun};

use super::{Store, StoreError, rows};

/// A point of an equity curve: when, net liquidation, cash.
pub type EquityRow = (Timestamp, Decimal, Decimal);

const fn word(when: AlertWhen) -> &'static str {
    match when {
        AlertWhen::Above => "above",
        AlertWhen::Below => "below",
        AlertWhen::ChangePercent => "change_percent",
    }
}

/// Puts all alerts in the place of those on disk.
pub(super) fn write_alerts(t: &Transaction<'_>, alerts: &[Alert]) -> rusqlite::Result<()> {
    t.execute("DELETE FROM alert", [])?;
    for alert in alerts {
        t.prepare_cached(
            "INSERT INTO alert (id, instrument, kind, value, created_at, fired_at, fired_price) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            i64::try_from(alert.id.0).unwrap_or(i64::MAX),
            alert.instrument.key(),
            word(alert.when),
            canonical(alert.value),
            alert.created_at.as_microsecond(),
            alert.fired_at.map(Timestamp::as_microsecond),
            alert.fired_price.map(|price| price.to_string()),
        ))?;
    }
    Ok(())
}

/// Puts all exit plans in the place of those on disk.
pub(super) fn write_exits(t: &Transaction<'_>, exits: &[ExitGroup]) -> rusqlite::Result<()> {
    t.execute("DELETE FROM exit_part", [])?;
    for group in exits {
        let document = serde_json::to_string(group)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        t.prepare_cached(
            "INSERT INTO exit_part (account, instrument, part, document) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((group.account.as_str(), group.instrument.key(), group.part.as_str(), document))?;
    }
    Ok(())
}

/// Comparisons with brokers that are kept, the newest.
const RECONCILE_RUNS_MAX: i64 = 10_000;

/// The counts of a comparison as its row holds them.
#[derive(serde::Serialize, serde::Deserialize)]
struct Counts {
    orders: Option<usize>,
    executions: Option<usize>,
    positions: Option<usize>,
}

/// Writes comparisons, and lets go of the oldest.
pub(super) fn write_reconciles(t: &Transaction<'_>, runs: &[ReconcileRun]) -> rusqlite::Result<()> {
    let json = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    for run in runs {
        let counts = Counts { orders: run.orders, executions: run.executions, positions: run.positions };
        t.prepare_cached(
            "INSERT INTO reconcile_run (account, reason, started, finished, counts, differences) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            run.account.as_str(),
            run.reason.as_str(),
            run.started.as_microsecond(),
            run.finished.as_microsecond(),
            serde_json::to_string(&counts).map_err(json)?,
            serde_json::to_string(&run.differences).map_err(json)?,
        ))?;
    }
    if !runs.is_empty() {
        t.prepare_cached("DELETE FROM reconcile_run WHERE id <= (SELECT MAX(id) FROM reconcile_run) - ?1")?
            .execute([RECONCILE_RUNS_MAX])?;
    }
    Ok(())
}

fn reconcile_run(row: &rusqlite::Row<'_>) -> rusqlite::Result<ReconcileRun> {
    let bad = |column, error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    };
    let counts: Counts = serde_json::from_str(&row.get::<_, String>(4)?).map_err(|error| bad(4, error))?;
    let reason: ReconcileReason =
        serde_json::from_value(serde_json::Value::String(row.get(1)?)).map_err(|error| bad(1, error))?;
    Ok(ReconcileRun {
        account: AccountId::new(row.get::<_, String>(0)?),
        reason,
        started: rows::time(row, 2)?,
        finished: rows::time(row, 3)?,
        orders: counts.orders,
        executions: counts.executions,
        positions: counts.positions,
        differences: serde_json::from_str(&row.get::<_, String>(5)?).map_err(|error| bad(5, error))?,
    })
}

impl Store {
    /// The newest comparisons with brokers, newest first.
    ///
    /// # Errors
    /// When the database cannot be read, or holds what is no such row.
    pub fn reconcile_runs(&self, limit: u32) -> Result<Vec<ReconcileRun>, StoreError> {
        let sql = "SELECT account, reason, started, finished, counts, differences FROM reconcile_run ORDER BY id DESC LIMIT ?1";
        self.query(sql, vec![Value::Integer(i64::from(limit))], reconcile_run)
    }

    /// Exit plans, by account and instrument.
    ///
    /// # Errors
    /// When the database cannot be read, or holds what is no plan.
    pub fn exits(&self) -> Result<Vec<ExitGroup>, StoreError> {
        let sql = "SELECT document FROM exit_part ORDER BY account, instrument, part";
        let texts: Vec<String> = self.query(sql, Vec::new(), |row| row.get(0))?;
        let read = |text: &String| {
            serde_json::from_str(text).map_err(|error| StoreError::Row {
                path: self.path.clone(),
                table: "exit_part",
                reason: error.to_string(),
            })
        };
        texts.iter().map(read).collect()
    }

    /// The alerts, by number.
    ///
    /// # Errors
    /// When the database cannot be read, or holds what is no alert.
    pub fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        let sql =
            "SELECT id, kind, value, created_at, fired_at, fired_price, instrument FROM alert ORDER BY id";
        self.query(sql, Vec::new(), |row| {
            let when = match row.get::<_, String>(1)?.as_str() {
                "above" => AlertWhen::Above,
                "below" => AlertWhen::Below,
                _ => AlertWhen::ChangePercent,
            };
            let fired: Option<i64> = row.get(4)?;
            let price: Option<String> = row.get(5)?;
            Ok(Alert {
                id: AlertId(u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default()),
                instrument: rows::instrument(row, 6)?,
                when,
                value: rows::decimal(row, 2)?,
                created_at: rows::time(row, 3)?,
                fired_at: fired.and_then(|at| Timestamp::from_microsecond(at).ok()),
                fired_price: price.and_then(|price| price.parse().ok()),
            })
        })
    }

    /// The equity curve since an instant in at most so many points, oldest first: of each stretch of time its last point.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn equity_curve(
        &self,
        account: &AccountId,
        since: Timestamp,
        points: u32,
    ) -> Result<Vec<EquityRow>, StoreError> {
        let name = || Value::Text(account.as_str().to_owned());
        let sql =
            "SELECT COALESCE(MIN(at), 0), COALESCE(MAX(at), 0) FROM equity WHERE account = ?1 AND at >= ?2";
        let ends: Vec<(i64, i64)> =
            self.query(sql, vec![name(), Value::Integer(since.as_microsecond())], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let (first, last) = ends.first().copied().unwrap_or_default();
        let stretch = ((last - first) / i64::from(points.max(1)) + 1).max(1);
        // SQLite takes the other columns of a group from the row that MAX chose.
        let sql = "SELECT MAX(at), net_liquidation, cash FROM equity WHERE account = ?1 AND at >= ?2
             GROUP BY (at - ?3) / ?4 ORDER BY at";
        let values = vec![
            name(),
            Value::Integer(since.as_microsecond()),
            Value::Integer(first),
            Value::Integer(stretch),
        ];
        self.query(sql, values, |row| {
            Ok((rows::time(row, 0)?, rows::decimal(row, 1)?, rows::decimal(row, 2)?))
        })
    }
}
