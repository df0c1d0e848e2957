//! The stream of prices: best bid and ask, trades, the day's figures, and whole books of what is looked at.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Interval;

use super::feed::{apply, top};
use super::universe::Universe;
use super::user_stream::{LISTED_AGAIN, WATCH, data, message, ping, pings, subscription};
use super::venue::Venue;
use super::wire::{AssetContext, Book, Message, Top, Trade};
use super::{NAME, errors};
use crate::brokers::clock::wall;
use crate::brokers::quotes::QuoteBoard;
use crate::brokers::stream::{
    Frame, Handshake, Kept, Line, Overflow, Protocol, StreamError, Watch, keep_open,
};
use crate::brokers::{BrokerError, FeedEvent, Wanted};
use crate::domain::depth::{Aggressor, DepthLevel, LEVELS_MAX, PRINTS_MAX, Print};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::Feed as Source;

/// Prices that may wait for the engine; newer ones are left out then.
const WAITING_MAX: usize = 4_096;
/// Subscriptions of one address on the internet are a thousand: some are left to others.
const SUBSCRIPTIONS_MAX: usize = 900;

/// A subscription: its type and coin.
type Key = (&'static str, String);

pub(super) struct MarketStream {
    venue: Arc<Venue>,
    wanted: watch::Receiver<Wanted>,
    pings: Interval,
    subscribed: BTreeSet<Key>,
    board: QuoteBoard,
    /// Times of the last trades.
    traded: BTreeMap<Instrument, i64>,
    /// Trades that have been told, by instrument: after a pause the newest come again.
    told: BTreeMap<Instrument, VecDeque<u64>>,
    /// Whose books are looked at.
    books: BTreeSet<Instrument>,
}

/// Streams what is wanted until nobody listens.
pub(super) async fn watch(
    venue: &Arc<Venue>,
    wanted: watch::Receiver<Wanted>,
    events: &mpsc::Sender<FeedEvent>,
) -> BrokerError {
    let (out, mut kept) = mpsc::channel(WAITING_MAX);
    let mut stream = MarketStream::new(Arc::clone(venue), wanted);
    let keeping = keep_open(NAME, &mut stream, &out, Overflow::Drop);
    tokio::pin!(keeping);
    let unheard =
        || BrokerError::Unreachable { broker: NAME.to_owned(), reason: StreamError::Unheard.to_string() };
    loop {
        let told = tokio::select! {
            biased;
            () = events.closed() => return unheard(),
            Some(kept) = kept.recv() => match kept {
                Kept::Up => FeedEvent::Up,
                Kept::Item(event) => event,
                Kept::Down { reason, retry_at } => FeedEvent::Down { reason, retry_at },
            },
            error = &mut keeping => return error,
        };
        if events.send(told).await.is_err() {
            return unheard();
        }
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_else(|_| wall())
}

impl MarketStream {
    pub(super) fn new(venue: Arc<Venue>, wanted: watch::Receiver<Wanted>) -> Self {
        Self {
            venue,
            wanted,
            pings: pings(),
            subscribed: BTreeSet::new(),
            board: QuoteBoard::new(Source::RealTime),
            traded: BTreeMap::new(),
            told: BTreeMap::new(),
            books: BTreeSet::new(),
        }
    }

    /// The subscriptions that what is wanted needs.
    fn needed(&mut self) -> BTreeSet<Key> {
        let wanted = self.wanted.borrow_and_update().clone();
        let universe = self.venue.known();
        self.books = wanted.books.iter().cloned().collect();
        let mut keys = BTreeSet::new();
        let quoted: BTreeSet<&Instrument> = wanted.quotes.iter().chain(&wanted.books).collect();
        for instrument in quoted {
            let Some(asset) = universe.asset(instrument).filter(|asset| !asset.delisted) else { continue };
            let book = self.books.contains(instrument).then_some("l2Book");
            for kind in ["bbo", "trades", "activeAssetCtx"].into_iter().chain(book) {
                if keys.len() == SUBSCRIPTIONS_MAX {
                    tracing::warn!("more prices are wanted than one stream may carry");
                    return keys;
                }
                keys.insert((kind, asset.coin.to_string()));
            }
        }
        keys
    }

    /// What has to be said so that the subscriptions are those that are needed.
    fn change(&mut self) -> Vec<Frame> {
        let needed = self.needed();
        let frame = |method: &str, (kind, coin): &Key| -> Frame {
            subscription(method, &json!({"type": kind, "coin": coin}))
        };
        let ended = self.subscribed.difference(&needed).map(|key| frame("unsubscribe", key));
        let begun = needed.difference(&self.subscribed).map(|key| frame("subscribe", key));
        let frames = ended.chain(begun).collect();
        self.forget(&needed);
        self.subscribed = needed;
        frames
    }

    fn forget(&mut self, needed: &BTreeSet<Key>) {
        let universe = self.venue.known();
        for (kind, coin) in self.subscribed.difference(needed) {
            if let (&"bbo", Some(instrument)) = (kind, universe.instrument(coin)) {
                self.board.forget(&instrument);
                self.traded.remove(&instrument);
                self.told.remove(&instrument);
            }
        }
    }

    fn trades(&mut self, universe: &Universe, trades: &[Trade], items: &mut Vec<FeedEvent>) {
        let Some(first) = trades.first() else { return };
        let Some(instrument) = universe.instrument(&first.coin) else { return };
        let told = self.told.entry(instrument.clone()).or_default();
        let mut prints: Vec<(u64, Print)> = trades
            .iter()
            .filter(|trade| !told.contains(&trade.tid))
            .map(|trade| (trade.tid, print(trade)))
            .collect();
        prints.sort_by_key(|(_, print)| print.at);
        for (tid, _) in &prints {
            if told.len() == PRINTS_MAX {
                told.pop_front();
            }
            told.push_back(*tid);
        }
        let Some((_, last)) = prints.last().copied() else { return };
        let known = self.traded.get(&instrument).copied().unwrap_or(i64::MIN);
        if last.at.as_millisecond() >= known {
            self.traded.insert(instrument.clone(), last.at.as_millisecond());
            let quote = self.board.update(&instrument, last.at, |quote| {
                (quote.last, quote.last_size) = (Some(last.price), last.size);
            });
            items.push(FeedEvent::Quote(Box::new(quote.clone())));
        }
        if self.books.contains(&instrument) {
            let prints = prints.into_iter().map(|(_, print)| print).collect();
            items.push(FeedEvent::Prints { instrument, prints });
        }
    }

    fn take(&mut self, message: &Message<'_>, items: &mut Vec<FeedEvent>) -> Result<(), StreamError> {
        let universe = self.venue.known();
        match message.channel.as_str() {
            "bbo" => {
                let told: Top = data(message)?;
                if let Some(instrument) = universe.instrument(&told.coin) {
                    let (bid, ask) = (top(told.bbo.0.as_ref()), top(told.bbo.1.as_ref()));
                    let quote = self.board.top(&instrument, at(told.time), bid, ask);
                    items.push(FeedEvent::Quote(Box::new(quote.clone())));
                }
            }
            "activeAssetCtx" | "activeSpotAssetCtx" => {
                let told: AssetContext = data(message)?;
                // It has no time of its own: it makes no price newer than it is.
                if let Some(instrument) = universe.instrument(&told.coin) {
                    let then = self
                        .board
                        .get(&instrument)
                        .map_or_else(|| self.venue.http.broker_now(), |quote| quote.as_of);
                    let quote = self.board.update(&instrument, then, |quote| apply(quote, &told.ctx));
                    items.push(FeedEvent::Quote(Box::new(quote.clone())));
                }
            }
            "trades" => self.trades(&universe, &data::<Vec<Trade>>(message)?, items),
            "l2Book" => {
                let told: Book = data(message)?;
                if let Some(instrument) = universe.instrument(&told.coin) {
                    let side = |levels: &[super::wire::Level]| {
                        levels.iter().take(LEVELS_MAX).map(depth).collect::<Vec<_>>()
                    };
                    let (bids, asks) = (side(&told.levels.0), side(&told.levels.1));
                    items.push(FeedEvent::Depth { instrument, as_of: at(told.time), bids, asks });
                }
            }
            "error" => {
                // One subscription was not taken; the others go on.
                let text = data::<Value>(message)?;
                tracing::warn!(error = %errors::shown(&text.to_string()), "the venue refuses a subscription");
            }
            _ => {}
        }
        Ok(())
    }
}

fn depth(level: &super::wire::Level) -> DepthLevel {
    DepthLevel { price: Price::new(level.px), size: Quantity::new(level.sz) }
}

fn print(trade: &Trade) -> Print {
    let aggressor = match trade.side.as_str() {
        "B" => Aggressor::Buyer,
        "A" => Aggressor::Seller,
        _ => Aggressor::Unknown,
    };
    Print { at: at(trade.time), price: Price::new(trade.px), size: Quantity::new(trade.sz), aggressor }
}

#[async_trait]
impl Protocol for MarketStream {
    type Item = FeedEvent;

    fn watch(&self) -> Watch {
        WATCH
    }

    async fn handshake(&mut self) -> Result<Handshake, StreamError> {
        // Names are known before anything is subscribed to; after a break they may be new.
        let listed = self.venue.universe_within(LISTED_AGAIN).await;
        listed.map_err(|error| StreamError::Lost(error.to_string()))?;
        Ok(Handshake::to(&self.venue.settings.stream))
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError> {
        self.subscribed.clear();
        self.pings = pings();
        for frame in self.change() {
            line.send(frame).await?;
        }
        Ok(())
    }

    fn read(&mut self, frame: &Frame, items: &mut Vec<FeedEvent>) -> Result<Vec<Frame>, StreamError> {
        if let Some(message) = message(frame)? {
            self.take(&message, items)?;
        }
        Ok(Vec::new())
    }

    async fn speak(&mut self) -> Vec<Frame> {
        let changed = async {
            if self.wanted.changed().await.is_err() {
                // Nobody changes it any more; it stays as it is.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = self.pings.tick() => vec![ping()],
            () = changed => self.change(),
        }
    }
}
