//! Bars made of prices as they come: stamped with their start, half-open, complete a moment after their end and never changed then.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::quote::{Bar, Interval, Quote};

/// How long after its end a bar is complete: trades come late by as much.
pub const BAR_DELAY: SignedDuration = SignedDuration::from_secs(2);

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
        Self { interval, since: now, making: None, ended: None, volume: Decimal::ZERO, done: None, late: 0 }
    }

    /// Start of the interval that an instant is in.
    #[must_use]
    pub fn start_of(&self, at: Timestamp) -> Timestamp {
        let length = self.interval.seconds();
        Timestamp::from_second(at.as_second().div_euclid(length) * length).unwrap_or(at)
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

    #[test]
    fn a_price_that_is_none_makes_no_bar() {
        let mut builder = BarBuilder::new(Interval::Minute1, at(0));
        builder.see(&quote(1, 0, 5));
        builder.see(&Quote::empty(Instrument::equity("AAPL").unwrap(), at(2), Feed::RealTime));
        assert_eq!(builder.complete(at(62)), None);
    }
}
