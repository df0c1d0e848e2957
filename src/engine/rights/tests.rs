//! Every request as every role, of the own engine and of another's: what comes through, what a lock lets through, what is refused and
//! written down.

use std::collections::BTreeSet;

use super::*;

/// Every request: as it travels, what it does, whether a locked profile and whether a disabled one still does it.
const REQUESTS: &[(&str, Action, bool, bool)] = &[
    (
        r#"{"request":"preview","command":{"intent":"halt"},"origin":"cli","account":null}"#,
        Action::Look,
        false,
        false,
    ),
    (
        r#"{"request":"execute","command":{"intent":"cancel_all"},"origin":"cli","account":null,"confirmation_hash":null,"allow_duplicate":false,"wait":false}"#,
        Action::Trade,
        false,
        false,
    ),
    (
        r#"{"request":"execute","command":{"intent":"halt"},"origin":"cli","account":null,"confirmation_hash":null,"allow_duplicate":false,"wait":false}"#,
        Action::Halt,
        true,
        true,
    ),
    (
        r#"{"request":"execute","command":{"intent":"resume"},"origin":"cli","account":null,"confirmation_hash":null,"allow_duplicate":false,"wait":false}"#,
        Action::Trade,
        false,
        false,
    ),
    (
        r#"{"request":"execute","command":{"intent":"quote","instruments":[]},"origin":"cli","account":null,"confirmation_hash":null,"allow_duplicate":false,"wait":false}"#,
        Action::Look,
        false,
        false,
    ),
    (r#"{"request":"cancel","order":{"number":1},"wait":false}"#, Action::Trade, false, true),
    (
        r#"{"request":"replace","order":{"number":1},"change":{"limit_price":"1"},"wait":false}"#,
        Action::Trade,
        false,
        false,
    ),
    (
        r#"{"request":"settle","order":{"number":1},"fate":{"as":"filled","price":"1"},"why":"seen"}"#,
        Action::Trade,
        false,
        false,
    ),
    (r#"{"request":"reconcile","account":null}"#, Action::Trade, false, false),
    (r#"{"request":"override","account":"paper","confirmation":"paper"}"#, Action::Trade, false, false),
    (
        r#"{"request":"set_limit","name":"order_notional_max","value":"5","confirmation":null}"#,
        Action::TightenLimits,
        false,
        false,
    ),
    (
        r#"{"request":"set_limit","name":"order_notional_max","value":null,"confirmation":"order_notional_max"}"#,
        Action::LoosenLimits,
        false,
        false,
    ),
    (r#"{"request":"reduce_only","why":"nobody is there"}"#, Action::Halt, true, true),
    (r#"{"request":"halt","all":true}"#, Action::Halt, true, true),
    (r#"{"request":"resume"}"#, Action::Trade, false, false),
    (r#"{"request":"flatten","scope":"all","wait":false}"#, Action::Trade, false, false),
    (r#"{"request":"subscribe","instruments":[]}"#, Action::Look, false, false),
    (
        r#"{"request":"bars","instrument":{"kind":"equity","symbol":"KO"},"interval":"1d","limit":1}"#,
        Action::Look,
        false,
        false,
    ),
    (
        r#"{"request":"history","instrument":{"kind":"equity","symbol":"KO"},"interval":"1d","limit":1}"#,
        Action::Look,
        false,
        false,
    ),
    (r#"{"request":"chain","underlying":"KO","expiry":null,"right":null}"#, Action::Look, false, false),
    (r#"{"request":"search","query":"ko","limit":1}"#, Action::Look, false, false),
    (r#"{"request":"order_history","limit":0,"offset":0}"#, Action::Look, false, false),
    (r#"{"request":"executions","limit":0,"offset":0}"#, Action::Look, false, false),
    (r#"{"request":"pnl","limit":0,"offset":0}"#, Action::Look, false, false),
    (r#"{"request":"set_watchlist","name":"a","instruments":[]}"#, Action::Trade, false, false),
    (r#"{"request":"edit_watchlists","edit":"create","name":"a"}"#, Action::Trade, false, false),
    (r#"{"request":"alert","change":"clear"}"#, Action::Trade, false, false),
    (
        r#"{"request":"exit","change":"clear","account":"a","instrument":{"kind":"equity","symbol":"AAPL"}}"#,
        Action::Trade,
        false,
        false,
    ),
    (
        r#"{"request":"exit","change":"set","account":"a","instrument":{"kind":"equity","symbol":"AAPL"},"plan":{"stop_loss":{"percent":"5"}}}"#,
        Action::Trade,
        false,
        false,
    ),
    (r#"{"request":"lift_guards","account":null}"#, Action::Trade, false, false),
    (r#"{"request":"risk_desk","account":null}"#, Action::Look, false, false),
    (r#"{"request":"book","instrument":{"kind":"equity","symbol":"KO"}}"#, Action::Look, false, false),
    (r#"{"request":"groups"}"#, Action::Look, false, false),
    (r#"{"request":"members","group":{"kind":"index","name":"x"}}"#, Action::Look, false, false),
    (r#"{"request":"movers","by":"gainers","limit":1}"#, Action::Look, false, false),
    (r#"{"request":"equity","account":null,"since":null,"points":1}"#, Action::Look, false, false),
    (r#"{"request":"news","about":[],"limit":1}"#, Action::Look, false, false),
    (r#"{"request":"notes"}"#, Action::Look, false, false),
    (r#"{"request":"set_note","order":"01J9Z8X7W6V5T4S3R2Q1P0N9M8","text":""}"#, Action::Trade, false, false),
    (r#"{"request":"note_symbol","change":"remove","id":1}"#, Action::Trade, false, false),
    (
        r#"{"request":"paper_assign","contract":{"underlying":"AAPL","expiry":"2027-01-15","strike":"190","right":"put"},"contracts":null}"#,
        Action::Trade,
        false,
        false,
    ),
    (
        r#"{"request":"paper_do_not_exercise","contract":{"underlying":"AAPL","expiry":"2027-01-15","strike":"190","right":"put"}}"#,
        Action::Trade,
        false,
        false,
    ),
    (r#"{"request":"paper_expire"}"#, Action::Trade, false, false),
    (r#"{"request":"advance","seconds":1}"#, Action::Trade, false, false),
    (r#"{"request":"replay","paused":true}"#, Action::Trade, false, false),
    (r#"{"request":"strategy","strategy":"list"}"#, Action::Look, false, false),
    (r#"{"request":"strategy","strategy":"kinds"}"#, Action::Look, false, false),
    (r#"{"request":"strategy","strategy":"plan","name":"a"}"#, Action::Look, false, false),
    (r#"{"request":"strategy","strategy":"decisions","name":null,"limit":1}"#, Action::Look, false, false),
    (
        r#"{"request":"strategy","strategy":"change","change":"start","name":"a"}"#,
        Action::Trade,
        false,
        false,
    ),
    (
        r#"{"request":"strategy","strategy":"change","change":"remove","name":"a"}"#,
        Action::Trade,
        false,
        false,
    ),
    (r#"{"request":"strategy","strategy":"change","change":"pause","name":"a"}"#, Action::Trade, false, true),
    (r#"{"request":"strategy","strategy":"change","change":"stop","name":"a"}"#, Action::Trade, false, true),
    (r#"{"request":"bot","bot":"list"}"#, Action::Look, false, false),
    (r#"{"request":"bot","bot":"plan","name":"a"}"#, Action::Look, false, false),
    (r#"{"request":"bot","bot":"log","strategy":"a","lines":1}"#, Action::Look, false, false),
    (r#"{"request":"bot","bot":"versions","name":"a"}"#, Action::Look, false, false),
    (r#"{"request":"bot","bot":"new","name":"a"}"#, Action::Trade, false, false),
    (r#"{"request":"bot","bot":"approve","name":"a","fingerprint":"b"}"#, Action::Trade, false, false),
    (r#"{"request":"bot","bot":"remove","name":"a"}"#, Action::Trade, false, false),
    (r#"{"request":"engine_status"}"#, Action::Health, true, true),
    (r#"{"request":"stop_engine","force":false}"#, Action::StopEngine, true, true),
    (r#"{"request":"backup","to":null}"#, Action::Export, false, false),
    (r#"{"request":"lock"}"#, Action::Lock, true, false),
    (r#"{"request":"unlock","passphrase":null}"#, Action::Lock, true, false),
    (r#"{"request":"set_secret","name":"a","value":"b"}"#, Action::Secrets, false, false),
    (r#"{"request":"connect","logins":[]}"#, Action::Secrets, false, false),
    (r#"{"request":"disconnect","name":"a"}"#, Action::Secrets, false, false),
    (
        r#"{"request":"venue","account":"a","action":{"action":"schedule_cancel","after_seconds":60}}"#,
        Action::Trade,
        false,
        false,
    ),
    (r#"{"request":"venue","account":"a","action":{"action":"settings"}}"#, Action::Look, false, false),
    (
        r#"{"request":"venue","account":"a","action":{"action":"set","setting":"no_shorting","value":"true"}}"#,
        Action::Trade,
        false,
        false,
    ),
    (r#"{"request":"mode","mode":"paper","account":null,"confirmed":false}"#, Action::Trade, false, false),
];

fn request(text: &str) -> Request {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn p1_no_request_is_left_out() {
    let source = include_str!("../../client/request_name.rs");
    let names: BTreeSet<&str> =
        source.split("Self::").filter_map(|part| part.split_once("=> \"")?.1.split('"').next()).collect();
    let tried: BTreeSet<&str> = REQUESTS.iter().map(|row| request(row.0).name()).collect();
    assert!(names.len() > 30, "{names:?}");
    assert_eq!(tried, names);
}

#[test]
fn p1_every_request_as_every_role() {
    let profiles = Role::ALL.map(|role| (format!("{role}-trader"), role, false));
    let standing = Standing::new(true, profiles);
    let mut through = 0;
    for (text, wanted, locked, _) in REQUESTS {
        let request = request(text);
        assert_eq!(action(&request), *wanted, "{text}");
        assert_eq!(works_when_locked(&request), *locked, "{text}");
        for role in Role::ALL {
            let actor = format!("{role}-trader");
            let own = Asker::new(None, &actor).may(&standing, &request);
            assert_eq!(own, Ok(role), "{text} of the own engine");
            let other = Asker::new(Some(actor.clone()), "somebody").may(&standing, &request);
            // Of another's engine nobody gets more than how it is doing and tighter limits, and that from admin on.
            let allowed = matches!(*wanted, Action::Health | Action::TightenLimits) && role >= Role::Admin;
            through += u32::from(allowed);
            match other {
                Ok(as_role) => assert!(allowed && as_role == role, "{text} as {role}"),
                Err((as_role, SessionError::NotAllowed(said))) => {
                    assert!(!allowed && as_role == role, "{text} as {role}");
                    let line = format!("{actor} is {role} and may not ask '{}' of", request.name());
                    assert!(said.starts_with(&line), "{said}");
                }
                Err((_, error)) => panic!("{text}: {error}"),
            }
        }
    }
    assert_eq!(through, 4);
}

#[test]
fn p1_a_disabled_profile_does_nothing_new() {
    let standing = Standing::new(true, [("bob".to_owned(), Role::Superadmin, true)]);
    for (text, _, _, when_disabled) in REQUESTS {
        let own = Asker::new(None, "bob").may(&standing, &request(text));
        assert_eq!(own.is_ok(), *when_disabled, "{text}");
        assert!(Asker::new(Some("bob".to_owned()), "eve").may(&standing, &request(text)).is_err(), "{text}");
    }
}

#[test]
fn p2_roles_that_are_not_proved_are_standard_and_strangers_are_nobody() {
    let admin = || [("ann".to_owned(), Role::Admin, false)];
    let ask = |standing: &Standing, who: &str| {
        Asker::new(Some(who.to_owned()), "bob").may(standing, &Request::EngineStatus)
    };
    assert!(ask(&Standing::new(true, admin()), "ann").is_ok());
    assert!(matches!(ask(&Standing::new(false, admin()), "ann"), Err((Role::Standard, _))));
    let Err((_, refusal)) = ask(&Standing::new(true, admin()), "r\u{1b}oot") else { panic!() };
    assert_eq!(refusal, SessionError::NotAllowed("no profile is called 'r\\u{1b}oot'".to_owned()));
    assert_eq!(refusal.exit_code(), 5);
}

#[test]
fn p1_where_roles_cannot_be_read_the_own_trader_alone_comes_in() {
    let gate = Gate::new("bob", None, None);
    let ask = |actor: Option<&str>| {
        gate.check(&gate.asker(actor.map(str::to_owned)), "command 1", &Request::Resume)
    };
    assert_eq!(ask(None), Ok(()));
    assert_eq!(ask(Some("bob")), Ok(()));
    assert!(matches!(ask(Some("ann")), Err(SessionError::NotAllowed(_))));
}
