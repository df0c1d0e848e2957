//! Alpaca's orders, fills and positions as ours.

use jiff::Timestamp;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use super::ids;
use super::known::Known;
use super::wire::{Activity, Order};
use crate::brokers::json::shown;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, BrokerOrderId, ExecutionId};
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::option::{Leg, OptionContract};
use crate::domain::order::{OrderStatus, OrderSubject, PositionEffect, Pricing, Side, TimeInForce, Trail};
use crate::domain::statement::OrderReport;

/// Currencies that crypto is priced in, longest first: what a symbol without a slash ends in.
const QUOTES: [&str; 5] = ["USDT", "USDC", "USD", "EUR", "BTC"];

/// An instrument from its symbol and class. Positions say `BTCUSD` where everything else says `BTC/USD`.
pub(super) fn instrument(symbol: &str, class: &str) -> Result<Instrument, String> {
    let wrong = || format!("'{}' is no symbol", symbol.chars().take(40).collect::<String>());
    if let Some((base, quote)) = symbol.split_once('/') {
        return Instrument::crypto(base, quote).map_err(|_| wrong());
    }
    // No share's ticker is so long and without a point: activities name coins without a class.
    let coin = class.is_empty() && symbol.len() > 5 && symbol.ends_with("USD");
    if class == "crypto" || (coin && symbol.bytes().all(|byte| byte.is_ascii_alphabetic())) {
        let parts = QUOTES.iter().find_map(|quote| {
            let base = symbol.strip_suffix(quote)?;
            (!base.is_empty()).then_some((base, *quote))
        });
        let (base, quote) = parts.ok_or_else(wrong)?;
        return Instrument::crypto(base, quote).map_err(|_| wrong());
    }
    if class != "us_equity"
        && let Ok(contract) = OptionContract::from_occ(symbol)
    {
        return Ok(Instrument::Option(contract));
    }
    Symbol::new(symbol).map(|symbol| Instrument::Equity { symbol }).map_err(|_| wrong())
}

/// Where an order stands, by their word. A word that nobody knows leaves it working: only a known end is an end.
pub(super) fn status(order: &Order) -> OrderStatus {
    let filled = order.filled_qty.unwrap_or_default();
    let working = if filled.is_zero() { OrderStatus::Submitted } else { OrderStatus::PartiallyFilled };
    match order.status.as_str() {
        "filled" => OrderStatus::Filled,
        "partially_filled" => OrderStatus::PartiallyFilled,
        "pending_cancel" => OrderStatus::PendingCancel,
        "pending_replace" => OrderStatus::PendingReplace,
        "canceled" => OrderStatus::Canceled,
        "expired" => OrderStatus::Expired,
        "rejected" => OrderStatus::Rejected,
        "replaced" => OrderStatus::Replaced,
        "calculated" if order.qty.is_some_and(|quantity| filled >= quantity) => OrderStatus::Filled,
        "accepted"
        | "pending_new"
        | "accepted_for_bidding"
        | "pending_review"
        | "held"
        | "new"
        | "stopped"
        | "suspended"
        | "done_for_day"
        | "calculated" => working,
        other => {
            tracing::warn!(status = other, order = order.id, "a status that nobody knows");
            working
        }
    }
}

/// Its type and prices. A package that is sold has its credit as a positive price.
pub(super) fn pricing(order: &Order, sold: bool) -> Pricing {
    let price = |value: Option<Decimal>| Price::new(value.unwrap_or_default());
    let sign = if sold { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
    let limit_price = Price::new(order.limit_price.unwrap_or_default() * sign);
    let stop_price = price(order.stop_price);
    match order.order_type.as_deref().unwrap_or_default() {
        "limit" => Pricing::Limit { limit_price },
        "stop" => Pricing::Stop { stop_price },
        "stop_limit" => Pricing::StopLimit { stop_price, limit_price },
        "trailing_stop" => Pricing::TrailingStop {
            trail: match order.trail_percent {
                Some(percent) => Trail::Percent(percent),
                None => Trail::Amount(price(order.trail_price)),
            },
        },
        _ => Pricing::Market,
    }
}

/// A type that is new there: at what price it trades is not known.
fn native_type(order: &Order) -> Option<SmolStr> {
    let word = order.order_type.as_deref().unwrap_or_default();
    let known = matches!(word, "" | "market" | "limit" | "stop" | "stop_limit" | "trailing_stop");
    (!known).then(|| format!("a type that is not known here: {}", shown(word)).into())
}

/// Their word for a time in force.
pub(super) fn time_in_force(text: &str) -> TimeInForce {
    match text {
        "gtc" => TimeInForce::Gtc,
        "ioc" => TimeInForce::Ioc,
        "fok" => TimeInForce::Fok,
        "opg" => TimeInForce::Opg,
        "cls" => TimeInForce::Cls,
        "gtd" => TimeInForce::Gtd,
        _ => TimeInForce::Day,
    }
}

/// Buy or sell; for shares, short or not where it is said.
fn side(order: &Order, instrument: Option<&Instrument>) -> Side {
    let is_buy = order.side.as_deref() != Some("sell");
    let shares = matches!(instrument, Some(Instrument::Equity { .. }));
    match order.position_intent.as_deref() {
        Some("sell_to_open") if shares => Side::SellShort,
        Some("buy_to_close") if shares => Side::BuyToCover,
        _ if is_buy => Side::Buy,
        _ => Side::Sell,
    }
}

/// What an order trades.
fn subject(order: &Order) -> Result<OrderSubject, String> {
    if order.class() != "mleg" {
        let symbol = order.symbol.as_deref().unwrap_or_default();
        let class = order.asset_class.as_deref().unwrap_or_default();
        return instrument(symbol, class).map(OrderSubject::Instrument);
    }
    let leg = |leg: &Order| {
        let symbol = leg.symbol.as_deref().unwrap_or_default();
        let closes = matches!(leg.position_intent.as_deref(), Some("buy_to_close" | "sell_to_close"));
        let quantities = leg.qty.zip(order.qty.filter(|quantity| !quantity.is_zero()));
        Ok(Leg {
            side: if leg.side.as_deref() == Some("sell") { Side::Sell } else { Side::Buy },
            position_effect: if closes { PositionEffect::Close } else { PositionEffect::Open },
            ratio: leg
                .ratio_qty
                .or(quantities.and_then(|(leg, all)| leg.checked_div(all)))
                .unwrap_or(Decimal::ONE),
            instrument: instrument(symbol, leg.asset_class.as_deref().unwrap_or_default())?,
        })
    };
    order.legs().iter().map(leg).collect::<Result<_, String>>().map(OrderSubject::Legs)
}

/// One order as a report. `carried` is what the order that it replaced had filled: their count goes on, ours begins anew.
pub(super) fn order(order: &Order, known: &Known, carried: Decimal) -> Result<OrderReport, String> {
    let of = |what: String| format!("order {}: {what}", order.id);
    let ids = ids::read(&order.client_order_id);
    let package = order.class() == "mleg";
    // A package of others is what its net price says.
    let sold = package
        && ids
            .map_or_else(|| order.limit_price.is_some_and(|price| price.is_sign_negative()), |ids| ids.sold);
    let subject = subject(order).map_err(of)?;
    let side = match (package, sold) {
        (true, true) => Side::Sell,
        (true, false) => Side::Buy,
        (false, _) => side(order, subject.instrument()),
    };
    let filled = order.filled_qty.unwrap_or_default();
    let carried = if carried <= filled { carried } else { Decimal::ZERO };
    // An order for an amount of money has no quantity until it has filled.
    let quantity = order.qty.unwrap_or(filled);
    let client = known.owner(&order.id).and_then(|owner| owner.client).or(ids.map(|ids| ids.order));
    let entered = order.submitted_at.or(order.created_at);
    Ok(OrderReport {
        client_order_id: client,
        broker_order_id: BrokerOrderId::new(order.id.as_str()),
        status: status(order),
        subject,
        side,
        quantity: Quantity::new(quantity - carried),
        pricing: pricing(order, sold),
        time_in_force: time_in_force(&order.time_in_force),
        filled_quantity: Quantity::new(filled - carried),
        average_price: order.filled_avg_price.map(|price| {
            let sign = if sold { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
            Price::new(price * sign)
        }),
        entered_at: entered.unwrap_or(Timestamp::UNIX_EPOCH),
        native_type: native_type(order),
        oco_group: None,
    })
}

/// The id of a fill in the list is a time and the id that the stream says, which is the one that counts.
pub(super) fn execution_id(activity: &str) -> ExecutionId {
    ExecutionId::new(activity.rsplit("::").next().unwrap_or(activity))
}

/// What a fill is about, before its numbers.
pub(super) struct Of<'a> {
    pub(super) account: &'a AccountId,
    pub(super) known: &'a Known,
    pub(super) order_id: Option<&'a str>,
    pub(super) instrument: Instrument,
}

/// An execution of a kind.
pub(super) fn execution(
    of: Of<'_>,
    id: ExecutionId,
    side: Side,
    numbers: (Quantity, Price),
    at: Timestamp,
    kind: ExecutionKind,
) -> Execution {
    let owner = of.order_id.and_then(|id| of.known.owner(id));
    let own = of.order_id.map(BrokerOrderId::new);
    let multiplier = match of.instrument {
        Instrument::Option(_) => Decimal::ONE_HUNDRED,
        _ => Decimal::ONE,
    };
    let currency = match &of.instrument {
        Instrument::Crypto { quote, .. } => Currency::new(quote.as_str()).unwrap_or(Currency::USD),
        _ => Currency::USD,
    };
    Execution {
        execution_id: id,
        account: of.account.clone(),
        client_order_id: owner.as_ref().and_then(|owner| owner.client),
        broker_order_id: owner.map(|owner| owner.broker).or(own),
        instrument: of.instrument,
        side,
        quantity: numbers.0,
        price: numbers.1,
        multiplier,
        fee: Decimal::ZERO,
        currency,
        at,
        kind,
    }
}

/// When a row of the activities was booked.
pub(super) fn booked_at(row: &Activity) -> Result<Timestamp, String> {
    let close = |date: jiff::civil::Date| date.at(16, 0, 0, 0).in_tz("America/New_York").ok();
    let by_date = || row.date.and_then(close).map(|zoned| zoned.timestamp());
    let at = row.transaction_time.or(row.created_at).or_else(by_date);
    at.ok_or_else(|| format!("activity {}: it has no time", row.id))
}

/// A row of the activities: a fill, a fee in coins, or what became of an option. `None` for what moves no units.
pub(super) fn activity(
    row: &Activity,
    account: &AccountId,
    known: &Known,
) -> Result<Option<Execution>, String> {
    let of = |what: &str| format!("activity {}: {what}", crate::brokers::json::shown(&row.id));
    let kind = match row.activity_type.as_str() {
        "FILL" => ExecutionKind::Trade,
        "CFEE" => ExecutionKind::Fee,
        "OPASN" => ExecutionKind::Assignment,
        "OPEXC" | "OPTRD" => ExecutionKind::Exercise,
        "OPEXP" => ExecutionKind::Expiration,
        _ => return Ok(None),
    };
    let undone = matches!(row.status.as_deref(), Some("canceled" | "pending"));
    let (Some(symbol), Some(quantity)) = (row.symbol.as_deref(), row.qty) else {
        return if kind == ExecutionKind::Trade { Err(of("a fill without its numbers")) } else { Ok(None) };
    };
    if undone || quantity.is_zero() {
        return Ok(None);
    }
    let class = if kind == ExecutionKind::Fee { "crypto" } else { "" };
    let instrument = instrument(symbol, class).map_err(|error| of(&error))?;
    let at = booked_at(row)?;
    let price = match (kind, row.price) {
        (ExecutionKind::Trade, None) => return Err(of("a fill without its price")),
        (ExecutionKind::Fee, _) => Price::ZERO,
        (_, Some(price)) => Price::new(price),
        // Shares that an exercise delivers are paid for, whether the row has their price or only the sum.
        (_, None) => {
            let paid = row.net_amount.unwrap_or_default().abs();
            let each =
                matches!(instrument, Instrument::Equity { .. }).then(|| paid.checked_div(quantity.abs()));
            Price::new(each.flatten().unwrap_or_default())
        }
    };
    let is_buy = match row.side.as_deref() {
        Some(side) => side == "buy",
        None if kind == ExecutionKind::Fee => false,
        None => quantity.is_sign_positive(),
    };
    let side = if is_buy { Side::Buy } else { Side::Sell };
    let of = Of { account, known, order_id: row.order_id.as_deref(), instrument };
    let numbers = (Quantity::new(quantity.abs()), price);
    Ok(Some(execution(of, execution_id(&row.id), side, numbers, at, kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_new_there_is_told_by_its_word() {
        let read = |word: &str| {
            let text = format!(
                r#"{{"id":"a","client_order_id":"x","status":"new","symbol":"AAPL","asset_class":"us_equity","side":"buy","qty":"1",
                "type":"{word}","order_type":"{word}","time_in_force":"day","limit_price":"9"}}"#
            );
            let row: Order = crate::brokers::json::read(text.as_bytes()).unwrap();
            super::order(&row, &Known::default(), Decimal::ZERO).unwrap()
        };
        assert_eq!(read("limit").native_type, None);
        let odd = read("iceberg");
        assert_eq!(odd.native_type.as_deref(), Some("a type that is not known here: iceberg"));
        assert_eq!((odd.pricing, odd.quantity), (Pricing::Market, Quantity::from(1)));
    }
}
