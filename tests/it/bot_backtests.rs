//! Bots in backtests: the trades of the strategy with the same rules, options over model chains, and a clear end for every bot that hangs, dies
//! or talks without end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::bots::{has_python, write_bot};
use super::detached::Home;

fn profile(home: &Home) -> PathBuf {
    home.path().join("data/profiles/default")
}

/// The same trades as the strategy of the program with the same rules: a bot in a backtest lives by the same core.
#[test]
fn a_backtest_of_a_bot_makes_the_trades_of_the_same_strategy() {
    if !has_python() {
        return;
    }
    let home = Home::new();
    home.json(&["bot", "new", "cross"]);
    let manifest = home.path().join("data/profiles/default/bots/cross/bot.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let text = text.replace("\"AAPL\"", "\"MSFT\"").replace("\"20000\"", "\"1000000\"");
    std::fs::write(&manifest, text).unwrap();
    let set = ["--symbol", "MSFT", "--set", "fast=10", "--set", "slow=30", "--set", "quantity=100"];
    let unapproved: Vec<&str> = ["backtest", "bot:cross"].into_iter().chain(set).collect();
    assert!(String::from_utf8_lossy(&home.output(&unapproved).stderr).contains("not what was approved"));
    home.json(&["bot", "approve", "cross", "--yes"]);
    let run = |kind: &str| {
        let words: Vec<&str> = ["backtest", kind].into_iter().chain(set).collect();
        home.json(&words)
    };
    let (ours, first, second) = (run("sma_cross"), run("bot:cross"), run("bot:cross"));
    assert_eq!(first["fingerprint"], second["fingerprint"]);
    assert!(first["orders"].as_u64().unwrap() > 40, "{first}");
    assert_eq!(first["fingerprint"], ours["fingerprint"]);
}

/// The examples, each run as its user would begin.
#[test]
fn every_example_runs_over_the_bars_that_come_with_the_program() {
    if !has_python() {
        return;
    }
    let home = Home::new();
    for example in ["sma-cross", "mean-revert", "ladder", "rsi-close"] {
        home.json(&["bot", "new", example, "--example", example]);
        home.json(&["bot", "approve", example, "--yes"]);
    }
    let trades = home.json(&["backtest", "bot:mean-revert", "--symbol", "MSFT"]);
    assert!(trades["orders"].as_u64().unwrap() > 10, "{trades}");
    // By a schedule, over the data's clock; its parameters lie in an object.
    let looks = ["backtest", "bot:rsi-close", "--symbol", "MSFT", "--set", "rsi.length=5"];
    let often = home.json(&looks);
    assert!(often["orders"].as_u64().unwrap() > 10 && often["denied"] == 0, "{often}");
    let wrong = home.output(&["backtest", "bot:rsi-close", "--symbol", "MSFT", "--set", "rsi.length=1"]);
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("parameter rsi.length: found '1', allowed 2 to 100")
    );
    // Prices alone move it, and bars are all there is.
    assert_eq!(home.json(&["backtest", "bot:ladder", "--symbol", "AAPL"])["orders"], 0);
    let stray = home.output(&["backtest", "bot:ladder", "--symbol", "MSFT"]);
    assert!(String::from_utf8_lossy(&stray.stderr).contains("MSFT is none of the instruments"));
    let slow = home.output(&["backtest", "bot:mean-revert", "--symbol", "MSFT", "--set", "window=1"]);
    assert!(String::from_utf8_lossy(&slow.stderr).contains("parameter window: found '1', allowed 2 to 500"));
}

/// Sells a put a month before it ends, closes nothing, and says what it saw.
const SELLS_PUTS: &str = r#"
from arbion_bot import Bot, Refused, run

class SellsPuts(Bot):
    schedule = ["at 10:00"]

    def on_start(self):
        self.sold = 0

    def on_evaluate(self, schedule, due, snapshot):
        if any(len(key) > 6 for key in self.positions()):
            return
        try:
            chain = self.chain("IBM")
        except Refused as refused:
            assert refused.code == -32004, refused.code
            return
        puts = [row for row in chain["rows"] if row["right"] == "put" and row["delta"] and -0.35 < float(row["delta"]) < -0.2]
        if not puts:
            return
        put = puts[-1]
        self.sold += 1
        limit = max(float(put["bid"]) - 0.05, 0.05)
        sent = self.sell(put["instrument"], 1, tag="put-%d" % self.sold, limit="%.2f" % limit)
        assert "order_id" in sent, sent

    def on_assigned(self, execution):
        assert execution.quantity > 0

run(SellsPuts)
"#;

const OPTIONS_TOML: &str = "[permissions]\ninstruments = [\"IBM\"]\ndata = [\"bars:1d\", \"chains\"]\norders = \"paper\"\nmax_order_notional = \"100000\"\nmax_position_notional = \"100000\"\n";

/// A bot that looks at chains has those of the model, and its puts live, expire and are assigned as the wheel's do.
#[test]
fn a_bot_sells_puts_over_the_chains_of_the_model() {
    if !has_python() {
        return;
    }
    let home = Home::new();
    home.json(&["bot", "new", "puts"]);
    std::fs::remove_file(profile(&home).join("bots/puts/params.schema.json")).unwrap();
    write_bot(&profile(&home), "puts", OPTIONS_TOML, SELLS_PUTS);
    home.json(&["bot", "approve", "puts", "--yes"]);
    let words = ["backtest", "bot:puts", "--symbol", "IBM", "--from", "2007-01-01", "--until", "2007-12-31"];
    let (first, second) = (home.json(&words), home.json(&words));
    assert_eq!(first["fingerprint"], second["fingerprint"], "two runs are the same");
    assert!(first["orders"].as_u64().unwrap() > 3 && first["denied"] == 0, "{first}");
    assert!(first["option_prices"].as_str().unwrap().contains("model"), "{first}");
    let trades = first["trades"].as_array().unwrap();
    assert!(trades.iter().any(|trade| trade["instrument"].to_string().contains("put")), "{trades:?}");
}

/// Each of these ends the run, within its time, with a line that says what it did.
#[test]
fn a_bot_that_does_not_behave_ends_the_backtest_with_a_line() {
    if !has_python() {
        return;
    }
    let home = Home::new();
    let manifest =
        "[permissions]\ninstruments = [\"IBM\"]\ndata = [\"bars:1d\"]\norders = \"paper\"\n[limits]\n";
    let greets = "import json, os, sys, time\n\
        def read():\n    return json.loads(sys.stdin.readline())\n\
        def say(it):\n    sys.stdout.write(json.dumps(it) + '\\n'); sys.stdout.flush()\n\
        def greet():\n    for _ in range(2):\n        say({'jsonrpc': '2.0', 'id': read()['id'], 'result': {}})\n";
    for (name, main, said) in [
        ("mute", "import time\ntime.sleep(100)\n".to_owned(), "it did not answer initialize within 2000 ms"),
        ("deaf", format!("{greets}greet()\ntime.sleep(100)\n"), "it did not answer evaluate within 300 ms"),
        ("dies", format!("{greets}greet()\nread()\nraise SystemError('a bug')\n"), "a bug"),
        (
            "talks",
            format!(
                "{greets}greet()\nwhile True:\n    say({{'jsonrpc': '2.0', 'method': 'log', 'params': {{}}}})\n"
            ),
            "",
        ),
        // It asks for more than a pipe holds, and reads nothing of it.
        (
            "stuffed",
            format!(
                "{greets}greet()\nfor n in range(10_000):\n    asked = read()\n    if 'id' not in asked:\n        continue\n    \
                 if n > 3_000:\n        say({{'jsonrpc': '2.0', 'id': 'b', 'method': 'data.bars', \
                 'params': {{'instrument': 'IBM', 'interval': '1d', 'limit': 5000}}}})\n        time.sleep(100)\n    \
                 say({{'jsonrpc': '2.0', 'id': asked['id'], 'result': {{}}}})\n"
            ),
            "it did not answer evaluate within 300 ms",
        ),
        ("babbles", format!("{greets}greet()\nprint('hello')\ntime.sleep(100)\n"), "this is no JSON"),
        (
            "floods",
            format!("{greets}greet()\nsys.stdout.write('x' * 100_000_000)\n"),
            "a line of more than 1 MiB",
        ),
    ] {
        home.json(&["bot", "new", name]);
        std::fs::remove_file(profile(&home).join("bots").join(name).join("params.schema.json")).unwrap();
        // Only who never answers is waited for briefly: a machine that does other things too is slow to start a bot.
        let start = if name == "mute" { 2 } else { 60 };
        let reply = if said.contains("evaluate within 300 ms") { 300 } else { 20_000 };
        let manifest = format!("{manifest}reply_ms = {reply}\nstart_s = {start}\n");
        write_bot(&profile(&home), name, &manifest, &main);
        home.json(&["bot", "approve", name, "--yes"]);
        let began = Instant::now();
        let ended = home.output(&["backtest", &format!("bot:{name}"), "--symbol", "IBM"]);
        let line = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && line.contains(&format!("bot {name}")), "{name}: {line}");
        assert!(line.contains(said), "{name}: {line}");
        assert!(began.elapsed() < Duration::from_secs(90), "{name} took {:?}", began.elapsed());
    }
}
