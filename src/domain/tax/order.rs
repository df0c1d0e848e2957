//! Puts executions into the order in which they count for taxes, and takes out what cancels itself out.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::domain::execution::{Execution, ExecutionKind};

/// Shares of an option that ended come within so long of it, before or after.
const DELIVERED_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Oldest first; rows that were taken back are gone with what takes them back, and shares that an option brings follow the option's own row.
pub(super) fn prepare(executions: &[Execution]) -> Vec<Execution> {
    let gone = taken_back(executions);
    let mut rows: Vec<(Timestamp, usize, &Execution)> = executions
        .iter()
        .enumerate()
        .filter(|(n, _)| !gone.contains(n))
        .map(|(n, execution)| (execution.at, n, execution))
        .collect();
    let ends: Vec<(Timestamp, usize, &Execution)> =
        rows.iter().filter(|(.., row)| ends_option(row)).copied().collect();
    for (at, n, row) in rows.iter_mut().filter(|(.., row)| is_delivery(row)) {
        let near = ends.iter().filter(|(end, _, option)| {
            is_of(option, row) && end.duration_since(*at).abs() <= DELIVERED_WITHIN
        });
        // Its option's row is heard of later: it waits for that.
        if let Some((end, number, _)) = near.min_by_key(|(end, ..)| end.duration_since(*at).abs())
            && (*end, *number) > (*at, *n)
        {
            (*at, *n) = (*end, *number);
        }
    }
    // A stable sort: of two at one place the option's own row comes first.
    rows.sort_by_key(|(at, n, row)| (*at, *n, is_delivery(row)));
    rows.into_iter().map(|(.., row)| row.clone()).collect()
}

/// An option that was assigned or exercised, for shares: at price zero. One that is settled in cash is closed at a price.
pub(super) fn ends_option(row: &Execution) -> bool {
    matches!(row.kind, ExecutionKind::Assignment | ExecutionKind::Exercise)
        && row.instrument.as_option().is_some()
        && row.price.is_zero()
}

/// Shares that came or went by an option.
pub(super) fn is_delivery(row: &Execution) -> bool {
    matches!(row.kind, ExecutionKind::Assignment | ExecutionKind::Exercise)
        && row.instrument.as_option().is_none()
}

/// Are those the shares of that option.
pub(super) fn is_of(option: &Execution, shares: &Execution) -> bool {
    option.account == shares.account
        && option.instrument.price_driver() == shares.instrument
        && option.instrument.as_option().is_some_and(|contract| contract.strike == shares.price)
}

/// The places of rows that were taken back, and of those that take them back: the same units at the same price on the other side.
fn taken_back(executions: &[Execution]) -> BTreeSet<usize> {
    let mut gone = BTreeSet::new();
    let takes =
        |kind| matches!(kind, ExecutionKind::Bust | ExecutionKind::Inferred | ExecutionKind::Adjustment);
    for (n, row) in executions.iter().enumerate().filter(|(_, row)| takes(row.kind)) {
        if gone.contains(&n) {
            continue;
        }
        // An inferred fill and an adjustment are taken out by their own kind, a bust takes out any other.
        let opposite = |(m, other): &(usize, &Execution)| {
            *m != n
                && !gone.contains(m)
                && (row.kind == ExecutionKind::Bust || other.kind == row.kind)
                && other.kind != ExecutionKind::CorporateAction
                && other.account == row.account
                && other.instrument == row.instrument
                && other.side.is_buy() != row.side.is_buy()
                && (other.quantity, other.price) == (row.quantity, row.price)
                && (row.kind != ExecutionKind::Bust || other.at <= row.at)
        };
        if let Some((m, _)) = executions.iter().enumerate().filter(opposite).max_by_key(|(_, other)| other.at)
        {
            gone.extend([n, m]);
        }
    }
    gone
}
