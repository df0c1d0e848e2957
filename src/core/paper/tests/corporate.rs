//! Splits, dividends and the rest.

use super::*;

#[test]
fn splits_and_dividends_reach_books_and_orders() {
    let mut venue = venue();
    let report = run(
        &mut venue,
        "order 1 buy 100 AAPL mkt gtc
         quote AAPL 88.00x500 88.01x500
         order 2 sell 100 AAPL lmt 95 gtc
         split AAPL 2:1
         dividend AAPL 0.10",
    );
    assert_eq!(
        report,
        "1 ack\n1 filled 100 at 88.01 fee 0\n2 canceled the shares were split\ncorporate_action buy 100 AAPL at 0\ncash 20.00\n"
    );
    let position = &venue.positions()[0];
    assert_eq!(
        (position.quantity.to_string(), position.average_price.to_string()),
        ("200".into(), "44.005".into())
    );
}

#[test]
fn a_fraction_that_a_split_leaves_is_paid_at_the_open() {
    let mut venue = venue();
    let report = run(
        &mut venue,
        "order 1 buy 101 AAPL mkt gtc
         quote AAPL 89.99x500 90.00x500
         split AAPL 3:2
         quote AAPL 61.00x500 61.02x500
         quote AAPL 62.00x500 62.02x500",
    );
    assert_eq!(
        report,
        "1 ack\n1 filled 101 at 90 fee 0\ncorporate_action buy 50.5 AAPL at 0\ncorporate_action sell 0.5 AAPL at 61.01\n"
    );
    assert_eq!(venue.books().quantity(&Instrument::equity("AAPL").unwrap()), Quantity::from(151));
    // Whoever held a fraction before keeps fractions.
    let report = run(
        &mut venue_with(|_| {}),
        "order 1 buy 1.5 AAPL mkt gtc
         quote AAPL 89.99x500 90.00x500
         split AAPL 1:10
         quote AAPL 901.00x500 901.02x500",
    );
    assert!(report.ends_with("corporate_action sell 1.35 AAPL at 0\n"), "{report}");
}

#[test]
fn orders_at_a_split() {
    let script = "quote AAPL 89.99x500 90.00x500
         order 1 buy 100 AAPL mkt cls
         order 2 buy 100 AAPL lmt 80 gtc
         order 3 buy 100 AAPL stp 99 gtc
         order 4 buy 100 AAPL lmt 80
         order 5 buy 100 AAPL trail 1 gtc
         at 2026-11-24T15:10:00Z
         split AAPL 3:1";
    check(
        script,
        "1 ack
         2 ack
         3 ack
         4 ack
         5 ack
         2 canceled the shares were split
         3 canceled the shares were split
         4 canceled the shares were split
         5 canceled the shares were split
         1 restated 300",
    );
    check_with(
        |config| config.adjust_gtc = true,
        script,
        "1 ack
         2 ack
         3 ack
         4 ack
         5 ack
         4 canceled the shares were split
         5 canceled the shares were split
         1 restated 300
         2 restated 300 at 26.67
         3 restated 300 at 33",
    );
}

/// Options of an account that has bought two calls at 90 and written a put at 80, and what became of them.
fn options_after(script: &str) -> (String, Venue) {
    let mut venue = venue_with(|config| config.slippage_option = Slippage::None);
    run(
        &mut venue,
        "quote AAPL 89.99x500 90.00x500
         quote AAPL261218C00090000 4.90x50 5.00x50
         quote AAPL261218P00080000 1.00x50 1.10x50
         order 1 buy 2 AAPL261218C00090000 lmt 5 gtc
         order 2 sell 1 AAPL261218P00080000 lmt 1 gtc
         quote AAPL261218C00090000 4.90x50 5.00x50
         quote AAPL261218P00080000 1.00x50 1.10x50",
    );
    let report = run(&mut venue, script);
    (report, venue)
}

#[test]
fn options_follow_their_shares() {
    let rows: &[(&str, &[&str])] = &[
        ("split AAPL 3:1", &["AAPL  261218P00026666 -3 0.33", "AAPL  261218C00030000 6 1.67"]),
        ("split AAPL 3:2", &["AAPL1 261218P00080000 -1 1.00", "AAPL1 261218C00090000 2 5.00"]),
        ("split AAPL 1:10", &["AAPL1 261218P00080000 -1 1.00", "AAPL1 261218C00090000 2 5.00"]),
        (
            "split AAPL 3:2\nsplit AAPL 3:2",
            &["AAPL2 261218P00080000 -1 1.00", "AAPL2 261218C00090000 2 5.00"],
        ),
        ("special AAPL 3", &["AAPL  261218P00077000 -1 1.00", "AAPL  261218C00087000 2 5.00"]),
        ("dividend AAPL 3", &["AAPL  261218P00080000 -1 1.00", "AAPL  261218C00090000 2 5.00"]),
        ("rename AAPL APPL", &["APPL  261218P00080000 -1 1.00", "APPL  261218C00090000 2 5.00"]),
        ("merger AAPL 100", &[]),
    ];
    for (script, expect) in rows {
        let (_, venue) = options_after(script);
        let positions: Vec<String> = venue
            .positions()
            .iter()
            .map(|p| {
                format!("{} {} {:.2}", p.instrument.key(), p.quantity, p.average_price.get().round_dp(2))
            })
            .collect();
        assert_eq!(positions, *expect, "{script}");
    }
}

#[test]
fn a_merger_pays_what_options_are_worth_at_its_price() {
    let (report, _) = options_after("merger AAPL 100");
    assert_eq!(
        report,
        "expiration buy 1 AAPL  261218P00080000 at 0\ncorporate_action sell 2 AAPL  261218C00090000 at 10\n"
    );
}

#[test]
fn an_adjusted_contract_delivers_what_the_split_made_of_it() {
    // 150 shares for 90 x 100: the spot of 70 makes 10,500 of 9,000.
    let (report, mut venue) = options_after(
        "split AAPL 3:2
         order 3 buy 1 AAPL1261218C00090000 lmt 5 gtc
         at 2026-12-18T20:59:58Z
         quote AAPL 69.99x500 70.01x500 last 70
         at 2026-12-19T13:00:00Z",
    );
    assert!(report.contains("3 rejected ADJUSTED_OPTION\n"), "{report}");
    assert!(
        report.ends_with("exercise sell 2 AAPL1 261218C00090000 at 0\nexercise buy 300 AAPL at 60\n"),
        "{report}"
    );
    let before = venue.books().cash();
    let stored = serde_json::to_string(&venue).unwrap();
    venue = serde_json::from_str(&stored).unwrap();
    venue.reopen();
    assert_eq!(venue.books().cash(), before);
    assert_eq!(
        venue.specs[&Instrument::from_key("AAPL1 261218C00090000").unwrap()].deliverable,
        Decimal::from(150)
    );
}

#[test]
fn what_wants_a_decision_is_frozen() {
    check(
        "quote AAPL 89.99x500 90.00x500
         order 1 buy 100 AAPL lmt 80 gtc
         at 2026-11-24T15:10:00Z
         spinoff AAPL
         order 2 buy 1 AAPL mkt gtc",
        "1 ack
         1 canceled a corporate action that wants a decision of its holder
         2 rejected FROZEN",
    );
}

/// Nothing else would tell its holder before the next order is refused.
#[test]
fn whoever_holds_what_is_frozen_hears_of_it() {
    check(
        "order 1 buy 100 AAPL mkt gtc
         quote AAPL 89.99x500 90.00x500
         spinoff MSFT
         spinoff AAPL",
        "1 ack
         1 filled 100 at 90 fee 0
         POSITION_FROZEN frozen by a corporate action (spinoff): 100 AAPL",
    );
}

/// A symbol change renames what works: ids, terms, time priority and triggers stay, and the orders fill under the new symbol.
#[test]
fn a_symbol_change_renames_positions_and_working_orders() {
    check(
        "quote AAPL 89.99x500 90.00x500
         order 1 buy 100 AAPL mkt gtc
         quote AAPL 89.99x500 90.00x500
         order 2 buy 10 AAPL lmt 80 gtc
         order 3 buy 5 MSFT lmt 50 gtc
         order 4 sell 100 AAPL mkt gtc
         package 5 buy 1 +AAPL261218C00090000 -AAPL261218C00100000 lmt 0.50 gtc
         quote MSFT 89.99x500 90.00x500
         rename AAPL APPL
         quote AAPL 70.00x500 70.01x500
         quote APPL 79.00x500 79.01x500
         quote APPL261218C00090000 1.00x50 1.10x50
         quote APPL261218C00100000 0.70x50 0.80x50",
        "1 ack
         1 filled 100 at 90 fee 0
         2 ack
         3 ack
         4 ack
         5 ack
         corporate_action sell 100 AAPL at 90
         corporate_action buy 100 APPL at 90
         2 trades APPL
         4 trades APPL
         5 trades +1 APPL 18Dec26 90C / -1 APPL 18Dec26 100C
         2 filled 10 at 79.01 fee 0
         4 filled 100 at 79 fee 0
         5 filled 1 at 1.13 fee 0.7
         5 filled 1 at 0.68 fee 0.7",
    );
}
