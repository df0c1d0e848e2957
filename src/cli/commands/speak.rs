//! The command language at the command line: `parse`, `do`, and how any command is carried out.

use serde_json::json;

use super::control::{confirm, halted, resumed};
use super::ticket::execute;
use crate::cli::args::ParseArgs;
use crate::cli::args::RiskArg;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::host::Host;
use crate::cli::language;
use crate::cli::line::{Line, Range};
use crate::cli::output::Output;
use crate::client::message::{BotRequest, StrategyRequest};
use crate::client::{Reply, Request};
use crate::command::types::{Command, ShowTopic, StrategyAction};
use crate::domain::account::{Account, AccountMode};
use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::order::{Order, OriginKind};
use crate::domain::position::Position;

/// Bars of a chart that is asked for in words.
const CHART_BARS: u32 = 60;
/// Rows of history that are asked for in words.
const HISTORY_ROWS: u32 = 100;
/// Headlines of one answer.
const NEWS_ROWS: u32 = 20;

/// How a command is let through.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Door {
    /// To this account; absent means the default one.
    pub account: Option<AccountId>,
    /// A person confirmed it beforehand.
    pub yes: bool,
    /// The same order twice is meant.
    pub allow_duplicate: bool,
    /// Wait for the broker's answer.
    pub wait: bool,
    /// Who asks.
    pub origin: OriginKind,
}

/// `parse`: the command as one JSON object, or in words, by the profile's calendar where there is one. Needs no engine.
pub(super) fn parse(args: &ParseArgs, host: &dyn Host, calendar: &Calendar) -> Result<Output, CliError> {
    let today = args.today.unwrap_or_else(|| exchange_date(host.now()));
    let command = language::parse(&args.text.join(" "), (today, calendar), host.lookup());
    let failure = match &command {
        Command::Clarify { message, .. } => Some(CliError::clarify(message.clone())),
        _ => None,
    };
    let output = Output::new(&command)?;
    let words = language::words(&command);
    Ok(if args.explain {
        Output::new(&json!({ "words": words, "command": command }))?.line(words).failing(failure)
    } else {
        let line = output.json.clone();
        output.verbatim(line).failing(failure)
    })
}

/// `do`: a line of the command language, carried out.
pub(super) async fn say(
    line: &Line<'_>,
    text: &str,
    door: &Door,
    console: Option<&mut Console>,
) -> Result<Output, CliError> {
    let snapshot = line.snapshot().await?;
    let day = (exchange_date(snapshot.now), snapshot.market.calendar.as_ref());
    let command = language::parse(text, day, line.lookup);
    carry_out(line, command, door, console).await
}

/// What a line is about: on which days the exchange opens changes no command's kind.
pub(super) fn meaning(text: &str, host: &dyn Host) -> Command {
    language::parse(text, (exchange_date(host.now()), &Calendar::nyse()), host.lookup())
}

/// Does a line only show something, so that an engine that only reads will do.
pub(super) fn only_shows(text: &str, host: &dyn Host) -> bool {
    let meant = meaning(text, host);
    // News come through a login, and only an engine that trades has those open.
    if matches!(meant, Command::Show { what: ShowTopic::News, .. }) {
        return false;
    }
    matches!(
        meant,
        Command::Show { .. }
            | Command::Quote { .. }
            | Command::Chart { .. }
            | Command::Chain { .. }
            | Command::Help { .. }
            | Command::Strategy { action: StrategyAction::Status, .. }
            | Command::Clarify { .. }
    )
}

/// Carries out a command: what only shows is answered from here, the rest by the engine. Live orders and flattening ask first.
pub(in crate::cli) async fn carry_out(
    line: &Line<'_>,
    command: Command,
    door: &Door,
    console: Option<&mut Console>,
) -> Result<Output, CliError> {
    match &command {
        Command::Clarify { message, missing } => {
            return Err(CliError { missing: missing.clone(), ..CliError::clarify(message.clone()) });
        }
        Command::Show { .. } | Command::Quote { .. } | Command::Chart { .. } | Command::Help { .. } => {
            return show(line, &command, door.account.clone()).await;
        }
        _ => {}
    }
    let show = match command {
        Command::Halt => halted,
        Command::Resume => resumed,
        _ => |line: &Line<'_>, reply: &Reply| line.show(reply),
    };
    show(line, &send(line, command, door, console).await?)
}

/// Has the engine carry out a command that does more than show. Live orders and flattening ask first.
pub(super) async fn send(
    line: &Line<'_>,
    command: Command,
    door: &Door,
    console: Option<&mut Console>,
) -> Result<Reply, CliError> {
    let mut hash = None;
    match &command {
        Command::Place(_) | Command::Close(_) if is_live(line, door).await? => {
            hash = Some(confirm_live(line, &command, door, console).await?);
        }
        Command::Replace { .. } if is_live(line, door).await? => {
            confirm(console, door.yes, &language::words(&command))?;
        }
        Command::Flatten { .. } => confirm(console, door.yes, &language::words(&command))?,
        _ => {}
    }
    line.ask(execute(command, door, hash)).await
}

async fn is_live(line: &Line<'_>, door: &Door) -> Result<bool, CliError> {
    let snapshot = line.snapshot().await?;
    let view = match &door.account {
        Some(account) => snapshot.account(account),
        None => snapshot.default_account(),
    };
    // An account that cannot be seen is taken for a live one.
    Ok(view.is_none_or(|view| view.account.mode == AccountMode::Live))
}

/// Shows a live order and asks; the hash of what was shown goes with the order.
async fn confirm_live(
    line: &Line<'_>,
    command: &Command,
    door: &Door,
    mut console: Option<&mut Console>,
) -> Result<String, CliError> {
    let request = Request::Preview {
        command: command.clone(),
        origin: door.origin,
        account: door.account.clone(),
        ask_broker: true,
    };
    let reply = line.ask(request).await?;
    let Reply::Preview(preview) = &reply else {
        return Err(CliError::unexpected("a preview"));
    };
    if !preview.denials.is_empty() {
        return Err(crate::client::SessionError::Denied(preview.denials.clone()).into());
    }
    if let Some(console) = console.as_deref_mut().filter(|console| !door.yes && console.can_ask) {
        let text = line.show(&reply)?.text(console.width, false);
        console.err.write_all(text.as_bytes())?;
    }
    confirm(console, door.yes, "send this LIVE order")?;
    Ok(preview.confirmation_hash.clone())
}

/// What a command that only shows has to show.
async fn show(line: &Line<'_>, command: &Command, account: Option<AccountId>) -> Result<Output, CliError> {
    match command {
        Command::Quote { instruments } => {
            line.answer(Request::Subscribe { instruments: instruments.clone() }).await
        }
        Command::Chart { instrument, interval } => {
            super::market::bars_of(line, instrument, *interval, CHART_BARS).await
        }
        Command::Show { what, instrument, since, broker } => {
            // Rows of one broker are those of its account: what was said is never left out.
            let named = line.named_account(broker.as_deref()).await?;
            if let (Some(asked), Some(said)) = (&account, &named)
                && asked != said
            {
                return Err(CliError::usage(format!(
                    "--account {asked} and {said} were both named; say one"
                )));
            }
            let account = named.or(account);
            let range = Range {
                account,
                instrument: instrument.clone(),
                since: *since,
                until: None,
                limit: HISTORY_ROWS,
                offset: 0,
            };
            topic(line, *what, range).await
        }
        _ => Output::message(
            "say what you would tell a broker, such as: buy 10 aapl at 185 gtc; commands: arbion --help",
        ),
    }
}

async fn topic(line: &Line<'_>, what: ShowTopic, range: Range) -> Result<Output, CliError> {
    let snapshot = line.snapshot().await?;
    let (account, instrument) = (range.account.clone(), range.instrument.clone());
    let own = |id: &AccountId| account.as_ref().is_none_or(|account| account == id);
    let about = |held: &Instrument| instrument.as_ref().is_none_or(|wanted| wanted == held);
    match what {
        ShowTopic::Positions => {
            let wanted = |position: &&Position| own(&position.account) && about(&position.instrument);
            line.show(&Reply::Positions(snapshot.positions.iter().filter(wanted).cloned().collect()))
        }
        ShowTopic::Balances | ShowTopic::BuyingPower => {
            let accounts = snapshot.accounts.iter().map(|view| &view.account);
            let wanted: Vec<Account> = accounts.filter(|view| own(&view.account)).cloned().collect();
            line.show(&Reply::Accounts(wanted))
        }
        ShowTopic::Orders => {
            let wanted = |order: &&Order| {
                order.is_working()
                    && own(&order.request.account)
                    && order.request.subject.instruments().any(about)
            };
            line.show(&Reply::Orders(snapshot.orders.iter().filter(wanted).cloned().collect()))
        }
        ShowTopic::Fills => line.answer(Request::Executions(range.into())).await,
        ShowTopic::History => {
            let reply = line.ask(Request::OrderHistory(range.into())).await?;
            Ok(line.show(&reply)?.failing(None))
        }
        ShowTopic::Pnl => line.answer(Request::Pnl(Range { limit: 0, ..range }.into())).await,
        ShowTopic::Watchlist => {
            let lists = snapshot.watchlists.iter();
            let text = lists.map(|list| {
                let keys: Vec<String> = list.instruments.iter().map(ToString::to_string).collect();
                format!("{}: {}", list.name, keys.join(" "))
            });
            Ok(text.fold(Output::new(&json!({ "watchlists": snapshot.watchlists }))?, Output::line))
        }
        ShowTopic::News => super::market::news_of(line, instrument.into_iter().collect(), NEWS_ROWS).await,
        ShowTopic::Connections => super::watch::connections(line).await,
        ShowTopic::Log => {
            let zone = &line.zone;
            let lines = snapshot.log.iter().map(|entry| {
                format!("{} {} {}", crate::cli::output::format::time(entry.at, zone), entry.code, entry.text)
            });
            Ok(lines.fold(Output::new(&json!({ "log": snapshot.log }))?, Output::line))
        }
        ShowTopic::Risk => {
            super::watch::risk(line, RiskArg::Limits, account.as_ref().map(AccountId::as_str)).await
        }
        ShowTopic::Strategies => line.answer(Request::Strategy(StrategyRequest::List)).await,
        ShowTopic::Bots => line.answer(Request::Bot(BotRequest::List)).await,
        ShowTopic::Audit => {
            Err(CliError::usage("the audit log is read beside the engine; see: arbion audit --help"))
        }
        ShowTopic::Agents | ShowTopic::Wallets => {
            let name = serde_json::to_value(what)?;
            let name = name.as_str().unwrap_or_default();
            Output::message(&format!("there are no {name} in this profile"))
        }
    }
}
