//! Schwab's orders as ours: status, terms, fills. Fills are named by order, activity, leg and place, the same by stream and by list.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use super::wire::{Order, OrderLeg, time};
use super::{NAME, symbols};
use crate::brokers::json::shown;
use crate::brokers::{BrokerError, OrderState};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Currency, Price, Quantity, canonical};
use crate::domain::option::Leg;
use crate::domain::order::{
    OrderRequest, OrderStatus, OrderSubject, PositionEffect, Pricing, Side, TimeInForce, Trail,
};
use crate::domain::statement::OrderReport;

/// Schwab's word for where an order stands, with what is filled of it.
#[must_use]
pub fn status(word: &str, filled: Decimal, quantity: Decimal) -> OrderStatus {
    let partly = filled > Decimal::ZERO && filled < quantity;
    match word {
        "NEW"
        | "ACCEPTED"
        | "QUEUED"
        | "PENDING_ACTIVATION"
        | "PENDING_ACKNOWLEDGEMENT"
        | "WORKING"
        | "AWAITING_PARENT_ORDER"
        | "AWAITING_CONDITION"
        | "AWAITING_STOP_CONDITION"
        | "AWAITING_RELEASE_TIME"
        | "AWAITING_MANUAL_REVIEW" => {
            if partly {
                OrderStatus::PartiallyFilled
            } else {
                OrderStatus::Submitted
            }
        }
        "FILLED" => OrderStatus::Filled,
        "PENDING_CANCEL" | "PENDING_RECALL" | "AWAITING_UR_OUT" => OrderStatus::PendingCancel,
        "CANCELED" => OrderStatus::Canceled,
        "PENDING_REPLACE" => OrderStatus::PendingReplace,
        "REPLACED" => OrderStatus::Replaced,
        "REJECTED" => OrderStatus::Rejected,
        "EXPIRED" => OrderStatus::Expired,
        _ => OrderStatus::Unknown,
    }
}

/// Where an order stands.
#[must_use]
pub fn state(order: &Order) -> OrderState {
    let filled = order.filled_quantity.unwrap_or_default();
    OrderState {
        broker_order_id: BrokerOrderId::new(order.order_id.as_str()),
        status: status(&order.status, filled, order.quantity.unwrap_or(Decimal::MAX)),
        filled_quantity: Quantity::new(filled),
    }
}

/// When it came in.
#[must_use]
pub fn entered_at(order: &Order) -> Option<Timestamp> {
    order.entered_time.as_deref().and_then(time)
}

/// An order and all that hang on it, those with legs of their own.
pub fn flat<'a>(order: &'a Order, out: &mut Vec<&'a Order>) {
    if !order.order_leg_collection.is_empty() {
        out.push(order);
    }
    for child in &order.child_order_strategies {
        flat(child, out);
    }
}

/// Orders of which one cancels the others, by their ids, each with the id of its first: what is above them need not have one.
pub fn alternatives(order: &Order, out: &mut BTreeMap<String, BrokerOrderId>) {
    let children = &order.child_order_strategies;
    if order.order_strategy_type.as_deref() == Some("OCO")
        && let Some(first) = children.first()
    {
        let group = BrokerOrderId::new(first.order_id.as_str());
        out.extend(children.iter().map(|child| (child.order_id.clone(), group.clone())));
    }
    for child in children {
        alternatives(child, out);
    }
}

fn instrument(leg: &OrderLeg) -> Option<Instrument> {
    symbols::read(&leg.instrument.asset_type, &leg.instrument.symbol)
}

/// Side and effect of an instruction.
#[must_use]
pub fn side(instruction: &str) -> Option<(Side, Option<PositionEffect>)> {
    Some(match instruction {
        "BUY" => (Side::Buy, None),
        "SELL" => (Side::Sell, None),
        "SELL_SHORT" | "SELL_SHORT_EXEMPT" => (Side::SellShort, None),
        "BUY_TO_COVER" => (Side::BuyToCover, None),
        "BUY_TO_OPEN" => (Side::Buy, Some(PositionEffect::Open)),
        "BUY_TO_CLOSE" => (Side::Buy, Some(PositionEffect::Close)),
        "SELL_TO_OPEN" => (Side::Sell, Some(PositionEffect::Open)),
        "SELL_TO_CLOSE" => (Side::Sell, Some(PositionEffect::Close)),
        _ => return None,
    })
}

fn pricing(order: &Order) -> Pricing {
    let price = Price::new(order.price.unwrap_or_default());
    let stop_price = Price::new(order.stop_price.unwrap_or_default());
    match order.order_type.as_deref().unwrap_or_default() {
        "LIMIT" | "LIMIT_ON_CLOSE" | "NET_DEBIT" => Pricing::Limit { limit_price: price },
        "NET_CREDIT" => Pricing::Limit { limit_price: Price::new(-price.get()) },
        "NET_ZERO" => Pricing::Limit { limit_price: Price::ZERO },
        "STOP" => Pricing::Stop { stop_price },
        "STOP_LIMIT" => Pricing::StopLimit { stop_price, limit_price: price },
        "TRAILING_STOP" | "TRAILING_STOP_LIMIT" => {
            let offset = order.stop_price_offset.unwrap_or_default();
            let percent = order.stop_price_link_type.as_deref() == Some("PERCENT");
            let trail = if percent { Trail::Percent(offset) } else { Trail::Amount(Price::new(offset)) };
            Pricing::TrailingStop { trail }
        }
        // Words that are new are those of an order that somebody else entered: what it costs is what is known of it.
        _ if order.price.is_some() => Pricing::Limit { limit_price: price },
        _ => Pricing::Market,
    }
}

/// What Schwab calls an order whose type has no place here for all that it says.
fn native_type(order: &Order) -> Option<SmolStr> {
    let word = order.order_type.as_deref()?;
    match word {
        "MARKET" | "LIMIT" | "STOP" | "STOP_LIMIT" | "TRAILING_STOP" | "MARKET_ON_CLOSE"
        | "LIMIT_ON_CLOSE" | "NET_DEBIT" | "NET_CREDIT" | "NET_ZERO" => None,
        "TRAILING_STOP_LIMIT" => {
            let offset = order.price.map_or_else(|| "?".to_owned(), canonical);
            Some(format!("trailing stop limit, limit offset {offset}").into())
        }
        other => Some(shown(other).to_lowercase().replace('_', " ").into()),
    }
}

fn time_in_force(order: &Order) -> TimeInForce {
    if matches!(order.order_type.as_deref(), Some("MARKET_ON_CLOSE" | "LIMIT_ON_CLOSE")) {
        return TimeInForce::Cls;
    }
    match order.duration.as_deref().unwrap_or_default() {
        "GOOD_TILL_CANCEL" if order.cancel_time.is_none() => TimeInForce::Gtc,
        "GOOD_TILL_CANCEL" | "END_OF_WEEK" | "END_OF_MONTH" | "NEXT_END_OF_MONTH" => TimeInForce::Gtd,
        "FILL_OR_KILL" => TimeInForce::Fok,
        "IMMEDIATE_OR_CANCEL" => TimeInForce::Ioc,
        _ => TimeInForce::Day,
    }
}

/// What it trades and how, by its legs alone; `None` for futures and whatever else has no place here.
fn subject(order: &Order) -> Option<(OrderSubject, Side)> {
    if let [leg] = order.order_leg_collection.as_slice() {
        let (side, _) = side(&leg.instruction)?;
        return Some((OrderSubject::Instrument(instrument(leg)?), side));
    }
    if order.order_leg_collection.is_empty() {
        return None;
    }
    let packages = order.quantity.filter(|quantity| *quantity > Decimal::ZERO).unwrap_or(Decimal::ONE);
    let mut legs = Vec::with_capacity(order.order_leg_collection.len());
    for leg in &order.order_leg_collection {
        let (side, effect) = side(&leg.instruction)?;
        let by_side = if matches!(side, Side::Buy | Side::SellShort) {
            PositionEffect::Open
        } else {
            PositionEffect::Close
        };
        legs.push(Leg {
            side,
            position_effect: effect.unwrap_or(by_side),
            ratio: (leg.quantity? / packages).normalize(),
            instrument: instrument(leg)?,
        });
    }
    Some((OrderSubject::Legs(legs), Side::Buy))
}

/// The mean price of the fills of an order's first leg.
fn average(order: &Order) -> Option<Price> {
    let first = order.order_leg_collection.first()?.leg_id.unwrap_or(1);
    let (mut units, mut money) = (Decimal::ZERO, Decimal::ZERO);
    for (_, fill) in fills(order).filter(|(_, fill)| fill.leg_id == first) {
        units += fill.quantity;
        money = money.checked_add(fill.quantity.checked_mul(fill.price)?)?;
    }
    let one = order.order_leg_collection.len() == 1;
    if one { money.checked_div(units).map(Price::new) } else { None }
}

/// An order as the engine compares it. Where we sent it, its terms are those that we sent.
///
/// # Errors
/// `Unreadable` when it has no time.
pub fn report(
    order: &Order,
    ours: Option<(ClientOrderId, Option<&OrderRequest>)>,
) -> Result<Option<OrderReport>, BrokerError> {
    let Some((mut subject, mut side)) = subject(order) else {
        return Ok(None);
    };
    let entered_at = entered_at(order).ok_or_else(|| BrokerError::Unreadable {
        broker: NAME.to_owned(),
        call: "orders",
        reason: format!("order {} has no enteredTime that can be read", order.order_id),
    })?;
    let mut pricing = pricing(order);
    if let Some((_, Some(request))) = ours {
        (subject, side) = (request.subject.clone(), request.side);
        if matches!(subject, OrderSubject::Legs(_)) {
            pricing = request.pricing;
        }
    }
    let state = state(order);
    Ok(Some(OrderReport {
        client_order_id: ours.map(|(id, _)| id),
        broker_order_id: state.broker_order_id,
        status: state.status,
        subject,
        side,
        quantity: Quantity::new(order.quantity.unwrap_or_default()),
        pricing,
        time_in_force: time_in_force(order),
        filled_quantity: state.filled_quantity,
        average_price: average(order),
        entered_at,
        native_type: native_type(order),
        oco_group: None,
    }))
}

/// The fills of an order by the name of each.
fn fills(order: &Order) -> impl Iterator<Item = (String, &super::wire::ExecutionLeg)> {
    let of = |activity: &&super::wire::Activity| {
        activity.activity_type == "EXECUTION" && matches!(activity.execution_type.as_str(), "FILL" | "")
    };
    order.order_activity_collection.iter().filter(of).flatten_activities(&order.order_id)
}

trait Flatten<'a>: Iterator<Item = &'a super::wire::Activity> + Sized {
    fn flatten_activities(
        self,
        order: &'a str,
    ) -> impl Iterator<Item = (String, &'a super::wire::ExecutionLeg)> {
        self.flat_map(move |activity| {
            activity.execution_legs.iter().enumerate().map(move |(index, leg)| {
                (format!("{order}-{}-{}-{index}", activity.activity_id, leg.leg_id), leg)
            })
        })
    }
}

impl<'a, I: Iterator<Item = &'a super::wire::Activity>> Flatten<'a> for I {}

/// The fills of an order as executions, oldest first.
///
/// # Errors
/// `Unreadable` when one has no time, or is of a leg that is not there.
pub fn executions(
    order: &Order,
    account: &AccountId,
    ours: Option<(ClientOrderId, Option<&OrderRequest>)>,
) -> Result<Vec<Execution>, BrokerError> {
    let unreadable =
        |reason: String| BrokerError::Unreadable { broker: NAME.to_owned(), call: "orders", reason };
    let mut found = Vec::new();
    for (id, fill) in fills(order) {
        let leg = order
            .order_leg_collection
            .iter()
            .enumerate()
            .find(|(index, leg)| leg.leg_id.unwrap_or(*index as u64 + 1) == fill.leg_id)
            .map(|(_, leg)| leg);
        let leg = leg.or(match order.order_leg_collection.as_slice() {
            [one] => Some(one),
            _ => None,
        });
        let leg = leg.ok_or_else(|| unreadable(format!("fill {id} is of a leg that order has not")))?;
        let (Some(instrument), Some((side, _))) = (instrument(leg), side(&leg.instruction)) else {
            continue;
        };
        let at = time(&fill.time).ok_or_else(|| unreadable(format!("fill {id} has no time")))?;
        // One that we sent short is short here too.
        let side = ours.and_then(|(_, request)| request).map_or(side, |request| match &request.subject {
            OrderSubject::Instrument(_) => request.side,
            OrderSubject::Legs(_) => side,
        });
        let multiplier = if instrument.as_option().is_some() { Decimal::ONE_HUNDRED } else { Decimal::ONE };
        found.push(Execution {
            execution_id: ExecutionId::new(id),
            account: account.clone(),
            client_order_id: ours.map(|(id, _)| id),
            broker_order_id: Some(BrokerOrderId::new(order.order_id.as_str())),
            instrument,
            side,
            quantity: Quantity::new(fill.quantity),
            price: Price::new(fill.price),
            multiplier,
            fee: Decimal::ZERO,
            currency: Currency::USD,
            at,
            kind: ExecutionKind::Trade,
        });
    }
    found.sort_by_key(|execution| execution.at);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_sheet_has_its_status() {
        let of = |word: &str| status(word, Decimal::ZERO, Decimal::TEN);
        for word in [
            "NEW",
            "ACCEPTED",
            "QUEUED",
            "PENDING_ACTIVATION",
            "PENDING_ACKNOWLEDGEMENT",
            "WORKING",
            "AWAITING_PARENT_ORDER",
            "AWAITING_CONDITION",
            "AWAITING_STOP_CONDITION",
            "AWAITING_RELEASE_TIME",
            "AWAITING_MANUAL_REVIEW",
        ] {
            assert_eq!(of(word), OrderStatus::Submitted, "{word}");
            assert_eq!(status(word, Decimal::ONE, Decimal::TEN), OrderStatus::PartiallyFilled, "{word}");
        }
        for (word, status) in [
            ("FILLED", OrderStatus::Filled),
            ("PENDING_CANCEL", OrderStatus::PendingCancel),
            ("PENDING_RECALL", OrderStatus::PendingCancel),
            ("AWAITING_UR_OUT", OrderStatus::PendingCancel),
            ("CANCELED", OrderStatus::Canceled),
            ("PENDING_REPLACE", OrderStatus::PendingReplace),
            ("REPLACED", OrderStatus::Replaced),
            ("REJECTED", OrderStatus::Rejected),
            ("EXPIRED", OrderStatus::Expired),
            ("UNKNOWN", OrderStatus::Unknown),
            ("BRAND_NEW_WORD", OrderStatus::Unknown),
        ] {
            assert_eq!(of(word), status, "{word}");
        }
    }

    const FILLED: &str = r#"{"orderId":1000000000001,"status":"FILLED","enteredTime":"2024-06-06T13:46:00+0000","orderType":"LIMIT","session":"NORMAL",
        "duration":"DAY","quantity":10.0,"filledQuantity":10.0,"price":48.75,"orderStrategyType":"SINGLE","accountNumber":12345678,
        "orderLegCollection":[{"legId":1,"instruction":"BUY","quantity":10.0,"instrument":{"assetType":"COLLECTIVE_INVESTMENT","assetType":"ETF","symbol":"VTI"}}],
        "orderActivityCollection":[
          {"activityType":"EXECUTION","activityId":7,"executionType":"FILL","quantity":4.0,"executionLegs":[{"legId":1,"quantity":4.0,"price":48.72,"time":"2024-06-06T13:46:03+0000"}]},
          {"activityType":"EXECUTION","activityId":8,"executionType":"FILL","quantity":6.0,"executionLegs":[{"legId":1,"quantity":6.0,"price":48.74,"time":"2024-06-06T13:46:04+0000"}]},
          {"activityType":"EXECUTION","activityId":9,"executionType":"CANCELED","quantity":0.0,"executionLegs":[{"legId":1,"quantity":0.0,"price":0,"time":"2024-06-06T13:46:05+0000"}]}],
        "childOrderStrategies":null}"#;

    #[test]
    fn an_order_is_read_with_its_fills() {
        let order: Order = crate::brokers::json::read(FILLED.as_bytes()).unwrap();
        let report = report(&order, None).unwrap().unwrap();
        assert_eq!(
            (report.status, report.side, report.quantity),
            (OrderStatus::Filled, Side::Buy, 10.into())
        );
        assert_eq!(report.pricing, Pricing::Limit { limit_price: "48.75".parse().unwrap() });
        assert_eq!(report.average_price, Some("48.732".parse().unwrap()));
        assert_eq!(report.entered_at.to_string(), "2024-06-06T13:46:00Z");
        let fills = executions(&order, &AccountId::new("a"), None).unwrap();
        let ids: Vec<&str> = fills.iter().map(|fill| fill.execution_id.as_str()).collect();
        assert_eq!(ids, ["1000000000001-7-1-0", "1000000000001-8-1-0"]);
    }

    /// A pair by itself, and a pair that waits for what it protects.
    #[test]
    fn orders_of_which_one_cancels_the_other_have_a_group() {
        let pair = r#"{"orderId":1,"orderStrategyType":"OCO","childOrderStrategies":[
            {"orderId":2,"orderStrategyType":"SINGLE"},{"orderId":3,"orderStrategyType":"SINGLE"}]}"#;
        let entry =
            format!(r#"{{"orderId":9,"orderStrategyType":"TRIGGER","childOrderStrategies":[{pair}]}}"#);
        for text in [pair, &entry] {
            let order: Order = crate::brokers::json::read(text.as_bytes()).unwrap();
            let mut groups = BTreeMap::new();
            alternatives(&order, &mut groups);
            let found: Vec<(&str, &str)> =
                groups.iter().map(|(id, group)| (id.as_str(), group.as_str())).collect();
            assert_eq!(found, [("2", "2"), ("3", "2")], "{text}");
        }
    }

    #[test]
    fn a_type_that_has_no_place_here_is_told_beside_the_nearest() {
        let trail = Pricing::TrailingStop { trail: Trail::Amount("2.5".parse().unwrap()) };
        let limit = Pricing::Limit { limit_price: "9".parse().unwrap() };
        for (terms, pricing, native) in [
            (r#""orderType":"TRAILING_STOP","stopPriceOffset":2.5,"stopPriceLinkType":"VALUE""#, trail, None),
            (
                r#""orderType":"TRAILING_STOP_LIMIT","stopPriceOffset":2.5,"stopPriceLinkType":"VALUE","price":0.50"#,
                trail,
                Some("trailing stop limit, limit offset 0.5"),
            ),
            (
                r#""orderType":"TRAILING_STOP_LIMIT","stopPriceOffset":2.5,"stopPriceLinkType":"VALUE""#,
                trail,
                Some("trailing stop limit, limit offset ?"),
            ),
            (r#""orderType":"CABINET","price":9"#, limit, Some("cabinet")),
            (r#""orderType":"BRAND_NEW""#, Pricing::Market, Some("brand new")),
            (r#""orderType":"LIMIT_ON_CLOSE","price":9"#, limit, None),
        ] {
            let text = format!(
                r#"{{"orderId":1,"status":"WORKING","enteredTime":"2024-06-06T13:46:00+0000","quantity":1,{terms},
                "orderLegCollection":[{{"instruction":"SELL","quantity":1,"instrument":{{"assetType":"EQUITY","symbol":"VTI"}}}}]}}"#
            );
            let order: Order = crate::brokers::json::read(text.as_bytes()).unwrap();
            let report = report(&order, None).unwrap().unwrap();
            assert_eq!((report.pricing, report.native_type.as_deref()), (pricing, native), "{terms}");
        }
    }

    #[test]
    fn what_is_not_there_does_not_fail_a_list() {
        for odd in [
            r#"{"orderId":"1","status":"ODD","quantity":"NaN","price":false,"orderLegCollection":null}"#,
            r#"{"orderId":1,"stopPrice":-999.0,"orderActivityCollection":null,"newField":{"x":[1]}}"#,
        ] {
            let order: Order = crate::brokers::json::read(odd.as_bytes()).unwrap();
            assert_eq!(report(&order, None).unwrap(), None);
            assert!(order.quantity.is_none() && order.stop_price.is_none());
        }
        let future = r#"{"orderId":1,"orderLegCollection":[{"instruction":"BUY","quantity":1,"instrument":{"assetType":"FUTURE","symbol":"/ESZ26"}}]}"#;
        let order: Order = crate::brokers::json::read(future.as_bytes()).unwrap();
        assert_eq!(report(&order, None).unwrap(), None);
    }
}
