//! Notes on orders and on instruments. Those on orders are the store's alone; those on instruments stand in the picture too, so that every
//! screen shows them where the instrument is. Nothing in the core depends on either.

use std::cmp::Reverse;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::client::{Reply, SessionError};
use crate::domain::ids::ClientOrderId;
use crate::domain::note::{
    NOTES_PER_SYMBOL_MAX, NoteChange, NoteId, SYMBOL_NOTES_MAX, SymbolNote, note_text, notes_on,
};
use crate::store::SymbolNoteRow;

use super::journal::Job;
use super::session::give;
use super::task::EngineTask;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

impl EngineTask {
    pub(super) fn set_note(&mut self, order: ClientOrderId, typed: &str, reply: Answer) {
        let text = match typed.trim() {
            "" => String::new(),
            typed => match note_text(typed) {
                Ok(text) => text,
                Err(error) => return give(reply, Err(SessionError::Usage(error.to_string()))),
            },
        };
        let said = if text.is_empty() { "note taken off" } else { "note kept" };
        self.keep(Job::Note(order, self.clock.now(), text), said.to_owned(), reply);
    }

    /// An instrument that is not known here has no note: it would be found nowhere.
    pub(super) async fn note_symbol(&mut self, change: NoteChange, reply: Answer) {
        if let NoteChange::Add { instrument, .. } = &change
            && let Err(error) = self.know(std::slice::from_ref(instrument)).await
        {
            return give(reply, Err(error));
        }
        let mut notes = self.notes.to_vec();
        let (row, said) = match changed(&mut notes, change, self.clock.now()) {
            Ok(done) => done,
            Err(text) => return give(reply, Err(SessionError::Usage(text))),
        };
        self.notes = Arc::new(notes);
        self.core.touch();
        self.publish();
        self.keep(Job::SymbolNote(row), said, reply);
    }

    /// Writes it, and says so once it is on the disk.
    fn keep(&mut self, job: Job, said: String, reply: Answer) {
        let (done, flushed) = oneshot::channel();
        for job in [job, Job::Flush(done)] {
            if self.journal.send(job).is_err() {
                let full = "the journal's queue is full; try again".to_owned();
                return give(reply, Err(SessionError::Storage(full)));
            }
        }
        tokio::spawn(async move {
            let answer = match flushed.await {
                Ok(Ok(())) => Ok(Reply::Done(said)),
                Ok(Err(reason)) => {
                    Err(SessionError::Storage(format!("the note is not on the disk yet: {reason}")))
                }
                Err(_) => Err(SessionError::Storage("the journal has stopped".to_owned())),
            };
            give(reply, answer);
        });
    }
}

/// Carries a change out on the notes, which lie by instrument, the newest of each first. What is to be written, and a line about it.
fn changed(
    notes: &mut Vec<SymbolNote>,
    change: NoteChange,
    now: jiff::Timestamp,
) -> Result<(SymbolNoteRow, String), String> {
    match change {
        NoteChange::Add { instrument, text } => {
            let text = note_text(&text).map_err(|error| error.to_string())?;
            if notes_on(notes, &instrument).len() >= NOTES_PER_SYMBOL_MAX {
                return Err(format!(
                    "{instrument} has {NOTES_PER_SYMBOL_MAX} notes, which are as many as are kept; take one off first"
                ));
            }
            if notes.len() >= SYMBOL_NOTES_MAX {
                return Err(format!(
                    "there are {SYMBOL_NOTES_MAX} notes, which are as many as are kept; take one off first"
                ));
            }
            let id = NoteId(1 + notes.iter().map(|note| note.id.0).max().unwrap_or(0));
            let note = SymbolNote { id, instrument, at: now, text };
            let said = format!("note {id} on {} kept", note.instrument);
            notes.push(note.clone());
            notes.sort_by(|a, b| (&a.instrument, Reverse(a.id)).cmp(&(&b.instrument, Reverse(b.id))));
            Ok((SymbolNoteRow::Put(note), said))
        }
        NoteChange::Remove { id } => {
            let at = notes.iter().position(|note| note.id == id);
            let note = notes.remove(at.ok_or_else(|| format!("no note {id}"))?);
            Ok((SymbolNoteRow::Gone(id), format!("note {id} on {} taken off", note.instrument)))
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::instrument::Instrument;

    fn add(notes: &mut Vec<SymbolNote>, symbol: &str, text: &str) -> Result<String, String> {
        let instrument = Instrument::from_key(symbol).unwrap();
        let change = NoteChange::Add { instrument, text: text.to_owned() };
        changed(notes, change, Timestamp::UNIX_EPOCH).map(|(_, said)| said)
    }

    #[test]
    fn notes_lie_by_instrument_and_the_newest_first() {
        let mut notes = Vec::new();
        assert_eq!(add(&mut notes, "MSFT", " earnings on Thursday ").unwrap(), "note 1 on MSFT kept");
        assert_eq!(add(&mut notes, "AAPL", "gap at 231").unwrap(), "note 2 on AAPL kept");
        assert_eq!(add(&mut notes, "MSFT", "beat").unwrap(), "note 3 on MSFT kept");
        let rows = |notes: &[SymbolNote]| -> Vec<String> {
            notes.iter().map(|note| format!("{} {} {}", note.id, note.instrument, note.text)).collect()
        };
        assert_eq!(rows(&notes), ["2 AAPL gap at 231", "3 MSFT beat", "1 MSFT earnings on Thursday"]);
        let gone = changed(&mut notes, NoteChange::Remove { id: NoteId(1) }, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(gone, (SymbolNoteRow::Gone(NoteId(1)), "note 1 on MSFT taken off".to_owned()));
        assert_eq!(rows(&notes), ["2 AAPL gap at 231", "3 MSFT beat"]);
        let none = changed(&mut notes, NoteChange::Remove { id: NoteId(1) }, Timestamp::UNIX_EPOCH);
        assert_eq!(none.unwrap_err(), "no note 1");
    }

    #[test]
    fn too_many_and_bad_ones_change_nothing() {
        let mut notes = Vec::new();
        for n in 0..NOTES_PER_SYMBOL_MAX {
            add(&mut notes, "AAPL", &format!("note {n}")).unwrap();
        }
        let before = notes.clone();
        assert!(add(&mut notes, "AAPL", "one more").unwrap_err().starts_with("AAPL has 50 notes"));
        assert!(add(&mut notes, "MSFT", "a\tb").unwrap_err().contains("U+0009"));
        assert_eq!(notes, before);
    }
}
