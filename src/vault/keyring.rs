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

/// How long a call may take, in its two states.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// While the keyring works.
    answer: Duration,
    /// While it asks a person.
    person: Duration,
}

const PATIENCE: Patience = Patience { answer: ANSWER_MAX, person: PERSON_MAX };

/// Says that a person is asked from now on, or not any more.
type Asks<'a> = &'a dyn Fn(bool);

/// Does the keyring take, give back and forget a value.
///
/// # Errors
/// Why not: not there, locked, slow, or refusing.
pub fn keyring_state(desktop: Desktop) -> Result<&'static str, VaultError> {
    let mut noise = [0_u8; 8];
    getrandom::fill(&mut noise).map_err(|error| refused(error.to_string()))?;
    let user = format!("probe-{:016x}", u64::from_le_bytes(noise));
    within(PATIENCE, move |asks| {
        let entry = entry(&user, desktop, asks)?;
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
    within(PATIENCE, move |asks| taken(&entry(&user, desktop, asks)?))
}

fn taken(entry: &Entry) -> Result<SecretString, VaultError> {
    let bytes = entry.get_secret().map_err(|error| fault(&error))?;
    text(bytes).ok_or_else(|| refused("what it holds is no text".to_owned()))
}

/// Keeps a value for `user`, and reads it back.
///
/// # Errors
/// When the keyring does not take it.
pub(super) fn put(user: &str, value: &SecretString, desktop: Desktop) -> Result<(), VaultError> {
    let (user, value) = (user.to_owned(), value.clone());
    within(PATIENCE, move |asks| given(&entry(&user, desktop, asks)?, &value))
}

fn given(entry: &Entry, value: &SecretString) -> Result<(), VaultError> {
    entry.set_secret(value.expose_secret().as_bytes()).map_err(|error| fault(&error))?;
    let back = text(entry.get_secret().map_err(|error| fault(&error))?);
    match back {
        Some(back) if back.expose_secret() == value.expose_secret() => Ok(()),
        _ => Err(refused("it gave back something else than it was given".to_owned())),
    }
}

/// Forgets the value of `user`, if there is one.
///
/// # Errors
/// When the keyring does not answer.
pub(super) fn remove(user: &str, desktop: Desktop) -> Result<(), VaultError> {
    let user = user.to_owned();
    within(PATIENCE, move |asks| forgotten(&entry(&user, desktop, asks)?))
}

fn forgotten(entry: &Entry) -> Result<(), VaultError> {
    match entry.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(fault(&error)),
    }
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

/// What a call says while it runs, and when it ends.
enum Word<T> {
    /// A person is asked from now on, or not any more.
    Asks(bool),
    Done(Result<T, VaultError>),
}

/// Runs `work` on a thread of its own. One that never ends is left behind: the system has no way to take it back. A person gets more time
/// than a keyring, and only while one is asked: a service that hangs is given up soon, on a desktop too.
fn within<T: Send + 'static>(
    patience: Patience,
    work: impl FnOnce(Asks<'_>) -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    let (say, hear) = mpsc::channel();
    let call = move || {
        // Nobody may wait any more for what is said.
        let done = work(&|asking| say.send(Word::Asks(asking)).unwrap_or_default());
        say.send(Word::Done(done)).unwrap_or_default();
    };
    std::thread::Builder::new()
        .name("keyring".into())
        .spawn(call)
        .map_err(|error| refused(error.to_string()))?;
    let mut limit = patience.answer;
    loop {
        match hear.recv_timeout(limit) {
            Ok(Word::Done(done)) => return done,
            Ok(Word::Asks(true)) => limit = patience.person,
            Ok(Word::Asks(false)) => limit = patience.answer,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let reason = format!("it has not answered for {} s", limit.as_secs());
                return Err(VaultError::NoKeyring { store: STORE, reason });
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(refused("the call to it failed".to_owned()));
            }
        }
    }
}

/// The entry of `user`, in a keyring that is there and unlocked.
#[cfg(target_os = "linux")]
fn entry(user: &str, desktop: Desktop, asks: Asks<'_>) -> Result<Entry, VaultError> {
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
        asks(true);
        collection.unlock().map_err(|_| VaultError::KeyringLocked { store: STORE })?;
        asks(false);
    }
    let store =
        zbus_secret_service_keyring_store::Store::new().map_err(|error| missing(error.to_string()))?;
    store.build(SERVICE, user, None).map_err(|error| fault(&error))
}

#[cfg(target_os = "macos")]
fn entry(user: &str, _: Desktop, _: Asks<'_>) -> Result<Entry, VaultError> {
    use keyring_core::api::CredentialStoreApi;

    let missing = |error: Error| VaultError::NoKeyring { store: STORE, reason: one_line(&error.to_string()) };
    let store = apple_native_keyring_store::keychain::Store::new().map_err(missing)?;
    store.build(SERVICE, user, None).map_err(|error| fault(&error))
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn entry(_: &str, _: Desktop, _: Asks<'_>) -> Result<Entry, VaultError> {
    let reason = "this system has none that is known here".to_owned();
    Err(VaultError::NoKeyring { store: STORE, reason })
}

/// The key that the kernel has kept since the passphrase was last given. It is gone after eight hours or a reboot; where the kernel keeps
/// nothing (containers), there is none, and the passphrase is asked for each time.
#[cfg(target_os = "linux")]
pub(super) fn cached(user: &str) -> Option<SecretString> {
    // A process that was started outside a login has no session keyring: the first look makes one, and only the second finds what is kept.
    (0..2).find_map(|_| text(kernel(user)?.get_secret().ok()?))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use keyring_core::api::CredentialStoreApi;
    use keyring_core::mock;

    use super::*;

    const SHORT: Patience =
        Patience { answer: Duration::from_millis(80), person: Duration::from_millis(400) };

    /// An entry of a keyring in memory, whose next call fails like this.
    fn failing(error: Option<Error>) -> Entry {
        let store: Arc<mock::Store> = mock::Store::new().unwrap();
        let entry = store.build(SERVICE, "7f/identity", None).unwrap();
        if let Some(error) = error {
            entry.as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
        }
        entry
    }

    fn sleep(millis: u64) {
        let (hold, wait) = mpsc::channel::<()>();
        assert!(wait.recv_timeout(Duration::from_millis(millis)).is_err());
        drop(hold);
    }

    /// A service that never answers is given up, whether a person could be asked or not; one that asks a person is given that person's time.
    #[test]
    fn y3_a_keyring_that_never_returns_is_given_up() {
        let began = Instant::now();
        let never = within(SHORT, |_| {
            sleep(60_000);
            Ok(())
        });
        let text = never.unwrap_err().to_string();
        assert!(text.contains("has not answered"), "{text}");
        assert!(began.elapsed() < Duration::from_secs(30));
        let asked = |asks_for: u64, works_for: u64| {
            within(SHORT, move |asks| {
                asks(true);
                sleep(asks_for);
                asks(false);
                sleep(works_for);
                Ok(7)
            })
        };
        assert_eq!(asked(200, 1).unwrap(), 7, "longer than a keyring may take");
        assert!(asked(60_000, 1).is_err(), "a dialog that nobody answers");
        assert!(asked(1, 60_000).is_err(), "a service that hangs after its dialog");
        // To write where it panicked takes its time on a busy machine.
        let patient = Patience { answer: Duration::from_secs(60), ..SHORT };
        let panics = within::<()>(patient, |_| panic!("as the test says"));
        assert!(panics.unwrap_err().to_string().contains("failed"));
    }

    /// Several keys under one name are told from none, and none of them is taken, changed or deleted.
    #[test]
    fn y1_several_keys_under_one_name_are_nobodys() {
        let value = SecretString::from("AGE-SECRET-KEY-1".to_owned());
        let ambiguous = || failing(Some(Error::Ambiguous(vec![failing(None)])));
        let all = [
            taken(&ambiguous()).map(drop).unwrap_err(),
            given(&ambiguous(), &value).unwrap_err(),
            forgotten(&ambiguous()).unwrap_err(),
        ];
        for error in all {
            assert!(matches!(&error, VaultError::KeyringEntry { found: "several keys", .. }), "{error:?}");
            assert!(error.to_string().contains("several keys"), "{error}");
        }
        let none = taken(&failing(None)).map(drop).unwrap_err();
        assert!(matches!(none, VaultError::KeyringEntry { found: "no key", .. }), "{none:?}");
        forgotten(&failing(None)).unwrap();
    }

    /// What a keyring says when it does not serve is one clear line, and never what it was given.
    #[test]
    fn y1_what_a_keyring_answers_is_a_clear_line() {
        let value = SecretString::from("AGE-SECRET-KEY-1".to_owned());
        let entry = failing(None);
        given(&entry, &value).unwrap();
        assert_eq!(taken(&entry).unwrap().expose_secret(), value.expose_secret());
        let system = |text: &str| std::io::Error::other(text.to_owned()).into();
        for (error, words) in [
            (Error::NoStorageAccess(system("locked")), "locked"),
            (Error::PlatformFailure(system("the bus\nfell\u{7}")), "the bus"),
            (Error::BadEncoding(b"AGE-SECRET-KEY-1".to_vec()), "no text"),
            (Error::TooLong("value".to_owned(), 9), "9"),
        ] {
            let what = format!("{error:?}");
            let text = taken(&failing(Some(error))).map(drop).unwrap_err().to_string();
            assert!(text.contains(words), "{what}: {text}");
            assert!(
                !text.contains("AGE-SECRET") && !text.contains('\n') && !text.contains('\u{7}'),
                "{text}"
            );
        }
    }
}
