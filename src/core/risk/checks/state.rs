//! May anything go out: kill switch, broker, authority, rates, repetition.

use rust_decimal::Decimal;

use crate::domain::account::AccountMode;
use crate::domain::denial::DenialCode as Code;
use crate::domain::limits::TradingState;
use crate::domain::order::{OrderStatus, OriginKind};
use crate::domain::strategy::Lock;

use super::{Checks, Context};

/// Orders a second that only reduce (reliability 4.2); more where more may be opened.
const REDUCING_PER_SECOND_MAX: u32 = 10;

/// Kill switch, broker, authority.
pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    let (view, request) = (context.view, context.request);
    let human_close = request.origin.kind.is_human() && context.reduces;
    let protective_exit = request.origin.kind == OriginKind::Exit && context.reduces;
    checks.put(Code::Halted, view.trading_state != TradingState::Halted || human_close || protective_exit);
    checks.put(Code::ReducingOnly, view.trading_state != TradingState::ReducingOnly || context.reduces);
    // What protects or closes goes out whatever is not agreed; a person knows what automation does not.
    if view.automation_paused && !request.origin.kind.is_human() && !context.reduces {
        checks.fail(Code::AccountUnreconciled, "automation waits there until a person accepts why (resume)");
    } else {
        let by_hand = view.overridden && request.origin.kind.is_human();
        checks.put(Code::AccountUnreconciled, view.reconciled || by_hand || context.reduces);
    }
    // A broker that answers no order is still asked to take what closes.
    checks.put(Code::BrokerDown, view.broker_up && (!view.circuit_open || context.reduces));
    // No broker of this program sends restrictions: there is nothing to pass.
    checks.skip(Code::AccountRestricted);
    checks.put(Code::NotAuthorised, view.account.mode == AccountMode::Paper || view.live_armed);
}

/// Too many, or the same again.
pub(super) fn pace(context: &Context<'_>, checks: &mut Checks) {
    rates(context, checks);
    duplicate(context, checks);
}

/// No broker of this program sends a clock to compare with. Locks hold automation that opens: a person is told of them, what reduces is not.
pub(super) fn guards(context: &Context<'_>, checks: &mut Checks) {
    checks.skip(Code::ClockSkew);
    let (view, request) = (context.view, context.request);
    let concerns = |lock: &&Lock| {
        lock.until > view.now
            && lock.instrument.as_ref().is_none_or(|only| {
                let parts = context.parts.iter().map(|part| part.instrument);
                parts.clone().any(|it| it == only) || parts.map(|it| it.price_driver()).any(|it| it == *only)
            })
    };
    if context.reduces {
        return checks.skip(Code::Protect);
    }
    match view.locks.iter().find(concerns) {
        None => checks.put(Code::Protect, true),
        Some(lock) => {
            let note = format!("until={} {}", lock.until, lock.reason);
            match request.origin.kind.is_human() || request.origin.kind == OriginKind::Exit {
                true => checks.told(Code::Protect, note),
                false => checks.fail(Code::Protect, note),
            }
        }
    }
}

fn rates(context: &Context<'_>, checks: &mut Checks) {
    let (view, request, limits) = (context.view, context.request, context.view.limits);
    if view.bar_mode && limits.orders_per_minute_max == u32::MAX {
        return checks.skip(Code::OrderRate);
    }
    let count = |seconds| {
        Decimal::from(view.activity.orders_within(view.now, seconds, context.reduces)) + Decimal::ONE
    };
    if context.reduces {
        // What only reduces has a bucket of its own, so that nothing that opens can keep an exit waiting.
        let most = limits.orders_per_second_max.max(REDUCING_PER_SECOND_MAX);
        return checks.at_most(Code::OrderRate, count(1), Decimal::from(most));
    }
    let second = count(1);
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
    checks.at_most(Code::OrderRate, count(60), Decimal::from(limits.orders_per_minute_max));
}

fn duplicate(context: &Context<'_>, checks: &mut Checks) {
    let (view, request) = (context.view, context.request);
    // Only a person can mean the same order twice.
    let meant = request.allow_duplicate && request.origin.kind.is_human();
    if meant || view.replaces.is_some() || view.bar_mode {
        return checks.skip(Code::Duplicate);
    }
    let seconds = view.limits.duplicate_seconds;
    // Nobody knows what an order in doubt has done: nothing but a person adds to it meanwhile (reliability J6).
    let in_doubt = !request.origin.kind.is_human()
        && !context.reduces
        && view.working.naming(context.parts[0].instrument).any(|order| {
            order.status == OrderStatus::Unknown && order.request.side.is_buy() == request.side.is_buy()
        });
    if in_doubt {
        return checks
            .fail(Code::Duplicate, "an order on this side is in doubt: nothing but a person adds to it");
    }
    // A plan has one order at a time: what it closes after a target may look just like the target.
    let by_plan = request.origin.kind == OriginKind::Exit && request.reduce_only && context.reduces;
    let repeated = !by_plan && view.activity.is_repeated_within(view.now, i64::from(seconds), request);
    let unknown = view.working.naming(context.parts[0].instrument).any(|order| {
        order.status == OrderStatus::Unknown
            && order.request.subject == request.subject
            && order.request.side == request.side
            && order.request.size() == request.size()
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
