use secrecy::ExposeSecret;

use super::super::callback::Callback;
use super::super::lockout::Lockout;
use super::super::qr::{Blocks, half_blocks};
use super::super::state::{Bound, States};
use super::super::tokens::{Granted, Stage, Tokens};
use super::super::{OauthError, RedirectUri, paste, plain_words};
use super::{at, binding};

const BOUND: Bound<'static> =
    Bound { broker: "schwab", profile: "alice", redirect_uri: "https://127.0.0.1:8182" };

#[test]
fn o2_a_state_is_good_once_and_for_what_it_was_made_for() {
    let states = States::new().unwrap();
    let begin = || states.begin(at(0), BOUND, Some("v".repeat(64).into())).unwrap();
    let state = begin();
    assert_eq!(state.len(), 54, "40 bytes");
    let refused = |bound: Bound<'_>, now, state: &str| {
        let error = states.take(now, bound, state).unwrap_err();
        assert!(matches!(error, OauthError::State { .. }), "{error}");
    };
    refused(Bound { broker: "coinbase", ..BOUND }, at(1), &state);
    refused(Bound { profile: "bob", ..BOUND }, at(1), &state);
    refused(Bound { redirect_uri: "https://127.0.0.1:8182/", ..BOUND }, at(1), &state);
    // Every character counts.
    for index in 0..state.len() - 1 {
        let mut changed = state.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        refused(BOUND, at(1), std::str::from_utf8(&changed).unwrap());
    }
    for odd in ["", "x", &state[1..], &format!("{state}A"), "=&?", &"A".repeat(54)] {
        refused(BOUND, at(1), odd);
    }
    let verifier = states.take(at(300), BOUND, &state).unwrap().unwrap();
    assert_eq!(verifier.expose_secret().len(), 64);
    refused(BOUND, at(300), &state);
    let late = begin();
    refused(BOUND, at(301), &late);
    refused(BOUND, at(10), &late);
    // Another engine has another key.
    let foreign = States::new().unwrap().begin(at(0), BOUND, None).unwrap();
    refused(BOUND, at(1), &foreign);
    assert!(!format!("{states:?}").contains("key"));
}

#[test]
fn o2_there_is_a_limit_to_sign_ins_under_way() {
    let states = States::new().unwrap();
    let first = states.begin(at(0), BOUND, None).unwrap();
    let rest: Vec<String> = (1..=16).map(|n| states.begin(at(n), BOUND, None).unwrap()).collect();
    assert!(states.take(at(20), BOUND, &first).is_err(), "the oldest was given up");
    assert!(rest.iter().all(|state| states.take(at(20), BOUND, state).is_ok()));
}

#[test]
fn o4_redirect_uris_go_to_this_machine_alone() {
    for (text, host, path, encrypted) in [
        ("https://127.0.0.1:8182", "127.0.0.1:8182", "/", true),
        ("https://127.0.0.1", "127.0.0.1", "/", true),
        ("http://127.0.0.1:80/cb", "127.0.0.1", "/cb", false),
        ("http://[::1]:7000/oauth/cb", "[::1]:7000", "/oauth/cb", false),
    ] {
        let uri = RedirectUri::parse(text).unwrap();
        assert_eq!((uri.as_str(), uri.host().as_str(), uri.path()), (text, host, path));
        assert_eq!(uri.is_encrypted(), encrypted);
    }
    let any = RedirectUri::parse("http://127.0.0.1:0/cb").unwrap();
    assert_eq!(any.on_port(4711).as_str(), "http://127.0.0.1:4711/cb");
    for bad in [
        "https://localhost:8182",
        "http://0.0.0.0:8182",
        "https://10.0.0.1:8182",
        "https://127.0.0.1.evil.example",
        "https://127.0.0.2:8182",
        "https://user@127.0.0.1:8182",
        "https://127.0.0.1:8182?x=1",
        "https://127.0.0.1:8182#x",
        "ftp://127.0.0.1:21",
        "127.0.0.1:8182",
        "https://127.0.0.1:8182/\u{1b}[31m",
        "",
    ] {
        let error = RedirectUri::parse(bad).unwrap_err();
        assert!(matches!(error, OauthError::Redirect { .. }), "{bad}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

#[test]
fn o5_three_failures_lock_for_five_minutes_and_a_restart_does_not_open() {
    let mut lockout = Lockout::default();
    assert!(!lockout.failed(at(0)) && !lockout.failed(at(100)));
    assert!(lockout.check("schwab", at(100)).is_ok());
    // The first one does not count any more.
    assert!(!lockout.failed(at(300)));
    assert!(lockout.failed(at(301)));
    assert_eq!(
        lockout.check("schwab", at(302)).unwrap_err().to_string(),
        "sign-ins with schwab are locked for another 299 s after three failures"
    );
    let kept = serde_json::to_string(&lockout).unwrap();
    let again: Lockout = serde_json::from_str(&kept).unwrap();
    assert_eq!(again, lockout);
    assert!(again.check("schwab", at(600)).is_err() && again.check("schwab", at(601)).is_ok());
    // A clock that was set back by a day does not lock for a day.
    assert!(again.check("schwab", at(-86_400)).is_ok());
    lockout.succeeded();
    assert!(!lockout.failed(at(302)) && !lockout.failed(at(302)) && lockout.failed(at(302)));
}

#[test]
fn o6_what_is_pasted_is_an_address_of_ours_or_a_code() {
    let redirect = RedirectUri::parse("https://127.0.0.1:8182").unwrap();
    let read = |text: &str| paste::read(text, &redirect, "own");
    for (text, code, state) in [
        ("https://127.0.0.1:8182/?code=C0.a.b%40&session=1&state=s", "C0.a.b@", Some("s")),
        (" https://127.0.0.1:8182?code=C0.a.b%40&state=s#x\n", "C0.a.b@", Some("s")),
        ("https://127.0.0.1:8182/?code=C0.a.b%40", "C0.a.b@", None),
        ("C0.abc.def%40", "C0.abc.def@", Some("own")),
        ("C0.abc.def@", "C0.abc.def@", Some("own")),
        ("\"C0.abc.def@\"", "C0.abc.def@", Some("own")),
        ("code=C0.abc%40&session=1", "C0.abc@", Some("own")),
        ("code=C0.abc%40&state=theirs", "C0.abc@", Some("theirs")),
    ] {
        let found = read(text).unwrap();
        assert_eq!(found.code.as_ref().unwrap().expose_secret(), code, "{text}");
        assert_eq!(found.state.as_deref(), state, "{text}");
        assert!(!format!("{found:?}").contains("C0"), "{found:?}");
    }
    assert_eq!(
        read("https://127.0.0.1:8182/?error=access_denied").unwrap().error.as_deref(),
        Some("access_denied")
    );
    for bad in [
        "",
        "abc",
        "https://127.0.0.1:8182/",
        "https://127.0.0.1:8183/?code=C0.abc&state=s",
        "https://127.0.0.1:8182.evil.example/?code=C0.abc",
        "https://evil.example/?code=C0.abc&state=s",
        "http://127.0.0.1:8182/?code=C0.abc",
        "two words",
        "state=only",
        &"x".repeat(9_000),
    ] {
        let error = read(bad).unwrap_err();
        assert!(matches!(error, OauthError::Pasted { .. }), "{bad}");
        assert!(!error.to_string().contains("C0"), "{error}");
    }
}

#[test]
fn o4_a_query_is_read_once_and_without_tricks() {
    assert!(Callback::from_query("code=a&code=b&state=s").is_none(), "RFC 6749: once");
    assert!(Callback::from_query("state=s").is_none());
    assert!(Callback::from_query(&format!("code={}", "x".repeat(5_000))).is_none());
    let found = Callback::from_query("error=access_denied&error_description=%1b%5b31mno").unwrap();
    assert_eq!(found.description.as_deref(), Some("no"));
    // Decoded once: what is encoded twice stays encoded once.
    let found = Callback::from_query("code=C0%2540").unwrap();
    assert_eq!(found.code.unwrap().expose_secret(), "C0%40");
}

fn tokens(given: i64, life: i64) -> Tokens {
    Tokens {
        binding: binding(),
        access: "A".into(),
        given_at: at(given),
        access_until: at(given + life),
        refresh: Some("R".into()),
        login_at: at(given),
        login_until: Some(at(given + 7 * 86_400)),
        scopes: Some(vec!["a".to_owned(), "b".to_owned()]),
    }
}

#[test]
fn n6_a_token_is_due_five_minutes_ahead_or_at_three_quarters() {
    assert_eq!(tokens(0, 1_800).due(), at(1_500));
    assert_eq!(tokens(0, 1_200).due(), at(900));
    assert_eq!(tokens(0, 1_000).due(), at(750));
    assert_eq!(tokens(0, 40).due(), at(30));
    assert!(tokens(0, 1_800).lives(at(1_799)) && !tokens(0, 1_800).lives(at(1_800)));
    assert!(!tokens(86_400, 1_800).lives(at(0)), "given tomorrow");
}

#[test]
fn o10_the_end_of_a_login_is_told_a_day_and_two_hours_ahead() {
    let tokens = tokens(0, 1_800);
    let stage = |hours: i64| tokens.countdown(at(7 * 86_400 - hours * 3_600)).unwrap().stage;
    assert_eq!(
        [stage(25), stage(24), stage(3), stage(2), stage(0), stage(-9)],
        [Stage::Fine, Stage::Day, Stage::Day, Stage::Hours, Stage::Over, Stage::Over]
    );
    assert_eq!(tokens.countdown(at(8 * 86_400)).unwrap().left, jiff::SignedDuration::ZERO);
}

#[test]
fn o7_what_is_kept_is_good_for_its_own_binding_alone() {
    let kept = tokens(0, 1_800).to_text().unwrap();
    let read = Tokens::from_text(&kept, &binding()).unwrap();
    assert_eq!((read.access.expose_secret(), read.login_until), ("A", Some(at(7 * 86_400))));
    for other in [
        super::super::Binding { profile: "bob".to_owned(), ..binding() },
        super::super::Binding { broker: "coinbase", ..binding() },
        super::super::Binding { environment: crate::brokers::Environment::Paper, ..binding() },
    ] {
        assert!(matches!(Tokens::from_text(&kept, &other), Err(OauthError::Foreign { .. })));
    }
    let error = Tokens::from_text(&"{\"access_token\":\"hunter2\"}".into(), &binding()).unwrap_err();
    assert!(matches!(error, OauthError::Unusable { .. }) && !error.to_string().contains("hunter2"));
    assert!(!format!("{read:?}").contains("\"A\""));
}

#[test]
fn o7_scopes_are_compared_with_those_asked_for() {
    let tokens = tokens(0, 1);
    assert_eq!(tokens.granted(&["b", "a"]), Granted::AsAsked);
    assert_eq!(tokens.granted(&["a", "b", "c"]), Granted::Less(vec!["c".to_owned()]));
    assert_eq!(tokens.granted(&["a"]), Granted::More(vec!["b".to_owned()]));
    assert_eq!(tokens.granted(&[]), Granted::AsAsked);
    assert_eq!(Tokens { scopes: None, ..tokens }.granted(&["a"]), Granted::AsAsked);
}

#[test]
fn errors_of_both_rfcs_have_plain_words() {
    for code in [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "unsupported_response_type",
        "server_error",
        "temporarily_unavailable",
        "invalid_token",
        "insufficient_scope",
    ] {
        assert!(plain_words(code).is_some_and(|words| !words.contains('_')), "{code}");
    }
    assert_eq!(plain_words("odd"), None);
}

#[test]
fn o6_an_address_becomes_a_code_that_a_phone_can_read() {
    let url = "https://api.schwabapi.com/v1/oauth/authorize?response_type=code&client_id=abc&state=xyz";
    let lines = half_blocks(url, Blocks::Dark).unwrap();
    let width = lines[0].chars().count();
    assert!(lines.iter().all(|line| line.chars().count() == width));
    assert_eq!(lines.len(), width.div_ceil(2));
    // The quiet zone, then the corner of the finder pattern: seven dark, one light.
    assert!(lines[0].trim().is_empty() && lines[1].trim().is_empty());
    let line: String = lines[2].chars().skip(4).take(8).collect();
    assert_eq!(line, "█▀▀▀▀▀█ ");
    let light = half_blocks(url, Blocks::Light).unwrap();
    assert!(light[0].chars().all(|c| c == '█'));
    assert!(half_blocks(&"x".repeat(4_000), Blocks::Dark).is_none());
}

#[test]
fn every_error_says_what_to_do() {
    let text = |error: OauthError| error.to_string();
    assert!(text(OauthError::NoRandomness("x".into())).contains("no random numbers"));
    assert!(text(OauthError::Certificate("x".into())).contains("certificate"));
    assert!(
        text(OauthError::LoginNeeded { broker: "schwab".into(), words: "w".into() })
            .ends_with("arbion connect schwab")
    );
    assert!(
        text(OauthError::NotKept { broker: "schwab".into(), reason: "disk full".into() })
            .contains("not used yet")
    );
    let issuer = OauthError::Issuer { found: "evil".into(), expected: "good".into() };
    assert!(text(issuer).starts_with("the answer comes from 'evil'"));
}
