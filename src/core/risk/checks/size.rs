//! Is the order too large: by units, by money, by position, by everything together.

use rust_decimal::Decimal;

use crate::domain::account::AccountKind;
use crate::domain::denial::DenialCode as Code;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::option::Right;

use super::{Checks, Context, Part};

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
    if context.reduces {
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
    let limits = context.view.limits;
    for part in &context.parts {
        if let Some(usual) = context.view.activity.usual_quantity(part.instrument)
            && let Some(most) = usual.get().checked_mul(limits.fat_finger_multiple)
            && part.quantity.get() > most
        {
            return checks.numbers(Code::FatFinger, false, part.quantity.get(), most);
        }
        if let Some(volume) =
            context.view.market.average_volume(part.instrument).filter(|v| *v > Decimal::ZERO)
        {
            let most = volume * limits.volume_percent_max / Decimal::ONE_HUNDRED;
            if part.quantity.get() > most {
                return checks.numbers(Code::FatFinger, false, part.quantity.get(), most);
            }
        }
    }
    checks.put(Code::FatFinger, true);
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
    let limit = context.view.limits.order_notional_max;
    match context.cost.price {
        // A package is measured by what it costs or may cost.
        Some(_) => checks.at_most(
            Code::MaxOrderNotional,
            context.cost.cost.abs().max(naked_notional(context)),
            limit,
        ),
        None => checks.fail(Code::MaxOrderNotional, "no price to measure by"),
    }
}

/// Strike money of short puts that nothing protects: what the order may come to cost.
fn naked_notional(context: &Context<'_>) -> Decimal {
    match context.parts.as_slice() {
        [part] => match part.instrument {
            Instrument::Option(contract) if !part.side.is_buy() && contract.right == Right::Put => {
                contract.strike.get() * part.quantity.get() * part.multiplier()
            }
            _ => Decimal::ZERO,
        },
        _ => Decimal::ZERO,
    }
}

/// Value of the position the part would make, at the mark.
fn value_after(context: &Context<'_>, part: &Part<'_>) -> Option<Decimal> {
    let price = part.value_price(context.cost.price)?;
    Some((part.after().get() * price.get() * part.multiplier()).abs())
}

fn position(context: &Context<'_>, checks: &mut Checks) {
    let equity = context.view.account.net_liquidation;
    if equity <= Decimal::ZERO {
        return checks.numbers(Code::MaxPosition, false, equity, Decimal::ZERO);
    }
    let limit = context.view.limits.position_percent_max;
    let mut largest = Decimal::ZERO;
    for part in &context.parts {
        let Some(value) = value_after(context, part) else {
            return checks.fail(Code::MaxPosition, format!("instrument={} has no price", part.instrument));
        };
        // Working orders on the same side would add to it.
        let pending: Decimal = context
            .view
            .rivals(context.request, part.instrument)
            .filter(|order| order.request.side.is_buy() == part.side.is_buy() && !order.request.reduce_only)
            .map(|order| order.leaves_quantity().get())
            .sum();
        let price = part.value_price(context.cost.price).unwrap_or_default();
        let percent = (value + pending * price.get() * part.multiplier()) / equity * Decimal::ONE_HUNDRED;
        largest = largest.max(percent.round_dp(4));
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
    let positions = account.long_market_value + account.short_market_value.abs();
    let order = context.cost.cost.abs().max(naked_notional(context));
    let gross = positions + account.reserved + order;
    checks.at_most(Code::MaxExposure, (gross / equity * Decimal::ONE_HUNDRED).round_dp(4), limit);
}

fn open_orders(context: &Context<'_>, checks: &mut Checks) {
    let (view, limits) = (context.view, context.view.limits);
    let all = Decimal::from(view.working.len()) + Decimal::ONE;
    if all > Decimal::from(limits.open_orders_max) {
        return checks.at_most(Code::MaxOpenOrders, all, Decimal::from(limits.open_orders_max));
    }
    let first = context.parts[0].instrument;
    let same =
        view.working.iter().filter(|order| order.request.subject.instruments().any(|i| i == first)).count();
    let most = Decimal::from(limits.open_orders_per_instrument_max);
    checks.at_most(Code::MaxOpenOrders, Decimal::from(same) + Decimal::ONE, most);
}

fn losses(context: &Context<'_>, checks: &mut Checks) {
    let (account, limits) = (context.view.account, context.view.limits);
    let start = account.day_start_equity;
    if start > Decimal::ZERO {
        let percent = (-account.day_pnl / start * Decimal::ONE_HUNDRED).round_dp(4);
        checks.numbers(
            Code::DailyLoss,
            percent < limits.daily_loss_percent,
            percent,
            limits.daily_loss_percent,
        );
    } else {
        checks.skip(Code::DailyLoss);
    }
    match context.view.equity_high.filter(|high| *high > Decimal::ZERO) {
        Some(high) => {
            let percent = ((high - account.net_liquidation) / high * Decimal::ONE_HUNDRED).round_dp(4);
            checks.numbers(
                Code::Drawdown,
                percent < limits.drawdown_percent,
                percent,
                limits.drawdown_percent,
            );
        }
        None => checks.skip(Code::Drawdown),
    }
}
