//! Charles Schwab on loopback: the token endpoint, accounts, orders, prices and the streamer, as its sheet says.

mod market;
mod orders;
mod stream;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering as Atomic};
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use self::market::{chains, expirations, history, hours, instruments, movers, one_quote, quotes};
use self::orders::{all_orders, cancel, order, orders, place, preview, replace, transactions};
use self::stream::{preference, stream};
use super::exchange::Exchange;
use super::server::Server;

/// The app that it knows.
pub const APP_KEY: &str = "KEY12345KEY12345";
pub const APP_SECRET: &str = "SECRET99SECRET99";
pub const REDIRECT: &str = "https://127.0.0.1:8182";
pub const NUMBER: &str = "12345678";
pub const HASH: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
/// The first order is this one and 1.
const ORDER_BASE: u64 = 1_000_000_000_000;

/// What it remembers of logins and streams, and what a test turns.
#[derive(Default)]
pub struct Desk {
    /// Codes that are good, each once.
    pub codes: Mutex<BTreeSet<String>>,
    /// Access tokens that are good.
    pub access: Mutex<BTreeSet<String>>,
    /// The refresh token that is good; it is not changed by use.
    pub refresh: Mutex<String>,
    /// Refreshes so far.
    pub refreshes: AtomicU64,
    /// Orders that are rejected after they were taken, by symbol, with the words.
    pub reject_after: Mutex<HashMap<String, String>>,
    /// The next order is answered without its place.
    pub forget_location: AtomicBool,
    /// What each fill costs, in dollars.
    pub fee: Mutex<Decimal>,
    /// Days on which its exchange is closed, whatever the rules say.
    pub closed: Mutex<Vec<jiff::civil::Date>>,
    /// Words of orders are not told.
    pub mute: AtomicBool,
    /// The app lacks the product of prices.
    pub no_prices: AtomicBool,
    /// Subscriptions of this service are answered with this code and not taken.
    pub full: Mutex<Option<(String, i64)>>,
    /// Prices are late, as is said with the first message of each symbol.
    pub delayed: AtomicBool,
    /// Streams that are open now, and commands that came.
    pub commands: Mutex<Vec<Value>>,
    pub streams: AtomicU64,
    /// Ends every stream.
    cut: Mutex<Option<broadcast::Sender<i64>>>,
    /// Exits of brackets that were canceled by themselves, by their ids.
    exits_ended: Mutex<BTreeSet<u64>>,
    rejected: Mutex<BTreeMap<u64, String>>,
    address: Mutex<String>,
}

/// The emulator.
pub struct SchwabEmulator {
    pub server: Server,
    pub exchange: Exchange,
    pub desk: Arc<Desk>,
    /// What it accepts.
    pub access_token: String,
    pub refresh_token: String,
}

impl SchwabEmulator {
    /// Ends every stream with this code of the sheet: 12 too many connections, 30 nothing subscribed.
    pub fn cut(&self, code: i64) {
        if let Some(cut) = &*self.desk.cut.lock().unwrap() {
            cut.send(code).ok();
        }
    }

    /// Makes every access token bad.
    pub fn expire(&self) {
        self.desk.access.lock().unwrap().clear();
    }
}

#[derive(Clone)]
struct Books {
    exchange: Exchange,
    desk: Arc<Desk>,
}

pub async fn start(port: u16) -> SchwabEmulator {
    let exchange = Exchange::new(Decimal::from(1_000_000));
    let desk = Arc::new(Desk::default());
    desk.access.lock().unwrap().insert("AT1".to_owned());
    desk.codes.lock().unwrap().insert("C0.abc@".to_owned());
    *desk.refresh.lock().unwrap() = "RT1".to_owned();
    *desk.cut.lock().unwrap() = Some(broadcast::channel(16).0);
    let books = Books { exchange: exchange.clone(), desk: Arc::clone(&desk) };
    let api = Router::new()
        .route("/trader/v1/accounts/accountNumbers", get(account_numbers))
        .route("/trader/v1/accounts", get(accounts))
        .route("/trader/v1/accounts/", get(accounts))
        .route("/trader/v1/accounts/{hash}", get(account))
        .route("/trader/v1/accounts/{hash}/orders", get(orders).post(place))
        .route("/trader/v1/accounts/{hash}/previewOrder", post(preview))
        .route("/trader/v1/accounts/{hash}/orders/{id}", get(order).put(replace).delete(cancel))
        .route("/trader/v1/accounts/{hash}/transactions", get(transactions))
        .route("/trader/v1/orders", get(all_orders))
        .route("/trader/v1/userPreference", get(preference))
        .route("/marketdata/v1/quotes", get(quotes))
        .route("/marketdata/v1/{symbol}/quotes", get(one_quote))
        .route("/marketdata/v1/pricehistory", get(history))
        .route("/marketdata/v1/chains", get(chains))
        .route("/marketdata/v1/expirationchain", get(expirations))
        .route("/marketdata/v1/instruments", get(instruments))
        .route("/marketdata/v1/movers/{of}", get(movers))
        .route("/marketdata/v1/markets", get(hours))
        .layer(from_fn_with_state(books.clone(), bearer))
        .route("/v1/oauth/token", post(token))
        .route("/v1/oauth/authorize", get(authorize))
        .route("/ws", get(stream))
        .with_state(books);
    let server = Server::start(api, port).await;
    *desk.address.lock().unwrap() = server.address.to_string();
    SchwabEmulator { server, exchange, desk, access_token: "AT1".to_owned(), refresh_token: "RT1".to_owned() }
}

type Answer = Result<Response, Said>;

/// A refusal.
struct Said(u16, Value);

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        (StatusCode::from_u16(self.0).unwrap(), Json(self.1)).into_response()
    }
}

fn said(status: u16, body: Value) -> Said {
    Said(status, body)
}

fn message(status: u16, text: &str) -> Said {
    said(status, json!({ "message": text }))
}

async fn bearer(State(books): State<Books>, request: Request, next: Next) -> Response {
    let auth =
        request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let good =
        auth.strip_prefix("Bearer ").is_some_and(|token| books.desk.access.lock().unwrap().contains(token));
    let lacking =
        request.uri().path().starts_with("/marketdata/") && books.desk.no_prices.load(Atomic::SeqCst);
    if !good || lacking {
        let detail =
            json!({"id": "u", "status": 401, "title": "Unauthorized", "detail": "Client not authorized"});
        return said(401, json!({ "errors": [detail] })).into_response();
    }
    if request.method() == "GET" && request.headers().contains_key("content-type") {
        return message(400, "Content-Type without a body").into_response();
    }
    next.run(request).await
}

async fn authorize(Query(query): Query<HashMap<String, String>>) -> Answer {
    if query.get("client_id").map(String::as_str) != Some(APP_KEY)
        || query.get("redirect_uri").map(String::as_str) != Some(REDIRECT)
    {
        return Err(message(500, "Whitelabel Error Page"));
    }
    let state = query.get("state").cloned().unwrap_or_default();
    let place =
        format!("{REDIRECT}/?code=C0.abc%40&session=00000000-0000-0000-0000-000000000000&state={state}");
    Ok((StatusCode::FOUND, [(header::LOCATION, place)]).into_response())
}

async fn token(
    State(books): State<Books>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Answer {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{APP_KEY}:{APP_SECRET}"));
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&format!("Basic {basic}")) {
        return Err(said(401, json!({"error": "invalid_client", "error_description": "Unauthorized"})));
    }
    let desk = &books.desk;
    match form.get("grant_type").map(String::as_str) {
        Some("authorization_code") => {
            let code = form.get("code").cloned().unwrap_or_default();
            if form.get("redirect_uri").map(String::as_str) != Some(REDIRECT)
                || !desk.codes.lock().unwrap().remove(&code)
            {
                return Err(said(400, json!({"error": "invalid_grant"})));
            }
        }
        Some("refresh_token") => {
            if form.get("refresh_token") != Some(&*desk.refresh.lock().unwrap()) {
                let inner = r#"{"error_description":"Exception while authenticating refresh token","error":"refresh_token_authentication_error"}"#;
                let body = json!({"error": "unsupported_token_type", "error_description": format!("400 Bad Request: \"{inner}\"")});
                return Err(said(400, body));
            }
        }
        _ => return Err(said(400, json!({"error": "invalid_request"}))),
    }
    let number = desk.refreshes.fetch_add(1, Atomic::SeqCst) + 2;
    let access = format!("AT{number}");
    desk.access.lock().unwrap().insert(access.clone());
    let refresh = desk.refresh.lock().unwrap().clone();
    Ok(Json(json!({"expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": refresh,
        "access_token": access, "id_token": "x"}))
    .into_response())
}

async fn account_numbers() -> Json<Value> {
    Json(json!([{"accountNumber": NUMBER, "hashValue": HASH}]))
}

fn account_of(books: &Books, with_positions: bool) -> Value {
    let exchange = &books.exchange;
    let number = |value: Decimal| -> Value { serde_json::from_str(&value.normalize().to_string()).unwrap() };
    let paid = *books.desk.fee.lock().unwrap() * Decimal::from(exchange.fills().len());
    let (cash, equity) = (exchange.cash() - paid, exchange.equity() - paid);
    let mut account = json!({"type": "MARGIN", "accountNumber": NUMBER, "roundTrips": 0, "isDayTrader": false,
        "isClosingOnlyRestricted": false, "pfcbFlag": false,
        "initialBalances": {"liquidationValue": number(equity)},
        "currentBalances": {"liquidationValue": number(equity), "cashBalance": number(cash), "buyingPower": number(cash * Decimal::TWO),
            "availableFunds": number(cash), "maintenanceRequirement": 0.0, "isInCall": false},
        "projectedBalances": {}});
    if with_positions {
        let held = exchange.positions().into_iter().map(|(symbol, units, price)| {
            let kind = if symbol.len() > 15 { "OPTION" } else { "EQUITY" };
            let (long, short) = if units.is_sign_negative() { (Decimal::ZERO, -units) } else { (units, Decimal::ZERO) };
            json!({"longQuantity": number(long), "shortQuantity": number(short), "averagePrice": number(price),
                "marketValue": number(units * price), "currentDayProfitLoss": 0.0, "longOpenProfitLoss": 0.0,
                "instrument": {"assetType": kind, "symbol": symbol, "cusip": "x"}})
        });
        account["positions"] = held.collect();
    }
    json!({"securitiesAccount": account, "aggregatedBalance": {"currentLiquidationValue": number(equity), "liquidationValue": number(equity)}})
}

async fn accounts(State(books): State<Books>, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    Json(json!([account_of(&books, query.contains_key("fields"))]))
}

fn ours(hash: &str) -> Result<(), Said> {
    if hash == HASH { Ok(()) } else { Err(message(404, "Invalid account number")) }
}

async fn account(
    State(books): State<Books>,
    Path(hash): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    ours(&hash)?;
    Ok(Json(account_of(&books, query.contains_key("fields"))).into_response())
}

fn number(value: Decimal) -> Value {
    serde_json::from_str(&value.normalize().to_string()).unwrap()
}
