//! May anything go out: kill switch, broker, authority, rates, repetition.

use rust_decimal::Decimal;

use crate::domain::account::AccountMode;
use crate::domain::denial::DenialCode as Code;
use crate::domain::limits::TradingState;
use crate::domain::order::{OrderStatus, OriginKind};

use super::{Checks, Context};

pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    let (view, request) = (context.view, context.request);
    let human_close = request.origin.kind.is_human() && context.reduces;
    let protective_exit = request.origin.kind == OriginKind::Exit && context.reduces;
    checks.put(Code::Halted, view.trading_state != TradingState::Halted || human_close || protective_exit);
    checks.put(Code::ReducingOnly, view.trading_state != TradingState::ReducingOnly || context.reduces);
    checks.put(Code::AccountUnreconciled, view.reconciled || context.reduces);
    checks.put(Code::BrokerDown, view.broker_up);
    checks.put(Code::AccountRestricted, true);
    checks.put(Code::NotAuthorised, view.account.mode == AccountMode::Paper || view.live_armed);
    checks.put(Code::ClockSkew, true);
    if context.reduces {
        checks.skip(Code::Protect);
    } else {
        checks.put(Code::Protect, true);
    }
    rates(context, checks);
    duplicate(context, checks);
}

fn rates(context: &Context<'_>, checks: &mut Checks) {
    let (view, request, limits) = (context.view, context.request, context.view.limits);
    if view.bar_mode && limits.orders_per_minute_max == u32::MAX {
        return checks.skip(Code::OrderRate);
    }
    let count = |seconds| Decimal::from(view.activity.orders_within(view.now, seconds));
    if context.reduces {
        // Exits have a bucket of their own.
        return checks.at_most(
            Code::OrderRate,
            count(1) + Decimal::ONE,
            Decimal::from(limits.orders_per_second_max.max(10)),
        );
    }
    let second = count(1) + Decimal::ONE;
    if second > Decimal::from(limits.orders_per_second_max) {
        return checks.at_most(Code::OrderRate, second, Decimal::from(limits.orders_per_second_max));
    }
    if matches!(request.origin.kind, OriginKind::Bot | OriginKind::Agent) {
        let own = Decimal::from(view.activity.orders_of_origin_within(view.now, 60, request)) + Decimal::ONE;
        if own > Decimal::from(limits.automation_orders_per_minute_max) {
            return checks.at_most(
                Code::OrderRate,
                own,
                Decimal::from(limits.automation_orders_per_minute_max),
            );
        }
    }
    checks.at_most(Code::OrderRate, count(60) + Decimal::ONE, Decimal::from(limits.orders_per_minute_max));
}

fn duplicate(context: &Context<'_>, checks: &mut Checks) {
    let (view, request) = (context.view, context.request);
    if request.allow_duplicate || view.replacing || view.bar_mode {
        return checks.skip(Code::Duplicate);
    }
    let seconds = view.limits.duplicate_seconds;
    let repeated = view.activity.is_repeated_within(view.now, i64::from(seconds), request);
    let unknown = view.working.iter().any(|order| {
        order.status == OrderStatus::Unknown
            && order.request.subject == request.subject
            && order.request.side == request.side
            && order.request.quantity == request.quantity
            && order.request.pricing.limit_price() == request.pricing.limit_price()
    });
    if repeated || unknown {
        checks.fail(
            Code::Duplicate,
            format!("within_seconds={seconds} the same order was placed; --allow-duplicate if it is meant"),
        );
    } else {
        checks.put(Code::Duplicate, true);
    }
}
