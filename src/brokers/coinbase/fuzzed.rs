//! Messages of the streams that nobody would send (reliability C6).

use rust_decimal::Decimal;

use super::channel::{Channel, Heard};
use super::feed::day_ago;
use crate::brokers::json::decimal_of;
use crate::brokers::stream::Frame;
use crate::fuzz;

/// What the broker's own client was sent.
fn recorded() -> Vec<Vec<u8>> {
    let wire: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/brokers/coinbase/sdk-wire.json")).unwrap();
    let exchanges = wire["websocket"].as_array().unwrap().iter();
    let messages = exchanges.flat_map(|exchange| exchange["server"].as_array().cloned().unwrap_or_default());
    messages.map(|message| message.to_string().into_bytes()).collect()
}

#[test]
fn c6_coinbase_messages() {
    let mut corpus = recorded();
    assert!(corpus.len() > 5);
    corpus.push(br#"{"type":"error","message":"authentication failure"}"#.to_vec());
    corpus.push(
        br#"{"channel":"user","timestamp":"2026-01-02T03:04:05Z","sequence_num":7,"events":[]}"#.to_vec(),
    );
    fuzz::run("c6_coinbase_messages", &corpus, 10_000, |input| {
        let mut channel = Channel::default();
        channel.reopen();
        let frame = Frame::text(String::from_utf8_lossy(input).into_owned());
        // Twice: the first sets the count, the second follows it.
        for _ in 0..2 {
            match channel.hear(&frame) {
                Ok(Heard::Complaint(text)) => fuzz::assert_shows_safely(&text),
                Ok(_) => {}
                Err(error) => fuzz::assert_shows_safely(&error.to_string()),
            }
        }
    });
}

#[test]
fn c6_coinbase_figures() {
    let corpus: Vec<Vec<u8>> = ["60123.5 -2.31 0.01", "0.00001234 15.5 0.00000001", "1 -100 1"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    fuzz::run("c6_coinbase_figures", &corpus, 10_000, |input| {
        let text = String::from_utf8_lossy(input);
        let mut figures = text.split(' ').filter_map(|word| decimal_of(word).ok());
        let (Some(price), Some(change), Some(tick)) = (figures.next(), figures.next(), figures.next()) else {
            return;
        };
        if let Some(before) = day_ago(price, change, tick.abs()) {
            assert!(before.get() >= Decimal::ZERO, "{price} {change}");
        }
    });
}
