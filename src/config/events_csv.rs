//! Dates out of a file of comma-separated values: every row is read before one counts.

use std::io::Read;
use std::path::Path;

use super::error::{ConfigError, Problem};
use super::files::FileError;
use crate::domain::events::Planned;
use crate::domain::instrument::Symbol;
use crate::domain::text::clean;

/// Most bytes of such a file.
const BYTES_MAX: u64 = 8 * 1_024 * 1_024;
/// What the first line may name.
const COLUMNS: [&str; 6] = ["symbol", "date", "kind", "time", "amount", "announced"];

/// Reads a file with a header of `symbol,date`, and where they are there `kind` (`earnings` or `dividend`; absent means earnings), `time`
/// (`before_open`, `after_close`), `amount` and `announced`, in any order. In the order of its rows.
///
/// # Errors
/// The first row that is wrong, with its line and what is allowed; then nothing of it counts.
pub fn read_events_csv(path: &Path) -> Result<Vec<(Symbol, Planned)>, ConfigError> {
    let io = |error| FileError::Io { path: path.to_path_buf(), error };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > BYTES_MAX {
        let (path, bytes) = (path.to_path_buf(), bytes.len() as u64);
        return Err(ConfigError::TooLarge { path, bytes, allowed: BYTES_MAX });
    }
    parse(&bytes).map_err(|(line, text)| {
        let text = clean(&text).into_owned();
        ConfigError::Problems(vec![Problem { file: path.to_path_buf(), line, text }])
    })
}

type Wrong = (usize, String);

fn parse(bytes: &[u8]) -> Result<Vec<(Symbol, Planned)>, Wrong> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|error| wrong(1, &error))?.clone();
    let mut at = [None; COLUMNS.len()];
    for (column, name) in header.iter().enumerate() {
        let name = name.trim_start_matches('\u{feff}').to_lowercase();
        let place = COLUMNS.iter().position(|known| *known == name);
        let place =
            place.ok_or_else(|| (1, format!("found a column '{name}', allowed {}", COLUMNS.join(", "))))?;
        if at[place].replace(column).is_some() {
            return Err((1, format!("the column '{name}' is there twice")));
        }
    }
    if at[0].is_none() || at[1].is_none() {
        return Err((1, "the columns symbol and date are needed".to_owned()));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record
            .map_err(|error| wrong(error.position().map_or(1, |place| place.line() as usize), &error))?;
        let line = record.position().map_or(1, |place| place.line() as usize);
        let cell = |place: usize| at[place].and_then(|column| record.get(column)).unwrap_or_default();
        rows.push(row(&cell).map_err(|text| (line, text))?);
    }
    Ok(rows)
}

fn wrong(line: usize, error: &csv::Error) -> Wrong {
    (line, error.to_string())
}

fn row<'a>(cell: &impl Fn(usize) -> &'a str) -> Result<(Symbol, Planned), String> {
    let [symbol, date, kind, time, amount, announced] = [0, 1, 2, 3, 4, 5].map(cell);
    let symbol = Symbol::new(symbol).map_err(|error| error.to_string())?;
    // The words of the file of dates: one grammar reads both.
    let announced = if announced.is_empty() { String::new() } else { format!(" announced {announced}") };
    let planned = match kind.to_lowercase().as_str() {
        "" | "earnings" => {
            if !amount.is_empty() {
                return Err(format!("{symbol}: a report has no amount, found '{amount}'"));
            }
            Planned::earnings(&format!("{date} {}{announced}", time.to_lowercase()))
        }
        "dividend" => {
            if !time.is_empty() {
                return Err(format!("{symbol}: a dividend has no time, found '{time}'"));
            }
            Planned::dividend(&format!("{date} {amount}{announced}"))
        }
        other => return Err(format!("{symbol}.kind: found '{other}', allowed earnings, dividend")),
    };
    Ok((symbol.clone(), planned.map_err(|error| format!("{symbol}: {error}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_any_order_and_some_may_be_missing() {
        let words = |text: &str| -> Vec<String> {
            let rows = parse(text.as_bytes()).unwrap();
            rows.iter().map(|(symbol, planned)| format!("{symbol} {} {planned}", planned.word())).collect()
        };
        assert_eq!(
            words("Date,Symbol\n2026-10-29,aapl\n2026-11-01, BRK.B\n"),
            ["AAPL earnings 2026-10-29", "BRK.B earnings 2026-11-01"]
        );
        let all = "symbol,date,kind,time,amount,announced\n\
                   KO,2026-10-21,earnings,before_open,,2026-10-01\nKO,2026-11-27,dividend,,0.51,\nKO,2027-02-10,,,,\n";
        assert_eq!(
            words(all),
            [
                "KO earnings 2026-10-21 before_open announced 2026-10-01",
                "KO dividend 2026-11-27 0.51",
                "KO earnings 2027-02-10"
            ]
        );
        assert_eq!(words("symbol,date\n"), [""; 0]);
    }

    #[test]
    fn the_first_wrong_row_is_named_with_its_line() {
        for (text, line, words) in [
            ("", 1, "symbol and date"),
            ("symbol,when\n", 1, "found a column 'when', allowed symbol, date"),
            ("symbol,date,date\n", 1, "twice"),
            ("symbol\nKO\n", 1, "symbol and date"),
            ("symbol,date\nKO,2026-10-21\nKO,soon\n", 3, "allowed a day"),
            ("symbol,date\nKO\n", 2, "found record with 1 fields"),
            ("symbol,date,kind\nKO,2026-10-21,split\n", 2, "allowed earnings, dividend"),
            ("symbol,date,amount\nKO,2026-10-21,5\n", 2, "a report has no amount"),
            ("symbol,date,kind\nKO,2026-10-21,dividend\n", 2, "above zero"),
            (
                "symbol,date,kind,time,amount\nKO,2026-10-21,dividend,before_open,1\n",
                2,
                "a dividend has no time",
            ),
            ("symbol,date\nK O,2026-10-21\n", 2, "K O"),
        ] {
            let (at, what) = parse(text.as_bytes()).unwrap_err();
            assert!(at == line && what.contains(words), "{text:?}: {at} {what}");
        }
    }
}
