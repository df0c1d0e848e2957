use super::*;
use crate::domain::order::OrderStatus;
use rust_decimal::Decimal;

#[test]
fn durations_have_units() {
    for (text, seconds) in
        [("5", 5), ("90s", 90), ("30m", 1_800), ("4h", 14_400), ("1d", 86_400), ("2w", 1_209_600)]
    {
        assert_eq!(parse_duration(text), Ok(seconds));
    }
    for bad in ["", "0", "-1", "1.5", "d", "1y", "5 s", "99999999999999999999", "400w0", "9999d"] {
        let error = parse_duration(bad).unwrap_err();
        assert_eq!(error, format!("found '{bad}', allowed a time such as 5, 90s, 30m, 4h, 1d or 2w"));
    }
}

#[test]
fn scripts_are_read_line_by_line() {
    let text = "# a demo\n\nbuy 10 aapl   # at the market\n  wait 5s\nwait fills\nwait order 3\nexpect order 1 filled\n\
                expect position AAPL 10\nexpect position BRK B >= 2.5\nexpect orders working 1\nexpect orders canceled < 3\n\
                expect cash < 100000\nexpect average 1 <= 185\nexpect state halted\nexpect error DUPLICATE\n";
    let steps = parse(text).unwrap();
    let actions: Vec<(usize, Action)> = steps.iter().map(|step| (step.line, step.action.clone())).collect();
    let d = Decimal::from;
    let expected = [
        (3, Action::Command),
        (4, Action::Wait(5)),
        (5, Action::WaitFills),
        (6, Action::WaitOrder(3)),
        (7, Action::Expect(Expectation::Status(1, OrderStatus::Filled))),
        (8, Action::Expect(Expectation::Position("AAPL".into(), Compare::Equal, d(10)))),
        (9, Action::Expect(Expectation::Position("BRK B".into(), Compare::AtLeast, Decimal::new(25, 1)))),
        (10, Action::Expect(Expectation::Orders(None, Compare::Equal, d(1)))),
        (11, Action::Expect(Expectation::Orders(Some(OrderStatus::Canceled), Compare::Less, d(3)))),
        (12, Action::Expect(Expectation::Figure(Figure::Cash, Compare::Less, d(100_000)))),
        (13, Action::Expect(Expectation::Average(1, Compare::AtMost, d(185)))),
        (14, Action::Expect(Expectation::State(crate::domain::limits::TradingState::Halted))),
        (15, Action::Expect(Expectation::Error("DUPLICATE".into()))),
    ];
    assert_eq!(actions, expected);
    assert_eq!(steps[0].text, "buy 10 aapl");
}

#[test]
fn wrong_lines_are_named_before_anything_runs() {
    let cases = [
        ("wait", "script line 1: wait: allowed are a time such as 5, 90s or 1d, 'fills', and 'order N'"),
        (
            "\nwait soon",
            "script line 2: wait: found 'soon', allowed a time such as 5, 90s, 30m, 4h, 1d or 2w",
        ),
        ("wait order x", "script line 1: wait order: found 'x', allowed an order's number"),
        (
            "expect order 1 done",
            "script line 1: expect: found status 'done', allowed pending_submit, submitted, partially_filled, filled, \
             pending_cancel, canceled, pending_replace, replaced, rejected, denied, expired, unknown",
        ),
        ("expect order one filled", "script line 1: expect: found 'one', allowed an order's number"),
        ("expect error DUPLICATED", "script line 1: expect: found code 'DUPLICATED', nearest is DUPLICATE"),
        ("expect cash ~ 5", "script line 1: expect: found '~', allowed <, <=, =, !=, >= or >"),
        ("expect cash", "script line 1: expect: allowed is a number, with <, <=, =, !=, >= or > before it"),
        (
            "expect position AAPL ten",
            "script line 1: expect: 'ten' is not a decimal number (digits with at most one point, up to 28 digits)",
        ),
        ("expect state open", "script line 1: expect: state: allowed active, reducing_only or halted"),
        (
            "expect rain",
            "script line 1: expect: found 'rain', allowed order, orders, position, price, average, state, error or a figure \
             (cash, settled_cash, equity, buying_power, reserved, day_pnl, realized_pnl, unrealized_pnl, fees)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).unwrap_err().message, expected);
    }
    let long = "x".repeat(1_001);
    assert!(
        parse(&long)
            .unwrap_err()
            .message
            .ends_with("found a line of over 1000 characters, allowed at most so many")
    );
    assert!(parse(&"\n".repeat(10_001)).unwrap_err().message.contains("found more than 10000 lines"));
}

#[test]
fn comparisons_hold_as_they_say() {
    use crate::cli::script::expect::Compare::{AtLeast, AtMost, Different, Equal, Greater, Less};
    let d = Decimal::from;
    for (compare, below, same, above) in [
        (Less, true, false, false),
        (AtMost, true, true, false),
        (Equal, false, true, false),
        (Different, true, false, true),
        (AtLeast, false, true, true),
        (Greater, false, false, true),
    ] {
        let found = [1, 2, 3].map(|value| compare.holds(d(value), d(2)));
        assert_eq!(found, [below, same, above], "{compare}");
    }
}
