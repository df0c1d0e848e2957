//! The demo's scripts, run over the small exchange.

use super::World;
use super::samples::replaying;
use crate::client::Request;
use crate::client::message::ReplayControl;

fn script(text: &str) -> World {
    let mut world = World::new();
    world.typed = text.to_owned();
    world
}

const RUN: [&str; 3] = ["demo", "--script", "-"];

#[test]
fn a_script_that_holds_says_each_line() {
    let world = script(
        "# buys twice, sees the second refused\nbuy 10 tsla\nexpect order 2 filled\nexpect status 2 filled\nexpect position TSLA 10\n\
         buy 10 tsla\nexpect error DUPLICATE\nexpect average 2 <= 231.81\nexpect average 2 > 231\nsell 3 tsla at 500\n\
         expect orders working 2\nexpect orders submitted 2\ncancel 3\nexpect status 3 canceled\nexpect cash < 100000\n\
         expect position MSFT 0\nexpect price TSLA 400.2\nexpect state active\nhalt\nexpect state halted\nwait 1d\nwait fills\nwait order 3\n",
    );
    let text = world.transcript(&RUN);
    insta::assert_snapshot!("script", text);
    let json =
        script("buy 10 tsla\nexpect position TSLA 10").run(&["demo", "--script", "-", "--json"]).json();
    assert_eq!((json["ok"].as_bool(), json["lines"].as_array().map(Vec::len)), (Some(true), Some(2)));
    assert_eq!(json["lines"][0]["result"]["orders"][0]["status"], "filled");
}

#[test]
fn the_first_failure_stops_it_and_is_named() {
    let cases = [
        ("expect order 1 filled\nbuy 1 tsla", 1, "script line 1: expect order 1 filled: found submitted"),
        ("expect order 9 filled", 1, "script line 1: expect order 9 filled: found no order 9"),
        ("\n\nexpect position AAPL 11", 1, "script line 3: expect position AAPL 11: found 10"),
        ("expect cash >= 100000", 1, "script line 1: expect cash >= 100000: found 97719"),
        ("expect average 1 > 0", 1, "script line 1: expect average 1 > 0: found none"),
        ("expect orders working 0", 1, "script line 1: expect orders working 0: found 1"),
        ("expect state halted", 1, "script line 1: expect state halted: found active"),
        (
            "buy 1 tsla\nexpect error DENIED",
            1,
            "script line 2: expect error DENIED: the line before did not fail",
        ),
        (
            "buy 1 tsla\nbuy 1 tsla\nexpect error STALE_QUOTE",
            1,
            "script line 3: expect error STALE_QUOTE: found DUPLICATE",
        ),
        (
            "buy 1 tsla\nbuy 1 tsla\nexpect orders filled 1",
            3,
            "script line 2: buy 1 tsla: denied: seconds since the same order 0 of 3 (DUPLICATE)",
        ),
        ("wait order 9", 2, "script line 1: wait order 9: no order 9"),
    ];
    for (text, exit, message) in cases {
        let world = script(text);
        let ran = world.run(&[&RUN[..], &["--json"]].concat());
        assert_eq!((ran.exit, ran.err.as_str()), (exit, &*format!("arbion: {message}\n")), "{text}");
        let json = ran.json();
        assert_eq!(json["ok"], false);
    }
    let world = script("expect order 1 filled\nbuy 1 tsla");
    world.run(&RUN);
    assert!(world.host.session.orders_asked().is_empty(), "what comes after the failure is not run");
}

#[test]
fn a_line_that_is_not_understood_fails_like_any_other() {
    let world = script("buy some apple\nexpect error CLARIFY");
    assert_eq!(world.run(&RUN).exit, 0);
    let world = script("buy some apple");
    assert_eq!(world.run(&RUN).exit, 2);
}

#[test]
fn a_wrong_script_runs_not_at_all() {
    let world = script("buy 1 tsla\nexpect rain");
    let ran = world.run(&RUN);
    assert_eq!(ran.exit, 2);
    assert!(ran.err.starts_with("arbion: script line 2: expect: found 'rain'"), "{}", ran.err);
    assert!(world.host.kinds.lock().unwrap().is_empty(), "no engine was asked for");
}

#[test]
fn a_replay_is_stopped_and_moved_by_the_script_alone() {
    let world = script("wait 2d\nwait fills");
    world.host.session.change(replaying);
    assert_eq!(world.run(&RUN).exit, 0);
    let asked = world.host.session.asked.lock().unwrap().clone();
    assert_eq!(asked, [Request::Replay(ReplayControl::Paused(true)), Request::Advance { seconds: 172_800 }]);
}

#[test]
fn scripts_come_from_files_too() {
    let world = World::new();
    let path = world.home.path().join("script");
    std::fs::write(&path, "expect position AAPL 10\n").unwrap();
    let path = path.to_str().unwrap();
    let ran = world.run(&["demo", "--script", path, "--screenshot", "--size", "80x24"]);
    assert_eq!((ran.exit, ran.out.as_str()), (0, "> expect position AAPL 10\nPAPER default 80x24\n"));
    let json = world.run(&["demo", "--script", path, "--screenshot", "--json"]).json();
    assert_eq!(json["screenshot"][0], "PAPER default 120x40");
    assert_eq!(world.run(&["demo", "--screenshot"]).out, "PAPER default 120x40\n");
    let picture = world.home.path().join("picture.svg");
    let shoot = ["demo", "--screenshot", picture.to_str().unwrap()];
    assert_eq!(world.run(&shoot).out, "wrote /temp/picture.svg\n");
    assert_eq!(std::fs::read_to_string(&picture).unwrap(), "<svg/>\n");
    // A picture that is there is not written over unasked.
    assert_eq!(world.run(&shoot).exit, 2);
    assert_eq!(world.run(&[&shoot[..], &["--force"]].concat()).exit, 0);
    std::fs::write(world.home.path().join("script"), b"\xff").unwrap();
    assert_eq!(
        world.run(&["demo", "--script", path]).err,
        "arbion: /temp/script: found bytes that are no UTF-8\n"
    );
}
