//! Market data as Alpaca writes it, and what it is here: quotes, trades, bars, snapshots, chains.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::brokers::json::{decimal, decimal_or_none};
use crate::domain::calendar::{Calendar, exchange_date};
use crate::domain::chain::ChainRow;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::OptionContract;
use crate::domain::quote::{Bar, Feed, Interval, Quote};

/// A quote of a list.
#[derive(Debug, Deserialize)]
pub(super) struct LatestQuote {
    pub(super) t: Timestamp,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) bp: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) bs: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) ap: Option<Decimal>,
    #[serde(default, rename = "as", deserialize_with = "decimal_or_none")]
    pub(super) a_s: Option<Decimal>,
}

/// A trade of a list.
#[derive(Debug, Deserialize)]
pub(super) struct LatestTrade {
    pub(super) t: Timestamp,
    #[serde(deserialize_with = "decimal")]
    pub(super) p: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) s: Option<Decimal>,
}

/// A bar.
#[derive(Debug, Deserialize)]
pub(super) struct WireBar {
    pub(super) t: Timestamp,
    #[serde(deserialize_with = "decimal")]
    pub(super) o: Decimal,
    #[serde(deserialize_with = "decimal")]
    pub(super) h: Decimal,
    #[serde(deserialize_with = "decimal")]
    pub(super) l: Decimal,
    #[serde(deserialize_with = "decimal")]
    pub(super) c: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) v: Option<Decimal>,
}

/// Sensitivities of an option's price. They come as numbers and stay such: no money is made of them.
#[derive(Debug, Deserialize)]
pub(super) struct Greeks {
    #[serde(default)]
    delta: Option<f64>,
    #[serde(default)]
    gamma: Option<f64>,
    #[serde(default)]
    theta: Option<f64>,
    #[serde(default)]
    vega: Option<f64>,
}

/// Everything new about one instrument.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshot {
    #[serde(default)]
    pub(super) latest_quote: Option<LatestQuote>,
    #[serde(default)]
    pub(super) latest_trade: Option<LatestTrade>,
    #[serde(default)]
    pub(super) daily_bar: Option<WireBar>,
    #[serde(default)]
    pub(super) prev_daily_bar: Option<WireBar>,
    #[serde(default)]
    implied_volatility: Option<f64>,
    #[serde(default)]
    greeks: Option<Greeks>,
}

/// Snapshots with pages: options and crypto.
#[derive(Debug, Deserialize)]
pub(super) struct Snapshots {
    #[serde(default)]
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

/// Bars with pages.
#[derive(Debug, Deserialize)]
pub(super) struct Bars {
    #[serde(default)]
    pub(super) bars: Option<BTreeMap<String, Vec<WireBar>>>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

/// One side of the book's top: a price of zero is nobody.
pub(super) fn level(price: Option<Decimal>, size: Option<Decimal>) -> Option<(Price, Quantity)> {
    let price = price.filter(|price| !price.is_zero())?;
    Some((Price::new(price), Quantity::new(size.unwrap_or_default())))
}

/// A snapshot as a quote. One without any price is none.
pub(super) fn quote(instrument: Instrument, snapshot: &Snapshot, feed: Feed) -> Option<Quote> {
    let times = [
        snapshot.latest_quote.as_ref().map(|quote| quote.t),
        snapshot.latest_trade.as_ref().map(|trade| trade.t),
    ];
    let at = times.into_iter().flatten().max()?;
    let mut quote = Quote::empty(instrument, at, feed);
    if let Some(top) = &snapshot.latest_quote {
        (quote.bid, quote.bid_size) = sides(level(top.bp, top.bs));
        (quote.ask, quote.ask_size) = sides(level(top.ap, top.a_s));
    }
    if let Some(trade) = &snapshot.latest_trade {
        quote.last = Some(Price::new(trade.p));
        quote.last_size = Quantity::new(trade.s.unwrap_or_default());
    }
    if let Some(day) = &snapshot.daily_bar {
        quote.open = Some(Price::new(day.o));
        quote.high = Some(Price::new(day.h));
        quote.low = Some(Price::new(day.l));
        quote.volume = Quantity::new(day.v.unwrap_or_default());
    }
    quote.previous_close = snapshot.prev_daily_bar.as_ref().map(|day| Price::new(day.c));
    Some(quote)
}

fn sides(level: Option<(Price, Quantity)>) -> (Option<Price>, Quantity) {
    level.map_or((None, Quantity::ZERO), |(price, size)| (Some(price), size))
}

/// A row of a chain.
pub(super) fn chain_row(
    symbol: &str,
    snapshot: &Snapshot,
    feed: Feed,
    open_interest: Option<u64>,
) -> Option<ChainRow> {
    let contract = OptionContract::from_occ(symbol).ok()?;
    let quoted = quote(contract.clone().into_instrument(), snapshot, feed);
    // A contract that nobody has quoted or traded is listed all the same.
    let quote = quoted
        .unwrap_or_else(|| Quote::empty(contract.clone().into_instrument(), Timestamp::UNIX_EPOCH, feed));
    let greeks = snapshot.greeks.as_ref();
    let sound = |value: Option<f64>| value.filter(|value| value.is_finite());
    Some(ChainRow {
        contract,
        quote,
        open_interest,
        iv: sound(snapshot.implied_volatility),
        delta: sound(greeks.and_then(|greeks| greeks.delta)),
        gamma: sound(greeks.and_then(|greeks| greeks.gamma)),
        theta: sound(greeks.and_then(|greeks| greeks.theta)),
        vega: sound(greeks.and_then(|greeks| greeks.vega)),
    })
}

/// A bar of an interval. Days and weeks of shares and options are stamped with midnight in New York, here with the first session's open.
pub(super) fn bar(bar: &WireBar, interval: Interval, class: AssetClass, calendar: &Calendar) -> Bar {
    let days = matches!(interval, Interval::Day1 | Interval::Week1);
    let start = if days && class != AssetClass::Crypto {
        let date = exchange_date(bar.t);
        let day = if calendar.is_session(date) { date } else { calendar.next_session(date) };
        calendar.session(day).map_or(bar.t, |session| session.open)
    } else {
        bar.t
    };
    Bar {
        start,
        open: Price::new(bar.o),
        high: Price::new(bar.h),
        low: Price::new(bar.l),
        close: Price::new(bar.c),
        volume: bar.v.unwrap_or_default(),
    }
}

/// Their word for an interval.
pub(super) const fn timeframe(interval: Interval) -> &'static str {
    match interval {
        Interval::Minute1 => "1Min",
        Interval::Minute5 => "5Min",
        Interval::Minute15 => "15Min",
        Interval::Hour1 => "1Hour",
        Interval::Day1 => "1Day",
        Interval::Week1 => "1Week",
    }
}
