//! Messages in `MessagePack`, which the options stream sends alone.

use std::borrow::Cow;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::Tick;
use crate::brokers::alpaca::prices::level;
use crate::brokers::json;
use crate::domain::depth::Aggressor;
use crate::domain::money::{Price, Quantity};

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
