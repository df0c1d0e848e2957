//! The thread that writes. The screen hands it one frame at a time and makes the next only when it is done, so that a terminal which
//! stops reading stops the frames and nothing else, and the newest state is drawn when it reads again.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{Receiver, channel};

/// Frames on their way: one, as the next is made from what this one shows.
const IN_FLIGHT_MAX: usize = 1;

/// Bytes handed to the terminal at a time: ordinary frames of data are one piece, a whole screen several.
const PIECE: usize = 4 * 1_024;
/// A write that takes longer than this has waited for the terminal to read.
const HELD_UP: Duration = Duration::from_millis(5);
/// Longest time that one measurement may take.
const MEASURE_MAX: Duration = Duration::from_secs(5);

/// The writing end.
pub struct Writer {
    frames: SyncSender<Vec<u8>>,
    written: Receiver<io::Result<Option<f64>>>,
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
            let mut drain = Drain::default();
            for frame in queue {
                let result = if closed.load(Ordering::Acquire) {
                    Ok(None)
                } else {
                    write_measured(&terminal, &frame, &mut drain)
                };
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

    /// Waits until the frame on its way has left; says how many bytes a second the terminal reads, where that was found to be less than it
    /// is sent. Pends forever when there is none.
    ///
    /// # Errors
    /// Of the terminal.
    pub async fn written(&mut self) -> io::Result<Option<f64>> {
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
            self.written().await.map(drop)
        };
        matches!(tokio::time::timeout(limit, work).await, Ok(Ok(())))
    }
}

/// How fast the terminal reads, from when it does not read fast enough. What lies between two writes that had to wait has been read in the
/// time between them, for at the end of both everything that can hold bytes was full.
#[derive(Debug, Default)]
struct Drain {
    full_at: Option<Instant>,
    /// Since then: bytes, and the time that writes waited.
    bytes: usize,
    waited: Duration,
}

impl Drain {
    /// A write of so many bytes ended at `now` after `took`. Returns bytes a second, where they could be told.
    fn wrote(&mut self, bytes: usize, took: Duration, now: Instant) -> Option<f64> {
        self.bytes += bytes;
        if took < HELD_UP {
            return None;
        }
        self.waited += took;
        let before = self.full_at.replace(now);
        let (bytes, waited) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.waited));
        let between = now.saturating_duration_since(before?);
        // A machine that is busy elsewhere holds up a write too, but not most of the time.
        let is_full = between <= MEASURE_MAX && waited * 2 >= between;
        (is_full && !between.is_zero()).then(|| bytes as f64 / between.as_secs_f64())
    }
}

/// Writes a frame; the last measurement that came of it.
fn write_measured(terminal: &impl AsFd, frame: &[u8], drain: &mut Drain) -> io::Result<Option<f64>> {
    let mut rate = None;
    for piece in frame.chunks(PIECE) {
        let start = Instant::now();
        write_all(terminal, piece)?;
        let now = Instant::now();
        rate = drain.wrote(piece.len(), now - start, now).or(rate);
    }
    Ok(rate)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_terminal_is_measured_and_a_busy_machine_is_not() {
        let start = Instant::now();
        let at = |milliseconds: u64| start + Duration::from_millis(milliseconds);
        let ms = Duration::from_millis;
        let mut drain = Drain::default();
        assert_eq!(drain.wrote(4_096, ms(1), at(1)), None, "it fits");
        assert_eq!(drain.wrote(4_096, ms(200), at(201)), None, "full for the first time");
        assert_eq!(drain.wrote(1_000, ms(120), at(326)), Some(8_000.0));
        assert_eq!(drain.wrote(500, ms(1), at(400)), None);
        assert_eq!(drain.wrote(500, ms(20), at(451)), None, "mostly it did not wait");
        assert_eq!(drain.wrote(500, ms(20), at(9_451)), None, "so long ago says nothing");
    }
}
