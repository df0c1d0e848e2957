//! A person's hand on the orders of a plan: it wins, and that is said.

use super::*;
use crate::domain::execution::Reject;
use crate::domain::order::OrderType;

fn change(desk: &mut Desk, order: ClientOrderId, change: OrderChange) -> Outcome {
    desk.said.clear();
    desk.step(Input::Replace { request: RequestId(9), order, change });
    desk.said.pop().expect("every change is answered")
}

fn limit(price: &str) -> OrderChange {
    OrderChange { limit_price: price.parse().ok(), ..OrderChange::default() }
}

fn moved(price: i64) -> OrderChange {
    OrderChange { stop_price: Some(Price::from(price)), ..OrderChange::default() }
}

fn rested(plan: ExitPlan) -> (Desk, ClientOrderId) {
    let mut desk = long();
    desk.set(plan);
    desk.quote("100");
    let stop = desk.group().unwrap().resting.expect("it rests");
    (desk, stop)
}

/// A plan whose exit works at a limit, where there are no orders at the market.
fn at_work() -> (Desk, ClientOrderId) {
    let mut desk = long();
    let can = &mut desk.rig.engine.accounts.get_mut(&paper()).unwrap().setup.capabilities;
    can.order_types.retain(|kind| *kind != OrderType::Market);
    desk.deaf = true;
    desk.set(stop("5%"));
    for _ in 0..2 {
        desk.quote("94");
    }
    let exit = desk.sent.last().unwrap().client_order_id;
    desk.told(exit, acknowledged());
    (desk, exit)
}

/// Sent, and told as what stands.
fn by_hand(desk: &mut Desk, exit: ClientOrderId, price: &str) -> ClientOrderId {
    let Outcome::Orders(ids) = change(desk, exit, limit(price)) else { panic!("it is changed") };
    desk.told(ids[1], acknowledged());
    desk.told(exit, OrderEvent::Replaced { by: ids[1] });
    ids[1]
}

#[test]
fn the_price_of_an_exit_that_a_person_moved_is_left_alone() {
    let (mut desk, exit) = at_work();
    let own = by_hand(&mut desk, exit, "95");
    let sent = desk.sent.len();
    for _ in 0..40 {
        desk.quote("94");
    }
    assert_eq!((desk.sent.len(), desk.group().unwrap().order), (sent, Some(own)), "no other beside it");
    assert_eq!((desk.rig.said("EXIT_BY_HAND"), desk.rig.said("EXIT_MAKES_ROOM")), (1, 0));
    // It never closes more than is held: the quantity follows, the price stays.
    let OrderEvent::Filled(sold) = fill(own, "h1", Side::Sell, 4, "94") else { unreachable!() };
    let sold = Execution { client_order_id: None, ..sold };
    desk.step(Input::Broker(Box::new(AccountEvent::Execution(sold))));
    let smaller = desk.sent.last().unwrap().clone();
    let price = "95".parse().unwrap();
    assert_eq!(
        (smaller.quantity, smaller.pricing),
        (Quantity::from(6), Pricing::Limit { limit_price: price })
    );
    desk.told(smaller.client_order_id, acknowledged());
    desk.told(own, OrderEvent::Replaced { by: smaller.client_order_id });
    let id = smaller.client_order_id;
    desk.told(id, fill(id, "h2", Side::Sell, 6, "95"));
    assert_eq!((desk.held(), desk.group()), (0, None));
}

#[test]
fn it_is_the_plans_again_where_the_broker_refuses_the_hand() {
    let (mut desk, exit) = at_work();
    let Outcome::Orders(ids) = change(&mut desk, exit, limit("95")) else { panic!("it is changed") };
    let no = || Reject { code: "NO".into(), message: "not now".to_owned() };
    desk.told(exit, OrderEvent::ReplaceRejected(no()));
    desk.told(ids[1], OrderEvent::Rejected(no()));
    for _ in 0..10 {
        desk.quote("93");
    }
    let again = desk.sent.last().unwrap();
    assert!(again.pricing.limit_price() < "93".parse().ok(), "{again:?}");
    assert_eq!(again.quantity, Quantity::from(10));
}

#[test]
fn a_stop_that_a_person_moved_stands_there() {
    let (mut desk, stop) = rested(resting("5%"));
    assert!(matches!(change(&mut desk, stop, moved(90)), Outcome::Orders(_)));
    let group = desk.group().unwrap();
    assert_eq!((group.stop_price, desk.rig.said("EXIT_BY_HAND")), (Some(Price::from(90)), 1));
    let sent = desk.sent.len();
    for _ in 0..40 {
        desk.quote("92");
    }
    assert_eq!((desk.held(), desk.sent.len(), desk.offered()), (10, sent, Quantity::from(10)));
    for _ in 0..2 {
        desk.quote("89.5");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// Further away it follows no more; nearer it goes on.
#[test]
fn a_stop_that_follows_and_was_moved_away_follows_no_more() {
    let trail = || ExitPlan::from_line("trail=5% placement=auto").unwrap();
    let stops = Capabilities::stops_of(&[crate::domain::instrument::AssetClass::Equity], false);
    for (price, follows) in [(90, false), (97, true)] {
        let mut desk = long();
        desk.rig.engine.accounts.get_mut(&paper()).unwrap().setup.capabilities.native_stops = stops.clone();
        desk.set(trail());
        desk.quote("100");
        let stop = desk.group().unwrap().resting.expect("it rests");
        change(&mut desk, stop, moved(price));
        for _ in 0..60 {
            desk.quote("110");
        }
        let group = desk.group().unwrap();
        let stands = if follows { "104.5".parse().ok() } else { Some(Price::from(price)) };
        assert_eq!((group.stop_price, group.plan.trailing.is_some()), (stands, follows), "{price}");
    }
}

/// On the broker's own page.
#[test]
fn a_stop_that_was_moved_at_the_broker_stands_there() {
    let (mut desk, stop) = rested(resting("5%"));
    desk.deaf = true;
    let sent = desk.sent.len();
    let pricing = Pricing::Stop { stop_price: Price::from(91) };
    desk.told(stop, OrderEvent::Restated { quantity: Quantity::from(10), pricing });
    for _ in 0..40 {
        desk.quote("100");
    }
    assert_eq!((desk.group().unwrap().stop_price, desk.sent.len()), (Some(Price::from(91)), sent));
    assert_eq!(desk.rig.said("EXIT_BY_HAND"), 1);
}

#[test]
fn anything_else_about_a_stop_is_its_plans() {
    let (mut desk, stop) = rested(resting("5%"));
    let fewer = OrderChange { quantity: Some(Quantity::from(5)), ..moved(90) };
    let why = refused(change(&mut desk, stop, fewer));
    assert!(why.contains("change its stop price alone, or the plan"), "{why}");
    assert_eq!(desk.group().unwrap().stop_price, Some(Price::from(95)));
}
