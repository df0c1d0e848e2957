//! Scenario tests of the collar: a scripted world in, orders and log codes out.

mod build;
mod edges;
mod entry;
mod management;
mod properties;

use crate::domain::instrument::Instrument;
use crate::strategies::world::{Fills, START, Script, contract, dividend, share};

/// A collar over so many lots that cost 190, with 100,000 in cash.
fn with_lots(lots: i64, pairs: &[(&str, &str)]) -> Script {
    let mut script = Script::new("collar", START, 100_000, pairs);
    if lots > 0 {
        script.give(share(), 100 * lots, "190");
    }
    script
}

/// The same, hedged: puts and calls as `P185 2027-02-12`, bought and sold at 4.00.
fn hedged(lots: i64, put: &str, call: &str, pairs: &[(&str, &str)]) -> Script {
    let mut script = with_lots(lots, pairs);
    script.give(Instrument::Option(contract(put)), lots, "4.00");
    script.give(Instrument::Option(contract(call)), -lots, "4.00");
    script
}

/// Units held of a contract.
fn held(script: &Script, text: &str) -> i64 {
    use rust_decimal::prelude::ToPrimitive;
    let instrument = Instrument::Option(contract(text));
    script.world.claims.get(&instrument).map_or(0, |(units, _)| units.to_i64().unwrap())
}

/// Long puts and short calls in all.
fn options(script: &Script) -> (i64, i64) {
    use rust_decimal::prelude::ToPrimitive;
    let mut counts = (0, 0);
    for (instrument, (units, _)) in &script.world.claims {
        let units = units.to_i64().unwrap();
        match instrument.as_option().map(|it| it.right) {
            Some(crate::domain::option::Right::Put) => counts.0 += units,
            Some(crate::domain::option::Right::Call) => counts.1 -= units,
            None => {}
        }
    }
    counts
}

/// A number of a record, such as `max_loss`.
#[track_caller]
fn number(line: &str, name: &str) -> f64 {
    let found = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{name} in {line}")).parse().unwrap()
}

/// Codes and proposals, what is said of a standing hedge left out.
#[track_caller]
fn check(script: &Script, codes: &[&str]) {
    let said: Vec<&str> = script.codes().into_iter().filter(|code| *code != "HEDGED").collect();
    assert_eq!(said, codes, "{}\n{}", script.log.join("\n"), script.proposed.join("\n"));
}

use Fills::{AtOnce, Natural, Never, OneContract};
