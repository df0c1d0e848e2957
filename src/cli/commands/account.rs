//! What an account holds and did: positions, balances, fills, history, gains, exports.

use jiff::civil::Date;
use serde_json::json;

use crate::cli::args::{ExportTradesArgs, HistoryArgs, PnlArgs};
use crate::cli::error::CliError;
use crate::cli::host::Host;
use crate::cli::language;
use crate::cli::line::{Line, Range};
use crate::cli::output::views::total;
use crate::cli::output::{Named, Output, to_json};
use crate::client::message::HistoryQuery;
use crate::client::progress::Progress;
use crate::client::{Reply, Request};
use crate::config::files;
use crate::domain::account::{Account, BrokerFigures};
use crate::domain::execution::Execution;
use crate::domain::ids::AccountId;
use crate::domain::position::Position;
use crate::domain::snapshot::{AccountView, Snapshot};
use crate::domain::total::Total;

/// Fills that are asked for at a time.
const EXPORT_PAGE: u32 = 1_000;

pub(super) async fn positions(line: &Line<'_>, account: Option<&str>) -> Result<Output, CliError> {
    let account = line.named_account(account).await?;
    let snapshot = line.snapshot().await?;
    let wanted = |position: &&Position| account.as_ref().is_none_or(|id| position.account == *id);
    let held: Vec<Position> = snapshot.positions.iter().filter(wanted).cloned().collect();
    let shown = line.show(&Reply::Positions(held.clone()))?;
    let recorded = as_recorded(&snapshot, account.as_ref());
    if recorded.is_empty() {
        return Ok(shown);
    }
    let json = to_json(&json!({ "positions": held, "as_recorded": recorded }))?;
    Ok(told_as_recorded(Output { json, ..shown }, &recorded))
}

/// Accounts at brokers that this engine has not heard of yet: what is shown of them is what was recorded last, which may be long ago.
fn as_recorded(snapshot: &Snapshot, only: Option<&AccountId>) -> Vec<AccountId> {
    let unheard = |view: &&AccountView| view.standing.broker.is_some() && view.standing.last.is_none();
    let wanted = |id: &AccountId| only.is_none_or(|only| only == id);
    let ids = snapshot.accounts.iter().filter(unheard).map(|view| view.account.account.clone());
    ids.filter(wanted).collect()
}

fn told_as_recorded(output: Output, accounts: &[AccountId]) -> Output {
    accounts.iter().fold(output, |output, account| {
        output.line(format!(
            "{account}: as last recorded, its broker was not heard; an engine asks it: arbion engine start"
        ))
    })
}

pub(super) async fn balances(line: &Line<'_>, account: Option<&str>) -> Result<Output, CliError> {
    let account = line.named_account(account).await?;
    let snapshot = line.snapshot().await?;
    let wanted = |view: &&AccountView| account.as_ref().is_none_or(|id| view.account.account == *id);
    let views: Vec<&AccountView> = snapshot.accounts.iter().filter(wanted).collect();
    let accounts: Vec<Account> = views.iter().map(|view| view.account.clone()).collect();
    let brokers: Vec<&BrokerFigures> =
        views.iter().filter_map(|view| view.standing.figures.as_ref()).collect();
    // One account alone is no sum.
    let totals: &[Total] = if account.is_some() { &[] } else { snapshot.totals.as_slice() };
    let shown = line.show(&Reply::Accounts(accounts.clone()))?;
    let recorded = as_recorded(&snapshot, account.as_ref());
    if totals.is_empty() && brokers.is_empty() && recorded.is_empty() {
        return Ok(shown);
    }
    let mut all = json!({ "accounts": accounts, "totals": totals, "brokers": brokers });
    if !recorded.is_empty() {
        all["as_recorded"] = json!(recorded);
    }
    let json = to_json(&all)?;
    let differ = |view: &&AccountView| {
        view.standing.figures.as_ref().map(|told| told.differences(&view.account)).unwrap_or_default()
    };
    let output = views.iter().flat_map(differ).fold(Output { json, ..shown }, Output::line);
    let more = totals.iter().filter(|total| total.says_more());
    let output = more.fold(output, |output, all| output.table(total(all, &line.zone)));
    Ok(told_as_recorded(output, &recorded))
}

async fn range(line: &Line<'_>, account: Option<&str>, symbol: Option<&str>) -> Result<Range, CliError> {
    Ok(Range {
        account: line.named_account(account).await?,
        instrument: symbol.map(|symbol| language::instrument(symbol, line.lookup)).transpose()?,
        ..Range::default()
    })
}

/// The days that are asked for, the first not behind the last.
fn days(since: Option<Date>, until: Option<Date>) -> Result<(Option<Date>, Option<Date>), CliError> {
    match (since, until) {
        (Some(first), Some(last)) if first > last => {
            Err(CliError::usage(format!("--until: found {last}, allowed is no day before --since ({first})")))
        }
        days => Ok(days),
    }
}

async fn history_range(line: &Line<'_>, args: &HistoryArgs) -> Result<Range, CliError> {
    let range = range(line, args.account.as_deref(), args.symbol.as_deref()).await?;
    let (since, until) = days(args.since, args.until)?;
    Ok(Range { since, until, limit: args.limit, offset: args.offset, ..range })
}

pub(super) async fn fills(line: &Line<'_>, args: &HistoryArgs) -> Result<Output, CliError> {
    let range = history_range(line, args).await?;
    line.answer(Request::Executions(range.into())).await
}

pub(super) async fn history(line: &Line<'_>, args: &HistoryArgs) -> Result<Output, CliError> {
    let range = history_range(line, args).await?;
    let reply = line.ask(Request::OrderHistory(range.into())).await?;
    // That an old order was denied or rejected is no failure of showing it.
    Ok(line.show(&reply)?.failing(None))
}

pub(super) async fn pnl(line: &Line<'_>, args: &PnlArgs) -> Result<Output, CliError> {
    let range = range(line, args.account.as_deref(), args.symbol.as_deref()).await?;
    let (since, until) = days(args.since, args.until)?;
    let range = Range { since, until, ..range };
    line.answer(Request::Pnl(range.into())).await
}

pub(super) async fn export(
    line: &Line<'_>,
    host: &dyn Host,
    args: &ExportTradesArgs,
    progress: &Progress,
) -> Result<Output, CliError> {
    let fills = exported(line, args, progress).await?;
    let text = host.trades_file(args.format, &fills);
    if args.to.as_os_str() == "-" {
        return Ok(Output::new(&Named("executions", &fills))?.lines(&text));
    }
    files::write_private(&args.to, text.as_bytes(), args.force)?;
    let path = args.to.display().to_string();
    Ok(Output::new(&json!({ "file": path, "executions": fills.len() }))?
        .line(format!("{} fills in {path}", fills.len())))
}

/// The fills that are asked for, oldest first, read a page at a time: a long history holds nobody up, and can be ended.
pub(super) async fn exported(
    line: &Line<'_>,
    args: &ExportTradesArgs,
    progress: &Progress,
) -> Result<Vec<Execution>, CliError> {
    let range = range(line, args.account.as_deref(), args.symbol.as_deref()).await?;
    let (since, until) = days(args.since, args.until)?;
    let range = Range { since, until, ..range };
    let mut query: HistoryQuery = range.into();
    // What fills meanwhile would move the pages: they end where they ended at the start.
    let now = line.snapshot().await?.now;
    query.until = Some(query.until.map_or(now, |until| until.min(now)));
    query.limit = EXPORT_PAGE;
    let mut fills = Vec::new();
    loop {
        query.offset = u32::try_from(fills.len()).unwrap_or(u32::MAX);
        let Reply::Executions(page) = line.ask(Request::Executions(query.clone())).await? else {
            return Err(CliError::unexpected("fills"));
        };
        let rows = page.len();
        progress.add_done(rows as u64);
        fills.extend(page);
        if progress.ends() {
            return Err(CliError::usage("it was ended before it was done; nothing is written"));
        }
        if rows < EXPORT_PAGE as usize {
            break;
        }
    }
    fills.reverse();
    Ok(fills)
}
