//! Whose an order is at a broker that keeps no ids of ours: by its terms, by the broker's own id, by a person's word (reliability J5).

use super::reconcile::report;
use super::rig::*;

/// A broker that keeps no ids: the order in doubt is the one with its terms, entered at its time, where there is one of each.
#[test]
fn j5_where_no_ids_are_kept_an_order_is_known_by_its_terms() {
    let minutes = |minutes: i64| SignedDuration::from_mins(minutes);
    for (change, found) in [
        (None, true),
        (
            Some(OrderReport { quantity: Quantity::from(11), ..report(None, OrderStatus::Submitted, 0) }),
            false,
        ),
        (Some(OrderReport { side: Side::Sell, ..report(None, OrderStatus::Submitted, 0) }), false),
        (
            Some(OrderReport {
                pricing: Pricing::Limit { limit_price: Price::from(101) },
                ..report(None, OrderStatus::Submitted, 0)
            }),
            false,
        ),
        (
            Some(OrderReport { entered_at: start() + minutes(2), ..report(None, OrderStatus::Submitted, 0) }),
            false,
        ),
        (
            Some(OrderReport { entered_at: start() - minutes(1), ..report(None, OrderStatus::Submitted, 0) }),
            false,
        ),
    ] {
        let mut rig = Rig::without_ids();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        rig.later(7);
        let shown = change.unwrap_or_else(|| report(None, OrderStatus::Submitted, 0));
        let what = format!("{shown:?}");
        rig.statement(vec![shown], Vec::new(), 0);
        let status = if found { OrderStatus::Submitted } else { OrderStatus::Unknown };
        assert_eq!(rig.status(id), status, "{what}");
        assert_eq!(rig.engine.order_of(&paper(), &BrokerOrderId::new("b1")) == Some(id), found, "{what}");
    }
}

/// Two orders of ours and one at the broker, or the other way round: nobody can tell, and a person is asked, once, and decides.
#[test]
fn j5_what_is_ambiguous_stays_unknown_until_a_person_decides() {
    for (ours, theirs) in [(2, 1), (1, 2), (2, 2)] {
        let mut rig = Rig::without_ids();
        let ids: Vec<ClientOrderId> = (0..ours).map(|_| rig.sent(Side::Buy, 10)).collect();
        for id in &ids {
            rig.report(*id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        }
        let named = |n: i32| OrderReport {
            broker_order_id: BrokerOrderId::new(format!("b{n}")),
            ..report(None, OrderStatus::Submitted, 0)
        };
        for _ in 0..20 {
            rig.later(10);
            rig.statement((1..=theirs).map(named).collect(), Vec::new(), 0);
        }
        for id in &ids {
            assert_eq!(rig.status(*id), OrderStatus::Unknown, "{ours} here, {theirs} there");
        }
        assert_eq!(rig.said("ORDER_AMBIGUOUS"), ids.len(), "said once of each");
        assert_eq!(rig.engine.book().working().count(), ids.len(), "nothing is adopted that may be ours");
        let settle = |order, theirs: Option<&str>| Input::Settle {
            request: RequestId(90),
            order,
            fate: match theirs {
                Some(theirs) => OrderFate::At { broker_order_id: BrokerOrderId::new(theirs) },
                None => OrderFate::NeverReached,
            },
            why: "the broker's desk says so".to_owned(),
        };
        rig.step(settle(ids[0], Some("b1")));
        assert_eq!(rig.status(ids[0]), OrderStatus::Submitted);
        for id in ids.iter().skip(1) {
            let effects = rig.step(settle(*id, Some("b1")));
            let refused = effects.iter().any(|effect| {
                matches!(effect, Effect::Answer { outcome: Outcome::Refused(why), .. } if why.contains("already"))
            });
            assert!(refused, "{effects:?}");
            rig.step(settle(*id, None));
            assert_eq!(rig.status(*id), OrderStatus::Canceled);
        }
    }
}

/// A broker that changes an order in place keeps its own id of it: the order that works is meant, not the one it replaced.
#[test]
fn r4_an_order_changed_in_place_is_the_one_that_works() {
    let mut rig = Rig::without_ids();
    let old = rig.sent(Side::Buy, 10);
    rig.report(old, acknowledged());
    let change = OrderChange { limit_price: Some(Price::from(100)), ..OrderChange::default() };
    let effects = rig.step(Input::Replace { request: RequestId(9), order: old, change });
    let effects = rig.journaled(effects);
    let new = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Replace { new, .. } => Some(new.get().client_order_id),
            _ => None,
        })
        .unwrap();
    rig.report(old, OrderEvent::Replaced { by: new });
    rig.report(new, acknowledged());
    let id = |order| rig.engine.order(order).unwrap().broker_order_id.clone();
    assert_eq!(id(old), id(new));
    let shown = OrderReport { broker_order_id: id(new).unwrap(), ..report(None, OrderStatus::Submitted, 0) };
    rig.later(6);
    let effects = rig.statement(vec![shown], Vec::new(), 0);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Cancel { .. })), "{effects:?}");
    assert_eq!((rig.status(old), rig.status(new)), (OrderStatus::Replaced, OrderStatus::Submitted));
}

/// Where no ids are kept, the order that took another's place is for less of what is left when that had filled meanwhile: it is ours still.
#[test]
fn j5_the_rest_of_a_replaced_order_is_known_by_its_terms() {
    for (there, found) in [(6, true), (10, true), (11, false)] {
        let mut rig = Rig::without_ids();
        let old = rig.sent(Side::Buy, 10);
        rig.report(old, acknowledged());
        let change = OrderChange { limit_price: Some(Price::from(100)), ..OrderChange::default() };
        let effects = rig.step(Input::Replace { request: RequestId(9), order: old, change });
        rig.journaled(effects);
        rig.report(old, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        let quantity = Quantity::from(there);
        let shown = report(None, OrderStatus::Submitted, 0);
        let shown = OrderReport { broker_order_id: BrokerOrderId::new("b2"), quantity, ..shown };
        rig.later(7);
        rig.statement(vec![shown], Vec::new(), 0);
        let ours = rig.engine.order_of(&paper(), &BrokerOrderId::new("b2"));
        let replaces = ours.and_then(|id| rig.engine.order(id)).and_then(|order| order.replaces);
        assert_eq!(replaces == Some(old), found, "{there} there");
    }
}
