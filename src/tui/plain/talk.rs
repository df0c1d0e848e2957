//! The loop of plain lines: what is typed, what has ended, what happened, in that order. A passphrase is typed without being shown.

use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Plain, Step};
use crate::client::Session;
use crate::tui::options::{Options, TuiError, told_to_leave};
use crate::tui::work::{Doing, WorksRef};

/// Longest line taken, in bytes.
const LINE_BYTES_MAX: usize = 1_024;
/// Lines waiting to be answered.
const LINES_MAX: usize = 16;
/// Pieces of work that may have ended and not been told of.
const ENDED_MAX: usize = 16;
/// Bytes read at a time.
const READ_BYTES: usize = 256;

type Ended = (u64, Result<String, String>);

/// Talks in plain lines until the user leaves, the input ends or a signal says so.
///
/// # Errors
/// When a remapped key makes no sense, or the output is gone.
pub async fn plain(session: Arc<dyn Session>, options: Options) -> Result<(), TuiError> {
    let mut snapshots = session.snapshots();
    let first = Arc::clone(&snapshots.borrow_and_update());
    let mut talk = Plain::new(&options, first)?;
    let mut leaving = Leaving::new()?;
    let mut echo = Echo::of_input();
    echo.follow(talk.is_locked());
    let mut lines = listen()?;
    let (ended_in, mut ended) = channel(ENDED_MAX);
    let start = Instant::now();
    say(&talk.greeting())?;
    let mut engine_up = true;
    loop {
        talk.at(start.elapsed());
        echo.follow(talk.is_locked());
        let locks_at = talk.locks_at();
        tokio::select! {
            biased; // leaving, what was typed, what ended, what happened, time
            () = leaving.next() => break,
            () = told_to_leave(options.leave.as_deref()) => break,
            line = lines.recv() => {
                let Some(line) = line else { break };
                talk.at(start.elapsed());
                match talk.line(line) {
                    Step::Quit => break,
                    Step::Say(lines) => tell(&mut echo, &talk, &lines)?,
                    Step::Work(number, doing) => {
                        begin(options.works.as_ref(), number, doing, ended_in.clone());
                        let lines = talk.work_begun();
                        tell(&mut echo, &talk, &lines)?;
                    }
                    Step::Ask(request, what) => {
                        let reply = tokio::select! {
                            () = leaving.next() => break,
                            reply = session.request(*request) => reply,
                        };
                        let lines = talk.reply(what, reply);
                        tell(&mut echo, &talk, &lines)?;
                    }
                }
            }
            Some((number, result)) = ended.recv() => {
                talk.at(start.elapsed());
                let lines = talk.work_ended(number, result);
                tell(&mut echo, &talk, &lines)?;
            }
            changed = snapshots.changed(), if engine_up => match changed {
                Ok(()) => {
                    let snapshot = Arc::clone(&snapshots.borrow_and_update());
                    talk.at(start.elapsed());
                    let lines = talk.snapshot(snapshot);
                    tell(&mut echo, &talk, &lines)?;
                }
                Err(_) => {
                    engine_up = false;
                    say(&["The engine has stopped; nothing can be sent.".to_owned()])?;
                }
            },
            () = tokio::time::sleep_until(start + locks_at.unwrap_or_default()), if locks_at.is_some() => {
                talk.at(start.elapsed());
                let lines = talk.tick();
                tell(&mut echo, &talk, &lines)?;
            }
        }
    }
    // Nobody waits for it any more.
    drop(talk.end_work());
    Ok(())
}

/// Says it once what is typed from now on is shown or hidden as it should be: whoever is asked for a passphrase may type at once.
fn tell(echo: &mut Echo, talk: &Plain, lines: &[String]) -> std::io::Result<()> {
    echo.follow(talk.is_locked());
    say(lines)
}

/// Has the program do it on a task of its own.
fn begin(works: Option<&WorksRef>, number: u64, doing: Doing, ended: Sender<Ended>) {
    let Some(works) = works.cloned() else { return };
    tokio::spawn(async move {
        let result = works.carry_out(&doing).await;
        // Whoever has left needs no answer.
        drop(ended.send((number, result)).await);
    });
}

/// Signals that end the conversation: whatever was hidden is shown again by whoever typed it.
struct Leaving {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Leaving {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

/// Whether the terminal shows what is typed. It does again when this goes.
struct Echo {
    terminal: Option<(OwnedFd, Termios)>,
    hidden: bool,
}

impl Echo {
    /// That of the standard input, where it is a terminal.
    fn of_input() -> Self {
        let input = std::io::stdin();
        let terminal = if input.is_terminal() {
            let own = input.as_fd().try_clone_to_owned().ok();
            own.and_then(|own| tcgetattr(&own).ok().map(|modes| (own, modes)))
        } else {
            None
        };
        Self { terminal, hidden: false }
    }

    fn follow(&mut self, hidden: bool) {
        let Some((input, modes)) = self.terminal.as_ref().filter(|_| hidden != self.hidden) else { return };
        let mut wanted = modes.clone();
        if hidden {
            wanted.local_modes.remove(LocalModes::ECHO);
        }
        if let Err(error) = tcsetattr(input, OptionalActions::Now, &wanted) {
            tracing::warn!(%error, "the terminal shows what is typed as it did before");
        }
        self.hidden = hidden;
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.follow(false);
    }
}

/// A thread that reads lines, which nothing else could wait for. It keeps no copy of any.
fn listen() -> std::io::Result<Receiver<Zeroizing<String>>> {
    let (sender, lines) = channel(LINES_MAX);
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    std::thread::Builder::new().name("arbion-plain-in".into()).spawn(move || read_lines(&input, &sender))?;
    Ok(lines)
}

fn read_lines(input: &OwnedFd, sender: &Sender<Zeroizing<String>>) {
    let mut buffer = Zeroizing::new([0_u8; READ_BYTES]);
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    loop {
        let count = match rustix::io::read(input, &mut buffer[..]) {
            Ok(count @ 1..) => count,
            Err(Errno::INTR) => continue,
            Ok(0) | Err(_) => break,
        };
        for byte in &buffer[..count] {
            // A line that is too long ends where it is, as one that the next goes on with.
            if *byte == b'\n' || line.len() == LINE_BYTES_MAX {
                if sender.blocking_send(text(&line)).is_err() {
                    return;
                }
                line.clear();
            }
            if *byte != b'\n' {
                line.push(*byte);
            }
        }
    }
    if !line.is_empty() {
        // The last line of a file may have no end.
        drop(sender.blocking_send(text(&line)));
    }
}

fn text(line: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned())
}

fn say(lines: &[String]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
