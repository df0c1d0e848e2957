//! The account's stream: replaces, breaks in the middle of a fill, repeats, the switch.

use std::time::Duration;

use arbion::brokers::{AccountStream, SubmitOutcome};
use arbion::domain::execution::{AccountEvent, CashKind, OrderEvent};
use arbion::domain::order::{OrderHandle, OrderRequest, OrderStatus, Pricing, Side};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::mpsc;

use super::ground;
use crate::approved::approve;
use crate::contract::{Subject, event_of, fills_of, handle, price};
use crate::emulators::faults::Fault;
use crate::emulators::hyperliquid::master;

async fn next(heard: &mut mpsc::Receiver<AccountStream>) -> AccountStream {
    tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap()
}

async fn replaced(subject: &Subject, old: &OrderRequest, known: &OrderHandle) -> (OrderRequest, OrderHandle) {
    let new = OrderRequest {
        pricing: Pricing::Limit { limit_price: price("91") },
        client_order_id: subject.resting().client_order_id,
        ..old.clone()
    };
    match subject.broker.replace(known, approve(new.clone())).await {
        SubmitOutcome::Acknowledged(id) => (new.clone(), handle(&new, Some(id))),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_replace_is_told_as_a_replace_whichever_end_comes_first() {
    for ends_first in [false, true] {
        let ground = ground().await;
        ground.emulator.desk.state().ends_first = ends_first;
        let subject = ground.subject().await;
        let mut heard = subject.watch().await;
        let old = subject.resting();
        let known = subject.accepted(&old).await;
        let (new, new_known) = replaced(&subject, &old, &known).await;
        assert_ne!(known.broker_order_id, new_known.broker_order_id);
        loop {
            match event_of(&mut heard, &known).await {
                OrderEvent::Replaced { by } => {
                    assert_eq!(by, new.client_order_id);
                    break;
                }
                OrderEvent::Acknowledged { .. } => {}
                other => panic!("{ends_first}: {other:?}"),
            }
        }
        let again = subject.broker.order(&known).await.unwrap().unwrap();
        assert_eq!(again.status, OrderStatus::Replaced);
        let reports = subject.broker.orders().await.unwrap();
        let status = |handle: &OrderHandle| {
            let of_it = |report: &&arbion::domain::statement::OrderReport| {
                Some(&report.broker_order_id) == handle.broker_order_id.as_ref()
            };
            reports.iter().find(of_it).unwrap().status
        };
        assert_eq!((status(&known), status(&new_known)), (OrderStatus::Replaced, OrderStatus::Submitted));
    }
}

#[tokio::test]
async fn a_refused_replace_leaves_the_order() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let old = subject.resting();
    let known = subject.accepted(&old).await;
    let new = OrderRequest {
        pricing: Pricing::Limit { limit_price: price("9") },
        client_order_id: subject.resting().client_order_id,
        ..old.clone()
    };
    let outcome = subject.broker.replace(&known, approve(new)).await;
    assert!(matches!(outcome, SubmitOutcome::Rejected(reject) if reject.code == "minTradeNtlRejected"));
    subject.until(&known, OrderStatus::Submitted).await;
}

#[tokio::test]
async fn r7_a_fill_while_the_line_is_down_is_found_after_it_is_up() {
    let ground = ground().await;
    let subject = ground.subject().await;
    subject.exchange.freeze(true);
    let mut heard = subject.watch().await;
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let known = subject.accepted(&order).await;
    let number = subject.exchange.orders()[0].number;
    let half = Decimal::new(5, 1);
    subject.exchange.fill(number, half, Decimal::ONE_HUNDRED).unwrap();
    let first = fills_of(&mut heard, &known, arbion::domain::money::Quantity::new(half)).await;
    ground.emulator.desk.state().streams_down = true;
    ground.emulator.desk.cut();
    loop {
        if let AccountStream::Down { reason, .. } = next(&mut heard).await {
            assert!(!reason.is_empty());
            break;
        }
    }
    subject.exchange.fill(number, half, Decimal::ONE_HUNDRED).unwrap();
    ground.emulator.desk.state().streams_down = false;
    loop {
        match next(&mut heard).await {
            AccountStream::Up => break,
            AccountStream::Down { .. } => {}
            // The snapshot after a break is history, and is not told as news.
            AccountStream::Event(event) => assert!(!matches!(*event, AccountEvent::Order(_)), "{event:?}"),
        }
    }
    let since = arbion::brokers::clock::wall() - SignedDuration::from_hours(1);
    let all = subject.broker.executions(since).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0], first[0], "the list says the same as the stream had said");
    subject.until(&known, OrderStatus::Filled).await;
}

#[tokio::test]
async fn e1_what_is_told_twice_has_the_same_id() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let mut heard = subject.watch().await;
    ground.emulator.desk.state().told_twice = true;
    let order = subject.order(Side::Buy, Pricing::Limit { limit_price: price("101") });
    let known = subject.accepted(&order).await;
    let mut fills = Vec::new();
    while fills.len() < 2 {
        if let OrderEvent::Filled(execution) = event_of(&mut heard, &known).await {
            fills.push(execution);
        }
    }
    assert_eq!(fills[0], fills[1]);
}

#[tokio::test]
async fn funding_deposits_and_words_of_the_venue_are_told_once() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let mut heard = subject.watch().await;
    let (desk, user) = (&ground.emulator.desk, master());
    let now = desk.now() + 1_000;
    let funding = json!({"user": user, "fundings": [{"time": now, "coin": "ETH", "usdc": "-0.375", "szi": "0.5", "fundingRate": "0.0000125"}]});
    let ledger = json!({"user": user, "nonFundingLedgerUpdates": [
        {"time": now, "hash": "0xaa", "delta": {"type": "withdraw", "usdc": "10.0", "fee": "1.0", "nonce": 1}},
        {"time": now, "hash": "0xab", "delta": {"type": "accountClassTransfer", "usdc": "5.0", "toPerp": true}}]});
    desk.say("userFundings", &user, json!({"channel": "userFundings", "data": funding}));
    desk.say(
        "userNonFundingLedgerUpdates",
        &user,
        json!({"channel": "userNonFundingLedgerUpdates", "data": ledger}),
    );
    desk.say(
        "notification",
        &user,
        json!({"channel": "notification", "data": {"notification": "hello \u{1b}[31m"}}),
    );
    let mut told = Vec::new();
    while told.len() < 3 {
        if let AccountStream::Event(event) = next(&mut heard).await {
            told.push(*event);
        }
    }
    let AccountEvent::Cash(funding) = &told[0] else { panic!("{told:?}") };
    assert_eq!((funding.kind, funding.amount.to_string().as_str()), (CashKind::Interest, "-0.375"));
    assert_eq!(funding.instrument, Some(subject.instrument.clone()));
    let AccountEvent::Cash(withdrawal) = &told[1] else { panic!("{told:?}") };
    assert_eq!((withdrawal.kind, withdrawal.amount), (CashKind::Deposit, Decimal::from(-11)));
    let AccountEvent::Notice(notice) = &told[2] else { panic!("{told:?}") };
    assert!(notice.text.starts_with("hello") && !notice.text.contains('\u{1b}'), "{notice:?}");
}

/// What was paid while nobody listened is listed, under the ids that the stream would have told it by, and asked for once.
#[tokio::test]
async fn funding_and_deposits_of_before_are_listed_once() {
    let ground = ground().await;
    let subject = ground.subject().await;
    // What is listed is known before.
    subject.broker.spec(&subject.instrument).await.unwrap();
    let now = ground.emulator.desk.now();
    let since = jiff::Timestamp::from_millisecond(now - 60_000).unwrap();
    let funding = json!([{"time": now - 30_000, "hash": "0x1", "delta": {"type": "funding", "coin": "ETH", "usdc": "-0.375", "szi": "0.5",
        "fundingRate": "0.0000125", "nSamples": null}}]);
    let ledger = json!([
        {"time": now - 20_000, "hash": "0xaa", "delta": {"type": "deposit", "usdc": "250.0"}},
        {"time": now - 20_000, "hash": "0xab", "delta": {"type": "accountClassTransfer", "usdc": "5.0", "toPerp": true}}]);
    for body in [funding, ledger] {
        subject.faults.once("POST", "/info", Fault::answer(200, &body.to_string()));
    }
    let moved = subject.broker.movements(since).await.unwrap();
    let told: Vec<_> = moved
        .iter()
        .map(|it| (it.cash.id.as_str().to_owned(), it.cash.kind, it.cash.amount.normalize().to_string()))
        .collect();
    let expected = [
        (format!("funding-{}-ETH", now - 30_000), CashKind::Interest, "-0.375".to_owned()),
        ("deposit-0xaa".to_owned(), CashKind::Deposit, "250".to_owned()),
    ];
    assert_eq!(told, expected);
    ground.emulator.server.take_requests();
    assert_eq!(subject.broker.movements(since).await.unwrap(), moved);
    assert!(ground.emulator.server.take_requests().is_empty(), "the stream tells the rest");
    // A longer time is asked for anew.
    let earlier = jiff::Timestamp::from_millisecond(now - 90_000).unwrap();
    assert!(subject.broker.movements(earlier).await.unwrap().is_empty());
    subject.faults.once("POST", "/info", Fault::answer(200, r#"[{"time": 1}]"#));
    let before = jiff::Timestamp::from_millisecond(now - 95_000).unwrap();
    assert!(
        subject.broker.movements(before).await.is_err(),
        "a list that cannot be read is not an empty one"
    );
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_a_gap_and_not_passed_over() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let mut heard = subject.watch().await;
    let user = master();
    let odd =
        json!({"channel": "userFills", "data": {"user": user, "fills": [{"coin": "ETH", "px": "nan"}]}});
    ground.emulator.desk.say("userFills", &user, odd);
    loop {
        if let AccountStream::Down { reason, .. } = next(&mut heard).await {
            assert!(reason.contains("userFills: fills[0]"), "{reason}");
            break;
        }
    }
    loop {
        if next(&mut heard).await == AccountStream::Up {
            break;
        }
    }
}

#[tokio::test]
async fn an_approval_that_ends_soon_is_told() {
    let ground = ground().await;
    let soon = arbion::brokers::clock::wall() + SignedDuration::from_hours(24);
    ground.emulator.desk.state().agent_until = Some(soon.as_millisecond());
    let subject = ground.subject().await;
    let (events, mut heard) = mpsc::channel(16);
    let broker = std::sync::Arc::clone(&subject.broker);
    tokio::spawn(async move { broker.watch(events).await });
    let AccountStream::Event(event) = next(&mut heard).await else { panic!("no event") };
    assert!(matches!(&*event, AccountEvent::Notice(notice) if notice.code == "AGENT_EXPIRES"), "{event:?}");
}

#[tokio::test]
async fn h7_the_dead_mans_switch_is_set_while_orders_work_and_taken_off_after() {
    let ground = ground().await.with("schedule_cancel", "true");
    let subject = ground.subject().await;
    let heard = subject.watch().await;
    let known = subject.accepted(&subject.resting()).await;
    let until = |set: bool| {
        let desk = ground.emulator.desk.clone();
        async move {
            for _ in 0..600 {
                if desk.state().scheduled.is_some() == set {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!("the switch is not {set}");
        }
    };
    until(true).await;
    let scheduled = ground.emulator.desk.state().scheduled.unwrap();
    let ahead = scheduled - ground.emulator.desk.now().unsigned_abs();
    assert!((50_000..=61_500).contains(&ahead), "{ahead}");
    subject.broker.cancel(&known).await;
    until(false).await;
    drop(heard);
}
