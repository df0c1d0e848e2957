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

/// What a line means on a day, by the exchange's days.
pub(super) fn parse(text: &str, (today, calendar): (Date, &Calendar), lookup: &dyn SymbolLookup) -> Command {
    command::parse(text, &ParseContext { today, lookup, calendar })
}

/// A command in words that parse to it.
pub(super) fn words(command: &Command) -> String {
    command::explain(command)
}

/// The one instrument a text names: an OCC symbol, a ticker, a pair, or a name. A ticker in its own letters is that ticker, though the
/// word means something in the language too: ALL, NOW, ON.
pub(super) fn instrument(text: &str, lookup: &dyn SymbolLookup) -> Result<Instrument, CliError> {
    let text = text.trim();
    // As it is written for machines, or as every table shows it.
    if let Some(contract) = OptionContract::from_occ(text).ok().or_else(|| OptionContract::from_shown(text)) {
        return Ok(contract.into_instrument());
    }
    let upper = text.to_ascii_uppercase();
    if lookup.is_equity(&upper)
        && let Ok(instrument) = Instrument::equity(&upper)
    {
        return Ok(instrument);
    }
    let shown: String = text.chars().take(40).flat_map(char::escape_default).collect();
    match parse(&format!("quote {text}"), (ANY_DAY, &Calendar::nyse()), lookup) {
        Command::Quote { instruments } if instruments.len() == 1 => {
            Ok(instruments.into_iter().collect::<Vec<_>>().remove(0))
        }
        Command::Quote { .. } => Err(CliError::usage(format!(
            "symbol: found '{shown}', which names several; allowed one ticker, pair, OCC symbol or name"
        ))),
        // What is ambiguous, or not in plain letters, is said by the language itself.
        Command::Clarify { message, missing, .. } if missing.is_empty() && !is_plain(text) => {
            Err(CliError::clarify(message))
        }
        Command::Clarify { message, .. } if message.starts_with("Which") => Err(CliError::clarify(message)),
        _ => {
            let near = if is_plain(text) { nearest(text, lookup) } else { None };
            let near = near.map(|near| format!(", nearest is {near}")).unwrap_or_default();
            Err(CliError::usage(format!(
                "symbol: found '{shown}', allowed a ticker, pair, OCC symbol or name that is listed{near}; try: arbion search {}",
                if is_plain(text) { text } else { "NAME" }
            )))
        }
    }
}

/// What a mistyped symbol or name was perhaps meant to be, with its name.
pub(super) fn nearest(text: &str, lookup: &dyn SymbolLookup) -> Option<String> {
    let key = lookup.nearest(text)?.to_string();
    Some(match lookup.listing(&key) {
        Some(listing) => format!("{key} ({})", listing.name),
        None => key,
    })
}

fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " .-/&".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::symbols::Universe;

    #[test]
    fn a_symbol_is_that_symbol_or_is_said_not_to_be_listed() {
        let universe = Universe::load();
        let shown = |text: &str| match instrument(text, &universe) {
            Ok(instrument) => instrument.key(),
            Err(error) => error.message,
        };
        // What the tables show can be typed.
        assert_eq!(shown("KO 24Dec26 67.5P"), shown("KO261224P00067500"));
        assert_eq!(shown("ko 24dec26 67.5p"), shown("KO261224P00067500"));
        // Words of the language that are tickers too.
        for ticker in ["ALL", "NOW", "ON", "IT", "A", "T", "ARE", "LOW", "KEY", "PUMP", "BRK.B"] {
            if universe.is_equity(ticker) {
                assert_eq!(shown(ticker), ticker);
                assert_eq!(shown(&ticker.to_lowercase()), ticker);
            }
        }
        for (text, key) in [
            ("apple", "AAPL"),
            ("btc", "BTC-USD"),
            ("EUR/USD", "EUR/USD"),
            ("eurusd", "EUR/USD"),
            (" AAPL270115P00190000 ", "AAPL  270115P00190000"),
        ] {
            assert_eq!(shown(text), key);
        }
        for (text, expect) in [
            (
                "ZZZZZ",
                "symbol: found 'ZZZZZ', allowed a ticker, pair, OCC symbol or name that is listed; try: arbion search ZZZZZ",
            ),
            (
                "NOPE",
                "symbol: found 'NOPE', allowed a ticker, pair, OCC symbol or name that is listed; try: arbion search NOPE",
            ),
            (
                "microsft",
                "symbol: found 'microsft', allowed a ticker, pair, OCC symbol or name that is listed, nearest is MSFT (Microsoft); try: arbion search microsft",
            ),
            (
                "cancel all",
                "symbol: found 'cancel all', allowed a ticker, pair, OCC symbol or name that is listed; try: arbion search cancel all",
            ),
            (
                "",
                "symbol: found '', allowed a ticker, pair, OCC symbol or name that is listed; try: arbion search NAME",
            ),
            (
                "AAPL MSFT",
                "symbol: found 'AAPL MSFT', which names several; allowed one ticker, pair, OCC symbol or name",
            ),
            (
                "AA\u{1b}[31mPL",
                "There are invisible or look-alike characters in that; type it anew in plain letters.",
            ),
        ] {
            assert_eq!(shown(text), expect);
        }
    }
}
