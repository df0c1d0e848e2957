//! The order book of the profile: working orders, and the recent ones that have ended.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::sorted::SortedMap;
use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::order::{Order, OrderRequest, OrderSubject};

/// Ended orders kept in memory; older ones are in the database.
pub const ENDED_ORDERS_MAX: usize = 2_000;

/// Orders by id. Working ones are apart, and by account and instrument too: every risk check asks for those in one instrument.
///
/// Orders are boxed: they are large, and a map moves its neighbours with every one that comes or goes.
#[derive(Clone, Debug)]
pub struct OrderBook {
    ended_max: usize,
    working: SortedMap<ClientOrderId, Box<Order>>,
    ended: SortedMap<ClientOrderId, Box<Order>>,
    accounts: BTreeMap<AccountId, AccountOrders>,
}

/// Where an account's working orders are found.
#[derive(Clone, Debug, Default)]
struct AccountOrders {
    count: usize,
    lines: SortedMap<Instrument, Line>,
    packages: BTreeSet<ClientOrderId>,
}

/// The working orders in one instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Every order that names it, packages and exits too; rising, so oldest first; never empty.
    ids: Vec<ClientOrderId>,
    /// Units that plain orders may still buy: orders in this instrument alone that neither wait for a parent nor only reduce. Positive.
    pub buys: Decimal,
    /// The same to sell. Positive.
    pub sells: Decimal,
}

impl Line {
    /// Do all plain orders together do no more than close what is held (signed): they need no money, and nothing grows by them.
    #[must_use]
    pub fn only_closes(&self, held: Decimal) -> bool {
        if held.is_sign_negative() {
            self.sells.is_zero() && self.buys <= -held
        } else {
            self.buys.is_zero() && self.sells <= held
        }
    }

    /// Adds the units of one plain order to its side.
    pub fn count_in(&mut self, request: &OrderRequest, units: Decimal) {
        *if request.side.is_buy() { &mut self.buys } else { &mut self.sells } += units;
    }
}

/// Does an order claim units of its own accord: a child waits for its parent, and an exit only reduces.
#[must_use]
pub fn is_plain(request: &OrderRequest) -> bool {
    request.contingency.parent.is_none() && !request.reduce_only
}

/// Does nothing change by which an order is found: most events move its status alone.
fn is_found_alike(old: &Order, new: &Order) -> bool {
    old.leaves_quantity() == new.leaves_quantity()
        && old.request.side == new.request.side
        && is_plain(&old.request) == is_plain(&new.request)
        && old.request.subject == new.request.subject
        && old.request.account == new.request.account
}

impl AccountOrders {
    fn add(&mut self, order: &Order) {
        let (id, request) = (order.request.client_order_id, &order.request);
        self.count += 1;
        for instrument in request.subject.instruments() {
            let line = self.lines.get_or_insert_with(instrument, Line::default);
            // A package may name an instrument twice.
            if let Err(at) = line.ids.binary_search(&id) {
                line.ids.insert(at, id);
            }
        }
        match &request.subject {
            OrderSubject::Instrument(instrument) if is_plain(request) => {
                if let Some(line) = self.lines.get_mut(instrument) {
                    line.count_in(request, order.leaves_quantity().get());
                }
            }
            OrderSubject::Instrument(_) => {}
            OrderSubject::Legs(_) => {
                self.packages.insert(id);
            }
        }
    }

    /// `leaves` is what was left of it when it was added or last counted.
    fn remove(&mut self, order: &Order, leaves: Quantity) {
        let (id, request) = (order.request.client_order_id, &order.request);
        self.count -= 1;
        self.packages.remove(&id);
        let single = request.subject.instrument().is_some();
        for instrument in request.subject.instruments() {
            let Some(line) = self.lines.get_mut(instrument) else { continue };
            if let Ok(at) = line.ids.binary_search(&id) {
                line.ids.remove(at);
            }
            if line.ids.is_empty() {
                self.lines.remove(instrument);
            } else if single && is_plain(request) {
                line.count_in(request, -leaves.get());
            }
        }
    }
}

impl AccountOrders {
    /// More or less is left of an order that stays.
    fn recount(&mut self, order: &Order, leaves: Quantity) {
        if let OrderSubject::Instrument(instrument) = &order.request.subject
            && is_plain(&order.request)
            && let Some(line) = self.lines.get_mut(instrument)
        {
            line.count_in(&order.request, (order.leaves_quantity() - leaves).get());
        }
    }
}

impl Default for OrderBook {
    fn default() -> Self {
        Self::remembering(ENDED_ORDERS_MAX)
    }
}

impl OrderBook {
    /// An empty book that keeps so many ended orders.
    #[must_use]
    pub const fn remembering(ended_max: usize) -> Self {
        Self { ended_max, working: SortedMap::new(), ended: SortedMap::new(), accounts: BTreeMap::new() }
    }

    /// Adds or overwrites an order.
    pub fn insert(&mut self, order: Order) {
        let id = order.request.client_order_id;
        if let Some(known) = self.working.get_mut(&id)
            && order.is_working()
            && is_found_alike(known, &order)
        {
            **known = order;
            return;
        }
        self.take_working(id);
        if order.is_working() {
            self.ended.remove(&id);
            if !self.accounts.contains_key(&order.request.account) {
                self.accounts.insert(order.request.account.clone(), AccountOrders::default());
            }
            if let Some(account) = self.accounts.get_mut(&order.request.account) {
                account.add(&order);
            }
            self.working.insert(id, Box::new(order));
        } else {
            self.keep_ended(Box::new(order));
        }
    }

    /// Changes an order where it lies: its status, progress, quantity and prices, never what it is an order for. `None` when there is no
    /// such order.
    pub fn change<T>(&mut self, id: ClientOrderId, change: impl FnOnce(&mut Order) -> T) -> Option<T> {
        let Some(order) = self.working.get_mut(&id) else {
            // What has ended may be completed by a late fill, and does not come back to life.
            return self.ended.get_mut(&id).map(|order| change(order));
        };
        let leaves = order.leaves_quantity();
        let result = change(order);
        if order.is_working() {
            if leaves != order.leaves_quantity()
                && let Some(account) = self.accounts.get_mut(&order.request.account)
            {
                account.recount(order, leaves);
            }
        } else if let Some(order) = self.working.remove(&id) {
            if let Some(account) = self.accounts.get_mut(&order.request.account) {
                account.remove(&order, leaves);
            }
            self.keep_ended(order);
        }
        Some(result)
    }

    fn keep_ended(&mut self, order: Box<Order>) {
        self.ended.insert(order.request.client_order_id, order);
        // Ids sort by time, so the first is the oldest.
        self.ended.keep_last(self.ended_max);
    }

    /// Takes an order out, to be changed and inserted again.
    pub fn take(&mut self, id: ClientOrderId) -> Option<Order> {
        self.take_working(id).or_else(|| self.ended.remove(&id)).map(|order| *order)
    }

    fn take_working(&mut self, id: ClientOrderId) -> Option<Box<Order>> {
        let order = self.working.remove(&id)?;
        if let Some(account) = self.accounts.get_mut(&order.request.account) {
            account.remove(&order, order.leaves_quantity());
        }
        Some(order)
    }

    /// One order.
    #[must_use]
    pub fn get(&self, id: ClientOrderId) -> Option<&Order> {
        self.working.get(&id).or_else(|| self.ended.get(&id)).map(Box::as_ref)
    }

    /// The order with this number.
    #[must_use]
    pub fn by_number(&self, number: OrderNumber) -> Option<&Order> {
        let is_it = |order: &&Order| order.number == number;
        self.working().rev().find(is_it).or_else(|| self.ended().rev().find(is_it))
    }

    /// Working orders, oldest first.
    pub fn working(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.working.values().map(Box::as_ref)
    }

    /// Working orders of an account, oldest first.
    pub fn working_of<'a>(&'a self, account: &'a AccountId) -> impl Iterator<Item = &'a Order> {
        self.working().filter(move |order| order.request.account == *account)
    }

    /// Working orders of an account, to be asked for by instrument.
    #[must_use]
    pub fn lookup(&self, account: &AccountId) -> WorkingOrders<'_> {
        WorkingOrders {
            orders: &self.working,
            account: self.accounts.get(account),
            without: None,
            aside: None,
        }
    }

    /// Ended orders, oldest first.
    pub fn ended(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.ended.values().map(Box::as_ref)
    }
}

/// An account's working orders, perhaps without one that is to be replaced. Copying it copies references.
#[derive(Clone, Copy, Debug)]
pub struct WorkingOrders<'a> {
    orders: &'a SortedMap<ClientOrderId, Box<Order>>,
    account: Option<&'a AccountOrders>,
    without: Option<&'a Order>,
    aside: Option<&'a BTreeSet<ClientOrderId>>,
}

impl<'a> WorkingOrders<'a> {
    /// The same as if this order were gone.
    #[must_use]
    pub const fn without(self, order: &'a Order) -> Self {
        Self { without: Some(order), ..self }
    }

    /// The same as if these orders were gone; they still count as orders.
    #[must_use]
    pub const fn aside(self, orders: &'a BTreeSet<ClientOrderId>) -> Self {
        Self { aside: Some(orders), ..self }
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> usize {
        let gone = self.without.filter(|order| self.orders.contains_key(&order.request.client_order_id));
        self.account.map_or(0, |account| account.count).saturating_sub(usize::from(gone.is_some()))
    }

    /// Those that name an instrument, packages among them, oldest first.
    pub fn naming(self, instrument: &Instrument) -> impl Iterator<Item = &'a Order> + use<'a> {
        let line = self.account.and_then(|account| account.lines.get(instrument));
        let ids = line.map_or(&[][..], |line| line.ids.as_slice());
        ids.iter().filter_map(move |id| self.get(*id))
    }

    /// The packages, oldest first.
    pub fn packages(self) -> impl Iterator<Item = &'a Order> {
        let ids = self.account.map(|account| account.packages.iter()).into_iter().flatten();
        ids.filter_map(move |id| self.get(*id))
    }

    /// Every instrument that is named, in order, with sums over its plain orders. An order that is to be replaced is still in the sums:
    /// they are what may trade at most.
    pub fn lines(self) -> impl Iterator<Item = (&'a Instrument, &'a Line)> {
        self.account.map(|account| account.lines.iter()).into_iter().flatten()
    }

    fn get(&self, id: ClientOrderId) -> Option<&'a Order> {
        let gone = self.without.is_some_and(|order| order.request.client_order_id == id)
            || self.aside.is_some_and(|orders| orders.contains(&id));
        if gone { None } else { self.orders.get(&id).map(Box::as_ref) }
    }
}

impl FromIterator<Order> for OrderBook {
    fn from_iter<T: IntoIterator<Item = Order>>(orders: T) -> Self {
        let mut book = Self::default();
        orders.into_iter().for_each(|order| book.insert(order));
        book
    }
}
