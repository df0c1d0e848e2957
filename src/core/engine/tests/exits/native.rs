//! Stops that rest at the broker: sent once, moved with the position and the price, withdrawn, and never beside a second exit.

use super::*;
use crate::domain::exit::RestsAs;
use crate::domain::order::Trail;

fn trailing(distance: &str) -> ExitPlan {
    let trailing = Trailing { distance: distance.parse().unwrap(), activate_at: None, tighten: None };
    ExitPlan { trailing: Some(trailing), ..ExitPlan::default() }
}

fn rested(plan: ExitPlan) -> Desk {
    let mut desk = long();
    desk.set(plan);
    desk.quote("100");
    desk
}

fn resting_order(desk: &Desk) -> OrderRequest {
    let id = desk.group().unwrap().resting.expect("it rests");
    desk.rig.engine.order(id).unwrap().request.clone()
}

#[test]
fn a_stop_rests_at_the_broker_and_closes_without_the_engine() {
    let mut desk = rested(resting("5%"));
    let group = desk.group().unwrap();
    assert_eq!((group.rests, group.place(), group.needs_engine()), (Some(RestsAs::Stop), "BROKER", false));
    let order = resting_order(&desk);
    assert_eq!(order.pricing, Pricing::Stop { stop_price: Price::from(95) });
    assert_eq!((order.quantity, order.reduce_only), (Quantity::from(10), true));
    assert_eq!((order.origin.kind, order.time_in_force), (OriginKind::Exit, TimeInForce::Gtc));
    let sent = desk.sent.len();
    desk.quote("94.5");
    desk.quote("94.5");
    assert_eq!((desk.held(), desk.group(), desk.sent.len()), (0, None, sent));
    assert_eq!(desk.rig.said("EXIT_TRIGGERED"), 0, "the broker did it");
}

#[test]
fn a_trail_rests_as_a_trailing_stop_where_the_broker_has_one() {
    let mut desk = rested(trailing("5%"));
    let group = desk.group().unwrap();
    assert_eq!((group.rests, group.place()), (Some(RestsAs::Trail), "BROKER"));
    let trail = Trail::Percent(Decimal::from(5));
    assert_eq!(resting_order(&desk).pricing, Pricing::TrailingStop { trail });
    for price in ["105", "110", "110", "108"] {
        desk.quote(price);
    }
    assert_eq!(desk.held(), 10);
    desk.quote("104.2");
    desk.quote("104.2");
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// At most every ten seconds, and only by a thousandth or more.
#[test]
fn a_stop_that_follows_is_moved_at_the_broker_and_not_too_often() {
    let mut desk = long();
    desk.rig.engine.accounts.get_mut(&paper()).unwrap().setup.capabilities.native_stops =
        Capabilities::stops_of(&[crate::domain::instrument::AssetClass::Equity], false);
    desk.set(trailing("5%"));
    desk.quote("100");
    assert_eq!(resting_order(&desk).pricing, Pricing::Stop { stop_price: Price::from(95) });
    assert_eq!(desk.group().unwrap().place(), "BROKER+ENGINE");
    let first = desk.sent.len();
    for price in ["101", "102", "103", "104", "105"] {
        desk.quote(price);
    }
    assert_eq!(desk.sent.len(), first, "ten seconds have not passed");
    desk.rig.later(10);
    desk.quote("105");
    desk.quote("105");
    assert_eq!(desk.sent.len(), first + 1);
    assert_eq!(resting_order(&desk).pricing, Pricing::Stop { stop_price: "99.75".parse().unwrap() });
    desk.rig.later(10);
    for _ in 0..3 {
        desk.quote("105.05");
    }
    assert_eq!(desk.sent.len(), first + 1, "less than a thousandth is not worth it");
    for _ in 0..2 {
        desk.quote("99.5");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

#[test]
fn its_quantity_follows_the_position() {
    let mut desk = rested(resting("5%"));
    desk.trade(Side::Buy, 5);
    desk.quote("100");
    assert_eq!((desk.held(), resting_order(&desk).quantity), (15, Quantity::from(15)));
    desk.trade(Side::Sell, 12);
    for _ in 0..3 {
        desk.quote("100");
    }
    assert_eq!((desk.held(), resting_order(&desk).quantity), (3, Quantity::from(3)));
    assert_eq!(desk.offered(), Quantity::from(3));
    desk.trade(Side::Sell, 3);
    desk.quote("100");
    assert_eq!((desk.held(), desk.group(), desk.offered()), (0, None, Quantity::ZERO));
}

/// A target that takes a part: the stop is for the rest before the part is sold.
#[test]
fn a_partial_target_shrinks_the_stop_first() {
    let mut desk = rested(ExitPlan { take_profit: vec!["4%:0.5".parse().unwrap()], ..resting("5%") });
    assert_eq!(desk.group().unwrap().place(), "BROKER+ENGINE");
    let before = desk.sent.len();
    for _ in 0..3 {
        desk.quote("104.5");
    }
    let sent: Vec<(crate::domain::order::OrderType, Quantity)> =
        desk.sent[before..].iter().map(|order| (order.pricing.order_type(), order.quantity)).collect();
    let five = Quantity::from(5);
    use crate::domain::order::OrderType;
    assert_eq!(sent, [(OrderType::Stop, five), (OrderType::Market, five)]);
    assert_eq!((desk.held(), desk.offered(), desk.state()), (5, five, Some(ExitState::Armed)));
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// What became of the order nobody knows: it is neither gone nor sent again, and no other exit goes beside it.
#[test]
fn j6_an_unknown_stop_is_neither_gone_nor_doubled() {
    let mut desk = long();
    desk.deaf = true;
    desk.set(resting("5%"));
    let id = desk.group().unwrap().resting.unwrap();
    desk.told(id, OrderEvent::OutcomeUnknown { reason: "no answer".to_owned() });
    let sent = desk.sent.len();
    for _ in 0..60 {
        desk.quote("94");
    }
    assert_eq!((desk.sent.len(), desk.held(), desk.group().unwrap().resting), (sent, 10, Some(id)));
    assert_eq!(desk.group().unwrap().place(), "ENGINE", "nobody has said that it rests");
    // It was never there: now the exit goes.
    desk.deaf = false;
    desk.told(id, OrderEvent::NeverReached);
    for _ in 0..20 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group(), desk.offered()), (0, None, Quantity::ZERO));
}

#[test]
fn one_that_the_broker_refuses_is_watched_by_the_engine() {
    let mut desk = long();
    desk.deaf = true;
    desk.set(resting("5%"));
    let id = desk.group().unwrap().resting.unwrap();
    let reject = crate::domain::execution::Reject { code: "NO".into(), message: "no stops here".to_owned() };
    desk.told(id, OrderEvent::Rejected(reject));
    desk.deaf = false;
    let group = desk.group().unwrap();
    assert_eq!((group.place(), group.resting, desk.rig.said("EXIT_IN_ENGINE")), ("ENGINE", None, 1));
    let sent = desk.sent.len();
    desk.rig.later(30);
    desk.quote("100");
    assert_eq!(desk.sent.len(), sent, "it is not tried again");
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

#[test]
fn one_that_a_person_cancels_is_watched_by_the_engine() {
    let mut desk = rested(resting("5%"));
    let id = desk.group().unwrap().resting.unwrap();
    desk.step(Input::Cancel { request: RequestId(9), orders: vec![id] });
    desk.rig.later(30);
    desk.quote("100");
    assert_eq!((desk.group().unwrap().place(), desk.offered()), ("ENGINE", Quantity::ZERO));
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!(desk.held(), 0);
}

#[test]
fn a_restart_adopts_it_by_its_id_and_sends_no_second_one() {
    let desk = rested(resting("5%"));
    let (sent, id) = (desk.sent.len(), desk.group().unwrap().resting);
    let mut desk = desk.restarted();
    for _ in 0..30 {
        desk.quote("100");
        desk.rig.later(1);
    }
    desk.reconcile();
    desk.quote("100");
    assert_eq!((desk.sent.len(), desk.group().unwrap().resting), (sent, id));
    assert_eq!(desk.offered(), Quantity::from(10));
    desk.quote("94");
    desk.quote("94");
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// A broker that does nothing about a price beyond its stop has five seconds; then the engine takes it off and closes.
#[test]
fn the_engine_acts_where_the_broker_does_not() {
    let mut desk = rested(resting("5%"));
    let fall = |desk: &mut Desk| {
        desk.rig.now += SignedDuration::from_millis(500);
        let mut quote = Quote::empty(aapl(), desk.rig.now, desk.feed);
        (quote.bid, quote.ask) = ("90".parse().ok(), "90.02".parse().ok());
        // The venue sees nothing of it.
        desk.step(Input::Quote(Box::new(quote)));
    };
    for _ in 0..8 {
        fall(&mut desk);
    }
    assert_eq!((desk.state(), desk.held()), (Some(ExitState::Armed), 10));
    for _ in 0..8 {
        fall(&mut desk);
    }
    assert_eq!(desk.rig.said("EXIT_TRIGGERED"), 1);
    desk.quote("90");
    desk.quote("90");
    assert_eq!((desk.held(), desk.group(), desk.offered()), (0, None, Quantity::ZERO));
}

/// The stop makes way for a sale by hand; where it fills first, the sale is never sent.
#[test]
fn a_sale_by_hand_waits_until_the_stop_has_made_way() {
    let mut desk = rested(resting("5%"));
    desk.keeps = true;
    let by_hand = desk.place(Side::Sell, 10, Pricing::Market);
    assert_eq!(desk.rig.status(by_hand), OrderStatus::PendingSubmit);
    assert!(desk.sent.iter().all(|order| order.client_order_id != by_hand), "it waits");
    desk.quote("94");
    desk.quote("94");
    assert_eq!((desk.held(), desk.rig.status(by_hand)), (0, OrderStatus::Canceled));
    assert_eq!((desk.rig.said("ORDER_NOT_SENT"), desk.group()), (1, None));
    // One that is not let go in time is not sent either, and the stop stays.
    let mut desk = rested(resting("5%"));
    desk.keeps = true;
    let by_hand = desk.place(Side::Sell, 10, Pricing::Market);
    desk.rig.later(6);
    desk.quote("100");
    assert_eq!((desk.held(), desk.rig.status(by_hand)), (10, OrderStatus::Canceled));
}

#[test]
fn another_plan_moves_the_same_order() {
    let mut desk = rested(resting("5%"));
    desk.rig.later(10);
    desk.quote("100");
    desk.set(resting("3%"));
    desk.quote("100");
    assert_eq!(resting_order(&desk).pricing, Pricing::Stop { stop_price: Price::from(97) });
    assert_eq!(desk.offered(), Quantity::from(10));
}

/// Sold elsewhere while the stop fills: what that opened is closed again, and nothing more.
#[test]
fn a_position_that_the_broker_closed_twice_is_closed_a_third_time() {
    let mut desk = rested(resting("5%"));
    desk.deaf = true;
    let exit = desk.group().unwrap().resting.unwrap();
    let OrderEvent::Filled(by_hand) = fill(exit, "h1", Side::Sell, 10, "94") else { unreachable!() };
    let by_hand = Execution { client_order_id: None, ..by_hand };
    desk.step(Input::Broker(Box::new(AccountEvent::Execution(by_hand))));
    assert_eq!(desk.held(), 0);
    let event = fill(exit, "x9", Side::Sell, 10, "93.9");
    desk.told(exit, event);
    assert_eq!((desk.held(), desk.rig.said("OCO_RACE")), (-10, 1));
    let again = desk.sent.last().unwrap().clone();
    assert_eq!((again.side, again.quantity), (Side::BuyToCover, Quantity::from(10)));
    let event = fill(again.client_order_id, "x10", Side::BuyToCover, 10, "94");
    desk.told(again.client_order_id, event);
    assert_eq!((desk.held(), desk.group()), (0, None));
}

#[test]
fn where_it_cannot_rest_the_engine_watches() {
    for (case, prepare) in [
        (
            "no such order there",
            (|desk: &mut Desk| {
                let can = &mut desk.rig.engine.accounts.get_mut(&paper()).unwrap().setup.capabilities;
                can.native_stops = Vec::new();
            }) as fn(&mut Desk),
        ),
        ("not agreed with the broker", |desk| {
            desk.step(Input::BrokerStatus { account: paper(), up: true, reconciled: false });
        }),
        ("units in another order", |desk| {
            desk.place(Side::Sell, 4, Pricing::Limit { limit_price: Price::from(120) });
        }),
    ] {
        let mut desk = long();
        prepare(&mut desk);
        desk.set(resting("5%"));
        desk.quote("100");
        let group = desk.group().unwrap();
        assert_eq!((group.place(), group.resting), ("ENGINE", None), "{case}");
    }
}

/// The exit of a target fills while a person closes the rest: the stop does not stay behind at the broker.
#[test]
fn no_stop_is_left_behind_when_the_plan_is_done() {
    let mut desk = rested(ExitPlan { take_profit: vec!["4%:0.5".parse().unwrap()], ..resting("5%") });
    for _ in 0..2 {
        desk.quote("104.5");
    }
    desk.trade(Side::Sell, desk.held());
    for _ in 0..3 {
        desk.quote("104.5");
    }
    assert_eq!((desk.held(), desk.group(), desk.offered()), (0, None, Quantity::ZERO));
    for _ in 0..3 {
        desk.quote("90");
    }
    assert_eq!(desk.held(), 0);
}
