//! Prices of brokers' feeds: who is asked for which class of instrument, and what is wanted of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::brokers::{BrokerError, FeedEvent, MarketFeed, Wanted};
use crate::domain::instrument::{AssetClass, Instrument};

use super::host::LiveEvent;
use super::login::LoginKey;

/// Classes that feeds are asked about.
const CLASSES: [AssetClass; 5] =
    [AssetClass::Equity, AssetClass::Option, AssetClass::Crypto, AssetClass::Perpetual, AssetClass::Fx];
/// Events of a feed that may wait; more are dropped, as newer ones come.
const EVENTS_MAX: usize = 4_096;
/// Instruments of one feed.
const WANTED_MAX: usize = 600;

/// A feed's word.
pub(in crate::engine) enum FeedWord {
    /// Something it says.
    Event(FeedEvent),
    /// It has ended, and why.
    Ended(BrokerError),
}

struct Feed {
    feed: Arc<dyn MarketFeed>,
    classes: BTreeSet<AssetClass>,
    wanted: watch::Sender<Wanted>,
    up: bool,
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
    feeds: BTreeMap<LoginKey, Feed>,
}

impl LivePrices {
    /// Begins to follow a feed. Classes that an earlier one covers stay with that.
    pub(super) fn open(&mut self, key: LoginKey, feed: Arc<dyn MarketFeed>, events: mpsc::Sender<LiveEvent>) {
        self.close(key);
        let taken = self.classes();
        let classes: BTreeSet<AssetClass> =
            CLASSES.into_iter().filter(|class| feed.covers(*class) && !taken.contains(class)).collect();
        let (wanted, wanted_out) = watch::channel(Wanted::default());
        let task = tokio::spawn(follow(key, Arc::clone(&feed), wanted_out, events)).abort_handle();
        self.feeds.insert(key, Feed { feed, classes, wanted, up: false, task });
    }

    /// Ends one.
    pub(super) fn close(&mut self, key: LoginKey) {
        self.feeds.remove(&key);
    }

    pub(super) fn set_up(&mut self, key: LoginKey, up: bool) {
        if let Some(feed) = self.feeds.get_mut(&key) {
            feed.up = up;
        }
    }

    /// Is its stream up.
    pub(super) fn is_up(&self, key: LoginKey) -> Option<bool> {
        self.feeds.get(&key).map(|feed| feed.up)
    }

    /// Classes whose prices come from a broker.
    pub(in crate::engine) fn classes(&self) -> BTreeSet<AssetClass> {
        self.feeds.values().flat_map(|feed| feed.classes.iter().copied()).collect()
    }

    /// Who has prices of such an instrument.
    pub(in crate::engine) fn feed_for(&self, class: AssetClass) -> Option<Arc<dyn MarketFeed>> {
        self.feeds.values().find(|feed| feed.classes.contains(&class)).map(|feed| Arc::clone(&feed.feed))
    }

    /// Whose prices of such an instrument they are.
    pub(super) fn key_for(&self, class: AssetClass) -> Option<LoginKey> {
        self.feeds.iter().find(|(_, feed)| feed.classes.contains(&class)).map(|(key, _)| *key)
    }

    /// An instrument's prices are wanted from now on.
    pub(in crate::engine) fn want(&self, instrument: &Instrument) {
        let class = instrument.asset_class();
        let Some(feed) = self.feeds.values().find(|feed| feed.classes.contains(&class)) else { return };
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
        let class = instrument.asset_class();
        let Some(feed) = self.feeds.values().find(|feed| feed.classes.contains(&class)) else { return };
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
    key: LoginKey,
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
