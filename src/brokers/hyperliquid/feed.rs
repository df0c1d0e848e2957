//! Prices of Hyperliquid, which need no key.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;
use smol_str::SmolStr;
use tokio::sync::{mpsc, watch};

use super::NAME;
use super::market_stream;
use super::universe::{Asset, Universe};
use super::venue::{self, LIST, STATE, Venue, instant};
use super::wire::{Book, Candle, Context, Level, Meta, SpotMeta};
use crate::brokers::{BrokerError, FeedEvent, Market, MarketFeed, Wanted};
use crate::domain::chain::ChainRow;
use crate::domain::instrument::{AssetClass, Instrument, Listing, Symbol};
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::{Bar, Feed as Source, Interval, Quote};

/// Bars of one answer.
const BARS_MAX: usize = 5_000;
/// Books that are asked for at once, and in all: beyond that the day's figures must do.
const BOOKS_AT_ONCE: usize = 8;
const BOOKS_MAX: usize = 64;

/// Prices of Hyperliquid.
pub(super) struct Feed {
    venue: Arc<Venue>,
}

/// What the day's figures say of a quote.
pub(super) fn apply(quote: &mut Quote, context: &Context) {
    quote.previous_close = context.prev_day_px.map(Price::new).or(quote.previous_close);
    quote.volume = context.day_base_vlm.map_or(quote.volume, Quantity::new);
    if quote.last.is_none() {
        // Nobody has traded since we look: the mark price stands for the last one.
        quote.last = context.mark_px.map(Price::new);
    }
}

/// One side of a book's top.
pub(super) fn top(level: Option<&Level>) -> Option<(Price, Quantity)> {
    level.map(|level| (Price::new(level.px), Quantity::new(level.sz)))
}

impl Feed {
    pub(super) const fn new(venue: Arc<Venue>) -> Self {
        Self { venue }
    }

    /// Figures of the day, by coin.
    async fn contexts(
        &self,
        universe: &Universe,
        wanted: &[(&Instrument, &Asset)],
    ) -> Result<BTreeMap<SmolStr, Context>, BrokerError> {
        let mut all = BTreeMap::new();
        for dex in &self.venue.settings.dexs {
            let of_dex = |asset: &Asset| !asset.is_spot && universe.perpetuals(dex).contains(&asset.coin);
            if !wanted.iter().any(|(_, asset)| of_dex(asset)) {
                continue;
            }
            let body = json!({"type": "metaAndAssetCtxs", "dex": dex});
            let (meta, contexts): (Meta, Vec<Context>) =
                self.venue.info(venue::read("metaAndAssetCtxs", LIST), &body).await?;
            let names = meta.universe.iter().map(|listed| SmolStr::new(&listed.name));
            all.extend(names.zip(contexts));
        }
        if wanted.iter().any(|(_, asset)| asset.is_spot) {
            let body = json!({"type": "spotMetaAndAssetCtxs"});
            let (_, contexts): (SpotMeta, Vec<Context>) =
                self.venue.info(venue::read("spotMetaAndAssetCtxs", LIST), &body).await?;
            let named = |context: Context| context.coin.clone().map(|coin| (SmolStr::new(coin), context));
            all.extend(contexts.into_iter().filter_map(named));
        }
        Ok(all)
    }

    async fn book(&self, coin: &str) -> Result<Option<Book>, BrokerError> {
        self.venue.info(venue::read("l2Book", STATE), &json!({"type": "l2Book", "coin": coin})).await
    }
}

#[async_trait]
impl MarketFeed for Feed {
    fn covers(&self, market: Market) -> bool {
        market.is_of(&[AssetClass::Perpetual, AssetClass::Crypto])
    }

    async fn quotes(&self, instruments: &[Instrument]) -> Result<Vec<Quote>, BrokerError> {
        let universe = self.venue.universe().await?;
        let wanted: Vec<(&Instrument, &Asset)> = instruments
            .iter()
            .filter_map(|instrument| Some((instrument, universe.asset(instrument)?)))
            .filter(|(_, asset)| !asset.delisted)
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let contexts = self.contexts(&universe, &wanted).await?;
        let mut books = Vec::new();
        for chunk in wanted[..wanted.len().min(BOOKS_MAX)].chunks(BOOKS_AT_ONCE) {
            let asked = chunk.iter().map(|(_, asset)| self.book(&asset.coin));
            for book in join_all(asked).await {
                books.push(book?);
            }
        }
        books.resize_with(wanted.len(), || None);
        let mut quotes = Vec::new();
        for ((instrument, asset), book) in wanted.into_iter().zip(books) {
            let now = self.venue.http.broker_now();
            let mut quote = Quote::empty(instrument.clone(), now, Source::RealTime);
            if let Some(book) = book {
                quote.as_of = instant(book.time)?;
                if let Some((price, size)) = top(book.levels.0.first()) {
                    (quote.bid, quote.bid_size) = (Some(price), size);
                }
                if let Some((price, size)) = top(book.levels.1.first()) {
                    (quote.ask, quote.ask_size) = (Some(price), size);
                }
            }
            if let Some(context) = contexts.get(&asset.coin) {
                apply(&mut quote, context);
            }
            quotes.push(quote);
        }
        Ok(quotes)
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        interval: Interval,
        end: Timestamp,
        limit: usize,
    ) -> Result<Vec<Bar>, BrokerError> {
        let universe = self.venue.universe().await?;
        let asset = universe.asset(instrument).ok_or_else(|| BrokerError::NotFound {
            broker: NAME.to_owned(),
            what: format!("instrument {instrument}"),
        })?;
        let limit = limit.min(BARS_MAX);
        let Ok(count) = i64::try_from(limit) else { return Ok(Vec::new()) };
        let end = end.as_millisecond();
        // One more than asked for: the interval that `end` lies in counts too.
        let start = end.saturating_sub((count + 1).saturating_mul(interval.seconds() * 1_000)).max(0);
        let body = json!({"type": "candleSnapshot", "req":
            {"coin": asset.coin, "interval": interval.as_str(), "startTime": start, "endTime": end}});
        let weight = LIST + u32::try_from(limit / 60).unwrap_or(u32::MAX);
        let candles: Vec<Candle> = self.venue.info(venue::history("candleSnapshot", weight), &body).await?;
        let mut bars = Vec::new();
        for candle in candles.iter().filter(|candle| candle.t < end) {
            bars.push(Bar {
                start: instant(candle.t)?,
                open: Price::new(candle.o),
                high: Price::new(candle.h),
                low: Price::new(candle.l),
                close: Price::new(candle.c),
                volume: candle.v,
            });
        }
        bars.sort_by_key(|bar| bar.start);
        bars.dedup_by_key(|bar| bar.start);
        if let Some(bad) = bars.iter().find(|bar| !bar.is_sound()) {
            return Err(BrokerError::Unreadable {
                broker: NAME.to_owned(),
                call: "candleSnapshot",
                reason: format!("the bar of {} is none: {bad:?}", bad.start),
            });
        }
        Ok(bars.split_off(bars.len().saturating_sub(limit)))
    }

    async fn expiries(&self, _: &Symbol) -> Result<Vec<Date>, BrokerError> {
        Ok(Vec::new())
    }

    async fn chain(&self, _: &Symbol, _: Date) -> Result<Vec<ChainRow>, BrokerError> {
        Ok(Vec::new())
    }

    async fn lookup(&self, text: &str) -> Result<Vec<Listing>, BrokerError> {
        Ok(self.venue.universe().await?.search(text))
    }

    async fn watch(&self, wanted: watch::Receiver<Wanted>, events: mpsc::Sender<FeedEvent>) -> BrokerError {
        market_stream::watch(&self.venue, wanted, &events).await
    }
}
