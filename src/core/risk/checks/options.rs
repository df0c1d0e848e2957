//! May the account write and hold these options: level, shares under calls, cash under puts.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::core::portfolio::cash_securing_puts;
use crate::domain::account::AccountKind;
use crate::domain::denial::DenialCode as Code;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Quantity;
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{OrderStatus, OrderSubject};

use super::super::view::linked;
use super::{Checks, Context, Part};

/// Units by contract, signed.
type Options<'a> = BTreeMap<&'a OptionContract, Quantity>;

/// The level an order needs: 1 covered calls and secured puts, 2 long options, 3 spreads, 4 uncovered.
pub(super) fn run(context: &Context<'_>, checks: &mut Checks) {
    let opens = |part: &&Part<'_>| part.instrument.as_option().is_some() && part.opening.is_positive();
    let opening: Vec<&Part<'_>> = context.parts.iter().filter(opens).collect();
    let uncovers = uncovers(context);
    if opening.is_empty() && !uncovers.is_any() {
        for code in [Code::OptionsLevel, Code::UncoveredCall, Code::UnsecuredPut] {
            checks.skip(code);
        }
        return;
    }
    let account = context.view.account;
    let writes = |right| {
        opening
            .iter()
            .any(|part| !part.side.is_buy() && part.instrument.as_option().is_some_and(|c| c.right == right))
    };
    let written = opening.first().and_then(|part| part.instrument.as_option());
    let calls = match written {
        Some(contract) if writes(Right::Call) => {
            uncovered_calls(context, &contract.underlying, &at_worst(context, true), true)
        }
        _ => uncovers,
    };
    let cash = match (writes(Right::Put), account.kind) {
        (false, _) => None,
        (true, AccountKind::Cash) => Some((context.cost.buying_power, account.buying_power)),
        (true, AccountKind::Margin) => {
            let after = at_worst(context, true);
            let need = cash_securing_puts(after.iter().map(|(contract, units)| (*contract, *units)));
            Some((need, account.cash.saturating_sub(account.reserved)))
        }
    };
    let unsecured = cash.is_some_and(|(need, has)| need > has);
    let uncovered = calls.by_anything.is_positive() || unsecured && account.kind == AccountKind::Margin;
    let buys = opening.iter().any(|part| part.side.is_buy());
    let spread = buys && opening.iter().any(|part| !part.side.is_buy());
    let needs: u8 = match (uncovered, spread || calls.by_shares.is_positive(), buys) {
        (true, ..) => 4,
        (false, true, _) => 3,
        (false, false, true) => 2,
        (false, false, false) => 1,
    };
    checks.at_most(Code::OptionsLevel, Decimal::from(needs), Decimal::from(account.options_level));
    let may_write_uncovered = account.options_level >= 4 && account.kind == AccountKind::Margin;
    if may_write_uncovered || !(writes(Right::Call) || calls.is_any()) {
        checks.skip(Code::UncoveredCall);
    } else {
        checks.at_most(Code::UncoveredCall, calls.by_anything.get(), Decimal::ZERO);
    }
    match cash {
        Some((need, has)) if !may_write_uncovered => checks.at_most(Code::UnsecuredPut, need, has),
        _ => checks.skip(Code::UnsecuredPut),
    }
}

/// Short calls from under which this order sells what covers them: shares, or long calls. Nothing where it leaves as many covered as before.
fn uncovers(context: &Context<'_>) -> Uncovered {
    let sold = |part: &&Part<'_>| !part.side.is_buy();
    let Some(underlying) = context.parts.iter().filter(sold).find_map(|part| match part.instrument {
        Instrument::Equity { symbol } => Some(symbol),
        Instrument::Option(contract) if contract.right == Right::Call => Some(&contract.underlying),
        _ => None,
    }) else {
        return Uncovered::default();
    };
    if !may_be_written(context, underlying) {
        return Uncovered::default();
    }
    let before = uncovered_calls(context, underlying, &at_worst(context, false), false);
    let after = uncovered_calls(context, underlying, &at_worst(context, true), true);
    let more = |before: Quantity, after: Quantity| (after - before).max(Quantity::ZERO);
    Uncovered {
        by_shares: more(before.by_shares, after.by_shares),
        by_anything: more(before.by_anything, after.by_anything),
    }
}

/// Is there anything that could be a short call: most sales are of shares without options.
fn may_be_written(context: &Context<'_>, underlying: &Symbol) -> bool {
    let view = context.view;
    let on_it = |instrument: &Instrument| {
        instrument.as_option().is_some_and(|contract| contract.underlying == *underlying)
    };
    let short = view.portfolio.holdings().any(|(it, holding)| holding.quantity.is_negative() && on_it(it));
    short || view.working.lines().any(|(instrument, _)| on_it(instrument)) || context.parts.len() > 1
}

/// All options once every working order that sells options has filled, and none that buys; and this order with them, when it is `filled`.
fn at_worst<'a>(context: &Context<'a>, filled: bool) -> Options<'a> {
    let mut units = Options::new();
    let view = context.view;
    for (instrument, holding) in view.portfolio.holdings() {
        if let Instrument::Option(contract) = instrument {
            *units.entry(contract).or_default() += holding.quantity;
        }
    }
    for part in context.parts.iter().filter(|_| filled) {
        if let Instrument::Option(contract) = part.instrument {
            *units.entry(contract).or_default() += Quantity::new(part.signed());
        }
    }
    let singles = view.working.lines().filter(|(instrument, _)| instrument.as_option().is_some());
    let singles = singles.flat_map(|(instrument, _)| view.working.naming(instrument));
    let singles = singles.filter(|order| order.request.subject.instrument().is_some());
    for order in singles.chain(view.working.packages()) {
        let request = &order.request;
        if request.contingency.parent.is_some()
            || order.status == OrderStatus::PendingReplace
            || linked(request, context.request)
        {
            continue;
        }
        let leaves = order.leaves_quantity();
        match &request.subject {
            OrderSubject::Instrument(Instrument::Option(contract)) if !request.side.is_buy() => {
                *units.entry(contract).or_default() -= leaves;
            }
            OrderSubject::Instrument(_) => {}
            OrderSubject::Legs(legs) => {
                for leg in legs.iter().filter(|leg| !leg.side.is_buy()) {
                    if let Instrument::Option(contract) = &leg.instrument {
                        *units.entry(contract).or_default() -=
                            Quantity::new(leg.ratio.saturating_mul(leaves.get()));
                    }
                }
            }
        }
    }
    units
}

/// Short calls beyond what covers them.
#[derive(Default)]
struct Uncovered {
    /// Shares alone.
    by_shares: Quantity,
    /// Shares, and long calls that expire no earlier.
    by_anything: Quantity,
}

impl Uncovered {
    fn is_any(&self) -> bool {
        self.by_shares.is_positive() || self.by_anything.is_positive()
    }
}

fn uncovered_calls(
    context: &Context<'_>,
    underlying: &Symbol,
    options: &Options<'_>,
    filled: bool,
) -> Uncovered {
    let view = context.view;
    let share = Instrument::Equity { symbol: underlying.clone() };
    let own = context.parts.iter().filter(|part| filled && *part.instrument == share);
    let traded: Decimal = own.map(Part::signed).sum();
    // Shares that a working order sells may be gone before the call is exercised.
    let sold = view.pending(context.request, &share, false, false);
    let shares = view.portfolio.quantity(&share).get().saturating_add(traded).saturating_sub(sold);
    let covered = (shares / Decimal::ONE_HUNDRED).floor().max(Decimal::ZERO);
    let mut calls: Vec<(&OptionContract, Decimal)> = options
        .iter()
        .filter(|(c, _)| c.underlying == *underlying && c.right == Right::Call)
        .map(|(contract, units)| (*contract, units.get()))
        .collect();
    // Latest first: whatever long call is free when a short one is reached expires no earlier. Of one day, the long ones first.
    calls.sort_by(|a, b| b.0.expiry.cmp(&a.0.expiry).then(b.1.cmp(&a.1)));
    let (mut longs, mut short, mut alone) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    for (_, units) in calls {
        if units > Decimal::ZERO {
            longs += units;
        } else {
            short -= units;
            let paired = longs.min(-units);
            longs -= paired;
            alone += -units - paired;
        }
    }
    let beyond = |calls: Decimal| Quantity::new((calls - covered).max(Decimal::ZERO));
    Uncovered { by_shares: beyond(short), by_anything: beyond(alone) }
}
