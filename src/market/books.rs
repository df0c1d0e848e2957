//! The hub's section for depth and tape: the newest depth and the last trades of a few instruments. A slow reader sees the newest depth and
//! the newest trades, never a queue. It knows no task and no clock.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::depth::{DepthLevel, LEVELS_MAX, MarketBook, PRINTS_MAX, Print};
use crate::domain::instrument::Instrument;

/// Instruments followed at a time; of more, the one asked for longest ago is dropped.
pub const FOLLOWED_MAX: usize = 8;

#[derive(Debug)]
struct Slot {
    instrument: Instrument,
    as_of: Timestamp,
    bids: Vec<DepthLevel>,
    asks: Vec<DepthLevel>,
    /// Newest first.
    prints: VecDeque<Print>,
}

/// Depth and tape by instrument, the one asked for last at the end.
#[derive(Debug, Default)]
pub struct Books {
    slots: Vec<Slot>,
    /// What readers were given last; absent once something has changed.
    section: Option<Arc<Vec<MarketBook>>>,
}

impl Books {
    /// Follows an instrument from now on. True when it was not followed before.
    pub fn follow(&mut self, instrument: &Instrument, now: Timestamp) -> bool {
        if let Some(at) = self.place(instrument) {
            let slot = self.slots.remove(at);
            self.slots.push(slot);
            return false;
        }
        if self.slots.len() >= FOLLOWED_MAX {
            self.slots.remove(0);
        }
        let (bids, asks, prints) = (Vec::new(), Vec::new(), VecDeque::new());
        self.slots.push(Slot { instrument: instrument.clone(), as_of: now, bids, asks, prints });
        self.section = None;
        true
    }

    /// Is an instrument followed.
    #[must_use]
    pub fn follows(&self, instrument: &Instrument) -> bool {
        self.place(instrument).is_some()
    }

    /// Up to when depth and tape of a followed instrument are known.
    #[must_use]
    pub fn seen(&self, instrument: &Instrument) -> Option<Timestamp> {
        self.place(instrument).map(|at| self.slots[at].as_of)
    }

    fn place(&self, instrument: &Instrument) -> Option<usize> {
        self.slots.iter().position(|slot| slot.instrument == *instrument)
    }

    /// Takes the depth of a followed instrument in, best prices first. One that is older than what is known changes nothing.
    pub fn publish_depth(
        &mut self,
        instrument: &Instrument,
        as_of: Timestamp,
        mut bids: Vec<DepthLevel>,
        mut asks: Vec<DepthLevel>,
    ) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.instrument == *instrument) else { return };
        if as_of < slot.as_of {
            return;
        }
        bids.truncate(LEVELS_MAX);
        asks.truncate(LEVELS_MAX);
        (slot.as_of, slot.bids, slot.asks) = (as_of, bids, asks);
        self.section = None;
    }

    /// Takes trades of a followed instrument in, oldest first. One that is older than the newest known is dropped.
    pub fn publish_prints(&mut self, instrument: &Instrument, prints: impl IntoIterator<Item = Print>) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.instrument == *instrument) else { return };
        for print in prints {
            if slot.prints.front().is_some_and(|newest| newest.at > print.at) {
                continue;
            }
            slot.prints.push_front(print);
            slot.prints.truncate(PRINTS_MAX);
            self.section = None;
        }
    }

    /// What readers are given: shared with the last one where nothing changed.
    pub fn section(&mut self) -> Arc<Vec<MarketBook>> {
        let slots = &self.slots;
        let section = self.section.get_or_insert_with(|| {
            let book = |slot: &Slot| MarketBook {
                instrument: slot.instrument.clone(),
                as_of: slot.as_of,
                bids: slot.bids.clone(),
                asks: slot.asks.clone(),
                prints: slot.prints.iter().copied().collect(),
            };
            Arc::new(slots.iter().map(book).collect())
        });
        Arc::clone(section)
    }

    /// The book of one instrument.
    pub fn book(&mut self, instrument: &Instrument) -> Option<MarketBook> {
        self.section().iter().find(|book| book.instrument == *instrument).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::depth::Aggressor;
    use crate::domain::money::{Price, Quantity};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn instrument(n: usize) -> Instrument {
        Instrument::equity(&format!("A{n}")).unwrap()
    }

    fn level(price: i64) -> DepthLevel {
        DepthLevel { price: Price::from(price), size: Quantity::from(1) }
    }

    fn print(second: i64) -> Print {
        let (price, size) = (Price::from(second), Quantity::from(1));
        Print { at: at(second), price, size, aggressor: Aggressor::Buyer }
    }

    #[test]
    fn the_newest_depth_and_the_last_trades_are_what_shows() {
        let mut books = Books::default();
        let a = instrument(1);
        books.publish_depth(&a, at(5), vec![level(9)], vec![level(10)]);
        assert!(books.section().is_empty(), "nobody follows it");
        assert!(books.follow(&a, at(0)) && !books.follow(&a, at(1)));
        books.publish_depth(&a, at(5), (0..50).map(|n| level(99 - n)).collect(), vec![level(100)]);
        books.publish_depth(&a, at(4), Vec::new(), Vec::new());
        books.publish_prints(&a, (1..=300).map(print));
        books.publish_prints(&a, [print(7)]);
        let book = books.book(&a).unwrap();
        assert_eq!((book.bids.len(), book.bids[0], book.asks.len()), (LEVELS_MAX, level(99), 1));
        assert_eq!(
            (book.prints.len(), book.prints[0], book.prints[199]),
            (PRINTS_MAX, print(300), print(101))
        );
        let section = books.section();
        assert!(Arc::ptr_eq(&section, &books.section()));
    }

    #[test]
    fn what_was_asked_for_longest_ago_leaves() {
        let mut books = Books::default();
        for n in 0..FOLLOWED_MAX {
            books.follow(&instrument(n), at(0));
        }
        books.follow(&instrument(0), at(1));
        books.follow(&instrument(99), at(2));
        assert!(
            books.follows(&instrument(0)) && books.follows(&instrument(99)) && !books.follows(&instrument(1))
        );
        assert_eq!(books.section().len(), FOLLOWED_MAX);
    }
}
