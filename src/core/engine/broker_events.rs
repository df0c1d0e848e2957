//! What brokers report: folded into orders and books, each execution once.

use crate::core::effect::{BookedExecution, Effect};
use crate::core::lifecycle;
use crate::core::market::MarketState;
use crate::core::portfolio::Applied;
use crate::core::risk::GOOD_FAITH_MAX;
use crate::domain::calendar::exchange_date;
use crate::domain::execution::{
    AccountEvent, CashEntry, CashKind, Execution, ExecutionKind, OrderEvent, OrderUpdate,
};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::money::{Quantity, grouped_whole};
use crate::domain::order::{Order, OrderStatus, OrderSubject};
use crate::domain::snapshot::Severity;
use crate::domain::statement::BrokerUpdate;

use super::{Engine, Records};

impl Engine {
    pub(super) fn on_broker_event(&mut self, event: AccountEvent) {
        self.dirty.any = true;
        match event {
            AccountEvent::Order(update) if update.event == OrderEvent::NotFound => self.on_not_found(&update),
            AccountEvent::Order(update) => {
                self.heard(&update.account);
                self.on_order_update(&update);
            }
            AccountEvent::Execution(execution) => {
                self.heard(&execution.account);
                match execution.broker_order_id.clone() {
                    Some(broker_order_id)
                        if execution.kind == ExecutionKind::Trade && execution.client_order_id.is_none() =>
                    {
                        let (account, at) = (execution.account.clone(), execution.at);
                        let event = OrderEvent::Filled(execution);
                        self.on_named_by_broker(BrokerUpdate { account, broker_order_id, at, event });
                    }
                    _ => self.on_execution(&execution),
                }
            }
            AccountEvent::ByBroker(update) => {
                self.heard(&update.account);
                self.on_named_by_broker(update);
            }
            AccountEvent::Cash(entry) => self.on_cash(entry),
            AccountEvent::Statement(statement) => self.on_statement(&statement),
            AccountEvent::Corporate(report) => self.on_corporate(&report),
            AccountEvent::Notice(notice) => self.on_notice(notice),
        }
    }

    fn heard(&mut self, account: &AccountId) {
        let now = self.now;
        if let Some(books) = self.accounts.get_mut(account) {
            books.pace.heard(now);
        }
    }

    /// An execution that moves no order on.
    pub(super) fn on_execution(&mut self, execution: &Execution) {
        if !self.is_bookable(execution) {
            return;
        }
        self.take_back(execution, execution.quantity);
        if self.book_execution(execution) {
            self.note(Severity::Info, execution_code(execution.kind), describe(execution, &self.market));
        }
    }

    pub(super) fn on_order_update(&mut self, update: &OrderUpdate) {
        // A fill counts for the books whatever we know of its order; a repeat counts for nothing.
        if let OrderEvent::Filled(execution) = &update.event {
            if !self.is_bookable(execution) {
                return;
            }
            if self.on_real_fill(update, execution) {
                return;
            }
            self.take_back(execution, execution.quantity);
            if !self.book_execution(execution) {
                return;
            }
        }
        self.fold(update);
    }

    /// Folds an event into its order; a fill has been booked.
    pub(super) fn fold(&mut self, update: &OrderUpdate) {
        if !self.is_measured(update) {
            return;
        }
        let id = update.client_order_id;
        let Some(order) = self.book.get(id) else {
            let text = format!("the broker reports on order {id}, which is not in memory");
            self.note(Severity::Warning, "UNKNOWN_ORDER", text);
            return;
        };
        // What refuses a cancel or a replace may have ended the order, and the word of that be lost: the broker is asked.
        let cancel_refused = matches!(update.event, OrderEvent::CancelRejected(_));
        let change_refused = matches!(update.event, OrderEvent::ReplaceRejected(_));
        if order.is_working() && (cancel_refused || change_refused) {
            self.effects.push(Effect::Ask { account: update.account.clone(), order: id });
        }
        // A cancel refused by a broker that has not shown the order proves nothing: the order may still be on its way.
        if cancel_refused && super::doubt::is_unproven(order) {
            return;
        }
        if let OrderEvent::Renamed { subject } = &update.event {
            return self.on_renamed(update, subject);
        }
        let (before, overfill, number) = (order.status, order.overfill_quantity, order.number);
        let nameless = order.broker_order_id.is_none();
        let stood = order.request.pricing;
        let applied = self.book.change(id, |order| lifecycle::apply(order, &update.event, update.at));
        if let Some(Err(error)) = applied {
            let text = format!("order {number}: {error}; ignored");
            self.note(Severity::Error, "ILLEGAL_TRANSITION", text);
            return;
        }
        self.order_changed(id, before, &update.event);
        if let OrderEvent::Acknowledged { broker_order_id } = &update.event
            && nameless
        {
            self.claim_fills(&update.account, id, broker_order_id);
        }
        let Some(order) = self.book.get(id) else { return };
        if matches!(update.event, OrderEvent::Restated { .. }) && order.request.pricing != stood {
            self.restated_by_hand(id);
        }
        let Some(order) = self.book.get(id) else { return };
        let replaces = order
            .replaces
            .filter(|_| matches!(update.event, OrderEvent::NeverReached | OrderEvent::Rejected(_)));
        let overfilled = order.overfill_quantity > overfill;
        let rejected = order.status == OrderStatus::Rejected && before != order.status;
        if overfilled {
            self.saw_contradiction();
        }
        if rejected {
            self.saw_reject();
        }
        // A replacement that the broker never saw or refuses leaves the old order as it was.
        if let Some(old) = replaces {
            self.undo_replace(old, before == OrderStatus::PendingCancel);
        }
        // Whoever canceled the old one did not mean another to work in its place.
        if matches!(update.event, OrderEvent::Replaced { .. })
            && before == OrderStatus::PendingCancel
            && let Some(new) = self.replacement_of(id)
        {
            self.pass_on_cancel(new);
        }
    }

    /// The book finds orders by what they trade: a renamed one is taken out and put in again.
    fn on_renamed(&mut self, update: &OrderUpdate, subject: &OrderSubject) {
        let id = update.client_order_id;
        let Some(mut order) = self.book.take(id) else { return };
        for (old, new) in order.request.subject.instruments().zip(subject.instruments()) {
            self.market.rename(old, new);
        }
        order.request.subject = subject.clone();
        order.updated_at = order.updated_at.max(update.at);
        let before = order.status;
        self.book.insert(order);
        self.order_changed(id, before, &update.event);
    }

    /// An order has been changed in the book by an event: said, and its newest state written.
    fn order_changed(&mut self, id: ClientOrderId, before: OrderStatus, event: &OrderEvent) {
        self.orders_dirty();
        if !self.keeps_all() {
            return;
        }
        let Some(order) = self.book.get(id).cloned() else { return };
        if let Some(instrument) = order.request.subject.instrument() {
            self.exits.stir(&order.request.account, instrument);
        }
        self.tell_order(&order, before);
        self.change_status(before, &order, event_word(event));
        self.report(before, &order, event);
        self.entry.orders.push(order);
    }

    /// Takes an execution into the books. False when it is a repeat, or contradicts what is known.
    pub(super) fn book_execution(&mut self, execution: &Execution) -> bool {
        // What was worked out here of what a broker shows, too.
        if !self.is_bookable(execution) {
            return false;
        }
        let Some(books) = self.accounts.get_mut(&execution.account) else { return false };
        let held = books.portfolio.quantity(&execution.instrument);
        let settles = books.settles_behind(execution);
        match books.portfolio.apply(execution) {
            Applied::New { realized_pnl } => {
                let violates = books.record(execution, held, settles);
                books.pace.saw_execution(execution.at);
                if matches!(self.config.records, Records::All) {
                    books.moved_at.insert(execution.instrument.clone(), self.now);
                }
                // Mostly the only one of its step: room for one, not for the four that a push would make.
                self.entry.executions.reserve_exact(1);
                self.entry.executions.push(BookedExecution { execution: execution.clone(), realized_pnl });
                // After a split the newest quote is still one of before; the books have scaled their own mark.
                let quoted = self.market.quote(&execution.instrument);
                let quoted = quoted.filter(|quote| books.is_valued_by(quote)).and_then(|quote| quote.mark());
                if let Some(mark) = quoted.filter(|_| execution.kind != ExecutionKind::CorporateAction) {
                    books.portfolio.mark(&execution.instrument, mark);
                }
                self.dirty.books = true;
                self.exits.stir(&execution.account, &execution.instrument);
                self.saw_inferred(execution);
                self.saw_unexplained(execution);
                self.claim_execution(execution, held);
                self.guard_execution(execution, held, realized_pnl);
                self.plans_of_fill(execution, held);
                if violates {
                    self.tell_good_faith(execution);
                }
                true
            }
            Applied::Duplicate => false,
            Applied::Conflict { .. } => {
                let text = format!(
                    "execution {} came again with other figures; the first is kept",
                    execution.execution_id
                );
                self.note(Severity::Error, "EXECUTION_CONFLICT", text);
                self.saw_contradiction();
                false
            }
        }
    }

    /// The third within a year is what a broker restricts an account for.
    fn tell_good_faith(&mut self, execution: &Execution) {
        let today = exchange_date(execution.at);
        let count = self.accounts.get(&execution.account).map_or(0, |books| books.good_faith.count(today));
        let restricts = count >= GOOD_FAITH_MAX;
        let severity = if restricts { Severity::Warning } else { Severity::Info };
        let mut text = format!(
            "{} was sold before the money that bought it had settled: good-faith violation {count} within 12 months",
            execution.instrument
        );
        if restricts {
            text.push_str("; brokers restrict such an account to settled cash");
        }
        self.note(severity, "GOOD_FAITH_VIOLATION", text);
    }

    pub(super) fn on_cash(&mut self, entry: CashEntry) {
        if !self.is_payable(&entry) {
            return;
        }
        let Some(books) = self.accounts.get_mut(&entry.account) else { return };
        if books.portfolio.apply_cash(&entry) {
            if entry.kind == CashKind::Deposit && entry.currency == books.setup.currency {
                for (_, high) in &mut books.equity_highs {
                    *high += entry.amount;
                }
            }
            self.dirty.books = true;
            self.host.account_changed(&entry.account);
            let what = entry.instrument.as_ref().map(|i| format!(" on {i}")).unwrap_or_default();
            // What moved units alone has said so.
            if !entry.amount.is_zero() {
                let (amount, currency) = (grouped_whole(entry.amount, 2), entry.currency);
                self.note(Severity::Info, "CASH", format!("{:?}{what}: {amount} {currency}", entry.kind));
            }
            self.saw_cash(&entry);
            self.entry.cash.push(entry);
        }
    }

    /// Says in the log what a trader wants to know of an order's change.
    fn report(&mut self, before: OrderStatus, after: &Order, event: &OrderEvent) {
        let (severity, code) = match (event, after.status) {
            (OrderEvent::Filled(_), OrderStatus::Filled) if after.overfill_quantity.is_positive() => {
                (Severity::Error, "OVERFILL")
            }
            (OrderEvent::Filled(_), OrderStatus::Filled) => (Severity::Info, "ORDER_FILLED"),
            (OrderEvent::Filled(_), _) => (Severity::Info, "ORDER_PARTIALLY_FILLED"),
            _ if before == after.status => return,
            (_, OrderStatus::Submitted) => (Severity::Info, "ORDER_SUBMITTED"),
            (_, OrderStatus::Canceled) => (Severity::Info, "ORDER_CANCELED"),
            (_, OrderStatus::Expired) => (Severity::Info, "ORDER_EXPIRED"),
            (_, OrderStatus::Replaced) => (Severity::Info, "ORDER_REPLACED"),
            (_, OrderStatus::Rejected) => (Severity::Error, "ORDER_REJECTED"),
            (_, OrderStatus::Unknown) => (Severity::Error, "ORDER_UNKNOWN"),
            _ => return,
        };
        let mut text = format!(
            "order {} {} {} {}",
            after.number,
            after.request.side,
            units(after.request.quantity),
            after.request.subject.short()
        );
        if let OrderEvent::Filled(execution) = event {
            let price = self.market.price_words(&execution.instrument, execution.price);
            // Of a package each leg fills by itself.
            let leg = match &after.request.subject {
                OrderSubject::Legs(_) => format!(" {}", execution.instrument),
                OrderSubject::Instrument(_) => String::new(),
            };
            text.push_str(&format!(": filled {}{leg} at {price}", units(execution.quantity)));
            if after.status != OrderStatus::Filled {
                let (filled, all) = (units(after.filled_quantity), units(after.request.quantity));
                text.push_str(&format!(", {filled} of {all} so far"));
            }
        } else if let Some(reason) = &after.reason {
            text.push_str(&format!(": {} ({reason})", after.status));
        } else {
            text.push_str(&format!(": {}", after.status));
        }
        self.note(severity, code, text);
    }
}

const fn execution_code(kind: ExecutionKind) -> &'static str {
    match kind {
        ExecutionKind::Trade => "EXTERNAL_FILL",
        ExecutionKind::Exercise => "EXERCISED",
        ExecutionKind::Assignment => "ASSIGNED",
        ExecutionKind::Expiration => "EXPIRED",
        ExecutionKind::CorporateAction => "CORPORATE_ACTION",
        ExecutionKind::Bust => "EXECUTION_BUSTED",
        ExecutionKind::Liquidation => "BROKER_LIQUIDATED",
        ExecutionKind::Fee => "FEE_IN_UNITS",
        ExecutionKind::Adjustment => "POSITION_ADJUSTED",
        ExecutionKind::Inferred => "EXECUTION_INFERRED",
        ExecutionKind::Correction => "EXECUTION_CORRECTED",
        ExecutionKind::Transfer => "UNITS_TRANSFERRED",
    }
}

fn units(quantity: Quantity) -> String {
    grouped_whole(quantity.get(), 0)
}

fn describe(execution: &Execution, market: &MarketState) -> String {
    format!(
        "{} {} {} {} at {}",
        execution.kind.as_str(),
        execution.side,
        units(execution.quantity),
        execution.instrument,
        market.price_words(&execution.instrument, execution.price)
    )
}

const fn event_word(event: &OrderEvent) -> &'static str {
    match event {
        OrderEvent::Acknowledged { .. } => "acknowledged",
        OrderEvent::Rejected(_) => "rejected",
        OrderEvent::Filled(_) => "filled",
        OrderEvent::Canceled { .. } => "canceled",
        OrderEvent::CancelRejected(_) => "cancel rejected",
        OrderEvent::Replaced { .. } => "replaced",
        OrderEvent::ReplaceRejected(_) => "replace rejected",
        OrderEvent::Expired => "expired",
        OrderEvent::OutcomeUnknown { .. } => "outcome unknown",
        OrderEvent::NotFound => "not found",
        OrderEvent::NeverReached => "never reached",
        OrderEvent::QuantityChanged { .. } => "quantity changed",
        OrderEvent::StopMoved { .. } => "stop moved",
        OrderEvent::Restated { .. } => "restated",
        OrderEvent::Renamed { .. } => "renamed",
    }
}
