//! Where the prices on the screen come from, by kind of instrument, in a word each: what is simulated is never taken for a market.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::env::At;
use super::format;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::quote::{Feed, Quote};
use crate::domain::snapshot::Snapshot;

/// Prices this old, in seconds, are old while their market trades.
const STALE_SECONDS: i64 = 60;
/// Delayed prices are this much behind at the most, by their exchanges' rules.
const DELAYED_SECONDS: i64 = 16 * 60;

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

/// How the prices of a source stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// They come, or their market is closed.
    Comes,
    /// None has come for so many seconds, though its market trades.
    Stale(i64),
    /// It does not answer, for so many seconds.
    Down(i64),
}

impl Flow {
    /// What stands behind the source's word: nothing while its prices come. Seconds are not counted: an idle screen writes nothing.
    #[must_use]
    pub fn words(self) -> String {
        let age =
            |seconds: i64| if seconds < 60 { String::new() } else { format!(" {}", format::age(seconds)) };
        match self {
            Self::Comes => String::new(),
            Self::Stale(seconds) => format!(" STALE{}", age(seconds)),
            Self::Down(seconds) => format!(" DOWN{}", age(seconds)),
        }
    }
}

/// A source of prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which.
    pub feed: Feed,
    /// The kinds of instruments that it has, a word each; none where all prices come from one source.
    pub kinds: Vec<&'static str>,
    /// How its prices stand.
    pub flow: Flow,
}

/// The sources of the quotes that there are, simulated ones first; one of which a part is down is two. Before the first quote, what the engine
/// says of itself.
#[must_use]
pub fn sources(at: &At<'_>) -> Vec<Source> {
    let mut found: BTreeMap<(&'static str, bool), Found> = BTreeMap::new();
    for (instrument, quote) in at.snapshot.quotes.iter() {
        let class = instrument.asset_class();
        let stopped = is_real(quote.feed).then(|| at.snapshot.prices_stopped_at(class)).flatten();
        let source = found.entry((word(quote.feed), stopped.is_some())).or_insert_with(|| Found {
            feed: quote.feed,
            classes: BTreeSet::new(),
            stopped,
            age: None,
        });
        source.classes.insert(class);
        source.stopped = source.stopped.min(stopped);
        if let Some(age) = age(quote, at) {
            source.age = Some(source.age.map_or(age, |least| least.min(age)));
        }
    }
    if found.is_empty() {
        return vec![Source { feed: at.snapshot.feed, kinds: Vec::new(), flow: Flow::Comes }];
    }
    let one = found.len() == 1;
    let mut sources: Vec<Source> = found
        .into_values()
        .map(|found| Source {
            feed: found.feed,
            flow: found.flow(at),
            kinds: if one { Vec::new() } else { found.classes.into_iter().map(class_word).collect() },
        })
        .collect();
    sources.sort_by_key(|source| !matches!(source.feed, Feed::Simulated));
    sources
}

/// What is gathered of a source.
struct Found {
    feed: Feed,
    classes: BTreeSet<AssetClass>,
    stopped: Option<Timestamp>,
    /// Of its newest price among those whose markets trade.
    age: Option<i64>,
}

impl Found {
    fn flow(&self, at: &At<'_>) -> Flow {
        match (self.stopped, self.age) {
            (Some(since), _) => Flow::Down(at.env.clock(at.snapshot).duration_since(since).as_secs().max(0)),
            (None, Some(age)) if is_real(self.feed) && age > STALE_SECONDS => Flow::Stale(age),
            _ => Flow::Comes,
        }
    }
}

const fn is_real(feed: Feed) -> bool {
    matches!(feed, Feed::RealTime | Feed::Delayed | Feed::Frozen)
}

/// Seconds since a price held, beyond what its source is always behind; none where nothing says that there should be a newer one: its market
/// is closed, or it has no price.
fn age(quote: &Quote, at: &At<'_>) -> Option<i64> {
    let trades = at.snapshot.market.open || quote.instrument.asset_class().trades_around_the_clock();
    if !trades || quote.feed == Feed::Frozen || quote.last.or(quote.bid).or(quote.ask).is_none() {
        return None;
    }
    let behind = if quote.feed == Feed::Delayed { DELAYED_SECONDS } else { 0 };
    Some(at.env.clock(at.snapshot).duration_since(quote.as_of).as_secs() - behind)
}

/// The age in seconds of a price that is no news any more: its market trades and none has come for a while, or its source, or the engine, does
/// not answer. None for a price that counts.
#[must_use]
pub fn stale(quote: &Quote, at: &At<'_>) -> Option<i64> {
    let silent = age(quote, at).filter(|age| *age > STALE_SECONDS);
    let cut_off = || {
        let class = quote.instrument.asset_class();
        let stopped = is_real(quote.feed) && at.snapshot.prices_stopped_at(class).is_some();
        (stopped || at.env.has_no_engine(at.snapshot))
            .then(|| at.env.clock(at.snapshot).duration_since(quote.as_of).as_secs().max(0))
    };
    silent.or_else(cut_off)
}

/// The same for an instrument; none for one without a quote.
#[must_use]
pub fn stale_of(instrument: &Instrument, at: &At<'_>) -> Option<i64> {
    stale(at.snapshot.quotes.get(instrument)?, at)
}

/// The age of such a price in words: `3m old`. In the first minute the age says less than that it is old.
#[must_use]
pub fn stale_words(seconds: i64) -> String {
    if seconds < 60 { "stale".to_owned() } else { format!("{} old", format::age(seconds)) }
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
    use crate::domain::snapshot::Connection;
    use crate::tui::app::App;
    use crate::tui::tests::{options, trading_day};

    fn with_real(symbols: &[&str]) -> Snapshot {
        let mut snapshot = trading_day::snapshot();
        let mut quotes = snapshot.quotes.as_ref().clone();
        for symbol in symbols {
            let Some(quote) = quotes.get_mut(&trading_day::instrument(symbol)) else { panic!("{symbol}") };
            (quote.feed, quote.as_of) = (Feed::RealTime, snapshot.now);
        }
        snapshot.quotes = Arc::new(quotes);
        snapshot
    }

    fn of(snapshot: &Snapshot) -> Vec<Source> {
        let app = App::new(&options(), snapshot, ratatui::layout::Size::new(80, 24)).unwrap();
        sources(&At { env: &app.env, snapshot })
    }

    fn source(feed: Feed, kinds: &[&'static str], flow: Flow) -> Source {
        Source { feed, kinds: kinds.to_vec(), flow }
    }

    const COINS: [&str; 3] = ["BTC-USD", "ETH-USD", "DOGE-USD"];

    #[test]
    fn each_source_is_named_with_what_it_has() {
        let all = trading_day::snapshot();
        assert_eq!(of(&all), [source(Feed::Simulated, &[], Flow::Comes)]);
        assert_eq!(beside(Feed::Simulated, &all), None);
        let mixed = with_real(&COINS);
        let expected = [
            source(Feed::Simulated, &["shares", "options", "fx"], Flow::Comes),
            source(Feed::RealTime, &["coins"], Flow::Comes),
        ];
        assert_eq!(of(&mixed), expected);
        assert_eq!(beside(Feed::Simulated, &mixed), Some("SIM"));
        assert_eq!(beside(Feed::RealTime, &mixed), Some("REAL-TIME"));
        // One coin without a real price is said too.
        let some = with_real(&["BTC-USD"]);
        assert_eq!(of(&some)[0].kinds, ["shares", "options", "coins", "fx"]);
        let mut none = trading_day::snapshot();
        none.quotes = Arc::default();
        let own = [source(Feed::Simulated, &[], Flow::Comes)];
        assert_eq!(of(&none), own, "the engine's own word until there are quotes");
    }

    #[test]
    fn a_source_that_is_down_or_silent_says_since_when() {
        let mut snapshot = with_real(&COINS);
        let mut connection = Connection::new("coinbase", false, "no answer");
        connection.prices = vec![AssetClass::Crypto];
        connection.prices_stopped_at = Some(snapshot.now - jiff::SignedDuration::from_secs(200));
        snapshot.connections = Arc::new(vec![connection]);
        assert_eq!(of(&snapshot)[1], source(Feed::RealTime, &["coins"], Flow::Down(200)));
        assert_eq!(of(&snapshot)[1].flow.words(), " DOWN 3m");
        // Silent: the newest price counts, and only while its market trades.
        let mut snapshot = with_real(&["BTC-USD", "AAPL"]);
        let mut quotes = snapshot.quotes.as_ref().clone();
        quotes.retain(|_, quote| quote.feed == Feed::RealTime);
        let old = |seconds| snapshot.now - jiff::SignedDuration::from_secs(seconds);
        let ages = [("BTC-USD", 90), ("AAPL", 500)];
        for (symbol, seconds) in ages {
            quotes.get_mut(&trading_day::instrument(symbol)).unwrap().as_of = old(seconds);
        }
        snapshot.quotes = Arc::new(quotes);
        assert_eq!(of(&snapshot), [source(Feed::RealTime, &[], Flow::Stale(90))]);
        let mut quotes = snapshot.quotes.as_ref().clone();
        quotes.remove(&trading_day::instrument("BTC-USD"));
        snapshot.quotes = Arc::new(quotes);
        snapshot.market.open = false;
        assert_eq!(of(&snapshot), [source(Feed::RealTime, &[], Flow::Comes)]);
    }
}
