//! The kill switch by each of its doors, against the real program: what works is canceled, what opens is refused, the next process knows it,
//! and a person lifts it.

use arbion::client::wire::PROTOCOL;

use std::path::Path;
use std::time::Duration;

use super::detached::{Home, is_alive, pause, signal};
use super::terminal::Screen;

const REST: &[&str] = &["order", "place", "buy", "5", "MSFT", "--limit", "100"];

/// What must be so once the switch is on, and stay so.
#[track_caller]
fn is_halted(home: &Home, door: &str) {
    home.until(door, || home.json(&["engine", "status"])["trading_state"] == "halted");
    home.until(door, || home.json(&["order", "list"])["orders"].as_array().unwrap().is_empty());
    assert_eq!(home.json(&["history", "--limit", "1"])["orders"][0]["status"], "canceled", "{door}");
    home.fails(&["order", "place", "buy", "1", "KO"], 3, "HALTED");
    home.until(door, || home.count("halted") > 0);
}

#[test]
fn h1_every_door_halts_and_only_a_person_lifts_it() {
    let home = Home::new();
    let halt = home.path().join("data/profiles/default/HALT");
    let doors: &[(&str, &dyn Fn(u32))] = &[
        ("the command", &|_| drop(home.json(&["halt"]))),
        ("a line of the language", &|_| drop(home.json(&["do", "halt"]))),
        ("the signal", &|engine| signal(engine, "USR1")),
        ("the file", &|_| std::fs::write(&halt, "").unwrap()),
        // A pipe that nobody writes to is a file too, and must hold up nothing.
        ("a pipe for a file", &|_| {
            assert!(std::process::Command::new("mkfifo").arg(&halt).status().unwrap().success());
        }),
    ];
    home.configure("[engine]\nkeep_running = true\nrestart = false\n");
    for (n, (door, open)) in doors.iter().enumerate() {
        // What was ordered before a kill counts after it: the same again within three seconds is to be meant.
        home.json(&[REST, &["--allow-duplicate"]].concat());
        let engine = home.engine().unwrap();
        open(engine);
        is_halted(&home, door);
        // One row each.
        home.counts("halted", n + 1);
        // H3: it outlives the process, whatever ends that.
        signal(engine, "KILL");
        home.until("its end", || !is_alive(engine));
        home.fails(&["order", "place", "buy", "1", "KO"], 3, "HALTED");
        home.json(&["resume"]);
        assert!(!Path::new(&halt).exists(), "{door}: what halted is gone");
        home.json(&["order", "place", "buy", "1", "KO", "--allow-duplicate"]);
    }
    // H4: nothing was closed by it.
    assert!(!home.json(&["positions"])["positions"].as_array().unwrap().is_empty());
}

#[test]
fn h1_the_key_halts_from_a_screen() {
    let home = Home::new();
    home.json(REST);
    let mut screen = Screen::open(home.path(), &[], (120, 40));
    screen.sees("working 1");
    screen.keys("\x0b");
    screen.sees("Halt all trading?");
    screen.pause(200);
    screen.keys("\r");
    screen.sees("HALTED");
    is_halted(&home, "the key");
    screen.leave();
}

#[test]
fn h2_it_works_while_the_engine_reads_from_a_front_end_that_hangs() {
    let home = Home::new();
    home.json(REST);
    let engine = home.engine().unwrap();
    // A screen that is stopped in the middle of everything, and another that asks without ever reading.
    let screen = Screen::open(home.path(), &[], (120, 40));
    let pid = screen.child.process_id().unwrap();
    signal(pid, "STOP");
    let mut deaf = home.raw();
    deaf.hello((PROTOCOL, PROTOCOL));
    for id in 0..200 {
        deaf.send(&serde_json::json!({ "message": "ask", "id": id, "ask": { "request": "order_history", "limit": 0, "offset": 0 } }));
    }
    pause(Duration::from_millis(200));
    signal(engine, "USR1");
    is_halted(&home, "the signal beside front ends that hang");
    signal(pid, "CONT");
    signal(pid, "KILL");
}
