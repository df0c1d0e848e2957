//! Wrong command lines: one line each, exit code 2, nothing asked of any engine.

use super::World;

const WRONG: &[(&[&str], &str)] = &[
    (&["fly"], "unrecognized subcommand 'fly'; see: arbion --help"),
    (&["positons"], "unrecognized subcommand 'positons'; did you mean positions? see: arbion --help"),
    (&["qoute", "AAPL"], "unrecognized subcommand 'qoute'; did you mean quote? see: arbion --help"),
    (&["frobnicate"], "unrecognized subcommand 'frobnicate'; see: arbion --help"),
    (&["order", "plce"], "unrecognized subcommand 'plce'; did you mean place? see: arbion order --help"),
    (&["quote"], "the following required arguments were not provided: <SYMBOL>...; see: arbion quote --help"),
    (
        &["bars", "AAPL", "--interval", "2d"],
        "invalid value '2d' for '--interval <WIDTH>' [possible values: 1m, 5m, 15m, 1h, 1d, 1w]; see: arbion bars --help",
    ),
    (
        &["--profile", "Alice", "positions"],
        "invalid value 'Alice' for '--profile <NAME>': profile: found 'Alice', allowed 1 to 32 of a-z, 0-9, '_' and '-'; see: arbion positions --help",
    ),
    (
        &["alert", "set", "AAPL", "--above", "NaN"],
        "invalid value 'NaN' for '--above <PRICE>': 'NaN' is not a decimal number (digits with at most one point, up to 28 digits); see: arbion alert set --help",
    ),
    (
        &["alert", "set", "AAPL", "--below", "-5"],
        "invalid value '-5' for '--below <PRICE>': must be above 0; see: arbion alert set --help",
    ),
    (&["calendar", "--date", "1800-01-01"], "--date: found 1800-01-01, allowed are the years 1990 to 2100"),
    (&["order", "place", "buy"], "how many of what? give a quantity and a symbol"),
    (&["order", "place", "buy", "10"], "which instrument? give a symbol"),
    (
        &["order", "place", "buy", "AAPL"],
        "how many of AAPL? give a quantity before it, --notional or a percentage",
    ),
    (
        &["order", "place", "buy", "0", "AAPL"],
        "quantity: found '0', allowed a number above 0 of at most 28 digits",
    ),
    (
        &["order", "place", "buy", "-5", "AAPL"],
        "quantity: found '-5', allowed a number above 0 of at most 28 digits",
    ),
    (
        &["order", "place", "buy", "10", "AAPL", "--notional", "250"],
        "give a quantity or an option that says how much, not both",
    ),
    (
        &["order", "place", "buy", "10", "AAPL", "--limit", "1,5"],
        "invalid value '1,5' for '--limit <PRICE>': '1,5' is not a decimal number (digits with at most one point, up to 28 digits); see: arbion order place --help",
    ),
    (
        &["order", "place", "buy", "10", "AAPL", "--limit", "0"],
        "invalid value '0' for '--limit <PRICE>': must be above 0; see: arbion order place --help",
    ),
    (
        &["order", "place", "sell", "10", "AAPL", "--trail-percent", "100"],
        "--trail-percent: allowed above 0 and below 100",
    ),
    (&["order", "place", "buy", "10", "AAPL", "--extended"], "an extended-hours order needs a --limit"),
    (&["order", "place", "buy", "10", "AAPL", "--tif", "gtd"], "--tif gtd and --expire-date go together"),
    (
        &["order", "place", "buy", "10", "AAPL", "--expire-date", "2026-12-01"],
        "--tif gtd and --expire-date go together",
    ),
    (
        &["order", "place", "bto", "10", "AAPL"],
        "open and close are said of single options only; a leg says its own",
    ),
    (
        &["order", "place", "bto", "1", "AAPL270115C00190000", "--effect", "close"],
        "--effect contradicts the side",
    ),
    (
        &[
            "order",
            "place",
            "buy",
            "1",
            "BTC-USD",
            "--expiry",
            "2027-01-15",
            "--strike",
            "190",
            "--right",
            "put",
        ],
        "BTC-USD has no options; allowed are shares and funds",
    ),
    (
        &["order", "place", "buy", "1", "--leg", "buy 1 AAPL270115C00190000", "--debit", "1"],
        "found 1 legs, allowed 2 to 4",
    ),
    (
        &[
            "order",
            "place",
            "buy",
            "1",
            "--leg",
            "buy 1 AAPL270115C00190000",
            "--leg",
            "sell 1 AAPL270115C00195000",
        ],
        "a package needs its price: --debit, --credit or --even",
    ),
    (
        &[
            "order",
            "place",
            "buy",
            "1",
            "--leg",
            "hold 1 AAPL270115C00190000",
            "--leg",
            "sell 1 AAPL270115C00195000",
            "--even",
        ],
        "leg 'hold 1 AAPL270115C00190000': found side 'hold'; allowed \"buy 1 AAPL270115C00190000\" [open|close]",
    ),
    (
        &[
            "order",
            "place",
            "buy",
            "1",
            "--leg",
            "buy 1.5 AAPL270115C00190000",
            "--leg",
            "sell 1 AAPL270115C00195000",
            "--even",
        ],
        "leg 'buy 1.5 AAPL270115C00190000': found ratio '1.5', allowed a whole number above 0; allowed \"buy 1 AAPL270115C00190000\" [open|close]",
    ),
    (&["order", "show", "abc"], "order: found 'abc', allowed its number or its client id of 26 characters"),
    (&["order", "show", "77"], "no order 77"),
    (&["order", "show", "-1"], "order: found '-1', allowed its number or its client id of 26 characters"),
    (
        &["order", "place", "buy", "10", "AAPL", "--limit", "-5"],
        "invalid value '-5' for '--limit <PRICE>': must be above 0; see: arbion order place --help",
    ),
    (
        &["history", "--limit", "-1"],
        "invalid value '-1' for '--limit <N>': -1 is not in 0..=4294967295; see: arbion history --help",
    ),
    (&["order", "cancel"], "which orders? give numbers, --symbol, --side or --all"),
    (
        &["order", "replace", "1"],
        "the following required arguments were not provided: <--limit <PRICE>|--stop <PRICE>|--trail <MONEY>|--trail-percent <PERCENT>|--quantity <QUANTITY>|--tif <TIF>>; see: arbion order replace --help",
    ),
    (&["positions", "--account", "live"], "account: found 'live', allowed paper"),
    (&["chain", "BTC-USD"], "BTC-USD has no option chain; allowed are shares and funds"),
    (&["paper", "assign", "AAPL"], "contract: found 'AAPL', allowed an option such as AAPL270115P00190000"),
    (
        &["paper", "advance", "soon"],
        "invalid value 'soon' for '<TIME>': found 'soon', allowed a time such as 5, 90s, 30m, 4h, 1d or 2w; see: arbion paper advance --help",
    ),
    (
        &["paper", "assign", "AAPL270115C00190000", "--contracts", "0.5"],
        "invalid value '0.5' for '--contracts <N>': must be a whole number, as contracts are; see: arbion paper assign --help",
    ),
    (
        &["history", "--since", "tomorrow"],
        "invalid value 'tomorrow' for '--since <YYYY-MM-DD>': allowed a day of the calendar as 2026-11-24; see: arbion history --help",
    ),
    (
        &["calendar", "--date", "2026-02-30"],
        "invalid value '2026-02-30' for '--date <YYYY-MM-DD>': allowed a day of the calendar as 2026-11-24; see: arbion calendar --help",
    ),
    (
        &["paper"],
        "arbion paper: a subcommand is missing, allowed are assign, do-not-exercise, expire, advance; see: arbion paper --help",
    ),
    (&["export", "--account", "x"], "unexpected argument '--account' found; see: arbion export --help"),
    (&["halt", "--all"], "'cancel protective exits too' needs --yes where nobody can be asked"),
    (&["flatten"], "'close every position at the market' needs --yes where nobody can be asked"),
    (&["backtest", "martingale"], "no strategy is called 'martingale'; there are sma_cross"),
    (
        &["backtest", "sma_cross", "--set", "fast"],
        "invalid value 'fast' for '--set <NAME=VALUE>': must be NAME=VALUE; see: arbion backtest --help",
    ),
    (
        &["demo", "--size", "big", "--screenshot"],
        "invalid value 'big' for '--size <COLUMNSxROWS>': must be COLUMNSxROWS, such as 120x40; see: arbion demo --help",
    ),
    (&["demo", "--script", "/nowhere/script"], "/nowhere/script: No such file or directory"),
    (&["demo"], "the screen needs a terminal; give a command, see: arbion --help"),
    (&[], "the screen needs a terminal; give a command, see: arbion --help"),
    (&["--json"], "the screen has no JSON form; give a command, see: arbion --help"),
];

#[test]
fn wrong_command_lines_earn_one_exact_line() {
    let mut wrong = Vec::new();
    for (args, expected) in WRONG {
        let world = World::new();
        let ran = world.run(args);
        if (ran.exit, ran.err.as_str()) != (2, &*format!("arbion: {expected}\n")) {
            wrong.push(format!("{args:?}\n  found    {} {}  expected {expected}", ran.exit, ran.err));
        }
        let orders = world.host.session.orders_asked();
        let reads =
            |request: &crate::client::Request| matches!(request, crate::client::Request::OrderHistory(_));
        assert!(orders.iter().all(reads), "{args:?} asked for {orders:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn with_json_a_wrong_command_line_is_a_document_too() {
    let world = World::new();
    for args in [&["fly", "--json"][..], &["--json", "order", "show", "x"]] {
        let ran = world.run(args);
        assert_eq!((ran.exit, ran.json()["error"]["code"].as_str()), (2, Some("USAGE")));
    }
    // After `--` it is a word, not an option.
    assert_eq!(world.run(&["fly", "--", "--json"]).out, "");
}

#[test]
fn profiles_and_homes_are_checked_before_anything_runs() {
    let mut world = World::new();
    world.environment.arbion_profile = Some("No Such".into());
    let ran = world.run(&["positions"]);
    assert_eq!(
        (ran.exit, ran.err.as_str()),
        (2, "arbion: profile: found 'No Such', allowed 1 to 32 of a-z, 0-9, '_' and '-'\n")
    );
    assert_eq!(world.run(&["--profile", "alice", "positions"]).exit, 0, "the option beats the environment");
    world.environment.arbion_home = Some("relative/home".into());
    let ran = world.run(&["--profile", "alice", "positions"]);
    assert_eq!(
        (ran.exit, ran.err.as_str()),
        (2, "arbion: ARBION_HOME: found 'relative/home', allowed an absolute path\n")
    );
}

#[test]
fn questions_are_asked_where_somebody_can_answer() {
    for (typed, exit) in [("y\n", 0), ("YES\n", 0), ("n\n", 2), ("\n", 2), ("", 2), ("yep\n", 2)] {
        let mut world = World::new();
        (world.can_ask, world.typed) = (true, typed.to_owned());
        let ran = world.run(&["flatten", "--scope", "crypto"]);
        assert_eq!(ran.exit, exit, "{typed:?} {}", ran.err);
        assert!(ran.err.starts_with("close every crypto position at the market? [y/N] "), "{}", ran.err);
        assert_eq!(world.host.session.orders_asked().len(), usize::from(exit == 0));
    }
    let world = World::new();
    assert_eq!(world.run(&["flatten", "--yes"]).exit, 0);
    assert_eq!(world.run(&["halt"]).exit, 0, "the kill switch itself never asks");
}

#[test]
fn a_live_order_is_shown_and_confirmed_by_its_hash() {
    use crate::client::Request;
    use crate::domain::account::AccountMode;
    let live = |world: &World| {
        world.host.session.change(|picture| {
            let mut accounts = picture.accounts.to_vec();
            accounts[0].account.mode = AccountMode::Live;
            picture.accounts = std::sync::Arc::new(accounts);
        });
    };
    let hash = |world: &World| match world.host.session.orders_asked().last() {
        Some(Request::Execute { confirmation_hash, .. }) => confirmation_hash.clone(),
        _ => None,
    };
    let place = ["order", "place", "buy", "10", "AAPL"];

    let world = World::new();
    live(&world);
    let ran = world.run(&place);
    assert_eq!(
        (ran.exit, ran.err.as_str()),
        (2, "arbion: 'send this LIVE order' needs --yes where nobody can be asked\n")
    );
    assert_eq!(hash(&world), None);
    assert_eq!(world.run(&[&place[..], &["--yes"]].concat()).exit, 0);
    assert_eq!(hash(&world).as_deref(), Some("c0ffee"));

    let mut world = World::new();
    live(&world);
    (world.can_ask, world.typed) = (true, "y\n".to_owned());
    let ran = world.run(&place);
    assert_eq!(ran.exit, 0, "{}", ran.err);
    assert!(
        ran.err.contains("estimated cost") && ran.err.contains("send this LIVE order? [y/N] "),
        "{}",
        ran.err
    );
    assert_eq!(hash(&world).as_deref(), Some("c0ffee"));

    let world = World::new();
    live(&world);
    let ran = world.run(&["order", "place", "buy", "5000", "AAPL", "--yes"]);
    assert_eq!(ran.exit, 3, "what risk would deny is not sent");
    assert_eq!(hash(&world), None);
}
