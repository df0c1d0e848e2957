//! What a strategy owns and what keeps it from opening, each by itself.

use super::*;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::order::Side;
use crate::domain::strategy::StrategyRules;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

fn at(minutes: i64) -> Timestamp {
    "2026-11-24T15:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn execution(key: &str, kind: ExecutionKind, side: Side, units: i64, price: &str) -> Execution {
    let instrument = Instrument::from_key(key).unwrap();
    Execution {
        execution_id: ExecutionId::new(format!("{key}{side}{units}{price}")),
        account: AccountId::new("paper"),
        client_order_id: None,
        broker_order_id: None,
        multiplier: if instrument.as_option().is_some() { Decimal::ONE_HUNDRED } else { Decimal::ONE },
        instrument,
        side,
        quantity: Quantity::from(units),
        price: price.parse().unwrap(),
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at: at(0),
        kind,
    }
}

fn trade(side: Side, units: i64, price: &str) -> Execution {
    execution("AAPL", ExecutionKind::Trade, side, units, price)
}

fn aapl() -> Instrument {
    Instrument::equity("AAPL").unwrap()
}

#[test]
fn gains_are_first_in_first_out_and_a_flip_opens_the_other_side() {
    let mut ledger = Ledger::default();
    for (side, units, price) in [(Side::Buy, 10, "100"), (Side::Buy, 10, "110")] {
        assert_eq!(ledger.apply(&trade(side, units, price), Decimal::ONE), None);
    }
    let closed = ledger.apply(&trade(Side::Sell, 15, "120"), Decimal::ONE).unwrap();
    // 10 x 20 and 5 x 10.
    assert_eq!((closed.pnl, closed.flat, ledger.realized()), (Decimal::from(250), false, Decimal::from(250)));
    let closed = ledger.apply(&trade(Side::Sell, 8, "100"), Decimal::ONE).unwrap();
    assert_eq!((closed.pnl, closed.flat), (Decimal::from(-50), false));
    assert_eq!(ledger.quantity(&aapl()), Quantity::from(-3));
    let claim = ledger.claim(&aapl()).unwrap();
    assert_eq!((claim.quantity, claim.average_price), (Quantity::from(-3), Price::from(100)));
    assert_eq!(ledger.unrealized(&|_| Some(Price::from(90))), Decimal::from(30));
    assert_eq!(ledger.unrealized(&|_| None), Decimal::ZERO);
}

#[test]
fn an_assigned_put_brings_its_shares_and_nobody_elses() {
    let put = "AAPL  270115P00190000";
    let mut ledger = Ledger::default();
    ledger.apply(&execution(put, ExecutionKind::Trade, Side::SellShort, 2, "3"), Decimal::ONE);
    ledger.apply(&execution(put, ExecutionKind::Assignment, Side::BuyToCover, 2, "0"), Decimal::ONE);
    assert_eq!(ledger.realized(), Decimal::from(600));
    let shares = |units, price| execution("AAPL", ExecutionKind::Assignment, Side::Buy, units, price);
    assert_eq!(ledger.delivered(&shares(100, "185")), Quantity::ZERO, "of another strike");
    assert_eq!(ledger.delivered(&shares(300, "190")), Quantity::from(200), "a hundred are somebody else's");
    let own = shares(200, "190");
    ledger.take_delivery(&own);
    ledger.apply(&own, Decimal::ONE);
    assert_eq!(ledger.quantity(&aapl()), Quantity::from(200));
    assert_eq!(ledger.delivered(&shares(100, "190")), Quantity::ZERO, "once");
}

#[test]
fn a_called_away_lot_and_an_exercised_call_move_shares_the_right_way() {
    let call = "AAPL  270115C00190000";
    for (opens, closes, kind, moves) in [
        (Side::SellShort, Side::BuyToCover, ExecutionKind::Assignment, Side::Sell),
        (Side::Buy, Side::Sell, ExecutionKind::Exercise, Side::Buy),
    ] {
        let mut ledger = Ledger::default();
        ledger.apply(&execution(call, ExecutionKind::Trade, opens, 1, "2"), Decimal::ONE);
        ledger.apply(&execution(call, kind, closes, 1, "0"), Decimal::ONE);
        let shares = execution("AAPL", kind, moves, 100, "190");
        assert_eq!(ledger.delivered(&shares), shares.signed_quantity());
    }
    let mut ledger = Ledger::default();
    ledger.apply(&execution(call, ExecutionKind::Trade, Side::SellShort, 1, "2"), Decimal::ONE);
    ledger.apply(&execution(call, ExecutionKind::Expiration, Side::BuyToCover, 1, "0"), Decimal::ONE);
    assert_eq!(
        ledger.delivered(&execution("AAPL", ExecutionKind::Assignment, Side::Sell, 100, "190")),
        Quantity::ZERO
    );
}

#[test]
fn a_split_and_a_hand_leave_the_money_as_it_was() {
    let mut ledger = Ledger::default();
    ledger.apply(&trade(Side::Buy, 10, "100"), Decimal::ONE);
    ledger.spread(&aapl(), Decimal::from(2));
    let claim = ledger.claim(&aapl()).unwrap();
    assert_eq!(
        (claim.quantity, claim.average_price, ledger.cost()),
        (Quantity::from(20), Price::from(50), Decimal::from(1_000))
    );
    assert_eq!(ledger.shrink(&aapl(), false, Quantity::from(30)), Quantity::from(20));
    assert!(ledger.is_empty() && ledger.realized().is_zero());
    let text = serde_json::to_string(&ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
}

/// Each guard: what does not set it off, what does, and how long it holds.
#[test]
fn guards_lock_for_their_time_and_no_longer() {
    let quiet = StrategyRules { pause_minutes: 60, ..StrategyRules::without_pauses() };
    let run = |rules: StrategyRules, trades: &[(i64, i64, bool)]| {
        let mut guards = Guards::default();
        let made = trades.iter().map(|(minute, pnl, stopped)| {
            let made = guards.closed(&rules, at(*minute), &aapl(), Decimal::from(*pnl), *stopped);
            made.into_iter().map(|lock| lock.reason).collect::<Vec<_>>().join("; ")
        });
        let made: Vec<String> = made.collect();
        (made, guards)
    };
    let losses = [(0, -1, true), (1, -1, true), (2, -1, true)];
    assert_eq!(run(quiet.clone(), &losses).0, ["", "", ""]);
    let (made, guards) = run(StrategyRules { loss_streak: 3, ..quiet.clone() }, &losses);
    assert_eq!(made, ["", "", "loss_streak: 3 losing trades in a row"]);
    assert!(guards.held_by(at(61), &aapl()).is_some() && guards.held_by(at(62), &aapl()).is_none());
    let (made, _) =
        run(StrategyRules { loss_streak: 3, ..quiet.clone() }, &[(0, -1, true), (1, 0, true), (2, -1, true)]);
    assert_eq!(made, ["", "", ""]);
    let (made, _) = run(
        StrategyRules { stop_outs: 2, ..quiet.clone() },
        &[(0, -1, true), (1, -1, false), (24 * 60, -1, true)],
    );
    assert_eq!(made, ["", "", ""], "a stop-out of a day ago counts no more");
    let (made, _) = run(StrategyRules { stop_outs: 2, ..quiet.clone() }, &losses[..2]);
    assert_eq!(made, ["", "stop_guard: 2 losing stop-outs in 24 h"]);
    let (made, guards) = run(StrategyRules { cooldown_minutes: 5, ..quiet.clone() }, &[(0, 9, false)]);
    assert_eq!(made, ["cooldown: an exit 5 min ago at most"]);
    assert!(guards.held_by(at(4), &aapl()).is_some() && guards.held_by(at(5), &aapl()).is_none());
    assert!(guards.held_by(at(4), &Instrument::equity("MSFT").unwrap()).is_none());
    let (made, mut guards) =
        run(StrategyRules { low_profit_trades: 2, ..quiet }, &[(0, 5, false), (1, -6, false)]);
    assert_eq!(made, ["", "low_profit: 2 trades made -1"]);
    assert_eq!(guards.locks(at(24 * 60)).len(), 1);
    assert_eq!((guards.lift(), guards.locks(at(2)).len()), (1, 0));
}

#[test]
fn so_many_orders_a_minute_and_no_more() {
    let mut guards = Guards::default();
    let counted: Vec<bool> = (0..4).map(|_| guards.count(at(0), 3)).collect();
    assert_eq!(counted, [true, true, true, false]);
    assert!(guards.count(at(1), 3));
}
