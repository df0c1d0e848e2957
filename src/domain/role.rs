//! Roles: who may do what in an installation. Policy among people who share it, not a wall against its Unix user (see SECURITY.md).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a profile's trader is in an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Trades in the own profile.
    Standard,
    /// And looks after others: their health, limits, the audit log.
    Admin,
    /// And makes and removes profiles, and gives roles.
    Superadmin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Admin, Self::Superadmin];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Admin => "admin",
            Self::Superadmin => "superadmin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("role: found '{0}', allowed superadmin, admin, standard")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;
    fn from_str(text: &str) -> Result<Self, RoleError> {
        let found = || RoleError(text.chars().take(32).flat_map(char::escape_default).collect());
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(found)
    }
}

/// Whose the thing is that somebody acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The actor's own profile.
    Own,
    /// Another profile.
    Other,
    /// The installation's.
    Install,
}

/// What somebody may want to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Look at accounts, orders, positions, prices.
    Look,
    /// Place, replace and cancel orders, close positions, lift a halt.
    Trade,
    /// Kill switch on.
    Halt,
    /// Loosen limits.
    LoosenLimits,
    /// Tighten limits.
    TightenLimits,
    /// See the names of secrets, set, rotate, delete, move them.
    Secrets,
    /// Lock, unlock, change the passphrase.
    Lock,
    /// See how the engine is doing: memory, times, counts, no trade.
    Health,
    /// End the engine.
    StopEngine,
    /// Back up the database, export trades.
    Export,
    /// See a profile's name, role and state.
    ShowProfile,
    /// Make a profile.
    CreateProfile,
    /// Give a profile another name.
    RenameProfile,
    /// Remove a profile.
    DeleteProfile,
    /// Stop or allow the use of a profile.
    DisableProfile,
    /// Give a role.
    SetRole,
    /// Read the rows of the audit log.
    ReadAudit,
    /// Check that the audit log is whole. No row is shown.
    VerifyAudit,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 18] = [
        Self::Look,
        Self::Trade,
        Self::Halt,
        Self::LoosenLimits,
        Self::TightenLimits,
        Self::Secrets,
        Self::Lock,
        Self::Health,
        Self::StopEngine,
        Self::Export,
        Self::ShowProfile,
        Self::CreateProfile,
        Self::RenameProfile,
        Self::DeleteProfile,
        Self::DisableProfile,
        Self::SetRole,
        Self::ReadAudit,
        Self::VerifyAudit,
    ];
}

/// The one table: the least role that may do an action on something. What is not in it is denied to everybody.
const TABLE: &[(Action, Whose, Role)] = &[
    (Action::Look, Whose::Own, Role::Standard),
    (Action::Trade, Whose::Own, Role::Standard),
    (Action::Halt, Whose::Own, Role::Standard),
    (Action::LoosenLimits, Whose::Own, Role::Standard),
    (Action::TightenLimits, Whose::Own, Role::Standard),
    (Action::TightenLimits, Whose::Other, Role::Admin),
    (Action::Secrets, Whose::Own, Role::Standard),
    (Action::Lock, Whose::Own, Role::Standard),
    (Action::Health, Whose::Own, Role::Standard),
    (Action::Health, Whose::Other, Role::Admin),
    (Action::StopEngine, Whose::Own, Role::Standard),
    (Action::Export, Whose::Own, Role::Standard),
    (Action::ShowProfile, Whose::Own, Role::Standard),
    (Action::ShowProfile, Whose::Other, Role::Admin),
    (Action::CreateProfile, Whose::Install, Role::Superadmin),
    (Action::RenameProfile, Whose::Own, Role::Standard),
    (Action::RenameProfile, Whose::Other, Role::Superadmin),
    (Action::DeleteProfile, Whose::Own, Role::Superadmin),
    (Action::DeleteProfile, Whose::Other, Role::Superadmin),
    (Action::DisableProfile, Whose::Other, Role::Superadmin),
    (Action::SetRole, Whose::Own, Role::Superadmin),
    (Action::SetRole, Whose::Other, Role::Superadmin),
    (Action::ReadAudit, Whose::Own, Role::Standard),
    (Action::ReadAudit, Whose::Other, Role::Admin),
    (Action::ReadAudit, Whose::Install, Role::Admin),
    (Action::VerifyAudit, Whose::Install, Role::Standard),
];

/// May a role do this. Denied by default.
#[must_use]
pub fn permits(role: Role, action: Action, whose: Whose) -> bool {
    TABLE.iter().any(|(known, of, least)| *known == action && *of == whose && role >= *least)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each role may do, written down once more by hand: own, other, install.
    #[test]
    fn p1_every_action_as_every_role() {
        let expect = |role: Role| {
            let mut allowed: Vec<(Action, Whose)> = [
                Action::Look,
                Action::Trade,
                Action::Halt,
                Action::LoosenLimits,
                Action::TightenLimits,
                Action::Secrets,
                Action::Lock,
                Action::Health,
                Action::StopEngine,
                Action::Export,
                Action::ShowProfile,
                Action::RenameProfile,
                Action::ReadAudit,
            ]
            .map(|action| (action, Whose::Own))
            .to_vec();
            allowed.push((Action::VerifyAudit, Whose::Install));
            if role >= Role::Admin {
                for action in [Action::TightenLimits, Action::Health, Action::ShowProfile, Action::ReadAudit]
                {
                    allowed.push((action, Whose::Other));
                }
                allowed.push((Action::ReadAudit, Whose::Install));
            }
            if role == Role::Superadmin {
                allowed.push((Action::CreateProfile, Whose::Install));
                for action in
                    [Action::RenameProfile, Action::DeleteProfile, Action::DisableProfile, Action::SetRole]
                {
                    allowed.push((action, Whose::Other));
                }
                allowed.extend([(Action::DeleteProfile, Whose::Own), (Action::SetRole, Whose::Own)]);
            }
            allowed.sort_unstable();
            allowed
        };
        for role in Role::ALL {
            let mut found = Vec::new();
            for action in Action::ALL {
                for whose in [Whose::Own, Whose::Other, Whose::Install] {
                    if permits(role, action, whose) {
                        found.push((action, whose));
                    }
                }
            }
            found.sort_unstable();
            assert_eq!(found, expect(role), "{role}");
        }
    }

    #[test]
    fn p1_no_role_touches_what_is_another_traders() {
        for role in Role::ALL {
            for action in [
                Action::Look,
                Action::Trade,
                Action::Halt,
                Action::LoosenLimits,
                Action::Secrets,
                Action::Lock,
                Action::StopEngine,
                Action::Export,
            ] {
                assert!(!permits(role, action, Whose::Other), "{role} {action:?}");
            }
        }
    }

    #[test]
    fn roles_are_words() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        let error: RoleError = "root\u{1b}".parse::<Role>().unwrap_err();
        assert_eq!(error.to_string(), "role: found 'root\\u{1b}', allowed superadmin, admin, standard");
    }
}
