//! Every way to trade there, read back.

use super::*;
use crate::domain::order::{OrderStatus, Side};

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn read(side: &str, way: &str, more: &str) -> OrderReport {
    let text = format!(
        r#"{{"order_id":"o1","client_order_id":"x","product_id":"BTC-USD","side":"{side}","status":"OPEN",
        "created_time":"2026-01-02T03:04:05.678901Z","order_configuration":{way},"filled_size":"0.4",
        "average_filled_price":"50","unheard_of":{{"a":[1]}}{more}}}"#
    );
    let order: Order = crate::brokers::json::read(text.as_bytes()).unwrap();
    report(&order, None).unwrap()
}

#[test]
fn every_way_to_trade_that_has_a_type_is_read() {
    let at = |text| Pricing::Limit { limit_price: price(text) };
    let stop = Pricing::StopLimit { stop_price: price("70"), limit_price: price("60") };
    for (way, pricing, force, quantity) in [
        (r#"{"market_market_ioc":{"base_size":"1"}}"#, Pricing::Market, TimeInForce::Ioc, "1"),
        (r#"{"market_market_fok":{"base_size":"1"}}"#, Pricing::Market, TimeInForce::Fok, "1"),
        (r#"{"market_market_ioc":{"quote_size":"100"}}"#, Pricing::Market, TimeInForce::Ioc, "2"),
        (r#"{"sor_limit_ioc":{"base_size":"1","limit_price":"60"}}"#, at("60"), TimeInForce::Ioc, "1"),
        (
            r#"{"limit_limit_gtc":{"base_size":"1","limit_price":"60","post_only":true}}"#,
            at("60"),
            TimeInForce::Gtc,
            "1",
        ),
        (r#"{"limit_limit_gtc":{"quote_size":"120","limit_price":"60"}}"#, at("60"), TimeInForce::Gtc, "2"),
        (
            r#"{"limit_limit_gtd":{"base_size":"1","limit_price":"60","end_time":"x"}}"#,
            at("60"),
            TimeInForce::Gtd,
            "1",
        ),
        (r#"{"limit_limit_fok":{"base_size":"1","limit_price":"60"}}"#, at("60"), TimeInForce::Fok, "1"),
        (
            r#"{"stop_limit_stop_limit_gtc":{"base_size":"1","limit_price":"60","stop_price":"70"}}"#,
            stop,
            TimeInForce::Gtc,
            "1",
        ),
        (
            r#"{"stop_limit_stop_limit_gtd":{"base_size":"1","limit_price":"60","stop_price":"70"}}"#,
            stop,
            TimeInForce::Gtd,
            "1",
        ),
    ] {
        let report = read("SELL", way, "");
        assert_eq!((report.pricing, report.time_in_force), (pricing, force), "{way}");
        assert_eq!(report.quantity, quantity.parse().unwrap(), "{way}");
        assert_eq!((report.side, report.status), (Side::Sell, OrderStatus::PartiallyFilled));
        assert_eq!(report.native_type, None, "{way}");
    }
    let oco = Pricing::Oco { limit_price: price("60"), stop_price: price("40") };
    let slices = Slices { minutes: 31, randomize: false, limit_price: Some(price("60")) };
    for (way, pricing, force) in [
        (
            r#"{"trigger_bracket_gtc":{"base_size":"1","limit_price":"60.00","stop_trigger_price":"40"}}"#,
            oco,
            TimeInForce::Gtc,
        ),
        (
            r#"{"trigger_bracket_gtd":{"base_size":"1","limit_price":"60","stop_trigger_price":"40","end_time":"x"}}"#,
            oco,
            TimeInForce::Gtd,
        ),
        (
            r#"{"twap_limit_gtd":{"base_size":"1","limit_price":"60","start_time":"2026-01-02T03:00:00Z",
                "end_time":"2026-01-02T03:30:01Z","number_buckets":"3","bucket_size":"0.3","bucket_duration":"600s"}}"#,
            Pricing::Twap(slices),
            TimeInForce::Gtd,
        ),
    ] {
        let report = read("SELL", way, "");
        assert_eq!(
            (report.pricing, report.time_in_force, report.native_type),
            (pricing, force, None),
            "{way}"
        );
    }
}

#[test]
fn what_has_no_type_here_says_what_it_is() {
    let at = |text| Pricing::Limit { limit_price: price(text) };
    let scaled = r#"{"scaled_limit_gtc":{"base_size":"1","num_orders":"3","min_price":"55","max_price":"65","price_distribution":"LINEAR"}}"#;
    for (side, way, pricing, native) in [
        (
            "SELL",
            r#"{"trigger_bracket_gtc":{"base_size":"1","limit_price":"60.00","stop_trigger_price":""}}"#,
            at("60"),
            "bracket: profit 60, stop ?",
        ),
        (
            "BUY",
            r#"{"twap_limit_gtd":{"base_size":"1","limit_price":"60","number_buckets":"3"}}"#,
            at("60"),
            "twap: worst price 60",
        ),
        ("BUY", scaled, at("65"), "scaled: 3 orders from 55 to 65"),
        ("SELL", scaled, at("55"), "scaled: 3 orders from 55 to 65"),
        ("SELL", r#"{"scaled_limit_gtc":{"base_size":"1"}}"#, Pricing::Market, "scaled: from ? to ?"),
        ("BUY", r#"{"brand_new":{"base_size":"1"}}"#, Pricing::Market, "a type that is not known here: ?"),
    ] {
        let report = read(side, way, "");
        assert_eq!((report.pricing, report.native_type.as_deref()), (pricing, Some(native)), "{way}");
    }
    let odd = read("BUY", "{}", r#","order_type":"ROLL_\u001b[31mOPEN""#);
    assert_eq!(odd.native_type.as_deref(), Some("a type that is not known here: ROLL_OPEN"));
    assert_eq!(odd.quantity, "0.4".parse().unwrap());
}

#[test]
fn exits_that_hang_on_an_order_are_told_with_it() {
    let entry = r#"{"limit_limit_gtc":{"base_size":"1","limit_price":"50"}}"#;
    let attached = r#","attached_order_configuration":{"trigger_bracket_gtc":{"limit_price":"60","stop_trigger_price":"40"}}"#;
    let report = read("BUY", entry, attached);
    assert_eq!(report.pricing, Pricing::Limit { limit_price: price("50") });
    assert_eq!(report.native_type.as_deref(), Some("once it fills a bracket: profit 60, stop 40"));
    for nothing in [r#","attached_order_configuration":null"#, r#","attached_order_configuration":{}"#] {
        assert_eq!(read("BUY", entry, nothing).native_type, None);
    }
}
