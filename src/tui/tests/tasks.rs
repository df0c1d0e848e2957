//! Ten tasks of a trader, key by key, at three sizes; and the page that says how many keys each takes.

use std::collections::BTreeSet;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::Request;
use crate::domain::order::OrderStatus;
use crate::tui::keymap::Keymap;
use crate::tui::{Chore, Options};

/// A task: what it is, its keys (letters of a text are keys too), and what proves that it was done.
struct Task {
    name: &'static str,
    /// How the best of the clients measured does it, by its own pages, and with how many keys.
    peer: (&'static str, Option<usize>),
    steps: &'static [Step],
    done: fn(&mut Runner),
}

enum Step {
    Keys(&'static str),
    Text(&'static str),
}

use Step::{Keys, Text};

const TASKS: &[Task] = &[
    Task {
        name: "find a symbol and see its chart",
        peer: ("alpaca-trader-rs: `ctrl-f` *nvda* `enter`", Some(6)),
        steps: &[Keys("ctrl-p"), Text("nvda"), Keys("enter")],
        done: |runner| {
            runner.sees("─ NVDA");
        },
    },
    Task {
        name: "set an alert",
        peer: ("alpaca-trader-rs: `A` *260* `enter`", Some(5)),
        steps: &[Keys("p"), Text("260"), Keys("enter")],
        done: |runner| assert!(runner.asked.iter().any(|request| matches!(request, Request::Alert(_)))),
    },
    Task {
        name: "buy with a bracket",
        peer: ("icli: *buy aapl 10 af @ 240 ± 20* `enter`, not shown before it goes", Some(26)),
        steps: &[Keys(":"), Text("b 10 aapl tp 260 sl 220"), Keys("enter enter")],
        done: |runner| assert_eq!(runner.executed().len(), 1),
    },
    Task {
        name: "build an iron condor of the third expiry and send it",
        peer: ("none sends one from a chain", None),
        steps: &[Keys("7 e e j j s j b l k k k k k s k b enter enter")],
        done: |runner| assert_eq!(runner.executed().len(), 1),
    },
    Task {
        name: "replace the price of a working order",
        peer: ("longbridge: `3` `j` `j` `m`, then its form", None),
        steps: &[Keys("4 j j r - enter enter")],
        done: |runner| assert!(runner.asked.iter().any(|request| matches!(request, Request::Replace { .. }))),
    },
    Task {
        name: "find an earlier trade",
        peer: ("alpaca-trader-rs: `4`, then the tab of what filled today", None),
        steps: &[Keys("ctrl-p"), Text("hist"), Keys("enter / b t c")],
        done: |runner| {
            runner.sees("─ History 1 of 14 /btc").sees("BTC-USD");
        },
    },
    Task {
        name: "change the theme",
        peer: ("alpaca-trader-rs: `T`", Some(1)),
        steps: &[Keys("ctrl-t")],
        done: |runner| {
            runner.sees("Theme: light");
        },
    },
    Task {
        name: "give the kill switch another key",
        peer: ("none has a kill switch; keys are changed in a file", None),
        steps: &[Keys(","), Text("keys.halt"), Keys("enter ctrl-u f 9 enter")],
        done: |runner| {
            let set = Chore::SetOption { path: "keys.halt".into(), value: Some("[\"f9\"]".into()) };
            assert_eq!(runner.chores.last(), Some(&set));
            // The old key does nothing any more: what is said names the one that does.
            runner.sees("halt: F9 from now on.").misses("next start");
            runner.keys("esc ctrl-k").misses("Halt all trading?").keys("f9").sees("Halt all trading?");
        },
    },
    Task {
        name: "split the layout and put the chain into it",
        peer: ("gloomberb: a command for the pane, then its place by `ctrl-shift-d`", None),
        steps: &[Keys("L v"), Text("chain"), Keys("enter esc")],
        done: |runner| {
            runner.sees("─ Chain");
        },
    },
    Task {
        name: "halt everything",
        peer: ("none; icli: *cancel \\** `enter` leaves new orders free", None),
        steps: &[Keys("ctrl-k enter")],
        done: |runner| assert!(runner.asked.iter().any(|request| matches!(request, Request::Halt { .. }))),
    },
];

fn count(task: &Task) -> usize {
    let keys = |step: &Step| match step {
        Keys(keys) => keys.split(' ').count(),
        Text(text) => text.chars().count(),
    };
    task.steps.iter().map(keys).sum()
}

fn written(task: &Task) -> String {
    let step = |step: &Step| match step {
        Keys(keys) => keys.split(' ').map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" "),
        Text(text) => format!("*{text}*"),
    };
    task.steps.iter().map(step).collect::<Vec<_>>().join(" ")
}

fn document() -> String {
    let mut text = String::from(
        "# Ten tasks and the keys they take\n\nFrom the first screen, each letter of a text counted. A test presses these very keys at 80x24,\n\
         120x40 and 200x60 and looks at what comes of them. Every order among them is shown once more before it goes.\n\n\
         Beside it the best of the terminal clients we know, by its own documentation of August 2026; without a number\n\
         where it does not document every step, or cannot do it.\n\n\
         | task | keys | how many | elsewhere | how many |\n|---|---|---|---|---|\n",
    );
    for task in TASKS {
        let (peer, keys) = (task.peer.0, task.peer.1.map_or_else(|| "-".to_owned(), |keys| keys.to_string()));
        text.push_str(&format!(
            "| {} | {} | {} | {peer} | {keys} |\n",
            task.name,
            written(task),
            count(task)
        ));
    }
    text
}

#[test]
fn ten_tasks_at_three_sizes() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        for task in TASKS {
            let options = Options {
                settings: crate::config::Loaded::default().options(),
                chores: Some(std::sync::Arc::new(|_| Ok(String::new()))),
                symbols: Some(super::scripted::universe()),
                ..options()
            };
            let mut runner = Runner::with(options, trading_day::snapshot(), size);
            for step in task.steps {
                match step {
                    Keys(keys) => {
                        runner.keys(keys);
                    }
                    Text(text) => {
                        runner.text(text).wait(100);
                    }
                }
            }
            (task.done)(&mut runner);
        }
    }
    for task in TASKS {
        assert!(
            task.peer.1.is_none_or(|keys| count(task) <= keys),
            "{} takes more keys than elsewhere",
            task.name
        );
    }
    assert_eq!(TASKS.iter().map(|task| task.name).collect::<BTreeSet<_>>().len(), 10);
}

fn page(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

#[test]
fn the_pages_of_keys_are_current() {
    let pages = [("keys.md", Keymap::document()), ("tasks.md", document())];
    // With ARBION_WRITE_DOCS set the pages are written anew instead.
    let write = std::env::var_os("ARBION_WRITE_DOCS").is_some();
    for (name, text) in pages {
        if write {
            std::fs::write(page(name), &text).unwrap();
        }
        let kept = std::fs::read_to_string(page(name)).unwrap_or_default();
        assert!(
            kept == text,
            "docs/{name} is old; run: ARBION_WRITE_DOCS=1 cargo test --lib the_pages_of_keys"
        );
    }
}

#[test]
fn an_order_that_fills_is_told_of_once_and_in_place_of_what_was_said_before() {
    let mut runner = Runner::new((80, 24));
    let mut snapshot = (*runner.snapshot).clone();
    snapshot.seq += 1;
    let orders = std::sync::Arc::make_mut(&mut snapshot.orders);
    let order = orders.iter_mut().find(|order| order.number.0 == 42).unwrap();
    order.status = OrderStatus::Filled;
    order.filled_quantity = order.request.quantity;
    order.average_price = "231.45".parse().ok();
    let filled = snapshot.clone();
    runner.show(snapshot).sees("#42 buy 10 AAPL: filled 10 at 231.45");
    let mut rejected = filled;
    rejected.seq += 1;
    let orders = std::sync::Arc::make_mut(&mut rejected.orders);
    let order = orders.iter_mut().find(|order| order.number.0 == 44).unwrap();
    order.status = OrderStatus::Rejected;
    order.reason = Some("no shares to borrow".to_owned());
    runner.show(rejected).sees("(no shares to borrow)").sees("see the order");
    runner.wait(60_000).misses("filled 10 at 231.45").misses("no shares");
    let mut later = (*runner.snapshot).clone();
    later.seq += 1;
    later.orders = std::sync::Arc::new((*later.orders).clone());
    runner.show(later).misses("231.45");
}

#[test]
fn an_exit_says_which_order_it_waits_for() {
    let mut snapshot = trading_day::snapshot();
    let orders = std::sync::Arc::make_mut(&mut snapshot.orders);
    let parent = orders.iter().find(|order| order.number.0 == 42).unwrap().request.client_order_id;
    let exit = orders.iter_mut().find(|order| order.number.0 == 44).unwrap();
    exit.status = OrderStatus::Submitted;
    exit.request.contingency.parent = Some(parent);
    let mut runner = Runner::with(super::harness::options(), snapshot, (80, 24));
    runner.keys("4").sees("After #42").keys("enter").sees("Submitted, waits for #42 to fill").keys("esc");
    let mut filling = (*runner.snapshot).clone();
    filling.seq += 1;
    let orders = std::sync::Arc::make_mut(&mut filling.orders);
    let parent = orders.iter_mut().find(|order| order.number.0 == 42).unwrap();
    parent.filled_quantity = 3.into();
    parent.status = OrderStatus::PartiallyFilled;
    runner.show(filling).misses("After #42");
}

#[test]
fn a_price_is_replaced_by_ticks_and_from_the_market() {
    let mut runner = Runner::new((80, 24));
    runner.keys("4 j j r").sees("BUY 10 AAPL").sees("bid 231.79×300").sees("231.5");
    runner
        .keys("+ +")
        .sees("231.52")
        .keys("- - -")
        .sees("231.49")
        .keys("b")
        .sees("231.79")
        .keys("a")
        .sees("231.81");
    runner.keys("m").sees("231.8").keys("shift-tab +").sees("11").keys("- - enter").sees("quantity 10 -> 9");
    runner.sees("limit 231.50 -> 231.80");
}
