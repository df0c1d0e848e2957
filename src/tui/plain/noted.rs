//! Notes on instruments in plain lines: written by `note AAPL text`, read by `notes` and `notes AAPL`.

use super::{For, Plain, Step};
use crate::domain::note::SymbolNote;
use crate::domain::text::clean;
use crate::tui::env::At;
use crate::tui::format;
use crate::tui::noting::Noting;
use crate::tui::panes::ticket::symbol::resolve;

impl Plain {
    /// The line as one about notes; none where it is no such line.
    pub(super) fn noted(&mut self, text: &str) -> Option<Step> {
        let at = At { env: &self.app.env, snapshot: &self.snapshot };
        if let Some(noting) = Noting::read(text, &at) {
            return Some(match noting {
                Ok(noting) => {
                    let words = noting.words();
                    Step::Ask(Box::new(noting.request()), For::Sent(words))
                }
                Err(wrong) => Step::Say(vec![clean(&wrong).into_owned()]),
            });
        }
        let (verb, symbol) = text.split_once(' ').unwrap_or((text, ""));
        if !verb.eq_ignore_ascii_case("notes") {
            return None;
        }
        let lines = match symbol.trim() {
            "" => self.lines_of(&self.snapshot.notes, "No notes."),
            symbol => match resolve(symbol, &at) {
                Some(instrument) => {
                    self.lines_of(self.snapshot.notes_on(&instrument), &format!("No notes on {instrument}."))
                }
                None => vec![format!("{} is no symbol that is listed here.", clean(symbol))],
            },
        };
        Some(Step::Say(self.page(lines)))
    }

    fn lines_of(&self, notes: &[SymbolNote], none: &str) -> Vec<String> {
        let zone = &self.app.env.zone;
        let line = |note: &SymbolNote| {
            let written = format::near(note.at, self.snapshot.now, zone);
            format!("{}, {written}: {}", note.instrument, clean(&note.text))
        };
        if notes.is_empty() { vec![none.to_owned()] } else { notes.iter().map(line).collect() }
    }
}
