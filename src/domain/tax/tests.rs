//! Lots, options and wash sales by the vectors, row by row; and what the vectors do not say.

use serde_json::Value;

use super::*;
use crate::domain::execution::ExecutionKind;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::Side;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/vectors/taxlot-vectors.json")).unwrap()
}

fn number(value: &Value) -> Decimal {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.to_string().parse().unwrap(),
    }
}

fn order(name: &str) -> ClientOrderId {
    ClientOrderId::from_u128(name.bytes().fold(1, |sum, byte| sum * 256 + u128::from(byte)))
}

fn share() -> Instrument {
    Instrument::equity("XYZ").unwrap()
}

fn option(right: Right, strike: i64) -> Instrument {
    Instrument::Option(OptionContract {
        underlying: share().root().clone(),
        expiry: jiff::civil::date(2025, 4, 18),
        strike: Price::from(strike),
        right,
        root: None,
    })
}

/// An execution at noon in New York: `units` positive to buy.
fn at(name: &str, day: &str, instrument: &Instrument, units: Decimal, price: Decimal) -> Execution {
    let day: Date = day.parse().unwrap();
    let hundred = instrument.as_option().is_some();
    Execution {
        execution_id: ExecutionId::new(name),
        account: AccountId::new("paper"),
        client_order_id: Some(order(name)),
        broker_order_id: None,
        instrument: instrument.clone(),
        side: if units.is_sign_negative() { Side::Sell } else { Side::Buy },
        quantity: Quantity::new(units.abs()),
        price: Price::new(price),
        multiplier: if hundred { Decimal::ONE_HUNDRED } else { Decimal::ONE },
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at: super::super::calendar::instant(day, jiff::civil::time(12, 0, 0, 0)),
        kind: ExecutionKind::Trade,
    }
}

fn of_kind(kind: ExecutionKind, execution: Execution) -> Execution {
    Execution { kind, client_order_id: None, ..execution }
}

fn specific(sale: &str, lots: &[&str]) -> TaxRules {
    TaxRules {
        method: LotMethod::Specific,
        chosen: [(order(sale), lots.iter().map(|lot| order(lot)).collect())].into(),
        ..TaxRules::default()
    }
}

#[test]
fn lots_are_closed_as_the_vectors_say() {
    let all = vectors();
    let matching = &all["lot_matching"];
    let mut chosen = Vec::new();
    let rows: Vec<Execution> = matching["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let name = event["id"].as_str().unwrap();
            let sign = if event["t"] == "buy" { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
            if let Some(lots) = event["lots"].as_array() {
                chosen = lots.iter().map(|lot| lot.as_str().unwrap()).collect();
            }
            let units = number(&event["qty"]) * sign;
            let row = at(name, event["date"].as_str().unwrap(), &share(), units, number(&event["px"]));
            Execution { fee: number(&event["fee"]), ..row }
        })
        .collect();
    for (method, expected) in matching["expect"].as_object().unwrap() {
        let method = LotMethod::ALL.into_iter().find(|it| it.as_str() == method).unwrap();
        let rules = TaxRules { method, wash: WashScope::None, ..specific("S1", &chosen) };
        let books = work_out(&rows, &rules);
        let realized = expected["realized"].as_array().unwrap();
        assert_eq!(books.realized.len(), realized.len(), "{method}");
        for (row, expected) in books.realized.iter().zip(realized) {
            let figures = [row.quantity, row.proceeds, row.basis, row.gain()].map(|it| it.round_dp(2));
            let wanted = ["qty", "proceeds", "basis", "gain"].map(|name| number(&expected[name]));
            assert_eq!((row.lot.as_str(), figures), (expected["lot"].as_str().unwrap(), wanted), "{method}");
            assert_eq!(row.term.as_str(), expected["term"], "{method} {}", row.lot);
            assert_eq!(row.sale.as_str(), expected["sale"]);
        }
        let open = expected["open_lots"].as_array().unwrap();
        assert_eq!(books.lots.len(), open.len(), "{method}");
        for (lot, expected) in books.lots.iter().zip(open) {
            let figures = (lot.lot.as_str(), lot.quantity, lot.basis_per_unit().round_dp(6));
            let wanted = (
                expected["lot"].as_str().unwrap(),
                number(&expected["qty"]),
                number(&expected["basis_per_share"]),
            );
            assert_eq!(figures, wanted, "{method}");
        }
    }
}

/// The executions of one case of wash sales, and which lots its sale names.
fn washed(case: &Value) -> (Vec<Execution>, TaxRules) {
    let mut rows = Vec::new();
    let mut rules = TaxRules::default();
    for event in case["events"].as_array().unwrap() {
        let day = event["date"].as_str().unwrap();
        let units = number(&event["qty"]);
        let name = |key: &str| event[key].as_str();
        if let Some(lot) = name("buy") {
            rows.push(at(lot, day, &share(), units, number(&event["cost"]) / units));
        } else if let Some(sale) = name("sell") {
            let lots: Vec<&str> = event["lot"].as_str().unwrap().split('+').collect();
            rules = specific(sale, &lots);
            rows.push(at(sale, day, &share(), -units, number(&event["proceeds"]) / units));
        } else {
            let strike = number(&event["strike"]);
            let put = option(Right::Put, i64::try_from(strike).unwrap());
            let contracts = units / Decimal::ONE_HUNDRED;
            let premium = number(&event["premium_received"]) / units;
            rows.push(at("P", "2025-03-20", &put, -contracts, premium));
            let ended = at("PA", day, &put, contracts, Decimal::ZERO);
            rows.push(of_kind(ExecutionKind::Assignment, ended));
            let came = at(name("put_assigned").unwrap(), day, &share(), units, strike);
            rows.push(of_kind(ExecutionKind::Assignment, came));
        }
    }
    (rows, rules)
}

#[test]
fn wash_sales_are_as_the_vectors_say() {
    let all = vectors();
    let cases = all["wash_sale"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let name = &case["case"];
        let (rows, rules) = washed(case);
        let books = work_out(&rows, &rules);
        for (key, expected) in case["expect"].as_object().unwrap() {
            if key.starts_with('S') {
                let own = || books.realized.iter().filter(|row| row.sale.as_str() == key);
                let gain: Decimal = own().map(Realized::gain).sum();
                let disallowed: Decimal = own().map(|row| row.disallowed).sum();
                assert_eq!(gain.min(Decimal::ZERO), number(&expected["loss"]), "{name}");
                assert_eq!(disallowed, number(&expected["disallowed"]), "{name}");
                if let Some(allowed) = expected.get("allowed") {
                    assert_eq!(own().map(Realized::allowed).sum::<Decimal>(), number(allowed), "{name}");
                }
                if let Some(wanted) = expected.get("gain") {
                    assert_eq!(gain, number(wanted), "{name}");
                }
                continue;
            }
            let own = || books.lots.iter().filter(|lot| lot.lot.as_str() == key);
            let basis: Decimal = own().map(|lot| lot.basis).sum();
            assert_eq!(basis, number(&expected["basis"]), "{name} {key}");
            if let Some(day) = expected.get("holding_period_start") {
                assert_eq!(own().next().unwrap().held_since.to_string(), day.as_str().unwrap(), "{name}");
            }
            if let Some(before) = expected.get("basis_before_wash") {
                let washed: Decimal = own().map(|lot| lot.washed).sum();
                assert_eq!(basis - washed, number(before), "{name}");
            }
        }
    }
}

#[test]
fn options_end_as_the_vectors_say() {
    let all = vectors();
    let cases = all["option_outcomes_per_contract_of_100"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    let (one, hundred) = (Decimal::ONE, Decimal::ONE_HUNDRED);
    for case in cases {
        let name = case["case"].as_str().unwrap();
        let strike = case.get("strike").map_or(45, |strike| strike.as_i64().unwrap());
        let right = if name.contains("call") { Right::Call } else { Right::Put };
        let contract = option(right, strike);
        let ends =
            |kind, units: Decimal| of_kind(kind, at("end", "2025-04-18", &contract, units, Decimal::ZERO));
        let shares = |kind, units: Decimal| {
            of_kind(kind, at("shares", "2025-04-18", &share(), units, Decimal::from(strike)))
        };
        let mut rows = Vec::new();
        if let Some(basis) = case.get("stock_basis") {
            rows.push(at("stock", "2025-03-02", &share(), hundred, number(basis) / hundred));
        }
        let paid = case.get("premium").or(case.get("premium_paid")).map(number).unwrap() / hundred;
        let long = name.starts_with("long");
        rows.push(at("open", "2025-03-03", &contract, if long { one } else { -one }, paid));
        match name {
            "short put expires worthless" => rows.push(ends(ExecutionKind::Expiration, one)),
            "long put expires worthless" => rows.push(ends(ExecutionKind::Expiration, -one)),
            "short put closed" => {
                rows.push(at("close", "2025-04-10", &contract, one, number(&case["close_cost"]) / hundred));
            }
            "short put assigned" => {
                // Its shares are heard of first.
                rows.push(shares(ExecutionKind::Assignment, hundred));
                rows.push(ends(ExecutionKind::Assignment, one));
            }
            "covered call assigned" => {
                rows.push(ends(ExecutionKind::Assignment, one));
                rows.push(shares(ExecutionKind::Assignment, -hundred));
            }
            "long put exercised against held stock" => {
                rows.push(ends(ExecutionKind::Exercise, -one));
                rows.push(shares(ExecutionKind::Exercise, -hundred));
            }
            other => panic!("{other}"),
        }
        let books = work_out(&rows, &TaxRules::default());
        let expected = &case["expect"];
        let gain: Decimal = books.realized.iter().map(Realized::gain).sum();
        for (key, wanted) in expected.as_object().unwrap() {
            match key.as_str() {
                "gain" | "option_gain" => assert_eq!(gain, number(wanted), "{name}"),
                "date" => assert_eq!(books.realized[0].sold.to_string(), "2025-04-18", "{name}"),
                "term" => assert_eq!(books.realized[0].term.as_str(), wanted.as_str().unwrap(), "{name}"),
                "stock_basis" => assert_eq!(books.lots[0].basis, number(wanted), "{name}"),
                "proceeds" => assert_eq!(books.realized[0].proceeds, number(wanted), "{name}"),
                other => panic!("{other}"),
            }
        }
        assert!(books.doubts.is_empty(), "{name}: {:?}", books.doubts);
    }
}

#[test]
fn a_split_a_new_symbol_and_new_terms_keep_dates_and_cost() {
    let hundred = Decimal::ONE_HUNDRED;
    let split = of_kind(
        ExecutionKind::CorporateAction,
        at("split", "2025-06-02", &share(), Decimal::from(300), Decimal::ZERO),
    );
    let moved = |name: &str, instrument: &Instrument, units: i64, price: i64| {
        let row = at(name, "2025-07-01", instrument, Decimal::from(units), Decimal::from(price));
        of_kind(ExecutionKind::CorporateAction, row)
    };
    let new = Instrument::equity("NEW").unwrap();
    let rows = [
        at("A", "2025-01-02", &share(), hundred, Decimal::from(40)),
        split,
        moved("out", &share(), -400, 10),
        moved("in", &new, 400, 10),
        at("S", "2025-08-01", &new, Decimal::from(-400), Decimal::from(12)),
    ];
    let books = work_out(&rows, &TaxRules::default());
    assert_eq!(books.realized.len(), 1, "{:?}", books.realized);
    let row = &books.realized[0];
    assert_eq!((row.basis, row.proceeds), (Decimal::from(4_000), Decimal::from(4_800)));
    assert_eq!((row.acquired.to_string(), row.lot.as_str()), ("2025-01-02".to_owned(), "A"));
    // Bought for cash: a sale like any other.
    let merger = [rows[0].clone(), moved("m", &share(), -100, 50)];
    assert_eq!(work_out(&merger, &TaxRules::default()).realized[0].gain(), Decimal::from(1_000));
}

#[test]
fn a_year_and_a_day_is_long_and_a_wash_sale_adds_days() {
    for (bought, sold, long) in [
        ("2024-03-01", "2025-03-01", false),
        ("2024-03-01", "2025-03-02", true),
        ("2024-02-29", "2025-02-28", false),
        ("2024-02-29", "2025-03-01", true),
    ] {
        let one = Decimal::ONE;
        let rows = [at("A", bought, &share(), one, one), at("S", sold, &share(), -one, one)];
        let term = work_out(&rows, &TaxRules::default()).realized[0].term;
        assert_eq!(term == Term::Long, long, "{bought} {sold}");
    }
    let day = |text: &str| text.parse::<Date>().unwrap();
    assert_eq!(tacked(day("2025-04-20"), day("2024-04-20"), day("2025-04-01")), day("2024-05-09"));
}

/// Bought calls stand in for shares; written ones do not, nor does anything for a coin; each share only once.
#[test]
fn what_stands_in_for_what_was_sold_at_a_loss() {
    let (ten, hundred) = (Decimal::TEN, Decimal::ONE_HUNDRED);
    let loss = |instrument: &Instrument, units: Decimal| {
        [
            at("A", "2025-01-02", instrument, units, Decimal::from(50)),
            at("S", "2025-03-03", instrument, -units, Decimal::from(45)),
        ]
    };
    let disallowed = |rows: &[Execution], rules: &TaxRules| -> Decimal {
        work_out(rows, rules).realized.iter().map(|row| row.disallowed).sum()
    };
    let with = |row: Execution| {
        let mut rows = loss(&share(), hundred).to_vec();
        rows.push(row);
        rows
    };
    let rules = TaxRules::default();
    let call = option(Right::Call, 50);
    let bought = at("C", "2025-03-20", &call, Decimal::ONE, Decimal::TWO);
    assert_eq!(disallowed(&with(bought.clone()), &rules), Decimal::from(500));
    let books = work_out(&with(bought), &rules);
    assert_eq!(
        (books.lots[0].basis, books.lots[0].held_since.to_string()),
        (Decimal::from(700), "2025-01-19".to_owned())
    );
    for other in [
        at("C", "2025-03-20", &call, Decimal::NEGATIVE_ONE, Decimal::TWO),
        at("P", "2025-03-20", &option(Right::Put, 40), Decimal::ONE, Decimal::TWO),
        at("O", "2025-03-20", &Instrument::equity("OTHER").unwrap(), hundred, Decimal::from(44)),
    ] {
        assert_eq!(disallowed(&with(other.clone()), &rules), Decimal::ZERO, "{}", other.instrument);
    }
    // Another account of the profile counts.
    let elsewhere = Execution {
        account: AccountId::new("other"),
        ..at("B", "2025-03-20", &share(), ten, Decimal::from(44))
    };
    assert_eq!(disallowed(&with(elsewhere), &rules), Decimal::from(50));
    let coin: Instrument = Instrument::from_key("BTC-USD").unwrap();
    let mut coins = loss(&coin, ten).to_vec();
    coins.push(at("B", "2025-03-04", &coin, ten, Decimal::from(44)));
    assert_eq!(disallowed(&coins, &rules), Decimal::ZERO);
    assert_eq!(disallowed(&coins, &TaxRules { wash: WashScope::All, ..rules.clone() }), Decimal::from(50));
    // Ten shares stand in for two losses of ten each: only for the first.
    let twice = [
        at("A", "2025-01-02", &share(), ten, Decimal::from(50)),
        at("B", "2025-01-03", &share(), ten, Decimal::from(50)),
        at("S", "2025-03-03", &share(), -ten, Decimal::from(45)),
        at("T", "2025-03-04", &share(), -ten, Decimal::from(45)),
        at("R", "2025-03-05", &share(), ten, Decimal::from(44)),
    ];
    let books = work_out(&twice, &rules);
    let put_off: Vec<Decimal> = books.realized.iter().map(|row| row.disallowed).collect();
    assert_eq!(put_off, [Decimal::from(50), Decimal::ZERO]);
}

/// The loss of a short sale waits for the end of the next one within thirty days; a purchase, a written option or an older one changes nothing.
#[test]
fn a_short_sale_at_a_loss_is_put_off_by_another_one() {
    let ten = Decimal::TEN;
    let with = |row: Execution| {
        let short = at("A", "2025-03-03", &share(), -ten, Decimal::from(45));
        vec![short, at("B", "2025-03-04", &share(), ten, Decimal::from(50)), row]
    };
    let rules = TaxRules::default();
    let disallowed = |rows: &[Execution]| -> Decimal {
        work_out(rows, &rules).realized.iter().map(|row| row.disallowed).sum()
    };
    let again = |day: &str, units: i64| at("C", day, &share(), Decimal::from(-units), Decimal::from(50));
    for (day, units, put_off) in
        [("2025-03-05", 10, 50), ("2025-04-03", 10, 50), ("2025-04-04", 10, 0), ("2025-03-05", 4, 20)]
    {
        assert_eq!(disallowed(&with(again(day, units))), Decimal::from(put_off), "{day} {units}");
    }
    let books = work_out(&with(again("2025-03-05", 15)), &rules);
    let row = &books.realized[0];
    assert_eq!(
        (row.short, row.gain(), row.allowed(), row.term),
        (true, (-50).into(), Decimal::ZERO, Term::Short)
    );
    // Ten of the fifteen take it on: they brought 50 less, the other five what they brought.
    let lots: Vec<_> = books.lots.iter().map(|lot| (lot.quantity, lot.basis, lot.washed)).collect();
    assert_eq!(lots, [(-ten, 450.into(), 50.into()), ((-5).into(), 250.into(), Decimal::ZERO)]);
    assert_eq!(books.lots[0].held_since, books.lots[0].acquired);
    let mut closed = with(again("2025-03-05", 10));
    closed.push(at("D", "2025-06-02", &share(), ten, Decimal::from(40)));
    let gains: Vec<Decimal> = work_out(&closed, &rules).realized.iter().map(Realized::allowed).collect();
    assert_eq!(gains, [Decimal::ZERO, Decimal::from(50)], "100 gained less the 50 that had waited");
    for other in [
        at("C", "2025-03-05", &share(), ten, Decimal::from(50)),
        at("C", "2025-03-05", &option(Right::Call, 50), Decimal::NEGATIVE_ONE, Decimal::TWO),
        at("C", "2025-03-05", &Instrument::equity("OTHER").unwrap(), -ten, Decimal::from(50)),
    ] {
        assert_eq!(disallowed(&with(other.clone())), Decimal::ZERO, "{}", other.instrument);
    }
    // One that was sold short before, and is still open.
    let before = [
        at("A", "2025-03-03", &share(), -ten, Decimal::from(45)),
        at("C", "2025-03-03", &share(), -ten, Decimal::from(44)),
        at("B", "2025-03-04", &share(), ten, Decimal::from(50)),
    ];
    let books = work_out(&before, &rules);
    assert_eq!((books.realized[0].disallowed, books.lots[0].basis), (50.into(), 390.into()));
    // A written option that is bought back and written again is no short sale of a share.
    let put = option(Right::Put, 40);
    let written = [
        at("A", "2025-03-03", &put, Decimal::NEGATIVE_ONE, Decimal::ONE),
        at("B", "2025-03-04", &put, Decimal::ONE, Decimal::TWO),
        at("C", "2025-03-05", &put, Decimal::NEGATIVE_ONE, Decimal::TWO),
    ];
    assert_eq!(disallowed(&written), Decimal::ZERO);
}

#[test]
fn what_was_taken_back_never_was_and_what_nobody_explains_is_said() {
    let ten = Decimal::TEN;
    let buy = at("A", "2025-03-03", &share(), ten, Decimal::from(50));
    let bust = of_kind(ExecutionKind::Bust, at("b", "2025-03-03", &share(), -ten, Decimal::from(50)));
    let books = work_out(&[buy.clone(), bust], &TaxRules::default());
    assert_eq!((books.realized.len(), books.lots.len()), (0, 0));
    let adjusted = |name: &str, units: Decimal| {
        of_kind(ExecutionKind::Adjustment, at(name, "2025-03-04", &share(), units, 60.into()))
    };
    let back = work_out(&[adjusted("x", ten), adjusted("y", -ten)], &TaxRules::default());
    assert_eq!(back, TaxBooks::default());
    let came = work_out(&[adjusted("x", ten)], &TaxRules::default());
    assert_eq!((came.lots[0].source, came.lots[0].basis), (LotSource::Unexplained, Decimal::from(600)));
    assert!(came.doubts[0].contains("nothing says where it comes from"), "{:?}", came.doubts);
    let went = work_out(&[buy, adjusted("x", Decimal::from(-4))], &TaxRules::default());
    assert_eq!((went.realized.len(), went.lots[0].quantity), (0, Decimal::from(6)));
    assert!(went.doubts[0].contains("no gain is counted"), "{:?}", went.doubts);
}

#[test]
fn an_average_is_over_all_lots_of_an_account() {
    let elsewhere = Execution {
        account: AccountId::new("z"),
        ..at("C", "2025-01-03", &share(), Decimal::ONE, 99.into())
    };
    let rows = [
        at("A", "2025-01-02", &share(), Decimal::TEN, 40.into()),
        at("B", "2025-01-03", &share(), 30.into(), 44.into()),
        elsewhere,
    ];
    let books = work_out(&rows, &TaxRules::default());
    let found = averages(&books.lots.iter().collect::<Vec<_>>());
    let figures: Vec<_> =
        found.iter().map(|row| (row.account.as_str(), row.quantity, row.average())).collect();
    assert_eq!(figures, [("paper", 40.into(), 43.into()), ("z", Decimal::ONE, 99.into())]);
}

#[test]
fn years_are_summed_by_term_and_the_newest_comes_first() {
    let one = Decimal::ONE;
    let rows = [
        at("A", "2023-01-02", &share(), Decimal::from(3), Decimal::TEN),
        at("S", "2024-06-03", &share(), -one, Decimal::from(15)),
        at("T", "2025-06-03", &share(), -one, Decimal::from(8)),
        at("B", "2025-06-10", &share(), one, Decimal::from(8)),
        at("U", "2025-06-20", &share(), -one, Decimal::from(12)),
    ];
    let books = work_out(&rows, &TaxRules::default());
    let rows = years(&books.realized);
    let shown: Vec<_> =
        rows.iter().map(|row| (row.year, row.term, row.totals.sales, row.totals.gain)).collect();
    assert_eq!(shown, [(2025, Term::Long, 2, 2.into()), (2024, Term::Long, 1, 5.into())]);
    assert_eq!(rows[0].totals.disallowed, Decimal::from(2));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is bought and sold by whatever method: units add up, and every cent is in what was closed or in what is open.
        #[test]
        fn nothing_is_lost(
            trades in proptest::collection::vec((-20_i64..=20, 1_i64..100, 0_u8..60), 1..40),
            method in 0_usize..4,
        ) {
            let mut day: Date = jiff::civil::date(2025, 1, 2);
            let mut rows = Vec::new();
            for (n, (units, price, days)) in trades.iter().enumerate().filter(|(_, it)| it.0 != 0) {
                day = plus_days(day, i64::from(*days) / 4);
                let name = format!("t{n}");
                let row = at(&name, &day.to_string(), &share(), Decimal::from(*units), Decimal::from(*price));
                rows.push(Execution { at: row.at + jiff::SignedDuration::from_secs(i64::try_from(n).unwrap()), ..row });
            }
            let rules = TaxRules { method: LotMethod::ALL[method], ..TaxRules::default() };
            let books = work_out(&rows, &rules);
            let held: Decimal = rows.iter().map(|row| row.signed_quantity().get()).sum();
            let open: Decimal = books.lots.iter().map(|lot| lot.quantity).sum();
            prop_assert_eq!(held, open);
            // Cash that flowed is what was allowed, less what is tied up; washed losses are in one or the other.
            let cash: Decimal = rows.iter().map(Execution::cash_flow).sum();
            let allowed: Decimal = books.realized.iter().map(Realized::allowed).sum();
            let tied: Decimal = books
                .lots
                .iter()
                .map(|lot| if lot.quantity.is_sign_negative() { -lot.basis } else { lot.basis })
                .sum();
            prop_assert_eq!((cash - allowed + tied).round_dp(8), Decimal::ZERO);
            for row in &books.realized {
                prop_assert!(row.disallowed >= Decimal::ZERO && row.allowed() <= row.gain().max(Decimal::ZERO));
            }
        }
    }
}
