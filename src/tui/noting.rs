//! A line such as `note AAPL earnings on Thursday`, typed where commands are: everything behind the symbol is the note's text, whatever it
//! says. Such a line never is an order, and no line of the command language begins so.

use super::env::At;
use super::panes::ticket::symbol::resolve;
use super::wish::{Purpose, Wish};
use crate::client::Request;
use crate::domain::instrument::Instrument;
use crate::domain::note::{NoteChange, note_text};
use crate::domain::text::clean;

/// The word that such a line begins with.
pub const VERB: &str = "note";
/// Characters of an unknown symbol that a message shows at most.
const SYMBOL_SHOWN_MAX: usize = 24;

/// A note that was typed, ready to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noting {
    /// About what.
    pub instrument: Instrument,
    /// The text, checked.
    pub text: String,
}

impl Noting {
    /// What a line notes, or what is wrong with it; none where it is no such line.
    pub fn read(line: &str, at: &At<'_>) -> Option<Result<Self, String>> {
        let line = line.trim();
        let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if !verb.eq_ignore_ascii_case(VERB) {
            return None;
        }
        let rest = rest.trim_start();
        let (symbol, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if symbol.is_empty() {
            return Some(Err("A note is a symbol and a text, as: note AAPL earnings on Thursday".to_owned()));
        }
        let Some(instrument) = resolve(symbol.trim_start_matches('$'), at) else {
            let near = at.env.symbols.as_ref().and_then(|symbols| symbols.nearest(symbol));
            let near = near.map(|instrument| format!(" Did you mean {instrument}?")).unwrap_or_default();
            let shown: String = clean(symbol).chars().take(SYMBOL_SHOWN_MAX).collect();
            return Some(Err(format!("'{shown}' is no symbol that is listed here.{near}")));
        };
        Some(match note_text(text) {
            Ok(text) => Ok(Self { instrument, text }),
            Err(error) => Err(error.to_string()),
        })
    }

    /// What it does, in words.
    #[must_use]
    pub fn words(&self) -> String {
        format!("note on {}: {}", self.instrument, self.text)
    }

    /// What is asked of the engine for it.
    #[must_use]
    pub fn request(self) -> Request {
        Request::NoteSymbol(NoteChange::Add { instrument: self.instrument, text: self.text })
    }

    /// The same as a wish.
    #[must_use]
    pub fn wish(self) -> Wish {
        let words = format!("note on {}", self.instrument);
        Wish::Ask(self.request(), Purpose::Sent(words))
    }
}
