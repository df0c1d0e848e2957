//! Takes the terminal and gives it back, on every way out: return, error, panic, signal, suspension. Asks it nothing.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::unistd::{getppid, getsid};
use ratatui::layout::Size;
use rustix::process::{Signal, kill_current_process_group, kill_process};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::Notify;

use super::output::encoder::LEAVE;
use super::output::writer::{can_write, write_all};

/// How long the last words may wait for a terminal that does not read.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The terminal's two ends and the line settings it had before.
pub struct Terminal {
    input: OwnedFd,
    output: OwnedFd,
    cooked: Termios,
    /// True once the screen was given back for good: nothing is written any more.
    closed: Arc<AtomicBool>,
    active: AtomicBool,
    /// Held while the terminal is given back: whoever comes second, as the main thread after a panic elsewhere, must not end the process
    /// before it is done.
    restoring: Mutex<()>,
    /// Told when the screen was given back for good.
    closing: Notify,
}

impl Terminal {
    /// Finds the terminal: standard output, and standard input where that is a terminal too, else keys are read from the output's terminal.
    /// The descriptors are our own, so that no lock of the standard library is held while one of them waits.
    ///
    /// # Errors
    /// `NotFound` when there is no terminal.
    pub fn open() -> io::Result<Arc<Self>> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "standard output is not a terminal"));
        }
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        let input = if io::stdin().is_terminal() {
            io::stdin().as_fd().try_clone_to_owned()?
        } else {
            output.try_clone()?
        };
        let cooked = tcgetattr(&input)?;
        Ok(Arc::new(Self {
            input,
            output,
            cooked,
            closed: Arc::new(AtomicBool::new(false)),
            active: AtomicBool::new(false),
            restoring: Mutex::new(()),
            closing: Notify::new(),
        }))
    }

    /// Keys arrive one by one and unechoed from here on.
    ///
    /// # Errors
    /// Of the terminal.
    pub fn raw(&self) -> io::Result<()> {
        let mut raw = self.cooked.clone();
        raw.make_raw();
        tcsetattr(&self.input, OptionalActions::Now, &raw)?;
        self.active.store(true, Ordering::Release);
        Ok(())
    }

    /// The line settings as they were. The caller has sent `LEAVE`.
    ///
    /// # Errors
    /// Of the terminal.
    pub fn cooked(&self) -> io::Result<()> {
        self.active.store(false, Ordering::Release);
        Ok(tcsetattr(&self.input, OptionalActions::Now, &self.cooked)?)
    }

    /// Gives everything back at once and for good. Safe to call from anywhere, any number of times; after the first call the screen's
    /// writer drops what it still has.
    pub fn restore(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some((said, set)) = self.give_back() {
            // The terminal may be gone: then there is nobody to give it back to.
            tracing::debug!(?said, ?set, "terminal restored");
        }
        self.closing.notify_one();
    }

    /// What came of the last words and of the line settings; nothing for all but the first who asks, who wait for the first.
    fn give_back(&self) -> Option<(io::Result<()>, rustix::io::Result<()>)> {
        let _first = self.restoring.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.active.swap(false, Ordering::AcqRel) {
            return None;
        }
        // A terminal that has stopped reading must not hold up the end.
        let said = match can_write(&self.output, LAST_WORDS) {
            true => write_all(&self.output, LEAVE.as_bytes()),
            false => Err(io::Error::from(io::ErrorKind::WouldBlock)),
        };
        Some((said, tcsetattr(&self.input, OptionalActions::Now, &self.cooked)))
    }

    /// Waits until somebody gives the terminal back for good.
    pub async fn when_closed(&self) {
        self.closing.notified().await;
    }

    /// Has somebody given the terminal back for good.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The flag behind `is_closed`, for the writer.
    #[must_use]
    pub fn closed_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.closed)
    }

    /// A descriptor of the reader's own.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn reader(&self) -> io::Result<OwnedFd> {
        self.input.try_clone()
    }

    /// A descriptor of the writer's own.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn writer(&self) -> io::Result<OwnedFd> {
        self.output.try_clone()
    }

    /// Columns and rows; 80×24 where the terminal does not say.
    #[must_use]
    pub fn size(&self) -> Size {
        match tcgetwinsize(&self.output) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size::new(size.ws_col, size.ws_row),
            _ => Size::new(80, 24),
        }
    }

    /// On a panic anywhere in the process: first the terminal, then whatever hook was there. Lasts until the process ends.
    pub fn restore_on_panic(self: &Arc<Self>) {
        let terminal = Arc::clone(self);
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            terminal.restore();
            next(info);
        }));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Is there a shell that could bring a stopped process back: a parent in our session. Without one a stop would be for ever, and the
/// kernel too ignores the key then.
#[must_use]
pub fn can_suspend() -> bool {
    let parent = getppid();
    // In a container the parent, and the leader of a session, may be outside: their number is then 0, which `rustix` takes for impossible.
    parent.as_raw() != 0 && getsid(Some(parent)).is_ok_and(|session| getsid(None) == Ok(session))
}

/// Asks the whole foreground job to stop, as the suspend key does in a cooked terminal. Our own handler of the signal then calls `stop`.
///
/// # Errors
/// Of the system.
pub fn suspend_job() -> io::Result<()> {
    Ok(kill_current_process_group(Signal::TSTP)?)
}

/// Stops this process; returns once it is continued.
///
/// # Errors
/// Of the system.
pub fn stop() -> io::Result<()> {
    Ok(kill_process(rustix::process::getpid(), Signal::STOP)?)
}
