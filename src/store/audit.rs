//! The audit log: a chain of hashes, and anchors that sign its head (reliability P6). Rows are added, never changed; what was changed by
//! another hand is found, row by row.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use sha2::{Digest, Sha256};

use crate::domain::audit::{AuditEvent, AuditFault, AuditReport, AuditRow};

/// What a hash begins with, so that it is a hash of nothing else.
const LABEL: &[u8] = b"arbion-audit-1";
/// What a signature begins with.
const ANCHOR_LABEL: &[u8] = b"arbion-anchor-1";
/// Rows after which the head is signed.
const ANCHOR_ROWS: u64 = 100;
/// Time after which the head is signed.
const ANCHOR_TIME: SignedDuration = SignedDuration::from_hours(1);
/// Longest text of a field in bytes: what is longer is cut.
const FIELD_BYTES_MAX: usize = 512;

/// A hash of the chain.
pub type Hash = [u8; 32];

/// A signed head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The row whose hash is signed.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Its hash.
    pub hash: Hash,
    /// Public half of the key.
    pub key: [u8; 32],
    /// Signature of [`anchored_bytes`].
    pub signature: [u8; 64],
}

/// What an anchor signs.
#[must_use]
pub fn anchored_bytes(seq: u64, hash: &Hash) -> Vec<u8> {
    [ANCHOR_LABEL, &seq.to_be_bytes(), hash].concat()
}

fn hash(before: &Hash, seq: u64, at: i64, fields: [&str; 6]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(LABEL);
    hasher.update(before);
    hasher.update(seq.to_be_bytes());
    hasher.update(at.to_be_bytes());
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().into()
}

fn head(connection: &Connection) -> rusqlite::Result<(u64, Hash)> {
    let last = connection
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Hash>(1)?)))
        .optional()?;
    Ok(last.unwrap_or((0, [0; 32])))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(FIELD_BYTES_MAX)]
}

/// Adds an event at the end of the chain, in the caller's transaction. Returns its place.
///
/// # Errors
/// When it cannot be written.
pub(super) fn append(transaction: &Transaction<'_>, event: &AuditEvent) -> rusqlite::Result<u64> {
    let (last, before) = head(transaction)?;
    let (seq, at) = (last + 1, event.at.as_microsecond());
    let fields = [
        cut(&event.actor),
        event.role.as_str(),
        cut(&event.origin),
        event.action.as_str(),
        cut(&event.object),
        cut(&event.result),
    ];
    let hash = hash(&before, seq, at, fields);
    transaction
        .prepare_cached(
            "INSERT INTO audit (seq, at, actor, role, origin, action, object, result, hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            seq.cast_signed(),
            at,
            fields[0],
            fields[1],
            fields[2],
            fields[3],
            fields[4],
            fields[5],
            hash,
        ))?;
    Ok(seq)
}

/// The head to be signed now, where it is time for that: a hundred rows or an hour after the last anchor.
pub(super) fn due(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<(u64, Hash)>> {
    let last = connection
        .query_row("SELECT seq, at FROM anchor ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?))
        })
        .optional()?;
    let (seq, hash) = head(connection)?;
    let due = match last {
        None => seq > 0,
        Some((anchored, at)) => {
            let age = now.as_microsecond().saturating_sub(at);
            seq > anchored && (seq - anchored >= ANCHOR_ROWS || i128::from(age) >= ANCHOR_TIME.as_micros())
        }
    };
    Ok(due.then_some((seq, hash)))
}

/// Keeps an anchor.
pub(super) fn add_anchor(connection: &Connection, anchor: &Anchor) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO anchor (seq, at, hash, key, signature) VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                anchor.seq.cast_signed(),
                anchor.at.as_microsecond(),
                anchor.hash,
                anchor.key,
                anchor.signature.as_slice(),
            ),
        )
        .map(drop)
}

/// Every anchor, by row.
pub(super) fn anchors(connection: &Connection) -> rusqlite::Result<Vec<Anchor>> {
    let mut statement =
        connection.prepare("SELECT seq, at, hash, key, signature FROM anchor ORDER BY seq, rowid")?;
    let rows = statement.query_map([], |row| {
        let signature: Vec<u8> = row.get(4)?;
        Ok(Anchor {
            seq: row.get::<_, i64>(0)?.cast_unsigned(),
            at: super::rows::time(row, 1)?,
            hash: row.get(2)?,
            key: row.get(3)?,
            // One of another length signs nothing, which the check of signatures says.
            signature: signature.try_into().unwrap_or([0; 64]),
        })
    })?;
    rows.collect()
}

/// Which rows to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this actor only.
    pub actor: Option<String>,
    /// At most so many of the newest, 0 for all.
    pub limit: u32,
}

/// Rows, oldest first.
pub(super) fn list(connection: &Connection, filter: &AuditFilter) -> rusqlite::Result<Vec<AuditRow>> {
    let limit = if filter.limit == 0 { -1 } else { i64::from(filter.limit) };
    let mut statement = connection.prepare(
        "SELECT seq, at, actor, role, origin, action, object, result, hash FROM audit \
         WHERE ?1 IS NULL OR actor = ?1 ORDER BY seq DESC LIMIT ?2",
    )?;
    let rows = statement.query_map((filter.actor.as_deref(), limit), row)?;
    let mut rows: Vec<AuditRow> = rows.collect::<rusqlite::Result<_>>()?;
    rows.reverse();
    Ok(rows)
}

fn row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        at: super::rows::time(row, 1)?,
        actor: row.get(2)?,
        role: row.get(3)?,
        origin: row.get(4)?,
        action: row.get(5)?,
        object: row.get(6)?,
        result: row.get(7)?,
        hash: hex(&row.get::<_, Vec<u8>>(8)?),
    })
}

/// Bytes in hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

/// Goes through the chain from its first row, in constant memory. `each` sees every row that is sound; `anchors`, by row, are those of the
/// database and of any copy, their signatures already checked.
///
/// # Errors
/// When the database cannot be read.
pub(super) fn verify(
    connection: &Connection,
    anchors: &[Anchor],
    mut each: impl FnMut(&str, &str, &str),
) -> rusqlite::Result<AuditReport> {
    let mut report = AuditReport {
        rows: 0,
        head: hex(&[0; 32]),
        anchors: 0,
        unanchored: 0,
        clock_went_back: 0,
        fault: None,
    };
    let mut statement = connection.prepare(
        "SELECT seq, at, actor, role, origin, action, object, result, hash FROM audit ORDER BY seq",
    )?;
    let mut rows = statement.query([])?;
    let (mut before, mut time, mut anchored) = ([0; 32], i64::MIN, 0);
    let mut open = anchors.iter().peekable();
    while let Some(row) = rows.next()? {
        let (seq, at) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?);
        let expected = report.rows + 1;
        if seq != expected {
            report.fault = Some(AuditFault { seq: expected, text: format!("row {expected} is missing") });
            return Ok(report);
        }
        let mut fields = [""; 6];
        for (index, field) in fields.iter_mut().enumerate() {
            *field = row.get_ref(index + 2)?.as_str()?;
        }
        let found = hash(&before, seq, at, fields);
        if row.get_ref(8)?.as_blob()? != found {
            let text = format!("row {seq} is not what was written, or not in its place");
            report.fault = Some(AuditFault { seq, text });
            return Ok(report);
        }
        while let Some(anchor) = open.next_if(|anchor| anchor.seq <= seq) {
            if anchor.seq == seq && anchor.hash != found {
                let text = format!("row {seq} is another than the one that was signed");
                report.fault = Some(AuditFault { seq, text });
                return Ok(report);
            }
            (anchored, report.anchors) = (anchor.seq, report.anchors + 1);
        }
        report.clock_went_back += u64::from(at < time);
        each(fields[3], fields[4], fields[5]);
        (before, time, report.rows) = (found, at, seq);
    }
    report.head = hex(&before);
    report.unanchored = report.rows - anchored;
    if let Some(last) = anchors.last().filter(|last| last.seq > report.rows) {
        let (from, to) = (report.rows + 1, last.seq);
        let text = format!("rows {from} to {to} are missing: they were signed once");
        report.fault = Some(AuditFault { seq: from, text });
    }
    Ok(report)
}
