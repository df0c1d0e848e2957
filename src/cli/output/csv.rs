//! Rows as comma-separated text, safe to open in a spreadsheet.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::cli::error::CliError;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity, canonical};

/// Columns of a trade from its opening to its closing, in every file that lists some.
pub const TRADE: [&str; 8] =
    ["symbol", "quantity", "opened_at", "entry_price", "closed_at", "exit_price", "fees", "pnl"];

/// The cells of those columns: units signed, prices per unit at either end, fees positive and taken off the gain.
#[must_use]
pub fn trade_cells(
    instrument: &Instrument,
    quantity: Quantity,
    (opened_at, entry_price): (Timestamp, Price),
    (closed_at, exit_price): (Timestamp, Price),
    (fees, pnl): (Decimal, Decimal),
) -> [String; 8] {
    [
        safe(&instrument.key()),
        quantity.to_string(),
        opened_at.to_string(),
        entry_price.to_string(),
        closed_at.to_string(),
        exit_price.to_string(),
        canonical(fees),
        canonical(pnl),
    ]
}

/// A header and rows as text. Numbers are written as they are, so that they stay numbers; every other cell goes through [`safe`].
///
/// # Errors
/// Never in practice: a row has as many cells as the header.
pub fn csv(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<String, CliError> {
    let fail = |error: csv::Error| CliError::internal(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(fail)?;
    for row in rows {
        writer.write_record(row).map_err(fail)?;
    }
    let bytes = writer.into_inner().map_err(|error| CliError::internal(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| CliError::internal(error.to_string()))
}

/// A text that no spreadsheet takes for a formula.
#[must_use]
pub fn safe(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_formulas_and_numbers_stay_numbers() {
        let rows = [vec![safe("=1+1"), "-5".to_owned()], vec![safe("a,b"), "2".to_owned()]];
        assert_eq!(csv(&["note", "gain"], rows).unwrap(), "note,gain\n'=1+1,-5\n\"a,b\",2\n");
        assert_eq!(safe("plain"), "plain");
    }
}
