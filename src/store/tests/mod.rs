//! The store against real files: round trips, damage, crashes.

use super::*;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ClientOrderId, ExecutionId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Currency, Quantity};
use crate::domain::order::{
    Order, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side,
};
use crate::domain::statement::{ReconcileReason, ReconcileRun};
use jiff::SignedDuration;
use rust_decimal::Decimal;

mod audit;
mod backups;
mod first_start;
mod notes;
mod strategies;
mod tidy;
mod torn;

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    directory
}

/// Writes a database file as the program leaves it: its owner's alone.
fn place(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn order(number: u64) -> Order {
    let request = OrderRequest::plain(
        ClientOrderId::from_u128(u128::from(number)),
        AccountId::new("paper"),
        Origin::person(OriginKind::Cli),
        OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
        Side::Buy,
        Quantity::from(10),
        Pricing::Limit { limit_price: "231.5".parse().unwrap() },
    );
    Order::new(OrderNumber(number), request, OrderStatus::PendingSubmit, now())
}

fn fill(n: u64) -> ExecutionRow {
    let execution = Execution {
        execution_id: ExecutionId::new(format!("x{n}")),
        account: AccountId::new("paper"),
        client_order_id: Some(ClientOrderId::from_u128(u128::from(n))),
        broker_order_id: None,
        instrument: Instrument::from_key("AAPL  270115P00190000").unwrap(),
        side: Side::SellShort,
        quantity: Quantity::from(2),
        price: "2.35".parse().unwrap(),
        multiplier: Decimal::ONE_HUNDRED,
        fee: "1.41".parse().unwrap(),
        currency: Currency::USD,
        at: now(),
        kind: ExecutionKind::Trade,
    };
    ExecutionRow { execution, realized_pnl: Decimal::from(n) }
}

fn intent(number: u64) -> JournalBatch {
    let order = order(number);
    let row = IntentRow {
        id: order.request.client_order_id,
        kind: IntentKind::New,
        order: order.clone(),
        checks: Vec::new(),
    };
    JournalBatch { intents: vec![row], orders: vec![order], ..JournalBatch::default() }
}

#[test]
fn s1_pragmas_and_modes_are_set() {
    let directory = directory();
    let store = Store::open(&directory.path().join("p"), now()).unwrap();
    let read = |name: &str| -> String {
        store
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|v| format!("{v:?}"))
            .unwrap()
    };
    assert_eq!(read("journal_mode"), "Text(\"wal\")");
    for (name, value) in [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        ("temp_store", 2),
        ("user_version", migrate::MIGRATIONS.len() as i64),
    ] {
        assert_eq!(read(name), format!("Integer({value})"), "{name}");
    }
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory.path().join("p")), mode(store.path())), (0o700, 0o600));
}

#[test]
fn rows_round_trip_and_survive_a_reopen() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&[intent(1), intent(2)]).unwrap();
    let mut filled = order(1);
    filled.status = OrderStatus::Filled;
    let batch = JournalBatch {
        orders: vec![filled.clone()],
        executions: vec![fill(1), fill(2)],
        ..JournalBatch::default()
    };
    store.journal(&[batch]).unwrap();
    store.close().unwrap();
    let store = Store::open(directory.path(), now()).unwrap();
    assert_eq!(store.orders(&HistoryFilter::default()).unwrap(), [order(2), filled]);
    assert_eq!(store.all_executions().unwrap(), [fill(1).execution, fill(2).execution]);
    assert_eq!(store.next_order_number().unwrap(), 3);
    let aapl = HistoryFilter {
        instrument: Some(Instrument::equity("AAPL").unwrap()),
        limit: 1,
        offset: 1,
        ..HistoryFilter::default()
    };
    assert_eq!(store.orders(&aapl).unwrap().len(), 1);
    let (days, instruments) = store.pnl(&HistoryFilter::default()).unwrap();
    assert_eq!((days.len(), days[0].1.realized_pnl, instruments[0].1.executions), (1, Decimal::from(3), 2));
}

#[test]
fn e1_a_contradicting_execution_is_kept_out_and_reported() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let mut other = fill(1);
    other.execution.quantity = Quantity::from(3);
    let batch = |rows: Vec<ExecutionRow>| JournalBatch { executions: rows, ..JournalBatch::default() };
    assert!(store.journal(&[batch(vec![fill(1), fill(1)])]).unwrap().conflicts.is_empty());
    assert_eq!(store.journal(&[batch(vec![other])]).unwrap().conflicts, [ExecutionId::new("x1")]);
    assert_eq!(store.all_executions().unwrap(), [fill(1).execution]);
}

#[test]
fn j2_a_full_disk_writes_nothing_and_the_next_write_works() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    let many: Vec<JournalBatch> = (1..=400).map(intent).collect();
    let error = store.journal(&many).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.to_string().contains("the disk is full"));
    assert!(store.orders(&HistoryFilter::default()).unwrap().is_empty());
    store.connection.pragma_update_and_check(None, "max_page_count", 100_000, |_| Ok(())).unwrap();
    store.journal(&many).unwrap();
    assert_eq!(store.orders(&HistoryFilter::default()).unwrap().len(), 400);
}

/// Migrations of a program to come: a good one, and one whose last statement fails.
const NEXT: &str = "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT";
const BROKEN: &str = "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT; INSERT INTO nowhere VALUES (1)";

fn count(store: &Store, sql: &str) -> i64 {
    store.connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn s3_a_newer_or_altered_database_is_refused_untouched() {
    let directory = directory();
    let store = Store::open(directory.path(), now()).unwrap();
    let set = |sql: &str| assert_eq!(store.connection.execute(sql, []).map(drop), Ok(()), "{sql}");
    set("UPDATE migration SET checksum = 'another'");
    for open in [Store::open(directory.path(), now()), Store::open_reader(directory.path())] {
        let error = open.unwrap_err().to_string();
        assert!(error.contains("migration 1 was applied by a program that had another one"), "{error}");
    }
    let known = i64::try_from(migrate::MIGRATIONS.len()).unwrap();
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    for open in [Store::open(directory.path(), now()), Store::open_reader(directory.path())] {
        let error = open.unwrap_err().to_string();
        assert!(error.contains("version 99") && error.contains(&format!("knows {known}")), "{error}");
    }
    assert_eq!(count(&store, "SELECT COUNT(*) FROM migration WHERE checksum = 'another'"), known);
}

#[test]
fn s3_an_old_database_is_backed_up_before_it_is_migrated() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&[intent(1)]).unwrap();
    let migrations = [migrate::MIGRATIONS, &[NEXT]].concat();
    migrate::run(&mut store.connection, &store.path, now(), &migrations).unwrap();
    let newest = i64::try_from(migrations.len()).unwrap();
    assert_eq!(count(&store, "SELECT COUNT(*) FROM migration"), newest);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM later"), 0);
    let backups: Vec<_> = std::fs::read_dir(directory.path().join("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(backups.len(), 1, "{backups:?}");
    let named = format!("before-version-{newest}-20261124T150000Z");
    assert!(backups[0].to_string_lossy().contains(&named), "{backups:?}");
    let old = tempfile::tempdir().unwrap();
    std::fs::set_permissions(old.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::copy(&backups[0], old.path().join(DATABASE)).unwrap();
    let old = Store::open(old.path(), now()).unwrap();
    assert_eq!(old.orders(&HistoryFilter::default()).unwrap(), [order(1)]);
    // A second start finds nothing to do.
    migrate::run(&mut store.connection, &store.path, now(), &migrations).unwrap();
    assert_eq!(std::fs::read_dir(directory.path().join("backups")).unwrap().count(), 1);
}

#[test]
fn s3_every_older_version_opens() {
    for version in 1..migrate::MIGRATIONS.len() {
        let directory = directory();
        let path = directory.path().join(DATABASE);
        place(&path, "");
        let mut old = Connection::open(&path).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        migrate::run(&mut old, &path, now(), &migrate::MIGRATIONS[..version]).unwrap();
        old.execute_batch("INSERT INTO state (key, value) VALUES ('kept', 'yes')").unwrap();
        drop(old);
        let store = Store::open(directory.path(), now()).unwrap();
        assert_eq!(store.get_state("kept").unwrap().as_deref(), Some("yes"), "from version {version}");
        assert!(directory.path().join("backups").exists(), "from version {version}");
        store.full_check().unwrap();
    }
}

#[test]
fn pages_are_found_by_an_index_and_not_sorted() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&[intent(1), intent(2)]).unwrap();
    let fills = JournalBatch { executions: vec![fill(1), fill(2)], ..JournalBatch::default() };
    store.journal(&[fills]).unwrap();
    let account = Some(AccountId::new("paper"));
    let instrument = Some(fill(1).execution.instrument);
    let id = OrderKey::Id(ClientOrderId::from_u128(2));
    for (filter, found) in [
        (HistoryFilter::default(), 2),
        (HistoryFilter { account: account.clone(), ..HistoryFilter::default() }, 2),
        (HistoryFilter { account, since: Some(now()), until: Some(now()), ..HistoryFilter::default() }, 0),
        (HistoryFilter { instrument, ..HistoryFilter::default() }, 2),
        (HistoryFilter { order: Some(id), ..HistoryFilter::default() }, 1),
        (HistoryFilter { order: Some(OrderKey::Number(OrderNumber(2))), ..HistoryFilter::default() }, 1),
    ] {
        assert_eq!(store.executions(&filter).unwrap().len(), found, "{filter:?}");
        for plan in store.plans(&filter) {
            assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
        }
    }
    for order in [id, OrderKey::Number(OrderNumber(2))] {
        let filter = HistoryFilter { order: Some(order), ..HistoryFilter::default() };
        assert_eq!(store.orders(&filter).unwrap(), [self::order(2)]);
    }
}

#[test]
fn s3_a_migration_that_breaks_off_leaves_the_old_version() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let migrations = [migrate::MIGRATIONS, &[BROKEN]].concat();
    let error = migrate::run(&mut store.connection, &store.path, now(), &migrations).unwrap_err();
    assert!(error.to_string().contains("no such table: nowhere"), "{error}");
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'half'"), 0);
    drop(store);
    Store::open(directory.path(), now()).unwrap();
}

#[test]
fn s4_a_foreign_or_damaged_file_gets_a_clear_error() {
    let directory = directory();
    let path = directory.path().join(DATABASE);
    let refused = |expect: &str| {
        for open in [Store::open(directory.path(), now()), Store::open_reader(directory.path())] {
            let error = open.unwrap_err().to_string();
            assert!(error.contains(expect) && !error.contains('\n'), "{expect}: {error}");
        }
    };
    let text = "this is no database, but it is long enough to be looked at as one, is it not?".repeat(60);
    place(&path, &text);
    refused("is not a database of Arbion");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    std::fs::remove_file(&path).unwrap();
    // Somebody else's database: with another program's id, and with tables and no id.
    for sql in ["PRAGMA application_id = 7", "CREATE TABLE theirs (id INTEGER)"] {
        place(&path, "");
        let theirs = Connection::open(&path).unwrap();
        theirs.execute_batch(sql).unwrap();
        drop(theirs);
        let before = std::fs::read(&path).unwrap();
        refused("is not a database of Arbion");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{sql}");
        std::fs::remove_file(&path).unwrap();
    }
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&(1..=200).map(intent).collect::<Vec<_>>()).unwrap();
    store.connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())).unwrap();
    drop(store);
    let sound = std::fs::read(&path).unwrap();
    let mut bytes = sound.clone();
    let from = bytes.len() / 2;
    bytes[from..from + 6_000].fill(0xA5);
    for damaged in [&bytes[..], &sound[..sound.len() / 2]] {
        place(&path, damaged);
        let error = Store::open(directory.path(), now()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap().len(), damaged.len());
    }
    place(&path, sound);
    assert_eq!(Store::open(directory.path(), now()).unwrap().next_order_number().unwrap(), 201);
}

#[test]
fn s4_the_doctor_finds_what_a_quick_look_does_not() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&(1..=50).map(intent).collect::<Vec<_>>()).unwrap();
    store.full_check().unwrap();
    // An index that is not of its table: each page is sound by itself.
    store.connection.pragma_update(None, "writable_schema", "ON").unwrap();
    let other = "UPDATE sqlite_schema SET sql = replace(sql, '(instrument, number)', '(instrument, status)') WHERE name = 'orders_instrument'";
    assert_eq!(store.connection.execute(other, []).unwrap(), 1);
    let found = Store::open_reader(directory.path()).unwrap();
    found.quick_check().unwrap();
    assert!(matches!(found.full_check().unwrap_err(), StoreError::Damaged { .. }));
}

#[test]
fn s4_after_a_crash_the_file_is_looked_through() {
    let directory = directory();
    let store = Store::open(directory.path(), now()).unwrap();
    assert_eq!(store.get_state("clean_exit").unwrap().as_deref(), Some("false"));
    store.close().unwrap();
    let reader = Store::open_reader(directory.path()).unwrap();
    assert_eq!(reader.get_state("clean_exit").unwrap().as_deref(), Some("true"));
}

#[test]
fn s1_a_reader_cannot_write() {
    let directory = directory();
    let missing = Store::open_reader(directory.path()).unwrap_err().to_string();
    let expect = format!("{}: unable to open database file", directory.path().join(DATABASE).display());
    assert_eq!(missing, expect);
    let mut writer = Store::open(directory.path(), now()).unwrap();
    writer.journal(&[intent(1)]).unwrap();
    let mut reader = Store::open_reader(directory.path()).unwrap();
    let error = reader.journal(&[intent(2)]).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("cannot be written; check its owner and mode"));
    // It sees what is committed meanwhile.
    writer.journal(&[intent(2)]).unwrap();
    assert_eq!(reader.orders(&HistoryFilter::default()).unwrap(), [order(2), order(1)]);
}

#[test]
fn s6_a_database_that_another_program_locks_is_said_to_be_busy() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let other = Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.connection.busy_timeout(Duration::ZERO).unwrap();
    let error = store.journal(&[intent(1)]).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    store.journal(&[intent(1)]).unwrap();
}

#[test]
fn v1_loose_directories_are_refused_with_the_command_that_mends_them() {
    let directory = directory();
    let open = directory.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = Store::open(&open, now()).unwrap_err().to_string();
    assert!(error.contains("chmod 700"), "{error}");
}

#[test]
fn p4_a_second_engine_is_told_who_holds_the_profile() {
    let directory = directory();
    let holder = lock::Holder::this_process("arbion demo\u{1b}[2J", false);
    let first = lock::ProfileLock::acquire(directory.path(), &holder).unwrap();
    let error = lock::ProfileLock::acquire(directory.path(), &holder).unwrap_err().to_string();
    let expect = format!("is in use by process {} (arbion demo[2J); end that first", std::process::id());
    assert!(error.contains(&expect), "{error}");
    drop(first);
    lock::ProfileLock::acquire(directory.path(), &holder).unwrap();
    // Whatever stands in the file is shown as plain text.
    let held = lock::ProfileLock::acquire(directory.path(), &holder).unwrap();
    for (text, expect) in [
        ("", "a process that is just starting;"),
        ("12\nreads\n\u{1b}]0;x\u{7}\n", "process 12 (]0;x);"),
        ("x\ny", "a process that is just starting;"),
        ("7", "process 7;"),
    ] {
        std::fs::write(directory.path().join("engine.lock"), text).unwrap();
        let error = lock::ProfileLock::acquire(directory.path(), &holder).unwrap_err().to_string();
        assert!(error.contains(expect), "{text:?}: {error}");
    }
    drop(held);
}

#[test]
fn v5_an_export_is_safe_for_spreadsheets_and_reads_back() {
    let mut row = fill(1).execution;
    for (account, cell) in [
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("a,b", "\"a,b\""),
        ("=\"x\"", "\"'=\"\"x\"\"\""),
        ("\tx", "'\tx"),
    ] {
        row.account = AccountId::new(account);
        let text = render(ExportFormat::Csv, std::slice::from_ref(&row));
        let expect = format!(",{cell},AAPL  270115P00190000,sell_short,2,2.35,100,1.41,USD,trade,x1,");
        assert!(text.contains(&expect), "{account}: {text}");
    }
    let back: Vec<Execution> =
        serde_json::from_str(&render(ExportFormat::Json, &[fill(1).execution])).unwrap();
    assert_eq!(back, [fill(1).execution]);
}

#[test]
fn s10_no_statement_is_put_together_from_text() {
    const WORDS: [&str; 8] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WHERE", "LIMIT", "PRAGMA", " AND "];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        files += 1;
        let source = std::fs::read_to_string(&path).unwrap();
        for call in ["format!(", "write!(", "+ &", "push_str(&"] {
            for (at, _) in source.match_indices(call) {
                let rest: String = source[at..].chars().take_while(|c| *c != ';').collect();
                let word = WORDS.iter().find(|word| rest.contains(**word));
                assert_eq!(word, None, "{}: {rest}", path.display());
            }
        }
    }
    assert!(files > 5);
}

#[test]
fn every_error_is_one_line_that_says_what_to_do() {
    use StoreError as E;
    let path = PathBuf::from("/p/arbion.db");
    let text = || "words".to_owned();
    let table = [
        (E::Io { path: path.clone(), reason: text() }, "/p/arbion.db: words"),
        (E::LooseMode { path: path.clone(), mode: 0o755 }, "run: chmod 700"),
        (E::Full { path: path.clone() }, "the disk is full; free some room, nothing is lost"),
        (E::ReadOnly { path: path.clone() }, "check its owner and mode"),
        (E::Damaged { path: path.clone(), detail: text() }, "restore a backup"),
        (E::NotOurs { path: path.clone() }, "move it away or choose another profile"),
        (E::Newer { path: path.clone(), found: 3, known: 1 }, "version 3 and this program knows 1"),
        (E::Altered { path: path.clone(), version: 1 }, "use that program, or restore a backup"),
        (E::Network { path: path.clone(), kind: "NFS" }, "network file system (NFS)"),
        (E::Busy { path: path.clone() }, "try again"),
        (E::Exists { path: path.clone() }, "choose another name"),
        (
            E::Locked { path: path.clone(), holder: lock::Holder::this_process("arbion", true) },
            "(arbion); end that first",
        ),
        (E::Row { path: path.clone(), table: "orders", reason: text() }, "table orders: words"),
        (E::Sqlite { path, reason: text() }, "words"),
    ];
    for (error, expect) in table {
        let text = error.to_string();
        assert!(text.contains(expect) && text.contains("/p/arbion.db") && !text.contains('\n'), "{text}");
    }
}

#[test]
fn alerts_and_notes_come_back_as_they_were_kept() {
    use crate::domain::alert::{Alert, AlertId, AlertWhen};
    let directory = directory();
    let waiting = Alert {
        id: AlertId(3),
        instrument: Instrument::from_key("AAPL  270115P00190000").unwrap(),
        when: AlertWhen::Below,
        value: "2.05".parse().unwrap(),
        created_at: now(),
        fired_at: None,
        fired_price: None,
    };
    let rang = Alert {
        id: AlertId(4),
        when: AlertWhen::ChangePercent,
        value: "-3".parse().unwrap(),
        fired_at: Some(now()),
        fired_price: Some("1.99".parse().unwrap()),
        ..waiting.clone()
    };
    let (first, second) = (ClientOrderId::from_u128(1), ClientOrderId::from_u128(2));
    let note = |order, text: &str| JournalBatch {
        notes: vec![(order, now(), text.to_owned())],
        ..JournalBatch::default()
    };
    {
        let mut store = Store::open(directory.path(), now()).unwrap();
        let kept = vec![waiting.clone(), rang.clone()];
        let batch = JournalBatch { alerts: Some(kept), ..JournalBatch::default() };
        let notes = [note(first, "too early"), note(second, "good"), note(first, "far too early")];
        store.journal(&[batch]).unwrap();
        store.journal(&notes).unwrap();
        store.journal(&[note(second, "")]).unwrap();
        store.close().unwrap();
    }
    let store = Store::open_reader(directory.path()).unwrap();
    assert_eq!(store.alerts().unwrap(), [waiting, rang]);
    assert_eq!(store.notes().unwrap(), [(first, "far too early".to_owned())]);
}

#[test]
fn an_equity_curve_is_thinned_to_the_last_point_of_each_stretch() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let account = AccountId::new("paper");
    let point = |minute: i64| {
        let at = now() + jiff::SignedDuration::from_mins(minute);
        (account.clone(), at, Decimal::from(1_000 + minute), Decimal::from(5))
    };
    let batch = JournalBatch { equity: (0..100).map(point).collect(), ..JournalBatch::default() };
    store.journal(&[batch]).unwrap();
    let curve = store.equity_curve(&account, Timestamp::UNIX_EPOCH, 10).unwrap();
    assert!(curve.len() <= 11 && curve.len() >= 9, "{}", curve.len());
    assert_eq!((curve.last().unwrap().1, curve.last().unwrap().2), (Decimal::from(1_099), Decimal::from(5)));
    assert!(curve.is_sorted_by_key(|point| point.0));
    let all = store.equity_curve(&account, Timestamp::UNIX_EPOCH, 1_000).unwrap();
    assert_eq!((all.len(), all[0].1), (100, Decimal::from(1_000)));
    assert!(store.equity_curve(&AccountId::new("other"), Timestamp::UNIX_EPOCH, 10).unwrap().is_empty());
}

#[test]
fn r8_comparisons_come_back_newest_first() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let run = |n: i64, orders| ReconcileRun {
        account: AccountId::new("paper"),
        reason: ReconcileReason::Timer,
        started: now() + SignedDuration::from_secs(n),
        finished: now() + SignedDuration::from_secs(n + 1),
        orders,
        executions: Some(3),
        positions: None,
        differences: vec!["positions: timeout".to_owned()],
    };
    let runs = vec![run(0, None), run(60, Some(2))];
    store.journal(&[JournalBatch { reconciles: runs.clone(), ..JournalBatch::default() }]).unwrap();
    let read = store.reconcile_runs(10).unwrap();
    assert_eq!(read, [runs[1].clone(), runs[0].clone()]);
    assert_eq!(store.reconcile_runs(1).unwrap().len(), 1);
}

#[test]
fn a_database_that_is_still_being_made_is_not_current() {
    let directory = directory();
    let store = Store::open(directory.path(), now()).unwrap();
    assert!(store.is_current().unwrap());
    // What another process has not brought up to date yet.
    store.connection.pragma_update(None, "user_version", 2).unwrap();
    assert!(!store.is_current().unwrap());
    store.connection.pragma_update(None, "user_version", 0).unwrap();
    assert!(!store.is_current().unwrap());
}
