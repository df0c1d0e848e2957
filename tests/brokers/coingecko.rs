//! CoinGecko: prices in few calls, amounts in one currency, keys of the wrong plan.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arbion::brokers::{
    BrokerError, BrokerSettings, Credentials, Environment, FeedEvent, MarketFeed as _, Wanted, coingecko,
};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Currency, Money};
use arbion::domain::quote::{Feed, Interval};
use rust_decimal::Decimal;

use crate::contract::price;
use crate::emulators::coingecko::{CONTRACT, CoingeckoEmulator, DEMO_KEY, PRO_KEY, start};
use crate::emulators::faults::Fault;

fn settings(emulator: &CoingeckoEmulator, plan: Option<&str>) -> BrokerSettings {
    let mut settings = BrokerSettings::new(Environment::Live);
    settings.urls.insert("base_url".into(), emulator.base_url());
    settings.options.extend(plan.map(|plan| ("plan".to_owned(), plan.to_owned())));
    settings
}

fn key(text: &str) -> Credentials {
    Credentials::new().with("api_key", text.into())
}

fn money(amount: &str, currency: &str) -> Money {
    Money::new(amount.parse().unwrap(), Currency::new(currency).unwrap())
}

fn pair(base: &str, quote: &str) -> Instrument {
    Instrument::crypto(base, quote).unwrap()
}

#[tokio::test]
async fn keys_are_checked_and_a_wrong_plan_is_named() {
    let (free, paid) = (start(0, false).await, start(0, true).await);
    for (emulator, plan, key, kind) in [
        (&free, None, Credentials::new(), "prices, no key"),
        (&free, None, key(DEMO_KEY), "prices, demo"),
        (&paid, Some("pro"), key(PRO_KEY), "prices, analyst, 499999 calls left this month"),
    ] {
        let connection = coingecko::connect(&settings(emulator, plan), &key).await.unwrap();
        let accounts = connection.accounts().await.unwrap();
        assert_eq!(accounts[0].kind, kind);
        assert!(accounts[0].trading.is_err());
        assert!(connection.account("prices", crate::approved::account()).await.is_err());
    }
    for (emulator, plan, text, said) in [
        (&free, "demo", PRO_KEY, "set plan = \"pro\""),
        (&paid, "pro", DEMO_KEY, "set plan = \"demo\""),
        (&paid, "pro", "CG-hunter2", "API Key Missing"),
    ] {
        let connection = coingecko::connect(&settings(emulator, Some(plan)), &key(text)).await.unwrap();
        let error = connection.accounts().await.unwrap_err();
        assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
        assert!(error.to_string().contains(said) && !error.to_string().contains("hunter2"), "{error}");
    }
    let sent = free.server.requests();
    assert!(sent.iter().all(|request| request.query.is_empty()), "no key in an address");
    for (plan, said) in [("gold", "none, demo and pro"), ("pro", "plan pro needs api_key")] {
        let Err(error) = coingecko::connect(&settings(&free, Some(plan)), &Credentials::new()).await else {
            panic!("connected")
        };
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn balances_are_converted_in_one_call_and_prices_kept() {
    let emulator = start(0, false).await;
    let prices = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
    let held =
        [money("0.5", "BTC"), money("2", "ETH"), money("100", "USD"), money("10", "USDC"), money("0", "SOL")];
    let worth = prices.convert(&held, Currency::USD).await.unwrap();
    // 38487.5617283945061725 + 5000 + 100 + 9.998
    assert_eq!(worth.total.to_string(), "43597.5597283945061725 USD");
    assert_eq!((worth.parts.len(), worth.missing.len()), (5, 0));
    assert_eq!(worth.parts[1].1, Decimal::from(5_000));
    assert!(worth.as_of.is_some());
    prices.convert(&held, Currency::USD).await.unwrap();
    prices.rates(&["btc", "ETH"], Currency::USD).await.unwrap();
    let asked = emulator.server.take_requests();
    assert_eq!(asked.len(), 1, "one call for all, and none again: {asked:?}");
    // Another currency is another price, and one call again.
    let euros = prices.rates(&["BTC", "SOL"], Currency::new("EUR").unwrap()).await.unwrap();
    assert_eq!(euros["SOL"].price.to_string(), "150.25");
    assert_eq!(euros["SOL"].change_percent, Some(Decimal::from(25)));
    assert_eq!(emulator.server.requests().len(), 1);
}

#[tokio::test]
async fn what_has_no_sure_price_is_missing_and_not_zero() {
    let emulator = start(0, false).await;
    let prices = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
    let held = [money("1", "FOO"), money("1", "BAR"), money("1", "NUL"), money("1", "NOPE")];
    let worth = prices.convert(&held, Currency::USD).await.unwrap();
    assert_eq!(worth.total.to_string(), "2 USD", "found by a search, as one coin alone is called so");
    assert_eq!(worth.missing, held[1..]);
    let mut told = settings(&emulator, None);
    told.options.insert("coins".into(), "BAR=bar-two".into());
    let prices = coingecko::prices(&told, &key(DEMO_KEY)).unwrap();
    assert_eq!(prices.convert(&held[1..2], Currency::USD).await.unwrap().total.to_string(), "4 USD");
    told.options.insert("coins".into(), "BAR".into());
    assert!(coingecko::prices(&told, &key(DEMO_KEY)).is_err());
}

#[derive(Default)]
struct InMemory(Mutex<Option<String>>);

impl coingecko::Shelf for InMemory {
    fn load(&self) -> Option<String> {
        self.0.lock().unwrap().clone()
    }

    fn save(&self, text: &str) {
        *self.0.lock().unwrap() = Some(text.to_owned());
    }
}

/// What a symbol means is asked once, and not at every start; whoever knows the contract of a coin says which one is meant.
#[tokio::test]
async fn what_symbols_mean_is_kept_over_a_restart() {
    let emulator = start(0, false).await;
    let mut told = settings(&emulator, None);
    let words =
        format!("TOK=base:{}, GONE=base:{}", CONTRACT.to_uppercase().replace("0X", "0x"), "0x".repeat(21));
    told.options.insert("coins".into(), words);
    let shelf = Arc::new(InMemory::default());
    let held = [money("1", "FOO"), money("1", "BAR"), money("1", "TOK"), money("1", "GONE")];
    for calls in [5, 1] {
        let shelf = Arc::<InMemory>::clone(&shelf);
        let prices = coingecko::prices_kept(&told, &key(DEMO_KEY), Some(shelf)).unwrap();
        let worth = prices.convert(&held, Currency::USD).await.unwrap();
        assert_eq!(worth.total.to_string(), "4 USD", "FOO by its name, TOK by its contract");
        assert_eq!(worth.missing, [held[1], held[3]]);
        let asked: Vec<String> = emulator.server.take_requests().into_iter().map(|it| it.path).collect();
        assert_eq!(
            asked.len(),
            calls,
            "two searches, two contracts, the prices; then the prices alone: {asked:?}"
        );
    }
    // Another contract is another question.
    told.options.insert("coins".into(), format!("TOK=solana:{}", CONTRACT));
    let prices = coingecko::prices_kept(&told, &key(DEMO_KEY), Some(shelf)).unwrap();
    assert_eq!(prices.convert(&held[2..3], Currency::USD).await.unwrap().missing, held[2..3]);
}

#[tokio::test]
async fn quotes_are_marked_as_delayed_and_carry_their_age() {
    let emulator = start(0, false).await;
    let prices = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
    let wanted =
        [pair("ETH", "USD"), pair("BTC", "USD"), Instrument::equity("AAPL").unwrap(), pair("ETH", "USDC")];
    let quotes = prices.quotes(&wanted).await.unwrap();
    assert_eq!(quotes.len(), 2);
    let eth = quotes.iter().find(|quote| quote.instrument == wanted[0]).unwrap();
    assert_eq!((eth.last, eth.bid, eth.feed), (Some(price("2500")), None, Feed::Delayed));
    assert_eq!(eth.previous_close, Some(price("2000")));
    let age = arbion::brokers::clock::wall().duration_since(eth.as_of).as_secs();
    assert!((85..120).contains(&age), "{age}");
    let found = prices.lookup("bar").await.unwrap();
    assert_eq!(found.len(), 1, "of one symbol the largest: {found:?}");
    assert_eq!(found[0].name, "Bar One");
}

#[tokio::test]
async fn bars_are_those_that_its_points_give() {
    let emulator = start(0, false).await;
    let prices = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
    let end = "2026-03-05T12:00:00Z".parse().unwrap();
    let days = prices.bars(&pair("BTC", "USD"), Interval::Day1, end, 10).await.unwrap();
    assert_eq!(days.len(), 10);
    assert!(days.windows(2).all(|two| two[1].start.duration_since(two[0].start).as_hours() == 24));
    assert_eq!((days[1].open, days[1].high, days[1].close), (price("100"), price("123"), price("123")));
    let hours = prices.bars(&pair("BTC", "USD"), Interval::Hour1, end, 100).await.unwrap();
    assert!((23..=25).contains(&hours.len()), "{}", hours.len());
    let error = prices.bars(&pair("BTC", "USD"), Interval::Minute1, end, 10).await.unwrap_err();
    assert!(error.to_string().contains("it takes bars of 1h, 1d and 1w"), "{error}");
    let error = prices.bars(&pair("NOPE", "USD"), Interval::Day1, end, 10).await.unwrap_err();
    assert!(matches!(error, BrokerError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn errors_with_status_200_html_and_too_many_calls_are_errors() {
    let emulator = start(0, false).await;
    let prices = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
    let status = r#"{"status":{"error_code":1020,"error_message":"Access denied"}}"#;
    for (fault, said) in [
        (Fault::answer(200, status), "coingecko refuses (1020): Access denied"),
        (Fault::answer(200, "<html>"), "it is not JSON"),
        (
            Fault::answer(200, r#"{"bitcoin":{"usd":"NaN","last_updated_at":1}}"#),
            "bitcoin.usd: 'NaN' is not a decimal",
        ),
        (Fault::answer(404, r#"{"error":"coin not found"}"#), "coin not found"),
    ] {
        emulator.server.faults.once("GET", "/simple/price", fault);
        let error = prices.rates(&["BTC"], Currency::USD).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let busy = Fault::Answer { status: 429, headers: vec![("retry-after", "1".into())], body: status.into() };
    emulator.server.faults.once("GET", "/simple/price", busy);
    assert_eq!(prices.rates(&["BTC"], Currency::USD).await.unwrap().len(), 1, "asked again when it may be");
    let asked = emulator.server.requests();
    let header = asked.last().unwrap().header("x-cg-demo-api-key");
    assert_eq!(header, Some(DEMO_KEY));
    // Where it does not say how long it wants peace, it has a minute of it.
    emulator.server.faults.once("GET", "/simple/price", Fault::answer(429, status));
    let error = prices.rates(&["ETH"], Currency::USD).await.unwrap_err();
    let minute = std::time::Duration::from_secs(60);
    assert!(
        matches!(&error, BrokerError::RateLimited { retry_after, .. } if *retry_after == minute),
        "{error}"
    );
    emulator.server.take_requests();
    let error = prices.rates(&["ETH"], Currency::USD).await.unwrap_err();
    assert!(matches!(error, BrokerError::Busy { .. }), "{error}");
    assert!(emulator.server.take_requests().is_empty());
}

/// The contract's clause on wrong answers, for a service without orders: nothing of it becomes a price, a coin or a bar, what was had before
/// stays, and the next good answer counts.
#[tokio::test]
async fn what_is_wrong_with_an_answer_is_an_error() {
    let emulator = start(0, false).await;
    let prices = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
    let faults = &emulator.server.faults;
    let long = format!("{{\"filler\":\"{}\"}}", "a".repeat(5 << 20));
    let endless = "a".repeat(9 << 20);
    prices.rates(&["ETH"], Currency::USD).await.unwrap();
    for body in [
        long.as_str(),
        endless.as_str(),
        r#"{"error":"internal"}"#,
        r#"{"status":{"error_code":500,"error_message":"try again"}}"#,
        r#"{"errors":[{"id":"1","message":"internal"}]}"#,
        "[1,2,3]",
        r#"{"bitcoin":{"usd":[],"last_updated_at":1}}"#,
        r#"{"bitcoin":{"usd":"1e400","last_updated_at":1}}"#,
        r#"{"bitcoin":[1]}"#,
        "null",
        "\"ok\"",
        "7",
        "",
        "<html><body>Attention Required!</body></html>",
        "\u{feff}[]x",
    ] {
        let shown: String = body.chars().take(40).collect();
        // Each with limits of its own: all of them together would have to wait.
        let asks = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
        for (path, error) in [
            ("/simple/price", {
                faults.once("GET", "/simple/price", Fault::answer(200, body));
                asks.rates(&["BTC"], Currency::USD).await.map(drop)
            }),
            ("/search", {
                faults.once("GET", "/search", Fault::answer(200, body));
                asks.lookup("foo").await.map(drop)
            }),
        ] {
            faults.clear();
            let error = error.expect_err(&format!("{path}: {shown}")).to_string();
            assert!(error.len() < 1_000, "an error is a line, not the answer: {} bytes", error.len());
        }
    }
    // What it does not know is no price, and no error.
    faults.once("GET", "/simple/price", Fault::answer(200, "{}"));
    assert!(prices.rates(&["SOL"], Currency::USD).await.unwrap().is_empty());
    let both = prices.rates(&["BTC", "ETH"], Currency::USD).await.unwrap();
    assert_eq!((both["ETH"].price, both["BTC"].price > Decimal::from(70_000)), (Decimal::from(2_500), true));
    assert_eq!(prices.lookup("foo").await.unwrap().len(), 1);
}

#[tokio::test]
async fn our_request_is_that_of_the_official_client() {
    let wire: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/brokers/coingecko/sdk-wire.json")).unwrap();
    let text = wire.to_string();
    let emulator = start(0, false).await;
    let prices = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
    prices.rates(&["BTC", "ETH"], Currency::USD).await.unwrap();
    let sent = &emulator.server.requests()[0];
    assert_eq!(sent.path, "/api/v3/simple/price");
    for part in [
        "vs_currencies=usd",
        "ids=bitcoin%2Cethereum",
        "include_24hr_change=true",
        "include_last_updated_at=true",
        "precision=full",
    ] {
        assert!(sent.query.contains(part) && text.contains(part), "{part} in {}", sent.query);
    }
    assert!(sent.header("user-agent").unwrap().starts_with("arbion/"));
    assert!(text.to_lowercase().contains("x-cg-demo-api-key"));
}

#[tokio::test]
async fn without_a_stream_it_is_asked_for_all_at_once() {
    let emulator = start(0, false).await;
    let prices = coingecko::prices(&settings(&emulator, None), &key(DEMO_KEY)).unwrap();
    let quotes = vec![pair("BTC", "USD"), pair("ETH", "USD")];
    let (want, wanted) = tokio::sync::watch::channel(Wanted { quotes, books: Vec::new() });
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move { prices.watch(wanted, events).await });
    let mut next =
        async || tokio::time::timeout(Duration::from_secs(10), heard.recv()).await.unwrap().unwrap();
    assert_eq!(next().await, FeedEvent::Up);
    for _ in 0..2 {
        let FeedEvent::Quote(quote) = next().await else { panic!("no quote") };
        assert!(quote.last.is_some());
    }
    want.send(Wanted { quotes: vec![pair("BTC", "USD"), pair("SOL", "USD")], books: Vec::new() }).unwrap();
    loop {
        let FeedEvent::Quote(quote) = next().await else { panic!("no quote") };
        if quote.instrument == pair("SOL", "USD") {
            break;
        }
    }
    let asked = emulator.server.requests();
    assert_eq!(asked.len(), 2, "what is fresh is not asked for again: {asked:?}");
    assert!(!asked[1].query.contains("bitcoin"));
}
