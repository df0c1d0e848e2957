//! What a person does to an order of a plan, here or at the broker's own page: the hand wins. A price that was moved by hand is left alone, and
//! a stop that was moved is where the plan has it from then on; that is said.

use crate::core::engine::Engine;
use crate::domain::exit::{ExitGroup, ExitLevel, ExitReason};
use crate::domain::ids::ClientOrderId;
use crate::domain::money::Price;
use crate::domain::order::{OrderChange, OrderStatus, Pricing};
use crate::domain::snapshot::Severity;

use super::Key;

impl Engine {
    /// The plan whose order this is, at work or as its stop.
    fn plan_of(&self, order: ClientOrderId) -> Option<(Key, ExitGroup)> {
        let mut watches = self.exits.watches.iter();
        let (key, watch) = watches.find(|(_, watch)| self.is_order_of(&watch.group, order))?;
        Some((key.clone(), watch.group.clone()))
    }

    /// Why a person's change of the stop of a plan cannot be taken over: anything but another stop price would be another plan.
    pub(in crate::core::engine) fn refused_by_plan(
        &self,
        id: ClientOrderId,
        change: &OrderChange,
    ) -> Option<String> {
        let order = self.book.get(id).filter(|_| self.exits.is_resting(id))?;
        let stop_price = change.stop_price.filter(|_| matches!(order.request.pricing, Pricing::Stop { .. }));
        if stop_price.is_some() && *change == (OrderChange { stop_price, ..OrderChange::default() }) {
            return None;
        }
        Some(format!(
            "order {} is the stop of an exit plan; change its stop price alone, or the plan (arbion exits set), or cancel it",
            order.number
        ))
    }

    /// A person has changed an order; `new` is to take its place.
    pub(in crate::core::engine) fn changed_by_hand(&mut self, old: ClientOrderId, new: ClientOrderId) {
        let Some((key, group)) = self.plan_of(old) else { return };
        let pricing = self.book.get(new).map(|order| order.request.pricing);
        if self.exits.is_resting(old) {
            if let Some(watch) = self.exits.watches.get_mut(&key) {
                watch.group.resting_at = Some(self.now);
            }
            self.set_resting(&key, Some(new));
            if let Some(Pricing::Stop { stop_price }) = pricing {
                self.adopt_stop(&key, stop_price);
            }
        } else if self.is_order_of(&ExitGroup { resting: None, ..group }, old) {
            if let Some(watch) = self.exits.watches.get_mut(&key) {
                watch.group.order = Some(new);
            }
            self.leave_to_hand(&key, new);
        }
    }

    /// The broker shows an order at another price, which nobody asked for here.
    pub(in crate::core::engine) fn restated_by_hand(&mut self, id: ClientOrderId) {
        let Some((key, group)) = self.plan_of(id) else { return };
        let Some(order) = self.book.get(id) else { return };
        // What is on its way out, or is being changed from here, is no word of a person's.
        if group.leaving || !matches!(order.status, OrderStatus::Submitted | OrderStatus::PartiallyFilled) {
            return;
        }
        match order.request.pricing {
            Pricing::Stop { stop_price } if self.exits.is_resting(id) => self.adopt_stop(&key, stop_price),
            _ if group.order == Some(id) => self.leave_to_hand(&key, id),
            _ => {}
        }
    }

    fn leave_to_hand(&mut self, key: &Key, id: ClientOrderId) {
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        watch.group.by_hand = true;
        self.exits.changed();
        let number = self.book.get(id).map_or_else(String::new, |order| format!(" {}", order.number));
        let text = format!(
            "{} {}: order{number} of its exit was changed by hand; the plan leaves its price alone",
            key.0, key.1
        );
        self.note(Severity::Warning, "EXIT_BY_HAND", text);
    }

    /// A stop that was moved by hand: further away it follows no more, as it would be back at once.
    fn adopt_stop(&mut self, key: &Key, stop: Price) {
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        let group = &mut watch.group;
        let further =
            group.stop_price.is_some_and(|known| if group.long { stop < known } else { stop > known });
        let followed = group.plan.trailing.is_some() || group.plan.break_even;
        if further {
            (group.plan.trailing, group.plan.break_even, group.trails) = (None, false, false);
        }
        group.plan.stop_loss = Some(ExitLevel::Price(stop));
        (group.stop_price, group.stop_by) = (Some(stop), ExitReason::StopLoss);
        self.exits.beyond.remove(key);
        self.exits.changed();
        let words = self.market.price_words(&key.1, stop);
        let no_more = if further && followed { "; it follows the price no more" } else { "" };
        let text = format!("{} {}: its stop was moved by hand to {words}{no_more}", key.0, key.1);
        self.note(Severity::Warning, "EXIT_BY_HAND", text);
    }
}
