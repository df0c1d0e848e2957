//! What the market data API answers.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::wire::{lenient, list};
use crate::brokers::json;

/// An instrument's quote: one value of the object that is keyed by symbol.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QuoteEntry {
    /// `EQUITY`, `OPTION`, `INDEX`, ....
    pub asset_main_type: Option<String>,
    /// Is it real time.
    pub realtime: Option<bool>,
    /// The prices.
    pub quote: Option<QuoteFields>,
    /// Of the regular session.
    pub regular: Option<RegularFields>,
    /// What it is.
    pub reference: Option<Reference>,
}

/// Prices.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct QuoteFields {
    #[serde(deserialize_with = "lenient")]
    pub bid_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub bid_size: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub ask_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub ask_size: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub last_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub last_size: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub open_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub high_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub low_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub close_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub total_volume: Option<Decimal>,
    pub quote_time: Option<i64>,
    pub trade_time: Option<i64>,
    pub security_status: Option<String>,
}

/// The regular session.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegularFields {
    /// Its last price.
    #[serde(deserialize_with = "lenient")]
    pub regular_market_last_price: Option<Decimal>,
}

/// What an instrument is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reference {
    /// Its name.
    pub description: Option<String>,
    /// May it be sold short.
    pub is_shortable: Option<bool>,
    /// Is borrow hard.
    pub is_hard_to_borrow: Option<bool>,
    /// Units per contract.
    #[serde(deserialize_with = "lenient")]
    pub multiplier: Option<Decimal>,
    /// In steps of a cent.
    pub is_penny_pilot: Option<bool>,
}

/// History.
#[derive(Debug, Deserialize)]
pub struct History {
    /// The bars.
    #[serde(default, deserialize_with = "list")]
    pub candles: Vec<Candle>,
}

/// A bar.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct Candle {
    #[serde(deserialize_with = "json::decimal")]
    pub open: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub high: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub low: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub close: Decimal,
    #[serde(deserialize_with = "json::decimal")]
    pub volume: Decimal,
    /// Milliseconds since the epoch.
    pub datetime: i64,
}

/// Days of expiry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expirations {
    /// The days.
    #[serde(default, deserialize_with = "list")]
    pub expiration_list: Vec<Expiration>,
}

/// A day of expiry; the published specification calls the date `expiration`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expiration {
    /// The day.
    #[serde(alias = "expiration")]
    pub expiration_date: String,
}

/// A chain.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// `SUCCESS`, or why not.
    #[serde(default)]
    pub status: Option<String>,
    /// Are the prices late.
    #[serde(default)]
    pub is_delayed: bool,
    /// Calls by day and strike.
    #[serde(default)]
    pub call_exp_date_map: BTreeMap<String, BTreeMap<String, Vec<Contract>>>,
    /// Puts by day and strike.
    #[serde(default)]
    pub put_exp_date_map: BTreeMap<String, BTreeMap<String, Vec<Contract>>>,
}

/// A contract of a chain.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct Contract {
    pub symbol: String,
    #[serde(deserialize_with = "lenient")]
    pub bid: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub ask: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub last: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub bid_size: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub ask_size: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub last_size: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub high_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub low_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub open_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub close_price: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub total_volume: Option<Decimal>,
    pub quote_time_in_long: Option<i64>,
    /// In per cent a year.
    #[serde(deserialize_with = "lenient")]
    pub volatility: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub delta: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub gamma: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub theta: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub vega: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub open_interest: Option<Decimal>,
}

/// Instruments that were found.
#[derive(Debug, Deserialize)]
pub struct Instruments {
    /// The list.
    #[serde(default, deserialize_with = "list")]
    pub instruments: Vec<Found>,
}

/// An instrument that was found.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct Found {
    pub symbol: String,
    pub description: String,
    pub exchange: String,
    pub asset_type: String,
    pub cusip: String,
}

/// What moves.
#[derive(Debug, Deserialize)]
pub struct Movers {
    /// Best first.
    #[serde(default, deserialize_with = "list")]
    pub screeners: Vec<Mover>,
}

/// One that moves.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mover {
    /// Its symbol.
    pub symbol: String,
    /// Its name.
    pub description: String,
    /// Its price.
    #[serde(deserialize_with = "lenient")]
    pub last_price: Option<Decimal>,
    /// Change per unit.
    #[serde(deserialize_with = "lenient")]
    pub net_change: Option<Decimal>,
    /// Change as a fraction: 0.01 is 1 %.
    #[serde(deserialize_with = "lenient")]
    pub net_percent_change: Option<Decimal>,
    /// Units traded.
    #[serde(deserialize_with = "lenient")]
    pub volume: Option<Decimal>,
}

impl Mover {
    /// Outside of hours the change equals the price, which says nothing.
    #[must_use]
    pub fn says_something(&self) -> bool {
        self.net_change.is_some() && self.net_change != self.last_price
    }
}

/// Hours of a market, by product.
pub type Hours = BTreeMap<String, BTreeMap<String, Product>>;

/// Hours of a product.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Product {
    /// Of which day; absent where it is not said.
    pub date: Option<jiff::civil::Date>,
    /// Does it trade on that day.
    pub is_open: bool,
    /// When, by session: `preMarket`, `regularMarket`, `postMarket`.
    pub session_hours: BTreeMap<String, Vec<Span>>,
}

/// From when to when.
#[derive(Debug, Deserialize)]
pub struct Span {
    /// The first instant.
    pub start: jiff::Timestamp,
    /// The last.
    pub end: jiff::Timestamp,
}
