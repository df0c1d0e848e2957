//! Signals for the screen. They are listened to in a task of their own, so that a second deadly one ends even a screen that hangs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::AbortHandle;

use super::terminal::Terminal;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Interrupt, from outside: as the key.
    Interrupt,
    /// Leave now.
    Leave,
    /// Another size.
    Resize,
    /// Stop until continued.
    Suspend,
    /// Continued, perhaps without having been asked to stop.
    Continue,
}

/// The exit code of a program that a second interrupt ended.
const INTERRUPTED: i32 = 130;

/// Signals on their way to the screen.
pub struct Signals {
    receiver: Receiver<Signal>,
    waiting: Arc<AtomicBool>,
    task: AbortHandle,
}

struct Streams {
    interrupt: Stream,
    terminate: Stream,
    hangup: Stream,
    quit: Stream,
    resize: Stream,
    suspend: Stream,
    resume: Stream,
}

impl Streams {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            resize: signal(SignalKind::window_change())?,
            suspend: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            resume: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            biased; // leaving, then stopping, then drawing
            _ = self.terminate.recv() => Signal::Leave,
            _ = self.hangup.recv() => Signal::Leave,
            _ = self.quit.recv() => Signal::Leave,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.suspend.recv() => Signal::Suspend,
            _ = self.resume.recv() => Signal::Continue,
            _ = self.resize.recv() => Signal::Resize,
        }
    }
}

impl Signals {
    /// Starts listening.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn start(terminal: Arc<Terminal>) -> io::Result<Self> {
        let streams = Streams::new()?;
        let (sender, receiver) = channel(16);
        let waiting = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(listen(streams, sender, Arc::clone(&waiting), terminal)).abort_handle();
        Ok(Self { receiver, waiting, task })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        let signal = self.receiver.recv().await.unwrap_or(Signal::Leave);
        self.waiting.store(false, Ordering::Release);
        signal
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(
    mut streams: Streams,
    sender: Sender<Signal>,
    waiting: Arc<AtomicBool>,
    terminal: Arc<Terminal>,
) {
    loop {
        let signal = streams.next().await;
        let deadly = matches!(signal, Signal::Interrupt | Signal::Leave);
        if deadly && waiting.swap(true, Ordering::AcqRel) {
            // The one before was never taken: the screen hangs.
            terminal.restore();
            std::process::exit(INTERRUPTED);
        }
        if sender.try_send(signal).is_err() && sender.is_closed() {
            return;
        }
    }
}
