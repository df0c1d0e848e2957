//! Orders as they are sent, refused and found again.

use super::*;

fn leg(side: Side, effect: PositionEffect, ratio: i64, instrument: Instrument) -> Leg {
    Leg { side, position_effect: effect, ratio: Decimal::from(ratio), instrument }
}

/// The body that an order is sent as.
async fn sent(subject: &Subject, emulator: &SchwabEmulator, order: &OrderRequest) -> Value {
    emulator.server.take_requests();
    subject.submit(order).await;
    let requests = emulator.server.take_requests();
    let placed: Vec<_> = requests.iter().filter(|request| request.method == "POST").collect();
    assert_eq!(placed.len(), 1, "{order:?}");
    placed[0].json()
}

/// The body that a preview is asked for with: the same, for orders that risk would not pass here.
async fn asked(subject: &Subject, emulator: &SchwabEmulator, order: &OrderRequest) -> Value {
    emulator.server.take_requests();
    subject.broker.preview(order).await.ok();
    emulator.server.take_requests()[0].json()
}

/// Every field that the official client sent is in ours, as it was.
fn agrees(ours: &Value, theirs: &Value, place: &str) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (name, value) in theirs {
                let found = ours.get(name).unwrap_or_else(|| panic!("{place}.{name} is missing"));
                agrees(found, value, &format!("{place}.{name}"));
            }
            // What we add, the sheet asks for.
            let more = ours.keys().filter(|name| !theirs.contains_key(*name));
            for name in more {
                assert!(
                    ["stopType", "complexOrderStrategyType"].contains(&name.as_str()),
                    "{place}.{name} is ours alone"
                );
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{place}");
            for (n, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                agrees(ours, theirs, &format!("{place}[{n}]"));
            }
        }
        _ => assert_eq!(ours, theirs, "{place}"),
    }
}

fn recorded() -> Vec<(String, String, Option<Value>)> {
    let text = include_str!("../../fixtures/brokers/schwab/sdk-wire.json");
    let all: Value = serde_json::from_str(text).unwrap();
    let rest = all["clients"][0]["rest"].as_array().unwrap().iter();
    rest.map(|row| {
        let body = row["body"].as_str().and_then(|text| serde_json::from_str(text).ok());
        (row["method"].as_str().unwrap().to_owned(), row["target"].as_str().unwrap().to_owned(), body)
    })
    .collect()
}

#[tokio::test]
async fn our_orders_are_those_of_the_official_client() {
    let (subject, emulator) = both().await;
    let (lower, higher) = (option("AAPL  240517C00190000"), option("AAPL  240517C00195000"));
    let put = option("AAPL  240517P00190000");
    let exit = |text: &str| {
        Some(BracketExit { client_order_id: subject.resting().client_order_id, price: price(text) })
    };
    let plain = |side, pricing| subject.order(side, pricing);
    let market = OrderRequest { quantity: 1.into(), ..plain(Side::Buy, Pricing::Market) };
    let vertical = OrderRequest {
        quantity: 1.into(),
        subject: OrderSubject::Legs(vec![
            leg(Side::Buy, PositionEffect::Open, 1, lower),
            leg(Side::Sell, PositionEffect::Open, 1, higher),
        ]),
        ..plain(Side::Buy, limit("2.10"))
    };
    let bracket =
        OrderRequest { take_profit: exit("160"), stop_loss: exit("140"), ..plain(Side::Buy, limit("150")) };
    let trailing = plain(Side::Sell, Pricing::TrailingStop { trail: Trail::Amount(price("5")) });
    let recorded: Vec<Value> = recorded()
        .into_iter()
        .filter(|(method, target, ..)| method == "POST" && target.ends_with("/orders"))
        .filter_map(|(.., body)| body)
        .collect();
    assert_eq!(recorded.len(), 5);
    // The first holds a price with three decimals, which the client passes through: it is refused here, with the nearest.
    let off = plain(Side::Buy, limit("150.255"));
    let error = subject.broker.preview(&off).await.unwrap_err().to_string();
    assert!(error.contains("the nearest is 150.26"), "{error}");
    let ours = sent(&subject, emulator, &plain(Side::Buy, limit("150.25"))).await;
    let mut first = recorded[0].clone();
    first["price"] = json!("150.25");
    agrees(&ours, &first, "limit");
    agrees(&sent(&subject, emulator, &market).await, &recorded[1], "market");
    agrees(&asked(&subject, emulator, &vertical).await, &recorded[2], "vertical");
    let mut theirs = recorded[3].clone();
    // Exits outlive the day: ours are good till canceled.
    for child in theirs["childOrderStrategies"][0]["childOrderStrategies"].as_array_mut().unwrap() {
        child["duration"] = json!("GOOD_TILL_CANCEL");
    }
    agrees(&sent(&subject, emulator, &bracket).await, &theirs, "bracket");
    let mut theirs = recorded[4].clone();
    // A sale follows the bid.
    theirs["stopPriceLinkBasis"] = json!("BID");
    agrees(&asked(&subject, emulator, &trailing).await, &theirs, "trailing");
    let single = OrderRequest {
        quantity: 1.into(),
        subject: OrderSubject::Instrument(put),
        position_effect: Some(PositionEffect::Open),
        ..plain(Side::Sell, limit("1.25"))
    };
    emulator.server.take_requests();
    subject.broker.preview(&single).await.ok();
    let ours = emulator.server.take_requests();
    let (.., theirs) =
        self::recorded().into_iter().find(|(_, target, ..)| target.ends_with("previewOrder")).unwrap();
    agrees(&ours[0].json(), &theirs.unwrap(), "preview");
    assert_eq!(ours[0].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn every_package_has_its_name() {
    let (subject, emulator) = both().await;
    let call = |strike: &str| option(&format!("AAPL  270115C00{strike}000"));
    let put = |strike: &str| option(&format!("AAPL  270115P00{strike}000"));
    let later = || option("AAPL  270319C00100000");
    let share = || Instrument::equity("AAPL").unwrap();
    use PositionEffect::{Close, Open};
    use Side::{Buy, Sell};
    for (legs, side, net, kind, name, first) in [
        (
            vec![leg(Buy, Open, 100, share()), leg(Sell, Open, 1, call("110"))],
            Buy,
            "98.10",
            "NET_DEBIT",
            "COVERED",
            "BUY",
        ),
        (
            vec![
                leg(Buy, Open, 100, share()),
                leg(Buy, Open, 1, put("090")),
                leg(Sell, Open, 1, call("110")),
            ],
            Buy,
            "99",
            "NET_DEBIT",
            "COLLAR_WITH_STOCK",
            "BUY",
        ),
        (
            vec![leg(Buy, Open, 1, call("100")), leg(Sell, Open, 1, call("110"))],
            Buy,
            "2.1",
            "NET_DEBIT",
            "VERTICAL",
            "BUY_TO_OPEN",
        ),
        (
            vec![leg(Buy, Open, 1, call("110")), leg(Sell, Open, 1, call("100"))],
            Buy,
            "-2.1",
            "NET_CREDIT",
            "VERTICAL",
            "BUY_TO_OPEN",
        ),
        // Legs are as they are traded: which side the package is on changes none of them.
        (
            vec![leg(Sell, Close, 1, call("100")), leg(Buy, Close, 1, call("110"))],
            Sell,
            "2.1",
            "NET_CREDIT",
            "VERTICAL",
            "SELL_TO_CLOSE",
        ),
        (
            vec![leg(Buy, Open, 1, call("110")), leg(Sell, Open, 1, call("100"))],
            Sell,
            "2.1",
            "NET_CREDIT",
            "VERTICAL",
            "BUY_TO_OPEN",
        ),
        (
            vec![leg(Buy, Open, 1, call("100")), leg(Sell, Open, 1, call("110"))],
            Sell,
            "-2.1",
            "NET_DEBIT",
            "VERTICAL",
            "BUY_TO_OPEN",
        ),
        (
            vec![leg(Buy, Open, 1, call("100")), leg(Buy, Open, 1, put("100"))],
            Buy,
            "9",
            "NET_DEBIT",
            "STRADDLE",
            "BUY_TO_OPEN",
        ),
        (
            vec![leg(Buy, Open, 1, call("110")), leg(Buy, Open, 1, put("090"))],
            Buy,
            "5",
            "NET_DEBIT",
            "STRANGLE",
            "BUY_TO_OPEN",
        ),
        (
            vec![leg(Buy, Open, 1, later()), leg(Sell, Open, 1, call("100"))],
            Buy,
            "1",
            "NET_DEBIT",
            "CALENDAR",
            "BUY_TO_OPEN",
        ),
        (
            vec![leg(Buy, Open, 1, later()), leg(Sell, Open, 1, call("110"))],
            Buy,
            "1",
            "NET_DEBIT",
            "DIAGONAL",
            "BUY_TO_OPEN",
        ),
        (
            vec![leg(Buy, Open, 1, put("090")), leg(Sell, Open, 1, call("110"))],
            Buy,
            "0",
            "NET_ZERO",
            "CUSTOM",
            "BUY_TO_OPEN",
        ),
        (
            vec![
                leg(Buy, Open, 1, put("080")),
                leg(Sell, Open, 1, put("090")),
                leg(Sell, Open, 1, call("110")),
                leg(Buy, Open, 1, call("120")),
            ],
            Buy,
            "-3",
            "NET_CREDIT",
            "IRON_CONDOR",
            "BUY_TO_OPEN",
        ),
    ] {
        let order = OrderRequest {
            quantity: 2.into(),
            subject: OrderSubject::Legs(legs),
            ..subject.order(side, limit(net))
        };
        let body = asked(&subject, emulator, &order).await;
        assert_eq!(
            (body["orderType"].as_str(), body["complexOrderStrategyType"].as_str()),
            (Some(kind), Some(name)),
            "{body}"
        );
        assert_eq!(body["orderLegCollection"][0]["instruction"], first, "{body}");
        let units = if first == "BUY" { 200 } else { 2 };
        assert_eq!(
            (&body["quantity"], &body["orderLegCollection"][0]["quantity"]),
            (&json!(2), &json!(units))
        );
    }
}

#[tokio::test]
async fn an_order_that_may_only_reduce_closes() {
    let (subject, emulator) = both().await;
    let contract = || option("AAPL  270115P00100000");
    let share = || Instrument::equity("AAPL").unwrap();
    for (instrument, side, effect, reduce_only, instruction) in [
        // "close my short put", of which nothing else says that it closes.
        (contract(), Side::Buy, None, true, "BUY_TO_CLOSE"),
        (contract(), Side::Sell, None, true, "SELL_TO_CLOSE"),
        (contract(), Side::Buy, Some(PositionEffect::Close), false, "BUY_TO_CLOSE"),
        (contract(), Side::Buy, Some(PositionEffect::Open), false, "BUY_TO_OPEN"),
        (contract(), Side::Sell, Some(PositionEffect::Open), false, "SELL_TO_OPEN"),
        (contract(), Side::Sell, Some(PositionEffect::Close), false, "SELL_TO_CLOSE"),
        (share(), Side::Buy, None, true, "BUY_TO_COVER"),
        (share(), Side::BuyToCover, None, true, "BUY_TO_COVER"),
        (share(), Side::BuyToCover, None, false, "BUY_TO_COVER"),
        (share(), Side::Buy, Some(PositionEffect::Close), false, "BUY_TO_COVER"),
        (share(), Side::Sell, Some(PositionEffect::Open), false, "SELL_SHORT"),
        (share(), Side::Sell, None, true, "SELL"),
        (share(), Side::Buy, None, false, "BUY"),
        (share(), Side::SellShort, None, false, "SELL_SHORT"),
    ] {
        let order = OrderRequest {
            subject: OrderSubject::Instrument(instrument),
            position_effect: effect,
            reduce_only,
            ..subject.order(side, limit("1"))
        };
        let body = asked(&subject, emulator, &order).await;
        assert_eq!(
            body["orderLegCollection"][0]["instruction"], instruction,
            "{side} {effect:?} {reduce_only}"
        );
    }
}

/// Shares in a package are bought to cover and sold short where their leg says so.
#[tokio::test]
async fn shares_of_a_package_open_and_close_as_their_leg_says() {
    use PositionEffect::{Close, Open};
    let (subject, emulator) = both().await;
    let share = || Instrument::equity("AAPL").unwrap();
    let call = || option("AAPL  270115C00100000");
    for (side, effect, instruction) in [
        (Side::Buy, Open, "BUY"),
        (Side::Buy, Close, "BUY_TO_COVER"),
        (Side::Sell, Open, "SELL_SHORT"),
        (Side::Sell, Close, "SELL"),
    ] {
        let other = if side == Side::Buy { Side::Sell } else { Side::Buy };
        let legs = vec![leg(side, effect, 100, share()), leg(other, effect, 1, call())];
        let order =
            OrderRequest { subject: OrderSubject::Legs(legs), ..subject.order(Side::Buy, limit("95")) };
        let body = asked(&subject, emulator, &order).await;
        assert_eq!(body["orderLegCollection"][0]["instruction"], instruction, "{side} {effect:?}");
    }
}

#[tokio::test]
async fn every_time_and_session_it_has_is_written_as_the_sheet_says() {
    let (subject, emulator) = both().await;
    let order = |tif, pricing| OrderRequest { time_in_force: tif, ..subject.order(Side::Buy, pricing) };
    for (request, kind, duration, session) in [
        (order(TimeInForce::Gtc, limit("90")), "LIMIT", "GOOD_TILL_CANCEL", "NORMAL"),
        (order(TimeInForce::Ioc, limit("90")), "LIMIT", "IMMEDIATE_OR_CANCEL", "NORMAL"),
        (order(TimeInForce::Fok, limit("90")), "LIMIT", "FILL_OR_KILL", "NORMAL"),
        (order(TimeInForce::Cls, limit("90")), "LIMIT_ON_CLOSE", "DAY", "NORMAL"),
        (order(TimeInForce::Cls, Pricing::Market), "MARKET_ON_CLOSE", "DAY", "NORMAL"),
        (
            OrderRequest { session: TradingSession::Extended, ..order(TimeInForce::Gtc, limit("90")) },
            "LIMIT",
            "GOOD_TILL_CANCEL",
            "SEAMLESS",
        ),
        (
            OrderRequest {
                expire_date: Some(jiff::civil::date(2026, 12, 31)),
                ..order(TimeInForce::Gtd, limit("90"))
            },
            "LIMIT",
            "GOOD_TILL_CANCEL",
            "NORMAL",
        ),
    ] {
        let gtd = request.time_in_force == TimeInForce::Gtd;
        let body = sent(&subject, emulator, &request).await;
        let found =
            [&body["orderType"], &body["duration"], &body["session"]].map(|value| value.as_str().unwrap());
        assert_eq!(found, [kind, duration, session]);
        assert_eq!(body["cancelTime"].as_str(), gtd.then_some("2026-12-31T21:00:00.000Z"));
    }
}

#[tokio::test]
async fn what_it_does_not_take_is_refused_before_anything_is_sent() {
    let (subject, emulator) = both().await;
    let plain = |pricing| subject.order(Side::Buy, pricing);
    let share = |text: &str| OrderSubject::Instrument(Instrument::from_key(text).unwrap());
    emulator.server.take_requests();
    for (order, what) in [
        (OrderRequest { quantity: "1.5".parse().unwrap(), ..plain(limit("90")) }, "the nearest is 1"),
        (OrderRequest { time_in_force: TimeInForce::Opg, ..plain(limit("90")) }, "opening auction"),
        (OrderRequest { time_in_force: TimeInForce::Gtc, ..plain(Pricing::Market) }, "market orders gtc"),
        (OrderRequest { time_in_force: TimeInForce::Ioc, ..plain(Pricing::Market) }, "limit orders so"),
        (OrderRequest { session: TradingSession::Extended, ..plain(Pricing::Market) }, "extended hours"),
        (OrderRequest { post_only: true, ..plain(limit("90")) }, "post only"),
        (plain(limit("90.001")), "the nearest is 90"),
        // What is held decides, and the engine has said it; here nobody knows.
        (OrderRequest { subject: share("AAPL  270115P00100000"), ..plain(limit("1")) }, "opens or closes"),
        (OrderRequest { subject: share("BTC-USD"), ..plain(limit("90")) }, "shares, funds and options"),
        (OrderRequest { subject: share("SPX"), ..plain(limit("90")) }, "shares, funds and options"),
    ] {
        // Terms that risk itself would not pass are asked of the preview, which checks the same.
        let error = subject.broker.preview(&order).await.unwrap_err();
        assert!(
            matches!(error, BrokerError::Unsupported { .. }) && error.to_string().contains(what),
            "{error}"
        );
    }
    assert!(emulator.server.take_requests().is_empty());
}

#[tokio::test]
async fn every_refusal_of_an_order_is_told_in_schwabs_words() {
    let (subject, emulator) = both().await;
    for (status, body, said) in [
        (400, r#"{"message":"Bad","errors":["price is off"]}"#, "Bad; price is off"),
        (403, r#"{"message":"Forbidden"}"#, "thinkorswim"),
        (404, r#"{"message":"Invalid account number"}"#, "Invalid account number"),
    ] {
        emulator.server.faults.once("POST", "/orders", Fault::answer(status, body));
        let SubmitOutcome::Rejected(reject) = subject.submit(&subject.resting()).await else {
            panic!("{status}")
        };
        assert!(reject.message.contains(said), "{}", reject.message);
    }
    assert!(subject.exchange.orders().is_empty());
}

#[tokio::test]
async fn a_201_is_no_acceptance() {
    let (subject, emulator) = both().await;
    emulator
        .desk
        .reject_after
        .lock()
        .unwrap()
        .insert("AAPL".to_owned(), "too many decimals|too many decimals".to_owned());
    let mut heard = subject.watch().await;
    let handle = subject.accepted(&subject.resting()).await;
    loop {
        match event_of(&mut heard, &handle).await {
            OrderEvent::Rejected(reject) => {
                assert_eq!(reject.message, "too many decimals");
                break;
            }
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    subject.until(&handle, OrderStatus::Rejected).await;
}

#[tokio::test]
async fn an_order_whose_place_is_lost_is_found_by_its_terms() {
    let (subject, emulator) = both().await;
    let order = subject.resting();
    emulator.desk.forget_location.store(true, Ordering::SeqCst);
    assert!(matches!(subject.submit(&order).await, SubmitOutcome::Unknown(_)));
    let found = subject.broker.order(&handle(&order, None)).await.unwrap().unwrap();
    assert_eq!(found.status, OrderStatus::Submitted);
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports[0].client_order_id, Some(order.client_order_id));
    // One of other terms is not it; two alike are nobody's.
    let (first, second) = (subject.resting(), subject.resting());
    for order in [&first, &second] {
        emulator.server.faults.once("POST", "/orders", Fault::DropAfter);
        assert!(matches!(subject.submit(order).await, SubmitOutcome::Unknown(_)));
    }
    let other = OrderRequest { pricing: limit("89"), ..subject.resting() };
    emulator.server.faults.once("POST", "/orders", Fault::DropBefore);
    assert!(matches!(subject.submit(&other).await, SubmitOutcome::Unknown(_)));
    for order in [&first, &second, &other] {
        assert_eq!(subject.broker.order(&handle(order, None)).await.unwrap(), None);
    }
    assert_eq!(subject.exchange.orders().len(), 3);
}

#[tokio::test]
async fn a_preview_says_cost_fees_and_warnings() {
    let (subject, emulator) = both().await;
    let shown = subject.broker.preview(&subject.resting()).await.unwrap().unwrap();
    assert_eq!(
        (shown.cash.unwrap().amount, shown.fee.unwrap().amount.to_string()),
        ((-900).into(), "0.67".to_owned())
    );
    assert_eq!(shown.warnings, ["Prices can change quickly"]);
    let body =
        json!({"orderValidationResult": {"rejects": [{"activityMessage": "no\u{1b}[31m cash"}]}}).to_string();
    emulator.server.faults.once("POST", "previewOrder", Fault::answer(200, &body));
    let error = subject.broker.preview(&subject.resting()).await.unwrap_err();
    assert_eq!(error.to_string(), "schwab refuses (PREVIEW): no cash");
    assert!(subject.exchange.orders().is_empty());
}
