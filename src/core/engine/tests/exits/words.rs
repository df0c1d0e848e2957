//! Sentences of the specification of exits that the other rooms do not try, one test each.

use super::*;
use crate::domain::order::{OrderType, TradingSession};

fn after_hours() -> Desk {
    let mut desk = Desk::new();
    desk.trade(Side::Buy, 10);
    desk.rig.engine.config.never_closed = false;
    // 17:00 in New York.
    desk.rig.now = "2026-11-24T22:00:00Z".parse().unwrap();
    desk
}

/// "Extended hours: marketable limit with collar 1 %, re-priced every 2 s, 5 times, then alert EXIT_STUCK and keep trying at 10 s."
#[test]
fn in_extended_hours_an_exit_is_a_limit_that_is_moved_and_then_stuck() {
    let mut desk = after_hours();
    desk.quote("100");
    desk.set(stop("5%"));
    // Nobody fills it: the venue sees no prices from here on.
    let quote = |desk: &mut Desk, price: &str| {
        desk.rig.now += SignedDuration::from_millis(500);
        let mut quote = Quote::empty(aapl(), desk.rig.now, desk.feed);
        (quote.bid, quote.ask) = (price.parse().ok(), price.parse().ok());
        desk.step(Input::Quote(Box::new(quote)));
        desk.step(Input::Tick);
    };
    let before = desk.sent.len();
    for n in 0..90 {
        quote(&mut desk, &Decimal::new(9_400 - n, 2).to_string());
    }
    let sent = &desk.sent[before..];
    let first = &sent[0];
    assert_eq!((first.session, first.pricing.order_type()), (TradingSession::Extended, OrderType::Limit));
    // It went at 93.99, and the collar is 1 % of the bid, on the tick below.
    assert_eq!(first.pricing.limit_price(), Some("93.05".parse().unwrap()));
    assert_eq!((desk.state(), desk.rig.said("EXIT_STUCK")), (Some(ExitState::Stuck), 1));
    // 45 seconds: one order, five prices two seconds apart, then every ten seconds.
    assert!((8..=10).contains(&sent.len()), "{} orders", sent.len());
}

/// "Crypto without market orders: marketable limit with collar 1 %"; "options: max(10 %, 0.05)".
#[test]
fn without_market_orders_the_collar_is_one_per_cent() {
    let mut desk = long();
    let can = &mut desk.rig.engine.accounts.get_mut(&paper()).unwrap().setup.capabilities;
    can.order_types.retain(|order_type| *order_type != OrderType::Market);
    desk.set(stop("5%"));
    for _ in 0..2 {
        desk.quote("94");
    }
    let exit = desk.sent.last().unwrap();
    // The bid was 93.99.
    assert_eq!(exit.pricing, Pricing::Limit { limit_price: "93.05".parse().unwrap() });
    assert_eq!(desk.held(), 0);
}

/// "Equities regular hours: market"; outside all hours nothing goes, and the exit waits.
#[test]
fn while_nothing_trades_an_exit_waits() {
    let mut desk = after_hours();
    desk.rig.now = "2026-11-25T02:00:00Z".parse().unwrap();
    desk.quote("100");
    desk.set(stop("5%"));
    for _ in 0..4 {
        desk.quote("94");
    }
    assert_eq!((desk.state(), desk.held()), (Some(ExitState::Triggered), 10));
    // 10:00 of the next day.
    desk.rig.now = "2026-11-25T15:00:00Z".parse().unwrap();
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.sent.last().unwrap().pricing), (0, Pricing::Market));
}

/// "Close after n sessions", ten minutes before the end of the last one; the day after Thanksgiving ends at 13:00.
#[test]
fn a_time_stop_of_sessions_ends_ten_minutes_before_the_last_close() {
    for (sessions, until) in
        [(1, "2026-11-24T20:50:00Z"), (2, "2026-11-25T20:50:00Z"), (3, "2026-11-27T17:50:00Z")]
    {
        let mut desk = long();
        desk.set(ExitPlan { sessions: Some(sessions), placement: Placement::Engine, ..ExitPlan::default() });
        assert_eq!(desk.group().unwrap().until.unwrap().to_string(), until, "{sessions}");
    }
    let mut desk = long();
    let plan = ExitPlan { before_close: Some(10), ..ExitPlan::default() };
    desk.set(plan);
    assert_eq!(desk.group().unwrap().until.unwrap().to_string(), "2026-11-24T20:50:00Z");
}

const CALL: &str = "AAPL  261218C00100000";

/// Two contracts of an option, bought or sold at 2.00, with a stop at 20 % in the engine; nobody fills what goes.
fn holding_options(side: Side) -> Desk {
    let mut desk = Desk::new();
    desk.deaf = true;
    let call = Instrument::from_key(CALL).unwrap();
    desk.step(Input::Instrument(Box::new(InstrumentSpec::standard(call.clone()))));
    let OrderEvent::Filled(fill) = fill(ClientOrderId::from_u128(1), "o1", side, 2, "2") else {
        unreachable!()
    };
    let multiplier = Decimal::ONE_HUNDRED;
    let fill = Execution { client_order_id: None, instrument: call.clone(), multiplier, ..fill };
    desk.step(Input::Broker(Box::new(AccountEvent::Execution(fill))));
    see_option(&mut desk, "1.98", "2.02");
    let change = ExitChange::Set { account: paper(), instrument: call, plan: Box::new(stop("20%")) };
    desk.step(Input::Exit { request: RequestId(1), change: Box::new(change) });
    assert!(matches!(desk.said.pop(), Some(Outcome::Said(_))));
    desk
}

fn see_option(desk: &mut Desk, bid: &str, ask: &str) {
    desk.rig.now += SignedDuration::from_millis(500);
    let mut quote = Quote::empty(Instrument::from_key(CALL).unwrap(), desk.rig.now, desk.feed);
    (quote.bid, quote.ask) = (bid.parse().ok(), ask.parse().ok());
    desk.step(Input::Quote(Box::new(quote)));
    desk.step(Input::Tick);
}

/// "Options: marketable limit with collar max(10 %, 0.05)", whatever the hour: never at the market, closing, and for contracts, not shares.
#[test]
fn an_option_goes_by_a_limit_ten_per_cent_or_a_nickel_beyond() {
    for (held, bid, ask, side, limit) in [
        // A tenth of 1.50, of 0.60, and 0.05 where a tenth is less.
        (Side::Buy, "1.50", "1.55", Side::Sell, "1.35"),
        (Side::Buy, "0.60", "0.62", Side::Sell, "0.54"),
        (Side::Buy, "0.30", "0.31", Side::Sell, "0.25"),
        // Something is asked for even of what is worth next to nothing.
        (Side::Buy, "0.045", "0.05", Side::Sell, "0.01"),
        (Side::SellShort, "2.60", "2.65", Side::Buy, "2.92"),
        (Side::SellShort, "11.95", "12.01", Side::Buy, "13.22"),
    ] {
        let mut desk = holding_options(held);
        let before = desk.sent.len();
        for _ in 0..2 {
            see_option(&mut desk, bid, ask);
        }
        assert_eq!(desk.sent.len(), before + 1, "{bid}");
        let exit = desk.sent.last().unwrap();
        assert_eq!(exit.pricing, Pricing::Limit { limit_price: limit.parse().unwrap() }, "{bid} x {ask}");
        assert_eq!((exit.side, exit.quantity, exit.reduce_only), (side, Quantity::from(2), true), "{bid}");
        assert_eq!(exit.position_effect, Some(crate::domain::order::PositionEffect::Close), "{bid}");
    }
}

/// "Re-priced every 2 s, 5 times, then alert EXIT_STUCK and keep trying at 10 s": of an option too, each time by the bid of then.
#[test]
fn the_limit_of_an_option_follows_its_price() {
    let mut desk = holding_options(Side::Buy);
    let before = desk.sent.len();
    for n in 0..50 {
        let bid = Decimal::new(150 - n, 2);
        see_option(&mut desk, &bid.to_string(), &(bid + Decimal::new(4, 2)).to_string());
        let Some(last) = desk.sent.last().filter(|_| desk.sent.len() > before).cloned() else { continue };
        let id = last.client_order_id;
        let order = desk.rig.engine.order(id).unwrap().clone();
        if order.status == OrderStatus::PendingSubmit {
            if let Some(old) = order.replaces {
                desk.told(old, OrderEvent::Replaced { by: id });
            }
            desk.told(id, acknowledged());
        }
    }
    let limits: Vec<String> = desk.sent[before..]
        .iter()
        .filter_map(|order| Some(order.pricing.limit_price()?.to_string()))
        .collect();
    // It went at 1.49; two seconds are four quotes.
    assert_eq!(limits[..3], ["1.34", "1.3", "1.26"], "{limits:?}");
    assert!((6..=8).contains(&limits.len()), "{limits:?}");
    assert_eq!((desk.rig.said("EXIT_STUCK"), desk.state()), (1, Some(ExitState::Stuck)));
    assert!(desk.sent[before..].iter().all(|order| order.quantity == Quantity::from(2)));
}
