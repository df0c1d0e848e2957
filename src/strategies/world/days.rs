//! Days at random: where the price goes, what fills, what is traded by hand, what is assigned. For properties of strategies that live them.

use jiff::civil::Date;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::Fills::{self, AtOnce, Natural, Never, OneContract};
use super::{Script, share};

/// What happens on one day.
#[derive(Clone, Debug)]
pub(in crate::strategies) struct Day {
    spot: i32,
    sigma: u32,
    fills: Fills,
    by_hand: i64,
    assigned: bool,
    multi_leg: bool,
}

/// Any of them.
pub(in crate::strategies) fn any_day() -> impl proptest::strategy::Strategy<Value = Day> {
    let fills = prop::sample::select(vec![AtOnce, AtOnce, Natural, Never, OneContract]);
    let by_hand = prop::sample::select(vec![0, 0, 0, 0, 0, -100, 150]);
    (-12..13_i32, 15..80_u32, fills, by_hand, prop::bool::weighted(0.1), any::<bool>()).prop_map(
        |(spot, sigma, fills, by_hand, assigned, multi_leg)| Day {
            spot,
            sigma,
            fills,
            by_hand,
            assigned,
            multi_leg,
        },
    )
}

/// Lives the days, with a restart before every input where it is restless; `each` looks at the script after each of them.
pub(in crate::strategies) fn live(
    mut script: Script,
    days: &[Day],
    restless: bool,
    mut each: impl FnMut(&Script),
) -> Script {
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
            let mut claims = script.world.claims.iter();
            let short = claims.find(|(it, (units, _))| it.as_option().is_some() && *units < Decimal::ZERO);
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
