//! Requests that wait for a broker's answer: an order for its acknowledgement, one that fills at once or not at all for
//! its end, at most 5 s. Nobody is told what is not on the disk yet.

use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

use super::session::give;
use crate::client::{Reply, SessionError};
use crate::core::effect::Ticket;
use crate::core::engine::Engine;
use crate::domain::ids::ClientOrderId;
use crate::domain::order::{Order, OrderStatus, OrderType, TimeInForce};

/// Longest wait (design, decision 4).
pub const WAIT_MAX: Duration = Duration::from_secs(5);

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// That it is on the disk, for who goes on without the broker's answer.
    Written,
    /// The broker's answer; a market order's fill.
    Answered,
    /// The end of the order.
    Ended,
}

/// One front end that waits.
#[derive(Debug)]
pub struct Waiter {
    orders: Vec<ClientOrderId>,
    until: Until,
    deadline: Instant,
    reply: oneshot::Sender<Result<Reply, SessionError>>,
    /// What it waits for has come, in the entry of this number or one before.
    came: Option<Ticket>,
}

/// Everybody who waits.
#[derive(Debug, Default)]
pub struct Waiters {
    waiting: Vec<Waiter>,
}

impl Waiters {
    /// Adds one.
    pub fn add(
        &mut self,
        orders: Vec<ClientOrderId>,
        until: Until,
        reply: oneshot::Sender<Result<Reply, SessionError>>,
    ) {
        self.waiting.push(Waiter { orders, until, deadline: Instant::now() + WAIT_MAX, reply, came: None });
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The next deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiter| waiter.deadline).min()
    }

    /// Takes out all whose wait is over: what they wait for has come, `newest` being the last entry handed to the journal by then, and the
    /// journal has come to that one. A kill a moment later takes nothing back that somebody was told.
    #[must_use]
    pub fn take_over(&mut self, core: &Engine, newest: Ticket, written: Ticket) -> Vec<Waiter> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let now = Instant::now();
        for waiter in &mut self.waiting {
            if waiter.came.is_none() && waiter.orders.iter().all(|id| is_settled(core, *id, waiter.until)) {
                waiter.came = Some(newest);
            }
        }
        let over =
            |waiter: &mut Waiter| waiter.deadline <= now || waiter.came.is_some_and(|came| came <= written);
        self.waiting.extract_if(.., over).collect()
    }
}

impl Waiter {
    /// Tells what came of it. A front end that has gone needs no answer.
    pub fn tell(self, core: &Engine) {
        give(self.reply, answer(core, &self.orders));
    }
}

fn is_settled(core: &Engine, id: ClientOrderId, until: Until) -> bool {
    let Some(order) = core.order(id).filter(|_| until != Until::Written) else { return true };
    let immediate = match order.request.time_in_force {
        TimeInForce::Ioc | TimeInForce::Fok => true,
        TimeInForce::Opg | TimeInForce::Cls => false,
        _ => order.request.pricing.order_type() == OrderType::Market,
    };
    // On bars an order waits for the next one; nobody waits for that.
    let immediate = immediate && !core.is_bar_mode();
    match order.status {
        OrderStatus::PendingSubmit | OrderStatus::PendingCancel | OrderStatus::PendingReplace => false,
        OrderStatus::Unknown => true,
        OrderStatus::Submitted | OrderStatus::PartiallyFilled => until == Until::Answered && !immediate,
        _ => true,
    }
}

/// What a request for these orders came to.
///
/// # Errors
/// `Rejected` when the broker refused every one, `OutcomeUnknown` when one may or may not be there.
pub fn answer(core: &Engine, ids: &[ClientOrderId]) -> Result<Reply, SessionError> {
    let orders: Vec<Order> = ids.iter().filter_map(|id| core.order(*id).cloned()).collect();
    if let Some(unknown) = orders.iter().find(|order| order.status == OrderStatus::Unknown) {
        let reason = unknown.reason.clone().unwrap_or_default();
        return Err(SessionError::OutcomeUnknown(format!("order {}: {reason}", unknown.number)));
    }
    let refused = |order: &Order| matches!(order.status, OrderStatus::Rejected | OrderStatus::Denied);
    if !orders.is_empty() && orders.iter().all(refused) {
        let denials: Vec<_> = orders.iter().flat_map(|order| order.denials.clone()).collect();
        if !denials.is_empty() {
            return Err(SessionError::Denied(denials));
        }
        let reasons: Vec<String> = orders.iter().filter_map(|order| order.reason.clone()).collect();
        return Err(SessionError::Rejected(reasons.join("; ")));
    }
    Ok(Reply::Orders(orders))
}
