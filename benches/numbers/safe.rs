//! Opening a vault by each of its holders, and going through the audit log.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use arbion::domain::audit::{AuditAction, AuditEvent};
use arbion::domain::role::Role;
use arbion::store::Install;
use arbion::vault::{Desktop, Holder, SecretName, SecretStore, Unlock, Vault};
use jiff::Timestamp;
use secrecy::SecretString;

use super::measure::{best, millis, per_second, row};

const ROWS: u32 = 200_000;

pub fn run() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let now: Timestamp = "2026-11-26T15:00:00Z".parse().unwrap();
    let key = directory.path().join("ssh-key");
    std::fs::write(&key, include_bytes!("../../tests/fixtures/ssh/plain")).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut vault = Vault::create(directory.path(), Holder::Ssh(&key, None), Desktop::default()).unwrap();
    let value = SecretString::from("x".repeat(64));
    for n in 0..50 {
        let name: SecretName = format!("broker.key{n}").parse().unwrap();
        vault.set(&name, &value, now).unwrap();
    }
    let name: SecretName = "broker.key7".parse().unwrap();
    let time = best(|| drop(vault.get(&name).unwrap()));
    row("vault of 50 secrets: read by its X25519 key", millis(time), "20 ms");
    let time = best(|| {
        Vault::open(directory.path(), &Unlock::default()).unwrap().get(&name).unwrap();
    });
    row("  opened by an SSH key, and read", millis(time), "20 ms");
    let time = best(|| drop(vault.set(&name, &value, now).unwrap()));
    row("  one secret changed, synced", millis(time), "");
    let words = SecretString::from("correct horse battery staple".to_owned());
    vault.move_to(Holder::Passphrase(&words), Desktop::default()).unwrap();
    let unlock = Unlock { passphrase: Some(&words), ..Unlock::default() };
    let time = best(|| drop(Vault::open(directory.path(), &unlock).unwrap()));
    row("  opened by a passphrase (scrypt 2^18)", millis(time), "1500 ms");

    let mut install = Install::open(directory.path(), now).unwrap();
    let event = |n: u32| AuditEvent {
        at: now,
        actor: "default".to_owned(),
        role: Role::Superadmin,
        origin: "tty /dev/pts/3".to_owned(),
        action: AuditAction::OrderConfirmed,
        object: format!("order {n}"),
        result: "filled".to_owned(),
    };
    let start = Instant::now();
    for commit in 0..ROWS / 10_000 {
        let events: Vec<AuditEvent> = (0..10_000).map(|n| event(commit * 10_000 + n)).collect();
        install.record(&events).unwrap();
    }
    row("audit: rows written, 10,000 a commit", per_second(ROWS, start.elapsed()), "");
    let time = best(|| assert_eq!(install.verify(&[]).unwrap().0.rows, u64::from(ROWS)));
    row("audit: rows verified", per_second(ROWS, time), "100,000 /s");
}
