//! What a pane shows as a table of texts, for a file.

/// A table of texts: numbers plain, without grouping, times as RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// The names of the columns, in small letters with `_`.
    pub head: Vec<String>,
    /// The rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// A table with these columns and no rows yet.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.head.len(), "every row has every column");
        self.rows.push(cells);
    }

    /// As comma-separated values with a header line, safe to open in a spreadsheet: no cell of text is taken for a formula.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }
}

/// A value that may be missing, as a cell.
#[must_use]
pub fn cell<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn quoted(cell: &str) -> String {
    let is_number = cell.strip_prefix('-').unwrap_or(cell).bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number;
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        let mut sheet = Sheet::new(&["symbol", "text"]);
        for (symbol, text) in [("AAPL", "-1.50"), ("=1+1", "say \"hi\", twice"), ("@x", "-2 sold"), ("", "")]
        {
            sheet.push(vec![symbol.to_owned(), text.to_owned()]);
        }
        assert_eq!(
            sheet.csv(),
            "symbol,text\nAAPL,-1.50\n'=1+1,\"say \"\"hi\"\", twice\"\n'@x,'-2 sold\n,\n"
        );
    }
}
