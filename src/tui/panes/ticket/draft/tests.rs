//! The command that a ticket makes.

use super::super::symbol::option_in_words;
use super::*;

fn draft() -> Draft {
    Draft { quantity: TextInput::new("10"), limit: TextInput::new("231.50"), ..Draft::default() }
}

fn json(draft: &Draft, instrument: &Instrument) -> String {
    serde_json::to_string(&draft.command(Some(instrument), None).unwrap()).unwrap()
}

#[test]
fn fields_make_the_command() {
    let aapl = Instrument::equity("AAPL").unwrap();
    assert_eq!(
        json(&draft(), &aapl),
        r#"{"intent":"place","side":"buy","instrument":{"kind":"equity","symbol":"AAPL"},"quantity":"10","order_type":"limit","limit_price":"231.5","time_in_force":"day"}"#
    );
    let bracket = Draft {
        take_profit: TextInput::new("240"),
        stop_loss: TextInput::new("225"),
        session: TradingSession::Extended,
        ..draft()
    };
    assert!(json(&bracket, &aapl).contains(r#""session":"extended","take_profit":"240","stop_loss":"225""#));
    let trailing = Draft {
        side: Side::Sell,
        order_type: OrderType::TrailingStop,
        trail: TextInput::new("5%"),
        ..draft()
    };
    assert!(json(&trailing, &aapl).contains(r#""order_type":"trailing_stop","trail_percent":"5""#));
    let half = Draft { side: Side::Sell, unit: Unit::Percent, quantity: TextInput::new("50"), ..draft() };
    assert!(json(&half, &aapl).contains(r#""percent_of_position":"50""#));
    let put = option_in_words("AAPL 15JAN27 190P").unwrap().into_instrument();
    let close = Draft { side: Side::BuyToCover, effect: PositionEffect::Close, ..draft() };
    assert!(json(&close, &put).contains(r#""side":"buy","position_effect":"close""#));
}

#[test]
fn what_the_account_cannot_do_is_not_offered() {
    let aapl = Instrument::equity("AAPL").unwrap();
    let mut modest = Capabilities::paper();
    modest.asset_classes = vec![AssetClass::Equity];
    modest.order_types = vec![OrderType::Market, OrderType::Limit];
    modest.times_in_force = vec![TimeInForce::Gtc];
    (modest.fractional, modest.short_sales, modest.extended_hours) = (false, false, false);
    let mut draft = Draft {
        side: Side::SellShort,
        order_type: OrderType::TrailingStop,
        session: TradingSession::Extended,
        ..draft()
    };
    draft.fit(Some(&aapl), &modest);
    assert_eq!((draft.side, draft.order_type), (Side::Sell, OrderType::Market));
    assert_eq!((draft.time_in_force, draft.session), (TimeInForce::Gtc, TradingSession::Regular));
    let lacking = |draft: &Draft, instrument: &Instrument| {
        draft.command(Some(instrument), Some(&modest)).unwrap_err().field
    };
    draft.quantity = TextInput::new("1.5");
    assert_eq!(lacking(&draft, &aapl), Field::Quantity);
    let coin = Instrument::crypto("BTC", "USD").unwrap();
    assert_eq!(lacking(&draft, &coin), Field::Symbol);
    draft.quantity = TextInput::new("2");
    assert!(draft.command(Some(&aapl), Some(&modest)).is_ok());
}

#[test]
fn what_lacks_is_named() {
    let aapl = Instrument::equity("AAPL").unwrap();
    let lacking = |draft: Draft| draft.command(Some(&aapl), None).unwrap_err().field;
    assert_eq!(lacking(Draft { quantity: TextInput::default(), ..draft() }), Field::Quantity);
    assert_eq!(lacking(Draft { quantity: TextInput::new("0"), ..draft() }), Field::Quantity);
    assert_eq!(lacking(Draft { quantity: TextInput::new("1.2.3"), ..draft() }), Field::Quantity);
    assert_eq!(lacking(Draft { limit: TextInput::default(), ..draft() }), Field::Limit);
    assert_eq!(lacking(Draft { order_type: OrderType::StopLimit, ..draft() }), Field::Stop);
    assert_eq!(lacking(Draft { time_in_force: TimeInForce::Gtd, ..draft() }), Field::Expiry);
    assert_eq!(draft().command(None, None).unwrap_err().field, Field::Symbol);
}

#[test]
fn prices_step_by_the_tick() {
    let spec = InstrumentSpec::standard(Instrument::equity("F").unwrap());
    let mut draft = Draft { limit: TextInput::new("1.00"), ..Draft::default() };
    draft.step(Field::Limit, false, None, &spec);
    assert_eq!(draft.limit.text(), "0.9999");
    draft.step(Field::Limit, true, None, &spec);
    assert_eq!(draft.limit.text(), "1.00");
    draft.step(Field::Limit, true, None, &spec);
    assert_eq!(draft.limit.text(), "1.01");
    draft.step(Field::Quantity, true, None, &spec);
    draft.step(Field::Quantity, true, None, &spec);
    draft.step(Field::Quantity, false, None, &spec);
    draft.step(Field::Quantity, false, None, &spec);
    assert_eq!(draft.quantity.text(), "1");
}

#[test]
fn fields_follow_type_and_account() {
    let aapl = Instrument::equity("AAPL").unwrap();
    let market = Draft { order_type: OrderType::Market, ..Draft::default() };
    assert!(!market.fields(Some(&aapl), None).contains(&Field::Limit));
    let mut modest = Capabilities::paper();
    modest.bracket = false;
    modest.extended_hours = false;
    let fields = Draft::default().fields(Some(&aapl), Some(&modest));
    assert_eq!(
        fields,
        [
            Field::Symbol,
            Field::Side,
            Field::Quantity,
            Field::Type,
            Field::Limit,
            Field::TimeInForce,
            Field::Exits
        ]
    );
}

#[test]
fn a_plan_is_typed_by_its_parts() {
    let aapl = Instrument::equity("AAPL").unwrap();
    let mut draft = Draft { order_type: OrderType::Market, ..draft() };
    draft.exits = TextInput::new("stop=5% take=1r:0.5 2r:0.5");
    let Ok(Command::Place(place)) = draft.command(Some(&aapl), None) else { panic!("it is an order") };
    assert_eq!(place.exit_plan.unwrap().words(), "stop 5%, take 1r:0.5, take 2r:0.5");
    draft.exits = TextInput::new("stop=x");
    let lack = draft.command(Some(&aapl), None).unwrap_err();
    assert_eq!((lack.field, lack.text.starts_with("stop: found 'x', allowed")), (Field::Exits, true));
    draft.exits = TextInput::new("stop=5%");
    draft.stop_loss = TextInput::new("90");
    let lack = draft.command(Some(&aapl), None).unwrap_err();
    assert!(lack.text.contains("the bracket has its exits"), "{}", lack.text);
    // What closes has no plan.
    let mut closing = Draft { side: Side::Sell, order_type: OrderType::Market, ..draft };
    closing.stop_loss = TextInput::default();
    let Ok(Command::Place(place)) = closing.command(Some(&aapl), None) else { panic!("it is an order") };
    assert!(place.exit_plan.is_none());
}
