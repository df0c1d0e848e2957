//! Messages of the streamer, read once and borrowed from the frame.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::symbols;
use crate::brokers::json;
use crate::domain::depth::{DepthLevel, LEVELS_MAX};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::Quote;

/// A message.
#[derive(Deserialize)]
pub struct Message<'a> {
    /// Answers to commands.
    #[serde(borrow, default)]
    pub response: Vec<Reply<'a>>,
    /// What was subscribed to.
    #[serde(borrow, default)]
    pub data: Vec<Data<'a>>,
    /// What concerns the connection itself.
    #[serde(borrow, default)]
    pub notify: Vec<Notice<'a>>,
}

/// A word on the connection; a heartbeat has no content.
#[derive(Deserialize)]
pub struct Notice<'a> {
    /// What it says, in the codes of an answer.
    #[serde(borrow, default)]
    pub content: Option<ReplyContent<'a>>,
}

/// The answer to a command.
#[derive(Deserialize)]
pub struct Reply<'a> {
    /// Of which service.
    #[serde(borrow, default)]
    pub service: Cow<'a, str>,
    /// To which command.
    #[serde(borrow, default)]
    pub command: Cow<'a, str>,
    /// What it is.
    pub content: ReplyContent<'a>,
}

impl Reply<'_> {
    /// Its words, cleaned.
    #[must_use]
    pub fn words(&self) -> String {
        self.content.words()
    }
}

/// What an answer says.
#[derive(Deserialize)]
pub struct ReplyContent<'a> {
    /// 0 is well; the sheet has the rest.
    pub code: i64,
    /// In words.
    #[serde(borrow, default)]
    pub msg: Cow<'a, str>,
}

impl ReplyContent<'_> {
    /// Its words, cleaned.
    #[must_use]
    pub fn words(&self) -> String {
        let text = crate::domain::text::clean(&self.msg).into_owned();
        let more = if self.code == 12 { ": another program has signed in with this login" } else { "" };
        format!("{text} (code {}){more}", self.code)
    }
}

/// News of one service.
#[derive(Deserialize)]
pub struct Data<'a> {
    /// Which.
    #[serde(borrow)]
    pub service: Cow<'a, str>,
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub timestamp: i64,
    /// Each about one key.
    #[serde(borrow, default)]
    pub content: Vec<Fields<'a>>,
}

/// Fields by their numbers, unread.
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                #[derive(Deserialize)]
                #[serde(transparent)]
                struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
                let mut found = Vec::with_capacity(16);
                while let Some((Name(name), value)) = map.next_entry()? {
                    found.push((name, value));
                }
                Ok(Fields(found))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Fields<'_> {
    fn raw(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(have, _)| have == name).map(|(_, raw)| *raw)
    }

    /// A text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.raw(name)?.get().trim_matches('"').parse().ok()
    }
}

/// An order's word: whose, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The account's number.
    pub account: String,
    /// Schwab's id of the order.
    pub order_id: String,
}

impl Activity {
    /// Reads one; `None` for words that are about no order.
    #[must_use]
    pub fn of(fields: &Fields<'_>) -> Option<Self> {
        // JSON inside of a text; empty, or plain words, where there is none.
        let data = fields.text("3")?;
        let data: BTreeMap<String, Box<RawValue>> = json::read(data.as_bytes()).ok()?;
        let word = |name: &str| data.get(name).map(|raw| raw.get().trim_matches('"').to_owned());
        let order_id =
            word("SchwabOrderID").filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))?;
        let account = fields.text("1").or_else(|| word("AccountNumber"))?;
        Some(Self { account, order_id })
    }
}

/// What changed of a quote.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Of what.
    pub instrument: Instrument,
    /// When.
    pub at: Timestamp,
    /// Are the prices late, where it says so: as a rule with the first message of a symbol alone.
    pub delayed: Option<bool>,
    /// Which figures, in the order in which they came.
    changes: Vec<(Field, Option<Decimal>)>,
    halted: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Bid,
    Ask,
    Last,
    BidSize,
    AskSize,
    LastSize,
    Volume,
    High,
    Low,
    Close,
    Open,
    RegularLast,
}

/// A field of a share's quote by its number, then of an option's.
const EQUITY: [(&str, Field); 12] = [
    ("1", Field::Bid),
    ("2", Field::Ask),
    ("3", Field::Last),
    ("4", Field::BidSize),
    ("5", Field::AskSize),
    ("8", Field::Volume),
    ("9", Field::LastSize),
    ("10", Field::High),
    ("11", Field::Low),
    ("12", Field::Close),
    ("17", Field::Open),
    ("29", Field::RegularLast),
];
const OPTION: [(&str, Field); 11] = [
    ("2", Field::Bid),
    ("3", Field::Ask),
    ("4", Field::Last),
    ("5", Field::High),
    ("6", Field::Low),
    ("7", Field::Close),
    ("8", Field::Volume),
    ("15", Field::Open),
    ("16", Field::BidSize),
    ("17", Field::AskSize),
    ("18", Field::LastSize),
];

impl Level {
    /// Reads one; `None` when its symbol is none of ours.
    #[must_use]
    pub fn of(fields: &Fields<'_>, option: bool, sent_ms: i64) -> Option<Self> {
        let symbol = fields.text("key").or_else(|| fields.text("0"))?;
        let instrument = symbols::guess(&symbol)?;
        let (table, times, status) =
            if option { (&OPTION[..], ["38", "39"], "33") } else { (&EQUITY[..], ["34", "35"], "32") };
        let newest = times.iter().filter_map(|name| fields.integer(name)).max();
        let at = Timestamp::from_millisecond(newest.unwrap_or(sent_ms)).ok()?;
        let changes = fields.0.iter().filter_map(|(name, raw)| {
            let (_, field) = table.iter().find(|(number, _)| number == name)?;
            Some((*field, json::decimal_of(raw.get()).ok()))
        });
        Some(Self {
            instrument,
            at,
            delayed: fields.raw("delayed").map(|raw| raw.get() == "true"),
            changes: changes.collect(),
            halted: fields.text(status).map(|word| word.eq_ignore_ascii_case("halted")),
        })
    }

    /// Puts the changes into a quote.
    pub fn apply(&self, quote: &mut Quote) {
        for (field, value) in &self.changes {
            // A price of zero is none: nobody bids, nothing was traded.
            let price = value.filter(|value| !value.is_zero()).map(Price::new);
            let size = Quantity::new(value.unwrap_or_default());
            match field {
                Field::Bid => quote.bid = price,
                Field::Ask => quote.ask = price,
                Field::Last => quote.last = price,
                Field::BidSize => quote.bid_size = size,
                Field::AskSize => quote.ask_size = size,
                Field::LastSize => quote.last_size = size,
                Field::Volume => quote.volume = size,
                Field::High => quote.high = price,
                Field::Low => quote.low = price,
                Field::Close => quote.previous_close = price,
                Field::Open => quote.open = price,
                Field::RegularLast => quote.regular_close = price.filter(|price| Some(*price) != quote.last),
            }
        }
        if let Some(halted) = self.halted {
            quote.halted = halted;
        }
    }
}

/// A whole book.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// Of what.
    pub instrument: Instrument,
    /// When it stood so.
    pub at: Timestamp,
    /// Best first.
    pub bids: Vec<DepthLevel>,
    /// Best first.
    pub asks: Vec<DepthLevel>,
}

/// Reads a book.
#[must_use]
pub fn book_of(fields: &Fields<'_>) -> Option<Book> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(rename = "0", deserialize_with = "json::decimal")]
        price: Decimal,
        #[serde(rename = "1", deserialize_with = "json::decimal")]
        size: Decimal,
    }
    let side = |name: &str| -> Option<Vec<DepthLevel>> {
        let rows: Vec<Row> = json::read(fields.raw(name)?.get().as_bytes()).ok()?;
        let level = |row: Row| DepthLevel { price: Price::new(row.price), size: Quantity::new(row.size) };
        Some(rows.into_iter().map(level).take(LEVELS_MAX).collect())
    };
    let symbol = fields.text("key").or_else(|| fields.text("0"))?;
    Some(Book {
        instrument: symbols::guess(&symbol)?,
        at: Timestamp::from_millisecond(fields.integer("1")?).ok()?,
        bids: side("2").unwrap_or_default(),
        asks: side("3").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::quote::Feed;

    fn message(text: &str) -> Message<'_> {
        json::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_share_and_an_option_have_their_own_numbers() {
        let text = r#"{"data":[{"service":"LEVELONE_EQUITIES","timestamp":1700000000000,"command":"SUBS","content":[{"key":"AAPL","delayed":false,
            "assetMainType":"EQUITY","1":150.1,"2":150.2,"4":3,"5":4,"8":1000,"12":149,"32":"Halted","35":1700000000001}]}]}"#;
        let message = message(text);
        let level = Level::of(&message.data[0].content[0], false, message.data[0].timestamp).unwrap();
        let mut quote = Quote::empty(level.instrument.clone(), level.at, Feed::RealTime);
        level.apply(&mut quote);
        assert_eq!(quote.bid.unwrap().to_string(), "150.1");
        assert_eq!((quote.ask_size, quote.volume, quote.halted), (4.into(), 1_000.into(), true));
        assert_eq!((level.at.as_millisecond(), level.delayed), (1_700_000_000_001, Some(false)));
        // A later message holds what changed and nothing else.
        let text = r#"{"data":[{"service":"LEVELONE_EQUITIES","timestamp":1700000000500,"content":[{"key":"AAPL","1":0,"32":"Normal"}]}]}"#;
        let message = self::message(text);
        let level = Level::of(&message.data[0].content[0], false, message.data[0].timestamp).unwrap();
        level.apply(&mut quote);
        assert_eq!(level.delayed, None, "what was said of it holds");
        assert_eq!((quote.bid, quote.ask.is_some(), quote.halted), (None, true, false));
        let text = r#"{"data":[{"service":"LEVELONE_OPTIONS","content":[{"key":"AAPL  240517P00190000","2":1.1,"3":1.2,"16":7}]}]}"#;
        let message = self::message(text);
        let level = Level::of(&message.data[0].content[0], true, 0).unwrap();
        let mut quote = Quote::empty(level.instrument.clone(), level.at, Feed::RealTime);
        level.apply(&mut quote);
        assert_eq!((quote.bid.unwrap().to_string().as_str(), quote.bid_size), ("1.1", 7.into()));
    }

    #[test]
    fn an_orders_word_names_its_order_or_is_passed_over() {
        let of = |data: &str| {
            let text = format!(
                r#"{{"data":[{{"service":"ACCT_ACTIVITY","content":[{{"seq":1,"key":"k","1":"12345678","2":"OrderAccepted","3":{data}}}]}}]}}"#
            );
            Activity::of(&message(&text).data[0].content[0])
        };
        let word =
            of(r#""{\"SchwabOrderID\":\"1000000000001\",\"AccountNumber\":\"12345678\",\"BaseEvent\":{}}""#)
                .unwrap();
        assert_eq!((word.account.as_str(), word.order_id.as_str()), ("12345678", "1000000000001"));
        for odd in
            ["null", "\"\"", "\"plain words\"", "\"{\\\"SchwabOrderID\\\":\\\"../x\\\"}\"", "\"[]\"", "7"]
        {
            assert_eq!(of(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_book_is_read_whole() {
        let text = r#"{"data":[{"service":"NASDAQ_BOOK","content":[{"key":"AAPL","1":1700000000000,
            "2":[{"0":150.1,"1":300,"2":2,"3":[{"0":"NSDQ","1":100,"2":1}]}],"3":[{"0":150.2,"1":5,"2":1,"3":[]}]}]}]}"#;
        let book = book_of(&message(text).data[0].content[0]).unwrap();
        assert_eq!((book.bids[0].size, book.asks[0].price.to_string().as_str()), (300.into(), "150.2"));
    }

    #[test]
    fn replies_and_heartbeats_are_told_apart() {
        let denied = message(
            r#"{"response":[{"service":"ADMIN","command":"LOGIN","requestid":"0","content":{"code":3,"msg":"Login Denied.\u001b[31m"}}]}"#,
        );
        assert_eq!(denied.response[0].words(), "Login Denied. (code 3)");
        let beat = message(r#"{"notify":[{"heartbeat":"1668715930582"}]}"#);
        assert!(beat.response.is_empty() && beat.data.is_empty() && beat.notify[0].content.is_none());
        let cut = message(
            r#"{"notify":[{"service":"ADMIN","timestamp":1,"content":{"code":12,"msg":"CLOSE_CONNECTION"}}]}"#,
        );
        let words = cut.notify[0].content.as_ref().unwrap().words();
        assert_eq!(words, "CLOSE_CONNECTION (code 12): another program has signed in with this login");
    }
}
