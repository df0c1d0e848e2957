//! The command language as the command line uses it: lines, words, and single instruments, all by the one grammar.

use jiff::civil::Date;

use super::error::CliError;
use crate::command::types::Command;
use crate::command::{self, ParseContext};
use crate::domain::calendar::Calendar;
use crate::domain::instrument::{Instrument, SymbolLookup};
use crate::domain::option::OptionContract;

/// Any day: no instrument's name depends on it once it is said in full.
const ANY_DAY: Date = Date::constant(2000, 1, 1);

/// What a line means.
pub(super) fn parse(text: &str, today: Date, lookup: &dyn SymbolLookup) -> Command {
    let calendar = Calendar::nyse();
    command::parse(text, &ParseContext { today, lookup, calendar: &calendar })
}

/// A command in words that parse to it.
pub(super) fn words(command: &Command) -> String {
    command::explain(command)
}

/// The one instrument a text names: an OCC symbol, a ticker, a pair, or a name.
pub(super) fn instrument(text: &str, lookup: &dyn SymbolLookup) -> Result<Instrument, CliError> {
    if let Ok(contract) = OptionContract::from_occ(text.trim()) {
        return Ok(contract.into_instrument());
    }
    match parse(&format!("quote {text}"), ANY_DAY, lookup) {
        Command::Quote { instruments } if instruments.len() == 1 => {
            Ok(instruments.into_iter().collect::<Vec<_>>().remove(0))
        }
        Command::Clarify { message, .. } => Err(CliError::clarify(message)),
        _ => {
            let found: String = text.chars().take(40).flat_map(char::escape_default).collect();
            Err(CliError::usage(format!(
                "symbol: found '{found}', allowed one ticker, pair, OCC symbol or name; try: arbion search"
            )))
        }
    }
}
