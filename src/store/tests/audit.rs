//! The audit log under every kind of tampering, at every row (reliability P6).

use super::super::audit::{Anchor, AuditFilter};
use super::super::install::{Install, ProfileChange, ProfileRow};
use super::*;
use crate::domain::audit::{AuditAction, AuditEvent, AuditReport};
use crate::domain::role::Role;

const ROWS: u64 = 500;

fn event(n: u64) -> AuditEvent {
    AuditEvent {
        at: now() + jiff::SignedDuration::from_secs(i64::try_from(n).unwrap()),
        actor: format!("trader{}", n % 3),
        role: Role::ALL[usize::try_from(n % 3).unwrap()],
        origin: "tty /dev/pts/3".to_owned(),
        action: if n.is_multiple_of(2) { AuditAction::OrderConfirmed } else { AuditAction::Unlocked },
        object: format!("order {n}"),
        result: "ok".to_owned(),
    }
}

fn chain(directory: &Path, rows: u64) -> Install {
    let mut install = Install::open(directory, now()).unwrap();
    install.record(&(1..=rows).map(event).collect::<Vec<_>>()).unwrap();
    install
}

/// Somebody with a database program: the triggers are no obstacle.
fn unguarded(install: &Install) {
    for name in ["audit_is_not_updated", "audit_is_not_deleted", "audit_is_added_at_the_end"] {
        install.raw().execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
}

fn anchor_at(install: &Install, seq: u64) -> Anchor {
    let hash = install
        .raw()
        .query_row("SELECT hash FROM audit WHERE seq = ?1", [seq.cast_signed()], |row| row.get(0))
        .unwrap();
    Anchor { seq, at: now(), hash, key: [0; 32], signature: [0; 64] }
}

/// What a check finds after `sql` was done to the log, which is undone again.
fn after(install: &Install, sql: &str, anchors: &[Anchor]) -> AuditReport {
    install.raw().execute_batch(&format!("SAVEPOINT tampering; {sql}")).unwrap();
    let (report, _) = install.verify(anchors).unwrap();
    install.raw().execute_batch("ROLLBACK TO tampering; RELEASE tampering").unwrap();
    report
}

#[test]
fn p6_a_chain_is_whole_and_only_added_to() {
    let directory = directory();
    let install = chain(directory.path(), ROWS);
    let (report, _) = install.verify(&[]).unwrap();
    assert_eq!((report.rows, report.unanchored, report.clock_went_back), (ROWS, ROWS, 0));
    assert_eq!(report.fault, None);
    for sql in [
        "UPDATE audit SET actor = 'x' WHERE seq = 7",
        "DELETE FROM audit WHERE seq = 500",
        "INSERT INTO audit SELECT 502, at, actor, role, origin, action, object, result, hash FROM audit WHERE seq = 1",
        "INSERT INTO audit SELECT 7, at, actor, role, origin, action, object, result, hash FROM audit WHERE seq = 1",
        "UPDATE anchor SET seq = 1",
    ] {
        let refused = install.raw().execute_batch(sql);
        let empty_anchor = sql.contains("anchor") && refused.is_ok();
        assert!(empty_anchor || refused.unwrap_err().to_string().contains("only ever added"), "{sql}");
    }
    assert_eq!(install.audit_rows(&AuditFilter { limit: 3, ..AuditFilter::default() }).unwrap()[0].seq, 498);
    let of = AuditFilter { actor: Some("trader1".to_owned()), limit: 0 };
    assert!(install.audit_rows(&of).unwrap().iter().all(|row| row.actor == "trader1"));
}

#[test]
fn p6_a_changed_field_is_found_at_every_row() {
    let directory = directory();
    let install = chain(directory.path(), ROWS);
    unguarded(&install);
    let fields = ["at", "actor", "role", "origin", "action", "object", "result", "hash"];
    for seq in 1..=ROWS {
        let field = fields[usize::try_from(seq).unwrap() % fields.len()];
        let value = match field {
            "at" => "at + 1".to_owned(),
            "hash" => "zeroblob(32)".to_owned(),
            _ => format!("{field} || 'x'"),
        };
        let report = after(&install, &format!("UPDATE audit SET {field} = {value} WHERE seq = {seq}"), &[]);
        let fault = report.fault.unwrap_or_else(|| panic!("row {seq}: {field} changed, and nobody says so"));
        assert_eq!(fault.seq, seq, "{field}: {}", fault.text);
    }
    // A character that moves from one field to its neighbour is another row.
    let moved = "UPDATE audit SET actor = 'trader', role = '1' || role WHERE seq = 4";
    assert_eq!(after(&install, moved, &[]).fault.unwrap().seq, 4);
}

#[test]
fn p6_a_removed_row_is_found_at_every_row() {
    let directory = directory();
    let install = chain(directory.path(), ROWS);
    unguarded(&install);
    let anchors = [anchor_at(&install, ROWS)];
    for seq in 1..=ROWS {
        let gone = after(&install, &format!("DELETE FROM audit WHERE seq = {seq}"), &anchors);
        assert_eq!(gone.fault.unwrap().seq, seq);
        // The gap is closed by renumbering what follows.
        let closed = format!(
            "DELETE FROM audit WHERE seq = {seq}; UPDATE audit SET seq = -seq WHERE seq > {seq}; UPDATE audit SET seq = -seq - 1 WHERE seq < 0"
        );
        assert_eq!(after(&install, &closed, &anchors).fault.unwrap().seq, seq);
    }
}

#[test]
fn p6_swapped_and_inserted_rows_are_found_at_every_row() {
    let directory = directory();
    let install = chain(directory.path(), ROWS);
    unguarded(&install);
    for seq in 1..ROWS {
        let next = seq + 1;
        let swap = format!(
            "UPDATE audit SET seq = -1 WHERE seq = {seq}; UPDATE audit SET seq = {seq} WHERE seq = {next}; UPDATE audit SET seq = {next} WHERE seq = -1"
        );
        assert_eq!(after(&install, &swap, &[]).fault.unwrap().seq, seq);
        let insert = format!(
            "UPDATE audit SET seq = -seq WHERE seq > {seq}; UPDATE audit SET seq = -seq + 1 WHERE seq < 0; \
             INSERT INTO audit SELECT {next}, at, actor, role, origin, action, object, result, hash FROM audit WHERE seq = {seq}"
        );
        assert_eq!(after(&install, &insert, &[]).fault.unwrap().seq, next);
    }
}

#[test]
fn p6_what_was_cut_off_is_found_back_to_the_last_anchor() {
    let directory = directory();
    let install = chain(directory.path(), ROWS);
    unguarded(&install);
    let anchors = [anchor_at(&install, 100), anchor_at(&install, 400)];
    for keep in 0..ROWS {
        let report = after(&install, &format!("DELETE FROM audit WHERE seq > {keep}"), &anchors);
        if keep < 400 {
            assert_eq!(
                report.fault.unwrap().text,
                format!("rows {} to 400 are missing: they were signed once", keep + 1)
            );
        } else {
            assert_eq!((report.fault, report.unanchored), (None, keep - 400), "said to be unanchored");
        }
    }
}

#[test]
fn p6_a_chain_that_was_written_anew_does_not_fit_its_anchors() {
    let directory = directory();
    let install = chain(directory.path(), ROWS);
    let anchors = [anchor_at(&install, 400)];
    let other = super::directory();
    let mut rewritten = Install::open(other.path(), now()).unwrap();
    rewritten.record(&(1..=ROWS).map(|n| event(n + u64::from(n == 7))).collect::<Vec<_>>()).unwrap();
    let report = rewritten.verify(&anchors).unwrap().0;
    assert_eq!(report.fault.unwrap().text, "row 400 is another than the one that was signed");
}

#[test]
fn p6_a_clock_that_goes_back_is_counted_and_breaks_nothing() {
    let directory = directory();
    let mut install = chain(directory.path(), 10);
    install.record(&[event(3), event(4), event(1)]).unwrap();
    let (report, _) = install.verify(&[]).unwrap();
    assert_eq!((report.rows, report.clock_went_back, report.fault), (13, 2, None));
}

#[test]
fn p2_a_role_changed_by_hand_is_found() {
    let directory = directory();
    let mut install = Install::open(directory.path(), now()).unwrap();
    let row = ProfileRow {
        id: "00aa".to_owned(),
        name: "alice".to_owned(),
        role: Role::Standard,
        disabled: false,
        created_at: now(),
    };
    let made = AuditEvent {
        action: AuditAction::ProfileCreated,
        object: row.object(),
        result: row.role.to_string(),
        ..event(1)
    };
    let change = ProfileChange::Create(row.clone());
    install.change(&row.id, &change, &made, |_| Ok::<(), StoreError>(())).unwrap();
    assert_eq!(install.verify(&[]).unwrap().0.fault, None);
    for sql in [
        "UPDATE profile SET role = 'superadmin'",
        "UPDATE profile SET name = 'bob'",
        "UPDATE profile SET disabled = 1",
        "DELETE FROM profile",
        "INSERT INTO profile SELECT '00bb', 'mallory', 'superadmin', 0, 0",
    ] {
        let report = after(&install, sql, &[]);
        assert!(report.fault.unwrap().text.contains("another hand"), "{sql}");
    }
    // What is refused in the same transaction leaves no trace.
    let role = ProfileChange::Role(Role::Admin);
    let refused = install.change(&row.id, &role, &event(2), |_| Err(StoreError::Busy { path: "x".into() }));
    assert!(refused.is_err());
    assert_eq!(install.profiles().unwrap(), [row]);
    assert_eq!(install.verify(&[]).unwrap().0.rows, 1);
}

#[test]
fn p6_two_writers_make_one_chain() {
    let directory = directory();
    drop(Install::open(directory.path(), now()).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut install = Install::open(directory.path(), now()).unwrap();
                for n in 1..=25 {
                    install.record(&[event(n)]).unwrap();
                }
            });
        }
    });
    let install = Install::open_reader(directory.path()).unwrap().unwrap();
    let (report, _) = install.verify(&[]).unwrap();
    assert_eq!((report.rows, report.fault), (100, None));
}
