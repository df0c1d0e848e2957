//! Edge cases: what is traded by hand, half there, or changed by an act of the company.

use super::*;
use crate::domain::corporate::CorporateActionKind;
use crate::domain::instrument::Symbol;

#[test]
fn shares_sold_by_hand_close_the_calls_at_once_and_the_puts_later() {
    let mut script = hedged(2, "P185 2027-01-15", "C220 2027-01-15", &[]);
    script.until("2026-11-12 11:00");
    script.clear();
    script.by_hand(-100);
    assert_eq!(script.codes()[0], "COLLAR_UNCOVERED", "{:?}", script.log);
    assert!(script.proposed[0].starts_with("buy Close 1 AAPL 15Jan27 220C"), "{:?}", script.proposed);
    assert!(script.alerts[0].contains("is uncovered"), "{:?}", script.alerts);
    script.match_orders();
    script.until("2026-11-12 12:31");
    check(&script, &["COLLAR_UNCOVERED", "COLLAR_SURPLUS"]);
    assert_eq!(options(&script), (1, 1));
    // Sold in the evening, they are bought back a minute after the next open.
    let mut script = hedged(1, "P185 2027-01-15", "C220 2027-01-15", &[]);
    script.until("2026-11-12 18:00");
    script.clear();
    script.by_hand(-100);
    check(&script, &[]);
    script.until("2026-11-13 09:32");
    check(&script, &["COLLAR_UNCOVERED", "COLLAR_SURPLUS"]);
    assert_eq!(options(&script), (0, 0));
}

/// Whoever takes a pair apart by hand wants it apart: a leg that is left is closed or kept, and nothing takes its place before the next day.
#[test]
fn a_pair_that_is_taken_apart_by_hand_stays_apart_for_the_day() {
    let (put, call) = ("P185 2027-01-15", "C220 2027-01-15");
    let take = |script: &mut Script, text: &str, units: i64| {
        script.by_hand_of(Instrument::Option(contract(text)), units, "3.00".parse().unwrap());
    };
    for (legs, codes, left) in [
        (&[call][..], &["BY_HAND"][..], (1, 0)),
        // The call without its put is a risk.
        (&[put], &["COLLAR_CALL_ONLY", "BY_HAND"], (0, 0)),
        (&[call, put], &["BY_HAND"], (0, 0)),
    ] {
        let mut script = hedged(1, put, call, &[]);
        script.until("2026-11-12 11:00");
        script.clear();
        for leg in legs {
            take(&mut script, leg, if *leg == put { -1 } else { 1 });
        }
        script.until("2026-11-12 11:10");
        let said: Vec<&str> = script.codes().into_iter().filter(|code| *code != "HEDGED").collect();
        assert!(codes.iter().all(|code| said.contains(code)) && said.len() <= codes.len() + 1, "{said:?}");
        assert_eq!(options(&script), left, "{legs:?}: {:?}", script.proposed);
        // Also after a restart, and until the evening.
        script.restart();
        script.until("2026-11-12 18:00");
        assert_eq!(options(&script), left, "{legs:?}: {:?}", script.proposed);
        assert!(script.proposed.iter().all(|order| !order.contains("Open")), "{:?}", script.proposed);
        script.until("2026-11-13 09:46");
        assert_eq!(options(&script), (1, 1), "{legs:?}: {:?}", script.log);
    }
}

/// A put that has lost all its worth and waits for its expiry is the one too many: the one that hedges stays.
#[test]
fn a_worthless_put_does_not_cost_the_one_that_hedges() {
    let mut script = hedged(1, "P185 2027-01-15", "C220 2027-01-15", &[]);
    script.give(Instrument::Option(contract("P100 2026-11-13")), 1, "1.00");
    script.until("2026-11-12 15:45");
    assert_eq!(held(&script, "P185 2027-01-15"), 1, "{:?}", script.log);
    let sold = |line: &&String| line.starts_with("sell") && line.contains("185P");
    assert_eq!(script.proposed.iter().find(sold), None);
    // Without it there is nothing to sell either.
    script.until("2026-11-16 15:45");
    assert_eq!(options(&script), (1, 1), "{:?}", script.log);
}

#[test]
fn a_call_without_a_put_gets_one_at_once_or_is_closed() {
    let mut script = with_lots(1, &[]);
    script.give(Instrument::Option(contract("C220 2027-02-12")), -1, "5.00");
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_CALL_ONLY"]);
    assert!(script.proposed[0].starts_with("buy Open 1 AAPL 12Feb27 185P"), "{:?}", script.proposed);
    assert_eq!(options(&script), (1, 1));
    // It would cost more than the call brought and what may be paid: the call goes, and a pair comes.
    let mut script = with_lots(1, &[]);
    script.give(Instrument::Option(contract("C220 2027-02-12")), -1, "1.00");
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_CALL_ONLY", "COLLAR_OPEN"]);
    assert!(script.proposed[0].starts_with("buy Close 1 AAPL 12Feb27 220C"), "{:?}", script.proposed);
}

/// A put that the account cannot pay would be denied at each evaluation: the call goes instead.
#[test]
fn a_call_without_a_put_that_nobody_can_pay_is_closed() {
    let mut script = with_lots(1, &[]);
    script.world.cash = 100.into();
    script.give(Instrument::Option(contract("C220 2027-02-12")), -1, "5.00");
    script.until("2026-11-12 09:46");
    assert_eq!(script.codes()[0], "COLLAR_CALL_ONLY", "{:?}", script.log);
    assert!(script.proposed[0].starts_with("buy Close 1 AAPL 12Feb27 220C"), "{:?}", script.proposed);
}

#[test]
fn an_early_assignment_takes_the_shares_and_the_put_is_sold() {
    let mut script = hedged(1, "P185 2027-01-15", "C220 2027-01-15", &[]);
    script.until("2026-11-12 11:00");
    script.clear();
    script.assign(&contract("C220 2027-01-15"), 1);
    script.match_orders();
    script.until("2026-11-12 12:31");
    check(&script, &["COLLAR_CALLED_AWAY", "COLLAR_SURPLUS"]);
    assert!(script.world.claims.is_empty(), "{:?}", script.world.claims);
}

#[test]
fn an_assignment_while_the_pair_is_rolled_cancels_the_roll() {
    let mut script = hedged(1, "P185 2026-11-27", "C220 2026-11-27", &[]);
    script.world.fills = Never;
    script.until("2026-11-12 09:46");
    assert_eq!(script.world.orders.len(), 1);
    script.assign(&contract("C220 2026-11-27"), 1);
    let rolls = |script: &Script| {
        script.world.orders.iter().any(|(order, _)| order.request.subject.instrument().is_none())
    };
    assert!(!rolls(&script), "{:?}", script.proposed);
    script.world.fills = AtOnce;
    script.match_orders();
    script.until("2026-11-12 12:31");
    assert_eq!(options(&script), (0, 0), "{:?}", script.log);
}

#[test]
fn adjusted_contracts_and_mergers_freeze_and_a_symbol_change_goes_on() {
    let mut script = with_lots(1, &[]);
    let adjusted = crate::domain::option::OptionContract {
        root: Symbol::new("AAPL1").ok(),
        ..contract("P190 2026-12-18")
    };
    script.give(Instrument::Option(adjusted), 1, "2.00");
    script.give(Instrument::Option(contract("C220 2026-12-18")), -1, "2.00");
    script.until("2026-11-12 09:46");
    check(&script, &["ADJUSTED_CONTRACT"]);
    let mut script = with_lots(1, &[]);
    script.corporate(CorporateActionKind::CashMerger { amount: "210".parse().unwrap() });
    script.until("2026-11-12 09:46");
    check(&script, &["FROZEN"]);
    assert!(script.alerts[0].contains("corporate action"), "{:?}", script.alerts);
    // What nobody explains stops it until a person lets it go on, also over a restart.
    let mut script = with_lots(1, &[]);
    script.corporate(CorporateActionKind::Other { text: "100 here, 400 at the broker".to_owned() });
    script.restart();
    script.until("2026-11-12 09:46");
    check(&script, &["FROZEN"]);
    script.clear();
    script.resume();
    script.until("2026-11-12 12:31");
    check(&script, &["COLLAR_OPEN"]);
    let mut script = with_lots(0, &[]);
    let to = Symbol::new("AAPX").unwrap();
    script.corporate(CorporateActionKind::SymbolChange { to: to.clone() });
    script.give(Instrument::Equity { symbol: to.clone() }, 100, "190");
    script.restart();
    assert_eq!(script.strategy.instruments()[0].root(), &to);
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_OPEN"]);
    assert!(script.proposed[0].contains("AAPX 12Feb27 185P"), "{:?}", script.proposed);
}

#[test]
fn a_broker_that_refuses_cents_gets_nickels() {
    let mut script = with_lots(1, &[]);
    script.world.standing.multi_leg = false;
    (script.world.refuse_openings, script.world.refusal) = (true, "invalid price increment");
    script.until("2026-11-12 09:46");
    script.world.refuse_openings = false;
    script.clear();
    script.until("2026-11-12 12:31");
    let limit = script.proposed[0].rsplit(' ').next().unwrap().to_owned();
    assert!(
        limit.ends_with(['0', '5']) || !limit.contains('.') || limit.split('.').nth(1).unwrap().len() == 1,
        "{limit}"
    );
}

#[test]
fn an_expiry_that_does_not_show_itself_is_said_two_hours_after_the_open() {
    let mut script = with_lots(1, &[]);
    script.world.fills = Never;
    script.until("2026-11-13 18:00");
    script.give(Instrument::Option(contract("C220 2026-11-13")), -1, "2.00");
    script.clear();
    script.until("2026-11-16 12:31");
    assert!(script.alerts.iter().any(|text| text.contains("SETTLE_LATE")), "{:?}", script.alerts);
    assert!(script.proposed.is_empty(), "{:?}", script.proposed);
}

/// The option of an assignment is told before its shares have gone: they are nobody's to write a call on meanwhile.
#[test]
fn shares_that_are_leaving_get_no_other_call() {
    let mut script = hedged(1, "P185 2027-01-15", "C220 2027-01-15", &[]);
    script.until("2026-11-12 11:00");
    script.clear();
    script.assign_without_shares(&contract("C220 2027-01-15"), 1);
    check(&script, &["COLLAR_CALLED_AWAY"]);
    assert!(script.proposed.is_empty(), "{:?}", script.proposed);
    // Also after a restart, until the morning after, when what is held counts as it is held.
    script.restart();
    script.until("2026-11-13 10:00");
    assert!(script.proposed.is_empty(), "{:?}", script.proposed);
    script.until("2026-11-13 12:31");
    assert!(script.alerts.iter().any(|text| text.contains("SETTLE_LATE -100 AAPL")), "{:?}", script.alerts);
    assert!(script.proposed[0].starts_with("sell Open 1 AAPL 15Jan27"), "{:?}", script.proposed);
}
