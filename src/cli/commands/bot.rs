//! Bots from the command line. Nothing of one runs before a person has seen what it is.

use super::control::confirm;
use super::strategy::{self, confirm_proposal};
use crate::cli::args::{BotCommand, StrategyCommand};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::line::Line;
use crate::cli::output::Output;
use crate::client::message::{BotRequest, StrategyRequest};
use crate::client::{Reply, Request};
use crate::domain::strategy::StrategyChange;

/// Does it only show something.
pub(super) const fn only_shows(command: &BotCommand) -> bool {
    matches!(command, BotCommand::List | BotCommand::Logs { .. } | BotCommand::Versions { .. })
}

async fn ask(line: &Line<'_>, request: BotRequest) -> Result<Output, CliError> {
    line.answer(Request::Bot(request)).await
}

async fn change(line: &Line<'_>, change: StrategyChange) -> Result<Output, CliError> {
    line.answer(Request::Strategy(StrategyRequest::Change(change))).await
}

pub(super) async fn run(
    line: &Line<'_>,
    command: &BotCommand,
    console: &mut Console,
) -> Result<Output, CliError> {
    match command {
        BotCommand::List => ask(line, BotRequest::List).await,
        BotCommand::Logs { name, lines } => {
            ask(line, BotRequest::Log { strategy: name.into(), lines: *lines }).await
        }
        BotCommand::Versions { name } => ask(line, BotRequest::Versions { name: name.into() }).await,
        BotCommand::New { name, example } => {
            ask(line, BotRequest::New { name: name.into(), example: Some(example.clone()) }).await
        }
        BotCommand::Approve { name, yes } => approve(line, name, *yes, console).await,
        BotCommand::Add { name, symbols, account, interval, params, limits } => {
            let request = BotRequest::Add {
                name: name.into(),
                account: line.account(account.as_deref()).await?,
                instruments: strategy::instruments(line, symbols)?,
                interval: *interval,
                params: params.iter().cloned().collect(),
                rules: limits.iter().cloned().collect(),
            };
            ask(line, request).await
        }
        BotCommand::Start { name, confirm } => {
            let command = StrategyCommand::Start { name: name.clone(), confirm: confirm.clone() };
            strategy::run(line, &command, console).await
        }
        BotCommand::Stop { name, flatten } => {
            change(line, StrategyChange::Stop { name: name.into(), flatten: *flatten }).await
        }
        BotCommand::Confirm { name, proposal, hash } => {
            confirm_proposal(line, name, Some(*proposal), hash.as_deref(), console).await
        }
        BotCommand::Remove { name, yes } => {
            confirm(Some(console), *yes, &format!("remove bot {name}"))?;
            ask(line, BotRequest::Remove { name: name.into() }).await
        }
    }
}

/// What has changed is shown, and what was shown is what is approved.
async fn approve(line: &Line<'_>, name: &str, yes: bool, console: &mut Console) -> Result<Output, CliError> {
    let reply = line.ask(Request::Bot(BotRequest::Plan { name: name.into() })).await?;
    let Reply::BotPlan(plan) = &reply else { return Err(CliError::unexpected("a plan")) };
    if plan.diff.is_empty() {
        return line.show(&reply);
    }
    let text = line.show(&reply)?.text(console.width, false);
    console.err.write_all(text.as_bytes())?;
    confirm(Some(console), yes, &format!("approve bot {name} as version {}", plan.version))?;
    ask(line, BotRequest::Approve { name: name.into(), fingerprint: plan.fingerprint.clone() }).await
}
