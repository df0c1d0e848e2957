//! Messages of the market data streams as what they say: one frame is a list of them. Here those in JSON, `packed` those in `MessagePack`.

mod packed;

use std::borrow::Cow;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::prices::level;
use crate::brokers::json::{self, decimal, decimal_or_none};
use crate::domain::depth::{Aggressor, DepthLevel};
use crate::domain::money::{Price, Quantity};

pub use packed::read_packed;

/// What one message says. Symbols are as they came.
#[derive(Clone, Debug, PartialEq)]
pub enum Tick<'a> {
    /// Both sides of the book's top.
    Top {
        /// Of what.
        symbol: Cow<'a, str>,
        /// When.
        at: Timestamp,
        /// Who buys.
        bid: Option<(Price, Quantity)>,
        /// Who sells.
        ask: Option<(Price, Quantity)>,
    },
    /// A trade.
    Trade {
        /// Of what.
        symbol: Cow<'a, str>,
        /// When.
        at: Timestamp,
        /// The price per unit.
        price: Price,
        /// Units.
        size: Quantity,
        /// Who came to whom.
        aggressor: Aggressor,
    },
    /// A trade of before was no trade, or was another one.
    Corrected {
        /// Of what.
        symbol: Cow<'a, str>,
        /// Its price and units as they were told.
        from: (Price, Quantity),
        /// As they are; absent where there was none.
        to: Option<(Price, Quantity)>,
    },
    /// The day so far.
    Day {
        /// Of what.
        symbol: Cow<'a, str>,
        /// First price.
        open: Price,
        /// Highest price.
        high: Price,
        /// Lowest price.
        low: Price,
        /// Units traded.
        volume: Quantity,
    },
    /// Levels of the book that changed; a size of zero takes a level away.
    Book {
        /// Of what.
        symbol: Cow<'a, str>,
        /// When.
        at: Timestamp,
        /// Who buys.
        bids: Vec<DepthLevel>,
        /// Who sells.
        asks: Vec<DepthLevel>,
        /// Everything that was there before is gone.
        whole: bool,
    },
    /// Trading stops or goes on.
    Halted {
        /// Of what.
        symbol: Cow<'a, str>,
        /// Stops.
        halted: bool,
    },
    /// What the stream sends from now on, all of it.
    Subscribed {
        /// Symbols with quotes.
        quotes: Vec<String>,
        /// Symbols with the whole book.
        books: Vec<String>,
    },
    /// A word of the protocol, such as `authenticated`.
    Success(String),
    /// A refusal of the protocol.
    Error {
        /// Its number.
        code: u16,
        /// Its words.
        text: String,
    },
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "T", borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Quote<'a> {
    #[serde(rename = "S", borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    t: Cow<'a, str>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    bp: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    bs: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    ap: Option<Decimal>,
    #[serde(default, rename = "as", deserialize_with = "decimal_or_none")]
    a_s: Option<Decimal>,
}

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(rename = "S", borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    t: Cow<'a, str>,
    #[serde(deserialize_with = "decimal")]
    p: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    s: Option<Decimal>,
    #[serde(default, borrow)]
    tks: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Correction<'a> {
    #[serde(rename = "S", borrow)]
    symbol: Cow<'a, str>,
    #[serde(deserialize_with = "decimal")]
    op: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    os: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    cp: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    cs: Option<Decimal>,
}

#[derive(Deserialize)]
struct Day<'a> {
    #[serde(rename = "S", borrow)]
    symbol: Cow<'a, str>,
    #[serde(deserialize_with = "decimal")]
    o: Decimal,
    #[serde(deserialize_with = "decimal")]
    h: Decimal,
    #[serde(deserialize_with = "decimal")]
    l: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    v: Option<Decimal>,
}

#[derive(Deserialize)]
struct Level {
    #[serde(deserialize_with = "decimal")]
    p: Decimal,
    #[serde(deserialize_with = "decimal")]
    s: Decimal,
}

#[derive(Deserialize)]
struct Book<'a> {
    #[serde(rename = "S", borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    t: Cow<'a, str>,
    #[serde(default)]
    b: Vec<Level>,
    #[serde(default)]
    a: Vec<Level>,
    #[serde(default)]
    r: bool,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(rename = "S", borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    sc: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Control {
    #[serde(default)]
    msg: String,
    #[serde(default)]
    code: u16,
}

#[derive(Deserialize)]
struct Subscription {
    #[serde(default)]
    quotes: Vec<String>,
    #[serde(default)]
    orderbooks: Vec<String>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("'{}' is no time", json::shown(text)))
}

fn levels(rows: &[Level]) -> Vec<DepthLevel> {
    rows.iter().map(|row| DepthLevel { price: Price::new(row.p), size: Quantity::new(row.s) }).collect()
}

/// A message's kind. It is first as a rule, and then nothing else need be read to find it.
fn kind_of(raw: &str) -> Result<Cow<'_, str>, String> {
    if let Some((kind, _)) = raw.strip_prefix("{\"T\":\"").and_then(|rest| rest.split_once('"')) {
        return Ok(Cow::Borrowed(kind));
    }
    json::read::<Kind<'_>>(raw.as_bytes()).map(|kind| kind.kind)
}

/// Reads a message; on a fault the field is named.
fn parsed<'a, T: Deserialize<'a>>(raw: &'a str) -> Result<T, String> {
    serde_json::from_str(raw).map_err(|error| match json::read::<T>(raw.as_bytes()) {
        Err(reason) => reason,
        Ok(_) => error.to_string(),
    })
}

/// Codes of a stop and of its end. Source: CTA and UTP specifications, as the stream passes them on.
fn halted(code: &str) -> Option<bool> {
    match code {
        "2" | "H" | "P" => Some(true),
        "3" | "T" => Some(false),
        _ => None,
    }
}

/// Reads a frame of JSON. What is not known is passed over.
///
/// # Errors
/// What is wrong, and where.
pub fn read_json<'a>(bytes: &'a [u8], out: &mut Vec<Tick<'a>>) -> Result<(), String> {
    let rows: Vec<&'a RawValue> = json::read(bytes)?;
    for row in rows {
        out.extend(json_tick(row.get())?);
    }
    Ok(())
}

fn json_tick(raw: &str) -> Result<Option<Tick<'_>>, String> {
    Ok(Some(match kind_of(raw)?.as_ref() {
        "q" => {
            let quote: Quote<'_> = parsed(raw)?;
            let (bid, ask) = (level(quote.bp, quote.bs), level(quote.ap, quote.a_s));
            Tick::Top { at: time(&quote.t)?, symbol: quote.symbol, bid, ask }
        }
        "t" => {
            let trade: Trade<'_> = parsed(raw)?;
            let aggressor = match trade.tks.as_deref() {
                Some("B") => Aggressor::Buyer,
                Some("S") => Aggressor::Seller,
                _ => Aggressor::Unknown,
            };
            Tick::Trade {
                at: time(&trade.t)?,
                symbol: trade.symbol,
                price: Price::new(trade.p),
                size: Quantity::new(trade.s.unwrap_or_default()),
                aggressor,
            }
        }
        "x" => {
            let trade: Trade<'_> = parsed(raw)?;
            let from = (Price::new(trade.p), Quantity::new(trade.s.unwrap_or_default()));
            Tick::Corrected { symbol: trade.symbol, from, to: None }
        }
        "c" => {
            let Correction { symbol, op, os, cp, cs } = parsed(raw)?;
            let whole =
                |price, size: Option<Decimal>| (Price::new(price), Quantity::new(size.unwrap_or_default()));
            Tick::Corrected { symbol, from: whole(op, os), to: Some(whole(cp, cs)) }
        }
        "d" => {
            let day: Day<'_> = parsed(raw)?;
            let [open, high, low] = [day.o, day.h, day.l].map(Price::new);
            Tick::Day {
                symbol: day.symbol,
                open,
                high,
                low,
                volume: Quantity::new(day.v.unwrap_or_default()),
            }
        }
        "o" => {
            let book: Book<'_> = parsed(raw)?;
            let (bids, asks) = (levels(&book.b), levels(&book.a));
            Tick::Book { at: time(&book.t)?, symbol: book.symbol, bids, asks, whole: book.r }
        }
        "s" => {
            let status: Status<'_> = parsed(raw)?;
            match halted(&status.sc) {
                Some(halted) => Tick::Halted { symbol: status.symbol, halted },
                None => return Ok(None),
            }
        }
        "success" => Tick::Success(parsed::<Control>(raw)?.msg),
        "error" => {
            let control: Control = parsed(raw)?;
            Tick::Error { code: control.code, text: control.msg }
        }
        "subscription" => {
            let all: Subscription = parsed(raw)?;
            Tick::Subscribed { quotes: all.quotes, books: all.orderbooks }
        }
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests;
