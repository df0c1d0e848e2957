//! Does the order fit the market: hours, quote age, spread, collar.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::core::lifecycle::package_multiplier;
use crate::domain::account::AccountMode;
use crate::domain::calendar::MarketPhase;
use crate::domain::denial::DenialCode as Code;
use crate::domain::instrument::AssetClass;
use crate::domain::money::Price;
use crate::domain::order::{OrderSubject, Pricing, Slices, TimeInForce};
use crate::domain::quote::{Feed, Quote};

use super::{Checks, Context, Part, percent};

pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    hours(context, checks);
    stale(context, checks);
    spread(context, checks);
    collar(context, checks);
}

fn hours(context: &Context<'_>, checks: &mut Checks) {
    let (view, request) = (context.view, context.request);
    let waits = matches!(request.time_in_force, TimeInForce::Opg | TimeInForce::Cls);
    if !request.pricing.is_at_market() || waits || view.bar_mode || view.never_closed {
        return checks.skip(Code::MarketClosed);
    }
    let closed = context.parts.iter().find(|part| view.market.phase(part.instrument) != MarketPhase::Regular);
    match closed {
        Some(part) => checks.fail(Code::MarketClosed, format!("instrument={}", part.instrument)),
        None => checks.put(Code::MarketClosed, true),
    }
}

/// Seconds of age, and what is allowed; `None` where there is no quote at all.
fn stale(context: &Context<'_>, checks: &mut Checks) {
    let (view, limits) = (context.view, context.view.limits);
    let market_like = !matches!(
        context.request.pricing,
        Pricing::Limit { .. } | Pricing::StopLimit { .. } | Pricing::Oco { .. }
    );
    let allowed = if market_like { limits.quote_age_market_seconds } else { limits.quote_age_limit_seconds };
    for part in &context.parts {
        let Some(quote) = part.quote else {
            return checks.fail(Code::StaleQuote, format!("instrument={} has no quote", part.instrument));
        };
        if view.account.mode == AccountMode::Live && quote.feed != Feed::RealTime {
            return checks.fail(Code::StaleQuote, format!("instrument={} feed is not live", part.instrument));
        }
        let unusable = match (quote.bid, quote.ask) {
            (Some(bid), Some(ask)) => bid > ask,
            _ => true,
        };
        if market_like && unusable {
            return checks.fail(
                Code::StaleQuote,
                format!("instrument={} book is one-sided or crossed", part.instrument),
            );
        }
        if part.far_side().is_none() {
            return checks.fail(Code::StaleQuote, format!("instrument={} has no price", part.instrument));
        }
        // On bars the newest complete bar is the quote, however long ago its interval began. A quote from the future is no newer than one
        // as far in the past: one of the two clocks is wrong.
        let age = view.now.duration_since(quote.as_of).abs();
        if view.prices_age && view.clock_back_at.is_some_and(|at| quote.as_of <= at) {
            let instrument = part.instrument;
            return checks
                .fail(Code::StaleQuote, format!("instrument={instrument} the clock went back since"));
        }
        if view.prices_age && age > SignedDuration::from_secs(i64::from(allowed)) {
            let seconds = Decimal::new(i64::try_from(age.as_millis()).unwrap_or(i64::MAX), 3);
            return checks.numbers(Code::StaleQuote, false, seconds, Decimal::from(allowed));
        }
    }
    checks.put(Code::StaleQuote, true);
}

fn spread(context: &Context<'_>, checks: &mut Checks) {
    if !context.request.pricing.is_at_market() {
        return checks.skip(Code::SpreadTooWide);
    }
    let mut widest = (Decimal::ZERO, context.view.limits.spread_percent_max);
    for part in &context.parts {
        let limit = if part.instrument.asset_class() == AssetClass::Option {
            context.view.limits.spread_percent_max_option
        } else {
            context.view.limits.spread_percent_max
        };
        let Some((mid, spread)) = part.quote.and_then(|quote| quote.mid().zip(quote.spread())) else {
            continue;
        };
        let percent = if mid.is_positive() { percent(spread.get(), mid.get()) } else { Decimal::MAX };
        if percent > widest.0 {
            widest = (percent, limit);
        }
        if percent > limit {
            return checks.numbers(Code::SpreadTooWide, false, percent, limit);
        }
    }
    checks.numbers(Code::SpreadTooWide, true, widest.0, widest.1);
}

/// How far a limit may be beyond the opposite side of the market: per cent, and a floor in money for options.
fn allowance(class: AssetClass, price: Price) -> Decimal {
    let percent = match class {
        AssetClass::Equity if price >= Price::from(25) => 5,
        AssetClass::Equity if price >= Price::from(1) => 10,
        AssetClass::Equity => 30,
        AssetClass::Option => 25,
        AssetClass::Fx => 1,
        AssetClass::Crypto | AssetClass::Perpetual | AssetClass::Token => 5,
    };
    let by_percent = price.get().abs() * Decimal::new(percent, 2);
    if class == AssetClass::Option { by_percent.max(Decimal::new(25, 2)) } else { by_percent }
}

fn collar(context: &Context<'_>, checks: &mut Checks) {
    if let OrderSubject::Legs(_) = &context.request.subject {
        return package_collar(context, checks);
    }
    let part = &context.parts[0];
    let Some(quote) = part.quote else { return checks.skip(Code::PriceCollar) };
    // A child of a bracket is judged against its parent's price, not against today's market.
    if context.request.contingency.parent.is_some() {
        return checks.skip(Code::PriceCollar);
    }
    let buy = context.request.side.is_buy();
    let Some(far_side) = part.far_side() else { return checks.skip(Code::PriceCollar) };
    match context.request.pricing {
        Pricing::Limit { limit_price } => limit_collar(part, buy, limit_price, far_side, checks),
        Pricing::StopLimit { stop_price, limit_price } => {
            if !stop_is_ahead(quote, buy, stop_price) {
                return wrong_stop(quote, stop_price, checks);
            }
            limit_collar(part, buy, limit_price, stop_price, checks);
        }
        Pricing::Oco { stop_price, .. } if !stop_is_ahead(quote, buy, stop_price) => {
            wrong_stop(quote, stop_price, checks)
        }
        Pricing::Oco { limit_price, .. } | Pricing::Twap(Slices { limit_price: Some(limit_price), .. }) => {
            limit_collar(part, buy, limit_price, far_side, checks);
        }
        Pricing::Stop { stop_price } if !stop_is_ahead(quote, buy, stop_price) => {
            wrong_stop(quote, stop_price, checks)
        }
        _ => checks.put(Code::PriceCollar, true),
    }
}

fn limit_collar(part: &Part<'_>, buy: bool, limit: Price, far_side: Price, checks: &mut Checks) {
    let allowance = allowance(part.instrument.asset_class(), far_side);
    let worst = if buy { far_side.get() + allowance } else { far_side.get() - allowance };
    let passes = if buy { limit.get() <= worst } else { limit.get() >= worst };
    checks.numbers(Code::PriceCollar, passes, limit.get(), worst);
}

/// The net of a package: no more may be paid (or less received) than its legs cost at the market, and the allowance of its dearest class.
fn package_collar(context: &Context<'_>, checks: &mut Checks) {
    let request = context.request;
    let Some(limit) = request.pricing.limit_price() else { return checks.skip(Code::PriceCollar) };
    if !request.quantity.is_positive() {
        return checks.skip(Code::PriceCollar);
    }
    let mut natural = Decimal::ZERO;
    for part in &context.parts {
        let Some(price) = part.far_side() else { return checks.skip(Code::PriceCollar) };
        natural += price.get() * part.signed() * part.multiplier();
    }
    let natural = natural / request.quantity.get() / package_multiplier(&request.subject);
    let only_options = context.parts.iter().all(|part| part.instrument.as_option().is_some());
    let class = if only_options { AssetClass::Option } else { AssetClass::Equity };
    let worst = natural + allowance(class, Price::new(natural.abs()));
    // Said on the package's own side: a credit as the least received.
    let (net, sign) = (limit.get() * request.side.sign(), request.side.sign());
    checks.numbers(Code::PriceCollar, net <= worst, limit.get(), worst * sign);
}

/// A buy stop lies above the market, a sell stop below it.
fn stop_is_ahead(quote: &Quote, buy: bool, stop: Price) -> bool {
    let reference = if buy { quote.ask } else { quote.bid }.or(quote.last);
    reference.is_none_or(|price| if buy { stop > price } else { stop < price })
}

fn wrong_stop(quote: &Quote, stop: Price, checks: &mut Checks) {
    let market = quote.last.or_else(|| quote.mid()).unwrap_or_default();
    checks.numbers(Code::PriceCollar, false, stop.get(), market.get());
}
