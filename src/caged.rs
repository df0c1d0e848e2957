//! `arbion bot-exec NAME CAGE`: what an engine starts to run a bot. It closes the cage around itself and becomes the bot; nobody types it.

use std::io::Write;
use std::process::ExitCode;

use arbion::bots::cage::{Cage, CageError, enter};

/// A configuration that cannot work: whoever started it does not try again.
const EXIT_CONFIGURATION: u8 = 78;

/// Becomes the bot where that is what the words say; `None` for all others.
pub fn run(mut words: impl Iterator<Item = String>) -> Option<ExitCode> {
    if words.nth(1).as_deref() != Some("bot-exec") {
        return None;
    }
    let said = match words.nth(1).map(|text| serde_json::from_str::<Cage>(&text)) {
        None => "bot-exec is for the engine alone; see: arbion bot --help".to_owned(),
        Some(Err(error)) => format!("bot-exec: {error}"),
        Some(Ok(cage)) => match enter(&cage) {
            Ok(never) => match never {},
            // What is gone with its engine has nobody to tell.
            Err(CageError::Orphan) => return Some(ExitCode::FAILURE),
            Err(error) => error.to_string(),
        },
    };
    // Nothing is left to be done when not even that can be written.
    writeln!(std::io::stderr(), "{said}").unwrap_or_default();
    Some(ExitCode::from(EXIT_CONFIGURATION))
}
