//! The streamer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering as Atomic;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::exchange::{Event, Top, now_ms};
use super::{Books, NUMBER, ORDER_BASE, number};

pub async fn preference(State(books): State<Books>) -> Json<Value> {
    let address = books.desk.address.lock().unwrap().clone();
    Json(json!({"accounts": [{"accountNumber": NUMBER, "primaryAccount": true, "type": "BROKERAGE"}],
        "streamerInfo": [{"streamerSocketUrl": format!("ws://{address}/ws"), "schwabClientCustomerId": "cust-1",
            "schwabClientCorrelId": "correl-1", "schwabClientChannel": "N9", "schwabClientFunctionId": "APIAPP"}],
        "offers": [{"level2Permissions": true, "mktDataPermission": "NP"}]}))
}

pub async fn stream(State(books): State<Books>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| talk(books, socket))
}

fn reply(request: &Value, code: i64, words: &str) -> Message {
    let id = request["requestid"].as_str().map_or_else(|| request["requestid"].to_string(), str::to_owned);
    let body = json!({"response": [{"service": request["service"], "command": request["command"], "requestid": id,
        "SchwabClientCorrelId": "correl-1", "timestamp": now_ms(), "content": {"code": code, "msg": words}}]});
    Message::Text(body.to_string().into())
}

/// One stream: one per user, so that a newer one cuts it.
async fn talk(books: Books, mut socket: WebSocket) {
    let mut events = books.exchange.listen();
    let mut cut = books.desk.cut.lock().unwrap().as_ref().unwrap().subscribe();
    let mine = books.desk.streams.fetch_add(1, Atomic::SeqCst) + 1;
    let (mut login, mut subscribed) = (false, BTreeMap::<String, BTreeSet<String>>::new());
    let mut sequence = 0_u64;
    let mut beat = tokio::time::interval(Duration::from_secs(10));
    loop {
        let outgoing: Vec<Message> = tokio::select! {
            code = cut.recv() => {
                let request = json!({"service": "ADMIN", "command": "LOGIN", "requestid": "0"});
                socket.send(reply(&request, code.unwrap_or(12), "cut")).await.ok();
                return;
            }
            _ = beat.tick() => vec![Message::Text(json!({"notify": [{"heartbeat": now_ms().to_string()}]}).to_string().into())],
            event = events.recv() => match event {
                Ok(event) if login => said_of(&books, &event, &subscribed, &mut sequence),
                Ok(_) => Vec::new(),
                Err(_) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let Ok(body) = serde_json::from_str::<Value>(&text) else {
                        socket.send(reply(&json!({}), 21, "BAD_COMMAND_FORMAT")).await.ok();
                        return;
                    };
                    let requests = body["requests"].as_array().cloned().unwrap_or_else(|| vec![body]);
                    let mut answers = Vec::new();
                    for request in requests {
                        if !command(&books, &request, &mut login, &mut subscribed, &mut answers) {
                            for answer in answers {
                                socket.send(answer).await.ok();
                            }
                            return;
                        }
                    }
                    answers
                }
                Some(Ok(_)) => Vec::new(),
                _ => return,
            },
        };
        if books.desk.streams.load(Atomic::SeqCst) != mine && login {
            let request = json!({"service": "ADMIN", "command": "LOGIN", "requestid": "0"});
            socket.send(reply(&request, 12, "CLOSE_CONNECTION")).await.ok();
            return;
        }
        for message in outgoing {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// A command; `false` ends the stream.
fn command(
    books: &Books,
    request: &Value,
    login: &mut bool,
    subscribed: &mut BTreeMap<String, BTreeSet<String>>,
    answers: &mut Vec<Message>,
) -> bool {
    books.desk.commands.lock().unwrap().push(request.clone());
    let (service, word) =
        (request["service"].as_str().unwrap_or_default(), request["command"].as_str().unwrap_or_default());
    if word == "LOGIN" {
        let token = request["parameters"]["Authorization"].as_str().unwrap_or_default();
        let good = books.desk.access.lock().unwrap().contains(token);
        if !good {
            answers.push(reply(request, 3, "Login Denied.: token is invalid or has expired."));
            return false;
        }
        *login = true;
        answers.push(reply(request, 0, "server=s0166bdv-2;status=PN"));
        return true;
    }
    if !*login {
        answers.push(reply(request, 20, "STREAM_CONN_NOT_FOUND"));
        return false;
    }
    if word == "LOGOUT" {
        answers.push(reply(request, 0, "SUCCESS"));
        return false;
    }
    let full = books.desk.full.lock().unwrap().clone();
    if let Some((_, code)) = full.filter(|(full, _)| full == service && matches!(word, "SUBS" | "ADD")) {
        answers.push(reply(request, code, "REACHED_SYMBOL_LIMIT"));
        return true;
    }
    let keys = request["parameters"]["keys"].as_str().unwrap_or_default();
    let keys: BTreeSet<String> = keys.split(',').map(str::to_owned).collect();
    let have = subscribed.entry(service.to_owned()).or_default();
    match word {
        "SUBS" => *have = keys.clone(),
        "ADD" => have.extend(keys.clone()),
        "UNSUBS" => have.retain(|key| !keys.contains(key)),
        _ => {
            answers.push(reply(request, 21, "BAD_COMMAND_FORMAT"));
            return true;
        }
    }
    answers.push(reply(request, 0, &format!("{word} command succeeded")));
    if word != "UNSUBS" {
        for key in &keys {
            if let Some(top) = books.exchange.top_of(key) {
                answers.extend(price(service, key, &top, Some(books.desk.delayed.load(Atomic::SeqCst))));
            }
        }
    }
    true
}

/// A quote or a book, whole. Whether it is late is said with the first one alone.
fn price(service: &str, key: &str, top: &Top, delayed: Option<bool>) -> Option<Message> {
    let (bid, ask) = (number(top.bid), number(top.ask));
    let (bid_size, ask_size) = (number(top.bid_size), number(top.ask_size));
    let mut content = match service {
        "LEVELONE_EQUITIES" => {
            json!({"key": key, "assetMainType": "EQUITY", "assetSubType": "COE", "cusip": "037833100",
            "1": bid, "2": ask, "4": bid_size, "5": ask_size, "34": now_ms()})
        }
        "LEVELONE_OPTIONS" => {
            json!({"key": key, "2": bid, "3": ask, "16": bid_size, "17": ask_size, "38": now_ms()})
        }
        "NASDAQ_BOOK" | "OPTIONS_BOOK" => {
            json!({"key": key, "1": now_ms(), "2": [{"0": bid, "1": bid_size, "2": 1, "3": []}],
            "3": [{"0": ask, "1": ask_size, "2": 1, "3": []}]})
        }
        _ => return None,
    };
    if let Some(delayed) = delayed.filter(|_| service.starts_with("LEVELONE")) {
        content["delayed"] = delayed.into();
    }
    let body = json!({"data": [{"service": service, "timestamp": now_ms(), "command": "SUBS", "content": [content]}]});
    Some(Message::Text(body.to_string().into()))
}

/// What a stream says of an event: prices to whom they are, and an order's words as JSON in a text.
fn said_of(
    books: &Books,
    event: &Event,
    subscribed: &BTreeMap<String, BTreeSet<String>>,
    sequence: &mut u64,
) -> Vec<Message> {
    if let Event::Quote(symbol, top) = event {
        let wanted = subscribed.iter().filter(|(_, keys)| keys.contains(symbol));
        return wanted.filter_map(|(service, _)| price(service, symbol, top, None)).collect();
    }
    if !subscribed.contains_key("ACCT_ACTIVITY") || books.desk.mute.load(Atomic::SeqCst) {
        return Vec::new();
    }
    let (word, inner, order, detail) = match event {
        Event::New(order) => ("OrderCreated", "OrderCreatedEventEquityOrder", order, json!({})),
        Event::Fill(order, fill) => {
            let lo = (fill.price * Decimal::from(1_000_000)).trunc().normalize().to_string();
            let info = json!({"ExecutionInfo": {"ExecutionId": fill.number.to_string(), "ExecutionQuantity": {"lo": (fill.quantity * Decimal::from(1_000_000)).trunc().normalize().to_string(), "signScale": 12},
                "ExecutionPrice": {"lo": lo, "signScale": 12}, "ExecutionTransType": "Fill"}});
            ("OrderFillCompleted", "OrderFillCompletedEventOrderLegQuantityInfo", order, info)
        }
        Event::Canceled(order) => (
            "OrderUROutCompleted",
            "OrderUROutCompletedEvent",
            order,
            json!({"OutCancelType": "ClientCancel"}),
        ),
        Event::Replaced(_, new) => ("ChangeCreated", "ChangeCreatedEventEquityOrder", new, json!({})),
        Event::Quote(..) => return Vec::new(),
    };
    *sequence += 1;
    let id = (ORDER_BASE + order.number).to_string();
    let data = json!({"SchwabOrderID": id, "AccountNumber": NUMBER, "BaseEvent": {"EventType": word, inner: detail}});
    let content = json!({"seq": *sequence, "key": "correl-1", "1": NUMBER, "2": word, "3": data.to_string()});
    let body = json!({"data": [{"service": "ACCT_ACTIVITY", "timestamp": now_ms(), "command": "SUBS", "content": [content]}]});
    let message = Message::Text(body.to_string().into());
    // Told twice: duplicates happen.
    vec![message.clone(), message]
}
