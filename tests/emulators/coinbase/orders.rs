//! Orders: entered, changed, canceled, listed, and their fills.

use std::str::FromStr as _;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::exchange::{Exchange, NewOrder, Order, Refusal, Status, Terms};
use super::{PORTFOLIO, Shared, USER, all, bad_request, not_found, paged, pairs, product_row, rfc3339};

/// Share of the money that a fill costs.
const FEE: Decimal = Decimal::from_parts(6, 0, 0, false, 3);

/// The first of a chain of edits: its number makes the id.
pub fn root_of(exchange: &Exchange, order: &Order) -> Order {
    let mut first = order.clone();
    while let Some(before) = first.replaces.and_then(|number| exchange.order(number)) {
        first = before;
    }
    first
}

pub fn id_of(exchange: &Exchange, order: &Order) -> String {
    format!("0f000000-0000-4000-8000-{:012}", root_of(exchange, order).number)
}

/// The order as it is now, by its id.
fn by_id(exchange: &Exchange, id: &str) -> Option<Order> {
    let number = id.strip_prefix("0f000000-0000-4000-8000-")?.parse().ok()?;
    let mut order = exchange.order(number).filter(|order| order.replaces.is_none())?;
    while let Some(next) = order.replaced_by.and_then(|number| exchange.order(number)) {
        order = next;
    }
    Some(order)
}

pub fn status_word(order: &Order) -> &'static str {
    match order.status {
        Status::Working | Status::Replaced => "OPEN",
        Status::Filled => "FILLED",
        Status::Canceled => "CANCELLED",
        Status::Expired => "EXPIRED",
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    Decimal::from_str(value.as_str()?).ok()
}

/// Checks the slices of an order over a time: they make up its size and its time.
fn slices(terms: &Value, quantity: Decimal, step: Decimal) -> Result<(), &'static str> {
    let at = |name: &str| terms[name].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let (start, end) = at("start_time").zip(at("end_time")).ok_or("INVALID_REQUEST")?;
    let seconds = end.as_second() - start.as_second();
    let lasts =
        terms["bucket_duration"].as_str().and_then(|text| text.strip_suffix('s')?.parse::<i64>().ok());
    let lasts = lasts.ok_or("INVALID_REQUEST")?;
    let count = decimal(&terms["number_buckets"]).ok_or("INVALID_REQUEST")?;
    let each = decimal(&terms["bucket_size"]).ok_or("INVALID_REQUEST")?;
    if seconds < 60 || lasts < 1 {
        return Err("PREVIEW_DURATION_TOO_SMALL");
    }
    if seconds > 86_400 {
        return Err("PREVIEW_DURATION_TOO_LARGE");
    }
    if !(each % step).is_zero() {
        return Err("INVALID_SIZE_PRECISION");
    }
    let whole = each * count == quantity && Decimal::from(lasts) * count == Decimal::from(seconds);
    if whole { Ok(()) } else { Err("INVALID_REQUEST") }
}

/// What a request asks for, or the reason why it is refused.
fn read(shared: &Shared, body: &Value) -> Result<NewOrder, &'static str> {
    let product = product_row(&shared.exchange, body["product_id"].as_str().unwrap_or_default())
        .ok_or("INVALID_PRODUCT_ID")?;
    let buy = match body["side"].as_str() {
        Some("BUY") => true,
        Some("SELL") => false,
        _ => return Err("INVALID_SIDE"),
    };
    let ways = body["order_configuration"].as_object().filter(|ways| ways.len() == 1);
    let (way, terms) = ways.and_then(|ways| ways.iter().next()).ok_or("UNSUPPORTED_ORDER_CONFIGURATION")?;
    let alias = product["alias"].as_str().filter(|alias| !alias.is_empty());
    let symbol = alias.or(product["product_id"].as_str()).unwrap().to_owned();
    let top = shared.exchange.top_of(&symbol).ok_or("INVALID_PRODUCT_ID")?;
    let step = decimal(&product["base_increment"]).unwrap();
    let tick = decimal(&product["price_increment"]).unwrap();
    let price = |name: &str| {
        let price =
            decimal(&terms[name]).filter(|price| *price > Decimal::ZERO).ok_or("INVALID_LIMIT_PRICE")?;
        if (price % tick).is_zero() { Ok(price) } else { Err("INVALID_PRICE_PRECISION") }
    };
    let quantity = match (decimal(&terms["base_size"]), decimal(&terms["quote_size"])) {
        (Some(size), None) => size,
        (None, Some(_)) if !buy => return Err("UNSUPPORTED_ORDER_CONFIGURATION"),
        (None, Some(money)) => (money / top.ask / step).floor() * step,
        _ => return Err("UNSUPPORTED_ORDER_CONFIGURATION"),
    };
    if quantity <= Decimal::ZERO || !(quantity % step).is_zero() {
        return Err("INVALID_SIZE_PRECISION");
    }
    if quantity > decimal(&product["base_max_size"]).unwrap() {
        return Err("PREVIEW_INVALID_BASE_SIZE_TOO_LARGE");
    }
    if let Some(end) = terms.get("end_time") {
        let end: jiff::Timestamp =
            end.as_str().and_then(|text| text.parse().ok()).ok_or("INVALID_REQUEST")?;
        if end.as_millisecond() <= shared.now_ms() {
            return Err("PREVIEW_END_TIME_IS_IN_THE_PAST");
        }
    } else if way.ends_with("_gtd") {
        return Err("INVALID_REQUEST");
    }
    let asked = match way.as_str() {
        "market_market_ioc" => Terms::Market,
        "limit_limit_gtc" | "limit_limit_gtd" | "sor_limit_ioc" | "limit_limit_fok" => {
            Terms::Limit(price("limit_price")?)
        }
        "twap_limit_gtd" => {
            slices(terms, quantity, step)?;
            Terms::Limit(price("limit_price")?)
        }
        "trigger_bracket_gtc" | "trigger_bracket_gtd" => {
            let (limit, stop) = (price("limit_price")?, price("stop_trigger_price")?);
            if !buy && stop >= top.bid {
                return Err("PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE");
            }
            if buy && stop <= top.ask {
                return Err("PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE");
            }
            Terms::Oco { limit, stop }
        }
        "stop_limit_stop_limit_gtc" | "stop_limit_stop_limit_gtd" => {
            let (stop, limit) = (price("stop_price")?, price("limit_price")?);
            match (terms["stop_direction"].as_str(), buy) {
                (Some("STOP_DIRECTION_STOP_UP"), true) if stop <= top.ask => {
                    return Err("PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE");
                }
                (Some("STOP_DIRECTION_STOP_DOWN"), false) if stop >= top.bid => {
                    return Err("PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE");
                }
                (Some("STOP_DIRECTION_STOP_UP"), true) | (Some("STOP_DIRECTION_STOP_DOWN"), false) => {}
                _ => return Err("INVALID_REQUEST"),
            }
            Terms::StopLimit { stop, limit }
        }
        _ => return Err("UNSUPPORTED_ORDER_CONFIGURATION"),
    };
    if let Terms::Limit(limit) = asked
        && terms["post_only"] == true
        && (buy && limit >= top.ask || !buy && limit <= top.bid)
    {
        return Err("INVALID_LIMIT_PRICE_POST_ONLY");
    }
    let immediate = matches!(way.as_str(), "market_market_ioc" | "sor_limit_ioc" | "limit_limit_fok");
    let held = shared.exchange.positions().into_iter().find(|(held, ..)| *held == symbol);
    if !buy && held.map_or(Decimal::ZERO, |(_, units, _)| units) < quantity {
        return Err("INSUFFICIENT_FUND");
    }
    let client_id = body["client_order_id"].as_str().map(str::to_owned);
    Ok(NewOrder { client_id, symbol, buy, quantity, terms: asked, immediate, wire: body.clone() })
}

fn refusal(reason: &str, body: &Value) -> Response {
    let preview = reason.starts_with("PREVIEW_");
    axum::Json(json!({"success": false, "error_response": {"error": if preview { "INVALID_REQUEST" } else { reason },
        "message": if reason == "INSUFFICIENT_FUND" { "Insufficient balance in source account" } else { "" },
        "error_details": "", "preview_failure_reason": if preview { reason } else { "UNKNOWN_PREVIEW_FAILURE_REASON" },
        "new_order_failure_reason": if preview { "UNKNOWN_FAILURE_REASON" } else { reason }},
        "order_configuration": body["order_configuration"]}))
    .into_response()
}

pub async fn place(State(shared): State<Shared>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return bad_request("parsing field") };
    let Some(client) = body["client_order_id"].as_str().filter(|id| !id.is_empty()) else {
        return bad_request("client_order_id is required");
    };
    let placed = |order: &Order| {
        axum::Json(json!({"success": true, "success_response": {"order_id": id_of(&shared.exchange, order),
            "product_id": body["product_id"], "side": body["side"], "client_order_id": client, "attached_order_id": ""},
            "order_configuration": body["order_configuration"]}))
        .into_response()
    };
    // The same id again is the first order again.
    if let Some(order) = shared.exchange.by_client_id(client) {
        return placed(&order);
    }
    let new = match read(&shared, &body) {
        Ok(new) => new,
        Err(reason) => return refusal(reason, &body),
    };
    match shared.exchange.submit(new) {
        Ok(order) => placed(&order),
        Err(Refusal::NotEnoughCash) => refusal("INSUFFICIENT_FUND", &body),
        Err(_) => refusal("UNKNOWN_FAILURE_REASON", &body),
    }
}

/// `POST /orders/close_position`: a market order on the other side of what is held, and no more than that.
pub async fn close_position(State(shared): State<Shared>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return bad_request("parsing field") };
    let (product, size) = (body["product_id"].as_str().unwrap_or_default(), decimal(&body["size"]));
    let held = shared.exchange.positions().into_iter().find(|(symbol, ..)| symbol == product);
    let units = held.map_or(Decimal::ZERO, |(_, units, _)| units);
    let order = json!({"client_order_id": body["client_order_id"], "product_id": product,
        "side": if units.is_sign_negative() { "BUY" } else { "SELL" },
        "order_configuration": {"market_market_ioc": {"base_size": body["size"]}}});
    if units.is_zero() || size.is_none_or(|size| size > units.abs()) {
        return refusal("INVALID_REQUEST", &order);
    }
    place(State(shared), Bytes::from(order.to_string())).await
}

pub async fn preview(State(shared): State<Shared>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return bad_request("parsing field") };
    if body.get("client_order_id").is_some() {
        return bad_request("client_order_id has no place in a preview");
    }
    let (errs, money, size) = match read(&shared, &body) {
        Ok(new) => {
            let price = match new.terms {
                Terms::Limit(price)
                | Terms::StopLimit { limit: price, .. }
                | Terms::Oco { limit: price, .. } => price,
                _ => shared.exchange.top_of(&new.symbol).unwrap().ask,
            };
            (Vec::new(), price * new.quantity, new.quantity)
        }
        Err(reason) => {
            (vec![format!("PREVIEW_{}", reason.trim_start_matches("PREVIEW_"))], Decimal::ZERO, Decimal::ZERO)
        }
    };
    let fee = money * FEE;
    let total = if body["side"] == "BUY" { money + fee } else { money - fee };
    let text = |value: Decimal| value.normalize().to_string();
    axum::Json(json!({"order_total": text(total), "commission_total": text(fee), "errs": errs,
        "warning": if money < Decimal::ONE { vec!["SMALL_ORDER"] } else { vec![] }, "quote_size": text(money),
        "base_size": text(size), "best_bid": "99.9", "best_ask": "100.1", "is_max": false, "order_margin_total": "0",
        "leverage": "0", "long_leverage": "0", "short_leverage": "0", "slippage": "0", "preview_id": "pv-1"}))
    .into_response()
}

fn edit_refused(reason: &str) -> Response {
    axum::Json(json!({"success": false, "errors": [{"edit_failure_reason": reason,
        "preview_failure_reason": "UNKNOWN_PREVIEW_FAILURE_REASON"}]}))
    .into_response()
}

pub async fn edit(State(shared): State<Shared>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return bad_request("parsing field") };
    if let Some(reason) = shared.knobs().edit_refusal {
        return edit_refused(reason);
    }
    let Some(order) = by_id(&shared.exchange, body["order_id"].as_str().unwrap_or_default()) else {
        return edit_refused("ORDER_NOT_FOUND");
    };
    if order.status != Status::Working {
        return edit_refused("ONLY_OPEN_ORDERS_CAN_BE_EDITED");
    }
    let mut wire = order.new.wire.clone();
    let (way, terms) = wire["order_configuration"].as_object_mut().unwrap().iter_mut().next().unwrap();
    if !way.ends_with("_gtc") {
        return edit_refused("ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED");
    }
    // What is missing is read as zero.
    let size = decimal(&body["size"]).unwrap_or_default();
    let price = decimal(&body["price"]).unwrap_or_default();
    if size <= order.filled {
        return edit_refused("CANNOT_EDIT_TO_BELOW_FILLED_SIZE");
    }
    if price <= Decimal::ZERO {
        return edit_refused("INVALID_EDITED_PRICE");
    }
    if size == order.new.quantity && matches!(order.new.terms, Terms::Limit(limit) if limit == price) {
        return edit_refused("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST");
    }
    terms["base_size"] = json!(size.to_string());
    terms["limit_price"] = json!(price.to_string());
    let asked = match order.new.terms {
        Terms::StopLimit { stop, .. } => {
            let stop = decimal(&body["stop_price"]).unwrap_or(stop);
            terms["stop_price"] = json!(stop.to_string());
            Terms::StopLimit { stop, limit: price }
        }
        Terms::Oco { stop, .. } => Terms::Oco { stop, limit: price },
        _ => Terms::Limit(price),
    };
    let new = NewOrder { client_id: None, quantity: size, terms: asked, wire, ..order.new.clone() };
    match shared.exchange.replace(order.number, new) {
        Ok(_) => axum::Json(json!({"success": true, "errors": []})).into_response(),
        Err(_) => edit_refused("COMMANDER_REJECTED_EDIT_ORDER"),
    }
}

pub async fn edit_preview(State(shared): State<Shared>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return bad_request("parsing field") };
    let known = by_id(&shared.exchange, body["order_id"].as_str().unwrap_or_default()).is_some();
    let errors = if known { json!([]) } else { json!([{"edit_failure_reason": "ORDER_NOT_FOUND"}]) };
    axum::Json(json!({"errors": errors, "slippage": "0", "order_total": "102.6", "commission_total": "0.6",
        "quote_size": "102", "base_size": "0.002", "best_bid": "99.9", "best_ask": "100.1", "average_filled_price": "0"}))
    .into_response()
}

pub async fn cancel(State(shared): State<Shared>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return bad_request("parsing field") };
    let Some(ids) = body["order_ids"].as_array() else { return bad_request("order_ids is required") };
    let result = |id: &Value| {
        let text = id.as_str().unwrap_or_default();
        let failure = match by_id(&shared.exchange, text) {
            None => Some("UNKNOWN_CANCEL_ORDER"),
            Some(order) => match shared.exchange.cancel(order.number) {
                Ok(_) => None,
                Err(Refusal::Ended(Status::Filled)) => Some("ORDER_IS_FULLY_FILLED"),
                Err(_) => Some("UNKNOWN_CANCEL_ORDER"),
            },
        };
        json!({"success": failure.is_none(), "failure_reason": failure.unwrap_or("UNKNOWN_CANCEL_FAILURE_REASON"),
            "order_id": text})
    };
    axum::Json(json!({"results": ids.iter().map(result).collect::<Vec<_>>()})).into_response()
}

pub fn order_row(exchange: &Exchange, order: &Order) -> Value {
    let root = root_of(exchange, order);
    let mut edits = Vec::new();
    let mut step = order.clone();
    while let Some(before) = step.replaces {
        let price = match step.new.terms {
            Terms::Limit(price) | Terms::StopLimit { limit: price, .. } | Terms::Oco { limit: price, .. } => {
                price
            }
            _ => Decimal::ZERO,
        };
        edits.insert(
            0,
            json!({"price": price.to_string(), "size": step.new.quantity.to_string(),
            "replace_accept_timestamp": rfc3339(step.entered_ms)}),
        );
        step = exchange.order(before).unwrap();
    }
    let average = order.average().unwrap_or_default();
    json!({"order_id": id_of(exchange, order), "product_id": root.new.wire["product_id"], "user_id": USER,
        "order_configuration": order.new.wire["order_configuration"], "side": if order.new.buy { "BUY" } else { "SELL" },
        "client_order_id": root.new.client_id, "status": status_word(order), "time_in_force": "GOOD_UNTIL_CANCELLED",
        "created_time": rfc3339(root.entered_ms), "completion_percentage": "0", "filled_size": order.filled.to_string(),
        "average_filled_price": average.to_string(), "fee": "", "number_of_fills": "0",
        "filled_value": order.notional.to_string(), "pending_cancel": false, "size_in_quote": false,
        "total_fees": (order.notional * FEE).to_string(), "size_inclusive_of_fees": false, "total_value_after_fees": "0",
        "trigger_status": "INVALID_ORDER_TYPE", "order_type": "LIMIT", "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "settled": false, "product_type": "SPOT", "reject_message": "", "cancel_message": "",
        "order_placement_source": "RETAIL_ADVANCED", "outstanding_hold_amount": "0", "is_liquidation": false,
        "last_fill_time": null, "edit_history": edits, "leverage": "", "margin_type": "UNKNOWN_MARGIN_TYPE",
        "retail_portfolio_id": PORTFOLIO, "originating_order_id": "", "attached_order_id": ""})
}

/// Tails of the chains, newest first.
pub fn tails(exchange: &Exchange) -> Vec<Order> {
    let mut orders: Vec<Order> =
        exchange.orders().into_iter().filter(|order| order.replaced_by.is_none()).collect();
    orders.reverse();
    orders
}

pub async fn one(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    by_id(&shared.exchange, &id).map_or_else(not_found, |order| {
        axum::Json(json!({"order": order_row(&shared.exchange, &order)})).into_response()
    })
}

pub async fn list(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.as_deref());
    let (products, states) = (all(&query, "product_ids"), all(&query, "order_status"));
    let since: Option<jiff::Timestamp> = all(&query, "start_date").first().map(|text| text.parse().unwrap());
    let fits = |row: &Value| {
        let word = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        (products.is_empty() || products.contains(&word("product_id").as_str()))
            && (states.is_empty() || states.contains(&word("status").as_str()))
            && since.is_none_or(|since| word("created_time").parse::<jiff::Timestamp>().unwrap() >= since)
    };
    let rows =
        tails(&shared.exchange).iter().map(|order| order_row(&shared.exchange, order)).filter(fits).collect();
    let (page, cursor) = paged(&query, rows, 100);
    axum::Json(json!({"orders": page, "has_next": !cursor.is_empty(), "cursor": cursor, "sequence": "0"}))
        .into_response()
}

pub async fn fills(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.as_deref());
    {
        let mut knobs = shared.knobs();
        if knobs.fills_late > 0 {
            knobs.fills_late -= 1;
            return axum::Json(json!({"fills": [], "cursor": ""})).into_response();
        }
    }
    let ids = all(&query, "order_ids");
    let since: Option<jiff::Timestamp> =
        all(&query, "start_sequence_timestamp").first().map(|text| text.parse().unwrap());
    let exchange = &shared.exchange;
    let mut rows: Vec<Value> = exchange
        .fills()
        .iter()
        .map(|fill| {
            let order = exchange.order(fill.order).unwrap();
            json!({"entry_id": format!("e-{}", fill.number), "trade_id": format!("t-{}", fill.number),
                "order_id": id_of(exchange, &order), "trade_time": rfc3339(fill.at_ms), "trade_type": "FILL",
                "price": fill.price.to_string(), "size": fill.quantity.to_string(),
                "commission": (fill.price * fill.quantity * FEE).to_string(),
                "product_id": root_of(exchange, &order).new.wire["product_id"], "sequence_timestamp": rfc3339(fill.at_ms),
                "liquidity_indicator": "MAKER", "size_in_quote": false, "user_id": USER,
                "side": if fill.buy { "BUY" } else { "SELL" }, "retail_portfolio_id": PORTFOLIO})
        })
        .filter(|row| ids.is_empty() || ids.contains(&row["order_id"].as_str().unwrap()))
        .filter(|row| {
            let at: jiff::Timestamp = row["trade_time"].as_str().unwrap().parse().unwrap();
            since.is_none_or(|since| at >= since)
        })
        .collect();
    rows.reverse();
    let (page, cursor) = paged(&query, rows, 100);
    axum::Json(json!({"fills": page, "cursor": cursor})).into_response()
}
