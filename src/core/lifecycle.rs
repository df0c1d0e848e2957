//! The order state machine: one table `(status, event) -> next`, and the fold of a broker's events into an order.
//!
//! Fills before the acknowledgement, fills after a cancel and a cancel refused because the order had filled are all legal:
//! the table knows them. A pair that the table does not know is an error that is shown and changes nothing.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::execution::{Execution, OrderEvent};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::Leg;
use crate::domain::order::{Order, OrderStatus, OrderSubject};

/// An event without its details, as the table knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// The broker has the order.
    Acknowledged,
    /// The broker refuses it.
    Rejected,
    /// A fill that leaves something open.
    PartialFill,
    /// A fill that completes the order.
    Fill,
    /// We ask for a cancel.
    CancelRequested,
    /// The broker ended the order.
    Canceled,
    /// The broker could not cancel.
    CancelRejected,
    /// We ask for a replace.
    ReplaceRequested,
    /// The broker works another order in its place.
    Replaced,
    /// The broker could not replace.
    ReplaceRejected,
    /// Its time in force ended.
    Expired,
    /// No readable answer came.
    OutcomeUnknown,
    /// The broker has no such order.
    NeverReached,
}

impl Transition {
    /// Every event, in declaration order.
    pub const ALL: [Self; 13] = [
        Self::Acknowledged,
        Self::Rejected,
        Self::PartialFill,
        Self::Fill,
        Self::CancelRequested,
        Self::Canceled,
        Self::CancelRejected,
        Self::ReplaceRequested,
        Self::Replaced,
        Self::ReplaceRejected,
        Self::Expired,
        Self::OutcomeUnknown,
        Self::NeverReached,
    ];
}

/// What the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go to this status.
    To(OrderStatus),
    /// Go to `Submitted`, or `PartiallyFilled` where something has filled.
    Working,
    /// Stay; the event is late or repeats what is known.
    Stay,
    /// This cannot happen to an order in this status.
    Illegal,
}

/// The table. Rows are statuses, columns events.
#[must_use]
pub const fn next(status: OrderStatus, event: Transition) -> Next {
    use Next::{Illegal, Stay, To, Working};
    use OrderStatus as S;
    use Transition as T;
    match (status, event) {
        // Nothing was sent, so nothing can come back.
        (S::Denied, _) => Illegal,
        // We ask only for what can still change.
        (
            S::Filled | S::Canceled | S::Replaced | S::Rejected | S::Expired,
            T::CancelRequested | T::ReplaceRequested,
        )
        | (S::PendingSubmit | S::Unknown | S::PendingCancel | S::PendingReplace, T::ReplaceRequested) => {
            Illegal
        }
        (_, T::CancelRequested) => To(S::PendingCancel),
        (_, T::ReplaceRequested) => To(S::PendingReplace),
        // Only the quantity completes an order, whatever was said before: a late fill is the truth.
        (_, T::Fill) => To(S::Filled),
        // Statuses that outrank `PartiallyFilled` keep it out; the filled quantity shows the progress.
        (S::PendingSubmit | S::Submitted, T::PartialFill) => To(S::PartiallyFilled),
        (_, T::PartialFill) => Stay,
        // An order that has ended stays ended; what a broker repeats or sends late is no news.
        (S::Filled | S::Rejected, T::NeverReached) | (S::Filled, T::Rejected) => Illegal,
        (S::Filled | S::Canceled | S::Replaced | S::Rejected | S::Expired, _) => Stay,
        (S::PendingSubmit | S::Unknown, T::Acknowledged) => Working,
        (_, T::Acknowledged) => Stay,
        // What has filled in part cannot have been refused.
        (S::PartiallyFilled, T::Rejected) => Illegal,
        (_, T::Rejected) => To(S::Rejected),
        (_, T::Canceled) => To(S::Canceled),
        (_, T::Expired) => To(S::Expired),
        (_, T::Replaced) => To(S::Replaced),
        (S::PendingCancel, T::CancelRejected) | (S::PendingReplace, T::ReplaceRejected) => Working,
        (_, T::CancelRejected | T::ReplaceRejected) => Stay,
        (S::PendingSubmit, T::OutcomeUnknown) => To(S::Unknown),
        (_, T::OutcomeUnknown) => Stay,
        (S::PendingSubmit | S::Unknown | S::PendingCancel, T::NeverReached) => To(S::Canceled),
        (S::Submitted | S::PartiallyFilled | S::PendingReplace, T::NeverReached) => Illegal,
    }
}

/// A pair the table does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order event {event:?} cannot happen to an order that is {status}")]
pub struct IllegalTransition {
    /// Where the order stood.
    pub status: OrderStatus,
    /// What came.
    pub event: Transition,
}

/// Moves an order by an event that has no fill in it.
///
/// # Errors
/// When the table does not know the pair; the order is as it was.
pub fn transition(order: &mut Order, event: Transition, at: Timestamp) -> Result<(), IllegalTransition> {
    match next(order.status, event) {
        Next::To(status) => order.status = status,
        Next::Working if order.has_filled() => order.status = OrderStatus::PartiallyFilled,
        Next::Working => order.status = OrderStatus::Submitted,
        Next::Stay => {}
        Next::Illegal => return Err(IllegalTransition { status: order.status, event }),
    }
    order.updated_at = order.updated_at.max(at);
    Ok(())
}

/// Folds one broker event into an order. The caller has made sure that a fill is counted once.
///
/// # Errors
/// When the table does not know the pair; the order is as it was.
pub fn apply(order: &mut Order, event: &OrderEvent, at: Timestamp) -> Result<(), IllegalTransition> {
    match event {
        OrderEvent::Acknowledged { broker_order_id } => {
            transition(order, Transition::Acknowledged, at)?;
            order.broker_order_id.get_or_insert_with(|| broker_order_id.clone());
        }
        OrderEvent::Rejected(reject) => {
            transition(order, Transition::Rejected, at)?;
            order.reason = Some(format!("{}: {}", reject.code, reject.message));
        }
        OrderEvent::Filled(execution) => fill(order, execution, at)?,
        OrderEvent::Canceled { reason } => {
            transition(order, Transition::Canceled, at)?;
            if order.status == OrderStatus::Canceled && order.reason.is_none() {
                order.reason.clone_from(reason);
            }
        }
        OrderEvent::CancelRejected(reject) => {
            transition(order, Transition::CancelRejected, at)?;
            if !order.status.is_terminal() {
                order.reason = Some(format!("cancel refused: {}", reject.message));
            }
        }
        OrderEvent::Replaced { .. } => transition(order, Transition::Replaced, at)?,
        OrderEvent::ReplaceRejected(reject) => {
            transition(order, Transition::ReplaceRejected, at)?;
            if !order.status.is_terminal() {
                order.reason = Some(format!("replace refused: {}", reject.message));
            }
        }
        OrderEvent::Expired => transition(order, Transition::Expired, at)?,
        OrderEvent::OutcomeUnknown { reason } => {
            transition(order, Transition::OutcomeUnknown, at)?;
            if order.status == OrderStatus::Unknown {
                order.reason = Some(reason.clone());
            }
        }
        OrderEvent::NeverReached => {
            transition(order, Transition::NeverReached, at)?;
            order.reason = Some("never_reached".to_owned());
        }
        OrderEvent::QuantityChanged { quantity } => {
            // A word that comes late changes nothing of what has ended.
            if order.status.is_terminal() {
                return Ok(());
            }
            // Never below what has filled: the filled part is done, and nothing is left of an order that shrinks to it.
            order.request.quantity = (*quantity).max(order.filled_quantity);
            order.updated_at = order.updated_at.max(at);
            if order.filled_quantity.is_positive() && order.filled_quantity >= *quantity {
                transition(order, Transition::Fill, at)?;
            }
        }
        OrderEvent::Restated { quantity, pricing } => {
            order.request.quantity = (*quantity).max(order.filled_quantity);
            order.request.pricing = *pricing;
            order.updated_at = order.updated_at.max(at);
        }
        OrderEvent::StopMoved { stop_price } => {
            order.trailing_stop = Some(*stop_price);
            order.updated_at = order.updated_at.max(at);
        }
        // An empty answer by itself proves nothing, the engine counts such answers; and what an order trades is changed by whoever keeps
        // the order, as it is found by that.
        OrderEvent::NotFound | OrderEvent::Renamed { .. } => {}
    }
    Ok(())
}

fn fill(order: &mut Order, execution: &Execution, at: Timestamp) -> Result<(), IllegalTransition> {
    let OrderSubject::Legs(legs) = &order.request.subject else { return fill_single(order, execution, at) };
    let units = legs_filled(order, legs, execution);
    let packages = legs.iter().zip(&units).filter(|(leg, _)| !leg.ratio.is_zero());
    let filled = packages.map(|(leg, units)| units.get() / leg.ratio);
    let (least, most) = (filled.clone().min(), filled.max());
    let (least, most) = (Quantity::new(least.unwrap_or_default()), Quantity::new(most.unwrap_or_default()));
    let complete = least >= order.request.quantity;
    transition(order, if complete { Transition::Fill } else { Transition::PartialFill }, at)?;
    add_leg_price(order, execution);
    order.legs_filled = units;
    order.filled_quantity = least;
    if most > order.request.quantity {
        order.overfill_quantity = most - order.request.quantity;
    }
    Ok(())
}

fn fill_single(order: &mut Order, execution: &Execution, at: Timestamp) -> Result<(), IllegalTransition> {
    let filled = order.filled_quantity + execution.quantity;
    // How many units an amount of money buys only the broker knows, and when that is all of them.
    let by_amount = order.request.cash_order_quantity.is_some();
    if by_amount {
        order.request.quantity = order.request.quantity.max(filled);
    }
    let complete = filled >= order.request.quantity && !by_amount;
    transition(order, if complete { Transition::Fill } else { Transition::PartialFill }, at)?;
    order.filled_notional += execution.price.get() * execution.quantity.get();
    // The average of one fill is its price: most orders have no other.
    let only = order.filled_quantity.is_zero().then_some(execution.price);
    order.average_price = only.or_else(|| Some(Price::new(mean(order.filled_notional, filled.get()))));
    order.filled_quantity = filled;
    if filled > order.request.quantity {
        order.overfill_quantity = filled - order.request.quantity;
    }
    Ok(())
}

/// Exchanges the price of units that have been counted: they had been inferred, and the real fill has come.
pub fn reprice(order: &mut Order, quantity: Quantity, from: Price, to: Price) {
    order.filled_notional += (to.get() - from.get()) * quantity.get();
    order.average_price = Some(Price::new(mean(order.filled_notional, order.filled_quantity.get())));
}

/// Divides and drops what no venue quotes, so that averages stay short.
fn mean(sum: Decimal, count: Decimal) -> Decimal {
    if count.is_zero() { Decimal::ZERO } else { (sum / count).round_dp(10) }
}

/// Units of each leg with this fill. A package is as far as its last leg: until that has come, it is at work and holds its money back.
fn legs_filled(order: &Order, legs: &[Leg], execution: &Execution) -> Vec<Quantity> {
    let mut units = order.legs_filled.clone();
    if units.len() != legs.len() {
        // Orders of older programs keep no legs: theirs have filled alike.
        units = legs.iter().map(|leg| Quantity::new(leg.ratio * order.filled_quantity.get())).collect();
    }
    let same = |leg: &Leg| leg.instrument == execution.instrument;
    let meant = |leg: &Leg| same(leg) && leg.side.is_buy() == execution.side.is_buy();
    let mut left = execution.quantity;
    let mut last = legs.iter().position(same);
    // A package may name an instrument twice: the legs fill one after the other, and what is too much is the last one's.
    for (n, (leg, filled)) in legs.iter().zip(&mut units).enumerate().filter(|(_, (leg, _))| meant(leg)) {
        let open = Quantity::new(leg.ratio * order.request.quantity.get()) - *filled;
        let part = left.min(open.max(Quantity::ZERO));
        *filled += part;
        left -= part;
        last = Some(n);
    }
    if let Some(filled) = last.and_then(|n| units.get_mut(n)) {
        *filled += left;
    }
    units
}

/// Adds a leg's share to the package's net average price, signed so that a price above zero is what the package's side pays
/// (a bought package) or receives (a sold one). Measured against the whole quantity: legs of one package fill together.
fn add_leg_price(order: &mut Order, execution: &Execution) {
    let flow =
        execution.side.sign() * execution.price.get() * execution.quantity.get() * execution.multiplier;
    order.filled_notional += order.request.side.sign() * flow / package_multiplier(&order.request.subject);
    order.average_price = Some(Price::new(mean(order.filled_notional, order.request.quantity.get())));
}

/// The multiplier of a package's net price: that of its options (100), or 1 where it has none.
#[must_use]
pub fn package_multiplier(subject: &OrderSubject) -> Decimal {
    let has_option = subject.instruments().any(|instrument| instrument.as_option().is_some());
    if has_option { Decimal::ONE_HUNDRED } else { Decimal::ONE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OrderStatus as S;
    use Transition as T;

    /// The whole table as one picture: a row per status, a column per event in `Transition::ALL`'s order.
    /// A letter is the new status, `W` working, `.` stay, `-` illegal.
    const TABLE: &str = "\
        pending_submit    W R P F c C . - L . E U C
        submitted         . R P F c C . r L . E . -
        partially_filled  . - . F c C . r L . E . -
        filled            . - . F - . . - . . . . -
        pending_cancel    . R . F c C W - L . E . C
        canceled          . . . F - . . - . . . . .
        pending_replace   . R . F c C . - L W E . -
        replaced          . . . F - . . - . . . . .
        rejected          . . . F - . . - . . . . -
        denied            - - - - - - - - - - - - -
        expired           . . . F - . . - . . . . .
        unknown           W R . F c C . - L . E . C";

    fn letter(next: Next) -> &'static str {
        match next {
            Next::Working => "W",
            Next::Stay => ".",
            Next::Illegal => "-",
            Next::To(status) => match status {
                S::PendingSubmit => "s",
                S::Submitted => "S",
                S::PartiallyFilled => "P",
                S::Filled => "F",
                S::PendingCancel => "c",
                S::Canceled => "C",
                S::PendingReplace => "r",
                S::Replaced => "L",
                S::Rejected => "R",
                S::Denied => "D",
                S::Expired => "E",
                S::Unknown => "U",
            },
        }
    }

    #[test]
    fn every_pair_is_in_the_table() {
        let mut seen = 0;
        for line in TABLE.lines() {
            let mut words = line.split_whitespace();
            let status = S::from_word(words.next().unwrap()).unwrap();
            let row: Vec<&str> = words.collect();
            let actual: Vec<&str> = T::ALL.iter().map(|event| letter(next(status, *event))).collect();
            assert_eq!(actual, row, "{status}");
            seen += 1;
        }
        assert_eq!(seen, S::ALL.len());
    }

    #[test]
    fn terminal_orders_change_only_by_a_completing_fill() {
        for status in S::ALL.into_iter().filter(|status| status.is_terminal()) {
            for event in T::ALL {
                if let Next::To(to) = next(status, event) {
                    assert_eq!((event, to), (T::Fill, S::Filled), "{status}");
                }
            }
        }
    }
}
