//! Secrets through roles, locks and the log.

use super::*;

fn set(name: &str, value: &str) -> Keep {
    Keep::SecretSet { name: name.to_owned(), value: Secret::new(value.to_owned()) }
}

/// What a request adds to the log.
fn events(home: &Home, keep: Keep, person: &mut Person) -> (Result<Kept, KeepError>, Vec<String>) {
    let before = home.log().len();
    let answer = home.of("default").carry_out(keep, person);
    (answer, home.log().split_off(before).into_iter().map(|row| row.action).collect())
}

#[test]
fn p5_every_action_is_one_row() {
    let home = Home::new();
    home.with_vault("default");
    // The first signature is preceded by a row that names its key.
    drop(events(&home, set("first", "value"), &mut nobody()));
    let rotate = Keep::SecretRotate { name: "a".to_owned(), value: Secret::new("other".to_owned()) };
    let cases = [
        (set("a", "value"), "secret_set"),
        (set("a", "value two"), "secret_set"),
        (rotate, "secret_rotated"),
        (Keep::SecretDelete { name: "a".to_owned() }, "secret_deleted"),
        (Keep::SecretMove { to: KeyHolder::Ssh(home.ssh_key()) }, "vault_changed"),
        (Keep::VaultRekey, "vault_changed"),
        (Keep::VaultRecovery, "vault_changed"),
        (create("bob"), "profile_created"),
        (role("bob", Role::Admin), "role_changed"),
        (Keep::ProfileDisable { name: "bob".to_owned(), disabled: true }, "profile_disabled"),
        (Keep::ProfileDisable { name: "bob".to_owned(), disabled: false }, "profile_enabled"),
        (Keep::ProfileRename { from: "bob".to_owned(), to: "rob".to_owned() }, "profile_renamed"),
        (delete("rob"), "profile_deleted"),
        (Keep::AuditList { actor: None, limit: 0, export: Some("/x.csv".to_owned()) }, "exported"),
        (Keep::Lock, "locked"),
        (Keep::Unlock, "unlocked"),
    ];
    for (keep, expected) in cases {
        let (answer, rows) = events(&home, keep.clone(), &mut nobody());
        assert!(answer.is_ok(), "{keep:?}: {answer:?}");
        assert_eq!(rows, [expected], "{keep:?}");
    }
    for keep in [
        Keep::SecretList,
        Keep::SecretTest { name: None },
        Keep::VaultStatus,
        Keep::ProfileList,
        Keep::AuditList { actor: None, limit: 0, export: None },
        Keep::AuditVerify,
    ] {
        assert_eq!(events(&home, keep, &mut nobody()).1, [] as [&str; 0], "looking is no action");
    }
    assert_eq!(home.report().fault, None);
    let text = fs::read(home.paths.data.join("install.db")).unwrap();
    assert!(!text.windows(9).any(|part| part == b"value two"), "no secret is in the log");
}

#[test]
fn v9_p5_a_passphrase_is_asked_for_once_and_failures_are_rows() {
    let home = Home::new();
    home.of("default").admit(false).unwrap();
    let (answer, _) = events(&home, set("a", "value"), &mut nobody());
    assert_eq!(answer.unwrap_err().code(), ("LOCKED", 7), "nobody is there to give a passphrase");
    let mut new = person(WORDS);
    let (answer, rows) = events(&home, set("a", "value"), &mut new);
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(rows, ["vault_changed", "secret_set", "anchor_key"]);
    assert_eq!(new.asked, [Wanted::NewPassphrase]);
    drop(events(&home, Keep::Lock, &mut nobody()));
    for keep in [Keep::SecretList, set("b", "value"), Keep::Passwd] {
        let error = home.refused("default", keep);
        assert_eq!(error.code(), ("PROFILE_LOCKED", 7), "{error}");
    }
    assert!(home.of("default").admit(true).is_ok(), "what stops trading works on a locked profile");
    let (answer, rows) = events(&home, Keep::Unlock, &mut person("not the right words"));
    assert_eq!(
        (answer.unwrap_err().code(), rows),
        (("WRONG_PASSPHRASE", 7), vec!["unlock_failed".to_owned()])
    );
    let (answer, rows) = events(&home, Keep::Unlock, &mut person(WORDS));
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(rows, ["unlocked"]);
    let mut again = person(WORDS);
    let (answer, rows) = events(&home, Keep::Passwd, &mut again);
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(rows, ["unlocked", "vault_changed"]);
    assert_eq!(again.asked, [Wanted::Passphrase, Wanted::NewPassphrase], "the old one is proved");
    // One that came with the command is looked at, whatever the kernel keeps: a wrong one is no slip to pass over.
    let mut wrong = Person { given: true, ..person("not the right words") };
    let (answer, rows) = events(&home, Keep::SecretList, &mut wrong);
    assert_eq!((answer.unwrap_err().code().0, wrong.asked), ("WRONG_PASSPHRASE", vec![Wanted::Passphrase]));
    assert_eq!(rows, ["unlock_failed"]);
    let mut right = Person { given: true, ..person(WORDS) };
    assert!(events(&home, Keep::SecretList, &mut right).0.is_ok());
}

#[test]
fn p2_what_touches_others_is_proved_by_the_own_vault() {
    let home = Home::new();
    home.with_vault("default");
    let key = home.ssh_key();
    home.done("default", create("alice"));
    fs::rename(&key, home.paths.data.join("elsewhere")).unwrap();
    for keep in [create("bob"), role("alice", Role::Admin), delete("alice")] {
        let error = home.refused("default", keep);
        assert!(matches!(error, KeepError::Vault(VaultError::SshKey { .. })), "{error}");
    }
}

#[test]
fn p6_the_log_is_anchored_by_a_key_of_the_vault() {
    let home = Home::new();
    home.with_vault("default");
    home.done("default", set("a", "value"));
    let report = home.report();
    assert_eq!((report.anchors, report.unanchored, report.fault), (1, 0, None), "the first change signs");
    // A signature that is none, in the file.
    let file = home.paths.data.join("audit-anchors");
    let line = fs::read_to_string(&file).unwrap();
    let forged = line.trim_end();
    let flipped = if forged.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{flipped}\n", &forged[..forged.len() - 1]);
    crate::config::files::write_private(&file, forged.as_bytes(), true).unwrap();
    let fault = home.report().fault.unwrap();
    assert_eq!(fault.text, "the anchor of row 3 is not signed by a key that the log names");
    crate::config::files::write_private(&file, line.as_bytes(), true).unwrap();
    assert_eq!(home.report().fault, None);
    // The file has what the database has lost.
    let connection = rusqlite::Connection::open(home.paths.data.join("install.db")).unwrap();
    connection
        .execute_batch(
            "DROP TRIGGER anchor_is_not_deleted; DROP TRIGGER audit_is_not_deleted; DELETE FROM anchor; \
             DELETE FROM audit WHERE seq > 2",
        )
        .unwrap();
    let fault = home.report().fault.unwrap();
    assert_eq!(fault.text, "rows 3 to 3 are missing: they were signed once");
}

#[test]
fn names_of_the_programs_own_keys_are_taken() {
    let home = Home::new();
    home.with_vault("default");
    for name in ["arbion.audit_key", "arbion.x"] {
        let error = home.refused("default", set(name, "value"));
        assert_eq!(error.code().1, 2, "{error}");
    }
    let mut wrong = home.of("default");
    wrong.environment.vault = Some("usb stick".to_owned());
    fs::remove_file(home.paths.profile_dir(&ProfileName::default()).join("vault.age")).unwrap();
    let error = wrong.carry_out(set("a", "value"), &mut nobody()).unwrap_err();
    assert_eq!(error.to_string(), "ARBION_VAULT: found 'usb stick', allowed auto, keyring, passphrase");
}

#[test]
fn v10_a_lock_forgets_the_vaults_key_whoever_asks_for_it() {
    let home = Home::new();
    home.with_vault("default");
    home.done("default", set("a", "value"));
    let recorder = home.of("default").recorder().unwrap();
    assert!(!recorder.holds_key(), "nobody has unlocked it");
    recorder.unlock("tests", None).unwrap();
    assert!(recorder.holds_key() && recorder.secret("a").is_ok());
    recorder.lock("tests").unwrap();
    assert!(!recorder.holds_key());
    assert!(recorder.secret("a").is_err(), "a locked profile gives nothing");
    // Another process locks it: the engine sees the file, and forgets as well.
    recorder.unlock("tests", None).unwrap();
    home.done("default", Keep::Lock);
    recorder.forget();
    assert!(!recorder.holds_key());
}
