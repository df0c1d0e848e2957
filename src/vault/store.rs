//! The vault file: opened once for its key, read afresh at each question, so that several processes may use it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::files::{self, Lock};
use super::holder::{self, HeldBy, Holder, Record, Unlock};
use super::items::Items;
use super::keyring::Desktop;
use super::seal::{self, Refusal};
use super::{Listed, SecretName, SecretStore, VaultError};

/// Its file name.
pub(super) const VAULT: &str = "vault.age";
/// Shortest passphrase in characters (reliability V9).
pub const PASSPHRASE_LENGTH_MIN: usize = 12;
/// Largest vault: every secret at its longest.
const VAULT_BYTES_MAX: u64 = 16 << 20;
/// Characters of a vault's id.
const ID_LENGTH: usize = 16;

/// A profile's vault, open. Its key is wiped when it is dropped.
pub struct Vault {
    directory: PathBuf,
    record: Record,
    key: age::x25519::Identity,
}

impl Vault {
    /// Who holds the key of a directory's vault; absent where there is no vault. Nothing is opened.
    ///
    /// # Errors
    /// When a file is not ours alone, or damaged.
    pub fn held_by(directory: &Path) -> Result<Option<HeldBy>, VaultError> {
        Ok(record_of(directory)?.map(|record| record.held_by))
    }

    /// The name of the key in keyrings, for a vault that is there.
    ///
    /// # Errors
    /// As [`Vault::held_by`].
    pub fn keyring_name(directory: &Path) -> Result<Option<String>, VaultError> {
        Ok(record_of(directory)?.map(|record| record.user()))
    }

    /// Makes an empty vault whose key `holder` holds.
    ///
    /// # Errors
    /// When one is there, or the holder does not take the key.
    pub fn create(directory: &Path, holder: Holder<'_>, desktop: Desktop) -> Result<Self, VaultError> {
        strong_enough(holder)?;
        let _lock = Lock::acquire(directory)?;
        let path = directory.join(VAULT);
        if path.exists() {
            return Err(VaultError::Exists(path));
        }
        let key = age::x25519::Identity::generate();
        // A public key is random and no secret: part of one makes an id.
        let id = age::x25519::Identity::generate().to_public().to_string();
        let id = id.chars().skip("age1".len()).take(ID_LENGTH).collect();
        let mut record = Record::new(id, HeldBy::Passphrase);
        holder::give(directory, &mut record, holder, &key, desktop)?;
        let vault = Self { directory: directory.to_owned(), record, key };
        // The vault is there once this file is.
        vault.write(&Items::default(), false, &[])?;
        Ok(vault)
    }

    /// Opens a vault.
    ///
    /// # Errors
    /// When there is none, nobody gives the key, or the file is damaged.
    pub fn open(directory: &Path, unlock: &Unlock<'_>) -> Result<Self, VaultError> {
        files::check_directory(directory)?;
        let path = directory.join(VAULT);
        let record = record_of(directory)?.ok_or_else(|| VaultError::Missing(path.clone()))?;
        let key = holder::ask(directory, &record, unlock)?;
        let vault = Self { directory: directory.to_owned(), record, key };
        // A key that does not open the file is found out now, not at the first question.
        match vault.read() {
            Err(VaultError::OtherKey { .. }) if unlock.cached && unlock.passphrase.is_some() => {
                Self::open(directory, &Unlock { cached: false, ..*unlock })
            }
            Err(error) => Err(error),
            Ok(_) => Ok(vault),
        }
    }

    /// Has the kernel keep the key for a working day, so that the passphrase need not be given again. Where it keeps none, nothing happens.
    pub fn remember(&self) {
        if self.record.held_by == HeldBy::Passphrase
            && !super::keyring::cache(&self.record.user(), &self.key.to_string())
        {
            tracing::debug!("the kernel keeps no keys here; the passphrase is needed at each start");
        }
    }

    /// Gives the key to another holder and takes it from the old one.
    ///
    /// # Errors
    /// When the new holder does not take it; the old one is then in force.
    pub fn move_to(&mut self, holder: Holder<'_>, desktop: Desktop) -> Result<(), VaultError> {
        strong_enough(holder)?;
        let _lock = Lock::acquire(&self.directory)?;
        let old = self.record.held_by.clone();
        let mut record = self.record.clone();
        holder::give(&self.directory, &mut record, holder, &self.key, desktop)?;
        self.record = record;
        let same_file = std::mem::discriminant(&old) == std::mem::discriminant(&self.record.held_by);
        if !same_file {
            holder::take_away(&self.directory, &self.record, &old, desktop);
        }
        super::keyring::forget_cached(&self.record.user());
        Ok(())
    }

    /// Seals everything to a new key and gives that to `holder`. In between the vault opens with either key, so that a crash at any point
    /// leaves a pair that fits (reliability V11).
    ///
    /// # Errors
    /// When the holder does not take it; the vault then opens with the old key.
    pub fn rekey(&mut self, holder: Holder<'_>, desktop: Desktop) -> Result<(), VaultError> {
        strong_enough(holder)?;
        let _lock = Lock::acquire(&self.directory)?;
        let items = self.read()?;
        let key = age::x25519::Identity::generate();
        self.write(&items, false, &[&key.to_public()])?;
        let mut record = self.record.clone();
        let old = record.held_by.clone();
        super::keyring::forget_cached(&record.user());
        holder::give(&self.directory, &mut record, holder, &key, desktop)?;
        self.record = record;
        if std::mem::discriminant(&old) != std::mem::discriminant(&self.record.held_by) {
            holder::take_away(&self.directory, &self.record, &old, desktop);
        }
        self.key = key;
        self.write(&items, false, &[])?;
        self.forget_copy()
    }

    /// Adds a recovery key and returns its private half, which is kept nowhere: `age -d -i KEYFILE vault.age` opens the vault with it.
    ///
    /// # Errors
    /// When the vault cannot be written.
    pub fn add_recovery(&mut self) -> Result<SecretString, VaultError> {
        let key = age::x25519::Identity::generate();
        self.update(|items| {
            items.recovery.push(key.to_public().to_string());
            Ok(())
        })?;
        Ok(key.to_string())
    }

    /// Recovery keys that the vault is sealed to.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn recovery_keys(&self) -> Result<usize, VaultError> {
        Ok(self.read()?.recovery.len())
    }

    /// Puts a new value in place of one that is there; returns what a listing showed of the old one.
    ///
    /// # Errors
    /// When there is none of that name, or the new value is the old one.
    pub fn rotate(
        &mut self,
        name: &SecretName,
        value: &SecretString,
        now: Timestamp,
    ) -> Result<String, VaultError> {
        self.update(|items| {
            if items.get(name)?.expose_secret() == value.expose_secret() {
                return Err(VaultError::SameValue(name.to_string()));
            }
            items.set(name, value, now).map(Option::unwrap_or_default)
        })
    }

    /// Destroys a directory's vault and takes its key from the holder; nothing happens where there is none.
    ///
    /// # Errors
    /// When a file cannot be removed, or the keyring does not answer.
    pub fn destroy(directory: &Path, desktop: Desktop) -> Result<(), VaultError> {
        if let Some(record) = record_of(directory)? {
            super::keyring::forget_cached(&record.user());
            if record.held_by == HeldBy::Keyring {
                super::keyring::remove(&record.user(), desktop)?;
            }
        }
        for file in [
            VAULT,
            "vault.age.bak",
            "identity.age",
            "identity-ssh.age",
            "vault.json",
            "vault.lock",
            "sign-in.lock",
        ] {
            let path = directory.join(file);
            files::forget(&path).map_err(|error| VaultError::io(&path, &error))?;
        }
        Ok(())
    }

    /// The last write of the vault, as the file system tells it.
    #[must_use]
    pub fn written_at(directory: &Path) -> Option<Timestamp> {
        let time = std::fs::metadata(directory.join(VAULT)).ok()?.modified().ok()?;
        Timestamp::try_from(time).ok()
    }

    fn path(&self) -> PathBuf {
        self.directory.join(VAULT)
    }

    fn read(&self) -> Result<Items, VaultError> {
        let path = self.path();
        let bytes = files::read(&path, VAULT_BYTES_MAX)?.ok_or_else(|| VaultError::Missing(path.clone()))?;
        let plain = seal::open(&bytes, &self.key).map_err(|refusal| match refusal {
            Refusal::Key => {
                VaultError::OtherKey { holder: self.record.held_by.to_string(), path: path.clone() }
            }
            _ => VaultError::damaged(&path, "it is no age file, or not all of one"),
        })?;
        Items::from_json(&path, &plain)
    }

    fn write(&self, items: &Items, keep_old: bool, more: &[&dyn age::Recipient]) -> Result<(), VaultError> {
        let path = self.path();
        let own = self.key.to_public();
        let recovery: Vec<age::x25519::Recipient> = items
            .recovery
            .iter()
            .map(|key| key.parse().map_err(|_| VaultError::damaged(&path, "a recovery key is none")))
            .collect::<Result<_, _>>()?;
        let mut recipients: Vec<&dyn age::Recipient> = vec![&own];
        recipients.extend(recovery.iter().map(|key| key as &dyn age::Recipient));
        recipients.extend(more);
        let sealed = seal::seal(&path, &items.to_json(&path)?, &recipients)?;
        files::replace(&path, &sealed, keep_old)
    }

    /// Reads, changes and writes under the lock, so that no other process's change is lost.
    fn update<T>(
        &mut self,
        change: impl FnOnce(&mut Items) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let _lock = Lock::acquire(&self.directory)?;
        let mut items = self.read()?;
        let done = change(&mut items)?;
        self.write(&items, true, &[])?;
        Ok(done)
    }

    /// Removes the copy of before the last change: what was deleted is not to be found in it.
    fn forget_copy(&self) -> Result<(), VaultError> {
        let copy = files::backup(&self.path());
        files::forget(&copy).map_err(|error| VaultError::io(&copy, &error))
    }
}

impl SecretStore for Vault {
    fn list(&self) -> Result<Vec<Listed>, VaultError> {
        Ok(self.read()?.list())
    }

    fn get(&self, name: &SecretName) -> Result<SecretString, VaultError> {
        self.read()?.get(name)
    }

    fn set(
        &mut self,
        name: &SecretName,
        value: &SecretString,
        now: Timestamp,
    ) -> Result<Option<String>, VaultError> {
        self.update(|items| items.set(name, value, now))
    }

    fn delete(&mut self, name: &SecretName) -> Result<(), VaultError> {
        self.update(|items| items.remove(name))?;
        self.forget_copy()
    }
}

fn record_of(directory: &Path) -> Result<Option<Record>, VaultError> {
    let path = directory.join(VAULT);
    if std::fs::symlink_metadata(&path).is_err() {
        return Ok(None);
    }
    let missing = || VaultError::damaged(&directory.join("vault.json"), "it is gone");
    Record::read(directory)?.ok_or_else(missing).map(Some)
}

fn strong_enough(holder: Holder<'_>) -> Result<(), VaultError> {
    let Holder::Passphrase(passphrase) = holder else { return Ok(()) };
    let found = passphrase.expose_secret().chars().count();
    if found < PASSPHRASE_LENGTH_MIN {
        return Err(VaultError::WeakPassphrase { found, allowed: PASSPHRASE_LENGTH_MIN });
    }
    Ok(())
}
