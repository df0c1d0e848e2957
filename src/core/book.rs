//! The order book of the profile: working orders, and the recent ones that have ended.

use std::collections::BTreeMap;

use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::order::Order;

/// Ended orders kept in memory; older ones are in the database.
pub const ENDED_ORDERS_MAX: usize = 2_000;

/// Orders by id. Working ones are apart, for every risk check walks them.
#[derive(Clone, Debug, Default)]
pub struct OrderBook {
    working: BTreeMap<ClientOrderId, Order>,
    ended: BTreeMap<ClientOrderId, Order>,
}

impl OrderBook {
    /// Adds or overwrites an order.
    pub fn insert(&mut self, order: Order) {
        let id = order.request.client_order_id;
        if order.is_working() {
            self.ended.remove(&id);
            self.working.insert(id, order);
        } else {
            self.working.remove(&id);
            self.ended.insert(id, order);
            // Ids sort by time, so the first is the oldest.
            while self.ended.len() > ENDED_ORDERS_MAX {
                self.ended.pop_first();
            }
        }
    }

    /// Takes an order out, to be changed and inserted again.
    pub fn take(&mut self, id: ClientOrderId) -> Option<Order> {
        self.working.remove(&id).or_else(|| self.ended.remove(&id))
    }

    /// One order.
    #[must_use]
    pub fn get(&self, id: ClientOrderId) -> Option<&Order> {
        self.working.get(&id).or_else(|| self.ended.get(&id))
    }

    /// The order with this number.
    #[must_use]
    pub fn by_number(&self, number: OrderNumber) -> Option<&Order> {
        let find = |orders: &BTreeMap<ClientOrderId, Order>| {
            orders
                .values()
                .rev()
                .find(|order| order.number == number)
                .map(|order| order.request.client_order_id)
        };
        find(&self.working).or_else(|| find(&self.ended)).and_then(|id| self.get(id))
    }

    /// Working orders, oldest first.
    pub fn working(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.working.values()
    }

    /// Working orders of an account, oldest first.
    pub fn working_of<'a>(&'a self, account: &'a AccountId) -> impl Iterator<Item = &'a Order> {
        self.working.values().filter(move |order| order.request.account == *account)
    }

    /// Ended orders, oldest first.
    pub fn ended(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.ended.values()
    }
}
