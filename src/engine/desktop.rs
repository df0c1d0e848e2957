//! Telling the desktop, or a program of the user's, that an alert rang. One that cannot be told is no trouble of the engine's: it is logged,
//! and that is all.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::domain::text::clean;

use super::clock::monotonic;

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
fn tell(text: String) {
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

/// How long a program of the user's may take.
const COMMAND_MAX: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const COMMAND_EVERY: Duration = Duration::from_millis(50);
/// So many of them at one time: what rings beyond that is only logged.
const COMMANDS_MAX: usize = 4;

/// Who is told of alerts that ring, beside the screens.
#[derive(Debug, Default)]
pub(super) struct Rings {
    desktop: bool,
    /// The user's program.
    command: Option<PathBuf>,
    /// How many of it run.
    running: Arc<AtomicUsize>,
}

impl Rings {
    pub(super) fn new(desktop: bool, command: Option<PathBuf>) -> Self {
        Self { desktop, command, running: Arc::default() }
    }

    /// Tells them, on threads of their own: nothing waits for it.
    pub(super) fn tell(&self, text: &str) {
        if let Some(program) = &self.command {
            self.run(program, text);
        }
        if self.desktop {
            tell(text.to_owned());
        }
    }

    fn run(&self, program: &Path, text: &str) {
        if self.running.fetch_add(1, Ordering::Relaxed) >= COMMANDS_MAX {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return tracing::warn!(program = %program.display(), "alerts ring faster than alerts.command ends");
        }
        let text: String = clean(text).chars().take(TEXT_MAX).collect();
        let (program, running) = (program.to_owned(), Arc::clone(&self.running));
        tokio::task::spawn_blocking(move || {
            if let Err(why) = run_to_end(&program, &text) {
                tracing::warn!(program = %program.display(), "alerts.command: {why}");
            }
            running.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Runs a program with the text as its one argument, and ends one that takes too long.
fn run_to_end(program: &Path, text: &str) -> Result<(), String> {
    let mut child = Command::new(program)
        .arg(text)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let until = monotonic() + COMMAND_MAX;
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(status.to_string()),
            None if monotonic() >= until => break,
            None => std::thread::park_timeout(COMMAND_EVERY),
        }
    }
    let ended = child.kill().and_then(|()| child.wait());
    ended.map_err(|error| error.to_string())?;
    Err(format!("it was ended after {} s", COMMAND_MAX.as_secs()))
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

    #[test]
    fn a_program_is_given_the_words_as_one_argument() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (program, told) = (directory.path().join("ring"), directory.path().join("told"));
        let script = format!("#!/bin/sh\nprintf '%s|%s' \"$#\" \"$1\" > '{}'\n", told.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        run_to_end(&program, "AAPL above 260; $(rm -rf /), at 260.1").unwrap();
        assert_eq!(std::fs::read_to_string(&told).unwrap(), "1|AAPL above 260; $(rm -rf /), at 260.1");
        assert!(run_to_end(Path::new("/bin/false"), "x").unwrap_err().contains("exit status: 1"));
        assert!(run_to_end(&directory.path().join("none"), "x").unwrap_err().contains("No such file"));
    }

    #[tokio::test]
    async fn no_more_than_a_few_run_at_one_time() {
        let rings = Rings::new(false, Some(PathBuf::from("/bin/true")));
        rings.running.store(COMMANDS_MAX, Ordering::Relaxed);
        rings.tell("x");
        assert_eq!(rings.running.load(Ordering::Relaxed), COMMANDS_MAX, "it was not begun");
    }
}
