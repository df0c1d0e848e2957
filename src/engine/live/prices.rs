//! Prices of brokers' feeds: who is asked for which class of instrument, and what is wanted of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::brokers::{BrokerError, BrokerKind, FeedEvent, Market, MarketFeed, Wanted};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::snapshot::Connection;

use super::host::LiveEvent;
use super::login::LoginKey;

/// Events of a feed that may wait; more are dropped, as newer ones come.
const EVENTS_MAX: usize = 4_096;
/// Instruments of one feed.
const WANTED_MAX: usize = 600;

/// Whose feed it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::engine) enum FeedKey {
    /// Of a login.
    Login(LoginKey),
    /// Of everybody.
    Public(BrokerKind),
}

impl std::fmt::Display for FeedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Login(key) => write!(f, "{}", key.broker),
            Self::Public(broker) => write!(f, "{broker} (public)"),
        }
    }
}

/// A feed's word.
pub(in crate::engine) enum FeedWord {
    /// Something it says.
    Event(FeedEvent),
    /// It has ended, and why.
    Ended(BrokerError),
}

struct Feed {
    feed: Arc<dyn MarketFeed>,
    markets: BTreeSet<Market>,
    wanted: watch::Sender<Wanted>,
    up: bool,
    /// Since when it has been down after it was asked for, or was up.
    stopped_at: Option<Timestamp>,
    /// It counts: a login's at once, a public one once it could be reached.
    counts: bool,
    /// It will not come again by itself: its login is dead.
    over: bool,
    task: AbortHandle,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The feeds.
#[derive(Default)]
pub(in crate::engine) struct LivePrices {
    feeds: BTreeMap<FeedKey, Feed>,
}

impl LivePrices {
    /// Begins to follow a feed. Markets that an earlier one covers stay with that, unless that one is over.
    pub(super) fn open(&mut self, key: FeedKey, feed: Arc<dyn MarketFeed>, events: mpsc::Sender<LiveEvent>) {
        self.close(key);
        for over in self.feeds.values_mut().filter(|known| known.over) {
            over.markets.retain(|market| !feed.covers(*market));
        }
        let taken = |market: &Market| self.feeds.values().any(|known| known.markets.contains(market));
        let markets: BTreeSet<Market> =
            Market::ALL.into_iter().filter(|market| feed.covers(*market) && !taken(market)).collect();
        let (wanted, wanted_out) = watch::channel(Wanted::default());
        let task = tokio::spawn(follow(key, Arc::clone(&feed), wanted_out, events)).abort_handle();
        let counts = matches!(key, FeedKey::Login(_));
        self.feeds.insert(
            key,
            Feed { feed, markets, wanted, up: false, stopped_at: None, counts, over: false, task },
        );
    }

    /// Ends one.
    pub(super) fn close(&mut self, key: FeedKey) {
        self.feeds.remove(&key);
    }

    /// A login is dead, and its stream with it. Another feed that has such prices goes on with them; where there is none they stay as they
    /// are and become old: nobody who was shown real prices is shown simulated ones in their place.
    pub(super) fn end(&mut self, key: FeedKey, now: Timestamp) {
        let Some(mut ended) = self.feeds.remove(&key) else { return };
        ended.task.abort();
        for other in self.feeds.values_mut().filter(|other| other.counts && !other.over) {
            let taken: Vec<Market> =
                ended.markets.iter().copied().filter(|market| other.feed.covers(*market)).collect();
            ended.markets.retain(|market| !taken.contains(market));
            other.markets.extend(taken);
        }
        (ended.up, ended.over, ended.stopped_at) = (false, true, ended.stopped_at.or(Some(now)));
        self.feeds.insert(key, ended);
    }

    pub(super) fn set_up(&mut self, key: FeedKey, up: bool, now: Timestamp) {
        if let Some(feed) = self.feeds.get_mut(&key) {
            feed.up = up;
            feed.stopped_at = if up { None } else { feed.stopped_at.or(Some(now)) };
            feed.counts |= up;
        }
    }

    /// Is its stream up.
    pub(super) fn is_up(&self, key: FeedKey) -> Option<bool> {
        self.feeds.get(&key).map(|feed| feed.up)
    }

    /// A connection with what it has prices of, and since when none have come.
    pub(super) fn told(&self, key: FeedKey, connection: &Connection) -> Connection {
        let mut told = connection.clone();
        if let Some(feed) = self.feeds.get(&key).filter(|feed| feed.counts) {
            let classes: BTreeSet<AssetClass> = feed.markets.iter().map(|market| market.class()).collect();
            told.prices = classes.into_iter().collect();
            told.prices_stopped_at = feed.stopped_at;
        }
        told
    }

    /// What has its prices from a broker.
    pub(in crate::engine) fn markets(&self) -> BTreeSet<Market> {
        self.counting().flat_map(|feed| feed.markets.iter().copied()).collect()
    }

    fn counting(&self) -> impl Iterator<Item = &Feed> {
        self.feeds.values().filter(|feed| feed.counts)
    }

    /// Who has prices of such instruments.
    pub(in crate::engine) fn feed_of(&self, market: Market) -> Option<Arc<dyn MarketFeed>> {
        self.counting().find(|feed| feed.markets.contains(&market)).map(|feed| Arc::clone(&feed.feed))
    }

    /// Who has prices of this one.
    pub(in crate::engine) fn feed_for(&self, instrument: &Instrument) -> Option<Arc<dyn MarketFeed>> {
        self.feed_of(Market::of(instrument))
    }

    /// Who has news, and its feed.
    pub(super) fn news(&self) -> Option<(FeedKey, Arc<dyn MarketFeed>)> {
        let mut alive = self.feeds.iter().filter(|(_, feed)| feed.counts && !feed.over);
        alive.find(|(_, feed)| feed.feed.news().is_some()).map(|(key, feed)| (*key, Arc::clone(&feed.feed)))
    }

    /// Whose prices of such instruments they are.
    pub(super) fn key_of(&self, market: Market) -> Option<FeedKey> {
        self.feeds.iter().find(|(_, feed)| feed.markets.contains(&market)).map(|(key, _)| *key)
    }

    /// An instrument's prices are wanted from now on.
    pub(in crate::engine) fn want(&self, instrument: &Instrument) {
        let market = Market::of(instrument);
        let Some(feed) = self.feeds.values().find(|feed| feed.markets.contains(&market)) else { return };
        feed.wanted.send_if_modified(|wanted| match wanted.quotes.binary_search(instrument) {
            Err(at) if wanted.quotes.len() < WANTED_MAX => {
                wanted.quotes.insert(at, instrument.clone());
                true
            }
            _ => false,
        });
    }

    /// Depth and trades of an instrument are wanted from now on.
    pub(in crate::engine) fn want_book(&self, instrument: &Instrument) {
        let market = Market::of(instrument);
        let Some(feed) = self.feeds.values().find(|feed| feed.markets.contains(&market)) else { return };
        feed.wanted.send_if_modified(|wanted| {
            let new = !wanted.books.contains(instrument);
            if new {
                wanted.books.push(instrument.clone());
            }
            new
        });
    }
}

async fn follow(
    key: FeedKey,
    feed: Arc<dyn MarketFeed>,
    wanted: watch::Receiver<Wanted>,
    events: mpsc::Sender<LiveEvent>,
) {
    let (words, mut heard) = mpsc::channel(EVENTS_MAX);
    let watching = feed.watch(wanted, words);
    tokio::pin!(watching);
    loop {
        let word = tokio::select! {
            Some(word) = heard.recv() => FeedWord::Event(word),
            error = &mut watching => FeedWord::Ended(error),
        };
        let over = matches!(word, FeedWord::Ended(_));
        if events.send(LiveEvent::Price(key, word)).await.is_err() || over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brokers::Environment;
    use crate::engine::still_feed::StillFeed;

    /// Prices of coins that never come.
    fn coins() -> Arc<StillFeed> {
        Arc::new(StillFeed::of(&[AssetClass::Crypto]))
    }

    /// The same of shares too.
    fn shares_and_coins() -> Arc<StillFeed> {
        Arc::new(StillFeed::of(&[AssetClass::Equity, AssetClass::Crypto]))
    }

    #[tokio::test]
    async fn a_connection_says_since_when_its_prices_do_not_come() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (events, _heard) = mpsc::channel(1);
        let key = FeedKey::Public(BrokerKind::Coinbase);
        let mut prices = LivePrices::default();
        prices.open(key, coins(), events);
        let line = Connection::new("coinbase", true, "public prices");
        assert_eq!(prices.told(key, &line), line, "one that was never reached has nothing to say");
        for (up, second, since) in [
            (true, 1, None),
            (false, 5, Some(5)),
            (false, 9, Some(5)),
            (true, 12, None),
            (false, 20, Some(20)),
        ] {
            prices.set_up(key, up, at(second));
            let told = prices.told(key, &line);
            assert_eq!(
                (told.prices, told.prices_stopped_at),
                (vec![AssetClass::Crypto], since.map(at)),
                "{second}"
            );
        }
    }

    /// Two venues of futures beside each other: each contract has its prices where it is listed, whichever came first.
    #[tokio::test]
    async fn futures_of_one_venue_are_not_asked_of_another() {
        let (events, _heard) = mpsc::channel(1);
        let [there, here] = [BrokerKind::Hyperliquid, BrokerKind::Coinbase].map(FeedKey::Public);
        let perpetual = |symbol: &str| Instrument::Perpetual { symbol: symbol.parse().unwrap() };
        let (listed, dated) = (perpetual("BTC"), perpetual("BIP-20DEC30-CDE"));
        for keys in [[there, here], [here, there]] {
            let mut prices = LivePrices::default();
            for key in keys {
                let market =
                    if key == here { Market::CoinbaseFutures } else { Market::Class(AssetClass::Perpetual) };
                prices.open(key, Arc::new(StillFeed::of_markets(vec![market])), events.clone());
                prices.set_up(key, true, Timestamp::UNIX_EPOCH);
            }
            for (instrument, key) in [(&listed, there), (&dated, here)] {
                assert_eq!(prices.key_of(Market::of(instrument)), Some(key));
                prices.want(instrument);
                assert_eq!(prices.feeds[&key].wanted.borrow().quotes, std::slice::from_ref(instrument));
            }
        }
        // Alone, none says that it has the other's.
        let mut prices = LivePrices::default();
        prices.open(there, Arc::new(StillFeed::of(&[AssetClass::Perpetual])), events);
        prices.set_up(there, true, Timestamp::UNIX_EPOCH);
        assert!(prices.feed_for(&listed).is_some() && prices.feed_for(&dated).is_none());
    }

    #[tokio::test]
    async fn prices_of_a_dead_login_become_old_or_come_from_another_and_are_never_simulated() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (events, _heard) = mpsc::channel(1);
        let public = FeedKey::Public(BrokerKind::Coinbase);
        let login = FeedKey::Login(LoginKey { broker: BrokerKind::Alpaca, environment: Environment::Live });
        let mut prices = LivePrices::default();
        prices.open(login, shares_and_coins(), events.clone());
        prices.open(public, coins(), events.clone());
        for key in [login, public] {
            prices.set_up(key, true, at(1));
        }
        assert_eq!(prices.key_of(Market::Class(AssetClass::Crypto)), Some(login));
        prices.end(login, at(5));
        let both = BTreeSet::from([AssetClass::Equity, AssetClass::Crypto].map(Market::Class));
        assert_eq!(prices.markets(), both);
        assert_eq!(prices.key_of(Market::Class(AssetClass::Crypto)), Some(public));
        let told = prices.told(login, &Connection::new("alpaca", false, "connect it again"));
        assert_eq!((told.prices, told.prices_stopped_at), (vec![AssetClass::Equity], Some(at(5))));
        // Another login takes the shares over; a disconnect gives back what nobody has.
        let next = FeedKey::Login(LoginKey { broker: BrokerKind::Schwab, environment: Environment::Live });
        prices.open(next, shares_and_coins(), events);
        assert_eq!(prices.key_of(Market::Class(AssetClass::Equity)), Some(next));
        prices.close(next);
        prices.close(login);
        assert_eq!(prices.markets(), BTreeSet::from([Market::Class(AssetClass::Crypto)]));
    }
}
