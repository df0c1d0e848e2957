//! Why a request to an engine failed, and the exit code that says so.

use serde::{Deserialize, Serialize};

use crate::domain::denial::{Denial, DenialCode};

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", content = "value", rename_all = "snake_case")]
pub enum SessionError {
    /// Our risk said no; nothing was sent.
    #[error("denied: {}", .0.iter().map(|d| d.text.as_str()).collect::<Vec<_>>().join("; "))]
    Denied(Vec<Denial>),
    /// The broker said no.
    #[error("rejected by the broker: {0}")]
    Rejected(String),
    /// The request makes no sense as it stands.
    #[error("{0}")]
    Usage(String),
    /// More must be said.
    #[error("{0}")]
    Clarify(String),
    /// What was confirmed is not what would be sent now.
    #[error("the order changed since it was shown; look at it again")]
    ConfirmationChanged,
    /// After sending, no answer came; the order is looked for.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// The role of whoever asks does not allow it, or the profile must not be used.
    #[error("{0}")]
    NotAllowed(String),
    /// The profile, or its vault, is locked.
    #[error("{0}")]
    Locked(String),
    /// The vault opens by a passphrase, and none was given.
    #[error("the passphrase of the profile's vault is needed")]
    PassphraseNeeded,
    /// The journal or the database failed.
    #[error("{0}")]
    Storage(String),
    /// The engine is gone.
    #[error("the engine has stopped")]
    Gone,
    /// The engine has a bug.
    #[error("internal error: {0}")]
    Internal(String),
}

impl SessionError {
    /// The process exit code (design, decision 11).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            // Risk had nothing against it; the journal could not be written.
            Self::Denied(denials) if denials.iter().all(|d| d.code == DenialCode::JournalUnavailable) => 1,
            Self::Denied(_) => 3,
            Self::Rejected(_) => 4,
            Self::Usage(_) | Self::Clarify(_) | Self::ConfirmationChanged => 2,
            Self::OutcomeUnknown(_) => 8,
            Self::NotAllowed(_) => 5,
            Self::Gone => 6,
            Self::Locked(_) | Self::PassphraseNeeded => 7,
            Self::Storage(_) | Self::Internal(_) => 1,
        }
    }
}
