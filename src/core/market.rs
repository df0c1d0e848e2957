//! The engine's picture of the market: newest quotes, terms, volumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Price, grouped_whole};
use crate::domain::quote::{Feed, Quote};

use super::table::Table;

/// Newest quotes and terms by instrument. A snapshot's quotes are a copy, made at most once between two changes: quotes come far more often
/// than snapshots are made. Terms hardly change, so their map is shared with snapshots.
#[derive(Clone, Debug, Default)]
pub struct MarketState {
    quotes: Table<Quote>,
    /// The copy that the last snapshot has, while it is true.
    published: Option<Arc<BTreeMap<Instrument, Quote>>>,
    specs: Arc<BTreeMap<Instrument, InstrumentSpec>>,
    average_volumes: BTreeMap<Instrument, Decimal>,
}

impl MarketState {
    /// Takes a quote in. A quote older than the one known is dropped: late messages never move a price back.
    /// Returns whether it was taken.
    pub fn put_quote(&mut self, quote: Quote) -> bool {
        self.published = None;
        match self.quotes.get_mut(&quote.instrument) {
            Some(known) if known.as_of > quote.as_of => false,
            Some(known) => {
                *known = quote;
                true
            }
            None => {
                self.quotes.insert(quote.instrument.clone(), quote);
                true
            }
        }
    }

    /// Takes a bar's close in as both sides and the last price, in place.
    pub fn put_close(&mut self, instrument: &Instrument, close: Price, as_of: Timestamp, feed: Feed) {
        self.published = None;
        match self.quotes.get_mut(instrument) {
            Some(quote) => {
                quote.previous_close = quote.last;
                quote.close_at(close, as_of);
            }
            None => {
                let mut quote = Quote::empty(instrument.clone(), as_of, feed);
                quote.close_at(close, as_of);
                self.quotes.insert(instrument.clone(), quote);
            }
        }
    }

    /// Takes an instrument's terms in.
    pub fn put_spec(&mut self, spec: InstrumentSpec) {
        Arc::make_mut(&mut self.specs).insert(spec.instrument.clone(), spec);
    }

    /// An instrument has another symbol: what was known under the old one is known under the new one, unless more is known of that already.
    pub fn rename(&mut self, old: &Instrument, new: &Instrument) {
        let spec = self.specs.get(old).cloned().filter(|_| !self.specs.contains_key(new));
        if let Some(spec) = spec {
            self.put_spec(InstrumentSpec { instrument: new.clone(), ..spec });
        }
        let quote = self.quotes.get(old).cloned().filter(|_| !self.quotes.contains_key(new));
        if let Some(quote) = quote {
            self.published = None;
            self.quotes.insert(new.clone(), Quote { instrument: new.clone(), ..quote });
        }
        if let Some(volume) = self.average_volumes.get(old).copied() {
            self.average_volumes.entry(new.clone()).or_insert(volume);
        }
    }

    /// Takes an average volume in.
    pub fn put_average_volume(&mut self, instrument: Instrument, volume: Decimal) {
        self.average_volumes.insert(instrument, volume);
    }

    /// The newest quote.
    #[must_use]
    pub fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.quotes.get(instrument)
    }

    /// The terms.
    #[must_use]
    pub fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec> {
        self.specs.get(instrument)
    }

    /// A price of an instrument in words: with the decimals of its tick, and with more where it has more, as an average may.
    #[must_use]
    pub fn price_words(&self, instrument: &Instrument, price: Price) -> String {
        let decimals = match self.specs.get(instrument) {
            Some(spec) => spec.decimals_at(price),
            None => InstrumentSpec::standard(instrument.clone()).decimals_at(price),
        };
        grouped_whole(price.get(), decimals)
    }

    /// Average daily volume of the last 20 sessions, in units.
    #[must_use]
    pub fn average_volume(&self, instrument: &Instrument) -> Option<Decimal> {
        self.average_volumes.get(instrument).copied()
    }

    /// All quotes as they are now.
    #[must_use]
    pub fn quotes(&mut self) -> Arc<BTreeMap<Instrument, Quote>> {
        let quotes = &self.quotes;
        let copy = || Arc::new(quotes.iter().map(|(it, quote)| (it.clone(), quote.clone())).collect());
        Arc::clone(self.published.get_or_insert_with(copy))
    }

    /// All terms, shared.
    #[must_use]
    pub fn specs(&self) -> Arc<BTreeMap<Instrument, InstrumentSpec>> {
        Arc::clone(&self.specs)
    }
}
