//! Multi-leg orders.

use super::*;

const MARKET: &str = "quote SPY 605x500 605.02x500
     quote SPY261218C00600000 7.90x50 8.00x50
     quote SPY261218C00610000 4.00x50 4.10x50";

/// A market, then what the test is about.
#[track_caller]
fn after_market(change: impl FnOnce(&mut VenueConfig), script: &str, expect: &str) {
    check_with(change, &format!("{MARKET}\n{script}"), expect);
}

#[test]
fn packages_fill_whole_at_their_natural_price() {
    let mut venue = venue_with(|config| config.slippage_option = Slippage::None);
    let report = run(
        &mut venue,
        "quote SPY 605x500 605.02x500
         package 1 buy 2 +SPY261218C00600000 -SPY261218C00610000 lmt 4.00 gtc
         quote SPY261218C00600000 8.00x50 8.10x50
         quote SPY261218C00610000 4.00x50 4.10x50
         quote SPY261218C00600000 7.90x50 8.00x50",
    );
    assert_eq!(report, "1 ack\n1 filled 2 at 8 fee 1.41\n1 filled 2 at 4 fee 1.41\n");
    assert_eq!(
        venue.account(venue.now).cash,
        Decimal::from(1_000_000) - Decimal::from(800) - Decimal::new(282, 2)
    );
}

#[test]
fn a_package_takes_no_more_than_its_thinnest_leg_shows() {
    after_market(
        |config| config.slippage_option = Slippage::None,
        "package 1 buy 10 +SPY261218C00600000 -SPY261218C00610000*2 lmt 1.00 gtc
         quote SPY261218C00610000 4.00x7 4.10x50
         quote SPY261218C00610000 4.00x8 4.10x50",
        "1 ack
         1 filled 3 at 8 fee 2.11
         1 filled 6 at 4 fee 4.22
         1 filled 4 at 8 fee 2.81
         1 filled 8 at 4 fee 5.62",
    );
}

#[test]
fn a_package_slips_leg_by_leg_and_never_past_its_limit() {
    // A quarter of a spread of ten cents on each leg would make 4.05; at a limit of 4.03 one leg slips.
    after_market(
        |_| {},
        "package 1 buy 1 +SPY261218C00600000 -SPY261218C00610000 lmt 4.03 gtc
         quote SPY261218C00600000 7.90x50 8.00x50
         package 2 buy 1 +SPY261218C00600000 -SPY261218C00610000 mkt
         quote SPY261218C00600000 7.90x50 8.00x51",
        "1 ack
         1 filled 1 at 8.03 fee 0.7
         1 filled 1 at 4 fee 0.7
         2 ack
         2 filled 1 at 8.03 fee 0.7
         2 filled 1 at 3.98 fee 0.7",
    );
}

#[test]
fn a_package_for_all_or_nothing_takes_all_or_nothing() {
    after_market(
        |_| {},
        "package 1 buy 51 +SPY261218C00600000 -SPY261218C00610000 lmt 5.00 fok
         quote SPY261218C00600000 7.90x50 8.00x50
         package 2 buy 60 +SPY261218C00600000 -SPY261218C00610000 lmt 5.00 ioc
         quote SPY261218C00600000 7.90x50 8.00x49",
        "1 ack
         1 canceled not filled at once
         2 ack
         2 filled 49 at 8.03 fee 34.45
         2 filled 49 at 3.98 fee 34.45
         2 canceled not filled at once",
    );
}

#[test]
fn in_bars_a_package_is_decided_by_bars_of_one_time() {
    let mut venue = venue_with(|config| config.slippage_option = Slippage::None);
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (low, high) = ("SPY261218C00600000", "SPY261218C00610000");
    let mut bar = |minute: &str, key: &str, close: &str| {
        let start = at(&format!("2026-11-24T15:{minute}:00Z"));
        let (p, volume) = (price(close), Decimal::from(1_000));
        let bar = Bar { start, open: p, high: p, low: p, close: p, volume };
        venue.on_bar(start + SignedDuration::from_mins(1), &Instrument::from_key(key).unwrap(), &bar);
        if minute == "00" && key == high {
            let words = ["buy", "1", &format!("+{low}"), &format!("-{high}"), "lmt", "4.00", "gtc"];
            venue.submit(at("2026-11-24T15:01:00Z"), &package(1, &words));
            venue.advance(at("2026-11-24T15:01:01Z"));
        }
        let mut events = Vec::new();
        venue.drain(&mut events);
        let mut report = String::new();
        events.iter().for_each(|event| describe(&mut report, event));
        report
    };
    bar("00", low, "8");
    assert_eq!(bar("00", high, "3"), "1 ack\n");
    // The low strike falls to 6 while the high one is known only of a minute before: 6 - 3 is no price that anybody could have had.
    assert_eq!(bar("02", low, "6"), "");
    assert_eq!(bar("02", high, "1.50"), "");
    assert_eq!(bar("03", high, "2"), "");
    assert_eq!(bar("03", low, "6"), "1 filled 1 at 6 fee 0.7\n1 filled 1 at 2 fee 0.7\n");
}
