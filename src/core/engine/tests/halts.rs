//! The kill switch: by hand, by loss, over a restart.

use super::rig::*;

/// A bracket whose parent has filled, and an order that works beside it: (parent's exits, the other).
fn bracket_and_order(rig: &mut Rig) -> (Vec<ClientOrderId>, ClientOrderId) {
    let mut parent = rig.order(Side::Buy, 10);
    let mut exit =
        |price: i64| BracketExit { client_order_id: rig.engine.mint(rig.now), price: price.into() };
    let (profit, loss) = (exit(110), exit(90));
    let exits = vec![profit.client_order_id, loss.client_order_id];
    (parent.take_profit, parent.stop_loss) = (Some(profit), Some(loss));
    let id = parent.client_order_id;
    let effects = rig.place(vec![parent]);
    rig.journaled(effects);
    for id in exits.iter().chain([&id]) {
        rig.report(*id, acknowledged());
    }
    rig.report(id, fill(id, "p", Side::Buy, 10, "100"));
    (exits, rig.sent(Side::Buy, 5))
}

#[test]
fn h1_the_kill_switch_cancels_what_works_and_keeps_exits() {
    for all in [false, true] {
        let mut rig = Rig::new();
        let (exits, other) = bracket_and_order(&mut rig);
        let effects = rig.step(Input::Halt { request: RequestId(90), all, reason: "test".to_owned() });
        let Some(Effect::Journal { entry, .. }) = effects.first() else { panic!("{effects:?}") };
        assert_eq!(entry.trading_state, Some(TradingState::Halted));
        let canceled: BTreeSet<ClientOrderId> = rig
            .journaled(effects)
            .iter()
            .filter_map(|e| if let Effect::Cancel { order, .. } = e { Some(*order) } else { None })
            .collect();
        let mut expect = BTreeSet::from([other]);
        expect.extend(exits.iter().filter(|_| all));
        assert_eq!(canceled, expect, "all: {all}");
    }
}

/// An exit whose price was changed protects the position like the one whose place it took.
#[test]
fn h1_a_replaced_exit_is_kept_too() {
    let mut rig = Rig::new();
    let (exits, _) = bracket_and_order(&mut rig);
    let change = OrderChange { stop_price: Some(Price::from(91)), ..OrderChange::default() };
    let effects = rig.step(Input::Replace { request: RequestId(90), order: exits[1], change });
    let new = rig.engine.book().working().last().unwrap().request.client_order_id;
    rig.journaled(effects);
    rig.report(new, acknowledged());
    rig.report(exits[1], OrderEvent::Replaced { by: new });
    let effects = rig.step(Input::Halt { request: RequestId(91), all: false, reason: "test".to_owned() });
    rig.journaled(effects);
    assert_eq!((rig.status(new), rig.status(exits[0])), (OrderStatus::Submitted, OrderStatus::Submitted));
}

/// Whoever means the order that was replaced is told which one it is now, however often it was.
#[test]
fn the_order_in_place_of_a_replaced_one_is_named() {
    let mut rig = Rig::new();
    let first = rig.sent(Side::Buy, 5);
    rig.report(first, acknowledged());
    let mut last = first;
    for price in [91, 92] {
        let change = OrderChange { limit_price: Some(Price::from(price)), ..OrderChange::default() };
        let effects = rig.step(Input::Replace { request: RequestId(90), order: last, change });
        let new = rig.engine.book().working().last().unwrap().request.client_order_id;
        rig.journaled(effects);
        rig.report(new, acknowledged());
        rig.report(last, OrderEvent::Replaced { by: new });
        last = new;
    }
    let refused = |effects: Vec<Effect>| match effects.as_slice() {
        [Effect::Answer { outcome: Outcome::Refused(why), .. }] => why.clone(),
        other => panic!("{other:?}"),
    };
    let change = OrderChange { limit_price: Some(Price::from(93)), ..OrderChange::default() };
    let replace = rig.step(Input::Replace { request: RequestId(91), order: first, change });
    assert_eq!(refused(replace), "order 1 is replaced already; order 3 stands in its place");
    let cancel = rig.step(Input::Cancel { request: RequestId(92), orders: vec![first] });
    assert_eq!(refused(cancel), "order 1 is replaced already; order 3 stands in its place");
}

#[test]
fn h1_an_order_that_waits_for_the_disk_when_the_switch_goes_on_is_never_sent() {
    let mut rig = Rig::new();
    let order = rig.order(Side::Buy, 10);
    let id = order.client_order_id;
    let mut effects = rig.place(vec![order]);
    effects.extend(rig.step(Input::Halt { request: RequestId(90), all: false, reason: "test".to_owned() }));
    let sent = rig.journaled(effects);
    assert!(orders_sent(&sent).is_empty(), "{sent:?}");
    assert_eq!(rig.status(id), OrderStatus::Canceled);
}

#[test]
fn h3_a_halt_outlives_the_process_and_a_person_lifts_it() {
    let mut rig = Rig::new();
    let restored = Restored { trading_state: TradingState::Halted, ..Restored::default() };
    rig.step(Input::Restored(Box::new(restored)));
    let order = rig.order(Side::Buy, 10);
    let id = order.client_order_id;
    let effects = rig.place(vec![order]);
    assert!(orders_sent(&rig.journaled(effects)).is_empty());
    assert_eq!(rig.engine.order(id).unwrap().denials[0].code, DenialCode::Halted);
    rig.step(Input::Resume { request: RequestId(91) });
    rig.sent(Side::Buy, 10);
}

#[test]
fn h6_the_daily_loss_trips_the_switch_at_five_per_cent() {
    for (price, state) in [("90.02", TradingState::Active), ("90", TradingState::Halted)] {
        let limits =
            RiskLimits { daily_loss_halt_percent: Decimal::from(5), ..RiskLimits::bar_mode(CASH.into()) };
        let mut rig = Rig::with(limits);
        rig.step(Input::Tick);
        let id = rig.sent(Side::Buy, 500);
        rig.report(id, acknowledged());
        // Fees of five are part of the loss.
        rig.report(id, fill(id, "x", Side::Buy, 500, "99.99"));
        rig.quote(price);
        rig.step(Input::Tick);
        assert_eq!(rig.engine.trading_state(), state, "at {price}");
    }
}

/// Contradictions this many minutes apart: a third within the hour trips the switch.
#[test]
fn h6_three_contradictions_in_an_hour_trip_the_switch() {
    for (times, minutes, state) in
        [(2, 1, TradingState::Active), (3, 29, TradingState::Halted), (3, 30, TradingState::Active)]
    {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, acknowledged());
        rig.report(id, fill(id, "x", Side::Buy, 10, "100"));
        for n in 0..times {
            rig.now += SignedDuration::from_mins(if n == 0 { 0 } else { minutes });
            rig.report(id, fill(id, "x", Side::Buy, 20 + n, "100"));
        }
        assert_eq!(rig.engine.trading_state(), state, "{times} times, {minutes} minutes apart");
        assert_eq!(rig.engine.held(&paper(), &aapl()), Quantity::from(10));
    }
}

#[test]
fn h6_overfills_trip_the_switch_like_contradictions() {
    for (times, state) in [(2, TradingState::Active), (3, TradingState::Halted)] {
        let mut rig = Rig::new();
        for n in 0..times {
            let id = rig.sent(Side::Buy, 10);
            rig.report(id, fill(id, &format!("x{n}"), Side::Buy, 11, "100"));
        }
        assert_eq!(rig.engine.trading_state(), state, "{times} overfills");
    }
}

#[test]
fn h6_more_than_twenty_refusals_in_a_minute_trip_the_switch() {
    for (times, apart_ms, state) in [
        (20, 10, TradingState::Active),
        (21, 10, TradingState::Halted),
        (21, 2_999, TradingState::Halted),
        (21, 3_000, TradingState::Active),
    ] {
        let mut rig = Rig::new();
        let ids: Vec<_> = (0..times).map(|_| rig.sent(Side::Buy, 1)).collect();
        for id in ids {
            let reject = crate::domain::execution::Reject { code: "NO".into(), message: "no".to_owned() };
            rig.report(id, OrderEvent::Rejected(reject));
            rig.now += SignedDuration::from_millis(apart_ms);
        }
        assert_eq!(rig.engine.trading_state(), state, "{times} times, {apart_ms} ms apart");
    }
}

#[test]
fn h6_orders_asked_for_at_three_times_the_rate_trip_the_switch() {
    for (times, apart_ms, state) in [
        (15, 0, TradingState::Active),
        (16, 0, TradingState::Halted),
        (90, 600, TradingState::Active),
        (91, 600, TradingState::Halted),
        (91, 667, TradingState::Active),
    ] {
        let mut rig = Rig::with(RiskLimits::default());
        for _ in 0..times {
            let order = rig.order(Side::Buy, 1);
            rig.place(vec![order]);
            rig.now += SignedDuration::from_millis(apart_ms);
        }
        assert_eq!(rig.engine.trading_state(), state, "{times} times, {apart_ms} ms apart");
    }
}

#[test]
fn h6_a_clock_that_jumps_back_while_orders_work_trips_the_switch() {
    for (works, back_ms, state) in [
        (true, 5_000, TradingState::Active),
        (true, 5_001, TradingState::Halted),
        (false, 60_000, TradingState::Active),
    ] {
        let mut rig = Rig::new();
        if works {
            rig.sent(Side::Buy, 10);
        }
        rig.now -= SignedDuration::from_millis(back_ms);
        rig.step(Input::Tick);
        assert_eq!(rig.engine.trading_state(), state, "works: {works}, back by {back_ms} ms");
    }
}

/// A clock set forward makes every quote old; while orders work it trips the switch like one set back.
#[test]
fn h6_a_clock_that_steps_forward_while_orders_work_trips_the_switch() {
    for (works, by_ms, said, state) in [
        (true, 1_000, 0, TradingState::Active),
        (true, 1_001, 1, TradingState::Active),
        (true, 5_000, 1, TradingState::Active),
        (true, 5_001, 1, TradingState::Halted),
        (false, 3_600_000, 1, TradingState::Active),
    ] {
        let mut rig = Rig::new();
        if works {
            rig.sent(Side::Buy, 10);
        }
        let by = SignedDuration::from_millis(by_ms);
        rig.now += by;
        rig.step(Input::ClockStep { by });
        assert_eq!(rig.engine.trading_state(), state, "works: {works}, forward by {by_ms} ms");
        assert_eq!(rig.said("CLOCK_FORWARD"), said, "works: {works}, forward by {by_ms} ms");
    }
}

/// Bought yesterday at 100; the last process ended with an equity of 109,000.
fn restarted(cash: Vec<crate::domain::execution::CashEntry>, day_start: i64) -> Rig {
    let limits =
        RiskLimits { daily_loss_halt_percent: Decimal::from(5), ..RiskLimits::bar_mode(CASH.into()) };
    let mut rig = Rig::with(limits);
    let OrderEvent::Filled(bought) = fill(ClientOrderId::from_u128(1), "y1", Side::Buy, 900, "100") else {
        unreachable!()
    };
    let yesterday = start() - SignedDuration::from_hours(24);
    let bought = Execution { at: yesterday, fee: Decimal::ZERO, client_order_id: None, ..bought };
    let restored = Restored {
        executions: vec![bought],
        cash,
        day_start_equity: vec![(paper(), day_start.into())],
        ..Restored::default()
    };
    rig.step(Input::Restored(Box::new(restored)));
    rig
}

fn equity(effects: &Effects) -> Vec<Decimal> {
    let entries = effects.iter().filter_map(|effect| match effect {
        Effect::Journal { entry, .. } => Some(&entry.equity),
        _ => None,
    });
    entries.flatten().map(|point| point.net_liquidation).collect()
}

/// What is held stands at its cost until prices come: that is no loss of the day, and nothing to measure a drawdown by.
#[test]
fn h6_a_start_before_any_price_trips_nothing() {
    let mut rig = restarted(Vec::new(), 109_000);
    let effects = rig.step(Input::Tick);
    assert_eq!((rig.engine.trading_state(), equity(&effects)), (TradingState::Active, Vec::new()));
    rig.quote("110");
    let effects = rig.step(Input::Tick);
    assert_eq!((rig.engine.trading_state(), equity(&effects)), (TradingState::Active, vec![109_000.into()]));
    rig.quote("103");
    rig.step(Input::Tick);
    assert_eq!(rig.engine.trading_state(), TradingState::Halted, "6,300 of 109,000 are lost");
}

/// A broker's own marks are prices too, as long as there are no others.
#[test]
fn h6_a_loss_by_the_brokers_marks_trips_the_switch() {
    let mut rig = restarted(Vec::new(), 120_000);
    rig.later(6);
    rig.statement(Vec::new(), Vec::new(), 900);
    rig.step(Input::Tick);
    assert_eq!(rig.engine.trading_state(), TradingState::Halted);
}

fn ago(hours: i64) -> Timestamp {
    start() - SignedDuration::from_hours(hours)
}

/// Ten thousand paid in so many hours ago.
fn deposit(hours: i64) -> crate::domain::execution::CashEntry {
    crate::domain::execution::CashEntry {
        id: ExecutionId::new("d1"),
        account: paper(),
        kind: crate::domain::execution::CashKind::Deposit,
        amount: Decimal::from(10_000),
        currency: Currency::USD,
        instrument: None,
        at: ago(hours),
    }
}

/// What was paid in yesterday is neither a gain nor a loss of today.
#[test]
fn a_deposit_of_before_is_not_of_the_day_that_a_start_goes_on_with() {
    let rig = restarted(vec![deposit(23)], 110_000);
    let account = rig.engine.account(&paper()).unwrap();
    assert_eq!((account.net_liquidation, account.day_pnl), (110_000.into(), Decimal::ZERO));
}

/// An equity that was recorded after the money had come has it in it, however long before the day began either was.
#[test]
fn a_deposit_counts_once_whenever_the_equity_was_recorded() {
    for (paid_hours, recorded_hours, equity) in
        [(2, 1, 110_000), (2, 3, 100_000), (50, 60, 100_000), (60, 50, 110_000)]
    {
        let mut rig = Rig::new();
        rig.step(Input::Restored(Box::new(Restored {
            cash: vec![deposit(paid_hours)],
            day_start_equity: vec![(paper(), equity.into())],
            day_start_at: vec![(paper(), ago(recorded_hours))],
            ..Restored::default()
        })));
        let account = rig.engine.account(&paper()).unwrap();
        let at = format!("paid in {paid_hours} h ago, recorded {recorded_hours} h ago");
        assert_eq!((account.net_liquidation, account.day_pnl), (110_000.into(), Decimal::ZERO), "{at}");
        assert_eq!(account.day_start_equity, 110_000.into(), "{at}");
    }
}

/// Two holdings at the prices of the record, worth 118,900 with nothing else; only MSFT is quoted.
fn with_a_record() -> Rig {
    let limits = RiskLimits {
        daily_loss_percent: Decimal::from(3),
        daily_loss_halt_percent: Decimal::from(5),
        exposure_percent_max_margin: Decimal::from(200),
        ..RiskLimits::bar_mode(CASH.into())
    };
    let mut rig = Rig::with(limits);
    rig.step(Input::Instrument(Box::new(InstrumentSpec::standard(msft()))));
    let bought = |n: u128, instrument: Instrument, quantity: i64| {
        let OrderEvent::Filled(filled) = fill(ClientOrderId::from_u128(n), "", Side::Buy, quantity, "100")
        else {
            unreachable!()
        };
        let at = start() - SignedDuration::from_hours(24);
        let execution_id = ExecutionId::new(format!("y{n}"));
        Execution { at, execution_id, instrument, fee: Decimal::ZERO, client_order_id: None, ..filled }
    };
    let restored = Restored {
        executions: vec![bought(1, aapl(), 900), bought(2, msft(), 100)],
        day_start_equity: vec![(paper(), 118_900.into())],
        last_prices: vec![(paper(), aapl(), 121.into()), (paper(), msft(), 100.into())],
        ..Restored::default()
    };
    rig.step(Input::Restored(Box::new(restored)));
    rig
}

fn msft() -> Instrument {
    Instrument::equity("MSFT").unwrap()
}

fn quote_msft(rig: &mut Rig, price: &str) {
    rig.later(1);
    let mut quote = Quote::empty(msft(), rig.now, Feed::Simulated);
    (quote.bid, quote.ask) = (price.parse().ok(), price.parse().ok());
    rig.step(Input::Quote(Box::new(quote)));
}

/// What one holding is worth nobody knows yet; what the others have lost trips the switch all the same, just after a start and while the
/// broker is down.
#[test]
fn h6_a_start_with_a_record_of_prices_trips_at_once() {
    for broker_up in [true, false] {
        let mut rig = with_a_record();
        rig.step(Input::BrokerStatus { account: paper(), up: broker_up, reconciled: true });
        let effects = rig.step(Input::Tick);
        assert_eq!(
            (rig.engine.trading_state(), equity(&effects)),
            (TradingState::Active, vec![118_900.into()])
        );
        quote_msft(&mut rig, "41");
        rig.step(Input::Tick);
        assert_eq!(rig.engine.trading_state(), TradingState::Active, "5,900 of 118,900 are lost");
        quote_msft(&mut rig, "40");
        rig.step(Input::Tick);
        assert_eq!(rig.engine.trading_state(), TradingState::Halted, "6,000 of 118,900 are lost");
    }
}

/// Nothing is opened on what nobody knows; what closes goes out, and a price or the broker's mark ends it.
#[test]
fn k6_nothing_is_opened_before_what_is_held_has_a_price() {
    for by_broker in [false, true] {
        let mut rig = with_a_record();
        quote_msft(&mut rig, "100");
        let more = |rig: &mut Rig, side: Side| {
            let order = OrderRequest { subject: OrderSubject::Instrument(msft()), ..rig.order(side, 1) };
            let denials = rig.engine.check(&order).result.err().unwrap_or_default();
            denials.iter().map(|denial| denial.code).collect::<Vec<_>>()
        };
        assert_eq!(more(&mut rig, Side::Buy), [DenialCode::DailyLoss]);
        assert_eq!(more(&mut rig, Side::Sell), []);
        if by_broker {
            let mut held = rig.position(900);
            held[0].mark = Some(121.into());
            let mut other = rig.position(100).remove(0);
            (other.instrument, other.mark) = (msft(), Some(100.into()));
            held.push(other);
            let statement = Statement {
                orders: Some(Vec::new()),
                executions: Some(Vec::new()),
                movements: Some(Vec::new()),
                positions: Some(held),
                ..Statement::asked(paper(), ReconcileReason::Timer, rig.now)
            };
            rig.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
        } else {
            rig.quote("121");
        }
        assert_eq!(more(&mut rig, Side::Buy), [], "by the broker: {by_broker}");
    }
}

/// A feed that has gone silent is not believed over the broker's own mark, and a broker that holds something else is not either.
#[test]
fn h6_an_old_price_gives_way_to_the_brokers() {
    for (seconds, shown, state) in [
        (59, 900, TradingState::Active),
        (60, 900, TradingState::Halted),
        // A split that is not booked here yet.
        (60, 1_800, TradingState::Active),
    ] {
        let mut rig = restarted(Vec::new(), 109_000);
        rig.quote("110");
        rig.later(seconds);
        // At 100 a share 9,000 are lost.
        rig.statement(Vec::new(), Vec::new(), shown);
        rig.step(Input::Tick);
        assert_eq!(rig.engine.trading_state(), state, "{shown} shown after {seconds} s");
    }
}

/// What was last known goes on the disk with the equity, and comes back from it.
#[test]
fn last_prices_are_written_beside_the_equity() {
    let mut rig = with_a_record();
    quote_msft(&mut rig, "99");
    let effects = rig.step(Input::Tick);
    let written = effects.iter().find_map(|effect| match effect {
        Effect::Journal { entry, .. } => entry.last_prices.clone(),
        _ => None,
    });
    assert_eq!(written, Some(vec![(paper(), aapl(), 121.into()), (paper(), msft(), 99.into())]));
}

/// What went out before a start counts after it: rates hold over a restart.
#[test]
fn order_rate_holds_over_a_restart() {
    let limits = RiskLimits { orders_per_minute_max: 2, ..RiskLimits::bar_mode(CASH.into()) };
    let mut before = Rig::with(limits.clone());
    let ids = [before.sent(Side::Buy, 1), before.sent(Side::Buy, 2)];
    let orders: Vec<_> = ids.iter().map(|id| before.engine.order(*id).unwrap().clone()).collect();
    let mut after = Rig::with(limits);
    after.now = before.now;
    after.step(Input::Restored(Box::new(Restored { orders, ..Restored::default() })));
    after.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    after.quote("100");
    let denied = |rig: &mut Rig| {
        let order = rig.order(Side::Buy, 3);
        let id = order.client_order_id;
        rig.place(vec![order]);
        rig.engine.order(id).unwrap().denials.iter().any(|denial| denial.code == DenialCode::OrderRate)
    };
    assert!(denied(&mut after));
    after.later(60);
    after.quote("100");
    assert!(!denied(&mut after));
}

proptest::proptest! {
    /// Whenever they come: no second and no minute lets out more than its limit, and what closes takes nothing from what opens.
    #[test]
    fn order_rate_no_window_lets_more_out(
        pauses in proptest::collection::vec(proptest::prop_oneof![150_i64..400, 400_i64..4_000], 1..90),
        closing in proptest::bool::ANY,
    ) {
        let limits = RiskLimits {
            orders_per_second_max: 3,
            orders_per_minute_max: 20,
            ..RiskLimits::bar_mode(CASH.into())
        };
        let mut rig = Rig::with(limits);
        let mut went: Vec<Timestamp> = Vec::new();
        for (n, pause) in pauses.iter().enumerate() {
            rig.now += SignedDuration::from_millis(*pause);
            let mut quote = Quote::empty(aapl(), rig.now, Feed::Simulated);
            (quote.bid, quote.ask) = ("100".parse().ok(), "100".parse().ok());
            rig.step(Input::Quote(Box::new(quote)));
            if closing {
                // Orders that only reduce are counted by themselves, however many they are.
                let request = OrderRequest { reduce_only: true, ..rig.order(Side::Sell, 1) };
                let now = rig.now;
                let activity = &mut rig.engine.accounts.get_mut(&paper()).unwrap().activity;
                (0..30).for_each(|_| activity.record(now, &request, true));
            }
            let order = rig.order(Side::Buy, i64::try_from(n).unwrap() + 1);
            let id = order.client_order_id;
            rig.place(vec![order]);
            if rig.engine.order(id).unwrap().denials.is_empty() {
                went.push(rig.now);
            }
            for (seconds, most) in [(1, 3), (60, 20)] {
                let within = went.iter().filter(|at| rig.now.duration_since(**at) < SignedDuration::from_secs(seconds));
                proptest::prop_assert!(within.count() <= most);
            }
        }
        proptest::prop_assert!(!went.is_empty());
    }
}
