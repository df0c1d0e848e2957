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

/// A process that has not looked for so long was asleep with its machine, or stopped: what it was connected to has given it up.
const AWAY: Duration = Duration::from_secs(10);

/// Compares the system's clock with one that nobody sets. A machine that slept has had its time, and no step is seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockWatch {
    last: Option<(Timestamp, Duration)>,
}

/// What two looks at the clocks tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockSeen {
    /// How far the system's clock was set forward; `None` where it was not, by a second or less, or back, which the core sees.
    pub set_forward: Option<SignedDuration>,
    /// How long nothing ran; `None` where that was ten seconds or less.
    pub away: Option<Duration>,
}

impl ClockWatch {
    /// What has happened since the last look. The first tells nothing.
    pub fn look(&mut self, now: Timestamp, since_boot: Duration) -> ClockSeen {
        let Some((last, boot)) = self.last.replace((now, since_boot)) else { return ClockSeen::default() };
        let passed = since_boot.saturating_sub(boot);
        let step =
            now.duration_since(last).saturating_sub(SignedDuration::try_from(passed).unwrap_or_default());
        ClockSeen {
            set_forward: (step > SignedDuration::from_secs(1)).then_some(step),
            away: (passed > AWAY).then_some(passed),
        }
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

/// An engine's clock: the system's, a replay's own, or that of a profile which lives by its own time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Now.
    System,
    /// Where the replay stands, in microseconds since 1970.
    Replay(Arc<AtomicI64>),
    /// So many microseconds ahead of the system's, negative behind it: it goes on by itself, and may be moved.
    Own(Arc<AtomicI64>),
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
            Self::Own(ahead) => {
                let ahead = SignedDuration::from_micros(ahead.load(Ordering::Acquire));
                // Out of the calendar's reach is nowhere to go.
                system_now().checked_add(ahead).unwrap_or_else(|_| system_now())
            }
            Self::Replay(micros) => {
                Timestamp::from_microsecond(micros.load(Ordering::Acquire)).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }

    /// Moves a replay's clock. No other can be set.
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

    /// Does it go on by itself, at the pace of life. A replay's stands where its data is.
    #[must_use]
    pub const fn goes_on(&self) -> bool {
        !matches!(self, Self::Replay(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of the system's clock and of the one since boot, and what is seen in them: a step, an absence.
    #[test]
    fn h6_n11_a_clock_set_forward_is_told_from_time_that_passed_and_from_sleep() {
        for (wall_ms, boot_ms, step_ms, away_ms) in [
            (1_000, 1_000, None, None),
            (2_000, 1_000, None, None),
            (2_001, 1_000, Some(1_001), None),
            (3_600_000, 1_000, Some(3_599_000), None),
            // The machine slept for an hour.
            (3_600_000, 3_600_000, None, Some(3_600_000)),
            (10_000, 10_000, None, None),
            (10_001, 10_001, None, Some(10_001)),
            // It slept, and its clock was mended when it woke.
            (3_600_000, 60_000, Some(3_540_000), Some(60_000)),
            (-5_000, 1_000, None, None),
        ] {
            let start: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
            let mut watch = ClockWatch::default();
            assert_eq!(watch.look(start, Duration::from_secs(7)), ClockSeen::default());
            let now = start + SignedDuration::from_millis(wall_ms);
            let seen = watch.look(now, Duration::from_secs(7) + Duration::from_millis(boot_ms));
            let wanted = ClockSeen {
                set_forward: step_ms.map(SignedDuration::from_millis),
                away: away_ms.map(Duration::from_millis),
            };
            assert_eq!(seen, wanted, "{wall_ms} {boot_ms}");
        }
        assert!(since_boot() > Duration::ZERO);
    }
}
