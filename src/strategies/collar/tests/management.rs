//! What becomes of a pair: dividends, time, the shares up and down, the end.

use super::*;

/// Nothing but what the row is about.
const STILL: [(&str, &str); 2] = [("roll_up_at_pct", "1000"), ("roll_up_delta", "1")];

#[test]
fn both_legs_are_rolled_near_their_end_as_one_order_or_one_after_the_other() {
    let mut script = hedged(2, "P185 2026-12-04", "C220 2026-12-04", &[]);
    script.until("2026-11-12 15:31");
    check(&script, &[]);
    let mut script = hedged(2, "P185 2026-11-27", "C220 2026-11-27", &[]);
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_ROLL_TIME"]);
    let order = &script.proposed[0];
    let closing = "buy 2 +1 AAPL 27Nov26 220C / -1 AAPL 27Nov26 185P / ";
    assert!(
        order.starts_with(&format!("{closing}+1 AAPL 12Feb27 185P / -1 AAPL 12Feb27 220C at ")),
        "{order}"
    );
    assert_eq!(options(&script), (2, 2));
    let mut script = hedged(2, "P185 2026-11-27", "C220 2026-11-27", &[]);
    script.world.standing.multi_leg = false;
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_ROLL_TIME", "COLLAR_UNWIND", "COLLAR_OPEN", "COLLAR_OPEN"]);
    let starts =
        ["buy Close 2 AAPL 27Nov26 220C", "sell Close 2 AAPL 27Nov26 185P", "buy Open 2", "sell Open 2"];
    assert!(
        script.proposed.iter().zip(starts).all(|(order, start)| order.starts_with(start)),
        "{:?}",
        script.proposed
    );
    assert_eq!(options(&script), (2, 2));
}

#[test]
fn a_roll_that_was_half_done_goes_on_after_a_restart() {
    let mut script = hedged(1, "P185 2026-11-27", "C220 2026-11-27", &[]);
    script.world.standing.multi_leg = false;
    script.world.fills = Never;
    script.until("2026-11-12 09:45");
    assert_eq!(script.world.orders.len(), 1);
    script.restart();
    script.world.fills = AtOnce;
    script.match_orders();
    script.until("2026-11-12 12:31");
    assert_eq!(options(&script), (1, 1));
    assert_eq!((held(&script, "P185 2026-11-27"), held(&script, "C220 2026-11-27")), (0, 0));
}

#[test]
fn a_rising_price_rolls_up_and_out_for_no_more_than_no_cost() {
    for (call, pairs, codes) in [
        // 98 % of 204 is 199.92.
        ("C204 2026-12-11", &[][..], &["COLLAR_ROLL_UP"][..]),
        ("C205 2026-12-11", &[], &[]),
        ("C205 2026-12-11", &[("roll_up_at_pct", "97")], &["COLLAR_ROLL_UP"]),
        ("C205 2026-12-11", &[("roll_up_delta", "0.42")], &[]),
        // The new one has as large a delta, and no further one pays.
        ("C205 2026-12-11", &[("roll_up_delta", "0.41")], &["COLLAR_ROLL_UP", "ROLL_NONE"]),
        // So deep that nothing pays for it: the shares may be called away.
        ("C160 2026-12-11", &[], &["ROLL_NONE"]),
    ] {
        let mut script = hedged(1, "P180 2026-12-11", call, pairs);
        script.until("2026-11-12 09:46");
        check(&script, codes);
        assert_eq!(options(&script), (1, 1));
        if codes.contains(&"COLLAR_ROLL_UP") {
            let order = &script.proposed[0];
            let strikes: Vec<i64> = order
                .split([' ', '/'])
                .filter_map(|word| word.strip_suffix(['C', 'P']).and_then(|strike| strike.parse().ok()))
                .collect();
            assert!(order.contains("12Feb27") && strikes.len() == 4, "{order}");
            // Call bought and put sold, put bought and call sold: both higher, or as high.
            assert!(strikes[2] >= strikes[1] && strikes[3] > strikes[0], "{order}");
            let net: f64 = order.rsplit(' ').next().unwrap().parse().unwrap();
            assert!(net <= 0.05, "{order}");
        }
    }
}

#[test]
fn a_falling_price_does_what_it_was_told() {
    for (how, multi_leg, codes) in [
        ("hold", true, &[][..]),
        ("roll_down", true, &["COLLAR_ROLL_DOWN"][..]),
        ("roll_down", false, &["COLLAR_ROLL_DOWN", "COLLAR_CALL_ONLY"]),
    ] {
        let mut script = hedged(1, "P185 2027-01-15", "C220 2027-01-15", &[("down_action", how)]);
        (script.world.market.spot, script.world.standing.multi_leg) = (160.0, multi_leg);
        script.until("2026-11-12 09:46");
        check(&script, codes);
        assert_eq!(options(&script), (1, 1), "{how}");
        assert_eq!(held(&script, "P185 2027-01-15"), i64::from(how == "hold"));
        if multi_leg && how == "roll_down" {
            assert!(
                script.proposed[0].contains("-1 AAPL 15Jan27 185P / +1 AAPL 15Jan27 "),
                "{:?}",
                script.proposed
            );
            assert!(number(&script.log[0], "gain") > 10.0, "{:?}", script.log);
        }
    }
}

#[test]
fn a_call_whose_holder_would_take_the_dividend_is_closed_the_afternoon_before() {
    for (how, codes) in [
        ("close", &["COLLAR_EXDIV", "COLLAR_OPEN"][..]),
        ("roll", &["COLLAR_EXDIV", "COLLAR_OPEN"]),
        ("accept", &[]),
    ] {
        let mut script =
            hedged(1, "P180 2026-12-18", "C160 2026-12-18", &[STILL[0], STILL[1], ("ex_dividend", how)]);
        script.world.events = Some(dividend("2026-11-13", 100));
        script.until("2026-11-12 15:29");
        check(&script, &[]);
        script.until("2026-11-12 15:31");
        check(&script, codes);
        assert_eq!(held(&script, "C160 2026-12-18"), if how == "accept" { -1 } else { 0 });
    }
    // At the money a roll costs little, and the later call has more time value than the dividend.
    let mut script =
        hedged(1, "P180 2026-11-20", "C198 2026-11-20", &[STILL[0], STILL[1], ("roll_dte", "0")]);
    script.world.events = Some(dividend("2026-11-13", 400));
    script.until("2026-11-12 15:31");
    check(&script, &["COLLAR_EXDIV"]);
    assert!(script.proposed[0].contains(" / -1 AAPL 12Feb27 "), "{:?}", script.proposed);
}

/// A roll before the ex-date that nobody takes is given up a quarter of an hour before the close, and the call is bought back: else the holder
/// takes the shares, and the dividend with them. So is a call whose evaluation found another order at work.
#[test]
fn a_roll_for_a_dividend_that_nobody_takes_ends_with_the_call_bought_back() {
    let pairs = [STILL[0], STILL[1], ("roll_dte", "0")];
    let mut script = hedged(1, "P180 2026-11-20", "C198 2026-11-20", &pairs);
    script.world.events = Some(dividend("2026-11-13", 400));
    script.world.fills = Never;
    script.until("2026-11-12 15:44");
    assert!(script.proposed.iter().any(|order| order.contains(" / ")), "rolled first: {:?}", script.proposed);
    assert_eq!(held(&script, "C198 2026-11-20"), -1);
    script.world.fills = AtOnce;
    script.until("2026-11-12 15:46");
    assert_eq!(held(&script, "C198 2026-11-20"), 0, "{:?}", script.log);
    // Two lots, one of them bare: the pair for it walks when the last half hour begins, and ends there unfilled.
    let mut script =
        hedged(1, "P180 2026-12-18", "C160 2026-12-18", &[STILL[0], STILL[1], ("ex_dividend", "close")]);
    script.world.fills = Never;
    script.until("2026-11-12 15:29");
    script.give(share(), 200, "190");
    script.world.events = Some(dividend("2026-11-13", 100));
    script.until("2026-11-12 15:55");
    script.world.fills = AtOnce;
    script.match_orders();
    assert_eq!(held(&script, "C160 2026-12-18"), 0, "{:?}", script.log);
}

/// The only expiry is the one that ends: nothing can be rolled.
fn ending(put: &str, call: &str, spot: f64, pairs: &[(&str, &str)]) -> Script {
    let mut script = hedged(1, put, call, pairs);
    script.world.market.expiries = vec!["2026-11-20".parse().unwrap()];
    script.world.market.spot = spot;
    script
}

#[test]
fn called_away_at_the_calls_strike() {
    let mut script = ending("P185 2026-11-20", "C205 2026-11-20", 220.0, &[]);
    script.until("2026-11-23 08:00");
    let away = script.log.iter().find(|line| line.starts_with("COLLAR_CALLED_AWAY")).unwrap();
    assert_eq!(away, "COLLAR_CALLED_AWAY AAPL 20Nov26 205C x1 shares=-100 at=205");
    assert!(script.world.claims.is_empty(), "{:?}", script.world.claims);
    assert_eq!(script.world.cash, (100_000 + 20_500).into());
    // The put that is still worth something goes before.
    let mut script = ending("P185 2026-11-20", "C205 2026-11-20", 220.0, &[]);
    script.world.market.off = 0.30;
    script.until("2026-11-23 08:00");
    assert!(script.codes().contains(&"COLLAR_SELL_PUT"), "{:?}", script.log);
}

#[test]
fn a_put_in_the_money_is_sold_to_keep_the_shares_or_exercised() {
    let mut script = ending("P185 2026-11-20", "C220 2026-11-20", 160.0, &[]);
    script.until("2026-11-23 08:00");
    assert!(script.codes().contains(&"COLLAR_SELL_PUT"), "{:?}", script.log);
    assert_eq!(script.world.claims.len(), 1, "{:?}", script.world.claims);
    script.world.market.expiries.clear();
    script.clear();
    script.until("2026-11-23 09:46");
    check(&script, &["COLLAR_OPEN"]);
    let pairs = [("protect_shares", "false"), ("down_action", "exercise")];
    let mut script = hedged(1, "P185 2026-11-20", "C220 2026-11-20", &pairs);
    script.world.market.spot = 160.0;
    script.until("2026-11-23 08:00");
    check(&script, &["COLLAR_EXERCISED", "COLLAR_EXPIRED"]);
    assert!(script.log.iter().any(|line| line.ends_with("185P x1 shares=-100 at=185")), "{:?}", script.log);
    assert!(script.world.claims.is_empty());
}

/// On its last afternoon a roll that finds nobody is tried again, and in the last quarter of an hour the put is sold, so that the shares stay.
#[test]
fn a_roll_that_nobody_takes_does_not_cost_the_shares() {
    let mut script = hedged(1, "P185 2026-11-20", "C220 2026-11-20", &[]);
    script.world.market.spot = 160.0;
    script.world.fills = Never;
    script.until("2026-11-20 15:44");
    let rolls = |script: &Script| script.codes().iter().filter(|code| **code == "COLLAR_ROLL_TIME").count();
    let sold = |script: &Script| script.codes().contains(&"COLLAR_SELL_PUT");
    script.clear();
    script.until("2026-11-20 15:45");
    assert!(!sold(&script), "{:?}", script.log);
    script.clear();
    script.until("2026-11-20 15:55");
    assert!(sold(&script) && rolls(&script) == 0, "{:?}", script.log);
    let sale = script.proposed.iter().find(|line| line.starts_with("sell"));
    assert!(
        sale.is_some_and(|line| line.starts_with("sell Close 1 AAPL 20Nov26 185P")),
        "{:?}",
        script.proposed
    );
}

#[test]
fn what_expires_worthless_is_followed_by_another_pair() {
    let mut script = ending("P185 2026-11-20", "C220 2026-11-20", 200.0, &[]);
    script.until("2026-11-20 18:00");
    assert_eq!(options(&script), (0, 0));
    script.world.market.expiries.clear();
    script.clear();
    script.until("2026-11-23 09:46");
    check(&script, &["COLLAR_OPEN"]);
}
