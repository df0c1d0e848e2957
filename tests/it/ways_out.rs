//! Every way out of the screen gives the terminal back as it was.

use std::time::Duration;

use portable_pty::PtySize;
use rustix::process::Signal;

use super::pseudo::{Pty, line_settings};

#[test]
fn t5_every_way_out_gives_the_terminal_back() {
    let ways: [(&str, &[Signal], &str); 6] = [
        ("the key", &[], "q"),
        ("two interrupt keys", &[], "\x03\x03"),
        ("a termination", &[Signal::TERM], ""),
        ("a hangup", &[Signal::HUP], ""),
        ("a quit", &[Signal::QUIT], ""),
        ("two interrupts", &[Signal::INT, Signal::INT], ""),
    ];
    for (how, signals, keys) in ways {
        let mut pty = Pty::start("child_calm");
        pty.drawn();
        assert_ne!(line_settings(&pty.device), pty.before, "keys come one by one");
        for (i, signal) in signals.iter().enumerate() {
            pty.signal(*signal);
            if i == 0 && *signal == Signal::INT {
                pty.until("answer to the first interrupt", |screen| {
                    screen.contents().contains("Ctrl-C again")
                });
            }
        }
        pty.type_in(keys);
        assert!(pty.ends(), "{how}");
        pty.is_given_back(how);
    }
}

#[test]
fn t5_a_panic_anywhere_gives_the_terminal_back_first() {
    let mut pty = Pty::start("child_panics");
    pty.drawn();
    pty.type_in("\x0b");
    pty.until("question", |screen| screen.contents().contains("Halt all trading?"));
    // The question takes no key in its first 50 ms: press until it is gone.
    for _ in 0..50 {
        pty.type_in("\r");
        pty.writer.as_mut().unwrap().flush().unwrap();
        if let Ok(bytes) = pty.bytes.as_ref().unwrap().recv_timeout(Duration::from_millis(60)) {
            pty.screen.process(&bytes);
        }
        if !pty.screen.screen().alternate_screen() {
            break;
        }
    }
    assert!(!pty.ends(), "a panic is no success");
    pty.is_given_back("a panic");
    // Its last words may still be on their way.
    while let Ok(bytes) = pty.bytes.as_ref().unwrap().recv_timeout(Duration::from_secs(5)) {
        pty.screen.process(&bytes);
    }
    let said = pty.screen.screen().contents();
    assert!(said.contains("a part of the program failed"), "the report is on the main screen:\n{said}");
}

#[test]
fn t6_a_stop_gives_the_terminal_back_and_going_on_takes_it_again() {
    let mut pty = Pty::start("child_calm");
    pty.drawn();
    pty.signal(Signal::TSTP);
    pty.until("main screen", |screen| !screen.alternate_screen());
    let state =
        || std::fs::read_to_string(format!("/proc/{}/stat", pty.child.process_id().unwrap())).unwrap();
    for _ in 0..1_000 {
        if state().contains(") T ") {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    pty.is_given_back("a stop");
    pty.signal(Signal::CONT);
    pty.drawn();
    assert_ne!(line_settings(&pty.device), pty.before);
    pty.type_in("q");
    pty.ends();
    pty.is_given_back("leaving after a stop");
}

#[test]
fn t6_without_a_shell_the_suspend_key_says_so() {
    let mut pty = Pty::start("child_calm");
    pty.drawn();
    pty.type_in("\x1a");
    pty.until("notice", |screen| screen.contents().contains("no shell to come back from"));
    pty.type_in("q");
    pty.ends();
}

#[test]
fn t7_a_closed_terminal_ends_the_screen_quietly() {
    let mut pty = Pty::start("child_busy");
    pty.drawn();
    pty.writer = None;
    pty.master = None;
    pty.bytes = None;
    assert!(pty.ends(), "it ends as if asked to");
}

#[test]
fn t7_a_terminal_that_stops_reading_stops_nothing_else() {
    let mut pty = Pty::start("child_busy");
    pty.drawn();
    // The reading thread ends at its next send, and the line fills up.
    pty.bytes = None;
    pty.type_in("jjjjj");
    std::thread::park_timeout(Duration::from_secs(2));
    pty.type_in("q");
    assert!(pty.ends());
    assert_eq!(line_settings(&pty.device), pty.before);
}

#[test]
fn a_resized_terminal_is_drawn_anew() {
    let mut pty = Pty::start("child_calm");
    pty.drawn();
    let size = PtySize { rows: 50, cols: 180, pixel_width: 0, pixel_height: 0 };
    pty.screen.screen_mut().set_size(50.try_into().unwrap(), 180.try_into().unwrap());
    pty.master.as_ref().unwrap().resize(size).unwrap();
    pty.until("desk", |screen| {
        screen.contents().contains("Order ticket") && screen.contents().contains("Activity")
    });
    pty.type_in("q");
    pty.ends();
    pty.is_given_back("leaving");
}
