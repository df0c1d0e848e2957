//! What moves without an order: told once, booked once, before positions are compared.

use super::rig::*;
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::execution::{CashEntry, CashKind};
use crate::domain::movement::{BALANCE_ID, Moved, Movement};

fn cash(id: &str, kind: CashKind, amount: i64, at: Timestamp) -> CashEntry {
    CashEntry {
        id: ExecutionId::new(id),
        account: paper(),
        kind,
        amount: Decimal::from(amount),
        currency: Currency::USD,
        instrument: None,
        at,
    }
}

fn action(kind: CorporateActionKind) -> Option<CorporateAction> {
    Some(CorporateAction {
        instrument: aapl(),
        ex_date: jiff::civil::date(2026, 11, 24),
        pay_date: None,
        kind,
    })
}

/// Four for one of what is held.
fn split(id: &str, held: i64, at: Timestamp) -> Movement {
    let added = Execution {
        execution_id: ExecutionId::new(format!("{id}-units")),
        account: paper(),
        client_order_id: None,
        broker_order_id: None,
        instrument: aapl(),
        side: Side::Buy,
        quantity: Quantity::from(held * 3),
        price: Price::ZERO,
        multiplier: Decimal::ONE,
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at,
        kind: ExecutionKind::CorporateAction,
    };
    Movement {
        cash: cash(id, CashKind::Corporate, 0, at),
        action: action(CorporateActionKind::Split { numerator: 4, denominator: 1 }),
        units: vec![Moved::Units(added)],
    }
}

impl Rig {
    fn shows(&mut self, movements: Vec<Movement>, executions: Vec<Execution>, positions: Vec<Position>) {
        let statement = Statement {
            orders: Some(Vec::new()),
            executions: Some(executions),
            movements: Some(movements),
            positions: Some(positions),
            ..Statement::asked(paper(), ReconcileReason::Timer, self.now)
        };
        let effects = self.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
        self.journaled(effects);
        self.later(6);
    }

    /// Ten shares, bought at 100 a minute ago.
    fn of_ten() -> Self {
        let mut rig = Self::new();
        let id = rig.sent(Side::Buy, 10);
        let broker_order_id = BrokerOrderId::new("b1");
        rig.report(id, OrderEvent::Acknowledged { broker_order_id });
        rig.report(id, fill(id, "bought", Side::Buy, 10, "100"));
        rig.later(60);
        rig
    }

    fn cash(&self) -> Decimal {
        self.engine.account(&paper()).unwrap().cash
    }

    fn realized(&self) -> Decimal {
        self.engine.account(&paper()).unwrap().realized_pnl
    }

    fn average(&self, instrument: &Instrument) -> Price {
        self.engine.position(&paper(), instrument).unwrap().average_price
    }
}

#[test]
fn a_split_is_booked_once_and_is_no_adjustment() {
    let mut rig = Rig::of_ten();
    let (before, at) = (rig.cash(), rig.now);
    for _ in 0..3 {
        rig.shows(vec![split("s", 10, at)], Vec::new(), rig.position(40));
    }
    assert_eq!((rig.held(), rig.average(&aapl())), (40.into(), Price::from(25)));
    assert_eq!((rig.said("POSITION_ADJUSTED"), rig.said("CASH"), rig.cash()), (0, 0, before));
    let told = rig.engine.log.iter().filter(|line| line.text == "AAPL is split 4 for 1").count();
    assert_eq!(told, 1);
}

/// What was sold after it was sold of more: the statement has both at once.
#[test]
fn what_follows_a_split_finds_the_shares_of_after() {
    let mut rig = Rig::of_ten();
    let at = rig.now;
    rig.later(30);
    let sold = Execution {
        execution_id: ExecutionId::new("sold"),
        broker_order_id: Some(BrokerOrderId::new("elsewhere")),
        side: Side::Sell,
        quantity: 20.into(),
        price: Price::from(30),
        at: rig.now,
        kind: ExecutionKind::Trade,
        ..match &split("x", 10, at).units[0] {
            Moved::Units(execution) => execution.clone(),
            Moved::Exchanged { .. } => unreachable!(),
        }
    };
    rig.later(60);
    let before = rig.realized();
    rig.shows(vec![split("s", 10, at)], vec![sold], rig.position(20));
    assert_eq!((rig.held(), rig.average(&aapl())), (20.into(), Price::from(25)));
    // Half of what it cost to open comes off.
    assert_eq!(rig.realized() - before, Decimal::new(9_995, 2));
}

/// Of what is not held here nothing is booked: the comparison of positions sees all of it.
#[test]
fn a_split_of_what_is_not_known_leaves_positions_to_say_it() {
    let mut rig = Rig::new();
    rig.later(60);
    let at = rig.now;
    for _ in 0..2 {
        rig.shows(vec![split("s", 10, at)], Vec::new(), rig.position(40));
    }
    assert_eq!((rig.held(), rig.average(&aapl()), rig.said("POSITION_ADJUSTED")), (40.into(), 100.into(), 1));
}

/// Units that came or went by a transfer.
fn transferred(id: &str, units: i64, price: &str, at: Timestamp) -> Movement {
    let Moved::Units(moved) = split(id, 1, at).units.remove(0) else { unreachable!() };
    let moved = Execution {
        side: if units < 0 { Side::Sell } else { Side::Buy },
        quantity: Quantity::from(units.abs()),
        price: price.parse().unwrap(),
        kind: ExecutionKind::Transfer,
        ..moved
    };
    Movement { cash: cash(id, CashKind::Deposit, 0, at), action: None, units: vec![Moved::Units(moved)] }
}

#[test]
fn a_transfer_is_no_gain_and_no_adjustment() {
    let mut rig = Rig::of_ten();
    let (before, gain, at) = (rig.cash(), rig.realized(), rig.now);
    // What comes costs what the broker says; what goes takes along what it had cost.
    for _ in 0..2 {
        rig.shows(vec![transferred("in", 30, "60", at)], Vec::new(), rig.position(40));
    }
    assert_eq!((rig.held(), rig.average(&aapl())), (40.into(), Price::from(70)));
    let at = rig.now;
    for _ in 0..2 {
        rig.shows(vec![transferred("out", -15, "0", at)], Vec::new(), rig.position(25));
    }
    // First in, first out: the ten that had cost more are gone.
    assert_eq!((rig.held(), rig.average(&aapl())), (25.into(), Price::from(60)));
    assert_eq!((rig.cash(), rig.said("POSITION_ADJUSTED"), rig.said("UNITS_TRANSFERRED")), (before, 0, 2));
    // What it had cost to open comes off with what goes, and nothing else.
    assert!((rig.realized() - gain).abs() < Decimal::ONE, "{}", rig.realized() - gain);
    assert_eq!(rig.said("AUTOMATION_PAUSED"), 0);
}

/// A transfer that is listed after positions have shown it counts once.
#[test]
fn a_transfer_that_comes_late_explains_what_was_adjusted() {
    let mut rig = Rig::of_ten();
    let at = rig.now;
    for _ in 0..3 {
        rig.shows(Vec::new(), Vec::new(), rig.position(40));
    }
    assert_eq!((rig.held(), rig.said("POSITION_ADJUSTED")), (40.into(), 1));
    for _ in 0..3 {
        rig.shows(vec![transferred("in", 30, "60", at)], Vec::new(), rig.position(40));
    }
    assert_eq!(
        (rig.held(), rig.said("UNITS_TRANSFERRED"), rig.said("ADJUSTMENT_EXPLAINED")),
        (40.into(), 1, 1)
    );
}

/// What goes and is not here is left to the comparison of positions, and so is what comes at a price that nobody knows.
#[test]
fn a_transfer_of_what_is_not_here_leaves_positions_to_say_it() {
    let mut rig = Rig::of_ten();
    let at = rig.now;
    for _ in 0..3 {
        rig.shows(vec![transferred("out", -15, "0", at)], Vec::new(), Vec::new());
    }
    assert_eq!(
        (rig.held(), rig.said("UNITS_TRANSFERRED"), rig.said("POSITION_ADJUSTED")),
        (Quantity::ZERO, 0, 1)
    );
}

#[test]
fn a_new_name_keeps_cost_and_cash_to_the_last_digit() {
    let renamed = Instrument::equity("AAPX").unwrap();
    for (into, cost) in [(10, "100"), (30, "33.3333333333"), (7, "142.857142857")] {
        let mut rig = Rig::of_ten();
        let (before, gain, at) = (rig.cash(), rig.realized(), rig.now);
        let movement = Movement {
            cash: cash("n", CashKind::Corporate, 0, at),
            action: action(CorporateActionKind::SymbolChange { to: "AAPX".parse().unwrap() }),
            units: vec![Moved::Exchanged {
                id: ExecutionId::new("n0"),
                from: aapl(),
                quantity: 10.into(),
                into: renamed.clone(),
                into_quantity: into.into(),
            }],
        };
        let mut positions = rig.position(into);
        positions[0].instrument = renamed.clone();
        for _ in 0..2 {
            rig.shows(vec![movement.clone()], Vec::new(), positions.clone());
        }
        assert_eq!((rig.held(), rig.engine.held(&paper(), &renamed)), (Quantity::ZERO, into.into()));
        assert_eq!(rig.cash(), before, "no money moved");
        let off = rig.average(&renamed) - cost.parse().unwrap();
        assert!(off.get().abs() < Decimal::new(1, 6), "{off}");
        // What it cost to open was spent, and no more than that is gained or lost.
        let gain = rig.realized() - gain + Decimal::new(10, 2);
        assert!(gain.abs() < Decimal::new(1, 6), "{gain}");
        assert_eq!(rig.said("POSITION_ADJUSTED"), 0);
    }
}

/// A dividend counts once by its id. One that happened before cash was brought to what the broker shows is in there already.
#[test]
fn cash_that_was_followed_before_its_reason_came_counts_once() {
    for (followed, expected) in [(false, 25), (true, 0)] {
        let mut rig = Rig::of_ten();
        let paid = Movement {
            cash: cash("d", CashKind::Dividend, 25, rig.now),
            action: action(CorporateActionKind::Dividend { amount: "2.5".parse().unwrap() }),
            units: Vec::new(),
        };
        rig.later(20);
        if followed {
            let entry = cash(&format!("{BALANCE_ID}USD-1"), CashKind::Deposit, 25, rig.now);
            rig.step(Input::Broker(Box::new(AccountEvent::Cash(entry))));
        }
        let (before, gain) = (rig.cash(), rig.realized());
        for _ in 0..3 {
            rig.shows(vec![paid.clone()], Vec::new(), rig.position(10));
        }
        assert_eq!(rig.cash() - before, Decimal::from(expected), "followed: {followed}");
        assert_eq!(rig.realized() - gain, Decimal::from(25));
        // A later one is not in there.
        let later =
            Movement { cash: cash("e", CashKind::Interest, -3, rig.now), action: None, units: Vec::new() };
        rig.shows(vec![later], Vec::new(), rig.position(10));
        assert_eq!(rig.cash() - before, Decimal::from(expected - 3));
    }
}

/// A part that could not be had is no empty one: nothing is concluded of positions.
#[test]
fn r6_without_what_moved_no_position_is_adjusted() {
    let mut rig = Rig::of_ten();
    for _ in 0..3 {
        let statement = Statement {
            orders: Some(Vec::new()),
            executions: Some(Vec::new()),
            positions: Some(rig.position(40)),
            failures: vec!["movements: no answer".to_owned()],
            ..Statement::asked(paper(), ReconcileReason::Timer, rig.now)
        };
        rig.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
        rig.later(6);
    }
    assert_eq!((rig.held(), rig.said("POSITION_ADJUSTED")), (10.into(), 0));
}
