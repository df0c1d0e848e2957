//! Bars made of prices as they come: stamped with their start, half-open, complete a moment after their end and never changed then.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::quote::{Bar, Interval, Quote};

/// How long after its end a bar is complete: trades come late by as much.
pub const BAR_DELAY: SignedDuration = SignedDuration::from_secs(2);

/// The exchange opens at half past nine, in New York; its clock is whole hours from UTC at any time of the year.
const HALF_AN_HOUR: i64 = 1_800;

/// The bar that is being made.
#[derive(Clone, Copy, Debug)]
struct Making {
    bar: Bar,
    /// Units of the day when it began.
    volume_before: Decimal,
}

/// Makes the bars of one instrument and width.
#[derive(Clone, Debug)]
pub struct BarBuilder {
    interval: Interval,
    /// Seconds by which its bars begin after those of the clock.
    offset: i64,
    /// Prices have come from here on: what began before is not whole.
    since: Timestamp,
    making: Option<Making>,
    /// The bar before, while late prices may still come for it.
    ended: Option<Making>,
    /// Units of the day so far.
    volume: Decimal,
    /// Start of the newest bar that was handed out.
    done: Option<Timestamp>,
    late: u64,
}

impl BarBuilder {
    /// One that has seen nothing yet.
    #[must_use]
    pub const fn new(interval: Interval, now: Timestamp) -> Self {
        Self {
            interval,
            offset: 0,
            since: now,
            making: None,
            ended: None,
            volume: Decimal::ZERO,
            done: None,
            late: 0,
        }
    }

    /// One of an instrument: hours of shares begin with the session, at half past, those of coins with the clock.
    #[must_use]
    pub fn of(instrument: &Instrument, interval: Interval, now: Timestamp) -> Self {
        let by_session = interval == Interval::Hour1 && !instrument.asset_class().trades_around_the_clock();
        Self { offset: if by_session { HALF_AN_HOUR } else { 0 }, ..Self::new(interval, now) }
    }

    /// Start of the interval that an instant is in.
    #[must_use]
    pub fn start_of(&self, at: Timestamp) -> Timestamp {
        let length = self.interval.seconds();
        let steps = (at.as_second() - self.offset).div_euclid(length);
        Timestamp::from_second(steps * length + self.offset).unwrap_or(at)
    }

    /// Prices that came too late for their bar, and were not counted.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Takes in new prices: the last trade, or the middle where the feed has no trades.
    pub fn see(&mut self, quote: &Quote) {
        let Some(price) = quote.last.or_else(|| quote.mid()).filter(|price| price.is_positive()) else {
            return;
        };
        let start = self.start_of(quote.as_of);
        if self.done.is_some_and(|done| start <= done) {
            self.late += 1;
            return;
        }
        if self.ended.as_ref().is_some_and(|ended| ended.bar.start == start) {
            if let Some(ended) = &mut self.ended {
                take(&mut ended.bar, price);
            }
            return;
        }
        if self.making.as_ref().is_some_and(|making| making.bar.start > start) {
            self.late += 1;
            return;
        }
        if self.making.as_ref().is_none_or(|making| making.bar.start < start) {
            let bar =
                Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ZERO };
            let before = if self.volume.is_zero() { quote.volume.get() } else { self.volume };
            // Two that are both not handed out yet: the older one is given up, as nobody asked for it in time.
            self.ended = self.making.replace(Making { bar, volume_before: before });
        }
        let volume = quote.volume.get();
        if let Some(making) = &mut self.making {
            take(&mut making.bar, price);
            // The day's count begins anew at its turn.
            if volume < making.volume_before {
                making.volume_before = Decimal::ZERO;
            }
            making.bar.volume = volume - making.volume_before;
        }
        self.volume = volume;
    }

    /// When the next bar is complete; `None` while none is being made.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let next = self.ended.as_ref().or(self.making.as_ref())?;
        next.bar.start.checked_add(SignedDuration::from_secs(self.interval.seconds()) + BAR_DELAY).ok()
    }

    /// The bar that is complete now, once. One that was begun before the first price came is not whole, and not handed out.
    pub fn complete(&mut self, now: Timestamp) -> Option<Bar> {
        let length = SignedDuration::from_secs(self.interval.seconds());
        let is_over = |making: &Making| making.bar.start + length + BAR_DELAY <= now;
        if self.ended.is_none() && self.making.as_ref().is_some_and(is_over) {
            self.ended = self.making.take();
        }
        let bar = self.ended.take_if(|ended| is_over(ended))?.bar;
        self.done = Some(bar.start);
        (bar.start >= self.since && bar.is_sound()).then_some(bar)
    }
}

/// The bars of a recording that are complete by `now`, by the instant at which each one was, then by instrument. What comes at `now` itself
/// is not seen yet.
pub fn complete_by(
    builders: &mut BTreeMap<Instrument, BarBuilder>,
    now: Timestamp,
) -> Vec<(Timestamp, Instrument, Bar)> {
    let mut complete = Vec::new();
    for (instrument, builder) in builders {
        while let Some(due) = builder.due().filter(|due| *due <= now) {
            complete.extend(builder.complete(due).map(|bar| (due, instrument.clone(), bar)));
        }
    }
    complete.sort_by_key(|(due, _, _)| *due);
    complete
}

/// When a bar ends: a session's bar with the session, all others by their length.
#[must_use]
pub fn bar_end(calendar: &Calendar, instrument: &Instrument, interval: Interval, bar: &Bar) -> Timestamp {
    let by_length = bar.start + SignedDuration::from_secs(interval.seconds());
    if interval != Interval::Day1 || instrument.asset_class().trades_around_the_clock() {
        return by_length;
    }
    let session = calendar.session(exchange_date(bar.start));
    session.filter(|session| session.open == bar.start).map_or(by_length, |session| session.close)
}

/// Those of a broker's bars that are complete by then: each has ended, and had time for its last trades.
#[must_use]
pub fn ended(
    calendar: &Calendar,
    (instrument, interval): (&Instrument, Interval),
    mut bars: Vec<Bar>,
    now: Timestamp,
) -> Vec<Bar> {
    bars.retain(|bar| bar_end(calendar, instrument, interval, bar) + BAR_DELAY <= now);
    bars
}

fn take(bar: &mut Bar, price: Price) {
    (bar.high, bar.low, bar.close) = (bar.high.max(price), bar.low.min(price), price);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Instrument;
    use crate::domain::money::Quantity;
    use crate::domain::quote::Feed;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 / 60 * 60 + second).unwrap()
    }

    fn quote(second: i64, price: i64, volume: i64) -> Quote {
        let mut quote = Quote::empty(Instrument::equity("AAPL").unwrap(), at(second), Feed::RealTime);
        (quote.last, quote.volume) = (Some(Price::from(price)), Quantity::from(volume));
        quote
    }

    fn shown(bar: Bar) -> String {
        let second = bar.start.as_second() - at(0).as_second();
        format!("{second}: {} {} {} {} {}", bar.open, bar.high, bar.low, bar.close, bar.volume)
    }

    /// What a broker shows of the bar of now is not complete; a session's bar ends with the session.
    #[test]
    fn of_a_brokers_bars_those_are_complete_that_have_ended() {
        let instrument = Instrument::equity("AAPL").unwrap();
        let bar = |start: &str| {
            let (start, price) = (start.parse().unwrap(), Price::from(10));
            Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ONE }
        };
        for (interval, now, complete) in [
            (Interval::Minute1, "2024-03-04T14:31:01Z", 0),
            (Interval::Minute1, "2024-03-04T14:31:02Z", 1),
            (Interval::Minute1, "2024-03-04T14:32:02Z", 2),
            (Interval::Day1, "2024-03-04T20:59:59Z", 1),
            (Interval::Day1, "2024-03-04T21:00:02Z", 2),
        ] {
            let bars = match interval {
                Interval::Day1 => ["2024-03-01T14:30:00Z", "2024-03-04T14:30:00Z"],
                _ => ["2024-03-04T14:30:00Z", "2024-03-04T14:31:00Z"],
            };
            let shown = bars.map(bar).to_vec();
            let found = ended(&Calendar::nyse(), (&instrument, interval), shown, now.parse().unwrap());
            assert_eq!(found.len(), complete, "{interval} at {now}");
        }
    }

    #[test]
    fn a_bar_is_complete_two_seconds_after_its_end_and_only_once() {
        let mut builder = BarBuilder::new(Interval::Minute1, at(0));
        for (second, price, volume) in [(0, 10, 100), (20, 12, 150), (59, 9, 160), (60, 11, 170)] {
            builder.see(&quote(second, price, volume));
        }
        assert_eq!(builder.complete(at(61)), None);
        // Late by a second, and of the minute before.
        builder.see(&quote(59, 8, 175));
        assert_eq!(builder.complete(at(62)).map(shown).unwrap(), "0: 10 12 8 8 60");
        assert_eq!(builder.complete(at(62)), None);
        builder.see(&quote(58, 1, 180));
        assert_eq!(builder.late(), 1);
        assert_eq!(builder.complete(at(122)).map(shown).unwrap(), "60: 11 11 11 11 10");
    }

    #[test]
    fn what_began_before_the_first_price_is_no_bar_and_silence_makes_none() {
        let mut builder = BarBuilder::new(Interval::Minute1, at(30));
        builder.see(&quote(30, 10, 0));
        assert_eq!(builder.complete(at(62)), None);
        assert_eq!(builder.complete(at(500)), None);
        builder.see(&quote(600, 10, 0));
        assert_eq!(builder.complete(at(662)).map(shown).unwrap(), "600: 10 10 10 10 0");
    }

    /// A recording knows nothing of when somebody looks: each bar is complete when a live one is.
    #[test]
    fn bars_of_a_recording_are_complete_at_their_own_time_and_in_its_order() {
        let of =
            |symbol: &str, quote: Quote| Quote { instrument: Instrument::equity(symbol).unwrap(), ..quote };
        let mut builders: BTreeMap<Instrument, BarBuilder> = BTreeMap::new();
        // Of the first nothing more comes after its second minute, of the second one price an hour later.
        for (symbol, second) in [("A", 0), ("B", 0), ("A", 61), ("A", 62), ("B", 3_600)] {
            let told: Vec<String> = complete_by(&mut builders, at(second))
                .into_iter()
                .map(|(due, instrument, bar)| {
                    format!("{} {instrument} {}", due.as_second() - at(0).as_second(), shown(bar))
                })
                .collect();
            let expected: &[&str] = match second {
                62 => &["62 A 0: 10 10 10 10 0", "62 B 0: 10 10 10 10 0"],
                3_600 => &["122 A 60: 10 10 10 10 0"],
                _ => &[],
            };
            assert_eq!(told, expected, "{symbol} at {second}");
            let instrument = Instrument::equity(symbol).unwrap();
            let builder = builders.entry(instrument);
            builder
                .or_insert_with(|| BarBuilder::new(Interval::Minute1, at(0)))
                .see(&of(symbol, quote(second, 10, 0)));
        }
        let b = &builders[&Instrument::equity("B").unwrap()];
        assert_eq!(b.due(), Some(at(3_662)));
        assert_eq!(BarBuilder::new(Interval::Minute1, at(0)).due(), None);
    }

    #[test]
    fn hours_of_shares_begin_with_the_session_and_those_of_coins_with_the_clock() {
        let at: Timestamp = "2026-11-24T15:10:00Z".parse().unwrap();
        for (key, interval, start) in [
            ("AAPL", Interval::Hour1, "2026-11-24T14:30:00Z"),
            ("AAPL", Interval::Minute15, "2026-11-24T15:00:00Z"),
            ("BTC-USD", Interval::Hour1, "2026-11-24T15:00:00Z"),
        ] {
            let builder = BarBuilder::of(&Instrument::from_key(key).unwrap(), interval, at);
            assert_eq!(builder.start_of(at).to_string(), start, "{key}");
        }
    }

    #[test]
    fn a_price_that_is_none_makes_no_bar() {
        let mut builder = BarBuilder::new(Interval::Minute1, at(0));
        builder.see(&quote(1, 0, 5));
        builder.see(&Quote::empty(Instrument::equity("AAPL").unwrap(), at(2), Feed::RealTime));
        assert_eq!(builder.complete(at(62)), None);
    }
}
