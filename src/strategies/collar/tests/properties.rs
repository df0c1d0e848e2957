//! Whatever the market does: no more calls than lots, a loss and a gain within their bounds, and a restart at any step that changes nothing.
//! The world asserts at every order that no call is uncovered.

use proptest::prelude::*;

use super::*;
use crate::quant::number::to_f64;
use crate::strategies::world::days::{self, Day, any_day};

/// The days of three lots.
fn live(days: &[Day], restless: bool, each: impl FnMut(&Script)) -> Script {
    days::live(
        with_lots(3, &[("down_action", "roll_down"), ("dte_min", "25"), ("dte_target", "30")]),
        days,
        restless,
        each,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_restart_is_no_restart(days in prop::collection::vec(any_day(), 5..40)) {
        let mut wrong = None;
        let calm = live(&days, false, |script| {
            let lots = script.world.claims.get(&share()).map_or(0, |(units, _)| {
                (to_f64(*units) / 100.0).floor() as i64
            });
            // What was sold by hand late in the day is bought back at the next open.
            let (_, calls) = options(script);
            if calls > lots && script.world.orders.is_empty() && script.codes().last() != Some(&"COLLAR_UNCOVERED") {
                let is_new = script.proposed.last().is_some_and(|order| order.starts_with("sell Open"));
                if is_new {
                    wrong.get_or_insert((calls, lots, script.log.clone()));
                }
            }
        });
        prop_assert!(wrong.is_none(), "{:?}", wrong);
        let restless = live(&days, true, |_| ());
        prop_assert_eq!(&calm.proposed, &restless.proposed);
        prop_assert_eq!(calm.world.cash, restless.world.cash);
        prop_assert_eq!(calm.strategy.memory(), restless.strategy.memory());
    }

    #[test]
    fn the_shares_end_between_the_bounds(end in 90..320_i32, sigma in 15..70_u32) {
        let pairs = [
            ("roll_dte", "0"), ("roll_up_at_pct", "1000"), ("roll_up_delta", "1"), ("protect_shares", "false"),
        ];
        let mut script = with_lots(1, &pairs);
        script.world.market.sigma = f64::from(sigma) / 100.0;
        let before = to_f64(script.world.equity_now());
        script.until("2026-11-12 09:46");
        prop_assume!(options(&script) == (1, 1));
        let line = script.log.iter().find(|line| line.starts_with("SKIP HEDGED")).unwrap().clone();
        script.world.fills = Never;
        script.until("2027-02-12 15:50");
        script.world.market.spot = f64::from(end);
        script.until("2027-02-16 08:00");
        prop_assert_eq!(options(&script), (0, 0));
        let gain = (to_f64(script.world.equity_now()) - before) / 100.0;
        let fees = 0.02;
        let (loss, most) = (number(&line, "max_loss"), number(&line, "max_gain"));
        prop_assert!(gain >= -loss - fees && gain <= most + fees, "{gain} in -{loss} to {most}");
        // Beyond the strikes the bounds are met to the cent.
        if end < 170 {
            prop_assert!((gain + loss).abs() <= fees, "{gain} and {loss}");
        }
    }
}
