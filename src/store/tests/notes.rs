//! Notes on instruments, and the database of before them.

use super::*;
use crate::domain::note::{NoteId, SymbolNote};

#[test]
fn notes_on_instruments_come_back_by_instrument_the_newest_first() {
    let directory = directory();
    let note = |id: u64, key: &str| SymbolNote {
        id: NoteId(id),
        instrument: Instrument::from_key(key).unwrap(),
        at: now() + SignedDuration::from_secs(i64::try_from(id).unwrap()),
        text: format!("'quoted'; note {id}"),
    };
    let kept = [note(1, "MSFT"), note(2, "AAPL"), note(3, "MSFT"), note(4, "AAPL  270115P00190000")];
    {
        let mut store = Store::open(directory.path(), now()).unwrap();
        let put = kept.iter().cloned().map(SymbolNoteRow::Put).collect();
        store.journal(&[JournalBatch { symbol_notes: put, ..JournalBatch::default() }]).unwrap();
        let gone = vec![SymbolNoteRow::Gone(NoteId(1)), SymbolNoteRow::Gone(NoteId(77))];
        store.journal(&[JournalBatch { symbol_notes: gone, ..JournalBatch::default() }]).unwrap();
        store.close().unwrap();
    }
    let store = Store::open_reader(directory.path()).unwrap();
    let [_, apple, newest, option] = kept;
    let mut expected = vec![apple, newest, option];
    expected.sort_by(|a, b| a.instrument.cmp(&b.instrument));
    assert_eq!(store.symbol_notes().unwrap(), expected);
}

/// A database of before these notes is brought up to this program's version: what was in it stays, and a copy of it as it was lies beside it.
#[test]
fn a_database_without_notes_on_instruments_gets_them() {
    let directory = directory();
    let path = directory.path().join(DATABASE);
    let order = ClientOrderId::from_u128(1);
    {
        create_private_file(&path).unwrap();
        let mut old = Connection::open(&path).unwrap();
        claim(&old, &path, APPLICATION_ID).unwrap();
        migrate::run(&mut old, &path, now(), &migrate::MIGRATIONS[..7]).unwrap();
        let row = (order.to_string(), now().as_microsecond(), "too early");
        old.execute("INSERT INTO note (client_order_id, at, text) VALUES (?1, ?2, ?3)", row).unwrap();
    }
    let newest = migrate::MIGRATIONS.len();
    assert_eq!(Store::versions(directory.path()), Some((7, i64::try_from(newest).unwrap())));
    let mut store = Store::open(directory.path(), now()).unwrap();
    assert_eq!(store.notes().unwrap(), [(order, "too early".to_owned())]);
    let instrument = Instrument::from_key("AAPL").unwrap();
    let note = SymbolNote { id: NoteId(1), instrument, at: now(), text: "gap".to_owned() };
    let symbol_notes = vec![SymbolNoteRow::Put(note.clone())];
    store.journal(&[JournalBatch { symbol_notes, ..JournalBatch::default() }]).unwrap();
    assert_eq!(store.symbol_notes().unwrap(), [note]);
    let backups: Vec<String> = std::fs::read_dir(path.with_file_name("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let named = format!("before-version-{newest}-");
    assert!(backups.iter().any(|name| name.starts_with(&named)), "{backups:?}");
}
