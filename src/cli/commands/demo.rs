//! The demo: the screen, a script, a screenshot, on the simulated market or a replay.

use std::io::Read;
use std::path::Path;

use super::Context;
use crate::cli::args::{DemoArgs, ScreenSize};
use crate::cli::error::CliError;
use crate::cli::host::{DemoRun, Picture, ReplayRun, ScreenRequest, SessionKind};
use crate::cli::imported::bars_file;
use crate::cli::output::Output;
use crate::cli::script::{self, Runner};
use crate::config::files;

/// Largest script in bytes.
const SCRIPT_BYTES_MAX: u64 = 1 << 20;
/// Size of a screenshot where none is said.
const SIZE: ScreenSize = ScreenSize(120, 40);
/// The name of the bars that come with the program.
const SHIPPED: &str = "shipped";

pub(super) async fn run(context: &mut Context<'_>, args: &DemoArgs) -> Result<Output, CliError> {
    let kind = match &args.replay {
        Some(file) => SessionKind::Replay(ReplayRun {
            file: match file.as_os_str() == SHIPPED {
                true => None,
                false => Some(bars_file(&context.settings(false)?, file)?),
            },
            seed: args.seed,
            speed: args.speed,
        }),
        None => SessionKind::Demo(DemoRun { seed: args.seed }),
    };
    if args.script.is_none() && args.screenshot.is_none() {
        if !args.plain {
            context.need_screen()?;
        }
        // On the screen the demo is the profile's own paper account.
        let (settings, first_start) = context.screen_settings()?;
        context.log = crate::cli::logging::start(&settings, context.host);
        let size = args.size.map(|size| (size.0, size.1));
        return context.open(&settings, &ScreenRequest { kind, size, plain: args.plain, first_start }).await;
    }
    // The script is read to its end before anything starts, so that a slip in its last line costs no run.
    let steps = match &args.script {
        Some(path) => Some(script::parse(&read_script(context, path)?)?),
        None => None,
    };
    let settings = context.settings(false)?;
    let (host, json, patience) = (context.host, context.cli.globals.json, context.patience);
    let line = super::line(host, &settings, &kind).await?;
    let mut output = match steps {
        Some(steps) => {
            // With --json there is one document at the end; else each line is told as it happens.
            let progress = (!json).then_some(&mut *context.console);
            let mut runner = Runner::new(&line, progress, patience).await?;
            let report = runner.run(&steps).await?;
            Output::new(&report)?.failing(report.failure())
        }
        None => Output::new(&serde_json::json!({}))?,
    };
    if let Some(path) = &args.screenshot {
        let size = args.size.unwrap_or(SIZE);
        let svg = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("svg"));
        let picture = if svg { Picture::Svg } else { Picture::Text };
        let session = std::sync::Arc::clone(&line.session);
        let frame = host.screenshot(&settings, session, (size.0, size.1), picture).await?;
        let mut document: serde_json::Value = serde_json::from_str(&output.json)?;
        if path.as_os_str() == "-" {
            document["screenshot"] = frame.lines().collect();
            output = output.lines(&frame);
        } else {
            files::write_private(path, frame.as_bytes(), args.force)?;
            document["screenshot"] = path.display().to_string().into();
            output = output.line(format!("wrote {}", path.display()));
        }
        output.json = crate::cli::output::to_json(&document)?;
    }
    Ok(output)
}

fn read_script(context: &mut Context<'_>, path: &Path) -> Result<String, CliError> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        (&mut context.console.input).take(SCRIPT_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(SCRIPT_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| CliError::usage(format!("{name}: {error}")))?;
    if bytes.len() as u64 > SCRIPT_BYTES_MAX {
        return Err(CliError::usage(format!(
            "{name}: found more than {SCRIPT_BYTES_MAX} bytes, allowed at most so many"
        )));
    }
    String::from_utf8(bytes).map_err(|_| CliError::usage(format!("{name}: found bytes that are no UTF-8")))
}
