//! The link to a broker: one task per account that carries out what the core wants sent, and turns outcomes into events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use crate::brokers::{Broker, BrokerError, SubmitOutcome};
use crate::domain::execution::{AccountEvent, Execution, OrderEvent, OrderUpdate, Reject};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::order::{Approved, OrderHandle, OrderRequest, OrderStatus, PositionEffect, Side};
use crate::domain::statement::{ReconcileReason, Statement};

use super::clock::Clock;

/// How far back fills are asked for: longer than any broker's day.
const FILLS_SINCE: SignedDuration = SignedDuration::from_hours(48);

/// Commands that may wait for a broker.
pub(super) const COMMANDS_MAX: usize = 64;

/// What a broker reports at a time.
pub(super) struct Reported {
    /// In order.
    pub(super) events: Vec<AccountEvent>,
    /// The paper venue as these events left it, as JSON: stored in the transaction that books them, so that a kill between the two is
    /// impossible and no fill is lost or comes twice.
    pub(super) venue: Option<(AccountId, String)>,
    /// How the last call to the broker went.
    pub(super) call: Option<Call>,
}

/// How a call to a broker went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Which, such as `submit`.
    pub(super) name: &'static str,
    /// How long it took.
    pub(super) took: Duration,
    /// It was answered.
    pub(super) well: bool,
    /// Milliseconds until its answer.
    pub(super) latency_ms: u32,
    /// When, and why there was none, or none that says anything.
    pub(super) error: Option<(Timestamp, String)>,
}

/// What goes to a broker.
pub(super) enum LinkCommand {
    Submit(Box<Approved<OrderRequest>>),
    Cancel(OrderHandle),
    Replace(OrderHandle, Box<Approved<OrderRequest>>),
    Ask(OrderHandle),
    /// Everything there is, executions since an instant.
    Reconcile(ReconcileReason, Timestamp),
}

impl LinkCommand {
    /// The call to the broker, by name.
    const fn name(&self) -> &'static str {
        match self {
            Self::Submit(_) => "submit",
            Self::Cancel(_) => "cancel",
            Self::Replace(..) => "replace",
            Self::Ask(_) => "ask",
            Self::Reconcile(..) => "reconcile",
        }
    }
}

/// The engine's end of a link. It never waits: what a slow link has no room for is not sent, and said so, or kept where it must not be lost.
pub(super) struct LinkQueue {
    commands: mpsc::Sender<LinkCommand>,
    /// Cancels that found no room: repeating one is safe, losing one is not. At most one for each order.
    cancels: VecDeque<OrderHandle>,
}

impl LinkQueue {
    pub(super) const fn new(commands: mpsc::Sender<LinkCommand>) -> Self {
        Self { commands, cancels: VecDeque::new() }
    }

    /// Hands a command over. Returns the orders that will never leave because there is no room: an order with its exits, a replacement.
    /// A question is asked again by itself.
    #[must_use]
    pub(super) fn send(&mut self, command: LinkCommand) -> Vec<ClientOrderId> {
        self.flush();
        let refused = match self.commands.try_send(command) {
            Ok(()) => return Vec::new(),
            Err(mpsc::error::TrySendError::Full(command)) => command,
            Err(mpsc::error::TrySendError::Closed(command)) => {
                tracing::error!("the broker link has stopped");
                command
            }
        };
        let unsent = unsent(&refused);
        if let LinkCommand::Cancel(order) = refused
            && !self.cancels.iter().any(|kept| kept.client_order_id == order.client_order_id)
        {
            self.cancels.push_back(order);
        }
        unsent
    }

    /// Commands that wait, those that were kept among them.
    pub(super) fn waiting(&self) -> usize {
        self.commands.max_capacity() - self.commands.capacity() + self.cancels.len()
    }

    /// Sends what was kept, as far as there is room.
    pub(super) fn flush(&mut self) {
        while let Some(order) = self.cancels.pop_front() {
            let Ok(slot) = self.commands.try_reserve() else {
                self.cancels.push_front(order);
                return;
            };
            slot.send(LinkCommand::Cancel(order));
        }
    }
}

/// The orders that never leave when this command does not.
pub(super) fn unsent(command: &LinkCommand) -> Vec<ClientOrderId> {
    match command {
        LinkCommand::Submit(order) => with_exits(order.get()),
        LinkCommand::Replace(_, new) => vec![new.get().client_order_id],
        LinkCommand::Cancel(_) | LinkCommand::Ask(_) | LinkCommand::Reconcile(..) => Vec::new(),
    }
}

/// An order's id, and those of its exits.
fn with_exits(request: &OrderRequest) -> Vec<ClientOrderId> {
    let exits = request.exit_orders();
    exits.iter().map(|exit| exit.client_order_id).chain([request.client_order_id]).collect()
}

/// Runs a link until the engine goes.
pub(super) async fn run(
    account: AccountId,
    broker: Arc<dyn Broker>,
    mut commands: mpsc::Receiver<LinkCommand>,
    reports: mpsc::Sender<Reported>,
    clock: Clock,
    halted: Arc<AtomicBool>,
) {
    let link = Link { account, broker, reports, clock };
    while let Some(command) = commands.recv().await {
        match command {
            LinkCommand::Submit(order) if halted.load(Ordering::Acquire) && opens(order.get()) => {
                // The kill switch came after this was let out and before it was sent.
                for id in with_exits(order.get()) {
                    link.report(id, OrderEvent::NeverReached).await;
                }
            }
            command => {
                let (name, started) = (command.name(), Instant::now());
                let error = link.carry_out(command).await;
                link.report_call(name, started.elapsed(), error).await;
            }
        }
    }
}

/// Could this order open or enlarge a position.
fn opens(order: &OrderRequest) -> bool {
    let closes = order.reduce_only
        || match order.position_effect {
            Some(effect) => effect == PositionEffect::Close,
            None => matches!(order.side, Side::Sell | Side::BuyToCover),
        };
    !closes
}

struct Link {
    account: AccountId,
    broker: Arc<dyn Broker>,
    reports: mpsc::Sender<Reported>,
    clock: Clock,
}

/// Everything a broker shows of an account, in the order that lets nothing hide: the account, orders, executions, positions.
pub(super) async fn gather(
    broker: &dyn Broker,
    account: &AccountId,
    reason: ReconcileReason,
    asked_at: Timestamp,
    since: Timestamp,
) -> Statement {
    let mut statement = Statement::asked(account.clone(), reason, asked_at);
    let failures = &mut statement.failures;
    let mut failed = |what: &str, error: BrokerError| failures.push(format!("{what}: {error}"));
    if let Err(error) = broker.account().await {
        // One that does not even say how the account stands is not asked further.
        failed("account", error);
        return statement;
    }
    let orders = broker.orders().await.map_err(|error| failed("orders", error)).ok();
    let executions = broker.executions(since).await.map_err(|error| failed("executions", error)).ok();
    let positions = broker.positions().await.map_err(|error| failed("positions", error)).ok();
    Statement { orders, executions, positions, ..statement }
}

impl Link {
    /// Carries a command out. Returns why no answer came, if none did.
    async fn carry_out(&self, command: LinkCommand) -> Option<String> {
        match command {
            LinkCommand::Submit(order) => self.submit(*order).await,
            LinkCommand::Cancel(order) => self.cancel(&order).await,
            LinkCommand::Replace(order, new) => self.replace(&order, *new).await,
            LinkCommand::Ask(order) => self.ask(&order).await,
            LinkCommand::Reconcile(reason, since) => self.reconcile(reason, since).await,
        }
    }

    /// Tells how a call went, for the connections.
    async fn report_call(&self, name: &'static str, took: Duration, error: Option<String>) {
        let latency_ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let well = error.is_none();
        let call = Call { name, took, well, latency_ms, error: error.map(|text| (self.clock.now(), text)) };
        let reported = Reported { events: Vec::new(), venue: None, call: Some(call) };
        if self.reports.send(reported).await.is_err() {
            tracing::debug!("the engine has ended: nobody is left to tell");
        }
    }

    async fn submit(&self, order: Approved<OrderRequest>) -> Option<String> {
        let id = order.get().client_order_id;
        let exits = order.get().exit_orders();
        let (event, failed) = match self.broker.submit(order).await {
            SubmitOutcome::Acknowledged(broker_order_id) => {
                (OrderEvent::Acknowledged { broker_order_id }, None)
            }
            SubmitOutcome::Rejected(reject) => (OrderEvent::Rejected(reject), None),
            SubmitOutcome::NotSent(error) => (OrderEvent::NeverReached, Some(error.to_string())),
            SubmitOutcome::Unknown(error) => {
                (OrderEvent::OutcomeUnknown { reason: error.to_string() }, Some(error.to_string()))
            }
        };
        if event == OrderEvent::NeverReached {
            for exit in exits {
                self.report(exit.client_order_id, OrderEvent::NeverReached).await;
            }
        }
        self.report(id, event).await;
        failed
    }

    async fn cancel(&self, order: &OrderHandle) -> Option<String> {
        let id = order.client_order_id;
        match self.broker.cancel(order).await {
            // That it is gone is said by the broker's stream, not by this answer.
            SubmitOutcome::Acknowledged(_) => None,
            SubmitOutcome::Rejected(reject) => {
                self.report(id, OrderEvent::CancelRejected(reject)).await;
                None
            }
            // Whether it was sent or not: the wish stands, the order is asked about, and the cancel is repeated.
            SubmitOutcome::NotSent(error) | SubmitOutcome::Unknown(error) => {
                self.report(id, OrderEvent::OutcomeUnknown { reason: error.to_string() }).await;
                Some(error.to_string())
            }
        }
    }

    async fn replace(&self, order: &OrderHandle, new: Approved<OrderRequest>) -> Option<String> {
        let (id, new_id) = (order.client_order_id, new.get().client_order_id);
        match self.broker.replace(order, new).await {
            SubmitOutcome::Acknowledged(_) => None,
            SubmitOutcome::Rejected(reject) => {
                self.report(id, OrderEvent::ReplaceRejected(reject)).await;
                None
            }
            SubmitOutcome::NotSent(error) => {
                self.report(new_id, OrderEvent::NeverReached).await;
                Some(error.to_string())
            }
            SubmitOutcome::Unknown(error) => {
                self.report(new_id, OrderEvent::OutcomeUnknown { reason: error.to_string() }).await;
                Some(error.to_string())
            }
        }
    }

    /// Asks what became of an order, and passes on what the broker knows: its fills first, so that an end never hides one. A question that
    /// fails says nothing, and is asked again.
    async fn ask(&self, order: &OrderHandle) -> Option<String> {
        let id = order.client_order_id;
        let asked = self.clock.now();
        let found = match self.broker.order(order).await {
            Ok(found) => found,
            Err(error) => return Some(error.to_string()),
        };
        let Some(report) = found else {
            if self.broker.shows_at_once() {
                self.report(id, OrderEvent::NeverReached).await;
            } else {
                self.report_at(asked, id, OrderEvent::NotFound).await;
            }
            return None;
        };
        if report.filled_quantity.is_positive() {
            let since = asked.checked_sub(FILLS_SINCE).unwrap_or(Timestamp::MIN);
            let executions = match self.broker.executions(since).await {
                Ok(executions) => executions,
                Err(error) => return Some(error.to_string()),
            };
            let of_it = |fill: &Execution| match fill.client_order_id {
                Some(theirs) => theirs == id,
                None => fill.broker_order_id.as_ref() == Some(&report.broker_order_id),
            };
            for execution in executions.into_iter().filter(of_it) {
                self.report(id, OrderEvent::Filled(execution)).await;
            }
        }
        let event = match report.status {
            status if !status.is_terminal() => {
                OrderEvent::Acknowledged { broker_order_id: report.broker_order_id }
            }
            OrderStatus::Expired => OrderEvent::Expired,
            OrderStatus::Canceled => OrderEvent::Canceled { reason: None },
            OrderStatus::Rejected => OrderEvent::Rejected(Reject {
                code: "REJECTED".into(),
                message: "found to be refused when the broker was asked".to_owned(),
            }),
            // Only its fills complete an order; which order replaced it, this answer does not say.
            _ => return None,
        };
        self.report(id, event).await;
        None
    }

    /// Asks for everything the broker shows, and passes it on in one piece. A part that fails is absent, not empty.
    async fn reconcile(&self, reason: ReconcileReason, since: Timestamp) -> Option<String> {
        let statement = gather(self.broker.as_ref(), &self.account, reason, self.clock.now(), since).await;
        let failed = (!statement.failures.is_empty()).then(|| statement.failures.join("; "));
        let events = vec![AccountEvent::Statement(Box::new(statement))];
        if self.reports.send(Reported { events, venue: None, call: None }).await.is_err() {
            tracing::debug!("the engine has ended: nobody is left to tell");
        }
        failed
    }

    async fn report(&self, client_order_id: ClientOrderId, event: OrderEvent) {
        self.report_at(self.clock.now(), client_order_id, event).await;
    }

    async fn report_at(&self, at: Timestamp, client_order_id: ClientOrderId, event: OrderEvent) {
        let update = OrderUpdate { account: self.account.clone(), client_order_id, at, event };
        let reported = Reported { events: vec![AccountEvent::Order(update)], venue: None, call: None };
        if self.reports.send(reported).await.is_err() {
            tracing::debug!("the engine has ended: nobody is left to tell");
        }
    }
}

#[cfg(test)]
mod tests;
