//! The real program killed at any moment: what the venue has done is in the journal after the next start, no more and no less
//! (reliability 18.1).

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use arbion::domain::ids::AccountId;
use arbion::store::Store;
use rust_decimal::Decimal;

/// Starts until what was left open must be settled.
const STARTS_MAX: usize = 5;

fn arbion(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
    command.args(args).env("ARBION_HOME", home).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn runs(home: &Path, args: &[&str]) {
    let done = arbion(home, args).stderr(Stdio::piped()).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// What lies on the disk of a profile.
struct Disk {
    venue: serde_json::Value,
    store: Store,
}

impl Disk {
    fn read(home: &Path) -> Self {
        let store = Store::open_reader(&home.join("data/profiles/default")).unwrap();
        let state = store.venue(&AccountId::new("paper")).unwrap().unwrap();
        Self { venue: serde_json::from_str(&state).unwrap(), store }
    }

    /// Units by instrument in the venue's own books.
    fn venue_books(&self) -> BTreeMap<String, Decimal> {
        let held = self.venue["books"]["holdings"].as_array().unwrap();
        held.iter()
            .map(|pair| {
                let quantity = pair[1]["quantity"].as_str().unwrap().parse().unwrap();
                (pair[0]["symbol"].as_str().unwrap().to_owned(), quantity)
            })
            .collect()
    }

    /// Units by instrument in the journal's executions.
    fn journal_books(&self) -> BTreeMap<String, Decimal> {
        let mut units: BTreeMap<String, Decimal> = BTreeMap::new();
        for execution in self.store.all_executions().unwrap() {
            *units.entry(execution.instrument.to_string()).or_default() += execution.signed_quantity().get();
        }
        units.retain(|_, units| !units.is_zero());
        units
    }

    /// Orders that work: how many at the venue, and which for the journal.
    fn working(&self) -> (usize, Vec<u64>) {
        let orders = self.store.orders_for_start(0).unwrap();
        let numbers = orders.iter().filter(|order| order.is_working()).map(|order| order.number.0);
        (self.venue["orders"].as_object().unwrap().len(), numbers.collect())
    }
}

fn kill_again_and_again(kills: u64) {
    let directory = tempfile::tempdir().unwrap();
    let home = &directory.path().join("home");
    // Every command is its own engine, so that it is the engine which is killed.
    let config = home.join("config");
    std::fs::create_dir_all(&config).unwrap();
    for path in [home, &config] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
    }
    std::fs::write(config.join("config.toml"), "[engine]\ndetach = false\n").unwrap();
    std::fs::set_permissions(config.join("config.toml"), PermissionsExt::from_mode(0o600)).unwrap();
    runs(home, &["order", "place", "buy", "5", "MSFT"]);
    for n in 0..kills {
        let order: &[&str] = match n % 3 {
            0 => &["order", "place", "sell", "1", "MSFT", "--allow-duplicate"],
            1 => &["do", "buy 2 aapl"],
            _ => &["order", "place", "buy", "1", "MSFT", "--allow-duplicate"],
        };
        let mut child = arbion(home, order).stderr(Stdio::null()).spawn().unwrap();
        // From the first instructions to after the answer, spread evenly without a pattern.
        let until = Duration::from_millis(2 + n * 7919 % 400);
        let started = std::time::Instant::now();
        while started.elapsed() < until && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // As the disk was left: the venue and the books agree at any instant.
        let disk = Disk::read(home);
        assert_eq!(disk.venue_books(), disk.journal_books(), "after kill {n}, {until:?} into {order:?}");
        // What was never sent is asked about at a start; a run that is over before the answer leaves it to the next.
        let mut disk = disk;
        for _ in 0..STARTS_MAX {
            runs(home, &["do", "watch ko"]);
            disk = Disk::read(home);
            let (venue, journal) = disk.working();
            if journal.len() == venue {
                break;
            }
        }
        assert_eq!(
            disk.venue_books(),
            disk.journal_books(),
            "a start after kill {n}, {until:?} into {order:?}"
        );
        let (venue, journal) = disk.working();
        assert_eq!(journal.len(), venue, "orders {journal:?} after kill {n}, {until:?} into {order:?}");
    }
}

#[test]
fn j7_a_killed_process_loses_no_fill() {
    kill_again_and_again(30);
}

#[test]
#[ignore = "500 kills take minutes: cargo test --test it -- --ignored killed"]
fn j7_five_hundred_kills() {
    kill_again_and_again(500);
}
