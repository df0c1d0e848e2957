//! Orders against bars.

use super::*;

#[test]
fn bars_decide_by_the_next_bar_alone() {
    check(
        "bar AAPL 100 101 99 100 100000
         order 1 buy 100 AAPL mkt gtc
         order 2 buy 100 AAPL lmt 99.5 gtc
         order 3 buy 100 AAPL stp 101 gtc
         bar AAPL 100.5 100.9 99.5 100 100000
         bar AAPL 100 102 99.4 101 100000
         order 4 sell 100 AAPL lmt 103 gtc oco 4
         order 5 sell 100 AAPL stp 98 gtc oco 4
         bar AAPL 100 104 97 100 100000
         order 6 sell 200 AAPL stp 98 gtc
         bar AAPL 96 97 95 96 100000",
        "1 ack
         2 ack
         3 ack
         1 filled 100 at 100.5 fee 0
         3 filled 100 at 101 fee 0
         2 filled 100 at 99.5 fee 0
         4 ack
         5 ack
         5 filled 100 at 98 fee 0
         4 canceled the other side of its pair filled
         6 ack
         6 filled 200 at 96 fee 0",
    );
}

#[test]
fn a_bar_gives_a_tenth_of_its_volume() {
    check(
        "bar AAPL 100 101 99 100 1000
         order 1 buy 150 AAPL mkt gtc
         bar AAPL 100 101 99 100 1000
         bar AAPL 102 103 101 102 1000",
        "1 ack
         1 filled 100 at 100 fee 0
         1 filled 50 at 102 fee 0",
    );
}

#[test]
fn a_triggered_stop_stays_triggered() {
    check(
        "bar AAPL 100 101 99 100 1000
         order 1 sell 150 AAPL stp 98 gtc
         order 2 sell 150 AAPL trail 2 gtc
         bar AAPL 100 100 97 99 1000
         bar AAPL 105 106 104 105 2000",
        "1 ack
         2 ack
         1 filled 100 at 98 fee 0
         2 stop at 98
         1 filled 50 at 105 fee 0
         2 filled 150 at 105 fee 0",
    );
}

#[test]
fn what_is_open_when_the_data_ends_is_cancelled() {
    check(
        "bar AAPL 100 101 99 100 1000
         order 1 buy 100 AAPL mkt gtc
         order 2 buy 100 AAPL lmt 90 gtc tp 110 sl 80
         end",
        "21 ack
         22 ack
         1 ack
         2 ack
         1 canceled the data ended
         2 canceled the data ended
         21 canceled its parent ended without a fill
         22 canceled its parent ended without a fill",
    );
}

#[test]
fn a_closing_order_has_the_bar_that_ends_the_session() {
    check(
        "at 2026-11-24T20:57:30Z
         order 1 buy 100 AAPL mkt cls
         bar AAPL 100 101 99 100 100000
         at 2026-11-24T20:59:00Z
         bar AAPL 101 102 100 102 100000",
        "1 ack
         1 filled 100 at 102 fee 0",
    );
}

#[test]
fn the_square_root_model_learns_from_the_bars() {
    let mut venue = venue_with(|config| config.slippage = Slippage::SquareRoot(Decimal::new(7, 1)));
    let mut script = String::new();
    for (day, close) in [(16, 100), (17, 102), (18, 99), (19, 101), (20, 100)] {
        script.push_str(&format!(
            "at 2026-11-{day}T14:30:00Z\nbar AAPL {close} {close} {close} {close} 10000\n"
        ));
    }
    script.push_str("at 2026-11-23T14:30:00Z\norder 1 buy 100 AAPL mkt gtc\nbar AAPL 100 100 100 100 10000");
    // Returns of +1.98, -2.99, +2.00 %: 2.86 % a day; 0.7 x 2.86 % x root of 1 % x 100 is 20 cents.
    assert_eq!(run(&mut venue, &script), "1 ack\n1 filled 100 at 100.2 fee 0\n");
}

#[test]
fn what_ends_with_a_bar_waits_for_the_other_bars_of_that_instant() {
    let mut venue = venue();
    let at = |text: &str| format!("2026-11-24T{text}Z").parse::<Timestamp>().unwrap();
    venue.submit(at("20:58:58"), &order(1, &["buy", "10", "MSFT", "mkt"]));
    venue.submit(at("20:58:58"), &order(2, &["buy", "10", "AAPL", "lmt", "1", "gtc"]));
    venue.advance(at("20:59:00"));
    // Due within the bar: when it is seen to, nothing of the bar's own end may be.
    venue.cancel(at("20:59:00"), id(2));
    for key in ["AAPL", "MSFT"] {
        let (p, volume) = (price("100"), Decimal::from(10_000));
        let bar = Bar { start: at("20:59:00"), open: p, high: p, low: p, close: p, volume };
        venue.on_bar(at("21:00:00"), &Instrument::from_key(key).unwrap(), &bar);
    }
    let (mut events, mut report) = (Vec::new(), String::new());
    venue.drain(&mut events);
    events.iter().for_each(|event| describe(&mut report, event));
    assert_eq!(report, "1 ack\n2 ack\n2 canceled -\n1 filled 10 at 100 fee 0\n");
}
