//! Replaces and cancels whose answers are lost.

use arbion::brokers::SubmitOutcome;
use arbion::domain::order::{OrderRequest, OrderStatus, Pricing, TimeInForce};
use arbion::domain::statement::OrderReport;

use super::{Subject, handle, price};
use crate::approved::approve;
use crate::emulators::faults::Fault;

async fn working(subject: &Subject) -> Vec<OrderReport> {
    let reports = subject.broker.orders().await.unwrap();
    reports.into_iter().filter(|report| !report.status.is_terminal()).collect()
}

/// J4: the server takes a replace and the connection drops. It is no refusal; the new order is found by asking, and works alone.
pub async fn j4_a_replace_without_an_answer_is_not_a_refusal(subject: &Subject) {
    for fault in [Fault::DropAfter, Fault::Truncate, Fault::AnswerAfter { status: 500, body: String::new() }]
    {
        let old = OrderRequest { time_in_force: TimeInForce::Gtc, ..subject.resting() };
        let known = subject.accepted(&old).await;
        let new = OrderRequest {
            pricing: Pricing::Limit { limit_price: price("91") },
            client_order_id: subject.resting().client_order_id,
            ..old.clone()
        };
        let (method, path) = subject.replace;
        subject.faults.once(method, path, fault.clone());
        let outcome = subject.broker.replace(&known, approve(new.clone())).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{fault:?}: {outcome:?}");
        if subject.broker.capabilities().searchable_client_id {
            let found = subject.broker.order(&handle(&new, None)).await.unwrap();
            assert_eq!(found.expect("it is there").status, OrderStatus::Submitted, "{fault:?}");
        }
        let reports = working(subject).await;
        assert_eq!(reports.len(), 1, "{fault:?}: {reports:?}");
        assert_eq!((reports[0].pricing, reports[0].quantity), (new.pricing, new.quantity), "{fault:?}");
        subject.broker.cancel_all().await.unwrap();
        subject.until(&handle(&new, Some(reports[0].broker_order_id.clone())), OrderStatus::Canceled).await;
    }
}

/// N2: a cancel takes risk off, and twice is once: it is sent again where no answer came, and the order is gone.
pub async fn n2_a_cancel_without_an_answer_ends_the_order(subject: &Subject) {
    for fault in [Fault::DropBefore, Fault::DropAfter, Fault::answer(503, "")] {
        let known = subject.accepted(&subject.resting()).await;
        let (method, path) = subject.cancel;
        subject.faults.once(method, path, fault.clone());
        let outcome = subject.broker.cancel(&known).await;
        // The second one may be told that there is nothing left to cancel.
        let told = matches!(outcome, SubmitOutcome::Acknowledged(_) | SubmitOutcome::Rejected(_));
        assert!(told, "{fault:?}: {outcome:?}");
        subject.until(&known, OrderStatus::Canceled).await;
        assert!(working(subject).await.is_empty(), "{fault:?}");
    }
}
