//! A pseudo-terminal with the screen in it, and a clock on what comes out.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::child::{MARKET, uptime};

const ROWS: u16 = 40;
const COLUMNS: u16 = 140;
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Terminal {
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<(Instant, Vec<u8>)>,
    child: Box<dyn Child + Send + Sync>,
    parser: vt100::Parser,
}

impl Terminal {
    /// The screen at so many pictures a second, in a terminal that reads no more than so many bytes a second.
    pub fn start(rate: u64, reads: Option<u64>) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["child", &rate.to_string()]);
        command.env("TERM", "xterm-256color");
        let mut reader = pty.master.try_clone_reader().unwrap();
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; if reads.is_some() { 256 } else { 65_536 }];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if let Some(rate) = reads {
                    std::thread::park_timeout(Duration::from_millis(count as u64 * 1_000 / rate));
                }
                if send.send((Instant::now(), buffer[..count].to_vec())).is_err() {
                    break;
                }
            }
        });
        let keys = pty.master.take_writer().unwrap();
        let child = pty.slave.spawn_command(command).unwrap();
        let cells = |count: u16| std::num::NonZeroU16::new(count).unwrap();
        let parser = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        let mut terminal = Self { _master: pty.master, keys, bytes, child, parser };
        terminal.until(|text| text.contains("AAPL") && text.contains("Order ticket"));
        terminal.watch(Duration::from_secs(1));
        terminal
    }

    fn press(&mut self, key: &str) -> Instant {
        let at = Instant::now();
        self.keys.write_all(key.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        at
    }

    /// When the screen was as wanted.
    fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Instant {
        loop {
            let (at, bytes) = self.bytes.recv_timeout(PATIENCE).unwrap();
            self.parser.process(&bytes);
            if wanted(&self.parser.screen().contents()) {
                return at;
            }
        }
    }

    /// From the key until the help stands there; it is closed again.
    pub fn help(&mut self) -> Duration {
        let pressed = self.press("?");
        let shown = self.until(|text| text.contains("Keys:"));
        self.press("\x1b");
        self.until(|text| !text.contains("Keys:"));
        // Not in step with anything that the screen does.
        self.watch(Duration::from_millis(23));
        shown - pressed
    }

    /// From a letter typed into the command bar until it stands there: an answer of a few bytes.
    pub fn letter(&mut self) -> Duration {
        self.press(":");
        self.watch(Duration::from_millis(50));
        let pressed = self.press("z");
        let shown = self.until(|text| text.contains(": z"));
        self.press("\x15");
        self.press("\x1b");
        self.until(|text| !text.contains(": z"));
        self.watch(Duration::from_millis(323));
        shown - pressed
    }

    /// From the key to the first byte that comes, where nothing else is written; what opened is closed again.
    pub fn first_byte(&mut self) -> Duration {
        let pressed = self.press("?");
        let (at, bytes) = self.bytes.recv_timeout(PATIENCE).unwrap();
        self.parser.process(&bytes);
        self.watch(Duration::from_millis(20));
        self.press("\x1b");
        self.watch(Duration::from_millis(60));
        at - pressed
    }

    /// Bytes written during this time.
    pub fn watch(&mut self, time: Duration) -> usize {
        let end = Instant::now() + time;
        let mut count = 0;
        while let Ok((_, bytes)) = self.bytes.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.parser.process(&bytes);
            count += bytes.len();
        }
        count
    }

    /// Processor time so far, without that of the market.
    pub fn spent(&self) -> Duration {
        let tasks = format!("/proc/{}/task", self.child.process_id().unwrap());
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(tasks).unwrap() {
            let path = task.unwrap().path();
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            let spent = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            if name.trim() != MARKET {
                nanoseconds += spent.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
            }
        }
        Duration::from_nanos(nanoseconds)
    }

    /// How many seconds ago the picture that shows was made.
    pub fn age(&mut self) -> f64 {
        self.watch(Duration::from_secs(1));
        let text = self.parser.screen().contents();
        let shown = text.split("at ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        uptime() - shown.parse::<f64>().unwrap()
    }

    pub fn end(mut self) {
        self.press("\x03");
        self.press("\x03");
        self.watch(Duration::from_millis(300));
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
