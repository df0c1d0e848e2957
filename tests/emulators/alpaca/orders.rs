//! Orders: taken, shown, changed and canceled.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Given};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::rules::{self, Taken, invalid, unprocessable};
use super::{Child, Desk, Package, refuse, refuse_with, text, time, uuid};
use crate::emulators::exchange::{NewOrder, Order, Refusal, Status, Terms, now_ms};

/// Kinds of ids.
const ORDER: u16 = 1;
const CHILD: u16 = 2;
const LEG: u16 = 3;

type Asked = Query<BTreeMap<String, String>>;

fn is_true(query: &BTreeMap<String, String>, name: &str) -> bool {
    query.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn read(body: &Bytes) -> Result<Value, Box<Response>> {
    serde_json::from_slice(body).map_err(|_| refuse(400, 40_010_000, "request body format is invalid").into())
}

pub async fn submit(Given(desk): Given<Desk>, body: Bytes) -> Response {
    let body = match read(&body) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    match desk.enter(&body) {
        Ok(order) => Json(order).into_response(),
        Err(response) => *response,
    }
}

pub async fn list(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    let nested = is_true(&query, "nested");
    let wanted = query.get("status").map_or("open", String::as_str);
    let limit: usize = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(50).min(500);
    let bound = |name: &str| query.get(name).and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let (after, until) = (bound("after"), bound("until"));
    let symbols: Option<Vec<&str>> = query.get("symbols").map(|text| text.split(',').collect());
    let mut rows: Vec<Value> = desk.all(nested);
    rows.retain(|row| {
        let ended = ["filled", "canceled", "expired", "replaced", "rejected"]
            .contains(&row["status"].as_str().unwrap_or_default());
        // A parent stays open with its children.
        let open = !ended
            || row["legs"].as_array().is_some_and(|legs| {
                legs.iter().any(|leg| {
                    ["new", "held", "partially_filled"].contains(&leg["status"].as_str().unwrap_or_default())
                }) && row["order_class"] != "mleg"
            });
        let at = row["submitted_at"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).unwrap();
        let status = match wanted {
            "open" => open,
            "closed" => !open,
            _ => true,
        };
        status
            && after.is_none_or(|after| at > after)
            && until.is_none_or(|until| at < until)
            && symbols
                .as_ref()
                .is_none_or(|symbols| symbols.contains(&row["symbol"].as_str().unwrap_or_default()))
            && query.get("side").is_none_or(|side| row["side"] == side.as_str())
    });
    if query.get("direction").map(String::as_str) != Some("asc") {
        rows.reverse();
    }
    rows.truncate(limit);
    Json(rows).into_response()
}

pub async fn by_client_id(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    let wanted = query.get("client_order_id").map(String::as_str).unwrap_or_default();
    let found = desk.exchange().by_client_id(wanted).map(|order| desk.show(&order, true));
    found.map_or_else(
        || refuse(404, 40_410_000, &format!("order not found for {wanted}")),
        |row| Json(row).into_response(),
    )
}

pub async fn one(Given(desk): Given<Desk>, Path(id): Path<String>, Query(query): Asked) -> Response {
    let nested = is_true(&query, "nested");
    if let Some(number) = desk.number_of(&id) {
        let order = desk.exchange().order(number).unwrap();
        return Json(desk.show(&order, nested)).into_response();
    }
    let held = desk.state().children.iter().find(|child| child.id == id).cloned();
    match held {
        Some(child) => Json(desk.show_held(&child)).into_response(),
        None => not_found(&id),
    }
}

fn not_found(id: &str) -> Response {
    refuse(404, 40_410_000, &format!("order not found for {id}"))
}

pub async fn cancel(Given(desk): Given<Desk>, Path(id): Path<String>) -> Response {
    desk.cancel(&id)
}

pub async fn cancel_all(Given(desk): Given<Desk>) -> Response {
    let working = desk.exchange().orders().into_iter().filter(|order| order.status == Status::Working);
    let rows: Vec<Value> = working
        .map(|order| {
            let id = desk.id_of(&order);
            let status = desk.cancel(&id).status();
            json!({ "id": id, "status": if status == StatusCode::NO_CONTENT { 200 } else { 422 } })
        })
        .collect();
    (StatusCode::MULTI_STATUS, Json(rows)).into_response()
}

pub async fn replace(Given(desk): Given<Desk>, Path(id): Path<String>, body: Bytes) -> Response {
    let body = match read(&body) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    match desk.replace(&id, &body) {
        Ok(order) => Json(order).into_response(),
        Err(response) => *response,
    }
}

pub async fn close(Given(desk): Given<Desk>, Path(symbol): Path<String>, Query(query): Asked) -> Response {
    match desk.close(&symbol, &query) {
        Ok(order) => Json(order).into_response(),
        Err(response) => *response,
    }
}

pub async fn close_all(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    if is_true(&query, "cancel_orders") {
        for order in desk.exchange().orders().into_iter().filter(|order| order.status == Status::Working) {
            desk.cancel(&desk.id_of(&order));
        }
    }
    let held = desk.exchange().positions();
    let rows: Vec<Value> = held
        .iter()
        .filter(|(symbol, ..)| !symbol.starts_with("mleg"))
        .map(|(symbol, ..)| {
            let body = desk.close(symbol, &BTreeMap::new()).unwrap_or(Value::Null);
            json!({ "symbol": symbol, "status": 200, "body": body })
        })
        .collect();
    (StatusCode::MULTI_STATUS, Json(rows)).into_response()
}

impl Desk {
    /// The broker's id of an order.
    pub fn id_of(&self, order: &Order) -> String {
        let state = self.state();
        let child = state.children.iter().find(|child| child.number == Some(order.number));
        child.map_or_else(|| uuid(ORDER, order.number), |child| child.id.clone())
    }

    fn number_of(&self, id: &str) -> Option<u64> {
        if let Some(child) = self.state().children.iter().find(|child| child.id == id) {
            return child.number;
        }
        self.exchange().orders().iter().map(|order| order.number).find(|number| uuid(ORDER, *number) == id)
    }

    pub fn leg_id(order: u64, at: usize) -> String {
        uuid(LEG, order * 10 + at as u64)
    }

    /// Enters an order by its body.
    pub fn enter(&self, body: &Value) -> Result<Value, Box<Response>> {
        if self.state().account.get("trade_suspended_by_user") == Some(&Value::Bool(true)) {
            return Err(refuse(403, 40_310_000, "new orders are rejected by user request").into());
        }
        let mut taken = rules::check(self, body)?;
        let client = body["client_order_id"].as_str().map(str::to_owned);
        let client = client.unwrap_or_else(|| uuid(9, self.exchange().orders().len() as u64));
        if !taken.legs.is_empty() {
            taken.symbol = self.package(&taken);
        }
        let exits = (taken.take_profit, taken.stop_loss);
        let (class, buy) = (taken.wire["class"].as_str().unwrap_or_default().to_owned(), taken.buy);
        let symbol = taken.symbol.clone();
        let number = self.exchange().orders().len() as u64 + 1;
        // Children stand beside their parent before it can fill.
        self.add_children(number, &class, exits);
        let new = NewOrder {
            client_id: Some(client),
            symbol: taken.symbol,
            buy,
            quantity: taken.quantity,
            terms: taken.terms,
            immediate: taken.immediate,
            wire: taken.wire,
        };
        let order = match self.exchange().submit(new) {
            Ok(order) => order,
            Err(refusal) => {
                self.state().children.retain(|child| child.parent != number);
                return Err(self.refusal(refusal, &symbol).into());
            }
        };
        if class == "oco" {
            self.wake_children(order.number);
        }
        let order = self.exchange().order(order.number).unwrap();
        Ok(self.show(&order, true))
    }

    fn add_children(&self, parent: u64, class: &str, (profit, loss): (Option<Decimal>, Option<Decimal>)) {
        let profit = profit.filter(|_| class != "oco");
        let mut state = self.state();
        for (stop, price) in [(false, profit), (true, loss)] {
            let Some(price) = price.filter(|_| ["bracket", "oto", "oco"].contains(&class)) else { continue };
            let id = uuid(CHILD, parent * 10 + u64::from(stop));
            state.children.push(Child { id, parent, stop, price, status: "held", number: None });
        }
    }

    /// The parent is filled: its children go to work.
    pub fn wake_children(&self, parent: u64) {
        let Some(order) = self.exchange().order(parent) else { return };
        let held: Vec<Child> = {
            let state = self.state();
            state.children.iter().filter(|c| c.parent == parent && c.status == "held").cloned().collect()
        };
        for child in held {
            let terms = if child.stop { Terms::Stop(child.price) } else { Terms::Limit(child.price) };
            let mut wire = order.new.wire.clone();
            wire["type"] = if child.stop { "stop" } else { "limit" }.into();
            let buy = if wire["class"] == "oco" { order.new.buy } else { !order.new.buy };
            let new = NewOrder {
                client_id: Some(format!("child-{}", child.id)),
                symbol: order.new.symbol.clone(),
                buy,
                quantity: order.new.quantity,
                terms,
                immediate: false,
                wire,
            };
            // Its number is known before its events are told.
            let number = self.exchange().orders().len() as u64 + 1;
            self.change_child(&child.id, "live", Some(number));
            self.exchange().submit(new).unwrap();
        }
    }

    fn change_child(&self, id: &str, status: &'static str, number: Option<u64>) {
        let mut state = self.state();
        let child = state.children.iter_mut().find(|child| child.id == id).unwrap();
        (child.status, child.number) = (status, number.or(child.number));
    }

    /// One of a group has filled or ended: the others go.
    pub fn end_group(&self, number: u64) {
        let group: Vec<Child> = {
            let state = self.state();
            let parent =
                state.children.iter().find(|c| c.number == Some(number)).map_or(number, |c| c.parent);
            state.children.iter().filter(|child| child.parent == parent).cloned().collect()
        };
        for child in group.iter().filter(|child| child.number != Some(number)) {
            match (child.status, child.number) {
                ("held", None) => {
                    self.change_child(&child.id, "canceled", None);
                    let order = self.show_held(&Child { status: "canceled", ..child.clone() });
                    self.say(json!({ "event": "canceled", "order": order, "timestamp": time(now_ms()) }));
                }
                (_, Some(live)) => {
                    self.exchange().cancel(live).ok();
                }
                _ => {}
            }
        }
        // The take-profit of an OCO is the parent.
        if let Some(parent) = group.first().map(|child| child.parent).filter(|parent| *parent != number) {
            self.exchange().cancel(parent).ok();
        }
    }

    fn refusal(&self, refusal: Refusal, symbol: &str) -> Response {
        match refusal {
            Refusal::UnknownSymbol if rules::asset_class(symbol) == "us_option" => {
                unprocessable(&format!("contract \"{symbol}\" not found"))
            }
            Refusal::UnknownSymbol => unprocessable(&format!("asset \"{symbol}\" not found")),
            Refusal::DuplicateClientId => invalid("client_order_id must be unique"),
            Refusal::NotEnoughCash => {
                let extras = json!({ "buying_power": text(self.exchange().cash()), "cost_basis": "0" });
                refuse_with(403, 40_310_000, "insufficient buying power", extras)
            }
            Refusal::NoSuchOrder => not_found("it"),
            Refusal::Ended(status) => {
                unprocessable(&format!("order is already in \"{}\" state", word(status)))
            }
            Refusal::BadQuantity => unprocessable("qty must be > filled_qty"),
        }
    }

    fn cancel(&self, id: &str) -> Response {
        let child = self.state().children.iter().find(|child| child.id == id).cloned();
        if let Some(child) = child.as_ref().filter(|child| child.number.is_none()) {
            if child.status == "canceled" {
                return unprocessable("order is already in \"canceled\" state");
            }
            return self.cancel(&uuid(ORDER, child.parent));
        }
        let Some(number) = self.number_of(id) else { return not_found(id) };
        match self.exchange().cancel(number) {
            Ok(_) => StatusCode::NO_CONTENT.into_response(),
            Err(refusal) => self.refusal(refusal, ""),
        }
    }

    fn replace(&self, id: &str, body: &Value) -> Result<Value, Box<Response>> {
        let Some(number) = self.number_of(id) else { return Err(not_found(id).into()) };
        let old = self.exchange().order(number).unwrap();
        if old.status != Status::Working {
            let text = format!("cannot replace order in {} status", word(old.status));
            return Err(unprocessable(&text).into());
        }
        let mut new = old.new.clone();
        let value = |name: &str| super::number(&body[name]);
        new.quantity = value("qty").unwrap_or(new.quantity);
        new.client_id = body["client_order_id"].as_str().map(str::to_owned);
        new.client_id.get_or_insert_with(|| uuid(9, 1_000 + number));
        if let Some(tif) = body["time_in_force"].as_str() {
            new.wire["tif"] = tif.into();
        }
        let (limit, stop) = (value("limit_price"), value("stop_price"));
        new.terms = match new.terms {
            Terms::Limit(before) => Terms::Limit(limit.unwrap_or(before)),
            Terms::Stop(before) => Terms::Stop(stop.unwrap_or(before)),
            Terms::StopLimit { stop: was, limit: before } => {
                Terms::StopLimit { stop: stop.unwrap_or(was), limit: limit.unwrap_or(before) }
            }
            Terms::Trailing(before) => Terms::Trailing(value("trail").unwrap_or(before)),
            same @ (Terms::Market | Terms::Oco { .. }) => same,
        };
        if new.terms == old.new.terms && new.quantity == old.new.quantity && new.wire == old.new.wire {
            return Err(unprocessable("order parameters are not changed").into());
        }
        self.move_children(number);
        let order = self.exchange().replace(number, new).map_err(|refusal| self.refusal(refusal, ""))?;
        Ok(self.show(&order, true))
    }

    /// The children of an order that is replaced are those of the new one; a child that is replaced is another order.
    fn move_children(&self, old: u64) {
        let new = self.exchange().orders().len() as u64 + 1;
        let mut state = self.state();
        let mut fresh = Vec::new();
        for child in &mut state.children {
            if child.parent == old {
                child.parent = new;
            }
            if child.number == Some(old) {
                let id = uuid(CHILD, new * 10 + 5);
                child.status = "replaced";
                fresh.push(Child { id, number: Some(new), status: "live", ..child.clone() });
            }
        }
        state.children.extend(fresh);
    }

    fn close(&self, symbol: &str, query: &BTreeMap<String, String>) -> Result<Value, Box<Response>> {
        let held = self.exchange().positions();
        let found = held.iter().find(|(held, ..)| held.replace('/', "") == symbol.replace('/', ""));
        let Some((symbol, units, _)) = found else {
            return Err(refuse(404, 40_410_000, "position does not exist").into());
        };
        let asked = query.get("qty").and_then(|text| text.parse().ok());
        let part = query.get("percentage").and_then(|text| text.parse::<Decimal>().ok());
        let quantity = asked.or(part.map(|part| units.abs() * part / Decimal::ONE_HUNDRED));
        let side = if units.is_sign_negative() { "buy" } else { "sell" };
        let tif = if symbol.contains('/') { "gtc" } else { "day" };
        self.enter(&json!({
            "symbol": symbol, "qty": text(quantity.unwrap_or(units.abs())), "side": side, "type": "market", "time_in_force": tif,
        }))
    }

    /// Makes an instrument of a package, with the net of its legs as its price.
    fn package(&self, taken: &Taken) -> String {
        let symbol = {
            let mut state = self.state();
            let symbol = format!("mleg-{}", state.packages.len());
            state.packages.push(Package { symbol: symbol.clone(), legs: taken.legs.clone() });
            symbol
        };
        self.price_packages();
        symbol
    }

    /// Prices every package anew.
    pub fn price_packages(&self) {
        let packages = self.state().packages.clone();
        for package in packages {
            let net = |bought: bool| -> Option<Decimal> {
                let legs = package.legs.iter().map(|leg| {
                    let top = self.exchange().top_of(&leg.symbol)?;
                    let sign = if leg.buy { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
                    Some(sign * leg.ratio * if leg.buy == bought { top.ask } else { top.bid })
                });
                legs.sum()
            };
            let (Some(bid), Some(ask)) = (net(false), net(true)) else { continue };
            let before = self.exchange().top_of(&package.symbol);
            if before.is_none_or(|top| (top.bid, top.ask) != (bid, ask)) {
                self.exchange().quote(&package.symbol, bid, ask);
            }
        }
    }

    pub fn legs_of(&self, symbol: &str) -> Vec<super::PackageLeg> {
        let state = self.state();
        state.packages.iter().find(|p| p.symbol == symbol).map(|p| p.legs.clone()).unwrap_or_default()
    }

    /// Every order as the broker shows it, oldest first; children within their parents where `nested`.
    fn all(&self, nested: bool) -> Vec<Value> {
        let children = self.state().children.clone();
        let mut rows = Vec::new();
        for order in self.exchange().orders() {
            let is_child = children.iter().any(|child| child.number == Some(order.number));
            if !(nested && is_child) {
                rows.push(self.show(&order, nested));
            }
            if !nested {
                let held = children.iter().filter(|c| c.parent == order.number && c.number.is_none());
                rows.extend(held.map(|child| self.show_held(child)));
            }
        }
        rows
    }

    /// An order as the broker shows it.
    pub fn show(&self, order: &Order, nested: bool) -> Value {
        let wire = &order.new.wire;
        let package = self.legs_of(&order.new.symbol);
        let is_package = !package.is_empty();
        let status = match order.status {
            Status::Working if order.filled.is_zero() => "new",
            Status::Working => "partially_filled",
            status => word(status),
        };
        let (limit, stop) = match order.new.terms {
            Terms::Limit(limit) => (Some(limit), None),
            Terms::Stop(stop) => (None, Some(stop)),
            Terms::StopLimit { stop, limit } | Terms::Oco { stop, limit } => (Some(limit), Some(stop)),
            Terms::Market | Terms::Trailing(_) => (None, None),
        };
        let at = |status: Status| (order.status == status).then(|| time(order.changed_ms));
        let symbol = if is_package { "" } else { &order.new.symbol };
        let side = if order.new.buy { "buy" } else { "sell" };
        let order_id = |number: u64| self.exchange().order(number).map(|order| self.id_of(&order));
        let notional = wire["notional"].as_str();
        let mut row = json!({
            "id": self.id_of(order), "client_order_id": order.new.client_id, "created_at": time(order.entered_ms),
            "updated_at": time(order.changed_ms), "submitted_at": time(order.entered_ms), "filled_at": at(Status::Filled),
            "expired_at": at(Status::Expired), "canceled_at": at(Status::Canceled), "failed_at": null,
            "replaced_at": at(Status::Replaced), "replaced_by": order.replaced_by.and_then(order_id),
            "replaces": order.replaces.and_then(order_id), "asset_id": if is_package { "" } else { "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415" },
            "symbol": symbol, "asset_class": rules::asset_class(symbol), "notional": notional,
            "qty": notional.is_none().then(|| text(order.new.quantity)), "filled_qty": text(order.filled),
            "filled_avg_price": order.average().map(|price| text(price.round_dp(9))), "order_class": wire["class"],
            "order_type": wire["type"], "type": wire["type"], "side": if is_package { "" } else { side },
            "position_intent": wire["intent"], "time_in_force": wire["tif"], "limit_price": limit.map(text),
            "stop_price": stop.map(text), "status": status, "extended_hours": wire["extended"], "legs": null,
            "trail_percent": wire["trail_percent"], "trail_price": wire["trail_price"], "hwm": null, "subtag": null, "source": null,
            "expires_at": null, "ratio_qty": null,
        });
        if is_package {
            row["legs"] =
                package.iter().enumerate().map(|(at, leg)| self.show_leg(order, &row, at, leg)).collect();
        } else if nested {
            let children = self.state().children.clone();
            let legs: Vec<Value> = children
                .iter()
                .filter(|child| child.parent == order.number && child.status != "replaced")
                .map(|child| match child.number.and_then(|number| self.exchange().order(number)) {
                    Some(order) => self.show(&order, false),
                    None => self.show_held(child),
                })
                .collect();
            row["legs"] = if legs.is_empty() { Value::Null } else { legs.into() };
        }
        row
    }

    fn show_leg(&self, order: &Order, package: &Value, at: usize, leg: &super::PackageLeg) -> Value {
        let mut row = package.clone();
        for (name, value) in [
            ("id", json!(Self::leg_id(order.number, at))),
            ("client_order_id", json!(format!("leg-{}-{at}", order.number))),
            ("asset_id", json!("f0ea14b2-8a49-4e9b-89d1-894c6e518a76")),
            ("symbol", json!(leg.symbol)),
            ("asset_class", json!(rules::asset_class(&leg.symbol))),
            ("side", json!(if leg.buy { "buy" } else { "sell" })),
            ("type", json!("")),
            ("order_type", json!("")),
            ("position_intent", json!(leg.intent)),
            ("ratio_qty", json!(text(leg.ratio))),
            ("qty", json!(text(order.new.quantity * leg.ratio))),
            ("filled_qty", json!(text(order.filled * leg.ratio))),
            ("limit_price", Value::Null),
            ("filled_avg_price", Value::Null),
            ("legs", Value::Null),
        ] {
            row[name] = value;
        }
        row
    }

    /// A child that waits for its parent, or never came to work.
    fn show_held(&self, child: &Child) -> Value {
        let parent = self.exchange().order(child.parent).unwrap();
        let mut row = self.show(&parent, false);
        let side = if parent.new.buy { "sell" } else { "buy" };
        let price = json!(text(child.price));
        let (limit, stop) = if child.stop { (Value::Null, price) } else { (price, Value::Null) };
        for (name, value) in [
            ("id", json!(child.id)),
            ("client_order_id", json!(format!("child-{}", child.id))),
            ("status", json!(child.status)),
            ("side", json!(side)),
            ("type", json!(if child.stop { "stop" } else { "limit" })),
            ("order_type", json!(if child.stop { "stop" } else { "limit" })),
            ("limit_price", limit),
            ("stop_price", stop),
            ("filled_qty", json!("0")),
            ("filled_avg_price", Value::Null),
            ("position_intent", Value::Null),
            ("legs", Value::Null),
        ] {
            row[name] = value;
        }
        row
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Working => "new",
        Status::Filled => "filled",
        Status::Canceled => "canceled",
        Status::Replaced => "replaced",
        Status::Expired => "expired",
    }
}
