use serde_json::{Map, Value, json};

use super::*;
use crate::domain::calendar::Calendar;
use crate::domain::denial::DenialCode;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::Pricing;
use crate::domain::quote::{Bar, Interval};
use crate::quant::indicators::named as indicators;
use crate::strategies::{BotRefusal, BotWant};

fn ask(method: &str, params: &Value) -> Result<Asked, RpcError> {
    asked(method, params.as_object().unwrap().clone())
}

#[test]
fn lines_are_read_and_what_is_none_is_named() {
    let request = read(r#"{"jsonrpc":"2.0","id":"a","method":"account.get"}"#).unwrap();
    assert_eq!(
        request,
        Incoming::Request { id: json!("a"), method: "account.get".to_owned(), params: Map::new() }
    );
    assert_eq!(
        read(r#"{"jsonrpc":"2.0","id":3,"result":{"x":1}}"#).unwrap(),
        Incoming::Reply { id: 3, result: Ok(json!({"x": 1})) }
    );
    assert_eq!(
        read(r#"{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"no"}}"#).unwrap(),
        Incoming::Reply { id: 3, result: Err("no".to_owned()) }
    );
    for (line, code) in [
        ("hello", -32_700),
        ("[]", -32_600),
        (r#"{"method":"x"}"#, -32_600),
        (r#"{"jsonrpc":"2.0"}"#, -32_600),
        (r#"{"jsonrpc":"2.0","method":"x","params":[1]}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":-1,"result":1}"#, -32_600),
    ] {
        assert_eq!(read(line).unwrap_err().code, code, "{line}");
    }
}

#[test]
fn orders_are_read_strictly() {
    let whole = json!({"client_tag": "t1", "instrument": "AAPL", "side": "buy", "quantity": "10",
        "order_type": "limit", "limit_price": "190.5", "time_in_force": "gtc", "reduce_only": false});
    let Ok(Asked::Want(BotWant::Place { tag, proposal })) = ask("order.place", &whole) else {
        panic!("no order");
    };
    assert_eq!((tag.as_str(), proposal.quantity), ("t1", Quantity::from(10)));
    assert_eq!(proposal.pricing, Pricing::Limit { limit_price: "190.5".parse().unwrap() });
    let with = |name: &str, value: Value| {
        let mut changed = whole.clone();
        match value {
            Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
            value => changed[name] = value,
        }
        ask("order.place", &changed).unwrap_err()
    };
    for (name, value, code, said) in [
        ("quantity", json!(10), -32_602, "quantity must be a text"),
        ("quantity", json!("-1"), -32_602, "quantity: allowed units above 0"),
        ("quantity", Value::Null, -32_602, "quantity is missing"),
        ("side", json!("hold"), -32_602, "side: allowed buy, sell"),
        ("limit_price", Value::Null, -32_602, "a limit order has limit_price"),
        ("order_type", json!("iceberg"), -32_602, "order_type: allowed market"),
        ("instrument", json!("A A"), -32_005, "is the key of no instrument"),
        ("leverage", json!("3"), -32_602, "leverage is not known here"),
        ("time_in_force", json!("week"), -32_602, "time_in_force: allowed day"),
        ("reduce_only", json!("no"), -32_602, "reduce_only: allowed true, false"),
    ] {
        let error = with(name, value);
        assert!(error.code == code && error.message.contains(said), "{error:?}");
    }
    assert_eq!(ask("order.send", &whole).unwrap_err().code, -32_601);
    let bars = json!({"instrument": "AAPL", "interval": "1m", "limit": 9_999});
    assert_eq!(ask("data.bars", &bars).unwrap_err().message, "limit: allowed 1 to 5000");
    let state = json!({"json": "x".repeat(STATE_MAX)});
    assert!(ask("state.set", &state).unwrap_err().message.contains("262144 are allowed"));
}

/// Two bars three minutes apart: filled, the two minutes between stand at the close before, and as many are told as were asked for.
#[test]
fn bars_are_told_with_the_steps_in_which_nothing_traded_where_that_is_asked_for() {
    let instrument = Instrument::equity("AAPL").unwrap();
    let bar = |at: &str, price: i64| {
        let price = Price::from(price);
        let start = at.parse().unwrap();
        Bar { start, open: price, high: price, low: price, close: price, volume: 5.into() }
    };
    let bars = [bar("2024-03-01T15:00:00Z", 10), bar("2024-03-01T15:03:00Z", 20)];
    let told = |over: &Over, fill: bool| {
        past(over, (&instrument, Interval::Minute1), (&bars, fill), &Calendar::nyse())
    };
    let closes = |value: &Value| -> Vec<(String, String)> {
        let text = |bar: &Value, name: &str| bar[name].as_str().unwrap().to_owned();
        let rows = value["bars"].as_array().unwrap().iter();
        rows.map(|bar| (text(bar, "close"), text(bar, "volume"))).collect()
    };
    let row = |close: &str, volume: &str| (close.to_owned(), volume.to_owned());
    assert_eq!(closes(&told(&Over::Bars(9), false)), [row("10", "5"), row("20", "5")]);
    assert_eq!(
        closes(&told(&Over::Bars(9), true)),
        [row("10", "5"), row("10", "0"), row("10", "0"), row("20", "5")]
    );
    assert_eq!(closes(&told(&Over::Bars(2), true)), [row("10", "0"), row("20", "5")]);
    let mean = indicators::Asked::new("sma", &[("length".to_owned(), 4.0)].into()).unwrap();
    let values = |fill| told(&Over::Indicator(mean.clone()), fill)["values"].clone();
    assert_eq!(values(true).to_string(), r#"{"value":12.5}"#);
    assert_ne!(values(false), values(true), "two bars are no mean of four");
}

#[test]
fn refusals_have_the_numbers_of_the_protocol() {
    let denied = |code| refused(&BotRefusal::Denied { code, text: "why".to_owned() });
    let id = ClientOrderId::from_parts(1, 2);
    assert_eq!(refused(&BotRefusal::OutcomeUnknown(id)).data, json!({"order_id": id.to_string()}));
    assert_eq!(refused(&BotRefusal::Permission("orders=none".to_owned())).code, -32_001);
    assert_eq!(denied(DenialCode::BuyingPower).data, json!({"code": "BUYING_POWER"}));
    for (error, code) in [
        (denied(DenialCode::BuyingPower), -32_002),
        (denied(DenialCode::OrderRate), -32_003),
        (refused(&BotRefusal::NotReady("paused".to_owned())), -32_004),
        (denied(DenialCode::UnknownInstrument), -32_005),
        (refused(&BotRefusal::Halted), -32_007),
        (denied(DenialCode::BrokerDown), -32_008),
        (denied(DenialCode::NotAuthorised), -32_001),
        (refused(&BotRefusal::TooMany("ten wait already".to_owned())), -32_003),
        (refused(&BotRefusal::Underway { order: id, status: "pending_replace" }), -32_004),
        (refused(&BotRefusal::OutcomeUnknown(id)), -32_009),
        (refused(&BotRefusal::NoOrder("x".to_owned())), -32_602),
        (refused(&BotRefusal::Bad("x".to_owned())), -32_602),
    ] {
        assert_eq!(error.code, code, "{}", error.message);
    }
    assert_eq!(
        answer(&json!(7), Err(RpcError::rate("slower", 500))),
        r#"{"error":{"code":-32003,"data":{"retry_after_ms":500},"message":"slower"},"id":7,"jsonrpc":"2.0"}"#
    );
}

#[test]
fn schedules_chains_and_indicators_are_read_strictly() {
    let times = ask("schedule.set", &json!({"schedule": ["every 5m", "close-15m"]})).unwrap();
    let Asked::Want(BotWant::Schedule(times)) = times else { panic!("no schedule") };
    assert_eq!(times.iter().map(|time| time.name.as_str()).collect::<Vec<_>>(), ["every 5m", "close-15m"]);
    assert_eq!(
        ask("schedule.set", &json!({"schedule": []})).unwrap(),
        Asked::Want(BotWant::Schedule(Vec::new()))
    );
    let chain = ask("data.chain", &json!({"instrument": "AAPL", "expiry": "2026-12-18"})).unwrap();
    let Asked::Query(BotQuery::Chain { from, until, .. }) = chain else { panic!("no chain") };
    assert!(from == until && from.is_some());
    let rsi = json!({"name": "rsi", "params": {"length": 14}, "instrument": "AAPL", "interval": "1d"});
    let Ok(Asked::Query(BotQuery::Past { over, fill_forward, .. })) = ask("indicator", &rsi) else {
        panic!("no indicator")
    };
    assert!(matches!(over, Over::Indicator(_)) && !fill_forward);
    for (method, params, code, said) in [
        ("schedule.set", json!({}), -32_602, "schedule is missing"),
        ("schedule.set", json!({"schedule": "every 5m"}), -32_602, "schedule: allowed a list of texts"),
        ("schedule.set", json!({"schedule": ["often"]}), -32_602, "'often' is not a schedule"),
        ("schedule.set", json!({"schedule": ["open", "open"]}), -32_602, "'open' is there twice"),
        ("schedule.set", json!({"schedule": vec!["open"; 17]}), -32_602, "17 times, 16 are allowed"),
        ("data.chain", json!({"instrument": "BTC-USD"}), -32_005, "is no share"),
        ("data.chain", json!({"instrument": "AAPL", "from": "soon"}), -32_602, "from: found 'soon'"),
        (
            "data.chain",
            json!({"instrument": "AAPL", "from": "2026-12-18", "expiry": "2026-12-18"}),
            -32_602,
            "expiry: allowed alone",
        ),
        (
            "data.bars",
            json!({"instrument": "AAPL", "interval": "1d", "fill_forward": "yes"}),
            -32_602,
            "fill_forward: allowed true, false",
        ),
        (
            "indicator",
            json!({"name": "x", "instrument": "AAPL", "interval": "1d"}),
            -32_602,
            "no indicator 'x'",
        ),
        (
            "indicator",
            json!({"name": "rsi", "instrument": "AAPL", "interval": "1d", "params": {"length": "a"}}),
            -32_602,
            "params: allowed names with numbers",
        ),
        (
            "indicator",
            json!({"name": "rsi", "instrument": "AAPL", "interval": "1d", "params": {"length": 0}}),
            -32_602,
            "rsi: length: found '0'",
        ),
    ] {
        let error = ask(method, &params).unwrap_err();
        assert!(error.code == code && error.message.contains(said), "{error:?}");
    }
}
