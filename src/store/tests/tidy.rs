//! Where the file may lie (reliability S8), and what keeps it small (S9): at idle, and never in anybody's way.

use super::*;

#[test]
fn s9_an_idle_log_goes_into_the_file_unless_somebody_reads() {
    let directory = super::directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&(1..=200).map(intent).collect::<Vec<_>>()).unwrap();
    let log = directory.path().join(format!("{DATABASE}-wal"));
    let size = || std::fs::metadata(&log).unwrap().len();
    let before = size();
    assert!(before > 0);
    let reader = Store::open_reader(directory.path()).unwrap();
    reader.connection.execute_batch("BEGIN; SELECT COUNT(*) FROM intent;").unwrap();
    store.journal(&[intent(201)]).unwrap();
    let began = std::time::Instant::now();
    store.tidy().unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(3), "it does not wait for who reads");
    assert!(size() > 0, "who reads is not disturbed");
    reader.connection.execute_batch("COMMIT").unwrap();
    store.tidy().unwrap();
    assert_eq!(size(), 0);
    assert_eq!(store.next_order_number().unwrap(), 202);
    // Who locks the file later is waited for as before.
    let waits: i64 = store.connection.pragma_query_value(None, "busy_timeout", |row| row.get(0)).unwrap();
    assert_eq!(waits, 5_000);
}

#[cfg(target_os = "linux")]
#[test]
fn s8_network_file_systems_are_told_by_their_numbers() {
    for (magic, kind) in
        [(0x6969, "NFS"), (0xFF53_4D42, "SMB"), (0x517B, "SMB"), (0x5346_414F, "AFS"), (0x0102_1997, "9P")]
    {
        assert_eq!(super::super::network_kind(magic), Some(kind), "{magic:#x}");
    }
    // ext4, btrfs, xfs, tmpfs, overlayfs, zfs.
    for magic in [0xEF53, 0x9123_683E, 0x5846_5342, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1] {
        assert_eq!(super::super::network_kind(magic), None, "{magic:#x}");
    }
    let directory = super::directory();
    Store::open(directory.path(), now()).unwrap();
}
