//! The market data streams: one line for shares, one for options, one for crypto, each opened when somebody looks at such an instrument.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::NAME;
use super::feed::{AlpacaFeed, POLL_EVERY, Sources};
use super::order::symbol;
use super::rest::{Login, Rest};
use super::ticks::{self, Tick};
use crate::brokers::quotes::QuoteBoard;
use crate::brokers::stream::{
    Frame, Handshake, Kept, Line, Overflow, Protocol, StreamError, Watch, keep_open,
};
use crate::brokers::{BrokerError, FeedEvent, MarketFeed, Wanted};
use crate::domain::depth::{DepthLevel, LEVELS_MAX, Print};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::quote::Quote;
use crate::domain::text::clean;

/// Messages between a line and whoever maps them.
const QUEUE_MAX: usize = 4_096;
/// Silence before we ping, and before the line is dead.
const PING_AFTER: Duration = Duration::from_secs(10);
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// Symbols of one subscription at first.
const BATCH_MAX: usize = 500;

/// Instruments without room on a stream, which are asked about.
type Unstreamed = Arc<Mutex<BTreeSet<Instrument>>>;

/// What a line says, of instruments that are wanted.
#[derive(Debug)]
pub(super) enum Said {
    Top(Instrument, Timestamp, Side2, Side2),
    Trade(Instrument, Print),
    Corrected(Instrument, Traded, Option<Traded>),
    Day(Instrument, [crate::domain::money::Price; 3], crate::domain::money::Quantity),
    Book(Instrument, Timestamp, Vec<DepthLevel>, Vec<DepthLevel>, bool),
    Halted(Instrument, bool),
}

/// Price and units of a trade.
type Traded = (crate::domain::money::Price, crate::domain::money::Quantity);
/// A side of the book's top.
type Side2 = Option<Traded>;

/// One line.
struct Prices {
    rest: Rest,
    class: AssetClass,
    sources: Arc<Sources>,
    wanted: watch::Receiver<Wanted>,
    unstreamed: Unstreamed,
    /// What wanted symbols are, by name.
    names: BTreeMap<String, Instrument>,
    /// Symbols that the stream sends, by its own word.
    sent: BTreeSet<String>,
    sent_books: BTreeSet<String>,
    /// Symbols that it does not know.
    unknown: BTreeSet<String>,
    /// A subscription is on its way: its symbols.
    asked: Vec<String>,
    /// Symbols of the next subscription at most.
    batch: usize,
    /// It takes no more symbols.
    full: bool,
    /// The plan has no such stream.
    not_in_plan: bool,
}

impl Prices {
    fn path(&self) -> String {
        match self.class {
            AssetClass::Crypto => "/v1beta3/crypto/us".to_owned(),
            AssetClass::Option => format!("/v1beta1/{}", self.sources.get(self.class)),
            _ => format!("/v2/{}", self.sources.get(self.class)),
        }
    }

    /// The options stream speaks `MessagePack` alone, both ways.
    fn frame(&self, message: &Value) -> Frame {
        if self.class == AssetClass::Option {
            match rmp_serde::to_vec(message) {
                Ok(bytes) => return Frame::Binary(bytes.into()),
                Err(error) => tracing::error!(%error, "a message cannot be packed"),
            }
        }
        Frame::text(message.to_string())
    }

    fn sign_in(&self) -> Frame {
        let message = match &self.rest.login {
            Login::Keys { key_id, secret_key } => {
                json!({ "action": "auth", "key": key_id.expose_secret(), "secret": secret_key.expose_secret() })
            }
            Login::Token(token) => {
                json!({ "action": "auth", "key": "oauth", "secret": token.expose_secret() })
            }
        };
        self.frame(&message)
    }

    fn read_frame<'a>(&self, frame: &'a Frame, out: &mut Vec<Tick<'a>>) -> Result<(), String> {
        if self.class == AssetClass::Option {
            ticks::read_packed(frame.bytes(), out)
        } else {
            ticks::read_json(frame.bytes(), out)
        }
    }

    /// Wanted instruments of this line, by name; and of which of them the whole book.
    fn look(&mut self) -> BTreeSet<String> {
        let wanted = self.wanted.borrow_and_update();
        let mine = |list: &[Instrument]| -> BTreeMap<String, Instrument> {
            let of_class = list.iter().filter(|instrument| instrument.asset_class() == self.class);
            of_class.map(|instrument| (symbol(instrument), instrument.clone())).collect()
        };
        let books = mine(&wanted.books);
        let mut names = mine(&wanted.quotes);
        let book_names = books.keys().cloned().collect();
        names.extend(books);
        drop(wanted);
        self.names = names;
        book_names
    }

    /// What is to be said so that the stream sends what is wanted; nothing while an answer is awaited.
    fn next_words(&mut self) -> Vec<Frame> {
        let books = self.look();
        if !self.asked.is_empty() {
            return Vec::new();
        }
        let surplus: Vec<String> =
            self.sent.iter().filter(|name| !self.names.contains_key(*name)).cloned().collect();
        if !surplus.is_empty() {
            // There is room again.
            (self.full, self.batch) = (false, BATCH_MAX);
            self.asked.clone_from(&surplus);
            return vec![self.frame(&self.about("unsubscribe", &surplus, &[]))];
        }
        let missing: Vec<String> = self
            .names
            .keys()
            .filter(|name| !self.sent.contains(*name) && !self.unknown.contains(*name))
            .cloned()
            .collect();
        self.leave_out(if self.full { &missing } else { &[] });
        let books: Vec<String> = match self.class {
            AssetClass::Crypto => books.into_iter().filter(|name| !self.sent_books.contains(name)).collect(),
            _ => Vec::new(),
        };
        if self.full || (missing.is_empty() && books.is_empty()) {
            return Vec::new();
        }
        let batch: Vec<String> = missing.into_iter().take(self.batch).collect();
        self.asked = if batch.is_empty() { books.clone() } else { batch.clone() };
        vec![self.frame(&self.about("subscribe", &batch, &books))]
    }

    fn about(&self, action: &str, names: &[String], books: &[String]) -> Value {
        let mut message = json!({ "action": action, "trades": names, "quotes": names });
        match self.class {
            AssetClass::Option => {}
            AssetClass::Crypto => {
                message["dailyBars"] = json!(names);
                message["orderbooks"] = json!(if action == "subscribe" { books } else { names });
            }
            _ => {
                message["dailyBars"] = json!(names);
                message["statuses"] = json!(names);
            }
        }
        message
    }

    /// These are asked about instead, and no other of this class.
    fn leave_out(&self, names: &[String]) {
        let mut unstreamed = self.unstreamed.lock().unwrap_or_else(PoisonError::into_inner);
        unstreamed.retain(|instrument| instrument.asset_class() != self.class);
        unstreamed.extend(names.iter().filter_map(|name| self.names.get(name).cloned()));
    }

    /// What a refusal of the protocol means: an end of the line, or something else to say.
    fn refused(&mut self, code: u16, text: &str) -> Result<(), StreamError> {
        let said = format!("{} ({code})", clean(text));
        match code {
            402 => Err(StreamError::Refused(said)),
            405 if !self.asked.is_empty() => {
                // No room for so many: for half of them, perhaps.
                self.full = self.asked.len() <= 1;
                self.batch = (self.asked.len() / 2).max(1);
                self.asked.clear();
                Ok(())
            }
            400 if !self.asked.is_empty() => {
                if self.asked.len() == 1 {
                    self.unknown.extend(self.asked.drain(..));
                }
                self.batch = (self.asked.len() / 2).max(1);
                self.asked.clear();
                Ok(())
            }
            406 => {
                Err(StreamError::Lost(format!("{said}: another program has this stream, with the same keys")))
            }
            408 | 409 if self.sources.give_up(self.class) => Err(StreamError::Lost(said)),
            408 | 409 | 411 => {
                self.not_in_plan = true;
                Err(StreamError::Refused(said))
            }
            _ => Err(StreamError::Lost(said)),
        }
    }

    fn said(&self, tick: Tick<'_>) -> Option<Said> {
        let of = |name: &str| self.names.get(name).cloned();
        Some(match tick {
            Tick::Top { symbol, at, bid, ask } => Said::Top(of(&symbol)?, at, bid, ask),
            Tick::Trade { symbol, at, price, size, aggressor } => {
                Said::Trade(of(&symbol)?, Print { at, price, size, aggressor })
            }
            Tick::Corrected { symbol, from, to } => Said::Corrected(of(&symbol)?, from, to),
            Tick::Day { symbol, open, high, low, volume } => {
                Said::Day(of(&symbol)?, [open, high, low], volume)
            }
            Tick::Book { symbol, at, bids, asks, whole } => Said::Book(of(&symbol)?, at, bids, asks, whole),
            Tick::Halted { symbol, halted } => Said::Halted(of(&symbol)?, halted),
            Tick::Subscribed { .. } | Tick::Success(_) | Tick::Error { .. } => return None,
        })
    }

    /// Waits for a word of the greeting.
    async fn hear(&mut self, line: &mut Line, word: &str) -> Result<(), StreamError> {
        let frame = line.next().await?;
        let mut said = Vec::new();
        self.read_frame(&frame, &mut said)
            .map_err(|reason| StreamError::Lost(format!("the greeting cannot be read: {reason}")))?;
        match said.into_iter().next() {
            Some(Tick::Success(text)) if text == word => Ok(()),
            Some(Tick::Error { code, text }) => {
                self.refused(code, &text)?;
                Err(StreamError::Lost(clean(&text).into_owned()))
            }
            _ => Err(StreamError::Lost(format!("it does not say {word}"))),
        }
    }
}

#[async_trait]
impl Protocol for Prices {
    type Item = Said;

    fn watch(&self) -> Watch {
        Watch { ping_after: PING_AFTER, dead_after: DEAD_AFTER }
    }

    async fn handshake(&mut self) -> Result<Handshake, StreamError> {
        let mut handshake =
            Handshake { url: self.rest.places.data_stream.at(&self.path()), headers: Vec::new() };
        if self.class == AssetClass::Option {
            handshake.headers.push(("content-type", "application/msgpack".to_owned()));
        }
        Ok(handshake)
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError> {
        self.sent.clear();
        self.sent_books.clear();
        self.asked.clear();
        (self.full, self.batch) = (false, BATCH_MAX);
        self.hear(line, "connected").await?;
        line.send(self.sign_in()).await?;
        self.hear(line, "authenticated").await?;
        for words in self.next_words() {
            line.send(words).await?;
        }
        Ok(())
    }

    fn read(&mut self, frame: &Frame, items: &mut Vec<Said>) -> Result<Vec<Frame>, StreamError> {
        let mut said = Vec::new();
        if let Err(reason) = self.read_frame(frame, &mut said) {
            // The next price is as good; an order event would be another thing.
            tracing::warn!(broker = NAME, reason, "a message of prices cannot be read");
            return Ok(Vec::new());
        }
        let mut words = Vec::new();
        for tick in said {
            match tick {
                Tick::Subscribed { quotes, books } => {
                    self.sent = quotes.into_iter().collect();
                    self.sent_books = books.into_iter().collect();
                    self.asked.clear();
                    words.extend(self.next_words());
                }
                Tick::Error { code, text } => {
                    self.refused(code, &text)?;
                    words.extend(self.next_words());
                }
                tick => items.extend(self.said(tick)),
            }
        }
        Ok(words)
    }

    async fn speak(&mut self) -> Vec<Frame> {
        if self.wanted.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.next_words()
    }
}

/// Streams all three classes until nobody listens or the keys are refused.
pub(super) async fn watch(
    feed: &AlpacaFeed,
    wanted: watch::Receiver<Wanted>,
    events: mpsc::Sender<FeedEvent>,
) -> BrokerError {
    let unstreamed = Unstreamed::default();
    let line = |class| one_class(feed, class, wanted.clone(), &events, &unstreamed);
    let unheard =
        || BrokerError::Unreachable { broker: NAME.to_owned(), reason: StreamError::Unheard.to_string() };
    tokio::select! {
        error = line(AssetClass::Equity) => error,
        error = line(AssetClass::Option) => error,
        error = line(AssetClass::Crypto) => error,
        () = poll(feed, &events, &unstreamed) => unheard(),
        () = events.closed() => unheard(),
    }
}

/// Asks about what no stream has room for.
async fn poll(feed: &AlpacaFeed, events: &mpsc::Sender<FeedEvent>, unstreamed: &Unstreamed) {
    loop {
        let asked: Vec<Instrument> =
            unstreamed.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        if !asked.is_empty() {
            match feed.quotes(&asked).await {
                Ok(quotes) => {
                    for quote in quotes {
                        if events.send(FeedEvent::Quote(Box::new(quote))).await.is_err() {
                            return;
                        }
                    }
                }
                Err(error) => tracing::warn!(broker = NAME, %error, "prices were asked for in vain"),
            }
        }
        let pause = if asked.is_empty() { Duration::from_secs(1) } else { POLL_EVERY };
        tokio::time::sleep(pause).await;
    }
}

/// Waits until an instrument of a class is wanted.
async fn until_wanted(wanted: &mut watch::Receiver<Wanted>, class: AssetClass) {
    let of_class = |wanted: &Wanted| {
        wanted.quotes.iter().chain(&wanted.books).any(|instrument| instrument.asset_class() == class)
    };
    if wanted.wait_for(of_class).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn one_class(
    feed: &AlpacaFeed,
    class: AssetClass,
    mut wanted: watch::Receiver<Wanted>,
    events: &mpsc::Sender<FeedEvent>,
    unstreamed: &Unstreamed,
) -> BrokerError {
    until_wanted(&mut wanted, class).await;
    let (out, heard) = mpsc::channel(QUEUE_MAX);
    let mut protocol = Prices {
        rest: feed.rest.clone(),
        class,
        sources: Arc::clone(&feed.sources),
        wanted: wanted.clone(),
        unstreamed: Arc::clone(unstreamed),
        names: BTreeMap::new(),
        sent: BTreeSet::new(),
        sent_books: BTreeSet::new(),
        unknown: BTreeSet::new(),
        asked: Vec::new(),
        batch: BATCH_MAX,
        full: false,
        not_in_plan: false,
    };
    let pump = Pump {
        feed,
        class,
        wanted,
        events,
        board: QuoteBoard::new(feed.sources.feed(class)),
        seeded: BTreeSet::new(),
        books: BTreeMap::new(),
    };
    let error = tokio::select! {
        error = keep_open(NAME, &mut protocol, &out, Overflow::Drop) => error,
        error = pump.run(heard) => error,
    };
    if !protocol.not_in_plan {
        return error;
    }
    tracing::warn!(broker = NAME, %class, %error, "the plan has no such stream; its prices are asked for");
    loop {
        let books = protocol.look();
        drop(books);
        let all: Vec<String> = protocol.names.keys().cloned().collect();
        protocol.leave_out(&all);
        if protocol.wanted.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Both sides of a book, by price.
#[derive(Default)]
struct Sides {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
}

impl Sides {
    fn change(side: &mut BTreeMap<Decimal, Decimal>, levels: Vec<DepthLevel>) {
        for level in levels {
            if level.size.is_zero() {
                side.remove(&level.price.get());
            } else {
                side.insert(level.price.get(), level.size.get());
            }
        }
    }

    fn best<'a>(side: impl Iterator<Item = (&'a Decimal, &'a Decimal)>) -> Vec<DepthLevel> {
        let level =
            |(price, size): (&Decimal, &Decimal)| DepthLevel { price: (*price).into(), size: (*size).into() };
        side.take(LEVELS_MAX).map(level).collect()
    }
}

/// Puts quotes together from what a line says.
struct Pump<'a> {
    feed: &'a AlpacaFeed,
    class: AssetClass,
    wanted: watch::Receiver<Wanted>,
    events: &'a mpsc::Sender<FeedEvent>,
    board: QuoteBoard,
    /// Instruments whose day is known.
    seeded: BTreeSet<Instrument>,
    books: BTreeMap<Instrument, Sides>,
}

/// Nobody listens any more.
struct Unheard;

impl Pump<'_> {
    async fn run(mut self, mut heard: mpsc::Receiver<Kept<Said>>) -> BrokerError {
        loop {
            let told = tokio::select! {
                message = heard.recv() => match message {
                    Some(message) => self.tell(message).await,
                    None => Err(Unheard),
                },
                changed = self.wanted.changed() => match changed {
                    Ok(()) => self.seed().await,
                    Err(_) => Err(Unheard),
                },
            };
            if told.is_err() {
                let reason = StreamError::Unheard.to_string();
                return BrokerError::Unreachable { broker: NAME.to_owned(), reason };
            }
        }
    }

    async fn send(&self, event: FeedEvent) -> Result<(), Unheard> {
        self.events.send(event).await.map_err(|_| Unheard)
    }

    async fn tell(&mut self, message: Kept<Said>) -> Result<(), Unheard> {
        match message {
            Kept::Up => {
                self.seeded.clear();
                self.books.clear();
                self.send(FeedEvent::Up).await?;
                self.seed().await
            }
            Kept::Down { reason, retry_at } => self.send(FeedEvent::Down { reason, retry_at }).await,
            Kept::Item(said) => self.said(said).await,
        }
    }

    /// Asks for the day of what is new, and forgets what nobody wants any more.
    async fn seed(&mut self) -> Result<(), Unheard> {
        let wanted: BTreeSet<Instrument> = {
            let wanted = self.wanted.borrow_and_update();
            let all = wanted.quotes.iter().chain(&wanted.books);
            all.filter(|instrument| instrument.asset_class() == self.class).cloned().collect()
        };
        let gone: Vec<Instrument> = self.seeded.difference(&wanted).cloned().collect();
        for instrument in gone {
            self.seeded.remove(&instrument);
            self.books.remove(&instrument);
            self.board.forget(&instrument);
        }
        let fresh: Vec<Instrument> = wanted.difference(&self.seeded).cloned().collect();
        if fresh.is_empty() {
            return Ok(());
        }
        match self.feed.quotes(&fresh).await {
            Ok(quotes) => {
                for quote in quotes {
                    let quote = self.board.seed(quote).clone();
                    self.send(FeedEvent::Quote(Box::new(quote))).await?;
                }
            }
            Err(error) => tracing::warn!(broker = NAME, %error, "the day's prices could not be had"),
        }
        self.seeded.extend(fresh);
        Ok(())
    }

    async fn said(&mut self, said: Said) -> Result<(), Unheard> {
        let quote: Quote = match said {
            Said::Top(instrument, at, bid, ask) => self.board.top(&instrument, at, bid, ask).clone(),
            Said::Trade(instrument, print) => {
                if self.wanted.borrow().books.contains(&instrument) {
                    let prints = vec![print];
                    self.send(FeedEvent::Prints { instrument: instrument.clone(), prints }).await?;
                }
                self.board.trade(&instrument, print.at, print.price, print.size).clone()
            }
            Said::Corrected(instrument, from, to) => match self.board.correct(&instrument, from, to) {
                Some(quote) => quote.clone(),
                None => return Ok(()),
            },
            Said::Day(instrument, [open, high, low], volume) => {
                let change = |quote: &mut Quote| {
                    (quote.open, quote.high, quote.low) = (Some(open), Some(high), Some(low));
                    quote.volume = volume;
                };
                self.board.update(&instrument, Timestamp::UNIX_EPOCH, change).clone()
            }
            Said::Halted(instrument, halted) => {
                let change = |quote: &mut Quote| quote.halted = halted;
                self.board.update(&instrument, Timestamp::UNIX_EPOCH, change).clone()
            }
            Said::Book(instrument, as_of, bids, asks, whole) => {
                let book = self.books.entry(instrument.clone()).or_default();
                if whole {
                    *book = Sides::default();
                }
                Sides::change(&mut book.bids, bids);
                Sides::change(&mut book.asks, asks);
                let (bids, asks) = (Sides::best(book.bids.iter().rev()), Sides::best(book.asks.iter()));
                return self.send(FeedEvent::Depth { instrument, as_of, bids, asks }).await;
            }
        };
        self.send(FeedEvent::Quote(Box::new(quote))).await
    }
}
