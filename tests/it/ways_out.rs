//! The screen in a real pseudo-terminal: every way out gives the terminal back as it was. The child is this test binary itself, running
//! one of the ignored tests below.

use std::io::{Read, Write};
use std::process::Command as Process;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use ::arbion;
use arbion::client::{Reply, Request, Session, SessionError};
use arbion::domain::snapshot::Snapshot;
use arbion::tui::{Options, run};
use async_trait::async_trait;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

#[allow(dead_code, reason = "shared with other tests, which use all of it")]
#[path = "../support/scripted.rs"]
mod scripted;
#[allow(dead_code, reason = "shared with other tests, which use all of it")]
#[path = "../support/trading_day.rs"]
mod trading_day;

/// How long a slow machine may take for anything. Reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Calm,
    Busy,
    Panics,
}

struct Scripted {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    kind: Kind,
}

#[async_trait]
impl Session for Scripted {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    async fn request(&self, request: Request) -> Result<Reply, SessionError> {
        assert!(
            self.kind != Kind::Panics || !matches!(request, Request::Halt { .. }),
            "a part of the program failed"
        );
        scripted::answer(&request, &self.snapshots.borrow())
    }
}

fn child(kind: Kind) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (sender, snapshots) = watch::channel(Arc::new(trading_day::snapshot()));
    let result = runtime.block_on(async move {
        let market = tokio::spawn(async move {
            for step in 0_u64.. {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if kind == Kind::Busy {
                    sender
                        .send_modify(|snapshot| *snapshot = Arc::new(trading_day::moved(snapshot, step, 20)));
                }
            }
        });
        let mut options = Options::new(Arc::new(|text: &str| scripted::understand(text)));
        options.bytes_per_second = u32::MAX;
        let result = run(Arc::new(Scripted { snapshots, kind }), options).await;
        market.abort();
        result
    });
    runtime.shutdown_background();
    // The test runner would speak to a terminal that may be gone.
    std::process::exit(if result.is_ok() { 0 } else { 70 });
}

#[test]
#[ignore = "the body of a child process, which the tests below start again in a pseudo-terminal"]
fn child_calm() {
    child(Kind::Calm);
}

#[test]
#[ignore = "the body of a child process, which the tests below start again in a pseudo-terminal"]
fn child_busy() {
    child(Kind::Busy);
}

#[test]
#[ignore = "the body of a child process, which the tests below start again in a pseudo-terminal"]
fn child_panics() {
    child(Kind::Panics);
}

/// A child in a pseudo-terminal of 100x30, and what its terminal shows.
struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    child: Box<dyn Child + Send + Sync>,
    writer: Option<Box<dyn Write + Send>>,
    bytes: Option<Receiver<Vec<u8>>>,
    screen: vt100::Parser,
    device: String,
    before: String,
}

impl Pty {
    fn start(child: &str) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let device = pair.master.tty_name().unwrap().to_string_lossy().into_owned();
        let before = line_settings(&device);
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.env("RUST_BACKTRACE", "0");
        command.args([
            "--exact",
            &format!("ways_out::{child}"),
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ]);
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self {
            master: Some(pair.master),
            child,
            writer: Some(writer),
            bytes: Some(bytes),
            screen: vt100::Parser::new(30.try_into().unwrap(), 100.try_into().unwrap(), 0),
            device,
            before,
        }
    }

    /// Reads until the terminal is as wanted.
    #[track_caller]
    fn until(&mut self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        while !wanted(self.screen.screen()) {
            match self.bytes.as_ref().unwrap().recv_timeout(PATIENCE) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(_) => panic!("no {what}:\n{}", self.screen.screen().contents()),
            }
        }
    }

    fn drawn(&mut self) {
        self.until("trade screen", |screen| screen.alternate_screen() && screen.contents().contains("AAPL"));
        self.until("bars", |screen| screen.contents().contains("231.80"));
    }

    fn type_in(&mut self, keys: &str) {
        self.writer.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the end and returns whether it was a success.
    fn ends(&mut self) -> bool {
        let (sender, ended) = channel();
        let mut killer = self.child.clone_killer();
        let mut waiter = std::mem::replace(&mut self.child, Box::new(Gone));
        std::thread::spawn(move || sender.send(waiter.wait().unwrap().success()));
        loop {
            // Whatever it still says is read, or it could not end.
            match self.bytes.as_ref().map(|bytes| bytes.recv_timeout(Duration::from_millis(20))) {
                Some(Ok(bytes)) => self.screen.process(&bytes),
                Some(Err(RecvTimeoutError::Timeout)) => {}
                Some(Err(RecvTimeoutError::Disconnected)) | None => {
                    return ended.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                        killer.kill().unwrap();
                        panic!("the child did not end")
                    });
                }
            }
            if let Ok(success) = ended.try_recv() {
                while let Some(Ok(bytes)) =
                    self.bytes.as_ref().map(|b| b.recv_timeout(Duration::from_millis(50)))
                {
                    self.screen.process(&bytes);
                }
                return success;
            }
        }
    }

    #[track_caller]
    fn is_given_back(&self, how: &str) {
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "{how}: the main screen is back");
        assert!(!screen.hide_cursor(), "{how}: the cursor is back");
        assert!(!screen.bracketed_paste(), "{how}: pastes are plain again");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "{how}: the mouse is free");
        assert_eq!(line_settings(&self.device), self.before, "{how}: the line is cooked again");
    }
}

/// Stands where the child was once it is waited for elsewhere.
#[derive(Debug)]
struct Gone;

impl portable_pty::ChildKiller for Gone {
    fn kill(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn clone_killer(&self) -> Box<dyn portable_pty::ChildKiller + Send + Sync> {
        Box::new(Self)
    }
}

impl Child for Gone {
    fn try_wait(&mut self) -> std::io::Result<Option<portable_pty::ExitStatus>> {
        Ok(None)
    }

    fn wait(&mut self) -> std::io::Result<portable_pty::ExitStatus> {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound))
    }

    fn process_id(&self) -> Option<u32> {
        None
    }
}

fn line_settings(device: &str) -> String {
    let output = Process::new("stty").args(["-F", device, "-g"]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

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
