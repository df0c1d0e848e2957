//! The command line: clap commands, tables and `--json`. It asks a `Host` for sessions and never touches engine, store or broker.

pub mod args;
mod commands;
mod console;
mod error;
pub mod host;
pub mod imported;
mod language;
mod line;
mod logging;
pub mod output;
mod reports;
pub mod script;
mod secret;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::config::Environment;
use crate::domain::text::nearest_words;

pub use commands::work::Work;
pub use console::Console;
pub use error::{CliError, EXIT_DONE, EXIT_INTERNAL, EXIT_LOCKED, EXIT_NETWORK, EXIT_USAGE};
pub use host::Host;

use args::Cli;
use commands::Context;
use output::{Output, finish};

/// How long a script's expectation may take to come true.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long tasks that are still running may take once the command is done.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Runs the process's own command line.
pub fn run(args: impl IntoIterator<Item = OsString>, host: &dyn Host) -> ExitCode {
    let environment = Environment::read();
    let mut console = Console::system(&environment);
    ExitCode::from(run_on(args, &environment, host, &mut console))
}

/// Runs a command line on a console and returns the exit code. The first argument is the program's name.
pub fn run_on(
    args: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    host: &dyn Host,
    console: &mut Console,
) -> u8 {
    run_patiently(args, environment, host, console, PATIENCE)
}

fn run_patiently(
    args: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    host: &dyn Host,
    console: &mut Console,
    patience: Duration,
) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    // A wrong command line must be answered in the form that was asked for, though it could not be read.
    let json = args.iter().skip(1).take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    let read = args::command().try_get_matches_from(&args).and_then(|found| Cli::from_arg_matches(&found));
    let cli = match read {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &args, json, console),
    };
    let json = cli.globals.json;
    if let Some(result) = commands::answer_at_once(&cli, host, environment) {
        return finish(result, json, console);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(error.into()), json, console),
    };
    let result =
        runtime.block_on(Context { host, environment, cli: &cli, console, patience, log: None }.run());
    runtime.shutdown_timeout(SHUTDOWN);
    finish(result, json, console)
}

/// What clap has to say: help and version on the output, a mistake as one line on the error stream.
fn usage(error: &clap::Error, args: &[OsString], json: bool, console: &mut Console) -> u8 {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return finish(
            Output::message(text.trim_end()).map(|out| Output { blocks: Vec::new(), ..out }.verbatim(text)),
            json,
            console,
        );
    }
    let root = args::command();
    let (path, command) = path(args, &root);
    let missing = matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let line = if missing && command.has_subcommands() {
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        format!("{path}: a subcommand is missing, allowed are {}; see: {path} --help", names.join(", "))
    } else if let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(typed))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
    {
        unknown_command(typed, &path, command)
    } else {
        one_line(&text, &path)
    };
    finish(Err(CliError::usage(line)), json, console)
}

/// Names the command that was perhaps meant, not each that has a few letters of it.
fn unknown_command(typed: &str, path: &str, command: &clap::Command) -> String {
    let there = command.get_subcommands().filter(|one| !one.is_hide_set());
    let names: Vec<&str> = there.map(clap::Command::get_name).collect();
    let near = match nearest_words(typed, names).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    };
    format!("unrecognized subcommand '{}'{near}; see: {path} --help", shown(typed)).replace("?;", "?")
}

/// The command that the arguments name, and how it is called, such as `arbion order place`.
fn path<'a>(args: &[OsString], root: &'a clap::Command) -> (String, &'a clap::Command) {
    let mut command = root;
    let mut path = String::from("arbion");
    for word in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        if let Some(found) = command.find_subcommand(word) {
            path.push(' ');
            path.push_str(found.get_name());
            command = found;
        }
    }
    (path, command)
}

/// Clap's paragraphs as one line that ends with where help is.
fn one_line(text: &str, path: &str) -> String {
    let words: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage: ") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .collect();
    // What was typed may be as long as a command line can be, and look like something else than it is.
    let words: Vec<String> = words.join(" ").split(' ').map(shown).collect();
    let line = words.join(" ").replace(" tip: ", "; ");
    format!("{}; see: {path} --help", line.trim_end_matches(':'))
}

/// A word of a message, cut where it is too long, with every character that is not plain written out.
fn shown(word: &str) -> String {
    const LENGTH_MAX: usize = 80;
    let mut shown: String = word
        .chars()
        .take(LENGTH_MAX)
        .flat_map(|c| if c.is_ascii() { vec![c] } else { c.escape_default().collect() })
        .collect();
    if word.chars().count() > LENGTH_MAX {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests;
