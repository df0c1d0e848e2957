//! What the broker shows besides orders: the account, positions, assets, contracts, the clock.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State as Given};
use axum::response::{IntoResponse, Response};
use jiff::ToSpan;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Desk, refuse, rules, text};
use crate::emulators::exchange::now_ms;

type Asked = Query<BTreeMap<String, String>>;

pub async fn account(Given(desk): Given<Desk>) -> Response {
    let exchange = desk.exchange();
    let (cash, equity) = (exchange.cash(), exchange.equity());
    let long = equity - cash;
    let mut row = json!({
        "id": "3e1c7a6a-5b1f-4c7e-9f4d-0f2c6a111111", "account_number": "PA3TEST00001", "status": "ACTIVE",
        "crypto_status": "ACTIVE", "options_approved_level": 3, "options_trading_level": 3, "currency": "USD",
        "cash": text(cash), "equity": text(equity), "last_equity": "100000", "portfolio_value": text(equity),
        "buying_power": text(cash * Decimal::TWO), "regt_buying_power": text(cash * Decimal::TWO),
        "non_marginable_buying_power": text(cash), "options_buying_power": text(cash), "multiplier": "2",
        "long_market_value": text(long), "short_market_value": "0", "position_market_value": text(long),
        "initial_margin": text(long / Decimal::TWO), "maintenance_margin": text(long * Decimal::new(3, 1)),
        "last_maintenance_margin": "0", "sma": "0", "accrued_fees": "0", "trading_blocked": false,
        "transfers_blocked": false, "account_blocked": false, "trade_suspended_by_user": false, "shorting_enabled": true,
        "created_at": "2026-01-02T03:04:05.678901Z",
    });
    for (name, value) in &desk.state().account {
        row[name] = value.clone();
    }
    Json(row).into_response()
}

fn held(desk: &Desk) -> Vec<Value> {
    let is_one = |symbol: &str, units: &Decimal| !symbol.starts_with("mleg") && !units.is_zero();
    let rows = desk.exchange().positions().into_iter().filter(|(symbol, units, _)| is_one(symbol, units));
    rows.map(|(symbol, units, price)| {
        let top = desk.exchange().top_of(&symbol);
        let now = top.map_or(price, |top| (top.bid + top.ask) / Decimal::TWO);
        let class = rules::asset_class(&symbol);
        let each = if class == "us_option" { Decimal::ONE_HUNDRED } else { Decimal::ONE };
        let (value, cost) = (units * now * each, units * price * each);
        let available = if units.is_sign_negative() { units } else { desk.free(&symbol, units) };
        json!({
            "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415", "symbol": symbol.replace('/', ""),
            "exchange": if class == "us_equity" { "NASDAQ" } else { "" }, "asset_class": class, "asset_marginable": true,
            "qty": text(units), "qty_available": text(available), "avg_entry_price": text(price.round_dp(9)),
            "side": if units.is_sign_negative() { "short" } else { "long" }, "market_value": text(value),
            "cost_basis": text(cost), "unrealized_pl": text((value - cost).round_dp(9)), "unrealized_plpc": "0",
            "unrealized_intraday_pl": text((value - cost).round_dp(9)), "unrealized_intraday_plpc": "0",
            "current_price": text(now), "lastday_price": "100", "change_today": "0",
        })
    })
    .collect()
}

pub async fn positions(Given(desk): Given<Desk>) -> Response {
    Json(held(&desk)).into_response()
}

pub async fn position(Given(desk): Given<Desk>, Path(symbol): Path<String>) -> Response {
    let symbol = symbol.replace('/', "");
    let found = held(&desk).into_iter().find(|row| row["symbol"] == symbol.as_str());
    found.map_or_else(|| refuse(404, 40_410_000, "position does not exist"), |row| Json(row).into_response())
}

/// Every asset.
fn all_assets() -> Vec<Value> {
    let share = |symbol: &str, name: &str, exchange: &str, easy: bool, parts: bool| {
        json!({
            "id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415", "class": "us_equity", "exchange": exchange, "symbol": symbol,
            "name": name, "status": "active", "tradable": true, "marginable": true, "shortable": easy || symbol == "HTB",
            "easy_to_borrow": easy, "borrow_status": if easy { "easy_to_borrow" } else { "hard_to_borrow" },
            "fractionable": parts, "margin_requirement_long": "30", "margin_requirement_short": "30",
            "maintenance_margin_requirement": 30, "attributes": ["has_options"],
        })
    };
    let coin = |symbol: &str, name: &str| {
        json!({
            "id": "276e2673-764b-4ab6-a611-caf665ca6340", "class": "crypto", "exchange": "CRYPTO", "symbol": symbol, "name": name,
            "status": "active", "tradable": true, "marginable": false, "shortable": false, "easy_to_borrow": false,
            "fractionable": true, "min_order_size": "0.0001", "min_trade_increment": "0.0001", "price_increment": "0.01",
            "attributes": [],
        })
    };
    vec![
        share("AAPL", "Apple Inc. Common Stock", "NASDAQ", true, true),
        share("MSFT", "Microsoft Corporation Common Stock", "NASDAQ", true, true),
        share("SPY", "SPDR S&P 500 ETF Trust", "ARCA", true, true),
        share("F", "Ford Motor Company", "NYSE", true, true),
        share("BRK.B", "Berkshire Hathaway Inc. Class B", "NYSE", true, true),
        share("HTB", "Hard To Borrow Corporation", "NYSE", false, true),
        share("WHOLE", "Whole Shares Only Inc.", "NYSE", true, false),
        coin("BTC/USD", "Bitcoin / US Dollar"),
        coin("ETH/USD", "Ethereum / US Dollar"),
    ]
}

pub fn find_asset(symbol: &str) -> Option<Value> {
    let bare = symbol.replace('/', "");
    all_assets().into_iter().find(|asset| asset["symbol"].as_str().unwrap().replace('/', "") == bare)
}

pub async fn assets(Query(query): Asked) -> Response {
    let mut rows = all_assets();
    rows.retain(|row| {
        query.get("asset_class").is_none_or(|class| row["class"] == class.as_str())
            && query.get("exchange").is_none_or(|exchange| row["exchange"] == exchange.as_str())
            && query.get("status").is_none_or(|status| row["status"] == status.as_str())
    });
    Json(rows).into_response()
}

pub async fn asset(Path(symbol): Path<String>) -> Response {
    match find_asset(&symbol) {
        Some(row) => Json(row).into_response(),
        None => refuse(404, 40_410_000, &format!("asset not found for {symbol}")),
    }
}

pub async fn clock() -> Response {
    let now = jiff::Timestamp::from_millisecond(now_ms()).unwrap();
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let at = |hours: i64| {
        let zoned = (now + jiff::SignedDuration::from_hours(hours)).to_zoned_datetime(zone.clone());
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    Json(json!({ "timestamp": at(0), "is_open": true, "next_open": at(20), "next_close": at(4) }))
        .into_response()
}

/// The days on which the exchange opens, by its rules.
pub async fn calendar(Given(desk): Given<Desk>, Query(asked): Asked) -> Response {
    let day = |name: &str| asked.get(name).and_then(|day| day.parse::<jiff::civil::Date>().ok());
    let (Some(start), Some(end)) = (day("start"), day("end")) else {
        return refuse(422, 40_010_001, "start and end are required here");
    };
    let mut rules = arbion::domain::calendar::Calendar::nyse();
    desk.state().closed.iter().for_each(|day| rules.close_on(*day));
    let days = start.series(1.day()).take_while(|day| *day <= end).filter_map(|day| rules.session(day));
    let row = |session: arbion::domain::calendar::Session| {
        json!({
            "date": session.date, "open": "09:30", "close": if session.early { "13:00" } else { "16:00" },
            "session_open": "0400", "session_close": "2000", "settlement_date": rules.settlement_date(session.date),
        })
    };
    Json(days.map(row).collect::<Vec<_>>()).into_response()
}

/// Contracts of an underlying: two expiries, five strikes, both rights.
pub fn listed(underlying: &str) -> Vec<String> {
    let today = jiff::Timestamp::from_millisecond(now_ms())
        .unwrap()
        .to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .date();
    let mut contracts = Vec::new();
    for days in [7, 35] {
        let expiry = today + days.days();
        for strike in (90..=110).step_by(5) {
            for right in ['C', 'P'] {
                let day = expiry.strftime("%y%m%d");
                contracts.push(format!("{underlying}{day}{right}{:08}", strike * 1_000));
            }
        }
    }
    contracts
}

fn contract_row(symbol: &str) -> Value {
    let (root, tail) = symbol.split_at(symbol.len() - 15);
    let expiry = format!("20{}-{}-{}", &tail[0..2], &tail[2..4], &tail[4..6]);
    let strike: u32 = tail[7..].parse().unwrap();
    json!({
        "id": "6e58f870-fe73-4583-81e4-b9a37892c36f", "symbol": symbol, "name": symbol, "status": "active", "tradable": true,
        "expiration_date": expiry, "root_symbol": root, "underlying_symbol": root,
        "underlying_asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415", "type": if &tail[6..7] == "C" { "call" } else { "put" },
        "style": "american", "strike_price": (strike / 1_000).to_string(), "multiplier": "100", "size": "100",
        "open_interest": "237", "open_interest_date": "2026-07-01", "close_price": "2.05", "ppind": true,
    })
}

pub async fn contracts(Query(query): Asked) -> Response {
    let underlying = query.get("underlying_symbols").map(String::as_str).unwrap_or_default();
    let known = if underlying == "AAPL" { listed(underlying) } else { Vec::new() };
    let mut rows: Vec<Value> = known.iter().map(|symbol| contract_row(symbol)).collect();
    rows.retain(|row| {
        let day = row["expiration_date"].as_str().unwrap();
        query.get("expiration_date").is_none_or(|wanted| day == wanted)
            && query.get("expiration_date_gte").is_none_or(|from| day >= from.as_str())
            && query.get("expiration_date_lte").is_none_or(|to| day <= to.as_str())
            && query.get("type").is_none_or(|right| row["type"] == right.as_str())
    });
    let limit: usize = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(100);
    let from: usize = query.get("page_token").and_then(|text| text.parse().ok()).unwrap_or(0);
    let next = (from + limit < rows.len()).then(|| (from + limit).to_string());
    let page: Vec<Value> = rows.into_iter().skip(from).take(limit).collect();
    Json(json!({ "option_contracts": page, "next_page_token": next })).into_response()
}

pub async fn contract(Path(symbol): Path<String>) -> Response {
    if listed("AAPL").contains(&symbol) {
        return Json(contract_row(&symbol)).into_response();
    }
    refuse(404, 40_410_000, &format!("option contract not found for {symbol}"))
}
