//! Secrets and the vault they lie in.

use crate::client::keeping::{Kept, KeyHolder, SecretView, VaultView};
use crate::client::secret::{AskSecret, Secret, Wanted};
use crate::domain::audit::AuditAction;
use crate::domain::role::{Action, Whose};
use crate::store::Install;
use crate::vault::{self, HeldBy, Holder, SecretName, SecretStore, Signer, Unlock, Vault, VaultError};

use super::{Actor, KeepError, Keeping};

impl Keeping {
    /// Who asks, once the profile may be used and the role allows it.
    fn trader(&self, what: &str) -> Result<(Install, Actor), KeepError> {
        self.admit(false)?;
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        self.allow(&mut install, &actor, (Action::Secrets, Whose::Own), what)?;
        Ok((install, actor))
    }

    /// Opens the vault, or makes the first one.
    fn vault_or_new(
        &self,
        install: &mut Install,
        actor: &Actor,
        ask: &mut dyn AskSecret,
    ) -> Result<Vault, KeepError> {
        if Vault::held_by(&self.directory())?.is_some() {
            return self.open_vault(ask);
        }
        let vault = self.new_vault(ask)?;
        let held_by =
            Vault::held_by(&self.directory())?.map(|held_by| held_by.to_string()).unwrap_or_default();
        let text = format!("made; its key is held by {held_by}");
        install.record(&[self.event(actor, AuditAction::VaultChanged, "vault", &text)])?;
        Ok(vault)
    }

    /// The order of reliability §10: what is set explicitly, the OS keyring where it answers unlocked, else a passphrase.
    fn new_vault(&self, ask: &mut dyn AskSecret) -> Result<Vault, KeepError> {
        let directory = self.directory();
        let wish = self.environment.vault.as_deref().unwrap_or("auto");
        let keyring = match wish {
            "keyring" => Some(vault::keyring_state(self.desktop())),
            "auto" => Some(vault::keyring_state(vault::Desktop::default())),
            "passphrase" => None,
            other => {
                return Err(KeepError::Backend(
                    other.chars().flat_map(char::escape_default).take(32).collect(),
                ));
            }
        };
        match keyring {
            Some(Ok(_)) => return Ok(Vault::create(&directory, Holder::Keyring, self.desktop())?),
            Some(Err(error)) if wish == "keyring" => return Err(error.into()),
            _ => {}
        }
        let why = match keyring {
            Some(Err(error)) => error.to_string(),
            _ => "ARBION_VAULT asks for a passphrase".to_owned(),
        };
        let given = ask.ask(Wanted::NewPassphrase).map_err(KeepError::Asked)?;
        let given = given.ok_or(KeepError::NoHolder(why))?;
        Ok(Vault::create(&directory, Holder::Passphrase(given.get()), self.desktop())?)
    }

    /// The row of the log, and an anchor where one is due.
    fn note(
        &self,
        install: &mut Install,
        actor: &Actor,
        vault: &mut Vault,
        (action, object, result): (AuditAction, &str, &str),
    ) -> Result<(), KeepError> {
        install.record(&[self.event(actor, action, object, result)])?;
        let signer = Signer::of(vault, (self.now)())?;
        self.anchor(install, Some(&signer))
    }

    /// A secret, for the connector that signs with it.
    ///
    /// # Errors
    /// When the profile or the vault is locked, or there is no such secret.
    pub fn secret(&self, name: &str, ask: &mut dyn AskSecret) -> Result<Secret, KeepError> {
        self.admit(false)?;
        let vault = self.open_vault(ask)?;
        Ok(Secret::from(vault.get(&name.parse()?)?))
    }

    pub(super) fn secret_set(
        &self,
        name: &str,
        value: &Secret,
        ask: &mut dyn AskSecret,
    ) -> Result<Kept, KeepError> {
        let name = own_name(name)?;
        let (mut install, actor) = self.trader("set a secret")?;
        let mut vault = self.vault_or_new(&mut install, &actor, ask)?;
        let before = vault.set(&name, value.get(), (self.now)())?;
        let result = if before.is_some() { "replaced" } else { "new" };
        self.note(&mut install, &actor, &mut vault, (AuditAction::SecretSet, name.as_str(), result))?;
        let shown = ending(&vault, &name)?;
        Ok(Kept::Done(match before {
            Some(old) if !old.is_empty() => {
                format!("{name} is set{shown}, in place of the one that ended in {old}")
            }
            Some(_) => format!("{name} is set{shown}, in place of the old one"),
            None => format!("{name} is set{shown}"),
        }))
    }

    pub(super) fn secret_rotate(
        &self,
        name: &str,
        value: &Secret,
        ask: &mut dyn AskSecret,
    ) -> Result<Kept, KeepError> {
        let name = own_name(name)?;
        let (mut install, actor) = self.trader("rotate a secret")?;
        let mut vault = self.open_vault(ask)?;
        let old = vault.rotate(&name, value.get(), (self.now)())?;
        self.note(&mut install, &actor, &mut vault, (AuditAction::SecretRotated, name.as_str(), "ok"))?;
        let shown = ending(&vault, &name)?;
        let old = if old.is_empty() { String::new() } else { format!("; the old one ended in {old}") };
        Ok(Kept::Done(format!("{name} is rotated{shown}{old}")))
    }

    pub(super) fn secret_list(&self, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        self.trader("list secrets")?;
        if Vault::held_by(&self.directory())?.is_none() {
            return Ok(Kept::Secrets(Vec::new()));
        }
        let rows = self.open_vault(ask)?.list()?.into_iter();
        let view = |row: vault::Listed| SecretView {
            name: row.name.to_string(),
            last_four: row.last_four,
            changed_at: row.changed_at,
        };
        Ok(Kept::Secrets(rows.map(view).collect()))
    }

    pub(super) fn secret_delete(&self, name: &str, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        let name = own_name(name)?;
        let (mut install, actor) = self.trader("delete a secret")?;
        let mut vault = self.open_vault(ask)?;
        vault.delete(&name)?;
        self.note(&mut install, &actor, &mut vault, (AuditAction::SecretDeleted, name.as_str(), "ok"))?;
        Ok(Kept::Done(format!("{name} is deleted")))
    }

    pub(super) fn secret_test(&self, name: Option<&str>, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        let name = name.map(own_name).transpose()?;
        self.trader("test secrets")?;
        let vault = self.open_vault(ask)?;
        let names: Vec<SecretName> = match name {
            Some(name) => vec![name],
            None => vault.list()?.into_iter().map(|row| row.name).collect(),
        };
        for name in &names {
            drop(vault.get(name)?);
        }
        let held_by =
            Vault::held_by(&self.directory())?.map(|held_by| held_by.to_string()).unwrap_or_default();
        Ok(Kept::Done(match names.as_slice() {
            [] => format!("the vault opens by {held_by}; it holds no secret"),
            [name] => format!("the vault opens by {held_by}; {name} can be read{}", ending(&vault, name)?),
            names => format!("the vault opens by {held_by}; all {} secrets can be read", names.len()),
        }))
    }

    pub(super) fn secret_move(&self, to: &KeyHolder, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        let (mut install, actor) = self.trader("move the vault's key")?;
        let mut vault = self.open_vault(ask)?;
        self.give(to, ask, |holder| vault.move_to(holder, self.desktop()))?;
        let held_by =
            Vault::held_by(&self.directory())?.map(|held_by| held_by.to_string()).unwrap_or_default();
        let text = format!("its key is held by {held_by}");
        self.note(&mut install, &actor, &mut vault, (AuditAction::VaultChanged, "vault", &text))?;
        Ok(Kept::Done(format!("the vault is moved: {text}")))
    }

    /// Finds out what a holder needs, and hands it over.
    fn give(
        &self,
        to: &KeyHolder,
        ask: &mut dyn AskSecret,
        hand_over: impl FnOnce(Holder<'_>) -> Result<(), VaultError>,
    ) -> Result<(), KeepError> {
        match to {
            KeyHolder::Keyring => {
                vault::keyring_state(self.desktop())?;
                hand_over(Holder::Keyring)?;
            }
            KeyHolder::Passphrase => {
                let given = ask.ask(Wanted::NewPassphrase).map_err(KeepError::Asked)?;
                let none = || {
                    KeepError::Asked(
                        "a new passphrase is asked for at a terminal, or taken from --new-passphrase-file"
                            .into(),
                    )
                };
                hand_over(Holder::Passphrase(given.ok_or_else(none)?.get()))?;
            }
            KeyHolder::Ssh(file) => {
                let given = if vault::needs_passphrase(file)? {
                    ask.ask(Wanted::Passphrase).map_err(KeepError::Asked)?
                } else {
                    None
                };
                hand_over(Holder::Ssh(file, given.as_ref().map(Secret::get)))?;
            }
        }
        Ok(())
    }

    pub(super) fn vault_status(&self) -> Result<Kept, KeepError> {
        let (install, _) = self.trader("look at the vault")?;
        drop(install);
        let directory = self.directory();
        let held_by = Vault::held_by(&directory)?;
        let unlock = Unlock { passphrase: None, desktop: vault::Desktop::default(), cached: true };
        let open = if held_by.is_some() { Vault::open(&directory, &unlock).ok() } else { None };
        let would_hold = match vault::keyring_state(vault::Desktop::default()) {
            Ok(store) => format!("the OS keyring: the {store} answers"),
            Err(error) => format!("a passphrase: {error}"),
        };
        Ok(Kept::Vault(Box::new(VaultView {
            file: directory.join("vault.age"),
            held_by: held_by.map(|held_by| held_by.to_string()),
            would_hold,
            unlocked: open.is_some(),
            secrets: open.as_ref().map(|vault| vault.list().map(|list| list.len())).transpose()?,
            recovery_keys: open.as_ref().map(Vault::recovery_keys).transpose()?,
            written_at: Vault::written_at(&directory),
        })))
    }

    pub(super) fn vault_rekey(&self, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        let (mut install, actor) = self.trader("give the vault a new key")?;
        let mut vault = self.open_vault(ask)?;
        let to = match Vault::held_by(&self.directory())? {
            Some(HeldBy::Ssh(file)) => KeyHolder::Ssh(file),
            Some(HeldBy::Passphrase) => KeyHolder::Passphrase,
            _ => KeyHolder::Keyring,
        };
        self.give(&to, ask, |holder| vault.rekey(holder, self.desktop()))?;
        self.note(
            &mut install,
            &actor,
            &mut vault,
            (AuditAction::VaultChanged, "vault", "sealed to a new key"),
        )?;
        Ok(Kept::Done("the vault is sealed to a new key; the old one opens it no longer".to_owned()))
    }

    pub(super) fn vault_recovery(&self, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        let (mut install, actor) = self.trader("make a recovery key")?;
        let mut vault = self.open_vault(ask)?;
        let key = Secret::from(vault.add_recovery()?);
        self.note(
            &mut install,
            &actor,
            &mut vault,
            (AuditAction::VaultChanged, "vault", "a recovery key was made"),
        )?;
        Ok(Kept::Recovery(key))
    }
}

/// A name that a person may set.
pub(super) fn own_name(text: &str) -> Result<SecretName, KeepError> {
    let name: SecretName = text.parse()?;
    if name.is_own() {
        return Err(KeepError::Asked(format!("{name}: names that begin with arbion. are the program's own")));
    }
    Ok(name)
}

fn ending(vault: &Vault, name: &SecretName) -> Result<String, KeepError> {
    let listed = vault.list()?.into_iter().find(|row| row.name == *name);
    Ok(match listed {
        Some(row) if !row.last_four.is_empty() => format!(", ending in {}", row.last_four),
        _ => String::new(),
    })
}
