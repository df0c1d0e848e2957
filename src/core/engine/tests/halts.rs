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
