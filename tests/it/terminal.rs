//! The real program in a real pseudo-terminal: place by ticket, place by command bar, see both fill, cancel a third, resize, quit,
//! and find everything in history.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a text may take to appear.
const PATIENCE: Duration = Duration::from_secs(20);

fn cells(count: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(count).unwrap()
}

pub(crate) struct Screen {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    pub(crate) child: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Screen {
    pub(crate) fn open(home: &Path, args: &[&str], size: (u16, u16)) -> Self {
        Self::open_on(home, args, size, Some("xterm-256color"))
    }

    /// On a terminal of this kind, or of none that is said.
    pub(crate) fn open_on(home: &Path, args: &[&str], (cols, rows): (u16, u16), term: Option<&str>) -> Self {
        let pty =
            native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_arbion"));
        command.args(args);
        command.env("ARBION_HOME", home);
        // What is drawn goes by the locale, and must not by that of whoever runs the tests.
        command.env("LC_ALL", "C.UTF-8");
        match term {
            Some(term) => command.env("TERM", term),
            None => command.env_remove("TERM"),
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader().unwrap();
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Self {
            master: pty.master,
            keys,
            bytes,
            parser: vt100::Parser::new(cells(rows), cells(cols), 0),
            child,
        }
    }

    /// Reads until the screen satisfies the test.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, test: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.parser.screen().contents();
            if test(&text) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) => panic!("{what} never came; the screen shows:\n{text}"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    pub(crate) fn keys(&mut self, text: &str) {
        // One key at a time, as fingers do: many at once would be taken for a paste.
        for key in text.chars() {
            self.keys.write_all(key.to_string().as_bytes()).unwrap();
            self.keys.flush().unwrap();
            self.pause(15);
        }
    }

    /// One key; a program that has gone takes none.
    fn press(&mut self, key: &str) {
        let sent = self.keys.write_all(key.as_bytes()).and_then(|()| self.keys.flush());
        assert!(sent.is_ok() || self.child.try_wait().unwrap().is_some());
    }

    /// Esc puts notices away one at a time; after the last one, `q` leaves.
    #[track_caller]
    pub(crate) fn leave(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the program does not leave:\n{}", self.parser.screen().contents());
            self.press("\x1b");
            self.pause(300);
            self.press("q");
            self.pause(300);
        }
        self.pause(100);
    }

    /// The line is cut, as when a network drops a remote shell: nothing is read or written any more, and the kernel tells the program. Returns
    /// how it ended.
    #[track_caller]
    pub(crate) fn hang_up(self) -> portable_pty::ExitStatus {
        let Self { master, keys, bytes, mut child, .. } = self;
        drop((master, keys, bytes));
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the program does not notice that its terminal is gone");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Waits for the program to end by itself.
    #[track_caller]
    pub(crate) fn ends(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the program does not end:\n{}", self.parser.screen().contents());
            self.pause(50);
        }
    }

    /// Lets the program work while its output is read.
    pub(crate) fn pause(&mut self, milliseconds: u64) {
        let end = Instant::now() + Duration::from_millis(milliseconds);
        while let Ok(bytes) = self.bytes.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.parser.process(&bytes);
        }
    }
}

fn arbion(home: &Path, args: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_arbion")).args(args).env("ARBION_HOME", home).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_session_at_the_screen_is_in_history_afterwards() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut screen = Screen::open(home.path(), &["demo"], (120, 40));
    screen.sees("PAPER");
    screen.sees("AAPL");
    // By command bar: the order is shown once more, and only a second Enter sends it.
    screen.keys(":buy 10 aapl\r");
    screen.sees("Review order");
    screen.pause(200);
    screen.keys("\r");
    screen.until("a position of 10 AAPL", |text| text.contains("Positions 1"));
    // A limit far away rests, and is canceled from the command bar.
    screen.keys(":buy 5 msft at 100\r");
    screen.sees("Review order");
    screen.pause(200);
    screen.keys("\r");
    screen.sees("Submitted");
    screen.keys(":cancel 2\r");
    screen.until("no working order", |text| text.contains("working 0"));
    // By ticket: 3 units of what is selected, at a limit the ask meets at once.
    screen.keys("b3\t\ta+++");
    screen.sees(" risk checks");
    screen.keys("\r");
    screen.sees("Review order");
    screen.pause(200);
    screen.keys("\r");
    screen.sees("done 3");
    // Another size: everything is drawn anew.
    screen.master.resize(PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 }).unwrap();
    screen.parser.screen_mut().set_size(cells(30), cells(100));
    screen.pause(300);
    screen.sees("PAPER");
    screen.leave();
    assert!(!screen.parser.screen().alternate_screen(), "the terminal is back on its main screen");
    assert!(!screen.parser.screen().hide_cursor(), "the cursor is back");
    let history = arbion(home.path(), &["history"]);
    assert!(history.contains("AAPL") && history.contains("filled"), "{history}");
    assert!(history.contains("MSFT") && history.contains("canceled"), "{history}");
    let positions = arbion(home.path(), &["positions", "--json"]);
    assert!(positions.contains(r#""symbol":"AAPL""#), "{positions}");
}

#[test]
fn a_spread_is_picked_from_the_chain_and_the_next_run_knows_what_was_typed() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut screen = Screen::open(home.path(), &["demo"], (80, 24));
    screen.sees("AAPL");
    screen.keys(":chain aapl\r");
    screen.sees("calls   puts");
    // The strike at the money is bought, the next one sold; fifty cents over the middle the spread fills at once.
    screen.keys("ee");
    screen.pause(200);
    screen.until("the strikes", |text| !text.contains("Loading"));
    screen.keys("bjs");
    screen.sees("sell 1 AAPL");
    screen.keys(&"+".repeat(50));
    screen.sees("max gain");
    screen.keys("\r");
    screen.sees("Review order");
    screen.pause(200);
    screen.keys("\r");
    screen.keys("4f");
    screen.sees("Filled");
    screen.leave();
    let positions = arbion(home.path(), &["positions", "--json"]);
    assert_eq!(positions.matches(r#""right":"call""#).count(), 2, "{positions}");
    let mut screen = Screen::open(home.path(), &["demo"], (80, 24));
    screen.sees("AAPL");
    screen.keys(":");
    screen.press("\x1b[A");
    screen.sees(": chain aapl");
    screen.leave();
}

#[test]
fn the_command_line_keeps_its_state_between_calls() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    arbion(home.path(), &["order", "place", "buy", "10", "AAPL"]);
    let parsed =
        arbion(home.path(), &["parse", "sto 2 AAPL jan 15 2027 190p @ 2.35 gtc", "--today", "2026-11-24"]);
    let json: serde_json::Value = serde_json::from_str(&parsed).unwrap();
    assert_eq!(json["instrument"]["strike"], "190");
    assert!(arbion(home.path(), &["history", "--json"]).contains("filled"));
    let refused = Command::new(env!("CARGO_BIN_EXE_arbion"))
        .args(["do", "sell 500 aapl"])
        .env("ARBION_HOME", home.path())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("SELL_EXCEEDS_POSITION"));
}

/// Ends the home's engine with the test.
struct Engine<'a>(&'a Path);

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
        command.args(["engine", "stop", "--force"]).env("ARBION_HOME", self.0).output().unwrap();
    }
}

#[test]
fn l1_a_killed_screen_leaves_its_engine_at_work_and_another_takes_it_up() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let _engine = Engine(home.path());
    let mut screen = Screen::open(home.path(), &[], (120, 40));
    screen.sees("AAPL");
    screen.keys(":buy 5 msft at 100\r");
    screen.sees("Review order");
    screen.pause(200);
    screen.keys("\r");
    screen.sees("Submitted");
    screen.child.kill().unwrap();
    screen.child.wait().unwrap();
    drop(screen);
    let status = arbion(home.path(), &["engine", "status"]);
    assert!(status.contains("for 1 working order"), "{status}");
    // Two at once see the same, and what one does the other sees.
    let mut left = Screen::open(home.path(), &[], (120, 40));
    let mut right = Screen::open(home.path(), &[], (80, 24));
    left.sees("working 1");
    right.sees("PAPER");
    right.keys(":cancel 1\r");
    left.until("no working order", |text| text.contains("working 0"));
    right.leave();
    // The engine goes and comes back: the screen says so, and goes on.
    arbion(home.path(), &["engine", "stop"]);
    left.sees("attaching again");
    arbion(home.path(), &["order", "place", "buy", "3", "KO", "--limit", "1"]);
    left.sees("working 1");
    left.leave();
}
