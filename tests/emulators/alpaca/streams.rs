//! The streams: what happens to orders, and prices.

use std::collections::BTreeSet;

use axum::extract::State as Given;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::{Desk, LegFill, activities, data, pack, text, time};
use crate::emulators::exchange::{Event, Fill, Order, Status, now_ms};

/// Turns what happens in the books into messages, and lets brackets and packages live.
pub async fn tell(desk: Desk, mut events: broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(event) => desk.happen(event),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

impl Desk {
    fn update(&self, event: &str, order: &Order) {
        let order = self.show(order, true);
        self.say(json!({ "event": event, "order": order, "timestamp": time(now_ms()) }));
    }

    fn happen(&self, event: Event) {
        match event {
            Event::New(order) => self.update("new", &order),
            Event::Canceled(order) => {
                self.update("canceled", &order);
                self.end_group(order.number);
            }
            Event::Replaced(old, new) => {
                self.update("replaced", &old);
                self.update("new", &new);
            }
            Event::Fill(order, fill) => self.filled(&order, &fill),
            Event::Quote(symbol, top) => {
                if !symbol.starts_with("mleg") {
                    self.price_packages();
                    let message = data::quote_message(&symbol, &top);
                    self.0.ticks.send((symbol, message)).ok();
                }
            }
        }
    }

    fn filled(&self, order: &Order, fill: &Fill) {
        let legs = self.legs_of(&order.new.symbol);
        if legs.is_empty() {
            let message = data::trade_message(fill);
            self.0.ticks.send((fill.symbol.clone(), message)).ok();
        } else {
            self.fill_legs(order, fill, &legs);
        }
        let signed = if fill.buy { fill.quantity } else { -fill.quantity };
        let position = self.exchange().positions().into_iter().find(|(symbol, ..)| *symbol == fill.symbol);
        let event = if order.status == Status::Filled { "fill" } else { "partial_fill" };
        self.say(json!({
            "event": event, "execution_id": activities::execution_id(fill.number), "order": self.show(order, true),
            "timestamp": time(fill.at_ms), "price": text(fill.price), "qty": text(fill.quantity),
            "position_qty": text(position.map_or(signed, |(_, units, _)| units)),
        }));
        let is_child = self.state().children.iter().any(|child| child.number == Some(order.number));
        if order.status == Status::Filled {
            if order.new.wire["class"] == "oco" || is_child {
                self.end_group(order.number);
            } else {
                self.wake_children(order.number);
            }
        }
    }

    fn fill_legs(&self, order: &Order, fill: &Fill, legs: &[super::PackageLeg]) {
        for (at, leg) in legs.iter().enumerate() {
            let quantity = fill.quantity * leg.ratio;
            let top = self.exchange().top_of(&leg.symbol).unwrap();
            let price = if leg.buy { top.ask } else { top.bid };
            let held = self.exchange().positions().into_iter().find(|(symbol, ..)| *symbol == leg.symbol);
            let units = held.map_or(Decimal::ZERO, |(_, units, _)| units);
            let signed = if leg.buy { quantity } else { -quantity };
            self.exchange().hold(&leg.symbol, units + signed, price);
            let mut state = self.state();
            let number = state.leg_fills.len() as u64 + 1;
            state.leg_fills.push(LegFill {
                number,
                order_id: Self::leg_id(order.number, at),
                symbol: leg.symbol.clone(),
                buy: leg.buy,
                quantity,
                price,
                at_ms: fill.at_ms,
                leaves: order.leaves() * leg.ratio,
            });
        }
    }
}

fn refused(desk: &Desk) -> Option<Response> {
    desk.state().streams_down.then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

pub async fn trades(Given(desk): Given<Desk>, upgrade: WebSocketUpgrade) -> Response {
    if let Some(response) = refused(&desk) {
        return response;
    }
    upgrade.on_upgrade(move |socket| serve_trades(desk, socket))
}

fn frame(desk: &Desk, message: &Value) -> Message {
    if desk.state().text_frames {
        Message::text(message.to_string())
    } else {
        Message::binary(message.to_string().into_bytes())
    }
}

async fn serve_trades(desk: Desk, mut socket: WebSocket) {
    let mut messages = desk.0.trades.subscribe();
    let mut cut = desk.0.cut.subscribe();
    let (mut known, mut listens) = (false, false);
    loop {
        let answer = tokio::select! {
            _ = cut.recv() => return,
            message = messages.recv() => match message {
                Ok(message) if listens => message,
                Ok(_) => continue,
                Err(_) => return,
            },
            said = socket.recv() => {
                let Some(Ok(said)) = said else { return };
                let Ok(said) = serde_json::from_slice::<Value>(&said.into_data()) else { continue };
                match said["action"].as_str() {
                    Some(action @ ("authenticate" | "auth")) => {
                        known = desk.knows(&said);
                        let status = if known { "authorized" } else { "unauthorized" };
                        json!({ "stream": "authorization", "data": { "status": status, "action": action } })
                    }
                    Some("listen") if known => {
                        let wanted = said["data"]["streams"].as_array().cloned().unwrap_or_default();
                        listens = wanted.iter().any(|stream| stream == "trade_updates");
                        let streams = if listens { vec!["trade_updates"] } else { Vec::new() };
                        json!({ "stream": "listening", "data": { "streams": streams } })
                    }
                    _ => json!({ "stream": "authorization", "data": { "status": "unauthorized", "action": "listen" } }),
                }
            }
        };
        if socket.send(frame(&desk, &answer)).await.is_err() {
            return;
        }
    }
}

impl Desk {
    /// Are these the keys, in any of the forms that a stream takes.
    fn knows(&self, said: &Value) -> bool {
        let state = self.state();
        let data = &said["data"];
        let pair = |key: &Value, secret: &Value| {
            *key == state.key_id.as_str() && *secret == state.secret_key.as_str()
        };
        pair(&data["key_id"], &data["secret_key"])
            || pair(&said["key"], &said["secret"])
            || data["oauth_token"] == state.token.as_str()
            || (said["key"] == "oauth" && said["secret"] == state.token.as_str())
    }
}

/// Which prices a stream has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stocks,
    Options,
    Crypto,
}

pub async fn stocks(given: Given<Desk>, headers: HeaderMap, uri: Uri, upgrade: WebSocketUpgrade) -> Response {
    prices(given, headers, uri, upgrade, Kind::Stocks)
}

pub async fn options(
    given: Given<Desk>,
    headers: HeaderMap,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Response {
    prices(given, headers, uri, upgrade, Kind::Options)
}

pub async fn crypto(given: Given<Desk>, headers: HeaderMap, uri: Uri, upgrade: WebSocketUpgrade) -> Response {
    prices(given, headers, uri, upgrade, Kind::Crypto)
}

fn prices(
    Given(desk): Given<Desk>,
    headers: HeaderMap,
    uri: Uri,
    upgrade: WebSocketUpgrade,
    kind: Kind,
) -> Response {
    if let Some(response) = refused(&desk) {
        return response;
    }
    let packed = headers.get("content-type").is_some_and(|value| value == "application/msgpack");
    let known = headers.contains_key("apca-api-key-id") && desk.accepts(&headers);
    upgrade.on_upgrade(move |socket| async move {
        let mut line = Prices {
            path: uri.path().to_owned(),
            desk,
            socket,
            packed,
            kind,
            known,
            wanted: Wanted::default(),
        };
        line.serve().await;
    })
}

#[derive(Default)]
struct Wanted {
    trades: BTreeSet<String>,
    quotes: BTreeSet<String>,
    others: BTreeSet<(String, String)>,
}

struct Prices {
    path: String,
    desk: Desk,
    socket: WebSocket,
    packed: bool,
    kind: Kind,
    known: bool,
    wanted: Wanted,
}

/// A control message.
fn control(kind: &str, text: &str) -> Value {
    json!([{ "T": kind, "msg": text }])
}

fn error(code: u32, text: &str) -> Value {
    json!([{ "T": "error", "code": code, "msg": text }])
}

impl Prices {
    async fn send(&mut self, message: &Value) -> bool {
        let frame = if self.packed {
            Message::binary(pack::write(message))
        } else {
            Message::text(message.to_string())
        };
        self.socket.send(frame).await.is_ok()
    }

    async fn serve(&mut self) {
        let mut ticks = self.desk.0.ticks.subscribe();
        let mut cut = self.desk.0.cut.subscribe();
        if !self.send(&control("success", "connected")).await {
            return;
        }
        if self.known && !self.send(&control("success", "authenticated")).await {
            return;
        }
        loop {
            let answer = tokio::select! {
                _ = cut.recv() => break,
                tick = ticks.recv() => match tick {
                    Ok((symbol, message)) if self.wants(&symbol, &message) => Some(json!([message])),
                    Ok(_) => None,
                    Err(_) => break,
                },
                said = self.socket.recv() => {
                    let Some(Ok(said)) = said else { break };
                    match said {
                        Message::Ping(_) | Message::Pong(_) => None,
                        Message::Close(_) => break,
                        said => {
                            let bytes = said.into_data();
                            let read = if self.packed { pack::read(&bytes) } else { serde_json::from_slice(&bytes).ok() };
                            Some(read.map_or_else(|| error(400, "invalid syntax"), |said| self.answer(&said)))
                        }
                    }
                }
            };
            if let Some(answer) = answer
                && !self.send(&answer).await
            {
                break;
            }
        }
        if self.known {
            let path = self.path.clone();
            self.desk.state().open.entry(path).and_modify(|count| *count = count.saturating_sub(1));
        }
    }

    fn wants(&self, symbol: &str, message: &Value) -> bool {
        let is_crypto = symbol.contains('/');
        let is_option = super::rules::asset_class(symbol) == "us_option";
        let fits = match self.kind {
            Kind::Crypto => is_crypto,
            Kind::Options => is_option,
            Kind::Stocks => !is_crypto && !is_option,
        };
        let set = match message["T"].as_str() {
            Some("t") => &self.wanted.trades,
            Some("q") => &self.wanted.quotes,
            other => {
                let channel = match other {
                    Some("d") => "dailyBars",
                    Some("o") => "orderbooks",
                    Some("s") => "statuses",
                    _ => "bars",
                };
                return fits && self.wanted.others.contains(&(channel.to_owned(), symbol.to_owned()));
            }
        };
        fits && (set.contains(symbol) || set.contains("*"))
    }

    fn answer(&mut self, said: &Value) -> Value {
        match said["action"].as_str() {
            Some("auth") if self.known => error(403, "already authenticated"),
            Some("auth") if !self.desk.knows(said) => error(402, "auth failed"),
            Some("auth") => {
                let mut state = self.desk.state();
                let sip = self.path.ends_with("/sip") && !state.sip;
                let open = state.open.entry(self.path.clone()).or_default();
                if *open > 0 {
                    return error(406, "connection limit exceeded");
                }
                if sip {
                    return error(409, "insufficient subscription");
                }
                *open += 1;
                drop(state);
                self.known = true;
                control("success", "authenticated")
            }
            _ if !self.known => error(401, "not authenticated"),
            Some("subscribe") if self.kind == Kind::Options && !self.packed => {
                error(412, "option messages are only available in MsgPack format")
            }
            Some("subscribe") => self.subscribe(said),
            Some("unsubscribe") => {
                for (channel, symbol) in listed(said) {
                    match channel.as_str() {
                        "trades" => self.wanted.trades.remove(&symbol),
                        "quotes" => self.wanted.quotes.remove(&symbol),
                        _ => self.wanted.others.remove(&(channel, symbol)),
                    };
                }
                self.subscription()
            }
            _ => error(400, "invalid syntax"),
        }
    }

    fn subscribe(&mut self, said: &Value) -> Value {
        let listed = listed(said);
        if self.kind == Kind::Options
            && listed.iter().any(|(channel, symbol)| channel == "quotes" && symbol == "*")
        {
            return error(413, "star subscription is not allowed for option quotes");
        }
        let mut symbols: BTreeSet<&str> = self.wanted.quotes.iter().map(String::as_str).collect();
        symbols.extend(listed.iter().filter(|(c, _)| c == "quotes").map(|(_, symbol)| symbol.as_str()));
        if symbols.len() > self.desk.state().symbols_max {
            return error(405, "symbol limit exceeded");
        }
        for (channel, symbol) in listed {
            match channel.as_str() {
                "trades" => self.wanted.trades.insert(symbol),
                "quotes" => self.wanted.quotes.insert(symbol),
                _ => self.wanted.others.insert((channel, symbol)),
            };
        }
        self.subscription()
    }

    fn subscription(&self) -> Value {
        let of = |channel: &str| -> Vec<&String> {
            self.wanted.others.iter().filter(|(of, _)| of == channel).map(|(_, symbol)| symbol).collect()
        };
        json!([{
            "T": "subscription", "trades": self.wanted.trades, "quotes": self.wanted.quotes, "bars": of("bars"),
            "updatedBars": of("updatedBars"), "dailyBars": of("dailyBars"), "orderbooks": of("orderbooks"),
            "statuses": of("statuses"), "lulds": of("lulds"), "corrections": self.wanted.trades,
            "cancelErrors": self.wanted.trades,
        }])
    }
}

/// Channel and symbol of everything that a message names.
fn listed(said: &Value) -> Vec<(String, String)> {
    let channels =
        said.as_object().unwrap().iter().filter_map(|(name, value)| Some((name, value.as_array()?)));
    channels
        .flat_map(|(name, symbols)| {
            symbols.iter().filter_map(|symbol| Some((name.clone(), symbol.as_str()?.to_owned())))
        })
        .collect()
}
