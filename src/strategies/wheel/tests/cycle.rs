//! The wheel's own path: entry, profit, roll, expiry, assignment, call, called away.

use super::*;

#[test]
fn cash_sells_puts_at_the_middle_for_what_it_secures() {
    let mut script = script(&[]);
    script.until("2026-11-12 09:46");
    // Half of 100,000 secures two at 190; the best yield for its risk is the nearest expiry. The fill is evaluated, and finds no more cash.
    check(&script, &["WHEEL_SELL_PUT", "NO_CASH"]);
    assert_eq!(script.proposed, ["sell Open 2 AAPL 11Dec26 190P at 2.58"]);
    assert!(script.log[0].contains("delta=-0.2462 dte=29"), "{}", script.log[0]);
    assert!(script.log[1].contains("needs=18000 slot_capital="), "{}", script.log[1]);
}

#[test]
fn half_of_the_credit_is_a_profit_to_take() {
    let mut script = with_put("P190 2026-12-18", 2, &[("write_put_when", "red_day")]);
    script.world.market.spot = 215.0;
    script.until("2026-11-12 09:46");
    check(&script, &["WHEEL_TAKE_PROFIT", "NOT_RED_DAY"]);
    assert!(script.proposed[0].starts_with("buy Close 2 AAPL 18Dec26 190P"), "{:?}", script.proposed);
    assert!(script.world.claims.is_empty());
}

#[test]
fn an_order_walks_from_the_middle_to_the_market_and_is_dropped_at_the_end() {
    let mut script = script(&[("contracts", "1")]);
    script.world.market.half_spread_percent = 4.0;
    script.world.fills = Natural;
    script.until("2026-11-12 09:50");
    // A sixth of the half spread is 0.017: whole ticks of two cents lead from 2.58 to the bid of 2.48 in five.
    let steps: Vec<&String> = script.log.iter().filter(|line| line.starts_with("LADDER_STEP")).collect();
    assert_eq!((steps.len(), script.world.claims.len()), (5, 1), "{:?}", script.log);
    assert!(steps[4].ends_with(" to=2.48"), "{:?}", script.log);
    let mut script = self::script(&[("contracts", "1")]);
    script.world.fills = Never;
    script.until("2026-11-12 10:00");
    check(&script, &["WHEEL_SELL_PUT", "LADDER_END"]);
    assert!(script.world.orders.is_empty());
    script.until("2026-11-12 12:31");
    check(&script, &["WHEEL_SELL_PUT", "LADDER_END", "WHEEL_SELL_PUT"]);
}

#[test]
fn a_put_out_of_the_money_is_rolled_for_a_credit_near_its_end() {
    let mut script = with_put("P190 2026-11-27", 1, &[("take_profit", "1"), ("contracts", "1")]);
    script.world.market.sigma = 0.40;
    script.until("2026-11-12 09:46");
    check(&script, &["WHEEL_ROLL"]);
    let order = &script.proposed[0];
    assert!(order.starts_with("buy 1 +1 AAPL 27Nov26 190P / -1 AAPL ") && order.contains(" at -"), "{order}");
    let rolled = memory(&script);
    assert_eq!((&rolled["campaign"]["put_rolls"], &rolled["half_rolled"]), (&1.into(), &false.into()));
    assert_eq!(script.world.claims.len(), 1);
}

#[test]
fn without_packages_the_purchase_comes_first() {
    let mut script = with_put("P190 2026-11-27", 1, &[("take_profit", "1"), ("contracts", "1")]);
    (script.world.standing.multi_leg, script.world.market.sigma) = (false, 0.40);
    script.until("2026-11-12 09:46");
    check(&script, &["WHEEL_ROLL", "WHEEL_SELL_PUT"]);
    assert!(script.proposed[0].starts_with("buy Close 1 AAPL 27Nov26 190P"), "{:?}", script.proposed);
    assert!(script.proposed[1].starts_with("sell Open 1 AAPL"), "{:?}", script.proposed);
    assert_eq!(memory(&script)["campaign"]["put_rolls"], 1);
}

#[test]
fn a_put_in_the_money_is_held_and_a_call_in_the_money_is_rolled() {
    let mut script = with_put("P205 2026-11-27", 1, &[("contracts", "1")]);
    script.until("2026-11-12 15:31");
    check(&script, &[]);
    let mut script = with_call("C199 2026-11-20", 1, &[("contracts", "1")]);
    script.world.market.sigma = 0.60;
    script.until("2026-11-12 09:46");
    check(&script, &["WHEEL_ROLL"]);
    let again = memory(&script);
    assert_eq!(again["campaign"]["call_rolls"], 1);
}

#[test]
fn nothing_that_pays_is_no_roll() {
    let mut script = with_call("C160 2026-11-20", 1, &[("contracts", "1")]);
    script.until("2026-11-12 09:46");
    check(&script, &["ROLL_NONE"]);
    let mut script = with_call("C160 2026-11-20", 1, &[("contracts", "1"), ("max_rolls", "0")]);
    script.world.market.sigma = 0.60;
    script.until("2026-11-12 09:46");
    check(&script, &["ROLL_NONE"]);
}

/// What cannot be rolled is bought back where it is told to, while that is a gain.
#[test]
fn what_cannot_be_rolled_is_closed_at_a_profit_when_it_is_told() {
    for (put, told, codes) in [
        ("P193 2026-11-20", "true", &["WHEEL_CLOSE"][..]),
        ("P193 2026-11-20", "false", &["ROLL_NONE"]),
        // It would cost more than it brought.
        ("P199 2026-11-20", "true", &["ROLL_NONE"]),
    ] {
        let pairs = [("contracts", "1"), ("max_rolls", "0"), ("take_profit", "1"), ("close_if_unable", told)];
        let mut script = with_put(put, 1, &pairs);
        script.world.fills = Never;
        script.until("2026-11-12 09:45");
        check(&script, codes);
        if told == "true" && codes == ["WHEEL_CLOSE"] {
            assert!(
                script.proposed[0].starts_with("buy Close 1 AAPL 20Nov26 193P at "),
                "{:?}",
                script.proposed
            );
        }
    }
}

/// From cash to shares to cash: every number of the campaign by hand.
#[test]
fn assigned_and_called_away_the_campaign_is_what_it_paid() {
    let mut script =
        script(&[("contracts", "1"), ("roll_dte", "0"), ("take_profit", "1"), ("cooldown_days", "3")]);
    script.until("2026-11-12 09:46");
    assert_eq!(script.proposed, ["sell Open 1 AAPL 11Dec26 190P at 2.58"]);
    script.world.market.spot = 185.0;
    script.until("2026-12-12 08:00");
    // 190 less 2.58, and 0.70 of fees over a hundred shares.
    let assigned = script.log.iter().find(|line| line.starts_with("WHEEL_ASSIGNED")).unwrap();
    assert_eq!(assigned, "WHEEL_ASSIGNED AAPL 11Dec26 190P x1 shares=100 basis=187.43");
    script.clear();
    script.until("2026-12-14 09:46");
    check(&script, &["WHEEL_SELL_CALL"]);
    let sold = script.proposed[0].clone();
    let strike: i64 = sold.split(' ').nth(5).unwrap().trim_end_matches('C').parse().unwrap();
    let credit: rust_decimal::Decimal = sold.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(strike >= 190, "{sold}");
    script.world.market.spot = 300.0;
    script.clear();
    // Day by day, so that the next put, which waits three days, is not in the cash yet.
    let mut day: jiff::civil::Date = "2026-12-15".parse().unwrap();
    let away = loop {
        script.until(&format!("{day} 08:00"));
        if let Some(line) = script.log.iter().find(|line| line.starts_with("WHEEL_CALLED_AWAY")) {
            break line.clone();
        }
        day = day.tomorrow().unwrap();
        assert!(day.year() < 2028, "{:?}", script.log);
    };
    let hundred = rust_decimal::Decimal::ONE_HUNDRED;
    let fees = rust_decimal::Decimal::new(140, 2);
    let pnl = (rust_decimal::Decimal::new(258, 2) + credit) * hundred - fees
        + rust_decimal::Decimal::from(strike - 190) * hundred;
    assert!(away.contains(&format!("at={strike} campaign_pnl={}", pnl.normalize())), "{away} {pnl}");
    assert_eq!(script.world.cash, rust_decimal::Decimal::from(100_000) + pnl);
    assert!(script.world.claims.is_empty());
}

#[test]
fn worthless_options_end_and_the_credit_stays() {
    let mut script = with_put("P190 2026-11-13", 1, &[("contracts", "1")]);
    script.world.fills = Never;
    script.until("2026-11-13 18:00");
    assert!(script.codes().contains(&"WHEEL_EXPIRED"), "{:?}", script.log);
    script.clear();
    script.world.fills = AtOnce;
    script.until("2026-11-16 09:46");
    check(&script, &["WHEEL_SELL_PUT"]);
}

#[test]
fn the_last_afternoon_of_a_put_at_its_strike_is_as_it_was_told() {
    for (pairs, codes) in [
        (&[("contracts", "1"), ("max_rolls", "0")][..], &[][..]),
        (
            &[("contracts", "1"), ("max_rolls", "0"), ("pin", "close")][..],
            &["WHEEL_PIN", "WHEEL_SELL_PUT"][..],
        ),
    ] {
        let mut script = with_put("P200 2026-11-12", 1, pairs);
        script.world.market.spot = 200.5;
        // At the strike an hour before the end it is still worth something.
        script.world.market.off = 1.9;
        script.world.standing.multi_leg = false;
        script.world.market.expiries = vec!["2026-12-18".parse().unwrap()];
        script.until("2026-11-12 15:31");
        let codes_seen: Vec<&str> =
            script.codes().into_iter().filter(|code| !["ROLL_NONE", "LOW_PREMIUM"].contains(code)).collect();
        assert_eq!(codes_seen, codes, "{:?}", script.log);
    }
}

#[test]
fn what_is_worthless_on_its_last_afternoon_is_bought_back_when_it_is_told() {
    let pairs = [("close_cheap", "true"), ("take_profit", "1"), ("contracts", "1"), ("max_rolls", "0")];
    let mut script = with_put("P180 2026-11-12", 1, &pairs);
    script.give(Instrument::Option(contract("P180 2026-11-12")), -1, "0.05");
    script.world.market.off = 0.02;
    script.until("2026-11-12 15:31");
    assert!(script.codes().contains(&"WHEEL_CLOSE_CHEAP"), "{:?}", script.log);
}

#[test]
fn a_call_whose_holder_would_take_the_dividend_is_rolled_or_closed_the_afternoon_before() {
    // 1.00 goes off on Friday; deep in the money there is less time value than that.
    for (how, codes) in [("close", &["WHEEL_EXDIV"][..]), ("accept", &[][..]), ("roll", &["WHEEL_EXDIV"][..])]
    {
        let pairs = [("contracts", "1"), ("ex_dividend", how), ("roll_call_itm", "false")];
        let mut script = with_call("C180 2026-11-20", 1, &pairs);
        script.world.events = Some(dividend("2026-11-13", 100));
        script.until("2026-11-12 15:29");
        check(&script, &[]);
        script.until("2026-11-12 15:31");
        let seen: Vec<&str> = script.codes().into_iter().take(codes.len()).collect();
        assert_eq!(seen, codes, "{how}: {:?}", script.log);
    }
    // A roll that nobody takes is given up a quarter of an hour before the close: the call is bought back.
    let mut script = with_call("C199 2026-11-13", 1, &[("contracts", "1"), ("roll_call_itm", "false")]);
    script.world.events = Some(dividend("2026-11-13", 200));
    script.world.fills = Never;
    script.until("2026-11-12 15:44");
    assert!(script.proposed.iter().any(|order| order.contains('/')), "rolled first: {:?}", script.proposed);
    script.clear();
    script.world.fills = AtOnce;
    script.until("2026-11-12 15:46");
    assert_eq!(script.codes()[0], "WHEEL_EXDIV", "{:?}", script.log);
    assert!(script.proposed[0].starts_with("buy Close 1 AAPL 13Nov26 199C"), "{:?}", script.proposed);
    // So much time value is left that nobody exercises for a dime.
    let mut script = with_call("C195 2026-12-18", 1, &[("contracts", "1")]);
    script.world.events = Some(dividend("2026-11-13", 10));
    script.until("2026-11-12 15:31");
    check(&script, &[]);
}
