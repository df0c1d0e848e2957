//! The engine's own process: attaching to a full one, and what one costs that does nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbion::client::Session;
use arbion::client::remote::{Terms, attach};
use arbion::client::wire::ClientKind;
use arbion::domain::ids::{ClientOrderId, OrderNumber};
use arbion::domain::instrument::AssetClass;
use arbion::domain::snapshot::Snapshot;
use arbion::engine::LocalSession;
use arbion::engine::manager::Manager;
use arbion::engine::rights::Gate;
use arbion::engine::serve::{Around, Life, serve};
use arbion::engine::socket::Door;
use arbion::tui::{Options, Screen};
use ratatui::layout::Size;
use tokio::sync::{mpsc, watch};

use super::measure::{millis, percentile, row};
use super::{scripted, trading_day};

const SYMBOLS: usize = 500;
const ORDERS: u64 = 10_000;
const ATTACHED: usize = 50;
const IDLE: Duration = Duration::from_secs(30);

pub fn run() {
    attaching();
    idle();
}

/// A picture of so many symbols and orders.
fn full() -> Snapshot {
    let mut snapshot = trading_day::snapshot();
    let quote = snapshot.quotes.values().next().unwrap().clone();
    let spec = snapshot.specs.values().next().unwrap().clone();
    let (mut quotes, mut specs) = (snapshot.quotes.as_ref().clone(), snapshot.specs.as_ref().clone());
    let universe = scripted::universe();
    let shares = universe.listings().iter().map(|listing| listing.instrument.clone());
    for share in shares.filter(|share| share.asset_class() == AssetClass::Equity).take(SYMBOLS) {
        let (mut quote, mut spec) = (quote.clone(), spec.clone());
        (quote.instrument, spec.instrument) = (share.clone(), share.clone());
        quotes.insert(share.clone(), quote);
        specs.insert(share, spec);
    }
    let order = snapshot.orders[0].clone();
    let orders = (1..=ORDERS).rev().map(|n| {
        let mut order = order.clone();
        order.number = OrderNumber(n);
        order.request.client_order_id = ClientOrderId::from_u128(u128::from(n) << 64 | 0x5DEE_CE66);
        order
    });
    snapshot.orders = Arc::new(orders.collect());
    (snapshot.quotes, snapshot.specs) = (Arc::new(quotes), Arc::new(specs));
    snapshot
}

fn attaching() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut options = Options::new(Arc::new(|text: &str, _: &_| scripted::understand(text)));
    options.symbols = Some(scripted::universe());
    let (mut pictures, mut screens) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let (requests, _asked) = mpsc::channel(64);
        let (_shown, shown) = watch::channel(Arc::new(full()));
        let (_vitals, vitals) = watch::channel(Arc::default());
        let around = Around {
            gate: Gate::new("default", None, None),
            life: Life { keep_running: true, ..Life::default() },
            vitals,
            heart: Arc::default(),
            manager: Manager::new(None, None),
        };
        let engine =
            tokio::spawn(serve(Door::open(&path).unwrap(), LocalSession::new(requests, shown), around));
        for _ in 0..ATTACHED {
            let started = Instant::now();
            let terms = Terms {
                path: path.clone(),
                client: ClientKind::Command,
                build: String::new(),
                uid: rustix::process::getuid().as_raw(),
                actor: None,
                patience: Some(Duration::from_secs(5)),
            };
            let session = attach(terms).await.unwrap();
            let picture = Arc::clone(&session.snapshots().borrow());
            pictures.push(started.elapsed());
            assert_eq!(picture.orders.len() as u64, ORDERS);
            let mut screen = Screen::new(&options, picture, Size::new(200, 60)).unwrap();
            screen.tick(Duration::ZERO);
            assert!(screen.frame().len() > 1_000);
            screens.push(started.elapsed());
        }
        engine.abort();
    });
    row("attach: 500 symbols, 10,000 orders: to the picture", millis(percentile(&mut pictures, 50)), "");
    row("  to the bytes of the whole screen", millis(percentile(&mut screens, 50)), "50 ms");
    row("  95 of a hundred", millis(percentile(&mut screens, 95)), "");
}

/// Jiffies that a process has run, and its resident bytes.
fn cost(pid: u32) -> (f64, f64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let jiffies: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: f64 = status.split_whitespace().nth(1).unwrap().parse().unwrap();
    (jiffies, pages * rustix::param::page_size() as f64 / 1e6)
}

fn arbion(home: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
    let output = command.args(args).env("ARBION_HOME", home).stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn idle() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    std::fs::create_dir(&config).unwrap();
    for directory in [home.path(), &config] {
        std::fs::set_permissions(directory, PermissionsExt::from_mode(0o700)).unwrap();
    }
    std::fs::write(config.join("config.toml"), "[engine]\nkeep_running = true\n").unwrap();
    std::fs::set_permissions(config.join("config.toml"), PermissionsExt::from_mode(0o600)).unwrap();
    arbion(home.path(), &["engine", "start"]);
    let status: serde_json::Value =
        serde_json::from_str(&arbion(home.path(), &["engine", "status", "--json"])).unwrap();
    let engine = u32::try_from(status["pid"].as_u64().unwrap()).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{engine}/stat")).unwrap();
    let parent: u32 = stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    std::thread::park_timeout(Duration::from_secs(2));
    let before = cost(engine).0 + cost(parent).0;
    std::thread::park_timeout(IDLE);
    let spent = cost(engine).0 + cost(parent).0 - before;
    // A jiffy is a hundredth of a second: so many of them a second are so many per cent.
    row(
        "engine idle: of one core, its parent's share in it",
        format!("{:.2} %", spent / IDLE.as_secs_f64()),
        "0.5 %",
    );
    row("  memory", format!("{:.1} MB", cost(engine).1), "30 MB");
    row("  memory of its parent", format!("{:.1} MB", cost(parent).1), "");
    arbion(home.path(), &["engine", "stop"]);
}
