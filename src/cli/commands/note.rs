//! Notes: beside orders, one each, and on symbols, several each.

use serde_json::json;

use super::orders;
use crate::cli::args::NoteCommand;
use crate::cli::error::CliError;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::csv::{csv, safe};
use crate::cli::output::{Output, market_views};
use crate::client::message::OrderNote;
use crate::client::{Reply, Request};
use crate::domain::instrument::Instrument;
use crate::domain::note::{NoteChange, NoteId, SymbolNote};

pub(super) async fn run(line: &Line<'_>, command: &NoteCommand) -> Result<Output, CliError> {
    match command {
        NoteCommand::List { symbol, csv } => list(line, symbol.as_deref(), *csv).await,
        NoteCommand::Set { order, text } => {
            let wanted = orders::order_ref(order)?;
            let found = orders::find(line, &wanted)
                .await?
                .ok_or_else(|| CliError::usage(format!("no order {order}")))?;
            let request = Request::SetNote { order: found.request.client_order_id, text: text.join(" ") };
            line.answer(request).await
        }
        NoteCommand::Add { symbol, text } => {
            let instrument = language::instrument(symbol, line.lookup)?;
            let change = NoteChange::Add { instrument, text: text.join(" ") };
            line.answer(Request::NoteSymbol(change)).await
        }
        NoteCommand::Remove { symbol, id } => {
            let instrument = language::instrument(symbol, line.lookup)?;
            let snapshot = line.snapshot().await?;
            let id = which(snapshot.notes_on(&instrument), &instrument, *id)?;
            line.answer(Request::NoteSymbol(NoteChange::Remove { id })).await
        }
    }
}

/// The note that is meant: the one of this number, or the only one there is.
fn which(notes: &[SymbolNote], instrument: &Instrument, id: Option<u64>) -> Result<NoteId, CliError> {
    let known = || notes.iter().map(|note| note.id.to_string()).collect::<Vec<_>>().join(", ");
    match (notes, id) {
        ([], _) => Err(CliError::usage(format!("{instrument} has no note"))),
        ([only], None) => Ok(only.id),
        (_, None) => {
            Err(CliError::usage(format!("note: found no number, allowed those of {instrument}: {}", known())))
        }
        (notes, Some(id)) => notes.iter().map(|note| note.id).find(|known| known.0 == id).ok_or_else(|| {
            CliError::usage(format!("note: found {id}, allowed those of {instrument}: {}", known()))
        }),
    }
}

/// Notes on symbols, and, where none is named, those on orders.
async fn list(line: &Line<'_>, symbol: Option<&str>, as_csv: bool) -> Result<Output, CliError> {
    let instrument = symbol.map(|symbol| language::instrument(symbol, line.lookup)).transpose()?;
    let orders = match instrument {
        Some(_) => Vec::new(),
        None => match line.ask(Request::Notes).await? {
            Reply::Notes(notes) => notes,
            _ => return Err(CliError::unexpected("notes")),
        },
    };
    let snapshot = line.snapshot().await?;
    let mut symbols: Vec<SymbolNote> = match &instrument {
        Some(instrument) => snapshot.notes_on(instrument).to_vec(),
        None => snapshot.notes.to_vec(),
    };
    symbols.sort_by_key(|note| std::cmp::Reverse(note.id));
    let document = match instrument {
        Some(_) => json!({ "symbol_notes": symbols }),
        None => json!({ "notes": orders, "symbol_notes": symbols }),
    };
    let output = Output::new(&document)?;
    if as_csv {
        return Ok(output.verbatim(as_rows(&orders, &symbols)?));
    }
    let output = match symbols.is_empty() && !orders.is_empty() {
        true => output,
        false => output.table(market_views::symbol_notes(&symbols, &line.zone)),
    };
    Ok(if orders.is_empty() { output } else { output.table(market_views::notes(&orders)) })
}

fn as_rows(orders: &[OrderNote], symbols: &[SymbolNote]) -> Result<String, CliError> {
    let of_symbol = |note: &SymbolNote| {
        vec![
            safe(&note.instrument.key()),
            String::new(),
            note.id.to_string(),
            note.at.to_string(),
            safe(&note.text),
        ]
    };
    let of_order = |note: &OrderNote| {
        vec![String::new(), note.order.to_string(), String::new(), String::new(), safe(&note.text)]
    };
    let rows = symbols.iter().map(of_symbol).chain(orders.iter().map(of_order));
    csv(&["symbol", "client_order_id", "id", "at", "note"], rows)
}
