//! Alpaca on loopback: Trading API v2, Market Data API v2, the order stream and the market data streams, all on one port, as its official
//! client wants them (`url_override`).

mod activities;
mod data;
mod extras;
mod orders;
mod pack;
mod rules;
mod screener;
pub mod shows;
mod streams;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Request, State as Given};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::exchange::{Exchange, now_ms};
use super::server::Server;

/// Calls a minute, as the broker allows them.
const CALLS_A_MINUTE: u32 = 200;
/// Messages that a slow listener may be behind.
const MESSAGES_MAX: usize = 4_096;

/// A running emulator.
pub struct AlpacaEmulator {
    pub server: Server,
    pub exchange: Exchange,
    /// The keys that it accepts.
    pub key_id: String,
    pub secret_key: String,
    /// What a test may change.
    pub desk: Desk,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for AlpacaEmulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The broker's side of things: clones are the same.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    exchange: Exchange,
    state: Mutex<State>,
    /// Messages of the order stream.
    trades: broadcast::Sender<Value>,
    /// Symbol and message of the market data streams.
    ticks: broadcast::Sender<(String, Value)>,
    /// Ends every open stream.
    cut: broadcast::Sender<()>,
}

/// What tests change, and what the broker knows beside the books.
pub struct State {
    pub key_id: String,
    pub secret_key: String,
    pub token: String,
    /// Fields of the account that differ from the usual.
    pub account: BTreeMap<String, Value>,
    /// Symbols that a market data stream takes at most.
    pub symbols_max: usize,
    /// Streams are refused, as when the network is down.
    pub streams_down: bool,
    /// Frames of the order stream are text, as live, or binary, as on paper.
    pub text_frames: bool,
    /// What the plan allows of market data.
    pub sip: bool,
    children: Vec<Child>,
    packages: Vec<Package>,
    leg_fills: Vec<LegFill>,
    /// Rows of the activities that are no fills.
    pub movements: Vec<Value>,
    /// Stories before its usual ones, as the news service writes them.
    pub news: Vec<Value>,
    /// Settings of the account.
    pub settings: Value,
    /// It is past the close, when nothing is exercised.
    pub after_close: bool,
    /// Contracts that are not to be exercised.
    pub not_exercised: Vec<String>,
    /// Days on which its exchange is closed, whatever the rules say.
    pub closed: Vec<jiff::civil::Date>,
    minute: i64,
    calls: u32,
    open: BTreeMap<String, usize>,
}

/// An exit of a bracket, or the stop of an OCO.
#[derive(Clone, Debug)]
struct Child {
    id: String,
    parent: u64,
    stop: bool,
    price: Decimal,
    /// `held`, `live`, `canceled` or `replaced`.
    status: &'static str,
    /// Its order in the books, once it is live.
    number: Option<u64>,
}

/// A multi-leg order: in the books it is one order of an instrument of its own.
#[derive(Clone, Debug)]
struct Package {
    symbol: String,
    legs: Vec<PackageLeg>,
}

#[derive(Clone, Debug)]
pub struct PackageLeg {
    symbol: String,
    buy: bool,
    ratio: Decimal,
    intent: String,
}

#[derive(Clone, Debug)]
struct LegFill {
    number: u64,
    order_id: String,
    symbol: String,
    buy: bool,
    quantity: Decimal,
    price: Decimal,
    at_ms: i64,
    leaves: Decimal,
}

impl Desk {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    fn exchange(&self) -> &Exchange {
        &self.0.exchange
    }

    /// Sends a message to everybody who listens to orders.
    pub fn say(&self, data: Value) {
        // Nobody has to listen.
        self.0.trades.send(json!({ "stream": "trade_updates", "data": data })).ok();
    }

    /// Ends every open stream.
    pub fn cut_streams(&self) {
        self.0.cut.send(()).ok();
    }

    fn accepts(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let state = self.state();
        let keys = text("apca-api-key-id") == state.key_id && text("apca-api-secret-key") == state.secret_key;
        keys || text("authorization") == format!("Bearer {}", state.token)
    }
}

/// A refusal in the broker's words.
fn refuse(status: u16, code: u64, message: &str) -> Response {
    refuse_with(status, code, message, json!({}))
}

fn refuse_with(status: u16, code: u64, message: &str, mut extras: Value) -> Response {
    extras["code"] = code.into();
    extras["message"] = message.into();
    (StatusCode::from_u16(status).unwrap(), axum::Json(extras)).into_response()
}

/// A number that came as a number or as a text.
fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => {
            let text = number.to_string();
            text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
        }
        _ => None,
    }
}

fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Milliseconds since the epoch as the broker writes a time.
fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

/// An id of a kind and number.
fn uuid(kind: u16, number: u64) -> String {
    format!("{:08x}-{kind:04x}-4000-8000-{number:012x}", 0xa11c_0000_u32)
}

/// Checks who asks, counts, and says how much is left.
async fn guard(Given(desk): Given<Desk>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let stream = request.headers().contains_key("upgrade");
    let open = path.starts_with("/v1beta3/crypto/");
    if !stream && !open && !desk.accepts(request.headers()) {
        return refuse(401, 40_110_000, "request is not authorized");
    }
    let (left, reset) = {
        let mut state = desk.state();
        let minute = now_ms() / 60_000;
        if state.minute != minute {
            (state.minute, state.calls) = (minute, 0);
        }
        state.calls += u32::from(!stream);
        (i64::from(CALLS_A_MINUTE) - i64::from(state.calls), (minute + 1) * 60)
    };
    let mut response =
        if left < 0 { refuse(429, 42_910_000, "rate limit exceeded") } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert("x-request-id", HeaderValue::from_static("emulated"));
    headers.insert("x-ratelimit-limit", CALLS_A_MINUTE.into());
    headers.insert("x-ratelimit-remaining", left.max(0).into());
    headers.insert("x-ratelimit-reset", reset.into());
    response
}

fn router(desk: &Desk) -> Router {
    Router::new()
        .route("/v2/account", get(shows::account))
        .route("/v2/account/configurations", get(extras::configurations).patch(extras::configure))
        .route("/v2/account/activities", get(activities::list))
        .route("/emulator/{what}", post(activities::inject))
        .route("/v2/orders", post(orders::submit).get(orders::list).delete(orders::cancel_all))
        .route("/v2/orders:by_client_order_id", get(orders::by_client_id))
        .route("/v2/orders/{id}", get(orders::one).delete(orders::cancel).patch(orders::replace))
        .route("/v2/positions", get(shows::positions).delete(orders::close_all))
        .route("/v2/positions/{*symbol}", get(shows::position).delete(orders::close).post(extras::instruct))
        .route("/v2/assets", get(shows::assets))
        .route("/v2/assets/{*symbol}", get(shows::asset))
        .route("/v2/clock", get(shows::clock))
        .route("/v2/calendar", get(shows::calendar))
        .route("/v2/options/contracts", get(shows::contracts))
        .route("/v2/options/contracts/{symbol}", get(shows::contract))
        .merge(data::routes())
        .route("/stream", get(streams::trades))
        .route("/v2/iex", get(streams::stocks))
        .route("/v2/sip", get(streams::stocks))
        .route("/v1beta1/indicative", get(streams::options))
        .route("/v1beta1/opra", get(streams::options))
        .route("/v1beta3/crypto/us", get(streams::crypto))
        .route("/v2/watchlists", delete(missing))
        .fallback(missing)
        .layer(from_fn_with_state(desk.clone(), guard))
        .with_state(desk.clone())
}

async fn missing() -> Response {
    refuse(404, 40_410_000, "endpoint not found.")
}

/// Starts it on a port of 127.0.0.1; 0 for any. Quotes: shares 99.9 to 100.1, BTC/USD 59990 to 60010, options 1.9 to 2.1.
pub async fn start(port: u16) -> AlpacaEmulator {
    let exchange = Exchange::new(Decimal::from(100_000));
    let (key_id, secret_key) = ("PKTEST".to_owned(), "SECRET".to_owned());
    let state = State {
        key_id: key_id.clone(),
        secret_key: secret_key.clone(),
        token: "TOKEN".to_owned(),
        account: BTreeMap::new(),
        symbols_max: usize::MAX,
        streams_down: false,
        text_frames: false,
        sip: false,
        children: Vec::new(),
        packages: Vec::new(),
        leg_fills: Vec::new(),
        movements: Vec::new(),
        news: Vec::new(),
        settings: extras::usual(),
        after_close: false,
        not_exercised: Vec::new(),
        closed: Vec::new(),
        minute: 0,
        calls: 0,
        open: BTreeMap::new(),
    };
    let desk = Desk(Arc::new(Inner {
        exchange: exchange.clone(),
        state: Mutex::new(state),
        trades: broadcast::channel(MESSAGES_MAX).0,
        ticks: broadcast::channel(MESSAGES_MAX).0,
        cut: broadcast::channel(16).0,
    }));
    let task = tokio::spawn(streams::tell(desk.clone(), exchange.listen()));
    let price = |text: &str| text.parse::<Decimal>().unwrap();
    for share in ["AAPL", "MSFT", "SPY", "F", "BRK.B", "HTB", "WHOLE"] {
        exchange.quote(share, price("99.9"), price("100.1"));
    }
    exchange.quote("BTC/USD", price("59990"), price("60010"));
    exchange.quote("ETH/USD", price("2999"), price("3001"));
    for contract in shows::listed("AAPL") {
        exchange.quote(&contract, price("1.9"), price("2.1"));
    }
    let server = Server::start(router(&desk), port).await;
    AlpacaEmulator { server, exchange, key_id, secret_key, desk, task }
}
