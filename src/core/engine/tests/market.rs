//! What the engine takes in of the market, and what it makes of it.

use super::rig::*;

#[test]
fn a_quote_beyond_measure_is_not_taken_in() {
    let mut rig = Rig::new();
    let mut quote = Quote::empty(aapl(), rig.now, Feed::Simulated);
    (quote.bid, quote.ask) = (Some(Price::new(Decimal::MAX)), Some(Price::new(Decimal::MAX)));
    rig.step(Input::Quote(Box::new(quote)));
    assert_eq!(rig.engine.quote(&aapl()).unwrap().ask, Some(Price::from(100)));
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
