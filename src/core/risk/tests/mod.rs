//! Every code the checks can produce: a value that passes, the boundary, a value that fails (reliability K2), and what no input may do.

mod any;
mod case;
mod good_faith;
mod held_back;
mod money;
mod options;
mod rows;
mod table;
mod unpriced;

use std::collections::BTreeSet;

use case::*;
use table::Table;

#[test]
fn k2_every_code_passes_stands_at_its_boundary_and_fails() {
    let mut table = Table::default();
    let rooms: [fn(&mut Table); 24] = [
        rows::gates,
        rows::rates,
        rows::instruments,
        rows::shape,
        rows::market,
        rows::collars,
        money::sizes,
        money::currencies,
        money::exposures,
        options::option_exposures,
        money::losses,
        money::wash,
        money::money,
        money::shorts,
        money::restricted_shorts,
        money::day_trades,
        good_faith::violations,
        money::pairs,
        options::levels,
        rows::protect,
        options::calls,
        options::uncovering,
        options::uncovering_margin,
        options::puts,
    ];
    rooms.iter().for_each(|room| room(&mut table));
    for row in &table.0 {
        let at = format!("{} {} {}: {}", row.code, row.what, row.value, row.found);
        assert_eq!(row.found.verdict, row.expect, "{at}");
        assert_eq!(row.denied, row.expect == Fail, "{at}");
        assert!(row.found.to_string().contains(row.says), "{at} does not say {}", row.says);
    }
    let with = |verdict| -> BTreeSet<Code> {
        table.0.iter().filter(|row| row.expect == verdict).map(|row| row.code).collect()
    };
    // Nothing in the program can set these yet, so they are shown as not applicable; the last is not a check.
    let idle = [Code::AccountRestricted, Code::ClockSkew, Code::JournalUnavailable];
    for code in Code::ALL.iter().filter(|code| !idle.contains(code)) {
        assert!(
            with(Pass).contains(code) && with(Fail).contains(code),
            "{code} has no row that passes and fails"
        );
    }
    let checks = Case::new().run().checks;
    for code in &idle[..2] {
        assert_eq!(checks.iter().find(|check| check.code == *code).unwrap().verdict, Skip, "{code}");
    }
    // All run, in the order of the list, whether they pass or not.
    let run: Vec<Code> = checks.iter().map(|check| check.code).collect();
    assert_eq!(run, Code::ALL[..Code::ALL.len() - 1]);
    assert!(Case::new().run().result.is_ok(), "{:?}", Case::new().run().result);
}

/// Reliability 4.2: what only reduces is let out of the limits, and never out of these.
#[test]
fn k2_what_only_reduces_is_exempt_from_limits_alone() {
    let mut case = Case::new();
    case.hold("AAPL", "2000");
    case.ask(Side::Sell, "AAPL", "2000", limit("100"));
    case.limits.position_percent_max = Decimal::ZERO;
    (0..120).for_each(|_| {
        case.work(Side::Buy, "MSFT", "1", limit("90"));
    });
    case.asked(30, 10, false);
    case.figures = Box::new(|a| (a.day_pnl, a.buying_power) = (Decimal::from(-50_000), Decimal::ZERO));
    case.high = Some(Decimal::from(1_000_000));
    assert!(case.run().result.is_ok(), "{:?}", case.run().result);
    case.request.pricing = limit("94.99");
    case.quote("AAPL", "100", "100").as_of = now() - SignedDuration::from_secs(31);
    let codes: Vec<Code> = case.run().result.unwrap_err().iter().map(|denial| denial.code).collect();
    assert_eq!(codes, [Code::StaleQuote, Code::PriceCollar]);
}

/// The old order is gone when the new one comes: only what is more than before is measured.
#[test]
fn a_replace_is_measured_by_its_increase() {
    let mut case = Case::new();
    let old = case.work(Side::Buy, "AAPL", "100", limit("100")).clone();
    case.figures = Box::new(|a| a.day_pnl = Decimal::from(-4_000));
    case.replaces = Some(old);
    for (quantity, price, denials) in [
        ("100", "99", &[][..]),
        ("50", "100", &[]),
        ("100", "100.01", &[Code::MaxOrderNotional, Code::DailyLoss]),
        ("101", "99", &[Code::DailyLoss]),
    ] {
        case.ask(Side::Buy, "AAPL", quantity, limit(price));
        let result = case.run().result.err().unwrap_or_default();
        let codes: Vec<Code> = result.iter().map(|denial| denial.code).collect();
        assert_eq!(codes, denials, "{quantity} at {price}");
    }
}

#[test]
fn k6_what_is_missing_denies() {
    type Miss = (&'static str, fn(&mut Case), Code);
    let misses: [Miss; 10] = [
        ("no quote", |c| c.market.quotes.clear(), Code::StaleQuote),
        (
            "no price in the quote",
            |c| {
                c.quote("AAPL", "none", "none");
            },
            Code::StaleQuote,
        ),
        (
            "no bid for a market order",
            |c| {
                c.quote("AAPL", "none", "100");
                c.request.pricing = Pricing::Market;
            },
            Code::StaleQuote,
        ),
        ("no terms", |c| c.market.specs.clear(), Code::UnknownInstrument),
        ("no equity", |c| c.figures = Box::new(|a| a.net_liquidation = Decimal::ZERO), Code::MaxPosition),
        ("no equity", |c| c.figures = Box::new(|a| a.net_liquidation = Decimal::ZERO), Code::MaxExposure),
        (
            "no equity of the morning",
            |c| c.figures = Box::new(|a| a.day_start_equity = Decimal::ZERO),
            Code::DailyLoss,
        ),
        ("no high", |c| c.high = None, Code::Drawdown),
        (
            "no price for a market order",
            |c| {
                c.market.quotes.clear();
                c.request.pricing = Pricing::Market;
            },
            Code::BuyingPower,
        ),
        (
            "no volume of a real share that was never ordered",
            |c| c.figures = Box::new(|a| a.mode = AccountMode::Live),
            Code::FatFinger,
        ),
    ];
    for (what, miss, code) in misses {
        let mut case = Case::new();
        miss(&mut case);
        let denials = case.run().result.unwrap_err();
        assert!(denials.iter().any(|denial| denial.code == code), "{what}: {denials:?}");
    }
    let mut package = Case::new();
    package.legs(Side::Buy, "1", "1", vec![leg(Side::Buy, CALL, 1), leg(Side::Sell, LATER_CALL, 1)]);
    package.market.quotes.remove(&instrument(LATER_CALL));
    assert!(package.run().result.unwrap_err().iter().any(|denial| denial.code == Code::StaleQuote));
}

/// What the screen shows as used is what the check of the next order starts from: options by what they move, short puts by their strikes,
/// working orders at their worst.
#[test]
fn what_is_used_of_the_exposure_is_what_a_check_starts_from() {
    type Hold = fn(&mut Case);
    let cases: [(&str, Hold, &str); 5] = [
        ("nothing", |_| (), "0"),
        // A value of 8,000, and a delta of 0.3503 of 100 for 2,000 units.
        ("calls", |c| c.hold(CALL, "20"), "70060"),
        ("a put written at 90, and its value", |c| c.hold(PUT, "-1"), "9300"),
        ("shares", |c| c.hold("MSFT", "-30"), "3000"),
        (
            "a working order",
            |c| {
                c.work(Side::Buy, "MSFT", "10", limit("100"));
            },
            "1000",
        ),
    ];
    for (what, hold, expect) in cases {
        let mut case = Case::new();
        hold(&mut case);
        for (key, price) in [(CALL, "4"), (PUT, "3")] {
            case.quote(key, price, price);
            case.books.mark(&instrument(key), p(price));
        }
        case.figures = Box::new(|a| a.net_liquidation = Decimal::from(100_000));
        assert_eq!(case.seen(exposure), Some(d(expect)), "{what}");
        // An order in another instrument adds its own thousand.
        case.ask(Side::Buy, "AAPL", "10", limit("100"));
        let check = case.run().checks.into_iter().find(|check| check.code == Code::MaxExposure).unwrap();
        assert_eq!(check.measured, Some((d(expect) + d("1000")) / d("1000")), "{what}");
    }
}
