//! Exit plans under prices, trades, resting orders and restarts at random.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Move {
    Price(i64),
    Buy(i64),
    Sell(i64),
    Rest(i64),
    Plan(i64, i64, bool),
    Restart,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => (-400_i64..=400).prop_map(Move::Price),
        1 => (1_i64..20).prop_map(Move::Buy),
        1 => (1_i64..20).prop_map(Move::Sell),
        1 => (1_i64..20).prop_map(Move::Rest),
        2 => (1_i64..10, 1_i64..10, any::<bool>()).prop_map(|(stop, trail, native)| Move::Plan(stop, trail, native)),
        1 => Just(Move::Restart),
    ];
    proptest::collection::vec(one, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    /// Prices, trades by hand, resting orders, plans and restarts at random: the account never goes short, an exit never asks for more than is
    /// held, all that is offered at the venue is never more than is held, a stop never loosens while its plan lives, and no position rests beyond its stop for two seconds with nothing on its way.
    #[test]
    fn a_position_is_never_closed_twice_and_never_left_beyond_its_stop(moves in moves()) {
        let mut desk = Desk::new();
        let mut cents = 10_000_i64;
        let mut stood: Option<(Timestamp, Price)> = None;
        for step in moves {
            let is_price = matches!(step, Move::Price(_));
            match step {
                Move::Price(by) => {
                    cents = (cents + by).clamp(2_000, 40_000);
                    for _ in 0..5 {
                        desk.quote(&Decimal::new(cents, 2).to_string());
                    }
                }
                Move::Buy(units) => desk.trade(Side::Buy, units),
                Move::Sell(units) => desk.trade(Side::Sell, units),
                Move::Rest(units) => {
                    let limit_price = Price::new(Decimal::new(cents + 5_000, 2));
                    desk.place(Side::Sell, units, Pricing::Limit { limit_price });
                }
                Move::Plan(stop_percent, trail, native) => {
                    stood = None;
                    let trailing = Trailing {
                        distance: format!("{trail}%").parse().unwrap(),
                        activate_at: None,
                        tighten: None,
                    };
                    let plan = ExitPlan { trailing: Some(trailing), ..stop(&format!("{stop_percent}%")) };
                    let placement = if native { Placement::Auto } else { Placement::Engine };
                    let plan = ExitPlan { take_profit: vec!["3%:0.4".parse().unwrap()], placement, ..plan };
                    desk.set(plan);
                }
                Move::Restart => desk = desk.restarted(),
            }
            prop_assert!(desk.held() >= 0, "{}", desk.held());
            let held_there: Decimal =
                desk.venue.positions().iter().map(|position| position.quantity.get()).sum();
            prop_assert_eq!(held_there, desk.rig.held().get());
            prop_assert!(desk.offered().get() <= held_there, "{} offered of {}", desk.offered(), held_there);
            if let Some(exit) = desk.sent.last().filter(|order| order.origin.kind == OriginKind::Exit) {
                prop_assert!(exit.reduce_only);
            }
            let group = desk.group();
            if let Some(group) = &group {
                prop_assert!(desk.held() > 0, "a plan without a position: {:?}", group);
                let stop = group.stop_price.unwrap();
                if let Some((set_at, before)) = stood.filter(|(set_at, _)| *set_at == group.set_at) {
                    prop_assert!(stop >= before, "{} {}", set_at, stop);
                }
                stood = Some((group.set_at, stop));
                let price = Price::new(Decimal::new(cents, 2));
                // What rests at the venue goes by the venue's prices.
                if is_price && price <= stop && group.rests.is_none() {
                    prop_assert!(group.state != ExitState::Armed, "{:?} at {}", group, price);
                }
            }
        }
    }
}
