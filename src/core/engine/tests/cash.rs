//! Orders for an amount of money: how many units that is, the fills say.

use super::rig::*;

/// An order for 500 dollars of AAPL, estimated at 5 shares: it fills 3, then 2.02, and only the broker's word says that this was all.
#[test]
fn an_amount_of_money_is_done_when_the_broker_says_so() {
    let for_money = |rig: &mut Rig| {
        rig.engine.accounts.get_mut(&paper()).unwrap().setup.capabilities.notional = true;
        rig.step(Input::Instrument(Box::new(InstrumentSpec {
            quantity_increment: Decimal::new(1, 2),
            quantity_min: Decimal::new(1, 2),
            ..InstrumentSpec::standard(aapl())
        })));
        let order = OrderRequest {
            cash_order_quantity: Some(Decimal::from(500)),
            pricing: Pricing::Market,
            time_in_force: TimeInForce::Day,
            ..rig.order(Side::Buy, 5)
        };
        let id = order.client_order_id;
        let effects = rig.place(vec![order]);
        let sent = rig.journaled(effects);
        assert_eq!(orders_sent(&sent), [id]);
        rig.report(id, acknowledged());
        id
    };
    let part = |id, name: &str, units: &str, price: &str| {
        let OrderEvent::Filled(execution) = fill(id, name, Side::Buy, 1, price) else { panic!("no fill") };
        Execution {
            quantity: units.parse().unwrap(),
            broker_order_id: Some(BrokerOrderId::new("b1")),
            fee: Decimal::ZERO,
            ..execution
        }
    };
    let whole: Quantity = "5.02".parse().unwrap();

    // By the stream: the units of the estimate do not end it, nor do more of them.
    let mut rig = Rig::new();
    let id = for_money(&mut rig);
    rig.report(id, OrderEvent::Filled(part(id, "x1", "3", "99.5")));
    assert_eq!(rig.engine.order(id).unwrap().leaves_quantity(), Quantity::from(2));
    rig.report(id, OrderEvent::Filled(part(id, "x2", "2.02", "99.75")));
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.status, order.overfill_quantity), (OrderStatus::PartiallyFilled, Quantity::ZERO));
    rig.report(id, OrderEvent::QuantityChanged { quantity: whole });
    let order = rig.engine.order(id).unwrap();
    assert_eq!(
        (order.status, order.request.quantity, order.filled_quantity),
        (OrderStatus::Filled, whole, whole)
    );
    assert_eq!(order.request.cash_order_quantity, Some(Decimal::from(500)));
    // A replace of one would have to say in what.
    let replaced =
        rig.step(Input::Replace { request: RequestId(9), order: id, change: OrderChange::default() });
    assert!(orders_sent(&replaced).is_empty());

    // By asking: what works is left alone, and the end is taken once all of it is in the books.
    let mut rig = Rig::new();
    let id = for_money(&mut rig);
    let shown = |status, filled: &str| OrderReport {
        pricing: Pricing::Market,
        client_order_id: Some(id),
        broker_order_id: BrokerOrderId::new("b1"),
        status,
        subject: OrderSubject::Instrument(aapl()),
        side: Side::Buy,
        quantity: filled.parse().unwrap(),
        filled_quantity: filled.parse().unwrap(),
        average_price: Some("99.6".parse().unwrap()),
        time_in_force: TimeInForce::Day,
        entered_at: start(),
        native_type: None,
        oco_group: None,
    };
    rig.now += SignedDuration::from_secs(6);
    rig.statement(vec![shown(OrderStatus::PartiallyFilled, "3")], vec![part(id, "x1", "3", "99.5")], 3);
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.status, order.request.quantity), (OrderStatus::PartiallyFilled, Quantity::from(5)));
    rig.now += SignedDuration::from_secs(6);
    let all = || vec![part(id, "x1", "3", "99.5"), part(id, "x2", "2.02", "99.75")];
    rig.statement(vec![shown(OrderStatus::Filled, "5.02")], all(), 5);
    let order = rig.engine.order(id).unwrap();
    assert_eq!(
        (order.status, order.request.quantity, order.filled_quantity),
        (OrderStatus::Filled, whole, whole)
    );
}
