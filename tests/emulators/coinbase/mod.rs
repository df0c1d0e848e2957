//! Coinbase on loopback: Advanced Trade (REST, both WebSocket hosts) and the v2 wallets, with tokens checked as the venue does.

pub mod oauth;
mod orders;
mod stream;
pub mod token;
mod wallets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::exchange::{Exchange, Status, Terms, now_ms};
use super::server::Server;

pub const PORTFOLIO: &str = "33333333-3333-4333-8333-333333333333";
pub const USER: &str = "u-1";
const V3: &str = "/api/v3/brokerage";

/// What a test may change.
#[derive(Debug)]
pub struct Knobs {
    pub can_view: bool,
    pub can_trade: bool,
    pub can_transfer: bool,
    /// Every token is refused.
    pub revoked: bool,
    /// The server's clock minus the real one, seconds.
    pub skew: i64,
    /// The next numbered message leaves one out.
    pub skip_number: bool,
    /// The first data comes before the word that we are subscribed.
    pub snapshot_first: bool,
    /// No stream is taken.
    pub streams_down: bool,
    /// The list of fills stays empty so many times.
    pub fills_late: usize,
    /// Edits are refused with this.
    pub edit_refusal: Option<&'static str>,
    /// A bearer token that is taken.
    pub bearer: Option<String>,
    /// Codes of sign-ins with their challenges and redirect URIs, the refresh token that is good, and pairs of tokens given so far.
    codes: BTreeMap<String, (String, String)>,
    pub refresh: Option<String>,
    pub given: usize,
    nonces: BTreeSet<String>,
    /// Deposit addresses made so far.
    made: usize,
}

/// What all handlers share.
#[derive(Clone)]
pub struct Shared {
    pub exchange: Exchange,
    knobs: Arc<Mutex<Knobs>>,
    /// Closes every stream.
    kick: broadcast::Sender<()>,
}

impl Shared {
    pub fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.knobs.lock().unwrap()
    }

    pub fn now_ms(&self) -> i64 {
        now_ms() + self.knobs().skew * 1_000
    }

    /// Checks a token; the reason is for tests, the venue says `Unauthorized`.
    pub fn admit(&self, token: &str, uri: Option<&str>) -> Result<(), String> {
        let now = self.now_ms() / 1_000;
        let mut knobs = self.knobs();
        if knobs.revoked {
            return Err("revoked".into());
        }
        if knobs.bearer.as_deref() == Some(token) {
            return Ok(());
        }
        let nonce = token::check(token, uri, now)?;
        if knobs.nonces.insert(nonce) { Ok(()) } else { Err("nonce seen".into()) }
    }
}

pub struct CoinbaseEmulator {
    pub server: Server,
    pub exchange: Exchange,
    pub key_name: String,
    /// The EC key as PEM.
    pub private_key: String,
    /// The Ed25519 key as base64.
    pub ed25519_key: String,
    shared: Shared,
}

impl CoinbaseEmulator {
    pub fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.shared.knobs()
    }

    /// Closes every stream.
    pub fn kick(&self) {
        self.shared.kick.send(()).ok();
    }
}

/// Starts one: quotes of BTC-USD and ETH-USD are 99.9 to 100.1.
pub async fn start(port: u16) -> CoinbaseEmulator {
    let exchange = Exchange::new(Decimal::from(1_000_000));
    for symbol in ["BTC-USD", "ETH-USD"] {
        exchange.quote(symbol, Decimal::new(999, 1), Decimal::new(1_001, 1));
    }
    let knobs = Knobs {
        can_view: true,
        can_trade: true,
        can_transfer: false,
        revoked: false,
        skew: 0,
        skip_number: false,
        snapshot_first: false,
        streams_down: false,
        fills_late: 0,
        edit_refusal: None,
        bearer: None,
        codes: BTreeMap::new(),
        refresh: None,
        given: 0,
        nonces: BTreeSet::new(),
        made: 0,
    };
    let shared = Shared {
        exchange: exchange.clone(),
        knobs: Arc::new(Mutex::new(knobs)),
        kick: broadcast::channel(4).0,
    };
    let server = Server::start(router(shared.clone()), port).await;
    CoinbaseEmulator {
        server,
        exchange,
        key_name: token::kid(),
        private_key: token::ec_pem(),
        ed25519_key: token::ed25519_base64(),
        shared,
    }
}

fn router(shared: Shared) -> Router {
    let public = Router::new()
        .route("/time", get(time))
        .route("/market/products", get(products))
        .route("/market/products/{id}", get(product))
        .route("/market/products/{id}/candles", get(candles))
        .route("/market/products/{id}/ticker", get(trades))
        .route("/market/product_book", get(book));
    let private = Router::new()
        .route("/key_permissions", get(permissions))
        .route("/portfolios", get(portfolios))
        .route("/portfolios/{id}", get(breakdown))
        .route("/accounts", get(accounts))
        .route("/accounts/{id}", get(account))
        .route("/transaction_summary", get(fees))
        .route("/products", get(products))
        .route("/products/{id}", get(product))
        .route("/products/{id}/candles", get(candles))
        .route("/products/{id}/ticker", get(trades))
        .route("/product_book", get(book))
        .route("/best_bid_ask", get(best_bid_ask))
        .route("/cfm/positions", get(futures))
        .route("/intx/positions/{id}", get(perpetuals))
        .route("/orders", post(orders::place))
        .route("/orders/close_position", post(orders::close_position))
        .route("/orders/preview", post(orders::preview))
        .route("/orders/edit", post(orders::edit))
        .route("/orders/edit_preview", post(orders::edit_preview))
        .route("/orders/batch_cancel", post(orders::cancel))
        .route("/orders/historical/batch", get(orders::list))
        .route("/orders/historical/fills", get(orders::fills))
        .route("/orders/historical/{id}", get(orders::one));
    let v2 = Router::new()
        .route("/v2/accounts", get(wallets::v2_accounts))
        .route("/v2/accounts/{id}/addresses", get(wallets::v2_addresses).post(wallets::v2_make_address));
    let guarded = Router::new().nest(V3, private).merge(v2);
    let guarded = guarded.layer(from_fn_with_state(shared.clone(), guard));
    Router::new()
        .nest(V3, public)
        .merge(guarded)
        .route("/", get(stream::open))
        .route("/oauth2/auth", get(oauth::authorize))
        .route("/oauth2/token", post(oauth::token))
        .route("/oauth2/revoke", post(oauth::revoke))
        .layer(from_fn_with_state(shared.clone(), dated))
        .with_state(shared)
}

/// The date that the server believes in.
async fn dated(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(shared.now_ms().unsigned_abs());
    let text = httpdate::fmt_http_date(at);
    response.headers_mut().insert("date", HeaderValue::from_str(&text).unwrap());
    response.headers_mut().insert("x-ratelimit-remaining", HeaderValue::from_static("29"));
    response
}

async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let uri = format!("{} {}{}", request.method(), text("host"), request.uri().path());
    let token = text("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned();
    if shared.admit(&token, Some(&uri)).is_err() {
        return (StatusCode::UNAUTHORIZED, "Unauthorized").into_response();
    }
    let (path, writes) = (request.uri().path().to_owned(), request.method() == "POST");
    let (view, trade, transfer) = {
        let knobs = shared.knobs();
        (knobs.can_view, knobs.can_trade, knobs.can_transfer)
    };
    let allowed = match path.as_str() {
        "/api/v3/brokerage/key_permissions" => true,
        _ if writes && path.starts_with("/v2/") => transfer,
        _ if writes => trade,
        _ => view,
    };
    if !allowed {
        let body = json!({"error": "PERMISSION_DENIED", "error_details": "Missing required scopes",
            "message": "Missing required scopes"});
        return (StatusCode::FORBIDDEN, axum::Json(body)).into_response();
    }
    next.run(request).await
}

/// Parameters as they came.
pub fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

pub fn all<'a>(pairs: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

pub fn not_found() -> Response {
    let body = json!({"error": "NOT_FOUND", "code": 5, "message": "no such resource", "details": []});
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

/// RFC 3339 of milliseconds.
pub fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

async fn time(State(shared): State<Shared>) -> Response {
    let ms = shared.now_ms();
    let body =
        json!({"iso": rfc3339(ms), "epochSeconds": (ms / 1_000).to_string(), "epochMillis": ms.to_string()});
    axum::Json(body).into_response()
}

async fn permissions(State(shared): State<Shared>) -> Response {
    let knobs = shared.knobs();
    let body = json!({"can_view": knobs.can_view, "can_trade": knobs.can_trade, "can_transfer": knobs.can_transfer,
        "portfolio_uuid": PORTFOLIO, "portfolio_type": "DEFAULT"});
    drop(knobs);
    axum::Json(body).into_response()
}

async fn portfolios() -> Response {
    let body = json!({"portfolios": [
        {"name": "Default", "uuid": PORTFOLIO, "type": "DEFAULT", "deleted": false},
        {"name": "Old", "uuid": "44444444-4444-4444-8444-444444444444", "type": "CONSUMER", "deleted": true}]});
    axum::Json(body).into_response()
}

/// What is held of pairs: contracts are no coins.
fn coins(exchange: &Exchange) -> Vec<(String, Decimal, Decimal)> {
    exchange.positions().into_iter().filter(|(symbol, ..)| symbol.matches('-').count() == 1).collect()
}

/// Cash and coins: what there is, and what working orders hold.
fn balances(exchange: &Exchange) -> Vec<(String, Decimal, Decimal)> {
    let mut held_cash = Decimal::ZERO;
    let mut held_coins = std::collections::BTreeMap::<String, Decimal>::new();
    for order in exchange.orders().into_iter().filter(|order| order.status == Status::Working) {
        let price = match order.new.terms {
            Terms::Limit(price) | Terms::StopLimit { limit: price, .. } | Terms::Oco { limit: price, .. } => {
                price
            }
            _ => Decimal::ZERO,
        };
        if order.new.buy {
            held_cash += price * order.leaves();
        } else {
            *held_coins.entry(order.new.symbol.clone()).or_default() += order.leaves();
        }
    }
    let mut rows = vec![("USD".to_owned(), exchange.cash(), held_cash)];
    for (symbol, units, _) in coins(exchange) {
        let base = symbol.split('-').next().unwrap().to_owned();
        rows.push((base, units, held_coins.get(&symbol).copied().unwrap_or_default()));
    }
    rows.push(("EUR".to_owned(), Decimal::from(25), Decimal::ZERO));
    rows.push(("USDC".to_owned(), Decimal::ZERO, Decimal::ZERO));
    rows
}

fn wallet(currency: &str, total: Decimal, hold: Decimal) -> Value {
    let kind = if matches!(currency, "USD" | "EUR") { "ACCOUNT_TYPE_FIAT" } else { "ACCOUNT_TYPE_CRYPTO" };
    let amount = |value: Decimal| json!({"value": value.to_string(), "currency": currency});
    json!({"uuid": format!("a-{currency}"), "name": format!("{currency} Wallet"), "currency": currency,
        "available_balance": amount(total - hold), "default": true, "active": true,
        "created_at": "2021-05-31T09:59:59Z", "updated_at": "2024-01-15T10:30:00Z", "deleted_at": null, "type": kind,
        "ready": true, "hold": amount(hold), "retail_portfolio_id": PORTFOLIO, "platform": "ACCOUNT_PLATFORM_CONSUMER"})
}

async fn accounts(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.as_deref());
    let rows: Vec<Value> = balances(&shared.exchange)
        .iter()
        .map(|(currency, total, hold)| wallet(currency, *total, *hold))
        .collect();
    let (page, cursor) = paged(&query, rows, 49);
    axum::Json(
        json!({"size": page.len(), "accounts": page, "has_next": !cursor.is_empty(), "cursor": cursor}),
    )
    .into_response()
}

async fn account(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let row = balances(&shared.exchange).into_iter().find(|(currency, ..)| format!("a-{currency}") == id);
    row.map_or_else(not_found, |(currency, total, hold)| {
        axum::Json(json!({"account": wallet(&currency, total, hold)})).into_response()
    })
}

/// A page of rows and the cursor of the next.
pub fn paged(query: &[(String, String)], rows: Vec<Value>, usual: usize) -> (Vec<Value>, String) {
    let number = |name: &str, otherwise: usize| {
        all(query, name).first().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (from, limit) = (number("cursor", 0), number("limit", usual));
    let more = rows.len() > from + limit;
    let page = rows.into_iter().skip(from).take(limit).collect();
    (page, if more { (from + limit).to_string() } else { String::new() })
}

async fn breakdown(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    if id != PORTFOLIO {
        return not_found();
    }
    let exchange = &shared.exchange;
    let usd = |value: Decimal| json!({"value": value.to_string(), "currency": "USD"});
    let number = |value: Decimal| serde_json::from_str::<Value>(&value.normalize().to_string()).unwrap();
    let mut rows = Vec::new();
    let mut crypto = Decimal::ZERO;
    for (symbol, units, average) in coins(exchange) {
        let mark = exchange.top_of(&symbol).map_or(average, |top| (top.bid + top.ask) / Decimal::TWO);
        crypto += units * mark;
        rows.push(json!({"asset": symbol.split('-').next().unwrap(), "account_uuid": "a", "is_cash": false,
            "total_balance_fiat": number(units * mark), "total_balance_crypto": number(units),
            "available_to_trade_fiat": number(units * mark), "allocation": 0.5, "one_day_change": 0.01,
            "cost_basis": usd(units * average), "asset_img_url": ""}));
    }
    rows.push(json!({"asset": "USD", "account_uuid": "a-USD", "total_balance_fiat": number(exchange.cash()),
        "total_balance_crypto": number(exchange.cash()), "cost_basis": {"value": "0", "currency": "USD"}, "is_cash": true}));
    axum::Json(json!({"breakdown": {"portfolio": {"name": "Default", "uuid": PORTFOLIO, "type": "DEFAULT", "deleted": false},
        "portfolio_balances": {"total_balance": usd(exchange.cash() + crypto), "total_futures_balance": usd(Decimal::ZERO),
            "total_cash_equivalent_balance": usd(exchange.cash()), "total_crypto_balance": usd(crypto),
            "futures_unrealized_pnl": usd(Decimal::ZERO), "perp_unrealized_pnl": usd(Decimal::ZERO)},
        "spot_positions": rows, "perp_positions": perpetual_rows(exchange), "futures_positions": []}}))
    .into_response()
}

async fn fees() -> Response {
    axum::Json(json!({"total_volume": 0, "total_fees": 0, "fee_tier": {"pricing_tier": "Intro 1", "usd_from": "",
        "usd_to": "", "taker_fee_rate": "0.012", "maker_fee_rate": "0.006", "aop_from": "0", "aop_to": "1000000"},
        "margin_rate": null, "goods_and_services_tax": null, "advanced_trade_only_volume": 0,
        "advanced_trade_only_fees": 0, "total_balance": "468.35", "has_promo_fee": false}))
    .into_response()
}

async fn futures(State(shared): State<Shared>) -> Response {
    let row = |(symbol, units, average): &(String, Decimal, Decimal)| {
        json!({"product_id": symbol, "expiration_time": "2030-12-20T16:00:00Z",
            "side": if units.is_sign_negative() { "SHORT" } else { "LONG" },
            "number_of_contracts": units.abs().to_string(), "current_price": {"value": "50000", "currency": "USD"},
            "avg_entry_price": average.to_string(), "unrealized_pnl": "30", "daily_realized_pnl": "0"})
    };
    let held = shared.exchange.positions();
    let rows: Vec<Value> = held.iter().filter(|(symbol, ..)| symbol.ends_with("-CDE")).map(row).collect();
    axum::Json(json!({"positions": rows})).into_response()
}

/// Perpetuals of a portfolio outside the US; one of coins alone has none to ask for.
async fn perpetuals(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let rows = perpetual_rows(&shared.exchange);
    if id != PORTFOLIO || rows.is_empty() {
        return bad_request("portfolio is not an INTX portfolio");
    }
    axum::Json(json!({"positions": rows, "summary": {"aggregated_pnl": {"value": "0", "currency": "USDC"}}}))
        .into_response()
}

fn perpetual_rows(exchange: &Exchange) -> Vec<Value> {
    let row = |(symbol, units, average): &(String, Decimal, Decimal)| {
        let side = if units.is_sign_negative() { "SHORT" } else { "LONG" };
        let usdc = |value: &str| json!({"value": value, "currency": "USDC"});
        json!({"product_id": symbol, "product_uuid": "p-1", "portfolio_uuid": PORTFOLIO, "symbol": "BTC-PERP",
            "vwap": usdc("1"), "entry_vwap": usdc(&average.to_string()), "position_side": format!("POSITION_SIDE_{side}"),
            "margin_type": "MARGIN_TYPE_CROSS", "net_size": units.to_string(), "buy_order_size": "0",
            "sell_order_size": "0", "im_contribution": "0.1", "unrealized_pnl": usdc("-12.5"), "mark_price": usdc("50000"),
            "liquidation_price": usdc("90000"), "leverage": "2", "im_notional": usdc("1"), "mm_notional": usdc("1"),
            "position_notional": usdc("1"), "aggregated_pnl": usdc("0")})
    };
    let held = exchange.positions();
    held.iter().filter(|(symbol, ..)| symbol.ends_with("-INTX")).map(row).collect()
}

/// Terms of what trades here.
pub fn product_row(exchange: &Exchange, id: &str) -> Option<Value> {
    let (base, quote, alias, future) = match id {
        "BTC-USD" => ("BTC", "USD", "", false),
        "ETH-USD" => ("ETH", "USD", "", false),
        "BTC-USDC" => ("BTC", "USDC", "BTC-USD", false),
        "ETH-BTC" => ("ETH", "BTC", "", false),
        "BIP-20DEC30-CDE" => ("", "USD", "", true),
        "BTC-PERP-INTX" => ("BTC", "USDC", "", true),
        _ => return None,
    };
    let book = if alias.is_empty() { id } else { alias };
    let price = exchange.top_of(book).map_or(Decimal::ONE_HUNDRED, |top| (top.bid + top.ask) / Decimal::TWO);
    let increment = match base {
        "BTC" => "0.00000001",
        "ETH" => "0.0001",
        _ => "1",
    };
    let names = match base {
        "BTC" => "Bitcoin",
        "ETH" => "Ethereum",
        _ => "BTC PERP",
    };
    let details = if id.ends_with("-INTX") {
        json!({"venue": "INTX", "contract_size": "1", "contract_expiry_type": "PERPETUAL", "funding_interval": "3600s"})
    } else if future {
        json!({"venue": "cde", "contract_code": "BIP", "contract_expiry": "2030-12-20T16:00:00Z", "contract_size": "0.01",
            "contract_expiry_type": "EXPIRING"})
    } else {
        Value::Null
    };
    Some(json!({"product_id": id, "price": price.to_string(), "price_percentage_change_24h": "-0.28",
        "volume_24h": "11005.02587005", "volume_percentage_change_24h": "1.5",
        "base_increment": increment, "quote_increment": "0.01", "quote_min_size": "1",
        "quote_max_size": "150000000", "base_min_size": increment, "base_max_size": "3400",
        "base_name": names, "quote_name": quote, "watched": false, "is_disabled": false, "new": false,
        "status": if future { "" } else { "online" }, "cancel_only": false, "limit_only": false, "post_only": false,
        "trading_disabled": false, "auction_mode": false, "product_type": if future { "FUTURE" } else { "SPOT" },
        "quote_currency_id": quote, "base_currency_id": base, "fcm_trading_session_details": null,
        "mid_market_price": "", "alias": alias, "alias_to": if id == "BTC-USD" { vec!["BTC-USDC"] } else { vec![] },
        "base_display_symbol": base, "quote_display_symbol": quote, "view_only": false,
        "price_increment": if future { "5" } else { "0.01" }, "display_name": id,
        "product_venue": if future { "FCM" } else { "CBE" }, "future_product_details": details}))
}

const PRODUCTS: [&str; 6] = ["BTC-USD", "ETH-USD", "BTC-USDC", "ETH-BTC", "BIP-20DEC30-CDE", "BTC-PERP-INTX"];

async fn products(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.as_deref());
    let (wanted, kind) = (all(&query, "product_ids"), all(&query, "product_type"));
    let rows: Vec<Value> = PRODUCTS
        .iter()
        .filter(|id| wanted.is_empty() || wanted.contains(id))
        .filter_map(|id| product_row(&shared.exchange, id))
        .filter(|row| kind.first().is_none_or(|kind| row["product_type"] == *kind))
        .collect();
    axum::Json(json!({"num_products": rows.len(), "products": rows})).into_response()
}

async fn product(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    product_row(&shared.exchange, &id).map_or_else(not_found, |row| axum::Json(row).into_response())
}

fn book_row(shared: &Shared, id: &str) -> Option<Value> {
    let product = product_row(&shared.exchange, id)?;
    let name = product["alias"].as_str().filter(|alias| !alias.is_empty()).unwrap_or(id).to_owned();
    let top = shared.exchange.top_of(&name)?;
    let level =
        |price: Decimal, size: Decimal| json!([{"price": price.to_string(), "size": size.to_string()}]);
    Some(json!({"product_id": id, "bids": level(top.bid, top.bid_size), "asks": level(top.ask, top.ask_size),
        "time": rfc3339(shared.now_ms())}))
}

async fn book(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.as_deref());
    let id = all(&query, "product_id").first().copied().unwrap_or_default().to_owned();
    book_row(&shared, &id).map_or_else(not_found, |row| {
        axum::Json(json!({"pricebook": row, "last": "100", "mid_market": "100", "spread_bps": "20", "spread_absolute": "0.2"}))
            .into_response()
    })
}

async fn best_bid_ask(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.as_deref());
    let rows: Vec<Value> = all(&query, "product_ids").iter().filter_map(|id| book_row(&shared, id)).collect();
    axum::Json(json!({"pricebooks": rows})).into_response()
}

/// Bars of a wave, newest first, at most 350; none in every tenth bucket.
async fn candles(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    if product_row(&shared.exchange, &id).is_none() {
        return not_found();
    }
    let query = pairs(query.as_deref());
    let one = |name: &str| all(&query, name).first().copied().unwrap_or_default().to_owned();
    let width = match one("granularity").as_str() {
        "ONE_MINUTE" => 60,
        "FIVE_MINUTE" => 300,
        "FIFTEEN_MINUTE" => 900,
        "THIRTY_MINUTE" => 1_800,
        "ONE_HOUR" => 3_600,
        "TWO_HOUR" => 7_200,
        "FOUR_HOUR" => 14_400,
        "SIX_HOUR" => 21_600,
        "ONE_DAY" => 86_400,
        _ => return bad_request("unknown granularity"),
    };
    let (Ok(start), Ok(end)) = (one("start").parse::<i64>(), one("end").parse::<i64>()) else {
        return bad_request("start and end are unix seconds");
    };
    if (end - start) / width > 350 {
        return bad_request("too many candles requested: at most 350");
    }
    let first = start.div_euclid(width) + i64::from(start.rem_euclid(width) != 0);
    let row = |n: i64| {
        let open = 100 + n.rem_euclid(20);
        json!({"start": (n * width).to_string(), "low": (open - 2).to_string(), "high": (open + 2).to_string(),
            "open": open.to_string(), "close": (open + 1).to_string(), "volume": "3.5"})
    };
    let last = end.div_euclid(width);
    let rows: Vec<Value> = (first..=last).rev().filter(|n| n.rem_euclid(10) != 0).map(row).collect();
    axum::Json(json!({"candles": rows})).into_response()
}

fn bad_request(text: &str) -> Response {
    let body = json!({"error": "INVALID_ARGUMENT", "error_details": text, "message": text});
    (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
}

async fn trades(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let Some(top) = shared.exchange.top_of(&id) else { return not_found() };
    axum::Json(
        json!({"trades": [{"trade_id": "1", "product_id": id, "price": top.ask.to_string(), "size": "0.001",
        "time": rfc3339(shared.now_ms()), "side": "SELL", "bid": "", "ask": "", "exchange": "coinbase"}],
        "best_bid": top.bid.to_string(), "best_ask": top.ask.to_string()}),
    )
    .into_response()
}
