//! Reads whose prices come from a broker: asked on a task of their own, so that no order waits meanwhile.

use std::sync::Arc;

use jiff::civil::Date;
use tokio::sync::{mpsc, oneshot};

use crate::brokers::{BrokerError, BrokerKind, FeedEvent, Market, MarketFeed};
use crate::client::message::Chain;
use crate::client::{Reply, Request, SessionError};
use crate::command::types::Command;
use crate::domain::instrument::{AssetClass, Instrument, Symbol};
use crate::domain::money::Price;
use crate::domain::news::News;
use crate::domain::option::Right;
use crate::domain::quote::{MoverOrder, Quote};

use super::super::lists;
use super::super::session::give;
use super::super::task::EngineTask;
use super::host::LiveEvent;
use super::prices::{FeedKey, FeedWord};

/// Expiries of a chain when none is asked for.
const EXPIRIES_SHOWN: usize = 4;
/// Most bars of one answer.
const BARS_MAX: usize = 5_000;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

fn told(error: &BrokerError) -> SessionError {
    SessionError::Usage(error.to_string())
}

impl EngineTask {
    /// Answers a read whose prices come from a broker, later. Gives the way to answer back where it is none.
    pub(in crate::engine) fn live_read(&mut self, request: &Request, reply: Answer) -> Option<Answer> {
        match request {
            Request::Bars { instrument, interval, limit } => {
                let Some(feed) = self.live.prices.feed_for(instrument) else {
                    return Some(reply);
                };
                let (instrument, interval) = (instrument.clone(), *interval);
                let (end, limit) = (self.clock.now(), (*limit as usize).min(BARS_MAX));
                tokio::spawn(async move {
                    let bars = feed.bars(&instrument, interval, end, limit).await;
                    give(reply, bars.map(Reply::Bars).map_err(|error| told(&error)));
                });
            }
            Request::Chain { underlying, expiry, right }
            | Request::Execute { command: Command::Chain { underlying, expiry, right }, .. } => {
                let Some(feed) = self.live.prices.feed_of(Market::Class(AssetClass::Option)) else {
                    return Some(reply);
                };
                let share = Instrument::Equity { symbol: underlying.clone() };
                let spot = self.core.quote(&share).and_then(|quote| quote.last);
                let (underlying, expiry, right) = (underlying.clone(), *expiry, *right);
                tokio::spawn(async move {
                    give(reply, chain(feed, underlying, expiry, right, spot).await);
                });
            }
            Request::Execute { command: Command::Quote { instruments }, .. } => {
                let missing = instruments.iter().filter(|instrument| {
                    self.feed.is_live(instrument) && self.core.quote(instrument).is_none()
                });
                let missing: Vec<Instrument> = missing.cloned().collect();
                let market = missing.first().map(Market::of);
                let Some(feed) = market.and_then(|market| self.live.prices.feed_of(market)) else {
                    return Some(reply);
                };
                // Only when all of them come from the one feed is the answer its own.
                if missing.len() != instruments.len()
                    || missing.iter().any(|one| Some(Market::of(one)) != market)
                {
                    return Some(reply);
                }
                missing.iter().for_each(|instrument| self.live.prices.want(instrument));
                self.first_quotes(feed, missing, reply);
            }
            Request::Movers { by, limit } => {
                let Some(feed) = self.live.prices.feed_of(Market::Class(AssetClass::Equity)) else {
                    return Some(reply);
                };
                let (order, limit) = (lists::order(*by), (*limit as usize).clamp(1, lists::MOVERS_MAX));
                let (events, key) =
                    (self.live.events_in(), self.live.prices.key_of(Market::Class(AssetClass::Equity)));
                tokio::spawn(async move {
                    let quotes = moving(&*feed, order, limit).await;
                    if let (Ok(quotes), Some(key)) = (&quotes, key) {
                        publish(&events, key, quotes).await;
                    }
                    give(reply, quotes.map(Reply::Quotes));
                });
            }
            Request::News { about, limit } => self.news(about.clone(), *limit as usize, reply),
            Request::Book { instrument } => {
                self.live.prices.want_book(instrument);
                return Some(reply);
            }
            _ => return Some(reply),
        }
        None
    }

    /// News of the broker that has some, or why there are none.
    fn news(&self, about: Vec<Instrument>, limit: usize, reply: Answer) {
        let offered_by = BrokerKind::ALL.into_iter().filter(|kind| kind.has_news());
        let offered_by = offered_by.map(|kind| kind.as_str().into()).collect();
        let Some((source, feed)) = self.live.prices.news() else {
            let login = self.live.keys().into_iter().find(|key| key.broker.has_news());
            let unreached = login.map(|key| key.broker.as_str().into());
            let none = News { unreached, offered_by, ..News::default() };
            return give(reply, Ok(Reply::News(Box::new(none))));
        };
        tokio::spawn(async move {
            let articles = match feed.news() {
                Some(news) => news.articles(&about, limit).await,
                None => Ok(Vec::new()),
            };
            let source = Some(source.to_string().into());
            let told = articles.map_err(|error| told(&error));
            let news =
                |articles| Reply::News(Box::new(News { source, unreached: None, offered_by, articles }));
            give(reply, told.map(news));
        });
    }

    /// Quotes of instruments that nobody has looked at yet: asked for once, and streamed from then on.
    fn first_quotes(&self, feed: Arc<dyn MarketFeed>, instruments: Vec<Instrument>, reply: Answer) {
        let (events, key) = (self.live.events_in(), self.live.prices.key_of(Market::of(&instruments[0])));
        tokio::spawn(async move {
            let quotes = match feed.quotes(&instruments).await {
                Ok(quotes) => quotes,
                Err(error) => return give(reply, Err(told(&error))),
            };
            if let Some(missing) =
                instruments.iter().find(|wanted| quotes.iter().all(|quote| quote.instrument != **wanted))
            {
                let text =
                    format!("no instrument {missing} is known there; try: arbion search {}", missing.root());
                return give(reply, Err(SessionError::Usage(text)));
            }
            if let Some(key) = key {
                publish(&events, key, &quotes).await;
            }
            give(reply, Ok(Reply::Quotes(quotes)));
        });
    }
}

/// Quotes that were asked for are in the picture too.
async fn publish(events: &mpsc::Sender<LiveEvent>, key: FeedKey, quotes: &[Quote]) {
    for quote in quotes {
        let word = FeedWord::Event(FeedEvent::Quote(Box::new(quote.clone())));
        if events.send(LiveEvent::Price(key, word)).await.is_err() {
            break;
        }
    }
}

/// Quotes of what moves most at a broker, in its order; what has none is left out.
async fn moving(feed: &dyn MarketFeed, order: MoverOrder, limit: usize) -> Result<Vec<Quote>, SessionError> {
    let found = feed.movers(order, limit).await.map_err(|error| told(&error))?;
    let Some(found) = found else {
        return Err(SessionError::Usage(
            "the broker whose prices these are has no list of movers".to_owned(),
        ));
    };
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut quotes = feed.quotes(&found).await.map_err(|error| told(&error))?;
    quotes.sort_by_key(|quote| found.iter().position(|one| *one == quote.instrument));
    Ok(quotes)
}

async fn chain(
    feed: Arc<dyn MarketFeed>,
    underlying: Symbol,
    expiry: Option<Date>,
    right: Option<Right>,
    spot: Option<Price>,
) -> Result<Reply, SessionError> {
    let expiries = feed.expiries(&underlying).await.map_err(|error| told(&error))?;
    let shown: Vec<Date> = match expiry {
        Some(day) if expiries.contains(&day) => vec![day],
        Some(day) => return Err(SessionError::Usage(format!("{underlying} has no expiry on {day}"))),
        None => expiries.iter().copied().take(EXPIRIES_SHOWN).collect(),
    };
    let mut rows = Vec::new();
    for day in shown {
        rows.extend(feed.chain(&underlying, day).await.map_err(|error| told(&error))?);
    }
    rows.retain(|row| right.is_none_or(|right| row.contract.right == right));
    rows.sort_by(|a, b| {
        let key = |row: &crate::client::message::ChainRow| {
            (row.contract.expiry, row.contract.strike, row.contract.right)
        };
        key(a).cmp(&key(b))
    });
    Ok(Reply::Chain(Box::new(Chain { underlying, spot, expiries, rows })))
}
