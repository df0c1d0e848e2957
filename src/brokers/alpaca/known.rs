//! Which of our orders a broker's order is: learned from every order that is seen, so that fills and stream events, which name the broker's
//! order alone, find their way home. All of it can be learned again by asking; nothing of it is kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::ids;
use super::wire::Order;
use crate::domain::ids::{BrokerOrderId, ClientOrderId};

/// Orders that are remembered.
const KNOWN_MAX: usize = 20_000;
/// Exits whose ids wait to be told.
const UNTOLD_MAX: usize = 1_024;

/// What is known of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// Our id, if it is ours.
    pub(super) client: Option<ClientOrderId>,
    /// The broker's id that it goes by: its own, or, for the leg of a package, the package's.
    pub(super) broker: BrokerOrderId,
}

#[derive(Debug, Default)]
struct Memory {
    orders: BTreeMap<String, Owner>,
    /// The same, oldest first.
    age: VecDeque<String>,
    /// What is to take the place of an order, by the broker's id of the old one.
    replacing: BTreeMap<String, ClientOrderId>,
    /// Exits of brackets and the broker's ids of them, not told yet.
    untold: Vec<(ClientOrderId, BrokerOrderId)>,
    told: BTreeSet<String>,
}

/// The memory of one account.
#[derive(Debug, Default)]
pub(super) struct Known {
    memory: Mutex<Memory>,
    /// Rings when there are exits to tell.
    pub(super) news: Notify,
}

impl Known {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at an order and its legs.
    pub(super) fn learn(&self, order: &Order) {
        let mut memory = self.memory();
        let ours = ids::read(&order.client_order_id);
        let before = memory.orders.get(&order.id).and_then(|owner| owner.client);
        let own = BrokerOrderId::new(order.id.as_str());
        let client = ours.map(|ids| ids.order).or(before);
        memory.insert(&order.id, Owner { client, broker: own.clone() });
        for leg in order.legs() {
            if order.class() == "mleg" {
                memory.insert(&leg.id, Owner { client, broker: own.clone() });
                continue;
            }
            let is_stop = leg.stop_price.is_some();
            let exit = ours.and_then(|ids| if is_stop { ids.stop_loss } else { ids.take_profit });
            // A child that was replaced has a text of ours by itself.
            let exit = ids::read(&leg.client_order_id).map(|ids| ids.order).or(exit);
            let before = memory.orders.get(&leg.id).and_then(|owner| owner.client);
            let theirs = BrokerOrderId::new(leg.id.as_str());
            memory.insert(&leg.id, Owner { client: exit.or(before), broker: theirs.clone() });
            if let Some(exit) = exit.filter(|_| memory.untold.len() < UNTOLD_MAX)
                && memory.told.insert(leg.id.clone())
            {
                memory.untold.push((exit, theirs));
                self.news.notify_one();
            }
        }
    }

    /// Whose an order is, as far as it was seen.
    pub(super) fn owner(&self, order_id: &str) -> Option<Owner> {
        self.memory().orders.get(order_id).cloned()
    }

    /// `new` is to take the place of an order.
    pub(super) fn replaces(&self, old: &str, new: ClientOrderId) {
        let mut memory = self.memory();
        if memory.replacing.len() >= UNTOLD_MAX {
            memory.replacing.pop_first();
        }
        memory.replacing.insert(old.to_owned(), new);
    }

    /// It did not, and does not any more.
    pub(super) fn replaces_not(&self, old: &str, new: ClientOrderId) {
        let mut memory = self.memory();
        if memory.replacing.get(old) == Some(&new) {
            memory.replacing.remove(old);
        }
    }

    /// What was to take the place of an order.
    pub(super) fn replacement(&self, old: &str) -> Option<ClientOrderId> {
        self.memory().replacing.get(old).copied()
    }

    /// Exits that were seen for the first time since the last call.
    pub(super) fn take_untold(&self) -> Vec<(ClientOrderId, BrokerOrderId)> {
        std::mem::take(&mut self.memory().untold)
    }
}

impl Memory {
    fn insert(&mut self, id: &str, owner: Owner) {
        if self.orders.insert(id.to_owned(), owner).is_none() {
            self.age.push_back(id.to_owned());
        }
        while self.age.len() > KNOWN_MAX {
            if let Some(oldest) = self.age.pop_front() {
                self.orders.remove(&oldest);
                self.told.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Order {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn children_find_their_exits_and_are_told_once() {
        let id = |n: u128| ClientOrderId::from_parts(1_790_000_000_000, n);
        let text = format!("arb-{}-t{}-s{}", id(1), id(2), id(3));
        let bracket = order(&format!(
            r#"{{"id":"p","client_order_id":"{text}","status":"new","order_class":"bracket","legs":[
                {{"id":"a","client_order_id":"x","status":"held","limit_price":"11"}},
                {{"id":"b","client_order_id":"y","status":"held","stop_price":"9"}}]}}"#
        ));
        let known = Known::default();
        known.learn(&bracket);
        known.learn(&bracket);
        let client = |id: &str| known.owner(id).unwrap().client;
        assert_eq!((client("p"), client("a"), client("b")), (Some(id(1)), Some(id(2)), Some(id(3))));
        let untold = known.take_untold();
        assert_eq!(untold, [(id(2), BrokerOrderId::new("a")), (id(3), BrokerOrderId::new("b"))], "told once");
        known.learn(&bracket);
        assert!(known.take_untold().is_empty() && known.owner("z").is_none());
        // By itself a child says nothing of its parent, and what was known stays.
        known.learn(&order(r#"{"id":"a","client_order_id":"x","status":"new","limit_price":"11"}"#));
        assert_eq!(client("a"), Some(id(2)));
    }

    #[test]
    fn legs_of_a_package_are_the_package() {
        let id = ClientOrderId::from_parts(1_790_000_000_000, 1);
        let package = order(&format!(
            r#"{{"id":"p","client_order_id":"arb-{id}-sold","status":"new","order_class":"mleg","legs":[
                {{"id":"a","client_order_id":"x","status":"new"}}]}}"#
        ));
        let known = Known::default();
        known.learn(&package);
        let owner = Owner { client: Some(id), broker: BrokerOrderId::new("p") };
        assert_eq!(known.owner("a"), Some(owner));
        assert!(known.take_untold().is_empty());
    }

    #[test]
    fn a_replace_that_was_refused_takes_nobodys_place() {
        let id = |n: u128| ClientOrderId::from_parts(1_790_000_000_000, n);
        let known = Known::default();
        known.replaces("old", id(1));
        known.replaces("old", id(2));
        known.replaces_not("old", id(1));
        assert_eq!(known.replacement("old"), Some(id(2)), "another one is on its way");
        known.replaces_not("old", id(2));
        assert_eq!(known.replacement("old"), None);
    }

    #[test]
    fn the_memory_is_bounded() {
        let known = Known::default();
        for n in 0..=KNOWN_MAX {
            known.learn(&order(&format!(r#"{{"id":"{n}","status":"new"}}"#)));
        }
        assert!(known.owner("0").is_none() && known.owner("1").is_some());
    }
}
