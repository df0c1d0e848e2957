//! A write-ahead log that ends anywhere (reliability S7).

use super::super::{DATABASE, HistoryFilter, Store};
use super::{directory, intent, now, order, place};
use crate::domain::order::Order;

/// Bytes of a frame of the write-ahead log: a header and a page.
const FRAME: usize = 24 + 4_096;

/// A database and its log after so many commits of one order each.
fn logged(commits: u64) -> (Vec<u8>, Vec<u8>) {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    for number in 1..=commits {
        store.journal(&[intent(number)]).unwrap();
    }
    let wal = directory.path().join("arbion.db-wal");
    (std::fs::read(store.path()).unwrap(), std::fs::read(wal).unwrap())
}

/// Cuts the log at each offset, longest first, and reads what is there: the orders of the first k commits, k never rising.
fn check_cuts(commits: u64, cuts: std::collections::BTreeSet<usize>) {
    let (database, log) = logged(commits);
    let directory = directory();
    let wal = directory.path().join("arbion.db-wal");
    place(&directory.path().join(DATABASE), database);
    std::fs::write(&wal, &log).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&wal).unwrap();
    let whole: Vec<Order> = (1..=commits).rev().map(order).collect();
    let mut last = whole.len();
    for cut in cuts.into_iter().rev().filter(|cut| *cut <= log.len()) {
        file.set_len(cut as u64).unwrap();
        let found = match Store::open_reader(directory.path()) {
            Ok(store) => store.orders(&HistoryFilter::default()),
            Err(error) => Err(error),
        };
        let found = match found {
            Ok(found) => found,
            // Cut before the tables were made: nothing was ever ordered, and a start makes them anew.
            Err(error) => {
                assert!(error.to_string().contains("no such table") || cut < 32, "cut at {cut}: {error}");
                Vec::new()
            }
        };
        assert!(found.len() <= last, "cut at {cut}: {} after {last}", found.len());
        last = found.len();
        assert_eq!(found, whole[whole.len() - last..], "cut at {cut}");
        let _ = std::fs::remove_file(directory.path().join("arbion.db-shm"));
    }
    drop(file);
    assert_eq!(last, 0);
    // What is left starts as if nothing had been.
    Store::open(directory.path(), now()).unwrap().journal(&[intent(1)]).unwrap();
}

#[test]
fn s7_a_torn_wal_gives_some_whole_prefix() {
    let length = logged(12).1.len();
    let near =
        (0..=length / FRAME).flat_map(|n| (0..=16).map(move |d| (32 + n * FRAME + d).saturating_sub(8)));
    // Offsets spread by a multiplicative generator: the same ones each time.
    let mut seed = 0x5DEE_CE66_u64;
    let spread = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % length
    });
    check_cuts(12, near.chain(spread.take(2_000)).chain([0, length]).collect());
}

#[test]
#[ignore = "about 10 minutes: just torn-wal"]
fn s7_every_byte() {
    check_cuts(24, (0..=logged(24).1.len()).collect());
}

#[test]
fn s7_the_whole_prefix_can_be_traded_on() {
    let (database, log) = logged(6);
    for cut in (0..=log.len()).step_by(FRAME * 5) {
        let torn = directory();
        place(&torn.path().join(DATABASE), &database);
        std::fs::write(torn.path().join("arbion.db-wal"), &log[..cut]).unwrap();
        let mut store = Store::open(torn.path(), now()).unwrap();
        let next = store.next_order_number().unwrap();
        store.journal(&[intent(next)]).unwrap();
        assert_eq!(store.orders(&HistoryFilter::default()).unwrap()[0], order(next), "cut at {cut}");
    }
}
