//! The command line: clap commands, tables and `--json`. It asks a `Host` for sessions and never touches engine, store or broker.

pub mod args;
mod commands;
mod console;
mod error;
pub mod host;
mod language;
mod line;
mod logging;
pub mod output;
pub mod script;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;

use crate::config::Environment;

pub use console::Console;
pub use error::{CliError, EXIT_DONE, EXIT_INTERNAL, EXIT_NETWORK, EXIT_USAGE};
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
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, json, console),
    };
    let json = cli.globals.json;
    if let Some(result) = commands::answer_at_once(&cli, host) {
        return finish(result, json, console);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(error.into()), json, console),
    };
    let result = runtime.block_on(Context { host, environment, cli: &cli, console, patience }.run());
    runtime.shutdown_timeout(SHUTDOWN);
    finish(result, json, console)
}

/// What clap has to say: help and version on the output, a mistake as one line on the error stream.
fn usage(error: &clap::Error, json: bool, console: &mut Console) -> u8 {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return finish(
            Output::message(text.trim_end()).map(|out| Output { blocks: Vec::new(), ..out }.verbatim(text)),
            json,
            console,
        );
    }
    finish(Err(CliError::usage(one_line(&text))), json, console)
}

/// Clap's paragraphs as one line that ends with where help is.
fn one_line(text: &str) -> String {
    let mut usage = None;
    let mut words: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("Usage: ") {
            usage = Some(rest);
        } else if usage.is_none() && !line.starts_with("For more information") {
            words.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    let command: Vec<&str> =
        usage.unwrap_or("arbion").split(' ').take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
    format!("{}; see: {} --help", words.join(" ").trim_end_matches(':'), command.join(" "))
}

#[cfg(test)]
mod tests;
