//! The vault against real files: formats, damage, other hands, crashes, memory. What needs a daemon or the `age` program is in `tests/it`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::files::{self, Lock};
use super::*;

mod damage;
mod fuzzed;
mod memory;
mod writers;

pub(super) fn now() -> Timestamp {
    "2026-11-26T10:00:00Z".parse().unwrap()
}

pub(super) fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

pub(super) fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

/// A private directory, and a copy of an SSH key with the mode that a private key has.
pub(super) struct Place {
    _temp: tempfile::TempDir,
    pub(super) directory: PathBuf,
    keys: PathBuf,
}

impl Place {
    pub(super) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let (directory, keys) = (temp.path().join("profile"), temp.path().join("keys"));
        for path in [&directory, &keys] {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        }
        Self { _temp: temp, directory, keys }
    }

    pub(super) fn ssh_key(&self, which: &str) -> PathBuf {
        let path = self.keys.join(which);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ssh").join(which);
        fs::write(&path, fs::read(from).unwrap()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A vault that opens quickly: its key is sealed to an SSH key.
    pub(super) fn vault(&self) -> Vault {
        let key = self.ssh_key("plain");
        Vault::create(&self.directory, Holder::Ssh(&key, None), Desktop::default()).unwrap()
    }

    pub(super) fn open(&self) -> Result<Vault, VaultError> {
        Vault::open(&self.directory, &Unlock::default())
    }

    pub(super) fn file(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }
}

pub(super) fn value(vault: &Vault, of: &str) -> String {
    vault.get(&name(of)).unwrap().expose_secret().to_owned()
}

const WORDS: &str = "correct horse battery staple";

#[test]
fn names_are_safe_and_values_bounded() {
    for good in ["a", "brokers.alpaca.secret", "oauth_2-x", &"k".repeat(64)] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in
        ["", "A", "1a", ".a", "a b", "a/b", "../a", "é", "a\u{430}", "a\n", &"k".repeat(65), &"k".repeat(300)]
    {
        let error = bad.parse::<SecretName>().unwrap_err();
        assert!(matches!(error, VaultError::BadName { .. }) && error.to_string().is_ascii(), "{error}");
    }
    let mut store = MemoryStore::default();
    let mut set = |text: &str| store.set(&name("a"), &secret(text), now());
    assert!(matches!(set(""), Err(VaultError::BadLength { found: 0, .. })));
    assert!(matches!(set(&"x".repeat(32_769)), Err(VaultError::BadLength { .. })));
    assert!(matches!(set("a\0b"), Err(VaultError::BadValue)));
    assert!(matches!(set("\u{1b}[31m"), Err(VaultError::BadValue)));
    assert!(set("-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----\n").is_ok());
    for n in 0..199 {
        store.set(&name(&format!("k{n}")), &secret("v"), now()).unwrap();
    }
    let error = store.set(&name("one.more"), &secret("v"), now()).unwrap_err();
    assert!(matches!(error, VaultError::Full(200)), "{error}");
}

#[test]
fn only_the_last_four_are_shown_and_of_short_values_nothing() {
    let mut store = MemoryStore::default();
    store.set(&name("long"), &secret("PKTEST0123456789"), now()).unwrap();
    store.set(&name("short"), &secret("hunter2hunt"), now()).unwrap();
    store.set(&name("arbion.audit"), &secret("PKTEST0123456789"), now()).unwrap();
    let listed: Vec<_> =
        store.list().unwrap().into_iter().map(|row| (row.name.to_string(), row.last_four)).collect();
    let expected = [("long", "6789"), ("short", "")].map(|(n, l)| (n.to_owned(), l.to_owned()));
    assert_eq!(listed, expected, "the program's own keys are not listed");
    assert_eq!(
        store.set(&name("long"), &secret("another-one-0042"), now()).unwrap().as_deref(),
        Some("6789")
    );
    store.delete(&name("long")).unwrap();
    assert!(matches!(store.get(&name("long")), Err(VaultError::NoSecret(_))));
    assert!(matches!(store.delete(&name("long")), Err(VaultError::NoSecret(_))));
}

#[test]
fn v2_a_vault_keeps_what_it_is_given() {
    let place = Place::new();
    assert!(matches!(place.open(), Err(VaultError::Missing(_))));
    let mut vault = place.vault();
    let key = place.ssh_key("plain");
    let again = Vault::create(&place.directory, Holder::Ssh(&key, None), Desktop::default());
    assert!(matches!(again.err(), Some(VaultError::Exists(_))));
    vault.set(&name("brokers.alpaca.secret"), &secret("one"), now()).unwrap();
    vault.set(&name("model.key"), &secret("-----BEGIN\nlines \"and\" \\ more\n"), now()).unwrap();
    drop(vault);
    let mut vault = place.open().unwrap();
    assert_eq!(value(&vault, "model.key"), "-----BEGIN\nlines \"and\" \\ more\n");
    assert!(matches!(
        vault.rotate(&name("brokers.alpaca.secret"), &secret("one"), now()),
        Err(VaultError::SameValue(_))
    ));
    assert!(matches!(vault.rotate(&name("none"), &secret("one"), now()), Err(VaultError::NoSecret(_))));
    vault.rotate(&name("brokers.alpaca.secret"), &secret("two"), now()).unwrap();
    assert!(place.file("vault.age.bak").exists(), "the copy of before the last change");
    vault.delete(&name("brokers.alpaca.secret")).unwrap();
    assert!(!place.file("vault.age.bak").exists(), "what was deleted is in no copy");
    let vault = place.open().unwrap();
    assert_eq!(vault.list().unwrap().len(), 1);
    for file in ["vault.age", "vault.json", "vault.lock", "identity-ssh.age"] {
        assert_eq!(fs::metadata(place.file(file)).unwrap().mode() & 0o777, 0o600, "{file}");
    }
    let plain = ["vault.age", "vault.json", "identity-ssh.age"]
        .map(|file| String::from_utf8_lossy(&fs::read(place.file(file)).unwrap()).into_owned());
    assert!(plain.iter().all(|text| !text.contains("AGE-SECRET-KEY") && !text.contains("lines")));
}

#[test]
fn v6_v9_a_passphrase_opens_it_and_no_other_does() {
    let place = Place::new();
    let create =
        |words: &str| Vault::create(&place.directory, Holder::Passphrase(&secret(words)), Desktop::default());
    let weak = create("elevenchars").err().unwrap();
    assert!(matches!(weak, VaultError::WeakPassphrase { found: 11, allowed: 12 }), "{weak}");
    let mut vault = create(WORDS).unwrap();
    vault.set(&name("a"), &secret("value"), now()).unwrap();
    let header = fs::read(place.file("identity.age")).unwrap();
    let header = String::from_utf8_lossy(&header[..120]).into_owned();
    let stanza: Vec<&str> = header.lines().nth(1).unwrap().split(' ').collect();
    assert_eq!((stanza[1], stanza[3]), ("scrypt", "18"), "2^18 on every machine");
    let locked = place.open().err().unwrap();
    assert!(matches!(locked, VaultError::PassphraseNeeded) && locked.is_locked());
    let words = secret(WORDS);
    let unlock = Unlock { passphrase: Some(&words), ..Unlock::default() };
    assert_eq!(value(&Vault::open(&place.directory, &unlock).unwrap(), "a"), "value");
    let wrong = secret("correct horse battery stable");
    let unlock = Unlock { passphrase: Some(&wrong), ..Unlock::default() };
    let error = Vault::open(&place.directory, &unlock).err().unwrap();
    assert!(matches!(error, VaultError::WrongPassphrase(_)) && error.is_locked(), "{error}");
    // A file that would take 8 GiB is refused before any work.
    let bytes = fs::read(place.file("identity.age")).unwrap();
    let at = bytes.windows(4).position(|part| part == b" 18\n").unwrap();
    let mut slow = bytes.clone();
    slow[at + 1..at + 3].copy_from_slice(b"23");
    fs::write(place.file("identity.age"), &slow).unwrap();
    let error = Vault::open(&place.directory, &unlock).err().unwrap();
    assert!(matches!(error, VaultError::TooSlow { found: 23, allowed: 20, .. }), "{error}");
    // A damaged file is told from a wrong passphrase, wherever the damage is.
    for at in [at - 3, at + 10, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(place.file("identity.age"), &damaged).unwrap();
        let error = Vault::open(&place.directory, &unlock).err().unwrap();
        assert!(matches!(error, VaultError::Damaged { .. }), "{at}: {error}");
    }
}

#[test]
fn y2_moving_a_vault_is_moving_its_key() {
    let place = Place::new();
    let mut vault = place.vault();
    vault.set(&name("a"), &secret("value"), now()).unwrap();
    let sealed = fs::read(place.file("vault.age")).unwrap();
    vault.move_to(Holder::Passphrase(&secret(WORDS)), Desktop::default()).unwrap();
    assert_eq!(Vault::held_by(&place.directory).unwrap(), Some(HeldBy::Passphrase));
    assert!(!place.file("identity-ssh.age").exists(), "the old holder has it no longer");
    let words = secret(WORDS);
    let unlock = Unlock { passphrase: Some(&words), ..Unlock::default() };
    assert_eq!(value(&Vault::open(&place.directory, &unlock).unwrap(), "a"), "value");
    for which in ["rsa", "plain"] {
        let key = place.ssh_key(which);
        vault.move_to(Holder::Ssh(&key, None), Desktop::default()).unwrap();
        assert_eq!(value(&place.open().unwrap(), "a"), "value", "{which}");
        assert!(!place.file("identity.age").exists());
    }
    assert_eq!(fs::read(place.file("vault.age")).unwrap(), sealed, "not a byte of the vault has changed");
}

#[test]
fn v7_ssh_keys_with_a_passphrase_and_keys_that_cannot() {
    let place = Place::new();
    let (locked, ecdsa) = (place.ssh_key("locked"), place.ssh_key("ecdsa"));
    let create = |key: &Path, passphrase: Option<&SecretString>| {
        Vault::create(&place.directory, Holder::Ssh(key, passphrase), Desktop::default()).map(drop)
    };
    assert!(matches!(create(&ecdsa, None), Err(VaultError::SshKey { .. })));
    assert!(matches!(create(&place.file("none"), None), Err(VaultError::SshKey { .. })));
    assert!(matches!(create(&locked, None), Err(VaultError::PassphraseNeeded)));
    let wrong = secret("not the words");
    assert!(matches!(create(&locked, Some(&wrong)), Err(VaultError::WrongPassphrase(_))));
    let words = secret("the key has its own words");
    create(&locked, Some(&words)).unwrap();
    let unlock = Unlock { passphrase: Some(&words), ..Unlock::default() };
    assert!(Vault::open(&place.directory, &unlock).is_ok());
    assert!(matches!(place.open().err(), Some(VaultError::PassphraseNeeded)));
    fs::set_permissions(&locked, Permissions::from_mode(0o644)).unwrap();
    let error = Vault::open(&place.directory, &unlock).err().unwrap();
    assert!(error.to_string().ends_with(&format!("run: chmod 600 {}", locked.display())), "{error}");
}

#[test]
fn y5_two_vaults_have_two_names_in_a_keyring() {
    let (one, two) = (Place::new(), Place::new());
    drop((one.vault(), two.vault()));
    let names = [&one, &two].map(|place| Vault::keyring_name(&place.directory).unwrap().unwrap());
    assert_ne!(names[0], names[1]);
    for name in names {
        let (id, rest) = name.split_once('/').unwrap();
        assert!(
            rest == "identity" && id.len() == 16 && id.bytes().all(|b| b.is_ascii_alphanumeric()),
            "{name}"
        );
    }
}

#[test]
fn v11_a_new_key_and_a_recovery_key() {
    let place = Place::new();
    let mut vault = place.vault();
    vault.set(&name("a"), &secret("value"), now()).unwrap();
    let recovery: age::x25519::Identity = vault.add_recovery().unwrap().expose_secret().parse().unwrap();
    let before = fs::read(place.file("vault.age")).unwrap();
    let old_key = fs::read(place.file("identity-ssh.age")).unwrap();
    let key = place.ssh_key("plain");
    vault.rekey(Holder::Ssh(&key, None), Desktop::default()).unwrap();
    assert_eq!(value(&place.open().unwrap(), "a"), "value");
    assert_eq!(place.open().unwrap().recovery_keys().unwrap(), 1);
    let sealed = fs::read(place.file("vault.age")).unwrap();
    let plain = super::seal::open(&sealed, &recovery).unwrap();
    assert!(String::from_utf8_lossy(&plain).contains("\"value\":\"value\""));
    // The old key opens the old vault and not the new one.
    fs::write(place.file("identity-ssh.age"), &old_key).unwrap();
    assert!(matches!(place.open().err(), Some(VaultError::OtherKey { .. })));
    fs::write(place.file("vault.age"), &before).unwrap();
    assert!(place.open().is_ok());
}
