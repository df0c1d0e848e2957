//! Can the account pay, deliver and bear it: buying power, short sales, options.

use rust_decimal::Decimal;

use crate::domain::account::AccountKind;
use crate::domain::denial::DenialCode as Code;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::limits::DayTradeRule;
use crate::domain::money::Quantity;
use crate::domain::option::Right;
use crate::domain::order::{OrderSubject, PositionEffect, Side};

use super::{Checks, Context, Part};

pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    wash(context, checks);
    buying_power(context, checks);
    short_sale(context, checks);
    sell_exceeds(context, checks);
    options(context, checks);
    day_trade(context, checks);
    would_increase(context, checks);
}

fn wash(context: &Context<'_>, checks: &mut Checks) {
    let request = context.request;
    let OrderSubject::Instrument(instrument) = &request.subject else { return checks.skip(Code::WashCross) };
    let limit = request.pricing.limit_price();
    let crosses = context.view.rivals(request, instrument).find(|order| {
        let other = &order.request;
        if other.side.is_buy() == request.side.is_buy()
            || other.pricing.order_type() == crate::domain::order::OrderType::Stop
        {
            return false;
        }
        let Some(theirs) = other.pricing.limit_price() else { return false };
        match limit {
            Some(ours) if request.side.is_buy() => ours >= theirs,
            Some(ours) => ours <= theirs,
            // A market order meets a resting order only where that is the best of the market.
            None => context.parts[0].quote.is_some_and(|quote| {
                if request.side.is_buy() {
                    quote.ask.is_some_and(|ask| theirs <= ask)
                } else {
                    quote.bid.is_some_and(|bid| theirs >= bid)
                }
            }),
        }
    });
    match crosses {
        Some(order) => checks.fail(Code::WashCross, format!("own_order={}", order.number)),
        None => checks.put(Code::WashCross, true),
    }
}

fn buying_power(context: &Context<'_>, checks: &mut Checks) {
    let account = context.view.account;
    let need = context.cost.buying_power;
    if context.reduces {
        checks.skip(Code::BuyingPower);
        checks.skip(Code::CashSettled);
        return;
    }
    if context.cost.price.is_none() {
        checks.fail(Code::BuyingPower, "no price to measure by");
    } else {
        checks.at_most(Code::BuyingPower, need, account.buying_power);
    }
    if account.kind == AccountKind::Cash {
        let free = account.settled_cash - account.reserved;
        checks.at_most(
            Code::CashSettled,
            need.min(context.cost.cost + context.cost.fees).max(Decimal::ZERO),
            free.max(Decimal::ZERO),
        );
    } else {
        checks.skip(Code::CashSettled);
    }
}

fn opens_short(part: &Part<'_>) -> bool {
    !part.side.is_buy() && part.after().is_negative()
}

fn short_sale(context: &Context<'_>, checks: &mut Checks) {
    let view = context.view;
    let short = |part: &&Part<'_>| {
        part.side == Side::SellShort || (opens_short(part) && part.instrument.asset_class() == AssetClass::Fx)
    };
    let Some(part) = context.parts.iter().find(short) else {
        for code in [Code::ShortNotAllowed, Code::NotShortable, Code::HardToBorrow, Code::ShortSaleRestricted]
        {
            checks.skip(code);
        }
        return;
    };
    let allowed =
        view.limits.allow_short && view.capabilities.short_sales && view.account.kind == AccountKind::Margin;
    checks.put(Code::ShortNotAllowed, allowed);
    checks.put(Code::NotShortable, part.spec.is_some_and(|spec| spec.shortable));
    checks.put(Code::HardToBorrow, part.spec.is_some_and(|spec| spec.easy_to_borrow || !spec.shortable));
    checks.skip(Code::ShortSaleRestricted);
}

/// A plain sell never turns into a short: what is held, less what other sells have claimed, must cover it.
fn sell_exceeds(context: &Context<'_>, checks: &mut Checks) {
    let mut ran = false;
    for part in &context.parts {
        let plain = part.side == Side::Sell
            && !matches!(
                part.instrument.asset_class(),
                AssetClass::Option | AssetClass::Perpetual | AssetClass::Fx
            );
        let cover = part.side == Side::BuyToCover;
        if !(plain || cover) || context.request.contingency.parent.is_some() {
            continue;
        }
        ran = true;
        let claimed: Decimal = context
            .view
            .rivals(context.request, part.instrument)
            .filter(|order| {
                order.request.side.is_buy() == part.side.is_buy()
                    && order.request.contingency.parent.is_none()
            })
            .map(|order| order.leaves_quantity().get())
            .sum();
        let held =
            if cover { (-part.held.get()).max(Decimal::ZERO) } else { part.held.get().max(Decimal::ZERO) };
        let free = (held - claimed).max(Decimal::ZERO);
        if part.quantity.get() > free {
            return checks.numbers(Code::SellExceedsPosition, false, part.quantity.get(), free);
        }
    }
    if ran { checks.put(Code::SellExceedsPosition, true) } else { checks.skip(Code::SellExceedsPosition) }
}

/// The level an order needs: 1 covered writing, 2 long options, 3 spreads, 4 uncovered.
fn options(context: &Context<'_>, checks: &mut Checks) {
    let opening: Vec<&Part<'_>> = context
        .parts
        .iter()
        .filter(|part| {
            part.instrument.asset_class() == AssetClass::Option && part.after().abs() > part.held.abs()
        })
        .collect();
    if opening.is_empty() || context.request.position_effect == Some(PositionEffect::Close) {
        for code in [Code::OptionsLevel, Code::UncoveredCall, Code::UnsecuredPut] {
            checks.skip(code);
        }
        return;
    }
    let account = context.view.account;
    let level = account.options_level;
    let uncovered = uncovered_calls(context);
    let naked_put = unpaired_short(context, Right::Put);
    let spread = context.parts.len() > 1 && opening.iter().any(|part| !part.side.is_buy());
    let beyond_power = context.cost.buying_power > account.buying_power;
    let naked = naked_put.is_positive() && account.kind == AccountKind::Margin && beyond_power;
    let needs: u8 = if uncovered.is_positive() || naked {
        4
    } else if spread {
        3
    } else if opening.iter().any(|part| part.side.is_buy()) {
        2
    } else {
        1
    };
    let passes = level >= needs;
    checks.numbers(Code::OptionsLevel, passes, Decimal::from(needs), Decimal::from(level));
    if level >= 4 && account.kind == AccountKind::Margin {
        checks.skip(Code::UncoveredCall);
    } else {
        checks.numbers(Code::UncoveredCall, uncovered.is_zero(), uncovered.get(), Decimal::ZERO);
    }
    if naked_put.is_positive() && account.kind == AccountKind::Cash {
        checks.at_most(Code::UnsecuredPut, context.cost.buying_power, account.buying_power);
    } else {
        checks.skip(Code::UnsecuredPut);
    }
}

/// Contracts of a right that would be short with no long of the same underlying beside them.
fn unpaired_short(context: &Context<'_>, right: Right) -> Quantity {
    let Some(Instrument::Option(first)) =
        context.parts.iter().map(|p| p.instrument).find(|i| i.as_option().is_some())
    else {
        return Quantity::ZERO;
    };
    let mut net = Decimal::ZERO;
    let mut shorts = Decimal::ZERO;
    let touched = |instrument: &Instrument| context.parts.iter().any(|part| part.instrument == instrument);
    let held = context.view.portfolio.holdings().filter(|(i, _)| !touched(i)).map(|(i, h)| (i, h.quantity));
    let after = context.parts.iter().map(|part| (part.instrument, part.after()));
    for (instrument, quantity) in held.chain(after) {
        if let Instrument::Option(contract) = instrument
            && contract.underlying == first.underlying
            && contract.right == right
        {
            net += quantity.get();
            if quantity.is_negative() {
                shorts += -quantity.get();
            }
        }
    }
    Quantity::new((-net).max(Decimal::ZERO).min(shorts))
}

/// Short calls beyond what shares, longs and working orders leave covered.
fn uncovered_calls(context: &Context<'_>) -> Quantity {
    let Some(Instrument::Option(first)) =
        context.parts.iter().map(|p| p.instrument).find(|i| i.as_option().is_some())
    else {
        return Quantity::ZERO;
    };
    let share = Instrument::Equity { symbol: first.underlying.clone() };
    let bought: Decimal =
        context.parts.iter().filter(|p| *p.instrument == share).map(|p| p.after().get() - p.held.get()).sum();
    let shares = context.view.portfolio.quantity(&share).get() + bought;
    let pending: Decimal = context
        .view
        .working
        .iter()
        .filter(|order| !order.request.side.is_buy() && order.request.contingency.parent.is_none())
        .filter(|order| matches!(order.request.subject.instrument(), Some(Instrument::Option(c)) if c.underlying == first.underlying && c.right == Right::Call))
        .map(|order| order.leaves_quantity().get())
        .sum();
    let short = unpaired_short(context, Right::Call).get();
    if short.is_zero() {
        return Quantity::ZERO;
    }
    let covered = (shares / Decimal::ONE_HUNDRED).floor().max(Decimal::ZERO);
    Quantity::new((short + pending - covered).max(Decimal::ZERO))
}

fn day_trade(context: &Context<'_>, checks: &mut Checks) {
    let account = context.view.account;
    match context.view.limits.day_trade_rule {
        DayTradeRule::IntradayMargin if account.kind == AccountKind::Margin && !context.reduces => {
            let value = account.long_market_value + context.cost.cost.max(Decimal::ZERO);
            let need = value * Decimal::new(25, 2);
            checks.at_most(Code::DayTrade, need, account.net_liquidation);
        }
        // The paper venue flags nothing, and nothing flagged is nothing to obey.
        _ => checks.skip(Code::DayTrade),
    }
}

fn would_increase(context: &Context<'_>, checks: &mut Checks) {
    // A child of a bracket reduces what its parent will have opened.
    if context.request.reduce_only && context.request.contingency.parent.is_none() {
        checks.put(Code::WouldIncrease, context.reduces);
    } else {
        checks.skip(Code::WouldIncrease);
    }
}
