//! The conflating hub: the newest value per instrument and field. A slow reader skips, it never queues.
//! It knows no task and no clock: its owner publishes, readers ask with a cursor of their own.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::{Feed, Quote};

/// One side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookSide {
    /// Best price; `None` says that nobody bids, or offers.
    pub price: Option<Price>,
    /// Units at that price; zero without a price.
    pub size: Quantity,
}

/// News of one instrument. What is `None` is left as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteUpdate {
    /// Of what.
    pub instrument: Instrument,
    /// When it held.
    pub as_of: Timestamp,
    /// Where it comes from.
    pub feed: Feed,
    /// The bid side.
    pub bid: Option<BookSide>,
    /// The ask side.
    pub ask: Option<BookSide>,
    /// A trade: its price per unit, and its units.
    pub trade: Option<(Price, Quantity)>,
    /// Units traded in the session so far.
    pub volume: Option<Quantity>,
    /// Close of the session before.
    pub previous_close: Option<Price>,
    /// First price of the session.
    pub open: Option<Price>,
    /// Highest of the session.
    pub high: Option<Price>,
    /// Lowest of the session.
    pub low: Option<Price>,
    /// Last price of the regular session, outside of it; goes with the other figures of the session.
    pub regular_close: Option<Price>,
}

impl QuoteUpdate {
    /// An update that says nothing yet.
    #[must_use]
    pub const fn new(instrument: Instrument, as_of: Timestamp, feed: Feed) -> Self {
        Self {
            instrument,
            as_of,
            feed,
            bid: None,
            ask: None,
            trade: None,
            volume: None,
            previous_close: None,
            open: None,
            high: None,
            low: None,
            regular_close: None,
        }
    }
}

impl From<Quote> for QuoteUpdate {
    /// A whole quote: both sides of the book as they are, the rest where it is known.
    fn from(quote: Quote) -> Self {
        Self {
            bid: Some(BookSide { price: quote.bid, size: quote.bid_size }),
            ask: Some(BookSide { price: quote.ask, size: quote.ask_size }),
            trade: quote.last.map(|last| (last, quote.last_size)),
            volume: Some(quote.volume),
            previous_close: quote.previous_close,
            open: quote.open,
            high: quote.high,
            low: quote.low,
            regular_close: quote.regular_close,
            ..Self::new(quote.instrument, quote.as_of, quote.feed)
        }
    }
}

/// A reader's place: what it has seen. A new one has seen nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor(u64);

/// Newest quotes with the order they came in.
#[derive(Debug, Default)]
pub struct Hub {
    slots: Vec<Slot>,
    index: BTreeMap<Instrument, usize>,
    seq: u64,
}

#[derive(Debug)]
struct Slot {
    quote: Quote,
    /// The hub's `seq` at the last change.
    seq: u64,
    /// Changes so far.
    changes: u64,
    /// When each group of fields held; trades and book come by different roads, and one being late is none of the other's.
    times: Times,
}

#[derive(Debug)]
struct Times {
    bid: Timestamp,
    ask: Timestamp,
    trade: Timestamp,
    session: Timestamp,
}

impl Hub {
    /// An empty hub.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes news in, a whole quote or a part. A group of fields (bid, ask, trade, session figures) older than the one known changes nothing.
    pub fn publish(&mut self, update: impl Into<QuoteUpdate>) {
        let update = update.into();
        let place = match self.index.get(&update.instrument) {
            Some(place) => *place,
            None => {
                self.index.insert(update.instrument.clone(), self.slots.len());
                self.slots.push(Slot::new(&update));
                self.slots.len() - 1
            }
        };
        let slot = &mut self.slots[place];
        if slot.merge(&update) {
            self.seq += 1;
            slot.seq = self.seq;
            slot.changes += 1;
        }
    }

    /// Puts a quote in the place of all that is known of its instrument: what it lacks is not known any more. For a source that takes over
    /// from another, whose last word would else stand on under the new one's name.
    pub fn replace(&mut self, quote: Quote) {
        self.publish(quote.clone());
        if let Some(slot) = self.index.get(&quote.instrument).and_then(|place| self.slots.get_mut(*place)) {
            let changes = slot.changes;
            *slot = Slot { quote: quote.clone(), changes: changes + 1, ..Slot::new(&quote.into()) };
            self.seq += 1;
            slot.seq = self.seq;
        }
    }

    /// Quotes that changed since the cursor's last visit, each once, in the order they were first published. Moves the cursor.
    pub fn changed(&self, cursor: &mut Cursor) -> impl Iterator<Item = &Quote> {
        let seen = std::mem::replace(&mut cursor.0, self.seq);
        self.slots.iter().filter(move |slot| slot.seq > seen).map(|slot| &slot.quote)
    }

    /// Calls `each` with every quote that changed since the cursor's last visit, and moves the cursor.
    pub fn drain(&self, cursor: &mut Cursor, each: impl FnMut(&Quote)) {
        self.changed(cursor).for_each(each);
    }

    /// The newest quote of an instrument.
    #[must_use]
    pub fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.index.get(instrument).map(|place| &self.slots[*place].quote)
    }

    /// How often an instrument's quote has changed. It never goes back, so a reader can tell how many changes it skipped.
    #[must_use]
    pub fn changes(&self, instrument: &Instrument) -> Option<u64> {
        self.index.get(instrument).map(|place| self.slots[*place].changes)
    }

    /// Forgets all quotes: what a source does that turns its clock back. Cursors stay valid.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.index.clear();
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

impl Slot {
    fn new(update: &QuoteUpdate) -> Self {
        let never = Timestamp::MIN;
        Self {
            quote: Quote::empty(update.instrument.clone(), update.as_of, update.feed),
            seq: 0,
            changes: 0,
            times: Times { bid: never, ask: never, trade: never, session: never },
        }
    }

    /// Takes over what is not older than what is known. True when any of it was taken.
    fn merge(&mut self, update: &QuoteUpdate) -> bool {
        let (quote, times, at) = (&mut self.quote, &mut self.times, update.as_of);
        let mut taken = false;
        let mut fresh = |known: &mut Timestamp, says: bool| {
            let fresh = says && at >= *known;
            if fresh {
                *known = at;
                taken = true;
            }
            fresh
        };
        if fresh(&mut times.bid, update.bid.is_some())
            && let Some(bid) = update.bid
        {
            (quote.bid, quote.bid_size) = (bid.price, bid.size);
        }
        if fresh(&mut times.ask, update.ask.is_some())
            && let Some(ask) = update.ask
        {
            (quote.ask, quote.ask_size) = (ask.price, ask.size);
        }
        if fresh(&mut times.trade, update.trade.is_some())
            && let Some((price, size)) = update.trade
        {
            (quote.last, quote.last_size) = (Some(price), size);
        }
        let session = [update.previous_close, update.open, update.high, update.low];
        if fresh(&mut times.session, update.volume.is_some() || session.iter().any(Option::is_some)) {
            quote.volume = update.volume.unwrap_or(quote.volume);
            quote.previous_close = update.previous_close.or(quote.previous_close);
            quote.open = update.open.or(quote.open);
            quote.high = update.high.or(quote.high);
            quote.low = update.low.or(quote.low);
            // Within a session there is none: absent is what is known, not what is missing.
            quote.regular_close = update.regular_close;
        }
        if taken {
            quote.as_of = quote.as_of.max(at);
            quote.feed = update.feed;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(symbol: &str) -> Instrument {
        Instrument::equity(symbol).unwrap()
    }

    fn news(symbol: &str, second: i64) -> QuoteUpdate {
        QuoteUpdate::new(instrument(symbol), Timestamp::from_second(second).unwrap(), Feed::Simulated)
    }

    fn side(price: i64) -> Option<BookSide> {
        Some(BookSide { price: Some(Price::from(price)), size: Quantity::from(100) })
    }

    fn bid(symbol: &str, second: i64, price: i64) -> QuoteUpdate {
        QuoteUpdate { bid: side(price), ..news(symbol, second) }
    }

    fn read(hub: &Hub, cursor: &mut Cursor) -> Vec<String> {
        hub.changed(cursor).map(|q| format!("{} {}", q.instrument, q.bid.unwrap())).collect()
    }

    #[test]
    fn a_slow_reader_gets_the_newest_value_once() {
        let mut hub = Hub::new();
        let (mut fast, mut slow) = (Cursor::default(), Cursor::default());
        for i in 1..=1_000 {
            hub.publish(bid("AAPL", i, i));
            if i % 100 == 0 {
                assert_eq!(read(&hub, &mut fast), [format!("AAPL {i}")]);
            }
        }
        hub.publish(bid("MSFT", 1, 5));
        assert_eq!(read(&hub, &mut slow), ["AAPL 1000", "MSFT 5"]);
        assert!(read(&hub, &mut slow).is_empty());
        assert_eq!(read(&hub, &mut fast), ["MSFT 5"]);
        assert_eq!(hub.changes(&instrument("AAPL")), Some(1_000));
        assert_eq!(hub.changes(&instrument("F")), None);
    }

    #[test]
    fn a_source_that_takes_over_leaves_nothing_of_the_one_before() {
        let mut hub = Hub::new();
        let mut simulated =
            Quote::empty(instrument("NVDA"), Timestamp::from_second(9).unwrap(), Feed::Simulated);
        (simulated.last, simulated.bid, simulated.high) =
            (Some(Price::from(207)), Some(Price::from(206)), Some(Price::from(210)));
        hub.publish(simulated);
        let mut cursor = Cursor::default();
        assert_eq!(hub.changed(&mut cursor).count(), 1);
        let empty = Quote::empty(instrument("NVDA"), Timestamp::from_second(8).unwrap(), Feed::RealTime);
        hub.replace(empty.clone());
        assert_eq!(hub.changed(&mut cursor).collect::<Vec<_>>(), [&empty]);
        // The first word of the new one counts, whatever the clock of the old one said.
        hub.publish(QuoteUpdate { trade: Some((Price::from(100), Quantity::from(1))), ..news("NVDA", 8) });
        assert_eq!(hub.quote(&instrument("NVDA")).unwrap().last, Some(Price::from(100)));
        // One that was never heard of is known from then on.
        hub.replace(Quote::empty(instrument("KO"), Timestamp::from_second(8).unwrap(), Feed::RealTime));
        assert_eq!((hub.len(), hub.changed(&mut cursor).count()), (2, 2));
    }

    #[test]
    fn parts_merge_and_late_parts_are_dropped_group_by_group() {
        let mut hub = Hub::new();
        let trade = |second, price| QuoteUpdate {
            trade: Some((Price::from(price), Quantity::from(7))),
            ..news("AAPL", second)
        };
        // What arrives, then bid, ask, last and age of the quote after it.
        let steps = [
            (bid("AAPL", 10, 99), "99 - - 10"),
            // The first trade seen counts, though the book was there before it.
            (trade(9, 97), "99 - 97 10"),
            (QuoteUpdate { ask: side(101), ..news("AAPL", 11) }, "99 101 97 11"),
            (trade(12, 100), "99 101 100 12"),
            // A trade is newer than this book, which is still newer than the book known.
            (bid("AAPL", 11, 98), "98 101 100 12"),
            (bid("AAPL", 9, 1), "98 101 100 12"),
            (trade(8, 1), "98 101 100 12"),
            (QuoteUpdate { volume: Some(Quantity::from(5)), ..news("AAPL", 13) }, "98 101 100 13"),
            (
                QuoteUpdate { bid: Some(BookSide { price: None, size: Quantity::ZERO }), ..news("AAPL", 14) },
                "- 101 100 14",
            ),
            (news("AAPL", 20), "- 101 100 14"),
        ];
        let text = |price: Option<Price>| price.map_or_else(|| "-".to_owned(), |p| p.to_string());
        for (update, expect) in steps {
            let shown = format!("{update:?}");
            hub.publish(update);
            let q = hub.quote(&instrument("AAPL")).unwrap();
            let is = format!("{} {} {} {}", text(q.bid), text(q.ask), text(q.last), q.as_of.as_second());
            assert_eq!(is, expect, "{shown}");
        }
        assert_eq!(hub.changes(&instrument("AAPL")), Some(7), "late and empty news are no change");
    }

    #[test]
    fn a_whole_quote_replaces_the_book_and_keeps_what_it_does_not_know() {
        let mut hub = Hub::new();
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut first = Quote::empty(instrument("AAPL"), at(1), Feed::Simulated);
        (first.bid, first.previous_close, first.last) =
            (Some(Price::from(9)), Some(Price::from(8)), Some(Price::from(10)));
        hub.publish(first.clone());
        assert_eq!(hub.quote(&instrument("AAPL")), Some(&first));
        hub.publish(Quote::empty(instrument("AAPL"), at(2), Feed::Simulated));
        let now = hub.quote(&instrument("AAPL")).unwrap();
        assert_eq!((now.bid, now.previous_close, now.last), (None, first.previous_close, first.last));
    }

    #[test]
    fn after_a_clear_old_times_count_and_cursors_go_on() {
        let mut hub = Hub::new();
        let mut cursor = Cursor::default();
        hub.publish(bid("AAPL", 100, 5));
        assert_eq!(read(&hub, &mut cursor), ["AAPL 5"]);
        hub.clear();
        assert!(hub.is_empty() && read(&hub, &mut cursor).is_empty());
        hub.publish(bid("AAPL", 1, 4));
        assert_eq!(read(&hub, &mut cursor), ["AAPL 4"]);
    }
}
