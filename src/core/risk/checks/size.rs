//! Is the order too large: by units, by money, by position, by everything together.

use rust_decimal::Decimal;

use crate::core::book::is_plain;
use crate::core::portfolio::cash_securing_puts;
use crate::domain::account::{AccountKind, AccountMode};
use crate::domain::denial::DenialCode as Code;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::domain::order::{Order, OrderRequest, OrderStatus, OrderSubject};
use crate::domain::quote::Quote;

use super::super::cost::{along, estimate};
use super::super::rates::rate;
use super::super::view::linked;
use super::{Checks, Context, Part, Unrated, percent};

const LIMITS: [Code; 8] = [
    Code::FatFinger,
    Code::MaxOrderQuantity,
    Code::MaxOrderNotional,
    Code::MaxPosition,
    Code::MaxExposure,
    Code::MaxOpenOrders,
    Code::DailyLoss,
    Code::Drawdown,
];

pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    if context.reduces || context.shrinks {
        for code in LIMITS {
            checks.skip(code);
        }
        return;
    }
    fat_finger(context, checks);
    quantity(context, checks);
    notional(context, checks);
    position(context, checks);
    exposure(context, checks);
    open_orders(context, checks);
    losses(context, checks);
}

fn fat_finger(context: &Context<'_>, checks: &mut Checks) {
    let (view, limits) = (context.view, context.view.limits);
    let mut measured = false;
    for part in &context.parts {
        let usual = view
            .activity
            .usual_quantity(part.instrument)
            .map(|usual| usual.get().checked_mul(limits.fat_finger_multiple).unwrap_or(Decimal::MAX));
        let volume = view.market.average_volume(part.instrument).filter(|v| *v > Decimal::ZERO);
        let share =
            volume.map(|volume| volume.saturating_mul(limits.volume_percent_max) / Decimal::ONE_HUNDRED);
        // Real shares have a volume; without it, and without a habit, there is nothing to measure by.
        let live_share =
            view.account.mode == AccountMode::Live && part.instrument.asset_class() == AssetClass::Equity;
        if live_share && usual.or(share).is_none() {
            return checks.fail(Code::FatFinger, format!("instrument={} has no volume", part.instrument));
        }
        for most in [usual, share].into_iter().flatten() {
            measured = true;
            if part.quantity.get() > most {
                return checks.numbers(Code::FatFinger, false, part.quantity.get(), most);
            }
        }
    }
    if measured { checks.put(Code::FatFinger, true) } else { checks.skip(Code::FatFinger) }
}

fn quantity(context: &Context<'_>, checks: &mut Checks) {
    let limits = context.view.limits;
    let mut result = (Decimal::ZERO, limits.order_quantity_max);
    for part in &context.parts {
        let limit = match part.instrument.asset_class() {
            AssetClass::Option => limits.order_contracts_max,
            _ => limits.order_quantity_max,
        };
        result = (part.quantity.get(), limit);
        if part.quantity.get() > limit {
            break;
        }
    }
    checks.at_most(Code::MaxOrderQuantity, result.0, result.1);
}

fn notional(context: &Context<'_>, checks: &mut Checks) {
    let (cost, limit) = (context.cost, context.view.limits.order_notional_max);
    if cost.price.is_none() {
        return checks.fail(Code::MaxOrderNotional, "no price to measure by");
    }
    if let Some(currency) = cost.unrated {
        return checks.fail(Code::MaxOrderNotional, Unrated(currency));
    }
    // A package is measured by what it costs or may cost.
    match naked_notional(context) {
        Ok(naked) => checks.at_most(Code::MaxOrderNotional, cost.cost.abs().max(naked), limit),
        Err(unrated) => checks.fail(Code::MaxOrderNotional, unrated),
    }
}

/// Strike money of short puts that nothing protects: what the order may come to cost.
fn naked_notional(context: &Context<'_>) -> Result<Decimal, Unrated> {
    match context.parts.as_slice() {
        [part] => match part.instrument {
            Instrument::Option(contract) if !part.side.is_buy() && contract.right == Right::Put => {
                let value = contract.strike.get() * part.quantity.get() * part.multiplier();
                Ok(value.saturating_mul(context.rate(part.instrument)?))
            }
            _ => Ok(Decimal::ZERO),
        },
        _ => Ok(Decimal::ZERO),
    }
}

fn position(context: &Context<'_>, checks: &mut Checks) {
    let equity = context.view.account.net_liquidation;
    if equity <= Decimal::ZERO {
        return checks.numbers(Code::MaxPosition, false, equity, Decimal::ZERO);
    }
    let limit = context.view.limits.position_percent_max;
    let mut largest = Decimal::ZERO;
    for part in &context.parts {
        let Some(price) = part.value_price(context.cost.price) else {
            return checks.fail(Code::MaxPosition, format!("instrument={} has no price", part.instrument));
        };
        // Working orders on the same side may fill too, or not.
        let buy = part.side.is_buy();
        let pending = context.view.pending(context.request, part.instrument, buy, true) * part.side.sign();
        let after = part.after().get();
        let units = after.abs().max(after.saturating_add(pending).abs());
        let rate = match context.rate(part.instrument) {
            Ok(rate) => rate,
            Err(unrated) => return checks.fail(Code::MaxPosition, unrated),
        };
        let value =
            units.saturating_mul(price.get().abs()).saturating_mul(part.multiplier()).saturating_mul(rate);
        largest = largest.max(percent(value, equity));
    }
    checks.at_most(Code::MaxPosition, largest, limit);
}

fn exposure(context: &Context<'_>, checks: &mut Checks) {
    let (view, account) = (context.view, context.view.account);
    let equity = account.net_liquidation;
    let limit = match account.kind {
        AccountKind::Cash => view.limits.exposure_percent_max_cash,
        AccountKind::Margin => view.limits.exposure_percent_max_margin,
    };
    if equity <= Decimal::ZERO {
        return checks.numbers(Code::MaxExposure, false, equity, Decimal::ZERO);
    }
    let unknown = view.portfolio.holdings().find(|(_, h)| {
        h.currency != account.currency && rate(view.portfolio, view.market, h.currency).is_none()
    });
    if let Some((_, holding)) = unknown {
        // It is not in the account's figures either.
        return checks.fail(Code::MaxExposure, Unrated(holding.currency));
    }
    let held = view.portfolio.holdings().filter_map(|(i, h)| Some((i.as_option()?, h.quantity)));
    let gross = account
        .long_market_value
        .saturating_add(account.short_market_value.abs())
        .saturating_add(cash_securing_puts(held));
    match added(context) {
        Ok(added) => checks.at_most(Code::MaxExposure, percent(gross.saturating_add(added), equity), limit),
        Err(unrated) => checks.fail(Code::MaxExposure, unrated),
    }
}

/// What working orders and this one may add to the value of the positions: for each instrument the worse of all its buys filling and all its
/// sells filling. Packages count by what they cost or may cost.
fn added(context: &Context<'_>) -> Result<Decimal, Unrated> {
    let view = context.view;
    let mut sum = Decimal::ZERO;
    for order in view.working.packages().filter(|order| may_add(context, order)) {
        let cost = estimate(view.portfolio, view.market, view.fees, &order.request, order.leaves_quantity());
        sum = sum.saturating_add(cost.cost.abs().max(cost.buying_power));
    }
    let own = match (&context.request.subject, context.parts.as_slice()) {
        (OrderSubject::Instrument(_), [part]) => Some(part),
        _ => {
            sum = sum.saturating_add(context.cost.cost.abs().max(context.cost.buying_power));
            None
        }
    };
    if let Some(part) = own {
        sum = sum.saturating_add(added_in(context, part.instrument, part.held.get(), Some(part))?);
    }
    for (instrument, line, held) in along(view.portfolio, view.working.lines()) {
        // Most working orders are exits, which add nothing.
        if !line.only_closes(held) && own.is_none_or(|part| part.instrument != instrument) {
            sum = sum.saturating_add(added_in(context, instrument, held, None)?);
        }
    }
    Ok(sum)
}

/// Does a working order count beside this one.
fn may_add(context: &Context<'_>, order: &Order) -> bool {
    is_plain(&order.request)
        && order.status != OrderStatus::PendingReplace
        && !linked(&order.request, context.request)
}

/// The same for one instrument, this order among its orders where it trades it.
fn added_in(
    context: &Context<'_>,
    instrument: &Instrument,
    held: Decimal,
    own: Option<&Part<'_>>,
) -> Result<Decimal, Unrated> {
    let (mut buys, mut sells, mut price) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let mut add = |request: &OrderRequest, units: Decimal, cost| {
        if units.is_sign_negative() {
            sells = sells.saturating_sub(units);
        } else {
            buys = buys.saturating_add(units);
        }
        price = exposed_price(context, request, instrument, cost).max(price);
    };
    for order in context.view.working.naming(instrument) {
        if order.request.subject.instrument().is_some() && may_add(context, order) {
            add(&order.request, order.leaves_quantity().get() * order.request.side.sign(), None);
        }
    }
    if let Some(part) = own {
        add(context.request, part.signed(), context.cost.price);
    }
    let worst = held.saturating_add(buys).abs().max(held.saturating_sub(sells).abs());
    let more = (worst - held.abs()).max(Decimal::ZERO).saturating_mul(price);
    Ok(more.saturating_mul(context.rate(instrument)?))
}

/// Money per unit of an order, in its instrument's currency: the strike of a put that is written, else the dearer of the mark and the order's own price.
fn exposed_price(
    context: &Context<'_>,
    request: &OrderRequest,
    instrument: &Instrument,
    cost: Option<Price>,
) -> Decimal {
    let market = context.view.market;
    let multiplier = market.spec(instrument).map_or(Decimal::ONE, |spec| spec.multiplier);
    let price = match instrument {
        Instrument::Option(contract) if !request.side.is_buy() && contract.right == Right::Put => {
            contract.strike
        }
        _ => {
            let own = request.pricing.limit_price().or(request.pricing.stop_price()).or(cost);
            let mark = market.quote(instrument).and_then(Quote::mark);
            own.into_iter().chain(mark).max().unwrap_or_default()
        }
    };
    price.get().saturating_mul(multiplier)
}

/// A bracket is three orders.
fn open_orders(context: &Context<'_>, checks: &mut Checks) {
    let (view, limits, request) = (context.view, context.view.limits, context.request);
    let exits = usize::from(request.take_profit.is_some()) + usize::from(request.stop_loss.is_some());
    let all = Decimal::from(view.working.count() + 1 + exits);
    let most = Decimal::from(limits.open_orders_max);
    if all > most {
        return checks.at_most(Code::MaxOpenOrders, all, most);
    }
    let of = |part: &Part<'_>| view.working.naming(part.instrument).count();
    let same = context.parts.iter().map(of).max().unwrap_or_default() + 1 + exits;
    let most = Decimal::from(limits.open_orders_per_instrument_max);
    checks.at_most(Code::MaxOpenOrders, Decimal::from(same), most);
}

fn losses(context: &Context<'_>, checks: &mut Checks) {
    let (account, limits) = (context.view.account, context.view.limits);
    let start = account.day_start_equity;
    if start > Decimal::ZERO {
        let percent = percent(-account.day_pnl, start);
        checks.numbers(
            Code::DailyLoss,
            percent < limits.daily_loss_percent,
            percent,
            limits.daily_loss_percent,
        );
    } else {
        checks.fail(Code::DailyLoss, format!("day_start_equity={} is not positive", start.normalize()));
    }
    match context.view.equity_high.filter(|high| *high > Decimal::ZERO) {
        Some(high) => {
            let percent = percent(high.saturating_sub(account.net_liquidation), high);
            checks.numbers(
                Code::Drawdown,
                percent < limits.drawdown_percent,
                percent,
                limits.drawdown_percent,
            );
        }
        None => checks.fail(Code::Drawdown, "equity_high is not known"),
    }
}
