//! Options: what they add to exposure, the level they need, what covers and secures them.

use super::case::*;
use super::table::Table;

/// Options count by what they move of their underlying at 100, short puts by their strikes.
pub(super) fn option_exposures(t: &mut Table) {
    fn beside(c: &mut Case, value: &str) {
        let value = d(value);
        c.figures = Box::new(move |a| a.long_market_value = value);
        // Deltas of 0.3503, -0.2457 and -0.1004, by the formula of Black and Scholes worked out apart.
        for (key, price) in [(CALL, "4"), (PUT, "3"), (LOWER_PUT, "1")] {
            c.quote(key, price, price);
        }
    }
    let calls = |c: &mut Case, v: &str| {
        beside(c, "150000");
        c.ask(Side::Buy, CALL, v, limit("4"));
    };
    t.check(
        Code::MaxExposure,
        "beside 150,000, calls of a delta of 0.3503",
        calls,
        &[("14", Pass, "measured=199.042"), ("15", Fail, "measured=202.545 limit=200")],
    );
    // A price that no volatility gives: the whole of the underlying.
    let unknown = |c: &mut Case, v: &str| {
        beside(c, "150000");
        c.quote(CALL, "100", "100");
        c.ask(Side::Buy, CALL, v, limit("100"));
    };
    t.check(
        Code::MaxExposure,
        "beside 150,000, calls without a delta",
        unknown,
        &[("5", Pass, "measured=200 limit=200"), ("6", Fail, "measured=210 limit=200")],
    );
    // What is written over shares adds no more than its price.
    let covered = |c: &mut Case, v: &str| {
        beside(c, "199000");
        c.hold("AAPL", "300");
        c.ask(Side::Sell, CALL, v, limit("4"));
    };
    t.check(
        Code::MaxExposure,
        "beside 199,000, calls written over shares",
        covered,
        &[("2", Pass, "measured=199.8"), ("3", Fail, "measured=200.2 limit=200")],
    );
    let put = |c: &mut Case, v: &str| {
        beside(c, v);
        c.ask(Side::Sell, PUT, "1", limit("3"));
    };
    t.check(
        Code::MaxExposure,
        "a put written at 90 for 3, beside",
        put,
        &[("190700", Pass, "measured=200"), ("190701", Fail, "measured=200.001 limit=200")],
    );
    // The width, the price of the short put, and what the long one moves.
    let spread = |c: &mut Case, v: &str| {
        beside(c, v);
        c.legs(Side::Sell, "1", "2", vec![leg(Side::Sell, PUT, 1), leg(Side::Buy, LOWER_PUT, 1)]);
    };
    t.check(
        Code::MaxExposure,
        "a spread of puts at 90 and 80, beside",
        spread,
        &[("197696", Pass, "measured=200"), ("197697", Fail, "measured=200.001 limit=200")],
    );
    // Twenty calls are held already.
    let held = |c: &mut Case, v: &str| {
        c.hold(CALL, "20");
        beside(c, v);
    };
    t.check(
        Code::MaxExposure,
        "shares for 1,000 beside calls that move 70,060, with values of",
        held,
        &[("136940", Pass, "measured=200"), ("136941", Fail, "measured=200.001 limit=200")],
    );
}

pub(super) fn levels(t: &mut Table) {
    let level = |ask: fn(&mut Case)| {
        move |c: &mut Case, v: &str| {
            c.books = Case::books(AccountKind::Margin, v.parse().unwrap());
            ask(c);
        }
    };
    let covered: fn(&mut Case) = |c| {
        c.hold("AAPL", "100");
        c.ask(Side::Sell, CALL, "1", limit("1"));
    };
    t.check(
        Code::OptionsLevel,
        "a covered call at level",
        level(covered),
        &[("1", Pass, ""), ("0", Fail, "measured=1 limit=0")],
    );
    t.check(
        Code::OptionsLevel,
        "a long call at level",
        level(|c| c.ask(Side::Buy, CALL, "1", limit("1"))),
        &[("2", Pass, ""), ("1", Fail, "measured=2 limit=1")],
    );
    let spread: fn(&mut Case) =
        |c| c.legs(Side::Sell, "1", "1", vec![leg(Side::Sell, PUT, 1), leg(Side::Buy, LOWER_PUT, 1)]);
    t.check(
        Code::OptionsLevel,
        "a put spread at level",
        level(spread),
        &[("3", Pass, ""), ("2", Fail, "measured=3 limit=2")],
    );
    t.check(
        Code::OptionsLevel,
        "a naked call at level",
        level(|c| c.ask(Side::Sell, CALL, "1", limit("1"))),
        &[("4", Pass, ""), ("3", Fail, "measured=4 limit=3")],
    );
}

pub(super) fn calls(t: &mut Table) {
    let calls = |c: &mut Case, v: &str| {
        c.hold("AAPL", "250");
        c.ask(Side::Sell, CALL, v, limit("1"));
    };
    t.check(
        Code::UncoveredCall,
        "over 250 shares",
        calls,
        &[("1", Pass, ""), ("2", Pass, ""), ("3", Fail, "measured=1 limit=0")],
    );
    let beside = |c: &mut Case, v: &str| {
        c.hold("AAPL", "200");
        c.work(Side::Sell, LATER_CALL, "1", limit("1"));
        c.ask(Side::Sell, CALL, v, limit("1"));
    };
    t.check(
        Code::UncoveredCall,
        "over 200 shares and beside one being written",
        beside,
        &[("1", Pass, ""), ("2", Fail, "measured=1 limit=0")],
    );
    // Five are held: a sale of more flips, and so does one beside another sale.
    let flip = |c: &mut Case, v: &str| {
        c.hold(CALL, "5");
        c.ask(Side::Sell, CALL, v, limit("100"));
    };
    t.check(
        Code::UncoveredCall,
        "selling five calls and more",
        flip,
        &[("5", Skip, ""), ("8", Fail, "measured=3 limit=0")],
    );
    let twice = |c: &mut Case, v: &str| {
        c.hold(CALL, "5");
        c.work(Side::Sell, CALL, "3", limit("101"));
        c.ask(Side::Sell, CALL, v, limit("100"));
    };
    t.check(
        Code::UncoveredCall,
        "selling five calls with three being sold",
        twice,
        &[("2", Skip, ""), ("3", Fail, "measured=1 limit=0")],
    );
    let sold_under = |c: &mut Case, v: &str| {
        c.hold("AAPL", "100");
        c.work(Side::Sell, "AAPL", v, limit("101"));
        c.ask(Side::Sell, CALL, "1", limit("1"));
    };
    t.check(
        Code::UncoveredCall,
        "over 100 shares of which are being sold",
        sold_under,
        &[("0.000001", Fail, "measured=1 limit=0")],
    );
    let long = |c: &mut Case, v: &str| {
        c.hold(v, "1");
        c.ask(Side::Sell, CALL, "1", limit("1"));
    };
    t.check(
        Code::UncoveredCall,
        "beside a long call that expires",
        long,
        &[(LATER_CALL, Pass, ""), (EARLIER_CALL, Fail, "measured=1 limit=0")],
    );
}

/// What covers a written call is not sold from under it.
pub(super) fn uncovering(t: &mut Table) {
    let under = |c: &mut Case, v: &str| {
        c.hold("AAPL", "250");
        c.hold(CALL, "-2");
        c.ask(Side::Sell, "AAPL", v, limit("100"));
    };
    t.check(
        Code::UncoveredCall,
        "selling of 250 shares under two calls",
        under,
        &[("50", Skip, ""), ("50.000001", Fail, "measured=1 limit=0"), ("250", Fail, "measured=2 limit=0")],
    );
    t.check(
        Code::OptionsLevel,
        "selling of 250 shares under two calls",
        under,
        &[("50", Skip, ""), ("51", Fail, "measured=4 limit=3")],
    );
    let beside_another = |c: &mut Case, v: &str| {
        under(c, "40");
        c.work(Side::Sell, "AAPL", v, limit("101"));
    };
    t.check(
        Code::UncoveredCall,
        "selling 40 of 250 shares under two calls beside a sale of",
        beside_another,
        &[("10", Skip, ""), ("11", Fail, "measured=1 limit=0")],
    );
    let long_leg = |c: &mut Case, v: &str| {
        c.hold(LATER_CALL, "2");
        c.hold(CALL, "-1");
        c.ask(Side::Sell, LATER_CALL, v, limit("100"));
    };
    t.check(
        Code::UncoveredCall,
        "selling of two calls of which one covers a written one",
        long_leg,
        &[("1", Skip, ""), ("2", Fail, "measured=1 limit=0")],
    );
    // Shares whose place a long call takes: a spread is left.
    let spread_left = |c: &mut Case, v: &str| {
        c.books = Case::books(AccountKind::Margin, v.parse().unwrap());
        c.hold("AAPL", "100");
        c.hold(LATER_CALL, "1");
        c.hold(CALL, "-1");
        c.ask(Side::Sell, "AAPL", "100", limit("100"));
    };
    t.check(
        Code::OptionsLevel,
        "selling shares from under a call that a long one covers, at level",
        spread_left,
        &[("3", Pass, "measured=3"), ("2", Fail, "measured=3 limit=2")],
    );
    let both = |c: &mut Case, v: &str| {
        c.hold("AAPL", "100");
        c.hold(CALL, "-1");
        c.legs(Side::Sell, "1", "9900", vec![leg(Side::Sell, "AAPL", 100), leg(Side::Buy, v, 1)]);
    };
    t.check(
        Code::UncoveredCall,
        "selling the shares and buying back",
        both,
        &[(CALL, Skip, ""), (EARLIER_CALL, Fail, "measured=1 limit=0")],
    );
    let may = |c: &mut Case, v: &str| {
        c.books = Case::books(AccountKind::Margin, v.parse().unwrap());
        under(c, "250");
    };
    t.check(
        Code::UncoveredCall,
        "selling what covers two calls at level",
        may,
        &[("4", Skip, ""), ("3", Fail, "measured=2 limit=0")],
    );
}

/// At level 4 what covers a written call may be sold, and the margin of the naked call is asked for: 10 % of the spot a share, counted twice,
/// less what the shares give back.
pub(super) fn uncovering_margin(t: &mut Table) {
    let under = |c: &mut Case, v: &str| {
        c.books = Case::books(AccountKind::Margin, 4);
        c.hold("AAPL", "200");
        c.hold(CALL, "-2");
        let (sold, power) = v.split_once(' ').unwrap();
        c.ask(Side::Sell, "AAPL", sold, limit("100"));
        let power = d(power);
        c.figures = Box::new(move |a| a.buying_power = power);
    };
    t.check(
        Code::BuyingPower,
        "selling of 200 shares under two calls with a buying power of",
        under,
        &[
            ("1 1900", Pass, "measured=1900 limit=1900"),
            ("1 1899.99", Fail, "measured=1900 limit=1899.99"),
            ("19 200", Pass, "measured=100 limit=200"),
            ("20 0", Skip, ""),
            ("101 0", Skip, ""),
            ("200 0", Skip, ""),
        ],
    );
    // What another sale has claimed is gone already: the first uncovers the call, the second only gives shares back.
    let beside = |c: &mut Case, v: &str| {
        under(c, "1 1900");
        c.work(Side::Sell, "AAPL", v, limit("101"));
    };
    t.check(
        Code::BuyingPower,
        "selling one of 200 shares under two calls beside a sale of",
        beside,
        &[("1", Skip, ""), ("100", Pass, "measured=1900 limit=1900")],
    );
    let other = |c: &mut Case, v: &str| {
        under(c, "1 0");
        c.books = Case::books(AccountKind::Margin, 4);
        c.hold("AAPL", "201");
        c.hold(if v == "a put" { PUT } else { CALL }, "-2");
    };
    t.check(
        Code::BuyingPower,
        "selling one of 201 shares under two of",
        other,
        &[("a put", Skip, ""), ("a call", Skip, "")],
    );
}

/// What is asked for is held back while the sale works: two sales in one step cannot uncover calls with the same money.
#[test]
fn k4_a_sale_that_uncovers_a_call_holds_its_margin_back() {
    let held_back = |level: u8, sold: &str| {
        let mut case = Case::new();
        case.books = Case::books(AccountKind::Margin, level);
        case.hold("AAPL", "200");
        case.hold(CALL, "-2");
        case.work(Side::Sell, "AAPL", sold, limit("100"));
        let orders = case.working.iter().map(|order| (&order.request, order.leaves_quantity()));
        let (fees, account) = (FeeTable::default(), case.request.account.clone());
        let listed = reserved(&case.books, &case.market, &fees, orders);
        let book: OrderBook = case.working.iter().cloned().collect();
        assert_eq!(reserved_by(&case.books, &case.market, &fees, book.lookup(&account)), listed);
        listed
    };
    assert_eq!(held_back(4, "1"), d("1900"));
    assert_eq!(held_back(4, "100"), Decimal::ZERO);
    assert_eq!(held_back(3, "1"), Decimal::ZERO);
}

pub(super) fn puts(t: &mut Table) {
    // 9,000 of strike less 100 of premium, 0.70 of fees.
    let secured = |c: &mut Case, v: &str| {
        c.books = Case::books(AccountKind::Cash, 2);
        c.ask(Side::Sell, PUT, "1", limit("1"));
        let power = d(v);
        c.figures = Box::new(move |a| a.buying_power = power);
    };
    t.check(
        Code::UnsecuredPut,
        "a put at 90 in a cash account with",
        secured,
        &[("8900.71", Pass, ""), ("8900.7", Pass, ""), ("8900.69", Fail, "measured=8900.7 limit=8900.69")],
    );
    let margin = |c: &mut Case, v: &str| {
        c.ask(Side::Sell, PUT, "2", limit("1"));
        let cash = d(v);
        c.figures = Box::new(move |a| a.cash = cash);
    };
    t.check(
        Code::UnsecuredPut,
        "two puts at 90 on margin with cash of",
        margin,
        &[("18000", Pass, ""), ("17999.99", Fail, "measured=18000 limit=17999.99")],
    );
}
