//! What a front end may ask of profiles, secrets and the audit log, and the answers. No answer holds a secret, but for a recovery key,
//! which is shown once.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::secret::Secret;
use crate::domain::audit::{AuditReport, AuditRow};
use crate::domain::role::Role;

/// Who shall hold a vault's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyHolder {
    /// The OS keyring.
    Keyring,
    /// A passphrase, which is asked for.
    Passphrase,
    /// An SSH key, by the file of its private half.
    Ssh(PathBuf),
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub enum Keep {
    /// Makes a profile. The first of an installation is its superadmin.
    ProfileCreate {
        /// Its name.
        name: String,
    },
    /// The profiles that the actor may see.
    ProfileList,
    /// One profile.
    ProfileShow {
        /// Its name; absent means the actor's own.
        name: Option<String>,
    },
    /// Gives a profile another name.
    ProfileRename {
        /// The old one.
        from: String,
        /// The new one.
        to: String,
    },
    /// Removes a profile: its vault is destroyed, its trades are set aside, or removed too.
    ProfileDelete {
        /// Its name.
        name: String,
        /// Nothing is set aside.
        purge: bool,
    },
    /// Gives a role.
    ProfileRole {
        /// To this profile.
        name: String,
        /// This one.
        role: Role,
    },
    /// Stops or allows the use of a profile.
    ProfileDisable {
        /// Its name.
        name: String,
        /// Stop, or allow.
        disabled: bool,
    },
    /// Locks the actor's profile.
    Lock,
    /// Unlocks it.
    Unlock,
    /// A new passphrase for its vault, which is made where there is none.
    Passwd,
    /// Keeps a secret.
    SecretSet {
        /// Its name.
        name: String,
        /// Its value.
        value: Secret,
    },
    /// Puts a new value in place of one that is there.
    SecretRotate {
        /// Its name.
        name: String,
        /// The new value.
        value: Secret,
    },
    /// Names and last characters.
    SecretList,
    /// Forgets a secret.
    SecretDelete {
        /// Its name.
        name: String,
    },
    /// Opens the vault and reads a secret, or all of them, without showing any.
    SecretTest {
        /// Its name; absent means every one.
        name: Option<String>,
    },
    /// Gives the vault's key to another holder.
    SecretMove {
        /// To whom.
        to: KeyHolder,
    },
    /// What the vault is and who holds its key.
    VaultStatus,
    /// Seals the vault to a new key.
    VaultRekey,
    /// Makes a recovery key.
    VaultRecovery,
    /// Rows of the audit log.
    AuditList {
        /// Of this actor only; absent means all that the asker may see.
        actor: Option<String>,
        /// At most so many of the newest, 0 for all.
        limit: u32,
        /// They are written to this file, which is an event itself.
        export: Option<String>,
    },
    /// Checks the audit log.
    AuditVerify,
}

/// A profile, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProfileView {
    /// Its name.
    pub name: String,
    /// Its random id.
    pub id: String,
    /// Its role.
    pub role: Role,
    /// It must not be used.
    pub disabled: bool,
    /// It is locked.
    pub locked: bool,
    /// Who holds its vault's key, in words; absent where it has no vault.
    pub vault: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its directory.
    pub directory: PathBuf,
    /// It is the one that asks.
    pub own: bool,
}

/// A profile, as a screen lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileLine {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// It must not be used.
    pub disabled: bool,
    /// It is locked.
    pub locked: bool,
    /// An engine of its own runs.
    pub running: bool,
    /// It is the one whose screen asks.
    pub own: bool,
}

impl ProfileLine {
    /// Lines as one text, which [`Self::read`] reads.
    #[must_use]
    pub fn write(lines: &[Self]) -> String {
        serde_json::to_string(lines).unwrap_or_default()
    }

    /// Reads them back; `None` where the text is none of them.
    #[must_use]
    pub fn read(text: &str) -> Option<Vec<Self>> {
        serde_json::from_str(text).ok()
    }
}

/// A secret, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// Its last four characters; empty where it is too short for that.
    pub last_four: String,
    /// When it was last set.
    pub changed_at: Timestamp,
}

/// A vault, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VaultView {
    /// Its file.
    pub file: PathBuf,
    /// Who holds its key, in words; absent where there is no vault.
    pub held_by: Option<String>,
    /// Who would hold the key of a new one, and why.
    pub would_hold: String,
    /// It opens without a question.
    pub unlocked: bool,
    /// Secrets in it; absent while it is locked.
    pub secrets: Option<usize>,
    /// Keys beside its own that it is sealed to; absent while it is locked.
    pub recovery_keys: Option<usize>,
    /// Its last write.
    pub written_at: Option<Timestamp>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// It is done; a line about it.
    Done(String),
    /// Profiles, by name.
    Profiles(Vec<ProfileView>),
    /// Secrets, by name.
    Secrets(Vec<SecretView>),
    /// The vault.
    Vault(Box<VaultView>),
    /// Rows of the log, oldest first.
    Audit(Vec<AuditRow>),
    /// What a check of the log found.
    Verified(AuditReport),
    /// A recovery key.
    Recovery(Secret),
}
