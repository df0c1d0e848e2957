//! Can the account pay, deliver and bear it: buying power, short sales, options.

use rust_decimal::Decimal;

use crate::domain::account::AccountKind;
use crate::domain::calendar::exchange_date;
use crate::domain::denial::DenialCode as Code;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::limits::DayTradeRule;
use crate::domain::money::Price;
use crate::domain::order::{Order, OrderRequest, OrderStatus, OrderSubject, OriginKind, Pricing, Side};
use crate::domain::quote::Quote;

use super::super::view::RiskView;
use super::{Checks, Context, Part, Unrated};

pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    wash(context, checks);
    buying_power(context, checks);
    short_sale(context, checks);
    sell_exceeds(context, checks);
    super::options::run(context, checks);
    day_trade(context, checks);
    would_increase(context, checks);
}

fn wash(context: &Context<'_>, checks: &mut Checks) {
    let request = context.request;
    let OrderSubject::Instrument(instrument) = &request.subject else { return checks.skip(Code::WashCross) };
    let quote = context.parts[0].quote;
    let first = crossing(context.view, request, instrument, quote).next();
    match first {
        Some(order) => {
            let price = resting_price(&order.request, quote).unwrap_or_default();
            checks.fail(Code::WashCross, format!("own_order={} price={price}", order.number));
        }
        None => checks.put(Code::WashCross, true),
    }
}

/// Orders of ours that an order would trade with. One that is on its way out, or of which nobody knows whether it is there, does not keep the
/// exit of a plan from going.
pub(super) fn crossing<'a>(
    view: &'a RiskView<'_>,
    request: &'a OrderRequest,
    instrument: &'a Instrument,
    quote: Option<&'a Quote>,
) -> impl Iterator<Item = &'a Order> {
    let buy = request.side.is_buy();
    let protects = request.origin.kind == OriginKind::Exit && request.reduce_only;
    view.rivals(request, instrument).filter(move |order| {
        let doubtful = matches!(order.status, OrderStatus::PendingCancel | OrderStatus::Unknown);
        let Some(theirs) = resting_price(&order.request, quote).filter(|_| !(protects && doubtful)) else {
            return false;
        };
        order.request.side.is_buy() != buy && meets(&request.pricing, buy, theirs, quote)
    })
}

/// Where another order rests in the book; nowhere while it waits for its trigger.
fn resting_price(order: &OrderRequest, quote: Option<&Quote>) -> Option<Price> {
    match order.pricing {
        Pricing::Limit { limit_price } | Pricing::Oco { limit_price, .. } => Some(limit_price),
        Pricing::StopLimit { stop_price, limit_price } => {
            let last = quote?.last.or_else(|| quote?.mark())?;
            let traded = if order.side.is_buy() { last >= stop_price } else { last <= stop_price };
            traded.then_some(limit_price)
        }
        Pricing::Market | Pricing::Stop { .. } | Pricing::TrailingStop { .. } | Pricing::Twap(_) => None,
    }
}

/// Would an order of this pricing trade with one of ours that rests at `theirs`.
fn meets(pricing: &Pricing, buy: bool, theirs: Price, quote: Option<&Quote>) -> bool {
    match *pricing {
        Pricing::Limit { limit_price } | Pricing::Oco { limit_price, .. } if buy => limit_price >= theirs,
        Pricing::Limit { limit_price } | Pricing::Oco { limit_price, .. } => limit_price <= theirs,
        // A market order meets a resting order only where that is the best of the market.
        Pricing::Market | Pricing::Twap(_) if buy => {
            quote.and_then(|q| q.ask).is_some_and(|ask| theirs <= ask)
        }
        Pricing::Market | Pricing::Twap(_) => quote.and_then(|q| q.bid).is_some_and(|bid| theirs >= bid),
        // Between trigger and limit; what rests on the near side of the trigger has traded by then.
        Pricing::StopLimit { stop_price, limit_price } if buy => (stop_price..=limit_price).contains(&theirs),
        Pricing::StopLimit { stop_price, limit_price } => (limit_price..=stop_price).contains(&theirs),
        Pricing::Stop { .. } | Pricing::TrailingStop { .. } => false,
    }
}

fn buying_power(context: &Context<'_>, checks: &mut Checks) {
    let account = context.view.account;
    let need = context.cost.buying_power;
    // A sale of shares reduces, and yet needs money where it leaves written calls naked.
    if context.reduces && need.is_zero() {
        checks.skip(Code::BuyingPower);
        checks.skip(Code::CashSettled);
        return;
    }
    if context.cost.price.is_none() {
        checks.fail(Code::BuyingPower, "no price to measure by");
    } else if let Some(currency) = context.cost.unrated {
        checks.fail(Code::BuyingPower, Unrated(currency));
    } else {
        checks.at_most(Code::BuyingPower, need, account.buying_power);
    }
    if account.kind == AccountKind::Cash {
        let free = account.settled_cash.saturating_sub(account.reserved);
        checks.at_most(
            Code::CashSettled,
            need.min(context.cost.cost.saturating_add(context.cost.fees)).max(Decimal::ZERO),
            free.max(Decimal::ZERO),
        );
    } else {
        checks.skip(Code::CashSettled);
    }
}

fn opens_short(part: &Part<'_>) -> bool {
    !part.side.is_buy() && part.opening.is_positive()
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
    // What cannot be borrowed at all is not hard to borrow.
    if part.spec.is_some_and(|spec| spec.shortable) {
        checks.put(Code::HardToBorrow, part.spec.is_some_and(|spec| spec.easy_to_borrow));
    } else {
        checks.skip(Code::HardToBorrow);
    }
    restricted(context, part, checks);
}

/// Under the restriction a short sale must rest above the bid: whatever may trade at it or below is denied.
fn restricted(context: &Context<'_>, part: &Part<'_>, checks: &mut Checks) {
    let share = part.instrument.asset_class() == AssetClass::Equity;
    if !share || !context.view.market.short_sale_restricted(part.instrument) {
        return checks.put(Code::ShortSaleRestricted, true);
    }
    let bid = part.quote.and_then(|quote| quote.bid);
    match (context.request.pricing, bid) {
        (Pricing::Limit { limit_price }, Some(bid)) if context.parts.len() == 1 => {
            checks.numbers(Code::ShortSaleRestricted, limit_price > bid, limit_price.get(), bid.get());
        }
        (_, Some(_)) => checks.fail(Code::ShortSaleRestricted, "only a limit above the bid is let through"),
        (_, None) => checks.fail(Code::ShortSaleRestricted, "no bid to be above"),
    }
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
        // What is held and not claimed; nothing of it is on the other side of the market.
        let held = if cover { -part.free.get() } else { part.free.get() };
        let free = held.max(Decimal::ZERO);
        if part.quantity.get() > free {
            return checks.numbers(Code::SellExceedsPosition, false, part.quantity.get(), free);
        }
    }
    if ran { checks.put(Code::SellExceedsPosition, true) } else { checks.skip(Code::SellExceedsPosition) }
}

/// Equity from which the pattern-day-trader rule does not bind, and the day trades in five sessions that it lets pass below it.
const PDT_EQUITY: i64 = 25_000;
const PDT_TRADES_MAX: i64 = 3;

fn opens_security(context: &Context<'_>) -> bool {
    let security = |part: &Part<'_>| {
        matches!(part.instrument.asset_class(), AssetClass::Equity | AssetClass::Option)
            && part.opening.is_positive()
    };
    context.parts.iter().any(security)
}

fn day_trade(context: &Context<'_>, checks: &mut Checks) {
    let account = context.view.account;
    match context.view.limits.day_trade_rule {
        DayTradeRule::IntradayMargin if account.kind == AccountKind::Margin && !context.reduces => {
            let value = account.long_market_value.saturating_add(context.cost.cost.max(Decimal::ZERO));
            let need = value.saturating_mul(Decimal::new(25, 2));
            checks.at_most(Code::DayTrade, need, account.net_liquidation);
        }
        // What is opened may be closed today, and that close is never denied: it is the opening that must not come to a fourth.
        DayTradeRule::Pdt if account.kind == AccountKind::Margin && opens_security(context) => {
            if account.net_liquidation >= Decimal::from(PDT_EQUITY) {
                return checks.put(Code::DayTrade, true);
            }
            let trades = Decimal::from(context.view.day_trades) + Decimal::ONE;
            checks.at_most(Code::DayTrade, trades, Decimal::from(PDT_TRADES_MAX));
        }
        _ if account.kind == AccountKind::Cash => good_faith(context, checks),
        // The paper venue flags nothing, and nothing flagged is nothing to obey.
        _ => checks.skip(Code::DayTrade),
    }
}

/// A cash account may sell what unsettled money has bought, but brokers count it. Said, never denied.
fn good_faith(context: &Context<'_>, checks: &mut Checks) {
    let Some(rule) = context.view.good_faith else { return checks.skip(Code::DayTrade) };
    let today = exchange_date(context.view.now);
    let early = context
        .parts
        .iter()
        .filter(|part| !part.side.is_buy() && part.held.is_positive())
        .find_map(|part| rule.unpaid_until(part.instrument).filter(|settles| today < *settles));
    let Some(settles) = early else { return checks.skip(Code::DayTrade) };
    let number = rule.count(today) + 1;
    let note = format!("good_faith_violation={number} within 12 months: its money settles on {settles}");
    checks.told(Code::DayTrade, note);
}

fn would_increase(context: &Context<'_>, checks: &mut Checks) {
    // A child of a bracket reduces what its parent will have opened.
    if context.request.reduce_only && context.request.contingency.parent.is_none() {
        checks.put(Code::WouldIncrease, context.reduces);
    } else {
        checks.skip(Code::WouldIncrease);
    }
}
