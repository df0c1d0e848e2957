//! The log of a profile: its last lines, and what is added to it.

use std::io::Write;
use std::time::Duration;

use super::Context;
use crate::cli::args::LogsArgs;
use crate::cli::error::CliError;
use crate::cli::logging::Tail;
use crate::cli::output::{Named, Output};
use crate::domain::text::clean;

/// How often a followed log is looked at.
const EVERY: Duration = Duration::from_millis(250);

pub(super) async fn run(context: &mut Context<'_>, args: &LogsArgs) -> Result<Output, CliError> {
    if args.follow && context.cli.globals.json {
        return Err(CliError::usage("a log that is followed has no end, so no JSON document"));
    }
    let settings = context.settings(false)?;
    let base = settings.paths.log_file(&settings.profile);
    let (mut tail, mut lines) = Tail::new(&base, args.lines as usize)?;
    if !args.follow {
        return Ok(Output::new(&Named("lines", &lines))?.lines(&lines.join("\n")));
    }
    loop {
        for line in &lines {
            writeln!(context.console.out, "{}", clean(line))?;
        }
        context.console.out.flush()?;
        tokio::time::sleep(EVERY).await;
        lines = tail.more()?;
    }
}
