//! What moves, by what the middle of each quote is away from a hundred.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State as Given};
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::{Desk, refuse, rules, time};
use crate::emulators::exchange::now_ms;

type Asked = Query<BTreeMap<String, String>>;

/// How many rows are asked for, at most so many.
fn top(query: &BTreeMap<String, String>, most: usize) -> Result<usize, Box<Response>> {
    let top = query.get("top").map_or(Ok(10), |text| text.parse::<usize>());
    top.ok()
        .filter(|top| (1..=most).contains(top))
        .ok_or_else(|| refuse(400, 40_010_001, "invalid top").into())
}

fn shares(desk: &Desk) -> Vec<(String, Decimal)> {
    let tops = desk.exchange().tops().into_iter();
    let shares = tops.filter(|(symbol, _)| rules::asset_class(symbol) == "us_equity");
    shares.map(|(symbol, top)| (symbol, (top.bid + top.ask) / Decimal::TWO)).collect()
}

pub async fn movers(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    let top = match top(&query, 50) {
        Ok(top) => top,
        Err(response) => return *response,
    };
    let mut rows = shares(&desk);
    rows.sort_by_key(|(_, price)| -*price);
    let row = |(symbol, price): &(String, Decimal)| {
        let change = price.to_f64().unwrap() - 100.0;
        json!({ "symbol": symbol, "change": change, "percent_change": change, "price": price.to_f64() })
    };
    let gainers: Vec<Value> = rows.iter().take(top).map(row).collect();
    let losers: Vec<Value> = rows.iter().rev().take(top).map(row).collect();
    let at = time(now_ms());
    Json(json!({ "gainers": gainers, "losers": losers, "market_type": "stocks", "last_updated": at }))
        .into_response()
}

pub async fn most_active(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    let top = match top(&query, 100) {
        Ok(top) => top,
        Err(response) => return *response,
    };
    if !query.get("by").is_none_or(|by| ["volume", "trades"].contains(&by.as_str())) {
        return refuse(400, 40_010_001, "invalid by");
    }
    let rows: Vec<Value> = shares(&desk)
        .into_iter()
        .take(top)
        .map(|(symbol, _)| json!({ "symbol": symbol, "volume": 1_000, "trade_count": 10 }))
        .collect();
    Json(json!({ "most_actives": rows, "last_updated": time(now_ms()) })).into_response()
}
