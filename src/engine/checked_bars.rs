//! Bars that were made here of a broker's prices, beside the broker's own: where those differ they are the true ones, which charts and histories
//! are read from anyway. Strategies are not run again over them; that what they decided by was otherwise is said (strategies §3).

use jiff::{SignedDuration, Timestamp};

use crate::core::input::Input;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval};
use crate::domain::snapshot::Severity;

use super::hosting::Answered;
use super::task::EngineTask;

/// A broker has its own bar by so long after its end.
const OWN_AFTER: SignedDuration = SignedDuration::from_secs(20);
/// The same is said again after this: prices that come conflated miss a high or a low now and then.
const SAID_AGAIN: SignedDuration = SignedDuration::from_mins(15);
/// Newest bars of the broker that are looked at.
const NEWEST: usize = 3;

/// How the bars of one stream stand to the broker's own, and what came too late for them.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// The newest that was made, and when the broker has its own.
    waits: Option<(Timestamp, Bar)>,
    /// The one that the broker was asked about.
    asked: Option<Bar>,
    /// Bars that differed since that was said.
    differed: u32,
    differed_said: Option<Timestamp>,
    late_told: u64,
    late_said: Option<Timestamp>,
}

fn may_say(said: &mut Option<Timestamp>, now: Timestamp) -> bool {
    let may = said.is_none_or(|said| now.duration_since(said) >= SAID_AGAIN);
    if may {
        *said = Some(now);
    }
    may
}

/// Something to be said of a stream of bars.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    severity: Severity,
    code: &'static str,
    text: String,
}

impl Said {
    /// As a line of the log.
    pub(super) fn of(self, instrument: &Instrument, interval: Interval) -> Input {
        let Self { severity, code, text } = self;
        Input::Note { severity, code, text: format!("{instrument} {interval}: {text}") }
    }
}

impl Checks {
    /// A bar was handed out.
    pub(super) fn made(&mut self, bar: Bar, now: Timestamp) {
        self.waits = Some((now + OWN_AFTER, bar));
    }

    /// Is the broker to be asked for its own bar now; once for each.
    pub(super) fn is_due(&mut self, now: Timestamp) -> bool {
        let Some((_, bar)) = self.waits.take_if(|(due, _)| *due <= now) else { return false };
        self.asked = Some(bar);
        true
    }

    /// The broker's own bars have come. What differs is said in words, where it is time to.
    fn compare(&mut self, own: &[Bar], now: Timestamp) -> Option<Said> {
        let made = self.asked.take()?;
        let own = own.iter().find(|own| own.start == made.start)?;
        let prices = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close];
        if prices(own) == prices(&made) {
            return None;
        }
        self.differed += 1;
        if !may_say(&mut self.differed_said, now) {
            return None;
        }
        let shown = |bar: &Bar| format!("{} {} {} {}", bar.open, bar.high, bar.low, bar.close);
        let bars = std::mem::take(&mut self.differed);
        let text = format!("bars={bars} last={} own={} made={}", own.start, shown(own), shown(&made));
        Some(Said { severity: Severity::Warning, code: "BAR_CORRECTED", text })
    }

    /// Prices that have come too late for their bars by now, in words, where there are more and it is time to say so.
    pub(super) fn late(&mut self, late: u64, now: Timestamp) -> Option<Said> {
        let new = late.saturating_sub(self.late_told);
        if new == 0 || !may_say(&mut self.late_said, now) {
            return None;
        }
        self.late_told = late;
        let text = format!("late_trades={new}");
        Some(Said { severity: Severity::Info, code: "LATE_TRADES", text })
    }
}

impl EngineTask {
    /// Asks the broker for its own bars of what was made here.
    pub(super) fn ask_own_bars(&self, instrument: Instrument, interval: Interval) {
        let Some(feed) = self.live.prices.feed_for(&instrument) else { return };
        let (answers, end) = (self.hosting.answers_in.clone(), self.clock.now());
        tokio::spawn(async move {
            match feed.bars(&instrument, interval, end, NEWEST).await {
                // The engine may have gone.
                Ok(bars) => drop(answers.send(Answered::Check(instrument, interval, bars)).await),
                Err(error) => tracing::debug!(%instrument, %error, "the broker's own bars were not read"),
            }
        });
    }

    pub(super) async fn compare_bars(&mut self, instrument: &Instrument, interval: Interval, own: &[Bar]) {
        let now = self.clock.now();
        let Some(stream) = self.hosting.streams.get_mut(&(instrument.clone(), interval)) else { return };
        if let Some(said) = stream.checks.compare(own, now) {
            self.step(said.of(instrument, interval)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::money::Price;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_040 + second).unwrap()
    }

    fn bar(start: i64, close: i64, volume: i64) -> Bar {
        let [low, close] = [9, close].map(Price::from);
        let (open, high) = (Price::from(10), Price::from(12));
        Bar { start: at(start), open, high, low, close, volume: Decimal::from(volume) }
    }

    /// Each bar is compared once, when the broker has it; a difference is said at once, and then for a quarter of an hour counted.
    #[test]
    fn a_bar_that_the_broker_has_otherwise_is_said() {
        let mut checks = Checks::default();
        let mut minute = |n: i64, own: &[Bar]| {
            checks.made(bar(n * 60, 11, 5), at(n * 60 + 62));
            assert!(!checks.is_due(at(n * 60 + 81)), "the broker may not have it yet");
            assert!(checks.is_due(at(n * 60 + 82)) && !checks.is_due(at(n * 60 + 83)), "once");
            let said = checks.compare(own, at(n * 60 + 84));
            assert_eq!(checks.compare(own, at(n * 60 + 85)), None, "an answer nobody waits for");
            said
        };
        // Another volume is no other price: feeds count different venues.
        assert_eq!(minute(0, &[bar(-60, 10, 1), bar(0, 11, 900)]), None);
        // The broker has no such bar.
        assert_eq!(minute(1, &[bar(0, 10, 1)]), None);
        let said = minute(2, &[bar(120, 10, 5)]).unwrap();
        assert!(
            said.text.starts_with("bars=1 last=") && said.text.ends_with("own=10 12 9 10 made=10 12 9 11"),
            "{said:?}"
        );
        let Input::Note { code, text, .. } = said.of(&Instrument::equity("AAPL").unwrap(), Interval::Minute1)
        else {
            panic!("a line of the log")
        };
        assert_eq!((code, &text[..17]), ("BAR_CORRECTED", "AAPL 1m: bars=1 l"));
        assert_eq!(minute(3, &[bar(180, 10, 5)]), None);
        let said = minute(18, &[bar(1_080, 10, 5)]).unwrap();
        assert!(said.text.starts_with("bars=2 "), "{said:?}");
    }

    #[test]
    fn what_came_too_late_is_counted() {
        let mut checks = Checks::default();
        assert_eq!(checks.late(0, at(0)), None);
        let mut late = |count, second| checks.late(count, at(second)).map(|said| (said.code, said.text));
        assert_eq!(late(2, 1), Some(("LATE_TRADES", "late_trades=2".to_owned())));
        assert_eq!(late(5, 60), None, "not again so soon");
        assert_eq!(late(5, 901), Some(("LATE_TRADES", "late_trades=3".to_owned())));
    }
}
