//! Accounts at brokers on the command line: tested before anything is kept, no key in an argument, and the word between a person and real
//! money.

use super::World;
use crate::client::Request;
use crate::client::keeping::Keep;
use crate::client::secret::Secret;
use crate::domain::account::AccountMode;

const KEYS: &str = r#"{"key_id": "PKTEST", "secret_key": "hunter2hunter2"}"#;

#[test]
fn accounts_are_shown_as_they_are_connected() {
    let mut world = World::new();
    world.typed = KEYS.to_owned();
    let commands: &[&[&str]] = &[
        &["connect", "alpaca", "--stdin"],
        &["connect", "alpaca"],
        &["connect", "etrad", "--stdin"],
        &["verify", "alpaca"],
        &["disconnect", "alpaca"],
        &["disconnect", "alpaca", "--yes"],
        &["mode", "paper"],
        &["mode", "live"],
        &["mode", "live", "--confirm", "live"],
        &["mode", "live", "--confirm", "LIVE"],
    ];
    for args in commands {
        let json: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let text = format!("{}\n{}", world.transcript(args), world.transcript(&json));
        insta::assert_snapshot!(format!("connect-{}", args.join("-").replace("--", "")), text);
    }
}

#[test]
fn nothing_is_kept_of_a_login_that_the_broker_does_not_accept() {
    let mut world = World::new();
    for (typed, exit, said) in [
        (r#"{"key_id": "PKTEST", "secret_key": "wrong"}"#, 5, "does not accept the login"),
        (r#"{"key_id": "PKTEST"}"#, 2, "secret_key is missing"),
        (r#"{"key_id": "PKTEST", "secret": "x"}"#, 2, "found secret, allowed key_id, secret_key"),
        ("PKTEST", 2, "a JSON object of strings"),
    ] {
        world.typed = typed.to_owned();
        let ran = world.run(&["connect", "alpaca", "--stdin"]);
        assert_eq!(ran.exit, exit, "{typed}: {}", ran.err);
        assert!(ran.err.contains(said), "{typed}: {}", ran.err);
        assert!(world.host.kept.lock().unwrap().is_empty(), "{typed}");
        assert!(world.host.session.asked.lock().unwrap().is_empty(), "{typed}");
    }
    world.typed = KEYS.to_owned();
    assert_eq!(world.run(&["connect", "alpaca", "--stdin"]).exit, 0);
    let kept = world.host.kept.lock().unwrap().pop();
    assert!(matches!(kept, Some((Keep::SecretSet { name, .. }, _)) if name == "broker.alpaca.paper"));
    let asked = world.host.session.asked.lock().unwrap().pop();
    assert!(matches!(asked, Some(Request::Connect { logins }) if logins.len() == 1));
}

/// Where the kernel keeps no keys, an engine that runs would wait for a passphrase that was typed a moment ago.
#[test]
fn the_engine_is_told_the_passphrase_that_was_given() {
    let mut world = World::new();
    world.typed = KEYS.to_owned();
    let file = world.home.path().join("words");
    std::fs::write(&file, "correct horse battery staple\n").unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let ran = world.run(&["connect", "alpaca", "--stdin", "--new-passphrase-file", file.to_str().unwrap()]);
    assert_eq!(ran.exit, 0, "{}", ran.err);
    let asked = std::mem::take(&mut *world.host.session.asked.lock().unwrap());
    let [Request::Unlock { passphrase: Some(given) }, Request::Connect { .. }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(*given, Secret::new("correct horse battery staple".to_owned()));
    assert!(!ran.err.contains("battery") && !ran.out.contains("battery"));
    // Nobody was asked: there is nothing to tell.
    assert_eq!(world.run(&["connect", "alpaca", "--stdin"]).exit, 0);
    let asked = std::mem::take(&mut *world.host.session.asked.lock().unwrap());
    assert!(matches!(asked.as_slice(), [Request::Connect { .. }]), "{asked:?}");
}

#[test]
fn real_money_wants_its_word() {
    let mut world = World::new();
    world.can_ask = true;
    for (typed, exit) in [("LIVE\n", 0), ("live\n", 2), ("\n", 2), ("yes\n", 2)] {
        world.typed = typed.to_owned();
        world.host.session.asked.lock().unwrap().clear();
        let ran = world.run(&["mode", "live"]);
        assert_eq!(ran.exit, exit, "{typed}: {}", ran.err);
        let asked = world.host.session.asked.lock().unwrap().pop();
        let expected =
            (exit == 0).then_some(Request::Mode { mode: AccountMode::Live, account: None, confirmed: true });
        assert_eq!(asked, expected, "{typed}");
    }
}
