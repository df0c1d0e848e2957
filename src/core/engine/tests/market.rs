//! What the engine takes in of the market, and what it makes of it.

use super::rig::*;
use crate::core::risk::MarketView;
use crate::domain::calendar::{MarketPhase, exchange_date};

#[test]
fn a_quote_beyond_measure_is_not_taken_in() {
    let mut rig = Rig::new();
    let mut quote = Quote::empty(aapl(), rig.now, Feed::Simulated);
    (quote.bid, quote.ask) = (Some(Price::new(Decimal::MAX)), Some(Price::new(Decimal::MAX)));
    rig.step(Input::Quote(Box::new(quote)));
    assert_eq!(rig.engine.quote(&aapl()).unwrap().ask, Some(Price::from(100)));
}

/// Other days of the exchange hold for sessions at once, and every picture has them.
#[test]
fn a_day_that_turns_out_closed_is_closed() {
    let mut rig = Rig::new();
    let today = exchange_date(rig.now);
    let open = |rig: &mut Rig| rig.engine.snapshot().market.calendar.is_session(today);
    assert!(open(&mut rig));
    let mut calendar = Calendar::nyse();
    calendar.close_on(today);
    rig.step(Input::Calendar(Arc::new(calendar)));
    assert!(!open(&mut rig));
    assert_eq!(MarketView::phase(&rig.engine, &aapl()), MarketPhase::Closed);
}

/// A pair's price is the rate at which the books value what is held in its currency.
#[test]
fn k6_a_pair_makes_a_rate_and_without_one_nothing_foreign_is_opened() {
    let mut rig = Rig::new();
    let pounds = InstrumentSpec { currency: "GBP".parse().unwrap(), ..InstrumentSpec::standard(aapl()) };
    rig.step(Input::Instrument(Box::new(pounds)));
    let order = rig.order(Side::Buy, 10);
    let id = order.client_order_id;
    rig.place(vec![order]);
    let codes: Vec<DenialCode> = rig.engine.order(id).unwrap().denials.iter().map(|d| d.code).collect();
    let measures = [
        DenialCode::MaxOrderNotional,
        DenialCode::MaxPosition,
        DenialCode::MaxExposure,
        DenialCode::BuyingPower,
    ];
    assert_eq!(codes, measures);

    let mut pair = Quote::empty(Instrument::fx("GBP", "USD").unwrap(), rig.now, Feed::Simulated);
    (pair.bid, pair.ask) = (Some("1.2".parse().unwrap()), Some("1.3".parse().unwrap()));
    rig.step(Input::Quote(Box::new(pair)));
    let id = rig.sent(Side::Buy, 10);
    let held_back = rig.engine.account(&paper()).unwrap().reserved;
    assert_eq!(held_back, Decimal::from(1_250));
    let OrderEvent::Filled(mut bought) = fill(id, "x", Side::Buy, 10, "100") else { unreachable!() };
    (bought.currency, bought.fee) = ("GBP".parse().unwrap(), Decimal::ZERO);
    rig.report(id, OrderEvent::Filled(bought));
    let account = rig.engine.account(&paper()).unwrap();
    assert_eq!(account.long_market_value, Decimal::from(1_250));
    assert_eq!(account.net_liquidation, Decimal::from(CASH));
}

/// While the clock stands still after a jump, no price grows old: none of before the jump is believed any more (reliability 4.1).
#[test]
fn k2_after_the_clock_went_back_a_quote_of_before_is_stale() {
    let denied = |rig: &mut Rig| {
        let order = rig.order(Side::Buy, 1);
        let id = order.client_order_id;
        rig.place(vec![order]);
        rig.engine.order(id).unwrap().denials.iter().any(|denial| denial.code == DenialCode::StaleQuote)
    };
    let mut rig = Rig::new();
    let before = rig.now;
    rig.now -= SignedDuration::from_secs(1);
    rig.step(Input::Tick);
    assert!(!denied(&mut rig), "a second is the clock being set right");
    rig.now = before - SignedDuration::from_secs(20);
    rig.step(Input::Tick);
    assert!(denied(&mut rig));
    assert_eq!(rig.said("CLOCK_BACK"), 1);
    rig.now = before + SignedDuration::from_millis(1);
    assert!(denied(&mut rig), "nothing has been heard since");
    rig.quote("100");
    assert!(!denied(&mut rig));
}

/// SEC rule 201: a share that fell by ten per cent is sold short above the bid alone, for the rest of the day and the next.
#[test]
fn k2_a_share_that_fell_by_ten_per_cent_is_restricted_until_the_end_of_the_next_session() {
    let denied = |rig: &mut Rig| {
        let order = rig.order(Side::SellShort, 1);
        let id = order.client_order_id;
        rig.place(vec![order]);
        let denials = &rig.engine.order(id).unwrap().denials;
        denials.iter().any(|denial| denial.code == DenialCode::ShortSaleRestricted)
    };
    for (low, falls) in [("90.01", false), ("90", true)] {
        let mut rig = Rig::new();
        rig.now += SignedDuration::from_secs(1);
        let mut quote = Quote::empty(aapl(), rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = (Some(Price::from(100)), Some(Price::from(100)));
        (quote.previous_close, quote.low) = (Some(Price::from(100)), low.parse().ok());
        rig.step(Input::Quote(Box::new(quote)));
        assert_eq!(denied(&mut rig), falls, "low {low}");
        // Tuesday; Wednesday is the next session, Thursday is Thanksgiving.
        for (day, restricted) in [("2026-11-25T20:00:00Z", falls), ("2026-11-27T15:00:00Z", false)] {
            rig.now = day.parse().unwrap();
            rig.quote("100");
            assert_eq!(denied(&mut rig), restricted, "low {low}, {day}");
        }
    }
}

/// Reliability 4.3: three day trades within five sessions, and nothing more is opened below 25,000.
#[test]
fn k2_the_fourth_day_trade_is_not_opened() {
    let limits = RiskLimits {
        day_trade_rule: crate::domain::limits::DayTradeRule::Pdt,
        ..RiskLimits::bar_mode(Decimal::from(CASH))
    };
    let mut rig = Rig::with(limits);
    // Five sixths of the money are lost in three trades.
    for n in 0..3 {
        let id = rig.sent(Side::Buy, 300);
        rig.report(id, fill(id, &format!("b{n}"), Side::Buy, 300, "100"));
        let id = rig.sent(Side::Sell, 300);
        rig.report(id, fill(id, &format!("s{n}"), Side::Sell, 300, "10"));
    }
    let order = rig.order(Side::Buy, 1);
    let id = order.client_order_id;
    rig.place(vec![order.clone()]);
    let denials = &rig.engine.order(id).unwrap().denials;
    assert!(denials.iter().any(|d| d.text.contains("DAY_TRADE measured=4 limit=3")), "{denials:?}");
    // A week and a day later none of them counts.
    rig.now += SignedDuration::from_hours(8 * 24);
    rig.quote("100");
    rig.sent(Side::Buy, 1);
}

/// What an option moves is worked out as its prices come, while it is held, and forgotten with the position.
#[test]
fn deltas_of_options_that_are_held_follow_their_quotes() {
    let call = Instrument::from_key("AAPL  270115C00110000").unwrap();
    let mut rig = Rig::new();
    rig.step(Input::Instrument(Box::new(InstrumentSpec::standard(call.clone()))));
    let quote = |rig: &mut Rig, price: &str| {
        rig.now += SignedDuration::from_secs(1);
        let mut quote = Quote::empty(call.clone(), rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = (price.parse().ok(), price.parse().ok());
        rig.step(Input::Quote(Box::new(quote)));
        rig.engine.deltas.get(&call).copied()
    };
    let trade = |rig: &mut Rig, id: &str, side| {
        let OrderEvent::Filled(mut execution) = fill(rig.engine.mint(rig.now), id, side, 1, "4") else {
            unreachable!()
        };
        (execution.instrument, execution.multiplier) = (call.clone(), Decimal::ONE_HUNDRED);
        rig.step(Input::Broker(Box::new(AccountEvent::Execution(execution))));
    };
    assert_eq!(quote(&mut rig, "4"), None);
    trade(&mut rig, "b", Side::Buy);
    assert_eq!(quote(&mut rig, "4"), Some(Decimal::new(3_503, 4)));
    assert_eq!(quote(&mut rig, "2"), Some(Decimal::new(2_676, 4)));
    assert_eq!(quote(&mut rig, "100"), None, "no volatility makes it worth its underlying");
    quote(&mut rig, "2");
    trade(&mut rig, "s", Side::Sell);
    assert_eq!(quote(&mut rig, "2"), None);
}

/// The fall of today restricts tomorrow too, in whichever process: it is written once, and read at the start.
#[test]
fn k2_the_short_sale_restriction_outlives_the_process() {
    let mut rig = Rig::new();
    let fall = |rig: &mut Rig| {
        rig.now += SignedDuration::from_secs(1);
        let mut quote = Quote::empty(aapl(), rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = (Some(Price::from(90)), Some(Price::from(90)));
        (quote.previous_close, quote.low) = (Some(Price::from(100)), Some(Price::from(90)));
        let effects = rig.step(Input::Quote(Box::new(quote)));
        effects.into_iter().find_map(|effect| match effect {
            Effect::Journal { entry, .. } => entry.fallen,
            _ => None,
        })
    };
    let written = fall(&mut rig).unwrap();
    assert_eq!(written, [(aapl(), "2026-11-24".parse().unwrap())]);
    assert_eq!(fall(&mut rig), None, "written once a session");
    for (day, restricted) in [("2026-11-25T20:00:00Z", true), ("2026-11-27T15:00:00Z", false)] {
        let mut next = Rig::new();
        next.step(Input::Restored(Box::new(Restored { fallen: written.clone(), ..Restored::default() })));
        next.now = day.parse().unwrap();
        next.quote("100");
        let order = next.order(Side::SellShort, 1);
        let id = order.client_order_id;
        next.place(vec![order]);
        let denials = &next.engine.order(id).unwrap().denials;
        let denied = denials.iter().any(|denial| denial.code == DenialCode::ShortSaleRestricted);
        assert_eq!(denied, restricted, "{day}");
    }
}

/// Fills of a cash account as `day:order:signed units`, at 100 a share and with 10,000 of settled cash: what the log says of each.
fn good_faith(fills: &str) -> (Vec<Execution>, Vec<(Severity, String)>) {
    let mut rig = Rig::cash_account(10_000);
    let mut executions = Vec::new();
    for (n, text) in fills.split_whitespace().enumerate() {
        let numbers: Vec<i64> = text.split(':').map(|number| number.parse().unwrap()).collect();
        let side = if numbers[2] < 0 { Side::Sell } else { Side::Buy };
        let by = ClientOrderId::from_parts(u64::try_from(numbers[1]).unwrap(), 0);
        let OrderEvent::Filled(mut execution) = fill(by, &format!("x{n}"), side, numbers[2].abs(), "100")
        else {
            unreachable!()
        };
        execution.fee = Decimal::ZERO;
        execution.at = format!("2026-11-{:02}T15:00:00Z", numbers[0]).parse().unwrap();
        if numbers[1] % 2 == 1 {
            execution.instrument = Instrument::equity("MSFT").unwrap();
        }
        executions.push(execution.clone());
        rig.step(Input::Broker(Box::new(AccountEvent::Execution(execution))));
    }
    let said = rig.engine.log.iter().filter(|line| line.code == "GOOD_FAITH_VIOLATION");
    let said = said.map(|line| (line.severity, line.text.clone())).collect();
    (executions, said)
}

/// Odd orders are MSFT, even ones AAPL. Sales settle on the next session.
#[test]
fn k2_good_faith_violations_are_counted_and_the_third_warns() {
    let table = [
        ("bought with settled cash", "23:2:100 23:2:-100", 0),
        ("bought with a sale of today, sold today", "23:2:100 23:4:-100 23:1:100 23:3:-100", 1),
        ("sold once it has settled", "23:2:100 23:4:-100 23:1:100 24:3:-100", 0),
        ("many fills of one sale", "23:2:100 23:4:-100 23:1:100 23:3:-40 23:3:-60", 1),
        ("two sales", "23:2:100 23:4:-100 23:1:100 23:3:-40 23:5:-60", 2),
        (
            "three times",
            "18:2:100 18:4:-100 18:1:100 18:3:-100 19:2:100 19:4:-100 19:1:100 19:13:-100 20:2:100 20:4:-100 20:1:100 20:23:-100",
            3,
        ),
    ];
    for (what, fills, count) in table {
        let (executions, said) = good_faith(fills);
        assert_eq!(said.len(), count, "{what}: {said:?}");
        let warned = said.iter().filter(|(severity, _)| *severity == Severity::Warning).count();
        assert_eq!(warned, usize::from(count >= 3), "{what}: {said:?}");
        if let Some((_, text)) = said.last() {
            assert!(text.contains(&format!("violation {count} within 12 months")), "{text}");
        }
        // The count is a function of the journal.
        let mut next = Rig::cash_account(10_000);
        next.step(Input::Restored(Box::new(Restored { executions, ..Restored::default() })));
        let today = crate::domain::calendar::exchange_date(next.now);
        assert_eq!(next.engine.accounts[&paper()].good_faith.count(today), count, "{what}");
    }
}

/// A renamed order works on and is found, measured and filled under its new symbol; where a trailing stop stands is kept with its order.
#[test]
fn a_symbol_change_renames_the_order_in_the_book() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, acknowledged());
    let new = Instrument::equity("APPL").unwrap();
    rig.report(id, OrderEvent::Renamed { subject: OrderSubject::Instrument(new.clone()) });
    let working = rig.engine.book.lookup(&paper());
    assert_eq!((working.naming(&aapl()).count(), working.naming(&new).count()), (0, 1));
    assert_eq!(
        (rig.status(id), rig.engine.spec(&new).map(|spec| &spec.instrument)),
        (OrderStatus::Submitted, Some(&new))
    );
    assert_eq!(rig.engine.quote(&new).and_then(|quote| quote.bid), Some(Price::from(100)));
    let OrderEvent::Filled(mut bought) = fill(id, "x", Side::Buy, 10, "100") else { unreachable!() };
    bought.instrument = new.clone();
    rig.report(id, OrderEvent::Filled(bought));
    assert_eq!((rig.status(id), rig.engine.held(&paper(), &new)), (OrderStatus::Filled, Quantity::from(10)));
    let id = rig.sent(Side::Buy, 1);
    let stop_price = Price::from(98);
    rig.report(id, OrderEvent::StopMoved { stop_price });
    assert_eq!(rig.engine.order(id).unwrap().trailing_stop, Some(stop_price));
}
