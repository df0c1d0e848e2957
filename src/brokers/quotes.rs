//! Quotes put together from a stream's pieces: bids and asks here, trades there, the day's figures elsewhere.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::{Feed, Quote};

/// The newest quote of each instrument of a stream.
#[derive(Debug)]
pub struct QuoteBoard {
    feed: Feed,
    quotes: BTreeMap<Instrument, Quote>,
    /// Last prices of before the last ones: what stands again when those are taken back.
    before: BTreeMap<Instrument, Price>,
}

impl QuoteBoard {
    /// An empty one, for prices of this kind.
    #[must_use]
    pub const fn new(feed: Feed) -> Self {
        Self { feed, quotes: BTreeMap::new(), before: BTreeMap::new() }
    }

    /// Begins with a whole quote, such as a snapshot.
    pub fn seed(&mut self, quote: Quote) -> &Quote {
        let entry = self.quotes.entry(quote.instrument.clone()).or_insert_with(|| quote.clone());
        *entry = quote;
        entry
    }

    /// Changes what a message says. A message that is older than what is there changes nothing but what it alone knows.
    pub fn update(
        &mut self,
        instrument: &Instrument,
        at: Timestamp,
        change: impl FnOnce(&mut Quote),
    ) -> &Quote {
        let feed = self.feed;
        let blank = || Quote::empty(instrument.clone(), at, feed);
        let quote = self.quotes.entry(instrument.clone()).or_insert_with(blank);
        change(quote);
        quote.as_of = quote.as_of.max(at);
        quote
    }

    /// A trade: last price and size, the day's volume and range with it.
    pub fn trade(&mut self, instrument: &Instrument, at: Timestamp, price: Price, size: Quantity) -> &Quote {
        let last = self.quotes.get(instrument).and_then(|quote| quote.last);
        if let Some(last) = last.filter(|last| *last != price) {
            self.before.insert(instrument.clone(), last);
        }
        self.update(instrument, at, |quote| {
            quote.last = Some(price);
            quote.last_size = size;
            quote.volume += size;
            quote.high = Some(quote.high.map_or(price, |high| high.max(price)));
            quote.low = Some(quote.low.map_or(price, |low| low.min(price)));
        })
    }

    /// A trade of before was another one, or none: where it was the last, the price that it should have left is the last now, and nothing is set
    /// off by it. The day's range comes with the day's own figures. `None` when the instrument is not here.
    pub fn correct(
        &mut self,
        instrument: &Instrument,
        (from, units): (Price, Quantity),
        to: Option<(Price, Quantity)>,
    ) -> Option<&Quote> {
        let before = self.before.get(instrument).copied();
        let quote = self.quotes.get_mut(instrument)?;
        if quote.last == Some(from) {
            quote.last = to.map(|(price, _)| price).or(before);
        }
        let corrected = quote.volume - units + to.map_or(Quantity::ZERO, |(_, units)| units);
        quote.volume = corrected.max(Quantity::ZERO);
        Some(quote)
    }

    /// Both sides of the book's top.
    pub fn top(
        &mut self,
        instrument: &Instrument,
        at: Timestamp,
        bid: Option<(Price, Quantity)>,
        ask: Option<(Price, Quantity)>,
    ) -> &Quote {
        self.update(instrument, at, |quote| {
            (quote.bid, quote.bid_size) =
                bid.map_or((None, Quantity::ZERO), |(price, size)| (Some(price), size));
            (quote.ask, quote.ask_size) =
                ask.map_or((None, Quantity::ZERO), |(price, size)| (Some(price), size));
        })
    }

    /// The newest quote of an instrument.
    #[must_use]
    pub fn get(&self, instrument: &Instrument) -> Option<&Quote> {
        self.quotes.get(instrument)
    }

    /// Forgets an instrument that nobody wants any more.
    pub fn forget(&mut self, instrument: &Instrument) {
        self.quotes.remove(instrument);
        self.before.remove(instrument);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_one_quote() {
        let share = Instrument::equity("AAPL").unwrap();
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let price = |text: &str| text.parse::<Price>().unwrap();
        let mut board = QuoteBoard::new(Feed::RealTime);
        board.top(&share, at(1), Some((price("99.9"), 3.into())), Some((price("100.1"), 4.into())));
        board.trade(&share, at(2), price("100"), 10.into());
        board.trade(&share, at(1), price("99"), 5.into());
        let quote = board.get(&share).unwrap();
        assert_eq!(
            (quote.bid, quote.ask, quote.last),
            (Some(price("99.9")), Some(price("100.1")), Some(price("99")))
        );
        assert_eq!((quote.high, quote.low, quote.volume), (Some(price("100")), Some(price("99")), 15.into()));
        assert_eq!((quote.as_of, quote.feed), (at(2), Feed::RealTime));
        // A trade that was none, and one that was another.
        board.trade(&share, at(3), price("70"), 5.into());
        let quote = board.correct(&share, (price("70"), 5.into()), None).unwrap();
        assert_eq!((quote.last, quote.volume), (Some(price("99")), 15.into()));
        let quote = board.correct(&share, (price("99"), 5.into()), Some((price("98"), 4.into()))).unwrap();
        assert_eq!((quote.last, quote.volume), (Some(price("98")), 14.into()));
        let quote = board.correct(&share, (price("70"), 1.into()), Some((price("71"), 1.into()))).unwrap();
        assert_eq!(quote.last, Some(price("98")), "it was not the last");
        board.top(&share, at(3), None, Some((price("100.2"), 1.into())));
        assert_eq!(board.get(&share).unwrap().bid, None);
        board.forget(&share);
        assert!(board.get(&share).is_none());
    }
}
