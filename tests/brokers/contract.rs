//! The contract that every connector keeps (design, One door for orders): what was accepted is found, what is not known is not called a
//! refusal, twice is once, and every order type that is claimed works. A broker's own file brings the [`Subject`].

use std::sync::Arc;
use std::time::Duration;

use arbion::brokers::{AccountStream, Broker, BrokerError, SubmitOutcome};
use arbion::domain::execution::{AccountEvent, Execution, OrderEvent};
use arbion::domain::ids::{BrokerOrderId, ClientOrderId};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{
    OrderHandle, OrderRequest, OrderStatus, OrderSubject, OrderType, Origin, OriginKind, Pricing, Side,
    TimeInForce, Trail,
};
use arbion::domain::text::CLEAN_LENGTH_MAX;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::sync::mpsc;

use crate::approved::{account, approve};
use crate::emulators::exchange::{Exchange, Status};
use crate::emulators::faults::{Fault, Faults};
use crate::emulators::fuzz;

/// How long anything may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connector beside its emulator, freshly started: quotes of the instrument are 99.9 to 100.1 units of its currency.
pub struct Subject {
    /// The connector, connected to account [`account`].
    pub broker: Arc<dyn Broker>,
    /// The emulator's books.
    pub exchange: Exchange,
    /// What goes wrong.
    pub faults: Faults,
    /// What is traded.
    pub instrument: Instrument,
    /// Its symbol in the emulator's books.
    pub symbol: &'static str,
    /// Units of an order.
    pub quantity: Quantity,
    /// Method and a part of the path of the call that enters an order.
    pub submit: (&'static str, &'static str),
    /// The same of the call that reads orders.
    pub read: (&'static str, &'static str),
    /// The emulator, kept alive.
    pub keep: Box<dyn std::any::Any + Send + Sync>,
}

static NEXT_ID: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

impl Subject {
    /// An order of ours.
    pub fn order(&self, side: Side, pricing: Pricing) -> OrderRequest {
        let number = NEXT_ID.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let id = ClientOrderId::from_parts(
            arbion::brokers::clock::wall().as_millisecond().unsigned_abs(),
            number.into(),
        );
        let plain = OrderRequest::plain(
            id,
            account(),
            Origin::person(OriginKind::Cli),
            OrderSubject::Instrument(self.instrument.clone()),
            side,
            self.quantity,
            pricing,
        );
        // A market that never closes knows no day.
        let times = &self.broker.capabilities().times_in_force;
        let day = times.contains(&TimeInForce::Day);
        let time_in_force = if day { TimeInForce::Day } else { TimeInForce::Gtc };
        OrderRequest { time_in_force, ..plain }
    }

    /// A buy that waits below the market.
    pub fn resting(&self) -> OrderRequest {
        self.order(Side::Buy, Pricing::Limit { limit_price: price("90") })
    }

    pub async fn submit(&self, order: &OrderRequest) -> SubmitOutcome {
        self.broker.submit(approve(order.clone())).await
    }

    /// Submits what must be taken.
    pub async fn accepted(&self, order: &OrderRequest) -> OrderHandle {
        match self.submit(order).await {
            SubmitOutcome::Acknowledged(id) => handle(order, Some(id)),
            other => panic!("{order:?} was not taken: {other:?}"),
        }
    }

    /// The account's stream, up.
    pub async fn watch(&self) -> mpsc::Receiver<AccountStream> {
        let (events, mut heard) = mpsc::channel(256);
        let broker = Arc::clone(&self.broker);
        tokio::spawn(async move { broker.watch(events).await });
        loop {
            match next(&mut heard).await {
                AccountStream::Up => return heard,
                other => assert!(matches!(other, AccountStream::Down { .. }), "{other:?} before it is up"),
            }
        }
    }

    /// Polls until the broker says that the order stands so.
    pub async fn until(&self, order: &OrderHandle, status: OrderStatus) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = self.broker.order(order).await.unwrap();
            if found.as_ref().is_some_and(|state| state.status == status) {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{order:?} is {found:?}, not {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub fn handle(order: &OrderRequest, broker_order_id: Option<BrokerOrderId>) -> OrderHandle {
    OrderHandle {
        client_order_id: order.client_order_id,
        broker_order_id,
        subject: order.subject.clone(),
        filled_quantity: Quantity::ZERO,
    }
}

async fn next(heard: &mut mpsc::Receiver<AccountStream>) -> AccountStream {
    tokio::time::timeout(PATIENCE, heard.recv()).await.expect("nothing comes").expect("the stream has ended")
}

/// The next event about an order, by either of its ids.
pub async fn event_of(heard: &mut mpsc::Receiver<AccountStream>, order: &OrderHandle) -> OrderEvent {
    loop {
        let AccountStream::Event(event) = next(heard).await else { continue };
        match *event {
            AccountEvent::Order(update) if update.client_order_id == order.client_order_id => {
                return update.event;
            }
            AccountEvent::ByBroker(update)
                if Some(&update.broker_order_id) == order.broker_order_id.as_ref() =>
            {
                return update.event;
            }
            _ => {}
        }
    }
}

/// Fills of an order as the stream tells them, until they come to this many units.
pub async fn fills_of(
    heard: &mut mpsc::Receiver<AccountStream>,
    order: &OrderHandle,
    until: Quantity,
) -> Vec<Execution> {
    let mut fills: Vec<Execution> = Vec::new();
    while fills.iter().map(|fill| fill.quantity.get()).sum::<Decimal>() < until.get() {
        match event_of(heard, order).await {
            OrderEvent::Filled(execution) => {
                assert!(
                    fills.iter().all(|fill| fill.execution_id != execution.execution_id),
                    "twice: {execution:?}"
                );
                fills.push(execution);
            }
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?} in place of a fill"),
        }
    }
    fills
}

fn an_hour_ago() -> Timestamp {
    arbion::brokers::clock::wall() - SignedDuration::from_hours(1)
}

/// E: an order that fills is told by the stream and found by asking, with the same ids and numbers.
pub async fn a_fill_is_told_once_and_found_again(subject: Subject) {
    let mut heard = subject.watch().await;
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = subject.accepted(&order).await;
    let fills = fills_of(&mut heard, &handle, subject.quantity).await;
    assert_eq!(fills[0].price, price("100.1"));
    subject.until(&handle, OrderStatus::Filled).await;
    let listed = subject.broker.executions(an_hour_ago()).await.unwrap();
    let ids = |list: &[Execution]| list.iter().map(|fill| fill.execution_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&listed), ids(&fills), "the stream and the list agree on what a fill is called");
    assert_eq!(listed[0].quantity, subject.quantity);
    let positions = subject.broker.positions().await.unwrap();
    assert_eq!(positions.len(), 1, "{positions:?}");
    assert_eq!((&positions[0].instrument, positions[0].quantity), (&subject.instrument, subject.quantity));
    subject.broker.account().await.unwrap();
}

/// E: partial fills add up, by the stream and by asking.
pub async fn partial_fills_add_up(subject: Subject) {
    subject.exchange.freeze(true);
    let mut heard = subject.watch().await;
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = subject.accepted(&order).await;
    let third = (subject.quantity.get() / Decimal::from(4)).normalize();
    let number = subject.exchange.orders()[0].number;
    for _ in 0..2 {
        subject.exchange.fill(number, third, Decimal::ONE_HUNDRED).unwrap();
    }
    let part = Quantity::new(third * Decimal::TWO);
    let fills = fills_of(&mut heard, &handle, part).await;
    assert_eq!(fills.len(), 2);
    subject.until(&handle, OrderStatus::PartiallyFilled).await;
    let reports = subject.broker.orders().await.unwrap();
    let report =
        reports.iter().find(|report| Some(&report.broker_order_id) == handle.broker_order_id.as_ref());
    let report = report.expect("a working order is listed");
    assert_eq!((report.filled_quantity, report.quantity), (part, subject.quantity));
    assert_eq!(report.pricing, order.pricing);
}

/// A cancel is heard, and the end of the order told.
pub async fn a_cancel_ends_an_order(subject: Subject) {
    let mut heard = subject.watch().await;
    let order = subject.resting();
    let handle = subject.accepted(&order).await;
    assert!(matches!(subject.broker.cancel(&handle).await, SubmitOutcome::Acknowledged(_)));
    loop {
        match event_of(&mut heard, &handle).await {
            OrderEvent::Canceled { .. } => break,
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    subject.until(&handle, OrderStatus::Canceled).await;
}

/// A cancel that comes after the fill is refused or finds nothing; it never says canceled.
pub async fn a_cancel_after_the_fill_is_no_cancel(subject: Subject) {
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = subject.accepted(&order).await;
    subject.until(&handle, OrderStatus::Filled).await;
    let outcome = subject.broker.cancel(&handle).await;
    assert!(matches!(outcome, SubmitOutcome::Rejected(_)), "{outcome:?}");
    subject.until(&handle, OrderStatus::Filled).await;
}

/// Everything is canceled by one word.
pub async fn cancel_all_leaves_nothing(subject: Subject) {
    let (first, second) = (subject.resting(), subject.resting());
    let (first, second) = (subject.accepted(&first).await, subject.accepted(&second).await);
    subject.broker.cancel_all().await.unwrap();
    subject.until(&first, OrderStatus::Canceled).await;
    subject.until(&second, OrderStatus::Canceled).await;
}

/// J4: the server takes the order and the connection drops. The outcome is not known, and asking finds the order.
pub async fn j4_a_dropped_connection_after_the_order_is_not_a_refusal(subject: Subject) {
    for fault in [Fault::DropAfter, Fault::Truncate, Fault::AnswerAfter { status: 500, body: String::new() }]
    {
        let order = subject.resting();
        subject.faults.once(subject.submit.0, subject.submit.1, fault.clone());
        let outcome = subject.submit(&order).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{fault:?}: {outcome:?}");
        if subject.broker.capabilities().searchable_client_id {
            let found = subject.broker.order(&handle(&order, None)).await.unwrap();
            assert_eq!(found.expect("it is there").status, OrderStatus::Submitted, "{fault:?}");
        } else {
            let reports = subject.broker.orders().await.unwrap();
            let alike = |report: &&arbion::domain::statement::OrderReport| {
                report.quantity == order.quantity && report.pricing == order.pricing
            };
            assert!(reports.iter().any(|report| alike(&report)), "{fault:?}: {reports:?}");
        }
    }
    // And not once was it sent again.
    assert_eq!(subject.exchange.orders().len(), 3);
}

/// J3: answers that say nothing of an order's fate leave it unknown; nothing is sent twice.
pub async fn j3_what_cannot_be_read_is_not_a_refusal(subject: Subject) {
    let html = || "<html><body>Bad gateway</body></html>".to_owned();
    for (status, body) in
        [(502, html()), (503, String::new()), (200, html()), (200, String::new()), (504, "{}".into())]
    {
        let order = subject.resting();
        subject.faults.once(subject.submit.0, subject.submit.1, Fault::answer(status, &body));
        let outcome = subject.submit(&order).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{status} {body}: {outcome:?}");
    }
    assert!(subject.exchange.orders().is_empty());
}

/// N5: too many calls is not a refusal of the order, with and without a word on how long.
pub async fn n5_too_many_calls_is_not_a_refusal(subject: Subject) {
    for headers in [vec![("retry-after", "1".to_owned())], Vec::new()] {
        let order = subject.resting();
        let fault = Fault::Answer { status: 429, headers, body: "{}".to_owned() };
        subject.faults.once(subject.submit.0, subject.submit.1, fault);
        let outcome = subject.submit(&order).await;
        assert!(matches!(&outcome, SubmitOutcome::Unknown(BrokerError::RateLimited { .. })), "{outcome:?}");
        // What comes later waits and goes.
        subject.accepted(&subject.resting()).await;
    }
    assert_eq!(subject.exchange.orders().len(), 2);
}

/// R6: a read that fails is an error and not an empty answer; one that fails once is asked again.
pub async fn r6_a_read_that_fails_is_not_empty(subject: Subject) {
    subject.accepted(&subject.resting()).await;
    let (method, path) = subject.read;
    subject.faults.once(method, path, Fault::answer(503, ""));
    assert_eq!(subject.broker.orders().await.unwrap().len(), 1, "asked again");
    for fault in [
        Fault::answer(200, "<html>"),
        Fault::answer(200, ""),
        Fault::answer(200, "{\"odd\": 1"),
        Fault::answer(200, "7"),
    ] {
        subject.faults.once(method, path, fault.clone());
        let error = subject.broker.orders().await.expect_err("an error");
        assert!(matches!(error, BrokerError::Unreadable { .. }), "{fault:?}: {error}");
    }
}

/// An answer that is wrong in any way is an error: never an order that was taken, never a list. What comes after it goes on.
pub async fn what_is_wrong_with_an_answer_is_an_error(subject: Subject) {
    let long = format!("{{\"filler\":\"{}\"}}", "a".repeat(5 << 20));
    let endless = "a".repeat(9 << 20);
    let errors = r#"{"errors":[{"id":"1","message":"internal"}]}"#;
    let (method, path) = subject.read;
    for body in [
        long.as_str(),
        endless.as_str(),
        r#"{"error":"internal","message":"try again","code":50010000}"#,
        errors,
        "[1,2,3]",
        r#"[{"id":7,"status":[],"symbol":{}}]"#,
        "null",
        "\"ok\"",
        "{}",
        "\u{feff}[]x",
    ] {
        let shown: String = body.chars().take(40).collect();
        let order = subject.resting();
        subject.faults.once(subject.submit.0, subject.submit.1, Fault::answer(200, body));
        let outcome = subject.submit(&order).await;
        assert!(
            matches!(outcome, SubmitOutcome::Unknown(_) | SubmitOutcome::Rejected(_)),
            "{shown}: {outcome:?}"
        );
        subject.faults.once(method, path, Fault::answer(200, body));
        let read = subject.broker.orders().await;
        subject.faults.clear();
        assert!(read.is_err(), "{shown}: {read:?}");
        let error = read.unwrap_err().to_string();
        assert!(error.len() < 1_000, "an error is a line, not the answer: {} bytes", error.len());
    }
    assert!(subject.exchange.orders().is_empty());
    subject.accepted(&subject.resting()).await;
    assert_eq!(subject.broker.orders().await.unwrap().len(), 1);
}

/// A replace ends the old order and works a new one, under the new order's ids.
pub async fn a_replace_works_the_new_order(subject: Subject) {
    if !subject.broker.capabilities().replace {
        return;
    }
    let old = subject.resting();
    let old_handle = subject.accepted(&old).await;
    let new = OrderRequest {
        pricing: Pricing::Limit { limit_price: price("91") },
        client_order_id: subject.resting().client_order_id,
        ..old.clone()
    };
    let outcome = subject.broker.replace(&old_handle, approve(new.clone())).await;
    let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{outcome:?}") };
    subject.until(&handle(&new, Some(id)), OrderStatus::Submitted).await;
    let working: Vec<_> = subject
        .broker
        .orders()
        .await
        .unwrap()
        .into_iter()
        .filter(|report| !report.status.is_terminal())
        .collect();
    assert_eq!(working.len(), 1, "{working:?}");
    assert_eq!(working[0].pricing, new.pricing);
}

/// A replace that loses the race against the fill is refused.
pub async fn a_replace_after_the_fill_is_refused(subject: Subject) {
    if !subject.broker.capabilities().replace {
        return;
    }
    let old = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let old_handle = subject.accepted(&old).await;
    subject.until(&old_handle, OrderStatus::Filled).await;
    let new = OrderRequest { client_order_id: subject.resting().client_order_id, ..subject.resting() };
    let outcome = subject.broker.replace(&old_handle, approve(new)).await;
    assert!(matches!(outcome, SubmitOutcome::Rejected(_)), "{outcome:?}");
    assert_eq!(subject.exchange.orders().iter().filter(|order| order.status == Status::Working).count(), 0);
}

/// Every order type that is claimed is taken, and comes back as what it was.
pub async fn every_order_type_that_is_claimed_works(subject: Subject) {
    for order_type in subject.broker.capabilities().order_types.clone() {
        let (side, pricing) = match order_type {
            OrderType::Market => (Side::Buy, Pricing::Market),
            OrderType::Limit => (Side::Buy, Pricing::Limit { limit_price: price("90") }),
            OrderType::Stop => (Side::Buy, Pricing::Stop { stop_price: price("110") }),
            OrderType::StopLimit => {
                (Side::Buy, Pricing::StopLimit { stop_price: price("110"), limit_price: price("111") })
            }
            OrderType::TrailingStop => {
                let trail = Trail::Amount(price("2"));
                (Side::Buy, Pricing::TrailingStop { trail })
            }
        };
        let order = subject.order(side, pricing);
        let handle = subject.accepted(&order).await;
        if order_type == OrderType::Market {
            subject.until(&handle, OrderStatus::Filled).await;
            continue;
        }
        let reports = subject.broker.orders().await.unwrap();
        let report =
            reports.iter().find(|report| Some(&report.broker_order_id) == handle.broker_order_id.as_ref());
        assert_eq!(report.expect("it is listed").pricing, order.pricing, "{order_type:?}");
    }
}

/// The same id twice is one order, or refused: never two.
pub async fn the_same_id_twice_is_never_two_orders(subject: Subject) {
    if !subject.broker.capabilities().searchable_client_id {
        return;
    }
    let order = subject.resting();
    subject.accepted(&order).await;
    let again = subject.submit(&order).await;
    assert!(!matches!(again, SubmitOutcome::NotSent(_)), "{again:?}");
    assert_eq!(subject.exchange.orders().len(), 1);
}

/// What the broker has never seen is not found, without an error.
pub async fn an_order_that_never_came_is_not_found(subject: Subject) {
    if subject.broker.capabilities().searchable_client_id {
        assert_eq!(subject.broker.order(&handle(&subject.resting(), None)).await.unwrap(), None);
    }
}

/// An amount of money buys what it buys: how much that was, the fills say. Who takes none refuses it before anything is sent.
pub async fn an_amount_of_money_is_spent_as_money(subject: Subject) {
    let money = Decimal::from(500);
    let order = OrderRequest {
        // An estimate, and a wrong one.
        quantity: Quantity::new((money / Decimal::from(90)).round_dp(4)),
        cash_order_quantity: Some(money),
        ..subject.order(Side::Buy, Pricing::Market)
    };
    if !subject.broker.capabilities().notional {
        let outcome = subject.submit(&order).await;
        let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
        assert!(reject.code == "UNSUPPORTED" && reject.message.contains("a quantity"), "{reject:?}");
        assert!(subject.exchange.orders().is_empty());
        return;
    }
    let mut heard = subject.watch().await;
    let handle = subject.accepted(&order).await;
    let mut units = Decimal::ZERO;
    let bought = loop {
        match event_of(&mut heard, &handle).await {
            OrderEvent::Filled(execution) => units += execution.quantity.get(),
            OrderEvent::QuantityChanged { quantity } => break quantity,
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?} in place of a fill"),
        }
    };
    assert_eq!(bought.get(), units, "what it has bought in all is the sum of its fills");
    let spent = units * price("100.1").get();
    assert!(spent <= money && money - spent < Decimal::ONE, "{units} units for {money}");
    subject.until(&handle, OrderStatus::Filled).await;
    let reports = subject.broker.orders().await.unwrap();
    let report =
        reports.iter().find(|report| Some(&report.broker_order_id) == handle.broker_order_id.as_ref());
    if let Some(report) = report {
        assert_eq!((report.filled_quantity, report.quantity), (bought, bought));
    }
}

/// Answers of one subject that are changed before it is thrown away: brokers allow so many calls a minute and no more.
const MANGLED_MAX: usize = 60;

/// C6: true answers with a few bytes changed. Each is read as something sound or is an error that says so in one short line; nothing goes on
/// for ever, and nothing breaks.
pub async fn c6_mangled_answers<F: Future<Output = Subject>>(make: impl Fn() -> F) {
    let mut cases = fuzz::cases(fuzz::plan(MANGLED_MAX as u64)).peekable();
    while cases.peek().is_some() {
        let subject = make().await;
        let working = subject.accepted(&subject.resting()).await;
        let filled = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
        let filled = subject.accepted(&filled).await;
        subject.until(&filled, OrderStatus::Filled).await;
        for case in cases.by_ref().take(MANGLED_MAX) {
            let mangled = tokio::time::timeout(PATIENCE, mangled(&subject, &working, case)).await;
            assert!(mangled.is_ok(), "case {case} never ends");
            subject.faults.clear();
        }
    }
}

/// One call whose answers are changed.
async fn mangled(subject: &Subject, working: &OrderHandle, case: u64) {
    let mut random = fuzz::Random::new(case);
    // A call may ask several things; which of its answers is changed is a matter of the case too.
    for _ in 0..random.below(3) {
        subject.faults.once("*", "", Fault::Delay(Duration::ZERO));
    }
    subject.faults.times(4, "*", "", Fault::Mangle(random.next()));
    let broker = &subject.broker;
    let read = match random.below(8) {
        0 => broker.account().await.map(|account| format!("{account:?}")),
        1 => broker.positions().await.map(|all| format!("{all:?}")),
        2 => broker.orders().await.map(|all| format!("{all:?}")),
        3 => broker.executions(an_hour_ago()).await.map(|all| format!("{all:?}")),
        4 => broker.order(working).await.map(|state| format!("{state:?}")),
        5 => broker.spec(&subject.instrument).await.map(|spec| format!("{spec:?}")),
        6 => outcome(subject.submit(&subject.resting()).await),
        _ => outcome(broker.cancel(working).await),
    };
    match read {
        Ok(shown) => assert!(!shown.contains('\u{1b}'), "case {case}: {shown}"),
        Err(error) => {
            let said = error.to_string();
            fuzz::assert_shows_safely(&said);
            let length = said.chars().count();
            assert!(length < CLEAN_LENGTH_MAX + 200, "case {case}: an error is a line: {length} characters");
        }
    }
}

/// What became of a command, as a read would say it.
fn outcome(outcome: SubmitOutcome) -> Result<String, BrokerError> {
    match outcome {
        SubmitOutcome::NotSent(error) | SubmitOutcome::Unknown(error) => Err(error),
        SubmitOutcome::Acknowledged(id) => Ok(format!("{id:?}")),
        SubmitOutcome::Rejected(reject) => Ok(format!("{reject:?}")),
    }
}

/// Writes a test per clause of the contract for a broker: `contract_tests!(async_fn_that_makes_a_subject)`.
#[macro_export]
macro_rules! contract_tests {
    ($make:path) => {
        $crate::contract_tests!(@each $make,
            a_fill_is_told_once_and_found_again,
            partial_fills_add_up,
            a_cancel_ends_an_order,
            a_cancel_after_the_fill_is_no_cancel,
            cancel_all_leaves_nothing,
            j4_a_dropped_connection_after_the_order_is_not_a_refusal,
            j3_what_cannot_be_read_is_not_a_refusal,
            n5_too_many_calls_is_not_a_refusal,
            r6_a_read_that_fails_is_not_empty,
            what_is_wrong_with_an_answer_is_an_error,
            a_replace_works_the_new_order,
            a_replace_after_the_fill_is_refused,
            every_order_type_that_is_claimed_works,
            the_same_id_twice_is_never_two_orders,
            an_order_that_never_came_is_not_found,
            an_amount_of_money_is_spent_as_money
        );

        #[tokio::test]
        async fn c6_mangled_answers() {
            $crate::contract::c6_mangled_answers($make).await;
        }
    };
    (@each $make:path, $($name:ident),+) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::contract::$name($make().await).await;
            }
        )+
    };
}
