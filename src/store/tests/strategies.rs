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

/// Every version of a bot is kept with what was in it; one that was removed has no approved version, and the next one goes on counting.
#[test]
fn versions_of_bots_are_kept_to_the_byte() {
    use crate::domain::bot::BotVersion;
    let directory = directory();
    let mut store = Store::open(directory.path(), now()).unwrap();
    let version = |version: u32, hash: &str| ApprovedBot {
        version: BotVersion {
            bot: "own".into(),
            version,
            approved_at: now(),
            fingerprint: format!("f{version}"),
            manifest: "name = \"own\"".to_owned(),
            files: [("main.py".to_owned(), hash.to_owned())].into(),
        },
        contents: [(hash.to_owned(), hash.as_bytes().to_vec())].into(),
    };
    for one in [version(1, "aa"), version(2, "bb"), version(3, "aa")] {
        store.journal(&[JournalBatch { bots: vec![one], ..JournalBatch::default() }]).unwrap();
    }
    assert_eq!(store.approved_bots().unwrap(), [version(3, "aa").version]);
    let versions = store.bot_versions("own").unwrap();
    assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(store.bot_contents(&versions[1]).unwrap()["main.py"], b"bb");
    store.journal(&[JournalBatch { bots_gone: vec!["own".into()], ..JournalBatch::default() }]).unwrap();
    assert!(store.approved_bots().unwrap().is_empty());
    assert_eq!(store.bot_versions("own").unwrap().len(), 3);
    store.journal(&[JournalBatch { bots: vec![version(4, "bb")], ..JournalBatch::default() }]).unwrap();
    assert_eq!(store.approved_bots().unwrap(), [version(4, "bb").version]);
}
