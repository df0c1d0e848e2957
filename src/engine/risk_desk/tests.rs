//! The report over closes that are given: what is measured with what, and what is named where something is missing.

use std::sync::Arc;

use jiff::civil::date;

use super::*;
use crate::domain::calendar::plus_days;

fn now() -> Timestamp {
    "2026-11-24T18:45:10Z".parse().unwrap()
}

fn instrument(key: &str) -> Instrument {
    Instrument::from_key(key).unwrap()
}

/// Closes of so many days up to 23 November whose returns are `times` those of a fixed series.
fn closes(source: HistorySource, days: i64, times: f64) -> Known {
    let mut close = 100.0;
    let day = |n: i64| {
        let step = [0.01, -0.02, 0.004, 0.013, -0.007, 0.0][(n.rem_euclid(6)) as usize];
        close *= 1.0 + times * step;
        (plus_days(date(2026, 11, 23), n + 1 - days), close)
    };
    Ok(Arc::new(Closes { source, file: None, days: (0..days).map(day).collect() }))
}

fn held(positions: &[(&str, f64, f64)]) -> Held {
    let measured = |(key, units, spot): &(&str, f64, f64)| Measured {
        instrument: instrument(key),
        driver: instrument(key),
        value: Decimal::from_f64_retain(units * spot).unwrap(),
        sector: SmolStr::default(),
        holding: Holding { units: *units, spot: *spot, option: None },
    };
    Held {
        account: AccountId::new("live"),
        currency: Currency::USD,
        net_liquidation: Decimal::from(100_000),
        now: now(),
        measured: positions.iter().map(measured).collect(),
        unmeasured: Vec::new(),
    }
}

fn report(positions: &[(&str, f64, f64)], known: &[(&str, Known)]) -> RiskDesk {
    let known = known.iter().map(|(key, known)| (instrument(key), known.clone())).collect();
    held(positions).report(&known)
}

fn none(why: &str) -> Known {
    Err(why.to_owned())
}

#[test]
fn a_brokers_closes_give_betas_and_a_value_at_risk() {
    use HistorySource::Broker;
    let desk = report(
        &[("AAPL", 100.0, 200.0), ("KO", -50.0, 60.0)],
        &[
            ("AAPL", closes(Broker, 200, 2.0)),
            ("KO", closes(Broker, 200, 0.5)),
            ("SPY", closes(Broker, 200, 1.0)),
        ],
    );
    assert_eq!(desk.unmeasured, Vec::<String>::new());
    let betas: Vec<_> =
        desk.history.iter().map(|row| (row.name.as_str(), row.beta.unwrap().round_dp(2))).collect();
    assert_eq!(betas, [("AAPL", Decimal::TWO), ("KO", Decimal::new(5, 1))]);
    // 20,000 twice, 3,000 short by half.
    assert_eq!(desk.beta_weighted_delta.unwrap().round(), Decimal::from(38_500));
    // The worst of the six steps comes on each sixth day: 4 % of the one, 1 % of the other back.
    assert_eq!((desk.days, desk.value_at_risk_95), (199, Some(Decimal::from(770))));
    assert_eq!(desk.as_of, now());
}

#[test]
fn what_has_no_closes_is_named_and_the_rest_is_measured() {
    use HistorySource::Broker;
    let desk = report(
        &[("AAPL", 100.0, 200.0), ("NEW", 10.0, 10.0), ("OLD", 10.0, 10.0), ("GONE", 10.0, 10.0)],
        &[
            ("AAPL", closes(Broker, 200, 1.0)),
            ("NEW", closes(Broker, 12, 1.0)),
            ("OLD", {
                let old = closes(Broker, 200, 1.0).unwrap();
                let days = old.days.iter().map(|(day, close)| (plus_days(*day, -60), *close)).collect();
                Ok(Arc::new(Closes { days, ..(*old).clone() }))
            }),
            ("GONE", none("its broker did not answer")),
            ("SPY", closes(Broker, 200, 1.0)),
        ],
    );
    for line in [
        "NEW: 12 daily closes are too few; betas and value at risk leave it out",
        "OLD: its daily closes end on 2026-09-24; betas and value at risk leave it out",
        "GONE: no daily closes (its broker did not answer); betas and value at risk leave it out",
    ] {
        assert!(desk.unmeasured.iter().any(|said| said == line), "{line} is not in {:?}", desk.unmeasured);
    }
    assert_eq!((desk.unmeasured.len(), desk.history.len(), desk.days), (3, 3, 199));
    assert!(desk.value_at_risk_95.is_some() && desk.beta_weighted_delta.is_some());
    // What is exposed is exposed, whatever its past.
    assert_eq!(desk.by_class[0].long, Decimal::from(20_300));
}

#[test]
fn without_a_benchmark_that_is_said_once() {
    use HistorySource::Broker;
    let aapl = || ("AAPL", closes(Broker, 100, 1.0));
    let of = |benchmark: Option<Known>| {
        let known: Vec<_> = std::iter::once(aapl()).chain(benchmark.map(|it| ("SPY", it))).collect();
        report(&[("AAPL", 1.0, 200.0)], &known)
    };
    let desk = of(Some(none("no bars of it are known here")));
    assert_eq!(
        desk.unmeasured,
        ["SPY, the benchmark: no daily closes (no bars of it are known here); nothing has a beta"]
    );
    assert_eq!((desk.beta_weighted_delta, desk.value_at_risk_95.is_some()), (None, true));
    // Prices that were made up say nothing of real ones.
    let desk = of(Some(closes(HistorySource::Simulated, 100, 1.0)));
    assert_eq!(desk.unmeasured, ["AAPL: its closes are real, those of SPY simulated: no beta"]);
    let imported = of(Some(closes(HistorySource::Imported, 100, 1.0)));
    assert_eq!(imported.unmeasured, Vec::<String>::new(), "imported bars are real ones");
}

#[test]
fn days_that_nothing_has_in_common_are_no_history() {
    use HistorySource::Broker;
    let every_other = |odd: i64| {
        let all = closes(Broker, 200, 1.0).unwrap();
        let days = all.days.iter().enumerate().filter(|(n, _)| (*n as i64) % 2 == odd).map(|(_, day)| *day);
        Ok(Arc::new(Closes { days: days.collect(), ..(*all).clone() }))
    };
    let desk = report(
        &[("AAPL", 1.0, 200.0), ("KO", 1.0, 60.0)],
        &[("AAPL", every_other(0)), ("KO", every_other(1)), ("SPY", closes(Broker, 200, 1.0))],
    );
    assert_eq!(desk.unmeasured, ["value at risk: the histories have 0 days in common, too few"]);
    assert_eq!((desk.days, desk.value_at_risk_95), (0, None));
}

#[test]
fn an_account_that_holds_nothing_has_nothing_to_leave_out() {
    let desk = report(&[], &[]);
    assert!(desk.unmeasured.is_empty() && desk.history.is_empty() && desk.by_class.is_empty());
    assert_eq!((desk.beta_weighted_delta, desk.value_at_risk_95), (None, None));
}
