//! The opening and the closing auction, and the end of a session.

use super::*;

#[test]
fn day_orders_expire_with_their_session_and_closing_orders_fill_at_it() {
    check(
        "quote AAPL 99.98x500 100.00x500 last 99.99
         order 1 buy 100 AAPL lmt 90
         order 2 buy 100 AAPL mkt cls
         order 3 buy 100 AAPL lmt 90 gtc
         quote AAPL 99.98x500 100.00x500 last 99.99
         at 2026-11-24T21:00:00Z",
        "1 ack
         2 ack
         3 ack
         1 expired
         2 filled 100 at 99.99 fee 0",
    );
}

#[test]
fn opening_orders_wait_for_the_next_bell() {
    check(
        "order 1 buy 100 AAPL mkt opg
         quote AAPL 99.98x500 100.00x500
         at 2026-11-25T14:29:59Z
         quote AAPL 101.98x500 102.00x500
         quote AAPL 102.98x500 103.00x500",
        "1 ack
         1 filled 100 at 102 fee 0",
    );
}

#[test]
fn an_auction_gives_the_whole_order_one_price() {
    check(
        "quote AAPL 99.98x5 100.00x5 last 99.99
         order 1 buy 1000 AAPL lmt 100.50 cls
         order 2 buy 1000 AAPL lmt 99.50 cls
         order 3 buy 1000 AAPL mkt opg
         order 4 buy 1000 AAPL lmt 90 opg
         quote AAPL 99.98x5 100.00x5 last 99.99
         at 2026-11-24T21:00:00Z
         at 2026-11-25T14:30:00Z
         quote AAPL 101.98x5 102.00x5 open 101.50 live",
        "1 ack
         2 ack
         3 ack
         4 ack
         1 filled 1000 at 99.99 fee 0
         2 expired
         3 filled 1000 at 101.5 fee 0
         4 canceled not filled in the opening auction",
    );
}

#[test]
fn no_auction_uses_a_price_of_another_day() {
    check(
        "quote AAPL 99.98x5 100.00x5 last 99.99
         at 2026-11-25T15:00:00Z
         order 1 buy 10 AAPL mkt cls
         at 2026-11-25T21:00:00Z",
        "1 ack
         1 expired",
    );
}
