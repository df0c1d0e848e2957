//! Prices: by call and by stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arbion::brokers::alpaca::connect;
use arbion::brokers::registry::public_feed;
use arbion::brokers::{
    BrokerError, BrokerKind, BrokerSettings, Environment, FeedEvent, Market, MarketFeed, Wanted,
};
use arbion::domain::instrument::{AssetClass, Instrument, Symbol};
use arbion::domain::money::Quantity;
use arbion::domain::news::Article;
use arbion::domain::option::{OptionContract, Right};
use arbion::domain::quote::{Feed, Interval, MoverOrder, Quote};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::sync::{mpsc, watch};

use super::{credentials, line, settings};
use crate::contract::price;
use crate::emulators::alpaca::shows::listed;
use crate::emulators::alpaca::{AlpacaEmulator, start};
use crate::emulators::faults::Fault;

async fn feed(emulator: &AlpacaEmulator) -> Arc<dyn MarketFeed> {
    line(emulator).await.feed().unwrap()
}

fn share(symbol: &str) -> Instrument {
    Instrument::equity(symbol).unwrap()
}

fn coin() -> Instrument {
    Instrument::crypto("BTC", "USD").unwrap()
}

fn option() -> Instrument {
    OptionContract::from_occ(&listed("AAPL")[0]).unwrap().into_instrument()
}

#[tokio::test]
async fn quotes_of_every_class_come_with_their_day() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let asked = [share("AAPL"), share("BRK.B"), option(), coin(), share("NOPE")];
    let quotes = feed.quotes(&asked).await.unwrap();
    let of: BTreeMap<Instrument, Quote> =
        quotes.into_iter().map(|quote| (quote.instrument.clone(), quote)).collect();
    assert_eq!(of.len(), 4, "what nobody knows is left out: {of:?}");
    let apple = &of[&share("AAPL")];
    assert_eq!(
        (apple.bid, apple.ask, apple.last),
        (Some(price("99.9")), Some(price("100.1")), Some(price("100")))
    );
    assert_eq!(
        (apple.open, apple.high, apple.low),
        (Some(price("99.5")), Some(price("101")), Some(price("99")))
    );
    assert_eq!((apple.previous_close, apple.volume), (Some(price("98")), Quantity::from(123_456)));
    assert_eq!(
        (apple.feed, of[&option()].feed, of[&coin()].feed),
        (Feed::RealTime, Feed::Delayed, Feed::RealTime)
    );
    assert_eq!(of[&coin()].bid, Some(price("59990")));
    for class in [AssetClass::Equity, AssetClass::Option, AssetClass::Crypto] {
        assert!(feed.covers(Market::Class(class)));
    }
    assert!(!feed.covers(Market::Class(AssetClass::Fx)));
}

/// A plan without the prices of all exchanges: those of one are used from then on.
#[tokio::test]
async fn a_source_that_the_plan_lacks_is_given_up() {
    let emulator = start(0).await;
    let mut settings = settings(&emulator);
    settings.options.insert("feed".to_owned(), "sip".to_owned());
    let line = connect(&settings, &credentials(&emulator)).await.unwrap();
    let feed = line.feed().unwrap();
    for _ in 0..2 {
        assert_eq!(feed.quotes(&[share("AAPL")]).await.unwrap().len(), 1);
    }
    let queries: Vec<String> =
        emulator.server.take_requests().into_iter().map(|request| request.query).collect();
    assert_eq!(queries, ["symbols=AAPL&feed=sip", "symbols=AAPL&feed=iex", "symbols=AAPL&feed=iex"]);
}

#[tokio::test]
async fn bars_are_as_many_as_asked_and_before_their_end() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let end: Timestamp = "2026-07-01T15:00:00Z".parse().unwrap();
    for (instrument, interval, limit) in [
        (share("AAPL"), Interval::Minute1, 500),
        (share("AAPL"), Interval::Minute15, 300),
        (share("AAPL"), Interval::Hour1, 40),
        (share("AAPL"), Interval::Day1, 250),
        (share("AAPL"), Interval::Week1, 60),
        (coin(), Interval::Minute5, 700),
        (coin(), Interval::Day1, 30),
    ] {
        let bars = feed.bars(&instrument, interval, end, limit).await.unwrap();
        assert_eq!(bars.len(), limit, "{instrument} {interval}");
        assert!(bars.windows(2).all(|pair| pair[0].start < pair[1].start));
        let last = bars[limit - 1].start;
        assert!(
            last < end
                && end.duration_since(last) <= SignedDuration::from_secs(interval.seconds() * 4 + 7_200),
            "{instrument} {interval} {last}"
        );
        if interval == Interval::Day1 && instrument == share("AAPL") {
            assert_eq!(last.to_string(), "2026-07-01T13:30:00Z", "a day begins with its session");
        }
    }
    assert!(feed.bars(&share("NOPE"), Interval::Day1, end, 5).await.unwrap().is_empty());
}

/// More bars than a page: the pages are put together.
#[tokio::test]
async fn bars_come_in_pages() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let end: Timestamp = "2026-07-01T15:00:00Z".parse().unwrap();
    let bars = feed.bars(&coin(), Interval::Minute1, end, 12_000).await.unwrap();
    assert_eq!(bars.len(), 12_000);
    let asked: Vec<_> = emulator.server.take_requests();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].query.contains("page_token=10000"), "{}", asked[1].query);
}

#[tokio::test]
async fn chains_have_prices_greeks_and_interest() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let apple = Symbol::new("AAPL").unwrap();
    let expiries = feed.expiries(&apple).await.unwrap();
    assert_eq!(expiries.len(), 2);
    assert!(expiries[0] < expiries[1]);
    let rows = feed.chain(&apple, expiries[0]).await.unwrap();
    assert_eq!(rows.len(), 10);
    let rights: Vec<(String, Right)> =
        rows.iter().map(|row| (row.contract.strike.to_string(), row.contract.right)).collect();
    assert_eq!(rights[0], ("90".to_owned(), Right::Call));
    assert_eq!(rights[1], ("90".to_owned(), Right::Put));
    let row = &rows[0];
    assert_eq!((row.open_interest, row.iv, row.delta), (Some(237), Some(0.2345), Some(0.5123)));
    assert_eq!((row.gamma, row.theta, row.vega), (Some(0.0123), Some(-0.0456), Some(0.1234)));
    assert_eq!((row.quote.bid, row.quote.ask), (Some(price("1.9")), Some(price("2.1"))));
    assert!(feed.expiries(&Symbol::new("F").unwrap()).await.unwrap().is_empty());
    // Greeks that it cannot compute are absent, and a contract without a price is listed all the same.
    let bare = r#"{"snapshots":{"AAPL270115C00200000":{}},"next_page_token":null}"#;
    emulator.server.faults.once("GET", "/options/snapshots/AAPL", Fault::answer(200, bare));
    let rows = feed.chain(&apple, expiries[0]).await.unwrap();
    assert_eq!((rows.len(), rows[0].delta, rows[0].quote.bid), (1, None, None));
}

#[tokio::test]
async fn news_are_by_symbol_newest_first_and_clean() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let news = feed.news().unwrap();
    let headlines = |articles: &[Article]| -> Vec<String> {
        articles.iter().map(|article| article.headline.to_string()).collect()
    };
    let all = news.articles(&[], 50).await.unwrap();
    assert_eq!(headlines(&all), ["Apple's Plant & More", "Bitcoin Does Not Move", "Microsoft Has a Meeting"]);
    let first = &all[0];
    assert_eq!((first.id.as_str(), first.source.to_string().as_str()), ("40892641", "benzinga"));
    assert_eq!(first.url.as_ref().unwrap().to_string(), "https://www.benzinga.com/news/40892641");
    assert_eq!(first.symbols.iter().map(ToString::to_string).collect::<Vec<_>>(), ["AAPL", "MSFT"]);
    assert!(first.updated_at > first.created_at && first.summary.to_string() == "A summary of 40892641.");
    // Coins go by their name without a dash, options by the share behind them; what it has no news of is not asked for.
    for (about, found) in [
        (vec![coin()], vec!["Bitcoin Does Not Move"]),
        (vec![option()], vec!["Apple's Plant & More"]),
        (
            vec![share("MSFT"), coin()],
            vec!["Apple's Plant & More", "Bitcoin Does Not Move", "Microsoft Has a Meeting"],
        ),
        (vec![share("F")], vec![]),
        (vec![Instrument::fx("EUR", "USD").unwrap()], vec![]),
    ] {
        assert_eq!(headlines(&news.articles(&about, 50).await.unwrap()), found, "{about:?}");
    }
    let queries: Vec<String> =
        emulator.server.take_requests().into_iter().map(|request| request.query).collect();
    assert_eq!(queries.len(), 5, "{queries:?}");
    assert_eq!(queries[3], "limit=50&sort=desc&include_content=false&symbols=BTCUSD%2CMSFT");
    assert_eq!(news.articles(&[], 2).await.unwrap().len(), 2);
    // What a service may write: nothing, a list of nothing, fields that are missing, escape sequences, an address that is none.
    let odd = r#"{"news":[{"id":7,"headline":"&#27;[2JA\u001b]0;x\u0007 B","url":"javascript:x","created_at":"2026-07-01T14:30:00Z"},
        {"id":8,"headline":" ","created_at":"2026-07-01T14:31:00Z"},{"id":7,"headline":"A B","created_at":"2026-07-01T14:30:00Z"}]}"#;
    emulator.server.faults.once("GET", "/v1beta1/news", Fault::answer(200, odd));
    let odd = news.articles(&[], 50).await.unwrap();
    assert_eq!((headlines(&odd), odd[0].url.clone()), (vec!["A B".to_owned()], None));
    emulator.server.faults.once(
        "GET",
        "/v1beta1/news",
        Fault::answer(200, r#"{"news":null,"next_page_token":null}"#),
    );
    assert!(news.articles(&[], 50).await.unwrap().is_empty());
    emulator.server.faults.once("GET", "/v1beta1/news", Fault::answer(200, r#"{"news":[{"id":"x"}]}"#));
    assert!(matches!(news.articles(&[], 50).await, Err(BrokerError::Unreadable { .. })));
}

/// Who is said to have news has them.
#[tokio::test]
async fn brokers_with_news_are_those_whose_feed_has_some() {
    let emulator = start(0).await;
    assert_eq!(feed(&emulator).await.news().is_some(), BrokerKind::Alpaca.has_news());
    for kind in [BrokerKind::Coinbase, BrokerKind::Hyperliquid] {
        let settings = BrokerSettings::new(Environment::Live);
        let feed = public_feed(kind, &settings).unwrap().unwrap();
        assert_eq!(feed.news().is_some(), kind.has_news(), "{kind}");
    }
}

#[tokio::test]
async fn assets_are_found_by_symbol_and_name() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let found = |text: &str| {
        let (feed, text) = (Arc::clone(&feed), text.to_owned());
        async move {
            let listings = feed.lookup(&text).await.unwrap();
            listings.iter().map(|listing| listing.instrument.to_string()).collect::<Vec<_>>()
        }
    };
    assert_eq!(found("aapl").await, ["AAPL"]);
    assert_eq!(found("berkshire").await, ["BRK.B"]);
    assert_eq!(found("btc").await, ["BTC-USD"]);
    assert_eq!(found("f").await[0], "F");
    assert!(found(" ").await.is_empty() && found("zzz").await.is_empty());
    // The list is asked for once a day, exchange by exchange.
    assert_eq!(emulator.server.take_requests().len(), 6);
}

#[tokio::test]
async fn answers_that_are_wrong_are_errors() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    for body in ["<html>", "", "{\"AAPL\":{\"latestQuote\":{\"t\":7}}}", "[1]"] {
        emulator.server.faults.once("GET", "/v2/stocks/snapshots", Fault::answer(200, body));
        let error = feed.quotes(&[share("AAPL")]).await.unwrap_err();
        assert!(matches!(error, BrokerError::Unreadable { .. }), "{body}: {error}");
    }
    emulator.server.faults.once("GET", "/v2/stocks/snapshots", Fault::answer(400, r#"{"message":"bad"}"#));
    assert!(matches!(feed.quotes(&[share("AAPL")]).await, Err(BrokerError::Refused { status: 400, .. })));
}

struct Listening {
    /// The newest quote of each instrument, so that none is lost while another is waited for.
    latest: BTreeMap<Instrument, Quote>,
    wanted: watch::Sender<Wanted>,
    heard: mpsc::Receiver<FeedEvent>,
    task: tokio::task::JoinHandle<BrokerError>,
}

fn listen(feed: &Arc<dyn MarketFeed>, wanted: Wanted) -> Listening {
    let (sender, receiver) = watch::channel(wanted);
    let (events, heard) = mpsc::channel(1_024);
    let feed = Arc::clone(feed);
    let task = tokio::spawn(async move { feed.watch(receiver, events).await });
    Listening { latest: BTreeMap::new(), wanted: sender, heard, task }
}

fn quotes_of(list: &[Instrument]) -> Wanted {
    let mut quotes = list.to_vec();
    quotes.sort();
    Wanted { quotes, books: Vec::new() }
}

impl Listening {
    /// The next event that fits.
    async fn until(&mut self, mut fits: impl FnMut(&FeedEvent) -> bool) -> FeedEvent {
        let next = async {
            loop {
                let event = self.heard.recv().await.expect("the stream has ended");
                if let FeedEvent::Quote(quote) = &event {
                    self.latest.insert(quote.instrument.clone(), (**quote).clone());
                }
                if fits(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), next).await.expect("nothing comes")
    }

    async fn quote(&mut self, instrument: &Instrument, bid: &str) -> Quote {
        let wanted = Some(price(bid));
        while self.latest.get(instrument).is_none_or(|quote| quote.bid != wanted) {
            self.until(|event| matches!(event, FeedEvent::Quote(_))).await;
        }
        self.latest[instrument].clone()
    }
}

/// All three streams: JSON for shares and crypto, packed for options.
#[tokio::test]
async fn streams_of_every_class_send_quotes() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let mut listening = listen(&feed, quotes_of(&[share("AAPL"), option(), coin()]));
    for (instrument, symbol, bid) in [
        (share("AAPL"), "AAPL".to_owned(), "99.9"),
        (option(), listed("AAPL")[0].clone(), "1.9"),
        (coin(), "BTC/USD".to_owned(), "59990"),
    ] {
        let first = listening.quote(&instrument, bid).await;
        assert!(first.previous_close.is_some(), "{instrument}: the day comes with the first");
        // The subscription may still be on its way.
        let bid = price(bid).get() + Decimal::new(5, 2);
        let mover = emulator.exchange.clone();
        let moving = tokio::spawn(async move {
            loop {
                mover.quote(&symbol, bid, bid + Decimal::ONE);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let moved = listening.quote(&instrument, &bid.to_string()).await;
        moving.abort();
        assert_eq!(moved.previous_close, first.previous_close);
        assert!(moved.as_of >= first.as_of);
    }
    // What is wanted later is subscribed to later, and what is not wanted any more is quiet.
    listening.wanted.send_replace(quotes_of(&[share("MSFT")]));
    listening.quote(&share("MSFT"), "99.9").await;
    drop(listening.heard);
    let error = tokio::time::timeout(Duration::from_secs(10), listening.task).await.unwrap().unwrap();
    assert!(matches!(error, BrokerError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn trades_come_as_prints_where_they_are_wanted() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let wanted = Wanted { quotes: vec![coin()], books: vec![coin()] };
    let mut listening = listen(&feed, wanted);
    listening.quote(&coin(), "59990").await;
    let exchange = emulator.exchange.clone();
    let trading = tokio::spawn(async move {
        loop {
            let new = crate::emulators::exchange::NewOrder {
                client_id: None,
                symbol: "BTC/USD".to_owned(),
                buy: true,
                quantity: Decimal::new(1, 2),
                terms: crate::emulators::exchange::Terms::Market,
                immediate: false,
                wire: serde_json::json!({ "class": "", "type": "market", "tif": "gtc" }),
            };
            exchange.submit(new).ok();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let event = listening.until(|event| matches!(event, FeedEvent::Prints { .. })).await;
    trading.abort();
    let FeedEvent::Prints { instrument, prints } = event else { panic!() };
    assert_eq!(
        (instrument, prints[0].price, prints[0].size),
        (coin(), price("60010"), "0.01".parse().unwrap())
    );
}

/// The line breaks: it is said, and prices come again by themselves.
#[tokio::test]
async fn a_line_that_breaks_comes_back_with_everything() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    let mut listening = listen(&feed, quotes_of(&[share("AAPL")]));
    listening.quote(&share("AAPL"), "99.9").await;
    emulator.desk.cut_streams();
    listening.until(|event| matches!(event, FeedEvent::Down { .. })).await;
    emulator.exchange.quote("AAPL", Decimal::from(50), Decimal::from(51));
    listening.until(|event| *event == FeedEvent::Up).await;
    listening.quote(&share("AAPL"), "50").await;
}

/// The plan has room for two: the others are asked about.
#[tokio::test]
async fn what_a_stream_has_no_room_for_is_asked_about() {
    let emulator = start(0).await;
    emulator.desk.state().symbols_max = 2;
    let feed = feed(&emulator).await;
    let all = ["AAPL", "F", "MSFT", "SPY", "BRK.B"].map(share);
    let mut listening = listen(&feed, quotes_of(&all));
    listening.until(|event| *event == FeedEvent::Up).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for symbol in ["AAPL", "F", "MSFT", "SPY", "BRK.B"] {
        emulator.exchange.quote(symbol, Decimal::from(70), Decimal::from(71));
    }
    for instrument in &all {
        listening.quote(instrument, "70").await;
    }
}

#[tokio::test]
async fn a_stream_that_the_plan_lacks_is_given_up_for_the_other() {
    let emulator = start(0).await;
    let mut settings = settings(&emulator);
    settings.options.insert("feed".to_owned(), "sip".to_owned());
    let line = connect(&settings, &credentials(&emulator)).await.unwrap();
    // The stream finds out by itself: its snapshot is not asked before it is up.
    let feed = line.feed().unwrap();
    let mut listening = listen(&feed, quotes_of(&[share("AAPL")]));
    listening.until(|event| *event == FeedEvent::Up).await;
    let paths: Vec<String> =
        emulator.server.take_requests().into_iter().map(|request| request.path).collect();
    assert!(paths.contains(&"/v2/sip".to_owned()) && paths.contains(&"/v2/iex".to_owned()), "{paths:?}");
}

/// One connection a user: another program has it, and ours tries again until it is free.
#[tokio::test]
async fn somebody_else_s_stream_is_waited_for() {
    let emulator = start(0).await;
    let first = feed(&emulator).await;
    let second = feed(&emulator).await;
    let mut one = listen(&first, quotes_of(&[share("AAPL")]));
    one.until(|event| *event == FeedEvent::Up).await;
    let mut two = listen(&second, quotes_of(&[share("AAPL")]));
    let event = two.until(|event| matches!(event, FeedEvent::Down { .. } | FeedEvent::Up)).await;
    assert!(
        matches!(&event, FeedEvent::Down { reason, .. } if reason.contains("connection limit")),
        "{event:?}"
    );
    drop(one);
    two.until(|event| *event == FeedEvent::Up).await;
}

#[tokio::test]
async fn keys_that_are_wrong_end_the_prices() {
    let emulator = start(0).await;
    let feed = feed(&emulator).await;
    emulator.desk.state().secret_key = "another".to_owned();
    let listening = listen(&feed, quotes_of(&[share("AAPL")]));
    let error = tokio::time::timeout(Duration::from_secs(10), listening.task).await.unwrap().unwrap();
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
}

/// Best first, in the broker's order, and no more than there may be.
#[tokio::test]
async fn what_moves_is_the_screeners_list() {
    let emulator = start(0).await;
    for (symbol, price) in [("F", "140"), ("MSFT", "130"), ("HTB", "60")] {
        let price: rust_decimal::Decimal = price.parse().unwrap();
        emulator.exchange.quote(symbol, price, price + rust_decimal::Decimal::ONE);
    }
    let feed = line(&emulator).await.feed().unwrap();
    emulator.server.take_requests();
    for (order, first, path, query) in [
        (MoverOrder::Gainers, "F", "movers", "top=2"),
        (MoverOrder::Losers, "HTB", "movers", "top=2"),
        (MoverOrder::Active, "AAPL", "most-actives", "by=volume&top=2"),
    ] {
        let found = feed.movers(order, 2).await.unwrap().unwrap();
        assert_eq!((found.len(), &found[0]), (2, &Instrument::equity(first).unwrap()));
        let asked = emulator.server.take_requests().remove(0);
        assert_eq!(asked.path, format!("/v1beta1/screener/stocks/{path}"));
        assert_eq!(asked.query, query);
    }
    assert_eq!(feed.movers(MoverOrder::Gainers, 10_000).await.unwrap().unwrap().len(), 7);
}

/// One connection for a stream: who is second is told by whom it is taken.
#[tokio::test]
async fn a_stream_that_another_program_has_says_so() {
    let emulator = start(0).await;
    let mut kept = Vec::new();
    for second in [false, true] {
        let feed = feed(&emulator).await;
        let (want, wants) = watch::channel(Wanted { quotes: vec![share("AAPL")], books: Vec::new() });
        let (events, mut heard) = mpsc::channel(64);
        tokio::spawn(async move { feed.watch(wants, events).await });
        loop {
            match tokio::time::timeout(Duration::from_secs(60), heard.recv()).await.unwrap().unwrap() {
                FeedEvent::Up if !second => break,
                FeedEvent::Down { reason, .. } => {
                    assert!(second && reason.contains("another program has this stream"), "{reason}");
                    break;
                }
                _ => {}
            }
        }
        kept.push((want, heard));
    }
}
