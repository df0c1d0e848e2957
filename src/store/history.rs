//! What was: orders, fills, gains, equity, watchlists; newest first and in pages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::types::Value;
use rust_decimal::Decimal;

use crate::domain::calendar::account_day;
use crate::domain::execution::{CashEntry, Execution};
use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::order::Order;
use crate::domain::snapshot::{LogLine, Severity, Watchlist};

use super::{Store, StoreError, rows};

/// Which rows.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Of this instrument only.
    pub instrument: Option<Instrument>,
    /// This order, or its fills, only.
    pub order: Option<OrderKey>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// At most so many; 0 for all.
    pub limit: u32,
    /// Rows to skip.
    pub offset: u32,
}

/// One order, by what the user has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKey {
    /// Its short number.
    Number(OrderNumber),
    /// Our id.
    Id(ClientOrderId),
}

/// Sums over fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PnlTotals {
    /// Gain or loss, fees taken off.
    pub realized_pnl: Decimal,
    /// Fees, positive.
    pub fees: Decimal,
    /// Fills.
    pub executions: u64,
}

/// Sums by account day, newest first, and by instrument, in its order.
pub type PnlSums = (Vec<(Date, PnlTotals)>, Vec<(Instrument, PnlTotals)>);

impl PnlTotals {
    fn add(&mut self, realized: Decimal, fee: Decimal) {
        self.realized_pnl += realized;
        self.fees += fee;
        self.executions += 1;
    }
}

impl HistoryFilter {
    /// The `WHERE` of a filter over a table whose times are in the column `time`, with its values. Built of constants alone: what comes
    /// from outside is bound.
    fn clause(&self, time: Time) -> (String, Vec<Value>) {
        let mut clause = String::from(" WHERE 1 = 1");
        let mut values = Vec::new();
        let mut with = |text: &'static str, value: Value| {
            clause.push_str(text);
            values.push(value);
        };
        if let Some(account) = &self.account {
            with(" AND account = ?", Value::Text(account.as_str().to_owned()));
        }
        if let Some(instrument) = &self.instrument {
            with(" AND instrument = ?", Value::Text(instrument.key()));
        }
        if let Some(order) = self.order {
            let condition = match (time, order) {
                (Time::CreatedAt, OrderKey::Number(_)) => " AND number = ?",
                (Time::CreatedAt, OrderKey::Id(_)) => " AND client_order_id = ?",
                (Time::At, OrderKey::Number(_)) => {
                    " AND intent_id = (SELECT client_order_id FROM orders WHERE number = ?)"
                }
                (Time::At, OrderKey::Id(_)) => " AND intent_id = ?",
            };
            let value = match order {
                OrderKey::Number(number) => Value::Integer(i64::try_from(number.0).unwrap_or(i64::MAX)),
                OrderKey::Id(id) => Value::Text(id.to_string()),
            };
            with(condition, value);
        }
        let (since, until) = match time {
            Time::At => (" AND at >= ?", " AND at < ?"),
            Time::CreatedAt => (" AND created_at >= ?", " AND created_at < ?"),
        };
        if let Some(instant) = self.since {
            with(since, Value::Integer(instant.as_microsecond()));
        }
        if let Some(instant) = self.until {
            with(until, Value::Integer(instant.as_microsecond()));
        }
        (clause, values)
    }

    /// The values of ` LIMIT ? OFFSET ?`.
    fn page(&self) -> [Value; 2] {
        let limit = if self.limit == 0 { -1 } else { i64::from(self.limit) };
        [Value::Integer(limit), Value::Integer(i64::from(self.offset))]
    }
}

/// Which column holds a table's times.
#[derive(Clone, Copy)]
enum Time {
    At,
    CreatedAt,
}

fn executions_sql(filter: &HistoryFilter) -> (String, Vec<Value>) {
    let (clause, mut values) = filter.clause(Time::At);
    values.extend(filter.page());
    let order = " ORDER BY at DESC, rowid DESC LIMIT ? OFFSET ?";
    (["SELECT ", rows::EXECUTION_COLUMNS, " FROM execution", &clause, order].concat(), values)
}

impl Store {
    pub(super) fn query<T>(
        &self,
        sql: &str,
        values: Vec<Value>,
        map: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let run = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(rusqlite::params_from_iter(values), map)?.collect()
        };
        run().map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    fn documents(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Order>, StoreError> {
        let texts: Vec<String> = self.query(sql, values, |row| row.get(0))?;
        let read = |text: &String| {
            serde_json::from_str(text).map_err(|error| StoreError::Row {
                path: self.path.clone(),
                table: "orders",
                reason: error.to_string(),
            })
        };
        texts.iter().map(read).collect()
    }

    /// Orders, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn orders(&self, filter: &HistoryFilter) -> Result<Vec<Order>, StoreError> {
        let (clause, mut values) = filter.clause(Time::CreatedAt);
        values.extend(filter.page());
        let sql = ["SELECT document FROM orders", &clause, " ORDER BY number DESC LIMIT ? OFFSET ?"].concat();
        self.documents(&sql, values)
    }

    /// Every working order and the newest others, oldest first: what a start needs.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn orders_for_start(&self, recent: u32) -> Result<Vec<Order>, StoreError> {
        self.documents(
            "SELECT document FROM orders WHERE working = 1 OR number > (SELECT COALESCE(MAX(number), 0) FROM orders) - ?1
             ORDER BY number",
            vec![Value::Integer(i64::from(recent))],
        )
    }

    /// The number the next order gets.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn next_order_number(&self) -> Result<u64, StoreError> {
        let numbers: Vec<i64> =
            self.query("SELECT 1 + COALESCE(MAX(number), 0) FROM orders", Vec::new(), |row| row.get(0))?;
        Ok(numbers.first().and_then(|number| u64::try_from(*number).ok()).unwrap_or(1))
    }

    /// Fills, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn executions(&self, filter: &HistoryFilter) -> Result<Vec<Execution>, StoreError> {
        let (sql, values) = executions_sql(filter);
        self.query(&sql, values, rows::execution)
    }

    /// How SQLite finds a page of fills, a step each.
    #[cfg(test)]
    pub(super) fn plans(&self, filter: &HistoryFilter) -> Vec<String> {
        let (sql, values) = executions_sql(filter);
        self.query(&["EXPLAIN QUERY PLAN ", &sql].concat(), values, |row| row.get(3)).unwrap()
    }

    /// Every fill, in the order they were written: what the books are rebuilt from.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all_executions(&self) -> Result<Vec<Execution>, StoreError> {
        let sql = ["SELECT ", rows::EXECUTION_COLUMNS, " FROM execution ORDER BY rowid"].concat();
        self.query(&sql, Vec::new(), rows::execution)
    }

    /// Every cash movement, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all_cash(&self) -> Result<Vec<CashEntry>, StoreError> {
        let sql =
            "SELECT account, id, kind, amount, currency, instrument, at FROM cash_entry ORDER BY at, id";
        self.query(sql, Vec::new(), rows::cash_entry)
    }

    /// Gains and fees by account day (newest first) and by instrument (in its order).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pnl(&self, filter: &HistoryFilter) -> Result<PnlSums, StoreError> {
        let (clause, values) = filter.clause(Time::At);
        let mut days: BTreeMap<Date, PnlTotals> = BTreeMap::new();
        let mut instruments: BTreeMap<Instrument, PnlTotals> = BTreeMap::new();
        let sql = ["SELECT instrument, at, realized_pnl, fee FROM execution", &clause].concat();
        self.query(&sql, values, |row| {
            let (realized, fee) = (rows::decimal(row, 2)?, rows::decimal(row, 3)?);
            days.entry(account_day(rows::time(row, 1)?)).or_default().add(realized, fee);
            instruments.entry(rows::instrument(row, 0)?).or_default().add(realized, fee);
            Ok(())
        })?;
        Ok((days.into_iter().rev().collect(), instruments.into_iter().collect()))
    }

    /// The first equity of an account at or after an instant, with when it was recorded.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn equity_at(
        &self,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<Option<(Timestamp, Decimal)>, StoreError> {
        let sql =
            "SELECT at, net_liquidation FROM equity WHERE account = ?1 AND at >= ?2 ORDER BY at LIMIT 1";
        self.equity_point(sql, account, at)
    }

    /// The newest equity of an account that was recorded before an instant, if any, with when that was.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn equity_before(
        &self,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<Option<(Timestamp, Decimal)>, StoreError> {
        let sql =
            "SELECT at, net_liquidation FROM equity WHERE account = ?1 AND at < ?2 ORDER BY at DESC LIMIT 1";
        self.equity_point(sql, account, at)
    }

    fn equity_point(
        &self,
        sql: &str,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<Option<(Timestamp, Decimal)>, StoreError> {
        let values = vec![Value::Text(account.as_str().to_owned()), Value::Integer(at.as_microsecond())];
        let rows = self.query(sql, values, |row| Ok((rows::time(row, 0)?, rows::decimal(row, 1)?)))?;
        Ok(rows.into_iter().next())
    }

    /// The highest point of equity of each UTC day since an instant, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn equity_highs_since(
        &self,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<Vec<(Timestamp, Decimal)>, StoreError> {
        // Only the choice of the row is made in floating point; what is returned is the row's own text.
        let sql = "SELECT at, net_liquidation, MAX(CAST(net_liquidation AS REAL)) FROM equity
             WHERE account = ?1 AND at >= ?2 GROUP BY at / 86400000000 ORDER BY at";
        let values = vec![Value::Text(account.as_str().to_owned()), Value::Integer(at.as_microsecond())];
        self.query(sql, values, |row| Ok((rows::time(row, 0)?, rows::decimal(row, 1)?)))
    }

    /// The equity curve since an instant, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn equity_since(
        &self,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<Vec<(Timestamp, Decimal)>, StoreError> {
        let sql = "SELECT at, net_liquidation FROM equity WHERE account = ?1 AND at >= ?2 ORDER BY at";
        let values = vec![Value::Text(account.as_str().to_owned()), Value::Integer(at.as_microsecond())];
        self.query(sql, values, |row| Ok((rows::time(row, 0)?, rows::decimal(row, 1)?)))
    }

    /// The user's lists, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn watchlists(&self) -> Result<Vec<Watchlist>, StoreError> {
        let rows: Vec<(String, String)> =
            self.query("SELECT name, instruments FROM watchlist ORDER BY position", Vec::new(), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let read = |(name, keys): (String, String)| {
            let error =
                |reason: String| StoreError::Row { path: self.path.clone(), table: "watchlist", reason };
            let keys: Vec<String> = serde_json::from_str(&keys).map_err(|e| error(e.to_string()))?;
            let instruments: Result<Vec<Instrument>, _> =
                keys.iter().map(|key| Instrument::from_key(key)).collect();
            Ok(Watchlist { name: name.into(), instruments: instruments.map_err(|e| error(e.to_string()))? })
        };
        rows.into_iter().map(read).collect()
    }

    /// The stored paper venue of an account.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn venue(&self, account: &AccountId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT state FROM venue WHERE account = ?1";
        Ok(self
            .query(sql, vec![Value::Text(account.as_str().to_owned())], |row| row.get(0))?
            .into_iter()
            .next())
    }

    /// The newest log lines, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn log(&self, limit: u32) -> Result<Vec<LogLine>, StoreError> {
        let sql = "SELECT at, severity, code, text FROM log ORDER BY id DESC LIMIT ?1";
        let mut lines = self.query(sql, vec![Value::Integer(i64::from(limit))], |row| {
            let severity = match row.get::<_, String>(1)?.as_str() {
                "warning" => Severity::Warning,
                "error" => Severity::Error,
                _ => Severity::Info,
            };
            Ok(LogLine {
                at: rows::time(row, 0)?,
                severity,
                code: row.get::<_, String>(2)?.into(),
                text: row.get(3)?,
            })
        })?;
        lines.reverse();
        Ok(lines)
    }
}
