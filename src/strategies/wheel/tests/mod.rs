//! Scenario tests of the wheel: a scripted world in, orders and log codes out. Every edge case of strategies §6.8 is a row or a test here.

mod cycle;
mod edges;
mod properties;
mod skips;

use crate::domain::instrument::Instrument;
use crate::strategies::world::{Fills, START, Script, contract, dividend};

/// A wheel with 100,000 in cash.
fn script(pairs: &[(&str, &str)]) -> Script {
    Script::new("wheel", START, 100_000, pairs)
}

/// A wheel that holds puts, sold for 2.00.
fn with_put(put: &str, contracts: i64, pairs: &[(&str, &str)]) -> Script {
    let mut script = script(pairs);
    script.give(Instrument::Option(contract(put)), -contracts, "2.00");
    script
}

/// A wheel that holds shares for 190 and calls on them, sold for 2.00.
fn with_call(call: &str, contracts: i64, pairs: &[(&str, &str)]) -> Script {
    let mut script = script(pairs);
    script.give(crate::strategies::world::share(), 100 * contracts, "190");
    script.give(Instrument::Option(contract(call)), -contracts, "2.00");
    script
}

/// The slot's memory, as it would be stored.
fn memory(script: &Script) -> serde_json::Value {
    let stored: serde_json::Value = serde_json::from_str(&script.strategy.memory()).unwrap();
    stored["slots"]["AAPL"].clone()
}

fn decimal(value: &serde_json::Value) -> rust_decimal::Decimal {
    value.as_str().unwrap().parse().unwrap()
}

#[track_caller]
fn check(script: &Script, codes: &[&str]) {
    assert_eq!(script.codes(), codes, "{}", script.log.join("\n"));
}

use Fills::{AtOnce, Natural, Never, OneContract};
