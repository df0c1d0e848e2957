//! Prices, without a key.

use std::time::Duration;

use arbion::brokers::hyperliquid::public_feed;
use arbion::brokers::limiter::SharedLimits;
use arbion::brokers::{BrokerError, BrokerSettings, FeedEvent, Market, SubmitOutcome, Wanted};
use arbion::domain::depth::Aggressor;
use arbion::domain::instrument::AssetClass;
use arbion::domain::quote::{Feed as Source, Interval};
use tokio::sync::{mpsc, watch};

use super::{ground, instrument};
use crate::contract::price;
use crate::emulators::faults::Fault;

#[tokio::test]
async fn quotes_bars_and_listings_need_no_key() {
    let ground = ground().await.with("dexs", "xyz");
    let feed = public_feed(&ground.settings).unwrap();
    assert!(
        feed.covers(Market::Class(AssetClass::Perpetual))
            && feed.covers(Market::Class(AssetClass::Crypto))
            && !feed.covers(Market::Class(AssetClass::Equity))
    );
    let asked = ["ETH-PERP", "PURR-USDC", "XYZ.TSLA-PERP", "BTC-USD", "OLD-PERP", "AAPL"].map(instrument);
    let quotes = feed.quotes(&asked).await.unwrap();
    let keys: Vec<String> = quotes.iter().map(|quote| quote.instrument.key()).collect();
    assert_eq!(keys, ["ETH-PERP", "PURR-USDC", "XYZ.TSLA-PERP"], "what is not known is absent");
    let eth = &quotes[0];
    assert_eq!((eth.bid, eth.ask, eth.feed), (Some(price("99.9")), Some(price("100.1")), Source::RealTime));
    assert_eq!((eth.previous_close, eth.last), (Some(price("98.9")), Some(price("100"))));
    assert_eq!(quotes[1].previous_close, Some(price("0.12")));
    assert!(feed.quotes(&[]).await.unwrap().is_empty());
    for interval in Interval::ALL {
        let end = arbion::brokers::clock::wall();
        let bars = feed.bars(&instrument("ETH-PERP"), interval, end, 5).await.unwrap();
        assert_eq!(bars.len(), 5, "{interval}");
        assert!(bars.windows(2).all(|pair| pair[0].start < pair[1].start) && bars[4].start < end);
        assert!(bars.iter().all(arbion::domain::quote::Bar::is_sound));
    }
    let missing =
        feed.bars(&instrument("NOPE-PERP"), Interval::Day1, arbion::brokers::clock::wall(), 5).await;
    assert!(matches!(missing, Err(BrokerError::NotFound { .. })));
    assert_eq!(feed.lookup("eth").await.unwrap()[0].instrument, instrument("ETH-PERP"));
    let equity = arbion::domain::instrument::Symbol::new("AAPL").unwrap();
    assert!(feed.expiries(&equity).await.unwrap().is_empty());
    // Nothing was signed, and nobody named.
    assert!(ground.posted("/exchange").is_empty());
}

#[tokio::test]
async fn a_read_that_fails_is_an_error() {
    let ground = ground().await;
    let feed = public_feed(&ground.settings).unwrap();
    feed.quotes(&[instrument("ETH-PERP")]).await.unwrap();
    for body in ["<html>", "", "7", "[1,2]"] {
        ground.emulator.server.faults.once("POST", "/info", Fault::answer(200, body));
        let error = feed.quotes(&[instrument("ETH-PERP")]).await.unwrap_err();
        assert!(matches!(error, BrokerError::Unreadable { .. }), "{body}: {error}");
    }
    let long = "x".repeat(9 << 20);
    ground.emulator.server.faults.once("POST", "/info", Fault::answer(200, &long));
    let error = feed.quotes(&[instrument("ETH-PERP")]).await.unwrap_err().to_string();
    assert!(error.contains("longer than 8 MiB"), "{error}");
}

async fn until(heard: &mut mpsc::Receiver<FeedEvent>, wanted: impl Fn(&FeedEvent) -> bool) -> FeedEvent {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap();
        if wanted(&event) {
            return event;
        }
    }
}

#[tokio::test]
async fn the_stream_follows_what_is_wanted_and_comes_back() {
    let ground = ground().await;
    let feed = public_feed(&ground.settings).unwrap();
    let (eth, purr) = (instrument("ETH-PERP"), instrument("PURR-USDC"));
    let wanted = Wanted { quotes: vec![eth.clone()], books: vec![eth.clone()] };
    let (want, wants) = watch::channel(wanted);
    let (events, mut heard) = mpsc::channel(256);
    tokio::spawn(async move { feed.watch(wants, events).await });
    until(&mut heard, |event| *event == FeedEvent::Up).await;
    let quoted = |bid: &'static str| move |event: &FeedEvent| matches!(event, FeedEvent::Quote(quote) if quote.bid == Some(price(bid)));
    until(&mut heard, quoted("99.9")).await;
    until(
        &mut heard,
        |event| matches!(event, FeedEvent::Depth { bids, .. } if bids[0].price == price("99.9")),
    )
    .await;
    ground.emulator.exchange.quote("ETH", "101.2".parse().unwrap(), "101.3".parse().unwrap());
    let FeedEvent::Quote(quote) = until(&mut heard, quoted("101.2")).await else { panic!() };
    assert_eq!((quote.previous_close, quote.volume), (Some(price("98.9")), "16.6".parse().unwrap()));
    // A trade by somebody: a print, and the last price.
    let wire = serde_json::json!({"a": 1, "b": true, "p": "102", "s": "1", "r": false, "t": {"limit": {"tif": "Gtc"}}});
    ground.emulator.desk.place(&wire);
    let prints = until(&mut heard, |event| matches!(event, FeedEvent::Prints { .. })).await;
    let FeedEvent::Prints { prints, .. } = prints else { panic!() };
    assert_eq!((prints[0].price, prints[0].aggressor), (price("101.3"), Aggressor::Buyer));
    // Another instrument, and not this one any more.
    want.send_replace(Wanted { quotes: vec![purr.clone()], books: Vec::new() });
    until(&mut heard, |event| matches!(event, FeedEvent::Quote(quote) if quote.instrument == purr && quote.previous_close.is_some())).await;
    // After a break everything that is wanted is subscribed to again.
    ground.emulator.desk.cut();
    until(&mut heard, |event| matches!(event, FeedEvent::Down { .. })).await;
    until(&mut heard, |event| *event == FeedEvent::Up).await;
    ground.emulator.exchange.quote("PURR/USDC", "0.2".parse().unwrap(), "0.21".parse().unwrap());
    until(&mut heard, quoted("0.2")).await;
}

/// The venue counts by address: a login and prices without a key have one bucket. What one is told of too many calls holds the other back
/// before anything is sent, orders too.
#[tokio::test]
async fn n5_all_lines_to_the_venue_share_its_limit() {
    let ground = ground().await;
    let feed = public_feed(&ground.settings).unwrap();
    let subject = ground.subject().await;
    feed.quotes(&[instrument("ETH-PERP")]).await.unwrap();
    subject.accepted(&subject.resting()).await;
    let busy =
        Fault::Answer { status: 429, headers: vec![("retry-after", "60".to_owned())], body: "null".into() };
    ground.emulator.server.faults.once("POST", "/info", busy);
    let error = feed.quotes(&[instrument("ETH-PERP")]).await.unwrap_err();
    assert!(matches!(error, BrokerError::RateLimited { .. } | BrokerError::Busy { .. }), "{error}");
    ground.emulator.server.take_requests();
    let error = subject.broker.orders().await.unwrap_err();
    assert!(matches!(error, BrokerError::Busy { .. }), "{error}");
    let outcome = subject.submit(&subject.resting()).await;
    assert!(matches!(outcome, SubmitOutcome::NotSent(BrokerError::Busy { .. })), "{outcome:?}");
    assert!(ground.emulator.server.take_requests().is_empty(), "nothing left");
    // Another engine's lines count for themselves.
    let own = BrokerSettings { limits: SharedLimits::default(), ..ground.settings.clone() };
    public_feed(&own).unwrap().quotes(&[instrument("ETH-PERP")]).await.unwrap();
}
