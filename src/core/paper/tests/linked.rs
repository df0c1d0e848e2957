//! Brackets, pairs, replaces, and a venue that is stored and resumed.

use super::*;

#[test]
fn a_bracket_follows_its_parent_and_one_exit_cancels_the_other() {
    check(
        "order 1 buy 100 AAPL lmt 100 tp 110 sl 95
         quote AAPL 99.98x500 100.00x60
         quote AAPL 99.98x500 100.00x100
         quote AAPL 110.00x40 110.02x300
         quote AAPL 110.50x500 110.52x300",
        "11 ack
         12 ack
         1 ack
         1 filled 60 at 100 fee 0
         11 quantity 60
         12 quantity 60
         1 filled 40 at 100 fee 0
         11 quantity 100
         12 quantity 100
         11 filled 40 at 110 fee 0
         12 quantity 60
         11 filled 60 at 110 fee 0
         12 canceled the other side of its pair filled",
    );
}

#[test]
fn a_parent_that_never_fills_takes_its_exits_with_it() {
    check(
        "order 1 buy 100 AAPL lmt 90 tp 110 sl 85
         quote AAPL 99.98x500 100.00x60
         cancel 1
         quote AAPL 99.98x500 100.00x60",
        "11 ack
         12 ack
         1 ack
         1 canceled -
         11 canceled its parent ended without a fill
         12 canceled its parent ended without a fill",
    );
}

#[test]
fn a_replace_ends_the_old_row_and_works_the_new_one() {
    check(
        "order 1 buy 100 AAPL lmt 90 gtc
         quote AAPL 99.98x500 100.00x60
         replace 1 by 2 buy 100 AAPL lmt 99 gtc
         cancel 1
         quote AAPL 98.90x500 98.95x200
         cancel 2",
        "1 ack
         1 replaced by 2
         2 ack
         1 too late
         2 filled 100 at 98.95 fee 0
         2 too late",
    );
}

/// 60 of 100 have filled, of which whoever replaces it knows 40: both orders together are for 100 all the same.
#[test]
fn a_replace_that_crosses_a_fill_is_for_what_is_left_of_the_whole() {
    check(
        "order 1 buy 100 AAPL lmt 100 gtc
         quote AAPL 99.98x500 100.00x60
         replace 1 after 40 by 2 buy 60 AAPL lmt 99 gtc
         quote AAPL 98.90x500 98.95x200
         replace 2 after 0 by 3 buy 10 AAPL lmt 98 gtc
         order 4 buy 50 AAPL lmt 98.95 gtc
         quote AAPL 98.90x500 98.95x30
         replace 4 after 0 by 5 buy 20 AAPL lmt 98 gtc
         cancel 4
         quote AAPL 98.00x500 98.95x30",
        "1 ack
         1 filled 60 at 100 fee 0
         1 replaced by 2
         2 ack
         2 quantity 40
         2 filled 40 at 98.95 fee 0
         2 replace refused
         3 rejected TOO_LATE
         4 ack
         4 filled 30 at 98.95 fee 0
         4 replace refused
         5 rejected TOO_LATE
         4 canceled -",
    );
}

/// What one exit has closed the other does not close again when more of the parent fills, and a parent that was replaced keeps what had filled.
#[test]
fn exits_are_for_what_is_open_of_their_parent() {
    check(
        "order 1 buy 100 AAPL lmt 100 tp 110 sl 95 gtc
         quote AAPL 99.98x500 100.00x40
         replace 1 after 40 by 2 buy 60 AAPL lmt 99 gtc
         quote AAPL 110.00x10 110.02x300
         quote AAPL 98.90x500 98.95x200",
        "11 ack
         12 ack
         1 ack
         1 filled 40 at 100 fee 0
         11 quantity 40
         12 quantity 40
         1 replaced by 2
         2 ack
         11 filled 10 at 110 fee 0
         12 quantity 30
         2 filled 60 at 99 fee 0
         11 quantity 100
         12 quantity 90",
    );
}

#[test]
fn oco_and_oto_without_a_bracket() {
    check(
        "order 1 buy 100 AAPL mkt
         order 2 sell 100 AAPL lmt 110 gtc parent 1 oco 9
         order 3 sell 100 AAPL stp 95 gtc parent 1 oco 9
         quote AAPL 99.98x500 100.00x500
         quote AAPL 94.00x500 94.02x500",
        "2 ack
         1 ack
         3 ack
         1 filled 100 at 100 fee 0
         3 filled 100 at 94 fee 0
         2 canceled the other side of its pair filled",
    );
}

#[test]
fn an_exit_never_opens_a_position_of_its_own() {
    // The bracket's exits are for 100; 70 are sold beside it, so 30 are left to close.
    let mut venue = venue();
    run(
        &mut venue,
        "quote AAPL 99.98x500 100.00x500
         order 1 buy 100 AAPL lmt 100 tp 110 sl 95 gtc
         quote AAPL 99.98x500 100.00x500
         order 2 sell 70 AAPL mkt gtc
         quote AAPL 99.98x500 100.00x500
         quote AAPL 94.00x500 94.02x500",
    );
    assert_eq!(venue.books().quantity(&Instrument::equity("AAPL").unwrap()), Quantity::ZERO);
}

#[test]
fn the_same_intent_twice_is_one_order() {
    check(
        "quote AAPL 99.98x500 100.00x500
         order 1 buy 100 AAPL mkt
         order 1 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.00x500
         order 1 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.00x500",
        "1 ack
         1 filled 100 at 100 fee 0",
    );
}

#[test]
fn a_stored_venue_goes_on_where_it_was() {
    let before = "quote AAPL 99.98x500 100.00x60
                  order 1 buy 100 AAPL lmt 100 tp 110 sl 95 gtc
                  quote AAPL 99.98x500 100.00x60";
    let after = "quote AAPL 99.98x500 100.00x100
                 quote AAPL 94.90x500 94.92x100";
    let mut straight = venue();
    run(&mut straight, before);
    let mut stored = venue();
    run(&mut stored, before);
    let json = serde_json::to_string(&stored).unwrap();
    let mut resumed: Venue = serde_json::from_str(&json).unwrap();
    resumed.reopen();
    resumed.now = stored.now;
    assert_eq!(run(&mut resumed, after), run(&mut straight, after));
    assert_eq!(resumed.books(), straight.books());
}
