//! What the broker refuses, in its words, and what an order that it takes is.

use axum::response::Response;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Desk, PackageLeg, number, refuse, refuse_with, shows};
use crate::emulators::exchange::Terms;

/// An order that passed.
pub struct Taken {
    pub symbol: String,
    pub buy: bool,
    pub quantity: Decimal,
    pub terms: Terms,
    pub immediate: bool,
    /// What is remembered of it.
    pub wire: Value,
    pub take_profit: Option<Decimal>,
    pub stop_loss: Option<Decimal>,
    pub legs: Vec<PackageLeg>,
}

pub fn invalid(message: &str) -> Response {
    refuse(422, 40_010_001, message)
}

pub fn unprocessable(message: &str) -> Response {
    refuse(422, 42_210_000, message)
}

fn is_option(symbol: &str) -> bool {
    symbol.len() > 15 && symbol[symbol.len() - 8..].bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads and checks the body of an order.
pub fn check(desk: &Desk, body: &Value) -> Result<Taken, Box<Response>> {
    let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (order_type, tif, class) = (word("type"), word("time_in_force"), word("order_class"));
    let value = |name: &str| number(&body[name]);
    if word("client_order_id").len() > 128 {
        return Err(invalid("client_order_id must be no more than 128 characters").into());
    }
    if !["market", "limit", "stop", "stop_limit", "trailing_stop"].contains(&order_type.as_str()) {
        return Err(invalid("invalid order type").into());
    }
    if !["day", "gtc", "ioc", "fok", "opg", "cls"].contains(&tif.as_str()) {
        return Err(invalid("invalid time_in_force").into());
    }
    let (limit, stop) = (value("limit_price"), value("stop_price"));
    prices(&order_type, &class, limit, stop)?;
    let trail = trail(body, &order_type)?;
    let quantity = quantity(desk, body)?;
    let legs = if class == "mleg" { legs(desk, body, &tif, &order_type)? } else { Vec::new() };
    let (symbol, buy) = if class == "mleg" {
        (String::new(), true)
    } else {
        if !["buy", "sell"].contains(&word("side").as_str()) {
            return Err(invalid("invalid side").into());
        }
        (word("symbol"), word("side") == "buy")
    };
    if class != "mleg" {
        kinds(desk, body, &symbol, quantity, (&order_type, &tif, &class))?;
    }
    let take_profit = number(&body["take_profit"]["limit_price"]);
    let stop_loss = number(&body["stop_loss"]["stop_price"]);
    if let (Some(profit), Some(loss)) = (take_profit, stop_loss)
        && (profit > loss) != (buy == (class != "oco"))
    {
        return Err(unprocessable("take_profit.limit_price must be > stop_loss.stop_price").into());
    }
    let terms = match (order_type.as_str(), limit.or(take_profit), stop) {
        ("limit", Some(limit), _) => Terms::Limit(limit),
        ("stop", _, Some(stop)) => Terms::Stop(stop),
        ("stop_limit", Some(limit), Some(stop)) => Terms::StopLimit { stop, limit },
        ("trailing_stop", ..) => Terms::Trailing(trail.unwrap_or_default()),
        _ => Terms::Market,
    };
    let wire = json!({
        "class": class, "type": order_type, "tif": tif, "extended": body["extended_hours"] == true,
        "trail_price": number(&body["trail_price"]).map(super::text),
        "trail_percent": number(&body["trail_percent"]).map(super::text),
        "notional": number(&body["notional"]).map(super::text),
        "intent": body["position_intent"], "asset_class": asset_class(&symbol),
    });
    let immediate = tif == "ioc" || tif == "fok";
    Ok(Taken { symbol, buy, quantity, terms, immediate, wire, take_profit, stop_loss, legs })
}

pub fn asset_class(symbol: &str) -> &'static str {
    match symbol {
        "" => "",
        crypto if crypto.contains('/') => "crypto",
        option if is_option(option) => "us_option",
        _ => "us_equity",
    }
}

fn prices(
    order_type: &str,
    class: &str,
    limit: Option<Decimal>,
    stop: Option<Decimal>,
) -> Result<(), Box<Response>> {
    let needs_limit = matches!(order_type, "limit" | "stop_limit") && class != "oco";
    if needs_limit && limit.is_none() {
        return Err(invalid("limit orders require a limit price").into());
    }
    if matches!(order_type, "stop" | "stop_limit") && stop.is_none() {
        return Err(invalid("stop orders require a stop price").into());
    }
    if order_type == "market" && (limit.is_some() || stop.is_some()) {
        return Err(invalid("market orders require no stop or limit price").into());
    }
    if class != "mleg" && limit.is_some_and(|limit| limit <= Decimal::ZERO) {
        return Err(invalid("limit price must be > 0").into());
    }
    Ok(())
}

fn trail(body: &Value, order_type: &str) -> Result<Option<Decimal>, Box<Response>> {
    let (price, percent) = (number(&body["trail_price"]), number(&body["trail_percent"]));
    if order_type == "trailing_stop" && price.is_some() == percent.is_some() {
        let text = "trailing stop orders must specify one of trail_price or trail_percent";
        return Err(invalid(text).into());
    }
    Ok(price.or(percent))
}

fn quantity(desk: &Desk, body: &Value) -> Result<Decimal, Box<Response>> {
    let quantity = match (number(&body["qty"]), number(&body["notional"])) {
        (None, None) => return Err(invalid("qty or notional is required").into()),
        (Some(_), Some(_)) => return Err(invalid("only one of qty or notional is accepted").into()),
        (Some(quantity), None) => quantity,
        (None, Some(money)) => {
            let top = desk.exchange().top_of(body["symbol"].as_str().unwrap_or_default());
            (money / top.map_or(Decimal::ONE_HUNDRED, |top| top.ask)).round_dp(9)
        }
    };
    if quantity <= Decimal::ZERO {
        return Err(invalid("qty must be > 0").into());
    }
    Ok(quantity)
}

/// What depends on the kind of instrument.
fn kinds(
    desk: &Desk,
    body: &Value,
    symbol: &str,
    quantity: Decimal,
    (order_type, tif, class): (&str, &str, &str),
) -> Result<(), Box<Response>> {
    let extended = body["extended_hours"] == true;
    let fraction = !quantity.fract().is_zero() || !body["notional"].is_null();
    let buy = body["side"] == "buy";
    match asset_class(symbol) {
        "crypto" => {
            if !["gtc", "ioc"].contains(&tif) {
                return Err(unprocessable("invalid crypto time_in_force").into());
            }
            if !["market", "limit", "stop_limit"].contains(&order_type) {
                return Err(unprocessable("invalid order type for crypto order").into());
            }
        }
        "us_option" => {
            if tif != "day" {
                let text = "order_time_in_force provided not supported for options trading";
                return Err(unprocessable(text).into());
            }
            if fraction {
                return Err(unprocessable("qty must be integer for options orders").into());
            }
            if !class.is_empty() && class != "simple" {
                return Err(unprocessable("complex orders not supported for options trading").into());
            }
            if extended {
                return Err(unprocessable("extended hours is not supported for options trading").into());
            }
        }
        _ => {
            let Some(asset) = shows::find_asset(symbol) else {
                return Err(unprocessable(&format!("asset \"{symbol}\" not found")).into());
            };
            if fraction && asset["fractionable"] == false {
                return Err(
                    refuse(403, 40_310_000, &format!("asset \"{symbol}\" is not fractionable")).into()
                );
            }
            if fraction && tif != "day" {
                return Err(unprocessable("fractional orders must be DAY orders").into());
            }
            if fraction && !class.is_empty() {
                return Err(unprocessable("fractional orders must be simple orders").into());
            }
            if extended && (order_type != "limit" || !["day", "gtc"].contains(&tif)) {
                return Err(unprocessable("extended hours order must be DAY or GTC limit orders").into());
            }
            increments(body)?;
        }
    }
    held(desk, symbol, buy, quantity, class)
}

fn increments(body: &Value) -> Result<(), Box<Response>> {
    for name in ["limit_price", "stop_price"] {
        let Some(price) = number(&body[name]) else { continue };
        let scale = if price >= Decimal::ONE { 2 } else { 4 };
        if price.normalize().scale() > scale {
            let text = format!(
                "invalid {name} {price}. sub-penny increment does not fulfill minimum pricing criteria"
            );
            return Err(unprocessable(&text).into());
        }
    }
    Ok(())
}

/// A sale of what is not there is short, or refused.
fn held(desk: &Desk, symbol: &str, buy: bool, quantity: Decimal, class: &str) -> Result<(), Box<Response>> {
    if buy || class == "oco" {
        return Ok(());
    }
    let held =
        desk.exchange().positions().into_iter().find(|(of, ..)| of == symbol).map(|(_, units, _)| units);
    let held = held.unwrap_or_default();
    let asset = shows::find_asset(symbol);
    let shortable = asset.as_ref().is_some_and(|asset| asset["shortable"] == true);
    let fraction = !quantity.fract().is_zero();
    match () {
        () if held >= quantity => Ok(()),
        () if held > Decimal::ZERO || symbol.contains('/') => {
            let extras = json!({
                "symbol": symbol, "available": held.to_string(), "existing_qty": held.to_string(), "held_for_orders": "0",
            });
            let text =
                format!("insufficient qty available for order (requested: {quantity}, available: {held})");
            Err(refuse_with(403, 40_310_000, &text, extras).into())
        }
        () if fraction => Err(unprocessable("fractional orders cannot be sold short").into()),
        () if asset.is_some() && desk.state().settings["no_shorting"] == true => {
            Err(refuse(403, 40_310_000, "account is not allowed to short").into())
        }
        () if asset.is_some() && !shortable => {
            Err(unprocessable(&format!("asset \"{symbol}\" cannot be sold short")).into())
        }
        () => Ok(()),
    }
}

fn legs(desk: &Desk, body: &Value, tif: &str, order_type: &str) -> Result<Vec<PackageLeg>, Box<Response>> {
    let rows = body["legs"].as_array().cloned().unwrap_or_default();
    if !(2..=4).contains(&rows.len()) {
        return Err(unprocessable("mleg orders must have at least 2 legs and at most 4 legs").into());
    }
    if tif != "day" {
        return Err(unprocessable("order_time_in_force provided not supported for options trading").into());
    }
    if !["market", "limit"].contains(&order_type) {
        return Err(unprocessable("invalid order type for mleg order").into());
    }
    let mut legs = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let symbol = row["symbol"].as_str().unwrap_or_default().to_owned();
        let intent = row["position_intent"].as_str().unwrap_or_default().to_owned();
        if intent.is_empty() {
            return Err(unprocessable(&format!("leg.{at} position intent is required")).into());
        }
        if desk.exchange().top_of(&symbol).is_none() {
            return Err(unprocessable(&format!("contract \"{symbol}\" not found")).into());
        }
        let buy = match row["side"].as_str() {
            Some(side) => side == "buy",
            None => intent.starts_with("buy"),
        };
        legs.push(PackageLeg { symbol, buy, ratio: number(&row["ratio_qty"]).unwrap_or_default(), intent });
    }
    let root = |symbol: &str| {
        if is_option(symbol) { symbol[..symbol.len() - 15].to_owned() } else { symbol.to_owned() }
    };
    if let Some(other) = legs.iter().find(|leg| root(&leg.symbol) != root(&legs[0].symbol)) {
        let text = format!("underlying asset mismatch: {} != {}", root(&legs[0].symbol), root(&other.symbol));
        return Err(unprocessable(&text).into());
    }
    Ok(legs)
}
