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
/// Of rows that are no fills, and of what holds them together.
const MOVEMENT: u16 = 6;
const GROUP: u16 = 7;

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
    let category = query.get("category").map(String::as_str);
    if types.is_some() && category.is_some() {
        return super::refuse(422, 40_010_001, "activity_types and category cannot be used together");
    }
    let of_category = |row: &Value| match category {
        Some("trade_activity") => row["activity_type"] == "FILL",
        Some("non_trade_activity") => row["activity_type"] != "FILL",
        _ => true,
    };
    let after = query.get("after").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let size: usize = query.get("page_size").and_then(|text| text.parse().ok()).unwrap_or(100).min(100);
    let mut rows = desk.movements();
    rows.retain(|(ms, row)| {
        let at = jiff::Timestamp::from_millisecond(*ms).unwrap();
        after.is_none_or(|after| at > after)
            && of_category(row)
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

/// By hand: `POST /emulator/split`, `/emulator/dividend` or `/emulator/activity` with what it is about.
pub async fn inject(
    Given(desk): Given<Desk>,
    axum::extract::Path(what): axum::extract::Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let symbol = body["symbol"].as_str().unwrap_or_default();
    match what.as_str() {
        "split" => desk.split(symbol, body["for_each"].as_u64().unwrap_or(2).try_into().unwrap()),
        "dividend" => desk.dividend(symbol, super::number(&body["each"]).unwrap_or_default()),
        "activity" => desk.book(body["activity_type"].as_str().unwrap_or("MISC"), body.clone()),
        _ => return super::refuse(404, 40_410_000, "split, dividend or activity"),
    }
    Json(json!({})).into_response()
}

impl Desk {
    /// Books a row that is no fill: of this type, now, and whatever else is said of it. Its id and date are made.
    pub fn book(&self, activity_type: &str, more: Value) {
        let now = super::now_ms();
        let mut state = self.state();
        let number = state.movements.len() as u64 + 1;
        let date = time(now)[..10].to_owned();
        let mut row = json!({
            "id": format!("{}::{}", stamp(now), uuid(MOVEMENT, number)), "activity_type": activity_type, "date": date,
            "net_amount": "0", "currency": "USD", "description": "", "status": "executed", "created_at": time(now),
        });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        state.movements.push(row);
    }

    /// A company splits its shares: so many for each one that is held, and the two rows of it.
    pub fn split(&self, symbol: &str, for_each: u32) {
        let held = self.exchange().positions().into_iter().find(|(held, ..)| held == symbol);
        let Some((_, units, average)) = held else { return };
        let times = rust_decimal::Decimal::from(for_each);
        self.exchange().hold(symbol, units * times, average / times);
        let group = uuid(GROUP, self.state().movements.len() as u64 + 1);
        for units in [-units, units * times] {
            self.book(
                "SPLIT",
                json!({"activity_sub_type": "FSPLIT", "symbol": symbol, "qty": text(units), "group_id": group}),
            );
        }
    }

    /// A company pays its holders.
    pub fn dividend(&self, symbol: &str, each: rust_decimal::Decimal) {
        let held = self.exchange().positions().into_iter().find(|(held, ..)| held == symbol);
        let Some((_, units, _)) = held else { return };
        self.exchange().pay(units * each);
        self.book(
            "DIV",
            json!({"activity_sub_type": "CDIV", "symbol": symbol, "qty": text(units), "per_share_amount": text(each),
                "net_amount": text(units * each)}),
        );
    }

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
        let booked = |row: &Value| {
            let at = row["created_at"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            at.map_or_else(super::now_ms, |at| at.as_millisecond())
        };
        rows.extend(state.movements.iter().map(|row| (booked(row), row.clone())));
        rows.sort_by_key(|(ms, _)| *ms);
        rows
    }
}
