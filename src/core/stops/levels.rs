//! Levels of a plan: where they lie, how they are rounded, which of them a price reaches.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::domain::exit::{ExitError, ExitGroup, ExitLevel, ExitPlan, ExitReason, ExitState};
use crate::domain::money::{Price, Quantity};
use crate::domain::position::Position;

use super::{TickAt, Trigger};

/// What becomes of a plan of which a level is reached when it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is refused: a person is asked for another one.
    Refused,
    /// It goes off with the next prices: what it protects is held already.
    SetsOff,
}

/// A plan for a position, at the price of now.
///
/// # Errors
/// When the plan makes no sense, a range in it was not measured, or a level of it is reached already.
pub fn attach(
    plan: ExitPlan,
    position: &Position,
    price: Price,
    fees_per_unit: Price,
    now: jiff::Timestamp,
    reached_now: Reached,
    tick_at: TickAt<'_>,
) -> Result<ExitGroup, String> {
    plan.check().map_err(|error| error.to_string())?;
    // What is held already waits for its range; a person is told at once.
    if reached_now == Reached::Refused && plan.has_range() {
        return Err(format!("{} has no bars to measure its range by", position.instrument));
    }
    let mut group = fresh(plan, position, fees_per_unit, now);
    if !group.plan.has_range() {
        begin(&mut group, tick_at)?;
    }
    if let Some(trigger) = reached(&group, price, tick_at).filter(|_| reached_now == Reached::Refused) {
        return Err(format!("{} is reached already at {price}", trigger.reason.as_str().replace('_', " ")));
    }
    follow(&mut group, price, tick_at);
    Ok(group)
}

/// What closes units again that two orders too many have opened: set off as it is made, tried once `now` is some seconds ago and the broker's
/// positions show them.
#[must_use]
pub fn race(position: &Position, now: jiff::Timestamp) -> ExitGroup {
    let units = position.quantity.abs();
    ExitGroup {
        units: Some(units),
        state: ExitState::Triggered,
        reason: Some(ExitReason::Race),
        unconfirmed: true,
        tried_at: Some(now),
        ..fresh(ExitPlan::default(), position, Price::ZERO, now)
    }
}

/// A plan that has seen nothing and stands nowhere.
fn fresh(plan: ExitPlan, position: &Position, fees_per_unit: Price, now: jiff::Timestamp) -> ExitGroup {
    ExitGroup {
        account: position.account.clone(),
        instrument: position.instrument.clone(),
        part: smol_str::SmolStr::default(),
        owner: None,
        units: None,
        opened_by: None,
        plan,
        resting: None,
        rests: None,
        resting_at: None,
        leaving: false,
        engine_only: false,
        unconfirmed: false,
        state: ExitState::Armed,
        long: !position.quantity.is_negative(),
        entry_price: position.average_price,
        entry_quantity: position.quantity.abs(),
        set_at: now,
        fees_per_unit,
        stop_price: None,
        stop_by: ExitReason::StopLoss,
        risk: None,
        best_price: None,
        trails: false,
        steps_done: 0,
        until: None,
        reason: None,
        to_close: None,
        order: None,
        by_hand: false,
        attempts: 0,
        tried_at: None,
    }
}

/// The first stop of a plan whose ranges are known, and the risk that it measures.
fn begin(group: &mut ExitGroup, tick_at: TickAt<'_>) -> Result<(), String> {
    let long = group.long;
    if let Some(stop) = group.plan.stop_loss {
        let stop = level_price(group, stop, false).ok_or("the stop cannot be measured")?;
        let stop = rounded(stop, long, tick_at);
        if !stop.is_positive() {
            return Err(format!("the stop would be at {stop}, which is no price"));
        }
        group.stop_price = Some(stop);
        let risk = if long { group.entry_price - stop } else { stop - group.entry_price };
        group.risk = Some(risk).filter(|risk| risk.is_positive());
    }
    let needs_risk =
        group.plan.break_even || group.plan.levels_mut().any(|level| matches!(level, ExitLevel::Risk(_)));
    if needs_risk && group.risk.is_none() {
        return Err(
            ExitError::Plan("the stop is beyond the entry: there is no risk to measure by").to_string()
        );
    }
    Ok(())
}

/// Freezes ranges at what was measured.
///
/// # Errors
/// When a level of it would be no price then.
pub fn measured(group: &mut ExitGroup, range: Decimal, tick_at: TickAt<'_>) -> Result<(), String> {
    let mut whole = group.clone();
    freeze(&mut whole.plan, range);
    begin(&mut whole, tick_at)?;
    if let Some(best) = whole.best_price.take() {
        follow(&mut whole, best, tick_at);
    }
    *group = whole;
    Ok(())
}

/// Digits of a measured range: more say nothing of a market.
const DIGITS: u32 = 5;

/// Ranges become amounts, rounded away from zero: a stop is never nearer by rounding.
pub fn freeze(plan: &mut ExitPlan, range: Decimal) {
    for level in plan.levels_mut() {
        if let ExitLevel::Atr(times) = level {
            let amount = range * *times;
            let rounded = amount.round_sf_with_strategy(DIGITS, RoundingStrategy::AwayFromZero);
            *level = ExitLevel::Amount(Price::new(rounded.unwrap_or(amount)));
        }
    }
}

/// Where a level lies; `favourable` for one on the side of profit. `None` where there is no risk to measure it by.
fn level_price(group: &ExitGroup, level: ExitLevel, favourable: bool) -> Option<Price> {
    let entry = group.entry_price;
    let away = match level {
        ExitLevel::Price(price) => return Some(price),
        ExitLevel::Atr(_) => return None,
        ExitLevel::Risk(times) => group.risk?.get() * times,
        other => distance(other, entry)?,
    };
    // For a long position profit lies above.
    let up = favourable == group.long;
    Some(Price::new(if up { entry.get() + away } else { entry.get() - away }))
}

/// How far a level is from a price; `None` of a level that is no distance.
fn distance(level: ExitLevel, from: Price) -> Option<Decimal> {
    match level {
        ExitLevel::Percent(percent) => Some(from.get().abs() * percent / Decimal::ONE_HUNDRED),
        ExitLevel::Amount(amount) => Some(amount.get()),
        ExitLevel::Price(_) | ExitLevel::Atr(_) | ExitLevel::Risk(_) => None,
    }
}

/// On the tick: what sells down, what buys up, so that rounding makes neither a stop tighter nor a target nearer than it can trade.
pub(super) fn rounded(price: Price, long: bool, tick_at: TickAt<'_>) -> Price {
    let tick = tick_at(price);
    if long { price.floor_to_tick(tick) } else { price.ceil_to_tick(tick) }
}

/// Is a price as good as a level on the side of profit, or better.
fn has_gained(long: bool, price: Price, level: Price) -> bool {
    if long { price >= level } else { price <= level }
}

/// Lets the stop follow a price that has held; true where it moved, or the best price did.
pub(super) fn follow(group: &mut ExitGroup, price: Price, tick_at: TickAt<'_>) -> bool {
    if group.state != ExitState::Armed || !price.is_positive() {
        return false;
    }
    let long = group.long;
    let better = group.best_price.is_none_or(|best| best != price && has_gained(long, price, best));
    if better {
        group.best_price = Some(price);
    }
    let mut moved = better;
    if group.plan.break_even
        && let Some(risk) = group.risk
    {
        let gained = if long { price - group.entry_price } else { group.entry_price - price };
        let fees = if long { group.fees_per_unit } else { -group.fees_per_unit };
        let even = group.entry_price + fees;
        // Where the fees are more than was gained, the entry is no stop yet.
        if gained >= risk && !has_gained(!long, price, even) {
            moved |= tighten(group, even, ExitReason::BreakEven, tick_at);
        }
    }
    let Some(trail) = group.plan.trailing else { return moved };
    let Some(best) = group.best_price else { return moved };
    if !group.trails {
        let from = trail.activate_at.map(|level| level_price(group, level, true));
        group.trails = from.is_none_or(|from| from.is_some_and(|from| has_gained(long, best, from)));
        moved |= group.trails;
    }
    if group.trails {
        let near = trail.tighten.filter(|(from, _)| {
            level_price(group, *from, true).is_some_and(|from| has_gained(long, best, from))
        });
        let behind = near.map_or(trail.distance, |(_, distance)| distance);
        if let Some(away) = distance(behind, best) {
            let stop = if long { best.get() - away } else { best.get() + away };
            moved |= tighten(group, Price::new(stop), ExitReason::Trailing, tick_at);
        }
    }
    moved
}

/// Moves the stop nearer, never away; true where it moved.
fn tighten(group: &mut ExitGroup, stop: Price, by: ExitReason, tick_at: TickAt<'_>) -> bool {
    let stop = rounded(stop, group.long, tick_at);
    let nearer = group.stop_price.is_none_or(|known| known != stop && has_gained(group.long, stop, known));
    if nearer && stop.is_positive() {
        (group.stop_price, group.stop_by) = (Some(stop), by);
    }
    nearer && stop.is_positive()
}

/// What a price reaches: the stop before a target.
pub(super) fn reached(group: &ExitGroup, price: Price, tick_at: TickAt<'_>) -> Option<Trigger> {
    let long = group.long;
    if group.stop_price.is_some_and(|stop| has_gained(!long, price, stop)) {
        return Some(Trigger { reason: group.stop_by, units: None });
    }
    let step = group.plan.take_profit.get(group.steps_done)?;
    let target = rounded(level_price(group, step.level, true)?, long, tick_at);
    if !has_gained(long, price, target) {
        return None;
    }
    let last = group.steps_done + 1 == group.plan.take_profit.len();
    let whole = last && closes_all(group);
    let units = (!whole).then(|| step.part * group.entry_quantity.get());
    Some(Trigger { reason: ExitReason::TakeProfit, units })
}

/// Do the targets together close the whole position.
fn closes_all(group: &ExitGroup) -> bool {
    group.plan.take_profit.iter().map(|step| step.part).sum::<Decimal>() >= Decimal::ONE
}

/// Units of a step that can be traded: at least one, and never more than is held.
pub(in crate::core) fn tradable(units: Decimal, held: Quantity, increment: Decimal) -> Quantity {
    let fits = Quantity::new(units).floor_to_increment(increment);
    let least = if fits.is_positive() { fits } else { Quantity::new(increment.max(Decimal::new(1, 8))) };
    least.min(held.abs())
}
