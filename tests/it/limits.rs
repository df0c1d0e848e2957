//! Limits set while the engine runs (reliability K5): tighter at once, looser by the typed name alone, in the file, in the audit log.

use super::detached::Home;

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn k5_limits_tighten_at_once_and_loosen_by_their_name_alone() {
    let home = Home::new();
    home.configure("# mine\n[log]\nlevel = \"info\"\n");
    // A working order keeps one engine there throughout.
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100", "--no-wait"]);
    let engine = home.engine().expect("an order works, so its engine runs");
    home.json(&["limit", "set", "order_notional_max", "500"]);
    let file = home.path().join("config/config.toml");
    let kept = || std::fs::read_to_string(&file).unwrap();
    assert!(kept().contains("# mine") && kept().contains("order_notional_max = 500"), "{}", kept());
    let denied = home.output(&["order", "place", "buy", "10", "AAPL"]);
    assert_eq!(denied.status.code(), Some(3));
    assert!(
        said(&denied).contains("MAX_ORDER_NOTIONAL") || said(&denied).contains("500"),
        "{}",
        said(&denied)
    );

    let looser = ["limit", "set", "order_notional_max", "90000"];
    let refused = home.output(&looser);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("--confirm order_notional_max"), "{}", said(&refused));
    let wrong = home.output(&[&looser[..], &["--confirm", "yes"]].concat());
    assert_eq!(wrong.status.code(), Some(2));
    assert!(kept().contains("order_notional_max = 500"), "{}", kept());
    home.json(&[&looser[..], &["--confirm", "order_notional_max"]].concat());
    let placed = home.json(&["order", "place", "buy", "10", "AAPL"]);
    assert_eq!(placed["orders"][0]["status"], "filled");
    assert_eq!(home.json(&["risk"])["risk"][0]["limits"]["order_notional_max"], "90000");

    for (args, wanted) in [
        (&["limit", "set", "order_notional", "5"][..], "allowed order_quantity_max"),
        (&["limit", "set", "order_notional_max", "-5"], "allowed"),
        (&["limit", "set", "day_trade_rule", "sometimes"], "allowed"),
        (&["limit", "set", "restricted", "not a symbol"], "restricted"),
    ] {
        let output = home.output(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(wanted), "{args:?}: {}", said(&output));
    }
    home.json(&["limit", "set", "restricted", "GME,KO"]);
    let restricted = home.output(&["order", "place", "buy", "1", "KO"]);
    assert_eq!(restricted.status.code(), Some(3), "{}", said(&restricted));
    assert_eq!(home.engine(), Some(engine), "all of it was told to the one that runs");

    // The log is written behind the answers.
    let wanted = [
        ("order_notional_max to 500", 1),
        // Two refusals and the change.
        ("order_notional_max to 90000", 3),
        ("restricted to GME,KO", 1),
    ];
    home.until("each change in the audit log", || {
        let log = home.json(&["audit", "list", "--limit", "0"]);
        let rows = log["rows"].as_array().unwrap();
        let count = |object: &str| {
            rows.iter().filter(|row| row["action"] == "limits_changed" && row["object"] == object).count()
        };
        wanted.iter().all(|(object, times)| count(object) == *times)
    });
}

/// A person has the books compared, and what came of it is shown; there is nothing to override while they agree.
#[test]
fn r8_a_comparison_is_had_at_once_and_shown() {
    let home = Home::new();
    let shown = home.json(&["reconcile"]);
    let last = &shown["accounts"][0]["standing"]["last"];
    assert_eq!((&last["reason"], &last["account"]), (&"person".into(), &"paper".into()), "{shown}");
    assert_eq!(shown["accounts"][0]["standing"]["reconciled"], true);
    assert_eq!(last["differences"].as_array().map(Vec::len), Some(0), "{shown}");
    let refused = home.output(&["override", "paper", "--confirm", "paper"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("paper agrees with its broker"), "{}", said(&refused));
    let unknown = home.output(&["reconcile", "papier"]);
    assert!(said(&unknown).contains("account: found 'papier', allowed paper"), "{}", said(&unknown));
}
