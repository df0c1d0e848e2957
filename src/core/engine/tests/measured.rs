//! Numbers that no market has: one clear line, and nothing has happened.

use super::reconcile::report;
use super::rig::*;
use crate::domain::execution::{CashEntry, CashKind};

fn absurd() -> Vec<(&'static str, Execution)> {
    let id = ClientOrderId::from_u128(1);
    let OrderEvent::Filled(sound) = fill(id, "x0", Side::Buy, 10, "100") else { unreachable!() };
    let of = |name: &str, change: &dyn Fn(&mut Execution)| {
        let mut execution = Execution { execution_id: ExecutionId::new(name), ..sound.clone() };
        change(&mut execution);
        execution
    };
    vec![
        ("price", of("x1", &|it| it.price = Price::new(Decimal::MAX))),
        ("quantity", of("x2", &|it| it.quantity = Quantity::new(Decimal::MAX))),
        ("quantity", of("x3", &|it| it.quantity = Quantity::from(-10))),
        ("multiplier", of("x4", &|it| it.multiplier = Decimal::MAX)),
        ("fee", of("x5", &|it| it.fee = Decimal::MIN)),
    ]
}

fn last_line(rig: &Rig) -> String {
    let line = rig.engine.log.iter().rev().find(|line| line.code == "BEYOND_MEASURE");
    line.map(|line| line.text.clone()).unwrap_or_default()
}

/// Price times units would leave what a decimal holds. It comes as the fill of an order, as nobody's, and in a statement, again and again.
#[test]
fn an_absurd_fill_is_said_once_and_changes_nothing() {
    for (field, execution) in absurd() {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, acknowledged());
        let before = rig.engine.account(&paper()).unwrap();
        let filled = Execution { client_order_id: Some(id), ..execution.clone() };
        rig.report(id, OrderEvent::Filled(filled.clone()));
        let nobodys = Execution { client_order_id: None, ..execution.clone() };
        rig.step(Input::Broker(Box::new(AccountEvent::Execution(nobodys))));
        rig.later(6);
        rig.statement(vec![report(Some(id), OrderStatus::Submitted, 0)], vec![filled], 0);
        assert_eq!(rig.said("BEYOND_MEASURE"), 1, "{field}");
        let line = last_line(&rig);
        let named = format!("execution {} of AAPL: its {field} is ", execution.execution_id);
        assert!(line.contains(&named), "{line}");
        let order = rig.engine.order(id).unwrap();
        assert_eq!(
            (order.status, order.filled_quantity),
            (OrderStatus::Submitted, Quantity::ZERO),
            "{field}"
        );
        assert_eq!((rig.held(), rig.engine.account(&paper()).unwrap()), (Quantity::ZERO, before), "{field}");
        // The books live: the real fill counts.
        rig.report(id, fill(id, "real", Side::Buy, 10, "100"));
        assert_eq!((rig.held(), rig.status(id)), (Quantity::from(10), OrderStatus::Filled), "{field}");
    }
}

/// Units that were adjusted before are not taken out again by a fill that is not taken in.
#[test]
fn an_absurd_fill_explains_no_adjustment() {
    let mut rig = Rig::new();
    for _ in 0..3 {
        rig.later(6);
        rig.statement(Vec::new(), Vec::new(), 10);
    }
    assert_eq!((rig.held(), rig.said("POSITION_ADJUSTED")), (Quantity::from(10), 1));
    for (_, execution) in absurd() {
        let nobodys = Execution { client_order_id: None, ..execution };
        rig.step(Input::Broker(Box::new(AccountEvent::Execution(nobodys))));
    }
    assert_eq!((rig.held(), rig.said("BEYOND_MEASURE")), (Quantity::from(10), 5));
}

#[test]
fn what_an_order_cannot_hold_is_not_taken_and_the_broker_is_asked() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, acknowledged());
    let before = rig.engine.order(id).unwrap().clone();
    let most = Price::new(Decimal::MAX);
    for event in [
        OrderEvent::QuantityChanged { quantity: Quantity::new(Decimal::MAX) },
        OrderEvent::StopMoved { stop_price: most },
        OrderEvent::Restated { quantity: Quantity::from(10), pricing: Pricing::Limit { limit_price: most } },
    ] {
        rig.report(id, event);
    }
    assert_eq!(rig.engine.order(id).unwrap(), &before);
    assert_eq!(rig.said("BEYOND_MEASURE"), 3);
    let line = last_line(&rig);
    assert!(line.starts_with(&format!("paper: order {}: its price is ", before.number)), "{line}");
    rig.later(6);
    let effects = rig.step(Input::Tick);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Reconcile { .. })), "{effects:?}");
}

#[test]
fn cash_beyond_measure_is_not_booked() {
    let mut rig = Rig::new();
    let entry = CashEntry {
        id: ExecutionId::new("c1"),
        account: paper(),
        kind: CashKind::Deposit,
        amount: Decimal::MAX,
        currency: Currency::USD,
        instrument: None,
        at: rig.now,
    };
    let before = rig.engine.account(&paper()).unwrap();
    for _ in 0..2 {
        rig.step(Input::Broker(Box::new(AccountEvent::Cash(entry.clone()))));
    }
    assert_eq!((rig.engine.account(&paper()).unwrap(), rig.said("BEYOND_MEASURE")), (before, 1));
}

/// A part of a statement that cannot be read is absent: it is neither flat nor without orders (reliability R6).
#[test]
fn r6_a_part_with_an_absurd_number_is_no_part() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, acknowledged());
    rig.report(id, fill(id, "x1", Side::Buy, 4, "100"));
    for _ in 0..3 {
        rig.later(6);
        let mut orders = report(Some(id), OrderStatus::PartiallyFilled, 4);
        orders.quantity = Quantity::new(Decimal::MAX);
        let mut position = rig.position(4);
        position[0].average_price = Price::new(Decimal::MAX);
        let statement = Statement {
            orders: Some(vec![orders]),
            executions: Some(Vec::new()),
            movements: Some(Vec::new()),
            positions: Some(position),
            ..Statement::asked(paper(), ReconcileReason::Timer, rig.now)
        };
        rig.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
        let run = rig.engine.last_reconcile(&paper()).unwrap();
        assert_eq!((run.orders, run.positions), (None, None));
        assert_eq!(run.differences.len(), 2, "{:?}", run.differences);
        assert!(
            run.differences[0].starts_with("orders: b1 of AAPL: its quantity is "),
            "{:?}",
            run.differences
        );
    }
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.request.quantity, rig.held()), (Quantity::from(10), Quantity::from(4)));
}

/// A price that nothing trades at is no price: what is held keeps its value.
#[test]
fn a_quote_beyond_measure_is_not_taken() {
    let mut rig = Rig::new();
    rig.quote("100");
    let most = Some(Price::new(Decimal::MAX));
    for spoil in [
        (|quote: &mut Quote, most| quote.bid = most) as fn(&mut Quote, Option<Price>),
        |quote, most| quote.low = most,
        |quote, most| quote.previous_close = most,
        |quote, _| quote.volume = Quantity::new(Decimal::MAX),
        |quote, _| quote.ask_size = Quantity::new(Decimal::MAX),
    ] {
        rig.later(1);
        let mut quote = Quote::empty(aapl(), rig.now, Feed::Simulated);
        (quote.bid, quote.ask, quote.last) = (Some(101.into()), Some(101.into()), Some(101.into()));
        (quote.low, quote.previous_close) = (Some(90.into()), Some(100.into()));
        spoil(&mut quote, most);
        rig.step(Input::Quote(Box::new(quote)));
        let known = rig.engine.quote(&aapl()).unwrap();
        assert_eq!(known.bid, Some(Price::from(100)));
    }
}
