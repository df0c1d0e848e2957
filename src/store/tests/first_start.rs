//! First starts: cut short, and many at once.

use super::*;

#[test]
fn s4_a_first_start_that_was_cut_short_is_no_obstacle() {
    let directory = directory();
    place(&directory.path().join(DATABASE), "");
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&[intent(1)]).unwrap();
    // Once there are backups it is no first start: the journal has been lost.
    store.backup(None, now()).unwrap();
    store.close().unwrap();
    place(&directory.path().join(DATABASE), "");
    let error = Store::open(directory.path(), now()).unwrap_err().to_string();
    assert!(error.contains("it is empty, and the profile has backups"), "{error}");
}

#[test]
fn s4_of_many_first_starts_at_once_every_one_opens_what_they_share() {
    for _ in 0..20 {
        let directory = directory();
        let gate = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    gate.wait();
                    // Closed at once: the last to leave puts the log away while the next comes.
                    Install::open(directory.path(), now()).unwrap().profiles().unwrap();
                });
            }
        });
    }
}
