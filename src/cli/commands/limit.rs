//! Limits from the command line. What tightens holds at once; what lets more through needs the limit's name typed (reliability K5).

use serde_json::json;

use super::control::with_typed;
use crate::cli::args::LimitCommand;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::host::Settings;
use crate::cli::line::Line;
use crate::cli::output::{Align, Output, Table};

use crate::client::Request;

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
        LimitCommand::Unlock { account } => {
            let account = line.named_account(account.as_deref()).await?;
            return line.answer(Request::LiftGuards { account }).await;
        }
        LimitCommand::Set { name, value, confirm } => (name, Some(value), confirm),
        LimitCommand::Unset { name, confirm } => (name, None, confirm),
    };
    let question = format!("{name} would let more through than now.");
    let request =
        |confirmation| Request::SetLimit { name: name.clone(), value: value.cloned(), confirmation };
    with_typed(line, console, (name, confirm.as_deref()), &question, request).await
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
