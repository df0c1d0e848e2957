//! What the venue says no to.

use super::*;

#[test]
fn orders_beyond_buying_power_are_rejected() {
    check(
        "quote AAPL 99.98x500 100.00x500
         order 1 buy 30000 AAPL mkt",
        "1 rejected BUYING_POWER",
    );
}

#[test]
fn a_broker_says_no_for_a_brokers_reasons() {
    let rows: &[(&str, &str)] = &[
        ("order 1 buy 10 AAPL lmt 100.005", "BAD_TICK"),
        ("order 1 buy 10 AAPL lmt 100.00 tp 110.001 sl 90", "BAD_TICK"),
        ("order 1 buy 10.0000001 AAPL mkt", "BAD_QUANTITY"),
        ("order 1 buy 1.5 AAPL261218C00220000 lmt 5 gtc", "BAD_QUANTITY"),
        ("order 1 buy 10 AAPL mkt ext", "MARKET_CLOSED"),
        ("order 1 buy 1 AAPL261120C00220000 lmt 5 gtc", "MARKET_CLOSED"),
        ("hard GME\norder 1 sell 10 GME mkt", "NOT_SHORTABLE"),
        ("order 1 sell 1 BTC-USD lmt 100000 gtc", "NOT_SHORTABLE"),
        ("order 1 buy 30000 AAPL mkt", "BUYING_POWER"),
        ("merger AAPL 60\norder 1 buy 1 AAPL mkt", "FROZEN"),
    ];
    for (script, code) in rows {
        let report = run(&mut venue(), &format!("quote AAPL 99.98x500 100.00x500\n{script}"));
        let refused = report.lines().filter(|line| line.starts_with("1 ")).collect::<Vec<_>>();
        assert_eq!(refused, [format!("1 rejected {code}")], "{script}");
    }
}

#[test]
fn an_immediate_order_finds_the_market_closed() {
    check_with(
        |config| config.sessions = Sessions::Nyse,
        "at 2026-11-24T23:00:00Z
         order 1 buy 10 AAPL lmt 100 ioc
         order 2 buy 10 AAPL mkt gtc
         at 2026-11-24T23:00:10Z",
        "1 rejected MARKET_CLOSED
         2 ack",
    );
}

#[test]
fn options_need_their_level() {
    let rows: &[(u8, &str, bool)] = &[
        (0, "order 1 buy 1 AAPL261218C00220000 lmt 5 gtc", false),
        (1, "order 1 buy 1 AAPL261218C00220000 lmt 5 gtc", false),
        (2, "order 1 buy 1 AAPL261218C00220000 lmt 5 gtc", true),
        // The account's cash secures the put; nothing covers the call.
        (1, "order 1 sell 1 AAPL261218P00200000 lmt 5 gtc", true),
        (3, "order 1 sell 1 AAPL261218C00220000 lmt 5 gtc", false),
        (4, "order 1 sell 1 AAPL261218C00220000 lmt 5 gtc", true),
        (2, "package 1 buy 1 +AAPL261218C00220000 -AAPL261218C00230000 lmt 5 gtc", false),
        (3, "package 1 buy 1 +AAPL261218C00220000 -AAPL261218C00230000 lmt 5 gtc", true),
        // A buy-write: the shares come with the call.
        (1, "package 1 buy 1 +AAPL*100 -AAPL261218C00230000 lmt 95 gtc", true),
    ];
    for (level, script, taken) in rows {
        let mut venue = venue_with(|config| config.options_level = *level);
        let script = format!(
            "quote AAPL 99.98x500 100.00x500
             quote AAPL261218C00220000 4.90x5 5.00x5
             quote AAPL261218C00230000 2.90x5 3.00x5
             quote AAPL261218P00200000 4.90x5 5.00x5
             {script}
             at 2026-11-24T15:01:00Z"
        );
        let expect = if *taken { "1 ack" } else { "1 rejected OPTIONS_LEVEL" };
        assert_eq!(run(&mut venue, &script).trim_end(), expect, "level {level}: {script}");
    }
}

#[test]
fn a_cash_account_sells_what_it_has() {
    check_with(
        |config| config.kind = crate::domain::account::AccountKind::Cash,
        "quote AAPL 99.98x500 100.00x500
         order 1 sell 10 AAPL mkt",
        "1 rejected NOT_SHORTABLE",
    );
}
