//! Our orders in Hyperliquid's words, and its orders and fills in ours. What it does not take is refused here, before anything is sent.

use rust_decimal::Decimal;
use smol_str::SmolStr;

use super::actions::{Grouping, OrderWire, Tif, Tpsl, TypeWire};
use super::errors::shown;
use super::numbers::wire;
use super::universe::{Asset, Universe};
use super::venue::instant;
use super::wire::{Fill, OrderWithStatus, ShownOrder};
use super::{NAME, twaps};
use crate::brokers::BrokerError;
use crate::domain::execution::{Execution, ExecutionKind, OrderEvent, Reject};
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity, canonical};
use crate::domain::order::{
    OrderRequest, OrderStatus, OrderSubject, PositionEffect, Pricing, Side, TimeInForce, TradingSession,
};
use crate::domain::statement::OrderReport;

/// How far beyond its trigger a stop may fill: a part of the price.
const STOP_REACH: Decimal = Decimal::from_parts(1, 0, 0, false, 1);
/// An id of ours is at most this much older than what happens to its order, and as much as this newer by a wrong clock.
const OLDER_MAX_MS: i64 = 400 * 86_400_000;
const NEWER_MAX_MS: i64 = 86_400_000;

/// What is not taken.
pub(super) fn unsupported(what: impl Into<String>, allowed: impl Into<String>) -> BrokerError {
    BrokerError::Unsupported { broker: NAME.to_owned(), what: what.into(), allowed: allowed.into() }
}

/// Our id as the venue keeps it.
pub(super) fn cloid(id: ClientOrderId) -> String {
    format!("0x{:032x}", id.as_u128())
}

/// The id of ours that this is. Other programs choose theirs as they like: one whose time is not near what it is about is not ours.
pub(super) fn ours(cloid: Option<&str>, about_ms: i64) -> Option<ClientOrderId> {
    let bits = u128::from_str_radix(cloid?.strip_prefix("0x")?, 16).ok()?;
    let made = i64::try_from(bits >> 80).ok()?;
    let near = made >= about_ms.saturating_sub(OLDER_MAX_MS) && made <= about_ms.saturating_add(NEWER_MAX_MS);
    near.then(|| ClientOrderId::from_u128(bits))
}

/// The asset of an order, as long as it trades.
pub(super) fn asset_of<'a>(
    universe: &'a Universe,
    subject: &OrderSubject,
) -> Result<(&'a Asset, Instrument), BrokerError> {
    let allowed = "perpetuals and spot pairs that are listed, such as BTC-PERP and HYPE-USDC";
    let Some(instrument) = subject.instrument() else {
        return Err(unsupported("packages of legs", allowed));
    };
    let Some(asset) = universe.asset(instrument) else {
        return Err(unsupported(instrument.to_string(), allowed));
    };
    if asset.delisted {
        return Err(unsupported(format!("{instrument}, which is delisted"), allowed));
    }
    Ok((asset, instrument.clone()))
}

/// A size as it is sent.
pub(super) fn size(
    asset: &Asset,
    instrument: &Instrument,
    quantity: Quantity,
) -> Result<String, BrokerError> {
    if asset.rules.takes_size(quantity) {
        return Ok(wire(quantity.get()));
    }
    let increment = asset.rules.increment();
    let below = quantity.floor_to_increment(increment);
    let above = below + Quantity::new(increment);
    let nearest = if below.is_positive() { format!("{below} or {above}") } else { above.to_string() };
    Err(unsupported(
        format!("{quantity} of {instrument}"),
        format!("multiples of {}: {nearest}", wire(increment)),
    ))
}

/// A price as it is sent.
fn price(asset: &Asset, instrument: &Instrument, price: Price) -> Result<String, BrokerError> {
    if asset.rules.takes_price(price) {
        return Ok(wire(price.get()));
    }
    let (below, above) = asset.rules.around(price);
    let nearest = match (below.is_positive(), above.is_positive()) {
        (true, _) => format!("{below} or {above}"),
        (false, true) => above.to_string(),
        (false, false) => "above 0".to_owned(),
    };
    Err(unsupported(
        format!("a price of {price} for {instrument}"),
        format!(
            "5 significant figures and at most {} decimals, or an integer: {nearest}",
            asset.rules.price_decimals
        ),
    ))
}

/// A price beyond another, away from the market: for what must fill.
fn beyond(asset: &Asset, from: Price, buy: bool, part: Decimal) -> Price {
    if buy {
        asset.rules.around(from * (Decimal::ONE + part)).1
    } else {
        let (below, above) = asset.rules.around(from * (Decimal::ONE - part));
        if below.is_positive() { below } else { above }
    }
}

/// What cannot be said to this venue.
fn refuse(asset: &Asset, order: &OrderRequest) -> Result<(), BrokerError> {
    if order.cash_order_quantity.is_some() {
        return Err(unsupported("an amount of money", "a quantity in units of the coin"));
    }
    if order.session == TradingSession::Extended {
        return Err(unsupported("extended hours", "orders that always work: it never closes"));
    }
    let stops = matches!(order.pricing, Pricing::Stop { .. } | Pricing::StopLimit { .. });
    let times = if stops { "gtc" } else { "gtc or ioc" };
    match order.time_in_force {
        TimeInForce::Gtc => {}
        TimeInForce::Ioc if !stops && !order.post_only => {}
        other => return Err(unsupported(format!("time in force {other} here"), times)),
    }
    if matches!(order.pricing, Pricing::Twap(_)) {
        return Err(unsupported("slices over a time in such an order", "them as an order of their own"));
    }
    if matches!(order.pricing, Pricing::TrailingStop { .. }) {
        return Err(unsupported("trailing stops", "market, limit, stop and stop-limit orders"));
    }
    if order.post_only && !matches!(order.pricing, Pricing::Limit { .. }) {
        return Err(unsupported("post-only but for limit orders", "post-only limit orders"));
    }
    if !order.contingency.is_empty() {
        return Err(unsupported("orders linked to others", "brackets, sent as one"));
    }
    if asset.is_spot {
        if matches!(order.side, Side::SellShort | Side::BuyToCover) {
            return Err(unsupported("short sales of spot", "buy and sell"));
        }
        if order.take_profit.is_some() || order.stop_loss.is_some() {
            return Err(unsupported("brackets of spot", "brackets of perpetuals"));
        }
    }
    Ok(())
}

/// An order and its exits, as they are sent. `touch` is the best opposite price, for a market order alone.
pub(super) fn orders(
    asset: &Asset,
    instrument: &Instrument,
    order: &OrderRequest,
    touch: Option<Price>,
    slippage: Decimal,
) -> Result<(Vec<OrderWire>, Grouping), BrokerError> {
    refuse(asset, order)?;
    let mut all = vec![entry(asset, instrument, order, touch, slippage)?];
    if order.take_profit.is_none() && order.stop_loss.is_none() {
        return Ok((all, Grouping::Na));
    }
    let exits = order.exit_orders();
    if exits.is_empty() || stops(order) {
        return Err(unsupported("a bracket around this order", "brackets around market and limit entries"));
    }
    for exit in exits {
        all.push(exit_order(asset, instrument, &exit)?);
    }
    Ok((all, Grouping::NormalTpsl))
}

const fn stops(order: &OrderRequest) -> bool {
    matches!(order.pricing, Pricing::Stop { .. } | Pricing::StopLimit { .. })
}

fn entry(
    asset: &Asset,
    instrument: &Instrument,
    order: &OrderRequest,
    touch: Option<Price>,
    slippage: Decimal,
) -> Result<OrderWire, BrokerError> {
    let buy = order.side.is_buy();
    let tif = match (order.post_only, order.time_in_force) {
        (true, _) => Tif::Alo,
        (false, TimeInForce::Ioc) => Tif::Ioc,
        (false, _) => Tif::Gtc,
    };
    let (p, t) = match order.pricing {
        Pricing::Market => {
            let touch = touch.ok_or_else(|| {
                unsupported(format!("market orders of {instrument} while nobody trades it"), "limit orders")
            })?;
            (wire(beyond(asset, touch, buy, slippage).get()), TypeWire::Limit { tif: Tif::Ioc })
        }
        Pricing::Limit { limit_price } => (price(asset, instrument, limit_price)?, TypeWire::Limit { tif }),
        Pricing::Stop { stop_price } => {
            let trigger_px = price(asset, instrument, stop_price)?;
            let worst = beyond(asset, stop_price, buy, STOP_REACH);
            (wire(worst.get()), TypeWire::Trigger { is_market: true, trigger_px, tpsl: Tpsl::Sl })
        }
        Pricing::StopLimit { stop_price, limit_price } => {
            let trigger_px = price(asset, instrument, stop_price)?;
            let limit = price(asset, instrument, limit_price)?;
            (limit, TypeWire::Trigger { is_market: false, trigger_px, tpsl: Tpsl::Sl })
        }
        Pricing::TrailingStop { .. } | Pricing::Twap(_) | Pricing::Oco { .. } => {
            return Err(unsupported(
                format!("{} orders", order.pricing.order_type().as_str().replace('_', "-")),
                "market, limit, stop and stop-limit orders",
            ));
        }
    };
    let closes = order.reduce_only
        || order.position_effect == Some(PositionEffect::Close)
        || order.side == Side::BuyToCover;
    Ok(OrderWire {
        a: asset.id,
        b: buy,
        p,
        s: size(asset, instrument, order.quantity)?,
        // Spot cannot be short: there is nothing to protect, and the venue knows no such wish.
        r: closes && !asset.is_spot,
        t,
        c: Some(cloid(order.client_order_id)),
    })
}

/// An exit of a bracket: the profit is taken by a limit that waits for its own price, the loss stopped at the market.
fn exit_order(asset: &Asset, instrument: &Instrument, exit: &OrderRequest) -> Result<OrderWire, BrokerError> {
    let at = exit.pricing.limit_price().or_else(|| exit.pricing.stop_price()).unwrap_or(Price::ZERO);
    let trigger_px = price(asset, instrument, at)?;
    let profit = matches!(exit.pricing, Pricing::Limit { .. });
    let buy = exit.side.is_buy();
    let p = if profit { trigger_px.clone() } else { wire(beyond(asset, at, buy, STOP_REACH).get()) };
    let tpsl = if profit { Tpsl::Tp } else { Tpsl::Sl };
    Ok(OrderWire {
        a: asset.id,
        b: buy,
        p,
        s: size(asset, instrument, exit.quantity)?,
        r: true,
        t: TypeWire::Trigger { is_market: !profit, trigger_px, tpsl },
        c: Some(cloid(exit.client_order_id)),
    })
}

/// The order that stands in another's place. The venue replaces by plain limit orders that wait, alone.
pub(super) fn replacement(
    asset: &Asset,
    instrument: &Instrument,
    new: &OrderRequest,
) -> Result<OrderWire, BrokerError> {
    let waits = matches!(new.pricing, Pricing::Limit { .. }) && new.time_in_force == TimeInForce::Gtc;
    if !waits {
        return Err(unsupported(
            "a replace by this order",
            "replaces by gtc limit orders; cancel it and place a new one",
        ));
    }
    let mut plain = new.clone();
    (plain.take_profit, plain.stop_loss) = (None, None);
    refuse(asset, &plain)?;
    entry(asset, instrument, &plain, None, Decimal::ZERO)
}

/// Where an order stands by the venue's word for it.
pub(super) fn status(word: &str, asked: Decimal, remaining: Decimal) -> OrderStatus {
    match word {
        "open" | "triggered" if remaining < asked => OrderStatus::PartiallyFilled,
        "open" | "triggered" | "waitingForFill" | "waitingForTrigger" => OrderStatus::Submitted,
        // An immediate order that met less than it wanted.
        "filled" if remaining > Decimal::ZERO => OrderStatus::Canceled,
        "filled" => OrderStatus::Filled,
        "rejected" => OrderStatus::Rejected,
        word if word.ends_with("Rejected") => OrderStatus::Rejected,
        word if word.to_ascii_lowercase().contains("cancel") => OrderStatus::Canceled,
        _ => OrderStatus::Unknown,
    }
}

/// What was filled by what remains. An order that has ended without being filled and shows nothing left says nothing of its fills.
pub(super) fn filled(status: OrderStatus, order: &ShownOrder) -> Quantity {
    let silent = matches!(status, OrderStatus::Canceled | OrderStatus::Rejected) && order.sz.is_zero();
    if silent { Quantity::ZERO } else { Quantity::new((order.orig_sz - order.sz).max(Decimal::ZERO)) }
}

/// Type and prices by the venue's words for them.
fn pricing(order: &ShownOrder) -> Pricing {
    let limit_price = Price::new(order.limit_px);
    let stop_price = order.trigger_px.map_or(limit_price, Price::new);
    match order.order_type.as_deref().unwrap_or("Limit") {
        "Market" => Pricing::Market,
        "Stop Market" => Pricing::Stop { stop_price },
        "Stop Limit" => Pricing::StopLimit { stop_price, limit_price },
        "Take Profit Market" => Pricing::Limit { limit_price: stop_price },
        _ => Pricing::Limit { limit_price },
    }
}

/// What the venue calls an order whose trigger our type has no place for: it waits for a price in its favour.
fn native_type(order: &ShownOrder) -> Option<SmolStr> {
    let trigger = order.trigger_px.map(canonical)?;
    let word = match order.order_type.as_deref()? {
        "Take Profit Market" => format!("take profit at the market from {trigger}"),
        "Take Profit Limit" => format!("take profit at {} from {trigger}", canonical(order.limit_px)),
        "Stop Market" | "Stop Limit" if order.is_position_tpsl => format!("stop at {trigger}"),
        "Market" | "Limit" | "Stop Market" | "Stop Limit" => return None,
        other => format!("{}, trigger {trigger}", shown(other)),
    };
    let whole = if order.is_position_tpsl { " of the whole position" } else { "" };
    Some(format!("{word}{whole}").into())
}

pub(super) const fn side(word: &str) -> Option<Side> {
    match word.as_bytes() {
        b"B" => Some(Side::Buy),
        b"A" => Some(Side::Sell),
        _ => None,
    }
}

pub(super) fn unreadable(call: &'static str, reason: String) -> BrokerError {
    BrokerError::Unreadable { broker: NAME.to_owned(), call, reason }
}

/// The venue's id as text.
pub(super) fn broker_order_id(oid: u64) -> BrokerOrderId {
    BrokerOrderId::new(oid.to_string())
}

/// The venue's id of an order that is shown, or ours where it has none yet.
pub(super) fn id_of(order: &ShownOrder) -> BrokerOrderId {
    match (&order.cloid, order.oid) {
        (Some(cloid), 0) => BrokerOrderId::new(cloid.as_str()),
        (_, oid) => broker_order_id(oid),
    }
}

/// An order of a list. `None` for what we have no word for: an outcome, or a pair that is not listed any more.
pub(super) fn report(universe: &Universe, row: &OrderWithStatus) -> Result<Option<OrderReport>, BrokerError> {
    let order = &row.order;
    // A slice is a part of an order that is listed by itself.
    if order.order_type.as_deref() == Some("Twap Slice") {
        return Ok(None);
    }
    let Some(instrument) = universe.instrument(&order.coin) else {
        tracing::warn!(coin = %shown(&order.coin), "an order of something that is not known here");
        return Ok(None);
    };
    let side = side(&order.side)
        .ok_or_else(|| unreadable("orders", format!("side: '{}' is neither A nor B", shown(&order.side))))?;
    let status = status(&row.status, order.orig_sz, order.sz);
    Ok(Some(OrderReport {
        client_order_id: ours(order.cloid.as_deref(), order.timestamp),
        broker_order_id: id_of(order),
        status,
        subject: OrderSubject::Instrument(instrument),
        side,
        quantity: Quantity::new(order.orig_sz),
        pricing: pricing(order),
        time_in_force: match order.tif.as_deref() {
            Some("Ioc" | "FrontendMarket" | "LiquidationMarket") => TimeInForce::Ioc,
            _ => TimeInForce::Gtc,
        },
        filled_quantity: filled(status, order),
        average_price: None,
        entered_at: instant(order.timestamp)?,
        native_type: native_type(order),
        oco_group: None,
    }))
}

/// What the stream says of an order; `None` where its fills say it, or nothing is new.
pub(super) fn event(row: &OrderWithStatus) -> Option<OrderEvent> {
    let word = row.status.as_str();
    match status(word, row.order.orig_sz, row.order.sz) {
        OrderStatus::Submitted | OrderStatus::PartiallyFilled => {
            Some(OrderEvent::Acknowledged { broker_order_id: broker_order_id(row.order.oid) })
        }
        OrderStatus::Canceled => {
            let reason = match word {
                "canceled" => None,
                "filled" => Some("the rest of an immediate order".to_owned()),
                other => Some(shown(other)),
            };
            Some(OrderEvent::Canceled { reason })
        }
        OrderStatus::Rejected => {
            let message = match word {
                "iocCancelRejected" => "not filled: nobody to trade with at this price".to_owned(),
                other => format!("refused: {}", shown(other)),
            };
            Some(OrderEvent::Rejected(Reject { code: shown(word).into(), message }))
        }
        _ => None,
    }
}

/// Of what a fill's fee was taken: in the money of the pair, or in units of a coin.
pub(super) fn fee_in(universe: &Universe, fill: &Fill, instrument: &Instrument) -> Option<Instrument> {
    let token = fill.fee_token.as_deref()?;
    let currency = universe.asset(instrument).map_or_else(super::universe::usdc, |asset| asset.currency);
    if token.eq_ignore_ascii_case(currency.as_str()) {
        return None;
    }
    match instrument {
        Instrument::Crypto { base, .. } if token.eq_ignore_ascii_case(base.as_str()) => {
            Some(instrument.clone())
        }
        _ => {
            let listed = universe.token_named(token).cloned();
            listed.or_else(|| Instrument::crypto(token, super::universe::usdc().as_str()).ok())
        }
    }
}

/// A fill: the trade, and the fee where it was taken in units of a coin.
pub(super) fn executions(
    universe: &Universe,
    account: &AccountId,
    fill: &Fill,
) -> Result<Vec<Execution>, BrokerError> {
    let Some(instrument) = universe.instrument(&fill.coin) else {
        tracing::warn!(coin = %shown(&fill.coin), tid = fill.tid, "a fill of something that is not known here");
        return Ok(Vec::new());
    };
    let side = side(&fill.side)
        .ok_or_else(|| unreadable("fills", format!("side: '{}' is neither A nor B", shown(&fill.side))))?;
    let currency = universe.asset(&instrument).map_or_else(super::universe::usdc, |asset| asset.currency);
    let coin = fee_in(universe, fill, &instrument);
    let kind = match fill.dir.as_str() {
        dir if dir.starts_with("Liquidated") || dir.starts_with("Auto-Deleveraging") => {
            ExecutionKind::Liquidation
        }
        "Settlement" => ExecutionKind::Expiration,
        _ => ExecutionKind::Trade,
    };
    let at = instant(fill.time)?;
    let id = format!("{}-{}", fill.tid, fill.oid);
    // What a slice fills is the whole order's, which has no id of ours there.
    let twap = fill.twap_id.map(twaps::broker_order_id);
    let trade = Execution {
        execution_id: ExecutionId::new(id.as_str()),
        account: account.clone(),
        client_order_id: ours(fill.cloid.as_deref(), fill.time).filter(|_| twap.is_none()),
        broker_order_id: Some(twap.unwrap_or_else(|| broker_order_id(fill.oid))),
        instrument,
        side,
        quantity: Quantity::new(fill.sz),
        price: Price::new(fill.px),
        multiplier: Decimal::ONE,
        fee: if coin.is_some() { Decimal::ZERO } else { fill.fee },
        currency,
        at,
        kind,
    };
    let Some(instrument) = coin.filter(|_| !fill.fee.is_zero()) else { return Ok(vec![trade]) };
    let fee = Execution {
        currency: universe.asset(&instrument).map_or_else(super::universe::usdc, |asset| asset.currency),
        instrument,
        execution_id: ExecutionId::new(format!("{id}-fee")),
        side: if fill.fee.is_sign_negative() { Side::Buy } else { Side::Sell },
        quantity: Quantity::new(fill.fee.abs()),
        price: Price::ZERO,
        fee: Decimal::ZERO,
        kind: ExecutionKind::Fee,
        client_order_id: None,
        ..trade.clone()
    };
    Ok(vec![trade, fee])
}

#[cfg(test)]
mod tests;
