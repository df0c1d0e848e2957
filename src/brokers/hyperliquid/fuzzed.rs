//! Messages of the streams that nobody would send (reliability C6).

use super::user_stream::{data, message};
use super::wire::{
    AssetContext, Book, Notification, OrderWithStatus, Top, Trade, UserFills, UserFundings, UserLedger,
};
use crate::brokers::stream::{Frame, StreamError};
use crate::fuzz;

#[test]
fn c6_hyperliquid_messages() {
    let wire: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/brokers/hyperliquid/sdk-wire.json"))
            .unwrap();
    let exchanges = wire["websocket"].as_array().unwrap().iter();
    let messages = exchanges.flat_map(|exchange| exchange["server"].as_array().cloned().unwrap_or_default());
    let corpus: Vec<Vec<u8>> = messages.map(|message| message.to_string().into_bytes()).collect();
    assert!(corpus.len() > 10);
    let told = |error: StreamError| fuzz::assert_shows_safely(&error.to_string());
    fuzz::run("c6_hyperliquid_messages", &corpus, 10_000, |input| {
        let frame = Frame::text(String::from_utf8_lossy(input).into_owned());
        let message = match message(&frame) {
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(error) => return told(error),
        };
        let read = match message.channel.as_str() {
            "bbo" => data::<Top>(&message).map(drop),
            "trades" => data::<Vec<Trade>>(&message).map(drop),
            "l2Book" => data::<Book>(&message).map(drop),
            "activeAssetCtx" => data::<AssetContext>(&message).map(drop),
            "orderUpdates" => data::<Vec<OrderWithStatus>>(&message).map(drop),
            "userFills" => data::<UserFills>(&message).map(drop),
            "userFundings" => data::<UserFundings>(&message).map(drop),
            "userNonFundingLedgerUpdates" => data::<UserLedger>(&message).map(drop),
            "notification" => data::<Notification>(&message).map(drop),
            _ => data::<serde_json::Value>(&message).map(drop),
        };
        read.unwrap_or_else(told);
    });
}
