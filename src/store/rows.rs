//! Rows to domain types and back.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;

use crate::domain::execution::{CashEntry, CashKind, Execution, ExecutionKind};
use crate::domain::ids::{AccountId, BrokerOrderId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Currency, parse_decimal};
use crate::domain::order::Side;

/// A text cell that does not say what it should.
fn bad(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A value that no variant has.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a known word")]
struct UnknownWord(String);

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|error| bad(column, error))
}

pub(super) fn decimal(row: &Row<'_>, column: usize) -> rusqlite::Result<rust_decimal::Decimal> {
    parse_decimal(&row.get::<_, String>(column)?).map_err(|error| bad(column, error))
}

pub(super) fn instrument(row: &Row<'_>, column: usize) -> rusqlite::Result<Instrument> {
    Instrument::from_key(&row.get::<_, String>(column)?).map_err(|error| bad(column, error))
}

pub(super) fn word<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_value(serde_json::Value::String(text.clone()))
        .map_err(|_| bad(column, UnknownWord(text)))
}

fn currency(row: &Row<'_>, column: usize) -> rusqlite::Result<Currency> {
    Currency::new(&row.get::<_, String>(column)?).map_err(|error| bad(column, error))
}

/// Columns of [`execution`], in order.
pub(super) const EXECUTION_COLUMNS: &str = "account, execution_id, intent_id, broker_order_id, instrument, side, quantity, price, \
     multiplier, fee, fee_currency, kind, at, realized_pnl";

pub(super) fn execution(row: &Row<'_>) -> rusqlite::Result<Execution> {
    let intent: Option<String> = row.get(2)?;
    Ok(Execution {
        account: AccountId::new(row.get::<_, String>(0)?),
        execution_id: ExecutionId::new(row.get::<_, String>(1)?),
        client_order_id: intent.map(|text| text.parse().map_err(|error| bad(2, error))).transpose()?,
        broker_order_id: row.get::<_, Option<String>>(3)?.map(BrokerOrderId::new),
        instrument: instrument(row, 4)?,
        side: word::<Side>(row, 5)?,
        quantity: decimal(row, 6)?.into(),
        price: decimal(row, 7)?.into(),
        multiplier: decimal(row, 8)?,
        fee: decimal(row, 9)?,
        currency: currency(row, 10)?,
        kind: word::<ExecutionKind>(row, 11)?,
        at: time(row, 12)?,
    })
}

pub(super) fn cash_entry(row: &Row<'_>) -> rusqlite::Result<CashEntry> {
    Ok(CashEntry {
        account: AccountId::new(row.get::<_, String>(0)?),
        id: ExecutionId::new(row.get::<_, String>(1)?),
        kind: word::<CashKind>(row, 2)?,
        amount: decimal(row, 3)?,
        currency: currency(row, 4)?,
        instrument: row.get::<_, Option<String>>(5)?.map(|_| instrument(row, 5)).transpose()?,
        at: time(row, 6)?,
    })
}
