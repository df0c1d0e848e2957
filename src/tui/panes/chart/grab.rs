//! A working order taken hold of on the chart: its price moves by ticks, and Enter asks for the replace. Nothing is sent from here.

use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::Price;
use crate::domain::order::{Order, OrderChange};
use crate::domain::snapshot::Snapshot;
use crate::tui::dialogs::Dialog;
use crate::tui::dialogs::confirm::Confirm;
use crate::tui::env::At;
use crate::tui::format;
use crate::tui::wish::Wish;

/// Which price of which order is held, and where it was moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grab {
    /// The order.
    pub order: ClientOrderId,
    /// Its stop price, else its limit.
    pub stop: bool,
    /// Where it is now.
    pub price: Price,
}

/// The prices of an instrument's working orders that can be moved, the highest first.
fn handles(instrument: &Instrument, snapshot: &Snapshot) -> Vec<Grab> {
    let mut all: Vec<Grab> = Vec::new();
    let own = |order: &&Order| order.is_working() && order.request.subject.instrument() == Some(instrument);
    for order in snapshot.orders.iter().filter(own) {
        let id = order.request.client_order_id;
        let pricing = order.request.pricing;
        let limit = pricing.limit_price().map(|price| Grab { order: id, stop: false, price });
        let stop = pricing.stop_price().map(|price| Grab { order: id, stop: true, price });
        all.extend(limit.into_iter().chain(stop));
    }
    all.sort_by_key(|grab| std::cmp::Reverse(grab.price));
    all
}

impl Grab {
    /// The next price that can be moved, from the highest down and around the end; none where there is none.
    #[must_use]
    pub fn next(held: Option<Self>, instrument: &Instrument, snapshot: &Snapshot) -> Option<Self> {
        let all = handles(instrument, snapshot);
        let at = held.and_then(|held| {
            all.iter().position(|other| other.order == held.order && other.stop == held.stop)
        });
        all.get(at.map_or(0, |at| (at + 1) % all.len())).copied()
    }

    /// Its order, while that works.
    #[must_use]
    pub fn order<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Order> {
        let order = snapshot.orders.iter().find(|order| order.request.client_order_id == self.order);
        order.filter(|order| order.is_working())
    }

    /// The price that the order has.
    #[must_use]
    pub fn old_price(&self, snapshot: &Snapshot) -> Option<Price> {
        let pricing = self.order(snapshot)?.request.pricing;
        if self.stop { pricing.stop_price() } else { pricing.limit_price() }
    }

    /// Moves the price by so many ticks; it never reaches zero.
    pub fn step(&mut self, ticks: i64, snapshot: &Snapshot) {
        let Some(order) = self.order(snapshot) else { return };
        let Some(instrument) = order.request.subject.instrument() else { return };
        let standard = || InstrumentSpec::standard(instrument.clone());
        let spec = snapshot.specs.get(instrument).cloned().unwrap_or_else(standard);
        for _ in 0..ticks.unsigned_abs() {
            let price = self.price.get();
            // Below a tick's own boundary the finer tick holds.
            let below = Price::new(price - rust_decimal::Decimal::new(1, 8));
            let next = if ticks > 0 { price + spec.tick_at(self.price) } else { price - spec.tick_at(below) };
            if next <= rust_decimal::Decimal::ZERO {
                return;
            }
            self.price = Price::new(next);
        }
    }

    /// The question that replaces the order, once its price is another.
    #[must_use]
    pub fn review(&self, at: &At<'_>) -> Option<Wish> {
        let order = self.order(at.snapshot)?;
        let old = self.old_price(at.snapshot).filter(|old| *old != self.price)?;
        let mut change = OrderChange::default();
        *(if self.stop { &mut change.stop_price } else { &mut change.limit_price }) = Some(self.price);
        let name = if self.stop { "stop" } else { "limit" };
        let instrument = order.request.subject.instrument();
        let decimals = instrument.map_or(2, |instrument| format::decimals_of(at.snapshot, instrument));
        let text = |price: Price| format::grouped_whole(price.get(), decimals);
        let words = vec![format!("{name} {} -> {}", text(old), text(self.price))];
        Some(Wish::Open(Box::new(Dialog::Confirm(Confirm::replace(order, change, words, at)))))
    }
}
