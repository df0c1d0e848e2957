//! Who holds the vault's key, and the record of it: `vault.json`, which has no secret in it.

use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::keyring::{self, Desktop};
use super::seal::{self, Refusal};
use super::{VaultError, files};

/// Largest file of a key or a record.
const SMALL_BYTES_MAX: u64 = 65_536;
/// Version of the record.
const VERSION: u32 = 1;

/// Where the key of a vault is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBy {
    /// In the OS keyring.
    Keyring,
    /// In `identity.age`, sealed to a passphrase.
    Passphrase,
    /// In `identity-ssh.age`, sealed to an SSH key whose private half is in this file.
    Ssh(PathBuf),
}

impl std::fmt::Display for HeldBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keyring => f.write_str("the OS keyring"),
            Self::Passphrase => f.write_str("a passphrase"),
            Self::Ssh(path) => write!(f, "the SSH key {}", path.display()),
        }
    }
}

/// A place to give the key to.
#[derive(Clone, Copy)]
pub enum Holder<'a> {
    /// The OS keyring.
    Keyring,
    /// A passphrase of at least twelve characters.
    Passphrase(&'a SecretString),
    /// An SSH key by the file of its private half, with the passphrase of that where it has one.
    Ssh(&'a Path, Option<&'a SecretString>),
}

/// What a vault is opened with.
#[derive(Clone, Copy, Default)]
pub struct Unlock<'a> {
    /// The vault's passphrase, or that of the SSH key.
    pub passphrase: Option<&'a SecretString>,
    /// What the keyring may ask.
    pub desktop: Desktop,
    /// The key that the kernel has kept will do, and is kept after a passphrase was given. False proves that the passphrase is known.
    pub cached: bool,
}

/// The record of a vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// Random, so that no name of a profile can be taken for another one in a keyring (reliability Y5).
    pub(super) id: String,
    pub(super) held_by: HeldBy,
    /// SHA-256 of what `identity.age` may be: how a wrong passphrase is told from a damaged file. Two while one takes the other's place.
    seals: Vec<String>,
}

impl Record {
    pub(super) fn new(id: String, held_by: HeldBy) -> Self {
        Self { version: VERSION, id, held_by, seals: Vec::new() }
    }

    /// The name of the key in keyrings.
    pub(super) fn user(&self) -> String {
        format!("{}/identity", self.id)
    }

    fn path(directory: &Path) -> PathBuf {
        directory.join("vault.json")
    }

    pub(super) fn read(directory: &Path) -> Result<Option<Self>, VaultError> {
        let path = Self::path(directory);
        let Some(bytes) = files::read(&path, SMALL_BYTES_MAX)? else { return Ok(None) };
        let record: Self =
            serde_json::from_slice(&bytes).map_err(|error| VaultError::damaged(&path, error.to_string()))?;
        if record.version != VERSION {
            let detail = format!("version {}, this program knows {VERSION}", record.version);
            return Err(VaultError::damaged(&path, detail));
        }
        Ok(Some(record))
    }

    pub(super) fn write(&self, directory: &Path) -> Result<(), VaultError> {
        let path = Self::path(directory);
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| VaultError::Io { path: path.clone(), reason: error.to_string() })?;
        files::replace(&path, &bytes, false)
    }
}

fn sealed_file(directory: &Path, held_by: &HeldBy) -> PathBuf {
    directory.join(if matches!(held_by, HeldBy::Ssh(_)) { "identity-ssh.age" } else { "identity.age" })
}

fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives the key to a holder and records it. The record changes last, so that a crash leaves the old holder in force.
///
/// # Errors
/// When the holder does not take it; the old one is then in force.
pub(super) fn give(
    directory: &Path,
    record: &mut Record,
    holder: Holder<'_>,
    key: &age::x25519::Identity,
    desktop: Desktop,
) -> Result<(), VaultError> {
    let text = key.to_string();
    let held_by = match holder {
        Holder::Keyring => {
            keyring::put(&record.user(), &text, desktop)?;
            HeldBy::Keyring
        }
        Holder::Passphrase(passphrase) => {
            let path = sealed_file(directory, &HeldBy::Passphrase);
            let sealed = seal::seal_by_passphrase(&path, line(&text).as_bytes(), passphrase)?;
            let before = record.seals.last().cloned();
            record.seals = before.into_iter().chain([checksum(&sealed)]).collect();
            record.write(directory)?;
            files::replace(&path, &sealed, false)?;
            HeldBy::Passphrase
        }
        Holder::Ssh(file, passphrase) => {
            let identity = ssh_identity(file, passphrase)?;
            let recipient = ssh_recipient(file, identity)?;
            let held_by = HeldBy::Ssh(file.to_owned());
            let path = sealed_file(directory, &held_by);
            let sealed = seal::seal(&path, line(&text).as_bytes(), &[&recipient])?;
            files::replace(&path, &sealed, false)?;
            held_by
        }
    };
    record.held_by = held_by;
    if record.seals.len() > 1 {
        record.seals.remove(0);
    }
    record.write(directory)
}

/// Takes the key away from a holder that is no longer in force. What cannot be taken away is said in the log: it opens nothing that the
/// new holder does not.
pub(super) fn take_away(directory: &Path, record: &Record, old: &HeldBy, desktop: Desktop) {
    let gone = match old {
        HeldBy::Keyring => keyring::remove(&record.user(), desktop),
        _ => {
            keyring::forget_cached(&record.user());
            let path = sealed_file(directory, old);
            files::forget(&path).map_err(|error| VaultError::io(&path, &error))
        }
    };
    if let Err(error) = gone {
        tracing::warn!(%error, "the key stays with its old holder too");
    }
}

/// The identity as age writes it: a line.
fn line(text: &SecretString) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.expose_secret().len() + 1));
    line.push_str(text.expose_secret());
    line.push('\n');
    line
}

/// The key, from whoever holds it.
///
/// # Errors
/// When the holder does not give it.
pub(super) fn ask(
    directory: &Path,
    record: &Record,
    unlock: &Unlock<'_>,
) -> Result<age::x25519::Identity, VaultError> {
    match &record.held_by {
        HeldBy::Keyring => {
            let text = keyring::get(&record.user(), unlock.desktop)?;
            parse(&text).ok_or_else(|| other_key(directory, record))
        }
        HeldBy::Passphrase => by_passphrase(directory, record, unlock),
        HeldBy::Ssh(file) => by_ssh(directory, record, file, unlock),
    }
}

fn by_passphrase(
    directory: &Path,
    record: &Record,
    unlock: &Unlock<'_>,
) -> Result<age::x25519::Identity, VaultError> {
    if unlock.cached
        && let Some(key) = keyring::cached(&record.user()).as_ref().and_then(parse)
    {
        return Ok(key);
    }
    let passphrase = unlock.passphrase.ok_or(VaultError::PassphraseNeeded)?;
    let path = sealed_file(directory, &record.held_by);
    let Some(bytes) = files::read(&path, SMALL_BYTES_MAX)? else {
        return Err(VaultError::damaged(&path, "it is gone"));
    };
    let plain = seal::open(&bytes, &seal::passphrase_identity(passphrase)).map_err(|refusal| {
        let written = record.seals.contains(&checksum(&bytes));
        match refusal {
            Refusal::Key if written => VaultError::WrongPassphrase(path.clone()),
            Refusal::Key => VaultError::damaged(&path, "its checksum differs"),
            Refusal::Work(found) => {
                VaultError::TooSlow { path: path.clone(), found, allowed: seal::SCRYPT_READ_MAX }
            }
            Refusal::Damage => VaultError::damaged(&path, "it is no age file, or not all of one"),
        }
    })?;
    let key = parse_bytes(&plain).ok_or_else(|| VaultError::damaged(&path, "it holds no key"))?;
    if unlock.cached && !keyring::cache(&record.user(), &key.to_string()) {
        tracing::debug!("the kernel keeps no keys here; the passphrase is needed at each start");
    }
    Ok(key)
}

fn by_ssh(
    directory: &Path,
    record: &Record,
    file: &Path,
    unlock: &Unlock<'_>,
) -> Result<age::x25519::Identity, VaultError> {
    let path = sealed_file(directory, &record.held_by);
    let Some(bytes) = files::read(&path, SMALL_BYTES_MAX)? else {
        return Err(VaultError::damaged(&path, "it is gone"));
    };
    let identity = ssh_identity(file, unlock.passphrase)?;
    let identity = identity.with_callbacks(Given(unlock.passphrase.cloned()));
    let plain = seal::open(&bytes, &identity).map_err(|refusal| match refusal {
        Refusal::Key => VaultError::OtherKey { holder: record.held_by.to_string(), path: path.clone() },
        _ => VaultError::damaged(&path, "it is no age file, or not all of one"),
    })?;
    parse_bytes(&plain).ok_or_else(|| VaultError::damaged(&path, "it holds no key"))
}

/// Does the private half of an SSH key have a passphrase of its own.
///
/// # Errors
/// When it cannot be read, or age opens nothing by it.
pub fn needs_passphrase(file: &Path) -> Result<bool, VaultError> {
    match ssh_identity(file, None) {
        Ok(_) => Ok(false),
        Err(VaultError::PassphraseNeeded) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Reads the private half of an SSH key, and refuses what age cannot open.
fn ssh_identity(file: &Path, passphrase: Option<&SecretString>) -> Result<age::ssh::Identity, VaultError> {
    let refuse = |reason: &str| VaultError::SshKey { path: file.to_owned(), reason: reason.to_owned() };
    let bytes = files::read(file, SMALL_BYTES_MAX)?
        .ok_or_else(|| refuse("no SSH key is there; give the private one"))?;
    let identity = age::ssh::Identity::from_buffer(bytes.as_slice(), None)
        .map_err(|_| refuse("not a private SSH key; allowed are ed25519 and rsa"))?;
    match &identity {
        age::ssh::Identity::Unsupported(_) => Err(refuse(
            "age opens nothing by this key; allowed are ed25519 and rsa, neither hardware keys nor agents",
        )),
        age::ssh::Identity::Encrypted(key) => {
            let passphrase = passphrase.ok_or(VaultError::PassphraseNeeded)?;
            key.decrypt(passphrase.clone())
                .map(age::ssh::Identity::from)
                .map_err(|_| VaultError::WrongPassphrase(file.to_owned()))
        }
        age::ssh::Identity::Unencrypted(_) => Ok(identity),
    }
}

fn ssh_recipient(file: &Path, identity: age::ssh::Identity) -> Result<age::ssh::Recipient, VaultError> {
    let refuse = |reason: &str| VaultError::SshKey { path: file.to_owned(), reason: reason.to_owned() };
    let recipient = age::ssh::Recipient::try_from(identity)
        .map_err(|_| refuse("its public half cannot be read; allowed are ed25519 and rsa"))?;
    // Reading it as text looks at its length too.
    recipient.to_string().parse().map_err(|_| refuse("an rsa key must have at least 2048 bits"))
}

fn parse(text: &SecretString) -> Option<age::x25519::Identity> {
    text.expose_secret().trim().parse().ok()
}

/// The key in what age or we have written: comments, and one line.
fn parse_bytes(plain: &[u8]) -> Option<age::x25519::Identity> {
    let text = std::str::from_utf8(plain).ok()?;
    text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-"))?.parse().ok()
}

fn other_key(directory: &Path, record: &Record) -> VaultError {
    VaultError::OtherKey { holder: record.held_by.to_string(), path: directory.join(super::store::VAULT) }
}

/// The passphrase that was given, where age asks for one.
#[derive(Clone)]
struct Given(Option<SecretString>);

impl age::Callbacks for Given {
    fn display_message(&self, _: &str) {}
    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }
    fn request_public_string(&self, _: &str) -> Option<String> {
        None
    }
    fn request_passphrase(&self, _: &str) -> Option<SecretString> {
        self.0.clone()
    }
}
