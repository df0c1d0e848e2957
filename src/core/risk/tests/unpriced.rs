//! What the day's loss is measured by where prices are missing: by the worst that may have become of what is held (K6), never by nothing.

use super::case::*;

/// MSFT held at a price of the record; how the daily loss is judged, limit 3 % of 100,000, and what is said.
fn judged(units: &str, recorded: &str, priced: bool) -> RiskCheck {
    let mut case = Case::new();
    case.limits.daily_loss_percent = d("3");
    let mut books = Case::books(AccountKind::Margin, 3);
    books.apply(&Execution {
        execution_id: ExecutionId::new("before"),
        account: AccountId::new("paper"),
        client_order_id: None,
        broker_order_id: None,
        instrument: instrument("MSFT"),
        side: if units.starts_with('-') { Side::SellShort } else { Side::Buy },
        quantity: q(units.trim_start_matches('-')),
        price: p(recorded),
        multiplier: Decimal::ONE,
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at: now(),
        kind: ExecutionKind::Trade,
    });
    books.recall(&instrument("MSFT"), p(recorded));
    if priced {
        books.mark(&instrument("MSFT"), p(recorded));
    }
    case.books = books;
    case.run().checks.into_iter().find(|check| check.code == Code::DailyLoss).unwrap()
}

#[test]
fn k6_what_has_no_price_since_the_start_is_measured_by_the_worst() {
    for (units, recorded, priced, verdict, says) in [
        ("29", "100", false, Pass, "measured=0 limit=3"),
        ("30", "100", false, Fail, "the loss may be 3 % with limit=3"),
        ("30", "100", true, Pass, "measured=0 limit=3"),
        ("-1", "100", false, Fail, "instrument=MSFT has had no price since the start"),
        ("-1", "100", true, Pass, "measured=0 limit=3"),
    ] {
        let check = judged(units, recorded, priced);
        assert_eq!(check.verdict, verdict, "{units} at {recorded}, priced: {priced}: {check}");
        assert!(check.to_string().contains(says), "{check}");
    }
}

#[test]
fn k6_what_nothing_ever_priced_lets_nothing_be_opened() {
    let mut case = Case::new();
    case.blind = true;
    let denials = case.run().result.unwrap_err();
    assert_eq!(denials.iter().map(|denial| denial.code).collect::<Vec<_>>(), [Code::DailyLoss]);
    case.hold("AAPL", "10");
    case.ask(Side::Sell, "AAPL", "10", limit("100"));
    assert!(case.run().result.is_ok(), "what reduces is let out");
}

/// An order that goes against the position: it closes, or it is refused; it never turns it around and never opens beside it.
#[test]
fn one_effect_at_brokers_that_take_no_more() {
    use PositionEffect::{Close, Open};
    let judged = |one_effect: bool, key: &str, held: &str, side: Side, quantity: &str, effect| {
        let mut case = Case::new();
        case.capabilities.one_effect = one_effect;
        case.limits = RiskLimits::bar_mode(d("10000000"));
        case.limits.allow_short = true;
        if held != "0" {
            case.hold(key, held);
        }
        case.ask(side, key, quantity, limit("100"));
        case.request.position_effect = effect;
        let check = case.run().checks.into_iter().find(|check| check.code == Code::Unsupported).unwrap();
        (check.verdict == Pass, check.to_string())
    };
    for (key, held, side, quantity, effect, passes) in [
        ("AAPL", "-5", Side::Buy, "5", None, false),
        ("AAPL", "-5", Side::Buy, "8", None, false),
        ("AAPL", "-5", Side::BuyToCover, "5", None, true),
        ("AAPL", "5", Side::SellShort, "5", None, false),
        ("AAPL", "5", Side::SellShort, "1", None, false),
        ("AAPL", "5", Side::Sell, "5", None, true),
        ("AAPL", "5", Side::Buy, "8", None, true),
        ("AAPL", "-5", Side::SellShort, "8", None, true),
        (CALL, "-2", Side::Buy, "2", None, false),
        (CALL, "-2", Side::Buy, "2", Some(Open), false),
        (CALL, "-2", Side::Buy, "2", Some(Close), true),
        (CALL, "-2", Side::Buy, "3", Some(Close), false),
        (CALL, "2", Side::Sell, "2", Some(Close), true),
        (CALL, "2", Side::Sell, "2", Some(Open), false),
        (CALL, "0", Side::Buy, "2", Some(Open), true),
    ] {
        let at = format!("{key} {held}: {side} {quantity} {effect:?}");
        let (passed, said) = judged(true, key, held, side, quantity, effect);
        assert_eq!(passed, passes, "{at}: {said}");
        if effect.is_none() {
            assert!(
                judged(false, key, held, side, quantity, effect).0,
                "{at}: elsewhere an order may do both"
            );
        }
    }
    let (_, said) = judged(true, "AAPL", "-5", Side::Buy, "8", None);
    assert!(said.contains("position=-5") && said.contains("buy to cover or close at most 5 first"), "{said}");
}
