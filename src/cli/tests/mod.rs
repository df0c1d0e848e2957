//! The command line against a host that remembers: what it prints, what it asks for, how it exits.

mod commands;
mod connect;
mod documented;
mod exits;
mod fake;
mod help;
mod hostile;
mod keep;
mod samples;
mod scripts;
mod tax;
mod usage;
mod venue;

use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Console, run_patiently};
use crate::config::Environment;
use fake::FakeHost;

/// What a command left behind.
#[derive(Debug)]
pub(super) struct Ran {
    pub exit: u8,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The JSON document on the output; panics where there is none, or more than one.
    #[track_caller]
    pub(super) fn json(&self) -> serde_json::Value {
        assert_eq!(self.out.matches('\n').count(), 1, "one document on one line: {}", self.out);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A stream that keeps what is written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A place to run commands in: a home of its own, a host, what a person would type.
pub(in crate::cli::tests) struct World {
    pub home: tempfile::TempDir,
    pub host: FakeHost,
    pub environment: Environment,
    pub typed: String,
    pub can_ask: bool,
    pub colour: bool,
    pub width: Option<usize>,
}

impl World {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment {
            arbion_home: Some(home.path().join("home").into()),
            term: "xterm-256color".into(),
            utf8: true,
            ..Environment::default()
        };
        let world = Self {
            home,
            host: FakeHost::new(),
            environment,
            typed: String::new(),
            can_ask: false,
            colour: false,
            width: None,
        };
        world.write_config("[screen]\nzone = \"UTC\"\n");
        world
    }

    pub(super) fn write_config(&self, text: &str) {
        let paths = crate::config::Paths::resolve(&self.environment).unwrap();
        paths.prepare(&crate::config::ProfileName::default()).unwrap();
        crate::config::files::write_private(&paths.user_config(), text.as_bytes(), true).unwrap();
    }

    /// Runs `arbion` with these arguments.
    pub(super) fn run(&self, args: &[&str]) -> Ran {
        let (out, err) = (Shared::default(), Shared::default());
        let mut console = Console {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(Cursor::new(self.typed.clone().into_bytes())),
            hidden: None,
            can_ask: self.can_ask,
            input_is_terminal: self.can_ask,
            out_is_terminal: self.can_ask,
            width: self.width,
            colour: self.colour,
        };
        let all = std::iter::once("arbion").chain(args.iter().copied()).map(OsString::from);
        let exit = run_patiently(all, &self.environment, &self.host, &mut console, Duration::ZERO);
        drop(console);
        let home = self.home.path().display().to_string();
        Ran { exit, out: out.text().replace(&home, "/temp"), err: err.text().replace(&home, "/temp") }
    }

    /// What a person sees: the command, what it prints, its exit code.
    pub(super) fn transcript(&self, args: &[&str]) -> String {
        let shown: Vec<String> = args
            .iter()
            .map(|arg| if arg.contains(' ') { format!("\"{arg}\"") } else { (*arg).to_owned() })
            .collect();
        let ran = self.run(args);
        let mut text = format!("$ arbion {}\n{}", shown.join(" "), ran.out);
        if !ran.err.is_empty() {
            text.push_str(&format!("[stderr] {}", ran.err));
        }
        if ran.exit != 0 {
            text.push_str(&format!("[exit {}]\n", ran.exit));
        }
        text
    }
}
