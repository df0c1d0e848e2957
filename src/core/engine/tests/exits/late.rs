//! Words that come late, or contradict what was said before: no stop stays behind, none is for the wrong side, and what a late fill opens is
//! closed again.

use super::super::reconcile::report;
use super::*;

fn rested(plan: ExitPlan) -> Desk {
    let mut desk = long();
    desk.set(plan);
    desk.quote("100");
    desk
}

fn resting_id(desk: &Desk) -> ClientOrderId {
    desk.group().unwrap().resting.expect("it rests")
}

/// Somebody sells so many units elsewhere. `stop` only gives the fill its form.
fn sold_by_hand(desk: &mut Desk, stop: ClientOrderId, units: i64) {
    let OrderEvent::Filled(sold) = fill(stop, "h1", Side::Sell, units, "100") else { unreachable!() };
    let sold = Execution { client_order_id: None, ..sold };
    desk.step(Input::Broker(Box::new(AccountEvent::Execution(sold))));
}

/// The broker takes no cancel for now.
fn busy() -> OrderEvent {
    let reject = crate::domain::execution::Reject { code: "BUSY".into(), message: "try again".to_owned() };
    OrderEvent::CancelRejected(reject)
}

/// Sold by hand once the broker had said that the stop is gone; and the stop has filled all the same.
fn filled_after_its_end() -> Desk {
    let mut desk = rested(resting("5%"));
    let stop = resting_id(&desk);
    desk.trade(Side::Sell, 10);
    desk.quote("100");
    assert_eq!((desk.held(), desk.group(), desk.rig.status(stop)), (0, None, OrderStatus::Canceled));
    desk.deaf = true;
    desk.told(stop, fill(stop, "late", Side::Sell, 10, "95"));
    assert_eq!((desk.held(), desk.rig.said("OCO_RACE")), (-10, 1));
    desk
}

#[test]
fn what_an_exit_opens_after_its_plan_has_ended_is_closed_again() {
    let mut desk = filled_after_its_end();
    let before = desk.sent.len();
    for _ in 0..6 {
        desk.quote("100");
    }
    assert_eq!(desk.sent.len(), before, "what is on its way has four seconds");
    for _ in 0..20 {
        desk.quote("100");
    }
    assert_eq!(desk.sent.len(), before, "and nothing goes before the broker's positions show it");
    desk.shows(0);
    assert_eq!(desk.sent.len(), before, "they do not");
    desk.rig.later(1);
    desk.quote("100");
    desk.shows(-10);
    let again = desk.sent.last().unwrap().clone();
    assert_eq!((desk.sent.len(), again.side, again.quantity), (before + 1, Side::BuyToCover, 10.into()));
    assert!(again.reduce_only);
    desk.told(again.client_order_id, fill(again.client_order_id, "back", Side::BuyToCover, 10, "100"));
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// The purchase behind it was reported late: nothing is to be closed again.
#[test]
fn what_the_next_word_explains_is_left_alone() {
    let mut desk = filled_after_its_end();
    let before = desk.sent.len();
    let OrderEvent::Filled(bought) = fill(ClientOrderId::from_u128(3), "b9", Side::Buy, 10, "99") else {
        unreachable!()
    };
    let bought = Execution { client_order_id: None, ..bought };
    desk.step(Input::Broker(Box::new(AccountEvent::Execution(bought))));
    for _ in 0..20 {
        desk.quote("100");
    }
    assert_eq!((desk.held(), desk.group(), desk.sent.len()), (0, None, before));
}

/// A restart goes on with it.
#[test]
fn j7_what_is_to_be_closed_again_is_closed_after_a_restart() {
    let mut desk = filled_after_its_end().restarted();
    desk.deaf = true;
    for _ in 0..12 {
        desk.quote("100");
    }
    desk.shows(-10);
    let again = desk.sent.last().unwrap();
    assert_eq!((again.side, again.quantity), (Side::BuyToCover, Quantity::from(10)));
}

/// The position was turned around at the broker while its stop would not go: a stop that sells is no stop of a short position.
#[test]
fn a_stop_of_the_wrong_side_is_taken_off_and_never_moved() {
    let mut desk = rested(resting("5%"));
    let stop = resting_id(&desk);
    desk.keeps = true;
    sold_by_hand(&mut desk, stop, 20);
    assert_eq!((desk.held(), desk.rig.status(stop)), (-10, OrderStatus::PendingCancel));
    desk.set(resting("5%"));
    let sent = desk.sent.len();
    desk.told(stop, busy());
    for _ in 0..40 {
        desk.quote("100");
    }
    assert_eq!((desk.rig.status(stop), desk.sent.len()), (OrderStatus::PendingCancel, sent));
    assert_eq!((desk.sent.len(), resting_id(&desk)), (sent, stop), "none beside it while it may be there");
    // It is gone: the short position's own stop goes.
    desk.told(stop, OrderEvent::Canceled { reason: None });
    for _ in 0..40 {
        desk.quote("100");
    }
    let own = desk.sent.last().unwrap();
    assert_eq!((own.side, own.pricing), (Side::BuyToCover, Pricing::Stop { stop_price: Price::from(105) }));
}

/// The position is gone, and the broker refuses each cancel of its stop at once: it is asked again after a second, and then less and less
/// often, until it does.
#[test]
fn a_cancel_that_is_refused_at_once_is_asked_for_again_after_a_pause() {
    let mut desk = rested(resting("5%"));
    let stop = resting_id(&desk);
    desk.keeps = true;
    sold_by_hand(&mut desk, stop, 10);
    assert_eq!((desk.held(), desk.canceled.as_slice()), (0, &[stop][..]));
    let mut pauses = Vec::new();
    let mut since = desk.rig.now;
    for _ in 0..80 {
        if desk.rig.status(stop) == OrderStatus::PendingCancel {
            pauses.push(desk.rig.now.duration_since(since).as_secs());
            since = desk.rig.now;
            desk.told(stop, busy());
            assert_eq!(
                desk.rig.status(stop),
                OrderStatus::Submitted,
                "not asked for again in the same breath"
            );
        }
        desk.quote("100");
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8, 10, 10]);
    assert_eq!(desk.canceled.len(), pauses.len());
    desk.told(stop, OrderEvent::Canceled { reason: None });
    desk.quote("100");
    assert_eq!((desk.group(), desk.canceled.len()), (None, pauses.len()));
}

/// A new position with a plan of its own while the stop of the one before is on its way out: that one is not forgotten.
#[test]
fn a_new_plan_takes_over_what_the_old_one_has_at_the_broker() {
    let mut desk = rested(resting("5%"));
    let stop = resting_id(&desk);
    desk.keeps = true;
    sold_by_hand(&mut desk, stop, 10);
    assert_eq!((desk.held(), desk.rig.status(stop)), (0, OrderStatus::PendingCancel));
    let plan = ExitPlan::from_line("stop=3%").unwrap();
    let order = OrderRequest { exit_plan: Some(Box::new(plan)), ..desk.rig.order(Side::Buy, 10) };
    let order = OrderRequest { pricing: Pricing::Market, ..order };
    desk.rig.requests += 1;
    desk.step(Input::Place { request: RequestId(desk.rig.requests), orders: vec![order] });
    desk.settle();
    assert_eq!((desk.held(), resting_id(&desk)), (10, stop));
    let stops = |desk: &Desk| desk.sent.iter().filter(|order| order.pricing.stop_price().is_some()).count();
    assert_eq!(stops(&desk), 1, "no second one beside it");
    desk.told(stop, OrderEvent::Canceled { reason: None });
    for _ in 0..30 {
        desk.quote("100");
    }
    assert_eq!((stops(&desk), desk.group().unwrap().stop_price), (2, "97".parse().ok()));
}

/// A change of the stop is on its way when its plan is taken off, and the broker refuses the change: the stop that works on is canceled.
#[test]
fn no_stop_stays_behind_when_its_change_is_refused() {
    let mut desk = rested(resting("5%"));
    let old = resting_id(&desk);
    desk.rig.later(10);
    desk.quote("100");
    desk.deaf = true;
    desk.set(resting("3%"));
    let new = resting_id(&desk);
    assert_ne!(old, new);
    let change = ExitChange::Clear { account: paper(), instrument: aapl() };
    desk.step(Input::Exit { request: RequestId(2), change: Box::new(change) });
    let reject = crate::domain::execution::Reject { code: "NO".into(), message: "not now".to_owned() };
    desk.told(old, OrderEvent::ReplaceRejected(reject.clone()));
    desk.told(new, OrderEvent::Rejected(reject));
    assert_eq!(desk.rig.status(old), OrderStatus::PendingCancel);
}

/// The fill of one part's exit is shown by the broker's order alone at first: the other part is no part of it, then or when the real one comes.
#[test]
fn r4_an_inferred_fill_closes_the_part_that_it_was_for() {
    let mut desk = Desk::new();
    let plan = ExitPlan::from_line("stop=5% placement=engine scale_in=separate").unwrap();
    let order = OrderRequest { exit_plan: Some(Box::new(plan)), ..desk.rig.order(Side::Buy, 4) };
    let order = OrderRequest { pricing: Pricing::Market, ..order };
    desk.rig.requests += 1;
    desk.step(Input::Place { request: RequestId(desk.rig.requests), orders: vec![order] });
    desk.settle();
    desk.quote("110");
    desk.trade(Side::Buy, 6);
    desk.deaf = true;
    for _ in 0..2 {
        desk.quote("104");
    }
    let exit = desk.sent.last().unwrap().clone();
    assert_eq!((exit.side, exit.quantity), (Side::Sell, Quantity::from(6)));
    let (id, sent) = (exit.client_order_id, desk.sent.len());
    desk.told(id, acknowledged());
    desk.rig.later(6);
    let shown = OrderReport {
        side: Side::Sell,
        quantity: Quantity::from(6),
        pricing: Pricing::Market,
        average_price: Some(Price::from(104)),
        ..report(Some(id), OrderStatus::Filled, 6)
    };
    let statement = Statement {
        orders: Some(vec![shown]),
        executions: Some(Vec::new()),
        movements: Some(Vec::new()),
        positions: Some(desk.rig.position(4)),
        ..Statement::asked(paper(), ReconcileReason::Timer, desk.rig.now)
    };
    desk.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
    let parts = |desk: &Desk| desk.disk.exits.iter().map(|group| group.part.to_string()).collect::<Vec<_>>();
    assert_eq!((desk.held(), parts(&desk)), (4, vec![String::new()]));
    for _ in 0..20 {
        desk.quote("104");
    }
    assert_eq!(desk.sent.len(), sent, "the other part is not sold");
    desk.told(id, fill(id, "real", Side::Sell, 6, "104"));
    for _ in 0..20 {
        desk.quote("104");
    }
    assert_eq!((desk.held(), desk.sent.len(), parts(&desk)), (4, sent, vec![String::new()]));
}

/// The exits of a bracket make room for the exit of a plan; one of them had filled all the same. So had an order by hand.
#[test]
fn what_made_room_and_filled_late_is_closed_again() {
    for by_hand in [false, true] {
        let mut desk = Desk::new();
        let late = if by_hand {
            desk.trade(Side::Buy, 10);
            desk.place(Side::Sell, 10, Pricing::Limit { limit_price: Price::from(120) })
        } else {
            let order = OrderRequest { pricing: Pricing::Market, ..desk.rig.order(Side::Buy, 10) };
            let exit = BracketExit { client_order_id: ClientOrderId::from_u128(77), price: Price::from(120) };
            let order = OrderRequest { take_profit: Some(exit), ..order };
            desk.step(Input::Place { request: RequestId(50), orders: vec![order] });
            desk.settle();
            ClientOrderId::from_u128(77)
        };
        desk.set(stop("5%"));
        for _ in 0..4 {
            desk.quote("94");
        }
        assert_eq!((desk.held(), desk.group(), desk.rig.status(late)), (0, None, OrderStatus::Canceled));
        assert_eq!(desk.rig.said("EXIT_MAKES_ROOM"), 1, "by hand: {by_hand}");
        desk.deaf = true;
        desk.told(late, fill(late, "late", Side::Sell, 6, "120"));
        desk.told(late, fill(late, "later", Side::Sell, 4, "120"));
        assert_eq!((desk.held(), desk.rig.said("OCO_RACE")), (-10, 1));
        for _ in 0..12 {
            desk.quote("94");
        }
        desk.shows(-10);
        let again = desk.sent.last().unwrap();
        assert_eq!(
            (again.side, again.quantity),
            (Side::BuyToCover, Quantity::from(10)),
            "by hand: {by_hand}"
        );
    }
}

/// The fill of a bracket's exit comes before that of its entry: nothing was closed twice.
#[test]
fn e2_an_exit_told_of_before_its_entry_is_no_race() {
    let mut desk = Desk::new();
    desk.deaf = true;
    let exit = ClientOrderId::from_u128(77);
    let take_profit = Some(BracketExit { client_order_id: exit, price: Price::from(120) });
    let order = OrderRequest { take_profit, ..desk.rig.order(Side::Buy, 10) };
    let entry = order.client_order_id;
    desk.step(Input::Place { request: RequestId(50), orders: vec![order] });
    desk.told(entry, acknowledged());
    let sent = desk.sent.len();
    desk.told(exit, fill(exit, "x1", Side::Sell, 10, "120"));
    assert_eq!((desk.held(), desk.rig.said("OCO_RACE")), (-10, 0));
    desk.told(entry, fill(entry, "x0", Side::Buy, 10, "100"));
    for _ in 0..12 {
        desk.quote("100");
    }
    assert_eq!((desk.held(), desk.group(), desk.sent.len()), (0, None, sent));
}
