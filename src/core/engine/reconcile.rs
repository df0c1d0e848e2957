//! The books against everything a broker shows (reliability R1–R8): one routine for start, reconnect, timer and doubt. What carries an id is
//! taken at once; what is concluded from a difference waits until nothing about it can be on its way any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::core::effect::Effect;
use crate::domain::calendar::account_day;
use crate::domain::execution::{AccountEvent, Execution, ExecutionKind, OrderEvent, OrderUpdate, Reject};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::movement::Movement;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::Severity;
use crate::domain::statement::{BrokerUpdate, OrderReport, ReconcileReason, ReconcileRun, Statement};

use super::Engine;
use super::doubt::{VISIBLE, is_unproven};
use super::measured::measured;
use super::owners::Owners;

/// A difference this young may be a message that is still on its way.
pub(super) const YOUNG: SignedDuration = SignedDuration::from_secs(5);
/// A broker is asked for everything at least this often.
const EVERY: SignedDuration = SignedDuration::from_secs(60);
/// The same while orders work and nothing is heard.
const SILENT: SignedDuration = SignedDuration::from_secs(15);
/// It is not asked again sooner than this.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// Executions are asked for from this long before the newest one that is known.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(2);
/// And never for less than a broker's day.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A day's full comparison comes this long after its end: brokers book late.
const AFTER_CLOSE: SignedDuration = SignedDuration::from_mins(10);
/// Where none is known, and once a day.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Lines of differences kept of one comparison.
const DIFFERENCES_MAX: usize = 100;
/// Orders asked about one by one after a comparison.
const ASKED_MAX: usize = 10;

/// When an account's broker was asked for everything, and what came of it.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Pace {
    asked_at: Option<Timestamp>,
    /// Something of the stream may have been missed until then: a statement asked for before does not count.
    distrusted: Option<Timestamp>,
    heard_at: Option<Timestamp>,
    newest_execution: Option<Timestamp>,
    /// The account day in which everything was compared last.
    whole_on: Option<Date>,
    /// It has agreed once in this process.
    agreed: bool,
    wanted: bool,
    pub(super) last: Option<Arc<ReconcileRun>>,
    /// Positions that differ: since when, and how.
    pub(super) differs: BTreeMap<Instrument, (Timestamp, Quantity, Quantity)>,
}

impl Pace {
    /// An execution has been taken in.
    pub(super) fn saw_execution(&mut self, at: Timestamp) {
        self.newest_execution = self.newest_execution.max(Some(at));
    }

    /// Something has been heard from the broker by itself.
    pub(super) const fn heard(&mut self, now: Timestamp) {
        self.heard_at = Some(now);
    }

    /// Is it time to ask, and why.
    fn due(&self, now: Timestamp, reconciled: bool, works: bool) -> Option<ReconcileReason> {
        let over = |since: Option<Timestamp>, limit| since.is_none_or(|at| now.duration_since(at) >= limit);
        let again = over(self.asked_at, AGAIN);
        if !reconciled && again {
            return Some(if self.agreed { ReconcileReason::Reconnect } else { ReconcileReason::Start });
        }
        if self.wanted && again {
            return Some(ReconcileReason::Doubt);
        }
        if self.whole_on.is_some_and(|day| day < comparison_day(now)) && over(self.asked_at, SILENT) {
            return Some(ReconcileReason::Daily);
        }
        let silent = works && over(self.heard_at, SILENT) && over(self.asked_at, SILENT);
        (silent || over(self.asked_at, EVERY)).then_some(ReconcileReason::Timer)
    }
}

/// The account day whose full comparison is due: it begins some minutes after the one before has ended.
fn comparison_day(now: Timestamp) -> Date {
    account_day(now.checked_sub(AFTER_CLOSE).unwrap_or(now))
}

impl Engine {
    /// A broker's line is up or down. Up and not known to agree: it is asked at once.
    pub(super) fn on_broker_status(&mut self, account: &AccountId, up: bool, reconciled: bool) {
        let now = self.now;
        let Some(books) = self.accounts.get_mut(account) else { return };
        if (books.broker_up, books.reconciled) != (up, reconciled) {
            self.host.account_changed(account);
        }
        (books.broker_up, books.reconciled) = (up, reconciled);
        // Whoever said it saw how things stood then.
        books.overridden &= up && !reconciled;
        if reconciled {
            books.pace.asked_at = Some(now);
            books.pace.agreed = true;
            books.pace.whole_on = Some(comparison_day(now));
            return;
        }
        books.pace.distrusted = Some(now);
        let reason = if books.pace.agreed { ReconcileReason::Reconnect } else { ReconcileReason::Start };
        if up {
            self.ask_for_statement(account, reason);
        }
    }

    /// What the broker said may be lost: nothing opens until a statement that was asked for from now on agrees. It is asked for by the clock,
    /// so that a connector that fails in every question is not asked in a circle.
    pub(super) fn on_distrust(&mut self, account: &AccountId, reason: &str) {
        let now = self.now;
        let Some(books) = self.accounts.get_mut(account) else { return };
        books.reconciled = false;
        books.pace.distrusted = Some(now);
        let text = format!("{account}: {reason}; nothing opens there until it agrees with its broker again");
        self.note(Severity::Error, "CONNECTOR_FAILED", text);
    }

    /// A broker that leaves orders unanswered gets no more of those that open for a while.
    pub(super) fn on_circuit(&mut self, account: &AccountId, pause: Option<SignedDuration>) {
        let Some(books) = self.accounts.get_mut(account) else { return };
        let was_open = std::mem::replace(&mut books.circuit_open, pause.is_some());
        if was_open != pause.is_some() {
            self.host.account_changed(account);
        }
        match pause {
            Some(pause) => {
                let text = format!(
                    "{account}: its broker leaves orders unanswered; nothing that opens goes there for {} s",
                    pause.as_secs()
                );
                self.note(Severity::Error, "BROKER_DOWN", text);
            }
            None if was_open => {
                self.note(
                    Severity::Info,
                    "BROKER_TRIED_AGAIN",
                    format!("{account}: orders may go there again"),
                );
            }
            None => {}
        }
    }

    /// Something about an account is in doubt that only everything it shows can tell.
    pub(super) fn want_statement(&mut self, account: &AccountId) {
        if let Some(books) = self.accounts.get_mut(account) {
            books.pace.wanted = true;
        }
    }

    pub(super) fn ask_for_statement(&mut self, account: &AccountId, reason: ReconcileReason) {
        let now = self.now;
        let Some(books) = self.accounts.get_mut(account) else { return };
        books.pace.asked_at = Some(now);
        books.pace.wanted = false;
        let since = match books.pace.newest_execution.filter(|_| reason != ReconcileReason::Daily) {
            Some(newest) => newest.checked_sub(LOOK_BACK).ok().min(now.checked_sub(DAY).ok()),
            None => now.checked_sub(WEEK).ok(),
        };
        let since = since.unwrap_or(Timestamp::MIN);
        self.effects.push(Effect::Reconcile { account: account.clone(), reason, since });
    }

    /// Asks every broker that is to be asked by now. A run on bars has no broker but its own venue.
    pub(super) fn reconcile_when_due(&mut self) {
        if self.config.bar_mode || !self.keeps_all() {
            return;
        }
        let now = self.now;
        let due = |(id, books): (&AccountId, &super::Books)| {
            let works = self.book.working_of(id).next().is_some();
            let reason = books.pace.due(now, books.reconciled, works).filter(|_| books.broker_up)?;
            Some((id.clone(), reason))
        };
        let due: Vec<(AccountId, ReconcileReason)> = self.accounts.iter().filter_map(due).collect();
        for (account, reason) in due {
            self.ask_for_statement(&account, reason);
        }
    }

    /// The newest comparison with an account's broker, if there was one in this process.
    #[must_use]
    pub fn last_reconcile(&self, account: &AccountId) -> Option<&ReconcileRun> {
        self.accounts.get(account)?.pace.last.as_deref()
    }

    /// A person's own orders go out before the books agree.
    pub(super) fn on_override(&mut self, account: &AccountId) {
        let Some(books) = self.accounts.get_mut(account) else { return };
        if books.reconciled {
            return;
        }
        books.overridden = true;
        let text = format!("{account}: a person's own orders go out before it agrees with its broker");
        self.note(Severity::Warning, "UNRECONCILED_OVERRIDDEN", text);
    }

    /// A broker's word about an order by its own id. One that nobody here knows is looked for in everything it shows.
    pub(super) fn on_named_by_broker(&mut self, update: BrokerUpdate) {
        let BrokerUpdate { account, broker_order_id, at, mut event } = update;
        let Some(id) = self.order_of(&account, &broker_order_id) else {
            return self.want_statement(&account);
        };
        if let OrderEvent::Filled(execution) = &mut event {
            execution.client_order_id = Some(id);
        }
        self.on_broker_event(AccountEvent::Order(OrderUpdate { account, client_order_id: id, at, event }));
    }

    pub(super) fn on_statement(&mut self, statement: &Statement) {
        let Some(books) = self.accounts.get(&statement.account) else { return };
        // One that was overtaken by a later question shows what was, not what is.
        if books.pace.last.as_ref().is_some_and(|last| statement.asked_at <= last.started) {
            return;
        }
        let statement = &*measured(statement);
        let mut found = statement.failures.clone();
        let reports = statement.orders.as_deref().unwrap_or_default();
        let owners = self.own(statement, reports, &mut found);
        let mut later = BTreeSet::new();
        if let Some(executions) = &statement.executions {
            later = self.compare_executions(statement, executions, &owners, &mut found);
        }
        for (report, owner) in reports.iter().zip(&owners.of) {
            if let Some(id) = owner {
                self.compare_order(statement, report, *id, &mut found);
                let behind = |order: &Order| report.filled_quantity > order.filled_quantity;
                if self.book.get(*id).is_some_and(behind) {
                    later.extend(report.subject.instruments().cloned());
                }
            }
        }
        if statement.orders.is_some() {
            self.look_for_missing(statement, &owners, &mut found);
        }
        if let Some(positions) = &statement.positions {
            self.prove_races(statement, positions);
        }
        // A position is explained by orders and executions: without all of those nothing is concluded.
        if let Some(positions) = statement.positions.as_ref().filter(|_| statement.is_complete()) {
            self.compare_positions(statement, positions, &later, &mut found);
        }
        self.close_run(statement, found);
    }

    /// Takes in what is new. Returns the instruments of those that are left for later: their positions are ahead of the books.
    fn compare_executions(
        &mut self,
        statement: &Statement,
        executions: &[Execution],
        owners: &Owners,
        found: &mut Vec<String>,
    ) -> BTreeSet<Instrument> {
        let mut later = BTreeSet::new();
        // As it happened: what was sold after a split was sold of more.
        let mut movements = statement.movements.iter().flatten().peekable();
        for execution in executions {
            while let Some(movement) = movements.next_if(|movement| movement.cash.at <= execution.at) {
                self.take_movement(movement, found);
            }
            let seen = self.executions_seen(&statement.account);
            match self.order_filled(statement, execution, owners) {
                Filled::Order(id) => {
                    let execution = Execution { client_order_id: Some(id), ..execution.clone() };
                    self.tell(statement, id, execution.at, OrderEvent::Filled(execution));
                }
                Filled::Nobody => self.on_execution(execution),
                Filled::Later => {
                    later.insert(execution.instrument.clone());
                    continue;
                }
            }
            if self.executions_seen(&statement.account) > seen {
                found.push(format!("execution {} was missing", execution.execution_id));
            }
        }
        movements.for_each(|movement| self.take_movement(movement, found));
        later
    }

    fn take_movement(&mut self, movement: &Movement, found: &mut Vec<String>) {
        if self.on_movement(movement) {
            found.push(format!("movement {} was missing", movement.cash.id));
        }
    }

    fn executions_seen(&self, account: &AccountId) -> usize {
        self.accounts.get(account).map_or(0, |books| books.portfolio.executions_seen())
    }

    /// Which order an execution belongs to. One whose order may yet turn out to be ours is left for a later statement.
    fn order_filled(&self, statement: &Statement, execution: &Execution, owners: &Owners) -> Filled {
        if execution.kind != ExecutionKind::Trade {
            return Filled::Nobody;
        }
        if let Some(id) = execution.client_order_id.filter(|id| self.book.get(*id).is_some()) {
            return Filled::Order(id);
        }
        let Some(broker_order_id) = &execution.broker_order_id else { return Filled::Nobody };
        if let Some(id) = owners.by_broker.get(broker_order_id) {
            return Filled::Order(*id);
        }
        let in_doubt = self
            .book
            .lookup(&statement.account)
            .naming(&execution.instrument)
            .any(|order| is_unproven(order) && !self.keeps_our_id(order));
        // Its order may not be shown yet, or not in this statement.
        let fresh = statement.asked_at.duration_since(execution.at) < VISIBLE || statement.orders.is_none();
        if in_doubt || fresh || owners.undecided.contains(broker_order_id) {
            Filled::Later
        } else {
            Filled::Nobody
        }
    }

    /// One order of ours, or that has become ours, with what the broker shows of it.
    fn compare_order(
        &mut self,
        statement: &Statement,
        report: &OrderReport,
        id: ClientOrderId,
        found: &mut Vec<String>,
    ) {
        let Some(order) = self.book.get(id) else { return };
        let (before, filled, number) = (order.status, order.filled_quantity, order.number);
        let young = statement.asked_at.duration_since(order.updated_at) < YOUNG;
        if order.native_type != report.native_type {
            self.book.change(id, |order| order.native_type.clone_from(&report.native_type));
            self.orders_dirty();
        }
        let Some(order) = self.book.get(id) else { return };
        if order.broker_order_id.is_none() && report.status != OrderStatus::Rejected {
            let broker_order_id = report.broker_order_id.clone();
            self.tell(statement, id, statement.asked_at, OrderEvent::Acknowledged { broker_order_id });
        }
        if report.status.is_terminal() {
            self.end_as_shown(statement, report, id, young);
        } else if before.is_terminal() {
            if !young && before != OrderStatus::Filled {
                self.works_after_its_end(statement, id);
                found.push(format!(
                    "order {number} is {before} here and works there: its cancel is sent again"
                ));
            }
        } else {
            self.work_as_shown(statement, report, id, young);
        }
        if !young {
            self.infer(statement, report, id);
        }
        let Some(order) = self.book.get(id) else { return };
        if order.status != before {
            found.push(format!("order {number} was {before} here and is {}", order.status));
        }
        if order.filled_quantity > filled {
            let (now, number) = (order.filled_quantity, order.number);
            found.push(format!("order {number} had filled {filled} here and has {now}"));
        }
    }

    fn end_as_shown(&mut self, statement: &Statement, report: &OrderReport, id: ClientOrderId, young: bool) {
        let Some(order) = self.book.get(id).filter(|order| order.is_working()) else { return };
        let refused = Reject {
            code: "REJECTED".into(),
            message: "found to be refused when the broker was asked".to_owned(),
        };
        let event = match report.status {
            OrderStatus::Expired => OrderEvent::Expired,
            OrderStatus::Rejected if !order.has_filled() => OrderEvent::Rejected(refused),
            OrderStatus::Replaced => OrderEvent::Replaced { by: self.replacement_of(id).unwrap_or(id) },
            OrderStatus::Canceled | OrderStatus::Rejected => OrderEvent::Canceled { reason: None },
            // What an amount of money has bought is complete once all of it is in the books.
            OrderStatus::Filled if order.request.cash_order_quantity.is_some() => {
                if !report.filled_quantity.is_positive() || order.filled_quantity < report.filled_quantity {
                    return;
                }
                OrderEvent::QuantityChanged { quantity: order.filled_quantity }
            }
            // Only its fills complete an order: all of those that it was left with. Where none of them is missing, no word of it that came
            // just now can change that: one that is refused each change of it is never older.
            OrderStatus::Filled if report.quantity < order.request.quantity => {
                if young && order.filled_quantity < report.filled_quantity {
                    return;
                }
                OrderEvent::QuantityChanged { quantity: report.quantity }
            }
            _ => return,
        };
        self.tell(statement, id, statement.asked_at, event);
    }

    /// The order that is to take another's place.
    pub(super) fn replacement_of(&self, id: ClientOrderId) -> Option<ClientOrderId> {
        let orders = self.book.working().rev().chain(self.book.ended().rev());
        orders.filter(|order| order.replaces == Some(id)).map(|order| order.request.client_order_id).next()
    }

    /// It works there: what it works for is taken over once nothing of ours can be on its way.
    fn work_as_shown(&mut self, statement: &Statement, report: &OrderReport, id: ClientOrderId, young: bool) {
        let Some(order) = self.book.get(id) else { return };
        if order.status == OrderStatus::PendingReplace && !young {
            let new = self.replacement_of(id).and_then(|new| self.book.get(new));
            if new.is_none_or(|new| new.status.is_terminal() && new.status != OrderStatus::Filled) {
                self.undo_replace(id, false);
            }
            return;
        }
        if matches!(order.status, OrderStatus::PendingSubmit | OrderStatus::Unknown) {
            let broker_order_id = report.broker_order_id.clone();
            self.tell(statement, id, statement.asked_at, OrderEvent::Acknowledged { broker_order_id });
        } else if order.request.cash_order_quantity.is_some() {
            // Its units are an estimate on either side.
        } else if !young && report.pricing_as(&order.request) != order.request.pricing {
            let (quantity, pricing) = (report.quantity, report.pricing_as(&order.request));
            self.tell(statement, id, statement.asked_at, OrderEvent::Restated { quantity, pricing });
        } else if !young && report.quantity != order.request.quantity {
            let event = OrderEvent::QuantityChanged { quantity: report.quantity };
            self.tell(statement, id, statement.asked_at, event);
        }
    }

    /// An order that was ended here for good reasons works there all the same: what its owner was told must become true.
    fn works_after_its_end(&mut self, statement: &Statement, id: ClientOrderId) {
        let Some(order) = self.book.get(id) else { return };
        let text =
            format!("order {} is {} here and works at the broker; canceling it", order.number, order.status);
        self.note(Severity::Error, "ORDER_STILL_WORKS", text);
        self.after_journal.push(Effect::Cancel { account: statement.account.clone(), order: id });
    }

    /// Orders of ours that the broker does not show. Absence of one that it never acknowledged is an empty answer; one that it has
    /// acknowledged is asked about by itself.
    fn look_for_missing(&mut self, statement: &Statement, owners: &Owners, found: &mut Vec<String>) {
        let shown: BTreeSet<ClientOrderId> = owners.of.iter().flatten().copied().collect();
        let is_missing = |order: &&Order| {
            let id = order.request.client_order_id;
            order.created_at < statement.asked_at && !shown.contains(&id) && !owners.ambiguous.contains(&id)
        };
        let missing = self.book.working_of(&statement.account).filter(is_missing);
        let missing: Vec<(ClientOrderId, bool, bool)> = missing
            .map(|order| {
                let young = statement.asked_at.duration_since(order.updated_at) < YOUNG;
                (order.request.client_order_id, is_unproven(order), young)
            })
            .collect();
        let mut asked = 0;
        for (id, unproven, young) in missing {
            if unproven {
                self.tell(statement, id, statement.asked_at, OrderEvent::NotFound);
            } else if !young && asked < ASKED_MAX {
                asked += 1;
                self.effects.push(Effect::Ask { account: statement.account.clone(), order: id });
            }
        }
        if asked > 0 {
            found.push(format!("{asked} orders are not in the broker's list: asked about one by one"));
        }
    }

    /// The same as if the broker's stream had said it.
    pub(super) fn tell(
        &mut self,
        statement: &Statement,
        id: ClientOrderId,
        at: Timestamp,
        event: OrderEvent,
    ) {
        let account = statement.account.clone();
        let update = OrderUpdate { account, client_order_id: id, at, event };
        match update.event {
            OrderEvent::NotFound => self.on_not_found(&update),
            _ => self.on_order_update(&update),
        }
    }

    fn close_run(&mut self, statement: &Statement, mut found: Vec<String>) {
        found.truncate(DIFFERENCES_MAX);
        let now = self.now;
        let run = ReconcileRun {
            account: statement.account.clone(),
            reason: statement.reason,
            started: statement.asked_at,
            finished: now,
            orders: statement.orders.as_ref().map(Vec::len),
            executions: statement.executions.as_ref().map(Vec::len),
            positions: statement.positions.as_ref().map(Vec::len),
            differences: found,
        };
        if self.keeps_all() {
            self.entry.reconciles.push(run.clone());
        }
        let Some(books) = self.accounts.get_mut(&statement.account) else { return };
        let counts = books.pace.distrusted.is_none_or(|since| statement.asked_at >= since);
        let agrees = statement.is_complete() && counts && !books.reconciled;
        if agrees {
            books.reconciled = true;
            books.overridden = false;
            books.pace.agreed = true;
        }
        // What a start has compared goes as far back as this process knows nothing of.
        let whole = matches!(statement.reason, ReconcileReason::Daily | ReconcileReason::Start);
        if whole && statement.is_complete() {
            books.pace.whole_on = books.pace.whole_on.max(Some(comparison_day(statement.asked_at)));
        }
        books.pace.last = Some(Arc::new(run));
        if agrees {
            let text = format!("{} agrees with its broker", statement.account);
            self.note(Severity::Info, "RECONCILED", text);
        }
    }
}

/// Whose fill an execution is.
enum Filled {
    /// This order's.
    Order(ClientOrderId),
    /// No order's that is known here: the books alone take it in.
    Nobody,
    /// Not to be told yet.
    Later,
}
