//! Where the prices on the screen come from, by kind of instrument, in a word each: what is simulated is never taken for a market.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::instrument::AssetClass;
use crate::domain::quote::Feed;
use crate::domain::snapshot::Snapshot;

/// The word for a source of prices.
#[must_use]
pub const fn word(feed: Feed) -> &'static str {
    match feed {
        Feed::Simulated => "SIM",
        Feed::Replayed => "REPLAY",
        Feed::Delayed => "DELAYED",
        // The last prices of a closed market are a market's own.
        Feed::RealTime | Feed::Frozen => "REAL-TIME",
    }
}

/// The word for a kind of instrument.
#[must_use]
pub const fn class_word(class: AssetClass) -> &'static str {
    match class {
        AssetClass::Equity => "shares",
        AssetClass::Option => "options",
        AssetClass::Crypto => "coins",
        AssetClass::Perpetual => "perps",
        AssetClass::Fx => "fx",
        AssetClass::Token => "tokens",
    }
}

/// The sources of the quotes that there are, simulated ones first, each with the kinds of instruments it has: those words are empty where all
/// come from one. Before the first quote, what the engine says of itself.
#[must_use]
pub fn sources(snapshot: &Snapshot) -> Vec<(Feed, Vec<&'static str>)> {
    let mut found: BTreeMap<&'static str, (Feed, BTreeSet<AssetClass>)> = BTreeMap::new();
    for (instrument, quote) in snapshot.quotes.iter() {
        let (_, classes) = found.entry(word(quote.feed)).or_insert((quote.feed, BTreeSet::new()));
        classes.insert(instrument.asset_class());
    }
    if found.is_empty() {
        return vec![(snapshot.feed, Vec::new())];
    }
    let one = found.len() == 1;
    let mut sources: Vec<_> = found
        .into_values()
        .map(|(feed, classes)| {
            let words = if one { Vec::new() } else { classes.into_iter().map(class_word).collect() };
            (feed, words)
        })
        .collect();
    sources.sort_by_key(|(feed, _)| !matches!(feed, Feed::Simulated));
    sources
}

/// The word to stand beside a price of this source: only where prices of several sources are on the screen.
#[must_use]
pub fn beside(feed: Feed, snapshot: &Snapshot) -> Option<&'static str> {
    let other = snapshot.quotes.values().any(|quote| word(quote.feed) != word(feed));
    other.then(|| word(feed))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tui::tests::trading_day;

    fn with_real_coins(symbols: &[&str]) -> Snapshot {
        let mut snapshot = trading_day::snapshot();
        let mut quotes = snapshot.quotes.as_ref().clone();
        for symbol in symbols {
            let Some(quote) = quotes.get_mut(&trading_day::instrument(symbol)) else { panic!("{symbol}") };
            quote.feed = Feed::RealTime;
        }
        snapshot.quotes = Arc::new(quotes);
        snapshot
    }

    #[test]
    fn each_source_is_named_with_what_it_has() {
        let all = trading_day::snapshot();
        assert_eq!(sources(&all), [(Feed::Simulated, vec![])]);
        assert_eq!(beside(Feed::Simulated, &all), None);
        let mixed = with_real_coins(&["BTC-USD", "ETH-USD", "DOGE-USD"]);
        let expected = [(Feed::Simulated, vec!["shares", "options", "fx"]), (Feed::RealTime, vec!["coins"])];
        assert_eq!(sources(&mixed), expected);
        assert_eq!(beside(Feed::Simulated, &mixed), Some("SIM"));
        assert_eq!(beside(Feed::RealTime, &mixed), Some("REAL-TIME"));
        // One coin without a real price is said too.
        let some = with_real_coins(&["BTC-USD"]);
        assert_eq!(sources(&some)[0].1, ["shares", "options", "coins", "fx"]);
        let mut none = trading_day::snapshot();
        none.quotes = Arc::default();
        assert_eq!(
            sources(&none),
            [(Feed::Simulated, vec![])],
            "the engine's own word until there are quotes"
        );
    }
}
