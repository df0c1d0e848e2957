//! What a bot and the program say to each other: JSON-RPC 2.0, one compact UTF-8 object a line. Text in, words out, and back; no process and
//! no clock.

mod asked;
mod told;

use serde_json::{Map, Value, json};

use crate::domain::denial::DenialCode;
use crate::strategies::BotRefusal;

pub use asked::{Asked, BotQuery, CHAIN_DAYS, Over, asked, schedules};
pub use told::{account, bar, chain, execution, news, order, past, placed, quote};

/// Bytes of a line at most.
pub const LINE_MAX: usize = 1024 * 1024;
/// Requests of either side that may wait for an answer.
pub const OUTSTANDING_MAX: usize = 32;
/// Bars of one answer.
pub const BARS_MAX: usize = 5_000;
/// Bytes that a bot may remember.
pub const STATE_MAX: usize = 256 * 1024;

/// An error as JSON-RPC has it.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// Its number.
    pub code: i32,
    /// One line.
    pub message: String,
    /// More, or null.
    pub data: Value,
}

impl RpcError {
    /// Without data.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    /// −32602: parameters that are wrong.
    #[must_use]
    pub fn params(message: impl Into<String>) -> Self {
        Self::new(-32_602, message)
    }

    /// −32003: too many; when it may ask again.
    #[must_use]
    pub fn rate(message: impl Into<String>, retry_after_ms: u64) -> Self {
        Self { data: json!({"retry_after_ms": retry_after_ms}), ..Self::new(-32_003, message) }
    }

    /// −32009: it may have happened. What became of it is told as news of the order.
    #[must_use]
    pub fn unknown(message: impl Into<String>, order: Option<&str>) -> Self {
        let data = order.map_or(Value::Null, |id| json!({"order_id": id}));
        Self { data, ..Self::new(-32_009, message) }
    }
}

/// What a refusal of the core is to a bot.
#[must_use]
pub fn refused(refusal: &BotRefusal) -> RpcError {
    let text = refusal.to_string();
    match refusal {
        BotRefusal::Permission(_) => RpcError::new(-32_001, text),
        BotRefusal::Denied { code: DenialCode::OrderRate, .. } => RpcError::rate(text, 60_000),
        BotRefusal::Denied { code: DenialCode::UnknownInstrument, .. } => RpcError::new(-32_005, text),
        BotRefusal::Denied { code: DenialCode::Halted, .. } | BotRefusal::Halted => {
            RpcError::new(-32_007, text)
        }
        BotRefusal::Denied { code: DenialCode::BrokerDown, .. } => RpcError::new(-32_008, text),
        BotRefusal::Denied { code, .. } => {
            let number = if *code == DenialCode::NotAuthorised { -32_001 } else { -32_002 };
            RpcError { data: json!({"code": code.as_str()}), ..RpcError::new(number, text) }
        }
        BotRefusal::NotReady(_) | BotRefusal::Underway { .. } => RpcError::new(-32_004, text),
        BotRefusal::TooMany(_) => RpcError::rate(text, 60_000),
        BotRefusal::OutcomeUnknown(order) => RpcError::unknown(text, Some(&order.to_string())),
        BotRefusal::NoOrder(_) | BotRefusal::Bad(_) => RpcError::params(text),
    }
}

/// A line from a bot.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// It wants an answer.
    Request {
        /// Handed back as it came: a number or a text.
        id: Value,
        /// What.
        method: String,
        /// With what.
        params: Map<String, Value>,
    },
    /// It wants none.
    Notice {
        /// What.
        method: String,
        /// With what.
        params: Map<String, Value>,
    },
    /// It answers one of ours.
    Reply {
        /// Our number.
        id: u64,
        /// Its answer, or its error's message.
        result: Result<Value, String>,
    },
}

/// Reads a line.
///
/// # Errors
/// −32700 for what is no JSON, −32600 for what is no message of this protocol.
pub fn read(line: &str) -> Result<Incoming, RpcError> {
    let value: Value = serde_json::from_str(line).map_err(|_| RpcError::new(-32_700, "this is no JSON"))?;
    let bad = |what: &str| RpcError::new(-32_600, what);
    let Value::Object(mut message) = value else { return Err(bad("a message is one object; no batches")) };
    if message.remove("jsonrpc") != Some(json!("2.0")) {
        return Err(bad("jsonrpc must be \"2.0\""));
    }
    let id = message.remove("id");
    let params = match message.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(bad("params must be an object")),
    };
    match (message.remove("method"), id) {
        (Some(Value::String(method)), None) => Ok(Incoming::Notice { method, params }),
        (Some(Value::String(method)), Some(id @ (Value::Number(_) | Value::String(_)))) => {
            Ok(Incoming::Request { id, method, params })
        }
        (Some(_), _) => Err(bad("method must be a text, id a number or a text")),
        (None, Some(Value::Number(id))) => {
            let id = id.as_u64().ok_or_else(|| bad("this answers nothing"))?;
            let error = message.remove("error").map(|error| {
                error["message"].as_str().unwrap_or("an error without a message").chars().take(200).collect()
            });
            Ok(Incoming::Reply {
                id,
                result: error.map_or_else(|| Ok(message.remove("result").unwrap_or_default()), Err),
            })
        }
        (None, _) => Err(bad("neither a method nor an answer")),
    }
}

/// A request of ours.
#[must_use]
pub fn request(id: u64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// Something that wants no answer.
#[must_use]
pub fn notice(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}

/// An answer of ours.
#[must_use]
pub fn answer(id: &Value, result: Result<Value, RpcError>) -> String {
    match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(RpcError { code, message, data: Value::Null }) => {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
        }
        Err(RpcError { code, message, data }) => {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message, "data": data}})
        }
    }
    .to_string()
}

#[cfg(test)]
mod tests;
