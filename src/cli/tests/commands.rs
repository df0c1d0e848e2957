//! Golden transcripts: what a person sees, and the JSON beside it.

use super::World;
use super::samples::replaying;
use crate::cli::host::{DemoRun, ReplayRun, SessionKind};
use crate::client::Request;

/// Every command that answers without changing anything, as words and as JSON.
pub(super) const READS: &[&[&str]] = &[
    &["positions"],
    &["balances"],
    &["order", "list"],
    &["order", "list", "--symbol", "TSLA"],
    &["order", "list", "--all", "--symbol", "TSLA"],
    &["order", "show", "1"],
    &["order", "preview", "buy", "10", "AAPL"],
    &["order", "preview", "buy", "5000", "AAPL"],
    &["fills"],
    &["history"],
    &["pnl"],
    &["quote", "AAPL", "BTC-USD"],
    &["bars", "AAPL", "--limit", "2"],
    &["chain", "AAPL", "--right", "put"],
    &["depth", "AAPL"],
    &["news", "AAPL"],
    &["movers", "--by", "losers"],
    &["groups"],
    &["groups", "information", "technology"],
    &["watchlist", "list"],
    &["watchlist", "show"],
    &["alert", "list"],
    &["note", "list"],
    &["note", "list", "AAPL"],
    &["note", "list", "--csv"],
    &["equity", "--points", "3"],
    &["risk"],
    &["connections"],
    &["search", "apple"],
    &["search", "zzz"],
    &["calendar"],
    &["calendar", "--date", "2026-11-27"],
    &["calendar", "--date", "2026-12-25"],
    &["calendar", "--year", "2026"],
    &["backup"],
    &["config", "path"],
    &["config", "check"],
    &["doctor"],
    &["import", "bars", "/data/nq.csv"],
    &["backtest", "sma_cross", "--set", "fast=10", "--set", "slow=30", "--cash", "50000"],
];

#[test]
fn what_is_read_is_shown() {
    for args in READS {
        let world = World::new();
        let json = [args, &["--json"][..]].concat();
        let text = format!("{}\n{}", world.transcript(args), world.transcript(&json));
        let name: Vec<String> = args.iter().map(|arg| arg.replace(['-', '='], "")).collect();
        insta::assert_snapshot!(format!("read-{}", name.join("-")), text);
        serde_json::from_str::<serde_json::Value>(&world.run(&json).out).unwrap();
    }
}

/// Every command that changes something, one world for all.
#[test]
fn what_is_done_is_shown() {
    let world = World::new();
    let commands: &[&[&str]] = &[
        &["order", "place", "buy", "10", "TSLA"],
        &["order", "place", "buy", "10", "TSLA"],
        &["order", "place", "buy", "0.5", "BTC-USD", "--limit", "90000"],
        &["order", "place", "sell", "5", "TSLA", "--stop", "380", "--limit", "379.5", "--tif", "gtc"],
        &["order", "place", "sell", "5", "TSLA", "--trail-percent", "5"],
        &[
            "order",
            "place",
            "sto",
            "2",
            "AAPL",
            "--expiry",
            "2027-01-15",
            "--strike",
            "190",
            "--right",
            "put",
            "--limit",
            "2.35",
        ],
        &[
            "order",
            "place",
            "buy",
            "1",
            "--leg",
            "buy 1 SPY   261120C00500000",
            "--leg",
            "sell 1 SPY261120C00510000",
            "--debit",
            "3.20",
        ],
        &["order", "list"],
        &["positions"],
        &["order", "cancel", "2"],
        &["order", "cancel", "2"],
        &["order", "cancel", "3", "99"],
        &["order", "replace", "4", "--limit", "378"],
        &["order", "cancel", "--symbol", "AAPL"],
        &["halt"],
        &["order", "cancel", "--all"],
        &["halt", "--all", "--yes"],
        &["resume"],
        &["paper", "assign", "AAPL270115P00190000", "--contracts", "1"],
        &["paper", "expire"],
        &["paper", "advance", "1d"],
    ];
    let text: Vec<String> = commands.iter().map(|args| world.transcript(args)).collect();
    insta::assert_snapshot!("done", text.join("\n"));
}

#[test]
fn what_is_watched_is_changed_as_on_the_screen() {
    let asked = |args: &[&str]| {
        let world = World::new();
        let ran = world.run(args);
        let asked = world.host.session.asked.lock().unwrap();
        (ran.exit, serde_json::to_string(&*asked).unwrap(), ran.err)
    };
    let cases: &[(&[&str], &str)] = &[
        (
            &["alert", "set", "apple", "--above", "260"],
            r#"[{"request":"alert","change":"set","instrument":{"kind":"equity","symbol":"AAPL"},"when":"above","value":"260"}]"#,
        ),
        (
            &["alert", "change", "2", "--moved", "-4.5"],
            r#"[{"request":"alert","change":"edit","id":2,"when":"change_percent","value":"-4.5"}]"#,
        ),
        (&["alert", "remove", "2"], r#"[{"request":"alert","change":"remove","id":2}]"#),
        (&["alert", "remove", "--rung"], r#"[{"request":"alert","change":"clear"}]"#),
        (
            &["watchlist", "add", "main", "TSLA", "AAPL"],
            r#"[{"request":"set_watchlist","name":"main","instruments":[{"kind":"equity","symbol":"AAPL"},{"kind":"crypto","base":"BTC","quote":"USD"},{"kind":"equity","symbol":"TSLA"}]}]"#,
        ),
        (
            &["watchlist", "drop", "main", "BTC-USD"],
            r#"[{"request":"set_watchlist","name":"main","instruments":[{"kind":"equity","symbol":"AAPL"}]}]"#,
        ),
        (
            &["watchlist", "move", "main", "--back"],
            r#"[{"request":"edit_watchlists","edit":"move","name":"main","forward":false}]"#,
        ),
        (
            &["watchlist", "rename", "main", "tech"],
            r#"[{"request":"edit_watchlists","edit":"rename","from":"main","to":"tech"}]"#,
        ),
        (
            &["watchlist", "remove", "main"],
            r#"[{"request":"edit_watchlists","edit":"remove","name":"main"}]"#,
        ),
        (
            &["note", "add", "AAPL", "earnings", "on", "Thursday"],
            r#"[{"request":"note_symbol","change":"add","instrument":{"kind":"equity","symbol":"AAPL"},"text":"earnings on Thursday"}]"#,
        ),
        (&["note", "remove", "AAPL", "2"], r#"[{"request":"note_symbol","change":"remove","id":2}]"#),
    ];
    for (args, expected) in cases {
        let (exit, requests, err) = asked(args);
        assert_eq!((exit, requests.as_str()), (0, *expected), "{args:?} {err}");
    }
    for (args, said) in [
        (&["watchlist", "drop", "main", "TSLA"][..], "TSLA is not on the list main"),
        (&["watchlist", "drop", "main", "AAPL", "BTC-USD"], "arbion watchlist remove main"),
        (&["watchlist", "show", "gone"], "found 'gone', allowed main"),
        (&["alert", "set", "AAPL"], "--above"),
        (&["alert", "set", "AAPL", "--above", "1", "--below", "2"], "cannot be used with"),
        (&["alert", "remove"], "required"),
        (&["groups", "gone"], "found 'gone'"),
        (&["note", "set", "77", "why"], "no order 77"),
        (&["note", "add", "AAPL"], "required"),
        (&["note", "add", "zzzzz", "why"], "found 'zzzzz'"),
        (&["note", "remove", "AAPL"], "note: found no number, allowed those of AAPL: 3, 2"),
        (&["note", "remove", "AAPL", "9"], "note: found 9, allowed those of AAPL: 3, 2"),
        (&["note", "remove", "BTC-USD"], "BTC-USD has no note"),
        (
            &["fills", "--since", "2026-11-05", "--until", "2026-11-02"],
            "--until: found 2026-11-02, allowed is no day before --since (2026-11-05)",
        ),
    ] {
        let (exit, _, err) = asked(args);
        assert_eq!(exit, 2, "{args:?}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}

#[test]
fn flags_become_the_command_that_any_door_would_make() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["buy", "10", "aapl"],
            r#"{"intent":"place","side":"buy","instrument":{"kind":"equity","symbol":"AAPL"},"quantity":"10","order_type":"market","time_in_force":"day"}"#,
        ),
        (
            &["buy", "btc-usd", "--notional", "250"],
            r#"{"intent":"place","side":"buy","instrument":{"kind":"crypto","base":"BTC","quote":"USD"},"notional":"250","order_type":"market","time_in_force":"gtc"}"#,
        ),
        (
            &[
                "sto",
                "2",
                "AAPL",
                "--expiry",
                "2027-01-15",
                "--strike",
                "190",
                "--right",
                "put",
                "--limit",
                "2.35",
                "--tif",
                "gtc",
            ],
            r#"{"intent":"place","side":"sell","position_effect":"open","instrument":{"kind":"option","underlying":"AAPL","expiry":"2027-01-15","strike":"190","right":"put"},"quantity":"2","order_type":"limit","limit_price":"2.35","time_in_force":"gtc"}"#,
        ),
        (
            &["buy", "100", "MSFT", "--limit", "410.00", "--take-profit", "430", "--stop-loss", "400"],
            r#"{"intent":"place","side":"buy","instrument":{"kind":"equity","symbol":"MSFT"},"quantity":"100","order_type":"limit","limit_price":"410","time_in_force":"day","take_profit":"430","stop_loss":"400"}"#,
        ),
        (
            &["short", "100", "TSLA", "--peg", "mid", "--post-only", "--reduce-only"],
            r#"{"intent":"place","side":"sell_short","instrument":{"kind":"equity","symbol":"TSLA"},"quantity":"100","order_type":"limit","limit_peg":"mid","time_in_force":"day","post_only":true,"reduce_only":true}"#,
        ),
        (
            &["cover", "TSLA", "--percent-of-position", "50", "--stop", "420"],
            r#"{"intent":"place","side":"buy_to_cover","instrument":{"kind":"equity","symbol":"TSLA"},"percent_of_position":"50","order_type":"stop","stop_price":"420","time_in_force":"day"}"#,
        ),
        (
            &[
                "sell",
                "10",
                "AAPL",
                "--stop",
                "180",
                "--limit",
                "179.5",
                "--tif",
                "gtd",
                "--expire-date",
                "2026-12-18",
            ],
            r#"{"intent":"place","side":"sell","instrument":{"kind":"equity","symbol":"AAPL"},"quantity":"10","order_type":"stop_limit","limit_price":"179.5","stop_price":"180","time_in_force":"gtd","expire_date":"2026-12-18"}"#,
        ),
        (
            &["sell", "10", "AAPL", "--trail", "2.50"],
            r#"{"intent":"place","side":"sell","instrument":{"kind":"equity","symbol":"AAPL"},"quantity":"10","order_type":"trailing_stop","trail_amount":"2.5","time_in_force":"day"}"#,
        ),
        (
            &["buy", "10", "AAPL", "--limit", "230", "--extended"],
            r#"{"intent":"place","side":"buy","instrument":{"kind":"equity","symbol":"AAPL"},"quantity":"10","order_type":"limit","limit_price":"230","time_in_force":"day","session":"extended"}"#,
        ),
        (
            &[
                "buy",
                "1",
                "--leg",
                "buy 1 SPY   261120C00500000",
                "--leg",
                "sell 1 SPY261120C00510000 close",
                "--debit",
                "3.20",
            ],
            r#"{"intent":"place","side":"buy","legs":[{"side":"buy","position_effect":"open","ratio":"1","instrument":{"kind":"option","underlying":"SPY","expiry":"2026-11-20","strike":"500","right":"call"}},{"side":"sell","position_effect":"close","ratio":"1","instrument":{"kind":"option","underlying":"SPY","expiry":"2026-11-20","strike":"510","right":"call"}}],"quantity":"1","order_type":"limit","limit_price":"3.2","time_in_force":"day","price_effect":"debit"}"#,
        ),
    ];
    for (args, expected) in cases {
        let world = World::new();
        let ran = world.run(&[&["order", "place"], *args, &["--allow-duplicate", "--no-wait"]].concat());
        assert_eq!(ran.exit, 0, "{args:?} {}", ran.err);
        let asked = world.host.session.orders_asked();
        let Some(Request::Execute { command, allow_duplicate: true, wait: false, .. }) = asked.last() else {
            panic!("{args:?} asked for {asked:?}")
        };
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(serde_json::to_value(command).unwrap(), expected, "{args:?}");
    }
}

#[test]
fn configuration_is_shown_with_where_it_was_set() {
    let world = World::new();
    world.write_config("[screen]\nzone = \"UTC\"\n[watchlists]\nmine = [\"AAPL\"]\n");
    let ran = world.run(&["config", "show"]);
    assert!(ran.out.contains("\nzone = \"UTC\"  # /temp/home/config/config.toml:2\n"), "{}", ran.out);
    assert!(ran.out.contains("\n\"mine\" = [\"AAPL\"]  # /temp/home/config/config.toml:4\n"), "{}", ran.out);
    let shown = std::path::PathBuf::from("shown.toml");
    let again = crate::config::Loaded::from_layers(&[(shown, ran.out)]).unwrap();
    assert_eq!(again.config.screen.zone, crate::config::Zone::Utc);
    let json = world.run(&["config", "show", "--json"]).json();
    assert_eq!(json["config"]["paper"]["starting_cash"], "100000");
    assert_eq!(json["origins"]["screen.zone"]["line"], 2);
    world.write_config("[screen]\nfps = 0\nthem = 1\n");
    let ran = world.run(&["config", "check", "--json"]);
    assert_eq!((ran.exit, ran.json()["problems"].as_array().map(Vec::len)), (2, Some(2)));
    // What the program around the configuration knows is located in it.
    world.write_config("[screen]\nfps = 20\ntheme = \"drak\"\n");
    let ran = world.run(&["config", "check"]);
    assert_eq!(ran.out, "/temp/home/config/config.toml:3: screen.theme: no theme is called drak\n");
    assert_eq!((ran.exit, ran.err.as_str()), (2, "arbion: 1 mistake in the configuration\n"));
}

#[test]
fn exports_are_private_and_never_overwrite_unasked() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let path = world.home.path().join("trades.csv");
    let to = path.to_str().unwrap();
    let export = ["export", "trades", "--to", to];
    assert_eq!(world.run(&export).out, "2 fills in /temp/trades.csv\n");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "Csv\n2026-11-24T18:45:01Z,AAPL\n2026-11-24T18:45:02Z,AAPL\n", "oldest first");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let ran = world.run(&export);
    assert_eq!((ran.exit, ran.err.as_str()), (2, "arbion: /temp/trades.csv exists; --force overwrites it\n"));
    assert_eq!(
        world.run(&[&export[..], &["--force", "--format", "json", "--json"]].concat()).json()["executions"],
        2
    );
    assert!(world.run(&["export", "trades", "--to", "-"]).out.starts_with("Csv\n"));
}

#[test]
fn backtests_write_their_trades_and_equity() {
    let world = World::new();
    let file = |name: &str| world.home.path().join(name);
    let (csv, json, equity) = (file("t.csv"), file("t.json"), file("e.csv"));
    let run = |trades: &std::path::Path| {
        let args = ["backtest", "sma_cross", "--data", "bars.csv", "--trades", trades.to_str().unwrap()];
        world.run(&[&args[..], &["--equity", equity.to_str().unwrap(), "--force", "--json"]].concat()).json()
    };
    assert_eq!(run(&csv)["data"], "bars.csv");
    let report = run(&json);
    assert_eq!(report["metrics"][2]["value"], serde_json::Value::Null);
    assert_eq!(
        std::fs::read_to_string(&csv).unwrap(),
        "symbol,quantity,opened_at,entry_price,closed_at,exit_price,fees,pnl,pnl_percent\n\
         AAPL,10,2026-11-24T18:45:00Z,100,2026-11-25T18:45:00Z,110.5,0,105,10.5\n"
    );
    assert_eq!(
        std::fs::read_to_string(&equity).unwrap(),
        "date,equity,low,high\n2026-11-24,100000,100000,100000\n"
    );
    let trades: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(trades, report["trades"]);
}

#[test]
fn each_command_asks_for_the_engine_it_needs() {
    let kind = |args: &[&str]| {
        let mut world = World::new();
        (world.can_ask, world.typed) = (true, "expect position AAPL 10\n".to_owned());
        world.host.session.change(replaying);
        let ran = world.run(args);
        assert_eq!(ran.exit, 0, "{args:?} {}", ran.err);
        assert_eq!(*world.host.closed.lock().unwrap(), 1, "{args:?}");
        let kinds = world.host.kinds.lock().unwrap().clone();
        kinds.into_iter().next()
    };
    assert_eq!(kind(&["positions"]), Some(SessionKind::Read));
    assert_eq!(kind(&["order", "preview", "buy", "1", "AAPL"]), Some(SessionKind::Read));
    assert_eq!(kind(&["order", "place", "buy", "1", "AAPL"]), Some(SessionKind::Trade));
    assert_eq!(kind(&["halt"]), Some(SessionKind::Trade));
    // Logins are open in an engine that trades.
    assert_eq!(kind(&["news", "AAPL"]), Some(SessionKind::Trade));
    assert_eq!(kind(&["do", "news aapl"]), Some(SessionKind::Trade));
    assert_eq!(kind(&["do", "show fills"]), Some(SessionKind::Read));
    assert_eq!(kind(&[]), Some(SessionKind::Trade));
    assert_eq!(kind(&["demo", "--seed", "7"]), Some(SessionKind::Demo(DemoRun { seed: Some(7) })));
    assert_eq!(kind(&["demo", "--script", "-"]), Some(SessionKind::Demo(DemoRun::default())));
    let replay = |file: Option<&str>, speed| {
        Some(SessionKind::Replay(ReplayRun { file: file.map(Into::into), seed: None, speed }))
    };
    assert_eq!(kind(&["demo", "--replay", "shipped", "--script", "-"]), replay(None, None));
    assert_eq!(kind(&["demo", "--replay", "b.csv", "--speed", "60"]), replay(Some("b.csv"), Some(60)));
    assert_eq!(kind(&["config", "path"]), None);
}

#[test]
fn parse_answers_with_the_command_and_nothing_else() {
    let mut world = World::new();
    // No home, no profile, no configuration: it needs none.
    world.environment.arbion_home = Some("nowhere".into());
    world.environment.arbion_profile = Some("No Such".into());
    let cases = [
        (
            &["buy 10 aapl"][..],
            0,
            r#"{"intent":"place","side":"buy","instrument":{"kind":"equity","symbol":"AAPL"},"quantity":"10","order_type":"market","time_in_force":"day"}"#,
        ),
        (
            &["sell", "half", "my", "tesla,", "trail", "5%"],
            0,
            r#"{"intent":"close","instrument":{"kind":"equity","symbol":"TSLA"},"percent_of_position":"50","order_type":"trailing_stop","trail_percent":"5","time_in_force":"day"}"#,
        ),
        (
            &["buy some apple"],
            2,
            r#"{"intent":"clarify","missing":["quantity"],"message":"How many shares of AAPL?"}"#,
        ),
        (
            &["sto 2 AAPL next friday 190p @ 2.35", "--today", "2026-11-20"],
            0,
            r#"{"intent":"place","side":"sell","position_effect":"open","instrument":{"kind":"option","underlying":"AAPL","expiry":"2026-11-27","strike":"190","right":"put"},"quantity":"2","order_type":"limit","limit_price":"2.35","time_in_force":"day"}"#,
        ),
    ];
    for (text, exit, expected) in cases {
        for args in [[&["parse"], text].concat(), [&["--json", "parse"], text].concat()] {
            let ran = world.run(&args);
            assert_eq!((ran.exit, ran.out), (exit, format!("{expected}\n")), "{args:?}");
            assert_eq!(ran.err, if exit == 0 { "" } else { "arbion: How many shares of AAPL?\n" });
        }
    }
    let words = world.run(&["parse", "--explain", "buy 100 msft at 410 tp 430 sl 400"]).out;
    let again = world.run(&["parse", words.trim()]);
    assert_eq!(again.out, world.run(&["parse", "buy 100 msft at 410 tp 430 sl 400"]).out, "{words}");
    assert!(world.host.kinds.lock().unwrap().is_empty());
    assert_eq!(*world.host.closed.lock().unwrap(), 0, "no engine, no runtime");
}

#[test]
fn words_are_carried_out_like_flags() {
    let world = World::new();
    let lines = [
        "buy 10 tsla",
        "show positions",
        "show orders",
        "buying power",
        "show pnl",
        "show fills",
        "show history",
        "watchlists",
        "show connections",
        "show log",
        "show risk",
        "quote btc",
        "chart aapl 5m",
        "show wallets",
        "help",
        "resume",
        "flatten",
        "explain why the wheel sold",
    ];
    let text: Vec<String> = lines.iter().map(|line| world.transcript(&["do", line])).collect();
    insta::assert_snapshot!("do", text.join("\n"));
    let asked =
        world.run(&["do", "sell", "5", "tsla", "--no-wait", "--allow-duplicate", "--account", "paper"]);
    assert_eq!(asked.exit, 0, "{}", asked.err);
    let account = Some(crate::domain::ids::AccountId::new("paper"));
    let last = world.host.session.orders_asked().pop();
    let as_asked = matches!(&last, Some(Request::Execute { account: a, allow_duplicate: true, wait: false, .. }) if *a == account);
    assert!(as_asked, "{last:?}");
}

#[test]
fn tables_fit_a_terminal_of_eighty_columns() {
    use unicode_width::UnicodeWidthStr;
    for args in READS.iter().filter(|args| !matches!(args, ["backtest" | "config" | "doctor" | "import", ..]))
    {
        let mut world = World::new();
        world.width = Some(80);
        let out = world.run(args).out;
        assert!(out.lines().all(|line| line.width() <= 80), "{args:?}\n{out}");
    }
}
