//! How often a bot ended badly: how long it is waited for until it is started again, and when that was too often.

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};

/// Bad ends within [`WITHIN`] after which a bot waits for a person.
pub(super) const CRASHES_MAX: usize = 5;
/// See [`CRASHES_MAX`].
const WITHIN: Duration = Duration::from_secs(600);
/// The longest wait until the next start.
const DELAY_MAX: u64 = 60;
/// A bot that has run so long is trusted again.
const TRUSTED_AFTER: Duration = Duration::from_secs(600);

/// The bad ends of one bot.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    ends: VecDeque<Instant>,
    in_a_row: u32,
    /// How often since a person started it.
    pub(super) all: u32,
}

impl Crashes {
    /// It ended badly, after it had run so long. How long to wait; `None` where a person must look.
    pub(super) fn add(&mut self, ran: Duration, chance: u64) -> Option<Duration> {
        let now = Instant::now();
        self.all = self.all.saturating_add(1);
        if ran >= TRUSTED_AFTER {
            self.in_a_row = 0;
        }
        while self.ends.front().is_some_and(|at| now.duration_since(*at) >= WITHIN) {
            self.ends.pop_front();
        }
        self.ends.push_back(now);
        if self.ends.len() >= CRASHES_MAX {
            return None;
        }
        let seconds = 1_u64.checked_shl(self.in_a_row.min(6)).unwrap_or(DELAY_MAX).min(DELAY_MAX);
        self.in_a_row += 1;
        // Twenty per cent to either side, so that several do not start together for ever.
        Some(Duration::from_millis(seconds * (800 + chance % 401)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn delays_double_and_five_crashes_are_the_end() {
        let mut crashes = Crashes::default();
        let mut delays = Vec::new();
        for _ in 0..4 {
            delays.push(crashes.add(Duration::ZERO, 200).unwrap().as_millis());
        }
        assert_eq!(delays, [1_000, 2_000, 4_000, 8_000]);
        assert_eq!(crashes.add(Duration::ZERO, 200), None);
        tokio::time::advance(WITHIN).await;
        assert_eq!(crashes.add(TRUSTED_AFTER, 0).unwrap(), Duration::from_millis(800));
        assert_eq!(crashes.add(Duration::ZERO, 400).unwrap(), Duration::from_millis(2_400));
        assert_eq!(crashes.all, 7);
    }
}
