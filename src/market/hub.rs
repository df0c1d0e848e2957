//! The conflating hub: the newest value per instrument. A slow reader skips, it never queues.

use std::collections::BTreeMap;

use crate::domain::instrument::Instrument;
use crate::domain::quote::Quote;

/// A reader's place: what it has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor(u64);

/// Newest quotes with the order they came in.
#[derive(Debug, Default)]
pub struct Hub {
    slots: Vec<(Quote, u64)>,
    index: BTreeMap<Instrument, usize>,
    seq: u64,
}

impl Hub {
    /// An empty hub.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a quote in. Fields that the update leaves out keep their last value; a late update changes nothing.
    pub fn publish(&mut self, mut update: Quote) {
        self.seq += 1;
        let Some(slot) = self.index.get(&update.instrument) else {
            self.index.insert(update.instrument.clone(), self.slots.len());
            self.slots.push((update, self.seq));
            return;
        };
        let (known, seq) = &mut self.slots[*slot];
        if known.as_of > update.as_of {
            return;
        }
        update.last = update.last.or(known.last);
        update.previous_close = update.previous_close.or(known.previous_close);
        update.open = update.open.or(known.open);
        update.high = update.high.or(known.high);
        update.low = update.low.or(known.low);
        *known = update;
        *seq = self.seq;
    }

    /// Calls `each` with every quote that changed since the cursor's last visit, and moves the cursor.
    pub fn drain(&self, cursor: &mut Cursor, mut each: impl FnMut(&Quote)) {
        for (quote, seq) in &self.slots {
            if *seq > cursor.0 {
                each(quote);
            }
        }
        cursor.0 = self.seq;
    }

    /// The newest quote of an instrument.
    #[must_use]
    pub fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.index.get(instrument).map(|slot| &self.slots[*slot].0)
    }

    /// Instruments known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// True while nothing was published.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Price;
    use crate::domain::quote::Feed;

    fn quote(symbol: &str, second: i64, bid: i64) -> Quote {
        let at = jiff::Timestamp::from_second(second).unwrap();
        let mut quote = Quote::empty(Instrument::equity(symbol).unwrap(), at, Feed::Simulated);
        quote.bid = Some(Price::from(bid));
        quote
    }

    #[test]
    fn a_slow_reader_gets_the_newest_value_once() {
        let mut hub = Hub::new();
        let (mut fast, mut slow) = (Cursor::default(), Cursor::default());
        let read = |hub: &Hub, cursor: &mut Cursor| {
            let mut seen = Vec::new();
            hub.drain(cursor, |q| seen.push((q.instrument.to_string(), q.bid.unwrap().to_string())));
            seen
        };
        for i in 1..=1_000 {
            hub.publish(quote("AAPL", i, i));
            if i % 100 == 0 {
                assert_eq!(read(&hub, &mut fast).len(), 1);
            }
        }
        hub.publish(quote("MSFT", 1, 5));
        assert_eq!(
            read(&hub, &mut slow),
            [("AAPL".to_owned(), "1000".to_owned()), ("MSFT".to_owned(), "5".to_owned())]
        );
        assert!(read(&hub, &mut slow).is_empty());
    }

    #[test]
    fn late_updates_are_dropped_and_missing_fields_stay() {
        let mut hub = Hub::new();
        let mut first = quote("AAPL", 10, 7);
        first.previous_close = Some(Price::from(6));
        hub.publish(first);
        hub.publish(quote("AAPL", 9, 1));
        hub.publish(quote("AAPL", 11, 8));
        let now = hub.quote(&Instrument::equity("AAPL").unwrap()).unwrap();
        assert_eq!((now.bid, now.previous_close), (Some(Price::from(8)), Some(Price::from(6))));
    }
}
