//! The OS keyring, which holds one small thing: the key of the vault (reliability Y2). Each call runs on a thread of its own with a limit,
//! never asks a person unasked, and never falls back to a weaker place by itself (Y1, Y3).

use std::sync::mpsc;
use std::time::Duration;

use keyring_core::{Entry, Error};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

use super::VaultError;

/// Name of the program in keyrings.
const SERVICE: &str = "arbion";
/// How long a keyring may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long a person may take to unlock one.
const PERSON_MAX: Duration = Duration::from_secs(120);
/// How long the kernel keeps an opened key, in seconds: a working day.
#[cfg(target_os = "linux")]
const CACHED_SECONDS: usize = 8 * 3_600;
/// The keyring of this system.
#[cfg(target_os = "linux")]
const STORE: &str = "Secret Service";
#[cfg(target_os = "macos")]
const STORE: &str = "Keychain";
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const STORE: &str = "system keyring";

/// What may be asked of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Desktop {
    /// A display and a person are there, so that a locked keyring may show its own dialog.
    pub may_prompt: bool,
}

impl Desktop {
    fn patience(self) -> Duration {
        if self.may_prompt { PERSON_MAX } else { ANSWER_MAX }
    }
}

/// Does the keyring take, give back and forget a value.
///
/// # Errors
/// Why not: not there, locked, slow, or refusing.
pub fn keyring_state(desktop: Desktop) -> Result<&'static str, VaultError> {
    let mut noise = [0_u8; 8];
    getrandom::fill(&mut noise).map_err(|error| refused(error.to_string()))?;
    let user = format!("probe-{:016x}", u64::from_le_bytes(noise));
    within(desktop.patience(), move || {
        let entry = entry(&user, desktop)?;
        entry.set_secret(user.as_bytes()).map_err(|error| fault(&error))?;
        let back = entry.get_secret().map_err(|error| fault(&error));
        entry.delete_credential().map_err(|error| fault(&error))?;
        if back?.as_slice() == user.as_bytes() {
            Ok(STORE)
        } else {
            Err(refused("it gave back something else than it was given".to_owned()))
        }
    })
}

/// The value kept for `user`.
///
/// # Errors
/// When there is none, or the keyring does not answer.
pub(super) fn get(user: &str, desktop: Desktop) -> Result<SecretString, VaultError> {
    let user = user.to_owned();
    within(desktop.patience(), move || {
        let bytes = entry(&user, desktop)?.get_secret().map_err(|error| fault(&error))?;
        text(bytes).ok_or_else(|| refused("what it holds is no text".to_owned()))
    })
}

/// Keeps a value for `user`, and reads it back.
///
/// # Errors
/// When the keyring does not take it.
pub(super) fn put(user: &str, value: &SecretString, desktop: Desktop) -> Result<(), VaultError> {
    let (user, value) = (user.to_owned(), value.clone());
    within(desktop.patience(), move || {
        let entry = entry(&user, desktop)?;
        entry.set_secret(value.expose_secret().as_bytes()).map_err(|error| fault(&error))?;
        let back = text(entry.get_secret().map_err(|error| fault(&error))?);
        match back {
            Some(back) if back.expose_secret() == value.expose_secret() => Ok(()),
            _ => Err(refused("it gave back something else than it was given".to_owned())),
        }
    })
}

/// Forgets the value of `user`, if there is one.
///
/// # Errors
/// When the keyring does not answer.
pub(super) fn remove(user: &str, desktop: Desktop) -> Result<(), VaultError> {
    let user = user.to_owned();
    within(desktop.patience(), move || match entry(&user, desktop)?.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(fault(&error)),
    })
}

/// Text out of bytes, without a copy that stays.
fn text(bytes: Vec<u8>) -> Option<SecretString> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(SecretString::from(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            None
        }
    }
}

fn refused(reason: String) -> VaultError {
    VaultError::Keyring { store: STORE, reason }
}

fn fault(error: &Error) -> VaultError {
    match error {
        Error::NoEntry => VaultError::KeyringEntry { store: STORE, found: "no key" },
        Error::Ambiguous(_) => VaultError::KeyringEntry { store: STORE, found: "several keys" },
        Error::NoStorageAccess(_) => VaultError::KeyringLocked { store: STORE },
        // These carry what was kept, which is no part of a message.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => refused("what it holds is no text".to_owned()),
        Error::PlatformFailure(reason) => refused(one_line(&reason.to_string())),
        other => refused(one_line(&other.to_string())),
    }
}

fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(160).collect()
}

/// Runs `work` on a thread of its own. One that never ends is left behind: the system has no way to take it back.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    let (give, take) = mpsc::channel();
    std::thread::Builder::new()
        .name("keyring".into())
        // Nobody may wait any more for the answer.
        .spawn(move || give.send(work()).unwrap_or_default())
        .map_err(|error| refused(error.to_string()))?;
    let silent = format!("it has not answered for {} s", limit.as_secs());
    take.recv_timeout(limit).unwrap_or(Err(VaultError::NoKeyring { store: STORE, reason: silent }))
}

/// The entry of `user`, in a keyring that is there and unlocked.
#[cfg(target_os = "linux")]
fn entry(user: &str, desktop: Desktop) -> Result<Entry, VaultError> {
    use keyring_core::api::CredentialStoreApi;
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;

    let missing = |reason: String| VaultError::NoKeyring { store: STORE, reason: one_line(&reason) };
    let service = SecretService::connect(EncryptionType::Dh).map_err(|error| missing(error.to_string()))?;
    let collection = service
        .get_default_collection()
        .map_err(|error| missing(format!("it has no default collection: {error}")))?;
    // The store below would show a dialog of its own accord; over a line without a display it would wait for ever.
    if collection.is_locked().map_err(|error| missing(error.to_string()))? {
        if !desktop.may_prompt {
            return Err(VaultError::KeyringLocked { store: STORE });
        }
        collection.unlock().map_err(|_| VaultError::KeyringLocked { store: STORE })?;
    }
    let store =
        zbus_secret_service_keyring_store::Store::new().map_err(|error| missing(error.to_string()))?;
    store.build(SERVICE, user, None).map_err(|error| fault(&error))
}

#[cfg(target_os = "macos")]
fn entry(user: &str, _: Desktop) -> Result<Entry, VaultError> {
    use keyring_core::api::CredentialStoreApi;

    let missing = |error: Error| VaultError::NoKeyring { store: STORE, reason: one_line(&error.to_string()) };
    let store = apple_native_keyring_store::keychain::Store::new().map_err(missing)?;
    store.build(SERVICE, user, None).map_err(|error| fault(&error))
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn entry(_: &str, _: Desktop) -> Result<Entry, VaultError> {
    let reason = "this system has none that is known here".to_owned();
    Err(VaultError::NoKeyring { store: STORE, reason })
}

/// The key that the kernel has kept since the passphrase was last given. It is gone after eight hours or a reboot; where the kernel keeps
/// nothing (containers), there is none, and the passphrase is asked for each time.
#[cfg(target_os = "linux")]
pub(super) fn cached(user: &str) -> Option<SecretString> {
    let entry = kernel(user)?;
    text(entry.get_secret().ok()?)
}

/// Has the kernel keep a key. True when it does.
#[cfg(target_os = "linux")]
pub(super) fn cache(user: &str, value: &SecretString) -> bool {
    let Some(entry) = kernel(user) else { return false };
    if entry.set_secret(value.expose_secret().as_bytes()).is_err() {
        return false;
    }
    let limited = entry
        .as_any()
        .downcast_ref::<linux_keyutils_keyring_store::Cred>()
        .and_then(|cred| cred.session.search(&cred.description).ok())
        .is_some_and(|key| key.set_timeout(CACHED_SECONDS).is_ok());
    if !limited {
        // A key without an end is not what was promised.
        forget_cached(user);
    }
    limited
}

/// Has the kernel forget a key.
#[cfg(target_os = "linux")]
pub fn forget_cached(user: &str) {
    if let Some(entry) = kernel(user) {
        // There may be none.
        entry.delete_credential().unwrap_or_default();
    }
}

#[cfg(target_os = "linux")]
fn kernel(user: &str) -> Option<Entry> {
    use keyring_core::api::CredentialStoreApi;
    linux_keyutils_keyring_store::Store::new().ok()?.build(SERVICE, user, None).ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn cached(_: &str) -> Option<SecretString> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(super) fn cache(_: &str, _: &SecretString) -> bool {
    false
}

/// Has the kernel forget a key: it keeps none here.
#[cfg(not(target_os = "linux"))]
pub fn forget_cached(_: &str) {}
