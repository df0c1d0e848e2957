//! What Coinbase's error bodies mean: of Advanced Trade, of the v2 interface, and of orders refused inside an answer of status 200.

use serde::Deserialize;
use serde_json::Value;

use super::auth::Login;
use super::wire::{CancelResult, EditAnswer, PlaceAnswer};
use super::{BROKER, unauthorized};
use crate::brokers::BrokerError;
use crate::domain::execution::Reject;
use crate::domain::text::clean;

/// Characters of the broker's words that are kept.
const WORDS_MAX: usize = 200;

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Value,
    #[serde(default)]
    error_details: Value,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    errors: Vec<BodyV2>,
}

#[derive(Default, Deserialize)]
struct BodyV2 {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    message: Value,
}

/// Outside text, cleaned and cut.
pub fn words(text: &str) -> String {
    clean(text.trim()).chars().take(WORDS_MAX).collect()
}

/// The first that says something.
fn first<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Option<&'a str> {
    texts.into_iter().flatten().map(str::trim).find(|text| !text.is_empty())
}

/// What an answer of status 4xx means.
pub fn refusal(status: u16, body: &[u8], login: &Login) -> BrokerError {
    let text = String::from_utf8_lossy(&body[..body.len().min(4_096)]);
    let body: Body = serde_json::from_str(&text).unwrap_or_default();
    let v2 = body.errors.first();
    let code = first([v2.and_then(|error| error.id.as_str()), body.error.as_str()]);
    let said = first([
        v2.and_then(|error| error.message.as_str()),
        body.error_details.as_str(),
        body.message.as_str(),
    ]);
    let code = code.unwrap_or(match status {
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        _ => "HTTP",
    });
    let said = words(said.unwrap_or(if text.trim().is_empty() { "no reason given" } else { &text }));
    if status == 401 {
        return unauthorized(&format!("{said}; {}", login.advice()));
    }
    let message = if status == 403 && said.contains("Missing required scopes") {
        format!("{said}: the key lacks the permission for this (view, trade or transfer)")
    } else {
        with_advice(said)
    };
    BrokerError::Refused {
        broker: BROKER.to_owned(),
        status,
        reject: Reject { code: words(code).into(), message },
    }
}

/// The remedy behind a message that is known to puzzle.
fn with_advice(said: String) -> String {
    if said.to_ascii_lowercase().contains("account is not available") {
        return format!(
            "{said}: the key's portfolio has no wallet in the pair's currency, or the pair is barred in your country"
        );
    }
    said
}

/// Why an order was refused inside an answer that came well.
pub fn placing(answer: &PlaceAnswer) -> Reject {
    let response = answer.error_response.clone().unwrap_or_default();
    let known =
        |text: &Option<String>| text.clone().filter(|text| !text.is_empty() && !text.starts_with("UNKNOWN_"));
    let code = known(&response.new_order_failure_reason)
        .or_else(|| known(&response.preview_failure_reason))
        .or_else(|| known(&response.error))
        .or_else(|| known(&answer.failure_reason))
        .unwrap_or_else(|| "UNKNOWN_FAILURE_REASON".to_owned());
    let said = first([response.message.as_deref(), response.error_details.as_deref()]);
    Reject { code: words(&code).into(), message: with_advice(words(said.unwrap_or(&code))) }
}

/// Why a cancel was refused.
pub fn canceling(result: &CancelResult) -> Reject {
    let code = words(result.failure_reason.as_deref().unwrap_or("UNKNOWN_CANCEL_FAILURE_REASON"));
    let message = match code.as_str() {
        "ORDER_IS_FULLY_FILLED" => "the order has filled".to_owned(),
        "UNKNOWN_CANCEL_ORDER" => "there is no such order, or it has ended".to_owned(),
        "ORDER_IS_BEING_REPLACED" => "the order is being replaced".to_owned(),
        "DUPLICATE_CANCEL_REQUEST" => "its cancel is on its way already".to_owned(),
        other => other.to_owned(),
    };
    Reject { code: code.into(), message }
}

/// Why a change was refused.
pub fn editing(answer: &EditAnswer) -> Reject {
    let known = |text: Option<&str>| {
        text.map(str::trim).filter(|text| !text.is_empty() && !text.starts_with("UNKNOWN_")).map(words)
    };
    let in_errors = |name: &str| {
        // One object in place of a list has been seen.
        let rows = match &answer.errors {
            Value::Array(rows) => rows.clone(),
            row @ Value::Object(_) => vec![row.clone()],
            _ => Vec::new(),
        };
        rows.iter().find_map(|row| known(row.get(name).and_then(Value::as_str)))
    };
    let response = answer.error_response.as_ref();
    let code = in_errors("edit_failure_reason")
        .or_else(|| known(response.and_then(|response| response.edit_order_failure_reason.as_deref())))
        .or_else(|| in_errors("preview_failure_reason"))
        .unwrap_or_else(|| "UNKNOWN_EDIT_ORDER_FAILURE_REASON".to_owned());
    let said = known(response.and_then(|response| response.error_details.as_deref()));
    Reject { message: said.unwrap_or_else(|| code.clone()), code: code.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> String {
        refusal(status, body.as_bytes(), &Login::Public).to_string()
    }

    #[test]
    fn every_error_body_of_the_wire_is_told_in_its_words() {
        for (status, body, line) in [
            (
                400,
                r#"{"error":"INVALID_ARGUMENT","error_details":"bad limit","message":"bad limit"}"#,
                "coinbase refuses (INVALID_ARGUMENT): bad limit",
            ),
            (
                400,
                r#"{"error":"unknown","code":3,"message":"parsing field","details":[{"type_url":"x","value":"y"}]}"#,
                "coinbase refuses (unknown): parsing field",
            ),
            (401, "Unauthorized", "coinbase does not accept the login: Unauthorized; this needs a key"),
            (
                401,
                r#"{"errors":[{"id":"expired_token","message":"The access token expired"}]}"#,
                "coinbase does not accept the login: The access token expired; this needs a key",
            ),
            (
                403,
                r#"{"error":"PERMISSION_DENIED","error_details":"Missing required scopes","message":"x"}"#,
                "coinbase refuses (PERMISSION_DENIED): Missing required scopes: the key lacks the permission for this (view, trade or transfer)",
            ),
            (
                404,
                r#"{"error":"NOT_FOUND","code":5,"message":"no such resource"}"#,
                "coinbase refuses (NOT_FOUND): no such resource",
            ),
            (
                402,
                r#"{"errors":[{"id":"two_factor_required","message":"2FA"}]}"#,
                "coinbase refuses (two_factor_required): 2FA",
            ),
            (403, "<html>\u{1b}[31mblocked", "coinbase refuses (PERMISSION_DENIED): <html>blocked"),
            (400, "", "coinbase refuses (HTTP): no reason given"),
            (
                400,
                r#"{"error":7,"message":["x"]}"#,
                r#"coinbase refuses (HTTP): {"error":7,"message":["x"]}"#,
            ),
        ] {
            assert_eq!(said(status, body), line);
        }
        let puzzling = said(400, r#"{"error":"x","message":"account is not available"}"#);
        assert!(puzzling.contains("has no wallet in the pair's currency"), "{puzzling}");
    }

    #[test]
    fn refusals_of_orders_name_the_first_reason_that_is_one() {
        let read = |text: &str| placing(&serde_json::from_str(text).unwrap());
        let reject = read(
            r#"{"success":false,"error_response":{"error":"INSUFFICIENT_FUND","message":"Insufficient balance in source account",
            "error_details":"","preview_failure_reason":"PREVIEW_INSUFFICIENT_FUND","new_order_failure_reason":"UNKNOWN_FAILURE_REASON"}}"#,
        );
        assert_eq!(reject.code, "PREVIEW_INSUFFICIENT_FUND");
        assert_eq!(reject.message, "Insufficient balance in source account");
        let old = read(r#"{"success":false,"failure_reason":"INVALID_SIDE"}"#);
        assert_eq!((old.code.as_str(), old.message.as_str()), ("INVALID_SIDE", "INVALID_SIDE"));
        assert_eq!(read(r#"{"success":false}"#).code, "UNKNOWN_FAILURE_REASON");
    }

    #[test]
    fn refusals_of_changes_are_read_in_every_shape() {
        let read = |text: &str| editing(&serde_json::from_str(text).unwrap());
        for text in [
            r#"{"success":false,"errors":[{"edit_failure_reason":"ORDER_NOT_FOUND","preview_failure_reason":"X"}]}"#,
            r#"{"success":false,"errors":{"edit_failure_reason":"ORDER_NOT_FOUND"}}"#,
            r#"{"success":false,"error_response":{"error_details":"","edit_order_failure_reason":"ORDER_NOT_FOUND"}}"#,
        ] {
            assert_eq!(read(text).code, "ORDER_NOT_FOUND", "{text}");
        }
        assert_eq!(read(r#"{"success":false}"#).code, "UNKNOWN_EDIT_ORDER_FAILURE_REASON");
        let late = CancelResult {
            success: false,
            failure_reason: Some("ORDER_IS_FULLY_FILLED".into()),
            order_id: String::new(),
        };
        assert_eq!(canceling(&late).message, "the order has filled");
    }
}
