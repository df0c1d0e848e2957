//! Dates that strategies plan around: the profile's own file of reports and dividends.

use jiff::civil::Date;
use serde_json::json;

use super::Context;
use crate::cli::args::{EventArgs, EventsCommand};
use crate::cli::error::CliError;
use crate::cli::host::Settings;
use crate::cli::output::{Align, Cell, Output, Table};
use crate::config::{EventsFile, read_events_csv};
use crate::domain::calendar::exchange_date;
use crate::domain::events::{EventBook, Planned, PlannedKind, UnderlyingDates};
use crate::domain::instrument::Symbol;

/// A date with whose it is.
pub(super) type Row = (Symbol, Planned);

pub(super) fn run(context: &Context<'_>, command: &EventsCommand) -> Result<Output, CliError> {
    let settings = context.settings(true)?;
    let file = file_of(&settings);
    let mut book = file.load()?;
    let full = |error: crate::domain::events::BookFull| CliError::usage(error.to_string());
    let (document, line) = match command {
        EventsCommand::List { symbols, all } => {
            let wanted: Vec<Symbol> = symbols.iter().map(|text| symbol(text)).collect::<Result<_, _>>()?;
            let from = (!all).then(|| exchange_date(context.host.now()));
            return list(&book, &wanted, from);
        }
        EventsCommand::Add(args) => {
            let (symbol, planned) = (symbol(&args.symbol)?, planned(args)?);
            let before = book.add(&symbol, planned).map_err(full)?;
            let instead = before.map(|before| format!(", in place of {before}")).unwrap_or_default();
            (
                json!({ "added": row(&symbol, &planned), "replaced": before }),
                format!("{symbol}: {} {planned}{instead}{}", planned.word(), unlisted(context, &symbol)),
            )
        }
        EventsCommand::Fund { symbol: text, off } => {
            let symbol = symbol(text)?;
            book.set_fund(&symbol, !off).map_err(full)?;
            let line = if *off { "is no fund" } else { "is a fund and reports nothing" };
            let doubt = unlisted(context, &symbol);
            (json!({ "symbol": symbol, "fund": !off }), format!("{symbol} {line}{doubt}"))
        }
        EventsCommand::Remove { symbol: text, date, .. } => {
            let symbol = symbol(text)?;
            let gone = book.remove(&symbol, *date);
            if gone.is_empty() {
                let day = date.map(|day| format!(" of {day}")).unwrap_or_default();
                return Err(CliError::usage(format!(
                    "nothing{day} is written of {symbol}; see: arbion events list {symbol} --all"
                )));
            }
            let rows: Vec<_> = gone.iter().map(|planned| row(&symbol, planned)).collect();
            (json!({ "removed": rows }), format!("{symbol}: {} struck out", counted(gone.len())))
        }
        EventsCommand::Import { file } => {
            let rows = read_events_csv(file)?;
            let (mut added, mut replaced) = (0_usize, 0_usize);
            for (symbol, planned) in &rows {
                match book.add(symbol, *planned).map_err(full)? {
                    None => added += 1,
                    Some(before) if before != *planned => replaced += 1,
                    Some(_) => {}
                }
            }
            let line = format!("{} read: {added} new, {replaced} changed", counted(rows.len()));
            (json!({ "rows": rows.len(), "added": added, "replaced": replaced }), line)
        }
    };
    file.save(&book)?;
    Ok(Output::new(&document)?.line(line))
}

/// Where a profile's dates are.
pub(super) fn file_of(settings: &Settings) -> EventsFile {
    EventsFile::of(&settings.paths.profile_dir(&settings.profile))
}

/// Dates between two days, both of them included, by date.
pub(super) fn between(book: &EventBook, from: Option<Date>, until: Option<Date>) -> Vec<Row> {
    let of = |(symbol, dates): (&Symbol, &UnderlyingDates)| -> Vec<Row> {
        dates.planned().iter().map(|planned| (symbol.clone(), *planned)).collect()
    };
    let mut rows: Vec<Row> = book.iter().flat_map(of).collect();
    rows.retain(|(_, planned)| {
        from.is_none_or(|from| from <= planned.date) && until.is_none_or(|until| planned.date <= until)
    });
    rows.sort_by(|(a, x), (b, y)| (x.date, a).cmp(&(y.date, b)));
    rows
}

/// One date as JSON has it.
pub(super) fn row(symbol: &Symbol, planned: &Planned) -> serde_json::Value {
    let mut row = json!({ "symbol": symbol, "date": planned.date, "kind": planned.word() });
    let (key, value) = match planned.kind {
        PlannedKind::Earnings { time } => ("time", json!(time)),
        PlannedKind::Dividend { amount } => ("amount", json!(amount)),
    };
    row[key] = value;
    if let Some(announced) = planned.announced {
        row["announced"] = json!(announced);
    }
    row
}

/// What it is, for a cell.
pub(super) fn words(planned: &Planned) -> String {
    match planned.kind {
        PlannedKind::Earnings { time } => format!("earnings {}", time.as_str().replace('_', " ")),
        PlannedKind::Dividend { amount } => format!("ex-dividend {amount}"),
    }
}

fn list(book: &EventBook, wanted: &[Symbol], from: Option<Date>) -> Result<Output, CliError> {
    let is_wanted = |symbol: &Symbol| wanted.is_empty() || wanted.contains(symbol);
    let rows: Vec<Row> =
        between(book, from, None).into_iter().filter(|(symbol, _)| is_wanted(symbol)).collect();
    let funds: Vec<&Symbol> = book
        .iter()
        .filter(|(symbol, dates)| dates.is_fund && is_wanted(symbol))
        .map(|(symbol, _)| symbol)
        .collect();
    let documents: Vec<_> = rows.iter().map(|(symbol, planned)| row(symbol, planned)).collect();
    let columns = [
        ("date", Align::Left),
        ("", Align::Left),
        ("symbol", Align::Left),
        ("what", Align::Left),
        ("announced", Align::Left),
    ];
    let empty = "no dates; write one down: arbion events add AAPL 2027-01-28";
    let mut table = Table::new(&columns, empty);
    for (symbol, planned) in &rows {
        table.push(vec![
            Cell::new(planned.date.to_string()),
            Cell::new(planned.date.strftime("%a").to_string()),
            Cell::new(symbol.to_string()),
            Cell::new(words(planned)),
            Cell::new(planned.announced.map(|day| day.to_string()).unwrap_or_default()),
        ]);
    }
    let output = Output::new(&json!({ "events": documents, "funds": funds }))?.table(table);
    if funds.is_empty() {
        return Ok(output);
    }
    let names: Vec<String> = funds.iter().map(ToString::to_string).collect();
    Ok(output.line(format!("funds, which report nothing: {}", names.join(" "))))
}

fn symbol(text: &str) -> Result<Symbol, CliError> {
    Symbol::new(text).map_err(|error| CliError::usage(error.to_string()))
}

/// What is said of a symbol that is not listed: bars of one's own may have it, and it may be a slip.
fn unlisted(context: &Context<'_>, symbol: &Symbol) -> &'static str {
    if context.host.lookup().is_equity(symbol.as_str()) {
        ""
    } else {
        "; it is not listed here, so only backtests over bars of your own see it"
    }
}

fn counted(dates: usize) -> String {
    if dates == 1 { "1 date".to_owned() } else { format!("{dates} dates") }
}

/// By the one grammar that reads the file too.
fn planned(args: &EventArgs) -> Result<Planned, CliError> {
    let announced = args.announced.map(|day| format!(" announced {day}")).unwrap_or_default();
    let day = args.date;
    let read = match args.dividend {
        Some(amount) => Planned::dividend(&format!("{day} {amount}{announced}")),
        None => {
            let time = if args.before_open { " before_open" } else { "" };
            Planned::earnings(&format!("{day}{time}{announced}"))
        }
    };
    read.map_err(|error| CliError::usage(error.to_string()))
}
