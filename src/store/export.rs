//! Exports of trades as text: CSV, safe to open in a spreadsheet, and JSON.

use crate::domain::execution::Execution;
use crate::domain::money::canonical;

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON array.
    Json,
}

/// The export as text.
#[must_use]
pub fn render(format: ExportFormat, fills: &[Execution]) -> String {
    match format {
        ExportFormat::Json => serde_json::to_string_pretty(fills).unwrap_or_default() + "\n",
        ExportFormat::Csv => {
            let mut text = String::from(
                "time,account,symbol,side,quantity,price,multiplier,fee,currency,kind,execution_id,client_order_id\n",
            );
            for fill in fills {
                let order = fill.client_order_id.map(|id| id.to_string()).unwrap_or_default();
                let cells = [
                    fill.at.to_string(),
                    safe(fill.account.as_str()),
                    safe(&fill.instrument.key()),
                    fill.side.as_str().to_owned(),
                    fill.quantity.to_string(),
                    fill.price.to_string(),
                    canonical(fill.multiplier),
                    canonical(fill.fee),
                    fill.currency.to_string(),
                    fill.kind.as_str().to_owned(),
                    safe(fill.execution_id.as_str()),
                    order,
                ];
                text.push_str(&cells.join(","));
                text.push('\n');
            }
            text
        }
    }
}

/// A text cell that no spreadsheet takes for a formula, quoted where it must be.
fn safe(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
