//! What a trader wrote: beside orders, one note each, and about instruments, several each.

use jiff::Timestamp;
use rusqlite::Transaction;
use rusqlite::types::Value;

use crate::domain::ids::ClientOrderId;
use crate::domain::note::{NoteId, SYMBOL_NOTES_MAX, SymbolNote};

use super::{Store, StoreError, rows};

/// Notes on orders that are read at most, the newest.
const NOTES_MAX: i64 = 5_000;

/// A change of the notes on instruments, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SymbolNoteRow {
    /// Another note.
    Put(SymbolNote),
    /// A note is no more.
    Gone(NoteId),
}

/// Writes notes; an empty one takes the old one off.
pub(super) fn write_notes(
    t: &Transaction<'_>,
    notes: &[(ClientOrderId, Timestamp, String)],
) -> rusqlite::Result<()> {
    for (order, at, text) in notes {
        if text.is_empty() {
            t.prepare_cached("DELETE FROM note WHERE client_order_id = ?1")?.execute([order.to_string()])?;
            continue;
        }
        t.prepare_cached(
            "INSERT INTO note (client_order_id, at, text) VALUES (?1, ?2, ?3)
             ON CONFLICT (client_order_id) DO UPDATE SET at = excluded.at, text = excluded.text",
        )?
        .execute((order.to_string(), at.as_microsecond(), text))?;
    }
    Ok(())
}

/// Writes notes on instruments, and takes off those that are no more.
pub(super) fn write_symbol_notes(t: &Transaction<'_>, changes: &[SymbolNoteRow]) -> rusqlite::Result<()> {
    let number = |id: NoteId| i64::try_from(id.0).unwrap_or(i64::MAX);
    for change in changes {
        match change {
            SymbolNoteRow::Put(note) => {
                t.prepare_cached(
                    "INSERT INTO symbol_note (id, instrument, at, text) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (id) DO UPDATE SET instrument = excluded.instrument, at = excluded.at, text = excluded.text",
                )?
                .execute((number(note.id), note.instrument.key(), note.at.as_microsecond(), &note.text))?;
            }
            SymbolNoteRow::Gone(id) => {
                t.prepare_cached("DELETE FROM symbol_note WHERE id = ?1")?.execute([number(*id)])?;
            }
        }
    }
    Ok(())
}

impl Store {
    /// Notes by order, the newest first; at most 5,000.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn notes(&self) -> Result<Vec<(ClientOrderId, String)>, StoreError> {
        let sql = "SELECT client_order_id, text FROM note ORDER BY at DESC LIMIT ?1";
        let rows: Vec<(String, String)> =
            self.query(sql, vec![Value::Integer(NOTES_MAX)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let read = |(id, text): (String, String)| match id.parse() {
            Ok(id) => Ok((id, text)),
            Err(_) => Err(StoreError::Row {
                path: self.path.clone(),
                table: "note",
                reason: format!("'{}' is no order id", id.escape_default()),
            }),
        };
        rows.into_iter().map(read).collect()
    }

    /// Notes on instruments: by instrument, the newest of each first; the newest 1,000 of all.
    ///
    /// # Errors
    /// When the database cannot be read, or holds what is no instrument.
    pub fn symbol_notes(&self) -> Result<Vec<SymbolNote>, StoreError> {
        let sql = "SELECT id, at, text, instrument FROM symbol_note ORDER BY id DESC LIMIT ?1";
        let most = i64::try_from(SYMBOL_NOTES_MAX).unwrap_or(i64::MAX);
        let mut notes = self.query(sql, vec![Value::Integer(most)], |row| {
            Ok(SymbolNote {
                id: NoteId(u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default()),
                at: rows::time(row, 1)?,
                text: row.get(2)?,
                instrument: rows::instrument(row, 3)?,
            })
        })?;
        notes.sort_by(|a, b| a.instrument.cmp(&b.instrument));
        Ok(notes)
    }
}
