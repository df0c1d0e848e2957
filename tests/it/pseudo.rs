//! The screen as a child process in a real pseudo-terminal: this test binary itself, running one of the ignored tests below, over a scripted
//! engine.

use std::io::{Read, Write};
use std::process::Command as Process;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use ::arbion;
use arbion::client::{Reply, Request, Session, SessionError};
use arbion::domain::snapshot::Snapshot;
use arbion::tui::{Notice, Options, plain, run};
use async_trait::async_trait;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

#[allow(dead_code, reason = "shared with other tests, which use all of it")]
#[path = "../support/scripted.rs"]
mod scripted;
#[allow(dead_code, reason = "shared with other tests, which use all of it")]
#[path = "../support/trading_day.rs"]
pub(crate) mod trading_day;

/// How long a slow machine may take for anything. Reached only by a failure.
pub const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Calm,
    Busy,
    Panics,
    /// Every text that a stranger fills is an attack, and everything moves.
    Hostile,
    /// Everything moves, and the profile's name is the machine's time.
    Dated,
    /// No screen but plain lines.
    Plain,
    /// An alert rings over and over, and the terminal is told by OSC 777.
    Rings,
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

/// The first alert waits and has rung by turns, so that a screen that starts late hears it too.
fn ringing(snapshot: &Snapshot, step: u64) -> Snapshot {
    let mut next = snapshot.clone();
    let mut alerts = next.alerts.to_vec();
    alerts[0].fired_at = (step / 40 % 2 == 1).then_some(next.now);
    (next.alerts, next.seq) = (Arc::new(alerts), next.seq + 1);
    next
}

fn child(kind: Kind) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let first = match kind {
        Kind::Hostile => trading_day::hostile(trading_day::HOSTILE),
        _ => trading_day::snapshot(),
    };
    let (sender, snapshots) = watch::channel(Arc::new(first));
    let result = runtime.block_on(async move {
        let market = tokio::spawn(async move {
            for step in 0_u64.. {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if matches!(kind, Kind::Busy | Kind::Hostile | Kind::Dated) {
                    sender.send_modify(|snapshot| {
                        let mut moved = trading_day::moved(snapshot, step, 20);
                        if kind == Kind::Dated {
                            moved.profile = format!("at {:.2}", uptime()).into();
                        }
                        *snapshot = Arc::new(moved);
                    });
                }
                if kind == Kind::Rings {
                    sender.send_modify(|snapshot| *snapshot = Arc::new(ringing(snapshot, step)));
                }
            }
        });
        let mut options = Options::new(Arc::new(|text: &str, _: &_| scripted::understand(text)));
        options.bytes_per_second = u32::MAX;
        if kind == Kind::Rings {
            options.notice = Notice::Osc777;
        }
        options.symbols = Some(scripted::universe());
        let session = Arc::new(Scripted { snapshots, kind });
        let result = match kind {
            Kind::Plain => plain(session, options).await,
            _ => run(session, options).await,
        };
        market.abort();
        result
    });
    runtime.shutdown_background();
    // The test runner would speak to a terminal that may be gone.
    std::process::exit(if result.is_ok() { 0 } else { 70 });
}

#[test]
#[ignore = "the body of a child process, which tests start again in a pseudo-terminal"]
fn child_calm() {
    child(Kind::Calm);
}

#[test]
#[ignore = "the body of a child process, which tests start again in a pseudo-terminal"]
fn child_busy() {
    child(Kind::Busy);
}

#[test]
#[ignore = "the body of a child process, which tests start again in a pseudo-terminal"]
fn child_panics() {
    child(Kind::Panics);
}

#[test]
#[ignore = "the body of a child process, which tests start again in a pseudo-terminal"]
fn child_hostile() {
    child(Kind::Hostile);
}

#[test]
#[ignore = "the body of a child process, which tests start again in a pseudo-terminal"]
fn child_dated() {
    child(Kind::Dated);
}

#[test]
#[ignore = "the body of a child process, which tests start again in a pseudo-terminal"]
fn child_plain() {
    child(Kind::Plain);
}

#[test]
#[ignore = "the body of a child process, which tests start again in a pseudo-terminal"]
fn child_rings() {
    child(Kind::Rings);
}

/// Seconds that the machine has been up: a clock that two processes share.
pub fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// A child in a pseudo-terminal of 100x30, and what its terminal shows.
pub struct Pty {
    pub master: Option<Box<dyn MasterPty + Send>>,
    pub child: Box<dyn Child + Send + Sync>,
    pub writer: Option<Box<dyn Write + Send>>,
    pub bytes: Option<Receiver<Vec<u8>>>,
    pub screen: vt100::Parser,
    pub device: String,
    pub before: String,
}

impl Pty {
    pub fn start(child: &str) -> Self {
        Self::read_at(child, None)
    }

    /// A terminal that reads no more than so many bytes a second.
    pub fn read_at(child: &str, bytes_per_second: Option<u64>) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let device = pair.master.tty_name().unwrap().to_string_lossy().into_owned();
        let before = line_settings(&device);
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.env("RUST_BACKTRACE", "0");
        command.args([
            "--exact",
            &format!("pseudo::{child}"),
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ]);
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; if bytes_per_second.is_some() { 256 } else { 8_192 }];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if let Some(rate) = bytes_per_second {
                    std::thread::park_timeout(Duration::from_millis(count as u64 * 1_000 / rate));
                }
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
    pub fn until(&mut self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        while !wanted(self.screen.screen()) {
            match self.bytes.as_ref().unwrap().recv_timeout(PATIENCE) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(_) => panic!("no {what}:\n{}", self.screen.screen().contents()),
            }
        }
    }

    pub fn drawn(&mut self) {
        self.until("trade screen", |screen| screen.alternate_screen() && screen.contents().contains("AAPL"));
        self.until("bars", |screen| screen.contents().contains("231.80"));
    }

    pub fn type_in(&mut self, keys: &str) {
        self.writer.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the end and returns whether it was a success.
    pub fn ends(&mut self) -> bool {
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
    pub fn is_given_back(&self, how: &str) {
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

pub fn line_settings(device: &str) -> String {
    let output = Process::new("stty").args(["-F", device, "-g"]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
