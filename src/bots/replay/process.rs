//! The process of a bot in a backtest: asked one thing after the other, each within a time, and never waited for without one. It may not read,
//! not answer, write without end or die: the run ends with a line that says which.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Map, Value};

use crate::bots::approval::{DATA, Scan};
use crate::bots::life::cage_of;
use crate::bots::lines::LOG_CHARS_MAX;
use crate::bots::protocol::{self, Incoming, LINE_MAX, RpcError};
use crate::bots::watch::signal_all;
use crate::domain::text::clean;

/// Pause between two looks at what tells nobody.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(5);
/// Requests that a bot may make before it answers one of ours.
const REQUESTS_MAX: usize = 10_000;
/// Lines on their way to it, and from it.
const LINES_MAX: usize = 256;
/// Bytes of a line of its log.
const LOG_LINE_MAX: u64 = 16 * 1024;
/// How often whoever waits looks whether the run is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the last words of one that has ended are waited for.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(500);

/// What a request of the bot's is answered with.
pub(super) type Answering<'a> = &'a mut dyn FnMut(&str, Map<String, Value>) -> Result<Value, RpcError>;

/// Does whoever watches the run want it to end.
pub type Ends = Arc<dyn Fn() -> bool + Send + Sync>;

/// A process, with what it says.
pub(super) struct Process {
    child: Child,
    to: SyncSender<String>,
    lines: Receiver<Result<String, String>>,
    /// The last line of its log, and whether there will be more.
    log: Arc<Mutex<String>>,
    log_reader: thread::JoinHandle<()>,
    next_request: u64,
    ends: Ends,
}

impl Process {
    /// Starts it in its cage.
    pub(super) fn spawn(runner: &Path, scan: &Scan, ends: Ends) -> std::io::Result<Self> {
        std::fs::create_dir_all(scan.directory.join(DATA))?;
        let cage = serde_json::to_string(&cage_of(scan)?)?;
        let mut child = Command::new(runner)
            .args(["bot-exec", &scan.manifest.name, &cage])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(std::io::Error::other("it has no pipes"));
        };
        let (lines_in, lines) = sync_channel(LINES_MAX);
        let (to, lines_out) = sync_channel(LINES_MAX);
        let log = Arc::new(Mutex::new(String::new()));
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        named("bot-reader").spawn(move || read_lines(BufReader::new(stdout), &lines_in))?;
        named("bot-writer").spawn(move || write_lines(stdin, &lines_out))?;
        let kept = Arc::clone(&log);
        let log_reader = named("bot-log").spawn(move || keep_last_line(stderr, &kept))?;
        Ok(Self { child, to, lines, log, log_reader, next_request: 1, ends })
    }

    /// Tells it something, which it must have taken before `deadline`.
    pub(super) fn write(&mut self, mut line: String, deadline: Instant) -> Result<(), String> {
        line.push('\n');
        loop {
            match self.to.try_send(line) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(self.ended()),
                Err(TrySendError::Full(unsent)) => line = unsent,
            }
            if Instant::now() >= deadline {
                return Err(self.with_last_words("it does not read what it is told".to_owned()));
            }
            self.is_wanted()?;
            thread::park_timeout(LOOKS_AGAIN_AFTER);
        }
    }

    /// Asks it something, and answers what it asks until it has answered.
    pub(super) fn ask(
        &mut self,
        method: &str,
        params: &Value,
        within: Duration,
        answering: Answering<'_>,
    ) -> Result<Value, String> {
        let id = self.next_request;
        self.next_request += 1;
        let deadline = Instant::now() + within;
        self.write(protocol::request(id, method, params), deadline)?;
        for _ in 0..REQUESTS_MAX {
            let Some(line) = self.line(deadline)? else {
                let text = format!("it did not answer {method} within {} ms", within.as_millis());
                return Err(self.with_last_words(text));
            };
            match protocol::read(&line).map_err(|error| self.with_last_words(error.message))? {
                Incoming::Reply { id: answered, result } if answered == id => {
                    return result.map_err(|error| clean(&error).into_owned());
                }
                Incoming::Reply { .. } | Incoming::Notice { .. } => {}
                Incoming::Request { id, method, params } => {
                    let answer = protocol::answer(&id, answering(&method, params));
                    self.write(answer, deadline)?;
                }
            }
        }
        Err(self.with_last_words(format!("it said {REQUESTS_MAX} things without answering {method}")))
    }

    /// Its next line; `None` where none comes in time.
    fn line(&mut self, deadline: Instant) -> Result<Option<String>, String> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left.min(LOOK_EVERY)) {
                Ok(Ok(line)) => return Ok(Some(line)),
                Ok(Err(wrong)) => return Err(self.with_last_words(wrong)),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Ok(None),
                Err(RecvTimeoutError::Timeout) => self.is_wanted()?,
            }
        }
    }

    fn is_wanted(&self) -> Result<(), String> {
        if (self.ends)() { Err("the run was ended".to_owned()) } else { Ok(()) }
    }

    /// How it ended, with the last line of its log: of a Python program that is what went wrong.
    fn ended(&mut self) -> String {
        let until = Instant::now() + LAST_WORDS_WITHIN;
        let mut status = None;
        while Instant::now() < until && (status.is_none() || !self.log_reader.is_finished()) {
            status = status.or_else(|| self.child.try_wait().ok().flatten());
            thread::park_timeout(LOOKS_AGAIN_AFTER);
        }
        self.with_last_words(status.map_or_else(
            || "it has closed its output".to_owned(),
            |status| format!("it has ended: {status}"),
        ))
    }

    fn with_last_words(&self, text: String) -> String {
        let last = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_empty() { text } else { format!("{text} ({last})") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What it has started goes with it; it may be gone already.
        signal_all(self.child.id(), Signal::SIGKILL);
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}

fn write_lines(mut stdin: ChildStdin, lines: &Receiver<String>) {
    while let Ok(line) = lines.recv() {
        // Its end is seen where its answers are waited for.
        if stdin.write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

fn keep_last_line(stderr: ChildStderr, last: &Mutex<String>) {
    let mut source = BufReader::new(stderr);
    loop {
        let mut bytes = Vec::new();
        match source.by_ref().take(LOG_LINE_MAX).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line: String =
            clean(String::from_utf8_lossy(&bytes).trim()).chars().take(LOG_CHARS_MAX).collect();
        if !line.is_empty() {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = line;
        }
    }
}

/// Lines of a bot, each of a length. What is too long ends them.
fn read_lines(mut source: impl BufRead, lines: &SyncSender<Result<String, String>>) {
    loop {
        let mut bytes = Vec::new();
        let read = source.by_ref().take(LINE_MAX as u64 + 1).read_until(b'\n', &mut bytes);
        let line = match read {
            Ok(0) => return,
            Ok(_) if bytes.len() > LINE_MAX => Err("it wrote a line of more than 1 MiB".to_owned()),
            Ok(_) => String::from_utf8(bytes).map_err(|_| "it wrote what is no UTF-8".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let ends = line.is_err();
        if lines.send(line).is_err() || ends {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_length() {
        let (lines_in, lines) = sync_channel(4);
        let text = format!("one\n{}", "x".repeat(LINE_MAX + 1));
        read_lines(text.as_bytes(), &lines_in);
        drop(lines_in);
        let read: Vec<_> = lines.iter().collect();
        assert_eq!(read[0].as_deref(), Ok("one\n"));
        assert!(read[1].is_err() && read.len() == 2);
    }
}
