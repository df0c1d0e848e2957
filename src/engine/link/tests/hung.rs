//! A broker that hangs, panics or is slow in some of its calls, in virtual time: what goes all the same, in which order, and what is said of
//! the rest (reliability H2, L6, N1).

use std::sync::Mutex;

use async_trait::async_trait;

use super::super::*;
use super::{gone, handle, id, now, order};
use crate::brokers::{AccountStream, BrokerPreview, OrderState};
use crate::domain::account::Account;
use crate::domain::capabilities::Capabilities;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::movement::Movement;
use crate::domain::position::Position;
use crate::domain::statement::OrderReport;

/// What it does when it is called.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Takes(u64),
    Hangs,
    Panics,
    /// Answers an order by nothing that says what became of it.
    Fails,
}

/// Does as its script says, and keeps what it was asked for, with the second in which that was.
struct Scripted {
    capabilities: Capabilities,
    script: Vec<(&'static str, Does)>,
    asked: Mutex<Vec<String>>,
    began: Instant,
}

impl Scripted {
    /// The script names calls, or calls about one order, such as `submit 1`.
    fn new(script: &[(&'static str, Does)]) -> Arc<Self> {
        let (capabilities, script) = (Capabilities::paper(), script.to_vec());
        Arc::new(Self { capabilities, script, asked: Mutex::new(Vec::new()), began: Instant::now() })
    }

    async fn does(&self, call: &str, about: Option<(ClientOrderId, Option<&BrokerOrderId>)>) {
        let number = about.and_then(|(about, _)| (0..300).find(|n| id(*n) == about));
        let what = number.map_or_else(|| call.to_owned(), |number| format!("{call} {number}"));
        let name = about.and_then(|(_, name)| name).map(|name| format!(" ({name})")).unwrap_or_default();
        let line = format!("{} {what}{name}", self.began.elapsed().as_secs());
        self.asked.lock().unwrap().push(line);
        let named = |(name, _): &&(&str, Does)| *name == what || *name == call;
        match self.script.iter().find(named).map(|(_, does)| *does) {
            None => {}
            Some(Does::Takes(seconds)) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Some(Does::Hangs) => std::future::pending().await,
            Some(Does::Panics) => panic!("as the script says"),
            Some(Does::Fails) => {}
        }
    }

    fn fails(&self, order: ClientOrderId) -> bool {
        let named = |(name, does): &(&str, Does)| {
            *does == Does::Fails && (0..300).any(|n| id(n) == order && *name == format!("submit {n}"))
        };
        self.script.iter().any(named)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Broker for Scripted {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    async fn account(&self) -> Result<Account, BrokerError> {
        self.does("account", None).await;
        Err(gone())
    }
    async fn positions(&self) -> Result<Vec<Position>, BrokerError> {
        Err(gone())
    }
    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome {
        self.does("submit", Some((order.get().client_order_id, None))).await;
        if self.fails(order.get().client_order_id) {
            return SubmitOutcome::Unknown(gone());
        }
        SubmitOutcome::Acknowledged(BrokerOrderId::new("theirs"))
    }
    async fn cancel(&self, order: &OrderHandle) -> SubmitOutcome {
        self.does("cancel", Some((order.client_order_id, order.broker_order_id.as_ref()))).await;
        SubmitOutcome::Acknowledged(BrokerOrderId::new("theirs"))
    }
    async fn cancel_all(&self) -> Result<(), BrokerError> {
        Err(gone())
    }
    async fn replace(&self, order: &OrderHandle, _: Approved<OrderRequest>) -> SubmitOutcome {
        self.does("replace", Some((order.client_order_id, None))).await;
        SubmitOutcome::Acknowledged(BrokerOrderId::new("theirs"))
    }
    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError> {
        Err(gone())
    }
    async fn preview(&self, _: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError> {
        Err(gone())
    }
    async fn movements(&self, _since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        Ok(Vec::new())
    }

    async fn spec(&self, _: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        Err(gone())
    }
    async fn act(
        &self,
        action: &crate::domain::venue::VenueAction,
    ) -> Result<crate::domain::venue::VenueAnswer, BrokerError> {
        Err(crate::brokers::orders_alone("test", action))
    }

    async fn watch(&self, _: mpsc::Sender<AccountStream>) -> BrokerError {
        gone()
    }
    fn shows_at_once(&self) -> bool {
        false
    }
    async fn order(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        self.does("order", Some((order.client_order_id, None))).await;
        Ok(None)
    }
    async fn executions(&self, _: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        Err(gone())
    }
}

/// A link to such a broker, and what it has reported.
struct Rig {
    broker: Arc<Scripted>,
    queue: LinkQueue,
    heard: mpsc::Receiver<Reported>,
    halted: Arc<AtomicBool>,
}

impl Rig {
    fn new(script: &[(&'static str, Does)]) -> Self {
        let broker = Scripted::new(script);
        let (reports, heard) = mpsc::channel(1_024);
        let halted = Arc::new(AtomicBool::new(false));
        let queue = start(
            AccountId::new("paper"),
            Arc::<Scripted>::clone(&broker),
            reports,
            Clock::replay(now()),
            Arc::clone(&halted),
        );
        Self { broker, queue, heard, halted }
    }

    fn submit(&mut self, n: u64) {
        self.send(LinkCommand::Submit(Box::new(Approved::seal(order(n)))));
    }

    fn replace(&mut self, n: u64, by: u64) {
        self.send(LinkCommand::Replace(handle(n), Box::new(Approved::seal(order(by)))));
    }

    fn send(&mut self, command: LinkCommand) {
        assert!(self.queue.send(command).is_empty());
    }

    /// Time passes.
    async fn seconds(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// What it has said since, a line each.
    fn heard(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Ok(reported) = self.heard.try_recv() {
            lines.extend(reported.circuit.map(|(_, pause)| match pause {
                Some(pause) => format!("circuit open for {} s", pause.as_secs()),
                None => "circuit closed".to_owned(),
            }));
            lines
                .extend(reported.distrust.map(|(account, reason)| format!("{account} distrusted: {reason}")));
            for event in reported.events {
                match event {
                    AccountEvent::Order(update) => {
                        let number = (0..300).find(|n| id(*n) == update.client_order_id).unwrap();
                        lines.push(match update.event {
                            OrderEvent::Acknowledged { .. } => format!("{number} acknowledged"),
                            OrderEvent::OutcomeUnknown { reason } => format!("{number} unknown: {reason}"),
                            OrderEvent::NeverReached => format!("{number} never"),
                            OrderEvent::NotFound => format!("{number} not found"),
                            other => format!("{number} {other:?}"),
                        });
                    }
                    AccountEvent::Statement(statement) => lines.push(statement.failures.join("; ")),
                    other => panic!("{other:?}"),
                }
            }
        }
        lines
    }
}

/// Everything else goes while a submit hangs, and cancels while a read does.
#[tokio::test(start_paused = true)]
async fn h2_what_hangs_keeps_nothing_else() {
    let mut rig = Rig::new(&[("submit 1", Does::Hangs), ("order 20", Does::Hangs), ("account", Does::Hangs)]);
    rig.submit(1);
    rig.send(LinkCommand::Ask(handle(20)));
    rig.send(LinkCommand::Reconcile(ReconcileReason::Timer, now()));
    rig.seconds(1).await;
    for n in 10..14 {
        rig.send(LinkCommand::Cancel(handle(n)));
    }
    rig.send(LinkCommand::Cancel(handle(20)));
    rig.send(LinkCommand::Ask(handle(21)));
    rig.send(LinkCommand::Reconcile(ReconcileReason::Doubt, now()));
    rig.submit(30);
    rig.seconds(1).await;
    assert_eq!(
        rig.broker.asked(),
        [
            "0 submit 1",
            "0 order 20",
            "0 account",
            "1 cancel 10",
            "1 cancel 11",
            "1 cancel 12",
            "1 cancel 13",
            "1 cancel 20",
            "1 order 21",
            "1 account",
            "1 submit 30"
        ]
    );
    assert_eq!(rig.heard(), ["21 not found", "30 acknowledged"]);
    assert_eq!(rig.queue.waiting(), 4, "what hangs is counted");
}

/// Whatever a connector does, it has ten seconds, thirty for history: an order is in doubt then, a question says nothing.
#[tokio::test(start_paused = true)]
async fn n1_every_call_has_a_deadline() {
    for call in ["submit", "cancel", "replace", "order", "account"] {
        let mut rig = Rig::new(&[(call, Does::Hangs)]);
        rig.submit(1);
        rig.send(LinkCommand::Cancel(handle(11)));
        rig.replace(21, 22);
        rig.send(LinkCommand::Ask(handle(31)));
        rig.send(LinkCommand::Reconcile(ReconcileReason::Timer, now()));
        rig.seconds(9).await;
        let early = rig.heard();
        rig.seconds(2).await;
        let reason = "unknown: paper gave no answer: none within 10 s";
        let expect = match call {
            "submit" => vec![format!("1 {reason}")],
            "cancel" => vec![format!("11 {reason}")],
            "replace" => vec![format!("22 {reason}")],
            "order" => Vec::new(),
            _ => vec!["account: paper gave no answer: none within 10 s".to_owned()],
        };
        assert!(early.iter().all(|line| !expect.contains(line)), "{call}: {early:?}");
        assert_eq!(rig.heard(), expect, "{call}");
        assert_eq!(rig.queue.waiting(), 0, "{call}");
    }
}

/// A cancel, a question and a replace follow the submit of their order, whether it is answered or given up; by the name that the answer gave.
#[tokio::test(start_paused = true)]
async fn h2_a_cancel_does_not_overtake_its_own_submit() {
    for (does, at, name) in [(Does::Takes(4), 4, " (theirs)"), (Does::Hangs, 10, "")] {
        let mut rig = Rig::new(&[("submit", does)]);
        rig.submit(1);
        rig.seconds(1).await;
        // The exits of a bracket are part of its submit.
        for n in [1, 2] {
            rig.send(LinkCommand::Cancel(handle(n)));
        }
        rig.send(LinkCommand::Cancel(handle(1)));
        rig.send(LinkCommand::Ask(handle(1)));
        rig.seconds(15).await;
        let exit = format!("{at} cancel 2");
        let expect = ["0 submit 1".to_owned(), format!("{at} cancel 1{name}"), exit, format!("{at} order 1")];
        assert_eq!(rig.broker.asked(), expect);
    }
    // A replace is an order too, and so is what it makes.
    let mut rig = Rig::new(&[("replace", Does::Takes(3))]);
    rig.replace(11, 21);
    for n in [11, 21] {
        rig.send(LinkCommand::Cancel(handle(n)));
    }
    rig.seconds(5).await;
    assert_eq!(rig.broker.asked(), ["0 replace 11", "3 cancel 11", "3 cancel 21"]);
}

/// An order lets the cancels before it be answered, but not for ever; one that could not go for five seconds does not go any more.
#[tokio::test(start_paused = true)]
async fn h2_an_order_waits_a_little_and_is_never_sent_late() {
    let mut rig = Rig::new(&[("cancel 11", Does::Takes(1)), ("cancel 12", Does::Hangs)]);
    rig.send(LinkCommand::Cancel(handle(11)));
    rig.submit(20);
    rig.seconds(2).await;
    rig.send(LinkCommand::Cancel(handle(12)));
    rig.submit(30);
    rig.seconds(3).await;
    assert_eq!(rig.broker.asked(), ["0 cancel 11", "1 submit 20", "2 cancel 12", "4 submit 30"]);
    rig.heard();
    let mut rig = Rig::new(&[("submit", Does::Hangs)]);
    rig.submit(1);
    rig.replace(1, 9);
    rig.seconds(4).await;
    assert!(rig.heard().is_empty());
    rig.seconds(2).await;
    assert_eq!(rig.heard(), ["9 never"]);
    rig.seconds(20).await;
    assert_eq!(rig.broker.asked(), ["0 submit 1"]);
}

/// The kill switch that comes while an order waits for a cancel stops it.
#[tokio::test(start_paused = true)]
async fn h2_the_kill_switch_is_looked_at_when_an_order_goes() {
    let mut rig = Rig::new(&[("cancel", Does::Hangs)]);
    rig.send(LinkCommand::Cancel(handle(11)));
    rig.submit(20);
    rig.seconds(1).await;
    rig.halted.store(true, Ordering::Release);
    rig.seconds(3).await;
    assert_eq!(rig.broker.asked(), ["0 cancel 11"]);
    assert_eq!(rig.heard(), ["21 never", "22 never", "20 never"], "with its exits");
}

/// A link has room for so much: orders beyond it are said not to have been sent, cancels always find room.
#[tokio::test(start_paused = true)]
async fn h2_a_broker_that_answers_nothing_fills_no_link() {
    let mut rig = Rig::new(&[("order", Does::Hangs), ("cancel 281", Does::Hangs)]);
    for n in 0..HELD_MAX as u64 + 10 {
        rig.send(LinkCommand::Ask(handle(n)));
        tokio::task::yield_now().await;
    }
    rig.submit(270);
    for _ in 0..10 {
        rig.send(LinkCommand::Cancel(handle(280)));
        rig.send(LinkCommand::Cancel(handle(281)));
        rig.send(LinkCommand::Reconcile(ReconcileReason::Timer, now()));
    }
    rig.seconds(1).await;
    assert_eq!(rig.queue.waiting(), HELD_MAX + 2, "a cancel hangs, and one waits for it");
    let heard = rig.heard();
    assert_eq!(heard[..3], ["271 never", "272 never", "270 never"]);
    let times = |what: &str| rig.broker.asked().iter().filter(|line| line.ends_with(what)).count();
    assert_eq!((times("cancel 281"), times("submit 270")), (1, 0));
    assert!((1..=10).contains(&times("cancel 280")) && (1..=10).contains(&times("account")));
    // It is free again when their time is over.
    rig.seconds(25).await;
    rig.submit(290);
    rig.seconds(1).await;
    assert_eq!((rig.heard().pop().unwrap(), rig.queue.waiting()), ("290 acknowledged".to_owned(), 0));
}

/// A connector that panics ends the call alone: what was with it is in doubt, what comes after it goes; one that does it again and again gets
/// nothing that opens.
#[tokio::test(start_paused = true)]
async fn l6_a_panic_ends_one_call() {
    let mut rig = Rig::new(&[("submit", Does::Panics), ("order", Does::Panics), ("account", Does::Panics)]);
    rig.submit(1);
    rig.send(LinkCommand::Cancel(handle(1)));
    rig.seconds(1).await;
    let reason = "unknown: the connector failed in submit";
    let mut heard = ["2", "3", "1"].map(|n| format!("{n} {reason}")).to_vec();
    heard.push("paper distrusted: the connector failed in submit".to_owned());
    assert_eq!(rig.heard(), heard, "the orders are in doubt, and the account with them");
    assert_eq!(rig.broker.asked(), ["0 submit 1", "0 cancel 1"]);
    rig.send(LinkCommand::Ask(handle(1)));
    rig.send(LinkCommand::Reconcile(ReconcileReason::Doubt, now()));
    rig.seconds(1).await;
    let distrusted = |call: &str| format!("paper distrusted: the connector failed in {call}");
    assert_eq!(rig.heard(), ["ask", "reconcile"].map(distrusted), "a question that fails is asked again");
    for n in [10, 20, 30] {
        rig.submit(n);
        rig.seconds(1).await;
    }
    rig.heard();
    let sent = |rig: &Rig| rig.broker.asked().iter().filter(|line| line.contains("submit")).count();
    assert_eq!(sent(&rig), 3, "five panics in ten minutes");
    rig.send(LinkCommand::Cancel(handle(30)));
    rig.seconds(PANICS_WITHIN.as_secs()).await;
    rig.submit(40);
    rig.seconds(1).await;
    assert_eq!(sent(&rig), 4);
    assert!(rig.broker.asked().iter().any(|line| line.contains("cancel 30")));
}

/// Five orders without an answer: no more that open until one of them is answered, one at a time; cancels and questions go throughout.
#[tokio::test(start_paused = true)]
async fn h5_orders_without_an_answer_open_the_circuit_for_orders_alone() {
    let failing = ["submit 10", "submit 20", "submit 30", "submit 40", "submit 50", "submit 70"];
    let mut rig = Rig::new(&failing.map(|name| (name, Does::Fails)));
    for n in [10, 20, 30, 40, 50] {
        rig.submit(n);
        rig.seconds(1).await;
    }
    assert_eq!(rig.heard().last().unwrap(), "circuit open for 5 s");
    rig.submit(60);
    rig.send(LinkCommand::Cancel(handle(10)));
    rig.send(LinkCommand::Ask(handle(20)));
    rig.seconds(1).await;
    let heard = rig.heard();
    assert!(heard.contains(&"60 never".to_owned()), "{heard:?}");
    let asked = rig.broker.asked();
    assert!(!asked.iter().any(|line| line.contains("submit 60")), "{asked:?}");
    assert!(asked.iter().any(|line| line.contains("cancel 10")), "{asked:?}");
    assert!(asked.iter().any(|line| line.contains("order 20")), "{asked:?}");
    rig.seconds(5).await;
    assert_eq!(rig.heard(), ["circuit closed"], "one may try");
    rig.submit(70);
    rig.seconds(1).await;
    assert_eq!(rig.heard().last().unwrap(), "circuit open for 10 s");
    rig.seconds(10).await;
    rig.heard();
    rig.submit(80);
    rig.seconds(1).await;
    rig.submit(90);
    rig.seconds(1).await;
    let sent: Vec<String> = rig
        .broker
        .asked()
        .into_iter()
        .filter(|line| line.contains("submit 8") || line.contains("submit 9"))
        .collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
}
