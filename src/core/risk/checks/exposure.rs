//! Everything together: positions, working orders at their worst, and this one. Options count by what they move of their underlying, short
//! puts by their strikes (reliability 4.1).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::core::book::is_plain;
use crate::core::portfolio::cash_securing_puts;
use crate::domain::account::AccountKind;
use crate::domain::denial::DenialCode as Code;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{Order, OrderRequest, OrderStatus, OrderSubject};
use crate::domain::quote::Quote;

use super::super::cost::{along, estimate};
use super::super::delta::delta;
use super::super::rates::rate;
use super::super::view::{RiskView, linked};
use super::{Checks, Context, Part, Unrated, percent, rate_of};

pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    let (view, account) = (context.view, context.view.account);
    let equity = account.net_liquidation;
    let limit = match account.kind {
        AccountKind::Cash => view.limits.exposure_percent_max_cash,
        AccountKind::Margin => view.limits.exposure_percent_max_margin,
    };
    if equity <= Decimal::ZERO {
        return checks.numbers(Code::MaxExposure, false, equity, Decimal::ZERO);
    }
    match gross(&Measured { view, order: Some(context) }) {
        Ok(gross) => checks.at_most(Code::MaxExposure, percent(gross, equity), limit),
        Err(unrated) => checks.fail(Code::MaxExposure, unrated),
    }
}

/// What positions and working orders come to, in the account's currency: what the check of an order starts from. `None` where a currency
/// has no rate.
pub(in crate::core::risk) fn standing(view: &RiskView<'_>) -> Option<Decimal> {
    gross(&Measured { view, order: None }).ok()
}

/// What is measured: everything there is, and perhaps an order beside it.
struct Measured<'a> {
    view: &'a RiskView<'a>,
    order: Option<&'a Context<'a>>,
}

impl<'a> Measured<'a> {
    fn parts(&self) -> &'a [Part<'a>] {
        self.order.map_or(&[], |order| order.parts.as_slice())
    }

    fn rate(&self, instrument: &Instrument) -> Result<Decimal, Unrated> {
        rate_of(self.view, instrument)
    }
}

fn gross(context: &Measured<'_>) -> Result<Decimal, Unrated> {
    let (view, account) = (context.view, context.view.account);
    let unknown = view.portfolio.holdings().find(|(_, h)| {
        h.currency != account.currency && rate(view.portfolio, view.market, h.currency).is_none()
    });
    if let Some((_, holding)) = unknown {
        // It is not in the account's figures either.
        return Err(Unrated(holding.currency));
    }
    let held = Exposed::of(context, Decimal::ZERO)?;
    let values = account.long_market_value.saturating_add(account.short_market_value.abs());
    // The values of options are among the account's already.
    let options = held.total().saturating_sub(held.values());
    Ok(values.saturating_add(options).saturating_add(added(context, &held)?))
}

/// What working orders and this one may add to the value of the positions: for each instrument the worse of all its buys filling and all its
/// sells filling. Packages count by what they cost or may cost.
fn added(context: &Measured<'_>, held: &Exposed<'_>) -> Result<Decimal, Unrated> {
    let view = context.view;
    let mut sum = Decimal::ZERO;
    for order in view.working.packages().filter(|order| may_add(context, order)) {
        let cost = estimate(view.portfolio, view.market, view.fees, &order.request, order.leaves_quantity());
        sum = sum.saturating_add(cost.cost.abs().max(cost.buying_power));
    }
    let own = match (context.order, context.parts()) {
        (None, _) => None,
        (Some(order), [part]) if is_single(order) && part.instrument.as_option().is_none() => {
            let own = Some((order, part));
            sum = sum.saturating_add(added_in(context, part.instrument, part.held.get(), own)?);
            Some(part.instrument)
        }
        (Some(_), parts) if parts.iter().all(|part| underlying(part.instrument).is_some()) => {
            // What hedges adds less than it is worth, or nothing.
            let more = Exposed::of(context, Decimal::ONE)?.total().saturating_sub(held.total());
            sum = sum.saturating_add(more.max(Decimal::ZERO));
            None
        }
        (Some(order), _) => {
            sum = sum.saturating_add(order.cost.cost.abs().max(order.cost.buying_power));
            None
        }
    };
    for (instrument, line, held) in along(view.portfolio, view.working.lines()) {
        // Most working orders are exits, which add nothing.
        if !line.only_closes(held) && own != Some(instrument) {
            sum = sum.saturating_add(added_in(context, instrument, held, None)?);
        }
    }
    Ok(sum)
}

/// Does a working order count beside this one.
fn may_add(context: &Measured<'_>, order: &Order) -> bool {
    is_plain(&order.request)
        && order.status != OrderStatus::PendingReplace
        && context.order.is_none_or(|own| !linked(&order.request, own.request))
}

const fn is_single(order: &Context<'_>) -> bool {
    matches!(order.request.subject, OrderSubject::Instrument(_))
}

/// The same for one instrument, this order among its orders where it trades it.
fn added_in(
    context: &Measured<'_>,
    instrument: &Instrument,
    held: Decimal,
    own: Option<(&Context<'_>, &Part<'_>)>,
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
    if let Some((order, part)) = own {
        add(order.request, part.signed(), order.cost.price);
    }
    let worst = held.saturating_add(buys).abs().max(held.saturating_sub(sells).abs());
    let more = (worst - held.abs()).max(Decimal::ZERO).saturating_mul(price);
    Ok(more.saturating_mul(context.rate(instrument)?))
}

/// Money per unit of an order, in its instrument's currency: the strike of a put that is written, what an option moves of its underlying,
/// else the dearer of the mark and the order's own price.
fn exposed_price(
    context: &Measured<'_>,
    request: &OrderRequest,
    instrument: &Instrument,
    cost: Option<Price>,
) -> Decimal {
    let market = context.view.market;
    let multiplier = market.spec(instrument).map_or(Decimal::ONE, |spec| spec.multiplier);
    let own = request.pricing.limit_price().or(request.pricing.stop_price()).or(cost);
    let mark = market.quote(instrument).and_then(Quote::mark);
    let price = own.into_iter().chain(mark).max().unwrap_or_default().get();
    let price = match instrument {
        Instrument::Option(contract) if !request.side.is_buy() && contract.right == Right::Put => {
            contract.strike.get()
        }
        Instrument::Option(contract) => price.max(moved(context, contract).abs()),
        _ => price,
    };
    price.saturating_mul(multiplier)
}

/// What one unit of an option moves of its underlying: delta times the spot, signed. Without a spot the strike stands for it.
fn moved(context: &Measured<'_>, contract: &OptionContract) -> Decimal {
    let market = context.view.market;
    let share = Instrument::Equity { symbol: contract.underlying.clone() };
    let spot = market.quote(&share).and_then(Quote::mark).unwrap_or(contract.strike).get();
    delta(market, context.view.now, contract).saturating_mul(spot)
}

/// One underlying's options beside its shares, in the account's currency.
#[derive(Default)]
struct Beside {
    /// Value of the shares, signed.
    shares: Decimal,
    /// Values of the options, each positive, without short puts.
    values: Decimal,
    /// What they move of the underlying, signed: long calls and short puts up. Short puts count by their strikes instead.
    moved: Decimal,
}

impl Beside {
    /// Shares and options together: what hedges the shares does not add to them and does not take from them, and no option counts for less
    /// than its value.
    fn total(&self) -> Decimal {
        let together = self.shares.saturating_add(self.moved).abs().max(self.shares.abs());
        together.max(self.shares.abs().saturating_add(self.values))
    }
}

/// Options by underlying, and the strikes of short puts.
#[derive(Default)]
struct Exposed<'a> {
    by_underlying: BTreeMap<&'a Symbol, Beside>,
    /// Values of short puts, positive.
    short_puts: Decimal,
    /// Money for their strikes, less the width of spreads.
    secured: Decimal,
}

impl<'a> Exposed<'a> {
    /// All options held, and the underlyings of this order, once so much of the order has filled: nothing or all of it.
    fn of(context: &Measured<'a>, filled: Decimal) -> Result<Self, Unrated> {
        let mut exposed = Self::default();
        let mut units: BTreeMap<&'a OptionContract, Decimal> = BTreeMap::new();
        for (instrument, holding) in context.view.portfolio.holdings() {
            if let Instrument::Option(contract) = instrument {
                units.insert(contract, holding.quantity.get());
            }
        }
        for part in context.parts() {
            if let Instrument::Option(contract) = part.instrument {
                let held = units.entry(contract).or_default();
                *held = held.saturating_add(part.signed() * filled);
            } else if context.parts().len() > 1
                && let Some(symbol) = underlying(part.instrument)
            {
                exposed.by_underlying.entry(symbol).or_default();
            }
        }
        for (contract, units) in &units {
            exposed.add(context, contract, *units)?;
        }
        for (symbol, beside) in &mut exposed.by_underlying {
            beside.shares = shares_value(context, symbol, filled)?;
        }
        let options = units.iter().map(|(contract, units)| (*contract, Quantity::new(*units)));
        exposed.secured = cash_securing_puts(options);
        Ok(exposed)
    }

    fn add(
        &mut self,
        context: &Measured<'a>,
        contract: &'a OptionContract,
        units: Decimal,
    ) -> Result<(), Unrated> {
        let market = context.view.market;
        let instrument = Instrument::Option(contract.clone());
        let multiplier = market.spec(&instrument).map_or(Decimal::ONE_HUNDRED, |spec| spec.multiplier);
        let units = units.saturating_mul(multiplier).saturating_mul(context.rate(&instrument)?);
        let own = context.parts().iter().find(|part| *part.instrument == instrument);
        let asked = own.filter(|_| context.parts().len() == 1).and(context.order.and_then(|o| o.cost.price));
        let mark = market.quote(&instrument).and_then(Quote::mark);
        let price = mark.into_iter().chain(asked).max().unwrap_or_default().get();
        let value = units.saturating_mul(price).abs();
        let beside = self.by_underlying.entry(&contract.underlying).or_default();
        if contract.right == Right::Put && units.is_sign_negative() {
            self.short_puts = self.short_puts.saturating_add(value);
        } else {
            beside.values = beside.values.saturating_add(value);
            beside.moved = beside.moved.saturating_add(units.saturating_mul(moved(context, contract)));
        }
        Ok(())
    }

    /// Shares and options of every underlying that has options.
    fn total(&self) -> Decimal {
        let sum = self.short_puts.saturating_add(self.secured);
        self.by_underlying.values().map(Beside::total).fold(sum, Decimal::saturating_add)
    }

    /// What of it is in the values of positions: shares, and options at their marks.
    fn values(&self) -> Decimal {
        let one = |beside: &Beside| beside.shares.abs().saturating_add(beside.values);
        self.by_underlying.values().map(one).fold(self.short_puts, Decimal::saturating_add)
    }
}

/// Value of an underlying's shares, signed, once so much of the order has filled.
fn shares_value(context: &Measured<'_>, symbol: &Symbol, filled: Decimal) -> Result<Decimal, Unrated> {
    let share = Instrument::Equity { symbol: symbol.clone() };
    let view = context.view;
    let traded: Decimal = context.parts().iter().filter(|p| *p.instrument == share).map(Part::signed).sum();
    let units = view.portfolio.quantity(&share).get().saturating_add(traded * filled);
    let price = view.market.quote(&share).and_then(Quote::mark).map(Price::get);
    let price = price.or_else(|| view.portfolio.holding(&share).map(|h| h.average_price().get()));
    Ok(units.saturating_mul(price.unwrap_or_default()).saturating_mul(context.rate(&share)?))
}

/// The symbol whose shares an instrument is, or is an option on.
fn underlying(instrument: &Instrument) -> Option<&Symbol> {
    match instrument {
        Instrument::Equity { symbol } => Some(symbol),
        Instrument::Option(contract) => Some(&contract.underlying),
        _ => None,
    }
}
