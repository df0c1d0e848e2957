//! The chart: shapes, studies, the crosshair, one's own orders at their prices.

use super::harness::Runner;
use crate::client::{Reply, Request};
use crate::domain::quote::Interval;

#[test]
fn keys_change_shape_study_and_lines() {
    let mut runner = Runner::new((120, 40));
    runner.keys("2").sees("─ AAPL  5m  sma20 bb20,2");
    runner
        .keys("v")
        .sees("5m  heikin-ashi  sma20")
        .keys("v")
        .sees("5m  line  sma20")
        .keys("v")
        .misses("line");
    runner.keys("u").sees("rsi14").sees("70.0").keys("u").sees("macd12,26,9");
    runner.keys("u").sees("rsi14 macd12,26,9").sees("70.0").keys("u").misses("macd");
    runner.keys("o o o").sees("5m  vwap").keys("o").sees("5m  bb20,2").keys("i").sees("15m  bb20,2");
}

#[test]
fn the_crosshair_reads_candles_and_takes_the_chart_with_it() {
    let mut runner = Runner::new((120, 40));
    runner.keys("2 c").sees("13:45 EST  o ").sees("sma20 ").sees("┊");
    runner.keys("h").sees("13:40 EST  o ").keys("l l l").sees("13:45 EST  o ");
    for _ in 0..60 {
        runner.key("h");
    }
    runner.sees("08:45 EST  o ");
    runner.keys("0").sees("13:45 EST  o ").keys("esc").misses("┊").sees("b 231.79");
    // Another instrument begins without it.
    runner.keys("c 1 j").misses("┊");
}

#[test]
fn own_orders_and_holdings_stand_at_their_prices() {
    let mut runner = Runner::new((200, 60));
    // Order #42 buys at 231.50, in view; #39 trails and has no price.
    runner.sees("buy 10 #42").sees("231.50◂").misses("#39 ");
}

#[test]
fn an_orders_price_is_moved_by_keys_and_asked_about() {
    use crate::client::Request;
    let mut runner = Runner::new((120, 40));
    runner
        .keys("2 m")
        .sees("move buy 10 #42")
        .sees("231.50 → 231.50")
        .keys("up up down k")
        .sees("231.50 → 231.52");
    runner.sees("moved here").sees("Enter replace");
    insta::assert_snapshot!("chart_moving_120x40", runner.frame());
    // Esc leaves the order as it is.
    runner.keys("esc").misses("moved here").sees("b 231.79");
    runner.keys("m pagedown enter").sees("Replace order #42?").sees("limit 231.50 -> 231.40");
    assert!(!runner.asked.iter().any(|request| matches!(request, Request::Replace { .. })));
    runner.keys("enter");
    let change = runner.asked.iter().find_map(|request| match request {
        Request::Replace { change, .. } => Some(change),
        _ => None,
    });
    let expected = Some(super::trading_day::price("231.40"));
    assert_eq!(change.unwrap().limit_price, expected);
    // Without a change nothing is asked.
    runner.keys("m enter").misses("Replace order #42?");
    // What has no order with a price says so.
    runner.keys("1 G 2 m").sees("has a price to move");
}

#[test]
fn bars_that_were_imported_say_so() {
    use crate::client::bars::{BarOrigin, ImportedSpan, Seam};
    let mut runner = Runner::new((120, 40));
    runner.misses("imported");
    runner.answer =
        Box::new(|request, snapshot| match (request, super::scripted::answer(request, snapshot)) {
            (Request::History { interval: Interval::Day1, .. }, Ok(Reply::History { bars, .. })) => {
                let until = "2026-11-03T21:00:00Z".parse().unwrap();
                let span =
                    ImportedSpan { name: "nq".into(), from: "2026-10-05T13:30:00Z".parse().unwrap(), until };
                let seam = |back: usize, origin| Seam { from: bars[bars.len() - back].start, origin };
                let seams = vec![
                    seam(bars.len(), BarOrigin::Recorded),
                    seam(30, BarOrigin::Imported("nq".into())),
                    seam(9, BarOrigin::Simulated),
                ];
                Ok(Reply::History { bars, imported: Some(span), seams })
            }
            (_, answer) => answer,
        });
    runner.keys(":").text("chart aapl 1d").keys("enter").sees("1d  imported nq 05 Oct to 03 Nov 2026");
    // A line where bars of another origin begin, with its name, at every width of the candles.
    let frame = runner.sees("│ SIM").frame();
    assert_eq!(frame.matches("imported nq").count(), 2, "in the title and at its seam\n{frame}");
    for key in ["+", "+", "-"] {
        runner.keys("2").keys(key).sees("│ SIM");
    }
    runner.keys(":").text("chart aapl 5m").keys("enter").misses("imported").misses("│ SIM");
}

#[test]
fn bars_of_a_simulated_market_are_no_past_of_real_prices() {
    use crate::domain::quote::Feed;
    // Wide enough for the lines of the day.
    let mut runner = Runner::new((200, 60));
    let counted = |runner: &Runner| {
        let charts = runner.asked.iter().filter(|r| matches!(r, Request::History { .. })).count();
        let days = runner.asked.iter().filter(|r| matches!(r, Request::Bars { .. })).count();
        (charts, days)
    };
    runner.wait(100).wait(100).wait(100).wait(100).wait(100);
    let before = counted(&runner);
    assert!(before.0 == 1 && before.1 > 3, "{before:?}");
    let mut live = super::trading_day::moved(&runner.snapshot.clone(), 1, 0);
    let mut quotes = live.quotes.as_ref().clone();
    quotes.values_mut().for_each(|quote| quote.feed = Feed::RealTime);
    live.quotes = quotes.into();
    runner.show(live).wait(100).wait(100).wait(100).wait(100).wait(100);
    assert_eq!(counted(&runner), (2, 2 * before.1), "each is asked for once more");
    let again = super::trading_day::moved(&runner.snapshot.clone(), 2, 20);
    runner.show(again).wait(100);
    assert_eq!(counted(&runner), (2, 2 * before.1));
}
