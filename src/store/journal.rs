//! The journal: everything one engine step wants on disk, in one transaction and one sync.

use rusqlite::{OptionalExtension, Transaction};
use rust_decimal::Decimal;

use crate::domain::alert::Alert;
use crate::domain::denial::RiskCheck;
use crate::domain::execution::{CashEntry, Execution};
use crate::domain::exit::ExitGroup;
use crate::domain::ids::{AccountId, ClientOrderId, ExecutionId};
use crate::domain::money::canonical;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::{LogLine, Severity, Watchlist};
use crate::domain::statement::ReconcileRun;
use crate::domain::strategy::{DecisionRecord, StoredStrategy};

use super::bots::{ApprovedBot, remove_bots, write_bots};
use super::keepsakes::{write_alerts, write_exits, write_reconciles};
use super::notes::{SymbolNoteRow, write_notes, write_symbol_notes};
use super::strategies::{remove_strategies, write_decisions, write_strategies};
use super::{Store, StoreError};

/// Log lines kept on disk.
const LOG_LINES_MAX: i64 = 10_000;

/// What kind of intent a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentKind {
    /// A new order.
    New,
    /// A cancel.
    Cancel,
    /// A replace.
    Replace,
}

impl IntentKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Cancel => "cancel",
            Self::Replace => "replace",
        }
    }
}

/// An intent: written before the wire, never changed.
#[derive(Clone, Debug)]
pub struct IntentRow {
    /// Its own id.
    pub id: ClientOrderId,
    /// What it is.
    pub kind: IntentKind,
    /// The order it is about, as it stood.
    pub order: Order,
    /// Every risk check with its result; empty for cancels.
    pub checks: Vec<RiskCheck>,
}

/// A status change of an order.
#[derive(Clone, Debug)]
pub struct IntentEventRow {
    /// Which order.
    pub order: ClientOrderId,
    /// When.
    pub at: jiff::Timestamp,
    /// Before.
    pub from: OrderStatus,
    /// After.
    pub to: OrderStatus,
    /// The event in words.
    pub detail: String,
}

/// A fill with what it realised.
#[derive(Clone, Debug)]
pub struct ExecutionRow {
    /// The fill.
    pub execution: Execution,
    /// Gain or loss, fees taken off.
    pub realized_pnl: Decimal,
}

/// Everything one step wants written.
#[derive(Clone, Debug, Default)]
pub struct JournalBatch {
    /// New intents.
    pub intents: Vec<IntentRow>,
    /// Status changes, in order.
    pub events: Vec<IntentEventRow>,
    /// Latest states of orders.
    pub orders: Vec<Order>,
    /// Fills.
    pub executions: Vec<ExecutionRow>,
    /// Cash movements.
    pub cash: Vec<CashEntry>,
    /// Equity points: account, time, net liquidation, cash.
    pub equity: Vec<(AccountId, jiff::Timestamp, Decimal, Decimal)>,
    /// Values of the state table.
    pub state: Vec<(String, String)>,
    /// The paper venue of an account, as JSON.
    pub venues: Vec<(AccountId, String)>,
    /// All watchlists, where they changed.
    pub watchlists: Option<Vec<Watchlist>>,
    /// All alerts, where they changed.
    pub alerts: Option<Vec<Alert>>,
    /// All exit plans, where one changed.
    pub exits: Option<Vec<ExitGroup>>,
    /// Notes on orders, with their times; an empty one takes the old one off.
    pub notes: Vec<(ClientOrderId, jiff::Timestamp, String)>,
    /// Changes of the notes on instruments, in order.
    pub symbol_notes: Vec<SymbolNoteRow>,
    /// Comparisons with brokers.
    pub reconciles: Vec<ReconcileRun>,
    /// Newest state of the strategies that changed.
    pub strategies: Vec<StoredStrategy>,
    /// Strategies that are no more.
    pub strategies_gone: Vec<smol_str::SmolStr>,
    /// Bots that a person approved.
    pub bots: Vec<ApprovedBot>,
    /// Bots that nobody's word stands for any more.
    pub bots_gone: Vec<smol_str::SmolStr>,
    /// Why strategies did or did not do something, oldest first.
    pub decisions: Vec<DecisionRecord>,
    /// Log lines.
    pub log: Vec<LogLine>,
}

/// What a write met with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalReport {
    /// Executions that contradict what is on disk; the first stands.
    pub conflicts: Vec<ExecutionId>,
}

impl Store {
    /// Writes batches in one transaction. When this returns, they are on the disk.
    ///
    /// # Errors
    /// When they cannot be written; then nothing of them is.
    pub fn journal(&mut self, batches: &[JournalBatch]) -> Result<JournalReport, StoreError> {
        let path = self.path.clone();
        let fail = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        let transaction = self.connection.transaction().map_err(fail)?;
        let mut report = JournalReport::default();
        for batch in batches {
            write(&transaction, batch, &mut report).map_err(fail)?;
        }
        transaction.commit().map_err(fail)?;
        Ok(report)
    }
}

fn json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn write(t: &Transaction<'_>, batch: &JournalBatch, report: &mut JournalReport) -> rusqlite::Result<()> {
    for intent in &batch.intents {
        write_intent(t, intent)?;
    }
    for event in &batch.events {
        let mut insert = t.prepare_cached(
            "INSERT INTO intent_event (intent_id, n, at, source, status_from, status_to, broker_order_id, detail)
             VALUES (?1, (SELECT 1 + COALESCE(MAX(n), 0) FROM intent_event WHERE intent_id = ?1), ?2, 'engine', ?3, ?4, NULL, ?5)",
        )?;
        insert.execute((
            event.order.to_string(),
            event.at.as_microsecond(),
            event.from.as_str(),
            event.to.as_str(),
            &event.detail,
        ))?;
    }
    for order in &batch.orders {
        write_order(t, order)?;
    }
    for row in &batch.executions {
        write_execution(t, row, report)?;
    }
    for entry in &batch.cash {
        let mut insert = t.prepare_cached(
            "INSERT OR IGNORE INTO cash_entry (account, id, kind, amount, currency, instrument, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let kind = json(&entry.kind)?.trim_matches('"').to_owned();
        let instrument = entry.instrument.as_ref().map(crate::domain::instrument::Instrument::key);
        insert.execute((
            entry.account.as_str(),
            entry.id.as_str(),
            kind,
            canonical(entry.amount),
            entry.currency.as_str(),
            instrument,
            entry.at.as_microsecond(),
        ))?;
    }
    for (account, at, net_liquidation, cash) in &batch.equity {
        let mut insert = t.prepare_cached(
            "INSERT OR REPLACE INTO equity (account, at, net_liquidation, cash) VALUES (?1, ?2, ?3, ?4)",
        )?;
        insert.execute((
            account.as_str(),
            at.as_microsecond(),
            canonical(*net_liquidation),
            canonical(*cash),
        ))?;
    }
    for (key, value) in &batch.state {
        let mut upsert = t.prepare_cached(
            "INSERT INTO state (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?;
        upsert.execute([key, value])?;
    }
    for (account, state) in &batch.venues {
        let mut upsert = t.prepare_cached(
            "INSERT INTO venue (account, state) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET state = excluded.state",
        )?;
        upsert.execute([account.as_str(), state])?;
    }
    if let Some(watchlists) = &batch.watchlists {
        write_watchlists(t, watchlists)?;
    }
    if let Some(alerts) = &batch.alerts {
        write_alerts(t, alerts)?;
    }
    if let Some(exits) = &batch.exits {
        write_exits(t, exits)?;
    }
    write_notes(t, &batch.notes)?;
    write_symbol_notes(t, &batch.symbol_notes)?;
    write_reconciles(t, &batch.reconciles)?;
    remove_strategies(t, &batch.strategies_gone)?;
    remove_bots(t, &batch.bots_gone)?;
    write_bots(t, &batch.bots)?;
    write_strategies(t, &batch.strategies)?;
    write_decisions(t, &batch.decisions)?;
    write_log(t, &batch.log)
}

fn write_intent(t: &Transaction<'_>, intent: &IntentRow) -> rusqlite::Result<()> {
    let request = &intent.order.request;
    let mut insert = t.prepare_cached(
        "INSERT INTO intent (id, account, client_order_id, origin, origin_ref, request, risk, parent, kind, created_at, seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let origin = json(&request.origin.kind)?.trim_matches('"').to_owned();
    let parent = request.contingency.parent.or(intent.order.replaces).map(|id| id.to_string());
    insert.execute((
        intent.id.to_string(),
        request.account.as_str(),
        request.client_order_id.to_string(),
        origin,
        request.origin.name.as_deref(),
        json(request)?,
        json(&intent.checks)?,
        parent,
        intent.kind.as_str(),
        intent.order.created_at.as_microsecond(),
        i64::try_from(intent.order.number.0).unwrap_or(i64::MAX),
    ))?;
    Ok(())
}

fn write_order(t: &Transaction<'_>, order: &Order) -> rusqlite::Result<()> {
    let instrument = order
        .request
        .subject
        .instruments()
        .next()
        .map(crate::domain::instrument::Instrument::key)
        .unwrap_or_default();
    let mut upsert = t.prepare_cached(
        "INSERT INTO orders (client_order_id, number, account, instrument, status, working, created_at, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (client_order_id) DO UPDATE SET status = excluded.status, working = excluded.working, document = excluded.document",
    )?;
    upsert.execute((
        order.request.client_order_id.to_string(),
        i64::try_from(order.number.0).unwrap_or(i64::MAX),
        order.request.account.as_str(),
        instrument,
        order.status.as_str(),
        order.is_working(),
        order.created_at.as_microsecond(),
        json(order)?,
    ))?;
    Ok(())
}

fn write_execution(
    t: &Transaction<'_>,
    row: &ExecutionRow,
    report: &mut JournalReport,
) -> rusqlite::Result<()> {
    let e = &row.execution;
    let mut known =
        t.prepare_cached("SELECT quantity, price FROM execution WHERE account = ?1 AND execution_id = ?2")?;
    let known: Option<(String, String)> = known
        .query_row([e.account.as_str(), e.execution_id.as_str()], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    if let Some((quantity, price)) = known {
        if (quantity.as_str(), price.as_str())
            != (e.quantity.to_string().as_str(), e.price.to_string().as_str())
        {
            report.conflicts.push(e.execution_id.clone());
            let mut insert = t.prepare_cached(
                "INSERT INTO execution_conflict (account, execution_id, at, detail) VALUES (?1, ?2, ?3, ?4)",
            )?;
            insert.execute((e.account.as_str(), e.execution_id.as_str(), e.at.as_microsecond(), json(e)?))?;
        }
        return Ok(());
    }
    let mut insert = t.prepare_cached(
        "INSERT INTO execution (account, execution_id, intent_id, broker_order_id, instrument, side, quantity, price, multiplier,
         fee, fee_currency, realized_pnl, kind, at, source) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'stream')",
    )?;
    insert.execute((
        e.account.as_str(),
        e.execution_id.as_str(),
        e.client_order_id.map(|id| id.to_string()),
        e.broker_order_id.as_ref().map(|id| id.as_str().to_owned()),
        e.instrument.key(),
        e.side.as_str(),
        e.quantity.to_string(),
        e.price.to_string(),
        canonical(e.multiplier),
        canonical(e.fee),
        e.currency.as_str(),
        canonical(row.realized_pnl),
        e.kind.as_str(),
        e.at.as_microsecond(),
    ))?;
    Ok(())
}

fn write_watchlists(t: &Transaction<'_>, watchlists: &[Watchlist]) -> rusqlite::Result<()> {
    t.execute("DELETE FROM watchlist", [])?;
    for (position, list) in watchlists.iter().enumerate() {
        let keys: Vec<String> =
            list.instruments.iter().map(crate::domain::instrument::Instrument::key).collect();
        t.prepare_cached("INSERT INTO watchlist (position, name, instruments) VALUES (?1, ?2, ?3)")?
            .execute((position as i64, list.name.as_str(), json(&keys)?))?;
    }
    Ok(())
}

fn write_log(t: &Transaction<'_>, lines: &[LogLine]) -> rusqlite::Result<()> {
    for line in lines {
        let severity = match line.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        t.prepare_cached("INSERT INTO log (at, severity, code, text) VALUES (?1, ?2, ?3, ?4)")?.execute((
            line.at.as_microsecond(),
            severity,
            line.code.as_str(),
            &line.text,
        ))?;
    }
    if !lines.is_empty() {
        t.prepare_cached("DELETE FROM log WHERE id <= (SELECT MAX(id) FROM log) - ?1")?
            .execute([LOG_LINES_MAX])?;
    }
    Ok(())
}
