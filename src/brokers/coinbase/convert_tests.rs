//! Orders there and back.

use super::*;
use crate::domain::order::{Origin, OriginKind};

fn now() -> Timestamp {
    "2026-03-05T12:00:00Z".parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn product() -> Product {
    serde_json::from_str(
        r#"{"product_id":"BTC-USD","base_increment":"0.001","quote_increment":"0.01","price_increment":"0.05",
        "base_min_size":"0.002","base_max_size":"10","quote_currency_id":"USD","product_type":"SPOT"}"#,
    )
    .unwrap()
}

fn order(quantity: &str, pricing: Pricing, time_in_force: TimeInForce) -> OrderRequest {
    let plain = OrderRequest::plain(
        ClientOrderId::from_parts(1_772_712_000_000, 7),
        AccountId::new("live"),
        Origin::person(OriginKind::Cli),
        OrderSubject::Instrument(Instrument::crypto("BTC", "USD").unwrap()),
        Side::Buy,
        quantity.parse().unwrap(),
        pricing,
    );
    OrderRequest { time_in_force, ..plain }
}

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

fn body(request: &OrderRequest) -> Result<serde_json::Value, String> {
    let body = new_order(request, &product(), now()).map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(body).unwrap())
}

#[test]
fn j3_our_ids_are_uuids_there_and_read_back() {
    let id = ClientOrderId::from_parts(1_772_712_000_000, u128::from(u64::MAX));
    let text = client_id_text(id);
    assert_eq!(text.len(), 36);
    assert_eq!(client_id_of(&text, now()), Some(id));
    assert_eq!(client_id_of(&text.to_uppercase(), now()), Some(id));
    assert_eq!(made_at(id).unwrap().as_millisecond(), 1_772_712_000_000);
    // Those of other programs are not taken for ours, whatever they look like.
    for other in [
        "6b1fd2a4-33aa-4c0e-9a55-0123456789ab",
        "0f000000-0000-4000-8000-000000000001",
        "cid-1",
        "",
        "01234567-89ab-cdef-0123-456789abcde",
        "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
    ] {
        assert_eq!(client_id_of(other, now()), None, "{other}");
    }
}

#[test]
fn limited_orders_end_with_their_day() {
    let end = |request: &OrderRequest| {
        let body = body(request).unwrap();
        body["order_configuration"]["limit_limit_gtd"]["end_time"].as_str().unwrap().to_owned()
    };
    assert_eq!(end(&order("1", limit("100"), TimeInForce::Day)), "2026-03-06T00:00:00Z");
    let dated = OrderRequest {
        expire_date: Some("2026-12-31".parse().unwrap()),
        ..order("1", limit("100"), TimeInForce::Gtd)
    };
    assert_eq!(end(&dated), "2027-01-01T00:00:00Z");
    let past = OrderRequest { expire_date: Some("2026-03-04".parse().unwrap()), ..dated };
    assert!(body(&past).unwrap_err().contains("does not take gtd until 2026-03-04"));
    let undated = order("1", limit("100"), TimeInForce::Gtd);
    assert!(body(&undated).unwrap_err().contains("it takes gtd with its last day"));
    // With half a minute left it lives through the next day.
    let late: Timestamp = "2026-03-05T23:59:30Z".parse().unwrap();
    let body = new_order(&order("1", limit("100"), TimeInForce::Day), &product(), late).unwrap();
    let terms = body.order_configuration.limit_limit_gtd.unwrap();
    assert_eq!(terms.end_time.unwrap(), "2026-03-07T00:00:00Z");
}

#[test]
fn what_is_off_the_increment_is_refused_with_the_nearest_that_is_not() {
    for (quantity, at, said) in [
        (
            "1.0005",
            "100",
            "a size of 1.0005 in BTC-USD; it takes multiples of 0.001 from 0.002 to 10; the nearest is 1",
        ),
        ("0.001", "100", "the nearest is 0.002"),
        ("11", "100", "the nearest is 10"),
        (
            "1",
            "100.03",
            "a price of 100.03 in BTC-USD; it takes multiples of 0.05 above zero; the nearest is 100.05",
        ),
    ] {
        let error = body(&order(quantity, limit(at), TimeInForce::Gtc)).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    let stop = Pricing::StopLimit { stop_price: price("100.01"), limit_price: price("101") };
    assert!(body(&order("1", stop, TimeInForce::Gtc)).unwrap_err().contains("the nearest is 100"));
}

#[test]
fn what_coinbase_lacks_is_refused_with_what_it_takes() {
    let gtc = |pricing| order("1", pricing, TimeInForce::Gtc);
    let plain = || gtc(limit("100"));
    let stop_limit = Pricing::StopLimit { stop_price: price("110"), limit_price: price("111") };
    let trail = crate::domain::order::Trail::Percent(Decimal::from(5));
    let slices = |minutes, randomize| {
        let limit_price = Some(price("100"));
        Pricing::Twap(crate::domain::order::Slices { minutes, randomize, limit_price })
    };
    let oco = |limit: &str, stop: &str| Pricing::Oco { limit_price: price(limit), stop_price: price(stop) };
    let exit = crate::domain::order::BracketExit {
        client_order_id: ClientOrderId::from_u128(1),
        price: price("120"),
    };
    for (request, said) in [
        (
            gtc(Pricing::Stop { stop_price: price("90") }),
            "stop orders; it takes market, limit, stop-limit, twap and oco",
        ),
        (gtc(Pricing::TrailingStop { trail }), "trailing-stop orders; it takes market, limit, stop-limit"),
        (
            gtc(Pricing::Twap(crate::domain::order::Slices {
                minutes: 30,
                randomize: false,
                limit_price: None,
            })),
            "twap orders without a worst price; it takes twap orders with a limit",
        ),
        (gtc(slices(30, true)), "slices at random times; it takes slices at even times"),
        (gtc(slices(1, false)), "slices over 1 minutes; it takes 2 to 1440 minutes"),
        (order("1", slices(30, false), TimeInForce::Ioc), "twap orders that are ioc"),
        (order("0.003", slices(30, false), TimeInForce::Gtc), "0.003 in equal slices over 30 minutes"),
        (gtc(oco("120", "90")), "crypto buy that are oco; it takes oco orders that sell coins"),
        (
            OrderRequest { side: Side::Sell, ..gtc(oco("90", "120")) },
            "a stop at 120 with its limit at 90; it takes stops below their limit",
        ),
        (
            OrderRequest { side: Side::Sell, ..order("1", oco("120", "90"), TimeInForce::Ioc) },
            "oco orders that are ioc; it takes oco orders of day, gtc or gtd",
        ),
        (
            OrderRequest { side: Side::Sell, post_only: true, ..gtc(oco("120", "90")) },
            "post-only on such an order",
        ),
        (order("1", limit("100"), TimeInForce::Opg), "orders for an auction"),
        (order("1", Pricing::Market, TimeInForce::Fok), "market orders that are fok"),
        (order("1", Pricing::Market, TimeInForce::Cls), "market orders that are cls"),
        (order("1", stop_limit, TimeInForce::Ioc), "stop-limit orders that are ioc"),
        (OrderRequest { side: Side::SellShort, ..plain() }, "short sales of coins; it takes buy and sell"),
        (OrderRequest { reduce_only: true, ..plain() }, "a buy that only reduces"),
        (
            // There is a call that closes a position at the market, and no word for an order that only reduces.
            OrderRequest {
                subject: OrderSubject::Instrument(Instrument::Perpetual {
                    symbol: "BIP-20DEC30-CDE".parse().unwrap(),
                }),
                reduce_only: true,
                ..plain()
            },
            "reduce-only orders in futures that wait; it takes market orders that only reduce",
        ),
        (OrderRequest { session: TradingSession::Extended, ..plain() }, "extended hours"),
        (
            OrderRequest { take_profit: Some(exit), ..plain() },
            "a bracket; it takes an order alone; an exit plan closes what it opens",
        ),
        (
            OrderRequest { post_only: true, ..order("1", limit("100"), TimeInForce::Ioc) },
            "post-only on such an order",
        ),
        (OrderRequest { post_only: true, ..gtc(stop_limit) }, "post-only on such an order"),
        (
            OrderRequest {
                subject: OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
                ..plain()
            },
            "equity AAPL; it takes crypto pairs",
        ),
        (OrderRequest { subject: OrderSubject::Legs(Vec::new()), ..plain() }, "a package of legs"),
    ] {
        let error = body(&request).unwrap_err();
        assert!(error.starts_with("coinbase does not take") && error.contains(said), "{error}");
    }
    // Futures have what coins have not.
    let future = Instrument::Perpetual { symbol: "BIP-20DEC30-CDE".parse().unwrap() };
    let future = OrderRequest {
        subject: OrderSubject::Instrument(future),
        ..order("2", Pricing::Market, TimeInForce::Fok)
    };
    assert_eq!(
        body(&future).unwrap()["order_configuration"],
        serde_json::json!({ "market_market_fok": { "base_size": "2" } })
    );
    // A sale of what is held never opens anything.
    assert!(body(&OrderRequest { side: Side::Sell, reduce_only: true, ..plain() }).is_ok());
}

#[test]
fn products_that_do_not_trade_take_no_orders() {
    let with = |change: &dyn Fn(&mut Product), request: &OrderRequest| {
        let mut product = product();
        change(&mut product);
        new_order(request, &product, now()).map(|_| ()).map_err(|error| error.to_string())
    };
    let plain = order("1", limit("100"), TimeInForce::Gtc);
    let market = order("1", Pricing::Market, TimeInForce::Day);
    for change in [
        &(|product: &mut Product| product.trading_disabled = true) as &dyn Fn(&mut Product),
        &|product| product.is_disabled = true,
        &|product| product.view_only = true,
        &|product| product.cancel_only = true,
    ] {
        assert!(with(change, &plain).unwrap_err().contains("orders in BTC-USD"));
    }
    assert!(
        with(&|product| product.limit_only = true, &market).unwrap_err().contains("it takes limit orders")
    );
    assert!(with(&|product| product.limit_only = true, &plain).is_ok());
    assert!(
        with(&|product| product.post_only = true, &plain).unwrap_err().contains("it takes post-only orders")
    );
}

#[test]
fn every_status_word_has_its_place() {
    let one = Decimal::ONE;
    for (word, filled, cancel, replace, status) in [
        ("PENDING", Decimal::ZERO, false, false, OrderStatus::Submitted),
        ("QUEUED", Decimal::ZERO, false, false, OrderStatus::Submitted),
        ("OPEN", Decimal::ZERO, false, false, OrderStatus::Submitted),
        ("OPEN", one, false, false, OrderStatus::PartiallyFilled),
        ("OPEN", one, true, false, OrderStatus::PendingCancel),
        ("OPEN", Decimal::ZERO, false, true, OrderStatus::PendingReplace),
        ("EDIT_QUEUED", Decimal::ZERO, false, false, OrderStatus::PendingReplace),
        ("CANCEL_QUEUED", one, false, false, OrderStatus::PendingCancel),
        ("CANCELLED", one, true, false, OrderStatus::Canceled),
        ("FILLED", one, true, false, OrderStatus::Filled),
        ("EXPIRED", Decimal::ZERO, false, false, OrderStatus::Expired),
        ("FAILED", Decimal::ZERO, false, false, OrderStatus::Rejected),
        ("FAILED", one, false, false, OrderStatus::Canceled),
        ("UNKNOWN_ORDER_STATUS", Decimal::ZERO, false, false, OrderStatus::Unknown),
        ("SOMETHING_NEW", one, false, false, OrderStatus::Unknown),
    ] {
        assert_eq!(status_of(word, filled, cancel, replace), status, "{word}");
    }
}

fn fill(change: &str) -> Option<Execution> {
    let text = format!(
        r#"{{"entry_id":"e-1","trade_id":"t-1","order_id":"o1","trade_time":"2026-01-02T03:04:05Z","trade_type":"FILL",
        "price":"50","size":"2","commission":"0.3","product_id":"BTC-USD","side":"BUY"{change}}}"#
    );
    // A name that comes twice keeps its last value only when it is taken out before.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let text = value.to_string();
    let fill: Fill = crate::brokers::json::read(text.as_bytes()).unwrap();
    execution(&fill, &AccountId::new("live"), None, Decimal::ONE)
}

#[test]
fn e1_fills_are_read_whatever_their_size_is_in() {
    let plain = fill("").unwrap();
    assert_eq!(
        (plain.execution_id.as_str(), plain.quantity, plain.fee),
        ("e-1", 2.into(), Decimal::new(3, 1))
    );
    assert_eq!((plain.currency, plain.side, plain.kind), (Currency::USD, Side::Buy, ExecutionKind::Trade));
    let in_money = fill(r#","size_in_quote":true,"size":"75""#).unwrap();
    assert_eq!(in_money.quantity, "1.5".parse().unwrap());
    let taken_back = fill(r#","trade_type":"REVERSAL""#).unwrap();
    assert_eq!((taken_back.kind, taken_back.side), (ExecutionKind::Bust, Side::Sell));
    assert_eq!(fill(r#","trade_type":"CORRECTION""#).unwrap().kind, ExecutionKind::Correction);
    assert!(fill(r#","product_id":"what is this""#).is_none());
}

#[test]
fn an_amount_of_money_is_sent_as_money() {
    let of = |money: &str, side, pricing| OrderRequest {
        side,
        cash_order_quantity: Some(money.parse().unwrap()),
        // Off every increment: it is an estimate, and nobody sends it.
        ..order("0.123456789012", pricing, TimeInForce::Gtc)
    };
    let body = new_order(&of("250.50", Side::Buy, Pricing::Market), &product(), now()).unwrap();
    let sent = serde_json::to_value(&body.order_configuration).unwrap();
    assert_eq!(sent, serde_json::json!({ "market_market_ioc": { "quote_size": "250.5" } }));
    for (money, side, pricing, said) in [
        ("250.505", Side::Buy, Pricing::Market, "the nearest is 250.5"),
        ("0.001", Side::Buy, Pricing::Market, "the nearest is 0.01"),
        ("250", Side::Sell, Pricing::Market, "an amount in market buys of coins"),
        ("250", Side::Buy, limit("100"), "an amount in market buys of coins"),
    ] {
        let error = new_order(&of(money, side, pricing), &product(), now()).unwrap_err().to_string();
        assert!(error.starts_with("coinbase does not take") && error.contains(said), "{error}");
    }
}
