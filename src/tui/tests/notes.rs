//! Notes on instruments: written by a key and by the command bar, shown wherever the instrument is.

use std::sync::Arc;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::Request;
use crate::domain::instrument::Instrument;
use crate::domain::note::{NoteChange, NoteId, SymbolNote};
use crate::domain::snapshot::Snapshot;
use crate::market::symbols::Universe;

fn aapl() -> Instrument {
    Instrument::equity("AAPL").unwrap()
}

fn noted(texts: &[&str]) -> Snapshot {
    let mut snapshot = trading_day::snapshot();
    let (at, count) = (snapshot.now, texts.len() as u64);
    let note = |(place, text): (usize, &&str)| SymbolNote {
        id: NoteId(count - place as u64),
        instrument: aapl(),
        at,
        text: (*text).to_owned(),
    };
    snapshot.notes = Arc::new(texts.iter().enumerate().map(note).collect());
    snapshot
}

fn runner(snapshot: Snapshot, size: (u16, u16)) -> Runner {
    let mut options = options();
    options.symbols = Some(Arc::new(Universe::load()));
    Runner::with(options, snapshot, size)
}

/// The changes of notes that were asked for.
fn changes(runner: &Runner) -> Vec<NoteChange> {
    let change = |request: &Request| match request {
        Request::NoteSymbol(change) => Some(change.clone()),
        _ => None,
    };
    runner.asked.iter().filter_map(change).collect()
}

fn added(text: &str) -> NoteChange {
    NoteChange::Add { instrument: aapl(), text: text.to_owned() }
}

#[test]
fn a_key_opens_the_notes_and_enter_keeps_one() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut runner = runner(noted(&[]), size);
        runner.keys(";").sees("Notes on AAPL").sees("No notes yet.").sees("Enter keep");
        runner.text("earnings on Thursday; b 10").keys("enter").misses("Notes on AAPL");
        assert_eq!(changes(&runner), [added("earnings on Thursday; b 10")]);
        // Nothing typed, nothing kept.
        runner.keys("; enter").misses("Notes on AAPL");
        assert_eq!(changes(&runner).len(), 1);
    }
}

#[test]
fn a_note_is_taken_off_by_a_key_of_its_own_and_letters_are_text() {
    let mut runner = runner(noted(&["gap at 231", "earnings on Thursday"]), (120, 40));
    runner.keys(";").sees("gap at 231").sees("earnings on Thursday");
    // Without a note that is chosen the key is one of the text.
    runner.keys("delete");
    assert!(changes(&runner).is_empty());
    runner.keys("down down").sees("take it off").keys("delete");
    assert_eq!(changes(&runner), [NoteChange::Remove { id: NoteId(1) }]);
    runner.keys("down").text("xd").keys("enter");
    assert_eq!(changes(&runner)[1..], [added("xd")]);
}

#[test]
fn a_note_that_is_too_long_stays_to_be_put_right() {
    let mut runner = runner(noted(&[]), (120, 40));
    runner.keys(";").paste(&"x".repeat(510)).keys("enter");
    runner.sees("note: found 510 characters, allowed 1 to 500").sees("Notes on AAPL");
    assert!(changes(&runner).is_empty());
    runner.keys("esc").misses("Notes on AAPL");
}

#[test]
fn the_command_bar_takes_a_note_and_whatever_it_says_it_is_no_order() {
    let mut runner = runner(noted(&[]), (120, 40));
    runner.keys(":").text("note aapl buy 10 at 200").sees("note on AAPL: buy 10 at 200").keys("enter");
    runner.misses("Review order");
    assert_eq!(changes(&runner), [added("buy 10 at 200")]);
    assert!(runner.executed().is_empty());
    // What cannot be kept stays, with why.
    for (line, said) in [
        ("note", "as: note AAPL earnings on Thursday"),
        ("note aapl", "found no text"),
        ("note appl up", "'appl' is no symbol that is listed here. Did you mean AAPL?"),
    ] {
        runner.keys(":").text(line).sees(said).keys("enter").sees(line).keys("esc");
    }
    assert_eq!(changes(&runner).len(), 1);
    // It is there again by the arrow.
    runner.keys(": up").sees(": note aapl buy 10 at 200");
}

#[test]
fn a_note_stands_wherever_its_instrument_does() {
    let mut runner = runner(noted(&["earnings on Thursday", "gap at 231"]), (120, 40));
    runner.sees("AAPL*");
    runner.keys("i").sees("earnings on Thursday").sees("gap at 231").keys("esc");
    runner.keys("b").sees("note 24 Nov: earnings on").keys("esc");
    runner.keys(":").text("buy 10 aapl at 231.50").keys("enter").sees("Review order");
    runner.sees("note on AAPL, 24 Nov: earnings on Thursday").keys("esc esc");
    // Those of the share are read beside the option's own.
    let mut snapshot = noted(&["earnings on Thursday"]);
    let option = Instrument::from_key("AAPL  270115P00190000").unwrap();
    let own = SymbolNote { id: NoteId(9), instrument: option.clone(), ..snapshot.notes[0].clone() };
    let own = SymbolNote { text: "assigned below 190".to_owned(), ..own };
    Arc::make_mut(&mut snapshot.notes).push(own);
    let mut options = options();
    options.instrument = Some(option);
    let mut runner = Runner::with(options, snapshot, (120, 40));
    runner.keys("i").sees("assigned below 190").sees("AAPL, 24 Nov: earnings on Thursday");
}

#[test]
fn the_quotes_have_a_column_of_notes_where_there_is_room() {
    let options =
        crate::tui::Options { chores: Some(Arc::new(|_| Ok(String::new()))), tour: false, ..options() };
    let mut runner = Runner::with(options, noted(&["earnings on Thursday"]), (200, 60));
    runner.keys("1 z").sees("earnings on Thursday");
    // It is part of what is written as a file.
    runner.keys("e");
    let written = runner.chores.iter().find_map(|chore| match chore {
        crate::tui::Chore::Export { text, .. } => Some(text.clone()),
        _ => None,
    });
    let written = written.unwrap();
    assert!(written.starts_with("symbol,last,change_percent,bid,ask,volume,as_of,note\n"), "{written}");
    assert!(written.lines().any(|line| line.starts_with("AAPL,") && line.ends_with(",earnings on Thursday")));
}

#[test]
fn a_foreign_byte_in_a_note_reaches_no_screen() {
    let mut runner = runner(noted(&["a\u{1b}]0;owned\u{7}b\u{202e}c"]), (120, 40));
    runner.keys("i").keys("esc").keys(";").keys("esc").keys("b");
    assert!(!String::from_utf8_lossy(&runner.written).contains("owned"));
}
