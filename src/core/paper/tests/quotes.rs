//! Orders against quotes.

use super::*;

#[test]
fn a_market_order_takes_the_displayed_size_and_waits_for_more() {
    check(
        "quote AAPL 99.98x500 100.02x300
         order 1 buy 400 AAPL mkt
         quote AAPL 99.98x500 100.02x300
         quote AAPL 99.99x500 100.03x300",
        "1 ack
         1 filled 300 at 100.02 fee 0
         1 filled 100 at 100.03 fee 0",
    );
}

/// What was taken comes back with a quote that is another one, though no order looked at that.
#[test]
fn a_new_quote_shows_its_size_anew_whether_an_order_looks_or_not() {
    check(
        "quote AAPL 99.98x500 100.02x300
         order 1 buy 300 AAPL mkt
         quote AAPL 99.98x500 100.02x300
         quote AAPL 99.97x500 100.03x200
         quote AAPL 99.98x500 100.02x300
         order 2 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.02x300",
        "1 ack
         1 filled 300 at 100.02 fee 0
         2 ack
         2 filled 100 at 100.02 fee 0",
    );
}

#[test]
fn limits_fill_better_on_arrival_and_at_their_price_when_resting() {
    check(
        "order 1 buy 100 AAPL lmt 100.10
         quote AAPL 99.98x500 100.02x300
         order 2 buy 100 AAPL lmt 99.50
         quote AAPL 99.98x500 100.02x300
         quote AAPL 99.40x500 99.45x60
         quote AAPL 99.48x500 99.52x60 last 99.50
         quote AAPL 99.48x500 99.52x60 last 99.49",
        "1 ack
         1 filled 100 at 100.02 fee 0
         2 ack
         2 filled 60 at 99.5 fee 0
         2 filled 40 at 99.5 fee 0",
    );
}

#[test]
fn stops_trigger_and_stop_limits_wait_one_event() {
    check(
        "order 1 sell 100 AAPL lmt 1 gtc
         cancel 1
         order 2 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.02x300
         order 3 sell 50 AAPL stp 99.50
         order 4 sell 50 AAPL stplmt 99.50 99.30
         quote AAPL 99.60x500 99.64x300
         quote AAPL 99.50x500 99.54x300
         quote AAPL 99.20x500 99.24x300
         quote AAPL 99.31x500 99.35x300",
        "1 ack
         1 canceled -
         2 ack
         2 filled 100 at 100.02 fee 0
         3 ack
         4 ack
         3 filled 50 at 99.5 fee 0
         4 filled 50 at 99.3 fee 0",
    );
}

#[test]
fn trailing_stops_only_ratchet() {
    check(
        "order 1 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.00x300
         order 2 sell 50 AAPL trail 2
         order 3 sell 50 AAPL trail 5%
         quote AAPL 104.00x500 104.02x300
         quote AAPL 103.00x500 103.02x300
         quote AAPL 102.00x500 102.02x300
         quote AAPL 98.79x500 98.81x300",
        "1 ack
         1 filled 100 at 100 fee 0
         2 ack
         3 ack
         2 stop at 102
         3 stop at 98.8
         2 filled 50 at 102 fee 0
         3 filled 50 at 98.79 fee 0",
    );
}

/// Where it stands is told at first, and then at most every ten seconds, once it has moved by a thousandth: not at every tick.
#[test]
fn a_trailing_stop_that_moves_is_told_of_sparingly() {
    check(
        "quote AAPL 100.00x500 100.02x300
         order 1 buy 100 AAPL mkt gtc
         quote AAPL 100.00x500 100.02x300
         order 2 sell 100 AAPL trail 2 gtc
         quote AAPL 100.10x500 100.12x300
         quote AAPL 100.20x500 100.22x300
         quote AAPL 103.00x500 103.02x300
         at 2026-11-24T15:01:00Z
         quote AAPL 103.00x500 103.02x300
         at 2026-11-24T15:02:00Z
         quote AAPL 103.05x500 103.07x300
         at 2026-11-24T15:03:00Z
         quote AAPL 101.00x500 101.02x300",
        "1 ack
         1 filled 100 at 100.02 fee 0
         2 ack
         2 stop at 98.1
         2 stop at 101
         2 filled 100 at 101 fee 0",
    );
}

#[test]
fn immediate_orders_do_not_wait() {
    check(
        "quote AAPL 99.98x500 100.02x300
         order 1 buy 400 AAPL lmt 100.02 ioc
         quote AAPL 99.98x500 100.02x300
         order 2 buy 400 AAPL lmt 100.02 fok
         quote AAPL 99.98x500 100.02x300
         order 3 buy 300 AAPL lmt 100.02 fok
         quote AAPL 99.98x500 100.02x301
         order 4 buy 10 AAPL lmt 100.02 post
         quote AAPL 99.98x500 100.02x300",
        "1 ack
         1 filled 300 at 100.02 fee 0
         1 canceled not filled at once
         2 ack
         2 canceled not filled at once
         3 ack
         3 filled 300 at 100.02 fee 0
         4 ack
         4 canceled post only: it would have taken",
    );
}

#[test]
fn crypto_pays_maker_or_taker() {
    check(
        "quote BTC-USD 99990x1 100000x1
         order 1 buy 0.5 BTC-USD mkt gtc
         quote BTC-USD 99990x1 100000x1
         order 2 buy 0.1 BTC-USD lmt 99000 gtc
         quote BTC-USD 99990x1 100000x1
         quote BTC-USD 98980x1 98990x1",
        // Five hundredths of a per cent of slippage: 50 on 100,000.
        "1 ack
         1 filled 0.5 at 100050 fee 125.06
         2 ack
         2 filled 0.1 at 99000 fee 14.85",
    );
}

#[test]
fn what_has_been_taken_is_gone_until_the_side_shows_something_new() {
    check(
        "quote AAPL 99.98x500 100.02x300
         order 1 buy 400 AAPL mkt gtc
         quote AAPL 99.98x500 100.02x300
         quote AAPL 99.98x500 100.02x300 last 100.02
         quote AAPL 99.97x500 100.02x300
         quote AAPL 99.97x500 100.02x250",
        "1 ack
         1 filled 300 at 100.02 fee 0
         1 filled 100 at 100.02 fee 0",
    );
}

#[test]
fn nobody_trades_on_stale_halted_or_one_sided_prices() {
    check(
        "quote AAPL 99.98x500 100.02x300
         order 1 buy 10 AAPL mkt gtc
         quote AAPL 99.98x500 100.02x300 age 31
         quote AAPL 99.98x500 100.02x300 halted
         quote AAPL 99.98x500 100.02x300 frozen
         quote AAPL 99.98x500 -
         quote AAPL 99.98x500 100.01x300",
        "1 ack
         1 filled 10 at 100.01 fee 0",
    );
}

#[test]
fn only_a_new_trade_is_a_print() {
    // The last price below the limit is of before the order: it has not traded through it.
    check(
        "quote AAPL 99.98x500 100.05x300 last 99.90
         order 1 buy 10 AAPL lmt 99.95 gtc
         order 2 sell 10 AAPL stp 99.93 gtc
         quote AAPL 99.97x500 100.05x300 last 99.90
         quote AAPL 99.98x500 100.05x300 last 99.90
         quote AAPL 99.98x500 100.05x300 last 99.90 vol 100",
        "1 ack
         2 ack
         1 filled 10 at 99.95 fee 0
         2 filled 10 at 99.98 fee 0",
    );
}

#[test]
fn a_corrected_extreme_of_the_session_is_no_trade() {
    // The feed puts its day's low and high right, with and without more volume: nobody has traded there now.
    check(
        "quote AAPL 99.98x500 100.05x300 last 100.01 low 99.50 high 100.50 vol 1000
         order 1 buy 10 AAPL lmt 99 gtc
         order 2 sell 10 AAPL stp 98.50 gtc
         order 3 sell 10 AAPL lmt 102 gtc
         quote AAPL 99.98x500 100.05x300 last 100.01 low 98.00 high 103.00 vol 1000
         quote AAPL 99.97x500 100.04x300 last 100.00 low 97.00 high 104.00 vol 1200",
        "1 ack
         2 ack
         3 ack",
    );
}

#[test]
fn at_its_price_an_order_waits_for_its_place_in_the_queue() {
    let script = "quote AAPL 99.98x200 100.05x300 vol 1000
         order 1 buy 100 AAPL lmt 99.98 gtc
         quote AAPL 99.98x200 100.05x300 vol 1000
         quote AAPL 99.98x150 100.05x300 last 99.98 vol 1150
         quote AAPL 99.98x150 100.05x300 last 99.98 vol 1220
         quote AAPL 99.98x150 100.05x300 last 99.98 vol 1300";
    check(script, "1 ack");
    check_with(
        |config| config.touch = Touch::Queue,
        script,
        "1 ack
         1 filled 20 at 99.98 fee 0
         1 filled 80 at 99.98 fee 0",
    );
    // Better than the best, nobody stands in front.
    check_with(
        |config| config.touch = Touch::Queue,
        "quote AAPL 99.98x200 100.05x300 vol 1000
         order 1 buy 100 AAPL lmt 100 gtc
         quote AAPL 99.98x200 100.05x300 vol 1000
         quote AAPL 99.98x200 100.05x300 last 100 vol 1040",
        "1 ack
         1 filled 40 at 100 fee 0",
    );
}

#[test]
fn a_part_of_the_displayed_size_is_whole_shares() {
    check_with(
        |config| config.participation = Decimal::new(25, 2),
        "quote AAPL 99.98x500 100.02x30
         order 1 buy 10 AAPL mkt gtc
         quote AAPL 99.98x500 100.02x30
         quote AAPL 99.98x500 100.02x3
         quote AAPL 99.98x500 100.02x30",
        "1 ack
         1 filled 7 at 100.02 fee 0
         1 filled 3 at 100.02 fee 0",
    );
}

#[test]
fn slippage_by_model() {
    let script = "quote AAPL 99.90x500 100.00x1000
         order 1 buy 100 AAPL mkt gtc
         quote AAPL 99.90x500 100.00x1000";
    let rows = [
        (Slippage::None, "100"),
        (Slippage::Ticks(3), "100.03"),
        (Slippage::BasisPoints(Decimal::from(5)), "100.05"),
        (Slippage::Spread(Decimal::new(25, 2)), "100.03"),
        // A tenth of the volume counts as 2.5 %: 0.025² x 0.1 x 100 is 0.6 cents, a cent on the tick.
        (Slippage::VolumeShare, "100.01"),
        // 0.7 x 2 % x root of (100 / 10,000) x 100 is 14 cents.
        (Slippage::SquareRoot(Decimal::new(7, 1)), "100.14"),
    ];
    for (slippage, price) in rows {
        let mut venue = venue_with(|config| config.slippage = slippage);
        let stats = DailyStats { volume: Decimal::from(10_000), volatility: 0.02 };
        venue.set_daily_stats(&Instrument::equity("AAPL").unwrap(), stats);
        let report = run(&mut venue, script);
        assert_eq!(report, format!("1 ack\n1 filled 100 at {price} fee 0\n"), "{slippage:?}");
    }
    // A limit is never passed, whatever the model.
    check_with(
        |config| config.slippage = Slippage::Ticks(10),
        "quote AAPL 99.90x500 100.00x1000
         order 1 buy 100 AAPL lmt 100.04 gtc
         quote AAPL 99.90x500 100.00x1000",
        "1 ack
         1 filled 100 at 100.04 fee 0",
    );
}

#[test]
fn an_order_pays_its_minimum_once() {
    check_with(
        |config| {
            config.fees.equity_per_share = Decimal::new(5, 3);
            config.fees.equity_order_min = Decimal::ONE;
            config.fees.equity_order_max_percent = Decimal::new(5, 1);
        },
        "quote AAPL 99.98x500 100.00x100
         order 1 buy 300 AAPL mkt gtc
         quote AAPL 99.98x500 100.00x100
         quote AAPL 99.98x500 100.00x50
         quote AAPL 99.98x500 100.00x900",
        "1 ack
         1 filled 100 at 100 fee 1
         1 filled 50 at 100 fee 0
         1 filled 150 at 100 fee 0.5",
    );
}

#[test]
fn what_is_held_in_another_currency_is_worth_what_its_pair_says() {
    let mut venue = venue();
    let script = "quote USD/JPY 150.00x1000000 150.00x1000000
         order 1 buy 10000 USD/JPY mkt gtc
         quote USD/JPY 150.00x1000000 150.00x1000001";
    assert_eq!(run(&mut venue, script), "1 ack\n1 filled 10000 at 150 fee 0\n");
    let account = venue.account(venue.now);
    // 1,500,000 yen are owed for 10,000 dollars: nothing is gained or lost.
    assert_eq!(account.net_liquidation.round_dp(2), Decimal::from(1_000_000));
    run(&mut venue, "quote USD/JPY 151.50x1000000 151.50x1000000");
    // 15,000 yen of gain, at the new rate.
    assert_eq!(venue.account(venue.now).net_liquidation.round_dp(2), Decimal::new(100_009_901, 2));
}
