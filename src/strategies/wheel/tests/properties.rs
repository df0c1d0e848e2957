//! Whatever the market does: no uncovered call, no cash twice, a ledger that balances to the cent, and a restart at any step that changes
//! nothing. The world asserts the first two at every order.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::strategies::world::days::{self, Day, any_day};
use crate::strategies::world::share;

/// The days of a wheel.
fn live(days: &[Day], restless: bool, each: impl FnMut(&Script)) -> Script {
    days::live(script(&[("max_new_contracts", "2"), ("cooldown_days", "0")]), days, restless, each)
}

/// Money that the slot's campaigns brought and cost, by what it remembers.
fn ledger(script: &Script) -> Decimal {
    let memory = memory(script);
    let campaign = &memory["campaign"];
    let of = |name: &str| decimal(&campaign[name]);
    decimal(&memory["earlier"]) + of("credits") - of("debits") + of("share_proceeds") - of("share_cost")
        + of("dividends")
        - of("fees")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_is_the_cash_and_every_restart_is_no_restart(days in prop::collection::vec(any_day(), 5..45)) {
        let mut wrong = None;
        let calm = live(&days, false, |script| {
            // Open positions are valued alike on both sides: what is left is cash.
            let gained = script.world.cash - Decimal::from(100_000);
            if !script.strategy.memory().is_empty() && ledger(script) != gained {
                wrong.get_or_insert((ledger(script), gained, script.log.clone()));
            }
        });
        prop_assert!(wrong.is_none(), "{:?}", wrong);
        let shares = calm.world.claims.get(&share()).map_or(Decimal::ZERO, |(units, _)| *units);
        prop_assert_eq!(decimal(&memory(&calm)["campaign"]["shares"]), shares);
        let restless = live(&days, true, |_| ());
        prop_assert_eq!(&calm.proposed, &restless.proposed);
        prop_assert_eq!(calm.world.cash, restless.world.cash);
        prop_assert_eq!(calm.strategy.memory(), restless.strategy.memory());
    }
}
