//! The settings: everything of the configuration, keys that run lines and lists among them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::harness::{Runner, options};
use super::trading_day;
use crate::config::Loaded;
use crate::tui::{Chore, Options};

/// The screen of a user with this file.
fn of(file: &str) -> Runner {
    let loaded = Loaded::from_layers(&[("c.toml".into(), file.to_owned())]).unwrap();
    let options = Options {
        settings: loaded.options(),
        keys: loaded.config.keys.clone(),
        macros: loaded.config.macros.clone(),
        chores: Some(Arc::new(|_| Ok(String::new()))),
        tour: false,
        ..options()
    };
    Runner::with(options, trading_day::snapshot(), (120, 40))
}

fn set(path: &str, value: Option<&str>) -> Option<Chore> {
    Some(Chore::SetOption { path: path.to_owned(), value: value.map(str::to_owned) })
}

/// Every path in the example, and the tables whose names are the user's.
fn of_the_example() -> BTreeSet<String> {
    let text = include_str!("../../../config.example.toml");
    let mut table = String::new();
    let mut paths = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = name.to_owned();
            paths.insert(table.clone());
        }
        // An option at its default is a line of its own; what stands indented is an example.
        let option = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
        if let Some((name, _)) = option.and_then(|rest| rest.split_once(" = ")) {
            paths.insert(format!("{table}.{name}"));
        }
    }
    paths
}

#[test]
fn every_option_of_the_example_is_in_the_settings() {
    let paths = of_the_example();
    assert!(paths.len() > 100 && paths.contains("paper.fees.exercise") && paths.contains("macros"));
    let mut runner = of("");
    runner.keys(",");
    for path in paths {
        // A table by its options, where others have its name in them too.
        let own = matches!(path.as_str(), "macros" | "watchlists") || path.contains('.');
        let path = if own { path } else { format!("{path}.") };
        runner.keys("ctrl-u").paste(&path);
        // Of a table there is at least one row; of an option its own, with what may stand there.
        runner.misses("no option is called so").sees("allowed: ");
        assert!(
            runner.frame().lines().any(|line| line.contains(&format!("▸ {path}"))),
            "{path}\n{}",
            runner.frame()
        );
    }
}

#[test]
fn keys_that_run_lines_are_listed_changed_added_and_taken_out() {
    let mut runner = of("[macros]\nf5 = \"buy 10 {symbol}\"\n");
    runner.keys(",").text("macros").sees("add one").sees("macros.f5").sees("buy 10 {symbol}");
    // One more, by key and line.
    runner.keys("enter").text("F6 = buy 20 {symbol} at bid").keys("enter");
    assert_eq!(runner.chores.pop(), set("macros.f6", Some("\"buy 20 {symbol} at bid\"")));
    runner.sees("F6 runs: buy 20 {symbol} at bid").sees("▸ macros.f6");
    // Another line for it, then none.
    runner.keys("enter ctrl-u").text("note {symbol} \"gap\"").keys("enter");
    let quoted = runner.chores.pop();
    assert_eq!(quoted, set("macros.f6", Some("'note {symbol} \"gap\"'")), "as TOML, whatever is in it");
    runner.sees("F6 runs: note {symbol} \"gap\"").keys("enter end").text("s").keys("enter");
    runner.sees("F6 runs: note {symbol} \"gap\"s").keys("delete").sees("F6 runs nothing any more.");
    runner.misses("macros.f6").chores.clear();
    // A changed one holds at once.
    runner.keys("ctrl-u").text("macros.f5").keys("enter ctrl-u").text("buy 7 {symbol}").keys("enter");
    runner.keys("esc esc f5").sees("Review order").sees("BUY 7 AAPL").keys("esc esc");
    assert!(runner.executed().is_empty());
}

#[test]
fn a_key_for_a_line_has_the_checks_of_the_file() {
    let mut runner = of("");
    for (typed, said) in [
        ("f6 buy 1 aapl", "Not set: write a key, '=' and its command"),
        ("= buy 1 aapl", "Not set: write a key, '=' and its command"),
        ("nokey = buy 1 aapl", "'nokey' is no key"),
        ("b = buy 1 aapl", "'b' is given to both buy and the macro"),
        ("ctrl-k = buy 1 aapl", "is given to both halt and the macro"),
    ] {
        runner.keys(",").text("macros").keys("enter").text(typed).keys("enter");
        runner.sees(said).keys("esc esc esc").wait(60_000);
        assert!(!runner.chores.iter().any(|chore| matches!(chore, Chore::SetOption { .. })), "{typed}");
    }
}

/// Whoever begins with the slash that searches elsewhere finds the same, and nothing found says so.
#[test]
fn a_search_may_begin_with_a_slash_and_says_when_it_finds_nothing() {
    let mut runner = of("");
    runner.keys(",").text("/keys.halt").sees("▸ keys.halt");
    runner.keys("ctrl-u").text("nosuchthing").sees("No option is called so");
    runner.keys("ctrl-u").text("top_line").sees("▸ screen.top_line");
}

#[test]
fn lists_are_typed_as_words() {
    let mut runner = of("[watchlists]\ntech = [\"AAPL\"]\n");
    runner.keys(",").text("watchlists").keys("enter").text("my coins = btc-usd, ETH-USD").keys("enter");
    assert_eq!(runner.chores.pop(), set("watchlists.my coins", Some("[\"BTC-USD\", \"ETH-USD\"]")));
    runner.sees("new profiles get it").sees("watchlists.tech").sees("▸ watchlists.my coins");
    runner.keys("ctrl-u").text("top_line").keys("enter ctrl-u").text("SPY BTC-USD").keys("enter");
    assert_eq!(runner.chores.pop(), set("screen.top_line", Some("[\"SPY\", \"BTC-USD\"]")));
    runner.keys("ctrl-u").text("exits.equity").keys("enter ctrl-u").text("stop=8% trail=8%").keys("enter");
    assert_eq!(runner.chores.pop(), set("exits.equity", Some("[\"stop=8%\", \"trail=8%\"]")));
}
