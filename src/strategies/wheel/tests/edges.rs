//! Edge cases: what comes half, at the wrong time, by hand, or by an act of the company.

use super::*;
use crate::domain::corporate::CorporateActionKind;
use crate::domain::instrument::Symbol;
use crate::strategies::world::share;

#[test]
fn a_partial_fill_keeps_what_it_got_and_drops_the_rest() {
    let mut script = script(&[("max_new_contracts", "2")]);
    script.world.fills = OneContract;
    script.until("2026-11-12 10:00");
    check(&script, &["WHEEL_SELL_PUT", "LADDER_END"]);
    assert!(script.world.orders.is_empty());
    assert_eq!(script.world.claims.values().next().unwrap().0, (-1).into());
}

#[test]
fn a_partial_assignment_writes_calls_on_what_came_and_keeps_the_other_put() {
    let mut script = with_put("P205 2026-12-18", 2, &[("contracts", "2")]);
    script.until("2026-11-12 09:46");
    script.clear();
    script.assign(&contract("P205 2026-12-18"), 1);
    script.until("2026-11-12 12:31");
    assert_eq!(script.codes()[0], "WHEEL_ASSIGNED", "{:?}", script.log);
    let calls = script.proposed.iter().filter(|order| order.contains("C at ")).count();
    assert_eq!((calls, script.proposed.len()), (1, 1), "{:?}", script.proposed);
    assert!(script.proposed[0].starts_with("sell Open 1 AAPL"), "{:?}", script.proposed);
}

#[test]
fn an_assignment_while_it_is_bought_back_cancels_and_what_fills_all_the_same_is_sold() {
    let mut script = with_put("P190 2026-12-18", 1, &[("contracts", "1")]);
    (script.world.market.spot, script.world.fills) = (215.0, Never);
    script.until("2026-11-12 09:46");
    assert_eq!(script.world.orders.len(), 1);
    let order = script.world.orders[0].clone();
    script.assign(&contract("P190 2026-12-18"), 1);
    let buys = |script: &Script| script.world.orders.iter().any(|(order, _)| order.request.side.is_buy());
    assert!(!buys(&script), "the purchase is canceled");
    // The cancel came too late: it fills.
    script.world.orders.push(order);
    script.world.fills = AtOnce;
    script.clear();
    script.match_orders();
    script.until("2026-11-12 12:31");
    assert!(script.codes().contains(&"WHEEL_CLOSE_LONG"), "{:?}", script.log);
    let sold = |order: &String| order.starts_with("sell Close 1 AAPL 18Dec26 190P");
    assert!(script.proposed.iter().any(sold), "{:?}", script.proposed);
}

#[test]
fn a_roll_whose_opening_is_refused_goes_on_as_a_slot_without_puts() {
    let mut script = with_put("P190 2026-11-27", 1, &[("take_profit", "1"), ("contracts", "1")]);
    (script.world.standing.multi_leg, script.world.market.sigma) = (false, 0.40);
    script.world.refuse_openings = true;
    script.until("2026-11-12 09:46");
    check(&script, &["WHEEL_ROLL", "WHEEL_SELL_PUT"]);
    assert!(script.world.claims.is_empty());
    script.world.refuse_openings = false;
    script.until("2026-11-12 12:31");
    check(&script, &["WHEEL_ROLL", "WHEEL_SELL_PUT", "WHEEL_SELL_PUT"]);
    let memory = memory(&script);
    assert_eq!((&memory["campaign"]["put_rolls"], &memory["half_rolled"]), (&1.into(), &false.into()));
}

#[test]
fn shares_sold_by_hand_close_the_calls_they_covered_at_once() {
    let mut script = with_call("C210 2026-12-18", 2, &[]);
    script.until("2026-11-12 09:46");
    script.clear();
    script.until("2026-11-12 11:00");
    script.by_hand(-100);
    assert_eq!(script.codes()[0], "WHEEL_UNCOVERED", "{:?}", script.log);
    assert!(script.proposed[0].starts_with("buy Close 1 AAPL 18Dec26 210C"), "{:?}", script.proposed);
    assert!(script.alerts[0].contains("is uncovered"), "{:?}", script.alerts);
    script.match_orders();
    assert!(script.world.uncovered() <= rust_decimal::Decimal::ZERO);
    // Sold in the evening, they are bought back a minute after the next open.
    let mut script = with_call("C210 2026-12-18", 1, &[]);
    script.until("2026-11-12 18:00");
    script.clear();
    script.by_hand(-100);
    check(&script, &[]);
    script.until("2026-11-13 09:32");
    assert_eq!(script.codes()[0], "WHEEL_UNCOVERED", "{:?}", script.log);
}

#[test]
fn an_adjusted_contract_freezes_the_slot_but_is_managed() {
    let mut script = script(&[]);
    let adjusted = crate::domain::option::OptionContract {
        root: Symbol::new("AAPL1").ok(),
        ..contract("P190 2026-12-18")
    };
    script.give(Instrument::Option(adjusted), -1, "2.00");
    script.corporate(CorporateActionKind::Split { numerator: 3, denominator: 2 });
    script.until("2026-11-12 09:46");
    check(&script, &["ADJUSTED_CONTRACT"]);
    assert!(script.proposed.is_empty());
    script.clear();
    script.world.market.spot = 215.0;
    script.until("2026-11-12 12:31");
    assert_eq!(script.codes()[0], "WHEEL_TAKE_PROFIT", "{:?}", script.log);
}

#[test]
fn a_symbol_change_goes_on_under_the_new_one_also_after_a_restart() {
    let mut script = script(&[]);
    let to = Symbol::new("AAPX").unwrap();
    script.corporate(CorporateActionKind::SymbolChange { to: to.clone() });
    script.restart();
    assert_eq!(script.strategy.instruments()[0].root(), &to);
    script.until("2026-11-12 09:46");
    check(&script, &["WHEEL_SELL_PUT", "NO_CASH"]);
    assert!(script.proposed[0].contains("AAPX 11Dec26 190P"), "{:?}", script.proposed);
}

#[test]
fn a_special_dividend_lowers_the_strike_and_pays_the_shares() {
    let mut script = script(&[("contracts", "1")]);
    script.by_hand(100);
    script.give(Instrument::Option(contract("C215 2026-12-18")), -1, "2.00");
    script.corporate(CorporateActionKind::SpecialDividend { amount: "5".parse().unwrap() });
    script.world.claims.remove(&Instrument::Option(contract("C215 2026-12-18")));
    script.give(Instrument::Option(contract("C210 2026-12-18")), -1, "2.00");
    script.until("2026-11-12 09:46");
    check(&script, &[]);
    assert_eq!(decimal(&memory(&script)["campaign"]["dividends"]), 500.into());
}

#[test]
fn a_merger_freezes_and_says_so() {
    let mut script = script(&[]);
    script.corporate(CorporateActionKind::CashMerger { amount: "210".parse().unwrap() });
    script.until("2026-11-12 09:46");
    check(&script, &["FROZEN"]);
    assert!(script.alerts[0].contains("corporate action"), "{:?}", script.alerts);
}

/// What nobody explains stops it until a person pauses it and starts it again, also over a restart.
#[test]
fn an_unexplained_change_of_the_shares_opens_nothing_until_it_is_resumed() {
    let mut script = script(&[]);
    script.corporate(CorporateActionKind::Other { text: "100 here, 400 at the broker".to_owned() });
    script.restart();
    script.until("2026-11-12 09:46");
    check(&script, &["FROZEN"]);
    assert!(script.alerts[0].contains("400 at the broker"), "{:?}", script.alerts);
    script.clear();
    script.resume();
    script.until("2026-11-12 12:31");
    check(&script, &["WHEEL_SELL_PUT", "NO_CASH"]);
}

/// A symbol change leaves what written contracts brought where it is; so does an adjusted contract, which the account books in and out at cost.
#[test]
fn contracts_keep_their_credit_under_another_name_or_other_terms() {
    let mut script = script(&[("contracts", "1")]);
    script.until("2026-11-12 09:47");
    let written = |script: &Script| {
        let all = memory(script)["campaign"]["written"].as_object().unwrap().clone();
        all.into_iter().map(|(key, open)| (key, decimal(&open["credit"]))).collect::<Vec<_>>()
    };
    let before = written(&script);
    assert_eq!(before.len(), 1, "{before:?}");
    let result =
        decimal(&memory(&script)["campaign"]["credits"]) - decimal(&memory(&script)["campaign"]["debits"]);
    script.corporate(CorporateActionKind::SymbolChange { to: Symbol::new("AAPX").unwrap() });
    let renamed = written(&script);
    assert_eq!((renamed.len(), renamed[0].1), (1, before[0].1));
    assert!(renamed[0].0.starts_with("AAPX "), "{renamed:?}");
    assert_eq!(
        decimal(&memory(&script)["campaign"]["credits"]) - decimal(&memory(&script)["campaign"]["debits"]),
        result
    );
}

#[test]
fn on_an_early_close_the_last_half_hour_is_an_early_one() {
    let mut script = Script::new(
        "wheel",
        "2026-11-27T14:25:00Z",
        100_000,
        &[("pin", "close"), ("contracts", "1"), ("max_rolls", "0")],
    );
    script.give(Instrument::Option(contract("P200 2026-11-27")), -1, "2.00");
    // The put keeps a value above what a profit would be.
    (script.world.market.spot, script.world.market.off) = (200.2, 1.9);
    script.until("2026-11-27 12:29");
    assert!(!script.codes().contains(&"WHEEL_PIN"), "{:?}", script.log);
    script.until("2026-11-27 12:31");
    assert!(script.codes().contains(&"WHEEL_PIN"), "{:?}", script.log);
}

#[test]
fn the_week_of_good_friday_expires_on_thursday() {
    let mut script = Script::new(
        "wheel",
        "2027-02-10T14:40:00Z",
        100_000,
        &[
            ("contracts", "1"),
            ("dte_min", "40"),
            ("dte_target", "43"),
            ("roll_dte", "0"),
            ("take_profit", "1"),
        ],
    );
    script.world.market.expiries = vec!["2027-03-25".parse().unwrap()];
    script.until("2027-02-10 09:46");
    assert!(script.proposed[0].contains("25Mar27"), "{:?}", script.proposed);
    script.world.market.spot = 150.0;
    script.until("2027-03-26 06:00");
    script.clear();
    // Nobody trades on Good Friday, and the notices come all the same.
    script.until("2027-03-26 08:00");
    assert_eq!(script.codes()[0], "WHEEL_ASSIGNED", "{:?}", script.log);
}

#[test]
fn less_than_its_intrinsic_value_is_no_reason_to_fail() {
    let mut script = with_call(
        "C180 2026-11-20",
        1,
        &[("contracts", "1"), ("ex_dividend", "close"), ("roll_call_itm", "false")],
    );
    script.world.market.off = -0.30;
    script.world.events = Some(dividend("2026-11-13", 5));
    script.until("2026-11-12 15:31");
    assert_eq!(script.codes().first(), Some(&"WHEEL_EXDIV"), "{:?}", script.log);
}

#[test]
fn an_expiry_that_does_not_show_itself_is_said_two_hours_after_the_open() {
    let mut script = with_put("P190 2026-11-13", 1, &[("contracts", "1")]);
    script.world.fills = Never;
    script.until("2026-11-13 15:00");
    // The broker goes on showing the contract.
    let late = contract("P190 2026-11-13");
    script.until("2026-11-13 18:00");
    script.give(Instrument::Option(late), -1, "2.00");
    script.clear();
    script.until("2026-11-16 09:46");
    check(&script, &[]);
    assert!(script.alerts.is_empty());
    script.until("2026-11-16 12:31");
    assert!(script.alerts[0].contains("SETTLE_LATE"), "{:?}", script.alerts);
    assert!(script.proposed.is_empty());
}

#[test]
fn after_shares_were_called_away_it_waits() {
    let mut script =
        with_call("C195 2026-11-12", 1, &[("contracts", "1"), ("cooldown_days", "5"), ("roll_dte", "0")]);
    script.until("2026-11-13 09:46");
    let codes = script.codes();
    assert!(codes.contains(&"WHEEL_CALLED_AWAY") && codes.contains(&"COOLDOWN"), "{:?}", script.log);
    script.clear();
    script.until("2026-11-18 09:46");
    assert!(script.codes().contains(&"WHEEL_SELL_PUT"), "{:?}", script.log);
}

#[test]
fn shares_that_nothing_pays_for_are_said_after_their_time() {
    let mut script = script(&[("contracts", "1"), ("underwater_days", "5")]);
    script.give(share(), 100, "300");
    script.until("2026-11-16 15:00");
    assert!(script.alerts.is_empty() && script.proposed.is_empty(), "{:?}", script.proposed);
    assert!(script.codes().iter().all(|code| *code == "STRIKE_LIMIT"), "{:?}", script.log);
    script.until("2026-11-20 15:00");
    assert_eq!(script.alerts, ["test: no call on AAPL has paid at its floor for 5 days"]);
}

/// What a person buys back is not written anew on the same day, and the campaign is over: another one is what comes of the next put.
#[test]
fn a_put_bought_back_by_hand_is_not_written_again_before_the_next_day() {
    use crate::strategies::Books;
    let mut script = script(&[("contracts", "1")]);
    script.until("2026-11-12 11:00");
    check(&script, &["WHEEL_SELL_PUT"]);
    script.clear();
    let put = script.world.claims.keys().find(|held| held.as_option().is_some()).unwrap().clone();
    let mark = script.world.quote(&put).unwrap().mark().unwrap();
    script.by_hand_of(put, 1, mark);
    script.until("2026-11-12 18:00");
    assert!(script.proposed.is_empty() && script.codes().contains(&"BY_HAND"), "{:?}", script.log);
    let campaign = &memory(&script)["campaign"];
    assert!(campaign["written"].as_object().unwrap().is_empty(), "{campaign}");
    assert_eq!(
        (decimal(&campaign["debits"]), &campaign["number"]),
        (mark.get() * rust_decimal::Decimal::ONE_HUNDRED, &1.into())
    );
    script.restart();
    script.until("2026-11-13 09:46");
    assert_eq!(script.codes().last(), Some(&"WHEEL_SELL_PUT"), "{:?}", script.log);
    assert_eq!(memory(&script)["campaign"]["number"], 2);
}

/// Between the option of an assignment and its shares neither is there: the money is spoken for, and shares on their way out are nobody's.
#[test]
fn nothing_is_written_between_an_assignment_and_its_shares() {
    for (given, option, code) in
        [(0, "P205 2026-12-18", "WHEEL_ASSIGNED"), (100, "C190 2026-12-18", "WHEEL_CALLED_AWAY")]
    {
        let pairs =
            [("contracts", "1"), ("cooldown_days", "0"), ("take_profit", "1"), ("roll_call_itm", "false")];
        let mut script = Script::new("wheel", START, 100_000, &pairs);
        script.give(share(), given, "190");
        script.give(Instrument::Option(contract(option)), -1, "5.00");
        script.until("2026-11-12 11:00");
        script.clear();
        script.assign_without_shares(&contract(option), 1);
        check(&script, &[code]);
        assert!(script.proposed.is_empty(), "{option}: {:?}", script.proposed);
        script.restart();
        script.until("2026-11-12 15:50");
        assert!(script.proposed.is_empty(), "{option}: {:?}", script.proposed);
    }
}
