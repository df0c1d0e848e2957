//! What holding costs, and fees that are taken in what is received.

use super::*;

fn costly(config: &mut VenueConfig) {
    config.fees.margin_interest_percent = Decimal::from(9);
    config.fees.short_borrow_percent = Decimal::from(18);
    config.opening_cash = Decimal::from(100_000);
}

/// 50,000 owed at 9 % are 12.50 a day of 360, holidays too, and interest is owed like the rest; what is paid back costs nothing more.
#[test]
fn money_that_is_owed_bears_interest_each_day() {
    check_with(
        costly,
        "quote AAPL 99.99x5000 100.00x5000
         order 1 buy 1500 AAPL mkt gtc
         quote AAPL 99.99x5000 100.00x5000
         at 2026-11-24T21:59:59Z
         at 2026-11-24T22:00:00Z
         at 2026-11-27T22:00:00Z
         quote AAPL 99.99x5000 100.00x5000
         order 2 sell 1500 AAPL mkt gtc
         quote AAPL 99.99x5000 100.00x5000
         at 2026-12-10T22:00:00Z",
        "1 ack
         1 filled 1500 at 100 fee 0
         cash -12.50
         cash -12.50
         cash -12.51
         cash -12.51
         2 ack
         2 filled 1500 at 99.99 fee 0",
    );
}

/// 100 shares worth 10,000 at 18 % are 5.00 a day; the cash of their sale is the lender's pledge and bears nothing here.
#[test]
fn shares_sold_short_are_lent_for_a_fee() {
    check_with(
        costly,
        "quote AAPL 100.00x5000 100.00x5000
         order 1 short 100 AAPL mkt gtc
         quote AAPL 100.00x5000 100.00x5000
         at 2026-11-25T22:00:00Z
         quote AAPL 200.00x5000 200.00x5000
         at 2026-11-26T22:00:00Z",
        "1 ack
         1 filled 100 at 100 fee 0
         cash -5.00
         cash -5.00
         cash -10.00",
    );
}

#[test]
fn nothing_is_charged_while_no_rate_is_named() {
    check(
        "quote AAPL 99.99x50000 100.00x50000
         order 1 buy 15000 AAPL mkt gtc
         quote AAPL 99.99x50000 100.00x50000
         at 2026-12-24T22:00:00Z",
        "1 ack
         1 filled 15000 at 100 fee 0",
    );
}

/// The day that is owed is known after a restart, and is not charged twice.
#[test]
fn a_day_is_charged_once_over_a_restart() {
    let mut venue = venue_with(costly);
    run(
        &mut venue,
        "quote AAPL 99.99x5000 100.00x5000
         order 1 buy 1500 AAPL mkt gtc
         quote AAPL 99.99x5000 100.00x5000
         at 2026-11-24T22:00:00Z",
    );
    let stored = serde_json::to_string(&venue).unwrap();
    let mut again: Venue = serde_json::from_str(&stored).unwrap();
    again.reopen();
    assert_eq!(run(&mut again, "at 2026-11-25T22:00:01Z"), "cash -12.50\n");
}

/// A quarter of a per cent of the coins bought stays with the venue; what arrives has cost what was paid. A sale pays in money.
#[test]
fn a_purchase_of_coins_pays_in_coins_where_the_venue_does_so() {
    let in_coin = |config: &mut VenueConfig| {
        config.slippage_crypto = Slippage::None;
        config.fees.crypto_fee_in_coin = true;
    };
    let mut venue = venue_with(in_coin);
    let report = run(
        &mut venue,
        "quote BTC-USD 99999x5 100000x5
         order 1 buy 1 BTC-USD mkt gtc
         quote BTC-USD 99999x5 100000x5",
    );
    assert_eq!(report, "1 ack\n1 filled 1 at 100000 fee 0\nfee sell 0.0025 BTC-USD at 0\n");
    let position = &venue.positions()[0];
    assert_eq!(position.quantity.to_string(), "0.9975");
    let cost = position.average_price.get() * position.quantity.get();
    assert_eq!(cost.round_dp(4), Decimal::from(100_000));
    let account = venue.account(venue.now);
    assert_eq!((account.cash, account.fees.round_dp(4)), (Decimal::from(900_000), Decimal::from(250)));
    // Cash and coins at their mark are the equity, to the last cent.
    assert_eq!(account.net_liquidation, account.cash + Decimal::new(9_975, 4) * Decimal::new(999_995, 1));
    let report = run(
        &mut venue,
        "order 2 sell 0.5 BTC-USD mkt gtc
         quote BTC-USD 100000x5 100001x5",
    );
    assert_eq!(report, "2 ack\n2 filled 0.5 at 100000 fee 125\n");
}
