//! Faults on purpose.

use super::*;

const FLOW: &str = "quote AAPL 99.98x500 100.00x500
     order 1 buy 100 AAPL lmt 100 tp 110 sl 95 gtc
     quote AAPL 99.98x500 100.00x60
     order 2 buy 50 AAPL lmt 99 gtc
     quote AAPL 99.98x500 100.00x61
     order 3 sell 10 AAPL lmt 99 gtc
     quote AAPL 99.97x500 100.00x500
     cancel 2
     quote AAPL 110.00x500 110.02x300
     at 2026-11-24T16:00:00Z";

fn with_faults(seed: u64, faults: Faults) -> (String, Venue) {
    let mut venue = venue_with(|config| {
        config.seed = seed;
        config.faults = faults;
    });
    (run(&mut venue, FLOW), venue)
}

#[test]
fn faults_change_what_is_said_and_not_what_is() {
    let (straight, plain) = with_faults(0, Faults::default());
    let lines = |report: &str| {
        let mut lines: Vec<String> = report.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let faults = Faults { drop_percent: 30, duplicate_percent: 30, delay_percent: 30, delay_ms: 2_500 };
    let (mut dropped, mut doubled, mut moved) = (0, 0, 0);
    for seed in 0..50 {
        let (report, venue) = with_faults(seed, faults);
        assert_eq!(venue.books(), plain.books(), "seed {seed}");
        assert_eq!(report, with_faults(seed, faults).0, "seed {seed} again");
        // Nothing is lost but acknowledgements, and nothing is made up.
        let (mut said, mut meant) = (lines(&report), lines(&straight));
        doubled += usize::from(said.windows(2).any(|pair| pair[0] == pair[1]));
        said.dedup();
        meant.dedup();
        let missing: Vec<_> = meant.iter().filter(|line| !said.contains(line)).collect();
        assert!(missing.iter().all(|line| line.ends_with("ack")), "seed {seed}: {missing:?}");
        assert!(said.iter().all(|line| meant.contains(line)), "seed {seed}: {said:?}");
        dropped += usize::from(!missing.is_empty());
        let mut in_order = straight.lines();
        moved += usize::from(!report.lines().all(|line| in_order.any(|other| other == line)));
    }
    assert!(dropped > 0 && doubled > 0 && moved > 0, "{dropped} dropped, {doubled} doubled, {moved} moved");
}
