use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::*;
use crate::domain::events::Planned;
use crate::domain::execution::ExecutionKind;
use crate::domain::ids::AccountId;
use crate::domain::option::Right;
use crate::market::bars_file;
use crate::strategies::{Params, build};

fn backtest(kind: &str, symbol: &str, years: i16, pairs: &[(&str, &str)]) -> Backtest {
    backtest_with(&EventBook::default(), kind, symbol, years, pairs)
}

fn backtest_with(
    dates: &EventBook,
    kind: &str,
    symbol: &str,
    years: i16,
    pairs: &[(&str, &str)],
) -> Backtest {
    let mut bars = bars_file::shipped().unwrap();
    let instrument = Instrument::equity(symbol).unwrap();
    bars.series.retain(|of, _| *of == instrument);
    for series in bars.series.values_mut() {
        series.retain(|row| (2007..2007 + years).contains(&exchange_date(row.bar.start).year()));
    }
    let params: BTreeMap<String, String> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let strategy = build(kind, "test".into(), vec![instrument], &Params::new(params.clone())).unwrap();
    let venue = VenueConfig::new(AccountId::new("backtest"), Decimal::from(100_000));
    let actions = actions_of(&bars);
    run_hosted(&bars, &actions, dates, strategy.as_ref(), &params, venue, &mut |_| true).unwrap()
}

fn codes(run: &Backtest) -> Vec<&str> {
    let mut codes: Vec<&str> = run.decisions.iter().map(|decision| decision.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn a_wheel_turns_over_model_chains_and_its_books_add_up() {
    let run = backtest("wheel", "IBM", 1, &[]);
    let again = backtest("wheel", "IBM", 1, &[]);
    assert_eq!((run.fingerprint(), run.fills.len()), (again.fingerprint(), again.fills.len()));
    assert_eq!((run.bars, run.equity.len()), (251, 251));
    for code in ["WHEEL_SELL_PUT", "WHEEL_ASSIGNED", "WHEEL_SELL_CALL"] {
        assert!(codes(&run).contains(&code), "{:?}", codes(&run));
    }
    let kinds = |kind| run.fills.iter().filter(|fill| fill.execution.kind == kind).count();
    assert!(kinds(ExecutionKind::Assignment) > 0 && run.denied == 0, "{} denied", run.denied);
    let realized: Decimal = run.fills.iter().map(|fill| fill.realized_pnl).sum();
    let open = run.final_equity - Decimal::from(100_000) - realized;
    assert!(open.abs() < Decimal::from(50_000), "{open}");
}

/// Reports of each quarter: nothing is written over one that is known, and what was announced later changes no day before.
#[test]
fn reports_are_avoided_from_the_day_on_which_they_were_announced() {
    let symbol = Symbol::new("IBM").unwrap();
    let reports = |announced: &str| {
        let mut dates = EventBook::default();
        for day in ["2007-04-17", "2007-07-18", "2007-10-16"] {
            let report = Planned::earnings(&format!("{day}{announced}")).unwrap();
            dates.add(&symbol, report).unwrap();
        }
        dates
    };
    let early = |day: &str| day.parse::<jiff::civil::Date>().unwrap();
    let run = |dates: &EventBook| backtest_with(dates, "wheel", "IBM", 1, &[]);
    let (unknown, known) = (run(&EventBook::default()), run(&reports("")));
    let avoided = |run: &Backtest| {
        let skips = run.decisions.iter().filter(|it| it.code == "SKIP" && it.text.contains("EARNINGS"));
        skips.cloned().collect::<Vec<DecisionRecord>>()
    };
    assert!(codes(&unknown).contains(&"EARNINGS_UNKNOWN") && avoided(&unknown).is_empty());
    let first = avoided(&known).into_iter().next().unwrap();
    assert!(exchange_date(first.at) >= early("2007-03-27"), "{first:?}");
    // What is opened while a report is known ends before it.
    for fill in &known.fills {
        let day = exchange_date(fill.execution.at);
        let opened = fill.execution.kind == ExecutionKind::Trade && !fill.execution.side.is_buy();
        let Some(contract) = fill.execution.instrument.as_option().filter(|_| opened) else { continue };
        for report in ["2007-04-17", "2007-07-18", "2007-10-16"].map(early) {
            let said = plus_days(report, -REPORT_SAID_DAYS) <= day;
            assert!(!(said && day <= report && report <= contract.expiry), "{contract} on {day}");
        }
    }
    let before = |run: &Backtest, until: &str| -> Vec<String> {
        let fills = run.fills.iter().filter(|fill| exchange_date(fill.execution.at) < early(until));
        fills
            .map(|fill| {
                format!("{} {} {}", fill.execution.at, fill.execution.instrument, fill.execution.price)
            })
            .collect()
    };
    assert_eq!(before(&known, "2007-03-27"), before(&unknown, "2007-03-27"), "nobody knew it then");
}

#[test]
fn a_collar_buys_its_shares_and_keeps_between_its_bounds() {
    let run = backtest("collar", "IBM", 1, &[("lots", "3"), ("buy_shares", "true")]);
    assert!(codes(&run).contains(&"COLLAR_BUY"), "{:?}", codes(&run));
    let of = |right| {
        let held = |fill: &&crate::core::effect::BookedExecution| {
            fill.execution.instrument.as_option().is_some_and(|contract| contract.right == right)
        };
        run.fills.iter().filter(held).count()
    };
    assert!(of(Right::Put) > 2 && of(Right::Call) > 2, "{} and {}", of(Right::Put), of(Right::Call));
    assert_eq!(run.denied, 0);
}

#[test]
fn a_refusal_and_an_end_are_said() {
    let bars = bars_file::shipped().unwrap();
    let strategy =
        build("wheel", "test".into(), vec![Instrument::equity("IBM").unwrap()], &Params::default()).unwrap();
    let venue = || VenueConfig::new(AccountId::new("backtest"), Decimal::from(100_000));
    let wrong = BTreeMap::from([("dte_min".to_owned(), "x".to_owned())]);
    let refused =
        run_hosted(&bars, &[], &EventBook::default(), strategy.as_ref(), &wrong, venue(), &mut |_| true);
    assert!(matches!(refused, Err(HostedError::Refused(text)) if text.contains("dte_min")));
    let none = EventBook::default();
    let ended = run_hosted(&bars, &[], &none, strategy.as_ref(), &BTreeMap::new(), venue(), &mut |_| false);
    assert_eq!(ended.err(), Some(HostedError::Ended));
}
