//! Bars of one instrument at one width, kept up with the newest price.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::prelude::ToPrimitive;

use super::chart_price;
use crate::client::bars::{ImportedSpan, Seam};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::tui::widgets::candles::Candle;

/// Bars kept at most: those asked for and those that grew since.
const BARS_MAX: usize = 1_000;

/// One series.
#[derive(Debug)]
pub struct Series {
    interval: Interval,
    starts: Vec<Timestamp>,
    candles: Vec<Candle>,
    closes: Vec<f64>,
    touched: Duration,
    /// Since when a bar of ours was made of prices alone and the source has a better one.
    stale_since: Option<Duration>,
    /// Where the older of them come from, when that is not the source.
    pub imported: Option<ImportedSpan>,
    /// Where bars of another origin begin; the first is that of the oldest.
    pub seams: Vec<Seam>,
    /// Are the prices it follows simulated; absent until the first of them.
    simulated: Option<bool>,
}

/// The candles in view.
pub struct View {
    /// Oldest first, joined when several bars make one.
    pub candles: Vec<Candle>,
    /// The start of each.
    pub starts: Vec<Timestamp>,
    /// Index of the last bar in each, into the series.
    pub sources: Vec<usize>,
}

impl Series {
    /// A series of bars, oldest first. Bars with prices that are none are left out.
    #[must_use]
    pub fn new(bars: &[Bar], interval: Interval, now: Duration) -> Self {
        let mut series = Self {
            interval,
            starts: Vec::new(),
            candles: Vec::new(),
            closes: Vec::new(),
            touched: now,
            stale_since: None,
            imported: None,
            seams: Vec::new(),
            simulated: None,
        };
        for bar in bars.iter().filter(|bar| bar.is_sound()) {
            let float = |price: crate::domain::money::Price| price.get().to_f64().unwrap_or_default();
            series.push(
                bar.start,
                Candle {
                    open: float(bar.open),
                    high: float(bar.high),
                    low: float(bar.low),
                    close: float(bar.close),
                    volume: bar.volume.to_f64().unwrap_or_default(),
                },
            );
        }
        series
    }

    fn push(&mut self, start: Timestamp, candle: Candle) {
        if self.candles.len() == BARS_MAX {
            self.starts.remove(0);
            self.candles.remove(0);
            self.closes.remove(0);
        }
        self.starts.push(start);
        self.closes.push(candle.close);
        self.candles.push(candle);
    }

    /// Bars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.candles.len()
    }

    /// No bars.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candles.is_empty()
    }

    /// The closes, oldest first.
    #[must_use]
    pub fn closes(&self) -> &[f64] {
        &self.closes
    }

    /// Start and prices of every bar, oldest first.
    pub fn bars(&self) -> impl Iterator<Item = (Timestamp, &Candle)> {
        self.starts.iter().copied().zip(&self.candles)
    }

    /// The newest close.
    #[must_use]
    pub fn last_close(&self) -> Option<f64> {
        self.closes.last().copied()
    }

    /// When it was last in view.
    #[must_use]
    pub const fn touched(&self) -> Duration {
        self.touched
    }

    /// It is in view.
    pub const fn touch(&mut self, now: Duration) {
        self.touched = now;
    }

    /// Its bars are a simulated market's and the price is a real one's, or the other way round: neither goes on where the other ends.
    pub fn is_of_another_market(&mut self, feed: Feed) -> bool {
        *self.simulated.get_or_insert(feed == Feed::Simulated) != (feed == Feed::Simulated)
    }

    /// The source may have others.
    pub const fn mark_stale(&mut self, now: Duration) {
        self.stale_since = Some(now);
    }

    /// Since when the source has better bars.
    #[must_use]
    pub const fn stale_since(&self) -> Option<Duration> {
        self.stale_since
    }

    /// Moves the newest bar with a price, or starts the next one.
    pub fn follow(&mut self, quote: &Quote, now: Duration) {
        let (Some(price), Some(start)) = (chart_price(quote), self.starts.last().copied()) else { return };
        let since = quote.as_of.duration_since(start).as_secs();
        let length = self.interval.seconds();
        if since < 0 || price <= 0.0 {
            return;
        }
        if since >= length {
            let skipped = since / length * length;
            if let Ok(next) = start.checked_add(SignedDuration::from_secs(skipped)) {
                self.push(next, Candle { open: price, high: price, low: price, close: price, volume: 0.0 });
                self.stale_since.get_or_insert(now);
            }
            return;
        }
        if let (Some(candle), Some(close)) = (self.candles.last_mut(), self.closes.last_mut()) {
            candle.high = candle.high.max(price);
            candle.low = candle.low.min(price);
            candle.close = price;
            *close = price;
        }
    }

    /// The candles that `room` allows, ending `scroll` candles before the newest. Groups are counted from the newest bar's place in time, so
    /// that they do not change their bars while a bar grows.
    #[must_use]
    pub fn view(&self, bars_per: usize, room: usize, scroll: usize) -> View {
        let mut view = View { candles: Vec::new(), starts: Vec::new(), sources: Vec::new() };
        let end = self.candles.len().saturating_sub(scroll * bars_per);
        let length = self.interval.seconds() * bars_per as i64;
        let group = |i: usize| self.starts[i].as_second().div_euclid(length.max(1));
        let start = end.saturating_sub(room * bars_per);
        for i in start..end {
            match (bars_per > 1 && i > start).then(|| group(i) == group(i - 1)) {
                Some(true) => {
                    if let Some(candle) = view.candles.last_mut() {
                        candle.merge(&self.candles[i]);
                    }
                    if let Some(source) = view.sources.last_mut() {
                        *source = i;
                    }
                }
                _ => {
                    view.candles.push(self.candles[i]);
                    view.starts.push(self.starts[i]);
                    view.sources.push(i);
                }
            }
        }
        let extra = view.candles.len().saturating_sub(room);
        view.candles.drain(..extra);
        view.starts.drain(..extra);
        view.sources.drain(..extra);
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instrument::Instrument;
    use crate::domain::money::Price;
    use crate::domain::quote::Feed;

    fn bar(minute: i64, close: i64) -> Bar {
        let price = Price::from(close);
        Bar {
            start: Timestamp::from_second(minute * 60).unwrap(),
            open: price,
            high: price + Price::from(1),
            low: price - Price::from(1),
            close: price,
            volume: rust_decimal::Decimal::TEN,
        }
    }

    fn quote(second: i64, last: i64) -> Quote {
        let mut quote = Quote::empty(
            Instrument::equity("AAPL").unwrap(),
            Timestamp::from_second(second).unwrap(),
            Feed::Simulated,
        );
        quote.last = Some(Price::from(last));
        quote
    }

    #[test]
    fn the_newest_price_moves_the_newest_bar_and_starts_the_next() {
        let now = Duration::from_secs(9);
        let mut series = Series::new(&[bar(0, 100), bar(1, 101)], Interval::Minute1, Duration::ZERO);
        series.follow(&quote(90, 107), now);
        assert_eq!((series.len(), series.last_close(), series.candles[1].high), (2, Some(107.0), 107.0));
        assert_eq!(series.stale_since(), None);
        series.follow(&quote(30, 50), now);
        assert_eq!(series.last_close(), Some(107.0), "an old price moves nothing");
        series.follow(&quote(185, 99), now);
        assert_eq!((series.len(), series.starts[2].as_second(), series.stale_since()), (3, 180, Some(now)));
    }

    #[test]
    fn bars_join_by_time() {
        let bars: Vec<Bar> = (1..=5).map(|m| bar(m, 100 + m)).collect();
        let series = Series::new(&bars, Interval::Minute1, Duration::ZERO);
        let view = series.view(2, 10, 0);
        assert_eq!(view.sources, [0, 2, 4]);
        let last = view.candles[2];
        assert_eq!(
            (last.open, last.close, last.high, last.low, last.volume),
            (104.0, 105.0, 106.0, 103.0, 20.0)
        );
        assert_eq!(series.view(1, 2, 1).sources, [2, 3]);
        assert!(series.view(1, 2, 9).candles.is_empty());
    }

    #[test]
    fn impossible_bars_are_left_out() {
        let mut bad = bar(2, 100);
        bad.low = Price::from(200);
        assert_eq!(Series::new(&[bar(1, 100), bad], Interval::Minute1, Duration::ZERO).len(), 1);
    }
}
