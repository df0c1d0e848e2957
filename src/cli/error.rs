//! Why a command failed: one line, a stable code, and the exit code of design decision 11.

use serde::Serialize;

use crate::client::SessionError;
use crate::command::types::Missing;
use crate::config::files::FileError;
use crate::config::{ConfigError, PathError};
use crate::domain::denial::Denial;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::refusal::{readable_with_codes, reading, way_out};

/// Exit code of a command that did what it was asked.
pub const EXIT_DONE: u8 = 0;
/// Exit code of our own failures and of the journal's.
pub const EXIT_INTERNAL: u8 = 1;
/// Exit code of wrong usage, of a wrong configuration and of a text that needs clarifying.
pub const EXIT_USAGE: u8 = 2;
/// Exit code of a network failure.
pub const EXIT_NETWORK: u8 = 6;

/// Exit code of a profile that another process holds, and of a locked vault.
pub const EXIT_LOCKED: u8 = 7;
/// Code of a profile that another process holds.
pub const LOCKED: &str = "LOCKED";

/// A failure with its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// Stable word, such as `USAGE`, `DENIED` or `NETWORK`.
    pub code: &'static str,
    /// One line: what was found, what is allowed, what to do.
    pub message: String,
    /// Why risk said no; empty unless `DENIED`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<Denial>,
    /// What a `CLARIFY` asks for; empty where it is no single thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The process's exit code.
    #[serde(rename = "exit_code")]
    pub exit: u8,
}

impl CliError {
    /// A failure of any kind.
    #[must_use]
    pub fn new(code: &'static str, exit: u8, message: impl Into<String>) -> Self {
        Self { code, message: without_errno(message.into()), denials: Vec::new(), missing: Vec::new(), exit }
    }

    /// The command makes no sense as it stands.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new("USAGE", EXIT_USAGE, message)
    }

    /// More must be said.
    #[must_use]
    pub fn clarify(message: impl Into<String>) -> Self {
        Self::new("CLARIFY", EXIT_USAGE, message)
    }

    /// We have a bug, or the machine fails.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("INTERNAL", EXIT_INTERNAL, message)
    }

    /// The engine's reply is of another kind than the question asks for.
    #[must_use]
    pub fn unexpected(wanted: &str) -> Self {
        Self::internal(format!("the engine answered something else than {wanted}"))
    }

    /// A file or the database fails.
    #[must_use]
    pub fn storage(message: impl Into<String>) -> Self {
        Self::new("STORAGE", EXIT_INTERNAL, message)
    }

    /// The failure an order ended in, if it did: denied, rejected, or nobody knows.
    #[must_use]
    pub fn of_order(order: &Order) -> Option<Self> {
        let reason = order.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
        let error = match order.status {
            OrderStatus::Denied if !order.denials.is_empty() => SessionError::Denied(order.denials.clone()),
            OrderStatus::Denied => return Some(Self::new("DENIED", 3, format!("denied: {reason}"))),
            OrderStatus::Rejected => SessionError::Rejected(reason),
            OrderStatus::Unknown => SessionError::OutcomeUnknown(reason),
            _ => return None,
        };
        Some(error.into())
    }

    /// Does a script's `expect error CODE` mean this failure: its own code, or that of one of its denials.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.code == code || self.denials.iter().any(|denial| denial.code.as_str() == code)
    }
}

impl From<SessionError> for CliError {
    fn from(error: SessionError) -> Self {
        let code = match &error {
            SessionError::Denied(_) => "DENIED",
            SessionError::Rejected(_) => "REJECTED",
            SessionError::Usage(_) => "USAGE",
            SessionError::Clarify(_) => "CLARIFY",
            SessionError::ConfirmationChanged => "CONFIRMATION_CHANGED",
            SessionError::OutcomeUnknown(_) => "OUTCOME_UNKNOWN",
            SessionError::Storage(_) => "STORAGE",
            SessionError::NotAllowed(_) => "NOT_ALLOWED",
            SessionError::Locked(_) => "PROFILE_LOCKED",
            SessionError::PassphraseNeeded => "LOCKED",
            SessionError::Gone => "ENGINE_GONE",
            SessionError::Internal(_) => "INTERNAL",
        };
        let exit = error.exit_code();
        let message = match &error {
            SessionError::Denied(denials) => denied(denials),
            error => error.to_string(),
        };
        let denials = if let SessionError::Denied(denials) = error { denials } else { Vec::new() };
        Self { denials, ..Self::new(code, exit, message) }
    }
}

/// Refusals in words, each with its code, and what to do about them.
fn denied(denials: &[Denial]) -> String {
    let said = |denial: &Denial| match readable_with_codes(&denial.text) {
        text if text == denial.code.as_str() => format!("{} ({})", reading(denial.code).0, denial.code),
        text => text.into_owned(),
    };
    let whys: Vec<String> = denials.iter().map(said).collect();
    let mut outs: Vec<&str> = denials.iter().filter_map(|denial| way_out(denial.code)).collect();
    outs.dedup();
    let outs = outs.into_iter().map(|out| format!("; {out}"));
    format!("denied: {}{}", whys.join("; "), outs.collect::<String>())
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::new("CONFIG", EXIT_USAGE, error.to_string())
    }
}

impl From<PathError> for CliError {
    fn from(error: PathError) -> Self {
        Self::new("CONFIG", EXIT_USAGE, error.to_string())
    }
}

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Exists(_) | FileError::Kind { .. } => Self::usage(error.to_string()),
            _ => Self::storage(error.to_string()),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(format!("the answer cannot be written as JSON: {error}"))
    }
}

/// The system's words without its numbers: "no such file (os error 2)" tells nobody more.
fn without_errno(message: String) -> String {
    const MARK: &str = " (os error ";
    let Some((before, after)) = message.split_once(MARK) else { return message };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(')') {
        Some(rest) => format!("{before}{rest}"),
        None => message,
    }
}
