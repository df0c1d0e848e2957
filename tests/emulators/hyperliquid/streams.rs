//! `/ws`: subscriptions, snapshots, and what happens.

use axum::extract::State as Given;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::shows::{bbo, book, context, middle, pointed};
use super::{COINS, Desk, Said, master};
use crate::emulators::exchange::{Event, Fill, Order, Status, Top};

/// Turns what happens in the books into messages, and lets brackets live.
pub async fn tell(desk: Desk, mut events: broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(event) => desk.happen(event),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn channel(name: &str, data: Value) -> Value {
    json!({"channel": name, "data": data})
}

fn is_spot(coin: &str) -> bool {
    COINS.iter().any(|(name, _, _, spot)| *name == coin && *spot)
}

fn context_message(coin: &str, top: &Top) -> Value {
    let name = if is_spot(coin) { "activeSpotAssetCtx" } else { "activeAssetCtx" };
    channel(name, json!({"coin": coin, "ctx": context(coin, top)}))
}

impl Desk {
    fn update(&self, order: &Order) {
        self.say("orderUpdates", &master(), channel("orderUpdates", self.show_update(order)));
    }

    fn happen(&self, event: Event) {
        match event {
            Event::New(order) => self.update(&order),
            Event::Canceled(order) => {
                self.update(&order);
                self.state().waiting.remove(&order.number);
            }
            Event::Replaced(old, new) => {
                self.update(&old);
                self.update(&new);
            }
            Event::Fill(order, fill) => self.filled(&order, &fill),
            Event::Quote(coin, top) => {
                let now = self.now();
                self.say("bbo", &coin, channel("bbo", bbo(&coin, &top, now)));
                self.say("l2Book", &coin, channel("l2Book", book(&coin, &top, now)));
                self.say("activeAssetCtx", &coin, context_message(&coin, &top));
                self.say("allMids", "", channel("allMids", json!({"mids": {coin: middle(&top)}})));
            }
        }
    }

    fn filled(&self, order: &Order, fill: &Fill) {
        let (user, row) = (master(), self.show_fill(fill));
        self.say("userFills", &user, channel("userFills", json!({"user": user, "fills": [row]})));
        self.say("userEvents", &user, channel("user", json!({"fills": [row]})));
        self.update(order);
        let trade = json!([{"coin": fill.symbol, "side": if fill.buy { "B" } else { "A" }, "px": pointed(fill.price),
            "sz": pointed(fill.quantity), "time": fill.at_ms, "hash": row["hash"], "tid": row["tid"], "users": [user, user]}]);
        self.say("trades", &fill.symbol, channel("trades", trade));
        if order.status != Status::Filled {
            return;
        }
        let exits = self.state().waiting.remove(&order.number);
        if let Some(exits) = exits {
            let before = self.exchange().orders().len() as u64;
            let numbers = (1..=exits.len() as u64).map(|n| before + n).collect();
            self.state().siblings.push(numbers);
            for exit in exits {
                self.place(&exit);
            }
        }
        let group = self.state().siblings.iter().find(|group| group.contains(&order.number)).cloned();
        for other in group.into_iter().flatten().filter(|other| *other != order.number) {
            self.end(other, "siblingFilledCanceled");
        }
    }

    /// What is told at once to whoever subscribes.
    fn first(&self, subscription: &Value) -> Option<Value> {
        let coin = subscription["coin"].as_str().unwrap_or_default();
        let user = subscription["user"].as_str().unwrap_or_default().to_lowercase();
        let top = self.exchange().top_of(coin);
        let now = self.now();
        match subscription["type"].as_str()? {
            "allMids" => {
                let mids: serde_json::Map<String, Value> = self
                    .exchange()
                    .tops()
                    .iter()
                    .map(|(coin, top)| (coin.clone(), json!(middle(top))))
                    .collect();
                Some(channel("allMids", json!({ "mids": mids })))
            }
            "bbo" => Some(channel("bbo", bbo(coin, &top?, now))),
            "l2Book" => Some(channel("l2Book", book(coin, &top?, now))),
            "activeAssetCtx" => Some(context_message(coin, &top?)),
            "userFills" => {
                let fills = if user == master() { self.exchange().fills() } else { Vec::new() };
                let rows: Vec<Value> = fills.iter().map(|fill| self.show_fill(fill)).collect();
                Some(channel("userFills", json!({"user": user, "fills": rows, "isSnapshot": true})))
            }
            "userTwapHistory" => {
                let history = if user == master() { self.show_twaps() } else { json!([]) };
                let data = json!({"user": user, "isSnapshot": true, "history": history});
                Some(channel("userTwapHistory", data))
            }
            "userTwapSliceFills" => {
                let fills = if user == master() { self.show_slices() } else { json!([]) };
                let data = json!({"user": user, "isSnapshot": true, "twapSliceFills": fills});
                Some(channel("userTwapSliceFills", data))
            }
            "userFundings" => {
                Some(channel("userFundings", json!({"user": user, "isSnapshot": true, "fundings": []})))
            }
            "userNonFundingLedgerUpdates" => {
                let old = json!({"time": 1, "hash": "0x01", "delta": {"type": "deposit", "usdc": "100.0"}});
                let data = json!({"user": user, "isSnapshot": true, "nonFundingLedgerUpdates": [old]});
                Some(channel("userNonFundingLedgerUpdates", data))
            }
            _ => None,
        }
    }
}

/// What a subscription is about.
fn about(subscription: &Value) -> String {
    let user = subscription["user"].as_str().map(str::to_lowercase);
    user.or_else(|| subscription["coin"].as_str().map(str::to_owned)).unwrap_or_default()
}

/// The echo has more in it than was said.
fn echo(method: &str, subscription: &Value) -> Value {
    let mut subscription = subscription.clone();
    if subscription["type"] == "l2Book" {
        subscription["nSigFigs"] = Value::Null;
        subscription["mantissa"] = Value::Null;
    }
    channel("subscriptionResponse", json!({"method": method, "subscription": subscription}))
}

pub async fn open(Given(desk): Given<Desk>, upgrade: WebSocketUpgrade) -> Response {
    if desk.state().streams_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade.on_upgrade(move |socket| serve(desk, socket))
}

struct Line {
    desk: Desk,
    subscribed: Vec<Value>,
}

impl Line {
    fn hears(&self, said: &Said) -> bool {
        self.subscribed.iter().any(|one| one["type"] == said.kind && about(one) == said.about)
    }

    /// What is answered to a word.
    fn answer(&mut self, said: &Value) -> Vec<Value> {
        let subscription = &said["subscription"];
        let known = self.subscribed.iter().position(|one| one == subscription);
        match (said["method"].as_str(), known) {
            (Some("ping"), _) => vec![json!({"channel": "pong"})],
            (Some("subscribe"), Some(_)) => {
                vec![channel("error", json!(format!("Already subscribed: {subscription}")))]
            }
            (Some("subscribe"), None) => {
                let coin = subscription["coin"].as_str();
                if coin.is_some_and(|coin| COINS.iter().all(|(name, ..)| *name != coin)) {
                    return vec![channel("error", json!(format!("Invalid subscription {subscription}")))];
                }
                self.subscribed.push(subscription.clone());
                let first = self.desk.first(subscription);
                std::iter::once(echo("subscribe", subscription)).chain(first).collect()
            }
            (Some("unsubscribe"), Some(at)) => {
                self.subscribed.remove(at);
                vec![echo("unsubscribe", subscription)]
            }
            _ => vec![channel("error", json!(format!("Already unsubscribed: {subscription}")))],
        }
    }
}

async fn serve(desk: Desk, mut socket: WebSocket) {
    let mut messages = desk.0.messages.subscribe();
    let mut cut = desk.0.cut.subscribe();
    let mut line = Line { desk, subscribed: Vec::new() };
    if socket.send(Message::text("Websocket connection established.")).await.is_err() {
        return;
    }
    loop {
        let answers = tokio::select! {
            _ = cut.recv() => return,
            said = messages.recv() => match said {
                Ok(said) if line.hears(&said) => vec![said.message],
                Ok(_) => continue,
                Err(_) => return,
            },
            said = socket.recv() => {
                let Some(Ok(said)) = said else { return };
                match serde_json::from_slice::<Value>(&said.into_data()) {
                    Ok(said) => line.answer(&said),
                    Err(_) => continue,
                }
            }
        };
        for answer in answers {
            if socket.send(Message::text(answer.to_string())).await.is_err() {
                return;
            }
        }
    }
}
