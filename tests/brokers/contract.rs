//! The contract that every connector keeps (design, One door for orders): what was accepted is found, what is not known is not called a
//! refusal, twice is once, and every order type that is claimed works. A broker's own file brings the [`Subject`]; the paper venue, which has
//! no network between us and it, brings a [`Desk`], and keeps every clause but those about what a network does to calls.

mod changes;
mod claims;
mod desk;
mod lines;
mod mangled;
mod recorded;
pub mod sheet;
mod trouble;

use arbion::brokers::{BrokerError, SubmitOutcome};
use arbion::domain::execution::{Execution, OrderEvent};
use arbion::domain::money::Quantity;
use arbion::domain::order::{OrderRequest, OrderStatus, OrderType, Pricing, Side, Slices, Trail};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

pub use changes::{
    j4_a_replace_without_an_answer_is_not_a_refusal, n2_a_cancel_without_an_answer_ends_the_order,
};
pub use claims::{
    a_bracket_is_held_there_or_refused, a_login_that_is_refused_is_no_unknown, a_preview_is_no_order,
    a_short_sale_is_one_or_refused, every_time_in_force_that_is_claimed_works,
    every_time_in_force_that_it_lacks_is_refused, r7_a_fill_that_nobody_heard_is_found,
    the_terms_of_an_instrument_are_true, what_has_been_canceled_stays_so,
};
pub use desk::{Books, Desk, Subject, event_of, fills_of, handle, price};
pub use lines::{j4_an_answer_that_breaks_off_anywhere_is_not_a_refusal, n1_a_slow_line_is_no_broken_one};
pub use mangled::c6_mangled_answers;
pub use recorded::recorded_bars_make_the_orders_of_their_backtest;
pub use trouble::{
    j3_every_error_body_is_a_refusal_in_its_words, n5_reads_and_cancels_wait_out_too_many_calls,
    n9_a_clock_ten_minutes_off_loses_nothing, o_a_login_that_ends_in_mid_session,
};

use crate::approved::approve;
use crate::emulators::faults::Fault;

fn an_hour_ago() -> Timestamp {
    arbion::brokers::clock::wall() - SignedDuration::from_hours(1)
}

/// E: an order that fills is told by the stream and found by asking, with the same ids and numbers.
pub async fn a_fill_is_told_once_and_found_again(desk: &Desk) {
    let mut heard = desk.watch().await;
    let order = desk.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = desk.accepted(&order).await;
    let fills = fills_of(&mut heard, &handle, desk.quantity).await;
    assert_eq!(fills[0].price, price("100.1"));
    desk.until(&handle, OrderStatus::Filled).await;
    let listed = desk.broker.executions(an_hour_ago()).await.unwrap();
    let ids = |list: &[Execution]| list.iter().map(|fill| fill.execution_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&listed), ids(&fills), "the stream and the list agree on what a fill is called");
    assert_eq!(listed[0].quantity, desk.quantity);
    let positions = desk.broker.positions().await.unwrap();
    assert_eq!(positions.len(), 1, "{positions:?}");
    assert_eq!((&positions[0].instrument, positions[0].quantity), (&desk.instrument, desk.quantity));
    desk.broker.account().await.unwrap();
}

/// E: partial fills add up, by the stream and by asking.
pub async fn partial_fills_add_up(desk: &Desk) {
    desk.books.freeze().await;
    let mut heard = desk.watch().await;
    let order = desk.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = desk.accepted(&order).await;
    let third = (desk.quantity.get() / Decimal::from(4)).normalize();
    for _ in 0..2 {
        desk.books.fill(third, Decimal::ONE_HUNDRED).await;
    }
    let part = Quantity::new(third * Decimal::TWO);
    let fills = fills_of(&mut heard, &handle, part).await;
    assert_eq!(fills.len(), 2);
    desk.until(&handle, OrderStatus::PartiallyFilled).await;
    let reports = desk.broker.orders().await.unwrap();
    let report =
        reports.iter().find(|report| Some(&report.broker_order_id) == handle.broker_order_id.as_ref());
    let report = report.expect("a working order is listed");
    assert_eq!((report.filled_quantity, report.quantity), (part, desk.quantity));
    assert_eq!(report.pricing, order.pricing);
}

/// A cancel is heard, and the end of the order told.
pub async fn a_cancel_ends_an_order(desk: &Desk) {
    let mut heard = desk.watch().await;
    let order = desk.resting();
    let handle = desk.accepted(&order).await;
    assert!(matches!(desk.broker.cancel(&handle).await, SubmitOutcome::Acknowledged(_)));
    loop {
        match event_of(&mut heard, &handle).await {
            OrderEvent::Canceled { .. } => break,
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    desk.until(&handle, OrderStatus::Canceled).await;
}

/// A cancel that comes after the fill is refused or finds nothing; it never says canceled.
pub async fn a_cancel_after_the_fill_is_no_cancel(desk: &Desk) {
    let order = desk.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let handle = desk.accepted(&order).await;
    desk.until(&handle, OrderStatus::Filled).await;
    let outcome = desk.broker.cancel(&handle).await;
    assert!(matches!(outcome, SubmitOutcome::Rejected(_)), "{outcome:?}");
    desk.until(&handle, OrderStatus::Filled).await;
}

/// Everything is canceled by one word.
pub async fn cancel_all_leaves_nothing(desk: &Desk) {
    let (first, second) = (desk.resting(), desk.resting());
    let (first, second) = (desk.accepted(&first).await, desk.accepted(&second).await);
    desk.broker.cancel_all().await.unwrap();
    desk.until(&first, OrderStatus::Canceled).await;
    desk.until(&second, OrderStatus::Canceled).await;
}

/// J4: the server takes the order and the connection drops. The outcome is not known, and asking finds the order.
pub async fn j4_a_dropped_connection_after_the_order_is_not_a_refusal(subject: &Subject) {
    for fault in [Fault::DropAfter, Fault::Truncate, Fault::AnswerAfter { status: 500, body: String::new() }]
    {
        let order = subject.resting();
        subject.faults.once(subject.submit.0, subject.submit.1, fault.clone());
        let outcome = subject.desk.submit(&order).await;
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
pub async fn j3_what_cannot_be_read_is_not_a_refusal(subject: &Subject) {
    let html = || "<html><body>Bad gateway</body></html>".to_owned();
    for (status, body) in [
        (502, html()),
        (503, String::new()),
        (200, html()),
        (200, String::new()),
        (504, "{}".into()),
        (302, html()),
    ] {
        let order = subject.resting();
        subject.faults.once(subject.submit.0, subject.submit.1, Fault::answer(status, &body));
        let outcome = subject.desk.submit(&order).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{status} {body}: {outcome:?}");
    }
    assert!(subject.exchange.orders().is_empty());
}

/// N5: too many calls is not a refusal of the order, with and without a word on how long.
pub async fn n5_too_many_calls_is_not_a_refusal(subject: &Subject) {
    for headers in [vec![("retry-after", "1".to_owned())], Vec::new()] {
        let order = subject.resting();
        let fault = Fault::Answer { status: 429, headers, body: "{}".to_owned() };
        subject.faults.once(subject.submit.0, subject.submit.1, fault);
        let outcome = subject.desk.submit(&order).await;
        assert!(matches!(&outcome, SubmitOutcome::Unknown(BrokerError::RateLimited { .. })), "{outcome:?}");
        // What comes later waits and goes.
        subject.accepted(&subject.resting()).await;
    }
    assert_eq!(subject.exchange.orders().len(), 2);
}

/// R6: a read that fails is an error and not an empty answer; one that fails once is asked again.
pub async fn r6_a_read_that_fails_is_not_empty(subject: &Subject) {
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
pub async fn what_is_wrong_with_an_answer_is_an_error(subject: &Subject) {
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
        let outcome = subject.desk.submit(&order).await;
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
pub async fn a_replace_works_the_new_order(desk: &Desk) {
    if !desk.broker.capabilities().replace {
        return;
    }
    let old = desk.resting();
    let old_handle = desk.accepted(&old).await;
    let new = OrderRequest {
        pricing: Pricing::Limit { limit_price: price("91") },
        client_order_id: desk.resting().client_order_id,
        ..old.clone()
    };
    let outcome = desk.broker.replace(&old_handle, approve(new.clone())).await;
    let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{outcome:?}") };
    desk.until(&handle(&new, Some(id)), OrderStatus::Submitted).await;
    let working: Vec<_> = desk
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
pub async fn a_replace_after_the_fill_is_refused(desk: &Desk) {
    if !desk.broker.capabilities().replace {
        return;
    }
    let old = desk.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let old_handle = desk.accepted(&old).await;
    desk.until(&old_handle, OrderStatus::Filled).await;
    let new = OrderRequest { client_order_id: desk.resting().client_order_id, ..desk.resting() };
    let outcome = desk.broker.replace(&old_handle, approve(new)).await;
    assert!(matches!(outcome, SubmitOutcome::Rejected(_)), "{outcome:?}");
    assert_eq!(desk.books.working().await, 0);
}

/// A replace that was decided on before a fill was heard of: in all, not one unit more works than was wanted.
pub async fn what_filled_unheard_is_taken_off_a_replace(desk: &Desk) {
    if !desk.broker.capabilities().replace {
        return;
    }
    desk.books.freeze().await;
    let old = desk.resting();
    let old_handle = desk.accepted(&old).await;
    let four = Decimal::from(4);
    let part = if desk.quantity.get() >= four { Decimal::ONE } else { desk.quantity.get() / four };
    desk.books.fill(part, Decimal::from(90)).await;
    let new = OrderRequest {
        pricing: Pricing::Limit { limit_price: price("91") },
        client_order_id: desk.resting().client_order_id,
        ..old.clone()
    };
    let outcome = desk.broker.replace(&old_handle, approve(new)).await;
    let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{outcome:?}") };
    let reports = desk.broker.orders().await.unwrap();
    let report = reports.iter().find(|report| report.broker_order_id == id).expect("it is listed");
    assert_eq!(report.quantity.get(), desk.quantity.get() - part);
}

/// Every order type that is claimed is taken, and comes back as what it was.
pub async fn every_order_type_that_is_claimed_works(desk: &Desk) {
    for order_type in desk.broker.capabilities().order_types.clone() {
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
            OrderType::Twap => {
                let limited = desk.broker.capabilities().limited_slices;
                let limit_price = limited.then(|| price("90"));
                (Side::Buy, Pricing::Twap(Slices { minutes: 5, randomize: !limited, limit_price }))
            }
            // It sells what the market order before it has bought.
            OrderType::Oco => {
                (Side::Sell, Pricing::Oco { limit_price: price("110"), stop_price: price("90") })
            }
        };
        let order = desk.order(side, pricing);
        let handle = desk.accepted(&order).await;
        if order_type == OrderType::Market {
            desk.until(&handle, OrderStatus::Filled).await;
            continue;
        }
        let reports = desk.broker.orders().await.unwrap();
        let report =
            reports.iter().find(|report| Some(&report.broker_order_id) == handle.broker_order_id.as_ref());
        assert_eq!(report.expect("it is listed").pricing, order.pricing, "{order_type:?}");
    }
}

/// Every order type that is not claimed is refused before anything is sent, with what is taken in its place.
pub async fn every_order_type_that_it_lacks_is_refused(desk: &Desk) {
    let takes = desk.broker.capabilities().order_types.clone();
    for order_type in OrderType::ALL.into_iter().filter(|order_type| !takes.contains(order_type)) {
        let pricing = match order_type {
            OrderType::Market => Pricing::Market,
            OrderType::Limit => Pricing::Limit { limit_price: price("90") },
            OrderType::Stop => Pricing::Stop { stop_price: price("110") },
            OrderType::StopLimit => {
                Pricing::StopLimit { stop_price: price("110"), limit_price: price("111") }
            }
            OrderType::TrailingStop => Pricing::TrailingStop { trail: Trail::Amount(price("2")) },
            OrderType::Twap => Pricing::Twap(Slices { minutes: 30, randomize: false, limit_price: None }),
            OrderType::Oco => Pricing::Oco { limit_price: price("90"), stop_price: price("110") },
        };
        let outcome = desk.submit(&desk.order(Side::Buy, pricing)).await;
        let SubmitOutcome::Rejected(reject) = outcome else { panic!("{order_type}: {outcome:?}") };
        assert!(reject.code == "UNSUPPORTED" && reject.message.contains("takes"), "{reject:?}");
    }
    assert_eq!(desk.books.entered().await, 0);
}

/// The same id twice is one order, or refused: never two.
pub async fn the_same_id_twice_is_never_two_orders(desk: &Desk) {
    if !desk.broker.capabilities().searchable_client_id {
        return;
    }
    let order = desk.resting();
    desk.accepted(&order).await;
    let again = desk.submit(&order).await;
    assert!(!matches!(again, SubmitOutcome::NotSent(_)), "{again:?}");
    assert_eq!(desk.books.entered().await, 1);
}

/// What the broker has never seen is not found, without an error.
pub async fn an_order_that_never_came_is_not_found(desk: &Desk) {
    if desk.broker.capabilities().searchable_client_id {
        assert_eq!(desk.broker.order(&handle(&desk.resting(), None)).await.unwrap(), None);
    }
}

/// An amount of money buys what it buys: how much that was, the fills say. Who takes none refuses it before anything is sent.
pub async fn an_amount_of_money_is_spent_as_money(desk: &Desk) {
    let money = Decimal::from(500);
    let order = OrderRequest {
        // An estimate, and a wrong one.
        quantity: Quantity::new((money / Decimal::from(90)).round_dp(4)),
        cash_order_quantity: Some(money),
        ..desk.order(Side::Buy, Pricing::Market)
    };
    if !desk.broker.capabilities().notional {
        let outcome = desk.submit(&order).await;
        let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
        assert!(reject.code == "UNSUPPORTED" && reject.message.contains("a quantity"), "{reject:?}");
        assert_eq!(desk.books.entered().await, 0);
        return;
    }
    let mut heard = desk.watch().await;
    let handle = desk.accepted(&order).await;
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
    desk.until(&handle, OrderStatus::Filled).await;
    let reports = desk.broker.orders().await.unwrap();
    let report =
        reports.iter().find(|report| Some(&report.broker_order_id) == handle.broker_order_id.as_ref());
    if let Some(report) = report {
        assert_eq!((report.filled_quantity, report.quantity), (bought, bought));
    }
}

/// Writes a test per clause: `contract_tests!(async_fn_that_makes_a_subject)` for a connector, all of them; `contract_tests!(paper
/// async_fn_that_makes_a_desk)` for the paper venue, those of the first list. The second list is about calls that are lost, cut, answered by
/// somebody else or too many: paper is called in this process, by a queue that has none of these.
#[macro_export]
macro_rules! contract_tests {
    (paper $make:path) => {
        $crate::contract_tests!(@each $make,
            a_fill_is_told_once_and_found_again,
            partial_fills_add_up,
            a_cancel_ends_an_order,
            a_cancel_after_the_fill_is_no_cancel,
            cancel_all_leaves_nothing,
            a_replace_works_the_new_order,
            a_replace_after_the_fill_is_refused,
            what_filled_unheard_is_taken_off_a_replace,
            every_order_type_that_is_claimed_works,
            every_order_type_that_it_lacks_is_refused,
            the_same_id_twice_is_never_two_orders,
            an_order_that_never_came_is_not_found,
            an_amount_of_money_is_spent_as_money,
            every_time_in_force_that_is_claimed_works,
            every_time_in_force_that_it_lacks_is_refused,
            a_bracket_is_held_there_or_refused,
            a_short_sale_is_one_or_refused,
            a_preview_is_no_order,
            the_terms_of_an_instrument_are_true,
            r7_a_fill_that_nobody_heard_is_found,
            what_has_been_canceled_stays_so
        );
    };
    ($make:path) => {
        $crate::contract_tests!(paper $make);
        $crate::contract_tests!(@each $make,
            j4_a_dropped_connection_after_the_order_is_not_a_refusal,
            j4_an_answer_that_breaks_off_anywhere_is_not_a_refusal,
            j4_a_replace_without_an_answer_is_not_a_refusal,
            n2_a_cancel_without_an_answer_ends_the_order,
            n1_a_slow_line_is_no_broken_one,
            j3_what_cannot_be_read_is_not_a_refusal,
            n5_too_many_calls_is_not_a_refusal,
            r6_a_read_that_fails_is_not_empty,
            what_is_wrong_with_an_answer_is_an_error,
            a_login_that_is_refused_is_no_unknown,
            o_a_login_that_ends_in_mid_session,
            n9_a_clock_ten_minutes_off_loses_nothing,
            j3_every_error_body_is_a_refusal_in_its_words,
            n5_reads_and_cancels_wait_out_too_many_calls,
            recorded_bars_make_the_orders_of_their_backtest
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
                let subject = $make().await;
                $crate::contract::$name(&subject).await;
            }
        )+
    };
}
