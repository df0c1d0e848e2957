//! Ten tasks of a trader, key by key, at three sizes; and the page that says how many keys each takes.

use std::collections::BTreeSet;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::Request;
use crate::tui::keymap::Keymap;
use crate::tui::{Chore, Options};

/// A task: what it is, its keys (letters of a text are keys too), and what proves that it was done.
struct Task {
    name: &'static str,
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
        steps: &[Keys("ctrl-p"), Text("nvda"), Keys("enter")],
        done: |runner| {
            runner.sees("─ NVDA");
        },
    },
    Task {
        name: "set an alert",
        steps: &[Keys(":"), Text("alert aapl above 260"), Keys("enter")],
        done: |runner| assert!(runner.asked.iter().any(|request| matches!(request, Request::Alert(_)))),
    },
    Task {
        name: "buy with a bracket",
        steps: &[Keys(":"), Text("buy 10 aapl tp 260 sl 220"), Keys("enter enter")],
        done: |runner| assert_eq!(runner.executed().len(), 1),
    },
    Task {
        name: "build an iron condor of the third expiry and send it",
        steps: &[Keys("7 e e j j s j b l k k k k k s k b enter enter")],
        done: |runner| assert_eq!(runner.executed().len(), 1),
    },
    Task {
        name: "replace the price of a working order",
        steps: &[Keys("4 j j r backspace 4 enter enter")],
        done: |runner| assert!(runner.asked.iter().any(|request| matches!(request, Request::Replace { .. }))),
    },
    Task {
        name: "find an earlier trade",
        steps: &[Keys(":"), Text("show fills"), Keys("enter")],
        done: |runner| {
            runner.sees("228.1");
        },
    },
    Task {
        name: "change the theme",
        steps: &[Keys("ctrl-t")],
        done: |runner| {
            runner.sees("Theme: light");
        },
    },
    Task {
        name: "give the kill switch another key",
        steps: &[Keys(","), Text("keys.halt"), Keys("enter ctrl-u f 9 enter")],
        done: |runner| {
            let set = Chore::SetOption { path: "keys.halt".into(), value: Some("[\"f9\"]".into()) };
            assert_eq!(runner.chores.last(), Some(&set));
            runner.keys("esc f9").sees("Halt all trading?");
        },
    },
    Task {
        name: "split the layout and put the chain into it",
        steps: &[Keys("L v"), Text("chain"), Keys("enter esc")],
        done: |runner| {
            runner.sees("─ Chain");
        },
    },
    Task {
        name: "halt everything",
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
         | task | keys | how many |\n|---|---|---|\n",
    );
    for task in TASKS {
        text.push_str(&format!("| {} | {} | {} |\n", task.name, written(task), count(task)));
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
