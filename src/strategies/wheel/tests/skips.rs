//! Why nothing is done: each code by the world that earns it.

use super::*;
use crate::domain::events::{Earnings, EarningsTime, UnderlyingEvents};
use crate::strategies::world::MarketNow;

/// A change of the market.
type Change = fn(&mut MarketNow);

#[track_caller]
fn skips(code: &str, pairs: &[(&str, &str)], change: Change) {
    let mut script = script(pairs);
    change(&mut script.world.market);
    script.world.refresh();
    script.until("2026-11-12 09:46");
    assert_eq!(script.codes(), [code], "{:?}", script.log);
    assert!(script.proposed.is_empty() && script.log[0].starts_with("SKIP"), "{:?}", script.log);
}

#[test]
fn each_market_that_is_not_fit_has_its_code() {
    skips("SPREAD", &[], |market| market.half_spread_percent = 12.0);
    skips("LOW_OI", &[], |market| market.open_interest = 99);
    skips("HALTED", &[], |market| market.halted = true);
    skips("NO_CONTRACT", &[], |market| market.empty = true);
    skips("NO_QUOTE", &[], |market| market.crossed = true);
    skips("STALE", &[], |market| market.age_s = 61);
    skips("LOW_PREMIUM", &[("min_premium", "8")], |_| ());
    skips("LOW_PREMIUM", &[("min_yield", "0.01"), ("max_yield", "0.02")], |_| ());
    skips("STRIKE_LIMIT", &[("put.max_strike", "150")], |_| ());
    skips("NO_CASH", &[("capital", "10000")], |_| ());
    skips("NOT_RED_DAY", &[("write_put_when", "red_day")], |market| market.previous_close = 199.0);
    skips("NOT_GREEN_DAY", &[("write_put_when", "green_day")], |_| ());
    skips("NO_BARS", &[("write_put_when", "move_sigma")], |_| ());
    skips("NO_MOVE", &[("write_put_when", "move_sigma")], |market| {
        market.closes = (0..31).map(|day| if day % 2 == 0 { 200.0 } else { 204.0 }).collect();
    });
}

/// Where no feed tells the close before, any day is one all the same; of the others nobody can say.
#[test]
fn any_day_needs_no_close_before() {
    for (when, proposes) in [("any", true), ("red_day", false)] {
        let mut script = script(&[("write_put_when", when)]);
        script.world.market.previous_close = 0.0;
        script.world.refresh();
        script.until("2026-11-12 09:46");
        assert_eq!(!script.proposed.is_empty(), proposes, "{when}: {:?}", script.log);
    }
}

/// What the account's limits let one order be is what is proposed: a proposal that is denied for ever earns nothing.
#[test]
fn the_limits_of_one_order_cap_the_contracts() {
    use crate::strategies::Room;
    let limited = |money: i64, units: i64| {
        let mut script = script(&[]);
        let (order_money, order_units) = (money.into(), units.into());
        script.world.room = Room { order_money, order_units, ..Room::default() };
        script.until("2026-11-12 09:46");
        (script.proposed.first().map(|order| order.split(" AAPL").next().unwrap().to_owned()), script.log)
    };
    assert_eq!(limited(1_000_000, 100).0.as_deref(), Some("sell Open 2"));
    assert_eq!(limited(25_000, 100).0.as_deref(), Some("sell Open 1"), "two strikes are beyond it");
    assert_eq!(limited(1_000_000, 1).0.as_deref(), Some("sell Open 1"));
    let (order, log) = limited(10_000, 100);
    assert_eq!(order, None);
    assert!(log[0].starts_with("SKIP RISK_LIMIT") && log[0].contains("order_notional_max=10000"), "{log:?}");
    // Calls by their number.
    let mut script = script(&[]);
    script.give(crate::strategies::world::share(), 300, "190");
    script.world.room = Room { order_units: 2.into(), ..Room::default() };
    script.until("2026-11-12 09:46");
    assert!(script.proposed[0].starts_with("sell Open 2 AAPL"), "{:?}", script.proposed);
}

#[test]
fn a_move_of_so_many_deviations_sells() {
    let mut script = script(&[("write_put_when", "move_sigma"), ("contracts", "1")]);
    // A deviation of 2 % of 210 is 4.2; the day has moved by 10.
    script.world.market.closes = (0..31).map(|day| if day % 2 == 0 { 200.0 } else { 204.0 }).collect();
    script.world.market.previous_close = 210.0;
    script.until("2026-11-12 09:46");
    check(&script, &["WHEEL_SELL_PUT"]);
}

#[test]
fn reports_before_the_expiry_are_avoided_and_unknown_ones_are_said() {
    let events = |earnings: Vec<Earnings>| UnderlyingEvents {
        dividends: Vec::new(),
        earnings,
        is_fund: false,
        as_of: jiff::Timestamp::UNIX_EPOCH,
    };
    let report = |day: &str| vec![Earnings { date: day.parse().unwrap(), time: EarningsTime::AfterClose }];
    for (pairs, earnings, codes) in [
        (&[][..], report("2026-12-01"), &["EARNINGS"][..]),
        (&[("earnings", "ignore")][..], report("2026-12-01"), &["WHEEL_SELL_PUT"][..]),
        (&[][..], report("2027-02-01"), &["WHEEL_SELL_PUT"][..]),
        (&[][..], Vec::new(), &["EARNINGS_UNKNOWN", "WHEEL_SELL_PUT"][..]),
        (&[("earnings_unknown", "block")][..], Vec::new(), &["EARNINGS_UNKNOWN", "EARNINGS"][..]),
    ] {
        let mut script = script(&[pairs, &[("contracts", "1")]].concat());
        script.world.events = Some(events(earnings));
        script.until("2026-11-12 09:46");
        check(&script, codes);
    }
    let mut script = script(&[("contracts", "1")]);
    script.world.events = None;
    script.until("2026-11-12 09:46");
    check(&script, &["EARNINGS_UNKNOWN", "WHEEL_SELL_PUT"]);
}

#[test]
fn what_is_written_is_bought_back_before_the_report_when_it_is_told() {
    for (time, day) in [(EarningsTime::AfterClose, "2026-11-12"), (EarningsTime::BeforeOpen, "2026-11-13")] {
        let mut script = with_put("P190 2026-12-18", 1, &[("contracts", "1"), ("earnings", "close_before")]);
        let mut events = dividend("2026-01-01", 1);
        (events.is_fund, events.earnings) = (false, vec![Earnings { date: day.parse().unwrap(), time }]);
        script.world.events = Some(events);
        script.until("2026-11-12 15:44");
        check(&script, &[]);
        script.until("2026-11-12 15:46");
        assert_eq!(script.codes()[0], "WHEEL_EARNINGS", "{:?}", script.log);
        assert!(script.world.claims.is_empty());
    }
}

#[test]
fn the_account_says_what_it_may() {
    let mut script = script(&[]);
    script.world.standing.options_level = 0;
    script.until("2026-11-12 09:46");
    check(&script, &["OPTIONS_LEVEL"]);
    script.clear();
    script.world.standing.options_level = 1;
    script.world.standing.closing_only = true;
    script.until("2026-11-12 12:31");
    check(&script, &["RESTRICTED"]);
    script.clear();
    script.world.standing.halted = true;
    script.until("2026-11-12 15:31");
    check(&script, &["HALTED"]);
    // Restricted to closing, it still takes its profits.
    let mut script = with_put("P190 2026-12-18", 1, &[]);
    (script.world.standing.closing_only, script.world.market.spot) = (true, 215.0);
    script.until("2026-11-12 09:46");
    check(&script, &["WHEEL_TAKE_PROFIT", "RESTRICTED"]);
}

#[test]
fn cash_that_another_strategy_took_is_no_cash() {
    let mut script = script(&[]);
    script.world.reserved_elsewhere = 90_000.into();
    script.until("2026-11-12 09:46");
    check(&script, &["NO_CASH"]);
    // Taken between evaluation and risk: refused once, and not tried again before the next evaluation.
    let mut script = self::script(&[("contracts", "1")]);
    script.world.refuse_openings = true;
    script.until("2026-11-12 12:29");
    check(&script, &["WHEEL_SELL_PUT"]);
    script.world.refuse_openings = false;
    script.until("2026-11-12 12:31");
    check(&script, &["WHEEL_SELL_PUT", "WHEEL_SELL_PUT"]);
}

#[test]
fn a_campaign_that_lost_too_much_opens_no_more_and_a_loss_cools_down() {
    let mut script =
        script(&[("max_loss_pct", "1"), ("roll_dte", "0"), ("contracts", "2"), ("max_new_contracts", "1")]);
    script.until("2026-11-12 09:46");
    script.world.market.spot = 170.0;
    script.until("2026-11-13 09:46");
    assert_eq!(script.codes()[..2], ["WHEEL_SELL_PUT", "MAX_LOSS"], "{:?}", script.log);
    assert_eq!(script.proposed.len(), 1);
}

#[test]
fn a_broker_that_refuses_cents_gets_nickels() {
    let mut script = script(&[("contracts", "1")]);
    (script.world.refuse_openings, script.world.refusal) = (true, "price must be in increments of 0.05");
    script.until("2026-11-12 09:46");
    assert_eq!(memory(&script)["wide_ticks"], true);
    script.clear();
    script.world.refuse_openings = false;
    script.until("2026-11-12 12:31");
    assert_eq!(script.proposed, ["sell Open 1 AAPL 11Dec26 190P at 2.6"]);
}
