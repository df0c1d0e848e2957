//! The store on a real disk: a synced order, and the first page of a long history.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use arbion::domain::execution::{Execution, ExecutionKind};
use arbion::domain::ids::{AccountId, ClientOrderId, ExecutionId, OrderNumber};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Currency, Quantity};
use arbion::domain::order::{
    Order, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side,
};
use arbion::store::{ExecutionRow, HistoryFilter, IntentKind, IntentRow, JournalBatch, Store};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::measure::{best, millis, percentile, row};

const EXECUTIONS: u64 = 1_000_000;
const PER_COMMIT: u64 = 20_000;

pub fn run() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
    let mut store = Store::open(directory.path(), now).unwrap();
    sync(directory.path());
    orders(&mut store, now);
    together(&mut store, now);
    history(&mut store, now);
}

/// What the disk itself takes, to read the next lines by.
fn sync(directory: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(directory.join("probe")).unwrap();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            file.write_all(&[1; 4_096]).unwrap();
            let start = Instant::now();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect();
    row("disk: one fdatasync of 4 KiB, median", millis(percentile(&mut times, 50)), "");
}

fn order(number: u64, now: Timestamp) -> Order {
    let request = OrderRequest::plain(
        ClientOrderId::from_u128(u128::from(number)),
        AccountId::new("paper"),
        Origin::person(OriginKind::Cli),
        OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
        Side::Buy,
        Quantity::from(10),
        Pricing::Limit { limit_price: "231.5".parse().unwrap() },
    );
    Order::new(OrderNumber(number), request, OrderStatus::PendingSubmit, now)
}

/// One intent with its order, committed and synced, as the journal thread does before anything is sent.
fn orders(store: &mut Store, now: Timestamp) {
    let mut number = 0;
    let mut times: Vec<Duration> = (0..500)
        .map(|_| {
            number += 1;
            let order = order(number, now);
            let intent = IntentRow {
                id: order.request.client_order_id,
                kind: IntentKind::New,
                order: order.clone(),
                checks: Vec::new(),
            };
            let batch =
                JournalBatch { intents: vec![intent], orders: vec![order], ..JournalBatch::default() };
            let start = Instant::now();
            store.journal(&[batch]).unwrap();
            start.elapsed()
        })
        .collect();
    row("store: one order journalled and synced, median", millis(percentile(&mut times, 50)), "one sync");
    row("  the same, 99th of 100", millis(percentile(&mut times, 99)), "");
}

/// Intents that come at once share a commit, as the journal thread takes whatever waits: against one commit for each, in the same run.
fn together(store: &mut Store, now: Timestamp) {
    const AT_ONCE: u64 = 32;
    let mut number = 1_000;
    let mut batch = || {
        number += 1;
        let order = order(number, now);
        let id = order.request.client_order_id;
        let intent = IntentRow { id, kind: IntentKind::New, order: order.clone(), checks: Vec::new() };
        JournalBatch { intents: vec![intent], orders: vec![order], ..JournalBatch::default() }
    };
    let mut rates = [0.0; 2];
    for (rate, per_commit) in rates.iter_mut().zip([1, AT_ONCE]) {
        let mut times: Vec<Duration> = (0..200)
            .map(|_| {
                let batches: Vec<JournalBatch> = (0..per_commit).map(|_| batch()).collect();
                let start = Instant::now();
                store.journal(&batches).unwrap();
                start.elapsed()
            })
            .collect();
        *rate = per_commit as f64 / percentile(&mut times, 50).as_secs_f64();
    }
    row("store: intents synced one by one", format!("{:.0} /s", rates[0]), "");
    row("  32 at once", format!("{:.0} /s", rates[1]), "");
    row("  how many times as many", format!("{:.1}", rates[1] / rates[0]), "10; 20 from 2 ms a sync");
}

fn history(store: &mut Store, now: Timestamp) {
    let symbols: Vec<Instrument> = (0..100).map(|i| Instrument::equity(&format!("S{i}")).unwrap()).collect();
    let start = Instant::now();
    for commit in 0..EXECUTIONS / PER_COMMIT {
        let executions = (0..PER_COMMIT)
            .map(|n| {
                let n = commit * PER_COMMIT + n;
                let execution = Execution {
                    execution_id: ExecutionId::new(format!("x{n}")),
                    account: AccountId::new("paper"),
                    client_order_id: Some(ClientOrderId::from_u128(u128::from(n % 500 + 1))),
                    broker_order_id: None,
                    instrument: symbols[usize::try_from(n % 100).unwrap()].clone(),
                    side: if n.is_multiple_of(2) { Side::Buy } else { Side::Sell },
                    quantity: Quantity::from(10),
                    price: "101.25".parse().unwrap(),
                    multiplier: Decimal::ONE,
                    fee: Decimal::ZERO,
                    currency: Currency::USD,
                    at: now + SignedDuration::from_secs(i64::try_from(n).unwrap()),
                    kind: ExecutionKind::Trade,
                };
                ExecutionRow { execution, realized_pnl: Decimal::ONE }
            })
            .collect();
        store.journal(&[JournalBatch { executions, ..JournalBatch::default() }]).unwrap();
    }
    row("store: 1,000,000 executions written", millis(start.elapsed()), "");
    let page = HistoryFilter { limit: 100, ..HistoryFilter::default() };
    for (name, filter) in [
        ("store: first page of 1,000,000 executions", page.clone()),
        ("  the same, of one symbol", HistoryFilter { instrument: Some(symbols[7].clone()), ..page.clone() }),
        ("  the same, of one account", HistoryFilter { account: Some(AccountId::new("paper")), ..page }),
    ] {
        let time = best(|| assert_eq!(store.executions(&filter).unwrap().len(), 100));
        row(name, millis(time), "10 ms");
    }
}
