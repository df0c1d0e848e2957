//! Cancels that plans ask for. A broker may refuse one at once, and what it left standing is looked at again at once: each further one of the
//! same order waits for longer.

use jiff::{SignedDuration, Timestamp};

use crate::core::engine::Engine;
use crate::domain::ids::ClientOrderId;
use crate::domain::order::Order;

use super::Watch;

/// A second cancel of an order comes this long after the first at the earliest; each further one after twice as long.
const AGAIN_MIN: SignedDuration = SignedDuration::from_secs(1);
const AGAIN_MAX: SignedDuration = SignedDuration::from_secs(10);

/// When the cancel of an order was last asked for, and the pause before it is asked for again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    at: Timestamp,
    pause: SignedDuration,
}

impl Engine {
    /// Asks for the cancel of an order that works, unless it was asked for just now and refused. True when it goes.
    pub(super) fn cancel_for_exit(&mut self, id: ClientOrderId) -> bool {
        let before = self.exits.canceled.get(&id).copied();
        if before.is_some_and(|asked| self.now.duration_since(asked.at) < asked.pause) {
            return false;
        }
        let Ok(cancel) = self.request_cancel(id) else { return false };
        self.after_journal.push(cancel);
        let book = &self.book;
        self.exits.canceled.retain(|id, _| book.get(*id).is_some_and(Order::is_working));
        let pause = before.map_or(AGAIN_MIN, |asked| (asked.pause * 2).min(AGAIN_MAX));
        self.exits.canceled.insert(id, Asked { at: self.now, pause });
        true
    }

    /// Has an order of a plan been asked to go: it is looked at with each tick.
    pub(super) fn is_to_go(&self, watch: &Watch) -> bool {
        let orders = watch.group.order.iter().chain(&watch.group.resting);
        orders.into_iter().any(|id| self.exits.canceled.contains_key(id))
    }
}
