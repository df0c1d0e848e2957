//! Prices of CoinGecko as a feed: last prices without a book, marked as delayed; bars put together from its points; no stream, so that it is
//! asked again and again, for all that is wanted at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use super::coins::Meaning;
use super::line::Line;
use super::prices::{CoinPrice, CoinPrices};
use super::{ATTRIBUTION, BROKER, refused_locally};
use crate::brokers::clock::wall;
use crate::brokers::json::decimal_or_none;
use crate::brokers::{BrokerError, FeedEvent, Market, MarketFeed, Wanted};
use crate::domain::chain::ChainRow;
use crate::domain::instrument::{AssetClass, Instrument, Listing, Symbol};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::domain::text::clean;

/// Names that a search gives.
const FOUND_MAX: usize = 20;
/// Days of points an hour apart.
const HOURLY_DAYS: i64 = 90;
/// Shortest pause between two rounds of asking.
const PAUSE_MIN: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Chart {
    prices: Vec<Point>,
    #[serde(default)]
    total_volumes: Vec<Point>,
}

/// Milliseconds and a value.
#[derive(Deserialize)]
struct Point(
    #[serde(deserialize_with = "decimal_or_none")] Option<Decimal>,
    #[serde(deserialize_with = "decimal_or_none")] Option<Decimal>,
);

impl Point {
    fn read(&self) -> Option<(i64, Decimal)> {
        Some((i64::try_from(self.0?.trunc()).ok()?.div_euclid(1_000), self.1?))
    }
}

/// Bars of this width from points in order. The volume is that of the 24 hours before the last point, which for a day is the day's.
fn bars_of(chart: &Chart, interval: Interval) -> Vec<Bar> {
    let width = interval.seconds();
    // Weeks begin on Monday; the epoch was a Thursday.
    let shift = if interval == Interval::Week1 { 4 * 86_400 } else { 0 };
    let start_of = |second: i64| (second - shift).div_euclid(width) * width + shift;
    let volumes: BTreeMap<i64, Decimal> = chart.total_volumes.iter().filter_map(Point::read).collect();
    let mut bars: BTreeMap<i64, Bar> = BTreeMap::new();
    for (second, value) in chart.prices.iter().filter_map(Point::read) {
        let begin = start_of(second);
        let (Ok(start), price) = (Timestamp::from_second(begin), Price::new(value)) else { continue };
        let bar = bars.entry(begin).or_insert(Bar {
            start,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ZERO,
        });
        (bar.high, bar.low, bar.close) = (bar.high.max(price), bar.low.min(price), price);
        if interval == Interval::Day1
            && let Some(money) = volumes.get(&second)
            && let Some(units) = money.checked_div(value)
        {
            bar.volume = units.round_dp_with_strategy(8, RoundingStrategy::MidpointNearestEven);
        }
    }
    bars.into_values().filter(Bar::is_sound).collect()
}

fn quote_of(instrument: &Instrument, price: &CoinPrice) -> Quote {
    let mut quote = Quote::empty(instrument.clone(), price.as_of, Feed::Delayed);
    quote.last = Some(Price::new(price.price));
    quote.previous_close = price.change_percent.and_then(|change| {
        let before = price.price.checked_div(Decimal::ONE + change / Decimal::ONE_HUNDRED)?;
        let before = before.round_dp_with_strategy(12, RoundingStrategy::MidpointNearestEven);
        (before > Decimal::ZERO).then(|| Price::new(before))
    });
    let units = price.volume.and_then(|money| money.checked_div(price.price)).unwrap_or_default();
    quote.volume = Quantity::new(units.round_dp_with_strategy(8, RoundingStrategy::MidpointNearestEven));
    quote
}

fn pair(instrument: &Instrument) -> Option<(&Symbol, Currency)> {
    match instrument {
        Instrument::Crypto { base, quote } => Some((base, Currency::new(quote.as_str()).ok()?)),
        _ => None,
    }
}

#[async_trait]
impl MarketFeed for CoinPrices {
    fn covers(&self, market: Market) -> bool {
        market.is_of(&[AssetClass::Crypto])
    }

    async fn quotes(&self, instruments: &[Instrument]) -> Result<Vec<Quote>, BrokerError> {
        // One call for each currency, for all its coins.
        let mut wanted: BTreeMap<Currency, BTreeMap<String, Vec<&Instrument>>> = BTreeMap::new();
        for instrument in instruments {
            let Some((base, currency)) = pair(instrument) else { continue };
            if let Meaning::Coin(id) = self.meaning(base.as_str()).await? {
                wanted.entry(currency).or_default().entry(id).or_default().push(instrument);
            }
        }
        let mut quotes = Vec::new();
        for (currency, coins) in wanted {
            let ids: BTreeSet<String> = coins.keys().cloned().collect();
            let prices = self.prices(&ids, currency).await?;
            for (id, instruments) in coins {
                let Some(price) = prices.get(&id) else { continue };
                quotes.extend(instruments.into_iter().map(|instrument| quote_of(instrument, price)));
            }
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
        // Its points are 5 minutes apart for one day and an hour for 90: what is finer than that would be made up.
        let days = match interval {
            Interval::Hour1 => 1,
            Interval::Day1 | Interval::Week1 => {
                let days = interval.seconds() / 86_400;
                i64::try_from(limit).unwrap_or(HOURLY_DAYS).saturating_mul(days).clamp(2, HOURLY_DAYS)
            }
            _ => return Err(refused_locally(format!("bars of {interval}"), "bars of 1h, 1d and 1w")),
        };
        let Some((base, currency)) = pair(instrument) else {
            return Err(refused_locally(format!("bars of {instrument}"), "crypto pairs"));
        };
        let not_found = || BrokerError::NotFound { broker: BROKER.to_owned(), what: format!("coin {base}") };
        let Meaning::Coin(id) = self.meaning(base.as_str()).await? else { return Err(not_found()) };
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let to = end.as_second();
        let query = [
            ("vs_currency", currency.as_str().to_ascii_lowercase()),
            ("from", (to - days * 86_400).to_string()),
            ("to", to.to_string()),
        ];
        let path = format!("/coins/{id}/market_chart/range");
        let chart: Chart = match self.line().get(Line::read("chart"), &path, &query).await {
            Err(BrokerError::Refused { status: 404, .. }) => return Err(not_found()),
            other => other?,
        };
        let mut bars = bars_of(&chart, interval);
        bars.retain(|bar| bar.start < end);
        bars.drain(..bars.len().saturating_sub(limit));
        Ok(bars)
    }

    async fn expiries(&self, _underlying: &Symbol) -> Result<Vec<Date>, BrokerError> {
        Ok(Vec::new())
    }

    async fn chain(&self, _underlying: &Symbol, _expiry: Date) -> Result<Vec<ChainRow>, BrokerError> {
        Ok(Vec::new())
    }

    async fn lookup(&self, text: &str) -> Result<Vec<Listing>, BrokerError> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let mut seen = BTreeSet::new();
        let found = self.search(text.trim()).await?;
        let listing = |coin: super::prices::FoundCoin| {
            // Of a symbol's coins the largest comes first: it is the one that the symbol means.
            let instrument = Instrument::crypto(&coin.symbol, "USD")
                .ok()
                .filter(|_| seen.insert(coin.symbol.to_ascii_uppercase()))?;
            Some(Listing {
                instrument,
                name: clean(&coin.name).chars().take(80).collect::<String>().into(),
                exchange: ATTRIBUTION.into(),
                currency: Currency::USD,
                sector: "".into(),
                indices: Vec::new(),
            })
        };
        Ok(found.into_iter().filter_map(listing).take(FOUND_MAX).collect())
    }

    async fn watch(
        &self,
        mut wanted: watch::Receiver<Wanted>,
        events: mpsc::Sender<FeedEvent>,
    ) -> BrokerError {
        let unheard =
            || BrokerError::Unreachable { broker: BROKER.to_owned(), reason: "nobody listens".to_owned() };
        let pause = self.line().plan.fresh().max(PAUSE_MIN);
        let mut up = false;
        loop {
            let now_wanted = wanted.borrow_and_update().clone();
            let all: Vec<Instrument> = now_wanted.quotes.iter().chain(&now_wanted.books).cloned().collect();
            let mut told = Vec::new();
            match self.quotes(&all).await {
                Ok(quotes) => {
                    if !std::mem::replace(&mut up, true) {
                        told.push(FeedEvent::Up);
                    }
                    told.extend(quotes.into_iter().map(|quote| FeedEvent::Quote(Box::new(quote))));
                }
                Err(error @ BrokerError::Unauthorized { .. }) => return error,
                Err(error) => {
                    up = false;
                    let retry_at = wall() + SignedDuration::try_from(pause).unwrap_or_default();
                    told.push(FeedEvent::Down { reason: error.to_string(), retry_at });
                }
            }
            for event in told {
                if events.send(event).await.is_err() {
                    return unheard();
                }
            }
            tokio::select! {
                () = events.closed() => return unheard(),
                () = tokio::time::sleep(pause) => {}
                changed = wanted.changed() => {
                    if changed.is_err() {
                        // Nobody can want anything else any more: it goes on with what is wanted.
                        tokio::time::sleep(pause).await;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_put_together_from_points() {
        let text = br#"{"prices":[[1767225600000,100.5],[1767229200000,99],[1767308400000,101],[1767312000000,7],[1767312000500,null]],
            "total_volumes":[[1767308400000,202]],"market_caps":[]}"#;
        let chart: Chart = crate::brokers::json::read(text).unwrap();
        let days = bars_of(&chart, Interval::Day1);
        assert_eq!(days.len(), 2, "{days:?}");
        assert_eq!(days[0].start.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(
            (days[0].open.to_string(), days[0].high, days[0].low, days[0].close),
            ("100.5".into(), Price::from(101), Price::from(99), Price::from(101))
        );
        assert_eq!(days[0].volume, Decimal::TWO);
        let weeks = bars_of(&chart, Interval::Week1);
        assert_eq!((weeks.len(), weeks[0].start.to_string()), (1, "2025-12-29T00:00:00Z".into()));
    }
}
