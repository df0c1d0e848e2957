//! Safe keeping: profiles, roles, vaults and the audit log put together. Every request passes one table of roles, and every action of it
//! is one row of the log. It asks for secrets through a trait, and gives none back.

mod error;
mod log;
mod profiles;
mod recorder;
mod secrets;
mod standing;

use std::path::PathBuf;

use jiff::Timestamp;

use crate::client::keeping::{Keep, Kept};
use crate::client::secret::{AskSecret, Wanted};
use crate::config::{Environment, Paths, ProfileName};
use crate::domain::audit::{AuditAction, AuditEvent};
use crate::domain::role::{Action, Role, Whose, permits};
use crate::store::{Install, ProfileRow};
use crate::vault::{Desktop, HeldBy, Signer, Unlock, Vault, VaultError};

pub use error::KeepError;
pub use profiles::is_locked;
pub use recorder::Recorder;
pub use standing::{Standing, Watched};

/// The installation as one profile's trader sees it.
#[derive(Clone, Debug)]
pub struct Keeping {
    paths: Paths,
    profile: ProfileName,
    environment: Environment,
    now: fn() -> Timestamp,
    /// The front end of an engine that asks, where it is one.
    door: Option<String>,
}

/// Whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Actor {
    name: String,
    role: Role,
}

impl Keeping {
    /// The installation of `paths`, on behalf of a profile. Nothing is opened yet.
    #[must_use]
    pub const fn new(
        paths: Paths,
        profile: ProfileName,
        environment: Environment,
        now: fn() -> Timestamp,
    ) -> Self {
        Self { paths, profile, environment, now, door: None }
    }

    /// The same on behalf of a front end of an engine, which the log names.
    #[must_use]
    pub fn through(&self, door: &str) -> Self {
        Self { door: Some(door.to_owned()), ..self.clone() }
    }

    /// Does what is asked, if the role allows it.
    ///
    /// # Errors
    /// Why not.
    pub fn carry_out(&self, keep: Keep, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        match keep {
            Keep::ProfileCreate { name } => self.create(&name, ask),
            Keep::ProfileList => self.list(),
            Keep::ProfileShow { name } => self.show(name.as_deref()),
            Keep::ProfileRename { from, to } => self.rename(&from, &to, ask),
            Keep::ProfileDelete { name, purge } => self.delete(&name, purge, ask),
            Keep::ProfileRole { name, role } => self.set_role(&name, role, ask),
            Keep::ProfileDisable { name, disabled } => self.disable(&name, disabled, ask),
            Keep::Lock => self.lock(),
            Keep::Unlock => self.unlock(ask),
            Keep::Passwd => self.passwd(ask),
            Keep::SecretSet { name, value } => self.secret_set(&name, &value, ask),
            Keep::SecretRotate { name, value } => self.secret_rotate(&name, &value, ask),
            Keep::SecretList => self.secret_list(ask),
            Keep::SecretDelete { name } => self.secret_delete(&name, ask),
            Keep::SecretTest { name } => self.secret_test(name.as_deref(), ask),
            Keep::SecretMove { to } => self.secret_move(&to, ask),
            Keep::VaultStatus => self.vault_status(),
            Keep::VaultRekey => self.vault_rekey(ask),
            Keep::VaultRecovery => self.vault_recovery(ask),
            Keep::AuditList { actor, limit, export } => self.audit_list(actor, limit, export.as_deref()),
            Keep::AuditVerify => self.audit_verify(),
        }
    }

    fn install(&self) -> Result<Install, KeepError> {
        for directory in self.paths.directories_of_all() {
            crate::config::files::private_directory(&directory)?;
        }
        Ok(Install::open(&self.paths.data, (self.now)())?)
    }

    /// The profile's directory.
    fn directory(&self) -> PathBuf {
        self.paths.profile_dir(&self.profile)
    }

    /// The profile that acts. It must be one of the installation's, neither disabled nor locked.
    fn actor(&self, install: &Install) -> Result<(Actor, ProfileRow), KeepError> {
        let row = self.known(install, self.profile.as_str())?;
        if row.disabled {
            return Err(KeepError::Disabled(row.name));
        }
        Ok((Actor { name: row.name.clone(), role: row.role }, row))
    }

    fn known(&self, install: &Install, name: &str) -> Result<ProfileRow, KeepError> {
        if let Some(row) = install.profile(name)? {
            return Ok(row);
        }
        let known: Vec<String> = install.profiles()?.into_iter().map(|row| row.name).collect();
        let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
        Err(KeepError::Unknown { name: name.to_owned(), known })
    }

    /// Asks the table. What it denies is a row of the log too.
    fn allow(
        &self,
        install: &mut Install,
        actor: &Actor,
        (action, whose): (Action, Whose),
        what: &str,
    ) -> Result<(), KeepError> {
        if permits(actor.role, action, whose) {
            return Ok(());
        }
        let refusal =
            KeepError::NotAllowed { actor: actor.name.clone(), role: actor.role, what: what.to_owned() };
        install.record(&[self.event(actor, AuditAction::Refused, what, "not allowed")])?;
        Err(refusal)
    }

    /// For what touches more than the own profile: the log must say what the table says, and the actor unlock the own vault (P2).
    fn prove(
        &self,
        install: &Install,
        actor: &Actor,
        ask: &mut dyn AskSecret,
    ) -> Result<Option<Signer>, KeepError> {
        let (report, roles) = install.verify(&[])?;
        if let Some(fault) = report.fault {
            return Err(KeepError::Untrusted(fault.text));
        }
        let row = self.known(install, &actor.name)?;
        debug_assert_eq!(
            roles.get(&row.id),
            Some(&actor.role),
            "the check has just held one against the other"
        );
        if Vault::held_by(&self.directory())?.is_none() {
            return Ok(None);
        }
        let mut vault = self.open_vault(ask)?;
        Ok(Some(Signer::of(&mut vault, (self.now)())?))
    }

    fn event(&self, actor: &Actor, action: AuditAction, object: &str, result: &str) -> AuditEvent {
        AuditEvent {
            at: (self.now)(),
            actor: actor.name.clone(),
            role: actor.role,
            origin: self.origin(),
            action,
            object: object.to_owned(),
            result: result.to_owned(),
        }
    }

    fn origin(&self) -> String {
        let origin = origin(&self.environment);
        self.door.as_ref().map_or_else(|| origin.clone(), |door| format!("{door}, {origin}"))
    }

    fn desktop(&self) -> Desktop {
        let terminal = rustix::termios::isatty(rustix::stdio::stdin());
        Desktop { may_prompt: self.environment.display && terminal && !self.environment.ssh }
    }

    /// Opens the profile's vault, asking for the passphrase only when it does not open without. A failed attempt is a row of the log.
    fn open_vault(&self, ask: &mut dyn AskSecret) -> Result<Vault, KeepError> {
        if self.is_locked() {
            return Err(KeepError::Locked(self.profile.to_string()));
        }
        if ask.is_given() && Vault::held_by(&self.directory())? == Some(HeldBy::Passphrase) {
            let vault = self.open_by_passphrase(ask, false)?;
            vault.remember();
            return Ok(vault);
        }
        let unlock = Unlock { passphrase: None, desktop: self.desktop(), cached: true };
        match Vault::open(&self.directory(), &unlock) {
            Err(VaultError::PassphraseNeeded) => self.open_by_passphrase(ask, true),
            other => Ok(other?),
        }
    }

    /// Opens it by a passphrase that is given now.
    fn open_by_passphrase(&self, ask: &mut dyn AskSecret, cached: bool) -> Result<Vault, KeepError> {
        let given = ask.ask(Wanted::Passphrase).map_err(KeepError::Asked)?;
        let given = given.ok_or(VaultError::PassphraseNeeded)?;
        let unlock = Unlock { passphrase: Some(given.get()), desktop: self.desktop(), cached };
        let opened = Vault::open(&self.directory(), &unlock);
        let (action, result) = match &opened {
            Ok(_) => (AuditAction::Unlocked, "ok".to_owned()),
            Err(error) => (AuditAction::UnlockFailed, error.to_string()),
        };
        let mut install = self.install()?;
        let actor = self.actor(&install)?.0;
        install.record(&[self.event(&actor, action, "vault", &result)])?;
        Ok(opened?)
    }
}

/// The door through which somebody came, for the log.
fn origin(environment: &Environment) -> String {
    if let Some(client) = &environment.ssh_client {
        return format!("ssh {client}");
    }
    match rustix::termios::ttyname(rustix::stdio::stdin(), Vec::new()) {
        Ok(name) => format!("tty {}", name.to_string_lossy()),
        Err(_) => format!("process {}", std::process::id()),
    }
}

#[cfg(test)]
mod tests;
