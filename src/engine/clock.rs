//! Where time comes from: the one place that reads the system's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

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

/// Time since the machine started, asleep or awake, which nobody sets.
#[must_use]
pub fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    // Elsewhere the monotonic clock is the one that counts sleep.
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let at = rustix::time::clock_gettime(clock);
    Duration::new(at.tv_sec.try_into().unwrap_or_default(), at.tv_nsec.try_into().unwrap_or_default())
}

/// Compares the system's clock with one that nobody sets. A machine that slept has had its time, and no step is seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockWatch {
    last: Option<(Timestamp, Duration)>,
}

impl ClockWatch {
    /// How far the clock was set forward since the last look; `None` where it was not, by a second or less, or back, which the core sees.
    pub fn look(&mut self, now: Timestamp, since_boot: Duration) -> Option<SignedDuration> {
        let (last, boot) = self.last.replace((now, since_boot))?;
        let passed = SignedDuration::try_from(since_boot.saturating_sub(boot)).unwrap_or_default();
        let step = now.duration_since(last).saturating_sub(passed);
        (step > SignedDuration::from_secs(1)).then_some(step)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of the system's clock and of the one since boot, and the step that is seen in them.
    #[test]
    fn h6_a_clock_set_forward_is_told_from_time_that_passed() {
        for (wall_ms, boot_ms, step_ms) in [
            (1_000, 1_000, None),
            (2_000, 1_000, None),
            (2_001, 1_000, Some(1_001)),
            (3_600_000, 1_000, Some(3_599_000)),
            // The machine slept for an hour.
            (3_600_000, 3_600_000, None),
            (-5_000, 1_000, None),
        ] {
            let start: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
            let mut watch = ClockWatch::default();
            assert_eq!(watch.look(start, Duration::from_secs(7)), None);
            let now = start + SignedDuration::from_millis(wall_ms);
            let seen = watch.look(now, Duration::from_secs(7) + Duration::from_millis(boot_ms));
            assert_eq!(seen, step_ms.map(SignedDuration::from_millis), "{wall_ms} {boot_ms}");
        }
        assert!(since_boot() > Duration::ZERO);
    }
}
