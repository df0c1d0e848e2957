//! Secrets of a profile: `vault.age`, sealed by age to one key, which the OS keyring holds, or a passphrase or an SSH key opens. Nothing
//! else sees a secret's bytes but the connector that uses it: no Debug, no Serialize and no log shows more than the last four characters.

mod error;
mod files;
mod holder;
mod items;
mod keyring;
mod memory;
mod seal;
mod signer;
mod store;

use jiff::Timestamp;
use secrecy::SecretString;

pub use error::VaultError;
pub use files::SignInTurn;
pub use holder::{HeldBy, Holder, Unlock, needs_passphrase};
pub use items::SecretName;
pub use keyring::{Desktop, forget_cached, keyring_state};
pub use memory::MemoryStore;
pub use signer::{Signer, signed_by};
pub use store::{PASSPHRASE_LENGTH_MIN, Vault};

/// What a listing shows of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: SecretName,
    /// Its last four characters; empty where it is too short for that.
    pub last_four: String,
    /// When it was last set or rotated.
    pub changed_at: Timestamp,
}

/// A place where secrets are kept.
pub trait SecretStore {
    /// What is kept, by name. Never empty of meaning: the program's own keys are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(&self) -> Result<Vec<Listed>, VaultError>;

    /// The value of a secret.
    ///
    /// # Errors
    /// When there is none of that name, or the store cannot be read.
    fn get(&self, name: &SecretName) -> Result<SecretString, VaultError>;

    /// Keeps a value, in place of one that is there; returns the last four characters of that.
    ///
    /// # Errors
    /// When the value is empty or too long, the store is full or cannot be written; then the old value is there.
    fn set(
        &mut self,
        name: &SecretName,
        value: &SecretString,
        now: Timestamp,
    ) -> Result<Option<String>, VaultError>;

    /// Forgets a secret.
    ///
    /// # Errors
    /// When there is none of that name, or the store cannot be written.
    fn delete(&mut self, name: &SecretName) -> Result<(), VaultError>;
}

#[cfg(test)]
mod tests;
