//! The paper venue as a `Broker`: a task that owns the pure venue, gives it time and prices, and stores it before it reports.

mod desk;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::brokers::{
    AccountStream, Broker, BrokerError, BrokerPreview, OrderState, SubmitOutcome, orders_alone,
};
use crate::core::paper::{DailyStats, Venue};
use crate::domain::account::Account;
use crate::domain::calendar::Calendar;
use crate::domain::capabilities::Capabilities;
use crate::domain::corporate::CorporateAction;
use crate::domain::execution::{AccountEvent, Execution, OrderEvent};
use crate::domain::ids::{BrokerOrderId, ClientOrderId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::Quantity;
use crate::domain::movement::Movement;
use crate::domain::option::OptionContract;
use crate::domain::order::{Approved, OrderHandle, OrderRequest};
use crate::domain::position::Position;
use crate::domain::quote::{Bar, Quote};
use crate::domain::statement::OrderReport;
use crate::domain::venue::{VenueAction, VenueAnswer};

use super::clock::Clock;
use super::link::Reported;
use super::session::give;

pub use desk::PaperDesk;

/// Messages that may wait for the venue.
const COMMANDS_MAX: usize = 256;

/// What the venue's task is told.
pub(super) enum VenueCommand {
    Submit(Box<OrderRequest>, oneshot::Sender<SubmitOutcome>),
    Cancel(ClientOrderId, oneshot::Sender<SubmitOutcome>),
    /// The old order, what is known to have filled of it, and the new one.
    Replace(ClientOrderId, Quantity, Box<OrderRequest>, oneshot::Sender<SubmitOutcome>),
    Account(oneshot::Sender<Account>),
    Positions(oneshot::Sender<Vec<Position>>),
    Orders(oneshot::Sender<Vec<OrderReport>>),
    Order(ClientOrderId, oneshot::Sender<Option<OrderState>>),
    Quotes(Vec<Quote>),
    Bar(Timestamp, Instrument, Bar),
    Corporate(Timestamp, CorporateAction),
    /// What companies have declared, known before it takes effect.
    Announce(Vec<CorporateAction>),
    Spec(Box<InstrumentSpec>),
    Calendar(Arc<Calendar>),
    Assign(OptionContract, Option<Quantity>, oneshot::Sender<Quantity>),
    DoNotExercise(OptionContract, oneshot::Sender<bool>),
    Expire(oneshot::Sender<()>),
    EndOfData(Timestamp),
    DailyStats(Instrument, DailyStats),
    Advance(Timestamp),
    /// Asks when the venue does something by itself.
    NextDue(oneshot::Sender<Option<Timestamp>>),
    /// Answered once everything that was told before has been done and reported.
    Sync(oneshot::Sender<()>),
}

/// The handle: what the link and the engine hold.
#[derive(Clone)]
pub(super) struct PaperBroker {
    commands: mpsc::Sender<VenueCommand>,
    capabilities: Capabilities,
}

/// Prices that did not fit into the venue's queue: the newest of each instrument.
#[derive(Default)]
pub(super) struct Backlog(BTreeMap<Instrument, Quote>);

impl PaperBroker {
    /// Starts the venue's task on the current runtime.
    pub(super) fn start(venue: Venue, reports: mpsc::Sender<Reported>, clock: Clock) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        tokio::spawn(VenueTask { venue, reports, clock }.run(inbox));
        Self { commands, capabilities: Capabilities::paper() }
    }

    /// Hands something over without an answer.
    pub(super) async fn tell(&self, command: VenueCommand) {
        if self.commands.send(command).await.is_err() {
            tracing::error!("the paper venue has stopped");
        }
    }

    /// Hands prices over. What does not fit is kept, newest only, and goes with the next ones.
    pub(super) fn offer(&self, quotes: Vec<Quote>, backlog: &mut Backlog) {
        for quote in quotes {
            backlog.0.insert(quote.instrument.clone(), quote);
        }
        if let Ok(slot) = self.commands.try_reserve() {
            let quotes = std::mem::take(&mut backlog.0).into_values().collect();
            slot.send(VenueCommand::Quotes(quotes));
        }
    }

    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> VenueCommand) -> Result<T, BrokerError> {
        let gone =
            |reason: &str| BrokerError::Unreachable { broker: "paper".to_owned(), reason: reason.to_owned() };
        let (reply, answer) = oneshot::channel();
        self.commands.send(make(reply)).await.map_err(|_| gone("the venue has stopped"))?;
        answer.await.map_err(|_| gone("the venue has stopped"))
    }

    async fn command(
        &self,
        make: impl FnOnce(oneshot::Sender<SubmitOutcome>) -> VenueCommand,
    ) -> SubmitOutcome {
        self.ask(make).await.unwrap_or_else(SubmitOutcome::Unknown)
    }
}

#[async_trait]
impl Broker for PaperBroker {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn account(&self) -> Result<Account, BrokerError> {
        self.ask(VenueCommand::Account).await
    }

    async fn positions(&self) -> Result<Vec<Position>, BrokerError> {
        self.ask(VenueCommand::Positions).await
    }

    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome {
        self.command(|reply| VenueCommand::Submit(Box::new(order.into_inner()), reply)).await
    }

    async fn cancel(&self, order: &OrderHandle) -> SubmitOutcome {
        self.command(|reply| VenueCommand::Cancel(order.client_order_id, reply)).await
    }

    async fn cancel_all(&self) -> Result<(), BrokerError> {
        for order in self.orders().await? {
            let Some(id) = order.client_order_id else { continue };
            self.ask(|reply| VenueCommand::Cancel(id, reply)).await?;
        }
        Ok(())
    }

    async fn preview(&self, _order: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError> {
        // What it would say is what the core's own preview says: they share the fee table and the margin rules.
        Ok(None)
    }

    async fn movements(&self, _since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        // It reports them with everything else.
        Ok(Vec::new())
    }

    async fn spec(&self, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        Ok(InstrumentSpec::standard(instrument.clone()))
    }

    async fn act(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        Err(orders_alone("paper", action))
    }

    async fn watch(&self, _events: mpsc::Sender<AccountStream>) -> BrokerError {
        // The venue's own task reports what happens, in the transaction that stores the venue.
        std::future::pending().await
    }

    async fn replace(&self, order: &OrderHandle, new: Approved<OrderRequest>) -> SubmitOutcome {
        let (id, known) = (order.client_order_id, order.filled_quantity);
        self.command(|reply| VenueCommand::Replace(id, known, Box::new(new.into_inner()), reply)).await
    }

    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError> {
        self.ask(VenueCommand::Orders).await
    }

    fn shows_at_once(&self) -> bool {
        true
    }

    async fn order(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        self.ask(|reply| VenueCommand::Order(order.client_order_id, reply)).await
    }

    async fn executions(&self, _since: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        // The venue is stored in the transaction that books what it reports: it has no fill that the journal lacks.
        Ok(Vec::new())
    }
}

struct VenueTask {
    venue: Venue,
    reports: mpsc::Sender<Reported>,
    clock: Clock,
}

impl VenueTask {
    async fn run(mut self, mut inbox: mpsc::Receiver<VenueCommand>) {
        loop {
            let due = self.venue.next_due().filter(|_| self.clock.goes_on());
            let wait = due.map(|due| due.duration_since(self.clock.now()).unsigned_abs_or_zero());
            tokio::select! {
                biased;
                command = inbox.recv() => match command {
                    Some(command) => self.handle(command).await,
                    None => return,
                },
                () = sleep_or_never(wait) => self.venue.advance(self.clock.now()),
            }
            self.report().await;
        }
    }

    async fn handle(&mut self, command: VenueCommand) {
        let now = self.clock.now();
        match command {
            VenueCommand::Quotes(quotes) => {
                for quote in &quotes {
                    self.venue.on_quote(now, quote);
                }
                self.venue.advance(now);
            }
            VenueCommand::Bar(end, instrument, bar) => self.venue.on_bar(end, &instrument, &bar),
            VenueCommand::Corporate(at, action) => self.venue.corporate_action(at, &action),
            VenueCommand::Announce(actions) => self.venue.announce(actions),
            VenueCommand::Advance(to) => self.venue.advance(to),
            VenueCommand::Sync(reply) => give(reply, ()),
            VenueCommand::NextDue(reply) => give(reply, self.venue.next_due()),
            VenueCommand::Spec(spec) => self.venue.set_spec(*spec),
            VenueCommand::Calendar(calendar) => self.venue.set_calendar(calendar),
            VenueCommand::Submit(order, reply) => {
                self.venue.submit(now, &order);
                self.answer(order.client_order_id, order.client_order_id, reply).await;
            }
            VenueCommand::Cancel(id, reply) => {
                self.venue.cancel(now, id);
                self.answer(id, id, reply).await;
            }
            VenueCommand::Replace(id, known, new, reply) => {
                self.venue.replace(now, id, known, &new);
                self.answer(id, new.client_order_id, reply).await;
            }
            VenueCommand::Account(reply) => give(reply, self.venue.account(now)),
            VenueCommand::Positions(reply) => give(reply, self.venue.positions()),
            VenueCommand::Orders(reply) => {
                let ids: Vec<ClientOrderId> = self.venue.open_orders().collect();
                give(reply, ids.into_iter().filter_map(|id| self.venue.describe(id)).collect());
            }
            VenueCommand::Order(id, reply) => give(reply, self.state(id)),
            VenueCommand::Assign(contract, contracts, reply) => {
                give(reply, self.venue.assign(now, &contract, contracts));
            }
            VenueCommand::DoNotExercise(contract, reply) => {
                give(reply, self.venue.do_not_exercise(now, &contract));
            }
            VenueCommand::EndOfData(at) => self.venue.end_of_data(at),
            VenueCommand::DailyStats(instrument, stats) => self.venue.set_daily_stats(&instrument, stats),
            VenueCommand::Expire(reply) => {
                self.venue.expire(now);
                give(reply, ());
            }
        }
    }

    fn state(&self, id: ClientOrderId) -> Option<OrderState> {
        let (status, filled_quantity) = self.venue.order(id)?;
        let broker_order_id = self.venue.broker_order_id(id).unwrap_or_else(|| BrokerOrderId::new("p0"));
        Some(OrderState { broker_order_id, status, filled_quantity })
    }

    /// The venue's word on a command about an order: a refusal of it, or that it was heard, and what came of it is called so.
    async fn answer(
        &mut self,
        about: ClientOrderId,
        id: ClientOrderId,
        reply: oneshot::Sender<SubmitOutcome>,
    ) {
        let mut events = Vec::new();
        self.venue.drain(&mut events);
        let refusal = events.iter().find_map(|event| match event {
            AccountEvent::Order(update) if [about, id].contains(&update.client_order_id) => {
                match &update.event {
                    OrderEvent::Rejected(reject)
                    | OrderEvent::CancelRejected(reject)
                    | OrderEvent::ReplaceRejected(reject) => Some(reject.clone()),
                    _ => None,
                }
            }
            _ => None,
        });
        // What the venue now knows is on its way to the disk before the answer is: the journal never knows more than the venue.
        self.hand_over(events).await;
        give(
            reply,
            match refusal {
                Some(reject) => SubmitOutcome::Rejected(reject),
                None => SubmitOutcome::Acknowledged(
                    self.venue.broker_order_id(id).unwrap_or_else(|| BrokerOrderId::new("p0")),
                ),
            },
        );
    }

    async fn report(&mut self) {
        if self.venue.has_events() {
            let mut events = Vec::new();
            self.venue.drain(&mut events);
            self.hand_over(events).await;
        }
    }

    /// Hands events over with the state that they left the venue in, to be stored with what they change.
    async fn hand_over(&mut self, events: Vec<AccountEvent>) {
        let account = self.venue.account(self.clock.now()).account;
        let venue = match serde_json::to_string(&self.venue) {
            Ok(state) => Some((account, state)),
            Err(error) => {
                tracing::error!(%error, "the paper venue cannot be written down");
                None
            }
        };
        if self.reports.send(Reported { venue, ..Reported::events(events) }).await.is_err() {
            tracing::debug!("the engine has ended, and so will this venue");
        }
    }
}

async fn sleep_or_never(wait: Option<std::time::Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// A waiting time: nothing for what is due already.
trait WaitTime {
    fn unsigned_abs_or_zero(self) -> std::time::Duration;
}

impl WaitTime for jiff::SignedDuration {
    fn unsigned_abs_or_zero(self) -> std::time::Duration {
        if self.is_negative() { std::time::Duration::ZERO } else { self.unsigned_abs() }
    }
}
