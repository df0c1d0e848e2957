//! The kill switch, flattening, the paper account's own events, backups.

use serde::Serialize;

use super::Context;
use super::speak::meaning;
use crate::cli::args::{BackupArgs, Command, FlattenArgs, HaltArgs, RestoreArgs, ScopeArg};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::host::{Host, Settings};
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::{Named, Output};
use crate::client::{Reply, Request, SessionError};
use crate::command::types::{Command as Said, FlattenScope};
use crate::domain::instrument::Instrument;
use crate::domain::limits::TradingState;
use crate::domain::money::Quantity;
use crate::domain::option::OptionContract;
use crate::domain::order::Order;

/// What a halt came to.
#[derive(Serialize)]
struct Halted<'a> {
    trading_state: TradingState,
    orders: &'a [Order],
}

impl From<ScopeArg> for FlattenScope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::All => Self::All,
            ScopeArg::Equities => Self::Equities,
            ScopeArg::Options => Self::Options,
            ScopeArg::Crypto => Self::Crypto,
        }
    }
}

/// Asks unless `yes`; without a terminal there is nobody to ask.
pub(super) fn confirm(console: Option<&mut Console>, yes: bool, what: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    let Some(console) = console.filter(|console| console.can_ask) else {
        return Err(CliError::usage(format!("'{what}' needs --yes where nobody can be asked")));
    };
    match console.ask(&format!("{what}?"))? {
        true => Ok(()),
        false => Err(CliError::usage("not confirmed; nothing was done")),
    }
}

/// Asks for what needs a word typed: `confirm` is the word where it was given, else a person at the terminal is asked for it.
pub(super) async fn with_typed(
    line: &Line<'_>,
    console: &mut Console,
    (word, confirm): (&str, Option<&str>),
    question: &str,
    request: impl Fn(Option<String>) -> Request,
) -> Result<Output, CliError> {
    let refused = match line.session.request(request(confirm.map(str::to_owned))).await {
        Ok(reply) => return line.show(&reply),
        Err(refused) => refused,
    };
    if !matches!(refused, SessionError::Clarify(_)) || confirm.is_some() {
        return Err(refused.into());
    }
    if !console.can_ask {
        return Err(CliError::usage(format!("{refused}; say --confirm {word}")));
    }
    let typed = console.ask_line(&format!("{question} Type {word} to go on: "))?;
    if typed.trim() != word {
        return Err(CliError::usage("not confirmed; nothing has changed"));
    }
    line.answer(request(Some(typed))).await
}

pub(super) async fn halt(
    line: &Line<'_>,
    args: &HaltArgs,
    console: &mut Console,
) -> Result<Output, CliError> {
    if args.all {
        confirm(Some(console), args.yes, "cancel protective exits too")?;
    }
    let reply = line.ask(Request::Halt { all: args.all }).await?;
    halted(line, &reply)
}

/// What can be done while another process holds the profile: its engine can be told to halt, whatever else it is doing.
pub(super) async fn while_locked(
    host: &dyn Host,
    settings: &Settings,
    command: &Command,
    console: &mut Console,
    locked: CliError,
) -> Result<Output, CliError> {
    let all = match command {
        Command::Halt(args) => {
            if args.all {
                confirm(Some(console), args.yes, "cancel protective exits too")?;
            }
            args.all
        }
        Command::Do { text, .. } if matches!(meaning(&text.join(" "), host), Said::Halt) => false,
        _ => return Err(locked),
    };
    host.halt_elsewhere(settings, all).await?;
    Ok(Output::new(&Halted { trading_state: TradingState::Halted, orders: &[] })?.line(
        "halted, in the engine that another process runs; what became of the orders: arbion order list --all",
    ))
}

/// What a halt came to.
pub(super) fn halted(line: &Line<'_>, reply: &Reply) -> Result<Output, CliError> {
    let Reply::Orders(orders) = reply else { return line.show(reply) };
    let count = orders.len();
    let plural = if count == 1 { "" } else { "s" };
    let text = format!("halted; {count} working order{plural} canceled; lift it with: arbion resume");
    let mut output = Output::new(&Halted { trading_state: TradingState::Halted, orders })?.line(text);
    if !orders.is_empty() {
        output.blocks.extend(line.show(reply)?.blocks);
    }
    Ok(output)
}

/// What lifting the halt came to.
pub(super) fn resumed(line: &Line<'_>, reply: &Reply) -> Result<Output, CliError> {
    let Reply::Done(_) = reply else { return line.show(reply) };
    Ok(Output::new(&Named("trading_state", &TradingState::Active))?.line("orders are let out again"))
}

pub(super) async fn resume(line: &Line<'_>) -> Result<Output, CliError> {
    let reply = line.ask(Request::Resume).await?;
    resumed(line, &reply)
}

pub(super) async fn flatten(
    line: &Line<'_>,
    args: &FlattenArgs,
    console: &mut Console,
) -> Result<Output, CliError> {
    let scope = match args.scope {
        ScopeArg::All => "every position",
        ScopeArg::Equities => "every position in shares and funds",
        ScopeArg::Options => "every option position",
        ScopeArg::Crypto => "every crypto position",
    };
    confirm(Some(console), args.yes, &format!("close {scope} at the market"))?;
    line.answer(Request::Flatten { scope: args.scope.into(), wait: !args.no_wait }).await
}

pub(super) async fn assign(
    line: &Line<'_>,
    contract: &str,
    contracts: Option<Quantity>,
) -> Result<Output, CliError> {
    let contract = option(line, contract)?;
    line.answer(Request::PaperAssign { contract, contracts }).await
}

pub(super) async fn do_not_exercise(line: &Line<'_>, contract: &str) -> Result<Output, CliError> {
    let contract = option(line, contract)?;
    line.answer(Request::PaperDoNotExercise { contract }).await
}

fn option(line: &Line<'_>, text: &str) -> Result<OptionContract, CliError> {
    match language::instrument(text, line.lookup)? {
        Instrument::Option(contract) => Ok(contract),
        _ => Err(CliError::usage(format!(
            "contract: found '{text}', allowed an option such as AAPL270115P00190000"
        ))),
    }
}

/// Puts a backup in the database's place.
pub(super) async fn restore(context: &mut Context<'_>, args: &RestoreArgs) -> Result<Output, CliError> {
    let from = std::path::absolute(&args.file)?;
    let settings = context.settings(true)?;
    context.log = crate::cli::logging::start(&settings, context.host);
    let what = format!("put {} in the place of the database of profile {}", from.display(), settings.profile);
    confirm(Some(context.console), args.yes, &what)?;
    let aside = context.host.restore(&settings, &from).await?;
    let shown = aside.as_ref().map(|path| path.display().to_string());
    let output = Output::new(&Named("before", &shown))?.line(format!(
        "profile {} is as {} has it",
        settings.profile,
        from.display()
    ));
    Ok(match shown {
        Some(path) => output.line(format!("what was there is kept: {path}")),
        None => output,
    })
}

pub(super) async fn backup(line: &Line<'_>, args: &BackupArgs) -> Result<Output, CliError> {
    let to = match &args.to {
        // The engine may have another working directory.
        Some(path) => Some(std::path::absolute(path)?.to_string_lossy().into_owned()),
        None => None,
    };
    let Reply::Done(path) = line.ask(Request::Backup { to }).await? else {
        return Err(CliError::unexpected("the backup's path"));
    };
    Ok(Output::new(&Named("file", &path))?.line(path))
}
