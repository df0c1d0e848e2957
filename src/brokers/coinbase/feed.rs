//! Prices of Coinbase, with or without a key: quotes, bars, names. What streams is in `market_stream`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use super::line::{Line, V3};
use super::market_stream;
use super::products::{Products, product_id};
use super::wire::{Product, ProductList};
use super::{PRIVATE, PUBLIC};
use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::Call;
use crate::brokers::json::decimal;
use crate::brokers::{BrokerError, FeedEvent, Market, MarketFeed, Wanted};
use crate::domain::chain::ChainRow;
use crate::domain::instrument::{AssetClass, Instrument, Listing, Symbol};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::quote::{Bar, Feed, Interval, Quote};

/// Candles of one answer; one fewer is asked for, as both ends count.
const CANDLES_MAX: i64 = 349;
/// Bars that are given at once.
const BARS_MAX: usize = 5_000;
/// Answers without a candle after which history is taken to begin.
const EMPTY_MAX: u32 = 2;
/// Names that a search gives.
const FOUND_MAX: usize = 20;
/// Books that are asked for one by one, without a key.
const BOOKS_MAX: usize = 12;

/// Prices of Coinbase.
pub struct CoinbaseFeed {
    pub(super) line: Arc<Line>,
    pub(super) products: Arc<Products>,
    pub(super) stream: Endpoint,
}

#[derive(Deserialize)]
struct Books {
    pricebooks: Vec<Book>,
}

#[derive(Deserialize)]
struct BookAnswer {
    pricebook: Book,
}

#[derive(Deserialize)]
struct Book {
    product_id: String,
    #[serde(default)]
    bids: Vec<Level>,
    #[serde(default)]
    asks: Vec<Level>,
    #[serde(default)]
    time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Level {
    #[serde(deserialize_with = "decimal")]
    price: Decimal,
    #[serde(deserialize_with = "decimal")]
    size: Decimal,
}

#[derive(Deserialize)]
struct Candles {
    candles: Vec<Candle>,
}

#[derive(Deserialize)]
struct Candle {
    #[serde(deserialize_with = "decimal")]
    start: Decimal,
    #[serde(deserialize_with = "decimal")]
    low: Decimal,
    #[serde(deserialize_with = "decimal")]
    high: Decimal,
    #[serde(deserialize_with = "decimal")]
    open: Decimal,
    #[serde(deserialize_with = "decimal")]
    close: Decimal,
    #[serde(deserialize_with = "decimal")]
    volume: Decimal,
}

/// The price of 24 hours ago, to the tick: what the change since is measured by.
#[must_use]
pub(super) fn day_ago(price: Decimal, change_percent: Decimal, tick: Decimal) -> Option<Price> {
    let before = price.checked_div(Decimal::ONE + change_percent / Decimal::ONE_HUNDRED)?;
    (before > Decimal::ZERO).then(|| {
        let before = Price::new(before.round_dp_with_strategy(12, RoundingStrategy::MidpointNearestEven));
        if tick.is_zero() { before } else { before.round_to_tick(tick) }
    })
}

fn quote_of(instrument: &Instrument, product: &Product, book: Option<&Book>, now: Timestamp) -> Quote {
    let as_of = book.and_then(|book| book.time).unwrap_or(now);
    let mut quote = Quote::empty(instrument.clone(), as_of, Feed::RealTime);
    if let Some(price) = product.price.filter(|price| !price.is_zero()) {
        quote.last = Some(Price::new(price));
        let change = product.price_percentage_change_24h;
        quote.previous_close = change.and_then(|change| day_ago(price, change, product.tick()));
    }
    quote.volume = Quantity::new(product.volume_24h.unwrap_or_default());
    quote.halted = !product.trades();
    if let Some(level) = book.and_then(|book| book.bids.first()) {
        (quote.bid, quote.bid_size) = (Some(Price::new(level.price)), Quantity::new(level.size));
    }
    if let Some(level) = book.and_then(|book| book.asks.first()) {
        (quote.ask, quote.ask_size) = (Some(Price::new(level.price)), Quantity::new(level.size));
    }
    quote
}

const fn granularity(interval: Interval) -> (&'static str, i64) {
    match interval {
        Interval::Minute1 => ("ONE_MINUTE", 60),
        Interval::Minute5 => ("FIVE_MINUTE", 300),
        Interval::Minute15 => ("FIFTEEN_MINUTE", 900),
        Interval::Hour1 => ("ONE_HOUR", 3_600),
        // A week is put together from its days.
        Interval::Day1 | Interval::Week1 => ("ONE_DAY", 86_400),
    }
}

impl Candle {
    fn bar(&self) -> Option<Bar> {
        let start = Timestamp::from_second(i64::try_from(self.start.trunc()).ok()?).ok()?;
        let bar = Bar {
            start,
            open: Price::new(self.open),
            high: Price::new(self.high),
            low: Price::new(self.low),
            close: Price::new(self.close),
            volume: self.volume,
        };
        bar.is_sound().then_some(bar)
    }
}

/// Weeks that begin on Monday, 00:00 UTC, from days in order.
fn weeks(days: &[Bar]) -> Vec<Bar> {
    let mut weeks: Vec<(Date, Bar)> = Vec::new();
    for day in days {
        let date = day.start.to_zoned_datetime(TimeZone::UTC).date();
        let back = i64::from(date.weekday().since(Weekday::Monday));
        let Ok(monday) = date.checked_sub(jiff::Span::new().days(back)) else { continue };
        match weeks.last_mut() {
            Some((week, bar)) if *week == monday => {
                bar.high = bar.high.max(day.high);
                bar.low = bar.low.min(day.low);
                bar.close = day.close;
                bar.volume += day.volume;
            }
            _ => {
                let start =
                    monday.to_zoned_datetime(TimeZone::UTC).map_or(day.start, |start| start.timestamp());
                weeks.push((monday, Bar { start, ..*day }));
            }
        }
    }
    weeks.into_iter().map(|(_, bar)| bar).collect()
}

impl CoinbaseFeed {
    /// The tops of books: in one call with a key, one by one without.
    async fn books(&self, ids: &[String]) -> Result<Vec<Book>, BrokerError> {
        if !self.line.login().is_public() {
            let query: Vec<_> = ids.iter().map(|id| ("product_ids", id.clone())).collect();
            let call = Call::read("best bid and ask", PRIVATE);
            let answer: Books = self.line.get(call, &format!("{V3}/best_bid_ask"), &query).await?;
            return Ok(answer.pricebooks);
        }
        let mut books = Vec::new();
        for id in ids.iter().take(BOOKS_MAX) {
            let query = [("product_id", id.clone()), ("limit", "1".to_owned())];
            let call = Call::read("book", PUBLIC);
            match self.line.open::<BookAnswer>(call, &format!("{V3}/market/product_book"), &query).await {
                Ok(answer) => books.push(answer.pricebook),
                // The rest has its last prices.
                Err(BrokerError::Busy { .. } | BrokerError::RateLimited { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(books)
    }

    /// Candles that began before `end`, newest first, until there are enough or history begins.
    async fn candles(
        &self,
        id: &str,
        interval: Interval,
        end: Timestamp,
        limit: usize,
    ) -> Result<Vec<Bar>, BrokerError> {
        let (word, width) = granularity(interval);
        let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let path = format!("{V3}/market/products/{encoded}/candles");
        let mut bars: Vec<Bar> = Vec::new();
        let mut last = end.as_second() - i64::from(end.subsec_nanosecond() == 0);
        let mut empty = 0;
        while bars.len() < limit && empty < EMPTY_MAX {
            let first = last - width * CANDLES_MAX;
            let query =
                [("start", first.to_string()), ("end", last.to_string()), ("granularity", word.to_owned())];
            let answer: Candles = self.line.open(Call::history("candles", PUBLIC), &path, &query).await?;
            let mut page: Vec<Bar> = answer
                .candles
                .iter()
                .filter_map(Candle::bar)
                .filter(|bar| bar.start < end && bars.last().is_none_or(|oldest| bar.start < oldest.start))
                .collect();
            page.sort_by_key(|bar| std::cmp::Reverse(bar.start));
            empty = if page.is_empty() { empty + 1 } else { 0 };
            bars.extend(page);
            last = first - 1;
        }
        bars.truncate(limit);
        Ok(bars)
    }
}

#[async_trait]
impl MarketFeed for CoinbaseFeed {
    fn covers(&self, market: Market) -> bool {
        market == Market::CoinbaseFutures || market.is_of(&[AssetClass::Crypto])
    }

    async fn quotes(&self, instruments: &[Instrument]) -> Result<Vec<Quote>, BrokerError> {
        let mut wanted: BTreeMap<String, &Instrument> = BTreeMap::new();
        for instrument in instruments.iter().filter(|instrument| self.covers(Market::of(instrument))) {
            wanted.insert(product_id(instrument)?, instrument);
        }
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let query: Vec<_> = wanted.keys().map(|id| ("product_ids", id.clone())).collect();
        let call = Call::read("products", PUBLIC);
        let listed: ProductList = self.line.open(call, &format!("{V3}/market/products"), &query).await?;
        let ids: Vec<String> = listed.products.iter().map(|product| product.product_id.clone()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let books = self.books(&ids).await?;
        let now = self.line.now();
        let quote = |product: &Product| {
            let instrument = *wanted.get(&product.product_id)?;
            let book = books.iter().find(|book| book.product_id == product.product_id);
            Some(quote_of(instrument, product, book, now))
        };
        Ok(listed.products.iter().filter_map(quote).collect())
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        interval: Interval,
        end: Timestamp,
        limit: usize,
    ) -> Result<Vec<Bar>, BrokerError> {
        let id = product_id(instrument)?;
        let limit = limit.min(BARS_MAX);
        let asked =
            if interval == Interval::Week1 { limit.saturating_mul(7).min(BARS_MAX) + 7 } else { limit };
        let mut bars = self.candles(&id, interval, end, asked).await?;
        bars.reverse();
        if interval == Interval::Week1 {
            let mut weeks = weeks(&bars);
            // The first may have begun before the first day that was asked for.
            if bars.len() == asked && weeks.len() > limit {
                weeks.drain(..weeks.len() - limit);
            }
            return Ok(weeks);
        }
        Ok(bars)
    }

    async fn expiries(&self, _underlying: &Symbol) -> Result<Vec<Date>, BrokerError> {
        Ok(Vec::new())
    }

    async fn chain(&self, _underlying: &Symbol, _expiry: Date) -> Result<Vec<ChainRow>, BrokerError> {
        Ok(Vec::new())
    }

    async fn lookup(&self, text: &str) -> Result<Vec<Listing>, BrokerError> {
        let wanted = text.trim().to_ascii_uppercase();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let products = self.products.all().await?;
        // The coin itself, what begins so, what has it in its name; of each the busiest first.
        let rank = |product: &Product| {
            let (base, id) =
                (product.base_currency_id.to_ascii_uppercase(), product.product_id.to_ascii_uppercase());
            let name = product.base_name.to_ascii_uppercase();
            match () {
                () if base == wanted || id == wanted || name == wanted => Some(0),
                () if id.starts_with(&wanted) || name.starts_with(&wanted) => Some(1),
                () if id.contains(&wanted) || name.contains(&wanted) => Some(2),
                () => None,
            }
        };
        let worth = |product: &Product| {
            product
                .volume_24h
                .unwrap_or_default()
                .checked_mul(product.price.unwrap_or_default())
                .unwrap_or_default()
        };
        let mut found: Vec<_> =
            products.iter().filter_map(|product| Some((rank(product)?, product))).collect();
        found.sort_by(|(a, one), (b, other)| {
            a.cmp(b)
                .then_with(|| worth(other).cmp(&worth(one)))
                .then_with(|| one.product_id.cmp(&other.product_id))
        });
        Ok(found.into_iter().filter_map(|(_, product)| listing(product)).take(FOUND_MAX).collect())
    }

    async fn watch(&self, wanted: watch::Receiver<Wanted>, events: mpsc::Sender<FeedEvent>) -> BrokerError {
        market_stream::watch(&self.products, &self.stream, wanted, events).await
    }
}

fn listing(product: &Product) -> Option<Listing> {
    let instrument = super::products::instrument_of(&product.product_id)?;
    Some(Listing {
        currency: Currency::new(&product.quote_currency_id).ok()?,
        name: super::errors::words(&product.base_name).into(),
        exchange: "COINBASE".into(),
        sector: "".into(),
        indices: Vec::new(),
        instrument,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_weeks_from_monday() {
        let day = |n: i64, open: i64, volume: i64| Bar {
            // 2026-01-03 was a Saturday.
            start: Timestamp::from_second(1_767_398_400 + n * 86_400).unwrap(),
            open: Price::from(open),
            high: Price::from(open + 2),
            low: Price::from(open - 2),
            close: Price::from(open + 1),
            volume: volume.into(),
        };
        let weeks = weeks(&[day(0, 10, 1), day(1, 11, 1), day(2, 20, 5), day(8, 9, 7)]);
        assert_eq!(weeks.len(), 2, "{weeks:?}");
        assert_eq!(weeks[0].start.to_string(), "2025-12-29T00:00:00Z");
        assert_eq!(
            (weeks[0].open, weeks[0].close, weeks[0].volume),
            (Price::from(10), Price::from(12), 2.into())
        );
        assert_eq!(weeks[1].start.to_string(), "2026-01-05T00:00:00Z");
        assert_eq!(
            (weeks[1].high, weeks[1].low, weeks[1].close),
            (Price::from(22), Price::from(7), Price::from(10))
        );
    }

    #[test]
    fn the_price_of_a_day_ago_comes_from_the_change() {
        let ago = |price: i64, change: i64| day_ago(price.into(), change.into(), Decimal::new(1, 2));
        assert_eq!(ago(125, 25), Some(Price::from(100)));
        assert_eq!(ago(50, -50), Some(Price::from(100)));
        assert_eq!(ago(50, -100), None);
    }
}
