//! The doctor: what the command line can see itself, then what the program around it sees.

use std::path::Path;

use serde_json::json;

use super::Context;
use crate::cli::error::{CliError, EXIT_INTERNAL};
use crate::cli::host::{DoctorCheck, Health};
use crate::cli::output::{Align, Cell, Output, Table, Tone};
use crate::config::{Colour, ColourDepth, Environment, files};

pub(super) async fn run(context: &Context<'_>) -> Result<Output, CliError> {
    let mut checks = vec![terminal(context.environment)];
    match context.settings(true) {
        Ok(settings) => {
            let files: Vec<String> =
                settings.loaded.files.iter().map(|file| file.display().to_string()).collect();
            let text = if files.is_empty() { "no file; defaults hold".to_owned() } else { files.join(", ") };
            checks.push(check("configuration", Health::Good, text));
            for directory in settings.paths.directories(&settings.profile) {
                checks.push(directory_check(&directory));
            }
            checks.extend(context.host.doctor(&settings).await);
        }
        Err(error) => checks.push(check("configuration", Health::Bad, error.message)),
    }
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left), ("", Align::Left)], "");
    for check in &checks {
        let (word, tone) = match check.health {
            Health::Good => ("good", Tone::Good),
            Health::Warning => ("warning", Tone::Plain),
            Health::Bad => ("BAD", Tone::Bad),
        };
        table.push(vec![Cell::new(word).tone(tone), check.name.as_str().into(), check.text.as_str().into()]);
    }
    let bad = checks.iter().filter(|check| check.health == Health::Bad).count();
    let failure = (bad > 0).then(|| {
        CliError::new("UNHEALTHY", EXIT_INTERNAL, format!("{bad} of {} checks are bad", checks.len()))
    });
    Ok(Output::new(&json!({ "ok": bad == 0, "checks": checks }))?.table(table).failing(failure))
}

fn check(name: &str, health: Health, text: impl Into<String>) -> DoctorCheck {
    DoctorCheck { name: name.to_owned(), health, text: text.into() }
}

fn directory_check(directory: &Path) -> DoctorCheck {
    match files::private_directory(directory) {
        Ok(()) => check("directory", Health::Good, directory.display().to_string()),
        Err(error) => check("directory", Health::Bad, error.to_string()),
    }
}

fn terminal(environment: &Environment) -> DoctorCheck {
    let colours = match Colour::Auto.depth(environment) {
        ColourDepth::None => "no colour",
        ColourDepth::Ansi16 => "16 colours",
        ColourDepth::Indexed => "256 colours",
        ColourDepth::True => "24-bit colour",
    };
    let term = if environment.term.is_empty() { "unset" } else { &environment.term };
    if environment.term.is_empty() || environment.term == "dumb" {
        return check(
            "terminal",
            Health::Warning,
            format!("TERM is {term}: the screen is plain lines, commands work"),
        );
    }
    if !environment.utf8 {
        let locale = if environment.ascii {
            "the locale writes no UTF-8, so the screen draws ASCII: set LANG to one such as C.UTF-8, or [screen] ascii = false"
        } else {
            "no locale is set: where lines look broken, set LANG to one such as C.UTF-8, or [screen] ascii = true"
        };
        return check("terminal", Health::Warning, format!("TERM {term}, {colours}; {locale}"));
    }
    let ssh = if environment.ssh { ", over SSH" } else { "" };
    check("terminal", Health::Good, format!("TERM {term}, {colours}{ssh}"))
}
