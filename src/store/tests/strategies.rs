//! Strategies on the disk: with the orders they proposed, or not at all.

use super::super::*;
use super::{directory, intent, now};
use crate::domain::account::AccountMode;
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::Instrument;
use crate::domain::strategy::{DecisionRecord, StoredStrategy, StrategyPhase};

fn stored(name: &str, state: &str, version: u32) -> StoredStrategy {
    StoredStrategy {
        name: name.into(),
        kind: "sma_cross".into(),
        account: AccountId::new("paper"),
        mode: AccountMode::Paper,
        enabled: true,
        spec: "{}".to_owned(),
        state: state.to_owned(),
        version,
        created_at: now(),
        changed_at: now(),
    }
}

fn decision(strategy: &str, code: &str, order: Option<u64>) -> DecisionRecord {
    DecisionRecord {
        at: now(),
        strategy: strategy.into(),
        instrument: Some(Instrument::equity("AAPL").unwrap()),
        phase: StrategyPhase::Running,
        code: code.into(),
        text: "fast=2 slow=1".to_owned(),
        inputs: [("fast".into(), "2".to_owned())].into(),
        proposal: order.map(|order| ClientOrderId::from_u128(u128::from(order))),
    }
}

#[test]
fn state_decisions_and_orders_are_one_transaction() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let batch = |state: &str, order| JournalBatch {
        strategies: vec![stored("trend", state, 1)],
        decisions: vec![decision("trend", "BUY", Some(order))],
        ..intent(order)
    };
    store.journal(&[batch("one", 1)]).unwrap();
    // The same order twice is refused by the database: nothing of that batch is written.
    store.journal(&[batch("two", 1)]).unwrap_err();
    assert_eq!(store.strategies().unwrap(), [stored("trend", "one", 1)]);
    assert_eq!(store.decisions(None, 10).unwrap(), [decision("trend", "BUY", Some(1))]);
    store.journal(&[batch("two", 2)]).unwrap();
    assert_eq!(store.strategies().unwrap(), [stored("trend", "two", 1)]);
}

#[test]
fn decisions_are_found_by_strategy_newest_first_and_outlive_it() {
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let decisions =
        vec![decision("a", "ONE", None), decision("b", "TWO", None), decision("a", "THREE", Some(7))];
    let strategies = vec![stored("b", "x", 1), stored("a", "y", 9)];
    store.journal(&[JournalBatch { strategies, decisions, ..JournalBatch::default() }]).unwrap();
    // What a newer program wrote is handed out as it is.
    assert_eq!(store.strategies().unwrap(), [stored("a", "y", 9), stored("b", "x", 1)]);
    let gone = JournalBatch { strategies_gone: vec!["a".into()], ..JournalBatch::default() };
    store.journal(&[gone]).unwrap();
    assert_eq!(store.strategies().unwrap(), [stored("b", "x", 1)]);
    let codes = |name, limit| -> Vec<String> {
        store.decisions(name, limit).unwrap().into_iter().map(|d| d.code.to_string()).collect()
    };
    assert_eq!(codes(Some("a"), 10), ["THREE", "ONE"]);
    assert_eq!(codes(None, 2), ["THREE", "TWO"]);
}
