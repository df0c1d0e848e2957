//! Does the engine's thread live: it says what it is about to do, and a watchdog on a thread of its own looks whether it goes on. A thread
//! that stands still is logged, and in the end the process ends itself, so that its supervisor starts it anew (reliability L7).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// How often the watchdog looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A stall that is logged.
const STALL_LOGGED: Duration = Duration::from_secs(2);
/// A stall that ends the process.
const STALL_MAX: Duration = Duration::from_secs(30);

/// What the engine's thread is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Doing {
    /// It waits; whatever else runs on its thread does not come to an end.
    Waiting,
    /// Taking in what the journal has written.
    Journaled,
    /// Taking in what a broker reports.
    Reported,
    /// Looking at the kill switch and the lock.
    Halt,
    /// Answering a request.
    Request,
    /// Publishing a picture.
    Publish,
    /// What comes each second.
    Tick,
    /// Taking in prices.
    Prices,
}

impl Doing {
    const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Journaled,
        Self::Reported,
        Self::Halt,
        Self::Request,
        Self::Publish,
        Self::Tick,
        Self::Prices,
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Waiting => "a task beside the engine",
            Self::Journaled => "what the journal has written",
            Self::Reported => "a broker's report",
            Self::Halt => "the kill switch or the lock",
            Self::Request => "a request",
            Self::Publish => "a picture",
            Self::Tick => "what comes each second",
            Self::Prices => "prices",
        }
    }
}

/// The beat of the engine's thread.
#[derive(Debug, Default)]
pub struct Heart {
    beats: AtomicU64,
    doing: AtomicU8,
}

impl Heart {
    /// It lives, and is about to do this.
    pub fn beat(&self, doing: Doing) {
        self.doing.store(doing as u8, Ordering::Relaxed);
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Rises as long as it lives.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    fn doing(&self) -> Doing {
        let at = usize::from(self.doing.load(Ordering::Relaxed));
        Doing::ALL.get(at).copied().unwrap_or(Doing::Waiting)
    }
}

/// What a look at a heart comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Lives,
    Stalls,
    Dead,
}

/// Looks at a heart again and again. It counts its own looks, not the clock: a process that was stopped, or a machine that slept, stood
/// still as a whole, which is no stall.
struct Look {
    last: Option<u64>,
    stalled: Duration,
    told: bool,
}

impl Look {
    const fn new() -> Self {
        Self { last: None, stalled: Duration::ZERO, told: false }
    }

    fn look(&mut self, beats: u64) -> Verdict {
        if self.last != Some(beats) {
            *self = Self { last: Some(beats), ..Self::new() };
            return Verdict::Lives;
        }
        self.stalled += LOOK_EVERY;
        if self.stalled > STALL_MAX {
            return Verdict::Dead;
        }
        if self.stalled >= STALL_LOGGED && !self.told {
            self.told = true;
            return Verdict::Stalls;
        }
        Verdict::Lives
    }
}

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watchdog {
    _end: SyncSender<()>,
}

impl Watchdog {
    /// Watches a heart, and calls `dead` once when it has stood still for too long.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(heart: Arc<Heart>, dead: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (end, ended) = sync_channel::<()>(0);
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            let mut look = Look::new();
            while matches!(ended.recv_timeout(LOOK_EVERY), Err(RecvTimeoutError::Timeout)) {
                let doing = heart.doing().words();
                match look.look(heart.beats()) {
                    Verdict::Lives => {}
                    Verdict::Stalls => tracing::warn!(doing, "the engine has stood still for two seconds"),
                    Verdict::Dead => {
                        tracing::error!(doing, "the engine has stood still for thirty seconds; it ends");
                        return dead();
                    }
                }
            }
        })?;
        Ok(Self { _end: end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l7_a_stall_is_told_once_and_ends_it_in_the_end() {
        let mut look = Look::new();
        let verdicts: Vec<Verdict> = (0..63).map(|_| look.look(7)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Stalls).count(), 1);
        assert_eq!(verdicts[4], Verdict::Stalls, "two seconds after the first look");
        assert_eq!(verdicts.iter().position(|verdict| *verdict == Verdict::Dead), Some(61));
        assert_eq!(look.look(8), Verdict::Lives, "it goes on");
        let again: Vec<Verdict> = (0..4).map(|_| look.look(8)).collect();
        assert_eq!(again[3], Verdict::Stalls, "and may stall again");
    }

    #[test]
    fn what_it_does_is_said_in_words() {
        let heart = Heart::default();
        for doing in Doing::ALL {
            heart.beat(doing);
            assert_eq!(heart.doing(), doing);
        }
        assert_eq!(heart.beats(), 8);
    }
}
