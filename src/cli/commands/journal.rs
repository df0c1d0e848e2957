//! The journal: trades with notes and tags, and what they come to.

use serde_json::json;
use smol_str::SmolStr;

use super::orders::{find, order_ref};
use super::past;
use crate::cli::args::{GroupingArg, JournalArgs, JournalCommand};
use crate::cli::error::CliError;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::csv::{TRADE, csv, safe, trade_cells};
use crate::cli::output::{Output, tax_views};
use crate::client::Request;
use crate::domain::calendar::exchange_date;
use crate::domain::journal::{
    Grouping, JournalEntry, TAG_CHARS_MAX, TAGS_MAX, TradeStats, is_tag, round_trips, statistics, total,
    write_note,
};
use crate::domain::money::canonical;
use crate::domain::tax::counted;

pub(super) async fn run(line: &Line<'_>, command: &JournalCommand) -> Result<Output, CliError> {
    match command {
        JournalCommand::List(args) => {
            let mut entries = entries(line, args).await?;
            entries.reverse();
            let output = Output::new(&json!({ "trades": entries }))?;
            if args.csv {
                return Ok(output.verbatim(entries_csv(&entries)?));
            }
            Ok(output.table(tax_views::trades(&entries, &line.zone)))
        }
        JournalCommand::Note { order, text } => {
            write(line, order, |written| written.words = text.join(" ")).await
        }
        JournalCommand::Tag { order, tags, off } => {
            if let Some(wrong) = tags.iter().find(|tag| !is_tag(tag)) {
                let shown: String = wrong.chars().take(40).flat_map(char::escape_default).collect();
                return Err(CliError::usage(format!(
                    "tag: found '{shown}', allowed 1 to {TAG_CHARS_MAX} letters, digits, '-', '_' and ':'"
                )));
            }
            let new: Vec<SmolStr> = tags.iter().map(SmolStr::new).collect();
            write(line, order, |written| {
                written.tags.retain(|tag| !new.contains(tag));
                if !off {
                    written.tags.extend(new.iter().cloned());
                }
                written.tags.truncate(TAGS_MAX);
            })
            .await
        }
        JournalCommand::Stats { by, trades } => {
            let entries = entries(line, trades).await?;
            let (title, grouping) = grouping(*by);
            let (rows, all) = (statistics(&entries, grouping), total(&entries));
            let documents: Vec<_> =
                rows.iter().map(|(name, stats)| json!({ "name": name, "stats": stats })).collect();
            let output = Output::new(&json!({ "by": title, "groups": documents, "all": all }))?;
            if trades.csv {
                return Ok(output.verbatim(stats_csv(title, &rows)?));
            }
            Ok(output.table(tax_views::statistics(title, &rows, &all)))
        }
    }
}

const fn grouping(by: GroupingArg) -> (&'static str, Grouping) {
    match by {
        GroupingArg::Strategy => ("strategy", Grouping::Strategy),
        GroupingArg::Symbol => ("symbol", Grouping::Symbol),
        GroupingArg::Weekday => ("weekday", Grouping::Weekday),
        GroupingArg::Holding => ("held", Grouping::Holding),
        GroupingArg::Tag => ("tag", Grouping::Tag),
        GroupingArg::Account => ("account", Grouping::Account),
    }
}

/// Changes what is written beside an order.
async fn write(
    line: &Line<'_>,
    order: &str,
    change: impl FnOnce(&mut past::Written),
) -> Result<Output, CliError> {
    let found = find(line, &order_ref(order)?).await?;
    let found = found.ok_or_else(|| CliError::usage(format!("no order {order}")))?;
    let id = found.request.client_order_id;
    let mut written = past::notes(line).await?.remove(&id).unwrap_or_default();
    change(&mut written);
    let text = write_note(&written.words, &written.tags);
    line.answer(Request::SetNote { order: id, text }).await
}

/// The trades that are asked for, by closing time.
async fn entries(line: &Line<'_>, args: &JournalArgs) -> Result<Vec<JournalEntry>, CliError> {
    let instrument =
        args.symbol.as_deref().map(|symbol| language::instrument(symbol, line.lookup)).transpose()?;
    let account = line.named_account(args.account.as_deref()).await?;
    let (fills, orders, notes) =
        (past::fills(line).await?, past::orders(line).await?, past::notes(line).await?);
    let fills = counted(&fills);
    let mut entries = Vec::new();
    for trip in round_trips(&fills) {
        let day = exchange_date(trip.closed_at);
        let wanted = instrument.as_ref().is_none_or(|it| *it == trip.instrument)
            && account.as_ref().is_none_or(|it| *it == trip.account)
            && args.since.is_none_or(|since| day >= since)
            && args.until.is_none_or(|until| day <= until);
        if !wanted {
            continue;
        }
        let both = [trip.entry_order, trip.exit_order];
        let [entry, exit] = both.map(|id| id.and_then(|id| orders.get(&id)));
        let strategy = entry.map(|order| order.strategy.clone()).unwrap_or_default();
        let mut words: Vec<&str> = Vec::new();
        let mut tags: Vec<SmolStr> = Vec::new();
        for written in both.into_iter().flatten().filter_map(|id| notes.get(&id)) {
            if !written.words.is_empty() && !words.contains(&written.words.as_str()) {
                words.push(&written.words);
            }
            tags.extend(written.tags.iter().filter(|tag| !tags.contains(tag)).cloned().collect::<Vec<_>>());
        }
        if args.tag.as_ref().is_some_and(|tag| !tags.iter().any(|it| it == tag)) {
            continue;
        }
        let (entry_number, exit_number) = (entry.map(|order| order.number), exit.map(|order| order.number));
        entries.push(JournalEntry {
            trip,
            entry_number,
            exit_number,
            strategy,
            note: words.join("; "),
            tags,
        });
    }
    Ok(entries)
}

fn entries_csv(entries: &[JournalEntry]) -> Result<String, CliError> {
    let said = ["entry_order", "exit_order", "strategy", "tags", "note"];
    let header = [&["account"][..], &TRADE, &said].concat();
    let row = |entry: &JournalEntry| {
        let trip = &entry.trip;
        let number = |number: Option<crate::domain::ids::OrderNumber>| {
            number.map(|number| number.0.to_string()).unwrap_or_default()
        };
        let tags: Vec<&str> = entry.tags.iter().map(|tag| tag.as_str()).collect();
        let (opened, closed) = ((trip.opened_at, trip.entry_price), (trip.closed_at, trip.exit_price));
        let cells = trade_cells(&trip.instrument, trip.quantity, opened, closed, (trip.fees, trip.pnl));
        let mut row = vec![safe(trip.account.as_str())];
        row.extend(cells);
        row.extend([
            number(entry.entry_number),
            number(entry.exit_number),
            safe(&entry.strategy),
            safe(&tags.join(" ")),
            safe(&entry.note),
        ]);
        row
    };
    csv(&header, entries.iter().map(row))
}

fn stats_csv(title: &str, rows: &[(String, TradeStats)]) -> Result<String, CliError> {
    let header = [
        title,
        "trades",
        "wins",
        "losses",
        "pnl",
        "fees",
        "gross_profit",
        "gross_loss",
        "best",
        "worst",
        "held_seconds",
    ];
    let row = |(name, stats): &(String, TradeStats)| {
        let optional = |value: Option<rust_decimal::Decimal>| {
            value.map(|value| canonical(value.round_dp(4))).unwrap_or_default()
        };
        vec![
            safe(name),
            stats.trades.to_string(),
            stats.wins.to_string(),
            stats.losses.to_string(),
            canonical(stats.pnl),
            canonical(stats.fees),
            canonical(stats.gross_profit),
            canonical(stats.gross_loss),
            optional(stats.best),
            optional(stats.worst),
            stats.held_seconds.to_string(),
        ]
    };
    csv(&header, rows.iter().map(row))
}
