//! Who is whom, and who may do what.

use super::*;

#[test]
fn p1_the_first_profile_is_superadmin_and_later_ones_are_standard() {
    let home = Home::new();
    assert!(profiles(&home, "default").is_empty());
    home.of("default").admit(false).unwrap();
    home.done("default", create("alice"));
    let roles: Vec<_> = profiles(&home, "default").into_iter().map(|view| (view.name, view.role)).collect();
    assert_eq!(roles, [("alice".to_owned(), Role::Standard), ("default".to_owned(), Role::Superadmin)]);
    for view in profiles(&home, "default") {
        assert_eq!(fs::metadata(&view.directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(view.directory.join("id").exists());
    }
    assert!(home.paths.database(&"alice".parse().unwrap()).exists());
    // The first may have any name.
    let other = Home::new();
    other.done("default", create("zoe"));
    assert_eq!(profiles(&other, "zoe")[0].role, Role::Superadmin);
    assert_eq!(home.refused("default", create("alice")).code(), ("USAGE", 2));
    let unknown = home.of("eve").admit(false).unwrap_err();
    assert!(matches!(&unknown, KeepError::Unknown { .. }), "{unknown}");
    assert!(unknown.to_string().contains("there are alice, default"), "{unknown}");
    assert!(!home.paths.profile_dir(&"eve".parse().unwrap()).exists(), "a slip of the pen makes no profile");
}

#[test]
fn p1_twenty_first_starts_make_one_superadmin() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for n in 0..20 {
            let home = &home;
            scope.spawn(move || home.of(if n % 2 == 0 { "default" } else { "second" }).admit(false).ok());
        }
    });
    let install = Install::open(&home.paths.data, now()).unwrap();
    let rows = install.profiles().unwrap();
    assert_eq!(rows.iter().filter(|row| row.role == Role::Superadmin).count(), 1, "{rows:?}");
    assert_eq!(home.log().iter().filter(|row| row.action == "profile_created").count(), rows.len());
}

#[test]
fn p1_every_request_as_every_role() {
    for asker in Role::ALL {
        let home = Home::new();
        home.of("default").admit(false).unwrap();
        for name in ["asker", "other", "spare"] {
            home.done("default", create(name));
        }
        home.done("default", role("spare", Role::Superadmin));
        home.done("default", role("asker", asker));
        let other = || "other".to_owned();
        let requests = [
            (create("new"), Role::Superadmin),
            (Keep::ProfileList, Role::Standard),
            (Keep::ProfileShow { name: None }, Role::Standard),
            (Keep::ProfileShow { name: Some(other()) }, Role::Admin),
            (Keep::ProfileDisable { name: other(), disabled: true }, Role::Superadmin),
            (Keep::ProfileDisable { name: other(), disabled: false }, Role::Superadmin),
            (role("other", Role::Admin), Role::Superadmin),
            (Keep::ProfileRename { from: other(), to: "renamed".to_owned() }, Role::Superadmin),
            (delete(if asker == Role::Superadmin { "renamed" } else { "other" }), Role::Superadmin),
            (Keep::AuditList { actor: None, limit: 0, export: None }, Role::Standard),
            (Keep::AuditList { actor: Some("default".to_owned()), limit: 0, export: None }, Role::Admin),
            (Keep::AuditVerify, Role::Standard),
            (Keep::SecretList, Role::Standard),
            (Keep::VaultStatus, Role::Standard),
            (role("asker", Role::Superadmin), Role::Superadmin),
            (Keep::Lock, Role::Standard),
            (Keep::Unlock, Role::Standard),
        ];
        for (request, least) in requests {
            let before = home.log();
            let answer = home.of("asker").carry_out(request.clone(), &mut nobody());
            let new = home.log().split_off(before.len());
            assert_eq!(answer.is_ok(), asker >= least, "{asker} {request:?}: {answer:?}");
            if let Err(error) = answer {
                assert_eq!(error.code(), ("NOT_ALLOWED", 5), "{error}");
                assert_eq!(new.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["refused"]);
            }
        }
        // Who may not see the log of others sees the own rows.
        let Ok(Kept::Audit(rows)) = home
            .of("asker")
            .carry_out(Keep::AuditList { actor: None, limit: 0, export: None }, &mut nobody())
        else {
            panic!("no rows")
        };
        assert_eq!(rows.iter().all(|row| row.actor == "asker"), asker == Role::Standard, "{asker}");
        assert_eq!(home.report().fault, None);
    }
}

#[test]
fn p1_the_last_superadmin_stays() {
    let home = Home::new();
    home.of("default").admit(false).unwrap();
    home.done("default", create("alice"));
    for keep in [role("default", Role::Admin), role("default", Role::Standard), delete("default")] {
        assert!(matches!(home.refused("default", keep), KeepError::LastSuperadmin(_)));
    }
    home.done("default", role("alice", Role::Superadmin));
    home.done("alice", Keep::ProfileDisable { name: "default".to_owned(), disabled: true });
    // A superadmin that may not be used is none.
    assert!(matches!(home.refused("alice", role("alice", Role::Admin)), KeepError::LastSuperadmin(_)));
    assert_eq!(home.of("default").admit(false).unwrap_err().code(), ("NOT_ALLOWED", 5));
    assert!(matches!(home.refused("default", create("more")), KeepError::Disabled(_)));
    home.done("alice", Keep::ProfileDisable { name: "default".to_owned(), disabled: false });
    home.done("alice", role("alice", Role::Standard));
}

#[test]
fn p2_roles_changed_by_hand_are_nobodys() {
    let home = Home::new();
    home.of("default").admit(false).unwrap();
    home.done("default", create("mallory"));
    let database = home.paths.data.join("install.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute_batch("UPDATE profile SET role = 'superadmin' WHERE name = 'mallory'").unwrap();
    for who in ["mallory", "default"] {
        let error = home.refused(who, create("more"));
        assert!(matches!(error, KeepError::Untrusted(_)), "{error}");
        assert_eq!(error.code(), ("NOT_ALLOWED", 5));
    }
    let fault = home.report().fault.unwrap();
    assert_eq!(fault.text, "profile mallory is not as the log says; another hand has changed it");
    // Trading goes on: that needs no role.
    home.of("default").admit(false).unwrap();
}

#[test]
fn p1_renaming_and_removing() {
    let home = Home::new();
    home.of("default").admit(false).unwrap();
    home.done("default", create("alice"));
    home.with_vault("alice");
    let of = |name: &str| home.paths.profile_dir(&name.parse().unwrap());
    let overlay = home.paths.profile_config(&"alice".parse().unwrap());
    crate::config::files::private_directory(overlay.parent().unwrap()).unwrap();
    crate::config::files::write_private(&overlay, b"[risk]\n", false).unwrap();
    home.done("alice", Keep::ProfileRename { from: "alice".to_owned(), to: "alicia".to_owned() });
    assert!(!of("alice").exists() && of("alicia").join("vault.age").exists());
    assert!(home.paths.profile_config(&"alicia".parse().unwrap()).exists() && !overlay.exists());
    home.of("alicia").admit(false).unwrap();
    // A crash between the directory and the row, or a hand: the id tells.
    fs::rename(of("alicia"), of("alina")).unwrap();
    home.of("alina").admit(false).unwrap();
    assert!(profiles(&home, "default").iter().any(|view| view.name == "alina"));
    assert_eq!(home.report().fault, None);
    // A copy is no profile.
    std::process::Command::new("cp").arg("-a").args([of("alina"), of("copy")]).status().unwrap();
    let copied = home.of("copy").admit(false).unwrap_err();
    assert!(matches!(copied, KeepError::Copied { .. }), "{copied}");
    // In use: by its engine, which holds the lock.
    let running = crate::store::lock::Holder::this_process("arbion", false);
    let lock = crate::store::lock::ProfileLock::acquire(&of("alina"), &running).unwrap();
    let error = home.refused("default", delete("alina"));
    assert_eq!(error.code(), ("IN_USE", 7), "{error}");
    drop(lock);
    let text = home.done("default", delete("alina"));
    let aside = fs::read_dir(home.paths.data.join("removed")).unwrap().next().unwrap().unwrap().path();
    assert!(text.ends_with(&aside.display().to_string()), "{text}");
    assert!(aside.join("arbion.db").exists() && !aside.join("vault.age").exists() && !of("alina").exists());
}

#[test]
fn p1_profiles_of_an_older_program_are_taken_over() {
    let home = Home::new();
    for name in ["alice", "default"] {
        let name: ProfileName = name.parse().unwrap();
        home.paths.prepare(&name).unwrap();
        crate::store::Store::open(&home.paths.profile_dir(&name), now()).unwrap().close().unwrap();
    }
    home.of("alice").admit(false).unwrap();
    let roles: Vec<_> = profiles(&home, "default").into_iter().map(|view| view.role).collect();
    assert_eq!(roles, [Role::Standard, Role::Superadmin], "the default one is the first");
}

#[test]
fn v1_directories_that_others_can_reach_are_refused_with_the_command() {
    let home = Home::new();
    home.of("default").admit(false).unwrap();
    fs::set_permissions(&home.paths.data, Permissions::from_mode(0o755)).unwrap();
    let error = home.refused("default", create("alice"));
    assert!(error.to_string().ends_with(&format!("run: chmod 700 {}", home.paths.data.display())), "{error}");
    fs::set_permissions(&home.paths.data, Permissions::from_mode(0o700)).unwrap();
    let directory = home.paths.profile_dir(&ProfileName::default());
    if std::os::unix::fs::chown(&home.paths.data, Some(12_345), None).is_ok() {
        let error = home.refused("default", create("alice"));
        assert!(error.to_string().contains("belongs to user 12345"), "{error}");
        std::os::unix::fs::chown(&home.paths.data, Some(0), None).unwrap();
    }
    fs::set_permissions(directory.join("id"), Permissions::from_mode(0o644)).unwrap();
    let error =
        home.refused("default", Keep::ProfileRename { from: "default".to_owned(), to: "me".to_owned() });
    assert!(error.to_string().contains("run: chmod 600"), "{error}");
}

#[test]
fn names_are_safe_wherever_they_come_from() {
    let home = Home::new();
    home.of("default").admit(false).unwrap();
    for bad in ["../x", "a/b", ".", "..", "", "a.b", "\u{430}lice", "Alice", "a\u{1b}[2J", &"a".repeat(300)] {
        let error = home.refused("default", create(bad));
        assert_eq!(error.code(), ("CONFIG", 2), "{error}");
        assert!(error.to_string().is_ascii() && error.to_string().len() < 300, "{error}");
    }
    assert_eq!(fs::read_dir(home.paths.data.join("profiles")).unwrap().count(), 1);
}
