//! Rows as the broker's documentation shows them.

use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-11-26T15:00:00Z";

fn rows(rows: Value) -> Vec<Activity> {
    crate::brokers::json::read(rows.to_string().as_bytes()).unwrap()
}

fn read(of_them: Value) -> Vec<Movement> {
    of(&rows(of_them), &AccountId::new("a"), NOW.parse().unwrap()).unwrap()
}

/// A row of a type, of a group, and what is different in it.
fn row(id: &str, kind: &str, more: Value) -> Value {
    let mut row = json!({
        "id": format!("20261126000000000::{id}"), "activity_type": kind, "date": "2026-11-26", "net_amount": "0", "currency": "USD",
        "status": "executed", "created_at": "2026-11-26T13:00:00Z",
    });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

/// Id, cash, action and units of each, a line each.
fn shown(of_them: Value) -> Vec<String> {
    let units = |moved: &Moved| match moved {
        Moved::Units(it) => {
            format!("{} {} {} at {} ({})", it.side, it.quantity, it.instrument, it.price, it.kind.as_str())
        }
        Moved::Exchanged { from, quantity, into, into_quantity, .. } => {
            format!("{quantity} {from} -> {into_quantity} {into}")
        }
    };
    let line = |movement: &Movement| {
        let cash = &movement.cash;
        let action = movement.action.as_ref().map(ToString::to_string).unwrap_or_default();
        let units: Vec<String> = movement.units.iter().map(units).collect();
        format!("{} {:?} {} | {action} | {}", cash.id, cash.kind, cash.amount.normalize(), units.join(", "))
    };
    read(of_them).iter().map(line).collect()
}

#[test]
fn cash_says_why_it_moved() {
    for (kind, more, line) in [
        (
            "DIV",
            json!({"activity_sub_type": "CDIV", "symbol": "T", "qty": "2", "per_share_amount": "0.51", "net_amount": "1.02"}),
            "x Dividend 1.02 | T pays 0.51 a share | ",
        ),
        ("DIVNRA", json!({"symbol": "T", "net_amount": "-0.15"}), "x Dividend -0.15 |  | "),
        ("FEE", json!({"activity_sub_type": "TAF", "net_amount": "-0.02"}), "x Fee -0.02 |  | "),
        ("CFEE", json!({"net_amount": "-0.1", "symbol": "BTCUSD"}), "x Fee -0.1 |  | "),
        ("INT", json!({"activity_sub_type": "MGN", "net_amount": "-3.5"}), "x Interest -3.5 |  | "),
        ("CSD", json!({"net_amount": "500"}), "x Deposit 500 |  | "),
        ("JNLC", json!({"net_amount": "-20"}), "x Deposit -20 |  | "),
        ("OPCSH", json!({"net_amount": "12"}), "x Corporate 12 |  | "),
        ("ZZZ", json!({"net_amount": "7"}), "x Deposit 7 |  | "),
    ] {
        assert_eq!(shown(json!([row("x", kind, more)])), [line], "{kind}");
    }
    for gone in [
        row("x", "FEE", json!({"status": "canceled", "net_amount": "-1"})),
        row("x", "CFEE", json!({"qty": "-0.001", "symbol": "BTCUSD"})),
        row("x", "OPASN", json!({"qty": "2", "symbol": "AAPL261218P00190000"})),
        row("x", "ACATS", json!({"qty": "0", "symbol": "AAPL"})),
        row("x", "ZZZ", json!({"qty": "2", "symbol": "AAPL"})),
    ] {
        assert!(shown(json!([gone])).is_empty());
    }
}

#[test]
fn transfers_are_units_and_no_cash() {
    for (kind, more, line) in [
        (
            "ACATS",
            json!({"qty": "100", "symbol": "AAPL", "price": "190.5"}),
            "buy 100 AAPL at 190.5 (transfer)",
        ),
        ("ACATS", json!({"qty": "-7.5", "symbol": "F"}), "sell 7.5 F at 0 (transfer)"),
        ("FOPT", json!({"qty": "3", "symbol": "BRK.B"}), "buy 3 BRK.B at 0 (transfer)"),
        ("JNL", json!({"qty": "4", "symbol": "F", "price": "11"}), "buy 4 F at 11 (transfer)"),
        // What they were worth is no money.
        ("JNLS", json!({"qty": "2", "symbol": "AAPL", "net_amount": "381"}), "buy 2 AAPL at 0 (transfer)"),
    ] {
        assert_eq!(shown(json!([row("x", kind, more)])), [format!("x Deposit 0 |  | {line}")], "{kind}");
    }
    let option = read(json!([row("x", "JNLS", json!({"qty": "-1", "symbol": "AAPL261218P00190000"}))]));
    let Moved::Units(moved) = &option[0].units[0] else { panic!("{option:?}") };
    assert_eq!((moved.multiplier, moved.cash_flow()), (Decimal::ONE_HUNDRED, Decimal::ZERO));
}

/// What goes and what comes for it are two rows, in any order; a new one alone waits for the other.
#[test]
fn splits_are_what_they_add() {
    let pair = |old: &str, new: &str| {
        json!([
            row("b", "SPLIT", json!({"symbol": "AAPL", "qty": new, "price": "50"})),
            row("a", "SPLIT", json!({"symbol": "AAPL", "qty": old, "price": "100"})),
        ])
    };
    for (old, new, line) in [
        ("-10", "40", "a Corporate 0 | AAPL is split 4 for 1 | buy 30 AAPL at 0 (corporate_action)"),
        ("-33", "1.65", "a Corporate 0 | AAPL is split 1 for 20 | sell 31.35 AAPL at 0 (corporate_action)"),
        (
            "-0.54796447",
            "0.821946705",
            "a Corporate 0 | AAPL is split 3 for 2 | buy 0.273982235 AAPL at 0 (corporate_action)",
        ),
    ] {
        assert_eq!(shown(pair(old, new)), [line]);
    }
    let movement = &read(pair("-10", "40"))[0];
    assert_eq!(movement.cash.at.to_string(), "2026-11-26T05:00:00Z", "before the first trade of its day");
    let alone = |created: &str| {
        json!([row("a", "SPLIT", json!({"symbol": "AAPL", "qty": "-10", "created_at": created}))])
    };
    assert!(shown(alone("2026-11-26T14:55:00Z")).is_empty());
    assert_eq!(shown(alone("2026-11-26T14:00:00Z")).len(), 1);
}

#[test]
fn names_mergers_and_spin_offs_are_exchanges() {
    let group = |kind: &str, rows: &[(&str, &str, &str)]| {
        let of = |(n, (symbol, quantity, cash)): (usize, &(&str, &str, &str))| {
            row(
                &format!("r{n}"),
                kind,
                json!({"group_id": "g", "symbol": symbol, "qty": quantity, "net_amount": cash}),
            )
        };
        json!(rows.iter().enumerate().map(of).collect::<Vec<_>>())
    };
    for (kind, rows, line) in [
        (
            "NC",
            vec![("RNA", "-7.5", "0"), ("RNAM", "7.5", "0")],
            "r0 Corporate 0 | RNA trades as RNAM from now on | 7.5 RNA -> 7.5 RNAM",
        ),
        ("NC", vec![("BRIF", "-4", "0"), ("BRIF", "4", "0")], "r0 Corporate 0 |  | "),
        (
            "MA",
            vec![("OLD", "-2000", "0"), ("NEW", "200", "0"), ("OLD", "0", "8.29")],
            "r0 Corporate 8.29 | OLD: it became NEW | 2000 OLD -> 200 NEW",
        ),
        (
            "MA",
            vec![("OLD", "-100", "0"), ("OLD", "0", "2100")],
            "r0 Corporate 0 | OLD is bought for 21 a share | sell 100 OLD at 21 (corporate_action)",
        ),
        (
            "SPIN",
            vec![("RNA", "0.2", "0")],
            "r0 Corporate 0 | RNA: 0.2 RNA were given for it | buy 0.2 RNA at 0 (corporate_action)",
        ),
        (
            "SPLIT",
            vec![("CCCXU", "-8", "0"), ("INFQ", "8", "0"), ("WRNT", "2", "0")],
            "r0 Corporate 0 | CCCXU: it became INFQ | 8 CCCXU -> 8 INFQ, buy 2 WRNT at 0 (corporate_action)",
        ),
        (
            "REORG",
            vec![("CLNNW", "-200", "0")],
            "r0 Corporate 0 | CLNNW: 200 are taken off | sell 200 CLNNW at 0 (expiration)",
        ),
        (
            "OPCA",
            vec![("FIZZ260717P00030000", "-7", "133"), ("FIZZ260717P00026750", "7", "-133")],
            "r0 Corporate 0 |  | 7 FIZZ 2026-07-17 30 put -> 7 FIZZ 2026-07-17 26.75 put",
        ),
    ] {
        let found = shown(group(kind, &rows));
        let plain: Vec<String> = found.iter().map(|line| line.to_string()).collect();
        assert_eq!(plain.len(), 1, "{plain:?}");
        if kind == "OPCA" {
            assert!(
                plain[0].starts_with("r0 Corporate 0 |  | 7 ") && plain[0].contains(" -> 7 "),
                "{plain:?}"
            );
        } else {
            assert_eq!(plain, [line]);
        }
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_not_nothing() {
    for wrong in [
        json!([row(
            "x",
            "SPLIT",
            json!({"symbol": "not a symbol", "qty": "1", "created_at": "2026-11-01T00:00:00Z"})
        )]),
        json!([row("x", "FEE", json!({"created_at": null, "date": null}))]),
    ] {
        let error = of(&rows(wrong), &AccountId::new("a"), NOW.parse().unwrap()).unwrap_err();
        assert!(error.contains("activity 20261126000000000::x"), "{error}");
    }
}
