//! How the venue shows orders, fills, positions and prices.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{COINS, Desk};
use crate::emulators::exchange::{Fill, Order, Status, Top};

/// The venue's id of an order is this and its number.
pub const OID_BASE: u64 = 77_738_000;
const TID_BASE: u64 = 118_906_512_037_000;

/// A number without zeros at its end.
pub fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

/// A number as answers have it: with a point.
pub fn pointed(value: Decimal) -> String {
    let text = text(value);
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// The number of an order by the venue's id.
pub fn number_of(oid: &Value) -> Option<u64> {
    oid.as_u64()?.checked_sub(OID_BASE)
}

pub fn side(buy: bool) -> &'static str {
    if buy { "B" } else { "A" }
}

impl Desk {
    /// An order as lists show it.
    pub fn show_order(&self, order: &Order) -> Value {
        let wire = &order.new.wire;
        let trigger = &wire["t"]["trigger"];
        let kind = match (trigger["tpsl"].as_str(), trigger["isMarket"] == true) {
            (None, _) => "Limit",
            (Some("sl"), true) => "Stop Market",
            (Some("sl"), false) => "Stop Limit",
            (_, true) => "Take Profit Market",
            (_, false) => "Take Profit Limit",
        };
        let price = |value: &Value| {
            value.as_str().and_then(|text| text.parse().ok()).map_or("0.0".to_owned(), pointed)
        };
        let exits = self.state().waiting.get(&order.number).cloned().unwrap_or_default();
        let children: Vec<Value> = exits
            .iter()
            .map(|exit| {
                let trigger = &exit["t"]["trigger"];
                let kind = if trigger["tpsl"] == "tp" { "Take Profit Limit" } else { "Stop Market" };
                json!({"coin": order.new.symbol, "side": side(exit["b"] == true), "limitPx": exit["p"], "sz": exit["s"],
                    "timestamp": order.entered_ms, "isTrigger": true, "triggerPx": trigger["triggerPx"], "reduceOnly": true,
                    "orderType": kind, "origSz": exit["s"], "tif": null, "cloid": exit["c"], "children": []})
            })
            .collect();
        // An exit of the whole position says no size until it is triggered.
        let whole = wire["whole"] == true;
        let size = |size: Decimal| pointed(if whole && !order.triggered { Decimal::ZERO } else { size });
        json!({
            "coin": order.new.symbol, "side": side(order.new.buy), "limitPx": price(&wire["p"]), "sz": size(order.leaves()),
            "oid": OID_BASE + order.number, "timestamp": order.entered_ms,
            "triggerCondition": if trigger.is_null() { "N/A".to_owned() } else { format!("Price to {}", price(&trigger["triggerPx"])) },
            "isTrigger": !trigger.is_null(), "triggerPx": price(&trigger["triggerPx"]), "children": children, "isPositionTpsl": whole,
            "reduceOnly": wire["r"] == true, "orderType": kind, "origSz": size(order.new.quantity),
            "tif": wire["t"]["limit"]["tif"], "cloid": order.new.client_id,
        })
    }

    /// The word for where an order stands.
    pub fn word(&self, order: &Order) -> &'static str {
        match order.status {
            Status::Working if order.triggered => "triggered",
            Status::Working => "open",
            Status::Filled => "filled",
            _ => self.state().words.get(&order.number).copied().unwrap_or("canceled"),
        }
    }

    pub fn show_with_status(&self, order: &Order) -> Value {
        json!({"order": self.show_order(order), "status": self.word(order), "statusTimestamp": order.changed_ms})
    }

    /// An order as the stream shows it: shorter.
    pub fn show_update(&self, order: &Order) -> Value {
        let mut row = self.show_with_status(order);
        let shown = row["order"].as_object_mut().unwrap();
        let cloid = shown.get("cloid").cloned().filter(|cloid| !cloid.is_null());
        shown.retain(|name, _| {
            ["coin", "side", "limitPx", "sz", "oid", "timestamp", "origSz"].contains(&name.as_str())
        });
        if let Some(cloid) = cloid {
            shown.insert("cloid".to_owned(), cloid);
        }
        json!([row])
    }

    pub fn show_fill(&self, fill: &Fill) -> Value {
        let order = self.exchange().order(fill.order).unwrap();
        let is_spot = COINS.iter().any(|(coin, _, _, spot)| *coin == fill.symbol && *spot);
        let value = fill.price * fill.quantity;
        let (fee, token) = match (is_spot, fill.buy) {
            (true, true) => (fill.quantity * Decimal::new(7, 4), "PURR"),
            (true, false) => (value * Decimal::new(7, 4), "USDC"),
            (false, _) => (value * Decimal::new(45, 5), "USDC"),
        };
        let dir = match (is_spot, fill.buy) {
            (true, true) => "Buy",
            (true, false) => "Sell",
            (false, true) => "Open Long",
            (false, false) => "Open Short",
        };
        let mut row = json!({
            "coin": fill.symbol, "px": pointed(fill.price), "sz": pointed(fill.quantity), "side": side(fill.buy), "time": fill.at_ms,
            "startPosition": "0.0", "dir": dir, "closedPnl": "0.0", "hash": format!("0x{:064x}", fill.number),
            "oid": OID_BASE + fill.order, "crossed": true, "fee": pointed(fee), "tid": TID_BASE + fill.number, "feeToken": token,
            "twapId": null,
        });
        if let Some(cloid) = &order.new.client_id {
            row["cloid"] = json!(cloid);
        }
        row
    }

    pub fn show_clearinghouse(&self, dex: &str) -> Value {
        let of_dex = |coin: &str| match coin.split_once(':') {
            Some((name, _)) => name == dex,
            None => dex.is_empty(),
        };
        let is_spot = |coin: &str| COINS.iter().any(|(name, _, _, spot)| *name == coin && *spot);
        let held = self.exchange().positions();
        let rows: Vec<Value> = held
            .iter()
            .filter(|(coin, ..)| of_dex(coin) && !is_spot(coin))
            .map(|(coin, units, average)| {
                let top = self.exchange().top_of(coin).unwrap();
                let mark = (top.bid + top.ask) / Decimal::TWO;
                json!({"type": "oneWay", "position": {
                    "coin": coin, "szi": pointed(*units), "leverage": {"type": "cross", "value": 20}, "entryPx": pointed(*average),
                    "positionValue": pointed((units * mark).abs()), "unrealizedPnl": pointed(units * (mark - average)),
                    "returnOnEquity": "0.0", "liquidationPx": null, "marginUsed": pointed((units * mark).abs() / Decimal::from(20)),
                    "maxLeverage": 25, "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"}}})
            })
            .collect();
        let value = if dex.is_empty() { self.exchange().equity() } else { Decimal::ZERO };
        let summary = json!({"accountValue": pointed(value), "totalNtlPos": "0.0", "totalRawUsd": pointed(value), "totalMarginUsed": "0.0"});
        json!({
            "assetPositions": rows, "marginSummary": summary, "crossMarginSummary": summary,
            "crossMaintenanceMarginUsed": "0.0", "withdrawable": pointed(value), "time": self.now(),
        })
    }

    pub fn show_spot(&self) -> Value {
        let held = self.exchange().positions().into_iter().find(|(coin, ..)| coin == "PURR/USDC");
        let mut balances =
            vec![json!({"coin": "USDC", "token": 0, "total": "14.625485", "hold": "0.0", "entryNtl": "0.0"})];
        if let Some((_, units, average)) = held {
            balances.push(json!({"coin": "PURR", "token": 1, "total": pointed(units), "hold": "0.0", "entryNtl": pointed(units * average)}));
        }
        json!({ "balances": balances })
    }
}

fn level(price: Decimal, size: Decimal) -> Value {
    json!({"px": pointed(price), "sz": pointed(size), "n": 1})
}

pub fn book(coin: &str, top: &Top, time: i64) -> Value {
    let levels = [[level(top.bid, top.bid_size)], [level(top.ask, top.ask_size)]];
    json!({"coin": coin, "time": time, "levels": levels})
}

pub fn bbo(coin: &str, top: &Top, time: i64) -> Value {
    json!({"coin": coin, "time": time, "bbo": [level(top.bid, top.bid_size), level(top.ask, top.ask_size)]})
}

pub fn middle(top: &Top) -> String {
    pointed((top.bid + top.ask) / Decimal::TWO)
}

/// The day's figures of a coin.
pub fn context(coin: &str, top: &Top) -> Value {
    let mid = middle(top);
    if COINS.iter().any(|(name, _, _, spot)| *name == coin && *spot) {
        return json!({"coin": coin, "prevDayPx": "0.12", "dayNtlVlm": "1000.0", "dayBaseVlm": "8100.0", "markPx": mid, "midPx": mid,
            "circulatingSupply": "596000000.0", "totalSupply": "596000000.0"});
    }
    json!({"funding": "0.0000125", "openInterest": "12345.6", "prevDayPx": pointed(top.bid - Decimal::ONE), "dayNtlVlm": "1000000.0",
        "dayBaseVlm": "16.6", "premium": "0.0003", "oraclePx": mid, "markPx": mid, "midPx": mid, "impactPxs": [mid, mid]})
}
