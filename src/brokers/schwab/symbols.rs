//! Schwab's symbols: classes of shares behind a slash, indices behind a dollar, options by OCC with their spaces.

use jiff::Timestamp;

use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::option::OptionContract;

/// Indices that Schwab writes with a dollar.
const INDICES: [&str; 9] = ["SPX", "XSP", "NDX", "RUT", "VIX", "DJI", "DJX", "COMPX", "OEX"];

/// A ticker as Schwab writes it: `BRK/B`, `$SPX`.
#[must_use]
pub fn ticker(symbol: &Symbol) -> String {
    let text = symbol.as_str();
    if INDICES.contains(&text) { format!("${text}") } else { text.replace('.', "/") }
}

/// An instrument as Schwab writes it; `None` for what it does not have.
#[must_use]
pub fn written(instrument: &Instrument) -> Option<String> {
    match instrument {
        Instrument::Equity { symbol } => Some(ticker(symbol)),
        Instrument::Option(contract) => Some(contract.occ_symbol()),
        _ => None,
    }
}

/// An instrument from Schwab's type and symbol; `None` for futures, forex, bonds and whatever else is no share and no option.
#[must_use]
pub fn read(asset_type: &str, symbol: &str) -> Option<Instrument> {
    match asset_type {
        "OPTION" => OptionContract::from_occ(symbol).ok().map(Instrument::Option),
        "EQUITY" | "ETF" | "COLLECTIVE_INVESTMENT" | "MUTUAL_FUND" | "INDEX" => {
            Instrument::equity(&symbol.trim_start_matches('$').replace('/', ".")).ok()
        }
        _ => None,
    }
}

/// A symbol by its looks alone, as streams and quotes name it.
#[must_use]
pub fn guess(symbol: &str) -> Option<Instrument> {
    if let Ok(contract) = OptionContract::from_occ(symbol) {
        return Some(Instrument::Option(contract));
    }
    if symbol.starts_with(['/', '.']) { None } else { read("EQUITY", symbol) }
}

/// An instant as queries want it, escaped.
#[must_use]
pub fn instant(at: Timestamp) -> String {
    escaped(&at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// A path segment or query value with everything escaped that is not unreserved (RFC 3986).
#[must_use]
pub fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            write!(out, "%{byte:02X}").ok();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_written_and_read_back() {
        for (key, asset_type, theirs, path) in [
            ("AAPL", "EQUITY", "AAPL", "AAPL"),
            ("BRK.B", "EQUITY", "BRK/B", "BRK%2FB"),
            ("SPX", "INDEX", "$SPX", "%24SPX"),
            ("AAPL  240517P00190000", "OPTION", "AAPL  240517P00190000", "AAPL%20%20240517P00190000"),
            ("SPXW  261218C05000000", "OPTION", "SPXW  261218C05000000", "SPXW%20%20261218C05000000"),
        ] {
            let instrument = Instrument::from_key(key).unwrap();
            assert_eq!(written(&instrument).unwrap(), theirs);
            assert_eq!(read(asset_type, theirs).unwrap(), instrument);
            assert_eq!(guess(theirs).unwrap(), instrument);
            assert_eq!(escaped(theirs), path);
        }
        assert_eq!(read("COLLECTIVE_INVESTMENT", "VTI").unwrap(), Instrument::equity("VTI").unwrap());
        for (asset_type, symbol) in
            [("FUTURE", "/ESZ26"), ("FOREX", "EUR/USD"), ("OPTION", "AAPL"), ("CURRENCY", "CURRENCY_USD")]
        {
            assert_eq!(read(asset_type, symbol), None, "{symbol}");
        }
        assert_eq!(guess("/ESZ26"), None);
        assert_eq!(guess("./ESZ26C5000"), None);
        assert_eq!(written(&Instrument::crypto("BTC", "USD").unwrap()), None);
    }
}
