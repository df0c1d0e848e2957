//! An order as a broker has it.

use arbion::domain::execution::Execution;
use arbion::domain::ids::{BrokerOrderId, ClientOrderId};
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::OrderRequest;
use jiff::Timestamp;
use rust_decimal::Decimal;

/// How an order ended, but by its fills.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Canceled,
    Expired,
    Replaced(ClientOrderId),
}

/// An order as the broker knows it.
pub(crate) struct Held {
    pub(crate) request: OrderRequest,
    pub(crate) fills: Vec<Execution>,
    pub(crate) end: Option<End>,
    /// The broker's own id of it.
    pub(crate) broker_id: BrokerOrderId,
    pub(crate) entered_at: Timestamp,
    /// Somebody else's: it carries no id of ours.
    pub(crate) external: bool,
    /// The answer to its submit came through, so that the link knows what it is called.
    pub(crate) answered: bool,
    /// What works in all: less than was asked for once the other exit of a bracket has filled in part.
    pub(crate) quantity: Quantity,
    /// The order whose end it waits for, and what was filled before that one took its place.
    pub(crate) waits: Option<(ClientOrderId, Quantity)>,
    pub(crate) visible_at: Timestamp,
}

impl Held {
    /// Units, or packages: those are counted by their first leg.
    pub(crate) fn filled(&self) -> Quantity {
        let first = self.request.subject.instruments().next();
        let counted = self.fills.iter().filter(|fill| Some(&fill.instrument) == first);
        counted.map(|fill| fill.quantity).fold(Quantity::ZERO, |a, b| a + b)
    }

    /// Its price is so far away that it never fills: what is to become of it, messages alone decide.
    pub(crate) fn rests(&self) -> bool {
        let pricing = &self.request.pricing;
        let price = pricing.limit_price().or(pricing.stop_price()).map(Price::get);
        let share = self.request.subject.instrument().is_some_and(|it| it.as_option().is_none());
        let near = Decimal::from(60)..Decimal::from(140);
        share && price.is_some_and(|price| !near.contains(&price))
    }

    /// For how much the new order of a plan may work in the place of this one: what has filled unheard is taken off. `None` of all others.
    pub(crate) fn most_of(&self, new: &OrderRequest, known: Quantity) -> Option<Quantity> {
        let alone = new.reduce_only && new.contingency.oco_group.is_none();
        alone.then(|| new.quantity - (self.filled() - known).max(Quantity::ZERO))
    }

    pub(crate) fn is_at_market(&self) -> bool {
        self.request.pricing.is_at_market()
    }

    pub(crate) fn works(&self) -> bool {
        self.end.is_none() && self.filled() < self.quantity
    }
}
