//! Clauses about what a broker's own page says can go wrong: logins that end in mid-session, clocks that differ, refusals in every shape, calls
//! that are too many.

use std::time::Duration;

use arbion::brokers::{BrokerError, SubmitOutcome};
use arbion::domain::order::{OrderHandle, OrderStatus, Pricing, Side};
use tokio::time::Instant;

use super::desk::PATIENCE;
use super::sheet::Ending;
use super::{Subject, an_hour_ago, fills_of, handle, price};
use crate::emulators::faults::Fault;

/// Callers that meet the end of a token at once.
const AT_ONCE: usize = 12;
/// A pause that a server asks for, less what the clocks may differ.
const ASKED: Duration = Duration::from_millis(900);

/// O, N7: a login that ends in mid-session. What renews itself is renewed once for all who ask, and nobody sees it. What does not is told as a
/// login that is refused: nothing is called unknown or empty, no cancel is called heard; and the same line goes on once the login is taken again.
pub async fn o_a_login_that_ends_in_mid_session(subject: &Subject) {
    let mut known = subject.accepted(&subject.resting()).await;
    for ending in &subject.sheet.endings {
        match &ending.renewed {
            Some(renewed) => renews(subject, ending, renewed.as_ref()).await,
            None => ends(subject, ending, &known).await,
        }
        let Some(again) = &ending.again else { continue };
        again();
        let heard = subject.broker.cancel(&known).await;
        assert!(matches!(heard, SubmitOutcome::Acknowledged(_)), "{}: {heard:?}", ending.name);
        subject.until(&known, OrderStatus::Canceled).await;
        known = subject.accepted(&subject.resting()).await;
        subject.until(&known, OrderStatus::Submitted).await;
    }
}

async fn renews(subject: &Subject, ending: &Ending, renewed: &(dyn Fn() -> u64 + Send + Sync)) {
    let (before, entered) = (renewed(), subject.exchange.orders().len());
    (ending.end)();
    let asked = (0..AT_ONCE).map(|_| subject.broker.orders());
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.unwrap().len(), entered, "{}", ending.name);
    }
    assert_eq!(renewed(), before + 1, "{}: once for all who ask at once", ending.name);
    (ending.end)();
    let order = subject.resting();
    let handle = subject.accepted(&order).await;
    assert_eq!(subject.exchange.orders().len(), entered + 1, "{}: not twice", ending.name);
    (ending.end)();
    let heard = subject.broker.cancel(&handle).await;
    assert!(matches!(heard, SubmitOutcome::Acknowledged(_)), "{}: {heard:?}", ending.name);
    subject.until(&handle, OrderStatus::Canceled).await;
}

async fn ends(subject: &Subject, ending: &Ending, known: &OrderHandle) {
    let (entered, working) = (subject.exchange.orders().len(), subject.books.working().await);
    (ending.end)();
    let outcome = subject.desk.submit(&subject.resting()).await;
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{}: {outcome:?}", ending.name) };
    assert!(reject.code == "UNAUTHORIZED" && reject.message.contains("login"), "{reject:?}");
    let canceled = subject.broker.cancel(known).await;
    assert!(matches!(canceled, SubmitOutcome::Rejected(_)), "{}: {canceled:?}", ending.name);
    if ending.lists {
        let error = subject.broker.orders().await.expect_err(ending.name);
        assert!(matches!(error, BrokerError::Unauthorized { .. }), "{}: {error}", ending.name);
        let error = subject.broker.positions().await.expect_err(ending.name);
        assert!(matches!(error, BrokerError::Unauthorized { .. }), "{}: {error}", ending.name);
    }
    assert_eq!(subject.exchange.orders().len(), entered, "{}", ending.name);
    assert_eq!(subject.books.working().await, working, "{}", ending.name);
}

/// N9: the broker's clock is ten minutes ahead of ours, then as much behind. Orders go, are found by our id and by their fills, and are
/// canceled: no call is too early or too late, and nothing is looked for in the wrong hour.
pub async fn n9_a_clock_ten_minutes_off_loses_nothing(subject: &Subject) {
    for seconds in [600, -600] {
        (subject.sheet.skew)(seconds);
        // What brokers say of their time is heard with what they answer.
        for _ in 0..5 {
            subject.broker.account().await.unwrap();
        }
        let mut heard = subject.watch().await;
        let order = subject.resting();
        let known = subject.accepted(&order).await;
        if subject.broker.capabilities().searchable_client_id {
            let found = subject.broker.order(&handle(&order, None)).await.unwrap();
            let found = found.unwrap_or_else(|| panic!("by our id, {seconds} s off"));
            assert_eq!(
                (Some(&found.broker_order_id), found.status),
                (known.broker_order_id.as_ref(), OrderStatus::Submitted)
            );
        }
        let reports = subject.broker.orders().await.unwrap();
        let listed =
            reports.iter().find(|report| Some(&report.broker_order_id) == known.broker_order_id.as_ref());
        let listed = listed.unwrap_or_else(|| panic!("it is listed, {seconds} s off: {reports:?}"));
        assert!(!listed.status.is_terminal(), "{listed:?}");
        let bought = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
        let bought = subject.accepted(&bought).await;
        let told = fills_of(&mut heard, &bought, subject.quantity).await;
        let all = subject.broker.executions(an_hour_ago()).await.unwrap();
        for fill in &told {
            let same = all.iter().any(|other| other.execution_id == fill.execution_id);
            assert!(same, "{seconds} s off: {fill:?} is not among {all:?}");
        }
        let canceled = subject.broker.cancel(&known).await;
        assert!(matches!(canceled, SubmitOutcome::Acknowledged(_)), "{seconds} s off: {canceled:?}");
        subject.until(&known, OrderStatus::Canceled).await;
    }
}

/// J3: every body in which the broker refuses an order is a refusal, in its words and on one line; no order comes of it, and the next one goes.
pub async fn j3_every_error_body_is_a_refusal_in_its_words(subject: &Subject) {
    // Who asks, and what is listed, is known after one.
    subject.accepted(&subject.resting()).await;
    for refusal in &subject.sheet.refusals {
        let (status, body) = (refusal.status, &refusal.body);
        subject.faults.once(subject.submit.0, subject.submit.1, Fault::answer(status, body));
        let outcome = subject.desk.submit(&subject.resting()).await;
        subject.faults.clear();
        let SubmitOutcome::Rejected(reject) = outcome else { panic!("{status} {body}: {outcome:?}") };
        assert_eq!(reject.code, refusal.code, "{status} {body}: {reject:?}");
        assert!(reject.message.contains(refusal.says), "{status} {body}: {reject:?}");
        let line = reject.message.chars().all(|c| !c.is_control()) && reject.message.len() < 1_000;
        assert!(line, "{status} {body}: {reject:?}");
    }
    assert_eq!(subject.exchange.orders().len(), 1);
    subject.accepted(&subject.resting()).await;
}

/// N5: too many calls, with and without a word on how long: a read is late and never empty, a cancel is late and is heard. Nothing goes while
/// the server wants peace.
pub async fn n5_reads_and_cancels_wait_out_too_many_calls(subject: &Subject) {
    for headers in [vec![("retry-after", "1".to_owned())], Vec::new()] {
        let asks = !headers.is_empty();
        let too_many = || Fault::Answer { status: 429, headers: headers.clone(), body: "null".to_owned() };
        let known = subject.accepted(&subject.resting()).await;
        let (method, path) = subject.read;
        subject.faults.once(method, path, too_many());
        let started = Instant::now();
        let listed = loop {
            match subject.broker.orders().await {
                Ok(listed) => break listed,
                Err(error) => waits(&error, started).await,
            }
        };
        assert!(!asks || started.elapsed() >= ASKED, "{:?}", started.elapsed());
        let is_it = |report: &arbion::domain::statement::OrderReport| {
            Some(&report.broker_order_id) == known.broker_order_id.as_ref()
        };
        assert!(listed.iter().any(is_it), "{listed:?}");
        let (method, path) = subject.cancel;
        subject.faults.once(method, path, too_many());
        let started = Instant::now();
        loop {
            match subject.broker.cancel(&known).await {
                SubmitOutcome::Acknowledged(_) => break,
                SubmitOutcome::NotSent(error) | SubmitOutcome::Unknown(error) => waits(&error, started).await,
                refused => panic!("{refused:?}"),
            }
        }
        assert!(!asks || started.elapsed() >= ASKED, "{:?}", started.elapsed());
        subject.until(&known, OrderStatus::Canceled).await;
    }
}

/// Held back, by us or by the server, and not for ever.
async fn waits(error: &BrokerError, since: Instant) {
    assert!(matches!(error, BrokerError::RateLimited { .. } | BrokerError::Busy { .. }), "{error}");
    assert!(since.elapsed() < PATIENCE * 2, "{error}");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
