//! What the audit log holds: who did what to which thing through which door, and what came of it. Never a secret.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::role::Role;

/// What happened. The words are stable: they are in the chain's hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// An engine came up on a profile.
    EngineStarted,
    /// It ended in order.
    EngineStopped,
    /// A vault or a screen was opened.
    Unlocked,
    /// Somebody failed to.
    UnlockFailed,
    /// A profile was locked.
    Locked,
    /// A profile was made; the result is its role.
    ProfileCreated,
    /// A profile has another name; the result is the new one.
    ProfileRenamed,
    /// A profile was removed.
    ProfileDeleted,
    /// A profile must not be used.
    ProfileDisabled,
    /// A profile may be used again.
    ProfileEnabled,
    /// A role was given; the result is the role.
    RoleChanged,
    /// Something was asked for that the role does not allow.
    Refused,
    /// A vault was made, moved, given a new key or a recovery key.
    VaultChanged,
    /// A key that signs anchors came into use; the object is its public half.
    AnchorKey,
    /// A secret was set.
    SecretSet,
    /// A secret was rotated.
    SecretRotated,
    /// A secret was deleted.
    SecretDeleted,
    /// An order was confirmed by a person.
    OrderConfirmed,
    /// An order was confirmed against a warning.
    OrderOverridden,
    /// A person has said what became of an order in doubt; the object says what, and how it is known.
    OrderSettled,
    /// Kill switch on.
    Halted,
    /// Kill switch off.
    Resumed,
    /// A file of trades or of this log was written.
    Exported,
    /// The database was copied.
    BackedUp,
    /// A copy took the database's place.
    Restored,
    /// A database was brought to a newer program's version.
    Migrated,
    /// The limits in force changed.
    LimitsChanged,
    /// An account at a broker was connected.
    Connected,
    /// An account at a broker was disconnected, its secrets wiped.
    Disconnected,
    /// Plain commands mean another account; the result is paper or live.
    ModeChanged,
    /// A strategy was made, changed, started, paused, stopped or removed.
    StrategyChanged,
}

impl AuditAction {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EngineStarted => "engine_started",
            Self::EngineStopped => "engine_stopped",
            Self::Unlocked => "unlocked",
            Self::UnlockFailed => "unlock_failed",
            Self::Locked => "locked",
            Self::ProfileCreated => "profile_created",
            Self::ProfileRenamed => "profile_renamed",
            Self::ProfileDeleted => "profile_deleted",
            Self::ProfileDisabled => "profile_disabled",
            Self::ProfileEnabled => "profile_enabled",
            Self::RoleChanged => "role_changed",
            Self::Refused => "refused",
            Self::VaultChanged => "vault_changed",
            Self::AnchorKey => "anchor_key",
            Self::SecretSet => "secret_set",
            Self::SecretRotated => "secret_rotated",
            Self::SecretDeleted => "secret_deleted",
            Self::OrderConfirmed => "order_confirmed",
            Self::OrderOverridden => "order_overridden",
            Self::OrderSettled => "order_settled",
            Self::Halted => "halted",
            Self::Resumed => "resumed",
            Self::Exported => "exported",
            Self::BackedUp => "backed_up",
            Self::Restored => "restored",
            Self::Migrated => "migrated",
            Self::LimitsChanged => "limits_changed",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::ModeChanged => "mode_changed",
            Self::StrategyChanged => "strategy_changed",
        }
    }
}

/// Something to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// The system's time; may be before that of the row above, when the clock was set back.
    pub at: Timestamp,
    /// The profile of the one who acts.
    pub actor: String,
    /// Its role.
    pub role: Role,
    /// The door: `tty /dev/pts/3`, `ssh 192.0.2.7`, `process 4711`.
    pub origin: String,
    /// What was done.
    pub action: AuditAction,
    /// To what.
    pub object: String,
    /// What came of it.
    pub result: String,
}

/// A row of the log as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its place, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// In which role.
    pub role: String,
    /// Through which door.
    pub origin: String,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// What came of it.
    pub result: String,
    /// Hash of this row and all before it, in hex.
    pub hash: String,
}

/// What a check of the log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Rows that were looked at.
    pub rows: u64,
    /// Hash of the last one, in hex; of an empty log that of nothing.
    pub head: String,
    /// Anchors that fit.
    pub anchors: u64,
    /// Rows after the last anchor: were they cut off, nobody could tell.
    pub unanchored: u64,
    /// Rows whose time is before that of the row above.
    pub clock_went_back: u64,
    /// The first thing that is wrong; absent where all is well.
    pub fault: Option<AuditFault>,
}

/// The first wrong thing in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFault {
    /// The row at which it shows.
    pub seq: u64,
    /// What is wrong, such as `row 7 is missing`.
    pub text: String,
}
