//! Is the order too large: by units, by money, by position; everything together is `exposure`.

use rust_decimal::Decimal;

use crate::domain::account::AccountMode;
use crate::domain::denial::{DenialCode as Code, Verdict};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::option::Right;

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
    super::exposure::run(context, checks);
    open_orders(context, checks);
    losses(context, checks);
}

/// Two rules: many times what is usual here, and too much of what trades in a day. Either may not be measurable, for want of orders or of a
/// volume: the other one decides then, and the check says what was missing. A real share of which neither is known is denied (K6).
fn fat_finger(context: &Context<'_>, checks: &mut Checks) {
    let (view, limits) = (context.view, context.view.limits);
    let (mut measured, mut no_habit, mut no_volume) = (false, false, false);
    for part in &context.parts {
        let usual = view
            .activity
            .usual_quantity(part.instrument)
            .map(|usual| usual.get().checked_mul(limits.fat_finger_multiple).unwrap_or(Decimal::MAX));
        let volume = view.market.average_volume(part.instrument).filter(|v| *v > Decimal::ZERO);
        let share =
            volume.map(|volume| volume.saturating_mul(limits.volume_percent_max) / Decimal::ONE_HUNDRED);
        no_habit |= usual.is_none();
        no_volume |= share.is_none();
        let live_share =
            view.account.mode == AccountMode::Live && part.instrument.asset_class() == AssetClass::Equity;
        if live_share && share.is_none() && usual.is_none() {
            return checks.fail(Code::FatFinger, format!("instrument={} {NEITHER}", part.instrument));
        }
        for most in [usual, share].into_iter().flatten() {
            measured = true;
            if part.quantity.get() > most {
                return checks.numbers(Code::FatFinger, false, part.quantity.get(), most);
            }
        }
    }
    let missing = match (no_habit, no_volume) {
        (true, true) => NEITHER,
        (true, false) => "fewer than 5 orders",
        (false, true) => "no 20-day volume",
        (false, false) => return checks.put(Code::FatFinger, true),
    };
    checks.noted(Code::FatFinger, if measured { Verdict::Pass } else { Verdict::Skip }, missing);
}

/// What is missing where nothing can be measured by.
const NEITHER: &str = "no 20-day volume, fewer than 5 orders";

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

/// What has had no price since the start may have lost everything meanwhile: with that too, the day's loss must be within its limit (K6).
/// What is owed of it has no bound.
fn unpriced_loss(context: &Context<'_>) -> Result<Decimal, String> {
    if context.view.blind {
        return Err("what is held has no price yet: nobody knows the day's loss".to_owned());
    }
    let mut most = Decimal::ZERO;
    for (instrument, holding) in context.view.portfolio.holdings().filter(|(_, it)| it.is_of_before()) {
        let rate = context.view.portfolio.rate(holding.currency);
        match (holding.quantity.is_negative(), rate) {
            (false, Some(rate)) => {
                most = most.saturating_add(holding.value().max(Decimal::ZERO).saturating_mul(rate))
            }
            _ => return Err(format!("instrument={instrument} has had no price since the start")),
        }
    }
    Ok(most)
}

fn daily_loss(context: &Context<'_>, checks: &mut Checks) {
    let (account, limits) = (context.view.account, context.view.limits);
    let (start, limit) = (account.day_start_equity, limits.daily_loss_percent);
    if start <= Decimal::ZERO {
        let note = format!("day_start_equity={} is not positive", start.normalize());
        return checks.fail(Code::DailyLoss, note);
    }
    let lost = percent(-account.day_pnl, start);
    if lost >= limit {
        return checks.numbers(Code::DailyLoss, false, lost, limit);
    }
    match unpriced_loss(context) {
        Err(why) => checks.fail(Code::DailyLoss, why),
        Ok(more) if percent(more.saturating_sub(account.day_pnl), start) >= limit => {
            let worst = percent(more.saturating_sub(account.day_pnl), start);
            let note = format!("unpriced since the start: the loss may be {worst} % with limit={limit}");
            checks.fail(Code::DailyLoss, note);
        }
        Ok(_) => checks.numbers(Code::DailyLoss, true, lost, limit),
    }
}

fn losses(context: &Context<'_>, checks: &mut Checks) {
    let (account, limits) = (context.view.account, context.view.limits);
    daily_loss(context, checks);
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
