//! A store that lasts as long as its process, for tests.

use jiff::Timestamp;
use secrecy::SecretString;

use super::items::Items;
use super::{Listed, SecretName, SecretStore, VaultError};

/// Secrets in memory alone.
#[derive(Default)]
pub struct MemoryStore(Items);

impl SecretStore for MemoryStore {
    fn list(&self) -> Result<Vec<Listed>, VaultError> {
        Ok(self.0.list())
    }

    fn get(&self, name: &SecretName) -> Result<SecretString, VaultError> {
        self.0.get(name)
    }

    fn set(
        &mut self,
        name: &SecretName,
        value: &SecretString,
        now: Timestamp,
    ) -> Result<Option<String>, VaultError> {
        self.0.set(name, value, now)
    }

    fn delete(&mut self, name: &SecretName) -> Result<(), VaultError> {
        self.0.remove(name)
    }
}
