//! Limits from the command line. What tightens holds at once; what lets more through needs the limit's name typed (reliability K5).

use serde_json::json;

use crate::cli::args::LimitCommand;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::host::Settings;
use crate::cli::line::Line;
use crate::cli::output::{Align, Output, Table};

use crate::client::{Reply, Request, SessionError};

/// The table of the configuration that limits stand in.
const TABLE: &str = "risk.";

pub(super) async fn run(
    line: &Line<'_>,
    settings: &Settings,
    command: &LimitCommand,
    console: &mut Console,
) -> Result<Output, CliError> {
    let (name, value, confirm) = match command {
        LimitCommand::List => return list(settings),
        LimitCommand::Set { name, value, confirm } => (name, Some(value), confirm),
        LimitCommand::Unset { name, confirm } => (name, None, confirm),
    };
    let ask = |confirmation: Option<String>| Request::SetLimit {
        name: name.clone(),
        value: value.cloned(),
        confirmation,
    };
    let refused = match line.session.request(ask(confirm.clone())).await {
        Ok(reply) => return done(line, &reply),
        Err(refused) => refused,
    };
    let loosens = matches!(refused, SessionError::Clarify(_));
    if !(loosens && confirm.is_none()) {
        return Err(refused.into());
    }
    if !console.can_ask {
        return Err(CliError::usage(format!("{refused}; say --confirm {name}")));
    }
    let typed =
        console.ask_line(&format!("{name} would let more through than now. Type {name} to go on: "))?;
    if typed.trim() != name {
        return Err(CliError::usage("not confirmed; nothing has changed"));
    }
    done(line, &line.ask(ask(Some(typed))).await?)
}

fn done(line: &Line<'_>, reply: &Reply) -> Result<Output, CliError> {
    line.show(reply)
}

fn list(settings: &Settings) -> Result<Output, CliError> {
    let options = settings.loaded.options();
    let limits = options.iter().filter_map(|option| Some((option.path.strip_prefix(TABLE)?, option)));
    let mut table = Table::new(
        &[("limit", Align::Left), ("value", Align::Left), ("allowed", Align::Left), ("set in", Align::Left)],
        "no limits",
    )
    .without_first(&["set in", "allowed"]);
    let mut documents = Vec::new();
    for (name, option) in limits {
        let set_in = option.origin.as_ref().map(ToString::to_string);
        documents.push(json!({
            "limit": name,
            "value": option.value,
            "default": option.default,
            "allowed": option.allowed,
            "set_in": set_in,
        }));
        table.push(vec![
            name.to_owned().into(),
            option.value.clone().into(),
            option.allowed.clone().into(),
            set_in.unwrap_or_else(|| "default".to_owned()).into(),
        ]);
    }
    let note = "limits that nobody set are wider on the paper account: they are sized to its money; see: arbion risk";
    Ok(Output::new(&json!({ "limits": documents }))?.table(table).line(note))
}
