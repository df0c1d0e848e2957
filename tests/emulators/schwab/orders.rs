//! Orders, as Schwab takes and shows them.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering as Atomic;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::exchange::{NewOrder, Order, Refusal, Status, Terms};
use super::{Answer, Books, HASH, NUMBER, ORDER_BASE, Said, message, number, ours, said};

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// An order of the books in Schwab's words.
fn shown(books: &Books, order: &Order) -> Value {
    let rejected = books.desk.rejected.lock().unwrap().get(&order.number).cloned();
    let status = match order.status {
        _ if rejected.is_some() => "REJECTED",
        Status::Working => "WORKING",
        Status::Filled => "FILLED",
        Status::Canceled => "CANCELED",
        Status::Replaced => "REPLACED",
        Status::Expired => "EXPIRED",
    };
    let fills: Vec<Value> = books
        .exchange
        .fills()
        .into_iter()
        .filter(|fill| fill.order == order.number)
        .map(|fill| {
            json!({"activityType": "EXECUTION", "activityId": 9_000_000 + fill.number, "executionType": "FILL", "quantity": number(fill.quantity),
                "executionLegs": [{"legId": 1, "quantity": number(fill.quantity), "mismarkedQuantity": 0.0, "price": number(fill.price),
                    "time": time(fill.at_ms), "instrumentId": 1}]})
        })
        .collect();
    let mut body = order.new.wire.clone();
    for (index, leg) in body["orderLegCollection"].as_array_mut().into_iter().flatten().enumerate() {
        leg["legId"] = json!(index + 1);
    }
    body["orderId"] = json!(ORDER_BASE + order.number);
    body["status"] = json!(status);
    body["quantity"] = number(order.new.quantity);
    body["filledQuantity"] = number(order.filled);
    body["remainingQuantity"] = number(order.leaves());
    body["enteredTime"] = json!(time(order.entered_ms));
    body["accountNumber"] = json!(NUMBER.parse::<u64>().unwrap());
    body["tag"] = json!("TA_test");
    body["orderActivityCollection"] = json!(fills);
    if order.status != Status::Working || rejected.is_some() {
        body["closeTime"] = json!(time(order.changed_ms));
    }
    if let Some(words) = rejected {
        body["statusDescription"] = json!(words);
    }
    // Children have ids of their own.
    let parent = ORDER_BASE + order.number;
    let mut next = 1;
    let ended = books.desk.exits_ended.lock().unwrap();
    give_ids(&mut body, parent, &mut next, (order, &ended));
    body
}

/// An exit of a bracket by its id, as it is shown within its order.
fn exit_of(books: &Books, id: &str) -> Option<Value> {
    fn within(body: &Value, id: u64) -> Option<Value> {
        body["childOrderStrategies"]
            .as_array()?
            .iter()
            .find_map(|child| if child["orderId"] == id { Some(child.clone()) } else { within(child, id) })
    }
    let id: u64 = id.parse().ok()?;
    let parent = books.exchange.order((id / 10).checked_sub(ORDER_BASE)?)?;
    within(&shown(books, &parent), id)
}

fn give_ids(body: &mut Value, parent: u64, next: &mut u64, (order, ended): (&Order, &BTreeSet<u64>)) {
    let waits = if order.status == Status::Filled { "WORKING" } else { "AWAITING_PARENT_ORDER" };
    let waits = if matches!(order.status, Status::Canceled | Status::Replaced) { "CANCELED" } else { waits };
    for child in body["childOrderStrategies"].as_array_mut().into_iter().flatten() {
        let id = parent * 10 + *next;
        child["orderId"] = json!(id);
        *next += 1;
        child["status"] = json!(if ended.contains(&id) { "CANCELED" } else { waits });
        child["enteredTime"] = json!(time(order.entered_ms));
        if let Some(quantity) = child["orderLegCollection"][0].get("quantity").cloned() {
            child["quantity"] = quantity;
            child["filledQuantity"] = json!(0.0);
            child["orderLegCollection"][0]["legId"] = json!(1);
        }
        give_ids(child, parent, next, (order, ended));
    }
}

/// Sessions and durations that there are.
const SESSIONS: [&str; 4] = ["NORMAL", "AM", "PM", "SEAMLESS"];
const DURATIONS: [&str; 7] = [
    "DAY",
    "GOOD_TILL_CANCEL",
    "FILL_OR_KILL",
    "IMMEDIATE_OR_CANCEL",
    "END_OF_WEEK",
    "END_OF_MONTH",
    "NEXT_END_OF_MONTH",
];
/// Fields that may be sent.
const FIELDS: [&str; 22] = [
    "orderType",
    "session",
    "duration",
    "orderStrategyType",
    "orderLegCollection",
    "price",
    "priceLinkBasis",
    "priceLinkType",
    "stopPrice",
    "stopPriceLinkBasis",
    "stopPriceLinkType",
    "stopPriceOffset",
    "stopType",
    "complexOrderStrategyType",
    "quantity",
    "specialInstruction",
    "taxLotMethod",
    "cancelTime",
    "childOrderStrategies",
    "destinationLinkName",
    "releaseTime",
    "activationPrice",
];

/// Session and duration, and what goes with which.
fn timing(body: &Value, legs: &[Value], kind: &str) -> Result<(), Said> {
    let word = |name: &str, words: &[&str]| {
        let word = body[name].as_str().filter(|word| words.contains(word));
        word.map(str::to_owned).ok_or_else(|| message(400, name))
    };
    let (session, duration) = (word("session", &SESSIONS)?, word("duration", &DURATIONS)?);
    let equities = legs.iter().all(|leg| leg["instrument"]["assetType"] == "EQUITY");
    if session != "NORMAL" && (kind != "LIMIT" || !equities) {
        return Err(message(400, "only limit orders of equities are taken in this session"));
    }
    if kind == "MARKET" && duration == "GOOD_TILL_CANCEL" {
        return Err(message(400, "MARKET orders cannot be GOOD_TILL_CANCEL"));
    }
    if matches!(duration.as_str(), "FILL_OR_KILL" | "IMMEDIATE_OR_CANCEL")
        && (kind != "LIMIT" || session != "NORMAL")
    {
        return Err(message(400, "this duration is for limit orders of the normal session"));
    }
    if body.get("cancelTime").is_some() && duration != "GOOD_TILL_CANCEL" {
        return Err(message(400, "cancelTime is for GOOD_TILL_CANCEL"));
    }
    Ok(())
}

/// What hangs on an order: one order, or two that cancel each other.
fn children(body: &Value) -> Result<(), Said> {
    let strategy = body["orderStrategyType"].as_str().ok_or_else(|| message(400, "orderStrategyType"))?;
    let children = body["childOrderStrategies"].as_array().map_or(&[][..], Vec::as_slice);
    match (strategy, children) {
        ("SINGLE", []) => Ok(()),
        ("TRIGGER", [child]) if child["orderStrategyType"] == "OCO" => {
            let outer = ["session", "duration", "orderType", "orderLegCollection"];
            let two = child["childOrderStrategies"].as_array().map_or(&[][..], Vec::as_slice);
            let single = |child: &Value| child["orderStrategyType"] == "SINGLE";
            if two.len() != 2
                || !two.iter().all(single)
                || outer.iter().any(|name| child.get(*name).is_some())
            {
                return Err(message(400, "an OCO is of two single orders, and has no terms of its own"));
            }
            two.iter().try_for_each(|child| read_order(child).map(|_| ()))
        }
        ("TRIGGER", [child]) => read_order(child).map(|_| ()),
        _ => Err(message(400, "childOrderStrategies")),
    }
}

/// An order of a body, or why not.
fn read_order(body: &Value) -> Result<NewOrder, Said> {
    let bad = |text: &str| message(400, text);
    let unknown =
        |fields: &serde_json::Map<String, Value>| fields.keys().any(|name| !FIELDS.contains(&name.as_str()));
    if body.as_object().is_none_or(unknown) {
        return Err(said(
            400,
            json!({"message": "A validation error occurred", "errors": ["read-only field"]}),
        ));
    }
    let text = |name: &str| body[name].as_str();
    if body.as_object().is_some_and(|fields| fields.values().any(Value::is_null)) {
        return Err(bad("null"));
    }
    let legs = body["orderLegCollection"].as_array().ok_or_else(|| bad("no legs"))?;
    let decimal = |value: &Value| -> Option<Decimal> {
        match value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    };
    let mut package = Vec::new();
    for leg in legs {
        let (kind, word) = (leg["instrument"]["assetType"].as_str(), leg["instruction"].as_str());
        let allowed: &[&str] = match kind {
            Some("EQUITY") => &["BUY", "SELL", "SELL_SHORT", "BUY_TO_COVER"],
            Some("OPTION") => &["BUY_TO_OPEN", "BUY_TO_CLOSE", "SELL_TO_OPEN", "SELL_TO_CLOSE"],
            _ => return Err(bad("assetType")),
        };
        let word = word.filter(|word| allowed.contains(word)).ok_or_else(|| bad("instruction"))?;
        let quantity = decimal(&leg["quantity"])
            .filter(|value| value.fract().is_zero())
            .ok_or_else(|| bad("quantity"))?;
        package.push((
            leg["instrument"]["symbol"].as_str().unwrap_or_default().to_owned(),
            word.starts_with("BUY"),
            quantity,
        ));
    }
    let price = decimal(&body["price"]);
    let stop = decimal(&body["stopPrice"]);
    let kind = text("orderType").ok_or_else(|| bad("orderType"))?;
    let missing = || bad("price");
    let terms = match kind {
        "MARKET" | "MARKET_ON_CLOSE" => Terms::Market,
        "LIMIT" | "LIMIT_ON_CLOSE" | "NET_DEBIT" | "NET_CREDIT" | "NET_ZERO" => {
            Terms::Limit(price.ok_or_else(missing)?)
        }
        "STOP" => Terms::Stop(stop.ok_or_else(missing)?),
        "STOP_LIMIT" => {
            Terms::StopLimit { stop: stop.ok_or_else(missing)?, limit: price.ok_or_else(missing)? }
        }
        "TRAILING_STOP" => Terms::Trailing(decimal(&body["stopPriceOffset"]).ok_or_else(missing)?),
        _ => return Err(bad("orderType")),
    };
    let duration = text("duration").ok_or_else(|| bad("duration"))?;
    timing(body, legs, kind)?;
    children(body)?;
    let (symbol, buy, quantity) = package.first().cloned().ok_or_else(|| bad("no legs"))?;
    let quantity =
        if package.len() > 1 { decimal(&body["quantity"]).ok_or_else(|| bad("quantity"))? } else { quantity };
    Ok(NewOrder {
        client_id: None,
        symbol,
        buy,
        quantity,
        terms,
        immediate: matches!(duration, "IMMEDIATE_OR_CANCEL" | "FILL_OR_KILL"),
        wire: body.clone(),
    })
}

fn refused(refusal: Refusal) -> Said {
    match refusal {
        Refusal::NoSuchOrder => message(404, "Order not found"),
        Refusal::Ended(status) => {
            let word = format!("{status:?}").to_uppercase();
            message(400, &format!("Order in state {word} cannot be canceled"))
        }
        other => message(400, &format!("{other:?}")),
    }
}

fn placed(books: &Books, order: &Order) -> Response {
    if books.desk.forget_location.swap(false, Atomic::SeqCst) {
        return StatusCode::CREATED.into_response();
    }
    // The official client wants Schwab's own name in it.
    let place =
        format!("https://api.schwabapi.com/trader/v1/accounts/{HASH}/orders/{}", ORDER_BASE + order.number);
    (StatusCode::CREATED, [(header::LOCATION, place)]).into_response()
}

pub async fn place(State(books): State<Books>, Path(hash): Path<String>, Json(body): Json<Value>) -> Answer {
    ours(&hash)?;
    let new = read_order(&body)?;
    let rejects = books.desk.reject_after.lock().unwrap().get(&new.symbol).cloned();
    if let Some(words) = rejects {
        // A 201 is no acceptance: it is rejected a moment later, and shown so.
        let top = books.exchange.top_of(&new.symbol).unwrap();
        let number = books.exchange.orders().len() as u64 + 1;
        books.desk.rejected.lock().unwrap().insert(number, words);
        books.exchange.freeze(true);
        let order = books.exchange.submit(new).map_err(refused)?;
        books.exchange.cancel(order.number).map_err(refused)?;
        books.exchange.freeze(false);
        assert!(top.ask > Decimal::ZERO);
        return Ok(placed(&books, &order));
    }
    let order = books.exchange.submit(new).map_err(refused)?;
    Ok(placed(&books, &order))
}

fn number_of(id: &str) -> Result<u64, Said> {
    id.parse::<u64>()
        .ok()
        .and_then(|id| id.checked_sub(ORDER_BASE))
        .ok_or_else(|| message(404, "Order not found"))
}

pub async fn replace(
    State(books): State<Books>,
    Path((hash, id)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Answer {
    ours(&hash)?;
    let order = books.exchange.replace(number_of(&id)?, read_order(&body)?).map_err(refused)?;
    Ok(placed(&books, &order))
}

pub async fn cancel(State(books): State<Books>, Path((hash, id)): Path<(String, String)>) -> Answer {
    ours(&hash)?;
    if let Some(exit) = exit_of(&books, &id) {
        if exit["status"] == "CANCELED" {
            return Err(message(400, "Order in state CANCELED cannot be canceled"));
        }
        books.desk.exits_ended.lock().unwrap().extend(exit["orderId"].as_u64());
        return Ok(StatusCode::OK.into_response());
    }
    books.exchange.cancel(number_of(&id)?).map_err(refused)?;
    Ok(StatusCode::OK.into_response())
}

pub async fn order(State(books): State<Books>, Path((hash, id)): Path<(String, String)>) -> Answer {
    ours(&hash)?;
    if let Some(exit) = exit_of(&books, &id) {
        return Ok(Json(exit).into_response());
    }
    let order = books.exchange.order(number_of(&id)?).ok_or_else(|| message(404, "Order not found"))?;
    Ok(Json(shown(&books, &order)).into_response())
}

fn listed(books: &Books, query: &HashMap<String, String>) -> Answer {
    let instant = |name: &str| {
        let text = query.get(name).ok_or_else(|| message(400, &format!("{name} is required")))?;
        let at = text.parse::<jiff::Timestamp>().map_err(|_| message(400, name))?;
        Ok::<i64, Said>(at.as_millisecond())
    };
    let (from, to) = (instant("fromEnteredTime")?, instant("toEnteredTime")?);
    if to - from > 366 * 86_400_000 {
        return Err(message(400, "the range is longer than a year"));
    }
    let most = query.get("maxResults").and_then(|text| text.parse().ok()).unwrap_or(3_000);
    let mut orders: Vec<Value> = books
        .exchange
        .orders()
        .iter()
        // Schwab's times are whole seconds.
        .filter(|order| (from..=to).contains(&(order.entered_ms / 1_000 * 1_000)))
        .map(|order| shown(books, order))
        .filter(|order| query.get("status").is_none_or(|status| order["status"] == json!(status)))
        .collect();
    orders.reverse();
    orders.truncate(most);
    Ok(Json(json!(orders)).into_response())
}

pub async fn orders(
    State(books): State<Books>,
    Path(hash): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    ours(&hash)?;
    listed(&books, &query)
}

pub async fn all_orders(State(books): State<Books>, Query(query): Query<HashMap<String, String>>) -> Answer {
    listed(&books, &query)
}

pub async fn preview(
    State(books): State<Books>,
    Path(hash): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    ours(&hash)?;
    let new = read_order(&body)?;
    let rejects = match books.exchange.top_of(&new.symbol) {
        Some(_) => json!([]),
        None => json!([{"activityMessage": "Unknown symbol", "originalSeverity": "REJECT"}]),
    };
    let price = match new.terms {
        Terms::Limit(price) => price,
        _ => Decimal::ONE_HUNDRED,
    };
    Ok(Json(json!({"orderId": 0, "orderStrategy": {"orderBalance": {"orderValue": number(price * new.quantity),
            "projectedBuyingPower": number(books.exchange.cash() * Decimal::TWO - price * new.quantity), "projectedCommission": 0.0}},
        "orderValidationResult": {"rejects": rejects, "warns": [{"activityMessage": "Prices can change quickly", "originalSeverity": "WARN"}]},
        "commissionAndFee": {"commission": {"commissionLegs": [{"commissionValues": [{"value": 0.65, "type": "COMMISSION"}]}]},
            "fee": {"feeLegs": [{"feeValues": [{"value": 0.02, "type": "SEC_FEE"}]}]}}}))
    .into_response())
}

pub async fn transactions(
    State(books): State<Books>,
    Path(hash): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    ours(&hash)?;
    for name in ["startDate", "endDate", "types"] {
        if !query.contains_key(name) {
            return Err(message(400, &format!("{name} is required")));
        }
    }
    let fee = *books.desk.fee.lock().unwrap();
    let rows = books.exchange.fills().into_iter().map(|fill| {
        let signed = if fill.buy { fill.quantity } else { -fill.quantity };
        json!({"activityId": 70_000 + fill.number, "time": time(fill.at_ms), "accountNumber": NUMBER, "type": "TRADE", "status": "VALID",
            "orderId": ORDER_BASE + fill.order, "netAmount": number(-signed * fill.price - fee),
            "transferItems": [{"instrument": {"assetType": "EQUITY", "symbol": fill.symbol}, "amount": number(signed),
                "cost": number(-signed * fill.price), "price": number(fill.price), "positionEffect": "OPENING"},
                {"instrument": {"assetType": "CURRENCY", "symbol": "CURRENCY_USD"}, "amount": number(fee), "cost": number(-fee),
                    "feeType": "COMMISSION"}]})
    });
    Ok(Json(rows.collect::<Value>()).into_response())
}
