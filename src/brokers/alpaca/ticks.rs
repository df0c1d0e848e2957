//! Messages of the market data streams, JSON and `MessagePack`, as what they say: one frame is a list of them.

use std::borrow::Cow;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::prices::level;
use crate::brokers::json::{self, decimal, decimal_or_none};
use crate::domain::depth::{Aggressor, DepthLevel};
use crate::domain::money::{Price, Quantity};

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

/// A number of a `MessagePack` message. It has floats only: the shortest text of one is what was meant.
#[derive(Clone, Copy)]
struct Number(Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Of;
        impl Visitor<'_> for Of {
            type Value = Number;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number")
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
                json::decimal_of(&value.to_string()).map(Number).map_err(E::custom)
            }
            fn visit_f32<E: de::Error>(self, value: f32) -> Result<Number, E> {
                json::decimal_of(&value.to_string()).map(Number).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(Decimal::from(value)))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(Decimal::from(value)))
            }
        }
        deserializer.deserialize_any(Of)
    }
}

/// A time of a `MessagePack` message: extension type -1 in one of its three forms. Source: the `MessagePack` specification.
struct Stamp(Timestamp);

/// Bytes of an extension, of which a time has at most twelve.
struct Bytes([u8; 12], usize);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Of;
        impl Visitor<'_> for Of {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the bytes of a time")
            }
            fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Bytes, E> {
                let mut bytes = [0; 12];
                let place = bytes.get_mut(..value.len()).ok_or_else(|| E::custom("a time is too long"))?;
                place.copy_from_slice(value);
                Ok(Bytes(bytes, value.len()))
            }
        }
        deserializer.deserialize_bytes(Of)
    }
}

impl Bytes {
    /// Seconds and nanoseconds.
    fn time(&self) -> Option<(i64, i32)> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.0;
        match self.1 {
            4 => Some((i64::from(u32::from_be_bytes([a, b, c, d])), 0)),
            8 => {
                let both = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                let seconds = (both & ((1 << 34) - 1)).cast_signed();
                Some((seconds, i32::try_from(both >> 34).ok()?))
            }
            12 => {
                let nanos = i32::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
                Some((i64::from_be_bytes([e, f, g, h, i, j, k, l]), nanos))
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Of;
        impl<'de> Visitor<'de> for Of {
            type Value = Stamp;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a time")
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Stamp, D::Error> {
                inner.deserialize_tuple(2, self)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Stamp, A::Error> {
                let kind: Option<i8> = parts.next_element()?;
                let bytes: Option<Bytes> = parts.next_element()?;
                let whole = kind.filter(|kind| *kind == -1).and(bytes).and_then(|bytes| bytes.time());
                let at = whole.and_then(|(seconds, nanos)| Timestamp::new(seconds, nanos).ok());
                at.map(Stamp).ok_or_else(|| de::Error::custom("this extension is no time"))
            }
        }
        deserializer.deserialize_newtype_struct("_ExtStruct", Of)
    }
}

/// Everything that a message of the options stream may have.
#[derive(Deserialize)]
struct Packed<'a> {
    #[serde(rename = "T", borrow)]
    kind: Cow<'a, str>,
    #[serde(default, rename = "S", borrow)]
    symbol: Option<Cow<'a, str>>,
    #[serde(default)]
    t: Option<Stamp>,
    #[serde(default)]
    bp: Option<Number>,
    #[serde(default)]
    bs: Option<Number>,
    #[serde(default)]
    ap: Option<Number>,
    #[serde(default, rename = "as")]
    a_s: Option<Number>,
    #[serde(default)]
    p: Option<Number>,
    #[serde(default)]
    s: Option<Number>,
    #[serde(default)]
    msg: Option<String>,
    #[serde(default)]
    code: Option<u16>,
    #[serde(default)]
    quotes: Option<Vec<String>>,
}

/// Reads a frame of `MessagePack`, as the options stream sends it.
///
/// # Errors
/// What is wrong.
pub fn read_packed<'a>(bytes: &'a [u8], out: &mut Vec<Tick<'a>>) -> Result<(), String> {
    let rows: Vec<Packed<'a>> =
        rmp_serde::from_slice(bytes).map_err(|error| format!("it is no MessagePack: {error}"))?;
    for row in rows {
        out.extend(packed_tick(row)?);
    }
    Ok(())
}

fn packed_tick(row: Packed<'_>) -> Result<Option<Tick<'_>>, String> {
    let number = |value: Option<Number>| value.map(|number| number.0);
    let lacks = |what: &str| format!("a message of kind {} has no {what}", row.kind);
    let tick = match row.kind.as_ref() {
        "success" => Tick::Success(row.msg.unwrap_or_default()),
        "error" => Tick::Error { code: row.code.unwrap_or_default(), text: row.msg.unwrap_or_default() },
        "subscription" => Tick::Subscribed { quotes: row.quotes.unwrap_or_default(), books: Vec::new() },
        "q" | "t" => {
            let at = row.t.as_ref().ok_or_else(|| lacks("time"))?.0;
            let price = number(row.p);
            let (bid, ask) = (level(number(row.bp), number(row.bs)), level(number(row.ap), number(row.a_s)));
            let no_price = lacks("price");
            let symbol = row.symbol.clone().ok_or_else(|| lacks("symbol"))?;
            if row.kind == "q" {
                Tick::Top { symbol, at, bid, ask }
            } else {
                let size = Quantity::new(number(row.s).unwrap_or_default());
                let price = Price::new(price.ok_or(no_price)?);
                Tick::Trade { symbol, at, price, size, aggressor: Aggressor::Unknown }
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(tick))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Vec<Tick<'_>>, String> {
        let mut ticks = Vec::new();
        read_json(text.as_bytes(), &mut ticks).map(|()| ticks)
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn messages_say_what_they_say() {
        let text = r#"[{"T":"q","S":"AAPL","bx":"V","bp":190.5,"bs":2,"ax":"V","ap":190.61,"as":1,"t":"2026-07-01T14:30:00.123456789Z","c":["R"],"z":"C"},
            {"T":"t","S":"BTC/USD","p":6e4,"s":0.00012,"t":"2026-07-01T14:30:00Z","i":7,"tks":"S"},
            {"S":"AAPL","T":"d","o":1,"h":2,"l":0.5,"c":1.5,"v":10,"n":1,"vw":1,"t":"2026-07-01T04:00:00Z"},
            {"T":"o","S":"BTC/USD","t":"2026-07-01T14:30:00Z","b":[{"p":1.5,"s":0}],"a":[],"r":true},
            {"T":"s","S":"AAPL","sc":"H","sm":"halted","rc":"x","rm":"y","t":"2026-07-01T14:30:00Z","z":"C"},
            {"T":"x","S":"AAPL","i":1,"x":"V","p":1,"s":1,"a":"C","t":"2026-07-01T14:30:00Z","z":"C"},
            {"T":"new kind","a":[{"deep":1}]}]"#;
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let found = json(text).unwrap();
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(
            found[0],
            Tick::Top {
                symbol: "AAPL".into(),
                at: at("2026-07-01T14:30:00.123456789Z"),
                bid: Some((price("190.5"), 2.into())),
                ask: Some((price("190.61"), 1.into())),
            }
        );
        assert_eq!(
            found[1],
            Tick::Trade {
                symbol: "BTC/USD".into(),
                at: at("2026-07-01T14:30:00Z"),
                price: price("60000"),
                size: "0.00012".parse().unwrap(),
                aggressor: Aggressor::Seller,
            }
        );
        assert!(
            matches!(&found[2], Tick::Day { high, volume, .. } if *high == price("2") && *volume == 10.into())
        );
        assert!(matches!(&found[3], Tick::Book { bids, whole: true, .. } if bids[0].size.is_zero()));
        assert_eq!(found[4], Tick::Halted { symbol: "AAPL".into(), halted: true });
    }

    #[test]
    fn nobody_on_a_side_is_nobody() {
        let text = r#"[{"T":"q","S":"X","bp":0,"bs":0,"ap":1,"as":1,"t":"2026-07-01T14:30:00Z"}]"#;
        assert!(matches!(json(text).unwrap()[0], Tick::Top { bid: None, ask: Some(_), .. }));
    }

    #[test]
    fn n8_what_is_wrong_is_named() {
        for (text, said) in [
            (r#"[{"T":"q","bp":1,"t":"2026-07-01T14:30:00Z"}]"#, "missing field `S`"),
            (r#"[{"T":"t","S":"X","p":"one","t":"2026-07-01T14:30:00Z"}]"#, "p: 'one' is not a decimal"),
            (r#"[{"T":"t","S":"X","p":1e400,"t":"2026-07-01T14:30:00Z"}]"#, "not a decimal"),
            (r#"[{"T":"t","S":"X","p":1,"t":"soon"}]"#, "'soon' is no time"),
            (r#"[{"S":"X"}]"#, "missing field `T`"),
            (r#"{"T":"q"}"#, "expected a sequence"),
            ("<html>", "not JSON"),
        ] {
            let error = json(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    /// A packed string, a packed float.
    fn text(out: &mut Vec<u8>, text: &str) {
        out.push(0xa0 | u8::try_from(text.len()).unwrap());
        out.extend(text.as_bytes());
    }

    fn packed(time: &[u8], last: (&str, f64)) -> Vec<u8> {
        let mut out = vec![0x91, 0x85];
        for (name, value) in [("T", "t"), ("S", "AAPL260717C00200000"), ("c", "I")] {
            text(&mut out, name);
            text(&mut out, value);
        }
        text(&mut out, "t");
        out.extend(time);
        text(&mut out, last.0);
        out.push(0xcb);
        out.extend(last.1.to_be_bytes());
        out
    }

    #[test]
    fn packed_times_are_read_in_all_their_forms() {
        let seconds: u32 = 1_790_000_000;
        let nanos: u32 = 123_456_789;
        let short = [&[0xd6, 0xff], seconds.to_be_bytes().as_slice()].concat();
        let middle = (u64::from(nanos) << 34) | u64::from(seconds);
        let middle = [&[0xd7, 0xff], middle.to_be_bytes().as_slice()].concat();
        let long =
            [&[0xc7, 12, 0xff], nanos.to_be_bytes().as_slice(), i64::from(seconds).to_be_bytes().as_slice()]
                .concat();
        for (time, at) in [(short, 0), (middle, nanos), (long, nanos)] {
            let bytes = packed(&time, ("p", 1.15));
            let mut ticks = Vec::new();
            read_packed(&bytes, &mut ticks).unwrap();
            let expected = Timestamp::new(i64::from(seconds), i32::try_from(at).unwrap()).unwrap();
            assert_eq!(
                ticks,
                [Tick::Trade {
                    symbol: "AAPL260717C00200000".into(),
                    at: expected,
                    price: price("1.15"),
                    size: Quantity::ZERO,
                    aggressor: Aggressor::Unknown,
                }]
            );
        }
    }

    #[test]
    fn packed_nonsense_is_an_error() {
        let good = packed(&[0xd6, 0xff, 0, 0, 0, 1], ("p", 1.15));
        for length in 0..good.len() {
            assert!(read_packed(&good[..length], &mut Vec::new()).is_err(), "{length}");
        }
        for bad in [
            packed(&[0xd6, 0x01, 0, 0, 0, 1], ("p", 1.15)),
            packed(&[0xd4, 0xff, 1], ("p", 1.15)),
            packed(&[0xd6, 0xff, 0, 0, 0, 1], ("p", f64::NAN)),
            packed(&[0xd6, 0xff, 0, 0, 0, 1], ("q", 1.0)),
        ] {
            assert!(read_packed(&bad, &mut Vec::new()).is_err(), "{bad:?}");
        }
    }
}
