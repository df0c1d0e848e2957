//! What a bot and the program say to each other: JSON-RPC 2.0, one compact UTF-8 object a line. Text in, words out, and back; no process and
//! no clock.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::domain::denial::DenialCode;
use crate::domain::execution::Execution;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Order, OrderChange, Pricing, Side, TimeInForce};
use crate::domain::quote::{Bar, Interval, Quote};
use crate::strategies::{BotNews, BotOrderName, BotPlaced, BotRefusal, BotWant, Proposal};

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
            RpcError { data: json!({"code": code.as_str()}), ..RpcError::new(-32_002, text) }
        }
        BotRefusal::NotReady(_) => RpcError::new(-32_004, text),
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

/// Something that a bot wants to know.
#[derive(Clone, Debug, PartialEq)]
pub enum BotQuery {
    /// Its own working orders.
    Orders,
    /// What it owns.
    Positions,
    /// What its account has, without its name.
    Account,
    /// Complete bars, oldest first.
    Bars {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// So many, the newest.
        limit: usize,
    },
    /// The newest prices.
    Quote(Instrument),
}

/// Something that a bot asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// To do.
    Want(BotWant),
    /// To know.
    Query(BotQuery),
}

/// Fields that are taken out while they are read: what is left at the end is not known.
struct Fields(Map<String, Value>);

impl Fields {
    fn text(&mut self, name: &str) -> Result<Option<String>, RpcError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(RpcError::params(format!("{name} must be a text"))),
        }
    }

    fn needed(&mut self, name: &str) -> Result<String, RpcError> {
        self.text(name)?.ok_or_else(|| RpcError::params(format!("{name} is missing")))
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, allowed: &str) -> Result<Option<T>, RpcError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let found: String = text.chars().take(40).flat_map(char::escape_default).collect();
            RpcError::params(format!("{name}: found '{found}', allowed {allowed}"))
        })
    }

    fn instrument(&mut self) -> Result<Instrument, RpcError> {
        let key = self.needed("instrument")?;
        Instrument::from_key(&key).map_err(|_| {
            let key: String = key.chars().take(40).flat_map(char::escape_default).collect();
            RpcError::new(-32_005, format!("'{key}' is the key of no instrument"))
        })
    }

    fn end(self) -> Result<(), RpcError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(stray) => {
                let stray: String = stray.chars().take(40).flat_map(char::escape_default).collect();
                Err(RpcError::params(format!("{stray} is not known here")))
            }
        }
    }
}

/// Reads what a request asks for.
///
/// # Errors
/// −32601 for a method that there is not, −32602 for parameters that are wrong, −32005 for what is no instrument.
pub fn asked(method: &str, params: Map<String, Value>) -> Result<Asked, RpcError> {
    let mut fields = Fields(params);
    let asked = match method {
        "order.place" => Asked::Want(place(&mut fields)?),
        "order.cancel" => Asked::Want(BotWant::Cancel(order_name(&mut fields)?)),
        "order.replace" => {
            let order = order_name(&mut fields)?;
            let change = OrderChange {
                limit_price: fields.parsed("limit_price", PRICE)?,
                stop_price: fields.parsed("stop_price", PRICE)?,
                trail: None,
                quantity: fields.parsed("quantity", UNITS)?,
                time_in_force: None,
            };
            Asked::Want(BotWant::Replace(order, change))
        }
        "state.set" => {
            let state = fields.0.remove("json").ok_or_else(|| RpcError::params("json is missing"))?;
            let text = state.to_string();
            if text.len() > STATE_MAX {
                return Err(RpcError::params(format!("json: {} bytes, {STATE_MAX} are allowed", text.len())));
            }
            Asked::Want(BotWant::Remember(text))
        }
        "orders.list" => Asked::Query(BotQuery::Orders),
        "positions.list" => Asked::Query(BotQuery::Positions),
        "account.get" => Asked::Query(BotQuery::Account),
        "data.quote" => Asked::Query(BotQuery::Quote(fields.instrument()?)),
        "data.bars" => {
            let instrument = fields.instrument()?;
            let interval = fields
                .parsed("interval", "1m, 5m, 15m, 1h, 1d, 1w")?
                .ok_or_else(|| RpcError::params("interval is missing"))?;
            let limit = match fields.0.remove("limit") {
                None => 500,
                Some(limit) => limit
                    .as_u64()
                    .and_then(|limit| usize::try_from(limit).ok())
                    .filter(|limit| (1..=BARS_MAX).contains(limit))
                    .ok_or_else(|| RpcError::params(format!("limit: allowed 1 to {BARS_MAX}")))?,
            };
            Asked::Query(BotQuery::Bars { instrument, interval, limit })
        }
        other => {
            let other: String = other.chars().take(40).flat_map(char::escape_default).collect();
            return Err(RpcError::new(-32_601, format!("there is no method {other}")));
        }
    };
    fields.end()?;
    Ok(asked)
}

const PRICE: &str = "a price as text, such as \"190.5\"";
const UNITS: &str = "units above 0 as text, such as \"10\"";

fn order_name(fields: &mut Fields) -> Result<BotOrderName, RpcError> {
    if let Some(tag) = fields.text("client_tag")? {
        return Ok(BotOrderName::Tag(tag));
    }
    let id: Option<ClientOrderId> = fields.parsed("order_id", "an order's id")?;
    id.map(BotOrderName::Id).ok_or_else(|| RpcError::params("client_tag or order_id is missing"))
}

fn place(fields: &mut Fields) -> Result<BotWant, RpcError> {
    let tag = fields.needed("client_tag")?;
    let instrument = fields.instrument()?;
    let side = match fields.needed("side")?.as_str() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        "sell_short" => Side::SellShort,
        "buy_to_cover" => Side::BuyToCover,
        _ => return Err(RpcError::params("side: allowed buy, sell, sell_short, buy_to_cover")),
    };
    let quantity: Quantity =
        fields.parsed("quantity", UNITS)?.ok_or_else(|| RpcError::params("quantity is missing"))?;
    if !quantity.is_positive() {
        return Err(RpcError::params(format!("quantity: allowed {UNITS}")));
    }
    let limit: Option<Price> = fields.parsed("limit_price", PRICE)?;
    let stop: Option<Price> = fields.parsed("stop_price", PRICE)?;
    let pricing = match (fields.needed("order_type")?.as_str(), limit, stop) {
        ("market", None, None) => Pricing::Market,
        ("limit", Some(limit_price), None) => Pricing::Limit { limit_price },
        ("stop", None, Some(stop_price)) => Pricing::Stop { stop_price },
        ("stop_limit", Some(limit_price), Some(stop_price)) => Pricing::StopLimit { stop_price, limit_price },
        ("market" | "limit" | "stop" | "stop_limit", ..) => {
            return Err(RpcError::params(
                "a limit order has limit_price, a stop order stop_price, a stop_limit order both, a market order none",
            ));
        }
        _ => return Err(RpcError::params("order_type: allowed market, limit, stop, stop_limit")),
    };
    let usual =
        if instrument.asset_class().trades_around_the_clock() { TimeInForce::Gtc } else { TimeInForce::Day };
    let time_in_force = match fields.text("time_in_force")?.as_deref() {
        None => usual,
        Some("day") => TimeInForce::Day,
        Some("gtc") => TimeInForce::Gtc,
        Some("ioc") => TimeInForce::Ioc,
        Some("fok") => TimeInForce::Fok,
        Some(_) => return Err(RpcError::params("time_in_force: allowed day, gtc, ioc, fok")),
    };
    let reduce_only = match fields.0.remove("reduce_only") {
        None => false,
        Some(Value::Bool(flag)) => flag,
        Some(_) => return Err(RpcError::params("reduce_only: allowed true, false")),
    };
    let proposal =
        Proposal { time_in_force, reduce_only, ..Proposal::single(instrument, side, quantity, pricing) };
    Ok(BotWant::Place { tag, proposal: Box::new(proposal) })
}

/// What became of what a bot wanted.
#[must_use]
pub fn placed(placed: &BotPlaced) -> Value {
    let mut value = json!({"status": placed.status});
    if let (Some(object), Some((id, number))) = (value.as_object_mut(), placed.order) {
        object.insert("order_id".to_owned(), id.to_string().into());
        object.insert("number".to_owned(), number.to_string().into());
    }
    if let (Some(object), Some(proposal)) = (value.as_object_mut(), placed.proposal) {
        object.insert("proposal".to_owned(), proposal.into());
    }
    value
}

/// A bar. `end` is when it was complete, where that is known.
#[must_use]
pub fn bar(bar: &Bar) -> Value {
    json!({
        "start": bar.start.to_string(), "open": bar.open.to_string(), "high": bar.high.to_string(),
        "low": bar.low.to_string(), "close": bar.close.to_string(), "volume": bar.volume.normalize().to_string(),
    })
}

/// Prices.
#[must_use]
pub fn quote(quote: &Quote) -> Value {
    let price = |price: Option<Price>| price.map(|price| price.to_string());
    json!({
        "instrument": quote.instrument.key(), "bid": price(quote.bid), "ask": price(quote.ask),
        "last": price(quote.last), "as_of": quote.as_of.to_string(),
    })
}

/// A fill.
#[must_use]
pub fn execution(execution: &Execution) -> Value {
    json!({
        "execution_id": execution.execution_id.as_str(),
        "order_id": execution.client_order_id.map(|id| id.to_string()),
        "instrument": execution.instrument.key(), "side": execution.side.as_str(),
        "quantity": execution.quantity.to_string(), "price": execution.price.to_string(),
        "fee": execution.fee.normalize().to_string(), "currency": execution.currency.as_str(),
        "at": execution.at.to_string(),
    })
}

/// An order.
#[must_use]
pub fn order(order: &Order) -> Value {
    let request = &order.request;
    json!({
        "order_id": request.client_order_id.to_string(), "number": order.number.to_string(),
        "instrument": request.subject.instrument().map(Instrument::key), "side": request.side.as_str(),
        "quantity": request.quantity.to_string(), "filled_quantity": order.filled_quantity.to_string(),
        "average_price": order.average_price.map(|price| price.to_string()),
        "limit_price": request.pricing.limit_price().map(|price| price.to_string()),
        "status": order.status.as_str(),
    })
}

/// News as a line: the method and its parameters. `now` is the time by the clock that the bot lives by.
#[must_use]
pub fn news(now: Timestamp, news: &BotNews) -> (&'static str, Value) {
    let (method, mut value) = match news {
        BotNews::Bar { instrument, interval, bar: prices } => {
            let value =
                json!({"instrument": instrument.key(), "interval": interval.as_str(), "bar": bar(prices)});
            ("bar", value)
        }
        BotNews::Quote(prices) => ("quote", quote(prices)),
        BotNews::Execution(fill) => ("execution", execution(fill)),
        BotNews::Assigned(fill) => ("assigned", execution(fill)),
        BotNews::Order(changed) => ("order", order(changed)),
        BotNews::Position { instrument, now } => {
            ("position", json!({"instrument": instrument.key(), "quantity": now.to_string()}))
        }
        BotNews::Account => ("account", json!({})),
        BotNews::Corporate(action) => ("corporate_action", json!({"text": format!("{action:?}")})),
        BotNews::Denied { code, subject } => {
            ("denied", json!({"code": code.as_str(), "subject": subject.to_string()}))
        }
        BotNews::Halted => ("halted", json!({})),
        BotNews::Resumed => ("resumed", json!({})),
        BotNews::ParamsChanged => ("params_changed", json!({})),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert("now".to_owned(), now.to_string().into());
    }
    (method, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, params: &Value) -> Result<Asked, RpcError> {
        asked(method, params.as_object().unwrap().clone())
    }

    #[test]
    fn lines_are_read_and_what_is_none_is_named() {
        let request = read(r#"{"jsonrpc":"2.0","id":"a","method":"account.get"}"#).unwrap();
        assert_eq!(
            request,
            Incoming::Request { id: json!("a"), method: "account.get".to_owned(), params: Map::new() }
        );
        assert_eq!(
            read(r#"{"jsonrpc":"2.0","id":3,"result":{"x":1}}"#).unwrap(),
            Incoming::Reply { id: 3, result: Ok(json!({"x": 1})) }
        );
        assert_eq!(
            read(r#"{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"no"}}"#).unwrap(),
            Incoming::Reply { id: 3, result: Err("no".to_owned()) }
        );
        for (line, code) in [
            ("hello", -32_700),
            ("[]", -32_600),
            (r#"{"method":"x"}"#, -32_600),
            (r#"{"jsonrpc":"2.0"}"#, -32_600),
            (r#"{"jsonrpc":"2.0","method":"x","params":[1]}"#, -32_600),
            (r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, -32_600),
            (r#"{"jsonrpc":"2.0","id":-1,"result":1}"#, -32_600),
        ] {
            assert_eq!(read(line).unwrap_err().code, code, "{line}");
        }
    }

    #[test]
    fn orders_are_read_strictly() {
        let whole = json!({"client_tag": "t1", "instrument": "AAPL", "side": "buy", "quantity": "10",
            "order_type": "limit", "limit_price": "190.5", "time_in_force": "gtc", "reduce_only": false});
        let Ok(Asked::Want(BotWant::Place { tag, proposal })) = ask("order.place", &whole) else {
            panic!("no order");
        };
        assert_eq!((tag.as_str(), proposal.quantity), ("t1", Quantity::from(10)));
        assert_eq!(proposal.pricing, Pricing::Limit { limit_price: "190.5".parse().unwrap() });
        let with = |name: &str, value: Value| {
            let mut changed = whole.clone();
            match value {
                Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
                value => changed[name] = value,
            }
            ask("order.place", &changed).unwrap_err()
        };
        for (name, value, code, said) in [
            ("quantity", json!(10), -32_602, "quantity must be a text"),
            ("quantity", json!("-1"), -32_602, "quantity: allowed units above 0"),
            ("quantity", Value::Null, -32_602, "quantity is missing"),
            ("side", json!("hold"), -32_602, "side: allowed buy, sell"),
            ("limit_price", Value::Null, -32_602, "a limit order has limit_price"),
            ("order_type", json!("iceberg"), -32_602, "order_type: allowed market"),
            ("instrument", json!("A A"), -32_005, "is the key of no instrument"),
            ("leverage", json!("3"), -32_602, "leverage is not known here"),
            ("time_in_force", json!("week"), -32_602, "time_in_force: allowed day"),
            ("reduce_only", json!("no"), -32_602, "reduce_only: allowed true, false"),
        ] {
            let error = with(name, value);
            assert!(error.code == code && error.message.contains(said), "{error:?}");
        }
        assert_eq!(ask("order.send", &whole).unwrap_err().code, -32_601);
        let bars = json!({"instrument": "AAPL", "interval": "1m", "limit": 9_999});
        assert_eq!(ask("data.bars", &bars).unwrap_err().message, "limit: allowed 1 to 5000");
        let state = json!({"json": "x".repeat(STATE_MAX)});
        assert!(ask("state.set", &state).unwrap_err().message.contains("262144 are allowed"));
    }

    #[test]
    fn refusals_have_the_numbers_of_the_protocol() {
        let denied = |code| refused(&BotRefusal::Denied { code, text: "why".to_owned() });
        assert_eq!(refused(&BotRefusal::Permission("orders=none".to_owned())).code, -32_001);
        assert_eq!(denied(DenialCode::BuyingPower).data, json!({"code": "BUYING_POWER"}));
        for (error, code) in [
            (denied(DenialCode::BuyingPower), -32_002),
            (denied(DenialCode::OrderRate), -32_003),
            (refused(&BotRefusal::NotReady("paused".to_owned())), -32_004),
            (denied(DenialCode::UnknownInstrument), -32_005),
            (refused(&BotRefusal::Halted), -32_007),
            (denied(DenialCode::BrokerDown), -32_008),
            (refused(&BotRefusal::NoOrder("x".to_owned())), -32_602),
            (refused(&BotRefusal::Bad("x".to_owned())), -32_602),
        ] {
            assert_eq!(error.code, code, "{}", error.message);
        }
        assert_eq!(
            answer(&json!(7), Err(RpcError::rate("slower", 500))),
            r#"{"error":{"code":-32003,"data":{"retry_after_ms":500},"message":"slower"},"id":7,"jsonrpc":"2.0"}"#
        );
    }
}
