//! Market data over HTTP: quotes, trades, snapshots, bars, chains.

use std::collections::BTreeMap;

use arbion::domain::calendar::Calendar;
use axum::extract::{Path, Query, State as Given};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

use super::{Desk, rules, screener, shows, time};
use crate::emulators::exchange::{Fill, Top, now_ms};

type Asked = Query<BTreeMap<String, String>>;

pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/v2/stocks/{what}/latest", get(latest_stocks))
        .route("/v2/stocks/snapshots", get(stock_snapshots))
        .route("/v2/stocks/bars", get(stock_bars))
        .route("/v1beta1/options/{what}/latest", get(latest_options))
        .route("/v1beta1/options/snapshots", get(option_snapshots))
        .route("/v1beta1/options/snapshots/{underlying}", get(chain))
        .route("/v1beta1/options/bars", get(stock_bars))
        .route("/v1beta1/screener/stocks/movers", get(screener::movers))
        .route("/v1beta1/screener/stocks/most-actives", get(screener::most_active))
        .route("/v1beta1/news", get(news))
        .route("/v1beta3/crypto/us/latest/{what}", get(latest_crypto))
        .route("/v1beta3/crypto/us/snapshots", get(crypto_snapshots))
        .route("/v1beta3/crypto/us/bars", get(crypto_bars))
}

fn float(value: Decimal) -> f64 {
    value.to_f64().unwrap()
}

/// A quote, as in lists.
fn quote(symbol: &str, top: &Top) -> Value {
    let (bid, ask) = (float(top.bid), float(top.ask));
    let (bid_size, ask_size) = (float(top.bid_size), float(top.ask_size));
    let at = time(now_ms());
    match rules::asset_class(symbol) {
        "crypto" => json!({ "t": at, "bp": bid, "bs": bid_size, "ap": ask, "as": ask_size }),
        "us_option" => json!({
            "t": at, "ax": "C", "ap": ask, "as": ask_size, "bx": "C", "bp": bid, "bs": bid_size, "c": "A",
        }),
        _ => json!({
            "t": at, "ax": "V", "ap": ask, "as": ask_size, "bx": "V", "bp": bid, "bs": bid_size, "c": ["R"], "z": "C",
        }),
    }
}

fn trade(symbol: &str, price: Decimal, size: Decimal, ms: i64) -> Value {
    let (price, size, at) = (float(price), float(size), time(ms));
    match rules::asset_class(symbol) {
        "crypto" => json!({ "t": at, "p": price, "s": size, "i": 7, "tks": "B" }),
        "us_option" => json!({ "t": at, "x": "C", "p": price, "s": size, "c": "I" }),
        _ => json!({ "t": at, "x": "V", "p": price, "s": size, "c": ["@"], "i": 7, "z": "C" }),
    }
}

fn as_message(kind: &str, symbol: &str, mut row: Value) -> Value {
    row["T"] = kind.into();
    row["S"] = symbol.into();
    row
}

/// A quote of the stream.
pub fn quote_message(symbol: &str, top: &Top) -> Value {
    as_message("q", symbol, quote(symbol, top))
}

/// A trade of the stream.
pub fn trade_message(fill: &Fill) -> Value {
    as_message("t", &fill.symbol, trade(&fill.symbol, fill.price, fill.quantity, fill.at_ms))
}

fn middle(top: &Top) -> Decimal {
    (top.bid + top.ask) / Decimal::TWO
}

fn day_bar(top: &Top) -> Value {
    let price = middle(top);
    let of = |per_mille: i64| float(price * Decimal::new(per_mille, 3));
    let at = time(now_ms() / 86_400_000 * 86_400_000);
    json!({ "t": at, "o": of(995), "h": of(1_010), "l": of(990), "c": of(1_000), "v": 123_456, "n": 20, "vw": of(1_000) })
}

impl Desk {
    fn snapshot(&self, symbol: &str) -> Option<Value> {
        let top = self.exchange().top_of(symbol)?;
        let before = json!({ "t": time(now_ms() - 86_400_000), "o": 97, "h": 99, "l": 96, "c": float(middle(&top) * Decimal::new(98, 2)), "v": 1000, "n": 20, "vw": 98 });
        Some(json!({
            "latestTrade": trade(symbol, middle(&top), Decimal::TEN, now_ms()), "latestQuote": quote(symbol, &top),
            "minuteBar": day_bar(&top), "dailyBar": day_bar(&top), "prevDailyBar": before,
        }))
    }

    fn latest(&self, what: &str, query: &BTreeMap<String, String>) -> Response {
        let mut rows = Map::new();
        for symbol in symbols(query) {
            let Some(top) = self.exchange().top_of(&symbol) else { continue };
            let row = match what {
                "quotes" => quote(&symbol, &top),
                "trades" => trade(&symbol, middle(&top), Decimal::TEN, now_ms()),
                "orderbooks" => json!({
                    "t": time(now_ms()), "b": [{ "p": float(top.bid), "s": float(top.bid_size) }],
                    "a": [{ "p": float(top.ask), "s": float(top.ask_size) }],
                }),
                _ => day_bar(&top),
            };
            rows.insert(symbol, row);
        }
        Json(json!({ what: rows })).into_response()
    }

    /// Recent prices of all exchanges are for those who pay.
    fn may(&self, query: &BTreeMap<String, String>) -> Option<Response> {
        let sip = query.get("feed").is_none_or(|feed| feed == "sip");
        (sip && !self.state().sip).then(|| {
            let text = "subscription does not permit querying recent SIP data";
            (StatusCode::FORBIDDEN, Json(json!({ "message": text }))).into_response()
        })
    }
}

fn symbols(query: &BTreeMap<String, String>) -> Vec<String> {
    query.get("symbols").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

fn bad(text: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "message": text }))).into_response()
}

/// A row of the news.
fn story(id: u64, at_ms: i64, headline: &str, about: &[&str]) -> Value {
    json!({
        "id": id, "headline": headline, "author": "Ann Author", "created_at": time(at_ms), "updated_at": time(at_ms + 1_000),
        "summary": format!("A summary of {id}."), "content": format!("<p>The whole of {id}.</p>"), "source": "benzinga", "symbols": about,
        "url": format!("https://www.benzinga.com/news/{id}"),
        "images": [{ "size": "thumb", "url": format!("https://cdn.benzinga.com/{id}.jpeg") }],
    })
}

/// What the news service has, newest first.
fn stories(desk: &Desk) -> Vec<Value> {
    let hour = |hours: i64| now_ms() - hours * 3_600_000;
    let mut all = vec![
        story(40_892_641, hour(1), "Apple&#39;s Plant &amp; More", &["AAPL", "MSFT"]),
        story(40_892_640, hour(2), "Bitcoin Does Not Move", &["BTCUSD"]),
        story(40_892_639, hour(30), "Microsoft Has a Meeting", &["MSFT"]),
    ];
    all.splice(0..0, desk.state().news.clone());
    all
}

async fn news(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    let limit: usize = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(10);
    if limit == 0 || limit > 50 {
        return bad("limit must be between 1 and 50");
    }
    let wanted = symbols(&query);
    let mut rows = stories(&desk);
    let is_about = |row: &Value| {
        let about = row["symbols"].as_array().unwrap();
        wanted.is_empty() || about.iter().any(|name| wanted.iter().any(|one| name == one))
    };
    rows.retain(is_about);
    if query.get("sort").is_some_and(|sort| sort == "asc") {
        rows.reverse();
    }
    let next = (rows.len() > limit).then(|| limit.to_string());
    rows.truncate(limit);
    Json(json!({ "news": rows, "next_page_token": next })).into_response()
}

async fn latest_stocks(Given(desk): Given<Desk>, Path(what): Path<String>, Query(query): Asked) -> Response {
    desk.may(&query).unwrap_or_else(|| desk.latest(&what, &query))
}

async fn latest_options(Given(desk): Given<Desk>, Path(what): Path<String>, Query(query): Asked) -> Response {
    desk.latest(&what, &query)
}

fn wrong_pair(query: &BTreeMap<String, String>) -> Option<Response> {
    let wrong = symbols(query).into_iter().find(|symbol| !symbol.contains('/'))?;
    Some(bad(&format!("Invalid format for parameter symbols: invalid symbol: {wrong}")))
}

async fn latest_crypto(Given(desk): Given<Desk>, Path(what): Path<String>, Query(query): Asked) -> Response {
    wrong_pair(&query).unwrap_or_else(|| desk.latest(&what, &query))
}

fn snapshots(desk: &Desk, query: &BTreeMap<String, String>) -> Map<String, Value> {
    symbols(query).into_iter().filter_map(|symbol| Some((symbol.clone(), desk.snapshot(&symbol)?))).collect()
}

async fn stock_snapshots(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    desk.may(&query).unwrap_or_else(|| Json(snapshots(&desk, &query)).into_response())
}

async fn crypto_snapshots(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    wrong_pair(&query)
        .unwrap_or_else(|| Json(json!({ "snapshots": snapshots(&desk, &query) })).into_response())
}

fn with_greeks(desk: &Desk, symbol: &str) -> Option<Value> {
    let mut row = desk.snapshot(symbol)?;
    row["impliedVolatility"] = json!(0.2345);
    row["greeks"] =
        json!({ "delta": 0.5123, "gamma": 0.0123, "theta": -0.0456, "vega": 0.1234, "rho": 0.0567 });
    Some(row)
}

async fn option_snapshots(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    let asked = symbols(&query);
    if asked.len() > 100 {
        return bad("too many symbols");
    }
    let rows: Map<String, Value> =
        asked.into_iter().filter_map(|symbol| Some((symbol.clone(), with_greeks(&desk, &symbol)?))).collect();
    Json(json!({ "snapshots": rows, "next_page_token": null })).into_response()
}

async fn chain(Given(desk): Given<Desk>, Path(underlying): Path<String>, Query(query): Asked) -> Response {
    let mut contracts = if underlying == "AAPL" { shows::listed("AAPL") } else { Vec::new() };
    contracts.retain(|symbol| {
        let tail = &symbol[symbol.len() - 15..];
        let day = format!("20{}-{}-{}", &tail[0..2], &tail[2..4], &tail[4..6]);
        query.get("expiration_date").is_none_or(|wanted| *wanted == day)
            && query
                .get("type")
                .is_none_or(|right| right.starts_with(if &tail[6..7] == "C" { 'c' } else { 'p' }))
    });
    let limit: usize = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(100);
    let from: usize = query.get("page_token").and_then(|text| text.parse().ok()).unwrap_or(0);
    let next = (from + limit < contracts.len()).then(|| (from + limit).to_string());
    let page = contracts.into_iter().skip(from).take(limit);
    let rows: Map<String, Value> =
        page.filter_map(|symbol| Some((symbol.clone(), with_greeks(&desk, &symbol)?))).collect();
    Json(json!({ "snapshots": rows, "next_page_token": next })).into_response()
}

async fn stock_bars(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    bars(&desk, &query, false)
}

async fn crypto_bars(Given(desk): Given<Desk>, Query(query): Asked) -> Response {
    wrong_pair(&query).unwrap_or_else(|| bars(&desk, &query, true))
}

/// Seconds of a timeframe.
fn width(text: &str) -> Option<i64> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let unit = match &text[digits.len()..] {
        "Min" | "T" => 60,
        "Hour" | "H" => 3_600,
        "Day" | "D" => 86_400,
        "Week" | "W" => 604_800,
        _ => return None,
    };
    digits.parse::<i64>().ok().map(|count| count * unit)
}

/// Does a market have a bar that begins here. Days and weeks of shares begin at midnight in New York.
fn has_bar(second: i64, width: i64, always: bool, calendar: &Calendar) -> bool {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let at = Timestamp::from_second(second).unwrap().to_zoned_datetime(zone);
    let minute = i64::from(at.hour()) * 60 + i64::from(at.minute());
    let open = width >= 86_400 || (570..960).contains(&minute);
    always || width >= 604_800 || (open && calendar.is_session(at.date()))
}

fn bars(desk: &Desk, query: &BTreeMap<String, String>, always: bool) -> Response {
    let Some(width) = query.get("timeframe").and_then(|text| width(text)) else {
        return bad("Invalid format for parameter timeframe");
    };
    let bound = |name: &str| {
        let text = query.get(name)?;
        let at = text.parse::<Timestamp>().ok();
        at.or_else(|| {
            text.parse::<jiff::civil::Date>().ok()?.in_tz("UTC").ok().map(|zoned| zoned.timestamp())
        })
    };
    let end = bound("end").map_or(now_ms() / 1_000, |at| at.as_second());
    let start = bound("start").map_or(now_ms() / 86_400_000 * 86_400, |at| at.as_second());
    let limit: usize = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(1_000).min(10_000);
    let mut begins: Vec<i64> = Vec::new();
    let calendar = Calendar::nyse();
    // Monday is where weeks begin; midnight in New York is four or five hours later than in Greenwich.
    let zero = if width == 604_800 { 4 * 86_400 } else { 0 };
    let mut second = (start - zero).div_euclid(width) * width + zero;
    while second <= end {
        let offset = if always || width < 86_400 { 0 } else { new_york_offset(second) };
        if (start..=end).contains(&(second + offset)) && has_bar(second + offset, width, always, &calendar) {
            begins.push(second + offset);
        }
        second += width;
    }
    if query.get("sort").map(String::as_str) == Some("desc") {
        begins.reverse();
    }
    let from: usize = query.get("page_token").and_then(|text| text.parse().ok()).unwrap_or(0);
    let next = (from + limit < begins.len()).then(|| (from + limit).to_string());
    let page: Vec<i64> = begins.into_iter().skip(from).take(limit).collect();
    let mut rows = Map::new();
    for symbol in symbols(query) {
        if desk.exchange().top_of(&symbol).is_some() {
            rows.insert(symbol, page.iter().map(|second| bar(*second)).collect());
        }
    }
    Json(json!({ "bars": rows, "next_page_token": next })).into_response()
}

fn new_york_offset(second: i64) -> i64 {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let at = Timestamp::from_second(second).unwrap();
    -i64::from(zone.to_offset(at).seconds())
}

/// The same bar each time.
fn bar(second: i64) -> Value {
    let open = 100.0 + (second / 60 % 97) as f64 / 100.0;
    json!({ "t": time(second * 1_000), "o": open, "h": open + 0.5, "l": open - 0.5, "c": open + 0.25, "v": 1_000, "n": 20, "vw": open })
}
