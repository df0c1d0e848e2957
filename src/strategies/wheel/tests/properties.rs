//! Whatever the market does: no uncovered call, no cash twice, a ledger that balances to the cent, and a restart at any step that changes
//! nothing. The world asserts the first two at every order.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::strategies::world::share;

/// What happens on one day.
#[derive(Clone, Debug)]
struct Day {
    spot: i32,
    sigma: u32,
    fills: Fills,
    by_hand: i64,
    assigned: bool,
    multi_leg: bool,
}

fn any_day() -> impl proptest::strategy::Strategy<Value = Day> {
    let fills = prop::sample::select(vec![AtOnce, AtOnce, Natural, Never, OneContract]);
    (
        -12..13_i32,
        15..80_u32,
        fills,
        prop::sample::select(vec![0, 0, 0, 0, 0, -100, 150]),
        prop::bool::weighted(0.1),
        any::<bool>(),
    )
        .prop_map(|(spot, sigma, fills, by_hand, assigned, multi_leg)| Day {
            spot,
            sigma,
            fills,
            by_hand,
            assigned,
            multi_leg,
        })
}

/// Lives the days and returns the script; `each` looks at it after each of them.
fn live(days: &[Day], restless: bool, mut each: impl FnMut(&Script)) -> Script {
    let mut script = script(&[("max_new_contracts", "2"), ("cooldown_days", "0")]);
    script.restless = restless;
    let mut day: Date = "2026-11-12".parse().unwrap();
    for today in days {
        let market = &mut script.world.market;
        market.previous_close = market.spot;
        market.spot = (market.spot + f64::from(today.spot)).clamp(120.0, 300.0);
        market.sigma = f64::from(today.sigma) / 100.0;
        script.world.fills = today.fills;
        script.world.standing.multi_leg = today.multi_leg;
        script.until(&format!("{day} 11:00"));
        let held = script.world.claims.get(&share()).map_or(Decimal::ZERO, |(units, _)| *units);
        if today.by_hand > 0 || held >= Decimal::from(-today.by_hand) && today.by_hand < 0 {
            script.by_hand(today.by_hand);
        }
        if today.assigned {
            let short = script
                .world
                .claims
                .iter()
                .find(|(it, (units, _))| it.as_option().is_some() && *units < Decimal::ZERO);
            if let Some(contract) = short.and_then(|(it, _)| it.as_option().cloned()) {
                script.assign(&contract, 1);
            }
        }
        script.until(&format!("{day} 23:00"));
        each(&script);
        day = script.world.calendar.next_session(day);
    }
    script
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
