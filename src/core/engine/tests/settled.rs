//! What ends a doubt that no rule could end: a comparison after a connector failed, and a person's word.

use super::rig::*;
use crate::domain::option::Leg;
use crate::domain::order::PositionEffect;

/// A connector that failed may have lost a word of its broker: nothing opens until a comparison that was asked for afterwards agrees, and the
/// failure that comes back with each question is not asked in a circle.
#[test]
fn l6_an_account_whose_connector_failed_opens_nothing_until_it_agrees() {
    let mut rig = Rig::new();
    rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    let before = rig.now;
    rig.later(6);
    rig.quote("100");
    let distrust =
        || Input::Distrust { account: paper(), reason: "the connector failed in submit".to_owned() };
    rig.step(distrust());
    assert_eq!(rig.said("CONNECTOR_FAILED"), 1);
    let denied = |rig: &mut Rig, side| {
        rig.quote("100");
        let order = rig.order(side, 1);
        let id = order.client_order_id;
        rig.place(vec![order]);
        let order = rig.engine.order(id).unwrap();
        order.denials.iter().any(|denial| denial.code == DenialCode::AccountUnreconciled)
    };
    assert!(denied(&mut rig, Side::Buy));
    let answer = |rig: &mut Rig, at: Timestamp| {
        let now = std::mem::replace(&mut rig.now, at);
        rig.statement(Vec::new(), Vec::new(), 0);
        rig.now = now;
    };
    answer(&mut rig, before);
    assert!(denied(&mut rig, Side::Buy), "it was asked before the failure");
    let asked = |effects: &Effects| effects.iter().any(|effect| matches!(effect, Effect::Reconcile { .. }));
    let mut questions = 0;
    for _ in 0..60 {
        rig.later(1);
        if asked(&rig.step(Input::Tick)) {
            questions += 1;
            assert!(!asked(&rig.step(distrust())), "not in a circle");
        }
    }
    assert!((2..=12).contains(&questions), "{questions}");
    rig.later(5);
    let now = rig.now;
    answer(&mut rig, now);
    assert!(!denied(&mut rig, Side::Buy), "it agrees");
}

fn settle(order: ClientOrderId, fate: OrderFate) -> Input {
    Input::Settle { request: RequestId(90), order, fate, why: "the broker's desk says so".to_owned() }
}

fn refusal(effects: &Effects) -> Option<String> {
    effects.iter().find_map(|effect| match effect {
        Effect::Answer { outcome: Outcome::Refused(why), .. } => Some(why.clone()),
        _ => None,
    })
}

fn at(id: &str) -> OrderFate {
    OrderFate::At { broker_order_id: BrokerOrderId::new(id) }
}

fn filled(price: &str) -> OrderFate {
    OrderFate::Filled { price: price.parse().unwrap() }
}

/// Each word does what the broker's own would have done, and is said in the log with how the person knows.
#[test]
fn j5_a_person_settles_what_no_rule_can_tell() {
    for (fate, status, held) in [
        (at("b7"), OrderStatus::Submitted, 0),
        (filled("99.5"), OrderStatus::Filled, 10),
        (OrderFate::Canceled, OrderStatus::Canceled, 0),
        (OrderFate::Rejected, OrderStatus::Rejected, 0),
        (OrderFate::NeverReached, OrderStatus::Canceled, 0),
    ] {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        let effects = rig.step(settle(id, fate.clone()));
        assert_eq!(refusal(&effects), None, "{fate}");
        assert_eq!((rig.status(id), rig.held()), (status, Quantity::from(held)), "{fate}");
        assert_eq!(rig.said("ORDER_SETTLED"), 1, "{fate}");
        let written = effects.iter().any(|effect| {
            matches!(effect, Effect::Journal { entry, .. }
                if entry.orders.iter().any(|order| order.status == status)
                    && entry.executions.len() == usize::from(held > 0))
        });
        assert!(written, "{fate}: it is in the journal: {effects:?}");
        rig.later(6);
        let asked = rig.step(Input::Tick);
        assert!(
            asked.iter().any(|effect| matches!(effect, Effect::Reconcile { .. })),
            "{fate}: compared after"
        );
        if status.is_terminal() {
            let again = refusal(&rig.step(settle(id, fate.clone()))).unwrap();
            assert!(again.contains("not in doubt"), "{fate}: {again}");
        }
    }
}

/// What could not have been, or is nobody's to say, is refused and changes nothing.
#[test]
fn j5_what_cannot_be_is_not_settled() {
    let doubtful = |partly: bool| {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        if partly {
            rig.report(id, fill(id, "x1", Side::Buy, 4, "99"));
            let effects = rig.step(Input::Cancel { request: RequestId(9), orders: vec![id] });
            rig.journaled(effects);
            rig.later(16);
        } else {
            rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        }
        (rig, id)
    };
    for (partly, fate, why) in [
        (false, filled("0"), "above 0"),
        (false, filled("101"), "limit is 100"),
        (false, at(""), "plain letters"),
        (false, at("b\u{1b}7"), "plain letters"),
        (true, OrderFate::NeverReached, "seen at the broker"),
        (true, OrderFate::Rejected, "filled in part"),
    ] {
        let (mut rig, id) = doubtful(partly);
        let before = (rig.status(id), rig.held());
        let refused = refusal(&rig.step(settle(id, fate.clone())));
        assert!(refused.as_ref().is_some_and(|text| text.contains(why)), "{fate}: {refused:?}");
        assert_eq!((rig.status(id), rig.held()), before, "{fate}");
    }
    // Working, on its way, and unknown to us.
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    for order in [id, ClientOrderId::from_u128(404)] {
        assert!(refusal(&rig.step(settle(order, OrderFate::Canceled))).is_some());
    }
    rig.report(id, acknowledged());
    assert!(refusal(&rig.step(settle(id, OrderFate::Canceled))).unwrap().contains("not in doubt"));
}

/// What was said by hand gives way to what the broker shows: a fill is exchanged for the real one, and counts once.
#[test]
fn j5_a_settled_fill_gives_way_to_the_real_one() {
    let (mut rig, id) = {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        (rig, id)
    };
    rig.step(settle(id, filled("99.5")));
    rig.report(id, fill(id, "x1", Side::Buy, 10, "99"));
    assert_eq!((rig.status(id), rig.held()), (OrderStatus::Filled, Quantity::from(10)));
    let order = rig.engine.order(id).unwrap();
    assert_eq!(order.average_price, Some(Price::from(99)), "the real price");
    assert!(order.overfill_quantity.is_zero());
}

/// Exits of an order that never came there are not there either; those of one that works stay in doubt until they are seen.
#[test]
fn j5_exits_are_settled_with_their_order() {
    for (fate, status) in [
        (OrderFate::NeverReached, OrderStatus::Canceled),
        (OrderFate::Rejected, OrderStatus::Canceled),
        (at("b7"), OrderStatus::Unknown),
    ] {
        let mut rig = Rig::new();
        rig.quote("100");
        let mut order = rig.order(Side::Buy, 10);
        let exit = ClientOrderId::from_u128(77);
        order.stop_loss = Some(BracketExit { client_order_id: exit, price: Price::from(90) });
        let id = order.client_order_id;
        let effects = rig.place(vec![order]);
        rig.journaled(effects);
        let number = |id| rig.engine.order(id).unwrap().number;
        assert!(number(id) < number(exit), "an order is numbered before its exits");
        for order in [id, exit] {
            rig.report(order, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        }
        assert_eq!(rig.status(exit), OrderStatus::Unknown);
        rig.step(settle(id, fate.clone()));
        assert_eq!(rig.status(exit), status, "{fate}");
    }
}

/// The legs of a package are told one by one. Until the last one has come the package works, and holds back what it may still cost.
#[test]
fn k4_a_package_whose_second_leg_is_late_holds_its_money_back() {
    let other = || Instrument::equity("MSFT").unwrap();
    for first in 0..2 {
        let mut rig = Rig::new();
        rig.step(Input::Instrument(Box::new(InstrumentSpec::standard(other()))));
        let mut quote = Quote::empty(other(), rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = ("50".parse().ok(), "50".parse().ok());
        rig.step(Input::Quote(Box::new(quote)));
        let leg = |instrument| Leg {
            instrument,
            side: Side::Buy,
            ratio: Decimal::ONE,
            position_effect: PositionEffect::Open,
        };
        let subject = OrderSubject::Legs(vec![leg(aapl()), leg(other())]);
        let pricing = Pricing::Limit { limit_price: Price::from(150) };
        let order = OrderRequest { subject, pricing, ..rig.order(Side::Buy, 100) };
        let id = order.client_order_id;
        let whole = rig.engine.account(&paper()).unwrap().buying_power;
        let effects = rig.place(vec![order]);
        let sent = rig.journaled(effects);
        assert!(sent.iter().any(|effect| matches!(effect, Effect::Submit { .. })), "{sent:?}");
        rig.report(id, acknowledged());
        let legs = [(aapl(), "100"), (other(), "50")];
        let told = |rig: &mut Rig, n: usize| {
            let (instrument, price) = legs[n].clone();
            let OrderEvent::Filled(fill) = fill(id, &format!("x{n}"), Side::Buy, 100, price) else {
                panic!()
            };
            rig.report(id, OrderEvent::Filled(Execution { instrument, ..fill }));
        };
        told(&mut rig, first);
        let power = |rig: &Rig| rig.engine.account(&paper()).unwrap().buying_power;
        assert_eq!(rig.status(id), OrderStatus::PartiallyFilled, "leg {first} alone");
        assert!(power(&rig) <= whole - Decimal::from(15_000), "{} of {whole} after leg {first}", power(&rig));
        // What has filled in part did reach the broker, and is not changed in place any more.
        let change = OrderChange { limit_price: Some(Price::from(151)), ..OrderChange::default() };
        let refused = rig.step(Input::Replace { request: RequestId(9), order: id, change });
        assert!(refusal(&refused).is_some_and(|text| text.contains("a leg")), "{refused:?}");
        told(&mut rig, 1 - first);
        let order = rig.engine.order(id).unwrap();
        assert_eq!((order.status, order.filled_quantity), (OrderStatus::Filled, Quantity::from(100)));
        assert_eq!((order.average_price, order.overfill_quantity), (Some(Price::from(150)), Quantity::ZERO));
        told(&mut rig, 1 - first);
        assert_eq!(rig.engine.order(id).unwrap().overfill_quantity, Quantity::ZERO, "a repeat");
    }
}
