//! The scenarios that every option strategy must live through, by name: the same ten for each, over chains of the model. What each of them
//! does in detail is tested beside it; here stands that none of them is missing.

use super::{Fills, START, Script, contract, dividend, share};
use crate::domain::instrument::Instrument;

/// Name, kind, what happens, codes that are said in this order, units of shares at the end.
struct Row {
    name: &'static str,
    kind: &'static str,
    happens: fn() -> Script,
    codes: &'static [&'static str],
    shares: i64,
}

/// A row without its kind.
type Told = (&'static str, fn() -> Script, &'static [&'static str], i64);

/// The names, in the order of the issue.
const NAMES: [&str; 10] = [
    "entry",
    "assignment",
    "roll",
    "early exercise",
    "dividend",
    "expiry at the money",
    "no liquidity",
    "wide spread",
    "halted underlying",
    "shares sold by hand",
];

fn wheel(pairs: &[(&str, &str)]) -> Script {
    let all: Vec<(&str, &str)> =
        [("contracts", "1"), ("take_profit", "1")].into_iter().chain(pairs.iter().copied()).collect();
    Script::new("wheel", START, 100_000, &all)
}

fn short(script: &mut Script, text: &str) {
    script.give(Instrument::Option(contract(text)), -1, "2.00");
}

fn collar(pairs: &[(&str, &str)]) -> Script {
    let mut script = Script::new("collar", START, 100_000, pairs);
    script.give(share(), 100, "190");
    script
}

/// A lot with a put and a call on it.
fn hedged(put: &str, call: &str, pairs: &[(&str, &str)]) -> Script {
    let mut script = collar(pairs);
    script.give(Instrument::Option(contract(put)), 1, "4.00");
    script.give(Instrument::Option(contract(call)), -1, "4.00");
    script
}

/// Until so far, with nothing said of what was before.
fn anew(mut script: Script, from: &str) -> Script {
    script.until(from);
    script.clear();
    script
}

fn until(mut script: Script, text: &str) -> Script {
    script.until(text);
    script
}

fn rows() -> Vec<Row> {
    let wheel_rows: [Told; 10] = [
        ("entry", || until(wheel(&[]), "2026-11-12 09:46"), &["WHEEL_SELL_PUT"], 0),
        (
            "assignment",
            || {
                let mut script = wheel(&[]);
                short(&mut script, "P205 2026-11-12");
                until(script, "2026-11-13 12:31")
            },
            &["WHEEL_ASSIGNED", "WHEEL_SELL_CALL"],
            100,
        ),
        (
            "roll",
            || {
                let mut script = wheel(&[]);
                short(&mut script, "P190 2026-11-27");
                until(script, "2026-11-12 09:46")
            },
            &["WHEEL_ROLL"],
            0,
        ),
        (
            "early exercise",
            || {
                let mut script = wheel(&[("roll_call_itm", "false")]);
                script.give(share(), 100, "190");
                short(&mut script, "C180 2026-12-18");
                let mut script = anew(script, "2026-11-12 11:00");
                script.assign(&contract("C180 2026-12-18"), 1);
                until(script, "2026-11-12 12:31")
            },
            &["WHEEL_CALLED_AWAY"],
            0,
        ),
        (
            "dividend",
            || {
                let mut script = wheel(&[("ex_dividend", "close"), ("roll_call_itm", "false")]);
                script.give(share(), 100, "190");
                short(&mut script, "C180 2026-11-20");
                script.world.events = Some(dividend("2026-11-13", 100));
                until(script, "2026-11-12 15:31")
            },
            &["WHEEL_EXDIV"],
            100,
        ),
        (
            "expiry at the money",
            || {
                let mut script = wheel(&[("max_rolls", "0"), ("roll_dte", "0")]);
                short(&mut script, "P200 2026-11-12");
                script.world.fills = Fills::Never;
                until(script, "2026-11-13 08:00")
            },
            &["WHEEL_EXPIRED"],
            0,
        ),
        (
            "no liquidity",
            || {
                let mut script = wheel(&[]);
                script.world.fills = Fills::Never;
                until(script, "2026-11-12 10:00")
            },
            &["WHEEL_SELL_PUT", "LADDER_END"],
            0,
        ),
        (
            "wide spread",
            || {
                let mut script = wheel(&[]);
                script.world.market.half_spread_percent = 12.0;
                until(script, "2026-11-12 09:46")
            },
            &["SPREAD"],
            0,
        ),
        (
            "halted underlying",
            || {
                let mut script = wheel(&[]);
                short(&mut script, "P190 2026-11-27");
                script.world.market.halted = true;
                until(script, "2026-11-12 09:46")
            },
            &["HALTED"],
            0,
        ),
        (
            "shares sold by hand",
            || {
                let mut script = wheel(&[]);
                script.give(share(), 100, "190");
                short(&mut script, "C210 2026-12-18");
                let mut script = anew(script, "2026-11-12 11:00");
                script.by_hand(-100);
                script.match_orders();
                script
            },
            &["WHEEL_UNCOVERED"],
            0,
        ),
    ];
    let collar_rows: [Told; 10] = [
        ("entry", || until(collar(&[]), "2026-11-12 09:46"), &["COLLAR_OPEN"], 100),
        (
            "assignment",
            || {
                let mut script = hedged("P185 2026-11-20", "C205 2026-11-20", &[]);
                script.world.market.expiries = vec!["2026-11-20".parse().unwrap()];
                script.world.market.spot = 220.0;
                until(script, "2026-11-23 08:00")
            },
            &["COLLAR_CALLED_AWAY"],
            0,
        ),
        (
            "roll",
            || until(hedged("P185 2026-11-27", "C220 2026-11-27", &[]), "2026-11-12 09:46"),
            &["COLLAR_ROLL_TIME"],
            100,
        ),
        (
            "early exercise",
            || {
                let mut script = anew(hedged("P185 2027-01-15", "C220 2027-01-15", &[]), "2026-11-12 11:00");
                script.assign(&contract("C220 2027-01-15"), 1);
                script.match_orders();
                until(script, "2026-11-12 12:31")
            },
            &["COLLAR_CALLED_AWAY", "COLLAR_SURPLUS"],
            0,
        ),
        (
            "dividend",
            || {
                let pairs = [("ex_dividend", "close"), ("roll_up_at_pct", "1000"), ("roll_up_delta", "1")];
                let mut script = hedged("P180 2026-12-18", "C160 2026-12-18", &pairs);
                script.world.events = Some(dividend("2026-11-13", 100));
                until(script, "2026-11-12 15:31")
            },
            &["COLLAR_EXDIV"],
            100,
        ),
        (
            "expiry at the money",
            || {
                let pairs = [("roll_dte", "0"), ("roll_up_at_pct", "1000"), ("roll_up_delta", "1")];
                let mut script = hedged("P185 2026-11-12", "C200 2026-11-12", &pairs);
                script.world.fills = Fills::Never;
                until(script, "2026-11-13 08:00")
            },
            &["COLLAR_EXPIRED"],
            100,
        ),
        (
            "no liquidity",
            || {
                let mut script = collar(&[]);
                script.world.fills = Fills::Never;
                until(script, "2026-11-12 10:00")
            },
            &["COLLAR_OPEN", "LADDER_END"],
            100,
        ),
        (
            "wide spread",
            || {
                let mut script = collar(&[]);
                script.world.market.half_spread_percent = 12.0;
                until(script, "2026-11-12 09:46")
            },
            &["SPREAD", "COLLAR_NONE"],
            100,
        ),
        (
            "halted underlying",
            || {
                let mut script = hedged("P185 2026-11-27", "C220 2026-11-27", &[]);
                script.world.market.halted = true;
                until(script, "2026-11-12 09:46")
            },
            &["HALTED"],
            100,
        ),
        (
            "shares sold by hand",
            || {
                let mut script = anew(hedged("P185 2027-01-15", "C220 2027-01-15", &[]), "2026-11-12 11:00");
                script.by_hand(-100);
                script.match_orders();
                until(script, "2026-11-12 12:31")
            },
            &["COLLAR_UNCOVERED", "COLLAR_SURPLUS"],
            0,
        ),
    ];
    let of = |kind, rows: [Told; 10]| {
        rows.map(|(name, happens, codes, shares)| Row { name, kind, happens, codes, shares })
    };
    of("wheel", wheel_rows).into_iter().chain(of("collar", collar_rows)).collect()
}

#[test]
fn every_scenario_of_the_issue_is_a_row_of_wheel_and_collar() {
    let rows = rows();
    for kind in ["wheel", "collar"] {
        let names: Vec<&str> = rows.iter().filter(|row| row.kind == kind).map(|row| row.name).collect();
        assert_eq!(names, NAMES, "{kind}");
    }
    let mut wrong = Vec::new();
    for row in rows {
        let script = (row.happens)();
        let mut said = script.codes().into_iter();
        let in_order = row.codes.iter().all(|code| said.any(|it| it == *code));
        let shares = script.world.claims.get(&share()).map_or(0.into(), |(units, _)| *units);
        let covered = script.world.uncovered() <= rust_decimal::Decimal::ZERO;
        if !in_order || shares != row.shares.into() || !covered {
            wrong.push(format!(
                "{} {}: {:?} with {shares} shares, covered {covered}\n  {}",
                row.kind,
                row.name,
                script.codes(),
                script.proposed.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// While the underlying is halted, or nobody quotes, nothing is proposed; what is held stays.
#[test]
fn what_cannot_be_traded_is_not_proposed() {
    for row in rows().iter().filter(|row| ["halted underlying", "wide spread"].contains(&row.name)) {
        let script = (row.happens)();
        assert!(script.proposed.is_empty(), "{} {}: {:?}", row.kind, row.name, script.proposed);
    }
}
