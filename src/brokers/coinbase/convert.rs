//! Between our words and Coinbase's: orders, states, fills. Pure. What Coinbase cannot take is refused here, before anything is sent.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rust_decimal::{Decimal, RoundingStrategy};

use super::products::{instrument_of, product_id};
use super::wire::{Configuration, Fill, NewOrder, Order, Product, Terms};
use super::{refused_locally, ways_out};
use crate::brokers::BrokerError;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId, ExecutionId};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Currency, Price, Quantity, canonical};
use crate::domain::order::{
    OrderRequest, OrderStatus, OrderSubject, Pricing, Side, TimeInForce, TradingSession,
};

/// A day order with less than this left lives until the end of the next day: the venue refuses shorter ones.
const DAY_LEFT_MIN: SignedDuration = SignedDuration::from_secs(60);
/// Our ids begin with the time they were made; before this none was made (2024-01-01).
const OURS_SINCE_MS: u128 = 1_704_067_200_000;
/// Nor was one made this long after now: what has such a time was made by another program.
const OURS_AHEAD_MS: u128 = 86_400_000;

/// Our id in the form of a UUID.
#[must_use]
pub fn client_id_text(id: ClientOrderId) -> String {
    let hex = format!("{:032x}", id.as_u128());
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// Our id read back; `None` for what another program wrote. Theirs are UUIDs too, but do not begin with the time of day.
#[must_use]
pub fn client_id_of(text: &str, now: Timestamp) -> Option<ClientOrderId> {
    if text.len() != 36 || text.bytes().filter(|byte| *byte == b'-').count() != 4 {
        return None;
    }
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    let bits = u128::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == 32)?;
    let made = bits >> 80;
    let now = u128::try_from(now.as_millisecond()).ok()?;
    (made >= OURS_SINCE_MS && made <= now + OURS_AHEAD_MS).then(|| ClientOrderId::from_u128(bits))
}

/// When an id was made.
#[must_use]
pub fn made_at(id: ClientOrderId) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(id.as_u128() >> 80).ok()?).ok()
}

/// The single instrument of an order.
pub fn instrument_in(subject: &OrderSubject) -> Result<&Instrument, BrokerError> {
    subject
        .instrument()
        .ok_or_else(|| refused_locally("a package of legs".to_owned(), "orders of one instrument"))
}

/// The body that enters an order.
///
/// # Errors
/// `Unsupported`, naming what is taken instead.
pub fn new_order(request: &OrderRequest, product: &Product, now: Timestamp) -> Result<NewOrder, BrokerError> {
    let instrument = instrument_in(&request.subject)?;
    let spot = matches!(instrument, Instrument::Crypto { .. });
    check_wishes(request, spot)?;
    check_product(request, product)?;
    match request.cash_order_quantity {
        Some(money) => check_money(request, money, product)?,
        None => check_size(request.quantity, product)?,
    }
    for price in [request.pricing.limit_price(), request.pricing.stop_price()].into_iter().flatten() {
        check_price(price, product)?;
    }
    Ok(NewOrder {
        client_order_id: Some(client_id_text(request.client_order_id)),
        product_id: product_id(instrument)?,
        side: if request.side.is_buy() { "BUY" } else { "SELL" },
        order_configuration: match request.pricing {
            Pricing::Twap(slices) => ways_out::slices(request, slices, product, now)?,
            Pricing::Oco { limit_price, stop_price } => {
                let end_time = end_time(request, now)?;
                ways_out::exits(request, (limit_price, stop_price), end_time)?
            }
            _ => configuration(request, now)?,
        },
        retail_portfolio_id: None,
    })
}

/// Is it one that closes a position in futures, of which Coinbase knows a call of its own: it never opens one.
#[must_use]
pub fn closes_a_future(request: &OrderRequest) -> bool {
    request.reduce_only
        && request.pricing == Pricing::Market
        && request.subject.asset_class() == AssetClass::Perpetual
}

fn check_wishes(request: &OrderRequest, spot: bool) -> Result<(), BrokerError> {
    let refuse = |what: &str, allowed: &str| Err(refused_locally(what.to_owned(), allowed));
    match request.side {
        Side::SellShort | Side::BuyToCover if spot => return refuse("short sales of coins", "buy and sell"),
        // A holding of coins cannot be sold below nothing, so that a sale never opens; of a buy, Coinbase has no such promise.
        Side::Buy if request.reduce_only && spot => {
            return refuse("a buy that only reduces", "sales that do");
        }
        _ if request.reduce_only && !spot && request.pricing != Pricing::Market => {
            return refuse("reduce-only orders in futures that wait", "market orders that only reduce");
        }
        _ => {}
    }
    if request.session == TradingSession::Extended {
        return refuse("extended hours", "orders for its one session, which never closes");
    }
    if request.take_profit.is_some() || request.stop_loss.is_some() {
        // There both exits are one order with one id, and its stop is a limit order: none of the two that ours are.
        return refuse("a bracket", "an order alone; an exit plan closes what it opens");
    }
    let plain_limit = matches!(request.pricing, Pricing::Limit { .. })
        && matches!(request.time_in_force, TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Gtd);
    if request.post_only && !plain_limit {
        return refuse("post-only on such an order", "post-only on limit orders of day, gtc or gtd");
    }
    Ok(())
}

fn check_product(request: &OrderRequest, product: &Product) -> Result<(), BrokerError> {
    let name = &product.product_id;
    if !product.trades() {
        let allowed =
            if product.cancel_only { "cancels alone there for now" } else { "no orders there for now" };
        return Err(refused_locally(format!("orders in {name}"), allowed));
    }
    if (product.limit_only || product.post_only) && request.pricing == Pricing::Market {
        return Err(refused_locally(format!("market orders in {name} for now"), "limit orders"));
    }
    if product.post_only && !request.post_only {
        return Err(refused_locally(
            format!("orders in {name} that may take liquidity for now"),
            "post-only orders",
        ));
    }
    Ok(())
}

fn check_size(quantity: Quantity, product: &Product) -> Result<(), BrokerError> {
    let (size, step) = (quantity.get(), product.base_increment);
    let least = product.base_min_size.unwrap_or(step).max(step);
    let most = product.base_max_size.unwrap_or(Decimal::MAX);
    let fits = step.is_zero() || (size % step).is_zero();
    if fits && size >= least && size <= most {
        return Ok(());
    }
    let floor = if step.is_zero() { size } else { quantity.floor_to_increment(step).get() };
    let most_text = product.base_max_size.map_or_else(String::new, |most| format!(" to {}", canonical(most)));
    Err(refused_locally(
        format!("a size of {} in {}", canonical(size), product.product_id),
        &format!(
            "multiples of {} from {}{most_text}; the nearest is {}",
            canonical(step),
            canonical(least),
            canonical(floor.clamp(least, most))
        ),
    ))
}

/// An amount of money to spend. Its units are an estimate.
fn check_money(request: &OrderRequest, money: Decimal, product: &Product) -> Result<(), BrokerError> {
    let market_buy = request.pricing == Pricing::Market && request.side == Side::Buy;
    if !market_buy || instrument_in(&request.subject)?.asset_class() != AssetClass::Crypto {
        return Err(refused_locally(
            "an amount of money in such an order".to_owned(),
            "an amount in market buys of coins, and a quantity in the others",
        ));
    }
    let step = product.quote_increment;
    let least = product.quote_min_size.unwrap_or(step).max(step);
    if money >= least && (step.is_zero() || (money % step).is_zero()) {
        return Ok(());
    }
    let floor = if step.is_zero() { money } else { (money / step).trunc() * step };
    Err(refused_locally(
        format!("{} to spend in {}", canonical(money), product.product_id),
        &format!(
            "multiples of {} from {}; the nearest is {}",
            canonical(step),
            canonical(least),
            canonical(floor.max(least))
        ),
    ))
}

fn check_price(price: Price, product: &Product) -> Result<(), BrokerError> {
    let tick = product.tick();
    if price.is_positive() && (tick.is_zero() || (price.get() % tick).is_zero()) {
        return Ok(());
    }
    let nearest = if tick.is_zero() { price } else { price.round_to_tick(tick).max(Price::new(tick)) };
    Err(refused_locally(
        format!("a price of {price} in {}", product.product_id),
        &format!("multiples of {} above zero; the nearest is {nearest}", canonical(tick)),
    ))
}

/// The end of a limited time in force: the end of the account's day (00:00 UTC), or of the day that was said.
fn end_time(request: &OrderRequest, now: Timestamp) -> Result<Option<String>, BrokerError> {
    let today = now.to_zoned_datetime(TimeZone::UTC).date();
    let last = match (request.time_in_force, request.expire_date) {
        (TimeInForce::Gtd, Some(date)) => date,
        (TimeInForce::Gtd, None) => {
            return Err(refused_locally("gtd without a day".to_owned(), "gtd with its last day"));
        }
        (TimeInForce::Day, _) => today,
        _ => return Ok(None),
    };
    let unreal = || refused_locally(format!("gtd until {last}"), "days of this century");
    let end = |date: jiff::civil::Date| {
        let next = date.checked_add(1.day()).map_err(|_| unreal())?;
        next.to_zoned_datetime(TimeZone::UTC).map(|end| end.timestamp()).map_err(|_| unreal())
    };
    let mut at = end(last)?;
    if request.time_in_force == TimeInForce::Day && at.duration_since(now) < DAY_LEFT_MIN {
        at = end(today.checked_add(1.day()).map_err(|_| unreal())?)?;
    }
    if at <= now {
        return Err(refused_locally(format!("gtd until {last}"), "today or a later day"));
    }
    Ok(Some(at.to_string()))
}

fn configuration(request: &OrderRequest, now: Timestamp) -> Result<Configuration, BrokerError> {
    use TimeInForce::{Day, Fok, Gtc, Gtd, Ioc};
    let end_time = end_time(request, now)?;
    let base = Terms { base_size: Some(request.quantity.get().normalize()), end_time, ..Terms::default() };
    let mut way = Configuration::default();
    let slot = match (request.pricing, request.time_in_force) {
        (Pricing::Market, Day | Gtc | Ioc) => {
            let quote_size = request.cash_order_quantity.map(|money| money.normalize());
            let base_size = base.base_size.filter(|_| quote_size.is_none());
            way.market_market_ioc = Some(Terms { end_time: None, quote_size, base_size, ..base });
            return Ok(way);
        }
        // Coins have none.
        (Pricing::Market, Fok) if request.subject.asset_class() == AssetClass::Perpetual => {
            way.market_market_fok = Some(Terms { end_time: None, ..base });
            return Ok(way);
        }
        (Pricing::Market, _) => {
            return Err(refused_locally(
                format!("market orders that are {}", request.time_in_force),
                "market orders of day, gtc or ioc, which all fill at once, and in futures fok",
            ));
        }
        (Pricing::Limit { .. }, Gtc) => &mut way.limit_limit_gtc,
        (Pricing::Limit { .. }, Day | Gtd) => &mut way.limit_limit_gtd,
        (Pricing::Limit { .. }, Ioc) => &mut way.sor_limit_ioc,
        (Pricing::Limit { .. }, Fok) => &mut way.limit_limit_fok,
        (Pricing::StopLimit { .. }, Gtc) => &mut way.stop_limit_stop_limit_gtc,
        (Pricing::StopLimit { .. }, Day | Gtd) => &mut way.stop_limit_stop_limit_gtd,
        (Pricing::StopLimit { .. }, Ioc | Fok) => {
            return Err(refused_locally(
                format!("stop-limit orders that are {}", request.time_in_force),
                "stop-limit orders of day, gtc or gtd",
            ));
        }
        (Pricing::Stop { .. } | Pricing::TrailingStop { .. } | Pricing::Twap(_) | Pricing::Oco { .. }, _) => {
            return Err(refused_locally(
                format!("{} orders", request.pricing.order_type().as_str().replace('_', "-")),
                "market, limit, stop-limit, twap and oco orders",
            ));
        }
        (_, TimeInForce::Opg | TimeInForce::Cls) => {
            return Err(refused_locally(
                "orders for an auction".to_owned(),
                "day, gtc, gtd, ioc and fok: its market never opens or closes",
            ));
        }
    };
    let resting_limit =
        matches!(request.pricing, Pricing::Limit { .. }) && !matches!(request.time_in_force, Ioc | Fok);
    let plain = |price: Price| price.get().normalize();
    let stop_direction = request.pricing.stop_price().map(|_| {
        // Buys are triggered from below, sales from above.
        let up = request.side.is_buy();
        (if up { "STOP_DIRECTION_STOP_UP" } else { "STOP_DIRECTION_STOP_DOWN" }).to_owned()
    });
    *slot = Some(Terms {
        limit_price: request.pricing.limit_price().map(plain),
        stop_price: request.pricing.stop_price().map(plain),
        stop_direction,
        post_only: resting_limit.then_some(request.post_only),
        ..base
    });
    Ok(way)
}

/// Where an order stands, from its word and what is filled of it.
#[must_use]
pub fn status_of(word: &str, filled: Decimal, pending_cancel: bool, pending_replace: bool) -> OrderStatus {
    match word {
        "FILLED" => OrderStatus::Filled,
        "CANCELLED" => OrderStatus::Canceled,
        "EXPIRED" => OrderStatus::Expired,
        "FAILED" if filled.is_zero() => OrderStatus::Rejected,
        "FAILED" => OrderStatus::Canceled,
        "CANCEL_QUEUED" => OrderStatus::PendingCancel,
        "PENDING" | "QUEUED" | "OPEN" | "EDIT_QUEUED" if pending_cancel => OrderStatus::PendingCancel,
        "EDIT_QUEUED" => OrderStatus::PendingReplace,
        "PENDING" | "QUEUED" | "OPEN" if pending_replace => OrderStatus::PendingReplace,
        "OPEN" if !filled.is_zero() => OrderStatus::PartiallyFilled,
        "PENDING" | "QUEUED" | "OPEN" => OrderStatus::Submitted,
        _ => OrderStatus::Unknown,
    }
}

impl Order {
    /// What is filled of it.
    pub fn filled(&self) -> Decimal {
        self.filled_size.unwrap_or_default()
    }

    /// Where it stands.
    pub fn standing(&self) -> OrderStatus {
        let replacing = self.current_pending_replace.as_ref().is_some_and(|value| !value.is_null());
        status_of(&self.status, self.filled(), self.pending_cancel, replacing)
    }

    /// Was it ever changed.
    pub fn was_edited(&self) -> bool {
        self.edit_history.as_ref().is_some_and(|history| !history.is_empty())
    }
}

/// `BUY` or `SELL`.
#[must_use]
pub fn side_of(word: &str) -> Side {
    if word.eq_ignore_ascii_case("BUY") { Side::Buy } else { Side::Sell }
}

/// Units to eight places, as Coinbase keeps them, half to even.
pub(super) fn round_units(units: Decimal) -> Decimal {
    units.round_dp_with_strategy(8, RoundingStrategy::MidpointNearestEven)
}

/// Units of a fill: where it says money, what that is at its price.
pub fn units(fill: &Fill) -> Option<Decimal> {
    if fill.size_in_quote { fill.size.checked_div(fill.price).map(round_units) } else { Some(fill.size) }
}

/// A fill as we report it. `None` for an instrument that we cannot name.
#[must_use]
pub fn execution(
    fill: &Fill,
    account: &AccountId,
    client: Option<ClientOrderId>,
    multiplier: Decimal,
) -> Option<Execution> {
    let instrument = instrument_of(&fill.product_id)?;
    let currency = match &instrument {
        Instrument::Crypto { quote, .. } => Currency::new(quote.as_str()).ok()?,
        _ => Currency::USD,
    };
    let units = units(fill)?;
    let side = side_of(&fill.side);
    let (kind, side) = match fill.trade_type.as_str() {
        // Takes an earlier fill back: the same with the sides exchanged.
        "REVERSAL" => (ExecutionKind::Bust, if side == Side::Buy { Side::Sell } else { Side::Buy }),
        "CORRECTION" => (ExecutionKind::Correction, side),
        _ => (ExecutionKind::Trade, side),
    };
    Some(Execution {
        execution_id: ExecutionId::new(&fill.entry_id),
        account: account.clone(),
        client_order_id: client,
        broker_order_id: Some(BrokerOrderId::new(&fill.order_id)),
        instrument,
        side,
        quantity: Quantity::new(units),
        price: Price::new(fill.price),
        multiplier,
        fee: fill.commission.unwrap_or_default(),
        currency,
        at: fill.trade_time,
        kind,
    })
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
