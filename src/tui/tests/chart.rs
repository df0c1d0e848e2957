//! The chart: shapes, studies, the crosshair, one's own orders at their prices.

use super::harness::Runner;

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
    runner.keys("u").sees("rsi14").sees("70.0").keys("u").sees("macd12,26,9").keys("u").misses("macd");
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
