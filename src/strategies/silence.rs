//! Steps of time in which nothing traded: bars that stand at the last close, for averages that need equal steps (strategies §3). They are made
//! for that alone: nobody trades on them, and no size is measured by them.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::domain::calendar::{Calendar, MarketPhase, exchange_date};
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval};

use super::params::{ParamKind, ParamSpec};

/// Are they made.
pub(super) const FILL_FORWARD: ParamSpec = ParamSpec {
    name: "fill_forward",
    kind: ParamKind::Flag,
    default: "false",
    about: "do the averages count steps in which nothing traded, each at the last close; nothing is decided on those",
};

/// Steps of one silence at most, the newest ones: no average looks back over more.
const STEPS_MAX: usize = 10_000;

/// The steps between two bars in which the market was open and nothing traded, oldest first: sessions for bars of a day, else parts of the
/// regular sessions. Empty where the second follows the first.
pub(super) fn between(
    calendar: &Calendar,
    (instrument, interval): (&Instrument, Interval),
    before: &Bar,
    after: &Bar,
) -> Vec<Bar> {
    let length = SignedDuration::from_secs(interval.seconds());
    let class = instrument.asset_class();
    let always = class.trades_around_the_clock();
    let by_session = interval == Interval::Day1 && !always;
    // A week is one step whatever its sessions are; a coin's market never closes.
    let is_open =
        |at| always || interval == Interval::Week1 || calendar.phase(class, at) == MarketPhase::Regular;
    let mut starts = Vec::new();
    let mut at = after.start;
    while starts.len() < STEPS_MAX {
        at = if by_session {
            let day = calendar.previous_session(exchange_date(at));
            let Some(session) = calendar.session(day) else { break };
            session.open
        } else {
            let Ok(earlier) = at.checked_sub(length) else { break };
            earlier
        };
        let is_after =
            if by_session { exchange_date(at) > exchange_date(before.start) } else { at > before.start };
        if !is_after {
            break;
        }
        if by_session || is_open(at) {
            starts.push(at);
        }
    }
    let close = before.close;
    let still = |start| Bar { start, open: close, high: close, low: close, close, volume: Decimal::ZERO };
    starts.into_iter().rev().map(still).collect()
}

/// Bars with the steps between them in which nothing traded, oldest first.
#[must_use]
pub fn filled(calendar: &Calendar, of: (&Instrument, Interval), bars: &[Bar]) -> Vec<Bar> {
    let mut all: Vec<Bar> = bars.first().copied().into_iter().collect();
    for pair in bars.windows(2) {
        all.extend(between(calendar, of, &pair[0], &pair[1]));
        all.push(pair[1]);
    }
    all
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::money::Price;

    fn starts(symbol: &str, interval: Interval, from: &str, to: &str) -> Vec<String> {
        let instrument = Instrument::from_key(symbol).unwrap();
        let bar = |at: &str, close: i64| {
            let start: Timestamp = at.parse().unwrap();
            let (low, high) = (Price::from(close - 1), Price::from(close + 1));
            Bar { start, open: low, high, low, close: Price::from(close), volume: Decimal::TEN }
        };
        let steps = between(&Calendar::nyse(), (&instrument, interval), &bar(from, 10), &bar(to, 20));
        for step in &steps {
            assert!(
                [step.open, step.high, step.low].iter().all(|price| *price == Price::from(10)),
                "{step:?}"
            );
            assert!(step.volume.is_zero());
        }
        steps.iter().map(|step| step.start.to_string()).collect()
    }

    #[test]
    fn a_silence_has_a_step_for_each_interval_in_which_the_market_was_open() {
        let minute = Interval::Minute1;
        assert!(starts("AAPL", minute, "2024-03-01T15:00:00Z", "2024-03-01T15:01:00Z").is_empty());
        assert_eq!(
            starts("AAPL", minute, "2024-03-01T15:00:00Z", "2024-03-01T15:03:00Z"),
            ["2024-03-01T15:01:00Z", "2024-03-01T15:02:00Z"]
        );
        // From Friday's last minutes to Monday's first ones.
        assert_eq!(
            starts("AAPL", minute, "2024-03-01T20:58:00Z", "2024-03-04T14:32:00Z"),
            ["2024-03-01T20:59:00Z", "2024-03-04T14:30:00Z", "2024-03-04T14:31:00Z"]
        );
        // Over the change to summer time hours begin at half past nine all the same.
        assert_eq!(
            starts("AAPL", Interval::Hour1, "2024-03-08T19:30:00Z", "2024-03-11T14:30:00Z"),
            ["2024-03-08T20:30:00Z", "2024-03-11T13:30:00Z"]
        );
        // Sessions, not days: Good Friday is none.
        assert_eq!(
            starts("AAPL", Interval::Day1, "2024-03-27T13:30:00Z", "2024-04-02T13:30:00Z"),
            ["2024-03-28T13:30:00Z", "2024-04-01T13:30:00Z"]
        );
        assert_eq!(
            starts("AAPL", Interval::Week1, "2024-03-04T14:30:00Z", "2024-03-18T14:30:00Z"),
            ["2024-03-11T14:30:00Z"]
        );
        assert_eq!(
            starts("BTC-USD", Interval::Day1, "2024-03-01T00:00:00Z", "2024-03-04T00:00:00Z"),
            ["2024-03-02T00:00:00Z", "2024-03-03T00:00:00Z"]
        );
    }

    #[test]
    fn years_of_silence_are_no_more_steps_than_anything_looks_back_over() {
        let found = starts("BTC-USD", Interval::Minute1, "2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
        assert_eq!((found.len(), found.last().unwrap().as_str()), (STEPS_MAX, "2023-12-31T23:59:00Z"));
        assert!(starts("AAPL", Interval::Minute1, "2024-03-01T15:03:00Z", "2024-03-01T15:00:00Z").is_empty());
    }
}
