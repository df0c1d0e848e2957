//! Strategies from the command line. Real money needs the name typed, with the plan before one's eyes.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::control::confirm;
use crate::cli::args::StrategyCommand;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::Output;
use crate::client::message::StrategyRequest;
use crate::client::{Reply, Request};
use crate::command::order_words;
use crate::domain::account::AccountMode;
use crate::domain::bot::bot_of;
use crate::domain::exit::ExitPlan;
use crate::domain::instrument::Instrument;
use crate::domain::strategy::{
    ProposalView, StrategyChange, StrategyEdit, StrategyPlan, StrategyRules, StrategySpec,
};
use crate::domain::text::no_such;

/// Does it only show something.
pub(super) const fn only_shows(command: &StrategyCommand) -> bool {
    matches!(
        command,
        StrategyCommand::List
            | StrategyCommand::Kinds { .. }
            | StrategyCommand::Plan { .. }
            | StrategyCommand::Explain { .. }
    )
}

pub(super) fn instruments(line: &Line<'_>, symbols: &[String]) -> Result<Vec<Instrument>, CliError> {
    symbols.iter().map(|symbol| language::instrument(symbol, line.lookup)).collect()
}

/// Kinds of the program have `_`, and may be typed with `-`; a bot's name is its own.
fn kind_name(typed: &str) -> String {
    if bot_of(typed).is_some() { typed.to_owned() } else { typed.replace('-', "_") }
}

/// Is there a strategy of that name.
async fn known(line: &Line<'_>, name: &str) -> Result<(), CliError> {
    let Reply::Strategies(views) = line.ask(Request::Strategy(StrategyRequest::List)).await? else {
        return Err(CliError::unexpected("strategies"));
    };
    if views.iter().any(|view| view.spec.name == name) {
        return Ok(());
    }
    Err(CliError::usage(no_such("strategy", name, views.iter().map(|view| view.spec.name.as_str()))))
}

fn pairs(pairs: &[(String, String)]) -> BTreeMap<String, String> {
    pairs.iter().cloned().collect()
}

async fn ask(line: &Line<'_>, request: StrategyRequest) -> Result<Output, CliError> {
    line.answer(Request::Strategy(request)).await
}

async fn change(line: &Line<'_>, change: StrategyChange) -> Result<Output, CliError> {
    ask(line, StrategyRequest::Change(change)).await
}

pub(super) async fn run(
    line: &Line<'_>,
    command: &StrategyCommand,
    console: &mut Console,
) -> Result<Output, CliError> {
    match command {
        StrategyCommand::List => ask(line, StrategyRequest::List).await,
        StrategyCommand::Kinds { kind } => kinds(line, kind.as_deref()).await,
        StrategyCommand::Plan { name } => ask(line, StrategyRequest::Plan { name: name.into() }).await,
        StrategyCommand::Explain { name, limit } => {
            let name = name.as_ref().map(SmolStr::new);
            let request = StrategyRequest::Decisions { name: name.clone(), limit: *limit };
            let reply = line.ask(Request::Strategy(request)).await?;
            // One that was removed has left its decisions.
            if let (Reply::Decisions(records), Some(name)) = (&reply, &name)
                && records.is_empty()
            {
                known(line, name).await?;
            }
            line.show(&reply)
        }
        StrategyCommand::Add { .. } | StrategyCommand::Set { .. } => make(line, command).await,
        StrategyCommand::Confirm { name, proposal: number, decline: true, .. } => {
            let proposal = proposal(line, name, *number).await?.number;
            change(line, StrategyChange::Decline { name: name.into(), proposal }).await
        }
        StrategyCommand::Confirm { name, proposal, hash, .. } => {
            confirm_proposal(line, name, *proposal, hash.as_deref(), console).await
        }
        StrategyCommand::Start { name, confirm } => start(line, name, confirm.as_deref(), console).await,
        StrategyCommand::Pause { name } => change(line, StrategyChange::Pause { name: name.into() }).await,
        StrategyCommand::Stop { name, flatten } => {
            change(line, StrategyChange::Stop { name: name.into(), flatten: *flatten }).await
        }
        StrategyCommand::Unlock { name } => change(line, StrategyChange::Unlock { name: name.into() }).await,
        StrategyCommand::Remove { name, yes } => {
            confirm(Some(console), *yes, &format!("remove strategy {name}"))?;
            change(line, StrategyChange::Remove { name: name.into() }).await
        }
    }
}

async fn kinds(line: &Line<'_>, wanted: Option<&str>) -> Result<Output, CliError> {
    let reply = line.ask(Request::Strategy(StrategyRequest::Kinds)).await?;
    let Reply::StrategyKinds(mut kinds) = reply else { return Err(CliError::unexpected("kinds")) };
    if let Some(wanted) = wanted {
        let names: Vec<String> = kinds.iter().map(|kind| kind.name.clone()).collect();
        kinds.retain(|kind| kind.name == kind_name(wanted));
        if kinds.is_empty() {
            return Err(CliError::usage(format!("kind: found '{wanted}', allowed {}", names.join(", "))));
        }
    }
    line.show(&Reply::StrategyKinds(kinds))
}

async fn make(line: &Line<'_>, command: &StrategyCommand) -> Result<Output, CliError> {
    match command {
        StrategyCommand::Add { name, kind, symbols, account, interval, params, limits, adopt, exits } => {
            let parts = exits.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let plan = || ExitPlan::from_pairs(parts).map_err(|error| CliError::usage(error.to_string()));
            let plan = if exits.is_empty() { None } else { Some(plan()?) };
            let mut rules = StrategyRules::default();
            for (name, value) in limits {
                rules.set(name, value).map_err(|error| CliError::usage(error.to_string()))?;
            }
            let spec = StrategySpec {
                name: name.into(),
                kind: kind_name(kind).into(),
                account: line.account(account.as_deref()).await?,
                instruments: instruments(line, symbols)?,
                interval: *interval,
                params: pairs(params),
                adopt: instruments(line, adopt)?,
                rules,
                exits: plan,
            };
            change(line, StrategyChange::Add { spec: Box::new(spec) }).await
        }
        StrategyCommand::Set { name, params, limits, symbols, interval, account, exits } => {
            let edit = StrategyEdit {
                params: pairs(params),
                rules: pairs(limits),
                exits: pairs(exits),
                instruments: if symbols.is_empty() { None } else { Some(instruments(line, symbols)?) },
                interval: *interval,
                account: line.named_account(account.as_deref()).await?,
            };
            if edit == StrategyEdit::default() {
                return Err(CliError::usage(
                    "nothing to change; say --set, --limit, --exit, --symbol, --interval or --account",
                ));
            }
            change(line, StrategyChange::Set { name: name.into(), edit: Box::new(edit) }).await
        }
        _ => Err(CliError::internal("this makes no strategy")),
    }
}

/// A proposal is shown, and goes once that is answered; its hash says that it is the one that was shown.
pub(super) async fn confirm_proposal(
    line: &Line<'_>,
    name: &str,
    number: Option<u32>,
    hash: Option<&str>,
    console: &mut Console,
) -> Result<Output, CliError> {
    let waiting = proposal(line, name, number).await?;
    let number = waiting.number;
    if let Some(hash) = hash {
        let hash = hash.to_owned();
        return change(line, StrategyChange::Confirm { name: name.into(), proposal: number, hash }).await;
    }
    let text = format!("{name}: {} ({})", order_words(&waiting.request), waiting.why);
    if !console.can_ask {
        return Err(CliError::usage(format!("{text}; to send it say --hash {}", waiting.hash)));
    }
    confirm(Some(console), false, &format!("send it? {text}"))?;
    let hash = waiting.hash;
    change(line, StrategyChange::Confirm { name: name.into(), proposal: number, hash }).await
}

/// The proposal of that number, or the only one.
async fn proposal(line: &Line<'_>, name: &str, number: Option<u32>) -> Result<ProposalView, CliError> {
    let snapshot = line.snapshot().await?;
    let view = snapshot.strategies.iter().find(|view| view.spec.name == name);
    let known = snapshot.strategies.iter().map(|view| view.spec.name.as_str());
    let view = view.ok_or_else(|| CliError::usage(no_such("strategy", name, known)))?;
    let waits: Vec<&ProposalView> =
        view.proposals.iter().filter(|it| number.is_none_or(|number| it.number == number)).collect();
    match waits.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(CliError::usage(format!("{name} proposes nothing that waits; one waits for 60 seconds"))),
        several => {
            let numbers: Vec<String> = several.iter().map(|it| it.number.to_string()).collect();
            Err(CliError::usage(format!("which proposal of {name}: {}", numbers.join(", "))))
        }
    }
}

async fn start(
    line: &Line<'_>,
    name: &str,
    confirmed: Option<&str>,
    console: &mut Console,
) -> Result<Output, CliError> {
    let reply = line.ask(Request::Strategy(StrategyRequest::Plan { name: name.into() })).await?;
    let Reply::StrategyPlan(plan) = &reply else { return Err(CliError::unexpected("a plan")) };
    let confirmation = match plan.mode {
        AccountMode::Paper => None,
        AccountMode::Live => Some(typed(line, plan, &reply, confirmed, console)?),
    };
    change(line, StrategyChange::Start { name: name.into(), confirmation }).await
}

/// Real money: the plan is shown, and the name must be typed.
fn typed(
    line: &Line<'_>,
    plan: &StrategyPlan,
    reply: &Reply,
    confirmed: Option<&str>,
    console: &mut Console,
) -> Result<String, CliError> {
    let name = plan.spec.name.as_str();
    let said = match confirmed {
        Some(said) => said.to_owned(),
        None if console.can_ask => {
            let text = line.show(reply)?.text(console.width, false);
            console.err.write_all(text.as_bytes())?;
            console.ask_line(&format!(
                "This trades REAL MONEY on {} without asking again. Type {name} to start it: ",
                plan.spec.account
            ))?
        }
        None => {
            return Err(CliError::usage(format!(
                "{name} would trade real money on {}; look at it with: arbion strategy plan {name}, and say --confirm {name}",
                plan.spec.account
            )));
        }
    };
    if said.trim() == name {
        return Ok(plan.confirmation.clone());
    }
    Err(CliError::usage("not confirmed; nothing was started"))
}
