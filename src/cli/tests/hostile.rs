//! T1: nobody else's escape sequence leaves a command, in any form, at any width, with or without colour.

use std::sync::Arc;

use super::World;
use crate::domain::snapshot::{Connection, LogLine, Severity};

const HOSTILE: &str = "a\u{1b}[2Jb\u{1b}]0;owned\u{7}c\u{9b}31md\u{202e}e\u{200b}f\u{e0041}g\rh\ni";

/// A world in which every text that can come from outside is hostile.
fn hostile_world() -> World {
    let world = World::new();
    world.host.session.change(|picture| {
        let mut orders = picture.orders.to_vec();
        orders[0].reason = Some(HOSTILE.to_owned());
        picture.orders = Arc::new(orders);
        picture.log = Arc::new(vec![LogLine {
            at: picture.now,
            severity: Severity::Error,
            code: "X".into(),
            text: HOSTILE.into(),
        }]);
        picture.connections = Arc::new(vec![Connection::new(HOSTILE, false, HOSTILE)]);
        picture.profile = HOSTILE.into();
    });
    world
}

/// Takes out the colours that tables paint; whatever escape is left is not ours.
fn without_our_colours(text: &str) -> String {
    ["\u{1b}[0m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m"]
        .iter()
        .fold(text.to_owned(), |text, ours| text.replace(ours, ""))
}

#[track_caller]
fn assert_clean(what: &[&str], text: &str) {
    let text = without_our_colours(text);
    for line in text.lines() {
        let cleaned = crate::domain::text::clean(line);
        // Cleaning also caps the length, which is no matter of safety here.
        let same = cleaned == line || (line.chars().count() > 4_096 && !line.chars().any(char::is_control));
        assert!(same, "{what:?}: {line:?}");
    }
}

#[test]
fn t1_no_command_passes_on_what_a_terminal_would_obey() {
    // A file of that name can be made; what is said of it must be clean all the same.
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(HOSTILE).display().to_string();
    let commands: &[&[&str]] = &[
        &["positions"],
        &["balances"],
        &["order", "list"],
        &["order", "show", "1"],
        &["history"],
        &["fills"],
        &["pnl"],
        &["quote", "AAPL"],
        &["quote", HOSTILE],
        &["search", HOSTILE],
        &["chain", "AAPL"],
        &["bars", "AAPL"],
        &["parse", HOSTILE],
        &["parse", "--explain", HOSTILE],
        &["do", HOSTILE],
        &["order", "place", "buy", "10", HOSTILE],
        &["order", "show", HOSTILE],
        &["order", "cancel", "1"],
        &["--profile", HOSTILE, "positions"],
        &["--config", HOSTILE, "config", "check"],
        &["positions", "--account", HOSTILE],
        &["backtest", HOSTILE],
        &["backtest", "sma_cross", "--set", HOSTILE],
        &["export", "trades", "--to", &file],
        &["order", "place", "sell", "10", "AAPL", "--account", HOSTILE],
        &["demo", "--script", HOSTILE],
        &["demo", "--script", "-"],
        &["--config", HOSTILE, "config", "show"],
        &["config", "show"],
        &["export", "trades", "--to", "-"],
        &["doctor"],
        &[HOSTILE],
    ];
    for args in commands {
        for (colour, width) in [(false, None), (true, Some(40)), (true, Some(120))] {
            let mut world = hostile_world();
            (world.colour, world.width, world.typed) =
                (colour, width, format!("{HOSTILE}\nexpect position {HOSTILE} 1"));
            for ran in [world.run(args), world.run(&[&["--json"], *args].concat())] {
                assert_clean(args, &ran.out);
                assert_clean(args, &ran.err);
            }
        }
    }
}
