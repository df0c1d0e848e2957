//! The option chain: strikes and expiries, legs that become one order, what they are worth at expiry.

use super::harness::Runner;
use crate::client::Request;
use crate::command::types::{Command, Place, Subject};
use crate::domain::option::Right;
use crate::domain::order::{PriceEffect, Side};

/// The orders whose review was opened.
fn reviewed(runner: &Runner) -> Vec<&Place> {
    let places = runner.asked.iter().filter_map(|request| match request {
        Request::Preview { command: Command::Place(place), .. } => Some(place),
        _ => None,
    });
    places.collect()
}

#[test]
fn the_chain_opens_at_the_money() {
    for (size, name) in [((80, 24), "80x24"), ((120, 40), "120x40"), ((200, 60), "200x60")] {
        let mut runner = Runner::new(size);
        runner.keys("7").sees("Chain AAPL").sees("230.0").sees("18 Dec 24d").sees("27 Nov 3d");
        insta::assert_snapshot!(format!("chain_{name}"), runner.frame());
    }
}

#[test]
fn legs_become_one_order() {
    let mut runner = Runner::new((120, 40));
    // An iron condor of the January expiry, from the money outwards.
    runner.keys("7 e e").sees("15 Jan").keys("j j s j b").sees("sell 1 AAPL 15Jan27 240C");
    runner.keys("h l k k k k k s k b").sees("buy  1 AAPL 15Jan27 215P");
    runner.sees("1 × at credit ").sees("max gain +").sees("max loss -").sees("even 219.60 240.40");
    insta::assert_snapshot!("chain_legs_120x40", runner.frame());
    runner.sees("at the price now: today ").sees("at expiry ");
    runner.keys("> - enter").sees("Review order");
    let orders = reviewed(&runner);
    let place = orders.last().unwrap();
    let Subject::Legs(legs) = &place.subject else { panic!("a package") };
    let sides: Vec<Side> = legs.iter().map(|leg| leg.side).collect();
    assert_eq!(sides, [Side::Sell, Side::Buy, Side::Sell, Side::Buy]);
    let rights: Vec<Right> = legs.iter().map(|leg| leg.instrument.as_option().unwrap().right).collect();
    assert_eq!(rights, [Right::Call, Right::Call, Right::Put, Right::Put]);
    assert_eq!((place.side, place.terms.price_effect), (Side::Sell, Some(PriceEffect::Credit)));
    assert!(runner.executed().is_empty(), "nothing goes without the review");
    runner.keys("enter").misses("Review order").misses("at credit");
    assert_eq!(runner.executed().len(), 1);
}

#[test]
fn one_contract_goes_to_the_ticket_and_legs_leave_again() {
    let mut runner = Runner::new((120, 40));
    runner.keys("7 b b").sees("buy  2 AAPL").keys("s").sees("buy  1 AAPL").keys("s").misses("buy  1 AAPL");
    runner.keys("b x").misses("buy  1 AAPL").keys("b esc").misses("buy  1 AAPL");
    runner.keys("l enter").sees("symbol    AAPL 27Nov26 230P");
}

#[test]
fn what_has_no_options_says_so() {
    let mut runner = Runner::new((120, 40));
    runner.keys("j j j 7").sees("No options are listed on this.").sees("─ Chain ");
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("chain aapl 15jan27").keys("enter").sees("▸").sees("15 Jan 52d");
    assert!(runner.asked.iter().any(|request| matches!(request, Request::Chain { expiry: Some(_), .. })));
    runner.keys("v").sees("theta").keys("v").sees("bid");
}

#[test]
fn legs_of_two_expiries_keep_their_prices_and_become_one_order() {
    let mut runner = Runner::new((120, 40));
    runner.keys("7 s").sees("sell 1 AAPL 27Nov26 230C").keys("e b");
    runner.sees("buy  1 AAPL 18Dec26 230C").sees("at debit 0").misses("no price of a leg here");
    runner.sees("at the price now: today ").keys("enter").sees("Review order");
    let orders = reviewed(&runner);
    let Subject::Legs(legs) = &orders.last().unwrap().subject else { panic!("a package") };
    assert_eq!(legs.len(), 2);
}
