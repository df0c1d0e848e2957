//! Clauses about lines: slow ones, ones that stand still, ones that break in the middle of an answer (reliability 18.3).

use std::time::Duration;

use arbion::brokers::SubmitOutcome;
use arbion::domain::order::{OrderStatus, Pricing, Side};

use super::{Subject, fills_of, price};
use crate::emulators::line::State;

/// J4: the answer to an order breaks off after any number of bytes. Until it is whole nobody knows, it is never called a refusal, and nothing
/// is sent twice.
pub async fn j4_an_answer_that_breaks_off_anywhere_is_not_a_refusal(subject: &Subject) {
    // What is listed, and who asks, is known after one.
    subject.accepted(&subject.resting()).await;
    let (mut entered, mut unknown) = (1, 0);
    for after in [0, 1, 8, 12, 17, 40, 75, 110, 150, 190, 240, 320] {
        subject.faults.lines.are(State::Breaks { after });
        let outcome = subject.desk.submit(&subject.resting()).await;
        subject.faults.lines.are(State::Well);
        match outcome {
            SubmitOutcome::Unknown(_) => (entered, unknown) = (entered + 1, unknown + 1),
            SubmitOutcome::Acknowledged(_) => entered += 1,
            other => panic!("after {after} bytes: {other:?}"),
        }
        assert_eq!(subject.exchange.orders().len(), entered, "after {after} bytes");
    }
    assert!(unknown >= 7, "{unknown} of 12 answers were cut before they were whole");
    subject.accepted(&subject.resting()).await;
}

/// N1: what drips in, and what stands still for a while, is waited for: by calls and by the stream.
pub async fn n1_a_slow_line_is_no_broken_one(subject: &Subject) {
    subject.faults.lines.are(State::Drips { bytes: 96, pause: Duration::from_millis(1) });
    let mut heard = subject.watch().await;
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = subject.accepted(&order).await;
    fills_of(&mut heard, &handle, subject.quantity).await;
    subject.until(&handle, OrderStatus::Filled).await;
    for after in [0, 20, 200] {
        subject.faults.lines.are(State::Stalls { after, pause: Duration::from_millis(200) });
        let outcome = subject.desk.submit(&subject.resting()).await;
        assert!(matches!(outcome, SubmitOutcome::Acknowledged(_)), "{outcome:?}");
        subject.faults.lines.are(State::Well);
    }
}
