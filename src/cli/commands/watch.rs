//! What a trader keeps an eye on: alerts, watchlists, depth, movers, sectors and indices, the equity curve, limits, connections.

use jiff::civil::Time;
use serde_json::json;

use crate::cli::args::{
    AlertCommand, AlertWhenArgs, DepthArgs, EquityArgs, GroupsArgs, MoversArg, MoversArgs, RiskArg,
    WatchlistCommand,
};
use crate::cli::error::CliError;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::{Named, Output, market_views};
use crate::client::message::{MoversBy, WatchlistEdit};
use crate::client::{Reply, Request};
use crate::domain::alert::{AlertChange, AlertId, AlertWhen};
use crate::domain::calendar::instant;
use crate::domain::instrument::Instrument;
use crate::domain::snapshot::{AccountView, Snapshot, Watchlist};
use rust_decimal::Decimal;

/// The one condition that was named; clap sees to it that there is one.
fn condition(args: &AlertWhenArgs) -> Result<(AlertWhen, Decimal), CliError> {
    let named = [
        (AlertWhen::Above, args.above),
        (AlertWhen::Below, args.below),
        (AlertWhen::ChangePercent, args.moved),
    ];
    named
        .into_iter()
        .find_map(|(when, value)| Some((when, value?)))
        .ok_or_else(|| CliError::usage("when: found nothing, allowed --above, --below or --moved"))
}

pub(super) async fn alert(line: &Line<'_>, command: &AlertCommand) -> Result<Output, CliError> {
    match command {
        AlertCommand::List => {
            let snapshot = line.snapshot().await?;
            let alerts = &snapshot.alerts;
            Ok(Output::new(&json!({ "alerts": alerts }))?.table(market_views::alerts(alerts, &line.zone)))
        }
        AlertCommand::Set { symbol, when } => {
            let instrument = language::instrument(symbol, line.lookup)?;
            let (when, value) = condition(when)?;
            line.answer(Request::Alert(AlertChange::Set { instrument, when, value })).await
        }
        AlertCommand::Change { id, when } => {
            let (when, value) = condition(when)?;
            line.answer(Request::Alert(AlertChange::Edit { id: AlertId(*id), when, value })).await
        }
        AlertCommand::Remove { rung: true, .. } => line.answer(Request::Alert(AlertChange::Clear)).await,
        AlertCommand::Remove { ids, .. } => {
            let mut said = Vec::new();
            for id in ids {
                match line.ask(Request::Alert(AlertChange::Remove { id: AlertId(*id) })).await? {
                    Reply::Done(text) => said.push(text),
                    _ => return Err(CliError::unexpected("a line")),
                }
            }
            let document = Output::new(&json!({ "message": said.join("; ") }))?;
            Ok(said.into_iter().fold(document, Output::line))
        }
    }
}

/// The list of that name.
fn list<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Watchlist, CliError> {
    snapshot.watchlists.iter().find(|list| list.name == name).ok_or_else(|| {
        let known: Vec<&str> = snapshot.watchlists.iter().map(|list| list.name.as_str()).collect();
        CliError::usage(format!("watchlist: found '{name}', allowed {}", known.join(", ")))
    })
}

fn instruments(line: &Line<'_>, symbols: &[String]) -> Result<Vec<Instrument>, CliError> {
    symbols.iter().map(|symbol| language::instrument(symbol, line.lookup)).collect()
}

pub(super) async fn watchlist(line: &Line<'_>, command: &WatchlistCommand) -> Result<Output, CliError> {
    let snapshot = line.snapshot().await?;
    let edit = |edit: WatchlistEdit| line.answer(Request::EditWatchlists(edit));
    let set = |name: &str, instruments| line.answer(Request::SetWatchlist { name: name.into(), instruments });
    match command {
        WatchlistCommand::List => Ok(Output::new(&json!({ "watchlists": snapshot.watchlists }))?
            .table(market_views::watchlists(&snapshot.watchlists))),
        WatchlistCommand::Show { name } => {
            let shown = match name {
                Some(name) => Some(list(&snapshot, name)?),
                None => snapshot.watchlists.first(),
            };
            let instruments = shown.map(|list| list.instruments.clone()).unwrap_or_default();
            line.answer(Request::Subscribe { instruments }).await
        }
        WatchlistCommand::Set { name, symbols } => set(name, instruments(line, symbols)?).await,
        WatchlistCommand::Add { name, symbols } => {
            let mut all = list(&snapshot, name)?.instruments.clone();
            for instrument in instruments(line, symbols)? {
                if !all.contains(&instrument) {
                    all.push(instrument);
                }
            }
            set(name, all).await
        }
        WatchlistCommand::Drop { name, symbols } => {
            let (gone, mut all) = (instruments(line, symbols)?, list(&snapshot, name)?.instruments.clone());
            if let Some(missing) = gone.iter().find(|instrument| !all.contains(instrument)) {
                return Err(CliError::usage(format!("{missing} is not on the list {name}")));
            }
            all.retain(|instrument| !gone.contains(instrument));
            if all.is_empty() {
                return Err(CliError::usage(format!(
                    "nothing would be left on {name}; to remove it: arbion watchlist remove {name}"
                )));
            }
            set(name, all).await
        }
        WatchlistCommand::Rename { from, to } => {
            edit(WatchlistEdit::Rename { from: from.into(), to: to.into() }).await
        }
        WatchlistCommand::Move { name, back } => {
            edit(WatchlistEdit::Move { name: name.into(), forward: !back }).await
        }
        WatchlistCommand::Remove { name } => edit(WatchlistEdit::Remove { name: name.into() }).await,
    }
}

pub(super) async fn depth(line: &Line<'_>, args: &DepthArgs) -> Result<Output, CliError> {
    let instrument = language::instrument(&args.symbol, line.lookup)?;
    line.answer(Request::Book { instrument }).await
}

pub(super) async fn groups(line: &Line<'_>, args: &GroupsArgs) -> Result<Output, CliError> {
    let reply = line.ask(Request::Groups).await?;
    if args.name.is_empty() {
        return line.show(&reply);
    }
    let Reply::Groups(all) = reply else { return Err(CliError::unexpected("groups")) };
    let name = args.name.join(" ");
    let found = all.into_iter().find(|(group, _)| group.name.eq_ignore_ascii_case(&name));
    let (group, _) = found
        .ok_or_else(|| CliError::usage(format!("group: found '{name}', allowed those of: arbion groups")))?;
    line.answer(Request::Members { group }).await
}

pub(super) async fn movers(line: &Line<'_>, args: &MoversArgs) -> Result<Output, CliError> {
    let by = match args.by {
        MoversArg::Gainers => MoversBy::Gainers,
        MoversArg::Losers => MoversBy::Losers,
        MoversArg::Active => MoversBy::Active,
    };
    line.answer(Request::Movers { by, limit: args.limit }).await
}

pub(super) async fn equity(line: &Line<'_>, args: &EquityArgs) -> Result<Output, CliError> {
    let account = line.named_account(args.account.as_deref()).await?;
    let since = args.since.map(|day| instant(day, Time::midnight()));
    line.answer(Request::Equity { account, since, points: args.points }).await
}

pub(super) async fn risk(line: &Line<'_>, what: RiskArg, account: Option<&str>) -> Result<Output, CliError> {
    let account = line.named_account(account).await?;
    if what == RiskArg::Desk {
        return line.answer(Request::RiskDesk { account }).await;
    }
    let snapshot = line.snapshot().await?;
    let views =
        snapshot.accounts.iter().filter(|view| account.as_ref().is_none_or(|id| view.account.account == *id));
    let views: Vec<_> = views.collect();
    let documents: Vec<serde_json::Value> = views
        .iter()
        .map(|view| {
            json!({
                "account": view.account.account,
                "trading_state": view.trading_state,
                "used": view.used,
                "limits": view.limits,
            })
        })
        .collect();
    let output = Output::new(&Named("risk", &documents))?;
    Ok(views.iter().fold(output, |output, view| output.table(market_views::risk(view))))
}

pub(super) async fn connections(line: &Line<'_>) -> Result<Output, CliError> {
    let snapshot = line.snapshot().await?;
    let all = &snapshot.connections;
    let accounts: Vec<serde_json::Value> = snapshot
        .accounts
        .iter()
        .map(|view| json!({ "account": view.account.account, "standing": view.standing }))
        .collect();
    let views: Vec<&AccountView> = snapshot.accounts.iter().collect();
    Ok(Output::new(&json!({ "connections": all, "accounts": accounts }))?
        .table(market_views::connections(all, &line.zone))
        .table(market_views::standings(&views, &line.zone)))
}
