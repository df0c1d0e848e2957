//! Several writers, writers that crash, writers that wait.

use std::process::{Child, Command};
use std::time::Duration;

use super::*;

/// Secrets that each writer sets.
const UPDATES: usize = 60;

fn writer(place: &Place, which: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "vault::tests::writers::child_writes", "--ignored", "--nocapture"])
        .env("ARBION_TEST_VAULT", &place.directory)
        .env("ARBION_TEST_WRITER", which)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn v3_two_processes_lose_no_change() {
    let place = Place::new();
    drop(place.vault());
    let children = ["one", "two"].map(|which| writer(&place, which));
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(place.open().unwrap().list().unwrap().len(), 2 * UPDATES);
}

#[test]
#[ignore = "the body of a child process, which the test above starts"]
fn child_writes() {
    let read = |variable: &str| std::env::var_os(variable).unwrap().into_string().unwrap();
    let mut vault = Vault::open(Path::new(&read("ARBION_TEST_VAULT")), &Unlock::default()).unwrap();
    for n in 0..UPDATES {
        vault.set(&name(&format!("{}.{n}", read("ARBION_TEST_WRITER"))), &secret("value"), now()).unwrap();
    }
}

#[test]
fn v3_a_writer_that_does_not_end_is_named() {
    let place = Place::new();
    drop(place.vault());
    let _held = Lock::acquire(&place.directory).unwrap();
    let error = Lock::acquire_within(&place.directory, Duration::from_millis(20)).unwrap_err();
    let holder = format!("process {}", std::process::id());
    assert!(matches!(&error, VaultError::Busy { holder: found } if *found == holder), "{error}");
    assert!(error.is_locked());
}

/// A refresh waits for another process's, and holds up no writer of the vault meanwhile.
#[test]
fn n6_who_refreshes_a_sign_in_has_the_turn_alone() {
    let place = Place::new();
    let mut vault = place.vault();
    let held = SignInTurn::wait(&place.directory).unwrap();
    let error = SignInTurn::wait_within(&place.directory, Duration::from_millis(20)).unwrap_err();
    let holder = format!("process {}", std::process::id());
    assert!(matches!(&error, VaultError::Refreshing { holder: found } if *found == holder), "{error}");
    vault.set(&name("a"), &secret("value"), now()).unwrap();
    drop(held);
    SignInTurn::wait_within(&place.directory, Duration::from_secs(5)).unwrap();
}

#[test]
fn v3_a_writer_waits_for_another_that_ends() {
    let place = Place::new();
    let mut vault = place.vault();
    let held = Lock::acquire(&place.directory).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || vault.set(&name("a"), &secret("value"), now()));
        drop(held);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(value(&place.open().unwrap(), "a"), "value");
}

#[test]
fn v2_what_a_crashed_writer_left_is_swept() {
    let place = Place::new();
    let mut vault = place.vault();
    let left = place.file(".vault-00000000000000aa.tmp");
    fs::write(&left, "half").unwrap();
    vault.set(&name("a"), &secret("value"), now()).unwrap();
    assert!(!left.exists());
}

#[test]
fn v2_a_write_that_fails_leaves_the_old_vault() {
    let place = Place::new();
    let mut vault = place.vault();
    vault.set(&name("a"), &secret("old"), now()).unwrap();
    let before = fs::read(place.file("vault.age")).unwrap();
    // A directory in the copy's place: it can be neither removed nor linked over.
    fs::remove_file(place.file("vault.age.bak")).unwrap();
    fs::create_dir(place.file("vault.age.bak")).unwrap();
    let error = vault.set(&name("a"), &secret("new"), now()).unwrap_err();
    assert!(matches!(error, VaultError::Io { .. }), "{error}");
    assert_eq!(fs::read(place.file("vault.age")).unwrap(), before);
    let left = fs::read_dir(&place.directory)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".vault-"));
    assert_eq!(left.count(), 0);
    assert!(files::backup(&place.file("vault.age")).is_dir());
}
