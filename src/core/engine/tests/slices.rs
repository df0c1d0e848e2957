//! Orders in slices over a time: one order, whose broker keeps no id of ours for it, whatever it keeps of others.

use super::reconcile::report;
use super::rig::*;
use crate::domain::order::{OrderType, Slices};
use crate::domain::statement::BrokerUpdate;

const SLICES: Slices = Slices { minutes: 30, randomize: true, limit_price: None };

fn number() -> BrokerOrderId {
    BrokerOrderId::new("twap-7")
}

impl Rig {
    /// An account whose broker has them, and ids of ours for everything else.
    fn slicing() -> Self {
        let mut rig = Self::new();
        let setup = &mut rig.engine.accounts.get_mut(&paper()).unwrap().setup;
        setup.capabilities.order_types.push(OrderType::Twap);
        rig
    }

    fn slices(&mut self) -> OrderRequest {
        OrderRequest { pricing: Pricing::Twap(SLICES), ..self.order(Side::Buy, 10) }
    }

    /// Sent, and no answer came.
    fn in_doubt() -> (Self, ClientOrderId) {
        let mut rig = Self::slicing();
        let order = rig.slices();
        let id = order.client_order_id;
        let effects = rig.place(vec![order]);
        let sent = rig.journaled(effects);
        assert!(sent.iter().any(|effect| matches!(effect, Effect::Submit { .. })), "{sent:?}");
        rig.report(id, OrderEvent::OutcomeUnknown { reason: "no answer".to_owned() });
        (rig, id)
    }

    fn shown_slices(&self, filled: i64) -> OrderReport {
        OrderReport {
            broker_order_id: number(),
            pricing: Pricing::Twap(SLICES),
            entered_at: start() + SignedDuration::from_secs(1),
            ..report(None, OrderStatus::Submitted, filled)
        }
    }
}

#[test]
fn slices_are_denied_where_the_broker_has_none() {
    let mut rig = Rig::new();
    let order = rig.slices();
    let id = order.client_order_id;
    rig.place(vec![order]);
    let order = rig.engine.order(id).unwrap();
    assert_eq!(order.status, OrderStatus::Denied);
    let unsupported = |denial: &&crate::domain::denial::Denial| denial.code == DenialCode::Unsupported;
    let denial = order.denials.iter().find(unsupported).unwrap();
    assert!(denial.text.contains("order_type=twap"), "{}", denial.text);
}

/// Asked for by our id it would not be there: only the list can tell, and it tells by the terms.
#[test]
fn j5_slices_in_doubt_are_the_ones_of_their_terms() {
    let (mut rig, id) = Rig::in_doubt();
    let mut asked = 0;
    for _ in 0..20 {
        rig.later(1);
        for effect in rig.step(Input::Tick) {
            assert!(!matches!(effect, Effect::Ask { .. }), "{effect:?}");
            asked += usize::from(matches!(effect, Effect::Reconcile { .. }));
        }
    }
    assert!(asked > 0, "everything is asked for");
    let shown = rig.shown_slices(0);
    rig.statement(vec![shown], Vec::new(), 0);
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.status, order.broker_order_id.as_ref()), (OrderStatus::Submitted, Some(&number())));
    assert_eq!(rig.said("EXTERNAL_ORDER"), 0);
}

/// What their slices fill is theirs, by the broker's number; the last one completes them.
#[test]
fn fills_of_slices_count_to_their_order() {
    let (mut rig, id) = Rig::in_doubt();
    rig.report(id, OrderEvent::Acknowledged { broker_order_id: number() });
    for (name, quantity, status) in [
        ("s1", 4, OrderStatus::PartiallyFilled),
        ("s1", 4, OrderStatus::PartiallyFilled),
        ("s2", 6, OrderStatus::Filled),
    ] {
        let OrderEvent::Filled(fill) = fill(id, name, Side::Buy, quantity, "100") else { panic!() };
        let fill = Execution { client_order_id: None, broker_order_id: Some(number()), ..fill };
        let update = BrokerUpdate {
            account: paper(),
            broker_order_id: number(),
            at: rig.now,
            event: OrderEvent::Filled(fill),
        };
        rig.step(Input::Broker(Box::new(AccountEvent::ByBroker(update))));
        assert_eq!(rig.status(id), status, "{name}");
    }
    assert_eq!(rig.held(), 10.into());
}

/// Ones that somebody began elsewhere are shown and can be canceled.
#[test]
fn r4_slices_of_others_are_adopted() {
    let mut rig = Rig::slicing();
    rig.later(60);
    let shown = rig.shown_slices(0);
    rig.statement(vec![shown], Vec::new(), 0);
    assert_eq!(rig.said("EXTERNAL_ORDER"), 1);
    let id = rig.engine.order_of(&paper(), &number()).unwrap();
    assert_eq!(rig.engine.order(id).unwrap().handle().order_type, OrderType::Twap);
}
