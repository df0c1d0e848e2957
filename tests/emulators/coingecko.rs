//! CoinGecko on loopback: a handful of coins, two of which share a symbol and one of which has no price; keys checked by host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::exchange::now_ms;
use super::server::Server;

pub const DEMO_KEY: &str = "CG-demo";
pub const PRO_KEY: &str = "CG-pro";

/// Id, symbol, name, rank, price in dollars as it stands in the answer.
const COINS: [(&str, &str, &str, u32, &str); 8] = [
    ("bitcoin", "btc", "Bitcoin", 1, "76975.123456789012345"),
    ("ethereum", "eth", "Ethereum", 2, "2500"),
    ("usd-coin", "usdc", "USDC", 7, "0.9998"),
    ("solana", "sol", "Solana", 6, "150.25"),
    ("foo-coin", "foo", "Foo", 120, "2"),
    ("bar-one", "bar", "Bar One", 90, "3"),
    ("bar-two", "bar", "Bar Two", 300, "4"),
    ("null-coin", "nul", "Null", 900, "null"),
];

/// Where `foo-coin` lives on `base`, in small letters.
pub const CONTRACT: &str = "0xab00000000000000000000000000000000000006";

#[derive(Clone)]
struct Shared {
    pro: bool,
    /// Prices that a test changes.
    prices: Arc<Mutex<BTreeMap<String, String>>>,
}

pub struct CoingeckoEmulator {
    pub server: Server,
    pub api_key: &'static str,
    prices: Arc<Mutex<BTreeMap<String, String>>>,
}

impl CoingeckoEmulator {
    pub fn set(&self, id: &str, price: &str) {
        self.prices.lock().unwrap().insert(id.into(), price.into());
    }

    pub fn base_url(&self) -> String {
        format!("{}/api/v3", self.server.url())
    }
}

/// Starts the host of the free plans, or that of the paid ones.
pub async fn start(port: u16, pro: bool) -> CoingeckoEmulator {
    let prices = COINS.iter().map(|(id, .., price)| ((*id).to_owned(), (*price).to_owned())).collect();
    let prices = Arc::new(Mutex::new(prices));
    let shared = Shared { pro, prices: Arc::clone(&prices) };
    let routes = Router::new()
        .route("/ping", get(|| async { axum::Json(json!({"gecko_says": "(V3) To the Moon!"})) }))
        .route("/key", get(key))
        .route("/simple/price", get(price))
        .route("/simple/supported_vs_currencies", get(|| async { axum::Json(json!(["usd", "eur", "btc"])) }))
        .route("/search", get(search))
        .route("/coins/list", get(list))
        .route("/coins/markets", get(markets))
        .route("/coins/{platform}/contract/{address}", get(contract))
        .route("/coins/{id}/ohlc", get(ohlc))
        .route("/coins/{id}/market_chart/range", get(range));
    let routes = Router::new().nest("/api/v3", routes).layer(from_fn_with_state(shared.clone(), guard));
    let server = Server::start(routes.with_state(shared), port).await;
    CoingeckoEmulator { server, api_key: if pro { PRO_KEY } else { DEMO_KEY }, prices }
}

fn status(code: u32, message: &str) -> Response {
    let body = json!({"status": {"timestamp": "2026-01-02T03:04:05.678+00:00", "error_code": code, "error_message": message}});
    (if code == 10_002 { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST }, axum::Json(body))
        .into_response()
}

async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match refusal(shared.pro, &request) {
        Some(response) => response,
        None => next.run(request).await,
    }
}

fn refusal(pro_host: bool, request: &Request) -> Option<Response> {
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = request.uri().query();
    let demo = header("x-cg-demo-api-key").or_else(|| one(query, "x_cg_demo_api_key"));
    let pro = header("x-cg-pro-api-key").or_else(|| one(query, "x_cg_pro_api_key"));
    match (pro_host, pro.or(demo).as_deref()) {
        (true, Some(PRO_KEY)) | (false, Some(DEMO_KEY) | None) => None,
        (true, Some(DEMO_KEY)) => {
            Some(status(10_011, "If you are using Demo API key, please change your root URL"))
        }
        (false, Some(PRO_KEY)) => {
            Some(status(10_010, "If you are using Pro API key, please change your root URL"))
        }
        _ => Some(status(10_002, "API Key Missing")),
    }
}

fn one(query: Option<&str>, name: &str) -> Option<String> {
    let found =
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

fn bad(code: StatusCode, text: &str) -> Response {
    (code, axum::Json(json!({"error": text}))).into_response()
}

async fn key() -> Response {
    axum::Json(
        json!({"plan": "Analyst", "rate_limit_request_per_minute": 500, "monthly_call_credit": 500_000,
        "current_total_monthly_calls": 1, "current_remaining_monthly_calls": 499_999}),
    )
    .into_response()
}

async fn price(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.as_deref();
    let Some(into) = one(query, "vs_currencies") else {
        return bad(StatusCode::BAD_REQUEST, "Missing parameter vs_currencies");
    };
    let ids = one(query, "ids").unwrap_or_default();
    let prices = shared.prices.lock().unwrap().clone();
    let mut rows = Vec::new();
    for id in ids.split(',') {
        let Some(price) = prices.get(id) else { continue };
        let mut fields = Vec::new();
        for into in into.split(',').filter(|into| matches!(*into, "usd" | "eur")) {
            fields.push(format!("\"{into}\":{price},\"{into}_24h_vol\":1000,\"{into}_24h_change\":25"));
        }
        fields.push(format!("\"last_updated_at\":{}", now_ms() / 1_000 - 90));
        rows.push(format!("\"{id}\":{{{}}}", fields.join(",")));
    }
    // Written by hand, so that a price keeps its digits.
    ([("content-type", "application/json")], format!("{{{}}}", rows.join(","))).into_response()
}

async fn search(RawQuery(query): RawQuery) -> Response {
    let text = one(query.as_deref(), "query").unwrap_or_default().to_lowercase();
    let rows: Vec<Value> = COINS
        .iter()
        .filter(|(id, symbol, ..)| id.contains(&text) || symbol.contains(&text))
        .map(|(id, symbol, name, rank, _)| {
            json!({"id": id, "name": name, "api_symbol": id, "symbol": symbol.to_uppercase(), "market_cap_rank": rank,
                "thumb": "", "large": ""})
        })
        .collect();
    axum::Json(json!({"coins": rows, "exchanges": [], "categories": [], "nfts": []})).into_response()
}

/// The coins of contracts: one, on one chain.
async fn contract(Path((platform, address)): Path<(String, String)>) -> Response {
    match (platform.as_str(), address.as_str()) {
        ("base", CONTRACT) => {
            axum::Json(json!({"id": "foo-coin", "symbol": "foo", "name": "Foo", "web_slug": "foo-coin",
                "asset_platform_id": "base", "platforms": {"base": CONTRACT}, "contract_address": CONTRACT,
                "detail_platforms": {"base": {"decimal_place": 18, "contract_address": CONTRACT}},
                "block_time_in_minutes": 0, "hashing_algorithm": null, "categories": [], "preview_listing": false,
                "public_notice": null, "additional_notices": [], "has_supply_breakdown": false, "description": {},
                "links": {}, "image": {}, "country_origin": "", "genesis_date": null,
                "sentiment_votes_up_percentage": null, "sentiment_votes_down_percentage": null,
                "watchlist_portfolio_users": 0, "market_cap_rank": null,
                "market_cap_rank_with_rehypothecated": null, "status_updates": [],
                "last_updated": "2026-11-24T15:00:00.000Z", "market_data": {"current_price": {"usd": 2}}}))
            .into_response()
        }
        _ => bad(StatusCode::NOT_FOUND, "coin not found"),
    }
}

async fn list() -> Response {
    let rows: Vec<Value> = COINS
        .iter()
        .map(|(id, symbol, name, ..)| json!({"id": id, "symbol": symbol, "name": name}))
        .collect();
    axum::Json(rows).into_response()
}

async fn markets(RawQuery(query): RawQuery) -> Response {
    if one(query.as_deref(), "vs_currency").is_none() {
        return bad(StatusCode::BAD_REQUEST, "Missing parameter vs_currency");
    }
    let ids = one(query.as_deref(), "ids").unwrap_or_default();
    let rows: Vec<Value> = COINS
        .iter()
        .filter(|(id, ..)| ids.split(',').any(|wanted| wanted == *id))
        .map(|(id, symbol, name, rank, price)| {
            json!({"id": id, "symbol": symbol, "name": name, "current_price": price.parse::<f64>().ok(),
                "market_cap_rank": rank, "last_updated": "2026-01-02T03:04:05.678Z", "roi": null})
        })
        .collect();
    axum::Json(rows).into_response()
}

async fn ohlc(Path(id): Path<String>) -> Response {
    if COINS.iter().all(|(known, ..)| *known != id) {
        return bad(StatusCode::NOT_FOUND, "coin not found");
    }
    axum::Json(json!([[1_779_199_200_000_i64, 76769.0, 76889.0, 76744.0, 76818.0]])).into_response()
}

/// Points 5 minutes apart for up to a day, else an hour: a saw of 24 teeth.
async fn range(Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    if COINS.iter().all(|(known, ..)| *known != id) {
        return bad(StatusCode::NOT_FOUND, "coin not found");
    }
    let number = |name: &str| one(query.as_deref(), name).and_then(|text| text.parse::<i64>().ok());
    let (Some(from), Some(to)) = (number("from"), number("to")) else {
        return bad(StatusCode::UNPROCESSABLE_ENTITY, "from and to are unix seconds");
    };
    let step = if to - from <= 86_400 { 300 } else { 3_600 };
    let first = from.div_euclid(step) + i64::from(from.rem_euclid(step) != 0);
    let points = |value: &dyn Fn(i64) -> i64| -> Vec<Value> {
        (first..=to.div_euclid(step)).map(|n| json!([n * step * 1_000, value(n)])).collect()
    };
    let volumes = points(&|_| 2_400);
    axum::Json(
        json!({"prices": points(&|n| 100 + n.rem_euclid(24)), "market_caps": [], "total_volumes": volumes}),
    )
    .into_response()
}
