//! Profiles: made, listed, renamed, removed, locked; the first of an installation without a question.

use std::fs;
use std::path::{Path, PathBuf};

use crate::client::keeping::{Kept, ProfileView};
use crate::client::secret::{AskSecret, Wanted};
use crate::config::{Paths, ProfileName, files};
use crate::domain::audit::AuditAction;
use crate::domain::role::{Action, Role, Whose, permits};
use crate::store::lock::{Holder as Running, ProfileLock};
use crate::store::{Install, ProfileChange, ProfileRow, Store, StoreError};
use crate::vault::{self, Holder, Vault};

use super::{Actor, KeepError, Keeping};

/// File in a profile's directory that holds its id.
const ID_FILE: &str = "id";
/// File in a profile's directory that says that it is locked.
const LOCKED_FILE: &str = "LOCKED";
/// Longest id that is read.
const ID_LENGTH: usize = 16;
/// Tries to be the first, or not the first, of an installation that others are making too.
const TRIES_MAX: usize = 16;

impl Keeping {
    /// Lets a command run on the profile: it is one of the installation's, neither disabled nor locked. On a new installation the profile is
    /// made, as its superadmin; the profiles of an older program are taken over, the default one as superadmin. `when_locked` lets through
    /// what must work on a locked profile too: the kill switch.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, when_locked: bool) -> Result<(), KeepError> {
        let reader = Install::open_reader(&self.paths.data)?;
        let row = match &reader {
            Some(install) => install.profile(self.profile.as_str())?,
            None => None,
        };
        let row = match row {
            Some(row) if self.directory().join(ID_FILE).exists() => row,
            _ => self.take_over()?,
        };
        if row.disabled {
            return Err(KeepError::Disabled(row.name));
        }
        if self.is_locked() && !when_locked {
            return Err(KeepError::Locked(row.name));
        }
        Ok(())
    }

    /// Registers what an installation without a database has, and the profile that is asked for where there is none at all.
    fn take_over(&self) -> Result<ProfileRow, KeepError> {
        let mut install = self.install()?;
        if install.profiles()?.is_empty() {
            let mut names = directories(&self.paths)?;
            if names.is_empty() {
                names.push(self.profile.clone());
            }
            // The default profile first, for the first is the superadmin.
            names.sort_by_key(|name| *name != ProfileName::default());
            for name in names {
                match self.register(&mut install, &name, None) {
                    Err(KeepError::Taken(_)) | Ok(_) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if let Some(row) = self.moved(&mut install)? {
            return Ok(row);
        }
        let row = self.known(&install, self.profile.as_str())?;
        self.paths.prepare(&self.profile)?;
        write_id(&self.paths.profile_dir(&self.profile), &row.id)?;
        Ok(row)
    }

    /// A directory that was renamed while its row was not: by a crash in the middle of a rename, or by hand.
    fn moved(&self, install: &mut Install) -> Result<Option<ProfileRow>, KeepError> {
        let directory = self.directory();
        let Some(id) = read_id(&directory)? else { return Ok(None) };
        let rows = install.profiles()?;
        let Some(mut row) = rows.into_iter().find(|row| row.id == id) else { return Ok(None) };
        if row.name == self.profile.as_str() {
            return Ok(Some(row));
        }
        let old: ProfileName = row.name.parse()?;
        if self.paths.profile_dir(&old).exists() {
            return Err(KeepError::Copied { path: directory, other: row.name });
        }
        let actor = Actor { name: row.name.clone(), role: row.role };
        let event = self.event(&actor, AuditAction::ProfileRenamed, &row.object(), self.profile.as_str());
        let change = ProfileChange::Rename(self.profile.to_string());
        install.change(&row.id, &change, &event, |_| Ok::<(), KeepError>(()))?;
        row.name = self.profile.to_string();
        Ok(Some(row))
    }

    /// Makes a profile's directory, row and event. `by` is who makes it; absent means that it makes itself.
    fn register(
        &self,
        install: &mut Install,
        name: &ProfileName,
        by: Option<&Actor>,
    ) -> Result<ProfileRow, KeepError> {
        self.paths.prepare(name)?;
        let directory = self.paths.profile_dir(name);
        let id = match read_id(&directory)? {
            Some(id) => id,
            None => new_id(&directory)?,
        };
        for _ in 0..TRIES_MAX {
            let first = install.profiles()?.is_empty();
            let role = if first { Role::Superadmin } else { Role::Standard };
            let row = ProfileRow {
                id: id.clone(),
                name: name.to_string(),
                role,
                disabled: false,
                created_at: (self.now)(),
            };
            let own = Actor { name: name.to_string(), role };
            let event =
                self.event(by.unwrap_or(&own), AuditAction::ProfileCreated, &row.object(), role.as_str());
            let change = ProfileChange::Create(row.clone());
            let made = install.change(&id, &change, &event, |rows| {
                if rows.iter().any(|row| row.name == name.as_str()) {
                    return Err(Made::Taken);
                }
                if let Some(other) = rows.iter().find(|row| row.id == id) {
                    return Err(Made::Copied(other.name.clone()));
                }
                if rows.is_empty() == first { Ok(()) } else { Err(Made::Overtaken) }
            });
            match made {
                Ok(()) => {
                    write_id(&directory, &id)?;
                    return Ok(row);
                }
                Err(Made::Overtaken) => {}
                Err(Made::Taken) => return Err(KeepError::Taken(name.to_string())),
                Err(Made::Copied(other)) => return Err(KeepError::Copied { path: directory, other }),
                Err(Made::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Busy { path: self.paths.data.clone() }.into())
    }

    pub(super) fn create(&self, name: &str, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        let name: ProfileName = name.parse()?;
        let mut install = self.install()?;
        if install.profile(name.as_str())?.is_some() {
            return Err(KeepError::Taken(name.to_string()));
        }
        let by = if install.profiles()?.is_empty() && directories(&self.paths)?.is_empty() {
            None
        } else {
            self.admit(false)?;
            let (actor, _) = self.actor(&install)?;
            let wish = (Action::CreateProfile, Whose::Install);
            self.allow(&mut install, &actor, wish, &format!("make profile {name}"))?;
            let signer = self.prove(&install, &actor, ask)?;
            self.anchor(&mut install, signer.as_ref())?;
            Some(actor)
        };
        let row = self.register(&mut install, &name, by.as_ref())?;
        // Its database is there from the start, so that a directory that cannot hold one is found now.
        Store::open(&self.paths.profile_dir(&name), (self.now)())?.close()?;
        Ok(Kept::Done(format!("profile {name} is made, as {}; use it with: --profile {name}", row.role)))
    }

    fn view(&self, row: &ProfileRow) -> Result<ProfileView, KeepError> {
        let name: ProfileName = row.name.parse()?;
        let directory = self.paths.profile_dir(&name);
        let vault = Vault::held_by(&directory)?.map(|held_by| held_by.to_string());
        Ok(ProfileView {
            name: row.name.clone(),
            id: row.id.clone(),
            role: row.role,
            disabled: row.disabled,
            locked: directory.join(LOCKED_FILE).exists(),
            vault,
            created_at: row.created_at,
            own: name == self.profile,
            directory,
        })
    }

    pub(super) fn list(&self) -> Result<Kept, KeepError> {
        let install = self.install()?;
        let rows = install.profiles()?;
        if rows.is_empty() {
            return Ok(Kept::Profiles(Vec::new()));
        }
        let (actor, _) = self.actor(&install)?;
        let may_see = |row: &&ProfileRow| {
            let whose = if row.name == actor.name { Whose::Own } else { Whose::Other };
            permits(actor.role, Action::ShowProfile, whose)
        };
        let views = rows.iter().filter(may_see).map(|row| self.view(row)).collect::<Result<_, _>>()?;
        Ok(Kept::Profiles(views))
    }

    pub(super) fn show(&self, name: Option<&str>) -> Result<Kept, KeepError> {
        let mut install = self.install()?;
        let (actor, own) = self.actor(&install)?;
        let name = name.unwrap_or(&own.name);
        let whose = self.whose(name);
        self.allow(&mut install, &actor, (Action::ShowProfile, whose), &format!("look at profile {name}"))?;
        let row = self.known(&install, name)?;
        Ok(Kept::Profiles(vec![self.view(&row)?]))
    }

    fn whose(&self, name: &str) -> Whose {
        if name == self.profile.as_str() { Whose::Own } else { Whose::Other }
    }

    pub(super) fn rename(&self, from: &str, to: &str, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        let (from, to): (ProfileName, ProfileName) = (from.parse()?, to.parse()?);
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        let wish = (Action::RenameProfile, self.whose(from.as_str()));
        self.allow(&mut install, &actor, wish, &format!("rename profile {from}"))?;
        let signer = self.prove(&install, &actor, ask)?;
        let row = self.known(&install, from.as_str())?;
        let (old, new) = (self.paths.profile_dir(&from), self.paths.profile_dir(&to));
        if install.profile(to.as_str())?.is_some() || new.exists() {
            return Err(KeepError::Taken(to.to_string()));
        }
        // Nobody trades in it meanwhile. The lock goes along with the directory.
        let running = Running::this_process("arbion profile rename", false);
        let _lock = ProfileLock::acquire(&old, &running)?;
        write_id(&old, &row.id)?;
        move_to(&old, &new)?;
        let (overlay, renamed) = (self.paths.profile_config(&from), self.paths.profile_config(&to));
        if overlay.exists() {
            move_to(&overlay, &renamed)?;
        }
        // A crash before this is mended at the next use: the directory holds the id.
        let event = self.event(&actor, AuditAction::ProfileRenamed, &row.object(), to.as_str());
        let change = ProfileChange::Rename(to.to_string());
        install.change(&row.id, &change, &event, |_| Ok::<(), KeepError>(()))?;
        self.anchor(&mut install, signer.as_ref())?;
        Ok(Kept::Done(format!("profile {from} is called {to}")))
    }

    pub(super) fn delete(&self, name: &str, purge: bool, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        let name: ProfileName = name.parse()?;
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        let wish = (Action::DeleteProfile, self.whose(name.as_str()));
        self.allow(&mut install, &actor, wish, &format!("remove profile {name}"))?;
        let signer = self.prove(&install, &actor, ask)?;
        let row = self.known(&install, name.as_str())?;
        let directory = self.paths.profile_dir(&name);
        let running = Running::this_process("arbion profile delete", false);
        let lock = if directory.exists() { Some(ProfileLock::acquire(&directory, &running)?) } else { None };
        let event = self.event(&actor, AuditAction::ProfileDeleted, &row.object(), "ok");
        install.change(&row.id, &ProfileChange::Delete, &event, |rows| keep_one(rows, &row.id))?;
        self.anchor(&mut install, signer.as_ref())?;
        if lock.is_none() {
            return Ok(Kept::Done(format!("profile {name} is removed; it had no directory")));
        }
        Vault::destroy(&directory, self.desktop())?;
        if purge {
            fs::remove_dir_all(&directory).map_err(|error| io(&directory, error))?;
            return Ok(Kept::Done(format!("profile {name} is removed with everything it had")));
        }
        let aside = self.paths.data.join("removed");
        files::private_directory(&aside)?;
        let aside = aside.join(format!("{name}-{}", (self.now)().strftime("%Y%m%dT%H%M%S%6fZ")));
        move_to(&directory, &aside)?;
        Ok(Kept::Done(format!(
            "profile {name} is removed; its vault is destroyed, its trades are in {}",
            aside.display()
        )))
    }

    pub(super) fn set_role(
        &self,
        name: &str,
        role: Role,
        ask: &mut dyn AskSecret,
    ) -> Result<Kept, KeepError> {
        let name: ProfileName = name.parse()?;
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        let wish = (Action::SetRole, self.whose(name.as_str()));
        self.allow(&mut install, &actor, wish, &format!("give {name} the role {role}"))?;
        let signer = self.prove(&install, &actor, ask)?;
        let row = self.known(&install, name.as_str())?;
        let event = self.event(&actor, AuditAction::RoleChanged, &row.object(), role.as_str());
        install.change(&row.id, &ProfileChange::Role(role), &event, |rows| {
            if role == Role::Superadmin { Ok(()) } else { keep_one(rows, &row.id) }
        })?;
        self.anchor(&mut install, signer.as_ref())?;
        Ok(Kept::Done(format!("profile {name} was {} and is {role}", row.role)))
    }

    pub(super) fn disable(
        &self,
        name: &str,
        disabled: bool,
        ask: &mut dyn AskSecret,
    ) -> Result<Kept, KeepError> {
        let name: ProfileName = name.parse()?;
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        let what = format!("{} profile {name}", if disabled { "disable" } else { "enable" });
        let wish = (Action::DisableProfile, self.whose(name.as_str()));
        self.allow(&mut install, &actor, wish, &what)?;
        let signer = self.prove(&install, &actor, ask)?;
        let row = self.known(&install, name.as_str())?;
        let action = if disabled { AuditAction::ProfileDisabled } else { AuditAction::ProfileEnabled };
        let event = self.event(&actor, action, &row.object(), "ok");
        install.change(&row.id, &ProfileChange::Disable(disabled), &event, |rows| {
            if disabled { keep_one(rows, &row.id) } else { Ok(()) }
        })?;
        self.anchor(&mut install, signer.as_ref())?;
        Ok(Kept::Done(format!("profile {name} is {}", if disabled { "disabled" } else { "enabled" })))
    }

    pub(super) fn is_locked(&self) -> bool {
        is_locked(&self.directory())
    }

    pub(super) fn lock(&self) -> Result<Kept, KeepError> {
        self.admit(true)?;
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        self.allow(&mut install, &actor, (Action::Lock, Whose::Own), "lock the profile")?;
        if let Some(user) = Vault::keyring_name(&self.directory())? {
            vault::forget_cached(&user);
        }
        files::write_private(&self.directory().join(LOCKED_FILE), b"", true)?;
        install.record(&[self.event(&actor, AuditAction::Locked, &actor.name, "ok")])?;
        Ok(Kept::Done(format!("profile {} is locked; unlock it with: arbion profile unlock", actor.name)))
    }

    pub(super) fn unlock(&self, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        self.unlock_vault(ask).map(|(text, _)| Kept::Done(text))
    }

    /// Unlocks the profile, or proves that its trader is there, and hands the vault over where there is one. What the kernel has kept proves
    /// nothing: a passphrase is asked for each time.
    pub(super) fn unlock_vault(&self, ask: &mut dyn AskSecret) -> Result<(String, Option<Vault>), KeepError> {
        self.admit(true)?;
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        self.allow(&mut install, &actor, (Action::Lock, Whose::Own), "unlock the profile")?;
        let file = self.directory().join(LOCKED_FILE);
        let forget = || match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(&file, error)),
            _ => Ok(()),
        };
        let unlock = vault::Unlock { passphrase: None, desktop: self.desktop(), cached: false };
        let (how, vault) = match Vault::held_by(&self.directory())? {
            // The lock keeps away a passer-by, and says no more than that.
            None => ("it has no vault, so nothing was asked", None),
            Some(vault::HeldBy::Passphrase) => {
                let vault = self.open_by_passphrase(ask, false)?;
                vault.remember();
                forget()?;
                return Ok((format!("profile {} is unlocked", actor.name), Some(vault)));
            }
            Some(vault::HeldBy::Ssh(_)) => {
                let opened = match Vault::open(&self.directory(), &unlock) {
                    Err(vault::VaultError::PassphraseNeeded) => self.open_by_passphrase(ask, false)?,
                    other => other?,
                };
                ("the SSH key opens its vault", Some(opened))
            }
            Some(vault::HeldBy::Keyring) => {
                ("the keyring opens its vault", Some(Vault::open(&self.directory(), &unlock)?))
            }
        };
        forget()?;
        install.record(&[self.event(&actor, AuditAction::Unlocked, &actor.name, how)])?;
        Ok((format!("profile {} is unlocked: {how}", actor.name), vault))
    }

    pub(super) fn passwd(&self, ask: &mut dyn AskSecret) -> Result<Kept, KeepError> {
        self.admit(false)?;
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        self.allow(&mut install, &actor, (Action::Secrets, Whose::Own), "change the passphrase")?;
        let directory = self.directory();
        let vault = match Vault::held_by(&directory)? {
            None => None,
            // The old passphrase is proved, however long the kernel has kept the key.
            Some(vault::HeldBy::Passphrase) => Some(self.open_by_passphrase(ask, false)?),
            Some(_) => Some(self.open_vault(ask)?),
        };
        let new = ask.ask(Wanted::NewPassphrase).map_err(KeepError::Asked)?;
        let new = new.ok_or_else(|| {
            KeepError::Asked(
                "a new passphrase is asked for at a terminal, or taken from --new-passphrase-file".into(),
            )
        })?;
        let holder = Holder::Passphrase(new.get());
        let (mut vault, text) = match vault {
            Some(mut vault) => {
                vault.move_to(holder, self.desktop())?;
                (vault, "the vault has a new passphrase")
            }
            None => (
                Vault::create(&directory, holder, self.desktop())?,
                "a vault is made; its passphrase opens it",
            ),
        };
        install.record(&[self.event(&actor, AuditAction::VaultChanged, "vault", text)])?;
        let signer = vault::Signer::of(&mut vault, (self.now)())?;
        self.anchor(&mut install, Some(&signer))?;
        Ok(Kept::Done(text.to_owned()))
    }
}

/// Is the profile of this directory locked.
#[must_use]
pub fn is_locked(directory: &Path) -> bool {
    directory.join(LOCKED_FILE).exists()
}

/// Why a row was not made.
enum Made {
    Taken,
    Copied(String),
    Overtaken,
    Store(StoreError),
}

impl From<StoreError> for Made {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Without this profile, is there still a superadmin that may be used.
fn keep_one(rows: &[ProfileRow], without: &str) -> Result<(), KeepError> {
    let able = |row: &&ProfileRow| row.role == Role::Superadmin && !row.disabled;
    let Some(this) = rows.iter().filter(able).find(|row| row.id == without) else { return Ok(()) };
    if rows.iter().filter(able).any(|row| row.id != without) {
        Ok(())
    } else {
        Err(KeepError::LastSuperadmin(this.name.clone()))
    }
}

fn io(path: &Path, error: std::io::Error) -> KeepError {
    KeepError::Io { path: path.to_owned(), error }
}

fn move_to(from: &Path, to: &Path) -> Result<(), KeepError> {
    fs::rename(from, to).map_err(|error| io(from, error))?;
    let parent: PathBuf = to.parent().map(Path::to_path_buf).unwrap_or_default();
    fs::File::open(&parent).and_then(|directory| directory.sync_all()).map_err(|error| io(&parent, error))
}

/// Profiles that have a directory with a database: those of a program before this one.
fn directories(paths: &Paths) -> Result<Vec<ProfileName>, KeepError> {
    let all = paths.data.join("profiles");
    let entries = match fs::read_dir(&all) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(&all, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| io(&all, error))?;
        let name = entry.file_name().to_string_lossy().parse::<ProfileName>();
        if let (Ok(name), true) = (name, entry.path().join("arbion.db").exists()) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn read_id(directory: &Path) -> Result<Option<String>, KeepError> {
    let path = directory.join(ID_FILE);
    if !path.exists() {
        return Ok(None);
    }
    files::check_private_file(&path)?;
    let text = fs::read_to_string(&path).map_err(|error| io(&path, error))?;
    let id = text.trim();
    let good = id.len() == ID_LENGTH && id.bytes().all(|b| b.is_ascii_hexdigit());
    Ok(good.then(|| id.to_owned()))
}

fn write_id(directory: &Path, id: &str) -> Result<(), KeepError> {
    if read_id(directory)?.as_deref() == Some(id) {
        return Ok(());
    }
    Ok(files::write_private(&directory.join(ID_FILE), format!("{id}\n").as_bytes(), true)?)
}

fn new_id(directory: &Path) -> Result<String, KeepError> {
    let mut noise = [0; ID_LENGTH / 2];
    getrandom::fill(&mut noise).map_err(|error| io(directory, std::io::Error::other(error.to_string())))?;
    Ok(crate::store::audit::hex(&noise))
}
