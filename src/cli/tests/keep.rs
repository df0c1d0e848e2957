//! Profiles, secrets and the log on the command line: what is shown, and where secrets come from.

use std::os::unix::fs::PermissionsExt;

use super::World;
use crate::cli::error::CliError;
use crate::client::keeping::Keep;
use crate::client::secret::Secret;

#[test]
fn y4_what_is_kept_is_shown() {
    let world = World::new();
    let commands: &[&[&str]] = &[
        &["profile", "create", "alice"],
        &["profile", "list"],
        &["profile", "show"],
        &["profile", "rename", "alice", "bob"],
        &["profile", "delete", "bob"],
        &["profile", "delete", "bob", "--yes"],
        &["profile", "role", "bob", "admin"],
        &["profile", "role", "bob", "root"],
        &["profile", "lock"],
        &["secret", "list"],
        &["secret", "move", "keyring"],
        &["secret", "move", "ssh"],
        &["secret", "set", "brokers.alpaca.secret"],
        &["vault", "status"],
        &["vault", "recovery"],
        &["audit", "list"],
        &["audit", "verify"],
    ];
    for args in commands {
        let json: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let text = format!("{}\n{}", world.transcript(args), world.transcript(&json));
        insta::assert_snapshot!(format!("keep-{}", args.join("-").replace("--", "")), text);
    }
}

#[test]
fn m4_secrets_come_by_prompt_input_or_descriptor_and_never_as_arguments() {
    let mut world = World::new();
    world.typed = "PKTEST0123456789\n".to_owned();
    let set = |world: &World, args: &[&str]| {
        world.host.kept.lock().unwrap().clear();
        let ran = world.run(&[&["secret", "set", "a"], args].concat());
        let kept = world.host.kept.lock().unwrap().pop();
        (ran, kept.map(|(keep, _)| keep))
    };
    let expected =
        |value: &str| Keep::SecretSet { name: "a".to_owned(), value: Secret::new(value.to_owned()) };
    assert_eq!(set(&world, &["--stdin"]).1, Some(expected("PKTEST0123456789")));
    // A key in PEM form keeps its lines, but the last end.
    world.typed = "-----BEGIN\nx\n-----END\n".to_owned();
    assert_eq!(set(&world, &["--stdin"]).1, Some(expected("-----BEGIN\nx\n-----END")));
    let (ran, kept) = set(&world, &[]);
    assert_eq!((ran.exit, kept), (2, None), "without a terminal it must be said where from");
    assert!(ran.err.contains("--stdin or --fd"), "{}", ran.err);
    assert_eq!(set(&world, &["--fd", "987"]).0.exit, 2);
    assert_eq!(set(&world, &["PKTEST0123456789"]).0.exit, 2, "no argument takes a value");
    world.typed = "x".repeat(70_000);
    assert_eq!(set(&world, &["--stdin"]).0.exit, 2);
    world.can_ask = true;
    world.typed = "PKTEST0123456789\ncorrect horse battery\ncorrect horse battery\n".to_owned();
    let (ran, kept) = set(&world, &[]);
    assert_eq!(kept, Some(expected("PKTEST0123456789")));
    assert_eq!(
        ran.err,
        "value of a: It opens the vault that keeps this profile's keys, and nobody can restore it.\n\
         new passphrase, 12 characters or more: the same again: "
    );
    // A slip is asked about again: the value before it need not be typed anew.
    world.typed = "PKTEST0123456789\n\nshort\ncorrect horse battery\ncorrect horse battery\n".to_owned();
    let (ran, kept) = set(&world, &[]);
    assert_eq!(kept, Some(expected("PKTEST0123456789")));
    for why in ["no passphrase was given\n", "shorter than 12 characters\n"] {
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    world.typed = format!("PKTEST0123456789\n{}", "correct horse battery\nanother one of them\n".repeat(3));
    let ran = set(&world, &[]).0;
    assert!(ran.exit == 2 && ran.err.contains("differ; nothing was changed"), "{}", ran.err);
}

#[test]
fn m4_passphrases_come_from_private_files() {
    let mut world = World::new();
    let file = world.home.path().join("words");
    std::fs::write(&file, "from the file\nsecond line\n").unwrap();
    let unlock = |world: &World, args: &[&str]| {
        world.host.kept.lock().unwrap().clear();
        let ran = world.run(&[&["profile", "unlock"], args].concat());
        (ran, world.host.kept.lock().unwrap().pop().and_then(|(_, given)| given))
    };
    let path = file.to_str().unwrap().to_owned();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = unlock(&world, &["--passphrase-file", &path]).0;
    assert!(ran.exit == 2 && ran.err.contains("run: chmod 600 /temp/words"), "{}", ran.err);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let from_file = Some(Secret::new("from the file".to_owned()));
    assert_eq!(unlock(&world, &["--passphrase-file", &path]).1, from_file);
    world.environment.passphrase_file = Some(path.into());
    assert_eq!(unlock(&world, &[]).1, from_file);
    // A systemd credential, where nothing else is named.
    world.environment.passphrase_file = None;
    std::fs::rename(&file, world.home.path().join("arbion-passphrase")).unwrap();
    world.environment.credentials = Some(world.home.path().into());
    assert_eq!(unlock(&world, &[]).1, from_file);
    world.environment.credentials = None;
    assert_eq!(unlock(&world, &[]).1, None, "nobody is there to ask");
    assert_eq!(world.run(&["profile", "unlock", "--passphrase", "x"]).exit, 2, "there is no such option");
}

#[test]
fn a_profile_that_must_not_be_used_is_refused_but_halts() {
    let world = World::new();
    *world.host.admission.lock().unwrap() =
        Some(CliError::new("PROFILE_LOCKED", 7, "profile default is locked"));
    for args in [&["positions"] as &[&str], &["order", "list"], &["do", "buy 1 aapl"], &["backup"]] {
        assert_eq!(world.run(args).exit, 7, "{args:?}");
    }
    assert!(world.host.session.orders_asked().is_empty());
    assert_eq!(world.run(&["halt"]).exit, 0);
}

#[test]
fn v5_an_exported_log_is_private_and_holds_no_formula() {
    let world = World::new();
    let file = world.home.path().join("audit.csv");
    let to = file.to_str().unwrap();
    assert_eq!(world.run(&["audit", "export", "--to", to]).exit, 0);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(",'=00c0ffee00c0ffee default,"), "{text}");
    let asked = world.host.kept.lock().unwrap().len();
    assert_eq!(world.run(&["audit", "export", "--to", to]).exit, 2, "it is there");
    assert_eq!(world.host.kept.lock().unwrap().len(), asked, "and nothing was written into the log");
    assert_eq!(world.run(&["audit", "export", "--to", to, "--force", "--format", "json"]).exit, 0);
    let rows: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
}
