//! Changes of a strategy's working orders: what a change adds obeys what a new order of that size would.

use smol_str::SmolStr;

use crate::core::engine::Engine;
use crate::domain::denial::{Denial, DenialCode};
use crate::domain::order::{Order, OrderChange, OrderRequest, Pricing};
use crate::domain::strategy::Confirm;

use super::outputs::{denial, parts};

impl Engine {
    /// May a strategy's order become another one.
    pub(super) fn check_change(
        &self,
        name: &SmolStr,
        order: &Order,
        change: &OrderChange,
    ) -> Result<(), Denial> {
        let changed = &changed(order, change);
        let confirmed = self.host.instances.get(name).map(|instance| instance.spec.rules.confirm);
        let opens = parts(changed).any(|part| !part.closes);
        if confirmed == Some(Confirm::Each) && opens && !takes_less(order, change) {
            let text =
                format!("strategy={name} confirm=each: what was confirmed may shrink or get a better limit");
            return Err(denial(DenialCode::NotAuthorised, &text));
        }
        let instead_of = Some(order.request.client_order_id);
        if changed.quantity > order.leaves_quantity() {
            for part in parts(changed).filter(|part| part.closes) {
                let closable = self.closable(name, part.instrument, part.side, instead_of);
                if part.quantity > closable {
                    let text = format!("strategy={name} wants={} its_own_and_free={closable}", part.quantity);
                    return Err(denial(DenialCode::SellExceedsPosition, &text));
                }
            }
        }
        let before = self.money_for(&order.request, order.leaves_quantity());
        let after = self.money_for(changed, changed.quantity);
        // What binds no more than it did needs no room.
        if before.zip(after).is_some_and(|(before, after)| after <= before) {
            return Ok(());
        }
        self.check_capital(name, changed, instead_of)
    }
}

/// An order's request with other terms, for what is still open of it.
pub(super) fn changed(order: &Order, change: &OrderChange) -> OrderRequest {
    let mut request = order.request.clone();
    let total = change.quantity.unwrap_or(request.quantity);
    request.quantity = total - order.filled_quantity;
    if let Some(limit) = change.limit_price
        && let Pricing::Limit { limit_price } | Pricing::StopLimit { limit_price, .. } = &mut request.pricing
    {
        *limit_price = limit;
    }
    request
}

/// Does a change ask for nothing that whoever confirmed the order did not confirm: fewer units, or a better limit.
pub(super) fn takes_less(order: &Order, change: &OrderChange) -> bool {
    let OrderChange { limit_price, stop_price, trail, quantity, time_in_force } = change;
    let buys = order.request.side.is_buy();
    let better = match (limit_price, order.request.pricing.limit_price()) {
        (None, _) => true,
        // Whether a package's net price became better depends on who pays it.
        (Some(_), None) => false,
        (Some(_), Some(_)) if order.request.subject.instrument().is_none() => false,
        (Some(new), Some(old)) => {
            if buys {
                *new <= old
            } else {
                *new >= old
            }
        }
    };
    better
        && quantity.is_none_or(|total| total <= order.request.quantity)
        && stop_price.is_none()
        && trail.is_none()
        && time_in_force.is_none()
}
