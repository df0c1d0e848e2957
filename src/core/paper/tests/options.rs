//! Expiry, exercise, assignment.

use super::*;

#[test]
fn options_end_by_exercise_assignment_or_worthless() {
    check(
        "quote AAPL 231.00x500 231.02x500 last 231
         quote AAPL261218C00220000 11.00x50 11.10x50
         quote AAPL261218P00235000 5.00x50 5.10x50
         quote AAPL261218P00200000 0.50x50 0.52x50
         order 1 buy 1 AAPL261218C00220000 lmt 11.10 gtc
         order 2 sell 1 AAPL261218P00235000 lmt 5.00 gtc
         order 3 buy 1 AAPL261218P00200000 lmt 0.52 gtc
         quote AAPL261218C00220000 11.00x50 11.10x50
         quote AAPL261218P00235000 5.00x50 5.10x50
         quote AAPL261218P00200000 0.50x50 0.52x50
         at 2026-12-19T11:59:59Z
         at 2026-12-19T12:00:00Z",
        "1 ack
         2 ack
         3 ack
         1 filled 1 at 11.1 fee 0.7
         2 filled 1 at 5 fee 0.7
         3 filled 1 at 0.52 fee 0.7
         expiration sell 1 AAPL  261218P00200000 at 0
         exercise sell 1 AAPL  261218C00220000 at 0
         exercise buy 100 AAPL at 220
         assignment buy 1 AAPL  261218P00235000 at 0
         assignment buy 100 AAPL at 235",
    );
}

#[test]
fn an_option_that_expired_while_nobody_looked_waits_for_a_price() {
    let mut venue = venue();
    run(
        &mut venue,
        "quote AAPL261218C00220000 11.00x50 11.10x50
         order 1 buy 1 AAPL261218C00220000 lmt 11.10 gtc
         quote AAPL261218C00220000 11.00x50 11.10x50",
    );
    // The program ends, and starts after the expiry: the stored venue knows no prices.
    let stored = serde_json::to_string(&venue).unwrap();
    let mut venue: Venue = serde_json::from_str(&stored).unwrap();
    venue.reopen();
    let report = run(
        &mut venue,
        "at 2026-12-21T15:00:00Z
         quote MSFT 400.00x5 400.02x5
         quote AAPL 231.00x500 231.02x500 last 231",
    );
    assert_eq!(report, "exercise sell 1 AAPL  261218C00220000 at 0\nexercise buy 100 AAPL at 220\n");
    assert_eq!(venue.next_due(), None);
}

#[test]
fn what_cannot_be_paid_for_is_sold_before_the_close() {
    let poor = |config: &mut VenueConfig| {
        config.opening_cash = Decimal::from(5_000);
        config.slippage_option = Slippage::None;
    };
    let bought = "quote AAPL 231.00x500 231.02x500 last 231
         quote AAPL261218C00220000 11.00x50 11.10x50
         order 1 buy 1 AAPL261218C00220000 lmt 11.10 gtc
         quote AAPL261218C00220000 11.00x50 11.10x50
         order 2 sell 1 AAPL261218C00220000 lmt 30 gtc
         at 2026-12-18T20:44:00Z";
    let head = "1 ack
         1 filled 1 at 11.1 fee 0.7
         2 ack";
    check_with(
        poor,
        &format!("{bought}\nat 2026-12-18T20:45:00Z\nat 2026-12-19T13:00:00Z"),
        &format!(
            "{head}
             2 canceled the broker closes the position
             liquidation sell 1 AAPL  261218C00220000 at 11"
        ),
    );
    // Nobody bids: it is left to expire.
    check_with(
        poor,
        &format!("{bought}\nquote AAPL261218C00220000 - 11.10x50\nat 2026-12-19T13:00:00Z"),
        &format!(
            "{head}
             2 canceled the broker closes the position
             expiration sell 1 AAPL  261218C00220000 at 0"
        ),
    );
}

#[test]
fn a_holder_may_say_no_until_half_past_five() {
    let bought = "quote AAPL 231.00x500 231.02x500 last 231
         quote AAPL261218C00220000 11.00x50 11.10x50
         order 1 buy 1 AAPL261218C00220000 lmt 11.10 gtc
         quote AAPL261218C00220000 11.00x50 11.10x50
         at 2026-12-18T22:29:58Z";
    check(
        &format!("{bought}\nkeep AAPL261218C00220000\nat 2026-12-18T22:30:00Z"),
        "1 ack
         1 filled 1 at 11.1 fee 0.7
         kept
         expiration sell 1 AAPL  261218C00220000 at 0",
    );
    check(
        &format!("{bought}\nat 2026-12-18T22:30:00Z\nkeep AAPL261218C00220000"),
        "1 ack
         1 filled 1 at 11.1 fee 0.7
         exercise sell 1 AAPL  261218C00220000 at 0
         exercise buy 100 AAPL at 220
         too late",
    );
}

#[test]
fn the_close_of_the_last_session_decides() {
    // After the bell the shares fall below the strike: that is too late.
    check(
        "quote AAPL 231.00x500 231.02x500 last 231
         quote AAPL261218C00220000 11.00x50 11.10x50
         order 1 buy 1 AAPL261218C00220000 lmt 11.10 gtc
         quote AAPL261218C00220000 11.00x50 11.10x50
         at 2026-12-18T21:00:00Z
         quote AAPL 219.00x500 219.02x500 last 219
         at 2026-12-18T22:30:00Z",
        "1 ack
         1 filled 1 at 11.1 fee 0.7
         exercise sell 1 AAPL  261218C00220000 at 0
         exercise buy 100 AAPL at 220",
    );
}

#[test]
fn an_order_does_not_outlive_its_contract() {
    check(
        "quote AAPL 231.00x500 231.02x500 last 231
         order 1 buy 1 AAPL261218C00220000 lmt 5 gtc
         at 2026-12-18T21:00:00Z",
        "1 ack
         1 expired",
    );
}

const CALL_WRITTEN: &str = "quote AAPL 109.99x500 110.01x500 last 110
     quote AAPL261218C00100000 10.10x50 10.30x50
     order 1 sell 4 AAPL261218C00100000 lmt 10.10 gtc
     quote AAPL261218C00100000 10.10x50 10.30x50";

#[test]
fn a_call_is_assigned_before_a_dividend_that_is_worth_it() {
    // On the evening of the 30th the put is worth a few cents: a dividend of 2 is worth more, one of a cent is not.
    let script = |dividend: &str| {
        format!(
            "{CALL_WRITTEN}
             announce AAPL {dividend} 2026-12-01
             at 2026-12-01T11:59:59Z
             at 2026-12-01T12:00:00Z"
        )
    };
    let head = "1 ack
         1 filled 4 at 10.1 fee 2.81";
    check(
        &script("2"),
        &format!(
            "{head}
             assignment buy 4 AAPL  261218C00100000 at 0
             assignment sell 400 AAPL at 100"
        ),
    );
    check(&script("0.01"), head);
}

#[test]
fn deep_in_the_money_without_time_value_the_seed_decides() {
    // Three evenings within four days of the end: assigned in part, sooner or later, and the same way for the same seed.
    let script = "quote AAPL 109.99x500 110.01x500 last 110
         quote AAPL261218C00100000 9.95x50 10.05x50
         order 1 sell 4 AAPL261218C00100000 lmt 9.95 gtc
         quote AAPL261218C00100000 9.95x50 10.05x50
         at 2026-12-14T12:00:00Z
         at 2026-12-18T12:00:01Z";
    let assigned = |seed: u64| {
        let mut venue = venue_with(|config| config.seed = seed);
        let report = run(&mut venue, script);
        let lines: Vec<&str> = report.lines().filter(|line| line.starts_with("assignment buy")).collect();
        lines.join(",")
    };
    let all: Vec<String> = (0..40).map(assigned).collect();
    assert_eq!(all, (0..40).map(assigned).collect::<Vec<_>>());
    let none = all.iter().filter(|report| report.is_empty()).count();
    // Four evenings at one half each: a sixteenth is never assigned.
    assert!((0..=10).contains(&none), "{none} of 40 never assigned");
    for some in ["buy 1 ", "buy 2 ", "buy 3 ", "buy 4 "] {
        assert!(all.iter().any(|report| report.contains(some)), "{some}");
    }
    // With time value left nobody exercises.
    let with_value = script.replace("9.95x50 10.05x50", "10.45x50 10.55x50").replace("lmt 9.95", "lmt 10.45");
    let report = run(&mut venue(), &with_value);
    assert!(!report.contains("assignment"), "{report}");
}
