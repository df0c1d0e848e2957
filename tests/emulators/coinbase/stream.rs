//! The WebSocket side: one route for market and user data, numbered over all channels of a connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::time::{Instant, interval, sleep_until};

use super::super::exchange::{Event, Order, Status, Terms, Top};
use super::orders::{id_of, root_of, status_word, tails};
use super::{PORTFOLIO, Shared, USER, product_row, rfc3339};

/// A connection has to say something within this.
const DEADLINE: Duration = Duration::from_secs(5);
/// A connection without heartbeats is closed after this.
const IDLE: Duration = Duration::from_secs(75);
/// Messages without a token within a second.
const OPEN_MAX: usize = 8;
/// Orders of a snapshot's message.
const SNAPSHOT_PAGE: usize = 50;

pub async fn open(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    if shared.knobs().streams_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade.on_upgrade(move |socket| Connection::new(shared, socket).run())
}

struct Connection {
    shared: Shared,
    socket: WebSocket,
    number: u64,
    subscriptions: BTreeMap<String, BTreeSet<String>>,
    beats: u64,
    /// When messages without a token came.
    open: Vec<Instant>,
}

/// The other side has gone.
struct Gone;

impl Connection {
    fn new(shared: Shared, socket: WebSocket) -> Self {
        Self { shared, socket, number: 0, subscriptions: BTreeMap::new(), beats: 0, open: Vec::new() }
    }

    async fn run(mut self) {
        let mut kick = self.shared.kick.subscribe();
        let mut events = self.shared.exchange.listen();
        let mut beat = interval(Duration::from_secs(1));
        let opened = Instant::now();
        loop {
            let silent = self.subscriptions.is_empty().then_some(opened + DEADLINE);
            let idle = (!self.has("heartbeats")).then_some(opened + IDLE);
            let end = silent.or(idle).unwrap_or(opened + Duration::from_secs(86_400));
            let done = tokio::select! {
                _ = kick.recv() => return,
                () = sleep_until(end) => return,
                event = events.recv() => match event {
                    Ok(event) => self.event(event).await,
                    Err(_) => return,
                },
                _ = beat.tick() => self.beat().await,
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&text).await,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => Ok(()),
                },
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn has(&self, channel: &str) -> bool {
        self.subscriptions.contains_key(channel)
    }

    fn wants(&self, channel: &str, product: &str) -> bool {
        self.subscriptions.get(channel).is_some_and(|ids| {
            ids.iter().any(|id| {
                let row = product_row(&self.shared.exchange, id).unwrap_or_default();
                id == product || row["alias"] == product
            })
        })
    }

    async fn say(&mut self, text: String) -> Result<(), Gone> {
        self.socket.send(Message::Text(text.into())).await.map_err(|_| Gone)
    }

    async fn send(&mut self, channel: &str, events: Value) -> Result<(), Gone> {
        if std::mem::take(&mut self.shared.knobs().skip_number) {
            self.number += 1;
        }
        let at = rfc3339(self.shared.now_ms());
        let frame = json!({"channel": channel, "client_id": "", "timestamp": at, "sequence_num": self.number, "events": events});
        self.number += 1;
        self.say(frame.to_string()).await
    }

    async fn complain(&mut self, message: &str) -> Result<(), Gone> {
        self.say(json!({"type": "error", "message": message}).to_string()).await
    }

    async fn beat(&mut self) -> Result<(), Gone> {
        if !self.has("heartbeats") {
            return Ok(());
        }
        self.beats += 1;
        let event = json!([{"current_time": "2026-01-01 00:00:01.820713045 +0000 UTC m=+1.5", "heartbeat_counter": self.beats}]);
        self.send("heartbeats", event).await
    }

    async fn hear(&mut self, text: &str) -> Result<(), Gone> {
        let Ok(asked) = serde_json::from_str::<Value>(text) else {
            return self.complain("invalid message").await;
        };
        let channel = asked["channel"].as_str().unwrap_or_default().to_owned();
        let ids: BTreeSet<String> = asked["product_ids"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|id| id.as_str().map(str::to_owned))
            .collect();
        let private = matches!(channel.as_str(), "user" | "futures_balance_summary");
        let token = asked["jwt"].as_str().map(str::to_owned);
        if (private || token.is_some())
            && self.shared.admit(token.as_deref().unwrap_or_default(), None).is_err()
        {
            return self.complain("authentication failure").await;
        }
        if token.is_none() {
            self.open.retain(|at| at.elapsed() < Duration::from_secs(1));
            self.open.push(Instant::now());
            if self.open.len() > OPEN_MAX {
                return self.complain("rate limit exceeded").await;
            }
        }
        let known = [
            "heartbeats",
            "ticker",
            "ticker_batch",
            "level2",
            "market_trades",
            "candles",
            "status",
            "user",
            "futures_balance_summary",
        ];
        if !known.contains(&channel.as_str()) {
            return self.complain("unknown channel").await;
        }
        if let Some(bad) = ids.iter().find(|id| product_row(&self.shared.exchange, id).is_none()) {
            return self.complain(&format!("{bad} is not a valid product")).await;
        }
        if asked["type"] == "unsubscribe" {
            if let Some(set) = self.subscriptions.get_mut(&channel) {
                set.retain(|id| !ids.contains(id));
                if set.is_empty() {
                    self.subscriptions.remove(&channel);
                }
            }
            return self.list().await;
        }
        let set = self.subscriptions.entry(channel.clone()).or_default();
        match channel.as_str() {
            "user" => set.insert(USER.to_owned()),
            "heartbeats" | "futures_balance_summary" => set.insert(channel.clone()),
            _ => false,
        };
        set.extend(ids.clone());
        if self.shared.knobs().snapshot_first {
            self.snapshot(&channel, &ids).await?;
            return self.list().await;
        }
        self.list().await?;
        self.snapshot(&channel, &ids).await
    }

    async fn list(&mut self) -> Result<(), Gone> {
        let events = json!([{"subscriptions": self.subscriptions}]);
        self.send("subscriptions", events).await
    }

    async fn snapshot(&mut self, channel: &str, ids: &BTreeSet<String>) -> Result<(), Gone> {
        if channel == "user" {
            let exchange = self.shared.exchange.clone();
            let open: Vec<Value> = tails(&exchange)
                .iter()
                .filter(|order| order.status == Status::Working)
                .map(|order| self.order(order, status_word(order)))
                .collect();
            let mut pages: Vec<Vec<Value>> = open.chunks(SNAPSHOT_PAGE).map(<[Value]>::to_vec).collect();
            if pages.last().is_none_or(|page| page.len() == SNAPSHOT_PAGE) {
                pages.push(Vec::new());
            }
            for page in pages {
                let positions = json!({"perpetual_futures_positions": [], "expiring_futures_positions": []});
                self.send("user", json!([{"type": "snapshot", "orders": page, "positions": positions}]))
                    .await?;
            }
            return Ok(());
        }
        for id in ids {
            let row = product_row(&self.shared.exchange, id).unwrap();
            let book = row["alias"].as_str().filter(|alias| !alias.is_empty()).unwrap_or(id).to_owned();
            if let Some(top) = self.shared.exchange.top_of(&book) {
                self.market(channel, &book, top, "snapshot").await?;
            }
        }
        Ok(())
    }

    /// News of one product on one channel.
    async fn market(&mut self, channel: &str, id: &str, top: Top, kind: &str) -> Result<(), Gone> {
        let text = |value: Decimal| value.to_string();
        let now = rfc3339(self.shared.now_ms());
        let middle = (top.bid + top.ask) / Decimal::TWO;
        let (name, event) = match channel {
            "ticker" | "ticker_batch" => (
                channel,
                json!({"type": kind, "tickers": [{"type": "ticker", "product_id": id, "price": text(middle),
                    "volume_24_h": "11005.02587005", "low_24_h": "95", "high_24_h": "105", "low_52_w": "25",
                    "high_52_w": "738", "price_percent_chg_24_h": "25", "best_bid": text(top.bid),
                    "best_bid_quantity": text(top.bid_size), "best_ask": text(top.ask), "best_ask_quantity": text(top.ask_size)}]}),
            ),
            "level2" => {
                let row = |side: &str, price: Decimal, size: Decimal| json!({"side": side, "event_time": now, "price_level": text(price), "new_quantity": text(size)});
                let below = top.bid - Decimal::ONE;
                let updates = [
                    row("bid", top.bid, top.bid_size),
                    row("bid", below, Decimal::TWO),
                    row("offer", top.ask, top.ask_size),
                ];
                ("l2_data", json!({"type": kind, "product_id": id, "updates": updates}))
            }
            "market_trades" => (
                channel,
                json!({"type": kind, "trades": [{"trade_id": "1", "product_id": id, "price": text(middle), "size": "0.001",
                    "side": "SELL", "time": now}]}),
            ),
            "candles" => (
                channel,
                json!({"type": kind, "candles": [{"start": "1767322800", "high": "101", "low": "99", "open": "100",
                    "close": "100", "volume": "3.5", "product_id": id}]}),
            ),
            _ => return Ok(()),
        };
        self.send(name, json!([event])).await
    }

    fn order(&self, order: &Order, status: &str) -> Value {
        let exchange = &self.shared.exchange;
        let root = root_of(exchange, order);
        let (limit, stop) = match order.new.terms {
            Terms::Limit(limit) => (limit.to_string(), String::new()),
            Terms::StopLimit { stop, limit } | Terms::Oco { stop, limit } => {
                (limit.to_string(), stop.to_string())
            }
            _ => (String::new(), String::new()),
        };
        let kind = match order.new.terms {
            Terms::Market => "Market",
            Terms::StopLimit { .. } => "Stop Limit",
            Terms::Oco { .. } => "Bracket",
            _ => "Limit",
        };
        let ended = order.status != Status::Working;
        json!({"order_id": id_of(exchange, order), "client_order_id": root.new.client_id,
            "product_id": root.new.wire["product_id"], "product_type": "SPOT",
            "order_side": if order.new.buy { "BUY" } else { "SELL" }, "order_type": kind,
            "time_in_force": "GOOD_UNTIL_CANCELLED", "status": status, "limit_price": limit, "stop_price": stop,
            "avg_price": order.average().unwrap_or_default().to_string(), "cumulative_quantity": order.filled.to_string(),
            "leaves_quantity": if ended { "0".to_owned() } else { order.leaves().to_string() },
            "completion_percentage": "0", "filled_value": order.notional.to_string(), "number_of_fills": "0",
            "total_fees": "0", "total_value_after_fees": "0", "outstanding_hold_amount": "0", "post_only": "false",
            "trigger_status": "INVALID_ORDER_TYPE", "cancel_reason": "", "reject_reason": "",
            "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE", "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
            "retail_portfolio_id": PORTFOLIO, "creation_time": rfc3339(root.entered_ms),
            "end_time": "0001-01-01T00:00:00Z", "start_time": "0001-01-01T00:00:00Z"})
    }

    async fn event(&mut self, event: Event) -> Result<(), Gone> {
        if let Event::Quote(id, top) = event {
            for channel in ["ticker", "level2", "market_trades"] {
                if self.wants(channel, &id) {
                    self.market(channel, &id, top, "update").await?;
                }
            }
            return Ok(());
        }
        if !self.has("user") {
            return Ok(());
        }
        let steps: Vec<(&Order, &str)> = match &event {
            Event::New(order) if order.replaces.is_none() => vec![(order, "PENDING"), (order, "OPEN")],
            Event::Fill(order, _) => vec![(order, status_word(order))],
            Event::Canceled(order) => vec![(order, "CANCEL_QUEUED"), (order, "CANCELLED")],
            Event::Replaced(old, new) => vec![(old, "EDIT_QUEUED"), (new, "OPEN")],
            Event::New(_) | Event::Quote(..) => Vec::new(),
        };
        let rows: Vec<Value> = steps.into_iter().map(|(order, status)| self.order(order, status)).collect();
        for row in rows {
            self.send("user", json!([{"type": "update", "orders": [row]}])).await?;
        }
        Ok(())
    }
}
