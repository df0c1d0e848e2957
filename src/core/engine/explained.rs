//! What comes to be explained after it was booked: units that were adjusted before the executions behind them came, and executions of an
//! order that was nobody's then (reliability R4, E6). Neither counts twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::execution::{Execution, ExecutionKind, OrderEvent, OrderUpdate};
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::order::Side;
use crate::domain::snapshot::Severity;

use super::Engine;

/// Executions of nobody's orders that are kept in mind, the newest: an order is found soon after its fills, or never.
const NOBODYS_MAX: usize = 1_000;

/// What one account has booked without its reason.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Unexplained {
    adjusted: BTreeMap<Instrument, Adjusted>,
    /// Trades under the broker's id of an order that is not known here, oldest first.
    nobodys: VecDeque<Execution>,
    /// When cash was last brought to what the broker shows, by currency.
    followed: BTreeMap<Currency, Timestamp>,
}

/// Units of an instrument that no execution has explained yet.
#[derive(Clone, Copy, Debug)]
struct Adjusted {
    /// Signed, never zero.
    units: Quantity,
    /// What they were valued at.
    price: Price,
    /// The books agreed with the broker then: whatever happened before is in its units.
    at: Timestamp,
}

impl Unexplained {
    fn saw_adjustment(&mut self, execution: &Execution) {
        let known = self.adjusted.remove(&execution.instrument);
        let units = known.map(|it| it.units).unwrap_or_default() + execution.signed_quantity();
        if units.is_zero() {
            return;
        }
        let at = known.map_or(execution.at, |it| it.at.max(execution.at));
        self.adjusted.insert(execution.instrument.clone(), Adjusted { units, price: execution.price, at });
    }

    /// Cash has been brought to what the broker shows.
    pub(super) fn followed(&mut self, currency: Currency, at: Timestamp) {
        let newest = self.followed.entry(currency).or_insert(at);
        *newest = at.max(*newest);
    }

    /// When that was last.
    pub(super) fn followed_at(&self, currency: Currency) -> Option<Timestamp> {
        self.followed.get(&currency).copied()
    }

    fn saw_nobodys(&mut self, execution: &Execution) {
        if self.nobodys.len() >= NOBODYS_MAX {
            self.nobodys.pop_front();
        }
        self.nobodys.push_back(execution.clone());
    }
}

impl Engine {
    /// Keeps in mind what an execution leaves unexplained, one that has just been booked or comes from the journal.
    pub(super) fn saw_unexplained(&mut self, execution: &Execution) {
        let is_adjustment = execution.kind == ExecutionKind::Adjustment;
        let named = execution.kind == ExecutionKind::Trade && execution.broker_order_id.is_some();
        let ours = || execution.client_order_id.is_some_and(|id| self.book.get(id).is_some());
        let nobodys = named && !ours();
        let Some(books) = self.accounts.get_mut(&execution.account) else { return };
        if is_adjustment {
            books.unexplained.saw_adjustment(execution);
        } else if nobodys {
            books.unexplained.saw_nobodys(execution);
        }
    }

    /// An execution that is about to be booked happened before units were adjusted to what the broker held: those units are in there already,
    /// and are taken out again, so that they count once. What had been inferred of it is not among `units`.
    pub(super) fn take_back(&mut self, execution: &Execution, units: Quantity) {
        if matches!(execution.kind, ExecutionKind::Adjustment | ExecutionKind::Inferred) || units.is_zero() {
            return;
        }
        let Some(books) = self.accounts.get(&execution.account) else { return };
        let Some(adjusted) = books.unexplained.adjusted.get(&execution.instrument).copied() else { return };
        if execution.at > adjusted.at || books.portfolio.knows(&execution.execution_id) {
            return;
        }
        let back = Execution {
            execution_id: ExecutionId::new(format!("explained-{}", execution.execution_id)),
            client_order_id: None,
            broker_order_id: None,
            side: if execution.side.is_buy() { Side::Sell } else { Side::Buy },
            quantity: units,
            price: adjusted.price,
            fee: Decimal::ZERO,
            at: adjusted.at,
            kind: ExecutionKind::Adjustment,
            ..execution.clone()
        };
        if self.book_execution(&back) {
            let text = format!(
                "{}: execution {} of {} units explains some of what was adjusted",
                execution.instrument, execution.execution_id, execution.quantity
            );
            self.note(Severity::Info, "ADJUSTMENT_EXPLAINED", text);
        }
    }

    /// An order has come to be known by the broker's id: what had filled of it while it was nobody's is its own.
    pub(super) fn claim_fills(
        &mut self,
        account: &AccountId,
        id: ClientOrderId,
        broker_order_id: &BrokerOrderId,
    ) {
        let Some(books) = self.accounts.get_mut(account) else { return };
        let nobodys = &mut books.unexplained.nobodys;
        if !nobodys.iter().any(|fill| fill.broker_order_id.as_ref() == Some(broker_order_id)) {
            return;
        }
        let own = |fill: &Execution| fill.broker_order_id.as_ref() == Some(broker_order_id);
        let (own, others): (VecDeque<_>, VecDeque<_>) = std::mem::take(nobodys).into_iter().partition(own);
        *nobodys = others;
        for fill in own {
            let (account, at) = (account.clone(), fill.at);
            let fill = Execution { client_order_id: Some(id), ..fill };
            self.claim_execution(&fill, crate::domain::money::Quantity::ZERO);
            let event = OrderEvent::Filled(fill);
            self.fold(&OrderUpdate { account, client_order_id: id, at, event });
        }
    }

    /// The journal has been read: what belongs to an order that is in it has been counted for that order.
    pub(super) fn forget_claimed(&mut self) {
        let orders = self.book.working().chain(self.book.ended());
        let named: BTreeSet<(AccountId, BrokerOrderId)> = orders
            .filter_map(|order| Some((order.request.account.clone(), order.broker_order_id.clone()?)))
            .collect();
        for (account, books) in &mut self.accounts {
            books.unexplained.nobodys.retain(|fill| {
                let theirs = fill.broker_order_id.clone();
                theirs.is_some_and(|theirs| !named.contains(&(account.clone(), theirs)))
            });
        }
    }
}
