//! Why something about profiles, secrets or the log is not done: one line, a stable code, the exit code of design decision 11.

use std::path::PathBuf;

use crate::config::PathError;
use crate::config::files::FileError;
use crate::domain::role::Role;
use crate::store::StoreError;
use crate::vault::VaultError;

/// A failure of safe keeping.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The installation's database, or a profile's lock.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A directory or a name.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nobody may do that in this role.
    #[error("{actor} is {role} and may not {what}")]
    NotAllowed {
        /// The profile that asks.
        actor: String,
        /// Its role.
        role: Role,
        /// What was asked for.
        what: String,
    },
    /// The log does not say what the table of profiles says.
    #[error(
        "roles cannot be trusted, so everybody is standard: {0}; restore install.db from a copy; see: arbion audit verify"
    )]
    Untrusted(String),
    /// No such profile.
    #[error(
        "no profile is called '{name}'; there are {known}; name one by --profile or ARBION_PROFILE; a superadmin makes one: arbion profile create {name}"
    )]
    Unknown {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// One of that name is there.
    #[error("a profile is called '{0}' already")]
    Taken(String),
    /// Two directories hold the same profile.
    #[error("{} holds the id of profile {other}: a copy of its directory is not a profile; remove it, or its file id", path.display())]
    Copied {
        /// The directory.
        path: PathBuf,
        /// Whose id it is.
        other: String,
    },
    /// Somebody must be able to give roles.
    #[error("{0} is the last superadmin; make another one first: arbion profile role NAME superadmin")]
    LastSuperadmin(String),
    /// It must not be used.
    #[error("profile {0} is disabled; a superadmin allows it: arbion profile enable {0}")]
    Disabled(String),
    /// It is locked.
    #[error("profile {0} is locked; run: arbion profile unlock")]
    Locked(String),
    /// A person who must answer is not there, or answered in a way that does not do.
    #[error("{0}")]
    Asked(String),
    /// Neither a keyring nor a passphrase for a new vault.
    #[error("a new vault needs somebody to hold its key: {0}; give a passphrase: arbion profile passwd")]
    NoHolder(String),
    /// `ARBION_VAULT` or `vault.backend` is no word of ours.
    #[error("ARBION_VAULT: found '{0}', allowed auto, keyring, passphrase")]
    Backend(String),
    /// The system says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Its words.
        error: std::io::Error,
    },
}

impl KeepError {
    /// Is there no such secret.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Vault(VaultError::NoSecret(_)))
    }

    /// Was it a passphrase that opens nothing.
    #[must_use]
    pub const fn is_wrong_passphrase(&self) -> bool {
        matches!(self, Self::Vault(VaultError::WrongPassphrase(_)))
    }

    /// Is a passphrase needed that was not given.
    #[must_use]
    pub const fn needs_passphrase(&self) -> bool {
        matches!(self, Self::Vault(VaultError::PassphraseNeeded))
    }

    /// Stable word and process exit code.
    #[must_use]
    pub fn code(&self) -> (&'static str, u8) {
        match self {
            Self::Vault(VaultError::WrongPassphrase(_)) => ("WRONG_PASSPHRASE", 7),
            Self::Vault(error) if error.is_locked() => ("LOCKED", 7),
            Self::Vault(error) if error.is_usage() => ("USAGE", 2),
            Self::Locked(_) => ("PROFILE_LOCKED", 7),
            Self::Store(StoreError::Locked { .. }) => ("IN_USE", 7),
            Self::Vault(_) | Self::Store(_) | Self::File(_) | Self::Io { .. } => ("STORAGE", 1),
            Self::Path(_) => ("CONFIG", 2),
            Self::NotAllowed { .. } | Self::Untrusted(_) | Self::Disabled(_) => ("NOT_ALLOWED", 5),
            Self::NoHolder(_) => ("LOCKED", 7),
            Self::Unknown { .. }
            | Self::Taken(_)
            | Self::Copied { .. }
            | Self::LastSuperadmin(_)
            | Self::Backend(_)
            | Self::Asked(_) => ("USAGE", 2),
        }
    }
}
