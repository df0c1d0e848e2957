//! Fills that a broker's order shows and its list of executions does not (reliability R4): inferred, and taken out again by the real ones.

use rust_decimal::Decimal;

use crate::core::lifecycle;
use crate::domain::execution::{Execution, ExecutionKind, OrderEvent, OrderUpdate};
use crate::domain::ids::{ClientOrderId, ExecutionId};
use crate::domain::instrument::InstrumentSpec;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Order, OrderSubject, Side};
use crate::domain::statement::{OrderReport, Statement};

use super::Engine;

/// How ids of rows begin that take an inferred fill out again.
const UNDO: &str = "undo-";
/// Places of an inferred price.
const PLACES: u32 = 8;

/// Does a row take out again what was inferred.
pub(super) fn is_undo(execution: &Execution) -> bool {
    execution.kind == ExecutionKind::Inferred && execution.execution_id.as_str().starts_with(UNDO)
}

impl Engine {
    /// The broker's order has filled further than all its executions: what is missing is inferred at the price that its average leaves.
    pub(super) fn infer(&mut self, statement: &Statement, report: &OrderReport, id: ClientOrderId) {
        let Some(order) = self.book.get(id) else { return };
        let missing = report.filled_quantity - order.filled_quantity;
        if !missing.is_positive() || statement.executions.is_none() {
            return;
        }
        // Which legs of a package have filled at what, no average says.
        let OrderSubject::Instrument(instrument) = &order.request.subject else { return };
        let Some(price) = self.inferred_price(order, report, missing) else { return };
        let standard;
        let spec = match self.market.spec(instrument) {
            Some(spec) => spec,
            None => {
                standard = InstrumentSpec::standard(instrument.clone());
                &standard
            }
        };
        let execution = Execution {
            execution_id: ExecutionId::new(format!("inferred-{id}-{}-{price}", report.filled_quantity)),
            account: statement.account.clone(),
            client_order_id: Some(id),
            broker_order_id: Some(report.broker_order_id.clone()),
            instrument: instrument.clone(),
            side: order.request.side,
            quantity: missing,
            price,
            multiplier: spec.multiplier,
            fee: Decimal::ZERO,
            currency: spec.currency,
            at: statement.asked_at,
            kind: ExecutionKind::Inferred,
        };
        self.tell(statement, id, statement.asked_at, OrderEvent::Filled(execution));
    }

    fn inferred_price(&self, order: &Order, report: &OrderReport, missing: Quantity) -> Option<Price> {
        let by_average = report.average_price.and_then(|average| {
            let rest = average.get().checked_mul(report.filled_quantity.get())? - order.filled_notional;
            rest.checked_div(missing.get()).map(|price| Price::new(price.round_dp(PLACES)))
        });
        let mark = || {
            let instrument = order.request.subject.instrument()?;
            self.quote(instrument)?.mark()
        };
        by_average
            .filter(|price| price.is_positive())
            .or_else(|| order.request.pricing.worst_price())
            .or_else(mark)
    }

    /// Keeps in mind what has been inferred, from an execution that has just been booked or comes from the journal.
    pub(super) fn saw_inferred(&mut self, execution: &Execution) {
        let Some(id) = execution.client_order_id.filter(|_| execution.kind == ExecutionKind::Inferred) else {
            return;
        };
        if is_undo(execution) {
            self.forget_inferred(id, execution.quantity);
        } else {
            self.inferred.entry(id).or_default().push((execution.quantity, execution.price));
        }
    }

    /// Up to so many units of what was inferred of an order, oldest first.
    fn inferred_of(&self, id: ClientOrderId, most: Quantity) -> Vec<(Quantity, Price)> {
        let (mut parts, mut left) = (Vec::new(), most);
        for (quantity, price) in self.inferred.get(&id).into_iter().flatten() {
            let part = left.min(*quantity);
            if part.is_positive() {
                parts.push((part, *price));
                left -= part;
            }
        }
        parts
    }

    /// So many units of it, the oldest, have been taken out again.
    fn forget_inferred(&mut self, id: ClientOrderId, quantity: Quantity) {
        let Some(open) = self.inferred.get_mut(&id) else { return };
        let mut left = quantity;
        while let Some((units, _)) = open.first_mut().filter(|_| left.is_positive()) {
            let part = left.min(*units);
            left -= part;
            *units -= part;
            if units.is_zero() {
                open.remove(0);
            }
        }
        if open.is_empty() {
            self.inferred.remove(&id);
        }
    }

    /// A real fill of an order of which some was inferred. What it explains is exchanged for it; what is more is progress. True when it was
    /// dealt with here.
    pub(super) fn on_real_fill(&mut self, update: &OrderUpdate, execution: &Execution) -> bool {
        let id = update.client_order_id;
        if execution.kind == ExecutionKind::Inferred || !self.inferred.contains_key(&id) {
            return false;
        }
        let parts = self.inferred_of(id, execution.quantity);
        let more = parts.iter().fold(execution.quantity, |more, (part, _)| more - *part);
        self.take_back(execution, more);
        self.exits.explained = execution.quantity - more;
        let booked = self.book_execution(execution);
        self.exits.explained = Quantity::ZERO;
        if !booked {
            return true;
        }
        for (n, (quantity, price)) in parts.iter().enumerate() {
            let undo = Execution {
                execution_id: ExecutionId::new(format!("{UNDO}{}-{n}", execution.execution_id)),
                side: if execution.side.is_buy() { Side::Sell } else { Side::Buy },
                quantity: *quantity,
                price: *price,
                fee: Decimal::ZERO,
                kind: ExecutionKind::Inferred,
                ..execution.clone()
            };
            // Booking it lets go of what it takes out.
            self.book_execution(&undo);
            self.book.change(id, |order| lifecycle::reprice(order, *quantity, *price, execution.price));
        }
        if let Some(order) = self.book.get(id).cloned() {
            self.orders_dirty();
            self.entry.orders.push(order);
        }
        if more.is_positive() {
            let event = OrderEvent::Filled(Execution { quantity: more, ..execution.clone() });
            self.fold(&OrderUpdate { event, ..update.clone() });
        }
        true
    }
}
