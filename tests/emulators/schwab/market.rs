//! Prices, as Schwab gives them.

use std::collections::HashMap;

use arbion::domain::calendar::Calendar;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::exchange::now_ms;
use super::{Answer, Books, message, number, said};

fn quote_of(books: &Books, symbol: &str) -> Option<Value> {
    let top = books.exchange.top_of(symbol)?;
    let kind = if symbol.len() > 15 {
        "OPTION"
    } else if symbol.starts_with('$') {
        "INDEX"
    } else {
        "EQUITY"
    };
    Some(
        json!({"assetMainType": kind, "assetSubType": "COE", "quoteType": "NBBO", "realtime": true, "ssid": 1, "symbol": symbol,
        "quote": {"bidPrice": number(top.bid), "bidSize": number(top.bid_size), "askPrice": number(top.ask), "askSize": number(top.ask_size),
            "lastPrice": number((top.bid + top.ask) / Decimal::TWO), "lastSize": 1, "openPrice": 99.0, "highPrice": 101.0, "lowPrice": 98.0,
            "closePrice": 99.5, "totalVolume": 123_456, "quoteTime": now_ms(), "tradeTime": now_ms(), "securityStatus": "Normal"},
        "regular": {"regularMarketLastPrice": 100.0},
        "reference": {"description": "TEST INC", "exchange": "Q", "isShortable": true, "isHardToBorrow": false, "isPennyPilot": true, "multiplier": 100.0}}),
    )
}

pub async fn quotes(State(books): State<Books>, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let symbols = query.get("symbols").cloned().unwrap_or_default();
    let (mut found, mut unknown) = (serde_json::Map::new(), Vec::new());
    for symbol in symbols.split(',').filter(|symbol| !symbol.is_empty()) {
        match quote_of(&books, symbol) {
            Some(quote) => {
                found.insert(symbol.to_owned(), quote);
            }
            None => unknown.push(symbol),
        }
    }
    if !unknown.is_empty() {
        found.insert("errors".to_owned(), json!({ "invalidSymbols": unknown }));
    }
    Json(Value::Object(found))
}

pub async fn one_quote(State(books): State<Books>, Path(symbol): Path<String>) -> Answer {
    let quote = quote_of(&books, &symbol).ok_or_else(|| message(404, "Symbol not found"))?;
    Ok(Json(json!({ symbol: quote })).into_response())
}

pub async fn history(Query(query): Query<HashMap<String, String>>) -> Answer {
    let get = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let good = match (get("periodType"), get("frequencyType")) {
        ("day", "minute") => ["1", "5", "10", "15", "30"].contains(&get("frequency")),
        ("month" | "ytd", "daily" | "weekly") | ("year", "daily" | "weekly" | "monthly") => {
            get("frequency") == "1"
        }
        _ => false,
    };
    if !good {
        let detail =
            json!({"id": "u", "status": "400", "title": "Bad Request", "source": {"parameter": "frequency"}});
        return Err(said(400, json!({ "errors": [detail] })));
    }
    let minutes: i64 = match get("frequencyType") {
        "minute" => get("frequency").parse().unwrap(),
        "daily" => 1_440,
        "weekly" => 10_080,
        _ => 43_200,
    };
    let (start, end) = (
        get("startDate").parse::<i64>().unwrap_or(0),
        get("endDate").parse::<i64>().unwrap_or_else(|_| now_ms()),
    );
    let step = minutes * 60_000;
    let first = (end / step * step - 200 * step).max(start);
    let candles = (0..).map(|n| (first / step + n) * step).take_while(|at| *at < end).map(|at| {
        json!({"open": 100.0, "high": 101.5, "low": 99.25, "close": 100.75, "volume": 1000, "datetime": at})
    });
    Ok(Json(json!({"symbol": get("symbol"), "empty": false, "candles": candles.collect::<Vec<_>>()}))
        .into_response())
}

pub async fn chains(State(books): State<Books>, Query(query): Query<HashMap<String, String>>) -> Answer {
    let symbol = query.get("symbol").cloned().unwrap_or_default();
    if symbol == "$SPX" && !query.contains_key("fromDate") && !query.contains_key("strikeCount") {
        let fault = json!({"fault": {"faultstring": "Body buffer overflow", "detail": {"errorcode": "protocol.http.TooBigBody"}}});
        return Err(said(502, fault));
    }
    let day = query.get("fromDate").cloned().unwrap_or_else(|| "2027-01-15".to_owned());
    let short = day[2..].replace('-', "");
    let side = |right: &str| {
        let contract = |strike: u32| {
            let name = format!("{:<6}{short}{right}{:08}", symbol.trim_start_matches('$'), strike * 1_000);
            json!([{"putCall": if right == "C" { "CALL" } else { "PUT" }, "symbol": name, "bid": 1.1, "ask": 1.2, "last": 1.15, "mark": 1.15,
                "bidSize": 5, "askSize": 6, "totalVolume": 7, "quoteTimeInLong": now_ms(), "volatility": 25.5, "delta": 0.5, "gamma": "NaN",
                "theta": -999.0, "vega": 0.1, "openInterest": 321, "strikePrice": strike, "pennyPilot": true, "multiplier": 100.0}])
        };
        json!({ format!("{day}:30"): {"95.0": contract(95), "105.0": contract(105)} })
    };
    let known = books.exchange.top_of(&symbol).is_some() || symbol.starts_with('$');
    let status = if known { "SUCCESS" } else { "FAILED" };
    Ok(Json(json!({"symbol": symbol, "status": status, "underlying": null, "strategy": "SINGLE", "isDelayed": false,
        "callExpDateMap": side("C"), "putExpDateMap": side("P")}))
    .into_response())
}

pub async fn expirations() -> Json<Value> {
    Json(json!({"expirationList": [
        {"expirationDate": "2027-01-15", "daysToExpiration": 30, "expirationType": "S", "settlementType": "P", "standard": true},
        {"expirationDate": "2026-12-18", "daysToExpiration": 2, "expirationType": "S", "settlementType": "P", "standard": true}]}))
}

pub async fn instruments(Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let row = |symbol: &str, name: &str| json!({"cusip": "037833100", "symbol": symbol, "description": name, "exchange": "NASDAQ", "assetType": "EQUITY"});
    let wanted = query.get("symbol").cloned().unwrap_or_default().to_uppercase();
    let found: Vec<Value> = [
        row("AAPL", "APPLE INC"),
        row("AAPD", "DIREXION DAILY AAPL BEAR"),
        row("BRK/B", "BERKSHIRE HATHAWAY B"),
    ]
    .into_iter()
    .filter(|row| {
        let (symbol, name) = (row["symbol"].as_str().unwrap(), row["description"].as_str().unwrap());
        match query.get("projection").map(String::as_str) {
            Some("symbol-regex") => symbol.starts_with(wanted.trim_end_matches(".*")),
            Some("desc-search") => name.contains(&wanted),
            _ => wanted.split(',').any(|one| one == symbol),
        }
    })
    .collect();
    Json(json!({ "instruments": found }))
}

pub async fn movers() -> Json<Value> {
    Json(json!({"screeners": [
        {"symbol": "AAPL", "description": "APPLE INC", "lastPrice": 100.0, "netChange": 2.0, "netPercentChange": 0.02, "volume": 5, "totalVolume": 9, "trades": 3, "marketShare": 55.5},
        {"symbol": "ODD", "description": "out of hours", "lastPrice": 7.0, "netChange": 7.0, "netPercentChange": 1.0, "volume": 5}]}))
}

/// When shares trade on a day, by the exchange's rules and by what a test has closed; options are said to rest.
pub async fn hours(State(books): State<Books>, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let date: jiff::civil::Date = query.get("date").map_or("2026-04-14", String::as_str).parse().unwrap();
    let mut rules = Calendar::nyse();
    books.desk.closed.lock().unwrap().iter().for_each(|day| rules.close_on(*day));
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let at = |instant: jiff::Timestamp| {
        instant.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    let shares = match rules.session(date) {
        Some(session) => {
            json!({"EQ": {"date": date, "marketType": "EQUITY", "product": "EQ", "isOpen": true, "sessionHours": {
            "preMarket": [{"start": at(session.open - SignedDuration::from_mins(150)), "end": at(session.open)}],
            "regularMarket": [{"start": at(session.open), "end": at(session.close)}],
            "postMarket": [{"start": at(session.close), "end": at(session.close + SignedDuration::from_hours(4))}]}}})
        }
        None => {
            json!({"equity": {"date": date, "marketType": "EQUITY", "product": "equity", "isOpen": false}})
        }
    };
    Json(json!({"equity": shares,
        "option": {"option": {"date": date, "marketType": "OPTION", "product": "option", "isOpen": false}}}))
}
