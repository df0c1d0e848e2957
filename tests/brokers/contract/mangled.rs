//! The clause of answers that are nearly true (C6).

use std::future::Future;
use std::time::Duration;

use arbion::brokers::{BrokerError, SubmitOutcome};
use arbion::domain::order::{OrderHandle, OrderStatus, Pricing, Side};
use arbion::domain::text::CLEAN_LENGTH_MAX;

use super::an_hour_ago;
use super::desk::{PATIENCE, Subject, price};
use crate::emulators::faults::Fault;
use crate::emulators::fuzz;

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
