//! Everything a broker shows against the books, a row for each rule (reliability R1–R8, J5).

use super::rig::*;
use crate::domain::execution::{AccountEvent, ExecutionKind, Reject};
use crate::domain::statement::BrokerUpdate;

/// The broker shows an order of 10 shares to buy at 100, under its id `b1` and perhaps ours.
pub(super) fn report(ours: Option<ClientOrderId>, status: OrderStatus, filled: i64) -> OrderReport {
    OrderReport {
        client_order_id: ours,
        broker_order_id: BrokerOrderId::new("b1"),
        status,
        subject: OrderSubject::Instrument(aapl()),
        side: Side::Buy,
        quantity: Quantity::from(10),
        pricing: Pricing::Limit { limit_price: Price::from(100) },
        time_in_force: TimeInForce::Gtc,
        filled_quantity: Quantity::from(filled),
        average_price: (filled > 0).then(|| Price::from(99)),
        entered_at: start(),
        native_type: None,
        oco_group: None,
    }
}

fn execution(id: ClientOrderId, name: &str, quantity: i64) -> Execution {
    match fill(id, name, Side::Buy, quantity, "99.5") {
        OrderEvent::Filled(execution) => {
            Execution { broker_order_id: Some(BrokerOrderId::new("b1")), ..execution }
        }
        other => panic!("{other:?}"),
    }
}

/// Executions that effects write down.
fn booked(effects: &Effects) -> Vec<Execution> {
    let entries = effects.iter().filter_map(|effect| match effect {
        Effect::Journal { entry, .. } => Some(&entry.executions),
        _ => None,
    });
    entries.flatten().map(|booked| booked.execution.clone()).collect()
}

impl Rig {
    /// At a broker that keeps no ids of ours.
    pub(super) fn without_ids() -> Self {
        let mut rig = Self::new();
        rig.engine.accounts.get_mut(&paper()).unwrap().setup.capabilities.searchable_client_id = false;
        rig
    }

    fn differences(&self) -> Vec<String> {
        self.engine.last_reconcile(&paper()).unwrap().differences.clone()
    }
}

/// Where the order stood here, what the broker shows of it, and how it stands then.
#[test]
fn r4_r5_r8_an_order_comes_to_stand_as_the_broker_shows_it() {
    let unknown = || OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() };
    for (before, shown, filled, after) in [
        (None, OrderStatus::Submitted, 0, OrderStatus::Submitted),
        (Some(unknown()), OrderStatus::Submitted, 0, OrderStatus::Submitted),
        (Some(unknown()), OrderStatus::PartiallyFilled, 4, OrderStatus::PartiallyFilled),
        (Some(unknown()), OrderStatus::Filled, 10, OrderStatus::Filled),
        (Some(unknown()), OrderStatus::Rejected, 0, OrderStatus::Rejected),
        (Some(acknowledged()), OrderStatus::Canceled, 0, OrderStatus::Canceled),
        (Some(acknowledged()), OrderStatus::Canceled, 4, OrderStatus::Canceled),
        (Some(acknowledged()), OrderStatus::Expired, 4, OrderStatus::Expired),
        (Some(acknowledged()), OrderStatus::Filled, 10, OrderStatus::Filled),
    ] {
        let what = format!("{before:?}, then {shown} {filled}");
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        if let Some(event) = before {
            rig.report(id, event);
        }
        rig.later(6);
        let executions = if filled > 0 { vec![execution(id, "x1", filled)] } else { Vec::new() };
        rig.statement(vec![report(Some(id), shown, filled)], executions.clone(), filled);
        let order = rig.engine.order(id).unwrap();
        assert_eq!((order.status, order.filled_quantity), (after, Quantity::from(filled)), "{what}");
        assert_eq!(rig.held(), Quantity::from(filled), "{what}");
        // The same again finds nothing (R5), and is a row all the same (R8).
        rig.later(6);
        let effects = rig.statement(vec![report(Some(id), shown, filled)], executions, filled);
        let rows = effects.iter().find_map(|effect| match effect {
            Effect::Journal { entry, .. } => {
                Some((entry.reconciles.len(), entry.executions.len(), entry.orders.len()))
            }
            _ => None,
        });
        assert_eq!(rows, Some((1, 0, 0)), "{what}");
        assert!(rig.differences().is_empty(), "{what}: {:?}", rig.differences());
    }
}

/// The broker says that 6 have filled and lists fills of 2: the other 4 are inferred at what its average leaves, once, and the real ones that
/// come later take their place.
#[test]
fn r4_a_fill_that_only_the_order_shows_is_inferred_and_exchanged_for_the_real_one() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, acknowledged());
    rig.later(6);
    let shown = || vec![report(Some(id), OrderStatus::PartiallyFilled, 6)];
    let listed = || vec![execution(id, "x1", 2)];
    let effects = rig.statement(shown(), listed(), 6);
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.filled_quantity, order.average_price), (Quantity::from(6), Some(Price::from(99))));
    assert_eq!((rig.held(), rig.said("POSITION_ADJUSTED")), (Quantity::from(6), 0));
    let inferred = effects.iter().find_map(|effect| match effect {
        Effect::Journal { entry, .. } => entry.executions.last().map(|booked| booked.execution.clone()),
        _ => None,
    });
    let inferred = inferred.unwrap();
    assert_eq!(inferred.kind, ExecutionKind::Inferred);
    assert_eq!((inferred.quantity, inferred.price), (Quantity::from(4), "98.75".parse().unwrap()));
    rig.later(6);
    rig.statement(shown(), listed(), 6);
    assert_eq!(rig.held(), Quantity::from(6), "inferred once");

    // Another process knows of it from the journal alone.
    let mut again = Rig::new();
    let executions = vec![execution(id, "x1", 2), inferred];
    let orders = vec![rig.engine.order(id).unwrap().clone()];
    again.step(Input::Restored(Box::new(Restored { executions, orders, ..Restored::default() })));
    again.now = rig.now;
    for mut rig in [rig, again] {
        let before = rig.engine.account(&paper()).unwrap().cash;
        rig.report(id, OrderEvent::Filled(execution(id, "x2", 3)));
        let order = rig.engine.order(id).unwrap();
        assert_eq!((order.filled_quantity, rig.held()), (Quantity::from(6), Quantity::from(6)));
        // 3 at 99.5 with their fee, in place of 3 at 98.75.
        let cash = rig.engine.account(&paper()).unwrap().cash;
        assert_eq!(cash - before, Decimal::new(-228, 2));
        rig.report(id, OrderEvent::Filled(execution(id, "x3", 5)));
        let order = rig.engine.order(id).unwrap();
        assert_eq!((order.status, order.filled_quantity), (OrderStatus::Filled, Quantity::from(10)));
        assert_eq!((order.average_price, rig.held()), (Some("99.5".parse().unwrap()), Quantity::from(10)));
        rig.report(id, OrderEvent::Filled(execution(id, "x2", 3)));
        assert_eq!(rig.held(), Quantity::from(10), "a repeat is nothing");
    }
}

/// Units that no execution explained were adjusted; the fills behind them come late, from before that: they move the money, and the units
/// count once. What is filled after it counts as ever.
#[test]
fn r4_an_adjustment_is_taken_back_when_its_executions_come() {
    let mut rig = Rig::new();
    let outside = |name: &str, side, quantity, at| Execution {
        client_order_id: None,
        broker_order_id: Some(BrokerOrderId::new("b7")),
        side,
        at,
        ..execution(ClientOrderId::from_parts(1, 1), name, quantity)
    };
    let cash = |rig: &Rig| rig.engine.account(&paper()).unwrap().cash;
    let mut executions = Vec::new();
    for _ in 0..2 {
        rig.later(60);
        executions.extend(booked(&rig.statement(Vec::new(), Vec::new(), 22)));
    }
    assert_eq!((rig.held(), rig.said("POSITION_ADJUSTED")), (Quantity::from(22), 1));
    let (adjusted, opening) = (rig.now, cash(&rig));
    // 30 bought and 8 sold are what it was; another process knows of it from the journal alone.
    let (bought, sold) = (outside("x1", Side::Buy, 30, start()), outside("x2", Side::Sell, 8, start()));
    rig.later(60);
    executions.extend(booked(&rig.statement(Vec::new(), vec![sold.clone()], 22)));
    assert_eq!(rig.held(), Quantity::from(22), "{:?}", rig.differences());
    assert_eq!(executions.len(), 3, "adjusted, taken back, sold: {executions:?}");
    let mut again = Rig::new();
    again.step(Input::Restored(Box::new(Restored { executions, ..Restored::default() })));
    again.now = rig.now;
    for mut rig in [rig, again] {
        assert_eq!(rig.held(), Quantity::from(22));
        rig.later(60);
        rig.statement(Vec::new(), vec![sold.clone(), bought.clone()], 22);
        assert_eq!(rig.held(), Quantity::from(22));
        let fees = Decimal::new(38, 2);
        assert_eq!(cash(&rig) - opening, Decimal::from(-22) * Decimal::new(995, 1) - fees);
        // Everything is explained: what was filled since is new.
        let since = outside("x3", Side::Buy, 5, adjusted + SignedDuration::from_secs(1));
        rig.later(60);
        rig.statement(Vec::new(), vec![since], 27);
        assert_eq!((rig.held(), rig.differences().len()), (Quantity::from(27), 1));
    }
}

/// Fills of an order of others are listed before the order is: they are the books' then, and the order's once it is adopted, counted once.
#[test]
fn r4_an_adopted_order_has_filled_what_was_booked_before() {
    let mut rig = Rig::new();
    let fills = || {
        let nobodys = |fill: Execution| Execution { client_order_id: None, ..fill };
        let id = ClientOrderId::from_parts(1, 1);
        vec![nobodys(execution(id, "x1", 2)), nobodys(execution(id, "x2", 4))]
    };
    rig.later(60);
    let executions = booked(&rig.statement(Vec::new(), fills(), 6));
    assert_eq!(rig.held(), Quantity::from(6));
    let mut again = Rig::new();
    let restored = Restored { executions, ..Restored::default() };
    again.step(Input::Restored(Box::new(restored)));
    again.now = rig.now;
    for mut rig in [rig, again] {
        for _ in 0..3 {
            rig.later(10);
            rig.statement(vec![report(None, OrderStatus::PartiallyFilled, 6)], fills(), 6);
        }
        let order = rig.engine.book().working().next().unwrap().clone();
        assert_eq!((order.status, order.filled_quantity), (OrderStatus::PartiallyFilled, Quantity::from(6)));
        assert_eq!(order.average_price, Some("99.5".parse().unwrap()));
        assert_eq!((rig.held(), rig.said("EXECUTION_INFERRED")), (Quantity::from(6), 0));
        // The process after this one reads both, and counts them once.
        let mut next = Rig::new();
        let restored = Restored { executions: fills(), orders: vec![order], ..Restored::default() };
        next.step(Input::Restored(Box::new(restored)));
        next.now = rig.now + SignedDuration::from_secs(10);
        next.statement(vec![report(None, OrderStatus::PartiallyFilled, 6)], fills(), 6);
        let order = next.engine.book().working().next().unwrap();
        assert_eq!((order.filled_quantity, next.held()), (Quantity::from(6), Quantity::from(6)));
    }
}

/// An order of others is adopted once it is old enough not to be one of ours on its way: shown, cancellable, the same in every process.
#[test]
fn r4_an_order_of_others_is_adopted() {
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let mut rig = Rig::new();
        rig.now = start() + SignedDuration::from_secs(4);
        rig.statement(vec![report(None, OrderStatus::Submitted, 0)], Vec::new(), 0);
        assert_eq!(rig.engine.book().working().count(), 0, "it may be one of ours on its way");
        rig.later(2);
        for _ in 0..2 {
            rig.later(1);
            rig.statement(vec![report(None, OrderStatus::Submitted, 0)], Vec::new(), 0);
        }
        let orders: Vec<Order> = rig.engine.book().working().cloned().collect();
        assert_eq!(orders.len(), 1);
        assert_eq!(orders[0].request.origin.kind, OriginKind::External);
        assert_eq!(rig.said("EXTERNAL_ORDER"), 1);
        let id = orders[0].request.client_order_id;
        ids.insert(id);
        // Its fills come under the broker's id.
        let mut fill = execution(id, "x1", 4);
        fill.client_order_id = None;
        let update = BrokerUpdate {
            account: paper(),
            broker_order_id: BrokerOrderId::new("b1"),
            at: rig.now,
            event: OrderEvent::Filled(fill),
        };
        rig.step(Input::Broker(Box::new(AccountEvent::ByBroker(update))));
        assert_eq!((rig.held(), rig.status(id)), (Quantity::from(4), OrderStatus::PartiallyFilled));
        let effects = rig.step(Input::Cancel { request: RequestId(90), orders: vec![id] });
        let sent = rig.journaled(effects);
        assert!(sent.iter().any(|effect| matches!(effect, Effect::Cancel { order, .. } if *order == id)));
    }
    assert_eq!(ids.len(), 1, "found twice is found once");
}

/// An order that the broker never shows is given up only after two empty answers, apart, long enough after it was sent.
#[test]
fn j5_a_list_without_the_order_is_an_empty_answer() {
    let mut rig = Rig::without_ids();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
    for (wait, status) in [
        (10, OrderStatus::Unknown),
        (14, OrderStatus::Unknown),
        (4, OrderStatus::Unknown),
        (2, OrderStatus::Unknown),
        (1, OrderStatus::Canceled),
    ] {
        rig.later(wait);
        rig.statement(Vec::new(), Vec::new(), 0);
        assert_eq!(rig.status(id), status);
    }
    assert_eq!(rig.engine.order(id).unwrap().reason.as_deref(), Some("never_reached"));
    // It comes after all: what its owner was told is made true, and fills count.
    rig.later(6);
    let effects = rig.statement(vec![report(Some(id), OrderStatus::Submitted, 0)], Vec::new(), 0);
    let sent = rig.journaled(effects);
    assert!(
        sent.iter().any(|effect| matches!(effect, Effect::Cancel { order, .. } if *order == id)),
        "{sent:?}"
    );
    assert_eq!(rig.said("ORDER_STILL_WORKS"), 1);
}

/// A part that failed is not an empty one: nothing is concluded from it, and the account does not count as compared.
#[test]
fn r6_a_part_that_failed_is_not_an_empty_one() {
    for part in 0..3 {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: false });
        for _ in 0..5 {
            rig.later(20);
            let mut statement = Statement {
                orders: Some(Vec::new()),
                executions: Some(Vec::new()),
                movements: Some(Vec::new()),
                positions: Some(rig.position(7)),
                failures: vec!["timeout".to_owned()],
                ..Statement::asked(paper(), ReconcileReason::Timer, rig.now)
            };
            match part {
                0 => statement.orders = None,
                1 => statement.executions = None,
                _ => statement.positions = None,
            }
            rig.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
        }
        assert_eq!(rig.held(), Quantity::ZERO, "part {part}");
        let status = if part == 0 { OrderStatus::Unknown } else { OrderStatus::Canceled };
        assert_eq!(rig.status(id), status, "part {part}");
        assert_eq!(rig.differences(), ["timeout"], "part {part}");
        rig.quote("100");
        let order = rig.order(Side::Buy, 1);
        let id = order.client_order_id;
        rig.place(vec![order]);
        let denials = &rig.engine.order(id).unwrap().denials;
        assert!(denials.iter().any(|denial| denial.code == DenialCode::AccountUnreconciled), "part {part}");
    }
}

/// Asked at once at a start and after a gap, then every minute, every 15 s while orders work and nothing is heard; and until an answer to a
/// question of after the gap has come, nothing opens.
#[test]
fn r2_r7_the_broker_is_asked_in_time_and_trusted_only_then() {
    let asked = |effects: &Effects| -> Vec<ReconcileReason> {
        let reasons = effects.iter().filter_map(|effect| match effect {
            Effect::Reconcile { reason, .. } => Some(*reason),
            _ => None,
        });
        reasons.collect()
    };
    let mut rig = Rig::new();
    let times = |rig: &mut Rig, seconds: i64| -> Vec<i64> {
        let ticks = (1..=seconds).filter(|_| {
            rig.later(1);
            !asked(&rig.step(Input::Tick)).is_empty()
        });
        ticks.collect()
    };
    rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    assert_eq!(times(&mut rig, 130), [60, 120]);
    rig.quote("100");
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, acknowledged());
    assert_eq!(times(&mut rig, 40), [15, 30]);
    let old = rig.now;
    rig.later(1);
    let status = |up| Input::BrokerStatus { account: paper(), up, reconciled: false };
    assert!(asked(&rig.step(status(false))).is_empty());
    assert!(times(&mut rig, 100).is_empty(), "nobody is asked while the line is down");
    assert_eq!(asked(&rig.step(status(true))), [ReconcileReason::Reconnect]);
    assert_eq!(times(&mut rig, 11), [5, 10], "until it has answered");
    let answer = |rig: &mut Rig, at: Timestamp| {
        let shown = report(Some(id), OrderStatus::Submitted, 0);
        let now = std::mem::replace(&mut rig.now, at);
        rig.statement(vec![shown], Vec::new(), 0);
        rig.now = now;
        rig.engine.accounts[&paper()].reconciled
    };
    assert!(!answer(&mut rig, old), "it was asked before the gap");
    let now = rig.now;
    assert!(answer(&mut rig, now));
}

/// Ten minutes after the account's day has ended everything of a week is compared, once it succeeds; asked for again until then.
#[test]
fn r2_a_day_ends_with_a_full_comparison() {
    let mut rig = Rig::new();
    rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, OrderEvent::Filled(execution(id, "x1", 10)));
    let asked = |rig: &mut Rig, minutes: i64| -> Vec<(i64, Timestamp)> {
        let mut days = Vec::new();
        for second in 1..=minutes * 60 {
            rig.later(1);
            for effect in rig.step(Input::Tick) {
                if let Effect::Reconcile { reason: ReconcileReason::Daily, since, .. } = effect {
                    days.push((second, since));
                }
            }
        }
        days
    };
    let answer = |rig: &mut Rig, executions: Option<Vec<Execution>>| {
        let statement = Statement {
            orders: Some(Vec::new()),
            executions,
            movements: Some(Vec::new()),
            positions: Some(rig.position(10)),
            ..Statement::asked(paper(), ReconcileReason::Daily, rig.now)
        };
        rig.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
    };
    // Half past four in the afternoon; the day ends at five.
    rig.now = "2026-11-24T21:30:00Z".parse().unwrap();
    assert!(asked(&mut rig, 39).is_empty());
    let first = asked(&mut rig, 2);
    let week = rig.now - SignedDuration::from_hours(7 * 24) - SignedDuration::from_mins(2);
    assert!((2..=8).contains(&first.len()), "every 15 s until it is answered: {first:?}");
    assert!(first[0].1 >= week && first[0].1 <= week + SignedDuration::from_mins(2), "{first:?}");
    answer(&mut rig, None);
    assert!(!asked(&mut rig, 1).is_empty(), "a part failed");
    answer(&mut rig, Some(Vec::new()));
    assert!(asked(&mut rig, 120).is_empty(), "once a day");
    rig.now = "2026-11-25T22:11:00Z".parse().unwrap();
    assert!(!asked(&mut rig, 1).is_empty(), "the next day");
}

/// An order that was ended here by a broker's own word and is shown as replaced or shrunk there.
#[test]
fn r4_what_an_order_works_for_is_what_the_broker_works() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, acknowledged());
    let smaller =
        || OrderReport { quantity: Quantity::from(6), ..report(Some(id), OrderStatus::Submitted, 0) };
    rig.later(1);
    rig.statement(vec![smaller()], Vec::new(), 0);
    assert_eq!(rig.engine.order(id).unwrap().request.quantity, Quantity::from(10), "a word of just now (R3)");
    rig.later(6);
    rig.statement(vec![smaller()], Vec::new(), 0);
    assert_eq!(rig.engine.order(id).unwrap().request.quantity, Quantity::from(6));
    rig.later(6);
    let dearer = OrderReport { pricing: Pricing::Limit { limit_price: Price::from(101) }, ..smaller() };
    rig.statement(vec![dearer], Vec::new(), 0);
    assert_eq!(rig.engine.order(id).unwrap().request.pricing.limit_price(), Some(Price::from(101)));
}

/// Left there with 6 of 10, all of which have filled, and every change of it is refused: it has ended, however young that word is.
#[test]
fn r4_an_order_that_filled_what_it_was_left_with_has_ended() {
    for (filled_here, after) in [(6, OrderStatus::Filled), (4, OrderStatus::PartiallyFilled)] {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, acknowledged());
        rig.report(id, OrderEvent::Filled(execution(id, "x1", filled_here)));
        let left = || OrderReport {
            quantity: Quantity::from(6),
            filled_quantity: Quantity::from(6),
            ..report(Some(id), OrderStatus::Filled, 6)
        };
        rig.later(1);
        rig.statement(vec![left()], Vec::new(), filled_here);
        let order = rig.engine.order(id).unwrap();
        assert_eq!((order.status, order.filled_quantity), (after, Quantity::from(filled_here)));
    }
}

/// A change that is refused may have come too late: the broker is asked, once, and what it says of the order counts.
#[test]
fn r4_an_order_whose_change_is_refused_is_asked_about() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, acknowledged());
    let change = OrderChange { limit_price: Some(Price::from(100)), ..OrderChange::default() };
    let effects = rig.step(Input::Replace { request: RequestId(9), order: id, change });
    rig.journaled(effects);
    let refused = Reject { code: "NO".into(), message: "it cannot be replaced".to_owned() };
    let effects = rig.report(id, OrderEvent::ReplaceRejected(refused.clone()));
    let asked = |effects: &Effects| {
        effects.iter().filter(|effect| matches!(effect, Effect::Ask { order, .. } if *order == id)).count()
    };
    assert_eq!((asked(&effects), rig.status(id)), (1, OrderStatus::Submitted));
    rig.report(id, OrderEvent::Canceled { reason: None });
    let effects = rig.report(id, OrderEvent::ReplaceRejected(refused));
    assert_eq!(
        (asked(&effects), rig.status(id)),
        (0, OrderStatus::Canceled),
        "one that has ended is not asked about"
    );
}

/// An order in doubt keeps automation from adding to it; people and what closes go on (J6).
#[test]
fn j6_nothing_but_a_person_adds_to_what_is_in_doubt() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
    for (kind, side, denied) in [
        (OriginKind::Strategy, Side::Buy, true),
        (OriginKind::Bot, Side::Buy, true),
        (OriginKind::Strategy, Side::SellShort, false),
        (OriginKind::Cli, Side::Buy, false),
    ] {
        rig.later(5);
        rig.quote("100");
        let mut order = rig.order(side, 3);
        order.origin = Origin { kind, name: Some("x".into()) };
        let id = order.client_order_id;
        rig.place(vec![order]);
        let denials = &rig.engine.order(id).unwrap().denials;
        assert_eq!(
            denials.iter().any(|denial| denial.code == DenialCode::Duplicate),
            denied,
            "{kind:?} {side}"
        );
    }
}
