//! What Alpaca's refusals mean. The number in them is overloaded, and the words may change: both are read, and what neither tells is
//! `INVALID`. The words are kept for the reader.

use serde::Deserialize;

use super::NAME;
use crate::brokers::http::Answer;
use crate::brokers::{BrokerError, json};
use crate::domain::execution::Reject;
use crate::domain::text::clean;

/// A refusal's body.
#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "number_or_word")]
    code: Option<u64>,
    message: String,
    #[serde(default)]
    reject_reason: Option<String>,
}

/// A code that is a number. Some of its services have words there, which say nothing that the message does not.
fn number_or_word<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = <Option<Box<serde_json::value::RawValue>>>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| raw.get().trim_matches('"').parse().ok()))
}

/// Words that a message of code 40310000 or 42210000 has, and what they mean. The first that fits counts.
const BY_WORDS: &[(&str, &str)] = &[
    ("insufficient qty", "INSUFFICIENT_POSITION"),
    ("insufficient underlying", "INSUFFICIENT_POSITION"),
    ("insufficient subscription", "PERMISSION"),
    ("insufficient scope", "PERMISSION"),
    ("insufficient", "INSUFFICIENT_FUNDS"),
    ("no available position", "INSUFFICIENT_POSITION"),
    ("short position", "INSUFFICIENT_POSITION"),
    ("cost basis must be", "MIN_SIZE"),
    ("wash trade", "WASH_TRADE"),
    ("short sell while a long buy", "WASH_TRADE"),
    ("long buy while a short sell", "WASH_TRADE"),
    ("opposite side", "WASH_TRADE"),
    ("pattern day trading", "DAY_TRADE"),
    ("not fractionable", "NOT_FRACTIONABLE"),
    ("new notional orders", "NOT_FRACTIONABLE"),
    ("not authorized to trade options", "PERMISSION"),
    ("not eligible", "PERMISSION"),
    ("account limit for contracts", "PERMISSION"),
    ("assignment lock", "PERMISSION"),
    ("mleg order is disabled", "PERMISSION"),
    ("not authorized to trade", "BLOCKED"),
    ("rejected by user request", "BLOCKED"),
    ("must be unique", "DUPLICATE"),
    ("sold short", "NOT_SHORTABLE"),
    ("not allowed to short", "NOT_SHORTABLE"),
    ("hard-to-borrow", "NOT_SHORTABLE"),
    ("only allowed during market hours", "MARKET_CLOSED"),
    ("is already in", "ALREADY_FINAL"),
    ("not cancelable", "ALREADY_FINAL"),
    ("cannot replace order", "REPLACE_REFUSED"),
    ("already replaced", "REPLACE_REFUSED"),
    ("chain not fully replaced", "REPLACE_REFUSED"),
    ("parameters are not changed", "REPLACE_REFUSED"),
    ("filled_qty", "REPLACE_REFUSED"),
    ("does not permit", "PERMISSION"),
];

/// The code of a refusal: ours, by what it means.
fn code_of(status: u16, code: Option<u64>, message: &str) -> &'static str {
    if status == 404 {
        return "NOT_FOUND";
    }
    let message = message.to_ascii_lowercase();
    let by_words = BY_WORDS.iter().find(|(words, _)| message.contains(words)).map(|(_, code)| *code);
    by_words.unwrap_or(match code {
        Some(40_310_100) => "DAY_TRADE",
        Some(40_410_000) => "NOT_FOUND",
        Some(40_310_000) => "FORBIDDEN",
        _ => "INVALID",
    })
}

/// An answer that is no success, as an error.
pub(super) fn of(answer: &Answer, call: &'static str) -> BrokerError {
    let status = answer.status.as_u16();
    let body = json::read::<Body>(&answer.body);
    let said = body.as_ref().ok().map(|body| clean(&body.message).into_owned());
    let code = body.as_ref().ok().and_then(|body| body.code);
    // Keys of the other environment are answered so too, and sometimes by a page of the edge.
    let is_login = status == 401
        || code == Some(40_110_000)
        || (status == 403 && said.as_deref().is_some_and(|said| said.trim_end_matches('.') == "forbidden"));
    if is_login {
        let reason = said.unwrap_or_else(|| format!("HTTP {status}"));
        return BrokerError::Unauthorized { broker: NAME.to_owned(), reason };
    }
    let body = match body {
        Ok(body) => body,
        Err(reason) => {
            let reason = format!("HTTP {status}, {reason}");
            return BrokerError::Unreadable { broker: NAME.to_owned(), call, reason };
        }
    };
    let mut message = said.unwrap_or_default();
    if let Some(reason) = &body.reject_reason {
        message = format!("{message}: {}", clean(reason));
    }
    if let Some(code) = code {
        message = format!("{message} ({code})");
    }
    let reject = Reject { code: code_of(status, code, &body.message).into(), message };
    BrokerError::Refused { broker: NAME.to_owned(), status, reject }
}

/// The code of a refusal, where it is one.
pub(super) fn code(error: &BrokerError) -> Option<&str> {
    match error {
        BrokerError::Refused { reject, .. } => Some(reject.code.as_str()),
        _ => None,
    }
}

/// Is it the word that there is no such thing.
pub(super) fn is_not_found(error: &BrokerError) -> bool {
    matches!(error, BrokerError::Refused { status: 404, .. })
}
