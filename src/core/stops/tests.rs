//! Levels, rounding and guards as tables; and prices at random: the stop never loosens, and none is passed unseen.

use proptest::prelude::*;

use super::*;
use crate::domain::exit::{ExitPlan, Trailing};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::money::Currency;
use crate::domain::position::Position;
use crate::domain::quote::Feed;

const TICK: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

fn tick(_: Price) -> Decimal {
    TICK
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn at(millis: i64) -> Timestamp {
    "2026-11-24T15:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(millis)
}

fn position(units: i64) -> Position {
    Position {
        account: AccountId::new("paper"),
        instrument: Instrument::equity("AAPL").unwrap(),
        quantity: Quantity::from(units),
        average_price: Price::from(100),
        multiplier: Decimal::ONE,
        currency: Currency::USD,
        mark: Some(Price::from(100)),
        market_value: None,
        unrealized_pnl: None,
        realized_pnl: Decimal::ZERO,
        day_pnl: None,
    }
}

fn plan(words: &[(&str, &str)]) -> ExitPlan {
    let mut plan = ExitPlan::default();
    for (what, level) in words {
        let trail = |plan: &mut ExitPlan| {
            plan.trailing.unwrap_or(Trailing {
                distance: ExitLevel::Percent(Decimal::ONE),
                activate_at: None,
                tighten: None,
            })
        };
        match *what {
            "stop" => plan.stop_loss = Some(level.parse().unwrap()),
            "take" => plan.take_profit.push(level.parse().unwrap()),
            "trail" => {
                plan.trailing = Some(Trailing { distance: level.parse().unwrap(), ..trail(&mut plan) })
            }
            "from" => {
                plan.trailing =
                    Some(Trailing { activate_at: Some(level.parse().unwrap()), ..trail(&mut plan) })
            }
            "then" => {
                let (from, distance) = level.split_once(' ').unwrap();
                let tighten = Some((from.parse().unwrap(), distance.parse().unwrap()));
                plan.trailing = Some(Trailing { tighten, ..trail(&mut plan) });
            }
            "even" => plan.break_even = true,
            other => panic!("{other}"),
        }
    }
    plan
}

fn watch(units: i64, words: &[(&str, &str)]) -> Watch {
    let fees = price("0.02");
    Watch::new(
        attach(plan(words), &position(units), Price::from(100), fees, at(0), Reached::Refused, &tick)
            .unwrap(),
    )
}

fn seen(text: &str, millis: i64) -> Seen {
    Seen { price: price(text), traded: None, at: at(millis), opens: false }
}

/// The stop after these prices, each of which has held.
fn stop_after(units: i64, words: &[(&str, &str)], prices: &[&str]) -> Option<String> {
    let mut watch = watch(units, words);
    for (n, text) in prices.iter().enumerate() {
        let n = i64::try_from(n).unwrap();
        watch.follow(seen(text, n * 1_000), &tick);
        watch.follow(seen(text, n * 1_000 + 500), &tick);
    }
    watch.group.stop_price.map(|stop| stop.to_string())
}

#[test]
fn stops_stand_where_the_plan_says() {
    for (units, words, prices, stop) in [
        (10, &[("stop", "5%")][..], &[][..], "95"),
        (-10, &[("stop", "5%")], &[], "105"),
        (10, &[("stop", "97.5")], &[], "97.5"),
        (10, &[("stop", "3.333off")], &[], "96.66"),
        // What buys is rounded up.
        (-10, &[("stop", "3.333off")], &[], "103.34"),
        (10, &[("trail", "10%")], &[], "90"),
        (10, &[("trail", "10%")], &["110", "105"], "99"),
        (-10, &[("trail", "10%")], &["90", "95"], "99"),
        (10, &[("trail", "3off")], &["104.005"], "101"),
        // A fixed stop holds until the trail is nearer.
        (10, &[("stop", "2off"), ("trail", "10%")], &["105"], "98"),
        (10, &[("stop", "2off"), ("trail", "10%")], &["115"], "103.5"),
        (10, &[("stop", "4off"), ("trail", "5%"), ("from", "1r")], &["103.9"], "96"),
        (10, &[("stop", "4off"), ("trail", "5%"), ("from", "1r")], &["104", "103"], "98.8"),
        (10, &[("trail", "5%"), ("then", "10% 2%")], &["109"], "103.55"),
        (10, &[("trail", "5%"), ("then", "10% 2%")], &["110"], "107.8"),
        (10, &[("stop", "4off"), ("even", "")], &["103.99"], "96"),
        (10, &[("stop", "4off"), ("even", "")], &["104", "101"], "100.02"),
        (-10, &[("stop", "4off"), ("even", "")], &["96"], "99.98"),
    ] {
        assert_eq!(stop_after(units, words, prices).as_deref(), Some(stop), "{units} {words:?} {prices:?}");
    }
    assert_eq!(stop_after(10, &[("trail", "5%"), ("from", "10%")], &["105"]), None);
}

#[test]
fn one_print_moves_no_stop_and_a_traded_one_does() {
    let mut watch = watch(10, &[("trail", "10%")]);
    watch.follow(seen("100", 0), &tick);
    assert!(!watch.follow(seen("150", 300), &tick), "a price of one update");
    watch.follow(seen("100", 600), &tick);
    assert_eq!(watch.group.stop_price, Some(Price::from(90)));
    watch.follow(seen("110", 900), &tick);
    watch.follow(Seen { traded: Some(Price::from(110)), ..seen("110", 901) }, &tick);
    assert_eq!(watch.group.stop_price, Some(Price::from(99)));
}

#[test]
fn what_is_reached_already_or_makes_no_sense_is_refused() {
    let try_it = |units, words: &[(&str, &str)]| {
        attach(plan(words), &position(units), Price::from(100), Price::ZERO, at(0), Reached::Refused, &tick)
            .unwrap_err()
    };
    assert_eq!(try_it(10, &[("stop", "101")]), "stop loss is reached already at 100");
    assert_eq!(try_it(-10, &[("stop", "99")]), "stop loss is reached already at 100");
    assert_eq!(try_it(10, &[("take", "99")]), "take profit is reached already at 100");
    assert_eq!(try_it(10, &[("stop", "2atr")]), "AAPL has no bars to measure its range by");
    assert_eq!(try_it(10, &[("stop", "100off")]), "the stop would be at 0, which is no price");
    assert!(try_it(10, &[]).starts_with("the plan closes nothing"));
    let mut gained = position(10);
    gained.average_price = Price::from(90);
    let locked = plan(&[("stop", "95"), ("take", "1r")]);
    let error =
        attach(locked, &gained, Price::from(100), Price::ZERO, at(0), Reached::Refused, &tick).unwrap_err();
    assert!(error.starts_with("the stop is beyond the entry"), "{error}");
}

#[test]
fn a_level_is_reached_by_two_updates_or_a_trade_or_a_gap_at_the_open() {
    let fires = |sequence: &[Seen]| {
        let mut watch = watch(10, &[("stop", "5%")]);
        sequence.iter().position(|seen| watch.judge(*seen, &tick).is_some())
    };
    assert_eq!(fires(&[seen("94", 0), seen("94", 249), seen("94", 250)]), Some(2));
    // A price in between takes the first word back.
    assert_eq!(fires(&[seen("94", 0), seen("96", 200), seen("94", 300), seen("94", 500)]), None);
    assert_eq!(fires(&[seen("94", 0), seen("95", 260)]), Some(1), "at the level is reached");
    assert_eq!(fires(&[Seen { traded: Some(price("94.5")), ..seen("94", 0) }]), Some(0));
    assert_eq!(fires(&[Seen { traded: Some(price("96")), ..seen("94", 0) }]), None);
    assert_eq!(fires(&[Seen { opens: true, ..seen("90", 0) }]), Some(0));
    assert_eq!(fires(&[seen("95.01", 0), seen("95.01", 900)]), None);
}

#[test]
fn targets_close_their_parts_and_the_stop_comes_first() {
    let mut ladder = watch(10, &[("stop", "4off"), ("take", "1r:0.5"), ("take", "2r:0.5")]);
    let hit = |watch: &mut Watch, text: &str, millis| {
        watch.judge(Seen { opens: true, ..seen(text, millis) }, &tick)
    };
    let first = hit(&mut ladder, "104", 0);
    assert_eq!(first, Some(Trigger { reason: ExitReason::TakeProfit, units: Some(Decimal::from(5)) }));
    ladder.group.steps_done = 1;
    assert_eq!(hit(&mut ladder, "107.99", 1), None);
    assert_eq!(hit(&mut ladder, "108", 2), Some(Trigger { reason: ExitReason::TakeProfit, units: None }));
    assert_eq!(hit(&mut ladder, "96", 3), Some(Trigger { reason: ExitReason::StopLoss, units: None }));
    let mut half = watch(10, &[("take", "10%:0.3")]);
    assert_eq!(hit(&mut half, "110", 0).unwrap().units, Some(Decimal::from(3)));
    half.group.steps_done = 1;
    assert_eq!(hit(&mut half, "200", 0), None);
    for state in [ExitState::Triggered, ExitState::Working, ExitState::Stuck] {
        ladder.group.state = state;
        assert_eq!(hit(&mut ladder, "90", 9), None, "it was set off once");
    }
    let units = |units: &str, held: i64, increment: &str| {
        tradable(units.parse().unwrap(), Quantity::from(held), increment.parse().unwrap()).to_string()
    };
    assert_eq!(
        [units("2.5", 10, "1"), units("0.4", 10, "1"), units("20", -7, "1"), units("0.5", 3, "0.001")],
        ["2", "1", "7", "0.5"]
    );
}

#[test]
fn which_price_counts() {
    let mut quote = Quote::empty(Instrument::equity("AAPL").unwrap(), at(0), Feed::RealTime);
    (quote.bid, quote.ask, quote.last) = (Some(price("99.8")), Some(price("100.2")), Some(price("99")));
    let by = |quote: &Quote, trigger, long| trigger_price(quote, trigger, long).map(|it| it.to_string());
    assert_eq!(by(&quote, TriggerPrice::Mark, true).as_deref(), Some("100"));
    assert_eq!(by(&quote, TriggerPrice::Last, true).as_deref(), Some("99"));
    assert_eq!(by(&quote, TriggerPrice::BidAsk, true).as_deref(), Some("99.8"));
    assert_eq!(by(&quote, TriggerPrice::BidAsk, false).as_deref(), Some("100.2"));
    quote.bid = Some(price("90"));
    assert_eq!(by(&quote, TriggerPrice::Mark, true).as_deref(), Some("99"), "a wide spread: the last trade");
    quote.last = None;
    assert_eq!(by(&quote, TriggerPrice::Mark, true), None, "a wide spread without a trade");
}

#[test]
fn a_split_leaves_everything_where_it_was() {
    let mut watch = watch(10, &[("stop", "96"), ("take", "120"), ("trail", "10off"), ("from", "1r")]);
    watch.follow(seen("104", 0), &tick);
    watch.follow(seen("104", 300), &tick);
    watch.split(Decimal::from(4), &tick);
    let group = &watch.group;
    assert_eq!((group.stop_price, group.entry_price), (Some(Price::from(24)), Price::from(25)));
    assert_eq!((group.best_price, group.entry_quantity), (Some(Price::from(26)), Quantity::from(40)));
    assert_eq!(
        (group.risk, group.plan.take_profit[0].level),
        (Some(Price::from(1)), ExitLevel::Price(Price::from(30)))
    );
}

proptest! {
    /// Whatever the prices do, the stop never moves away from them, stays on the tick, and never beyond what has held; once a price that is
    /// at or beyond it holds for a quarter of a second, it is set off.
    #[test]
    fn the_stop_never_loosens(
        long in any::<bool>(),
        moves in proptest::collection::vec((-300_i64..=300, 1_i64..2_000, any::<bool>()), 1..200),
        stop in 1_i64..1_000,
        trail in 1_i64..1_500,
        even in any::<bool>(),
    ) {
        let units = if long { 10 } else { -10 };
        let (stop, trail) = (format!("{}off", Decimal::new(stop, 2)), format!("{}off", Decimal::new(trail, 2)));
        let mut words = vec![("stop", stop.as_str()), ("trail", trail.as_str())];
        if even {
            words.push(("even", ""));
        }
        let mut watch = watch(units, &words);
        let (mut cents, mut clock) = (10_000_i64, 0_i64);
        let mut beyond_since: Option<i64> = None;
        for (step, wait, traded) in moves {
            cents = (cents + step).clamp(1_000, 30_000);
            clock += wait;
            let price = Price::new(Decimal::new(cents, 2));
            let seen = Seen { price, traded: traded.then_some(price), at: at(clock), opens: false };
            let before = watch.group.stop_price.unwrap();
            watch.follow(seen, &tick);
            let after = watch.group.stop_price.unwrap();
            let no_looser = if long { after >= before } else { after <= before };
            prop_assert!(no_looser);
            prop_assert_eq!(after.floor_to_tick(TICK), after);
            let beyond = if long { price <= after } else { price >= after };
            let fired = watch.judge(seen, &tick).is_some();
            if beyond {
                let since = *beyond_since.get_or_insert(clock);
                prop_assert_eq!(fired, traded || clock - since >= 250);
            } else {
                beyond_since = None;
                prop_assert!(!fired);
            }
            if fired {
                break;
            }
        }
    }
}
