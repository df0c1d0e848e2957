//! The engine's process killed again and again while several front ends trade (reliability 18.1). Each front end keeps a ledger of its own,
//! outside the process that dies: what it was told is compared with the journal and with the venue's own books.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arbion::client::message::OrderRef;
use arbion::client::remote::{self, RemoteSession, Terms};
use arbion::client::wire::ClientKind;
use arbion::client::{Reply, Request, Session, SessionError};
use arbion::domain::execution::Execution;
use arbion::domain::ids::{AccountId, ClientOrderId, ExecutionId};
use arbion::domain::money::Quantity;
use arbion::domain::order::{Order, OrderStatus, OriginKind};
use arbion::store::Store;
use rust_decimal::Decimal;

/// Front ends that trade at once.
const TRADERS: u64 = 4;
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rates that do not stop the load.
const CONFIG: &str = "[paper]\nstarting_cash = 1000000000\n\n[risk]\norders_per_second_max = 1000\norders_per_minute_max = 60000\nopen_orders_max = 10000\n\
    open_orders_per_instrument_max = 10000\nfat_finger_multiple = 100000\n";

/// What front ends were told.
#[derive(Default)]
struct Ledger {
    /// Each order as it was last told of.
    orders: BTreeMap<ClientOrderId, Order>,
    /// Requests that nobody answered: they may or may not have become orders.
    unanswered: usize,
}

struct Engine(Child);

impl Engine {
    fn start(home: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
        command.args(["engine", "run"]).env("ARBION_HOME", home);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

async fn attach(home: &Path) -> RemoteSession {
    let terms = Terms {
        path: home.join("run/default.sock"),
        client: ClientKind::Screen,
        build: "test".to_owned(),
        uid: std::fs::metadata(home).unwrap().uid(),
        actor: None,
        patience: Some(PATIENCE),
    };
    let end = Instant::now() + PATIENCE;
    loop {
        match remote::attach(terms.clone()).await {
            Ok(session) => return session,
            // The socket of the engine that was killed is still there until the next one takes its place.
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An order of one share: at the market, or far from it so that it works.
fn order(n: u64) -> Request {
    let symbol = ["AAPL", "MSFT", "KO"][usize::try_from(n % 3).unwrap()];
    let terms = match n % 5 {
        0 => r#""order_type":"limit","limit_price":"1","time_in_force":"gtc""#,
        _ => r#""order_type":"market","time_in_force":"day""#,
    };
    let json = format!(
        r#"{{"intent":"place","side":"buy","instrument":{{"kind":"equity","symbol":"{symbol}"}},"quantity":"1",{terms}}}"#
    );
    Request::Execute {
        command: serde_json::from_str(&json).unwrap(),
        origin: OriginKind::Cli,
        account: None,
        confirmation_hash: None,
        allow_duplicate: true,
        wait: true,
    }
}

/// Trades until the engine is gone.
async fn trade(session: RemoteSession, mut n: u64, ledger: Arc<Mutex<Ledger>>) {
    loop {
        n += TRADERS;
        let mut answer = session.request(order(n)).await;
        // A working order of before is canceled now and then.
        if let Ok(Reply::Orders(orders)) = &answer
            && let Some(last) = orders.last().filter(|order| order.is_working() && !n.is_multiple_of(7))
        {
            ledger.lock().unwrap().orders.insert(last.request.client_order_id, last.clone());
            let order = OrderRef::ClientOrderId(last.request.client_order_id);
            answer = session.request(Request::Cancel { order, wait: true }).await;
        }
        let mut ledger = ledger.lock().unwrap();
        match answer {
            Ok(Reply::Orders(orders)) => {
                ledger.orders.extend(orders.into_iter().map(|order| (order.request.client_order_id, order)));
            }
            Ok(other) => panic!("{other:?}"),
            Err(SessionError::Denied(denials)) => panic!("{denials:?}"),
            Err(_) => {
                ledger.unanswered += 1;
                return;
            }
        }
    }
}

/// What lies on the disk.
struct Disk {
    store: Store,
    venue: serde_json::Value,
}

impl Disk {
    fn read(home: &Path) -> Self {
        let store = Store::open_reader(&home.join("data/profiles/default")).unwrap();
        let state = store.venue(&AccountId::new("paper")).unwrap();
        let venue = state.map(|state| serde_json::from_str(&state).unwrap()).unwrap_or_default();
        Self { venue, store }
    }

    fn orders(&self) -> BTreeMap<ClientOrderId, Order> {
        let all = self.store.orders_for_start(1_000_000).unwrap();
        let count = all.len();
        let orders: BTreeMap<_, _> =
            all.into_iter().map(|order| (order.request.client_order_id, order)).collect();
        assert_eq!(orders.len(), count, "an order has two rows");
        orders
    }

    /// Ids of the orders that the venue works.
    fn works_at_venue(&self) -> BTreeSet<ClientOrderId> {
        let orders = self.venue["orders"].as_object().into_iter().flatten();
        orders
            .map(|(_, held)| held["request"]["client_order_id"].as_str().unwrap().parse().unwrap())
            .collect()
    }

    /// Units by instrument in the venue's own books.
    fn venue_books(&self) -> BTreeMap<String, Decimal> {
        let held = self.venue["books"]["holdings"].as_array().into_iter().flatten();
        held.map(|pair| {
            let quantity = pair[1]["quantity"].as_str().unwrap().parse().unwrap();
            (pair[0]["symbol"].as_str().unwrap().to_owned(), quantity)
        })
        .collect()
    }
}

/// Nothing twice, nothing lost: the journal against the venue, and against what front ends were told.
fn compare(disk: &Disk, ledger: &Ledger, what: &str) {
    let orders = disk.orders();
    let executions = disk.store.all_executions().unwrap();
    let ids: BTreeSet<&ExecutionId> = executions.iter().map(|execution| &execution.execution_id).collect();
    assert_eq!(ids.len(), executions.len(), "{what}: a fill was written twice");
    let mut books: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut filled: BTreeMap<ClientOrderId, Quantity> = BTreeMap::new();
    for execution in &executions {
        *books.entry(execution.instrument.to_string()).or_default() += execution.signed_quantity().get();
        let id = execution.client_order_id.unwrap_or_else(|| panic!("{what}: {execution:?} is no order's"));
        *filled.entry(id).or_default() += Execution::signed_quantity(execution).abs();
    }
    books.retain(|_, units| !units.is_zero());
    assert_eq!(disk.venue_books(), books, "{what}: the venue's books and the journal's");
    for (id, order) in &orders {
        let units = filled.get(id).copied().unwrap_or_default();
        assert_eq!(order.filled_quantity, units, "{what}: order {id} and its fills");
        assert!(units <= order.request.quantity, "{what}: order {id} was filled twice");
    }
    for id in disk.works_at_venue() {
        assert!(orders.contains_key(&id), "{what}: the venue works order {id}, unknown to us");
    }
    for (id, told) in &ledger.orders {
        let Some(order) = orders.get(id) else {
            panic!("{what}: order {id} was told to a front end and is lost")
        };
        assert!(order.filled_quantity >= told.filled_quantity, "{what}: a fill of order {id} is lost");
        let kept =
            !told.status.is_terminal() || order.status == told.status || order.status == OrderStatus::Filled;
        assert!(kept, "{what}: order {id} was told to be {} and is {}", told.status, order.status);
    }
}

fn home(directory: &Path) {
    let config = directory.join("config");
    std::fs::create_dir(&config).unwrap();
    for path in [directory, &config] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
    }
    std::fs::write(config.join("config.toml"), CONFIG).unwrap();
    std::fs::set_permissions(config.join("config.toml"), PermissionsExt::from_mode(0o600)).unwrap();
}

async fn kill_under_load(kills: u64) {
    let directory = tempfile::tempdir().unwrap();
    let home_path = directory.path();
    home(home_path);
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    for n in 0..kills {
        let engine = Engine::start(home_path);
        let mut traders = Vec::new();
        for trader in 0..TRADERS {
            let session = attach(home_path).await;
            traders.push(tokio::spawn(trade(session, n * 1_000 + trader, Arc::clone(&ledger))));
        }
        // From the first orders to a few hundred of them, spread evenly without a pattern.
        let before = ledger.lock().unwrap().orders.len();
        tokio::time::sleep(Duration::from_millis(1 + n * 7_919 % 250)).await;
        // Some are killed before the first order; where the machine does other things too, not all of them.
        let end = Instant::now() + PATIENCE;
        while n % 2 == 0 && ledger.lock().unwrap().orders.len() < before + 3 && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        engine.kill();
        for trader in traders {
            trader.await.unwrap();
        }
        compare(&Disk::read(home_path), &ledger.lock().unwrap(), &format!("after kill {n}"));
    }
    // The last start settles what was left in flight, and then both have the same orders at work.
    let compared = Disk::read(home_path).store.reconcile_runs(10_000).unwrap().len();
    let engine = Engine::start(home_path);
    let session = attach(home_path).await;
    let end = Instant::now() + PATIENCE;
    loop {
        let disk = Disk::read(home_path);
        let working = disk.orders().into_values().filter(Order::is_working);
        let working: BTreeSet<ClientOrderId> = working.map(|order| order.request.client_order_id).collect();
        let runs = disk.store.reconcile_runs(10_000).unwrap().len();
        if working == disk.works_at_venue() && runs > compared {
            break;
        }
        let there = disk.works_at_venue();
        assert!(Instant::now() < end, "{working:?} work here, {there:?} at the venue, {runs} comparisons");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let disk = Disk::read(home_path);
    let ledger = ledger.lock().unwrap();
    compare(&disk, &ledger, "at the end");
    let runs = disk.store.reconcile_runs(10_000).unwrap();
    assert!(runs.iter().all(|run| run.positions.is_some()), "a part was missing: {runs:?}");
    drop(session);
    engine.kill();
    let (told, unanswered, rows) = (ledger.orders.len(), ledger.unanswered, disk.orders().len());
    assert!(told as u64 > kills, "{kills} kills and only {told} orders: that is no load");
    let journalled = rows - told;
    assert!(
        journalled <= unanswered,
        "{journalled} orders that nobody asked for: {unanswered} requests were unanswered"
    );
}

#[tokio::test]
async fn j7_kills_under_load_lose_nothing_and_double_nothing() {
    kill_under_load(100).await;
}

#[tokio::test]
#[ignore = "takes minutes: cargo test --test it -- --ignored five_hundred"]
async fn j7_five_hundred_kills_under_load() {
    kill_under_load(500).await;
}
