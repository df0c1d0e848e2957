//! Money held back by working orders: the same however it is gone through, by a book or by a list in any order.

use proptest::prelude::*;

use super::case::*;

/// A plain order, an exit of a bracket, one that only reduces, or a member of a group of which one cancels the others.
type AnyWorking = (usize, u8, i64, Option<i64>, u8, i64);

const KEYS: [&str; 6] = ["AAPL", "MSFT", "BTC-USD", "EUR/USD", CALL, PUT];

fn any_working() -> impl Strategy<Value = AnyWorking> {
    (0..KEYS.len(), 0_u8..4, 1_i64..60, prop::option::of(80_i64..120), 0_u8..6, 0_i64..60)
}

fn order_of(id: u64, (key, side, quantity, price, kind, filled): AnyWorking) -> Order {
    let side = [Side::Buy, Side::Sell, Side::SellShort, Side::BuyToCover][usize::from(side)];
    let pricing = price.map_or(Pricing::Market, |p| Pricing::Limit { limit_price: Price::from(p) });
    let mut order = request(id, side, KEYS[key], &quantity.to_string(), pricing);
    let other = ClientOrderId::from_parts(7, 0);
    match kind {
        0 => order.contingency.parent = Some(other),
        1 => order.reduce_only = true,
        2 => order.contingency.oco_group = Some(other),
        3 => order.subject = OrderSubject::Legs(vec![leg(Side::Buy, CALL, 1), leg(Side::Sell, KEYS[key], 1)]),
        _ => {}
    }
    let mut order = working(id, order);
    order.filled_quantity = Quantity::from(filled % quantity);
    order
}

/// Each side of each instrument by itself, oldest first, without any short cut.
fn by_hand(case: &Case) -> Decimal {
    let fees = FeeTable::default();
    let mut sum = Decimal::ZERO;
    for key in KEYS {
        for buy in [false, true] {
            let held = case.books.quantity(&instrument(key)).get();
            let (mut left, mut groups) = (held, Vec::new());
            let of_side = case.working.iter().filter(|order| {
                order.request.subject == subject(key)
                    && order.request.side.is_buy() == buy
                    && order.request.contingency.parent.is_none()
                    && !order.request.reduce_only
            });
            for order in of_side {
                let group = order.request.contingency.oco_group;
                let alternative = group.is_some() && groups.contains(&group);
                groups.push(group);
                // What the order finds left to close is what books would hold that have only that of its instrument.
                let mut books = Case::new();
                for other in KEYS.iter().filter(|other| **other != key) {
                    let units = case.books.quantity(&instrument(other));
                    if !units.is_zero() {
                        books.hold(other, &units.to_string());
                    }
                }
                let before = if alternative { held } else { left };
                if !before.is_zero() {
                    books.hold(key, &before.to_string());
                }
                let leaves = order.leaves_quantity();
                sum += estimate(&books.books, &case.market, &fees, &order.request, leaves).buying_power;
                if !alternative && !left.is_zero() && left.is_sign_positive() != buy {
                    let rest = (left.abs() - leaves.get()).max(Decimal::ZERO);
                    left = if left.is_sign_negative() { -rest } else { rest };
                }
            }
        }
    }
    let packages = case.working.iter().filter(|o| o.request.subject.instrument().is_none());
    sum + packages
        .map(|o| estimate(&case.books, &case.market, &fees, &o.request, o.leaves_quantity()).buying_power)
        .sum::<Decimal>()
}

proptest! {
    #[test]
    fn k4_what_is_held_back_does_not_depend_on_how_it_is_summed(
        orders in prop::collection::vec(any_working(), 0..40),
        held in prop::collection::vec((0..4_usize, -200_i64..200), 0..4),
        ended in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut case = Case::new();
        for (key, units) in held.into_iter().filter(|(_, units)| *units != 0) {
            case.hold(KEYS[key], &units.to_string());
        }
        case.working = (100..).zip(orders).map(|(id, order)| order_of(id, order)).collect();
        let mut book: OrderBook = case.working.iter().cloned().collect();
        // The index follows orders that end and orders that are taken out.
        for which in ended {
            if case.working.is_empty() {
                break;
            }
            let mut order = case.working.remove(which.index(case.working.len()));
            if order.filled_quantity.is_zero() {
                order.status = OrderStatus::Canceled;
                book.insert(order);
            } else {
                book.take(order.request.client_order_id);
            }
        }
        let (fees, account) = (FeeTable::default(), AccountId::new("paper"));
        let mut list: Vec<_> = case.working.iter().map(|o| (&o.request, o.leaves_quantity())).collect();
        let expected = by_hand(&case);
        prop_assert_eq!(reserved(&case.books, &case.market, &fees, list.iter().copied()), expected);
        list.reverse();
        prop_assert_eq!(reserved(&case.books, &case.market, &fees, list.into_iter()), expected);
        prop_assert_eq!(reserved_by(&case.books, &case.market, &fees, book.lookup(&account)), expected);
        prop_assert_eq!(book.lookup(&account).count(), case.working.len());
        for (at, line) in book.lookup(&account).lines() {
            let units = |buy| -> Decimal {
                let plain = case.working.iter().filter(|o| o.request.subject.instrument() == Some(at)
                    && crate::core::book::is_plain(&o.request) && o.request.side.is_buy() == buy);
                plain.map(|o| o.leaves_quantity().get()).sum()
            };
            prop_assert_eq!((line.buys, line.sells), (units(true), units(false)));
        }
        // Without one order is as if it had never been.
        if let Some(gone) = case.working.pop() {
            let rest = case.working.iter().map(|o| (&o.request, o.leaves_quantity()));
            let without = book.lookup(&account).without(&gone);
            prop_assert_eq!(
                reserved_by(&case.books, &case.market, &fees, without),
                reserved(&case.books, &case.market, &fees, rest)
            );
            prop_assert_eq!(without.count(), case.working.len());
        }
    }
}
