//! Orders both ways, as tables.

use serde_json::json;

use super::super::numbers::Rules;
use super::super::universe::usdc;
use super::*;
use crate::domain::order::{BracketExit, Contingency, Origin, OriginKind, Trail};

fn asset(is_spot: bool) -> Asset {
    Asset {
        id: 1,
        coin: "ETH".into(),
        rules: if is_spot { Rules::spot(2) } else { Rules::perpetual(4) },
        is_spot,
        delisted: false,
        only_isolated: false,
        leverage_max: 25,
        currency: usdc(),
    }
}

fn eth() -> Instrument {
    Instrument::from_key("ETH-PERP").unwrap()
}

fn order(side: Side, quantity: &str, pricing: Pricing) -> OrderRequest {
    let mut order = OrderRequest::plain(
        ClientOrderId::from_u128(1),
        AccountId::new("a"),
        Origin::person(OriginKind::Cli),
        OrderSubject::Instrument(eth()),
        side,
        quantity.parse().unwrap(),
        pricing,
    );
    order.time_in_force = TimeInForce::Gtc;
    order
}

fn at(text: &str) -> Price {
    text.parse().unwrap()
}

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: at(text) }
}

fn sent(order: &OrderRequest) -> serde_json::Value {
    let slippage = Decimal::new(5, 3);
    let (orders, grouping) = orders(&asset(false), &eth(), order, Some(at("1670.1")), slippage).unwrap();
    let mut value = json!({"orders": orders, "grouping": grouping});
    for order in value["orders"].as_array_mut().unwrap() {
        order.as_object_mut().unwrap().remove("c");
    }
    value
}

#[test]
fn orders_are_written_as_the_official_client_writes_them() {
    let one = |p: &str, s: &str, b: bool, r: bool, t: serde_json::Value| json!({"orders": [{"a": 1, "b": b, "p": p, "s": s, "r": r, "t": t}], "grouping": "na"});
    let plain = order(Side::Buy, "0.0147", limit("1670.10"));
    assert_eq!(sent(&plain), one("1670.1", "0.0147", true, false, json!({"limit": {"tif": "Gtc"}})));
    let ioc = OrderRequest { time_in_force: TimeInForce::Ioc, ..plain.clone() };
    assert_eq!(sent(&ioc), one("1670.1", "0.0147", true, false, json!({"limit": {"tif": "Ioc"}})));
    let alo = OrderRequest { post_only: true, reduce_only: true, side: Side::Sell, ..plain };
    assert_eq!(sent(&alo), one("1670.1", "0.0147", false, true, json!({"limit": {"tif": "Alo"}})));
    // A market order goes half a per cent beyond the best price, and is rounded away from it.
    let buy = order(Side::Buy, "1", Pricing::Market);
    assert_eq!(sent(&buy), one("1678.5", "1", true, false, json!({"limit": {"tif": "Ioc"}})));
    let cover = order(Side::BuyToCover, "1", Pricing::Market);
    assert_eq!(sent(&cover), one("1678.5", "1", true, true, json!({"limit": {"tif": "Ioc"}})));
    let sell = order(Side::Sell, "1", Pricing::Market);
    assert_eq!(sent(&sell), one("1661.7", "1", false, false, json!({"limit": {"tif": "Ioc"}})));
    let stop = order(Side::Sell, "2", Pricing::Stop { stop_price: at("1500") });
    let trigger = json!({"trigger": {"isMarket": true, "triggerPx": "1500", "tpsl": "sl"}});
    assert_eq!(sent(&stop), one("1350", "2", false, false, trigger));
    let pricing = Pricing::StopLimit { stop_price: at("1800"), limit_price: at("1810") };
    let trigger = json!({"trigger": {"isMarket": false, "triggerPx": "1800", "tpsl": "sl"}});
    assert_eq!(sent(&order(Side::Buy, "2", pricing)), one("1810", "2", true, false, trigger));
}

#[test]
fn a_bracket_is_one_action_of_three_orders() {
    let mut bracket = order(Side::Buy, "0.02", limit("2600"));
    let exit =
        |bits, text| Some(BracketExit { client_order_id: ClientOrderId::from_u128(bits), price: at(text) });
    (bracket.take_profit, bracket.stop_loss) = (exit(2, "2900"), exit(3, "2350.5"));
    let value = sent(&bracket);
    assert_eq!(value["grouping"], "normalTpsl");
    assert_eq!(
        value["orders"][1],
        json!({"a": 1, "b": false, "p": "2900", "s": "0.02", "r": true,
            "t": {"trigger": {"isMarket": false, "triggerPx": "2900", "tpsl": "tp"}}})
    );
    assert_eq!(
        value["orders"][2],
        json!({"a": 1, "b": false, "p": "2115.4", "s": "0.02", "r": true,
            "t": {"trigger": {"isMarket": true, "triggerPx": "2350.5", "tpsl": "sl"}}})
    );
    let (orders, _) = orders(&asset(false), &eth(), &bracket, None, Decimal::ZERO).unwrap();
    let ids: Vec<_> = orders.iter().map(|order| order.c.clone().unwrap()).collect();
    assert_eq!(ids[2], "0x00000000000000000000000000000003");
}

#[test]
fn what_it_does_not_take_is_refused_with_what_it_takes() {
    let plain = order(Side::Buy, "1", limit("1670"));
    let with = |change: &dyn Fn(&mut OrderRequest)| {
        let mut order = plain.clone();
        change(&mut order);
        order
    };
    let stop = Pricing::Stop { stop_price: at("1700") };
    let exit = || Some(BracketExit { client_order_id: ClientOrderId::from_u128(2), price: at("1800") });
    for (order, said) in [
        (with(&|o| o.time_in_force = TimeInForce::Day), "time in force day here; it takes gtc or ioc"),
        (with(&|o| o.time_in_force = TimeInForce::Fok), "it takes gtc or ioc"),
        (with(&|o| (o.pricing, o.time_in_force) = (stop, TimeInForce::Ioc)), "it takes gtc"),
        (with(&|o| o.session = TradingSession::Extended), "extended hours"),
        (with(&|o| o.pricing = Pricing::TrailingStop { trail: Trail::Amount(at("1")) }), "trailing stops"),
        (with(&|o| (o.pricing, o.post_only) = (Pricing::Market, true)), "post-only limit orders"),
        (with(&|o| (o.time_in_force, o.post_only) = (TimeInForce::Ioc, true)), "time in force ioc"),
        (
            with(&|o| o.contingency = Contingency { parent: None, oco_group: Some(o.client_order_id) }),
            "orders linked to others",
        ),
        (with(&|o| (o.pricing, o.stop_loss) = (stop, exit())), "a bracket around this order"),
        (with(&|o| (o.side, o.stop_loss) = (Side::Sell, exit())), "a bracket around this order"),
        (
            with(&|o| o.quantity = "1.00005".parse().unwrap()),
            "1.00005 of ETH-PERP; it takes multiples of 0.0001: 1 or 1.0001",
        ),
        (
            with(&|o| o.quantity = "0.00005".parse().unwrap()),
            "0.00005 of ETH-PERP; it takes multiples of 0.0001: 0.0001",
        ),
        (
            with(&|o| o.pricing = limit("1670.12")),
            "a price of 1670.12 for ETH-PERP; it takes 5 significant figures and at most 2 decimals, or an integer: 1670.1 or 1670.2",
        ),
        (with(&|o| o.pricing = limit("0.001")), "or an integer: 0.01"),
        (with(&|o| o.pricing = Pricing::Stop { stop_price: at("1670.12") }), "1670.1 or 1670.2"),
        (
            with(&|o| o.pricing = Pricing::StopLimit { stop_price: at("1670"), limit_price: at("1670.12") }),
            "1670.1 or 1670.2",
        ),
    ] {
        let error =
            orders(&asset(false), &eth(), &order, Some(at("1670")), Decimal::ZERO).unwrap_err().to_string();
        assert!(error.contains(said), "{order:?}: {error}");
    }
    let market = with(&|o| o.pricing = Pricing::Market);
    assert!(orders(&asset(false), &eth(), &market, None, Decimal::ZERO).is_err(), "nobody trades");
    for (order, said) in [
        (with(&|o| o.side = Side::SellShort), "short sales of spot"),
        (with(&|o| o.stop_loss = exit()), "brackets of spot"),
    ] {
        let error = orders(&asset(true), &eth(), &order, None, Decimal::ZERO).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    for order in [with(&|o| o.pricing = stop), with(&|o| o.time_in_force = TimeInForce::Ioc), market] {
        assert!(replacement(&asset(false), &eth(), &order).is_err(), "{order:?}");
    }
    assert!(replacement(&asset(false), &eth(), &plain).is_ok());
}

#[test]
fn every_word_for_where_an_order_stands_has_its_status() {
    let (all, part, none) = (Decimal::from(2), Decimal::ONE, Decimal::ZERO);
    for (word, remaining, wanted) in [
        ("open", all, OrderStatus::Submitted),
        ("open", part, OrderStatus::PartiallyFilled),
        ("triggered", all, OrderStatus::Submitted),
        ("waitingForFill", all, OrderStatus::Submitted),
        ("waitingForTrigger", all, OrderStatus::Submitted),
        ("filled", none, OrderStatus::Filled),
        ("filled", part, OrderStatus::Canceled),
        ("someNewCanceled", part, OrderStatus::Canceled),
        ("someNewRejected", part, OrderStatus::Rejected),
        ("rejected", all, OrderStatus::Rejected),
        ("somethingElse", all, OrderStatus::Unknown),
    ] {
        assert_eq!(status(word, all, remaining), wanted, "{word}");
    }
    for word in [
        "canceled scheduledCancel internalCancel marginCanceled vaultWithdrawalCanceled openInterestCapCanceled",
        "selfTradeCanceled reduceOnlyCanceled siblingFilledCanceled delistedCanceled liquidatedCanceled",
        "outcomeSettledCanceled",
    ]
    .into_iter()
    .flat_map(str::split_whitespace)
    {
        assert_eq!(status(word, all, all), OrderStatus::Canceled, "{word}");
    }
    for word in [
        "tickRejected minTradeNtlRejected perpMarginRejected reduceOnlyRejected badAloPxRejected iocCancelRejected",
        "badTriggerPxRejected marketOrderNoLiquidityRejected positionIncreaseAtOpenInterestCapRejected",
        "positionFlipAtOpenInterestCapRejected tooAggressiveAtOpenInterestCapRejected openInterestIncreaseRejected",
        "insufficientSpotBalanceRejected oracleRejected perpMaxPositionRejected tooManyOpenOrdersRejected",
    ]
    .into_iter()
    .flat_map(str::split_whitespace)
    {
        assert_eq!(status(word, all, all), OrderStatus::Rejected, "{word}");
    }
}

fn row(order_type: &str, word: &str, sz: &str) -> OrderWithStatus {
    // From text: decimals are read from the text of an answer alone.
    read(json!({
        "order": {"coin": "ETH", "side": "A", "limitPx": "1650.0", "sz": sz, "oid": 77, "timestamp": 1_790_000_000_000_i64,
            "triggerCondition": "N/A", "isTrigger": true, "triggerPx": "1660.0", "children": [], "isPositionTpsl": false,
            "reduceOnly": true, "orderType": order_type, "origSz": "2.0", "tif": null, "cloid": null},
        "status": word, "statusTimestamp": 1_790_000_000_000_i64
    }))
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap()
}

#[test]
fn orders_of_the_lists_come_back_as_what_they_are() {
    let universe = Universe::default();
    let read = |order_type: &str, word: &str, sz: &str| {
        report(&universe, &row(order_type, word, sz)).unwrap().unwrap()
    };
    for (order_type, wanted) in [
        ("Market", Pricing::Market),
        ("Limit", limit("1650")),
        ("Stop Market", Pricing::Stop { stop_price: at("1660") }),
        ("Stop Limit", Pricing::StopLimit { stop_price: at("1660"), limit_price: at("1650") }),
        ("Take Profit Market", limit("1660")),
        ("Take Profit Limit", limit("1650")),
    ] {
        assert_eq!(read(order_type, "open", "2.0").pricing, wanted, "{order_type}");
    }
    // Our types have no place for a trigger in the order's favour.
    for (order_type, native) in [
        ("Limit", None),
        ("Stop Limit", None),
        ("Take Profit Market", Some("take profit at the market from 1660")),
        ("Take Profit Limit", Some("take profit at 1650 from 1660")),
        ("Brand New", Some("Brand New, trigger 1660")),
    ] {
        assert_eq!(read(order_type, "open", "2.0").native_type.as_deref(), native, "{order_type}");
    }
    // A slice belongs to an order that is listed by itself.
    assert!(report(&universe, &row("Twap Slice", "open", "2.0")).unwrap().is_none());
    let part = read("Limit", "open", "0.5");
    assert_eq!((part.status, part.filled_quantity), (OrderStatus::PartiallyFilled, "1.5".parse().unwrap()));
    let canceled = read("Limit", "canceled", "0.5");
    assert_eq!((canceled.status, canceled.filled_quantity), (OrderStatus::Canceled, "1.5".parse().unwrap()));
    // Nothing is concluded from an order that ended and shows nothing left.
    assert_eq!(read("Limit", "canceled", "0.0").filled_quantity, Quantity::ZERO);
    assert_eq!(read("Limit", "filled", "0.0").filled_quantity, "2".parse().unwrap());
    let mut odd = row("Limit", "open", "2.0");
    odd.order.side = "X".to_owned();
    assert!(report(&universe, &odd).is_err());
    odd.order.coin = "#120".to_owned();
    assert!(report(&universe, &odd).unwrap().is_none());
}

#[test]
fn ids_of_others_are_not_taken_for_ours() {
    let made = ClientOrderId::from_parts(1_790_000_000_000, 5);
    let text = cloid(made);
    assert_eq!(text.len(), 34);
    assert_eq!(ours(Some(&text), 1_790_000_000_500), Some(made));
    assert_eq!(ours(Some(&text), 1_790_000_000_000 + 100 * 86_400_000), Some(made));
    for other in [
        None,
        Some("0x00000000000000000000000000000001"),
        Some("0x1234567890abcdef1234567890abcdef"),
        Some("x"),
    ] {
        assert_eq!(ours(other, 1_790_000_000_000), None, "{other:?}");
    }
}

fn fill(coin: &str, fee: &str, token: &str, dir: &str) -> Fill {
    read(json!({"coin": coin, "px": "18.435", "sz": "93.53", "side": "B", "time": 1_790_000_000_000_i64,
        "startPosition": "26.86", "dir": dir, "closedPnl": "0.0", "hash": "0xa166", "oid": 90_542_681, "crossed": false,
        "fee": fee, "feeToken": token, "tid": 118_906_512_037_719_u64, "twapId": null}))
}

#[test]
fn a_fee_in_units_is_a_row_of_its_own_and_a_rebate_stays_negative() {
    let mut universe = Universe::default();
    let spot = r#"{"tokens":[{"name":"USDC","szDecimals":8,"index":0},{"name":"HYPE","szDecimals":2,"index":150}],
        "universe":[{"name":"@107","tokens":[150,0],"index":107}]}"#;
    universe.add_spot(&serde_json::from_str(spot).unwrap());
    let account = AccountId::new("a");
    let perpetual = executions(&universe, &account, &fill("AVAX", "-0.01", "USDC", "Open Long")).unwrap();
    assert_eq!(perpetual.len(), 1);
    assert_eq!(perpetual[0].execution_id.as_str(), "118906512037719-90542681");
    assert_eq!((perpetual[0].fee, perpetual[0].kind), (Decimal::new(-1, 2), ExecutionKind::Trade));
    let pair = executions(&universe, &account, &fill("@107", "0.05", "HYPE", "Buy")).unwrap();
    assert_eq!(pair.len(), 2);
    assert_eq!((pair[0].fee, pair[0].quantity), (Decimal::ZERO, "93.53".parse().unwrap()));
    assert_eq!((pair[1].kind, pair[1].side, pair[1].price), (ExecutionKind::Fee, Side::Sell, Price::ZERO));
    assert_eq!(pair[1].quantity, "0.05".parse().unwrap());
    let forced =
        executions(&universe, &account, &fill("AVAX", "0", "USDC", "Liquidated Cross Long")).unwrap();
    assert_eq!(forced[0].kind, ExecutionKind::Liquidation);
    assert!(executions(&universe, &account, &fill("@9", "0", "USDC", "Buy")).unwrap().is_empty());
}
