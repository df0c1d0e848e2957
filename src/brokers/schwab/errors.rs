//! What Schwab's refusals say: four shapes, and HTML of the edge before them.

use reqwest::StatusCode;
use serde::Deserialize;

use super::NAME;
use crate::brokers::http::Answer;
use crate::brokers::{BrokerError, json};
use crate::domain::execution::Reject;
use crate::domain::text::clean;

/// Characters of an error that are shown.
const WORDS_MAX: usize = 300;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    message: Option<String>,
    errors: Vec<Detail>,
    fault: Option<Fault>,
    error: Option<String>,
    error_description: Option<String>,
}

/// A text, or an object with title and detail.
struct Detail(String);

impl<'de> Deserialize<'de> for Detail {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let word =
            |name: &str| value.get(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
        let where_in = value.get("source").and_then(|source| {
            let found = ["parameter", "header"]
                .iter()
                .find_map(|name| source.get(*name)?.as_str().map(str::to_owned));
            found.or_else(|| {
                let list = source.get("pointer")?.as_array()?;
                Some(list.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", "))
            })
        });
        let said = value.as_str().map(str::to_owned).or_else(|| match (word("title"), word("detail")) {
            (Some(title), Some(detail)) if title != detail => Some(format!("{title}: {detail}")),
            (Some(one), _) | (None, Some(one)) => Some(one.to_owned()),
            (None, None) => None,
        });
        let mut text = said.unwrap_or_default();
        if let Some(place) = where_in.filter(|place| !place.is_empty()) {
            text = format!("{text} ({place})");
        }
        Ok(Self(text))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault {
    faultstring: Option<String>,
}

/// The words of a refusal's body.
#[must_use]
pub fn words(body: &[u8]) -> String {
    let said = json::read::<Body>(body).ok().and_then(|body| {
        let parts: Vec<String> = [body.message, body.fault.and_then(|fault| fault.faultstring)]
            .into_iter()
            .flatten()
            .chain(body.errors.into_iter().map(|detail| detail.0))
            .chain(body.error.map(|code| match body.error_description {
                Some(words) => format!("{code}: {words}"),
                None => code,
            }))
            .filter(|part| !part.is_empty())
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    });
    let text = said.unwrap_or_else(|| {
        let html = body.trim_ascii_start().starts_with(b"<");
        if html { "a page of its edge instead of an answer".to_owned() } else { json::beginning(body) }
    });
    clean(&text).chars().take(WORDS_MAX).collect()
}

/// What an answer that is no success means. A 401 is the keeper's business and does not come here but at the end.
#[must_use]
pub fn of(answer: &Answer, what: &str) -> BrokerError {
    let broker = NAME.to_owned();
    let words = words(&answer.body);
    let (status, code) = match answer.status {
        StatusCode::UNAUTHORIZED => {
            return BrokerError::Unauthorized { broker, reason: words };
        }
        StatusCode::NOT_FOUND => return BrokerError::NotFound { broker, what: format!("{what}: {words}") },
        StatusCode::BAD_REQUEST => (400, "BAD_REQUEST"),
        StatusCode::FORBIDDEN => (403, "FORBIDDEN"),
        status => (status.as_u16(), "REFUSED"),
    };
    // 403: a product that the app lacks, an account that was not shared, thinkorswim not enabled, or the edge.
    let message = if status == 403 {
        format!(
            "{words} (the app lacks the product, the account was not shared, or thinkorswim is not enabled for it)"
        )
    } else {
        words
    };
    BrokerError::Refused { broker, status, reject: Reject { code: code.into(), message } }
}

/// The app has accounts and orders and no prices.
#[must_use]
pub fn no_prices() -> BrokerError {
    let message = "it takes the login for accounts and not for prices; add the product Market Data Production to the app on \
                   developer.schwab.com, and wait until it is Ready For Use";
    let reject = Reject { code: "NO_MARKET_DATA".into(), message: message.to_owned() };
    BrokerError::Refused { broker: NAME.to_owned(), status: 401, reject }
}

/// The same for a command, where "no such thing" is its word too.
#[must_use]
pub fn of_command(answer: &Answer, what: &str) -> BrokerError {
    match of(answer, what) {
        BrokerError::NotFound { broker, what } => BrokerError::Refused {
            broker,
            status: 404,
            reject: Reject { code: "NOT_FOUND".into(), message: what },
        },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn every_shape_of_a_refusal_is_read() {
        for (body, said) in [
            (r#"{"message":"Invalid account number"}"#, "Invalid account number"),
            (r#"{"message":"Bad","errors":["a","b"]}"#, "Bad; a; b"),
            (
                r#"{"errors":[{"id":"u","status":401,"title":"Unauthorized","detail":"Client not authorized","source":{"parameter":"symbols"}}]}"#,
                "Unauthorized: Client not authorized (symbols)",
            ),
            (
                r#"{"errors":[{"status":"400","title":"Bad Request","source":{"pointer":["/a","/b"]}}]}"#,
                "Bad Request (/a, /b)",
            ),
            (
                r#"{"fault":{"faultstring":"Body buffer overflow","detail":{"errorcode":"protocol.http.TooBigBody"}}}"#,
                "Body buffer overflow",
            ),
            (r#"{"error":"invalid_client"}"#, "invalid_client"),
            ("<HTML>\u{1b}[31mAccess Denied</HTML>", "a page of its edge instead of an answer"),
            ("", "it is empty"),
            ("{}", "it begins \"{}\""),
        ] {
            assert_eq!(words(body.as_bytes()), said);
        }
    }
}
