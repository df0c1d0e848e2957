//! Where time comes from: the one place that reads the system's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// The system's clock.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the one place that may")]
pub fn system_now() -> Timestamp {
    Timestamp::now()
}

/// A mark to measure elapsed time from, which no change of the system's clock moves.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the one place that may")]
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

/// A seed from the system's entropy, for ids.
#[must_use]
pub fn entropy() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds its hasher from the system.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// An engine's clock: the system's, or a replay's own.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Now.
    System,
    /// Where the replay stands, in microseconds since 1970.
    Replay(Arc<AtomicI64>),
}

impl Clock {
    /// A replay's clock, standing at `at`.
    #[must_use]
    pub fn replay(at: Timestamp) -> Self {
        Self::Replay(Arc::new(AtomicI64::new(at.as_microsecond())))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system_now(),
            Self::Replay(micros) => {
                Timestamp::from_microsecond(micros.load(Ordering::Acquire)).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }

    /// Moves a replay's clock. The system's cannot be moved.
    pub fn set(&self, at: Timestamp) {
        if let Self::Replay(micros) = self {
            micros.store(at.as_microsecond(), Ordering::Release);
        }
    }

    /// Is it the system's.
    #[must_use]
    pub const fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }
}
