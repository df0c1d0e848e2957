//! What a bot writes, held to a budget: lines of a length, bytes of a minute, lines of a second for its log.

use tokio::time::{Duration, Instant};

/// Bytes that a bot may write in a minute, answers and log together. A bar of text for a person is a fraction of it.
pub(super) const BYTES_PER_MINUTE_MAX: usize = 16 * 1024 * 1024;
/// Lines that are no message in a minute, before it is killed.
pub(super) const ERRORS_MAX: usize = 10;
/// Characters of a line of its log.
pub(super) const LOG_CHARS_MAX: usize = 400;
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// Counts what happens within a window that starts anew when it is over.
#[derive(Debug)]
pub(super) struct Window {
    most: usize,
    lasts: Duration,
    since: Instant,
    count: usize,
}

impl Window {
    pub(super) fn new(most: usize, lasts: Duration) -> Self {
        Self { most, lasts, since: Instant::now(), count: 0 }
    }

    /// Adds so many. False where that is more than may be.
    pub(super) fn add(&mut self, count: usize) -> bool {
        let now = Instant::now();
        if now.duration_since(self.since) >= self.lasts {
            (self.since, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(count);
        self.count <= self.most
    }

    /// Until it starts anew.
    pub(super) fn left(&self) -> Duration {
        self.lasts.saturating_sub(self.since.elapsed())
    }
}

/// The budgets of one process.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) bytes: Window,
    pub(super) errors: Window,
    pub(super) log: Window,
    pub(super) orders: Window,
    /// Lines of log that were dropped since one was kept.
    pub(super) dropped: usize,
}

impl Budget {
    pub(super) fn new(log_lines_per_second: u32, orders_per_minute: u32) -> Self {
        let whole = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            bytes: Window::new(BYTES_PER_MINUTE_MAX, MINUTE),
            errors: Window::new(ERRORS_MAX - 1, MINUTE),
            log: Window::new(whole(log_lines_per_second), SECOND),
            orders: Window::new(whole(orders_per_minute), MINUTE),
            dropped: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_window_counts_and_starts_anew() {
        let mut window = Window::new(2, SECOND);
        assert!(window.add(1) && window.add(1) && !window.add(1));
        assert!(window.left() <= SECOND);
        tokio::time::advance(SECOND).await;
        assert!(window.add(2) && !window.add(1));
    }
}
