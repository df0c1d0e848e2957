//! The thread that writes. The screen hands it one frame at a time and makes the next only when it is done, so that a terminal which
//! stops reading stops the frames and nothing else, and the newest state is drawn when it reads again.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{Receiver, channel};

/// Frames on their way: one, as the next is made from what this one shows.
const IN_FLIGHT_MAX: usize = 1;

/// The writing end.
pub struct Writer {
    frames: SyncSender<Vec<u8>>,
    written: Receiver<io::Result<()>>,
    busy: bool,
}

impl Writer {
    /// Starts the thread. It drops what comes after `closed`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(terminal: OwnedFd, closed: Arc<AtomicBool>) -> io::Result<Self> {
        let (frames, queue) = sync_channel::<Vec<u8>>(IN_FLIGHT_MAX);
        let (done, written) = channel(IN_FLIGHT_MAX + 1);
        std::thread::Builder::new().name("arbion-screen-out".into()).spawn(move || {
            for frame in queue {
                let result =
                    if closed.load(Ordering::Acquire) { Ok(()) } else { write_all(&terminal, &frame) };
                let failed = result.is_err();
                if done.blocking_send(result).is_err() || failed {
                    return;
                }
            }
        })?;
        Ok(Self { frames, written, busy: false })
    }

    /// Is a frame on its way. While it is, make no other.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.busy
    }

    /// Sends bytes in one write. Must not be called while busy.
    ///
    /// # Errors
    /// When the thread has ended: the terminal is gone.
    pub fn send(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self.frames.try_send(bytes) {
            Ok(()) => {
                self.busy = true;
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(io::Error::from(io::ErrorKind::WouldBlock)),
            Err(TrySendError::Disconnected(_)) => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
        }
    }

    /// Waits until the frame on its way has left. Pends forever when there is none.
    ///
    /// # Errors
    /// Of the terminal.
    pub async fn written(&mut self) -> io::Result<()> {
        if !self.busy {
            std::future::pending::<()>().await;
        }
        let result = self.written.recv().await.unwrap_or(Err(io::Error::from(io::ErrorKind::BrokenPipe)));
        self.busy = false;
        result
    }

    /// Sends last words and waits for them, but not longer than `limit`: the terminal may have stopped reading.
    pub async fn finish(&mut self, bytes: &[u8], limit: Duration) -> bool {
        let work = async {
            if self.busy {
                self.written().await?;
            }
            self.send(bytes.to_vec())?;
            self.written().await
        };
        matches!(tokio::time::timeout(limit, work).await, Ok(Ok(())))
    }
}

/// Writes everything, whatever the descriptor's mode: waits where it would block.
///
/// # Errors
/// Of the terminal.
pub fn write_all(terminal: &impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(terminal, bytes) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero)),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(terminal, PollFlags::OUT)];
                match poll(&mut fds, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Does the terminal take bytes, now or within `limit`.
pub fn can_write(terminal: &impl AsFd, limit: Duration) -> bool {
    let limit = Timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos() as _ };
    let mut fds = [PollFd::new(terminal, PollFlags::OUT)];
    matches!(poll(&mut fds, Some(&limit)), Ok(1..)) && fds[0].revents().contains(PollFlags::OUT)
}
