//! Prices with and without a key, balances, holdings, deposit addresses.

use std::time::Duration;

use arbion::brokers::{BrokerError, FeedEvent, Market, MarketFeed, Wanted, coinbase};
use arbion::domain::depth::Aggressor;
use arbion::domain::instrument::{AssetClass, Instrument};
use arbion::domain::quote::{Feed, Interval, Quote};
use arbion::domain::venue::{DepositAddress, VenueAction, VenueAnswer};
use rust_decimal::Decimal;
use tokio::sync::{mpsc, watch};

use super::{connection, settings, subject_of};
use crate::contract::{Subject, price};
use crate::emulators::coinbase::{CoinbaseEmulator, start};
use crate::emulators::faults::Fault;

fn pair(base: &str, quote: &str) -> Instrument {
    Instrument::crypto(base, quote).unwrap()
}

fn public(emulator: &CoinbaseEmulator) -> std::sync::Arc<dyn MarketFeed> {
    coinbase::public_feed(&settings(emulator)).unwrap()
}

fn check_quote(quote: &Quote) {
    assert_eq!(
        (quote.bid, quote.ask, quote.last),
        (Some(price("99.9")), Some(price("100.1")), Some(price("100")))
    );
    assert_eq!((quote.bid_size, quote.feed), (1_000.into(), Feed::RealTime));
}

#[tokio::test]
async fn quotes_come_with_a_key_and_without() {
    let emulator = start(0).await;
    let (btc, share) = (pair("BTC", "USD"), Instrument::equity("AAPL").unwrap());
    let wanted = [btc.clone(), pair("ETH", "USD"), pair("NOPE", "USD"), share];
    let feed = public(&emulator);
    let quotes = feed.quotes(&wanted).await.unwrap();
    assert_eq!(quotes.len(), 2);
    quotes.iter().for_each(check_quote);
    assert_eq!(quotes[0].instrument, btc);
    assert!(emulator.server.take_requests().iter().all(|request| request.header("authorization").is_none()));
    let feed = connection(&emulator).await.feed().unwrap();
    let quotes = feed.quotes(&wanted).await.unwrap();
    assert_eq!(quotes.len(), 2);
    quotes.iter().for_each(check_quote);
    let asked: Vec<String> = emulator.server.requests().iter().map(|request| request.path.clone()).collect();
    assert_eq!(asked.len(), 2, "all in two calls: {asked:?}");
    assert!(feed.quotes(&[]).await.unwrap().is_empty());
    assert!(
        Market::ALL
            .into_iter()
            .filter(|market| feed.covers(*market))
            .eq([Market::Class(AssetClass::Crypto), Market::CoinbaseFutures])
    );
}

#[tokio::test]
async fn bars_are_read_backwards_and_given_forwards() {
    let emulator = start(0).await;
    let feed = public(&emulator);
    let end = "2026-03-05T12:00:00Z".parse().unwrap();
    for interval in
        [Interval::Minute1, Interval::Minute5, Interval::Minute15, Interval::Hour1, Interval::Day1]
    {
        let bars = feed.bars(&pair("BTC", "USD"), interval, end, 800).await.unwrap();
        assert_eq!(bars.len(), 800, "{interval}");
        assert!(bars.windows(2).all(|two| two[0].start < two[1].start), "{interval}");
        assert!(bars.last().unwrap().start < end);
        let width = bars[799].start.duration_since(bars[0].start).as_secs() / interval.seconds();
        assert!((880..=900).contains(&width), "{interval}: every tenth is missing, and no other: {width}");
    }
    let weeks = feed.bars(&pair("BTC", "USD"), Interval::Week1, end, 10).await.unwrap();
    assert_eq!(weeks.len(), 10);
    assert!(
        weeks.iter().all(|week| week.start.as_second().rem_euclid(604_800) == 345_600),
        "Mondays: {weeks:?}"
    );
    let error = feed.bars(&pair("NOPE", "USD"), Interval::Day1, end, 10).await.unwrap_err();
    assert!(matches!(error, BrokerError::Refused { status: 404, .. }), "{error}");
}

#[tokio::test]
async fn names_are_found_by_coin_and_by_word() {
    let emulator = start(0).await;
    let feed = public(&emulator);
    let found = |text: &'static str| {
        let feed = std::sync::Arc::clone(&feed);
        async move {
            let rows = feed.lookup(text).await.unwrap();
            rows.iter().map(|row| row.instrument.to_string()).collect::<Vec<_>>()
        }
    };
    assert_eq!(found("btc").await, ["BTC-USD", "BTC-USDC", "ETH-BTC"]);
    assert_eq!(found("ether").await, ["ETH-BTC", "ETH-USD"]);
    assert_eq!(found("ETH-USD").await, ["ETH-USD"]);
    assert!(found(" ").await.is_empty() && found("zzz").await.is_empty());
    let lists = emulator
        .server
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("/market/products"))
        .count();
    assert_eq!(lists, 1, "the list is kept");
}

async fn next(heard: &mut mpsc::Receiver<FeedEvent>) -> FeedEvent {
    tokio::time::timeout(Duration::from_secs(10), heard.recv()).await.expect("nothing comes").unwrap()
}

/// Whoever leafs through instruments wants others faster than the venue hears subscriptions: the connection stands, and what is wanted in the
/// end comes.
#[tokio::test]
async fn instruments_that_change_quickly_do_not_end_the_stream() {
    let emulator = start(0).await;
    let feed = public(&emulator);
    let wanted = |instrument: &Instrument| Wanted {
        quotes: vec![instrument.clone()],
        books: vec![instrument.clone()],
    };
    let (one, other) = (pair("BTC", "USD"), pair("ETH", "USD"));
    let (want, watched) = watch::channel(wanted(&one));
    let (events, mut heard) = mpsc::channel(1_024);
    tokio::spawn(async move { feed.watch(watched, events).await });
    loop {
        if let FeedEvent::Depth { .. } = next(&mut heard).await {
            break;
        }
    }
    for turn in 0..20 {
        want.send(wanted(if turn % 2 == 0 { &other } else { &one })).unwrap();
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    want.send(wanted(&other)).unwrap();
    loop {
        match next(&mut heard).await {
            FeedEvent::Depth { instrument, .. } if instrument == other => break,
            FeedEvent::Down { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn prices_stream_without_a_key_under_every_name_of_a_book() {
    let emulator = start(0).await;
    let feed = public(&emulator);
    let (dollar, coin) = (pair("BTC", "USD"), pair("BTC", "USDC"));
    let wanted = Wanted {
        quotes: vec![dollar.clone(), coin.clone(), pair("NOPE", "USD")],
        books: vec![dollar.clone()],
    };
    let (want, watched) = watch::channel(wanted);
    let (events, mut heard) = mpsc::channel(256);
    tokio::spawn(async move { feed.watch(watched, events).await });
    let (mut quoted, mut depth, mut prints) = (std::collections::BTreeSet::new(), false, false);
    while quoted.len() < 2 || !depth || !prints {
        match next(&mut heard).await {
            FeedEvent::Quote(quote) => {
                check_quote(&quote);
                assert_eq!(
                    (quote.previous_close, quote.high, quote.low),
                    (Some(price("80")), Some(price("105")), Some(price("95")))
                );
                quoted.insert(quote.instrument);
            }
            FeedEvent::Depth { instrument, bids, asks, .. } => {
                assert_eq!((&instrument, bids.len(), asks.len()), (&dollar, 2, 1));
                assert_eq!((bids[0].price, bids[1].price), (price("99.9"), price("98.9")));
                depth = true;
            }
            FeedEvent::Prints { prints: told, .. } => {
                assert_eq!(told[0].aggressor, Aggressor::Buyer, "a sale that was there was bought from");
                prints = true;
            }
            FeedEvent::Up => {}
            FeedEvent::Down { reason, .. } => panic!("{reason}"),
        }
    }
    assert_eq!(quoted.into_iter().collect::<Vec<_>>(), [dollar, coin.clone()]);
    // Another one is wanted: it comes without a new connection, and the others no more.
    want.send(Wanted { quotes: vec![pair("ETH", "USD")], books: Vec::new() }).unwrap();
    loop {
        if let FeedEvent::Quote(quote) = next(&mut heard).await
            && quote.instrument == pair("ETH", "USD")
        {
            break;
        }
    }
    emulator.exchange.quote("BTC-USD", Decimal::from(90), Decimal::from(91));
    emulator.exchange.quote("ETH-USD", Decimal::from(90), Decimal::from(91));
    let FeedEvent::Quote(quote) = next(&mut heard).await else { panic!("another event") };
    assert_eq!((quote.instrument, quote.bid), (pair("ETH", "USD"), Some(price("90"))));
}

/// What is ordered by contract is priced by contract: asked for, streamed and with its past.
#[tokio::test]
async fn futures_have_prices() {
    let emulator = start(0).await;
    let future = Instrument::Perpetual { symbol: "BIP-20DEC30-CDE".parse().unwrap() };
    emulator.exchange.quote("BIP-20DEC30-CDE", price("99.9").get(), price("100.1").get());
    let feed = public(&emulator);
    let quotes = feed.quotes(std::slice::from_ref(&future)).await.unwrap();
    assert_eq!(quotes.iter().map(|quote| &quote.instrument).collect::<Vec<_>>(), [&future]);
    check_quote(&quotes[0]);
    let end = "2026-03-05T12:00:00Z".parse().unwrap();
    assert_eq!(feed.bars(&future, Interval::Hour1, end, 20).await.unwrap().len(), 20);
    let (_want, watched) = watch::channel(Wanted { quotes: vec![future.clone()], books: Vec::new() });
    let (events, mut heard) = mpsc::channel(256);
    tokio::spawn(async move { feed.watch(watched, events).await });
    loop {
        match next(&mut heard).await {
            FeedEvent::Quote(quote) => {
                check_quote(&quote);
                break assert_eq!(quote.instrument, future);
            }
            FeedEvent::Down { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_gap_in_the_market_stream_starts_its_books_anew() {
    let emulator = start(0).await;
    let feed = public(&emulator);
    let wanted = Wanted { quotes: Vec::new(), books: vec![pair("BTC", "USD")] };
    let (_want, watched) = watch::channel(wanted);
    let (events, mut heard) = mpsc::channel(256);
    tokio::spawn(async move { feed.watch(watched, events).await });
    while !matches!(next(&mut heard).await, FeedEvent::Depth { .. }) {}
    emulator.knobs().skip_number = true;
    loop {
        if let FeedEvent::Down { reason, .. } = next(&mut heard).await {
            assert!(reason.contains("messages are missing"), "{reason}");
            break;
        }
    }
    while !matches!(next(&mut heard).await, FeedEvent::Depth { .. }) {}
}

#[tokio::test]
async fn balances_and_holdings_are_those_of_the_portfolio() {
    let (subject, emulator) = subject_of(start(0).await).await;
    emulator.exchange.hold("BTC-USD", Decimal::from(2), Decimal::from(80));
    subject.accepted(&subject.resting()).await;
    let account = subject.broker.account().await.unwrap();
    assert_eq!((account.cash, account.reserved), (Decimal::from(1_000_000), Decimal::from(180)));
    assert_eq!(account.buying_power, Decimal::from(999_820));
    assert_eq!(account.net_liquidation, Decimal::from(1_000_200));
    assert_eq!((account.long_market_value, account.unrealized_pnl), (Decimal::from(200), Decimal::from(40)));
    let cash: Vec<String> = account.cash_by_currency.iter().map(ToString::to_string).collect();
    assert_eq!(cash, ["1000000 USD", "25 EUR"]);
    let positions = subject.broker.positions().await.unwrap();
    assert_eq!(positions.len(), 1, "{positions:?}");
    let held = &positions[0];
    assert_eq!((&held.instrument, held.quantity), (&subject.instrument, 2.into()));
    assert_eq!((held.average_price, held.mark), (price("80"), Some(price("100"))));
    assert_eq!(held.unrealized_pnl, Some(Decimal::from(40)));
}

#[tokio::test]
async fn futures_are_positions_in_contracts() {
    let (subject, emulator) = subject_of(start(0).await).await;
    emulator.exchange.hold("BIP-20DEC30-CDE", Decimal::from(-3), Decimal::from(49_000));
    let positions = subject.broker.positions().await.unwrap();
    let future =
        positions.iter().find(|held| held.instrument.asset_class() == AssetClass::Perpetual).unwrap();
    assert_eq!((future.quantity, future.multiplier), ((-3).into(), Decimal::new(1, 2)));
    assert_eq!((future.average_price, future.mark), (price("49000"), Some(price("50000"))));
    let spec = subject.broker.spec(&future.instrument).await.unwrap();
    assert_eq!((spec.multiplier, spec.quantity_increment), (Decimal::new(1, 2), Decimal::ONE));
}

/// Perpetuals of a portfolio outside the US are positions too: an account that has some is not flat. Whoever has none is not asked about them.
#[tokio::test]
async fn perpetuals_outside_the_us_are_positions() {
    let (subject, emulator) = subject_of(start(0).await).await;
    subject.broker.positions().await.unwrap();
    let intx = |requests: &[crate::emulators::server::Recorded]| {
        requests.iter().filter(|request| request.path.contains("/intx/")).count()
    };
    assert_eq!(intx(&emulator.server.take_requests()), 0);
    emulator.exchange.hold("BTC-PERP-INTX", Decimal::new(-5, 1), Decimal::from(49_000));
    let positions = subject.broker.positions().await.unwrap();
    let held = positions.iter().find(|held| held.instrument.asset_class() == AssetClass::Perpetual).unwrap();
    let perpetual = Instrument::Perpetual { symbol: "BTC-PERP-INTX".parse().unwrap() };
    assert_eq!((&held.instrument, held.quantity), (&perpetual, "-0.5".parse().unwrap()));
    assert_eq!((held.average_price, held.mark), (price("49000"), Some(price("50000"))));
    assert_eq!((held.multiplier, held.unrealized_pnl), (Decimal::ONE, Some(Decimal::new(-125, 1))));
    // That they cannot be had is no word on what is held.
    subject.faults.times(4, "GET", "/intx/positions", Fault::answer(500, ""));
    assert!(subject.broker.positions().await.is_err());
}

#[tokio::test]
async fn terms_are_those_of_the_product() {
    let (subject, _emulator) = subject_of(start(0).await).await;
    let spec = subject.broker.spec(&subject.instrument).await.unwrap();
    assert_eq!(
        (spec.quantity_increment, spec.tick_at(price("100"))),
        (Decimal::new(1, 8), Decimal::new(1, 2))
    );
    assert!(spec.tradable && !spec.shortable);
    let error = subject.broker.spec(&pair("NOPE", "USD")).await.unwrap_err();
    assert!(matches!(error, BrokerError::NotFound { .. }), "{error}");
}

/// What the account says of its deposit addresses.
async fn addresses(subject: &Subject, action: VenueAction) -> Result<Vec<DepositAddress>, BrokerError> {
    match subject.broker.act(&action).await? {
        VenueAnswer::Addresses(addresses) => Ok(addresses),
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn deposit_addresses_are_listed_with_network_and_tag_and_made_only_when_asked() {
    let (subject, emulator) = subject_of(start(0).await).await;
    emulator.server.take_requests();
    let all = addresses(&subject, VenueAction::DepositAddresses { currency: None }).await.unwrap();
    let shown: Vec<_> = all
        .iter()
        .map(|row| (row.currency.as_str(), row.network.as_str(), row.destination_tag.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            ("BTC", "bitcoin", None),
            ("USDC", "ethereum", None),
            ("USDC", "solana", None),
            ("XRP", "ripple", Some("1234567"))
        ]
    );
    let usdc = VenueAction::DepositAddresses { currency: Some("usdc".to_owned()) };
    assert_eq!(addresses(&subject, usdc).await.unwrap().len(), 2);
    assert!(emulator.server.take_requests().iter().all(|request| request.method == "GET"));
    let new = |currency: &str| VenueAction::NewDepositAddress { currency: currency.to_owned() };
    let error = addresses(&subject, new("BTC")).await.unwrap_err();
    assert!(error.to_string().contains("Missing required scopes"), "{error}");
    emulator.knobs().can_transfer = true;
    let made = addresses(&subject, new("BTC")).await.unwrap();
    assert!(made.len() == 1 && made[0].address.ends_with("-1"), "{made:?}");
    let error = addresses(&subject, new("DOGE")).await.unwrap_err();
    assert!(matches!(error, BrokerError::Unsupported { .. }), "{error}");
    let other = VenueAction::ScheduleCancel { after_seconds: None };
    let error = subject.broker.act(&other).await.unwrap_err();
    assert!(error.to_string().contains("orders and deposit addresses"), "{error}");
}
