//! Entry: at no cost, with a wider put, for a debit, not at all; the put first; shares too.

use super::*;

const PAIR: &str = "+1 AAPL 12Feb27 185P / -1 AAPL 12Feb27 220C";

#[test]
fn a_pair_at_no_cost_with_a_wider_put_for_a_debit_or_none() {
    let narrow = ("put.min_floor_pct", "8");
    for (pairs, codes, order) in [
        // 185 is nearest to a delta of 0.25; 220 is the highest call that pays for it.
        (&[][..], &["COLLAR_OPEN"][..], format!("buy 2 {PAIR} at -0.62")),
        // 230 pays 3.45, the put at 185 costs 4.75 and at 180 3.68; 235 pays 2.80, and the put at 175 costs 2.70.
        (
            &[("call.min_upside_pct", "15")],
            &["COLLAR_OPEN"],
            "buy 2 +1 AAPL 12Feb27 175P / -1 AAPL 12Feb27 235C at -0.14".to_owned(),
        ),
        // No wider put is allowed, and half of a per cent of 200 pays what is missing.
        (
            &[("call.min_upside_pct", "12"), narrow],
            &["COLLAR_OPEN"],
            "buy 2 +1 AAPL 12Feb27 185P / -1 AAPL 12Feb27 225C at 0.56".to_owned(),
        ),
        (&[("call.min_upside_pct", "12"), narrow, ("max_debit_pct", "0")], &["COLLAR_NONE"], String::new()),
        (&[("call.min_upside_pct", "30"), narrow], &["COLLAR_NONE"], String::new()),
        // A floor in per cent, and a price, instead of a delta: the first strike at it or above.
        (
            &[("put.floor_pct", "11")],
            &["COLLAR_OPEN"],
            "buy 2 +1 AAPL 12Feb27 180P / -1 AAPL 12Feb27 225C at -0.81".to_owned(),
        ),
        (
            &[("put.floor", "172"), ("lots", "1")],
            &["COLLAR_OPEN"],
            "buy 1 +1 AAPL 12Feb27 175P / -1 AAPL 12Feb27 235C at -0.14".to_owned(),
        ),
    ] {
        let mut script = with_lots(2, pairs);
        script.until("2026-11-12 09:46");
        check(&script, codes);
        let expected: Vec<String> = if order.is_empty() { Vec::new() } else { vec![order] };
        assert_eq!(script.proposed, expected, "{pairs:?}");
        assert_eq!(script.alerts.is_empty(), codes != ["COLLAR_NONE"], "{:?}", script.alerts);
    }
}

/// What the account's limits let one order be is what is proposed, and the next evaluation goes on.
#[test]
fn the_limits_of_one_order_cap_the_lots() {
    use crate::strategies::Room;
    let proposed = |script: &mut Script, room: Room| {
        script.world.room = room;
        script.until("2026-11-12 09:46");
        script.proposed.first().cloned().unwrap_or_else(|| script.log[0].clone())
    };
    let few = Room { order_units: 1.into(), ..Room::default() };
    assert!(proposed(&mut with_lots(2, &[]), few).starts_with("buy 1 +1 AAPL"));
    let buys = || Script::new("collar", START, 100_000, &[("buy_shares", "true"), ("lots", "3")]);
    let said = proposed(&mut buys(), Room { order_money: 45_000.into(), ..Room::default() });
    assert!(said.starts_with("buy 2 "), "{said}");
    let said = proposed(&mut buys(), Room { position_money: 30_000.into(), ..Room::default() });
    assert!(said.starts_with("buy 1 "), "{said}");
    let said = proposed(&mut buys(), Room { order_money: 10_000.into(), ..Room::default() });
    assert!(said.starts_with("SKIP RISK_LIMIT") && said.contains("order_notional_max=10000"), "{said}");
}

#[test]
fn its_records_say_between_which_ends_the_shares_are() {
    let mut script = with_lots(1, &[]);
    script.until("2026-11-12 09:46");
    assert_eq!(
        script.log[0],
        "COLLAR_OPEN AAPL 12Feb27 185P x1 net=-0.615 max_net=0.05 call_strike=220 put_delta=-0.2547 dte=92 \
         max_loss=14.385 max_gain=20.615 break_even=199.385"
    );
    // Filled at 0.62, and said again of what stands.
    assert_eq!(
        script.log[1],
        "SKIP HEDGED AAPL 12Feb27 185P max_loss=14.38 max_gain=20.62 break_even=199.38 dte=92"
    );
}

#[test]
fn no_shares_no_lot_and_a_call_below_the_cost_are_left_alone() {
    let mut script = with_lots(0, &[]);
    script.until("2026-11-12 09:46");
    check(&script, &[]);
    script.give(share(), 99, "190");
    script.until("2026-11-12 12:31");
    check(&script, &[]);
    let mut script = with_lots(0, &[("call_floor", "average_cost")]);
    script.give(share(), 100, "229");
    script.until("2026-11-12 09:46");
    assert!(script.proposed[0].contains(" 235C"), "{:?}", script.proposed);
}

#[test]
fn without_packages_the_put_comes_first_and_the_call_pays_for_it() {
    let mut script = with_lots(2, &[]);
    script.world.standing.multi_leg = false;
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_OPEN", "COLLAR_OPEN"]);
    assert!(script.proposed[0].starts_with("buy Open 2 AAPL 12Feb27 185P"), "{:?}", script.proposed);
    assert!(script.proposed[1].starts_with("sell Open 2 AAPL 12Feb27 220C"), "{:?}", script.proposed);
    assert_eq!(options(&script), (2, 2));
}

#[test]
fn a_put_whose_call_is_not_sold_is_kept_and_tried_again() {
    let mut script = with_lots(1, &[]);
    script.world.standing.multi_leg = false;
    script.give(Instrument::Option(contract("P185 2027-02-12")), 1, "4.00");
    script.world.fills = Never;
    script.until("2026-11-12 10:00");
    check(&script, &["COLLAR_OPEN", "LADDER_END", "COLLAR_PUT_ONLY"]);
    script.until("2026-11-12 12:31");
    check(&script, &["COLLAR_OPEN", "LADDER_END", "COLLAR_PUT_ONLY", "COLLAR_OPEN"]);
    assert!(script.proposed.iter().all(|order| order.starts_with("sell Open 1 AAPL 12Feb27")));
    // No call pays any more: it is said, and the put stays.
    let mut script = with_lots(1, &[]);
    script.give(Instrument::Option(contract("P185 2027-02-12")), 1, "4.00");
    script.world.market.sigma = 0.10;
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_PUT_ONLY"]);
    assert_eq!(options(&script), (1, 0));
}

#[test]
fn lots_are_bought_with_their_options_or_before_them() {
    let pairs = [("lots", "2"), ("buy_shares", "true")];
    let mut script = with_lots(0, &pairs);
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_BUY"]);
    assert_eq!(script.proposed, [format!("buy 2 +100 AAPL / {PAIR} at 199.38")]);
    assert_eq!((script.world.claims[&share()].0, options(&script)), (200.into(), (2, 2)));
    // A broker that takes no shares in a package is asked once.
    let mut script = with_lots(0, &pairs);
    script.world.refuse_share_legs = true;
    script.until("2026-11-12 12:31");
    check(&script, &["COLLAR_BUY", "COLLAR_BUY", "COLLAR_OPEN"]);
    assert_eq!(script.proposed[1..], ["buy 200 AAPL at 210.02".to_owned(), format!("buy 2 {PAIR} at -0.62")]);
    // What cannot be paid is not bought, and what cannot be hedged neither.
    let mut script = Script::new("collar", START, 30_000, &pairs);
    script.until("2026-11-12 09:46");
    check(&script, &["COLLAR_BUY", "NO_CASH"]);
    assert!(script.proposed[0].starts_with("buy 1 +100 AAPL / "), "{:?}", script.proposed);
    let mut script = Script::new("collar", START, 10_000, &pairs);
    script.until("2026-11-12 09:46");
    check(&script, &["NO_CASH"]);
    let mut script = with_lots(0, &[pairs[0], pairs[1], ("call.min_upside_pct", "40")]);
    script.until("2026-11-12 09:46");
    assert!(script.proposed.is_empty(), "{:?}", script.proposed);
}

#[test]
fn each_market_and_account_that_is_not_fit_has_its_code() {
    type Change = fn(&mut Script);
    let rows: [(Change, &[&str]); 11] = [
        (|it| it.world.market.open_interest = 10, &["LOW_OI", "COLLAR_NONE"]),
        (|it| it.world.market.half_spread_percent = 12.0, &["SPREAD", "COLLAR_NONE"]),
        (|it| it.world.market.empty = true, &["COLLAR_NONE"]),
        (|it| it.world.market.crossed = true, &["NO_QUOTE", "COLLAR_NONE"]),
        (|it| it.world.market.halted = true, &["HALTED"]),
        (|it| it.world.market.age_s = 61, &["STALE"]),
        (|it| it.world.standing.halted = true, &["HALTED"]),
        (|it| it.world.standing.options_level = 1, &["OPTIONS_LEVEL"]),
        (|it| it.world.standing.closing_only = true, &["RESTRICTED"]),
        (|it| it.world.market.expiries = vec!["2026-12-18".parse().unwrap()], &["COLLAR_NONE"]),
        // Somebody else wrote a call on the lot.
        (
            |it| {
                let call = Instrument::Option(contract("C230 2026-12-18"));
                it.world.others = vec![(call, crate::domain::money::Quantity::from(-1))];
            },
            &["COVERED_ELSEWHERE"],
        ),
    ];
    for (change, codes) in rows {
        let mut script = with_lots(1, &[]);
        change(&mut script);
        script.until("2026-11-12 09:46");
        check(&script, codes);
        assert!(script.proposed.is_empty(), "{:?}", script.proposed);
    }
}

#[test]
fn a_partial_fill_keeps_what_it_got_and_the_rest_is_hedged_later() {
    let mut script = with_lots(2, &[]);
    script.world.fills = OneContract;
    script.until("2026-11-12 10:00");
    check(&script, &["COLLAR_OPEN", "LADDER_END"]);
    assert_eq!(options(&script), (1, 1));
    script.world.fills = AtOnce;
    script.until("2026-11-12 12:31");
    check(&script, &["COLLAR_OPEN", "LADDER_END", "COLLAR_OPEN"]);
    assert_eq!(options(&script), (2, 2));
}

#[test]
fn an_order_walks_no_further_than_it_may_cost() {
    // The pair may cost 0.05, and its natural price is beyond: it walks to 0.05 and ends.
    let mut script = with_lots(1, &[("call.min_upside_pct", "10")]);
    script.world.market.half_spread_percent = 4.0;
    script.world.fills = Natural;
    script.until("2026-11-12 10:00");
    let natural: f64 = number(&script.log[0], "max_net");
    for line in script.log.iter().filter(|line| line.starts_with("LADDER_STEP")) {
        assert!(number(line, "to") <= natural, "{line}");
    }
}
