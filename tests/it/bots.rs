//! Bots as their users have them: real processes in real cages. What they do well, and what the worst of them cannot do.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arbion::bots::approval::scan;
use arbion::bots::protocol::{Asked, BotQuery};
use arbion::bots::{ANSWERS_WITHIN, FromBot, House, PING_EVERY, Said, Start, ToBot};
use arbion::domain::account::AccountMode;
use arbion::domain::bot::BotPhase;
use arbion::domain::instrument::Instrument;
use arbion::domain::quote::{Bar, Interval};
use arbion::strategies::{BotNews, BotWant};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::detached::Home;

/// How long anything may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says something beside the test's result.
fn tell(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// Is there a Python; a machine without one has no bots to be tested, and says so.
pub fn has_python() -> bool {
    let there = Command::new("/usr/bin/env")
        .args(["-i", "PATH=/usr/local/bin:/usr/bin:/bin", "python3", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        tell("skipped: there is no python3 in /usr/local/bin, /usr/bin or /bin");
    }
    there
}

/// A bot of a profile, written as it is.
pub fn write_bot(profile: &Path, name: &str, manifest: &str, main: &str) {
    let directory = profile.join("bots").join(name);
    std::fs::create_dir_all(&directory).unwrap();
    let manifest =
        format!("name = \"{name}\"\ncommand = [\"python3\", \"-u\", \"main.py\"]\nprotocol = 1\n{manifest}");
    std::fs::write(directory.join("bot.toml"), manifest).unwrap();
    std::fs::write(directory.join("main.py"), main).unwrap();
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/python/arbion_bot.py");
    std::fs::copy(library, directory.join("arbion_bot.py")).unwrap();
}

fn start_of(profile: &Path, name: &str) -> Start {
    Start {
        strategy: name.into(),
        bot: name.into(),
        profile: profile.to_owned(),
        fingerprint: scan(profile, name).unwrap().fingerprint,
        params: BTreeMap::new(),
        mode: AccountMode::Paper,
        instruments: vec![Instrument::equity("AAPL").unwrap()],
        interval: Interval::Minute1,
        memory: Some("{\"seen\":7}".to_owned()),
        runner: env!("CARGO_BIN_EXE_arbion").into(),
        clock: Arc::new(|| Timestamp::UNIX_EPOCH),
        seed: 1,
        ping_every: PING_EVERY,
        answers_within: ANSWERS_WITHIN,
    }
}

const TRADES: &str =
    "[permissions]\ninstruments = [\"AAPL\"]\ndata = [\"bars:1m\", \"quotes\"]\norders = \"paper\"\n";

/// What a process writes to `main.py` before it misbehaves: the two answers that every bot owes.
pub(crate) const GREETS: &str = "import json, os, sys, time\n\
    def read():\n    return json.loads(sys.stdin.readline())\n\
    def say(it):\n    sys.stdout.write(json.dumps(it) + '\\n'); sys.stdout.flush()\n\
    def greet():\n    for _ in range(2):\n        say({'jsonrpc': '2.0', 'id': read()['id'], 'result': {}})\n";

/// Each of these is ended for what it does, and for nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn the_worst_bots_are_ended_and_say_why() {
    if !has_python() {
        return;
    }
    // Only who never answers is waited for briefly: a machine that does other things too is slow to start a bot.
    let small = |start: u32| {
        format!("{TRADES}[limits]\nmemory_mb = 64\nstart_s = {start}\n[restart]\npolicy = \"never\"\n")
    };
    let bad: &[(&str, &str, &str)] = &[
        ("never-answers", "import time\ntime.sleep(100)\n", "did not answer initialize within 2 s"),
        (
            "garbage",
            "for n in range(20):\n    print('hello', n)\nimport time\ntime.sleep(100)\n",
            "10 lines within a minute that are no messages",
        ),
        (
            "long-line",
            "import sys\nsys.stdout.write('x' * 3000000)\nsys.stdout.flush()\nimport time\ntime.sleep(100)\n",
            "a line of more than 1 MiB",
        ),
        (
            "hundred-mb",
            "greet()\nwhile True:\n    say({'jsonrpc': '2.0', 'method': 'log', 'params': {'level': 'info', 'text': 'x' * 10000}})\n",
            "more than 16 MiB within a minute",
        ),
        (
            "hundred-mb-log",
            "greet()\nwhile True:\n    sys.stderr.write('x' * 10000 + '\\n')\n",
            "more than 16 MiB within a minute",
        ),
        (
            "memory",
            "greet()\nkept = [bytearray(150 * 1024 * 1024)]\nkept[0][::4096] = b'x' * len(kept[0][::4096])\ntime.sleep(100)\n",
            "MiB of memory, 64 are allowed",
        ),
        ("two-gib", "greet()\nkept = bytearray(2 * 1024 * 1024 * 1024)\ntime.sleep(100)\n", "MemoryError"),
        (
            "forks",
            "greet()\nwhile True:\n    try:\n        if os.fork() == 0:\n            time.sleep(100)\n            os._exit(0)\n    except OSError:\n        pass\n    time.sleep(0.002)\n",
            "processes and threads, 64 are allowed",
        ),
        ("closes", "greet()\nos.close(1)\ntime.sleep(100)\n", "has closed its output"),
        ("crashes", "greet()\nraise SystemError('a bug')\n", "a bug"),
        ("wrong", "sys.exit(78)\n", "its configuration is wrong"),
        (
            "refuses",
            "say({'jsonrpc': '2.0', 'id': read()['id'], 'error': {'code': 1, 'message': 'no key'}})\ntime.sleep(100)\n",
            "it refuses to start: no key",
        ),
        (
            "wants-more",
            "say({'jsonrpc': '2.0', 'id': read()['id'], 'result': {'subscriptions': [{'kind': 'bars', 'interval': '5m'}]}})\ntime.sleep(100)\n",
            "it wants bars:5m, and its strategy is fed bars:1m",
        ),
        ("deaf", "greet()\ntime.sleep(100)\n", "BOT_SLOW"),
    ];
    let profile = tempfile::tempdir().unwrap();
    let (said_in, mut said) = mpsc::channel(4_096);
    let house = House::open(said_in).unwrap();
    let mut tasks = BTreeMap::new();
    for (name, body, _) in bad {
        let start = if *name == "never-answers" { 2 } else { 60 };
        write_bot(profile.path(), name, &small(start), &format!("{GREETS}{body}"));
        tasks.insert(*name, house.start(start_of(profile.path(), name)));
    }
    let mut ends: BTreeMap<String, String> = BTreeMap::new();
    let all = async {
        while ends.len() < bad.len() {
            let FromBot { strategy, said } = said.recv().await.unwrap();
            match said {
                Said::Failed(reason) => drop(ends.insert(strategy.to_string(), reason)),
                Said::State(state) if state.phase == BotPhase::Running && strategy == "deaf" => {
                    for n in 0..5_000_i64 {
                        let start = Timestamp::from_second(n * 60).unwrap();
                        let price = "1".parse().unwrap();
                        let bar = Bar {
                            start,
                            open: price,
                            high: price,
                            low: price,
                            close: price,
                            volume: 1.into(),
                        };
                        let instrument = Instrument::equity("AAPL").unwrap();
                        let news = BotNews::Bar { instrument, interval: Interval::Minute1, bar };
                        tasks["deaf"].line().tell(ToBot::News(Box::new(news)));
                    }
                }
                _ => {}
            }
        }
    };
    let done = tokio::time::timeout(3 * PATIENCE, all).await;
    assert!(done.is_ok(), "only these ended: {ends:#?}");
    for (name, _, why) in bad {
        assert!(ends[*name].contains(why), "{name}: {}", ends[*name]);
    }
    drop(house);
    let left = Command::new("pgrep").args(["-f", &profile.path().to_string_lossy()]).output();
    assert!(left.map_or(true, |left| left.stdout.is_empty()), "a process is left behind");
}

/// Five bad ends are enough; one that ends well has finished.
#[tokio::test(flavor = "multi_thread")]
async fn crashes_back_off_and_five_are_the_end() {
    if !has_python() {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    write_bot(profile.path(), "crashes", TRADES, "raise SystemError('a bug')\n");
    write_bot(profile.path(), "finishes", TRADES, &format!("{GREETS}greet()\n"));
    let (said_in, mut said) = mpsc::channel(4_096);
    let house = House::open(said_in).unwrap();
    let tasks =
        [house.start(start_of(profile.path(), "crashes")), house.start(start_of(profile.path(), "finishes"))];
    let (mut downs, mut finished, mut failed) = (0, false, String::new());
    let all = async {
        while failed.is_empty() || !finished {
            match said.recv().await.unwrap().said {
                Said::Down { cancels, .. } => {
                    assert!(cancels);
                    downs += 1;
                }
                Said::Finished => finished = true,
                Said::Failed(reason) => failed = reason,
                Said::State(_) | Said::Ask { .. } => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    assert_eq!(downs, 4);
    assert!(failed.contains("5 times within 10 minutes") && failed.contains("a bug"), "{failed}");
    drop(tasks);
}

/// Three pings that are not answered are a bot that hangs, however well it began; one that answers lives on.
#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_hangs_at_ping_is_killed() {
    if !has_python() {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    let never = format!("{TRADES}[restart]\npolicy = \"never\"\n");
    write_bot(profile.path(), "hangs", &never, &format!("{GREETS}greet()\ntime.sleep(100)\n"));
    let answers = "greet()\nwhile True:\n    asked = read()\n    if 'id' in asked:\n        say({'jsonrpc': '2.0', 'id': asked['id'], 'result': {}})\n";
    write_bot(profile.path(), "answers", &never, &format!("{GREETS}{answers}"));
    let (said_in, mut said) = mpsc::channel(4_096);
    let house = House::open(said_in).unwrap();
    let often = Duration::from_millis(100);
    let start = |name: &str| house.start(Start { ping_every: often, ..start_of(profile.path(), name) });
    let tasks = [start("hangs"), start("answers")];
    let mut answering = BotPhase::Starting;
    let end = async {
        loop {
            let FromBot { strategy, said } = said.recv().await.unwrap();
            match said {
                Said::Failed(reason) => return (strategy, reason),
                Said::State(state) if strategy == "answers" => answering = state.phase,
                _ => {}
            }
        }
    };
    let (strategy, reason) = tokio::time::timeout(PATIENCE, end).await.unwrap();
    assert_eq!((strategy.as_str(), reason.as_str()), ("hangs", "it hangs: 3 pings were not answered"));
    assert_eq!(answering, BotPhase::Running);
    drop(tasks);
}

const ASKS: &str = r#"
from arbion_bot import Bot, OutcomeUnknown, Refused, run

class Asks(Bot):
    def on_bar(self, bar):
        try:
            self.quote("AAPL")
        except Refused as refused:
            self.log("late %d" % refused.code)
        try:
            self.buy("AAPL", 1, tag="one")
        except OutcomeUnknown as unknown:
            self.log("unknown %s" % unknown.order_id)

run(Asks)
"#;

/// An engine that does not answer keeps no bot waiting: what was asked for a look is late, what may be an order is not known.
#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_the_engine_leaves_without_an_answer_is_told_so() {
    if !has_python() {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    write_bot(profile.path(), "asks", TRADES, ASKS);
    let (said_in, mut said) = mpsc::channel(4_096);
    let house = House::open(said_in).unwrap();
    let soon = Duration::from_millis(10);
    let task = house.start(Start { answers_within: soon, ..start_of(profile.path(), "asks") });
    let price = "190".parse().unwrap();
    let bar = arbion::domain::quote::Bar {
        start: Timestamp::UNIX_EPOCH,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: rust_decimal::Decimal::ONE,
    };
    let news =
        BotNews::Bar { instrument: Instrument::equity("AAPL").unwrap(), interval: Interval::Minute1, bar };
    let mut told = false;
    let log = || arbion::bots::log::tail(profile.path(), "asks", 100).unwrap().join("\n");
    let all = async {
        while !log().contains("unknown") {
            match said.recv().await.unwrap().said {
                Said::State(state) if state.phase == BotPhase::Running && !told => {
                    told = true;
                    task.line().tell(ToBot::News(Box::new(news.clone())));
                }
                // The schedule that it has none of is all that comes to an answer.
                Said::Failed(reason) => panic!("{reason}"),
                _ => {}
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, all).await.is_ok(), "{}", log());
    assert!(log().contains("late -32006") && log().contains("unknown None"), "{}", log());
    drop(task);
}

const SCHEDULED: &str = r#"
from arbion_bot import Bot, run

class Scheduled(Bot):
    schedule = ["every 1s all"]

    def on_start(self):
        self.runs = 0

    def on_session(self, is_open, until):
        self.log("session %s %s" % (is_open, until))

    def on_params(self, params):
        self.log("params %s" % params["exit"]["stop"])

    def on_evaluate(self, schedule, due, snapshot):
        self.runs += 1
        self.metric("runs", self.runs)
        self.progress(50, "half")
        self.log("%s %s %s" % (schedule, due, snapshot["account"]["cash"]))
        if self.runs == 1:
            self.set_schedule(["close-15m"])
            return [self.order("AAPL", "buy", 1, tag="one"), self.order("MSFT", "buy", 1, tag="two")]

run(Scheduled)
"#;

/// A schedule is the engine's to keep: the bot says it, is evaluated over a picture when it is due, and answers with orders.
#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_evaluated_when_its_schedule_is_due() {
    if !has_python() {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    write_bot(profile.path(), "timed", &format!("params_schema = \"p.json\"\n{TRADES}"), SCHEDULED);
    let schema = r#"{"type": "object", "properties": {"exit": {"type": "object", "properties": {
        "stop": {"type": "number", "default": 5}}}}}"#;
    std::fs::write(profile.path().join("bots/timed/p.json"), schema).unwrap();
    let (said_in, mut said) = mpsc::channel(4_096);
    let house = House::open(said_in).unwrap();
    let task = house.start(start_of(profile.path(), "timed"));
    let tell = |news: BotNews| task.line().tell(ToBot::News(Box::new(news)));
    let due = |seconds| BotNews::Due {
        schedule: "every 1s all".into(),
        due_at: Timestamp::from_second(seconds).unwrap(),
    };
    let (mut schedules, mut orders, mut looked, mut state) = (Vec::new(), Vec::new(), 0, None);
    let all = async {
        while orders.is_empty() || schedules.len() < 2 || looked < 2 || state.is_none() {
            match said.recv().await.unwrap().said {
                // Due before it runs, twice: it is evaluated once, for the newest.
                Said::State(now) if now.phase == BotPhase::Starting && now.pid.is_none() => {
                    tell(due(1));
                    tell(due(2));
                }
                Said::State(now) if now.metrics.contains_key("runs") => state = Some(now),
                Said::Ask { asked: Asked::Want(BotWant::Schedule(wanted)), ask } => {
                    if ask > 0 {
                        task.line().tell(ToBot::Answer { ask, result: Ok(json!({"status": "done"})) });
                    }
                    schedules.push(wanted.iter().map(|one| one.spec.to_string()).collect::<Vec<_>>());
                }
                Said::Ask { asked: Asked::Query(BotQuery::Snapshot), ask } => {
                    looked += 1;
                    let seen = json!({"account": {"cash": "5"}, "positions": [], "orders": [], "quotes": []});
                    task.line().tell(ToBot::Answer { ask, result: Ok(seen) });
                }
                Said::Ask { asked: Asked::Want(BotWant::Place { tag, .. }), .. } => {
                    orders.push(tag);
                    tell(due(3));
                    tell(BotNews::Session { open: true, until: None });
                    let params = [("exit.stop".to_owned(), "7".to_owned())].into();
                    task.line().tell(ToBot::Params(params));
                }
                Said::Failed(reason) => panic!("{reason}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    assert_eq!(schedules, [["every 1s all"], ["close-15m"]]);
    let state = state.unwrap();
    assert_eq!(state.progress.as_deref(), Some("50 % half"));
    assert!(state.line().starts_with("bot running: 50 % half runs="), "{}", state.line());
    let log = || arbion::bots::log::tail(profile.path(), "timed", 100).unwrap().join("\n");
    let seen = async {
        while !log().contains("params 7") || !log().contains("00:03Z 5") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, seen).await.is_ok(), "{}", log());
    let log = log();
    assert!(log.contains("every 1s all 1970-01-01T00:00:02Z 5") && !log.contains("00:00:01Z"), "{log}");
    assert!(log.contains("session True None"), "{log}");
    drop(task);
}

/// What a bot sees of the machine: its own folder, no secret, no network.
#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_alone_in_its_cage() {
    if !has_python() {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    std::fs::write(profile.path().join("vault.age"), "a secret").unwrap();
    let vault = profile.path().join("vault.age");
    let main = format!(
        r#"{GREETS}
import socket
def tried(what):
    try:
        what()
        return "done"
    except OSError as error:
        return type(error).__name__
greet()
seen = {{
    "env": " ".join(sorted(os.environ)),
    "cwd": os.getcwd() == os.environ["HOME"],
    "own": tried(lambda: open("data/kept", "w").write("x")),
    "vault": tried(lambda: open({vault:?}).read()),
    "above": tried(lambda: open("../x", "w")),
    "passwd": tried(lambda: open("/etc/passwd").read()),
    "tmp": tried(lambda: open("/tmp/arbion-bot-was-here", "w")),
    "net": tried(lambda: socket.create_connection(("127.0.0.1", {port}), 2)),
}}
for name, value in seen.items():
    say({{"jsonrpc": "2.0", "method": "log", "params": {{"level": "info", "text": name + "=" + str(value)}}}})
time.sleep(100)
"#,
        port = 9
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let main = main.replace(", 9), 2)", &format!(", {}), 2)", listener.local_addr().unwrap().port()));
    write_bot(profile.path(), "caged", TRADES, &main);
    let (said_in, mut said) = mpsc::channel(4_096);
    let house = House::open(said_in).unwrap();
    let task = house.start(start_of(profile.path(), "caged"));
    let mut unenforced = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let all = async {
        while !seen.contains_key("net") {
            if let Said::State(state) = said.recv().await.unwrap().said {
                assert!(!matches!(state.phase, BotPhase::Failed | BotPhase::Backoff), "{state:?}");
                unenforced = state.unenforced;
            }
            let lines = arbion::bots::log::tail(profile.path(), "caged", 50).unwrap();
            for (name, value) in lines.iter().filter_map(|line| line.get(34..)?.split_once('=')) {
                seen.insert(name.to_owned(), value.to_owned());
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    assert_eq!(
        seen["env"],
        "HOME LANG PATH PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX PYTHONUNBUFFERED TMPDIR TZ"
    );
    assert_eq!((seen["cwd"].as_str(), seen["own"].as_str()), ("True", "done"));
    let fenced = !unenforced.iter().any(|line| line.starts_with("files"));
    let alone = !unenforced.iter().any(|line| line.starts_with("network"));
    tell(&format!("not enforced on this machine: {unenforced:?}"));
    for name in ["vault", "above", "passwd", "tmp"] {
        assert!(!fenced || seen[name] == "PermissionError", "{name}: {}", seen[name]);
    }
    assert!(!alone || seen["net"] != "done", "net: {}", seen["net"]);
    drop(task);
}

const BUYER: &str = r#"
from arbion_bot import Bot, Refused, run

class Buyer(Bot):
    def on_start(self):
        self.log("restored %s" % (self.state,))
        self.bought = bool(self.state)
        self.refused = {}

    def attempt(self, name, what):
        try:
            return what()
        except Refused as refused:
            self.refused[name] = refused.code
            return None

    def on_quote(self, quote):
        if self.bought:
            return
        self.bought = True
        first = self.buy(quote.instrument, "0.01", tag="once")
        again = self.buy(quote.instrument, "0.01", tag="once")
        self.log("same order: %s" % (first["order_id"] == again["order_id"]))
        self.attempt("other", lambda: self.buy("ETH-USD", 1, tag="other"))
        self.attempt("big", lambda: self.buy(quote.instrument, 1, tag="big"))
        self.attempt("tag", lambda: self.buy(quote.instrument, "0.01", tag="a b"))
        self.attempt("method", lambda: self._rpc.call("order.steal", {}))
        self.attempt("bars", lambda: self.bars(quote.instrument, interval="5m"))
        self.log("bars %d" % len(self.bars(quote.instrument, limit=10)))
        for n in range(10000):
            self.attempt("rate", lambda: self.buy(quote.instrument, "0.0001", tag="n%d" % n))
        self.log("codes %s" % sorted(self.refused.items()))
        self.remember({"bought": True})

    def on_execution(self, execution):
        self.log("filled %s %s" % (execution.side, execution.quantity.normalize()))

    def on_stop(self, reason):
        self.log("asked to end")

run(Buyer)
"#;

pub(crate) const BUYER_TOML: &str = "[permissions]\ninstruments = [\"BTC-USD\"]\ndata = [\"bars:1m\", \"quotes\"]\norders = \"paper\"\nmax_order_notional = \"20000\"\nmax_orders_per_minute = 8\n";

fn lines(home: &Home, name: &str) -> String {
    let lines = home.json(&["bot", "logs", name, "-n", "500"]);
    let lines: Vec<&str> = lines["lines"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    lines.join("\n")
}

/// From a new bot to a position: approved, added, started; its orders pass its terms and the one door; changed files wait for a person.
#[test]
fn a_bot_trades_paper_from_its_approval_to_its_end() {
    if !has_python() {
        return;
    }
    let home = Home::new();
    home.json(&["bot", "new", "buyer"]);
    let profile = home.path().join("data/profiles/default");
    std::fs::remove_file(profile.join("bots/buyer/params.schema.json")).unwrap();
    write_bot(&profile, "buyer", BUYER_TOML, BUYER);
    let refused = home.output(&["bot", "add", "buyer"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no approved version"));
    assert_eq!(home.output(&["bot", "approve", "buyer"]).status.code(), Some(2), "nobody was asked");
    home.json(&["bot", "approve", "buyer", "--yes"]);
    home.json(&["bot", "add", "buyer"]);
    home.json(&["bot", "start", "buyer"]);
    home.until("the end of its attempts", || lines(&home, "buyer").contains("codes"));
    let log = lines(&home, "buyer");
    for line in [
        "same order: True",
        "bars 10",
        "('bars', -32001), ('big', -32001), ('method', -32601), ('other', -32001), ('rate', -32003), ('tag', -32602)",
    ] {
        assert!(log.contains(line), "{line} is not in\n{log}");
    }
    home.until("its fill", || lines(&home, "buyer").contains("filled buy 0.01"));
    let view = &home.json(&["strategy", "list"])["strategies"][0];
    assert_eq!(view["claims"][0]["instrument"]["base"], "BTC");
    assert_eq!(view["bot"]["phase"], "running");
    // Eight orders a minute may be tried; four were refused for other reasons, or were sent before.
    let orders = home.json(&["order", "list", "--all"]);
    let orders = orders["orders"].as_array().unwrap().len();
    assert!((1..=4).contains(&orders), "{orders} orders");
    home.json(&["bot", "stop", "buyer"]);
    home.until("its end", || lines(&home, "buyer").contains("asked to end"));

    let main = profile.join("bots/buyer/main.py");
    std::fs::write(&main, format!("{BUYER}\n# changed\n")).unwrap();
    assert_eq!(home.json(&["bot", "list"])["bots"][0]["approval"], "changed");
    home.json(&["bot", "start", "buyer"]);
    home.until("its refusal", || home.json(&["strategy", "list"])["strategies"][0]["phase"] == "faulted");
    let why = home.json(&["strategy", "list"])["strategies"][0]["reason"].to_string();
    assert!(why.contains("is not what was approved"), "{why}");
    home.json(&["bot", "approve", "buyer", "--yes"]);
    assert_eq!(home.json(&["bot", "versions", "buyer"])["versions"].as_array().unwrap().len(), 2);
    home.json(&["bot", "start", "buyer"]);
    home.until("what it remembered", || lines(&home, "buyer").contains("restored {'bought': True}"));
    home.json(&["bot", "stop", "buyer"]);
    home.until("its rest", || home.json(&["strategy", "list"])["strategies"][0]["phase"] == "disabled");
    home.json(&["bot", "remove", "buyer", "--yes"]);
    assert_eq!(home.json(&["bot", "list"])["bots"][0]["approval"], "never");
}
