//! Prices as they come, by the public channels: `ticker`, and `level2` with `market_trades` for instruments of which the book is looked at. No
//! key is sent. USD and USDC pairs share a book, and its channels speak of the first name alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use super::BROKER;
use super::channel::{Channel, Heard, Pace};
use super::feed::day_ago;
use super::products::{Products, product_id};
use super::wire::Product;
use crate::brokers::endpoint::Endpoint;
use crate::brokers::json::{self, decimal, decimal_or_none};
use crate::brokers::quotes::QuoteBoard;
use crate::brokers::stream::{
    Frame, Handshake, Kept, Line, Overflow, Protocol, StreamError, Watch, keep_open,
};
use crate::brokers::{BrokerError, FeedEvent, Wanted};
use crate::domain::depth::{Aggressor, DepthLevel, LEVELS_MAX, Print};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::Feed;

/// A snapshot of a large book has several MB.
const MESSAGE_MAX: usize = 16 << 20;
/// Events that may wait for a slow listener; newer ones are left out then.
const EVENTS_MAX: usize = 1_024;
/// The book of an instrument is told at most so often.
const DEPTH_PAUSE: Duration = Duration::from_millis(100);
/// Prices of one side of a book that are kept.
const BOOK_MAX: usize = 100_000;
/// Products of one subscription.
const PRODUCTS_MAX: usize = 300;

#[derive(Deserialize)]
struct Tickers {
    #[serde(default)]
    events: Vec<TickerEvent>,
}

#[derive(Deserialize)]
struct TickerEvent {
    #[serde(default)]
    tickers: Vec<Ticker>,
}

#[derive(Deserialize)]
struct Ticker {
    product_id: String,
    #[serde(default, deserialize_with = "decimal_or_none")]
    price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    volume_24_h: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    low_24_h: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    high_24_h: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    price_percent_chg_24_h: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    best_bid: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    best_bid_quantity: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    best_ask: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    best_ask_quantity: Option<Decimal>,
}

#[derive(Deserialize)]
struct Levels {
    #[serde(default)]
    events: Vec<LevelEvent>,
}

#[derive(Deserialize)]
struct LevelEvent {
    #[serde(default, rename = "type")]
    kind: String,
    product_id: String,
    #[serde(default)]
    updates: Vec<LevelUpdate>,
}

#[derive(Deserialize)]
struct LevelUpdate {
    side: String,
    #[serde(deserialize_with = "decimal")]
    price_level: Decimal,
    #[serde(deserialize_with = "decimal")]
    new_quantity: Decimal,
}

#[derive(Deserialize)]
struct Trades {
    #[serde(default)]
    events: Vec<TradeEvent>,
}

#[derive(Deserialize)]
struct TradeEvent {
    #[serde(default)]
    trades: Vec<Trade>,
}

#[derive(Deserialize)]
struct Trade {
    product_id: String,
    #[serde(deserialize_with = "decimal")]
    price: Decimal,
    #[serde(deserialize_with = "decimal")]
    size: Decimal,
    side: String,
    time: Timestamp,
}

/// Both sides of a product, and whether the newest of it has been told.
#[derive(Default)]
struct Sides {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
    dirty: bool,
    told: Option<Instant>,
    as_of: Timestamp,
}

/// What we are subscribed to, by channel.
const CHANNELS: [&str; 3] = ["ticker", "level2", "market_trades"];
/// Messages that a change of what is wanted comes to at most: of each channel the end of some and the beginning of others.
const CHANGE_MAX: usize = 2 * CHANNELS.len();

struct MarketChannel<'a> {
    products: &'a Products,
    endpoint: &'a Endpoint,
    channel: Channel,
    wanted: watch::Receiver<Wanted>,
    /// Something else is wanted, and has not been said yet.
    changed: bool,
    pace: Pace,
    /// The book's first name and step, by product.
    names: BTreeMap<String, (String, Decimal)>,
    /// Who wants a product, by the book's first name.
    quotes: BTreeMap<String, BTreeSet<Instrument>>,
    books: BTreeMap<String, BTreeSet<Instrument>>,
    board: QuoteBoard,
    sides: BTreeMap<String, Sides>,
}

/// Streams what is wanted until nobody listens.
pub(super) async fn watch(
    products: &Arc<Products>,
    endpoint: &Endpoint,
    wanted: watch::Receiver<Wanted>,
    events: mpsc::Sender<FeedEvent>,
) -> BrokerError {
    let mut protocol = MarketChannel {
        products,
        endpoint,
        channel: Channel::default(),
        wanted,
        changed: false,
        pace: Pace::default(),
        names: BTreeMap::new(),
        quotes: BTreeMap::new(),
        books: BTreeMap::new(),
        board: QuoteBoard::new(Feed::RealTime),
        sides: BTreeMap::new(),
    };
    let (out, mut heard) = mpsc::channel(EVENTS_MAX);
    let pass_on = async {
        while let Some(kept) = heard.recv().await {
            let event = match kept {
                Kept::Up => FeedEvent::Up,
                Kept::Item(event) => event,
                Kept::Down { reason, retry_at } => FeedEvent::Down { reason, retry_at },
            };
            if events.send(event).await.is_err() {
                return;
            }
        }
    };
    let unheard =
        || BrokerError::Unreachable { broker: BROKER.to_owned(), reason: StreamError::Unheard.to_string() };
    tokio::select! {
        error = keep_open(BROKER, &mut protocol, &out, Overflow::Drop) => error,
        () = pass_on => unheard(),
        () = events.closed() => unheard(),
    }
}

impl MarketChannel<'_> {
    fn resolve(&self, instruments: &[Instrument]) -> BTreeMap<String, BTreeSet<Instrument>> {
        let mut found: BTreeMap<String, BTreeSet<Instrument>> = BTreeMap::new();
        for instrument in instruments {
            let known = product_id(instrument).ok().and_then(|id| self.names.get(&id));
            if let Some((name, _)) = known
                && (found.len() < PRODUCTS_MAX || found.contains_key(name))
            {
                found.entry(name.clone()).or_default().insert(instrument.clone());
            }
        }
        found
    }

    /// Takes over what is wanted now. Returns what is to be said, given what was subscribed to before.
    fn take_over(&mut self, fresh: bool) -> Result<Vec<Frame>, StreamError> {
        let wanted = self.wanted.borrow_and_update().clone();
        let books = self.resolve(&wanted.books);
        let mut quotes = self.resolve(&wanted.quotes);
        for (name, instruments) in &books {
            quotes.entry(name.clone()).or_default().extend(instruments.iter().cloned());
        }
        let before = if fresh { Default::default() } else { (names(&self.quotes), names(&self.books)) };
        let now = (names(&quotes), names(&books));
        let gone: Vec<Instrument> = self
            .quotes
            .values()
            .flatten()
            .filter(|old| !quotes.values().any(|set| set.contains(old)))
            .cloned()
            .collect();
        for instrument in &gone {
            self.board.forget(instrument);
        }
        self.sides.retain(|name, _| books.contains_key(name));
        (self.quotes, self.books) = (quotes, books);
        let mut said = Vec::new();
        for channel in CHANNELS {
            let (before, now) = if channel == "ticker" { (&before.0, &now.0) } else { (&before.1, &now.1) };
            let ended: Vec<String> = before.difference(now).cloned().collect();
            let begun: Vec<String> = now.difference(before).cloned().collect();
            if !ended.is_empty() {
                said.push(self.channel.unsubscribe(None, channel, &ended)?);
            }
            if !begun.is_empty() {
                said.push(self.channel.subscribe(None, channel, &begun)?);
            }
        }
        Ok(said)
    }

    fn tickers(&mut self, frame: &Frame, at: Timestamp, items: &mut Vec<FeedEvent>) -> Result<(), String> {
        let message: Tickers = json::read(frame.bytes())?;
        for ticker in message.events.into_iter().flat_map(|event| event.tickers) {
            let tick = self.names.get(&ticker.product_id).map_or(Decimal::ZERO, |(_, tick)| *tick);
            for instrument in self.quotes.get(&ticker.product_id).into_iter().flatten() {
                let quote = self.board.update(instrument, at, |quote| {
                    let side = |price: Option<Decimal>, size: Option<Decimal>| {
                        let price = price.filter(|price| !price.is_zero()).map(Price::new);
                        (price, Quantity::new(size.unwrap_or_default()))
                    };
                    quote.last = ticker.price.map(Price::new).or(quote.last);
                    quote.volume = ticker.volume_24_h.map_or(quote.volume, Quantity::new);
                    quote.low = ticker.low_24_h.map(Price::new).or(quote.low);
                    quote.high = ticker.high_24_h.map(Price::new).or(quote.high);
                    let change = ticker.price.zip(ticker.price_percent_chg_24_h);
                    let before = change.and_then(|(price, change)| day_ago(price, change, tick));
                    quote.previous_close = before.or(quote.previous_close);
                    (quote.bid, quote.bid_size) = side(ticker.best_bid, ticker.best_bid_quantity);
                    (quote.ask, quote.ask_size) = side(ticker.best_ask, ticker.best_ask_quantity);
                });
                items.push(FeedEvent::Quote(Box::new(quote.clone())));
            }
        }
        Ok(())
    }

    fn levels(&mut self, frame: &Frame, at: Timestamp) -> Result<(), String> {
        let message: Levels = json::read(frame.bytes())?;
        for event in message.events {
            if !self.books.contains_key(&event.product_id) {
                continue;
            }
            let sides = self.sides.entry(event.product_id).or_default();
            if event.kind == "snapshot" {
                sides.bids.clear();
                sides.asks.clear();
            }
            for update in event.updates {
                let side = if update.side == "bid" { &mut sides.bids } else { &mut sides.asks };
                if update.new_quantity.is_zero() {
                    side.remove(&update.price_level);
                } else {
                    side.insert(update.price_level, update.new_quantity);
                }
            }
            // What is furthest from the market goes first.
            while sides.bids.len() > BOOK_MAX {
                sides.bids.pop_first();
            }
            while sides.asks.len() > BOOK_MAX {
                sides.asks.pop_last();
            }
            (sides.dirty, sides.as_of) = (true, at);
        }
        Ok(())
    }

    fn trades(&self, frame: &Frame, items: &mut Vec<FeedEvent>) -> Result<(), String> {
        let message: Trades = json::read(frame.bytes())?;
        let mut by_product: BTreeMap<String, Vec<Print>> = BTreeMap::new();
        for trade in message.events.into_iter().flat_map(|event| event.trades) {
            // The side is that of the order that was there: who came to it did the opposite.
            let aggressor = match trade.side.as_str() {
                "SELL" => Aggressor::Buyer,
                "BUY" => Aggressor::Seller,
                _ => Aggressor::Unknown,
            };
            let print = Print {
                at: trade.time,
                price: Price::new(trade.price),
                size: Quantity::new(trade.size),
                aggressor,
            };
            by_product.entry(trade.product_id).or_default().push(print);
        }
        for (name, mut prints) in by_product {
            prints.sort_by_key(|print| print.at);
            for instrument in self.books.get(&name).into_iter().flatten() {
                items.push(FeedEvent::Prints { instrument: instrument.clone(), prints: prints.clone() });
            }
        }
        Ok(())
    }

    /// Books that have changed and were not told for a while.
    fn tell_depth(&mut self, items: &mut Vec<FeedEvent>) {
        for (name, sides) in &mut self.sides {
            if !sides.dirty || sides.told.is_some_and(|told| told.elapsed() < DEPTH_PAUSE) {
                continue;
            }
            (sides.dirty, sides.told) = (false, Some(Instant::now()));
            let level = |(price, size): (&Decimal, &Decimal)| DepthLevel {
                price: Price::new(*price),
                size: Quantity::new(*size),
            };
            let bids: Vec<DepthLevel> = sides.bids.iter().rev().take(LEVELS_MAX).map(level).collect();
            let asks: Vec<DepthLevel> = sides.asks.iter().take(LEVELS_MAX).map(level).collect();
            for instrument in self.books.get(name).into_iter().flatten() {
                let (instrument, as_of) = (instrument.clone(), sides.as_of);
                items.push(FeedEvent::Depth { instrument, as_of, bids: bids.clone(), asks: asks.clone() });
            }
        }
    }
}

fn names(of: &BTreeMap<String, BTreeSet<Instrument>>) -> BTreeSet<String> {
    of.keys().cloned().collect()
}

#[async_trait]
impl Protocol for MarketChannel<'_> {
    type Item = FeedEvent;

    fn watch(&self) -> Watch {
        Channel::WATCH
    }

    fn message_max(&self) -> usize {
        MESSAGE_MAX
    }

    async fn handshake(&mut self) -> Result<Handshake, StreamError> {
        self.channel.reopen();
        // A book of before the gap is no book.
        self.sides.clear();
        let products = self.products.all().await.map_err(|error| StreamError::Lost(error.to_string()))?;
        let row = |product: &Product| {
            (product.product_id.clone(), (product.canonical().to_owned(), product.tick()))
        };
        // Whoever may not see futures has the prices of coins all the same.
        let futures = self.products.futures().await.unwrap_or_else(|error| {
            tracing::info!(%error, "futures are not listed");
            Arc::default()
        });
        self.names = products.iter().chain(futures.iter()).map(row).collect();
        Ok(Handshake::to(self.endpoint))
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError> {
        // Of the connection before this one the venue remembers what was said.
        tokio::time::sleep_until(self.pace.ready_at(1 + CHANNELS.len()).into()).await;
        let mut said = vec![self.channel.subscribe(None, "heartbeats", &[])?];
        said.extend(self.take_over(true)?);
        self.pace.said(said.len());
        for frame in said {
            line.send(frame).await?;
        }
        Ok(())
    }

    fn read(&mut self, frame: &Frame, items: &mut Vec<FeedEvent>) -> Result<Vec<Frame>, StreamError> {
        match self.channel.hear(frame)? {
            Heard::Data { channel, at } => {
                let read = match channel.as_str() {
                    "ticker" => self.tickers(frame, at, items),
                    "l2_data" => self.levels(frame, at),
                    "market_trades" => self.trades(frame, items),
                    _ => Ok(()),
                };
                read.map_err(|reason| {
                    StreamError::Gap(format!("a message of {channel} cannot be read: {reason}"))
                })?;
            }
            Heard::Complaint(text) => tracing::warn!(broker = BROKER, text, "the market stream complains"),
            Heard::Nothing => {}
        }
        self.tell_depth(items);
        Ok(Vec::new())
    }

    async fn speak(&mut self) -> Vec<Frame> {
        // Whoever leafs through instruments wants others faster than may be said: what is wanted once it may be is said.
        let ready = self.pace.ready_at(CHANGE_MAX);
        let (wanted, changed) = (&mut self.wanted, &mut self.changed);
        let other = async {
            if !*changed {
                if wanted.changed().await.is_err() {
                    // Nobody can want anything else any more.
                    std::future::pending::<()>().await;
                }
                *changed = true;
            }
            tokio::time::sleep_until(ready.into()).await;
        };
        let said: Vec<Frame> = tokio::select! {
            () = other => {
                self.changed = false;
                self.take_over(false).unwrap_or_default()
            }
            () = self.channel.until_silent() => {
                self.channel.subscribe(None, "heartbeats", &[]).into_iter().collect()
            }
        };
        self.pace.said(said.len());
        said
    }
}
