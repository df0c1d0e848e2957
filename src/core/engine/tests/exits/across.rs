//! What stands in an exit's way: own orders on the other side, a market whose sides are too far apart, a broker that makes a stop another size
//! or refuses each change of it.

use super::*;
use crate::domain::execution::Reject;

fn no() -> Reject {
    Reject { code: "NO".into(), message: "not now".to_owned() }
}

fn stop_id(desk: &Desk) -> ClientOrderId {
    desk.group().unwrap().resting.expect("it rests")
}

/// A bid of ours at the price at which the exit sells: brokers refuse what would trade with itself, so that the bid goes and the exit does not wait.
#[test]
fn an_exit_is_not_kept_in_by_an_own_order_on_the_other_side() {
    let mut desk = long();
    desk.deaf = true;
    let bid = desk.place(Side::Buy, 5, Pricing::Limit { limit_price: Price::from(95) });
    desk.told(bid, acknowledged());
    desk.set(stop("5%"));
    for _ in 0..2 {
        desk.quote("94");
    }
    let exit = desk.sent.last().unwrap();
    assert_eq!((exit.side, exit.quantity, exit.pricing), (Side::Sell, Quantity::from(10), Pricing::Market));
    assert_eq!((desk.rig.status(bid), desk.rig.said("EXIT_MAKES_ROOM")), (OrderStatus::PendingCancel, 1));
    assert_eq!(desk.rig.said("WASH_CROSS"), 0);
}

/// Nobody knows whether an own bid is at the broker: the stop is not kept in for that.
#[test]
fn an_exit_is_not_kept_in_by_an_order_in_doubt() {
    let mut desk = long();
    desk.deaf = true;
    let bid = desk.place(Side::Buy, 5, Pricing::Limit { limit_price: Price::from(95) });
    desk.told(bid, OrderEvent::OutcomeUnknown { reason: "no answer".to_owned() });
    desk.set(stop("5%"));
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!(desk.sent.last().map(|exit| (exit.side, exit.quantity)), Some((Side::Sell, 10.into())));
    // Anybody else's sale is denied as before.
    let mut desk = long();
    desk.deaf = true;
    let bid = desk.place(Side::Buy, 5, Pricing::Limit { limit_price: Price::from(100) });
    desk.told(bid, OrderEvent::OutcomeUnknown { reason: "no answer".to_owned() });
    let sale = desk.place(Side::Sell, 5, Pricing::Limit { limit_price: Price::from(100) });
    assert_eq!(desk.rig.status(sale), OrderStatus::Denied);
}

/// At the market it would be denied: it goes by a limit beyond the bid.
#[test]
fn an_exit_leaves_a_wide_market_by_a_limit() {
    let mut desk = long();
    desk.deaf = true;
    desk.set(stop("5%"));
    for volume in [1, 2, 3] {
        desk.rig.now += SignedDuration::from_millis(500);
        let mut quote = Quote::empty(aapl(), desk.rig.now, desk.feed);
        (quote.bid, quote.ask, quote.last) = ("90".parse().ok(), "94".parse().ok(), "91".parse().ok());
        quote.volume = Quantity::from(volume);
        desk.see(quote);
    }
    let exit = desk.sent.last().unwrap();
    let limit_price = "89.1".parse().unwrap();
    assert_eq!((exit.side, exit.pricing), (Side::Sell, Pricing::Limit { limit_price }));
    assert_eq!(desk.rig.said("SPREAD_TOO_WIDE"), 0);
}

/// A broker that makes the stop smaller is asked to enlarge it every ten seconds, and not at once and again without end.
#[test]
fn a_stop_that_its_broker_makes_smaller_is_asked_for_every_ten_seconds() {
    let mut desk = long();
    desk.deaf = true;
    desk.set(resting("5%"));
    let mut stop = stop_id(&desk);
    desk.told(stop, acknowledged());
    let before = desk.sent.len();
    for _ in 0..2 {
        desk.told(stop, OrderEvent::QuantityChanged { quantity: Quantity::from(7) });
        let sent = desk.sent.len();
        for _ in 0..16 {
            desk.quote("100");
        }
        assert_eq!((desk.sent.len(), stop_id(&desk)), (sent, stop), "eight seconds");
        for _ in 0..6 {
            desk.quote("100");
        }
        let asked = desk.sent.last().unwrap().clone();
        assert_eq!((desk.sent.len(), asked.quantity), (sent + 1, Quantity::from(10)));
        let old = std::mem::replace(&mut stop, asked.client_order_id);
        desk.told(stop, acknowledged());
        desk.told(old, OrderEvent::Replaced { by: stop });
    }
    assert_eq!(desk.sent.len(), before + 2);
    // What is refused is asked for no more often.
    desk.told(stop, OrderEvent::QuantityChanged { quantity: Quantity::from(7) });
    let sent = desk.sent.len();
    let mut seen = sent;
    for _ in 0..60 {
        desk.quote("100");
        if desk.sent.len() > seen {
            seen = desk.sent.len();
            let asked = desk.sent.last().unwrap().client_order_id;
            desk.told(stop, OrderEvent::ReplaceRejected(no()));
            desk.told(asked, OrderEvent::Rejected(no()));
        }
    }
    assert!((2..=4).contains(&(desk.sent.len() - sent)), "{} in half a minute", desk.sent.len() - sent);
}

/// It is for more than is held, and its broker will not make it smaller: it goes whole.
#[test]
fn a_stop_that_cannot_be_made_smaller_goes() {
    let mut desk = long();
    desk.deaf = true;
    desk.set(resting("5%"));
    let stop = stop_id(&desk);
    desk.told(stop, acknowledged());
    let OrderEvent::Filled(sold) = fill(stop, "h1", Side::Sell, 4, "100") else { unreachable!() };
    let sold = Execution { client_order_id: None, ..sold };
    desk.step(Input::Broker(Box::new(AccountEvent::Execution(sold))));
    let smaller = desk.sent.last().unwrap().clone();
    assert_eq!((desk.held(), smaller.quantity), (6, Quantity::from(6)));
    desk.told(stop, OrderEvent::ReplaceRejected(no()));
    desk.told(smaller.client_order_id, OrderEvent::Rejected(no()));
    assert_eq!(desk.rig.status(stop), OrderStatus::PendingCancel);
    desk.told(stop, OrderEvent::Canceled { reason: None });
    for _ in 0..4 {
        desk.quote("100");
    }
    let own = desk.sent.last().unwrap();
    assert_eq!((own.quantity, stop_id(&desk)), (Quantity::from(6), own.client_order_id));
}

/// A bracket buys more: its exits close what it bought, and the stop of the plan stays at what it was for. Once they are gone it is for all.
#[test]
fn a_stop_is_not_for_what_a_brackets_exits_close() {
    let mut desk = long();
    desk.set(resting("5%"));
    desk.quote("100");
    let exit = ClientOrderId::from_u128(77);
    let order = OrderRequest { pricing: Pricing::Market, ..desk.rig.order(Side::Buy, 8) };
    let take_profit = Some(BracketExit { client_order_id: exit, price: Price::from(120) });
    desk.step(Input::Place { request: RequestId(50), orders: vec![OrderRequest { take_profit, ..order }] });
    desk.settle();
    for _ in 0..30 {
        desk.quote("100");
        assert_eq!((desk.held(), desk.offered()), (18, Quantity::from(18)));
    }
    desk.step(Input::Cancel { request: RequestId(51), orders: vec![exit] });
    for _ in 0..30 {
        desk.quote("100");
    }
    let stop = desk.rig.engine.order(stop_id(&desk)).unwrap();
    assert_eq!((stop.leaves_quantity(), desk.offered()), (Quantity::from(18), Quantity::from(18)));
}
