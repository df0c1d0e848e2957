//! Calls to CoinGecko, and what its errors mean.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use super::{BROKER, BUCKET, Plan};
use crate::brokers::BrokerError;
use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::{Answer, Call, Http};
use crate::domain::execution::Reject;
use crate::domain::text::clean;

/// An error is no longer than this.
const ERROR_MAX: usize = 4_096;
/// Characters of its words that are kept.
const WORDS_MAX: usize = 200;

/// One login's line.
pub struct Line {
    pub(super) http: Http,
    pub(super) base: Endpoint,
    pub(super) plan: Plan,
    pub(super) key: Option<SecretString>,
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    status: Value,
    #[serde(default)]
    error: Value,
}

fn words(text: &str) -> String {
    clean(text.trim()).chars().take(WORDS_MAX).collect()
}

/// Code and words of an error, in whichever of its shapes.
fn said(body: &[u8]) -> (Option<i64>, Option<String>) {
    let Ok(read) = serde_json::from_slice::<Body>(body) else { return (None, None) };
    let places = [&read.status, read.error.get("status").unwrap_or(&Value::Null)];
    for place in places {
        let code = place.get("error_code").and_then(Value::as_i64);
        if let Some(message) = place.get("error_message").and_then(Value::as_str) {
            return (code, Some(words(message)));
        }
        if code.is_some_and(|code| code != 0) {
            return (code, None);
        }
    }
    (None, read.error.as_str().map(words))
}

/// What an answer that is no data means.
fn refusal(status: u16, body: &[u8]) -> BrokerError {
    let (code, message) = said(body);
    let message = message.unwrap_or_else(|| {
        if body.is_empty() { "no reason given".to_owned() } else { words(&String::from_utf8_lossy(body)) }
    });
    let advice = match code {
        Some(10_010) => "; this is a Pro key: set plan = \"pro\" in [brokers.coingecko]",
        Some(10_011) => "; this is a Demo key: set plan = \"demo\" in [brokers.coingecko]",
        Some(10_005 | 10_012) => "; the plan does not cover this",
        _ => "",
    };
    let text = format!("{message}{advice}");
    let login = status == 401 && !matches!(code, Some(10_005 | 10_012));
    if login || matches!(code, Some(10_002 | 10_010 | 10_011)) {
        return BrokerError::Unauthorized { broker: BROKER.to_owned(), reason: text };
    }
    let code = code.map_or_else(|| format!("HTTP {status}"), |code| code.to_string());
    BrokerError::Refused {
        broker: BROKER.to_owned(),
        status,
        reject: Reject { code: code.into(), message: text },
    }
}

impl Line {
    /// Reads.
    ///
    /// # Errors
    /// Whatever [`Http::send`] says, and the service's refusal, which may come with status 200.
    pub async fn get<T: DeserializeOwned>(
        &self,
        call: Call,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<T, BrokerError> {
        let answer = self.answer(call, path, query).await?;
        if !answer.is_success() {
            return Err(refusal(answer.status.as_u16(), &answer.body));
        }
        // Some errors come with status 200, and would be read as a coin called "status".
        if answer.body.len() <= ERROR_MAX && said(&answer.body).0.is_some_and(|code| code != 0) {
            return Err(refusal(answer.status.as_u16(), &answer.body));
        }
        answer.json()
    }

    async fn answer(
        &self,
        call: Call,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<Answer, BrokerError> {
        let url = match query {
            [] => self.base.at(path),
            query => {
                let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
                format!("{}?{query}", self.base.at(path))
            }
        };
        let build = |client: &reqwest::Client| {
            let request = client.get(&url).header("accept", "application/json");
            let (Some(name), Some(key)) = (self.plan.header(), &self.key) else { return Ok(request) };
            let mut value =
                HeaderValue::from_str(key.expose_secret().trim()).map_err(|_| BrokerError::Unauthorized {
                    broker: BROKER.to_owned(),
                    reason: "the key has characters that no key has".to_owned(),
                })?;
            value.set_sensitive(true);
            Ok(request.header(name, value))
        };
        self.http.send(call, build).await
    }

    /// A call of ours.
    pub const fn read(name: &'static str) -> Call {
        Call::read(name, BUCKET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_in_every_shape() {
        for (status, body, line) in [
            (
                400,
                r#"{"error":"Missing parameter vs_currency"}"#,
                "coingecko refuses (HTTP 400): Missing parameter vs_currency",
            ),
            (
                401,
                r#"{"status":{"timestamp":"x","error_code":10002,"error_message":"API Key Missing"}}"#,
                "coingecko does not accept the login: API Key Missing",
            ),
            (
                400,
                r#"{"error":{"status":{"error_code":10010,"error_message":"wrong root"}}}"#,
                "coingecko does not accept the login: wrong root; this is a Pro key: set plan = \"pro\" in [brokers.coingecko]",
            ),
            (
                400,
                r#"{"status":{"error_code":10011,"error_message":"wrong root"}}"#,
                "coingecko does not accept the login: wrong root; this is a Demo key: set plan = \"demo\" in [brokers.coingecko]",
            ),
            (
                401,
                r#"{"status":{"error_code":10005,"error_message":"not in plan"}}"#,
                "coingecko refuses (10005): not in plan; the plan does not cover this",
            ),
            (404, r#"{"error":"coin not found"}"#, "coingecko refuses (HTTP 404): coin not found"),
            (422, r#"{"error":"out of range"}"#, "coingecko refuses (HTTP 422): out of range"),
            (403, "error code: 1020\u{1b}[31m", "coingecko refuses (HTTP 403): error code: 1020"),
            (403, "", "coingecko refuses (HTTP 403): no reason given"),
        ] {
            assert_eq!(refusal(status, body.as_bytes()).to_string(), line);
        }
    }
}
