//! Orders of other programs that our types have no words for.

use super::reconcile::report;
use super::rig::*;

/// What the broker calls it is shown beside the type, follows what the broker says, and keeps a replace from losing what it means.
#[test]
fn an_order_of_others_that_is_more_than_its_type_says_so_and_is_not_changed() {
    let bracket = |stop: &str| OrderReport {
        native_type: Some(format!("bracket: profit 100, stop {stop}").into()),
        ..report(None, OrderStatus::Submitted, 0)
    };
    let mut rig = Rig::new();
    rig.now = start() + SignedDuration::from_secs(20);
    for _ in 0..2 {
        rig.later(1);
        rig.statement(vec![bracket("90")], Vec::new(), 0);
    }
    let order = rig.engine.book().working().next().unwrap().clone();
    assert_eq!(order.native_type.as_deref(), Some("bracket: profit 100, stop 90"));
    let (id, number) = (order.request.client_order_id, order.number);
    let replace = |rig: &mut Rig| {
        let change = OrderChange { limit_price: Some(Price::from(101)), ..OrderChange::default() };
        rig.step(Input::Replace { request: RequestId(91), order: id, change })
    };
    let effects = replace(&mut rig);
    let said = effects.iter().find_map(|effect| match effect {
        Effect::Answer { outcome: Outcome::Refused(text), .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(
        said.unwrap(),
        format!(
            "order {number} was entered elsewhere and is more than can be changed here (bracket: profit 100, stop 90); change it there, or cancel it"
        )
    );
    // Changed there, it is shown changed; once it is plain again, it is an order as any.
    rig.later(1);
    rig.statement(vec![bracket("95")], Vec::new(), 0);
    let native = |rig: &Rig| rig.engine.order(id).unwrap().native_type.clone();
    assert_eq!(native(&rig).as_deref(), Some("bracket: profit 100, stop 95"));
    rig.later(1);
    rig.statement(vec![report(None, OrderStatus::Submitted, 0)], Vec::new(), 0);
    assert_eq!(native(&rig), None);
    let effects = replace(&mut rig);
    let sent = rig.journaled(effects);
    assert!(
        sent.iter().any(|effect| matches!(effect, Effect::Replace { order, .. } if *order == id)),
        "{sent:?}"
    );
}

/// A stop and a target that were entered elsewhere as a pair, of which one cancels the other: together they sell what is held once. Two orders
/// that nothing binds sell it twice, and hold money back for the second.
#[test]
fn a_pair_of_others_of_which_one_cancels_the_other_counts_once() {
    let shown = |id: &str, pricing, oco_group: Option<&str>| OrderReport {
        broker_order_id: BrokerOrderId::new(id),
        side: Side::Sell,
        quantity: Quantity::from(20),
        pricing,
        oco_group: oco_group.map(BrokerOrderId::new),
        ..report(None, OrderStatus::Submitted, 0)
    };
    for (group, counted) in [(Some("b7"), 20), (None, 40)] {
        let mut rig = Rig::new();
        rig.now = start() + SignedDuration::from_secs(20);
        for _ in 0..4 {
            rig.later(6);
            let target = shown("b7", Pricing::Limit { limit_price: Price::from(110) }, group);
            let stop = shown("b8", Pricing::Stop { stop_price: Price::from(90) }, group);
            rig.statement(vec![target, stop], Vec::new(), 20);
        }
        let found: Vec<Order> = rig.engine.book().working().cloned().collect();
        assert_eq!(found.len(), 2, "{found:?}");
        let groups: Vec<_> = found.iter().map(|order| order.request.contingency.oco_group).collect();
        assert_eq!((groups[0] == groups[1], groups[0].is_some()), (true, group.is_some()));
        assert_eq!(rig.engine.position(&paper(), &aapl()).unwrap().quantity, Quantity::from(20));
        let reserved = rig.engine.account(&paper()).unwrap().reserved;
        assert_eq!(reserved.is_zero(), counted == 20, "{reserved}");
    }
}
