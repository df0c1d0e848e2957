//! The engine step by step: nothing leaves before the disk has it, fills count once, the kill switch holds, money adds up.

mod cash;
mod exits;
mod foreign;
mod guarded;
mod halts;
mod hosting;
mod market;
mod measured;
mod movements;
mod positions;
mod random;
mod reconcile;
mod rig;
mod settled;
mod slices;
mod strategies;
mod terms;

use rig::*;

#[test]
fn j2_what_could_not_be_journalled_is_denied_and_cancels_go_out() {
    let mut rig = Rig::new();
    let working = rig.sent(Side::Buy, 10);
    rig.report(working, acknowledged());
    let mut order = rig.order(Side::Buy, 20);
    let exit = |rig: &mut Rig, price: i64| {
        Some(BracketExit { client_order_id: rig.engine.mint(rig.now), price: Price::from(price) })
    };
    (order.take_profit, order.stop_loss) = (exit(&mut rig, 110), exit(&mut rig, 90));
    let ids = [Some(order.client_order_id), order.take_profit.as_ref().map(|e| e.client_order_id)];
    let effects = rig.place(vec![order]);
    assert!(orders_sent(&effects).is_empty());
    let cancel = rig.step(Input::Cancel { request: RequestId(90), orders: vec![working] });
    assert!(!cancel.iter().any(|e| matches!(e, Effect::Cancel { .. })), "{cancel:?}");
    let mut out = Vec::new();
    for ticket in tickets(&effects).into_iter().chain(tickets(&cancel)) {
        out.extend(rig.step(Input::JournalFailed { ticket, reason: "disk full".to_owned() }));
    }
    assert!(orders_sent(&out).is_empty());
    assert!(out.iter().any(|e| matches!(e, Effect::Cancel { order, .. } if *order == working)), "{out:?}");
    for id in ids.into_iter().flatten() {
        assert_eq!(rig.status(id), OrderStatus::Denied);
    }
    let denied = rig.engine.order(ids[0].unwrap()).unwrap();
    assert_eq!(denied.denials[0].code, DenialCode::JournalUnavailable);
    assert!(denied.denials[0].text.contains("disk full"), "{:?}", denied.denials);
    // The disk is back: the next order goes without a restart.
    rig.now += SignedDuration::from_secs(10);
    rig.quote("100");
    rig.sent(Side::Buy, 30);
}

fn reject() -> crate::domain::execution::Reject {
    crate::domain::execution::Reject { code: "NO".into(), message: "not now".to_owned() }
}

/// An order of 10 that works, and a change of its price that has been asked for: what is to be done, and the new order.
fn changing(rig: &mut Rig) -> (ClientOrderId, ClientOrderId, Effects) {
    let old = rig.sent(Side::Buy, 10);
    rig.report(old, acknowledged());
    let change = OrderChange { limit_price: Some(Price::from(99)), ..OrderChange::default() };
    let effects = rig.step(Input::Replace { request: RequestId(80), order: old, change });
    let new = rig.engine.replacement_of(old).unwrap();
    (old, new, effects)
}

fn cancels(effects: &Effects) -> Vec<ClientOrderId> {
    let of = |effect: &Effect| match effect {
        Effect::Cancel { order, .. } => Some(*order),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

/// Whoever cancels an order that is being changed wants nothing to work: not the one that works on, and not the one in its place.
#[test]
fn a_cancel_is_for_whichever_order_of_a_replace_works() {
    // The replacement is canceled, and the broker refuses the replace.
    let mut rig = Rig::new();
    let (old, new, effects) = changing(&mut rig);
    assert_eq!(orders_sent(&rig.journaled(effects)), [new]);
    let effects = rig.step(Input::Cancel { request: RequestId(81), orders: vec![new] });
    assert_eq!(cancels(&rig.journaled(effects)), [new]);
    rig.report(old, OrderEvent::ReplaceRejected(reject()));
    let effects = rig.report(new, OrderEvent::Rejected(reject()));
    assert_eq!(cancels(&rig.journaled(effects)), [old]);
    assert_eq!((rig.status(old), rig.status(new)), (OrderStatus::PendingCancel, OrderStatus::Rejected));
    // The old one is canceled, and the broker has replaced it.
    let mut rig = Rig::new();
    let (old, new, effects) = changing(&mut rig);
    rig.journaled(effects);
    let effects = rig.step(Input::Cancel { request: RequestId(81), orders: vec![old] });
    assert_eq!(cancels(&rig.journaled(effects)), [old]);
    let effects = rig.report(old, OrderEvent::Replaced { by: new });
    assert_eq!(cancels(&rig.journaled(effects)), [new]);
    // The replacement is canceled while it waits for the disk, and while the disk fails.
    for fails in [false, true] {
        let mut rig = Rig::new();
        let (old, new, effects) = changing(&mut rig);
        let waits = rig.step(Input::Cancel { request: RequestId(81), orders: vec![new] });
        let mut out = Vec::new();
        for ticket in tickets(&effects) {
            let reason = "disk full".to_owned();
            let input =
                if fails { Input::JournalFailed { ticket, reason } } else { Input::Journaled(ticket) };
            let effects = rig.step(input);
            out.extend(rig.journaled(effects));
        }
        out.extend(rig.journaled(waits));
        assert!(orders_sent(&out).is_empty(), "{fails}");
        assert!(cancels(&out).contains(&old), "{fails}: {out:?}");
        assert_eq!(rig.status(old), OrderStatus::PendingCancel, "{fails}");
        assert!(rig.engine.order(new).unwrap().status.is_terminal(), "{fails}");
    }
}

/// The old order moves on while its replacement waits for the disk: that would be for more than is left.
#[test]
fn a_replace_that_a_fill_has_overtaken_is_not_sent() {
    let mut rig = Rig::new();
    let (old, new, effects) = changing(&mut rig);
    rig.report(old, fill(old, "x1", Side::Buy, 4, "100"));
    let sent = rig.journaled(effects);
    assert!(orders_sent(&sent).is_empty(), "{sent:?}");
    assert_eq!((rig.status(old), rig.status(new)), (OrderStatus::PartiallyFilled, OrderStatus::Canceled));
    assert_eq!(rig.said("REPLACE_NOT_SENT"), 1);
    // Again: for the 6 that are left.
    let change = OrderChange { limit_price: Some(Price::from(99)), ..OrderChange::default() };
    let effects = rig.step(Input::Replace { request: RequestId(82), order: old, change });
    let sent = rig.journaled(effects);
    let sizes = sent.iter().filter_map(|effect| match effect {
        Effect::Replace { new, filled, .. } => Some((new.get().quantity, *filled)),
        _ => None,
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [(Quantity::from(6), Quantity::from(4))]);
    // One that has ended is not replaced at all.
    let mut rig = Rig::new();
    let (old, new, effects) = changing(&mut rig);
    rig.report(old, fill(old, "x1", Side::Buy, 10, "100"));
    let sent = rig.journaled(effects);
    assert!(orders_sent(&sent).is_empty(), "{sent:?}");
    assert_eq!((rig.status(old), rig.status(new)), (OrderStatus::Filled, OrderStatus::Canceled));
}

/// The exits of an order belong to whichever order stands in its place: a replacement that does not leave leaves them alone.
#[test]
fn j2_a_replacement_that_is_not_sent_keeps_the_exits_of_the_order_that_works_on() {
    for fails in [false, true] {
        let mut rig = Rig::new();
        let (profit, loss) = (rig.engine.mint(rig.now), rig.engine.mint(rig.now));
        let mut order = rig.order(Side::Buy, 10);
        let exit = |client_order_id, price: i64| Some(BracketExit { client_order_id, price: price.into() });
        (order.take_profit, order.stop_loss) = (exit(profit, 110), exit(loss, 90));
        let id = order.client_order_id;
        let effects = rig.place(vec![order]);
        rig.journaled(effects);
        for id in [id, profit, loss] {
            rig.report(id, acknowledged());
        }
        let change = OrderChange { quantity: Some(Quantity::from(5)), ..OrderChange::default() };
        let effects = rig.step(Input::Replace { request: RequestId(90), order: id, change });
        let new = rig.engine.book().working().last().unwrap().request.client_order_id;
        if fails {
            for ticket in tickets(&effects) {
                rig.step(Input::JournalFailed { ticket, reason: "full".to_owned() });
            }
            assert_eq!(rig.status(new), OrderStatus::Denied);
        } else {
            let cancel = rig.step(Input::Cancel { request: RequestId(91), orders: vec![new] });
            rig.journaled(effects);
            rig.journaled(cancel);
            assert_eq!(rig.status(new), OrderStatus::Canceled);
        }
        // Whoever cancels the order in its place means the order.
        let after = if fails { OrderStatus::Submitted } else { OrderStatus::PendingCancel };
        assert_eq!(rig.status(id), after, "fails: {fails}");
        for id in [profit, loss] {
            assert_eq!(rig.status(id), OrderStatus::Submitted, "fails: {fails}");
        }
    }
}

#[test]
fn e1_an_execution_counts_once_and_a_contradiction_not_at_all() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    for _ in 0..3 {
        rig.report(id, fill(id, "x1", Side::Buy, 4, "100"));
    }
    rig.report(id, fill(id, "x1", Side::Buy, 5, "100"));
    rig.report(id, fill(id, "x1", Side::Buy, 4, "100.01"));
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.status, order.filled_quantity), (OrderStatus::PartiallyFilled, Quantity::from(4)));
    assert_eq!(rig.engine.held(&paper(), &aapl()), Quantity::from(4));
    assert_eq!(rig.said("EXECUTION_CONFLICT"), 2);
}

/// Every order of the numbers below `n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    let insert = |p: &Vec<usize>, at: usize| {
        let mut longer = p.clone();
        longer.insert(at, n - 1);
        longer
    };
    shorter.iter().flat_map(|p| (0..n).map(move |at| insert(p, at))).collect()
}

#[test]
fn e2_any_order_of_acknowledgement_fills_and_cancel_ends_the_same() {
    for (second, status) in [(6, OrderStatus::Filled), (3, OrderStatus::Canceled)] {
        for asked in [false, true] {
            let mut ends = BTreeSet::new();
            for order in permutations(4) {
                let mut rig = Rig::new();
                let id = rig.sent(Side::Buy, 10);
                if asked {
                    rig.step(Input::Cancel { request: RequestId(90), orders: vec![id] });
                }
                let events = [
                    acknowledged(),
                    fill(id, "a", Side::Buy, 4, "100"),
                    fill(id, "b", Side::Buy, second, "101"),
                    OrderEvent::Canceled { reason: None },
                ];
                let mut filled = Quantity::ZERO;
                // Each as it comes, then all of them again backwards.
                for n in order.iter().chain(order.iter().rev()) {
                    rig.report(id, events[*n].clone());
                    let now = rig.engine.order(id).unwrap().filled_quantity;
                    assert!(now >= filled, "{order:?}");
                    filled = now;
                }
                let end = rig.engine.order(id).unwrap();
                assert_eq!(end.status, status, "{order:?}");
                let account = rig.engine.account(&paper()).unwrap();
                ends.insert((
                    end.filled_quantity,
                    end.average_price,
                    end.broker_order_id.clone(),
                    rig.engine.held(&paper(), &aapl()),
                    account.cash,
                ));
            }
            assert_eq!(ends.len(), 1, "{ends:?}");
        }
    }
}

/// The fill of an exit and the word that the other exit has shrunk it to that fill may come in either order.
#[test]
fn e2_an_order_that_shrinks_to_what_has_filled_is_filled() {
    let shrunk = || OrderEvent::QuantityChanged { quantity: Quantity::from(4) };
    for shrinks_first in [false, true] {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, acknowledged());
        let mut events = vec![fill(id, "x", Side::Buy, 4, "100"), shrunk()];
        if shrinks_first {
            events.reverse();
        }
        for event in events {
            rig.report(id, event);
        }
        assert_eq!(rig.status(id), OrderStatus::Filled);
        // One that comes late does not open it again.
        rig.report(id, OrderEvent::QuantityChanged { quantity: Quantity::from(7) });
        assert_eq!(rig.engine.order(id).unwrap().request.quantity, Quantity::from(4));
    }
}

#[test]
fn e3_more_than_was_asked_for_is_held_and_said() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 100);
    rig.report(id, fill(id, "a", Side::Buy, 60, "100"));
    rig.report(id, fill(id, "b", Side::Buy, 50, "100"));
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.status, order.overfill_quantity), (OrderStatus::Filled, Quantity::from(10)));
    assert_eq!(rig.engine.held(&paper(), &aapl()), Quantity::from(110));
    assert_eq!(rig.said("OVERFILL"), 1);
}

#[test]
fn k4_a_hundred_proposals_in_one_step_share_one_buying_power() {
    for quantity in [7, 30, 50, 399] {
        let mut rig = Rig::new();
        let orders: Vec<OrderRequest> = (0..100).map(|_| rig.order(Side::Buy, quantity)).collect();
        let power = rig.engine.account(&paper()).unwrap().buying_power;
        let effects = rig.place(orders);
        let sent = orders_sent(&rig.journaled(effects));
        let one = Decimal::from(quantity * 100);
        let most = (power / one).floor().min(Decimal::ONE_HUNDRED);
        // The exposure of an account in bar mode ends at its equity, half of its buying power.
        let most = most.min((Decimal::from(CASH) / one).floor());
        assert_eq!(Decimal::from(sent.len()), most, "of {quantity} each");
        let after = rig.engine.account(&paper()).unwrap();
        assert_eq!(after.reserved, most * one);
        assert!(after.buying_power >= Decimal::ZERO);
    }
}

/// Sales of what is held share it: together they never make a short position by chance, and what is short is paid for.
#[test]
fn k4_two_sales_of_everything_are_a_close_and_a_short_sale() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 100);
    rig.report(id, fill(id, "x", Side::Buy, 100, "100"));
    let before = rig.engine.account(&paper()).unwrap();
    let sales = vec![rig.order(Side::SellShort, 100), rig.order(Side::SellShort, 100)];
    let effects = rig.place(sales);
    assert_eq!(orders_sent(&rig.journaled(effects)).len(), 2);
    let after = rig.engine.account(&paper()).unwrap();
    assert_eq!(after.reserved - before.reserved, Decimal::from(10_000));
}

/// A person's word at a broker that wants to hear whether an order opens or closes: what is held says it.
#[test]
fn an_order_says_whether_it_opens_or_closes() {
    use crate::domain::order::PositionEffect::{Close, Open};
    let call = Instrument::from_key("AAPL  270115C00100000").unwrap();
    let stated = |one_effect: bool, instrument: &Instrument, held: i64, side: Side, quantity: i64| {
        let capabilities = Capabilities { one_effect, ..Capabilities::paper() };
        let setup = AccountSetup { capabilities, ..Rig::new().engine.accounts[&paper()].setup.clone() };
        let mut rig = Rig::of(setup);
        if held != 0 {
            let side = if held > 0 { Side::Buy } else { Side::SellShort };
            let OrderEvent::Filled(filled) = fill(ClientOrderId::from_u128(1), "x", side, held.abs(), "100")
            else {
                panic!()
            };
            let held = Execution { instrument: instrument.clone(), client_order_id: None, ..filled };
            rig.step(Input::Broker(Box::new(AccountEvent::Execution(held))));
        }
        let order = rig.order(side, quantity);
        let order = rig
            .engine
            .stated(OrderRequest { subject: OrderSubject::Instrument(instrument.clone()), ..order });
        (order.side, order.position_effect)
    };
    for (instrument, held, side, quantity, expected) in [
        (&aapl(), -5, Side::Buy, 5, (Side::BuyToCover, None)),
        (&aapl(), -5, Side::Buy, 3, (Side::BuyToCover, None)),
        (&aapl(), -5, Side::Buy, 8, (Side::Buy, None)),
        (&aapl(), 5, Side::Buy, 8, (Side::Buy, None)),
        (&aapl(), 5, Side::Sell, 5, (Side::Sell, None)),
        (&aapl(), 0, Side::Sell, 5, (Side::Sell, None)),
        (&call, -2, Side::Buy, 2, (Side::Buy, Some(Close))),
        (&call, -2, Side::Buy, 3, (Side::Buy, None)),
        (&call, 0, Side::Buy, 2, (Side::Buy, Some(Open))),
        (&call, 0, Side::Sell, 2, (Side::Sell, Some(Open))),
        (&call, 2, Side::Sell, 2, (Side::Sell, Some(Close))),
        (&call, 2, Side::Sell, 3, (Side::Sell, None)),
    ] {
        let at = format!("{instrument} {held}: {side} {quantity}");
        assert_eq!(stated(true, instrument, held, side, quantity), expected, "{at}");
        assert_eq!(
            stated(false, instrument, held, side, quantity),
            (side, None),
            "{at}: others want no word"
        );
    }
}
