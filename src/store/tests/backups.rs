//! Backups: whole, never over something, and back in their place.

use super::*;

#[test]
fn s5_a_backup_is_whole_and_never_overwrites() {
    let directory = directory();
    let mut store = Store::open(&directory.path().join("p"), now()).unwrap();
    store.journal(&[intent(1)]).unwrap();
    // The directory is the user's own affair; the file is private in any.
    let home = directory.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = home.join(DATABASE);
    // Made by a reader while the writer holds the database open.
    let reader = Store::open_reader(&directory.path().join("p")).unwrap();
    assert_eq!(reader.backup(Some(&copy), now()).unwrap(), copy);
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    store.journal(&[intent(2)]).unwrap();
    let error = store.backup(Some(&copy), now()).unwrap_err().to_string();
    assert!(error.ends_with("exists already; choose another name or remove it"), "{error}");
    let error = store.backup(Some(&home.join("no").join("b.db")), now()).unwrap_err().to_string();
    assert!(error.ends_with("no such file or directory"), "{error}");
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 1, "nothing else is left there");
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
    let restored = Store::open(&home, now()).unwrap();
    assert_eq!(restored.orders(&HistoryFilter::default()).unwrap(), [order(1)]);
    let named = store.backup(None, now()).unwrap();
    assert!(named.ends_with("p/backups/arbion-20261124T150000000000Z.db"), "{named:?}");
}

#[test]
fn s5_a_backup_takes_the_databases_place_whatever_state_that_is_in() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    store.journal(&[intent(1)]).unwrap();
    let backup = store.backup(None, now()).unwrap();
    store.journal(&[intent(2)]).unwrap();
    drop(store);
    // Even a damaged one is set aside as it is.
    let path = directory.path().join(DATABASE);
    place(&path, "not a database any more");
    assert!(Store::open(directory.path(), now()).is_err());
    let aside = Store::restore(directory.path(), &backup, now()).unwrap().unwrap();
    assert_eq!(std::fs::read(&aside).unwrap(), b"not a database any more");
    let store = Store::open(directory.path(), now()).unwrap();
    assert_eq!(store.orders(&HistoryFilter::default()).unwrap().len(), 1);
    drop(store);
    // What is none of ours changes nothing, and leaves nothing behind.
    let before = std::fs::read(&path).unwrap();
    for wrong in [directory.path().join("nothing"), aside] {
        assert!(Store::restore(directory.path(), &wrong, now()).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(!path.with_extension("restored").exists());
    }
}
