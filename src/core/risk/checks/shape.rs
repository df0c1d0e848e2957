//! Is the order well formed: instrument, quantity, prices, and what the account can do.

use rust_decimal::Decimal;

use crate::domain::denial::DenialCode as Code;
use crate::domain::instrument::AssetClass;
use crate::domain::money::Price;
use crate::domain::order::{
    OrderRequest, OrderSubject, OrderType, PositionEffect, Pricing, Side, TimeInForce, TradingSession, Trail,
};

use super::{Checks, Context, Part, prices};

pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    instrument(context, checks);
    quantity(context, checks);
    tick(context, checks);
    price(context, checks);
    unsupported(context, checks);
}

fn instrument(context: &Context<'_>, checks: &mut Checks) {
    let limits = context.view.limits;
    let unknown = context.parts.iter().find(|part| part.spec.is_none());
    match unknown {
        Some(part) => checks.fail(Code::UnknownInstrument, format!("instrument={}", part.instrument)),
        None => checks.put(Code::UnknownInstrument, true),
    }
    let tradable = |part: &Part<'_>| part.spec.is_some_and(|spec| spec.tradable);
    match context.parts.iter().find(|part| part.spec.is_some() && !tradable(part)) {
        Some(part) => checks.fail(Code::NotTradable, format!("instrument={}", part.instrument)),
        None => checks.put(Code::NotTradable, true),
    }
    let forbidden = |part: &&Part<'_>| {
        // What is never traded is not traded by way of its options either.
        limits.restricted.contains(part.instrument)
            || part
                .instrument
                .as_option()
                .is_some_and(|_| limits.restricted.contains(&part.instrument.price_driver()))
            || (!limits.allowed.is_empty() && !limits.allowed.contains(part.instrument))
    };
    match context.parts.iter().find(forbidden) {
        Some(part) => checks.fail(Code::RestrictedList, format!("instrument={}", part.instrument)),
        None => checks.put(Code::RestrictedList, true),
    }
    let adjusted = context.parts.iter().any(|part| part.spec.is_some_and(|spec| spec.adjusted));
    if adjusted {
        checks.put(Code::AdjustedOption, context.reduces)
    } else {
        checks.skip(Code::AdjustedOption)
    }
}

fn quantity(context: &Context<'_>, checks: &mut Checks) {
    let request = context.request;
    if !request.quantity.is_positive() {
        return checks.numbers(Code::BadQuantity, false, request.quantity.get(), Decimal::ZERO);
    }
    if let OrderSubject::Legs(legs) = &request.subject {
        let whole = |value: Decimal| value > Decimal::ZERO && value.fract().is_zero();
        if legs.len() < 2
            || legs.len() > 4
            || !legs.iter().all(|leg| whole(leg.ratio))
            || !whole(request.quantity.get())
        {
            return checks
                .fail(Code::BadQuantity, "a package has 2 to 4 legs, whole ratios and a whole quantity");
        }
    }
    if let Some(money) = request.cash_order_quantity {
        let plain = request.subject.instrument().is_some()
            && request.side == Side::Buy
            && request.pricing == Pricing::Market
            && request.take_profit.is_none()
            && request.stop_loss.is_none();
        if money <= Decimal::ZERO {
            return checks.numbers(Code::BadQuantity, false, money, Decimal::ZERO);
        }
        if !plain || !context.view.capabilities.notional {
            return checks.fail(
                Code::BadQuantity,
                "an amount of money is for plain market buys at brokers that take one; give a quantity",
            );
        }
    }
    for part in &context.parts {
        let Some(spec) = part.spec else { continue };
        let fractional =
            !spec.quantity_increment.is_zero() && !(part.quantity.get() % spec.quantity_increment).is_zero();
        if fractional {
            return checks.numbers(Code::BadQuantity, false, part.quantity.get(), spec.quantity_increment);
        }
        let share = part.instrument.asset_class() == AssetClass::Equity;
        if share && !context.view.capabilities.fractional && !part.quantity.get().fract().is_zero() {
            return checks.numbers(Code::BadQuantity, false, part.quantity.get(), Decimal::ONE);
        }
        if part.quantity.get() < spec.quantity_min {
            return checks.numbers(Code::BadQuantity, false, part.quantity.get(), spec.quantity_min);
        }
    }
    checks.put(Code::BadQuantity, true);
}

fn tick(context: &Context<'_>, checks: &mut Checks) {
    let request = context.request;
    let cent = Decimal::new(1, 2);
    let off = |price: Price| {
        let tick = match (&request.subject, context.parts[0].spec) {
            (OrderSubject::Legs(_), _) => cent,
            (_, Some(spec)) => spec.tick_at(price),
            (_, None) => return None,
        };
        (!tick.is_zero() && !(price.get() % tick).is_zero()).then_some((price, tick))
    };
    match prices(request).find_map(off) {
        Some((price, tick)) => checks.numbers(Code::BadTick, false, price.get(), tick),
        None => checks.put(Code::BadTick, true),
    }
}

fn price(context: &Context<'_>, checks: &mut Checks) {
    let request = context.request;
    let package = matches!(request.subject, OrderSubject::Legs(_));
    let positive = package || prices(request).all(Price::is_positive);
    let trail = match request.pricing {
        Pricing::TrailingStop { trail: Trail::Percent(percent) } => {
            percent > Decimal::ZERO && percent < Decimal::ONE_HUNDRED
        }
        _ => true,
    };
    let found = prices(request).find(|p| !p.is_positive()).unwrap_or_default();
    if positive && trail {
        checks.put(Code::BadPrice, bracket_is_around(context));
    } else {
        checks.numbers(Code::BadPrice, false, found.get(), Decimal::ZERO);
    }
}

/// A bracket's profit lies beyond its loss, seen from the order's side.
fn bracket_is_around(context: &Context<'_>) -> bool {
    let request = context.request;
    match (&request.take_profit, &request.stop_loss) {
        (Some(profit), Some(loss)) if request.side.is_buy() => profit.price > loss.price,
        (Some(profit), Some(loss)) => profit.price < loss.price,
        _ => true,
    }
}

fn unsupported(context: &Context<'_>, checks: &mut Checks) {
    match reason(context) {
        Some(reason) => checks.fail(Code::Unsupported, reason),
        None => checks.put(Code::Unsupported, true),
    }
}

/// Is an order of shares or options, by its own words, meant to open something.
fn opens(request: &OrderRequest, part: &Part<'_>) -> bool {
    let class = part.instrument.asset_class();
    if request.reduce_only || !matches!(class, AssetClass::Equity | AssetClass::Option) {
        return false;
    }
    match (request.position_effect, class) {
        (Some(effect), _) => effect == PositionEffect::Open,
        // Without a word it would go as an opening one.
        (None, AssetClass::Option) => part.side != Side::BuyToCover,
        (None, _) => matches!(part.side, Side::Buy | Side::SellShort),
    }
}

fn reason(context: &Context<'_>) -> Option<String> {
    let (request, can) = (context.request, context.view.capabilities);
    let order_type = request.pricing.order_type();
    if let Some(part) =
        context.parts.iter().find(|part| !can.asset_classes.contains(&part.instrument.asset_class()))
    {
        return Some(format!("asset={}", part.instrument.asset_class()));
    }
    if !can.order_types.contains(&order_type) {
        return Some(format!("order_type={order_type}"));
    }
    if !can.times_in_force.contains(&request.time_in_force) {
        return Some(format!("time_in_force={}", request.time_in_force));
    }
    let package = matches!(request.subject, OrderSubject::Legs(_));
    if package && (!can.multi_leg || !matches!(order_type, OrderType::Market | OrderType::Limit)) {
        return Some("a package is a market or limit order".to_owned());
    }
    let auction = matches!(request.time_in_force, TimeInForce::Opg | TimeInForce::Cls);
    if auction && !matches!(order_type, OrderType::Market | OrderType::Limit) {
        return Some("an auction order is a market or limit order".to_owned());
    }
    if request.time_in_force == TimeInForce::Gtd && request.expire_date.is_none() {
        return Some("time_in_force=gtd needs an expire date".to_owned());
    }
    if request.session == TradingSession::Extended && (!can.extended_hours || order_type != OrderType::Limit)
    {
        return Some("extended hours take limit orders only".to_owned());
    }
    let bracket = request.take_profit.is_some() || request.stop_loss.is_some();
    if bracket && package {
        return Some("a bracket is for one instrument".to_owned());
    }
    if bracket && !can.bracket {
        return Some("this broker takes no brackets; an exit plan closes what an order opens".to_owned());
    }
    if request.take_profit.is_some() && request.exit_orders().is_empty() {
        return Some("a bracket's first order opens a position (buy or sell_short)".to_owned());
    }
    if request.post_only && order_type != OrderType::Limit {
        return Some("post only is for limit orders".to_owned());
    }
    if can.one_effect && !package {
        let part = &context.parts[0];
        let against = !part.held.is_zero() && part.held.is_positive() != part.side.is_buy();
        if against && opens(request, part) {
            let (held, way) =
                (part.held, if part.side.is_buy() { "buy to cover or close" } else { "sell or close" });
            let what = "this broker takes no order that opens against it";
            return Some(format!("position={held}: {what}; {way} at most {} first", held.abs()));
        }
    }
    let wrong_effect = request.position_effect == Some(PositionEffect::Close) && !context.reduces && !package;
    wrong_effect.then(|| format!("nothing to close: position={}", context.parts[0].held))
}
