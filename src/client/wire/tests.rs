//! Messages as they cross the socket, and pictures told by what changed.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::limits::TradingState;
use crate::domain::money::{Price, Quantity};
use crate::domain::note::SymbolNote;
use crate::domain::order::Order;
use crate::domain::order::{OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side};
use crate::domain::quote::{Feed, Quote};
use crate::domain::snapshot::{Connection, LogLine, Severity, Snapshot, Watchlist};

fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

fn share(n: u64) -> Instrument {
    Instrument::equity(&format!("S{n}")).unwrap()
}

fn order(n: u64, status: OrderStatus) -> Order {
    let request = OrderRequest::plain(
        ClientOrderId::from_parts(n, 7),
        AccountId::new("paper"),
        Origin { kind: OriginKind::Cli, name: None },
        OrderSubject::Instrument(share(n % 5)),
        Side::Buy,
        Quantity::from(10),
        Pricing::Market,
    );
    Order::new(OrderNumber(n), request, status, at(n))
}

fn quote(n: u64, price: u64) -> Quote {
    let mut quote = Quote::empty(share(n), at(price), Feed::Simulated);
    quote.close_at(Price::from(i64::try_from(price).unwrap()), at(price));
    quote
}

fn line(n: u64) -> LogLine {
    LogLine { at: at(n), severity: Severity::Info, code: "TEST".into(), text: format!("line {n}") }
}

fn empty() -> Snapshot {
    Snapshot::blank(at(0), "default", AccountId::new("paper"), Feed::Simulated)
}

/// A picture after another: a few things of each kind come, change and go, as a number decides.
fn next(before: &Snapshot, mut bits: u64) -> Snapshot {
    let mut roll = |sides: u64| {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (bits >> 33) % sides
    };
    let mut after = before.clone();
    after.seq += 1 + roll(3);
    after.now = at(after.seq);
    if roll(3) == 0 {
        after.trading_state = TradingState::Halted;
    }
    if roll(2) == 0 {
        let mut orders = after.orders.as_ref().clone();
        orders.retain(|_| roll(5) != 0);
        for known in &mut orders {
            if roll(3) == 0 {
                known.status = OrderStatus::Filled;
            }
        }
        orders.push(order(after.seq, OrderStatus::Submitted));
        orders.sort_by_key(|order| Reverse(order.number));
        after.orders = Arc::new(orders);
    }
    if roll(4) != 0 {
        let quotes = Arc::make_mut(&mut after.quotes);
        for n in 0..roll(6) {
            if roll(6) == 0 {
                quotes.remove(&share(n));
            } else {
                quotes.insert(share(n), quote(n, after.seq * 10 + n));
            }
        }
    }
    if roll(2) == 0 {
        let mut log = after.log.as_ref().clone();
        log.extend((0..=roll(3)).map(|n| line(after.seq * 10 + n)));
        let gone = log.len().saturating_sub(6);
        after.log = Arc::new(log.split_off(gone));
    }
    if roll(3) == 0 {
        let name = format!("list {}", after.seq);
        after.watchlists = Arc::new(vec![Watchlist { name: name.into(), instruments: vec![share(1)] }]);
    }
    if roll(3) == 0 {
        after.connections = Arc::new(vec![Connection::new("sim", roll(2) == 0, "market data")]);
    }
    if roll(3) == 0 {
        let (id, text) = (crate::domain::note::NoteId(after.seq), "gap".to_owned());
        after.notes = Arc::new(vec![SymbolNote { id, instrument: share(1), at: after.now, text }]);
    }
    after
}

/// As it crosses the socket.
fn sent<T: Serialize + serde::de::DeserializeOwned>(message: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(message).unwrap()).unwrap()
}

#[test]
fn every_message_is_read_as_it_was_written() {
    let picture = next(&next(&empty(), 1), 2);
    let update = ToClient::Update(Box::new(Update::whole(&picture)));
    let bytes = serde_json::to_vec(&update).unwrap();
    assert!(bytes.starts_with(UPDATE), "its tag comes first: {}", String::from_utf8_lossy(&bytes[..40]));
    for message in [
        update,
        ToClient::Update(Box::new(Update::between(&picture, &picture))),
        ToClient::Answer { id: 7, answer: Box::new(Err(SessionError::Usage("update".to_owned()))) },
        ToClient::Bye { reason: "{\"message\":\"update\",".to_owned() },
    ] {
        assert_eq!(ToClient::read(&serde_json::to_vec(&message).unwrap()).unwrap(), message);
    }
    assert!(ToClient::read(br#"{"message":"update","seq":1}"#).is_err());
    assert!(ToClient::read(b"").is_err());
}

#[test]
fn a_front_end_that_is_told_what_changed_has_the_same_picture() {
    for seed in 0..200 {
        let mut truth = empty();
        let mut shown = sent(&Update::whole(&truth)).applied_to(None).unwrap();
        assert_eq!(shown, truth);
        for turn in 0..30 {
            let after = next(&truth, seed * 1_000 + turn);
            shown = sent(&Update::between(&truth, &after)).applied_to(Some(&shown)).unwrap();
            assert_eq!(shown, after, "seed {seed}, turn {turn}");
            truth = after;
        }
        assert_eq!(sent(&Update::whole(&truth)).applied_to(None).unwrap(), truth);
    }
}

#[test]
fn an_update_from_another_picture_is_not_taken() {
    let first = empty();
    let second = next(&first, 3);
    let third = next(&second, 4);
    assert!(Update::between(&second, &third).applied_to(Some(&first)).is_none());
    assert!(Update::between(&second, &third).applied_to(None).is_none());
}

#[test]
fn nothing_changed_is_little_to_say() {
    let picture = next(&next(&empty(), 1), 2);
    let bytes = serde_json::to_vec(&Update::between(&picture, &picture)).unwrap();
    assert!(bytes.len() < 100, "{}", String::from_utf8_lossy(&bytes));
}

#[test]
fn versions_that_have_one_in_common_get_along() {
    assert_eq!(common_protocol((PROTOCOL, PROTOCOL + 3)), Some(PROTOCOL));
    assert_eq!(common_protocol((0, PROTOCOL_MIN)), Some(PROTOCOL_MIN));
    assert_eq!(common_protocol((PROTOCOL + 1, PROTOCOL + 3)), None);
    assert_eq!(common_protocol((0, PROTOCOL_MIN - 1)), None);
}
