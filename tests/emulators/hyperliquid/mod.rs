//! Hyperliquid on loopback: `/info`, `/exchange` and `/ws` on one port, signatures recovered, nonces kept, its rules of prices and sizes, its
//! words, one account with an agent, a sub-account and a vault.

mod door;
mod info;
mod shows;
mod sign;
mod streams;
pub mod twaps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Given;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::exchange::{Exchange, now_ms};
use super::server::Server;

/// The account's own key, of the official client's tests.
pub const MASTER_KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
/// Its agent's.
pub const AGENT_KEY: &str = "0x4242424242424242424242424242424242424242424242424242424242424242";
/// A key that nobody has approved.
pub const STRANGER_KEY: &str = "0x7777777777777777777777777777777777777777777777777777777777777777";
/// A sub-account of it, and a vault that it leads.
pub const SUB_ACCOUNT: &str = "0x1d9470d4b963f552e6f671a81619d395877bf409";
pub const VAULT: &str = "0x1719884eb866cb12b2287399b15f7db5e7d775ea";
/// Weight a minute.
const WEIGHT_MAX: u32 = 1_200;
/// Messages that a slow socket may be behind.
const MESSAGES_MAX: usize = 4_096;

/// What trades: coin, asset id, decimals of sizes, is it spot.
pub const COINS: &[(&str, u32, u32, bool)] = &[
    ("BTC", 0, 5, false),
    ("ETH", 1, 4, false),
    ("PURR/USDC", 10_000, 0, true),
    ("xyz:TSLA", 110_000, 3, false),
];

/// Something for sockets that subscribed to it.
#[derive(Clone, Debug)]
pub struct Said {
    pub kind: &'static str,
    /// Coin or user.
    pub about: String,
    pub message: Value,
}

#[derive(Default)]
pub struct State {
    /// Whose signatures count: mainnet's, else testnet's.
    pub mainnet: bool,
    /// Agent by master.
    pub agents: BTreeMap<String, String>,
    /// When the agent's approval ends.
    pub agent_until: Option<i64>,
    /// Nonces by signer.
    nonces: BTreeMap<String, BTreeSet<u64>>,
    /// The venue's clock minus ours.
    pub skew_ms: i64,
    /// Words for why orders ended, by number.
    words: BTreeMap<u64, &'static str>,
    /// Exits that wait for an order, by its number.
    waiting: BTreeMap<u64, Vec<Value>>,
    /// Orders of which one ends the others.
    siblings: Vec<Vec<u64>>,
    /// When everything is canceled.
    pub scheduled: Option<u64>,
    pub leverage: BTreeMap<u64, Value>,
    pub margins: Vec<Value>,
    pub twaps: Vec<twaps::Twap>,
    /// Only these may be sent now.
    pub post_only: bool,
    /// Requests that the address has used, and may use in all.
    pub requests: Option<(u64, u64)>,
    /// A word for `userAbstraction`.
    pub abstraction: Option<&'static str>,
    /// New lines are refused.
    pub streams_down: bool,
    /// The end of a replaced order is told before the order that replaces it.
    pub ends_first: bool,
    /// Everything is told twice.
    pub told_twice: bool,
    weight: (i64, u32),
}

pub struct Inner {
    pub exchange: Exchange,
    state: Mutex<State>,
    pub messages: broadcast::Sender<Said>,
    pub cut: broadcast::Sender<()>,
}

/// What the handlers share.
#[derive(Clone)]
pub struct Desk(pub Arc<Inner>);

impl Desk {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    pub fn exchange(&self) -> &Exchange {
        &self.0.exchange
    }

    /// The venue's time in milliseconds.
    pub fn now(&self) -> i64 {
        now_ms() + self.state().skew_ms
    }

    pub fn say(&self, kind: &'static str, about: &str, message: Value) {
        let times = if self.state().told_twice { 2 } else { 1 };
        for _ in 0..times {
            let said = Said { kind, about: about.to_owned(), message: message.clone() };
            self.0.messages.send(said).ok();
        }
    }

    /// Hangs up on everybody.
    pub fn cut(&self) {
        self.0.cut.send(()).ok();
    }

    /// As if a minute had passed: what was asked before counts no more.
    pub fn new_minute(&self) {
        self.state().weight = (0, 0);
    }

    /// Counts a request; false when there were too many.
    fn weigh(&self, units: u32) -> bool {
        let minute = now_ms() / 60_000;
        let mut state = self.state();
        if state.weight.0 != minute {
            state.weight = (minute, 0);
        }
        state.weight.1 += units;
        state.weight.1 <= WEIGHT_MAX
    }
}

/// A running one.
pub struct HyperliquidEmulator {
    pub server: Server,
    pub exchange: Exchange,
    pub desk: Desk,
}

/// The account's address.
pub fn master() -> String {
    sign::address(MASTER_KEY)
}

/// Starts one.
pub async fn start(port: u16) -> HyperliquidEmulator {
    let exchange = Exchange::new(Decimal::from(1_000_000));
    for (coin, bid, ask) in [
        ("ETH", "99.9", "100.1"),
        ("BTC", "60000", "60001"),
        ("PURR/USDC", "0.1234", "0.1235"),
        ("xyz:TSLA", "250.1", "250.3"),
    ] {
        exchange.quote(coin, bid.parse().unwrap(), ask.parse().unwrap());
    }
    let agents = BTreeMap::from([(sign::address(AGENT_KEY), master())]);
    let inner = Inner {
        exchange: exchange.clone(),
        state: Mutex::new(State { agents, ..State::default() }),
        messages: broadcast::channel(MESSAGES_MAX).0,
        cut: broadcast::channel(4).0,
    };
    let desk = Desk(Arc::new(inner));
    tokio::spawn(streams::tell(desk.clone(), exchange.listen()));
    let router = Router::new()
        .route("/info", post(info))
        .route("/exchange", post(exchange_door))
        .route("/ws", get(streams::open))
        .layer(axum::middleware::map_response_with_state(desk.clone(), date))
        .with_state(desk.clone());
    HyperliquidEmulator { server: Server::start(router, port).await, exchange, desk }
}

/// The venue's clock in its answers.
async fn date(Given(desk): Given<Desk>, mut response: Response) -> Response {
    let seconds = u64::try_from(desk.now() / 1_000).unwrap();
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    response.headers_mut().insert("date", HeaderValue::from_str(&httpdate::fmt_http_date(at)).unwrap());
    response
}

fn json(value: &Value) -> Response {
    (StatusCode::OK, [("content-type", "application/json")], value.to_string()).into_response()
}

fn malformed() -> Response {
    let text = "Failed to deserialize the JSON body into the target type";
    (StatusCode::UNPROCESSABLE_ENTITY, text).into_response()
}

fn too_many() -> Response {
    (StatusCode::TOO_MANY_REQUESTS, [("content-type", "application/json")], "null").into_response()
}

async fn info(Given(desk): Given<Desk>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return malformed() };
    if !desk.weigh(info::weight(&body)) {
        return too_many();
    }
    desk.inform(&body).map_or_else(malformed, |value| json(&value))
}

async fn exchange_door(Given(desk): Given<Desk>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return malformed() };
    if !desk.weigh(1) {
        return too_many();
    }
    match desk.act(&body) {
        Some(Ok(response)) => json(&json!({"status": "ok", "response": response})),
        Some(Err(text)) => json(&json!({"status": "err", "response": text})),
        None => malformed(),
    }
}
