//! From the ticket to a sent order, and all the ways not to send one.

use std::time::Duration;

use super::harness::{Runner, options};
use super::scripted;
use super::trading_day;
use crate::client::message::OrderRef;
use crate::client::{Reply, Request, SessionError};
use crate::command::types::Command;
use crate::domain::denial::{DenialCode, RiskCheck, Verdict};
use crate::domain::money::Money;
use crate::domain::order::{
    BrokerPreview, OrderSubject, OrderType, OriginKind, Pricing, Side, Slices, TimeInForce,
};
use crate::domain::snapshot::Snapshot;

fn filled(size: (u16, u16)) -> Runner {
    let mut runner = Runner::new(size);
    runner.keys("b 1 0 down down a");
    runner
}

#[test]
fn a_ticket_is_reviewed_and_then_sent() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut runner = filled(size);
        runner.wait(300).sees("231.81").sees("✓ 6 risk checks");
        runner.keys("enter").sees("Review order").sees("limit 231.81, DAY").sees("account paper");
        assert!(runner.executed().is_empty(), "Enter shows the order, it does not send it");
        runner.keys("enter").misses("Review order").sees("#90 buy 10 AAPL: submitted");
        let [Request::Execute { command: Command::Place(place), origin, confirmation_hash, account, .. }] =
            runner.executed()[..]
        else {
            panic!("{:?}", runner.executed())
        };
        assert_eq!(place.side, Side::Buy);
        assert_eq!(place.terms.limit_price, Some(trading_day::price("231.81")));
        assert_eq!((*origin, account.as_ref()), (OriginKind::Ticket, Some(&trading_day::paper())));
        assert_eq!(confirmation_hash.as_deref(), Some("hash-of-BUY-10-AAPL"));
        // What was sent does not stand in the ticket to be sent again.
        runner.keys("5 enter").misses("Review order").sees("quantity: how many?");
    }
}

#[test]
fn a_key_already_on_its_way_confirms_nothing() {
    let mut runner = filled((120, 40));
    runner.key("enter").key("enter").key("enter").sees("Review order");
    assert!(runner.executed().is_empty());
    runner.now += Duration::from_millis(49);
    runner.key("enter").sees("Review order");
    assert!(runner.executed().is_empty());
    runner.now += Duration::from_millis(1);
    runner.key("enter").misses("Review order");
    assert_eq!(runner.executed().len(), 1);
}

#[test]
fn the_fifty_milliseconds_start_when_the_order_is_seen() {
    let mut runner = filled((120, 40));
    runner.answer = Box::new(|_, _| Err(SessionError::Gone));
    runner.keys("enter").sees("the engine has stopped").keys("enter enter").sees("Review order");
    assert!(runner.executed().is_empty());
}

#[test]
fn live_orders_want_the_symbol_typed() {
    let mut runner = Runner::with(options(), trading_day::live(), (120, 40));
    runner.keys("b 1 0 down down a enter").sees("LIVE, real money").sees("type AAPL to send");
    runner.keys("enter enter").sees("Review order");
    runner.text("aap").keys("enter").sees("Review order");
    assert!(runner.executed().is_empty());
    runner.paste("l").sees("A paste cannot confirm").keys("enter").sees("Review order");
    runner.text("l").keys("enter").misses("Review order");
    assert_eq!(runner.executed().len(), 1);
}

#[test]
fn a_symbol_of_one_letter_is_not_word_enough() {
    let mut runner = Runner::with(options(), trading_day::live(), (120, 40));
    runner.keys(":").text("buy 10 f").keys("enter").sees("type BUY F to send");
    runner.text("f").keys("enter").sees("Review order");
    assert!(runner.executed().is_empty());
    runner.keys("backspace").text("buy f").keys("enter").misses("Review order");
    assert_eq!(runner.executed().len(), 1);
}

#[test]
fn what_risk_denies_cannot_be_sent() {
    let mut runner = Runner::new((120, 40));
    runner.keys("b 9 0 0 down down a").wait(300).sees("✗ order value");
    runner.keys("enter").sees("Risk says no").sees("208,629.00 of 25,313.59   MAX_ORDER_NOTIONAL");
    runner.keys("enter enter").sees("Review order");
    assert!(runner.executed().is_empty());
    runner.keys("esc").misses("Review order").sees("900");
}

#[test]
fn a_changed_order_is_refused_and_said() {
    let mut runner = filled((120, 40));
    runner.keys("enter");
    runner.answer = Box::new(|request, _| match request {
        Request::Execute { .. } => Err(SessionError::ConfirmationChanged),
        _ => Ok(Reply::Done(String::new())),
    });
    runner.keys("enter").sees("the order changed since it was shown");
}

#[test]
fn the_estimate_waits_for_a_pause() {
    let mut runner = Runner::new((120, 40));
    runner.keys("b 1 down down a");
    let previews =
        |runner: &Runner| runner.asked.iter().filter(|r| matches!(r, Request::Preview { .. })).count();
    runner.wait(300);
    let before = previews(&runner);
    runner.key("+").key("+").key("+").wait(100);
    assert_eq!(previews(&runner), before, "not while keys come");
    runner.wait(60);
    assert_eq!(previews(&runner), before + 1, "once after them");
    runner.wait(5_000);
    assert_eq!(previews(&runner), before + 1, "and not again while nothing moves");
    runner.show(trading_day::moved(&runner.snapshot.clone(), 1, 20)).wait(1_100);
    assert_eq!(previews(&runner), before + 2, "but again when the market has moved");
}

#[test]
fn fields_take_what_belongs_in_them() {
    let mut runner = Runner::new((120, 40));
    // In the ticket a letter never sells, leaves or jumps.
    runner.keys("b q s x 5").sees("quantity  5  shares").keys("$").sees("5  $").keys("%").sees("% of bp");
    runner.keys("esc s").sees("Sell").keys("up up").text("z z").sees("z z  unknown");
    // What is typed first in a field takes the place of what stood there.
    runner
        .keys("down up")
        .text("msft")
        .sees("symbol    msft")
        .sees("─ MSFT")
        .keys("enter")
        .sees("limit: which limit?");
    runner.keys("up right").sees("Stop").keys("ctrl-u").sees("Limit");
}

/// The orders of the day, and two of the past that only the history knows: 12 bought AAPL, 13 bought MSFT.
fn with_a_past(request: &Request, snapshot: &Snapshot) -> Result<Reply, SessionError> {
    let Request::OrderHistory(query) = request else { return scripted::answer(request, snapshot) };
    let Some(OrderRef::Number(number)) = &query.order else { return scripted::answer(request, snapshot) };
    let mut orders = trading_day::orders();
    let mut bought = orders.drain(..).find(|order| order.number.0 == 37).unwrap();
    bought.number = *number;
    Ok(Reply::Orders(match number.0 {
        12 => vec![bought],
        13 => {
            bought.request.subject = OrderSubject::Instrument(trading_day::instrument("MSFT"));
            vec![bought]
        }
        _ => Vec::new(),
    }))
}

#[test]
fn a_sale_names_its_tax_lots() {
    let sells = |lots: &str| {
        let mut runner = Runner::new((80, 24));
        runner.answer = Box::new(with_a_past);
        runner.keys("s 1 0 down down a down down").sees("by the method").misses("exits");
        runner.keys("down").text(lots);
        runner
    };
    // 37 is of today, 12 of the past.
    let mut runner = sells("37, #12");
    runner.keys("enter").sees("Review order").sees("closes lots 37, 12 first").keys("enter");
    runner.sees("#90 closes lots 37, 12 first.");
    let named = runner.asked.iter().find_map(|request| match request {
        Request::SetNote { order, text } => Some((*order, text.as_str())),
        _ => None,
    });
    let sale = trading_day::request(
        90,
        Side::Sell,
        OrderSubject::Instrument(trading_day::instrument("AAPL")),
        "10",
        Pricing::Market,
    );
    assert_eq!(named, Some((sale.client_order_id, "#lot:37 #lot:12")));
    for (lots, said) in [
        ("36", "tax lots: order 36 bought no AAPL"),
        ("13", "tax lots: order 13 bought no AAPL"),
        ("99", "tax lots: order 99 bought no AAPL"),
        ("99999999999999999999", "is no number of an order"),
    ] {
        let mut runner = sells(lots);
        runner.keys("enter").misses("Review order");
        let frame = runner.frame().split_whitespace().collect::<Vec<_>>().join(" ");
        let last = said.split(' ').next_back().unwrap();
        assert!(frame.contains("tax lots:") && frame.contains(last), "{lots}\n{frame}");
        assert!(runner.executed().is_empty());
    }
    // What buys has none; nor does what opens a short position.
    Runner::new((80, 24)).keys("b").misses("tax lots");
    let mut runner = sells("");
    runner.keys("enter").sees("Review order").misses("closes lots").keys("enter");
    assert!(!runner.asked.iter().any(|request| matches!(request, Request::SetNote { .. })));
}

#[test]
fn an_order_in_slices_says_over_how_long() {
    let mut snapshot = trading_day::snapshot();
    let views = std::sync::Arc::make_mut(&mut snapshot.accounts);
    views.iter_mut().for_each(|view| view.capabilities.order_types.push(OrderType::Twap));
    let mut runner = Runner::with(options(), snapshot, (80, 24));
    runner.keys("b 1 0 down left left").sees("Twap").sees("minutes").sees("At random").misses("duration");
    runner.misses("profit at").misses("exits").keys("enter").sees("over how many minutes?");
    runner.text("0").keys("enter").sees("is none of 1 to 1440").keys("backspace").text("30");
    runner.keys("down right").sees("Even").keys("enter").sees("Review order").keys("enter");
    let [Request::Execute { command: Command::Place(place), .. }] = runner.executed()[..] else {
        panic!("{:?}", runner.executed())
    };
    assert_eq!(place.terms.twap, Some(Slices { minutes: 30, randomize: false, limit_price: None }));
    assert_eq!((place.terms.order_type, place.terms.time_in_force), (OrderType::Twap, TimeInForce::Gtc));
    assert_eq!((place.terms.take_profit, place.exit_plan.is_none()), (None, true));
}

#[test]
fn a_price_says_which_way_it_is_bounded() {
    let said = |side, pricing, measured: &str, limit: &str| {
        let aapl = OrderSubject::Instrument(trading_day::instrument("AAPL"));
        let command = scripted::understand("buy 10 aapl at 231.50").command;
        let ask = Request::Preview { command, origin: OriginKind::Ticket, account: None, ask_broker: false };
        let Ok(Reply::Preview(mut preview)) = scripted::answer(&ask, &trading_day::snapshot()) else {
            panic!()
        };
        preview.request = trading_day::request(1, side, aapl, "10", pricing);
        let check = RiskCheck::new(DenialCode::PriceCollar, Verdict::Pass);
        preview.checks =
            vec![check.with_numbers(trading_day::decimal(measured), trading_day::decimal(limit))];
        let scheme = crate::tui::theme::Schemes::new(&[]).get("dark").unwrap();
        let theme = crate::tui::theme::Theme::new(crate::tui::ColorDepth::None, &scheme, true);
        crate::tui::preview::check_lines(&preview, &theme, 72)[0].to_string()
    };
    let price = trading_day::price;
    let limit = |text| Pricing::Limit { limit_price: price(text) };
    let stop = |text| Pricing::Stop { stop_price: price(text) };
    for (side, pricing, measured, bound, words) in [
        (Side::Buy, limit("231.50"), "231.50", "245", "231.50, at most 245.00"),
        (Side::Sell, limit("1.27"), "1.27", "0.8925", "1.27, at least 0.8925"),
        (Side::SellShort, limit("231.50"), "231.50", "220", "231.50, at least 220.00"),
        (Side::Buy, stop("200"), "200", "231.80", "200.00, to be above 231.80"),
        (Side::Sell, stop("240"), "240", "231.80", "240.00, to be below 231.80"),
    ] {
        let line = said(side, pricing, measured, bound);
        assert!(line.ends_with(words), "{line}");
    }
}

#[test]
fn orders_are_canceled_and_replaced_after_a_question() {
    let mut runner = Runner::new((120, 40));
    runner.keys("4 j j c").sees("Cancel order #42?").sees("BUY 10 AAPL LMT 231.50 DAY");
    assert!(!runner.asked.iter().any(|r| matches!(r, Request::Cancel { .. })));
    runner.keys("enter").misses("Cancel order #42?");
    assert!(runner.asked.iter().any(|r| matches!(r, Request::Cancel { .. })));
    runner.keys("r").sees("Replace #42").keys("enter").sees("nothing has changed");
    runner.keys("backspace 4 enter").sees("Replace order #42?").sees("limit 231.50 -> 231.54").keys("enter");
    let replaced = runner.asked.iter().find_map(|r| match r {
        Request::Replace { change, .. } => Some(change),
        _ => None,
    });
    let change = replaced.unwrap();
    assert_eq!((change.limit_price, change.quantity), (Some(trading_day::price("231.54")), None));
    runner.keys("f j j j c").sees("has ended");
}

#[test]
fn a_replace_shows_every_leg() {
    let mut snapshot = trading_day::snapshot();
    let orders = std::sync::Arc::make_mut(&mut snapshot.orders);
    let spread = orders.iter_mut().find(|order| order.number.0 == 40).unwrap();
    let OrderSubject::Legs(legs) = &mut spread.request.subject else { panic!() };
    legs.extend(legs.clone());
    let mut runner = Runner::with(options(), snapshot, (80, 24));
    runner.keys("4 j j j j r").sees("Replace #40").sees("3.20").keys("enter").sees("nothing has changed");
    assert_eq!(runner.frame().matches("610C").count(), 2, "{}", runner.frame());
    runner.keys("+ enter").sees("Replace order #40?");
    assert_eq!(runner.frame().matches("610C").count(), 2, "{}", runner.frame());
}

#[test]
fn positions_are_closed_after_a_review() {
    let mut runner = Runner::new((120, 40));
    runner.keys("3 j x").sees("Review order").sees("BUY TO COVER 50 MSFT").sees("market, DAY");
    runner.keys("esc").misses("Review order");
    assert!(runner.executed().is_empty());
}

#[test]
fn an_alert_is_begun_from_a_position() {
    let mut runner = Runner::new((120, 40));
    runner.keys("3 a").sees(": alert AAPL below ");
}

#[test]
fn the_kill_switch_works_over_everything() {
    for before in ["b 1 0 down down a enter", ": b u y", "ctrl-p a", "4 r", "?", "/ a"] {
        let mut runner = Runner::new((120, 40));
        runner.keys(before).keys("ctrl-k").sees("Halt all trading?").keys("ctrl-k");
        assert!(!runner.asked.iter().any(|r| matches!(r, Request::Halt { .. })), "{before}");
        runner.keys("enter");
        let halts = runner.asked.iter().filter(|r| matches!(r, Request::Halt { all: false })).count();
        assert_eq!(halts, 1, "{before}");
    }
    // And so does the key that it was given instead.
    for before in ["b 1 0 down down a enter", ": b u y", "ctrl-p a", "4 r", "?", "/ a", ", a"] {
        let keys = std::collections::BTreeMap::from([("halt".to_owned(), vec!["f9".to_owned()])]);
        let options = crate::tui::Options { keys, ..options() };
        let mut runner = Runner::with(options, trading_day::snapshot(), (120, 40));
        runner.keys(before).keys("f9").sees("Halt all trading?").keys("enter");
        let halts = runner.asked.iter().filter(|r| matches!(r, Request::Halt { all: false })).count();
        assert_eq!(halts, 1, "{before}");
    }
}

#[test]
fn the_same_order_twice_must_be_meant() {
    let mut runner = filled((120, 40));
    runner.answer = Box::new(|request, snapshot| match scripted::answer(request, snapshot) {
        Ok(Reply::Preview(mut preview)) => {
            let check = RiskCheck::new(DenialCode::Duplicate, Verdict::Fail);
            preview.denials = check.denial().into_iter().collect();
            Ok(Reply::Preview(preview))
        }
        answer => answer,
    });
    runner.keys("enter").sees("The same order went a moment ago").keys("enter").sees("Review order");
    assert!(runner.executed().is_empty());
    runner.keys("d").sees("second time on purpose").keys("enter").misses("Review order");
    assert!(matches!(runner.executed()[..], [Request::Execute { allow_duplicate: true, .. }]));
}

#[test]
fn an_open_review_is_kept_fresh() {
    let mut runner = filled((120, 40));
    runner.keys("enter");
    let before = runner.asked.len();
    runner.wait(29_000);
    assert_eq!(runner.asked.len(), before);
    runner.wait(1_000);
    assert!(matches!(runner.asked[before..], [Request::Preview { .. }]));
    // What Enter would confirm has just been shown anew.
    runner.key("enter").sees("Review order").wait(50).key("enter").misses("Review order");
}

/// A broker that says what an order would cost is asked once the keys rest, and never waited for; one that does not is not asked.
#[test]
fn the_broker_itself_is_asked_while_an_order_is_written() {
    for says in [true, false] {
        let mut snapshot = trading_day::snapshot();
        let views = std::sync::Arc::make_mut(&mut snapshot.accounts);
        views.iter_mut().for_each(|view| view.capabilities.preview = says);
        let mut runner = Runner::with(options(), snapshot, (120, 40));
        runner.answer = Box::new(|request, snapshot| match (request, scripted::answer(request, snapshot)) {
            (Request::Preview { ask_broker: true, .. }, Ok(Reply::Preview(mut preview))) => {
                preview.broker = Some(BrokerPreview {
                    fee: Some(Money::usd(rust_decimal::Decimal::new(65, 2))),
                    warnings: vec!["Volatile".to_owned()],
                    ..BrokerPreview::default()
                });
                Ok(Reply::Preview(preview))
            }
            (_, answer) => answer,
        });
        let asked = |runner: &Runner| {
            let to_broker = |r: &&Request| matches!(r, Request::Preview { ask_broker: true, .. });
            runner.asked.iter().filter(to_broker).count()
        };
        runner.keys("b 1 0 down down a");
        runner.key("+").wait(300).key("+").wait(300).key("+");
        assert_eq!(asked(&runner), 0, "not while keys come");
        runner.wait(699);
        assert_eq!(asked(&runner), 0);
        runner.wait(1);
        assert_eq!(asked(&runner), usize::from(says), "once after them");
        if !says {
            runner.wait(60_000).misses("broker: asked").misses("broker, now").misses("Volatile");
            assert_eq!(asked(&runner), 0);
            continue;
        }
        runner.sees("broker, now").sees("0.65 USD").sees("Volatile").sees("✓ 6 risk checks");
        runner.wait(10_000).sees("broker, 10 s ago");
        assert_eq!(asked(&runner), 1, "and not again while nothing moves");
        // Another order: what was said of the one before is gone at once, and keys are not waited for.
        runner.deaf = true;
        runner.key("+").misses("Volatile").wait(3_000);
        assert_eq!(asked(&runner), 2);
        runner.key("+").wait(3_000).key("+").wait(3_000);
        assert_eq!(asked(&runner), 2, "one question at a time");
        // The review asks for itself.
        runner.deaf = false;
        runner.keys("enter").sees("Review order").sees("Volatile");
    }
}
