//! Where the tokens of sign-ins lie: in the profile's vault, or, while a login is only being tried, in memory.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::brokers::oauth::keeper::{TokenStore, Turn};
use crate::client::secret::Secret;
use crate::keeping::Recorder;

/// An entry of the vault, which several processes may use: who refreshes has the turn.
pub struct VaultTokens {
    recorder: Arc<Recorder>,
    /// Its name.
    name: String,
}

impl VaultTokens {
    /// The entry of this name.
    #[must_use]
    pub const fn new(recorder: Arc<Recorder>, name: String) -> Self {
        Self { recorder, name }
    }
}

#[async_trait]
impl TokenStore for VaultTokens {
    async fn load(&self) -> Result<Option<SecretString>, String> {
        let (recorder, name) = (Arc::clone(&self.recorder), self.name.clone());
        let read = tokio::task::spawn_blocking(move || recorder.secret(&name)).await;
        match read.map_err(|error| error.to_string())? {
            Ok(secret) => Ok(Some(secret.get().clone())),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn save(&self, text: &SecretString) -> Result<(), String> {
        let (recorder, name, value) =
            (Arc::clone(&self.recorder), self.name.clone(), Secret::from(text.clone()));
        let kept = tokio::task::spawn_blocking(move || recorder.set_secret("engine", name, value)).await;
        kept.map_err(|error| error.to_string())?.map(drop).map_err(|error| error.to_string())
    }

    async fn turn(&self) -> Result<Turn, String> {
        let recorder = Arc::clone(&self.recorder);
        let waited = tokio::task::spawn_blocking(move || recorder.sign_in_turn()).await;
        let lock = waited.map_err(|error| error.to_string())?;
        lock.map(Turn::holding).map_err(|error| error.to_string())
    }
}

/// Tokens of a login that is being tried: kept by nobody until it works.
#[derive(Default)]
pub struct TriedTokens(Mutex<Option<SecretString>>);

impl TriedTokens {
    /// With what a sign-in gave.
    #[must_use]
    pub fn new(text: Option<Secret>) -> Self {
        Self(Mutex::new(text.map(|text| text.get().clone())))
    }

    /// What is to be kept once the login works.
    #[must_use]
    pub fn taken(&self) -> Option<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().map(Secret::from)
    }
}

#[async_trait]
impl TokenStore for TriedTokens {
    async fn load(&self) -> Result<Option<SecretString>, String> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, text: &SecretString) -> Result<(), String> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
        Ok(())
    }
}
