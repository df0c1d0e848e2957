//! What the broker does beside orders: exercise of options that are held, and the account's settings.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Given};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::rules::{asset_class, invalid, unprocessable};
use super::{Desk, refuse, text};
use crate::emulators::exchange::{Status, now_ms};

/// The account's settings as they are usually.
pub fn usual() -> Value {
    json!({
        "fractional_trading": true, "max_margin_multiplier": "2", "max_options_trading_level": null, "no_shorting": false,
        "suspend_trade": false, "trade_confirm_email": "all", "ptp_no_exception_entry": false, "disable_overnight_trading": false,
    })
}

pub async fn configurations(Given(desk): Given<Desk>) -> Response {
    let mut settings = desk.state().settings.clone();
    if desk.state().account.get("trade_suspended_by_user") == Some(&Value::Bool(true)) {
        settings["suspend_trade"] = true.into();
    }
    Json(settings).into_response()
}

/// Is this what a setting may be. One that the account has not is nothing at most, as the official client writes those.
fn fits(settings: &Value, name: &str, value: &Value) -> bool {
    let word = |words: &[&str]| value.as_str().is_some_and(|value| words.contains(&value));
    match name {
        _ if settings.get(name).is_none() => value.is_null(),
        "max_margin_multiplier" => word(&["1", "2", "4"]),
        "trade_confirm_email" => word(&["all", "none"]),
        "pdt_check" | "dtbp_check" => word(&["both", "entry", "exit"]),
        "max_options_trading_level" => value.is_null() || value.as_u64().is_some_and(|level| level <= 3),
        _ => value.is_boolean(),
    }
}

pub async fn configure(Given(desk): Given<Desk>, body: Bytes) -> Response {
    let Ok(Value::Object(changes)) = serde_json::from_slice::<Value>(&body) else {
        return refuse(400, 40_010_000, "request body format is invalid");
    };
    let mut state = desk.state();
    if let Some((name, _)) = changes.iter().find(|(name, value)| !fits(&state.settings, name, value)) {
        return invalid(&format!("invalid value for {name}"));
    }
    for (name, value) in changes {
        if state.settings.get(&name).is_none() {
            continue;
        }
        match name.as_str() {
            "suspend_trade" => {
                state.account.insert("trade_suspended_by_user".to_owned(), value.clone());
            }
            "no_shorting" => {
                state.account.insert("shorting_enabled".to_owned(), (value == false).into());
            }
            "max_margin_multiplier" => {
                state.account.insert("multiplier".to_owned(), value.clone());
            }
            "max_options_trading_level" if !value.is_null() => {
                state.account.insert("options_trading_level".to_owned(), value.clone());
            }
            _ => {}
        }
        state.settings[&name] = value;
    }
    Json(state.settings.clone()).into_response()
}

/// `POST /v2/positions/{symbol}/exercise` and `.../do-not-exercise`.
pub async fn instruct(Given(desk): Given<Desk>, Path(path): Path<String>) -> Response {
    let (symbol, what) = path.rsplit_once('/').unwrap_or((&path, ""));
    let exercises = match what {
        "exercise" => true,
        "do-not-exercise" => false,
        _ => return super::missing().await,
    };
    if asset_class(symbol) != "us_option" {
        return unprocessable("invalid symbol");
    }
    let none = || refuse(403, 40_310_000, "no available position for the specified contract");
    let held = desk.exchange().positions().into_iter().find(|(held, ..)| held == symbol);
    let Some((_, units, _)) = held.filter(|(_, units, _)| !units.is_zero()) else { return none() };
    if units.is_sign_negative() {
        let wish =
            if exercises { "cannot exercise short position" } else { "cannot submit DNE for short position" };
        return refuse(403, 40_310_001, wish);
    }
    let free = desk.free(symbol, units);
    if free <= Decimal::ZERO {
        return none();
    }
    if !exercises {
        let today = jiff::Timestamp::from_millisecond(now_ms()).unwrap();
        let today = today.to_zoned_datetime(TimeZone::get("America/New_York").unwrap()).date();
        let tail = &symbol[symbol.len() - 15..];
        if tail[..6] != today.strftime("%y%m%d").to_string() {
            return unprocessable("do-not-exercise is taken on the contract's expiration day only");
        }
        desk.state().not_exercised.push(symbol.to_owned());
        return StatusCode::OK.into_response();
    }
    if desk.state().after_close {
        return refuse(
            403,
            40_310_000,
            "exercise requests are not accepted from market close until midnight",
        );
    }
    desk.exercise(symbol, free);
    StatusCode::OK.into_response()
}

impl Desk {
    /// Units of a long position that no working order would sell.
    pub fn free(&self, symbol: &str, units: Decimal) -> Decimal {
        let sells = self.exchange().orders().into_iter();
        let sells = sells.filter(|o| o.status == Status::Working && o.new.symbol == symbol && !o.new.buy);
        units - sells.map(|order| order.leaves()).sum::<Decimal>()
    }

    /// Contracts go, what they deliver comes and is paid for; two rows of the activities tell it.
    fn exercise(&self, symbol: &str, contracts: Decimal) {
        let (root, tail) = symbol.split_at(symbol.len() - 15);
        let call = &tail[6..7] == "C";
        let strike = Decimal::new(tail[7..].parse().unwrap(), 3);
        let shares =
            contracts * Decimal::ONE_HUNDRED * if call { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        let held = |of: &str| self.exchange().positions().into_iter().find(|(held, ..)| held == of);
        let left = held(symbol).map_or((Decimal::ZERO, Decimal::ZERO), |(_, units, price)| (units, price));
        self.exchange().hold(symbol, left.0 - contracts, left.1);
        let before = held(root).map_or(Decimal::ZERO, |(_, units, _)| units);
        self.exchange().hold(root, before + shares, strike);
        self.exchange().pay(-shares * strike);
        self.book(
            "OPEXC",
            json!({ "symbol": symbol, "qty": text(-contracts), "description": "Option Exercise" }),
        );
        let paid = json!({
            "symbol": root, "qty": text(shares), "price": text(strike), "net_amount": text(-shares * strike),
            "description": "Option Trade",
        });
        self.book("OPTRD", paid);
    }
}
