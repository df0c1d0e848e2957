//! What moved in the account, as a list with pages.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State as Given};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Desk, text, time, uuid};

/// Kinds of ids of fills.
const FILL: u16 = 4;
const LEG_FILL: u16 = 5;

/// The id of a fill, as the order stream says it.
pub fn execution_id(number: u64) -> String {
    uuid(FILL, number)
}

fn stamp(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap();
    at.to_zoned_datetime(jiff::tz::TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string()
        + &format!("{:03}", ms % 1_000)
}

pub async fn list(Given(desk): Given<Desk>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let types: Option<Vec<&str>> = query.get("activity_types").map(|text| text.split(',').collect());
    let after = query.get("after").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let size: usize = query.get("page_size").and_then(|text| text.parse().ok()).unwrap_or(100).min(100);
    let mut rows = desk.movements();
    rows.retain(|(ms, row)| {
        let at = jiff::Timestamp::from_millisecond(*ms).unwrap();
        after.is_none_or(|after| at > after)
            && types.as_ref().is_none_or(|types| types.contains(&row["activity_type"].as_str().unwrap()))
    });
    if query.get("direction").map(String::as_str) != Some("asc") {
        rows.reverse();
    }
    let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    let from = match query.get("page_token") {
        Some(token) => {
            rows.iter().position(|row| row["id"] == token.as_str()).map_or(rows.len(), |at| at + 1)
        }
        None => 0,
    };
    Json(rows.into_iter().skip(from).take(size).collect::<Vec<_>>()).into_response()
}

impl Desk {
    /// Every row with its time, oldest first.
    fn movements(&self) -> Vec<(i64, Value)> {
        let mut rows: Vec<(i64, Value)> = Vec::new();
        for fill in self.exchange().fills() {
            if fill.symbol.starts_with("mleg") {
                continue;
            }
            let order = self.exchange().order(fill.order).unwrap();
            let row = json!({
                "id": format!("{}::{}", stamp(fill.at_ms), execution_id(fill.number)), "activity_type": "FILL",
                "order_id": self.id_of(&order), "symbol": fill.symbol, "side": if fill.buy { "buy" } else { "sell" },
                "qty": text(fill.quantity), "price": text(fill.price), "cum_qty": text(order.filled),
                "leaves_qty": text(order.leaves()), "type": if order.leaves().is_zero() { "fill" } else { "partial_fill" },
                "order_status": if order.leaves().is_zero() { "filled" } else { "partially_filled" },
                "transaction_time": time(fill.at_ms),
            });
            rows.push((fill.at_ms, row));
        }
        let state = self.state();
        for fill in &state.leg_fills {
            let row = json!({
                "id": format!("{}::{}", stamp(fill.at_ms), uuid(LEG_FILL, fill.number)), "activity_type": "FILL",
                "order_id": fill.order_id, "symbol": fill.symbol, "side": if fill.buy { "buy" } else { "sell" },
                "qty": text(fill.quantity), "price": text(fill.price), "cum_qty": text(fill.quantity),
                "leaves_qty": text(fill.leaves), "type": if fill.leaves.is_zero() { "fill" } else { "partial_fill" },
                "order_status": "filled", "transaction_time": time(fill.at_ms),
            });
            rows.push((fill.at_ms, row));
        }
        let at = super::now_ms();
        rows.extend(state.movements.iter().map(|row| (at, row.clone())));
        rows.sort_by_key(|(ms, _)| *ms);
        rows
    }
}
