//! What goes wrong once a plan is set off: a restart, an order that never arrived, a broker that refuses, two orders that close at once.

use super::*;

#[test]
fn a_restart_goes_on_where_it_was() {
    let trail = Trailing { distance: "5%".parse().unwrap(), activate_at: None, tighten: None };
    let mut desk = long();
    desk.set(ExitPlan { trailing: Some(trail), placement: Placement::Engine, ..ExitPlan::default() });
    for _ in 0..3 {
        desk.quote("110");
    }
    let before = desk.group().unwrap().stop_price.unwrap();
    assert_eq!(before.to_string(), "104.5");
    let mut desk = desk.restarted();
    desk.quote("108");
    assert_eq!(desk.group().unwrap().stop_price, Some(before));
    for _ in 0..2 {
        desk.quote("104");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// Set off, its order written down, and the process killed before it could be sent: the next engine closes the position.
#[test]
fn j7_what_was_set_off_and_not_sent_is_sent_after_a_restart() {
    let mut desk = long();
    desk.set(stop("5%"));
    desk.deaf = true;
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.state()), (10, Some(ExitState::Working)));
    let mut desk = desk.restarted();
    desk.deaf = false;
    // The order is looked for; its broker has never seen it.
    for _ in 0..40 {
        desk.rig.later(1);
        desk.quote("94");
        let unknown: Vec<ClientOrderId> = desk
            .rig
            .engine
            .book()
            .working()
            .map(|order| order.request.client_order_id)
            .filter(|id| desk.venue.order(*id).is_none())
            .collect();
        for id in unknown {
            let update = OrderUpdate {
                account: paper(),
                client_order_id: id,
                at: desk.rig.now,
                event: OrderEvent::NotFound,
            };
            desk.step(Input::Broker(Box::new(AccountEvent::Order(update))));
        }
        desk.reconcile();
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
    assert_eq!(desk.venue.positions().len(), 0);
}

#[test]
fn an_exit_that_does_not_get_out_is_said_once_and_tried_on() {
    let mut desk = long();
    desk.set(stop("5%"));
    desk.deaf = true;
    // The broker refuses each of its orders.
    for _ in 0..100 {
        desk.quote("94");
        let pending: Vec<ClientOrderId> =
            desk.rig.engine.book().working().map(|order| order.request.client_order_id).collect();
        for id in pending {
            let reject = crate::domain::execution::Reject { code: "NO".into(), message: "no".to_owned() };
            let event = OrderEvent::Rejected(reject);
            let update = OrderUpdate { account: paper(), client_order_id: id, at: desk.rig.now, event };
            desk.step(Input::Broker(Box::new(AccountEvent::Order(update))));
        }
    }
    assert_eq!((desk.state(), desk.rig.said("EXIT_STUCK")), (Some(ExitState::Stuck), 1));
    assert!(desk.rang.iter().any(|line| line.contains("does not get out after 5 tries")), "{:?}", desk.rang);
    let tried = desk.sent.len();
    desk.deaf = false;
    for _ in 0..30 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None), "{tried} orders before");
}

/// Two orders close it at once, and the position stands on the other side: what that opened is closed again, and nothing more.
#[test]
fn a_position_that_was_closed_twice_is_closed_a_third_time() {
    let mut desk = long();
    desk.set(stop("5%"));
    desk.deaf = true;
    for _ in 0..2 {
        desk.quote("94");
    }
    let exit = desk.sent.last().unwrap().client_order_id;
    // It was sold by hand elsewhere, and the exit fills all the same.
    let OrderEvent::Filled(by_hand) = fill(exit, "h1", Side::Sell, 10, "94") else { unreachable!() };
    let by_hand = Execution { client_order_id: None, ..by_hand };
    desk.step(Input::Broker(Box::new(AccountEvent::Execution(by_hand))));
    assert_eq!(desk.held(), 0);
    let event = fill(exit, "x9", Side::Sell, 10, "93.9");
    let update = OrderUpdate { account: paper(), client_order_id: exit, at: desk.rig.now, event };
    desk.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    assert_eq!((desk.held(), desk.rig.said("OCO_RACE")), (-10, 1));
    let group = desk.group().unwrap();
    assert_eq!((group.reason, group.long), (Some(ExitReason::Race), false));
    let again = desk.sent.last().unwrap().clone();
    assert_eq!((again.side, again.quantity), (Side::BuyToCover, Quantity::from(10)));
    let event = fill(again.client_order_id, "x10", Side::BuyToCover, 10, "94");
    let update =
        OrderUpdate { account: paper(), client_order_id: again.client_order_id, at: desk.rig.now, event };
    desk.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    assert_eq!((desk.held(), desk.group()), (0, None));
}
