//! Fills: executions, books, and what they do to linked orders.

use rust_decimal::Decimal;

use crate::domain::execution::{Execution, ExecutionKind, OrderEvent};
use crate::domain::fees::Fill;
use crate::domain::ids::{BrokerOrderId, ClientOrderId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity, round_to_cents};
use crate::domain::order::{OrderStatus, OrderSubject, Side};

use super::{Stage, Venue};

/// One leg's fill.
pub(super) struct LegFill {
    pub(super) instrument: Instrument,
    pub(super) side: Side,
    pub(super) quantity: Quantity,
    pub(super) price: Price,
}

impl Venue {
    /// Fills part of a single-instrument order.
    pub(super) fn fill(&mut self, seq: u64, quantity: Quantity, price: Price, took: bool) {
        let Some(order) = self.orders.get(&seq) else { return };
        let OrderSubject::Instrument(instrument) = &order.request.subject else { return };
        let leg = LegFill { instrument: instrument.clone(), side: order.request.side, quantity, price };
        self.fill_legs(seq, quantity, vec![leg], took);
    }

    /// Fills packages of an order, leg by leg.
    pub(super) fn fill_legs(&mut self, seq: u64, packages: Quantity, legs: Vec<LegFill>, took: bool) {
        let Some(order) = self.orders.get_mut(&seq) else { return };
        let id = order.request.client_order_id;
        order.filled += packages;
        let done = !order.leaves().is_positive();
        for leg in legs {
            let execution = self.execution(Some((id, seq)), leg, ExecutionKind::Trade, took);
            self.book(&execution);
            // A position that has just begun is valued by the prices it was filled from.
            if let Some(mark) =
                self.quotes.get(&execution.instrument).and_then(crate::domain::quote::Quote::mark)
            {
                self.books.mark(&execution.instrument, mark);
            }
            let coins = self.fee_in_coins(&execution, took);
            self.report(id, self.now, OrderEvent::Filled(execution));
            if let Some(leg) = coins {
                self.outside_order(leg, ExecutionKind::Fee);
            }
        }
        self.after_fill(seq, id, packages);
        if done {
            self.end(seq, OrderStatus::Filled, None);
        }
        self.schedule();
    }

    /// A new execution of this venue.
    pub(super) fn execution(
        &mut self,
        order: Option<(ClientOrderId, u64)>,
        leg: LegFill,
        kind: ExecutionKind,
        took: bool,
    ) -> Execution {
        let number = self.next_execution;
        self.next_execution += 1;
        let spec = self.spec_or_standard(&leg.instrument);
        let (multiplier, currency) = (spec.multiplier, spec.currency);
        let fee = match (kind, order) {
            (ExecutionKind::Trade, Some((_, seq))) => self.fee(seq, &leg, multiplier, took),
            (ExecutionKind::Liquidation, _) => {
                let fill = self.fee_terms(&leg, multiplier, took);
                self.config.fees.charge(&fill)
            }
            _ => Decimal::ZERO,
        };
        Execution {
            execution_id: ExecutionId::numbered('x', number),
            account: self.config.account.clone(),
            client_order_id: order.map(|(id, _)| id),
            broker_order_id: order.map(|(_, seq)| BrokerOrderId::numbered('p', seq)),
            instrument: leg.instrument,
            side: leg.side,
            quantity: leg.quantity,
            price: leg.price,
            multiplier,
            fee,
            currency,
            at: self.now,
            kind,
        }
    }

    fn fee_terms(&self, leg: &LegFill, multiplier: Decimal, took: bool) -> Fill {
        let held = self.books.quantity(&leg.instrument);
        Fill {
            class: leg.instrument.asset_class(),
            side: leg.side,
            opens: held.is_zero() || held.is_positive() == leg.side.is_buy(),
            quantity: leg.quantity,
            price: leg.price,
            multiplier,
            took,
            at: self.now,
        }
    }

    /// What a purchase of coins pays in coins, where the venue takes its fee so.
    fn fee_in_coins(&self, execution: &Execution, took: bool) -> Option<LegFill> {
        if !self.config.fees.crypto_fee_in_coin {
            return None;
        }
        let leg = LegFill {
            instrument: execution.instrument.clone(),
            side: execution.side,
            quantity: execution.quantity,
            price: execution.price,
        };
        let quantity = self.config.fees.in_coins(&self.fee_terms(&leg, execution.multiplier, took))?;
        Some(LegFill { side: Side::Sell, quantity, price: Price::ZERO, ..leg })
    }

    /// What a fill costs: an order's minimum and maximum hold for all its fills together.
    fn fee(&mut self, seq: u64, leg: &LegFill, multiplier: Decimal, took: bool) -> Decimal {
        let fill = self.fee_terms(leg, multiplier, took);
        let fees = &self.config.fees;
        if fees.in_coins(&fill).is_some() {
            return Decimal::ZERO;
        }
        let regulatory = fees.regulatory(&fill);
        let Some(order) = self.orders.get_mut(&seq) else { return regulatory };
        let charged = &mut order.charged;
        charged.by_rate += fees.rate(&fill);
        charged.value += fill.value();
        let commission = fees.within_bounds(fill.class, charged.by_rate, charged.value);
        let fee = commission - std::mem::replace(&mut charged.commission, commission);
        round_to_cents(fee + regulatory)
    }

    /// Children follow the parent's filled quantity; siblings of an OCO group shrink by what filled.
    fn after_fill(&mut self, seq: u64, id: ClientOrderId, packages: Quantity) {
        let Some(order) = self.orders.get(&seq) else { return };
        let (filled, group, own_parent) =
            (order.filled, order.request.contingency.oco_group, order.request.contingency.parent);
        let now = self.now;
        let mut changed = Vec::new();
        let mut gone = Vec::new();
        for (other_seq, other) in self.orders.iter_mut() {
            if *other_seq == seq {
                continue;
            }
            let link = &other.request.contingency;
            if link.parent == Some(id) {
                // The first fill lets it out for what has filled; each further one adds to it. What filled of an order that this one
                // replaced is in it already, what its pair has closed is not any more.
                let quantity = if other.stage == Stage::Held {
                    (other.stage, other.since) = (Stage::Working, now);
                    filled
                } else {
                    other.request.quantity + packages
                };
                if other.request.quantity != quantity {
                    other.request.quantity = quantity;
                    changed.push((other.request.client_order_id, quantity));
                }
            } else if link.oco_group.is_some()
                && link.oco_group == group
                && Some(other.request.client_order_id) != own_parent
            {
                let left = other.request.quantity - packages;
                if left > other.filled {
                    other.request.quantity = left;
                    changed.push((other.request.client_order_id, left));
                } else {
                    gone.push(*other_seq);
                }
            }
        }
        for (id, quantity) in changed {
            self.report(id, now, OrderEvent::QuantityChanged { quantity });
        }
        for seq in gone {
            self.end(seq, OrderStatus::Canceled, Some("the other side of its pair filled".to_owned()));
        }
    }
}
