//! Exit codes (design, decision 11), and the error's two forms.

use super::World;
use crate::cli::error::CliError;
use crate::client::SessionError;
use crate::client::message::OrderRef;
use crate::domain::denial::{Denial, DenialCode};
use crate::domain::order::OrderStatus;

const PLACE: [&str; 5] = ["order", "place", "buy", "10", "TSLA"];

fn denied() -> SessionError {
    let text = "MAX_ORDER_NOTIONAL measured=12500 limit=10000".to_owned();
    SessionError::Denied(vec![Denial { code: DenialCode::MaxOrderNotional, text }])
}

#[test]
fn every_refusal_of_an_engine_has_its_code_and_line() {
    let cases: [(SessionError, u8, &str, &str); 9] = [
        (
            denied(),
            3,
            "DENIED",
            "denied: order value 12,500.00 of 10,000.00 (MAX_ORDER_NOTIONAL); the limits: arbion risk",
        ),
        (SessionError::Rejected("no".into()), 4, "REJECTED", "rejected by the broker: no"),
        (SessionError::Usage("no such order".into()), 2, "USAGE", "no such order"),
        (SessionError::Clarify("Which order?".into()), 2, "CLARIFY", "Which order?"),
        (
            SessionError::ConfirmationChanged,
            2,
            "CONFIRMATION_CHANGED",
            "the order changed since it was shown; look at it again",
        ),
        (SessionError::OutcomeUnknown("timeout".into()), 8, "OUTCOME_UNKNOWN", "outcome unknown: timeout"),
        (SessionError::Storage("disk full".into()), 1, "STORAGE", "disk full"),
        (SessionError::Gone, 6, "ENGINE_GONE", "the engine has stopped"),
        (SessionError::Internal("bug".into()), 1, "INTERNAL", "internal error: bug"),
    ];
    for (error, exit, code, message) in cases {
        let world = World::new();
        *world.host.session.refusal.lock().unwrap() = Some(error.clone());
        let ran = world.run(&PLACE);
        assert_eq!((ran.exit, ran.out.as_str(), ran.err), (exit, "", format!("arbion: {message}\n")));
        *world.host.session.refusal.lock().unwrap() = Some(error);
        let ran = world.run(&[&PLACE[..], &["--json"]].concat());
        let json = ran.json();
        assert_eq!(
            (json["error"]["code"].as_str(), json["error"]["message"].as_str()),
            (Some(code), Some(message))
        );
        assert_eq!(json["error"]["exit_code"].as_u64(), Some(u64::from(exit)));
        assert_eq!(json["error"]["denials"].is_array(), code == "DENIED");
        assert_eq!(ran.err, format!("arbion: {message}\n"), "one line on the error stream, with --json too");
        assert_eq!(*world.host.closed.lock().unwrap(), 2, "closed after a failure as after a success");
    }
}

#[test]
fn j2_an_order_that_could_not_be_journalled_is_no_denial_of_risk() {
    let text = "JOURNAL_UNAVAILABLE the order was not sent: the disk is full".to_owned();
    let unjournaled = Denial { code: DenialCode::JournalUnavailable, text };
    let world = World::new();
    *world.host.session.refusal.lock().unwrap() = Some(SessionError::Denied(vec![unjournaled]));
    assert_eq!(world.run(&PLACE).exit, 1);
}

#[test]
fn a_profile_that_another_process_holds_can_still_be_halted() {
    let held = || CliError::new("LOCKED", 7, "/p is in use by process 7 (arbion demo); end that first");
    for (args, exit, halts) in [
        (&["halt"][..], 0, &[false][..]),
        (&["halt", "--all", "--yes"], 0, &[true]),
        (&["halt", "--all"], 2, &[]),
        (&["do", "halt"], 0, &[false]),
        (&["do", "buy 10 tsla"], 7, &[]),
        (&["resume"], 7, &[]),
        (&PLACE, 7, &[]),
    ] {
        let world = World::new();
        *world.host.failure.lock().unwrap() = Some(held());
        let ran = world.run(args);
        assert_eq!((ran.exit, &world.host.halts.lock().unwrap()[..]), (exit, halts), "{args:?}: {}", ran.err);
    }
}

#[test]
fn an_order_that_ended_badly_is_shown_and_decides() {
    let cases = [
        (OrderStatus::Filled, 0),
        (OrderStatus::Submitted, 0),
        (OrderStatus::Denied, 3),
        (OrderStatus::Rejected, 4),
        (OrderStatus::Unknown, 8),
    ];
    for (status, exit) in cases {
        let world = World::new();
        *world.host.session.ending.lock().unwrap() = Some(status);
        let ran = world.run(&[&PLACE[..], &["--json"]].concat());
        assert_eq!(ran.exit, exit, "{status}");
        assert_eq!(ran.json()["orders"][0]["status"], status.as_str());
        assert_eq!(ran.err.lines().count(), usize::from(exit != 0), "{}", ran.err);
    }
}

#[test]
fn a_host_without_an_engine_decides_too() {
    for (code, exit) in [("NOT_AUTHORISED", 5_u8), ("NETWORK", 6), ("LOCKED", 7)] {
        let world = World::new();
        *world.host.failure.lock().unwrap() = Some(CliError::new(code, exit, "no engine"));
        let ran = world.run(&["positions", "--json"]);
        assert_eq!((ran.exit, ran.json()["error"]["code"].as_str()), (exit, Some(code)));
    }
}

#[test]
fn what_a_command_asks_for_is_what_was_typed() {
    use crate::client::Request;
    let world = World::new();
    let ran = world.run(&["order", "cancel", "1", "--no-wait"]);
    assert_eq!(ran.exit, 0, "{}", ran.err);
    let asked = world.host.session.orders_asked();
    let number = OrderRef::Number(crate::domain::ids::OrderNumber(1));
    assert_eq!(asked, [Request::Cancel { order: number, wait: false }]);
    assert_eq!(world.host.kinds.lock().unwrap().len(), 1);
}

/// Flattening is a wish of its own that asks first, and no part of the kill switch.
#[test]
fn h4_flatten_asks_and_halt_does_not_flatten() {
    use crate::client::Request;
    let flattens = |world: &World| {
        world.host.session.orders_asked().iter().any(|asked| matches!(asked, Request::Flatten { .. }))
    };
    let world = World::new();
    assert_ne!(world.run(&["flatten"]).exit, 0, "nobody can be asked");
    assert!(!flattens(&world));
    world.run(&["halt"]);
    world.run(&["halt", "--all"]);
    assert!(!flattens(&world));
    assert_eq!(world.run(&["flatten", "--yes"]).exit, 0);
    assert!(flattens(&world));
}

/// A person's word on an order in doubt is exactly what was typed, with how it is known; half a word is asked about.
#[test]
fn an_order_is_settled_as_it_was_typed() {
    use crate::client::Request;
    use crate::domain::ids::BrokerOrderId;
    use crate::domain::order::OrderFate;
    let at = OrderFate::At { broker_order_id: BrokerOrderId::new("1001") };
    for (words, fate) in [
        (&["--as", "filled", "--price", "185.2"][..], OrderFate::Filled { price: "185.2".parse().unwrap() }),
        (&["--as", "canceled"], OrderFate::Canceled),
        (&["--as", "rejected"], OrderFate::Rejected),
        (&["--as", "never-reached"], OrderFate::NeverReached),
        (&["--is", "1001"], at),
    ] {
        let world = World::new();
        let ran = world.run(&[&["order", "settle", "1", "--reason", "their desk"], words].concat());
        assert_eq!(ran.exit, 0, "{words:?}: {}", ran.err);
        let order = OrderRef::Number(crate::domain::ids::OrderNumber(1));
        let asked = world.host.session.orders_asked();
        assert_eq!(asked, [Request::Settle { order, fate, why: "their desk".to_owned() }], "{words:?}");
    }
    for words in [
        &["--reason", "x"][..],
        &["--as", "filled", "--reason", "x"],
        &["--as", "canceled", "--price", "1", "--reason", "x"],
        &["--as", "canceled", "--is", "1", "--reason", "x"],
        &["--as", "filled", "--price", "-1", "--reason", "x"],
        &["--as", "canceled"],
    ] {
        let world = World::new();
        let ran = world.run(&[&["order", "settle", "1"], words].concat());
        assert_eq!(ran.exit, 2, "{words:?}");
        assert!(world.host.session.orders_asked().is_empty(), "{words:?}");
    }
}

#[test]
fn a_wrong_configuration_stops_every_command_that_needs_one() {
    let world = World::new();
    world.write_config("[paper]\nsede = 1\n");
    let ran = world.run(&["positions"]);
    let expected =
        "arbion: /temp/home/config/config.toml:2: paper.sede: unknown key, nearest is paper.seed\n";
    assert_eq!((ran.exit, ran.err.as_str()), (2, expected));
    assert_eq!(world.run(&["positions", "--json"]).json()["error"]["code"], "CONFIG");
    for args in [&["calendar"][..], &["search", "apple"], &["parse", "quote AAPL"], &["man"]] {
        assert_eq!(world.run(args).exit, 0, "{args:?} needs none");
    }
}
