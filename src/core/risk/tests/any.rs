//! No request before any account makes risk stumble (reliability K3).

use proptest::prelude::*;

use super::case::*;
use crate::domain::measure;

/// Any decimal there is, the ugly ones often.
fn any_decimal() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        3 => (-1_000_000_i64..1_000_000, 0_u32..6).prop_map(|(n, scale)| Decimal::new(n, scale)),
        1 => (any::<i64>(), 0_u32..28).prop_map(|(n, scale)| Decimal::new(n, scale)),
        1 => prop::sample::select(vec![
            Decimal::ZERO, Decimal::ONE, Decimal::MAX, Decimal::MIN, Decimal::new(1, 28), Decimal::new(-1, 28),
            Decimal::from(1_000_000_000), Decimal::from(1_000_000_000_000_i64),
        ]),
    ]
}

fn any_pricing() -> impl Strategy<Value = Pricing> {
    let price = || any_decimal().prop_map(Price::new);
    prop_oneof![
        Just(Pricing::Market),
        price().prop_map(|limit_price| Pricing::Limit { limit_price }),
        price().prop_map(|stop_price| Pricing::Stop { stop_price }),
        (price(), price())
            .prop_map(|(stop_price, limit_price)| Pricing::StopLimit { stop_price, limit_price }),
        price().prop_map(|amount| Pricing::TrailingStop { trail: Trail::Amount(amount) }),
        any_decimal().prop_map(|percent| Pricing::TrailingStop { trail: Trail::Percent(percent) }),
    ]
}

const KEYS: [&str; 9] = ["AAPL", "MSFT", "BTC-USD", "EUR/USD", "USD/JPY", CALL, LATER_CALL, PUT, LOWER_PUT];

fn any_side() -> impl Strategy<Value = Side> {
    prop::sample::select(vec![Side::Buy, Side::Sell, Side::SellShort, Side::BuyToCover])
}

fn any_subject() -> impl Strategy<Value = OrderSubject> {
    let one_leg = (any_side(), 0..KEYS.len(), any_decimal())
        .prop_map(|(side, key, ratio)| Leg { ratio, ..leg(side, KEYS[key], 1) });
    prop_oneof![
        2 => (0..KEYS.len()).prop_map(|key| subject(KEYS[key])),
        1 => prop::collection::vec(one_leg, 0..5).prop_map(OrderSubject::Legs),
    ]
}

type AnyOrder = (OrderSubject, Side, Decimal, Pricing, bool);

fn any_order() -> impl Strategy<Value = AnyOrder> {
    (any_subject(), any_side(), any_decimal(), any_pricing(), any::<bool>())
}

/// What works has passed risk once: its numbers are of a size that risk lets through.
fn working_order() -> impl Strategy<Value = AnyOrder> {
    let number = || (-1_000_000_i64..1_000_000, 0_u32..6).prop_map(|(n, scale)| Decimal::new(n, scale));
    let price = move || number().prop_map(Price::new);
    let pricing = prop_oneof![
        Just(Pricing::Market),
        price().prop_map(|limit_price| Pricing::Limit { limit_price }),
        price().prop_map(|stop_price| Pricing::Stop { stop_price }),
        (price(), price())
            .prop_map(|(stop_price, limit_price)| Pricing::StopLimit { stop_price, limit_price }),
    ];
    let legs = prop::collection::vec((any_side(), 0..KEYS.len(), 1_i64..5), 1..4).prop_map(|legs| {
        OrderSubject::Legs(legs.into_iter().map(|(side, key, ratio)| leg(side, KEYS[key], ratio)).collect())
    });
    let subject = prop_oneof![2 => (0..KEYS.len()).prop_map(|key| subject(KEYS[key])), 1 => legs];
    (subject, any_side(), number(), pricing, any::<bool>())
}

fn order_of(id: u64, (subject, side, quantity, pricing, reduce_only): AnyOrder) -> OrderRequest {
    let mut order = request(id, side, "AAPL", "1", pricing);
    (order.subject, order.quantity, order.reduce_only) = (subject, Quantity::new(quantity), reduce_only);
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn k3_any_request_before_any_account_is_decided_and_always_the_same(
        asked in any_order(),
        others in prop::collection::vec(working_order(), 0..6),
        quotes in prop::collection::vec((0..KEYS.len(), any_decimal(), any_decimal(), any_decimal()), 0..8),
        held in prop::collection::vec((0..KEYS.len(), -2_000_000_i64..2_000_000), 0..5),
        money in prop::collection::vec(any_decimal(), 8),
        limits in prop::collection::vec(any_decimal(), 6),
        flags in prop::collection::vec(any::<bool>(), 8),
    ) {
        let mut case = Case::new();
        if flags[0] {
            case.books = Case::books(AccountKind::Cash, 2);
        }
        for (key, units) in held {
            case.hold(KEYS[key], &Decimal::new(units, 2).to_string());
        }
        case.request = order_of(1, asked);
        case.working = (100..).zip(others).map(|(id, order)| working(id, order_of(id, order))).collect();
        for (key, bid, ask, last) in quotes {
            let quote = case.quote(KEYS[key], "1", "1");
            let sound = quote.clone();
            (quote.bid, quote.ask, quote.last) = (Some(Price::new(bid)), Some(Price::new(ask)), Some(Price::new(last)));
            // The engine does not take the others in.
            if !measure::is_quote(quote) {
                *quote = sound;
            }
        }
        if flags[1] {
            case.market.specs.remove(&instrument(CALL));
        }
        case.market.volumes.insert(instrument("AAPL"), money[6]);
        case.limits.order_notional_max = limits[0];
        case.limits.position_percent_max = limits[1];
        case.limits.fat_finger_multiple = limits[2];
        case.limits.volume_percent_max = limits[3];
        case.limits.spread_percent_max = limits[4];
        case.limits.daily_loss_percent = limits[5];
        case.limits.day_trade_rule = if flags[2] { DayTradeRule::IntradayMargin } else { DayTradeRule::Broker };
        (case.bar_mode, case.reconciled, case.broker_up) = (flags[3], flags[4], flags[5]);
        case.high = flags[6].then_some(money[7]);
        case.replaces = flags[7].then(|| case.working.first().cloned()).flatten();
        case.figures = Box::new(move |a| {
            a.net_liquidation = money[0];
            a.long_market_value = money[1];
            a.buying_power = money[2];
            (a.cash, a.settled_cash) = (money[3], money[4]);
            a.day_pnl = money[5];
            a.day_start_equity = money[6];
        });
        let first = case.run();
        let second = case.run();
        prop_assert_eq!(&first.checks, &second.checks);
        prop_assert_eq!(first.result.is_ok(), first.checks.iter().all(|check| check.verdict != Fail));
        prop_assert!(!first.checks.is_empty());
    }
}
