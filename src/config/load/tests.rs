use std::collections::BTreeSet;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::config::look::{Colour, Zone};
use crate::config::settings::Slippage;
use crate::domain::account::AccountKind;
use crate::domain::instrument::Instrument;

fn load(text: &str) -> Result<Loaded, Vec<String>> {
    Loaded::from_layers(&[(PathBuf::from("f.toml"), text.to_owned())]).map_err(|error| match error {
        ConfigError::Problems(problems) => problems.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    })
}

/// A text and the one line it earns.
const BAD: &[(&str, &str)] = &[
    ("keys = 5", "f.toml:1: keys: found 5, allowed a table of lists of keys"),
    (
        "[keys]\nbuy = [\"b\", 5]",
        r#"f.toml:2: keys.buy: found 5, allowed a list of up to 8 keys such as ["x", "ctrl-k"]"#,
    ),
    (
        "[keys]\nbuy = \"\"",
        r#"f.toml:2: keys.buy: found "", allowed a list of up to 8 keys such as ["x", "ctrl-k"]"#,
    ),
    (
        "[keys]\nBuy = \"b\"",
        "f.toml:2: keys.Buy: found a name that is none, allowed 1 to 32 of a-z, 0-9 and '_'",
    ),
    (
        "[paper]\nstarting_cash = \"lots\"",
        r#"f.toml:2: paper.starting_cash: found "lots", allowed a number from 1 to 1000000000000"#,
    ),
    (
        "[paper]\nstarting_cash = 0",
        "f.toml:2: paper.starting_cash: found 0, allowed a number from 1 to 1000000000000",
    ),
    (
        "[paper]\nstarting_cash = -5",
        "f.toml:2: paper.starting_cash: found -5, allowed a number from 1 to 1000000000000",
    ),
    (
        "[paper]\nstarting_cash = 1e5",
        "f.toml:2: paper.starting_cash: found 1e5, allowed a number from 1 to 1000000000000",
    ),
    (
        "[paper]\nstarting_cash = nan",
        "f.toml:2: paper.starting_cash: found nan, allowed a number from 1 to 1000000000000",
    ),
    (
        "[paper]\nstarting_cash = 0xff",
        "f.toml:2: paper.starting_cash: found 0xff, allowed a number from 1 to 1000000000000",
    ),
    (
        "[paper]\nstarting_cash = true",
        "f.toml:2: paper.starting_cash: found true, allowed a number from 1 to 1000000000000",
    ),
    (
        "[paper]\nstarting_cash = 2026-01-01",
        "f.toml:2: paper.starting_cash: found 2026-01-01, allowed a number from 1 to 1000000000000",
    ),
    (
        "[paper]\n\n\nstarting_cahs = 5",
        "f.toml:4: paper.starting_cahs: unknown key, nearest is paper.starting_cash",
    ),
    (
        "[paper]\naccount_kind = \"IRA\"",
        r#"f.toml:2: paper.account_kind: found "IRA", allowed "cash" or "margin""#,
    ),
    (
        "[paper]\nsessions = \"nasdaq\"",
        r#"f.toml:2: paper.sessions: found "nasdaq", allowed "always" or "nyse""#,
    ),
    (
        "[paper]\nsessions = [\"nyse\"]",
        r#"f.toml:2: paper.sessions: found a list, allowed "always" or "nyse""#,
    ),
    (
        "[paper]\nseed = -1",
        "f.toml:2: paper.seed: found -1, allowed a whole number from 0 to 9223372036854775807",
    ),
    (
        "[paper]\nseed = 1.5",
        "f.toml:2: paper.seed: found 1.5, allowed a whole number from 0 to 9223372036854775807",
    ),
    (
        "[paper]\noptions_level = 5",
        "f.toml:2: paper.options_level: found 5, allowed a whole number from 0 to 4",
    ),
    (
        "[paper]\noptions_level = 300",
        "f.toml:2: paper.options_level: found 300, allowed a whole number from 0 to 4",
    ),
    (
        "[paper]\nslippage = \"5\"",
        r#"f.toml:2: paper.slippage: found "5", allowed "none", "N ticks", "N bps" (up to 10000), "N spread" or "N sqrt" (up to 10), or "volume share""#,
    ),
    (
        "[paper]\nparticipation = 1.01",
        "f.toml:2: paper.participation: found 1.01, allowed a number from 0.0001 to 1",
    ),
    (
        "[paper]\npartial_fills = \"yes\"",
        r#"f.toml:2: paper.partial_fills: found "yes", allowed true or false"#,
    ),
    (
        "[paper]\nack_ms = 60001",
        "f.toml:2: paper.ack_ms: found 60001, allowed a whole number from 0 to 60000",
    ),
    (
        "[paper.fees]\nschedule = \"ibrk\"",
        "f.toml:2: paper.fees.schedule: found \"ibrk\", allowed own, alpaca, coinbase, ibkr, schwab, tastytrade",
    ),
    ("[paper]\nfees = 1", "f.toml:2: paper.fees: found 1, allowed a table"),
    (
        "[paper.fees]\nexercise = 101",
        "f.toml:2: paper.fees.exercise: found 101, allowed a number from 0 to 100",
    ),
    ("[paper.fee]\nexercise = 1", "f.toml:1: paper.fee: unknown key, nearest is paper.fees"),
    ("paper = 5", "f.toml:1: paper: found 5, allowed a table"),
    ("[papers]\nseed = 1", "f.toml:1: papers: unknown key, nearest is paper"),
    ("fps = 30", "f.toml:1: fps: unknown key, nearest is screen.fps"),
    ("\"paper.seed\" = 5", "f.toml:1: paper.seed: unknown key, nearest is paper"),
    (
        "[zzz]\nq = 1",
        "f.toml:1: zzz: unknown key, known here are paper, risk, rates, exits, tax, screen, alerts, market, engine, log, backtest, watchlists, keys, macros, brokers",
    ),
    (
        "[tax]\nmethod = \"best\"",
        r#"f.toml:2: tax.method: found "best", allowed "fifo", "lifo", "hifo" or "specific""#,
    ),
    (
        "[tax]\naccounts = [\"paper\"]",
        r#"f.toml:2: tax.accounts: found "paper", allowed a list such as ["paper=fifo", "alpaca-1234=specific"] with fifo, lifo, hifo or specific"#,
    ),
    (
        "[risk]\nmax_order_notional = 1000",
        "f.toml:2: risk.max_order_notional: unknown key, nearest is risk.order_notional_max",
    ),
    ("[rates]\nxyz = 1", "f.toml:2: rates.xyz: unknown key, known here are risk_free"),
    (
        "[risk]\norder_notional_max = \"1,000\"",
        r#"f.toml:2: risk.order_notional_max: found "1,000", allowed a number from 0 to 1000000000000"#,
    ),
    (
        "[risk]\nday_trade_rule = \"none\"",
        r#"f.toml:2: risk.day_trade_rule: found "none", allowed "broker", "pdt", "intraday_margin" or "off""#,
    ),
    (
        "[risk]\nrestricted = [\n  \"AAPL\",\n  \"A A\",\n]",
        r#"f.toml:4: risk.restricted: found "A A", allowed a list of up to 1000 symbols such as ["AAPL", "BTC-USD", "EUR/USD"]"#,
    ),
    (
        "[risk]\nallowed = \"AAPL\"",
        r#"f.toml:2: risk.allowed: found "AAPL", allowed a list of up to 1000 symbols such as ["AAPL", "BTC-USD", "EUR/USD"]"#,
    ),
    (
        "[risk]\ndaily_loss_percent = 6",
        "f.toml:2: risk.daily_loss_halt_percent: found 5, allowed at least risk.daily_loss_percent (6)",
    ),
    (
        "[risk]\ndaily_loss_percent = 2\ndaily_loss_halt_percent = 1",
        "f.toml:3: risk.daily_loss_halt_percent: found 1, allowed at least risk.daily_loss_percent (2)",
    ),
    ("[rates]\nrisk_free = 4", "f.toml:2: rates.risk_free: found 4, allowed a number from -0.1 to 1"),
    ("[screen]\nfps = 0", "f.toml:2: screen.fps: found 0, allowed a whole number from 1 to 120"),
    ("[screen]\ncolor = \"never\"", "f.toml:2: screen.color: unknown key, nearest is screen.colour"),
    (
        "[screen]\ncolour = 8",
        r#"f.toml:2: screen.colour: found 8, allowed "auto", "never", "16", "256" or "true""#,
    ),
    (
        "[screen]\nzone = \"utc\"",
        r#"f.toml:2: screen.zone: found "utc", allowed "exchange", "local" or "UTC""#,
    ),
    (
        "[screen]\ntheme = 3",
        r#"f.toml:2: screen.theme: found 3, allowed the name of a theme, as "dark", "light" or one of your own"#,
    ),
    (
        "[macros]\nf5 = [\"buy 1 f\"]",
        "f.toml:2: macros.f5: found a list, allowed a command of up to 200 characters",
    ),
    ("macros = 3", "f.toml:1: macros: found 3, allowed a table of commands by key"),
    (
        "[market]\nsymbols_active = 501",
        "f.toml:2: market.symbols_active: unknown key, known here are updates_per_symbol, crypto",
    ),
    (
        "[log]\nlevel = \"verbose\"",
        r#"f.toml:2: log.level: found "verbose", allowed "error", "warn", "info", "debug" or "trace""#,
    ),
    ("watchlists = [\"AAPL\"]", "f.toml:1: watchlists: found a list, allowed a table of lists of symbols"),
    (
        "[watchlists]\nmine = 5",
        r#"f.toml:2: watchlists.mine: found 5, allowed a list of up to 1000 symbols such as ["AAPL", "BTC-USD", "EUR/USD"]"#,
    ),
    (
        "[watchlists]\n\"a/b\" = []",
        "f.toml:2: watchlists.a/b: found a name that is none, allowed 1 to 32 letters, digits, '_', '-' and spaces",
    ),
    (
        "api_key = \"k\"",
        "f.toml:1: api_key: secrets are not kept in this file; run: arbion secret set api_key",
    ),
    (
        "[brokers.alpaca]\nAPI-Key = \"PK123\"",
        "f.toml:2: brokers.alpaca.API-Key: secrets are not kept in this file; run: arbion secret set brokers.alpaca.API-Key",
    ),
    (
        "[brokers.etrad]\nfeed = \"iex\"",
        "f.toml:1: brokers.etrad: unknown broker, known are alpaca, coinbase, coingecko, hyperliquid, schwab",
    ),
    (
        "[brokers.alpaca]\nfeed = 7",
        "f.toml:2: brokers.alpaca.feed: found 7, allowed a string of 1 to 512 bytes",
    ),
    (
        "[brokers.alpaca]\nbas_url = \"http://127.0.0.1:9001\"",
        "f.toml:2: brokers.alpaca.bas_url: unknown option, nearest is base_url",
    ),
    (
        "[brokers.coingecko]\nfeed = \"x\"",
        "f.toml:2: brokers.coingecko.feed: unknown option, known are base_url, coins, plan",
    ),
    (
        "[brokers.alpaca]\nbase_url = \"127.0.0.1:9001\"",
        r#"f.toml:2: brokers.alpaca.base_url: found "127.0.0.1:9001", allowed an address that begins with https:// or wss://, or http:// or ws:// of this machine"#,
    ),
    (
        "[paper]\nbot_token = \"123\"",
        "f.toml:2: paper.bot_token: secrets are not kept in this file; run: arbion secret set paper.bot_token",
    ),
    (
        "password = 5",
        "f.toml:1: password: secrets are not kept in this file; run: arbion secret set password",
    ),
    ("[paper]\nseed = ", "f.toml:2: not TOML: string values must be quoted, expected literal string"),
    ("[paper]\nseed = 1\nseed = 2", "f.toml:3: not TOML: duplicate key"),
    ("[paper\nseed = 1", "f.toml:1: not TOML: unclosed table, expected `]`"),
    ("[paper]\n\"se\\u001b[31med\" = 1", "f.toml:2: paper.seed: unknown key, nearest is paper.seed"),
];

#[test]
fn bad_files_earn_one_exact_line() {
    let mut wrong = Vec::new();
    for (text, expected) in BAD {
        let found = load(text).expect_err(text);
        if found != [*expected] {
            wrong.push(format!("{text:?}\n  found    {found:?}\n  expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(BAD.len() >= 30);
}

#[test]
fn every_problem_is_reported_in_order_and_none_tells_a_secret() {
    let found = load("[paper]\nsecret = \"hunter2\"\nseed = \"x\"\n[screen]\nfps = 0\n").unwrap_err();
    assert_eq!(found.len(), 3);
    assert!(
        found[0].starts_with("f.toml:2:")
            && found[1].starts_with("f.toml:3:")
            && found[2].starts_with("f.toml:5:")
    );
    assert!(!found.concat().contains("hunter2"));
}

#[test]
fn values_are_exact_and_take_either_form() {
    let loaded = load(
        "[paper]\nstarting_cash = 250_000.50\nslippage = \"2 ticks\"\naccount_kind = \"cash\"\n[rates]\nrisk_free = \"0.0435\"\n\
         [screen]\ncolour = 256\nzone = \"UTC\"\n[risk]\nrestricted = [\"aapl\", \"BTC-USD\", \"AAPL\"]\n",
    )
    .unwrap();
    let config = &loaded.config;
    assert_eq!(config.paper.starting_cash, Decimal::new(25_000_050, 2));
    assert_eq!((config.paper.slippage, config.paper.account_kind), (Slippage::Ticks(2), AccountKind::Cash));
    assert_eq!(config.rates.risk_free, Decimal::new(435, 4));
    assert_eq!((config.screen.colour, config.screen.zone), (Colour::Indexed, Zone::Utc));
    let restricted: Vec<String> = config.risk.restricted.iter().map(Instrument::key).collect();
    assert_eq!(restricted, ["AAPL", "BTC-USD"]);
    assert_eq!(loaded.origins["rates.risk_free"].line, 6);
}

#[test]
fn later_layers_win_and_say_where_they_are() {
    let layers = [
        (
            PathBuf::from("a.toml"),
            "[keys]\nbuy=\"b\"\nsell=[\"s\"]\n[paper]\nseed = 1\nack_ms = 7\n[watchlists]\nx = [\"A\"]\ny = [\"B\"]".to_owned(),
        ),
        (
            PathBuf::from("b.toml"),
            "[paper]\n\nseed = 2\n[keys]\nsell=[\"x\",\"ctrl-x\"]\n[watchlists]\nz = [\"C\"]\nx = [\"D\"]"
                .to_owned(),
        ),
    ];
    let loaded = Loaded::from_layers(&layers).unwrap();
    assert_eq!((loaded.config.paper.seed, loaded.config.paper.ack_ms), (2, 7));
    assert_eq!(loaded.origins["paper.seed"], Origin { file: PathBuf::from("b.toml"), line: 3 });
    let keys: Vec<String> =
        loaded.config.keys.iter().map(|(action, keys)| format!("{action}={}", keys.join(" "))).collect();
    assert_eq!(keys, ["buy=b", "sell=x ctrl-x"]);
    assert_eq!(loaded.origins["paper.ack_ms"].file, PathBuf::from("a.toml"));
    let lists: Vec<String> = loaded
        .config
        .watchlists
        .iter()
        .map(|list| format!("{}={}", list.name, list.instruments[0]))
        .collect();
    assert_eq!(lists, ["x=D", "y=B", "z=C"]);
}

#[test]
fn only_limits_that_are_set_are_laid_over_an_account() {
    let loaded = load("[risk]\norder_notional_max = 500\n").unwrap();
    let base = RiskLimits::simulated(Decimal::from(1_000_000));
    let limits = loaded.risk_over(base.clone());
    assert_eq!(limits, RiskLimits { order_notional_max: Decimal::from(500), ..base });
}

/// Every path of the serialized configuration, watchlists apart.
fn serialized_paths(prefix: &str, value: &serde_json::Value, paths: &mut BTreeSet<String>) {
    let serde_json::Value::Object(map) = value else {
        paths.insert(prefix.to_owned());
        return;
    };
    for (key, value) in map {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        serialized_paths(&path, value, paths);
    }
}

#[test]
fn every_field_of_the_configuration_is_in_the_table() {
    let mut fields = BTreeSet::new();
    serialized_paths("", &serde_json::to_value(Config::default()).unwrap(), &mut fields);
    fields.remove(WATCHLISTS);
    let table: BTreeSet<String> = FIELDS.iter().map(|field| field.path()).collect();
    assert_eq!(fields, table);
    assert_eq!(table.len(), FIELDS.len(), "a row stands twice");
}

#[test]
fn the_example_holds_every_option_at_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    let example = std::fs::read_to_string(path).unwrap();
    let active = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
            .unwrap_or(line)
            .to_owned()
    };
    let uncommented: String = example.lines().map(|line| active(line) + "\n").collect();
    let loaded = load(&uncommented).unwrap();
    assert_eq!(loaded.config, Config::default());
    for field in FIELDS {
        let Some(origin) = loaded.origins.get(&field.path()) else {
            panic!("{} is not in the example", field.path())
        };
        let before = uncommented.lines().nth(origin.line - 2).unwrap();
        assert!(before.starts_with("# "), "{} has no explanation", field.path());
        let written = uncommented.lines().nth(origin.line - 1).unwrap();
        assert_eq!(written, format!("{} = {}", field.name, (field.write)(&Config::default())));
    }
    let as_it_is = load(&example).unwrap();
    assert_eq!(
        (as_it_is.config, as_it_is.origins.len()),
        (Config::default(), 0),
        "copying it changes nothing"
    );
}

#[test]
fn files_that_others_can_change_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    let paths = Paths::under(&temp.path().join("home"));
    let profile = ProfileName::default();
    paths.prepare(&profile).unwrap();
    assert_eq!(Loaded::read(&paths, &profile, None).unwrap(), Loaded::default());
    files::write_private(&paths.user_config(), b"[paper]\nseed = 4\n", false).unwrap();
    assert_eq!(Loaded::read(&paths, &profile, None).unwrap().config.paper.seed, 4);
    std::fs::set_permissions(paths.user_config(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Loaded::read(&paths, &profile, None).unwrap_err().to_string();
    let path = paths.user_config();
    assert_eq!(
        error,
        format!("{0} can be reached by others (mode 0644); run: chmod 600 {0}", path.display())
    );
    assert_eq!(
        Loaded::read(&paths, &profile, Some(&path)).unwrap().config.paper.seed,
        4,
        "named by the user"
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(Loaded::read(&paths, &profile, Some(&path)).is_err());
}

#[test]
fn files_have_a_size_and_an_encoding() {
    let temp = tempfile::tempdir().unwrap();
    let (paths, profile) = (Paths::under(temp.path()), ProfileName::default());
    let read = |name: &str, bytes: &[u8]| {
        let path = temp.path().join(name);
        files::write_private(&path, bytes, false).unwrap();
        Loaded::read(&paths, &profile, Some(&path)).unwrap_err().to_string()
    };
    let large = read("large", &vec![b'#'; 1_048_577]);
    assert!(large.ends_with("large: found 1048577 bytes, allowed at most 1048576"), "{large}");
    let latin = read("latin", b"[log]\nlevel = \"\xe9\"");
    assert!(latin.ends_with("latin:1: found bytes that are no UTF-8"), "{latin}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever can be read can be written and read back the same.
    #[test]
    fn toml_round_trips(
        cash in 1_i64..1_000_000_000_000_000,
        seed in 0_u64..=i64::MAX as u64,
        scale in 0_u32..12,
        bps in 0_i64..10_000,
        ticks in 0_u32..10_000,
        fps in 1_u32..=120,
        flags in any::<(bool, bool, bool)>(),
        colour in 0_usize..5,
        symbols in proptest::collection::vec("[A-Z]{1,5}(-USD)?", 0..6),
        name in "[a-zA-Z0-9_ -]{1,32}",
    ) {
        let mut config = Config::default();
        config.paper.starting_cash = Decimal::new(cash, scale.min(3)).max(Decimal::ONE).min(Decimal::from(1_000_000_000_000_i64)).normalize();
        config.paper.seed = seed;
        config.paper.slippage = Slippage::Ticks(ticks);
        config.backtest.slippage = Slippage::BasisPoints(Decimal::from(bps));
        config.risk.order_notional_max = Decimal::new(cash, scale + 3).normalize();
        config.screen.fps = fps;
        (config.screen.ascii, config.screen.mouse, config.risk.allow_short) = flags;
        config.screen.colour = [Colour::Auto, Colour::Never, Colour::Ansi16, Colour::Indexed, Colour::True][colour];
        let mut instruments: Vec<Instrument> = symbols.iter().map(|key| Instrument::from_key(key).unwrap()).collect();
        instruments.sort();
        instruments.dedup();
        config.risk.restricted.clone_from(&instruments);
        config.keys.insert("buy".to_owned(), vec!["b".to_owned(), "\"".to_owned(), "ctrl-\\".to_owned()]);
        config.macros.insert("f5".to_owned(), "buy 1 {symbol} \"now\"".to_owned());
        config.watchlists.push(Watchlist { name: name.into(), instruments });
        let text = config.to_toml();
        let loaded = load(&text).unwrap();
        prop_assert_eq!(&loaded.config, &config);
        prop_assert_eq!(loaded.config.to_toml(), text);
    }

    /// No text makes the reader panic, and each problem is one line without control characters.
    #[test]
    fn any_text_is_answered(text in "(\\PC|\n|\\[|\\]|=|\"|paper|seed|risk|\\.|[0-9]|\u{1b}){0,80}") {
        if let Err(problems) = load(&text) {
            for problem in problems {
                prop_assert!(!problem.chars().any(char::is_control), "{:?}", problem);
            }
        }
    }
}
