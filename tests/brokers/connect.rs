//! The program itself against an emulator: connect, trade, be killed, disconnect.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use arbion::domain::calendar::{Calendar, exchange_date, plus_days};

use crate::emulators::alpaca::{self, AlpacaEmulator};

/// How long anything may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home whose vault an SSH key opens, so that nobody is asked.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new(config: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::set_permissions(home.0.path(), PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::create_dir_all(home.0.path().join("config")).unwrap();
        std::fs::set_permissions(home.0.path().join("config"), PermissionsExt::from_mode(0o700)).unwrap();
        home.private("config/config.toml", config);
        let words = home.private("words", "correct horse battery staple\n");
        let words = words.to_str().unwrap();
        let key =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ssh/plain"));
        let key = home.private("key", &key.unwrap());
        home.ok(&["secret", "set", "first", "--stdin", "--new-passphrase-file", words], "value");
        let move_to = ["secret", "move", "ssh", "--key", key.to_str().unwrap(), "--passphrase-file", words];
        home.ok(&move_to, "");
        home
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    pub fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_arbion"))
            .args(args)
            .env("ARBION_HOME", self.0.path())
            .env("ARBION_VAULT", "passphrase")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Whoever reads nothing may have gone.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    pub fn ok(&self, args: &[&str], input: &str) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let output = self.run(&args, input);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// An engine runs. On a busy machine it may take longer than a command waits for it.
    #[track_caller]
    pub fn start_engine(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let output = self.run(&["engine", "start"], "");
            if output.status.success() {
                return;
            }
            assert!(Instant::now() < end, "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    #[track_caller]
    pub fn fails(&self, args: &[&str], input: &str, code: i32, words: &str) {
        let output = self.run(args, input);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{args:?}: {said}");
    }

    /// An order is taken once prices are there and the books agree; until then risk says what is missing.
    #[track_caller]
    pub fn accepted(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let end = Instant::now() + PATIENCE;
        loop {
            let output = self.run(&args, "");
            if output.status.success() {
                return serde_json::from_slice(&output.stdout).unwrap();
            }
            assert!(Instant::now() < end, "{}", String::from_utf8_lossy(&output.stderr));
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }

    #[track_caller]
    pub fn until(&self, what: &str, args: &[&str], mut test: impl FnMut(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.ok(args, "");
            if test(&found) {
                return found;
            }
            assert!(Instant::now() < end, "{what} never came: {found}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.run(&["engine", "stop", "--force"], "");
    }
}

pub async fn emulator() -> AlpacaEmulator {
    let emulator = alpaca::start(0).await;
    emulator.exchange.quote("AAPL", Decimal::new(999, 1), Decimal::new(1001, 1));
    emulator
}

pub fn config(emulator: &AlpacaEmulator) -> String {
    format!(
        "[brokers.alpaca]\nbase_url = \"{http}\"\ndata_url = \"{http}\"\nstream_url = \"{stream}\"\ndata_stream_url = \"{data}\"\n",
        http = emulator.server.url(),
        stream = emulator.server.stream_url("/stream"),
        data = emulator.server.stream_url(""),
    )
}

pub fn keys(emulator: &AlpacaEmulator) -> String {
    json!({ "key_id": emulator.key_id, "secret_key": emulator.secret_key }).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_connected_traded_survives_a_kill_and_is_disconnected() {
    let emulator = emulator().await;
    let (exchange, text) = (emulator.exchange.clone(), config(&emulator));
    let keys = keys(&emulator);
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        let wrong = json!({ "key_id": "PKWRONG", "secret_key": "hunter2hunter2" }).to_string();
        home.fails(&["connect", "alpaca", "--stdin"], &wrong, 5, "alpaca does not accept the login");
        assert!(
            !home.ok(&["secret", "list"], "").to_string().contains("broker.alpaca"),
            "nothing is kept of it"
        );

        let none = home.ok(&["news"], "");
        assert_eq!((&none["source"], &none["offered_by"]), (&Value::Null, &json!(["alpaca"])), "{none}");

        let shown = home.ok(&["connect", "alpaca", "--stdin"], &keys);
        assert_eq!(shown["accounts"][0]["account"], "alpaca-paper", "{shown}");
        let reconciled = |found: &Value| {
            found["connections"].to_string().contains("alpaca paper")
                && found["connections"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|one| one["name"] == "alpaca paper" && one["up"] == true)
        };
        home.until("the connection", &["connections"], reconciled);
        let news = home.ok(&["news", "AAPL"], "");
        assert_eq!(
            (&news["source"], news["news"].as_array().unwrap().len()),
            (&json!("alpaca"), 1),
            "{news}"
        );
        assert_eq!(news["news"][0]["headline"], "Apple's Plant & More", "{news}");
        home.fails(&["mode", "live", "--confirm", "LIVE"], "", 2, "no live account is connected");

        let place = ["order", "place", "buy", "10", "AAPL", "--limit", "90", "--account", "alpaca-paper"];
        let placed = home.accepted(&place);
        assert_eq!(placed["orders"][0]["status"], "submitted", "{placed}");
        let theirs = exchange.orders();
        assert_eq!(theirs.len(), 1, "{theirs:?}");
        exchange.fill(theirs[0].number, Decimal::from(4), Decimal::from(90)).unwrap();
        let held = |found: &Value| found["positions"][0]["quantity"] == "4";
        home.until("the fill", &["positions", "--account", "alpaca-paper"], held);

        // The rest fills while nobody looks.
        let pid = home.ok(&["engine", "status"], "")["pid"].as_u64().unwrap().to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        exchange.fill(theirs[0].number, Decimal::from(6), Decimal::from(89)).unwrap();
        home.start_engine();
        let whole = |found: &Value| found["positions"][0]["quantity"] == "10";
        home.until("what happened meanwhile", &["positions", "--account", "alpaca-paper"], whole);
        let history = home.until("its end", &["history"], |found| found["orders"][0]["status"] == "filled");
        assert_eq!(history["orders"].as_array().unwrap().len(), 1, "{history}");
        assert_eq!(exchange.orders().len(), 1, "nothing was sent twice");

        home.ok(&["verify", "alpaca"], "");
        home.ok(&["disconnect", "alpaca", "--yes"], "");
        let wiped = |found: &Value| !found.to_string().contains("broker.alpaca");
        home.until("the end of its secrets", &["secret", "list"], wiped);
        // It is gone from the picture at once, with what is held there, and a line says so.
        home.fails(&["order", "place", "buy", "1", "AAPL", "--account", "alpaca"], "", 2, "allowed paper");
        assert_eq!(home.ok(&["positions"], "")["positions"], json!([]));
        let balances = home.ok(&["balances"], "").to_string();
        assert!(balances.contains("\"paper\"") && !balances.contains("alpaca"), "{balances}");
        let rows = home.ok(&["audit", "list", "--limit", "0"], "");
        for action in ["connected", "disconnected", "secret_deleted"] {
            assert!(rows["rows"].as_array().unwrap().iter().any(|row| row["action"] == action), "{action}");
        }
    })
    .await
    .unwrap();
}

/// A machine that slept: lines that look alive are opened anew, and what happened meanwhile is found.
/// Days that the broker's exchange has otherwise hold, and each is said once, whatever the profile's own file and the rules say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_of_the_exchange_are_the_brokers_where_they_differ() {
    let emulator = emulator().await;
    let rules = Calendar::nyse();
    let closed = rules.next_session(plus_days(exchange_date(arbion::brokers::clock::wall()), 30));
    emulator.desk.state().closed = vec![closed];
    let (text, keys) = (config(&emulator), keys(&emulator));
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        home.ok(&["connect", "alpaca", "--stdin"], &keys);
        let said = |found: &Value| {
            let lines = found["log"].as_array().unwrap();
            lines.iter().filter(|line| line["code"] == "CALENDAR_DIFFERS").cloned().collect::<Vec<_>>()
        };
        let log = home.until("its word", &["do", "show log"], |found| !said(found).is_empty());
        let lines = said(&log);
        assert_eq!(lines.len(), 1, "{log}");
        let words = lines[0]["text"].as_str().unwrap();
        let told = format!("{closed}: open until 16:00 by the calendar here, closed by alpaca, which holds");
        assert!(words == told || words == told.replace("16:00", "13:00"), "{words}");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_an_engine_that_was_stopped_opens_every_line_anew_and_compares() {
    let emulator = emulator().await;
    let (exchange, text) = (emulator.exchange.clone(), config(&emulator));
    let keys = keys(&emulator);
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        home.ok(&["connect", "alpaca", "--stdin"], &keys);
        let place = ["order", "place", "buy", "10", "AAPL", "--limit", "90", "--account", "alpaca-paper"];
        home.accepted(&place);
        let pid = home.ok(&["engine", "status"], "")["pid"].as_u64().unwrap().to_string();
        let signal =
            |name: &str| assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
        emulator.server.take_requests();
        signal("STOP");
        // A fill that the stream has told a process that does not listen.
        exchange.fill(exchange.orders()[0].number, Decimal::from(10), Decimal::from(90)).unwrap();
        std::thread::park_timeout(Duration::from_secs(11));
        signal("CONT");
        let held = |found: &Value| found["positions"][0]["quantity"] == "10";
        home.until("the fill", &["positions", "--account", "alpaca-paper"], held);
        let agrees = |found: &Value| {
            let of = |one: &&Value| one["account"] == "alpaca-paper";
            let account = found["accounts"].as_array().unwrap().iter().find(of).unwrap();
            account["standing"]["reconciled"] == true && account["standing"]["last"]["reason"] == "reconnect"
        };
        home.until("agreement after it woke", &["connections"], agrees);
        let asked = emulator.server.take_requests();
        let streams = asked.iter().filter(|request| request.path.ends_with("/stream")).count();
        assert!(streams >= 1, "its stream is a new one: {asked:?}");
        let log = home.run(&["logs", "--lines", "400"], "");
        assert!(String::from_utf8_lossy(&log.stdout).contains("WOKE"), "it says so");
    })
    .await
    .unwrap();
}

/// Real money wants the typed word, once for the profile; without it nothing leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_money_goes_nowhere_without_the_word() {
    let emulator = emulator().await;
    let (exchange, text, keys) = (emulator.exchange.clone(), config(&emulator), keys(&emulator));
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        home.ok(&["connect", "alpaca", "--live", "--stdin"], &keys);
        let up = |found: &Value| {
            let all = found["connections"].as_array().unwrap();
            all.iter().any(|one| one["name"] == "alpaca live" && one["up"] == true)
        };
        home.until("the connection", &["connections"], up);
        let place = ["order", "place", "buy", "1", "AAPL", "--limit", "90", "--yes", "--account", "alpaca"];
        home.fails(&place, "", 3, "NOT_AUTHORISED");
        home.fails(&["mode", "live"], "", 2, "--confirm LIVE");
        home.fails(&["mode", "live", "--confirm", "yes"], "", 2, "allowed LIVE");
        assert!(exchange.orders().is_empty());
        home.ok(&["mode", "live", "--confirm", "LIVE"], "");
        let placed = home.accepted(&["order", "place", "buy", "1", "AAPL", "--limit", "90", "--yes"]);
        assert_eq!(placed["orders"][0]["request"]["account"], "alpaca", "{placed}");
        assert_eq!(exchange.orders().len(), 1);
        home.ok(&["mode", "paper"], "");
        home.fails(
            &["order", "place", "buy", "2", "AAPL", "--limit", "90", "--yes", "--account", "alpaca"],
            "",
            3,
            "NOT_AUTHORISED",
        );
    })
    .await
    .unwrap();
}

/// "Buy 500 dollars of AAPL": the broker is told the money, and the books hold what it came to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amount_of_money_reaches_the_broker_as_money() {
    let emulator = emulator().await;
    let (text, keys) = (config(&emulator), keys(&emulator));
    let emulator = std::sync::Arc::new(emulator);
    let server = std::sync::Arc::clone(&emulator);
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        home.ok(&["connect", "alpaca", "--stdin"], &keys);
        let shown = home.accepted(&["do", "buy $500 of aapl", "--account", "alpaca-paper", "--yes"]);
        let request = &shown["orders"][0]["request"];
        assert_eq!(request["cash_order_quantity"], "500", "{shown}");
        let ended = home.until("its end", &["history"], |found| found["orders"][0]["status"] == "filled");
        let bought = ended["orders"][0]["filled_quantity"].as_str().unwrap();
        assert_eq!(ended["orders"][0]["request"]["quantity"], bought, "{ended}");
        let spent = bought.parse::<Decimal>().unwrap() * Decimal::new(1001, 1);
        assert_eq!(spent.round_dp(2), Decimal::from(500), "{ended}");
        let held = home.ok(&["positions", "--account", "alpaca-paper"], "");
        assert_eq!(held["positions"][0]["quantity"], bought, "{held}");
        let sent = server.server.take_requests();
        let sent =
            sent.iter().find(|request| request.method == "POST" && request.path == "/v2/orders").unwrap();
        let body = sent.json();
        assert_eq!((body["notional"].as_str(), body.get("qty")), (Some("500"), None), "{body}");
    })
    .await
    .unwrap();
}

/// Accounts in dollars and in a coin add up in dollars, at the rate of the day; paper apart from real money.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_accounts_together_are_shown_in_one_currency() {
    let emulator = emulator().await;
    let hyperliquid = crate::emulators::hyperliquid::start(0).await;
    let rates = crate::emulators::coingecko::start(0, false).await;
    let text = format!(
        "{}[brokers.hyperliquid]\nbase_url = \"{}\"\nstream_url = \"{}\"\nnetwork = \"mainnet\"\n[engine]\nkeep_running = true\n[brokers.coingecko]\nbase_url = \"{}\"\n",
        config(&emulator),
        hyperliquid.server.url(),
        hyperliquid.server.stream_url("/ws"),
        rates.base_url(),
    );
    let keys = keys(&emulator);
    let key = json!({ "private_key": crate::emulators::hyperliquid::AGENT_KEY }).to_string();
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        home.ok(&["connect", "alpaca", "--live", "--stdin"], &keys);
        home.ok(&["connect", "hyperliquid", "--live", "--stdin"], &key);
        let known = |found: &Value| {
            let total = &found["totals"][0];
            total["mode"] == "live"
                && total["as_of"].is_string()
                && ["USD", "USDC"].iter().all(|currency| {
                    let of = |part: &&Value| part["own"]["currency"] == *currency;
                    let parts = total["parts"].as_array().unwrap();
                    parts.iter().filter(of).any(|part| part["own"]["amount"] != "0")
                })
        };
        let shown = home.until("the sum", &["balances"], known);
        let total = &shown["totals"][0];
        assert_eq!(total["currency"], "USD", "{shown}");
        let decimal = |value: &Value| value.as_str().unwrap().parse::<Decimal>().unwrap();
        let parts: Decimal =
            total["parts"].as_array().unwrap().iter().map(|part| decimal(&part["worth"])).sum();
        assert_eq!(decimal(&total["amount"]), parts, "{total}");
        let coin = total["parts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|part| part["own"]["currency"] == "USDC" && part["own"]["amount"] != "0");
        let coin = coin.unwrap();
        assert_ne!(
            decimal(&coin["worth"]),
            decimal(&coin["own"]["amount"]),
            "at the rate of the day: {coin}"
        );
        assert_eq!(shown["totals"][1]["mode"], "paper", "{shown}");
        let words = String::from_utf8(home.run(&["balances"], "").stdout).unwrap();
        assert!(words.contains("all accounts") && words.contains("LIVE, USD"), "{words}");
        let said = |found: &Value| found["connections"].to_string().contains("Data by CoinGecko");
        home.until("whose rates they are", &["connections"], said);

        // A key counts from now on, and no longer once it is wiped.
        let with_key = |request: &crate::emulators::server::Recorded| {
            !request.path.ends_with("/ping")
                && request.headers.iter().any(|(name, value)| {
                    name.as_str() == "x-cg-demo-api-key" && value.as_bytes() == rates.api_key.as_bytes()
                })
        };
        assert!(!rates.server.take_requests().iter().any(with_key));
        let key = json!({ "api_key": rates.api_key }).to_string();
        let said = home.ok(&["connect", "coingecko", "--stdin"], &key);
        assert!(said["message"].as_str().unwrap().contains("prices and no account"), "{said}");
        home.until("a call with it", &["engine", "status"], |_| {
            rates.server.take_requests().iter().any(with_key)
        });
        home.ok(&["verify", "coingecko"], "");
        home.ok(&["disconnect", "coingecko", "--yes"], "");
        let wiped = |found: &Value| !found.to_string().contains("broker.coingecko");
        home.until("the end of its key", &["secret", "list"], wiped);
    })
    .await
    .unwrap();
    drop(hyperliquid);
}

/// What only Hyperliquid has goes through the same door: leverage, slices, a cancel of everything to come; and nobody else has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_hyperliquid_has_is_asked_by_its_own_commands() {
    let emulator = crate::emulators::hyperliquid::start(0).await;
    let text = format!(
        "[brokers.hyperliquid]\nbase_url = \"{}\"\nstream_url = \"{}\"\nnetwork = \"testnet\"\n",
        emulator.server.url(),
        emulator.server.stream_url("/ws"),
    );
    let key = json!({ "private_key": crate::emulators::hyperliquid::AGENT_KEY }).to_string();
    let emulator = std::sync::Arc::new(emulator);
    let of_test = std::sync::Arc::clone(&emulator);
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        home.ok(&["connect", "hyperliquid", "--stdin"], &key);
        let up = |found: &Value| {
            let all = found["connections"].as_array().unwrap();
            all.iter().any(|one| one["name"] == "hyperliquid paper" && one["up"] == true)
        };
        home.until("the connection", &["connections"], up);
        // A master and its sub-account: which one is meant has to be said.
        home.fails(&["hyperliquid", "schedule-cancel", "60"], "", 2, "which account");
        let of = ["--account", "hyperliquid-paper-9325"];
        let hyperliquid = |args: &[&'static str]| -> Vec<&'static str> {
            ["hyperliquid"].iter().chain(args).chain(&of).copied().collect()
        };
        let leverage = home.ok(&hyperliquid(&["leverage", "ETH-PERP", "5", "--isolated", "--yes"]), "");
        assert_eq!(leverage["message"], "leverage 5 of ETH-PERP, isolated margin: done", "{leverage}");
        home.fails(&hyperliquid(&["leverage", "ETH-PERP", "5000", "--yes"]), "", 2, "it takes 1 to");
        home.ok(&hyperliquid(&["schedule-cancel", "60"]), "");
        home.fails(&hyperliquid(&["schedule-cancel", "2"]), "", 2, "at least 5 seconds ahead");
        home.ok(&hyperliquid(&["schedule-cancel", "--off"]), "");
        let slices = |quantity: &'static str, minutes: &'static str| {
            hyperliquid(&["twap", "buy", quantity, "ETH-PERP", "--minutes", minutes, "--yes"])
        };
        let twap = home.accepted(&slices("10", "30"));
        let order = &twap["orders"][0];
        assert_eq!(
            (&order["status"], &order["request"]["order_type"]),
            (&json!("submitted"), &json!("twap"))
        );
        let id = order["broker_order_id"].as_str().unwrap().strip_prefix("twap-").unwrap();
        // A slice counts to it, and it shows how far it is.
        of_test.desk.slice(id.parse().unwrap(), Decimal::from(2));
        let partly = |found: &Value| {
            let order = &found["orders"][0];
            order["filled_quantity"] == "2" && order["status"] == "partially_filled"
        };
        home.until("its first slice", &["order", "list"], partly);
        home.fails(
            &["hyperliquid", "twap-cancel", "ETH-PERP", "1", "--account", of[1]],
            "",
            2,
            "no slices 1",
        );
        home.ok(&["hyperliquid", "twap-cancel", "ETH-PERP", id, "--account", of[1]], "");
        let ended = |found: &Value| found["orders"][0]["status"] == "canceled";
        let history = home.until("its end", &["history"], ended);
        assert_eq!(history["orders"].as_array().unwrap().len(), 1, "{history}");
        // One that somebody began elsewhere is shown too.
        of_test.desk.begin_twap(&json!({"a": 1, "b": false, "s": "40", "r": false, "m": 60, "t": false}));
        let found = |found: &Value| found["orders"][0]["request"]["quantity"] == "40";
        // A young one may still turn out to be ours.
        std::thread::park_timeout(Duration::from_secs(7));
        of_test.desk.new_minute();
        home.ok(&["reconcile", of[1]], "");
        home.until("the other one", &["order", "list"], found);
        home.fails(&slices("10", "3"), "", 2, "5 to 1440");
        // The same checks as an order's: far more than the account may spend is denied, and nothing leaves.
        of_test.server.take_requests();
        home.fails(&slices("900000", "30"), "", 3, "");
        let left = of_test.server.take_requests();
        assert!(!left.iter().any(|request| request.path == "/exchange"), "nothing has left");
    })
    .await
    .unwrap();
}

/// What a company did comes from its broker, is told and booked once, and is no adjustment; so is what it pays. A restart finds it again and
/// counts nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_company_did_comes_from_the_broker_and_is_no_adjustment() {
    let emulator = emulator().await;
    let (exchange, desk) = (emulator.exchange.clone(), emulator.desk.clone());
    let (text, input) = (config(&emulator), keys(&emulator));
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        home.ok(&["connect", "alpaca", "--stdin"], &input);
        let place =
            ["order", "place", "buy", "10", "AAPL", "--limit", "101", "--yes", "--account", "alpaca-paper"];
        home.accepted(&place);
        let holds = |units: &'static str| move |found: &Value| found["positions"][0]["quantity"] == units;
        let positions = ["positions", "--account", "alpaca-paper"];
        home.until("the fill", &positions, holds("10"));
        desk.split("AAPL", 4);
        desk.dividend("AAPL", Decimal::new(25, 2));
        home.ok(&["reconcile", "alpaca-paper"], "");
        home.until("the split", &positions, holds("40"));
        let cash = exchange.cash();
        let same = |found: &Value| found["accounts"][0]["cash"].as_str().unwrap().parse() == Ok(cash);
        home.until("the dividend", &["balances", "--account", "alpaca-paper"], same);
        let log = || {
            let output = home.run(&["do", "show", "log"], "");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let told = |text: &str| log().matches(text).count();
        assert_eq!((told("AAPL is split 4 for 1"), told("AAPL pays 0.25 a share")), (1, 1), "{}", log());
        assert_eq!(told("POSITION_ADJUSTED"), 0, "{}", log());
        let average = home.ok(&positions, "")["positions"][0]["average_price"].clone();
        let pid = home.ok(&["engine", "status"], "")["pid"].as_u64().unwrap().to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        home.start_engine();
        home.ok(&["reconcile", "alpaca-paper"], "");
        let after = home.until("the same after a restart", &positions, holds("40"));
        assert_eq!(after["positions"][0]["average_price"], average);
        home.until("the same cash", &["balances", "--account", "alpaca-paper"], same);
        assert_eq!(told("POSITION_ADJUSTED"), 0, "{}", log());
    })
    .await
    .unwrap();
}
