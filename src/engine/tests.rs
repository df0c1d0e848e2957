//! The core and the journal's writer together, without threads: what may be sent, and when.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::journal::{Group, Job, Writer, Written};
use super::launch::{Access, FeedChoice, Settings, make_core};
use crate::core::effect::{Effect, RequestId};
use crate::core::engine::Engine;
use crate::core::input::Input;
use crate::core::paper::VenueConfig;
use crate::domain::calendar::Calendar;
use crate::domain::execution::{AccountEvent, OrderEvent, OrderUpdate};
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::limits::RiskLimits;
use crate::domain::money::Quantity;
use crate::domain::order::{
    OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side, TimeInForce,
};
use crate::domain::quote::{Feed, Quote};
use crate::store::{HistoryFilter, Store};

struct Desk {
    core: Engine,
    writer: Writer,
    answers: (mpsc::Sender<Written>, mpsc::Receiver<Written>),
    /// Seconds since the start.
    clock: i64,
    requests: u64,
}

fn share() -> Instrument {
    Instrument::equity("AAPL").unwrap()
}

impl Desk {
    fn new(directory: &Path) -> Self {
        let settings = Settings {
            access: Access::Trade,
            audit: None,
            command: String::new(),
            watchlists: Vec::new(),
            directory: directory.to_owned(),
            calendar: crate::config::CalendarFile::of(directory),
            profile: "test".to_owned(),
            venue: VenueConfig::new(AccountId::new("paper"), 100_000.into()),
            limits: None,
            public_crypto: None,
            live_limits: RiskLimits::default(),
            config: None,
            brokers: std::collections::BTreeMap::new(),
            clock: crate::config::PaperClock::System,
            market_seed: 1,
            updates_per_second: 1.0,
            exits: Default::default(),
            feed: FeedChoice::Simulated,
            desktop_alerts: false,
            alert_command: None,
        };
        let core = make_core(&settings, &Arc::new(Calendar::nyse()), Feed::Simulated, at(0));
        let store = Store::open(directory, at(0)).unwrap();
        let answers = mpsc::channel(64);
        let mut desk = Self { core, writer: Writer::new(store), answers, clock: 0, requests: 0 };
        desk.step(Input::Instrument(Box::new(InstrumentSpec::standard(share()))));
        desk.step(Input::BrokerStatus { account: AccountId::new("paper"), up: true, reconciled: true });
        desk
    }

    /// A minute later: what the core wants done, its journal entries written and answered. The words say in which order.
    fn step(&mut self, input: Input) -> Vec<String> {
        self.clock += 60;
        let mut quote = Quote::empty(share(), at(self.clock), Feed::Simulated);
        quote.bid = Some("99.99".parse().unwrap());
        quote.ask = Some("100.01".parse().unwrap());
        quote.last = Some("100".parse().unwrap());
        assert!(self.core.step(at(self.clock), Input::Quote(Box::new(quote))).is_empty());
        let mut words = Vec::new();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for effect in self.core.step(at(self.clock), input) {
                let Effect::Journal { ticket, urgent, entry } = effect else {
                    words.push(word(&effect));
                    continue;
                };
                let mut group = Group::default();
                group.add(Job::Entry { ticket, urgent, entry });
                self.writer.commit(group, &self.answers.0);
                let (ticket, result) = self.answers.1.try_recv().unwrap();
                words.push(if result.is_ok() { "journal" } else { "journal fails" }.to_owned());
                inputs.push(match result {
                    Ok(()) => Input::Journaled(ticket),
                    Err(reason) => Input::JournalFailed { ticket, reason },
                });
                assert!(words.len() < 20, "it goes in circles: {words:?}");
            }
        }
        words
    }

    fn place(&mut self, id: u128) -> Vec<String> {
        self.requests += 1;
        let order = OrderRequest {
            time_in_force: TimeInForce::Gtc,
            ..OrderRequest::plain(
                ClientOrderId::from_u128(id),
                AccountId::new("paper"),
                Origin::person(OriginKind::Cli),
                OrderSubject::Instrument(share()),
                Side::Buy,
                Quantity::from(1),
                Pricing::Limit { limit_price: "99".parse().unwrap() },
            )
        };
        self.step(Input::Place { request: RequestId(self.requests), orders: vec![order] })
    }

    fn cancel(&mut self, id: u128) -> Vec<String> {
        self.requests += 1;
        let orders = vec![ClientOrderId::from_u128(id)];
        self.step(Input::Cancel { request: RequestId(self.requests), orders })
    }

    fn hear(&mut self, id: u128, event: OrderEvent) -> Vec<String> {
        let update = OrderUpdate {
            account: AccountId::new("paper"),
            client_order_id: ClientOrderId::from_u128(id),
            at: at(self.clock),
            event,
        };
        self.step(Input::Broker(Box::new(AccountEvent::Order(update))))
    }

    fn status(&self, id: u128) -> OrderStatus {
        self.core.order(ClientOrderId::from_u128(id)).unwrap().status
    }
}

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::Submit { .. } => "submit",
        Effect::Cancel { .. } => "cancel",
        Effect::Replace { .. } => "replace",
        Effect::Ask { .. } => "ask",
        Effect::Reconcile { .. } => "reconcile",
        Effect::Ring { .. } => "ring",
        Effect::Answer { .. } => "answer",
        Effect::Journal { .. } => "journal",
        Effect::History { .. } => "history",
        Effect::Need { .. } => "need",
        Effect::Measure { .. } => "measure",
        Effect::Bot { .. } => "bot",
    }
    .to_owned()
}

fn directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    directory
}

#[test]
fn an_alert_is_written_down_before_anybody_is_told() {
    use crate::domain::alert::{AlertChange, AlertWhen};
    let directory = directory();
    let mut desk = Desk::new(directory.path());
    let change = AlertChange::Set { instrument: share(), when: AlertWhen::Above, value: 150.into() };
    assert_eq!(desk.step(Input::Alert { request: RequestId(7), change }), ["journal", "answer"]);
    let mut quote = Quote::empty(share(), at(desk.clock + 60), Feed::Simulated);
    quote.last = Some("150.5".parse().unwrap());
    assert_eq!(desk.step(Input::Quote(Box::new(quote.clone()))), ["journal", "ring"]);
    let kept = desk.writer.store().alerts().unwrap();
    assert_eq!((kept.len(), kept[0].fired_price), (1, quote.last));
    // The same price again says nothing new.
    quote.as_of = at(desk.clock + 60);
    assert!(desk.step(Input::Quote(Box::new(quote))).is_empty());
}

#[test]
fn j1_nothing_is_sent_before_it_is_on_the_disk() {
    let directory = directory();
    let mut desk = Desk::new(directory.path());
    assert_eq!(desk.place(1), ["journal", "answer", "submit"]);
    let acknowledged = OrderEvent::Acknowledged { broker_order_id: BrokerOrderId::new("p1") };
    assert_eq!(desk.hear(1, acknowledged), ["journal"]);
    assert_eq!(desk.cancel(1), ["journal", "answer", "cancel"]);
    // Another connection sees it: it is committed.
    let reader = Store::open_reader(directory.path()).unwrap();
    assert_eq!(reader.orders(&HistoryFilter::default()).unwrap()[0].status, OrderStatus::PendingCancel);
}

#[test]
fn j2_on_a_full_disk_orders_are_denied_cancels_go_and_space_is_enough_to_go_on() {
    let directory = directory();
    let mut desk = Desk::new(directory.path());
    desk.place(1);
    desk.hear(1, OrderEvent::Acknowledged { broker_order_id: BrokerOrderId::new("p1") });
    desk.writer.store().limit_pages(1);
    // Rows still fit into the pages that are there, until none does.
    let mut id = 2;
    while desk.place(id) == ["journal", "answer", "submit"] {
        id += 1;
        assert!(id < 2_000, "the disk never fills");
    }
    let denied = desk.core.order(ClientOrderId::from_u128(id)).unwrap();
    assert_eq!(denied.status, OrderStatus::Denied);
    let text = denied.denials[0].text.clone();
    assert!(text.contains("JOURNAL_UNAVAILABLE") && text.contains("the disk is full"), "{text}");
    assert_eq!(
        desk.place(id + 1),
        ["journal fails", "answer", "journal fails"],
        "said once, and not again and again"
    );
    assert_eq!(desk.cancel(1), ["journal fails", "answer", "cancel"]);
    assert_eq!(desk.status(1), OrderStatus::PendingCancel);
    desk.writer.store().limit_pages(1_000_000);
    assert_eq!(desk.place(id + 2), ["journal", "answer", "journal", "submit"], "and says that it is back");
    // What could not be written while the disk was full has been by now.
    let reader = Store::open_reader(directory.path()).unwrap();
    let statuses: Vec<_> = reader
        .orders(&HistoryFilter { limit: 3, ..HistoryFilter::default() })
        .unwrap()
        .into_iter()
        .map(|order| order.status)
        .collect();
    assert_eq!(statuses, [OrderStatus::PendingSubmit, OrderStatus::Denied, OrderStatus::Denied]);
    assert_eq!(reader.log(3).unwrap().last().unwrap().code, "JOURNAL_BACK");
}

#[test]
fn h2_the_kill_switch_waits_for_no_disk() {
    let directory = directory();
    let mut desk = Desk::new(directory.path());
    for id in [1, 2] {
        desk.place(id);
        desk.hear(id, OrderEvent::Acknowledged { broker_order_id: BrokerOrderId::new(format!("p{id}")) });
    }
    let halt = |request| Input::Halt { request: RequestId(request), all: false, reason: "test".to_owned() };
    // The disk has not answered, and will not: the cancels are in the same step.
    let words: Vec<String> = desk.core.step(at(desk.clock), halt(8)).iter().map(word).collect();
    assert_eq!(words, ["journal", "cancel", "cancel"]);
    assert_eq!(desk.status(1), OrderStatus::PendingCancel);
    // A cancel never overtakes the order that it is of.
    let mut desk = Desk::new(&directory.path().join("held"));
    desk.place(1);
    let words: Vec<String> = desk.core.step(at(desk.clock), halt(8)).iter().map(word).collect();
    assert_eq!(words, ["journal"]);
    // Whoever asks is answered once it is written, or known not to be.
    let mut desk = Desk::new(&directory.path().join("other"));
    assert_eq!(desk.step(halt(8)), ["journal", "answer"]);
    let reader = Store::open_reader(&directory.path().join("other")).unwrap();
    assert_eq!(reader.get_state("trading_state").unwrap().as_deref(), Some("\"halted\""));
}

#[test]
fn s6_after_the_disk_failed_the_database_is_opened_anew() {
    let directory = directory();
    let mut desk = Desk::new(directory.path());
    desk.place(1);
    desk.writer.mark_broken();
    // It is gone meanwhile: a new one in its place would be another journal, so nothing is written.
    let (here, away) = (directory.path().join("arbion.db"), directory.path().join("away"));
    std::fs::rename(&here, &away).unwrap();
    assert_eq!(desk.place(2)[0], "journal fails");
    assert_eq!(desk.status(2), OrderStatus::Denied);
    std::fs::rename(&away, &here).unwrap();
    assert_eq!(desk.place(3), ["journal", "answer", "journal", "submit"]);
}

#[test]
fn a_replacement_that_never_arrived_leaves_the_old_order_working() {
    use crate::domain::order::OrderChange;
    let directory = directory();
    let mut desk = Desk::new(directory.path());
    desk.place(1);
    desk.hear(1, OrderEvent::Acknowledged { broker_order_id: BrokerOrderId::new("p1") });
    let change = OrderChange { quantity: Some(Quantity::from(2)), ..OrderChange::default() };
    let order = ClientOrderId::from_u128(1);
    desk.step(Input::Replace { request: RequestId(9), order, change });
    assert_eq!(desk.status(1), OrderStatus::PendingReplace);
    let new =
        desk.core.book().working().find(|order| order.replaces.is_some()).unwrap().request.client_order_id;
    let update = OrderUpdate {
        account: AccountId::new("paper"),
        client_order_id: new,
        at: at(desk.clock),
        event: OrderEvent::NeverReached,
    };
    desk.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    assert_eq!(desk.status(1), OrderStatus::Submitted);
    assert_eq!(desk.core.order(new).unwrap().status, OrderStatus::Canceled);
}

#[test]
fn a_fill_and_the_venue_that_gave_it_reach_the_disk_together() {
    use crate::core::effect::{BookedExecution, JournalEntry, Ticket};
    use crate::domain::execution::{Execution, ExecutionKind};
    use crate::domain::ids::ExecutionId;
    use rust_decimal::Decimal;
    let directory = directory();
    let mut desk = Desk::new(directory.path());
    let account = AccountId::new("paper");
    let execution = Execution {
        execution_id: ExecutionId::new("x1"),
        account: account.clone(),
        client_order_id: None,
        broker_order_id: None,
        instrument: share(),
        side: Side::Buy,
        quantity: Quantity::from(1),
        price: "100".parse().unwrap(),
        multiplier: Decimal::ONE,
        fee: Decimal::ZERO,
        currency: crate::domain::money::Currency::USD,
        at: at(0),
        kind: ExecutionKind::Trade,
    };
    let booked = BookedExecution { execution, realized_pnl: Decimal::ZERO };
    let entry = JournalEntry { executions: vec![booked], ..JournalEntry::default() };
    let entry = Job::Entry { ticket: Ticket(9), urgent: false, entry: Box::new(entry) };
    // A state too large for the pages that are left: the fill that fits does not go without it.
    let state = "x".repeat(1 << 20);
    let together = Job::Together(vec![entry, Job::Venue(account.clone(), state.clone())]);
    assert_eq!(together.tickets(), [Ticket(9)]);
    let on_disk = || {
        let reader = Store::open_reader(directory.path()).unwrap();
        (reader.all_executions().unwrap().len(), reader.venue(&account).unwrap().is_some())
    };
    desk.writer.store().limit_pages(100);
    let mut group = Group::default();
    group.add(together);
    desk.writer.commit(group, &desk.answers.0);
    assert!(desk.answers.1.try_recv().unwrap().1.is_err());
    assert_eq!(on_disk(), (0, false));
    desk.writer.store().limit_pages(1_000_000);
    let mut group = Group::default();
    group.add(Job::Venue(account.clone(), state));
    desk.writer.commit(group, &desk.answers.0);
    assert_eq!(on_disk(), (1, true));
}
