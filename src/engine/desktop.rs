//! Telling the desktop that an alert rang. A desktop that cannot be told is no trouble of the engine's: it is logged, and that is all.

use std::process::{Command, Stdio};

use crate::domain::text::clean;

/// Characters of one message at most.
const TEXT_MAX: usize = 200;

/// The program that tells the desktop, and its arguments. The text is one argument of its own: no shell reads it.
fn command(text: &str) -> (&'static str, Vec<String>) {
    let text: String = clean(text).chars().take(TEXT_MAX).collect();
    if cfg!(target_os = "macos") {
        // The text goes in as an argument of the script, and is no part of it.
        let script =
            ["on run argv", "display notification (item 1 of argv) with title \"Arbion\"", "end run"];
        let lines = script.iter().flat_map(|line| ["-e".to_owned(), (*line).to_owned()]);
        return ("osascript", lines.chain(["--".to_owned(), text]).collect());
    }
    let arguments = ["--app-name=Arbion", "--", "Arbion"].map(ToOwned::to_owned);
    ("notify-send", arguments.into_iter().chain([text]).collect())
}

/// Tells the desktop, on a thread of its own: nothing waits for it.
pub(super) fn tell(text: String) {
    tokio::task::spawn_blocking(move || {
        let (program, arguments) = command(&text);
        let run = Command::new(program)
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match run {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::warn!(program, %status, "the desktop was not told of an alert"),
            Err(error) => tracing::warn!("the desktop was not told of an alert: {}", absent(program, &error)),
        }
    });
}

/// One line on why a program could not be run.
fn absent(program: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("{program} is not installed; install it, or set alerts.desktop = false")
        }
        _ => format!("{program}: {error}"),
    }
}

/// Can the desktop be told: is the program there that does it. Whether a desktop listens is seen when an alert rings.
///
/// # Errors
/// One line that says what is missing.
pub fn desktop_can_be_told() -> Result<&'static str, String> {
    let (program, _) = command("");
    // Both say something short and leave.
    let question = if cfg!(target_os = "macos") { ["-e", "return"].as_slice() } else { &["--version"] };
    let run = Command::new(program)
        .args(question)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.map(|_| program).map_err(|error| absent(program, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_a_line() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        let line = "notify-send is not installed; install it, or set alerts.desktop = false";
        assert_eq!(absent("notify-send", &missing), line);
        if let Err(said) = desktop_can_be_told() {
            assert!(said.starts_with(command("").0), "{said}");
        }
    }

    #[test]
    fn a_text_is_one_clean_argument_whatever_it_looks_like() {
        let (_, arguments) = command("--help \u{1b}[31m$(id) \"x\"\n");
        assert_eq!(arguments.last().map(String::as_str), Some("--help $(id) \"x\" "));
        let before = arguments.iter().position(|argument| argument == "--").unwrap();
        assert!(before < arguments.len() - 1, "what follows is no option");
        assert_eq!(command(&"x".repeat(1_000)).1.last().map(String::len), Some(TEXT_MAX));
    }
}
