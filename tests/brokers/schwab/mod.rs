//! Charles Schwab against its emulator.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arbion::brokers::oauth::Binding;
use arbion::brokers::oauth::keeper::TokenStore;
use arbion::brokers::oauth::tokens::Tokens;
use arbion::brokers::{
    AccountStream, Broker, BrokerError, BrokerSettings, Connection, Credentials, Environment, FeedEvent,
    MarketFeed, SubmitOutcome, Wanted, schwab,
};
use arbion::domain::calendar::Calendar;
use arbion::domain::execution::{AccountEvent, OrderEvent};
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::{Instrument, Symbol};
use arbion::domain::money::Quantity;
use arbion::domain::option::Leg;
use arbion::domain::order::{
    BracketExit, OrderRequest, OrderStatus, OrderSubject, PositionEffect, Pricing, Side, TimeInForce,
    TradingSession, Trail,
};
use arbion::domain::quote::{Interval, MoverOrder};
use async_trait::async_trait;
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::approved::{account, approve};
use crate::contract::{Desk, Subject, event_of, fills_of, handle, price, sheet};
use crate::emulators::faults::Fault;
use crate::emulators::schwab::{APP_KEY, APP_SECRET, HASH, SchwabEmulator, start};

mod bad_days;
mod orders;

crate::contract_tests!(subject);

/// A vault in memory.
struct Store(Mutex<Option<String>>);

#[async_trait]
impl TokenStore for Store {
    async fn load(&self) -> Result<Option<SecretString>, String> {
        Ok(self.0.lock().unwrap().clone().map(Into::into))
    }

    async fn save(&self, text: &SecretString) -> Result<(), String> {
        *self.0.lock().unwrap() = Some(text.expose_secret().to_owned());
        Ok(())
    }
}

fn store(access: &str, refresh: &str) -> Arc<Store> {
    let now = arbion::brokers::clock::wall();
    let tokens = Tokens {
        binding: Binding { profile: "alice".to_owned(), broker: "schwab", environment: Environment::Live },
        access: access.into(),
        given_at: now,
        access_until: now + SignedDuration::from_mins(30),
        refresh: Some(refresh.into()),
        login_at: now,
        login_until: Some(now + SignedDuration::from_hours(7 * 24)),
        scopes: None,
    };
    Arc::new(Store(Mutex::new(Some(tokens.to_text().unwrap().expose_secret().to_owned()))))
}

fn settings(emulator: &SchwabEmulator) -> BrokerSettings {
    let mut settings = BrokerSettings::new(Environment::Live);
    settings.urls.insert("base_url".to_owned(), emulator.server.url());
    settings
}

fn credentials() -> Credentials {
    Credentials::new().with("app_key", APP_KEY.into()).with("app_secret", APP_SECRET.into())
}

async fn connection(emulator: &SchwabEmulator, store: Arc<Store>) -> Arc<dyn Connection> {
    schwab::connect(&settings(emulator), &credentials(), "alice", store).await.unwrap()
}

async fn emulator() -> SchwabEmulator {
    let emulator = start(0).await;
    emulator.exchange.quote("AAPL", "99.9".parse().unwrap(), "100.1".parse().unwrap());
    emulator
}

async fn broker(emulator: &SchwabEmulator) -> Arc<dyn Broker> {
    let connection = connection(emulator, store("AT1", "RT1")).await;
    connection.account(HASH, account()).await.unwrap()
}

/// What the contract is kept with: so many shares can be had, and `keep` lives as long as it.
async fn subject_of(
    emulator: &SchwabEmulator,
    shares: i64,
    keep: Box<dyn std::any::Any + Send + Sync>,
) -> Subject {
    Subject {
        desk: Desk::new(
            broker(emulator).await,
            Instrument::equity("AAPL").unwrap(),
            Quantity::from(shares),
            Arc::new(emulator.exchange.clone()),
        ),
        exchange: emulator.exchange.clone(),
        faults: emulator.server.faults.clone(),
        submit: ("POST", "/orders"),
        replace: ("PUT", "/orders/"),
        cancel: ("DELETE", "/orders/"),
        read: ("GET", "/orders"),
        sheet: sheet::schwab(emulator),
        keep,
    }
}

async fn subject() -> Subject {
    let emulator = Arc::new(emulator().await);
    subject_of(&emulator, 8, Box::new(Arc::clone(&emulator))).await
}

/// A subject with its emulator at hand.
async fn both() -> (Subject, &'static SchwabEmulator) {
    let emulator: &'static SchwabEmulator = Box::leak(Box::new(emulator().await));
    (subject_of(emulator, 10, Box::new(())).await, emulator)
}

fn option(key: &str) -> Instrument {
    Instrument::from_key(key).unwrap()
}

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

#[tokio::test]
async fn a_401_on_an_order_refreshes_once_and_sends_it_once_more() {
    let (subject, emulator) = both().await;
    emulator.expire();
    subject.accepted(&subject.resting()).await;
    assert_eq!((emulator.desk.refreshes.load(Ordering::SeqCst), subject.exchange.orders().len()), (1, 1));
    // Fifty at once with a token that has ended: one refresh.
    emulator.expire();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let broker = Arc::clone(&subject.broker);
        calls.spawn(async move { broker.account().await.map(|_| ()) });
    }
    for done in calls.join_all().await {
        assert!(matches!(done, Ok(()) | Err(BrokerError::Busy { .. })), "{done:?}");
    }
    assert_eq!(emulator.desk.refreshes.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_login_that_has_ended_wants_a_person() {
    let emulator = emulator().await;
    let connection = connection(&emulator, store("AT-dead", "RT-dead")).await;
    let error = connection.accounts().await.unwrap_err();
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("arbion connect schwab"), "{error}");
    assert!(!error.to_string().contains("RT-dead") && !error.to_string().contains(APP_SECRET), "{error}");
    // Another app's secret, paper, another profile's login, nobody's login.
    let wrong = Credentials::new().with("app_key", APP_KEY.into()).with("app_secret", "other".into());
    let connection =
        schwab::connect(&settings(&emulator), &wrong, "alice", store("AT-dead", "RT1")).await.unwrap();
    assert!(matches!(connection.accounts().await, Err(BrokerError::Unauthorized { .. })));
    let paper = BrokerSettings::new(Environment::Paper);
    let refused = |done: Result<Arc<dyn Connection>, BrokerError>| done.err().unwrap().to_string();
    let text = refused(schwab::connect(&paper, &credentials(), "alice", store("AT1", "RT1")).await);
    assert!(text.contains("paper environment"), "{text}");
    let text =
        refused(schwab::connect(&settings(&emulator), &credentials(), "bob", store("AT1", "RT1")).await);
    assert!(text.contains("profile alice"), "{text}");
    let empty = Arc::new(Store(Mutex::new(None)));
    let text = refused(schwab::connect(&settings(&emulator), &credentials(), "alice", empty).await);
    assert!(text.contains("arbion connect schwab"), "{text}");
}

#[tokio::test]
async fn accounts_figures_and_positions_are_as_the_sheet_says() {
    let emulator = emulator().await;
    emulator.exchange.hold("AAPL", (-5).into(), 101.into());
    emulator.exchange.hold("AAPL  270115C00110000", 2.into(), "1.5".parse().unwrap());
    let connection = connection(&emulator, store("AT1", "RT1")).await;
    let accounts = connection.accounts().await.unwrap();
    assert_eq!(
        (accounts[0].key.as_str(), accounts[0].last_four.as_str(), accounts[0].kind.as_str()),
        (HASH, "5678", "margin")
    );
    assert!(connection.account("nobody", AccountId::new("x")).await.is_err());
    let broker = connection.account(HASH, account()).await.unwrap();
    let figures = broker.account().await.unwrap();
    assert_eq!((figures.cash, figures.buying_power), (1_000_000.into(), 2_000_000.into()));
    let positions = broker.positions().await.unwrap();
    let shown: Vec<(String, String)> =
        positions.iter().map(|held| (held.instrument.key(), held.quantity.to_string())).collect();
    assert_eq!(
        shown,
        [("AAPL".to_owned(), "-5".to_owned()), ("AAPL  270115C00110000".to_owned(), "2".to_owned())]
    );
    // Wrapped, as was seen once; odd figures; null positions.
    let wrapped = json!({"linkedAccounts": [{"accountNumber": 12_345_678, "hashValue": HASH}]}).to_string();
    emulator.server.faults.once("GET", "accountNumbers", Fault::answer(200, &wrapped));
    assert_eq!(connection.accounts().await.unwrap().len(), 1);
    let odd = json!({"securitiesAccount": {"type": "CASH", "accountNumber": "1", "positions": null,
        "currentBalances": {"cashAvailableForTrading": "12.5", "cashBalance": 10.0, "isInCall": true, "unsettledCash": "NaN"}},
        "aggregatedBalance": {"currentLiquidationValue": 30.5}});
    emulator.server.faults.times(2, "GET", "/accounts/0", Fault::answer(200, &odd.to_string()));
    let figures = broker.account().await.unwrap();
    assert_eq!(
        (figures.net_liquidation.to_string(), figures.buying_power.to_string()),
        ("30.5".to_owned(), "12.5".to_owned())
    );
    assert!(broker.positions().await.unwrap().is_empty());
    let none = r#"{"securitiesAccount":{"type":"CASH","accountNumber":"1","currentBalances":{}}}"#;
    emulator.server.faults.once("GET", "/accounts/0", Fault::answer(200, none));
    let error = broker.account().await.unwrap_err();
    assert!(error.to_string().contains("liquidationValue"), "{error}");
}

#[tokio::test]
async fn r7_fills_while_the_stream_is_down_are_found_when_it_is_up() {
    let (subject, emulator) = both().await;
    subject.exchange.freeze(true);
    let mut heard = subject.watch().await;
    let order = subject.order(Side::Buy, limit("101"));
    let handle = subject.accepted(&order).await;
    subject.exchange.fill(1, 4.into(), 100.into()).unwrap();
    let fills = fills_of(&mut heard, &handle, 4.into()).await;
    emulator.cut(12);
    subject.exchange.fill(1, 6.into(), 100.into()).unwrap();
    let mut down = false;
    loop {
        match tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap() {
            AccountStream::Down { .. } => down = true,
            AccountStream::Up => break,
            AccountStream::Event(_) => {}
        }
    }
    assert!(down);
    let listed = subject
        .broker
        .executions(arbion::brokers::clock::wall() - SignedDuration::from_hours(1))
        .await
        .unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].execution_id, fills[0].execution_id);
}

#[tokio::test]
async fn a_word_that_is_never_told_is_found_by_asking() {
    let (subject, emulator) = both().await;
    subject.exchange.freeze(true);
    emulator.desk.mute.store(true, Ordering::SeqCst);
    let mut heard = subject.watch().await;
    let handle = subject.accepted(&subject.order(Side::Buy, limit("101"))).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    subject.exchange.fill(1, 10.into(), 100.into()).unwrap();
    assert_eq!(fills_of(&mut heard, &handle, 10.into()).await.len(), 1);
}

#[tokio::test]
async fn exits_of_a_bracket_learn_their_ids() {
    let (subject, _) = both().await;
    let mut heard = subject.watch().await;
    let exit = |text: &str| {
        Some(BracketExit { client_order_id: subject.resting().client_order_id, price: price(text) })
    };
    let bracket = OrderRequest {
        take_profit: exit("160"),
        stop_loss: exit("80"),
        ..subject.order(Side::Buy, limit("90"))
    };
    subject.accepted(&bracket).await;
    let mut wanted: Vec<_> = [&bracket.take_profit, &bracket.stop_loss]
        .into_iter()
        .flatten()
        .map(|exit| exit.client_order_id)
        .collect();
    while !wanted.is_empty() {
        let word = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap();
        if let AccountStream::Event(event) = word
            && let AccountEvent::Order(update) = *event
            && matches!(update.event, OrderEvent::Acknowledged { .. })
        {
            wanted.retain(|id| *id != update.client_order_id);
        }
    }
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports.len(), 3);
    assert!(
        reports
            .iter()
            .all(|report| report.client_order_id.is_some() && report.status == OrderStatus::Submitted)
    );
    // One word takes the whole tree off.
    subject.broker.cancel_all().await.unwrap();
    assert!(
        subject.broker.orders().await.unwrap().iter().all(|report| report.status == OrderStatus::Canceled)
    );
}

#[tokio::test]
async fn prices_come_by_asking_and_by_the_one_stream() {
    let emulator = emulator().await;
    emulator.exchange.quote("AAPL  270115C00110000", "1.1".parse().unwrap(), "1.2".parse().unwrap());
    let connection = connection(&emulator, store("AT1", "RT1")).await;
    let feed = connection.feed().unwrap();
    let (share, call) = (Instrument::equity("AAPL").unwrap(), option("AAPL  270115C00110000"));
    let quotes =
        feed.quotes(&[share.clone(), call.clone(), Instrument::equity("ZZZ").unwrap()]).await.unwrap();
    assert_eq!(quotes.len(), 2);
    assert_eq!(quotes[0].bid, Some(price("99.9")));
    let now = arbion::brokers::clock::wall();
    for interval in Interval::ALL {
        let bars = feed.bars(&share, interval, now, 50).await.unwrap();
        assert!(bars.len() == 50 && bars.iter().all(|bar| bar.is_sound()), "{interval}: {}", bars.len());
        assert!(
            bars.windows(2)
                .all(|pair| pair[1].start.duration_since(pair[0].start).as_secs() == interval.seconds()),
            "{interval}"
        );
    }
    let symbol = Symbol::new("AAPL").unwrap();
    let days = feed.expiries(&symbol).await.unwrap();
    assert_eq!(days.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2026-12-18", "2027-01-15"]);
    let rows = feed.chain(&symbol, days[1]).await.unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!(
        (rows[0].iv, rows[0].delta, rows[0].gamma, rows[0].theta),
        (Some(0.255), Some(0.5), None, None)
    );
    assert_eq!(rows[0].open_interest, Some(321));
    assert_eq!(feed.chain(&Symbol::new("SPX").unwrap(), days[1]).await.unwrap().len(), 4);
    assert_eq!(feed.lookup("aap").await.unwrap()[0].instrument, share);
    assert_eq!(feed.lookup("berkshire").await.unwrap()[0].instrument, Instrument::equity("BRK.B").unwrap());
    // One connection for the prices and the account.
    let broker = connection.account(HASH, account()).await.unwrap();
    let (account_events, mut account_heard) = mpsc::channel(64);
    let following = Arc::clone(&broker);
    tokio::spawn(async move { following.watch(account_events).await });
    let wanted = Wanted { quotes: vec![share.clone()], books: vec![share.clone()] };
    let (want, wants) = watch::channel(wanted);
    let (events, mut heard) = mpsc::channel(64);
    let watched = Arc::clone(&feed);
    tokio::spawn(async move { watched.watch(wants, events).await });
    let (mut quoted, mut depth) = (false, false);
    while !(quoted && depth) {
        match tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap() {
            FeedEvent::Quote(quote) => {
                assert_eq!((&quote.instrument, quote.ask), (&share, Some(price("100.1"))));
                quoted = true;
            }
            FeedEvent::Depth { bids, .. } => {
                assert_eq!(bids[0].price, price("99.9"));
                depth = true;
            }
            _ => {}
        }
    }
    want.send(Wanted { quotes: vec![call.clone()], books: Vec::new() }).unwrap();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap();
        if let FeedEvent::Quote(quote) = event
            && quote.instrument == call
        {
            break;
        }
    }
    while !matches!(account_heard.recv().await.unwrap(), AccountStream::Up) {}
    assert_eq!(emulator.desk.streams.load(Ordering::SeqCst), 1, "one connection per login");
    let commands = emulator.desk.commands.lock().unwrap().clone();
    let words: Vec<String> = commands
        .iter()
        .map(|c| format!("{} {}", c["service"].as_str().unwrap(), c["command"].as_str().unwrap()))
        .collect();
    assert_eq!(words[..2], ["ADMIN LOGIN", "ACCT_ACTIVITY SUBS"], "{words:?}");
    for word in
        ["LEVELONE_EQUITIES SUBS", "LEVELONE_EQUITIES UNSUBS", "LEVELONE_OPTIONS SUBS", "NASDAQ_BOOK UNSUBS"]
    {
        assert!(words.iter().any(|have| have == word), "{word} in {words:?}");
    }
    // The frames are those of the official client, field by field.
    let all: Value =
        serde_json::from_str(include_str!("../../fixtures/brokers/schwab/sdk-wire.json")).unwrap();
    let theirs = &all["clients"][0]["stream"][0]["requests"][0];
    let ours = &commands[0];
    for name in ["service", "command", "requestid", "SchwabClientCustomerId", "SchwabClientCorrelId"] {
        assert_eq!(ours[name], theirs[name], "{name}");
    }
    assert_eq!(ours["parameters"]["SchwabClientChannel"], theirs["parameters"]["SchwabClientChannel"]);
    assert_eq!(ours["parameters"]["SchwabClientFunctionId"], theirs["parameters"]["SchwabClientFunctionId"]);
}

#[tokio::test]
async fn reads_are_asked_for_as_the_sheet_says() {
    let emulator = emulator().await;
    let connection = connection(&emulator, store("AT1", "RT1")).await;
    let broker = connection.account(HASH, account()).await.unwrap();
    let feed = connection.feed().unwrap();
    emulator.server.take_requests();
    broker.orders().await.unwrap();
    feed.quotes(&[Instrument::equity("BRK.B").unwrap(), option("AAPL  240517P00190000")]).await.unwrap();
    let requests = emulator.server.take_requests();
    assert!(requests.iter().all(|request| request.header("content-type").is_none()));
    assert!(requests.iter().all(|request| request.header("accept") == Some("application/json")));
    let list = &requests[0].query;
    assert!(
        list.starts_with("fromEnteredTime=20") && list.contains("Z&toEnteredTime=20") && list.contains("%3A"),
        "{list}"
    );
    let quotes = requests.last().unwrap();
    assert!(
        quotes.query.starts_with("symbols=AAPL%20%20240517P00190000%2CBRK%2FB&fields="),
        "{}",
        quotes.query
    );
    let spec = broker.spec(&Instrument::equity("AAPL").unwrap()).await.unwrap();
    assert_eq!((spec.quantity_increment, spec.shortable), (Decimal::ONE, true));
    // In the penny program: nickels from three dollars, but for three funds.
    for (contract, from_three) in [("AAPL  240517P00190000", "0.05"), ("SPY   240517P00190000", "0.01")] {
        emulator.exchange.quote(contract, "2.90".parse().unwrap(), "3.10".parse().unwrap());
        let spec = broker.spec(&Instrument::from_key(contract).unwrap()).await.unwrap();
        let steps = ["2.99", "3"].map(|at| spec.tick_at(price(at)).to_string());
        assert_eq!(steps, ["0.01".to_owned(), from_three.to_owned()], "{contract}");
    }
    assert!(matches!(
        broker.spec(&Instrument::equity("ZZZ").unwrap()).await,
        Err(BrokerError::NotFound { .. })
    ));
}

/// Two weeks of days, each asked for by itself but for those of rest; whose word an engine takes is the broker's.
#[tokio::test]
async fn the_days_of_its_exchange_are_told() {
    let emulator = emulator().await;
    let connection = connection(&emulator, store("AT1", "RT1")).await;
    let (from, until) = (date(2026, 11, 23), date(2027, 11, 23));
    emulator.desk.closed.lock().unwrap().push(date(2026, 12, 1));
    emulator.server.take_requests();
    let days = connection.calendar(from, until).await.unwrap().unwrap();
    let asked = emulator.server.take_requests();
    assert_eq!((days.len(), asked.len()), (14, 10), "{asked:?}");
    assert!(
        asked.iter().all(|one| one.query.starts_with("markets=equity%2Coption&date=2026-1")),
        "{asked:?}"
    );
    let closes = |day: i8| match days[usize::try_from(day).unwrap()].close {
        Some(close) => close.to_string(),
        None => "closed".to_owned(),
    };
    // Thanksgiving, the day after it, the days of rest, and what the broker alone knows.
    assert_eq!(
        [0, 3, 4, 5, 6, 7, 8].map(closes),
        ["16:00:00", "closed", "13:00:00", "closed", "closed", "16:00:00", "closed"]
    );
    let mut calendar = Calendar::nyse();
    let differs: Vec<Date> =
        days.iter().filter(|day| calendar.take(**day).is_some()).map(|day| day.date).collect();
    assert_eq!(differs, [date(2026, 12, 1)]);
    // No more days than were asked for; and a fortnight without a session is no calendar.
    let few = connection.calendar(from, date(2026, 11, 24)).await.unwrap().unwrap();
    assert_eq!(few.len(), 2);
    emulator.desk.closed.lock().unwrap().extend(days.iter().map(|day| day.date));
    let error = connection.calendar(from, until).await.unwrap_err().to_string();
    assert!(error.contains("a week before 2026-11-30 has no session"), "{error}");
}

#[tokio::test]
async fn what_no_other_broker_has_is_read_too() {
    let emulator = emulator().await;
    let login =
        schwab::open(&settings(&emulator), &credentials(), "alice", store("AT1", "RT1")).await.unwrap();
    let prices = login.prices();
    let movers = prices.moving("$SPX", "PERCENT_CHANGE_UP", 1).await.unwrap();
    assert_eq!(
        movers.iter().map(|one| one.symbol.as_str()).collect::<Vec<_>>(),
        ["AAPL"],
        "nonsense is left out"
    );
    emulator.server.take_requests();
    for (order, sort) in [
        (MoverOrder::Gainers, "PERCENT_CHANGE_UP"),
        (MoverOrder::Losers, "PERCENT_CHANGE_DOWN"),
        (MoverOrder::Active, "VOLUME"),
    ] {
        let shares = prices.movers(order, 5).await.unwrap().unwrap();
        assert_eq!(shares, [Instrument::equity("AAPL").unwrap()]);
        let asked = emulator.server.take_requests().remove(0);
        assert_eq!(asked.path, "/marketdata/v1/movers/EQUITY_ALL");
        assert_eq!(asked.query, format!("sort={sort}&frequency=0"));
    }
    let hours = prices.market_hours(date(2026, 4, 14)).await.unwrap();
    let regular = &hours["equity"]["EQ"].session_hours["regularMarket"][0];
    assert_eq!(
        (regular.start.to_string().as_str(), hours["option"]["option"].is_open),
        ("2026-04-14T13:30:00Z", false)
    );
    let broker = login.account(HASH, account()).await.unwrap();
    let order = OrderRequest::plain(
        arbion::domain::ids::ClientOrderId::from_parts(1, 1),
        account(),
        arbion::domain::order::Origin::person(arbion::domain::order::OriginKind::Cli),
        OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
        Side::Buy,
        3.into(),
        limit("101"),
    );
    assert!(matches!(broker.submit(approve(order)).await, SubmitOutcome::Acknowledged(_)));
    let now = arbion::brokers::clock::wall();
    let (from, to) = (now - SignedDuration::from_hours(24), now + SignedDuration::from_hours(1));
    let moved = login.transactions(HASH, from, to, &["TRADE", "DIVIDEND_OR_INTEREST"]).await.unwrap();
    assert_eq!((moved.len(), moved[0].kind.as_str()), (1, "TRADE"));
    assert_eq!(moved[0].transfer_items[0].instrument.symbol, "AAPL");
    assert_eq!(login.keeper().countdown().unwrap().left.as_hours(), 167);
}

#[tokio::test]
async fn a_clock_ten_minutes_late_still_lists_what_just_came() {
    let emulator = emulator().await;
    let connection = connection(&emulator, store("AT1", "RT1")).await;
    let ahead = arbion::brokers::clock::wall() + SignedDuration::from_mins(10);
    let date = ahead.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let body = json!([{"accountNumber": "12345678", "hashValue": HASH}]).to_string();
    let fault = Fault::Answer { status: 200, headers: vec![("date", date)], body };
    emulator.server.faults.times(5, "GET", "accountNumbers", fault);
    for _ in 0..2 {
        connection.accounts().await.unwrap();
    }
    for _ in 0..3 {
        assert!(connection.account("nobody", account()).await.is_err());
    }
    let offset = connection.health().clock_offset.unwrap();
    // Their date stands still while the calls take their time.
    let took = SignedDuration::from_mins(10) - ahead.duration_since(arbion::brokers::clock::wall());
    assert!((598 - took.as_secs()..=602).contains(&offset.as_secs()), "{offset:?} after {took:?}");
    let broker = connection.account(HASH, account()).await.unwrap();
    emulator.server.take_requests();
    broker.orders().await.unwrap();
    let query = emulator.server.take_requests()[0].query.clone();
    let until = query.split("toEnteredTime=").nth(1).unwrap().split('&').next().unwrap().replace("%3A", ":");
    let until: jiff::Timestamp = until.parse().unwrap();
    assert!(until >= ahead, "{until} is before {ahead}");
}

/// Schwab says what a fill has cost in its transactions alone: it is told as cash that left, once.
#[tokio::test]
async fn what_a_fill_has_cost_is_told_once() {
    let emulator = emulator().await;
    *emulator.desk.fee.lock().unwrap() = rust_decimal::Decimal::new(65, 2);
    let connection = connection(&emulator, store("AT1", "RT1")).await;
    let broker = connection.account(HASH, account()).await.unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(64);
    let watched = std::sync::Arc::clone(&broker);
    let watch = tokio::spawn(async move { watched.watch(events).await });
    let order = OrderRequest::plain(
        arbion::domain::ids::ClientOrderId::from_parts(1, 1),
        account(),
        arbion::domain::order::Origin::person(arbion::domain::order::OriginKind::Cli),
        OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
        Side::Buy,
        3.into(),
        limit("101"),
    );
    let mut fees = Vec::new();
    let mut placed = false;
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(12);
    while let Ok(Some(word)) = tokio::time::timeout_at(end, heard.recv()).await {
        match word {
            AccountStream::Up if !placed => {
                placed = true;
                assert!(matches!(
                    broker.submit(approve(order.clone())).await,
                    SubmitOutcome::Acknowledged(_)
                ));
            }
            AccountStream::Event(event) => {
                if let AccountEvent::Cash(entry) = *event {
                    fees.push((entry.kind, entry.amount.to_string(), entry.instrument.unwrap().to_string()));
                }
            }
            _ => {}
        }
    }
    watch.abort();
    let fee = (arbion::domain::execution::CashKind::Fee, "-0.65".to_owned(), "AAPL".to_owned());
    assert_eq!(fees, [fee], "asked for more than once, told once");
}
