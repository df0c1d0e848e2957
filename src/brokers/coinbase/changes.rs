//! Replaced orders: an edited order keeps its id at Coinbase, and our id of before, while here a new order has taken its place. What stands
//! for what is remembered here; orders of which a replace is on its way are left alone meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rust_decimal::Decimal;
use tokio::sync::Notify;

use crate::domain::ids::ClientOrderId;

/// Replaces that are remembered; the oldest are forgotten first.
const KEPT_MAX: usize = 2_000;

/// An order that took another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Our id of the order that ended.
    pub old: ClientOrderId,
    /// Our id of the one that works in its place.
    pub new: ClientOrderId,
}

/// An edit whose answer was not readable: done or not, its order's history says.
#[derive(Clone, Debug)]
pub struct Doubtful {
    /// The order at the broker.
    pub broker: String,
    /// What changes, if it was done.
    pub change: Change,
    /// By these figures it is known again.
    pub price: Decimal,
    /// The new total.
    pub size: Decimal,
}

#[derive(Debug, Default)]
struct State {
    in_flight: BTreeSet<String>,
    /// By the broker's id, which the new order has too.
    edited: BTreeMap<String, Change>,
    /// By the broker's id of the order that was canceled for another.
    superseded: BTreeMap<String, Change>,
    doubtful: BTreeMap<ClientOrderId, Doubtful>,
    /// Edits that the stream has not told yet.
    untold: Vec<String>,
}

/// All of an account's.
#[derive(Debug, Default)]
pub struct Changes {
    state: Mutex<State>,
    changed: Notify,
}

/// While it lives, an order's replace is on its way.
pub struct InFlight<'a> {
    changes: &'a Changes,
    broker: String,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.changes.state().in_flight.remove(&self.broker);
        self.changes.changed.notify_one();
    }
}

impl Changes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A replace of this order begins; `None` when one is on its way.
    pub fn begin(&self, broker: &str) -> Option<InFlight<'_>> {
        let fresh = self.state().in_flight.insert(broker.to_owned());
        fresh.then(|| InFlight { changes: self, broker: broker.to_owned() })
    }

    /// Is a replace of it on its way.
    pub fn is_in_flight(&self, broker: &str) -> bool {
        self.state().in_flight.contains(broker)
    }

    /// It was edited in its place.
    pub fn edited(&self, broker: &str, change: Change) {
        let mut state = self.state();
        state.doubtful.remove(&change.new);
        if state.edited.len() >= KEPT_MAX {
            state.edited.pop_first();
        }
        state.edited.insert(broker.to_owned(), change);
        state.untold.push(broker.to_owned());
        drop(state);
        self.changed.notify_one();
    }

    /// It was canceled for another.
    pub fn superseded(&self, broker: &str, change: Change) {
        let mut state = self.state();
        if state.superseded.len() >= KEPT_MAX {
            state.superseded.pop_first();
        }
        state.superseded.insert(broker.to_owned(), change);
    }

    /// Nobody knows whether it was edited.
    pub fn doubt(&self, doubtful: Doubtful) {
        let mut state = self.state();
        if state.doubtful.len() >= KEPT_MAX {
            state.doubtful.pop_first();
        }
        state.doubtful.insert(doubtful.change.new, doubtful);
    }

    /// The edit that is in doubt about this new order.
    pub fn doubtful(&self, new: ClientOrderId) -> Option<Doubtful> {
        self.state().doubtful.get(&new).cloned()
    }

    /// Which order of ours the broker's order is now, if it was edited.
    pub fn now_of(&self, broker: &str) -> Option<ClientOrderId> {
        self.state().edited.get(broker).map(|change| change.new)
    }

    /// What took a canceled order's place.
    pub fn successor_of(&self, broker: &str) -> Option<Change> {
        self.state().superseded.get(broker).cloned()
    }

    /// Edits to tell of, each once.
    pub fn take_untold(&self) -> Vec<(String, Change)> {
        let mut state = self.state();
        let untold = std::mem::take(&mut state.untold);
        untold
            .into_iter()
            .filter_map(|broker| Some((broker.clone(), state.edited.get(&broker)?.clone())))
            .collect()
    }

    /// Waits until a replace has ended.
    pub async fn wait(&self) {
        self.changed.notified().await;
    }
}
