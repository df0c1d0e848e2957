//! Files that are not as they were written, or not ours alone.

use super::*;

#[test]
fn v8_every_flipped_byte_is_an_error() {
    let place = Place::new();
    place.vault().set(&name("a"), &secret("value"), now()).unwrap();
    for file in ["vault.age", "identity-ssh.age"] {
        let path = place.file(file);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            let error =
                place.open().err().unwrap_or_else(|| panic!("{file}: byte {at} flipped, and it opens"));
            let told = matches!(error, VaultError::Damaged { .. } | VaultError::OtherKey { .. });
            assert!(told && !error.is_locked(), "{file} {at}: {error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
        fs::write(&path, &bytes).unwrap();
        assert!(place.open().is_ok());
    }
}

#[test]
fn v8_every_shorter_file_is_an_error() {
    let place = Place::new();
    place.vault().set(&name("a"), &secret("value"), now()).unwrap();
    let path = place.file("vault.age");
    let bytes = fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = place.open().err().unwrap_or_else(|| panic!("{length} bytes open"));
        assert!(matches!(error, VaultError::Damaged { .. }), "{length}: {error}");
    }
    let error = place.open().err().unwrap().to_string();
    assert!(
        error.ends_with(&format!("{}.bak is the copy of before the last change", path.display())),
        "{error}"
    );
    // The copy is what the message says.
    fs::rename(place.file("vault.age.bak"), &path).unwrap();
    assert!(place.open().unwrap().list().unwrap().is_empty());
}

fn put_back(place: &Place, record: &[u8]) {
    fs::write(place.file("vault.json"), record).unwrap();
    fs::set_permissions(place.file("vault.json"), Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn v8_what_else_a_vault_is_not() {
    let place = Place::new();
    drop(place.vault());
    let put = |file: &str, bytes: &[u8]| {
        fs::write(place.file(file), bytes).unwrap();
        fs::set_permissions(place.file(file), Permissions::from_mode(0o600)).unwrap();
        place.open().err().unwrap()
    };
    let record = fs::read(place.file("vault.json")).unwrap();
    assert!(matches!(put("vault.json", b"{}"), VaultError::Damaged { .. }));
    let newer = String::from_utf8(record.clone()).unwrap().replace("\"version\": 1", "\"version\": 2");
    let error = put("vault.json", newer.as_bytes());
    assert!(error.to_string().contains("version 2, this program knows 1"), "{error}");
    fs::remove_file(place.file("vault.json")).unwrap();
    assert!(matches!(place.open().err(), Some(VaultError::Damaged { .. })));
    let key = place.ssh_key("plain");
    let again = Vault::create(&place.directory, Holder::Ssh(&key, None), Desktop::default());
    assert!(matches!(again.err(), Some(VaultError::Exists(_))), "secrets are never written over");
    put_back(&place, &record);
    let large = put("vault.age", &vec![0; (16 << 20) + 1]);
    assert!(matches!(large, VaultError::TooLarge { .. }), "{large}");
    let wrong_kind = put("vault.age", b"not an age file");
    assert!(matches!(wrong_kind, VaultError::Damaged { .. }), "{wrong_kind}");
}

#[test]
fn v1_files_that_others_can_reach_are_refused_with_the_command() {
    let place = Place::new();
    drop(place.vault());
    for (path, modes, wanted) in [
        (place.file("vault.age"), [0o644, 0o620, 0o601], "600"),
        (place.file("vault.json"), [0o644, 0o620, 0o601], "600"),
        (place.file("identity-ssh.age"), [0o644, 0o620, 0o601], "600"),
        (place.directory.clone(), [0o755, 0o710, 0o701], "700"),
    ] {
        let mode = fs::metadata(&path).unwrap().permissions();
        for bits in modes {
            fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
            let error = place.open().err().unwrap();
            assert!(matches!(error, VaultError::Shared { .. }), "{error}");
            assert!(
                error.to_string().ends_with(&format!("run: chmod {wanted} {}", path.display())),
                "{error}"
            );
        }
        fs::set_permissions(&path, mode).unwrap();
        assert!(place.open().is_ok());
    }
}

#[test]
fn v1_files_of_another_user_are_refused_with_the_command() {
    let place = Place::new();
    drop(place.vault());
    // Only root can give a file away.
    if std::os::unix::fs::chown(place.file("vault.age"), Some(12_345), None).is_err() {
        return;
    }
    let error = place.open().err().unwrap();
    assert!(matches!(error, VaultError::Foreign { owner: 12_345, .. }), "{error}");
    assert!(error.to_string().contains("run: chown "), "{error}");
}

#[test]
fn v1_no_link_is_followed() {
    let place = Place::new();
    let mut vault = place.vault();
    for file in ["vault.age", "vault.json", "vault.lock"] {
        let (path, elsewhere) = (place.file(file), place.file("elsewhere"));
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let error = place.open().err().or_else(|| vault.set(&name("a"), &secret("value"), now()).err());
        assert!(matches!(error, Some(VaultError::NotPlain(_) | VaultError::Io { .. })), "{file}: {error:?}");
        fs::remove_file(&path).unwrap();
        fs::rename(&elsewhere, &path).unwrap();
    }
    assert!(vault.list().unwrap().is_empty());
}
