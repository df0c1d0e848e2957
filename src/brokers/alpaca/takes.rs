//! What Alpaca takes, checked before anything is sent: a refusal here names what it takes, and the nearest price or size that it would.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::NAME;
use crate::brokers::BrokerError;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Price, canonical};
use crate::domain::option::Leg;
use crate::domain::order::{
    OrderRequest, OrderSubject, OrderType, Pricing, Side, TimeInForce, TradingSession, Trail,
};

/// Decimals of a fractional quantity.
const FRACTION_DECIMALS: u32 = 9;
/// Legs of a package at most.
const LEGS_MAX: usize = 4;
/// The smallest order for an amount of dollars, and how many decimals of one there may be.
const SHARES_COST_MIN: Decimal = Decimal::ONE;
const CASH_DECIMALS: u32 = 2;
/// The smallest crypto order in dollars.
const CRYPTO_COST_MIN: Decimal = Decimal::TEN;

fn refuse(what: impl Into<String>, allowed: impl Into<String>) -> BrokerError {
    BrokerError::Unsupported { broker: NAME.to_owned(), what: what.into(), allowed: allowed.into() }
}

/// Is it in whole units.
fn is_whole(order: &OrderRequest) -> bool {
    order.quantity.get().fract().is_zero()
}

/// Checks an order. The terms are those of its instrument; a package has none.
///
/// # Errors
/// `Unsupported`, with what would be taken.
pub(super) fn check(order: &OrderRequest, spec: Option<&InstrumentSpec>) -> Result<(), BrokerError> {
    if order.post_only {
        return Err(refuse("post only", "limit orders that may take liquidity"));
    }
    if order.time_in_force == TimeInForce::Gtd {
        return Err(refuse("orders good till a date", "day, gtc, ioc, fok, opg and cls"));
    }
    let order_type = order.pricing.order_type();
    if matches!(order_type, OrderType::Twap | OrderType::Oco) {
        let what = format!("{order_type} orders");
        return Err(refuse(what, "market, limit, stop, stop-limit and trailing-stop orders"));
    }
    match &order.subject {
        OrderSubject::Legs(legs) => package(order, legs),
        OrderSubject::Instrument(instrument) if order.cash_order_quantity.is_some() => {
            money(order, instrument.asset_class())
        }
        OrderSubject::Instrument(instrument) => {
            match instrument.asset_class() {
                AssetClass::Equity => equity(order)?,
                AssetClass::Option => option(order)?,
                AssetClass::Crypto => crypto(order)?,
                other => return Err(refuse(format!("{other} orders"), "equities, options and crypto")),
            }
            exits(order)?;
            session(order)?;
            spec.map_or(Ok(()), |spec| sizes(order, spec))
        }
    }
}

/// An order for an amount of money. Its units are an estimate, and in nobody's way.
fn money(order: &OrderRequest, class: AssetClass) -> Result<(), BrokerError> {
    let takes = "plain market buys of shares for the day, and of crypto";
    let (least, tif) = match class {
        AssetClass::Equity => (SHARES_COST_MIN, &[TimeInForce::Day][..]),
        AssetClass::Crypto => (CRYPTO_COST_MIN, &[TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Ioc][..]),
        other => return Err(refuse(format!("an amount of money of {other}"), takes)),
    };
    let plain = order.pricing == Pricing::Market
        && order.side == Side::Buy
        && order.take_profit.is_none()
        && order.stop_loss.is_none()
        && order.session == TradingSession::Regular;
    if !plain {
        return Err(refuse("an amount of money in such an order", takes));
    }
    one_of(order, tif, "an amount of money")?;
    let money = order.cash_order_quantity.unwrap_or_default();
    if money < least || money.normalize().scale() > CASH_DECIMALS {
        let near = money.round_dp(CASH_DECIMALS).max(least);
        return Err(refuse(
            format!("an order for {} dollars", canonical(money)),
            format!("{least} dollars and more, in cents, such as {}", canonical(near)),
        ));
    }
    Ok(())
}

/// The times in force of an order type; `None` for a type that is not taken.
fn one_of(order: &OrderRequest, allowed: &[TimeInForce], whose: &str) -> Result<(), BrokerError> {
    if allowed.contains(&order.time_in_force) {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(|allowed| allowed.as_str()).collect();
    Err(refuse(format!("{} for {whose}", order.time_in_force), names.join(" and ")))
}

fn equity(order: &OrderRequest) -> Result<(), BrokerError> {
    use TimeInForce as T;
    let order_type = order.pricing.order_type();
    if !is_whole(order) {
        if order_type == OrderType::TrailingStop {
            return Err(refuse("a trailing stop for a part of a share", "whole shares"));
        }
        if matches!(order.side, Side::SellShort | Side::BuyToCover) {
            return Err(refuse("a short position in parts of a share", "whole shares"));
        }
        if order.quantity.get().normalize().scale() > FRACTION_DECIMALS {
            let near = order.quantity.get().round_dp(FRACTION_DECIMALS);
            return Err(refuse(
                format!("a quantity of {}", order.quantity),
                format!("{FRACTION_DECIMALS} decimals, such as {}", canonical(near)),
            ));
        }
        return one_of(order, &[T::Day], "a part of a share");
    }
    match order_type {
        OrderType::Market | OrderType::Limit => {
            one_of(order, &[T::Day, T::Gtc, T::Ioc, T::Fok, T::Opg, T::Cls], "shares")
        }
        other => one_of(order, &[T::Day, T::Gtc], &format!("a {} order", other.as_str())),
    }
}

fn option(order: &OrderRequest) -> Result<(), BrokerError> {
    if order.pricing.order_type() == OrderType::TrailingStop {
        return Err(refuse("a trailing stop on an option", "market, limit, stop and stop limit"));
    }
    if !is_whole(order) {
        let near = order.quantity.get().floor().max(Decimal::ONE);
        return Err(refuse(
            format!("{} contracts", order.quantity),
            format!("whole contracts, such as {}", canonical(near)),
        ));
    }
    one_of(order, &[TimeInForce::Day], "options")
}

fn crypto(order: &OrderRequest) -> Result<(), BrokerError> {
    use TimeInForce as T;
    if matches!(order.side, Side::SellShort | Side::BuyToCover) {
        return Err(refuse("a short position in crypto", "buys, and sales of what is held"));
    }
    match order.pricing.order_type() {
        // A market order ends at once, so that a day is as long as anything.
        OrderType::Market => one_of(order, &[T::Day, T::Gtc, T::Ioc], "a crypto market order"),
        OrderType::Limit => one_of(order, &[T::Gtc, T::Ioc], "a crypto limit order"),
        OrderType::StopLimit => one_of(order, &[T::Gtc], "a crypto stop limit order"),
        other => {
            Err(refuse(format!("a {} order for crypto", other.as_str()), "market, limit and stop limit"))
        }
    }
}

fn exits(order: &OrderRequest) -> Result<(), BrokerError> {
    if order.take_profit.is_none() && order.stop_loss.is_none() {
        return Ok(());
    }
    let takes = "brackets of whole shares whose first order is a market or limit order for the day or gtc";
    let class = order.subject.asset_class();
    if class != AssetClass::Equity {
        return Err(refuse(format!("a bracket on {class}"), takes));
    }
    if !is_whole(order) {
        return Err(refuse("a bracket on a part of a share", takes));
    }
    if !matches!(order.pricing.order_type(), OrderType::Market | OrderType::Limit) {
        return Err(refuse(
            format!("a bracket behind a {} order", order.pricing.order_type().as_str()),
            takes,
        ));
    }
    if !matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc) {
        return Err(refuse(format!("a bracket for {}", order.time_in_force), takes));
    }
    if order.exit_orders().is_empty() {
        return Err(refuse("a bracket behind an order that closes", "one that opens a position"));
    }
    Ok(())
}

fn session(order: &OrderRequest) -> Result<(), BrokerError> {
    if order.session == TradingSession::Regular || order.subject.asset_class() == AssetClass::Crypto {
        return Ok(());
    }
    let takes = "limit orders for shares, for the day or gtc, without exits";
    let fits = order.subject.asset_class() == AssetClass::Equity
        && order.pricing.order_type() == OrderType::Limit
        && matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc)
        && order.take_profit.is_none()
        && order.stop_loss.is_none();
    if fits { Ok(()) } else { Err(refuse("this order in extended hours", takes)) }
}

/// Prices and quantity on the instrument's increments.
fn sizes(order: &OrderRequest, spec: &InstrumentSpec) -> Result<(), BrokerError> {
    let quantity = order.quantity.get();
    let increment = spec.quantity_increment;
    if !increment.is_zero() && !(quantity % increment).is_zero() {
        let near = order.quantity.floor_to_increment(increment).get().max(spec.quantity_min);
        return Err(refuse(
            format!("a quantity of {}", order.quantity),
            format!("multiples of {}, such as {}", canonical(increment), canonical(near)),
        ));
    }
    if quantity < spec.quantity_min {
        return Err(refuse(
            format!("a quantity of {}", order.quantity),
            format!("{} and more", canonical(spec.quantity_min)),
        ));
    }
    let exits = [&order.take_profit, &order.stop_loss].into_iter().flatten().map(|exit| exit.price);
    let trail = match order.pricing {
        Pricing::TrailingStop { trail: Trail::Amount(price) } => Some(price),
        _ => None,
    };
    let own = [order.pricing.limit_price(), order.pricing.stop_price(), trail];
    for price in own.into_iter().flatten().chain(exits) {
        on_tick(price, spec.tick_at(price))?;
    }
    if let Instrument::Crypto { .. } = spec.instrument
        && let Some(limit) = order.pricing.limit_price().filter(|limit| limit.is_positive())
        && limit.notional(order.quantity) < CRYPTO_COST_MIN
        && !increment.is_zero()
    {
        let near = (CRYPTO_COST_MIN / limit.get() / increment).ceil() * increment;
        return Err(refuse(
            format!("a crypto order of less than {CRYPTO_COST_MIN} dollars"),
            format!("{} and more at {limit}", canonical(near)),
        ));
    }
    Ok(())
}

fn on_tick(price: Price, tick: Decimal) -> Result<(), BrokerError> {
    if tick.is_zero() || (price.get() % tick).is_zero() {
        return Ok(());
    }
    let near = price.round_to_tick(tick);
    Err(refuse(format!("a price of {price}"), format!("multiples of {}, such as {near}", canonical(tick))))
}

fn package(order: &OrderRequest, legs: &[Leg]) -> Result<(), BrokerError> {
    if !(2..=LEGS_MAX).contains(&legs.len()) {
        return Err(refuse(format!("a package of {} legs", legs.len()), format!("2 to {LEGS_MAX} legs")));
    }
    if !matches!(order.pricing, Pricing::Market | Pricing::Limit { .. }) {
        return Err(refuse("a package with a stop", "market and limit orders"));
    }
    one_of(order, &[TimeInForce::Day], "packages")?;
    if order.session == TradingSession::Extended {
        return Err(refuse("a package in extended hours", "packages in regular hours"));
    }
    if order.take_profit.is_some() || order.stop_loss.is_some() {
        return Err(refuse("a bracket on a package", "brackets on shares"));
    }
    if !is_whole(order) {
        return Err(refuse(format!("{} packages", order.quantity), "whole packages"));
    }
    if let Some(limit) = order.pricing.limit_price() {
        on_tick(limit, Decimal::new(1, 2))?;
    }
    let drivers: std::collections::BTreeSet<Instrument> =
        legs.iter().map(|leg| leg.instrument.price_driver()).collect();
    if drivers.len() != 1 {
        return Err(refuse("a package over several underlyings", "legs of one underlying"));
    }
    let fits = |leg: &Leg| {
        matches!(leg.instrument, Instrument::Option(_) | Instrument::Equity { .. })
            && leg.ratio.fract().is_zero()
            && leg.ratio >= Decimal::ONE
    };
    if !legs.iter().all(fits) {
        return Err(refuse("these legs", "options and shares, in whole units"));
    }
    let ratios: Vec<u64> = legs.iter().filter_map(|leg| leg.ratio.to_u64()).collect();
    let common = ratios.iter().copied().fold(0, common_divisor);
    if common > 1 {
        let lowest: Vec<String> = ratios.iter().map(|ratio| (ratio / common).to_string()).collect();
        return Err(refuse(
            "ratios that can be shortened",
            format!("{} with {} times the quantity", lowest.join(":"), common),
        ));
    }
    Ok(())
}

const fn common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{AccountId, ClientOrderId};
    use crate::domain::money::Quantity;
    use crate::domain::order::{Origin, OriginKind};

    #[test]
    fn an_amount_of_money_is_for_plain_market_buys() {
        let share = Instrument::equity("AAPL").unwrap();
        let coin = Instrument::crypto("BTC", "USD").unwrap();
        let of = |instrument: &Instrument, money: &str| OrderRequest {
            cash_order_quantity: Some(money.parse().unwrap()),
            ..OrderRequest::plain(
                ClientOrderId::from_parts(1, 1),
                AccountId::new("a"),
                Origin::person(OriginKind::Cli),
                OrderSubject::Instrument(instrument.clone()),
                Side::Buy,
                // An estimate: nobody sends it.
                "1.12345678901".parse::<Quantity>().unwrap(),
                Pricing::Market,
            )
        };
        let said = |order: &OrderRequest| check(order, None).map_err(|error| error.to_string());
        assert_eq!(said(&of(&share, "1")), Ok(()));
        assert_eq!(said(&OrderRequest { time_in_force: TimeInForce::Gtc, ..of(&coin, "10") }), Ok(()));
        for (order, takes) in [
            (of(&share, "0.99"), "1 dollars and more, in cents, such as 1"),
            (of(&coin, "9.99"), "10 dollars and more, in cents, such as 10"),
            (of(&share, "5.001"), "such as 5"),
            (OrderRequest { time_in_force: TimeInForce::Gtc, ..of(&share, "500") }, "it takes day"),
            (OrderRequest { side: Side::Sell, ..of(&share, "500") }, "plain market buys"),
            (OrderRequest { session: TradingSession::Extended, ..of(&share, "500") }, "plain market buys"),
        ] {
            let error = said(&order).unwrap_err();
            assert!(error.contains(takes), "{error}");
        }
    }
}
