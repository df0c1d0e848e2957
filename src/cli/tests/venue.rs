//! What only one venue has: what is asked of it, and what is asked first.

use super::World;
use super::samples::{account, key};
use crate::client::{Reply, Request};
use crate::domain::account::Account;
use crate::domain::capabilities::Capabilities;
use crate::domain::ids::AccountId;
use crate::domain::limits::{RiskLimits, RiskUse, TradingState};
use crate::domain::snapshot::{AccountView, Standing};
use crate::domain::venue::{VenueAction, VenueSetting};

/// A world whose profile has an account at Alpaca too.
fn world() -> World {
    let world = World::new();
    world.host.session.change(|picture| {
        let mut accounts = picture.accounts.to_vec();
        accounts.push(AccountView {
            account: Account { account: AccountId::new("alpaca"), ..account() },
            capabilities: Capabilities::paper(),
            limits: RiskLimits::default(),
            trading_state: TradingState::Active,
            used: RiskUse::default(),
            standing: Standing { up: true, reconciled: true, ..Standing::default() },
        });
        picture.accounts = std::sync::Arc::new(accounts);
    });
    world
}

fn asked(world: &World) -> Vec<VenueAction> {
    let actions = world.host.session.orders_asked().into_iter().filter_map(|request| match request {
        Request::Venue { account, action } => {
            assert_eq!(account.as_str(), "alpaca");
            Some(action)
        }
        _ => None,
    });
    actions.collect()
}

/// Nobody takes the last record for the broker's word.
#[test]
fn what_no_broker_has_confirmed_is_said_to_be_a_record() {
    for (args, other) in [(&["positions"][..], "positions"), (&["balances"], "accounts")] {
        let world = world();
        assert!(world.run(&[args, &["--json"]].concat()).json().get("as_recorded").is_none());
        world.host.session.change(|picture| {
            let mut accounts = picture.accounts.to_vec();
            for view in accounts.iter_mut().filter(|view| view.account.account.as_str() == "alpaca") {
                view.standing.broker = Some("alpaca".into());
            }
            picture.accounts = std::sync::Arc::new(accounts);
        });
        let found = world.run(&[args, &["--json"]].concat()).json();
        assert_eq!(found["as_recorded"], serde_json::json!(["alpaca"]), "{found}");
        assert!(found[other].is_array(), "{found}");
        let said = world.run(args).out;
        assert!(said.contains("alpaca: as last recorded, its broker was not heard"), "{said}");
        let only = world.run(&[args, &["--account", "paper"]].concat()).out;
        assert!(!only.contains("as last recorded"), "{only}");
    }
}

#[test]
fn what_changes_an_account_at_alpaca_is_confirmed_first() {
    const CALL: &str = "AAPL  270115C00190000";
    let option = || key(CALL);
    for (args, action) in [
        (&["exercise", CALL][..], VenueAction::Exercise { instrument: option() }),
        (&["do-not-exercise", CALL], VenueAction::DoNotExercise { instrument: option() }),
        (
            &["set", "NO_SHORTING", "True"],
            VenueAction::Set { setting: "no_shorting".into(), value: "true".into() },
        ),
    ] {
        let all = [&["alpaca"][..], args].concat();
        let mut world = world();
        // Nobody is there to be asked.
        let ran = world.run(&all);
        assert!(ran.exit == 2 && asked(&world).is_empty(), "{ran:?}");
        world.can_ask = true;
        world.typed = "n\n".to_owned();
        assert!(world.run(&all).exit != 0 && asked(&world).is_empty());
        let ran = world.run(&[&all[..], &["--yes"]].concat());
        assert_eq!((ran.exit, asked(&world)), (0, vec![action]), "{ran:?}");
    }
}

#[test]
fn settings_are_shown_as_a_table_and_as_json() {
    let world = world();
    let row = |setting: &str, value: Option<&str>, allowed: &str| VenueSetting {
        setting: setting.to_owned(),
        value: value.map(str::to_owned),
        allowed: allowed.to_owned(),
    };
    let rows = vec![
        row("no_shorting", Some("false"), "true, false"),
        row("max_options_trading_level", None, "0, 1, 2, 3"),
    ];
    *world.host.session.answer.lock().unwrap() = Some(Reply::VenueSettings(rows.clone()));
    let ran = world.run(&["alpaca", "settings"]);
    assert_eq!((ran.exit, asked(&world)), (0, vec![VenueAction::Settings]), "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines.len() == 3 && lines[1].starts_with("no_shorting") && lines[1].ends_with("true, false"),
        "{ran:?}"
    );
    assert!(lines[2].contains('–'), "{ran:?}");
    *world.host.session.answer.lock().unwrap() = Some(Reply::VenueSettings(rows));
    let json = world.run(&["alpaca", "settings", "--json"]).json();
    assert_eq!(json["settings"][0]["allowed"], "true, false");
    assert_eq!(json["settings"][1]["value"], serde_json::Value::Null);
}

#[test]
fn slips_are_said_before_anything_is_asked() {
    let world = world();
    for (args, said) in [
        (&["exercise", "AAPL"][..], "allowed an option's OCC symbol"),
        (&["set", "no shorting", "true"], "setting: found 'no shorting'"),
        (&["set", "no_shorting", "\u{1b}[31m"], "value: found"),
    ] {
        let ran = world.run(&[&["alpaca"][..], args, &["--yes"]].concat());
        assert!(ran.exit == 2 && ran.err.contains(said), "{ran:?}");
    }
    let ran = World::new().run(&["alpaca", "settings"]);
    assert!(ran.err.contains("no account at alpaca is connected"), "{ran:?}");
    assert!(asked(&world).is_empty());
}
