//! The store against real files: round trips, damage, crashes.

use super::*;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ClientOrderId, ExecutionId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Currency, Quantity};
use crate::domain::order::{
    Contingency, Order, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side,
    TimeInForce, TradingSession,
};
use rust_decimal::Decimal;

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    directory
}

fn order(number: u64) -> Order {
    let request = OrderRequest {
        client_order_id: ClientOrderId::from_u128(u128::from(number)),
        account: AccountId::new("paper"),
        origin: Origin::person(OriginKind::Cli),
        subject: OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
        side: Side::Buy,
        position_effect: None,
        quantity: Quantity::from(10),
        pricing: Pricing::Limit { limit_price: "231.5".parse().unwrap() },
        time_in_force: TimeInForce::Day,
        expire_date: None,
        session: TradingSession::Regular,
        price_effect: None,
        take_profit: None,
        stop_loss: None,
        contingency: Contingency::default(),
        post_only: false,
        reduce_only: false,
        allow_duplicate: false,
    };
    Order {
        number: OrderNumber(number),
        request,
        broker_order_id: None,
        status: OrderStatus::PendingSubmit,
        filled_quantity: Quantity::ZERO,
        average_price: None,
        filled_notional: Decimal::ZERO,
        overfill_quantity: Quantity::ZERO,
        created_at: now(),
        updated_at: now(),
        reason: None,
        denials: Vec::new(),
        replaces: None,
    }
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
        ("user_version", 1),
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

#[test]
fn s3_a_newer_database_is_refused_untouched() {
    let directory = directory();
    let store = Store::open(directory.path(), now()).unwrap();
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let error = Store::open(directory.path(), now()).unwrap_err().to_string();
    assert!(error.contains("version 99") && error.contains("knows 1"), "{error}");
}

#[test]
fn s4_a_foreign_or_damaged_file_gets_a_clear_error() {
    let directory = directory();
    let path = directory.path().join(DATABASE);
    std::fs::write(
        &path,
        "this is no database, but it is long enough to be looked at as one, is it not?".repeat(60),
    )
    .unwrap();
    assert!(matches!(Store::open(directory.path(), now()).unwrap_err(), StoreError::NotOurs { .. }));
    std::fs::remove_file(&path).unwrap();
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&(1..=200).map(intent).collect::<Vec<_>>()).unwrap();
    store.connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())).unwrap();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let from = bytes.len() / 2;
    bytes[from..from + 6_000].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let error = Store::open(directory.path(), now()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn s5_a_backup_is_whole_and_never_overwrites() {
    let directory = directory();
    let mut store = Store::open(&directory.path().join("p"), now()).unwrap();
    store.journal(&[intent(1)]).unwrap();
    let copy = directory.path().join("copy").join("arbion.db");
    store.backup(&copy).unwrap();
    store.journal(&[intent(2)]).unwrap();
    let restored = Store::open(copy.parent().unwrap(), now()).unwrap();
    assert_eq!(restored.orders(&HistoryFilter::default()).unwrap(), [order(1)]);
    assert!(matches!(store.backup(&copy).unwrap_err(), StoreError::Exists { .. }));
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
fn s7_a_torn_wal_gives_some_whole_prefix() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    for number in 1..=40 {
        store.journal(&[intent(number)]).unwrap();
    }
    let wal = directory.path().join("arbion.db-wal");
    let (database, log) = (std::fs::read(store.path()).unwrap(), std::fs::read(&wal).unwrap());
    drop(store);
    let frame = 4_096 + 24;
    let mut cuts: Vec<usize> = (0..=log.len() / frame)
        .flat_map(|i| (0..=16).map(move |d| (32 + i * frame + d).saturating_sub(8)))
        .collect();
    cuts.retain(|cut| *cut <= log.len());
    let mut last = 0;
    let mut cuts: Vec<usize> = cuts.into_iter().step_by(5).collect();
    cuts.push(log.len());
    for cut in cuts {
        let torn = tempfile::tempdir().unwrap();
        std::fs::set_permissions(torn.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(torn.path().join(DATABASE), &database).unwrap();
        std::fs::write(torn.path().join("arbion.db-wal"), &log[..cut]).unwrap();
        // A cut before the tables were made is a fresh start; later ones keep a growing prefix of the orders.
        let count =
            Store::open(torn.path(), now()).map(|s| s.orders(&HistoryFilter::default()).unwrap().len());
        match count {
            Ok(count) => {
                assert!(count >= last && count <= 40, "cut at {cut}: {count} after {last}");
                last = count;
            }
            Err(error) => {
                assert!(matches!(error, StoreError::NotOurs { .. }) && last == 0, "cut at {cut}: {error}")
            }
        }
    }
    assert_eq!(last, 40);
}

#[test]
fn p4_a_second_engine_is_told_who_holds_the_profile() {
    let directory = directory();
    let first = lock::ProfileLock::acquire(directory.path()).unwrap();
    let error = lock::ProfileLock::acquire(directory.path()).unwrap_err().to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    drop(first);
    lock::ProfileLock::acquire(directory.path()).unwrap();
}

#[test]
fn v5_exports_are_private_and_safe_for_spreadsheets() {
    let directory = directory();
    let path = directory.path().join("trades.csv");
    let mut row = fill(1).execution;
    row.account = AccountId::new("=cmd()");
    export_trades(&path, ExportFormat::Csv, &[row], false).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains(",'=cmd(),AAPL  270115P00190000,sell_short,2,2.35,100,1.41,USD,trade,x1,"),
        "{text}"
    );
    assert!(matches!(
        export_trades(&path, ExportFormat::Json, &[], false).unwrap_err(),
        StoreError::Exists { .. }
    ));
    export_trades(&path, ExportFormat::Json, &[fill(1).execution], true).unwrap();
    let back: Vec<Execution> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(back, [fill(1).execution]);
}
