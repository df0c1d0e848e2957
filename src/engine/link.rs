//! The link to a broker: one task per account that carries out what the core wants sent, and turns outcomes into events. Every call to a
//! broker is a task of its own with a deadline: one that hangs keeps nothing but what is about the same order, one that panics ends alone.

mod breaker;
mod lanes;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Duration, Instant, sleep_until, timeout};

use crate::brokers::{Broker, BrokerError, SubmitOutcome};
use crate::domain::execution::{AccountEvent, Execution, OrderEvent, OrderUpdate, Reject};
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId};
use crate::domain::order::{Approved, OrderHandle, OrderRequest, OrderStatus, PositionEffect, Side};
use crate::domain::statement::{ReconcileReason, Statement};

use super::clock::Clock;
use breaker::{Breaker, Turned};
use lanes::{About, HELD_MAX, Lane, Lanes, Next};

/// How far back fills are asked for: longer than any broker's day.
const FILLS_SINCE: SignedDuration = SignedDuration::from_hours(48);

/// Commands that may wait for a link to look.
pub(super) const COMMANDS_MAX: usize = 64;

/// Commands that a link has room for, those at the broker among them.
pub(super) const ROOM: usize = COMMANDS_MAX + HELD_MAX;

/// How long a broker has for an order, a cancel or a question (reliability N1), whatever its connector does.
const ORDER_WITHIN: Duration = Duration::from_secs(10);
/// How long it has for a list of executions.
const HISTORY_WITHIN: Duration = Duration::from_secs(30);

/// Calls that may panic in `PANICS_WITHIN` before nothing that opens goes any more.
const PANICS_MAX: usize = 5;
/// See `PANICS_MAX`.
const PANICS_WITHIN: Duration = Duration::from_secs(600);

/// What a broker reports at a time.
pub(super) struct Reported {
    /// In order.
    pub(super) events: Vec<AccountEvent>,
    /// The paper venue as these events left it, as JSON: stored in the transaction that books them, so that a kill between the two is
    /// impossible and no fill is lost or comes twice.
    pub(super) venue: Option<(AccountId, String)>,
    /// How the last call to the broker went.
    pub(super) call: Option<Call>,
    /// An account of which words may be lost, and why: it is to be compared anew before anything opens there.
    pub(super) distrust: Option<(AccountId, String)>,
    /// An account whose broker leaves orders unanswered: for how long nothing that opens goes there; absent once it may go again.
    pub(super) circuit: Option<(AccountId, Option<Duration>)>,
}

impl Reported {
    /// What happened there, and nothing else.
    pub(super) const fn events(events: Vec<AccountEvent>) -> Self {
        Self { events, venue: None, call: None, distrust: None, circuit: None }
    }
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
    /// What the link holds or has at the broker.
    held: Arc<AtomicUsize>,
}

impl LinkQueue {
    pub(super) const fn new(commands: mpsc::Sender<LinkCommand>, held: Arc<AtomicUsize>) -> Self {
        Self { commands, cancels: VecDeque::new(), held }
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

    /// Commands that wait or are at the broker, cancels that were kept among them.
    pub(super) fn waiting(&self) -> usize {
        let queued = self.commands.max_capacity() - self.commands.capacity();
        queued + self.cancels.len() + self.held.load(Ordering::Relaxed)
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

/// Starts the link of an account on the current runtime. It ends with the engine.
pub(super) fn start(
    account: AccountId,
    broker: Arc<dyn Broker>,
    reports: mpsc::Sender<Reported>,
    clock: Clock,
    halted: Arc<AtomicBool>,
) -> LinkQueue {
    let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
    let held = Arc::new(AtomicUsize::new(0));
    let link = Arc::new(Link { account, broker, reports, clock });
    let run = Run {
        link,
        halted,
        held: Arc::clone(&held),
        calls: JoinSet::new(),
        panics: VecDeque::new(),
        breaker: Breaker::default(),
    };
    tokio::spawn(run.run(inbox));
    LinkQueue::new(commands, held)
}

/// The loop of a link. It calls no broker itself, so that nothing a connector does can end it.
struct Run {
    link: Arc<Link>,
    /// The kill switch as the core sees it.
    halted: Arc<AtomicBool>,
    held: Arc<AtomicUsize>,
    calls: JoinSet<Answered>,
    /// When calls panicked lately.
    panics: VecDeque<Instant>,
    breaker: Breaker,
}

/// What the link itself remembers of a call.
#[derive(Default)]
struct Answered {
    /// What an order is called at the broker.
    named: Option<(ClientOrderId, BrokerOrderId)>,
    /// The broker answered, by a yes or a no.
    well: bool,
}

impl Run {
    async fn run(mut self, mut inbox: mpsc::Receiver<LinkCommand>) {
        let mut lanes = Lanes::default();
        let mut open = true;
        while open || lanes.len() > 0 || !self.calls.is_empty() {
            let wakes_at = lanes.wakes_at(Instant::now()).into_iter().chain(self.breaker.wakes_at()).min();
            tokio::select! {
                biased;
                Some(ended) = self.calls.join_next_with_id() => self.ended(&mut lanes, ended),
                command = inbox.recv(), if open => match command {
                    Some(command) => lanes.take(command, Instant::now()),
                    None => open = false,
                },
                () = at_or_never(wakes_at) => {}
            }
            let turned = self.breaker.turn(Instant::now());
            self.tell_circuit(turned);
            while let Some(next) = lanes.next(Instant::now()) {
                self.begin(&mut lanes, next);
            }
            self.held.store(lanes.len(), Ordering::Relaxed);
        }
    }

    fn begin(&mut self, lanes: &mut Lanes, next: Next) {
        let link = Arc::clone(&self.link);
        match next {
            Next::Never(orders) => drop(self.calls.spawn(async move { link.never_reached(orders).await })),
            Next::Send(LinkCommand::Submit(order), _) if opens(order.get()) && !self.lets_open() => {
                // The kill switch came after this was let out and before it was sent, or the broker does not answer.
                let orders = with_exits(order.get());
                self.calls.spawn(async move { link.never_reached(orders).await });
            }
            Next::Send(command, about) => {
                let call = self.calls.spawn(async move { link.call(command).await });
                lanes.went(call.id(), about);
            }
        }
    }

    fn lets_open(&mut self) -> bool {
        while self.panics.front().is_some_and(|at| at.elapsed() > PANICS_WITHIN) {
            self.panics.pop_front();
        }
        let may = !self.halted.load(Ordering::Acquire) && self.panics.len() < PANICS_MAX;
        may && self.breaker.lets()
    }

    fn tell_circuit(&mut self, turned: Option<Turned>) {
        let Some(turned) = turned else { return };
        let link = Arc::clone(&self.link);
        let pause = match turned {
            Turned::Open(pause) => Some(pause),
            Turned::HalfOpen | Turned::Closed => None,
        };
        self.calls.spawn(async move { link.circuit(pause).await });
    }

    fn ended(&mut self, lanes: &mut Lanes, ended: Result<(Id, Answered), JoinError>) {
        let (call, panicked, well) = match ended {
            Ok((call, answered)) => {
                if let Some((order, name)) = answered.named {
                    lanes.learn(order, name);
                }
                (call, false, answered.well)
            }
            Err(error) => (error.id(), error.is_panic(), false),
        };
        let Some(about) = lanes.ended(call) else { return };
        if about.lane == Lane::Order {
            let turned = self.breaker.tell(Instant::now(), well);
            self.tell_circuit(turned);
        }
        if !panicked {
            return;
        }
        if self.panics.len() >= PANICS_MAX {
            self.panics.pop_front();
        }
        self.panics.push_back(Instant::now());
        let link = Arc::clone(&self.link);
        self.calls.spawn(async move { link.panicked(about).await });
    }
}

async fn at_or_never(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
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
    if let Err(error) = within(account, ORDER_WITHIN, broker.account()).await {
        // One that does not even say how the account stands is not asked further.
        failed("account", error);
        return statement;
    }
    let orders = within(account, ORDER_WITHIN, broker.orders()).await;
    let orders = orders.map_err(|error| failed("orders", error)).ok();
    let executions = within(account, HISTORY_WITHIN, broker.executions(since)).await;
    let executions = executions.map_err(|error| failed("executions", error)).ok();
    let movements = within(account, HISTORY_WITHIN, broker.movements(since)).await;
    let movements = movements.map_err(|error| failed("movements", error)).ok();
    let positions = within(account, ORDER_WITHIN, broker.positions()).await;
    let positions = positions.map_err(|error| failed("positions", error)).ok();
    Statement { orders, executions, movements, positions, ..statement }
}

/// What a broker answers in time, or that it did not.
async fn within<T>(
    account: &AccountId,
    limit: Duration,
    answer: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    timeout(limit, answer).await.unwrap_or_else(|_| Err(late(account, limit)))
}

/// The same for a command: what became of it nobody knows.
async fn carried_out(account: &AccountId, answer: impl Future<Output = SubmitOutcome>) -> SubmitOutcome {
    let late = || SubmitOutcome::Unknown(late(account, ORDER_WITHIN));
    timeout(ORDER_WITHIN, answer).await.unwrap_or_else(|_| late())
}

fn late(account: &AccountId, limit: Duration) -> BrokerError {
    BrokerError::NoAnswer {
        broker: account.to_string(),
        reason: format!("none within {} s", limit.as_secs()),
    }
}

impl Link {
    /// Carries a command out, and tells what came of it. Returns what an order is called there, where that is news.
    async fn call(&self, command: LinkCommand) -> Answered {
        let (name, started) = (command.name(), Instant::now());
        let mut named = None;
        let error = match command {
            LinkCommand::Submit(order) => {
                let id = order.get().client_order_id;
                let (broker_order_id, error) = self.submit(*order).await;
                named = broker_order_id.map(|name| (id, name));
                error
            }
            LinkCommand::Cancel(order) => self.cancel(&order).await,
            LinkCommand::Replace(order, new) => self.replace(&order, *new).await,
            LinkCommand::Ask(order) => self.ask(&order).await,
            LinkCommand::Reconcile(reason, since) => self.reconcile(reason, since).await,
        };
        let well = error.is_none();
        self.report_call(name, started.elapsed(), error).await;
        Answered { named, well }
    }

    /// The broker leaves orders unanswered, or may be tried again.
    async fn circuit(&self, pause: Option<Duration>) -> Answered {
        let circuit = Some((self.account.clone(), pause));
        self.send(Reported { circuit, ..Reported::events(Vec::new()) }).await;
        Answered::default()
    }

    async fn send(&self, reported: Reported) {
        if self.reports.send(reported).await.is_err() {
            tracing::debug!("the engine has ended: nobody is left to tell");
        }
    }

    /// What has not left.
    async fn never_reached(&self, orders: Vec<ClientOrderId>) -> Answered {
        for order in orders {
            self.report(order, OrderEvent::NeverReached).await;
        }
        Answered::default()
    }

    /// A call ended in a panic: what it was about is in doubt, and asked about; so is whatever the connector may have known of the account.
    async fn panicked(&self, about: About) -> Answered {
        let reason = format!("the connector failed in {}", about.name);
        tracing::error!(account = %self.account, "{reason}");
        if about.lane == Lane::Order {
            for order in about.unsure {
                self.report(order, OrderEvent::OutcomeUnknown { reason: reason.clone() }).await;
            }
        }
        let distrust = Some((self.account.clone(), reason.clone()));
        self.send(Reported { distrust, ..Reported::events(Vec::new()) }).await;
        self.report_call(about.name, Duration::ZERO, Some(reason)).await;
        Answered::default()
    }

    /// Tells how a call went, for the connections.
    async fn report_call(&self, name: &'static str, took: Duration, error: Option<String>) {
        let latency_ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let well = error.is_none();
        let call = Call { name, took, well, latency_ms, error: error.map(|text| (self.clock.now(), text)) };
        self.send(Reported { call: Some(call), ..Reported::events(Vec::new()) }).await;
    }

    async fn submit(&self, order: Approved<OrderRequest>) -> (Option<BrokerOrderId>, Option<String>) {
        let id = order.get().client_order_id;
        let exits = order.get().exit_orders();
        let mut named = None;
        let (event, failed) = match carried_out(&self.account, self.broker.submit(order)).await {
            SubmitOutcome::Acknowledged(broker_order_id) => {
                named = Some(broker_order_id.clone());
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
        (named, failed)
    }

    async fn cancel(&self, order: &OrderHandle) -> Option<String> {
        let id = order.client_order_id;
        match carried_out(&self.account, self.broker.cancel(order)).await {
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
        match carried_out(&self.account, self.broker.replace(order, new)).await {
            SubmitOutcome::Acknowledged(_) => None,
            SubmitOutcome::Rejected(reject) => {
                // The old order works on, and the new one is not there: nobody need ask about it.
                self.report(id, OrderEvent::ReplaceRejected(reject.clone())).await;
                self.report(new_id, OrderEvent::Rejected(reject)).await;
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
        let found = match within(&self.account, ORDER_WITHIN, self.broker.order(order)).await {
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
            let executions = within(&self.account, HISTORY_WITHIN, self.broker.executions(since)).await;
            let executions = match executions {
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
        self.send(Reported::events(events)).await;
        failed
    }

    async fn report(&self, client_order_id: ClientOrderId, event: OrderEvent) {
        self.report_at(self.clock.now(), client_order_id, event).await;
    }

    async fn report_at(&self, at: Timestamp, client_order_id: ClientOrderId, event: OrderEvent) {
        let update = OrderUpdate { account: self.account.clone(), client_order_id, at, event };
        self.send(Reported::events(vec![AccountEvent::Order(update)])).await;
    }
}

#[cfg(test)]
mod tests;
