//! Short calls that shares do not cover any more: the user sold them, or they were called away in part.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::option::Right;
use crate::domain::order::{OrderSubject, PositionEffect};
use crate::strategies::{Books, Working};

use super::SHARES;
use super::market::delivers;
use super::positions::{Contracts, Positions};

/// What must be done so that every call is covered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::strategies) struct Cover {
    /// Orders that would write more calls than are covered.
    pub(in crate::strategies) cancel: Vec<ClientOrderId>,
    /// Calls to buy back at once, with how many: the dearest first, those nearest to being exercised.
    pub(in crate::strategies) buy: Vec<(Contracts, i64)>,
    /// Some are being bought back already.
    pub(in crate::strategies) is_working: bool,
}

/// What is uncovered, and what is to be done about it.
pub(in crate::strategies) fn cover(books: &dyn Books, positions: &Positions) -> Cover {
    let mut calls: Vec<&Contracts> =
        positions.short.iter().filter(|held| held.contract.right == Right::Call).collect();
    let needed: Decimal =
        calls.iter().map(|held| Decimal::from(held.count) * delivers(books, &held.contract)).sum();
    let mut uncovered = needed - positions.shares.max(Decimal::ZERO);
    let mut cover = Cover::default();
    let written: Decimal =
        positions.working.iter().map(|order| net_calls(order).max(Decimal::ZERO) * order.leaves.get()).sum();
    let too_many = uncovered + written * SHARES > Decimal::ZERO;
    // A roll writes as many as it buys back; what is uncovered already is not rolled but bought back.
    let cancels = |order: &&Working| {
        writes_calls(order) && (uncovered > Decimal::ZERO || net_calls(order) > Decimal::ZERO && too_many)
    };
    cover.cancel = positions.working.iter().filter(cancels).map(|order| order.id).collect();
    calls.sort_by(|a, b| a.contract.strike.cmp(&b.contract.strike).then(a.contract.cmp(&b.contract)));
    for held in calls {
        let shares = delivers(books, &held.contract).max(Decimal::ONE);
        let wanted = (uncovered / shares).ceil().to_i64().unwrap_or_default().min(held.count);
        if wanted <= 0 {
            break;
        }
        uncovered -= Decimal::from(wanted) * shares;
        let count = wanted - positions.closing(&held.contract);
        if count > 0 {
            cover.buy.push((held.clone(), count));
        } else {
            cover.is_working = true;
        }
    }
    cover
}

/// Calls that one unit of an order writes less those it buys; what closes alone writes none.
fn net_calls(order: &Working) -> Decimal {
    calls_of(order).map(|(sign, ratio)| -sign * ratio).sum()
}

fn writes_calls(order: &Working) -> bool {
    calls_of(order).any(|(sign, _)| sign < Decimal::ZERO)
}

/// The call legs of an order, each with its sign and ratio.
fn calls_of(order: &Working) -> impl Iterator<Item = (Decimal, Decimal)> {
    let is_call = |it: &Instrument| it.as_option().is_some_and(|contract| contract.right == Right::Call);
    let found: Vec<(Decimal, Decimal)> = match &order.subject {
        OrderSubject::Instrument(it)
            if is_call(it) && order.position_effect != Some(PositionEffect::Close) =>
        {
            vec![(order.side.sign(), Decimal::ONE)]
        }
        OrderSubject::Instrument(_) => Vec::new(),
        OrderSubject::Legs(legs) => legs
            .iter()
            .filter(|leg| is_call(&leg.instrument))
            .map(|leg| (leg.side.sign(), leg.ratio))
            .collect(),
    };
    found.into_iter()
}
