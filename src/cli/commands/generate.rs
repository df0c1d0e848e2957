//! What is generated from the command line's own description: shell completions and manual pages.

use std::fs;

use serde_json::json;

use crate::cli::args::{self, CompletionsArgs, ManArgs};
use crate::cli::error::CliError;
use crate::cli::output::Output;

pub(super) fn completions(wanted: &CompletionsArgs) -> Result<Output, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut args::command(), "arbion", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Ok(Output::new(&json!({ "shell": wanted.shell.to_string(), "script": script }))?.verbatim(script))
}

pub(super) fn man(wanted: &ManArgs) -> Result<Output, CliError> {
    let Some(directory) = &wanted.directory else {
        let mut page = Vec::new();
        clap_mangen::Man::new(args::command()).render(&mut page)?;
        let page = String::from_utf8_lossy(&page).into_owned();
        return Ok(Output::new(&json!({ "page": page }))?.verbatim(page));
    };
    fs::create_dir_all(directory)
        .map_err(|error| CliError::storage(format!("{}: {error}", directory.display())))?;
    let mut command = args::command();
    command.build();
    let mut written = Vec::new();
    let mut open = vec![command];
    while let Some(command) = open.pop() {
        // A built command's display name is its whole path, such as `arbion-order-place`.
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        let path = directory.join(format!("{name}.1"));
        open.extend(command.get_subcommands().filter(|inner| inner.get_name() != "help").cloned());
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        fs::write(&path, page).map_err(|error| CliError::storage(format!("{}: {error}", path.display())))?;
        written.push(path.display().to_string());
    }
    written.sort();
    let text = format!("{} pages in {}", written.len(), directory.display());
    Ok(Output::new(&json!({ "files": written }))?.line(text))
}
